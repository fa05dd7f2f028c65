(* SPDX-License-Identifier: Apache-2.0 *)
(** This file is about the unique maximum of Definition 5: of all proportional lumpabilities of a labelled graph, one is coarsest.

   is_maximum M     M is a proportional lumpability, and relates all states that any other one relates
   joined           two states that some proportional lumpability relates; the classes of the maximum are its transitive closure
   label class      the classes as states, one for each: there are finitely many such maps                                     *)
From mathcomp Require Import all_ssreflect ssralg ssrnum.
From Exactlump Require Import Maximum MaximumProof Markov.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory Num.Theory Order.POrderTheory.
Local Open Scope ring_scope.

Section Maximum.
Variables (F : realFieldType) (S : finType) (Q : S -> S -> F).

Definition lumpable (K : finType) (class : S -> K) := exists rho, proportional_lumpability Q class rho.

Definition is_maximum (K : finType) (M : S -> K) :=
  lumpable M /\ forall (K' : finType) (class : S -> K'), lumpable class -> forall v t, class v = class t -> M v = M t.

(** The vectors of flows into the states of one class are positively proportional. *)
Lemma lumpable_normal (K : finType) (class : S -> K) : lumpable class <->
  forall v t, class v = class t -> normal (flow Q class v) = normal (flow Q class t).
Proof.
split=> [[rho [rho_gt0 same]] v t v_t|same].
  apply/same_key_iff_proportional; exists (rho t / rho v) => [|k]; first exact: divr_gt0.
  by apply: (mulfI (lt0r_neq0 (rho_gt0 v))); rewrite (same v t v_t) mulrA mulrCA divff ?mulr1 // lt0r_neq0.
exists (fun v => (scale (flow Q class v))^-1); split=> [v|v t v_t k]; first by rewrite invr_gt0 scale_gt0.
by have /ffunP/(_ k) := same v t v_t; rewrite !ffunE ![_ / scale _]mulrC.
Qed.

Definition lumpable_map (c : {ffun S -> S}) :=
  [forall v, forall t, (c v == c t) ==> (normal (flow Q c v) == normal (flow Q c t))].

Definition joined v t := [exists c : {ffun S -> S}, lumpable_map c && (c v == c t)].

Definition maximum_class (v : S) : S := fingraph.root joined v.

Lemma joined_sym : connect_sym joined.
Proof.
by apply: sym_connect_sym => v t; apply/existsP/existsP=> -[c /andP[ok same]]; exists c; rewrite ok eq_sym.
Qed.

(** Flows from the classes of a coarser relation are proportional where those of a finer one are. *)
Lemma coarser_flow (c M : S -> S) v t : (forall u w, c u = c w -> M u = M w) ->
  normal (flow Q c v) = normal (flow Q c t) -> normal (flow Q M v) = normal (flow Q M t).
Proof.
move=> coarser /same_key_iff_proportional[r r_gt0 ratio]; apply/same_key_iff_proportional; exists r => // k.
rewrite /flow (partition_big c predT) //= [in RHS](partition_big c predT) //= mulr_sumr; apply: eq_bigr => j _.
case: (pickP [pred u | (M u == k) && (c u == j)]) => [w /andP[/eqP w_k /eqP w_j]|none]; last first.
  by rewrite !big_pred0 ?mulr0.
have whole u : (M u == k) && (c u == j) = (c u == j).
  by case: (c u =P j) => [u_j|_]; rewrite ?andbF // andbT -w_k; apply/eqP/coarser; rewrite u_j w_j.
by rewrite !(eq_bigl _ _ whole); apply: ratio.
Qed.

Lemma class_of_label (K : finType) (class : S -> K) (c : {ffun S -> S}) : (forall v t, (c v == c t) = (class v == class t)) ->
  lumpable class -> lumpable_map c.
Proof.
move=> same /lumpable_normal ok; apply/forallP=> v; apply/forallP=> t; apply/implyP; rewrite same => /eqP v_t; apply/eqP.
have /same_key_iff_proportional[r r_gt0 ratio] := ok v t v_t; apply/same_key_iff_proportional; exists r => // k.
rewrite /flow; case: (pickP [pred u | c u == k]) => [w /eqP w_k|none]; last by rewrite !big_pred0 ?mulr0.
by rewrite -w_k !(eq_bigl _ _ (fun u => same u w)); apply: ratio.
Qed.

Definition label (K : finType) (class : S -> K) : {ffun S -> S} := [ffun v => odflt v [pick u | class u == class v]].

Lemma label_class (K : finType) (class : S -> K) v t : (label class v == label class t) = (class v == class t).
Proof.
have same_class u : class (label class u) = class u.
  by rewrite ffunE; case: pickP => [w /eqP //|/(_ u)]; rewrite eqxx.
apply/eqP/eqP=> [same|same]; first by rewrite -same_class same same_class.
rewrite !ffunE (eq_pick (Q := fun u => class u == class t)) => [|u]; last by rewrite same.
by case: pickP => // /(_ t); rewrite eqxx.
Qed.

(** Definition 5 has a unique maximum, on every labelled graph. *)
Theorem maximum_proportional_lumpability_exists : is_maximum maximum_class.
Proof.
split=> [|K class ok v t v_t]; last first.
  apply/(fingraph.rootP joined_sym)/connect1/existsP; exists (label class).
  by rewrite (class_of_label (label_class class) ok) label_class v_t eqxx.
apply/lumpable_normal=> v t /(fingraph.rootP joined_sym) /connectP[path].
elim: path v => [v _ ->//|u path IH v /= /andP[/existsP[c /andP[ok c_vu]] rest] t_last].
rewrite -(IH u rest t_last); have := ok => /forallP/(_ v)/forallP/(_ u)/implyP/(_ c_vu)/eqP; apply: coarser_flow.
by move=> x y c_xy; apply/(fingraph.rootP joined_sym)/connect1/existsP; exists c; rewrite ok c_xy eqxx.
Qed.

Theorem maximum_proportional_lumpability_unique (K K' : finType) (M : S -> K) (M' : S -> K') :
  is_maximum M -> is_maximum M' -> forall v t, M v = M t <-> M' v = M' t.
Proof. by move=> [ok coarsest] [ok' coarsest'] v t; split; [apply: coarsest'|apply: coarsest]. Qed.

End Maximum.
