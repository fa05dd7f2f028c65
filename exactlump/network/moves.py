# SPDX-License-Identifier: Apache-2.0
"""This file is about the kinds of nodes that only move elements: reorderings, and what is read out of whole tensors.

A `Regrid` and a `Pick` speak of *open* tensors (`views.py`), whose shapes have all axes, the batch among them, and
perhaps unknown sizes: nothing is enumerated there.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from exactlump.errors import ShapeError
from exactlump.network.kind import _Affine, _Lone
from exactlump.network.views import Batch, Shape, View


@dataclass(frozen=True, slots=True, repr=False)
class Reorder(_Lone, _Affine):
    """The elements of the source, its axes permuted by `axes` (None: as they are), read with another shape.

    channel: the channel axis of the target.  Three kinds: units stay units, in order (`keeps_units`); images are
    taken apart into elements (target channel None); elements are put together to images.
    cast: ONNX's element type of the target, where that of the source holds no floats; else 0.
    """

    source: str
    target: str
    axes: tuple[int, ...] | None
    shape: Shape
    channel: int | None = None
    cast: int = 0

    @property
    def reorders(self) -> bool:
        return True

    @property
    def stated(self) -> View:
        """The view that the node names."""
        return View(self.shape, self.channel)

    def order(self, source: Shape) -> tuple[int, ...]:
        """For each element of the target, the element of a source of that shape it comes from."""
        if self.axes is None:
            return tuple(range(math.prod(source)))
        strides = [math.prod(source[axis + 1 :]) for axis in range(len(source))]
        order = [0]
        for axis in self.axes:
            order = [start + i * strides[axis] for start in order for i in range(source[axis])]
        return tuple(order)

    def view(self, views: Sequence[View]) -> View:
        """The shape and the channel axis that the node names; images are taken apart or left whole."""
        view, target = views[0], named(self.target, self.stated)
        if view.open:
            raise ShapeError(f"tensor {self.target!r}: found unknown sizes in another order, expected known ones")
        self.demand("elements", target.elements, view.elements)
        if self.axes is not None and sorted(self.axes) != list(range(len(view.shape))):
            raise ShapeError(f"tensor {self.target!r}: found axes {list(self.axes)} for shape {list(view.shape)}")
        if not (target.positions == 1 or view.positions == 1 or self.keeps_units(view)):
            raise ShapeError(f"tensor {self.target!r}: found a reordering inside of channels")
        return target

    def keeps_units(self, view: View) -> bool:
        """Whether every unit of a source of that view stays as it is: only axes change places."""
        target = self.stated
        if target.units != view.units:
            return False
        parts = view.parts()
        return all(part == parts[e] for part, e in zip(target.parts(), self.order(view.shape), strict=True))

    def origins(self, units: Sequence[int], view: View) -> Sequence[int]:
        """Where elements were; units that are images stay."""
        if self.stated.positions != 1:
            return units
        order = self.order(view.shape)
        return [order[v] for v in units]


@dataclass(frozen=True, slots=True, repr=False)
class Regrid(Reorder):
    """A reordering that leaves every unit as it is, and may know of no sizes: only the axes of positions change.

    axes   the permutation of all axes, the batch among them; None: they stay as they are
    open   whether the target is open; then `shape` has all axes
    batch  of a target that is not open: its batch axis (see `Port`)
    key    what the permutation is called, equal for equal ones, if it changes the order of positions; else ""
    """

    open: bool = False
    batch: Batch = None
    key: str = ""

    @property
    def stated(self) -> View:
        """The view that the node names."""
        return View(self.shape, self.channel, self.open)

    def order(self, source: Shape) -> tuple[int, ...]:
        """Sizes are unknown."""
        raise AssertionError(f"tensor {self.target!r}: its elements are not enumerated")

    def keeps_units(self, view: View) -> bool:
        """Always."""
        return True

    def origins(self, units: Sequence[int], view: View) -> Sequence[int]:
        """Where they are."""
        return units

    def view(self, views: Sequence[View]) -> View:
        """The view that the node names, of as many units."""
        target = named(self.target, self.stated)
        self.demand("units", target.units, views[0].units)
        return target


@dataclass(frozen=True, slots=True, repr=False)
class Pick(_Lone, _Affine):
    """target[v] = what a whole tensor has at index v of an axis: an image over all other axes.

    axis   of all axes
    batch  where that makes a tensor that is not open: its batch axis; `shape` and `channel` are then without it
    key    what the axis of that shape is called: equal for equal ones
    """

    source: str
    target: str
    axis: int
    shape: Shape
    channel: int | None
    open: bool
    batch: Batch
    key: str

    def view(self, views: Sequence[View]) -> View:
        """The view that the node names, of a tensor of one unit."""
        self.demand("units", views[0].units, 1)
        return named(self.target, View(self.shape, self.channel, self.open))


def named(name: str, view: View) -> View:
    """A view that a node names; ShapeError where it has no such channel axis."""
    if view.channel is not None and view.channel not in range(len(view.shape)):
        raise ShapeError(f"tensor {name!r}: found channel axis {view.channel} of shape {list(view.shape)}")
    return view
