# SPDX-License-Identifier: Apache-2.0
"""This file is about bounding the sums of rows on a box, in compiled loops, with NumPy, or in the checker's integers.

Floats propose only.  Throughout: boxes have ends over 2^40; o is the number of a row.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from exactlump.bounding import compiled as loops
from exactlump.bounding import compiled_bounds, compiled_slopes, compiled_walk
from exactlump.bounding.batched import Batch, bounded
from exactlump.bounding.chain import Chain
from exactlump.bounding.exact_pass import Pass
from exactlump.bounding.known import Bounds, Crossing, Known
from exactlump.bounding.program import OUTPUTS, Program
from exactlump.bounding.trees import Slopes
from exactlump.verification.problems import Row

WHOLE = 1 << 40
MARGIN = 1e-6  # what is asked for beyond each bound, for the roundings of floats, as a share of a row's scale
_STEPS, _RATE = 20, 0.3
Floats = NDArray[np.float64]
Box = tuple[Sequence[int], Sequence[int]]


class Boxes(Protocol):
    """Bounds on one box after the other."""

    def visit(self, box: Box, around: Any) -> Any:
        """Bound all units on a box, which lies in the box that `around` is of, if any; what its halves inherit."""
        ...

    def row(self, o: int) -> tuple[float, list[int] | None]:
        """How far the sum of a row is above its bound, as a share of its scale: at least 0 refutes it.  With slopes,
        where that needs other ones than the derived."""
        ...

    def score(self) -> Floats:
        """How much each coordinate matters for the last row."""
        ...

    def corner(self) -> Floats:
        """Where the last bound is attained."""
        ...


def shifted(chain: Chain, rows: Sequence[Row], scales: Floats) -> Chain:
    """The chain whose outputs are sums minus bounds minus scales: a row is refuted by what is at least minus that."""
    off = np.array([float(row.least) / WHOLE for row in rows]) + scales
    gap_bias = (*chain.gap_bias[:-1], chain.gap_bias[-1] - off)
    our_bias = (*chain.our_bias[:-1], chain.our_bias[-1] - off)
    return replace(chain, gap_bias=gap_bias, our_bias=our_bias)


class CompiledBoxes:
    """Bounds in compiled loops, with slopes improved by ascent."""

    def __init__(self, chain: Chain, scales: Floats, margin: float = MARGIN) -> None:
        loops.search()
        self.net, self.desk, self.widths = loops.padded(chain), loops.desk(chain), chain.widths
        self.shape = len(chain.widths), loops.wide(chain), 6
        self.scales, self.target = scales, -(1.0 - margin) * scales
        self.options = np.array([float(_STEPS), _RATE, 1.0 - margin, np.inf])
        self.out = np.zeros((*self.shape[:2], 4), np.int64)
        self.marks = np.zeros(chain.inputs)

    def visit(self, box: Box, around: Floats | None) -> Floats:
        """See `Boxes`."""
        self.q = np.zeros(self.shape) if around is None else around.copy()
        self.low, self.high = np.array(box[0]) / WHOLE, np.array(box[1]) / WHOLE
        compiled_bounds.bounds(self.net, self.q, self.low, self.high, around is not None, self.desk)
        lines, _, _, _, _, _, _, _, counts, _, _, base = self.desk
        counts[:] = -1
        base[:] = lines
        return self.q

    def row(self, o: int) -> tuple[float, list[int] | None]:
        """See `Boxes`."""
        lines, base = self.desk[0], self.desk[11]
        lines[:] = base
        scale, target = self.scales[o], self.target[o]
        net, low, high, desk = self.net, self.low, self.high, self.desk
        found, taken = compiled_slopes.improve(net, o, 1.0, scale, target, self.options, self.q, low, high, desk)
        slopes = None
        if found >= target and taken:
            found = compiled_slopes.rounded(net, o, 1.0, self.q, low, high, desk, self.out)
            slopes = self.listed()
        return float((found - target) / scale), slopes

    def listed(self) -> list[int]:
        """Slopes as trees keep them: the number of a pair, and its three slopes, for the pairs that may bend."""
        numbers, start = list[int](), 0
        for k, width in enumerate(self.widths):
            for i in np.flatnonzero(self.out[k, :width, 3]).tolist():
                numbers += [start + i, *self.out[k, i, :3].tolist()]
            start += width
        return numbers

    def score(self) -> Floats:
        """See `Boxes`."""
        self.marks[:] = 0.0
        compiled_walk.scored(self.net, self.desk, self.marks)
        return np.asarray(self.marks.copy())

    def corner(self) -> Floats:
        """See `Boxes`."""
        return np.where(self.desk[6][1, 0, : self.low.size] > 0, self.low, self.high)


class BatchedBoxes:
    """Bounds with NumPy, for machines without the extra `fast`."""

    def __init__(self, chain: Chain, scales: Floats, margin: float = MARGIN) -> None:
        self.chain, self.scales, self.target = chain, scales, -(1.0 - margin) * scales
        self.batch: Batch | None = None
        self.slopes = np.zeros(chain.inputs)

    def visit(self, box: Box, around: Any) -> Any:
        """See `Boxes`."""
        low, high = np.array([box[0]]) / WHOLE, np.array([box[1]]) / WHOLE
        self.batch = bounded(self.chain, low, high, around)
        return self.batch.before

    def row(self, o: int) -> tuple[float, list[int] | None]:
        """See `Boxes`."""
        assert self.batch is not None
        chain, one = self.chain, np.zeros(1, np.int64)
        rows = chain.ours[-1][o : o + 1], chain.gaps[-1][o : o + 1]
        found, slopes = self.batch.down(one, "d", rows, chain.gap_bias[-1][o : o + 1], len(chain.widths))
        self.slopes = slopes[0]
        return float((found[0] - self.target[o]) / self.scales[o]), None

    def score(self) -> Floats:
        """See `Boxes`."""
        assert self.batch is not None
        width = self.batch.high[0] - self.batch.low[0]
        found = np.abs(self.slopes) * width
        found /= 1e-300 + found.sum()
        for k, lines in enumerate(self.batch.lines):
            slack = np.maximum(lines.slack[0], np.maximum(lines.z[1][0], 0.0))
            share = self.batch.shares[k][0] * width
            weight = np.abs(self.chain.theirs[-1]).mean() / self.scales.max() if k + 1 < len(self.batch.lines) else 1.0
            found += weight * (slack[:, None] * share / (1e-300 + share.sum(axis=1, keepdims=True))).sum(axis=0)
        return np.asarray(np.where(width > 0, found, 0.0))

    def corner(self) -> Floats:
        """See `Boxes`."""
        assert self.batch is not None
        return np.asarray(np.where(self.slopes > 0, self.batch.low[0], self.batch.high[0]))


class RowPass(Pass):
    """Bounds in the checker's integers, of every kind of program."""

    def __init__(self, program: Program, rows: Sequence[Row], cases: Sequence[range]) -> None:
        super().__init__(program)
        self.rows_least, self.cases = [row.least for row in rows], cases
        self.known: Known | None = None
        self.seen = np.zeros(program.inputs)

    def refuted(self, known: Known, parent: Bounds | None, leaf: Slopes) -> bool:
        """Bound sums until a row of each case is refuted; whether one is (as the checker does it, in its order)."""
        self.begin(known, parent)
        met = [self._case(known, rows, leaf) for rows in self.cases]
        return all(met)

    def begin(self, known: Known, parent: Bounds | None) -> None:
        """Begin with what the box around says of the sums, or with intervals."""
        key = ("d", OUTPUTS)
        self._begin(known, key, parent)
        if parent is None:
            chosen = np.arange(len(self.rows_least))
            self._improve(known, key, chosen, *self.reach(known, key, chosen), first=True)

    def _case(self, known: Known, rows: range, leaf: Slopes) -> bool:
        for o in rows:
            if self.is_refuted(known, rows):
                break
            self.lower(known, o, leaf.get((o, 0)))
        return self.is_refuted(known, rows)

    def is_refuted(self, known: Known, rows: range) -> bool:
        """Whether a row of a case is known to be refuted."""
        low = known.before["d", OUTPUTS][0]
        return any(low[o] >= self.rows_least[o] for o in rows)

    def lower(self, known: Known, o: int, slopes: Any = None) -> int:
        """Bound a sum from below."""
        key = ("d", OUTPUTS)
        found = self.rows(self.sloped(known, slopes), key, np.array([o]), np.array([1]))[0]
        low, high = known.before[key]
        low[o] = max(low[o], int(found))
        if low[o] > high[o]:
            raise Crossing(f"row {o}: found a lower bound above the upper one")
        return int(found)


class ExactBoxes:
    """Bounds in the checker's integers, as a search asks for them."""

    def __init__(self, exact: RowPass, scales: Floats) -> None:
        self.exact, self.scales = exact, scales
        self.known: Known | None = None

    def visit(self, box: Box, around: Bounds | None) -> Bounds:
        """See `Boxes`."""
        self.known = self.exact.node(*box, around)
        self.exact.begin(self.known, around)
        return self.known.before

    def row(self, o: int) -> tuple[float, list[int] | None]:
        """See `Boxes`."""
        assert self.known is not None
        self.exact.lower(self.known, o)
        low = self.known.before["d", OUTPUTS][0][o]
        share = (low - self.exact.rows_least[o]) / WHOLE / self.scales[o]
        return (share, None) if low < self.exact.rows_least[o] else (max(share, 0.0), None)

    def score(self) -> Floats:
        """See `Boxes`."""
        assert self.known is not None
        width = (self.known.box[1] - self.known.box[0]).astype(np.float64)
        slopes = self.exact.slopes
        if slopes is None:
            return np.asarray(width)
        return np.asarray(np.abs(slopes.astype(np.float64)).max(axis=0) * width)

    def corner(self) -> Floats:
        """See `Boxes`."""
        assert self.known is not None
        low, high = (side.astype(np.float64) / WHOLE for side in self.known.box)
        slopes = self.exact.slopes
        return np.asarray(low if slopes is None else np.where(slopes[0] > 0, low, high))
