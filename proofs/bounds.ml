(* SPDX-License-Identifier: Apache-2.0 *)
(* This file is about the texts of bounds (README.md, "The text formats"): two networks of dense layers with ReLU between them, a
   box, an epsilon, and a tree that says how the box is halved; and about checking the parts of the tree by several jobs.

   A network, box or epsilon that is read wrongly would be believed; a tree or precision that is read wrongly would be rejected,
   or show the same. *)

module Zarith = Z
open Bound
module Z = Zarith (* not the remains of Coq's Z that Bound holds *)
open Words

let nat_of_int n =
  let rec go n made = if n = 0 then made else go (n - 1) (S made) in
  go n O

(* A number of binary digits. *)
let digits input =
  let z = integer input in
  if Z.sign z < 0 || Z.gt z (Z.of_int 4096) then malformed input (shown (Z.to_string z)) "a number from 0 to 4096";
  z

let layers input inputs =
  let width = ref inputs in
  listed input (fun () ->
      let units = count input in
      let denominator = digits input in
      let both =
        times units (fun () ->
            let weights = times !width (fun () -> integer input) in
            (weights, integer input))
      in
      width := units;
      ((denominator, List.rev (List.rev_map fst both)), List.rev (List.rev_map snd both)))

let interval input =
  let ((a, b) as low) = rational input in
  let ((c, d) as high) = rational input in
  if Z.gt (Z.mul a d) (Z.mul c b) then malformed input "an interval without a number" "LOW HIGH";
  (low, high)

(* Depth first, the lower half first: the input that is halved, plus 1; or 0. *)
let tree input inputs =
  let naturals = Array.init inputs nat_of_int in
  let splits = listed input (fun () -> index input (inputs + 1)) in
  let grown =
    List.fold_left
      (fun trees split ->
        match trees with
        | _ when split = 0 -> Leaf :: trees
        | lower :: upper :: rest -> Split (naturals.(split - 1), lower, upper) :: rest
        | _ -> malformed input "a split without halves" "two of them")
      [] (List.rev splits)
  in
  match grown with
  | [ tree ] -> tree
  | _ -> malformed input (Printf.sprintf "%d trees" (List.length grown)) "one"

type text = {
  header : header;
  precision : precision;
  values : Z.t;
  inputs : nat;
  first : layer list;
  second : layer list;
  box : (fraction * fraction) list;
  epsilon : fraction;
  tree : tree;
  repeated : string list;  (* the lines that the answer repeats *)
}

let parse input =
  let header = header input ~files:[ "original"; "reduced"; "certificate" ] ~claims:[ "criterion"; "domain"; "specification" ] in
  demand_claim header "criterion" [ "approximate" ];
  demand_claim header "domain" [ "the box" ];
  if header.assumptions <> [] then malformed input "assumptions" "none";
  keyword input "precision";
  let slope_bits = digits input in
  let values = digits input in
  let coefficient_bits = digits input in
  let precision = { slope_bits; coefficient_bits; digit_bits = digits input } in
  keyword input "inputs";
  let inputs = count input in
  let network name =
    keyword input "network";
    keyword input name;
    layers input inputs
  in
  let first = network "original" in
  let second = network "reduced" in
  let box, box_line = repeated_field input "box" (fun () -> listed input (fun () -> interval input)) in
  let epsilon, epsilon_line = repeated_field input "epsilon" (fun () -> rational input) in
  keyword input "tree";
  let tree = tree input inputs in
  finish input;
  let inputs = nat_of_int inputs in
  { header; precision; values; inputs; first; second; box; epsilon; tree; repeated = [ box_line; epsilon_line ] }

(* --- Jobs --- *)

let rec size = function Leaf -> 1 | Split (_, lower, upper) -> 1 + size lower + size upper

(* A cut into about as many parts as wanted, of about the same size.  The theorem holds of every cut. *)
let rec cut wanted = function
  | Split (_, lower, upper) when wanted > 1 ->
      let below = size lower in
      let share = max 1 (min (wanted - 1) (wanted * below / (below + size upper))) in
      Cut (cut share lower, cut (wanted - share) upper)
  | _ -> Whole

exception No_answer

(* Whether all hold, each in a process of its own, so many at a time. *)
let all_hold jobs parts holds =
  let answer part =
    match Unix.fork () with
    | 0 -> Unix._exit (match holds part with true -> 0 | false -> 1 | exception _ -> 3)
    | _ -> ()
  in
  let rec go running bad parts =
    match parts with
    | part :: rest when running < jobs && bad = 0 -> answer part; go (running + 1) bad rest
    | _ when running = 0 -> bad
    | _ ->
        let code = match snd (Unix.wait ()) with Unix.WEXITED code -> code | _ -> 3 in
        go (running - 1) (if bad = 0 || code = 1 then code else bad) parts
  in
  match go 0 0 parts with 0 -> true | 1 -> false | _ -> raise No_answer

let check jobs { precision = p; values = q; inputs; first; second; box; epsilon; tree; _ } =
  match prepare p q inputs first second box epsilon with
  | None -> false
  | Some stages ->
      let holds turns = check_part p q stages box epsilon tree turns in
      if jobs = 1 then holds [] else all_hold jobs (parts (cut (8 * jobs) tree)) holds
