(* SPDX-License-Identifier: Apache-2.0 *)
(** This file is about checking a bound of the difference of two ReLU networks on a box: integers only.

   A and B are networks of dense layers of equal sizes, with ReLU between them.  A tree says how the box is halved; each node
   gets bounds of all units, which its halves inherit, and each leaf must show the claim.  BoundMain.v proves that it may be
   believed.  exactlump/check.py rounds in the same way, so that both give the same verdict.

   hA, hB, yA, yB   values of units of A and of B, after and before the ReLU; D is yA - yB; integers over [2^Q]
   bnd              bounds of the three, la <= yA <= ua, lb <= yB <= ub, ld <= D <= ud (or of hA, hB and hA - hB)
   couple           a unit of A and the same one of B
   stage            a layer of both
   form             a lower bound of one target T:   2^R T >= ca.hA + cb.hB + cd.(hA - hB) + cc
   lines            lines above and below hA, hB and hA - hB, with slopes over [2^P]
   packed row       integers as the digits of one, so that a row times a matrix is a few products of long integers     *)
From Coq Require Import List Bool ZArith.
Import ListNotations.
Local Open Scope Z_scope.

(** P and R, and the bits of a digit of packed rows. *)
Record precision := Precision { slope_bits : Z; coefficient_bits : Z; digit_bits : Z }.

(** Rows of A, of B, and their difference; the same for the biases (over 2^(d+Q)); the rows packed. *)
Record couple := Couple { wa : list Z; wb : list Z; wd : list Z; ba : Z; bb : Z; bd : Z; pa : Z; pb : Z; pd : Z }.
(** Denominators are 2^den; no weight exceeds top; offset: half a digit for each value that is read. *)
Record stage := Stage { den : Z; top : Z; couples : list couple; offset : Z }.

Record bnd := Bnd { la : Z; ua : Z; lb : Z; ub : Z; ld : Z; ud : Z }.

(** Lines, over 2^P: sl y <= h <= su y + cu for A and for B; Ls D + Lt yB + Lc <= hA - hB <= Us D + Ut yB + Uc. *)
Record lines := Lines { Asu : Z; Acu : Z; Asl : Z; Bsu : Z; Bcu : Z; Bsl : Z;
                        Us : Z; Ut : Z; Uc : Z; Ls : Z; Lt : Z; Lc : Z }.

Record form := Form { ca : list Z; cb : list Z; cd : list Z; cc : Z }.

(** What is known of a stage: its couples, the lines of its ReLUs, and bounds of the values that it reads. *)
Record info := Info { of_layer : stage; lns : list lines; below : list bnd }.

Definition zero := Z.zero.

Fixpoint padd (x y : list Z) : list Z :=
  match x, y with
  | [], _ => y
  | _, [] => x
  | a :: x', b :: y' => (a + b) :: padd x' y'
  end.

Fixpoint axpy (k : Z) (x acc : list Z) : list Z :=
  match x, acc with
  | [], _ => acc
  | a :: x', [] => k * a :: axpy k x' []
  | a :: x', b :: acc' => (k * a + b) :: axpy k x' acc'
  end.

Fixpoint comb (sel : couple -> list Z) (v : list Z) (us : list couple) (acc : list Z) : list Z :=
  match v, us with
  | a :: v', u :: us' => comb sel v' us' (if a =? zero then acc else axpy a (sel u) acc)
  | _, _ => acc
  end.

Fixpoint combb (sel : couple -> Z) (v : list Z) (us : list couple) (acc : Z) : Z :=
  match v, us with
  | a :: v', u :: us' => combb sel v' us' (acc + a * sel u)
  | _, _ => acc
  end.

(** Packed rows: digits of S bits, the first digit lowest. *)
Fixpoint pack (S : Z) (o : list Z) : Z :=
  match o with
  | [] => zero
  | a :: o' => a + Z.shiftl (pack S o') S
  end.

Fixpoint offsets (S half : Z) (bs : list bnd) : Z :=
  match bs with
  | [] => zero
  | _ :: bs' => half + Z.shiftl (offsets S half bs') S
  end.

(** The n bits of t from bit i on. *)
Definition field (t i n : Z) : Z := Z.modulo (Z.shiftr t i) (Z.shiftl Z.one n).

Fixpoint combp (sel : couple -> Z) (v : list Z) (us : list couple) (acc : Z) : Z :=
  match v, us with
  | a :: v', u :: us' => combp sel v' us' (if a =? zero then acc else acc + a * sel u)
  | _, _ => acc
  end.

Fixpoint norm (v : list Z) (acc : Z) : Z :=
  match v with
  | [] => acc
  | a :: v' => norm v' (if zero <=? a then acc + a else acc - a)
  end.

Definition fits (half : Z) (top : Z) (va vb vd : list Z) : bool :=
  norm va (norm vb (norm vd zero)) * top <? half.

Definition floor_shift (n a : Z) := Z.shiftr a n.
Definition ceil_shift (n a : Z) := - Z.shiftr (- a) n.

(** Coefficients over 2^n rounded down; the remainders r >= 0 are charged to the constant: r h >= r (lower bound of h). *)
Fixpoint quant (n : Z) (low : bnd -> Z) (o : list Z) (bs : list bnd) : list Z * Z :=
  match o, bs with
  | x :: o', b :: bs' =>
      let '(q, e) := quant n low o' bs' in
      let y := Z.shiftr x n in (y :: q, e + (x - Z.shiftl y n) * low b)
  | _, _ => ([], zero)
  end.

(** One network's lines. *)
Fixpoint sub1 (hi : lines -> Z) (hic : lines -> Z) (lo : lines -> Z) (c : list Z) (ls : list lines) : list Z * Z :=
  match c, ls with
  | x :: c', l :: ls' =>
      let '(v, k) := sub1 hi hic lo c' ls' in
      if zero <=? x then (x * lo l :: v, k) else (x * hi l :: v, k + x * hic l)
  | _, _ => ([], zero)
  end.

(** The lines of hA - hB: coefficients of D, of yB, and a constant. *)
Fixpoint sub2 (c : list Z) (ls : list lines) : list Z * list Z * Z :=
  match c, ls with
  | x :: c', l :: ls' =>
      let '(v, w, k) := sub2 c' ls' in
      if zero <=? x then (x * Ls l :: v, x * Lt l :: w, k + x * Lc l)
      else (x * Us l :: v, x * Ut l :: w, k + x * Uc l)
  | _, _ => ([], [], zero)
  end.

(** The same for a packed row with offsets, from bit i on. *)
Fixpoint quantp (S n hn : Z) (low : bnd -> Z) (t i : Z) (bs : list bnd) : list Z * Z :=
  match bs with
  | [] => ([], zero)
  | b :: bs' =>
      let '(q, e) := quantp S n hn low t (i + S) bs' in
      ((field t (i + n) (S - n) - hn) :: q, if low b =? zero then e else e + field t i n * low b)
  end.

(** Rows of pre-activations, scaled by 2^n, to a form on the values below. *)
Definition through (S n : Z) (l : stage) (bs : list bnd) (va vb vd : list Z) (k : Z) : form :=
  let us := couples l in
  let fast := (n <? S) && fits (Z.shiftl Z.one (S - Z.one)) (top l) va vb vd in
  let hn := Z.shiftl Z.one (S - Z.one - n) in
  let '(qa, ea) :=
    match va with
    | [] => ([], zero)
    | _ => if fast then quantp S n hn la (combp pa va us (offset l)) zero bs else quant n la (comb wa va us []) bs
    end in
  let '(qb, eb) :=
    match vb, vd with
    | [], [] => ([], zero)
    | _, _ => if fast then quantp S n hn lb (combp pd vd us (combp pb vb us (offset l))) zero bs
              else quant n lb (comb wd vd us (comb wb vb us [])) bs
    end in
  let '(qd, ed) :=
    match vd with
    | [] => ([], zero)
    | _ => if fast then quantp S n hn ld (combp pa vd us (offset l)) zero bs else quant n ld (comb wa vd us []) bs
    end in
  Form qa qb qd (Z.shiftr (combb ba va us (combb bb vb us (combb bd vd us (Z.shiftl k (den l)))) + ea + eb + ed) n).

Definition step (p : precision) (s : info) (f : form) : form :=
  let '(va, ka) := sub1 Asu Acu Asl (ca f) (lns s) in
  let '(vb, kb) := sub1 Bsu Bcu Bsl (cb f) (lns s) in
  let '(vd, vt, kd) := sub2 (cd f) (lns s) in
  through (digit_bits p) (slope_bits p + den (of_layer s)) (of_layer s) (below s) va (padd vb vt) vd
    (ka + kb + kd + Z.shiftl (cc f) (slope_bits p)).

Fixpoint dot_low (lo hi : bnd -> Z) (c : list Z) (bs : list bnd) (acc : Z) : Z :=
  match c, bs with
  | x :: c', b :: bs' => dot_low lo hi c' bs' (acc + (if zero <=? x then x * lo b else x * hi b))
  | _, _ => acc
  end.

(** A lower bound of 2^R T.  The box is a list of bounds too: those of the inputs, with difference 0. *)
Fixpoint back (p : precision) (box : list bnd) (st : list info) (f : form) : Z :=
  match st with
  | [] => dot_low la ua (padd (ca f) (cb f)) box (cc f)
  | s :: rest => back p box rest (step p s f)
  end.

(** --- Bounds of one couple --- *)

Definition meet (p q : bnd) :=
  Bnd (Z.max (la p) (la q)) (Z.min (ua p) (ua q)) (Z.max (lb p) (lb q)) (Z.min (ub p) (ub q))
      (Z.max (ld p) (ld q)) (Z.min (ud p) (ud q)).

Definition tight (q : bnd) : bnd :=
  let la' := Z.max (la q) (lb q + ld q) in
  let ua' := Z.min (ua q) (ub q + ud q) in
  let lb' := Z.max (lb q) (la' - ud q) in
  let ub' := Z.min (ub q) (ua' - ld q) in
  Bnd la' ua' lb' ub' (Z.max (ld q) (la' - ub')) (Z.min (ud q) (ua' - lb')).

Definition dead (q : bnd) := (ua q <=? zero) && (ub q <=? zero).
Definition stable (q : bnd) := (zero <=? la q) && (zero <=? lb q) || dead q.

Definition interval (d : Z) (bs : list bnd) (u : couple) : bnd :=
  Bnd (floor_shift d (dot_low la ua (wa u) bs (ba u))) (ceil_shift d (dot_low ua la (wa u) bs (ba u)))
      (floor_shift d (dot_low lb ub (wb u) bs (bb u))) (ceil_shift d (dot_low ub lb (wb u) bs (bb u)))
      (floor_shift d (dot_low ld ud (wa u) bs (dot_low lb ub (wd u) bs (bd u))))
      (ceil_shift d (dot_low ud ld (wa u) bs (dot_low ub lb (wd u) bs (bd u)))).

(** Lower bound of k times a pre-activation (k = +-1 there), by a backward pass. *)
Definition row (p : precision) (box : list bnd) (st : list info) (d t off : Z) (bs : list bnd) (u : couple) (va vb vd : list Z) : Z :=
  floor_shift (coefficient_bits p) (back p box st (through (digit_bits p) d (Stage d t [u] off) bs va vb vd zero)).

Definition row_a p box st d t off bs u k q :=
  let l := row p box st d t off bs u [k] [] [] in let h := - row p box st d t off bs u [- k] [] [] in
  Bnd (Z.max (la q) l) (Z.min (ua q) h) (lb q) (ub q) (ld q) (ud q).
Definition row_b p box st d t off bs u k q :=
  let l := row p box st d t off bs u [] [k] [] in let h := - row p box st d t off bs u [] [- k] [] in
  Bnd (la q) (ua q) (Z.max (lb q) l) (Z.min (ub q) h) (ld q) (ud q).
Definition row_d p box st d t off bs u k q :=
  let l := row p box st d t off bs u [] [] [k] in let h := - row p box st d t off bs u [] [] [- k] in
  Bnd (la q) (ua q) (lb q) (ub q) (Z.max (ld q) l) (Z.min (ud q) h).

Definition unit_bounds (p : precision) (box : list bnd) (st : list info) (d t off : Z) (bs : list bnd)
  (par : option bnd) (u : couple) : bnd :=
  let fresh _ := tight (match par with None => interval d bs u | Some q => meet q (interval d bs u) end) in
  let refined q :=
    if stable q then q else
    match st with
    | [] => q
    | _ =>
        let k := Z.shiftl Z.one (coefficient_bits p) in
        let q1 := tight (row_a p box st d t off bs u k (row_b p box st d t off bs u k q)) in
        if stable q1 then q1 else tight (row_d p box st d t off bs u k q1)
    end in
  match par with
  | Some q => if dead q then q else refined (fresh tt)
  | None => refined (fresh tt)
  end.

(** Only the difference: for outputs. *)
Definition within (eps : Z) (q : bnd) := (- eps <=? ld q) && (ud q <=? eps).

Definition output_bounds p box st d t off bs (eps : Z) (par : option bnd) (u : couple) : bnd :=
  let fresh _ := match par with None => interval d bs u | Some q => q end in
  match par with
  | Some q => if within eps q then q else row_d p box st d t off bs u (Z.shiftl Z.one (coefficient_bits p)) (fresh tt)
  | None => row_d p box st d t off bs u (Z.shiftl Z.one (coefficient_bits p)) (fresh tt)
  end.

(** --- ReLU --- *)

Definition post (q : bnd) : bnd :=
  let la' := Z.max (la q) zero in let ua' := Z.max (ua q) zero in
  let lb' := Z.max (lb q) zero in let ub' := Z.max (ub q) zero in
  if (zero <=? la q) && (zero <=? lb q) then Bnd la' ua' lb' ub' (ld q) (ud q)
  else Bnd la' ua' lb' ub' (Z.max (Z.min (ld q) zero) (la' - ub')) (Z.min (Z.max (ud q) zero) (ua' - lb')).

Definition relu_lines (P : Z) (l u : Z) : Z * Z * Z :=
  let one := Z.shiftl Z.one P in
  if zero <=? l then (one, zero, one)
  else if u <=? zero then (zero, zero, zero)
  else let s := Z.min one (Z.div (Z.shiftl u P) (u - l) + Z.one) in
       (s, Z.max (- s * l) ((one - s) * u), if - l <? u then one else zero).

(** The greatest value of p x + q y for x in [a, b], y in [c, d], x - y in [e, f]: by duality one of three sums of
   intervals, p x + q y = m (x - y) + (p - m) x + (q + m) y with m = 0, p or -q.  None: there is no such point. *)
Definition sup (m lo hi : Z) := if zero <=? m then m * hi else m * lo.

Definition dual (p q a b c d e f m : Z) := sup m e f + sup (p - m) a b + sup (q + m) c d.

Definition cell (p q a b c d e f : Z) : option Z :=
  if (a <=? b) && (c <=? d) && (a - d <=? f) && (e <=? b - c) then
    Some (Z.min (dual p q a b c d e f zero) (Z.min (dual p q a b c d e f p) (dual p q a b c d e f (- q))))
  else None.

Definition omax (x y : option Z) : option Z :=
  match x, y with
  | None, _ => y
  | _, None => x
  | Some a, Some b => Some (Z.max a b)
  end.

(** The greatest value of g (relu x - relu y) one - g s (x - y) - g t y, for g = 1 or -1. *)
Definition gmax (one g s t : Z) (q : bnd) : Z :=
  let pp := g * (one - s) in let pn := g * (- s) in
  let qp := g * (s - t - one) in let qn := g * (s - t) in
  let ap := Z.max (la q) zero in let bn := Z.min (ua q) zero in
  let cp := Z.max (lb q) zero in let dn := Z.min (ub q) zero in
  match omax (omax (cell pp qp ap (ua q) cp (ub q) (ld q) (ud q)) (cell pp qn ap (ua q) (lb q) dn (ld q) (ud q)))
             (omax (cell pn qp (la q) bn cp (ub q) (ld q) (ud q)) (cell pn qn (la q) bn (lb q) dn (ld q) (ud q)))
  with Some m => m | None => zero end.

(** The better of two lines with given slopes, g = 1: upper, g = -1: lower. *)
Definition best (one g s t s' t' : Z) (q : bnd) : Z * Z * Z :=
  let m := gmax one g s t q in let m' := gmax one g s' t' q in
  let w := m + gmax one (- g) s t q in let w' := m' + gmax one (- g) s' t' q in
  if w <=? w' then (s, t, g * m) else (s', t', g * m').

Definition make_lines (P : Z) (q : bnd) : lines :=
  let one := Z.shiftl Z.one P in
  let '(asu, acu, asl) := relu_lines P (la q) (ua q) in
  let '(bsu, bcu, bsl) := relu_lines P (lb q) (ub q) in
  if (zero <=? la q) && (zero <=? lb q) then Lines asu acu asl bsu bcu bsl one zero zero one zero zero
  else if dead q then Lines asu acu asl bsu bcu bsl zero zero zero zero zero zero
  else
    let a := if zero <=? ld q then one else if ud q <=? zero then zero
             else Z.div (Z.shiftl (ud q) P) (ud q - ld q) in
    let b := if zero <=? ld q then zero else if ud q <=? zero then one else one - a in
    let '(us, ut, uc) := best one Z.one a zero asu (asu - bsl) q in
    let '(ls, lt, lc) := best one (- Z.one) b zero asl (asl - bsu) q in
    Lines asu acu asl bsu bcu bsl us ut uc ls lt lc.

(** --- A node, and the tree --- *)

Fixpoint map_par {B} (f : option bnd -> couple -> B) (us : list couple) (ps : list bnd) : list B :=
  match us, ps with
  | [], _ => []
  | u :: us', [] => f None u :: map_par f us' []
  | u :: us', q :: ps' => f (Some q) u :: map_par f us' ps'
  end.

Fixpoint node (p : precision) (box : list bnd) (eps : Z) (ls : list stage) (st : list info) (bs : list bnd)
  (par : list (list bnd)) : list (list bnd) * bool :=
  match ls with
  | [] => ([], false)
  | Stage d t us _ :: rest =>
      let off := offsets (digit_bits p) (Z.shiftl Z.one (digit_bits p - Z.one)) bs in
      match rest with
      | [] =>
          let qs := map_par (output_bounds p box st d t off bs eps) us (hd [] par) in
          ([qs], forallb (within eps) qs)
      | _ =>
          let qs := map_par (unit_bounds p box st d t off bs) us (hd [] par) in
          let '(r, b) := node p box eps rest (Info (Stage d t us off) (map (make_lines (slope_bits p)) qs) bs :: st) (map post qs) (tl par) in
          (qs :: r, b)
      end
  end.

Inductive tree := Leaf | Split (i : nat) (l r : tree).

Fixpoint halve (i : nat) (left : bool) (box : list bnd) : list bnd :=
  match box, i with
  | [], _ => []
  | b :: box', O =>
      let m := Z.shiftr (la b + ua b) Z.one in
      (if left then Bnd (la b) m (la b) m zero zero else Bnd m (ua b) m (ua b) zero zero) :: box'
  | b :: box', S j => b :: halve j left box'
  end.

Fixpoint walk (p : precision) (eps : Z) (ls : list stage) (box : list bnd) (par : list (list bnd)) (t : tree) : bool :=
  let '(r, b) := node p box eps ls [] box par in
  match t with
  | Leaf => b
  | Split i t1 t2 => walk p eps ls (halve i true box) r t1 && walk p eps ls (halve i false box) r t2
  end.

(** --- Two networks: layers (d, rows, biases); [q] is the number of bits of values --- *)

Definition layer := (Z * list (list Z) * list Z)%type.

Definition sub (x y : list Z) : list Z := padd x (map Z.opp y).

Fixpoint at_most (t : Z) (x : list Z) : bool :=
  match x with
  | [] => true
  | a :: x' => (a <=? t) && (- t <=? a) && at_most t x'
  end.

Fixpoint greatest (t : Z) (x : list Z) : Z :=
  match x with
  | [] => t
  | a :: x' => greatest (Z.max t (Z.max a (- a))) x'
  end.

Definition top_of (us : list couple) : Z :=
  fold_left (fun t u => greatest (greatest (greatest t (wa u)) (wb u)) (wd u)) us zero.

Definition top_ok (t : Z) (us : list couple) : bool :=
  (zero <=? t) && forallb (fun u => at_most t (wa u) && at_most t (wb u) && at_most t (wd u)) us.

Fixpoint pair_units (S q : Z) (ra : list (list Z)) (sa : list Z) (rb : list (list Z)) (sb : list Z) : option (list couple) :=
  match ra, sa, rb, sb with
  | [], [], [], [] => Some []
  | x :: ra', b :: sa', y :: rb', c :: sb' =>
      match pair_units S q ra' sa' rb' sb' with
      | None => None
      | Some us => Some (Couple x y (sub x y) (Z.shiftl b q) (Z.shiftl c q) (Z.shiftl b q - Z.shiftl c q)
                         (pack S x) (pack S y) (pack S (sub x y)) :: us)
      end
  | _, _, _, _ => None
  end.

Fixpoint pair_layers (S q : Z) (A B : list layer) : option (list stage) :=
  match A, B with
  | [], [] => Some []
  | (d, ra, sa) :: A', (d', rb, sb) :: B' =>
      if (zero <=? d) && (d =? d') then
        match pair_units S q ra sa rb sb, pair_layers S q A' B' with
        | Some us, Some ls =>
            let t := top_of us in if top_ok t us then Some (Stage d t us zero :: ls) else None
        | _, _ => None
        end
      else None
  | _, _ => None
  end.

(** The stages of two networks; none where their sizes or denominators are not the same. *)
Definition stages (p : precision) (q : Z) (A B : list layer) : option (list stage) :=
  if (zero <=? q) && (zero <=? slope_bits p) && (zero <=? coefficient_bits p) && (Z.one <=? digit_bits p)
  then pair_layers (digit_bits p) q A B
  else None.

Definition whole (box : list (Z * Z)) : list bnd := map (fun b => Bnd (fst b) (snd b) (fst b) (snd b) zero zero) box.
