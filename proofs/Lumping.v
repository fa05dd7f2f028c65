(* SPDX-License-Identifier: Apache-2.0 *)
(** This file is about proportional exact lumpability over a network (Definition 6) and the reduced network (Definition 7).

   lump S         an equivalence relation on the nodes S of one layer, with a representative for each class and the
                  function rho.  Nodes v and t are related when class R' v = class R' t.  The class None holds the dead
                  nodes, those whose weights and bias all sum to zero: their value is 0, and they are removed.
   class_sum      the sum of Definition 6, with the factor 1/rho that the paper's text omits (see Erratum.v)
   lumpable       Definition 6, for one layer
   lumping N      one lump for every layer between the inputs and the outputs
   quotient       Definition 7: N/R                                                                                *)
From mathcomp Require Import all_ssreflect ssralg ssrnum.
From Exactlump Require Import Paper.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory.
Local Open Scope ring_scope.

Section Lumping.
Variables (F : realFieldType) (Act : eqType).
Local Notation layer := (layer F Act).
Local Notation network := (network F Act).

Record lump (S : finType) := Lump {
  classes : finType;
  class : S -> option classes;
  representative : classes -> S;
  rho : S -> F }.

Arguments representative [S] _ _.

Definition proper S (R : lump S) :=
  (forall k, class R (representative R k) = Some k) /\ (forall v, 0 < rho R v).

(** On the inputs and on the outputs the only relation allowed is the identity. *)
Definition identity_lump (S : finType) := @Lump S S Some id (fun _ => 1).

Definition class_sum S T (L : layer S T) (R : lump S) (v : T) (k : classes R) : F :=
  \sum_(u | class R u == Some k) weight L u v / rho R u.

Arguments class_sum [S T] L R v k.

Definition live S T (L : layer S T) (R : lump S) (v : T) :=
  (bias L v != 0) || [exists k, class_sum L R v k != 0].

(** Definition 6, corrected, for one layer: R below it, R' on its own nodes. *)
Record lumpable S T (L : layer S T) (R : lump S) (R' : lump T) : Prop := Lumpable {
  lumpable_dead : forall v, (class R' v == None) = ~~ live L R v;
  lumpable_activation : forall v t, class R' v = class R' t -> live L R v -> activation L v = activation L t;
  lumpable_bias : forall v t, class R' v = class R' t -> rho R' v * bias L v = rho R' t * bias L t;
  lumpable_weight : forall v t, class R' v = class R' t ->
    forall k : classes R, rho R' v * class_sum L R v k = rho R' t * class_sum L R t k }.

Fixpoint lumping S T (N : network S T) : Type :=
  match N with
  | Last _ _ => unit
  | Then M _ _ N' => (lump M * lumping N')%type
  end.

(** Definition 6, corrected, for a network whose inputs carry R0. *)
Fixpoint lumpability_from S T (N : network S T) (R0 : lump S) : lumping N -> Prop :=
  match N with
  | Last _ _ => fun _ => True
  | Then _ _ L N' => fun R => [/\ proper R.1, lumpable L R0 R.1 & lumpability_from R.1 R.2]
  end.

Definition proportional_exact_lumpability S T (N : network S T) (R : lumping N) :=
  lumpability_from (identity_lump S) R.

(** Definition 7. *)
Definition quotient_layer S T (L : layer S T) (R : lump S) (R' : lump T) : layer (classes R) (classes R') :=
  Layer (fun k j => rho R (representative R k) *
           \sum_(w | class R w == Some k) weight L w (representative R' j) / rho R w)
        (fun j => bias L (representative R' j))
        (fun j => activation L (representative R' j)).

Fixpoint quotient_from S T (N : network S T) (R0 : lump S) : lumping N -> network (classes R0) T :=
  match N with
  | Last T L => fun _ => Last (quotient_layer L R0 (identity_lump T))
  | Then _ _ L N' => fun R => Then (quotient_layer L R0 R.1) (quotient_from R.1 R.2)
  end.

Definition quotient S T (N : network S T) (R : lumping N) : network S T :=
  quotient_from (identity_lump S) R.

End Lumping.

Arguments representative [F S] _ _.
Arguments class_sum [F Act S T] _ _ _ _.
