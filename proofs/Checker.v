(* SPDX-License-Identifier: Apache-2.0 *)
(** This file is about checking a certificate: that two networks compute the same function, with integer arithmetic only.

   It is the rules of docs/certificate-format.md for chains of dense layers, with the names of exactlump/check.py.
   N is the original, N' the reduced network, Q their common quotient, which the exported text holds.  Each half of a
   certificate shows that a network (N, or N') and Q compute the same function; CheckerProof.v proves that [check] may
   be believed.

   atom    a positive number: 1 is a constant, 2k the class k - 1 of Q, 2v+1 the free unknown of unit v - 1
   form    a sum of integer multiples of atoms, as a binary tree over the digits of the atoms
   terms   a form as a list

   There are no fractions.  An atom stands for a value divided by a positive integer, its scale: the constant for
   1/unit, class k for y_k/q_k, a free unknown g for g/q.  The forms of one tensor share the denominator [common].   *)
From Coq Require Import List Bool ZArith.
From Exactlump Require Import Network.
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

Fixpoint number_from {A} (k : positive) (xs : list A) (t : tree A) : tree A :=
  match xs with
  | [] => t
  | x :: rest => number_from (Pos.succ k) rest (set k x t)
  end.

(** The elements of a list by their place; the first has the key 1. *)
Definition numbered {A} (xs : list A) : tree A := number_from xH xs Empty.

(** --- Forms --- *)

Definition form := tree Z.
Definition terms := list (positive * Z).

Definition constant_atom : positive := xH.
Definition class_atom (k : N) : positive := xO (N.succ_pos k).
Definition free_atom (v : N) : positive := xI (N.succ_pos v).

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

(** --- Numbers and functions --- *)

Definition is_positive (z : Z) : bool := Z.zero <? z.

Definition same_name (a b : name) : bool :=
  match a, b with
  | Sigmoid, Sigmoid | Tanh, Tanh | Softplus, Softplus | Softsign, Softsign
  | Erf, Erf | Sin, Sin | Cos, Cos | Exp, Exp => true
  | _, _ => false
  end.

Definition same_function (f g : function) : bool :=
  match f, g with
  | Leaky n d, Leaky n' d' => (n =? n') && (d =? d')
  | Named a, Named b => same_name a b
  | _, _ => false
  end.

Definition is_proper (f : function) : bool :=
  match f with
  | Leaky _ d => is_positive d
  | Named _ => true
  end.

Definition is_identity (f : function) : bool :=
  match f with
  | Leaky n d => n =? d
  | Named _ => false
  end.

(** All c with sigma(c/q * y) = p/q * sigma(y) for all y. *)
Definition taken_to (f : function) (p q : Z) : list Z :=
  match f with
  | Leaky n d =>
      if is_positive p then (if n =? - d then [p; - p] else [p])
      else (if n =? d then [p] else [])
  | Named _ => if p =? q then [p] else []
  end.

(** Whether sigma(a/b) = p/q, for b and q positive. *)
Definition value_is (f : function) (a b p q : Z) : bool :=
  match f with
  | Leaky n d => if Z.zero <=? a then a * q =? p * b else a * n * q =? p * d * b
  | Named s =>
      (a =? Z.zero) &&
      match s with
      | Tanh | Softsign | Erf | Sin => p =? Z.zero
      | Cos | Exp => p =? q
      | Sigmoid => p + p =? q
      | Softplus => false
      end
  end.

(** --- Certificates --- *)

(** The value of a unit, y_k being the value of class k and q_k its scale. *)
Inductive row :=
| Constant (p : Z)                             (* p/unit *)
| Class (k : N) (p : Z)                        (* p/q_k y_k *)
| Sum (ts : list (N * Z)) (p : Z)              (* the sum of such, plus p/unit *)
| Free (q : Z)                                 (* anything *)
| Same (u : N) (p : Z).                        (* p/q times unit u, whose row is Free q *)

(** What a half says about one layer of its network. *)
Inductive step :=
| Derived                                                  (* identity activations: the forms follow from the layer *)
| Anchored (unit : Z) (scales : list Z) (rows : list row)  (* the next layer of Q, whose classes have these scales *)
| Kept (unit : Z) (rows : list row).                       (* no class is named: Q does not move *)

Record certificate := Certificate {
  quotient : network;
  original : list step;
  reduced : list step }.

(** --- The rules --- *)

(** The form of a neuron before its activation, its denominator left out, given the terms of the units below. *)
Fixpoint affine (es : list (N * Z)) (known : tree terms) (f : form) : option form :=
  match es with
  | [] => Some f
  | (u, w) :: rest =>
      match find (N.succ_pos u) known with
      | None => None
      | Some ts => affine rest known (add_terms w ts f)
      end
  end.

Definition before (unit_bias : Z) (known : tree terms) (n : neuron) : option form :=
  affine (edges n) known (add_term constant_atom (bias n * unit_bias) Empty).

(** A claim about one neuron: its row or scale, its function, its form before the activation. *)
Record claim (A : Type) := Claim { says : A; function_of : function; form_of : form }.
Arguments Claim {A} says function_of form_of.
Arguments says {A} c.
Arguments function_of {A} c.
Arguments form_of {A} c.

Fixpoint claims {A} (unit_bias : Z) (known : tree terms) (what : list A) (ns : list neuron) : option (list (claim A)) :=
  match what, ns with
  | [], [] => Some []
  | a :: what', n :: ns' =>
      match before unit_bias known n, claims unit_bias known what' ns' with
      | Some f, Some cs => Some (Claim a (activation n) f :: cs)
      | _, _ => None
      end
  | _, _ => None
  end.

(** The sum of p_k/q_k C(k) and what is there already, (total, divisor) standing for total/divisor. *)
Fixpoint sum_of_classes (classes : tree (claim Z)) (ts : list (N * Z)) (total : form) (divisor : Z) : option (form * Z) :=
  match ts with
  | [] => Some (total, divisor)
  | (k, p) :: rest =>
      match find (N.succ_pos k) classes with
      | Some c =>
          if is_identity (function_of c)
          then sum_of_classes classes rest (combined (says c) total (p * divisor) (form_of c)) (divisor * says c)
          else None
      | None => None
      end
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

(** One unit against its row.  Its form has the denominator d, that of a class d'; the constant atom is 1/unit, and
    1/unit' in the row. *)
Definition check_row (d d' unit unit' : Z) (classes : tree (claim Z)) (own : tree (claim row)) (c : claim row) : bool :=
  let f := form_of c in
  match says c with
  | Constant p => is_constant f && value_is (function_of c) (constant_of f) (d * unit) p unit'
  | Class k p =>
      match find (N.succ_pos k) classes with
      | Some a =>
          same_function (function_of c) (function_of a) &&
          existsb (fun p' => is_multiple (d' * says a) f (p' * d) (form_of a)) (taken_to (function_of c) p (says a))
      | None => false
      end
  | Sum ts p =>
      is_identity (function_of c) &&
      match sum_of_classes classes ts (add_term constant_atom (p * d' * unit) Empty) unit' with
      | Some (total, divisor) => is_multiple (divisor * d') f d total
      | None => false
      end
  | Free q => is_positive q
  | Same u p =>
      match find (N.succ_pos u) own with
      | Some a =>
          match says a with
          | Free q =>
              same_function (function_of c) (function_of a) &&
              existsb (fun p' => is_multiple q f p' (form_of a)) (taken_to (function_of c) p q)
          | _ => false
          end
      | None => false
      end
  end.

(** The terms that a row claims for unit v, which has the key [v]. *)
Definition claimed (v : positive) (r : row) : terms :=
  match r with
  | Constant p => [(constant_atom, p)]
  | Class k p => [(class_atom k, p)]
  | Sum ts p => (constant_atom, p) :: map (fun t => (class_atom (fst t), snd t)) ts
  | Free q => [(xI v, q)]
  | Same u p => [(free_atom u, p)]
  end.

Fixpoint claimed_from (v : positive) (rows : list row) : list terms :=
  match rows with
  | [] => []
  | r :: rest => claimed v r :: claimed_from (Pos.succ v) rest
  end.

Fixpoint classes_from (k : positive) (scales : list Z) : list terms :=
  match scales with
  | [] => []
  | q :: rest => [(xO k, q)] :: classes_from (Pos.succ k) rest
  end.

Definition proper_layer (L : layer) : bool :=
  is_positive (denominator L) && forallb (fun n => is_proper (activation n)) (neurons L).

(** What is known after some layers: the terms of the units of the network, over their common denominator, and those
    of the classes of Q. *)
Record state := State { known : list terms; common : Z; unit : Z; classes : list terms }.

Definition check_derived (L : layer) (s : state) : option state :=
  if forallb (fun n => is_identity (activation n)) (neurons L) then
    match claims (common s * unit s) (numbered (known s)) (neurons L) (neurons L) with
    | Some cs =>
        Some (State (map (fun c => listed (fun k => k) (form_of c) []) cs) (common s * denominator L) (unit s) (classes s))
    | None => None
    end
  else None.

Definition check_rows (L : layer) (s : state) (d' unit' : Z) (table : list (claim Z)) (rows : list row) : bool :=
  match claims (common s * unit s) (numbered (known s)) rows (neurons L) with
  | Some cs =>
      let own := numbered cs in
      let table' := numbered table in
      forallb (check_row (common s * denominator L) d' (unit s) unit' table' own) cs
  | None => false
  end.

Definition check_anchored (L L' : layer) (s : state) (unit' : Z) (scales : list Z) (rows : list row) : option state :=
  match claims (unit s) (numbered (classes s)) scales (neurons L') with
  | Some table =>
      if proper_layer L' && is_positive unit' && forallb is_positive scales
         && check_rows L s (denominator L') unit' table rows
      then Some (State (claimed_from xH rows) Z.one unit' (classes_from xH scales))
      else None
  | None => None
  end.

Definition check_kept (L : layer) (s : state) (unit' : Z) (rows : list row) : option state :=
  if is_positive unit' && check_rows L s Z.one unit' [] rows
  then Some (State (claimed_from xH rows) Z.one unit' (classes s))
  else None.

(** At the end unit v is class v. *)
Fixpoint check_outputs (d : Z) (units class_terms : list terms) : bool :=
  match units, class_terms with
  | [], [] => true
  | ts :: units', ts' :: class_terms' =>
      is_multiple Z.one (add_terms Z.one ts Empty) d (add_terms Z.one ts' Empty) && check_outputs d units' class_terms'
  | _, _ => false
  end.

Fixpoint check_layers (Ls : list layer) (steps : list step) (Qs : list layer) (s : state) : bool :=
  match Ls, steps with
  | [], [] => match Qs with [] => check_outputs (common s) (known s) (classes s) | _ => false end
  | L :: Ls', st :: steps' =>
      proper_layer L &&
      match st, Qs with
      | Derived, _ =>
          match check_derived L s with Some s' => check_layers Ls' steps' Qs s' | None => false end
      | Anchored unit' scales rows, L' :: Qs' =>
          match check_anchored L L' s unit' scales rows with
          | Some s' => check_layers Ls' steps' Qs' s'
          | None => false
          end
      | Kept unit' rows, _ =>
          match check_kept L s unit' rows with Some s' => check_layers Ls' steps' Qs s' | None => false end
      | Anchored _ _ _, [] => false
      end
  | _, _ => false
  end.

(** The inputs of the network are those of Q. *)
Definition check_inputs (n : nat) : state :=
  let atoms := classes_from xH (repeat Z.one n) in
  State atoms Z.one Z.one atoms.

Definition same_head (a b : option head) : bool :=
  match a, b with
  | None, None | Some Softmax, Some Softmax | Some LogSoftmax, Some LogSoftmax => true
  | _, _ => false
  end.

Definition check_half (N Q : network) (steps : list step) : bool :=
  Nat.eqb (inputs N) (inputs Q) && same_head (last N) (last Q) &&
  check_layers (layers N) steps (layers Q) (check_inputs (inputs N)).

Definition check (N N' : network) (c : certificate) : bool :=
  check_half N (quotient c) (original c) && check_half N' (quotient c) (reduced c).
