(* SPDX-License-Identifier: Apache-2.0 *)
(** This file is about why [check_within] may be believed: on the whole box, whatever rational its ends are, no output of the two
   networks differs by more than eps.  The networks and their values are those of Network.v. *)
From Coq Require Import List Bool ZArith Reals Lra Lia.
From Exactlump Require Import Network Numbers Functions Meaning RealFractions FormsProof Layers Refuter RefuterProof BoundClaim.
From Exactlump Require Bound BoundValues BoundMain BoundParallel.
Import ListNotations.
Local Open Scope R_scope.

Section Dense.
Variables (erf : R -> R) (opaque : Z -> list R -> list R).
Let M := real_meaning erf opaque.

Lemma relu_R y : @apply Reals M relu y = BoundValues.relu y.
Proof.
unfold relu, apply, BoundValues.relu; cbn [nonnegative Reals]; destruct (Rle_dec 0 y).
- now rewrite Rmax_left.
- rewrite Rmax_right by lra; rewrite of_fraction_R; change (real zero_fraction * y = 0).
  destruct stands_0 as [_ ->]; ring.
Qed.

Lemma identity_R y : @apply Reals M identity y = y.
Proof.
unfold identity, apply; destruct (nonnegative y); [reflexivity|]; rewrite of_fraction_R; change (real one_fraction * y = y).
destruct stands_1 as [_ ->]; ring.
Qed.

Lemma shiftl_1 d : (0 <= d)%Z -> IZR (Z.shiftl Z.one d) = BoundValues.pow d.
Proof. intros d0; rewrite BoundValues.shiftl_R by exact d0; change (IZR Z.one) with 1; ring. Qed.

Lemma dense_sum row (x y : list R) : (length row <= length y)%nat ->
  @weighted_sum Reals (x ++ y) 0 (combine (map N.of_nat (seq (length x) (length row))) row) = BoundMain.dotR row y.
Proof.
revert x y; induction row as [|w row IH]; intros x [|b y] le; cbn [length] in le; try lia; [reflexivity|reflexivity|].
cbn [length seq map combine BoundMain.dotR].
change (@weighted_sum Reals (x ++ b :: y) 0 ((N.of_nat (length x), w) :: combine (map N.of_nat (seq (S (length x)) (length row))) row))
  with (@of_Z Reals w * @register Reals (x ++ b :: y) 0 (N.of_nat (length x))
        + @weighted_sum Reals (x ++ b :: y) 0 (combine (map N.of_nat (seq (S (length x)) (length row))) row)).
rewrite of_Z_R; unfold register at 1; rewrite N.add_0_l, Nnat.Nat2N.id, nth_middle; f_equal.
replace (x ++ b :: y) with ((x ++ [b]) ++ y) by now rewrite <- app_assoc.
replace (S (length x)) with (length (x ++ [b])) by (rewrite app_length; cbn; lia); apply IH; lia.
Qed.

Lemma dense_layer_R f d rows biases (x : list R) : (0 <= d)%Z -> forallb (has_length (length x)) rows = true ->
  @eval_layer Reals M x (dense_layer f (d, rows, biases)) = map (@apply Reals M f) (BoundMain.affine d rows biases x).
Proof.
intros d0; unfold eval_layer, dense_layer; rewrite map_map; revert biases; induction rows as [|r rows IH]; intros [|b biases];
  cbn [forallb combine map BoundMain.affine]; try reflexivity.
rewrite andb_true_iff; intros [r_len rest]; f_equal; [|now apply IH]; cbn [fst snd activation]; f_equal.
unfold preactivation; cbn [denominator bias edges mul inverse add Reals]; rewrite !of_Z_R, shiftl_1 by exact d0.
apply has_length_spec in r_len; pose proof (dense_sum r [] x ltac:(lia)) as sum; cbn [app length] in sum.
unfold dense_edges; rewrite sum; apply Rmult_comm.
Qed.

Lemma affine_length d rows biases (x : list R) : length biases = length rows -> length (BoundMain.affine d rows biases x) = length rows.
Proof. revert biases; induction rows as [|r rows IH]; intros [|b biases]; cbn; try lia; intros same; now rewrite IH by lia. Qed.

Lemma dense_within f d n rows biases : forallb (has_length n) rows = true ->
  forallb (fun v => forallb (fun e => Nat.ltb (N.to_nat (fst e)) n) (edges v)) (dense_layer f (d, rows, biases)) = true.
Proof.
unfold dense_layer; revert biases; induction rows as [|r rows IH]; intros [|b biases]; cbn [forallb combine map]; try reflexivity.
rewrite !andb_true_iff; intros [r_len rest]; split; [|now apply IH]; apply has_length_spec in r_len; cbn [edges fst snd].
rewrite forallb_forall; intros [u w] found; unfold dense_edges in found; apply in_combine_l, in_map_iff in found as [i [<- i_in]].
apply in_seq in i_in; apply Nat.ltb_lt; cbn [fst]; rewrite Nnat.Nat2N.id; lia.
Qed.

Lemma dense_length f d rows biases : length biases = length rows -> length (dense_layer f (d, rows, biases)) = length rows.
Proof. intros same; unfold dense_layer; rewrite map_length, combine_length; lia. Qed.

Lemma dense_layers_R Ls : forall x : list R, fitting (length x) Ls = true ->
  within (length x) (dense_layers Ls) = true /\ @eval_layers Reals M (dense_layers Ls) x = BoundMain.eval Ls x.
Proof.
induction Ls as [|[[d rows] biases] rest IH]; intros x; cbn [fitting]; [now split|].
rewrite !andb_true_iff; intros [[[rows_len biases_len%has_length_spec] d0%Z.leb_le] fits]; change Z.zero with 0%Z in d0.
destruct rest as [|L rest].
- cbn [dense_layers within BoundMain.eval]; split; [now rewrite dense_within|].
  cbn [eval_layers fold_left]; rewrite dense_layer_R by assumption; rewrite <- (map_id (BoundMain.affine _ _ _ _)) at 2.
  apply map_ext; exact identity_R.
- change (dense_layers ((d, rows, biases) :: L :: rest)) with (dense_layer relu (d, rows, biases) :: dense_layers (L :: rest)).
  cbn [within]; rewrite dense_within by assumption; rewrite dense_length by exact biases_len; cbn [andb].
  assert (values : @eval_layer Reals M x (dense_layer relu (d, rows, biases)) = map BoundValues.relu (BoundMain.affine d rows biases x)).
  { rewrite dense_layer_R by assumption; apply map_ext; exact relu_R. }
  specialize (IH (map BoundValues.relu (BoundMain.affine d rows biases x))); rewrite map_length, affine_length in IH by exact biases_len.
  destruct (IH fits) as [reads same]; split; [exact reads|].
  change (@eval_layers Reals M (dense_layer relu (d, rows, biases) :: dense_layers (L :: rest)) x)
    with (@eval_layers Reals M (dense_layers (L :: rest)) (@eval_layer Reals M x (dense_layer relu (d, rows, biases)))).
  rewrite values; exact same.
Qed.

Lemma dense_R n Ls (x : list R) : fitting n Ls = true -> length x = n -> @eval Reals M (dense_network n Ls) x = BoundMain.eval Ls x.
Proof.
intros fits <-; destruct (dense_layers_R Ls x fits) as [reads same]; unfold dense_network.
rewrite (layered_semantics Reals M (length x) (dense_layers Ls) x reads eq_refl); exact same.
Qed.

(** Rounding down, and up. *)
Lemma div_R a b : (0 < b)%Z -> IZR (a / b) <= IZR a / IZR b.
Proof.
intros b_gt0; pose proof (Z.mul_div_le a b b_gt0) as le; apply IZR_le in le; rewrite mult_IZR in le; apply IZR_lt in b_gt0.
apply (Rmult_le_reg_l (IZR b)); [exact b_gt0|]; replace (IZR b * (IZR a / IZR b)) with (IZR a) by (field; lra); exact le.
Qed.

Lemma outward_R q b (y : R) : (0 <= q)%Z -> (0 < snd (fst b))%Z -> (0 < snd (snd b))%Z -> real (fst b) <= y <= real (snd b) ->
  IZR (fst (outward q b)) <= BoundValues.pow q * y <= IZR (snd (outward q b)).
Proof.
destruct b as [[a b] [c d]]; unfold outward, real; cbn [fst snd]; intros q0 b_gt0 d_gt0 [low high].
pose proof (BoundValues.pow_pos q q0) as q_gt0; pose proof (div_R (Z.shiftl a q) b b_gt0) as below; pose proof (div_R (- Z.shiftl c q) d d_gt0) as above.
rewrite !opp_IZR, !BoundValues.shiftl_R in * by exact q0; apply IZR_lt in b_gt0, d_gt0.
assert (BoundValues.pow q * (IZR a / IZR b) <= BoundValues.pow q * y) by (apply Rmult_le_compat_l; lra).
assert (BoundValues.pow q * y <= BoundValues.pow q * (IZR c / IZR d)) by (apply Rmult_le_compat_l; lra).
unfold Rdiv in *; split; lra.
Qed.

Lemma inward_R q eps : (0 <= q)%Z -> (0 < snd eps)%Z -> IZR (inward q eps) / BoundValues.pow q <= real eps.
Proof.
intros q0 eps_gt0; pose proof (BoundValues.pow_pos q q0) as q_gt0; pose proof (div_R (Z.shiftl (fst eps) q) (snd eps) eps_gt0) as below.
unfold inward, real; rewrite BoundValues.shiftl_R in below by exact q0; apply IZR_lt in eps_gt0.
apply (Rmult_le_reg_l (BoundValues.pow q)); [exact q_gt0|].
replace (BoundValues.pow q * (IZR (Z.shiftl (fst eps) q / snd eps) / BoundValues.pow q)) with (IZR (Z.shiftl (fst eps) q / snd eps)) by (field; lra).
unfold Rdiv in *; lra.
Qed.

Definition inside_box (box : list (fraction * fraction)) (x : list R) : Prop :=
  Forall2 (fun b y => real (fst b) <= y <= real (snd b)) box x.

(** On the box, outputs come in pairs that differ by at most eps. *)
Definition close (eps : fraction) (ys zs : list R) : Prop := Forall2 (fun y z => Rabs (y - z) <= real eps) ys zs.

Lemma walk_close p q n A B box eps ls t : prepare p q n A B box eps = Some ls ->
    Bound.walk p (inward q eps) ls (Bound.whole (map (outward q) box)) [] t = true ->
  forall x, inside_box box x ->
    length x = n /\ close eps (@eval Reals M (dense_network n A) x) (@eval Reals M (dense_network n B) x).
Proof.
unfold prepare; intros found walked x x_in; destruct (_ && _) eqn:fits; [|discriminate].
rewrite !andb_true_iff, forallb_forall in fits; destruct fits as [[[[box_len fits_A] fits_B] eps_gt0%is_positive_spec] ends].
assert (x_len : length x = n) by (rewrite <- (has_length_spec _ _ box_len); clear - x_in; induction x_in; cbn; congruence).
split; [exact x_len|]; rewrite !dense_R by assumption.
assert (q0 : (0 <= q)%Z).
{ unfold Bound.stages in found; destruct (_ && _) eqn:sizes in found; [|discriminate].
  rewrite !andb_true_iff in sizes; destruct sizes as [[[q0%Z.leb_le _] _] _]; exact q0. }
assert (x_box : BoundMain.in_box q (map (outward q) box) x).
{ clear - x_in ends q0; unfold BoundMain.in_box; induction x_in as [|b y box x b_y all IH]; cbn [map]; constructor.
  - specialize (ends b (or_introl eq_refl)); apply andb_true_iff in ends as [low%is_positive_spec high%is_positive_spec].
    now apply outward_R.
  - apply IH; intros c c_in; apply ends; now right. }
destruct (BoundMain.walk_correct p q A B ls _ _ t found walked x x_box) as [_ all]; unfold close.
pose proof (inward_R q eps q0 eps_gt0) as below; clear - all below; induction all as [|a b la lb a_b all IH]; constructor; [lra|exact IH].
Qed.

Theorem within_sound p q n A B box eps t : check_within p q n A B box eps t = true ->
  forall x, inside_box box x ->
    length x = n /\ close eps (@eval Reals M (dense_network n A) x) (@eval Reals M (dense_network n B) x).
Proof. unfold check_within; destruct (prepare _ _ _ _ _ _ _) as [ls|] eqn:found; [|discriminate]; now apply walk_close. Qed.

(** The same by parts, whatever the cut: every part passes. *)
Theorem parts_sound p q n A B box eps ls t c : prepare p q n A B box eps = Some ls ->
    (forall turns, In turns (BoundParallel.parts c) -> check_part p q ls box eps t turns = true) ->
  forall x, inside_box box x ->
    length x = n /\ close eps (@eval Reals M (dense_network n A) x) (@eval Reals M (dense_network n B) x).
Proof. intros found all; apply (walk_close p q n A B box eps ls t found); now apply (BoundParallel.walk_parts p _ ls c). Qed.

End Dense.
