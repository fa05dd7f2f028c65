# SPDX-License-Identifier: Apache-2.0
"""This file is about going through boxes depth first, in compiled loops (`compiled.py`)."""

from typing import Any

import numpy as np

from exactlump.bounding.compiled_bounds import bounds
from exactlump.bounding.compiled_slopes import improve, rounded

LOOPS = ("valued", "difference", "noticed", "scored", "demanded", "evaluate", "halved", "walk")


def valued(net: Any, side: int, x: Any, out: Any) -> None:
    """The outputs of A (0) or B (1) at a point."""
    first, inner, bias, last, last_bias, widths = net
    values, other = np.zeros(last.shape[2]), np.zeros(last.shape[2])
    values[: x.size] = x
    columns = x.size
    for k in range(len(widths)):
        weight = inner[side, k] if k else first[side]
        for i in range(widths[k]):
            total = bias[side, k, i]
            for j in range(columns):
                total += weight[i, j] * values[j]
            other[i] = max(total, 0.0)
        columns = widths[k]
        values, other = other, values
    for o in range(last.shape[1]):
        total = last_bias[side, o]
        for j in range(columns):
            total += last[side, o, j] * values[j]
        out[o] = total


def difference(net: Any, x: Any, out: Any) -> None:
    """A - B of every output at a point."""
    other = np.empty(out.size)
    valued(net, 0, x, out)
    valued(net, 1, x, other)
    for o in range(out.size):
        out[o] -= other[o]


def noticed(net: Any, lo: Any, hi: Any, trace: Any, goal: Any, seen: Any) -> None:
    """Look at the corner that the last bound is attained at; `seen` keeps the point with the largest share of a demand,
    and that share (last entry)."""
    x, gaps = np.empty(lo.size), np.empty(goal.shape[1])
    for d in range(lo.size):
        x[d] = lo[d] if trace[1, 0, d] > 0 else hi[d]
    difference(net, x, gaps)
    for o in range(gaps.size):
        share = gaps[o] / goal[1, o] if gaps[o] > 0 else -gaps[o] / goal[0, o]
        if share > seen[lo.size]:
            seen[: lo.size] = x
            seen[lo.size] = share


def scored(net: Any, desk: Any, score: Any) -> None:
    """Add, for each input, the slack of the units that depend on it, as far as the last functional uses it."""
    _, _, st, slack, share, _, trace, _, _, _, _, _ = desk
    _, _, _, _, _, widths = net
    for j in range(len(widths)):
        for i in range(widths[j]):
            if st[j, i] == 0:
                a, b = trace[1, j + 1, i], trace[0, j + 1, i]
                weight = abs(a) * slack[j, i, 0 if a > 0 else 1] + abs(b) * slack[j, i, 3 if b > 0 else 2]
                for d in range(score.size):
                    score[d] += weight * share[j, i, d]


def demanded(
    net: Any, q: Any, lo: Any, hi: Any, r: int, goal: Any, options: Any, desk: Any, alphas: Any, state: Any
) -> bool:
    """Whether a box meets demand r: side r % 2 of difference r // 2."""
    o, side = r >> 1, r & 1
    sign, target = -1.0 if side else 1.0, -options[2] * goal[side, o]
    found, taken = improve(net, o, sign, goal[side, o], target, options, q, lo, hi, desk)
    if found >= target and taken:
        found = rounded(net, o, sign, q, lo, hi, desk, alphas[2][state[2]])
        if found >= target:
            alphas[0][state[2]], alphas[1][state[2]] = state[1], r
            state[2] += 1
    return bool(found >= target)


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
    state: Any,
) -> int:
    """Bound a box: the demands that it meets leave the mask.  1: none is left, 0: some are, -1: a point breaks one.

    goal     (2, outputs): how far below 0 and above 0 each difference may be
    options  steps of ascent, their rate, how much of a demand is asked for, and beyond what a point breaks one
    alphas   nodes, demands and slopes of functionals that ascent improved
    """
    lines, _, _, _, _, _, trace, _, counts, _, _, base = desk
    bounds(net, q, lo, hi, inherited, desk)
    counts[:] = -1
    base[:] = lines
    score[:] = 0.0
    left = False
    for r in range(mask.size):
        if not mask[r]:
            continue
        if demanded(net, q, lo, hi, r, goal, options, desk, alphas, state):
            mask[r] = False
        else:
            left = True
            noticed(net, lo, hi, trace, goal, seen)
            scored(net, desk, score)
        lines[:] = base
    if seen[lo.size] > options[3]:
        return -1
    return 0 if left else 1


def halved(lo: Any, hi: Any, score: Any, whole: Any) -> int:
    """The input along which a box is halved: that of the highest score, or the widest of the whole box."""
    best = 0
    for d in range(1, score.size):
        if score[d] > score[best]:
            best = d
    if not score[best] > 0.0 or not hi[best] > lo[best]:
        for d in range(score.size):
            if (hi[d] - lo[d]) * whole[best] > (hi[best] - lo[best]) * whole[d] or not hi[best] > lo[best]:
                best = d
    return best


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
    """Go on with a search, depth first, the lower half first.  0: done, 1: enough nodes, 2: no room, -1: a point,
    3: a box that cannot be halved is not bounded.

    stack  ends, bounds, masks, and whether the bounds are those of a box around, of the boxes to do
    state  how many boxes are on the stack, how many splits are written, how many alphas, how many leaves
    """
    los, his, qs, masks, known = stack
    score = np.empty(los.shape[1])
    for _ in range(most_nodes):
        if state[0] == 0:
            return 0
        top = state[0] - 1
        if state[0] + 1 >= len(los) or state[1] + 1 >= len(splits) or state[2] + masks.shape[1] >= len(alphas[0]):
            return 2
        lo, hi, mask = los[top], his[top], masks[top]
        found = evaluate(net, qs[top], lo, hi, known[top], mask, goal, options, desk, score, seen, alphas, state)
        known[top] = True
        if found < 0:
            return -1
        if found == 1:
            splits[state[1]] = 0
            state[1] += 1
            state[0] -= 1
            state[3] += 1
            continue
        best = halved(lo, hi, score, whole)
        middle = np.floor((lo[best] + hi[best]) * 2.0**39) / 2.0**40
        if not lo[best] < middle < hi[best]:
            return 3
        splits[state[1]] = best + 1
        state[1] += 1
        los[top + 1], his[top + 1], masks[top + 1], known[top + 1] = lo, hi, mask, True
        qs[top + 1] = qs[top]
        los[top, best] = middle
        his[top + 1, best] = middle
        state[0] += 1
    return 1
