(* SPDX-License-Identifier: Apache-2.0 *)
(** This file is about networks whose registers are images: a value at each position, of which there may be any number.  It holds
   definitions only.

   image       a function of the position; how many there are, and how they lie, is nobody's business here
   step        what defines the next register, or the next few: a node of Network.v, at every position alike; a linear operator on
               an image, such as a tap of a window or a permutation of axes; an opaque operator on whole images
   operators   what linear and opaque operators compute: anything, the same for equal numbers
   eval_images the images of the outputs, for the images x of the inputs

   After the inputs come [spare] registers that hold 0 everywhere.                                                       *)
From Coq Require Import List ZArith.
From Exactlump Require Import Network.
Import ListNotations.

Inductive step :=
| At (v : node)                                     (* the same node at every position *)
| Move (keeps : bool) (operator : Z) (u : N)        (* a linear operator on register u; [keeps]: the image 1 stays what it is *)
| Given (signature : Z) (results : nat) (us : list N).

Record image_network := ImageNetwork {
  image_inputs : nat;
  spare : nat;
  steps : list step;
  image_outputs : list N }.

Section Images.
Context {F : numbers} {P : Type}.

Definition image := P -> F.
Definition dark : image := fun _ => zero.

Record operators := Operators {
  moved : bool -> Z -> image -> image;
  given : Z -> list image -> list image }.

Record lawful_operators (O : operators) : Prop := LawfulOperators {
  moved_sum : forall k l (f g : image) p, moved O k l (fun i => add (f i) (g i)) p = add (moved O k l f p) (moved O k l g p);
  moved_multiple : forall k l c (f : image) p, moved O k l (fun i => mul c (f i)) p = mul c (moved O k l f p);
  moved_one : forall l p, moved O true l (fun _ => one) p = one;
  moved_same : forall k l (f g : image), (forall p, f p = g p) -> forall p, moved O k l f p = moved O k l g p;
  given_same : forall s (fs gs : list image), Forall2 (fun f g => forall p, f p = g p) fs gs ->
    forall i p, nth i (given O s fs) dark p = nth i (given O s gs) dark p }.

Definition image_register (ys : list image) (u : N) : image := nth (N.to_nat u) ys dark.

(** The registers at one position. *)
Definition at_position (p : P) (ys : list image) : list F := map (fun y => y p) ys.

Definition results_of (v : node) : nat := match v with Apply _ r _ => r | _ => 1 end.

Definition step_values (M : meaning F) (O : operators) (ys : list image) (s : step) : list image :=
  match s with
  | At v => map (fun i p => nth i (node_values M (at_position p ys) v) zero) (seq 0 (results_of v))
  | Move k l u => [moved O k l (image_register ys u)]
  | Given s r us => let zs := given O s (map (image_register ys) us) in map (fun i => nth i zs dark) (seq 0 r)
  end.

Definition run_images (M : meaning F) (O : operators) (ss : list step) (ys : list image) : list image :=
  fold_left (fun ys s => ys ++ step_values M O ys s) ss ys.

Definition eval_images (M : meaning F) (O : operators) (N : image_network) (x : list image) : list image :=
  map (image_register (run_images M O (steps N) (x ++ repeat dark (spare N)))) (image_outputs N).

End Images.

Arguments image F P : clear implicits.
Arguments operators F P : clear implicits.
