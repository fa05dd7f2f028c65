# SPDX-License-Identifier: Apache-2.0
"""This file is about trees of boxes: how a box is halved again and again, and other slopes for some of its boxes.

Boxes are numbered depth first, the lower half first; a split is the input that is halved, plus 1, or 0.
"""

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from exactlump.errors import FormatError

# The slopes of a box, by number of a demand and side (0 lower, 1 upper): integers over 2^12.
Slopes = Mapping[tuple[int, int], Sequence[int]]


class Place(NamedTuple):
    """A box of a tree: its number, its ends over 2^40, and the number of the box it is half of (-1: none)."""

    node: int
    low: list[int]
    high: list[int]
    parent: int


@dataclass(frozen=True)
class Tree:
    """The splits of all boxes, and the slopes of some.  Raises FormatError for splits that are no tree."""

    splits: tuple[int, ...] = (0,)
    slopes: Mapping[int, Slopes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        pending = 1
        for place, split in enumerate(self.splits):
            pending += 1 if split else -1
            if (pending == 0) != (place + 1 == len(self.splits)):
                raise FormatError(f"tree: found {len(self.splits)} splits that are no tree")

    @property
    def leaves(self) -> int:
        """How many boxes are not halved."""
        return self.splits.count(0)

    def places(self, low: Sequence[int], high: Sequence[int]) -> Iterator[Place]:
        """All boxes, in order."""
        stack = [(list(low), list(high), -1)]
        for node, split in enumerate(self.splits):
            lower, upper, parent = stack.pop()
            yield Place(node, lower, upper, parent)
            if split:
                stack += reversed([(a, b, node) for a, b in halves(lower, upper, split - 1)])

    def grafted(self, node: int, other: "Tree") -> "Tree":
        """The tree with another one in the place of a box that is not halved."""
        grown = len(other.splits) - 1
        splits = (*self.splits[:node], *other.splits, *self.splits[node + 1 :])
        kept = {at + grown * (at > node): slopes for at, slopes in self.slopes.items() if at != node}
        return Tree(splits, kept | {node + at: slopes for at, slopes in other.slopes.items()})

    def json(self, inputs: int) -> dict[str, Any]:
        """As a certificate has it, for so many inputs."""
        bits = inputs.bit_length()
        digits = "".join(f"{split:0{bits}b}" for split in self.splits)
        digits += "0" * (-len(digits) % 8)
        packed = int(digits, 2).to_bytes(len(digits) // 8, "big")
        slopes = [
            [node, *key, _text(b"".join(n.to_bytes(2, "big", signed=True) for n in numbers))]
            for node, given in sorted(self.slopes.items())
            for key, numbers in sorted(given.items())
        ]
        return {"splits": _text(packed), "slopes": slopes}


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def halves(low: Sequence[int], high: Sequence[int], i: int) -> list[tuple[list[int], list[int]]]:
    """The two halves of a box along input i, the lower one first."""
    middle = low[i] + high[i] >> 1
    lower, upper = list(high), list(low)
    lower[i] = upper[i] = middle
    return [(list(low), lower), (upper, list(high))]


def joined(split: int, lower: Tree, upper: Tree) -> Tree:
    """The tree of a box from those of its halves."""
    start = 1 + len(lower.splits)
    slopes = {1 + at: s for at, s in lower.slopes.items()} | {start + at: s for at, s in upper.slopes.items()}
    return Tree((split, *lower.splits, *upper.splits), slopes)
