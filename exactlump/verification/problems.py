# SPDX-License-Identifier: Apache-2.0
"""This file is about what a disjunct of a query asks of one or two networks: a box of coordinates, and rows.

Equations between inputs make some inputs of others: those that are left are the *coordinates*.  A comparison that
speaks of one coordinate alone is a bound of it; every other one is a *row*, and an equation is two.  A comparison that
speaks of a network that is left aside is left out, which allows more.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from exactlump.numbers.rational import ONE, ZERO, Rational, Vector, fraction
from exactlump.queries.formula import Comparison
from exactlump.queries.normal import Disjunct, Interval
from exactlump.queries.query import Query

WHOLE = 1 << 40
CONSTANT = -1  # stands for the number 1 in a sum
Sum = dict[int, Rational]  # {variable: multiple}


@dataclass(frozen=True, slots=True)
class Row:
    """That a sum of multiples of coordinates and outputs is at most a bound (less, where it is strict)."""

    terms: Mapping[int, Rational]
    bound: Rational
    strict: bool

    @property
    def least(self) -> int:
        """What the sum must be at least, over 2^40, to refute it."""
        p, q = fraction(self.bound)
        return -(-p * WHOLE // q) if self.strict else p * WHOLE // q + 1

    def holds(self, excess: Rational) -> bool:
        """Whether it holds, given how far the sum lies above the bound."""
        return bool(excess < 0 if self.strict else excess <= 0)


@dataclass(frozen=True)
class Problem:
    """What a disjunct asks.

    networks  the names of those that it asks something of
    forms     the inputs that are made of coordinates: sums of these and of the number 1
    ends      of each coordinate, in the order of the variables, where it must lie
    rows      what else must hold
    left_out  how many comparisons were, as they speak of other networks
    """

    networks: tuple[str, ...]
    forms: Mapping[int, Sum]
    ends: Mapping[int, Interval]
    rows: tuple[Row, ...]
    left_out: int = 0

    @property
    def key(self) -> tuple[object, ...]:
        """What problems that a tree can be shared by have in common."""
        forms = tuple((v, *sorted((u, *fraction(c)) for u, c in form.items())) for v, form in self.forms.items())
        ends = tuple((v, _end(interval.lower), _end(interval.upper)) for v, interval in self.ends.items())
        return self.networks, forms, ends

    @property
    def unbounded(self) -> int | None:
        """A coordinate without both bounds, if there is one."""
        return next((v for v, end in self.ends.items() if end.lower is None or end.upper is None), None)

    def form(self, v: int) -> Sum:
        """An input as a sum of coordinates."""
        return self.forms.get(v, {v: ONE})

    def inputs(self, variables: Iterable[int], x: Mapping[int, Rational]) -> Vector:
        """The values of inputs for values of the coordinates."""
        return tuple(sum((c * x.get(u, ONE) for u, c in self.form(v).items()), ZERO) for v in variables)


def places(query: Query) -> dict[str, tuple[list[int], list[int]]]:
    """Of each network the variables that are its inputs, and those that are its outputs."""
    found, inputs, outputs = {}, iter(query.input_ranges), iter(query.output_ranges)
    for network in query.networks:
        mine = [v for _ in network.inputs for v in next(inputs)]
        found[network.name] = mine, [v for _ in network.outputs for v in next(outputs)]
    return found


def problem(query: Query, found: Disjunct, names: Sequence[str]) -> Problem:
    """What a disjunct asks of some networks of a query."""
    where = places(query)
    inputs = [v for name in names for v in where[name][0]]
    known = {*inputs, *(v for name in names for v in where[name][1])}
    parts = [part for part in found.comparisons if known.issuperset(v for v, _ in part.terms)]
    forms, rest = _solved(parts, frozenset(inputs))
    ends = {v: Interval() for v in inputs if v not in forms}
    rows = []
    for part in rest:
        terms = substituted(dict(part.terms), forms)
        bound = part.bound - terms.pop(CONSTANT, ZERO)
        if len(terms) == 1 and ends.keys() >= terms.keys():
            ((v, c),) = terms.items()
            ends[v] = _bounded(ends[v], c, part.relation, bound)
            continue
        rows.append(Row(terms, bound, part.relation == "<"))
        if part.relation == "==":
            rows.append(Row({v: -c for v, c in terms.items()}, -bound, strict=False))
    _complete(ends, rows)
    return Problem(tuple(names), forms, ends, tuple(rows), len(found.comparisons) - len(parts))


def choices(query: Query, found: Disjunct) -> list[tuple[str, ...]]:
    """One or two networks each, such that a disjunct asks most of them: best first."""
    owner = {v: name for name, (inputs, outputs) in places(query).items() for v in (*inputs, *outputs)}
    inputs = {v for mine, _ in places(query).values() for v in mine}
    order = [network.name for network in query.networks]
    asked = []
    for part in found.comparisons:
        if any(v not in inputs for v, _ in part.terms) or len(part.terms) > 1:
            speaks = {owner[v] for v, _ in part.terms}
            asked.append((speaks, any(v not in inputs for v, _ in part.terms)))
    sets = {tuple(sorted(speaks, key=order.index)) for speaks, has_outputs in asked if has_outputs and len(speaks) <= 2}
    sets |= {tuple(sorted({*a, *b}, key=order.index)) for a in sets for b in sets if len({*a, *b}) <= 2}
    covered = {names: sum(speaks <= {*names} for speaks, has in asked if has) for names in sets}
    return sorted(sets, key=lambda names: (-covered[names], -len(names), [order.index(name) for name in names]))


def substituted(terms: Sum, forms: Mapping[int, Sum]) -> Sum:
    """A sum with sums in the place of some variables."""
    if forms.keys().isdisjoint(terms):
        return dict(terms)
    found: Sum = {}
    for v, c in terms.items():
        for u, w in forms[v].items() if v in forms else ((v, ONE),):
            found[u] = found.get(u, ZERO) + c * w
    return {u: c for u, c in found.items() if c}


def _solved(parts: Sequence[Comparison], inputs: frozenset[int]) -> tuple[dict[int, Sum], list[Comparison]]:
    """The inputs that equations make of others, the last one in each; and the comparisons that are left."""
    forms: dict[int, Sum] = {}
    users: dict[int, set[int]] = {}  # of a variable: the inputs that are made of it
    rest = []
    for part in parts:
        equation = part.relation == "==" and all(v in inputs for v, _ in part.terms)
        terms = substituted(dict(part.terms), forms) if equation else {}
        constant = terms.pop(CONSTANT, ZERO)
        if len(terms) < 2:
            rest.append(part)
            continue
        v = max(terms)
        c = terms.pop(v)
        shift = (part.bound - constant) / c
        form = {u: -w / c for u, w in terms.items()} | ({CONSTANT: shift} if shift else {})
        for u in users.pop(v, ()):
            forms[u] = substituted(forms[u], {v: form})
            _note(users, u, forms[u])
        forms[v] = form
        _note(users, v, form)
    return forms, rest


def _complete(ends: dict[int, Interval], rows: Sequence[Row]) -> None:
    """Add the ends that rows of coordinates imply, where there are none: row by row, until that adds no more."""
    mine = [row for row in rows if row.terms and ends.keys() >= row.terms.keys()]
    added = True
    while added:
        added = False
        for row in mine:
            for v, c in sorted(row.terms.items()):
                if (ends[v].upper if c > 0 else ends[v].lower) is None:
                    least = _least({u: w for u, w in row.terms.items() if u != v}, ends)
                    if least is not None:
                        end, added = (row.bound - least) / c, True
                        ends[v] = ends[v].under(end, False) if c > 0 else ends[v].over(end, False)


def _least(terms: Mapping[int, Rational], ends: Mapping[int, Interval]) -> Rational | None:
    """The least value of a sum of coordinates; None where it has none."""
    total = ZERO
    for v, c in terms.items():
        end = ends[v].lower if c > 0 else ends[v].upper
        if end is None:
            return None
        total += c * end
    return total


def _note(users: dict[int, set[int]], v: int, form: Sum) -> None:
    for u in form:
        users.setdefault(u, set()).add(v)


def _bounded(interval: Interval, c: Rational, relation: str, bound: Rational) -> Interval:
    at, is_open = bound / c, relation == "<"
    if relation == "==":
        return interval.over(at, False).under(at, False)
    return interval.under(at, is_open) if c > 0 else interval.over(at, is_open)


def _end(value: Rational | None) -> tuple[int, int] | None:
    return None if value is None else fraction(value)
