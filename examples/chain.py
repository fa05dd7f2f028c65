# SPDX-License-Identifier: Apache-2.0
"""This file is about writing a chain of dense layers as an ONNX model, with nothing but onnx.helper.

It shares no code with the package, so that the bundled networks also test the package's readers.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, checker, helper, numpy_helper


class Layer(NamedTuple):
    """y = weight x + bias, weight[v, u] on the edge u -> v; then ReLU or nothing."""

    weight: NDArray[np.float64]
    bias: NDArray[np.float64]
    relu: bool


def relu_chain(pairs: Sequence[tuple[NDArray[np.float64], NDArray[np.float64]]]) -> list[Layer]:
    """Layers with ReLU after all but the last."""
    return [Layer(w, b, depth < len(pairs) - 1) for depth, (w, b) in enumerate(pairs)]


def to_onnx(name: str, layers: Sequence[Layer], *, gemm: bool) -> ModelProto:
    """A float32 model with a free batch axis: Gemm (as PyTorch exports) or MatMul and Add (as Keras does).

    Raises ValueError where a number is not a float32.
    """
    tensors: list[TensorProto] = []
    nodes = list(_nodes(layers, gemm, tensors))
    sizes = {"input": layers[0].weight.shape[1], "output": layers[-1].weight.shape[0]}
    ports = [helper.make_tensor_value_info(port, TensorProto.FLOAT, ["batch", n]) for port, n in sizes.items()]
    graph = helper.make_graph(nodes, name, ports[:1], ports[1:], tensors)
    opset = helper.make_operatorsetid("", 13)
    model = helper.make_model(graph, producer_name="exactlump examples", ir_version=7, opset_imports=[opset])
    checker.check_model(model)
    return model


def _nodes(layers: Sequence[Layer], gemm: bool, tensors: list[TensorProto]) -> Iterator[NodeProto]:
    """The nodes in order; the weights that they name go to `tensors`."""
    source = "input"
    for depth, layer in enumerate(layers, start=1):
        weight, bias, product = f"layer{depth}.weight", f"layer{depth}.bias", f"layer{depth}.product"
        target = "output" if depth == len(layers) else f"layer{depth}"
        affine = f"layer{depth}.affine" if layer.relu else target
        tensors += [_tensor(weight, layer.weight if gemm else layer.weight.T), _tensor(bias, layer.bias)]
        if gemm:
            yield helper.make_node("Gemm", [source, weight, bias], [affine], transB=1)
        else:
            yield helper.make_node("MatMul", [source, weight], [product])
            yield helper.make_node("Add", [product, bias], [affine])
        if layer.relu:
            yield helper.make_node("Relu", [affine], [target])
        source = target


def _tensor(name: str, values: NDArray[np.float64]) -> TensorProto:
    floats = np.ascontiguousarray(values, dtype=np.float32)
    if not np.array_equal(floats.astype(np.float64), values):
        raise ValueError(f"tensor {name}: found a number that is not a float32")
    return numpy_helper.from_array(floats, name)
