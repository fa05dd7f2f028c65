# SPDX-License-Identifier: Apache-2.0
"""This file is about how the elements of a tensor are divided into units, and about the inputs of a network."""

import math
from dataclasses import dataclass
from typing import Any, TypeAlias

from exactlump.network.sizes import Unknown
from exactlump.network.windows import Grid

# The sizes of all axes; where no view is open, they are numbers.
Shape: TypeAlias = tuple[Any, ...]
# What is stated of a shape: the sizes of all axes, None where nothing is.
StatedShape: TypeAlias = tuple[int | None, ...]
# A batch axis: a number or a symbol, or a product of these; None: there is none.
Batch: TypeAlias = int | str | Unknown | None


@dataclass(frozen=True, slots=True)
class View:
    """How the elements of a tensor, of a shape, are divided into units: by the channel axis; None: each is one.

    open: the shape has all axes, the batch among them, and perhaps unknown sizes; without channel axis the whole tensor
    is one unit.
    """

    shape: Shape
    channel: int | None = None
    open: bool = False

    @property
    def elements(self) -> Any:
        """How many elements there are; of an open tensor as an `Unknown`."""
        return Unknown.product(self.shape) if self.open else math.prod(self.shape)

    @property
    def units(self) -> int:
        """How many units there are."""
        if self.channel is None:
            return 1 if self.open else math.prod(self.shape)
        return int(self.shape[self.channel])

    @property
    def grid(self) -> Grid:
        """The axes of one unit; () when it is a single element."""
        if self.channel is None:
            return self.shape if self.open else ()
        return self.shape[: self.channel] + self.shape[self.channel + 1 :]

    @property
    def positions(self) -> Any:
        """P, how many elements a unit has; of an open tensor as an `Unknown`, which no number is equal to."""
        return Unknown.product(self.grid) if self.open else self.elements // self.units

    @property
    def is_grid(self) -> bool:
        """Whether units lie along the last axis of several, as what dense layers on every position make."""
        return self.channel is not None and self.channel == len(self.shape) - 1 > 0

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

    batch  the file's batch axis, a number or a symbol; None when the tensor has no batch axis
    open   the shape has all axes, and perhaps unknown sizes: the whole tensor is one unit
    kind   ONNX's element type; 0: that of the network
    """

    name: str
    shape: Shape
    batch: Batch = None
    open: bool = False
    kind: int = 0

    @property
    def view(self) -> View:
        """Its view."""
        return View(self.shape, None, self.open)
