(* SPDX-License-Identifier: Apache-2.0 *)
(** This file is about turning the checkers into OCaml.  Integers become those of zarith; everything else is extracted as it is.

   The constructors of Z do not occur in what is run: their realisers stop the program if they were ever reached.  Divisors are
   positive wherever something is divided.  Shifts by negative numbers are shifts the other way, as in Coq. *)
From Coq Require Import ZArith Extraction ExtrOcamlBasic.
From Exactlump Require Import Network Checker Refuter Domain ImageNetwork ImageChecker.
From Exactlump Require Bound BoundParallel BoundClaim.

Extraction Language OCaml.

Extract Inductive Z => "Big_int_Z.big_int"
  [ "Big_int_Z.zero_big_int" "(fun _ -> failwith ""Zpos"")" "(fun _ -> failwith ""Zneg"")" ]
  "(fun _ _ _ _ -> failwith ""match on Z"")".
Extract Constant Z.zero => "Big_int_Z.zero_big_int".
Extract Constant Z.one => "Big_int_Z.unit_big_int".
Extract Inlined Constant Z.add => "Big_int_Z.add_big_int".
Extract Inlined Constant Z.sub => "Big_int_Z.sub_big_int".
Extract Inlined Constant Z.mul => "Big_int_Z.mult_big_int".
Extract Inlined Constant Z.div => "Big_int_Z.div_big_int".
Extract Inlined Constant Z.gcd => "Big_int_Z.gcd_big_int".
Extract Inlined Constant Z.abs => "Big_int_Z.abs_big_int".
Extract Inlined Constant Z.opp => "Big_int_Z.minus_big_int".
Extract Inlined Constant Z.max => "Big_int_Z.max_big_int".
Extract Inlined Constant Z.min => "Big_int_Z.min_big_int".
Extract Inlined Constant Z.eqb => "Big_int_Z.eq_big_int".
Extract Inlined Constant Z.ltb => "Big_int_Z.lt_big_int".
Extract Inlined Constant Z.leb => "Big_int_Z.le_big_int".

Extract Constant Z.shiftl =>
  "(fun a n -> let n = Big_int_Z.int_of_big_int n in
     if n >= 0 then Big_int_Z.shift_left_big_int a n else Big_int_Z.shift_right_big_int a (- n))".
Extract Constant Z.shiftr =>
  "(fun a n -> let n = Big_int_Z.int_of_big_int n in
     if n >= 0 then Big_int_Z.shift_right_big_int a n else Big_int_Z.shift_left_big_int a (- n))".
(* The n bits of t from bit i on; zarith's own refuses n = 0. *)
Extract Constant Bound.field =>
  "(fun t i n -> let n = Big_int_Z.int_of_big_int n in
     if n = 0 then Big_int_Z.zero_big_int else Big_int_Z.extract_big_int t (Big_int_Z.int_of_big_int i) n)".

Extraction "checker.ml" check refute check_images check_on_domain.
Extraction "bound.ml" BoundClaim.prepare BoundClaim.check_part BoundParallel.parts.
