# SPDX-License-Identifier: Apache-2.0
"""This file is about working on a claim: trees are searched in floats, and replayed in the checker's integers."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from exactlump.bounding.ascent import Ascent, Found
from exactlump.bounding.boxes import Domain, outward
from exactlump.bounding.chain import chain_of
from exactlump.bounding.confirm import Goal, mended, replay, sample
from exactlump.bounding.exact_pass import Pass
from exactlump.bounding.goals import Claim
from exactlump.bounding.program import OUTPUTS, Program
from exactlump.bounding.search import Search, Walk
from exactlump.bounding.trees import Place, Tree, halves, joined
from exactlump.bounding.walks import CompiledWalk
from exactlump.bounding.walks_batched import BatchedWalk, ExactWalk
from exactlump.fast.compiled import available
from exactlump.numbers.rational import Rational, rational
from exactlump.points.boxes import Box

WHOLE = 1 << 40
_PATHS = 16  # of trees that are too large to be replayed in time, so many paths from the whole box to a leaf are
_ROUNDS = 8  # how often refused leaves are halved again
Path = Sequence[tuple[list[int], list[int]]]
# Told what is done, how many boxes are bounded, and how many are left for now.
Listener = Callable[[str, int, int], None]


class Shown(NamedTuple):
    """Trees, one for each box of a domain.

    confirmed  whether all boxes were replayed in exact integers
    most       then: the most that each combination of outputs is on all leaves, over 2^40
    """

    trees: list[Tree]
    confirmed: bool
    most: list[int]


@dataclass
class Work:
    """A question that is worked on: networks made ready, and what was found so far.

    off  how far off machines are: of N and of N', output by output, over 2^40 (empty: nothing is rounded)
    """

    program: Program
    domain: Domain
    listen: Listener
    steps: int = 20
    ascent: Ascent | None = None
    off: Sequence[Sequence[int]] = ()
    boxes: int = 0
    replayed: int = 0
    refuted: bool = False
    pace: float = field(default=0.0)  # seconds for a box in exact integers

    def __post_init__(self) -> None:
        self.exact, self.chain = Pass(self.program), chain_of(self.program)

    @property
    def found(self) -> Found:
        """The differences that exact inputs show."""
        if self.ascent is not None:
            return self.ascent.found
        return Found([rational(0)] * self.program.outputs, [None] * self.program.outputs)

    def goal(self, claim: Claim) -> Goal:
        """What boxes must meet."""
        return Goal(tuple(claim.demands(self.off)), claim.total(self.off))

    def maker(self, claim: Claim, share: float = 1.0) -> Callable[[Path], Walk]:
        """How walks are made: compiled, with NumPy, or in exact integers, as the program allows."""
        goal, chain = self.goal(claim), self.chain
        if chain is None or goal.total is not None or claim.index is not None:
            return lambda path: ExactWalk(self.exact, path, goal)
        ends = [(-(d.least or 0) / WHOLE * share, (d.most or 0) / WHOLE * share) for d in goal.demands]
        sides = np.array(ends, np.float64).T.copy()
        if available():
            return lambda path: CompiledWalk(chain, path, sides, self.steps)
        return lambda path: BatchedWalk(chain, path, sides)

    def show(self, claim: Claim, until: float, room: int = 1 << 62) -> Shown | None:
        """Trees that show a claim; None where time or `room` for boxes is up, or an input breaks the claim."""
        trees, confirmed, most = list[Tree](), True, [0] * self.program.outputs
        for box in self.domain.boxes:
            search = self.search(claim, box, room)
            done = search.run(until)
            self.boxes += search.boxes
            if not done:
                return None
            tree = self.replay(claim, search.tree, *outward(box), until, most)
            if tree is None:
                return None
            trees.append(tree[0])
            confirmed = confirmed and tree[1]
        return Shown(trees, confirmed, most)

    def undivided(self, claim: Claim, until: float) -> Shown | None:
        """Trees that halve nothing, if they show a claim."""
        most = [0] * self.program.outputs
        for box in self.domain.boxes:
            seen = replay(self.exact, self.goal(claim), Tree(), *outward(box), until)
            self.replayed += seen.boxes
            if seen.refused or seen.most is None:
                return None
            most[:] = map(max, most, seen.most)
        return Shown([Tree()] * len(self.domain.boxes), True, most)

    def search(self, claim: Claim, box: Box, room: int) -> Search:
        """The search for a tree."""

        def broken(x: NDArray[np.float64]) -> bool:
            if self.ascent is not None:
                self.ascent.replay(x, box)
                self.refuted = claim.is_broken(self.ascent.found.gaps)
            return self.refuted

        return Search(*outward(box), self.maker(claim), broken, self.tell, room)

    def tell(self, boxes: int, left: int) -> None:
        """Tell the listener."""
        self.listen("searching", self.boxes + boxes, left)

    def replay(
        self, claim: Claim, tree: Tree, low: list[int], high: list[int], until: float, most: list[int]
    ) -> tuple[Tree, bool] | None:
        """The tree, with refused leaves halved again, and whether all of it was replayed."""
        goal = self.goal(claim)
        for _ in range(_ROUNDS):
            self.listen("replaying", self.boxes, len(tree.splits))
            start = time.monotonic()
            if self.pace * len(tree.splits) <= until - start:
                seen = replay(self.exact, goal, tree, low, high, until)
            else:
                seen = sample(self.exact, goal, tree, low, high, _PATHS, until)
            self.replayed += seen.boxes
            if not seen.refused:
                if seen.most is not None:
                    most[:] = map(max, most, seen.most)
                return tree, seen.most is not None
            better = mended(tree, seen.refused, low, high, lambda place: self.again(claim, place, until))
            if better is None:
                return None
            tree = better
        return None

    def again(self, claim: Claim, place: Place, until: float) -> Tree | None:
        """A tree below a leaf that was refused: halved at least once, and with less to spare."""
        i = max(range(len(place.low)), key=lambda d: place.high[d] - place.low[d])
        if place.high[i] - place.low[i] < 2:
            return None
        parts = []
        for low, high in halves(place.low, place.high, i):
            search = Search(low, high, self.maker(claim, 0.999))
            if not search.run(until):
                return None
            parts.append(search.tree)
        return joined(i + 1, *parts)

    def whole(self) -> list[Rational]:
        """Bounds of the combinations of outputs on the whole boxes, without halving any."""
        start, most = time.monotonic(), [0] * self.program.outputs
        for box in self.domain.boxes:
            known = self.exact.node(*outward(box))
            chosen, key = np.arange(self.program.outputs), ("d", OUTPUTS)
            low, high = self.exact.both(known, key, chosen)
            least, greatest = self.exact.reach(known, key, chosen)
            ends = zip(np.maximum(low, least), np.minimum(high, greatest), strict=True)
            most = [max(size, -int(a), int(b)) for size, (a, b) in zip(most, ends, strict=True)]
            self.boxes += 1
            self.replayed += 1
        self.pace = (time.monotonic() - start) / len(self.domain.boxes)
        return [rational(size, WHOLE) for size in most]
