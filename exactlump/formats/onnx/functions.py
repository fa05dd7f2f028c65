# SPDX-License-Identifier: Apache-2.0
"""This file is about ONNX operators that apply a function to each element, and those at the end of a network."""

import math
from collections.abc import Mapping

from onnx import TensorProto

from exactlump.errors import FormatError, ShapeError, UnsupportedLayer
from exactlump.formats.onnx.data import Data, same
from exactlump.formats.onnx.graph import Read, Reader
from exactlump.formats.onnx.operators import Operator
from exactlump.formats.onnx.spelled import logarithm, product, where
from exactlump.formats.onnx.tensors import Constant
from exactlump.network.activations import ABS, ONNX_NAMES, RELU, Activation, bounded, prelu
from exactlump.network.kinds import Activate, Head, HeadKind, Reorder
from exactlump.numbers.rational import Rational, Vector

# One function for all units


def apply(reader: Reader, op: Operator, function: Activation) -> None:
    """Apply one function to every element of the first input."""
    data = reader.tensor(op.input(0))
    reader.emit(Activate(data.name, op.target, (function,) * data.units), same(op, data))


def _plain(function: Activation) -> Read:
    def read(reader: Reader, op: Operator) -> None:
        apply(reader, op, function)

    return read


def _with(name: str, **defaults: float) -> Read:
    """A function whose parameters are attributes of these names, with these defaults."""

    def read(reader: Reader, op: Operator) -> None:
        apply(reader, op, Activation(name, tuple(op.number(key, value) for key, value in defaults.items())))

    return read


def _selu(reader: Reader, op: Operator) -> None:
    alpha, gamma = (1.6732, 1.0507) if reader.opset < 6 else (1.67326319217681884765625, 1.05070102214813232421875)
    apply(reader, op, Activation("selu", (op.number("alpha", alpha), op.number("gamma", gamma))))


def _gelu(reader: Reader, op: Operator) -> None:
    names = {b"none": "gelu", b"tanh": "gelu_tanh"}
    approximate = op.attributes.get("approximate", b"none")
    if approximate not in names:
        raise FormatError(f"approximate: found {approximate!r}, expected none or tanh")
    apply(reader, op, Activation(names[approximate]))


def _swish(reader: Reader, op: Operator) -> None:
    if op.number("alpha", 1.0) != 1:
        raise UnsupportedLayer("found another alpha than 1")
    apply(reader, op, Activation("silu"))


# Functions with a constant


def _clip(reader: Reader, op: Operator) -> None:
    """Bounds are attributes before opset 11, inputs since."""
    data = reader.ranked(op.input(0))
    if reader.opset < 11:
        low, high = (op.number(name, 0.0) if name in op.attributes else None for name in ("min", "max"))
    else:
        low, high = (_bound(reader, op.input(i), data, i == 1) for i in (1, 2))
    if low is not None and high is not None and low > high:
        raise UnsupportedLayer("found a lower bound above the upper one")
    apply(reader, op, bounded(low, high))


def _bound(reader: Reader, name: str, data: Data, low: bool) -> Rational | None:
    """A bound; None where there is none, or one at infinity."""
    if not name:
        return None
    found = reader.lookup(name)
    if isinstance(found, Constant) and found.array.size == 1 and found.array.dtype.kind == "f":
        number = float(found.array.reshape(-1)[0])
        if math.isinf(number) and found.kind == data.kind:
            if (number < 0) != low:
                raise _refused(name, number)
            return None
    constant = reader.weights(name, data)
    if constant.array.size != 1:
        raise ShapeError(f"found a bound of shape {list(constant.shape)}, expected one number")
    return constant.vector()[0]


def _refused(name: str, number: float) -> UnsupportedLayer:
    return UnsupportedLayer(f"tensor {name!r}: found the bound {number}, which no finite value passes")


def _extreme(lowest: bool) -> Read:
    """Max (whose constants are lower bounds) and Min, of one computed tensor and one constant."""

    def read(reader: Reader, op: Operator) -> None:
        found = [reader.lookup(name) for name in op.inputs]
        computed = [entry for entry in found if isinstance(entry, Data)]
        if len(computed) == 2 and op.kind == "Max" and product(reader, op):
            return
        if len(found) != 2 or len(computed) != 1:
            raise UnsupportedLayer(f"found {len(computed)} computed of {len(found)} tensors, expected 1 of 2")
        data = reader.ranked(computed[0].name)
        array = reader.weights(op.input(int(found[0] is data)), data).array
        if reader.opset < 8 and data.open:
            raise UnsupportedLayer("found unknown sizes before opset 8")
        if reader.opset < 8 and tuple(array.shape[data.batched :]) != data.shape:
            raise ShapeError(f"found a constant of shape {list(array.shape)}, which is not broadcast before opset 8")
        data, bounds = reader.spread(data, array)
        values = Constant(bounds, data.kind).vector()
        functions = tuple(bounded(value, None) if lowest else bounded(None, value) for value in values)
        reader.emit(Activate(data.name, op.target, functions), same(op, data))

    return read


def _prelu(reader: Reader, op: Operator) -> None:
    """Before opset 7 several slopes belong to axis 1; since then they are broadcast."""
    data = reader.ranked(op.input(0))
    array = reader.weights(op.input(1), data).array
    if reader.opset < 7 and array.size > 1 and data.open:
        raise UnsupportedLayer("found unknown sizes before opset 7")
    if reader.opset < 7 and array.size > 1:
        if array.ndim != 1 or not data.batched or array.size != data.shape[0]:
            raise ShapeError(f"found slopes of shape {list(array.shape)}, expected one or one a channel")
        array = array.reshape((-1,) + (1,) * (len(data.shape) - 1))
    slopes: Vector
    if array.size == 1 and array.ndim <= data.rank:
        slopes = Constant(array, data.kind).vector() * data.units
    else:
        data, each = reader.spread(data, array)
        slopes = Constant(each, data.kind).vector()
    reader.emit(Activate(data.name, op.target, prelu(slopes)), same(op, data))


# Heads


def _source(reader: Reader, op: Operator, axis: int, *, behind: bool) -> Data:
    """The tensor below a head that acts along an axis (`behind`: and all axes behind it): over all its elements."""
    data = reader.computed(op.input(0))
    at = axis - data.batched
    if not 0 <= at < len(data.shape):
        raise UnsupportedLayer("expected an axis besides the batch axis")
    spanned = math.prod(data.shape[at:]) if behind else data.shape[at]
    if spanned != data.view.elements:
        raise UnsupportedLayer("expected the only axis besides the batch axis, or the only one longer than 1")
    return data if data.view.positions == 1 else reader.elements(data)


def _head(kind: HeadKind) -> Read:
    def read(reader: Reader, op: Operator) -> None:
        """Before opset 13 the axes from `axis` on, 1 by default, count as one."""
        old = reader.opset < 13
        axis = op.axis("axis", 1 if old else -1, reader.computed(op.input(0)).rank)
        data = _source(reader, op, axis, behind=old)
        reader.emit(Head(data.name, op.target, kind), same(op, data))

    return read


def _argmax(reader: Reader, op: Operator) -> None:
    """The index of the largest element, the first of several; without `keepdims`, of the tensor "TARGET kept"."""
    if op.attributes.get("select_last_index", 0):
        raise UnsupportedLayer("found select_last_index, expected the first of several largest elements")
    data = _source(reader, op, op.axis("axis", 0, reader.computed(op.input(0)).rank), behind=False)
    shape = (1,) * (len(data.shape) if op.attributes.get("keepdims", 1) else len(data.shape) - 1)
    made = Data(op.target, shape, data.batch, TensorProto.INT64)
    if shape == (1,):
        reader.emit(Head(data.name, op.target, "argmax"), made)
        return
    between = Data(f"{op.target} kept", (1,), data.batch, TensorProto.INT64)
    reader.emit(Head(data.name, between.name, "argmax"), between)
    reader.emit(Reorder(between.name, op.target, None, shape), made)


FUNCTIONS: Mapping[str, Read] = {
    **{name.capitalize(): _plain(Activation(name)) for name in sorted(ONNX_NAMES)},
    "Relu": _plain(RELU),
    "Abs": _plain(ABS),
    "Sign": _plain(Activation("sign")),
    "Floor": _plain(Activation("floor")),
    "Ceil": _plain(Activation("ceil")),
    "Round": _plain(Activation("round")),
    "Mish": _plain(Activation("mish")),
    "HardSwish": _plain(Activation("hard_swish")),
    "LeakyRelu": _with("leaky_relu", alpha=0.01),
    "ThresholdedRelu": _with("thresholded_relu", alpha=1.0),
    "Elu": _with("elu", alpha=1.0),
    "Celu": _with("celu", alpha=1.0),
    "HardSigmoid": _with("hard_sigmoid", alpha=0.2, beta=0.5),
    "Selu": _selu,
    "Gelu": _gelu,
    "Swish": _swish,
    "Clip": _clip,
    "Max": _extreme(lowest=True),
    "Min": _extreme(lowest=False),
    "PRelu": _prelu,
    "Log": logarithm,
    "Where": where,
    "Softmax": _head("softmax"),
    "LogSoftmax": _head("log_softmax"),
    "ArgMax": _argmax,
}
