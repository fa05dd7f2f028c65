(* SPDX-License-Identifier: Apache-2.0 *)
(** This file is about what forms stand for, once every atom has a value ([env]): the operations of Forms.v are those on values. *)
From Coq Require Import List Bool ZArith Znumtheory Lia Ring Ring_theory.
From Exactlump Require Import Network Numbers Functions Forms.
Import ListNotations.

(** --- Trees --- *)

Lemma find_set {A} k (x : A) t j y : find j (set k x t) = Some y -> j = k /\ x = y \/ find j t = Some y.
Proof.
revert t j; induction k as [k IH|k IH|]; intros [|l a r] [j|j|]; cbn; intros found;
  try (apply IH in found as [[-> ->]|found]); auto; try (now destruct j); try discriminate;
  try (injection found as <-; auto).
Qed.

Lemma find_set_same {A} k (x : A) t : find k (set k x t) = Some x.
Proof. revert t; induction k as [k IH|k IH|]; intros [|l a r]; cbn; auto. Qed.

Lemma find_set_other {A} k (x : A) t j : j <> k -> find j (set k x t) = find j t.
Proof.
revert t j; induction k as [k IH|k IH|]; intros [|l a r] [j|j|] ne; cbn; try reflexivity; try congruence;
  try (now destruct j); try (apply IH; congruence); rewrite IH by congruence; now destruct j.
Qed.

(** --- Common multiples --- *)

Lemma is_positive_spec (n : Z) : is_positive n = true -> (0 < n)%Z.
Proof. apply Z.ltb_lt. Qed.

Lemma joint_spec m q : (0 < m)%Z -> (0 < q)%Z ->
  (0 < joint m q /\ 0 < joint m q / m /\ 0 < joint m q / q /\ joint m q = (joint m q / m) * m /\ joint m q = (joint m q / q) * q)%Z.
Proof.
intros m_gt0 q_gt0; unfold joint; set (g := Z.gcd m q).
assert (g_gt0 : (0 < g)%Z) by (pose proof (Z.gcd_nonneg m q); pose proof (Z.gcd_eq_0_l m q); unfold g in *; lia).
destruct (Z.gcd_divide_l m q) as [a m_a]; destruct (Z.gcd_divide_r m q) as [b q_b]; fold g in m_a, q_b.
assert (q_g : (q / g = b)%Z) by (rewrite q_b at 1; apply Z.div_mul; lia); rewrite q_g.
assert (a_gt0 : (0 < a)%Z) by nia; assert (b_gt0 : (0 < b)%Z) by nia.
assert (to_m : (m * b / m = b)%Z) by (rewrite Z.mul_comm; apply Z.div_mul; lia).
assert (to_q : (m * b / q = a)%Z) by (rewrite m_a; replace (a * g * b)%Z with (a * q)%Z by (rewrite q_b; ring); apply Z.div_mul; lia).
rewrite to_m, to_q; repeat split; nia.
Qed.

(** --- Forms --- *)

Section Values.
Variable F : numbers.
Hypothesis field : ordered_field F.
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
Lemma of_Z_1' : Z_ 1 = one. Proof. reflexivity. Qed.

Ltac of_Z :=
  repeat first [rewrite (of_Z_add F field) | rewrite (of_Z_mul F field) | rewrite (of_Z_opp F field)];
  rewrite ?of_Z_0, ?of_Z_0', ?of_Z_1, ?of_Z_1'.
Ltac of_Z_ring := cbn; of_Z; ring.

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

End Values.
