# SPDX-License-Identifier: Apache-2.0
"""This file is about linear constraints over the reals: a point that obeys all of them, or why there is none.

The method is the simplex of Dutertre and de Moura (A fast linear-arithmetic solver for DPLL(T), CAV 2006) with
Bland's rule, in exact arithmetic.  Strict bounds are moved by an infinitesimal: x < b is x <= b - e, and numbers are
pairs a + b * e.  Whatever comes out is checked by substitution before it is returned.

Throughout: v, w are variables, or slacks, the values of the left sides; a basic variable is a sum of multiples of
variables that are not basic.
"""

import heapq
from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypeAlias

from exactlump.errors import ExactlumpError
from exactlump.numbers.rational import ONE, ZERO, Rational, fraction
from exactlump.queries.formula import Comparison, related
from exactlump.queries.linear import Work

Near: TypeAlias = tuple[Rational, Rational]  # a + b * e


class Bound(NamedTuple):
    """A bound, and the comparison that it is: this one, multiplied by the factor."""

    at: Near
    comparison: int
    factor: Rational


class Conflict(NamedTuple):
    """{comparison: multiplier}: so multiplied and added up, the comparisons say that 0 is less than 0, or worse."""

    multipliers: dict[int, Rational]


def solve(comparisons: Sequence[Comparison], work: Work) -> dict[int, Rational] | Conflict:
    """Values of the variables that occur, such that all comparisons (`<=`, `<`, `==`) hold; or a conflict.

    Raises TooMuch for more work than is allowed.
    """
    found = _Simplex(comparisons, work).run()
    if isinstance(found, Conflict):
        if not contradicts(comparisons, found):
            raise ExactlumpError("simplex: the conflict is none")
    elif not all(_obeys(found, comparison) for comparison in comparisons):
        raise ExactlumpError("simplex: the point obeys not all comparisons")
    return found


def contradicts(comparisons: Sequence[Comparison], conflict: Conflict) -> bool:
    """Whether the multiplied comparisons add up to a contradiction (Farkas); a multiplier of `==` may be negative."""
    left: dict[int, Rational] = {}
    right, is_strict = ZERO, False
    for i, factor in conflict.multipliers.items():
        comparison = comparisons[i]
        if factor < 0 and comparison.relation != "==":
            return False
        for v, c in comparison.terms:
            left[v] = left.get(v, ZERO) + factor * c
        right += factor * comparison.bound
        is_strict = is_strict or (comparison.relation == "<" and factor > 0)
    return not any(left.values()) and bool(right < 0 or (right == 0 and is_strict))


def _obeys(point: dict[int, Rational], comparison: Comparison) -> bool:
    value = sum((c * point[v] for v, c in comparison.terms), ZERO)
    return related(value, comparison.relation, comparison.bound)


class _Simplex:
    """The tableau: rows[v] are the multiples that the basic v is a sum of, users[w] the basic variables that use w."""

    def __init__(self, comparisons: Sequence[Comparison], work: Work) -> None:
        self.comparisons = comparisons
        self.work = work
        self.lower: dict[int, Bound] = {}
        self.upper: dict[int, Bound] = {}
        self.value: dict[int, Near] = {}
        self.rows: dict[int, dict[int, Rational]] = {}
        self.users: dict[int, set[int]] = {}
        self.queue: list[int] = []

    def run(self) -> dict[int, Rational] | Conflict:
        """A point, or a conflict."""
        for i, comparison in enumerate(self.comparisons):
            conflict = self._take(i, comparison)
            if conflict:
                return conflict
        self._start()
        while self.queue:
            v = heapq.heappop(self.queue)
            if v not in self.rows or not self._is_out(v):
                continue
            w = self._entering(v)
            if w is None:
                return self._conflict_of_row(v)
            self._pivot(v, w)
        return self._point()

    def _take(self, i: int, comparison: Comparison) -> Conflict | None:
        """Note a comparison as bounds of a variable, or of a slack."""
        self.work.charge(1 + len(comparison.terms), 0)
        if not comparison.terms:
            holds = related(ZERO, comparison.relation, comparison.bound)
            sign = -ONE if comparison.relation == "==" and comparison.bound > 0 else ONE
            return None if holds else Conflict({i: sign})
        v, c = comparison.terms[0] if len(comparison.terms) == 1 else (-1 - i, ONE)
        if v < 0:
            self.rows[v] = dict(comparison.terms)
        for w, _ in comparison.terms:
            self.users.setdefault(w, set()).update([v] if v < 0 else [])
        at = comparison.bound / c
        shift = -ONE if comparison.relation == "<" else ZERO
        if comparison.relation == "==" or c > 0:
            self._bound_above(v, Bound((at, shift), i, 1 / c))
        if comparison.relation == "==" or c < 0:
            self._bound_below(v, Bound((at, -shift), i, -1 / c))
        low, high = self.lower.get(v), self.upper.get(v)
        return _conflict([(low, ONE), (high, ONE)]) if low and high and low.at > high.at else None

    def _bound_above(self, v: int, bound: Bound) -> None:
        if v not in self.upper or bound.at < self.upper[v].at:
            self.upper[v] = bound

    def _bound_below(self, v: int, bound: Bound) -> None:
        if v not in self.lower or bound.at > self.lower[v].at:
            self.lower[v] = bound

    def _start(self) -> None:
        """Put each variable on a bound, and the slacks where that leads."""
        for w in self.users:
            bound = self.lower.get(w) or self.upper.get(w)
            self.value[w] = bound.at if bound else (ZERO, ZERO)
        for v, row in self.rows.items():
            self._pay(len(row), row.values())
            self.value[v] = _combined((c, self.value[w]) for w, c in row.items())
            self._queue(v)

    def _is_out(self, v: int) -> bool:
        low, high = self.lower.get(v), self.upper.get(v)
        return bool((low and self.value[v] < low.at) or (high and self.value[v] > high.at))

    def _is_low(self, v: int) -> bool:
        low = self.lower.get(v)
        return bool(low and self.value[v] < low.at)

    def _queue(self, v: int) -> None:
        if self._is_out(v):
            heapq.heappush(self.queue, v)

    def _entering(self, v: int) -> int | None:
        """The least variable that can move the basic v to its bound, or None."""
        sign = 1 if self._is_low(v) else -1
        return min((w for w, c in self.rows[v].items() if self._has_room(w, c * sign > 0)), default=None)

    def _has_room(self, w: int, upwards: bool) -> bool:
        bound = (self.upper if upwards else self.lower).get(w)
        return bound is None or bound.at != self.value[w]

    def _conflict_of_row(self, v: int) -> Conflict:
        """The bounds that keep the basic v from its own one."""
        is_low = self._is_low(v)
        parts = [((self.lower if is_low else self.upper).get(v), ONE)]
        for w, c in self.rows[v].items():
            parts.append(((self.upper if (c > 0) == is_low else self.lower).get(w), abs(c)))
        return _conflict(parts)

    def _pivot(self, v: int, w: int) -> None:
        """Move the basic v to the bound that it breaks, and let w be basic in its place."""
        bound = self.lower[v] if self._is_low(v) else self.upper[v]
        row = self.rows.pop(v)
        c = row.pop(w)
        step = _combined(((1 / c, bound.at), (-1 / c, self.value[v])))
        self.value[v] = bound.at
        self.value[w] = _combined(((ONE, self.value[w]), (ONE, step)))
        self._pay(len(row), (c,))
        row = {v: 1 / c, **{u: -d / c for u, d in row.items()}}
        users = self.users.pop(w) - {v}
        for u in row:
            self.users.setdefault(u, set()).discard(v)
            self.users[u].add(w)
        self.rows[w] = row
        self.users[w] = set()
        self._queue(w)
        for user in sorted(users):
            factor = self.rows[user].pop(w)
            self._pay(len(row), (factor, c))
            self.value[user] = _combined(((ONE, self.value[user]), (factor, step)))
            self._add(user, row, factor)
            self._queue(user)

    def _add(self, user: int, row: dict[int, Rational], factor: Rational) -> None:
        """Put a row in the place of a variable that another row used."""
        ours = self.rows[user]
        for u, d in row.items():
            ours[u] = ours.get(u, ZERO) + factor * d
            if ours[u]:
                self.users[u].add(user)
            else:
                del ours[u]
                self.users[u].discard(user)

    def _point(self) -> dict[int, Rational]:
        """The values, with the infinitesimal made a number that is small enough."""
        size = ONE
        for v, (a, b) in self.value.items():
            for bound, sign in ((self.lower.get(v), 1), (self.upper.get(v), -1)):
                if bound and sign * (a - bound.at[0]) > 0 and sign * (bound.at[1] - b) > 0:
                    size = min(size, (a - bound.at[0]) / (bound.at[1] - b))
        return {v: a + size * b for v, (a, b) in self.value.items() if v >= 0}

    def _pay(self, operations: int, numbers: Iterable[Rational]) -> None:
        longest = max((n.bit_length() for number in numbers for n in fraction(number)), default=0)
        self.work.charge(operations + 1, longest)


def _combined(parts: Iterable[tuple[Rational, Near]]) -> Near:
    a, b = ZERO, ZERO
    for c, value in parts:
        a, b = a + c * value[0], b + c * value[1]
    return a, b


def _conflict(parts: Iterable[tuple[Bound | None, Rational]]) -> Conflict:
    multipliers: dict[int, Rational] = {}
    for bound, c in parts:
        if bound is None:
            raise ExactlumpError("simplex: a bound of a conflict is missing")
        multipliers[bound.comparison] = multipliers.get(bound.comparison, ZERO) + c * bound.factor
    return Conflict(multipliers)
