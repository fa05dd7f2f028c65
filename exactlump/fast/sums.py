# SPDX-License-Identifier: Apache-2.0
"""This file is about the rows of a layer above a merge: exact weighted sums of the columns of a float matrix.

An entry is a sum of g * W[v, u] over the units u of one class, with coprime integers g: the class's own scale does not
matter, as it is the same in every row.  A sum is formed in float64 and each step tested for exactness; an entry that
failed is formed in rationals, and is NaN in the blocks when it is no float64.  Whatever meets a NaN is then decided
in rationals, so that few such entries cost little and many cost what the exact engine costs.

Throughout: v rows, u columns of the matrix W; k a class, or the last column, which holds the biases.
"""

import math
from collections.abc import Callable, Sequence
from itertools import takewhile
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from exactlump.fast.arithmetic import Arithmetic, Double, Flags, Floats, Ints, two_product
from exactlump.fast.sources import EQUAL, SIGN, SIGNED, equal_rows, first_nonzero, parts
from exactlump.numbers.floats import fits
from exactlump.numbers.rational import (
    ONE,
    ZERO,
    Rational,
    Vector,
    floor_log2,
    fraction,
    power_of_two,
    primitive,
    rational,
)

# What a class is the sum of: columns, each with its coefficient.
Terms: TypeAlias = Sequence[tuple[int, Rational]]
# Some rows of the matrix, as a function of the columns that are wanted.
Taker: TypeAlias = Callable[[Ints], NDArray[np.floating]]
# A rank with at least so many members is added in one step for all classes.
_MANY = 64


class _Members:
    """Some columns with their coefficients, whose products are exact but for the `long` ones."""

    def __init__(self, pairs: Sequence[tuple[int, int]], dtype: np.dtype[np.floating]) -> None:
        self.column = np.array([u for u, _ in pairs], np.int64)
        self.weight = np.array([g for _, g in pairs], np.float64)
        digits = {2: 11, 4: 24, 8: 53}[dtype.itemsize]
        self.long = np.array([_odd(g).bit_length() > max(1, 53 - digits) for _, g in pairs], np.bool_)

    def products(self, taken: Taker, start: int, stop: int) -> tuple[Floats, Flags]:
        """The products of some columns with their coefficients, row by row, and where they may be rounded."""
        x, g = taken(self.column[start:stop]).astype(np.float64), self.weight[start:stop]
        if not self.long[start:stop].any():
            with np.errstate(over="ignore"):
                x *= g
            return x, np.zeros(x.shape, np.bool_)
        with np.errstate(over="ignore", invalid="ignore"):
            h, e = two_product(x, np.broadcast_to(g, x.shape))
        size = np.abs(h)
        return h, (e != 0) | ((size < 2.0**-900) & (x != 0)) | ~(size < 2.0**900)


class Sums:
    """The rows sum of terms[k], and bias[v] + the sum of `constants`, for the kernel; see `Source`."""

    def __init__(
        self, matrix: NDArray[np.floating], terms: Sequence[Terms], constants: Terms, bias: Vector, sorts: Ints
    ) -> None:
        """Raises OverflowError when a coefficient, made integer, is too large for exact products."""
        self.matrix = matrix
        self.sorts = sorts
        self.shape = (matrix.shape[0], len(terms) + 1)
        self.arithmetic: Arithmetic = Double()
        held, self.multiplier = _held(constants)
        # By falling size, so that the classes with a member of some rank are the first ones; any order will do.
        order = sorted(range(len(terms)), key=lambda k: -len(terms[k]))
        self.place = np.argsort(order)  # of each class, its column here
        self.terms = [*(_integers(terms[k]) for k in order), held]
        if any(abs(g) >= 2**900 or _odd(g) >= 2**53 for some in self.terms for _, g in some):
            raise OverflowError("a coefficient is too large")
        self._arrange()
        self.exact_bias = [self.multiplier * b for b in bias]
        self.rough = np.zeros(matrix.shape[0], np.bool_)
        self.leads: dict[int, Rational] = {}
        self.bias = np.concatenate([self._biases(part) for part in parts(matrix.shape[0], len(held) + 1)])

    def _arrange(self) -> None:
        """The r-th members of all classes that have one, while they are many; the rest of the few large classes."""
        *classes, held = self.terms
        ranks: list[list[tuple[int, int]]] = []
        for members in classes:
            for r, member in enumerate(members):
                if r == len(ranks):
                    ranks.append([])
                ranks[r].append(member)
        ranks = ranks[:1] + [rank for rank in ranks[1:] if len(rank) >= _MANY]
        tails = (members[len(ranks) :] for members in classes)
        self.ranks = [_Members(rank, self.matrix.dtype) for rank in ranks]
        self.tails = [_Members(tail, self.matrix.dtype) for tail in takewhile(len, tails)]
        self.held = _Members(held, self.matrix.dtype)

    def first_weights(self) -> list[int]:
        """For each class, in the order given, the integer that stands for its first coefficient."""
        return [self.terms[place][0][1] for place in self.place.tolist()]

    def window(self, rows: Ints, starts: Ints, width: int) -> Floats:
        """See `Source`."""
        x = np.zeros((rows.size, width))
        for start in np.unique(starts).tolist():
            some = np.flatnonzero(starts == start)
            stop = min(start + width, self.shape[1])
            if start < stop:
                x[some, : stop - start] = self._entries(rows[some], start, stop)
        return x

    def block(self, rows: Ints, start: int, stop: int, out: Floats) -> Floats:
        """See `Source`; `out` is not used."""
        return self._entries(rows, start, stop)

    def pivots(self, rows: Ints) -> Ints:
        """See `Source`."""
        return first_nonzero(lambda some, start, stop: self._entries(some, start, stop) != 0, rows, self.shape[1])

    def equal_rows(self, left: Ints, s: Floats | None, right: Ints, t: Floats) -> Flags:
        """See `Source`; pairs that met a NaN are decided in rationals."""
        found = equal_rows(self, left, s, right, t)
        for i in np.flatnonzero(~found & (self.rough[left] | self.rough[right])).tolist():
            v, w = int(left[i]), int(right[i])
            a, b = self.lead(v), self.lead(w)
            found[i] = all(self.exact(v, k) * b == self.exact(w, k) * a for k in range(self.shape[1]))
        return found

    def mend(self, planes: tuple[Floats, ...], rows: Ints, starts: Ints) -> None:
        """See `Source`: the keys of Lemma Q2 are functions of the exact quotient."""
        for i, j in np.argwhere(np.isnan(planes[0])).tolist():
            v, k = int(rows[i]), int(starts[i]) + j
            value = self.exact(v, k) if k < self.shape[1] else ZERO
            for plane, number in zip(planes, _keys(value / self.lead(v)), strict=True):
                plane[i, j] = number

    def lead(self, v: int) -> Rational:
        """The exact lead of a row that is not zero."""
        if v not in self.leads:
            first = self.exact(v, int(self.pivots(np.array([v]))[0]))
            factors, sign = self.sorts[v] % 4, ONE if first > 0 else -ONE
            self.leads[v] = {EQUAL: ONE, SIGN: sign, SIGNED: first}.get(factors, abs(first))
        return self.leads[v]

    def constant(self, v: int) -> Rational:
        """The bias of a row, with the constants below."""
        bias = float(self.bias[v])
        return (self.exact(v, self.shape[1] - 1) if math.isnan(bias) else rational(bias)) / self.multiplier

    def exact(self, v: int, k: int) -> Rational:
        """One entry."""
        total = self.exact_bias[v] if k == self.shape[1] - 1 else ZERO
        for u, g in self.terms[k]:
            if self.matrix[v, u]:
                total += g * rational(float(self.matrix[v, u]))
        return total

    def _entries(self, rows: Ints, start: int, stop: int) -> Floats:
        """The columns from start to stop of some rows, NaN where an entry is no float64."""
        inside = min(stop, self.shape[1] - 1)
        total, wrong = np.zeros((rows.size, stop - start)), np.zeros((rows.size, stop - start), np.bool_)
        if inside < stop:
            total[:, -1] = self.bias[rows]
        taken = self._taker(rows, inside - start)
        for r, rank in enumerate(self.ranks):
            part, rough = rank.products(taken, start, inside)
            width = part.shape[1]
            if width == 0:
                break
            before = total[:, :width].copy() if r else part
            after = before + part if r else part
            if r:
                rough |= _rounded(before, part, after)
            total[:, :width] = after
            wrong[:, :width] |= rough
        for k, tail in enumerate(self.tails[start:inside]):
            total[:, k], rough = _chain(total[:, k], *tail.products(taken, 0, tail.column.size))
            wrong[:, k] |= rough
        if wrong.any():
            self._mend_sums(total, wrong, rows, start)
        return total

    def _taker(self, rows: Ints, width: int) -> Taker:
        """Whole rows are copied once, where many of their columns will be wanted."""
        if 8 * width < self.shape[1]:
            return lambda columns: self.matrix[rows[:, None], columns]
        here = self.matrix[rows]
        return lambda columns: here.take(columns, axis=1)

    def _mend_sums(self, total: Floats, wrong: Flags, rows: Ints, start: int) -> None:
        """Form the entries that may be wrong again in rationals."""
        for i, j in np.argwhere(wrong).tolist():
            total[i, j] = _float(self.exact(int(rows[i]), start + j))
        self.rough[rows[np.isnan(total).any(axis=1)]] = True

    def _biases(self, part: slice) -> Floats:
        """The last column of some rows; NaN where it is no float64."""
        rows = np.arange(self.shape[0])[part]
        first = np.array([_float(b) for b in self.exact_bias[part]])
        total, wrong = _chain(first, *self.held.products(self._taker(rows, 0), 0, self.held.column.size))
        self._mend_sums(total[:, None], (wrong | np.isnan(first))[:, None], rows, self.shape[1] - 1)
        return total


def _chain(first: Floats, values: Floats, rough: Flags) -> tuple[Floats, Flags]:
    """first + the sum of each row of `values`, from left to right, and whether any step may be rounded."""
    steps = np.concatenate([first[:, None], values], axis=1)
    with np.errstate(over="ignore", invalid="ignore"):
        np.cumsum(steps, axis=1, out=steps)
    rough |= _rounded(steps[:, :-1], values, steps[:, 1:])
    wrong: Flags = np.asarray(rough.any(axis=1))
    return steps[:, -1].copy(), wrong


def _rounded(before: Floats, part: Floats, after: Floats) -> Flags:
    """Where after = fl(before + part) is not exact (docs/fast.md, "sums")."""
    with np.errstate(over="ignore", invalid="ignore"):
        found: Flags = np.not_equal(after - before, part)
        found |= np.not_equal(after - part, before)
    return found


def _integers(some: Terms) -> list[tuple[int, int]]:
    """The columns of a class with coprime integers for their coefficients."""
    integers, _ = primitive([c for _, c in some])
    return [(u, g) for (u, _), g in zip(some, integers, strict=True)]


def _held(constants: Terms) -> tuple[list[tuple[int, int]], Rational]:
    """The columns of constants, likewise, and what a bias is to be multiplied by."""
    first, *integers = primitive([ONE, *(c for _, c in constants)])[0]
    return [(u, g) for (u, _), g in zip(constants, integers, strict=True)], rational(first)


def _odd(n: int) -> int:
    """The odd part of a number that is not 0."""
    return abs(n) // (n & -n)


def _float(value: Rational) -> float:
    """The rational as a float64, NaN where it is none."""
    p, q = fraction(value)
    return p / q if fits(value, "float64") else math.nan


def _keys(quotient: Rational) -> tuple[float, float, float]:
    """What `Double.keys` gives for a quotient."""
    if not quotient:
        return 0.0, 0.0, 0.0
    exponent = floor_log2(quotient)
    mantissa = quotient / power_of_two(exponent)
    high = _nearest(mantissa)
    return high, _nearest(mantissa - rational(high)), float(exponent)


def _nearest(value: Rational) -> float:
    """The nearest float64, for magnitudes that no float overflows at; integer division rounds correctly."""
    p, q = fraction(value)
    return p / q
