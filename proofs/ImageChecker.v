(* SPDX-License-Identifier: Apache-2.0 *)
(** This file is about checking certificates for networks of images, position by position at once, with [check] of Checker.v.

   What linear and opaque operators make is cut off: it becomes inputs, the spare registers, the same for both networks: one for
   each result of an operator in N' that is fresh.  Any other result is shown to be a sum of those: of a linear operator, if its
   source is the same sum of theirs; of an opaque one, if its sources are theirs.  That these are so is what further outputs of
   the two networks show, or of N' and of N' with such sums, which [check] compares like all others.

   origin      of a spare register: what makes it in N'
   shown       what a certificate says of an operator: Moved ts e q says that it makes (sum of c times spare register j, + e) / q *)
From Coq Require Import List Bool ZArith.
From Exactlump Require Import Network Functions Forms Checker ImageNetwork.
Import ListNotations.
Local Open Scope Z_scope.

Inductive origin := MoveOf (keeps : bool) (l : Z) (u : N) | GivenOf (s : Z) (r : nat) (us : list N).

Inductive shown := Fresh | Moved (ts : list (N * Z)) (e q : Z) | Copied (j : N).

Definition linear := Leaky one_fraction.

(** A register that holds what register u holds. *)
Definition copy (u : N) : node := Unit u (Neuron [(N0, Z.one)] Z.zero Z.one linear).

Fixpoint copies (u : N) (r : nat) : list node :=
  match r with
  | O => []
  | S r' => copy u :: copies (N.succ u) r'
  end.

(** Registers before n are inputs, those from n on, before b, are spare. *)
Definition visible (n b u : N) : bool := N.ltb u n || N.leb b u.
Definition there (n b size u : N) : bool := visible n b u && N.ltb u size.

Definition sees (n b : N) (v : node) : bool :=
  match v with
  | Unit start m => forallb (fun e => visible n b (start + fst e)) (edges m)
  | Greatest start us => forallb (fun u => visible n b (start + u)) us
  | Apply _ _ us => forallb (visible n b) us
  end.

(** The sources in N' of the spare registers ts, which must be made by the same linear operator. *)
Fixpoint sources_of (os : tree origin) (k : bool) (l : Z) (ts : list (N * Z)) : option (list (N * Z)) :=
  match ts with
  | [] => Some []
  | (j, c) :: rest =>
      match find (N.succ_pos j) os, sources_of os k l rest with
      | Some (MoveOf k' l' u), Some es => if Bool.eqb k k' && (l =? l') then Some ((u, c) :: es) else None
      | _, _ => None
      end
  end.

(** A sum that an operator takes to a sum: its source's, with a constant only if the operator keeps those. *)
Definition sum_of (os : tree origin) (k : bool) (l : Z) (ts : list (N * Z)) (e q : Z) : option neuron :=
  match sources_of os k l ts with
  | Some es => if is_positive q && (k || (e =? Z.zero)) then Some (Neuron es e q linear) else None
  | None => None
  end.

(** N' with what [check] needs of it; [size] is how many registers there are; [equal]: a register, and the sum that it is. *)
Record cut_reduced := CutReduced {
  theirs : list node; their_rows : list row; origins : tree origin; cuts : N; their_size : N; equal : list (N * neuron) }.

Fixpoint cut_theirs (n b j size : N) (os : tree origin) (ss : list step) (rs : list row) (ms : list shown) : option cut_reduced :=
  let add vs rs' es c :=
    match c with
    | Some c => Some (CutReduced (vs ++ theirs c) (rs' ++ their_rows c) (origins c) (cuts c) (their_size c) (es ++ equal c))
    | None => None
    end
  in
  match ss with
  | [] => match rs, ms with [], [] => Some (CutReduced [] [] os j size []) | _, _ => None end
  | At v :: ss' =>
      match rs with
      | [] => None
      | r :: rs' =>
          if sees n b v then add [v] [r] [] (cut_theirs n b j (size + N.of_nat (width v)) os ss' rs' ms) else None
      end
  | Move k l u :: ss' =>
      if there n b size u then
        match ms with
        | Fresh :: ms' =>
            add [copy (n + j)] [Derived] []
              (cut_theirs n b (N.succ j) (N.succ size) (set (N.succ_pos j) (MoveOf k l u) os) ss' rs ms')
        | Moved ts e q :: ms' =>
            match sum_of os k l ts e q with
            | Some m =>
                if forallb (fun e => N.ltb (fst e) size) (edges m)
                then add [Unit n (Neuron ts e q linear)] [Derived] [(u, m)] (cut_theirs n b j (N.succ size) os ss' rs ms')
                else None
            | None => None
            end
        | _ => None
        end
      else None
  | Given s r us :: ss' =>
      match ms with
      | Fresh :: ms' =>
          if forallb (there n b size) us
          then add (copies (n + j) r) (repeat Derived r) []
            (cut_theirs n b (j + N.of_nat r) (size + N.of_nat r) (set (N.succ_pos j) (GivenOf s r us) os) ss' rs ms')
          else None
      | _ => None
      end
  end.

(** [compared]: registers of N, and of N' with [sums], which must be equal. *)
Record cut_original := CutOriginal { ours : list node; our_rows : list row; sums : list node; compared : list N; with_theirs : list N; our_size : N }.

(** [next]: the register of the next sum. *)
Fixpoint cut_ours (n b : N) (os : tree origin) (next size : N) (ss : list step) (rs : list row) (ms : list shown) : option cut_original :=
  let add vs rs' es us us' c :=
    match c with
    | Some c => Some (CutOriginal (vs ++ ours c) (rs' ++ our_rows c) (es ++ sums c) (us ++ compared c) (us' ++ with_theirs c) (our_size c))
    | None => None
    end
  in
  match ss with
  | [] => match rs, ms with [], [] => Some (CutOriginal [] [] [] [] [] size) | _, _ => None end
  | At v :: ss' =>
      match rs with
      | [] => None
      | r :: rs' =>
          if sees n b v then add [v] [r] [] [] [] (cut_ours n b os next (size + N.of_nat (width v)) ss' rs' ms) else None
      end
  | Move k l u :: ss' =>
      match ms with
      | Moved ts e q :: ms' =>
          match sum_of os k l ts e q with
          | Some m =>
              if there n b size u
              then add [Unit n (Neuron ts e q linear)] [Derived] [Unit N0 m] [u] [next]
                (cut_ours n b os (N.succ next) (N.succ size) ss' rs ms')
              else None
          | None => None
          end
      | _ => None
      end
  | Given s r us :: ss' =>
      match ms with
      | Copied j :: ms' =>
          match find (N.succ_pos j) os with
          | Some (GivenOf s' r' us') =>
              if forallb (there n b size) us && (s =? s') && Nat.eqb r r' && Nat.eqb (length us) (length us')
              then add (copies (n + j) r) (repeat Derived r) [] us us' (cut_ours n b os next (size + N.of_nat r) ss' rs ms')
              else None
          | _ => None
          end
      | _ => None
      end
  end.

(** Rows for N' as if it were N, from register k on: it is compared with itself. *)
Fixpoint own_rows (k : N) (vs : list node) (rs : list row) : list row :=
  match vs, rs with
  | v :: vs', r :: rs' =>
      match r with
      | Atom q => Class k q
      | Same u p => Class u p
      | Mirror u p => Twin u p
      | _ => r
      end :: own_rows (k + N.of_nat (width v)) vs' rs'
  | _, _ => []
  end.

Fixpoint from (k : N) (n : nat) : list N :=
  match n with
  | O => []
  | S n' => k :: from (N.succ k) n'
  end.

(** Whether registers of N' are the sums that they are said to be. *)
Definition check_equal (inputs : nat) (b : N) (r : cut_reduced) : bool :=
  match equal r with
  | [] => true
  | es =>
      check
        (Network inputs (theirs r) (map fst es))
        (Network inputs (theirs r ++ map (fun e => Unit N0 (snd e)) es) (from (their_size r) (length es)))
        (Certificate (own_rows b (theirs r) (their_rows r)) (their_rows r ++ repeat Derived (length es)))
  end.

(** Rows of the steps At of both networks, and what is shown of the others. *)
Record image_certificate := ImageCertificate {
  image_rows : list row; reduced_rows : list row; operators_shown : list shown; reduced_shown : list shown }.

Definition check_images (N N' : image_network) (c : image_certificate) : bool :=
  let n := N.of_nat (image_inputs N') in
  let b := N.of_nat (image_inputs N' + spare N') in
  Nat.eqb (image_inputs N) (image_inputs N') && Nat.eqb (spare N) (spare N') &&
  Nat.eqb (length (image_outputs N)) (length (image_outputs N')) &&
  match cut_theirs n b N0 b Empty (steps N') (reduced_rows c) (reduced_shown c) with
  | Some r =>
      N.eqb (cuts r) (N.of_nat (spare N')) && check_equal (image_inputs N' + spare N') b r &&
      match cut_ours n b (origins r) (their_size r) b (steps N) (image_rows c) (operators_shown c) with
      | Some o =>
          forallb (there n b (our_size o)) (image_outputs N) && forallb (there n b (their_size r)) (image_outputs N') &&
          check
            (Network (image_inputs N' + spare N') (ours o) (image_outputs N ++ compared o))
            (Network (image_inputs N' + spare N') (theirs r ++ sums o) (image_outputs N' ++ with_theirs o))
            (Certificate (our_rows o) (their_rows r ++ repeat Derived (length (sums o))))
      | None => false
      end
  | None => false
  end.
