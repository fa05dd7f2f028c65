# SPDX-License-Identifier: Apache-2.0
"""This file is about layers of PyTorch as ONNX operators: what each class of torch.nn computes when it does not train.

A layer is known by its class, not by a parent of it, and its attributes are read; nothing of it is called.  The table
at the end has all that are covered.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from exactlump.errors import ShapeError, UnsupportedLayer
from exactlump.formats.files import about
from exactlump.network.views import Shape

_KINDS = {"torch.float32": "float32", "torch.float64": "float64", "torch.float16": "float16"}
_OPSET, _FILE = 17, 8
# The version of the file format that came with an opset (onnx/docs/Versioning.md).
_FILES = ((24, 11), (21, 10), (19, 9))


@dataclass(slots=True)
class Graph:
    """The growing ONNX graph: `at` is the tensor that the last layer made, `dtype` the type of all numbers.

    start: the name of the input, which no layer has.
    """

    dtype: str
    at: str = "input"
    start: str = "input"
    opset: int = _OPSET
    nodes: list[NodeProto] = field(default_factory=list)
    constants: dict[str, TensorProto] = field(default_factory=dict)

    def add(self, operator: str, target: str, *inputs: str, opset: int = 0, **attributes: Any) -> None:
        """An operator that reads the last tensor, and constants."""
        self.nodes.append(helper.make_node(operator, [self.at, *inputs], [target], **attributes))
        self.at, self.opset = target, max(self.opset, opset)

    def constant(self, name: str, values: Any) -> str:
        """A constant of the type of all numbers; values of other types must be rounded to it by the caller."""
        self.constants[name] = numpy_helper.from_array(np.asarray(values, self.dtype), name)
        return name

    def parameter(self, layer: str, name: str, tensor: Any) -> str:
        """A parameter or buffer of a layer, bit for bit."""
        with about(f"parameter {layer}.{name}"):
            array = values(tensor)
            if array.dtype != self.dtype:
                raise UnsupportedLayer(f"found {array.dtype}, expected {self.dtype} as in the first layer")
            return self.constant(f"{layer}.{name}", array)

    def model(self, shape: Shape, end: Shape | None = None) -> ModelProto:
        """The model, whose input and output have these shapes besides the batch axis."""
        kind = helper.np_dtype_to_tensor_dtype(np.dtype(self.dtype))
        ports = [helper.make_tensor_value_info(self.start, kind, ["batch", *shape])]
        ends = [helper.make_tensor_value_info(self.at, kind, None if end is None else ["batch", *end])]
        graph = helper.make_graph(self.nodes, "network", ports, ends, list(self.constants.values()))
        version = next((version for opset, version in _FILES if self.opset >= opset), _FILE)
        opsets = [helper.make_opsetid("", self.opset)]
        return helper.make_model(graph, producer_name="exactlump", ir_version=version, opset_imports=opsets)


# A layer, by its name in the module, to operators.
Convert: TypeAlias = Callable[[Graph, str, Any], None]


def demand_plain(tensor: Any) -> None:
    """Raise UnsupportedLayer unless a tensor holds floats, in memory."""
    if str(tensor.dtype) not in _KINDS or str(tensor.layout) != "torch.strided" or tensor.device.type != "cpu":
        found = f"{tensor.dtype}, {tensor.layout}, {tensor.device}"
        raise UnsupportedLayer(f"found {found}, expected float32, float64 or float16, strided, on the cpu")


def values(tensor: Any) -> NDArray[Any]:
    """The numbers of a tensor, or of an array; errors as above."""
    if isinstance(tensor, np.ndarray):
        return tensor
    demand_plain(tensor)
    array: NDArray[Any] = tensor.detach().contiguous().numpy()
    return array


def convert(graph: Graph, name: str, layer: Any, kind: str = "") -> None:
    """Add a layer of a class of torch.nn; UnsupportedLayer for one that is not covered, or has been changed.

    kind: the name of its class, for what only has the attributes of one.
    """
    kind = kind or type(layer).__name__
    with about(f"layer {name} ({kind})"):
        if kind not in LAYERS:
            raise UnsupportedLayer("expected a layer of docs/pytorch.md")
        if "forward" in vars(layer) or any(vars(layer).get(hooks) for hooks in _HOOKS):
            raise UnsupportedLayer("found a hook or another forward method, expected the layer as its class has it")
        LAYERS[kind](graph, name, layer)


_HOOKS = ("_forward_hooks", "_forward_pre_hooks")


def _sizes(value: Any, axes: int) -> list[int]:
    return [int(n) for n in value] if isinstance(value, tuple | list) else [int(value)] * axes


def _demand(fact: bool, words: str) -> None:
    if not fact:
        raise UnsupportedLayer(words)


# Layers that mix


def _bias(graph: Graph, name: str, layer: Any) -> list[str]:
    return [] if layer.bias is None else [graph.parameter(name, "bias", layer.bias)]


def _linear(graph: Graph, name: str, layer: Any) -> None:
    graph.add("Gemm", name, graph.parameter(name, "weight", layer.weight), *_bias(graph, name, layer), transB=1)


def _conv(axes: int, *, transposed: bool = False) -> Convert:
    def add(graph: Graph, name: str, layer: Any) -> None:
        _demand(layer.padding_mode == "zeros", f"found padding_mode {layer.padding_mode}, expected zeros")
        attributes: dict[str, Any] = {
            "kernel_shape": _sizes(layer.kernel_size, axes),
            "strides": _sizes(layer.stride, axes),
            "dilations": _sizes(layer.dilation, axes),
            "group": int(layer.groups),
            "pads": _pads(layer, axes),
        }
        if transposed:
            attributes["output_padding"] = _sizes(layer.output_padding, axes)
        weight = graph.parameter(name, "weight", layer.weight)
        graph.add("ConvTranspose" if transposed else "Conv", name, weight, *_bias(graph, name, layer), **attributes)

    return add


def _pads(layer: Any, axes: int) -> list[int]:
    """Zeros before and behind each axis; `same` puts the odd one behind."""
    if layer.padding == "same":
        spans = zip(_sizes(layer.dilation, axes), _sizes(layer.kernel_size, axes), strict=True)
        totals = [d * (k - 1) for d, k in spans]
        return [*(total // 2 for total in totals), *(total - total // 2 for total in totals)]
    padding = [0] * axes if layer.padding == "valid" else _sizes(layer.padding, axes)
    return padding * 2


def _norm(graph: Graph, name: str, layer: Any) -> None:
    _demand(not layer.training, "found training mode, expected a module after .eval()")
    _demand(layer.running_mean is not None, "found no running statistics, expected them")
    mean, variance = (graph.parameter(name, word, getattr(layer, word)) for word in ("running_mean", "running_var"))
    ones = np.ones(len(layer.running_mean))
    if layer.affine:
        weight, bias = graph.parameter(name, "weight", layer.weight), graph.parameter(name, "bias", layer.bias)
    else:
        weight, bias = graph.constant(f"{name}.weight", ones), graph.constant(f"{name}.bias", 0 * ones)
    graph.add("BatchNormalization", name, weight, bias, mean, variance, epsilon=_number(graph, layer.eps))


# Layers on windows


def _pool(axes: int, operator: str) -> Convert:
    def add(graph: Graph, name: str, layer: Any) -> None:
        _demand(not layer.ceil_mode, "found ceil_mode, expected sizes rounded down")
        attributes: dict[str, Any] = {
            "kernel_shape": _sizes(layer.kernel_size, axes),
            "strides": _sizes(layer.kernel_size if layer.stride is None else layer.stride, axes),
            "pads": _sizes(layer.padding, axes) * 2,
        }
        if operator == "MaxPool":
            _demand(not layer.return_indices, "found return_indices, expected one output")
            attributes["dilations"] = _sizes(layer.dilation, axes)
        else:
            _demand(getattr(layer, "divisor_override", None) is None, "found divisor_override, expected none")
            attributes["count_include_pad"] = int(layer.count_include_pad)
        graph.add(operator, name, **attributes)

    return add


def _global(axes: int, operator: str) -> Convert:
    def add(graph: Graph, name: str, layer: Any) -> None:
        size = layer.output_size
        _demand(size == 1 or size == (1,) * axes, f"found the output size {size}, expected 1")
        graph.add(operator, name)

    return add


def _flatten(graph: Graph, name: str, layer: Any) -> None:
    _demand((layer.start_dim, layer.end_dim) == (1, -1), "found other axes, expected all but the batch axis")
    graph.add("Flatten", name, axis=1)


def _nothing(graph: Graph, name: str, layer: Any) -> None:
    """The identity; Dropout too, when it does not train."""
    _demand(not (layer.training and getattr(layer, "p", 0)), "found training mode, expected a module after .eval()")
    graph.add("Identity", name)


# Functions


def _number(graph: Graph, value: Any) -> float:
    """A number that ONNX keeps in 32 bits: as torch rounds it for float32; for float64 it must fit."""
    rounded = float(np.float32(value))
    _demand(graph.dtype != "float64" or rounded == value, f"found {value}, which is no float32 number")
    return rounded


def _plain(operator: str, opset: int = 0, **attributes: str) -> Convert:
    """One operator, its attributes read off attributes of the layer."""

    def add(graph: Graph, name: str, layer: Any) -> None:
        found = {key: _number(graph, getattr(layer, word)) for key, word in attributes.items()}
        graph.add(operator, name, opset=opset, **found)

    return add


def _leaky(graph: Graph, name: str, layer: Any) -> None:
    """As PRelu, whose slope has the type of the numbers."""
    graph.add("PRelu", name, graph.constant(f"{name}.slope", [layer.negative_slope]))


def _prelu(graph: Graph, name: str, layer: Any) -> None:
    """One slope, or one for each channel, which ONNX wants to be broadcast from the right."""
    _demand(layer.weight.numel() == 1, "found several slopes, expected one")
    graph.add("PRelu", name, graph.parameter(name, "weight", layer.weight))


def _clip(graph: Graph, name: str, layer: Any) -> None:
    low, high = (np.asarray(bound, graph.dtype) for bound in (layer.min_val, layer.max_val))
    graph.add("Clip", name, graph.constant(f"{name}.low", low), graph.constant(f"{name}.high", high))


def _hard_sigmoid(graph: Graph, name: str, _: Any) -> None:
    """min(max(x + 3, 0), 6) / 6: the 1/6 of ONNX's HardSigmoid would be rounded."""
    graph.add("Add", f"{name}.moved", graph.constant(f"{name}.three", 3))
    graph.add("Clip", f"{name}.clipped", graph.constant(f"{name}.low", 0), graph.constant(f"{name}.high", 6))
    graph.add("Div", name, graph.constant(f"{name}.six", 6))


def _gelu(graph: Graph, name: str, layer: Any) -> None:
    graph.add("Gelu", name, opset=20, approximate=layer.approximate)


def _head(operator: str) -> Convert:
    def add(graph: Graph, name: str, layer: Any) -> None:
        if layer.dim is None:
            raise UnsupportedLayer("found no dim, expected 1 or -1")
        graph.add(operator, name, axis=int(layer.dim))

    return add


LAYERS: Mapping[str, Convert] = {
    "Linear": _linear,
    "Conv1d": _conv(1),
    "Conv2d": _conv(2),
    "ConvTranspose1d": _conv(1, transposed=True),
    "ConvTranspose2d": _conv(2, transposed=True),
    "BatchNorm1d": _norm,
    "BatchNorm2d": _norm,
    "MaxPool1d": _pool(1, "MaxPool"),
    "MaxPool2d": _pool(2, "MaxPool"),
    "AvgPool1d": _pool(1, "AveragePool"),
    "AvgPool2d": _pool(2, "AveragePool"),
    "AdaptiveAvgPool1d": _global(1, "GlobalAveragePool"),
    "AdaptiveAvgPool2d": _global(2, "GlobalAveragePool"),
    "AdaptiveMaxPool1d": _global(1, "GlobalMaxPool"),
    "AdaptiveMaxPool2d": _global(2, "GlobalMaxPool"),
    "Flatten": _flatten,
    **dict.fromkeys(("Identity", "Dropout", "Dropout1d", "Dropout2d", "AlphaDropout"), _nothing),
    "ReLU": _plain("Relu"),
    "LeakyReLU": _leaky,
    "PReLU": _prelu,
    "ReLU6": _clip,
    "Hardtanh": _clip,
    "Hardsigmoid": _hard_sigmoid,
    "Hardswish": _plain("HardSwish"),
    "ELU": _plain("Elu", alpha="alpha"),
    "CELU": _plain("Celu", alpha="alpha"),
    "SELU": _plain("Selu"),
    "GELU": _gelu,
    "SiLU": _plain("Swish", opset=24),
    "Mish": _plain("Mish", opset=18),
    "Softsign": _plain("Softsign"),
    "Sigmoid": _plain("Sigmoid"),
    "Tanh": _plain("Tanh"),
    "Softmax": _head("Softmax"),
    "LogSoftmax": _head("LogSoftmax"),
}


def demand_shape(shape: Any) -> Shape:
    """A shape given by people; ShapeError."""
    if not isinstance(shape, list | tuple) or not shape or not all(type(n) is int and n > 0 for n in shape):
        raise ShapeError(f"shape: found {str(shape)[:60]}, expected positive integers, without the batch axis")
    return tuple(shape)


def dtype_of(tensors: list[Any]) -> str:
    """The type of the first tensor of floats; float32 where there is none."""
    found = next((str(t.dtype) for t in tensors if str(t.dtype) in _KINDS), "torch.float32")
    return _KINDS[found]
