(* SPDX-License-Identifier: Apache-2.0 *)
(** This file is about certificates on a domain: N is bounded on each box, and functions that do nothing there, or are 0 there, are
   taken out of it; what is left is compared with N' by Checker.v.  DomainProof.v proves that [check_on_domain] may be believed.

   Values lie between integers over p; slopes are integers over q.  Nothing else is rounded, so that p and q may be anything.

   mode         what is claimed of a node of N on the whole domain
   box          for each input its ends, or none
   slanted      a line in what a node's function is applied to: divisor * y against factor * (weighted sum) + offset
   entry        a register that lies between two lines in earlier ones
   scan         what is known of the registers so far on a box: their ends, and the entries, the last one first
   functional   a lower bound of whole * y: a sum of registers, and a constant                                          *)
From Coq Require Import List Bool ZArith.
From Exactlump Require Import Network Functions Forms Checker Refuter.
Import ListNotations.
Local Open Scope Z_scope.

Inductive mode :=
| Kept        (* nothing *)
| Straight    (* its function does nothing, as what it is applied to is not negative *)
| Silent.     (* its function is 0, as what it is applied to is not positive *)

Definition box := list (option (fraction * fraction)).

Record slanted := Slanted { divisor : Z; factor : Z; offset : Z }.

Record entry := Entry { entry_key : positive; entry_start : N; entry_sum : list (N * Z); below : slanted; above : slanted }.

Record scan := Scan { ranges : tree (Z * Z); entries : list entry; following : positive }.

Record functional := Functional { whole : Z; parts : form; rest : Z }.

Definition ceiling (a b : Z) : Z := - (- a / b).

(** --- What a node's function is applied to --- *)

(** The ends of a weighted sum, added to others. *)
Fixpoint sum_range (ranges : tree (Z * Z)) (start : N) (es : list (N * Z)) (low high : Z) : option (Z * Z) :=
  match es with
  | [] => Some (low, high)
  | (u, w) :: rest =>
      match find (key start u) ranges with
      | Some (a, b) =>
          if Z.zero <=? w then sum_range ranges start rest (low + w * a) (high + w * b)
          else sum_range ranges start rest (low + w * b) (high + w * a)
      | None => None
      end
  end.

Definition plain_range (p : Z) (s : scan) (start : N) (n : neuron) : option (Z * Z) :=
  match sum_range (ranges s) start (edges n) Z.zero Z.zero with
  | Some (low, high) => Some ((low + p * bias n) / denominator n, ceiling (high + p * bias n) (denominator n))
  | None => None
  end.

Definition add_sum (a : Z) (start : N) (es : list (N * Z)) (f : form) : form :=
  fold_left (fun g e => add_term (key start (fst e)) (a * snd e) g) es f.

(** The register of an entry is replaced by the line that makes the functional less. *)
Definition carried (f : functional) (e : entry) : functional :=
  let c := coefficient (find (entry_key e) (parts f)) in
  if c =? Z.zero then f
  else
    let l := if Z.zero <=? c then below e else above e in
    let g := Z.gcd c (divisor l) in
    let t := divisor l / g in
    let a := c / g in
    let scaled_parts := if t =? Z.one then parts f else scaled t (parts f) in
    Functional (t * whole f) (add_sum (a * factor l) (entry_start e) (entry_sum e) (add_term (entry_key e) (- (t * c)) scaled_parts))
      (t * rest f + a * offset l).

(** Every register takes the end that makes it least. *)
Fixpoint grounded (ranges : tree (Z * Z)) (ts : terms) (total : Z) : option Z :=
  match ts with
  | [] => Some total
  | (k, c) :: ts' =>
      match find k ranges with
      | Some (a, b) => grounded ranges ts' (total + c * (if Z.zero <=? c then a else b))
      | None => None
      end
  end.

Definition lower_end (p : Z) (s : scan) (f : functional) : option Z :=
  let g := fold_left carried (entries s) f in
  match grounded (ranges s) (listed (fun k => k) (parts g) []) (p * rest g) with
  | Some total => Some (total / whole g)
  | None => None
  end.

(** What a neuron's function is applied to, times a sign. *)
Definition functional_of (sign : Z) (start : N) (n : neuron) : functional :=
  Functional (denominator n) (add_sum sign start (edges n) Empty) (sign * bias n).

(** Better ends, where these leave open what the function does and the neuron reads more than inputs, which come before a key. *)
Definition unit_range (p : Z) (first : positive) (s : scan) (start : N) (n : neuron) : option (Z * Z) :=
  match plain_range p s start n with
  | Some (low, high) =>
      if is_identity (activation n) || (Z.zero <=? low) || (high <=? Z.zero) ||
         forallb (fun e => Pos.ltb (key start (fst e)) first) (edges n)
      then Some (low, high)
      else
        Some (match lower_end p s (functional_of Z.one start n) with Some r => Z.max low r | None => low end,
              match lower_end p s (functional_of (- Z.one) start n) with Some r => Z.min high (- r) | None => high end)
  | None => None
  end.

(** --- What the function makes of it --- *)

(** The slope a/b of a function that is y from 0 on, and a/b y below. *)
Definition bend (f : function) : option fraction :=
  match f with
  | Leaky s => Some s
  | Named _ _ => if linear_above f && zero_below f then Some zero_fraction else None
  end.

(** The least and the greatest of such a function minus k/q y between low and high, over p. *)
Definition least_over (q a b k low high : Z) : Z :=
  Z.min Z.zero (Z.min ((q - k) * high / q) ((a * q - k * b) * low / (b * q))).
Definition greatest_over (q a b k low high : Z) : Z :=
  Z.max Z.zero (Z.max (ceiling ((q - k) * high) q) (ceiling ((a * q - k * b) * low) (b * q))).

Definition in_lowest_terms (l : slanted) : slanted :=
  let g := Z.gcd (divisor l) (Z.gcd (factor l) (offset l)) in
  Slanted (divisor l / g) (factor l / g) (offset l / g).

(** a/b times what the neuron's function is applied to. *)
Definition proportion (n : neuron) (a b : Z) : slanted := Slanted (b * denominator n) a (a * bias n).

(** k/q times what it is applied to, plus t/p. *)
Definition shifted (p q k t : Z) (n : neuron) : slanted :=
  in_lowest_terms (Slanted (p * q * denominator n) (p * k) (p * k * bias n + q * t * denominator n)).

(** The ends of the value, and the lines below and above it. *)
Definition after (p q : Z) (n : neuron) (low high : Z) : option ((Z * Z) * (slanted * slanted)) :=
  let fn := activation n in
  if (Z.zero <=? low) && linear_above fn then Some ((low, high), (proportion n Z.one Z.one, proportion n Z.one Z.one))
  else if (high <=? Z.zero) && zero_below fn then
    Some ((Z.zero, Z.zero), (Slanted Z.one Z.zero Z.zero, Slanted Z.one Z.zero Z.zero))
  else
    match bend fn with
    | Some (a, b) =>
        if high <=? Z.zero then
          Some ((Z.min (a * low / b) (a * high / b), Z.max (ceiling (a * low) b) (ceiling (a * high) b)),
                (proportion n a b, proportion n a b))
        else
          let chord := q * (high * b - a * low) / Z.max Z.one (b * (high - low)) in
          let near := if low + high <=? Z.zero then q * a / b else q in
          let k := if a <=? b then near else chord in
          let k' := if a <=? b then chord else near in
          Some ((least_over q a b Z.zero low high, greatest_over q a b Z.zero low high),
                (shifted p q k (least_over q a b k low high) n, shifted p q k' (greatest_over q a b k' low high) n))
    | None => None
    end.

(** --- Nodes --- *)

Definition learned (s : scan) (r : Z * Z) (e : entry) : scan :=
  Scan (set (following s) r (ranges s)) (e :: entries s) (Pos.succ (following s)).

Fixpoint skipped (n : nat) (s : scan) : scan :=
  match n with
  | O => s
  | S n' => skipped n' (Scan (ranges s) (entries s) (Pos.succ (following s)))
  end.

Definition fits (m : mode) (f : function) (found : option (Z * Z)) : bool :=
  match m, found with
  | Kept, _ => true
  | Straight, Some (low, _) => (Z.zero <=? low) && linear_above f
  | Silent, Some (_, high) => (high <=? Z.zero) && zero_below f
  | _, None => false
  end.

(** Of several registers: the one with the greatest lower end, that end, and the greatest upper one; with those of u to begin. *)
Fixpoint greatest_range (ranges : tree (Z * Z)) (start : N) (us : list N) (u : N) (low high : Z) : option (N * (Z * Z)) :=
  match us with
  | [] => Some (u, (low, high))
  | u' :: us' =>
      match find (key start u') ranges with
      | Some (a, b) =>
          if low <? a then greatest_range ranges start us' u' a (Z.max high b)
          else greatest_range ranges start us' u low (Z.max high b)
      | None => None
      end
  end.

(** Whether no other one exceeds the lower end of u. *)
Definition alone (ranges : tree (Z * Z)) (start : N) (us : list N) (u : N) (low : Z) : bool :=
  forallb (fun v => N.eqb v u || match find (key start v) ranges with Some (_, b) => b <=? low | None => false end) us.

Definition look_at_greatest (p : Z) (start : N) (us : list N) (s : scan) : scan :=
  match us with
  | [] => skipped 1 s
  | u :: us' =>
      match find (key start u) (ranges s) with
      | Some (low, high) =>
          match greatest_range (ranges s) start us' u low high with
          | Some (u', r) =>
              let it := Slanted Z.one Z.one Z.zero in
              let above := if alone (ranges s) start us u' (fst r) then it else Slanted p Z.zero (snd r) in
              learned s r (Entry (following s) start [(u', Z.one)] it above)
          | None => skipped 1 s
          end
      | None => skipped 1 s
      end
  end.

Definition look_at_unit (p q : Z) (start : N) (n : neuron) (found : option (Z * Z)) (s : scan) : scan :=
  match found with
  | Some (low, high) =>
      match after p q n low high with
      | Some (r, (l, l')) => learned s r (Entry (following s) start (edges n) l l')
      | None => skipped 1 s
      end
  | None => skipped 1 s
  end.

Definition look (p q : Z) (first : positive) (m : mode) (v : node) (s : scan) : option scan :=
  if proper_node v then
    match v with
    | Unit start n =>
        let found := unit_range p first s start n in
        if fits m (activation n) found then Some (look_at_unit p q start n found s) else None
    | Greatest start us => match m with Kept => Some (look_at_greatest p start us s) | _ => None end
    | Apply _ r _ => match m with Kept => Some (skipped r s) | _ => None end
    end
  else None.

Fixpoint look_at_all (p q : Z) (first : positive) (ms : list mode) (vs : list node) (s : scan) : bool :=
  match ms, vs with
  | [], [] => true
  | m :: ms', v :: vs' =>
      match look p q first m v s with
      | Some s' => look_at_all p q first ms' vs' s'
      | None => false
      end
  | _, _ => false
  end.

(** --- A box, and all of them --- *)

Fixpoint input_scan (p : Z) (b : box) (s : scan) : scan :=
  match b with
  | [] => s
  | Some ((a, c), (a', c')) :: b' =>
      if is_positive c && is_positive c' then
        input_scan p b' (Scan (set (following s) (p * a / c, ceiling (p * a') c') (ranges s)) (entries s) (Pos.succ (following s)))
      else input_scan p b' (skipped 1 s)
  | None :: b' => input_scan p b' (skipped 1 s)
  end.

Definition shown_on (p q : Z) (ms : list mode) (N : network) (b : box) : bool :=
  has_length (inputs N) b && is_positive p && is_positive q &&
  (let s := input_scan p b (Scan Empty [] xH) in look_at_all p q (following s) ms (nodes N) s).

(** What is left of a node where its mode holds. *)
Definition settled (m : mode) (v : node) : node :=
  match m, v with
  | Straight, Unit start n => Unit start (Neuron (edges n) (bias n) (denominator n) (Leaky one_fraction))
  | Silent, Unit start n => Unit start (Neuron [] Z.zero Z.one (Leaky one_fraction))
  | _, _ => v
  end.

Fixpoint all_settled (ms : list mode) (vs : list node) : list node :=
  match ms, vs with
  | m :: ms', v :: vs' => settled m v :: all_settled ms' vs'
  | _, _ => vs
  end.

Definition check_on_domain (p q : Z) (boxes : list box) (ms : list mode) (N N' : network) (c : certificate) : bool :=
  forallb (shown_on p q ms N) boxes && check (Network (inputs N) (all_settled ms (nodes N)) (outputs N)) N' c.
