(* SPDX-License-Identifier: Apache-2.0 *)
(** This file is about one pair of networks that the checker accepts, so that its theorem is seen to speak of something.

   doubled, single   relu(x) + relu(2x), and 3 relu(x): the example of README.md *)
From Coq Require Import List ZArith.
From Exactlump Require Import Network Numbers Meaning Checker Main.
Import ListNotations.
Local Open Scope Z_scope.

Definition relu := Leaky 0 1.
Definition linear := Leaky 1 1.

Definition doubled := Network 1 [Layer 1 [Neuron [(0%N, 1)] 0 relu; Neuron [(0%N, 2)] 0 relu];
                                 Layer 1 [Neuron [(0%N, 1); (1%N, 1)] 0 linear]] None.
Definition single := Network 1 [Layer 1 [Neuron [(0%N, 1)] 0 relu]; Layer 1 [Neuron [(0%N, 3)] 0 linear]] None.

Definition identity_half := [Anchored 1 [1] [Class 0 1]; Anchored 1 [1] [Class 0 1]].
Definition claiming (ratio : Z) := Certificate single
  [Anchored 1 [1] [Class 0 1; Class 0 ratio]; Anchored 1 [1] [Class 0 1]] identity_half.

Lemma accepted : check doubled single (claiming 2) = true.
Proof. reflexivity. Qed.

Lemma rejected : check doubled single (claiming 3) = false.
Proof. reflexivity. Qed.

Theorem example_is_equal (x : list Rationals) : length x = 1%nat ->
  eval rational_meaning doubled x = eval rational_meaning single x.
Proof. exact (accepted_networks_are_equal_rationally _ _ _ accepted x). Qed.
