(* SPDX-License-Identifier: Apache-2.0 *)
(** This file is about the paper's statements for the activation functions that it names, over the rationals and the reals.

   A network here names its activation functions by their slopes for negative numbers: ReLU is 0, the identity is 1, the
   absolute value is -1, and a network may mix them. *)
From Coq Require Import Reals.
From mathcomp Require Import all_ssreflect ssralg ssrnum rat.
From Exactlump Require Import Paper Activation Lumping LumpingProof Maximum MaximumProof Relaxation RealNumbers.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section Field.
Variable F : realFieldType.

Theorem theorem_1_leaky_relu (S T : finType) (N : network F F S T) (R : lumping N) :
  proportional_exact_lumpability R -> forall x t, eval (@leaky F) (quotient R) x t = eval (@leaky F) N x t.
Proof. by apply: theorem_1_semantics_preserved => a; apply: leaky_homogeneous. Qed.

(** Every activation function of a kind: one homogeneous function f for the whole network. *)
Theorem theorem_1_one_function (f : F -> F) (S T : finType) (N : network F unit_eqType S T) (R : lumping N) :
    positively_homogeneous f -> proportional_exact_lumpability R ->
  forall x t, eval (fun _ => f) (quotient R) x t = eval (fun _ => f) N x t.
Proof. by move=> f_homogeneous; apply: theorem_1_semantics_preserved. Qed.

(** Theorems 1 and 2 together: the maximum reduction exists, and changes nothing that can be observed. *)
Theorem maximum_reduction_preserves (S T : finType) (N : network F F S T) :
  is_maximum (maximum N) /\ forall x t, eval (@leaky F) (quotient (maximum N)) x t = eval (@leaky F) N x t.
Proof.
split=> [|x t]; first exact: theorem_2_maximum_exists.
by apply: theorem_1_leaky_relu; have [] := theorem_2_maximum_exists N.
Qed.

End Field.

Theorem theorem_1_rationals (S T : finType) (N : network rat_realFieldType rat_realFieldType S T) (R : lumping N) :
  proportional_exact_lumpability R -> forall x t, eval (@leaky rat_realFieldType) (quotient R) x t = eval (@leaky _) N x t.
Proof. exact: theorem_1_leaky_relu. Qed.

Theorem theorem_1_reals (S T : finType) (N : network R_realFieldType R_realFieldType S T) (R : lumping N) :
  proportional_exact_lumpability R -> forall x t, eval (@leaky R_realFieldType) (quotient R) x t = eval (@leaky _) N x t.
Proof. exact: theorem_1_leaky_relu. Qed.
