# SPDX-License-Identifier: Apache-2.0
"""This file is about nodes as operations on whole arrays: which elements of its sources a node reads, and what is done.

Every node that only moves elements is one gathering; windows are gatherings too, tap by tap.  The index -1 stands for a
zero around an image.  Exact evaluation and evaluation in floats share these arrays.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias, assert_never

import numpy as np
from numpy.typing import NDArray

from exactlump.errors import NoExactValue
from exactlump.network.activations import Activation
from exactlump.network.kinds import (
    Activate,
    Add,
    AveragePool,
    Conv,
    Dense,
    Head,
    HeadKind,
    MaxPool,
    Node,
    Opaque,
    Pad,
    Pick,
    Regrid,
    Reorder,
    Scale,
    Select,
    Shift,
)
from exactlump.network.views import View
from exactlump.network.windows import Window
from exactlump.numbers.matrix import Matrix
from exactlump.numbers.rational import Vector

Indices: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Product:
    """weight @ columns + bias: the columns are all elements, or what the taps read at each position.

    windows: (units, taps, positions); None where the columns are the elements.
    last: whether the units of the target are those of its last axis, instead of the first
    """

    weight: Matrix
    bias: Vector
    windows: Indices | None
    last: bool = False


@dataclass(frozen=True, slots=True)
class Move:
    """The elements of the sources, put one after the other, at these indices."""

    gather: Indices


@dataclass(frozen=True, slots=True)
class Largest:
    """The largest of what the taps read: (units, taps, positions)."""

    windows: Indices


@dataclass(frozen=True, slots=True)
class Mean:
    """The sum of what the taps read, over how many cells count at each position."""

    windows: Indices
    cells: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Total:
    """The sum of the sources, with signs."""

    signs: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Times:
    """Each element times a factor."""

    factor: Vector


@dataclass(frozen=True, slots=True)
class Plus:
    """Each element plus a constant."""

    constant: Vector


@dataclass(frozen=True, slots=True)
class Applied:
    """A function of each unit; of each element its unit."""

    functions: tuple[Activation, ...]
    units: Indices


@dataclass(frozen=True, slots=True)
class Headed:
    """A head over all elements."""

    kind: HeadKind


Operation: TypeAlias = Product | Move | Largest | Mean | Total | Times | Plus | Applied | Headed


def operation(node: Node, views: Sequence[View]) -> Operation:
    """What a node does to whole arrays, given the views of its sources."""
    view = views[0]
    match node:
        case Dense():
            return Product(node.weight, node.bias, elements(view)[:, None, :] if node.grid else None, node.grid)
        case Conv():
            return Product(node.weight, node.bias, taps(node.window, view))
        case Reorder():
            return _reordered(node, view)
        case Select():
            return Move(_picked(node, views))
        case Pad():
            return Move(taps(node.window, view).reshape(-1))
        case MaxPool():
            return Largest(taps(node.window, view))
        case AveragePool():
            return Mean(taps(node.window, view), node.window.cells(padding=node.padding))
        case Add():
            return Total(node.signs)
        case Scale():
            return Times(tuple(node.factor[v] for v in unit_of(view)))
        case Shift():
            return Plus(tuple(node.constant[v] for v in unit_of(view)))
        case Activate():
            return Applied(node.functions, unit_of(view))
        case Head():
            return Headed(node.kind)
        case Pick() | Opaque():
            raise NoExactValue(f"tensor {node.target!r}: {node} has no value here")
        case _:
            assert_never(node)


def _reordered(node: Reorder, view: View) -> Move:
    """A reordering; one that leaves units as they are has elements only where no sizes are unknown."""
    if isinstance(node, Regrid):
        raise NoExactValue(f"tensor {node.target!r}: found {node}, whose elements are not enumerated")
    return Move(np.array(node.order(view.shape), np.int64))


def elements(view: View) -> Indices:
    """For each unit and position, the element: (units, positions)."""
    grid = np.arange(view.elements, dtype=np.int64).reshape(view.shape)
    if view.channel is None:
        return grid.reshape(-1, 1)
    return np.moveaxis(grid, view.channel, 0).reshape(view.units, -1)


def unit_of(view: View) -> Indices:
    """For each element, its unit: (elements,)."""
    found = np.empty(view.elements, np.int64)
    for unit, members in enumerate(elements(view)):
        found[members] = unit
    return found


def taps(window: Window, view: View) -> Indices:
    """For each unit, tap and position of the target, the element of the source: (units, taps, positions)."""
    places = [[-1 if p is None else p for p in window.places(t)] for t in range(window.taps)]
    positions = np.array(places, np.int64).reshape(window.taps, math.prod(window.target))
    found = elements(view)[:, positions]
    found[:, positions < 0] = -1
    return found


def _picked(node: Select, views: Sequence[View]) -> Indices:
    starts = np.cumsum([0, *(view.elements for view in views)])
    sources = [elements(view) + start for view, start in zip(views, starts, strict=False)]
    target = elements(View(node.shape, node.channel))
    found = np.empty(target.size, np.int64)
    for members, (i, u) in zip(target, node.picks, strict=True):
        found[members] = sources[i][u]
    return found
