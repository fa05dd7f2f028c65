# SPDX-License-Identifier: Apache-2.0
"""This file is about searching a tree of boxes: on each leaf, some row of each case is refuted.

What floats find is a proposal: `replayed` runs the checker's arithmetic on it, and `exactlump/check.py` decides.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from exactlump.bounding.trees import Tree, halves
from exactlump.verification.boxes import Box, Boxes, Floats, RowPass

_TRIED = 5  # coordinates
Candidate = Callable[[int, Floats], bool]  # whether an input near these coordinates satisfies that case


@dataclass
class Walk:
    """A search, depth first, the lower half first.

    cases      the numbers of the rows of each case
    candidate  asked about the point where the case furthest from refuted is at its worst; a solution ends the search
    careful    until then (time.monotonic) boxes are halved along the best of several coordinates, as their halves show
    path       the boxes from the whole one to the one that is searched, each in the one before
    """

    boxes: Boxes
    cases: Sequence[range]
    path: Sequence[Box]
    candidate: Candidate = lambda *_: False
    careful: float = 0.0
    splits: list[int] = field(default_factory=list)
    slopes: dict[int, dict[tuple[int, int], list[int]]] = field(default_factory=dict)
    solved: bool = False
    stuck: bool = False

    def __post_init__(self) -> None:
        around = None
        for box in self.path[:-1]:
            around = self.boxes.visit(box, around)
        low, high = self.path[-1]
        self.stack: list[tuple[list[int], list[int], Any, list[int]]] = [
            ([*low], [*high], around, [*range(len(self.cases))])
        ]
        self.whole = np.maximum([b - a for a, b in zip(*self.path[0], strict=True)], 1).astype(np.float64)

    @property
    def tree(self) -> Tree:
        """The tree, once nothing is left."""
        return Tree(tuple(self.splits), dict(self.slopes))

    def run(self, until: float, room: int = 1 << 62) -> bool:
        """Go on until nothing is left, a point is a solution, a box cannot be halved, so many boxes are bounded, or it
        is that late (time.monotonic); whether nothing is left."""
        while self.stack and not self.solved and time.monotonic() < until and len(self.splits) < room:
            if not self.step():
                self.stuck = True
                break
        return not self.stack and not self.solved

    def step(self) -> bool:
        """Bound one box, and halve it if need be; whether that can be done."""
        low, high, around, left = self.stack.pop()
        known = self.boxes.visit((low, high), around)
        node, open_, score, worst, corner = len(self.splits), list[int](), np.zeros(len(low)), np.inf, None
        for case in left:
            judged = self.judged(node, case)
            if judged is not None:
                open_.append(case)
                score += judged[1]
                if judged[0] < worst:
                    worst, corner, asked = judged[0], judged[2], case
        if corner is not None and self.candidate(asked, corner):
            self.solved = True
        if not open_:
            self.splits.append(0)
            return True
        careful = time.monotonic() < self.careful
        i = self.tried(low, high, known, open_, score) if careful else self.chosen(low, high, score)
        if high[i] - low[i] < 2:
            return False
        self.splits.append(i + 1)
        below, above = halves(low, high, i)
        self.stack += [(*above, known, open_), (*below, known, open_)]
        return True

    def judged(self, node: int, case: int) -> tuple[float, Floats, Floats] | None:
        """None if a row of a case is refuted; else how far the row is from it that nearly is, how much each coordinate
        matters for that, and where it is at its worst."""
        best, marks, corner = -np.inf, np.zeros(len(self.whole)), np.zeros(len(self.whole))
        for o in self.cases[case]:
            share, slopes = self.boxes.row(o)
            if share >= 0.0:
                if slopes is not None:
                    self.slopes.setdefault(node, {})[o, 0] = slopes
                return None
            if share > best:
                best, marks, corner = share, self.boxes.score(), self.boxes.corner()
        return best, marks, corner

    def tried(self, low: Sequence[int], high: Sequence[int], known: Any, left: Sequence[int], score: Floats) -> int:
        """The coordinate whose halves are nearest to refuted, among those that matter most, and the widest."""
        first = self.chosen(low, high, score)
        listed = [int(i) for i in np.argsort(-score, kind="stable")[:_TRIED] if score[i] > 0 and high[i] - low[i] >= 2]
        found = {i: sum(self.worth(half, known, left) for half in halves(low, high, i)) for i in {first, *listed}}
        return max(sorted(found), key=found.__getitem__)

    def worth(self, box: Box, known: Any, left: Sequence[int]) -> float:
        """How near to refuted some cases are on a box: 0 if all are."""
        self.boxes.visit(box, known)
        return sum(min(0.0, max((self.boxes.row(o)[0] for o in self.cases[case]), default=-1.0)) for case in left)

    def chosen(self, low: Sequence[int], high: Sequence[int], score: Floats) -> int:
        """The coordinate to halve: that which matters most, or the widest where that is not known or far wider."""
        size = np.array([float(b - a) for a, b in zip(low, high, strict=True)])
        width = size / self.whole
        score = np.where(size >= 2, score, -1.0)
        i = int(score.argmax())
        return int(width.argmax()) if score[i] <= 0 or width[i] < width.max() / 1024 else i


def replayed(exact: RowPass, tree: Tree, box: Box, until: float = float("inf")) -> list[int] | None:
    """The leaves of a tree that the checker's arithmetic refuses; None where it is too late."""
    stack: list[tuple[list[int], list[int], Any]] = [([*box[0]], [*box[1]], None)]
    refused = []
    for node, split in enumerate(tree.splits):
        if time.monotonic() > until:
            return None
        low, high, parent = stack.pop()
        known = exact.node(low, high, parent)
        met = exact.refuted(known, parent, tree.slopes.get(node, {}))
        if split:
            stack += reversed([(a, b, known.before) for a, b in halves(low, high, split - 1)])
        elif not met:
            refused.append(node)
    return refused
