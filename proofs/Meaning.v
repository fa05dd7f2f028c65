(* SPDX-License-Identifier: Apache-2.0 *)
(** This file is about what the names of functions and operators stand for over the reals.  It holds definitions only.

   real x          the fraction x as a real number
   nearest y       the nearest integer, the even one of two
   real_meaning    all names; Coq's library has no erf, so any function may be put in its place, and any for opaque operators *)
From Coq Require Import List ZArith Reals.
From Exactlump Require Import Network Numbers.
Import ListNotations.
Local Open Scope R_scope.

Definition real (x : fraction) : R := IZR (fst x) / IZR (snd x).

Definition nearest (y : R) : Z :=
  let f := Int_part y in
  if Rlt_dec (y - IZR f) (1 / 2) then f
  else if Rlt_dec (1 / 2) (y - IZR f) then (f + 1)%Z
  else if Z.even f then f else (f + 1)%Z.

Definition clip (low high y : R) : R := Rmin (Rmax y low) high.

Section Meaning.
Variable erf : R -> R.
Variable opaque : Z -> list R -> list R.

Definition sigmoid (y : R) : R := / (1 + exp (- y)).

Definition real_function (n : name) (parameters : list fraction) (y : R) : R :=
  match n, map real parameters with
  | Clip, [a; b] => clip a b y
  | AtLeast, [a] => Rmax y a
  | AtMost, [a] => Rmin y a
  | HardSigmoid, [a; b] => clip 0 1 (a * y + b)
  | HardSwish, [] => y * clip 0 1 (y / 6 + 1 / 2)
  | ThresholdedRelu, [a] => if Rlt_dec a y then y else 0
  | Sign, [] => if Rlt_dec 0 y then 1 else if Rlt_dec y 0 then -1 else 0
  | BipolarSign, [] => if Rle_dec 0 y then 1 else -1
  | Floor, [] => IZR (Int_part y)
  | Ceil, [] => - IZR (Int_part (- y))
  | Round, [] => IZR (nearest y)
  | Quantize, [s; z; a; b] => s * (clip a b (IZR (nearest (y / s)) + z) - z)
  | QuantizeFloor, [s; z; a; b] => s * (clip a b (IZR (Int_part (y / s)) + z) - z)
  | Softsign, [] => y / (1 + Rabs y)
  | Elu, [a] => if Rle_dec 0 y then y else a * (exp y - 1)
  | Selu, [a; g] => if Rle_dec 0 y then g * y else g * (a * (exp y - 1))
  | Celu, [a] => if Rle_dec 0 y then y else a * (exp (y / a) - 1)
  | Gelu, [] => y * (1 + erf (y / sqrt 2)) / 2
  | GeluTanh, [] => y * (1 + tanh (sqrt (2 / PI) * (y + 44715 / 1000000 * (y * y * y)))) / 2
  | Silu, [] => y * sigmoid y
  | Mish, [] => y * tanh (ln (1 + exp y))
  | Softplus, [] => ln (1 + exp y)
  | LogSigmoid, [] => - ln (1 + exp (- y))
  | Tanh, [] => tanh y
  | Erf, [] => erf y
  | Sin, [] => sin y
  | Cos, [] => cos y
  | Exp, [] => exp y
  | Sigmoid, [] => sigmoid y
  | Surd, [d] => sqrt d * y
  | HardGate, [a; b] => y * clip 0 1 (a * y + b)
  | ErfGate, [a; c] => c * y * (1 + erf (a * y))
  | SoftplusAbove, [b; t] => if Rlt_dec t (b * y) then y else ln (1 + exp (b * y)) / b
  | _, _ => 0
  end.

Definition sum_of_exp (ys : list R) : R := fold_right (fun y total => exp y + total) 0 ys.

(** The place of the greatest, the first of several. *)
Fixpoint place_of_greatest (ys : list R) : nat * R :=
  match ys with
  | [] => (0%nat, 0)
  | [y] => (0%nat, y)
  | y :: rest => let (i, z) := place_of_greatest rest in if Rle_dec z y then (0%nat, y) else (S i, z)
  end.

Definition real_operator (o : operator) (ys : list R) : list R :=
  match o with
  | Softmax => map (fun y => exp y / sum_of_exp ys) ys
  | LogSoftmax => map (fun y => ln (exp y / sum_of_exp ys)) ys
  | ArgMax => [INR (fst (place_of_greatest ys))]
  | Opaque signature => opaque signature ys
  end.

Definition real_meaning : meaning Reals := Meaning Reals real_function real_operator.

End Meaning.
