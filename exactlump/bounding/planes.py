# SPDX-License-Identifier: Apache-2.0
"""This file is about lines around a function, and planes around the difference of two functions (theorem T8')."""

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from exactlump.bounding.courses import UNIT, Course, Piece, course
from exactlump.network.activations import Activation
from exactlump.numbers.rational import Rational


class Line(NamedTuple):
    """above * y + over and below * y + under are above and below a function; over UNIT, constants over UNIT * WHOLE."""

    above: int
    over: int
    below: int
    under: int


class Plane(NamedTuple):
    """s * (x - z) + t * z + c."""

    s: int
    t: int
    c: int


@dataclass(frozen=True, slots=True)
class Polygon:
    """Bounds of x, of z, and of x - z, over WHOLE."""

    x: tuple[int, int]
    z: tuple[int, int]
    d: tuple[int, int]

    def greatest(self, p: int, q: int, a: Piece, b: Piece) -> int | None:
        """The greatest p*x + q*z for x in one piece and z in another; None where there is no such point.

        For every m, p*x + q*z = m*(x - z) + (p - m)*x + (q + m)*z; the least sum of three suprema is attained at
        m = 0, p or -q (docs/trust.md, "Duality").
        """
        xl, xh = max(self.x[0], a.low), min(self.x[1], a.high)
        zl, zh = max(self.z[0], b.low), min(self.z[1], b.high)
        dl, dh = self.d
        if xl > xh or zl > zh or xl - zh > dh or dl > xh - zl:
            return None
        r = p + q
        by_x, by_z = p * (xh if p >= 0 else xl), q * (zh if q >= 0 else zl)
        gap_x, gap_z = p * (dh if p >= 0 else dl), q * (dl if q >= 0 else dh)
        return min(by_x + by_z, gap_x + r * (zh if r >= 0 else zl), r * (xh if r >= 0 else xl) - gap_z)


def line_around(found: Course, low: int, high: int) -> Line:
    """The chord, or the slopes at the ends: those which are nearest at both ends together (the first of several)."""
    slopes = [piece.slope // found.scale for piece in found.pieces]
    if found.slopes is not None and len(slopes) == 1:
        under, over = found.extremes(slopes[0])
        return Line(slopes[0], over, slopes[0], under)
    ends = [slopes[0], slopes[-1]]
    first, last = found.pieces[0], found.pieces[-1]
    rise = last.slope * high + last.most - first.slope * low - first.least
    chord = rise // (max(high - low, 1) * found.scale) + 1
    above = below = [chord, *ends]
    if found.slopes is not None:
        chord = min(max(chord, min(slopes)), max(slopes))
        above = below = [chord, *ends]
        if all(a <= b for a, b in pairwise(slopes)):
            above, below = [chord], ends
        elif all(a >= b for a, b in pairwise(slopes)):
            above, below = ends, [chord]
    up = min(above, key=lambda s: s * (low + high) + 2 * found.extremes(s)[1])
    down = max(below, key=lambda s: s * (low + high) + 2 * found.extremes(s)[0])
    return Line(up, found.extremes(up)[1], down, found.extremes(down)[0])


@dataclass(frozen=True, slots=True)
class Two:
    """Two functions in a polygon; `same`: what the function does with x and z together, if both have the same."""

    polygon: Polygon
    f: Course
    g: Course
    same: Course | None

    def most(self, sign: int, s: int, t: int) -> int:
        """The greatest sign * (f(x) - g(z) - s*(x - z) - t*z), over UNIT * WHOLE, rounded up."""
        scale = self.f.scale
        best: int | None = None
        for a in self.f.pieces:
            for b in self.g.pieces:
                p, q = sign * (a.slope - s * scale), sign * (s * scale - t * scale - b.slope)
                found = self.polygon.greatest(p, q, a, b)
                if found is not None:
                    found += a.most - b.least if sign > 0 else b.most - a.least
                    best = found if best is None else max(best, found)
        value = 0 if best is None else best
        if t == 0 and self.same is not None and self.same.slopes is not None:
            value = min(value, max(sign * (m - s * scale) * d for m in self.same.slopes for d in self.polygon.d))
        return -((-value) // scale)

    def best(self, sign: int, first: tuple[int, int], second: tuple[int, int]) -> Plane:
        """The plane above (sign 1) or below, of two slopes that whose distance varies less."""
        found = []
        for s, t in (first, second):
            c = self.most(sign, s, t)
            found.append((c + self.most(-sign, s, t), Plane(s, t, sign * c)))
        return found[0][1] if found[0][0] <= found[1][0] else found[1][1]


def two(polygon: Polygon, f: Activation, g: Activation | Rational) -> Two:
    """Two functions over one scale."""
    (a, b), (c, d) = polygon.x, polygon.z
    ours, theirs = course(f, a, b), course(g, c, d)
    scale = math.lcm(ours.scale, theirs.scale)
    same = course(f, min(a, c), max(b, d)) if f == g else None
    return Two(polygon, ours.times(scale // ours.scale), theirs.times(scale // theirs.scale), same)


def compared(
    polygon: Polygon, f: Activation, g: Activation | Rational, x: Line
) -> tuple[Plane, Plane, tuple[int, int]]:
    """The planes above and below f(x) - g(z), given the line around f, and its bounds over WHOLE."""
    low, high = polygon.d
    if f == g:
        same = course(f, min(polygon.x[0], polygon.z[0]), max(polygon.x[1], polygon.z[1]))
        if same.slopes is not None and same.is_line and same.slopes[0] % same.scale == 0:
            slope = same.slopes[0] // same.scale
            ends = sorted((slope * low, slope * high))
            exact = Plane(slope, 0, 0)
            return exact, exact, (ends[0] // UNIT, -((-ends[1]) // UNIT))
    both = two(polygon, f, g)
    scale = both.f.scale
    known = [c.slopes for c in ([both.same] if both.same is not None else [both.f, both.g]) if c.slopes is not None]
    m = (min(s for s, _ in known) if known else 0) // scale
    n = (max(s for _, s in known) if known else UNIT * scale) // scale
    if low >= 0:
        s, t = n, m
    elif high <= 0:
        s, t = m, n
    else:
        s = (n * high - m * low) // (high - low)
        t = m + n - s
    z = line_around(both.g, *polygon.z)
    above = both.best(1, (s, 0), (x.above, x.above - z.below))
    below = both.best(-1, (t, 0), (x.below, x.below - z.above))
    return above, below, _ends(both)


def _ends(both: Two) -> tuple[int, int]:
    """The bounds of f(x) - g(z), over WHOLE."""
    (a, b), (c, d) = both.f.ends, both.g.ends
    if both.same is not None and both.same.slopes is not None:
        found = [k * end for k in both.same.slopes for end in both.polygon.d]
        whole = UNIT * both.f.scale
        low, high = min(found) // whole, -((-max(found)) // whole)
    else:
        low, high = (-both.most(-1, 0, 0)) // UNIT, -((-both.most(1, 0, 0)) // UNIT)
    return max(a - d, low), min(b - c, high)
