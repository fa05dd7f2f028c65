# SPDX-License-Identifier: Apache-2.0
"""This file is about ONNX operators on images: convolutions, pools, padding, and means over all positions.

They read a tensor whose first axis besides the batch axis has the channels; `Reader.image` implies it where need be.
"""

from collections.abc import Mapping
from dataclasses import replace
from operator import add

import numpy as np
from numpy.typing import NDArray

from exactlump.errors import FormatError, ShapeError, UnsupportedLayer
from exactlump.formats.onnx.graph import Data, Operator, Read, Reader, batch_error, result, settled_on
from exactlump.formats.onnx.tensors import Constant
from exactlump.formats.onnx.windows import pads, sizes, sliding, transposed
from exactlump.network.kinds import AveragePool, Conv, MaxPool, Pad, Regrid, Reorder
from exactlump.network.views import Shape
from exactlump.network.windows import Grid, Window, whole
from exactlump.numbers.matrix import Matrix
from exactlump.numbers.rational import ZERO, SparseRow, Vector


def grid_of(data: Data) -> Grid:
    """The axes behind the channels."""
    return tuple(data.sizes[2:])


# Convolutions


def _conv(reader: Reader, op: Operator) -> None:
    """W is (rows, columns of one group, kernel); b, if any, one number a row."""
    data = reader.image(reader.tensor(op.input(0)))
    array = reader.factors(op.input(1), data).array
    group = _groups(op, data.units)
    if array.ndim != data.rank or array.shape[1] * group != data.units or array.shape[0] % group:
        raise ShapeError(f"found a kernel of shape {list(array.shape)} of {group} groups for {list(data.shape)}")
    window = sliding(op, grid_of(data), _kernel(op, array))
    data, window = _unpadded(reader, data, window)
    _emit(reader, op, data, _blocks(array.reshape(array.shape[0], -1), group, data.units * window.taps), window)


def _conv_transpose(reader: Reader, op: Operator) -> None:
    """W is (columns, rows of one group, kernel)."""
    data = reader.image(reader.tensor(op.input(0)))
    array = reader.factors(op.input(1), data).array
    group = _groups(op, data.units)
    if array.ndim != data.rank or array.shape[0] != data.units or data.units % group:
        raise ShapeError(f"found a kernel of shape {list(array.shape)} of {group} groups for {list(data.shape)}")
    window = transposed(op, grid_of(data), _kernel(op, array))
    blocks = array.reshape(group, data.units // group, array.shape[1], -1).transpose(0, 2, 1, 3)
    rows = blocks.reshape(group * array.shape[1], -1)
    _emit(reader, op, data, _blocks(rows, group, data.units * window.taps), window)


def _groups(op: Operator, channels: int) -> int:
    group = int(op.attributes.get("group", 1))
    if group < 1 or channels % group:
        raise ShapeError(f"group: found {group} for {channels} channels")
    return group


def _kernel(op: Operator, array: NDArray[np.generic]) -> Grid:
    kernel = tuple(int(n) for n in array.shape[2:])
    if tuple(op.attributes.get("kernel_shape", kernel)) != kernel or 0 in kernel or 0 in array.shape:
        raise ShapeError(f"kernel_shape: found {op.attributes.get('kernel_shape')} for weights {list(array.shape)}")
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


def _emit(reader: Reader, op: Operator, data: Data, weight: Matrix, window: Window) -> None:
    rows = weight.shape[0]
    bias: Vector = (ZERO,) * rows
    if op.input(2):
        constant = reader.factors(op.input(2), data)
        if constant.shape != (rows,):
            raise ShapeError(f"found a bias of shape {list(constant.shape)} for {rows} channels")
        bias = constant.vector()
    names = ("", op.input(1), op.input(2))
    reader.emit(Conv(data.name, op.target, weight, bias, window, names), _made(op, data, window, rows))


def _made(op: Operator, data: Data, window: Window, units: int) -> Data:
    return result(op, data, (units, *window.target), 0)


# Pools


def _average_pool(reader: Reader, op: Operator) -> None:
    data = reader.image(reader.tensor(op.input(0)))
    window = _pool(op, data)
    padding = bool(op.attributes.get("count_include_pad", 0))
    below, wider = _unpadded(reader, data, window)
    if below is not data and not any((*window.begin, *window.end)) and _is_simple(wider):
        data, window, padding = below, wider, True  # each of the zeros counts, as it did
    reader.emit(AveragePool(data.name, op.target, window, padding), _made(op, data, window, data.units))


def _max_pool(reader: Reader, op: Operator) -> None:
    if any(op.outputs[1:]) or op.attributes.get("storage_order", 0):
        raise UnsupportedLayer("found a second output or storage_order, expected the largest values only")
    data = reader.image(reader.tensor(op.input(0)))
    window = _pool(op, data)
    reader.emit(MaxPool(data.name, op.target, window), _made(op, data, window, data.units))


def _pool(op: Operator, data: Data) -> Window:
    grid = grid_of(data)
    window = sliding(op, grid, sizes(op, "kernel_shape", len(grid)))
    _demand_source(window)
    return window


def _demand_source(window: Window) -> None:
    if not window.is_sized:
        return
    if not all(window.cells(padding=False)):
        raise UnsupportedLayer("found a position that reads nothing but padding")


def _global_average_pool(reader: Reader, op: Operator) -> None:
    data = reader.image(reader.tensor(op.input(0)))
    window = whole(grid_of(data))
    reader.emit(AveragePool(data.name, op.target, window), _made(op, data, window, data.units))


def _global_max_pool(reader: Reader, op: Operator) -> None:
    data = reader.image(reader.tensor(op.input(0)))
    window = whole(grid_of(data))
    reader.emit(MaxPool(data.name, op.target, window), _made(op, data, window, data.units))


def _reduce_mean(reader: Reader, op: Operator) -> None:
    """The mean over all positions; without `keepdims` of the tensor "TARGET kept", whose axes of size 1 then go."""
    found = reader.tensor(op.input(0))
    if not found.known:
        raise UnsupportedLayer("found a tensor of unknown shape")
    listed = reader.constant(op.input(1)).integers() if op.input(1) else op.attributes.get("axes", ())
    if not listed and op.attributes.get("noop_with_empty_axes", 0):
        raise UnsupportedLayer("found noop_with_empty_axes, expected axes")
    if any(not -found.rank <= axis < found.rank for axis in listed):
        raise ShapeError(f"axes: found {list(listed)} for a tensor of rank {found.rank}")
    axes = {axis % found.rank for axis in listed or range(found.rank)}
    if 0 in axes and found.batched:
        raise batch_error()
    if axes != set(range(2, found.rank)):
        raise UnsupportedLayer(f"axes: found {sorted(axes)} of {found.rank}, expected all from 2 on")
    data = reader.image(found)
    window, kept = whole(grid_of(data)), bool(op.attributes.get("keepdims", 1))
    made = _made(op, data, window, data.units)
    if kept:
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


def _pad(reader: Reader, op: Operator) -> None:
    """Zeros around images: an attribute before opset 11, inputs since; chosen axes since opset 18."""
    mode = op.attributes.get("mode", b"constant")
    if mode != b"constant" or _value(reader, op):
        raise UnsupportedLayer(f"found mode {mode.decode('ascii', 'replace')}, expected zeros")
    data = reader.image(reader.tensor(op.input(0)))
    begin, end = _amounts(reader, op, data.rank)
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


def _value(reader: Reader, op: Operator) -> bool:
    """Whether something else than zeros is put around."""
    if reader.opset < 11:
        return bool(op.number("value", 0.0))
    return bool(op.input(2)) and bool(reader.constant(op.input(2)).array.any())


def _amounts(reader: Reader, op: Operator, rank: int) -> tuple[Shape, Shape]:
    """How much goes before and after each axis."""
    found = pads(op) if reader.opset < 11 else reader.constant(op.input(1)).integers()
    listed = reader.constant(op.input(3)).integers() if op.input(3) else tuple(range(rank))
    if any(not -rank <= axis < rank for axis in listed) or len({axis % rank for axis in listed}) != len(listed):
        raise ShapeError(f"axes: found {list(listed)} for a tensor of rank {rank}")
    if len(found) != 2 * len(listed):
        raise FormatError(f"pads: found {len(found)} numbers, expected {2 * len(listed)}")
    begin, end = [0] * rank, [0] * rank
    for i, axis in enumerate(listed):
        begin[axis], end[axis] = found[i], found[i + len(listed)]
    return tuple(begin), tuple(end)


IMAGES: Mapping[str, Read] = {
    "Conv": _conv,
    "ConvTranspose": _conv_transpose,
    "AveragePool": _average_pool,
    "MaxPool": _max_pool,
    "GlobalAveragePool": _global_average_pool,
    "GlobalMaxPool": _global_max_pool,
    "ReduceMean": _reduce_mean,
    "Pad": _pad,
}
