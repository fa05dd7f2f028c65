(* SPDX-License-Identifier: Apache-2.0 *)
(** This file is about the bounds of one couple, and the lines of its ReLUs: all that Bound.v computes of them is right. *)
From Coq Require Import List Bool ZArith Reals Lra Lia Psatz.
From Exactlump Require Import Bound BoundValues BoundProof.
Import ListNotations.
Local Open Scope R_scope.

Lemma meet_R p q y : inb p y -> inb q y -> inb (meet p q) y.
Proof.
intros (pa & pb & pd) (qa & qb & qd); unfold inb, meet; cbn [la ua lb ub ld ud].
repeat split; first [apply max_R|apply min_R]; tauto.
Qed.

Lemma tight_R q y : inb q y -> inb (tight q) y.
Proof.
intros ((la1 & ua1) & (lb1 & ub1) & (ld1 & ud1)); unfold inb, tight; cbn [la ua lb ub ld ud].
assert (e : dif y = fst y - snd y) by reflexivity.
assert (A : IZR (Z.max (la q) (lb q + ld q)) <= fst y) by (apply max_R; [|rewrite plus_IZR]; lra).
assert (A' : fst y <= IZR (Z.min (ua q) (ub q + ud q))) by (apply min_R; [|rewrite plus_IZR]; lra).
set (a := Z.max (la q) _) in *; set (a' := Z.min (ua q) _) in *.
assert (B : IZR (Z.max (lb q) (a - ud q)) <= snd y) by (apply max_R; [|rewrite minus_IZR]; lra).
assert (B' : snd y <= IZR (Z.min (ub q) (a' - ld q))) by (apply min_R; [|rewrite minus_IZR]; lra).
set (b := Z.max (lb q) _) in *; set (b' := Z.min (ub q) _) in *.
repeat split; try assumption; first [apply max_R|apply min_R]; rewrite ?minus_IZR; lra.
Qed.

Lemma interval_R S t d bs u z : (0 <= d)%Z -> wf S t u -> Forall2 inb bs z -> inb (interval d bs u) (unit_value d z u).
Proof.
intros d0 wfu bsz; pose proof (value_a d z u d0) as VA; pose proof (value_b d z u d0) as VB; pose proof (value_d S t d z u d0 wfu) as VD.
pose proof (inb_A _ _ bsz) as bA; pose proof (inb_B _ _ bsz) as bB; pose proof (inb_D _ _ bsz) as bD.
unfold inb, interval; cbn [la ua lb ub ld ud]; unfold floor_shift.
repeat split; first [apply floor_R|apply ceil_R]; try assumption; rewrite ?VA, ?VB, ?VD.
- eapply Rle_trans; [apply (dot_low_R la ua fst); exact bA|lra].
- eapply Rle_trans; [|apply (dot_high_R la ua fst); exact bA]; lra.
- eapply Rle_trans; [apply (dot_low_R lb ub snd); exact bB|lra].
- eapply Rle_trans; [|apply (dot_high_R lb ub snd); exact bB]; lra.
- eapply Rle_trans; [apply (dot_low_R ld ud dif); exact bD|].
  pose proof (dot_low_R lb ub snd (wd u) bs z (bd u) bB); lra.
- eapply Rle_trans; [|apply (dot_high_R ld ud dif); exact bD].
  pose proof (dot_high_R lb ub snd (wd u) bs z (bd u) bB); lra.
Qed.

Section Rows.
Variables (p : precision) (box : list bnd) (st : list info) (d t off : Z) (bs : list bnd) (z : list point) (u : couple).
Hypotheses (P0 : (0 <= slope_bits p)%Z) (R0 : (0 <= coefficient_bits p)%Z) (S1 : (1 <= digit_bits p)%Z) (d0 : (0 <= d)%Z) (t0 : (0 <= t)%Z)
  (wfu : wf (digit_bits p) t u) (off_ok : off = offsets (digit_bits p) (2 ^ (digit_bits p - 1)) bs)
  (st_ok : sound (slope_bits p) (digit_bits p) box st z) (bsz : Forall2 inb bs z).
Let y := unit_value d z u.
Let k := Z.shiftl Z.one (coefficient_bits p).

Lemma k_R : IZR k = pow (coefficient_bits p).
Proof. unfold k; rewrite shiftl_R by exact R0; change (IZR Z.one) with 1; ring. Qed.

Lemma row_R va vb vd T : dot fst va [y] + dot snd vb [y] + dot dif vd [y] = pow (coefficient_bits p) * T ->
  IZR (row p box st d t off bs u va vb vd) <= T.
Proof.
intros e; unfold row, floor_shift; apply floor_R; [exact R0|].
apply (back_R p box st z); [exact P0|exact S1|exact st_ok|].
apply through_R; try assumption; [split; cbn [den top couples offset]; try assumption; constructor; [exact wfu|constructor]|].
cbn [map den couples]; fold y; rewrite e; change (IZR zero) with 0; lra.
Qed.

Lemma row_a_R q : inb q y -> inb (row_a p box st d t off bs u k q) y.
Proof.
intros (A & B & D); unfold inb, row_a; cbn [la ua lb ub ld ud]; split; [split|split; assumption].
- apply max_R; [lra|]; apply row_R; cbn [dot]; rewrite k_R; ring.
- apply min_R; [lra|]; rewrite opp_IZR.
  assert (IZR (row p box st d t off bs u [(- k)%Z] [] []) <= - fst y) by (apply row_R; cbn [dot]; rewrite opp_IZR, k_R; ring); lra.
Qed.

Lemma row_b_R q : inb q y -> inb (row_b p box st d t off bs u k q) y.
Proof.
intros (A & B & D); unfold inb, row_b; cbn [la ua lb ub ld ud]; split; [assumption|split; [split|assumption]].
- apply max_R; [lra|]; apply row_R; cbn [dot]; rewrite k_R; ring.
- apply min_R; [lra|]; rewrite opp_IZR.
  assert (IZR (row p box st d t off bs u [] [(- k)%Z] []) <= - snd y) by (apply row_R; cbn [dot]; rewrite opp_IZR, k_R; ring); lra.
Qed.

Lemma row_d_R q : inb q y -> inb (row_d p box st d t off bs u k q) y.
Proof.
intros (A & B & D); unfold inb, row_d; cbn [la ua lb ub ld ud]; split; [assumption|split; [assumption|split]].
- apply max_R; [lra|]; apply row_R; cbn [dot]; rewrite k_R; ring.
- apply min_R; [lra|]; rewrite opp_IZR.
  assert (IZR (row p box st d t off bs u [] [] [(- k)%Z]) <= - dif y) by (apply row_R; cbn [dot]; rewrite opp_IZR, k_R; ring); lra.
Qed.

Lemma unit_bounds_R par : (forall q, par = Some q -> inb q y) -> inb (unit_bounds p box st d t off bs par u) y.
Proof.
intros par_ok; unfold unit_bounds.
assert (fresh : inb (tight (match par with None => interval d bs u | Some q => meet q (interval d bs u) end)) y).
{ apply tight_R; destruct par as [q|]; [apply meet_R; [now apply par_ok|]|]; now apply (interval_R (digit_bits p) t). }
set (f := tight _) in *.
assert (refined : inb (if stable f then f else match st with [] => f | _ =>
  if stable (tight (row_a p box st d t off bs u k (row_b p box st d t off bs u k f)))
  then tight (row_a p box st d t off bs u k (row_b p box st d t off bs u k f))
  else tight (row_d p box st d t off bs u k (tight (row_a p box st d t off bs u k (row_b p box st d t off bs u k f)))) end) y).
{ destruct (stable f); [exact fresh|]; destruct st as [|s rest] eqn:E; [exact fresh|]; rewrite <- E in *.
  assert (q1 : inb (tight (row_a p box st d t off bs u k (row_b p box st d t off bs u k f))) y) by (now apply tight_R, row_a_R, row_b_R).
  destruct (stable (tight _)); [exact q1|]; now apply tight_R, row_d_R. }
destruct par as [q|]; [destruct (dead q); [now apply par_ok|]|]; exact refined.
Qed.

Lemma output_bounds_R eps par : (forall q, par = Some q -> inb q y) -> inb (output_bounds p box st d t off bs eps par u) y.
Proof.
intros par_ok; unfold output_bounds; destruct par as [q|].
- destruct (within eps q); [|apply row_d_R]; now apply par_ok.
- apply row_d_R; now apply (interval_R (digit_bits p) t).
Qed.
End Rows.

(** --- ReLU --- *)

Lemma relu_cases y : (0 <= y /\ relu y = y) \/ (y <= 0 /\ relu y = 0).
Proof. unfold relu, Rmax; destruct (Rle_dec y 0); [right|left]; split; lra. Qed.

Lemma post_R q y : inb q y -> inb (post q) (relu2 y).
Proof.
intros ((la1 & ua1) & (lb1 & ub1) & (ld1 & ud1)).
assert (A : forall a x, IZR a <= x -> IZR (Z.max a zero) <= relu x).
{ intros a x ax; apply max_R; change (IZR zero) with 0; destruct (relu_cases x) as [[? ->]|[? ->]]; lra. }
assert (B : forall a x, x <= IZR a -> relu x <= IZR (Z.max a zero)).
{ intros a x ax; pose proof (IZR_le _ _ (Z.le_max_l a zero)); pose proof (IZR_le _ _ (Z.le_max_r a zero)) as m.
  change (IZR zero) with 0 in m; destruct (relu_cases x) as [[? ->]|[? ->]]; lra. }
pose proof (A _ _ la1) as a1; pose proof (B _ _ ua1) as a2; pose proof (A _ _ lb1) as b1; pose proof (B _ _ ub1) as b2.
unfold post, inb. destruct ((Z.leb zero (la q)) && (Z.leb zero (lb q))) eqn:act; cbn [la ua lb ub ld ud];
  (split; [split; assumption|]); (split; [split; assumption|]); unfold relu2, dif in *; cbn [fst snd] in *.
- apply andb_prop in act as [ac1 ac2]; apply zero_leb in ac1, ac2.
  destruct (relu_cases (fst y)) as [[? ->]|[? ->]]; destruct (relu_cases (snd y)) as [[? ->]|[? ->]]; lra.
- split; [apply max_R|apply min_R]; rewrite ?minus_IZR; try lra.
  + apply Z.min_case_strong; intros s; apply IZR_le in s; change (IZR zero) with 0 in *;
    destruct (relu_cases (fst y)) as [[? ->]|[? ->]]; destruct (relu_cases (snd y)) as [[? ->]|[? ->]]; lra.
  + apply Z.max_case_strong; intros s; apply IZR_le in s; change (IZR zero) with 0 in *;
    destruct (relu_cases (fst y)) as [[? ->]|[? ->]]; destruct (relu_cases (snd y)) as [[? ->]|[? ->]]; lra.
Qed.

Lemma relu_lines_R P l u y : (0 <= P)%Z -> IZR l <= y <= IZR u ->
  let '(su, cu, sl) := relu_lines P l u in IZR sl * y <= pow P * relu y <= IZR su * y + IZR cu.
Proof.
intros P0 [ly yu]; unfold relu_lines.
assert (one : IZR (Z.shiftl Z.one P) = pow P) by (rewrite shiftl_R by exact P0; change (IZR Z.one) with 1; ring).
pose proof (pow_pos P P0) as pp.
destruct (Z.leb zero l) eqn:l0; [|destruct (Z.leb u zero) eqn:u0].
- apply zero_leb in l0; change (IZR zero) with 0; rewrite one; destruct (relu_cases y) as [[? ->]|[? ->]]; nra.
- apply leb_R in u0; change (IZR zero) with 0 in *; destruct (relu_cases y) as [[? ->]|[? ->]]; nra.
- apply nleb_R in u0; apply zero_nleb in l0; change (IZR zero) with 0 in *.
  set (s := Z.min _ _).
  pose proof (IZR_le _ _ (Z.le_max_l (- s * l) ((Z.shiftl Z.one P - s) * u))) as c1.
  pose proof (IZR_le _ _ (Z.le_max_r (- s * l) ((Z.shiftl Z.one P - s) * u))) as c2.
  rewrite mult_IZR, ?opp_IZR in c1; rewrite mult_IZR, minus_IZR, one in c2.
  set (c := IZR (Z.max _ _)) in *; set (S := IZR s) in *; split.
  + destruct (Z.ltb (- l) u); rewrite ?one; change (IZR zero) with 0; destruct (relu_cases y) as [[? ->]|[? ->]]; nra.
  + destruct (relu_cases y) as [[y0 ->]|[y0 ->]].
    * destruct (Rle_dec S (pow P)) as [h|h]; [assert (0 <= (pow P - S) * (IZR u - y)) by (apply Rmult_le_pos; lra); lra|].
      assert (0 <= (S - pow P) * y) by (apply Rmult_le_pos; lra). assert (0 <= S * - IZR l) by (apply Rmult_le_pos; lra). lra.
    * destruct (Rle_dec 0 S) as [h|h]; [assert (0 <= S * (y - IZR l)) by (apply Rmult_le_pos; lra); lra|].
      assert (0 <= - S * - y) by (apply Rmult_le_pos; lra). assert (0 <= (pow P - S) * IZR u) by (apply Rmult_le_pos; lra). lra.
Qed.

Lemma sup_R m lo hi x : IZR lo <= x <= IZR hi -> IZR m * x <= IZR (sup m lo hi).
Proof.
intros x_in; unfold sup; destruct (Z.leb zero m) eqn:s; rewrite mult_IZR.
- apply zero_leb in s; apply Rmult_le_compat_l; lra.
- apply zero_nleb in s. assert (0 <= - IZR m * (x - IZR lo)) by (apply Rmult_le_pos; lra); lra.
Qed.

Lemma dual_R p q a b c d e f m x y : IZR a <= x <= IZR b -> IZR c <= y <= IZR d -> IZR e <= x - y <= IZR f ->
  IZR p * x + IZR q * y <= IZR (dual p q a b c d e f m).
Proof.
intros X Y D; unfold dual; rewrite !plus_IZR.
pose proof (sup_R m _ _ _ D) as h1; pose proof (sup_R (p - m) _ _ _ X) as h2; pose proof (sup_R (q + m) _ _ _ Y) as h3.
rewrite minus_IZR in h2; rewrite plus_IZR in h3; lra.
Qed.

Lemma cell_R p q a b c d e f x y : IZR a <= x <= IZR b -> IZR c <= y <= IZR d -> IZR e <= x - y <= IZR f ->
  exists v, cell p q a b c d e f = Some v /\ IZR p * x + IZR q * y <= IZR v.
Proof.
intros X Y D; unfold cell.
assert (Z.leb a b = true) as -> by (apply Z.leb_le, le_IZR; lra).
assert (Z.leb c d = true) as -> by (apply Z.leb_le, le_IZR; lra).
assert (Z.leb (a - d) f = true) as -> by (apply Z.leb_le, le_IZR; rewrite minus_IZR; lra).
assert (Z.leb e (b - c) = true) as -> by (apply Z.leb_le, le_IZR; rewrite minus_IZR; lra).
eexists; split; [reflexivity|]; repeat apply min_R; now apply dual_R.
Qed.

Definition below_option (x : R) (o : option Z) := exists v, o = Some v /\ x <= IZR v.

Lemma omax_l x o o' : below_option x o -> below_option x (omax o o').
Proof.
intros (v & -> & le); destruct o' as [w|]; cbn; eexists; (split; [reflexivity|]); [|exact le].
eapply Rle_trans; [exact le|apply IZR_le, Z.le_max_l].
Qed.
Lemma omax_r x o o' : below_option x o' -> below_option x (omax o o').
Proof.
intros (v & -> & le); destruct o as [w|]; cbn; eexists; (split; [reflexivity|]); [|exact le].
eapply Rle_trans; [exact le|apply IZR_le, Z.le_max_r].
Qed.

Lemma gmax_R P g s t q y : (0 <= P)%Z -> inb q y ->
  IZR g * (pow P * dif (relu2 y) - IZR s * dif y - IZR t * snd y) <= IZR (gmax (Z.shiftl Z.one P) g s t q).
Proof.
intros P0 ((la1 & ua1) & (lb1 & ub1) & (ld1 & ud1)); unfold gmax.
assert (one : IZR (Z.shiftl Z.one P) = pow P) by (rewrite shiftl_R by exact P0; change (IZR Z.one) with 1; ring).
set (o := Z.shiftl Z.one P) in *.
match goal with |- ?X <= IZR (match ?O with _ => _ end) => assert (B : below_option X O) end.
{ unfold dif, relu2 in *; cbn [fst snd] in *.
  destruct (relu_cases (fst y)) as [[x0 ->]|[x0 ->]]; destruct (relu_cases (snd y)) as [[y0 ->]|[y0 ->]];
  [apply omax_l, omax_l|apply omax_l, omax_r|apply omax_r, omax_l|apply omax_r, omax_r];
  match goal with |- below_option _ (cell ?p ?q ?a ?b ?c ?d ?e ?f) =>
    destruct (cell_R p q a b c d e f (fst y) (snd y)) as (v & e1 & le);
    [split; first [apply max_R|apply min_R|idtac]; change (IZR zero) with 0; lra
    |split; first [apply max_R|apply min_R|idtac]; change (IZR zero) with 0; lra|lra|] end;
  exists v; (split; [exact e1|]);
  rewrite ?mult_IZR, ?minus_IZR, ?opp_IZR, ?one in le; lra. }
destruct B as (v & -> & le); exact le.
Qed.

Lemma best_upper_R P s t s' t' q y : (0 <= P)%Z -> inb q y ->
  let '(us, ut, uc) := best (Z.shiftl Z.one P) Z.one s t s' t' q in
  pow P * dif (relu2 y) <= IZR us * dif y + IZR ut * snd y + IZR uc.
Proof.
intros P0 qy; unfold best; pose proof (gmax_R P Z.one s t q y P0 qy) as h; pose proof (gmax_R P Z.one s' t' q y P0 qy) as h'.
destruct (Z.leb _ _); rewrite mult_IZR; change (IZR Z.one) with 1 in *; lra.
Qed.

Lemma best_lower_R P s t s' t' q y : (0 <= P)%Z -> inb q y ->
  let '(us, ut, uc) := best (Z.shiftl Z.one P) (- Z.one) s t s' t' q in
  IZR us * dif y + IZR ut * snd y + IZR uc <= pow P * dif (relu2 y).
Proof.
intros P0 qy; unfold best; pose proof (gmax_R P (- Z.one) s t q y P0 qy) as h; pose proof (gmax_R P (- Z.one) s' t' q y P0 qy) as h'.
destruct (Z.leb _ _); rewrite mult_IZR; change (IZR (- Z.one)) with (-1) in *; lra.
Qed.

Lemma make_lines_R P q y : (0 <= P)%Z -> inb q y -> linesok P (make_lines P q) y.
Proof.
intros P0 qy; unfold make_lines; destruct (qy) as (A & B & D).
assert (one : IZR (Z.shiftl Z.one P) = pow P) by (rewrite shiftl_R by exact P0; change (IZR Z.one) with 1; ring).
pose proof (relu_lines_R P (la q) (ua q) (fst y) P0 A) as LA; pose proof (relu_lines_R P (lb q) (ub q) (snd y) P0 B) as LB.
destruct (relu_lines P (la q) (ua q)) as [[asu acu] asl]; destruct (relu_lines P (lb q) (ub q)) as [[bsu bcu] bsl].
destruct (_ && _) eqn:act; [|destruct (dead q) eqn:de].
- apply andb_prop in act as [ac1 ac2]; apply zero_leb in ac1, ac2.
  unfold linesok; cbn; rewrite one; (split; [exact LA|split; [exact LB|]]); unfold dif, relu2; cbn [fst snd];
  change (IZR zero) with 0;
  destruct (relu_cases (fst y)) as [[? ->]|[? ->]]; destruct (relu_cases (snd y)) as [[? ->]|[? ->]];
  try (replace (fst y) with 0 by lra); try (replace (snd y) with 0 by lra); lra.
- unfold dead in de; apply andb_prop in de as [d1 d2]; apply leb_R in d1, d2; change (IZR zero) with 0 in *.
  unfold linesok; cbn; (split; [exact LA|split; [exact LB|]]); unfold dif, relu2; cbn [fst snd];
  destruct (relu_cases (fst y)) as [[? ->]|[? ->]]; destruct (relu_cases (snd y)) as [[? ->]|[? ->]];
  try (replace (fst y) with 0 by lra); try (replace (snd y) with 0 by lra); lra.
- match goal with |- context [best _ Z.one ?s ?t ?s' ?t' q] => pose proof (best_upper_R P s t s' t' q y P0 qy) as U;
    destruct (best _ Z.one s t s' t' q) as [[us ut] uc] end.
  match goal with |- context [best _ (- Z.one) ?s ?t ?s' ?t' q] => pose proof (best_lower_R P s t s' t' q y P0 qy) as L;
    destruct (best _ (- Z.one) s t s' t' q) as [[ls lt] lc] end.
  unfold linesok; cbn; (split; [exact LA|split; [exact LB|split; [exact L|exact U]]]).
Qed.
