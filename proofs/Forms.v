(* SPDX-License-Identifier: Apache-2.0 *)
(** This file is about forms: sums of integer multiples of atoms, which the checker compares.

   tree    a map from positive numbers, over their binary digits, the last digit first
   atom    a positive number that stands for a value; 1 stands for the number 1
   form    the coefficients of the atoms, as a tree
   terms   the same as a list                                                                    *)
From Coq Require Import List Bool ZArith.
Import ListNotations.
Local Open Scope Z_scope.

(** --- Trees --- *)

Inductive tree (A : Type) := Empty | Fork (l : tree A) (a : option A) (r : tree A).
Arguments Empty {A}.
Arguments Fork {A} l a r.

Fixpoint find {A} (k : positive) (t : tree A) : option A :=
  match t, k with
  | Empty, _ => None
  | Fork _ a _, xH => a
  | Fork l _ _, xO k' => find k' l
  | Fork _ _ r, xI k' => find k' r
  end.

Fixpoint set {A} (k : positive) (x : A) (t : tree A) : tree A :=
  match k, t with
  | xH, Empty => Fork Empty (Some x) Empty
  | xH, Fork l _ r => Fork l (Some x) r
  | xO k', Empty => Fork (set k' x Empty) None Empty
  | xO k', Fork l a r => Fork (set k' x l) a r
  | xI k', Empty => Fork Empty None (set k' x Empty)
  | xI k', Fork l a r => Fork l a (set k' x r)
  end.

(** --- Forms --- *)

Definition form := tree Z.
Definition terms := list (positive * Z).

Fixpoint add_term (k : positive) (c : Z) (f : form) : form :=
  match k, f with
  | xH, Empty => Fork Empty (Some c) Empty
  | xH, Fork l None r => Fork l (Some c) r
  | xH, Fork l (Some b) r => Fork l (Some (b + c)) r
  | xO k', Empty => Fork (add_term k' c Empty) None Empty
  | xO k', Fork l b r => Fork (add_term k' c l) b r
  | xI k', Empty => Fork Empty None (add_term k' c Empty)
  | xI k', Fork l b r => Fork l b (add_term k' c r)
  end.

(** f + w * ts *)
Definition add_terms (w : Z) (ts : terms) (f : form) : form :=
  fold_left (fun g t => add_term (fst t) (w * snd t) g) ts f.

Definition coefficient (c : option Z) : Z := match c with Some n => n | None => Z.zero end.

Fixpoint is_zero (f : form) : bool :=
  match f with
  | Empty => true
  | Fork l c r => (coefficient c =? Z.zero) && is_zero l && is_zero r
  end.

(** a * f = b * g *)
Fixpoint is_multiple (a : Z) (f : form) (b : Z) (g : form) : bool :=
  match f, g with
  | Empty, _ => is_zero g
  | _, Empty => is_zero f
  | Fork l c r, Fork l' c' r' =>
      (a * coefficient c =? b * coefficient c') && is_multiple a l b l' && is_multiple a r b r'
  end.

(** The terms of a form that are not zero, in front of ts; [path] gives an atom its digits above this tree. *)
Fixpoint listed (path : positive -> positive) (f : form) (ts : terms) : terms :=
  match f with
  | Empty => ts
  | Fork l c r =>
      let right := listed (fun k => path (xI k)) r ts in
      let here := match c with
                  | None => right
                  | Some n => if n =? Z.zero then right else (path xH, n) :: right
                  end in
      listed (fun k => path (xO k)) l here
  end.

Fixpoint scaled (a : Z) (f : form) : form :=
  match f with
  | Empty => Empty
  | Fork l c r => Fork (scaled a l) (Some (a * coefficient c)) (scaled a r)
  end.

(** a * f + b * g *)
Fixpoint combined (a : Z) (f : form) (b : Z) (g : form) : form :=
  match f, g with
  | Empty, _ => scaled b g
  | _, Empty => scaled a f
  | Fork l c r, Fork l' c' r' =>
      Fork (combined a l b l') (Some (a * coefficient c + b * coefficient c')) (combined a r b r')
  end.

(** The form without the constant is zero. *)
Definition is_constant (f : form) : bool :=
  match f with
  | Empty => true
  | Fork l _ r => is_zero l && is_zero r
  end.

Definition constant_of (f : form) : Z :=
  match f with
  | Empty => Z.zero
  | Fork _ c _ => coefficient c
  end.

(** The sum of the sizes of the coefficients. *)
Fixpoint weight (f : form) : Z :=
  match f with
  | Empty => Z.zero
  | Fork l c r => Z.abs (coefficient c) + weight l + weight r
  end.

(** A common multiple of positive numbers: the least one. *)
Definition joint (m q : Z) : Z := m * (q / Z.gcd m q).
