(* SPDX-License-Identifier: Apache-2.0 *)
(** This file is about the paper's Examples 1 and 3: what one node computes, and how one node is pruned.

   prune L N v t ratio   the network L, N without node t of the first layer, whose weights and bias are [ratio] times those of v:
                         t goes with all its edges, and its weight times the ratio is added to that of v, in the layer above *)
From mathcomp Require Import all_ssreflect ssralg ssrnum.
From Exactlump Require Import Paper Activation Simulation SimulationProof.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory.
Local Open Scope ring_scope.

Section Pruning.
Variables (F : realFieldType) (Act : eqType) (meaning : Act -> F -> F).
Local Notation layer := (layer F Act).
Local Notation network := (network F Act).

(** Example 1: node v of Figure 1 computes the ReLU of the weighted sum of its inputs plus its bias. *)
Theorem example_1_one_node (S T : finType) (L : layer S T) (x : S -> F) (v : T) :
    meaning (activation L v) =1 @relu F ->
  layer_semantics meaning L x v = Num.max (\sum_u weight L u v * x u + bias L v) 0.
Proof. by move=> is_relu; rewrite /layer_semantics is_relu. Qed.

Variables (S T : finType) (v t : T) (ratio : F).

Definition others : pred T := predC1 t.

Definition prune_above O (L : layer T O) : layer (kept others) O :=
  Layer (fun k o => if val k == v then weight L v o + ratio * weight L t o else weight L (val k) o) (bias L) (activation L).

Definition prune O (L : layer S T) (N : network T O) : network S O :=
  Then (remove_below others L) (on_first prune_above N).

Lemma sum_others (G : T -> F) : \sum_u G u = \sum_(k : kept others) G (val k) + G t.
Proof.
rewrite (bigD1 t) //= addrC; congr (_ + _).
rewrite (reindex_omap (val : kept others -> T) insub) => [|u u_t]; last by rewrite /= insubT.
by apply: eq_bigl => k; rewrite valK eqxx andbT; exact: (valP k).
Qed.

Lemma prune_above_semantics O (L : layer T O) h : v != t -> h t = ratio * h v ->
  layer_semantics meaning (prune_above L) (fun k => h (val k)) =1 layer_semantics meaning L h.
Proof.
move=> v_t t_v o; rewrite /layer_semantics /preactivation /= [in RHS]sum_others; congr (meaning _ (_ + _)).
have v_kept : others v by [].
pose k : kept others := exist _ v v_kept.
rewrite (bigD1 k) //= eqxx [in RHS](bigD1 k) //= mulrDl -!addrA; congr (_ + _).
rewrite addrC t_v mulrCA -mulrA; congr (_ + _); apply: eq_bigr => j j_k.
by rewrite (_ : val j == v = false) //; apply: contraNF j_k => /eqP j_v; apply/eqP/val_inj.
Qed.

(** Example 3: pruning a node whose incoming weights are proportional to those of another one changes nothing. *)
Theorem example_3_pruning_one_node O (L : layer S T) (N : network T O) :
    (forall a, positively_homogeneous (meaning a)) -> 0 < ratio -> v != t -> activation L t = activation L v ->
    (forall s, weight L s t = ratio * weight L s v) -> bias L t = ratio * bias L v ->
  forall x, eval meaning (prune L N) x =1 eval meaning (Then L N) x.
Proof.
move=> homogeneous ratio_gt0 v_t same weights biases x.
have t_v : layer_semantics meaning L x t = ratio * layer_semantics meaning L x v.
  rewrite /layer_semantics same -homogeneous // /preactivation biases mulrDr mulr_sumr; congr (meaning _ (_ + _)).
  by apply: eq_bigr => s _; rewrite weights mulrA.
by case: N => [O' L2|M O' L2 N'] o /=; [|apply: eval_eq => {}o]; apply: (@prune_above_semantics _ _ (layer_semantics meaning L x)).
Qed.

End Pruning.
