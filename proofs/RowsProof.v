(* SPDX-License-Identifier: Apache-2.0 *)
(** This file is about rows: if the atoms have the values that they stand for, what a certificate's row says of a node is true.

   env          the values of the atoms
   at_key k     the register with the key k
   known_ok     the terms of the registers so far are their values
   claims_ok    atoms with a claim are what the claim's node computes, over the scale                                    *)
From Coq Require Import List Bool ZArith Lia Ring Ring_theory.
From Exactlump Require Import Network Numbers Functions Laws Forms FormsProof Checker FunctionsProof.
Import ListNotations.

Section Soundness.
Variable F : numbers.
Hypothesis field : ordered_field F.
Variable M : meaning F.
Hypothesis laws : lawful M.
Add Ring F_ring : (ring_laws F field).

Notation "x + y" := (add x y).
Notation "x * y" := (mul x y).
Notation "- x" := (opp x).
Notation Z_ := (@of_Z F).
Notation fv := (form_value F).
Notation tv := (terms_value F).
Implicit Types (env : positive -> F) (ys zs : list F) (f g : form) (ts : terms) (k j : positive) (p q m : Z) (v : node).

Local Arguments of_Z : simpl never.
Local Arguments Z.add : simpl never.
Local Arguments Z.mul : simpl never.
Local Arguments Z.opp : simpl never.

Ltac of_Z :=
  repeat first [rewrite (of_Z_add F field) | rewrite (of_Z_mul F field) | rewrite (of_Z_opp F field)];
  rewrite ?(of_Z_0 F), ?(of_Z_0' F), ?(of_Z_1 F), ?(of_Z_1' F).

(** --- Registers --- *)

Definition at_key k : nat := Nat.pred (Pos.to_nat k).

Lemma at_key_succ k : at_key (Pos.succ k) = S (at_key k).
Proof. unfold at_key; lia. Qed.

Lemma at_key_inj k j : at_key k = at_key j -> k = j.
Proof. unfold at_key; lia. Qed.

Lemma register_key ys start u : register ys start u = nth (at_key (key start u)) ys zero.
Proof. unfold register, key, at_key; f_equal; destruct (start + u)%N; cbn; lia. Qed.

Definition known_ok env (known : tree (Z * terms)) ys :=
  forall k q ts, find k known = Some (q, ts) ->
    (0 < q)%Z /\ (at_key k < length ys)%nat /\ Z_ q * nth (at_key k) ys zero = tv env ts.

Lemma known_more env known ys zs : known_ok env known ys -> known_ok env known (ys ++ zs).
Proof.
intros ok k q ts found; destruct (ok _ _ _ found) as [q_gt0 [k_lt value]]; repeat split; [exact q_gt0| |].
- rewrite app_length; lia.
- now rewrite app_nth1.
Qed.

Lemma known_snoc env known ys k q ts y : known_ok env known ys -> at_key k = length ys -> (0 < q)%Z -> Z_ q * y = tv env ts ->
  known_ok env (set k (q, ts) known) (ys ++ [y]).
Proof.
intros ok k_len q_gt0 value j q' ts' found; apply find_set in found as [[-> [= -> ->]]|found].
- rewrite k_len, app_length, nth_middle; cbn; repeat split; [exact q_gt0|lia|exact value].
- now apply (known_more env known).
Qed.

Section Known.
Variables (env : positive -> F) (known : tree (Z * terms)) (ys : list F).
Hypotheses (env_1 : env xH = one) (ok : known_ok env known ys).

Lemma known_register start u q ts : find (key start u) known = Some (q, ts) -> (0 < q)%Z /\ Z_ q * register ys start u = tv env ts.
Proof. intros found; rewrite register_key; destruct (ok _ _ _ found) as [q_gt0 [_ value]]; now split. Qed.

Lemma register_form ts : fv env (add_terms Z.one ts Empty) = tv env ts.
Proof. rewrite (add_terms_value F field); cbn; of_Z; ring. Qed.

Lemma affine_sound start es m f m' g y : affine known start es m f = Some (m', g) -> (0 < m)%Z -> Z_ m * y = fv env f ->
  (0 < m')%Z /\ Z_ m' * (weighted_sum ys start es + y) = fv env g.
Proof.
revert m f y; induction es as [|[u w] es IH]; cbn [affine]; intros m f y found m_gt0 y_f.
- injection found as <- <-; split; [exact m_gt0|]; cbn; rewrite <- y_f; ring.
- destruct (find _ _) as [[q ts]|] eqn:u_ts; [|discriminate].
  destruct (known_register _ _ _ _ u_ts) as [q_gt0 value].
  change (weighted_sum ys start ((u, w) :: es)) with (Z_ w * register ys start u + weighted_sum ys start es).
  replace (Z_ w * register ys start u + weighted_sum ys start es + y)
    with (weighted_sum ys start es + (y + Z_ w * register ys start u)) by ring.
  destruct (Z.eqb_spec q m) as [->|_]; apply (IH _ _ _ found).
  + exact m_gt0.
  + rewrite (add_terms_value F field), <- value, <- y_f; ring.
  + now destruct (joint_spec m q m_gt0 q_gt0).
  + destruct (joint_spec m q m_gt0 q_gt0) as [_ [_ [_ [by_m by_q]]]]; set (whole := joint m q) in *.
    assert (scaled_f : fv env (if (whole =? m)%Z then f else scaled (whole / m) f) = Z_ (whole / m) * fv env f).
    { destruct (Z.eqb_spec whole m) as [same|_]; [|apply (scaled_value F field)].
      rewrite same, Z.div_same by lia; of_Z; ring. }
    rewrite (add_terms_value F field), scaled_f, <- value, <- y_f; of_Z.
    replace (Z_ whole * _) with (Z_ whole * y + Z_ w * (Z_ whole * register ys start u)) by ring.
    rewrite by_m at 1; rewrite by_q at 2; of_Z; ring.
Qed.

Lemma before_sound start n m f : before known start n = Some (m, f) -> (0 < denominator n)%Z ->
  (0 < m)%Z /\ Z_ m * preactivation ys start n = fv env f.
Proof.
unfold before; intros found d_gt0; destruct (affine _ _ _ _ _) as [[m' g]|] eqn:sum; [|discriminate].
assert (m = (m' * denominator n)%Z /\ f = add_term xH (bias n * m') g) as [-> ->] by now split; congruence.
destruct (affine_sound _ _ _ _ _ _ zero sum) as [m'_gt0 value]; [reflexivity|cbn; ring|].
split; [now apply Z.mul_pos_pos|]; rewrite (add_term_value F field), <- value, env_1; unfold preactivation; of_Z.
replace (_ * _) with (Z_ (denominator n) * inverse (Z_ (denominator n)) * (Z_ m' * (weighted_sum ys start (edges n) + Z_ (bias n)))) by ring.
rewrite (inverse_Z F field) by assumption; ring.
Qed.

Lemma is_known_spec start u : is_known known start u = true -> (N.to_nat (start + u) < length ys)%nat.
Proof.
unfold is_known; destruct (find _ _) as [[q ts]|] eqn:found; [intros _|discriminate].
destruct (ok _ _ _ found) as [_ [k_lt _]]; unfold at_key, key in k_lt; destruct (start + u)%N; cbn in *; lia.
Qed.

Lemma register_more zs start u : is_known known start u = true -> register (ys ++ zs) start u = register ys start u.
Proof. intros u_known; unfold register; now rewrite app_nth1 by now apply is_known_spec. Qed.

Lemma node_values_more zs v : readable known v = true -> node_values M (ys ++ zs) v = node_values M ys v.
Proof.
destruct v as [start n|start us|o r us]; cbn [readable node_values]; rewrite forallb_forall; intros all.
- do 2 f_equal; unfold preactivation; do 2 f_equal; revert all; induction (edges n) as [|[u w] es IH]; cbn; intros all; [reflexivity|].
  f_equal; [f_equal; apply register_more, (all (u, w)); now left|apply IH; intros; apply all; now right].
- do 2 f_equal; apply map_ext_in; intros u u_in; now apply register_more, all.
- replace (map (register (ys ++ zs) 0) us) with (map (register ys 0) us); [reflexivity|].
  apply map_ext_in; intros u u_in; symmetry; now apply register_more, all.
Qed.

End Known.

(** --- Comparing two nodes --- *)

Lemma proportional_sound env known known' ys ys' p q start us start' us' : known_ok env known ys -> known_ok env known' ys' ->
    proportional p q known start us known' start' us' = true ->
  Forall2 (fun y z => Z_ q * y = Z_ p * z) (map (register ys start) us) (map (register ys' start') us').
Proof.
intros ok ok'; revert us'; induction us as [|u us IH]; intros [|u' us']; cbn; try discriminate; [constructor|].
destruct (find _ known) as [[m ts]|] eqn:u_ts; [|discriminate]; destruct (find _ known') as [[m' ts']|] eqn:u'_ts; [|discriminate].
intros [same rest]%andb_true_iff; constructor; [|now apply IH].
destruct (known_register _ _ _ ok _ _ _ _ u_ts) as [m_gt0 value]; destruct (known_register _ _ _ ok' _ _ _ _ u'_ts) as [m'_gt0 value'].
apply (is_multiple_value F field _ _ _ _ env) in same; rewrite !register_form, <- value, <- value' in same; revert same; of_Z; intros same.
apply (cancel_Z F field m); [exact m_gt0|]; apply (cancel_Z F field m'); [exact m'_gt0|].
replace (Z_ m' * (Z_ m * (Z_ q * register ys start u))) with (Z_ q * Z_ m' * (Z_ m * register ys start u)) by ring.
rewrite same; ring.
Qed.

Lemma greatest_scaled p q ys zs : (0 < p)%Z -> (0 < q)%Z -> Forall2 (fun y z => Z_ q * y = Z_ p * z) ys zs ->
  Z_ q * greatest ys = Z_ p * greatest zs.
Proof.
intros p_gt0 q_gt0 [|y z ys' zs' y_z rest]; cbn [greatest]; [ring|].
revert y z y_z; induction rest as [|a b ys'' zs'' a_b rest IH]; cbn; intros y z y_z; [exact y_z|].
now apply IH, (greater_scaled F field).
Qed.

Lemma Forall2_equal ys zs : Forall2 (fun y z => Z_ Z.one * y = Z_ Z.one * z) ys zs -> ys = zs.
Proof. induction 1 as [|y z ys zs y_z _ <-]; [reflexivity|]; f_equal; apply (cancel_Z F field Z.one); [reflexivity|exact y_z]. Qed.

Lemma same_up_to_sound env known known' ys ys' p v c v' : env xH = one -> known_ok env known ys -> known_ok env known' ys' ->
    proper_node v = true -> proper_node v' = true -> owner c = Some v' -> (0 < scale c)%Z ->
    same_up_to p known v known' c = true ->
  width v = width v' /\ forall i, Z_ (scale c) * nth i (node_values M ys v) zero = Z_ p * nth i (node_values M ys' v') zero.
Proof.
intros env_1 ok ok' proper proper' c_v' c_gt0; unfold same_up_to; rewrite c_v'.
destruct v as [start n|start us|o r us], v' as [start' n'|start' us'|o' r' us']; try discriminate; cbn [width node_values].
- intros [same same_form]%andb_true_iff; apply (same_function_eq) in same; split; [reflexivity|].
  cbn in proper, proper'; apply andb_true_iff in proper as [d_gt0%is_positive_spec proper], proper' as [d'_gt0%is_positive_spec _].
  destruct (before known start n) as [[m f]|] eqn:n_f; [|discriminate].
  destruct (before known' start' n') as [[m' g]|] eqn:n'_g; [|discriminate].
  destruct (before_sound env known ys env_1 ok _ _ _ _ n_f d_gt0) as [m_gt0 value].
  destruct (before_sound env known' ys' env_1 ok' _ _ _ _ n'_g d'_gt0) as [m'_gt0 value'].
  intros [|[|i]]; cbn; try ring; rewrite <- same.
  refine (related_sound F field _ (apply M (activation n)) _ _ m f m' g env _ _ _ c_gt0 m_gt0 m'_gt0 value value' same_form).
  now apply function_obeys.
- intros [p_gt0%is_positive_spec same]%andb_true_iff; split; [reflexivity|].
  intros [|[|i]]; cbn; try ring; apply greatest_scaled; try assumption; now apply (proportional_sound env known known').
- rewrite !andb_true_iff, Z.eqb_eq, Nat.eqb_eq; intros [[[-> same_o%same_operator_eq] <-] same]; split; [reflexivity|].
  apply (proportional_sound env known known' ys ys') in same; try assumption; apply Forall2_equal in same; intros i.
  now rewrite same_o, same.
Qed.

(** --- Claims --- *)

Definition shift (i : nat) k : positive := Nat.iter i Pos.succ k.

Definition claims_ok env (atom : positive -> positive) (cs : tree claim) ys :=
  forall k c, find k cs = Some c ->
    (0 < scale c)%Z /\ (atom_nonnegative c = true -> nonnegative (env (atom k)) = true) /\
    forall v, owner c = Some v ->
      proper_node v = true /\
      forall i, (i < width v)%nat -> Z_ (scale c) * env (atom (shift i k)) = nth i (node_values M ys v) zero.

Section Claims.
Variables (env : positive -> F) (atom : positive -> positive) (other : side) (zs : list F).
Hypotheses (env_1 : env xH = one) (known_other : known_ok env (known other) zs).
Hypothesis claims_other : claims_ok env atom (claims other) zs.

(** A claim about a unit: before its function and after it. *)
Lemma unit_claim_of k c start n m g : find k (claims other) = Some c -> owner c = Some (Unit start n) ->
    before (known other) start n = Some (m, g) ->
  (0 < scale c)%Z /\ is_proper (activation n) = true /\ (0 < m)%Z /\
  Z_ m * preactivation zs start n = fv env g /\
  Z_ (scale c) * env (atom k) = apply M (activation n) (preactivation zs start n).
Proof.
intros k_c c_n n_g; destruct (claims_other _ _ k_c) as [c_gt0 [_ node_ok]]; destruct (node_ok _ c_n) as [proper values].
cbn in proper; apply andb_true_iff in proper as [d_gt0%is_positive_spec proper].
destruct (before_sound env (known other) zs env_1 known_other _ _ _ _ n_g d_gt0) as [m_gt0 value].
repeat split; try assumption; exact (values 0%nat (le_n 1)).
Qed.

Lemma listed_form f : tv env (listed (fun k => k) f []) = fv env f.
Proof. rewrite (listed_value F field); cbn; change (fv (fun k => env k) f) with (fv env f); ring. Qed.

Lemma check_twin_sound (u : N) p fn m f q ts y : is_proper fn = true -> (0 < m)%Z -> Z_ m * y = fv env f ->
  check_twin other atom u p fn m f = Some (q, ts) -> (0 < q)%Z /\ Z_ q * apply M fn y = tv env ts.
Proof.
unfold check_twin; intros proper m_gt0 y_f.
destruct (find _ _) as [a|] eqn:k_a; [|discriminate]; destruct (twin_of fn) as [l|] eqn:twin; [|discriminate].
destruct (owner a) as [[start n|? ?|? ? ?]|] eqn:a_n; try discriminate.
destruct (before _ _ _) as [[m' g]|] eqn:n_g; [|discriminate]; destruct (_ && _) eqn:ok; [|discriminate].
apply andb_true_iff in ok as [same%same_function_eq ok]; intros [= <- <-].
destruct (unit_claim_of _ _ _ _ _ _ k_a a_n n_g) as [a_gt0 [_ [m'_gt0 [z_g z_k]]]].
destruct (twin_sound F field M laws fn l y proper twin) as [l_gt0 law].
assert (opposite : Z_ m * - y = fv env (scaled (- Z.one) f)) by (rewrite (scaled_value F field), <- y_f; of_Z; ring).
apply (related_sound F field _ (apply M fn) _ _ _ _ _ _ env _ _ (function_obeys F field M laws fn proper) a_gt0 m_gt0 m'_gt0 opposite z_g) in ok.
rewrite <- same in z_k; rewrite <- z_k in ok; split; [now apply Z.mul_pos_pos|].
cbn [terms_value fst snd]; rewrite listed_form, (scaled_value F field), <- y_f; of_Z.
assert (value : apply M fn (- y) = Z_ p * env (atom (N.succ_pos u))).
{ apply (cancel_Z F field (scale a)); [exact a_gt0|]; rewrite ok; ring. }
replace (Z_ m * Z_ (snd l) * apply M fn y) with (Z_ m * (Z_ (snd l) * apply M fn y)) by ring; rewrite law, value; ring.
Qed.

End Claims.

Section Other.
Variables (env : positive -> F) (other : side) (zs : list F).
Hypotheses (env_1 : env xH = one) (known_other : known_ok env (known other) zs) (claims_other : claims_ok env xO (claims other) zs).

Variable own : tree claim.
Hypothesis own_ok : forall k c, find k own = Some c -> atom_nonnegative c = true -> nonnegative (env (xI k)) = true.

Definition unit_claim := unit_claim_of env xO other zs env_1 known_other claims_other.

Lemma is_nonnegative_sound f : is_nonnegative (claims other) own f = true -> nonnegative (fv env f) = true.
Proof.
unfold is_nonnegative; replace (fv env f) with (tv env (listed (fun k => k) f []))
  by (rewrite (listed_value F field); cbn; change (fv (fun k => env k) f) with (fv env f); ring).
induction (listed _ f []) as [|[k n] ts IH]; cbn; [intros _; apply (nonnegative_0 F field)|].
intros [[n_ge0 k_ge0]%andb_true_iff rest]%andb_true_iff; apply (order_add F field); [|now apply IH].
apply (order_mul F field); [now rewrite (of_Z_nonnegative F field)|].
destruct k as [k|k|]; [| |rewrite env_1; apply (nonnegative_1 F field)]; unfold flagged in k_ge0.
- destruct (find k own) as [c|] eqn:k_c; [|discriminate]; now apply (own_ok k c).
- destruct (find k (claims other)) as [c|] eqn:k_c; [|discriminate]; now apply (claims_other k c).
Qed.

Lemma nonnegative_of_form m f y : (0 < m)%Z -> Z_ m * y = fv env f -> is_nonnegative (claims other) own f = true -> nonnegative y = true.
Proof. intros m_gt0 y_f f_ge0; rewrite <- (nonnegative_scaled F field m), y_f by assumption; now apply is_nonnegative_sound. Qed.

(** A ReLU is at least its argument. *)
Lemma relu_above s y : (s =? Z.zero)%Z = true -> nonnegative (apply M (Leaky (s, Z.one)) y + - y) = true.
Proof.
intros s_0%Z.eqb_eq; cbn; destruct (nonnegative y) eqn:y_ge0.
- replace (y + - y) with (@zero F) by ring; apply (nonnegative_0 F field).
- unfold of_fraction; cbn [fst]; rewrite s_0, (of_Z_0 F); replace (_ + _) with (- y) by ring; now apply nonnegative_opp.
Qed.

Lemma less_multipliers_sound ms q m f m' g y : less_multipliers other ms q m f = Some (m', g) -> (0 < q)%Z -> (0 < m)%Z ->
    Z_ m * y = fv env f ->
  (0 < m')%Z /\ exists y', Z_ m' * y' = fv env g /\ nonnegative (y + - y') = true.
Proof.
intros found q_gt0; revert m f y found; induction ms as [|[k c] ms IH]; cbn [less_multipliers]; intros m f y found m_gt0 y_f.
- injection found as <- <-; split; [exact m_gt0|]; exists y; split; [exact y_f|].
  replace (y + - y) with (@zero F) by ring; apply (nonnegative_0 F field).
- destruct (find _ _) as [a|] eqn:k_a; [|discriminate]; destruct (owner a) as [[start n|? ?|? ? ?]|] eqn:a_n; try discriminate.
  destruct (before _ _ _) as [[m1 g1]|] eqn:n_g; [|discriminate].
  destruct (_ && _) eqn:fits; [|discriminate]; apply andb_true_iff in fits as [c_ge0 is_relu%same_function_eq].
  destruct (unit_claim _ _ _ _ _ _ k_a a_n n_g) as [a_gt0 [_ [m1_gt0 [z_g z_k]]]]; rewrite is_relu in z_k.
  set (z := preactivation zs start n) in *; set (h := apply M (Leaky zero_fraction) z) in *.
  assert (qm_gt0 : (0 < q * m1)%Z) by now apply Z.mul_pos_pos.
  destruct (joint_spec m (q * m1) m_gt0 qm_gt0) as [whole_gt0 [_ [_ [by_m by_q]]]]; set (whole := joint m (q * m1)) in *.
  set (d := (whole / (q * m1))%Z) in *; set (y1 := y + - (ratio F c q * (h + - z))).
  destruct (IH _ _ y1 found whole_gt0) as [m'_gt0 [y' [y'_g le]]].
  + rewrite (add_term_value F field), (combined_value F field), <- y_f, <- z_g; unfold y1; of_Z.
    assert (whole_ratio : Z_ whole * ratio F c q = Z_ c * Z_ d * Z_ m1).
    { rewrite by_q; of_Z; unfold ratio.
      replace (_ * _) with (Z_ d * Z_ m1 * Z_ c * (Z_ q * inverse (Z_ q))) by ring; rewrite (inverse_Z F field) by assumption; ring. }
    replace (Z_ whole * (y + _)) with (Z_ whole * y + - (Z_ whole * ratio F c q * (h + - z))) by ring.
    replace (- (Z_ c * Z_ d * Z_ m1 * Z_ (scale a)) * env (xO (N.succ_pos k)))
      with (- (Z_ c * Z_ d * Z_ m1 * (Z_ (scale a) * env (xO (N.succ_pos k))))) by ring.
    rewrite whole_ratio, z_k; fold h; rewrite by_m at 1; of_Z; ring.
  + split; [exact m'_gt0|]; exists y'; split; [exact y'_g|].
    replace (y + - y') with (ratio F c q * (h + - z) + (y1 + - y')) by (unfold y1; ring).
    apply (order_add F field); [|exact le]; apply (order_mul F field).
    * rewrite <- (nonnegative_scaled F field q) by assumption; unfold ratio.
      replace (Z_ q * _) with (Z_ c * (Z_ q * inverse (Z_ q))) by ring; rewrite (inverse_Z F field) by assumption.
      replace (Z_ c * one) with (Z_ c) by ring; now rewrite (of_Z_nonnegative F field).
    * now apply relu_above.
Qed.

Lemma known_nonnegative_sound ms q m f y : known_nonnegative other own ms q m f = true -> (0 < m)%Z -> Z_ m * y = fv env f ->
  nonnegative y = true.
Proof.
unfold known_nonnegative; intros [q_gt0%is_positive_spec ok]%andb_true_iff m_gt0 y_f.
destruct (less_multipliers _ _ _ _ _) as [[m' g]|] eqn:found; [|discriminate].
destruct (less_multipliers_sound _ _ _ _ _ _ _ found q_gt0 m_gt0 y_f) as [m'_gt0 [y' [y'_g le]]].
replace y with (y' + (y + - y')) by ring; apply (order_add F field); [|exact le].
now apply (nonnegative_of_form m' g).
Qed.

(** --- Rows of units --- *)

Fixpoint sum_value (ts : list (N * Z)) : F :=
  match ts with
  | [] => zero
  | t :: rest => Z_ (snd t) * env (xO (N.succ_pos (fst t))) + sum_value rest
  end.

Lemma sum_of_classes_sound (ts : list (N * Z)) m total m' g y : sum_of_classes other ts m total = Some (m', g) -> (0 < m)%Z ->
    Z_ m * y = fv env total ->
  (0 < m')%Z /\ Z_ m' * (y + sum_value ts) = fv env g.
Proof.
revert m total y; induction ts as [|[k c] ts IH]; cbn [sum_of_classes sum_value fst snd]; intros m total y found m_gt0 y_f.
- injection found as <- <-; split; [exact m_gt0|]; rewrite <- y_f; ring.
- destruct (find _ _) as [a|] eqn:k_a; [|discriminate]; destruct (owner a) as [[start n|? ?|? ? ?]|] eqn:a_n; try discriminate.
  destruct (before _ _ _) as [[m1 g1]|] eqn:n_g; [|discriminate]; destruct (is_identity _) eqn:linear; [|discriminate].
  destruct (unit_claim _ _ _ _ _ _ k_a a_n n_g) as [a_gt0 [proper [m1_gt0 [z_g z_k]]]].
  rewrite (identity_apply F field M) in z_k by assumption.
  assert (part_gt0 : (0 < scale a * m1)%Z) by now apply Z.mul_pos_pos.
  destruct (joint_spec m (scale a * m1) m_gt0 part_gt0) as [whole_gt0 [_ [_ [by_m by_part]]]].
  set (whole := joint m (scale a * m1)) in *; set (d := (whole / (scale a * m1))%Z) in *.
  replace (y + (Z_ c * env (xO (N.succ_pos k)) + sum_value ts)) with (y + Z_ c * env (xO (N.succ_pos k)) + sum_value ts) by ring.
  apply (IH _ _ _ found whole_gt0); rewrite (combined_value F field), <- y_f, <- z_g; of_Z.
  replace (Z_ whole * (y + _)) with (Z_ whole * y + Z_ c * (Z_ whole * env (xO (N.succ_pos k)))) by ring.
  rewrite by_m at 1; rewrite by_part at 2; of_Z.
  replace (Z_ d * (Z_ (scale a) * Z_ m1) * env (xO (N.succ_pos k))) with (Z_ d * Z_ m1 * (Z_ (scale a) * env (xO (N.succ_pos k)))) by ring.
  rewrite z_k; ring.
Qed.

Lemma check_unit_sound r fn m f q ts y : is_proper fn = true -> (0 < m)%Z -> Z_ m * y = fv env f ->
  check_unit other own r fn m f = Some (q, ts) -> (0 < q)%Z /\ Z_ q * apply M fn y = tv env ts.
Proof.
intros proper m_gt0 y_f; destruct r as [q0|k p|u p|p q0| |sum p q0|k p|ms q0|ms q0|u p]; cbn [check_unit]; try discriminate.
- destruct (value_at _ _) as [[a b]|] eqn:value; [|discriminate]; destruct (_ && _) eqn:ok; [|discriminate]; intros [= <- <-].
  apply andb_true_iff in ok as [ok same%Z.eqb_eq]; apply andb_true_iff in ok as [constant q_gt0%is_positive_spec].
  rewrite (is_constant_value F field _ env constant), env_1 in y_f.
  assert (y_a : Z_ m * y = Z_ (constant_of f)) by (rewrite y_f; ring).
  destruct (value_sound F field M laws _ _ _ _ _ y proper m_gt0 value y_a) as [b_gt0 value_a]; split; [exact q_gt0|].
  cbn; rewrite env_1; apply (cancel_Z F field b); [exact b_gt0|]; cbn [fst snd] in same; apply (f_equal (@of_Z F)) in same; revert same; of_Z; intros same.
  replace (Z_ b * (Z_ q0 * apply M fn y)) with (Z_ q0 * (Z_ b * apply M fn y)) by ring; rewrite value_a.
  replace (Z_ q0 * Z_ a) with (Z_ a * Z_ q0) by ring; rewrite same; ring.
- destruct (is_identity fn) eqn:linear; [|discriminate]; intros [= <- <-]; split; [exact m_gt0|].
  now rewrite (identity_apply F field M), (listed_form env).
- destruct (sum_of_classes _ _ _ _) as [[m' total]|] eqn:found; [|discriminate]; destruct (_ && _) eqn:ok; [|discriminate].
  assert (start : Z_ Z.one * Z_ p = fv env (add_term xH p Empty)) by (rewrite (add_term_value F field), env_1; cbn; of_Z; ring).
  destruct (sum_of_classes_sound _ _ _ _ _ _ found eq_refl start) as [m'_gt0 value].
  apply andb_true_iff in ok as [ok same]; apply andb_true_iff in ok as [linear q_gt0%is_positive_spec]; intros [= <- <-].
  split; [exact q_gt0|]; rewrite (identity_apply F field M) by assumption; cbn [terms_value fst snd]; rewrite env_1.
  assert (terms_sum : tv env (map (fun t => (xO (N.succ_pos (fst t)), snd t)) sum) = sum_value sum).
  { clear; induction sum as [|t ts IH]; cbn; [reflexivity|now rewrite IH]. }
  rewrite terms_sum; apply (is_multiple_value F field _ _ _ _ env) in same; rewrite <- y_f, <- value in same; revert same; of_Z; intros same.
  apply (cancel_Z F field m); [exact m_gt0|]; apply (cancel_Z F field m'); [exact m'_gt0|].
  replace (Z_ m' * (Z_ m * (Z_ q0 * y))) with (Z_ q0 * Z_ m' * (Z_ m * y)) by ring; rewrite same; ring.
- now apply (check_twin_sound env xO other zs).
- destruct (_ && _) eqn:ok; [|discriminate]; apply andb_true_iff in ok as [linear above]; intros [= <- <-]; split; [exact m_gt0|].
  apply (known_nonnegative_sound _ _ _ _ y) in above; try assumption.
  now rewrite (linear_above_sound F M laws), (listed_form env).
- destruct (_ && _) eqn:ok; [|discriminate]; apply andb_true_iff in ok as [zero_ below]; intros [= <- <-]; split; [reflexivity|].
  apply (known_nonnegative_sound _ _ _ _ (- y)) in below; [|assumption|rewrite (scaled_value F field), <- y_f; of_Z; ring].
  rewrite (zero_below_sound F field M laws) by assumption; cbn; ring.
Qed.

End Other.

End Soundness.
