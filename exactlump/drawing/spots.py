# SPDX-License-Identifier: Apache-2.0
"""This file is about where there is room for words: boxes that are taken, and the first free one of several."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeAlias

# Left, top, right, bottom.
Box: TypeAlias = tuple[float, float, float, float]
Point: TypeAlias = tuple[float, float]


@dataclass(slots=True)
class Spots:
    """The boxes that are taken in a picture.

    >>> spots = Spots()
    >>> spots.first([(0, 0), (0, 5)], 10, 8), spots.first([(0, 4), (0, 9)], 10, 8)
    ((0, 0), (0, 9))
    """

    taken: list[Box] = field(default_factory=list)

    def take(self, x: float, y: float, width: float, height: float) -> None:
        """Take the box of that size around a point."""
        self.taken.append(around(x, y, width, height))

    def is_free(self, box: Box) -> bool:
        """Whether a box meets none that is taken."""
        return not any(meet(box, other) for other in self.taken)

    def first(self, places: Iterable[Point], width: float, height: float, within: Box | None = None) -> Point | None:
        """The first place where a box of that size is free, and inside another box if asked for; it is taken then."""
        for x, y in places:
            box = around(x, y, width, height)
            inside = within is None or (
                within[0] <= box[0] and within[1] <= box[1] and box[2] <= within[2] and box[3] <= within[3]
            )
            if inside and self.is_free(box):
                self.taken.append(box)
                return x, y
        return None


def around(x: float, y: float, width: float, height: float) -> Box:
    """The box of that size around a point."""
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def meet(a: Box, b: Box) -> bool:
    """Whether two boxes have more than a border in common."""
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
