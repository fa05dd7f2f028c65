# SPDX-License-Identifier: Apache-2.0
"""This file is about the normal form of a query: a union of disjuncts, each a box of inputs and linear constraints.

The order is that of the text: of a conjunction, the alternatives of the last part change first; `a != b` is a < b,
then a > b.  Comparisons without variables are decided, and an alternative that asks for nothing stands for all others
of its disjunction.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, product

from exactlump.errors import Undecided
from exactlump.numbers.rational import ZERO, Rational
from exactlump.queries.formula import AND, Comparison, Formula, related
from exactlump.queries.query import Query

MAX_SIZE = 5_000_000

Conjunction = tuple[Comparison, ...]


@dataclass(frozen=True, slots=True)
class Interval:
    """The numbers between two bounds, of which either may be absent; an open end does not belong to it."""

    lower: Rational | None = None
    upper: Rational | None = None
    is_open_below: bool = False
    is_open_above: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether no number lies in it."""
        if self.lower is None or self.upper is None:
            return False
        is_open = self.is_open_below or self.is_open_above
        return not related(self.lower, "<" if is_open else "<=", self.upper)

    def holds(self, value: Rational) -> bool:
        """Whether a number lies in it."""
        below = self.lower is None or related(self.lower, "<" if self.is_open_below else "<=", value)
        return below and (self.upper is None or related(value, "<" if self.is_open_above else "<=", self.upper))

    def under(self, bound: Rational, is_open: bool) -> "Interval":
        """Its numbers that are at most the bound, or less."""
        if self.upper is not None and (self.upper, not self.is_open_above) <= (bound, not is_open):
            return self
        return Interval(self.lower, bound, self.is_open_below, is_open)

    def over(self, bound: Rational, is_open: bool) -> "Interval":
        """Its numbers that are at least the bound, or greater."""
        if self.lower is not None and (self.lower, self.is_open_below) >= (bound, is_open):
            return self
        return Interval(bound, self.upper, is_open, self.is_open_above)


@dataclass(frozen=True, slots=True)
class Disjunct:
    """Comparisons `<=`, `<` and `==` that must hold together, and the same once more by what they speak of.

    comparisons  all, in the order of the text
    box          {input: where it must lie}, by those that speak of this one variable; ascending, as pairs
    inputs       those that speak of two or more variables, all of them inputs
    outputs      those that speak of outputs only
    mixed        those that speak of both
    """

    comparisons: Conjunction
    box: tuple[tuple[int, Interval], ...]
    inputs: Conjunction
    outputs: Conjunction
    mixed: Conjunction

    def holds(self, values: Sequence[Rational]) -> bool:
        """Whether the values of all variables obey it, exactly."""
        return all(comparison.holds(values) for comparison in self.comparisons)


def disjuncts(query: Query, most: int = MAX_SIZE) -> tuple[Disjunct, ...]:
    """The disjuncts of a query; values satisfy its assertions if and only if they obey one of them.

    Raises Undecided where making them takes more than `most` comparisons; the query's formula is unaffected.
    """
    return tuple(disjunct(query, parts) for parts in conjunctions(query.formula, most))


def conjunctions(formula: Formula, most: int = MAX_SIZE) -> list[Conjunction]:
    """The alternatives of a formula, without comparisons that always hold; Undecided as `disjuncts`."""
    stack: list[list[Conjunction]] = []
    left = most
    for node in formula.nodes:
        if isinstance(node, Comparison):
            alternatives = _alternatives(node)
        else:
            parts = stack[-node.parts :]
            del stack[-node.parts :]
            left -= _size(parts) if node.word == AND else sum(map(len, parts))
            if left < 0:
                raise Undecided(f"normal form: found more than {most} comparisons, expected fewer")
            alternatives = _both(parts) if node.word == AND else _either(parts)
        stack.append(alternatives)
    (found,) = stack
    return found


def disjunct(query: Query, parts: Conjunction) -> Disjunct:
    """A conjunction of comparisons other than `!=`, sorted by what they speak of."""
    box: dict[int, Interval] = {}
    rows: dict[tuple[bool, bool], list[Comparison]] = {}
    for part in parts:
        kinds = {query.is_input(v) for v, _ in part.terms}
        if len(part.terms) == 1 and kinds == {True}:
            v = part.terms[0][0]
            box[v] = narrowed(box.get(v, Interval()), part)
        else:
            rows.setdefault((True in kinds, False in kinds), []).append(part)
    inputs, outputs, mixed = (tuple(rows.get(key, ())) for key in ((True, False), (False, True), (True, True)))
    return Disjunct(parts, tuple(sorted(box.items())), inputs, outputs, mixed)


def narrowed(interval: Interval, part: Comparison) -> Interval:
    """The numbers of an interval that obey a comparison of one variable."""
    ((_, c),) = part.terms
    bound, is_open = part.bound / c, part.relation == "<"
    if part.relation == "==":
        return interval.over(bound, False).under(bound, False)
    return interval.under(bound, is_open) if c > 0 else interval.over(bound, is_open)


def _alternatives(part: Comparison) -> list[Conjunction]:
    """One comparison as alternatives: none where it never holds, the empty one where it always does."""
    if not part.terms:
        return [()] if related(ZERO, part.relation, part.bound) else []
    if part.relation != "!=":
        return [(part,)]
    opposite = tuple((v, -c) for v, c in part.terms)
    return [(Comparison(part.terms, "<", part.bound),), (Comparison(opposite, "<", -part.bound),)]


def _size(parts: Sequence[list[Conjunction]]) -> int:
    """How many alternatives and comparisons a conjunction has when it is written out."""
    count = math.prod(map(len, parts))
    if not count:
        return len(parts)
    return count * (1 + len(parts)) + sum(count // len(part) * sum(map(len, part)) for part in parts)


def _both(parts: Sequence[list[Conjunction]]) -> list[Conjunction]:
    return [tuple(chain.from_iterable(choice)) for choice in product(*parts)]


def _either(parts: Iterable[list[Conjunction]]) -> list[Conjunction]:
    alternatives = list(chain.from_iterable(parts))
    return [()] if () in alternatives else alternatives
