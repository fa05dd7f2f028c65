(* SPDX-License-Identifier: Apache-2.0 *)
(** This file is about walking a tree in parts, by separate jobs: each goes from the root to a node, and then over all below it.

   turns      which half to take (true: the lower one) at each node on the way
   walk_at    one part: the node where the turns end, with the bounds that it inherits, and all below it
   cut        where the parts begin: Whole is one part; parts lists the turns of all *)
From Coq Require Import List Bool ZArith.
From Exactlump Require Import Bound.
Import ListNotations.

Fixpoint walk_at (p : precision) (eps : Z) (ls : list stage) (turns : list bool) (box : list bnd) (par : list (list bnd))
    (t : tree) : bool :=
  match turns with
  | [] => walk p eps ls box par t
  | turn :: turns' =>
      let '(r, b) := node p box eps ls [] box par in
      match t with
      | Leaf => b
      | Split i t1 t2 =>
          if turn then walk_at p eps ls turns' (halve i true box) r t1 else walk_at p eps ls turns' (halve i false box) r t2
      end
  end.

Inductive cut := Whole | Cut (lower upper : cut).

Fixpoint parts (c : cut) : list (list bool) :=
  match c with
  | Whole => [[]]
  | Cut l u => map (cons true) (parts l) ++ map (cons false) (parts u)
  end.

(** A tree all of whose parts pass passes. *)
Theorem walk_parts p eps ls c : forall box par t,
  (forall turns, In turns (parts c) -> walk_at p eps ls turns box par t = true) -> walk p eps ls box par t = true.
Proof.
induction c as [|l IHl u IHu]; intros box par t all; [now apply (all []); left|]; cbn [parts] in all.
assert (lower : forall turns, In turns (parts l) -> walk_at p eps ls (true :: turns) box par t = true).
{ intros turns found; apply all, in_or_app; left; now apply in_map. }
assert (upper : forall turns, In turns (parts u) -> walk_at p eps ls (false :: turns) box par t = true).
{ intros turns found; apply all, in_or_app; right; now apply in_map. }
clear all; cbn [walk_at] in lower, upper; destruct t as [|i t1 t2]; cbn [walk].
- destruct (node p box eps ls [] box par) as [r b]; assert (some : exists turns, In turns (parts l)).
  { clear; induction l as [|l1 [turns found] l2 _]; [now exists []; left|]; exists (true :: turns); cbn [parts].
    apply in_or_app; left; now apply in_map. }
  destruct some as [turns found]; exact (lower turns found).
- destruct (node p box eps ls [] box par) as [r b].
  apply andb_true_intro; split; [now apply IHl|now apply IHu].
Qed.
