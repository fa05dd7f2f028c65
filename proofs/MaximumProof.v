(* SPDX-License-Identifier: Apache-2.0 *)
(** This file is about Theorem 2: there is a unique maximum proportional exact lumpability, found layer by layer.

   The reason (theorem T2): when R below is finer than M below, the sums over the classes of M are fixed linear
   combinations of the sums over the classes of R, so whatever R may merge above, M may merge as well.         *)
From mathcomp Require Import all_ssreflect ssralg ssrnum.
From Exactlump Require Import Paper Lumping LumpingProof Maximum.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory Num.Theory Order.POrderTheory.
Local Open Scope ring_scope.

Section Key.
Variables (F : realFieldType) (I : finType).
Implicit Types u w : I -> F.

Lemma scale_gt0 u : 0 < scale u.
Proof. by rewrite /scale; case: pickP => // i; rewrite normr_gt0. Qed.

Lemma scale_mul r u w : 0 < r -> (exists i, w i != 0) -> (forall i, u i = r * w i) -> scale u = r * scale w.
Proof.
move=> r_gt0 [i wi0] u_rw; rewrite /scale.
rewrite (@eq_pick _ (fun i => u i != 0) (fun i => w i != 0)); last first.
  by move=> j /=; rewrite u_rw mulf_eq0 gt_eqF.
by case: pickP => [j _|/(_ i)/=]; rewrite ?wi0 // u_rw normrM gtr0_norm.
Qed.

(** The key is complete: equal exactly for positively proportional vectors. *)
Theorem same_key_iff_proportional u w :
  (exists2 r, 0 < r & forall i, u i = r * w i) <-> normal u = normal w.
Proof.
split=> [[r r_gt0 u_rw]|/ffunP same].
  apply/ffunP=> i; rewrite !ffunE; case w_nz: [exists i, w i != 0].
    by rewrite (scale_mul r_gt0 (existsP w_nz) u_rw) u_rw -mulf_div divff ?mul1r ?gt_eqF.
  move/negbT: w_nz; rewrite negb_exists => /forallP/(_ i); rewrite negbK u_rw => /eqP->.
  by rewrite mulr0 !mul0r.
exists (scale u / scale w) => [|i]; first by rewrite divr_gt0 ?scale_gt0.
have := same i; rewrite !ffunE => /(canRL (mulfVK _))->; last by rewrite gt_eqF ?scale_gt0.
by rewrite mulrAC -mulrA mulrC.
Qed.

End Key.

Section Theorem2.
Variables (F : realFieldType) (Act : eqType).
Local Notation layer := (layer F Act).
Local Notation network := (network F Act).
Local Notation lump := (lump F).

Section Layer.
Variables (S T : finType) (L : layer S T) (M : lump S).
Implicit Types v t : T.

Lemma live_sums v : live L M v = [exists k, sums L M v k != 0].
Proof.
apply/orP/existsP=> [[b0|/existsP[k s0]]|[[k|] s0]]; [by exists None|by exists (Some k)|right|by left].
by apply/existsP; exists k.
Qed.

Lemma live_key v t : live L M v -> key L M t = key L M v -> live L M t.
Proof.
rewrite !live_sums => /existsP[k v_k] [_ /ffunP/(_ k)]; rewrite !ffunE => same.
apply/existsP; exists k; apply: contraNN v_k => /eqP t0; move: same; rewrite t0 mul0r => /esym/eqP.
by rewrite mulf_eq0 invr_eq0 (gt_eqF (scale_gt0 _)) orbF.
Qed.

Lemma leader_key v : key L M (leader L M v) = key L M v.
Proof. by rewrite /leader; case: pickP => //= t /andP[_ /eqP]. Qed.

Lemma leader_eq v t : live L M v -> (leader L M v = leader L M t) <-> (key L M v = key L M t).
Proof.
move=> v_live; split=> [same|same]; first by rewrite -leader_key same leader_key.
rewrite /leader (eq_pick (Q := fun u => live L M u && (key L M u == key L M t))); last by move=> u /=; rewrite same.
by case: pickP => // /(_ v); rewrite v_live same eqxx.
Qed.

Lemma leader_is_class v : live L M v -> live L M (leader L M v) && (leader L M (leader L M v) == leader L M v).
Proof.
move=> v_live; have l_live := live_key v_live (leader_key v).
by rewrite l_live; apply/eqP/leader_eq; rewrite ?leader_key.
Qed.

Lemma canonical_class v :
  class (canonical L M) v = if live L M v then insub (leader L M v) else None.
Proof. by []. Qed.

Lemma canonical_dead v : (class (canonical L M) v == None) = ~~ live L M v.
Proof.
rewrite canonical_class; case: ifP => // v_live.
by case: insubP => //; rewrite leader_is_class.
Qed.

Lemma same_class v t : live L M v ->
  (class (canonical L M) v = class (canonical L M) t) <-> (key L M v = key L M t).
Proof.
move=> v_live; split=> [same|same].
  have t_live: live L M t by rewrite -[live _ _ _]negbK -canonical_dead -same canonical_dead negbK.
  apply/leader_eq=> //; move: same; rewrite !canonical_class v_live t_live.
  case: insubP => [a _ <-|]; last by rewrite leader_is_class.
  by case: insubP => [c _ <- [->]|]; last by rewrite leader_is_class.
have t_live : live L M t by apply: live_key v_live _.
by rewrite !canonical_class v_live t_live; congr insub; apply/leader_eq.
Qed.

Lemma canonical_sums v t : class (canonical L M) v = class (canonical L M) t ->
  forall k, rho (canonical L M) v * sums L M v k = rho (canonical L M) t * sums L M t k.
Proof.
move=> same k; case v_live: (live L M v).
  have [_ /ffunP/(_ k)] := (same_class t v_live).1 same.
  by rewrite !ffunE /= !(mulrC _^-1).
have t_dead : ~~ live L M t by rewrite -canonical_dead -same canonical_dead v_live.
have zero u : live L M u = false -> sums L M u k = 0.
  by rewrite live_sums => /negbT; rewrite negb_exists => /forallP/(_ k); rewrite negbK => /eqP.
by rewrite !zero ?(negbTE t_dead) ?mulr0.
Qed.

Lemma canonical_proper : proper (canonical L M).
Proof.
split=> [[u u_class]|v] /=; last by rewrite invr_gt0 scale_gt0.
have /andP[u_live /eqP u_leader] := u_class.
rewrite u_live u_leader; case: insubP => [a _ a_u|]; last by rewrite u_class.
by congr Some; apply: val_inj.
Qed.

Lemma canonical_lumpable : lumpable L M (canonical L M).
Proof.
split=> [v|v t same v_live|v t same|v t same k]; first exact: canonical_dead.
- by have [] := (same_class t v_live).1 same.
- exact: (canonical_sums same None).
- exact: (canonical_sums same (Some k)).
Qed.

End Layer.

Lemma maximum_from_lumpability S T (N : network S T) (M0 : lump S) : lumpability_from M0 (maximum_from N M0).
Proof.
elim: N M0 => [//|{}S U {}T L N IH] M0 /=.
by split; [apply: canonical_proper|apply: canonical_lumpable|apply: IH].
Qed.

(** R is finer than M, and inside a class of R the factors of R and of M have the same ratios. *)
Definition finer S (R M : lump S) :=
  (forall v, class R v = None -> class M v = None) /\
  (forall v t, class R v = class R t -> class M v = class M t /\
     (class M v != None -> rho M v * rho R t = rho M t * rho R v)).

Lemma finer_sum S T (L : layer S T) (R M : lump S) v : proper R -> proper M -> finer R M -> forall j,
  class_sum L M v j = \sum_k (if class M (representative R k) == Some j
    then rho R (representative R k) / rho M (representative R k) else 0) * class_sum L R v k.
Proof.
move=> [R_rep R_gt0] [_ M_gt0] [R_dead R_M] j; pose d u (k : classes R) :=
  if class M u == Some j then weight L u v / rho M u else 0.
rewrite /class_sum big_mkcond /=; transitivity (\sum_u if class R u is Some k then d u k else 0).
  by apply: eq_bigr => u _; case u_k: (class R u) => [//|]; rewrite R_dead.
rewrite sum_by_class; apply: eq_bigr => k _; rewrite mulr_sumr; apply: eq_bigr => u /eqP u_k.
have [same ratio] := R_M u (representative R k) (etrans u_k (esym (R_rep k))).
rewrite /d -same; case: ifP => [/eqP u_j|]; last by rewrite mul0r.
have -> : rho R (representative R k) / rho M (representative R k) = rho R u / rho M u.
  by apply/eqP; rewrite eqr_div ?lt0r_neq0 // mulrC ratio 1?mulrC // u_j.
by rewrite [RHS]mulrC mulrA mulfVK ?lt0r_neq0.
Qed.

Lemma finer_sums_zero S T (L : layer S T) (R M : lump S) v : proper R -> proper M -> finer R M ->
  ~~ live L R v -> ~~ live L M v.
Proof.
move=> properR properM R_M; rewrite !negb_or !negb_exists => /andP[-> /forallP zero] /=; apply/forallP=> j.
by rewrite negbK (finer_sum L v properR properM R_M) big1 // => k _; have := zero k; rewrite negbK => /eqP->; rewrite mulr0.
Qed.

(** The heart: above a finer relation there is no valid relation that the canonical one does not contain. *)
Lemma canonical_coarsest S T (L : layer S T) (R M : lump S) (R' : lump T) :
    proper R -> proper M -> finer R M -> proper R' -> lumpable L R R' ->
  finer R' (canonical L M).
Proof.
move=> properR properM R_M [_ R'_gt0] R'_lump.
have M_dead v : class R' v = None -> ~~ live L M v.
  by move=> /eqP; rewrite (lumpable_dead R'_lump); apply: (finer_sums_zero properR properM R_M).
split=> [v /M_dead v_dead|v t same]; first by apply/eqP; rewrite canonical_dead.
have sums_vt k : rho R' v * sums L M v k = rho R' t * sums L M t k.
  case: k => [j|] /=; last exact: (lumpable_bias R'_lump).
  rewrite !(finer_sum L _ properR properM R_M) !mulr_sumr; apply: eq_bigr => k _.
  by rewrite mulrCA (lumpable_weight R'_lump same) mulrCA.
case v_live: (live L M v); last first.
  have t_dead : ~~ live L M t.
    rewrite live_sums negb_exists; apply/forallP=> k; rewrite negbK -(mulrI_eq0 _ (mulfI (lt0r_neq0 (R'_gt0 t)))) -sums_vt.
    by move: v_live; rewrite live_sums => /negbT; rewrite negb_exists => /forallP/(_ k); rewrite negbK => /eqP->; rewrite mulr0.
  have v_none : class (canonical L M) v = None by apply/eqP; rewrite canonical_dead v_live.
  have t_none : class (canonical L M) t = None by apply/eqP; rewrite canonical_dead.
  by rewrite v_none t_none.
have v_liveR : live L R v by apply: contraTT v_live; apply: (finer_sums_zero properR properM R_M).
have v_rt k : sums L M v k = rho R' t / rho R' v * sums L M t k.
  by apply: (mulfI (lt0r_neq0 (R'_gt0 v))); rewrite sums_vt mulrA mulrCA divff ?lt0r_neq0 // mulr1.
have r_gt0 : 0 < rho R' t / rho R' v by rewrite divr_gt0.
have same_keys : key L M v = key L M t.
  congr pair; first exact: (lumpable_activation R'_lump).
  by apply/same_key_iff_proportional; exists (rho R' t / rho R' v).
split=> [|_]; first exact/same_class.
have t_nz : exists k, sums L M t k != 0 by apply/existsP; rewrite -live_sums; apply: live_key v_live _.
rewrite /= (scale_mul r_gt0 t_nz v_rt) invfM invf_div mulrAC mulfVK ?lt0r_neq0 //.
exact: mulrC.
Qed.

Lemma maximum_from_coarsest S T (N : network S T) (R0 M0 : lump S) (R : lumping N) :
    proper R0 -> proper M0 -> finer R0 M0 -> lumpability_from R0 R ->
  refines R (maximum_from N M0).
Proof.
elim: N R0 M0 R => [//|{}S U {}T L N IH] R0 M0 R properR properM R_M /= [properR1 lumpR1 lumpR2].
have R1_M1 := canonical_coarsest properR properM R_M properR1 lumpR1.
split=> [v t same|]; first by have [] := R1_M1.2 v t same.
exact: IH (canonical_proper _ _) R1_M1 lumpR2.
Qed.

Lemma identity_proper S : proper (identity_lump F S).
Proof. by split=> // v; apply: ltr01. Qed.

Lemma identity_finer S : finer (identity_lump F S) (identity_lump F S).
Proof. by split=> // v t [->]. Qed.

Theorem theorem_2_maximum_exists S T (N : network S T) : is_maximum (maximum N).
Proof.
split=> [|R]; first exact: maximum_from_lumpability.
by apply: maximum_from_coarsest; [apply: identity_proper|apply: identity_proper|apply: identity_finer].
Qed.

Theorem theorem_2_maximum_unique S T (N : network S T) (R M : lumping N) :
  is_maximum R -> is_maximum M -> same_relation R M.
Proof. by move=> [lumpR maxR] [lumpM maxM]; split; [apply: maxM|apply: maxR]. Qed.

End Theorem2.
