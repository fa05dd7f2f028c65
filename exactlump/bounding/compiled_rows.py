# SPDX-License-Identifier: Apache-2.0
"""This file is about functionals that go down to the inputs, in compiled loops (`compiled.py`)."""

from typing import Any

import numpy as np

LOOPS = ("carry", "back", "single")


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
