# SPDX-License-Identifier: Apache-2.0
"""This file is about ONNX operators: what each one means as nodes of the exact network, for every opset.

The table at the end is the one of docs/certificate-format.md.  Meanings are those of the ONNX operator
changelog (onnx/docs/Changelog.md); what changed between opsets is said where it matters.  Schemas (names and
types of attributes, numbers of inputs) have been checked before.
"""

import math
from collections.abc import Callable, Mapping

import numpy as np
from onnx import TensorProto

from exactlump.activation import ABS, RELU, Activation, prelu
from exactlump.errors import FormatError, ShapeError, UnsupportedLayer
from exactlump.formats.onnx_graph import Data, Operator, Product, Reader, batch_error, spread
from exactlump.formats.onnx_tensor import FLOATS, Constant, constant, finite, type_name
from exactlump.network import Activate, Dense, Head, Reorder, Scale, Shape, Shift
from exactlump.rational import ONE, ZERO, Matrix, Vector

# The axes permuted (None: as they are) and the new shape, both without the batch axis.
Plan = tuple[tuple[int, ...] | None, Shape]


def _result(op: Operator, source: Data, shape: Shape) -> Data:
    return Data(op.target, shape, source.batch, source.kind)


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
    result = _result(op, data, (rows,))
    follower = reader.sole.get(op.target)
    if follower is not None and follower.op_type == "Add":
        reader.define(result)
        reader.products[op.target] = Product(data.name, weight, name)
    else:
        reader.emit(Dense(data.name, op.target, weight, (ZERO,) * rows, (op.target, name, "")), result)


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
    result = _result(op, data, (rows,))
    bias: Vector = (ZERO,) * rows
    if op.input(2):
        bias = tuple(beta * b for b in _operand(reader, op, op.input(2), result))
    reader.emit(Dense(data.name, op.target, weight, bias, ("", op.input(1), op.input(2))), result)


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
        reader.emit(Shift(data.name, op.target, values), _result(op, data, data.shape))
        return
    reader.notes["MatMul+Add read as Dense"] += 1
    names = (data.name, product.name, name)
    reader.emit(Dense(product.source, op.target, product.weight, values, names), _result(op, data, data.shape))


def _sub(reader: Reader, op: Operator) -> None:
    """x - c, or c - x as -x + c."""
    data, name, first = _pair(reader, op)
    values = _operand(reader, op, name, data)
    result, source = _result(op, data, data.shape), data.name
    if not first:
        source = reader.fresh(f"{op.target}.negated")
        reader.emit(Scale(data.name, source, (-ONE,) * data.units), Data(source, data.shape, data.batch, data.kind))
    reader.emit(Shift(source, op.target, tuple(-v for v in values) if first else values), result)


def _mul(reader: Reader, op: Operator) -> None:
    data, name, _ = _pair(reader, op)
    reader.emit(Scale(data.name, op.target, _operand(reader, op, name, data)), _result(op, data, data.shape))


def _div(reader: Reader, op: Operator) -> None:
    """x / c, the factors 1/c being rationals."""
    data, name, first = _pair(reader, op)
    values = _operand(reader, op, name, data)
    if not first:
        raise UnsupportedLayer("division by a computed tensor is not supported")
    if not all(values):
        raise FormatError(f"tensor {name!r}: found a division by zero")
    reader.notes["Div by a constant read as an exact factor"] += 1
    reader.emit(Scale(data.name, op.target, tuple(ONE / v for v in values)), _result(op, data, data.shape))


# Other orders and shapes of the same elements


def _reorder(plan: Callable[[Reader, Operator, Data | Constant], Plan]) -> Callable[[Reader, Operator], None]:
    """Read an operator by its plan, on computed tensors and on constants."""

    def read(reader: Reader, op: Operator) -> None:
        source = reader.lookup(op.input(0))
        axes, shape = plan(reader, op, source)
        if isinstance(source, Data):
            reader.emit(Reorder(source.name, op.target, axes, shape), _result(op, source, shape))
            return
        array = source.array if axes is None else source.array.transpose(axes)
        reader.fold(op.target, Constant(array.reshape(shape), source.kind))

    return read


def _rank(source: Data | Constant) -> int:
    return len(source.shape) + source.batched


def _flatten(reader: Reader, op: Operator, source: Data | Constant) -> Plan:
    axis = op.axis("axis", 1, _rank(source))
    if not source.batched:
        return None, (math.prod(source.shape[:axis]), math.prod(source.shape[axis:]))
    if axis == 0 or math.prod(source.shape[: axis - 1]) != 1:
        raise batch_error()
    return None, (math.prod(source.shape),)


def _reshape(reader: Reader, op: Operator, source: Data | Constant) -> Plan:
    """Since opset 5 the target is an input; 0 copies a size, unless `allowzero` (opset 14) says otherwise."""
    if reader.opset < 5:
        target = tuple(op.attributes.get("shape", ()))
    else:
        target = reader.constant(op.input(1)).integers()
    if op.attributes.get("allowzero", 0) and 0 in target:
        raise ShapeError(f"found target {list(target)}, expected at least one element")
    if not source.batched:
        return None, _target(target, source.shape)
    if not target:
        raise batch_error()
    assert isinstance(source, Data)
    head, rest = target[0], target[1:]
    if head in (0, source.batch):
        return None, _target(rest, source.shape)
    explicit = head == -1 or (head > 0 and isinstance(source.batch, str))
    if not explicit or -1 in rest or math.prod(_copied(rest, source.shape)) != source.units:
        raise batch_error()
    return None, _copied(rest, source.shape)


def _copied(target: Shape, shape: Shape) -> Shape:
    if any(n == 0 and axis >= len(shape) for axis, n in enumerate(target)):
        raise ShapeError(f"found target {list(target)} for shape {list(shape)}")
    return tuple(n or shape[axis] for axis, n in enumerate(target))


def _target(target: Shape, shape: Shape) -> Shape:
    """The shape that a target with zeros and at most one -1 means for a tensor of that shape; ShapeError."""
    target, units = _copied(target, shape), math.prod(shape)
    if -1 in target:
        known = -math.prod(target)
        if target.count(-1) != 1 or known < 1 or units % known:
            raise ShapeError(f"found target {list(target)} for shape {list(shape)}")
        target = tuple(units // known if n == -1 else n for n in target)
    if min(target, default=1) < 0 or math.prod(target) != units:
        raise ShapeError(f"found target {list(target)} for shape {list(shape)}")
    return target


def _transpose(reader: Reader, op: Operator, source: Data | Constant) -> Plan:
    rank = _rank(source)
    axes = tuple(op.attributes.get("perm", range(rank)[::-1]))
    if sorted(axes) != list(range(rank)):
        raise ShapeError(f"found perm {list(axes)} for a tensor of rank {rank}")
    if source.batched:
        if axes[0] != 0:
            raise batch_error()
        axes = tuple(axis - 1 for axis in axes[1:])
    return axes, tuple(source.shape[axis] for axis in axes)


def _axes(reader: Reader, op: Operator, rank: int) -> list[int] | None:
    """The axes of Squeeze and Unsqueeze: an attribute before opset 13, an input since; None when left out."""
    if reader.opset < 13:
        axes = op.attributes.get("axes")
    else:
        axes = reader.constant(op.input(1)).integers() if op.input(1) else None
    if axes is None:
        return None
    if any(not -rank <= axis < rank for axis in axes):
        raise ShapeError(f"axes: found {list(axes)} for a tensor of rank {rank}")
    found = sorted(axis % rank for axis in axes)
    if len(set(found)) != len(found):
        raise FormatError(f"axes: found {list(axes)}, expected each once")
    return found


def _squeeze(reader: Reader, op: Operator, source: Data | Constant) -> Plan:
    axes, batched = _axes(reader, op, _rank(source)), int(source.batched)
    if axes is None:
        if isinstance(source, Data) and (source.batch == 1 or isinstance(source.batch, str)):
            raise batch_error()
        axes = [axis + batched for axis, n in enumerate(source.shape) if n == 1]
    if batched and 0 in axes:
        raise batch_error()
    if any(source.shape[axis - batched] != 1 for axis in axes):
        raise ShapeError(f"axes: found {axes} for shape {list(source.shape)}, expected axes of size 1")
    return None, tuple(n for axis, n in enumerate(source.shape) if axis + batched not in axes)


def _unsqueeze(reader: Reader, op: Operator, source: Data | Constant) -> Plan:
    listed = reader.constant(op.input(1)).array.size if reader.opset >= 13 else len(op.attributes.get("axes", ()))
    rank = _rank(source) + listed
    axes = _axes(reader, op, rank)
    if axes is None or (source.batched and 0 in axes):
        raise batch_error() if axes else FormatError("axes: found none")
    sizes = iter((0,) * source.batched + source.shape)
    full = [1 if axis in axes else next(sizes) for axis in range(rank)]
    return None, tuple(full[source.batched :])


def _identity(reader: Reader, op: Operator, source: Data | Constant) -> Plan:
    return None, source.shape


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
    reader.emit(Reorder(data.name, op.target, None, data.shape), _result(op, data, data.shape))


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


def _converted(source: Constant, to: int) -> Constant:
    """The constant in another element type; UnsupportedLayer where a value would change."""
    types = {TensorProto.INT64: "<i8", TensorProto.INT32: "<i4", TensorProto.BOOL: "<u1"}
    names = {kind: f"<f{np.dtype(name).itemsize}" for kind, name in FLOATS.items() if kind != TensorProto.BFLOAT16}
    if to == source.kind:
        return source
    if to not in {**types, **names}:
        raise UnsupportedLayer(f"found a cast of a constant to {type_name(to)}")
    with np.errstate(all="ignore"):
        array = source.array.astype({**types, **names}[to])
        if not (np.isfinite(array).all() and _same_values(array, source)):
            raise UnsupportedLayer(f"found a cast to {type_name(to)} that changes a constant")
    return Constant(array, to)


def _same_values(array: "np.ndarray[tuple[int, ...], np.dtype[np.generic]]", source: Constant) -> bool:
    """Whether two arrays hold the same numbers; Python compares integers with floats exactly."""
    pairs = zip(array.ravel().tolist(), source.array.ravel().tolist(), strict=True)
    return bool(array.dtype.kind == source.array.dtype.kind == "f" and (array == source.array).all()) or all(
        a == b for a, b in pairs
    )


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
    reader.emit(Activate(data.name, op.target, each), _result(op, data, data.shape))


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
        reader.emit(Head(data.name, op.target, kind), _result(op, data, data.shape))

    return read


OPERATORS: Mapping[str, Callable[[Reader, Operator], None]] = {
    "MatMul": _matmul,
    "Gemm": _gemm,
    "Add": _add,
    "Sub": _sub,
    "Mul": _mul,
    "Div": _div,
    "Flatten": _reorder(_flatten),
    "Reshape": _reorder(_reshape),
    "Transpose": _reorder(_transpose),
    "Squeeze": _reorder(_squeeze),
    "Unsqueeze": _reorder(_unsqueeze),
    "Identity": _reorder(_identity),
    "Dropout": _dropout,
    "Cast": _cast,
    "Constant": _constant,
    "Relu": _activate(RELU),
    "LeakyRelu": _leaky_relu,
    "PRelu": _prelu,
    "Abs": _activate(ABS),
    **{
        name.capitalize(): _activate(Activation(name))
        for name in ("sigmoid", "tanh", "softplus", "softsign", "erf", "sin", "cos", "exp")
    },
    "Softmax": _head("softmax"),
    "LogSoftmax": _head("log_softmax"),
}
