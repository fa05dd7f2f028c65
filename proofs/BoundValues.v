(* SPDX-License-Identifier: Apache-2.0 *)
(** This file is about what the integers of Bound.v stand for among the reals.

   point            the values of a couple: of A, of B
   dot f c z        the sum of the coefficients c times f of the points z
   inb, linesok     bounds and lines that are right at a point
   value f z        what a form is at points
   wf               a couple whose differences and packed rows are what they should be                      *)
From Coq Require Import List Bool ZArith Reals Lra Lia.
From Exactlump Require Import Bound.
Import ListNotations.
Local Open Scope R_scope.

Definition point := (R * R)%type.
Definition dif (z : point) : R := fst z - snd z.

Fixpoint dot (f : point -> R) (c : list Z) (z : list point) : R :=
  match c, z with
  | a :: c', p :: z' => IZR a * f p + dot f c' z'
  | _, _ => 0
  end.

Definition pow (n : Z) : R := IZR (2 ^ n).

Definition unit_value (d : Z) (z : list point) (u : couple) : point :=
  ((dot fst (wa u) z + IZR (ba u)) / pow d, (dot snd (wb u) z + IZR (bb u)) / pow d).

Definition relu (y : R) := Rmax y 0.
Definition relu2 (y : point) : point := (relu (fst y), relu (snd y)).

Definition bounded (m : Z) (o : list Z) := Forall (fun a => (- m <= a <= m)%Z) o.

(** What the checker computes of a couple: the differences, the packed rows, and that no weight exceeds t. *)
Record wf (S t : Z) (u : couple) : Prop := Wf {
  wf_wd : forall z, dot snd (wd u) z = dot snd (wa u) z - dot snd (wb u) z;
  wf_bd : bd u = (ba u - bb u)%Z;
  wf_pa : pa u = pack S (wa u);
  wf_pb : pb u = pack S (wb u);
  wf_pd : pd u = pack S (wd u);
  wf_ta : bounded t (wa u);
  wf_tb : bounded t (wb u);
  wf_td : bounded t (wd u) }.

Definition inb (q : bnd) (y : point) :=
  (IZR (la q) <= fst y <= IZR (ua q)) /\ (IZR (lb q) <= snd y <= IZR (ub q)) /\ (IZR (ld q) <= dif y <= IZR (ud q)).

Definition linesok (P : Z) (l : lines) (y : point) :=
  (IZR (Asl l) * fst y <= pow P * fst (relu2 y) <= IZR (Asu l) * fst y + IZR (Acu l)) /\
  (IZR (Bsl l) * snd y <= pow P * snd (relu2 y) <= IZR (Bsu l) * snd y + IZR (Bcu l)) /\
  (IZR (Ls l) * dif y + IZR (Lt l) * snd y + IZR (Lc l) <= pow P * dif (relu2 y)
   <= IZR (Us l) * dif y + IZR (Ut l) * snd y + IZR (Uc l)).

Definition value (f : form) (z : list point) : R :=
  dot fst (ca f) z + dot snd (cb f) z + dot dif (cd f) z + IZR (cc f).

(** --- Numbers --- *)

Lemma pow_pos n : (0 <= n)%Z -> 0 < pow n.
Proof. intros n0; unfold pow; apply IZR_lt; apply Z.pow_pos_nonneg; lia. Qed.

Lemma pow_add a b : (0 <= a)%Z -> (0 <= b)%Z -> pow (a + b) = pow a * pow b.
Proof. intros a0 b0; unfold pow; rewrite Z.pow_add_r, mult_IZR by lia; reflexivity. Qed.

Lemma shiftl_R a n : (0 <= n)%Z -> IZR (Z.shiftl a n) = pow n * IZR a.
Proof. intros n0; rewrite Z.shiftl_mul_pow2, mult_IZR by lia; unfold pow; ring. Qed.

Lemma shiftr_R a n : (0 <= n)%Z -> pow n * IZR (Z.shiftr a n) <= IZR a.
Proof.
intros n0; rewrite <- shiftl_R by lia; apply IZR_le.
rewrite Z.shiftl_mul_pow2, Z.shiftr_div_pow2 by lia.
rewrite Z.mul_comm; apply Z.mul_div_le, Z.pow_pos_nonneg; lia.
Qed.

Lemma floor_R a n x : (0 <= n)%Z -> IZR a <= pow n * x -> IZR (Z.shiftr a n) <= x.
Proof.
intros n0 ax; pose proof (shiftr_R a n n0) as s; pose proof (pow_pos n n0) as p0.
apply (Rmult_le_reg_l (pow n)); lra.
Qed.

Lemma ceil_R a n x : (0 <= n)%Z -> pow n * x <= IZR a -> x <= IZR (ceil_shift n a).
Proof.
intros n0 ax; unfold ceil_shift; rewrite opp_IZR.
assert (IZR (Z.shiftr (- a) n) <= - x) by (apply floor_R; [assumption|rewrite opp_IZR; lra]); lra.
Qed.

Lemma max_R a b x : IZR a <= x -> IZR b <= x -> IZR (Z.max a b) <= x.
Proof. intros; apply Z.max_case; assumption. Qed.

Lemma min_R a b x : x <= IZR a -> x <= IZR b -> x <= IZR (Z.min a b).
Proof. intros; apply Z.min_case; assumption. Qed.

Lemma zero_leb a : Z.leb zero a = true -> 0 <= IZR a.
Proof. intros h; apply IZR_le; unfold zero in h; apply Z.leb_le in h; exact h. Qed.

Lemma zero_nleb a : Z.leb zero a = false -> IZR a < 0.
Proof. intros h; apply IZR_lt; unfold zero in h; apply Z.leb_gt in h; exact h. Qed.

Lemma leb_R a b : Z.leb a b = true -> IZR a <= IZR b.
Proof. intros h; apply IZR_le, Z.leb_le, h. Qed.

Lemma nleb_R a b : Z.leb a b = false -> IZR b < IZR a.
Proof. intros h; apply IZR_lt, Z.leb_gt, h. Qed.

(** --- Lists --- *)

Lemma dot_nil f c : dot f c [] = 0.
Proof. destruct c; reflexivity. Qed.

Lemma dot_padd f x y z : dot f (padd x y) z = dot f x z + dot f y z.
Proof.
revert y z; induction x as [|a x IH]; intros [|b y] [|p z]; cbn [padd dot]; try ring.
rewrite IH, plus_IZR; ring.
Qed.

Lemma dot_axpy f k x acc z : dot f (axpy k x acc) z = IZR k * dot f x z + dot f acc z.
Proof.
revert acc z; induction x as [|a x IH]; intros [|b acc] [|p z]; cbn [axpy dot]; try ring;
  rewrite IH, ?plus_IZR, mult_IZR; cbn [dot]; ring.
Qed.

Lemma dot_opp f x z : dot f (map Z.opp x) z = - dot f x z.
Proof. revert z; induction x as [|a x IH]; intros [|p z]; cbn; try ring; rewrite IH, opp_IZR; ring. Qed.

Lemma dot_dif c z : dot dif c z = dot fst c z - dot snd c z.
Proof. revert z; induction c as [|a c IH]; intros [|p z]; cbn; try ring; rewrite IH; unfold dif; ring. Qed.

Fixpoint wsum (g : couple -> R) (v : list Z) (us : list couple) : R :=
  match v, us with
  | a :: v', u :: us' => IZR a * g u + wsum g v' us'
  | _, _ => 0
  end.

Lemma comb_dot f sel v us acc z :
  dot f (comb sel v us acc) z = dot f acc z + wsum (fun u => dot f (sel u) z) v us.
Proof.
revert us acc; induction v as [|a v IH]; intros [|u us] acc; cbn [comb wsum]; try ring.
rewrite IH; unfold zero; change Z.zero with 0%Z; destruct (Z.eqb_spec a 0) as [->|_]; [ring|].
rewrite dot_axpy; ring.
Qed.

Lemma combb_sum sel v us acc : IZR (combb sel v us acc) = IZR acc + wsum (fun u => IZR (sel u)) v us.
Proof.
revert us acc; induction v as [|a v IH]; intros [|u us] acc; cbn [combb wsum]; try ring.
rewrite IH, plus_IZR, mult_IZR; ring.
Qed.

Lemma wsum_add g h v us : wsum g v us + wsum h v us = wsum (fun u => g u + h u) v us.
Proof. revert us; induction v as [|a v IH]; intros [|u us]; cbn [wsum]; try ring; rewrite <- IH; ring. Qed.

Lemma wsum_dot g h S (val : couple -> point) v us :
  (forall u, In u us -> g u = S * h (val u)) -> wsum g v us = S * dot h v (map val us).
Proof.
revert us; induction v as [|a v IH]; intros [|u us] all; cbn [wsum dot map]; try ring.
rewrite IH, (all u); [ring|now left|intros; apply all; now right].
Qed.

Lemma quant_R n low h o bs z : (0 <= n)%Z -> Forall2 (fun b p => IZR (low b) <= h p) bs z ->
  pow n * dot h (fst (quant n low o bs)) z + IZR (snd (quant n low o bs)) <= dot h o z.
Proof.
intros n0 lows; revert o; induction lows as [|b p bs z bp lows IH]; intros [|x o]; cbn [quant fst snd];
  rewrite ?dot_nil; cbn [dot]; try (unfold zero; cbn; lra).
specialize (IH o); destruct (quant n low o bs) as [q e]; cbn [fst snd dot] in *.
rewrite plus_IZR, mult_IZR, minus_IZR, shiftl_R by assumption.
pose proof (shiftr_R x n n0) as xn; set (y := IZR (Z.shiftr x n)) in *.
assert (0 <= (IZR x - pow n * y) * (h p - IZR (low b))) by (apply Rmult_le_pos; lra).
lra.
Qed.

Lemma inb_la bs z : Forall2 inb bs z -> Forall2 (fun b p => IZR (la b) <= fst p) bs z.
Proof. intros all; induction all as [|b p bs z (h & _ & _)]; constructor; [lra|assumption]. Qed.
Lemma inb_lb bs z : Forall2 inb bs z -> Forall2 (fun b p => IZR (lb b) <= snd p) bs z.
Proof. intros all; induction all as [|b p bs z (_ & h & _)]; constructor; [lra|assumption]. Qed.
Lemma inb_ld bs z : Forall2 inb bs z -> Forall2 (fun b p => IZR (ld b) <= dif p) bs z.
Proof. intros all; induction all as [|b p bs z (_ & _ & h)]; constructor; [lra|assumption]. Qed.

(** --- One couple --- *)

Lemma value_a d z u : (0 <= d)%Z -> pow d * fst (unit_value d z u) = dot fst (wa u) z + IZR (ba u).
Proof. intros d0; pose proof (pow_pos d d0); unfold unit_value; cbn [fst]; field; lra. Qed.
Lemma value_b d z u : (0 <= d)%Z -> pow d * snd (unit_value d z u) = dot snd (wb u) z + IZR (bb u).
Proof. intros d0; pose proof (pow_pos d d0); unfold unit_value; cbn [snd]; field; lra. Qed.
Lemma value_d S t d z u : (0 <= d)%Z -> wf S t u ->
  pow d * dif (unit_value d z u) = dot dif (wa u) z + dot snd (wd u) z + IZR (bd u).
Proof.
intros d0 [w b _ _ _ _ _ _]; unfold dif at 1; rewrite Rmult_minus_distr_l, value_a, value_b, w, b, minus_IZR, dot_dif by assumption; ring.
Qed.
