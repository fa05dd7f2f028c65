# SPDX-License-Identifier: Apache-2.0
"""This file is about all bounds of a box, in compiled loops (`compiled.py`)."""

from typing import Any

import numpy as np

from exactlump.bounding.compiled_planes import around, plane
from exactlump.bounding.compiled_rows import back, single

LOOPS = ("reached", "tight", "alike", "lowered", "weighed", "unit", "drawn", "bounds")


def reached(wa: Any, wb: Any, wd: Any, start: Any, after: Any, columns: int, v: Any) -> None:
    """By intervals: bounds of x = wa A, of z = wb B, and of x - z = wa (A - B) + wd B, each with its constant.

    after  (6, W): bounds of A, B and A - B after the layer before; v (6): those of x, z and x - z
    """
    x0, x1, z0, z1, d0, d1 = start[0], start[0], start[1], start[1], start[2], start[2]
    al, au, hl, hu, dl, du = after[0], after[1], after[2], after[3], after[4], after[5]
    for j in range(columns):
        w, u, g = wa[j], wb[j], wd[j]
        x0 += w * al[j] if w > 0 else w * au[j]
        x1 += w * au[j] if w > 0 else w * al[j]
        z0 += u * hl[j] if u > 0 else u * hu[j]
        z1 += u * hu[j] if u > 0 else u * hl[j]
        d0 += (w * dl[j] if w > 0 else w * du[j]) + (g * hl[j] if g > 0 else g * hu[j])
        d1 += (w * du[j] if w > 0 else w * dl[j]) + (g * hu[j] if g > 0 else g * hl[j])
    v[0], v[1], v[2], v[3], v[4], v[5] = x0, x1, z0, z1, d0, d1


def tight(v: Any) -> None:
    """What x = z + d says of the bounds of the three."""
    v[0], v[1] = max(v[0], v[2] + v[4]), min(v[1], v[3] + v[5])
    v[2], v[3] = max(v[2], v[0] - v[5]), min(v[3], v[1] - v[4])
    v[4], v[5] = max(v[4], v[0] - v[3]), min(v[5], v[1] - v[2])


def alike(v: Any) -> int:
    """1: active in both networks, 2: inactive in both, 0: neither is known."""
    if v[0] >= 0 and v[2] >= 0:
        return 1
    return 2 if v[1] <= 0 and v[3] <= 0 else 0


def lowered(
    net: Any, k: int, i: int, wa: Any, wb: Any, own: Any, lines: Any, lo: Any, hi: Any, work: Any, share: Any, v: Any
) -> None:
    """Meet the bounds of x and z with those of functionals; `share`: on which inputs z depends."""
    _, _, bias, _, _, _ = net
    row = np.empty(wa.size)
    v[2] = max(v[2], single(net, 1, k, wb, bias[1, k, i], lines, lo, hi, work))
    for d in range(lo.size):
        share[d] = abs(work[0, d])
    for j in range(wa.size):
        row[j] = -wb[j]
    v[3] = min(v[3], -single(net, 1, k, row, -bias[1, k, i], lines, lo, hi, work))
    for d in range(lo.size):
        share[d] += abs(work[0, d])
    v[0] = max(v[0], single(net, 0, k, wa, bias[0, k, i], own, lo, hi, work))
    for j in range(wa.size):
        row[j] = -wa[j]
    v[1] = min(v[1], -single(net, 0, k, row, -bias[0, k, i], own, lo, hi, work))


def weighed(share: Any, lo: Any, hi: Any) -> None:
    """Shares of the inputs, all in all 1."""
    total = 1e-300
    for d in range(lo.size):
        share[d] *= hi[d] - lo[d]
        total += share[d]
    for d in range(lo.size):
        share[d] /= total


def unit(
    net: Any, k: int, i: int, b: Any, inherited: bool, after: Any, desk: Any, lo: Any, hi: Any, v: Any, start: Any
) -> None:
    """The bounds b (6) of a unit of layer k, which are those of the box around it before, if inherited."""
    lines, own, st, _, share, work, trace, _, _, _, _, _ = desk
    first, inner, bias, _, _, widths = net
    columns = widths[k - 1] if k else lo.size
    if k:
        wa, wb, wd = inner[0, k, i, :columns], inner[1, k, i, :columns], inner[2, k, i, :columns]
    else:
        wa, wb, wd = first[0, i, :columns], first[1, i, :columns], first[2, i, :columns]
    start[0], start[1], start[2] = bias[0, k, i], bias[1, k, i], bias[2, k, i]
    reached(wa, wb, wd, start, after, columns, v)
    if inherited:
        for side in range(0, 6, 2):
            v[side], v[side + 1] = max(v[side], b[side]), min(v[side + 1], b[side + 1])
    tight(v)
    if k == 0:
        for d in range(columns):
            share[k, i, d] = abs(wb[d])
    elif alike(v) == 0:
        lowered(net, k, i, wa, wb, own, lines, lo, hi, work, share[k, i], v)
        tight(v)
        if alike(v) == 0:
            row, gap = np.empty(columns), np.empty(columns)
            for j in range(columns):
                row[j], gap[j] = -wa[j], -wd[j]
            v[4] = max(v[4], back(net, k, wa, wd, bias[2, k, i], lines, st, lo, hi, trace))
            v[5] = min(v[5], -back(net, k, row, gap, -bias[2, k, i], lines, st, lo, hi, trace))
            tight(v)
    for side in range(6):
        b[side] = v[side]
    st[k, i] = alike(v)
    if st[k, i] == 0:
        weighed(share[k, i], lo, hi)


def drawn(b: Any, i: int, alike: int, line: Any, own: Any, slack: Any, after: Any) -> None:
    """The lines of a unit, how much they are off, and its bounds after the function."""
    around(b[0], b[1], own)
    around(b[2], b[3], line)
    for side in range(4):
        after[side, i] = max(b[side], 0.0)
    after[4, i] = max(min(b[4], 0.0), after[0, i] - after[3, i])
    after[5, i] = min(max(b[5], 0.0), after[1, i] - after[2, i])
    if alike:
        after[4, i], after[5, i] = (b[4], b[5]) if alike == 1 else (0.0, 0.0)
        return
    slack[0] = 0.0 if b[2] >= 0 or b[3] <= 0 else min(-b[2], b[3])
    slack[1] = line[1]
    s = 1.0 if b[4] >= 0 else 0.0 if b[5] <= 0 else np.floor(4096.0 * b[5] / (b[5] - b[4])) / 4096.0
    up, down = own[0], own[2]
    slack[2] = plane(1.0, s, 0.0, up, up - line[2], b, line, 3)
    slack[3] = plane(-1.0, 1.0 - s, 0.0, down, down - line[0], b, line, 6)


def bounds(net: Any, q: Any, lo: Any, hi: Any, inherited: bool, desk: Any) -> None:
    """All bounds of a box, q (K, H, 6) being those of the box around it: of x, z and x - z before each function.

    The desk gets the lines of B with the planes (K, H, 9), A's lines (K, H, 3), which units are alike, how much lines
    below and above and planes are off (K, H, 4), and on which inputs each unit depends (K, H, inputs).
    """
    lines, own, st, slack, _, _, _, _, _, _, _, _ = desk
    first, _, _, _, _, widths = net
    after = np.zeros((6, max(first.shape[1], lo.size)))
    for side in range(4):
        after[side, : lo.size] = hi if side % 2 else lo
    v, start = np.empty(6), np.empty(3)
    for k in range(len(widths)):
        for i in range(widths[k]):
            if inherited and q[k, i, 1] <= 0 and q[k, i, 3] <= 0:
                st[k, i] = 2
            else:
                unit(net, k, i, q[k, i], inherited, after, desk, lo, hi, v, start)
        for i in range(widths[k]):
            drawn(q[k, i], i, st[k, i], lines[k, i], own[k, i], slack[k, i], after)
