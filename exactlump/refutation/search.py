# SPDX-License-Identifier: Apache-2.0
"""This file is about where to look for inputs at which two networks differ; what is found there is decided elsewhere.

Candidates come from several places: simple points; rays, along which biases fade (a layer that is dead near 0 need
not be dead at 4096 times the direction); cones where chosen neurons of the first layer that differs have chosen signs;
gradients; and the boundary between two decisions, approached by bisection.

Throughout: m inputs; x a batch of points (N, m) in floats; candidates are exact.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import combinations, product

import numpy as np

from exactlump.numbers.rational import Vector, rational
from exactlump.points.boxes import Box
from exactlump.points.floating import FloatNetwork, Floats
from exactlump.refutation.comparing import Pair

SCALES = (1.0, 16.0, 256.0, 4096.0)
# How often an interval is halved in floats, before it is in exact arithmetic.
_HALVINGS = 12
# The first step along a gradient, as a share of the domain's width.
_RATES = (0.06, 0.25, 0.015, 0.004)


class Floating:
    """Both networks in floats, and how to come from floats to exact points of the domain."""

    def __init__(self, pair: Pair, seed: int) -> None:
        self.pair = pair
        self.networks = FloatNetwork(pair.a), FloatNetwork(pair.b)
        self.rng = np.random.default_rng(seed)
        self.lower, self.upper = pair.box.floats()
        self.bounded = np.isfinite(self.lower) & np.isfinite(self.upper)
        low, high = (np.where(self.bounded, bound, 0.0) for bound in (self.lower, self.upper))
        self.centre = self.clipped((low + high) / 2)
        self.width = np.where(self.bounded, np.minimum(high - low, np.finfo(np.float64).max), 2.0)
        self.grid = grid_of(self.width)

    def elements(self, side: int, tensor: str) -> int:
        """How many elements a tensor of either network has."""
        return math.prod(self.networks[side].network.shapes[tensor])

    def clipped(self, x: Floats) -> Floats:
        """The nearest points of the domain."""
        return np.clip(x, self.lower, self.upper)

    def exact(self, x: Floats, finer: int = 1) -> Vector:
        """The point of the domain's grid nearest to x, or of one that many times finer."""
        return self.pair.box.on_grid([rational(float(y)) for y in np.nan_to_num(x)], self.grid * finer)

    def samples(self, count: int, scale: float) -> Floats:
        """Random points: normal with that scale where there are no bounds, uniform or at corners where there are."""
        shape = (count, len(self.lower))
        inside = self.rng.random(shape)
        corners = self.rng.random((count, 1)) < 0.25
        inside = np.where(corners, np.round(inside), inside)
        free = scale * self.rng.standard_normal(shape)
        low, high = (np.where(self.bounded, bound, 0.0) for bound in (self.lower, self.upper))
        return self.clipped(np.where(self.bounded, (1 - inside) * low + inside * high, free))

    def ray(self, x: Floats) -> Floats:
        """A point at several scales, in the coordinates that have no two bounds."""
        scales = SCALES if not self.bounded.all() else SCALES[:1]
        return self.clipped(np.stack([x * np.where(self.bounded, 1.0, scale) for scale in scales]))

    def score(self, x: Floats) -> Floats:
        """The question's score at a batch."""
        return self.pair.question.score(*(network(x) for network in self.networks))[0]

    def ascent(self, x: Floats, steps: int, rate: float) -> Floats:
        """Where a batch gets to when it follows the gradient of the question's score, each at its best."""
        best, best_score = x, np.full(len(x), -np.inf)
        for step in range(steps):
            values = [network.values(x) for network in self.networks]
            outputs = [network.outputs(v) for network, v in zip(self.networks, values, strict=True)]
            score, *seeds = self.pair.question.score(*outputs)
            better = score > best_score
            best, best_score = np.where(better[:, None], x, best), np.maximum(score, best_score)
            g = sum(n.gradient(v, s) for n, v, s in zip(self.networks, values, seeds, strict=True))
            size = np.abs(g).max(axis=1, keepdims=True)
            move = g / np.where(size > 0, size, 1.0)
            x = self.clipped(x + rate * (1 - step / steps) * self.width * (0.5 * move + 0.5 * np.sign(g)))
        return best


def grid_of(width: Floats) -> int:
    """The denominator of a grid with at least 64 points across the narrowest side of a box that is not flat."""
    positive = width[width > 0]
    bits = 6 - math.floor(math.log2(positive.min())) if len(positive) else 0
    return 1 << min(max(bits, 4), 60)


# Points.


def simple_points(box: Box) -> Iterator[Vector]:
    """The point of the domain nearest to zero, and to some other constant vectors."""
    for value in (0, 1, -1, 16, -16):
        yield box.clamped([rational(value)] * len(box.lower))


def random_points(floating: Floating, rounds: int) -> Iterator[Vector]:
    """Random points, and rays through them: the same directions at several scales."""
    for _ in range(rounds):
        for row in floating.ray(floating.samples(1, 1.0)[0]):
            yield floating.exact(row)


# Sign cones.


def cone_points(floating: Floating, rounds: int) -> Iterator[Vector]:
    """Points where pairs of neurons, at which the networks part, have each combination of signs; and rays there.

    Of each round, those with the largest scores in floats; more of them where any difference counts, which floats may
    not see.
    """
    most = 32 if floating.pair.question.kind == "different" else 4
    for _ in range(rounds):
        for side, name, units in parting(floating):
            chosen = floating.rng.permutation(units)[:16].tolist()
            groups = list(combinations(chosen, min(2, len(chosen))))[:24]
            found = [
                _cone(floating, side, name, group, signs)
                for group in groups
                for signs in product((1.0, -1.0), repeat=len(group))
            ]
            yield from best_first(floating, np.concatenate(found), most)


def best_first(floating: Floating, x: Floats, most: int) -> Iterator[Vector]:
    """The points of a batch with the largest scores, as exact points of the domain."""
    for row in x[np.argsort(-floating.score(x), kind="stable")[:most]]:
        yield floating.exact(row)


def parting(floating: Floating) -> Iterator[tuple[int, str, list[int]]]:
    """The layers before an activation whose rows differ: (0 or 1 for the network, tensor, neurons).

    Rows are gradients at the domain's centre.  Of the first layer with a difference, the neurons of either network
    without a proportional one in the other; where all have one, all of them.
    """
    layers = [[n.reads[0] for n in network.nodes if n.functions] for network in (floating.pair.a, floating.pair.b)]
    for names in zip(*layers, strict=False):
        rows = [_directions(floating, side, name) for side, name in enumerate(names)]
        lonely = [_without_twin(rows[0], rows[1]), _without_twin(rows[1], rows[0])]
        if any(lonely):
            for side, name in enumerate(names):
                yield side, name, lonely[side] or list(range(len(rows[side])))
            return
    for side, tensors in enumerate(layers):
        if tensors:
            yield side, tensors[0], list(range(floating.elements(side, tensors[0])))


def _directions(floating: Floating, side: int, name: str, room: int = 1 << 24) -> Floats:
    """The rows of a layer at the centre, (neurons, inputs + 1 for the value), each of length one.

    room: of a layer with many neurons, only as many rows are made as fit.
    """
    network = floating.networks[side]
    values = network.values(floating.centre[None])
    units = min(values[name].shape[1], max(1, room // sum(value.shape[1] for value in values.values())))
    repeated = {tensor: np.repeat(value, units, axis=0) for tensor, value in values.items()}
    seed = np.eye(units, values[name].shape[1])
    rows = np.concatenate([network.gradient_from(repeated, {name: seed}), values[name].T[:units]], axis=1)
    size = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(size > 0, size, 1.0)


def _without_twin(rows: Floats, others: Floats) -> list[int]:
    """The rows that equal none of the others, to nine digits."""
    known = {row.tobytes() for row in np.round(others, 9) + 0.0}
    return [v for v, row in enumerate(np.round(rows, 9) + 0.0) if row.tobytes() not in known]


def _cone(floating: Floating, side: int, name: str, group: Sequence[int], signs: Sequence[float]) -> Floats:
    """Points where the neurons of a group have given signs: Newton's steps with their gradients, then along the ray."""
    network = floating.networks[side]
    x = floating.samples(1, 1.0)
    seed = np.zeros((len(group), floating.elements(side, name)))
    seed[range(len(group)), list(group)] = 1.0
    for _ in range(3):
        values = network.values(np.repeat(x, len(group), axis=0))
        rows = network.gradient_from(values, {name: seed})
        now = values[name][0, list(group)]
        aim = np.array(signs) * max(1e-3, float(np.abs(now).max()))
        step = _solved(rows @ rows.T, aim - now)
        if step is None:
            break
        x = floating.clipped(x + step @ rows)
    return floating.ray(x[0])


def _solved(matrix: Floats, right: Floats) -> Floats | None:
    """The least squares solution; None where there is none in floats."""
    if not (np.isfinite(matrix).all() and np.isfinite(right).all()):
        return None  # LAPACK would print on stdout
    try:
        return np.asarray(np.linalg.lstsq(matrix, right, rcond=None)[0], np.float64)
    except np.linalg.LinAlgError:
        return None


# Gradients.


def ascended_points(floating: Floating, rounds: int, batch: int) -> Iterator[Vector]:
    """Where the best of many random points get to when they follow the gradient of the question's score, best first."""
    scales = (1.0,) if floating.bounded.all() else (1.0, 16.0, 256.0)
    for round_ in range(rounds):
        start = floating.samples(16 * batch, scales[round_ % len(scales)])
        best = start[np.argsort(-floating.score(start), kind="stable")[:batch]]
        yield from best_first(floating, floating.ascent(best, steps=24, rate=_RATES[round_ % len(_RATES)]), 3)


# The boundary between two decisions.


def boundary_points(
    floating: Floating, decide: Callable[[Vector], tuple[int, int] | None], rounds: int, steps: int = 90
) -> Iterator[Vector]:
    """Midpoints of a bisection between inputs with different decisions, in exact arithmetic.

    decide(x): the decisions of both networks at x; None where a value is irrational.  As long as they agree at both
    ends, the interval holds a change of decision of both; when those lie apart, some midpoint falls between them,
    sooner or later.
    """
    scales = (1.0,) if floating.bounded.all() else (1.0, 16.0, 0.125)
    for round_ in range(rounds):
        ends = _ends(floating, scales[round_ % len(scales)])
        if ends is None:
            continue
        left, right = (floating.exact(end, 1 << _HALVINGS) for end in ends)
        first, last = decide(left), decide(right)
        for _ in range(steps):
            if first is None or last is None or first[0] != first[1] or last[0] != last[1] or first == last:
                break
            middle = tuple((y + z) / 2 for y, z in zip(left, right, strict=True))
            yield middle
            found = decide(middle)
            if found == first:
                left = middle
            else:
                right, last = middle, found


def _ends(floating: Floating, scale: float) -> tuple[Floats, Floats] | None:
    """Two points near each other with different decisions, in floats; none if all samples agree."""
    x = floating.samples(64, scale)
    found = floating.networks[0](x).argmax(axis=1)
    if (found == found[0]).all():
        x = np.concatenate([x, _towards_another(floating, x[:16])])
        found = floating.networks[0](x).argmax(axis=1)
    others = np.flatnonzero(found != found[0])
    if not len(others):
        return None
    i, j = 0, int(others[floating.rng.integers(len(others))])
    left, right, decision = x[i], x[j], found[i]
    for _ in range(_HALVINGS):
        middle = (left + right) / 2
        same = floating.networks[0](middle[None]).argmax() == decision
        left, right = (middle, right) if same else (left, middle)
    return left, right


def _towards_another(floating: Floating, x: Floats) -> Floats:
    """Points moved towards another decision of the first network."""
    network = floating.networks[0]
    for step in range(16):
        values = network.values(x)
        outputs = network.outputs(values)
        order = np.argsort(-outputs, axis=1)
        if (order[:, 0] != order[0, 0]).any():
            break
        seed = np.zeros_like(outputs)
        rows = np.arange(len(x))
        seed[rows, order[:, 1 + step % max(1, outputs.shape[1] - 1)]] = 1.0
        seed[rows, order[:, 0]] = -1.0
        g = network.gradient(values, seed)
        x = floating.clipped(x + 0.2 * floating.width * np.sign(g))
    return x
