(* SPDX-License-Identifier: Apache-2.0 *)
(* This file is about the command line of the programs that are extracted from Checker.v, Refuter.v and Bound.v: the first word
   of a text says which of them is asked (README.md, "The text formats").

   Usage: exactlump-verified [--times] FILE
          exactlump-verified --about
   The first line is the verdict; the next ones repeat the header of the text: hashes, claim, domain, assumptions.
   Exit codes: 0 equivalent, 1 rejected, 2 unreadable or out of grammar, 3 out of memory, 4 unsupported, 5 our own bug. *)

open Words

let version = "1"

let answer verdict header code =
  print_endline verdict;
  List.iter print_endline (repeated header);
  code

let run show_times path =
  let start = Sys.time () in
  let input = read path in
  let text = Programs.parse input in
  let parsed = Sys.time () in
  let accepted = Checker.check text.first text.second text.certificate in
  if show_times then Printf.eprintf "parse %.2f s, check %.2f s\n" (parsed -. start) (Sys.time () -. parsed);
  if accepted then answer "equivalent: over the reals, by the checker extracted from its proof" text.header 0
  else answer "rejected: the certificate does not show it" text.header 1

let about () =
  Printf.printf "exactlump-verified %s\nformats exactlump-program 1\nproofs %s\n" version About.proofs;
  0

let fail code message = prerr_endline ("exactlump-verified: " ^ message); code

let main = function
  | [| _; "--about" |] -> about ()
  | [| _; path |] -> run false path
  | [| _; "--times"; path |] -> run true path
  | _ -> fail 2 "usage: exactlump-verified [--times] FILE, or --about"

let () =
  exit
    (try main Sys.argv with
     | Malformed message -> fail 2 message
     | Sys_error message -> fail 2 message
     | End_of_file -> fail 2 "the file changed while it was read"
     | Unsupported what -> print_endline ("unsupported: " ^ what); 4
     | Out_of_memory | Stack_overflow -> print_endline "unknown: out of memory"; 3
     | Failure message -> fail 5 ("internal error: " ^ message))
