# SPDX-License-Identifier: Apache-2.0
"""This file is about the boxes that bounds are claimed on: unions of boxes with exact ends, by names of inputs."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from exactlump.errors import FormatError
from exactlump.network.program import Network
from exactlump.numbers.rational import Rational, fraction, rational, text
from exactlump.points.boxes import Box

WHOLE = 1 << 40


@dataclass(frozen=True)
class Domain:
    """A finite union of boxes with both ends for every input.  Raises FormatError for none, or a missing end."""

    boxes: tuple[Box, ...]

    def __post_init__(self) -> None:
        if not self.boxes:
            raise FormatError("domain: found no box, expected at least one")
        if len({len(box.lower) for box in self.boxes}) != 1:
            raise FormatError("domain: found boxes of different numbers of inputs")
        for box in self.boxes:
            if not box.is_bounded:
                raise FormatError(f"{box.name}: found an input without an end, expected both")

    @property
    def inputs(self) -> int:
        """How many inputs the boxes have."""
        return len(self.boxes[0].lower)

    def holds(self, x: Sequence[Rational]) -> bool:
        """Whether a point lies in one of the boxes, exactly."""
        return any(box.holds(x) for box in self.boxes)

    def json(self, network: Network) -> dict[str, Any]:
        """As a certificate has it, by the names of a network's inputs."""
        listed = []
        for box in self.boxes:
            ends = [[text(low), text(high)] for low, high in zip(box.lower, box.upper, strict=True)]
            named, start = {}, 0
            for port in network.inputs:
                size = math.prod(port.shape)
                named[port.name] = ends[start : start + size]
                start += size
            listed.append(named)
        return {"boxes": listed}


def outward(box: Box) -> tuple[list[int], list[int]]:
    """The ends over 2^40, rounded outwards."""
    lows = [fraction(low) for low in box.lower]
    highs = [fraction(high) for high in box.upper]
    return [p * WHOLE // q for p, q in lows], [-(-p * WHOLE // q) for p, q in highs]


def around(x: Sequence[Any], radius: Any, clip: tuple[Any, Any] | None = None) -> Box:
    """The box of all inputs that are nowhere further than `radius` from x, and between the bounds of `clip`."""
    r = rational(radius)
    low, high = [rational(v) - r for v in x], [rational(v) + r for v in x]
    if clip is not None:
        least, most = map(rational, clip)
        low, high = [min(max(v, least), most) for v in low], [min(max(v, least), most) for v in high]
    return Box(tuple(low), tuple(high), f"within {text(r)} of the input")
