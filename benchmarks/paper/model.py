# SPDX-License-Identifier: Apache-2.0
"""This file is about the ONNX file of the CNN: its numbers in float32, and nothing that a tracer adds."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET, IR_VERSION = 13, 8


def save(path, numbers, side, padding):
    """Write the CNN: Conv, Relu, MaxPool, twice; Flatten; Gemm, Relu, Gemm, Relu, Gemm.

    numbers: {"conv1": (weight, bias), ...} in the order of the layers.  No softmax: it changes no decision.
    """
    nodes, tensor, constants = [], "image", []
    for name, (weight, bias) in numbers.items():
        if name == "dense1":
            nodes.append(helper.make_node("Flatten", [tensor], ["flat"], axis=1))
            tensor = "flat"
        arrays = {f"{name}.weight": weight, f"{name}.bias": bias}
        constants += [numpy_helper.from_array(array.astype(np.float32), n) for n, array in arrays.items()]
        target = "logits" if name == "dense3" else name
        if name.startswith("conv"):
            pads = [padding] * 4
            nodes.append(helper.make_node("Conv", [tensor, *arrays], [target], kernel_shape=[3, 3], pads=pads))
        else:
            nodes.append(helper.make_node("Gemm", [tensor, *arrays], [target], transB=1))
        tensor = target
        if name != "dense3":
            tensor = f"{name}.relu"
            nodes.append(helper.make_node("Relu", [target], [tensor]))
        if name.startswith("conv"):
            nodes.append(helper.make_node("MaxPool", [tensor], [f"{name}.pool"], kernel_shape=[2, 2], strides=[2, 2]))
            tensor = f"{name}.pool"
    classes = len(numbers["dense3"][1])
    ports = [("image", [1, 1, side, side]), ("logits", [1, classes])]
    inputs, outputs = ([helper.make_tensor_value_info(n, TensorProto.FLOAT, shape)] for n, shape in ports)
    graph = helper.make_graph(nodes, "cnn", inputs, outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString(deterministic=True))


def load(path):
    """The numbers of a file that `save` wrote."""
    arrays = {t.name: numpy_helper.to_array(t) for t in onnx.load(path).graph.initializer}
    names = dict.fromkeys(name.partition(".")[0] for name in arrays)
    return {name: (arrays[f"{name}.weight"], arrays[f"{name}.bias"]) for name in names}
