(* SPDX-License-Identifier: Apache-2.0 *)
(** This file is about activation functions that commute with positive scalings, over any real field.

   positively_homogeneous f   f (r y) = r (f y) for every r > 0: all that the paper's Theorem 1 uses
   leaky a                    LeakyReLU with slope a for negative numbers, any a
   relu, identity, absolute   its instances at a = 0, 1, -1                                           *)
From mathcomp Require Import all_ssreflect ssralg ssrnum.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory Num.Theory Order.POrderTheory Order.TotalTheory.
Local Open Scope ring_scope.

Section Activation.
Variable F : realFieldType.
Implicit Types (f : F -> F) (a r y : F).

Definition positively_homogeneous f := forall r y, 0 < r -> f (r * y) = r * f y.

Definition leaky a y := if 0 <= y then y else a * y.
Definition relu y := Num.max y 0.
Definition identity y : F := y.
Definition absolute y : F := `|y|.

Lemma homogeneous_0 f : positively_homogeneous f -> f 0 = 0.
Proof.
move=> f_hom; have /eqP := f_hom 2%:R 0 (ltr0Sn _ _).
by rewrite mulr0 mulr_natl mulr2n -subr_eq0 opprD addrA subrr add0r oppr_eq0 => /eqP.
Qed.

Lemma leaky_homogeneous a : positively_homogeneous (leaky a).
Proof. by move=> r y r_gt0; rewrite /leaky pmulr_rge0 //; case: ifP => // _; rewrite mulrCA. Qed.

Lemma relu_leaky : relu =1 leaky 0.
Proof. by move=> y; rewrite /relu /leaky mul0r; case: (lerP 0 y) => [/max_l|/ltW/max_r]. Qed.

Lemma relu_ge0 y : 0 <= y -> relu y = y. Proof. by move=> /max_l. Qed.
Lemma relu_le0 y : y <= 0 -> relu y = 0. Proof. by rewrite /relu => /max_r. Qed.

Lemma identity_leaky : identity =1 leaky 1.
Proof. by move=> y; rewrite /leaky mul1r if_same. Qed.

Lemma absolute_leaky : absolute =1 leaky (-1).
Proof. by move=> y; rewrite /absolute /leaky mulN1r; case: (ger0P y) => // /lt_geF->. Qed.

Lemma homogeneous_eq f g : f =1 g -> positively_homogeneous g -> positively_homogeneous f.
Proof. by move=> fg g_hom r y r_gt0; rewrite !fg g_hom. Qed.

Lemma relu_homogeneous : positively_homogeneous relu.
Proof. exact: homogeneous_eq relu_leaky (leaky_homogeneous _). Qed.

Lemma identity_homogeneous : positively_homogeneous identity.
Proof. exact: homogeneous_eq identity_leaky (leaky_homogeneous _). Qed.

Lemma absolute_homogeneous : positively_homogeneous absolute.
Proof. exact: homogeneous_eq absolute_leaky (leaky_homogeneous _). Qed.

End Activation.
