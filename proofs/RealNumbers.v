(* SPDX-License-Identifier: Apache-2.0 *)
(** This file is about Coq's real numbers as a real field of MathComp, so that every theorem of this folder holds of them.

   Needs the axioms of the reals, and those that choose an element of a set (MathComp asks that of every field). *)
From Coq Require Import Reals Lra Epsilon FunctionalExtensionality.
From mathcomp Require Import all_ssreflect ssralg ssrnum.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Local Open Scope R_scope.

Definition R_eqb (x y : R) : bool := if Req_EM_T x y is left _ then true else false.
Lemma R_eqP : Equality.axiom R_eqb.
Proof. by move=> x y; rewrite /R_eqb; case: Req_EM_T => xy; constructor. Qed.
Canonical R_eqType := Eval hnf in EqType R (EqMixin R_eqP).

Definition R_pick (P : pred R) (_ : nat) : option R :=
  let x := epsilon (inhabits 0) (fun x => P x) in if P x then Some x else None.

Fact R_pick_some P n x : R_pick P n = Some x -> P x.
Proof. by rewrite /R_pick; case: ifP => // Px [<-]. Qed.

Fact R_pick_exists (P : pred R) : (exists x, P x) -> exists n, R_pick P n.
Proof. by move=> some; exists 0%N; rewrite /R_pick (epsilon_spec (inhabits 0) (fun x => P x) some). Qed.

Fact R_pick_ext (P Q : pred R) : P =1 Q -> R_pick P =1 R_pick Q.
Proof. by move=> PQ n; rewrite (functional_extensionality P Q PQ). Qed.

Canonical R_choiceType := Eval hnf in ChoiceType R (Choice.Mixin R_pick_some R_pick_exists R_pick_ext).

Fact R_addA : associative Rplus. Proof. by move=> x y z; rewrite Rplus_assoc. Qed.
Fact R_mulA : associative Rmult. Proof. by move=> x y z; rewrite Rmult_assoc. Qed.
Fact R_oner_neq0 : 1 != 0 :> R. Proof. by apply/eqP; apply: R1_neq_R0. Qed.

Canonical R_zmodType := Eval hnf in ZmodType R (ZmodMixin R_addA Rplus_comm Rplus_0_l Rplus_opp_l).
Canonical R_ringType := Eval hnf in RingType R
  (RingMixin R_mulA Rmult_1_l Rmult_1_r Rmult_plus_distr_r Rmult_plus_distr_l R_oner_neq0).
Canonical R_comRingType := Eval hnf in ComRingType R Rmult_comm.

Definition R_inverse (x : R) : R := if x == 0 then 0 else / x.
Fact R_inverse_mul (x : R) : x != 0 -> R_inverse x * x = 1.
Proof. by rewrite /R_inverse => /negbTE x_nz; rewrite x_nz; apply: Rinv_l; apply/eqP; rewrite x_nz. Qed.
Fact R_inverse_0 : R_inverse 0 = 0.
Proof. by rewrite /R_inverse eqxx. Qed.

Definition R_fieldUnitMixin := FieldUnitMixin R_inverse_mul R_inverse_0.
Canonical R_unitRingType := Eval hnf in UnitRingType R R_fieldUnitMixin.
Canonical R_comUnitRingType := Eval hnf in [comUnitRingType of R].
Fact R_field : GRing.Field.mixin_of [unitRingType of R]. Proof. by []. Qed.
Canonical R_idomainType := Eval hnf in IdomainType R (FieldIdomainMixin R_field).
Canonical R_fieldType := Eval hnf in FieldType R R_field.

Definition R_leb (x y : R) : bool := if Rle_dec x y is left _ then true else false.
Definition R_ltb (x y : R) : bool := if Rlt_dec x y is left _ then true else false.
Lemma R_leP x y : reflect (x <= y) (R_leb x y).
Proof. by rewrite /R_leb; case: Rle_dec => xy; constructor. Qed.
Lemma R_ltP x y : reflect (x < y) (R_ltb x y).
Proof. by rewrite /R_ltb; case: Rlt_dec => xy; constructor. Qed.

Fact R_le0_add x y : R_leb 0 x -> R_leb 0 y -> R_leb 0 (x + y).
Proof. by move=> /R_leP x_ge0 /R_leP y_ge0; apply/R_leP; lra. Qed.
Fact R_le0_mul x y : R_leb 0 x -> R_leb 0 y -> R_leb 0 (x * y).
Proof. by move=> /R_leP x_ge0 /R_leP y_ge0; apply/R_leP; apply: Rmult_le_pos. Qed.
Fact R_le0_anti x : R_leb 0 x -> R_leb x 0 -> x = 0.
Proof. by move=> /R_leP x_ge0 /R_leP x_le0; lra. Qed.
Fact R_sub_ge0 x y : R_leb 0 (y - x) = R_leb x y.
Proof. by apply/R_leP/R_leP => xy; lra. Qed.
Fact R_le0_total x : R_leb 0 x || R_leb x 0.
Proof. by case: (Rle_lt_dec 0 x) => x0; apply/orP; [left|right]; apply/R_leP; lra. Qed.
Fact R_normN x : Rabs (- x) = Rabs x.
Proof. exact: Rabs_Ropp. Qed.
Fact R_ge0_norm x : R_leb 0 x -> Rabs x = x.
Proof. by move=> /R_leP x_ge0; apply: Rabs_pos_eq. Qed.
Fact R_lt_def x y : R_ltb x y = (y != x) && R_leb x y.
Proof.
apply/R_ltP/andP=> [xy|[/eqP y_x /R_leP xy]]; last by lra.
by split; [apply/eqP; lra|apply/R_leP; lra].
Qed.

Definition R_leMixin : realLeMixin R_idomainType :=
  RealLeMixin R_le0_add R_le0_mul R_le0_anti R_sub_ge0 R_le0_total R_normN R_ge0_norm R_lt_def.

Fact R_total (x y : R) : R_leb x y || R_leb y x.
Proof. by case: (Rle_lt_dec x y) => xy; apply/orP; [left|right]; apply/R_leP; lra. Qed.

Canonical R_porderType := POrderType ring_display R R_leMixin.
Canonical R_latticeType := LatticeType R R_leMixin.
Canonical R_distrLatticeType := DistrLatticeType R R_leMixin.
Canonical R_orderType := OrderType R R_total.
Canonical R_numDomainType := NumDomainType R R_leMixin.
Canonical R_normedZmodType := NormedZmodType R R R_leMixin.
Canonical R_numFieldType := [numFieldType of R].
Canonical R_realDomainType := [realDomainType of R].
Canonical R_realFieldType := [realFieldType of R].
