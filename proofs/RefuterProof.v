(* SPDX-License-Identifier: Apache-2.0 *)
(** This file is about why a refutation may be believed: the fractions that Refuter.v computes are the values of the registers.

   holds ys zs     the tree of fractions ys has the registers zs, or the first of them                       *)
From Coq Require Import List Bool ZArith Reals Lra Lia Ring.
From Exactlump Require Import Network Numbers Functions Meaning RealFractions Laws Forms FormsProof FunctionsProof Refuter.
Import ListNotations.
Local Open Scope R_scope.

Section Refuter.
Variables (erf : R -> R) (opaque : Z -> list R -> list R).
Hypothesis erf_odd : forall y, erf (- y) = - erf y.
Let M := real_meaning erf opaque.
Let laws := real_lawful erf opaque erf_odd.

Definition holds (ys : tree fraction) (zs : list R) :=
  forall k y, find k ys = Some y -> (Nat.pred (Pos.to_nat k) < length zs)%nat /\ stands y (nth (Nat.pred (Pos.to_nat k)) zs 0).

Lemma holds_snoc ys zs k y r : holds ys zs -> Nat.pred (Pos.to_nat k) = length zs -> stands y r -> holds (set k y ys) (zs ++ [r]).
Proof.
intros ok k_len y_r j y' found; rewrite app_length; cbn [length]; apply find_set in found as [[-> ->]|found].
- rewrite k_len, nth_middle; split; [lia|exact y_r].
- destruct (ok _ _ found) as [j_lt value]; split; [lia|]; now rewrite app_nth1.
Qed.

Lemma register_R ys zs start u y : holds ys zs -> exact_register ys start u = Some y ->
  stands y (@register Reals zs start u).
Proof.
unfold exact_register; intros ok found; destruct (ok _ _ found) as [_ value]; unfold register.
replace (N.to_nat (start + u)) with (Nat.pred (Pos.to_nat (N.succ_pos (start + u)))); [exact value|].
destruct (start + u)%N; cbn; lia.
Qed.

Lemma lowest_R x r : stands x r -> stands (lowest x) r.
Proof.
intros [x_gt0 x_r]; unfold lowest; set (g := Z.gcd (fst x) (snd x)); destruct (Z.eqb_spec g Z.one); [now split|].
assert (g_gt0 : (0 < g)%Z) by (pose proof (Z.gcd_nonneg (fst x) (snd x)); pose proof (Z.gcd_eq_0_r (fst x) (snd x)); unfold g; lia).
destruct (Z.gcd_divide_l (fst x) (snd x)) as [a fst_a]; destruct (Z.gcd_divide_r (fst x) (snd x)) as [b snd_b]; fold g in fst_a, snd_b.
assert (b_gt0 : (0 < b)%Z) by nia; rewrite fst_a, snd_b, !Z.div_mul by lia; split; [exact b_gt0|]; rewrite <- x_r; unfold real; cbn [fst snd].
rewrite fst_a, snd_b, !mult_IZR; apply IZR_lt in g_gt0, b_gt0; field; lra.
Qed.

Lemma scaled_R w y r : stands y r -> stands (w * fst y, snd y)%Z (IZR w * r).
Proof.
intros [y_gt0 <-]; split; [exact y_gt0|]; unfold real; cbn [fst snd]; rewrite mult_IZR; apply IZR_lt in y_gt0; field; lra.
Qed.

Lemma sum_R ys zs start es total r s : holds ys zs -> exact_sum ys start es total = Some s -> stands total r ->
  stands s (@weighted_sum Reals zs start es + r).
Proof.
intros ok; revert total r; induction es as [|[u w] es IH]; cbn [exact_sum]; intros total r found total_r.
- injection found as <-; change (@weighted_sum Reals zs start []) with 0; now rewrite Rplus_0_l.
- destruct (exact_register _ _ _) as [y|] eqn:u_y; [|discriminate]; apply (register_R _ zs) in u_y; [|exact ok].
  change (@weighted_sum Reals zs start ((u, w) :: es)) with (@of_Z Reals w * @register Reals zs start u + @weighted_sum Reals zs start es).
  rewrite of_Z_R; set (z := @register Reals zs start u) in *.
  replace (IZR w * z + @weighted_sum Reals zs start es + r) with (@weighted_sum Reals zs start es + (IZR w * z + r)) by ring.
  apply (IH _ _ found); pose proof (scaled_R w y z u_y) as w_y; destruct (Z.eqb_spec (snd y) (snd total)) as [same|_].
  + destruct w_y as [y_gt0 <-], total_r as [t_gt0 <-]; cbn [snd fst] in *; split; [exact t_gt0|]; unfold real; cbn [fst snd].
    rewrite plus_IZR, same; apply IZR_lt in t_gt0; field; lra.
  + apply lowest_R; now apply stands_plus.
Qed.

Lemma greatest_R ys zs start us best r s : holds ys zs -> exact_greatest ys start us best = Some s -> stands best r ->
  stands s (fold_left (@greater Reals) (map (@register Reals zs start) us) r).
Proof.
intros ok; revert best r; induction us as [|u us IH]; cbn [exact_greatest map fold_left]; intros best r found best_r.
- now injection found as <-.
- destruct (exact_register _ _ _) as [y|] eqn:u_y; [|discriminate]; apply (register_R _ zs) in u_y; [|exact ok].
  apply (IH _ _ found); set (z := @register Reals zs start u) in *; unfold greater.
  pose proof (stands_at_most _ _ _ _ u_y best_r) as le; cbn; destruct (Rle_dec 0 (r + - z)) as [above|below].
  + replace (at_most y best) with true; [exact best_r|]; symmetry; apply le; lra.
  + destruct (at_most y best); [|exact u_y]; exfalso; assert (z <= r) by now apply le. lra.
Qed.

Lemma list_R ys zs us ws : holds ys zs -> exact_list ys us = Some ws -> Forall2 stands ws (map (@register Reals zs 0) us).
Proof.
intros ok; revert ws; induction us as [|u us IH]; cbn [exact_list map]; intros ws found; [injection found as <-; constructor|].
destruct (exact_register _ _ _) as [y|] eqn:u_y; [|discriminate]; apply (register_R _ zs) in u_y; [|exact ok].
destruct (exact_list ys us) as [ws'|]; [|discriminate]; injection found as <-; constructor; [exact u_y|now apply IH].
Qed.

Lemma place_R ws rs : Forall2 stands ws rs ->
  IZR (fst (exact_place ws)) = INR (fst (place_of_greatest rs)) /\ stands (snd (exact_place ws)) (snd (place_of_greatest rs)).
Proof.
intros all; induction all as [|w r ws rs w_r all IH]; [split; [reflexivity|apply stands_0]|].
destruct all as [|w' r' ws rs w'_r' all]; [now split|].
change (exact_place (w :: w' :: ws)) with
  (let (i, z) := exact_place (w' :: ws) in if at_most z w then (Z.zero, w) else ((i + Z.one)%Z, z)).
change (place_of_greatest (r :: r' :: rs)) with
  (let (i, z) := place_of_greatest (r' :: rs) in if Rle_dec z r then (0%nat, r) else (S i, z)).
destruct (exact_place (w' :: ws)) as [i z], (place_of_greatest (r' :: rs)) as [j t]; cbn [fst snd] in IH; destruct IH as [same z_t].
pose proof (stands_at_most _ _ _ _ z_t w_r) as le; destruct (at_most z w), (Rle_dec t r) as [t_r|t_r]; cbn [fst snd].
- now split.
- exfalso; now apply t_r, le.
- apply le in t_r; discriminate.
- split; [|exact z_t]; rewrite plus_IZR, same; change (IZR Z.one) with 1; now rewrite S_INR.
Qed.

Lemma node_R ys zs v y : holds ys zs -> exact_node ys v = Some y -> exists r, node_values M zs v = [r] /\ stands y r.
Proof.
intros ok; destruct v as [start n|start [|u us]|o r us]; cbn [exact_node]; try discriminate.
- destruct (is_positive (denominator n)) eqn:d_gt0; [|discriminate]; apply is_positive_spec in d_gt0.
  destruct (is_proper (activation n)) eqn:proper; [|discriminate]; cbn [andb].
  destruct (exact_sum _ _ _ _) as [[p q]|] eqn:sum; [|discriminate].
  destruct (value_at _ _) as [w|] eqn:value; [|discriminate]; intros [= <-].
  apply (sum_R _ zs _ _ _ (IZR (bias n)) _ ok) in sum; [|apply stands_integer].
  eexists; split; [reflexivity|]; apply lowest_R.
  assert (argument : stands (p, q * denominator n)%Z (@preactivation Reals zs start n)).
  { destruct sum as [q_gt0 total]; cbn [snd] in q_gt0; unfold real in total; cbn [fst snd] in total.
    split; [now apply Z.mul_pos_pos|]; unfold preactivation, real; cbn [fst snd inverse mul add Reals]; rewrite !of_Z_R.
    change (@weighted_sum Reals zs start (edges n) : R) with (@weighted_sum Reals zs start (edges n)) in *; rewrite <- total, mult_IZR.
    apply IZR_lt in q_gt0, d_gt0; field; lra. }
  apply lowest_R in argument; destruct (lowest (p, q * denominator n)%Z) as [a b]; destruct w as [c d].
  destruct argument as [b_gt0 a_b]; cbn [snd] in b_gt0.
  assert (scaled : mul (@of_Z Reals b) (@preactivation Reals zs start n) = @of_Z Reals a).
  { rewrite <- a_b, !of_Z_R; change (IZR b * real (a, b) = IZR a); unfold real; cbn [fst snd]; apply IZR_lt in b_gt0; field; lra. }
  destruct (value_sound Reals Reals_field M laws _ _ _ _ _ _ proper b_gt0 value scaled) as [d_gt0' result]; split; [exact d_gt0'|].
  cbn [mul Reals] in result; rewrite !of_Z_R in result; unfold real; cbn [fst snd]; rewrite <- result; apply IZR_lt in d_gt0'; field; lra.
- destruct (exact_register _ _ _) as [z|] eqn:u_z; [|discriminate]; apply (register_R _ zs) in u_z; [|exact ok].
  intros found; eexists; split; [reflexivity|]; cbn [map greatest]; now apply (greatest_R ys _ _ _ z).
- destruct o; try discriminate; destruct r as [|[|r]]; try discriminate.
  destruct (exact_list ys us) as [ws|] eqn:us_ws; [|discriminate]; intros [= <-]; apply (list_R _ zs) in us_ws; [|exact ok].
  destruct (place_R _ _ us_ws) as [same _]; eexists; split; [reflexivity|]; cbn [nth of_operator real_meaning real_operator M].
  rewrite <- same; apply stands_integer.
Qed.

Lemma run_R vs : forall next ys zs ys', holds ys zs -> Nat.pred (Pos.to_nat next) = length zs -> exact_run vs next ys = Some ys' ->
  holds ys' (run M vs zs).
Proof.
induction vs as [|v vs IH]; cbn [exact_run]; intros next ys zs ys' ok next_len found; [now injection found as <-|].
destruct (exact_node _ _) as [y|] eqn:v_y; [|discriminate]; destruct (node_R _ _ _ _ ok v_y) as [r [value y_r]].
cbn [run fold_left]; rewrite value; apply (IH _ _ (zs ++ [r]) ys') in found; [exact found| |rewrite app_length; cbn; lia].
now apply holds_snoc.
Qed.

Lemma inputs_R x : forall next ys zs, holds ys zs -> Nat.pred (Pos.to_nat next) = length zs ->
    forallb (fun y => is_positive (snd y)) x = true ->
  let (next', ys') := exact_inputs x next ys in
  holds ys' (zs ++ map real x) /\ Nat.pred (Pos.to_nat next') = length (zs ++ map real x).
Proof.
induction x as [|y x IH]; cbn [exact_inputs forallb map]; intros next ys zs ok next_len proper; [now rewrite app_nil_r|].
apply andb_true_iff in proper as [y_gt0%is_positive_spec rest].
replace (zs ++ real y :: map real x) with ((zs ++ [real y]) ++ map real x) by now rewrite <- app_assoc.
apply IH; [|rewrite app_length; cbn; lia|exact rest]; apply holds_snoc; [exact ok|exact next_len|now split].
Qed.

Lemma registers_R N x ys : forallb (fun y => is_positive (snd y)) x = true -> exact_registers N x = Some ys ->
  holds ys (run M (nodes N) (map real x)).
Proof.
intros proper; unfold exact_registers; pose proof (inputs_R x xH Empty [] ) as start.
destruct (exact_inputs x xH Empty) as [next ys0]; cbn [app] in start.
destruct start as [ok next_len]; [intros k y; now destruct k|reflexivity|exact proper|]; now apply run_R.
Qed.

Lemma apart_R eps e ys ys' zs zs' us us' : stands eps e -> holds ys zs -> holds ys' zs' -> apart eps ys ys' us us' = true ->
  exists i, (i < length us)%nat /\
    e < Rabs (nth i (map (@register Reals zs 0) us) 0 - nth i (map (@register Reals zs' 0) us') 0).
Proof.
intros eps_e ok ok'; revert us'; induction us as [|u us IH]; intros [|u' us']; cbn [apart]; try discriminate.
destruct (exact_register ys 0 u) as [y|] eqn:u_y; [|discriminate]; destruct (exact_register ys' 0 u') as [y'|] eqn:u'_y'; [|discriminate].
apply (register_R _ zs) in u_y; [|exact ok]; apply (register_R _ zs') in u'_y'; [|exact ok'].
pose proof (stands_at_most _ _ _ _ u_y (stands_plus _ _ _ _ u'_y' eps_e)) as le.
pose proof (stands_at_most _ _ _ _ u'_y' (stands_plus _ _ _ _ u_y eps_e)) as ge.
rewrite !orb_true_iff, !negb_true_iff; intros [[above|below]|rest].
- exists 0%nat; split; [cbn; lia|]; cbn [map nth]; apply Rlt_le_trans with (2 := Rle_abs _).
  destruct (Rle_dec (@register Reals zs 0 u) (@register Reals zs' 0 u' + e)) as [h%le|]; [congruence|lra].
- exists 0%nat; split; [cbn; lia|]; cbn [map nth]; rewrite Rabs_minus_sym; apply Rlt_le_trans with (2 := Rle_abs _).
  destruct (Rle_dec (@register Reals zs' 0 u') (@register Reals zs 0 u + e)) as [h%ge|]; [congruence|lra].
- destruct (IH _ rest) as [i [i_lt far]]; exists (S i); split; [cbn; lia|exact far].
Qed.

Lemma inside_R box x : forallb (fun y => is_positive (snd y)) x = true -> inside box x = true ->
  Forall2 (fun b y => real (fst b) <= y <= real (snd b)) box (map real x).
Proof.
revert x; induction box as [|[low high] box IH]; intros [|y x] proper; cbn [inside map]; try discriminate; [constructor|].
cbn [forallb] in proper; apply andb_true_iff in proper as [y_gt0%is_positive_spec proper].
rewrite !andb_true_iff; intros [[[[low_gt0%is_positive_spec high_gt0%is_positive_spec] above] below] rest].
constructor; [|now apply IH]; cbn [fst snd]; split.
- apply (stands_at_most low y (real low) (real y)); [now split|now split|exact above].
- apply (stands_at_most y high (real y) (real high)); [now split|now split|exact below].
Qed.

Lemma has_length_spec {A} n (xs : list A) : has_length n xs = true -> length xs = n.
Proof. revert xs; induction n as [|n IH]; intros [|x xs]; cbn; try discriminate; [reflexivity|]; intros ok; now rewrite (IH xs). Qed.

(** What is refuted differs: at this point of the box, by more than eps in some output. *)
Theorem refute_sound N N' box eps x : refute N N' box eps x = true ->
  length (map real x) = inputs N /\ length (map real x) = inputs N' /\
  match box with None => True | Some b => Forall2 (fun c y => real (fst c) <= y <= real (snd c)) b (map real x) end /\
  exists i, (i < length (outputs N))%nat /\
    real eps < Rabs (nth i (@eval Reals M N (map real x)) 0 - nth i (@eval Reals M N' (map real x)) 0).
Proof.
unfold refute; rewrite !andb_true_iff; intros [[[[[len len'] proper] eps_gt0%is_positive_spec] in_box] far].
rewrite map_length, (has_length_spec _ _ len); repeat split.
- rewrite <- (has_length_spec _ _ len); now apply has_length_spec.
- destruct box as [b|]; [now apply inside_R|exact I].
- destruct (exact_registers N x) as [ys|] eqn:N_ys; [|discriminate]; destruct (exact_registers N' x) as [ys'|] eqn:N'_ys; [|discriminate].
  apply (apart_R eps (real eps) ys ys'); [now split|now apply registers_R|now apply registers_R|exact far].
Qed.

End Refuter.
