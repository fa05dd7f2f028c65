(* SPDX-License-Identifier: Apache-2.0 *)
(* This file is about the texts of two networks, of numbers or of images, with their certificate, or with an input at which they differ (README.md, "The
   text formats"): the networks as they are, and rows with rational factors, which get the scales that the checker wants.

   A network that is read wrongly would be believed; a row that is read wrongly would be rejected. *)

module Zarith = Z
open Checker
module Z = Zarith (* not the remains of Coq's Z that Checker holds *)
open Words

(* --- Coq's unary and binary numbers --- *)

let nat_of_int n =
  let rec go n made = if n = 0 then made else go (n - 1) (S made) in
  go n O

let rec positive_of_int n =
  if n = 1 then XH else if n land 1 = 1 then XI (positive_of_int (n / 2)) else XO (positive_of_int (n / 2))

(* Each index is made once and shared. *)
let indices : n array ref = ref [| N0 |]

let index_of_int u =
  let known = Array.length !indices in
  if u >= known then
    indices := Array.init (2 * (u + 1)) (fun i -> if i < known then !indices.(i) else Npos (positive_of_int i));
  !indices.(u)

(* --- Functions, by the names of exactlump/check.py: name, parameters --- *)

let names =
  [
    ("clip", (Clip, 2)); ("at_least", (AtLeast, 1)); ("at_most", (AtMost, 1)); ("hard_sigmoid", (HardSigmoid, 2));
    ("hard_swish", (HardSwish, 0)); ("thresholded_relu", (ThresholdedRelu, 1)); ("sign", (Sign, 0));
    ("bipolar_sign", (BipolarSign, 0)); ("floor", (Floor, 0)); ("ceil", (Ceil, 0)); ("round", (Round, 0));
    ("quantize", (Quantize, 4)); ("quantize_floor", (QuantizeFloor, 4)); ("softsign", (Softsign, 0)); ("elu", (Elu, 1));
    ("selu", (Selu, 2)); ("celu", (Celu, 1)); ("gelu", (Gelu, 0)); ("gelu_tanh", (GeluTanh, 0)); ("silu", (Silu, 0));
    ("mish", (Mish, 0)); ("softplus", (Softplus, 0)); ("log_sigmoid", (LogSigmoid, 0)); ("tanh", (Tanh, 0));
    ("erf", (Erf, 0)); ("sin", (Sin, 0)); ("cos", (Cos, 0)); ("exp", (Exp, 0)); ("sigmoid", (Sigmoid, 0)); ("surd", (Surd, 1));
    ("hard_gate", (HardGate, 2)); ("erf_gate", (ErfGate, 2)); ("softplus_above", (SoftplusAbove, 2));
  ]

let activation input =
  match word input with
  | "leaky_relu" -> Leaky (rational input)
  | found -> (
      match List.assoc_opt found names with
      | Some (name, parameters) -> Named (name, times parameters (fun () -> rational input))
      | None -> malformed input (shown found) "the name of a function")

let operator input assumptions =
  match word input with
  | "softmax" -> Softmax
  | "log_softmax" -> LogSoftmax
  | "argmax" -> ArgMax
  | "opaque" -> Opaque (Z.of_int (index input assumptions))
  | found -> malformed input (shown found) "softmax, log_softmax, argmax or opaque"

(* --- Networks --- *)

(* `all n WEIGHT*` for the first n units, or `n (UNIT WEIGHT)*`; [unit_] sees that a unit is there. *)
let edges input unit_ =
  if optional_keyword input "all" then begin
    let n = count input in
    let rec go u made =
      if u = n then List.rev made
      else
        let w = integer input in
        go (u + 1) (if Z.equal w Z.zero then made else (unit_ u, w) :: made)
    in
    go 0 []
  end
  else
    listed input (fun () ->
        let u = unit_ (count input) in
        (u, integer input))

(* [size] registers are there already, and [neurons] has those of units; [at] says which registers of the network they are. *)
let node ?(at = fun u -> u) input assumptions neurons size =
  let reads start u =
    if start + u >= size then
      malformed input (string_of_int (start + u)) (Printf.sprintf "a register from 0 to %d" (size - 1));
    let found = at (start + u) - at start in
    if found < 0 then malformed input (string_of_int start) "where the registers begin that are read";
    index_of_int found
  in
  match word input with
  | "unit" ->
      let start = count input in
      let activation = activation input in
      let denominator = positive_integer input in
      let bias = integer input in
      let neuron = { edges = edges input (reads start); bias; denominator; activation } in
      Hashtbl.replace neurons size neuron;
      (Unit (index_of_int (at start), neuron), 1)
  | "as" -> (
      let like = count input in
      let start = index_of_int (at (count input)) in
      match Hashtbl.find_opt neurons like with
      | Some neuron -> (Unit (start, neuron), 1)
      | None -> malformed input (string_of_int like) "a register that a `unit` defines")
  | "greatest" ->
      let start = count input in
      (Greatest (index_of_int (at start), listed input (fun () -> reads start (count input))), 1)
  | "apply" ->
      let operator = operator input assumptions in
      let results = count input in
      (Apply (operator, nat_of_int results, listed input (fun () -> reads 0 (count input))), results)
  | found -> malformed input (shown found) "unit, as, greatest or apply"

(* --- Rows, with rational factors --- *)

type factor = int * (Z.t * Z.t)

type draft =
  | Draft_atom
  | Draft_class of factor
  | Draft_same of factor
  | Draft_constant of (Z.t * Z.t)
  | Draft_derived
  | Draft_sum of factor list * (Z.t * Z.t)
  | Draft_twin of factor
  | Draft_line of factor list
  | Draft_zero of factor list
  | Draft_mirror of factor

let factor ?(at = fun u -> u) input =
  let k = at (count input) in
  (k, rational input)

let draft ?(at = fun u -> u) input =
  let factor input = factor ~at input in
  match word input with
  | "atom" -> Draft_atom
  | "class" -> Draft_class (factor input)
  | "same" -> Draft_same (factor input)
  | "constant" -> Draft_constant (rational input)
  | "derived" -> Draft_derived
  | "sum" ->
      let terms = listed input (fun () -> factor input) in
      Draft_sum (terms, rational input)
  | "twin" -> Draft_twin (factor input)
  | "line" -> Draft_line (listed input (fun () -> factor input))
  | "zero" -> Draft_zero (listed input (fun () -> factor input))
  | "mirror" -> Draft_mirror (factor input)
  | found -> malformed input (shown found) "atom, class, same, constant, derived, sum, twin, line, zero or mirror"

(* For each atom a common multiple of the denominators of its factors: of N' (class, twin), of N (same). *)
type scales = { of_classes : (int, Z.t) Hashtbl.t; own : (int, Z.t) Hashtbl.t }

let scale table k = Option.value (Hashtbl.find_opt table k) ~default:Z.one
let need table (k, (_, q)) = if not (Z.equal q Z.one) then Hashtbl.replace table k (Z.lcm q (scale table k))

let need_scales scales = function
  | Draft_class f | Draft_twin f -> need scales.of_classes f
  | Draft_same f | Draft_mirror f -> need scales.own f
  | _ -> ()

let over table (k, (p, q)) = (index_of_int k, Z.divexact (Z.mul p (scale table k)) q)

(* Factors over one denominator. *)
let over_common factors =
  let q = List.fold_left (fun q (_, (_, d)) -> Z.lcm q d) Z.one factors in
  (List.map (fun (k, (p, d)) -> (k, Z.mul p (Z.divexact q d))) factors, q)

let row scales own_scale = function
  | Draft_atom -> Atom own_scale
  | Draft_class f ->
      let k, p = over scales.of_classes f in
      Class (k, p)
  | Draft_same f ->
      let u, p = over scales.own f in
      Same (u, p)
  | Draft_constant (p, q) -> Constant (p, q)
  | Draft_derived -> Derived
  | Draft_sum (terms, plus) ->
      (* the atom of register k is the register over its scale *)
      let terms = List.map (fun (k, (p, q)) -> (k, (Z.mul p (scale scales.of_classes k), q))) terms in
      let all, q = over_common ((0, plus) :: terms) in
      Sum (List.map (fun (k, p) -> (index_of_int k, p)) (List.tl all), snd (List.hd all), q)
  | Draft_twin f ->
      let k, p = over scales.of_classes f in
      Twin (k, p)
  | Draft_line ms ->
      let ms, q = over_common ms in
      Line (List.map (fun (k, p) -> (index_of_int k, p)) ms, q)
  | Draft_zero ms ->
      let ms, q = over_common ms in
      Zero (List.map (fun (k, p) -> (index_of_int k, p)) ms, q)
  | Draft_mirror f ->
      let u, p = over scales.own f in
      Mirror (u, p)

let scales_of reduced_drafts original_drafts =
  let scales = { of_classes = Hashtbl.create 1000; own = Hashtbl.create 1000 } in
  List.iter (fun (_, d) -> need_scales scales d) reduced_drafts;
  List.iter (fun (_, d) -> need_scales scales d) original_drafts;
  scales

(* The rows of drafts with the first registers of their nodes. *)
let rows scales table drafts = List.rev (List.rev_map (fun (k, d) -> row scales (scale table k) d) drafts)

(* --- Files --- *)

(* Inputs, nodes and outputs; for each node its first register and what [read_row] reads before it. *)
let network input name assumptions read_row =
  keyword input "network";
  keyword input name;
  keyword input "inputs";
  let inputs = count input in
  keyword input "nodes";
  let neurons = Hashtbl.create 1000 in
  let size = ref inputs in
  let both =
    listed input (fun () ->
        let row = read_row () in
        let first = !size in
        let node, registers = node input assumptions neurons first in
        size := first + registers;
        ((first, row), node))
  in
  keyword input "outputs";
  let outputs = listed input (fun () -> index_of_int (index input !size)) in
  (List.rev (List.rev_map fst both), { inputs = nat_of_int inputs; nodes = List.rev (List.rev_map snd both); outputs })

type program = { header : header; first : network; second : network; certificate : certificate }

let parse input =
  let files = [ "original"; "reduced"; "certificate" ] in
  let header = header input ~files ~claims:[ "criterion"; "domain"; "specification" ] in
  demand_claim header "criterion" [ "exact" ];
  demand_claim header "domain" [ "all reals" ];
  let assumptions = List.length header.assumptions in
  let reduced_rows, second = network input "reduced" assumptions (fun () -> draft input) in
  let original_rows, first = network input "original" assumptions (fun () -> draft input) in
  finish input;
  let scales = scales_of reduced_rows original_rows in
  let certificate = { original = rows scales scales.own original_rows; reduced = rows scales scales.of_classes reduced_rows } in
  { header; first; second; certificate }

(* --- Networks of images --- *)

(* Whether a row comes next, and not an operator: what there is instead is read. *)
let operator_word input = if optional_keyword input "moved" then Some true else if optional_keyword input "given" then Some false else None

type images = {
  header : header;
  first : image_network;
  second : image_network;
  certificate : image_certificate;
  repeated : string list;  (* the lines that the answer repeats *)
}

(* `move keeps TEXT` or `move loses TEXT`: whether the image 1 stays what it is. *)
let move input =
  let start = input.place in
  let text = field input "move" in
  match String.index_opt text ' ' with
  | Some 5 when List.mem (String.sub text 0 5) [ "keeps"; "loses" ] -> (String.sub text 0 5 = "keeps", since input start)
  | _ -> malformed input (shown text) "keeps or loses, and words"

(* Inputs, spare registers, steps and outputs; what is said of nodes, with their first registers, and of operators. *)
let image_network input name assumptions moves read_shown =
  keyword input "network";
  keyword input name;
  keyword input "inputs";
  let inputs = count input in
  keyword input "spare";
  let spare = count input in
  keyword input "steps";
  (* the text does not count spare registers *)
  let at u = if u < inputs then u else u + spare in
  let size = ref inputs and drafts = ref [] and shown_ = ref [] in
  let step () =
    let first = !size in
    let register () = index_of_int (at (index input first)) in
    match operator_word input with
    | Some true ->
        let l = index input (Array.length moves) in
        let u = register () in
        size := first + 1;
        shown_ := read_shown true :: !shown_;
        Move (fst moves.(l), Z.of_int l, u)
    | Some false ->
        let signature = index input assumptions in
        let results = count input in
        let us = listed input register in
        size := first + results;
        shown_ := read_shown false :: !shown_;
        Given (Z.of_int signature, nat_of_int results, us)
    | None ->
        let row = draft ~at input in
        let node, registers = node ~at input 0 (Hashtbl.create 1) first in
        size := first + registers;
        drafts := (at first, row) :: !drafts;
        At node
  in
  let steps = listed input step in
  keyword input "outputs";
  let image_outputs = listed input (fun () -> index_of_int (at (index input !size))) in
  let network = { image_inputs = nat_of_int inputs; spare = nat_of_int spare; steps; image_outputs } in
  (network, List.rev !drafts, List.rev !shown_)

(* What a linear operator makes: a sum of spare registers, and a constant. *)
let moved input =
  let terms = listed input (fun () -> factor input) in
  let all, q = over_common ((0, rational input) :: terms) in
  Moved (List.map (fun (j, c) -> (index_of_int j, c)) (List.tl all), snd (List.hd all), q)

(* What is said of the operators of N', and of those of N: an opaque one of N is copied from somewhere. *)
let shown_reduced input linear = if linear && not (optional_keyword input "fresh") then moved input else Fresh
let shown_original input linear = if linear then moved input else Copied (index_of_int (count input))

let parse_images input =
  let header = header input ~files:[ "original"; "reduced"; "certificate" ] ~claims:[ "criterion"; "domain"; "specification" ] in
  demand_claim header "criterion" [ "exact" ];
  demand_claim header "domain" [ "all reals" ];
  let assumptions = List.length header.assumptions in
  let number = field input "moves" in
  if not (String.length number <= 6 && is_number number 0 (String.length number) && number.[0] <> '-') then
    malformed input (shown number) "how many linear operators";
  let moves = Array.of_list (times (int_of_string number) (fun () -> move input)) in
  let second, reduced_drafts, reduced_shown = image_network input "reduced" assumptions moves (shown_reduced input) in
  let first, original_drafts, operators_shown = image_network input "original" assumptions moves (shown_original input) in
  finish input;
  let scales = scales_of reduced_drafts original_drafts in
  let certificate =
    {
      image_rows = rows scales scales.own original_drafts;
      reduced_rows = rows scales scales.of_classes reduced_drafts;
      operators_shown;
      reduced_shown;
    }
  in
  { header; first; second; certificate; repeated = List.map snd (Array.to_list moves) }

(* --- Refutations --- *)

type refutation = {
  header : header;
  first : network;
  second : network;
  box : (fraction * fraction) list option;
  epsilon : fraction;
  point : fraction list;
  repeated : string list;  (* the lines that the answer repeats *)
}

let parse_refutation input =
  let header = header input ~files:[ "a"; "b" ] ~claims:[ "criterion"; "domain"; "specification" ] in
  demand_claim header "criterion" [ "different" ];
  demand_claim header "domain" [ "all reals"; "the box" ];
  let assumptions = List.length header.assumptions in
  let _, first = network input "a" assumptions (fun () -> ()) in
  let _, second = network input "b" assumptions (fun () -> ()) in
  let pair () =
    let low = rational input in
    (low, rational input)
  in
  let box, box_line =
    if List.assoc "domain" header.claim = "the box" then begin
      let box, line = repeated_field input "box" (fun () -> listed input pair) in
      (Some box, [ line ])
    end
    else (None, [])
  in
  let epsilon, epsilon_line = repeated_field input "epsilon" (fun () -> rational input) in
  let point, point_line = repeated_field input "input" (fun () -> listed input (fun () -> rational input)) in
  finish input;
  { header; first; second; box; epsilon; point; repeated = box_line @ [ epsilon_line; point_line ] }
