(* SPDX-License-Identifier: Apache-2.0 *)
(** This file is about refuting: that two networks differ at an input, by exact evaluation.  RefuterProof.v proves it.

   All values are fractions of integers.  Where a value is not known to be rational there is none, and nothing is refuted.

   exact_run     the registers of a network, as a tree: the key is the register + 1
   refute        at the input x, which lies in the box, some output differs by more than eps                        *)
From Coq Require Import List Bool ZArith.
From Exactlump Require Import Network Functions Forms.
Import ListNotations.
Local Open Scope Z_scope.

Definition lowest (x : fraction) : fraction :=
  let g := Z.gcd (fst x) (snd x) in if g =? Z.one then x else (fst x / g, snd x / g).

Definition exact_register (ys : tree fraction) (start u : N) : option fraction := find (N.succ_pos (start + u)) ys.

Fixpoint exact_sum (ys : tree fraction) (start : N) (es : list (N * Z)) (total : fraction) : option fraction :=
  match es with
  | [] => Some total
  | (u, w) :: rest =>
      match exact_register ys start u with
      | Some y =>
          exact_sum ys start rest
            (if snd y =? snd total then (w * fst y + fst total, snd total) else lowest (plus (w * fst y, snd y) total))
      | None => None
      end
  end.

Fixpoint exact_greatest (ys : tree fraction) (start : N) (us : list N) (best : fraction) : option fraction :=
  match us with
  | [] => Some best
  | u :: rest =>
      match exact_register ys start u with
      | Some y => exact_greatest ys start rest (if at_most y best then best else y)
      | None => None
      end
  end.

Fixpoint exact_list (ys : tree fraction) (us : list N) : option (list fraction) :=
  match us with
  | [] => Some []
  | u :: rest =>
      match exact_register ys 0 u, exact_list ys rest with
      | Some y, Some zs => Some (y :: zs)
      | _, _ => None
      end
  end.

(** The place of the greatest, the first of several, and its value. *)
Fixpoint exact_place (ys : list fraction) : Z * fraction :=
  match ys with
  | [] => (Z.zero, zero_fraction)
  | [y] => (Z.zero, y)
  | y :: rest => let (i, z) := exact_place rest in if at_most z y then (Z.zero, y) else (i + Z.one, z)
  end.

Definition exact_node (ys : tree fraction) (v : node) : option fraction :=
  match v with
  | Unit start n =>
      if is_positive (denominator n) && is_proper (activation n) then
        match exact_sum ys start (edges n) (is_integer (bias n)) with
        | Some (p, q) =>
            match value_at (activation n) (lowest (p, q * denominator n)) with Some y => Some (lowest y) | None => None end
        | None => None
        end
      else None
  | Greatest start (u :: rest) =>
      match exact_register ys start u with Some y => exact_greatest ys start rest y | None => None end
  | Apply ArgMax 1 us => match exact_list ys us with Some zs => Some (is_integer (fst (exact_place zs))) | None => None end
  | _ => None
  end.

Fixpoint exact_run (vs : list node) (next : positive) (ys : tree fraction) : option (tree fraction) :=
  match vs with
  | [] => Some ys
  | v :: rest =>
      match exact_node ys v with
      | Some y => exact_run rest (Pos.succ next) (set next y ys)
      | None => None
      end
  end.

Fixpoint exact_inputs (x : list fraction) (next : positive) (ys : tree fraction) : positive * tree fraction :=
  match x with
  | [] => (next, ys)
  | y :: rest => exact_inputs rest (Pos.succ next) (set next y ys)
  end.

Definition exact_registers (N : network) (x : list fraction) : option (tree fraction) :=
  let (next, ys) := exact_inputs x xH Empty in exact_run (nodes N) next ys.

(** Whether some output differs by more than eps. *)
Fixpoint apart (eps : fraction) (ys ys' : tree fraction) (us us' : list N) : bool :=
  match us, us' with
  | u :: rest, u' :: rest' =>
      match exact_register ys 0 u, exact_register ys' 0 u' with
      | Some y, Some y' => negb (at_most y (plus y' eps)) || negb (at_most y' (plus y eps)) || apart eps ys ys' rest rest'
      | _, _ => false
      end
  | _, _ => false
  end.

Fixpoint inside (box : list (fraction * fraction)) (x : list fraction) : bool :=
  match box, x with
  | [], [] => true
  | (low, high) :: box', y :: x' =>
      is_positive (snd low) && is_positive (snd high) && at_most low y && at_most y high && inside box' x'
  | _, _ => false
  end.

Fixpoint has_length {A} (n : nat) (xs : list A) : bool :=
  match n, xs with
  | O, [] => true
  | S n', _ :: xs' => has_length n' xs'
  | _, _ => false
  end.

Definition refute (N N' : network) (box : option (list (fraction * fraction))) (eps : fraction) (x : list fraction) : bool :=
  has_length (inputs N) x && has_length (inputs N') x && forallb (fun y => is_positive (snd y)) x && is_positive (snd eps) &&
  match box with None => true | Some b => inside b x end &&
  match exact_registers N x, exact_registers N' x with
  | Some ys, Some ys' => apart eps ys ys' (outputs N) (outputs N')
  | _, _ => false
  end.
