(* SPDX-License-Identifier: Apache-2.0 *)
(** This file is about the paper's relaxation: where a neuron may be replaced by a linear combination of others.

   defect a r y       sum_i r_i L(y_i) - L(sum_i r_i y_i), for L = LeakyReLU of slope a: the error of the replacement
   theorem_7          its closed form, for any signs of the coefficients r
   same_sign y        all y_i >= 0, or all y_i <= 0                                                             *)
From mathcomp Require Import all_ssreflect ssralg ssrnum.
From Exactlump Require Import Activation.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory Num.Theory Order.POrderTheory Order.TotalTheory.
Local Open Scope ring_scope.

Section Relaxation.
Variables (F : realFieldType) (I : finType).
Implicit Types (a : F) (r y : I -> F).

Definition defect a r y : F := \sum_i r i * leaky a (y i) - leaky a (\sum_i r i * y i).

Definition same_sign y := (forall i, 0 <= y i) \/ (forall i, y i <= 0).

Lemma leaky_abs a (z : F) : leaky a z *+ 2 = (1 + a) * z + (1 - a) * `|z|.
Proof.
rewrite /leaky; case: (ger0P z) => _.
  by rewrite -mulrDl addrACA subrr addr0 -mulr2n mulr_natl.
by rewrite mulrN -mulNr -mulrDl opprB [a - 1]addrC addrACA subrr add0r -mulr2n mulrnAl.
Qed.

Theorem theorem_7_closed_form a r y :
  defect a r y = (1 - a) / 2%:R * (\sum_i r i * `|y i| - `|\sum_i r i * y i|).
Proof.
have two_nz : 2%:R != 0 :> F by rewrite gt_eqF ?ltr0Sn.
apply: (mulfI two_nz); rewrite mulrA mulrCA divff // mulr1 mulr_natl mulrnBl leaky_abs -sumrMnl.
under eq_bigr => i _ do rewrite -mulrnAr leaky_abs mulrDr !(mulrCA (r i)).
by rewrite big_split /= -!mulr_sumr opprD addrACA subrr add0r -mulrBr.
Qed.

Lemma exact_iff a r y : a != 1 -> (defect a r y == 0) = (\sum_i r i * `|y i| == `|\sum_i r i * y i|).
Proof.
move=> a_1; rewrite theorem_7_closed_form mulf_eq0 mulf_eq0 invr_eq0 subr_eq0 eq_sym (negbTE a_1).
by rewrite gt_eqF ?ltr0Sn //= subr_eq0.
Qed.

(** Positive coefficients: exact precisely where no two of the y_i have strictly opposite signs. *)
Theorem leaky_exact_iff_same_sign a r y : a != 1 -> (forall i, 0 < r i) ->
  leaky a (\sum_i r i * y i) = \sum_i r i * leaky a (y i) <-> same_sign y.
Proof.
move=> a_1 r_gt0; have exactE : leaky a (\sum_i r i * y i) = \sum_i r i * leaky a (y i) <-> defect a r y == 0.
  by rewrite /defect subr_eq0; split=> [->|/eqP].
apply: (iff_trans exactE); rewrite exact_iff //; split=> [|[y_ge0|y_le0]].
- have term_ge0 (s : F) : `|s| = 1 -> forall i, 0 <= r i * (`|y i| - s * y i).
    by move=> s1 i; rewrite (pmulr_rge0 _ (r_gt0 i)) subr_ge0 -[`|y i|]mul1r -s1 -normrM ler_norm.
  have same (s : F) : `|s| = 1 -> \sum_i r i * `|y i| = s * (\sum_i r i * y i) -> forall i, `|y i| = s * y i.
    move=> s1 sums i; apply/eqP; rewrite -subr_eq0 -(mulrI_eq0 _ (mulfI (lt0r_neq0 (r_gt0 i)))).
    have /psumr_eq0P-> // : \sum_i r i * (`|y i| - s * y i) = 0.
      under eq_bigr => j _ do rewrite mulrBr (mulrCA (r j)).
      by rewrite sumrB -mulr_sumr sums subrr.
    by move=> j _; apply: term_ge0.
  case: (ger0P (\sum_i r i * y i)) => _ /eqP sums; [left|right] => i.
    by have := same 1 (normr1 _); rewrite !mul1r => /(_ sums i); rewrite mul1r => <-; apply: normr_ge0.
  have := same (-1); rewrite normrN1 !mulN1r => /(_ erefl sums i); rewrite mulN1r => yi.
  by rewrite -oppr_ge0 -yi normr_ge0.
- rewrite ger0_norm ?sumr_ge0 // => [|i _]; last by rewrite (pmulr_rge0 _ (r_gt0 i)).
  by apply/eqP/eq_bigr => i _; rewrite ger0_norm.
- have sum_le0 : \sum_i r i * y i <= 0.
    by rewrite -oppr_ge0 -sumrN sumr_ge0 // => i _; rewrite oppr_ge0 (pmulr_rle0 _ (r_gt0 i)).
  by rewrite ler0_norm // -sumrN; apply/eqP/eq_bigr => i _; rewrite ler0_norm // mulrN.
Qed.

Corollary relu_exact_iff_same_sign r y : (forall i, 0 < r i) ->
  relu (\sum_i r i * y i) = \sum_i r i * relu (y i) <-> same_sign y.
Proof.
move=> r_gt0; have zero_1 : 0 != 1 :> F by rewrite eq_sym oner_eq0.
rewrite relu_leaky (eq_bigr (fun i => r i * leaky 0 (y i)) (fun i _ => congr1 _ (relu_leaky _))).
exact: leaky_exact_iff_same_sign.
Qed.

(** Any coefficients: the weighted triangle inequality must be an equality. *)
Corollary leaky_exact_iff_triangle a r y : a != 1 ->
  leaky a (\sum_i r i * y i) = \sum_i r i * leaky a (y i) <-> \sum_i r i * `|y i| = `|\sum_i r i * y i|.
Proof.
move=> a_1; have := exact_iff r y a_1; rewrite /defect subr_eq0 => same.
by split=> [e|e]; apply/eqP; [rewrite -same e|rewrite eq_sym same e].
Qed.

End Relaxation.

Section TwoTerms.
Variable F : realFieldType.
Implicit Types r y : F.

Let pair (p q : F) (b : bool) := if b then p else q.

(** The equivalence that the paper states below Theorem 2, for LeakyReLU of any slope but 1. *)
Theorem paper_relaxation_leaky a r1 r2 y1 y2 : a != 1 -> 0 < r1 -> 0 < r2 ->
  leaky a (r1 * y1 + r2 * y2) = r1 * leaky a y1 + r2 * leaky a y2 <-> 0 <= y1 * y2.
Proof.
move=> a_1 r1_gt0 r2_gt0; have r_gt0 b : 0 < pair r1 r2 b by case: b.
have := leaky_exact_iff_same_sign (pair y1 y2) a_1 r_gt0; rewrite !big_bool /= => leaky_same.
apply: (iff_trans leaky_same); split=> [[y_ge0|y_le0]|].
- exact: mulr_ge0 (y_ge0 true) (y_ge0 false).
- exact: mulr_le0 (y_le0 true) (y_le0 false).
case: (ltrgt0P y1) => [y1_gt0|y1_lt0|->] y12.
- by left=> -[] /=; [apply: ltW|rewrite -(pmulr_rge0 _ y1_gt0)].
- by right=> -[] /=; [apply: ltW|rewrite -(nmulr_rge0 _ y1_lt0)].
by case: (lerP 0 y2) => [y2_ge0|/ltW y2_le0]; [left|right] => -[].
Qed.

Theorem paper_relaxation r1 r2 y1 y2 : 0 < r1 -> 0 < r2 ->
  relu (r1 * y1 + r2 * y2) = r1 * relu y1 + r2 * relu y2 <-> 0 <= y1 * y2.
Proof. by move=> r1_gt0 r2_gt0; rewrite !relu_leaky; apply: paper_relaxation_leaky; rewrite // eq_sym oner_eq0. Qed.

(** It needs positive coefficients. *)
Theorem paper_relaxation_needs_positive_coefficients :
  exists r1 r2 y1 y2 : F, 0 < r1 /\ 0 <= y1 * y2 /\ relu (r1 * y1 + r2 * y2) <> r1 * relu y1 + r2 * relu y2.
Proof.
exists 1, (-1), 0, (-1); rewrite ltr01 mul0r mulr0 mulN1r opprK add0r mul1r mulN1r; split=> //; split=> //.
by rewrite !relu_leaky /leaky ler01 lexx ler0N1 mul0r oppr0 addr0; apply/eqP; rewrite oner_eq0.
Qed.

End TwoTerms.
