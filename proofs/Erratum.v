(* SPDX-License-Identifier: Apache-2.0 *)
(** This file is about two corrections to Definition 6, each with a small network that shows the need for it.

   1. As printed, Definition 6 sums the weights W_l(u, v) without the factor 1/rho_{l-1}(u) that Definition 7 has.
      On a 1-2-2-1 network the reduced network then answers 2 where the network answers 3.
   2. With the factor, but with dead nodes counted as members of classes, there is no maximum: on a 1-2-3-1 network
      the pairs (v, t) and (t, s) can each be related, but never both.                                             *)
From mathcomp Require Import all_ssreflect ssralg ssrnum.
From Exactlump Require Import Paper Activation Lumping LumpingProof Maximum.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory Num.Theory Order.POrderTheory.
Local Open Scope ring_scope.

Section Variants.
Variables (F : realFieldType) (Act : eqType).
Local Notation layer := (layer F Act).
Local Notation network := (network F Act).
Local Notation lump := (lump F).

(** The sum in Definition 6 as printed. *)
Definition printed_sum S T (L : layer S T) (R : lump S) (v : T) (k : classes R) : F :=
  \sum_(u | class R u == Some k) weight L u v.

(** The sum with the factor, and with dead nodes as members of classes. *)
Definition counting_sum := @class_sum F Act.

Definition summation := forall S T, layer S T -> forall R : lump S, T -> classes R -> F.

(** Definition 6 for one layer, with a given way to sum; every node belongs to a class. *)
Record lumpable_by (sum : summation) S T (L : layer S T) (R : lump S) (R' : lump T) : Prop := LumpableBy {
  by_total : forall v, class R' v <> None;
  by_activation : forall v t, class R' v = class R' t -> activation L v = activation L t;
  by_bias : forall v t, class R' v = class R' t -> rho R' v * bias L v = rho R' t * bias L t;
  by_weight : forall v t, class R' v = class R' t ->
    forall k : classes R, rho R' v * sum S T L R v k = rho R' t * sum S T L R t k }.

Fixpoint lumpability_by_from (sum : summation) S T (N : network S T) (R0 : lump S) : lumping N -> Prop :=
  match N with
  | Last _ _ => fun _ => True
  | Then _ _ L N' => fun R => [/\ proper R.1, lumpable_by sum L R0 R.1 & lumpability_by_from sum R.1 R.2]
  end.

Definition printed_definition_6 S T (N : network S T) (R : lumping N) :=
  lumpability_by_from printed_sum (identity_lump F S) R.

Definition definition_6_counting_dead S T (N : network S T) (R : lumping N) :=
  lumpability_by_from counting_sum (identity_lump F S) R.

End Variants.

Lemma big_unit (F : realFieldType) (G : unit -> F) : \sum_u G u = G tt.
Proof. by rewrite (big_pred1 tt) // => -[]. Qed.

Lemma big_unit_if (F : realFieldType) (P : pred unit) (G : unit -> F) : \sum_(u | P u) G u = if P tt then G tt else 0.
Proof. by rewrite big_mkcond big_unit. Qed.

Lemma big_bool_if (F : realFieldType) (P : pred bool) (G : bool -> F) :
  \sum_(u | P u) G u = (if P true then G true else 0) + (if P false then G false else 0).
Proof. by rewrite big_mkcond big_bool. Qed.

Section Printed.
Variable F : realFieldType.
Local Notation layer := (layer F unit_eqType).

(** The one activation function of both examples is ReLU. *)
Definition only_relu (_ : unit_eqType) : F -> F := @relu F.

(** a = relu(x), a' = relu(2x); v = relu(a), t = relu(a'); output relu(v + t). *)
Definition doubling : layer unit_finType bool_finType :=
  Layer (fun _ a => if a then 2%:R else 1) (fun _ => 0) (fun _ => tt).
Definition copying : layer bool_finType bool_finType :=
  Layer (fun a v => if a == v then 1 else 0) (fun _ => 0) (fun _ => tt).
Definition adding : layer bool_finType unit_finType := Layer (fun _ _ => 1) (fun _ => 0) (fun _ => tt).
Definition network_1221 := Then doubling (Then copying (Last adding)).

(** Both hidden layers become one class; rho(a) = 2, rho(a') = 1, rho(v) = rho(t) = 1. *)
Definition one_class (ratio : F) : lump F bool_finType :=
  @Lump F bool_finType unit_finType (fun _ => Some tt) (fun _ => false) (fun a => if a then 1 else ratio).
Definition lumping_1221 : lumping network_1221 := (one_class 2%:R, (one_class 1, tt)).

Lemma one_class_proper ratio : 0 < ratio -> proper (one_class ratio).
Proof. by move=> ratio_gt0; split=> [[]|[]] //=; apply: ltr01. Qed.

Lemma relu_nat n : relu n%:R = n%:R :> F.
Proof. by rewrite relu_leaky /leaky ler0n. Qed.

Lemma relu_1 : relu 1 = 1 :> F. Proof. by have := relu_nat 1; rewrite mulr1n. Qed.

Lemma printed_1221 : printed_definition_6 lumping_1221.
Proof.
split; [apply: one_class_proper; exact: ltr0Sn| |split=> //; [apply: one_class_proper; exact: ltr01|]].
- split=> [//|//|v t _|] /=; first by rewrite !mulr0.
  by move=> [] [] _ []; rewrite /printed_sum !big_unit_if /= ?mul1r ?mulr1.
- split=> [//|//|v t _|v t _ k] /=; first by rewrite !mulr0.
  by case: k; case: v; case: t; rewrite /printed_sum !big_bool_if /= ?add0r ?addr0.
Qed.

Lemma network_1221_at_1 : eval only_relu network_1221 (fun _ => 1) tt = 3%:R.
Proof.
rewrite /= /layer_semantics /preactivation /= big_bool /= /layer_semantics /preactivation /= !big_bool /=.
rewrite /layer_semantics /preactivation /= !big_unit /only_relu.
rewrite !(mul0r, mul1r, add0r, addr0, mulr1) !(relu_nat, relu_1).
by rewrite -mulrSr relu_nat.
Qed.

Lemma quotient_1221_at_1 : eval only_relu (quotient lumping_1221) (fun _ => 1) tt = 2%:R.
Proof.
rewrite /= /layer_semantics /preactivation /= big_unit /= /layer_semantics /preactivation /= big_unit /=.
rewrite /layer_semantics /preactivation /= !big_unit /= /only_relu !big_bool_if /=.
have two_nz : 2%:R != 0 :> F by rewrite gt_eqF ?ltr0Sn.
rewrite !(mul0r, add0r, addr0, mul1r, mulr1, invr1, relu_1) divff // relu_1 mulr1.
by rewrite -mulr2n relu_nat.
Qed.

Theorem printed_definition_6_is_unsound :
  printed_definition_6 lumping_1221 /\
  eval only_relu (quotient lumping_1221) (fun _ => 1) tt <> eval only_relu network_1221 (fun _ => 1) tt.
Proof.
by split; [exact: printed_1221|rewrite quotient_1221_at_1 network_1221_at_1; apply/eqP; rewrite eqr_nat].
Qed.

End Printed.

Section Dead.
Variable F : realFieldType.
Local Notation layer := (layer F unit_eqType).

(** z = z' = 0 are dead; v = z + 1, t = z' + 1, s = 2 z + 1. *)
Definition dead_pair : layer unit_finType bool_finType := Layer (fun _ _ => 0) (fun _ => 0) (fun _ => tt).
Definition v : option bool := None.
Definition t : option bool := Some false.
Definition s : option bool := Some true.
Definition above (z : bool) (n : option bool) : F :=
  if z then (if n is Some false then 1 else 0) else (match n with None => 1 | Some true => 2%:R | Some false => 0 end).
Definition three : layer bool_finType [finType of option bool] := Layer above (fun _ => 1) (fun _ => tt).
Definition sum_of_three : layer [finType of option bool] unit_finType := Layer (fun _ _ => 1) (fun _ => 0) (fun _ => tt).
Definition network_1231 := Then dead_pair (Then three (Last sum_of_three)).

(** One class of dead nodes with rho(z) = ratio, rho(z') = 1; above it two classes, by the predicate P. *)
Definition pair_class (P : option bool -> bool) (one other : option bool) : lump F [finType of option bool] :=
  @Lump F [finType of option bool] bool_finType (fun n => Some (P n)) (fun k => if k then one else other) (fun _ => 1).
Definition relating_v_t : lumping network_1231 := (one_class 1, (pair_class (fun n => n == s) s v, tt)).
Definition relating_t_s : lumping network_1231 := (one_class 2%:R, (pair_class (fun n => n == v) v t, tt)).

Lemma dead_pair_lumpable ratio : lumpable_by (@counting_sum F _) dead_pair (identity_lump F _) (one_class ratio).
Proof.
split=> [//|//|n m _|n m _ k] /=; first by rewrite !mulr0.
by rewrite /counting_sum /class_sum /= !big1 ?mulr0 // => u _; rewrite mul0r.
Qed.

Lemma relating_v_t_valid : definition_6_counting_dead relating_v_t.
Proof.
split; [exact/one_class_proper/ltr01|exact: dead_pair_lumpable|split=> //].
  by split=> [[]|u]; rewrite //= ltr01.
split=> [//|//|//|] [[]|] [[]|] // _ []; rewrite /counting_sum /class_sum /= !big_bool_if /=;
  by rewrite ?mul0r ?addr0 ?add0r.
Qed.

Lemma relating_t_s_valid : definition_6_counting_dead relating_t_s.
Proof.
split; [exact/one_class_proper/ltr0Sn|exact: dead_pair_lumpable|split=> //].
  by split=> [[]|u]; rewrite //= ltr01.
split=> [//|//|//|] [[]|] [[]|] // _ []; rewrite /counting_sum /class_sum /= !big_bool_if /=;
  by rewrite ?mul0r ?addr0 ?add0r ?divr1 ?divff // gt_eqF ?ltr0Sn.
Qed.

Lemma v_s_unrelated (M : lumping network_1231) : definition_6_counting_dead M -> class M.2.1 v <> class M.2.1 s.
Proof.
case=> [[_ rho_gt0] below [[_ rho_gt0_above] above_ok _]] v_s.
have [k z_k] : exists k, class M.1 false = Some k.
  by case z: (class M.1 false) => [k|]; [exists k|case: (by_total below z)].
have := by_weight above_ok v_s k; have := by_bias above_ok v_s; rewrite /= !mulr1 => ->.
move/(mulfI (lt0r_neq0 (rho_gt0_above s))); rewrite /counting_sum /class_sum !big_bool_if z_k eqxx /=.
rewrite !mul0r !if_same !add0r; have inv_nz : (rho M.1 false)^-1 != 0 by rewrite invr_neq0 ?lt0r_neq0.
by move/(mulIf inv_nz)/eqP; rewrite -[X in X == _]mulr1n eqr_nat.
Qed.

Theorem no_maximum_if_dead_nodes_count :
  ~ exists M : lumping network_1231, definition_6_counting_dead M /\
      forall R : lumping network_1231, definition_6_counting_dead R -> refines R M.
Proof.
case=> M [valid maximal]; apply: (v_s_unrelated valid).
have [_ [/(_ v t erefl) -> _]] := maximal _ relating_v_t_valid.
by have [_ [/(_ t s erefl) -> _]] := maximal _ relating_t_s_valid.
Qed.

End Dead.
