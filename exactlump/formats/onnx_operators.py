# SPDX-License-Identifier: Apache-2.0
"""This file is about ONNX operators: what each one means as nodes of the exact network, for every opset.

The table at the end is the one of docs/certificate-format.md.  Meanings are those of the ONNX operator
changelog (onnx/docs/Changelog.md); what changed between opsets is said where it matters.  Schemas (names and
types of attributes, numbers of inputs) have been checked before.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto

from exactlump.activation import ABS, OPAQUE_NAMES, RELU, Activation, prelu
from exactlump.errors import FormatError, ShapeError, UnsupportedLayer
from exactlump.formats.onnx_graph import Data, Operator, Product, Reader, batch_error, result, spread
from exactlump.formats.onnx_reorder import REORDERINGS
from exactlump.formats.onnx_tensor import FLOATS, Constant, constant, finite, type_name
from exactlump.network import Activate, Dense, Head, Reorder, Scale, Shift
from exactlump.rational import ONE, ZERO, Matrix, Vector

# Dense layers


def _matmul(reader: Reader, op: Operator) -> None:
    """A constant matrix on the right of x, or on its left when x has no batch axis."""
    left = isinstance(reader.lookup(op.input(0)), Constant)
    data = reader.computed(op.input(1 if left else 0))
    name = op.input(0 if left else 1)
    array = reader.weights(name, data).array
    if left and data.batched:
        raise batch_error()
    if array.ndim != 2 or len(data.shape) != 1:
        raise UnsupportedLayer(f"found shapes {list(data.shape)} and {list(array.shape)}, expected vector and matrix")
    weight = Matrix.from_floats(array if left else array.T)
    rows = _fitting(weight, data)
    made = result(op, data, (rows,))
    follower = reader.sole.get(op.target)
    if follower is not None and follower.op_type == "Add":
        reader.define(made)
        reader.products[op.target] = Product(data.name, weight, name)
    else:
        reader.emit(Dense(data.name, op.target, weight, (ZERO,) * rows, (op.target, name, "")), made)


def _fitting(weight: Matrix, data: Data) -> int:
    """The rows of a matrix that fits the tensor; ShapeError."""
    if weight.shape[1] != data.units:
        raise ShapeError(f"found a matrix of {weight.shape[1]} columns for {data.units} units")
    if weight.shape[0] < 1:
        raise ShapeError("found a matrix without rows, expected at least one unit")
    return weight.shape[0]


def _gemm(reader: Reader, op: Operator) -> None:
    """alpha * x * W + beta * C; alpha and beta are multiplied in, exactly."""
    data = reader.computed(op.input(0))
    array = reader.weights(op.input(1), data).array
    if op.attributes.get("transA", 0) or not data.batched:
        raise UnsupportedLayer("expected a tensor with a batch axis, not transposed")
    if array.ndim != 2 or len(data.shape) != 1:
        raise ShapeError(f"found shapes {list(data.shape)} and {list(array.shape)}, expected vector and matrix")
    weight = Matrix.from_floats(array if op.attributes.get("transB", 0) else array.T)
    rows = _fitting(weight, data)
    alpha, beta = op.number("alpha", 1.0), op.number("beta", 1.0)
    if alpha != 1:
        reader.notes["Gemm with alpha read as one matrix"] += 1
        weight = Matrix.from_rows([{u: alpha * w for u, w in weight.row(v).items()} for v in range(rows)], data.units)
    made = result(op, data, (rows,))
    bias: Vector = (ZERO,) * rows
    if op.input(2):
        bias = tuple(beta * b for b in _operand(reader, op, op.input(2), made))
    reader.emit(Dense(data.name, op.target, weight, bias, ("", op.input(1), op.input(2))), made)


# Element by element with a constant


def _operand(reader: Reader, op: Operator, name: str, data: Data) -> Vector:
    """The constant operand of an operation with `data`, one value a unit.

    Before opset 7 only the second operand was broadcast, when `broadcast` said so, from `axis` on.
    """
    array = reader.weights(name, data).array
    if reader.opset < 7:
        if not (op.attributes.get("broadcast", 0) and name != op.input(0)):
            if array.ndim != data.rank or array.shape[data.batched :] != data.shape:
                raise ShapeError(f"found a constant of shape {list(array.shape)} that is not broadcast")
        elif "axis" in op.attributes:
            behind = data.rank - op.axis("axis", 0, data.rank) - array.ndim
            array = array.reshape(array.shape + (1,) * max(behind, 0))
    if array.size == 1 and array.ndim <= data.rank:
        return Constant(array, data.kind).vector() * data.units
    return Constant(spread(array, data), data.kind).vector()


def _pair(reader: Reader, op: Operator) -> tuple[Data, str, bool]:
    """The computed operand, the name of the constant one, and whether the computed one comes first."""
    found = [reader.lookup(op.input(0)), reader.lookup(op.input(1))]
    computed = [isinstance(operand, Data) for operand in found]
    if computed[0] == computed[1]:
        raise UnsupportedLayer(f"found {'no constant' if computed[0] else 'only constants'}, expected one constant")
    data = found[0] if computed[0] else found[1]
    assert isinstance(data, Data)
    return data, op.input(1 if computed[0] else 0), computed[0]


def _add(reader: Reader, op: Operator) -> None:
    data, name, _ = _pair(reader, op)
    values = _operand(reader, op, name, data)
    product = reader.products.pop(data.name, None)
    if product is None:
        reader.emit(Shift(data.name, op.target, values), result(op, data, data.shape))
        return
    reader.notes["MatMul+Add read as Dense"] += 1
    names = (data.name, product.name, name)
    reader.emit(Dense(product.source, op.target, product.weight, values, names), result(op, data, data.shape))


def _sub(reader: Reader, op: Operator) -> None:
    """x - c, or c - x as -x + c."""
    data, name, first = _pair(reader, op)
    values = _operand(reader, op, name, data)
    source = data.name
    if not first:
        source = reader.fresh(f"{op.target}.negated")
        reader.emit(Scale(data.name, source, (-ONE,) * data.units), Data(source, data.shape, data.batch, data.kind))
    reader.emit(Shift(source, op.target, tuple(-v for v in values) if first else values), result(op, data, data.shape))


def _mul(reader: Reader, op: Operator) -> None:
    data, name, _ = _pair(reader, op)
    reader.emit(Scale(data.name, op.target, _operand(reader, op, name, data)), result(op, data, data.shape))


def _div(reader: Reader, op: Operator) -> None:
    """x / c, the factors 1/c being rationals."""
    data, name, first = _pair(reader, op)
    values = _operand(reader, op, name, data)
    if not first:
        raise UnsupportedLayer("division by a computed tensor is not supported")
    if not all(values):
        raise FormatError(f"tensor {name!r}: found a division by zero")
    reader.notes["Div by a constant read as an exact factor"] += 1
    reader.emit(Scale(data.name, op.target, tuple(ONE / v for v in values)), result(op, data, data.shape))


# Operators that change nothing over the reals


def _dropout(reader: Reader, op: Operator) -> None:
    """The identity when not training: before opset 7 if `is_test`, since opset 12 unless `training_mode`."""
    if reader.opset < 7 and not op.attributes.get("is_test", 0):
        raise UnsupportedLayer("found is_test = 0: training is not supported")
    if op.input(2) and reader.constant(op.input(2)).array.any():
        raise UnsupportedLayer("found training_mode: training is not supported")
    data = reader.computed(op.input(0))
    reader.unread.update(name for name in op.outputs[1:] if name)
    reader.notes["Dropout read as the identity"] += 1
    reader.emit(Reorder(data.name, op.target, None, data.shape), result(op, data, data.shape))


def _cast(reader: Reader, op: Operator) -> None:
    """Of computed tensors, between floats only, the identity; of constants, exact or refused."""
    to = op.attributes.get("to", 0)
    if isinstance(to, bytes):  # before opset 6
        to = dict(TensorProto.DataType.items()).get(to.decode("ascii", "replace"), 0)
    source = reader.lookup(op.input(0))
    if isinstance(source, Constant):
        reader.fold(op.target, _converted(source, to))
        return
    if to not in FLOATS:
        raise UnsupportedLayer(f"found a cast to {type_name(to)}, expected a float type")
    reader.notes[f"Cast {type_name(source.kind)} to {type_name(to)} read as the identity: the reals have one type"] += 1
    reader.emit(Reorder(source.name, op.target, None, source.shape), Data(op.target, source.shape, source.batch, to))


# What constants may be cast to, and NumPy's type for it.
_CASTS: Mapping[int, str] = {
    TensorProto.FLOAT: "<f4",
    TensorProto.DOUBLE: "<f8",
    TensorProto.FLOAT16: "<f2",
    TensorProto.INT32: "<i4",
    TensorProto.INT64: "<i8",
}


def _converted(source: Constant, to: int) -> Constant:
    """The constant in another element type; UnsupportedLayer where a value would change."""
    if to == source.kind:
        return source
    if to not in _CASTS:
        raise UnsupportedLayer(f"found a cast of a constant to {type_name(to)}")
    with np.errstate(all="ignore"):
        array = source.array.astype(_CASTS[to])
        if not _same_values(array, source.array):
            raise UnsupportedLayer(f"found a cast to {type_name(to)} that changes a constant")
    return Constant(array, to)


def _same_values(new: NDArray[Any], old: NDArray[Any]) -> bool:
    """Whether two arrays hold the same numbers; Python compares integers with floats exactly, NumPy does not."""
    if new.dtype.kind == old.dtype.kind == "f":
        return bool((new == old).all())
    return bool(np.isfinite(new).all()) and new.ravel().tolist() == old.ravel().tolist()


def _constant(reader: Reader, op: Operator) -> None:
    """A Constant node; since opset 12 it may hold numbers instead of a tensor."""
    if len(op.attributes) != 1 or op.inputs or len(op.outputs) != 1:
        raise FormatError("expected one attribute, one output and no input")
    (name, value), *_ = op.attributes.items()
    if name == "value" and isinstance(value, TensorProto):
        reader.fold(op.target, constant(value, reader.folder))
    elif name in ("value_float", "value_floats"):
        reader.fold(op.target, finite(Constant(np.array(value, np.float32), TensorProto.FLOAT)))
    elif name in ("value_int", "value_ints"):
        reader.fold(op.target, Constant(np.array(value, np.int64), TensorProto.INT64))
    else:
        raise UnsupportedLayer(f"attribute {name} is not supported")


# Activations and heads


def _activate(function: Activation) -> Callable[[Reader, Operator], None]:
    def read(reader: Reader, op: Operator) -> None:
        _functions(reader, op, reader.computed(op.input(0)), (function,))

    return read


def _functions(reader: Reader, op: Operator, data: Data, functions: tuple[Activation, ...]) -> None:
    """Apply one function to all units, or one to each."""
    each = functions * data.units if len(functions) == 1 else functions
    reader.emit(Activate(data.name, op.target, each), result(op, data, data.shape))


def _leaky_relu(reader: Reader, op: Operator) -> None:
    _functions(reader, op, reader.computed(op.input(0)), prelu((op.number("alpha", 0.01),)))


def _prelu(reader: Reader, op: Operator) -> None:
    """Before opset 7 several slopes belong to axis 1; since then they are broadcast."""
    data = reader.computed(op.input(0))
    array = reader.weights(op.input(1), data).array
    if reader.opset < 7 and array.size > 1:
        if array.ndim != 1 or not data.batched or array.size != data.shape[0]:
            raise ShapeError(f"found slopes of shape {list(array.shape)}, expected one or one a channel")
        array = array.reshape((-1,) + (1,) * (len(data.shape) - 1))
    if array.size == 1 and array.ndim <= data.rank:
        _functions(reader, op, data, prelu(Constant(array, data.kind).vector()))
    else:
        _functions(reader, op, data, prelu(Constant(spread(array, data), data.kind).vector()))


def _head(kind: str) -> Callable[[Reader, Operator], None]:
    def read(reader: Reader, op: Operator) -> None:
        """Before opset 13 the axes from `axis` on, 1 by default, count as one; with one axis that is the same."""
        data = reader.computed(op.input(0))
        axis = op.axis("axis", -1 if reader.opset >= 13 else 1, data.rank)
        if len(data.shape) != 1 or axis != data.rank - 1:
            raise UnsupportedLayer("expected the only axis besides the batch axis")
        reader.emit(Head(data.name, op.target, kind), result(op, data, data.shape))

    return read


_OPAQUE: Mapping[str, Callable[[Reader, Operator], None]] = {
    name.capitalize(): _activate(Activation(name)) for name in sorted(OPAQUE_NAMES)
}
OPERATORS: Mapping[str, Callable[[Reader, Operator], None]] = {
    **REORDERINGS,
    **_OPAQUE,
    "MatMul": _matmul,
    "Gemm": _gemm,
    "Add": _add,
    "Sub": _sub,
    "Mul": _mul,
    "Div": _div,
    "Dropout": _dropout,
    "Cast": _cast,
    "Constant": _constant,
    "Relu": _activate(RELU),
    "LeakyRelu": _leaky_relu,
    "PRelu": _prelu,
    "Abs": _activate(ABS),
    "Softmax": _head("softmax"),
    "LogSoftmax": _head("log_softmax"),
}
