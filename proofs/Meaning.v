(* SPDX-License-Identifier: Apache-2.0 *)
(** This file is about what the names of activation functions and heads stand for over the reals.

   Coq's library has no erf: any function that is 0 at 0 may be put in its place, so the theorems hold for the real one. *)
From Coq Require Import List Reals Lra.
From Exactlump Require Import Network Numbers.
Import ListNotations.
Local Open Scope R_scope.

Section Meaning.
Variable erf : R -> R.
Hypothesis erf_0 : erf 0 = 0.

Definition real_function (n : name) (y : R) : R :=
  match n with
  | Sigmoid => / (1 + exp (- y))
  | Tanh => tanh y
  | Softplus => ln (1 + exp y)
  | Softsign => y / (1 + Rabs y)
  | Erf => erf y
  | Sin => sin y
  | Cos => cos y
  | Exp => exp y
  end.

Definition sum_of_exp (y : list R) : R := fold_right (fun x total => exp x + total) 0 y.

Definition real_head (h : head) (y : list R) : list R :=
  match h with
  | Softmax => map (fun x => exp x / sum_of_exp y) y
  | LogSoftmax => map (fun x => ln (exp x / sum_of_exp y)) y
  end.

Definition real_meaning : meaning Reals.
Proof.
refine (Meaning Reals real_function real_head _ _ _); cbn.
- rewrite Ropp_0, exp_0; lra.
- intros n [<-|[<-|[<-|[<-|[]]]]]; cbn.
  + unfold tanh; rewrite sinh_0; lra.
  + rewrite Rabs_R0; lra.
  + exact erf_0.
  + exact sin_0.
- intros n [<-|[<-|[]]]; [exact cos_0|exact exp_0].
Defined.

End Meaning.

(** Over the rationals the named functions have no meaning; any functions with the right values at 0 will do. *)
Definition rational_function (n : name) (_ : Rationals) : Rationals :=
  match n with
  | Sigmoid => inverse (of_Z 2)
  | Cos | Exp => one
  | _ => zero
  end.

Definition rational_meaning : meaning Rationals.
Proof.
refine (Meaning Rationals rational_function (fun _ y => y) _ _ _).
- now apply (inverse_law _ Rationals_field).
- now intros n [<-|[<-|[<-|[<-|[]]]]].
- now intros n [<-|[<-|[]]].
Defined.
