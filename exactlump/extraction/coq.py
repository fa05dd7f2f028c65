# SPDX-License-Identifier: Apache-2.0
"""This file is about the text for the extracted checker, written as a theorem that Coq's own kernel checks.

The checker runs inside Coq, so that no extraction, no OCaml and no parser of ours needs to be believed.
"""

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction
from typing import NamedTuple

from exactlump.errors import CannotWrite, UnsupportedLayer

# Coq reads about 5,000 numbers a second.
MAX_WEIGHTS = 100_000

_PREAMBLE = """\
From Coq Require Import List Reals ZArith.
From Exactlump Require Import Network Numbers Meaning Laws Checker ImageNetwork ImageChecker Main.
Import ListNotations.
Local Open Scope Z_scope.

Fixpoint from (u : N) (weights : list Z) : list (N * Z) :=
  match weights with [] => [] | w :: rest => (u, w) :: from (N.succ u) rest end."""

_THEOREMS = """\
Lemma {name}_accepted : check {name}_original {name}_reduced {name}_certificate = true.
Proof. vm_cast_no_check (eq_refl true). Qed.

Theorem {name}_equivalent : forall M : meaning Rationals, lawful M -> forall x : list Rationals,
  length x = inputs {name}_original -> eval M {name}_original x = eval M {name}_reduced x.
Proof. exact (accepted_networks_are_equal_rationally _ _ _ {name}_accepted). Qed.

Theorem {name}_equivalent_over_the_reals (erf : R -> R) (opaque : Z -> list R -> list R) :
  (forall y, erf (- y) = - erf y)%R -> forall x : list R, length x = inputs {name}_original ->
  @eval Reals (real_meaning erf opaque) {name}_original x = @eval Reals (real_meaning erf opaque) {name}_reduced x.
Proof. exact (accepted_networks_are_equal _ _ _ {name}_accepted erf opaque). Qed.

Print Assumptions {name}_equivalent."""

_IMAGE_THEOREMS = """\
Lemma {name}_accepted : check_images {name}_original {name}_reduced {name}_certificate = true.
Proof. vm_cast_no_check (eq_refl true). Qed.

Theorem {name}_equivalent : forall (M : meaning Rationals), lawful M ->
  forall (P : Type) (O : operators Rationals P), lawful_operators O ->
  forall x : list (P -> Rationals), length x = image_inputs {name}_original ->
  Forall2 (fun f g : P -> Rationals => forall p, f p = g p)
    (eval_images M O {name}_original x) (eval_images M O {name}_reduced x).
Proof.
intros M laws P O lawful_O.
exact (accepted_images_are_equal_everywhere _ Rationals_field M laws P O lawful_O _ _ _ {name}_accepted).
Qed.

Theorem {name}_equivalent_over_the_reals (erf : R -> R) (opaque : Z -> list R -> list R) :
  (forall y, erf (- y) = - erf y)%R -> forall (P : Type) (O : operators Reals P), lawful_operators O ->
  forall x : list (P -> R), length x = image_inputs {name}_original ->
  @eval_images Reals P (real_meaning erf opaque) O {name}_original x
    = @eval_images Reals P (real_meaning erf opaque) O {name}_reduced x.
Proof. exact (accepted_images_are_equal _ _ _ {name}_accepted erf opaque). Qed.

Print Assumptions {name}_equivalent."""

# The names of Network.v that are no others in capitals, and how many parameters functions have.
_NAMES = {"softmax": "Softmax", "log_softmax": "LogSoftmax", "argmax": "ArgMax"}
_PARAMETERS = {"quantize": 4, "quantize_floor": 4}
_PARAMETERS |= dict.fromkeys(("hard_sigmoid", "clip", "selu", "hard_gate", "erf_gate", "softplus_above"), 2)
_PARAMETERS |= dict.fromkeys(("leaky_relu", "at_least", "at_most", "thresholded_relu", "elu", "celu", "surd"), 1)

# Rows that are a register and a factor; those of them whose register is one of the same network.
_OWN = ("same", "mirror")
_FACTORS = ("class", "twin", *_OWN)


def coq(lines: Iterable[str], name: str) -> Iterator[str]:
    """The lines of a Coq file with the theorem `{name}_equivalent`, of a text of programs.py.

    Raises CannotWrite when the name is none of Coq's, or the networks have more than `MAX_WEIGHTS` weights, and
    UnsupportedLayer for boxes.
    """
    if not (name.isascii() and name.isidentifier()):
        raise CannotWrite(f"{name}.v: found a name that Coq does not take, expected letters, digits and _")
    rest = iter(lines)
    form, moves = next(rest), list[str]()
    if form == "exactlump-domain 1":
        raise UnsupportedLayer("domain: found boxes, expected all reals")
    yield "(* This file is about one theorem: two networks compute the same function, as `exactlump export` says. *)"
    for line in itertools.chain([form], rest):
        word, _, number = line.partition(" ")
        if word not in ("assumes", "moves"):
            yield _comment(line)
            continue
        listed = [next(rest) for _ in range(int(number))]
        moves = listed if word == "moves" else moves
        yield from map(_comment, [line, *listed])
        if word == "moves" or form != "exactlump-images 1":
            break
    yield _PREAMBLE
    text = _Images(rest, name, moves) if form == "exactlump-images 1" else _Text(rest, name)
    yield from text.network("reduced")
    yield from text.network("original")
    yield from text.rows()
    yield f"\nDefinition {name}_certificate := {text.certificate()}.\n"
    yield text.theorems.format(name=name)


def _comment(line: str) -> str:
    return f"(* {line.replace('(*', '( *').replace('*)', '* )').replace(chr(34), chr(39))} *)"


class _Row(NamedTuple):
    """The first register of a node, the kind of its row, and what follows: registers with factors, and numbers."""

    register: int
    kind: str
    terms: list[tuple[int, Fraction]]
    number: Fraction


class _Text:
    """The words of a text, read one after the other; the weights among them are counted."""

    theorems = _THEOREMS

    def __init__(self, lines: Iterable[str], name: str) -> None:
        self.words = itertools.chain.from_iterable(line.split() for line in lines)
        self.name, self.weights = name, 0
        self.found: dict[str, list[_Row]] = {}

    def next(self) -> str:
        return next(self.words)

    def integer(self) -> int:
        return int(Fraction(self.next()))

    def term(self) -> tuple[int, Fraction]:
        return self.integer(), Fraction(self.next())

    def certificate(self) -> str:
        return f"Certificate {self.name}_rows_original {self.name}_rows_reduced"

    def at(self, register: int) -> int:
        """Which register of the network one of the text is."""
        return register

    def unit(self, start: int) -> str:
        """The index, from `start` on, of a register that a node reads."""
        return f"{self.at(start + self.integer()) - self.at(start)}%N"

    def listed(self, read: Callable[[], str]) -> str:
        """A list with its length in front."""
        return _list(read() for _ in range(self.integer()))

    def network(self, which: str) -> Iterator[str]:
        """The definition of a network; its rows are kept."""
        _, _, _, inputs, _ = (self.next() for _ in range(5))
        name, size = f"{self.name}_{which}", int(inputs)
        nodes: list[str] = []
        self.found[which] = []
        for _ in range(self.integer()):
            self.found[which].append(self.row(size, self.next()))
            node, definition, results = self.node(f"{name}_{size}")
            yield from definition
            nodes.append(node)
            size += results
        self.next()
        outputs = self.listed(self.index)
        yield f"\nDefinition {name} := Network {inputs}\n  {_list(nodes, _LINES)}\n  {outputs}."

    def node(self, name: str) -> tuple[str, list[str], int]:
        """A node, the definition of its neuron, by this name, and how many registers it defines."""
        kind = self.next()
        if kind == "unit":
            start = self.integer()
            return f"Unit {self.at(start)} {name}", [f"\nDefinition {name} := {self.neuron(start)}."], 1
        if kind == "as":
            like, start = self.next(), self.integer()
            return f"Unit {self.at(start)} {name.rpartition('_')[0]}_{like}", [], 1
        if kind == "greatest":
            start = self.integer()
            return f"Greatest {self.at(start)} {self.listed(lambda: self.unit(start))}", [], 1
        operator = self.next()
        operator = f"(Opaque {self.next()})" if operator == "opaque" else _NAMES[operator]
        results = self.integer()
        return f"Apply {operator} {results} {self.listed(self.index)}", [], results

    def index(self) -> str:
        return f"{self.at(self.integer())}%N"

    def neuron(self, start: int) -> str:
        function = self.next()
        parameters = [Fraction(self.next()) for _ in range(_PARAMETERS.get(function, 0))]
        if function == "leaky_relu":
            sigma = f"(Leaky {_fraction(parameters[0])})"
        else:
            capital = "".join(word.capitalize() for word in function.split("_"))
            sigma = f"(Named {capital} {_list(map(_fraction, parameters))})"
        denominator, bias, how = self.integer(), self.integer(), self.next()
        count = self.integer() if how == "all" else int(how)
        self.weights += count
        if self.weights > MAX_WEIGHTS:
            raise CannotWrite(
                f"weights: found more than {MAX_WEIGHTS} in all, expected fewer: `check --verified` has no limit"
            )
        if how != "all":
            edges = _list(f"({self.unit(start)}, {_number(self.integer())})" for _ in range(count))
        elif count and self.at(start + count - 1) - self.at(start) > count - 1:  # not all beside each other
            units = (self.at(start + u) - self.at(start) for u in range(count))
            edges = _list(f"({u}%N, {_number(self.integer())})" for u in units)
        else:
            edges = f"(from 0 {_list(_number(self.integer()) for _ in range(count))})"
        return f"Neuron {edges} {_number(bias)} {denominator} {sigma}"

    def row(self, register: int, kind: str) -> _Row:
        terms: list[tuple[int, Fraction]] = []
        if kind in _FACTORS:
            terms = [self.term()]
        elif kind in ("sum", "line", "zero"):
            terms = [self.term() for _ in range(self.integer())]
        terms = [(self.at(k), c) for k, c in terms]
        return _Row(self.at(register), kind, terms, Fraction(self.next() if kind in ("sum", "constant") else 0))

    def rows(self) -> Iterator[str]:
        """The definitions of the rows: an atom has a scale, so that their factors are integers."""
        classes, own = dict[int, int](), dict[int, int]()
        for row in itertools.chain.from_iterable(self.found.values()):
            for k, c in row.terms if row.kind in _FACTORS else ():
                table = own if row.kind in _OWN else classes
                table[k] = math.lcm(table.get(k, 1), c.denominator)
        for which, rows in self.found.items():
            table = classes if which == "reduced" else own
            texts = (_coq_row(row, table.get(row.register, 1), classes, own) for row in rows)
            yield f"\nDefinition {self.name}_rows_{which} : list row :=\n  {_list(texts, _LINES)}."


class _Images(_Text):
    """The words of a text of images."""

    theorems = _IMAGE_THEOREMS

    def __init__(self, lines: Iterable[str], name: str, moves: Sequence[str]) -> None:
        super().__init__(lines, name)
        self.keeps = ["true" if line.startswith("move keeps ") else "false" for line in moves]
        self.shown: dict[str, list[str]] = {}
        self.inputs = self.spare = 0

    def certificate(self) -> str:
        shown = " ".join(_list(self.shown[which], _LINES) for which in ("original", "reduced"))
        return f"ImageCertificate {self.name}_rows_original {self.name}_rows_reduced\n  {shown}"

    def at(self, register: int) -> int:
        return register if register < self.inputs else register + self.spare

    def network(self, which: str) -> Iterator[str]:
        _, _, _, inputs, _, spare, _ = (self.next() for _ in range(7))
        self.inputs, self.spare = int(inputs), int(spare)
        name, size, steps = f"{self.name}_{which}", self.inputs, list[str]()
        self.found[which], self.shown[which] = [], []
        for _ in range(self.integer()):
            word = self.next()
            if word in ("moved", "given"):
                step, results = self.move(which) if word == "moved" else self.given(which)
            else:
                self.found[which].append(self.row(size, word))
                node, definition, results = self.node(f"{name}_{size}")
                yield from definition
                step = f"At ({node})"
            steps.append(step)
            size += results
        self.next()
        outputs = self.listed(self.index)
        yield f"\nDefinition {name} := ImageNetwork {inputs} {spare}\n  {_list(steps, _LINES)}\n  {outputs}."

    def move(self, which: str) -> tuple[str, int]:
        """A linear operator; what is shown of it is kept."""
        number, source, word = self.integer(), self.index(), self.next()
        if word == "fresh":
            self.shown[which].append("Fresh")
        else:
            terms, constant = [self.term() for _ in range(int(word))], Fraction(self.next())
            q = math.lcm(constant.denominator, *(c.denominator for _, c in terms))
            sums = _list(f"({j}%N, {_number(int(c * q))})" for j, c in terms)
            self.shown[which].append(f"Moved {sums} {_number(int(constant * q))} {q}")
        return f"Move {self.keeps[number]} {number} {source}", 1

    def given(self, which: str) -> tuple[str, int]:
        """An opaque operator; what is shown of it is kept."""
        number, results = self.next(), self.integer()
        sources = self.listed(self.index)
        self.shown[which].append("Fresh" if which == "reduced" else f"Copied {self.next()}")
        return f"Given {number} {results} {sources}", results


def _coq_row(row: _Row, scale: int, classes: dict[int, int], own: dict[int, int]) -> str:
    kind = row.kind.capitalize()
    if row.kind == "atom":
        return f"Atom {scale}"
    if row.kind in _FACTORS:
        ((k, c),) = row.terms
        return f"{kind} {k}%N {_number(int(c * (own if row.kind in _OWN else classes).get(k, 1)))}"
    if row.kind == "constant":
        return f"Constant {_number(row.number.numerator)} {row.number.denominator}"
    if row.kind == "derived":
        return "Derived"
    scaled = [(k, c * classes.get(k, 1) if row.kind == "sum" else c) for k, c in row.terms]
    common = math.lcm(row.number.denominator, *(c.denominator for _, c in scaled))
    terms = _list(f"({k}%N, {_number(int(c * common))})" for k, c in scaled)
    plus = f" {_number(int(row.number * common))}" if row.kind == "sum" else ""
    return f"{kind} {terms}{plus} {common}"


_LINES = ";\n   "


def _list(items: Iterable[str], between: str = "; ") -> str:
    return f"[{between.join(items)}]"


def _number(n: int) -> str:
    """An integer as Coq reads it."""
    return f"({n})" if n < 0 else str(n)


def _fraction(x: Fraction) -> str:
    return f"({x.numerator}, {x.denominator})"
