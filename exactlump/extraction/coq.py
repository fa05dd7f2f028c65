# SPDX-License-Identifier: Apache-2.0
"""This file is about the text for the extracted checker, written as a theorem that Coq's own kernel checks.

The checker runs inside Coq, so that no extraction, no OCaml and no parser of ours needs to be believed.
"""

import itertools
import math
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from typing import NamedTuple

from exactlump.errors import CannotWrite

# Coq reads about 5,000 numbers a second.
MAX_WEIGHTS = 100_000

_PREAMBLE = """\
From Coq Require Import List Reals ZArith.
From Exactlump Require Import Network Numbers Meaning Laws Checker Main.
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

    Raises CannotWrite when the name is none of Coq's, or the networks have more than `MAX_WEIGHTS` weights.
    """
    if not (name.isascii() and name.isidentifier()):
        raise CannotWrite(f"{name}.v: found a name that Coq does not take, expected letters, digits and _")
    rest = iter(lines)
    if (form := next(rest)) != "exactlump-program 1":
        raise CannotWrite(
            f"{name}.v: found operators on whole images, expected networks that are written out by element"
        )
    yield "(* This file is about one theorem: two networks compute the same function, as `exactlump export` says. *)"
    for line in itertools.chain([form], rest):
        if line.startswith("assumes"):
            break
        yield f"(* {line} *)"
    yield _PREAMBLE
    text = _Text(rest, name)
    yield from text.network("reduced")
    yield from text.network("original")
    yield from text.rows()
    yield f"\nDefinition {name}_certificate := Certificate {name}_rows_original {name}_rows_reduced.\n"
    yield _THEOREMS.format(name=name)


class _Row(NamedTuple):
    """The first register of a node, the kind of its row, and what follows: registers with factors, and numbers."""

    register: int
    kind: str
    terms: list[tuple[int, Fraction]]
    number: Fraction


class _Text:
    """The words of a text, read one after the other; the weights among them are counted."""

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
            self.found[which].append(self.row(size))
            kind = self.next()
            if kind == "unit":
                start, neuron = self.next(), self.neuron()
                yield f"\nDefinition {name}_{size} := {neuron}."
                nodes.append(f"Unit {start} {name}_{size}")
            elif kind == "as":
                like, start = self.next(), self.next()
                nodes.append(f"Unit {start} {name}_{like}")
            elif kind == "greatest":
                nodes.append(f"Greatest {self.next()} {self.listed(self.index)}")
            else:
                operator = self.next()
                operator = f"(Opaque {self.next()})" if operator == "opaque" else _NAMES[operator]
                results = self.next()
                nodes.append(f"Apply {operator} {results} {self.listed(self.index)}")
                size += int(results) - 1
            size += 1
        self.next()
        outputs = self.listed(self.index)
        yield f"\nDefinition {name} := Network {inputs}\n  {_list(nodes, _LINES)}\n  {outputs}."

    def index(self) -> str:
        return f"{self.next()}%N"

    def neuron(self) -> str:
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
        if how == "all":
            edges = f"(from 0 {_list(_number(self.integer()) for _ in range(count))})"
        else:
            edges = _list(f"({self.next()}%N, {_number(self.integer())})" for _ in range(count))
        return f"Neuron {edges} {_number(bias)} {denominator} {sigma}"

    def row(self, register: int) -> _Row:
        kind = self.next()
        terms: list[tuple[int, Fraction]] = []
        if kind in _FACTORS:
            terms = [self.term()]
        elif kind in ("sum", "line", "zero"):
            terms = [self.term() for _ in range(self.integer())]
        return _Row(register, kind, terms, Fraction(self.next() if kind in ("sum", "constant") else 0))

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
