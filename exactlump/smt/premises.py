# SPDX-License-Identifier: Apache-2.0
"""This file is about premises: what the values of classes are known to obey, whatever the rows of a certificate say.

Class k of a tensor has the value q_k = sigma(C(k)), by its definition (docs/trust.md): nothing of what is to be shown
is used here.  Two sets of premises are made for the constants of a script, and for those that these need.

    signs  q_k >= 0 where sigma has no negative values, q_k = C(k) of the identity, q_k >= what a tap of a max-pool
           sees, unknowns >= 0 of units whose function has no negative values; what linear operators with weights >= 0
           make of these
    boxes  the ends of the inputs of one box, and for each ReLU q_k >= 0, q_k >= C(k), q_k below its chord between
           bounds that are obligations of their own; or, without bounds, q_k = sigma(C(k)) itself
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from exactlump.errors import UnsupportedLayer
from exactlump.lumping.kinks import never_negative
from exactlump.lumping.simulations import Free
from exactlump.network.activations import IDENTITY, RELU, Activation
from exactlump.network.kinds import Function, HeadKind, Largest
from exactlump.numbers.rational import ONE, Rational
from exactlump.smt.assertions import SIGNS, box_name
from exactlump.smt.blocks import CLASSES, ONES, Key
from exactlump.smt.functions import applied
from exactlump.smt.laws import Law
from exactlump.smt.lifting import Path, seen
from exactlump.smt.smtlib import numeral
from exactlump.smt.structure import Claims, Ends, Sign, Term
from exactlump.smt.substitution import Half
from exactlump.smt.terms import Linear, times

# Of one box: the bounds of the classes of each tensor of the reduced network, before their functions.
Bounds: TypeAlias = Mapping[str, tuple[tuple[Rational, Rational], ...]]


class Class(NamedTuple):
    """A class with a path of lifts after it, by its name in scripts."""

    name: str
    tensor: str
    k: int
    path: Path


class Premises:
    """The premises of the scripts of a certificate.

    bounds     of each box; None: classes are what their functions make of what is below them
    shown      the tensors whose bounds are claims themselves
    functions  those that stand in the premises of the script that was made last
    relaxed    whether those say less of a class than what it is
    """

    def __init__(self, claims: Claims, bounds: Sequence[Bounds] | None) -> None:
        self.claims, self.bounds, self.shown = claims, bounds, set[str]()
        self.begin()

    def begin(self) -> None:
        """Another script."""
        self.functions, self.relaxed = set[Function](), False

    # Laws.

    def laws(self, signs: Iterable[Sign]) -> Iterator[Law]:
        """The laws that the premises of some claims rest on."""
        boxed, known = [sign for sign in signs if sign.box is not None], [sign for sign in signs if sign.box is None]
        if any(sign.facts for sign in known):
            yield Law("above", RELU)
        for sigma in self._positive() if known else ():
            yield Law("positive", sigma)
        if boxed and self.bounds is not None:
            yield from (Law(kind, RELU) for kind in ("linear", "zero", "positive", "above", "chord"))

    def _positive(self) -> Iterator[Function]:
        """The functions without negative values of classes, and of units that may be anything."""
        for tensor, anchor in self.claims.anchors.items():
            for v in anchor.leaders:
                yield from self._if_positive(self.claims.reduced, tensor, v)
        for half in (self.claims.original, self.claims.reduced):
            for tensor, relation in half.relations.items():
                for v, row in enumerate(relation.rows):
                    if isinstance(row, Free):
                        yield from self._if_positive(half, tensor, v)

    def _if_positive(self, half: Half, tensor: str, v: int) -> Iterator[Function]:
        sigma = half.network.producer[tensor].function(v)
        if isinstance(sigma, Activation) and never_negative(sigma):
            yield sigma

    # Signs.

    def signs(self, keys: Iterable[Key]) -> tuple[str, set[Key]]:
        """The definition of `known` for the constants of some blocks, and the blocks that it needs."""
        return self._defined(SIGNS, keys, self._sign)

    def _defined(
        self, name: str, keys: Iterable[Key], premise: Callable[[Class], tuple[list[str], frozenset[Key]]]
    ) -> tuple[str, set[Key]]:
        wanted, done, parts = {*keys}, set[str](), list[str]()
        while True:
            closure = self.claims.blocks.closure(wanted)
            new = [found for key in closure for found in self._constants(key) if found.name not in done]
            if not new:
                break
            for found in new:
                done.add(found.name)
                more, needs = premise(found)
                parts += more
                wanted |= needs
        return f"(define-fun {name} () Bool (and true {' '.join(parts)}))", wanted

    def _constants(self, key: Key) -> Iterator[Class]:
        """The constants of a block."""
        kind, index, number = key
        path = self.claims.blocks.path(number)
        for name in self.claims.blocks.all[key].constants:
            if kind == ONES:
                yield Class(name, "", 0, path)
                continue
            half = self.claims.reduced if kind == CLASSES else self._half(name)
            unit = int(name.split("_")[1].split(".")[0])
            yield Class(name, half.tensors[index], unit, path)

    def _half(self, name: str) -> Half:
        """The half of an unknown, by its letters."""
        halves = (self.claims.original, self.claims.reduced, self.claims.other)
        return next(half for half in halves if name.startswith(half.letters[1]))

    def _sign(self, one: Class) -> tuple[list[str], frozenset[Key]]:
        """What is known of the sign of a constant, and of those that it is no less than."""
        if not one.tensor:
            return [f"(>= {one.name} 0)"], frozenset()
        if not one.name.startswith("q"):
            half = self._half(one.name)
            return ([f"(>= {one.name} 0)"] if [*self._if_positive(half, one.tensor, one.k)] else []), frozenset()
        sigma = self._function(one)
        if sigma == IDENTITY and isinstance(sigma, Activation):
            line = self._line(one)
            return [f"(= {one.name} {line.term})"], line.needs
        if isinstance(sigma, Largest):
            line = self._line(one, seen(sigma.window, 0))
            return [f"(>= {one.name} {line.term})"], line.needs
        positive = sigma == "softmax" or (isinstance(sigma, Activation) and never_negative(sigma))
        return ([f"(>= {one.name} 0)"] if positive else []), frozenset()

    def _function(self, one: Class) -> Function | HeadKind | None:
        """The function of a class; None of an input."""
        anchor = self.claims.anchors.get(one.tensor)
        return anchor.node.function(anchor.leaders[one.k]) if anchor is not None else None

    def _line(self, one: Class, before: Path = ()) -> Linear:
        """C(k), with lifts after it."""
        anchor = self.claims.anchors[one.tensor]
        line = self.claims.reduced.before(one.tensor, anchor.leaders[one.k], (*before, *one.path))
        return line.scaled(ONE / anchor.ratios[one.k])

    # Boxes.

    def box(self, i: int, keys: Iterable[Key]) -> tuple[str, set[Key]]:
        """The definition of the premises of a box for the constants of some blocks, and the blocks that it needs."""
        return self._defined(box_name(i), keys, lambda one: self._on_box(i, one))

    def _on_box(self, i: int, one: Class) -> tuple[list[str], frozenset[Key]]:
        if one.path:
            raise UnsupportedLayer("prove: found a row on a domain above images, of which no obligation speaks yet")
        sigma = self._function(one) if one.name.startswith("q") else None
        if sigma is None:
            return self._ends(i, one), frozenset()
        if self.bounds is None and not isinstance(sigma, str | Largest):
            line = self._line(one)
            self.functions.add(sigma)
            return [f"(= {one.name} {applied(sigma, line.term)})"], line.needs
        if sigma == RELU and self.bounds is not None:
            assert one.tensor in self.shown, one.tensor
            line = self._line(one)
            low, high = self.bounds[i][one.tensor][one.k]
            self.relaxed |= low < 0 < high
            return _relu(one.name, line.term, low, high), line.needs
        self.relaxed |= sigma != IDENTITY
        return self._sign(one)

    def _ends(self, i: int, one: Class) -> list[str]:
        """The ends of an element of an input; nothing for an unknown."""
        if one.tensor not in self.claims.reduced.inputs:
            return []
        low, high = self.claims.boxes[i][self._place(one)]
        parts = [f"(<= {numeral(low)} {one.name})"] if low is not None else []
        return parts + ([f"(<= {one.name} {numeral(high)})"] if high is not None else [])

    def _place(self, one: Class) -> int:
        """The place of an element of an input among those of all."""
        network, start = self.claims.reduced.network, 0
        for port in network.inputs:
            if port.name == one.tensor:
                break
            start += network.units(port.name)
        return start + one.k


def _relu(name: str, line: str, low: Rational, high: Rational) -> list[str]:
    """What is known of a ReLU of a line between two bounds."""
    if low >= 0:
        return [f"(= {name} {line})"]
    if high <= 0:
        return [f"(= {name} 0)"]
    chord = f"(<= {times(numeral(high - low), name)} {times(numeral(high), f'(- {line} {numeral(low)})')})"
    return [f"(>= {name} 0)", f"(>= {name} {line})", chord]


def bounds_of(claims: Claims, i: int, bounds: Bounds, tensor: str) -> Iterator[Ends]:
    """The claims that the bounds of the ReLU classes of a tensor hold on a box."""
    anchor, at = claims.anchors[tensor], f"on box {i}"
    for k, v in enumerate(anchor.leaders):
        if anchor.node.function(v) == RELU:
            words = f"reduced {tensor!a}, class {k}: before its function between its bounds, {at}"
            left, scale = Term(claims.reduced, tensor, v), ONE / anchor.ratios[k]
            yield Ends("bounds", words, left, scale, *bounds[tensor][k], i)
