(* SPDX-License-Identifier: Apache-2.0 *)
(** This file is about the laws that the checker uses of functions, and that the functions of real numbers obey them.

   lawful M       the functions that M gives to the names obey the tables of Functions.v
   real_lawful    the real functions do, whatever odd function erf is and whatever opaque operators compute             *)
From Coq Require Import List Bool ZArith Reals Lra Lia.
From Exactlump Require Import Network Numbers Functions Meaning RealFractions.
Import ListNotations.

Section Laws.
Context {F : numbers}.
Implicit Types (sigma : F -> F) (c y : F).

Definition is_odd sigma := forall y, sigma (opp y) = opp (sigma y).
Definition is_even sigma := forall y, sigma (opp y) = sigma y.
Definition is_homogeneous sigma := forall c y, nonnegative c = true -> c <> zero -> sigma (mul c y) = mul c (sigma y).
Definition is_size_blind sigma := forall c y, nonnegative c = true -> c <> zero -> sigma (mul c y) = sigma y.

Definition obeys (s : symmetry) sigma : Prop :=
  match s with
  | OnlyOne => True
  | Odd => is_odd sigma
  | Even => is_even sigma
  | Positive => is_homogeneous sigma
  | Linear => is_homogeneous sigma /\ is_odd sigma
  | Size => is_homogeneous sigma /\ is_even sigma
  | BySign => is_size_blind sigma /\ is_odd sigma
  | ByStep => is_size_blind sigma
  end.

Record lawful (M : meaning F) : Prop := Lawful {
  symmetry_law : forall n ps, is_proper (Named n ps) = true -> obeys (symmetry_of (Named n ps)) (of_name F M n ps);
  value_law : forall n ps a b p q, is_proper (Named n ps) = true -> (0 < b)%Z ->
    value_at (Named n ps) (a, b) = Some (p, q) -> (0 < q)%Z /\ of_name F M n ps (of_fraction (a, b)) = of_fraction (p, q);
  twin_law : forall n ps l m y, is_proper (Named n ps) = true -> twin_of (Named n ps) = Some (l, m) ->
    (0 < m)%Z /\ of_name F M n ps y = add (of_name F M n ps (opp y)) (mul (of_fraction (l, m)) y);
  sign_law : forall n ps y, is_proper (Named n ps) = true -> never_negative (Named n ps) = true ->
    nonnegative (of_name F M n ps y) = true;
  above_law : forall n ps y, is_proper (Named n ps) = true -> linear_above (Named n ps) = true ->
    nonnegative y = true -> of_name F M n ps y = y;
  below_law : forall n ps y, is_proper (Named n ps) = true -> zero_below (Named n ps) = true ->
    nonnegative (opp y) = true -> of_name F M n ps y = zero;
  softmax_law : forall ys i, nonnegative (nth i (of_operator F M Softmax ys) zero) = true }.

End Laws.

(** --- The reals --- *)

Local Open Scope R_scope.

Section Reals.
Variable erf : R -> R.
Variable opaque : Z -> list R -> list R.
Hypothesis erf_odd : forall y, erf (- y) = - erf y.
Local Notation real_function := (real_function erf).
Local Notation real_meaning := (real_meaning erf opaque).

Lemma tanh_odd y : tanh (- y) = - tanh y.
Proof.
unfold tanh, sinh, cosh; rewrite Ropp_involutive; pose proof (exp_pos y); pose proof (exp_pos (- y)); field; lra.
Qed.

Lemma sigmoid_twin y : sigmoid y + sigmoid (- y) = 1.
Proof.
unfold sigmoid; rewrite Ropp_involutive, exp_Ropp; pose proof (exp_pos y); field; lra.
Qed.

Lemma softplus_twin y : ln (1 + exp y) = ln (1 + exp (- y)) + y.
Proof.
pose proof (exp_pos y); pose proof (exp_pos (- y)).
rewrite <- (ln_exp y) at 3; rewrite <- ln_mult by lra; f_equal; rewrite exp_Ropp; field; lra.
Qed.

Ltac parameters ps :=
  destruct ps as [|? [|? [|? [|? [|]]]]]; cbn [is_proper forallb] in *; rewrite ?andb_false_r in *; try discriminate.

Ltac proper :=
  repeat match goal with
  | ok : _ && _ = true |- _ => apply andb_true_iff in ok as [? ?]
  | ok : is_positive _ = true |- _ => apply Z.ltb_lt in ok; change Z.zero with 0%Z in ok
  end.

Lemma positive_factor (c : Reals) : nonnegative c = true -> c <> zero -> 0 < c.
Proof. intros c_ge0%nonnegative_R c_nz; cbn in *; lra. Qed.

Lemma symmetry_holds n ps : is_proper (Named n ps) = true -> obeys (symmetry_of (Named n ps)) (real_function n ps : Reals -> Reals).
Proof.
intros ok; destruct n; parameters ps; cbn [symmetry_of]; try exact I; proper;
  try (destruct (_ =? _)%Z eqn:zero_0; [apply real_0 in zero_0|exact I]); unfold real_function; cbn [map].
- destruct (same_fraction _ _) eqn:same; [|exact I]; apply real_opp in same; [|assumption..].
  assert (le : real f <= real f0) by (eapply stands_at_most; [| |eassumption]; now split).
  intros y; cbn; signs.
- intros c y c_ge0 c_nz; pose proof (positive_factor c c_ge0 c_nz); cbn; rewrite zero_0; signs.
- intros c y c_ge0 c_nz; pose proof (positive_factor c c_ge0 c_nz); cbn; rewrite zero_0; signs.
- intros c y c_ge0 c_nz; pose proof (positive_factor c c_ge0 c_nz); cbn; rewrite zero_0; signs.
- split; [intros c y c_ge0 c_nz; pose proof (positive_factor c c_ge0 c_nz)|intros y]; cbn; signs.
- intros c y c_ge0 c_nz; pose proof (positive_factor c c_ge0 c_nz); cbn; signs.
- intros y; cbn; now rewrite nearest_odd, opp_IZR.
- intros y; cbn; rewrite Rabs_Ropp; unfold Rdiv; ring.
- exact tanh_odd.
- exact erf_odd.
- exact sin_neg.
- exact cos_neg.
- split; [intros c y _ _|intros y]; cbn; ring.
Qed.

Lemma value_stands n ps x r v : is_proper (Named n ps) = true -> stands x r -> value_at (Named n ps) x = Some v ->
  stands v (real_function n ps r).
Proof.
intros ok x_r; pose proof (stands_sign _ _ x_r) as (pos & zer & neg); pose proof stands_0; pose proof stands_1.
destruct n; parameters ps; cbn [value_at]; proper; unfold real_function; cbn [map].
all: repeat match goal with y : fraction, gt0 : (0 < snd ?y)%Z |- _ => lazymatch goal with
  | _ : stands y (real y) |- _ => fail | _ => assert (stands y (real y)) by now split end end.
all: try (intros found; first [refine (from_zero_stands _ _ _ _ _ _ x_r found _) | refine (at_zero_stands _ _ _ _ _ x_r found _); intros ->]).
all: try (intros [= <-]).
- now apply stands_clipped.
- now apply stands_most.
- now apply stands_least.
- apply stands_clipped; try assumption; apply stands_plus; [now apply stands_times|assumption].
- apply stands_times; [exact x_r|]; apply stands_clipped; try assumption; apply stands_plus; [|now stand].
  replace (r / 6) with (1 / 6 * r) by field; apply stands_times; [now stand|exact x_r].
- match goal with x_f : stands f _ |- _ => pose proof (stands_at_most _ _ _ _ x_r x_f) as le end.
  destruct (at_most x f), (Rlt_dec (real f) r) as [lt|nlt]; try assumption.
  + assert (r <= real f) by now apply le. lra.
  + assert (r <= real f) as r_le%le by lra; discriminate.
- change Z.zero with 0%Z in *; unfold is_positive; change Z.zero with 0%Z; rewrite pos, zer.
  destruct (Rlt_dec 0 r); [exact (stands_integer 1)|]; destruct (Req_EM_T r 0), (Rlt_dec r 0); try lra;
    [exact (stands_integer 0)|exact (stands_integer (-1))].
- change Z.zero with 0%Z; rewrite neg; destruct (Rle_dec 0 r); [exact (stands_integer 1)|exact (stands_integer (-1))].
- rewrite (stands_floor _ _ x_r); apply stands_integer.
- rewrite (stands_floor _ _ (stands_minus _ _ x_r)), <- opp_IZR; apply stands_integer.
- rewrite (stands_round _ _ x_r); apply stands_integer.
- assert (0 < real f) by (match goal with ok : stands f _ |- _ => destruct (stands_sign _ _ ok) as (e & _) end;
    destruct (Rlt_dec 0 (real f)); [assumption|]; apply Z.ltb_ge in e; lia).
  erewrite stands_round by (apply stands_divided; eassumption); now apply quantized_stands.
- assert (0 < real f) by (match goal with ok : stands f _ |- _ => destruct (stands_sign _ _ ok) as (e & _) end;
    destruct (Rlt_dec 0 (real f)); [assumption|]; apply Z.ltb_ge in e; lia).
  erewrite stands_floor by (apply stands_divided; eassumption); now apply quantized_stands.
- destruct x_r as [x_gt0 <-]; stand; split; [lia|]; rewrite plus_IZR, abs_IZR; apply IZR_lt in x_gt0.
  unfold Rdiv; rewrite Rabs_mult, (Rabs_right (/ IZR (snd x))) by (apply Rle_ge; left; now apply Rinv_0_lt_compat).
  pose proof (Rabs_pos (IZR (fst x))); field; lra.
- exact x_r.
- now apply stands_times.
- exact x_r.
- replace (0 * _ / 2) with 0 by field; assumption.
- replace (0 * _ / 2) with 0 by field; assumption.
- replace (0 * _) with 0 by ring; assumption.
- replace (0 * _) with 0 by ring; assumption.
- replace (tanh 0) with 0; [assumption|]; unfold tanh; rewrite sinh_0; lra.
- replace (erf 0) with 0; [assumption|]; pose proof (erf_odd 0) as e; rewrite Ropp_0 in e; lra.
- rewrite sin_0; assumption.
- rewrite cos_0; assumption.
- rewrite exp_0; assumption.
- unfold sigmoid; rewrite Ropp_0, exp_0; stand; change two with 2%Z; change Z.one with 1%Z; split; [reflexivity|field].
- destruct (Z.eqb_spec (fst f) Z.one) as [one|_].
  + intros [= <-]; match goal with e : (snd f =? Z.one)%Z = true |- _ => apply Z.eqb_eq in e; rename e into den end.
    assert (f_1 : real f = 1) by (unfold real; rewrite one, den; change (IZR Z.one) with 1; field).
    now rewrite f_1, sqrt_1, Rmult_1_l.
  + intros found; refine (at_zero_stands _ _ _ _ _ x_r found _); intros ->; now rewrite Rmult_0_r.
- apply stands_times; [exact x_r|]; apply stands_clipped; try assumption; apply stands_plus; [now apply stands_times|assumption].
- replace (real f0 * 0 * _) with 0 by ring; assumption.
- match goal with b_f : stands f _, t_f : stands f0 _ |- _ => pose proof (stands_at_most _ _ _ _ (stands_times _ _ _ _ b_f x_r) t_f) as le end.
  destruct (at_most (times f x) f0); [discriminate|]; intros [= <-].
  destruct (Rlt_dec (real f0) (real f * r)) as [lt|nlt]; [exact x_r|].
  assert (real f * r <= real f0) as r_le%le by lra; discriminate.
Qed.

Lemma twin_holds n ps l m y : is_proper (Named n ps) = true -> twin_of (Named n ps) = Some (l, m) ->
  (0 < m)%Z /\ real_function n ps y = real_function n ps (- y) + real (l, m) * y.
Proof.
intros ok; destruct n; parameters ps; cbn [twin_of]; try discriminate; proper;
  try (destruct (_ =? _)%Z eqn:zero_0; [apply real_0 in zero_0|discriminate]); unfold real_function; cbn [map].
all: intros found; assert (l_m : (l, m) = one_fraction) by congruence; rewrite l_m; injection l_m as -> ->;
  split; [reflexivity|]; destruct stands_1 as [_ ->]; rewrite Rmult_1_l.
- rewrite zero_0; signs.
- signs.
- rewrite zero_0; signs.
- replace (- y / sqrt 2) with (- (y / sqrt 2)) by (unfold Rdiv; ring); rewrite erf_odd; field.
- replace (_ * (- y + _)) with (- (sqrt (2 / PI) * (y + 44715 / 1000000 * (y * y * y)))) by ring; rewrite tanh_odd; field.
- pose proof (sigmoid_twin y) as twin; replace (sigmoid (- y)) with (1 - sigmoid y) by lra; ring.
- apply softplus_twin.
- pose proof (softplus_twin y) as twin; rewrite Ropp_involutive; lra.
Qed.

Ltac real_parameters :=
  repeat match goal with y : fraction, gt0 : (0 < snd ?y)%Z |- _ => lazymatch goal with
  | _ : stands y (real y) |- _ => fail | _ => assert (stands y (real y)) by now split end end;
  repeat match goal with ok : at_most ?x ?y = true |- _ => apply (stands_at_most x y (real x) (real y)) in ok; [|assumption..] end.

Lemma sign_holds n ps y : is_proper (Named n ps) = true -> never_negative (Named n ps) = true -> 0 <= real_function n ps y.
Proof.
intros ok; destruct n; parameters ps; cbn [never_negative]; try discriminate; proper; real_parameters;
  unfold real_function; cbn [map]; change Z.zero with 0%Z; intros range.
- apply clip_nonnegative; [now apply fst_nonnegative|assumption].
- apply fst_nonnegative in range; [signs|assumption].
- apply clip_nonnegative; lra.
- apply fst_nonnegative in range; [signs|assumption].
- real_parameters; assert (0 < real f) by (match goal with ok : stands f _ |- _ => destruct (stands_sign _ _ ok) as (e & _) end;
    destruct (Rlt_dec 0 (real f)); [assumption|]; apply Z.ltb_ge in e; lia).
  apply Rmult_le_pos; [lra|]; match goal with |- context [clip ?a ?b ?z] => pose proof (clip_at_least a b z) end; lra.
- real_parameters; assert (0 < real f) by (match goal with ok : stands f _ |- _ => destruct (stands_sign _ _ ok) as (e & _) end;
    destruct (Rlt_dec 0 (real f)); [assumption|]; apply Z.ltb_ge in e; lia).
  apply Rmult_le_pos; [lra|]; match goal with |- context [clip ?a ?b ?z] => pose proof (clip_at_least a b z) end; lra.
- pose proof (exp_pos y); rewrite <- ln_1; destruct (Req_dec (1 + exp y) 1); [lra|]; left; apply ln_increasing; lra.
- left; apply exp_pos.
- left; apply Rinv_0_lt_compat; pose proof (exp_pos (- y)); lra.
Qed.

Lemma above_holds n ps y : is_proper (Named n ps) = true -> linear_above (Named n ps) = true -> 0 <= y -> real_function n ps y = y.
Proof.
intros ok; destruct n; parameters ps; cbn [linear_above]; try discriminate; proper; unfold real_function; cbn [map]; intros fits y_ge0.
- assert (real f <= 0); [|signs]; assert (stands f (real f)) as x_f by now split.
  destruct (stands_sign _ _ x_f) as (e & _); destruct (Rlt_dec 0 (real f)); [|lra].
  apply Z.leb_le in fits; change Z.zero with 0%Z in fits; apply Z.ltb_lt in e; lia.
- apply real_0 in fits; rewrite fits; signs.
- destruct (Rle_dec 0 y); [reflexivity|lra].
- destruct (Rle_dec 0 y); [reflexivity|lra].
Qed.

Lemma below_holds n ps y : is_proper (Named n ps) = true -> zero_below (Named n ps) = true -> y <= 0 -> real_function n ps y = 0.
Proof.
intros ok; destruct n; parameters ps; cbn [zero_below]; try discriminate; proper; unfold real_function; cbn [map]; intros fits y_le0.
- apply real_0 in fits; rewrite fits; signs.
- apply fst_nonnegative in fits; [signs|assumption].
Qed.

Lemma sum_of_exp_nonnegative ys : 0 <= sum_of_exp ys.
Proof. induction ys as [|y ys IH]; cbn; [lra|]; pose proof (exp_pos y); unfold sum_of_exp in IH; lra. Qed.

Theorem real_lawful : lawful real_meaning.
Proof.
split.
- exact symmetry_holds.
- intros n ps a b p q ok b_gt0 found; rewrite !of_fraction_R.
  now apply (value_stands n ps (a, b) (real (a, b))) in found as [q_gt0 ->].
- intros n ps l m y ok found; rewrite of_fraction_R; now apply twin_holds.
- intros n ps y ok range; apply nonnegative_R; now apply sign_holds.
- intros n ps y ok fits y_ge0%nonnegative_R; now apply above_holds.
- intros n ps y ok fits y_le0%nonnegative_R; apply below_holds; try assumption; cbn in y_le0; lra.
- intros ys i; apply nonnegative_R; cbn -[sum_of_exp]; destruct (nth_in_or_default i (map (fun y => exp y / sum_of_exp ys) ys) 0) as [found| ->].
  + apply in_map_iff in found as [y [<- _]]; apply Rmult_le_pos; [left; apply exp_pos|].
    pose proof (sum_of_exp_nonnegative ys); destruct (Req_dec (sum_of_exp ys) 0) as [-> |]; [rewrite Rinv_0; lra|].
    left; apply Rinv_0_lt_compat; lra.
  + lra.
Qed.

End Reals.
