(* SPDX-License-Identifier: Apache-2.0 *)
(* This file is about running the checker that is extracted from Checker.v: it parses the text that `exactlump export`
   writes (README.md, "The text format"), calls [Checker.check], and prints the verdict.

   Usage: exactlump-verified [--times] FILE
   Exit codes: 0 equivalent, 1 rejected, 2 unreadable or out of grammar, 3 out of memory, 4 unsupported, 5 our own bug. *)

module Zarith = Z
open Checker
module Z = Zarith (* not the remains of Coq's Z that Checker holds *)

exception Malformed of string
exception Unsupported of string

(* --- Words: separated by blanks and line ends, nothing else --- *)

type input = { text : string; mutable place : int }

let line_of input =
  let lines = ref 1 in
  String.iteri (fun i c -> if i < input.place && c = '\n' then incr lines) input.text;
  !lines

let malformed input found expected =
  raise (Malformed (Printf.sprintf "line %d: found %s, expected %s" (line_of input) found expected))

let is_blank c = c = ' ' || c = '\n'

let rec skip_blanks input =
  if input.place < String.length input.text && is_blank (String.unsafe_get input.text input.place) then begin
    input.place <- input.place + 1;
    skip_blanks input
  end

(* The place of the next word and its length. *)
let word_span input =
  skip_blanks input;
  let size = String.length input.text in
  let first = input.place in
  if first = size then malformed input "the end of the file" "a word";
  let rec stop i = if i < size && not (is_blank (String.unsafe_get input.text i)) then stop (i + 1) else i in
  let last = stop first in
  input.place <- last;
  (first, last - first)

let word input =
  let first, length = word_span input in
  String.sub input.text first length

let shown w = Printf.sprintf "%S" (if String.length w > 40 then String.sub w 0 40 else w)

let unknown input kind found =
  if String.for_all (fun c -> c = '_' || ('a' <= c && c <= 'z')) found then
    raise (Unsupported (kind ^ " " ^ shown found))
  else malformed input (shown found) ("the name of a " ^ kind)

let keyword input expected =
  let found = word input in
  if found <> expected then malformed input (shown found) (shown expected)

(* --- Numbers: -?(0|[1-9][0-9]* ), not -0 --- *)

let digit c = Char.code c - Char.code '0'

let is_number text first length =
  let start = if String.unsafe_get text first = '-' then first + 1 else first in
  let last = first + length in
  let rec digits i = i = last || (let d = digit (String.unsafe_get text i) in 0 <= d && d <= 9 && digits (i + 1)) in
  start < last && digits start && (String.unsafe_get text start <> '0' || length = 1)

let integer input =
  let first, length = word_span input in
  if not (is_number input.text first length) then
    malformed input (shown (String.sub input.text first length)) "an integer";
  if length > 18 then Z.of_substring input.text ~pos:first ~len:length
  else begin
    let negative = String.unsafe_get input.text first = '-' in
    let value = ref 0 in
    for i = (if negative then first + 1 else first) to first + length - 1 do
      value := (!value * 10) + digit (String.unsafe_get input.text i)
    done;
    Z.of_int (if negative then - !value else !value)
  end

let positive_integer input =
  let z = integer input in
  if Z.sign z > 0 then z else malformed input (shown (Z.to_string z)) "a positive integer"

(* A number of things, each of which takes at least one byte of the file: no size can be larger than the file. *)
let count input =
  let z = integer input in
  if Z.sign z < 0 || Z.gt z (Z.of_int (String.length input.text)) then
    malformed input (shown (Z.to_string z)) "a size that is not negative and not larger than the file";
  Z.to_int z

let times n read =
  let rec go n done_ = if n = 0 then List.rev done_ else go (n - 1) (read () :: done_) in
  go n []

(* --- Coq's unary and binary numbers --- *)

let nat_of_int n =
  let rec go n made = if n = 0 then made else go (n - 1) (S made) in
  go n O

let rec positive_of_int n = if n = 1 then XH else if n land 1 = 1 then XI (positive_of_int (n / 2)) else XO (positive_of_int (n / 2))

(* Each index is made once and shared. *)
let indices : n array ref = ref [| N0 |]

let index_of_int u =
  let known = Array.length !indices in
  if u >= known then
    indices := Array.init (2 * (u + 1)) (fun i -> if i < known then !indices.(i) else Npos (positive_of_int i));
  !indices.(u)

let index input width =
  let z = integer input in
  if Z.sign z < 0 || Z.geq z (Z.of_int width) then
    malformed input (shown (Z.to_string z)) (Printf.sprintf "an index from 0 to %d" (width - 1));
  Z.to_int z

(* --- Networks --- *)

let names =
  [ ("sigmoid", Sigmoid); ("tanh", Tanh); ("softplus", Softplus); ("softsign", Softsign);
    ("erf", Erf); ("sin", Sin); ("cos", Cos); ("exp", Exp) ]

let leaky slope = Leaky (Z.of_int slope, Z.one)
let relu, identity, absolute = (leaky 0, leaky 1, leaky (-1))

let activation input =
  match word input with
  | "relu" -> relu
  | "identity" -> identity
  | "abs" -> absolute
  | "leaky" ->
      let numerator = integer input in
      Leaky (numerator, positive_integer input)
  | found -> (
      match List.assoc_opt found names with
      | Some name -> Named name
      | None -> unknown input "function" found)

(* Weights of all units below (`all`), or a number of pairs of unit and weight. *)
let edges input width =
  skip_blanks input;
  if input.place + 3 <= String.length input.text && String.sub input.text input.place 3 = "all" then begin
    keyword input "all";
    let rec go u done_ =
      if u = width then List.rev done_
      else
        let w = integer input in
        go (u + 1) (if Z.equal w Z.zero then done_ else (index_of_int u, w) :: done_)
    in
    go 0 []
  end
  else
    times (count input) (fun () ->
        let u = index input width in
        (index_of_int u, integer input))

let neuron input width =
  let activation = activation input in
  let bias = integer input in
  { activation; bias; edges = edges input width }

let layers input width n =
  let width = ref width in
  times n (fun () ->
      keyword input "layer";
      let size = count input in
      let denominator = positive_integer input in
      let neurons = times size (fun () -> neuron input !width) in
      width := size;
      { denominator; neurons })

let head_of input =
  match word input with
  | "none" -> None
  | "softmax" -> Some Softmax
  | "log_softmax" -> Some LogSoftmax
  | found -> unknown input "head" found

let network input name =
  keyword input "network";
  keyword input name;
  keyword input "inputs";
  let width = count input in
  keyword input "layers";
  let depth = count input in
  let layers = layers input width depth in
  keyword input "head";
  { inputs = nat_of_int width; layers; last = head_of input }

(* `network quotient = reduced`, or the network itself. *)
let quotient input reduced =
  let start = input.place in
  keyword input "network";
  keyword input "quotient";
  if word input = "=" then (keyword input "reduced"; reduced)
  else (input.place <- start; network input "quotient")

(* --- Certificates --- *)

let term input =
  let k = index_of_int (count input) in
  (k, integer input)

let row input =
  match word input with
  | "constant" -> Constant (integer input)
  | "class" ->
      let k, p = term input in
      Class (k, p)
  | "sum" ->
      let terms = times (count input) (fun () -> term input) in
      Sum (terms, integer input)
  | "free" -> Free (positive_integer input)
  | "same" ->
      let u, p = term input in
      Same (u, p)
  | found -> malformed input (shown found) "constant, class, sum, free or same"

let rows input =
  keyword input "rows";
  times (count input) (fun () -> row input)

let step input =
  match word input with
  | "derived" -> Derived
  | "kept" ->
      let unit = positive_integer input in
      Kept (unit, rows input)
  | "anchored" ->
      let unit = positive_integer input in
      keyword input "scales";
      let scales = times (count input) (fun () -> positive_integer input) in
      Anchored (unit, scales, rows input)
  | found -> malformed input (shown found) "derived, kept or anchored"

let half input name =
  keyword input "half";
  keyword input name;
  keyword input "steps";
  times (count input) (fun () -> step input)

let parse text =
  let input = { text; place = 0 } in
  keyword input "exactlump-export";
  if word input <> "1" then raise (Unsupported "another version of the text format");
  let first = network input "original" in
  let second = network input "reduced" in
  let quotient = quotient input second in
  let original = half input "original" in
  let reduced = half input "reduced" in
  keyword input "end";
  skip_blanks input;
  if input.place <> String.length text then malformed input "more text" "the end of the file";
  (first, second, { quotient; original; reduced })

(* --- The program --- *)

let read path =
  let file = open_in_bin path in
  Fun.protect ~finally:(fun () -> close_in file) (fun () -> really_input_string file (in_channel_length file))

let run show_times path =
  let start = Sys.time () in
  let first, second, certificate = parse (read path) in
  let parsed = Sys.time () in
  let accepted = check first second certificate in
  if show_times then
    Printf.eprintf "parse %.2f s, check %.2f s\n" (parsed -. start) (Sys.time () -. parsed);
  if accepted then (print_endline "equivalent: over the reals, by the checker extracted from its proof"; 0)
  else (print_endline "rejected: the certificate does not show it"; 1)

let fail code message = prerr_endline ("exactlump-verified: " ^ message); code

let main = function
  | [| _; path |] -> run false path
  | [| _; "--times"; path |] -> run true path
  | _ -> fail 2 "usage: exactlump-verified [--times] FILE"

let () =
  exit
    (try main Sys.argv with
     | Malformed message -> fail 2 message
     | Sys_error message -> fail 2 message
     | End_of_file -> fail 2 "the file changed while it was read"
     | Unsupported what -> print_endline ("unsupported: " ^ what); 4
     | Out_of_memory | Stack_overflow -> print_endline "unknown: out of memory"; 3
     | Failure message -> fail 5 ("internal error: " ^ message))
