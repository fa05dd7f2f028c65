# SPDX-License-Identifier: Apache-2.0
"""This file is about lines and planes around ReLU and its differences, in compiled loops (`compiled.py`)."""

from typing import Any

import numpy as np

LOOPS = ("cell", "most", "plane", "corners", "least", "around")


def cell(p: float, q: float, a: float, b: float, c: float, d: float, e: float, f: float) -> float:
    """The greatest p*x + q*z for x in [a, b], z in [c, d], x - z in [e, f]; far below 0 where there is none."""
    if a > b or c > d or a - d > f or e > b - c:
        return -1e300
    best = 1e300
    for m in (0.0, p, -q):
        u, v = p - m, q + m
        total = (m * f if m >= 0 else m * e) + (u * b if u >= 0 else u * a) + (v * d if v >= 0 else v * c)
        best = min(best, total)
    return best


def most(g: float, s: float, t: float, q: Any) -> float:
    """The greatest g * (relu(x) - relu(z) - s*(x - z) - t*z) for q = bounds of x, z and x - z."""
    ap, bn, cp, dn = max(q[0], 0.0), min(q[1], 0.0), max(q[2], 0.0), min(q[3], 0.0)
    best = cell(g * (1 - s), g * (s - t - 1), ap, q[1], cp, q[3], q[4], q[5])
    best = max(best, cell(g * (1 - s), g * (s - t), ap, q[1], q[2], dn, q[4], q[5]))
    best = max(best, cell(-g * s, g * (s - t - 1), q[0], bn, cp, q[3], q[4], q[5]))
    best = max(best, cell(-g * s, g * (s - t), q[0], bn, q[2], dn, q[4], q[5]))
    return best if best > -1e299 else 0.0


def plane(g: float, s: float, t: float, u: float, v: float, q: Any, out: Any, at: int) -> float:
    """Of two planes with given slopes the one that varies less; how much it does."""
    m, n = most(g, s, t, q), most(g, u, v, q)
    w, x = m + most(-g, s, t, q), n + most(-g, u, v, q)
    if w <= x:
        out[at], out[at + 1], out[at + 2] = s, t, g * m
        return w
    out[at], out[at + 1], out[at + 2] = u, v, g * n
    return x


def corners(q: Any, out: Any) -> int:
    """The corners of the polygon, cut where x or z is 0: (x - z, z, relu(x) - relu(z)) each; how many."""
    xs, zs = np.empty(3), np.empty(3)
    nx, nz, n = 2, 2, 0
    xs[0], xs[1], zs[0], zs[1] = q[0], q[1], q[2], q[3]
    if q[0] < 0 < q[1]:
        xs[2] = 0.0
        nx = 3
    if q[2] < 0 < q[3]:
        zs[2] = 0.0
        nz = 3
    e = 1e-12
    for a in range(nx):
        for b in range(nz):
            if q[4] - e <= xs[a] - zs[b] <= q[5] + e:
                out[n, 0], out[n, 1], out[n, 2] = xs[a] - zs[b], zs[b], max(xs[a], 0.0) - max(zs[b], 0.0)
                n += 1
        for side in range(4, 6):
            z = xs[a] - q[side]
            if q[2] - e <= z <= q[3] + e:
                out[n, 0], out[n, 1], out[n, 2] = q[side], z, max(xs[a], 0.0) - max(z, 0.0)
                n += 1
    for b in range(nz):
        for side in range(4, 6):
            x = zs[b] + q[side]
            if q[0] - e <= x <= q[1] + e:
                out[n, 0], out[n, 1], out[n, 2] = q[side], zs[b], max(x, 0.0) - max(zs[b], 0.0)
                n += 1
    return n


def least(sign: float, s: float, t: float, points: Any, count: int) -> tuple[float, int]:
    """The intercept of the plane below (sign 1) or above (-1) all corners, and the corner that it touches."""
    best, at = 1e300, 0
    for v in range(count):
        z = sign * (points[v, 2] - s * points[v, 0] - t * points[v, 1])
        if z < best:
            best, at = z, v
    return sign * best, at


def around(low: float, high: float, line: Any) -> None:
    """The lines around ReLU: above * y + over, below * y."""
    if low >= 0:
        line[0], line[1], line[2] = 1.0, 0.0, 1.0
    elif high <= 0:
        line[0], line[1], line[2] = 0.0, 0.0, 0.0
    else:
        s = min(1.0, (np.floor(4096.0 * high / (high - low)) + 1.0) / 4096.0)
        line[0], line[1], line[2] = s, max(-s * low, (1.0 - s) * high), 1.0 if high > -low else 0.0
