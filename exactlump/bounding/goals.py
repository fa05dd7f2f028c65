# SPDX-License-Identifier: Apache-2.0
"""This file is about what is claimed of two networks on a domain, and what each box of it must meet.

max         every output differs by at most epsilon
per-output  output o differs by at most epsilon[o]
l1          the sizes of the differences of all outputs sum up to at most epsilon
margins     (A_y - A_j) - (B_y - B_j) is at most epsilon[y, j], for all pairs y, j of outputs, listed row by row
decision    both networks decide `index`: every other output is less
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, permutations
from typing import Any

from exactlump.errors import FormatError
from exactlump.numbers.rational import ZERO, Rational, fraction, rational, text

WHOLE = 1 << 40
METRICS = ("max", "per-output", "l1", "margins")


@dataclass(frozen=True, slots=True)
class Demand:
    """That a combination of outputs, of a family, lies between two integers over 2^40 (None: no end)."""

    family: str
    number: int
    least: int | None
    most: int | None


@dataclass(frozen=True)
class Claim:
    """What is claimed, for so many outputs.  Raises FormatError for numbers that do not fit."""

    outputs: int
    metric: str
    epsilon: tuple[Rational, ...] = ()
    index: int | None = None
    rounding: bool = False

    def __post_init__(self) -> None:
        if self.metric == "decision":
            if self.index is None or not 0 <= self.index < self.outputs:
                raise FormatError(f"decision: found output {self.index}, expected one of {self.outputs}")
            return
        if self.metric not in METRICS:
            raise FormatError(f"metric: found {self.metric!r}, expected one of {', '.join(METRICS)}, decision")
        expected = {"per-output": self.outputs, "margins": self.outputs * (self.outputs - 1)}.get(self.metric, 1)
        if len(self.epsilon) != expected:
            raise FormatError(f"epsilon: found {len(self.epsilon)} numbers, expected {expected}")
        if any(e < 0 for e in self.epsilon):
            raise FormatError("epsilon: found a negative number")

    @property
    def combinations(self) -> list[tuple[int, ...]]:
        """The combinations of outputs that the claim is about: one output, or the difference of two."""
        if self.index is not None:
            return [(self.index, o) for o in range(self.outputs) if o != self.index]
        if self.metric == "margins":
            return list(combinations(range(self.outputs), 2))
        return [(o,) for o in range(self.outputs)]

    def demands(self, errors: Sequence[Sequence[int]] = ()) -> list[Demand]:
        """What each box must meet; `errors`: how far off machines are, output by output, of N and of N', over 2^40."""
        off = [
            [sum(side[o] for o in pair) for pair in self.combinations] for side in errors or [[0] * self.outputs] * 2
        ]
        if self.index is not None:
            return [Demand(f, t, 1 + e, None) for f, side in zip("ab", off, strict=True) for t, e in enumerate(side)]
        both = [x + y for x, y in zip(*off, strict=True)]
        if self.metric == "l1":
            return [Demand("d", t, None, None) for t in range(self.outputs)]
        return [
            Demand("d", t, e - low, high - e)
            for t, ((low, high), e) in enumerate(zip(self._sides(), both, strict=True))
        ]

    def total(self, errors: Sequence[Sequence[int]] = ()) -> int | None:
        """For `l1`: the most that the sizes of all differences may sum up to on a box."""
        return floored(self.epsilon[0]) - sum(map(sum, errors)) if self.metric == "l1" else None

    def _sides(self) -> list[tuple[int, int]]:
        epsilon = [floored(e) for e in self.epsilon]
        if self.metric == "margins":
            margin = dict(zip(permutations(range(self.outputs), 2), epsilon, strict=True))
            return [(margin[j, y], margin[y, j]) for y, j in combinations(range(self.outputs), 2)]
        return [(e, e) for e in (epsilon if self.metric == "per-output" else epsilon * self.outputs)]

    def is_broken(self, gaps: Sequence[Rational]) -> bool:
        """Whether exact sizes of the combinations, each at some input, show that the claim is wrong."""
        if self.index is not None:
            return False
        if self.metric == "margins":
            sides = dict(zip(permutations(range(self.outputs), 2), self.epsilon, strict=True))
            limits = tuple(max(sides[y, j], sides[j, y]) for y, j in self.combinations)
            return any(gap > limit for gap, limit in zip(gaps, limits, strict=True))
        if self.metric == "l1":
            return bool(max(gaps) > self.epsilon[0])
        limits = self.epsilon if self.metric == "per-output" else self.epsilon * self.outputs
        return any(gap > limit for gap, limit in zip(gaps, limits, strict=True))

    def json(self, domain: dict[str, Any], specification: str) -> dict[str, Any]:
        """As a certificate has it."""
        where = {
            "domain": domain,
            "specification": specification,
            "arithmetic": "float32" if self.rounding else "reals",
        }
        if self.index is not None:
            return {"criterion": "decision", "index": self.index, **where}
        return {"criterion": "approximate", "metric": self.metric, "epsilon": [*map(text, self.epsilon)], **where}


def epsilons(given: Any, metric: str, outputs: int) -> tuple[Rational, ...]:
    """A number, or several, as rationals; for None so many zeros as the metric has."""
    if given is not None:
        return tuple(map(rational, given if isinstance(given, list | tuple) else [given]))
    return (ZERO,) * {"per-output": outputs, "margins": outputs * (outputs - 1)}.get(metric, 1)


def floored(value: Rational) -> int:
    """A number over 2^40, rounded down."""
    p, q = fraction(value)
    return p * WHOLE // q
