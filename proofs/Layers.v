(* SPDX-License-Identifier: Apache-2.0 *)
(** This file is about networks of layers, the paper's kind, as networks of Network.v.

   layer               the neurons of one layer; an edge (u, w) reads unit u of the layer below
   eval_layers         what a list of layers computes
   within n Ls         all edges read units that are there, n being the number of inputs
   layered n Ls        the layers as a network: its registers are the inputs, then the units, layer by layer          *)
From Coq Require Import List Bool ZArith Lia.
From Exactlump Require Import Network.
Import ListNotations.

Definition layer := list neuron.

Definition eval_layer {F : numbers} (M : meaning F) (ys : list F) (L : layer) : list F :=
  map (fun n => apply M (activation n) (preactivation ys 0 n)) L.

Definition eval_layers {F : numbers} (M : meaning F) (Ls : list layer) (x : list F) : list F := fold_left (eval_layer M) Ls x.

Fixpoint within (n : nat) (Ls : list layer) : bool :=
  match Ls with
  | [] => true
  | L :: Ls' => forallb (fun v => forallb (fun e => Nat.ltb (N.to_nat (fst e)) n) (edges v)) L && within (length L) Ls'
  end.

Fixpoint layer_nodes (start n : nat) (Ls : list layer) : list node :=
  match Ls with
  | [] => []
  | L :: Ls' => map (Unit (N.of_nat start)) L ++ layer_nodes (start + n) (length L) Ls'
  end.

Fixpoint last_start (start n : nat) (Ls : list layer) : nat * nat :=
  match Ls with
  | [] => (start, n)
  | L :: Ls' => last_start (start + n) (length L) Ls'
  end.

Definition layered (n : nat) (Ls : list layer) : network :=
  let (start, width) := last_start 0 n Ls in Network n (layer_nodes 0 n Ls) (map N.of_nat (seq start width)).

Section Layers.
Variables (F : numbers) (M : meaning F).
Implicit Types (xs ys zs : list F) (L : layer).

Lemma register_behind xs ys zs u : (N.to_nat u < length ys)%nat ->
  register (xs ++ ys ++ zs) (N.of_nat (length xs)) u = register ys 0 u.
Proof.
intros u_lt; unfold register; rewrite Nnat.N2Nat.inj_add, Nnat.Nat2N.id, app_nth2_plus; now apply app_nth1.
Qed.

Lemma preactivation_behind xs ys zs n : forallb (fun e => Nat.ltb (N.to_nat (fst e)) (length ys)) (edges n) = true ->
  preactivation (xs ++ ys ++ zs) (N.of_nat (length xs)) n = preactivation ys 0 n.
Proof.
unfold preactivation; intros reads; do 2 f_equal; revert reads; induction (edges n) as [|[u w] es IH]; cbn [forallb fst snd weighted_sum fold_right]; [reflexivity|].
rewrite andb_true_iff, Nat.ltb_lt; intros [u_lt rest]; f_equal; [f_equal; now apply register_behind|now apply IH].
Qed.

Lemma run_layer xs ys zs L : forallb (fun v => forallb (fun e => Nat.ltb (N.to_nat (fst e)) (length ys)) (edges v)) L = true ->
  run M (map (Unit (N.of_nat (length xs))) L) (xs ++ ys ++ zs) = xs ++ ys ++ zs ++ eval_layer M ys L.
Proof.
revert zs; induction L as [|n L IH]; intros zs; cbn [map run fold_left forallb]; [now rewrite app_nil_r|].
rewrite andb_true_iff; intros [reads rest]; cbn [node_values]; rewrite preactivation_behind by exact reads.
rewrite <- !app_assoc; unfold run in IH; rewrite IH by exact rest; cbn; now rewrite <- app_assoc.
Qed.

Lemma run_app vs ws xs : run M (vs ++ ws) xs = run M ws (run M vs xs).
Proof. apply fold_left_app. Qed.

Lemma register_list xs ys : map (register (xs ++ ys) 0) (map N.of_nat (seq (length xs) (length ys))) = ys.
Proof.
rewrite map_map; apply nth_ext with zero zero; rewrite map_length, seq_length; [reflexivity|]; intros i i_lt.
rewrite (nth_indep _ _ (register (xs ++ ys) 0 (N.of_nat 0))) by now rewrite map_length, seq_length.
rewrite (map_nth (fun u => register (xs ++ ys) 0 (N.of_nat u))), seq_nth by exact i_lt.
unfold register; rewrite N.add_0_l, Nnat.Nat2N.id; apply app_nth2_plus.
Qed.

Lemma run_layers Ls : forall xs ys, within (length ys) Ls = true ->
  let (start, width) := last_start (length xs) (length ys) Ls in
  map (register (run M (layer_nodes (length xs) (length ys) Ls) (xs ++ ys)) 0) (map N.of_nat (seq start width)) = eval_layers M Ls ys.
Proof.
induction Ls as [|L Ls IH]; intros xs ys; cbn [within last_start layer_nodes]; [intros _; apply register_list|].
rewrite andb_true_iff; intros [reads rest]; rewrite run_app.
pose proof (run_layer xs ys [] L reads) as ran; rewrite app_nil_r in ran; cbn [app] in ran; rewrite ran, app_assoc.
pose proof (IH (xs ++ ys) (eval_layer M ys L)) as above; rewrite app_length in above; unfold eval_layer in above at 1 2 3 5; rewrite map_length in above.
exact (above rest).
Qed.

Theorem layered_semantics n Ls (x : list F) : within n Ls = true -> length x = n -> eval M (layered n Ls) x = eval_layers M Ls x.
Proof.
intros reads <-; pose proof (run_layers Ls [] x reads) as ran; unfold layered, eval.
cbn [length app] in ran; destruct (last_start 0 (length x) Ls); exact ran.
Qed.

End Layers.
