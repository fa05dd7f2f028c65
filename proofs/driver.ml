(* SPDX-License-Identifier: Apache-2.0 *)
(* This file is about the command line of the programs that are extracted from Checker.v, Domain.v, Refuter.v and Bound.v: the first word of
   a text says which of them is asked (README.md, "The text formats").

   Usage: exactlump-verified [--times] [--jobs N] FILE       N processes for bounds
          exactlump-verified --about
   The first line is the verdict; the next ones repeat the header of the text: hashes, claim, domain, assumptions.
   Exit codes: 0 equivalent or within, 1 rejected or different, 2 unreadable or out of grammar, 3 not shown by bounds, or out
   of memory, 4 unsupported,
   5 our own bug. *)

open Words

let version = "1"

(* Each format with what reads it and answers: the verdict, the exit code, the lines to repeat. *)
let programs input =
  let text = Programs.parse input in
  fun _ ->
    let accepted = Checker.check text.first text.second text.certificate in
    if accepted then ("equivalent: over the reals, by the checker extracted from its proof", 0, repeated text.header)
    else ("rejected: the certificate does not show it", 1, repeated text.header)

let images input =
  let text = Programs.parse_images input in
  fun _ ->
    let lines = repeated text.header @ text.repeated in
    if Checker.check_images text.first text.second text.certificate then
      ("equivalent: over the reals, by the checker extracted from its proof", 0, lines)
    else ("rejected: the certificate does not show it", 1, lines)

let refutations input =
  let text = Programs.parse_refutation input in
  fun _ ->
    let lines = repeated text.header @ text.repeated in
    if Checker.refute text.first text.second text.box text.epsilon text.point then
      ("different: at the input, over the reals, by the evaluator extracted from its proof", 1, lines)
    else ("rejected: the input does not show it", 1, lines)

let bounds input =
  let text = Bounds.parse input in
  fun jobs ->
    let lines = repeated text.header @ text.repeated in
    if Bounds.check jobs text then
      ("within: epsilon on the box, over the reals, by the bounds extracted from their proof", 0, lines)
    else ("rejected: the tree does not show it", 1, lines)

let domains input =
  let text = Domains.parse input in
  fun _ ->
    let lines = repeated text.header @ text.repeated in
    if Domains.check text then
      ("equivalent: on the boxes, over the reals, by the checker extracted from its proof", 0, lines)
    else if Domains.check_without_bounds text then ("unknown: its bounds do not show what rows on the domain say", 3, lines)
    else ("rejected: the certificate does not show it", 1, lines)

let formats =
  [
    ("exactlump-program", programs); ("exactlump-images", images); ("exactlump-refutation", refutations); ("exactlump-bound", bounds);
    ("exactlump-domain", domains);
  ]

let run show_times jobs path =
  let start = Sys.time () in
  let input = read path in
  let answer = (List.assoc (format input (List.map fst formats)) formats) input in
  let parsed = Sys.time () in
  let verdict, code, lines = answer jobs in
  if show_times then Printf.eprintf "parse %.2f s, check %.2f s\n" (parsed -. start) (Sys.time () -. parsed);
  List.iter print_endline (verdict :: lines);
  code

let about () =
  Printf.printf "exactlump-verified %s\n" version;
  List.iter (fun (name, _) -> Printf.printf "format %s 1\n" name) formats;
  Printf.printf "proofs %s\n" About.proofs;
  0

let fail code message = prerr_endline ("exactlump-verified: " ^ message); code

let rec main show_times jobs = function
  | [ "--about" ] -> about ()
  | [ path ] -> run show_times jobs path
  | "--times" :: rest -> main true jobs rest
  | "--jobs" :: n :: rest when is_number n 0 (String.length n) && String.length n <= 3 && int_of_string n > 0 ->
      main show_times (int_of_string n) rest
  | _ -> fail 2 "usage: exactlump-verified [--times] [--jobs N] FILE, or --about"

let () =
  exit
    (try main false 1 (List.tl (Array.to_list Sys.argv)) with
     | Malformed message -> fail 2 message
     | Sys_error message -> fail 2 message
     | End_of_file -> fail 2 "the file changed while it was read"
     | Unsupported what -> print_endline ("unsupported: " ^ what); 4
     | Out_of_memory | Stack_overflow -> print_endline "unknown: out of memory"; 3
     | Bounds.No_answer -> print_endline "unknown: a job gave no answer"; 3
     | Failure message -> fail 5 ("internal error: " ^ message))
