(* SPDX-License-Identifier: Apache-2.0 *)
(** This file is about turning the checker and the refuter into OCaml.  Integers become those of zarith; everything else is extracted as it is.

   The three constructors of Z do not occur in the checker: their realisers stop the program if they were ever reached. *)
From Coq Require Import ZArith Extraction ExtrOcamlBasic.
From Exactlump Require Import Network Checker Refuter.

Extraction Language OCaml.

Extract Inductive Z => "Big_int_Z.big_int"
  [ "Big_int_Z.zero_big_int" "(fun _ -> failwith ""Zpos"")" "(fun _ -> failwith ""Zneg"")" ]
  "(fun _ _ _ _ -> failwith ""match on Z"")".
Extract Constant Z.zero => "Big_int_Z.zero_big_int".
Extract Constant Z.one => "Big_int_Z.unit_big_int".
Extract Inlined Constant Z.add => "Big_int_Z.add_big_int".
Extract Inlined Constant Z.mul => "Big_int_Z.mult_big_int".
Extract Inlined Constant Z.div => "Big_int_Z.div_big_int".
Extract Inlined Constant Z.gcd => "Big_int_Z.gcd_big_int".
Extract Inlined Constant Z.abs => "Big_int_Z.abs_big_int".
Extract Inlined Constant Z.opp => "Big_int_Z.minus_big_int".
Extract Inlined Constant Z.eqb => "Big_int_Z.eq_big_int".
Extract Inlined Constant Z.ltb => "Big_int_Z.lt_big_int".
Extract Inlined Constant Z.leb => "Big_int_Z.le_big_int".

Extraction "checker.ml" check refute.
