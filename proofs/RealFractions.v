(* SPDX-License-Identifier: Apache-2.0 *)
(** This file is about fractions of integers as real numbers: what Functions.v computes with fractions is what is meant.

   stands x r     the fraction x has a positive denominator, and is the real number r *)
From Coq Require Import Bool ZArith Reals Lra Lia.
From Exactlump Require Import Network Numbers Functions Meaning.
Local Open Scope R_scope.

Lemma of_Z_R z : @of_Z Reals z = IZR z.
Proof.
assert (of_positive_R : forall p, @of_positive Reals p = IZR (Zpos p)).
{ intros p; induction p as [|p IH] using Pos.peano_ind; [reflexivity|].
  rewrite (of_positive_succ Reals Reals_field), IH, Pos2Z.inj_succ, succ_IZR; cbn; ring. }
destruct z as [|p|p]; cbn; [reflexivity|apply of_positive_R|]; rewrite of_positive_R; symmetry; apply (opp_IZR (Zpos p)).
Qed.

Lemma of_fraction_R x : @of_fraction Reals x = real x.
Proof. unfold of_fraction, real; cbn; now rewrite !of_Z_R. Qed.

Lemma nonnegative_R (x : Reals) : nonnegative x = true <-> 0 <= x.
Proof. cbn; destruct (Rle_dec 0 x); intuition congruence. Qed.

Definition stands (x : fraction) (r : R) := (0 < snd x)%Z /\ real x = r.

Ltac stand := unfold stands, real, is_integer, minus, plus, times, divided in *; cbn [fst snd] in *.

Lemma stands_integer z : stands (is_integer z) (IZR z).
Proof. stand; split; [reflexivity|]; change (IZR Z.one) with 1; field. Qed.

Lemma stands_minus x r : stands x r -> stands (minus x) (- r).
Proof. intros [x_gt0 <-]; stand; split; [exact x_gt0|]; rewrite opp_IZR; unfold Rdiv; ring. Qed.

Lemma stands_plus x y r t : stands x r -> stands y t -> stands (plus x y) (r + t).
Proof.
intros [x_gt0 <-] [y_gt0 <-]; stand; split; [now apply Z.mul_pos_pos|].
rewrite plus_IZR, !mult_IZR; apply IZR_lt in x_gt0, y_gt0; field; lra.
Qed.

Lemma stands_times x y r t : stands x r -> stands y t -> stands (times x y) (r * t).
Proof.
intros [x_gt0 <-] [y_gt0 <-]; stand; split; [now apply Z.mul_pos_pos|].
rewrite !mult_IZR; apply IZR_lt in x_gt0, y_gt0; field; lra.
Qed.

Lemma stands_divided x y r t : stands x r -> stands y t -> 0 < t -> stands (divided x y) (r / t).
Proof.
intros [x_gt0 <-] [y_gt0 <-] t_gt0; stand; apply IZR_lt in x_gt0, y_gt0.
assert (0 < IZR (fst y)) by (replace (IZR (fst y)) with (IZR (fst y) / IZR (snd y) * IZR (snd y)) by (field; lra); nra).
split; [apply lt_IZR; rewrite mult_IZR; nra|rewrite !mult_IZR; field; lra].
Qed.

Lemma stands_at_most x y r t : stands x r -> stands y t -> at_most x y = true <-> r <= t.
Proof.
intros [x_gt0 <-] [y_gt0 <-]; stand; unfold at_most; apply IZR_lt in x_gt0, y_gt0; rewrite Z.leb_le; split; intros le.
- apply IZR_le in le; rewrite !mult_IZR in le; apply (Rmult_le_reg_r (IZR (snd x) * IZR (snd y))); [nra|].
  replace (_ / _ * _) with (IZR (fst x) * IZR (snd y)) by (field; lra).
  now replace (_ / _ * _) with (IZR (fst y) * IZR (snd x)) by (field; lra).
- apply le_IZR; rewrite !mult_IZR; apply (Rmult_le_compat_r (IZR (snd x) * IZR (snd y))) in le; [|nra].
  replace (_ / _ * _) with (IZR (fst x) * IZR (snd y)) in le by (field; lra).
  now replace (_ / _ * _) with (IZR (fst y) * IZR (snd x)) in le by (field; lra).
Qed.

Lemma stands_sign x r : stands x r -> (0 <? fst x)%Z = (if Rlt_dec 0 r then true else false) /\
  (fst x =? 0)%Z = (if Req_EM_T r 0 then true else false) /\ (0 <=? fst x)%Z = (if Rle_dec 0 r then true else false).
Proof.
intros [x_gt0 x_r]; stand; apply IZR_lt in x_gt0; assert (fst_x : IZR (fst x) = r * IZR (snd x)) by (rewrite <- x_r; field; lra).
repeat split.
- destruct (Z.ltb_spec 0 (fst x)) as [lt|le], (Rlt_dec 0 r); try reflexivity; exfalso; [apply IZR_lt in lt|apply IZR_le in le]; nra.
- destruct (Z.eqb_spec (fst x) 0) as [eq|ne], (Req_EM_T r 0) as [r0|r0]; try reflexivity; exfalso.
  + apply r0; rewrite eq in fst_x; nra.
  + apply ne, eq_IZR; rewrite fst_x, r0; ring.
- destruct (Z.leb_spec 0 (fst x)) as [le|lt], (Rle_dec 0 r); try reflexivity; exfalso; [apply IZR_le in le|apply IZR_lt in lt]; nra.
Qed.

Lemma stands_least x y r t : stands x r -> stands y t -> stands (least x y) (Rmin r t).
Proof.
intros x_r y_t; pose proof (stands_at_most _ _ _ _ x_r y_t) as le; unfold least.
destruct (at_most x y); [rewrite Rmin_left; [exact x_r|now apply le]|].
rewrite Rmin_right; [exact y_t|]; destruct (Rle_dec r t) as [r_t|]; [apply le in r_t; discriminate|lra].
Qed.

Lemma stands_most x y r t : stands x r -> stands y t -> stands (most x y) (Rmax r t).
Proof.
intros x_r y_t; pose proof (stands_at_most _ _ _ _ y_t x_r) as le; unfold most.
destruct (at_most y x); [rewrite Rmax_left; [exact x_r|now apply le]|].
rewrite Rmax_right; [exact y_t|]; destruct (Rle_dec t r) as [r_t|]; [apply le in r_t; discriminate|lra].
Qed.

Lemma stands_clipped x y z r s t : stands x r -> stands y s -> stands z t -> stands (clipped x y z) (clip r s t).
Proof. intros; apply stands_least; [now apply stands_most|assumption]. Qed.

(** Rounding. *)
Lemma Int_part_unique y n : IZR n <= y < IZR n + 1 -> Int_part y = n.
Proof.
intros [n_le n_gt]; destruct (base_Int_part y) as [f_le f_gt].
assert (IZR (Int_part y) < IZR (n + 1)) by (rewrite plus_IZR; lra).
assert (IZR n < IZR (Int_part y + 1)) by (rewrite plus_IZR; lra).
apply lt_IZR in H, H0; lia.
Qed.

Lemma stands_floor x r : stands x r -> Int_part r = floor x.
Proof.
intros [x_gt0 <-]; stand; unfold floor; apply Int_part_unique; pose proof x_gt0 as x_gt0'; apply IZR_lt in x_gt0.
pose proof (Z.div_mod (fst x) (snd x) ltac:(lia)) as dm; pose proof (Z.mod_pos_bound (fst x) (snd x) x_gt0') as [m_ge m_lt].
apply (f_equal IZR) in dm; rewrite plus_IZR, mult_IZR in dm; apply IZR_le in m_ge; apply IZR_lt in m_lt.
assert (e : IZR (fst x) / IZR (snd x) = IZR (fst x / snd x) + IZR (fst x mod snd x) / IZR (snd x)) by (rewrite dm at 1; field; lra).
rewrite e; assert (0 <= IZR (fst x mod snd x) / IZR (snd x) < 1); [|lra]; split.
- apply Rmult_le_pos; [exact m_ge|]; left; now apply Rinv_0_lt_compat.
- apply (Rmult_lt_reg_r (IZR (snd x))); [exact x_gt0|]; field_simplify; lra.
Qed.

Lemma stands_round x r : stands x r -> nearest r = round x.
Proof.
intros x_r; unfold nearest, round; rewrite (stands_floor _ _ x_r); set (f := floor x).
destruct x_r as [x_gt0 <-]; stand; apply IZR_lt in x_gt0; change two with 2%Z; change Z.one with 1%Z.
assert (rest : IZR (2 * (fst x - f * snd x)) = 2 * (IZR (fst x) / IZR (snd x) - IZR f) * IZR (snd x)).
{ rewrite mult_IZR, minus_IZR, mult_IZR; field; lra. }
destruct (Z.ltb_spec (2 * (fst x - f * snd x)) (snd x)) as [lt|ge].
{ apply IZR_lt in lt; rewrite rest in lt; destruct (Rlt_dec _ (1 / 2)) as [|no]; [reflexivity|exfalso; apply no; nra]. }
apply IZR_le in ge; rewrite rest in ge; destruct (Rlt_dec _ (1 / 2)) as [yes|_]; [exfalso; nra|].
destruct (Z.ltb_spec (snd x) (2 * (fst x - f * snd x))) as [lt|le].
{ apply IZR_lt in lt; rewrite rest in lt; destruct (Rlt_dec (1 / 2) _) as [|no]; [reflexivity|exfalso; apply no; nra]. }
apply IZR_le in le; rewrite rest in le; destruct (Rlt_dec (1 / 2) _) as [yes|_]; [exfalso; nra|].
pose proof (Z.div_mod f 2 ltac:(lia)) as dm; pose proof (Zmod_even f) as even.
destruct (Z.even f), (Z.eqb_spec (2 * (f / 2)) f); try reflexivity; lia.
Qed.

Lemma nearest_odd y : nearest (- y) = (- nearest y)%Z.
Proof.
destruct (base_Int_part y) as [f_le f_gt]; set (f := Int_part y) in *.
destruct (Req_EM_T y (IZR f)) as [whole|part].
- assert (f' : Int_part (- y) = (- f)%Z) by (apply Int_part_unique; rewrite opp_IZR; lra).
  unfold nearest; fold f; rewrite f', opp_IZR.
  destruct (Rlt_dec (y - IZR f) (1 / 2)); [|lra]; destruct (Rlt_dec (- y - - IZR f) (1 / 2)); [reflexivity|lra].
- assert (f' : Int_part (- y) = (- f - 1)%Z) by (apply Int_part_unique; rewrite minus_IZR, opp_IZR; lra).
  unfold nearest; fold f; rewrite f', minus_IZR, opp_IZR.
  destruct (Rlt_dec (y - IZR f) (1 / 2)), (Rlt_dec (1 / 2) (y - IZR f)), (Rlt_dec (- y - (- IZR f - 1)) (1 / 2)),
    (Rlt_dec (1 / 2) (- y - (- IZR f - 1))); try lra; try lia.
  replace (Z.even (- f - 1)) with (negb (Z.even f)); [destruct (Z.even f); cbn; lia|].
  rewrite Z.even_sub, Z.even_opp; cbn; now destruct (Z.even f).
Qed.

Lemma stands_0 : stands zero_fraction 0. Proof. exact (stands_integer 0). Qed.
Lemma stands_1 : stands one_fraction 1. Proof. exact (stands_integer 1). Qed.

Lemma at_zero_stands x r t v w : stands x r -> (if fst x =? Z.zero then Some w else None)%Z = Some v -> (r = 0 -> stands w t) ->
  stands v t.
Proof.
intros x_r found holds; destruct (stands_sign _ _ x_r) as (_ & zer & _); change Z.zero with 0%Z in found; rewrite zer in found.
destruct (Req_EM_T r 0) as [r_0|]; [|discriminate]; injection found as <-; now apply holds.
Qed.

Lemma from_zero_stands x r s t v w : stands x r -> (if Z.zero <=? fst x then Some w else None)%Z = Some v -> stands w s ->
  stands v (if Rle_dec 0 r then s else t).
Proof.
intros x_r found holds; destruct (stands_sign _ _ x_r) as (_ & _ & neg); change Z.zero with 0%Z in found; rewrite neg in found.
destruct (Rle_dec 0 r); [|discriminate]; now injection found as <-.
Qed.

Ltac signs := unfold clip, Rmin, Rmax in *; repeat (destruct (Rle_dec _ _) || destruct (Rlt_dec _ _)); try lra; try nra.

Lemma real_0 x : (fst x =? Z.zero)%Z = true -> real x = 0.
Proof. intros x_0%Z.eqb_eq; unfold real; rewrite x_0; change (IZR Z.zero) with 0; unfold Rdiv; ring. Qed.

Lemma real_opp x y : (0 < snd x)%Z -> (0 < snd y)%Z -> same_fraction x (minus y) = true -> real x = - real y.
Proof.
intros x_gt0 y_gt0 same%Z.eqb_eq; stand; apply (f_equal IZR) in same; rewrite !mult_IZR, opp_IZR in same.
apply IZR_lt in x_gt0, y_gt0; apply (Rmult_eq_reg_r (IZR (snd x) * IZR (snd y))); [|nra].
replace (_ / _ * _) with (IZR (fst x) * IZR (snd y)) by (field; lra); rewrite same; field; lra.
Qed.

Lemma fst_nonnegative x : (0 < snd x)%Z -> (0 <=? fst x)%Z = true -> 0 <= real x.
Proof.
intros x_gt0 x_ge0; destruct (stands_sign x (real x)) as (_ & _ & same); [now split|]; rewrite same in x_ge0.
now destruct (Rle_dec 0 (real x)).
Qed.

Lemma clip_at_least a b y : a <= b -> a <= clip a b y.
Proof. intros; signs. Qed.

Lemma clip_nonnegative a b y : 0 <= a -> a <= b -> 0 <= clip a b y.
Proof. intros; pose proof (clip_at_least a b y); lra. Qed.

Lemma quantized_stands n s z a b : (0 < snd s)%Z -> (0 < snd z)%Z -> (0 < snd a)%Z -> (0 < snd b)%Z ->
  stands (quantized n s z a b) (real s * (clip (real a) (real b) (IZR n + real z) - real z)).
Proof.
intros; assert (stands s (real s) /\ stands z (real z) /\ stands a (real a) /\ stands b (real b)) as (? & ? & ? & ?) by now repeat split.
apply stands_times; [assumption|apply stands_plus; [|now apply stands_minus]].
apply stands_clipped; try assumption; apply stands_plus; [apply stands_integer|assumption].
Qed.

