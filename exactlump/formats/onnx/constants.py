# SPDX-License-Identifier: Apache-2.0
"""This file is about what ONNX operators make of constants: exact arithmetic, shapes, and casts that change nothing."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import AttributeProto, TensorProto

from exactlump.errors import FormatError, ShapeError, UnsupportedLayer
from exactlump.formats.onnx.data import Data
from exactlump.formats.onnx.graph import MOST_ELEMENTS, Reader
from exactlump.formats.onnx.normalisation import root
from exactlump.formats.onnx.operators import Operator
from exactlump.formats.onnx.rules import ANY, BROADCAST, CONSTANT, INTEGERS, Rule, integer, tensor, unread
from exactlump.formats.onnx.tensors import FLOATS, Constant, constant, finite, type_name
from exactlump.network.views import Shape
from exactlump.numbers.rational import fraction, rational

# What constants may be cast to, and NumPy's type for it.
_CASTS: Mapping[int, str] = {
    TensorProto.FLOAT: "<f4",
    TensorProto.DOUBLE: "<f8",
    TensorProto.FLOAT16: "<f2",
    TensorProto.INT32: "<i4",
    TensorProto.INT64: "<i8",
}


def cast(source: Constant, to: int) -> Constant:
    """The constant in another element type; UnsupportedLayer where a value would change."""
    if to == source.kind:
        return source
    if to not in _CASTS:
        raise UnsupportedLayer(f"found a cast of a constant to {type_name(to)}")
    if source.array.dtype == object:
        if source.kind in FLOATS:
            raise UnsupportedLayer("found a cast of floats that arithmetic made, which machines round")
        return Constant(_cast_rationals(source.array, to), to)
    with np.errstate(all="ignore"):
        array = source.array.astype(_CASTS[to])
        if not _same_values(array, source.array):
            raise UnsupportedLayer(f"found a cast to {type_name(to)} that changes a constant")
    return Constant(array, to)


def _cast_rationals(array: NDArray[Any], to: int) -> NDArray[Any]:
    """Rationals as an array of a type that holds each of them; UnsupportedLayer where one is no number of it."""
    pairs, kind = [fraction(value) for value in array.ravel().tolist()], np.dtype(_CASTS[to])
    with np.errstate(all="ignore"):
        if kind.kind == "f":
            made = np.array([_nearest(p, q) for p, q in pairs]).astype(kind)
        else:
            low, high = np.iinfo(kind).min, np.iinfo(kind).max
            fits = all(q == 1 and low <= p <= high for p, q in pairs)
            made = np.array([p for p, _ in pairs] if fits else [0] * len(pairs), kind)
    if not np.isfinite(made).all() or [fraction(rational(value)) for value in made.tolist()] != pairs:
        raise UnsupportedLayer(f"found a cast to {type_name(to)} that changes a constant")
    return made.reshape(array.shape)


def _nearest(p: int, q: int) -> float:
    """The nearest float64, or infinity."""
    try:
        return p / q
    except OverflowError:
        return np.inf


def _same_values(new: NDArray[Any], old: NDArray[Any]) -> bool:
    """Whether two arrays hold the same numbers; Python compares integers with floats exactly, NumPy does not."""
    if new.dtype.kind == old.dtype.kind == "f":
        return bool((new == old).all())
    return bool(np.isfinite(new).all()) and new.ravel().tolist() == old.ravel().tolist()


# Arithmetic


def rationals(found: Constant) -> NDArray[Any]:
    """The exact values of a constant of floats or integers, as an array of its shape."""
    if found.array.dtype == object:
        return found.array
    array = np.empty(found.array.size, object)
    array[:] = [rational(value) for value in found.array.ravel().tolist()]
    return array.reshape(found.shape)


def fold(
    reader: Reader, op: Operator, function: Callable[..., Any], operands: Sequence[Constant], *, floats: bool = True
) -> None:
    """Define the value, element by element, of an exact function of constants of one element type."""
    kinds = {finite(operand).kind for operand in operands}
    if len(kinds) > 1:
        raise FormatError(f"found {', '.join(sorted(map(type_name, kinds)))}, expected one element type")
    (kind,) = kinds
    if kind not in FLOATS and (floats or kind != TensorProto.INT64):
        raise UnsupportedLayer(f"found constants of {type_name(kind)}, expected floats")
    try:
        shape = np.broadcast_shapes(*(operand.shape for operand in operands))
    except ValueError as error:
        raise ShapeError(f"found constants of shapes {[list(operand.shape) for operand in operands]}") from error
    if np.prod(shape, dtype=object) > MOST_ELEMENTS:
        raise UnsupportedLayer(f"found shape {list(shape)}, expected at most {MOST_ELEMENTS} elements")
    columns = [np.broadcast_to(rationals(operand), shape).ravel().tolist() for operand in operands]
    values = [function(*row) for row in zip(*columns, strict=True)]
    if kind in FLOATS:
        array = np.empty(len(values), object)
        array[:] = values
    elif any(abs(value) >= 1 << 63 for value in values):
        raise FormatError("found a number that is no INT64")
    else:
        array = np.array([int(value) for value in values], np.int64)
    reader.fold(op.target, Constant(array.reshape(shape), kind))


def quotient(x: Any, y: Any) -> Any:
    """x / y; FormatError for y = 0."""
    if not y:
        raise FormatError("found a division by zero")
    return x / y


def truncated(x: Any, y: Any) -> Any:
    """x / y of integers, cut off towards 0, as ONNX has it."""
    found = abs(int(x)) // abs(int(y)) if y else quotient(x, y)
    return rational(found if (x < 0) == (y < 0) else -found)


def _pow(reader: Reader, op: Operator, base: Constant, exponent: Constant, **before: Any) -> None:
    """A constant to a constant integer or to 1/2; of computed tensors nothing is known."""

    def power(x: Any, y: Any) -> Any:
        if 2 * y == 1:
            return _root(reader, x, base.kind)
        if y.denominator != 1 or abs(y) > 64:
            raise UnsupportedLayer("found another exponent than 1/2 and integers up to 64")
        return x ** int(y) if y >= 0 else quotient(1, x ** -int(y))

    fold(reader, op, power, (base, cast(exponent, base.kind)))


def _sqrt(reader: Reader, op: Operator, found: Constant) -> None:
    fold(reader, op, lambda x: _root(reader, x, found.kind), (found,))


def _root(reader: Reader, x: Any, kind: int) -> Any:
    if x < 0:
        raise FormatError("found the root of a negative number")
    return root(reader, x, fine=kind == TensorProto.DOUBLE)


def _reciprocal(reader: Reader, op: Operator, found: Constant) -> None:
    fold(reader, op, lambda x: quotient(1, x), (found,))


# What an operator makes of two constants of one type: integers, or truth values.
_COMPARED: Mapping[str, Callable[[Any, Any], bool]] = {
    "Equal": lambda a, b: a == b,
    "Greater": lambda a, b: a > b,
    "GreaterOrEqual": lambda a, b: a >= b,
    "Less": lambda a, b: a < b,
    "LessOrEqual": lambda a, b: a <= b,
}


def _compared(reader: Reader, op: Operator, *pair: Constant, **before: Any) -> None:
    """Truth values, of constants of one type."""
    function = _COMPARED[op.kind]
    if pair[0].kind != pair[1].kind:
        raise UnsupportedLayer(f"found {type_name(pair[0].kind)} and {type_name(pair[1].kind)}")
    if any(one.kind in FLOATS and one.array.dtype == object for one in pair):
        raise UnsupportedLayer("found floats that arithmetic made, which machines round: they may compare otherwise")
    try:
        columns = np.broadcast_arrays(*map(rationals, pair))
    except ValueError as error:
        raise ShapeError(f"found constants of shapes {[list(one.shape) for one in pair]}") from error
    rows = zip(*(column.ravel().tolist() for column in columns), strict=True)
    values = np.array([function(a, b) for a, b in rows], np.uint8).reshape(columns[0].shape)
    reader.fold(op.target, Constant(values, TensorProto.BOOL))


def _modulo(reader: Reader, op: Operator, *pair: Constant, fmod: int) -> None:
    """The remainder of integers, with the divisor's sign."""
    if fmod or any(one.kind in FLOATS for one in pair):
        raise UnsupportedLayer("found floats, expected integers")

    def modulo(a: Any, b: Any) -> Any:
        if not b:
            raise FormatError("found a division by zero")
        return rational(int(a) % int(b))

    fold(reader, op, modulo, pair, floats=False)


# Made of shapes and attributes


def _shape(reader: Reader, op: Operator, source: Data | Constant, *, start: int, end: int | None) -> None:
    """The shape of a tensor, whose batch axis is a number; from `start` to `end` since opset 15."""
    dims: Shape = source.shape if isinstance(source, Constant) else source.sizes
    if not isinstance(source, Constant) and not (source.known and all(isinstance(n, int) for n in dims)):
        raise UnsupportedLayer("found unknown sizes, expected numbers")
    reader.fold(op.target, Constant(np.array(dims[start:end], np.int64), TensorProto.INT64))


def _constant_of_shape(reader: Reader, op: Operator, shape: tuple[int, ...], *, value: TensorProto | None) -> None:
    """One number, 0.0 by default, in every place."""
    zero = Constant(np.zeros(1, np.float32), TensorProto.FLOAT)
    found = zero if value is None else constant(value, reader.folder)
    if found.shape != (1,) or min(shape, default=1) < 0:
        raise ShapeError(f"found a value of shape {list(found.shape)} for {list(shape)}")
    if np.prod(shape, dtype=object) > MOST_ELEMENTS:
        raise UnsupportedLayer(f"found shape {list(shape)}, expected at most {MOST_ELEMENTS} elements")
    reader.fold(op.target, Constant(np.full(shape, found.array[0]), found.kind))


def _constant(reader: Reader, op: Operator, **given: Any) -> None:
    """A Constant node; since opset 12 it may hold numbers instead of a tensor."""
    stated = [(name, value) for name, value in given.items() if value is not None]
    if len(stated) != 1 or len(op.outputs) != 1:
        raise FormatError("expected one attribute, one output and no input")
    ((name, value),) = stated
    if name == "value":
        reader.fold(op.target, constant(value, reader.folder))
    elif name in ("value_float", "value_floats"):
        reader.fold(op.target, Constant(np.array(value, np.float32), TensorProto.FLOAT))
    elif name in ("value_int", "value_ints"):
        reader.fold(op.target, Constant(np.array(value, np.int64), TensorProto.INT64))
    else:
        raise UnsupportedLayer(f"attribute {name} is not supported")


# What a Constant may hold besides a tensor, and since which opset.
_HELD = {
    "sparse_value": unread(AttributeProto.SPARSE_TENSOR).within(since=11),
    "value_float": unread(AttributeProto.FLOAT).within(since=12),
    "value_floats": unread(AttributeProto.FLOATS).within(since=12),
    "value_int": unread(AttributeProto.INT).within(since=12),
    "value_ints": unread(AttributeProto.INTS).within(since=12),
    "value_string": unread(AttributeProto.STRING).within(since=12),
    "value_strings": unread(AttributeProto.STRINGS).within(since=12),
}
CONSTANTS: Mapping[str, Rule] = {
    "Constant": Rule(_constant, [], {"value": tensor(), **_HELD}),
    "ConstantOfShape": Rule(_constant_of_shape, [INTEGERS], {"value": tensor()}),
    "Shape": Rule(_shape, [ANY], {"start": integer(0).within(since=15), "end": integer().within(since=15)}),
    "Pow": Rule(_pow, [CONSTANT, CONSTANT], BROADCAST),
    "Sqrt": Rule(_sqrt, [CONSTANT]),
    "Reciprocal": Rule(_reciprocal, [CONSTANT]),
    "Mod": Rule(_modulo, [CONSTANT, CONSTANT], {"fmod": integer(0)}),
    **{name: Rule(_compared, [CONSTANT, CONSTANT], BROADCAST) for name in ("Equal", "Greater", "Less")},
    **{name: Rule(_compared, [CONSTANT, CONSTANT]) for name in ("GreaterOrEqual", "LessOrEqual")},
}
