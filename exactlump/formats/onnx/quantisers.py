# SPDX-License-Identifier: Apache-2.0
"""This file is about quantisers in ONNX files: QuantizeLinear and DequantizeLinear, and QONNX's Quant and BipolarQuant.

Of constants they are evaluated, to exact rationals.  Of a computed tensor a QuantizeLinear with its DequantizeLinear,
or a Quant, is one activation `quantize`: the real number is divided by the scale exactly, rounded to an integer (the
even one of two), moved by the zero point, clipped, and comes back as a multiple of the scale.  What lies between the
two of a pair is no tensor of the network.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import repeat
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from onnx import AttributeProto, TensorProto

from exactlump.errors import FormatError, ShapeError, UnsupportedLayer
from exactlump.formats.files import about
from exactlump.formats.onnx.constants import rationals
from exactlump.formats.onnx.data import Data, same
from exactlump.formats.onnx.graph import Reader
from exactlump.formats.onnx.operators import Operator, place
from exactlump.formats.onnx.rules import ANY, CONSTANT, NAME, Rule, flag, integer, unread, word
from exactlump.formats.onnx.tensors import FLOATS, Constant, type_name
from exactlump.network.activations import Activation, floor, round_half_even
from exactlump.network.kinds import Activate
from exactlump.network.origin import Steps
from exactlump.numbers.rational import ZERO, Rational, fraction, rational

# What QuantizeLinear may make, and its range; NumPy has no type of 4 bits.
_RANGES: Mapping[int, tuple[int, int]] = {
    TensorProto.UINT8: (0, 255),
    TensorProto.INT8: (-128, 127),
    TensorProto.UINT16: (0, 65535),
    TensorProto.INT16: (-32768, 32767),
}
_MOST_BITS = 64


@dataclass(frozen=True, slots=True)
class Grid:
    """The steps of a quantiser: scales and zero points, as arrays of one shape to be broadcast, and the bounds."""

    scale: NDArray[Any]
    zero: NDArray[Any]
    low: Rational
    high: Rational

    def places(self) -> NDArray[np.int64]:
        """The shape of the arrays, filled with the index of each entry."""
        return np.arange(self.scale.size, dtype=np.int64).reshape(self.scale.shape)

    def functions(self, name: str) -> Iterator[Activation]:
        """The activation of each entry."""
        for scale, zero in zip(self.scale.ravel().tolist(), self.zero.ravel().tolist(), strict=True):
            yield Activation(name, (scale, zero, self.low, self.high))

    def entries(self, shape: tuple[int, ...]) -> Iterator[tuple[Rational, Rational]]:
        """Scale and zero point for each element of a constant of that shape."""
        if self.scale.size == 1 and self.scale.ndim <= len(shape):
            yield from repeat((self.scale.ravel()[0], self.zero.ravel()[0]), int(np.prod(shape)))
            return
        try:
            places = np.broadcast_to(self.places(), shape)
        except ValueError as error:
            raise ShapeError(f"found scales of shape {list(self.scale.shape)} for {list(shape)}") from error
        pairs = list(zip(self.scale.ravel().tolist(), self.zero.ravel().tolist(), strict=True))
        yield from (pairs[i] for i in places.ravel().tolist())


def _quantised(reader: Reader, data: Data, grid: Grid, name: str) -> tuple[Data, tuple[Activation, ...]]:
    """The function of each unit of the tensor that is then meant: per channel, or per element."""
    functions = list(grid.functions(name))
    if len(functions) == 1 and grid.scale.ndim <= data.rank:
        return data, tuple(functions) * data.units
    data, places = reader.spread(data, grid.places())
    return data, tuple(functions[i] for i in places.tolist())


def _scales(reader: Reader, name: str) -> Constant:
    """Scales, which must be positive floats."""
    found = reader.constant(name)
    if found.kind not in FLOATS:
        raise UnsupportedLayer(f"tensor {name!r}: found scales of {type_name(found.kind)}, expected floats")
    if any(value <= 0 for value in rationals(found).ravel().tolist()):
        raise UnsupportedLayer(f"tensor {name!r}: found a scale that is not positive")
    return found


def _array(values: Any, shape: tuple[int, ...]) -> NDArray[Any]:
    """An array of exact numbers."""
    array = np.empty(int(np.prod(shape)), object)
    array[:] = list(values)
    return array.reshape(shape)


# QuantizeLinear and DequantizeLinear


class Stated(NamedTuple):
    """What either operator says of its grid: the name of the scales, the zero points, the axis, the size of blocks."""

    scales: str
    zeros: Constant | None
    axis: int
    block_size: int


def _linear(reader: Reader, stated: Stated, rank: int, kind: int) -> Grid:
    """The grid of either operator, for a tensor of that rank, and integers of that type."""
    if stated.block_size:
        raise UnsupportedLayer("found block_size, expected one scale, or one for each index of an axis")
    scale = rationals(_scales(reader, stated.scales))
    zero = np.full(scale.shape, ZERO, object)
    if (given := stated.zeros) is not None:
        alike = given.shape == scale.shape or {given.shape, scale.shape} <= {(), (1,)}
        if given.kind != kind or not alike:
            found = f"{type_name(given.kind)} {list(given.shape)}"
            raise FormatError(f"zero point: found {found}, expected {type_name(kind)} {list(scale.shape)}")
        zero = rationals(given).reshape(scale.shape)
    shape: tuple[int, ...] = ()
    if scale.size != 1 or scale.ndim > 1:
        if scale.ndim != 1:
            raise UnsupportedLayer(f"found scales of shape {list(scale.shape)}, expected one axis")
        if reader.opset < 13:
            raise FormatError("found scales of an axis, which opsets before 13 do not have")
        axis = place(stated.axis, rank)
        if axis >= rank:
            raise ShapeError(f"axis: found {axis} for a tensor of rank {rank}")
        shape = tuple(scale.size if i == axis else 1 for i in range(rank))
    low, high = _RANGES.get(kind, (-(1 << 31), (1 << 31) - 1))
    return Grid(scale.reshape(shape), zero.reshape(shape), rational(low), rational(high))


def _quantize_linear(
    reader: Reader,
    op: Operator,
    found: Data | Constant,
    scales: str,
    zeros: Constant | None,
    *,
    axis: int,
    block_size: int,
    output_dtype: int,
    **rest: Any,
) -> None:
    """Integers: of a constant its values; of a computed tensor what DequantizeLinear then reads.

    They are of the type of the zero point, or `output_dtype` since opset 21, or UINT8.
    """
    kind = int((output_dtype or TensorProto.UINT8) if zeros is None else zeros.kind)
    if kind not in _RANGES:
        raise UnsupportedLayer(f"found {type_name(kind)}, expected integers of 8 or 16 bits")
    stated = Stated(scales, zeros, axis, block_size)
    if isinstance(found, Constant):
        grid = _linear(reader, stated, found.array.ndim, kind)
        steps = _steps(found, grid, round_half_even)
        reader.fold(op.target, Constant(_array(steps, found.shape), kind))
        return
    data = reader.ranked(op.input(0))
    reader.weights(scales, data)
    between = _quantised(reader, data, _linear(reader, stated, data.rank, kind), "quantize")
    reader.define(replace(data, name=op.target, kind=kind))
    reader.quantised[op.target] = data, between
    reader.waiting[op.target] = op.node


def _steps(found: Constant, grid: Grid, rounded: Callable[[Rational], Rational]) -> Iterator[Rational]:
    """clip(round(x / scale) + zero) for each element of a constant."""
    for x, (scale, zero) in zip(rationals(found).ravel().tolist(), grid.entries(found.shape), strict=True):
        yield min(max(rounded(x / scale) + zero, grid.low), grid.high)


def _dequantize_linear(
    reader: Reader,
    op: Operator,
    found: Data | Constant,
    scales: str,
    zeros: Constant | None,
    *,
    axis: int,
    block_size: int,
    **rest: Any,
) -> None:
    """scale * (x - zero): of a constant exactly; of what QuantizeLinear made on the same grid, one activation."""
    kind, stated = reader.constant(scales).kind, Stated(scales, zeros, axis, block_size)
    if isinstance(found, Constant):
        if found.kind not in (*_RANGES, TensorProto.INT32):
            raise UnsupportedLayer(f"found {type_name(found.kind)}, expected integers of 8, 16 or 32 bits")
        grid = _linear(reader, stated, found.array.ndim, found.kind)
        pairs = zip(rationals(found).ravel().tolist(), grid.entries(found.shape), strict=True)
        reader.fold(op.target, Constant(_array((s * (x - z) for x, (s, z) in pairs), found.shape), kind))
        steps = zip(grid.scale.ravel().tolist(), map(int, grid.zero.ravel().tolist()), strict=True)
        reader.steps[op.target] = Steps(found.kind, tuple(steps), zeros is not None)
        return
    if op.input(0) not in reader.quantised:
        raise UnsupportedLayer(f"found {type_name(found.kind)}, expected what a QuantizeLinear makes")
    data, (source, functions) = reader.quantised[op.input(0)]
    reader.weights(scales, data)
    if _quantised(reader, data, _linear(reader, stated, data.rank, found.kind), "quantize")[1] != functions:
        raise UnsupportedLayer("found another scale or zero point than that of the QuantizeLinear below")
    reader.notes["QuantizeLinear+DequantizeLinear read as one function"] += 1
    reader.emit(Activate(source.name, op.target, functions), same(op, source))


# QONNX

# Rounding modes: how constants are rounded, and the activation of computed tensors.
_ROUNDING: Mapping[str, tuple[Callable[[Rational], Rational], str]] = {
    "ROUND": (round_half_even, "quantize"),
    "FLOOR": (floor, "quantize_floor"),
    "CEIL": (lambda y: -floor(-y), ""),
}


def _number(reader: Reader, name: str) -> Rational:
    """A constant of one element, of floats or integers."""
    with about(f"tensor {name!r}"):
        found = reader.constant(name)
        if found.array.size != 1 or found.array.dtype.kind not in "fiuO":
            raise UnsupportedLayer(f"found {type_name(found.kind)} {list(found.shape)}, expected one number")
        return rationals(found).ravel()[0]


def _bounds(bits: Rational, *, signed: bool, narrow: bool) -> tuple[Rational, Rational]:
    """The least and the greatest integer."""
    width, remainder = fraction(bits)
    least = 2 if signed else 1  # one signed bit is -1 or 1 to some, -1 or 0 to others
    if remainder != 1 or not least <= width <= _MOST_BITS:
        raise UnsupportedLayer(f"bit width: found {bits}, expected an integer from {least} to {_MOST_BITS}")
    if signed:
        return rational(narrow - (1 << (width - 1))), rational((1 << (width - 1)) - 1)
    return ZERO, rational((1 << width) - 1 - narrow)


def _quant(
    reader: Reader, op: Operator, found: Data | Constant, *names: str, rounding_mode: str, signed: bool, narrow: bool
) -> None:
    """scale * (round(clip(x / scale + zero, low, high)) - zero), as qonnx/custom_op/general/quant.py has it.

    Of a computed tensor that is the activation only when the zero point is an integer, and an even one where ties go to
    even numbers: then the order of rounding, moving and clipping does not matter.
    """
    if rounding_mode not in _ROUNDING:
        raise UnsupportedLayer(f"rounding_mode: found {rounding_mode!r}, expected ROUND, FLOOR or CEIL")
    rounded, name = _ROUNDING[rounding_mode]
    scales, zero = _scales(reader, names[0]), _number(reader, names[1])
    low, high = _bounds(_number(reader, names[2]), signed=signed, narrow=narrow)
    scale = rationals(scales)
    grid = Grid(scale, np.full(scale.shape, zero, object), low, high)
    if isinstance(found, Constant):
        pairs = zip(rationals(found).ravel().tolist(), grid.entries(found.shape), strict=True)
        values = (s * (rounded(min(max(x / s + z, low), high)) - z) for x, (s, z) in pairs)
        reader.fold(op.target, Constant(_array(values, found.shape), found.kind))
        return
    data = reader.ranked(op.input(0))
    if any(reader.constant(name).array.ndim > data.rank for name in names[1:]):
        raise UnsupportedLayer("found a zero point or a bit width of more axes than the tensor")
    p, q = fraction(zero)
    if not name or q != 1 or (name == "quantize" and p % 2):
        raise UnsupportedLayer(f"found {rounding_mode} with zero point {zero} of a computed tensor")
    source, functions = _quantised(reader, data, grid, name)
    reader.emit(Activate(source.name, op.target, functions), same(op, source))


def _bipolar_quant(reader: Reader, op: Operator, found: Data | Constant, scales: str) -> None:
    """scale for x >= 0, else -scale; of computed tensors with scale 1, which is the activation."""
    grid = rationals(_scales(reader, scales))
    if isinstance(found, Constant):
        entries = Grid(grid, grid, ZERO, ZERO).entries(found.shape)
        pairs = zip(rationals(found).ravel().tolist(), entries, strict=True)
        reader.fold(op.target, Constant(_array((s if x >= 0 else -s for x, (s, _) in pairs), found.shape), found.kind))
        return
    data = reader.ranked(op.input(0))
    if any(scale != 1 for scale in grid.ravel().tolist()) or grid.ndim > data.rank:
        raise UnsupportedLayer("found another scale than 1 of a computed tensor")
    reader.emit(Activate(data.name, op.target, (Activation("bipolar_sign"),) * data.units), same(op, data))


_ALONG = {"axis": integer(1).within(since=13), "block_size": integer(0).within(since=21)}
_PORTS = [ANY, NAME, CONSTANT.or_none()]

QUANTISERS: Mapping[str, Rule] = {
    "QuantizeLinear": Rule(
        _quantize_linear,
        _PORTS,
        {
            **_ALONG,
            "output_dtype": integer(0).within(since=21),
            "saturate": unread(AttributeProto.INT).within(since=19),
            "precision": unread(AttributeProto.INT).within(since=23),
        },
    ),
    "DequantizeLinear": Rule(
        _dequantize_linear, _PORTS, {**_ALONG, "output_dtype": unread(AttributeProto.INT).within(since=23)}
    ),
}
_DOMAINS = ("onnx.brevitas", "finn.custom_op.general", "qonnx.custom_op.general")
_QUANT = {"signed": flag(True), "narrow": flag(False), "rounding_mode": word("ROUND")}
CUSTOM: Mapping[tuple[str, str], Rule] = {
    **{(domain, "Quant"): Rule(_quant, [ANY, NAME, NAME, NAME], _QUANT) for domain in _DOMAINS},
    **{(domain, "BipolarQuant"): Rule(_bipolar_quant, [ANY, NAME]) for domain in _DOMAINS},
}
