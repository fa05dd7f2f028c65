(* SPDX-License-Identifier: Apache-2.0 *)
(** This file is about what a network file computes: the semantics that the checker's theorem speaks of.

   It holds definitions only.  Whoever wants to know what [check N N' c = true] promises reads this page and the
   statement in Main.v; everything else is checked by Coq.

   numbers     a field with an order; Numbers.v has the rationals and the reals
   network     integers only: layers of units, each with its edges from the layer below; one denominator a layer
   eval        the values of the outputs, for the values x of the inputs                                          *)
From Coq Require Import List ZArith Ring_theory.
Import ListNotations.

(** Numbers. *)
Record numbers := Numbers {
  carrier :> Type;
  zero : carrier;
  one : carrier;
  add : carrier -> carrier -> carrier;
  mul : carrier -> carrier -> carrier;
  opp : carrier -> carrier;
  inverse : carrier -> carrier;
  nonnegative : carrier -> bool }.

Arguments zero {_}.
Arguments one {_}.
Arguments add {_} _ _.
Arguments mul {_} _ _.
Arguments opp {_} _.
Arguments inverse {_} _.
Arguments nonnegative {_} _.

(** The laws of an ordered field. *)
Record ordered_field (F : numbers) : Prop := OrderedField {
  ring_laws : ring_theory (@zero F) one add mul (fun x y => add x (opp y)) opp eq;
  inverse_law : forall x : F, x <> zero -> mul x (inverse x) = one;
  distinct : one <> @zero F;
  order_total : forall x : F, nonnegative x = true \/ nonnegative (opp x) = true;
  order_antisymmetric : forall x : F, nonnegative x = true -> nonnegative (opp x) = true -> x = zero;
  order_add : forall x y : F, nonnegative x = true -> nonnegative y = true -> nonnegative (add x y) = true;
  order_mul : forall x y : F, nonnegative x = true -> nonnegative y = true -> nonnegative (mul x y) = true }.

Fixpoint of_positive {F : numbers} (p : positive) : F :=
  match p with
  | xH => one
  | xO q => add (of_positive q) (of_positive q)
  | xI q => add one (add (of_positive q) (of_positive q))
  end.

Definition of_Z {F : numbers} (z : Z) : F :=
  match z with
  | Z0 => zero
  | Zpos p => of_positive p
  | Zneg p => opp (of_positive p)
  end.

(** Activation functions.  Of the named ones nothing is known but the value at 0, where it is rational. *)
Inductive name := Sigmoid | Tanh | Softplus | Softsign | Erf | Sin | Cos | Exp.

Inductive function :=
| Leaky (numerator denominator : Z)     (* LeakyReLU; ReLU is Leaky 0 1, identity Leaky 1 1, abs Leaky (-1) 1 *)
| Named (n : name).

Inductive head := Softmax | LogSoftmax.

(** What the names stand for: any functions with the stated values at 0. *)
Record meaning (F : numbers) := Meaning {
  of_name : name -> F -> F;
  of_head : head -> list F -> list F;
  sigmoid_0 : mul (of_Z 2) (of_name Sigmoid zero) = one;
  zero_at_0 : forall n, In n [Tanh; Softsign; Erf; Sin] -> of_name n zero = zero;
  one_at_0 : forall n, In n [Cos; Exp] -> of_name n zero = one }.

Definition apply {F : numbers} (M : meaning F) (f : function) (y : F) : F :=
  match f with
  | Leaky num den => if nonnegative y then y else mul (mul (of_Z num) (inverse (of_Z den))) y
  | Named n => of_name F M n y
  end.

(** Networks.  An edge (u, w) reads unit u of the layer below, units being numbered from 0, with weight w. *)
Record neuron := Neuron {
  edges : list (N * Z);
  bias : Z;
  activation : function }.

Record layer := Layer {
  denominator : Z;
  neurons : list neuron }.

Record network := Network {
  inputs : nat;
  layers : list layer;
  last : option head }.

Definition weighted_sum {F : numbers} (es : list (N * Z)) (x : list F) : F :=
  fold_right (fun e rest => add (mul (of_Z (snd e)) (nth (N.to_nat (fst e)) x zero)) rest) zero es.

(** (sum of w x_u, plus the bias) / denominator *)
Definition preactivation {F : numbers} (d : Z) (n : neuron) (x : list F) : F :=
  mul (inverse (of_Z d)) (add (weighted_sum (edges n) x) (of_Z (bias n))).

Definition eval_layer {F : numbers} (M : meaning F) (L : layer) (x : list F) : list F :=
  map (fun n => apply M (activation n) (preactivation (denominator L) n x)) (neurons L).

Definition eval_layers {F : numbers} (M : meaning F) (Ls : list layer) (x : list F) : list F :=
  fold_left (fun y L => eval_layer M L y) Ls x.

Definition eval {F : numbers} (M : meaning F) (N : network) (x : list F) : list F :=
  let y := eval_layers M (layers N) x in
  match last N with
  | None => y
  | Some h => of_head F M h y
  end.
