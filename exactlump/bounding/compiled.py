# SPDX-License-Identifier: Apache-2.0
"""This file is about searching a tree of boxes in compiled loops, where the extra `fast` is installed.

The recipe: bounds of every unit of both networks and of their differences, each by intervals and by functionals that go
down to the inputs, met with those of the box around; slopes of the last functionals are improved by some steps of
gradient ascent; a box that is not bounded well enough is halved along the input that most of the slack depends on.
All of it proposes only: the exact pass and the checker decide.

Throughout: K hidden layers, H the widest, layers k, slots i; `st` is 0 for a unit that may bend, 1 for active in both
networks, 2 for inactive in both; a row is ca, cb, cd on A, B and A - B.
"""

from functools import cache
from typing import Any

import numpy as np

from exactlump.bounding.chain import Chain
from exactlump.kernels.kernel_numba import available, compiled

__all__ = ["available", "search"]

_LOOPS = (
    *("carry", "back", "single", "cell", "most", "plane", "corners", "least", "bounds", "adam", "improve"),
    *("difference", "rounded", "evaluate", "walk"),
)


@cache
def search() -> Any:
    """The compiled `walk`: the loops call each other by name, so each name is given its compiled loop, callees first."""
    for name in _LOOPS:
        globals()[name] = compiled(globals()[name], fast=True)
    return globals()["walk"]


def padded(chain: Chain) -> tuple[Any, ...]:
    """The arrays of a chain as the loops read them: of one width, with zeros."""
    count, width, inputs = len(chain.widths), max(chain.widths, default=1), chain.inputs
    width = -(-width // 8) * 8
    first = np.zeros((3, width, inputs))
    inner = np.zeros((3, count + 1, width, width))
    bias = np.zeros((3, count + 1, width))
    last = np.zeros((3, chain.outputs, max(width, inputs)))
    last_bias = np.zeros((3, chain.outputs))
    sides = ((chain.ours, chain.our_bias), (chain.theirs, chain.their_bias), (chain.gaps, chain.gap_bias))
    for side, (weights, biases) in enumerate(sides):
        for k, (weight, b) in enumerate(zip(weights[:-1], biases[:-1], strict=True)):
            (first[side] if k == 0 else inner[side, k])[: weight.shape[0], : weight.shape[1]] = weight
            bias[side, k, : len(b)] = b
        last[side, :, : weights[-1].shape[1]] = weights[-1]
        last_bias[side] = biases[-1]
    return first, inner, bias, last, last_bias, np.array(chain.widths, np.int64)


# The loops.  They are plain Python until `search` compiles them.


def carry(weight: Any, v: Any, n: int, columns: int, out: Any) -> None:
    """out += v @ weight, over the rows where v is not 0, four at a time."""
    rows = np.empty(n, np.int64)
    found = 0
    for i in range(n):
        if v[i] != 0.0:
            rows[found] = i
            found += 1
    at = 0
    while at + 4 <= found:
        a, b, c, d = rows[at], rows[at + 1], rows[at + 2], rows[at + 3]
        x, y, z, w = v[a], v[b], v[c], v[d]
        for j in range(columns):
            out[j] += x * weight[a, j] + y * weight[b, j] + z * weight[c, j] + w * weight[d, j]
        at += 4
    while at < found:
        a = rows[at]
        x = v[a]
        for j in range(columns):
            out[j] += x * weight[a, j]
        at += 1


def back(
    net: Any, k: int, cd: Any, cb: Any, constant: float, lines: Any, st: Any, lo: Any, hi: Any, trace: Any
) -> float:
    """A lower bound of cd * (A - B) + cb * B + constant after layer k - 1; the coefficients are left in `trace`.

    lines  (K, H, 9): B's above, over, below; then s, t, c of the plane above and of the one below
    trace  (2, K + 1, W): coefficients on the differences and on B after each layer; at 0, on the inputs
    """
    first, inner, bias, _, _, widths = net
    n = widths[k - 1]
    trace[0, k, :n] = cd[:n]
    trace[1, k, :n] = cb[:n]
    va, vb = np.empty(first.shape[1]), np.empty(first.shape[1])
    for j in range(k - 1, -1, -1):
        n = widths[j]
        columns = widths[j - 1] if j else first.shape[2]
        ds, bs = trace[0, j + 1], trace[1, j + 1]
        for i in range(n):
            s = st[j, i]
            x, z = bs[i], ds[i]
            if s == 2:
                va[i] = 0.0
                vb[i] = 0.0
            elif s == 1:
                va[i] = z
                vb[i] = x
            else:
                if x > 0:
                    y = x * lines[j, i, 2]
                else:
                    y = x * lines[j, i, 0]
                    constant += x * lines[j, i, 1]
                w = 0.0
                if z > 0:
                    w = z * lines[j, i, 6]
                    y += z * lines[j, i, 7]
                    constant += z * lines[j, i, 8]
                elif z < 0:
                    w = z * lines[j, i, 3]
                    y += z * lines[j, i, 4]
                    constant += z * lines[j, i, 5]
                va[i] = w
                vb[i] = y
            constant += vb[i] * bias[1, j, i] + va[i] * bias[2, j, i]
        trace[0, j, :columns] = 0.0
        trace[1, j, :columns] = 0.0
        if j:
            carry(inner[1, j], vb, n, columns, trace[1, j])
            carry(inner[2, j], va, n, columns, trace[1, j])
            carry(inner[0, j], va, n, columns, trace[0, j])
        else:
            carry(first[1], vb, n, columns, trace[1, j])
            carry(first[2], va, n, columns, trace[1, j])
    for d in range(first.shape[2]):
        x = trace[1, 0, d]
        constant += x * lo[d] if x > 0 else x * hi[d]
    return constant


def single(net: Any, side: int, k: int, c: Any, constant: float, lines: Any, lo: Any, hi: Any, work: Any) -> float:
    """A lower bound of c * (A or B after layer k - 1) + constant, by its own lines (K, H, 3); work (2, W)."""
    first, inner, bias, _, _, widths = net
    now, then = 0, 1
    work[now, : widths[k - 1]] = c[: widths[k - 1]]
    v = np.empty(first.shape[1])
    for j in range(k - 1, -1, -1):
        n = widths[j]
        columns = widths[j - 1] if j else first.shape[2]
        for i in range(n):
            x = work[now, i]
            if x > 0:
                v[i] = x * lines[j, i, 2]
            else:
                v[i] = x * lines[j, i, 0]
                constant += x * lines[j, i, 1]
            constant += v[i] * bias[side, j, i]
        work[then, :columns] = 0.0
        carry(inner[side, j] if j else first[side], v, n, columns, work[then])
        now, then = then, now
    for d in range(first.shape[2]):
        x = work[now, d]
        constant += x * lo[d] if x > 0 else x * hi[d]
    if now != 0:
        work[0, : first.shape[2]] = work[now, : first.shape[2]]
    return constant


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


def bounds(
    net: Any,
    q: Any,
    lo: Any,
    hi: Any,
    inherited: bool,
    lines: Any,
    own: Any,
    st: Any,
    slack: Any,
    share: Any,
    work: Any,
    trace: Any,
) -> int:
    """All bounds of a box, q (K, H, 6) being those of the box around it; the number of units that may bend.

    own    (K, H, 3): A's lines; slack (K, H, 4): how much B's lines below and above, and the planes, are off
    share  (K, H, inputs): on which inputs a unit depends, all in all 1
    """
    first, inner, bias, _, _, widths = net
    inputs = first.shape[2]
    wide = max(first.shape[1], inputs)
    hl, hu, al, au, dl, du = (
        np.zeros(wide),
        np.zeros(wide),
        np.zeros(wide),
        np.zeros(wide),
        np.zeros(wide),
        np.zeros(wide),
    )
    hl[:inputs], hu[:inputs], al[:inputs], au[:inputs] = lo, hi, lo, hi
    bending = 0
    zero, row, gap = np.zeros(wide), np.empty(wide), np.empty(wide)
    for k in range(len(widths)):
        columns = widths[k - 1] if k else inputs
        wa, wb, wd = (inner[0, k], inner[1, k], inner[2, k]) if k else (first[0], first[1], first[2])
        for i in range(widths[k]):
            b = q[k, i]
            if inherited and b[1] <= 0 and b[3] <= 0:
                st[k, i] = 2
                continue
            x0, x1, z0, z1, d0, d1 = (
                bias[0, k, i],
                bias[0, k, i],
                bias[1, k, i],
                bias[1, k, i],
                bias[2, k, i],
                bias[2, k, i],
            )
            for j in range(columns):
                w, u, v = wa[i, j], wb[i, j], wd[i, j]
                x0 += w * al[j] if w > 0 else w * au[j]
                x1 += w * au[j] if w > 0 else w * al[j]
                z0 += u * hl[j] if u > 0 else u * hu[j]
                z1 += u * hu[j] if u > 0 else u * hl[j]
                d0 += (w * dl[j] if w > 0 else w * du[j]) + (v * hl[j] if v > 0 else v * hu[j])
                d1 += (w * du[j] if w > 0 else w * dl[j]) + (v * hu[j] if v > 0 else v * hl[j])
            if inherited:
                x0, x1, z0, z1, d0, d1 = (
                    max(x0, b[0]),
                    min(x1, b[1]),
                    max(z0, b[2]),
                    min(z1, b[3]),
                    max(d0, b[4]),
                    min(d1, b[5]),
                )
            for turn in range(3):
                x0, x1 = max(x0, z0 + d0), min(x1, z1 + d1)
                z0, z1 = max(z0, x0 - d1), min(z1, x1 - d0)
                d0, d1 = max(d0, x0 - z1), min(d1, x1 - z0)
                if (x0 >= 0 and z0 >= 0) or (x1 <= 0 and z1 <= 0) or k == 0 or turn == 2:
                    break
                if turn == 0:
                    z0 = max(z0, single(net, 1, k, wb[i], bias[1, k, i], lines, lo, hi, work))
                    for d in range(inputs):
                        share[k, i, d] = abs(work[0, d])
                    for j in range(columns):
                        row[j] = -wb[i, j]
                    z1 = min(z1, -single(net, 1, k, row, -bias[1, k, i], lines, lo, hi, work))
                    for d in range(inputs):
                        share[k, i, d] += abs(work[0, d])
                    x0 = max(x0, single(net, 0, k, wa[i], bias[0, k, i], own, lo, hi, work))
                    for j in range(columns):
                        row[j] = -wa[i, j]
                    x1 = min(x1, -single(net, 0, k, row, -bias[0, k, i], own, lo, hi, work))
                else:
                    d0 = max(d0, back(net, k, wa[i], wd[i], bias[2, k, i], lines, st, lo, hi, trace))
                    for j in range(columns):
                        row[j] = -wa[i, j]
                        gap[j] = -wd[i, j]
                    d1 = min(d1, -back(net, k, row, gap, -bias[2, k, i], lines, st, lo, hi, trace))
            b[0], b[1], b[2], b[3], b[4], b[5] = x0, x1, z0, z1, d0, d1
            st[k, i] = 1 if x0 >= 0 and z0 >= 0 else 2 if x1 <= 0 and z1 <= 0 else 0
            if k == 0:
                for d in range(inputs):
                    share[k, i, d] = abs(wb[i, d])
            if st[k, i] == 0:
                bending += 1
                total = 1e-300
                for d in range(inputs):
                    share[k, i, d] *= hi[d] - lo[d]
                    total += share[k, i, d]
                for d in range(inputs):
                    share[k, i, d] /= total
        for i in range(widths[k]):
            b = q[k, i]
            for side in range(2):
                l, u = b[2 - 2 * side], b[3 - 2 * side]
                target = own[k, i] if side else lines[k, i]
                if l >= 0:
                    target[0], target[1], target[2] = 1.0, 0.0, 1.0
                elif u <= 0:
                    target[0], target[1], target[2] = 0.0, 0.0, 0.0
                else:
                    s = min(1.0, (np.floor(4096.0 * u / (u - l)) + 1.0) / 4096.0)
                    target[0], target[1], target[2] = s, max(-s * l, (1.0 - s) * u), 1.0 if u > -l else 0.0
            hl[i], hu[i], al[i], au[i] = max(b[2], 0.0), max(b[3], 0.0), max(b[0], 0.0), max(b[1], 0.0)
            if st[k, i] == 1:
                dl[i], du[i] = b[4], b[5]
                continue
            dl[i], du[i] = max(min(b[4], 0.0), al[i] - hu[i]), min(max(b[5], 0.0), au[i] - hl[i])
            if st[k, i] == 2:
                dl[i], du[i] = 0.0, 0.0
                continue
            l, u = b[2], b[3]
            slack[k, i, 0] = 0.0 if l >= 0 or u <= 0 else min(-l, u)
            slack[k, i, 1] = lines[k, i, 1]
            s = 1.0 if b[4] >= 0 else 0.0 if b[5] <= 0 else np.floor(4096.0 * b[5] / (b[5] - b[4])) / 4096.0
            up, down = own[k, i, 0], own[k, i, 2]
            slack[k, i, 2] = plane(1.0, s, 0.0, up, up - lines[k, i, 2], b, lines[k, i], 3)
            slack[k, i, 3] = plane(-1.0, 1.0 - s, 0.0, down, down - lines[k, i, 0], b, lines[k, i], 6)
    return bending


def improve(
    net: Any,
    o: int,
    sign: float,
    steps: int,
    eps: float,
    target: float,
    rate: float,
    q: Any,
    lines: Any,
    st: Any,
    lo: Any,
    hi: Any,
    trace: Any,
    points: Any,
    counts: Any,
    kept: Any,
    moments: Any,
) -> tuple[float, int]:
    """A lower bound of sign * output o of A - B, improved by gradient ascent on its slopes; how many steps were taken.

    points (K, H, 24, 3), counts (K, H): the corners of the polygons; kept: lines for the best bound; moments: of Adam
    """
    first, inner, bias, last, last_bias, widths = net
    count = len(widths)
    inputs = first.shape[2]
    wide = last.shape[2]
    cd, cb = sign * last[0, o], sign * last[2, o]
    constant = sign * last_bias[2, o]
    if count == 0:
        for d in range(inputs):
            constant += cb[d] * lo[d] if cb[d] > 0 else cb[d] * hi[d]
        return constant, 0
    best = back(net, count, cd, cb, constant, lines, st, lo, hi, trace)
    kept[:] = lines
    if best >= target or steps == 0 or best < -4.0 * eps:
        return best, 0
    moments[:] = 0.0
    one, two, begun = 1.0, 1.0, best
    h, dl, y, gap = np.empty(wide), np.empty(wide), np.empty(wide), np.empty(wide)
    taken = 0
    for step in range(steps):
        if best >= target:
            break
        taken += 1
        one *= 0.7
        two *= 0.9
        for d in range(inputs):
            h[d] = lo[d] if trace[1, 0, d] > 0 else hi[d]
            dl[d] = 0.0
        for j in range(count):
            columns = widths[j - 1] if j else inputs
            wa, wb, wd = (inner[0, j], inner[1, j], inner[2, j]) if j else (first[0], first[1], first[2])
            for i in range(widths[j]):
                if st[j, i] == 2:
                    y[i], gap[i] = 0.0, 0.0
                    continue
                a, e = bias[1, j, i], bias[2, j, i]
                for c in range(columns):
                    a += wb[i, c] * h[c]
                    e += wd[i, c] * h[c]
                if j:
                    for c in range(columns):
                        e += wa[i, c] * dl[c]
                y[i], gap[i] = a, e
            for i in range(widths[j]):
                if st[j, i] == 2:
                    h[i], dl[i] = 0.0, 0.0
                    continue
                if st[j, i] == 1:
                    h[i], dl[i] = y[i], gap[i]
                    continue
                x, z = trace[1, j + 1, i], trace[0, j + 1, i]
                line = lines[j, i]
                h[i] = line[2] * y[i] if x > 0 else line[0] * y[i] + line[1]
                at = 6 if z > 0 else 3
                dl[i] = line[at] * gap[i] + line[at + 1] * y[i] + line[at + 2]
                if counts[j, i] < 0:
                    counts[j, i] = corners(q[j, i], points[j, i])
                if x > 0 and 0.0 < line[0] < 1.0:
                    line[2] = adam(moments[j, i], 0, x * y[i], line[2], rate, 0.0, 1.0, one, two)
                if z != 0.0:
                    worst_y, worst_d = 0.0, 0.0
                    for v in range(counts[j, i]):
                        worst_y = max(worst_y, abs(points[j, i, v, 1]))
                        worst_d = max(worst_d, abs(points[j, i, v, 0]))
                    ts = worst_d / worst_y if worst_y > 0 else 0.0
                    side = 1.0 if z > 0 else -1.0
                    _, w = least(side, line[at], line[at + 1], points[j, i], counts[j, i])
                    gs, gt = z * (gap[i] - points[j, i, w, 0]), z * (y[i] - points[j, i, w, 1])
                    o2 = 1 if z > 0 else 3
                    line[at] = adam(moments[j, i], o2, gs, line[at], rate, -0.5, 1.5, one, two)
                    line[at + 1] = adam(moments[j, i], o2 + 1, gt, line[at + 1], rate * ts, -2.0, 2.0, one, two)
                    line[at + 2], _ = least(side, line[at], line[at + 1], points[j, i], counts[j, i])
        now = back(net, count, cd, cb, constant, lines, st, lo, hi, trace)
        if now > best:
            best = now
            kept[:] = lines
        rate *= 0.93
        if step == 4 and best < target and target - best > 0.75 * (target - begun) and target - best > 4.0 * eps:
            break
    return best, taken


def adam(
    m: Any, at: int, g: float, value: float, rate: float, low: float, high: float, one: float, two: float
) -> float:
    """One step of Adam within bounds; m holds both moments."""
    m[at] = 0.7 * m[at] + 0.3 * g
    m[at + 5] = 0.9 * m[at + 5] + 0.1 * g * g
    if m[at + 5] > 0:
        value += rate * (m[at] / (1 - one)) / (np.sqrt(m[at + 5] / (1 - two)) + 1e-12)
    return min(max(value, low), high)


def difference(net: Any, x: Any, out: Any) -> None:
    """A - B of every output at a point."""
    first, inner, bias, last, last_bias, widths = net
    count, wide = len(widths), last.shape[2]
    values, other = np.zeros((2, wide)), np.zeros((2, wide))
    values[0, : first.shape[2]] = x
    values[1, : first.shape[2]] = x
    for k in range(count):
        columns = widths[k - 1] if k else first.shape[2]
        for i in range(widths[k]):
            a, b = bias[0, k, i], bias[1, k, i]
            if k:
                for j in range(columns):
                    a += inner[0, k, i, j] * values[0, j]
                    b += inner[1, k, i, j] * values[1, j]
            else:
                for j in range(columns):
                    a += first[0, i, j] * values[0, j]
                    b += first[1, i, j] * values[1, j]
            other[0, i], other[1, i] = max(a, 0.0), max(b, 0.0)
        values, other = other, values
    columns = widths[count - 1] if count else first.shape[2]
    for o in range(last.shape[1]):
        total = last_bias[0, o] - last_bias[1, o]
        for j in range(columns):
            total += last[0, o, j] * values[0, j] - last[1, o, j] * values[1, j]
        out[o] = total


def rounded(
    net: Any,
    o: int,
    sign: float,
    q: Any,
    kept: Any,
    lines: Any,
    st: Any,
    lo: Any,
    hi: Any,
    trace: Any,
    points: Any,
    counts: Any,
    out: Any,
) -> float:
    """The bound for the slopes in `kept`, rounded to 12 digits, which are written (over 2^12) to `out`: of B's line
    below, of the plane on the side that the functional uses, and whether the unit may bend."""
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


def evaluate(
    net: Any,
    q: Any,
    lo: Any,
    hi: Any,
    inherited: bool,
    mask: Any,
    goal: Any,
    options: Any,
    desk: Any,
    score: Any,
    seen: Any,
    alphas: Any,
    filled: Any,
    node: int,
) -> int:
    """Bound a box: the demands that it meets leave the mask.  1: none is left, 0: some are, -1: a point breaks one.

    goal    (2, outputs): how far below 0 and above 0 each difference may be
    options steps of ascent, their rate, how much of a demand is asked for, and beyond what a point breaks one
    seen    the point with the largest share of a demand so far, and that share (last entry)
    alphas  nodes, demands and slopes of functionals that ascent improved; `filled` counts them
    """
    lines, own, st, slack, share, work, trace, points, counts, kept, moments, base = desk
    first, _, _, _, _, widths = net
    bounds(net, q, lo, hi, inherited, lines, own, st, slack, share, work, trace)
    counts[:] = -1
    base[:] = lines
    inputs, outputs = first.shape[2], goal.shape[1]
    score[:] = 0.0
    x, gaps = np.empty(inputs), np.empty(outputs)
    left = 0
    for r in range(2 * outputs):
        if not mask[r]:
            continue
        o, side = r >> 1, r & 1
        sign = -1.0 if side else 1.0
        eps = goal[side, o]
        target = -options[2] * eps
        found, taken = improve(
            net,
            o,
            sign,
            int(options[0]),
            eps,
            target,
            options[1],
            q,
            lines,
            st,
            lo,
            hi,
            trace,
            points,
            counts,
            kept,
            moments,
        )
        if found >= target and taken:
            found = rounded(net, o, sign, q, kept, lines, st, lo, hi, trace, points, counts, alphas[2][filled[0]])
            if found >= target:
                alphas[0][filled[0]] = node
                alphas[1][filled[0]] = r
                filled[0] += 1
        if found >= target:
            mask[r] = False
        else:
            left += 1
            for d in range(inputs):
                x[d] = lo[d] if trace[1, 0, d] > 0 else hi[d]
            difference(net, x, gaps)
            for p in range(outputs):
                share_of = gaps[p] / goal[1, p] if gaps[p] > 0 else -gaps[p] / goal[0, p]
                if share_of > seen[inputs]:
                    seen[:inputs] = x
                    seen[inputs] = share_of
            for j in range(len(widths)):
                for i in range(widths[j]):
                    if st[j, i] == 0:
                        a, b = trace[1, j + 1, i], trace[0, j + 1, i]
                        weight = abs(a) * slack[j, i, 0 if a > 0 else 1] + abs(b) * slack[j, i, 3 if b > 0 else 2]
                        for d in range(inputs):
                            score[d] += weight * share[j, i, d]
        lines[:] = base
    if seen[inputs] > options[3]:
        return -1
    return 1 if left == 0 else 0


def walk(
    net: Any,
    stack: Any,
    state: Any,
    goal: Any,
    options: Any,
    desk: Any,
    seen: Any,
    splits: Any,
    alphas: Any,
    whole: Any,
    most_nodes: int,
) -> int:
    """Go on with a search, depth first, the lower half first.  0: done, 1: enough nodes, 2: no room, -1: a point.

    stack  ends, bounds, masks, and whether the bounds are those of a box around, of the boxes to do
    state  how many boxes are on the stack, how many splits are written, how many alphas, how many leaves
    """
    los, his, qs, masks, known = stack
    inputs = los.shape[1]
    score = np.empty(inputs)
    filled = state[2:3]
    for _ in range(most_nodes):
        if state[0] == 0:
            return 0
        top = state[0] - 1
        if state[0] + 1 >= len(los) or state[1] + 1 >= len(splits) or state[2] + masks.shape[1] >= len(alphas[0]):
            return 2
        lo, hi, mask = los[top], his[top], masks[top]
        found = evaluate(
            net, qs[top], lo, hi, known[top], mask, goal, options, desk, score, seen, alphas, filled, state[1]
        )
        known[top] = True
        if found < 0:
            return -1
        if found == 1:
            splits[state[1]] = 0
            state[1] += 1
            state[0] -= 1
            state[3] += 1
            continue
        best = 0
        for d in range(1, inputs):
            if score[d] > score[best]:
                best = d
        if not score[best] > 0.0 or not hi[best] > lo[best]:
            for d in range(inputs):
                if (hi[d] - lo[d]) * whole[best] > (hi[best] - lo[best]) * whole[d] or not hi[best] > lo[best]:
                    best = d
        splits[state[1]] = best + 1
        state[1] += 1
        middle = (lo[best] + hi[best]) / 2
        los[top + 1], his[top + 1], masks[top + 1], known[top + 1] = lo, hi, mask, True
        qs[top + 1] = qs[top]
        los[top, best] = middle
        his[top + 1, best] = middle
        state[0] += 1
    return 1
