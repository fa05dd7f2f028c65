(* SPDX-License-Identifier: Apache-2.0 *)
(** This file is about what a user wants to know: the promises of this folder, restated, with nothing to read but Network.v. *)
From Coq Require Import List Reals.
From Exactlump Require Import Network Numbers Meaning Checker CheckerProof.

(** When the checker accepts, the two networks compute the same function: over the reals, for every input, with ReLU,
   LeakyReLU, sigmoid, tanh, ... having their usual meaning.  Q and how N' was found do not matter. *)
Theorem accepted_networks_are_equal (N N' : network) (c : certificate) : check N N' c = true ->
  forall (erf : R -> R) (erf_0 : erf 0%R = 0%R) (x : list R), length x = inputs N ->
    @eval Reals (real_meaning erf erf_0) N x = @eval Reals (real_meaning erf erf_0) N' x.
Proof. intros accepted erf erf_0; exact (check_sound Reals Reals_field _ N N' c accepted). Qed.

(** The same over the rationals, without any axiom. *)
Theorem accepted_networks_are_equal_rationally (N N' : network) (c : certificate) : check N N' c = true ->
  forall x : list Rationals, length x = inputs N ->
    eval rational_meaning N x = eval rational_meaning N' x.
Proof. exact (check_sound Rationals Rationals_field _ N N' c). Qed.

(** The same over every ordered field, whatever the names stand for: no axiom. *)
Theorem accepted_networks_are_equal_everywhere (F : numbers) (field : ordered_field F) (M : meaning F)
    (N N' : network) (c : certificate) : check N N' c = true ->
  forall x : list F, length x = inputs N -> eval M N x = eval M N' x.
Proof. exact (check_sound F field M N N' c). Qed.
