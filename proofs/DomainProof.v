(* SPDX-License-Identifier: Apache-2.0 *)
(** This file is about why [check_on_domain] may be believed: on every box all registers of N lie between the ends that Domain.v
   finds for them, so that what it takes out of N changes no value there.

   reg, wsum, pre   registers, weighted sums, and what a neuron's function is applied to, as real numbers
   ranges_ok        registers lie between their ends, which are integers over p
   entry_ok         a register lies between the two lines of its entry
   bounds           a functional is a lower bound of a number                                                  *)
From Coq Require Import List Bool ZArith Reals Lra Lia.
From Exactlump Require Import Network Numbers Functions Meaning RealFractions Laws Forms FormsProof Checker FunctionsProof RowsProof.
From Exactlump Require Import CheckerProof Refuter RefuterProof Domain.
Import ListNotations.
Local Open Scope R_scope.

(** --- Rounding --- *)

Lemma floor_le a b (x : R) : (0 < b)%Z -> IZR a <= IZR b * x -> IZR (a / b) <= x.
Proof.
intros b_gt0 a_le; pose proof (Z.mul_div_le a b b_gt0) as le; apply IZR_le in le; rewrite mult_IZR in le; apply IZR_lt in b_gt0.
apply (Rmult_le_reg_l (IZR b)); lra.
Qed.

Lemma ceiling_ge a b (x : R) : (0 < b)%Z -> IZR b * x <= IZR a -> x <= IZR (ceiling a b).
Proof.
intros b_gt0 le; unfold ceiling; pose proof (floor_le (- a) b (- x) b_gt0) as below; rewrite !opp_IZR in *.
assert (- IZR a <= IZR b * - x) by lra; specialize (below H); lra.
Qed.

Lemma at_least_0 z : (Z.zero <=? z)%Z = true -> 0 <= IZR z.
Proof. intros z_ge0%Z.leb_le; now apply IZR_le in z_ge0. Qed.

Lemma below_0 z : (Z.zero <=? z)%Z = false -> IZR z <= 0.
Proof. intros z_lt0%Z.leb_gt; apply IZR_le; change Z.zero with 0%Z in z_lt0; lia. Qed.

Lemma at_most_0 z : (z <=? Z.zero)%Z = true -> IZR z <= 0.
Proof. intros z_le0%Z.leb_le; now apply IZR_le in z_le0. Qed.

Lemma max_ge_l a b : IZR a <= IZR (Z.max a b). Proof. apply IZR_le; lia. Qed.
Lemma max_ge_r a b : IZR b <= IZR (Z.max a b). Proof. apply IZR_le; lia. Qed.
Lemma min_le_l a b : IZR (Z.min a b) <= IZR a. Proof. apply IZR_le; lia. Qed.
Lemma min_le_r a b : IZR (Z.min a b) <= IZR b. Proof. apply IZR_le; lia. Qed.

Lemma max_le a b x : x <= IZR a \/ x <= IZR b -> x <= IZR (Z.max a b).
Proof. pose proof (max_ge_l a b); pose proof (max_ge_r a b); lra. Qed.
Lemma le_min a b x : IZR a <= x \/ IZR b <= x -> IZR (Z.min a b) <= x.
Proof. pose proof (min_le_l a b); pose proof (min_le_r a b); lra. Qed.

(** --- Registers and sums --- *)

Definition reg (ys : list R) (k : positive) : R := nth (at_key k) ys 0.
Definition wsum (ys : list R) (start : N) (es : list (N * Z)) : R := @weighted_sum Reals ys start es.
Definition pre (ys : list R) (start : N) (n : neuron) : R := @preactivation Reals ys start n.
Definition fv (env : positive -> R) (f : form) : R := form_value Reals env f.
Definition tv (env : positive -> R) (ts : terms) : R := terms_value Reals env ts.

Lemma register_reg ys start u : @register Reals ys start u = reg ys (key start u).
Proof. exact (register_key Reals ys start u). Qed.

Lemma wsum_cons ys start u w es : wsum ys start ((u, w) :: es) = IZR w * reg ys (key start u) + wsum ys start es.
Proof.
unfold wsum; change (@weighted_sum Reals ys start ((u, w) :: es))
  with (@of_Z Reals w * @register Reals ys start u + @weighted_sum Reals ys start es).
now rewrite of_Z_R, register_reg.
Qed.

Lemma pre_spec ys start n : (0 < denominator n)%Z -> IZR (denominator n) * pre ys start n = wsum ys start (edges n) + IZR (bias n).
Proof.
intros d_gt0; unfold pre, preactivation; cbn [mul add inverse Reals]; rewrite !of_Z_R; apply IZR_lt in d_gt0.
change (@weighted_sum Reals ys start (edges n) : R) with (wsum ys start (edges n)).
field; lra.
Qed.

Lemma add_term_R k c f env : fv env (add_term k c f) = IZR c * env k + fv env f.
Proof. unfold fv; rewrite (add_term_value Reals Reals_field), of_Z_R; reflexivity. Qed.

Lemma scaled_R a f env : fv env (scaled a f) = IZR a * fv env f.
Proof. unfold fv; rewrite (scaled_value Reals Reals_field), of_Z_R; reflexivity. Qed.

Lemma tv_cons env k c ts : tv env ((k, c) :: ts) = IZR c * env k + tv env ts.
Proof.
unfold tv; change (terms_value Reals env ((k, c) :: ts)) with (@of_Z Reals c * env k + terms_value Reals env ts).
now rewrite of_Z_R.
Qed.

Lemma listed_R f env : tv env (listed (fun k => k) f []) = fv env f.
Proof.
unfold tv, fv; rewrite (listed_value Reals Reals_field); cbn [terms_value add Reals zero].
change (fun k => env k) with env; apply Rplus_0_r.
Qed.

Lemma add_sum_R a start es f ys : fv (reg ys) (add_sum a start es f) = IZR a * wsum ys start es + fv (reg ys) f.
Proof.
unfold add_sum; revert f; induction es as [|[u w] es IH]; intros f; cbn [fold_left fst snd].
- change (wsum ys start []) with 0; ring.
- rewrite IH, add_term_R, wsum_cons, mult_IZR; ring.
Qed.

Definition inside_of (ys : list R) (k : positive) : Prop := (at_key k < length ys)%nat.

Lemma reg_more ys zs k : inside_of ys k -> reg (ys ++ zs) k = reg ys k.
Proof. apply app_nth1. Qed.

Lemma inside_more ys zs k : inside_of ys k -> inside_of (ys ++ zs) k.
Proof. unfold inside_of; rewrite app_length; lia. Qed.

Definition readable_sum (ys : list R) (start : N) (es : list (N * Z)) : Prop := Forall (fun e => inside_of ys (key start (fst e))) es.

Lemma wsum_more ys zs start es : readable_sum ys start es -> wsum (ys ++ zs) start es = wsum ys start es.
Proof.
intros all; induction all as [|[u w] es u_in _ IH]; [reflexivity|]; rewrite !wsum_cons, IH, reg_more by exact u_in; reflexivity.
Qed.

(** --- What is known --- *)

Section Values.
Variables (erf : R -> R) (opaque : Z -> list R -> list R).
Hypothesis erf_odd : forall y, erf (- y) = - erf y.
Let M := real_meaning erf opaque.
Let laws := real_lawful erf opaque erf_odd.
Definition value_of (f : function) (y : R) : R := @apply Reals M f y.

Variables p q : Z.
Hypotheses (p_gt0 : (0 < p)%Z) (q_gt0 : (0 < q)%Z).

Definition between (r : Z * Z) (y : R) : Prop := IZR (fst r) <= IZR p * y <= IZR (snd r).

Definition ranges_ok (ys : list R) (t : tree (Z * Z)) : Prop := forall k r, find k t = Some r -> inside_of ys k /\ between r (reg ys k).

Definition lies_above (l : slanted) (s y : R) : Prop := (0 < divisor l)%Z /\ IZR (factor l) * s + IZR (offset l) <= IZR (divisor l) * y.
Definition lies_below (l : slanted) (s y : R) : Prop := (0 < divisor l)%Z /\ IZR (divisor l) * y <= IZR (factor l) * s + IZR (offset l).

Record entry_ok (ys : list R) (e : entry) : Prop := EntryOk {
  entry_inside : inside_of ys (entry_key e);
  entry_reads : readable_sum ys (entry_start e) (entry_sum e);
  entry_below : lies_above (below e) (wsum ys (entry_start e) (entry_sum e)) (reg ys (entry_key e));
  entry_above : lies_below (above e) (wsum ys (entry_start e) (entry_sum e)) (reg ys (entry_key e)) }.

Record scan_ok (s : scan) (ys : list R) : Prop := ScanOk {
  following_ok : at_key (following s) = length ys;
  scan_ranges : ranges_ok ys (ranges s);
  scan_entries : Forall (entry_ok ys) (entries s) }.

Lemma ranges_more ys zs t : ranges_ok ys t -> ranges_ok (ys ++ zs) t.
Proof. intros ok k r found; destruct (ok _ _ found) as [k_in bounds]; split; [now apply inside_more|]; now rewrite reg_more. Qed.

Lemma entry_more ys zs e : entry_ok ys e -> entry_ok (ys ++ zs) e.
Proof.
intros [k_in reads low high]; split; rewrite ?wsum_more, ?reg_more by assumption; try assumption; [now apply inside_more|].
unfold readable_sum in *; eapply Forall_impl; [|exact reads]; intros; now apply inside_more.
Qed.

Lemma entries_more ys zs es : Forall (entry_ok ys) es -> Forall (entry_ok (ys ++ zs)) es.
Proof. intros all; eapply Forall_impl; [|exact all]; intros; now apply entry_more. Qed.

(** --- What a node's function is applied to --- *)

Lemma sum_range_sound ys t start es low high r x : ranges_ok ys t -> sum_range t start es low high = Some r -> IZR low <= x <= IZR high ->
  readable_sum ys start es /\ IZR (fst r) <= x + IZR p * wsum ys start es <= IZR (snd r).
Proof.
intros ok; revert low high x; induction es as [|[u w] es IH]; cbn [sum_range]; intros low high x found x_in.
- injection found as <-; split; [constructor|]; change (wsum ys start []) with 0; cbn [fst snd]; lra.
- destruct (find _ _) as [[a b]|] eqn:u_r; [|discriminate]; destruct (ok _ _ u_r) as [u_in [a_le b_ge]]; cbn [fst snd] in a_le, b_ge.
  set (y := reg ys (key start u)) in *.
  assert (sides : exists l h, sum_range t start es l h = Some r /\ IZR l <= x + IZR w * (IZR p * y) <= IZR h).
  { destruct (Z.zero <=? w)%Z eqn:w_sign; eexists _, _; (split; [exact found|]); rewrite !plus_IZR, !mult_IZR.
    - apply at_least_0 in w_sign; split.
      + apply Rplus_le_compat; [lra|]; apply Rmult_le_compat_l; assumption.
      + apply Rplus_le_compat; [lra|]; apply Rmult_le_compat_l; assumption.
    - apply below_0 in w_sign; split.
      + apply Rplus_le_compat; [lra|]; apply Rmult_le_compat_neg_l; assumption.
      + apply Rplus_le_compat; [lra|]; apply Rmult_le_compat_neg_l; assumption. }
  destruct sides as [l [h [found' x'_in]]]; destruct (IH _ _ _ found' x'_in) as [reads bounds]; split; [now constructor|].
  rewrite wsum_cons; fold y; replace (x + IZR p * (IZR w * y + wsum ys start es)) with (x + IZR w * (IZR p * y) + IZR p * wsum ys start es) by ring.
  exact bounds.
Qed.

Lemma plain_range_sound s ys start n r : scan_ok s ys -> (0 < denominator n)%Z -> plain_range p s start n = Some r ->
  readable_sum ys start (edges n) /\ between r (pre ys start n).
Proof.
unfold plain_range; intros ok d_gt0; destruct (sum_range _ _ _ _ _) as [[low high]|] eqn:found; [|discriminate]; intros [= <-].
destruct (sum_range_sound ys _ _ _ _ _ _ 0 (scan_ranges _ _ ok) found) as [reads bounds]; [change (IZR Z.zero) with 0; lra|].
split; [exact reads|]; pose proof (pre_spec ys start n d_gt0) as value; cbn [fst snd] in *; unfold between; cbn [fst snd].
assert (scaled_value : IZR (denominator n) * (IZR p * pre ys start n) = IZR p * wsum ys start (edges n) + IZR p * IZR (bias n)).
{ replace (IZR (denominator n) * (IZR p * pre ys start n)) with (IZR p * (IZR (denominator n) * pre ys start n)) by ring; rewrite value; ring. }
split; [apply floor_le|apply ceiling_ge]; try exact d_gt0; rewrite scaled_value, plus_IZR, mult_IZR; lra.
Qed.

Definition bounds (ys : list R) (f : functional) (y : R) : Prop :=
  (0 < whole f)%Z /\ fv (reg ys) (parts f) + IZR (rest f) <= IZR (whole f) * y.

Lemma carried_sound ys f e y : entry_ok ys e -> bounds ys f y -> bounds ys (carried f e) y.
Proof.
intros [_ _ [below_gt0 low] [above_gt0 high]] [f_gt0 f_le]; unfold carried; set (c := coefficient _).
destruct (Z.eqb_spec c Z.zero) as [_|c_nz]; [now split|]; change Z.zero with 0%Z in c_nz.
set (l := if (Z.zero <=? c)%Z then below e else above e); set (x := reg ys (entry_key e)) in *.
set (s := wsum ys (entry_start e) (entry_sum e)) in *.
assert (l_gt0 : (0 < divisor l)%Z) by (unfold l; destruct (_ <=? _)%Z; assumption).
pose proof (Z.gcd_nonneg c (divisor l)) as g_ge0; pose proof (Z.gcd_eq_0_r c (divisor l)) as g_nz.
destruct (Z.gcd_divide_l c (divisor l)) as [a c_a]; destruct (Z.gcd_divide_r c (divisor l)) as [t l_t].
set (g := Z.gcd c (divisor l)) in *; assert (g_gt0 : (0 < g)%Z) by lia.
assert (over_g : (divisor l / g = t)%Z) by (rewrite l_t at 1; apply Z.div_mul; lia).
assert (c_over_g : (c / g = a)%Z) by (rewrite c_a at 1; apply Z.div_mul; lia).
rewrite over_g, c_over_g; assert (t_gt0 : (0 < t)%Z) by nia.
assert (step : IZR a * (IZR (factor l) * s + IZR (offset l)) <= IZR t * IZR c * x).
{ replace (IZR t * IZR c * x) with (IZR a * (IZR (divisor l) * x)) by (rewrite l_t, c_a, !mult_IZR; ring).
  unfold l; destruct (Z.zero <=? c)%Z eqn:sign.
  - apply Rmult_le_compat_l; [|exact low]; apply IZR_le; apply Z.leb_le in sign; change Z.zero with 0%Z in sign; nia.
  - apply Rmult_le_compat_neg_l; [|exact high]; apply IZR_le; apply Z.leb_gt in sign; change Z.zero with 0%Z in sign; nia. }
assert (same : fv (reg ys) (if (t =? Z.one)%Z then parts f else scaled t (parts f)) = IZR t * fv (reg ys) (parts f)).
{ destruct (Z.eqb_spec t Z.one) as [->|_]; [change (IZR Z.one) with 1; ring|apply scaled_R]. }
split; cbn [whole parts rest]; [now apply Z.mul_pos_pos|].
rewrite add_sum_R, add_term_R, same, plus_IZR, opp_IZR, !mult_IZR; fold s x.
apply IZR_lt in t_gt0.
assert (IZR t * (fv (reg ys) (parts f) + IZR (rest f)) <= IZR t * (IZR (whole f) * y)) by (apply Rmult_le_compat_l; lra).
lra.
Qed.

Lemma carried_all ys es f y : Forall (entry_ok ys) es -> bounds ys f y -> bounds ys (fold_left carried es f) y.
Proof.
intros all; revert f; induction all as [|e es e_ok _ IH]; intros f ok; [exact ok|]; cbn [fold_left]; now apply IH, carried_sound.
Qed.

Lemma grounded_sound ys t ts total r : ranges_ok ys t -> grounded t ts total = Some r -> IZR r <= IZR total + IZR p * tv (reg ys) ts.
Proof.
intros ok; revert total; induction ts as [|[k c] ts IH]; cbn [grounded]; intros total found.
- injection found as ->; change (tv (reg ys) []) with 0; lra.
- destruct (find _ _) as [[a b]|] eqn:k_r; [|discriminate]; destruct (ok _ _ k_r) as [_ [a_le b_ge]]; cbn [fst snd] in a_le, b_ge.
  apply IH in found; rewrite plus_IZR, mult_IZR in found; rewrite tv_cons; set (y := reg ys k) in *.
  assert (IZR c * IZR (if (Z.zero <=? c)%Z then a else b) <= IZR c * (IZR p * y)); [|lra].
  destruct (Z.zero <=? c)%Z eqn:sign.
  + apply at_least_0 in sign; now apply Rmult_le_compat_l.
  + apply below_0 in sign; now apply Rmult_le_compat_neg_l.
Qed.

Lemma lower_end_sound s ys f y r : scan_ok s ys -> bounds ys f y -> lower_end p s f = Some r -> IZR r <= IZR p * y.
Proof.
unfold lower_end; intros ok f_ok; destruct (carried_all ys _ f y (scan_entries _ _ ok) f_ok) as [g_gt0 g_le].
set (g := fold_left carried (entries s) f) in *; destruct (grounded _ _ _) as [total|] eqn:found; [|discriminate]; intros [= <-].
apply (grounded_sound ys) in found; [|apply ok]; rewrite listed_R, mult_IZR in found; apply floor_le; [exact g_gt0|].
apply IZR_lt in p_gt0.
assert (IZR p * (fv (reg ys) (parts g) + IZR (rest g)) <= IZR p * (IZR (whole g) * y)) by (apply Rmult_le_compat_l; lra).
lra.
Qed.

Lemma functional_of_sound ys start n sign : (0 < denominator n)%Z ->
  bounds ys (functional_of sign start n) (IZR sign * pre ys start n).
Proof.
intros d_gt0; pose proof (pre_spec ys start n d_gt0) as value; split; cbn [functional_of whole parts rest]; [exact d_gt0|].
rewrite add_sum_R, mult_IZR; change (fv (reg ys) Empty) with 0.
replace (IZR (denominator n) * (IZR sign * pre ys start n)) with (IZR sign * (IZR (denominator n) * pre ys start n)) by ring.
rewrite value; lra.
Qed.

Lemma unit_range_sound first s ys start n r : scan_ok s ys -> (0 < denominator n)%Z -> unit_range p first s start n = Some r ->
  readable_sum ys start (edges n) /\ between r (pre ys start n).
Proof.
unfold unit_range; intros ok d_gt0; destruct (plain_range _ _ _ _) as [[low high]|] eqn:found; [|discriminate].
destruct (plain_range_sound s ys start n _ ok d_gt0 found) as [reads [low_le high_ge]]; cbn [fst snd] in low_le, high_ge.
destruct (_ || _); intros [= <-]; (split; [exact reads|]); split; cbn [fst snd]; try assumption.
- destruct (lower_end _ _ _) as [a|] eqn:better; [|exact low_le].
  apply (lower_end_sound s ys _ (IZR 1 * pre ys start n)) in better; [|exact ok|now apply functional_of_sound].
  rewrite Rmult_1_l in better.
  destruct (Z.max_spec low a) as [[_ ->]|[_ ->]]; assumption.
- destruct (lower_end _ _ _) as [a|] eqn:better; [|exact high_ge].
  apply (lower_end_sound s ys _ (IZR (-1) * pre ys start n)) in better; [|exact ok|now apply functional_of_sound].
  destruct (Z.min_spec high (- a)) as [[_ ->]|[_ ->]]; [assumption|]; rewrite opp_IZR; lra.
Qed.

(** --- What the function makes of it --- *)

Lemma linear_above_R f y : is_proper f = true -> linear_above f = true -> 0 <= y -> value_of f y = y.
Proof. intros proper linear y_ge0; apply (linear_above_sound Reals M laws); [exact proper|exact linear|]; now apply nonnegative_R. Qed.

Lemma zero_below_R f y : is_proper f = true -> zero_below f = true -> y <= 0 -> value_of f y = 0.
Proof.
intros proper zero_ y_le0; apply (zero_below_sound Reals Reals_field M laws); [exact proper|exact zero_|].
apply nonnegative_R; cbn [opp Reals]; lra.
Qed.

Lemma bend_R f a b y : is_proper f = true -> bend f = Some (a, b) ->
  (0 < b)%Z /\ (0 <= y -> value_of f y = y) /\ (y <= 0 -> IZR b * value_of f y = IZR a * y).
Proof.
intros proper; destruct f as [s|n ps]; cbn [bend].
- intros [= ->]; cbn in proper; apply is_positive_spec in proper; cbn [snd] in proper; split; [exact proper|].
  unfold value_of; cbn [apply nonnegative Reals]; destruct (Rle_dec 0 y) as [y_ge0|y_lt0]; split; intros y_sign; try lra.
  + replace y with 0 by lra; ring.
  + cbn [mul Reals]; rewrite of_fraction_R; unfold real; cbn [fst snd]; apply IZR_lt in proper; field; lra.
- destruct (linear_above _) eqn:linear; [|discriminate]; destruct (zero_below _) eqn:zero_; [|discriminate]; intros [= <- <-].
  split; [reflexivity|]; split; intros y_sign; [now apply linear_above_R|].
  rewrite zero_below_R by assumption; change (IZR Z.zero) with 0; ring.
Qed.

Lemma factor_between c (x h : R) : 0 <= x <= h \/ h <= x <= 0 -> (c * x <= 0 \/ c * x <= c * h) /\ (0 <= c * x \/ c * h <= c * x).
Proof. intros [[? ?]|[? ?]]; destruct (Rle_dec 0 c); split; nra. Qed.

Lemma in_lowest_terms_above l s y : lies_above l s y -> lies_above (in_lowest_terms l) s y.
Proof.
unfold lies_above, in_lowest_terms; intros [l_gt0 le]; set (g := Z.gcd (divisor l) (Z.gcd (factor l) (offset l))).
pose proof (Z.gcd_nonneg (divisor l) (Z.gcd (factor l) (offset l))) as g_ge0.
pose proof (Z.gcd_eq_0_l (divisor l) (Z.gcd (factor l) (offset l))) as g_nz; fold g in g_ge0, g_nz.
assert (g_gt0 : (0 < g)%Z) by lia.
destruct (Z.gcd_divide_l (divisor l) (Z.gcd (factor l) (offset l))) as [d d_g]; fold g in d_g.
assert (f_g : (g | factor l)%Z) by (eapply Z.divide_trans; [apply Z.gcd_divide_r|apply Z.gcd_divide_l]).
assert (o_g : (g | offset l)%Z) by (eapply Z.divide_trans; [apply Z.gcd_divide_r|apply Z.gcd_divide_r]).
destruct f_g as [f f_g], o_g as [o o_g]; cbn [divisor factor offset].
rewrite d_g, f_g, o_g in *; rewrite !Z.div_mul by lia; split; [nia|]; rewrite !mult_IZR in le; apply IZR_lt in g_gt0.
apply (Rmult_le_reg_l (IZR g)); lra.
Qed.

Lemma in_lowest_terms_below l s y : lies_below l s y -> lies_below (in_lowest_terms l) s y.
Proof.
intros [l_gt0 le]; pose (m := Slanted (divisor l) (- factor l) (- offset l)).
assert (opposite : lies_above m s (- y)) by (split; cbn [m divisor factor offset]; [exact l_gt0|]; rewrite !opp_IZR; lra).
apply in_lowest_terms_above in opposite; unfold in_lowest_terms in *; cbn [m divisor factor offset] in opposite.
rewrite Z.gcd_opp_l, Z.gcd_opp_r in opposite; set (g := Z.gcd (divisor l) (Z.gcd (factor l) (offset l))) in *.
destruct opposite as [d_gt0 opposite]; cbn [divisor factor offset] in *; split; cbn [divisor factor offset]; [exact d_gt0|].
assert (f_g : (g | factor l)%Z) by (eapply Z.divide_trans; [apply Z.gcd_divide_r|apply Z.gcd_divide_l]).
assert (o_g : (g | offset l)%Z) by (eapply Z.divide_trans; [apply Z.gcd_divide_r|apply Z.gcd_divide_r]).
assert (g_nz : g <> 0%Z) by (intros g_0; rewrite g_0, Zdiv_0_r in d_gt0; lia).
apply Z.mod_divide in f_g, o_g; try exact g_nz.
rewrite !Z.div_opp_l_z, !opp_IZR in opposite by assumption; lra.
Qed.

Section After.
Variables (n : neuron) (s y : R).
Hypotheses (d_gt0 : (0 < denominator n)%Z) (y_spec : IZR (denominator n) * y = s + IZR (bias n)).

Lemma proportion_R a b z : (0 < b)%Z -> IZR b * z = IZR a * y ->
  lies_above (proportion n a b) s z /\ lies_below (proportion n a b) s z.
Proof.
intros b_gt0 z_y; unfold lies_above, lies_below, proportion; cbn [divisor factor offset].
assert (same : IZR (b * denominator n) * z = IZR a * s + IZR (a * bias n)).
{ rewrite !mult_IZR; replace (IZR b * IZR (denominator n) * z) with (IZR (denominator n) * (IZR b * z)) by ring; rewrite z_y.
  replace (IZR (denominator n) * (IZR a * y)) with (IZR a * (IZR (denominator n) * y)) by ring; rewrite y_spec; ring. }
assert ((0 < b * denominator n)%Z) by now apply Z.mul_pos_pos.
repeat split; try assumption; lra.
Qed.

(** p q d times a number z, by what is between p z and k/q p y. *)
Lemma shifted_sides k z : IZR p * IZR q * IZR (denominator n) * z =
  IZR p * IZR k * s + IZR p * IZR k * IZR (bias n) + IZR q * IZR (denominator n) * (IZR p * z - IZR k / IZR q * (IZR p * y)).
Proof.
apply IZR_lt in q_gt0.
replace (IZR p * IZR k * s) with (IZR p * IZR k * (IZR (denominator n) * y - IZR (bias n))) by (rewrite y_spec; ring).
field; lra.
Qed.

Lemma shifted_above k t z : IZR t <= IZR p * z - IZR k / IZR q * (IZR p * y) -> lies_above (shifted p q k t n) s z.
Proof.
intros le; apply in_lowest_terms_above; split; cbn [divisor factor offset]; [now repeat apply Z.mul_pos_pos|].
rewrite plus_IZR, !mult_IZR, (shifted_sides k); pose proof q_gt0 as q0; pose proof d_gt0 as d0; apply IZR_lt in q0, d0.
assert (IZR q * IZR (denominator n) * IZR t <= IZR q * IZR (denominator n) * (IZR p * z - IZR k / IZR q * (IZR p * y))).
{ apply Rmult_le_compat_l; [nra|exact le]. }
lra.
Qed.

Lemma shifted_below k t z : IZR p * z - IZR k / IZR q * (IZR p * y) <= IZR t -> lies_below (shifted p q k t n) s z.
Proof.
intros le; apply in_lowest_terms_below; split; cbn [divisor factor offset]; [now repeat apply Z.mul_pos_pos|].
rewrite plus_IZR, !mult_IZR, (shifted_sides k); pose proof q_gt0 as q0; pose proof d_gt0 as d0; apply IZR_lt in q0, d0.
assert (IZR q * IZR (denominator n) * (IZR p * z - IZR k / IZR q * (IZR p * y)) <= IZR q * IZR (denominator n) * IZR t).
{ apply Rmult_le_compat_l; [nra|exact le]. }
lra.
Qed.

Lemma over_R a b k low high z : (0 < b)%Z -> between (low, high) y -> (0 <= y -> z = y) -> (y <= 0 -> IZR b * z = IZR a * y) ->
  IZR (least_over q a b k low high) <= IZR p * z - IZR k / IZR q * (IZR p * y) <= IZR (greatest_over q a b k low high).
Proof.
unfold between; cbn [fst snd]; intros b_gt0 [low_le high_ge] from_0 below_0.
pose proof q_gt0 as q0; pose proof p_gt0 as p0; pose proof b_gt0 as b0; apply IZR_lt in q0, p0, b0.
set (x := IZR p * y) in *; unfold least_over, greatest_over; destruct (Rle_dec 0 y) as [y_ge0|y_lt0].
- assert (x_ge0 : 0 <= x) by (unfold x; nra); rewrite (from_0 y_ge0); fold x.
  destruct (factor_between (IZR (q - k)) x (IZR high)) as [upper lower]; [lra|].
  assert (scaled_x : IZR q * (x - IZR k / IZR q * x) = IZR (q - k) * x) by (rewrite minus_IZR; field; lra).
  split.
  + destruct lower as [lower|lower]; apply le_min; [left; change (IZR Z.zero) with 0; nra|right; apply le_min; left].
    apply floor_le; [exact q_gt0|]; rewrite mult_IZR, scaled_x; exact lower.
  + destruct upper as [upper|upper]; apply max_le; [left; change (IZR Z.zero) with 0; nra|right; apply max_le; left].
    apply ceiling_ge; [exact q_gt0|]; rewrite mult_IZR, scaled_x; exact upper.
- assert (x_le0 : x <= 0) by (unfold x; nra); assert (y_le0 : y <= 0) by lra; specialize (below_0 y_le0).
  destruct (factor_between (IZR (a * q - k * b)) x (IZR low)) as [upper lower]; [lra|].
  assert (bq_gt0 : (0 < b * q)%Z) by now apply Z.mul_pos_pos.
  assert (scaled_x : IZR (b * q) * (IZR p * z - IZR k / IZR q * x) = IZR (a * q - k * b) * x).
  { rewrite minus_IZR, !mult_IZR.
    replace (IZR b * IZR q * (IZR p * z - IZR k / IZR q * x)) with (IZR q * IZR p * (IZR b * z) - IZR b * IZR k * x) by (field; lra).
    rewrite below_0; unfold x; ring. }
  pose proof bq_gt0 as bq0; apply IZR_lt in bq0.
  split.
  + destruct lower as [lower|lower]; apply le_min; [left; change (IZR Z.zero) with 0; nra|right; apply le_min; right].
    apply floor_le; [exact bq_gt0|]; rewrite scaled_x, mult_IZR; exact lower.
  + destruct upper as [upper|upper]; apply max_le; [left; change (IZR Z.zero) with 0; nra|right; apply max_le; right].
    apply ceiling_ge; [exact bq_gt0|]; rewrite scaled_x, mult_IZR; exact upper.
Qed.

Lemma after_sound low high r l l' : is_proper (activation n) = true -> between (low, high) y ->
    after p q n low high = Some (r, (l, l')) ->
  between r (value_of (activation n) y) /\ lies_above l s (value_of (activation n) y) /\ lies_below l' s (value_of (activation n) y).
Proof.
intros proper y_in; pose proof y_in as [low_le high_ge]; cbn [fst snd] in low_le, high_ge.
pose proof p_gt0 as p0; apply IZR_lt in p0; unfold after.
destruct ((Z.zero <=? low)%Z && linear_above (activation n)) eqn:straight.
- apply andb_true_iff in straight as [low_ge0%at_least_0 linear]; intros [= <- <- <-].
  rewrite linear_above_R; [|assumption|assumption|nra]; split; [exact y_in|]; apply proportion_R; [reflexivity|reflexivity].
- clear straight; destruct ((high <=? Z.zero)%Z && zero_below (activation n)) eqn:silent.
  + apply andb_true_iff in silent as [high_le0%at_most_0 zero_]; intros [= <- <- <-].
    rewrite zero_below_R; [|assumption|assumption|nra]; unfold between, lies_above, lies_below; cbn [fst snd divisor factor offset].
    change (IZR Z.zero) with 0; change (IZR Z.one) with 1; repeat split; lra.
  + clear silent; destruct (bend (activation n)) as [[a b]|] eqn:bent; [|discriminate].
    destruct (bend_R _ a b y proper bent) as [b_gt0 [from_0 below_0]]; set (z := value_of (activation n) y) in *.
    destruct (high <=? Z.zero)%Z eqn:negative.
    * apply at_most_0 in negative; intros [= <- <- <-]; assert (y_le0 : y <= 0) by nra; specialize (below_0 y_le0).
      split; [|now apply proportion_R]; unfold between; cbn [fst snd].
      assert (scaled_z : IZR b * (IZR p * z) = IZR a * (IZR p * y)).
      { replace (IZR b * (IZR p * z)) with (IZR p * (IZR b * z)) by ring; rewrite below_0; ring. }
      destruct (Rle_dec 0 (IZR a)) as [a_ge0|a_lt0]; split; (apply le_min || apply max_le).
      -- left; apply floor_le; [exact b_gt0|]; rewrite scaled_z, mult_IZR; now apply Rmult_le_compat_l.
      -- right; apply ceiling_ge; [exact b_gt0|]; rewrite scaled_z, mult_IZR; now apply Rmult_le_compat_l.
      -- right; apply floor_le; [exact b_gt0|]; rewrite scaled_z, mult_IZR; apply Rmult_le_compat_neg_l; lra.
      -- left; apply ceiling_ge; [exact b_gt0|]; rewrite scaled_z, mult_IZR; apply Rmult_le_compat_neg_l; lra.
    * clear negative; set (k := if (a <=? b)%Z then _ else _); set (k' := if (a <=? b)%Z then _ else _) in |- *.
      intros [= <- <- <-]; pose proof (fun k => over_R a b k low high z b_gt0 y_in from_0 below_0) as sides.
      split; [|split; [apply shifted_above; apply sides|apply shifted_below; apply sides]].
      destruct (sides Z.zero) as [lower upper]; change (IZR Z.zero) with 0 in lower, upper; split; cbn [fst snd]; lra.
Qed.

End After.

(** --- Nodes --- *)

Lemma learned_sound s ys r e y : scan_ok s ys -> between r y -> entry_key e = following s -> readable_sum ys (entry_start e) (entry_sum e) ->
    lies_above (below e) (wsum ys (entry_start e) (entry_sum e)) y -> lies_below (above e) (wsum ys (entry_start e) (entry_sum e)) y ->
  scan_ok (learned s r e) (ys ++ [y]).
Proof.
intros [next known all] y_in e_key reads low high.
assert (y_is : reg (ys ++ [y]) (following s) = y) by (unfold reg; rewrite next; apply nth_middle).
assert (y_inside : inside_of (ys ++ [y]) (following s)) by (unfold inside_of; rewrite app_length, next; cbn; lia).
split; cbn [learned following ranges entries].
- rewrite at_key_succ, next, app_length; cbn; lia.
- intros k r' found; apply find_set in found as [[-> ->]|found]; [now rewrite y_is|now apply (ranges_more ys [y] _ known)].
- constructor; [|now apply entries_more]; split; rewrite ?e_key, ?y_is, ?wsum_more by assumption; try assumption.
  unfold readable_sum in *; eapply Forall_impl; [|exact reads]; intros; now apply inside_more.
Qed.

Lemma skipped_sound n s ys zs : scan_ok s ys -> length zs = n -> scan_ok (skipped n s) (ys ++ zs).
Proof.
revert s ys zs; induction n as [|n IH]; intros s ys [|z zs] [next known all] len; try discriminate; cbn [skipped].
- rewrite app_nil_r; now split.
- replace (ys ++ z :: zs) with ((ys ++ [z]) ++ zs) by now rewrite <- app_assoc.
  apply IH; [|now injection len]; split; cbn [following ranges entries].
  + rewrite at_key_succ, next, app_length; cbn; lia.
  + now apply ranges_more.
  + now apply entries_more.
Qed.

Definition greatest_of (zs : list R) (z : R) : R := fold_left (@greater Reals) zs z.

Lemma greatest_range_sound ys t start us u low high u' r z : ranges_ok ys t -> greatest_range t start us u low high = Some (u', r) ->
    inside_of ys (key start u) -> IZR low <= IZR p * reg ys (key start u) -> reg ys (key start u) <= z -> IZR p * z <= IZR high ->
  let w := greatest_of (map (@register Reals ys start) us) z in
  inside_of ys (key start u') /\ IZR (fst r) <= IZR p * reg ys (key start u') /\ reg ys (key start u') <= w /\ IZR p * w <= IZR (snd r).
Proof.
intros ok; revert u low high z; induction us as [|v us IH]; cbn [greatest_range map]; intros u low high z found u_in low_le u_le high_ge.
- injection found as <- <-; cbn [fst snd greatest_of fold_left]; tauto.
- destruct (find _ _) as [[a b]|] eqn:v_r; [|discriminate]; destruct (ok _ _ v_r) as [v_in [a_le b_ge]]; cbn [fst snd] in a_le, b_ge.
  cbn [greatest_of fold_left]; rewrite register_reg; set (x := reg ys (key start v)) in *.
  set (g := @greater Reals z x).
  assert (g_spec : z <= g /\ x <= g /\ (g = z \/ g = x)).
  { unfold g, greater; cbn [nonnegative add opp Reals]; destruct (Rle_dec 0 (z + - x)); repeat split; try lra; auto. }
  assert (g_le : IZR p * g <= IZR (Z.max high b)).
  { apply max_le; destruct g_spec as [_ [_ [-> | ->]]]; [now left|now right]. }
  destruct (low <? a)%Z; [apply (IH v a _ g found)|apply (IH u low _ g found)]; try assumption; fold x; lra.
Qed.

Lemma greatest_of_le (zs : list R) (z w : R) : z <= w -> Forall (fun x => x <= w) zs -> greatest_of zs z <= w.
Proof.
intros z_le all; revert z z_le; induction all as [|x zs x_le _ IH]; intros z z_le; [exact z_le|]; cbn [greatest_of fold_left]; apply IH.
unfold greater; cbn [nonnegative add opp Reals]; destruct (Rle_dec 0 (z + - x)); assumption.
Qed.

Lemma alone_sound ys t start us u low : ranges_ok ys t -> alone t start us u low = true -> IZR low <= IZR p * reg ys (key start u) ->
  Forall (fun v => reg ys (key start v) <= reg ys (key start u)) us.
Proof.
intros ok all low_le; apply Forall_forall; intros v v_in; unfold alone in all; rewrite forallb_forall in all; specialize (all v v_in).
apply orb_true_iff in all as [->%N.eqb_eq|all]; [apply Rle_refl|]; destruct (find _ _) as [[a b]|] eqn:v_r; [|discriminate].
destruct (ok _ _ v_r) as [_ [_ b_ge]]; cbn [snd] in b_ge; apply Z.leb_le, IZR_le in all; pose proof p_gt0 as p0; apply IZR_lt in p0.
apply (Rmult_le_reg_l (IZR p)); lra.
Qed.

Lemma look_at_greatest_sound start us s ys : scan_ok s ys ->
  scan_ok (look_at_greatest p start us s) (ys ++ [@greatest Reals (map (@register Reals ys start) us)]).
Proof.
intros ok; unfold look_at_greatest; assert (skip : forall y, scan_ok (skipped 1 s) (ys ++ [y])) by (intros y; now apply skipped_sound).
destruct us as [|u us]; [apply skip|]; destruct (find _ _) as [[low high]|] eqn:u_r; [|apply skip].
destruct (greatest_range _ _ _ _ _ _) as [[u' r]|] eqn:found; [|apply skip].
destruct (scan_ranges _ _ ok _ _ u_r) as [u_in [low_le high_ge]]; cbn [fst snd] in low_le, high_ge.
destruct (greatest_range_sound ys _ _ _ _ _ _ _ _ (reg ys (key start u)) (scan_ranges _ _ ok) found u_in low_le (Rle_refl _) high_ge)
  as [u'_in [lower [below_w upper]]].
change (@greatest Reals (map (@register Reals ys start) (u :: us)))
  with (greatest_of (map (@register Reals ys start) us) (@register Reals ys start u)).
rewrite register_reg; set (w := greatest_of _ _) in *; pose proof p_gt0 as p0; apply IZR_lt in p0.
assert (one_edge : wsum ys start [(u', Z.one)] = reg ys (key start u')).
{ rewrite wsum_cons; change (wsum ys start []) with 0; change (IZR Z.one) with 1; ring. }
apply learned_sound; cbn [entry_key entry_start entry_sum below above]; try reflexivity; try assumption.
- split; [|exact upper]; apply Rle_trans with (1 := lower); apply Rmult_le_compat_l; lra.
- constructor; [exact u'_in|constructor].
- rewrite one_edge; split; cbn [divisor factor offset]; [reflexivity|].
  change (IZR Z.one) with 1; change (IZR Z.zero) with 0; lra.
- rewrite one_edge; destruct (alone _ _ _ _ _) eqn:single; (split; cbn [divisor factor offset]; [reflexivity || exact p_gt0|]).
  + apply (alone_sound ys) in single; [|apply ok|exact lower]; inversion single as [|? ? u_le all]; subst.
    change (IZR Z.one) with 1; change (IZR Z.zero) with 0; enough (w <= reg ys (key start u')) by lra.
    apply greatest_of_le; [exact u_le|]; apply Forall_forall; intros x x_in; apply in_map_iff in x_in as [v [<- v_in]].
    rewrite register_reg; rewrite Forall_forall in all; now apply all.
  + change (IZR Z.zero) with 0; lra.
Qed.

Lemma look_sound first m v s s' ys : scan_ok s ys -> look p q first m v s = Some s' ->
  scan_ok s' (ys ++ node_values M ys v) /\ node_values M ys (settled m v) = node_values M ys v.
Proof.
unfold look; intros ok; destruct (proper_node v) eqn:proper; [|discriminate]; destruct v as [start n|start us|o r us].
- cbn in proper; apply andb_true_iff in proper as [d_gt0%is_positive_spec proper].
  destruct (fits _ _ _) eqn:fit; [|discriminate]; intros [= <-]; cbn [node_values].
  set (y := pre ys start n); change (@apply Reals M (activation n) (@preactivation Reals ys start n)) with (value_of (activation n) y).
  pose proof (pre_spec ys start n d_gt0) as y_spec; fold y in y_spec.
  assert (skip : scan_ok (skipped 1 s) (ys ++ [value_of (activation n) y])) by now apply skipped_sound.
  destruct (unit_range p first s start n) as [[low high]|] eqn:found; cbn [look_at_unit].
  + destruct (unit_range_sound first s ys start n _ ok d_gt0 found) as [reads y_in]; fold y in y_in; split.
    * destruct (after _ _ _ _ _) as [[r [l l']]|] eqn:made; [|exact skip].
      destruct (after_sound n (wsum ys start (edges n)) y d_gt0 y_spec low high r l l' proper y_in made) as [z_in [lower upper]].
      now apply learned_sound.
    * pose proof y_in as [low_le high_ge]; cbn [fst snd] in low_le, high_ge; pose proof p_gt0 as p0; apply IZR_lt in p0.
      destruct m; cbn [settled node_values fits] in *; [reflexivity| |].
      -- apply andb_true_iff in fit as [low_ge0%at_least_0 linear]; rewrite (linear_above_R (activation n) y); [|exact proper|exact linear|nra].
         f_equal; cbn [activation]; change (value_of (Leaky one_fraction) y = y); apply (identity_apply Reals Reals_field M); reflexivity.
      -- apply andb_true_iff in fit as [high_le0%at_most_0 zero_]; rewrite (zero_below_R (activation n) y); [|exact proper|exact zero_|nra].
         f_equal; cbn [activation].
         change (value_of (Leaky one_fraction) (pre ys start (Neuron [] Z.zero Z.one (Leaky one_fraction))) = 0).
         assert (nothing : pre ys start (Neuron [] Z.zero Z.one (Leaky one_fraction)) = 0).
         { pose proof (pre_spec ys start (Neuron [] Z.zero Z.one (Leaky one_fraction)) eq_refl) as value.
           cbn [denominator edges bias] in value; change (wsum ys start []) with 0 in value.
           change (IZR Z.one) with 1 in value; change (IZR Z.zero) with 0 in value; lra. }
         rewrite nothing; apply (identity_apply Reals Reals_field M); reflexivity.
  + split; [exact skip|]; destruct m; try discriminate; reflexivity.
- destruct m; try discriminate; intros [= <-]; split; [|reflexivity]; now apply look_at_greatest_sound.
- destruct m; try discriminate; intros [= <-]; split; [|reflexivity]; apply skipped_sound; [exact ok|].
  cbn [node_values]; now rewrite map_length, seq_length.
Qed.

Lemma look_at_all_sound first ms vs s ys : scan_ok s ys -> look_at_all p q first ms vs s = true ->
  run M (all_settled ms vs) ys = run M vs ys.
Proof.
revert vs s ys; induction ms as [|m ms IH]; intros [|v vs] s ys ok; cbn [look_at_all]; try discriminate; [reflexivity|].
destruct (look _ _ _ _ _ _) as [s'|] eqn:found; [|discriminate]; intros rest_ok.
destruct (look_sound _ _ _ _ _ _ ok found) as [ok' same]; cbn [all_settled run fold_left]; rewrite same.
exact (IH vs s' _ ok' rest_ok).
Qed.

Definition in_box (b : box) (x : list R) : Prop :=
  Forall2 (fun i y => match i with Some c => real (fst c) <= y <= real (snd c) | None => True end) b x.

Lemma input_scan_sound b x s ys : in_box b x -> scan_ok s ys -> scan_ok (input_scan p b s) (ys ++ x).
Proof.
intros x_in; revert s ys; induction x_in as [|i y b x i_y _ IH]; intros s ys ok; [now rewrite app_nil_r|].
replace (ys ++ y :: x) with ((ys ++ [y]) ++ x) by now rewrite <- app_assoc.
assert (skip : scan_ok (skipped 1 s) (ys ++ [y])) by now apply skipped_sound.
cbn [input_scan]; destruct i as [[[a c] [a' c']]|]; [|now apply IH]; destruct (_ && _) eqn:positive; [|now apply IH].
apply andb_true_iff in positive as [c_gt0%is_positive_spec c'_gt0%is_positive_spec]; apply IH; clear IH skip.
destruct ok as [next known all]; unfold real in i_y; cbn [fst snd] in i_y.
pose proof p_gt0 as p0; pose proof c_gt0 as c0; pose proof c'_gt0 as c'0; apply IZR_lt in p0, c0, c'0.
assert (y_in : between (p * a / c, ceiling (p * a') c')%Z y).
{ split; cbn [fst snd]; [apply floor_le|apply ceiling_ge]; try assumption; rewrite mult_IZR.
  - apply Rle_trans with (IZR c * (IZR p * (IZR a / IZR c))); [right; field; lra|].
    apply Rmult_le_compat_l; [lra|]; apply Rmult_le_compat_l; lra.
  - apply Rle_trans with (IZR c' * (IZR p * (IZR a' / IZR c'))); [|right; field; lra].
    apply Rmult_le_compat_l; [lra|]; apply Rmult_le_compat_l; lra. }
split; cbn [following ranges entries].
- rewrite at_key_succ, next, app_length; cbn; lia.
- intros k r found; apply find_set in found as [[-> <-]|found]; [|now apply (ranges_more ys [y] _ known)].
  split; [unfold inside_of; rewrite app_length, next; cbn; lia|]; unfold reg; rewrite next, nth_middle; exact y_in.
- now apply entries_more.
Qed.

End Values.

Lemma check_on_domain_sound erf opaque p q boxes ms N N' c : (forall y, erf (- y) = - erf y) ->
    check_on_domain p q boxes ms N N' c = true ->
  forall x : list R, length x = inputs N -> Exists (fun b => in_box b x) boxes ->
    @eval Reals (real_meaning erf opaque) N x = @eval Reals (real_meaning erf opaque) N' x.
Proof.
intros erf_odd; unfold check_on_domain; rewrite andb_true_iff, forallb_forall; intros [shown same] x x_len inside.
apply Exists_exists in inside as [b [b_in x_in]].
specialize (shown b b_in); unfold shown_on in shown.
rewrite !andb_true_iff in shown; destruct shown as [[[_ p_gt0%is_positive_spec] q_gt0%is_positive_spec] shown].
rewrite <- (check_sound Reals Reals_field _ (real_lawful erf opaque erf_odd) _ _ _ same x x_len).
unfold eval; cbn [nodes outputs]; symmetry; do 2 f_equal.
apply (look_at_all_sound erf opaque erf_odd p q p_gt0 q_gt0 _ _ _ _ x) in shown; [exact shown|].
change x with ([] ++ x); apply input_scan_sound; [exact p_gt0|exact x_in|]; split; cbn [following ranges entries].
- reflexivity.
- intros k r; now destruct k.
- constructor.
Qed.
