(* SPDX-License-Identifier: Apache-2.0 *)
(** This file is about claims on boxes, as texts make them: networks of dense layers with ReLU between them, rational boxes, one
   rational eps.  BoundNetwork.v proves that [check_within] may be believed, of networks as Network.v has them.

   dense_network    a list of dense layers (Bound.v) as a network: its n inputs, then the units, layer by layer
   outward, inward  a box that is not smaller, and an eps that is not larger, as integers over 2^q
   prepare          what all nodes of the tree need; none where the claim cannot be checked
   check_part       one part of the tree, for one job                                                        *)
From Coq Require Import List Bool ZArith.
From Exactlump Require Import Network Functions Layers Refuter.
From Exactlump Require Bound BoundParallel.
Import ListNotations.
Local Open Scope Z_scope.

Definition relu := Leaky zero_fraction.
Definition identity := Leaky one_fraction.

Definition dense_edges (row : list Z) : list (N * Z) := combine (map N.of_nat (seq 0 (length row))) row.

Definition dense_layer (f : function) (L : Bound.layer) : layer :=
  let '(d, rows, biases) := L in
  map (fun rb => Neuron (dense_edges (fst rb)) (snd rb) (Z.shiftl Z.one d) f) (combine rows biases).

Fixpoint dense_layers (Ls : list Bound.layer) : list layer :=
  match Ls with
  | [] => []
  | [L] => [dense_layer identity L]
  | L :: rest => dense_layer relu L :: dense_layers rest
  end.

Definition dense_network (n : nat) (Ls : list Bound.layer) : network := layered n (dense_layers Ls).

(** Whether every row has a weight for each of the values that it reads, and no more; there are as many biases as rows. *)
Fixpoint fitting (n : nat) (Ls : list Bound.layer) : bool :=
  match Ls with
  | [] => true
  | (d, rows, biases) :: rest =>
      forallb (has_length n) rows && has_length (length rows) biases && (Z.zero <=? d) && fitting (length rows) rest
  end.

Definition outward (q : Z) (b : fraction * fraction) : Z * Z :=
  (Z.shiftl (fst (fst b)) q / snd (fst b), - (- Z.shiftl (fst (snd b)) q / snd (snd b))).

Definition inward (q : Z) (eps : fraction) : Z := Z.shiftl (fst eps) q / snd eps.

Definition prepare (p : Bound.precision) (q : Z) (n : nat) (A B : list Bound.layer) (box : list (fraction * fraction)) (eps : fraction)
    : option (list Bound.stage) :=
  if has_length n box && fitting n A && fitting n B && is_positive (snd eps) &&
     forallb (fun b => is_positive (snd (fst b)) && is_positive (snd (snd b))) box
  then Bound.stages p q A B
  else None.

Definition check_within (p : Bound.precision) (q : Z) (n : nat) (A B : list Bound.layer) (box : list (fraction * fraction))
    (eps : fraction) (t : Bound.tree) : bool :=
  match prepare p q n A B box eps with
  | Some ls => Bound.walk p (inward q eps) ls (Bound.whole (map (outward q) box)) [] t
  | None => false
  end.

Definition check_part (p : Bound.precision) (q : Z) (ls : list Bound.stage) (box : list (fraction * fraction)) (eps : fraction)
    (t : Bound.tree) (turns : list bool) : bool :=
  BoundParallel.walk_at p (inward q eps) ls turns (Bound.whole (map (outward q) box)) [] t.
