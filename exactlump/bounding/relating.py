# SPDX-License-Identifier: Apache-2.0
"""This file is about finding what to compare with what, in two networks of any shapes: any proposal is sound.

Units of N' that exact multiples of another one's row stand for (also negative ones: twins) are put into classes first.
Then each unit of N is compared with the class whose values are nearest at some inputs, times a positive factor where
the function takes one, or with 0 where that is nearer.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from exactlump.bounding.boxes import Domain
from exactlump.bounding.curve_values import values
from exactlump.bounding.elements import Affine
from exactlump.bounding.preparing import Builder, is_based
from exactlump.bounding.program import Program, Tensor
from exactlump.bounding.relations import Constant, Multiple, Relations, Row, Twin, twin_law
from exactlump.errors import FormatError, NoExactValue
from exactlump.network.activations import Activation
from exactlump.network.kinds import Node
from exactlump.network.program import Network
from exactlump.numbers.rational import ONE, Rational, rational
from exactlump.points.floating import Floats, number
from exactlump.points.gathers import elements

_SAMPLES = 256
_KEPT = 1.05  # the unit in the same place is taken unless another one is nearer by more than this factor
_SAME = 0.01  # all units are taken in their places, if they are that near there, as a share of what there is
_ALIKE = 0.25  # how near a class must be, as a share of what there is without it
_NEAR = 1 << 20  # factors are multiples of 1/_NEAR of a power of two, or have denominators up to 64


@dataclass(frozen=True)
class Values:
    """A based tensor at some inputs: its units before and after their functions, (units, samples * positions)."""

    node: Node
    before: Floats
    after: Floats
    functions: tuple[Activation | None, ...]

    @property
    def share(self) -> float:
        """What a distance before the functions counts."""
        return 1e-3 * float((self.after**2).mean() / (1e-300 + (self.before**2).mean()) or 1.0)

    @property
    def sizes(self) -> Floats:
        """How far units are from nothing."""
        return np.asarray((self.after**2).sum(axis=1) + self.share * (self.before**2).sum(axis=1), np.float64)

    @property
    def shape(self) -> tuple[int, int]:
        """How many values a unit has, before and after."""
        return self.before.shape[1], self.after.shape[1]


@dataclass(frozen=True, slots=True)
class Member:
    """A unit of N' in a class: its row before the function is `factor` times that of the class, or minus that."""

    of: int
    factor: Rational
    opposite: bool = False


def related(ours: Network, theirs: Network, domain: Domain, seed: int = 0) -> Relations:
    """What to compare with what.  Raises UnsupportedLayer for networks that cannot be evaluated in floats."""
    rng = np.random.default_rng(seed)
    x = np.concatenate([_sampled(rng, domain, n) for n in range(len(domain.boxes))])
    sides = [_values(network, x) for network in (ours, theirs)]
    over = _paired(*sides)
    merged = _merged(theirs, {other: sides[0][name] for name, other in over.items()}, sides[1])
    rows: dict[str, tuple[str | None, Sequence[Row]]] = {}
    for name, here in sides[0].items():
        if name not in over:
            rows[name] = None, [Constant()] * len(here.before)
            continue
        found = _rows(here, sides[1][over[name]], merged.get(over[name]))
        plain = [Multiple(v, ONE) for v in range(len(sides[1][over[name]].before))]
        if found != plain or len(sides[0]) != len(sides[1]) or over[name] in merged:
            rows[name] = over[name], found
    return Relations(rows, merged)


def twins(relations: Relations) -> int:
    """How many units of N' are twins: where N has them, the networks should change places."""
    return sum(isinstance(row, Twin) for rows in relations.theirs.values() for row in rows)


def _sampled(rng: np.random.Generator, domain: Domain, n: int) -> Floats:
    """Random inputs of a box."""
    low, high = domain.boxes[n].floats()
    count = max(8, _SAMPLES // len(domain.boxes))
    return np.asarray(low + (high - low) * rng.random((count, low.size)), np.float64)


def _values(network: Network, x: Floats) -> dict[str, Values]:
    """All based tensors at some inputs."""
    known, found = values(network, x), {}
    for node in network.nodes:
        if not is_based(network, node):
            continue
        after = _units(known[node.target], elements(network.views[node.target]))
        before = after
        functions: tuple[Activation | None, ...] = (None,) * len(after)
        if node.functions:
            (source,) = node.reads
            before = _units(known[source], elements(network.views[source]))
            functions = node.functions
        found[node.target] = Values(node, before, after, functions)
    return found


def _units(values: Floats, places: NDArray[np.int64]) -> Floats:
    """(N, elements) as (units, N * positions)."""
    return np.asarray(values[:, places].transpose(1, 0, 2).reshape(len(places), -1), np.float64)


def _paired(ours: Mapping[str, Values], theirs: Mapping[str, Values]) -> dict[str, str]:
    """For tensors of N the tensor of N' that they are compared with: in the same place, or the nearest in order."""
    found: dict[str, str] = {}
    names, start = list(theirs), 0
    for place, (name, here) in enumerate(ours.items()):
        fit = [i for i in range(start, len(names)) if _fits(here, theirs[names[i]])]
        if len(ours) == len(theirs):
            fit = [place] if place in fit else []
        if fit:
            costs = [_distance(here, theirs[names[i]]) for i in fit]
            start = max(i for i, cost in zip(fit, costs, strict=True) if cost <= min(costs) + 1e-12)
            found[name] = names[start]
    return found


def _fits(a: Values, b: Values) -> bool:
    """Whether units of one can be compared with units of the other."""
    return a.shape == b.shape and bool(a.node.functions) == bool(b.node.functions)


def _distance(a: Values, b: Values) -> float:
    """How far the units of a are from the nearest ones of b, relative to their sizes."""
    costs = _costs(a, b)[0].min(axis=1)
    return float(np.minimum(costs, a.sizes).sum() / (1e-300 + a.sizes.sum()))


def _costs(a: Values, b: Values) -> tuple[Floats, Floats]:
    """How far each unit of a is from each of b times a positive factor, and the factors (1 where none is taken)."""
    inner, sizes = a.before @ b.before.T, (b.before**2).sum(axis=1)
    takes = np.array([f is not None and f.scaling(rational(2)) == 2 for f in b.functions])
    factors = np.where(takes & (inner > 0) & (sizes > 0), inner / np.maximum(sizes, 1e-300), 1.0)
    plain, scaled = _distances(a, b, np.ones_like(factors)), _distances(a, b, factors)
    better = scaled < 0.1 * plain
    alike = np.array([[f == g for g in b.functions] for f in a.functions]).reshape(plain.shape)
    return np.where(alike, np.where(better, scaled, plain), np.inf), np.where(better, factors, 1.0)


def _distances(a: Values, b: Values, factors: Floats) -> Floats:
    """How far each unit of a is from each of b times a factor: after the functions and, by a share, before them."""
    found = np.zeros_like(factors)
    for left, right, weight in ((a.before, b.before, a.share), (a.after, b.after, 1.0)):
        square, other = (left**2).sum(axis=1)[:, None], (right**2).sum(axis=1)[None, :]
        found += weight * np.maximum(square - 2 * factors * (left @ right.T) + factors**2 * other, 0.0)
    return found


def _rows(a: Values, b: Values, merged: Sequence[Row] | None) -> list[Row]:
    """For each unit of a the class that it is compared with, or 0."""
    if merged is None and _in_place(a, b):
        return [Multiple(v, ONE) for v in range(len(a.before))]
    chosen: dict[int, int] = {}  # the leader of each class
    for u, row in enumerate(merged if merged is not None else [Multiple(u, ONE) for u in range(len(b.before))]):
        if isinstance(row, Multiple) and row.of not in chosen.values():
            chosen[u] = row.of
    cost, factors = _costs(a, b)
    cost[:, [u not in chosen for u in range(len(b.before))]] = np.inf
    found: list[Row] = []
    for v, nothing in enumerate(a.sizes):
        u = int(cost[v].argmin())
        if v in chosen and cost[v, v] <= _KEPT * cost[v, u] + 1e-12 * nothing:
            u = v
        near = cost[v, u] < _ALIKE * nothing or (u == v and np.isfinite(cost[v, u]) and not nothing)
        found.append(Multiple(chosen[u], _factor(float(factors[v, u]), b.functions[u])) if near else Constant())
    return found


def _in_place(a: Values, b: Values) -> bool:
    """Whether every unit of a is near the one of b in the same place.

    On a small box nearly every unit is near every other one times a factor: places say more then.
    """
    if a.before.shape != b.before.shape or a.functions != b.functions:
        return False
    apart = ((a.after - b.after) ** 2).sum() + a.share * ((a.before - b.before) ** 2).sum()
    return bool(apart <= _SAME * a.sizes.sum())


def _factor(value: float, function: Activation | None) -> Rational:
    """A factor that a function takes, near a float."""
    if value == 1.0 or function is None:
        return ONE
    simple = rational(value)
    for d in range(1, 65):
        if abs(round(value * d) - value * d) < 1e-9 * d * value and round(value * d):
            simple = rational(round(value * d), d)
            break
    else:
        power = math.floor(math.log2(value))
        simple = rational(round(math.ldexp(value, 20 - power))) * rational(2) ** power / _NEAR
    return simple if function.scaling(simple) == simple else ONE


def _merged(theirs: Network, ours: Mapping[str, Values], values: Mapping[str, Values]) -> dict[str, Sequence[Row]]:
    """The classes of the units of N', tensor by tensor; only tensors where some unit is no class of its own."""
    program = Program((theirs, theirs), Relations({}, {}))
    program.tensors.append(Tensor("inputs", 0, sum(math.prod(port.shape) for port in theirs.inputs), 1))
    builder, found = Builder(program), dict[str, Sequence[Row]]()
    builder.inputs(theirs, "b")
    for node in theirs.nodes:
        rows = None
        if node.functions:
            before, functions, parts, _ = builder.before(theirs, node, builder.known["b"])
            members = _classes(before, functions, parts)
            if members is not None:
                rows = _oriented(members, functions, values[node.target], ours.get(node.target))
                found[node.target] = rows
        builder.node(theirs, node, "b", rows)
    return found


def _classes(before: Affine, functions: Sequence[Activation | None], parts: int) -> list[Member | Rational] | None:
    """The class of each unit, or its value where it is constant; None where every unit is its own class."""
    found, classes = list[Member | Rational](), dict[object, tuple[int, Rational]]()
    for v, function in enumerate(functions):
        assert function is not None
        places = range(v * parts, (v + 1) * parts)
        value = _constant(before, places, function)
        if value is not None:
            found.append(value)
            continue
        rows = [[*sorted(before.rows[e].items()), (-1, before.constants[e])] for e in places]
        size = math.gcd(*(n for row in rows for _, n in row)) if function.scaling(rational(2)) == 2 else 1
        member = None
        for sign in (1, -1):
            key = (function, *((i, sign * n // size) for row in rows for i, n in row))
            turned = ONE if sign > 0 else function.scaling(-ONE)
            if key in classes and (turned is not None or _has_twins(function)):
                k, other = classes[key]
                member = Member(k, (turned or ONE) * size / other, turned is None)
                break
            if member is None:
                member, first = Member(len(classes), ONE), key
        assert member is not None
        if member.of == len(classes):
            classes[first] = member.of, rational(size)
        found.append(member)
    return found if 0 < len(classes) < len(found) else None  # a tensor without classes has nothing to be bounded


def _constant(before: Affine, places: Sequence[int], function: Activation) -> Rational | None:
    """The value of a unit that reads nothing, where it is known to be rational."""
    values = {before.constants[e] for e in places}
    if any(before.rows[e] for e in places) or len(values) > 1:
        return None
    try:
        return function(rational(values.pop(), before.bottom))
    except NoExactValue:
        return None


def _has_twins(function: Activation) -> bool:
    """Whether sigma(y) - sigma(-y) is linear."""
    try:
        twin_law(function)
    except FormatError:
        return False
    return True


def _oriented(
    members: Sequence[Member | Rational], functions: Sequence[Activation | None], b: Values, a: Values | None
) -> list[Row]:
    """Rows: of the two sides of a class with twins, the one is its leader that a unit of N is nearer to."""
    nearest = _costs(a, b)[0].min(axis=0) if a is not None and _fits(a, b) else None
    best: dict[int, tuple[float, bool]] = {}
    for v, member in enumerate(members):
        if isinstance(member, Member):
            cost = float(nearest[v]) / max(number(member.factor) ** 2, 1e-300) if nearest is not None else float(v)
            best[member.of] = min(best.get(member.of, (math.inf, False)), (cost, member.opposite))
    first: dict[int, Rational] = {}
    for member in members:
        if isinstance(member, Member) and member.opposite == best[member.of][1]:
            first.setdefault(member.of, member.factor)
    rows: list[Row] = []
    order = {k: n for n, k in enumerate(first)}
    for member in members:
        if not isinstance(member, Member):
            rows.append(Constant(member))
            continue
        made = Twin if member.opposite != best[member.of][1] else Multiple
        rows.append(made(order[member.of], member.factor / first[member.of]))
    return rows
