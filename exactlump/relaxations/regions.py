# SPDX-License-Identifier: Apache-2.0
"""This file is about where a linear combination may stand for a neuron: the closed form of the relaxation.

Neuron t has the row S = sum r_i * l_i before its activation sigma, a (leaky) ReLU of slope a.  Then

    sum r_i * sigma(l_i) - sigma(S) = (1-a)/2 * (sum r_i * |l_i| - |S|)                                        (T7)

which is the *defect*: the merged network is right where it is 0.  On a domain that is a product of intervals, a row
whose sign is the same throughout is *stable*, and its absolute value is affine there.  So the defect is 0 on all of
the domain exactly if, for every hyperplane that meets its interior, the coefficients of |l_H| of all rows on it add up
to 0, and what the stable rows leave is 0.  (The argument is that of `dichotomy.py`: a point of H in the interior, on
none of the other hyperplanes.)  Without bounds only constant rows are stable.

On a cell, where every row has a given sign, the defect is affine.  Its zeros are the whole cell, or lie in a
hyperplane: the cells of the first kind are the *region*; outside it the merged network is right on a set of
measure zero at most.

Throughout: z coordinates of the domain; l_i, S rows; r_i coefficients.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product

from exactlump.numbers.rational import ONE, ZERO, Rational, Vector
from exactlump.points.affine import Row, combination
from exactlump.points.boxes import Box
from exactlump.points.hyperplanes import Plane, plane_of
from exactlump.smt.smtlib import numeral
from exactlump.smt.solve import answers
from exactlump.smt.terms import times, total


@dataclass(frozen=True)
class Combination:
    """A neuron whose row is sum coefficients[i] * rows[i], on a domain; all have the same leaky ReLU."""

    coefficients: Vector
    rows: tuple[Row, ...]
    slope: Rational
    box: Box

    @cached_property
    def parts(self) -> tuple[tuple[Rational, Row], ...]:
        """The c and l of sum c * |l| = sum r_i * |l_i| - |S|, with coordinates that the domain fixes put in."""
        whole = combination(zip(self.coefficients, self.rows, strict=True))
        pairs = [*zip(self.coefficients, self.rows, strict=True), (-ONE, whole)]
        return tuple((c, fixed(row, self.box)) for c, row in pairs)

    def defect(self, z: Sequence[Rational]) -> Rational:
        """What the merged network adds to the neuron's value, at a point."""
        return (ONE - self.slope) / 2 * sum((c * abs(row(z)) for c, row in self.parts), ZERO)

    def remainder(self) -> tuple[dict[Plane, Rational], Row]:
        """The defect on the domain as sum kappa_H * |l_H| + an affine function, times 2 / (1-a); no kappa_H is 0."""
        kinks: dict[Plane, Rational] = {}
        stable: list[tuple[Rational, Row]] = []
        for c, row in self.parts:
            low, high = bounds(row, self.box)
            if low is not None and low >= 0:
                stable.append((c, row))
            elif high is not None and high <= 0:
                stable.append((-c, row))
            else:
                plane, factor = plane_of(row.weights, row.constant)
                kinks[plane] = kinks.get(plane, ZERO) + c * abs(factor)
        return {plane: kappa for plane, kappa in kinks.items() if kappa}, combination(stable)

    @property
    def is_exact(self) -> bool:
        """Whether the merged network is right on the whole domain."""
        if self.slope == 1:
            return True
        kinks, affine = self.remainder()
        return not kinks and affine.is_zero

    @property
    def offset(self) -> Rational | None:
        """The defect, where it is a constant: the next bias repairs it."""
        kinks, affine = self.remainder()
        return None if kinks or affine.weights else (ONE - self.slope) / 2 * affine.constant


def fixed(row: Row, box: Box) -> Row:
    """The row, with the coordinates that have one value only put in."""
    weights, constant = {}, row.constant
    for i, w in row.weights.items():
        if box.lower[i] is not None and box.lower[i] == box.upper[i]:
            constant = constant + w * box.lower[i]
        else:
            weights[i] = w
    return Row(weights, constant)


def bounds(row: Row, box: Box) -> tuple[Rational | None, Rational | None]:
    """The least and the largest value on a box; None where there is none."""
    low: Rational | None = row.constant
    high: Rational | None = row.constant
    for i, w in row.weights.items():
        ends = (box.lower[i], box.upper[i]) if w > 0 else (box.upper[i], box.lower[i])
        low = None if low is None or ends[0] is None else low + w * ends[0]
        high = None if high is None or ends[1] is None else high + w * ends[1]
    return low, high


@dataclass(frozen=True, slots=True)
class Cell:
    """Where the rows of the sources, and the row S of the target, have these signs (1: >= 0, -1: <= 0)."""

    sources: tuple[int, ...]
    target: int


def region(combination_: Combination, seconds: float = 10.0) -> list[Cell] | None:
    """The cells with interior points in the domain on which the defect is 0; None when Z3 gave no answer."""
    candidates = [signs for signs in _sign_vectors(combination_.parts) if _is_zero_on(combination_, signs)]
    rows = [row for _, row in combination_.parts]
    checks = [f"(push 1)\n{_interior(rows, signs)}\n(check-sat)\n" for signs in candidates]
    found = [answer.word for answer in answers("z3", domain_script(rows, combination_.box), checks, (), seconds)]
    if "unknown" in found:
        return None
    return [Cell(signs[:-1], signs[-1]) for signs, word in zip(candidates, found, strict=True) if word == "sat"]


def _sign_vectors(parts: Sequence[tuple[Rational, Row]]) -> Iterator[tuple[int, ...]]:
    """All signs of the rows; a constant has its own."""
    return product(*((1, -1) if row.weights else ((1,) if row.constant >= 0 else (-1,)) for _, row in parts))


def _is_zero_on(combination_: Combination, signs: tuple[int, ...]) -> bool:
    """Whether the defect is the zero function where the rows have these signs."""
    parts = zip(combination_.parts, signs, strict=True)
    return combination_.slope == 1 or combination((c * sign, row) for (c, row), sign in parts).is_zero


def _interior(rows: Sequence[Row], signs: tuple[int, ...]) -> str:
    """Strict signs: the inside of a cell."""
    return "\n".join(
        f"(assert ({'>' if sign > 0 else '<'} y{i} 0))"
        for i, (row, sign) in enumerate(zip(rows, signs, strict=True))
        if row.weights
    )


def used_coordinates(rows: Sequence[Row]) -> list[int]:
    """The coordinates that some row reads."""
    return sorted({i for row in rows for i in row.weights})


def domain_script(rows: Sequence[Row], box: Box, *, strict: bool = True) -> str:
    """SMT-LIB text: a constant z<i> for each coordinate that is read, its bounds, and y<k> for the value of row k."""
    lines = ["(set-logic QF_LRA)"]
    operators = ("<", "<") if strict else ("<=", "<=")
    for i in used_coordinates(rows):
        lines.append(f"(declare-const z{i} Real)")
        low, high = box.lower[i], box.upper[i]
        lines += [f"(assert ({operators[0]} {numeral(low)} z{i}))"] if low is not None else []
        lines += [f"(assert ({operators[1]} z{i} {numeral(high)}))"] if high is not None else []
    return "\n".join([*lines, *(f"(define-fun y{k} () Real {row_term(row)})" for k, row in enumerate(rows)), ""])


def row_term(row: Row) -> str:
    """A row as an SMT-LIB term over the constants z<i>; 0.0 tells solvers that it is a real number."""
    parts = [times(numeral(w), f"z{i}") for i, w in sorted(row.weights.items())]
    return total([*(parts or ["0.0"]), *([numeral(row.constant)] if row.constant else [])])
