(* SPDX-License-Identifier: Apache-2.0 *)
(** This file is about two Markov chains: one that shows that the paper's quotient needs a factor, and one like Example 2.

   three_states     a chain of which the paper's quotient is no chain
   recomputed Q     Q with a diagonal such that its rows sum to 0: this does not mend it
   eight_states     a chain with the classes and the function rho of Example 2 (the rates of Figure 2 are not in the text) *)
From mathcomp Require Import all_ssreflect ssralg ssrnum ssrint.
From Exactlump Require Import Markov.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory Num.Theory Order.POrderTheory.
Local Open Scope ring_scope.

Section ThreeStates.
Variable F : realFieldType.

(** None goes to both others at rate 1, and they come back at rate 1. *)
Definition three_states (u v : option bool) : F :=
  match u, v with
  | None, None => - 2%:R
  | Some b, Some c => if b == c then -1 else 0
  | _, _ => 1
  end.

Definition is_some (v : option bool) : bool := v.
Definition three_representative (k : bool) : option bool := if k then Some true else None.

Definition recomputed (K : finType) (Q : K -> K -> F) (j k : K) : F := if j == k then - \sum_(i | i != j) Q j i else Q j k.

Definition uniform (_ : option bool) : F := 3%:R^-1.

Lemma sum_three (P : pred (option bool)) (G : option bool -> F) : \sum_(v | P v) G v =
  (if P None then G None else 0) + ((if P (Some true) then G (Some true) else 0) + (if P (Some false) then G (Some false) else 0)).
Proof.
rewrite big_mkcond (bigD1 None) //= (bigD1 (Some true)) //= (bigD1 (Some false)) //= big1 ?addr0 //.
by move=> [[]|].
Qed.

Lemma three_states_is_a_chain : chain three_states.
Proof.
split=> [[[]|] [[]|]|[[]|]] //=; rewrite ?ler01 // sum_three /= ?add0r ?addr0 ?addrN //.
by rewrite mulr2n addNr.
Qed.

Lemma three_flow v k : flow three_states is_some v k = match v, k with
  | None, false => - 2%:R
  | None, true => 2%:R
  | Some _, false => 1
  | Some _, true => -1
  end.
Proof. by case: v k => [[]|] []; rewrite /flow sum_three /= ?addr0 ?add0r // mulr2n. Qed.

Theorem summed_rates_are_no_quotient :
  [/\ chain three_states,
      exact_lumpability three_states is_some,
      ~ chain (summed_quotient three_states is_some three_representative),
      stationary three_states uniform
    & ~ stationary (recomputed (summed_quotient three_states is_some three_representative)) (gathered is_some uniform)].
Proof.
have three_gt0 : 0 < 3%:R^-1 :> F by rewrite invr_gt0 ltr0Sn.
split; [exact: three_states_is_a_chain| | | |].
- by move=> [[]|] [[]|] //= _ k; rewrite !three_flow.
- case=> _ /(_ false); rewrite big_bool /summed_quotient /= !three_flow => /eqP.
  by rewrite addrC mulr2n opprD subrK oppr_eq0 oner_eq0.
- split=> [v||v]; first exact: ltW.
  + by rewrite sum_three /= -mulr2n -mulrS -mulr_natl divff // pnatr_eq0.
  by rewrite -mulr_sumr sum_three; case: v => [[]|]; rewrite /= ?addr0 ?add0r ?addrN ?mulr0 // mulr2n addNr mulr0.
- case=> _ _ /(_ false); rewrite big_bool /recomputed /= !big_mkcond !big_bool /= /summed_quotient !three_flow.
  rewrite /gathered !sum_three /= !addr0 !add0r mulrN mulr1 => /eqP.
  rewrite subr_eq0 /uniform -mulr2n -[_ *+ 2]mulr_natr -mulrA -natrM -{2}[_^-1]mulr1.
  by rewrite (inj_eq (mulfI (lt0r_neq0 three_gt0))) pnatr_eq1.
Qed.

End ThreeStates.

Section EightStates.
Variable F : realFieldType.

(** 1 -> 2, 3, 4; 2 -> 5; 3 -> 6; 4 -> 7; 5, 6, 7 -> 8; 8 -> 1: state n of the paper is n - 1 here. *)
Definition rates : seq (seq int) :=
  [:: [:: -4; 2; 1; 1; 0; 0; 0; 0];
      [:: 0; -2; 0; 0; 2; 0; 0; 0];
      [:: 0; 0; -1; 0; 0; 1; 0; 0];
      [:: 0; 0; 0; -1; 0; 0; 1; 0];
      [:: 0; 0; 0; 0; -2; 0; 0; 2];
      [:: 0; 0; 0; 0; 0; -1; 0; 1];
      [:: 0; 0; 0; 0; 0; 0; -1; 1];
      [:: 4; 0; 0; 0; 0; 0; 0; -4]].

Definition rate (u v : 'I_8) : int := nth 0 (nth [::] rates u) v.
Definition eight_states (u v : 'I_8) : F := (rate u v)%:~R.

(** S_1 = {1}, S_2 = {2, 3, 4}, S_3 = {5, 6, 7}, S_4 = {8}. *)
Definition eight_class (v : 'I_8) : bool * bool := (3 < v, (0 < v < 4) || (v == 7 :> nat))%N.
Definition eight_rho (v : 'I_8) : F := (nth 1 [:: 1; 1; 2; 2; 1; 2; 2; 1] v)%:~R.

(** What goes into state v from class k, times rho(v). *)
Definition weighted_flow (j k : bool * bool) : int :=
  match j, k with
  | (false, false), (false, false) | (true, true), (true, true) => -4
  | (false, false), (true, true) | (true, true), (true, false) => 4
  | (false, true), (false, false) | (true, false), (false, true) => 2
  | (false, true), (false, true) | (true, false), (true, false) => -2
  | _, _ => 0
  end.

Lemma eight_flow v k : eight_rho v * flow eight_states eight_class v k = (weighted_flow (eight_class v) k)%:~R.
Proof.
rewrite /flow /eight_states -(rmorph_sum (intmul1_rmorphism F)) /eight_rho -intrM; congr (_%:~R).
rewrite big_mkcond !big_ord_recl big_ord0 /=.
by case: v k => [[|[|[|[|[|[|[|[|]]]]]]]] //= v_lt] [[] []].
Qed.

Theorem example_2_is_lumpable :
  [/\ chain eight_states,
      proportional_lumpability eight_states eight_class eight_rho
    & ~ exact_lumpability eight_states eight_class].
Proof.
split.
- split=> [u v u_v|u].
    rewrite ler0z; move: u v u_v => [[|[|[|[|[|[|[|[|]]]]]]]] //= u_lt] [[|[|[|[|[|[|[|[|]]]]]]]] //= v_lt] //.
  rewrite -(rmorph_sum (intmul1_rmorphism F)) !big_ord_recl big_ord0 /=.
  by case: u => [[|[|[|[|[|[|[|[|]]]]]]]] //= u_lt].
- split=> [v|v t same k]; last by rewrite !eight_flow same.
  by rewrite ltr0z; case: v => [[|[|[|[|[|[|[|[|]]]]]]]] //= v_lt].
- move=> exact; have v_lt : (1 < 8)%N by []. have t_lt : (2 < 8)%N by [].
  have := exact (Ordinal v_lt) (Ordinal t_lt) erefl (false, false).
  rewrite /flow /eight_states -!(rmorph_sum (intmul1_rmorphism F)) => /eqP.
  by rewrite eqr_int big_mkcond [X in _ == X]big_mkcond !big_ord_recl !big_ord0.
Qed.

End EightStates.
