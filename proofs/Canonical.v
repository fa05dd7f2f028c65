(* SPDX-License-Identifier: Apache-2.0 *)
(** This file is about lumping networks of layers whose numbers are integers (Definitions 6 and 7, as corrected in Lumping.v), and
   the certificate that goes with it; CanonicalProof.v proves that the checker accepts it.

   lump         the classes of one layer: of each neuron its class k and the p of its factor p/q, or None for a dead one; of each
                class its representative and the q.  A neuron's value is p/q times that of the representative.
   class_sum    the sum of Definition 6, over the class's q
   lumpable     Definition 6 for a layer, R being the classes below and R' its own
   quotient     Definition 7: N/R, in integers
   canonical    the certificate: a leader for each class, for each neuron its class or the constant 0                      *)
From Coq Require Import List Bool ZArith.
From Exactlump Require Import Network Checker Layers.
Import ListNotations.
Local Open Scope Z_scope.

Record lump := Lump { members : list (option (nat * Z)); classes : list (nat * Z) }.

(** On the inputs and on the outputs the only relation allowed is the identity. *)
Definition identity_lump (n : nat) : lump := Lump (map (fun i => Some (i, 1)) (seq 0 n)) (map (fun i => (i, 1)) (seq 0 n)).

Definition part (R : lump) (k u : nat) : Z :=
  match nth u (members R) None with
  | Some (k', p) => if Nat.eqb k' k then p else 0
  | None => 0
  end.

Definition class_sum (R : lump) (v : neuron) (k : nat) : Z :=
  fold_right (fun e total => snd e * part R k (N.to_nat (fst e)) + total) 0 (edges v).

Definition dead (R : lump) (v : neuron) : Prop := bias v = 0 /\ forall k, class_sum R v k = 0.

(** v is p/q times r. *)
Definition proportional_to (R : lump) (v r : neuron) (p q : Z) : Prop :=
  activation v = activation r /\ q * denominator r * bias v = p * denominator v * bias r /\
  forall k, q * denominator r * class_sum R v k = p * denominator v * class_sum R r k.

Definition proper_neuron (n : nat) (v : neuron) : Prop :=
  0 < denominator v /\ (exists a b, activation v = Leaky (a, b) /\ 0 < b) /\
  Forall (fun e => (N.to_nat (fst e) < n)%nat) (edges v).

Record lumpable (R : lump) (L : layer) (R' : lump) : Prop := Lumpable {
  lumpable_proper : Forall (proper_neuron (length (members R))) L;
  lumpable_members : length (members R') = length L;
  lumpable_classes : Forall (fun c => (fst c < length L)%nat /\ 0 < snd c) (classes R');
  lumpable_neurons : forall i v m, nth_error L i = Some v -> nth_error (members R') i = Some m ->
    match m with
    | None => dead R v
    | Some (k, p) => 0 < p /\ exists i' q r,
        nth_error (classes R') k = Some (i', q) /\ nth_error L i' = Some r /\ proportional_to R v r p q
    end }.

Fixpoint lumping_from (R : lump) (Ls : list layer) (Rs : list lump) : Prop :=
  match Ls, Rs with
  | [], [] => R = identity_lump (length (members R))
  | L :: Ls', R' :: Rs' => lumpable R L R' /\ lumping_from R' Ls' Rs'
  | _, _ => False
  end.

Definition lumping (n : nat) (Ls : list layer) (Rs : list lump) : Prop := lumping_from (identity_lump n) Ls Rs.

(** --- The reduced network --- *)

Definition product (R : lump) : Z := fold_right (fun c total => snd c * total) 1 (classes R).

Fixpoint class_edges (R : lump) (v : neuron) (k : nat) (cs : list (nat * Z)) : list (N * Z) :=
  match cs with
  | [] => []
  | c :: rest => (N.of_nat k, class_sum R v k * (product R / snd c)) :: class_edges R v (S k) rest
  end.

Definition quotient_neuron (R : lump) (v : neuron) : neuron :=
  Neuron (class_edges R v 0 (classes R)) (bias v * product R) (denominator v * product R) (activation v).

Definition nowhere := Neuron [] 0 1 (Leaky (0, 1)).

Definition quotient_layer (R : lump) (L : layer) (R' : lump) : layer :=
  map (fun c => quotient_neuron R (nth (fst c) L nowhere)) (classes R').

Fixpoint quotient_layers (R : lump) (Ls : list layer) (Rs : list lump) : list layer :=
  match Ls, Rs with
  | L :: Ls', R' :: Rs' => quotient_layer R L R' :: quotient_layers R' Ls' Rs'
  | _, _ => []
  end.

Definition quotient (n : nat) (Ls : list layer) (Rs : list lump) : network := layered n (quotient_layers (identity_lump n) Ls Rs).

(** --- The certificate --- *)

Definition leaders (R : lump) : list row := map (fun c => Atom (snd c)) (classes R).

(** [start]: the register of the reduced network where the layer's classes begin. *)
Definition member_row (start : nat) (m : option (nat * Z)) : row :=
  match m with
  | Some (k, p) => Class (N.of_nat (start + k)) p
  | None => Constant 0 1
  end.

Fixpoint member_rows (start : nat) (Rs : list lump) : list row :=
  match Rs with
  | [] => []
  | R :: Rs' => map (member_row start) (members R) ++ member_rows (start + length (classes R)) Rs'
  end.

Definition canonical (n : nat) (Rs : list lump) : certificate := Certificate (member_rows n Rs) (flat_map leaders Rs).
