(* SPDX-License-Identifier: Apache-2.0 *)
(** This file is about pairs of networks that the checker accepts, so that its theorem is seen to speak of something.

   residual, smaller   a residual network with a dead unit, a unit and its triple that nobody sees, and one that is twice another;
                       the same without them
   twins, skipped      four neurons of which no two are proportional (Completeness.v); two and a skip connection
   many, few           the rows that the others have not: constants, signs, greatest, softmax and an opaque operator
   tapped, tapped_less    networks of images: linear operators on multiples and sums, and an opaque one
   residual, wrong     two networks that differ by 3 at (1, 0)
   idle, busy          for u = relu(x): u, relu(u - x) and relu(x - 3); what is left of them on [-1, 2] and on [0, 5/2]
   bent_once, bent_less   relu(x) and 3/4 relu(x), which differ by at most 1/2 on [-1, 2]
   doubled             relu(x), relu(3x), relu(0x); relu(x) + relu(3x): a lumping with classes of one, two and no neurons                                           *)
From Coq Require Import List ZArith Reals.
From Exactlump Require Import Network Numbers Functions Meaning Laws Checker Refuter Domain BoundClaim Layers Canonical CanonicalProof Main.
From Exactlump Require Import ImageNetwork ImageChecker.
From Exactlump Require Bound.
Import ListNotations.
Local Open Scope Z_scope.

Definition relu := Leaky (0, 1).
Definition linear := Leaky (1, 1).
Definition from_0 (es : list (N * Z)) (bias : Z) (f : function) : node := Unit 0 (Neuron es bias 1 f).

(** relu(x), relu(2x), relu(0), relu(x + z), relu(3x + 3z); x + relu(x) + relu(2x) + 3 relu(x + z) - relu(3x + 3z); and relu(that + z) *)
Definition residual := Network 2
  [from_0 [(0%N, 1)] 0 relu; from_0 [(0%N, 2)] 0 relu; from_0 [] 0 relu; from_0 [(0%N, 1); (1%N, 1)] 0 relu;
   from_0 [(0%N, 3); (1%N, 3)] 0 relu;
   from_0 [(0%N, 1); (2%N, 1); (3%N, 1); (4%N, 7); (5%N, 3); (6%N, -1)] 0 linear; from_0 [(7%N, 1); (1%N, 1)] 0 relu]
  [7%N; 8%N].
Definition smaller := Network 2
  [from_0 [(0%N, 1)] 0 relu; from_0 [(0%N, 1); (2%N, 3)] 0 linear; from_0 [(3%N, 1); (1%N, 1)] 0 relu] [3%N; 4%N].
Definition residual_claims (ratio : Z) := Certificate
  [Class 2 1; Class 2 ratio; Constant 0 1; Atom 1; Same 5 3; Derived; Class 4 1] [Atom 1; Derived; Atom 1].

Lemma residual_accepted : check residual smaller (residual_claims 2) = true.
Proof. reflexivity. Qed.

Lemma residual_rejected : check residual smaller (residual_claims 3) = false.
Proof. reflexivity. Qed.

(** relu(x + 1) + 2 relu(x) + 3 relu(-x) + 5 relu(-x - 1) = 6 relu(x + 1) + 5 relu(x) - 8x - 5, and then relu of it *)
Definition twins := Network 1
  [from_0 [(0%N, 1)] 1 relu; from_0 [(0%N, 1)] 0 relu; from_0 [(0%N, -1)] 0 relu; from_0 [(0%N, -1)] (-1) relu;
   from_0 [(1%N, 1); (2%N, 2); (3%N, 3); (4%N, 5)] 0 relu] [5%N].
Definition skipped := Network 1
  [from_0 [(0%N, 1)] 1 relu; from_0 [(0%N, 1)] 0 relu; from_0 [(1%N, 6); (2%N, 5); (0%N, -8)] (-5) relu] [3%N].
Definition twin_claims := Certificate [Class 1 1; Class 2 1; Twin 2 1; Twin 1 1; Class 3 1] [Atom 1; Atom 1; Atom 1].

Lemma twins_accepted : check twins skipped twin_claims = true.
Proof. reflexivity. Qed.

Lemma twins_rejected : check twins skipped (Certificate [Class 1 1; Class 2 1; Twin 1 1; Twin 1 1; Class 3 1] [Atom 1; Atom 1; Atom 1]) = false.
Proof. reflexivity. Qed.

(** relu(x) - relu(-x) = x, with neither of the two in the other network *)
Lemma mirror_accepted : check (Network 1 [from_0 [(0%N, 1)] 0 relu; from_0 [(0%N, -1)] 0 relu; from_0 [(1%N, 1); (2%N, -1)] 0 linear] [3%N])
  (Network 1 [] [0%N]) (Certificate [Atom 1; Mirror 1 1; Derived] []) = true.
Proof. reflexivity. Qed.

Lemma mirror_rejected : check (Network 1 [from_0 [(0%N, 1)] 0 relu; from_0 [(0%N, 1)] 0 relu; from_0 [(1%N, 1); (2%N, -1)] 0 linear] [3%N])
  (Network 1 [] [0%N]) (Certificate [Atom 1; Mirror 1 1; Derived] []) = false.
Proof. reflexivity. Qed.

(** a = relu(x), b = relu(x - 1): relu(3a + 2) is 3a + 2, relu(-a) is 0, relu(a - x) is a - x with multiplier 1,
   clip(a - a + 9, 0, 6) is 6; softmax and an opaque operator of max(a, b) and max(2a, 2b)                         *)
Definition bent (extra : list node) (us : list N) := Network 1
  ([from_0 [(0%N, 1)] 0 relu; from_0 [(0%N, 1)] (-1) relu; Greatest 0 [1%N; 2%N]] ++ extra) us.
Definition many := bent
  [from_0 [(1%N, 3)] 2 relu; from_0 [(1%N, -1)] 0 relu; from_0 [(1%N, 1); (0%N, -1)] 0 relu;
   from_0 [(1%N, 1); (1%N, -1)] 9 (Named Clip [(0, 1); (6, 1)]); from_0 [(1%N, 2)] 0 linear; from_0 [(2%N, 2)] 0 linear; Greatest 8 [0%N; 1%N];
   Apply Softmax 2 [3%N; 10%N]; Apply (Opaque 5) 1 [4%N; 5%N; 6%N; 7%N]] [11%N; 12%N; 13%N].
Definition few := bent
  [from_0 [(1%N, 3)] 2 linear; from_0 [] 0 linear; from_0 [(1%N, 1); (0%N, -1)] 0 linear; from_0 [] 6 linear;
   from_0 [(3%N, 2)] 0 linear; Apply Softmax 2 [3%N; 8%N]; Apply (Opaque 5) 1 [4%N; 5%N; 6%N; 7%N]] [9%N; 10%N; 11%N].
Definition many_claims := Certificate
  [Class 1 1; Class 2 1; Class 3 1; Line [] 1; Zero [] 1; Line [(1%N, 1)] 1; Constant 6 1; Derived; Derived; Class 3 2; Class 9 1; Class 11 1]
  [Atom 1; Atom 1; Atom 1; Derived; Derived; Derived; Derived; Derived; Atom 1; Atom 1].

Lemma many_accepted : check many few many_claims = true.
Proof. reflexivity. Qed.

Theorem example_is_equal (F : numbers) (field : ordered_field F) (M : meaning F) (laws : lawful M) (x : list F) : length x = 1%nat ->
  eval M many x = eval M few x.
Proof. exact (accepted_networks_are_equal_everywhere F field M laws _ _ _ many_accepted x). Qed.

(** Of an image x: relu(x + 1), and of N' a tap of it; N has 2 relu(x + 1) as well, taps both, and adds 3 to what keeps 1; an
   opaque operator of x and the sum of the taps. *)
Definition tapped := ImageNetwork 1 3
  [At (from_0 [(0%N, 1)] 1 relu); At (from_0 [(0%N, 2)] 2 relu); Move true 7 4; Move true 7 5; At (from_0 [(5%N, 1)] 3 linear);
   Move true 8 8; At (from_0 [(6%N, 1); (7%N, 1)] 0 linear); Given 9 1 [0%N; 10%N]] [9%N; 11%N].
Definition tapped_less := ImageNetwork 1 3
  [At (from_0 [(0%N, 1)] 1 relu); Move true 7 4; Move true 8 4; At (from_0 [(5%N, 3)] 0 linear); Given 9 1 [0%N; 7%N];
   At (from_0 [(6%N, 2)] 3 linear)] [9%N; 8%N].
Definition tapped_claims (c e : Z) := ImageCertificate [Class 4 1; Class 4 2; Derived; Derived] [Atom 1; Derived; Derived]
  [Moved [(0%N, 1)] 0 1; Moved [(0%N, c)] 0 1; Moved [(1%N, 2)] e 1; Copied 2] [Fresh; Fresh; Fresh].

Lemma tapped_accepted : check_images tapped tapped_less (tapped_claims 2 3) = true.
Proof. reflexivity. Qed.

Lemma tapped_rejected : check_images tapped tapped_less (tapped_claims 1 3) = false /\ check_images tapped tapped_less (tapped_claims 2 0) = false.
Proof. now split. Qed.

(** The reduced network has what the other one has, but for the second unit, and taps its triple as well. *)
Definition tapped_twice := ImageNetwork 1 1
  [At (from_0 [(0%N, 1)] 1 relu); At (from_0 [(2%N, 3)] 0 linear); Move false 7 2; Move false 7 3; At (from_0 [(4%N, 1); (5%N, 1)] 0 linear)] [6%N].

Lemma tapped_twice_accepted : check_images
    (ImageNetwork 1 1 [At (from_0 [(0%N, 4)] 4 relu); Move false 7 2] [3%N]) tapped_twice
    (ImageCertificate [Class 2 4] [Atom 1; Derived; Derived] [Moved [(0%N, 4)] 0 1] [Fresh; Moved [(0%N, 3)] 0 1]) = true.
Proof. reflexivity. Qed.

Lemma tapped_twice_rejected : check_images
    (ImageNetwork 1 1 [At (from_0 [(0%N, 3)] 3 relu); Move false 7 2] [3%N]) tapped_twice
    (ImageCertificate [Class 2 3] [Atom 1; Derived; Derived] [Moved [(0%N, 3)] 0 1] [Fresh; Moved [(0%N, 2)] 0 1]) = false.
Proof. reflexivity. Qed.

Theorem example_of_images (F : numbers) (field : ordered_field F) (M : meaning F) (laws : lawful M) (P : Type) (O : operators F P) :
  lawful_operators O -> forall x : P -> F,
  Forall2 (fun f g : P -> F => forall p, f p = g p) (eval_images M O tapped [x]) (eval_images M O tapped_less [x]).
Proof. intros lawful_O x; exact (accepted_images_are_equal_everywhere F field M laws P O lawful_O _ _ _ tapped_accepted [x] eq_refl). Qed.

Definition wrong := Network 2 (nodes smaller) [2%N; 4%N].

Lemma refuted : refute residual wrong (Some [((0, 1), (1, 1)); ((0, 1), (1, 1))]) (5, 2) [(1, 1); (0, 1)] = true.
Proof. reflexivity. Qed.

Lemma not_refuted : refute residual wrong None (3, 1) [(1, 1); (0, 1)] = false.
Proof. reflexivity. Qed.

Theorem example_differs (erf : R -> R) (opaque : Z -> list R -> list R) : (forall y, erf (- y) = - erf y)%R ->
  exists i, (i < 2)%nat /\
    (5 / 2 < Rabs (nth i (@eval Reals (real_meaning erf opaque) residual [1 / 1; 0 / 1]) 0
                   - nth i (@eval Reals (real_meaning erf opaque) wrong [1 / 1; 0 / 1]) 0))%R.
Proof. intros erf_odd; now destruct (refuted_networks_differ _ _ _ _ _ refuted erf opaque erf_odd) as [_ [_ far]]. Qed.

Definition idle := Network 1
  [from_0 [(0%N, 1)] 0 relu; from_0 [(0%N, -1); (1%N, 1)] 0 relu; from_0 [(0%N, 1)] (-3) relu; from_0 [(2%N, 1); (3%N, 5)] 0 linear] [4%N].
Definition busy := Network 1 [from_0 [(0%N, 1)] 0 relu; from_0 [(0%N, -1); (1%N, 1)] 0 linear] [2%N].
Definition idle_claims := Certificate [Class 1 1; Derived; Derived; Derived] [Atom 1; Derived].
Definition idle_modes := [Kept; Straight; Silent; Kept].

Lemma idle_accepted : check_on_domain 16 4 [[Some ((-1, 1), (2, 1))]; [Some ((0, 1), (5, 2))]] idle_modes idle busy idle_claims = true.
Proof. reflexivity. Qed.

Lemma idle_rejected : check_on_domain 16 4 [[Some ((0, 1), (13, 4))]] idle_modes idle busy idle_claims = false /\
  check_on_domain 16 4 [[None]] idle_modes idle busy idle_claims = false.
Proof. now split. Qed.

Theorem example_on_a_domain (erf : R -> R) (opaque : Z -> list R -> list R) (x : R) : (forall y, erf (- y) = - erf y)%R ->
  (-1 / 1 <= x <= 2 / 1)%R ->
  @eval Reals (real_meaning erf opaque) idle [x] = @eval Reals (real_meaning erf opaque) busy [x].
Proof.
intros erf_odd x_in; apply (accepted_networks_are_equal_on_the_domain _ _ _ _ _ _ _ idle_accepted erf opaque erf_odd); [reflexivity|].
apply Exists_cons_hd; constructor; [exact x_in|constructor].
Qed.

Definition bent_once : list Bound.layer := [(0, [[1]], [0]); (2, [[4]], [0])].
Definition bent_less : list Bound.layer := [(0, [[1]], [0]); (2, [[3]], [0])].
Definition halved := Bound.Split 0 Bound.Leaf Bound.Leaf.

Lemma within_half : check_within (Bound.Precision 12 48 128) 40 1 bent_once bent_less [((-1, 1), (2, 1))] (1, 2) halved = true.
Proof. now vm_compute. Qed.

Lemma not_within_less : check_within (Bound.Precision 12 48 128) 40 1 bent_once bent_less [((-1, 1), (2, 1))] (499, 1000) halved = false.
Proof. now vm_compute. Qed.

Theorem example_is_close (erf : R -> R) (opaque : Z -> list R -> list R) (x : R) : (-1 / 1 <= x <= 2 / 1)%R ->
  Forall2 (fun y z => Rabs (y - z) <= 1 / 2)%R (@eval Reals (real_meaning erf opaque) (dense_network 1 bent_once) [x])
    (@eval Reals (real_meaning erf opaque) (dense_network 1 bent_less) [x]).
Proof.
intros x_in; destruct (bounded_networks_are_close _ _ _ _ _ _ _ _ within_half erf opaque [x]) as [_ close]; [|exact close].
constructor; [exact x_in|constructor].
Qed.

Definition plain (es : list (N * Z)) (f : function) := Neuron es 0 1 f.
Definition doubled : list layer := [[plain [(0%N, 1)] relu; plain [(0%N, 3)] relu; plain [] relu]; [plain [(0%N, 1); (1%N, 1); (2%N, 7)] linear]].
Definition doubled_classes := [Lump [Some (0%nat, 1); Some (0%nat, 3); None] [(0%nat, 1)]; identity_lump 1].

Lemma doubled_lumped : lumping 1 doubled doubled_classes.
Proof.
assert (proper : forall n es a, Forall (fun e => (N.to_nat (fst e) < n)%nat) es -> proper_neuron n (plain es (Leaky (a, 1)))).
{ intros n es a range; repeat split; [exists a, 1; now split|exact range]. }
split; [|split; [|reflexivity]]; constructor; try reflexivity.
- repeat (apply Forall_cons; [apply proper; repeat constructor|]); apply Forall_nil.
- repeat constructor.
- intros [|[|[|i]]] v m; cbn; try discriminate; intros v_i m_i; try (injection v_i as <-; injection m_i as <-); [| |now split; [|intros [|k]]|now destruct i].
  + split; [reflexivity|]; exists 0%nat, 1, (plain [(0%N, 1)] relu); repeat split; now intros [|k].
  + split; [reflexivity|]; exists 0%nat, 1, (plain [(0%N, 1)] relu); repeat split; now intros [|k].
- repeat (apply Forall_cons; [apply proper; repeat constructor|]); apply Forall_nil.
- repeat constructor.
- intros [|i] v m; cbn; [intros v_i m_i; injection v_i as <-; injection m_i as <-|now destruct i].
  split; [reflexivity|]; exists 0%nat, 1, (plain [(0%N, 1); (1%N, 1); (2%N, 7)] linear); repeat split; now intros [|k].
Qed.

Corollary doubled_accepted : check (layered 1 doubled) (quotient 1 doubled doubled_classes) (canonical 1 doubled_classes) = true.
Proof. exact (canonical_accepted _ _ _ doubled_lumped). Qed.
