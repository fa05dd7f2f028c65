# SPDX-License-Identifier: Apache-2.0
"""This file is about which elements of its sources a node reads, as arrays of indices for NumPy.

Every node that only moves elements is one gathering; windows are gatherings too, tap by tap.  The index -1 stands for a
zero around an image.  Exact evaluation and evaluation in floats share these arrays.
"""

import math
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from exactlump.network.kinds import AveragePool, Conv, MaxPool, Pad, Reorder, Select
from exactlump.network.views import View

Indices: TypeAlias = NDArray[np.int64]


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


def taps(node: Conv | AveragePool | MaxPool | Pad, view: View) -> Indices:
    """For each unit, tap and position of the target, the element of the source: (units, taps, positions)."""
    window = node.window
    places = [[-1 if p is None else p for p in window.places(t)] for t in range(window.taps)]
    positions = np.array(places, np.int64).reshape(window.taps, math.prod(window.target))
    found = elements(view)[:, positions]
    found[:, positions < 0] = -1
    return found


def moved(node: Reorder | Select | Pad, views: Sequence[View]) -> Indices:
    """For each element of the target, the element of the sources, which are put one after the other."""
    if isinstance(node, Reorder):
        return np.array(node.order(views[0].shape), np.int64)
    if isinstance(node, Pad):
        return taps(node, views[0]).reshape(-1)
    starts = np.cumsum([0, *(view.elements for view in views)])
    sources = [elements(view) + start for view, start in zip(views, starts, strict=False)]
    target = elements(View(node.shape, node.channel))
    found = np.empty(target.size, np.int64)
    for members, (i, u) in zip(target, node.picks, strict=True):
        found[members] = sources[i][u]
    return found
