(* SPDX-License-Identifier: Apache-2.0 *)
(** This file is about activation functions over any ordered field, for any lawful meaning of their names: each use that the
   checker makes of the tables of Functions.v is right. *)
From Coq Require Import List Bool ZArith Lia Ring Ring_theory.
From Exactlump Require Import Network Numbers Functions Laws Forms FormsProof Checker.
Import ListNotations.

Section Functions.
Variable F : numbers.
Hypothesis field : ordered_field F.
Variable M : meaning F.
Hypothesis laws : lawful M.
Add Ring F_ring : (ring_laws F field).

Notation "x + y" := (add x y).
Notation "x * y" := (mul x y).
Notation "- x" := (opp x).
Notation Z_ := (@of_Z F).
Implicit Types (c y z : F) (f : function) (x : fraction) (p q : Z).

Local Arguments of_Z : simpl never.
Local Arguments Z.add : simpl never.
Local Arguments Z.mul : simpl never.
Local Arguments Z.opp : simpl never.

Ltac of_Z :=
  repeat first [rewrite (of_Z_add F field) | rewrite (of_Z_mul F field) | rewrite (of_Z_opp F field)];
  rewrite ?(of_Z_0 F), ?(of_Z_0' F), ?(of_Z_1 F), ?(of_Z_1' F).

(** --- Fractions --- *)

Lemma of_fraction_scaled (x : fraction) : (0 < snd x)%Z -> Z_ (snd x) * of_fraction x = Z_ (fst x).
Proof.
intros x_gt0; unfold of_fraction; replace (_ * _) with (Z_ (fst x) * (Z_ (snd x) * inverse (Z_ (snd x)))) by ring.
rewrite (inverse_Z F field) by assumption; ring.
Qed.

Lemma of_fraction_unique a b y : (0 < b)%Z -> Z_ b * y = Z_ a -> of_fraction (a, b) = y.
Proof. intros b_gt0 y_a; apply (cancel_Z F field b); [exact b_gt0|]; now rewrite y_a; apply (of_fraction_scaled (a, b)). Qed.

Lemma nonnegative_fraction (x : fraction) : (0 < snd x)%Z -> nonnegative (of_fraction x : F) = (0 <=? fst x)%Z.
Proof. intros x_gt0; now rewrite <- (nonnegative_scaled F field (snd x)), of_fraction_scaled, (of_Z_nonnegative F field). Qed.

(** --- LeakyReLU --- *)

Lemma nonnegative_opp y : nonnegative y = false -> nonnegative (- y) = true.
Proof. intros y_lt0; destruct (order_total F field y); [congruence|assumption]. Qed.

Lemma both_signs y : nonnegative y = true -> nonnegative (- y) = true -> y = zero.
Proof. apply (order_antisymmetric F field). Qed.

Lemma nonnegative_positive c y : nonnegative c = true -> c <> zero -> nonnegative (c * y) = nonnegative y.
Proof.
intros c_ge0 c_nz; destruct (nonnegative y) eqn:y_ge0; [now apply (order_mul F field)|].
destruct (nonnegative (c * y)) eqn:cy_ge0; [|reflexivity]; exfalso.
assert (y_0 : y = zero).
{ apply (cancel F field c); [exact c_nz|]; replace (c * zero) with (@zero F) by ring; apply both_signs; [exact cy_ge0|].
  replace (- (c * y)) with (c * - y) by ring; apply (order_mul F field); [exact c_ge0|now apply nonnegative_opp]. }
now rewrite y_0, (nonnegative_0 F field) in y_ge0.
Qed.

Lemma leaky_homogeneous s : is_homogeneous (apply M (Leaky s)).
Proof. intros c y c_ge0 c_nz; cbn; rewrite nonnegative_positive by assumption; destruct (nonnegative y); ring. Qed.

Lemma slope_1 s : (0 < snd s)%Z -> (fst s =? snd s)%Z = true -> of_fraction s = @one F.
Proof. intros s_gt0 same%Z.eqb_eq; destruct s as [a b]; cbn in *; subst; apply of_fraction_unique; [assumption|ring]. Qed.

Lemma slope_opp_1 s : (0 < snd s)%Z -> (fst s =? - snd s)%Z = true -> of_fraction s = - @one F.
Proof. intros s_gt0 same%Z.eqb_eq; destruct s as [a b]; cbn in *; subst; apply of_fraction_unique; [assumption|]; of_Z; ring. Qed.

Lemma leaky_obeys s : is_proper (Leaky s) = true -> obeys (symmetry_of (Leaky s)) (apply M (Leaky s)).
Proof.
intros s_gt0%is_positive_spec; cbn [symmetry_of]; destruct (_ =? _)%Z eqn:same; [|destruct (_ =? - _)%Z eqn:opposite].
- split; [apply leaky_homogeneous|]; intros y; cbn; rewrite slope_1 by assumption.
  destruct (nonnegative (- y)), (nonnegative y); ring.
- split; [apply leaky_homogeneous|]; intros y; cbn; rewrite slope_opp_1 by assumption.
  destruct (nonnegative (- y)) eqn:y_le0, (nonnegative y) eqn:y_ge0; try ring; [rewrite (both_signs y) by assumption; ring|].
  now rewrite nonnegative_opp in y_le0.
- apply leaky_homogeneous.
Qed.

Lemma function_obeys f : is_proper f = true -> obeys (symmetry_of f) (apply M f).
Proof. destruct f as [s|n ps]; [apply leaky_obeys|apply (symmetry_law M laws)]. Qed.

(** --- Symmetries --- *)

Definition ratio p q : F := Z_ p * inverse (Z_ q).

Lemma ratio_positive p q : (0 < p)%Z -> (0 < q)%Z -> nonnegative (ratio p q) = true /\ ratio p q <> zero.
Proof.
intros p_gt0 q_gt0; assert (scaled : Z_ q * ratio p q = Z_ p) by exact (of_fraction_scaled (p, q) q_gt0); split.
- rewrite <- (nonnegative_scaled F field q), scaled, (of_Z_nonnegative F field) by assumption; apply Z.leb_le; lia.
- intros none; rewrite none in scaled; apply (of_Z_nonzero F field p p_gt0); rewrite <- scaled; ring.
Qed.

Lemma by_ratio p q y z : (0 < q)%Z -> Z_ q * y = Z_ p * z -> y = ratio p q * z.
Proof.
intros q_gt0 y_z; apply (cancel_Z F field q); [exact q_gt0|]; rewrite y_z; unfold ratio.
replace (Z_ q * (Z_ p * inverse (Z_ q) * z)) with (Z_ p * z * (Z_ q * inverse (Z_ q))) by ring.
rewrite (inverse_Z F field) by assumption; ring.
Qed.

Lemma of_ratio p q y z : (0 < q)%Z -> y = ratio p q * z -> Z_ q * y = Z_ p * z.
Proof.
intros q_gt0 ->; unfold ratio; replace (_ * _) with (Z_ p * z * (Z_ q * inverse (Z_ q))) by ring.
rewrite (inverse_Z F field) by assumption; ring.
Qed.

Lemma homogeneous_scaled (sigma : F -> F) p q y z : is_homogeneous sigma -> (0 < p)%Z -> (0 < q)%Z -> Z_ q * y = Z_ p * z ->
  Z_ q * sigma y = Z_ p * sigma z.
Proof.
intros law p_gt0 q_gt0 y_z; apply by_ratio in y_z as ->; [|exact q_gt0]; apply of_ratio; [exact q_gt0|].
now apply law; apply ratio_positive.
Qed.

Lemma size_blind_scaled (sigma : F -> F) p q y z : is_size_blind sigma -> (0 < p)%Z -> (0 < q)%Z -> Z_ q * y = Z_ p * z ->
  sigma y = sigma z.
Proof. intros law p_gt0 q_gt0 y_z; apply by_ratio in y_z as ->; [|exact q_gt0]; now apply law; apply ratio_positive. Qed.

Lemma opposite_scaled p q y z : Z_ q * y = Z_ (- p) * z -> Z_ q * - y = Z_ p * z.
Proof. of_Z; intros y_z; replace (Z_ q * - y) with (- (Z_ q * y)) by ring; rewrite y_z; ring. Qed.

Lemma same_scaled q y z : (0 < q)%Z -> Z_ q * y = Z_ q * z -> y = z.
Proof. apply (cancel_Z F field). Qed.

Lemma odd_scaled (sigma : F -> F) p q y z : is_odd sigma -> (0 < q)%Z -> p = q \/ p = (- q)%Z -> Z_ q * y = Z_ p * z ->
  Z_ q * sigma y = Z_ p * sigma z.
Proof.
intros law q_gt0 [->| ->] y_z.
- now rewrite (same_scaled q y z).
- apply opposite_scaled, same_scaled in y_z; [|exact q_gt0]; rewrite <- y_z, law; of_Z; ring.
Qed.

Lemma size_cases p q : ((p =? q)%Z || (p =? - q)%Z) = true -> p = q \/ p = (- q)%Z.
Proof. rewrite orb_true_iff, !Z.eqb_eq; tauto. Qed.

Lemma linear_scaled (sigma : F -> F) p q y z : is_homogeneous sigma -> is_odd sigma -> p <> 0%Z -> (0 < q)%Z ->
  Z_ q * y = Z_ p * z -> Z_ q * sigma y = Z_ p * sigma z.
Proof.
intros homogeneous odd p_nz q_gt0 y_z; destruct (Z.ltb_spec 0 p) as [p_gt0|p_le0].
- now apply homogeneous_scaled.
- assert (opposite : Z_ q * y = Z_ (- p) * - z) by (rewrite y_z; of_Z; ring).
  apply (homogeneous_scaled sigma) in opposite; [|assumption|lia|assumption]; rewrite opposite, odd; of_Z; ring.
Qed.

Lemma scalings_sound s (sigma : F -> F) p q (c : Z) y z : obeys s sigma -> (0 < q)%Z -> In c (scalings s p q) ->
  Z_ q * y = Z_ c * z -> Z_ q * sigma y = Z_ p * sigma z.
Proof.
intros law q_gt0; assert (one : p = q -> Z_ q * y = Z_ p * z -> Z_ q * sigma y = Z_ p * sigma z).
{ intros -> y_z; now rewrite (same_scaled q y z). }
destruct s; cbn [obeys scalings] in *.
- destruct (Z.eqb_spec p q); [|now intros []]; intros [<-|[]]; now apply one.
- destruct (_ || _) eqn:p_q; [|now intros []]; intros [<-|[]]; apply odd_scaled; try assumption; now apply size_cases.
- destruct (Z.eqb_spec p q) as [p_q|]; [|now intros []]; intros [<-|[<-|[]]]; [now apply one|]; intros y_z%opposite_scaled.
  rewrite <- (law y); rewrite p_q in *; apply same_scaled in y_z; [|assumption]; now rewrite y_z.
- destruct (is_positive p) eqn:p_gt0; [|now intros []]; apply is_positive_spec in p_gt0; intros [<-|[]]; now apply homogeneous_scaled.
- destruct law as [homogeneous odd]; destruct (Z.eqb_spec p Z.zero) as [|p_nz]; [now intros []|]; intros [<-|[]].
  now apply linear_scaled.
- destruct law as [homogeneous even]; destruct (is_positive p) eqn:p_gt0; [|now intros []]; apply is_positive_spec in p_gt0.
  intros [<-|[<-|[]]]; [now apply homogeneous_scaled|]; intros y_z%opposite_scaled; rewrite <- (even y); now apply homogeneous_scaled.
- destruct law as [_ odd]; destruct (_ || _) eqn:p_q; [|now intros []]; intros [<-|[]]; apply odd_scaled; try assumption; now apply size_cases.
- destruct (Z.eqb_spec p q); [|now intros []]; intros [<-|[]]; now apply one.
Qed.

(** Sizes do not matter to [sign]. *)
Lemma size_blind_sound s (sigma : F -> F) p q a b y z : obeys s sigma -> size_blind s = true -> scalings s p q <> [] ->
  (0 < q)%Z -> (0 < a)%Z -> (0 < b)%Z -> Z_ (q * b) * y = Z_ (p * a) * z -> Z_ q * sigma y = Z_ p * sigma z.
Proof.
intros law blind some q_gt0 a_gt0 b_gt0 y_z; destruct s; try discriminate; cbn [obeys scalings] in *.
- destruct law as [law odd]; destruct (_ || _) eqn:p_q; [|congruence]; apply size_cases in p_q as [->| ->].
  + f_equal; apply (size_blind_scaled sigma (q * a) (q * b)); try assumption; nia.
  + assert (opposite : Z_ (q * b) * y = Z_ (q * a) * - z) by (rewrite y_z; of_Z; ring).
    apply (size_blind_scaled sigma) in opposite; try assumption; try nia; rewrite opposite, odd; of_Z; ring.
- destruct (Z.eqb_spec p q) as [->|]; [|congruence].
  f_equal; apply (size_blind_scaled sigma (q * a) (q * b)); try assumption; nia.
Qed.

Notation fv := (form_value F).

Lemma related_sound s (sigma : F -> F) p q m (f : form) m' (g : form) (env : positive -> F) y z : obeys s sigma ->
    (0 < q)%Z -> (0 < m)%Z -> (0 < m')%Z -> Z_ m * y = fv env f -> Z_ m' * z = fv env g ->
  related s p q m f m' g = true -> Z_ q * sigma y = Z_ p * sigma z.
Proof.
intros law q_gt0 m_gt0 m'_gt0 y_f z_g; unfold related; rewrite orb_true_iff; intros [some|blind].
- apply existsb_exists in some as [c [c_in same]]; apply (scalings_sound s) with (c := c); try assumption.
  apply (is_multiple_value F field _ _ _ _ env) in same; rewrite <- y_f, <- z_g in same; revert same; of_Z; intros same.
  apply (cancel_Z F field m); [exact m_gt0|]; apply (cancel_Z F field m'); [exact m'_gt0|].
  replace (Z_ m' * (Z_ m * (Z_ q * y))) with (Z_ q * Z_ m' * (Z_ m * y)) by ring; rewrite same; ring.
- apply andb_true_iff in blind as [blind same]; apply andb_true_iff in blind as [blind some].
  apply andb_true_iff in same as [weights same]; apply andb_true_iff in weights as [a_gt0%is_positive_spec b_gt0%is_positive_spec].
  apply (is_multiple_value F field _ _ _ _ env) in same; rewrite <- y_f, <- z_g in same.
  apply (size_blind_sound s) with (a := (weight f * m')%Z) (b := (weight g * m)%Z); try assumption; try nia.
  + now intros none; rewrite none in some.
  + revert same; of_Z; intros same; replace (_ * y) with (Z_ q * Z_ (weight g) * (Z_ m * y)) by ring; rewrite same; ring.
Qed.

(** --- Functions that are equal --- *)

Lemma same_name_eq a b : same_name a b = true -> a = b.
Proof. now destruct a, b. Qed.

Lemma same_fractions_eq xs ys : same_fractions xs ys = true -> xs = ys.
Proof.
revert ys; induction xs as [|[a b] xs IH]; intros [|[c d] ys]; cbn; try discriminate; [reflexivity|].
rewrite !andb_true_iff, !Z.eqb_eq; intros [[-> ->] same]; now rewrite (IH ys).
Qed.

Lemma same_function_eq f g : same_function f g = true -> f = g.
Proof.
destruct f as [x|a ps], g as [t|b qs]; cbn [same_function]; try discriminate.
- intros same%same_fractions_eq; now injection same as ->.
- rewrite andb_true_iff; intros [->%same_name_eq ->%same_fractions_eq]; reflexivity.
Qed.

Lemma same_operator_eq a b : same_operator a b = true -> a = b.
Proof. destruct a, b; cbn; try discriminate; try reflexivity; now intros ->%Z.eqb_eq. Qed.

(** --- The other tables --- *)

Lemma identity_apply f y : is_proper f = true -> is_identity f = true -> apply M f y = y.
Proof.
destruct f as [x|n ps]; cbn; [|discriminate]; intros x_gt0%is_positive_spec same.
rewrite slope_1 by assumption; destruct (nonnegative y); ring.
Qed.

Lemma fraction_times (x t : fraction) : (0 < snd x)%Z -> (0 < snd t)%Z -> of_fraction (times x t) = of_fraction x * @of_fraction F t.
Proof.
intros x_gt0 t_gt0; apply of_fraction_unique; [now apply Z.mul_pos_pos|]; cbn; of_Z.
rewrite <- !of_fraction_scaled by assumption; ring.
Qed.

Lemma value_sound f a b p q y : is_proper f = true -> (0 < b)%Z -> value_at f (a, b) = Some (p, q) -> Z_ b * y = Z_ a ->
  (0 < q)%Z /\ Z_ q * apply M f y = Z_ p.
Proof.
intros proper b_gt0 found y_a; rewrite <- (of_fraction_unique a b y) by assumption; destruct f as [x|n ps].
- cbn in proper, found; apply is_positive_spec in proper; injection found as found.
  cbn; rewrite nonnegative_fraction by assumption; cbn [fst snd]; change (0 <=? a)%Z with (Z.zero <=? a)%Z.
  destruct (Z.zero <=? a)%Z.
  + injection found as <- <-; split; [exact b_gt0|]; apply (of_fraction_scaled (a, b) b_gt0).
  + rewrite <- fraction_times, found by assumption; injection found as <- <-; split; [now apply Z.mul_pos_pos|].
    apply (of_fraction_scaled (fst x * a, snd x * b)%Z); now apply Z.mul_pos_pos.
- destruct (value_law M laws _ _ _ _ _ _ proper b_gt0 found) as [q_gt0 value]; split; [exact q_gt0|].
  cbn [apply]; rewrite value; apply (of_fraction_scaled (p, q) q_gt0).
Qed.

Lemma fraction_plus_1 x : (0 < snd x)%Z -> of_fraction (plus one_fraction x) = one + @of_fraction F x.
Proof.
intros x_gt0; apply of_fraction_unique; cbn -[Z.mul Z.add]; change Z.one with 1%Z; rewrite ?Z.mul_1_l; [exact x_gt0|].
of_Z; rewrite <- (of_fraction_scaled x) by assumption; ring.
Qed.

Lemma twin_sound f (l : fraction) y : is_proper f = true -> twin_of f = Some l ->
  (0 < snd l)%Z /\ Z_ (snd l) * apply M f y = Z_ (snd l) * apply M f (- y) + Z_ (fst l) * y.
Proof.
intros proper found; assert (twin : (0 < snd l)%Z /\ apply M f y = apply M f (- y) + of_fraction l * y).
{ destruct f as [x|n ps]; [|destruct l; now apply (twin_law M laws)].
  cbn in proper, found; apply is_positive_spec in proper; injection found as <-; split.
  - cbn -[Z.mul]; change Z.one with 1%Z; now rewrite Z.mul_1_l.
  - rewrite fraction_plus_1 by assumption; cbn; destruct (nonnegative y) eqn:y_ge0, (nonnegative (- y)) eqn:y_le0; try ring.
    + rewrite (both_signs y) by assumption; ring.
    + now rewrite nonnegative_opp in y_le0. }
destruct twin as [l_gt0 ->]; split; [exact l_gt0|]; rewrite <- (of_fraction_scaled l) by assumption; ring.
Qed.

Lemma nonnegative_slope x : (0 < snd x)%Z -> (fst x <=? Z.zero)%Z = true -> nonnegative (- @of_fraction F x) = true.
Proof.
intros x_gt0 x_le0%Z.leb_le; rewrite <- (nonnegative_scaled F field (snd x)) by assumption.
replace (_ * _) with (- (Z_ (snd x) * of_fraction x)) by ring; rewrite of_fraction_scaled, <- (of_Z_opp F field) by assumption.
rewrite (of_Z_nonnegative F field); apply Z.leb_le; change Z.zero with 0%Z in *; lia.
Qed.

Lemma never_negative_sound f y : is_proper f = true -> never_negative f = true -> nonnegative (apply M f y) = true.
Proof.
destruct f as [x|n ps]; [|apply (sign_law M laws)]; cbn; intros x_gt0%is_positive_spec x_le0.
destruct (nonnegative y) eqn:y_ge0; [exact y_ge0|]; replace (of_fraction x * y) with (- of_fraction x * - y) by ring.
apply (order_mul F field); [now apply nonnegative_slope|now apply nonnegative_opp].
Qed.

Lemma linear_above_sound f y : is_proper f = true -> linear_above f = true -> nonnegative y = true -> apply M f y = y.
Proof. destruct f as [x|n ps]; [|apply (above_law M laws)]; cbn; now intros _ _ ->. Qed.

Lemma zero_below_sound f y : is_proper f = true -> zero_below f = true -> nonnegative (- y) = true -> apply M f y = zero.
Proof.
destruct f as [x|n ps]; [|apply (below_law M laws)]; cbn; intros x_gt0%is_positive_spec x_0%Z.eqb_eq y_le0.
destruct (nonnegative y) eqn:y_ge0; [now apply both_signs|]; unfold of_fraction; rewrite x_0, (of_Z_0 F); ring.
Qed.

(** --- The greatest --- *)

Lemma greater_scaled p q a b (a' b' : F) : (0 < p)%Z -> (0 < q)%Z -> Z_ q * a = Z_ p * a' -> Z_ q * b = Z_ p * b' ->
  Z_ q * greater a b = Z_ p * greater a' b'.
Proof.
intros p_gt0 q_gt0 a_a' b_b'; unfold greater; replace (nonnegative (a + - b)) with (nonnegative (a' + - b')).
- now destruct (nonnegative _).
- rewrite <- (nonnegative_scaled F field p), <- (nonnegative_scaled F field q (a + - b)) by assumption; f_equal.
  replace (Z_ q * (a + - b)) with (Z_ q * a + - (Z_ q * b)) by ring; rewrite a_a', b_b'; ring.
Qed.

End Functions.
