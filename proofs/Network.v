(* SPDX-License-Identifier: Apache-2.0 *)
(** This file is about what a network file computes: the semantics that the checker's theorem speaks of.

   It holds definitions only.  Whoever wants to know what [check N N' c = true] promises reads this page, the meaning of
   the functions in Meaning.v, and the statement in Main.v; everything else is checked by Coq.

   numbers     a field with an order; Numbers.v has the rationals and the reals
   register    the value of one element of one tensor; registers are numbered from 0, the inputs first
   node        what defines the next register, or the next few, by earlier ones; integers only
   network     nodes in order; convolutions, pools, sums and the like are written out element by element
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

Definition fraction := (Z * Z)%type.

Definition of_fraction {F : numbers} (x : fraction) : F := mul (of_Z (fst x)) (inverse (of_Z (snd x))).

(** Activation functions.  What the names stand for is said by [meaning]; Meaning.v has that of the reals. *)
Inductive name :=
| Clip | AtLeast | AtMost | HardSigmoid | HardSwish | ThresholdedRelu | Sign | BipolarSign | Floor | Ceil | Round
| Quantize | QuantizeFloor | Softsign | Elu | Selu | Celu | Gelu | GeluTanh | Silu | Mish | Softplus | LogSigmoid
| Tanh | Erf | Sin | Cos | Exp | Sigmoid | Surd | HardGate | ErfGate | SoftplusAbove.

Inductive function :=
| Leaky (slope : fraction)                          (* LeakyReLU; ReLU has slope 0, the identity 1, abs -1 *)
| Named (n : name) (parameters : list fraction).

(** Functions of several numbers, with several results. *)
Inductive operator :=
| Softmax | LogSoftmax | ArgMax
| Opaque (signature : Z).                           (* any function, the same for equal signatures *)

Record meaning (F : numbers) := Meaning {
  of_name : name -> list fraction -> F -> F;
  of_operator : operator -> list F -> list F }.

Definition apply {F : numbers} (M : meaning F) (f : function) (y : F) : F :=
  match f with
  | Leaky slope => if nonnegative y then y else mul (of_fraction slope) y
  | Named n parameters => of_name F M n parameters y
  end.

(** Networks.  A neuron's edge (u, w) reads, with weight w, the u-th register after the one where the neuron starts to read. *)
Record neuron := Neuron {
  edges : list (N * Z);
  bias : Z;
  denominator : Z;
  activation : function }.

Inductive node :=
| Unit (start : N) (n : neuron)                               (* one register *)
| Greatest (start : N) (us : list N)                          (* one register: the greatest of several *)
| Apply (o : operator) (results : nat) (us : list N).         (* as many registers as results *)

Record network := Network {
  inputs : nat;
  nodes : list node;
  outputs : list N }.

Definition register {F : numbers} (ys : list F) (start u : N) : F := nth (N.to_nat (start + u)) ys zero.

Definition weighted_sum {F : numbers} (ys : list F) (start : N) (es : list (N * Z)) : F :=
  fold_right (fun e rest => add (mul (of_Z (snd e)) (register ys start (fst e))) rest) zero es.

(** (sum of w y_u, plus the bias) / denominator *)
Definition preactivation {F : numbers} (ys : list F) (start : N) (n : neuron) : F :=
  mul (inverse (of_Z (denominator n))) (add (weighted_sum ys start (edges n)) (of_Z (bias n))).

Definition greater {F : numbers} (x y : F) : F := if nonnegative (add x (opp y)) then x else y.

Definition greatest {F : numbers} (ys : list F) : F :=
  match ys with
  | [] => zero
  | y :: rest => fold_left greater rest y
  end.

Definition node_values {F : numbers} (M : meaning F) (ys : list F) (v : node) : list F :=
  match v with
  | Unit start n => [apply M (activation n) (preactivation ys start n)]
  | Greatest start us => [greatest (map (register ys start) us)]
  | Apply o results us =>
      let zs := of_operator F M o (map (register ys 0) us) in map (fun i => nth i zs zero) (seq 0 results)
  end.

(** All registers: the inputs x, then what the nodes define. *)
Definition run {F : numbers} (M : meaning F) (vs : list node) (x : list F) : list F :=
  fold_left (fun ys v => ys ++ node_values M ys v) vs x.

Definition eval {F : numbers} (M : meaning F) (N : network) (x : list F) : list F :=
  map (register (run M (nodes N) x) 0) (outputs N).
