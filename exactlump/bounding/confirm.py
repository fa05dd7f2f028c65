# SPDX-License-Identifier: Apache-2.0
"""This file is about running the checker's arithmetic on a tree that floats proposed, and mending what it refuses."""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from exactlump.bounding.exact_pass import Pass
from exactlump.bounding.goals import Demand
from exactlump.bounding.known import Bounds, Known
from exactlump.bounding.trees import Place, Tree, halves

WHOLE = 1 << 40


@dataclass(frozen=True)
class Goal:
    """What each box must meet: demands, or (`total`) that the sizes of all differences sum up to at most so much."""

    demands: tuple[Demand, ...]
    total: int | None = None

    def met(self, exact: Pass, known: Known, parent: Bounds | None, slopes: object = None) -> bool:
        """Bound the outputs of a box; whether all is met."""
        all_met = exact.outputs(known, self.demands, parent, slopes, everything=self.total is not None)  # type: ignore[arg-type]
        if self.total is None:
            return all(all_met)
        lows, highs = known.before["d", -1]
        return bool(sum(max(abs(low), abs(high)) for low, high in zip(lows, highs, strict=True)) <= self.total)


@dataclass
class Replay:
    """What came out of replaying a tree: how many boxes were replayed, the leaves that were refused, and the largest
    sizes of the combinations on all leaves (over 2^40; None where not all were replayed)."""

    boxes: int
    refused: list[int]
    most: list[int] | None


def replay(
    exact: Pass, goal: Goal, tree: Tree, low: Sequence[int], high: Sequence[int], until: float = float("inf")
) -> Replay:
    """Replay a whole tree, box by box, with the bounds of the box around each."""
    stack: list[tuple[list[int], list[int], Bounds | None]] = [(list(low), list(high), None)]
    most = [0] * len(exact.program.layers["d", -1].bias)
    refused = []
    for node, split in enumerate(tree.splits):
        lower, upper, parent = stack.pop()
        known = exact.node(lower, upper, parent)
        met = goal.met(exact, known, parent, tree.slopes.get(node))
        if split:
            stack += reversed([(a, b, known.before) for a, b in halves(lower, upper, split - 1)])
        else:
            refused += [] if met else [node]
            if ("d", -1) in known.before:
                ends = zip(*known.before["d", -1], strict=True)
                most = [max(size, -int(a), int(b)) for size, (a, b) in zip(most, ends, strict=True)]
        if time.monotonic() > until:
            return Replay(node + 1, refused, None)
    return Replay(len(tree.splits), refused, most)


def sample(
    exact: Pass,
    goal: Goal,
    tree: Tree,
    low: Sequence[int],
    high: Sequence[int],
    count: int,
    until: float,
    seed: int = 0,
) -> Replay:
    """Replay the paths from the whole box to some leaves."""
    places = list(tree.places(low, high))
    leaves = [place for place in places if not tree.splits[place.node]]
    chosen = random.Random(seed).sample(leaves, min(count, len(leaves)))
    refused, boxes = [], 0
    for leaf in chosen:
        parent: Bounds | None = None
        met = False
        for place in reversed([*_up(places, leaf)]):
            known = exact.node(place.low, place.high, parent)
            met = goal.met(exact, known, parent, tree.slopes.get(place.node))
            parent, boxes = known.before, boxes + 1
        refused += [] if met else [leaf.node]
        if time.monotonic() > until:
            break
    return Replay(boxes, refused, None)


def _up(places: Sequence[Place], place: Place) -> Iterator[Place]:
    """A box and all boxes around it."""
    while True:
        yield place
        if place.parent < 0:
            return
        place = places[place.parent]


def mended(
    tree: Tree, refused: Sequence[int], low: Sequence[int], high: Sequence[int], again: Callable[[Place], Tree | None]
) -> Tree | None:
    """The tree with the refused leaves halved again, as `again` finds; None where it finds nothing."""
    places = {place.node: place for place in tree.places(low, high) if place.node in set(refused)}
    for node in sorted(refused, reverse=True):
        other = again(places[node])
        if other is None:
            return None
        tree = tree.grafted(node, other)
    return tree
