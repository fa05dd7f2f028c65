# SPDX-License-Identifier: Apache-2.0
"""This file is about ONNX operators that give images another grid: DepthToSpace, SpaceToDepth, Resize by integers.

Each is a convolution whose weights are 0 and 1, transposed where the grid grows, and is read as one: of an output's
position exactly one tap of one channel is taken.  Resize is that only where the nearest position of an integer scale is
the same however it is rounded.
"""

import math
from collections.abc import Iterable, Mapping

from onnx import TensorProto

from exactlump.errors import FormatError, ShapeError, UnsupportedLayer
from exactlump.formats.onnx.data import Data, result
from exactlump.formats.onnx.graph import Read, Reader
from exactlump.formats.onnx.operators import Operator
from exactlump.network.kinds import Conv
from exactlump.network.windows import Grid, Window
from exactlump.numbers.matrix import Matrix
from exactlump.numbers.rational import ONE, ZERO

# How positions of the new grid are taken back to the old one, and rounded: those of which integers make x // scale.
_FLOORED = ("asymmetric", "floor")
_CENTRED = ("half_pixel", "pytorch_half_pixel"), ("round_prefer_floor", "round_prefer_ceil")


# How many positions a channel's position may become, and how many taps there may be in all.
_MOST_TAPS, _MOST_MOVED = 1 << 12, 1 << 22


def _image(reader: Reader, op: Operator, axes: int | None = None) -> tuple[Data, Grid]:
    """The image that is read, whose grid is known."""
    data = reader.image(reader.tensor(op.input(0)))
    grid = tuple(data.sizes[2:])
    if not all(isinstance(n, int) for n in grid):
        raise UnsupportedLayer("found unknown sizes, expected numbers")
    if axes is not None and len(grid) != axes:
        raise ShapeError(f"found a grid of {len(grid)} axes, expected {axes}")
    return data, grid


def _demand_few(factors: Grid, moved: int) -> None:
    if math.prod(factors) > _MOST_TAPS or moved > _MOST_MOVED:
        raise UnsupportedLayer(f"found a step of {list(factors)}, of {moved} taps in all, expected fewer")


def _taken(
    reader: Reader, op: Operator, data: Data, target: Grid, factors: Grid, taps: Iterable[Iterable[int]], grows: bool
) -> None:
    """Add the convolution: for each channel of the new image the columns, channel and tap, that it takes."""
    grid, none, ones = tuple(data.sizes[2:]), (0,) * len(factors), (1,) * len(factors)
    window = Window(grid, target, factors, factors, ones, none, none, transposed=grows)
    columns = data.units * math.prod(factors)
    weight = Matrix.from_rows([dict.fromkeys(row, ONE) for row in taps], columns)
    rows = weight.shape[0]
    names = ("", f"{op.target}_taps", "")
    made = result(op, data, (rows, *target), 0)
    reader.emit(Conv(data.name, op.target, weight, (ZERO,) * rows, window, names), made)


def _block(op: Operator) -> int:
    size = op.attributes.get("blocksize")
    if not isinstance(size, int) or size < 1:
        raise FormatError(f"blocksize: found {size}, expected a positive number")
    return size


def _depth_to_space(reader: Reader, op: Operator) -> None:
    """Blocks of channels become blocks of positions: a channel's number is (block, channel), or the other way."""
    data, (high, wide) = _image(reader, op, 2)
    b, mode = _block(op), op.attributes.get("mode", b"DCR")
    if mode not in (b"DCR", b"CRD"):
        raise UnsupportedLayer(f"mode: found {mode!r}, expected DCR or CRD")
    area = b * b
    if data.units % area:
        raise ShapeError(f"found {data.units} channels for blocks of {area}")
    made = data.units // area
    _demand_few((b, b), data.units)
    first, step = (1, made) if mode == b"DCR" else (area, 1)
    taps = ([(c * first + t * step) * area + t for t in range(area)] for c in range(made))
    _taken(reader, op, data, (high * b, wide * b), (b, b), taps, True)


def _space_to_depth(reader: Reader, op: Operator) -> None:
    """Blocks of positions become blocks of channels: first all channels at the first place of a block."""
    data, (high, wide) = _image(reader, op, 2)
    b = _block(op)
    if high % b or wide % b:
        raise ShapeError(f"found the grid {[high, wide]} for blocks of {b}")
    area = b * b
    _demand_few((b, b), data.units * area)
    taps = ([c * area + t] for t in range(area) for c in range(data.units))
    _taken(reader, op, data, (high // b, wide // b), (b, b), taps, False)


def _resize(reader: Reader, op: Operator) -> None:
    """Resize to the nearest position by integers; before opset 11 a position is rounded down."""
    if op.attributes.get("mode", b"nearest") != b"nearest":
        raise UnsupportedLayer(f"mode: found {op.attributes['mode'].decode('ascii', 'replace')}, expected nearest")
    if reader.opset > 10:
        _demand_floored(op)
    data, grid = _image(reader, op)
    factors = _factors(reader, op, data, grid)
    target, taps = tuple(n * f for n, f in zip(grid, factors, strict=True)), math.prod(factors)
    _demand_few(factors, data.units * taps)
    _taken(reader, op, data, target, factors, (range(c * taps, (c + 1) * taps) for c in range(data.units)), True)


def _demand_floored(op: Operator) -> None:
    """Positions are rounded so that an integer scale takes each position of the old grid as often as it says."""
    how = op.attributes.get("coordinate_transformation_mode", b"half_pixel").decode("ascii", "replace")
    rounded = op.attributes.get("nearest_mode", b"round_prefer_floor").decode("ascii", "replace")
    if (how, rounded) != _FLOORED and not (how in _CENTRED[0] and rounded in _CENTRED[1]):
        raise UnsupportedLayer(f"found the modes {how} and {rounded}, which take other positions than x // scale")
    others = {"antialias": 0, "exclude_outside": 0, "keep_aspect_ratio_policy": b"stretch"}
    for name, value in others.items():
        if op.attributes.get(name, value) != value:
            raise UnsupportedLayer(f"{name}: found {op.attributes[name]!r}, expected {value!r}")


def _factors(reader: Reader, op: Operator, data: Data, grid: Grid) -> Grid:
    """By how much each axis of the grid grows."""
    rank = data.rank
    axes = op.attributes.get("axes", range(rank))
    if sorted({axis % rank for axis in axes}) != list(range(rank)) or any(not -rank <= axis < rank for axis in axes):
        raise UnsupportedLayer(f"axes: found {list(axes)}, expected all")
    if "scales" in op.attributes:
        found = [float(value) for value in op.attributes["scales"]]
    else:
        place = 1 if reader.opset < 11 else 2
        sizes = reader.opset > 10 and op.input(3)
        if sizes:
            return _by_sizes(reader, op, data, grid, list(axes))
        scales = reader.constant(op.input(place))
        if scales.kind != TensorProto.FLOAT or scales.array.ndim != 1:
            raise FormatError("scales: expected a vector of float32 numbers")
        found = [float(value) for value in scales.array.tolist()]
    if len(found) != rank:
        raise FormatError(f"scales: found {len(found)} numbers, expected {rank}")
    by_axis = {axis % rank: scale for axis, scale in zip(axes, found, strict=True)}
    if by_axis[0] != 1 or by_axis[1] != 1 or not all(scale.is_integer() and scale > 0 for scale in found):
        raise UnsupportedLayer(f"scales: found {found}, expected integers, and 1 for the batch and the channels")
    return tuple(int(by_axis[axis]) for axis in range(2, rank))


def _by_sizes(reader: Reader, op: Operator, data: Data, grid: Grid, axes: list[int]) -> Grid:
    """By how much each axis grows, where sizes say it."""
    name = op.input(3)
    sizes = reader.vectors.get(name) or reader.constant(name).integers()
    if len(sizes) != data.rank:
        raise FormatError(f"sizes: found {len(sizes)} numbers, expected {data.rank}")
    wished = {axis % data.rank: size for axis, size in zip(axes, sizes, strict=True)}
    same = wished[0] == data.sizes[0] and wished[1] == data.units
    pairs = [(wished[axis + 2], n) for axis, n in enumerate(grid)]
    if not same or any(not isinstance(m, int) or m < 1 or m % n for m, n in pairs):
        raise UnsupportedLayer(f"sizes: found {list(sizes)}, expected multiples of {list(grid)}, all else as it is")
    return tuple(m // n for m, n in pairs)


REGRIDDED: Mapping[str, Read] = {
    "DepthToSpace": _depth_to_space,
    "SpaceToDepth": _space_to_depth,
    "Resize": _resize,
    "Upsample": _resize,
}
