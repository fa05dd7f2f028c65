(* SPDX-License-Identifier: Apache-2.0 *)
(** This file is about what a user wants to know: the promises of this folder, restated, with nothing to read but Network.v and
   Meaning.v. *)
From Coq Require Import List ZArith Reals FunctionalExtensionality.
From Exactlump Require Import Network Numbers Meaning Laws Checker CheckerProof Refuter RefuterProof Domain DomainProof BoundClaim BoundNetwork.
From Exactlump Require Import ImageNetwork ImageChecker ImageProof.
From Exactlump Require Bound BoundParallel.

(** When the checker accepts, the two networks compute the same function: over the reals, for every input, with ReLU, sigmoid,
   tanh, softmax, ... having their usual meaning, and whatever opaque operators compute. *)
Theorem accepted_networks_are_equal (N N' : network) (c : certificate) : check N N' c = true ->
  forall (erf : R -> R) (opaque : Z -> list R -> list R), (forall y, erf (- y) = - erf y)%R ->
  forall x : list R, length x = inputs N ->
    @eval Reals (real_meaning erf opaque) N x = @eval Reals (real_meaning erf opaque) N' x.
Proof. intros ok erf opaque erf_odd; exact (check_sound Reals Reals_field _ (real_lawful erf opaque erf_odd) N N' c ok). Qed.

(** The same over every ordered field, for functions that obey the checker's tables: no axiom. *)
Theorem accepted_networks_are_equal_everywhere (F : numbers) (field : ordered_field F) (M : meaning F) (laws : lawful M)
    (N N' : network) (c : certificate) : check N N' c = true ->
  forall x : list F, length x = inputs N -> eval M N x = eval M N' x.
Proof. exact (check_sound F field M laws N N' c). Qed.

(** The same over the rationals. *)
Theorem accepted_networks_are_equal_rationally (N N' : network) (c : certificate) : check N N' c = true ->
  forall M : meaning Rationals, lawful M -> forall x : list Rationals, length x = inputs N -> eval M N x = eval M N' x.
Proof. intros ok M laws; exact (check_sound Rationals Rationals_field M laws N N' c ok). Qed.

(** When a certificate on a domain is accepted, the two networks compute the same at every input that lies in one of the boxes:
   in all ends that a box has for it. *)
Theorem accepted_networks_are_equal_on_the_domain (p q : Z) (boxes : list (list (option (fraction * fraction)))) (modes : list mode)
    (N N' : network) (c : certificate) :
  check_on_domain p q boxes modes N N' c = true ->
  forall (erf : R -> R) (opaque : Z -> list R -> list R), (forall y, erf (- y) = - erf y)%R ->
  forall x : list R, length x = inputs N ->
    Exists (fun box => Forall2 (fun ends y => match ends with Some e => (real (fst e) <= y <= real (snd e))%R | None => True end) box x) boxes ->
    @eval Reals (real_meaning erf opaque) N x = @eval Reals (real_meaning erf opaque) N' x.
Proof. intros ok erf opaque erf_odd; exact (check_on_domain_sound erf opaque p q boxes modes N N' c erf_odd ok). Qed.

(** Networks of images: whatever positions there are, whatever linear operators move between them, and whatever opaque operators
   compute of whole images. *)
Theorem accepted_images_are_equal (N N' : image_network) (c : image_certificate) : check_images N N' c = true ->
  forall (erf : R -> R) (opaque : Z -> list R -> list R), (forall y, erf (- y) = - erf y)%R ->
  forall (P : Type) (O : operators Reals P), lawful_operators O ->
  forall x : list (P -> R), length x = image_inputs N ->
    @eval_images Reals P (real_meaning erf opaque) O N x = @eval_images Reals P (real_meaning erf opaque) O N' x.
Proof.
intros ok erf opaque erf_odd P O lawful_O x x_len.
pose proof (check_images_sound Reals Reals_field _ (real_lawful erf opaque erf_odd) P O lawful_O N N' c ok x x_len) as same.
induction same as [|f g fs gs f_g _ IH]; [reflexivity|]; f_equal; [now apply functional_extensionality|exact IH].
Qed.

(** The same over every ordered field, position by position: no axiom. *)
Theorem accepted_images_are_equal_everywhere (F : numbers) (field : ordered_field F) (M : meaning F) (laws : lawful M)
    (P : Type) (O : operators F P) (lawful_O : lawful_operators O) (N N' : image_network) (c : image_certificate) :
  check_images N N' c = true -> forall x : list (P -> F), length x = image_inputs N ->
  Forall2 (fun f g : P -> F => forall p, f p = g p) (eval_images M O N x) (eval_images M O N' x).
Proof. exact (check_images_sound F field M laws P O lawful_O N N' c). Qed.

(** What is refuted differs over the reals: at a point of the box, if there is one, by more than eps in some output. *)
Theorem refuted_networks_differ (N N' : network) (box : option (list (fraction * fraction))) (eps : fraction) (x : list fraction) :
  refute N N' box eps x = true ->
  forall (erf : R -> R) (opaque : Z -> list R -> list R), (forall y, erf (- y) = - erf y)%R ->
  let point := map real x in
  (length point = inputs N /\ length point = inputs N') /\
  match box with None => True | Some b => Forall2 (fun c y => real (fst c) <= y <= real (snd c))%R b point end /\
  exists i, (i < length (outputs N))%nat /\
    (real eps < Rabs (nth i (@eval Reals (real_meaning erf opaque) N point) 0 - nth i (@eval Reals (real_meaning erf opaque) N' point) 0))%R.
Proof. intros ok erf opaque erf_odd; destruct (refute_sound erf opaque erf_odd N N' box eps x ok) as [? [? ?]]; now repeat split. Qed.

(** What is bounded is close: two networks of dense layers with ReLU between them differ by at most eps in every output, at
   every point of the box. *)
Theorem bounded_networks_are_close (p : Bound.precision) (q : Z) (n : nat) (A B : list Bound.layer)
    (box : list (fraction * fraction)) (eps : fraction) (t : Bound.tree) :
  check_within p q n A B box eps t = true ->
  forall (erf : R -> R) (opaque : Z -> list R -> list R) (x : list R),
    Forall2 (fun c y => real (fst c) <= y <= real (snd c))%R box x ->
    length x = n /\
    Forall2 (fun y z => Rabs (y - z) <= real eps)%R
      (@eval Reals (real_meaning erf opaque) (dense_network n A) x) (@eval Reals (real_meaning erf opaque) (dense_network n B) x).
Proof. intros ok erf opaque; exact (within_sound erf opaque p q n A B box eps t ok). Qed.

(** The same where separate jobs have checked the parts of the tree, cut anywhere. *)
Theorem bounded_networks_are_close_by_parts (p : Bound.precision) (q : Z) (n : nat) (A B : list Bound.layer)
    (box : list (fraction * fraction)) (eps : fraction) (ls : list Bound.stage) (t : Bound.tree) (c : BoundParallel.cut) :
  prepare p q n A B box eps = Some ls ->
  (forall turns, In turns (BoundParallel.parts c) -> check_part p q ls box eps t turns = true) ->
  forall (erf : R -> R) (opaque : Z -> list R -> list R) (x : list R),
    Forall2 (fun c y => real (fst c) <= y <= real (snd c))%R box x ->
    length x = n /\
    Forall2 (fun y z => Rabs (y - z) <= real eps)%R
      (@eval Reals (real_meaning erf opaque) (dense_network n A) x) (@eval Reals (real_meaning erf opaque) (dense_network n B) x).
Proof. intros found all erf opaque; exact (parts_sound erf opaque p q n A B box eps ls t c found all). Qed.
