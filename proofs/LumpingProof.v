(* SPDX-License-Identifier: Apache-2.0 *)
(** This file is about Theorem 1: the reduced network computes the same function, for every input.

   The invariant: on every input, a node of class k has the value rho(rep)/rho(v) times the value of node k
   of the reduced network, and dead nodes have the value 0 (theorem T1).                                     *)
From mathcomp Require Import all_ssreflect ssralg ssrnum.
From Exactlump Require Import Paper Activation Lumping.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory Num.Theory Order.POrderTheory.
Local Open Scope ring_scope.

Section Theorem1.
Variables (F : realFieldType) (Act : eqType) (meaning : Act -> F -> F).
Hypothesis homogeneous : forall a, positively_homogeneous (meaning a).
Local Notation layer := (layer F Act).
Local Notation network := (network F Act).

Definition represents S (R : lump F S) (v : S -> F) (v' : classes R -> F) :=
  forall u, v u = if class R u is Some k then rho R (representative R k) / rho R u * v' k else 0.

Arguments represents [S] _ _ _.

(** Sums over nodes, class by class. *)
Lemma sum_by_class S (R : lump F S) (G : S -> classes R -> F) :
  \sum_u (if class R u is Some k then G u k else 0) = \sum_k \sum_(u | class R u == Some k) G u k.
Proof.
rewrite (exchange_big_dep predT) //=; apply: eq_bigr => u _.
case: (class R u) => [k|]; last by rewrite big_pred0.
by rewrite (big_pred1 k) // => j; rewrite eq_sym.
Qed.

Lemma represented_sum S T (L : layer S T) (R : lump F S) v v' t : represents R v v' ->
  \sum_u weight L u t * v u = \sum_k rho R (representative R k) * v' k * class_sum L R t k.
Proof.
move=> v_v'; pose G u (k : classes R) := weight L u t * (rho R (representative R k) / rho R u * v' k).
rewrite (eq_bigr (fun u => if class R u is Some k then G u k else 0)); last first.
  by move=> u _; rewrite v_v'; case: (class R u) => [//|]; rewrite mulr0.
rewrite sum_by_class; apply: eq_bigr => k _; rewrite mulr_sumr; apply: eq_bigr => u _.
by rewrite /G (mulrAC (rho _ _)) mulrCA.
Qed.

Lemma quotient_preactivation S T (L : layer S T) (R : lump F S) (R' : lump F T) v v' j : represents R v v' ->
  preactivation (quotient_layer L R R') v' j = preactivation L v (representative R' j).
Proof.
move=> v_v'; rewrite /preactivation (represented_sum _ _ v_v') /=; congr (_ + _).
by apply: eq_bigr => k _; rewrite mulrAC.
Qed.

Lemma dead_preactivation S T (L : layer S T) (R : lump F S) v v' t :
  represents R v v' -> ~~ live L R t -> preactivation L v t = 0.
Proof.
move=> v_v'; rewrite negb_or negbK negb_exists => /andP[/eqP b0 /forallP s0].
rewrite /preactivation (represented_sum _ _ v_v') b0 addr0 big1 // => k _.
by have := s0 k; rewrite negbK => /eqP->; rewrite mulr0.
Qed.

Lemma lumped_preactivation S T (L : layer S T) (R : lump F S) (R' : lump F T) v v' t k :
    represents R v v' -> proper R' -> lumpable L R R' -> class R' t = Some k ->
  preactivation L v t = rho R' (representative R' k) / rho R' t * preactivation L v (representative R' k).
Proof.
move=> v_v' [rep_class rho_gt0] lumpR' t_k; set r := representative R' k.
have t_r : class R' t = class R' r by rewrite t_k rep_class.
have rho_t : rho R' t != 0 by rewrite gt_eqF.
apply: (mulfI rho_t); rewrite mulrA mulrCA divff // mulr1.
rewrite /preactivation !(represented_sum _ _ v_v') !mulrDr (lumpable_bias lumpR' t_r); congr (_ + _).
rewrite !mulr_sumr; apply: eq_bigr => j _.
by rewrite mulrCA (lumpable_weight lumpR' t_r) mulrCA.
Qed.

Lemma layer_represents S T (L : layer S T) (R : lump F S) (R' : lump F T) v v' :
    represents R v v' -> proper R' -> lumpable L R R' ->
  represents R' (layer_semantics meaning L v) (layer_semantics meaning (quotient_layer L R R') v').
Proof.
move=> v_v' properR' lumpR' t; have [rep_class rho_gt0] := properR'.
rewrite /layer_semantics; case t_k: (class R' t) => [k|].
  have t_live : live L R t by rewrite -[live _ _ _]negbK -(lumpable_dead lumpR') t_k.
  rewrite (lumped_preactivation v_v' properR' lumpR' t_k) homogeneous ?divr_gt0 //.
  rewrite (quotient_preactivation _ _ v_v'); congr (_ * _); congr (meaning _ _).
  by apply: (lumpable_activation lumpR') t_live; rewrite t_k rep_class.
by rewrite (dead_preactivation v_v') ?homogeneous_0 // -(lumpable_dead lumpR') t_k.
Qed.

Lemma quotient_from_sound S T (N : network S T) (R0 : lump F S) (R : lumping N) v v' :
    represents R0 v v' -> lumpability_from R0 R ->
  eval meaning (quotient_from R0 R) v' =1 eval meaning N v.
Proof.
elim: N R0 R v v' => [{}S {}T L|{}S M {}T L N IH] R0 R v v' v_v' /= => [_ t|[? ? ?]].
  rewrite /= /layer_semantics; congr (meaning _ _).
  exact: (quotient_preactivation L (R' := identity_lump F T) t v_v').
by apply: IH => //; apply: layer_represents.
Qed.

Theorem theorem_1_semantics_preserved S T (N : network S T) (R : lumping N) :
  proportional_exact_lumpability R -> forall x t, eval meaning (quotient R) x t = eval meaning N x t.
Proof.
move=> lumpR x t; apply: quotient_from_sound lumpR t => u /=.
by rewrite divff ?mul1r ?oner_eq0.
Qed.

End Theorem1.

Arguments represents [F S] _ _ _.
