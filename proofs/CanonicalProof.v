(* SPDX-License-Identifier: Apache-2.0 *)
(** This file is about the checker's completeness on lumpings: the certificate that goes with a lumping is accepted.

   coefficient_at j f   the coefficient of the atom j
   terms_at j ts        the same of a list of terms
   place i              register i as a key; the atom of register i of the reduced network is xO (place i)
   holds known K        the registers are known to be the terms K, over the denominator 1
   claimed cs C         the claims are C: scales and nodes
   tower qs C ...       scales and claims of the reduced network are as the classes of the layers say                *)
From Coq Require Import List Bool ZArith Lia.
From Exactlump Require Import Network Functions Forms FormsProof Checker Layers Canonical.
Import ListNotations.
Local Open Scope Z_scope.

Local Arguments Z.add : simpl never.
Local Arguments Z.mul : simpl never.

(** --- Coefficients --- *)

Fixpoint coefficient_at (j : positive) (f : form) : Z :=
  match f, j with
  | Empty, _ => 0
  | Fork _ c _, xH => coefficient c
  | Fork l _ _, xO j' => coefficient_at j' l
  | Fork _ _ r, xI j' => coefficient_at j' r
  end.

Definition terms_at (j : positive) (ts : terms) : Z :=
  fold_right (fun t total => (if Pos.eqb j (fst t) then snd t else 0) + total) 0 ts.

Lemma terms_at_cons j t ts : terms_at j (t :: ts) = (if Pos.eqb j (fst t) then snd t else 0) + terms_at j ts.
Proof. reflexivity. Qed.

Lemma coefficient_at_empty j : coefficient_at j Empty = 0.
Proof. now destruct j. Qed.

Lemma at_add_term j k c f : coefficient_at j (add_term k c f) = coefficient_at j f + (if Pos.eqb j k then c else 0).
Proof.
revert j f; induction k as [k IH|k IH|]; intros [j|j|] [|l [b|] r]; cbn; rewrite ?IH, ?coefficient_at_empty; try lia;
  try (now destruct j); cbn; unfold Z.zero; lia.
Qed.

Lemma at_add_terms j w ts f : coefficient_at j (add_terms w ts f) = coefficient_at j f + w * terms_at j ts.
Proof.
unfold add_terms; revert f; induction ts as [|t ts IH]; intros f; cbn [fold_left]; [cbn; lia|].
rewrite IH, at_add_term, terms_at_cons; destruct (Pos.eqb j (fst t)); lia.
Qed.

Lemma is_zero_complete f : (forall j, coefficient_at j f = 0) -> is_zero f = true.
Proof.
induction f as [|l IHl c r IHr]; intros zero; [reflexivity|]; cbn.
rewrite IHl, IHr by (intros j; first [exact (zero (xO j)) | exact (zero (xI j))]).
pose proof (zero xH) as here; cbn in here; now rewrite here.
Qed.

Lemma is_multiple_complete a f b g : a <> 0 -> b <> 0 -> (forall j, a * coefficient_at j f = b * coefficient_at j g) ->
  is_multiple a f b g = true.
Proof.
intros a_nz b_nz; revert g; induction f as [|l IHl c r IHr]; intros g same.
- assert (zero : is_zero g = true) by (apply is_zero_complete; intros j; specialize (same j); rewrite coefficient_at_empty in same; nia).
  now destruct g.
- destruct g as [|l' c' r'].
  + apply is_zero_complete; intros j; specialize (same j); rewrite coefficient_at_empty in same; nia.
  + cbn; rewrite IHl, IHr by (intros j; first [exact (same (xO j)) | exact (same (xI j))]).
    pose proof (same xH) as here; cbn in here; rewrite here, Z.eqb_refl; reflexivity.
Qed.

(** --- Registers --- *)

Definition place (i : nat) : positive := N.succ_pos (N.of_nat i).

Lemma place_inj i j : place i = place j -> i = j.
Proof. intros same; apply (f_equal Pos.pred_N) in same; unfold place in same; rewrite !N.pos_pred_succ in same; lia. Qed.

Lemma place_eqb i j : Pos.eqb (place i) (place j) = Nat.eqb i j.
Proof. destruct (Nat.eqb_spec i j) as [->|ne]; [apply Pos.eqb_refl|]; apply Pos.eqb_neq; intros same; now apply ne, place_inj. Qed.

Lemma key_place start u : key (N.of_nat start) u = place (start + N.to_nat u).
Proof. unfold key, place; f_equal; lia. Qed.

Lemma place_succ i : Pos.succ (place i) = place (S i).
Proof. unfold place; rewrite Nnat.Nat2N.inj_succ; destruct (N.of_nat i); reflexivity. Qed.

Lemma nth_error_Some_lt {A} (xs : list A) i x : nth_error xs i = Some x -> (i < length xs)%nat.
Proof. intros found; apply nth_error_Some; now rewrite found. Qed.

Lemma find_empty {A} k : find k (@Empty A) = None.
Proof. now destruct k. Qed.

Definition holds (known : tree (Z * terms)) (K : list terms) : Prop :=
  forall i, find (place i) known = option_map (pair 1) (nth_error K i).

Lemma holds_push known K ts : holds known K -> holds (set (place (length K)) (1, ts) known) (K ++ [ts]).
Proof.
intros known_K i; destruct (Nat.eq_dec i (length K)) as [->|ne].
- rewrite find_set_same, nth_error_app2, Nat.sub_diag by lia; reflexivity.
- rewrite find_set_other by (intros same; now apply ne, place_inj); rewrite known_K; f_equal.
  destruct (Nat.lt_ge_cases i (length K)) as [lt|ge]; [now rewrite nth_error_app1|].
  rewrite nth_error_app2 by exact ge; destruct (i - length K)%nat as [|j] eqn:far; [lia|].
  rewrite (proj2 (nth_error_None K i)) by exact ge; now destruct j.
Qed.

(** --- The form of a neuron --- *)

Definition sum_at (K : list terms) (start : nat) (j : positive) (es : list (N * Z)) : Z :=
  fold_right (fun e total => snd e * terms_at j (nth (start + N.to_nat (fst e)) K []) + total) 0 es.

Lemma sum_at_cons K start j e es : sum_at K start j (e :: es) = snd e * terms_at j (nth (start + N.to_nat (fst e)) K []) + sum_at K start j es.
Proof. reflexivity. Qed.

Lemma nth_found (K : list terms) i ts : nth_error K i = Some ts -> nth i K [] = ts.
Proof. now apply nth_error_nth. Qed.

Definition readable_edges (K : list terms) (start : nat) (es : list (N * Z)) : Prop :=
  Forall (fun e => (start + N.to_nat (fst e) < length K)%nat) es.

Lemma affine_complete known K start es f : holds known K -> readable_edges K start es ->
  exists g, affine known (N.of_nat start) es 1 f = Some (1, g) /\
    forall j, coefficient_at j g = coefficient_at j f + sum_at K start j es.
Proof.
intros known_K; revert f; induction es as [|[u w] es IH]; intros f reads; [exists f; split; [reflexivity|]; cbn; lia|].
inversion reads as [|? ? u_lt rest]; subst; cbn [fst] in u_lt; cbn [affine]; rewrite key_place, known_K.
destruct (nth_error K (start + N.to_nat u)) as [ts|] eqn:found; [|apply nth_error_None in found; lia]; cbn [option_map].
destruct (IH (add_terms w ts f) rest) as [g [formed at_g]]; exists g; split; [exact formed|].
intros j; rewrite at_g, at_add_terms, sum_at_cons; cbn [fst snd]; rewrite (nth_found _ _ _ found); lia.
Qed.

Lemma before_complete known K start v : holds known K -> readable_edges K start (edges v) ->
  exists g, before known (N.of_nat start) v = Some (denominator v, g) /\
    forall j, coefficient_at j g = sum_at K start j (edges v) + (if Pos.eqb j xH then bias v else 0).
Proof.
intros known_K reads; destruct (affine_complete known K start (edges v) Empty known_K reads) as [g [formed at_g]].
unfold before; change Z.one with 1; rewrite formed, Z.mul_1_l, Z.mul_1_r; eexists; split; [reflexivity|].
intros j; rewrite at_add_term, at_g, coefficient_at_empty; lia.
Qed.

(** --- Members and classes --- *)

Definition member_terms (start : nat) (m : option (nat * Z)) : terms :=
  match m with
  | Some (k, p) => [(xO (place (start + k)), p)]
  | None => [(xH, 0)]
  end.

Definition well_formed (R : lump) : Prop :=
  Forall (fun m => match m with Some (k, _) => (k < length (classes R))%nat | None => True end) (members R).

(** Registers of the reduced network from [start] on are those of the classes. *)
Definition class_terms (K : list terms) (start : nat) (R : lump) : Prop :=
  forall k c, nth_error (classes R) k = Some c -> nth_error K (start + k) = Some [(xO (place (start + k)), snd c)].

Section Forms.
Variables (R : lump) (start : nat).
Hypothesis wf : well_formed R.
Hypothesis scales_gt0 : Forall (fun c => 0 < snd c) (classes R).

Lemma at_member k u : terms_at (xO (place (start + k))) (member_terms start (nth u (members R) None)) = part R k u.
Proof.
unfold part; destruct (nth u (members R) None) as [[k' p]|]; [|reflexivity]; cbn [member_terms]; rewrite terms_at_cons; cbn [fst snd].
change (Pos.eqb (xO ?a) (xO ?b)) with (Pos.eqb a b); rewrite place_eqb; cbn.
destruct (Nat.eqb_spec (start + k) (start + k')), (Nat.eqb_spec k' k); lia.
Qed.

(** An atom that is no class. *)
Definition foreign (j : positive) : Prop := j <> xH /\ forall k, (k < length (classes R))%nat -> j <> xO (place (start + k)).

Lemma foreign_member j u : foreign j -> terms_at j (member_terms start (nth u (members R) None)) = 0.
Proof.
intros [not_1 not_class]; destruct (nth u (members R) None) as [[k p]|] eqn:found; cbn [member_terms]; rewrite terms_at_cons; cbn [fst snd terms_at fold_right].
- replace (Pos.eqb j _) with false; [reflexivity|]; symmetry; apply Pos.eqb_neq, not_class.
  assert (in_R : In (Some (k, p)) (members R)).
  { rewrite <- found; apply nth_In; destruct (Nat.lt_ge_cases u (length (members R))) as [|ge]; [assumption|].
    rewrite nth_overflow in found by exact ge; discriminate. }
  exact (proj1 (Forall_forall _ _) wf _ in_R).
- replace (Pos.eqb j 1) with false; [reflexivity|]; symmetry; now apply Pos.eqb_neq.
Qed.

Lemma constant_member u : terms_at xH (member_terms start (nth u (members R) None)) = 0.
Proof. now destruct (nth u (members R) None) as [[k p]|]. Qed.

Lemma sums_of_members pre done es : Forall (fun e => (N.to_nat (fst e) < length (members R))%nat) es ->
  let K := pre ++ map (member_terms start) (members R) ++ done in
  (forall k, sum_at K (length pre) (xO (place (start + k))) es = fold_right (fun e total => snd e * part R k (N.to_nat (fst e)) + total) 0 es) /\
  (forall j, foreign j \/ j = xH -> sum_at K (length pre) j es = 0).
Proof.
intros range K; assert (at_u : forall u, (u < length (members R))%nat -> nth (length pre + u) K [] = member_terms start (nth u (members R) None)).
{ intros u u_lt; unfold K; rewrite app_nth2_plus, app_nth1 by now rewrite map_length.
  rewrite (nth_indep _ _ (member_terms start None)) by now rewrite map_length.
  apply map_nth. }
clearbody K; induction range as [|[u w] es u_lt _ [IHk IHj]]; [split; reflexivity|]; cbn [fst] in u_lt.
split; [intros k|intros j j_else]; rewrite sum_at_cons; cbn [fst snd fold_right]; rewrite at_u by exact u_lt.
- now rewrite at_member, IHk.
- rewrite (IHj j j_else); destruct j_else as [j_foreign| ->]; [rewrite foreign_member by exact j_foreign|rewrite constant_member]; lia.
Qed.

Lemma product_pos : 0 < product R.
Proof. unfold product; induction scales_gt0 as [|c cs c_gt0 _ IH]; cbn; [lia|]; apply Z.mul_pos_pos; [exact c_gt0|now apply IH; inversion scales_gt0]. Qed.

Lemma product_divided c : In c (classes R) -> product R / snd c * snd c = product R.
Proof.
intros found; assert (divides : (snd c | product R)).
{ unfold product; clear wf scales_gt0; induction (classes R) as [|c' cs IH]; [destruct found|]; cbn.
  destruct found as [->|found]; [apply Z.divide_factor_l|]; apply Z.divide_mul_r; now apply IH. }
pose proof (proj1 (Forall_forall _ _) scales_gt0 c found) as c_gt0; cbn in c_gt0.
destruct divides as [x ->]; rewrite Z.div_mul; lia.
Qed.

Lemma class_edges_foreign K v j k0 cs : (forall i c, nth_error cs i = Some c -> nth_error K (start + (k0 + i)) = Some [(xO (place (start + (k0 + i))), snd c)]) ->
  (forall i, (i < length cs)%nat -> j <> xO (place (start + (k0 + i)))) -> sum_at K start j (class_edges R v k0 cs) = 0.
Proof.
revert k0; induction cs as [|c cs IH]; intros k0 known other; [reflexivity|]; cbn [class_edges]; rewrite sum_at_cons; cbn [fst snd].
rewrite Nnat.Nat2N.id, IH.
- pose proof (known 0%nat c eq_refl) as here; rewrite Nat.add_0_r in here; rewrite (nth_found _ _ _ here), terms_at_cons; cbn [fst snd].
  replace (Pos.eqb j _) with false; [cbn; lia|]; symmetry; apply Pos.eqb_neq.
  specialize (other 0%nat); rewrite Nat.add_0_r in other; apply other; cbn; lia.
- intros i c' found; specialize (known (S i) c' found); rewrite <- plus_n_Sm in known; exact known.
- intros i i_lt; specialize (other (S i)); rewrite <- plus_n_Sm in other; apply other; cbn; lia.
Qed.

Lemma class_edges_own K v k0 cs i : (forall i c, nth_error cs i = Some c -> nth_error K (start + (k0 + i)) = Some [(xO (place (start + (k0 + i))), snd c)]) ->
  incl cs (classes R) -> (i < length cs)%nat ->
  sum_at K start (xO (place (start + (k0 + i)))) (class_edges R v k0 cs) = class_sum R v (k0 + i) * product R.
Proof.
revert k0 i; induction cs as [|c cs IH]; intros k0 i known inside i_lt; [cbn in i_lt; lia|]; cbn [class_edges]; rewrite sum_at_cons; cbn [fst snd].
pose proof (known 0%nat c eq_refl) as here; rewrite Nat.add_0_r in here; rewrite Nnat.Nat2N.id, (nth_found _ _ _ here), terms_at_cons; cbn [fst snd].
change (Pos.eqb (xO ?a) (xO ?b)) with (Pos.eqb a b); rewrite place_eqb.
assert (rest : forall i' c', nth_error cs i' = Some c' -> nth_error K (start + (S k0 + i')) = Some [(xO (place (start + (S k0 + i'))), snd c')]).
{ intros i' c' found; specialize (known (S i') c' found); rewrite <- plus_n_Sm in known; exact known. }
destruct i as [|i].
- rewrite class_edges_foreign by (exact rest || intros i' _ same; injection same as same; apply place_inj in same; lia).
  rewrite Nat.add_0_r, Nat.eqb_refl; cbn [terms_at fold_right].
  rewrite Z.add_0_r, Z.add_0_r, <- Z.mul_assoc, product_divided by (apply inside; now left); reflexivity.
- replace (Nat.eqb _ _) with false by (symmetry; apply Nat.eqb_neq; lia); rewrite <- plus_n_Sm; change (S (k0 + i)) with (S k0 + i)%nat.
  rewrite IH by (exact rest || (intros x x_in; apply inside; now right) || (cbn in i_lt; lia)); cbn; lia.
Qed.

End Forms.

Lemma atom_cases R start j : j = xH \/ (exists k, (k < length (classes R))%nat /\ j = xO (place (start + k))) \/ foreign R start j.
Proof.
destruct j as [j|j|]; [right; right; split; [|intros k _]; discriminate| |now left].
pose (i := N.to_nat (Pos.pred_N j)); assert (j_i : j = place i).
{ enough (same : N.pos j = N.pos (place i)) by now injection same.
  unfold place, i; rewrite N.succ_pos_spec, Nnat.N2Nat.id; symmetry; apply N.succ_pos_pred. }
destruct (Nat.lt_ge_cases i start) as [lt|ge]; [|destruct (Nat.lt_ge_cases (i - start) (length (classes R))) as [lt|far]].
- right; right; split; [discriminate|]; intros k _ same; injection same as same; rewrite j_i in same; apply place_inj in same; lia.
- right; left; exists (i - start)%nat; split; [exact lt|]; rewrite j_i; do 2 f_equal; lia.
- right; right; split; [discriminate|]; intros k k_lt same; injection same as same; rewrite j_i in same; apply place_inj in same; lia.
Qed.

Section Neuron.
Variables (known known' : tree (Z * terms)) (K' : list terms) (pre done : list terms) (R : lump) (start' : nat).
Let K := pre ++ map (member_terms start') (members R) ++ done.
Hypothesis known_K : holds known K.
Hypothesis known_K' : holds known' K'.
Hypothesis classes_K' : class_terms K' start' R.
Hypothesis wf : well_formed R.
Hypothesis scales_gt0 : Forall (fun c => 0 < snd c) (classes R).

Lemma member_before v : proper_neuron (length (members R)) v ->
  exists f, before known (N.of_nat (length pre)) v = Some (denominator v, f) /\ coefficient_at xH f = bias v /\
    (forall k, coefficient_at (xO (place (start' + k))) f = class_sum R v k) /\ (forall j, foreign R start' j -> coefficient_at j f = 0).
Proof.
intros [_ [_ range]]; assert (reads : readable_edges K (length pre) (edges v)).
{ unfold readable_edges, K; revert range; apply Forall_impl; intros e; rewrite !app_length, map_length; lia. }
destruct (before_complete known K (length pre) v known_K reads) as [f [formed at_f]]; exists f; split; [exact formed|].
destruct (sums_of_members R start' wf pre done (edges v) range) as [sums others].
split; [|split]; [|intros k|intros j j_foreign]; rewrite at_f.
- unfold K; rewrite others by (now right); cbn; lia.
- unfold K; rewrite sums; cbn; unfold class_sum; lia.
- unfold K; rewrite others by (now left); destruct j_foreign as [not_1 _].
  replace (Pos.eqb j 1) with false; [lia|]; symmetry; now apply Pos.eqb_neq.
Qed.

Lemma quotient_before r :
  exists g, before known' (N.of_nat start') (quotient_neuron R r) = Some (denominator r * product R, g) /\
    coefficient_at xH g = bias r * product R /\
    (forall k, (k < length (classes R))%nat -> coefficient_at (xO (place (start' + k))) g = class_sum R r k * product R) /\
    (forall j, foreign R start' j -> coefficient_at j g = 0).
Proof.
assert (own : forall i c, nth_error (classes R) i = Some c -> nth_error K' (start' + (0 + i)) = Some [(xO (place (start' + (0 + i))), snd c)]).
{ exact classes_K'. }
assert (reads : readable_edges K' start' (class_edges R r 0 (classes R))).
{ clear wf scales_gt0 classes_K'; unfold readable_edges; revert own; generalize 0%nat; induction (classes R) as [|c cs IH]; intros k0 own; [constructor|].
  cbn [class_edges]; constructor; cbn [fst].
  - rewrite Nnat.Nat2N.id; apply nth_error_Some; pose proof (own 0%nat c eq_refl) as here; rewrite Nat.add_0_r in here; now rewrite here.
  - apply IH; intros i c' found; specialize (own (S i) c' found); rewrite <- plus_n_Sm in own; exact own. }
destruct (before_complete known' K' start' (quotient_neuron R r) known_K' reads) as [g [formed at_g]]; exists g; split; [exact formed|].
cbn [edges quotient_neuron bias] in at_g; split; [|split]; [|intros k k_lt|intros j [not_1 others]]; rewrite at_g.
- rewrite (class_edges_foreign R start' K' r xH 0 _ own) by (intros i _; discriminate); cbn; lia.
- pose proof (class_edges_own R start' scales_gt0 K' r 0 (classes R) k own (incl_refl _) k_lt) as sum; cbn [Nat.add] in sum; rewrite sum; cbn; lia.
- rewrite (class_edges_foreign R start' K' r j 0 _ own) by exact others.
  replace (Pos.eqb j 1) with false; [lia|]; symmetry; now apply Pos.eqb_neq.
Qed.

Lemma same_up_to_complete v r p q c : proper_neuron (length (members R)) v -> 0 < denominator r -> 0 < p -> 0 < q ->
  proportional_to R v r p q -> owner c = Some (Unit (N.of_nat start') (quotient_neuron R r)) -> scale c = q ->
  same_up_to p known (Unit (N.of_nat (length pre)) v) known' c = true.
Proof.
intros v_proper r_gt0 p_gt0 q_gt0 [same_fn [biases sums]] owned scaled.
destruct (member_before v v_proper) as [f [formed [f_1 [f_k f_else]]]]; destruct (quotient_before r) as [g [formed' [g_1 [g_k g_else]]]].
assert (agree : is_multiple (q * (denominator r * product R)) f (p * denominator v) g = true).
{ pose proof (product_pos R scales_gt0); destruct v_proper as [v_gt0 _]; apply is_multiple_complete; [nia|nia|]; intros j.
  destruct (atom_cases R start' j) as [->|[[k [k_lt ->]]|j_foreign]].
  - rewrite f_1, g_1; nia.
  - rewrite f_k, g_k by exact k_lt; specialize (sums k); nia.
  - rewrite f_else, g_else by exact j_foreign; lia. }
destruct v_proper as [_ [[a [b [fn b_gt0]]] _]]; unfold same_up_to; rewrite owned, scaled; cbn [activation quotient_neuron].
rewrite <- same_fn, fn, formed, formed'; cbn [same_function same_fractions fst snd]; rewrite !Z.eqb_refl; cbn [andb].
unfold related; apply orb_true_intro; left; apply existsb_exists; exists p; split; [|exact agree].
cbn [symmetry_of fst snd]; destruct (a =? b); [|destruct (a =? - b)]; cbn [scalings].
- destruct (Z.eqb_spec p Z.zero) as [p_0|_]; [change Z.zero with 0 in p_0; lia|now left].
- unfold is_positive; change Z.zero with 0; rewrite (proj2 (Z.ltb_lt 0 p)) by exact p_gt0; now left.
- unfold is_positive; change Z.zero with 0; rewrite (proj2 (Z.ltb_lt 0 p)) by exact p_gt0; now left.
Qed.

Lemma dead_complete v other own : proper_neuron (length (members R)) v -> dead R v ->
  exists f, before known (N.of_nat (length pre)) v = Some (denominator v, f) /\
    check_unit other own (Constant 0 1) (activation v) (denominator v) f = Some (1, [(xH, 0)]).
Proof.
intros v_proper [bias_0 sums_0]; destruct (member_before v v_proper) as [f [formed [f_1 [f_k f_else]]]]; exists f; split; [exact formed|].
assert (zero : forall j, coefficient_at j f = 0).
{ intros j; destruct (atom_cases R start' j) as [->|[[k [_ ->]]|j_foreign]]; [now rewrite f_1|now rewrite f_k|now apply f_else]. }
assert (constant : is_constant f = true).
{ destruct f as [|l c r]; [reflexivity|]; cbn; rewrite !is_zero_complete; [reflexivity|intros j; exact (zero (xI j))|intros j; exact (zero (xO j))]. }
assert (constant_0 : constant_of f = 0) by (destruct f; [reflexivity|exact (zero xH)]).
destruct v_proper as [_ [[a [b [fn b_gt0]]] _]]; unfold check_unit; rewrite fn, constant, constant_0; cbn [value_at fst].
change (Z.zero <=? 0) with true; unfold same_fraction; cbn [fst snd]; rewrite Z.mul_0_l; reflexivity.
Qed.

End Neuron.

(** --- Nodes in a row --- *)

Fixpoint states (theirs : option side) (rs : list row) (vs : list node) (s : state) : option state :=
  match rs, vs with
  | [], [] => Some s
  | r :: rs', v :: vs' => match check_node theirs r v s with Some s' => states theirs rs' vs' s' | None => None end
  | _, _ => None
  end.

Lemma check_nodes_states theirs rs vs s : check_nodes theirs rs vs s = option_map here (states theirs rs vs s).
Proof.
revert vs s; induction rs as [|r rs IH]; intros [|v vs] s; try reflexivity; cbn [check_nodes states].
destruct (check_node theirs r v s); [apply IH|reflexivity].
Qed.

Lemma states_app theirs rs rs' vs vs' s s' : states theirs rs vs s = Some s' -> states theirs (rs ++ rs') (vs ++ vs') s = states theirs rs' vs' s'.
Proof.
revert vs s; induction rs as [|r rs IH]; intros [|v vs] s; cbn [states app]; try discriminate; [now intros [= ->]|].
destruct (check_node theirs r v s); [apply IH|discriminate].
Qed.

Definition state_is (s : state) (K : list terms) : Prop := holds (known (here s)) K /\ next s = place (length K).

Lemma push_is s K ts : state_is s K -> state_is (push 1 ts s) (K ++ [ts]).
Proof.
intros [known_K next_K]; split; cbn; [rewrite next_K; now apply holds_push|].
rewrite next_K, place_succ, app_length; f_equal; cbn; lia.
Qed.

Lemma proper_neuron_node n start v : proper_neuron n v -> proper_node (Unit start v) = true.
Proof.
intros [v_gt0 [[a [b [fn b_gt0]]] _]]; cbn; rewrite fn; cbn; unfold is_positive; change Z.zero with 0.
now rewrite !(proj2 (Z.ltb_lt 0 _)).
Qed.

(** A neuron of N, and what the lumping says of it; the reduced network has the claim of its class. *)
Definition neuron_ok (t : side) (R : lump) (start' start'' : nat) (v : neuron) (m : option (nat * Z)) : Prop :=
  proper_neuron (length (members R)) v /\
  match m with
  | None => dead R v
  | Some (k, p) => 0 < p /\ exists q r c, 0 < q /\ 0 < denominator r /\ proportional_to R v r p q /\
      find (place (start'' + k)) (claims t) = Some c /\ scale c = q /\ owner c = Some (Unit (N.of_nat start') (quotient_neuron R r))
  end.

Lemma neurons_accepted t K' pre R start' start'' : holds (known t) K' -> class_terms K' start' R -> well_formed R ->
    Forall (fun c => 0 < snd c) (classes R) ->
  forall vs ms, Forall2 (neuron_ok t R start' start'') vs ms ->
  forall s done, state_is s (pre ++ map (member_terms start') (members R) ++ done) ->
  exists s', states (Some t) (map (member_row start'') ms) (map (Unit (N.of_nat (length pre))) vs) s = Some s' /\
    state_is s' (pre ++ map (member_terms start') (members R) ++ done ++ map (member_terms start'') ms).
Proof.
intros known_K' classes_K' wf scales_gt0 vs ms all; induction all as [|v m vs ms [v_proper v_m] _ IH]; intros s done s_K.
{ exists s; split; [reflexivity|]; now rewrite app_nil_r. }
enough (one : check_node (Some t) (member_row start'' m) (Unit (N.of_nat (length pre)) v) s = Some (push 1 (member_terms start'' m) s)).
{ destruct (IH (push 1 (member_terms start'' m) s) (done ++ [member_terms start'' m])) as [s' [ran s'_K]].
  - pose proof (push_is s _ (member_terms start'' m) s_K) as pushed; rewrite <- !app_assoc in pushed; exact pushed.
  - exists s'; cbn [map states]; rewrite one; split; [exact ran|]; rewrite <- app_assoc in s'_K; exact s'_K. }
destruct s_K as [known_K _]; unfold check_node; rewrite (proper_neuron_node _ _ v v_proper); destruct m as [[k p]|]; cbn [member_row].
- destruct v_m as [p_gt0 [q [r [c [q_gt0 [r_gt0 [ratio [found [scaled owned]]]]]]]]]; change (N.succ_pos (N.of_nat ?i)) with (place i).
  rewrite found.
  rewrite (same_up_to_complete _ _ K' pre done R start' known_K known_K' classes_K' wf scales_gt0 v r p q c v_proper r_gt0 p_gt0 q_gt0 ratio owned scaled).
  reflexivity.
- destruct (dead_complete _ pre done R start' known_K wf v t (claims (here s)) v_proper v_m) as [f [formed checked]].
  now rewrite formed, checked.
Qed.

(** --- The reduced network --- *)

Fixpoint own_terms (start : nat) (qs : list Z) : list terms :=
  match qs with
  | [] => []
  | q :: rest => [(xO (place start), q)] :: own_terms (S start) rest
  end.

Lemma own_terms_length start qs : length (own_terms start qs) = length qs.
Proof. revert start; induction qs as [|q qs IH]; intros start; cbn; [reflexivity|now rewrite IH]. Qed.

Lemma own_terms_app start qs qs' : own_terms start (qs ++ qs') = own_terms start qs ++ own_terms (start + length qs) qs'.
Proof. revert start; induction qs as [|q qs IH]; intros start; cbn; [now rewrite Nat.add_0_r|]; rewrite IH; do 3 f_equal; lia. Qed.

Lemma nth_own_terms start qs i q : nth_error qs i = Some q -> nth_error (own_terms start qs) i = Some [(xO (place (start + i)), q)].
Proof.
revert start i; induction qs as [|q' qs IH]; intros start [|i]; cbn; try discriminate; [now intros [= ->]; rewrite Nat.add_0_r|].
intros found; rewrite Nat.add_succ_r; exact (IH (S start) i found).
Qed.

Definition claimed (cs : tree claim) (C : list (Z * option node)) : Prop :=
  forall i, match find (place i) cs, nth_error C i with
            | Some c, Some (q, v) => scale c = q /\ owner c = v
            | None, None => True
            | _, _ => False
            end.

Lemma claimed_set cs C q v flag : claimed cs C -> claimed (set (place (length C)) (Claim q v flag) cs) (C ++ [(q, v)]).
Proof.
intros cs_C i; destruct (Nat.eq_dec i (length C)) as [->|ne].
- rewrite find_set_same, nth_error_app2, Nat.sub_diag by lia; now cbn.
- rewrite find_set_other by (intros same; now apply ne, place_inj); specialize (cs_C i).
  destruct (Nat.lt_ge_cases i (length C)) as [lt|ge]; [now rewrite nth_error_app1|].
  rewrite nth_error_app2 by exact ge; destruct (i - length C)%nat as [|j] eqn:far; [lia|].
  rewrite (proj2 (nth_error_None C i)) in cs_C by exact ge; now destruct j.
Qed.

(** Scales and claims so far. *)
Definition reduced_state (s : state) (qs : list Z) (C : list (Z * option node)) : Prop :=
  state_is s (own_terms 0 qs) /\ claimed (claims (here s)) C /\ length C = length qs.

Lemma push_atom_is s qs C q flag v : reduced_state s qs C -> reduced_state (push_atoms xO q flag 1 v s) (qs ++ [q]) (C ++ [(q, v)]).
Proof.
intros [s_K [s_C same]]; split; [|split].
- rewrite own_terms_app; pose proof (push_is s _ [(xO (next s), q)] s_K) as [known_K next_K]; cbn [own_terms]; cbn [Nat.add].
  destruct s_K as [_ next_s]; rewrite own_terms_length in next_s; rewrite <- next_s; split; [exact known_K|exact next_K].
- destruct s_K as [_ next_s]; cbn; rewrite next_s, own_terms_length, <- same; now apply claimed_set.
- rewrite !app_length; cbn; now rewrite same.
Qed.

Lemma push_inputs_are n s qs C : reduced_state s qs C ->
  reduced_state (push_atoms xO 1 false n None s) (qs ++ repeat 1 n) (C ++ repeat (1, None) n).
Proof.
revert s qs C; induction n as [|n IH]; intros s qs C s_qs; [now rewrite !app_nil_r|].
cbn [repeat]; change (1 :: repeat 1 n) with ([1] ++ repeat 1 n); change ((1, None) :: ?l) with ([(1, @None node)] ++ l); rewrite !app_assoc.
exact (IH _ _ _ (push_atom_is s qs C 1 false None s_qs)).
Qed.

Lemma readable_complete known K start v : holds known K -> readable_edges K start (edges v) -> readable known (Unit (N.of_nat start) v) = true.
Proof.
intros known_K reads; cbn; apply forallb_forall; intros e e_in; unfold is_known; rewrite key_place, known_K.
pose proof (proj1 (Forall_forall _ _) reads e e_in) as lt; cbn in lt; apply nth_error_Some in lt; now destruct (nth_error K _).
Qed.

Lemma class_edges_readable K start R v k0 cs : (forall i c, nth_error cs i = Some c -> (start + (k0 + i) < length K)%nat) ->
  readable_edges K start (class_edges R v k0 cs).
Proof.
revert k0; induction cs as [|c cs IH]; intros k0 own; [constructor|]; constructor.
- cbn [fst]; rewrite Nnat.Nat2N.id; specialize (own 0%nat c eq_refl); lia.
- apply IH; intros i c' found; specialize (own (S i) c' found); lia.
Qed.

Definition leader (start : nat) (R : lump) (L : layer) (c : nat * Z) : neuron := quotient_neuron R (nth (fst c) L nowhere).

Lemma leaders_accepted start R L cs : Forall (fun c => 0 < snd c) (classes R) ->
    Forall (fun c => 0 < snd c /\ exists n, proper_neuron n (nth (fst c) L nowhere)) cs ->
  forall s qs C, reduced_state s qs C -> (start + length (classes R) <= length qs)%nat ->
  exists s', states None (map (fun c => Atom (snd c)) cs) (map (Unit (N.of_nat start)) (map (leader start R L) cs)) s = Some s' /\
    reduced_state s' (qs ++ map snd cs) (C ++ map (fun c => (snd c, Some (Unit (N.of_nat start) (leader start R L c)))) cs).
Proof.
intros scales_gt0 all; induction all as [|c cs [q_gt0 [n proper]] _ IH]; intros s qs C s_qs enough_.
{ exists s; split; [reflexivity|]; now rewrite !app_nil_r. }
pose (v := Unit (N.of_nat start) (leader start R L c)).
assert (one : exists flag, check_node None (Atom (snd c)) v s = Some (push_atoms xO (snd c) flag 1 (Some v) s)).
{ exists (value_nonnegative (here s) v); unfold check_node, v; destruct proper as [r_gt0 [[a [b [fn b_gt0]]] _]].
  assert (node_ok : proper_node (Unit (N.of_nat start) (leader start R L c)) = true).
  { cbn; rewrite fn; cbn; unfold is_positive; change Z.zero with 0; pose proof (product_pos R scales_gt0).
    now rewrite !(proj2 (Z.ltb_lt 0 _)) by nia. }
  destruct s_qs as [[known_K _] _].
  assert (reads : readable (known (here s)) (Unit (N.of_nat start) (leader start R L c)) = true).
  { apply (readable_complete _ _ _ _ known_K); cbn [leader quotient_neuron edges]; apply class_edges_readable.
    intros i c' found; rewrite own_terms_length; apply nth_error_Some_lt in found; lia. }
  rewrite node_ok, reads; unfold is_positive; change Z.zero with 0; now rewrite (proj2 (Z.ltb_lt 0 _)). }
destruct one as [flag one]; pose proof (push_atom_is s qs C (snd c) flag (Some v) s_qs) as pushed.
destruct (IH _ _ _ pushed) as [s' [ran s'_qs]]; [rewrite app_length; cbn; lia|].
exists s'; cbn [map states]; fold v; rewrite one; split; [exact ran|].
rewrite <- !app_assoc in s'_qs; exact s'_qs.
Qed.

(** --- Layers --- *)

Definition good (R : lump) : Prop := well_formed R /\ Forall (fun c => 0 < snd c) (classes R).

Lemma lumpable_good R L R' : lumpable R L R' -> good R'.
Proof.
intros [_ same all_classes neurons]; split; [|revert all_classes; apply Forall_impl; tauto].
apply Forall_forall; intros m m_in; apply In_nth_error in m_in as [i m_i]; destruct m as [[k p]|]; [|exact I].
assert (lt : (i < length L)%nat) by (rewrite <- same; now apply nth_error_Some_lt in m_i).
destruct (nth_error L i) as [v|] eqn:v_i; [|apply nth_error_None in v_i; lia].
destruct (neurons i v _ v_i m_i) as [_ [i' [q [r [found _]]]]]; now apply nth_error_Some_lt in found.
Qed.

Lemma identity_good n : good (identity_lump n).
Proof.
split; apply Forall_forall; [intros m m_in|intros c c_in]; cbn in *.
- apply in_map_iff in m_in as [i [<- i_in]]; apply in_seq in i_in; rewrite map_length, seq_length; lia.
- apply in_map_iff in c_in as [i [<- _]]; cbn; lia.
Qed.

Fixpoint tower (qs : list Z) (C : list (Z * option node)) (start : nat) (R : lump) (Ls : list layer) (Rs : list lump) : Prop :=
  match Ls, Rs with
  | L :: Ls', R' :: Rs' =>
      let start' := (start + length (classes R))%nat in
      (forall k c, nth_error (classes R') k = Some c ->
        nth_error C (start' + k) = Some (snd c, Some (Unit (N.of_nat start) (leader start R L c)))) /\
      class_terms (own_terms 0 qs) start' R' /\ tower qs C start' R' Ls' Rs'
  | _, _ => True
  end.

Lemma classes_of_scales qs R : class_terms (own_terms 0 (qs ++ map snd (classes R))) (length qs) R.
Proof.
intros k c found; apply (nth_own_terms 0); rewrite nth_error_app2 by lia.
replace (length qs + k - length qs)%nat with k by lia; now apply map_nth_error.
Qed.

Lemma class_terms_more qs qs' start R : class_terms (own_terms 0 qs) start R -> class_terms (own_terms 0 (qs ++ qs')) start R.
Proof.
intros known k c found; specialize (known k c found); rewrite own_terms_app, nth_error_app1; [exact known|].
now apply nth_error_Some_lt in known.
Qed.

Lemma reduced_accepted Ls : forall Rs R start s qs C, lumping_from R Ls Rs -> good R -> reduced_state s qs C ->
    length qs = (start + length (classes R))%nat ->
  exists s' qs' C', states None (flat_map leaders Rs) (layer_nodes start (length (classes R)) (quotient_layers R Ls Rs)) s = Some s' /\
    reduced_state s' (qs ++ qs') (C ++ C') /\ tower (qs ++ qs') (C ++ C') start R Ls Rs.
Proof.
induction Ls as [|L Ls IH]; intros [|R' Rs] R start s qs C lumped [wf scales_gt0] s_qs so_many; try (exfalso; exact lumped).
{ exists s, [], []; rewrite !app_nil_r; split; [reflexivity|split; [exact s_qs|exact I]]. }
destruct lumped as [layer_ok rest]; assert (good' := lumpable_good _ _ _ layer_ok).
assert (all : Forall (fun c => 0 < snd c /\ exists n, proper_neuron n (nth (fst c) L nowhere)) (classes R')).
{ destruct layer_ok as [proper _ all_classes _]; revert all_classes; apply Forall_impl; intros c [lt q_gt0]; split; [exact q_gt0|].
  exists (length (members R)); apply (proj1 (Forall_forall _ _) proper), nth_In, lt. }
destruct (leaders_accepted start R L (classes R') scales_gt0 all s qs C s_qs) as [s1 [ran s1_qs]]; [lia|].
destruct (IH Rs R' (start + length (classes R))%nat s1 _ _ rest good' s1_qs) as [s2 [qs' [C' [ran' [s2_qs above]]]]].
{ rewrite app_length, map_length, so_many; reflexivity. }
rewrite <- !app_assoc in s2_qs, above.
exists s2, (map snd (classes R') ++ qs'), (map (fun c => (snd c, Some (Unit (N.of_nat start) (leader start R L c)))) (classes R') ++ C').
split; [|split; [exact s2_qs|]].
- cbn [flat_map quotient_layers layer_nodes]; unfold leaders at 1, quotient_layer at 1; rewrite (states_app _ _ _ _ _ _ _ ran).
  unfold quotient_layer; rewrite map_length; exact ran'.
- cbn [tower]; split; [|split; [|exact above]].
  + intros k c found; destruct s_qs as [_ [_ same]]; rewrite nth_error_app2 by lia.
    replace (start + length (classes R) + k - length C)%nat with k by lia; rewrite nth_error_app1.
    * now rewrite (map_nth_error _ _ _ found).
    * rewrite map_length; now apply nth_error_Some_lt in found.
  + rewrite app_assoc; apply class_terms_more; rewrite <- so_many; apply classes_of_scales.
Qed.

Lemma Forall2_nth {A B} (P : A -> B -> Prop) xs ys : length xs = length ys ->
  (forall i x y, nth_error xs i = Some x -> nth_error ys i = Some y -> P x y) -> Forall2 P xs ys.
Proof.
revert ys; induction xs as [|x xs IH]; intros [|y ys]; try discriminate; intros same all; constructor; [exact (all 0%nat x y eq_refl eq_refl)|].
apply IH; [now injection same|]; intros i; exact (all (S i)).
Qed.

Lemma original_accepted t qs C Ls : holds (known t) (own_terms 0 qs) -> claimed (claims t) C ->
  forall Rs R pre start s, lumping_from R Ls Rs -> good R -> class_terms (own_terms 0 qs) start R -> tower qs C start R Ls Rs ->
    state_is s (pre ++ map (member_terms start) (members R)) ->
  exists s' pre' R' last, states (Some t) (member_rows (start + length (classes R)) Rs) (layer_nodes (length pre) (length (members R)) Ls) s = Some s' /\
    state_is s' (pre' ++ map (member_terms last) (members R')) /\
    last_start (length pre) (length (members R)) Ls = (length pre', length (members R')) /\
    last_start start (length (classes R)) (quotient_layers R Ls Rs) = (last, length (classes R')) /\
    R' = identity_lump (length (members R')) /\ class_terms (own_terms 0 qs) last R'.
Proof.
intros known_t claims_t; induction Ls as [|L Ls IH]; intros [|R' Rs] R pre start s lumped [wf scales_gt0] classes_t above s_K; try (exfalso; exact lumped).
{ exists s, pre, R, start; split; [reflexivity|split; [exact s_K|]]; now repeat split. }
destruct lumped as [layer_ok rest_ok]; cbn [tower] in above; destruct above as [own [classes_t' above]]; assert (good' := lumpable_good _ _ _ layer_ok).
assert (all : Forall2 (neuron_ok t R start (start + length (classes R))) L (members R')).
{ destruct layer_ok as [proper same all_classes neurons]; apply Forall2_nth; [now symmetry|]; intros i v m v_i m_i; split.
  - exact (proj1 (Forall_forall _ _) proper v (nth_error_In _ _ v_i)).
  - specialize (neurons i v m v_i m_i); destruct m as [[k p]|]; [|exact neurons].
    destruct neurons as [p_gt0 [i' [q [r [found [r_i ratio]]]]]]; split; [exact p_gt0|].
    pose proof (claims_t (start + length (classes R) + k)%nat) as claim_k; rewrite (own k _ found) in claim_k; cbn [snd fst] in claim_k.
    destruct (find _ (claims t)) as [c|] eqn:c_k; [|destruct claim_k]; destruct claim_k as [scaled owned].
    exists q, r, c; split; [exact (proj2 (proj1 (Forall_forall _ _) all_classes _ (nth_error_In _ _ found)))|].
    split; [exact (proj1 (proj1 (Forall_forall _ _) proper r (nth_error_In _ _ r_i)))|]; split; [exact ratio|]; split; [exact eq_refl|].
    split; [exact scaled|]; rewrite owned; unfold leader; cbn [fst]; do 3 f_equal; now apply nth_error_nth. }
destruct (neurons_accepted t _ pre R start (start + length (classes R)) known_t classes_t wf scales_gt0 _ _ all s []) as [s1 [ran s1_K]].
{ now rewrite app_nil_r. }
cbn [app] in s1_K; rewrite app_assoc in s1_K; destruct (IH Rs R' _ _ s1 rest_ok good' classes_t' above s1_K) as [s' [pre' [R'' [last [ran' rest]]]]].
rewrite app_length, map_length in ran', rest; destruct layer_ok as [_ same _ _].
exists s', pre', R'', last; cbn [member_rows layer_nodes last_start quotient_layers]; unfold quotient_layer; rewrite map_length, <- same.
split; [|exact rest]; rewrite (states_app _ _ _ _ _ _ _ ran); exact ran'.
Qed.

(** --- Two networks --- *)

Lemma outputs_accepted known known' K K' start start' w : holds known K -> holds known' K' ->
    (forall i, (i < w)%nat -> exists ts, nth_error K (start + i) = Some ts /\ nth_error K' (start' + i) = Some ts) ->
  proportional Z.one Z.one known 0 (map N.of_nat (seq start w)) known' 0 (map N.of_nat (seq start' w)) = true.
Proof.
intros known_K known_K'; revert start start'; induction w as [|w IH]; intros start start' same; [reflexivity|]; cbn [seq map proportional].
destruct (same 0%nat) as [ts [ts_K ts_K']]; [lia|]; rewrite Nat.add_0_r in ts_K, ts_K'.
change 0%N with (N.of_nat 0); rewrite !key_place, !Nnat.Nat2N.id; cbn [Nat.add]; rewrite known_K, known_K', ts_K, ts_K'; cbn [option_map].
rewrite is_multiple_complete by (discriminate || reflexivity); cbn [andb]; apply IH.
intros i i_lt; destruct (same (S i)) as [ts' found]; [lia|]; exists ts'; now rewrite !Nat.add_succ_r in found.
Qed.

Lemma inputs_own n : own_terms 0 (repeat 1 n) = map (member_terms 0) (map (fun i => Some (i, 1)) (seq 0 n)).
Proof. generalize 0%nat at 1 3; induction n as [|n IH]; intros start; cbn; [reflexivity|]; now rewrite IH. Qed.

Lemma nth_error_seq n i : (i < n)%nat -> nth_error (seq 0 n) i = Some i.
Proof.
intros lt; assert (lt' : (i < length (seq 0 n))%nat) by now rewrite seq_length.
rewrite (nth_error_nth' _ 0%nat lt'), seq_nth by exact lt; reflexivity.
Qed.

Theorem canonical_accepted n Ls Rs : lumping n Ls Rs -> check (layered n Ls) (quotient n Ls Rs) (canonical n Rs) = true.
Proof.
intros lumped; unfold lumping in lumped; pose (R := identity_lump n).
assert (n_classes : length (classes R) = n) by (cbn; now rewrite map_length, seq_length).
assert (n_members : length (members R) = n) by (cbn; now rewrite map_length, seq_length).
assert (inputs_are : reduced_state (push_atoms xO 1 false n None (State (Side Empty Empty) xH)) (repeat 1 n) (repeat (1, None) n)).
{ apply (push_inputs_are n _ [] []); split; [split; [|reflexivity]|split; [|reflexivity]]; intros i; cbn [known claims here].
  - rewrite find_empty; now destruct i.
  - rewrite find_empty; now destruct i. }
assert (scales : repeat 1 n = map snd (classes R)).
{ cbn; rewrite map_map; cbn; rewrite <- (seq_length n 0) at 1; generalize (seq 0 n); intros l; induction l; cbn; [reflexivity|now f_equal]. }
destruct (reduced_accepted Ls Rs R 0 _ _ _ lumped (identity_good n) inputs_are) as [s' [qs' [C' [ran [s'_qs above]]]]].
{ now rewrite repeat_length, n_classes. }
pose (t := here s'); destruct s'_qs as [[known_t _] [claims_t _]]; pose (qs := repeat 1 n ++ qs').
assert (classes_t : class_terms (own_terms 0 qs) 0 R).
{ unfold qs; apply class_terms_more; rewrite scales; exact (classes_of_scales [] R). }
pose (s0 := input_state (Some t) n); assert (s0_K : state_is s0 ([] ++ map (member_terms 0) (members R))).
{ destruct inputs_are as [[known_0 next_0] _]; cbn [app]; change (members R) with (map (fun i => Some (i, 1)) (seq 0 n)).
  rewrite <- inputs_own; split; [exact known_0|exact next_0]. }
destruct (original_accepted t qs _ Ls known_t claims_t Rs R [] 0 s0 lumped (identity_good n) classes_t above s0_K)
  as [s'' [pre' [R' [last [ran' [[known_s'' _] [ends [ends' [last_identity classes_last]]]]]]]]].
cbn [length] in ran', ends; rewrite n_classes, n_members in *; cbn [Nat.add] in ran'.
pose (w := length (members R')); fold w in last_identity, ends.
assert (w_classes : length (classes R') = w) by (rewrite last_identity; cbn; now rewrite map_length, seq_length).
unfold check, quotient, layered; fold R; rewrite ends, ends', w_classes; cbn [inputs nodes outputs]; rewrite Nat.eqb_refl; cbn [andb].
unfold check_side; cbn [nodes inputs canonical reduced original]; rewrite check_nodes_states.
change (input_state None n) with (push_atoms xO 1 false n None (State (Side Empty Empty) xH)); rewrite ran; cbn [option_map].
rewrite check_nodes_states; fold t; fold s0; rewrite ran'; cbn [option_map].
apply (outputs_accepted _ _ _ _ _ _ _ known_s'' known_t); intros i i_lt; exists [(xO (place (last + i)), 1)]; split.
- rewrite nth_error_app2 by lia; replace (length pre' + i - length pre')%nat with i by lia; rewrite last_identity.
  change (members (identity_lump w)) with (map (fun i => Some (i, 1)) (seq 0 w)).
  now rewrite map_map, (map_nth_error _ _ _ (nth_error_seq w i i_lt)).
- apply (classes_last i (i, 1)); rewrite last_identity.
  change (classes (identity_lump w)) with (map (fun i => (i, 1)) (seq 0 w)); now rewrite (map_nth_error _ _ _ (nth_error_seq w i i_lt)).
Qed.
