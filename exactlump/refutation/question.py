# SPDX-License-Identifier: Apache-2.0
"""This file is about questions on two networks a and b: what counts as a difference of their outputs at one input.

    different   some output differs
    epsilon     some output differs by more than epsilon
    argmax      the decision differs: no output is a largest one of both networks, so that they disagree however ties
                are broken
    index       the index of the first largest output differs: what networks that end in ArgMax compute

Each is decided exactly; each also has a score in floats, larger where a difference is nearer, and a form for solvers.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from exactlump.errors import FormatError
from exactlump.numbers.rational import Rational, text
from exactlump.points.floating import Floats, number
from exactlump.points.limbs import Numbers
from exactlump.smt.smtlib import numeral

_WORDS = {
    "different": "does some output differ?",
    "epsilon": "",
    "argmax": "does the decision differ?",
    "index": "does the index of the largest output differ?",
}


@dataclass(frozen=True, slots=True)
class Question:
    """`kind` is one of the above; `epsilon` goes with it."""

    kind: str = "different"
    epsilon: Rational | None = None

    def __post_init__(self) -> None:
        if self.kind not in _WORDS or (self.kind == "epsilon") != (self.epsilon is not None):
            raise FormatError(f"question: found {self.kind!r}, expected different, epsilon (with a number) or argmax")
        if self.epsilon is not None and self.epsilon < 0:
            raise FormatError(f"epsilon: found {text(self.epsilon)}, expected a number that is not negative")

    def __str__(self) -> str:
        """The question in words."""
        if self.kind == "epsilon":
            return f"does some output differ by more than {text(self.epsilon)}?"
        return _WORDS[self.kind]

    @property
    def is_about_decisions(self) -> bool:
        """Whether only the order of the outputs counts."""
        return self.kind in ("argmax", "index")

    def separates(self, a: Numbers, b: Numbers) -> bool:
        """Whether exact outputs of the two networks differ as the question asks."""
        if self.kind == "argmax":
            return not (_largest(a) & _largest(b))
        if self.kind == "index":
            return min(_largest(a)) != min(_largest(b))
        gap = largest_gap(a, b)
        return bool(gap) if self.epsilon is None else bool(gap > self.epsilon)

    def score(self, a: Floats, b: Floats) -> tuple[Floats, Floats, Floats]:
        """For a batch of outputs (N, outputs): a number that is positive where they differ, and its gradients."""
        rows = np.arange(len(a))
        to_a, to_b = np.zeros_like(a), np.zeros_like(b)
        if not self.is_about_decisions:
            k = np.abs(a - b).argmax(axis=1)
            gap = a[rows, k] - b[rows, k]
            to_a[rows, k], to_b[rows, k] = np.sign(gap), -np.sign(gap)
            return np.abs(gap) - (number(self.epsilon) if self.epsilon is not None else 0.0), to_a, to_b
        i = a.argmax(axis=1)
        others = b.copy()
        others[rows, i] = -np.inf
        j = others.argmax(axis=1)
        ahead, behind = a[rows, i] - a[rows, j], b[rows, j] - b[rows, i]
        lead = ahead < behind
        to_a[rows, i], to_a[rows, j] = lead, -1.0 * lead
        to_b[rows, j], to_b[rows, i] = ~lead, -1.0 * ~lead
        return np.minimum(ahead, behind), to_a, to_b

    def assertions(self, a: Sequence[str], b: Sequence[str]) -> list[str]:
        """SMT-LIB commands that say that the outputs, named by terms, differ as the question asks."""
        pairs = list(zip(a, b, strict=True))
        if self.kind == "argmax":
            declared = [f"(declare-const most_{side} Real)" for side in "ab"]
            bounds = [
                f"(assert (and (or {_all('=', side, outputs)}) (and {_all('>=', side, outputs)})))"
                for side, outputs in (("a", a), ("b", b))
            ]
            apart = " ".join(f"(or (< {y} most_a) (< {z} most_b))" for y, z in pairs)
            return [*declared, *bounds, f"(assert (and {apart} true))"]
        if self.kind == "index":
            both = " ".join(f"(and {_first(a, k)} {_first(b, k)})" for k in range(len(a)))
            return [f"(assert (not (or false {both})))"]
        if self.epsilon is None:
            return [f"(assert (not (and true {' '.join(f'(= {y} {z})' for y, z in pairs)})))"]
        bound = numeral(self.epsilon)
        apart = " ".join(f"(> (- {y} {z}) {bound}) (> (- {z} {y}) {bound})" for y, z in pairs)
        return [f"(assert (or {apart}))"]


def largest_gap(a: Numbers, b: Numbers) -> Rational:
    """The largest difference of two outputs, exactly."""
    return max(abs(y - z) for y, z in zip(a.rationals, b.rationals, strict=True))


def decision(values: Sequence[Rational]) -> int:
    """The index of the first largest value."""
    return max(range(len(values)), key=lambda k: (values[k], -k))


def _largest(values: Numbers) -> set[int]:
    """Which entries are largest."""
    tops = values.tops.tolist()
    most = max(tops)
    return {k for k, top in enumerate(tops) if top == most}


def _all(relation: str, side: str, outputs: Sequence[str]) -> str:
    return " ".join(f"({relation} most_{side} {y})" for y in outputs)


def _first(outputs: Sequence[str], k: int) -> str:
    """That output k is the first of the largest ones."""
    others = (f"({'>' if i < k else '>='} {outputs[k]} {y})" for i, y in enumerate(outputs) if i != k)
    return f"(and true {' '.join(others)})"
