(* SPDX-License-Identifier: Apache-2.0 *)
(** This file is about the algorithm behind Theorem 2: one pass from the first layer to the last, grouping nodes by a canonical key.

   sums L R v     the vector that Definition 6 compares: the bias of v and its class sums
   scale u        the absolute value of the first entry of u that is not zero (1 when there is none)
   normal u       u divided by its scale: the same for u and w exactly when they are positively proportional
   key L R v      the activation of v and its normalised vector
   maximum N      at every layer, nodes with equal keys form a class, represented by the first one that [pick] finds
   refines R M    every two nodes that R relates are related by M                                                 *)
From mathcomp Require Import all_ssreflect ssralg ssrnum.
From Exactlump Require Import Paper Lumping.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section Maximum.
Variables (F : realFieldType) (Act : eqType).
Local Notation layer := (layer F Act).
Local Notation network := (network F Act).
Local Notation lump := (lump F).
Implicit Types (S T : finType).

Definition scale (I : finType) (u : I -> F) := if [pick i | u i != 0] is Some i then `|u i| else 1.

Definition normal (I : finType) (u : I -> F) : {ffun I -> F} := [ffun i => u i / scale u].

(** The coordinate None is the bias. *)
Definition sums S T (L : layer S T) (R : lump S) (v : T) (k : option (classes R)) :=
  if k is Some k' then class_sum L R v k' else bias L v.

Definition key S T (L : layer S T) (R : lump S) (v : T) := (activation L v, normal (sums L (R := R) v)).

Definition leader S T (L : layer S T) (R : lump S) (v : T) : T :=
  odflt v [pick u | live L R u && (key L R u == key L R v)].

Definition canonical_classes S T (L : layer S T) (R : lump S) : finType :=
  [finType of {u : T | live L R u && (leader L R u == u)}].

Definition canonical S T (L : layer S T) (R : lump S) : lump T :=
  @Lump F T (canonical_classes L R)
    (fun v => if live L R v then insub (leader L R v) else None)
    val
    (fun v => (scale (sums L (R := R) v))^-1).

Fixpoint maximum_from S T (N : network S T) (R0 : lump S) : lumping N :=
  match N with
  | Last _ _ => tt
  | Then _ _ L N' => let R := canonical L R0 in (R, maximum_from N' R)
  end.

Definition maximum S T (N : network S T) : lumping N := maximum_from N (identity_lump F S).

(** R relates no more than M does, at every layer. *)
Fixpoint refines S T (N : network S T) : lumping N -> lumping N -> Prop :=
  match N with
  | Last _ _ => fun _ _ => True
  | Then _ _ _ N' => fun R M =>
      (forall v t, class R.1 v = class R.1 t -> class M.1 v = class M.1 t) /\ refines R.2 M.2
  end.

Definition same_relation S T (N : network S T) (R M : lumping N) := refines R M /\ refines M R.

Definition is_maximum S T (N : network S T) (M : lumping N) :=
  proportional_exact_lumpability M /\ forall R : lumping N, proportional_exact_lumpability R -> refines R M.

End Maximum.

Arguments sums [F Act S T] _ _ _ _.
