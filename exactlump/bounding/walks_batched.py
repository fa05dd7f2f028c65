# SPDX-License-Identifier: Apache-2.0
"""This file is about walks without compiled loops: many boxes at once in floats, or one by one in exact integers."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from exactlump.bounding.batched import Batch, Bounds, bounded
from exactlump.bounding.chain import Chain
from exactlump.bounding.confirm import Goal
from exactlump.bounding.exact_pass import Pass
from exactlump.bounding.known import Bounds as ExactBounds
from exactlump.bounding.search import HOLE, MARGIN
from exactlump.bounding.trees import Slopes, halves

WHOLE = 1 << 40
_MOST_ROWS = 1 << 15  # rows at a time
Floats = NDArray[np.float64]
Path = Sequence[tuple[list[int], list[int]]]


@dataclass
class Grown:
    """A tree that grows anywhere: the split of each box, and its halves."""

    split: list[int] = field(default_factory=lambda: [HOLE])
    halves: dict[int, tuple[int, int]] = field(default_factory=dict)

    def halved(self, node: int, i: int) -> tuple[int, int]:
        """Halve a box along an input; the numbers of its halves."""
        self.split[node] = i + 1
        self.split += [HOLE, HOLE]
        self.halves[node] = len(self.split) - 2, len(self.split) - 1
        return self.halves[node]

    def listed(self) -> list[int]:
        """The splits, depth first."""
        found, stack = [], [0]
        while stack:
            node = stack.pop()
            found.append(self.split[node])
            if node in self.halves:
                lower, upper = self.halves[node]
                stack += [upper, lower]
        return found


class BatchedWalk:
    """A search below the last of some boxes, many boxes at once, with NumPy."""

    def __init__(self, chain: Chain, path: Path, goal: Floats) -> None:
        self.chain, self.goal = chain, np.maximum(goal, 1e-300)
        self.tree, self.boxes = Grown(), 0
        self.threshold, self.found = 1.0 + 1e-9, np.zeros(0)
        self.size = max(1, _MOST_ROWS // (4 * max(1, sum(chain.widths))))
        known: Sequence[Bounds] | None = None
        for around in path[:-1]:
            known = bounded(chain, *_floats(*around), known).before
        low, high = _floats(*path[-1])
        left = np.ones((1, 2, chain.outputs), bool)
        self.stack: list[tuple[NDArray[np.int64], Floats, Floats, Sequence[Bounds] | None, NDArray[np.bool_]]] = []
        self.stack.append((np.zeros(1, np.int64), low, high, known, left))
        self.whole = _floats(*path[0])[1] - _floats(*path[0])[0]
        self.stuck = False

    def advance(self, seconds: float) -> bool:
        """Go on for about so long; whether all is done."""
        end = time.monotonic() + seconds
        while self.stack:
            nodes, low, high, known, left = self.stack.pop()
            if len(nodes) > self.size:
                n = self.size
                rest = None if known is None else [b.of(np.arange(n, len(nodes))) for b in known]
                self.stack.append((nodes[n:], low[n:], high[n:], rest, left[n:]))
                head = np.arange(n)
                known = None if known is None else [b.of(head) for b in known]
                nodes, low, high, left = nodes[:n], low[:n], high[:n], left[:n]
            self.visit(nodes, low, high, known, left)
            if self.stuck:
                return False
            if self.found.size or time.monotonic() >= end:
                return not self.stack and not self.found.size
        return True

    def visit(
        self,
        nodes: NDArray[np.int64],
        low: Floats,
        high: Floats,
        known: Sequence[Bounds] | None,
        left: NDArray[np.bool_],
    ) -> None:
        """Bound some boxes, and halve those that do not meet the goal."""
        batch = bounded(self.chain, low, high, known)
        self.boxes += len(nodes)
        left, score = self.outputs(batch, left)
        open_ = np.flatnonzero(left.any(axis=(1, 2)))
        for node in np.delete(nodes, open_).tolist():
            self.tree.split[node] = 0
        if not open_.size:
            return
        width = high[open_] - low[open_]
        score = np.where(width > 0, score[open_], -1.0)
        flat = score.max(axis=1) <= 0
        score[flat] = (width / self.whole)[flat]
        chosen = score.argmax(axis=1)
        rows = np.arange(open_.size)
        middle = np.floor((low[open_, chosen] + high[open_, chosen]) * (WHOLE / 2)) / WHOLE
        if (middle <= low[open_, chosen]).any():
            self.stuck = True
            return
        lower, upper = high[open_].copy(), low[open_].copy()
        lower[rows, chosen] = upper[rows, chosen] = middle
        pairs = [self.tree.halved(int(node), int(i)) for node, i in zip(nodes[open_], chosen, strict=True)]
        below, above = (np.array(side, np.int64) for side in zip(*pairs, strict=True))
        inherited = [b.of(np.concatenate([open_, open_])) for b in batch.before]
        lows, highs = np.concatenate([low[open_], upper]), np.concatenate([lower, high[open_]])
        self.stack.append((np.concatenate([below, above]), lows, highs, inherited, np.concatenate([left[open_]] * 2)))

    def outputs(self, batch: Batch, left: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], Floats]:
        """Which demands are left after bounding the outputs, and how much each input matters (N, inputs)."""
        boxes, sides, outputs = np.nonzero(left)
        sign = np.where(sides == 0, 1.0, -1.0)[:, None]
        k = len(self.chain.widths)
        rows = sign * self.chain.ours[-1][outputs], sign * self.chain.gaps[-1][outputs]
        found, slopes = batch.down(boxes, "d", rows, sign[:, 0] * self.chain.gap_bias[-1][outputs], k)
        met = found >= -(1.0 - MARGIN) * self.goal[sides, outputs]
        left = left.copy()
        left[boxes[met], sides[met], outputs[met]] = False
        bad = np.flatnonzero(~met)
        score = np.zeros((len(batch.low), self.chain.inputs))
        if bad.size:
            at = boxes[bad]
            width = batch.high[at] - batch.low[at]
            np.add.at(
                score,
                at,
                np.abs(slopes[bad]) * width / (1e-300 + (np.abs(slopes[bad]) * width).sum(axis=1, keepdims=True)),
            )
            self._slack(batch, at, (rows[0][bad], rows[1][bad]), score)
            self._points(np.where(slopes[bad] > 0, batch.low[at], batch.high[at]))
        return left, score

    def _slack(self, batch: Batch, boxes: NDArray[np.int64], rows: tuple[Floats, Floats], score: Floats) -> None:
        """Add, for each input, the slack of the units that depend on it (only of the last hidden layer's rows)."""
        for k, lines in enumerate(batch.lines):
            weight = np.abs(self.chain.ours[-1]).sum(axis=0).mean() if k + 1 < len(batch.lines) else 1.0
            share = batch.shares[k] * (batch.high - batch.low)[:, None, :]
            share = share / (1e-300 + share.sum(axis=2, keepdims=True))
            score += weight * (lines.slack[:, :, None] * share).sum(axis=1)

    def _points(self, x: Floats) -> None:
        """Keep the point with the largest share of a demand, if it breaks one."""
        ours, theirs = self._values(x, 0), self._values(x, 1)
        gap = ours - theirs
        share = np.maximum(gap / self.goal[1], -gap / self.goal[0]).max(axis=1)
        n = int(share.argmax())
        if share[n] > self.threshold:
            self.threshold, self.found = float(share[n]) * (1.0 + 1e-9), x[n]

    def _values(self, x: Floats, side: int) -> Floats:
        weights = (self.chain.ours, self.chain.theirs)[side]
        biases = (self.chain.our_bias, self.chain.their_bias)[side]
        for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
            x = np.maximum(x @ weight.T + bias, 0.0)
        return np.asarray(x @ weights[-1].T + biases[-1], np.float64)

    def splits(self) -> list[int]:
        """What was decided so far."""
        return self.tree.listed()

    def slopes(self) -> dict[int, Slopes]:
        """None: every box has the derived ones."""
        return {}

    def point(self) -> Floats | None:
        """A point that may break a demand."""
        found, self.found = self.found, np.zeros(0)
        return found if found.size else None


class ExactWalk:
    """A search below the last of some boxes in the checker's own integers: for every kind of program, box by box."""

    def __init__(self, exact: Pass, path: Path, goal: Goal) -> None:
        self.exact, self.goal = exact, goal
        self.tree, self.boxes = Grown(), 0
        known: ExactBounds | None = None
        for low, high in path[:-1]:
            state = exact.node(low, high, known)
            goal.met(exact, state, known)
            known = state.before
        self.stack = [(0, *path[-1], known)]
        self.whole = [max(high - low, 1) for low, high in zip(*path[0], strict=True)]
        self.found: Floats | None = None
        self.stuck = False

    def advance(self, seconds: float) -> bool:
        """Go on for about so long; whether all is done."""
        end = time.monotonic() + seconds
        while self.stack:
            node, low, high, known = self.stack.pop()
            state = self.exact.node(low, high, known)
            self.boxes += 1
            if self.goal.met(self.exact, state, known):
                self.tree.split[node] = 0
            else:
                i = self.chosen(low, high)
                if high[i] - low[i] < 2:
                    self.stuck = True
                    return False
                lower, upper = self.tree.halved(node, i)
                below, above = halves(low, high, i)
                self.stack += [(upper, *above, state.before), (lower, *below, state.before)]
            if time.monotonic() >= end:
                break
        return not self.stack

    def chosen(self, low: Sequence[int], high: Sequence[int]) -> int:
        """The input that the last functionals depend on most; one that was hardly halved, if another often was."""
        width = np.array([(b - a) / w for a, b, w in zip(low, high, self.whole, strict=True)])
        size = np.array([float(b - a) for a, b in zip(low, high, strict=True)])
        slopes = (
            np.abs(self.exact.slopes.astype(np.float64)).sum(axis=0)
            if self.exact.slopes is not None
            else np.ones(len(low))
        )
        score = slopes * size
        i = int(score.argmax())
        if score[i] <= 0 or width[i] < width.max() / 64:
            i = int(width.argmax())
        corner = np.where(self.exact.slopes[0] > 0, low, high) if self.exact.slopes is not None else np.array(low)
        self.found = corner.astype(np.float64) / WHOLE
        return i

    def splits(self) -> list[int]:
        """What was decided so far."""
        return self.tree.listed()

    def slopes(self) -> dict[int, Slopes]:
        """None: every box has the derived ones."""
        return {}

    def point(self) -> Floats | None:
        """A corner that may break a demand."""
        found, self.found = self.found, None
        return found


def _floats(low: Sequence[int], high: Sequence[int]) -> tuple[Floats, Floats]:
    return np.array([low], np.float64) / WHOLE, np.array([high], np.float64) / WHOLE
