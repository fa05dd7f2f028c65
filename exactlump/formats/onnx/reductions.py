# SPDX-License-Identifier: Apache-2.0
"""This file is about ONNX operators that sum over positions: ReduceSum, and ReduceMean of units along the last axis.

A sum over positions is their mean times their number.  Positions are the axes behind the channels of an image, or, if
they go (`keepdims` 0), those between the batch and the last axis, whose units are then moved to the front.  What sums
over units stays opaque.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from onnx import helper

from exactlump.errors import ShapeError, UnsupportedLayer
from exactlump.formats.onnx.data import Data, result
from exactlump.formats.onnx.graph import Reader
from exactlump.formats.onnx.images import drop_ones, grid_of, reduce_mean
from exactlump.formats.onnx.operators import Operator
from exactlump.formats.onnx.reorderings import REORDERINGS
from exactlump.formats.onnx.rules import INTEGERS, RANKED, Rule, flag, integers
from exactlump.network.kinds import AveragePool, Scale
from exactlump.network.windows import whole
from exactlump.numbers.rational import rational


def _axes(rank: int, listed: Sequence[int], noop_with_empty_axes: bool) -> list[int]:
    """The axes that are summed over, in order."""
    if not listed and noop_with_empty_axes:
        raise UnsupportedLayer("found noop_with_empty_axes, expected axes")
    if any(not -rank <= axis < rank for axis in listed):
        raise ShapeError(f"axes: found {list(listed)} for a tensor of rank {rank}")
    return sorted({axis % rank for axis in listed or range(rank)})


def _reduction(read: Callable[..., None], since: int) -> Rule:
    """A reduction whose axes are an input since an opset; before, an attribute."""

    def rule(
        reader: Reader,
        op: Operator,
        found: Data,
        given: Sequence[int] | None,
        *,
        axes: Sequence[int] | None,
        keepdims: bool,
        noop_with_empty_axes: bool,
    ) -> None:
        read(reader, op, found, _axes(found.rank, given or axes or (), noop_with_empty_axes), keepdims=keepdims)

    attributes = {"axes": integers().within(until=since), "keepdims": flag(True)}
    noop = {"noop_with_empty_axes": flag(False).within(since=since)}
    return Rule(rule, [RANKED, INTEGERS.or_none(since)], {**attributes, **noop})


def _mean(reader: Reader, op: Operator, found: Data, axes: Sequence[int], *, keepdims: bool) -> None:
    if not keepdims and found.rank > 2 and axes == list(range(1, found.rank - 1)):
        _pooled(reader, op, _moved(reader, op, found), summed=False, keepdims=keepdims)
    else:
        reduce_mean(reader, op, found, axes, keepdims=keepdims)


def _sum(reader: Reader, op: Operator, found: Data, axes: Sequence[int], *, keepdims: bool) -> None:
    rank = found.rank
    if rank > 2 and axes == list(range(2, rank)):
        _pooled(reader, op, reader.image(found), summed=True, keepdims=keepdims)
    elif not keepdims and rank > 2 and axes == list(range(1, rank - 1)):
        _pooled(reader, op, _moved(reader, op, found), summed=True, keepdims=keepdims)
    else:
        raise UnsupportedLayer(f"axes: found {axes} of {rank}, expected those of all positions")


def _moved(reader: Reader, op: Operator, found: Data) -> Data:
    """The tensor with its last axis, of units, in front, as Transpose has it."""
    last, name = found.rank - 1, f"{op.target} moved"
    move = helper.make_node("Transpose", [found.name], [name], perm=[0, last, *range(1, last)])
    REORDERINGS["Transpose"](reader, Operator(move))
    return reader.image(reader.tensor(name))


def _pooled(reader: Reader, op: Operator, data: Data, *, summed: bool, keepdims: bool) -> None:
    """The mean of each image, times the number of positions for a sum; without its grid where that goes."""
    grid = grid_of(data)
    end = op.target if keepdims else f"{op.target} kept"
    window = whole(grid)
    made = replace(result(op, data, (data.units, *window.target), 0), name=f"{op.target} mean" if summed else end)
    if summed and not all(isinstance(n, int) for n in grid):
        raise UnsupportedLayer("found unknown sizes, expected numbers")
    reader.emit(AveragePool(data.name, made.name, window), made)
    if summed:
        count = rational(math.prod(grid))
        reader.emit(Scale(made.name, end, (count,) * data.units), replace(made, name=end))
    if end != op.target:
        drop_ones(reader, op, replace(made, name=end))


REDUCTIONS: Mapping[str, Rule] = {"ReduceMean": _reduction(_mean, 18), "ReduceSum": _reduction(_sum, 13)}
