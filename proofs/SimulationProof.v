(* SPDX-License-Identifier: Apache-2.0 *)
(** This file is about theorem T5: networks that are in simulation compute the same function; lumping, constant folding, dropping
   unobservable nodes and fusing affine layers are instances.                                                          *)
From mathcomp Require Import all_ssreflect ssralg ssrnum.
From Exactlump Require Import Paper Activation Lumping LumpingProof Simulation.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section Theorem5.
Variables (F : realFieldType) (Act : eqType) (meaning : Act -> F -> F).
Local Notation layer := (layer F Act).
Local Notation network := (network F Act).
Local Notation semantics := (layer_semantics meaning).
Local Notation relation := (relation F).
Local Notation simulation := (simulation meaning).
Implicit Types S T M O : finType.

Definition everything (S : finType) (_ : S -> F) := True.

Lemma semantics_eq S T (L : layer S T) h1 h2 : h1 =1 h2 -> semantics L h1 =1 semantics L h2.
Proof.
move=> h12 t; rewrite /layer_semantics /preactivation; congr (meaning _ (_ + _)).
by apply: eq_bigr => s _; rewrite h12.
Qed.

Lemma eval_eq S T (N : network S T) h1 h2 : h1 =1 h2 -> eval meaning N h1 =1 eval meaning N h2.
Proof. by elim: N h1 h2 => [*|{}S M {}T L N IH h1 h2 h12] /=; [apply: semantics_eq|apply/IH/semantics_eq]. Qed.

Lemma holds_eq S S' (R : relation S S') h1 h2 h' : h1 =1 h2 -> holds R h2 h' -> holds R h1 h'.
Proof. by move=> h12 [g h2_g]; exists g => s; rewrite h12 h2_g. Qed.

Lemma sum_delta (I : finType) (G : I -> F) i : \sum_k (i == k)%:R * G k = G i.
Proof.
rewrite (bigD1 i) //= eqxx mul1r big1 ?addr0 // => k; rewrite eq_sym => /negbTE->.
by rewrite mul0r.
Qed.

Lemma identity_value S (h' : S -> F) g : value (identity_relation F S) h' g =1 h'.
Proof. by move=> s; rewrite /value /= sum_delta addr0 big1 ?addr0 // => -[]. Qed.

Lemma identity_holds S (h h' : S -> F) : holds (identity_relation F S) h h' <-> h =1 h'.
Proof.
split=> [[g h_g] s|h_h']; first by rewrite h_g identity_value.
by exists (of_void F) => s; rewrite identity_value.
Qed.

Theorem simulation_sound S S' T (R : relation S S') D (N : network S T) (N' : network S' T) :
  simulation R D N N' -> forall h h', D h' -> holds R h h' -> eval meaning N h =1 eval meaning N' h'.
Proof.
elim=> {S S' T R D N N'} [S S' R D T L L' ok|S S' R D T T' O L L' N N' R' D' ok to _ IH
  |S S' R D T O L N N' R' ok _ IH|S S' R D T' O L' N N' R' D' ok to _ IH] h h' Dh' [g h_g] /=.
- have /identity_holds same := ok h' Dh' g.
  by move=> t; rewrite (semantics_eq L h_g) same.
- exact: (IH _ _ (to _ Dh') (holds_eq (semantics_eq L h_g) (ok h' Dh' g))).
- exact: (IH _ _ Dh' (holds_eq (semantics_eq L h_g) (ok h' Dh' g))).
- exact: (IH _ _ (to _ Dh') (holds_eq h_g (ok h' Dh' g))).
Qed.

Theorem theorem_5_simulation S T (D : (S -> F) -> Prop) (N N' : network S T) :
  simulation (identity_relation F S) D N N' -> forall x, D x -> eval meaning N x =1 eval meaning N' x.
Proof. by move=> sim x Dx; apply: (simulation_sound sim Dx); apply/identity_holds. Qed.

Lemma identity_preserves S T (L : layer S T) :
  preserves meaning L L (@everything S) (identity_relation F S) (identity_relation F T).
Proof. by move=> h' _ g; apply/identity_holds; apply: semantics_eq; apply: identity_value. Qed.

Lemma simulation_refl S T (N : network S T) : simulation (identity_relation F S) (@everything S) N N.
Proof.
elim: N => [{}S {}T L|{}S M {}T L N IH]; first exact/OnOutputs/identity_preserves.
exact: (OnBoth (identity_preserves L) _ IH).
Qed.

(** Lumping. *)
Lemma lump_holds S (R : lump F S) h h' : holds (lump_relation R) h h' <-> represents R h h'.
Proof.
have valueE g s : value (lump_relation R) h' g s =
    if class R s is Some k then rho R (representative R k) / rho R s * h' k else 0.
  rewrite /value /= !addr0 [X in _ + X]big1 ?addr0; last by case.
  case: (class R s) => [k|]; last by rewrite big1 // => k _; rewrite mul0r.
  rewrite (bigD1 k) //= eqxx big1 ?addr0 // => j j_k.
  by rewrite (inj_eq (@Some_inj _)) eq_sym (negbTE j_k) mul0r.
split=> [[g h_g] s|h_h']; first by rewrite h_g valueE.
by exists (of_void F) => s; rewrite valueE.
Qed.

Section Homogeneous.
Hypothesis homogeneous : forall a, positively_homogeneous (meaning a).

Theorem lumping_is_a_simulation S T (N : network S T) (R0 : lump F S) (R : lumping N) :
  lumpability_from R0 R -> simulation (lump_relation R0) (@everything (classes R0)) N (quotient_from R0 R).
Proof.
elim: N R0 R => [{}S {}T L|{}S M {}T L N IH] R0 R /=.
  move=> _; apply: OnOutputs => h' _ g; apply/identity_holds=> t.
  have /lump_holds v_h' : holds (lump_relation R0) (value (lump_relation R0) h' g) h' by exists g.
  rewrite /layer_semantics; congr (meaning _ _).
  exact/esym/(quotient_preactivation L (R' := identity_lump F T) t v_h').
move=> [properR lumpR restR]; apply: OnBoth (IH _ _ restR) => // h' _ g.
by apply/lump_holds; apply: layer_represents properR lumpR => //; apply/lump_holds; exists g.
Qed.

End Homogeneous.

(** What an affine map makes of a relation: the rule behind every affine node. *)
Lemma expansion S S' T (L : layer S T) (R : relation S S') h' g t :
  preactivation L (value R h' g) t =
  \sum_k (\sum_s weight L s t * E R s k) * h' k + (\sum_s weight L s t * e R s + bias L t)
  + \sum_j (\sum_s weight L s t * U R s j) * g j.
Proof.
rewrite /preactivation /value; under eq_bigr => s _ do rewrite !mulrDr !mulr_sumr.
rewrite !big_split /= exchange_big [X in _ + X + _]exchange_big /= addrAC; congr (_ + _).
  rewrite -addrA; congr (_ + _).
  by apply: eq_bigr => k _; rewrite mulr_suml; apply: eq_bigr => s _; rewrite mulrA.
by apply: eq_bigr => k _; rewrite mulr_suml; apply: eq_bigr => s _; rewrite mulrA.
Qed.

Lemma sum_pick (I : finType) (G : I -> F) i : \sum_k G k * (k == i)%:R = G i.
Proof. by rewrite -[RHS]sum_delta; apply: eq_bigr => k _; rewrite mulrC eq_sym. Qed.

Lemma simulation_on_first S S' T (R : relation S S') (f : forall O, layer S O -> layer S' O) (N : network S T) :
    (forall O (L : layer S O), preserves meaning L (f O L) (@everything S') R (identity_relation F O)) ->
  simulation R (@everything S') N (on_first f N).
Proof.
by case: N => [{}T L|M {}T L N] ok /=; [exact/OnOutputs/ok|exact: (OnBoth (ok _ _) _ (simulation_refl N))].
Qed.

(** Fusion. *)
Lemma affine_holds S T (L : layer S T) h : (forall t, meaning (activation L t) =1 id) ->
  holds (affine_relation L) (semantics L h) h.
Proof.
move=> is_affine; exists (of_void F) => t; rewrite /layer_semantics is_affine.
by rewrite /value /= [X in _ + X]big1 ?addr0 // => -[].
Qed.

Lemma fuse_preserves S T O (L1 : layer S T) (L2 : layer T O) :
  preserves meaning L2 (fuse_layers L1 L2) (@everything S) (affine_relation L1) (identity_relation F O).
Proof.
move=> h' _ g; apply/identity_holds=> o; rewrite /layer_semantics expansion /preactivation /=.
rewrite [X in _ + X]big1 ?addr0; last by case.
congr (meaning _ (_ + _)); apply: eq_bigr => s _; congr (_ * _).
by apply: eq_bigr => t _; rewrite mulrC.
Qed.

Theorem fuse_preserves_semantics S T O (L : layer S T) (N : network T O) :
    (forall t, meaning (activation L t) =1 id) ->
  forall x, eval meaning (Then L N) x =1 eval meaning (fuse L N) x.
Proof.
move=> is_affine x; apply: (@theorem_5_simulation _ _ (@everything S)) => //; apply: OnLeft.
  move=> h' _ g; apply: holds_eq (semantics_eq L (identity_value _ _)) (affine_holds h' is_affine).
by apply: simulation_on_first => M L2; apply: fuse_preserves.
Qed.

(** Removal of constant and of unobservable nodes. *)
Section Remove.
Variables (S T O : finType) (L : layer S T) (N : network T O).
Variables (keep unobservable : pred T) (constant : T -> F).
Hypothesis is_constant : forall t, ~~ keep t -> ~~ unobservable t -> forall h, semantics L h t = constant t.
Hypothesis is_unread : forall t, ~~ keep t -> unobservable t -> unread N t.

Lemma remove_below_preserves : preserves meaning L (remove_below keep L) (@everything S)
  (identity_relation F S) (removed_relation keep unobservable constant).
Proof.
move=> h' _ g; apply: holds_eq (semantics_eq L (identity_value h' g)) _.
exists (fun j => semantics L h' (val j) - constant (val j)) => t; rewrite /value /=.
case t_keep: (keep t).
  rewrite addr0 (bigD1 (exist _ t t_keep : kept keep)) //= eqxx mul1r big1 ?addr0 => [|k k_t]; last first.
    by rewrite (_ : t == val k = false) ?mul0r //; apply: contraNF k_t => /eqP t_k; apply/eqP/val_inj.
  rewrite big1 ?addr0 // => j _; rewrite (_ : t == val j = false) ?mul0r //.
  by apply/eqP=> t_j; case: j t_j => j /= /andP[_]; rewrite -[j]/(id j) => /negP + t_j; rewrite -t_j t_keep.
rewrite big1 ?add0r => [|k _]; last first.
  by rewrite (_ : t == val k = false) ?mul0r //; apply/eqP=> t_k; case: k t_k => k /= + t_k; rewrite -t_k t_keep.
case t_unobs: (unobservable t); last first.
  rewrite is_constant ?t_keep ?t_unobs // big1 ?addr0 // => j _.
  by rewrite (_ : t == val j = false) ?mul0r //; apply/eqP=> t_j; case: j t_j => j /= + t_j; rewrite -t_j t_unobs.
have t_dropped : unobservable t && ~~ keep t by rewrite t_unobs t_keep.
rewrite (bigD1 (exist _ t t_dropped : dropped keep unobservable)) //= eqxx mul1r big1 ?addr0 => [|j j_t].
  by rewrite addrC subrK.
by rewrite (_ : t == val j = false) ?mul0r //; apply: contraNF j_t => /eqP t_j; apply/eqP/val_inj.
Qed.

Lemma remove_above_preserves M (L2 : layer T M) :
    (forall t o, ~~ keep t -> unobservable t -> weight L2 t o = 0) ->
  preserves meaning L2 (remove_above keep constant L2) (@everything (kept keep))
    (removed_relation keep unobservable constant) (identity_relation F M).
Proof.
move=> no_weight h' _ g; apply/identity_holds=> o; rewrite /layer_semantics expansion /preactivation /=.
rewrite [X in _ + X]big1 ?addr0 => [|j _]; last first.
  by have /andP[j_unobs j_out] := valP j; rewrite sum_pick no_weight ?mul0r.
congr (meaning _ (_ + (_ + _))); first by apply: eq_bigr => k _; rewrite sum_pick.
by rewrite [RHS]big_mkcond; apply: eq_bigr => t _; case: (keep t); rewrite ?mulr0.
Qed.

Theorem remove_preserves_semantics x :
  eval meaning (Then L N) x =1 eval meaning (remove keep constant L N) x.
Proof.
apply: (@theorem_5_simulation _ _ (@everything S)) => //; apply: (OnBoth (D' := @everything _) remove_below_preserves) => //.
case: N is_unread => [{}O' L2|M O' L2 N'] unread_t /=.
  apply: OnOutputs; apply: remove_above_preserves => t o t_out t_unobs; exact: unread_t.
apply: (OnBoth _ _ (simulation_refl N')) => //; apply: remove_above_preserves => t o t_out t_unobs; exact: unread_t.
Qed.

End Remove.

End Theorem5.
