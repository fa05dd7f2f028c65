# SPDX-License-Identifier: Apache-2.0
"""This file is about how the elements of a tensor are divided into units, and about the inputs of a network."""

import math
from dataclasses import dataclass
from typing import TypeAlias

from exactlump.network.windows import Grid

Shape: TypeAlias = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class View:
    """How the elements of a tensor, of a shape, are divided into units: by the channel axis; None: each is one."""

    shape: Shape
    channel: int | None = None

    @property
    def elements(self) -> int:
        """How many elements there are."""
        return math.prod(self.shape)

    @property
    def units(self) -> int:
        """How many units there are."""
        return self.elements if self.channel is None else self.shape[self.channel]

    @property
    def grid(self) -> Grid:
        """The axes of one unit; () when it is a single element."""
        return () if self.channel is None else self.shape[: self.channel] + self.shape[self.channel + 1 :]

    @property
    def positions(self) -> int:
        """P, how many elements a unit has."""
        return self.elements // self.units

    def index(self, unit: int, position: int) -> int:
        """The element at a position of a unit."""
        after = 1 if self.channel is None else math.prod(self.shape[self.channel + 1 :])
        outer, inner = divmod(position, after)
        return (outer * self.units + unit) * after + inner

    def unit(self, element: int) -> tuple[int, int]:
        """The unit and the position of an element."""
        after = 1 if self.channel is None else math.prod(self.shape[self.channel + 1 :])
        rest, inner = divmod(element, after)
        outer, unit = divmod(rest, self.units)
        return unit, outer * after + inner

    def parts(self) -> list[tuple[int, int]]:
        """The unit and the position of every element, in order."""
        units, positions = self.units, self.positions
        after = 1 if self.channel is None else math.prod(self.shape[self.channel + 1 :])
        starts = range(0, positions, after)
        return [(u, start + i) for start in starts for u in range(units) for i in range(after)]


@dataclass(frozen=True, slots=True)
class Port:
    """An input of the network: its name, and its shape without the batch axis; every element is a unit.

    batch: the file's batch axis, a number or a symbol; None when the tensor has no batch axis.
    """

    name: str
    shape: Shape
    batch: int | str | None = None
