# SPDX-License-Identifier: Apache-2.0
"""This file is about ONNX operators that sum over positions: ReduceSum, and ReduceMean of units along the last axis.

A sum over positions is their mean times their number.  Positions are the axes behind the channels of an image, or, if
they go (`keepdims` 0), those between the batch and the last axis, whose units are then moved to the front.  What sums
over units stays opaque.
"""

import math
from collections.abc import Mapping
from dataclasses import replace

from exactlump.errors import ShapeError, UnsupportedLayer
from exactlump.formats.onnx.graph import Data, Operator, Read, Reader
from exactlump.formats.onnx.images import IMAGES, grid_of
from exactlump.network.kinds import AveragePool, Reorder, Scale
from exactlump.network.windows import whole
from exactlump.numbers.rational import rational


def _axes(reader: Reader, op: Operator, rank: int) -> list[int]:
    """The axes that are summed over, in order."""
    listed = reader.constant(op.input(1)).integers() if op.input(1) else op.attributes.get("axes", ())
    if not listed and op.attributes.get("noop_with_empty_axes", 0):
        raise UnsupportedLayer("found noop_with_empty_axes, expected axes")
    if any(not -rank <= axis < rank for axis in listed):
        raise ShapeError(f"axes: found {list(listed)} for a tensor of rank {rank}")
    return sorted({axis % rank for axis in listed or range(rank)})


def _mean(reader: Reader, op: Operator) -> None:
    found = reader.ranked(op.input(0))
    if _goes(op) and found.rank > 2 and _axes(reader, op, found.rank) == list(range(1, found.rank - 1)):
        _pooled(reader, op, _moved(reader, op, found), summed=False)
    else:
        IMAGES["ReduceMean"](reader, op)


def _sum(reader: Reader, op: Operator) -> None:
    found = reader.ranked(op.input(0))
    axes, rank = _axes(reader, op, found.rank), found.rank
    if rank > 2 and axes == list(range(2, rank)):
        _pooled(reader, op, reader.image(found), summed=True)
    elif _goes(op) and rank > 2 and axes == list(range(1, rank - 1)):
        _pooled(reader, op, _moved(reader, op, found), summed=True)
    else:
        raise UnsupportedLayer(f"axes: found {axes} of {rank}, expected those of all positions")


def _moved(reader: Reader, op: Operator, found: Data) -> Data:
    """The tensor with its last axis, of units, in front."""
    data = reader.along(reader.settled(found), found.rank - 1)
    if data.open:
        raise UnsupportedLayer("found unknown sizes, expected numbers")
    axes = (len(data.shape) - 1, *range(len(data.shape) - 1))
    made = replace(data, name=f"{op.target} moved", shape=(data.shape[-1], *data.shape[:-1]), channel=0)
    reader.emit(Reorder(data.name, made.name, axes, made.shape, 0), made)
    return made


def _goes(op: Operator) -> bool:
    return not op.attributes.get("keepdims", 1)


def _pooled(reader: Reader, op: Operator, data: Data, *, summed: bool) -> None:
    """The mean of each image, times the number of positions for a sum; without its grid where that goes."""
    grid = grid_of(data)
    if data.open or not all(isinstance(n, int) for n in grid):
        raise UnsupportedLayer("found unknown sizes, expected numbers")
    end = f"{op.target} kept" if _goes(op) else op.target
    window = whole(grid)
    made = replace(data, name=f"{op.target} mean" if summed else end, shape=(data.units, *window.target), channel=0)
    reader.emit(AveragePool(data.name, made.name, window), made)
    if summed:
        count = rational(math.prod(grid))
        reader.emit(Scale(made.name, end, (count,) * data.units), replace(made, name=end))
    if end != op.target:
        final = replace(made, name=op.target, shape=(data.units,), channel=None)
        reader.emit(Reorder(end, op.target, None, (data.units,)), final)


REDUCTIONS: Mapping[str, Read] = {"ReduceMean": _mean, "ReduceSum": _sum}
