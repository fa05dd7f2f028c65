(* SPDX-License-Identifier: Apache-2.0 *)
(** This file is about the paper's sentence below Theorem 2, "it is not possible to exploit less restrictive relationships than
   proportionality".  It is true of a neuron that one other neuron replaces (T3), and false of one that several replace (E6).

   affine w b x    what a node of the first layer with weights w and bias b computes before its activation, at the input x *)
From mathcomp Require Import all_ssreflect ssralg ssrnum.
From Exactlump Require Import Activation.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory Num.Theory Order.POrderTheory Order.TotalTheory.
Local Open Scope ring_scope.

Section Relu.
Variable F : realFieldType.
Implicit Types (c d s u y z : F).

Lemma relu_stable u z : `|z| < `|u| -> relu (u + z) + relu (u - z) = relu u *+ 2.
Proof.
case: (ltrgt0P u) => [u_gt0|u_lt0|->]; last by rewrite normr_lt0.
- rewrite ltr_norml => /andP[low high].
  have [? ?] : 0 <= u + z /\ 0 <= u - z by split; apply: ltW; rewrite ?subr_gt0 // -[z]opprK subr_gt0 ltr_oppl.
  by rewrite !relu_ge0 ?(ltW u_gt0) // addrACA subrr addr0 -mulr2n.
- rewrite ltr_norml opprK => /andP[low high].
  have [? ?] : u + z <= 0 /\ u - z <= 0 by split; apply: ltW; rewrite ?subr_lt0 // -[z]opprK subr_lt0 ltr_oppr.
  by rewrite !relu_le0 ?(ltW u_lt0) // addr0 mul0rn.
Qed.

(** Two kinks on a line: they are at the same place, and bend to the same side. *)
Lemma one_line a b g e c d : 0 < c -> 0 < g -> (forall s, relu (a * s + b) = c * relu (g * s + e) + d) ->
  [/\ d = 0, a = c * g & b = c * e].
Proof.
move=> c_gt0 g_gt0 same; have g_nz := lt0r_neq0 g_gt0; pose s0 := - e / g; pose u := a * s0 + b.
have g_s0 h : g * (s0 + h) + e = g * h by rewrite mulrDr /s0 mulrCA divff // mulr1 addrAC addNr add0r.
have up h : 0 <= h -> relu (u + a * h) = c * (g * h) + d.
  by move=> h_ge0; rewrite /u addrAC -mulrDr same g_s0 relu_ge0 // mulr_ge0 // ltW.
have down h : 0 <= h -> relu (u - a * h) = d.
  move=> h_ge0; rewrite -mulrN /u addrAC -mulrDr same g_s0 relu_le0 ?mulr0 ?add0r //.
  by rewrite mulrN oppr_le0 mulr_ge0 // ltW.
have d_u : relu u = d by rewrite -(down 0) // mulr0 subr0.
have u_0 : u = 0.
  apply/eqP; apply/negP => /negP u_nz; pose h := `|u| / (`|a| + 1).
  have a_gt0 : 0 < `|a| + 1 by rewrite ltr_spaddr ?ltr01.
  have h_gt0 : 0 < h by rewrite divr_gt0 ?normr_gt0.
  have small : `|a * h| < `|u|.
    rewrite normrM (gtr0_norm h_gt0) /h mulrA ltr_pdivr_mulr // mulrC ltr_pmul2l ?normr_gt0 //.
    by rewrite ltr_addl ltr01.
  have := relu_stable small; rewrite up ?down ?d_u ?(ltW h_gt0) // -addrA -mulr2n => /eqP.
  by rewrite -subr_eq0 addrK (gt_eqF (mulr_gt0 c_gt0 (mulr_gt0 g_gt0 h_gt0))).
have d_0 : d = 0 by rewrite -d_u u_0 relu_ge0.
have a_cg : a = c * g.
  have := up 1 ler01; rewrite u_0 add0r !mulr1 d_0 addr0; case: (lerP 0 a) => [a_ge0|/ltW a_le0]; first by rewrite relu_ge0.
  by rewrite relu_le0 // => cg_0; have := mulr_gt0 c_gt0 g_gt0; rewrite -cg_0 ltxx.
split=> //; have : b = u - a * s0 by rewrite /u addrAC subrr add0r.
by rewrite u_0 sub0r a_cg /s0 => ->; rewrite mulNr mulrN opprK -mulrA [g * _]mulrCA divff // mulr1.
Qed.

End Relu.

Section Completeness.
Variables (F : realFieldType) (I : finType).
Implicit Types (c d s : F) (w v : I -> F) (x : I -> F).

Definition affine w b x := \sum_i w i * x i + b.

Lemma affine_axis w b i s : affine w b (fun j => if j == i then s else 0) = w i * s + b.
Proof. by rewrite /affine (bigD1 i) //= eqxx big1 ?addr0 // => j /negbTE->; rewrite mulr0. Qed.

(** T3: over all real inputs, a neuron is a positive multiple of another one, plus a constant, only if its weights and its bias are
   that multiple, and the constant is 0. *)
Theorem theorem_3_one_other_neuron w b v e c d : 0 < c -> (exists i, v i != 0) ->
    (forall x, relu (affine w b x) = c * relu (affine v e x) + d) ->
  [/\ d = 0, forall i, w i = c * v i & b = c * e].
Proof.
move=> c_gt0 [i v_i] same.
have line j s : relu (w j * s + b) = c * relu (v j * s + e) + d by rewrite -!affine_axis same.
have coordinate j : v j != 0 -> [/\ d = 0, w j = c * v j & b = c * e].
  case: (ltrgt0P (v j)) => // [v_gt0|v_lt0] _; first exact: one_line (line j).
  have := @one_line _ (- w j) b (- v j) e c d c_gt0; rewrite oppr_gt0 => /(_ v_lt0)[s|d_0 w_v b_e].
    by rewrite !mulNr -!mulrN line.
  by split=> //; apply: oppr_inj; rewrite w_v mulrN.
have [d_0 _ b_e] := coordinate i v_i; split=> // j.
case: (eqVneq (v j) 0) => [v_0|/coordinate[] //]; rewrite v_0 mulr0.
apply/eqP; apply/negP => /negP w_nz.
have b0 : relu b = c * relu e + d by have := line j 0; rewrite !mulr0 !add0r.
have const s : relu (w j * s + b) = relu b by rewrite line v_0 mul0r add0r b0.
have := const ((1 + `|b| - b) / w j); rewrite mulrCA divff // mulr1 subrK => same1.
have big : 0 <= 1 + `|b| by rewrite addr_ge0 ?ler01.
have : relu b < 1 + `|b|.
  by rewrite /relu lt_maxl ltr_spaddl ?ltr01 ?ler_norm // ltr_spaddl ?ltr01.
by rewrite -same1 relu_ge0 // ltxx.
Qed.

End Completeness.

Section Several.
Variable F : realFieldType.

(** Weight and bias of the four neurons of E6, over one input. *)
Definition four (n : nat) : F * F :=
  match n with
  | 0%N => (-1, -1)
  | 1%N => (1, 1)
  | 2%N => (1, 0)
  | _ => (-1, 0)
  end.

Definition four_value n (x : F) := relu ((four n).1 * x + (four n).2).

(** E6: one neuron is a combination of three others and a constant at every input, although no two of the four are proportional. *)
Theorem proportionality_is_not_necessary :
  (forall n m r, (n < 4)%N -> (m < 4)%N -> 0 < r -> four n = (r * (four m).1, r * (four m).2) -> n = m) /\
  (forall x, four_value 0 x = four_value 1 x - four_value 2 x + four_value 3 x - 1).
Proof.
have one_N1 : (1 == -1 :> F) = false by rewrite eq_sym lt_eqF // (@lt_trans _ _ 0) ?ltr01 // oppr_lt0 ltr01.
split=> [n m r n_lt m_lt r_gt0 same|x]; last first.
  have twin y : relu y = relu (- y) + y :> F.
    case: (lerP 0 y) => [y_ge0|/ltW y_le0].
      by rewrite (relu_ge0 y_ge0) relu_le0 ?oppr_le0 // add0r.
    by rewrite (relu_le0 y_le0) relu_ge0 ?oppr_ge0 // addNr.
  rewrite /four_value /= !mulN1r !mul1r !addr0 (twin x) (twin (x + 1)) !opprD -!addrA -[LHS]addr0; congr (_ + _).
  by rewrite [- x + _]addrCA addKr addrCA [x + _]addrA subrr add0r subrr.
have := congr1 (Num.sg \o fst) same; have {same} := congr1 (Num.sg \o snd) same.
rewrite /= !sgrM (gtr0_sg r_gt0) !mul1r; move: n m n_lt m_lt => [|[|[|[|n]]]] [|[|[|[|m]]]] //= _ _.
all: rewrite ?sgrN ?sgr1 ?sgr0 => /eqP same_b /eqP same_a; exfalso.
all: move: same_a same_b; rewrite ?eqr_oppLR ?oppr0 ?opprK ?oppr_eq0 ?one_N1 ?(eq_sym 0) ?oppr_eq0 ?oner_eq0 //.
all: by rewrite ?one_N1.
Qed.

End Several.
