(* SPDX-License-Identifier: Apache-2.0 *)
(** This file is about why the checker for networks of images may be believed.

   At each position the two networks that [check] compares are fed with the inputs there, and with what the operators of N' truly
   make there.  Then N' computes what it computes, position by position.  So does N, by induction over its steps: what [check]
   shows of the further outputs, at all positions, says that the source of an operator is the sum that is claimed, and linear
   operators take it to the same sum of what they make.                                                                *)
From Coq Require Import List Bool NArith ZArith Lia Ring Ring_theory.
From Exactlump Require Import Network Numbers Functions Laws Forms FormsProof Checker FunctionsProof RowsProof CheckerProof.
From Exactlump Require Import ImageNetwork ImageChecker.
Import ListNotations.

Section Soundness.
Variable F : numbers.
Hypothesis field : ordered_field F.
Variable M : meaning F.
Hypothesis laws : lawful M.
Variable P : Type.
Variable O : operators F P.
Hypothesis lawful_O : lawful_operators O.
Add Ring F_ring : (ring_laws F field).

Notation "x + y" := (add x y).
Notation "x * y" := (mul x y).
Notation Z_ := (@of_Z F).
Notation image := (image F P).
Notation here := at_position.
Implicit Types (p : P) (ys zs gs : list image) (u : N) (v : node).

Local Arguments of_Z : simpl never.

(** --- Lists --- *)

Lemma nth_all {A} (l : list A) d : map (fun i => nth i l d) (seq 0 (length l)) = l.
Proof.
apply (nth_ext _ _ d d); rewrite map_length, seq_length; [reflexivity|]; intros i i_lt.
rewrite (nth_indep _ d (nth (length l) l d)) by now rewrite map_length, seq_length.
now rewrite (map_nth (fun i => nth i l d)), seq_nth.
Qed.

Lemma here_length p ys : length (here p ys) = length ys.
Proof. apply map_length. Qed.

Lemma here_app p ys zs : here p (ys ++ zs) = here p ys ++ here p zs.
Proof. apply map_app. Qed.

Lemma here_nth p ys i : nth i (here p ys) zero = nth i ys dark p.
Proof. exact (map_nth (fun y : image => y p) ys dark i). Qed.

Lemma register_here p ys start u : register (here p ys) start u = image_register ys (start + u) p.
Proof. apply here_nth. Qed.

Lemma register_app (ys zs : list F) u : (N.to_nat u < length ys)%nat -> register (ys ++ zs) 0 u = register ys 0 u.
Proof. intros u_lt; unfold register; now rewrite app_nth1. Qed.

Lemma app_inj_r {A} (a b c d : list A) : length a = length c -> a ++ b = c ++ d -> a = c.
Proof. revert c; induction a as [|x a IH]; intros [|y c] len same; try discriminate; [reflexivity|]; injection same as <- same; f_equal; now apply IH; [injection len|]. Qed.

Lemma app_inj_l {A} (a b c d : list A) : length a = length c -> a ++ b = c ++ d -> b = d.
Proof. intros len same; rewrite (app_inj_r a b c d len same) in same; now apply app_inv_head in same. Qed.

Lemma run_app (vs ws : list node) (ys : list F) : run M (vs ++ ws) ys = run M ws (run M vs ys).
Proof. apply fold_left_app. Qed.

(** --- Copies and sums --- *)

Lemma linear_value (m : neuron) (ys : list F) start : activation m = linear -> node_values M ys (Unit start m) = [preactivation ys start m].
Proof. intros same; cbn; now rewrite same, (identity_apply F field M). Qed.

Lemma copy_value u (ys : list F) : node_values M ys (copy u) = [register ys u 0].
Proof.
unfold copy; rewrite linear_value by reflexivity; f_equal; unfold preactivation; cbn [edges bias denominator weighted_sum fold_right fst snd].
pose proof (inverse_Z F field 1 eq_refl) as by_1; change Z.one with 1%Z; change Z.zero with 0%Z.
rewrite (of_Z_1' F) in *; rewrite (of_Z_0' F).
replace (one * inverse one) with (@inverse F one) in by_1 by ring; rewrite by_1; ring.
Qed.

Lemma copies_run r u (ys : list F) : (N.to_nat u + r <= length ys)%nat ->
  run M (copies u r) ys = ys ++ map (fun i => nth (N.to_nat u + i) ys zero) (seq 0 r).
Proof.
revert u ys; induction r as [|r IH]; intros u ys fits; [cbn; now rewrite app_nil_r|].
change (run M (copies u (S r)) ys) with (run M (copies (N.succ u) r) (ys ++ node_values M ys (copy u))).
rewrite copy_value, IH by (rewrite app_length; cbn; lia); rewrite <- app_assoc; f_equal; cbn [app seq map].
f_equal; [unfold register; f_equal; lia|]; rewrite <- seq_shift, map_map; apply map_ext_in; intros i i_in%in_seq.
rewrite app_nth1 by lia; f_equal; lia.
Qed.

(** --- Operators --- *)

Lemma moved_zero k l p : moved O k l dark p = zero.
Proof.
assert (scaled : moved O k l (fun i => zero * (dark : image) i) p = zero * moved O k l dark p) by apply (moved_multiple O lawful_O).
replace (@zero F) with (zero * moved O k l dark p) by ring; rewrite <- scaled; apply (moved_same O lawful_O); intros i; unfold dark; ring.
Qed.

Definition image_sum zs (es : list (N * Z)) : image := fun i => fold_right (fun e rest => Z_ (snd e) * image_register zs (fst e) i + rest) zero es.

Lemma moved_image_sum k l zs es p :
  moved O k l (image_sum zs es) p = fold_right (fun e rest => Z_ (snd e) * moved O k l (image_register zs (fst e)) p + rest) zero es.
Proof.
induction es as [|[u c] es IH]; [apply moved_zero|]; cbn [fold_right fst snd]; rewrite <- IH.
rewrite <- (moved_multiple O lawful_O), <- (moved_sum O lawful_O); reflexivity.
Qed.

(** An operator on a sum, with a constant only if it keeps those. *)
Lemma moved_neuron k l (f : image) zs es e q p : (k || (e =? Z.zero)%Z) = true ->
    (forall i, f i = inverse (Z_ q) * (image_sum zs es i + Z_ e)) ->
  moved O k l f p = inverse (Z_ q) * (fold_right (fun e rest => Z_ (snd e) * moved O k l (image_register zs (fst e)) p + rest) zero es + Z_ e).
Proof.
intros keeps same; rewrite (moved_same O lawful_O k l _ _ same), (moved_multiple O lawful_O), <- moved_image_sum; f_equal.
apply orb_true_iff in keeps as [-> |none%Z.eqb_eq].
- rewrite (moved_sum O lawful_O); f_equal.
  rewrite (moved_same O lawful_O true l (fun _ => Z_ e) (fun _ => Z_ e * one)) by (intros i; ring).
  rewrite (moved_multiple O lawful_O), (moved_one O lawful_O); ring.
- rewrite none, (of_Z_0 F); replace (moved O k l (image_sum zs es) p + zero) with (moved O k l (image_sum zs es) p) by ring.
  apply (moved_same O lawful_O); intros i; ring.
Qed.

(** --- What an image network makes, and what the cut one makes of it --- *)

Section Base.
Variables x gs : list image.
Local Definition dim : list image := x ++ repeat dark (length gs).
Local Definition base : list image := x ++ gs.
Local Notation n := (N.of_nat (length x)).
Local Notation b := (N.of_nat (length x + length gs)).

Lemma dim_length rest : length (dim ++ rest) = length (base ++ rest).
Proof. unfold dim, base; now rewrite !app_length, repeat_length. Qed.

Lemma visible_register rest u : visible n b u = true -> image_register (dim ++ rest) u = image_register (base ++ rest) u.
Proof.
unfold visible, image_register, dim, base; rewrite orb_true_iff, N.ltb_lt, N.leb_le, <- !app_assoc; intros [u_lt|u_ge].
- rewrite !app_nth1 by lia; reflexivity.
- rewrite !(app_nth2 x) by lia; rewrite !app_nth2, repeat_length; rewrite ?repeat_length; [reflexivity|lia..].
Qed.

Lemma sees_values p rest v : sees n b v = true -> node_values M (here p (dim ++ rest)) v = node_values M (here p (base ++ rest)) v.
Proof.
assert (same : forall start u, visible n b (start + u) = true -> register (here p (dim ++ rest)) start u = register (here p (base ++ rest)) start u).
{ intros start u seen; now rewrite !register_here, (visible_register rest). }
destruct v as [start m|start us|o r us]; cbn [sees node_values]; rewrite forallb_forall; intros all.
- do 2 f_equal; unfold preactivation; do 2 f_equal; revert all; induction (edges m) as [|e es IH]; cbn; intros all; [reflexivity|].
  rewrite same by (apply all; now left); f_equal; apply IH; intros; apply all; now right.
- do 2 f_equal; apply map_ext_in; intros u u_in; now apply same, all.
- replace (map (register (here p (dim ++ rest)) 0) us) with (map (register (here p (base ++ rest)) 0) us); [reflexivity|].
  apply map_ext_in; intros u u_in; symmetry; now apply same, all.
Qed.

Lemma there_spec size u : there n b size u = true -> visible n b u = true /\ (u < size)%N.
Proof. unfold there; now rewrite andb_true_iff, N.ltb_lt. Qed.

Lemma at_values p rest v : sees n b v = true ->
  here p (step_values M O (dim ++ rest) (At v)) = node_values M (here p (base ++ rest)) v.
Proof.
intros seen; cbn [step_values]; unfold at_position at 1; rewrite map_map, <- (sees_values p rest v seen).
change (results_of v) with (width v); rewrite <- (width_values F M (here p (dim ++ rest)) v); apply nth_all.
Qed.

Lemma spare_register rest j : (N.to_nat j < length gs)%nat -> image_register (base ++ rest) (n + j) = image_register gs j.
Proof.
intros j_lt; unfold image_register, base; rewrite <- app_assoc, app_nth2 by lia; rewrite app_nth1 by lia; f_equal; lia.
Qed.

Lemma later_register (ys more : list image) u : (N.to_nat u < length ys)%nat -> image_register (ys ++ more) u = image_register ys u.
Proof. intros u_lt; unfold image_register; now rewrite app_nth1. Qed.

(** What a spare register is, once N' has made the images zs. *)
Definition origin_ok zs (k : positive) (o : origin) : Prop :=
  exists j : N, k = N.succ_pos j /\
  match o with
  | MoveOf keeps l u => (N.to_nat j < length gs)%nat /\ there n b (N.of_nat (length zs)) u = true /\
      forall p, image_register gs j p = moved O keeps l (image_register zs u) p
  | GivenOf s r us => (N.to_nat j + r <= length gs)%nat /\ forallb (there n b (N.of_nat (length zs))) us = true /\
      forall i p, (i < r)%nat -> nth (N.to_nat j + i) gs dark p = nth i (given O s (map (image_register zs) us)) dark p
  end.

Lemma there_more (ys more : list image) u : there n b (N.of_nat (length ys)) u = true -> there n b (N.of_nat (length (ys ++ more))) u = true.
Proof. unfold there; rewrite !andb_true_iff, !N.ltb_lt, app_length; intuition lia. Qed.

Lemma there_register (ys more : list image) u : there n b (N.of_nat (length ys)) u = true ->
  image_register (ys ++ more) u = image_register ys u.
Proof. intros [_ u_lt]%there_spec; apply later_register; lia. Qed.

Lemma origin_more zs more k o : origin_ok zs k o -> origin_ok (zs ++ more) k o.
Proof.
intros [j [-> ok]]; exists j; split; [reflexivity|]; destruct o as [keeps l u|s r us].
- destruct ok as [j_lt [u_there value]]; split; [exact j_lt|]; split; [now apply there_more|].
  intros p; now rewrite there_register.
- destruct ok as [j_lt [all value]]; split; [exact j_lt|]; rewrite forallb_forall in all; split; [apply forallb_forall; intros; now apply there_more, all|].
  replace (map (image_register (zs ++ more)) us) with (map (image_register zs) us); [exact value|].
  apply map_ext_in; intros u u_in; symmetry; now apply there_register, all.
Qed.

Definition origins_ok zs (os : tree origin) := forall k o, find k os = Some o -> origin_ok zs k o.

Section Sums.
Variables (zs : list image) (os : tree origin) (finals : P -> list F).
Hypothesis origins_zs : origins_ok zs os.
Hypothesis finals_ok : forall p u, there n b (N.of_nat (length zs)) u = true -> register (finals p) 0 u = image_register zs u p.

Lemma sources_sound keeps l ts es rest p : sources_of os keeps l ts = Some es ->
  Forall (fun e => there n b (N.of_nat (length zs)) (fst e) = true) es /\
  fold_right (fun e total => Z_ (snd e) * moved O keeps l (image_register zs (fst e)) p + total) zero es
    = weighted_sum (here p (base ++ rest)) n ts.
Proof.
revert es; induction ts as [|[j c] ts IH]; cbn [sources_of]; intros es found; [injection found as <-; now split|].
destruct (find (N.succ_pos j) os) as [[k' l' u|]|] eqn:j_o; try discriminate.
destruct (sources_of os keeps l ts) as [es'|]; [|discriminate]; destruct (_ && _) eqn:same; [|discriminate].
apply andb_true_iff in same as [->%eqb_prop ->%Z.eqb_eq]; injection found as <-.
destruct (IH _ eq_refl) as [all value]; destruct (origins_zs _ _ j_o) as [i [i_j [i_lt [u_there made_u]]]].
assert (i = j) as -> by (pose proof (N.pos_pred_succ i); pose proof (N.pos_pred_succ j); congruence).
split; [now constructor|]; cbn [fold_right fst snd]; rewrite value.
change (weighted_sum (here p (base ++ rest)) n ((j, c) :: ts)) with (Z_ c * register (here p (base ++ rest)) n j + weighted_sum (here p (base ++ rest)) n ts).
now rewrite register_here, spare_register, made_u.
Qed.

Lemma sum_value es p : Forall (fun e => there n b (N.of_nat (length zs)) (fst e) = true) es ->
  weighted_sum (finals p) 0 es = image_sum zs es p.
Proof.
induction 1 as [|[u c] es u_there _ IH]; [reflexivity|].
change (weighted_sum (finals p) 0 ((u, c) :: es)) with (Z_ c * register (finals p) 0 u + weighted_sum (finals p) 0 es).
now rewrite IH, finals_ok.
Qed.

(** What an operator makes of a sum. *)
Lemma sum_sound keeps l ts e q m (f : image) rest : sum_of os keeps l ts e q = Some m -> (forall i, f i = preactivation (finals i) 0 m) ->
  activation m = linear /\ Forall (fun e => there n b (N.of_nat (length zs)) (fst e) = true) (edges m) /\
  forall p, moved O keeps l f p = preactivation (here p (base ++ rest)) n (Neuron ts e q linear).
Proof.
unfold sum_of; destruct (sources_of os keeps l ts) as [es|] eqn:ts_es; [|discriminate]; destruct (_ && _) eqn:fits; [|discriminate].
apply andb_true_iff in fits as [_ fits]; intros found f_m; injection found as <-; split; [reflexivity|].
assert (all : Forall (fun e => there n b (N.of_nat (length zs)) (fst e) = true) es).
{ clear f_m; revert es ts_es; induction ts as [|[j c] ts IH]; cbn [sources_of]; intros es ts_es; [injection ts_es as <-; constructor|].
  destruct (find (N.succ_pos j) os) as [[k' l' u|]|] eqn:j_o; try discriminate.
  destruct (sources_of os keeps l ts) as [es'|]; [|discriminate]; destruct (_ && _); [|discriminate]; injection ts_es as <-.
  constructor; [|now apply IH]; destruct (origins_zs _ _ j_o) as [i [_ [_ [u_there _]]]]; exact u_there. }
split; [exact all|]; intros p; unfold preactivation; cbn [edges bias denominator].
destruct (sources_sound _ _ _ _ rest p ts_es) as [_ <-].
apply (moved_neuron keeps l f zs es e q p fits); intros i; rewrite f_m; unfold preactivation; cbn [edges bias denominator].
now rewrite sum_value.
Qed.

End Sums.

(** What operators make, in the order of the steps. *)
Fixpoint made (ss : list step) (ms : list shown) ys : list image :=
  match ss with
  | [] => []
  | s :: ss' =>
      let zs := step_values M O ys s in
      match s, ms with
      | At _, _ => made ss' ms (ys ++ zs)
      | Move _ _ _, Moved _ _ _ :: ms' => made ss' ms' (ys ++ zs)
      | _, _ :: ms' => zs ++ made ss' ms' (ys ++ zs)
      | _, [] => []
      end
  end.

Lemma origins_more zs more os : origins_ok zs os -> origins_ok (zs ++ more) os.
Proof. intros ok k o found; now apply origin_more, ok. Qed.

Lemma here_finals (vs : list node) ys p u : there n b (N.of_nat (length (dim ++ ys))) u = true ->
  register (run M vs (here p (base ++ ys))) 0 u = image_register (dim ++ ys) u p.
Proof.
intros [u_visible u_lt]%there_spec; destruct (run_more F M vs (here p (base ++ ys))) as [tail ->].
rewrite register_app by (rewrite here_length, <- dim_length; lia); rewrite register_here, N.add_0_l; now rewrite visible_register.
Qed.

Lemma theirs_sound ss : forall rs ms j size os rest c, cut_theirs n b j size os ss rs ms = Some c ->
    size = N.of_nat (length (dim ++ rest)) -> origins_ok (dim ++ rest) os ->
    (exists before, gs = before ++ made ss ms (dim ++ rest) /\ N.to_nat j = length before) ->
    (forall p e, In e (equal c) -> register (run M (theirs c) (here p (base ++ rest))) 0 (fst e)
                                  = preactivation (run M (theirs c) (here p (base ++ rest))) 0 (snd e)) ->
  exists more, run_images M O ss (dim ++ rest) = dim ++ rest ++ more /\
    their_size c = N.of_nat (length (dim ++ rest ++ more)) /\ origins_ok (dim ++ rest ++ more) (origins c) /\
    forall p, run M (theirs c) (here p (base ++ rest)) = here p (base ++ rest ++ more).
Proof.
induction ss as [|s ss IH]; cbn [cut_theirs]; intros rs ms j size os rest c found size_rest ok split_gs equal_c.
- destruct rs, ms; try discriminate; injection found as <-; exists []; rewrite !app_nil_r; cbn; repeat split; try assumption.
- assert (next : forall ws rs' ms' j' os' rows vs es c', cut_theirs n b j' (N.of_nat (length (dim ++ rest ++ ws))) os' ss rs' ms' = Some c' ->
      c = CutReduced (vs ++ theirs c') (rows ++ their_rows c') (origins c') (cuts c') (their_size c') (es ++ equal c') ->
      ws = step_values M O (dim ++ rest) s -> origins_ok (dim ++ rest ++ ws) os' ->
      (exists before, gs = before ++ made ss ms' (dim ++ rest ++ ws) /\ N.to_nat j' = length before) ->
      (forall p, run M vs (here p (base ++ rest)) = here p (base ++ rest ++ ws)) ->
    exists more, run_images M O (s :: ss) (dim ++ rest) = dim ++ rest ++ more /\
      their_size c = N.of_nat (length (dim ++ rest ++ more)) /\ origins_ok (dim ++ rest ++ more) (origins c) /\
      forall p, run M (theirs c) (here p (base ++ rest)) = here p (base ++ rest ++ more)).
  { intros ws rs' ms' j' os' rows vs es c' found' -> ws_s ok' split' ran.
    assert (equal_c' : forall p e, In e (equal c') -> register (run M (theirs c') (here p (base ++ rest ++ ws))) 0 (fst e)
                                                    = preactivation (run M (theirs c') (here p (base ++ rest ++ ws))) 0 (snd e)).
    { intros p e e_in; specialize (equal_c p e); cbn [theirs equal] in equal_c; rewrite run_app, ran in equal_c.
      apply equal_c, in_or_app; now right. }
    destruct (IH rs' ms' j' _ os' (rest ++ ws) c' found' eq_refl ok' split' equal_c') as [more [same [size' [ok'' ran']]]].
    exists (ws ++ more); rewrite !app_assoc in *; cbn [theirs origins their_size].
    split; [|split; [|split]]; try assumption.
    - rewrite <- same; cbn; now rewrite <- ws_s.
    - intros p; now rewrite run_app, ran, ran'. }
  destruct split_gs as [before [gs_split j_before]]; destruct s as [v|k l u|s r us].
  + destruct rs as [|r rs]; [discriminate|]; destruct (sees n b v) eqn:seen; [|discriminate].
    destruct (cut_theirs _ _ _ _ _ _ _ _) as [c'|] eqn:found'; [|discriminate]; injection found as <-.
    pose proof (at_values) as values; set (ws := step_values M O (dim ++ rest) (At v)) in *.
    assert (ws_length : length ws = width v) by (unfold ws; cbn; now rewrite map_length, seq_length).
    apply (next ws rs ms j os [r] [v] [] c').
    * rewrite <- found'; f_equal; rewrite size_rest, !app_length, ws_length; lia.
    * reflexivity.
    * reflexivity.
    * rewrite app_assoc; now apply origins_more.
    * exists before; split; [|exact j_before]; rewrite gs_split; cbn [made]; fold ws; now rewrite <- app_assoc.
    * intros p; cbn; rewrite <- (values p rest v seen); fold ws; now rewrite <- here_app, <- app_assoc.
  + destruct (there n b size u) eqn:u_there; [|discriminate]; set (w := moved O k l (image_register (dim ++ rest) u)).
    destruct ms as [|[|ts e q|] ms]; try discriminate.
    * destruct (cut_theirs _ _ _ _ _ _ _ _) as [c'|] eqn:found'; [|discriminate]; injection found as <-.
      assert (j_lt : (N.to_nat j < length gs)%nat) by (rewrite gs_split, app_length; cbn; lia).
      assert (gs_j : image_register gs j = w).
      { unfold image_register; rewrite gs_split, j_before, app_nth2, Nat.sub_diag by lia; reflexivity. }
      apply (next [w] rs ms (N.succ j) (set (N.succ_pos j) (MoveOf k l u) os) [Derived] [copy (n + j)] [] c').
      -- rewrite <- found'; f_equal; rewrite size_rest, !app_length; cbn; lia.
      -- reflexivity.
      -- reflexivity.
      -- intros i o [[-> <-]|i_o]%find_set; rewrite app_assoc; [|now apply origin_more, ok].
         rewrite size_rest in u_there; exists j; split; [reflexivity|]; split; [exact j_lt|]; split; [now apply there_more|].
         intros p; now rewrite there_register, gs_j.
      -- exists (before ++ [w]); split; [|rewrite app_length; cbn; lia]; rewrite gs_split; cbn [made step_values app]; fold w.
         rewrite <- !app_assoc; reflexivity.
      -- intros p; cbn [run fold_left]; rewrite copy_value, register_here, N.add_0_r, spare_register, gs_j by exact j_lt.
         now rewrite app_assoc, (here_app p (base ++ rest) [w]).
    * destruct (sum_of os k l ts e q) as [m|] eqn:summed; [|discriminate]; destruct (forallb _ (edges m)); [|discriminate].
      destruct (cut_theirs _ _ _ _ _ _ _ _) as [c'|] eqn:found'; [|discriminate]; injection found as <-.
      set (vs := Unit n (Neuron ts e q linear) :: theirs c').
      assert (source : forall p, image_register (dim ++ rest) u p = preactivation (run M vs (here p (base ++ rest))) 0 m).
      { intros p; rewrite size_rest in u_there; rewrite <- (here_finals vs rest p u u_there).
        exact (equal_c p (u, m) (or_introl eq_refl)). }
      destruct (sum_sound (dim ++ rest) os (fun p => run M vs (here p (base ++ rest))) ok (fun p => here_finals vs rest p)
        k l ts e q m _ rest summed source) as [_ [_ value]].
      apply (next [w] rs ms j os [Derived] [Unit n (Neuron ts e q linear)] [(u, m)] c').
      -- rewrite <- found'; f_equal; rewrite size_rest, !app_length; cbn; lia.
      -- reflexivity.
      -- reflexivity.
      -- rewrite app_assoc; now apply origins_more.
      -- exists before; split; [|exact j_before]; rewrite gs_split; cbn [made step_values]; fold w; now rewrite <- app_assoc.
      -- intros p; cbn [run fold_left]; rewrite linear_value by reflexivity; rewrite <- value, app_assoc, (here_app p (base ++ rest) [w]).
         reflexivity.
  + destruct ms as [|[|? ? ?|] ms]; try discriminate; destruct (forallb _ us) eqn:all; [|discriminate].
    destruct (cut_theirs _ _ _ _ _ _ _ _) as [c'|] eqn:found'; [|discriminate]; injection found as <-.
    set (ws := step_values M O (dim ++ rest) (Given s r us)).
    assert (ws_length : length ws = r) by (unfold ws; cbn; now rewrite map_length, seq_length).
    assert (gs_ws : gs = before ++ ws ++ made ss ms ((dim ++ rest) ++ ws)) by exact gs_split.
    assert (j_le : (N.to_nat j + r <= length gs)%nat) by (rewrite gs_ws, !app_length; lia).
    assert (gs_nth : forall i, (i < r)%nat -> nth (N.to_nat j + i) gs dark = nth i ws dark).
    { intros i i_lt; rewrite gs_ws, j_before, app_nth2_plus, app_nth1 by lia; reflexivity. }
    apply (next ws rs ms (j + N.of_nat r)%N (set (N.succ_pos j) (GivenOf s r us) os) (repeat Derived r) (copies (n + j) r) [] c').
    * rewrite <- found'; f_equal; rewrite size_rest, !app_length, ws_length; lia.
    * reflexivity.
    * reflexivity.
    * intros i o [[-> <-]|i_o]%find_set; rewrite app_assoc; [|now apply origin_more, ok].
      apply origin_more; rewrite size_rest in all; exists j; split; [reflexivity|]; split; [exact j_le|]; split; [exact all|].
      intros i p i_lt; rewrite gs_nth by exact i_lt; unfold ws; cbn [step_values].
      rewrite (nth_indep _ dark (nth 0 (given O s (map (image_register (dim ++ rest)) us)) dark)) by now rewrite map_length, seq_length.
      rewrite (map_nth (fun i => nth i (given O s (map (image_register (dim ++ rest)) us)) dark)), seq_nth by exact i_lt; reflexivity.
    * exists (before ++ ws); split; [|rewrite app_length; lia]; rewrite gs_ws at 1; now rewrite <- !app_assoc.
    * intros p; rewrite copies_run.
      -- rewrite !app_assoc, (here_app p (base ++ rest) ws); f_equal; rewrite <- (nth_all (here p ws) zero), here_length, ws_length.
         apply map_ext_in; intros i i_in%in_seq; rewrite !here_nth, <- gs_nth by lia.
         pose proof (spare_register rest (j + N.of_nat i)) as spared; unfold image_register in spared.
         replace (N.to_nat (n + j) + i)%nat with (N.to_nat (n + (j + N.of_nat i))) by lia; rewrite spared by lia.
         now replace (N.to_nat (j + N.of_nat i)) with (N.to_nat j + i)%nat by lia.
      -- rewrite here_length, app_length; unfold base; rewrite app_length; lia.
Qed.

(** --- N --- *)

Section Ours.
Variables (zs : list image) (os : tree origin) (finals : P -> list F).
Hypothesis origins_zs : origins_ok zs os.
Hypothesis finals_ok : forall p u, there n b (N.of_nat (length zs)) u = true -> register (finals p) 0 u = image_register zs u p.

Definition sums_ok (next : N) (es : list node) := forall i m p, nth_error es i = Some (Unit N0 m) ->
  register (finals p) 0 (next + N.of_nat i) = preactivation (finals p) 0 m.

Lemma ours_sound ss : forall rs ms next size rest c, cut_ours n b os next size ss rs ms = Some c ->
    size = N.of_nat (length (dim ++ rest)) -> sums_ok next (sums c) ->
    (forall p, map (register (run M (ours c) (here p (base ++ rest))) 0) (compared c) = map (register (finals p) 0) (with_theirs c)) ->
  exists more, run_images M O ss (dim ++ rest) = dim ++ rest ++ more /\
    our_size c = N.of_nat (length (dim ++ rest ++ more)) /\
    forall p, run M (ours c) (here p (base ++ rest)) = here p (base ++ rest ++ more).
Proof.
induction ss as [|s ss IH]; cbn [cut_ours]; intros rs ms next size rest c found size_rest sums_c same.
- destruct rs, ms; try discriminate; injection found as <-; exists []; rewrite !app_nil_r; now repeat split.
- assert (proceed : forall ws rs' ms' next' rows vs es us us' c', cut_ours n b os next' (N.of_nat (length (dim ++ rest ++ ws))) ss rs' ms' = Some c' ->
      c = CutOriginal (vs ++ ours c') (rows ++ our_rows c') (es ++ sums c') (us ++ compared c') (us' ++ with_theirs c') (our_size c') ->
      length us = length us' -> ws = step_values M O (dim ++ rest) s -> next' = (next + N.of_nat (length es))%N ->
      (forall p, run M vs (here p (base ++ rest)) = here p (base ++ rest ++ ws)) ->
    exists more, run_images M O (s :: ss) (dim ++ rest) = dim ++ rest ++ more /\
      our_size c = N.of_nat (length (dim ++ rest ++ more)) /\
      forall p, run M (ours c) (here p (base ++ rest)) = here p (base ++ rest ++ more)).
  { intros ws rs' ms' next' rows vs es us us' c' found' -> len ws_s -> ran.
    assert (sums' : sums_ok (next + N.of_nat (length es)) (sums c')).
    { intros i m p i_m; rewrite <- N.add_assoc, <- Nat2N.inj_add; apply sums_c; cbn [sums].
      rewrite nth_error_app2 by lia; now replace (length es + i - length es)%nat with i by lia. }
    assert (same' : forall p, map (register (run M (ours c') (here p (base ++ rest ++ ws))) 0) (compared c') = map (register (finals p) 0) (with_theirs c')).
    { intros p; specialize (same p); cbn [ours compared with_theirs] in same; rewrite !map_app, run_app, ran in same.
      now apply app_inj_l in same; [|rewrite !map_length]. }
    destruct (IH rs' ms' _ _ (rest ++ ws) c' found' eq_refl sums' same') as [more [ran_ss [size' ran']]].
    exists (ws ++ more); rewrite !app_assoc in *; cbn [ours our_size]; split; [|split]; try assumption.
    - rewrite <- ran_ss; cbn; now rewrite <- ws_s.
    - intros p; now rewrite run_app, ran, ran'. }
  assert (source : forall p vs' us' u, map (register (run M vs' (here p (base ++ rest))) 0) (u :: us') =
    register (here p (base ++ rest)) 0 u :: map (register (run M vs' (here p (base ++ rest))) 0) us' \/ there n b size u = false).
  { intros p vs' us' u; destruct (there n b size u) eqn:u_there; [left|now right]; cbn [map]; f_equal.
    destruct (run_more F M vs' (here p (base ++ rest))) as [tail ->]; apply register_app.
    apply there_spec in u_there as [_ u_lt]; rewrite here_length, <- dim_length; lia. }
  destruct s as [v|k l u|s r us].
  + destruct rs as [|r rs]; [discriminate|]; destruct (sees n b v) eqn:seen; [|discriminate].
    destruct (cut_ours _ _ _ _ _ _ _ _) as [c'|] eqn:found'; [|discriminate]; injection found as <-.
    pose proof (at_values) as values; set (ws := step_values M O (dim ++ rest) (At v)) in *.
    assert (ws_length : length ws = width v) by (unfold ws; cbn; now rewrite map_length, seq_length).
    apply (proceed ws rs ms next [r] [v] [] [] [] c'); try reflexivity.
    * rewrite <- found'; f_equal; rewrite size_rest, !app_length, ws_length; lia.
    * cbn; lia.
    * intros p; cbn; rewrite <- (values p rest v seen); fold ws; now rewrite <- here_app, <- app_assoc.
  + destruct ms as [|[|ts e q|] ms]; try discriminate; destruct (sum_of os k l ts e q) as [m|] eqn:summed; [|discriminate].
    destruct (there n b size u) eqn:u_there; [|discriminate].
    destruct (cut_ours _ _ _ _ _ _ _ _) as [c'|] eqn:found'; [|discriminate]; injection found as <-.
    set (w := moved O k l (image_register (dim ++ rest) u)).
    assert (source_u : forall p, image_register (dim ++ rest) u p = preactivation (finals p) 0 m).
    { intros p; specialize (same p); cbn [ours compared with_theirs app] in same.
      destruct (source p (Unit n (Neuron ts e q linear) :: ours c') (compared c') u) as [here_u|]; [|congruence].
      rewrite here_u in same; injection same as same _; rewrite register_here, N.add_0_l in same.
      destruct (there_spec _ _ u_there) as [u_visible _]; rewrite (visible_register rest u u_visible).
      rewrite same; specialize (sums_c 0%nat m p eq_refl); rewrite N.add_0_r in sums_c; exact sums_c. }
    destruct (sum_sound zs os finals origins_zs finals_ok k l ts e q m _ rest summed source_u) as [_ [_ value]].
    apply (proceed [w] rs ms (N.succ next) [Derived] [Unit n (Neuron ts e q linear)] [Unit N0 m] [u] [next] c'); try reflexivity.
    * rewrite <- found'; f_equal; rewrite size_rest, !app_length; cbn; lia.
    * cbn; lia.
    * intros p; cbn [run fold_left]; rewrite linear_value by reflexivity; rewrite <- value, app_assoc, (here_app p (base ++ rest) [w]).
      reflexivity.
  + destruct ms as [|[| |j] ms]; try discriminate; destruct (find (N.succ_pos j) os) as [[|s' r' us']|] eqn:j_o; try discriminate.
    destruct (_ && _) eqn:fits; [|discriminate]; apply andb_true_iff in fits as [fits lengths%Nat.eqb_eq].
    apply andb_true_iff in fits as [fits <-%Nat.eqb_eq]; apply andb_true_iff in fits as [all <-%Z.eqb_eq].
    destruct (cut_ours _ _ _ _ _ _ _ _) as [c'|] eqn:found'; [|discriminate]; injection found as <-.
    set (ws := step_values M O (dim ++ rest) (Given s r us)).
    assert (ws_length : length ws = r) by (unfold ws; cbn; now rewrite map_length, seq_length).
    destruct (origins_zs _ _ j_o) as [i [i_j [i_le [all' made_us]]]].
    assert (i = j) as -> by (pose proof (N.pos_pred_succ i); pose proof (N.pos_pred_succ j); congruence).
    assert (sources : Forall2 (fun f g : image => forall p, f p = g p) (map (image_register (dim ++ rest)) us) (map (image_register zs) us')).
    { assert (same_us : forall p, map (register (run M (copies (n + j) r ++ ours c') (here p (base ++ rest))) 0) us = map (register (finals p) 0) us').
      { intros p; specialize (same p); cbn [ours compared with_theirs] in same; rewrite !map_app in same.
        now apply app_inj_r in same; [|rewrite !map_length]. }
      rewrite forallb_forall in all, all'; clear same sums_c proceed made_us i_le j_o ws ws_length; revert us' lengths all' same_us.
      induction us as [|u us IHus]; intros [|u' us'] lengths all' same_us; try discriminate; cbn [map]; constructor.
      - intros p; specialize (same_us p); injection same_us as first _.
        destruct (source p (copies (n + j) r ++ ours c') [] u) as [here_u|none]; [|rewrite all in none by (now left); discriminate].
        injection here_u as here_u; rewrite here_u, register_here, N.add_0_l, finals_ok in first by (apply all'; now left).
        rewrite (visible_register rest); [exact first|]; now destruct (there_spec _ _ (all u (or_introl eq_refl))).
      - apply IHus; [intros; apply all; now right|now injection lengths|intros; apply all'; now right|].
        intros p; specialize (same_us p); now injection same_us. }
    apply (proceed ws rs ms next (repeat Derived r) (copies (n + j) r) [] us us' c'); try reflexivity.
    * rewrite <- found'; f_equal; rewrite size_rest, !app_length, ws_length; lia.
    * exact lengths.
    * cbn; lia.
    * intros p; rewrite copies_run.
      -- rewrite !app_assoc, (here_app p (base ++ rest) ws); f_equal; rewrite <- (nth_all (here p ws) zero), here_length, ws_length.
         apply map_ext_in; intros i i_in%in_seq; rewrite !here_nth.
         pose proof (spare_register rest (j + N.of_nat i)) as spared; unfold image_register in spared.
         replace (N.to_nat (n + j) + i)%nat with (N.to_nat (n + (j + N.of_nat i))) by lia; rewrite spared by lia.
         replace (N.to_nat (j + N.of_nat i)) with (N.to_nat j + i)%nat by lia.
         rewrite made_us by lia; unfold ws; cbn [step_values].
         set (made_here := given O s (map (image_register (dim ++ rest)) us)).
         rewrite (nth_indep (map (fun i => nth i made_here dark) (seq 0 r)) dark (nth 0 made_here dark)) by (rewrite map_length, seq_length; lia).
         rewrite (map_nth (fun i => nth i made_here dark)), seq_nth by lia.
         symmetry; now apply (given_same O lawful_O).
      -- rewrite here_length, app_length; unfold base; rewrite app_length; lia.
Qed.

Lemma sums_read ss : forall next size rs ms c, cut_ours n b os next size ss rs ms = Some c ->
  Forall (fun v => exists m, v = Unit N0 m /\ activation m = linear /\
    Forall (fun e => (N.to_nat (fst e) < length zs)%nat) (edges m)) (sums c).
Proof.
induction ss as [|s ss IH]; cbn [cut_ours]; intros next size rs ms c.
- destruct rs, ms; try discriminate; intros [= <-]; constructor.
- destruct s as [v|k l u|s r us].
  + destruct rs as [|r rs]; [discriminate|]; destruct (sees _ _ _); [|discriminate].
    destruct (cut_ours _ _ _ _ _ _ _ _) as [c'|] eqn:found; [|discriminate]; intros [= <-]; exact (IH _ _ _ _ _ found).
  + destruct ms as [|[|ts e q|] ms]; try discriminate; destruct (sum_of _ _ _ _ _ _) as [m|] eqn:summed; [|discriminate].
    destruct (there _ _ _ _); [|discriminate].
    destruct (cut_ours _ _ _ _ _ _ _ _) as [c'|] eqn:found; [|discriminate]; intros [= <-]; constructor; [|exact (IH _ _ _ _ _ found)].
    destruct (sum_sound zs os finals origins_zs finals_ok k l ts e q m (fun i => preactivation (finals i) 0 m) [] summed (fun _ => eq_refl))
      as [is_linear [all _]].
    exists m; split; [reflexivity|]; split; [exact is_linear|].
    revert all; apply Forall_impl; intros edge [_ edge_lt]%there_spec; lia.
  + destruct ms as [|[| |j] ms]; try discriminate; destruct (find _ _) as [[|? ? ?]|]; try discriminate; destruct (_ && _); [|discriminate].
    destruct (cut_ours _ _ _ _ _ _ _ _) as [c'|] eqn:found; [|discriminate]; intros [= <-]; exact (IH _ _ _ _ _ found).
Qed.

End Ours.

End Base.

(** --- Two networks --- *)

(** How many registers there are, and what is fresh among them; sums read registers that are there. *)
Lemma theirs_shape ss : forall n b j size os rs ms c, cut_theirs n b j size os ss rs ms = Some c ->
  (size <= their_size c)%N /\
  (forall ys, N.to_nat (cuts c) = (N.to_nat j + length (made ss ms ys))%nat) /\
  (forall ys : list F, size = N.of_nat (length ys) -> their_size c = N.of_nat (length (run M (theirs c) ys))) /\
  (forall e, In e (equal c) -> activation (snd e) = linear /\ Forall (fun d => (fst d < their_size c)%N) (edges (snd e))).
Proof.
induction ss as [|s ss IH]; cbn [cut_theirs made]; intros n b j size os rs ms c.
- destruct rs, ms; try discriminate; intros [= <-]; cbn; repeat split; try lia; try easy.
- assert (grown : forall vs (ys : list F) k, (forall zs : list F, length (run M vs zs) = (length zs + k)%nat) ->
    length (run M vs ys) = (length ys + k)%nat) by auto.
  assert (copied : forall r u (zs : list F), length (run M (copies u r) zs) = (length zs + r)%nat).
  { clear; induction r as [|r IHr]; intros u zs; [cbn; lia|]; cbn [copies run fold_left]; cbn [run] in IHr.
    change (fold_left _ (copies (N.succ u) r) ?x) with (run M (copies (N.succ u) r) x); rewrite IHr, app_length; cbn; lia. }
  destruct s as [v|k l u|s r us].
  + destruct rs as [|r rs]; [discriminate|]; destruct (sees _ _ _); [|discriminate].
    destruct (cut_theirs _ _ _ _ _ _ _ _) as [c'|] eqn:found; [|discriminate]; intros [= <-]; cbn [cuts their_size theirs equal app].
    destruct (IH _ _ _ _ _ _ _ _ found) as [more [counted [sized read]]]; split; [lia|]; split; [intros; apply counted|]; split; [|exact read].
    intros ys size_ys; change (run M (v :: theirs c') ys) with (run M (theirs c') (ys ++ node_values M ys v)); apply sized.
    rewrite app_length, (width_values F M); lia.
  + destruct (there _ _ _ _); [|discriminate]; destruct ms as [|[|ts e q|] ms]; try discriminate.
    * destruct (cut_theirs _ _ _ _ _ _ _ _) as [c'|] eqn:found; [|discriminate]; intros [= <-]; cbn [cuts their_size theirs equal app].
      destruct (IH _ _ _ _ _ _ _ _ found) as [more [counted [sized read]]]; split; [lia|]; split; [|split; [|exact read]].
      -- intros ys; rewrite (counted (ys ++ step_values M O ys (Move k l u))); cbn; lia.
      -- intros ys size_ys; change (run M (copy (n + j) :: theirs c') ys) with (run M (theirs c') (ys ++ node_values M ys (copy (n + j)))).
         apply sized; rewrite app_length, copy_value; cbn; lia.
    * destruct (sum_of _ _ _ _ _ _) as [m|] eqn:summed; [|discriminate]; destruct (forallb _ (edges m)) eqn:reads; [|discriminate].
      destruct (cut_theirs _ _ _ _ _ _ _ _) as [c'|] eqn:found; [|discriminate]; intros [= <-]; cbn [cuts their_size theirs equal app].
      destruct (IH _ _ _ _ _ _ _ _ found) as [more [counted [sized read]]]; split; [lia|]; split; [intros; apply counted|]; split.
      -- intros ys size_ys; set (v := Unit n (Neuron ts e q linear)).
         change (run M (v :: theirs c') ys) with (run M (theirs c') (ys ++ node_values M ys v)); apply sized.
         rewrite app_length; cbn; lia.
      -- intros found_e [<-|e_in]; [|now apply read]; cbn [snd]; split.
         ++ unfold sum_of in summed; destruct (sources_of _ _ _ _); [|discriminate]; destruct (_ && _); [|discriminate]; now injection summed as <-.
         ++ rewrite Forall_forall; intros d d_in; rewrite forallb_forall in reads; specialize (reads d d_in); apply N.ltb_lt in reads; lia.
  + destruct ms as [|[|? ? ?|] ms]; try discriminate; destruct (forallb _ _); [|discriminate].
    destruct (cut_theirs _ _ _ _ _ _ _ _) as [c'|] eqn:found; [|discriminate]; intros [= <-]; cbn [cuts their_size theirs equal app].
    destruct (IH _ _ _ _ _ _ _ _ found) as [more [counted [sized read]]]; split; [lia|]; split; [|split; [|exact read]].
    * intros ys; rewrite (counted (ys ++ step_values M O ys (Given s r us))), app_length; cbn [step_values]; rewrite map_length, seq_length; lia.
    * intros ys size_ys; rewrite run_app; apply sized; rewrite copied; lia.
Qed.

(** Each sum is what its edges say of the registers in the end, if they read none after it. *)
Lemma sums_run (vs : list node) : forall (ys : list F) k, Forall (fun v => exists m, v = Unit N0 m /\ activation m = linear /\
    Forall (fun e => (N.to_nat (fst e) < k)%nat) (edges m)) vs -> (k <= length ys)%nat ->
  forall i m, nth_error vs i = Some (Unit N0 m) -> register (run M vs ys) 0 (N.of_nat (length ys) + N.of_nat i) = preactivation (run M vs ys) 0 m.
Proof.
induction vs as [|v vs IH]; intros ys k all fits i m i_m; [now destruct i|].
inversion all as [|? ? [m' [-> [is_linear reads]]] all']; subst; clear all.
change (run M (Unit N0 m' :: vs) ys) with (run M vs (ys ++ node_values M ys (Unit N0 m'))); rewrite linear_value by exact is_linear.
destruct i as [|i].
- injection i_m as <-; destruct (run_more F M vs (ys ++ [preactivation ys 0 m'])) as [tail ->].
  unfold register at 1; rewrite N.add_0_l, N.add_0_r, Nat2N.id, <- app_assoc, app_nth2, Nat.sub_diag by lia; cbn [app nth].
  generalize (preactivation ys 0 m') at 2; intros y; unfold preactivation; do 2 f_equal; clear is_linear; induction reads as [|[u c] es u_lt _ IHes]; [reflexivity|].
  cbn [weighted_sum fold_right fst snd] in *; f_equal; [|exact IHes]; f_equal; unfold register; cbn in u_lt.
  rewrite N.add_0_l, app_nth1 by lia; reflexivity.
- specialize (IH (ys ++ [preactivation ys 0 m']) k all'); rewrite app_length in IH; cbn [length] in IH.
  replace (N.of_nat (length ys) + N.of_nat (S i))%N with (N.of_nat (length ys + 1) + N.of_nat i)%N by lia; apply IH; [lia|exact i_m].
Qed.

Lemma preactivation_more (ys tail : list F) m : Forall (fun e => (N.to_nat (fst e) < length ys)%nat) (edges m) ->
  preactivation (ys ++ tail) 0 m = preactivation ys 0 m.
Proof.
intros reads; unfold preactivation; do 2 f_equal; induction reads as [|[u c] es u_lt _ IH]; [reflexivity|].
cbn [weighted_sum fold_right fst snd] in *; f_equal; [|exact IH]; f_equal; unfold register; now rewrite N.add_0_l, app_nth1.
Qed.

Lemma from_nth n : forall k i, (i < n)%nat -> nth_error (from k n) i = Some (k + N.of_nat i)%N.
Proof.
induction n as [|n IH]; intros k [|i] i_lt; try lia; cbn [from nth_error]; [now rewrite N.add_0_r|].
rewrite IH by lia; f_equal; lia.
Qed.

Lemma check_equal_sound inputs b r (x : list F) : check_equal inputs b r = true -> length x = inputs ->
    their_size r = N.of_nat (length (run M (theirs r) x)) ->
    (forall e, In e (equal r) -> activation (snd e) = linear /\ Forall (fun d => (fst d < their_size r)%N) (edges (snd e))) ->
  forall e, In e (equal r) -> register (run M (theirs r) x) 0 (fst e) = preactivation (run M (theirs r) x) 0 (snd e).
Proof.
intros ok x_len size_r read e e_in; unfold check_equal in ok; destruct (equal r) as [|e0 es0] eqn:equal_r; [destruct e_in|]; rewrite <- equal_r in *.
pose proof (check_sound F field M laws _ _ _ ok x x_len) as same; unfold eval in same; cbn [nodes outputs] in same; rewrite run_app in same.
set (R := run M (theirs r) x) in *; set (vs := map (fun e => Unit N0 (snd e)) (equal r)) in *.
destruct (In_nth_error _ _ e_in) as [i i_e].
assert (i_lt : (i < length (equal r))%nat) by (apply nth_error_Some; congruence).
assert (reads : Forall (fun v => exists m, v = Unit N0 m /\ activation m = linear /\
  Forall (fun d => (N.to_nat (fst d) < length R)%nat) (edges m)) vs).
{ unfold vs; rewrite Forall_map, Forall_forall; intros d d_in; destruct (read d d_in) as [is_linear reads]; exists (snd d); split; [reflexivity|].
  split; [exact is_linear|]; revert reads; apply Forall_impl; intros edge edge_lt; lia. }
assert (i_v : nth_error vs i = Some (Unit N0 (snd e))) by (unfold vs; exact (map_nth_error (fun e => Unit N0 (snd e)) i _ i_e)).
pose proof (sums_run vs R (length R) reads (le_n _) i (snd e) i_v) as value.
assert (both : register R 0 (fst e) = register (run M vs R) 0 (their_size r + N.of_nat i)).
{ apply (f_equal (fun l => nth_error l i)) in same.
  rewrite (map_nth_error (register R 0) i (map fst (equal r)) (map_nth_error fst i _ i_e)) in same.
  rewrite (map_nth_error (register (run M vs R) 0) i _ (from_nth _ (their_size r) i i_lt)) in same; now injection same. }
rewrite both, size_r, value; destruct (run_more F M vs R) as [tail ->]; apply preactivation_more.
destruct (read e e_in) as [_ reads_e]; revert reads_e; apply Forall_impl; intros edge edge_lt; lia.
Qed.

Theorem check_images_sound N N' c : check_images N N' c = true ->
  forall x : list image, length x = image_inputs N ->
  Forall2 (fun f g : image => forall p, f p = g p) (eval_images M O N x) (eval_images M O N' x).
Proof.
unfold check_images; rewrite !andb_true_iff, !Nat.eqb_eq; intros [[[same_inputs same_spare] same_outputs] ok] x x_len.
destruct (cut_theirs _ _ _ _ _ _ _ _) as [r|] eqn:found_r; [|discriminate]; rewrite !andb_true_iff, N.eqb_eq in ok.
destruct ok as [[cuts_r self_r] ok]; destruct (theirs_shape _ _ _ _ _ _ _ _ _ found_r) as [_ [counted [sized read]]].
destruct (cut_ours _ _ _ _ _ _ _ _) as [o|] eqn:found_o; [|discriminate]; rewrite !andb_true_iff in ok; destruct ok as [[outputs_N outputs_N'] ok].
set (gs := made (steps N') (reduced_shown c) (x ++ repeat dark (spare N'))).
assert (gs_len : length gs = spare N').
{ pose proof (counted (x ++ repeat dark (spare N'))) as len; fold gs in len; rewrite cuts_r in len; cbn in len; lia. }
rewrite <- same_inputs, <- x_len, <- gs_len in *.
assert (dim_0 : dim x gs ++ [] = x ++ repeat dark (length gs)) by (unfold dim; apply app_nil_r).
assert (size_0 : N.of_nat (length x + length gs) = N.of_nat (length (dim x gs ++ []))).
{ rewrite dim_0, app_length, repeat_length; reflexivity. }
destruct (theirs_sound x gs (steps N') _ _ _ _ _ [] r found_r size_0) as [more' [ran_N' [size_r [origins_r cut_N']]]].
{ intros k origin; now destruct k. }
{ exists []; split; [|reflexivity]; rewrite dim_0, gs_len; reflexivity. }
{ intros p; apply (check_equal_sound _ _ _ _ self_r); [|apply sized|exact read]; rewrite app_nil_r, here_length; unfold base; rewrite app_length; reflexivity. }
cbn [app] in *; set (zs := dim x gs ++ more') in *.
set (finals := fun p => run M (sums o) (here p (base x gs ++ more'))).
assert (zs_len : length zs = length (base x gs ++ more')) by apply dim_length.
assert (finals_ok : forall p u, there (N.of_nat (length x)) (N.of_nat (length x + length gs)) (N.of_nat (length zs)) u = true ->
  register (finals p) 0 u = image_register zs u p).
{ intros p u [u_visible u_lt]%there_spec; unfold finals; destruct (run_more F M (sums o) (here p (base x gs ++ more'))) as [tail ->].
  rewrite register_app by (rewrite here_length, <- zs_len; lia); rewrite register_here, N.add_0_l; unfold zs.
  now rewrite visible_register. }
assert (sums_o : sums_ok finals (their_size r) (sums o)).
{ intros i m p i_m; unfold finals; rewrite size_r, zs_len, <- (here_length p).
  apply (sums_run (sums o) _ (length zs)); [|rewrite here_length; lia|exact i_m].
  exact (sums_read x gs zs (origins r) finals origins_r finals_ok (steps N) _ _ _ _ _ found_o). }
assert (same : forall p, map (register (run M (ours o) (here p (base x gs))) 0) (image_outputs N) = map (register (finals p) 0) (image_outputs N') /\
  map (register (run M (ours o) (here p (base x gs))) 0) (compared o) = map (register (finals p) 0) (with_theirs o)).
{ intros p; pose proof (check_sound F field M laws _ _ _ ok (here p (base x gs))) as equal; unfold eval in equal; cbn [nodes outputs inputs] in equal.
  rewrite run_app in equal; pose proof (cut_N' p) as ran; rewrite !app_nil_r in ran; rewrite ran in equal; fold (finals p) in equal.
  rewrite !map_app in equal; specialize (equal ltac:(rewrite here_length; unfold base; now rewrite app_length)); split.
  - apply app_inj_r in equal; [exact equal|now rewrite !map_length].
  - apply app_inj_l in equal; [exact equal|now rewrite !map_length]. }
destruct (ours_sound x gs zs (origins r) finals origins_r finals_ok (steps N) _ _ _ _ [] o found_o size_0 sums_o) as [more [ran_N [size_o cut_N]]].
{ intros p; rewrite app_nil_r; apply same. }
unfold eval_images; rewrite same_spare, <- gs_len.
rewrite dim_0 in ran_N, ran_N'; rewrite ran_N, ran_N'; cbn [app] in *; fold zs.
assert (equal : forall p, map (fun u => image_register (dim x gs ++ more) u p) (image_outputs N) = map (fun u => image_register zs u p) (image_outputs N')).
{ intros p; destruct (same p) as [equal _]; specialize (cut_N p); rewrite app_nil_r in cut_N; rewrite cut_N in equal.
  rewrite forallb_forall in outputs_N, outputs_N'; rewrite size_r in outputs_N'.
  rewrite (map_ext_in _ (fun u => image_register (dim x gs ++ more) u p)) in equal.
  - rewrite equal; apply map_ext_in; intros u u_in; now apply finals_ok, outputs_N'.
  - intros u u_in; rewrite register_here, N.add_0_l, visible_register; [reflexivity|]; now destruct (there_spec _ _ _ _ (outputs_N u u_in)). }
clear - equal same_outputs; revert equal same_outputs; generalize (image_outputs N'), (image_outputs N); intros us' us; revert us'.
induction us as [|u us IH]; intros [|u' us'] equal len; try discriminate; cbn [map]; constructor.
- intros p; specialize (equal p); now injection equal.
- apply IH; [|now injection len]; intros p; specialize (equal p); now injection equal.
Qed.

End Soundness.
