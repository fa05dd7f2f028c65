# SPDX-License-Identifier: Apache-2.0
"""This file is about bounding many boxes at once in float64, with NumPy: the recipe of `compiled.py` without its loops.

Rounding of slopes is the checker's, so that its bounds and these differ by the roundings of floats only.

Throughout: N boxes; K hidden layers of n_k slots; M rows, each of one box; arrays of bounds are (N, n_k).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from exactlump.bounding.chain import Chain

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
UNIT = 4096.0


class Bounds(NamedTuple):
    """Of x (N), of z (what it is compared with, of N') and of the difference, before the functions of a layer."""

    xl: Floats
    xh: Floats
    zl: Floats
    zh: Floats
    dl: Floats
    dh: Floats

    def met(self, other: "Bounds") -> "Bounds":
        """The better of both."""
        pairs = zip(self, other, strict=True)
        return Bounds(*(np.maximum(a, b) if n % 2 == 0 else np.minimum(a, b) for n, (a, b) in enumerate(pairs)))

    def tight(self) -> "Bounds":
        """What x = z + d says."""
        xl, xh = np.maximum(self.xl, self.zl + self.dl), np.minimum(self.xh, self.zh + self.dh)
        zl, zh = np.maximum(self.zl, xl - self.dh), np.minimum(self.zh, xh - self.dl)
        return Bounds(xl, xh, zl, zh, np.maximum(self.dl, xl - zh), np.minimum(self.dh, xh - zl))

    @property
    def bends(self) -> Flags:
        """Where ReLU is not one line for both."""
        return ~(((self.xl >= 0) & (self.zl >= 0)) | ((self.xh <= 0) & (self.zh <= 0)))

    def of(self, boxes: NDArray[np.int64]) -> "Bounds":
        """Those of some boxes."""
        return Bounds(*(side[boxes] for side in self))


@dataclass(frozen=True)
class Lines:
    """The lines of a layer: for x and for z (above, over, below), and the planes above and below the difference."""

    x: tuple[Floats, Floats, Floats]
    z: tuple[Floats, Floats, Floats]
    above: tuple[Floats, Floats, Floats]
    below: tuple[Floats, Floats, Floats]
    slack: Floats  # how far the planes are apart


def relu_line(low: Floats, high: Floats) -> tuple[Floats, Floats, Floats]:
    """The lines around ReLU."""
    bends = (low < 0) & (high > 0)
    width = np.where(bends, high - low, 1.0)
    s = np.where(bends, np.minimum(1.0, (np.floor(UNIT * high / width) + 1.0) / UNIT), (low >= 0).astype(float))
    over = np.where(bends, np.maximum(-s * low, (1.0 - s) * high), 0.0)
    return s, over, np.where(bends, (high > -low).astype(float), s)


def _most(g: float, s: Floats, t: Floats, b: Bounds) -> Floats:
    """The greatest g * (relu(x) - relu(z) - s*(x - z) - t*z), by duality, sign by sign."""
    best = np.full(s.shape, -np.inf)
    for p, xl, xh in ((g * (1 - s), np.maximum(b.xl, 0), b.xh), (-g * s, b.xl, np.minimum(b.xh, 0))):
        for q, zl, zh in ((g * (s - t - 1), np.maximum(b.zl, 0), b.zh), (g * (s - t), b.zl, np.minimum(b.zh, 0))):
            there = (xl <= xh) & (zl <= zh) & (xl - zh <= b.dh) & (xh - zl >= b.dl)
            found = np.full(s.shape, np.inf)
            for m in (np.zeros_like(p), p, -q):
                found = np.minimum(found, _sup(m, b.dl, b.dh) + _sup(p - m, xl, xh) + _sup(q + m, zl, zh))
            best = np.where(there, np.maximum(best, found), best)
    return np.where(np.isfinite(best), best, 0.0)


def _sup(k: Floats, low: Floats, high: Floats) -> Floats:
    return np.where(k >= 0, k * high, k * low)


def lines_of(b: Bounds) -> Lines:
    """The lines of a layer."""
    x, z = relu_line(b.xl, b.xh), relu_line(b.zl, b.zh)
    width = np.where(b.dh > b.dl, b.dh - b.dl, 1.0)
    s = np.where(b.dl >= 0, 1.0, np.where(b.dh <= 0, 0.0, np.floor(UNIT * b.dh / width) / UNIT))
    above, gap = _better(1.0, (s, np.zeros_like(s)), (x[0], x[0] - z[2]), b)
    below, other = _better(-1.0, (1.0 - s, np.zeros_like(s)), (x[2], x[2] - z[0]), b)
    active, dead = (b.xl >= 0) & (b.zl >= 0), (b.xh <= 0) & (b.zh <= 0)

    def fixed(plane: tuple[Floats, Floats, Floats]) -> tuple[Floats, Floats, Floats]:
        s, t, c = plane
        line = active | dead
        return np.where(line, active & ~dead, s), np.where(line, 0.0, t), np.where(line, 0.0, c)

    return Lines(x, z, fixed(above), fixed(below), np.where(active | dead, 0.0, np.maximum(gap, other)))


def _better(
    g: float, first: tuple[Floats, Floats], second: tuple[Floats, Floats], b: Bounds
) -> tuple[tuple[Floats, Floats, Floats], Floats]:
    m, n = _most(g, *first, b), _most(g, *second, b)
    w, v = m + _most(-g, *first, b), n + _most(-g, *second, b)
    take = w <= v
    plane = (
        np.where(take, first[0], second[0]),
        np.where(take, first[1], second[1]),
        g * np.where(take, m, n),
    )
    return plane, np.minimum(w, v)


@dataclass
class Batch:
    """All that is known of N boxes."""

    chain: Chain
    low: Floats
    high: Floats
    before: list[Bounds]
    lines: list[Lines]
    shares: list[Floats]  # (N, n_k, inputs): on which inputs each unit depends

    def down(
        self, boxes: NDArray[np.int64], family: str, rows: tuple[Floats, Floats], constant: Floats, k: int
    ) -> tuple[Floats, Floats]:
        """Lower bounds (M) of rows on differences and on values after layer k - 1, and their integers on the inputs.

        family: "a" or "b" for values of one network alone (then the first rows are not used), "d" for differences
        """
        gap, value = rows
        weights = self.chain.ours if family == "a" else self.chain.theirs
        biases = self.chain.our_bias if family == "a" else self.chain.their_bias
        for j in range(k - 1, -1, -1):
            lines = self.lines[j]
            above, over, below = (side[boxes] for side in (lines.x if family == "a" else lines.z))
            v = np.where(value > 0, value * below, value * above)
            constant = constant + np.where(value > 0, 0.0, value * over).sum(axis=1)
            if family == "d":
                s, t, c = (np.where(gap > 0, b[boxes], a[boxes]) for a, b in zip(lines.above, lines.below, strict=True))
                v, u = v + gap * t, gap * s
                constant = constant + (gap * c).sum(axis=1) + u @ self.chain.gap_bias[j]
                gap = u @ self.chain.ours[j]
                value = v @ weights[j] + u @ self.chain.gaps[j]
            else:
                value = v @ weights[j]
            constant = constant + v @ biases[j]
        low, high = self.low[boxes], self.high[boxes]
        return constant + np.where(value > 0, value * low, value * high).sum(axis=1), value


def bounded(chain: Chain, low: Floats, high: Floats, inherited: Sequence[Bounds] | None) -> Batch:
    """Bound all units on N boxes; `inherited`: the bounds of the boxes around them."""
    batch = Batch(chain, low, high, [], [], [])
    xl = zl = low
    xh = zh = high
    dl = dh = np.zeros_like(low)
    for k in range(len(chain.widths)):
        found = _intervals(chain, k, (xl, xh), (zl, zh), (dl, dh))
        if inherited is not None:
            dead = (inherited[k].xh <= 0) & (inherited[k].zh <= 0)
            met = found.met(inherited[k]).tight()
            found = Bounds(*(np.where(dead, old, new) for old, new in zip(inherited[k], met, strict=True)))
        else:
            found = found.tight()
        share = np.broadcast_to(np.abs(chain.theirs[0]), (len(low), *chain.theirs[0].shape)) if k == 0 else None
        if k:
            found, share = _refined(batch, k, found)
        assert share is not None
        batch.before.append(found)
        batch.lines.append(lines_of(found))
        batch.shares.append(share)
        xl, xh, zl, zh = (np.maximum(side, 0.0) for side in found[:4])
        active = (found.xl >= 0) & (found.zl >= 0)
        dl = np.where(active, found.dl, np.maximum(np.minimum(found.dl, 0.0), xl - zh))
        dh = np.where(active, found.dh, np.minimum(np.maximum(found.dh, 0.0), xh - zl))
    return batch


def _intervals(
    chain: Chain, k: int, x: tuple[Floats, Floats], z: tuple[Floats, Floats], d: tuple[Floats, Floats]
) -> Bounds:
    a, b, c = chain.ours[k], chain.theirs[k], chain.gaps[k]

    def reach(weight: Floats, low: Floats, high: Floats) -> tuple[Floats, Floats]:
        plus, minus = np.maximum(weight, 0.0).T, np.minimum(weight, 0.0).T
        return low @ plus + high @ minus, high @ plus + low @ minus

    xs, zs, gaps, moved = reach(a, *x), reach(b, *z), reach(a, *d), reach(c, *z)
    e, f, g = chain.our_bias[k], chain.their_bias[k], chain.gap_bias[k]
    low, high = gaps[0] + moved[0] + g, gaps[1] + moved[1] + g
    return Bounds(xs[0] + e, xs[1] + e, zs[0] + f, zs[1] + f, low, high)


def _refined(batch: Batch, k: int, found: Bounds) -> tuple[Bounds, Floats]:
    """The bounds met with those of rows that go down to the inputs, for the units that may bend."""
    chain, share = batch.chain, np.zeros((*found.xl.shape, batch.chain.inputs))
    sides = [side.copy() for side in found]
    boxes, units = np.nonzero(found.bends)
    if boxes.size:
        for family, at, weight, bias in (
            ("a", 0, chain.ours, chain.our_bias),
            ("b", 2, chain.theirs, chain.their_bias),
        ):
            low, high, slopes = _both(batch, boxes, family, (weight[k][units], weight[k][units]), bias[k][units], k)
            sides[at][boxes, units] = np.maximum(sides[at][boxes, units], low)
            sides[at + 1][boxes, units] = np.minimum(sides[at + 1][boxes, units], high)
            if family == "b":
                share[boxes, units] = slopes
    tight = Bounds(*sides).tight()
    boxes, units = np.nonzero(tight.bends)
    sides = [side.copy() for side in tight]
    if boxes.size:
        rows = chain.ours[k][units], chain.gaps[k][units]
        low, high, _ = _both(batch, boxes, "d", rows, chain.gap_bias[k][units], k)
        sides[4][boxes, units] = np.maximum(sides[4][boxes, units], low)
        sides[5][boxes, units] = np.minimum(sides[5][boxes, units], high)
    return Bounds(*sides).tight(), share


def _both(
    batch: Batch, boxes: NDArray[np.int64], family: str, rows: tuple[Floats, Floats], bias: Floats, k: int
) -> tuple[Floats, Floats, Floats]:
    """Lower and upper bounds of rows, and the sizes of their slopes on the inputs."""
    twice = np.concatenate([boxes, boxes])
    signed = tuple(np.concatenate([row, -row]) for row in rows)
    found, slopes = batch.down(twice, family, (signed[0], signed[1]), np.concatenate([bias, -bias]), k)
    half = boxes.size
    return found[:half], -found[half:], np.abs(slopes[:half]) + np.abs(slopes[half:])
