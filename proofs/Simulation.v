(* SPDX-License-Identifier: Apache-2.0 *)
(** This file is about simulations: the one kind of statement that every certificate makes (theorem T5).

   A relation R between the nodes S of a network N and the nodes S' of a network N' says

       h = E h' + e + U g      for some numbers g (one for each free unknown)

   where h are the values of S and h' those of S'.  A simulation is a relation for every pair of corresponding layers,
   the identity on the inputs and on the outputs, that every layer preserves.  N and N' need not be equally deep: a
   layer of N may be derived (computed from the same nodes of N' as the layer below it), and so may one of N'.

   remove         the network without some nodes: constants folded into the next biases, unobservable nodes dropped
   fuse           a layer with identity activation, multiplied into the layer above it                             *)
From mathcomp Require Import all_ssreflect ssralg ssrnum.
From Exactlump Require Import Paper Lumping.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory.
Local Open Scope ring_scope.

Section Simulation.
Variables (F : realFieldType) (Act : eqType) (meaning : Act -> F -> F).
Local Notation layer := (layer F Act).
Local Notation network := (network F Act).
Local Notation semantics := (layer_semantics meaning).

Record relation (S S' : finType) := Relation {
  unknowns : finType;
  E : S -> S' -> F;
  e : S -> F;
  U : S -> unknowns -> F }.

Arguments U [S S'] _ _ _.

Definition value S S' (R : relation S S') (h' : S' -> F) (g : unknowns R -> F) (s : S) : F :=
  \sum_k E R s k * h' k + e R s + \sum_j U R s j * g j.

Arguments value [S S'] _ _ _ _.

Definition holds S S' (R : relation S S') (h : S -> F) (h' : S' -> F) :=
  exists g : unknowns R -> F, h =1 value R h' g.

Arguments holds [S S'] _ _ _.

Definition identity_relation S : relation S S :=
  @Relation S S void_finType (fun s k => (s == k)%:R) (fun _ => 0) (fun _ _ => 0).

(** The obligations, one for each layer; D holds of the values that N' can have there. *)
Definition preserves (S T S' T' : finType) (L : layer S T) (L' : layer S' T') (D : (S' -> F) -> Prop)
    (R : relation S S') (R' : relation T T') :=
  forall h', D h' -> forall g : unknowns R -> F,
    holds R' (semantics L (value R h' g)) (semantics L' h').

Definition derives (S T S' : finType) (L : layer S T) (D : (S' -> F) -> Prop)
    (R : relation S S') (R' : relation T S') :=
  forall h', D h' -> forall g : unknowns R -> F,
    holds R' (semantics L (value R h' g)) h'.

Definition derives_right (S S' T' : finType) (L' : layer S' T') (D : (S' -> F) -> Prop)
    (R : relation S S') (R' : relation S T') :=
  forall h', D h' -> forall g : unknowns R -> F,
    holds R' (value R h' g) (semantics L' h').

Definition reaches (S' T' : finType) (L' : layer S' T') (D : (S' -> F) -> Prop) (D' : (T' -> F) -> Prop) :=
  forall h', D h' -> D' (semantics L' h').

Inductive simulation (S S' : finType) (R : relation S S') (D : (S' -> F) -> Prop) :
  forall T, network S T -> network S' T -> Prop :=
| OnOutputs T (L : layer S T) (L' : layer S' T) :
    preserves L L' D R (identity_relation T) ->
    simulation R D (Last L) (Last L')
| OnBoth T T' O (L : layer S T) (L' : layer S' T') (N : network T O) (N' : network T' O) R' D' :
    preserves L L' D R R' -> reaches L' D D' -> simulation R' D' N N' ->
    simulation R D (Then L N) (Then L' N')
| OnLeft T O (L : layer S T) (N : network T O) (N' : network S' O) (R' : relation T S') :
    derives L D R R' -> simulation R' D N N' ->
    simulation R D (Then L N) N'
| OnRight T' O (L' : layer S' T') (N : network S O) (N' : network T' O) (R' : relation S T') D' :
    derives_right L' D R R' -> reaches L' D D' -> simulation R' D' N N' ->
    simulation R D N (Then L' N').

(** Lumping as a relation: one positive entry a row, none for dead nodes. *)
Definition lump_relation S (R : lump F S) : relation S (classes R) :=
  @Relation S (classes R) void_finType
    (fun s k => if class R s == Some k then rho R (representative R k) / rho R s else 0)
    (fun _ => 0) (fun _ _ => 0).

(** Apply f to the first layer of a network. *)
Definition on_first S S' (f : forall T, layer S T -> layer S' T) T (N : network S T) : network S' T :=
  match N with
  | Last _ L => Last (f _ L)
  | Then _ _ L N' => Then (f _ L) N'
  end.

Section Remove.
Variables (T : finType) (keep unobservable : pred T) (constant : T -> F).

Definition kept : finType := [finType of {t : T | keep t}].
Definition dropped : finType := [finType of {t : T | unobservable t && ~~ keep t}].

Definition remove_below S (L : layer S T) : layer S kept :=
  Layer (fun s k => weight L s (val k)) (fun k => bias L (val k)) (fun k => activation L (val k)).

(** Constants go into the biases. *)
Definition remove_above O (L : layer T O) : layer kept O :=
  Layer (fun k o => weight L (val k) o)
        (fun o => \sum_(t | ~~ keep t) weight L t o * constant t + bias L o)
        (activation L).

Definition remove S O (L : layer S T) (N : network T O) : network S O :=
  Then (remove_below L) (on_first remove_above N).

(** Nobody reads an unobservable node. *)
Definition unread O (N : network T O) (t : T) :=
  match N with
  | Last _ L => forall o, weight L t o = 0
  | Then _ _ L _ => forall o, weight L t o = 0
  end.

Definition removed_relation : relation T kept :=
  @Relation T kept dropped (fun t k => (t == val k)%:R)
    (fun t => if keep t then 0 else constant t) (fun t j => (t == val j)%:R).

End Remove.

(** W2 (W1 h + b1) + b2 as one layer. *)
Definition fuse_layers S T O (L1 : layer S T) (L2 : layer T O) : layer S O :=
  Layer (fun s o => \sum_t weight L1 s t * weight L2 t o)
        (fun o => \sum_t weight L2 t o * bias L1 t + bias L2 o)
        (activation L2).

Definition fuse S T O (L : layer S T) (N : network T O) : network S O :=
  on_first (fun _ => fuse_layers L) N.

Definition affine_relation S T (L : layer S T) : relation T S :=
  @Relation T S void_finType (fun t s => weight L s t) (bias L) (fun _ _ => 0).

End Simulation.

Arguments U [F S S'] _ _ _.
Arguments value [F S S'] _ _ _ _.
Arguments holds [F S S'] _ _ _.
