(* SPDX-License-Identifier: Apache-2.0 *)
(** This file is about a sentence of the paper's Section 5: if the weights of the fixed neurons have all the same sign, pruning the
   linear combinations of them loses nothing.  As it stands it is false, in each of four ways; with four more conditions it is true.

   fixed w b x i     what fixed neuron i, with weights w i and bias b i, computes before its activation, at the input x
   combined r w b x  the same for the neuron whose weights and bias are the combination of theirs with coefficients r
   loses             pruning that neuron, with ReLU, changes a value that the next layer reads, at some input *)
From mathcomp Require Import all_ssreflect ssralg ssrnum.
From Exactlump Require Import Activation.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory Num.Theory Order.POrderTheory Order.TotalTheory.
Local Open Scope ring_scope.

Section SameSign.
Variables (F : realFieldType) (I J : finType).
Implicit Types (a : F) (r b : I -> F) (w : I -> J -> F) (x : J -> F).

Definition fixed w b x (i : I) : F := \sum_j w i j * x j + b i.

Definition combined r w b x : F := \sum_j (\sum_i r i * w i j) * x j + \sum_i r i * b i.

Definition loses r w b := exists x, relu (combined r w b x) <> \sum_i r i * relu (fixed w b x i).

Lemma combinedE r w b x : combined r w b x = \sum_i r i * fixed w b x i.
Proof.
rewrite /combined /fixed; under [RHS]eq_bigr => i _ do rewrite mulrDr mulr_sumr.
rewrite big_split exchange_big /=; congr (_ + _); apply: eq_bigr => j _.
by rewrite mulr_suml; apply: eq_bigr => i _; rewrite mulrA.
Qed.

Definition nonnegative_layer w b := (forall i j, 0 <= w i j) /\ (forall i, 0 <= b i).
Definition nonpositive_layer w b := (forall i j, w i j <= 0) /\ (forall i, b i <= 0).

(** The sentence, corrected: inputs and coefficients are not negative, and weights and biases have all the same sign. *)
Theorem same_sign_loses_nothing a r w b x : (forall j, 0 <= x j) -> (forall i, 0 <= r i) ->
    nonnegative_layer w b \/ nonpositive_layer w b ->
  leaky a (combined r w b x) = \sum_i r i * leaky a (fixed w b x i).
Proof.
move=> x_ge0 r_ge0 [[w_ge0 b_ge0]|[w_le0 b_le0]]; rewrite combinedE.
- have y_ge0 i : 0 <= fixed w b x i by rewrite addr_ge0 ?sumr_ge0 // => j _; rewrite mulr_ge0.
  rewrite /leaky sumr_ge0 => [|i _]; last by rewrite mulr_ge0.
  by apply: eq_bigr => i _; rewrite y_ge0.
have leaky_le0 y : y <= 0 -> leaky a y = a * y.
  by rewrite /leaky; case: ger0P => // y_ge0 y_le0; rewrite (le_anti (introT andP (conj y_le0 y_ge0))) mulr0.
have y_le0 i : fixed w b x i <= 0.
  by rewrite -oppr_ge0 opprD addr_ge0 ?oppr_ge0 // -oppr_ge0 -sumrN sumr_ge0 // => j _; rewrite -mulNr mulr_ge0 ?oppr_ge0.
rewrite leaky_le0 ?mulr_sumr; last first.
  by rewrite -oppr_ge0 -sumrN sumr_ge0 // => i _; rewrite -mulrN mulr_ge0 ?oppr_ge0.
by apply: eq_bigr => i _; rewrite leaky_le0 // mulrCA.
Qed.

End SameSign.

Section Counterexamples.
Variable F : realFieldType.

(** Values of two fixed neurons, or of two inputs; and the weights 2, 1 and 1, 2, all of one sign. *)
Definition pair (p q : F) (i : bool) : F := if i then q else p.
Definition crossed (i : bool) : bool -> F := if i then pair 1 2%:R else pair 2%:R 1.

Let two_ge0 : 0 <= 2%:R :> F. Proof. exact: ler0n. Qed.
Let sum_unit (G : unit -> F) : \sum_u G u = G tt. Proof. by rewrite (big_pred1 tt) // => -[]. Qed.
Let two_1 : 2%:R - 1 = 1 :> F. Proof. by rewrite mulr2n addrK. Qed.

(** A coefficient is negative: t = v1 - v2, for v1 = 2 x1 + x2 and v2 = x1 + 2 x2, at (0, 1). *)
Theorem same_sign_needs_coefficients_of_one_sign : loses (pair 1 (-1)) crossed (pair 0 0).
Proof.
exists (pair 0 1); rewrite combinedE !big_bool /fixed !big_bool /= !mulr0 !mulr1 !addr0 !mul1r !mulN1r.
rewrite (relu_ge0 two_ge0) (relu_ge0 (@ler01 F)) relu_le0; last by rewrite addrC -oppr_ge0 opprB two_1 ler01.
by rewrite addrC -opprB two_1; apply/eqP; rewrite eq_sym oppr_eq0 oner_eq0.
Qed.

(** The biases differ in sign: x and x - 1, at 1/2. *)
Theorem same_sign_needs_biases_of_one_sign : loses (pair 1 1) (fun _ (_ : unit) => 1) (pair 0 (-1)).
Proof.
have half_gt0 : 0 < 2%:R^-1 :> F by rewrite invr_gt0 ltr0Sn.
have halves : 2%:R^-1 + 2%:R^-1 = 1 :> F by rewrite -mulr2n -[LHS]mulr_natr mulVf // pnatr_eq0.
exists (fun _ => 2%:R^-1); rewrite combinedE !big_bool /fixed !sum_unit /= !addr0 !mul1r.
rewrite [X in relu X]addrAC halves subrr (relu_ge0 (lexx 0)) (relu_ge0 (ltW half_gt0)) relu_le0 ?add0r; last first.
  by rewrite subr_le0 -[X in _ <= X]halves ler_addl ltW.
by apply/eqP; rewrite eq_sym gt_eqF.
Qed.

(** The inputs differ in sign: 2 x1 + x2 and x1 + 2 x2, at (1, -1). *)
Theorem same_sign_needs_inputs_of_one_sign : loses (pair 1 1) crossed (pair 0 0).
Proof.
exists (pair 1 (-1)); rewrite combinedE !big_bool /fixed !big_bool /= !mulr1 !addr0 !mul1r !mulrN1.
have -> : -1 + 2%:R = 1 :> F by rewrite addrC.
have -> : - 2%:R + 1 = -1 :> F by rewrite -[in RHS]two_1 opprB addrC.
rewrite addNr (relu_ge0 (lexx 0)) (relu_ge0 (@ler01 F)) (relu_le0 (@lerN10 F)) add0r.
by apply/eqP; rewrite eq_sym oner_eq0.
Qed.

(** "Only" combinations "of two or more" neurons lose: t = -v loses as well, at 1. *)
Theorem one_neuron_is_enough_to_lose : loses (fun _ : unit => -1 : F) (fun _ (_ : unit) => 1) (fun _ => 0).
Proof.
exists (fun _ => 1); rewrite combinedE !sum_unit /fixed !sum_unit addr0 mul1r !mulN1r.
by rewrite (relu_ge0 (@ler01 F)) (relu_le0 (@lerN10 F)); apply/eqP; rewrite eq_sym oppr_eq0 oner_eq0.
Qed.

End Counterexamples.
