(* SPDX-License-Identifier: Apache-2.0 *)
(** This file is about backward substitution: the form that comes out of a pass down the stages is a lower bound of its target.

   packed           a packed row with offsets, digit by digit
   layer_ok, info_sound, sound     what is known of a stage, of its lines, and of all stages below, is right at points     *)
From Coq Require Import List Bool ZArith Reals Lra Lia.
From Exactlump Require Import Bound BoundValues.
Import ListNotations.
Local Open Scope R_scope.

(** --- Packed rows --- *)

Lemma pack_axpy S k x acc : (0 <= S)%Z -> pack S (axpy k x acc) = (k * pack S x + pack S acc)%Z.
Proof.
intros S0; revert acc; induction x as [|a x IH]; intros [|b acc]; cbn [axpy pack]; unfold zero; change Z.zero with 0%Z;
  rewrite ?IH, ?Z.shiftl_mul_pow2 by exact S0; cbn [pack]; unfold zero; change Z.zero with 0%Z; ring.
Qed.

Lemma combp_pack S (sel : couple -> Z) w v us acc off : (0 <= S)%Z -> (forall u, In u us -> sel u = pack S (w u)) ->
  combp sel v us (pack S acc + off)%Z = (pack S (comb w v us acc) + off)%Z.
Proof.
intros S0; revert us acc; induction v as [|a v IH]; intros [|u us] acc same; cbn [combp comb]; try reflexivity.
rewrite <- IH by (intros; apply same; now right); f_equal.
destruct (Z.eqb a zero); [reflexivity|]; rewrite pack_axpy, (same u) by (exact S0 || now left); ring.
Qed.

Definition norm1 (v : list Z) : Z := fold_right (fun a r => Z.abs a + r)%Z 0%Z v.

Lemma norm_norm1 v acc : norm v acc = (acc + norm1 v)%Z.
Proof.
revert acc; induction v as [|a v IH]; intros acc; cbn [norm norm1 fold_right]; [ring|].
rewrite IH; unfold zero; change Z.zero with 0%Z; destruct (Z.leb_spec 0 a); [rewrite Z.abs_eq by lia|rewrite Z.abs_neq by lia]; unfold norm1; ring.
Qed.

Lemma norm1_nonneg v : (0 <= norm1 v)%Z.
Proof. induction v as [|a v IH]; cbn; [lia|unfold norm1 in IH; lia]. Qed.

Lemma bounded_le m m' o : (m <= m')%Z -> bounded m o -> bounded m' o.
Proof. intros mm all; eapply Forall_impl; [|exact all]; cbn; intros; lia. Qed.

Lemma axpy_bounded k x acc t m : (0 <= t)%Z -> (0 <= m)%Z -> bounded t x -> bounded m acc -> bounded (m + Z.abs k * t) (axpy k x acc).
Proof.
intros t0 m0 bx; revert acc; induction bx as [|a x ax bx IH]; intros acc bacc.
- eapply bounded_le; [|exact bacc]; nia.
- assert (- (Z.abs k * t) <= k * a <= Z.abs k * t)%Z by (destruct (Z.abs_eq_or_opp k); nia).
  destruct bacc as [|b acc bb bacc]; cbn [axpy]; constructor; try lia; apply IH; [constructor|exact bacc].
Qed.

Lemma comb_bounded w v us acc t m : (0 <= t)%Z -> (0 <= m)%Z -> (forall u, In u us -> bounded t (w u)) -> bounded m acc ->
  bounded (m + norm1 v * t) (comb w v us acc).
Proof.
intros t0; revert us acc m; induction v as [|a v IH]; intros us acc m m0 bw bacc.
{ cbn [comb norm1 fold_right]; eapply bounded_le; [|exact bacc]; lia. }
pose proof (norm1_nonneg v); destruct us as [|u us]; cbn [comb].
- eapply bounded_le; [|exact bacc]; change (norm1 (a :: v)) with (Z.abs a + norm1 v)%Z; nia.
- apply (bounded_le ((m + Z.abs a * t) + norm1 v * t)); [change (norm1 (a :: v)) with (Z.abs a + norm1 v)%Z; lia|].
  apply IH; [nia|intros; apply bw; now right|].
  destruct (Z.eqb a zero); [eapply bounded_le; [|exact bacc]; nia|].
  apply axpy_bounded; try assumption; apply bw; now left.
Qed.

Fixpoint packed (S H : Z) (o : list Z) (bs : list bnd) : Z :=
  match bs with
  | [] => pack S o
  | _ :: bs' => (hd 0 o + H + 2 ^ S * packed S H (tl o) bs')%Z
  end.

Lemma packed_offsets S H o bs : (0 <= S)%Z -> packed S H o bs = (pack S o + offsets S H bs)%Z.
Proof.
intros S0; revert o; induction bs as [|b bs IH]; intros o; cbn [packed offsets]; unfold zero; change Z.zero with 0%Z; [ring|].
rewrite IH; destruct o as [|a o]; cbn [hd tl pack]; unfold zero; change Z.zero with 0%Z;
  rewrite ?Z.shiftl_mul_pow2 by exact S0; ring.
Qed.

Lemma dot_hd_tl h o p z : dot h o (p :: z) = IZR (hd 0%Z o) * h p + dot h (tl o) z.
Proof. destruct o as [|a o]; cbn [dot hd tl]; [destruct z; cbn [dot]; ring|reflexivity]. Qed.

Lemma bounded_hd_tl m o : (0 <= m)%Z -> bounded m o -> (- m <= hd 0 o <= m)%Z /\ bounded m (tl o).
Proof. intros m0 [|a o' h t]; cbn; split; try assumption; try lia; constructor. Qed.

Lemma field_digit S n D T' : (0 <= n)%Z -> (n < S)%Z -> (0 <= D < 2 ^ S)%Z ->
  let T := (D + 2 ^ S * T')%Z in
  (T / 2 ^ S = T' /\ T mod 2 ^ n = D mod 2 ^ n /\ (T / 2 ^ n) mod 2 ^ (S - n) = D / 2 ^ n)%Z.
Proof.
intros n0 nS DS T; unfold T; clear T.
assert (e : (2 ^ S = 2 ^ n * 2 ^ (S - n))%Z) by (rewrite <- Z.pow_add_r by lia; f_equal; lia).
assert (pn : (0 < 2 ^ n)%Z) by (apply Z.pow_pos_nonneg; lia).
assert (pm : (0 < 2 ^ (S - n))%Z) by (apply Z.pow_pos_nonneg; lia).
split; [|split].
- rewrite (Z.mul_comm (2 ^ S)), Z.div_add by lia; rewrite Z.div_small by lia; lia.
- rewrite e; replace (D + 2 ^ n * 2 ^ (S - n) * T')%Z with (D + 2 ^ (S - n) * T' * 2 ^ n)%Z by ring; apply Z.mod_add; lia.
- rewrite e; replace (D + 2 ^ n * 2 ^ (S - n) * T')%Z with (D + 2 ^ (S - n) * T' * 2 ^ n)%Z by ring.
  rewrite Z.div_add by lia; replace (D / 2 ^ n + 2 ^ (S - n) * T')%Z with (D / 2 ^ n + T' * 2 ^ (S - n))%Z by ring.
  rewrite Z.mod_add by lia; apply Z.mod_small; split; [apply Z.div_pos; lia|apply Z.div_lt_upper_bound; lia].
Qed.

Lemma quantp_R S n low h o t i m bs z : (0 <= n)%Z -> (n < S)%Z -> (0 <= i)%Z -> (0 <= m < 2 ^ (S - 1))%Z -> bounded m o ->
  Forall2 (fun b p => IZR (low b) <= h p) bs z -> Z.shiftr t i = packed S (2 ^ (S - 1)) o bs ->
  pow n * dot h (fst (quantp S n (2 ^ (S - 1 - n)) low t i bs)) z + IZR (snd (quantp S n (2 ^ (S - 1 - n)) low t i bs)) <= dot h o z.
Proof.
intros n0 nS i0 m0 bo lows; revert o i i0 bo; induction lows as [|b p bs z bp lows IH]; intros o i i0 bo e.
{ cbn [quantp fst snd]; rewrite !dot_nil; unfold zero; change (IZR Z.zero) with 0; lra. }
destruct (bounded_hd_tl m o) as [hdb tlb]; [lia|exact bo|].
cbn [packed] in e; set (x := hd 0%Z o) in *; set (H := (2 ^ (S - 1))%Z) in *; set (T' := packed S H (tl o) bs) in *.
assert (HH : (2 ^ S = 2 * H)%Z) by (unfold H; rewrite <- Z.pow_succ_r by lia; f_equal; lia).
destruct (field_digit S n (x + H) T' n0 nS) as (e1 & e2 & e3); [lia|].
assert (sh : Z.shiftr t (i + S) = T') by (rewrite <- Z.shiftr_shiftr, e, Z.shiftr_div_pow2 by lia; exact e1).
specialize (IH (tl o) (i + S)%Z ltac:(lia) tlb sh).
cbn [quantp]; destruct (quantp S n (2 ^ (S - 1 - n)) low t (i + S) bs) as [q r]; cbn [fst snd] in *.
assert (c0 : (if Z.eqb (low b) zero then r else r + field t i n * low b)%Z = (r + field t i n * low b)%Z).
{ unfold zero; change Z.zero with 0%Z; destruct (Z.eqb_spec (low b) 0) as [->|_]; ring. }
rewrite c0; clear c0.
assert (f1 : field t i n = ((x + H) mod 2 ^ n)%Z).
{ unfold field; rewrite e, Z.shiftl_mul_pow2 by lia; change Z.one with 1%Z; rewrite Z.mul_1_l; exact e2. }
assert (f2 : field t (i + n) (S - n) = ((x + H) / 2 ^ n)%Z).
{ unfold field; rewrite <- Z.shiftr_shiftr, e, (Z.shiftr_div_pow2 _ n), Z.shiftl_mul_pow2 by lia; change Z.one with 1%Z; rewrite Z.mul_1_l; exact e3. }
rewrite f1, f2, !dot_hd_tl; cbn [hd tl]; fold x.
assert (pn : (0 < 2 ^ n)%Z) by (apply Z.pow_pos_nonneg; lia).
pose proof (Z.div_mod (x + H) (2 ^ n) ltac:(lia)) as dm; pose proof (Z.mod_pos_bound (x + H) (2 ^ n) pn) as [r0 _].
set (D := ((x + H) / 2 ^ n)%Z) in *; set (M := ((x + H) mod 2 ^ n)%Z) in *.
assert (Hn : H = (2 ^ n * 2 ^ (S - 1 - n))%Z) by (unfold H; rewrite <- Z.pow_add_r by lia; f_equal; lia).
set (hn := (2 ^ (S - 1 - n))%Z) in *.
assert (xe : IZR x = pow n * IZR (D - hn) + IZR M).
{ unfold pow; rewrite <- mult_IZR, <- plus_IZR; f_equal; lia. }
rewrite plus_IZR, mult_IZR, xe.
assert (0 <= IZR M * (h p - IZR (low b))) by (apply Rmult_le_pos; [apply IZR_le; exact r0|lra]).
lra.
Qed.

Lemma quant_any (fast : bool) S n low h sel w t0 l v acc pacc bs z m : (0 <= n)%Z -> (fast = true -> n < S /\ bounded m (comb w v (couples l) acc) /\ 0 <= m < 2 ^ (S - 1))%Z ->
  (1 <= S)%Z -> (forall u, In u (couples l) -> sel u = pack S (w u)) -> offset l = offsets S (2 ^ (S - 1)) bs ->
  pacc = (pack S acc + offset l)%Z -> t0 = Z.shiftl Z.one (S - Z.one - n) ->
  Forall2 (fun b p => IZR (low b) <= h p) bs z ->
  let qe := if fast then quantp S n t0 low (combp sel v (couples l) pacc) zero bs else quant n low (comb w v (couples l) acc) bs in
  pow n * dot h (fst qe) z + IZR (snd qe) <= dot h (comb w v (couples l) acc) z.
Proof.
intros n0 ok S1 same off pe te lows; destruct fast; cbn zeta; [|now apply quant_R].
destruct (ok eq_refl) as (nS & bo & m0).
assert (t0 = 2 ^ (S - 1 - n))%Z as -> by (rewrite te; change Z.one with 1%Z; rewrite Z.shiftl_mul_pow2 by lia; ring).
apply (quantp_R S n low h _ _ _ m); try assumption; try (unfold zero; change Z.zero with 0%Z; lia).
unfold zero; change Z.zero with 0%Z; rewrite Z.shiftr_0_r, pe, (combp_pack S sel w) by (assumption || lia).
rewrite packed_offsets, off by lia; reflexivity.
Qed.

(** --- Backward substitution --- *)

Record layer_ok (S : Z) (l : stage) (bs : list bnd) : Prop := LayerOk {
  ok_den : (0 <= den l)%Z;
  ok_top : (0 <= top l)%Z;
  ok_units : Forall (wf S (top l)) (couples l);
  ok_offset : offset l = offsets S (2 ^ (S - 1)) bs }.

Lemma through_R S n l bs va vb vd k z T : (0 <= n)%Z -> (1 <= S)%Z -> layer_ok S l bs -> Forall2 inb bs z ->
  let y := map (unit_value (den l) z) (couples l) in
  pow (den l) * (dot fst va y + dot snd vb y + dot dif vd y + IZR k) <= pow n * T ->
  value (through S n l bs va vb vd k) z <= T.
Proof.
intros n0 S1 [d0 t0 wfs off] bsz y le; unfold through.
assert (in_wf : forall u, In u (couples l) -> wf S (top l) u) by (intros u u_us; rewrite Forall_forall in wfs; now apply wfs).
set (fast := (_ && _)%bool).
set (m := ((norm1 va + norm1 vb + norm1 vd) * top l)%Z).
pose proof (norm1_nonneg va); pose proof (norm1_nonneg vb); pose proof (norm1_nonneg vd).
assert (F : fast = true -> (n < S)%Z /\ (0 <= m < 2 ^ (S - 1))%Z).
{ unfold fast, fits; intros f; apply andb_prop in f as [f1 f2]; apply Z.ltb_lt in f1, f2; split; [exact f1|].
  rewrite !norm_norm1, Z.shiftl_mul_pow2 in f2 by (change Z.one with 1%Z; lia); change Z.one with 1%Z in f2; unfold zero in f2; change Z.zero with 0%Z in f2.
  unfold m; split; [nia|]. replace ((norm1 va + norm1 vb + norm1 vd) * top l)%Z with ((0 + norm1 vd + norm1 vb + norm1 va) * top l)%Z by ring. lia. }
pose proof (quant_any fast S n la fst pa wa (Z.shiftl Z.one (S - Z.one - n)) l va [] (offset l) bs z m n0) as Qa.
pose proof (quant_any fast S n lb snd pd wd (Z.shiftl Z.one (S - Z.one - n)) l vd (comb wb vb (couples l) []) (combp pb vb (couples l) (offset l)) bs z m n0) as Qb.
pose proof (quant_any fast S n ld dif pa wa (Z.shiftl Z.one (S - Z.one - n)) l vd [] (offset l) bs z m n0) as Qd.
assert (E0 : offset l = (pack S [] + offset l)%Z) by (cbn; unfold zero; change Z.zero with 0%Z; ring).
assert (Bn : bounded 0 []) by constructor.
cbv zeta in Qa, Qb, Qd.
lapply Qa; clear Qa; [intros Qa|intros f; destruct (F f) as [f1 f2]; split; [exact f1|split; [|exact f2]];
  eapply bounded_le; [|apply (comb_bounded wa va (couples l) [] (top l) 0); try assumption; try lia; intros u i; apply (wf_ta _ _ _ (in_wf u i))]; unfold m; nia].
lapply Qd; clear Qd; [intros Qd|intros f; destruct (F f) as [f1 f2]; split; [exact f1|split; [|exact f2]];
  eapply bounded_le; [|apply (comb_bounded wa vd (couples l) [] (top l) 0); try assumption; try lia; intros u i; apply (wf_ta _ _ _ (in_wf u i))]; unfold m; nia].
lapply Qb; clear Qb; [intros Qb|intros f; destruct (F f) as [f1 f2]; split; [exact f1|split; [|exact f2]];
  eapply bounded_le; [|apply (comb_bounded wd vd (couples l) _ (top l) (0 + norm1 vb * top l)); try nia;
    [intros u i; apply (wf_td _ _ _ (in_wf u i))|apply comb_bounded; try assumption; try lia; intros u i; apply (wf_tb _ _ _ (in_wf u i))]]; unfold m; nia].
specialize (Qa S1 (fun u i => wf_pa _ _ _ (in_wf u i)) off E0 eq_refl (inb_la _ _ bsz)).
specialize (Qd S1 (fun u i => wf_pa _ _ _ (in_wf u i)) off E0 eq_refl (inb_ld _ _ bsz)).
specialize (Qb S1 (fun u i => wf_pd _ _ _ (in_wf u i)) off).
rewrite E0 in Qb at 1; rewrite (combp_pack S pb wb) in Qb by (try lia; intros u i; apply (wf_pb _ _ _ (in_wf u i))).
specialize (Qb eq_refl eq_refl (inb_lb _ _ bsz)).

match goal with |- context [match va with [] => ([], zero) | _ :: _ => ?X end] => set (XA := match va with [] => ([], zero) | _ :: _ => X end);
  assert (QA : pow n * dot fst (fst XA) z + IZR (snd XA) <= dot fst (comb wa va (couples l) []) z)
    by (unfold XA; destruct va; [cbn; unfold zero; change (IZR Z.zero) with 0; lra|exact Qa]) end.
match goal with |- context [match vb with [] => match vd with [] => ([], zero) | _ :: _ => ?X end | _ :: _ => _ end] =>
  set (XB := match vb with [] => match vd with [] => ([], zero) | _ :: _ => X end | _ :: _ => X end);
  assert (QB : pow n * dot snd (fst XB) z + IZR (snd XB) <= dot snd (comb wd vd (couples l) (comb wb vb (couples l) [])) z)
    by (unfold XB; destruct vb; [destruct vd; [cbn; unfold zero; change (IZR Z.zero) with 0; lra|exact Qb]|exact Qb]) end.
match goal with |- context [match vd with [] => ([], zero) | _ :: _ => ?X end] => set (XD := match vd with [] => ([], zero) | _ :: _ => X end);
  assert (QD : pow n * dot dif (fst XD) z + IZR (snd XD) <= dot dif (comb wa vd (couples l) []) z)
    by (unfold XD; destruct vd; [cbn; unfold zero; change (IZR Z.zero) with 0; lra|exact Qd]) end.
clearbody XA XB XD; clear Qa Qb Qd; destruct XA as [qa ea], XB as [qb eb], XD as [qd ed]; cbn [fst snd] in *.
unfold value; cbn [ca cb cd cc].
match goal with |- context [Z.shiftr ?C n] => pose proof (shiftr_R C n n0) as SC; set (C0 := Z.shiftr C n) in * end.
rewrite !plus_IZR, !combb_sum, shiftl_R in SC by assumption.
rewrite !comb_dot in QA, QB, QD; rewrite comb_dot in QB; cbn [dot] in QA, QB, QD.
pose proof (wsum_dot (fun u => dot fst (wa u) z + IZR (ba u)) fst (pow (den l)) (unit_value (den l) z) va (couples l)
  (fun u _ => eq_sym (value_a (den l) z u d0))) as EA.
pose proof (wsum_dot (fun u => dot snd (wb u) z + IZR (bb u)) snd (pow (den l)) (unit_value (den l) z) vb (couples l)
  (fun u _ => eq_sym (value_b (den l) z u d0))) as EB.
pose proof (wsum_dot (fun u => dot dif (wa u) z + dot snd (wd u) z + IZR (bd u)) dif (pow (den l)) (unit_value (den l) z) vd (couples l)
  (fun u i => eq_sym (value_d S (top l) (den l) z u d0 (in_wf u i)))) as ED.
fold y in EA, EB, ED.
rewrite <- wsum_add in EA, EB; rewrite <- !wsum_add in ED.
apply (Rmult_le_reg_l (pow n)); [now apply pow_pos|].
lra.
Qed.

Lemma sub1_R P hi hic lo h c ls y : 
  Forall2 (fun l p => IZR (lo l) * h p <= pow P * h (relu2 p) <= IZR (hi l) * h p + IZR (hic l)) ls y ->
  dot h (fst (sub1 hi hic lo c ls)) y + IZR (snd (sub1 hi hic lo c ls)) <= pow P * dot h c (map relu2 y).
Proof.
intros all; revert c; induction all as [|l p ls y lp all IH]; intros [|x c]; cbn [sub1 fst snd map];
  rewrite ?dot_nil; cbn [dot]; try (unfold zero; cbn; lra).
specialize (IH c); destruct (sub1 hi hic lo c ls) as [v k]; cbn [fst snd] in *.
destruct (Z.leb zero x) eqn:s; cbn [fst snd dot]; rewrite ?plus_IZR, !mult_IZR.
- apply zero_leb in s. assert (0 <= IZR x * (pow P * h (relu2 p) - IZR (lo l) * h p)) by (apply Rmult_le_pos; lra). lra.
- apply zero_nleb in s.
  assert (0 <= - IZR x * (IZR (hi l) * h p + IZR (hic l) - pow P * h (relu2 p))) by (apply Rmult_le_pos; lra). lra.
Qed.

Lemma sub2_R P c ls y : Forall2 (linesok P) ls y ->
  dot dif (fst (fst (sub2 c ls))) y + dot snd (snd (fst (sub2 c ls))) y + IZR (snd (sub2 c ls)) <= pow P * dot dif c (map relu2 y).
Proof.
intros all; revert c; induction all as [|l p ls y lp all IH]; intros [|x c]; cbn [sub2 fst snd map];
  rewrite ?dot_nil; cbn [dot]; try (unfold zero; cbn; lra).
specialize (IH c); destruct (sub2 c ls) as [[v w] k]; cbn [fst snd] in *.
destruct lp as (_ & _ & lo & hi).
destruct (Z.leb zero x) eqn:s; cbn [fst snd dot]; rewrite ?plus_IZR, !mult_IZR.
- apply zero_leb in s.
  assert (0 <= IZR x * (pow P * dif (relu2 p) - (IZR (Ls l) * dif p + IZR (Lt l) * snd p + IZR (Lc l)))) by (apply Rmult_le_pos; lra).
  lra.
- apply zero_nleb in s.
  assert (0 <= - IZR x * (IZR (Us l) * dif p + IZR (Ut l) * snd p + IZR (Uc l) - pow P * dif (relu2 p))) by (apply Rmult_le_pos; lra).
  lra.
Qed.

Definition layer_values (l : stage) (z : list point) := map (unit_value (den l) z) (couples l).

Definition info_sound (P S : Z) (s : info) (z' : list point) :=
  layer_ok S (of_layer s) (below s) /\ Forall2 inb (below s) z' /\ Forall2 (linesok P) (lns s) (layer_values (of_layer s) z').

Lemma step_R p s f z T : (0 <= slope_bits p)%Z -> (1 <= digit_bits p)%Z -> info_sound (slope_bits p) (digit_bits p) s z ->
  value f (map relu2 (layer_values (of_layer s) z)) <= T -> value (step p s f) z <= T.
Proof.
intros P0 S1 (lok & bs & ls) le; unfold step; pose proof (ok_den _ _ _ lok) as d0.
set (y := layer_values (of_layer s) z) in *.
assert (lsA : Forall2 (fun l p0 => IZR (Asl l) * fst p0 <= pow (slope_bits p) * fst (relu2 p0) <= IZR (Asu l) * fst p0 + IZR (Acu l)) (lns s) y).
{ clear - ls; induction ls as [|l q L Y (h & _)]; constructor; assumption. }
assert (lsB : Forall2 (fun l p0 => IZR (Bsl l) * snd p0 <= pow (slope_bits p) * snd (relu2 p0) <= IZR (Bsu l) * snd p0 + IZR (Bcu l)) (lns s) y).
{ clear - ls; induction ls as [|l q L Y (_ & h & _)]; constructor; assumption. }
pose proof (sub1_R (slope_bits p) Asu Acu Asl fst (ca f) _ _ lsA) as SA.
pose proof (sub1_R (slope_bits p) Bsu Bcu Bsl snd (cb f) _ _ lsB) as SB.
pose proof (sub2_R (slope_bits p) (cd f) _ _ ls) as SD.
destruct (sub1 Asu Acu Asl (ca f) (lns s)) as [va ka].
destruct (sub1 Bsu Bcu Bsl (cb f) (lns s)) as [vb kb].
destruct (sub2 (cd f) (lns s)) as [[vd vt] kd]; cbn [fst snd] in *.
apply through_R; try assumption; try lia; change (map (unit_value (den (of_layer s)) z) (couples (of_layer s))) with y.
rewrite pow_add, dot_padd, !plus_IZR, shiftl_R by assumption.
replace (pow (slope_bits p) * pow (den (of_layer s)) * T) with (pow (den (of_layer s)) * (pow (slope_bits p) * T)) by ring.
pose proof (pow_pos _ d0); pose proof (pow_pos _ P0).
apply Rmult_le_compat_l; [lra|].
assert (pow (slope_bits p) * value f (map relu2 y) <= pow (slope_bits p) * T) by (apply Rmult_le_compat_l; lra).
unfold value in *; lra.
Qed.

Lemma dot_low_R lo hi h c bs z acc : Forall2 (fun b p => IZR (lo b) <= h p <= IZR (hi b)) bs z ->
  IZR (dot_low lo hi c bs acc) <= IZR acc + dot h c z.
Proof.
intros all; revert c acc; induction all as [|b p bs z bp all IH]; intros [|x c] acc; cbn [dot_low dot]; try lra.
eapply Rle_trans; [apply IH|]; rewrite plus_IZR.
destruct (Z.leb zero x) eqn:s; rewrite mult_IZR.
- apply zero_leb in s; assert (0 <= IZR x * (h p - IZR (lo b))) by (apply Rmult_le_pos; lra); lra.
- apply zero_nleb in s; assert (0 <= - IZR x * (IZR (hi b) - h p)) by (apply Rmult_le_pos; lra); lra.
Qed.

Lemma dot_high_R lo hi h c bs z acc : Forall2 (fun b p => IZR (lo b) <= h p <= IZR (hi b)) bs z ->
  IZR acc + dot h c z <= IZR (dot_low hi lo c bs acc).
Proof.
intros all; revert c acc; induction all as [|b p bs z bp all IH]; intros [|x c] acc; cbn [dot_low dot]; try lra.
eapply Rle_trans; [|apply IH]; rewrite plus_IZR.
destruct (Z.leb zero x) eqn:s; rewrite mult_IZR.
- apply zero_leb in s; assert (0 <= IZR x * (IZR (hi b) - h p)) by (apply Rmult_le_pos; lra); lra.
- apply zero_nleb in s; assert (0 <= - IZR x * (h p - IZR (lo b))) by (apply Rmult_le_pos; lra); lra.
Qed.

Lemma inb_A bs z : Forall2 inb bs z -> Forall2 (fun b p => IZR (la b) <= fst p <= IZR (ua b)) bs z.
Proof. intros all; induction all as [|b p bs z (h & _ & _)]; constructor; assumption. Qed.
Lemma inb_B bs z : Forall2 inb bs z -> Forall2 (fun b p => IZR (lb b) <= snd p <= IZR (ub b)) bs z.
Proof. intros all; induction all as [|b p bs z (_ & h & _)]; constructor; assumption. Qed.
Lemma inb_D bs z : Forall2 inb bs z -> Forall2 (fun b p => IZR (ld b) <= dif p <= IZR (ud b)) bs z.
Proof. intros all; induction all as [|b p bs z (_ & _ & h)]; constructor; assumption. Qed.

Fixpoint sound (P S : Z) (box : list bnd) (st : list info) (z : list point) : Prop :=
  match st with
  | [] => Forall2 inb box z /\ Forall (fun p => fst p = snd p) z
  | s :: rest => exists z', z = map relu2 (layer_values (of_layer s) z') /\ info_sound P S s z' /\ sound P S box rest z'
  end.

Lemma dot_diagonal c z : Forall (fun p : point => fst p = snd p) z -> dot snd c z = dot fst c z /\ dot dif c z = 0.
Proof.
intros all; revert c; induction all as [|p z e all IH]; intros [|x c]; cbn [dot]; try (split; reflexivity).
destruct (IH c) as [-> ->]; unfold dif; rewrite e; split; ring.
Qed.

Lemma back_R p box st z f T : (0 <= slope_bits p)%Z -> (1 <= digit_bits p)%Z -> sound (slope_bits p) (digit_bits p) box st z -> value f z <= T ->
  IZR (back p box st f) <= T.
Proof.
intros P0 S1; revert z f; induction st as [|s rest IH]; intros z f snd_ le; cbn [back].
- destruct snd_ as [bz diag]; eapply Rle_trans; [apply (dot_low_R _ _ fst _ _ z), inb_A, bz|].
  rewrite dot_padd; unfold value in le; destruct (dot_diagonal (cb f) z diag) as [e _]; destruct (dot_diagonal (cd f) z diag) as [_ e'].
  rewrite e, e' in le; lra.
- destruct snd_ as (z' & -> & ok & rest_ok); apply (IH z'); [exact rest_ok|]; now apply step_R.
Qed.
