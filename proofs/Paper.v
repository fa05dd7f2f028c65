(* SPDX-License-Identifier: Apache-2.0 *)
(** This file is about neural networks as the paper defines them: Definitions 1, 2 and 3, over any real field.

   F             the numbers: any real field (instances: the rationals, and in RealNumbers.v the reals)
   Act, meaning  the activation functions: names, and the function that each name stands for
   layer S T     the edges from the nodes S to the nodes T, the biases, and the activation of every node
   network S T   one or more layers from the inputs S to the outputs T, of any widths
   eval N        the paper's [[N]]                                                                       *)
From mathcomp Require Import all_ssreflect ssralg ssrnum.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory.
Local Open Scope ring_scope.

Section Network.
Variables (F : realFieldType) (Act : eqType) (meaning : Act -> F -> F).

(** Definition 1: weight s t is W_l(s, t), the weight of the edge from s to t. *)
Record layer (S T : finType) := Layer {
  weight : S -> T -> F;
  bias : T -> F;
  activation : T -> Act }.

Inductive network (S : finType) : finType -> Type :=
| Last T (L : layer S T) : network S T
| Then T U (L : layer S T) (N : network T U) : network S U.

(** What a node computes before its activation. *)
Definition preactivation S T (L : layer S T) (v : S -> F) (t : T) : F :=
  \sum_s weight L s t * v s + bias L t.

(** Definition 2: one layer, from the values of the nodes below to the values of its own nodes. *)
Definition layer_semantics S T (L : layer S T) (v : S -> F) (t : T) : F :=
  meaning (activation L t) (preactivation L v t).

(** Definition 3: the network, by composition. *)
Fixpoint eval S T (N : network S T) : (S -> F) -> T -> F :=
  match N with
  | Last _ L => layer_semantics L
  | Then _ _ L N' => fun v => eval N' (layer_semantics L v)
  end.

End Network.
