# SPDX-License-Identifier: Apache-2.0
"""This file is about ONNX operators that give images another grid: DepthToSpace, SpaceToDepth, Resize by integers.

Each is a convolution whose weights are 0 and 1, transposed where the grid grows, and is read as one: of an output's
position exactly one tap of one channel is taken.  Resize is that only where the nearest position of an integer scale is
the same however it is rounded.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from onnx import AttributeProto, TensorProto

from exactlump.errors import FormatError, ShapeError, UnsupportedLayer
from exactlump.formats.onnx.data import Data, result
from exactlump.formats.onnx.graph import Reader
from exactlump.formats.onnx.operators import Operator
from exactlump.formats.onnx.rules import IMAGE, NAME, Rule, integer, integers, numbers, unread, word
from exactlump.network.kinds import Conv
from exactlump.network.windows import Grid, Window
from exactlump.numbers.matrix import Matrix
from exactlump.numbers.rational import ONE, ZERO

# How positions of the new grid are taken back to the old one, and rounded: those of which integers make x // scale.
_FLOORED = ("asymmetric", "floor")
_CENTRED = ("half_pixel", "pytorch_half_pixel"), ("round_prefer_floor", "round_prefer_ceil")


# How many positions a channel's position may become, and how many taps there may be in all.
_MOST_TAPS, _MOST_MOVED = 1 << 12, 1 << 22


def _grid(data: Data, axes: int | None = None) -> Grid:
    """The grid of an image, which is known."""
    grid = tuple(data.sizes[2:])
    if not all(isinstance(n, int) for n in grid):
        raise UnsupportedLayer("found unknown sizes, expected numbers")
    if axes is not None and len(grid) != axes:
        raise ShapeError(f"found a grid of {len(grid)} axes, expected {axes}")
    return grid


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


def _block(size: int | None) -> int:
    if size is None or size < 1:
        raise FormatError(f"blocksize: found {size}, expected a positive number")
    return size


def _depth_to_space(reader: Reader, op: Operator, data: Data, *, blocksize: int | None, mode: str) -> None:
    """Blocks of channels become blocks of positions: a channel's number is (block, channel), or the other way."""
    (high, wide), b = _grid(data, 2), _block(blocksize)
    if mode not in ("DCR", "CRD"):
        raise UnsupportedLayer(f"mode: found {mode!r}, expected DCR or CRD")
    area = b * b
    if data.units % area:
        raise ShapeError(f"found {data.units} channels for blocks of {area}")
    made = data.units // area
    _demand_few((b, b), data.units)
    first, step = (1, made) if mode == "DCR" else (area, 1)
    taps = ([(c * first + t * step) * area + t for t in range(area)] for c in range(made))
    _taken(reader, op, data, (high * b, wide * b), (b, b), taps, True)


def _space_to_depth(reader: Reader, op: Operator, data: Data, *, blocksize: int | None, mode: str) -> None:
    """Blocks of positions become blocks of channels: first all channels at the first place of a block."""
    if mode != "DCR":
        raise UnsupportedLayer(f"mode: found {mode!r}, expected DCR")
    (high, wide), b = _grid(data, 2), _block(blocksize)
    if high % b or wide % b:
        raise ShapeError(f"found the grid {[high, wide]} for blocks of {b}")
    area = b * b
    _demand_few((b, b), data.units * area)
    taps = ([c * area + t] for t in range(area) for c in range(data.units))
    _taken(reader, op, data, (high // b, wide // b), (b, b), taps, False)


def _resize(
    reader: Reader,
    op: Operator,
    data: Data,
    first: str | None,
    second: str | None,
    third: str | None,
    *,
    mode: str,
    axes: Grid | None,
    **how: Any,
) -> None:
    """By scales, the second input before opset 11, or since then by sizes; before, a position is rounded down."""
    if reader.opset > 10:
        _demand_floored(how)
    factors: Callable[[Grid], Grid]
    if reader.opset > 10 and third is not None:
        factors = partial(_by_sizes, reader, data, axes=axes, name=third)
    else:
        factors = partial(_by_scales, data, axes=axes, scales=_scales(reader, first if reader.opset < 11 else second))
    _grown(reader, op, data, factors, mode)


def _upsample(
    reader: Reader,
    op: Operator,
    data: Data,
    name: str | None,
    *,
    mode: str,
    scales: tuple[float, ...] | None,
    **old: Any,
) -> None:
    """By scales, an attribute before opset 9, an input since."""
    found = _scales(reader, name) if scales is None else scales
    _grown(reader, op, data, partial(_by_scales, data, axes=None, scales=found), mode)


def _grown(reader: Reader, op: Operator, data: Data, by: Callable[[Grid], Grid], mode: str) -> None:
    """To the nearest position by integers."""
    if mode != "nearest":
        raise UnsupportedLayer(f"mode: found {mode}, expected nearest")
    grid = _grid(data)
    factors = by(grid)
    target, taps = tuple(n * f for n, f in zip(grid, factors, strict=True)), math.prod(factors)
    _demand_few(factors, data.units * taps)
    _taken(reader, op, data, target, factors, (range(c * taps, (c + 1) * taps) for c in range(data.units)), True)


def _demand_floored(how: Mapping[str, Any]) -> None:
    """Positions are rounded so that an integer scale takes each position of the old grid as often as it says."""
    placed, rounded = how["coordinate_transformation_mode"], how["nearest_mode"]
    if (placed, rounded) != _FLOORED and not (placed in _CENTRED[0] and rounded in _CENTRED[1]):
        raise UnsupportedLayer(f"found the modes {placed} and {rounded}, which take other positions than x // scale")
    for name, value in {"antialias": 0, "exclude_outside": 0, "keep_aspect_ratio_policy": "stretch"}.items():
        if how[name] != value:
            raise UnsupportedLayer(f"{name}: found {how[name]!r}, expected {value!r}")


def _every(axes: Grid | None, rank: int) -> list[int]:
    """The axes, counted from the start, in the order of what is said of them; all must be among them."""
    listed = list(range(rank) if axes is None else axes)
    if {axis % rank for axis in listed} != {*range(rank)} or any(not -rank <= axis < rank for axis in listed):
        raise UnsupportedLayer(f"axes: found {listed}, expected all")
    return [axis % rank for axis in listed]


def _scales(reader: Reader, name: str | None) -> tuple[float, ...]:
    scales = reader.constant(name or "")
    if scales.kind != TensorProto.FLOAT or scales.array.ndim != 1:
        raise FormatError("scales: expected a vector of float32 numbers")
    return tuple(float(value) for value in scales.array.tolist())


def _by_scales(data: Data, grid: Grid, axes: Grid | None, scales: tuple[float, ...]) -> Grid:
    """By how much each axis of the grid grows."""
    every = _every(axes, data.rank)
    if len(scales) != data.rank:
        raise FormatError(f"scales: found {len(scales)} numbers, expected {data.rank}")
    by_axis = dict(zip(every, scales, strict=True))
    if by_axis[0] != 1 or by_axis[1] != 1 or not all(scale.is_integer() and scale > 0 for scale in scales):
        raise UnsupportedLayer(f"scales: found {list(scales)}, expected integers, and 1 for the batch and the channels")
    return tuple(int(by_axis[axis]) for axis in range(2, data.rank))


def _by_sizes(reader: Reader, data: Data, grid: Grid, axes: Grid | None, name: str) -> Grid:
    """By how much each axis grows, where sizes say it."""
    every = _every(axes, data.rank)
    sizes = reader.vectors.get(name) or reader.constant(name).integers()
    if len(sizes) != data.rank:
        raise FormatError(f"sizes: found {len(sizes)} numbers, expected {data.rank}")
    wished = dict(zip(every, sizes, strict=True))
    same = wished[0] == data.sizes[0] and wished[1] == data.units
    pairs = [(wished[axis + 2], n) for axis, n in enumerate(grid)]
    if not same or any(not isinstance(m, int) or m < 1 or m % n for m, n in pairs):
        raise UnsupportedLayer(f"sizes: found {list(sizes)}, expected multiples of {list(grid)}, all else as it is")
    return tuple(m // n for m, n in pairs)


_HOW = {
    "coordinate_transformation_mode": word("half_pixel").within(since=11),
    "nearest_mode": word("round_prefer_floor").within(since=11),
    "exclude_outside": integer(0).within(since=11),
    "antialias": integer(0).within(since=18),
    "keep_aspect_ratio_policy": word("stretch").within(since=18),
    "cubic_coeff_a": unread(AttributeProto.FLOAT).within(since=11),
    "extrapolation_value": unread(AttributeProto.FLOAT).within(since=11),
}
_OLD = {name: unread(AttributeProto.FLOAT).within(until=7) for name in ("height_scale", "width_scale")}

REGRIDDED: Mapping[str, Rule] = {
    "DepthToSpace": Rule(_depth_to_space, [IMAGE], {"blocksize": integer(), "mode": word("DCR").within(since=11)}),
    "SpaceToDepth": Rule(_space_to_depth, [IMAGE], {"blocksize": integer(), "mode": word("DCR").within(since=28)}),
    "Resize": Rule(
        _resize,
        [IMAGE, NAME.or_none(), NAME.or_none(since=11), NAME.or_none(since=11)],
        {"mode": word("nearest"), "axes": integers().within(since=18), **_HOW},
    ),
    "Upsample": Rule(
        _upsample,
        [IMAGE, NAME.or_none(since=9)],
        {"mode": word("nearest"), "scales": numbers().within(since=7, until=9), **_OLD},
    ),
}
