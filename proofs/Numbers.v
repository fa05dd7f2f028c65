(* SPDX-License-Identifier: Apache-2.0 *)
(** This file is about the numbers of Network.v: the rationals and the reals are instances, and integers embed into all of them.

   Rationals   Qc, canonical fractions; needs no axiom
   Reals       Coq's real numbers; needs the axioms that define them                                               *)
From Coq Require Import ZArith Ring Ring_theory QArith Qcanon Reals Lra Lia.
From Exactlump Require Import Network.

Section Embedding.
Variable F : numbers.
Hypothesis field : ordered_field F.
Add Ring F_ring : (ring_laws F field).
Implicit Types (x y : F) (p q : positive) (a b d : Z).

Lemma of_positive_succ p : of_positive (Pos.succ p) = add one (of_positive p) :> F.
Proof. induction p as [p IH|p _|]; cbn; [rewrite IH; ring|reflexivity|reflexivity]. Qed.

Lemma of_positive_add p q : of_positive (p + q) = add (of_positive p) (of_positive q) :> F.
Proof.
induction p as [|p IH] using Pos.peano_ind.
- rewrite Pos.add_1_l; apply of_positive_succ.
- rewrite Pos.add_succ_l, !of_positive_succ, IH; ring.
Qed.

Lemma of_positive_mul p q : of_positive (p * q) = mul (of_positive p) (of_positive q) :> F.
Proof.
induction p as [|p IH] using Pos.peano_ind.
- rewrite Pos.mul_1_l; cbn; ring.
- rewrite Pos.mul_succ_l, of_positive_succ, of_positive_add, IH; ring.
Qed.

Lemma of_Z_opp a : of_Z (- a) = opp (of_Z a) :> F.
Proof. destruct a; cbn; ring. Qed.

Lemma of_Z_pos_sub p q : of_Z (Z.pos_sub p q) = add (of_positive p) (opp (of_positive q)) :> F.
Proof.
destruct (Z.pos_sub_spec p q); rewrite Z.pos_sub_spec; destruct (Pos.compare_spec p q) as [->|lt|lt]; cbn.
- ring.
- rewrite <- (Pos.sub_add q p lt) at 2; rewrite of_positive_add; ring.
- rewrite <- (Pos.sub_add p q lt) at 2; rewrite of_positive_add; ring.
Qed.

Lemma of_Z_add a b : of_Z (a + b) = add (of_Z a) (of_Z b) :> F.
Proof. destruct a, b; cbn; rewrite ?of_positive_add, ?of_Z_pos_sub; ring. Qed.

Lemma of_Z_mul a b : of_Z (a * b) = mul (of_Z a) (of_Z b) :> F.
Proof. destruct a, b; cbn; rewrite ?of_positive_mul; ring. Qed.

Lemma nonnegative_0 : nonnegative (@zero F) = true.
Proof.
destruct (order_total F field zero) as [zero_ge0|zero_ge0]; [exact zero_ge0|].
now replace (@zero F) with (opp (@zero F)) by ring.
Qed.

Lemma nonnegative_1 : nonnegative (@one F) = true.
Proof.
destruct (order_total F field one) as [one_ge0|one_ge0]; [exact one_ge0|].
replace (@one F) with (mul (opp one) (@opp F one)) by ring; now apply (order_mul F field).
Qed.

Lemma of_positive_nonnegative p : nonnegative (of_positive p : F) = true.
Proof.
induction p as [|p IH] using Pos.peano_ind; [exact nonnegative_1|].
rewrite of_positive_succ; apply (order_add F field); [exact nonnegative_1|exact IH].
Qed.

Lemma of_positive_nonzero p : of_positive p <> zero :> F.
Proof.
induction p as [|p _] using Pos.peano_ind; [exact (distinct F field)|].
rewrite of_positive_succ; intros sum_0; apply (distinct F field), (order_antisymmetric F field); [exact nonnegative_1|].
replace (opp one) with (of_positive p : F); [apply of_positive_nonnegative|].
replace (of_positive p : F) with (add (add one (of_positive p)) (opp one : F)) by ring; rewrite sum_0; ring.
Qed.

Lemma of_Z_nonzero d : (0 < d)%Z -> of_Z d <> zero :> F.
Proof. destruct d; try lia; intros _; apply of_positive_nonzero. Qed.

Lemma of_Z_nonnegative a : nonnegative (of_Z a : F) = Z.leb 0 a.
Proof.
destruct a as [|p|p]; cbn; [exact nonnegative_0|apply of_positive_nonnegative|].
destruct (nonnegative (opp (of_positive p : F))) eqn:opp_ge0; [|reflexivity].
now destruct (of_positive_nonzero p); apply (order_antisymmetric F field); [apply of_positive_nonnegative|].
Qed.

Lemma cancel x y z : x <> zero -> mul x y = mul x z -> y = z :> F.
Proof.
intros x_nz same; replace y with (mul (inverse x) (mul x y)).
- rewrite same; replace z with (mul (mul x (inverse x)) z) at 2; [ring|].
  rewrite (inverse_law F field x x_nz); ring.
- replace y with (mul (mul x (inverse x)) y) at 2; [ring|].
  rewrite (inverse_law F field x x_nz); ring.
Qed.

Lemma cancel_Z d y z : (0 < d)%Z -> mul (of_Z d) y = mul (of_Z d) z -> y = z :> F.
Proof. intros d_gt0; apply cancel, of_Z_nonzero, d_gt0. Qed.

Lemma inverse_Z d : (0 < d)%Z -> mul (of_Z d) (inverse (of_Z d)) = one :> F.
Proof. intros d_gt0; apply (inverse_law F field), of_Z_nonzero, d_gt0. Qed.

(** Positive integer factors keep the sign. *)
Lemma nonnegative_scaled d y : (0 < d)%Z -> nonnegative (mul (of_Z d) y : F) = nonnegative y.
Proof.
intros d_gt0.
assert (d_ge0 : nonnegative (of_Z d : F) = true) by (rewrite of_Z_nonnegative; apply Z.leb_le; lia).
destruct (nonnegative y) eqn:y_ge0; [now apply (order_mul F field)|].
destruct (nonnegative (mul (of_Z d) y)) eqn:dy_ge0; [|reflexivity].
destruct (order_total F field y) as [|y_le0]; [congruence|].
assert (y_0 : y = zero).
{ apply (cancel_Z d); [exact d_gt0|]; rewrite (order_antisymmetric F field (mul (of_Z d) y)); [ring|exact dy_ge0|].
  replace (opp (mul (of_Z d) y)) with (mul (of_Z d) (opp y)) by ring; now apply (order_mul F field). }
now rewrite y_0, nonnegative_0 in y_ge0.
Qed.

End Embedding.

(** The rationals. *)
Definition Rationals : numbers :=
  Numbers Qc (Q2Qc 0) (Q2Qc 1) Qcplus Qcmult Qcopp Qcinv (fun x => Qle_bool 0 x).

Lemma Rationals_field : ordered_field Rationals.
Proof.
assert (leP : forall x : Qc, Qle_bool 0 x = true <-> (Q2Qc 0 <= x)%Qc) by (intros x; apply Qle_bool_iff).
split; cbv beta iota delta [carrier zero one add mul opp inverse nonnegative Rationals].
- constructor; intros; ring.
- exact Qcmult_inv_r.
- discriminate.
- intros x; rewrite !leP; destruct (Qclt_le_dec x (Q2Qc 0)) as [x_lt0|x_ge0]; [right|now left].
  replace (Q2Qc 0) with (- Q2Qc 0)%Qc by ring; now apply Qcopp_le_compat, Qclt_le_weak.
- intros x; rewrite !leP; intros x_ge0 x_le0; apply Qcle_antisym; [|exact x_ge0].
  replace x with (- - x)%Qc by ring; replace (Q2Qc 0) with (- Q2Qc 0)%Qc by ring; now apply Qcopp_le_compat.
- intros x y; rewrite !leP; intros x_ge0 y_ge0; replace (Q2Qc 0) with (Q2Qc 0 + Q2Qc 0)%Qc by ring.
  now apply Qcplus_le_compat.
- intros x y; rewrite !leP; intros x_ge0 y_ge0; replace (Q2Qc 0) with (Q2Qc 0 * y)%Qc by ring.
  now apply Qcmult_le_compat_r.
Qed.

(** The reals. *)
Definition Reals : numbers :=
  Numbers R 0%R 1%R Rplus Rmult Ropp Rinv (fun x => if Rle_dec 0 x then true else false).

Lemma Reals_field : ordered_field Reals.
Proof.
assert (leP : forall x : R, (if Rle_dec 0 x then true else false) = true <-> (0 <= x)%R).
{ intros x; destruct (Rle_dec 0 x); intuition congruence. }
split; cbv beta iota delta [carrier zero one add mul opp inverse nonnegative Reals].
- constructor; intros; ring.
- exact Rinv_r.
- exact R1_neq_R0.
- intros x; rewrite !leP; lra.
- intros x; rewrite !leP; lra.
- intros x y; rewrite !leP; lra.
- intros x y; rewrite !leP; apply Rmult_le_pos.
Qed.
