# SPDX-License-Identifier: Apache-2.0
"""This file is about ONNX operators on images: convolutions, pools, padding, and means over all positions.

They read a tensor whose first axis besides the batch axis has the channels; `Reader.image` implies it where need be.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from operator import add
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exactlump.errors import FormatError, ShapeError, UnsupportedLayer
from exactlump.formats.onnx.data import Data, batch_error, result, settled_on
from exactlump.formats.onnx.graph import Reader
from exactlump.formats.onnx.operators import Operator
from exactlump.formats.onnx.rules import (
    CONSTANT,
    FACTORS,
    IMAGE,
    INTEGERS,
    Rule,
    flag,
    integer,
    integers,
    number,
    word,
)
from exactlump.formats.onnx.tensors import Constant
from exactlump.formats.onnx.windows import CEIL, KERNEL, SLIDE, Slide, sizes, sliding, transposed
from exactlump.network.kinds import AveragePool, Conv, MaxPool, Pad, Regrid, Reorder
from exactlump.network.views import Shape
from exactlump.network.windows import Grid, Window, whole
from exactlump.numbers.matrix import Matrix
from exactlump.numbers.rational import ZERO, Rational, SparseRow


def grid_of(data: Data) -> Grid:
    """The axes behind the channels."""
    return tuple(data.sizes[2:])


# Convolutions


def _conv(
    reader: Reader, op: Operator, data: Data, weight: Constant, bias: Constant | None, *, group: int, **given: Any
) -> None:
    """W is (rows, columns of one group, kernel); b, if any, one number a row."""
    array = weight.array
    _demand_groups(group, data.units)
    if array.ndim != data.rank or array.shape[1] * group != data.units or array.shape[0] % group:
        raise ShapeError(f"found a kernel of shape {list(array.shape)} of {group} groups for {list(data.shape)}")
    kernel = _kernel(array, given.pop("kernel_shape"))
    window = sliding(Slide(False, **given), grid_of(data), kernel)
    data, window = _unpadded(reader, data, window)
    matrix = _blocks(array.reshape(array.shape[0], -1), group, data.units * window.taps)
    _emit(reader, op, data, matrix, bias, window)


def _conv_transpose(
    reader: Reader, op: Operator, data: Data, weight: Constant, bias: Constant | None, *, group: int, **given: Any
) -> None:
    """W is (columns, rows of one group, kernel)."""
    array = weight.array
    _demand_groups(group, data.units)
    if array.ndim != data.rank or array.shape[0] != data.units or data.units % group:
        raise ShapeError(f"found a kernel of shape {list(array.shape)} of {group} groups for {list(data.shape)}")
    kernel = _kernel(array, given.pop("kernel_shape"))
    more = given.pop("output_padding"), given.pop("output_shape")
    window = transposed(Slide(False, **given), grid_of(data), kernel, *more)
    blocks = array.reshape(group, data.units // group, array.shape[1], -1).transpose(0, 2, 1, 3)
    rows = blocks.reshape(group * array.shape[1], -1)
    _emit(reader, op, data, _blocks(rows, group, data.units * window.taps), bias, window)


def _demand_groups(group: int, channels: int) -> None:
    if group < 1 or channels % group:
        raise ShapeError(f"group: found {group} for {channels} channels")


def _kernel(array: NDArray[np.generic], stated: Grid | None) -> Grid:
    kernel = tuple(int(n) for n in array.shape[2:])
    if stated not in (None, kernel) or 0 in kernel or 0 in array.shape:
        raise ShapeError(f"kernel_shape: found {list(stated or ())} for weights {list(array.shape)}")
    return kernel


def _blocks(array: NDArray[np.generic], group: int, columns: int) -> Matrix:
    """The rows of all groups one after the other, each with zeros at the columns of other groups."""
    matrix = Constant(array, 0).matrix()
    if group == 1:
        return matrix
    high, wide = array.shape[0] // group, columns // group
    rows: list[SparseRow] = []
    for v in range(array.shape[0]):
        start = v // high * wide
        rows.append({start + u: w for u, w in matrix.row(v).items()})
    return Matrix.from_rows(rows, columns)


def _emit(reader: Reader, op: Operator, data: Data, weight: Matrix, bias: Constant | None, window: Window) -> None:
    rows = weight.shape[0]
    if bias is not None and bias.shape != (rows,):
        raise ShapeError(f"found a bias of shape {list(bias.shape)} for {rows} channels")
    values = (ZERO,) * rows if bias is None else bias.vector()
    names = ("", op.input(1), op.input(2))
    reader.emit(Conv(data.name, op.target, weight, values, window, names), _made(op, data, window, rows))


def _made(op: Operator, data: Data, window: Window, units: int) -> Data:
    return result(op, data, (units, *window.target), 0)


# Pools


def _average_pool(reader: Reader, op: Operator, data: Data, *, count_include_pad: bool, **given: Any) -> None:
    window = _pool(data, **given)
    below, wider = _unpadded(reader, data, window)
    if below is not data and not any((*window.begin, *window.end)) and _is_simple(wider):
        data, window, count_include_pad = below, wider, True  # each of the zeros counts, as it did
    reader.emit(AveragePool(data.name, op.target, window, count_include_pad), _made(op, data, window, data.units))


def _max_pool(reader: Reader, op: Operator, data: Data, *, storage_order: bool, **given: Any) -> None:
    if any(op.outputs[1:]) or storage_order:
        raise UnsupportedLayer("found a second output or storage_order, expected the largest values only")
    window = _pool(data, **given)
    reader.emit(MaxPool(data.name, op.target, window), _made(op, data, window, data.units))


def _pool(data: Data, kernel_shape: Grid | None, **given: Any) -> Window:
    grid = grid_of(data)
    window = sliding(Slide(True, **given), grid, sizes("kernel_shape", kernel_shape, len(grid)))
    _demand_source(window)
    return window


def _demand_source(window: Window) -> None:
    if not window.is_sized:
        return
    if not all(window.cells(padding=False)):
        raise UnsupportedLayer("found a position that reads nothing but padding")


def _global_average_pool(reader: Reader, op: Operator, data: Data) -> None:
    window = whole(grid_of(data))
    reader.emit(AveragePool(data.name, op.target, window), _made(op, data, window, data.units))


def _global_max_pool(reader: Reader, op: Operator, data: Data) -> None:
    window = whole(grid_of(data))
    reader.emit(MaxPool(data.name, op.target, window), _made(op, data, window, data.units))


def reduce_mean(reader: Reader, op: Operator, found: Data, axes: Sequence[int], *, keepdims: bool) -> None:
    """The mean over all positions; without `keepdims` of the tensor "TARGET kept", whose axes of size 1 then go."""
    if 0 in axes and found.batched:
        raise batch_error()
    if list(axes) != list(range(2, found.rank)):
        raise UnsupportedLayer(f"axes: found {list(axes)} of {found.rank}, expected all from 2 on")
    data = reader.image(found)
    window = whole(grid_of(data))
    made = _made(op, data, window, data.units)
    if keepdims:
        reader.emit(AveragePool(data.name, op.target, window), made)
        return
    between = replace(made, name=f"{op.target} kept")
    reader.emit(AveragePool(data.name, between.name, window), between)
    drop_ones(reader, op, between)


def drop_ones(reader: Reader, op: Operator, data: Data) -> None:
    """The same without the grid of one position."""
    made = settled_on(op.target, data.sizes[:2], 1, data.kind)
    if data.open or made.open:
        reader.emit(Regrid(data.name, op.target, None, made.shape, made.channel, 0, made.open, made.batch), made)
    else:
        reader.emit(Reorder(data.name, op.target, None, (data.units,)), made)


# Padding


def _pad(
    reader: Reader,
    op: Operator,
    data: Data,
    amounts: Grid | None,
    around: Constant | None,
    axes: Grid | None,
    *,
    mode: str,
    value: Rational,
    **before: Grid | None,
) -> None:
    """Zeros around images: an attribute before opset 11, inputs since; chosen axes since opset 18."""
    if mode != "constant" or value or (around is not None and around.array.any()):
        raise UnsupportedLayer(f"found mode {mode}, expected zeros")
    given = amounts or before["pads"] or before["paddings"] or ()
    begin, end = _amounts(given, tuple(range(data.rank)) if axes is None else axes, data.rank)
    if any((*begin[:2], *end[:2])):
        raise UnsupportedLayer("expected nothing around the batch axis and the channels")
    if min((*begin, *end)) < 0:
        raise UnsupportedLayer(f"found {list(begin)} and {list(end)}, expected no negative numbers")
    grid, ones = grid_of(data), (1,) * len(grid_of(data))
    if not all(isinstance(n, int) for n in grid):
        raise UnsupportedLayer(f"found pads around {list(grid)}, expected known sizes")
    target = tuple(b + n + e for b, n, e in zip(begin[2:], grid, end[2:], strict=True))
    window = Window(grid, target, ones, ones, ones, begin[2:], end[2:])
    reader.emit(Pad(data.name, op.target, window), _made(op, data, window, data.units))


def _unpadded(reader: Reader, data: Data, window: Window) -> tuple[Data, Window]:
    """A window over images with zeros around them, as one over the images themselves."""
    while isinstance(pad := reader.maker(data.name), Pad):
        reader.spelled.add(data.name)
        data, window = reader.data[pad.source], _wider(window, pad.window)
    return data, window


def _wider(window: Window, around: Window) -> Window:
    begin, end = tuple(map(add, window.begin, around.begin)), tuple(map(add, window.end, around.end))
    return replace(window, source=around.source, begin=begin, end=end)


def _is_simple(window: Window) -> bool:
    """Whether a window without gaps begins and ends less than its size outside: runtimes have pools with no others."""
    axes = zip(window.source, window.target, window.kernel, window.stride, window.begin, window.end, strict=True)
    plain = all(m == (b + n + e - k) // s + 1 and max(b, e) < k for n, m, k, s, b, e in axes)
    return plain and set(window.dilation) == {1}


def _amounts(found: Grid, listed: Grid, rank: int) -> tuple[Shape, Shape]:
    """How much goes before and after each axis."""
    if any(not -rank <= axis < rank for axis in listed) or len({axis % rank for axis in listed}) != len(listed):
        raise ShapeError(f"axes: found {list(listed)} for a tensor of rank {rank}")
    if len(found) != 2 * len(listed):
        raise FormatError(f"pads: found {len(found)} numbers, expected {2 * len(listed)}")
    begin, end = [0] * rank, [0] * rank
    for i, axis in enumerate(listed):
        begin[axis], end[axis] = found[i], found[i + len(listed)]
    return tuple(begin), tuple(end)


_MIXING = {**SLIDE, **KERNEL, "group": integer(1)}
_POOLING = {**SLIDE, **KERNEL, **CEIL}
_SINCE_10, _SINCE_19 = ({"dilations": SLIDE["dilations"].within(since=opset)} for opset in (10, 19))

IMAGES: Mapping[str, Rule] = {
    "Conv": Rule(_conv, [IMAGE, FACTORS, FACTORS.or_none()], _MIXING),
    "ConvTranspose": Rule(
        _conv_transpose,
        [IMAGE, FACTORS, FACTORS.or_none()],
        {**_MIXING, "output_padding": integers(), "output_shape": integers()},
    ),
    "AveragePool": Rule(
        _average_pool, [IMAGE], {**_POOLING, **_SINCE_19, "count_include_pad": flag(False).within(since=7)}
    ),
    "MaxPool": Rule(_max_pool, [IMAGE], {**_POOLING, **_SINCE_10, "storage_order": flag(False).within(since=8)}),
    "GlobalAveragePool": Rule(_global_average_pool, [IMAGE]),
    "GlobalMaxPool": Rule(_global_max_pool, [IMAGE]),
    "Pad": Rule(
        _pad,
        [IMAGE, INTEGERS.or_none(since=11), CONSTANT.or_none(since=11), INTEGERS.or_none(since=18)],
        {
            "mode": word("constant"),
            "value": number(0.0).within(until=11),
            "pads": integers().within(since=2, until=11),
            "paddings": integers().within(until=2),
        },
    ),
}
