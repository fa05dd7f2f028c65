# SPDX-License-Identifier: Apache-2.0
"""This file is about the walk in compiled loops, as `search.py` asks for it."""

import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from exactlump.bounding import compiled as loops
from exactlump.bounding import compiled_bounds
from exactlump.bounding.chain import Chain
from exactlump.bounding.search import HOLE, MARGIN
from exactlump.bounding.trees import Slopes

WHOLE = 1 << 40
_ROOM, _CHUNK, _ALPHAS = 64, 64, 256
Floats = NDArray[np.float64]


class CompiledWalk:
    """A search below the last of some boxes, in compiled loops.

    goal   (2, outputs): how far each difference may lie below 0, and above
    steps  of gradient ascent on the slopes of the last functionals; 0: none
    """

    def __init__(
        self,
        chain: Chain,
        path: Sequence[tuple[list[int], list[int]]],
        goal: Floats,
        steps: int = 20,
        rate: float = 0.3,
    ) -> None:
        self.net, self.walk, self.desk = loops.padded(chain), loops.search(), loops.desk(chain)
        layers, width, inputs, outputs = len(chain.widths), loops.wide(chain), chain.inputs, chain.outputs
        self.stack = (
            np.zeros((_ROOM, inputs)),
            np.zeros((_ROOM, inputs)),
            np.zeros((_ROOM, layers, width, 6)),
            np.zeros((_ROOM, 2 * outputs), bool),
            np.zeros(_ROOM, bool),
        )
        self.state = np.array([1, 0, 0, 0], np.int64)
        self.goal = np.maximum(goal, 1e-300)
        self.options = np.array([float(steps), rate, 1.0 - MARGIN, 1.0 + 1e-9])
        self.seen, self.kept = np.zeros(inputs + 1), list[int]()
        self.found, self.asked = dict[int, dict[tuple[int, int], list[int]]](), False
        self.chunk, self.boxes, self.stuck = _CHUNK, 0, False
        self.decided = np.zeros(4096, np.int16 if inputs < 1 << 15 else np.int64)
        self.alphas = (
            np.zeros(_ALPHAS + 2 * outputs, np.int64),
            np.zeros(_ALPHAS + 2 * outputs, np.int64),
            np.zeros((_ALPHAS + 2 * outputs, layers, width, 4), np.int64),
        )
        self.widths = chain.widths
        self.begin(path)

    def begin(self, path: Sequence[tuple[list[int], list[int]]]) -> None:
        """Put the last box on the stack, with the bounds of those around it."""
        bounds = self.stack[2][0]
        for place, (low, high) in enumerate(path):
            lo, hi = np.array(low) / WHOLE, np.array(high) / WHOLE
            if place + 1 < len(path):
                compiled_bounds.bounds(self.net, bounds, lo, hi, place > 0, self.desk)
        self.stack[0][0], self.stack[1][0] = lo, hi
        self.stack[3][0], self.stack[4][0] = True, len(path) > 1
        self.whole = np.array(path[0][1]) / WHOLE - np.array(path[0][0]) / WHOLE

    def advance(self, seconds: float) -> bool:
        """Go on for about so long; whether all is done."""
        end = time.monotonic() + seconds
        while True:
            start = time.monotonic()
            before = int(self.state[1])
            status = self.walk(
                self.net,
                self.stack,
                self.state,
                self.goal,
                self.options,
                self.desk,
                self.seen,
                self.decided,
                self.alphas,
                self.whole,
                self.chunk,
            )
            self.boxes += int(self.state[1]) - before
            self.collect(full=status == 2)
            if status == 0:
                return True
            if status < 0 or status == 3:
                self.asked, self.stuck = status < 0, status == 3
                return False
            spent = time.monotonic() - start
            self.chunk = max(1, min(4096, int(self.chunk * min(4.0, 0.1 / max(spent, 1e-4)))))
            if time.monotonic() >= end:
                return False

    def collect(self, *, full: bool) -> None:
        """Take the splits and slopes out of the arrays; make the stack larger where it is full."""
        count, offset = int(self.state[1]), len(self.kept)
        self.kept += self.decided[:count].tolist()
        for n in range(int(self.state[2])):
            node, r = offset + int(self.alphas[0][n]), int(self.alphas[1][n])
            self.found.setdefault(node, {})[r >> 1, r & 1] = self.listed(self.alphas[2][n])
        self.state[1] = self.state[2] = 0
        if full and int(self.state[0]) + 1 >= len(self.stack[0]):
            self.stack = tuple(np.concatenate([part, np.zeros_like(part)]) for part in self.stack)  # type: ignore[assignment]

    def listed(self, slopes: NDArray[np.int64]) -> list[int]:
        """Slopes as trees keep them: the number of a pair, and its three slopes, for the pairs that may bend."""
        numbers, start = list[int](), 0
        for k, width in enumerate(self.widths):
            for i in np.flatnonzero(slopes[k, :width, 3]).tolist():
                numbers += [start + i, *slopes[k, i, :3].tolist()]
            start += width
        return numbers

    def splits(self) -> list[int]:
        """What was decided so far; holes for the boxes that are left."""
        return [*self.kept, *[HOLE] * int(self.state[0])]

    def slopes(self) -> dict[int, Slopes]:
        """Slopes by box."""
        return dict(self.found)

    def point(self) -> Floats | None:
        """A point that may break a demand.  After that only points that do so by more are told of."""
        if not self.asked:
            return None
        self.asked = False
        self.options[3] = max(self.options[3], self.seen[-1]) * (1.0 + 1e-9)
        return self.seen[:-1].copy()
