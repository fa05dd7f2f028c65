(* SPDX-License-Identifier: Apache-2.0 *)
(** This file is about what the checker knows of activation functions: tables over fractions of integers, as in exactlump/check.py
   and docs/activations.md.  Meaning.v proves every row of them for the functions of real numbers.

   is_proper       the parameters are what the function takes
   symmetry_of     with which c a function commutes
   scalings        the c/q with sigma(c/q y) = p/q sigma(y) for all y
   value_at        the value at a fraction, where it is known to be rational
   twin_of         L with sigma(y) - sigma(-y) = L y for all y
   never_negative, linear_above, zero_below     sigma(y) >= 0;  sigma(y) = y for y >= 0;  sigma(y) = 0 for y <= 0

   Fractions have positive denominators; they are not reduced.                                                     *)
From Coq Require Import List Bool ZArith.
From Exactlump Require Import Network.
Import ListNotations.
Local Open Scope Z_scope.

(** --- Fractions --- *)

Definition is_positive (z : Z) : bool := Z.zero <? z.
Definition is_integer (z : Z) : fraction := (z, Z.one).

Definition two := Z.one + Z.one.   (* digits other than 0 and 1 are not extracted *)
Definition six := two * (two + Z.one).

Definition zero_fraction := is_integer Z.zero.
Definition one_fraction := is_integer Z.one.

Definition at_most (x y : fraction) : bool := fst x * snd y <=? fst y * snd x.
Definition same_fraction (x y : fraction) : bool := fst x * snd y =? fst y * snd x.
Definition minus (x : fraction) : fraction := (- fst x, snd x).
Definition plus (x y : fraction) : fraction := (fst x * snd y + fst y * snd x, snd x * snd y).
Definition times (x y : fraction) : fraction := (fst x * fst y, snd x * snd y).
Definition least (x y : fraction) : fraction := if at_most x y then x else y.
Definition most (x y : fraction) : fraction := if at_most y x then x else y.
Definition clipped (low high y : fraction) : fraction := least (most y low) high.

Definition floor (x : fraction) : Z := fst x / snd x.

(** The nearest integer, the even one of two. *)
Definition round (x : fraction) : Z :=
  let f := floor x in
  let twice := two * (fst x - f * snd x) in
  if twice <? snd x then f
  else if snd x <? twice then f + Z.one
  else if two * (f / two) =? f then f else f + Z.one.

(** s (min(max(n + z, a), b) - z) *)
Definition quantized (n : Z) (s z a b : fraction) : fraction :=
  times s (plus (clipped a b (plus (is_integer n) z)) (minus z)).

(** y/s, s being positive *)
Definition divided (y s : fraction) : fraction := (fst y * snd s, snd y * fst s).

(** --- Functions --- *)

Definition same_name (a b : name) : bool :=
  match a, b with
  | Clip, Clip | AtLeast, AtLeast | AtMost, AtMost | HardSigmoid, HardSigmoid | HardSwish, HardSwish
  | ThresholdedRelu, ThresholdedRelu | Sign, Sign | BipolarSign, BipolarSign | Floor, Floor | Ceil, Ceil | Round, Round
  | Quantize, Quantize | QuantizeFloor, QuantizeFloor | Softsign, Softsign | Elu, Elu | Selu, Selu | Celu, Celu
  | Gelu, Gelu | GeluTanh, GeluTanh | Silu, Silu | Mish, Mish | Softplus, Softplus | LogSigmoid, LogSigmoid
  | Tanh, Tanh | Erf, Erf | Sin, Sin | Cos, Cos | Exp, Exp | Sigmoid, Sigmoid | Surd, Surd
  | HardGate, HardGate | ErfGate, ErfGate | SoftplusAbove, SoftplusAbove => true
  | _, _ => false
  end.

Fixpoint same_fractions (xs ys : list fraction) : bool :=
  match xs, ys with
  | [], [] => true
  | x :: xs', y :: ys' => (fst x =? fst y) && (snd x =? snd y) && same_fractions xs' ys'
  | _, _ => false
  end.

Definition same_function (f g : function) : bool :=
  match f, g with
  | Leaky s, Leaky t => same_fractions [s] [t]
  | Named a ps, Named b qs => same_name a b && same_fractions ps qs
  | _, _ => false
  end.

Definition is_proper (f : function) : bool :=
  match f with
  | Leaky s => is_positive (snd s)
  | Named n ps =>
      forallb (fun p => is_positive (snd p)) ps &&
      match n, ps with
      | Clip, [a; b] => at_most a b
      | Celu, [a] => negb (fst a =? Z.zero)
      | Surd, [d] => is_positive (fst d) && (snd d =? Z.one)
      | (Quantize | QuantizeFloor), [s; z; a; b] =>
          is_positive (fst s) && (snd z =? Z.one) && (snd a =? Z.one) && (snd b =? Z.one) && at_most a b
      | SoftplusAbove, [b; _] => is_positive (fst b)
      | (AtLeast | AtMost | ThresholdedRelu | Elu), [_] | (HardSigmoid | Selu | HardGate | ErfGate), [_; _] => true
      | (HardSwish | Sign | BipolarSign | Floor | Ceil | Round | Softsign | Gelu | GeluTanh | Silu | Mish | Softplus
         | LogSigmoid | Tanh | Erf | Sin | Cos | Exp | Sigmoid), [] => true
      | _, _ => false
      end
  end.

Definition is_identity (f : function) : bool :=
  match f with
  | Leaky s => fst s =? snd s
  | Named _ _ => false
  end.

Inductive symmetry :=
| OnlyOne       (* sigma(y) = sigma(y) *)
| Odd           (* sigma(-y) = - sigma(y) *)
| Even          (* sigma(-y) = sigma(y) *)
| Positive      (* sigma(c y) = c sigma(y), c > 0 *)
| Linear        (* Positive and Odd *)
| Size          (* Positive and Even *)
| BySign        (* sigma(c y) = sigma(y), c > 0, and Odd *)
| ByStep.       (* sigma(c y) = sigma(y), c > 0 *)

Definition symmetry_of (f : function) : symmetry :=
  match f with
  | Leaky s => if fst s =? snd s then Linear else if fst s =? - snd s then Size else Positive
  | Named (AtLeast | AtMost | ThresholdedRelu) [a] => if fst a =? Z.zero then Positive else OnlyOne
  | Named Clip [a; b] => if same_fraction a (minus b) then Odd else OnlyOne
  | Named (Round | Softsign | Tanh | Erf | Sin) _ => Odd
  | Named Cos _ => Even
  | Named Surd _ => Linear
  | Named Sign _ => BySign
  | Named BipolarSign _ => ByStep
  | _ => OnlyOne
  end.

(** All c, of the size of p, with sigma(c/q y) = p/q sigma(y) for all y. *)
Definition scalings (s : symmetry) (p q : Z) : list Z :=
  let one := p =? q in
  let size := one || (p =? - q) in
  match s with
  | OnlyOne | ByStep => if one then [p] else []
  | Odd | BySign => if size then [p] else []
  | Even => if one then [p; - p] else []
  | Positive => if is_positive p then [p] else []
  | Linear => if p =? Z.zero then [] else [p]
  | Size => if is_positive p then [p; - p] else []
  end.

Definition size_blind (s : symmetry) : bool :=
  match s with
  | BySign | ByStep => true
  | _ => false
  end.

Definition value_at (f : function) (y : fraction) : option fraction :=
  let at_zero v := if fst y =? Z.zero then Some v else None in
  match f with
  | Leaky s => Some (if Z.zero <=? fst y then y else times s y)
  | Named n ps =>
      match n, ps with
      | Clip, [a; b] => Some (clipped a b y)
      | AtLeast, [a] => Some (most y a)
      | AtMost, [a] => Some (least y a)
      | HardSigmoid, [a; b] => Some (clipped zero_fraction one_fraction (plus (times a y) b))
      | HardSwish, [] => Some (times y (clipped zero_fraction one_fraction (plus (times (Z.one, six) y) (Z.one, two))))
      | ThresholdedRelu, [a] => Some (if at_most y a then zero_fraction else y)
      | Sign, [] => Some (is_integer (if is_positive (fst y) then Z.one else if fst y =? Z.zero then Z.zero else - Z.one))
      | BipolarSign, [] => Some (is_integer (if Z.zero <=? fst y then Z.one else - Z.one))
      | Floor, [] => Some (is_integer (floor y))
      | Ceil, [] => Some (is_integer (- floor (minus y)))
      | Round, [] => Some (is_integer (round y))
      | Quantize, [s; z; a; b] => Some (quantized (round (divided y s)) s z a b)
      | QuantizeFloor, [s; z; a; b] => Some (quantized (floor (divided y s)) s z a b)
      | Softsign, [] => Some (fst y, snd y + Z.abs (fst y))
      | (Elu | Celu), [_] => if Z.zero <=? fst y then Some y else None
      | Selu, [_; g] => if Z.zero <=? fst y then Some (times g y) else None
      | (Gelu | GeluTanh | Silu | Mish | Tanh | Erf | Sin), [] => at_zero zero_fraction
      | (Cos | Exp), [] => at_zero one_fraction
      | Sigmoid, [] => at_zero (Z.one, two)
      | Surd, [d] => if fst d =? Z.one then Some y else at_zero zero_fraction
      | HardGate, [a; b] => Some (times y (clipped zero_fraction one_fraction (plus (times a y) b)))
      | ErfGate, [_; _] => at_zero zero_fraction
      | SoftplusAbove, [b; t] => if at_most (times b y) t then None else Some y
      | _, _ => None
      end
  end.

Definition twin_of (f : function) : option fraction :=
  match f with
  | Leaky s => Some (plus one_fraction s)
  | Named (AtMost | ThresholdedRelu) [a] => if fst a =? Z.zero then Some one_fraction else None
  | Named (Gelu | GeluTanh | Silu | Softplus | LogSigmoid | HardSwish) _ => Some one_fraction
  | _ => None
  end.

Definition never_negative (f : function) : bool :=
  match f with
  | Leaky s => fst s <=? Z.zero
  | Named (AtLeast | ThresholdedRelu) [a] | Named Clip [a; _] => Z.zero <=? fst a
  | Named (Quantize | QuantizeFloor) [_; z; a; _] => at_most z a
  | Named (HardSigmoid | Sigmoid | Exp | Softplus) _ => true
  | _ => false
  end.

Definition linear_above (f : function) : bool :=
  match f with
  | Leaky _ => true
  | Named AtLeast [a] => fst a <=? Z.zero
  | Named ThresholdedRelu [a] => fst a =? Z.zero
  | Named (Elu | Celu) _ => true
  | _ => false
  end.

Definition zero_below (f : function) : bool :=
  match f with
  | Leaky s => fst s =? Z.zero
  | Named AtLeast [a] => fst a =? Z.zero
  | Named ThresholdedRelu [a] => Z.zero <=? fst a
  | _ => false
  end.

Definition same_operator (a b : operator) : bool :=
  match a, b with
  | Softmax, Softmax | LogSoftmax, LogSoftmax | ArgMax, ArgMax => true
  | Opaque s, Opaque t => s =? t
  | _, _ => false
  end.
