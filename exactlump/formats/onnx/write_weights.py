# SPDX-License-Identifier: Apache-2.0
"""This file is about writing weights: as integers of 8 or 16 bits if the file that was read had them, else as floats.

What neither floats nor those integers hold, products of a quantiser, are integers of 8 bits with a scale of their own,
or the product of integers and a scale, both floats.  All of it is exact for readers here; runtimes round once.
Runtimes take quantised weights of 8 bits only, and a quantised bias for a multiple of the scales of input and weights:
so a bias is written as one only as it was read, with the weights that it was read with.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, helper

from exactlump.errors import CannotWrite
from exactlump.formats.onnx.writer import Writer
from exactlump.network.kinds import Conv, Dense
from exactlump.network.origin import Step, Steps
from exactlump.numbers import floats
from exactlump.numbers.matrix import Matrix
from exactlump.numbers.rational import Rational, SparseRow, Vector, fraction, rational

Layout: TypeAlias = Callable[[NDArray[Any]], NDArray[Any]]
_BOUNDS: Mapping[int, tuple[int, int]] = {
    TensorProto.INT8: (-128, 127),
    TensorProto.UINT8: (0, 255),
    TensorProto.INT16: (-32768, 32767),
    TensorProto.UINT16: (0, 65535),
    TensorProto.INT32: (-(1 << 31), (1 << 31) - 1),
}
_WEIGHTS = (TensorProto.INT8, TensorProto.UINT8, TensorProto.INT16, TensorProto.UINT16)
# Integers that float32 holds: below 2^24; of two, each of that many bits, one of 31 bits is made.
_DIGITS = 24
# Below, integers have 8 bits, with a sign.
_SHORT = 128


# Integers and their steps, one in all or one a row.
Stored: TypeAlias = tuple[NDArray[Any], Steps]


@dataclass(frozen=True, slots=True)
class Quantised:
    """The weights and the bias of a layer as integers, where they are such as they were read; else None."""

    weights: Stored | None = None
    bias: Stored | None = None


def as_read(writer: Writer, node: Dense | Conv, axis: int | None) -> Quantised:
    """The weights and the bias of a layer in the steps that they were read with.

    axis: of the constant to write, which has the rows (None: no axis).
    A row may have the step of any row that was read: most are rows that were read, and rows that stay keep their order.
    """
    origin = writer.network.origin
    known = {} if origin is None or writer.dtype != "float32" else origin.steps
    weight, bias = (known.get(name) for name in node.names[1:])
    if bias is not None and bias.kind != TensorProto.INT32:
        bias = None
    if weight is None and bias is None:
        return Quantised()
    rows = [node.weight.row(v) for v in range(node.weight.shape[0])]
    if weight is None and all(floats.fits(w, writer.dtype) for row in rows for w in row.values()):
        return Quantised(None, _biased(node.bias, bias, _places([{}] * len(rows), node.bias, bias, bias)))
    if weight is None or weight.kind not in _WEIGHTS or (axis is None and len(weight.steps) > 1):
        return Quantised()
    both = bias if bias is not None and len(bias.steps) in (1, len(weight.steps)) else None
    places = _places(rows, node.bias, weight, both) if both is not None else None
    stored = _biased(node.bias, both, places)
    places = places or _places(rows, node.bias, weight, None)
    return Quantised(None if places is None else _weighed(rows, node.weight.shape, weight, places), stored)


def _weighed(rows: Sequence[SparseRow], shape: tuple[int, int], weight: Steps, places: Sequence[int]) -> Stored:
    """The integers of the rows, each with the step at its place."""
    found = [weight.steps[u] for u in places]
    integers = np.empty(shape, helper.tensor_dtype_to_np_dtype(weight.kind))
    for v, (row, step) in enumerate(zip(rows, found, strict=True)):
        integers[v] = step[1]
        for column, w in row.items():
            integers[v, column] = _integer(w, step)
    return integers, _steps(weight, places)


def _biased(values: Vector, bias: Steps | None, places: Sequence[int] | None) -> Stored | None:
    """The integers of a bias, if there are steps for it."""
    if bias is None or places is None:
        return None
    found = [bias.steps[u if len(bias.steps) > 1 else 0] for u in places]
    integers = [_integer(value, step) for value, step in zip(values, found, strict=True)]
    return np.array(integers, np.int32), _steps(bias, places)


def _steps(known: Steps, places: Sequence[int]) -> Steps:
    """The steps at these places; the only one where there is no other."""
    return known if len(known.steps) == 1 else replace(known, steps=tuple(known.steps[u] for u in places))


def _places(rows: Sequence[SparseRow], values: Vector, weight: Steps | None, bias: Steps | None) -> list[int] | None:
    """For each row the index of a step that fits it, and of one that fits its bias; None where a row has none."""
    if weight is None:
        return None
    count, last, found = len(weight.steps), 0, []
    for row, value in zip(rows, values, strict=True):
        for k in range(count):
            u = (last + k) % count
            step = weight.steps[u]
            fits = bias is None or _fits(value, bias.steps[u if len(bias.steps) > 1 else 0], bias.kind)
            if fits and all(_fits(w, step, weight.kind) for w in row.values()):
                found.append(u)
                last = u + 1
                break
        else:
            return None
    return found


def _fits(value: Rational, step: Step, kind: int) -> bool:
    n = _integer(value, step)
    low, high = _BOUNDS[kind]
    return n is not None and low <= n <= high


def _integer(value: Rational, step: Step) -> int | None:
    """The integer that stands for a number, if one does."""
    n, d = fraction(value / step[0])
    return n + step[1] if d == 1 else None


def weights(writer: Writer, wish: str, node: Dense | Conv, layout: Layout, axis: int | None, read: Quantised) -> str:
    """The name of the constant that holds the weights in another layout, of which `axis` has the rows (None: no axis).

    read: see `as_read`.
    """
    if read.weights is not None:
        return writer.dequantised(wish, layout(read.weights[0]), read.weights[1], axis)
    try:
        return writer.constant(wish, layout(floats.matrix(node.weight, writer.dtype)))
    except CannotWrite:
        choices = list(_choices(node.weight, axis)) if writer.dtype == "float32" else []
        if not choices:
            raise
    scales, integers = min(choices, key=lambda choice: np.abs(choice[1]).max(initial=0) >= _SHORT)
    stays = bool(writer.network.opaque) and writer.opset < _PER_CHANNEL and len(scales) > 1
    if np.abs(integers).max(initial=0) >= _SHORT or stays:
        return _product(writer, wish, layout(integers), scales, axis)
    steps = Steps(TensorProto.INT8, tuple((scale, 0) for scale in scales))
    return writer.dequantised(wish, layout(integers.astype(np.int8)), steps, axis)


# The opset since which a DequantizeLinear has steps along an axis.
_PER_CHANNEL = 13


def _along(shape: tuple[int, ...], axis: int) -> tuple[int, ...]:
    """A shape that broadcasting makes this one, with its size along one axis."""
    return tuple(n if i == axis else 1 for i, n in enumerate(shape))


def _choices(matrix: Matrix, axis: int | None) -> Iterator[tuple[list[Rational], NDArray[np.int64]]]:
    """Scales, one in all or one a row, and the integers that the rows are over them."""
    rows = [matrix.row(v) for v in range(matrix.shape[0])]
    groups = [[[w for row in rows for w in row.values()]], [list(row.values()) for row in rows]]
    for group in groups if axis is not None else groups[:1]:
        found = [floats.step(values, "float32") for values in group]
        if None not in found:
            scales = [step for step in found if step is not None]
            yield scales, _over(matrix, rows, scales)


def _over(matrix: Matrix, rows: Sequence[SparseRow], scales: Sequence[Rational]) -> NDArray[np.int64]:
    """The integers that the rows are over their scales, or over the only one."""
    integers = np.zeros(matrix.shape, np.int64)
    for v, row in enumerate(rows):
        for u, w in row.items():
            integers[v, u] = fraction(w / scales[v if len(scales) > 1 else 0])[0]
    return integers


def _product(writer: Writer, wish: str, integers: NDArray[Any], scales: Sequence[Rational], axis: int | None) -> str:
    """Integers as floats, times scales; the sum of two products where they are longer than a float's digits."""
    name, shape = writer.name(wish), () if axis is None or len(scales) == 1 else _along(integers.shape, axis)
    sizes = np.abs(integers)
    high = np.sign(integers) * (sizes >> _DIGITS // 2 if sizes.max() >= 1 << _DIGITS else 0)  # of one sign: none cancel
    parts = [(integers - (high << _DIGITS // 2), rational(1)), (high, rational(1 << _DIGITS // 2))]
    ends = []
    for part, factor in parts[: 2 if high.any() else 1]:
        scale = floats.array([s * factor for s in scales], writer.dtype).reshape(shape)
        inputs = [writer.constant(f"{name}_integers", part.astype(np.float32)), writer.constant(f"{name}_scale", scale)]
        ends.append(name if not high.any() else writer.name(f"{name}_part"))
        writer.node("Mul", inputs, ends[-1])
    if len(ends) > 1:
        writer.node("Add", ends, name)
    return name


def bias_as_read(writer: Writer, wish: str, read: Quantised) -> str | None:
    """The name of the constant that holds the bias as it was read; None where it is no such bias any more."""
    return None if read.bias is None else writer.dequantised(wish, *read.bias, 0)
