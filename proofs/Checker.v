(* SPDX-License-Identifier: Apache-2.0 *)
(** This file is about checking a certificate: that two networks compute the same function, with integer arithmetic only.

   N is the original, N' the reduced network.  A certificate says of every node of both what its value is in terms of the
   values of some nodes of N'; it is the rules of docs/certificate-format.md, element by element, with the names of
   exactlump/check.py where they are the same.  CheckerProof.v proves that [check] may be believed.

   row      what a certificate says of one node
   atom     1 is the number 1; 2k and 2k+1 are registers k - 1 of N' and of N, divided by their scales
   scale    a positive integer, so that rows need no fractions: p times an atom is p/scale times the register
   known    for each register its terms and their denominator: (q, ts) says that q times the register is ts
   claim    an atom, its scale, and the node that defines it (that node's first register only)
   side     what is known of one network

   [find] is keyed by register + 1.                                                                                  *)
From Coq Require Import List Bool ZArith.
From Exactlump Require Import Network Functions Forms.
Import ListNotations.
Local Open Scope Z_scope.

Inductive row :=
| Atom (q : Z)                           (* a new atom with scale q: a leader of a class, or a free unknown *)
| Class (k : N) (p : Z)                  (* p times the atom of register k of N' *)
| Same (u : N) (p : Z)                   (* p times the atom of register u of this network *)
| Constant (p q : Z)                     (* p/q *)
| Derived                                (* an identity: the form that its edges give *)
| Sum (ts : list (N * Z)) (p q : Z)      (* an identity: the sum of c times the atoms of registers k of N', plus p, over q *)
| Twin (k : N) (p : Z)                   (* p times the atom of register k of N', plus what a twin law says *)
| Line (ms : list (N * Z)) (q : Z)       (* the form itself, which is not negative; ms/q are multipliers *)
| Zero (ms : list (N * Z)) (q : Z)       (* 0, as the form is not positive *)
| Mirror (u : N) (p : Z).                (* p times the atom of register u of this network, plus what a twin law says *)

Record certificate := Certificate { original : list row; reduced : list row }.

Record claim := Claim { scale : Z; owner : option node; atom_nonnegative : bool }.

Record side := Side { known : tree (Z * terms); claims : tree claim }.

Definition key (start u : N) : positive := N.succ_pos (start + u).

(** --- The form of a node before its function --- *)

(** f/m plus the weighted sum, over another denominator. *)
Fixpoint affine (known : tree (Z * terms)) (start : N) (es : list (N * Z)) (m : Z) (f : form) : option (Z * form) :=
  match es with
  | [] => Some (m, f)
  | (u, w) :: rest =>
      match find (key start u) known with
      | None => None
      | Some (q, ts) =>
          if q =? m then affine known start rest m (add_terms w ts f)
          else
            let m' := joint m q in
            affine known start rest m' (add_terms (w * (m' / q)) ts (if m' =? m then f else scaled (m' / m) f))
      end
  end.

Definition before (known : tree (Z * terms)) (start : N) (n : neuron) : option (Z * form) :=
  match affine known start (edges n) Z.one Empty with
  | Some (m, f) => Some (m * denominator n, add_term xH (bias n * m) f)
  | None => None
  end.

(** --- Comparing two nodes --- *)

(** Whether f/m = c (g/m') for some c that the function takes to p/q. *)
Definition related (s : symmetry) (p q m : Z) (f : form) (m' : Z) (g : form) : bool :=
  let cs := scalings s p q in
  existsb (fun c => is_multiple (q * m') f (c * m) g) cs ||
  (size_blind s && match cs with [] => false | _ => true end &&
   (let a := weight f in let b := weight g in is_positive a && is_positive b && is_multiple (q * b) f (p * a) g)).

(** Whether the registers us are p/q times the registers us', one by one. *)
Fixpoint proportional (p q : Z) (known : tree (Z * terms)) (start : N) (us : list N) (known' : tree (Z * terms)) (start' : N)
    (us' : list N) : bool :=
  match us, us' with
  | [], [] => true
  | u :: rest, u' :: rest' =>
      match find (key start u) known, find (key start' u') known' with
      | Some (m, ts), Some (m', ts') =>
          is_multiple (q * m') (add_terms Z.one ts Empty) (p * m) (add_terms Z.one ts' Empty)
      | _, _ => false
      end && proportional p q known start rest known' start' rest'
  | _, _ => false
  end.

Definition proper_node (v : node) : bool :=
  match v with
  | Unit _ n => is_positive (denominator n) && is_proper (activation n)
  | _ => true
  end.

(** Whether the node is p times the atom of a claim; [known'] is that of the claim's network. *)
Definition same_up_to (p : Z) (known : tree (Z * terms)) (v : node) (known' : tree (Z * terms)) (c : claim) : bool :=
  match v, owner c with
  | Unit start n, Some (Unit start' n') =>
      same_function (activation n) (activation n') &&
      match before known start n, before known' start' n' with
      | Some (m, f), Some (m', g) => related (symmetry_of (activation n)) p (scale c) m f m' g
      | _, _ => false
      end
  | Greatest start us, Some (Greatest start' us') => is_positive p && proportional p (scale c) known start us known' start' us'
  | Apply o r us, Some (Apply o' r' us') =>
      (p =? scale c) && same_operator o o' && Nat.eqb r r' && proportional Z.one Z.one known 0 us known' 0 us'
  | _, _ => false
  end.

(** --- Facts about signs --- *)

Definition flagged (cs : tree claim) (k : positive) : bool :=
  match find k cs with Some c => atom_nonnegative c | None => false end.

(** Whether all coefficients are not negative, and all atoms known not to be; [cs] has the claims of N', [own] those of N. *)
Definition is_nonnegative (cs own : tree claim) (f : form) : bool :=
  forallb
    (fun t => (Z.zero <=? snd t) &&
       match fst t with
       | xH => true
       | xO k => flagged cs k
       | xI k => flagged own k
       end)
    (listed (fun k => k) f []).

(** f/m, less the sum of c/q times (the atom's register, less its form), over another denominator; only for ReLU. *)
Fixpoint less_multipliers (other : side) (ms : list (N * Z)) (q m : Z) (f : form) : option (Z * form) :=
  match ms with
  | [] => Some (m, f)
  | (k, c) :: rest =>
      match find (N.succ_pos k) (claims other) with
      | Some a =>
          match owner a with
          | Some (Unit start n) =>
              match before (known other) start n with
              | Some (m', g) =>
                  if (Z.zero <=? c) && same_function (activation n) (Leaky zero_fraction) then
                    let whole := joint m (q * m') in
                    let e := c * (whole / (q * m')) in
                    less_multipliers other rest q whole
                      (add_term (xO (N.succ_pos k)) (- (e * m' * scale a)) (combined (whole / m) f e g))
                  else None
              | None => None
              end
          | _ => None
          end
      | None => None
      end
  end.

Definition known_nonnegative (other : side) (own : tree claim) (ms : list (N * Z)) (q m : Z) (f : form) : bool :=
  is_positive q &&
  match less_multipliers other ms q m f with
  | Some (_, g) => is_nonnegative (claims other) own g
  | None => false
  end.

(** Whether all registers us are known not to be negative. *)
Fixpoint all_nonnegative (cs : tree claim) (known : tree (Z * terms)) (start : N) (us : list N) : bool :=
  match us with
  | [] => true
  | u :: rest =>
      match find (key start u) known with
      | Some (_, ts) => is_nonnegative cs Empty (add_terms Z.one ts Empty)
      | None => false
      end && all_nonnegative cs known start rest
  end.

(** Of a node of N: whatever it is applied to. *)
Definition range_nonnegative (v : node) : bool :=
  match v with
  | Unit _ n => never_negative (activation n)
  | Apply Softmax _ _ => true
  | _ => false
  end.

(** Of a node of N'. *)
Definition value_nonnegative (s : side) (v : node) : bool :=
  match v with
  | Unit start n =>
      never_negative (activation n) ||
      (is_identity (activation n) &&
       match before (known s) start n with Some (_, f) => is_nonnegative (claims s) Empty f | None => false end)
  | Greatest start us => all_nonnegative (claims s) (known s) start us
  | Apply Softmax _ _ => true
  | Apply _ _ _ => false
  end.

(** --- Sums of classes --- *)

(** total/m, plus the sum of c times the forms of the atoms, over another denominator; only for identities. *)
Fixpoint sum_of_classes (other : side) (ts : list (N * Z)) (m : Z) (total : form) : option (Z * form) :=
  match ts with
  | [] => Some (m, total)
  | (k, c) :: rest =>
      match find (N.succ_pos k) (claims other) with
      | Some a =>
          match owner a with
          | Some (Unit start n) =>
              match before (known other) start n with
              | Some (m', g) =>
                  if is_identity (activation n) then
                    let part := scale a * m' in
                    let whole := joint m part in
                    sum_of_classes other rest whole (combined (whole / m) total (c * (whole / part)) g)
                  else None
              | None => None
              end
          | _ => None
          end
      | None => None
      end
  end.

(** --- One node --- *)

(** p times the atom of register k, plus what a twin law says of a unit whose form is f/m. *)
Definition check_twin (other : side) (atom : positive -> positive) (k : N) (p : Z) (fn : function) (m : Z) (f : form) :
    option (Z * terms) :=
  match find (N.succ_pos k) (claims other), twin_of fn with
  | Some a, Some l =>
      match owner a with
      | Some (Unit start n) =>
          match before (known other) start n with
          | Some (m', g) =>
              if same_function fn (activation n) && related (symmetry_of fn) p (scale a) m (scaled (- Z.one) f) m' g
              then Some (m * snd l, (atom (N.succ_pos k), p * m * snd l) :: listed (fun j => j) (scaled (fst l) f) [])
              else None
          | None => None
          end
      | _ => None
      end
  | _, _ => None
  end.

(** What a row says of a unit whose form is f/m: its terms, and their denominator. *)
Definition check_unit (other : side) (own : tree claim) (r : row) (fn : function) (m : Z) (f : form) : option (Z * terms) :=
  match r with
  | Constant p q =>
      match value_at fn (constant_of f, m) with
      | Some v => if is_constant f && is_positive q && same_fraction v (p, q) then Some (q, [(xH, p)]) else None
      | None => None
      end
  | Derived => if is_identity fn then Some (m, listed (fun k => k) f []) else None
  | Sum ts p q =>
      match sum_of_classes other ts Z.one (add_term xH p Empty) with
      | Some (m', total) =>
          if is_identity fn && is_positive q && is_multiple (q * m') f m total
          then Some (q, (xH, p) :: map (fun t => (xO (N.succ_pos (fst t)), snd t)) ts)
          else None
      | None => None
      end
  | Twin k p => check_twin other xO k p fn m f
  | Line ms q => if linear_above fn && known_nonnegative other own ms q m f then Some (m, listed (fun k => k) f []) else None
  | Zero ms q => if zero_below fn && known_nonnegative other own ms q m (scaled (- Z.one) f) then Some (Z.one, []) else None
  | _ => None
  end.

Record state := State { here : side; next : positive }.

(** As many registers as a node defines. *)
Definition width (v : node) : nat :=
  match v with
  | Apply _ r _ => r
  | _ => 1%nat
  end.

(** A register with some terms. *)
Definition push (q : Z) (ts : terms) (s : state) : state :=
  State (Side (set (next s) (q, ts) (known (here s))) (claims (here s))) (Pos.succ (next s)).

(** Registers that are p times atoms, from atom k on. *)
Fixpoint push_multiples (atom : positive -> positive) (p : Z) (r : nat) (k : positive) (s : state) : state :=
  match r with
  | O => s
  | S r' => push_multiples atom p r' (Pos.succ k) (push Z.one [(atom k, p)] s)
  end.

(** Registers that are new atoms; the first one has the node. *)
Fixpoint push_atoms (atom : positive -> positive) (q : Z) (flag : bool) (r : nat) (v : option node) (s : state) : state :=
  match r with
  | O => s
  | S r' =>
      let s' := push Z.one [(atom (next s), q)] s in
      push_atoms atom q flag r' None
        (State (Side (known (here s')) (set (next s) (Claim q v flag) (claims (here s')))) (next s'))
  end.

Definition is_known (known : tree (Z * terms)) (start u : N) : bool :=
  match find (key start u) known with Some _ => true | None => false end.

(** Whether the node reads registers that are there. *)
Definition readable (known : tree (Z * terms)) (v : node) : bool :=
  match v with
  | Unit start n => forallb (fun e => is_known known start (fst e)) (edges n)
  | Greatest start us => forallb (is_known known start) us
  | Apply _ _ us => forallb (is_known known 0) us
  end.

Fixpoint all_constant (known : tree (Z * terms)) (start : N) (us : list N) (p q : Z) : bool :=
  match us with
  | [] => true
  | u :: rest =>
      match find (key start u) known with
      | Some (m, ts) => is_multiple q (add_terms Z.one ts Empty) (p * m) (add_term xH Z.one Empty)
      | None => false
      end && all_constant known start rest p q
  end.

(** One node of a network against its row.  [theirs]: of N', when the network is N. *)
Definition check_node (theirs : option side) (r : row) (v : node) (s : state) : option state :=
  let own := match theirs with None => xO | Some _ => xI end in
  let other := match theirs with None => here s | Some t => t end in
  let mine := match theirs with None => Empty | Some _ => claims (here s) end in
  if proper_node v then
    match r with
    | Atom q =>
        if is_positive q && readable (known (here s)) v then
          let flag := match theirs with None => value_nonnegative (here s) v | Some _ => range_nonnegative v end in
          Some (push_atoms own q flag (width v) (Some v) s)
        else None
    | Class k p =>
        match find (N.succ_pos k) (claims other) with
        | Some c =>
            if same_up_to p (known (here s)) v (known other) c
            then Some (push_multiples xO p (width v) (N.succ_pos k) s) else None
        | None => None
        end
    | Same u p =>
        match find (N.succ_pos u) (claims (here s)) with
        | Some c =>
            if same_up_to p (known (here s)) v (known (here s)) c
            then Some (push_multiples own p (width v) (N.succ_pos u) s) else None
        | None => None
        end
    | _ =>
        match v with
        | Unit start n =>
            match before (known (here s)) start n with
            | Some (m, f) =>
                match
                  match r with
                  | Mirror u p => check_twin (here s) own u p (activation n) m f
                  | _ => check_unit other mine r (activation n) m f
                  end
                with
                | Some (q, ts) => Some (push q ts s)
                | None => None
                end
            | None => None
            end
        | Greatest start us =>
            match r, us with
            | Constant p q, _ :: _ =>
                if is_positive q && all_constant (known (here s)) start us p q then Some (push q [(xH, p)] s) else None
            | _, _ => None
            end
        | Apply _ _ _ => None
        end
    end
  else None.

Fixpoint check_nodes (theirs : option side) (rs : list row) (vs : list node) (s : state) : option side :=
  match rs, vs with
  | [], [] => Some (here s)
  | r :: rs', v :: vs' =>
      match check_node theirs r v s with
      | Some s' => check_nodes theirs rs' vs' s'
      | None => None
      end
  | _, _ => None
  end.

(** --- Two networks --- *)

(** The inputs are atoms, the same ones for both networks; N' has the claims. *)
Definition input_state (theirs : option side) (n : nat) : state :=
  let s := push_atoms xO Z.one false n None (State (Side Empty Empty) xH) in
  match theirs with
  | None => s
  | Some _ => State (Side (known (here s)) Empty) (next s)
  end.

Definition check_side (theirs : option side) (N : network) (rs : list row) : option side :=
  check_nodes theirs rs (nodes N) (input_state theirs (inputs N)).

Definition check (N N' : network) (c : certificate) : bool :=
  Nat.eqb (inputs N) (inputs N') &&
  match check_side None N' (reduced c) with
  | Some t =>
      match check_side (Some t) N (original c) with
      | Some s => proportional Z.one Z.one (known s) 0 (outputs N) (known t) 0 (outputs N')
      | None => false
      end
  | None => false
  end.
