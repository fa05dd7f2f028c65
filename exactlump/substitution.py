# SPDX-License-Identifier: Apache-2.0
"""This file is about writing the units of a network as SMT-LIB terms over the atoms of the quotient.

The rows of a relation are put in place of the units below a node: each unit is a defined name, so a script shows the
network's own weights and, beside them, the ratios of the certificate; it is the solver that multiplies and adds.
Weights become coprime integers over one rational content, as integers are what solvers are fast at.

Names: q3_k class k of tensor 3 of the reduced network, inputs counting first; a3_u and b3_u unit u of tensor 3 of
the original and of the reduced network; fa3_u and fb3_u unknowns of units that may have any value.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from exactlump.network import Activate, Dense, Head, Network, Reorder, Scale, Shift
from exactlump.rational import ONE, ZERO, Matrix, Rational, fraction, rational
from exactlump.simulation import Free, Relation, Row, Same
from exactlump.smtlib import numeral


class Linear(NamedTuple):
    """content * row, content not 0; row: a sum of integer multiples of names, coprime with its constant, as text."""

    row: str
    content: Rational

    def scaled(self, c: Rational) -> "Linear":
        """c times the term."""
        if c == 1:
            return self
        return Linear(self.row, c * self.content) if c else Linear("0", ONE)

    @property
    def term(self) -> str:
        """The term."""
        return times(numeral(self.content), self.row)


def times(coefficient: str, term: str) -> str:
    """A product, unless the coefficient is 1."""
    return term if coefficient == "1" else f"(* {coefficient} {term})"


def total(parts: Sequence[str]) -> str:
    """A sum."""
    if len(parts) < 2:
        return parts[0] if parts else "0"
    return f"(+ {' '.join(parts)})"


def integer_row(matrix: Matrix, v: int) -> tuple[list[int], list[int], Rational]:
    """The columns of the entries of row v that are not zero, coprime integers, and what they are multiples of."""
    if matrix.floats is None:
        row = matrix.row(v)
        pairs = [fraction(w) for w in row.values()]
        bottom = math.lcm(*(q for _, q in pairs))
        return list(row), *_coprime([p * (bottom // q) for p, q in pairs], ONE / bottom)
    values = matrix.floats[v]
    columns = np.flatnonzero(values)
    mantissas, exponents = np.frexp(values[columns].astype(np.float64))
    least = int(exponents.min(initial=0))
    shifts: list[int] = (exponents - least).tolist()
    whole: list[int] = np.ldexp(mantissas, 53).astype(np.int64).tolist()
    integers = [n << shift for n, shift in zip(whole, shifts, strict=True)]
    return columns.tolist(), *_coprime(integers, rational(2) ** (least - 53))


def _coprime(integers: list[int], unit: Rational) -> tuple[list[int], Rational]:
    divisor = math.gcd(*integers) or 1
    return [n // divisor for n in integers] if divisor > 1 else integers, unit * divisor


def linear(names: list[str], integers: list[int], content: Rational, constant: Rational) -> Linear:
    """content * (integers . names) + constant, for coprime integers."""
    if not integers or not content:
        return Linear("1", constant) if constant else Linear("0", ONE)
    (p, q), (s, t) = fraction(content), fraction(constant)
    bottom = math.lcm(q, t)
    factor, bias = p * (bottom // q), s * (bottom // t)
    divisor = math.gcd(factor, bias) if factor > 0 else -math.gcd(factor, bias)
    if factor != divisor:
        integers = [n * (factor // divisor) for n in integers]
    constants = [numeral(rational(bias // divisor))] if bias else []
    return Linear(total(_products(integers, names) + constants), rational(divisor, bottom))


def _products(integers: list[int], names: list[str]) -> list[str]:
    if max(map(int.bit_length, integers)) > 10_000:  # CPython refuses to print integers of 4,300 digits
        return [times(numeral(rational(n)), name) for n, name in zip(integers, names, strict=True)]
    pairs = zip(integers, names, strict=True)
    return [name if n == 1 else f"(* {n} {name})" if n > 0 else f"(* (- {-n}) {name})" for n, name in pairs]


class Blocks:
    """The declarations and definitions that scripts begin with: one block a tensor, those that it needs before it."""

    def __init__(self) -> None:
        self.text: dict[str, str] = {}
        self.needs: dict[str, tuple[str, ...]] = {}
        self.constants: dict[str, dict[str, str]] = {}

    def add(
        self, key: str, about: str, needs: Iterable[str], constants: Mapping[str, str], lines: Iterable[str] = ()
    ) -> None:
        """A block: what it is about, the blocks before it, what its constants stand for, and its definitions."""
        declared = [f"(declare-const {name} Real)" for name in constants]
        self.text[key] = "".join(f"{line}\n" for line in [f"; {about}", *declared, *lines])
        self.needs[key], self.constants[key] = tuple(needs), dict(constants)

    def closure(self, keys: Iterable[str]) -> list[str]:
        """The keys of some blocks and of all that they need, in the order in which they were added."""
        wanted: set[str] = set()
        waiting = list(keys)
        while waiting:
            key = waiting.pop()
            if key not in wanted:
                wanted.add(key)
                waiting += self.needs[key]
        return [key for key in self.text if key in wanted]


class Half:
    """One network with its relations: the names of its units, and the terms that its nodes make of them.

    side       how messages name the network
    letters    those of its units and of its free unknowns
    relations  for all anchored tensors but the inputs
    classes    for each tensor that relations are over, the names of its classes
    """

    def __init__(
        self,
        side: str,
        letters: tuple[str, str],
        network: Network,
        relations: Mapping[str, Relation],
        classes: Mapping[str, Sequence[str]],
        blocks: Blocks,
    ) -> None:
        self.side, self.letters, self.network, self.relations = side, letters, network, relations
        self.classes, self.blocks = classes, blocks
        self.index = {name: i for i, name in enumerate(network.shapes)}
        self.known: dict[str, list[str]] = {}
        self.orders: dict[str, tuple[int, ...]] = {}
        self.free: set[str] = set()

    def key(self, tensor: str) -> str:
        """The block in which the names of the tensor's units are defined."""
        return f"{self.letters[0]}{self.index[tensor]}"

    def names(self, tensor: str) -> list[str]:
        """The names of the units of a tensor, defined when they are first asked for."""
        if tensor not in self.known:
            if tensor in self.relations:
                self.known[tensor] = self._anchored(tensor, self.relations[tensor])
            else:
                self.known[tensor] = self._derived(tensor)
        return self.known[tensor]

    def place_inputs(self, ports: Sequence[str], others: Sequence[str]) -> None:
        """Let the units of the inputs be the classes of inputs of the reduced network."""
        for name, other in zip(ports, others, strict=True):
            self.known[name] = list(self.classes[other])
            self.blocks.add(self.key(name), f"the input {name!a} of the {self.side} network", (f"q {other}",), {})

    def before(self, tensor: str, v: int) -> Linear:
        """Unit v as the node that defines the tensor computes it from the units below, before any activation."""
        return self._walk(tensor, v, anchored=False)

    def form(self, tensor: str, v: int) -> Linear:
        """Unit v by its name, if the tensor is anchored; else as its nodes compute it."""
        return self._walk(tensor, v, anchored=True)

    def below(self, tensor: str) -> str:
        """The tensor whose names `before` uses."""
        while isinstance(node := self.network.producer[tensor], Activate | Head | Reorder | Scale | Shift):
            tensor = node.source
            if self.is_anchored(tensor):
                return tensor
        return node.source

    def is_anchored(self, tensor: str) -> bool:
        """Whether the units of a tensor have names of their own: inputs, and tensors with a relation."""
        return tensor in self.relations or tensor not in self.network.producer

    def _walk(self, tensor: str, v: int, *, anchored: bool) -> Linear:
        factor, constant = ONE, ZERO
        while not (anchored and self.is_anchored(tensor)):
            node, anchored = self.network.producer[tensor], True
            if isinstance(node, Dense):
                columns, integers, content = integer_row(node.weight, v)
                names = self.names(node.source)
                bias = factor * node.bias[v] + constant
                return linear([names[u] for u in columns], integers, factor * content, bias)
            if isinstance(node, Scale):
                factor = factor * node.factor[v]
            elif isinstance(node, Shift):
                constant = constant + factor * node.constant[v]
            elif isinstance(node, Reorder):
                v = self._order(node)[v]
            tensor = node.source
        return linear([self.names(tensor)[v]], [1], factor, constant)

    def _order(self, node: Reorder) -> tuple[int, ...]:
        if node.target not in self.orders:
            self.orders[node.target] = node.order(self.network.shapes[node.source])
        return self.orders[node.target]

    def _unit(self, tensor: str, v: int, free: bool = False) -> str:
        return f"{self.letters[free]}{self.index[tensor]}_{v}"

    def _derived(self, tensor: str) -> list[str]:
        names = [self._unit(tensor, v) for v in range(self.network.units(tensor))]
        lines = [f"(define-fun {name} () Real {self.before(tensor, v).term})" for v, name in enumerate(names)]
        below = self.below(tensor)
        if below in self.free:
            self.free.add(tensor)
        about = f"{names[0]}, ...: the units of {self.side} {tensor!a}, made of those below"
        self.blocks.add(self.key(tensor), about, (self.key(below),), {}, lines)
        return names

    def _anchored(self, tensor: str, relation: Relation) -> list[str]:
        classes = self.classes[relation.over] if relation.over is not None else ()
        needs = (f"q {relation.over}",) if relation.over is not None else ()
        free = {v: self._unit(tensor, v, True) for v, row in enumerate(relation.rows) if isinstance(row, Free)}
        if free:
            self.free.add(tensor)
        if relation.is_identity:
            self.blocks.add(self.key(tensor), f"the units of {self.side} {tensor!a} are its classes", needs, {})
            return list(classes)
        names = [self._unit(tensor, v) for v in range(len(relation.rows))]
        terms = (_row_term(row, v, classes, free) for v, row in enumerate(relation.rows))
        lines = [f"(define-fun {name} () Real {term})" for name, term in zip(names, terms, strict=True)]
        about = f"{names[0]}, ...: the units of {self.side} {tensor!a}, as the certificate relates them to classes"
        meaning = {name: f"unit {v} of {self.side} {tensor!a}, which may be anything" for v, name in free.items()}
        self.blocks.add(self.key(tensor), about, needs, meaning, lines)
        return names


def _row_term(row: Row, v: int, classes: Sequence[str], free: Mapping[int, str]) -> str:
    """What a row says of its unit."""
    if isinstance(row, Free):
        return free[v]
    if isinstance(row, Same):
        return times(numeral(row.factor), free[row.unit])
    return total([*(times(numeral(c), classes[k]) for k, c in row.terms), *([numeral(row.plus)] if row.plus else [])])
