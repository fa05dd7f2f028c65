(* SPDX-License-Identifier: Apache-2.0 *)
(* This file is about reading texts for the extracted programs: words, numbers, and the lines of a header.

   Words are separated by blanks and line ends, nothing else.  Whatever is out of grammar raises [Malformed] with the line;
   what another version may know raises [Unsupported]. *)

exception Malformed of string
exception Unsupported of string

type input = { text : string; mutable place : int }

let read path =
  let file = open_in_bin path in
  let text =
    Fun.protect ~finally:(fun () -> close_in file) (fun () -> really_input_string file (in_channel_length file))
  in
  { text; place = 0 }

let line_of input =
  let lines = ref 1 in
  String.iteri (fun i c -> if i < input.place && c = '\n' then incr lines) input.text;
  !lines

let malformed input found expected =
  raise (Malformed (Printf.sprintf "line %d: found %s, expected %s" (line_of input) found expected))

let shown w = Printf.sprintf "%S" (if String.length w > 40 then String.sub w 0 40 else w)

(* --- Words --- *)

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

let keyword input expected =
  let found = word input in
  if found <> expected then malformed input (shown found) (shown expected)

(* The next word is read, if it is this one. *)
let optional_keyword input expected =
  let start = input.place in
  let found = word input = expected in
  if not found then input.place <- start;
  found

(* The text that was read since some place, on one line. *)
let since input start =
  String.map (fun c -> if c = '\n' then ' ' else c) (String.trim (String.sub input.text start (input.place - start)))

(* What follows a keyword, and how it was written, for the answer. *)
let repeated_field input name read =
  let start = input.place in
  keyword input name;
  let value = read () in
  (value, since input start)

let finish input =
  keyword input "end";
  skip_blanks input;
  if input.place <> String.length input.text then malformed input "more text" "the end of the file"

(* --- Numbers: -?(0|[1-9][0-9]* ), not -0 --- *)

let digit c = Char.code c - Char.code '0'

let is_number text first length =
  let start = if length > 0 && String.unsafe_get text first = '-' then first + 1 else first in
  let last = first + length in
  let rec digits i = i = last || (let d = digit (String.unsafe_get text i) in 0 <= d && d <= 9 && digits (i + 1)) in
  start < last && digits start && (String.unsafe_get text start <> '0' || length = 1)

let number input first length =
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

let integer input =
  let first, length = word_span input in
  number input first length

let positive input z = if Z.sign z > 0 then z else malformed input (shown (Z.to_string z)) "a positive integer"
let positive_integer input = positive input (integer input)

(* p or p/q, q positive: the pair. *)
let rational input =
  let first, length = word_span input in
  let rec slash i = if i < first + length && input.text.[i] <> '/' then slash (i + 1) else i in
  let middle = slash first in
  let p = number input first (middle - first) in
  if middle = first + length then (p, Z.one)
  else (p, positive input (number input (middle + 1) (first + length - middle - 1)))

(* A number of things, each of which takes at least one byte of the file: no size can be larger than the file. *)
let count input =
  let z = integer input in
  if Z.sign z < 0 || Z.gt z (Z.of_int (String.length input.text)) then
    malformed input (shown (Z.to_string z)) "a size that is not negative and not larger than the file";
  Z.to_int z

let index input size =
  let z = integer input in
  if Z.sign z < 0 || Z.geq z (Z.of_int size) then
    malformed input (shown (Z.to_string z)) (Printf.sprintf "an index from 0 to %d" (size - 1));
  Z.to_int z

let times n read =
  let rec go n made = if n = 0 then List.rev made else go (n - 1) (read () :: made) in
  go n []

let listed input read = times (count input) read

(* --- The header: lines that the answer repeats --- *)

let line input =
  let first = input.place in
  let printable i = i < String.length input.text && i < first + 1000 && ' ' <= input.text.[i] && input.text.[i] <= '~' in
  let rec stop i = if printable i then stop (i + 1) else i in
  let last = stop first in
  if last >= String.length input.text || input.text.[last] <> '\n' then
    malformed input "a line of another kind" "at most 1000 printable characters of ASCII";
  input.place <- last + 1;
  String.sub input.text first (last - first)

(* The rest of a line that starts with a word. *)
let field input name =
  let found = line input in
  let start = name ^ " " in
  let size = String.length start in
  if String.length found < size || String.sub found 0 size <> start then malformed input (shown found) (shown (start ^ "..."));
  String.sub found size (String.length found - size)

let sha256 input name =
  let found = field input name in
  let is_hex c = ('0' <= c && c <= '9') || ('a' <= c && c <= 'f') in
  if not (String.length found = 64 && String.for_all is_hex found) then
    malformed input (shown found) "a SHA-256, 64 hexadecimal digits";
  found

type header = { hashes : (string * string) list; claim : (string * string) list; assumptions : string list }

(* The format that the first line names, one of these, in version 1. *)
let format input known =
  let found = line input in
  match String.index_opt found ' ' with
  | Some blank when List.mem (String.sub found 0 blank) known ->
      if String.sub found blank (String.length found - blank) <> " 1" then
        raise (Unsupported "another version of the text format");
      String.sub found 0 blank
  | _ -> malformed input (shown found) (String.concat " 1 or " known ^ " 1")

(* Hashes of files, what is claimed, and what is assumed of opaque operators. *)
let header input ~files ~claims =
  let hashes = List.map (fun name -> (name, sha256 input name)) files in
  let claim = List.map (fun name -> (name, field input name)) claims in
  let number = field input "assumes" in
  let few = String.length number <= 6 && is_number number 0 (String.length number) && number.[0] <> '-' in
  if not few then malformed input (shown number) "how many assumptions";
  { hashes; claim; assumptions = times (int_of_string number) (fun () -> line input) }

let demand_claim header name known =
  let found = List.assoc name header.claim in
  if not (List.mem found known) then
    raise (Unsupported (Printf.sprintf "the %s %S, expected %s" name found (String.concat " or " known)))

let repeated header =
  List.map (fun (name, value) -> name ^ " " ^ value) (header.hashes @ header.claim)
  @ List.map (fun text -> "assumes " ^ text) header.assumptions
