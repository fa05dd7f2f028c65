(* SPDX-License-Identifier: Apache-2.0 *)
(** This file is about the two definitions of a network in this folder being one: what [Network.eval] computes of layers is the
   paper's [[N]].

   Paper.v has real numbers as weights and matrices as layers; Network.v has integers, denominators and lists of edges.

   numbers_of F        a real field of MathComp as the numbers of Network.v
   paper_layer         a layer of integers as a layer of Definition 1, over F
   paper_network       a list of layers (L :: Ls, with n inputs) as a network of Definition 1
   at_ x               the values of the list x, by index                                                             *)
From Coq Require Import List ZArith.
From mathcomp Require Import all_ssreflect ssralg ssrnum.
From Exactlump Require Import Paper SimulationProof.
From Exactlump Require Network Layers Laws Checker CheckerProof.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory Num.Theory Order.POrderTheory Order.TotalTheory.
Local Open Scope ring_scope.

Lemma fraction_dec (x y : Network.fraction) : {x = y} + {x <> y}.
Proof. by decide equality; apply: Z.eq_dec. Qed.

Lemma function_dec (f g : Network.function) : {f = g} + {f <> g}.
Proof. by decide equality; [apply: fraction_dec|apply: (List.list_eq_dec fraction_dec)|decide equality]. Qed.
Canonical function_eqType := Eval hnf in EqType Network.function (comparableMixin function_dec).

Section Bridge.
Variable F : realFieldType.

Definition numbers_of : Network.numbers :=
  @Network.Numbers F 0 1 +%R *%R -%R GRing.inv (fun x => 0 <= x).

Lemma numbers_of_field : Network.ordered_field numbers_of.
Proof.
split=> //=.
- by split=> //=; [exact: add0r|exact: addrC|exact: addrA|exact: mul1r|exact: mulrC|exact: mulrA|exact: mulrDl|exact: subrr].
- by move=> x /eqP x_nz; rewrite divff.
- by apply/eqP; rewrite oner_eq0.
- by move=> x; rewrite oppr_ge0; case: (lerP 0 x) => [|/ltW]; [left|right].
- by move=> x x_ge0; rewrite oppr_ge0 => x_le0; apply/eqP; rewrite eq_le x_le0 x_ge0.
- exact: addr_ge0.
- exact: mulr_ge0.
Qed.

Variable M : Network.meaning numbers_of.
Local Notation Z_ := (@Network.of_Z numbers_of).
Local Notation function_value := (fun f => @Network.apply numbers_of M f).

Definition at_ (x : list F) n (i : 'I_n) : F := List.nth i x 0.

(** The weight of all edges from unit s together. *)
Fixpoint coefficient (es : list (N * Z)) (s : nat) : F :=
  match es with
  | nil => 0
  | e :: rest => (if N.to_nat e.1 == s then Z_ e.2 else 0) + coefficient rest s
  end.

Definition no_unit := Network.Neuron nil 0%Z 1%Z (Network.Leaky (1, 1)%Z).

Definition unit_of (L : Layers.layer) (t : nat) : Network.neuron := List.nth t L no_unit.

Definition width (L : Layers.layer) := length L.

Definition paper_layer n (L : Layers.layer) : layer F function_eqType [finType of 'I_n] [finType of 'I_(width L)] :=
  Layer (fun (s : 'I_n) (t : 'I_(width L)) =>
           (Z_ (Network.denominator (unit_of L t)))^-1 * coefficient (Network.edges (unit_of L t)) s)
        (fun t : 'I_(width L) => (Z_ (Network.denominator (unit_of L t)))^-1 * Z_ (Network.bias (unit_of L t)))
        (fun t : 'I_(width L) => Network.activation (unit_of L t)).

Fixpoint outputs L Ls := match Ls with nil => width L | L' :: Ls' => outputs L' Ls' end.

Fixpoint paper_network n L Ls : network F function_eqType [finType of 'I_n] [finType of 'I_(outputs L Ls)] :=
  match Ls return network F function_eqType [finType of 'I_n] [finType of 'I_(outputs L Ls)] with
  | nil => Last (paper_layer n L)
  | L' :: Ls' => Then (paper_layer n L) (paper_network (width L) L' Ls')
  end.

Lemma sum_edges n es (x : list F) : length x = n ->
  \sum_(s < n) coefficient es s * at_ x s = @Network.weighted_sum numbers_of x 0 es.
Proof.
move=> x_n; elim: es => [|[u w] es IH] /=; first by rewrite big1 // => s _; rewrite mul0r.
under eq_bigr => s _ do rewrite mulrDl; rewrite big_split /= IH /Network.register N.add_0_l; congr (_ + _).
case: (ltnP (N.to_nat u) n) => [u_n|n_u].
  rewrite (bigD1 (Ordinal u_n)) //= eqxx big1 ?addr0 // => s s_u.
  by case: eqP => [u_s|_]; [case/eqP: s_u; apply/val_inj|rewrite mul0r].
rewrite (_ : List.nth _ x _ = 0) ?mulr0; last by apply: nth_overflow; rewrite x_n; apply/ssrnat.leP.
rewrite big1 // => s _; case: eqP => [u_s|_]; last by rewrite mul0r.
by have := ltn_ord s; rewrite -u_s ltnNge n_u.
Qed.

Lemma layer_bridge n L (x : list F) : length x = n -> forall t : 'I_(width L),
  layer_semantics function_value (paper_layer n L) (@at_ x n) t = List.nth t (@Layers.eval_layer numbers_of M x L) 0.
Proof.
move=> x_n t; have t_lt : (t < length L)%coq_nat by apply/ssrnat.ltP; exact: ltn_ord.
pose f n := @Network.apply numbers_of M (Network.activation n) (@Network.preactivation numbers_of x 0 n).
rewrite /Layers.eval_layer -/f (List.nth_indep _ _ (f no_unit)); last by rewrite map_length.
rewrite map_nth /f /layer_semantics /= /Network.preactivation /preactivation /= -/(unit_of L t).
congr (@Network.apply numbers_of M _ _).
by rewrite mulrDr -(sum_edges _ x_n) mulr_sumr; congr (_ + _); apply: eq_bigr => s _; rewrite mulrA.
Qed.

(** The two definitions agree, output by output, at every input. *)
Theorem paper_semantics n L Ls (x : list F) : Layers.within n (L :: Ls) = true -> length x = n -> forall t : 'I_(outputs L Ls),
  eval function_value (paper_network n L Ls) (@at_ x n) t =
  List.nth t (@Network.eval numbers_of M (Layers.layered n (L :: Ls)) x) 0.
Proof.
move=> reads x_n t; rewrite (Layers.layered_semantics numbers_of M n (L :: Ls) x reads x_n) {reads}.
rewrite /Layers.eval_layers; elim: Ls n L x x_n t => [|L' Ls IH] n L x x_n t /=; first exact: layer_bridge.
rewrite -(IH (width L) L' (@Layers.eval_layer numbers_of M x L)); last by rewrite /Layers.eval_layer map_length.
by apply: eval_eq => i; apply: layer_bridge.
Qed.

(** What the checker accepts is equal in the paper's sense. *)
Theorem accepted_networks_are_equal_in_the_paper n L Ls L' Ls' c : Laws.lawful M ->
    Layers.within n (L :: Ls) = true -> Layers.within n (L' :: Ls') = true ->
    Checker.check (Layers.layered n (L :: Ls)) (Layers.layered n (L' :: Ls')) c = true ->
  forall (x : list F), length x = n -> forall (t : 'I_(outputs L Ls)) (t' : 'I_(outputs L' Ls')), t = t' :> nat ->
  eval function_value (paper_network n L Ls) (@at_ x n) t = eval function_value (paper_network n L' Ls') (@at_ x n) t'.
Proof.
move=> laws reads reads' ok x x_n t t' tt'; rewrite !paper_semantics // -tt'.
have x_inputs : length x = Network.inputs (Layers.layered n (L :: Ls)) by rewrite /Layers.layered; case: Layers.last_start.
by rewrite (@CheckerProof.check_sound numbers_of numbers_of_field M laws _ _ c ok x x_inputs).
Qed.

End Bridge.
