(* SPDX-License-Identifier: Apache-2.0 *)
(** This file is about why [walk] (Bound.v) may be believed: on the whole box no output of A and B differs by more than eps.

   run ls z           the stages, at the points z (the same value twice at the inputs)
   par_ok             what a node inherits is right at a point
   eval N x           what a list of dense layers computes, with ReLU between them; BoundNetwork.v says that this is
                      [Network.eval]                                                                               *)
From Coq Require Import List Bool ZArith Reals Lra Lia.
From Exactlump Require Import Bound BoundValues BoundProof BoundUnit.
Import ListNotations.
Local Open Scope R_scope.

(** --- A node --- *)

Fixpoint run (ls : list stage) (z : list point) : list point :=
  match ls with
  | [] => z
  | l :: rest => match rest with [] => layer_values l z | _ => run rest (map relu2 (layer_values l z)) end
  end.

Fixpoint par_ok (par : list (list bnd)) (ls : list stage) (z : list point) : Prop :=
  match par, ls with
  | qs :: par', l :: rest => Forall2 inb qs (layer_values l z) /\ par_ok par' rest (map relu2 (layer_values l z))
  | _, _ => True
  end.

Definition wf_layers (S : Z) (ls : list stage) :=
  Forall (fun l : stage => (0 <= den l)%Z /\ (0 <= top l)%Z /\ Forall (wf S (top l)) (couples l)) ls.

Lemma map_par_R (f : option bnd -> couple -> bnd) us (g : couple -> point) (ok : couple -> Prop) ps : Forall ok us ->
  (forall u par, ok u -> (forall q, par = Some q -> inb q (g u)) -> inb (f par u) (g u)) ->
  (ps = [] \/ Forall2 inb ps (map g us)) -> Forall2 inb (map_par f us ps) (map g us).
Proof.
intros wfs f_ok; revert ps; induction wfs as [|u us wfu wfs IH]; intros ps ps_ok; cbn [map_par map]; [constructor|].
destruct ps as [|q ps].
- constructor; [apply f_ok; [exact wfu|discriminate]|apply IH; now left].
- destruct ps_ok as [|ps_ok]; [discriminate|]; inversion ps_ok; subst.
  constructor; [apply f_ok; [exact wfu|intros ? [= <-]; assumption]|apply IH; now right].
Qed.

Lemma hd_ok par ls l z : par_ok par (l :: ls) z -> hd [] par = [] \/ Forall2 inb (hd [] par) (layer_values l z).
Proof. destruct par as [|qs par]; cbn; [now left|intros [h _]; now right]. Qed.

Lemma tl_ok par ls l z : par_ok par (l :: ls) z -> par_ok (tl par) ls (map relu2 (layer_values l z)).
Proof. destruct par as [|qs par]; cbn; [destruct ls; reflexivity|now intros [_ h]]. Qed.

Lemma map_post_R qs y : Forall2 inb qs y -> Forall2 inb (map post qs) (map relu2 y).
Proof. intros all; induction all; cbn; constructor; [now apply post_R|assumption]. Qed.

Lemma make_lines_all P qs y : (0 <= P)%Z -> Forall2 inb qs y -> Forall2 (linesok P) (map (make_lines P) qs) y.
Proof. intros P0 all; induction all; cbn; constructor; [now apply make_lines_R|assumption]. Qed.

Definition small (eps : Z) (y : point) := Rabs (dif y) <= IZR eps.

Lemma within_R eps q y : inb q y -> within eps q = true -> small eps y.
Proof.
intros (_ & _ & l & u); unfold within; intros h; apply andb_prop in h as [h1 h2].
apply leb_R in h1, h2; rewrite opp_IZR in h1; unfold small; apply Rabs_le; lra.
Qed.

Section Nodes.
Variable p : precision.
Hypotheses (P0 : (0 <= slope_bits p)%Z) (R0 : (0 <= coefficient_bits p)%Z) (S1 : (1 <= digit_bits p)%Z).
Notation S := (digit_bits p).

Lemma node_R box eps : forall ls st bs par z,
  wf_layers S ls -> sound (slope_bits p) S box st z -> Forall2 inb bs z -> par_ok par ls z ->
  par_ok (fst (node p box eps ls st bs par)) ls z /\
  (snd (node p box eps ls st bs par) = true -> Forall (small eps) (run ls z)).
Proof.
induction ls as [|[d t us off'] rest IH]; intros st bs par z wfl st_ok bsz pok; [cbn; split; [exact I|discriminate]|].
inversion wfl as [|? ? [d0 [t0 wfs]] wfrest]; subst; cbn [den top couples] in *.
pose proof (hd_ok _ _ _ _ pok) as hok; pose proof (tl_ok _ _ _ _ pok) as tok.
unfold layer_values in hok, tok; cbn [den couples] in hok, tok.
cbn [node run]; unfold layer_values; cbn [den couples].
set (off := offsets S (Z.shiftl Z.one (S - Z.one)) bs).
assert (off_ok : off = offsets S (2 ^ (S - 1)) bs).
{ unfold off; change Z.one with 1%Z; rewrite Z.shiftl_mul_pow2, Z.mul_1_l by lia; reflexivity. }
destruct rest as [|l rest].
- assert (Q : Forall2 inb (map_par (output_bounds p box st d t off bs eps) us (hd [] par)) (map (unit_value d z) us)).
  { apply (map_par_R _ _ _ (wf S t)); [exact wfs| |exact hok]; intros u q wfu q_ok.
    now apply (output_bounds_R p box st d t off bs z u P0 R0 S1 d0 t0 wfu off_ok st_ok bsz). }
  cbn [fst snd par_ok]; unfold layer_values; cbn [den couples]; split; [split; [exact Q|exact I]|].
  intros all; clear - Q all; induction Q as [|q y qs ys qy Q IHQ]; constructor; cbn in all; apply andb_prop in all as [h1 h2].
  + now apply (within_R eps q).
  + now apply IHQ.
- assert (Q : Forall2 inb (map_par (unit_bounds p box st d t off bs) us (hd [] par)) (map (unit_value d z) us)).
  { apply (map_par_R _ _ _ (wf S t)); [exact wfs| |exact hok]; intros u q wfu q_ok.
    now apply (unit_bounds_R p box st d t off bs z u P0 R0 S1 d0 t0 wfu off_ok st_ok bsz). }
  set (qs := map_par _ us _) in *.
  assert (st' : sound (slope_bits p) S box (Info (Stage d t us off) (map (make_lines (slope_bits p)) qs) bs :: st)
                  (map relu2 (map (unit_value d z) us))).
  { exists z; split; [reflexivity|split; [|exact st_ok]]; unfold info_sound; cbn [of_layer below lns].
    split; [split; assumption|split; [exact bsz|]]; now apply make_lines_all. }
  destruct (IH _ (map post qs) (tl par) _ wfrest st' (map_post_R _ _ Q) tok) as [r_ok b_ok].
  destruct (node p box eps (l :: rest) _ _ _) as [r b]; cbn [fst snd] in *.
  split; [split; [exact Q|exact r_ok]|exact b_ok].
Qed.

(** --- The tree --- *)

Definition diagonal (x : list R) : list point := map (fun a => (a, a)) x.

Lemma diagonal_all x : Forall (fun p : point => fst p = snd p) (diagonal x).
Proof. induction x; cbn; constructor; [reflexivity|assumption]. Qed.

Lemma halve_R i box x : Forall2 inb box (diagonal x) ->
  Forall2 inb (halve i true box) (diagonal x) \/ Forall2 inb (halve i false box) (diagonal x).
Proof.
revert box x; induction i as [|i IH]; intros box [|a x] all; inversion all as [|b ? bs ? ba rest]; subst; cbn [halve diagonal map];
  try solve [left; constructor].
- destruct ba as ((l1 & u1) & (l2 & u2) & _); cbn [fst snd] in *.
  set (m := Z.shiftr _ _); assert (zz : IZR zero = 0) by reflexivity.
  destruct (Rle_dec a (IZR m)); [left|right]; (constructor; [|exact rest]); unfold inb, dif; cbn [la ua lb ub ld ud fst snd];
    rewrite zz; lra.
- destruct (IH bs x rest) as [h|h]; [left|right]; constructor; assumption.
Qed.

Lemma walk_R eps ls t : wf_layers S ls ->
  forall box par x, walk p eps ls box par t = true -> Forall2 inb box (diagonal x) -> par_ok par ls (diagonal x) ->
  Forall (small eps) (run ls (diagonal x)).
Proof.
intros wfl; induction t as [|i t1 IH1 t2 IH2]; intros box par x; cbn [walk]; intros ok bx px;
  (assert (SO : sound (slope_bits p) S box [] (diagonal x)) by (split; [exact bx|apply diagonal_all]));
  destruct (node_R box eps ls [] box par (diagonal x) wfl SO bx px) as [r_ok b_ok];
  destruct (node p box eps ls [] box par) as [r b]; cbn [fst snd] in *.
- now apply b_ok.
- apply andb_prop in ok as [ok1 ok2]; destruct (halve_R i box x bx) as [h|h]; [exact (IH1 _ r x ok1 h r_ok)|exact (IH2 _ r x ok2 h r_ok)].
Qed.

End Nodes.

(** --- Networks --- *)

Fixpoint dotR (c : list Z) (x : list R) : R :=
  match c, x with
  | a :: c', b :: x' => IZR a * b + dotR c' x'
  | _, _ => 0
  end.

Fixpoint affine (d : Z) (rows : list (list Z)) (biases : list Z) (x : list R) : list R :=
  match rows, biases with
  | r :: rows', b :: biases' => (dotR r x + IZR b) / pow d :: affine d rows' biases' x
  | _, _ => []
  end.

Fixpoint eval (N : list layer) (x : list R) : list R :=
  match N with
  | [] => x
  | (d, rows, biases) :: rest =>
      match rest with
      | [] => affine d rows biases x
      | _ => eval rest (map relu (affine d rows biases x))
      end
  end.

Definition scale (k : R) (x : list R) := map (Rmult k) x.

Lemma dot_fst c z : dot fst c z = dotR c (map fst z).
Proof. revert z; induction c as [|a c IH]; intros [|p z]; cbn; try reflexivity; now rewrite IH. Qed.
Lemma dot_snd c z : dot snd c z = dotR c (map snd z).
Proof. revert z; induction c as [|a c IH]; intros [|p z]; cbn; try reflexivity; now rewrite IH. Qed.
Lemma dotR_scale k c x : dotR c (scale k x) = k * dotR c x.
Proof. revert x; induction c as [|a c IH]; intros [|b x]; cbn; try ring; unfold scale in IH; rewrite IH; ring. Qed.

Lemma relu_scale k y : 0 < k -> relu (k * y) = k * relu y.
Proof.
intros k0; destruct (relu_cases (k * y)) as [[h ->]|[h ->]]; destruct (relu_cases y) as [[h' ->]|[h' ->]]; try ring.
- assert (0 <= k * (- y)) by (apply Rmult_le_pos; lra); lra.
- assert (0 <= k * y) by (apply Rmult_le_pos; lra); lra.
Qed.

Lemma relu_scale_all k x : 0 < k -> map relu (scale k x) = scale k (map relu x).
Proof. intros k0; induction x as [|a x IH]; cbn; [reflexivity|]; unfold scale in *; now rewrite relu_scale, IH. Qed.

Lemma at_most_R t x : at_most t x = true -> bounded t x.
Proof.
induction x as [|a x IH]; cbn [at_most]; intros h; [constructor|]; apply andb_prop in h as [h h3]; apply andb_prop in h as [h1 h2].
apply Z.leb_le in h1, h2; constructor; [lia|now apply IH].
Qed.

Record packed_unit (S : Z) (u : couple) : Prop := PackedUnit {
  p_wd : forall z, dot snd (wd u) z = dot snd (wa u) z - dot snd (wb u) z;
  p_bd : bd u = (ba u - bb u)%Z; p_a : pa u = pack S (wa u); p_b : pb u = pack S (wb u); p_d : pd u = pack S (wd u) }.

Lemma top_ok_R S t us : Forall (packed_unit S) us -> top_ok t us = true -> (0 <= t)%Z /\ Forall (wf S t) us.
Proof.
unfold top_ok; intros pus h; apply andb_prop in h as [t0 h]; apply Z.leb_le in t0; split; [exact t0|].
induction pus as [|u us [] pus IH]; cbn in h; [constructor|]; apply andb_prop in h as [hu h].
apply andb_prop in hu as [hu h3]; apply andb_prop in hu as [h1 h2]; apply at_most_R in h1, h2, h3.
constructor; [split; assumption|now apply IH].
Qed.

Lemma pair_units_R S q ra sa rb sb us d z xa xb : (0 <= q)%Z -> (0 <= d)%Z -> pair_units S q ra sa rb sb = Some us ->
  map fst z = scale (pow q) xa -> map snd z = scale (pow q) xb ->
  Forall (packed_unit S) us /\
  map fst (map (unit_value d z) us) = scale (pow q) (affine d ra sa xa) /\ map snd (map (unit_value d z) us) = scale (pow q) (affine d rb sb xb).
Proof.
intros q0 d0; pose proof (pow_pos d d0) as dp; revert sa rb sb us; induction ra as [|r ra IH]; intros [|b sa] [|r' rb] [|b' sb] us e za zb;
  cbn [pair_units] in e; try discriminate.
- injection e as <-; repeat split; constructor.
- destruct (pair_units S q ra sa rb sb) as [us'|] eqn:e'; [|discriminate]; injection e as <-.
  destruct (IH sa rb sb us' e' za zb) as (w & A & B).
  split; [constructor; [|exact w]|].
  + split; try reflexivity; intros z0; cbn [wd wa wb]; unfold sub; rewrite dot_padd, dot_opp; ring.
  + cbn [map affine scale]; unfold scale in A, B |- *; rewrite A, B; unfold unit_value; cbn [fst snd wa wb ba bb].
    rewrite dot_fst, dot_snd, za, zb, !dotR_scale, !shiftl_R by exact q0.
    split; f_equal; field; lra.
Qed.

Lemma pair_layers_R S q A B ls : (0 <= q)%Z -> pair_layers S q A B = Some ls ->
  wf_layers S ls /\ forall z xa xb, map fst z = scale (pow q) xa -> map snd z = scale (pow q) xb ->
  map fst (run ls z) = scale (pow q) (eval A xa) /\ map snd (run ls z) = scale (pow q) (eval B xb).
Proof.
intros q0; revert B ls; induction A as [|[[d ra] sa] A IH]; intros [|[[d' rb] sb] B] ls e; cbn [pair_layers] in e; try discriminate.
- injection e as <-; split; [constructor|intros; split; assumption].
- destruct (Z.leb zero d && Z.eqb d d')%bool eqn:ed; [|discriminate].
  apply andb_prop in ed as [d0 dd]; apply Z.leb_le in d0; apply Z.eqb_eq in dd; subst d'; unfold zero in d0; change Z.zero with 0%Z in d0.
  destruct (pair_units S q ra sa rb sb) as [us|] eqn:eu; [|discriminate].
  destruct (pair_layers S q A B) as [ls'|] eqn:el; [|discriminate]; cbn zeta in e.
  destruct (top_ok (top_of us) us) eqn:tk; [|discriminate]; injection e as <-.
  destruct (IH B ls' el) as [wfl vals].
  split.
  + constructor; [|exact wfl]; cbn [den top couples]; split; [exact d0|]; apply top_ok_R; [|exact tk].
    now apply (pair_units_R S q ra sa rb sb us d [] [] [] q0 d0 eu).
  + intros z xa xb za zb; destruct (pair_units_R S q ra sa rb sb us d z xa xb q0 d0 eu za zb) as (_ & UA & UB).
    destruct A as [|lA A]; destruct B as [|lB B]; cbn [pair_layers] in el.
    * injection el as <-; cbn [run eval]; unfold layer_values; cbn [den couples]; split; assumption.
    * discriminate.
    * destruct lA as [[? ?] ?]; discriminate.
    * destruct ls' as [|l' ls'].
      { exfalso; destruct lA as [[dA rA] sA]; destruct lB as [[dB rB] sB]; revert el.
        destruct (_ && _)%bool; [|discriminate].
        destruct (pair_units S q rA sA rB sB) as [uS|]; [destruct (pair_layers S q A B); [cbv zeta; destruct (top_ok _ uS)|]|]; intros E; congruence. }
      cbn [run]; unfold layer_values; cbn [den couples]; change (eval ((d, ra, sa) :: lA :: A) xa) with (eval (lA :: A) (map relu (affine d ra sa xa)));
      change (eval ((d, rb, sb) :: lB :: B) xb) with (eval (lB :: B) (map relu (affine d rb sb xb))).
      apply vals; rewrite <- relu_scale_all by (apply pow_pos; exact q0); [rewrite <- UA|rewrite <- UB]; rewrite !map_map; reflexivity.
Qed.

(** x is in the box: l <= 2^q x_i <= u. *)
Definition in_box (q : Z) (box : list (Z * Z)) (x : list R) :=
  Forall2 (fun b a => IZR (fst b) <= pow q * a <= IZR (snd b)) box x.

Lemma walk_correct p q A B ls box eps t : stages p q A B = Some ls -> walk p eps ls (whole box) [] t = true ->
  forall x : list R, in_box q box x ->
  length (eval A x) = length (eval B x) /\
  Forall2 (fun a b => Rabs (a - b) <= IZR eps / pow q) (eval A x) (eval B x).
Proof.
unfold stages, whole; intros el w x x_in; destruct (_ && _)%bool eqn:ok; [|discriminate].
apply andb_prop in ok as [ok S1]; apply andb_prop in ok as [ok R0]; apply andb_prop in ok as [q0 P0].
apply Z.leb_le in q0, P0, R0, S1; unfold zero in q0, P0, R0; change Z.zero with 0%Z in q0, P0, R0; change Z.one with 1%Z in S1.
destruct (pair_layers_R (digit_bits p) q A B ls q0 el) as [wfl vals].
set (X := scale (pow q) x).
assert (bx : Forall2 inb (map (fun b => Bnd (fst b) (snd b) (fst b) (snd b) zero zero) box) (diagonal X)).
{ unfold X; clear - x_in; induction x_in as [|b a box x ba all IH]; cbn; constructor; [|exact IH].
  unfold inb, dif; cbn; change (IZR zero) with 0; lra. }
assert (px : par_ok [] ls (diagonal X)) by (destruct ls; exact I).
pose proof (walk_R p P0 R0 S1 eps ls t wfl _ [] X w bx px) as small_all.
assert (f : map fst (diagonal X) = X) by (unfold diagonal; rewrite map_map; apply map_id).
assert (s : map snd (diagonal X) = X) by (unfold diagonal; rewrite map_map; apply map_id).
destruct (vals (diagonal X) x x f s) as [EA EB].
pose proof (pow_pos q q0) as qp.
set (out := run ls (diagonal X)) in *; clearbody out.
assert (G : Forall2 (fun a b => Rabs (a - b) <= IZR eps / pow q) (eval A x) (eval B x)).
{ revert EA EB; generalize (eval A x) (eval B x); clear - small_all qp; induction small_all as [|y out sy all IH]; intros [|a la] [|b lb] EA EB;
    cbn in EA, EB; try discriminate; constructor.
  - injection EA as e1 _; injection EB as e2 _; unfold small, dif in sy; rewrite e1, e2 in sy.
    rewrite <- Rmult_minus_distr_l, Rabs_mult, (Rabs_right (pow q)) in sy by lra.
    apply (Rmult_le_reg_l (pow q)); [exact qp|]; field_simplify; lra.
  - injection EA as _ EA; injection EB as _ EB; now apply IH. }
split; [|exact G]; clear - G; induction G; cbn; congruence.
Qed.
