(* SPDX-License-Identifier: Apache-2.0 *)
(** This file is about networks with one hidden layer of (leaky) ReLUs and one output, over any real field: two of them compute
   the same function exactly if they bend by as much at each hyperplane, and have the same affine part (T13).

   shallow, value N x   such a network, and what it computes
   on_plane w b v d     a neuron with weights w and bias b bends at the hyperplane dot v x + d = 0 (or nowhere, w and b being 0)
   kink N v d           by how much N bends there, times a number that depends on v alone
   tilt, offset         the affine part, twice: what is left of N without its kinks                                          *)
From mathcomp Require Import all_ssreflect ssralg ssrnum.
From Exactlump Require Import Activation Relaxation.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory Num.Theory Order.POrderTheory Order.TotalTheory.
Local Open Scope ring_scope.

Section Networks.
Variables (F : realFieldType) (S : finType).
Implicit Types (b d r t : F) (v w x y z : S -> F).

Definition dot w x := \sum_k w k * x k.

Record shallow (I : finType) := Shallow { weights : I -> S -> F; bias : I -> F; slope : I -> F; outgoing : I -> F; constant : F }.

Definition before (I : finType) (N : shallow I) i x := dot (weights N i) x + bias N i.
Definition value (I : finType) (N : shallow I) x := \sum_i outgoing N i * leaky (slope N i) (before N i x) + constant N.

Definition on_plane w b v d := [forall k, [forall l, w k * v l == w l * v k] && (w k * d == b * v k)].
Definition size_of w := \sum_k `|w k|.

Definition bend (I : finType) (N : shallow I) i := outgoing N i * (1 - slope N i).
Definition kink (I : finType) (N : shallow I) v d :=
  \sum_(i | on_plane (weights N i) (bias N i) v d) bend N i * size_of (weights N i).
Definition tilt (I : finType) (N : shallow I) k := \sum_i outgoing N i * (1 + slope N i) * weights N i k.
Definition offset (I : finType) (N : shallow I) :=
  constant N *+ 2 + \sum_i outgoing N i * (1 + slope N i) * bias N i
    + \sum_(i | [forall k, weights N i k == 0]) bend N i * `|bias N i|.

(** --- Planes --- *)

Lemma dotDr w x y : dot w (fun k => x k + y k) = dot w x + dot w y.
Proof. by rewrite /dot -big_split; apply: eq_bigr => k _; rewrite mulrDr. Qed.

Lemma dotZr w r x : dot w (fun k => r * x k) = r * dot w x.
Proof. by rewrite /dot mulr_sumr; apply: eq_bigr => k _; rewrite mulrCA. Qed.

Lemma dotN w x : dot w (fun k => - x k) = - dot w x.
Proof. by rewrite /dot -sumrN; apply: eq_bigr => k _; rewrite mulrN. Qed.

Lemma dotZl w r v x : (forall k, w k = r * v k) -> dot w x = r * dot v x.
Proof. by move=> w_v; rewrite /dot mulr_sumr; apply: eq_bigr => k _; rewrite w_v mulrA. Qed.

Lemma dotC w x : dot w x = dot x w.
Proof. by apply: eq_bigr => k _; rewrite mulrC. Qed.

Lemma dot_ge0 v : 0 <= dot v v.
Proof. by apply: sumr_ge0 => k _; rewrite -expr2 sqr_ge0. Qed.

Lemma dot_eq0 v : dot v v = 0 -> forall k, v k = 0.
Proof.
move=> v0 k; apply/eqP; rewrite -sqrf_eq0 expr2; apply/eqP.
by have /psumr_eq0P-> // := v0 => l _; rewrite -expr2 sqr_ge0.
Qed.

Lemma dot_gt0 v k : v k != 0 -> 0 < dot v v.
Proof. by move=> vk; rewrite lt_def dot_ge0 andbT; apply: contra vk => /eqP/dot_eq0->. Qed.

Lemma size_gt0 v k : v k != 0 -> 0 < size_of v.
Proof.
move=> vk; rewrite /size_of (bigD1 k) //= ltr_spaddl ?normr_gt0 //.
by apply: sumr_ge0 => l _; apply: normr_ge0.
Qed.

Lemma sizeZ w r v : (forall k, w k = r * v k) -> size_of w = `|r| * size_of v.
Proof. by move=> w_v; rewrite /size_of mulr_sumr; apply: eq_bigr => k _; rewrite w_v normrM. Qed.

Lemma multiple_on_plane w b v d r : (forall k, w k = r * v k) -> b = r * d -> on_plane w b v d.
Proof.
move=> w_v b_d; apply/forallP => k; apply/andP; split; last by rewrite w_v b_d mulrAC.
by apply/forallP => l; rewrite !w_v mulrAC.
Qed.

Lemma on_plane_multiple w b v d k : v k != 0 -> on_plane w b v d -> exists2 r, forall l, w l = r * v l & b = r * d.
Proof.
move=> vk /forallP on; exists (w k / v k) => [l|].
  by have /andP[/forallP/(_ l)/eqP same _] := on k; rewrite mulrAC same -mulrA divff ?mulr1.
by have /andP[_ /eqP same] := on k; rewrite mulrAC same -mulrA divff ?mulr1.
Qed.

(** The point of the plane that is nearest to 0. *)
Definition foot v d k := - d / dot v v * v k.

Lemma foot_on v d k : v k != 0 -> dot v (foot v d) + d = 0.
Proof. by move=> vk; rewrite /foot dotZr divfK ?addNr // gt_eqF // (dot_gt0 vk). Qed.

(** A neuron that bends elsewhere is not 0 on all of the plane. *)
Lemma not_zero_on_plane w b v d k : v k != 0 -> ~~ on_plane w b v d ->
  exists2 z, dot v z + d = 0 & dot w z + b != 0.
Proof.
move=> vk off; have on := foot_on d vk; have [w_foot|] := eqVneq (dot w (foot v d) + b) 0; last by exists (foot v d).
pose m := dot w v / dot v v; pose u l := w l - m * v l.
have v_u : dot v u = 0.
  rewrite /u (_ : dot v _ = dot v (fun l => w l + (- m) * v l)).
    by rewrite dotDr dotZr mulNr divfK ?(gt_eqF (dot_gt0 vk)) // [dot v w]dotC subrr.
  by apply: eq_bigr => l _; rewrite mulNr.
have w_u : dot w u = dot u u.
  have -> : dot w u = dot (fun l => u l + m * v l) u by apply: eq_bigr => l _; rewrite subrK.
  by rewrite dotC dotDr dotZr [dot u v]dotC v_u mulr0 addr0.
exists (fun l => foot v d l + u l); first by rewrite dotDr v_u addr0.
rewrite dotDr addrAC w_foot add0r w_u; apply: contra off => /eqP/dot_eq0 u0.
have w_v l : w l = m * v l by apply/eqP; rewrite -subr_eq0; apply/eqP/u0.
have v_foot : dot v (foot v d) = - d by apply/eqP; rewrite -addr_eq0 on.
by apply: (multiple_on_plane w_v); apply/eqP; rewrite -subr_eq0 addrC -mulrN -v_foot -(dotZl _ w_v) w_foot.
Qed.

Lemma norm_le_sum (rs : seq F) r : r \in rs -> `|r| <= \sum_(s <- rs) `|s|.
Proof.
elim: rs => // s rs IH; rewrite inE big_cons => /orP[/eqP->|/IH le]; last by rewrite (le_trans le) // ler_addr normr_ge0.
by rewrite ler_addl; apply: sumr_ge0 => p _; apply: normr_ge0.
Qed.

(** Finitely many other planes do not cover a plane. *)
Lemma avoidance (I : eqType) (w : I -> S -> F) (b : I -> F) v d k (s : seq I) : v k != 0 ->
    (forall i, i \in s -> ~~ on_plane (w i) (b i) v d) ->
  exists2 x, dot v x + d = 0 & forall i, i \in s -> dot (w i) x + b i != 0.
Proof.
move=> vk; elim: s => [|i s IH] off; first by exists (foot v d) => //; apply: foot_on vk.
have [|x x_on x_off] := IH; first by move=> j j_s; rewrite off ?inE ?j_s ?orbT.
have [z z_on z_off] := not_zero_on_plane vk (off i (mem_head _ _)).
pose A j := dot (w j) x + b j; pose B j := dot (w j) z + b j.
pose roots := [seq A j / (A j - B j) | j <- i :: s]; pose t := 1 + \sum_(r <- roots) `|r|.
have far r : r \in roots -> t != r.
  move=> /norm_le_sum le; apply: contraTneq le => <-; rewrite -ltNge (lt_le_trans _ (ler_norm t)) //.
  by rewrite /t ltr_spaddl ?ltr01.
pose p l := x l + t * (z l + - x l).
have on_p u c : dot u p + c = (dot u x + c) + t * ((dot u z + c) - (dot u x + c)).
  rewrite /p dotDr dotZr dotDr dotN addrAC; congr (_ + t * _).
  by rewrite opprD addrACA subrr addr0.
exists p; first by rewrite on_p x_on z_on subrr mulr0 addr0.
move=> j j_in; rewrite on_p -/(A j) -/(B j); apply/negP => root.
have A_B : A j - B j != 0.
  rewrite subr_eq0; apply: contraTneq root => same; rewrite same subrr mulr0 addr0.
  by move: j_in; rewrite inE => /orP[/eqP->|/x_off] //; rewrite -/(A j) same.
have /far/eqP[] : A j / (A j - B j) \in roots by exact: (map_f (fun j => A j / (A j - B j)) j_in).
by apply: (mulIf A_B); rewrite divfK //; move: root; rewrite -opprB mulrN subr_eq0 => /eqP.
Qed.

(** --- One network --- *)

Section One.
Variables (I : finType) (N : shallow I).
Let w i := weights N i.
Let b i := bias N i.
Let flat i := [forall k, w i k == 0].

Lemma size_flat i : flat i -> size_of (weights N i) = 0.
Proof. by move=> /forallP zero; rewrite /size_of big1 // => k _; have /eqP := zero k; rewrite /w => ->; rewrite normr0. Qed.

Lemma twice_value x :
  value N x *+ 2 = \sum_i outgoing N i * (1 + slope N i) * before N i x + \sum_i bend N i * `|before N i x| + constant N *+ 2.
Proof.
rewrite /value mulrnDl -sumrMnl -big_split /=; congr (_ + _); apply: eq_bigr => i _.
by rewrite -mulrnAr leaky_abs mulrDr !mulrA.
Qed.

Lemma bend_of_leaky a (y z : F) :
  (leaky a (y + z) + leaky a (y - z) - leaky a y *+ 2) *+ 2 = (1 - a) * (`|y + z| + `|y - z| - `|y| *+ 2).
Proof.
rewrite mulrnBl mulrnDl !leaky_abs addrACA -!mulrDr mulrnDl opprD addrACA -!mulrnAr -!mulrBr.
by rewrite [y + z + _]addrACA subrr addr0 -mulr2n subrr mulr0 add0r.
Qed.

Lemma norm_stable (y z : F) : `|z| <= `|y| -> `|y + z| + `|y - z| = `|y| *+ 2.
Proof.
have stable (u : F) : 0 <= u -> `|z| <= u -> `|u + z| + `|u - z| = u *+ 2.
  move=> u_ge0; rewrite ler_norml => /andP[low high].
  by rewrite !ger0_norm ?subr_ge0 // -?ler_subl_addl ?sub0r // addrACA subrr addr0 -mulr2n.
case: (ger0P y) => [y_ge0|y_lt0]; first exact: stable.
move=> z_le; have := stable _ _ z_le; rewrite oppr_ge0 ltW // => /(_ isT) <-; rewrite addrC.
by congr (_ + _); rewrite -normrN opprD ?opprK // addrC.
Qed.

(** The neurons that bend at a plane bend by the kink there; the others do not bend near a point that is on no other plane. *)
Lemma kink_zero v d k : v k != 0 -> (forall x, value N x = 0) -> kink N v d = 0.
Proof.
move=> vk zero; pose on i := on_plane (w i) (b i) v d.
have [i|x x_on x_off] := @avoidance _ w b v d k [seq i <- enum I | ~~ on i] vk; first by rewrite mem_filter => /andP[].
pose t := (1 + \sum_i `|dot (w i) v| / `|before N i x|)^-1; pose z i := t * dot (w i) v.
have sum_ge0 (P : pred I) : 0 <= \sum_(i | P i) `|dot (w i) v| / `|before N i x|.
  by apply: sumr_ge0 => i _; rewrite divr_ge0 ?normr_ge0.
have t_gt0 : 0 < t by rewrite invr_gt0 ltr_spaddl ?ltr01.
have step s i : before N i (fun l => x l + s * v l) = before N i x + s * dot (w i) v.
  by rewrite /before dotDr dotZr addrAC.
have : (value N (fun l => x l + t * v l) + value N (fun l => x l + (- t) * v l) - value N x *+ 2) *+ 2 = 0.
  by rewrite !zero mul0rn addr0 subrr mul0rn.
have -> : (value N (fun l => x l + t * v l) + value N (fun l => x l + (- t) * v l) - value N x *+ 2) *+ 2
    = \sum_i bend N i * (`|before N i x + z i| + `|before N i x - z i| - `|before N i x| *+ 2).
  have cancel (p q r c : F) : p + c + (q + c) - (r + c) *+ 2 = p + q - r *+ 2.
    by rewrite addrACA -mulr2n mulrnDl opprD addrACA subrr addr0.
  rewrite /value cancel -sumrMnl -big_split -sumrB -sumrMnl /=; apply: eq_bigr => i _.
  by rewrite !step mulNr -/(z i) /bend -mulrA -bend_of_leaky mulrnAr mulrBr mulrDr mulrnAr.
rewrite (bigID on) /= [X in _ + X]big1 ?addr0 => [|i off]; last first.
  rewrite norm_stable ?subrr ?mulr0 //; have y_nz : before N i x != 0 by apply: x_off; rewrite mem_filter off mem_enum.
  rewrite normrM (gtr0_norm t_gt0) /t ler_pdivr_mull ?ltr_spaddl ?ltr01 // mulrDl mul1r (bigD1 i) //= mulrDl divfK ?normr_eq0 //.
  by rewrite addrCA ler_addl addr_ge0 // mulr_ge0 ?normr_ge0 // sum_ge0.
have [size_v_gt0 v_gt0] := (size_gt0 vk, dot_gt0 vk).
have -> : \sum_(i | on i) bend N i * (`|before N i x + z i| + `|before N i x - z i| - `|before N i x| *+ 2)
    = kink N v d * ((t * dot v v / size_of v) *+ 2).
  rewrite /kink mulr_suml; apply: eq_bigr => i /(on_plane_multiple vk)[r w_v b_d].
  have y_0 : before N i x = 0 by rewrite /before -/(w i) -/(b i) (dotZl _ w_v) b_d -mulrDr x_on mulr0.
  have size_w := sizeZ w_v.
  rewrite y_0 add0r sub0r normrN normr0 mul0rn subr0 -mulr2n -mulrA; congr (_ * _); rewrite mulrnAr; congr (_ *+ 2).
  rewrite /z (dotZl _ w_v) !normrM (gtr0_norm t_gt0) (gtr0_norm v_gt0) size_w.
  by rewrite mulrCA -!mulrA; congr (_ * _); rewrite [RHS]mulrCA [size_of v * _]mulrC divfK ?gt_eqF.
have const_gt0 : 0 < t * dot v v / size_of v by rewrite divr_gt0 ?mulr_gt0.
by move/eqP; rewrite mulf_eq0 mulrn_eq0 /= (gt_eqF const_gt0) orbF => /eqP.
Qed.

(** Without kinks, a network is affine. *)

Let represents i j := ~~ flat j && on_plane (w i) (b i) (w j) (b j).

Lemma not_flat i : ~~ flat i -> exists k, w i k != 0.
Proof. by rewrite negb_forall => /existsP. Qed.

Lemma represents_self i : ~~ flat i -> represents i i.
Proof. by move=> i_bends; rewrite /represents i_bends (multiple_on_plane (r := 1)) // => [k|]; rewrite mul1r. Qed.

Lemma represents_as i j : ~~ flat i -> represents i j -> represents i =1 represents j.
Proof.
move=> i_bends /andP[j_bends i_j] l; rewrite /represents; case l_bends: (flat l) => //=.
have [[ki wi] [kj wj]] := (not_flat i_bends, not_flat j_bends); have [kl wl] := not_flat (negbT l_bends).
have [r w_ij b_ij] := on_plane_multiple wj i_j; have r_nz : r != 0 by apply: contra wi => /eqP r0; rewrite w_ij r0 mul0r.
apply/idP/idP => [/(on_plane_multiple wl)[s w_il b_il]|/(on_plane_multiple wl)[s w_jl b_jl]].
- apply: (@multiple_on_plane _ _ _ _ (s / r)) => [k|]; apply: (mulfI r_nz).
    by rewrite -w_ij w_il !mulrA [r * s]mulrC mulfK.
  by rewrite -b_ij b_il !mulrA [r * s]mulrC mulfK.
- by apply: (@multiple_on_plane _ _ _ _ (r * s)) => [k|]; rewrite ?w_ij ?w_jl ?b_ij ?b_jl mulrA.
Qed.

Let representative i := odflt i [pick j | represents i j].

Lemma representativeP i : ~~ flat i -> represents i (representative i).
Proof. by move=> i_bends; rewrite /representative; case: pickP => // none; have := none i; rewrite represents_self. Qed.

Lemma same_representative i j : ~~ flat i -> ~~ flat j -> (representative j == representative i) = represents j (representative i).
Proof.
move=> i_bends j_bends; apply/eqP/idP => [<-|j_i]; first exact: representativeP.
have same : represents j =1 represents i.
  by move=> l; rewrite (represents_as j_bends j_i) -(represents_as i_bends (representativeP i_bends)).
by rewrite /representative (eq_pick same); case: pickP => // none; have := none i; rewrite represents_self.
Qed.

Lemma sum_without_kinks x : (forall v d k, v k != 0 -> kink N v d = 0) ->
  \sum_(i | ~~ flat i) bend N i * `|before N i x| = 0.
Proof.
move=> no_kink; rewrite (partition_big representative predT) //= big1 // => j _.
case: (pickP (fun i => ~~ flat i && (representative i == j))) => [i /andP[i_bends /eqP i_j]|none]; last exact: big_pred0.
have /andP[j_bends _] := representativeP i_bends; rewrite i_j in j_bends; have [k wj] := not_flat j_bends.
transitivity (kink N (w j) (b j) * (`|before N j x| / size_of (w j))); last by rewrite (no_kink _ _ k) ?mul0r.
rewrite /kink [X in X * _](bigID flat) /= [X in (X + _) * _]big1 ?add0r => [|l /andP[_ /size_flat->]]; last by rewrite mulr0.
rewrite mulr_suml; apply: eq_big => [l|l /andP[l_bends /eqP l_j]].
  case l_bends: (flat l); rewrite ?andbF //= andbT -i_j same_representative ?l_bends // i_j.
  by rewrite /represents j_bends.
have /andP[_] := representativeP l_bends; rewrite l_j => /(on_plane_multiple wj)[r w_l b_l].
rewrite (sizeZ w_l) /before -/(w l) -/(b l) (dotZl _ w_l) b_l -mulrDr normrM -!mulrA; congr (_ * (_ * _)).
by congr (_ * _); rewrite [RHS]mulrC divfK // gt_eqF // (size_gt0 wj).
Qed.

Lemma value_without_kinks x : (forall v d k, v k != 0 -> kink N v d = 0) -> value N x *+ 2 = dot (tilt N) x + offset N.
Proof.
move=> no_kink; rewrite twice_value [X in _ + X + _](bigID flat) /= sum_without_kinks // addr0 /offset.
have -> : \sum_(i | flat i) bend N i * `|before N i x| = \sum_(i | flat i) bend N i * `|bias N i|.
  apply: eq_bigr => i /forallP i_flat; rewrite /before /dot big1 ?add0r // => k _.
  by have /eqP := i_flat k; rewrite /w => ->; rewrite mul0r.
have -> : \sum_i outgoing N i * (1 + slope N i) * before N i x
    = dot (tilt N) x + \sum_i outgoing N i * (1 + slope N i) * bias N i.
  under eq_bigr => i _ do rewrite /before mulrDr; rewrite big_split /=; congr (_ + _); rewrite /dot /tilt.
  under [RHS]eq_bigr => k _ do rewrite mulr_suml; rewrite [RHS]exchange_big; apply: eq_bigr => i _.
  by rewrite mulr_sumr; apply: eq_bigr => k _; rewrite mulrA.
by move: (constant N *+ 2) => e; rewrite -!addrA; congr (_ + _); rewrite [RHS]addrC addrA.
Qed.

Lemma value_zero : (forall x, value N x = 0) <->
  [/\ forall v d, (exists k, v k != 0) -> kink N v d = 0, forall k, tilt N k = 0 & offset N = 0].
Proof.
split=> [zero|[no_kink tilt_0 offset_0] x]; last first.
  have := value_without_kinks x (fun v d k vk => no_kink v d (ex_intro _ k vk)).
  by rewrite offset_0 addr0 /dot big1 => [/eqP|k _]; rewrite ?tilt_0 ?mul0r // mulrn_eq0 => /eqP.
have no_kink v d k (vk : v k != 0) : kink N v d = 0 := kink_zero d vk zero.
have affine x : dot (tilt N) x + offset N = 0 by rewrite -value_without_kinks ?zero ?mul0rn.
have offset_0 : offset N = 0.
  by have := affine (fun=> 0); rewrite /dot big1 ?add0r // => k _; rewrite mulr0.
split=> // [v d [k vk]|k]; first exact: no_kink vk.
have := affine (fun l => if l == k then 1 else 0); rewrite offset_0 addr0 /dot (bigD1 k) //= eqxx mulr1.
by rewrite big1 ?addr0 // => l /negbTE->; rewrite mulr0.
Qed.

End One.

(** --- Two networks --- *)

Definition sum_of (A : Type) (I J : Type) (f : I -> A) (g : J -> A) (i : I + J) :=
  match i with inl i => f i | inr j => g j end.

Definition minus (I J : finType) (N : shallow I) (N' : shallow J) : shallow [finType of I + J] :=
  Shallow (sum_of (weights N) (weights N')) (sum_of (bias N) (bias N')) (sum_of (slope N) (slope N'))
    (sum_of (outgoing N) (fun j => - outgoing N' j)) (constant N - constant N').

Theorem theorem_13_dichotomy (I J : finType) (N : shallow I) (N' : shallow J) : (forall x, value N x = value N' x) <->
  [/\ forall v d, (exists k, v k != 0) -> kink N v d = kink N' v d, forall k, tilt N k = tilt N' k & offset N = offset N'].
Proof.
have valueE x : value (minus N N') x = value N x - value N' x.
  rewrite /value big_sumType /= opprD addrACA; congr (_ + _ + _); rewrite -sumrN.
  by apply: eq_bigr => j _; rewrite mulNr.
have kinkE v d : kink (minus N N') v d = kink N v d - kink N' v d.
  rewrite /kink big_sumType /=; congr (_ + _); rewrite -sumrN.
  by apply: eq_bigr => j _; rewrite /bend /= !mulNr.
have tiltE k : tilt (minus N N') k = tilt N k - tilt N' k.
  rewrite /tilt big_sumType /=; congr (_ + _); rewrite -sumrN.
  by apply: eq_bigr => j _; rewrite !mulNr.
have offsetE : offset (minus N N') = offset N - offset N'.
  have outer : \sum_j - outgoing N' j * (1 + slope N' j) * bias N' j = - \sum_j outgoing N' j * (1 + slope N' j) * bias N' j.
    by rewrite -sumrN; apply: eq_bigr => j _; rewrite !mulNr.
  have flat : \sum_(j | [forall k, weights N' j k == 0]) bend (minus N N') (inr j) * `|bias N' j|
      = - \sum_(j | [forall k, weights N' j k == 0]) bend N' j * `|bias N' j|.
    by rewrite -sumrN; apply: eq_bigr => j _; rewrite /bend /= !mulNr.
  rewrite /offset !big_sumType /= mulrnBl outer flat; move: (constant N *+ 2) (constant N' *+ 2) => e e'.
  by rewrite [X in X + _]addrACA -opprD addrACA -opprD.
have zero : (forall x, value N x = value N' x) <-> (forall x, value (minus N N') x = 0).
  by split=> same x; apply/eqP; have /eqP := same x; rewrite valueE subr_eq0.
apply: (iff_trans zero); apply: (iff_trans (value_zero _)); rewrite offsetE.
split=> -[kinks tilts offsets]; split=> [v d bends|k|].
- by apply/eqP; rewrite -subr_eq0 -kinkE kinks.
- by apply/eqP; rewrite -subr_eq0 -tiltE tilts.
- by apply/eqP; rewrite -subr_eq0 offsets.
- by rewrite kinkE kinks ?subrr.
- by rewrite tiltE tilts subrr.
- by rewrite offsets subrr.
Qed.

End Networks.
