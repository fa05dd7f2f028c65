(* SPDX-License-Identifier: Apache-2.0 *)
(* This file is about the texts of two networks that are equal on boxes, with their certificate (README.md, "The text formats").

   A network or a box that is read wrongly would be believed; a row or a precision that is read wrongly would be rejected, or show
   the same. *)

module Zarith = Z
open Checker
module Z = Zarith (* not the remains of Coq's Z that Checker holds *)
open Words

type text = {
  header : header;
  slopes : Z.t;  (* what slopes and values are integers over *)
  values : Z.t;
  boxes : box list;
  modes : mode list;
  first : network;
  second : network;
  certificate : certificate;
  repeated : string list;  (* the lines that the answer repeats *)
}

let power input = Z.shift_left Z.one (Z.to_int (Bounds.digits input))
let ends input = if optional_keyword input "all" then None else Some (Bounds.interval input)

(* A row of N, and the mode of its node: what is left of a node where its mode holds is an identity. *)
let moded_row input =
  if optional_keyword input "silent" then (Silent, Programs.Draft_derived)
  else if optional_keyword input "straight" then (Straight, Programs.Draft_derived)
  else (Kept, Programs.draft input)

let parse input =
  let header = header input ~files:[ "original"; "reduced"; "certificate" ] ~claims:[ "criterion"; "domain"; "specification" ] in
  demand_claim header "criterion" [ "exact" ];
  demand_claim header "domain" [ "the boxes" ];
  let assumptions = List.length header.assumptions in
  keyword input "precision";
  let slopes = power input in
  let values = power input in
  keyword input "boxes";
  let number = count input in
  if number = 0 then malformed input "no box" "one at least";
  let boxes = times number (fun () -> repeated_field input "box" (fun () -> listed input (fun () -> ends input))) in
  let reduced_rows, second = Programs.network input "reduced" assumptions (fun () -> Programs.draft input) in
  let moded_rows, first = Programs.network input "original" assumptions (fun () -> moded_row input) in
  finish input;
  let modes = List.rev (List.rev_map (fun (_, (mode, _)) -> mode) moded_rows) in
  let original_rows = List.rev (List.rev_map (fun (k, (_, draft)) -> (k, draft)) moded_rows) in
  let scales = Programs.scales_of reduced_rows original_rows in
  let certificate =
    { original = Programs.rows scales scales.own original_rows; reduced = Programs.rows scales scales.of_classes reduced_rows }
  in
  { header; slopes; values; boxes = List.map fst boxes; modes; first; second; certificate; repeated = List.map snd boxes }

let check { slopes; values; boxes; modes; first; second; certificate; _ } =
  check_on_domain values slopes boxes modes first second certificate

(* Whether it would be accepted if all modes held: then only the bounds do not show them. *)
let check_without_bounds { modes; first; second; certificate; _ } =
  Checker.check { first with nodes = all_settled modes first.nodes } second certificate
