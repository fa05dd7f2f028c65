# SPDX-License-Identifier: Apache-2.0
"""This file is about the leaves of a certificate of bounds, drawn where networks have two inputs.

The certificate has been accepted by the checker before anything here reads it.
"""

import base64
from collections.abc import Mapping
from typing import Any

from exactlump.bounding.boxes import WHOLE, outward
from exactlump.bounding.trees import Tree
from exactlump.drawing import Leaf, draw_leaves
from exactlump.numbers.rational import Rational, parse, rational
from exactlump.points.boxes import Box
from exactlump.reporting.figures import Figure, figure

# Leaves that are drawn.
MOST_LEAVES = 4000


def leaves(document: Mapping[str, Any]) -> Figure | None:
    """The boxes that were shown one by one; None where networks have other than two inputs, or there are too many."""
    boxes = [_ends(box) for box in document["claim"]["domain"]["boxes"]]
    trees = [Tree(_splits(tree["splits"])) for tree in document["trees"]]
    count = sum(tree.leaves for tree in trees)
    if any(len(box) != 2 for box in boxes) or not 1 < count <= MOST_LEAVES:
        return None
    names = [name for name, ends in document["claim"]["domain"]["boxes"][0].items() for _ in ends]
    words = tuple(f"{name}[{i}]" if len(set(names)) == 1 else name for i, name in enumerate(names))
    found = []
    for box, tree in zip(boxes, trees, strict=True):
        low, high = outward(Box(tuple(low for low, _ in box), tuple(high for _, high in box), ""))
        for place, split in zip(tree.places(low, high), tree.splits, strict=True):
            if not split:
                least, most = ([rational(end, WHOLE) for end in ends] for ends in (place.low, place.high))
                found.append(Leaf(least, most, "within"))
    lowest = [min(rational(leaf.low[i]) for leaf in found) for i in (0, 1)]
    highest = [max(rational(leaf.high[i]) for leaf in found) for i in (0, 1)]
    if any(low >= high for low, high in zip(lowest, highest, strict=True)):
        return None
    title = f"The {count} boxes of the proof"
    picture = draw_leaves(lowest, highest, found, names=(words[0], words[1]), title=title)
    return figure(picture, f"The domain, as the proof cuts it: on each of {count} boxes the bound was shown by itself.")


def _ends(box: Mapping[str, Any]) -> list[tuple[Rational, Rational]]:
    """Lower and upper end of each element; none at all where one has no end, as then there is no picture."""
    several = [ends for listed in box.values() for ends in listed]
    if any(ends is None or None in ends for ends in several):
        return []
    return [(parse(low), parse(high)) for low, high in several]


def _splits(words: str) -> tuple[int, ...]:
    """The splits of a tree for two inputs, two bits each (docs/certificate-format.md, "Bounds")."""
    digits = "".join(f"{byte:08b}" for byte in base64.b64decode(words))
    found: list[int] = []
    pending = 1
    for i in range(0, len(digits) - 1, 2):
        found.append(int(digits[i : i + 2], 2))
        pending += 1 if found[-1] else -1
        if not pending:
            break
    return tuple(found)
