# SPDX-License-Identifier: Apache-2.0
"""This file is about searching a tree of boxes that shows what is claimed: a tree with holes, filled one by one.

What is found in floats is a proposal (`confirm.py` runs the checker's arithmetic on it).  A search can be stopped at
any time and gone on with: holes are what is left to do, everything else is kept.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from exactlump.bounding.trees import Slopes, Tree, halves

HOLE = -1
MARGIN = 1e-6  # what is kept back of each demand, for the roundings of floats
Floats = NDArray[np.float64]


class Walk(Protocol):
    """A search below one box: depth first, the lower half first."""

    boxes: int
    stuck: bool  # whether there is a box that cannot be halved, and does not meet a demand

    def advance(self, seconds: float) -> bool:
        """Go on for about so long; whether it is done."""
        ...

    def splits(self) -> list[int]:
        """What was decided so far, box by box; holes for what is left."""
        ...

    def slopes(self) -> dict[int, Slopes]:
        """The slopes that some boxes need."""
        ...

    def point(self) -> Floats | None:
        """A point that may break a demand, once; the walk goes on if it is asked to."""
        ...


# Makes a walk below the last of some boxes, each of which lies in the one before (ends over 2^40).
Maker = Callable[[Sequence[tuple[list[int], list[int]]]], Walk]


@dataclass
class Search:
    """A tree with holes, on a box.

    broken  told of points that may break a demand; answers whether one does, which ends the search
    listen  told the numbers of boxes and of holes, now and then
    room    how many boxes may be bounded, about
    """

    low: list[int]
    high: list[int]
    maker: Maker
    broken: Callable[[Floats], bool] = lambda _: False
    listen: Callable[[int, int], None] = lambda *_: None
    room: int = 1 << 62
    decided: list[int] = field(default_factory=lambda: [HOLE])
    chosen: dict[int, Slopes] = field(default_factory=dict)
    boxes: int = 0
    refuted: bool = False
    stuck: bool = False

    @property
    def done(self) -> bool:
        """Whether there is no hole."""
        return HOLE not in self.decided

    @property
    def tree(self) -> Tree:
        """The tree, once it is done."""
        return Tree(tuple(self.decided), dict(self.chosen))

    def run(self, until: float = float("inf")) -> bool:
        """Fill holes until all are filled, a point breaks a demand, a box cannot be halved, `room` boxes are bounded,
        or it is that late (time.monotonic).

        Returns whether all are filled.
        """
        while not (self.done or self.refuted or self.stuck) and self.goes_on(until, 0):
            hole = self.decided.index(HOLE)
            walk = self.maker([*self.path(hole)])
            finished = False
            while not (finished or self.refuted or self.stuck) and self.goes_on(until, walk.boxes):
                finished = walk.advance(min(0.2, max(until - time.monotonic(), 0.0)))
                point = walk.point()
                if point is not None:
                    self.refuted, finished = self.broken(point), False
                self.stuck = walk.stuck
                self.listen(self.boxes + walk.boxes, walk.splits().count(HOLE))
            self.fill(hole, walk.splits(), walk.slopes())
            self.boxes += walk.boxes
        return self.done

    def goes_on(self, until: float, boxes: int) -> bool:
        """Whether there is time, and room for more boxes."""
        return time.monotonic() < until and self.boxes + boxes < self.room

    def fill(self, hole: int, splits: Sequence[int], slopes: dict[int, Slopes]) -> None:
        """Put what a walk decided in the place of a hole."""
        grown = len(splits) - 1
        moved = {node + grown * (node > hole): given for node, given in self.chosen.items()}
        self.chosen = moved | {hole + node: given for node, given in slopes.items()}
        self.decided[hole : hole + 1] = splits

    def path(self, node: int) -> Iterator[tuple[list[int], list[int]]]:
        """The boxes from the whole one to a box, which each lie in the one before."""
        place, low, high = 0, self.low, self.high
        yield low, high
        while place != node:
            lower, upper = halves(low, high, self.decided[place] - 1)
            after = self.after(place + 1)
            place, (low, high) = (place + 1, lower) if node < after else (after, upper)
            yield low, high

    def after(self, node: int) -> int:
        """The number that follows a box and all of its parts."""
        pending = 1
        while pending:
            pending += 1 if self.decided[node] > 0 else -1
            node += 1
        return node
