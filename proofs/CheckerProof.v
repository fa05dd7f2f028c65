(* SPDX-License-Identifier: Apache-2.0 *)
(** This file is about why the checker may be believed: [check N N' c = true] implies that N and N' compute the same function.

   The invariant of check_layers ([represents]): there are values of the atoms for which the terms of every unit, over
   their common denominator, are the unit's value, and the terms of every class are the class's value in Q (theorem T5). *)
From Coq Require Import List Bool ZArith Lia Ring Ring_theory.
From Exactlump Require Import Network Numbers Checker.
Import ListNotations.

(** --- Trees --- *)

Lemma find_set {A} k (x : A) t j y : find j (set k x t) = Some y -> j = k /\ x = y \/ find j t = Some y.
Proof.
revert t j; induction k as [k IH|k IH|]; intros [|l a r] [j|j|]; cbn; intros found;
  try (apply IH in found as [[-> ->]|found]); auto; try (now destruct j); try discriminate;
  try (injection found as <-; auto).
Qed.

Lemma find_number_from {A} (xs : list A) k t j y : find j (number_from k xs t) = Some y ->
  (exists i, nth_error xs i = Some y /\ Pos.to_nat j = Pos.to_nat k + i)%nat \/ find j t = Some y.
Proof.
revert k t; induction xs as [|x xs IH]; cbn; intros k t found; [now right|].
destruct (IH _ _ found) as [[i [i_y j_i]]|found'].
- left; exists (S i); split; [exact i_y|lia].
- destruct (find_set _ _ _ _ _ found') as [[-> ->]|]; [|now right].
  left; exists 0%nat; split; [reflexivity|lia].
Qed.

Lemma find_numbered {A} (xs : list A) u y :
  find (N.succ_pos u) (numbered xs) = Some y -> nth_error xs (N.to_nat u) = Some y.
Proof.
intros found; apply find_number_from in found as [[i [i_y u_i]]|found]; [|now destruct (N.succ_pos u)].
rewrite <- i_y; f_equal.
destruct u; cbn in *; lia.
Qed.

Section Soundness.
Variable F : numbers.
Hypothesis field : ordered_field F.
Variable M : meaning F.
Add Ring F_ring : (ring_laws F field).

Notation "x + y" := (add x y).
Notation "x * y" := (mul x y).
Notation "- x" := (opp x).
Notation Z_ := (@of_Z F).
Implicit Types (env : positive -> F) (x y z : F) (f g : form) (ts : terms).

Local Arguments of_Z : simpl never.
Local Arguments Z.add : simpl never.
Local Arguments Z.mul : simpl never.
Local Arguments Z.opp : simpl never.

Lemma of_Z_0 : Z_ Z.zero = zero. Proof. reflexivity. Qed.
Lemma of_Z_0' : Z_ 0 = zero. Proof. reflexivity. Qed.
Lemma of_Z_1 : Z_ Z.one = one. Proof. reflexivity. Qed.
Lemma of_Z_2 : Z_ 2 = one + one. Proof. reflexivity. Qed.

Ltac of_Z :=
  repeat first [rewrite (of_Z_add F field) | rewrite (of_Z_mul F field) | rewrite (of_Z_opp F field)];
  rewrite ?of_Z_0, ?of_Z_0', ?of_Z_1, ?of_Z_2.
Ltac of_Z_ring := cbn; of_Z; ring.

(** --- Forms --- *)

(** The value of a form, [path] being the digits above it. *)
Fixpoint form_value env f : F :=
  match f with
  | Empty => zero
  | Fork l c r =>
      form_value (fun k => env (xO k)) l + Z_ (coefficient c) * env xH + form_value (fun k => env (xI k)) r
  end.

Fixpoint terms_value env ts : F :=
  match ts with
  | [] => zero
  | t :: rest => Z_ (snd t) * env (fst t) + terms_value env rest
  end.

Lemma add_term_value k c f env : form_value env (add_term k c f) = Z_ c * env k + form_value env f.
Proof.
revert f env; induction k as [k IH|k IH|]; intros [|l [b|] r] env; cbn; rewrite ?IH; of_Z; of_Z_ring.
Qed.

Lemma add_terms_value w ts f env : form_value env (add_terms w ts f) = Z_ w * terms_value env ts + form_value env f.
Proof.
unfold add_terms; revert f; induction ts as [|t ts IH]; cbn; intros f; [ring|].
rewrite IH, add_term_value; of_Z; ring.
Qed.

Lemma is_zero_value f env : is_zero f = true -> form_value env f = zero.
Proof.
revert env; induction f as [|l IHl c r IHr]; cbn; intros env; [reflexivity|].
rewrite !andb_true_iff, Z.eqb_eq; intros [[-> l_0] r_0]; rewrite IHl, IHr by assumption; of_Z_ring.
Qed.

Lemma is_multiple_value a f b g env : is_multiple a f b g = true -> Z_ a * form_value env f = Z_ b * form_value env g.
Proof.
revert g env; induction f as [|l IHl c r IHr]; intros [|l' c' r'] env same.
- of_Z_ring.
- rewrite (is_zero_value _ env same); of_Z_ring.
- rewrite (is_zero_value _ env same); of_Z_ring.
- cbn in same; rewrite !andb_true_iff, Z.eqb_eq in same; destruct same as [[same l_l'] r_r']; cbn.
  apply (f_equal (@of_Z F)) in same; rewrite !(of_Z_mul F field) in same.
  specialize (IHl _ (fun k => env (xO k)) l_l'); specialize (IHr _ (fun k => env (xI k)) r_r').
  replace (Z_ a * _) with (Z_ a * form_value (fun k => env (xO k)) l + Z_ a * Z_ (coefficient c) * env xH
    + Z_ a * form_value (fun k => env (xI k)) r) by ring.
  rewrite IHl, IHr, same; ring.
Qed.

Lemma listed_value path f ts env :
  terms_value env (listed path f ts) = form_value (fun k => env (path k)) f + terms_value env ts.
Proof.
revert path ts; induction f as [|l IHl c r IHr]; cbn; intros path ts; [ring|].
rewrite IHl; destruct c as [n|]; cbn; [|rewrite IHr; of_Z_ring].
destruct (Z.eqb_spec n Z.zero) as [->|_]; cbn; rewrite IHr; of_Z_ring.
Qed.

Lemma scaled_value a f env : form_value env (scaled a f) = Z_ a * form_value env f.
Proof. revert env; induction f as [|l IHl c r IHr]; cbn; intros env; rewrite ?IHl, ?IHr; of_Z_ring. Qed.

Lemma combined_value a f b g env :
  form_value env (combined a f b g) = Z_ a * form_value env f + Z_ b * form_value env g.
Proof.
revert g env; induction f as [|l IHl c r IHr]; intros [|l' c' r'] env; cbn;
  rewrite ?scaled_value, ?IHl, ?IHr; of_Z_ring.
Qed.

Lemma is_constant_value f env : is_constant f = true -> form_value env f = Z_ (constant_of f) * env xH.
Proof.
destruct f as [|l c r]; cbn; [intros _; of_Z_ring|rewrite andb_true_iff; intros [l_0 r_0]].
rewrite !is_zero_value by assumption; ring.
Qed.

(** --- Functions --- *)

Lemma is_positive_spec (n : Z) : is_positive n = true -> (0 < n)%Z.
Proof. apply Z.ltb_lt. Qed.

Lemma same_function_eq (f g : function) : same_function f g = true -> f = g.
Proof.
destruct f as [n d|a], g as [n' d'|b]; cbn; try discriminate.
- rewrite andb_true_iff, !Z.eqb_eq; now intros [-> ->].
- now destruct a, b.
Qed.

Lemma identity_apply (f : function) y : is_proper f = true -> is_identity f = true -> apply M f y = y.
Proof.
destruct f as [n d|a]; cbn; [|discriminate]; rewrite Z.eqb_eq; intros d_gt0%is_positive_spec ->.
destruct (nonnegative y); [reflexivity|]; rewrite (inverse_Z F field) by assumption; ring.
Qed.

(** den * sigma(y), without division. *)
Lemma leaky_apply n d y : (0 < d)%Z ->
  Z_ d * apply M (Leaky n d) y = if nonnegative y then Z_ d * y else Z_ n * y.
Proof.
intros d_gt0; cbn; destruct (nonnegative y); [reflexivity|].
replace (_ * _) with (Z_ d * inverse (Z_ d) * (Z_ n * y)) by ring; rewrite (inverse_Z F field) by assumption; ring.
Qed.

Lemma nonnegative_opp y : nonnegative y = false -> nonnegative (- y) = true.
Proof. intros y_lt0; destruct (order_total F field y); [congruence|assumption]. Qed.

Lemma abs_opp n d y : (0 < d)%Z -> n = (- d)%Z -> apply M (Leaky n d) (- y) = apply M (Leaky n d) y.
Proof.
intros d_gt0 ->; apply (cancel_Z F field d); [exact d_gt0|]; rewrite !leaky_apply by assumption; of_Z.
destruct (nonnegative y) eqn:y_ge0, (nonnegative (- y)) eqn:y_le0; try ring.
- replace y with (@zero F) by (symmetry; now apply (order_antisymmetric F field)); ring.
- now rewrite nonnegative_opp in y_le0.
Qed.

Lemma leaky_scaled n d p q y z : (0 < d)%Z -> (0 < p)%Z -> (0 < q)%Z -> Z_ q * y = Z_ p * z ->
  Z_ q * apply M (Leaky n d) y = Z_ p * apply M (Leaky n d) z.
Proof.
intros d_gt0 p_gt0 q_gt0 y_z; apply (cancel_Z F field d); [exact d_gt0|].
replace (Z_ d * (Z_ q * _)) with (Z_ q * (Z_ d * apply M (Leaky n d) y)) by ring.
replace (Z_ d * (Z_ p * _)) with (Z_ p * (Z_ d * apply M (Leaky n d) z)) by ring.
rewrite !leaky_apply by assumption.
replace (nonnegative z) with (nonnegative y).
- destruct (nonnegative y).
  + replace (Z_ q * (Z_ d * y)) with (Z_ d * (Z_ q * y)) by ring; rewrite y_z; ring.
  + replace (Z_ q * (Z_ n * y)) with (Z_ n * (Z_ q * y)) by ring; rewrite y_z; ring.
- rewrite <- (nonnegative_scaled F field q y), <- (nonnegative_scaled F field p z) by assumption; now rewrite y_z.
Qed.

Lemma taken_to_sound (f : function) p q c y z : is_proper f = true -> (0 < q)%Z -> In c (taken_to f p q) ->
  Z_ q * y = Z_ c * z -> Z_ q * apply M f y = Z_ p * apply M f z.
Proof.
destruct f as [n d|s]; unfold is_proper, taken_to.
- intros d_gt0%is_positive_spec q_gt0; destruct (is_positive p) eqn:p_gt0.
  + apply is_positive_spec in p_gt0; destruct (Z.eqb_spec n (- d)) as [n_d|_].
    * intros [<-|[<-|[]]] y_z; [now apply leaky_scaled|].
      rewrite <- (abs_opp n d z) by assumption; apply leaky_scaled; try assumption.
      rewrite y_z; of_Z; ring.
    * intros [<-|[]]; now apply leaky_scaled.
  + destruct (Z.eqb_spec n d) as [n_d|_]; [|intros []].
    assert (id : forall x, apply M (Leaky n d) x = x).
    { intros x; apply identity_apply; cbn; [now apply Z.ltb_lt|now apply Z.eqb_eq]. }
    intros [<-|[]]; now rewrite !id.
- intros _ q_gt0; destruct (Z.eqb_spec p q) as [->|_]; [|intros []].
  intros [<-|[]] y_z; apply (cancel_Z F field) in y_z as ->; [reflexivity|exact q_gt0].
Qed.

Lemma value_is_sound (f : function) a b p q y : is_proper f = true -> (0 < b)%Z -> (0 < q)%Z -> value_is f a b p q = true ->
  Z_ b * y = Z_ a -> Z_ q * apply M f y = Z_ p.
Proof.
intros proper b_gt0 q_gt0 ok y_a.
assert (zero_of : a = 0%Z -> y = zero).
{ intros ->; apply (cancel_Z F field b); [exact b_gt0|]; rewrite y_a; of_Z_ring. }
destruct f as [n d|s]; cbn [value_is] in ok.
- apply is_positive_spec in proper.
  assert (sign : nonnegative y = (0 <=? a)%Z).
  { now rewrite <- (nonnegative_scaled F field b y), y_a, (of_Z_nonnegative F field) by assumption. }
  apply (cancel_Z F field d); [exact proper|]; apply (cancel_Z F field b); [exact b_gt0|].
  replace (Z_ b * (Z_ d * _)) with (Z_ b * Z_ q * (Z_ d * apply M (Leaky n d) y)) by ring.
  rewrite leaky_apply, sign by assumption; change Z.zero with 0%Z in ok.
  destruct (0 <=? a)%Z; apply Z.eqb_eq, (f_equal (@of_Z F)) in ok; rewrite !(of_Z_mul F field) in ok.
  + replace (Z_ b * Z_ q * _) with (Z_ d * (Z_ b * y * Z_ q)) by ring; rewrite y_a, ok; ring.
  + replace (Z_ b * Z_ q * _) with (Z_ b * y * Z_ n * Z_ q) by ring; rewrite y_a, ok; ring.
- apply andb_true_iff in ok as [a_0%Z.eqb_eq ok]; rewrite (zero_of a_0); cbn [apply].
  destruct s; try discriminate ok; apply Z.eqb_eq in ok.
  + apply (cancel_Z F field 2); [lia|]; rewrite <- ok; of_Z.
    replace (Z_ 2 * (_ * _)) with ((Z_ p + Z_ p) * (Z_ 2 * of_name F M Sigmoid zero)) by ring.
    rewrite (sigmoid_0 F M); of_Z_ring.
  + rewrite ok, (zero_at_0 F M) by (cbn; tauto); of_Z_ring.
  + rewrite ok, (zero_at_0 F M) by (cbn; tauto); of_Z_ring.
  + rewrite ok, (zero_at_0 F M) by (cbn; tauto); of_Z_ring.
  + rewrite ok, (zero_at_0 F M) by (cbn; tauto); of_Z_ring.
  + rewrite ok, (one_at_0 F M) by (cbn; tauto); of_Z_ring.
  + rewrite ok, (one_at_0 F M) by (cbn; tauto); of_Z_ring.
Qed.

(** --- Layers --- *)

(** The terms of every unit, over the denominator d, are its value. *)
Definition represents env (d : Z) (xs : list F) (known : list terms) :=
  Forall2 (fun x ts => Z_ d * x = terms_value env ts) xs known.

Definition raw n (xs : list F) : F := weighted_sum (edges n) xs + Z_ (bias n).

Definition proper_neuron n := is_proper (activation n) = true.



Lemma raw_preactivation d n xs : (0 < d)%Z -> Z_ d * preactivation d n xs = raw n xs.
Proof.
intros d_gt0; unfold preactivation.
replace (Z_ d * _) with (Z_ d * inverse (Z_ d) * raw n xs) by (unfold raw; ring).
rewrite (inverse_Z F field) by assumption; ring.
Qed.

Lemma represents_nth env d xs known u ts : represents env d xs known -> nth_error known u = Some ts ->
  Z_ d * nth u xs zero = terms_value env ts.
Proof.
intros all; revert u; induction all as [|x ts' xs known x_ts all IH]; intros [|u]; cbn; try discriminate.
- now intros [= <-].
- apply IH.
Qed.

Lemma weighted_sum_cons u w es (xs : list F) :
  weighted_sum ((u, w) :: es) xs = Z_ w * nth (N.to_nat u) xs zero + weighted_sum es xs.
Proof. reflexivity. Qed.

Lemma affine_sound env d xs known es f g : represents env d xs known -> affine es (numbered known) f = Some g ->
  form_value env g = Z_ d * weighted_sum es xs + form_value env f.
Proof.
intros all; revert f; induction es as [|[u w] es IH]; cbn [affine]; intros f found.
- injection found as <-; of_Z_ring.
- destruct (find _ _) as [ts|] eqn:u_ts; [|discriminate].
  rewrite (IH _ found), add_terms_value, <- (represents_nth _ _ _ _ _ _ all (find_numbered _ _ _ u_ts)).
  rewrite weighted_sum_cons; ring.
Qed.

Lemma before_sound env d unit xs known n f : represents env d xs known -> env xH * Z_ unit = one ->
  before (d * unit) (numbered known) n = Some f -> form_value env f = Z_ d * raw n xs.
Proof.
intros all env_1 found; rewrite (affine_sound _ _ _ _ _ _ _ all found), add_term_value; unfold raw, constant_atom; of_Z.
replace (Z_ (bias n) * (Z_ d * Z_ unit) * env xH) with (Z_ d * Z_ (bias n) * (env xH * Z_ unit)) by ring.
rewrite env_1; of_Z_ring.
Qed.

Definition claim_holds {A} env d (xs : list F) (n : neuron) (c : claim A) :=
  function_of c = activation n /\ form_value env (form_of c) = Z_ d * raw n xs.

Lemma claims_sound {A} env d unit xs known (what : list A) ns cs :
    represents env d xs known -> env xH * Z_ unit = one -> claims (d * unit) (numbered known) what ns = Some cs ->
  Forall2 (claim_holds env d xs) ns cs /\ map says cs = what.
Proof.
intros all env_1; revert ns cs; induction what as [|a what IH]; intros [|n ns] cs; cbn; try discriminate.
- intros [= <-]; now split.
- destruct (before _ _ n) as [f|] eqn:n_f; [|discriminate].
  destruct (claims _ _ what ns) as [cs'|] eqn:ns_cs; [|discriminate].
  intros [= <-]; destruct (IH _ _ ns_cs) as [holds <-]; split; [|reflexivity].
  constructor; [|exact holds]; split; [reflexivity|].
  exact (before_sound _ _ _ _ _ _ _ all env_1 n_f).
Qed.

(** --- Rows --- *)

Section Row.
Variables (env env' : positive -> F) (d d' unit unit' : Z).
Variables (table : tree (claim Z)) (own : tree (claim row)).
Hypotheses (d_gt0 : (0 < d)%Z) (d'_gt0 : (0 < d')%Z) (unit_gt0 : (0 < unit)%Z) (unit'_gt0 : (0 < unit')%Z).
Hypotheses (env_1 : env xH * Z_ unit = one) (env'_1 : env' xH * Z_ unit' = one).

(** What is known of the classes of Q: before the activation and after it. *)
Hypothesis table_holds : forall k a, find (N.succ_pos k) table = Some a ->
  (0 < says a)%Z /\ is_proper (function_of a) = true /\
  exists z, Z_ d' * z = form_value env (form_of a) /\ Z_ (says a) * env' (class_atom k) = apply M (function_of a) z.

(** What is known of the free units of the layer itself. *)
Hypothesis own_holds : forall u a q, find (N.succ_pos u) own = Some a -> says a = Free q ->
  (0 < q)%Z /\
  exists z, Z_ d * z = form_value env (form_of a) /\ Z_ q * env' (free_atom u) = apply M (function_of a) z.

Fixpoint sum_value (ts : list (N * Z)) : F :=
  match ts with
  | [] => zero
  | t :: rest => Z_ (snd t) * env' (class_atom (fst t)) + sum_value rest
  end.

Lemma sum_of_classes_sound (ts : list (N * Z)) total divisor f m : (0 < divisor)%Z ->
    sum_of_classes table ts total divisor = Some (f, m) ->
  (0 < m)%Z /\
  Z_ divisor * form_value env f = Z_ m * (form_value env total + Z_ divisor * Z_ d' * sum_value ts).
Proof.
revert total divisor; induction ts as [|[k p] ts IH]; cbn [sum_of_classes]; intros total divisor divisor_gt0 found.
- injection found as <- <-; split; [exact divisor_gt0|of_Z_ring].
- destruct (find _ _) as [a|] eqn:k_a; [|discriminate]; destruct (is_identity _) eqn:linear; [|discriminate].
  destruct (table_holds _ _ k_a) as [a_gt0 [a_proper [z [z_a z_k]]]].
  rewrite identity_apply in z_k by assumption.
  destruct (IH _ _ (Z.mul_pos_pos _ _ divisor_gt0 a_gt0) found) as [m_gt0 sum]; split; [exact m_gt0|].
  apply (cancel_Z F field (says a)); [exact a_gt0|].
  rewrite combined_value, <- z_a in sum; cbn [sum_value fst snd]; revert sum; of_Z; rewrite <- z_k; intros sum.
  replace (Z_ (says a) * (Z_ divisor * form_value env f)) with (Z_ divisor * Z_ (says a) * form_value env f) by ring.
  rewrite sum; ring.
Qed.

Lemma cancel_multiple a b f g (y z : F) : Z_ d * y = form_value env f -> Z_ d' * z = form_value env g ->
  is_multiple (d' * a) f (b * d) g = true -> Z_ a * y = Z_ b * z.
Proof.
intros y_f z_g same; apply (is_multiple_value _ _ _ _ env) in same; rewrite <- y_f, <- z_g in same; revert same; of_Z.
intros same; apply (cancel_Z F field d); [exact d_gt0|]; apply (cancel_Z F field d'); [exact d'_gt0|].
replace (Z_ d' * (Z_ d * (Z_ a * y))) with (Z_ d' * Z_ a * (Z_ d * y)) by ring; rewrite same; ring.
Qed.

Lemma check_row_sound v c y : is_proper (function_of c) = true -> Z_ d * y = form_value env (form_of c) ->
    (forall q, says c = Free q -> (0 < q)%Z -> Z_ q * env' (xI v) = apply M (function_of c) y) ->
    check_row d d' unit unit' table own c = true ->
  terms_value env' (claimed v (says c)) = apply M (function_of c) y.
Proof.
intros proper y_c free ok; unfold check_row in ok; destruct (says c) as [p|k p|ts p|q|u p] eqn:c_row; cbn [claimed terms_value fst snd].
- apply andb_true_iff in ok as [constant value].
  assert (y_p : Z_ unit' * apply M (function_of c) y = Z_ p).
  { refine (value_is_sound _ _ _ _ _ _ proper _ unit'_gt0 value _); [now apply Z.mul_pos_pos|].
    of_Z; replace (Z_ d * Z_ unit * y) with (Z_ unit * (Z_ d * y)) by ring.
    rewrite y_c, is_constant_value by assumption.
    replace (Z_ unit * _) with (Z_ (constant_of (form_of c)) * (env xH * Z_ unit)) by ring; rewrite env_1; ring. }
  rewrite <- y_p; unfold constant_atom.
  replace (_ + _) with (apply M (function_of c) y * (env' xH * Z_ unit')) by ring; rewrite env'_1; ring.
- destruct (find _ _) as [a|] eqn:k_a; [|discriminate]; apply andb_true_iff in ok as [same ok].
  apply same_function_eq in same; apply existsb_exists in ok as [p' [p'_p ok]].
  destruct (table_holds _ _ k_a) as [a_gt0 [a_proper [z [z_a z_k]]]].
  apply (cancel_multiple _ _ _ _ _ _ y_c z_a) in ok.
  apply (taken_to_sound _ _ _ _ _ _ proper a_gt0 p'_p) in ok.
  apply (cancel_Z F field (says a)); [exact a_gt0|]; rewrite ok, same, <- z_k; ring.
- apply andb_true_iff in ok as [linear ok]; rewrite identity_apply by assumption.
  destruct (sum_of_classes _ _ _ _) as [[f m]|] eqn:sum; [|discriminate].
  apply sum_of_classes_sound in sum as [m_gt0 sum]; [|exact unit'_gt0].
  apply (is_multiple_value _ _ _ _ env) in ok; rewrite <- y_c in ok; rewrite add_term_value in sum; revert ok sum; of_Z.
  unfold constant_atom; cbn [form_value]; intros ok sum.
  assert (f_y : form_value env f = Z_ m * Z_ d' * y).
  { apply (cancel_Z F field d); [exact d_gt0|]; rewrite <- ok; ring. }
  assert (terms_sum : terms_value env' (map (fun t => (class_atom (fst t), snd t)) ts) = sum_value ts).
  { clear; induction ts as [|t ts IH]; cbn; [reflexivity|now rewrite IH]. }
  rewrite terms_sum; apply (cancel_Z F field unit'); [exact unit'_gt0|].
  apply (cancel_Z F field d'); [exact d'_gt0|]; apply (cancel_Z F field m); [exact m_gt0|].
  replace (Z_ m * (Z_ d' * (Z_ unit' * y))) with (Z_ unit' * form_value env f) by (rewrite f_y; ring); rewrite sum.
  replace (Z_ p * Z_ d' * Z_ unit * env xH) with (Z_ p * Z_ d' * (env xH * Z_ unit)) by ring.
  replace (Z_ unit' * (Z_ p * env' xH + sum_value ts))
    with (Z_ p * (env' xH * Z_ unit') + Z_ unit' * sum_value ts) by ring.
  rewrite env_1, env'_1; ring.
- rewrite <- (free q); [ring|reflexivity|now apply is_positive_spec].
- destruct (find _ _) as [a|] eqn:u_a; [|discriminate]; destruct (says a) as [| | |q|] eqn:a_row; try discriminate.
  apply andb_true_iff in ok as [same ok].
  apply same_function_eq in same; apply existsb_exists in ok as [p' [p'_p ok]].
  destruct (own_holds _ _ _ u_a a_row) as [q_gt0 [z [z_a z_u]]].
  apply (is_multiple_value _ _ _ _ env) in ok; rewrite <- y_c, <- z_a in ok.
  assert (y_z : Z_ q * y = Z_ p' * z).
  { apply (cancel_Z F field d); [exact d_gt0|].
    replace (Z_ d * (Z_ q * y)) with (Z_ q * (Z_ d * y)) by ring; rewrite ok; ring. }
  apply (taken_to_sound _ _ _ _ _ _ proper q_gt0 p'_p) in y_z.
  apply (cancel_Z F field q); [exact q_gt0|]; rewrite y_z, same, <- z_u; ring.
Qed.

End Row.

(** --- Layers of rows --- *)

Lemma Forall2_nth {A B} (P : A -> B -> Prop) xs ys i (y : B) : Forall2 P xs ys -> nth_error ys i = Some y ->
  exists a : A, nth_error xs i = Some a /\ P a y.
Proof.
intros all; revert i; induction all as [|x y' xs ys x_y all IH]; intros [|i]; cbn; try discriminate.
- intros [= <-]; now exists x.
- apply IH.
Qed.

Lemma Forall2_same_length {A B} (P : A -> B -> Prop) xs ys : Forall2 P xs ys -> length xs = length ys.
Proof. now induction 1; cbn; f_equal. Qed.

Lemma nth_error_nth {A} (xs : list A) i (x default : A) : nth_error xs i = Some x -> nth i xs default = x.
Proof. revert i; induction xs as [|x' xs IH]; intros [|i]; cbn; try discriminate; [now intros [= ->]|apply IH]. Qed.

Lemma pred_succ_pos (u : N) : Nat.pred (Pos.to_nat (N.succ_pos u)) = N.to_nat u.
Proof. destruct u; cbn; lia. Qed.

(** The terms that rows claim are the values, when every row holds; [v] is the key of the first. *)
Lemma rows_represent env' (value : neuron -> F) ns cs v :
    Forall2 (fun n c => function_of c = activation n) ns cs ->
    (forall i n c k, nth_error ns i = Some n -> nth_error cs i = Some c -> Pos.to_nat k = (Pos.to_nat v + i)%nat ->
      terms_value env' (claimed k (says c)) = value n) ->
  represents env' Z.one (map value ns) (claimed_from v (map says cs)).
Proof.
intros all; revert v; induction all as [|n c ns cs _ _ IH]; cbn; intros v holds; constructor.
- rewrite (holds 0%nat n c v) by (reflexivity || lia); of_Z_ring.
- apply IH; intros i n' c' k i_n i_c k_i; apply (holds (S i)); cbn; try assumption; lia.
Qed.

Lemma classes_represent env' k scales (ys : list F) : length scales = length ys ->
    (forall i q y j, nth_error scales i = Some q -> nth_error ys i = Some y ->
      Pos.to_nat j = (Pos.to_nat k + i)%nat -> Z_ q * env' (xO j) = y) ->
  represents env' Z.one ys (classes_from k scales).
Proof.
revert k ys; induction scales as [|q scales IH]; intros k [|y ys]; cbn; try discriminate; intros same holds; constructor.
- cbn; rewrite (holds 0%nat q y k) by (reflexivity || lia); of_Z_ring.
- apply IH; [lia|]; intros i q' y' j i_q i_y j_i; apply (holds (S i)); cbn; try assumption; lia.
Qed.

Definition divided (xs : list F) (qs : list Z) (k : positive) : F :=
  nth (Nat.pred (Pos.to_nat k)) xs zero * inverse (Z_ (nth (Nat.pred (Pos.to_nat k)) qs Z.one)).

Lemma divided_spec xs qs i x q k : nth_error xs i = Some x -> nth_error qs i = Some q -> (0 < q)%Z ->
  Nat.pred (Pos.to_nat k) = i -> Z_ q * divided xs qs k = x.
Proof.
intros i_x i_q q_gt0 <-; unfold divided; rewrite (nth_error_nth _ _ _ zero i_x), (nth_error_nth _ _ _ Z.one i_q).
replace (_ * _) with (x * (Z_ q * inverse (Z_ q))) by ring; rewrite (inverse_Z F field) by assumption; ring.
Qed.

(** The atoms after a layer whose values are xs. *)
Definition next_env (class_value : positive -> F) (unit' : Z) (rows : list row) (xs : list F) (k : positive) : F :=
  match k with
  | xH => inverse (Z_ unit')
  | xO j => class_value j
  | xI j => divided xs (map (fun r => match r with Free q => q | _ => Z.one end) rows) j
  end.

Lemma next_env_1 class_value unit' rows xs : (0 < unit')%Z -> next_env class_value unit' rows xs xH * Z_ unit' = one.
Proof. intros unit'_gt0; cbn; rewrite <- (inverse_Z F field unit') by assumption; ring. Qed.

Lemma proper_layer_spec L : proper_layer L = true -> (0 < denominator L)%Z /\ Forall proper_neuron (neurons L).
Proof.
unfold proper_layer; rewrite andb_true_iff, forallb_forall, <- Forall_forall; intros [d_gt0%is_positive_spec all].
now split.
Qed.

Lemma eval_layer_nth L (xs : list F) i n : nth_error (neurons L) i = Some n ->
  nth_error (eval_layer M L xs) i = Some (apply M (activation n) (preactivation (denominator L) n xs)).
Proof. intros i_n; unfold eval_layer; now rewrite nth_error_map, i_n. Qed.

Lemma check_rows_sound env s xs L d' unit' table rows class_value :
    (0 < common s)%Z -> (0 < unit s)%Z -> env xH * Z_ (unit s) = one -> represents env (common s) xs (known s) ->
    proper_layer L = true -> (0 < d')%Z -> (0 < unit')%Z ->
    (forall k a, nth_error table k = Some a -> (0 < says a)%Z /\ is_proper (function_of a) = true /\
      exists z, Z_ d' * z = form_value env (form_of a) /\
        forall j, Nat.pred (Pos.to_nat j) = k -> Z_ (says a) * class_value j = apply M (function_of a) z) ->
    check_rows L s d' unit' table rows = true ->
  represents (next_env class_value unit' rows (eval_layer M L xs)) Z.one (eval_layer M L xs) (claimed_from xH rows).
Proof.
intros common_gt0 unit_gt0 env_1 all L_proper d'_gt0 unit'_gt0 table_ok ok; unfold check_rows in ok.
apply proper_layer_spec in L_proper as [d_gt0 proper].
destruct (claims _ _ rows (neurons L)) as [cs|] eqn:ns_cs; [|discriminate].
apply (claims_sound env (common s) (unit s) xs) in ns_cs as [holds <-]; try assumption.
rewrite forallb_forall in ok; set (env' := next_env _ _ _ _).
assert (member : forall i c, nth_error cs i = Some c -> exists n, nth_error (neurons L) i = Some n /\
  activation n = function_of c /\ proper_neuron n /\
  Z_ (common s * denominator L) * preactivation (denominator L) n xs = form_value env (form_of c)).
{ intros i c i_c; destruct (Forall2_nth _ _ _ _ _ holds i_c) as [n [i_n [same form]]].
  exists n; repeat split; try congruence.
  - rewrite Forall_forall in proper; apply proper, nth_error_In with (1 := i_n).
  - rewrite form; of_Z; rewrite <- (raw_preactivation (denominator L)) by assumption; ring. }
assert (free_value : forall i c n q j, nth_error cs i = Some c -> nth_error (neurons L) i = Some n ->
  says c = Free q -> (0 < q)%Z -> Nat.pred (Pos.to_nat j) = i ->
  Z_ q * env' (xI j) = apply M (activation n) (preactivation (denominator L) n xs)).
{ intros i c n q j i_c i_n c_q q_gt0 j_i; apply divided_spec with (i := i); try assumption; [now apply eval_layer_nth|].
  now rewrite !nth_error_map, i_c; cbn; rewrite c_q. }
apply rows_represent.
- clear -holds; induction holds as [|n c ns cs [same _] _ IH]; constructor; assumption.
- intros i n c k i_n i_c k_i; destruct (member i c i_c) as [n' [i_n' [same [n_proper form]]]].
  assert (n' = n) as -> by congruence; rewrite same.
  apply check_row_sound with (env := env) (d := (common s * denominator L)%Z) (d' := d') (unit := unit s)
    (unit' := unit') (table := numbered table) (own := numbered cs); try assumption.
  + now apply Z.mul_pos_pos.
  + now apply next_env_1.
  + intros j a found%find_numbered; destruct (table_ok _ _ found) as [a_gt0 [a_proper [z [z_a z_j]]]].
    repeat split; try assumption; exists z; split; [exact z_a|]; apply z_j, pred_succ_pos.
  + intros u a q found%find_numbered a_q; assert (q_gt0 : (0 < q)%Z).
    { apply is_positive_spec; specialize (ok a (nth_error_In _ _ found)); unfold check_row in ok; now rewrite a_q in ok. }
    split; [exact q_gt0|]; destruct (member _ _ found) as [m [u_m [m_a [_ m_form]]]].
    exists (preactivation (denominator L) m xs); split; [exact m_form|]; rewrite <- m_a.
    apply (free_value (N.to_nat u) a); try assumption; apply pred_succ_pos.
  + now rewrite <- same.
  + intros q c_q q_gt0; rewrite <- same; apply (free_value i c); try assumption; rewrite k_i; cbn; lia.
  + apply ok, nth_error_In with (1 := i_c).
Qed.

(** --- Steps --- *)

(** What [state] means: the values of the units are xs, those of the classes ys. *)
Record sound_state env (s : state) (xs ys : list F) : Prop := SoundState {
  common_positive : (0 < common s)%Z;
  unit_positive : (0 < unit s)%Z;
  constant_holds : env xH * Z_ (unit s) = one;
  known_holds : represents env (common s) xs (known s);
  classes_hold : represents env Z.one ys (classes s);
  classes_shape : exists scales, classes s = classes_from xH scales }.

Lemma check_derived_sound env s s' L xs ys : sound_state env s xs ys -> proper_layer L = true ->
  check_derived L s = Some s' -> sound_state env s' (eval_layer M L xs) ys.
Proof.
intros [common_gt0 unit_gt0 env_1 all classes_ok shape] L_proper; unfold check_derived.
apply proper_layer_spec in L_proper as [d_gt0 proper].
destruct (forallb _ _) eqn:linear; [|discriminate].
destruct (claims _ _ _ _) as [cs|] eqn:ns_cs; [|discriminate]; intros [= <-].
apply (claims_sound env (common s) (unit s) xs) in ns_cs as [holds _]; try assumption.
split; cbn [common unit known classes]; try assumption; [now apply Z.mul_pos_pos|].
unfold eval_layer; clear -field holds proper linear d_gt0.
induction holds as [|n c ns cs [same form] _ IH]; cbn; constructor.
- cbn in linear; apply andb_true_iff in linear as [linear _]; apply Forall_inv in proper.
  rewrite identity_apply by assumption; rewrite listed_value.
  change (form_value (fun k => env k) (form_of c)) with (form_value env (form_of c)); rewrite form; of_Z.
  rewrite <- (raw_preactivation (denominator L)) by assumption; of_Z_ring.
- apply IH; [now apply Forall_inv_tail in proper|].
  cbn in linear; now apply andb_true_iff in linear.
Qed.

Lemma check_anchored_sound env s s' L L' unit' scales rows xs ys : sound_state env s xs ys -> proper_layer L = true ->
    check_anchored L L' s unit' scales rows = Some s' ->
  exists env', sound_state env' s' (eval_layer M L xs) (eval_layer M L' ys).
Proof.
intros [common_gt0 unit_gt0 env_1 all classes_ok shape] L_proper; unfold check_anchored.
destruct (claims _ _ _ _) as [table|] eqn:ns_table; [|discriminate].
destruct (_ && _) eqn:ok; [|discriminate]; intros [= <-].
apply andb_true_iff in ok as [ok rows_ok]; apply andb_true_iff in ok as [ok scales_gt0].
apply andb_true_iff in ok as [L'_proper unit'_gt0%is_positive_spec].
destruct (proper_layer_spec _ L'_proper) as [d'_gt0 proper'].
replace (unit s) with (Z.one * unit s)%Z in ns_table by apply Z.mul_1_l.
apply (claims_sound env Z.one (unit s) ys) in ns_table as [holds says_scales]; try assumption.
rewrite forallb_forall in scales_gt0.
set (class_value := divided (eval_layer M L' ys) scales).
exists (next_env class_value unit' rows (eval_layer M L xs)).
assert (same_length : length scales = length (eval_layer M L' ys)).
{ unfold eval_layer; rewrite map_length, <- says_scales, map_length; symmetry; now apply Forall2_same_length in holds. }
split; cbn [common unit known classes]; try assumption; [reflexivity|now apply next_env_1| | |now exists scales].
- apply check_rows_sound with (env := env) (s := s) (d' := denominator L') (table := table); try assumption.
  intros k a k_a; destruct (Forall2_nth _ _ _ _ _ holds k_a) as [n [k_n [same form]]].
  assert (k_scale : nth_error scales k = Some (says a)) by (rewrite <- says_scales, nth_error_map, k_a; reflexivity).
  assert (a_gt0 : (0 < says a)%Z) by (apply is_positive_spec, scales_gt0, nth_error_In with (1 := k_scale)).
  rewrite same; split; [exact a_gt0|split].
  + rewrite Forall_forall in proper'; apply proper', nth_error_In with (1 := k_n).
  + exists (preactivation (denominator L') n ys); split.
    * rewrite form, raw_preactivation by assumption; of_Z_ring.
    * intros j j_k; apply divided_spec with (i := k); try assumption; now apply eval_layer_nth.
- apply classes_represent; [exact same_length|]; intros i q y j i_q i_y j_i.
  apply divided_spec with (i := i); try assumption; [|cbn in j_i; lia].
  apply is_positive_spec, scales_gt0, nth_error_In with (1 := i_q).
Qed.

Lemma represents_agree env env' d xs known : (forall ts, In ts known -> terms_value env ts = terms_value env' ts) ->
  represents env d xs known -> represents env' d xs known.
Proof.
intros same all; induction all as [|x ts xs known x_ts all IH]; constructor.
- rewrite x_ts; apply same; now left.
- apply IH; intros ts' ts'_known; apply same; now right.
Qed.

Lemma classes_terms env env' k scales ts : (forall j, env (xO j) = env' (xO j)) -> In ts (classes_from k scales) ->
  terms_value env ts = terms_value env' ts.
Proof.
intros same; revert k; induction scales as [|q scales IH]; cbn; intros k; [now intros []|].
intros [<-|found]; [cbn; now rewrite same|now apply (IH (Pos.succ k))].
Qed.

Lemma check_kept_sound env s s' L unit' rows xs ys : sound_state env s xs ys -> proper_layer L = true ->
    check_kept L s unit' rows = Some s' ->
  exists env', sound_state env' s' (eval_layer M L xs) ys.
Proof.
intros [common_gt0 unit_gt0 env_1 all classes_ok [scales shape]] L_proper; unfold check_kept.
destruct (_ && _) eqn:ok; [|discriminate]; intros [= <-].
apply andb_true_iff in ok as [unit'_gt0%is_positive_spec rows_ok].
exists (next_env (fun j => env (xO j)) unit' rows (eval_layer M L xs)).
split; cbn [common unit known classes]; try assumption; [reflexivity|now apply next_env_1| | |now exists scales].
- apply check_rows_sound with (env := env) (s := s) (d' := Z.one) (table := []); try assumption; [reflexivity|].
  now intros [|k].
- rewrite shape in *; apply represents_agree with (env := env); [|exact classes_ok].
  now intros ts; apply classes_terms.
Qed.

Lemma check_outputs_sound env d xs ys known classes : (0 < d)%Z -> represents env d xs known ->
  represents env Z.one ys classes -> check_outputs d known classes = true -> xs = ys.
Proof.
intros d_gt0 all; revert ys classes; induction all as [|x ts xs known x_ts _ IH]; intros ys classes ys_classes.
- destruct ys_classes; [reflexivity|discriminate].
- destruct ys_classes as [|y ts' ys classes y_ts' ys_classes]; [discriminate|]; cbn.
  rewrite andb_true_iff; intros [same rest]; f_equal; [|now apply (IH _ classes)].
  apply (is_multiple_value _ _ _ _ env) in same; rewrite !add_terms_value, <- x_ts, <- y_ts' in same.
  apply (cancel_Z F field d); [exact d_gt0|]; revert same; cbn; of_Z; intros same.
  replace (Z_ d * x) with (one * (one * (Z_ d * x) + zero)) by ring; rewrite same; ring.
Qed.

Lemma check_layers_sound Ls steps Qs env s xs ys : sound_state env s xs ys -> check_layers Ls steps Qs s = true ->
  eval_layers M Ls xs = eval_layers M Qs ys.
Proof.
unfold eval_layers; revert steps Qs env s xs ys.
induction Ls as [|L Ls IH]; intros [|st steps] Qs env s xs ys sound; cbn; try discriminate.
- destruct Qs; [|discriminate]; cbn; destruct sound; now apply (check_outputs_sound env (common s)).
- rewrite andb_true_iff; intros [L_proper ok]; destruct st as [|unit' scales rows|unit' rows].
  + destruct (check_derived L s) as [s'|] eqn:s_s'; [|discriminate].
    apply (IH steps Qs env s'); [|exact ok]; now apply (check_derived_sound env s).
  + destruct Qs as [|L' Qs]; [discriminate|].
    destruct (check_anchored _ _ _ _ _ _) as [s'|] eqn:s_s'; [|discriminate].
    destruct (check_anchored_sound _ _ _ _ _ _ _ _ _ _ sound L_proper s_s') as [env' sound']; cbn.
    now apply (IH steps Qs env' s').
  + destruct (check_kept _ _ _ _) as [s'|] eqn:s_s'; [|discriminate].
    destruct (check_kept_sound _ _ _ _ _ _ _ _ sound L_proper s_s') as [env' sound'].
    now apply (IH steps Qs env' s').
Qed.

Lemma check_inputs_sound (x : list F) : exists env, sound_state env (check_inputs (length x)) x x.
Proof.
exists (next_env (divided x (repeat Z.one (length x))) Z.one [] []).
assert (all : represents (next_env (divided x (repeat Z.one (length x))) Z.one [] []) Z.one x
    (classes_from xH (repeat Z.one (length x)))).
{ apply classes_represent; [now rewrite repeat_length|]; intros i q y j i_q i_y j_i.
  apply divided_spec with (i := i); try assumption; [|cbn in j_i; lia].
  apply nth_error_In, repeat_spec in i_q as ->; reflexivity. }
split; cbn [common unit known classes check_inputs]; try reflexivity; try assumption; [now apply next_env_1|].
now exists (repeat Z.one (length x)).
Qed.

Lemma same_head_eq a b : same_head a b = true -> a = b.
Proof. destruct a as [[]|], b as [[]|]; cbn; congruence. Qed.

Lemma check_half_sound N Q steps : check_half N Q steps = true ->
  forall x : list F, length x = inputs N -> eval M N x = eval M Q x.
Proof.
unfold check_half; rewrite !andb_true_iff, Nat.eqb_eq; intros [[same_inputs heads%same_head_eq] ok] x x_inputs.
rewrite <- x_inputs in ok; destruct (check_inputs_sound x) as [env sound].
unfold eval; now rewrite (check_layers_sound _ _ _ _ _ _ _ sound ok), heads.
Qed.

Theorem check_sound N N' c : check N N' c = true ->
  forall x : list F, length x = inputs N -> eval M N x = eval M N' x.
Proof.
unfold check; rewrite andb_true_iff; intros [ok ok'] x x_inputs.
assert (same_inputs : inputs N = inputs N').
{ unfold check_half in *; rewrite !andb_true_iff, !Nat.eqb_eq in *; destruct ok as [[-> _] _], ok' as [[-> _] _]; reflexivity. }
rewrite (check_half_sound _ _ _ ok) by assumption; symmetry; apply (check_half_sound _ _ _ ok'); congruence.
Qed.

End Soundness.
