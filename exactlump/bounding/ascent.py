# SPDX-License-Identifier: Apache-2.0
"""This file is about lower bounds: inputs at which outputs differ much, found by gradient ascent, evaluated exactly.

Many starts climb at once, each for one combination of outputs and one sign.  What is reported is only what exact
evaluation gives at an exact point of the domain; where values are irrational, what rationals around them show.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from exactlump.bounding.boxes import Domain
from exactlump.bounding.curve_values import curved
from exactlump.bounding.enclosing import Enclosing, size
from exactlump.errors import NoExactValue, UnsupportedLayer
from exactlump.network.program import Network
from exactlump.numbers.rational import Rational, Vector, rational
from exactlump.points.boxes import Box
from exactlump.points.floating import Floats, number

_STARTS, _STEPS = 16, 60  # for each combination and sign; and how many steps each climbs
_GRID = 1 << 30  # exact points lie on multiples of 1/_GRID, or on faces of the box


@dataclass
class Found:
    """For each combination of outputs the largest size of the difference that an exact input shows, and that input."""

    gaps: list[Rational]
    inputs: list[Vector | None]
    evaluated: int = 0

    @property
    def largest(self) -> int:
        """The combination with the largest difference."""
        return max(range(len(self.gaps)), key=lambda t: self.gaps[t])


@dataclass
class Ascent:
    """Two networks, in floats and exactly.  Raises UnsupportedLayer for what has no gradient, or no enclosure."""

    ours: Network
    theirs: Network
    combinations: Sequence[tuple[int, ...]]
    seed: int = 0
    found: Found = field(init=False)

    def __post_init__(self) -> None:
        self.floats = curved(self.ours), curved(self.theirs)
        self.exact = Enclosing(self.ours), Enclosing(self.theirs)
        self.found = Found([rational(0)] * len(self.combinations), [None] * len(self.combinations))
        self.signs = np.array([[1.0 if p == 0 else -1.0 for p in range(len(pair))] for pair in self.combinations])
        self.rng = np.random.default_rng(self.seed)

    def gaps(self, outputs: Floats) -> Floats:
        """The combinations of outputs (N, outputs): (N, combinations)."""
        pairs = np.array(self.combinations)
        return np.asarray((outputs[:, pairs] * self.signs).sum(axis=2), np.float64)

    def difference(self, x: Floats) -> Floats:
        """The combinations of the differences at a batch of inputs."""
        return self.gaps(self.floats[0](x)) - self.gaps(self.floats[1](x))

    def climb(self, box: Box, starts: Floats | None = None, until: float = float("inf"), steps: int = _STEPS) -> None:
        """Climb from random points, corners and given starts; keep what exact evaluation shows.

        until: a time, of time.monotonic.
        """
        low, high = box.floats()
        x = self.starting(low, high, starts)
        count = len(self.combinations)
        target = np.arange(len(x)) % count
        sign = np.where((np.arange(len(x)) // count) % 2, -1.0, 1.0)
        best, where = np.full(len(x), -np.inf), x.copy()
        width = 0.1 * (high - low)
        for step in range(steps):
            values = [network.values(x) for network in self.floats]
            gap = self.gaps(self.floats[0].outputs(values[0])) - self.gaps(self.floats[1].outputs(values[1]))
            height = sign * gap[np.arange(len(x)), target]
            better = height > best
            best, where = np.where(better, height, best), np.where(better[:, None], x, where)
            if time.monotonic() > until or step + 1 == steps:
                break
            seed = np.zeros_like(self.floats[0].outputs(values[0]))
            for p, outputs in enumerate(np.array(self.combinations).T):
                seed[np.arange(len(x)), outputs[target]] = sign * self.signs[target, p]
            slope = self.floats[0].gradient(values[0], seed) - self.floats[1].gradient(values[1], seed)
            x = np.clip(x + width * np.sign(slope), low, high)
            if step % 12 == 11:
                width = width * 0.5
        for t in range(count):
            mine = np.flatnonzero(target == t)
            for n in mine[np.argsort(-best[mine])[:2]]:
                self.replay(where[n], box)

    def starting(self, low: Floats, high: Floats, starts: Floats | None) -> Floats:
        """Where to begin."""
        count = 2 * len(self.combinations) * _STARTS
        if low.size > 64:
            count = max(2 * len(self.combinations), count // 4)
        free = low + (high - low) * self.rng.random((count, low.size))
        corners = np.where(self.rng.random((count // 2, low.size)) < 0.5, low, high)
        listed = [free, corners] + ([np.clip(starts, low, high)] if starts is not None and len(starts) else [])
        return np.concatenate(listed)

    def replay(self, x: Floats, box: Box) -> bool:
        """Evaluate both networks exactly near a point; whether some combination differs more than was known."""
        low, high = box.floats()
        at = box.on_grid([rational(float(v)) for v in x], _GRID)
        ends = zip(at, x, low, high, box.lower, box.upper, strict=True)
        faces = [end if v >= most else start if v <= least else y for y, v, least, most, start, end in ends]
        return self.evaluate(tuple(y for y in faces if y is not None))

    def evaluate(self, x: Vector) -> bool:
        """Evaluate both networks at an exact input; whether some combination differs more than was known."""
        self.found.evaluated += 1
        try:
            ours, theirs = (network(x) for network in self.exact)
        except NoExactValue as error:
            raise UnsupportedLayer(str(error)) from error
        better = False
        for t, pair in enumerate(self.combinations):
            gap = size(ours, theirs, pair)
            if gap > self.found.gaps[t]:
                self.found.gaps[t], self.found.inputs[t], better = gap, x, True
        return better


def climb(
    ascent: Ascent, domain: Domain, starts: Sequence[Sequence[Rational]] = (), until: float = float("inf")
) -> Found:
    """Climb in all boxes of a domain, and evaluate given inputs that lie in it."""
    for x in starts:
        if domain.holds(x):
            ascent.evaluate(tuple(x))
    for box in domain.boxes:
        inside = np.array([[number(v) for v in x] for x in starts if box.holds(x)]).reshape(-1, domain.inputs)
        ascent.climb(box, inside, until)
    return ascent.found
