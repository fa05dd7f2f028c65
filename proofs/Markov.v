(* SPDX-License-Identifier: Apache-2.0 *)
(** This file is about the paper's Section 3, lumpability of Markov chains: Definitions 4 and 5, what is wrong with the quotient
   that the paper describes, the quotient that is right, and why the sums of Definition 5 need no factor 1/rho.

   chain Q          Q(u, v) is the rate from u to v: not negative, and every row sums to 0 (a labelled graph: no condition)
   stationary Q p   p is a probability distribution with p Q = 0
   class            the class of a state; two states are related when they are of the same class
   flow Q v k       the sum of the rates into v from the states of class k
   quotient         the flows into representatives, times share k / size j; size j is the number of states of class j, and share k
                    is that of class k with each state v counted rho(representative)/rho(v) times                            *)
From mathcomp Require Import all_ssreflect ssralg ssrnum.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory Num.Theory Order.POrderTheory.
Local Open Scope ring_scope.

Section Chain.
Variables (F : realFieldType) (S : finType).

Definition chain (Q : S -> S -> F) := (forall u v, u != v -> 0 <= Q u v) /\ (forall u, \sum_v Q u v = 0).

Definition stationary (Q : S -> S -> F) (p : S -> F) :=
  [/\ forall v, 0 <= p v, \sum_v p v = 1 & forall v, \sum_u p u * Q u v = 0].

End Chain.

Section Lumpability.
Variables (F : realFieldType) (S K : finType).
Implicit Types (Q : S -> S -> F) (class : S -> K).

Definition flow Q class v k : F := \sum_(u | class u == k) Q u v.

(** Definition 4. *)
Definition exact_lumpability Q class :=
  forall v t, class v = class t -> forall k, flow Q class v k = flow Q class t k.

(** Definition 5, with its function rho. *)
Definition proportional_lumpability Q class (rho : S -> F) :=
  (forall v, 0 < rho v) /\
  forall v t, class v = class t -> forall k, rho v * flow Q class v k = rho t * flow Q class t k.

Theorem exact_is_proportional Q class : exact_lumpability Q class <-> proportional_lumpability Q class (fun _ => 1).
Proof.
split=> [exact|[_ proportional] v t same k]; last by have := proportional v t same k; rewrite !mul1r.
by split=> [v|v t same k]; rewrite ?ltr01 ?(exact v t same).
Qed.

Section Quotient.
Variables (Q : S -> S -> F) (class : S -> K) (rho : S -> F) (representative : K -> S).

(** The quotient as the paper describes it: one state for each class, the rates into it summed up. *)
Definition summed_quotient j k : F := flow Q class (representative k) j.

Definition size k : F := #|[pred v | class v == k]|%:R.
Definition share k : F := \sum_(v | class v == k) rho (representative k) / rho v.
Definition quotient j k : F := share k / size j * flow Q class (representative k) j.

(** The states of a class have equal parts of what the class has; a class has what its states have. *)
Definition spread (p : K -> F) v : F := p (class v) / size (class v).
Definition gathered (p : S -> F) k : F := \sum_(v | class v == k) p v.

Hypothesis represented : forall k, class (representative k) = k.
Hypothesis lumpable : proportional_lumpability Q class rho.

Lemma size_gt0 k : 0 < size k.
Proof. by rewrite ltr0n; apply/card_gt0P; exists (representative k); rewrite inE represented. Qed.

Lemma share_gt0 k : 0 < share k.
Proof.
have [rho_gt0 _] := lumpable; rewrite /share (bigD1 (representative k)) ?represented //=.
by rewrite ltr_spaddl ?divr_gt0 // sumr_ge0 // => u _; rewrite divr_ge0 ?ltW.
Qed.

Lemma sum_classes (G : S -> F) : \sum_v G v = \sum_k \sum_(v | class v == k) G v.
Proof. by rewrite (partition_big class predT). Qed.

Lemma sum_of_spread p k : \sum_(v | class v == k) spread p v = p k.
Proof.
rewrite (eq_bigr (fun _ => p k / size k)) => [|v /eqP v_k]; last by rewrite /spread v_k.
by rewrite sumr_const -[_ *+ _]mulr_natr -/(size k) mulfVK // lt0r_neq0 // size_gt0.
Qed.

Lemma flow_of_class v k : flow Q class v k = rho (representative (class v)) / rho v * flow Q class (representative (class v)) k.
Proof.
have [rho_gt0 ratio] := lumpable; have := ratio v (representative (class v)); rewrite represented => /(_ erefl k) same.
by apply: (mulfI (lt0r_neq0 (rho_gt0 v))); rewrite same mulrA mulrCA divff ?mulr1 // lt0r_neq0.
Qed.

Theorem quotient_is_a_chain : chain Q -> chain quotient.
Proof.
case=> rates rows; have [rho_gt0 _] := lumpable; split=> [j k j_k|j].
  apply: mulr_ge0; first by rewrite divr_ge0 ?ltW ?size_gt0 ?share_gt0.
  by apply: sumr_ge0 => u /eqP u_j; apply: rates; apply: contraNneq j_k => u_r; rewrite -u_j u_r represented.
rewrite /quotient -[RHS](mulr0 (size j)^-1).
transitivity ((size j)^-1 * \sum_(u | class u == j) \sum_v Q u v); last first.
  by rewrite [X in _ * X = _]big1 // => u _; apply: rows.
rewrite exchange_big /= [in RHS]sum_classes mulr_sumr; apply: eq_bigr => k _.
rewrite [share k / _]mulrC -mulrA; congr (_ * _); rewrite /share mulr_suml; apply: eq_bigr => v /eqP v_k.
by rewrite -[RHS]/(flow Q class v j) [RHS]flow_of_class v_k.
Qed.

Lemma spread_flow p v : \sum_u spread p u * Q u v =
  rho (representative (class v)) / rho v / share (class v) * \sum_j p j * quotient j (class v).
Proof.
rewrite sum_classes mulr_sumr; apply: eq_bigr => j _.
transitivity (p j / size j * flow Q class v j).
  by rewrite mulr_sumr; apply: eq_bigr => u /eqP u_j; rewrite /spread u_j.
rewrite (flow_of_class v j) /quotient; set r := rho _ / rho v; set f := flow _ _ _ _.
have share_nz : share (class v) != 0 by rewrite lt0r_neq0 ?share_gt0.
rewrite [r / _ * _]mulrAC mulrCA -[RHS]mulrA; congr (_ * _).
apply: (mulIf share_nz); rewrite mulfVK // -!mulrA; congr (_ * _).
by rewrite [RHS]mulrCA [f * _]mulrC.
Qed.

(** Definition 5 needs no factor 1/rho: rho cancels in p Q = 0, and the states of a class have EQUAL mass, not a proportional one. *)
Theorem stationary_spreads p : stationary quotient p -> stationary Q (spread p).
Proof.
case=> p_ge0 p_1 p_Q; split=> [v||v].
- by rewrite /spread divr_ge0 ?p_ge0 // ltW ?size_gt0.
- by rewrite sum_classes -p_1; apply: eq_bigr => k _; apply: sum_of_spread.
- by rewrite spread_flow p_Q mulr0.
Qed.

Theorem stationary_gathers p : stationary Q p -> (forall v t, class v = class t -> p v = p t) ->
  stationary quotient (gathered p).
Proof.
case=> p_ge0 p_1 p_Q same; have [rho_gt0 _] := lumpable.
have spread_gathered : spread (gathered p) =1 p.
  move=> v; rewrite /spread /gathered (eq_bigr (fun _ => p v)) => [|u /eqP /same //].
  by rewrite sumr_const -[_ *+ _]mulr_natr -/(size _) mulfK // lt0r_neq0 ?size_gt0.
split=> [k||k]; first by rewrite sumr_ge0.
- by rewrite -p_1 [RHS]sum_classes.
have := spread_flow (gathered p) (representative k); rewrite represented.
rewrite (eq_bigr (fun u => p u * Q u (representative k))) => [|u _]; last by rewrite spread_gathered.
rewrite p_Q => /esym/eqP; rewrite mulf_eq0 => /orP[|/eqP //].
by rewrite !mulf_eq0 !invr_eq0 !gt_eqF ?share_gt0.
Qed.

Theorem lumped_states_have_equal_mass p p' : stationary quotient p' -> stationary Q p ->
    (forall other, stationary Q other -> other =1 p) ->
  forall v, p v = p' (class v) / size (class v).
Proof. by move=> quotient_p' _ unique v; rewrite -(unique _ (stationary_spreads quotient_p')). Qed.

End Quotient.

End Lumpability.
