# SPDX-License-Identifier: Apache-2.0
"""This file is about solutions: inputs that satisfy a query, found by descent in floats, evaluated exactly.

A solution is one only if the query holds of it in rationals.  Among those that are found, one whose inputs are float32
numbers is preferred, and most of all one of which the query holds with the outputs that a runtime computes, too.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from exactlump.errors import NoExactValue, UnsupportedLayer
from exactlump.network.program import Network
from exactlump.numbers.rational import Rational, Vector, rational
from exactlump.points.evaluation import Evaluator
from exactlump.points.floating import FloatNetwork, nearest, number
from exactlump.points.limbs import numbers
from exactlump.queries.choosing import combined, proposals
from exactlump.queries.normal import Interval
from exactlump.queries.query import Query
from exactlump.verification.problems import CONSTANT, Problem, places

Floats = NDArray[np.float64]
Replay = Callable[[str, Vector], Sequence[float] | None]  # the outputs of a network in float32, if there are any

_STARTS, _STEPS = 96, 60
_ASKED = 8  # points of a round that are evaluated exactly
_CORNERS = 200  # points of a search for trees that are
_FAR = 10.0  # how far a coordinate without an end goes


@dataclass(frozen=True)
class Solution:
    """The values of all variables of a query, of which it holds.

    in_floats  whether all inputs are float32 numbers
    replayed   whether it holds in float32, too, as a runtime computes it; None where that was not tried
    """

    values: Vector
    in_floats: bool
    replayed: bool | None = None

    @property
    def rank(self) -> int:
        """How good it is."""
        return 2 * self.in_floats + (self.replayed is True)


class Rows:
    """The rows of a problem in floats: how far their sums are above their bounds.  Raises UnsupportedLayer."""

    def __init__(self, query: Query, found: Problem, networks: Mapping[str, FloatNetwork]) -> None:
        self.networks, where = [networks[name] for name in found.networks], places(query)
        order = {v: i for i, v in enumerate(found.ends)}
        self.maps = [_map([found.form(v) for v in where[name][0]], order) for name in found.networks]
        self.own = np.zeros((len(found.rows), len(order)))
        self.parts = [np.zeros((len(found.rows), len(where[name][1]))) for name in found.networks]
        for number_, name in enumerate(found.networks):
            outputs = {v: i for i, v in enumerate(where[name][1])}
            for r, row in enumerate(found.rows):
                for v, c in row.terms.items():
                    if v in outputs:
                        self.parts[number_][r, outputs[v]] = number(c)
        for r, row in enumerate(found.rows):
            for v, c in row.terms.items():
                if v in order:
                    self.own[r, order[v]] = number(c)
        self.bounds = nearest(row.bound for row in found.rows)
        self.low, self.high = (np.array(side) for side in zip(*map(_ends, found.ends.values()), strict=True))

    def __call__(self, x: Floats) -> Floats:
        """For a batch of coordinates (N, coordinates): (N, rows)."""
        found = x @ self.own.T - self.bounds
        for network, part, (matrix, constant) in zip(self.networks, self.parts, self.maps, strict=True):
            if part.any():
                found = found + network(x @ matrix.T + constant) @ part.T
        return found

    def slope(self, x: Floats, rows: NDArray[np.int64], scales: Floats) -> tuple[Floats, Floats]:
        """The rows at a batch, and the gradient of the one that is chosen: of `rows`, the one furthest above."""
        known = []
        found = x @ self.own.T - self.bounds
        for network, part, (matrix, constant) in zip(self.networks, self.parts, self.maps, strict=True):
            values = network.values(x @ matrix.T + constant)
            known.append(values)
            found = found + network.outputs(values) @ part.T
        worst = rows[(found[:, rows] / scales[rows]).argmax(axis=1)]
        slope = self.own[worst].copy()
        for network, part, (matrix, _), values in zip(self.networks, self.parts, self.maps, known, strict=True):
            if part.any():
                slope += network.gradient(values, part[worst]) @ matrix
        return found, slope

    def sampled(self, rng: np.random.Generator, count: int) -> Floats:
        """Random coordinates, some of them corners."""
        free = self.low + (self.high - self.low) * rng.random((count, self.low.size))
        corners = np.where(rng.random((count // 4, self.low.size)) < 0.5, self.low, self.high)
        return np.concatenate([free, corners])


def _map(forms: Sequence[Mapping[int, Rational]], order: Mapping[int, int]) -> tuple[Floats, Floats]:
    matrix, constant = np.zeros((len(forms), len(order))), np.zeros(len(forms))
    for i, form in enumerate(forms):
        for v, c in form.items():
            if v == CONSTANT:
                constant[i] = number(c)
            else:
                matrix[i, order[v]] = number(c)
    return matrix, constant


def _ends(interval: Interval) -> tuple[float, float]:
    low = None if interval.lower is None else number(interval.lower)
    high = None if interval.upper is None else number(interval.upper)
    if low is None:
        low = -_FAR if high is None else high - _FAR
    return low, low + 2 * _FAR if high is None else high


class Witnesses:
    """Finds solutions of a query of networks (by all their names).

    replay  how a network is run in float32
    """

    def __init__(self, query: Query, networks: Mapping[str, Network], replay: Replay, seed: int = 0) -> None:
        self.query, self.networks, self.replay = query, networks, replay
        self.exact = {name: Evaluator(network) for name, network in networks.items()}
        self.floats = {name: FloatNetwork(network) for name, network in networks.items()}
        self.where, self.rng = places(query), np.random.default_rng(seed)
        self.best: Solution | None = None
        self.asked = 0

    def rows(self, found: Problem) -> Rows:
        """The rows of a problem in floats."""
        return Rows(self.query, found, self.floats)

    def scales(self, rows: Rows) -> Floats:
        """How large the sums of rows are, about."""
        sizes = np.abs(rows(rows.sampled(self.rng, 128))).mean(axis=0)
        return np.asarray(np.clip(np.where(np.isfinite(sizes), sizes, 1.0), 1e-6, 1e6))

    def descend(self, found: Problem, until: float, rounds: int = 1) -> bool:
        """Descend from random points until the query holds; whether it does."""
        rows = self.rows(found)
        scales, every = self.scales(rows), np.arange(len(found.rows))
        for _ in range(rounds):
            x = rows.sampled(self.rng, _STARTS)
            width = 0.1 * (rows.high - rows.low)
            best, where = np.full(len(x), np.inf), x.copy()
            for step in range(_STEPS):
                if not len(every):
                    best, where = np.zeros(len(x)), x
                    break
                values, slope = rows.slope(x, every, scales)
                height = (values / scales).max(axis=1)
                better = height < best
                best, where = np.where(better, height, best), np.where(better[:, None], x, where)
                if time.monotonic() > until:
                    break
                x = np.clip(x - width * np.sign(slope), rows.low, rows.high)
                if step % 10 == 9:
                    width = width * 0.5
            for n in np.argsort(best)[:_ASKED]:
                if best[n] <= 1e-9 and self.ask(found, where[n]) and self.good:
                    return True
            if self.best is not None or time.monotonic() > until:
                break
        return self.best is not None

    @property
    def good(self) -> bool:
        """Whether no better solution is looked for."""
        return self.best is not None and (self.best.rank == 3 or (self.best.in_floats and self.best.replayed is None))

    def corner(self, found: Problem, rows: Rows, x: Floats) -> bool:
        """Whether a point that a search for trees came by is near a solution."""
        if self.asked > _CORNERS or not bool((rows(x[None])[0] <= 0).all()):
            return False
        self.asked += 1
        try:
            return self.ask(found, x)
        except NoExactValue:
            return False

    def ask(self, found: Problem, x: Floats) -> bool:
        """Evaluate exactly at coordinates, and at floats nearby; whether a solution is found."""
        values = {v: _inside(rational(float(y)), end) for (v, end), y in zip(found.ends.items(), x, strict=True)}
        inputs = [y for name in self.where for y in found.inputs(self.where[name][0], values)]
        exact = self.valued(tuple(inputs))
        seen = self.take(exact, in_floats=False)
        for choice in proposals(self.query, exact, "float32"):
            seen = self.take(self.valued(choice), in_floats=True) or seen
            if self.good:
                break
        return seen

    def valued(self, inputs: Vector) -> Vector:
        """The values of all variables, given those of all inputs in the order of declaration."""
        outputs, start = list[Rational](), 0
        for name, (mine, _) in self.where.items():
            outputs += self.exact[name](numbers(inputs[start : start + len(mine)])).rationals
            start += len(mine)
        return combined(self.query, inputs, outputs)

    def take(self, values: Vector, *, in_floats: bool) -> bool:
        """Whether values are a solution; the best one is kept."""
        if not self.query.holds(values):
            return False
        solution = Solution(values, in_floats, self.replays(values) if in_floats else None)
        if self.best is None or solution.rank > self.best.rank:
            self.best = solution
        return True

    def replays(self, values: Vector) -> bool | None:
        """Whether the query holds with the outputs that runtimes compute; None where none does."""
        outputs, inputs = list[Rational](), list[Rational]()
        for name, (mine, _) in self.where.items():
            x = tuple(values[v] for v in mine)
            found = self.replay(name, x)
            if found is None:
                return None
            inputs += x
            try:
                outputs += [rational(y) for y in found]
            except (ValueError, OverflowError):  # infinite, or no number
                return False
        return self.query.holds(combined(self.query, inputs, outputs))


def _inside(x: Rational, interval: Interval) -> Rational:
    """The number of a closed interval nearest to x."""
    if interval.lower is not None and x < interval.lower:
        return interval.lower
    return interval.upper if interval.upper is not None and x > interval.upper else x


def finder(query: Query, networks: Mapping[str, Network], replay: Replay, seed: int = 0) -> Witnesses | None:
    """Who finds solutions; None for networks that have no gradients, or no exact values."""
    try:
        return Witnesses(query, networks, replay, seed)
    except (UnsupportedLayer, NoExactValue):
        return None
