# SPDX-License-Identifier: Apache-2.0
"""This file is about better slopes for one functional: gradient ascent in compiled loops (`compiled.py`)."""

from typing import Any

import numpy as np

from exactlump.bounding.compiled_planes import corners, least, most
from exactlump.bounding.compiled_rows import back

LOOPS = ("adam", "forward", "climbed", "stepped", "improve", "rounded")


def adam(
    m: Any, at: int, g: float, value: float, rate: float, low: float, high: float, one: float, two: float
) -> float:
    """One step of Adam within bounds; m holds both moments."""
    m[at] = 0.7 * m[at] + 0.3 * g
    m[at + 5] = 0.9 * m[at + 5] + 0.1 * g * g
    if m[at + 5] > 0:
        value += rate * (m[at] / (1 - one)) / (np.sqrt(m[at + 5] / (1 - two)) + 1e-12)
    return min(max(value, low), high)


def forward(net: Any, j: int, st: Any, h: Any, gap: Any, y: Any, moved: Any) -> None:
    """B and A - B before the functions of layer j, at the corner that a bound is attained at: y and moved."""
    first, inner, bias, _, _, widths = net
    columns = widths[j - 1] if j else first.shape[2]
    wa, wb, wd = (inner[0, j], inner[1, j], inner[2, j]) if j else (first[0], first[1], first[2])
    for i in range(widths[j]):
        if st[j, i] == 2:
            y[i], moved[i] = 0.0, 0.0
            continue
        a, e = bias[1, j, i], bias[2, j, i]
        for c in range(columns):
            a += wb[i, c] * h[c]
            e += wd[i, c] * h[c]
        if j:
            for c in range(columns):
                e += wa[i, c] * gap[c]
        y[i], moved[i] = a, e


def climbed(line: Any, x: float, z: float, y: float, d: float, moment: Any, points: Any, count: int, pace: Any) -> None:
    """One step for the slopes of a unit; x and z: coefficients on B and on A - B after the function, y and d before."""
    rate, one, two = pace[0], pace[1], pace[2]
    if x > 0 and 0.0 < line[0] < 1.0:
        line[2] = adam(moment, 0, x * y, line[2], rate, 0.0, 1.0, one, two)
    if z == 0.0:
        return
    widest, furthest = 0.0, 0.0
    for v in range(count):
        widest, furthest = max(widest, abs(points[v, 1])), max(furthest, abs(points[v, 0]))
    ratio = furthest / widest if widest > 0 else 0.0
    at, side, place = (6, 1.0, 1) if z > 0 else (3, -1.0, 3)
    _, w = least(side, line[at], line[at + 1], points, count)
    s, t = z * (d - points[w, 0]), z * (y - points[w, 1])
    line[at] = adam(moment, place, s, line[at], rate, -0.5, 1.5, one, two)
    line[at + 1] = adam(moment, place + 1, t, line[at + 1], rate * ratio, -2.0, 2.0, one, two)
    line[at + 2], _ = least(side, line[at], line[at + 1], points, count)


def stepped(net: Any, q: Any, lo: Any, hi: Any, desk: Any, pace: Any) -> None:
    """One step for the slopes of all units, at the corner that the last bound is attained at."""
    lines, _, st, _, _, _, trace, points, counts, _, moments, _ = desk
    first, _, _, last, _, widths = net
    wide = last.shape[2]
    h, gap, y, moved = np.zeros(wide), np.zeros(wide), np.empty(wide), np.empty(wide)
    for d in range(first.shape[2]):
        h[d] = lo[d] if trace[1, 0, d] > 0 else hi[d]
    for j in range(len(widths)):
        forward(net, j, st, h, gap, y, moved)
        for i in range(widths[j]):
            if st[j, i] == 2:
                h[i], gap[i] = 0.0, 0.0
            elif st[j, i] == 1:
                h[i], gap[i] = y[i], moved[i]
            else:
                x, z, line = trace[1, j + 1, i], trace[0, j + 1, i], lines[j, i]
                h[i] = line[2] * y[i] if x > 0 else line[0] * y[i] + line[1]
                at = 6 if z > 0 else 3
                gap[i] = line[at] * moved[i] + line[at + 1] * y[i] + line[at + 2]
                if counts[j, i] < 0:
                    counts[j, i] = corners(q[j, i], points[j, i])
                climbed(line, x, z, y[i], moved[i], moments[j, i], points[j, i], counts[j, i], pace)


def improve(
    net: Any, o: int, sign: float, eps: float, target: float, options: Any, q: Any, lo: Any, hi: Any, desk: Any
) -> tuple[float, int]:
    """A lower bound of sign * output o of A - B, improved by gradient ascent on its slopes; how many steps were taken.

    The desk's points (K, H, 24, 3) and counts (K, H) hold the corners of the polygons, `kept` gets the lines of the
    best bound, and the moments are Adam's.
    """
    lines, _, st, _, _, _, trace, _, _, kept, moments, _ = desk
    _, _, _, last, last_bias, widths = net
    count = len(widths)
    cd, cb, constant = sign * last[0, o], sign * last[2, o], sign * last_bias[2, o]
    if count == 0:
        for d in range(lo.size):
            constant += cb[d] * lo[d] if cb[d] > 0 else cb[d] * hi[d]
            trace[1, 0, d] = cb[d]
        return constant, 0
    best = back(net, count, cd, cb, constant, lines, st, lo, hi, trace)
    kept[:] = lines
    if best >= target or best < -4.0 * eps:
        return best, 0
    moments[:] = 0.0
    pace, begun, taken = np.array([options[1], 1.0, 1.0]), best, 0
    for step in range(int(options[0])):
        if best >= target:
            break
        taken += 1
        pace[1] *= 0.7
        pace[2] *= 0.9
        stepped(net, q, lo, hi, desk, pace)
        now = back(net, count, cd, cb, constant, lines, st, lo, hi, trace)
        if now > best:
            best = now
            kept[:] = lines
        pace[0] *= 0.93
        if step == 4 and best < target and target - best > max(0.75 * (target - begun), 4.0 * eps):
            break
    return best, taken


def rounded(net: Any, o: int, sign: float, q: Any, lo: Any, hi: Any, desk: Any, out: Any) -> float:
    """The bound for the slopes that were kept, rounded to 12 digits, which are written (over 2^12) to `out`: of B's
    line below, of the plane on the side that the functional uses, and whether the unit may bend."""
    lines, _, st, _, _, _, trace, _, _, kept, _, _ = desk
    _, _, _, last, last_bias, widths = net
    count = len(widths)
    for j in range(count):
        for i in range(widths[j]):
            at = 6 if trace[0, j + 1, i] > 0 else 3
            line = kept[j, i]
            out[j, i, 0] = int(np.floor(4096.0 * line[2] + 0.5))
            out[j, i, 1] = int(np.floor(4096.0 * line[at] + 0.5))
            out[j, i, 2] = int(np.floor(4096.0 * line[at + 1] + 0.5))
            out[j, i, 3] = st[j, i] == 0
            lines[j, i] = line
            if st[j, i] == 0:
                lines[j, i, 2] = out[j, i, 0] / 4096.0
                s, t = out[j, i, 1] / 4096.0, out[j, i, 2] / 4096.0
                lines[j, i, 3], lines[j, i, 4], lines[j, i, 5] = s, t, most(1.0, s, t, q[j, i])
                lines[j, i, 6], lines[j, i, 7], lines[j, i, 8] = s, t, -most(-1.0, s, t, q[j, i])
    cd, cb = sign * last[0, o], sign * last[2, o]
    return back(net, count, cd, cb, sign * last_bias[2, o], lines, st, lo, hi, trace)
