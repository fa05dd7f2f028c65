(* SPDX-License-Identifier: Apache-2.0 *)
(** This file is about why the checker may be believed: [check N N' c = true] implies that N and N' compute the same function.

   Every atom gets a value: that of its register, over the scale.  Nothing is proved there, only named.  Then, by induction
   over the nodes of N' and over those of N, the terms of every register are its value (theorem T5).                     *)
From Coq Require Import List Bool ZArith Lia Ring Ring_theory.
From Exactlump Require Import Network Numbers Functions Laws Forms FormsProof Checker FunctionsProof RowsProof.
Import ListNotations.

Section Soundness.
Variable F : numbers.
Hypothesis field : ordered_field F.
Variable M : meaning F.
Hypothesis laws : lawful M.
Add Ring F_ring : (ring_laws F field).

Notation "x + y" := (add x y).
Notation "x * y" := (mul x y).
Notation Z_ := (@of_Z F).
Notation fv := (form_value F).
Notation tv := (terms_value F).
Notation known_ok := (known_ok F).
Notation claims_ok := (claims_ok F M).
Implicit Types (env : positive -> F) (ys zs : list F) (f g : form) (ts : terms) (k j : positive) (p q m : Z) (v : node).

Local Arguments of_Z : simpl never.
Local Arguments Z.add : simpl never.
Local Arguments Z.mul : simpl never.
Local Arguments Z.opp : simpl never.

Lemma width_values ys v : length (node_values M ys v) = width v.
Proof. destruct v as [? ?|? ?|? r ?]; cbn; [reflexivity..|]; now rewrite map_length, seq_length. Qed.

Lemma at_key_shift i k : at_key (shift i k) = (at_key k + i)%nat.
Proof. induction i as [|i IH]; [cbn; lia|]; change (shift (S i) k) with (Pos.succ (shift i k)); rewrite at_key_succ, IH; lia. Qed.

Lemma shift_succ i k : shift (S i) k = shift i (Pos.succ k).
Proof. apply at_key_inj; rewrite !at_key_shift, at_key_succ; lia. Qed.

(** Of no claims. *)
Lemma none env k (c : claim) : find k Empty = Some c -> atom_nonnegative c = true -> nonnegative (env (xI k)) = true.
Proof. now destruct k. Qed.

(** --- The greatest of several --- *)

Lemma greatest_nonnegative ys : Forall (fun y : F => nonnegative y = true) ys -> nonnegative (greatest ys) = true.
Proof.
intros [|y ys' y_ge0 all]; cbn; [apply (nonnegative_0 F field)|]; revert y y_ge0.
induction all as [|z zs z_ge0 _ IH]; cbn; intros y y_ge0; [exact y_ge0|]; apply IH; unfold greater; now destruct (nonnegative (y + opp z)).
Qed.

Lemma greatest_constant (c : F) ys : ys <> [] -> Forall (eq c) ys -> greatest ys = c.
Proof.
intros some all; destruct all as [|y ys' c_y all]; [congruence|]; subst y; cbn; clear some.
induction all as [|z zs <- _ IH]; cbn; [reflexivity|]; unfold greater at 2; now destruct (nonnegative _).
Qed.

Lemma all_constant_sound env known ys start us p q : env xH = one -> known_ok env known ys -> (0 < q)%Z ->
    all_constant known start us p q = true ->
  Forall (eq (of_fraction (p, q))) (map (register ys start) us).
Proof.
intros env_1 ok q_gt0; induction us as [|u us IH]; cbn [all_constant map]; [constructor|].
destruct (find _ _) as [[m ts]|] eqn:u_ts; [|discriminate]; intros [same rest]%andb_true_iff; constructor; [|now apply IH].
destruct (known_register F _ _ _ ok _ _ _ _ u_ts) as [m_gt0 value]; apply (of_fraction_unique F field); [exact q_gt0|].
apply (is_multiple_value F field _ _ _ _ env) in same.
rewrite (register_form F field), <- value, (add_term_value F field), env_1 in same; cbn in same.
rewrite (of_Z_1 F), (of_Z_mul F field) in same.
apply (cancel_Z F field m); [exact m_gt0|]; replace (Z_ m * (Z_ q * register ys start u)) with (Z_ q * (Z_ m * register ys start u)) by ring.
rewrite same; ring.
Qed.

Lemma all_nonnegative_sound env s ys start us : env xH = one -> known_ok env (known s) ys -> claims_ok env xO (claims s) ys ->
    all_nonnegative (claims s) (known s) start us = true ->
  Forall (fun y => nonnegative y = true) (map (register ys start) us).
Proof.
intros env_1 ok claims_s; induction us as [|u us IH]; cbn [all_nonnegative map]; [constructor|].
destruct (find _ _) as [[m ts]|] eqn:u_ts; [|discriminate]; intros [u_ge0 rest]%andb_true_iff; constructor; [|now apply IH].
destruct (known_register F _ _ _ ok _ _ _ _ u_ts) as [m_gt0 value].
apply (nonnegative_of_form F field M env s ys env_1 claims_s Empty (none env) m (add_terms Z.one ts Empty)); try assumption.
now rewrite (register_form F field).
Qed.

Lemma range_nonnegative_sound ys v i : proper_node v = true -> range_nonnegative v = true -> nonnegative (nth i (node_values M ys v) zero) = true.
Proof.
intros proper; pose proof (nonnegative_0 F field) as zero_ge0; destruct v as [start n|start us|o r us]; cbn [range_nonnegative node_values]; try discriminate.
- cbn in proper; apply andb_true_iff in proper as [_ proper]; intros range.
  destruct i as [|[|i]]; cbn [nth]; [|exact zero_ge0..]; now apply (never_negative_sound F field M laws).
- destruct o; try discriminate; intros _.
  destruct (nth_in_or_default i (map (fun e => nth e (of_operator F M Softmax (map (register ys 0) us)) zero) (seq 0 r)) zero) as [found| ->];
    [|exact zero_ge0].
  apply in_map_iff in found as [e [<- _]]; apply (softmax_law M laws).
Qed.

Lemma value_nonnegative_sound env s ys v i : env xH = one -> known_ok env (known s) ys -> claims_ok env xO (claims s) ys ->
  proper_node v = true -> value_nonnegative s v = true -> nonnegative (nth i (node_values M ys v) zero) = true.
Proof.
intros env_1 ok claims_s proper; pose proof (nonnegative_0 F field) as zero_ge0.
destruct v as [start n|start us|o r us]; cbn [value_nonnegative node_values].
- cbn in proper; apply andb_true_iff in proper as [d_gt0%is_positive_spec proper].
  destruct i as [|[|i]]; cbn [nth]; [|intros; exact zero_ge0..]; rewrite orb_true_iff; intros [range|form_ge0].
  + now apply (never_negative_sound F field M laws).
  + apply andb_true_iff in form_ge0 as [linear form_ge0]; destruct (before _ _ _) as [[m f]|] eqn:n_f; [|discriminate].
    destruct (before_sound F field env _ ys env_1 ok _ _ _ _ n_f d_gt0) as [m_gt0 value].
    rewrite (identity_apply F field M) by assumption; now apply (nonnegative_of_form F field M env s ys env_1 claims_s Empty (none env) m f).
- destruct i as [|[|i]]; cbn [nth]; [|intros; exact zero_ge0..]; intros all; apply greatest_nonnegative.
  now apply (all_nonnegative_sound env s).
- destruct o; try discriminate; intros _.
  destruct (nth_in_or_default i (map (fun e => nth e (of_operator F M Softmax (map (register ys 0) us)) zero) (seq 0 r)) zero) as [found| ->];
    [|exact zero_ge0].
  apply in_map_iff in found as [e [<- _]]; apply (softmax_law M laws).
Qed.

(** --- Bookkeeping --- *)

Definition keys_below (cs : tree claim) (n : nat) := forall k c, find k cs = Some c -> (at_key k < n)%nat.

Lemma push_atoms_keeps atom q flag r w s k c : find k (claims (here s)) = Some c -> (at_key k < at_key (next s))%nat ->
  find k (claims (here (push_atoms atom q flag r w s))) = Some c.
Proof.
revert w s; induction r as [|r IH]; cbn [push_atoms]; intros w s k_c k_lt; [exact k_c|]; apply IH; cbn [here claims next push].
- rewrite find_set_other; [exact k_c|]; intros ->; lia.
- rewrite at_key_succ; lia.
Qed.

Lemma push_atoms_finds atom q flag r w s i : (i < r)%nat ->
  exists c, find (shift i (next s)) (claims (here (push_atoms atom q flag r w s))) = Some c /\ scale c = q.
Proof.
revert w s i; induction r as [|r IH]; intros w s [|i] i_lt; try lia; cbn [push_atoms].
- exists (Claim q w flag); split; [|reflexivity]; apply push_atoms_keeps; cbn [here claims next push]; [apply find_set_same|].
  rewrite at_key_succ; change (shift 0 (next s)) with (next s); lia.
- rewrite shift_succ; apply (IH None (State _ (Pos.succ (next s)))); lia.
Qed.

Lemma push_atoms_next atom q flag r w s : at_key (next (push_atoms atom q flag r w s)) = (at_key (next s) + r)%nat.
Proof. revert w s; induction r as [|r IH]; intros w s; cbn [push_atoms]; [lia|]; rewrite IH; cbn [next push]; rewrite at_key_succ; lia. Qed.

Lemma push_atoms_below atom q flag r w s : keys_below (claims (here s)) (at_key (next s)) ->
  keys_below (claims (here (push_atoms atom q flag r w s))) (at_key (next s) + r).
Proof.
revert w s; induction r as [|r IH]; intros w s below; cbn [push_atoms]; [now rewrite Nat.add_0_r|].
replace (at_key (next s) + S r)%nat with (at_key (Pos.succ (next s)) + r)%nat by (rewrite at_key_succ; lia).
apply (IH None (State _ (Pos.succ (next s)))); cbn [here claims push next]; intros k c k_c; rewrite at_key_succ.
apply find_set in k_c as [[-> _]|k_c]; [lia|apply below in k_c; lia].
Qed.

Lemma push_multiples_claims a p r k s : claims (here (push_multiples a p r k s)) = claims (here s).
Proof. revert k s; induction r as [|r IH]; intros k s; cbn [push_multiples]; [reflexivity|]; now rewrite IH. Qed.

Lemma push_multiples_next a p r k s : at_key (next (push_multiples a p r k s)) = (at_key (next s) + r)%nat.
Proof. revert k s; induction r as [|r IH]; intros k s; cbn [push_multiples]; [lia|]; rewrite IH; cbn [next push]; rewrite at_key_succ; lia. Qed.

(** A node adds its registers, and changes no claim. *)
Lemma check_node_keeps theirs r v s s' : check_node theirs r v s = Some s' -> keys_below (claims (here s)) (at_key (next s)) ->
  at_key (next s') = (at_key (next s) + width v)%nat /\ keys_below (claims (here s')) (at_key (next s')) /\
  forall k c, find k (claims (here s)) = Some c -> find k (claims (here s')) = Some c.
Proof.
intros found below; assert (pushed : forall a p k, s' = push_multiples a p (width v) k s ->
  at_key (next s') = (at_key (next s) + width v)%nat /\ keys_below (claims (here s')) (at_key (next s')) /\
  forall j c, find j (claims (here s)) = Some c -> find j (claims (here s')) = Some c).
{ intros a p k ->; rewrite push_multiples_next, push_multiples_claims; repeat split; try easy.
  intros j c j_c; apply below in j_c; lia. }
assert (single : forall q ts, width v = 1%nat -> s' = push q ts s ->
  at_key (next s') = (at_key (next s) + width v)%nat /\ keys_below (claims (here s')) (at_key (next s')) /\
  forall j c, find j (claims (here s)) = Some c -> find j (claims (here s')) = Some c).
{ intros q ts -> ->; cbn [push here next claims]; rewrite at_key_succ; repeat split; try easy; [lia|].
  intros j c j_c; apply below in j_c; lia. }
revert found; unfold check_node; destruct (proper_node v); [|discriminate].
assert (by_unit : forall own other mine, match v with
  | Unit start n => match before (known (here s)) start n with
      | Some (m, f) => match
          match r with
          | Mirror u p => check_twin (here s) own u p (activation n) m f
          | _ => check_unit other mine r (activation n) m f
          end with Some (q, ts) => Some (push q ts s) | None => None end
      | None => None end
  | Greatest start us => match r, us with
      | Constant p q, _ :: _ =>
          if is_positive q && all_constant (known (here s)) start us p q then Some (push q [(xH, p)] s) else None
      | _, _ => None end
  | Apply _ _ _ => None
  end = Some s' -> exists q ts, width v = 1%nat /\ s' = push q ts s).
{ intros own other mine; destruct v as [start n|start us|? ? ?]; [| |discriminate].
  - destruct (before _ _ _) as [[m f]|]; [|discriminate]; destruct (match r with Mirror u p => _ | _ => _ end) as [[q ts]|]; [|discriminate].
    intros [= <-]; now exists q, ts.
  - destruct r; try discriminate; destruct us; [discriminate|]; destruct (_ && _); [|discriminate]; intros [= <-]; eexists _, _; easy. }
destruct r as [q|k p|u p|p q| |ts p q|k p|ms q|ms q|u p];
  try (intros found; apply (by_unit (match theirs with None => xO | Some _ => xI end) (match theirs with None => here s | Some t => t end) (match theirs with None => Empty | Some _ => claims (here s) end)) in found as [q' [ts' [one same]]]; now apply (single q' ts')); clear by_unit single.
- destruct (_ && _); [|discriminate]; intros [= <-]; rewrite push_atoms_next; split; [reflexivity|]; split; [now apply push_atoms_below|].
  intros k c k_c; apply push_atoms_keeps; [exact k_c|now apply below in k_c].
- destruct (find _ _) as [c|]; [|discriminate]; destruct (same_up_to _ _ _ _ _); [|discriminate]; intros [= <-]; now eapply pushed.
- destruct (find _ _) as [c|]; [|discriminate]; destruct (same_up_to _ _ _ _ _); [|discriminate]; intros [= <-]; now eapply pushed.
Qed.

Lemma check_nodes_keeps theirs rs vs s t : check_nodes theirs rs vs s = Some t -> keys_below (claims (here s)) (at_key (next s)) ->
  forall k c, find k (claims (here s)) = Some c -> find k (claims t) = Some c.
Proof.
revert vs s; induction rs as [|r rs IH]; intros [|v vs] s; cbn [check_nodes]; try discriminate; [now intros [= <-]|].
destruct (check_node _ _ _ _) as [s'|] eqn:v_s'; [|discriminate]; intros found below k c k_c.
destruct (check_node_keeps _ _ _ _ _ v_s' below) as [_ [below' keeps]]; apply (IH vs s'); auto.
Qed.

(** --- Adding registers --- *)

Section Pass.
Variables (env : positive -> F) (atom : positive -> positive) (finals : list F).
Hypothesis env_1 : env xH = one.

(** The next register is the one after ys; claims are about registers before it. *)
Record state_ok (s : state) ys : Prop := StateOk {
  next_ok : at_key (next s) = length ys;
  registers_ok : known_ok env (known (here s)) ys;
  atoms_ok : claims_ok env atom (claims (here s)) finals;
  keys_ok : keys_below (claims (here s)) (length ys) }.

Lemma push_sound s ys q ts y : state_ok s ys -> (0 < q)%Z -> Z_ q * y = tv env ts -> state_ok (push q ts s) (ys ++ [y]).
Proof.
intros [next_s known_s claims_s keys_s] q_gt0 value; split; cbn [push here next known claims].
- rewrite at_key_succ, next_s, app_length; cbn; lia.
- now apply known_snoc.
- exact claims_s.
- intros k c k_c; rewrite app_length; apply keys_s in k_c; lia.
Qed.

Lemma push_multiples_sound a p r k s ys zs : state_ok s ys -> length zs = r ->
    (forall i, (i < r)%nat -> nth i zs zero = Z_ p * env (a (shift i k))) ->
  state_ok (push_multiples a p r k s) (ys ++ zs).
Proof.
revert k s ys zs; induction r as [|r IH]; intros k s ys [|z zs] ok len values; try discriminate; cbn [push_multiples].
- now rewrite app_nil_r.
- replace (ys ++ z :: zs) with ((ys ++ [z]) ++ zs) by now rewrite <- app_assoc.
  apply IH; [|now injection len|].
  + apply push_sound; [exact ok|reflexivity|]; cbn; rewrite (of_Z_1 F).
    pose proof (values 0%nat (Nat.lt_0_succ r)) as first; cbn in first; rewrite first; ring.
  + intros i i_lt; rewrite <- shift_succ; exact (values (S i) ltac:(lia)).
Qed.

Lemma push_atoms_sound q flag r w s ys zs : state_ok s ys -> length zs = r -> (0 < q)%Z ->
    (flag = true -> forall i, (i < r)%nat -> nonnegative (nth i zs zero) = true) ->
    (forall i, (i < r)%nat -> Z_ q * env (atom (shift i (next s))) = nth i zs zero) ->
    (forall v, w = Some v -> r <> 0%nat -> proper_node v = true /\
       forall i, (i < width v)%nat -> Z_ q * env (atom (shift i (next s))) = nth i (node_values M finals v) zero) ->
  state_ok (push_atoms atom q flag r w s) (ys ++ zs).
Proof.
revert w s ys zs; induction r as [|r IH]; intros w s ys [|z zs] ok len q_gt0 signs values owned; try discriminate; cbn [push_atoms].
- now rewrite app_nil_r.
- replace (ys ++ z :: zs) with ((ys ++ [z]) ++ zs) by now rewrite <- app_assoc.
  pose proof (values 0%nat (Nat.lt_0_succ r)) as first; cbn [shift Nat.iter nat_rect nth] in first; change (shift 0 (next s)) with (next s) in first.
  assert (pushed : state_ok (push Z.one [(atom (next s), q)] s) (ys ++ [z])).
  { apply push_sound; [exact ok|reflexivity|]; cbn; rewrite (of_Z_1 F), first; ring. }
  destruct ok as [next_s known_s claims_s keys_s]; destruct pushed as [next_p known_p _ _].
  apply IH; [|now injection len|exact q_gt0| | |discriminate].
  + split; cbn [here next known claims]; [exact next_p|exact known_p| |].
    * intros k c k_c; apply find_set in k_c as [[-> <-]|k_c]; [|now apply claims_s]; cbn [scale atom_nonnegative owner].
      repeat split; [exact q_gt0| |now apply owned|now apply owned].
      intros flagged; rewrite <- (nonnegative_scaled F field q), first by assumption; exact (signs flagged 0%nat (Nat.lt_0_succ r)).
    * intros k c k_c; rewrite app_length; apply find_set in k_c as [[-> _]|k_c]; [cbn; lia|apply keys_s in k_c; lia].
  + intros flagged i i_lt; exact (signs flagged (S i) ltac:(lia)).
  + intros i i_lt; cbn [next push]; rewrite <- shift_succ; exact (values (S i) ltac:(lia)).
Qed.

(** --- One node --- *)

Section Node.
Variables (theirs : option side) (zs : list F).
Hypothesis theirs_ok :
  match theirs with
  | None => atom = xO
  | Some t => atom = xI /\ known_ok env (known t) zs /\ claims_ok env xO (claims t) zs
  end.

Lemma copy_sound a p s ys v other ys' k c : state_ok s ys -> proper_node v = true -> known_ok env (known other) ys' ->
    claims_ok env a (claims other) ys' -> find k (claims other) = Some c -> same_up_to p (known (here s)) v (known other) c = true ->
  state_ok (push_multiples a p (width v) k s) (ys ++ node_values M ys v).
Proof.
intros ok proper known_other claims_other k_c same; destruct (claims_other _ _ k_c) as [c_gt0 [_ node_ok]].
destruct (owner c) as [v'|] eqn:c_v'; [|unfold same_up_to in same; rewrite c_v' in same; now destruct v].
destruct (node_ok _ eq_refl) as [proper' values].
destruct (same_up_to_sound F field M laws env _ _ ys ys' p v c v' env_1 (registers_ok _ _ ok) known_other proper proper' c_v' c_gt0 same)
  as [widths ratios].
apply push_multiples_sound; [exact ok|apply width_values|]; intros i i_lt.
apply (cancel_Z F field (scale c)); [exact c_gt0|]; rewrite ratios, <- values by congruence; ring.
Qed.

Lemma check_node_sound r v s s' ys rest : finals = (ys ++ node_values M ys v) ++ rest -> state_ok s ys ->
    (forall k c, find k (claims (here s')) = Some c -> (length ys <= at_key k)%nat -> (0 < scale c)%Z ->
       Z_ (scale c) * env (atom k) = nth (at_key k) finals zero) ->
    check_node theirs r v s = Some s' ->
  state_ok s' (ys ++ node_values M ys v).
Proof.
intros final ok values; unfold check_node; set (own := match theirs with None => xO | Some _ => xI end).
assert (own_atom : own = atom) by (unfold own; destruct theirs; intuition congruence).
set (other := match theirs with None => here s | Some t => t end).
set (mine := match theirs with None => Empty | Some _ => claims (here s) end).
assert (mine_ok : forall k c, find k mine = Some c -> atom_nonnegative c = true -> nonnegative (env (xI k)) = true).
{ unfold mine; intros k c; destruct theirs as [t|]; [|now destruct k]; intros k_c; destruct theirs_ok as [<- _].
  now apply (atoms_ok _ _ ok). }
assert (known_finals : known_ok env (known (here s)) finals).
{ rewrite final, <- app_assoc; apply known_more, ok. }
assert (other_ok : exists ys', known_ok env (known other) ys' /\ claims_ok env xO (claims other) ys').
{ unfold other; destruct theirs as [t|]; [exists zs; tauto|]; exists finals; rewrite <- theirs_ok; split; [exact known_finals|apply ok]. }
destruct (proper_node v) eqn:proper; [|discriminate].
assert (by_unit : match v with
  | Unit start n => match before (known (here s)) start n with
      | Some (m, f) => match
          match r with
          | Mirror u p => check_twin (here s) own u p (activation n) m f
          | _ => check_unit other mine r (activation n) m f
          end with Some (q, ts) => Some (push q ts s) | None => None end
      | None => None end
  | Greatest start us => match r, us with
      | Constant p q, _ :: _ =>
          if is_positive q && all_constant (known (here s)) start us p q then Some (push q [(xH, p)] s) else None
      | _, _ => None end
  | Apply _ _ _ => None
  end = Some s' -> state_ok s' (ys ++ node_values M ys v)).
{ clear values; destruct other_ok as [ys' [known_other claims_other]]; destruct v as [start n|start us|? ? ?]; [| |discriminate].
  - destruct (before _ _ _) as [[m f]|] eqn:n_f; [|discriminate].
    destruct (match r with Mirror u p => _ | _ => _ end) as [[q ts]|] eqn:unit_ok; [|discriminate]; intros [= <-]; cbn in proper; apply andb_true_iff in proper as [d_gt0%is_positive_spec proper].
    destruct (before_sound F field env _ ys env_1 (registers_ok _ _ ok) _ _ _ _ n_f d_gt0) as [m_gt0 value].
    assert (sound : (0 < q)%Z /\ Z_ q * apply M (activation n) (preactivation ys start n) = tv env ts).
    { destruct r as [| | | | | | | | |u p];
        try exact (check_unit_sound F field M laws env other ys' env_1 known_other claims_other mine mine_ok _ _ _ _ _ _ _ proper m_gt0 value unit_ok).
      rewrite own_atom in unit_ok.
      exact (check_twin_sound F field M laws env atom (here s) finals env_1 known_finals (atoms_ok _ _ ok) _ _ _ _ _ _ _ _ proper m_gt0 value unit_ok). }
    destruct sound as [q_gt0 result].
    now apply push_sound.
  - destruct r as [| | |p q| | | | | |]; try discriminate; destruct us as [|u us]; [discriminate|].
    destruct (_ && _) eqn:constant; [|discriminate]; apply andb_true_iff in constant as [q_gt0%is_positive_spec constant].
    intros [= <-]; apply push_sound; [exact ok|exact q_gt0|]; cbn [terms_value fst snd].
    apply (all_constant_sound env _ ys) in constant; [|exact env_1|apply ok|exact q_gt0].
    rewrite (greatest_constant (of_fraction (p, q))); [|discriminate|exact constant].
    pose proof (of_fraction_scaled F field (p, q) q_gt0) as scaled_value; cbn [fst snd] in scaled_value.
    rewrite scaled_value, env_1; ring. }
destruct r as [q|k p|u p|p q| |ts p q|k p|ms q|ms q|u p]; try exact by_unit; clear by_unit.
- destruct (_ && _) eqn:fits; [|discriminate]; apply andb_true_iff in fits as [q_gt0%is_positive_spec reads].
  intros [= made]; rewrite own_atom in made.
  assert (same_values : node_values M finals v = node_values M ys v).
  { rewrite final, <- app_assoc; now apply (node_values_more F M env (known (here s)) ys (registers_ok _ _ ok)). }
  assert (atoms : forall i, (i < width v)%nat -> Z_ q * env (atom (shift i (next s))) = nth i (node_values M ys v) zero).
  { intros i i_lt; rewrite <- made in values.
    destruct (push_atoms_finds atom q (match theirs with None => value_nonnegative (here s) v | Some _ => range_nonnegative v end) (width v) (Some v) s i i_lt)
      as [c [found c_q]].
    rewrite <- c_q, (values _ _ found), at_key_shift, (next_ok _ _ ok) by (rewrite ?at_key_shift, ?(next_ok _ _ ok); lia).
    rewrite final, app_nth1 by (rewrite app_length, width_values; lia); rewrite app_nth2 by lia; f_equal; lia. }
  rewrite <- made; apply push_atoms_sound; [exact ok|apply width_values|exact q_gt0| |exact atoms|].
  + destruct theirs; intros flagged i _; [now apply range_nonnegative_sound|]; rewrite <- same_values.
    apply (value_nonnegative_sound env (here s)); try assumption; rewrite <- theirs_ok; apply ok.
  + intros v' [= <-] _; split; [exact proper|]; now rewrite same_values.
- destruct other_ok as [ys' [known_other claims_other]].
  destruct (find _ _) as [c|] eqn:k_c; [|discriminate]; destruct (same_up_to _ _ _ _ _) eqn:same; [|discriminate].
  intros [= <-]; now apply (copy_sound xO p s ys v other ys' _ c).
- destruct (find _ _) as [c|] eqn:u_c; [|discriminate]; destruct (same_up_to _ _ _ _ _) eqn:same; [|discriminate].
  rewrite own_atom; intros [= <-].
  apply (copy_sound atom p s ys v (here s) finals _ c); try assumption; apply ok.
Qed.

(** --- All nodes --- *)

Lemma run_more vs ys : exists rest, run M vs ys = ys ++ rest.
Proof.
revert ys; induction vs as [|v vs IH]; intros ys; [exists []; cbn; now rewrite app_nil_r|].
destruct (IH (ys ++ node_values M ys v)) as [rest same]; exists (node_values M ys v ++ rest); cbn; now rewrite app_assoc.
Qed.

Lemma check_nodes_sound rs vs s t ys : run M vs ys = finals -> state_ok s ys -> check_nodes theirs rs vs s = Some t ->
    (forall k c, find k (claims t) = Some c -> (0 < scale c)%Z -> Z_ (scale c) * env (atom k) = nth (at_key k) finals zero) ->
  known_ok env (known t) finals /\ claims_ok env atom (claims t) finals.
Proof.
revert vs s ys; induction rs as [|r rs IH]; intros [|v vs] s ys ran ok; cbn [check_nodes]; try discriminate.
- intros [= <-] _; cbn in ran; rewrite <- ran at 1; split; apply ok.
- destruct (check_node _ _ _ _) as [s'|] eqn:v_s'; [|discriminate]; intros found values; cbn in ran.
  assert (below : keys_below (claims (here s)) (at_key (next s))) by (rewrite (next_ok _ _ ok); apply ok).
  destruct (check_node_keeps _ _ _ _ _ v_s' below) as [_ [below' _]].
  apply (IH vs s' (ys ++ node_values M ys v)); [exact ran| |exact found|].
  + destruct (run_more vs (ys ++ node_values M ys v)) as [rest same].
    apply (check_node_sound r v s s' ys rest); [now rewrite <- same|exact ok| |exact v_s'].
    intros k c k_c _ c_gt0; apply values; [|exact c_gt0]; now apply (check_nodes_keeps _ _ _ _ _ found).
  + exact values.
Qed.

End Node.

End Pass.

(** --- Two networks --- *)

(** The value of an atom: its register over its scale. *)
Definition over (t : side) ys k : F :=
  match find k (claims t) with
  | Some c => nth (at_key k) ys zero * inverse (Z_ (scale c))
  | None => zero
  end.

Lemma over_spec t ys k c : find k (claims t) = Some c -> (0 < scale c)%Z -> Z_ (scale c) * over t ys k = nth (at_key k) ys zero.
Proof.
intros k_c c_gt0; unfold over; rewrite k_c; replace (_ * _) with (nth (at_key k) ys zero * (Z_ (scale c) * inverse (Z_ (scale c)))) by ring.
rewrite (inverse_Z F field) by assumption; ring.
Qed.

Definition values_of (t s : side) (zs ys : list F) k : F :=
  match k with
  | xH => one
  | xO j => over t zs j
  | xI j => over s ys j
  end.

Lemma input_state_ok t s x zs ys atom finals : (forall i, (i < length x)%nat -> over t zs (shift i xH) = nth i x zero) ->
  state_ok (values_of t s zs ys) atom finals (input_state (Some t) (length x)) x /\
  (atom = xO -> state_ok (values_of t s zs ys) atom finals (input_state None (length x)) x).
Proof.
intros inputs; assert (ok : state_ok (values_of t s zs ys) xO finals (input_state None (length x)) x).
{ unfold input_state; change x with ([] ++ x) at 2; apply push_atoms_sound; try reflexivity; try discriminate.
  - split; cbn; [reflexivity|intros k q ts; now destruct k|intros k c; now destruct k|intros k c; now destruct k].
  - intros i i_lt; cbn [next]; rewrite (of_Z_1 F); cbn [values_of]; rewrite inputs by assumption; ring. }
split; [|now intros ->]; split; cbn [input_state here known claims next]; try apply ok; intros k c; now destruct k.
Qed.

Theorem check_sound N N' c : check N N' c = true ->
  forall x : list F, length x = inputs N -> eval M N x = eval M N' x.
Proof.
unfold check; rewrite andb_true_iff, Nat.eqb_eq; intros [same_inputs ok] x x_len.
destruct (check_side None N' (reduced c)) as [t|] eqn:N'_t; [|discriminate].
destruct (check_side (Some t) N (original c)) as [s|] eqn:N_s; [|discriminate].
set (zs := run M (nodes N') x); set (ys := run M (nodes N) x); set (env := values_of t s zs ys).
assert (inputs_ok : forall i, (i < length x)%nat -> over t zs (shift i xH) = nth i x zero).
{ intros i i_lt.
  destruct (push_atoms_finds xO Z.one false (length x) None (State (Side Empty Empty) xH) i i_lt) as [d [i_d d_1]].
  assert (i_t : find (shift i xH) (claims t) = Some d).
  { refine (check_nodes_keeps _ _ _ _ _ N'_t _ _ _ _); rewrite <- same_inputs, <- x_len; cbn [input_state here next]; [|exact i_d].
    rewrite push_atoms_next; apply push_atoms_below; intros k e; now destruct k. }
  pose proof (over_spec t zs _ _ i_t) as value; rewrite d_1, (of_Z_1 F), at_key_shift in value; cbn [at_key] in value.
  replace (over t zs (shift i xH)) with (one * over t zs (shift i xH)) by ring; rewrite value by reflexivity.
  destruct (run_more (nodes N') x) as [rest same]; unfold zs; rewrite same; now rewrite app_nth1. }
assert (t_ok : known_ok env (known t) zs /\ claims_ok env xO (claims t) zs).
{ apply (check_nodes_sound env xO zs eq_refl None zs eq_refl (reduced c) (nodes N') (input_state None (inputs N')) t x); [reflexivity| |exact N'_t|].
  - rewrite <- same_inputs, <- x_len; now apply (input_state_ok t s x zs ys xO zs inputs_ok).
  - intros k d k_d d_gt0; now apply over_spec. }
destruct t_ok as [known_t claims_t].
assert (s_ok : known_ok env (known s) ys /\ claims_ok env xI (claims s) ys).
{ apply (check_nodes_sound env xI ys eq_refl (Some t) zs) with (rs := original c) (vs := nodes N) (s := input_state (Some t) (inputs N)) (ys := x);
    [tauto|reflexivity| |exact N_s|].
  - rewrite <- x_len; now apply (input_state_ok t s x zs ys xI ys inputs_ok).
  - intros k d k_d d_gt0; now apply over_spec. }
destruct s_ok as [known_s _].
unfold eval; fold ys zs; apply (Forall2_equal F field).
now apply (proportional_sound F field env (known s) (known t)).
Qed.

End Soundness.
