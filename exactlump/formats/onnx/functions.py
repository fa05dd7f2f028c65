# SPDX-License-Identifier: Apache-2.0
"""This file is about ONNX operators that apply a function to each element, and those at the end of a network."""

import math
from collections.abc import Mapping, Sequence
from functools import partial

from onnx import TensorProto

from exactlump.errors import FormatError, ShapeError, UnsupportedLayer
from exactlump.formats.onnx.data import Data, same
from exactlump.formats.onnx.graph import Reader
from exactlump.formats.onnx.operators import Operator, place
from exactlump.formats.onnx.rules import (
    ANY,
    COMPUTED,
    EVERY,
    NAME,
    RANKED,
    TENSOR,
    WEIGHTS,
    Attribute,
    Port,
    Rule,
    flag,
    integer,
    number,
    word,
)
from exactlump.formats.onnx.spelled import logarithm, product, where
from exactlump.formats.onnx.tensors import Constant
from exactlump.network.activations import ABS, ONNX_NAMES, RELU, Activation, bounded, prelu
from exactlump.network.kinds import Activate, Head, HeadKind, Reorder
from exactlump.numbers.rational import Rational, Vector

# Selu's parameters since opset 6.
_ALPHA, _GAMMA = 1.67326319217681884765625, 1.05070102214813232421875

# One function for all units


def _apply(reader: Reader, op: Operator, data: Data, function: Activation) -> None:
    """Apply one function to every element."""
    reader.emit(Activate(data.name, op.target, (function,) * data.units), same(op, data))


def _plain(function: Activation) -> Rule:
    return Rule(lambda reader, op, data: _apply(reader, op, data, function), [TENSOR])


def _with(name: str, **parameters: Attribute) -> Rule:
    """A function whose parameters are attributes of these names."""

    def read(reader: Reader, op: Operator, data: Data, **given: Rational) -> None:
        _apply(reader, op, data, Activation(name, tuple(given[key] for key in parameters)))

    return Rule(read, [TENSOR], parameters)


def _gelu(reader: Reader, op: Operator, data: Data, approximate: str) -> None:
    names = {"none": "gelu", "tanh": "gelu_tanh"}
    if approximate not in names:
        raise FormatError(f"approximate: found {approximate!r}, expected none or tanh")
    _apply(reader, op, data, Activation(names[approximate]))


def _swish(reader: Reader, op: Operator, data: Data, alpha: Rational) -> None:
    if alpha != 1:
        raise UnsupportedLayer("found another alpha than 1")
    _apply(reader, op, data, Activation("silu"))


# Functions with a constant


def _clip(
    reader: Reader, op: Operator, data: Data, low: Rational | None, high: Rational | None, **before: Rational | None
) -> None:
    """Bounds are attributes before opset 11, inputs since."""
    if reader.opset < 11:
        low, high = before["min"], before["max"]
    if low is not None and high is not None and low > high:
        raise UnsupportedLayer("found a lower bound above the upper one")
    _apply(reader, op, data, bounded(low, high))


def _bound(reader: Reader, name: str, data: Data, *, low: bool) -> Rational | None:
    """A bound; None for one at infinity."""
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


def _extreme(lowest: bool) -> Rule:
    """Max (whose constants are lower bounds) and Min, of one computed tensor and one constant."""

    def read(reader: Reader, op: Operator, found: Sequence[Data | Constant]) -> None:
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

    return Rule(read, [EVERY])


def _prelu(reader: Reader, op: Operator, data: Data, given: Constant) -> None:
    """Before opset 7 several slopes belong to axis 1; since then they are broadcast."""
    array = given.array
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


def _source(reader: Reader, data: Data, axis: int, *, behind: bool) -> Data:
    """The tensor below a head that acts along an axis (`behind`: and all axes behind it): over all its elements."""
    at = place(axis, data.rank) - data.batched
    if not 0 <= at < len(data.shape):
        raise UnsupportedLayer("expected an axis besides the batch axis")
    spanned = math.prod(data.shape[at:]) if behind else data.shape[at]
    if spanned != data.view.elements:
        raise UnsupportedLayer("expected the only axis besides the batch axis, or the only one longer than 1")
    return data if data.view.positions == 1 else reader.elements(data)


def _head(kind: HeadKind) -> Rule:
    def read(reader: Reader, op: Operator, data: Data, axis: int) -> None:
        """Before opset 13 the axes from `axis` on count as one."""
        data = _source(reader, data, axis, behind=reader.opset < 13)
        reader.emit(Head(data.name, op.target, kind), same(op, data))

    return Rule(read, [COMPUTED], {"axis": integer(1).then(13, -1)})


def _argmax(reader: Reader, op: Operator, data: Data, axis: int, keepdims: bool, select_last_index: bool) -> None:
    """The index of the largest element, the first of several; without `keepdims`, of the tensor "TARGET kept"."""
    if select_last_index:
        raise UnsupportedLayer("found select_last_index, expected the first of several largest elements")
    data = _source(reader, data, axis, behind=False)
    shape = (1,) * (len(data.shape) if keepdims else len(data.shape) - 1)
    made = Data(op.target, shape, data.batch, TensorProto.INT64)
    if shape == (1,):
        reader.emit(Head(data.name, op.target, "argmax"), made)
        return
    between = Data(f"{op.target} kept", (1,), data.batch, TensorProto.INT64)
    reader.emit(Head(data.name, between.name, "argmax"), between)
    reader.emit(Reorder(between.name, op.target, None, shape), made)


_LOW, _HIGH = (Port(partial(_bound, low=low)).or_none(since=11) for low in (True, False))

FUNCTIONS: Mapping[str, Rule] = {
    **{name.capitalize(): _plain(Activation(name)) for name in sorted(ONNX_NAMES)},
    "Relu": _plain(RELU),
    "Abs": _plain(ABS),
    "Sign": _plain(Activation("sign")),
    "Floor": _plain(Activation("floor")),
    "Ceil": _plain(Activation("ceil")),
    "Round": _plain(Activation("round")),
    "Mish": _plain(Activation("mish")),
    "HardSwish": _plain(Activation("hard_swish")),
    "LeakyRelu": _with("leaky_relu", alpha=number(0.01)),
    "ThresholdedRelu": _with("thresholded_relu", alpha=number(1.0)),
    "Elu": _with("elu", alpha=number(1.0)),
    "Celu": _with("celu", alpha=number(1.0)),
    "HardSigmoid": _with("hard_sigmoid", alpha=number(0.2), beta=number(0.5)),
    "Selu": _with("selu", alpha=number(1.6732).then(6, _ALPHA), gamma=number(1.0507).then(6, _GAMMA)),
    "Gelu": Rule(_gelu, [TENSOR], {"approximate": word("none")}),
    "Swish": Rule(_swish, [TENSOR], {"alpha": number(1.0)}),
    "Clip": Rule(_clip, [RANKED, _LOW, _HIGH], {name: number().within(until=11) for name in ("min", "max")}),
    "Max": _extreme(lowest=True),
    "Min": _extreme(lowest=False),
    "PRelu": Rule(_prelu, [RANKED, WEIGHTS]),
    "Log": Rule(logarithm, [RANKED]),
    "Where": Rule(where, [NAME, ANY, ANY]),
    "Softmax": _head("softmax"),
    "LogSoftmax": _head("log_softmax"),
    "ArgMax": Rule(
        _argmax,
        [COMPUTED],
        {"axis": integer(0), "keepdims": flag(True), "select_last_index": flag(False).within(since=12)},
    ),
}
