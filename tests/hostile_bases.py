# SPDX-License-Identifier: Apache-2.0
"""This file is about small ONNX models that mutants are made of: each has something that a checker may read wrongly.

Weights are small integers, and most operators keep them such, so that floats are exact.
"""

import numpy as np
from onnx import helper

from tests.checker import test_check_functions as functions
from tests.checker import test_check_positions as positions
from tests.checker.test_check_opaque import branched, clipped, graph, lstm, node, one


def bases():
    """Models by name, the same in every run."""
    rng = np.random.default_rng(3)

    def weights(*shape):
        return rng.integers(-2, 4, shape).astype(np.float32)

    found = {
        "an opaque operator": one(),
        "a power": one("Pow", sources="x e", constants={"e": np.full(4, 2, np.float32)}),
        "a norm": one("LpNormalization", p=2, axis=-1),
        "LSTM": lstm(["-", "h"]),
        "a bound that is computed": clipped("x m"),
        "If": branched("Neg"),
        "a sequence": positions.feed(["B", "T", 4]),
        "positions moved": positions.moved((1, 0, 2), (0, 2, 1)),
        "a square and its transpose": positions.WITH_TRANSPOSED,
        "positions joined": positions.flat(["B", "T", 4], [-1, 4], 4),
        "an image of any size": positions.IMAGE,
        "a constant below a window": positions.above(strides=[2, 2]),
        "a known branch": functions.chosen(True),
        "a local function": functions.called(
            [node("Mul", "a b", "m"), node("LeakyRelu", "m", "c", alpha=0.5)], "x", "two"
        ),
    }
    return found | dense(weights) | images(weights) | shapes(weights) | spelled()


def dense(weights):
    """Models of dense layers."""
    return {
        "dense": graph(
            [node("Gemm", "x W b", "h", transB=1), node("Relu", "h", "r"), node("MatMul", "r V", "y")],
            {"x": ["B", 3]},
            {"y": ["B", 2]},
            {"W": weights(4, 3), "b": weights(4), "V": weights(4, 2)},
        ),
        "attention": graph(
            [
                node("MatMul", "x Q", "q"),
                node("MatMul", "x K", "k"),
                node("Transpose", "k", "t", perm=[0, 2, 1]),
                node("MatMul", "q t", "a"),
                node("Softmax", "a", "s", axis=-1),
                node("MatMul", "s x", "y"),
            ],
            {"x": ["B", "T", 4]},
            {"y": ["B", "T", 4]},
            {"Q": weights(4, 3) / 4, "K": weights(4, 3) / 4},
        ),
        "layer norm": graph(
            [
                node("LayerNormalization", "x g b", "n", axis=-1),
                node("MatMul", "n W", "h"),
                node("Gelu", "h", "k"),
                node("Add", "k x", "y"),
            ],
            {"x": ["B", "T", 4]},
            {"y": ["B", "T", 4]},
            {"g": weights(4) + 0.5, "b": weights(4), "W": weights(4, 4)},
            opset=20,
        ),
        "two inputs": graph(
            [node("Add", "x z", "s"), node("Relu", "s", "r"), node("Sub", "r z", "y"), node("Abs", "z", "w")],
            {"x": ["B", 3], "z": ["B", 3]},
            {"y": ["B", 3], "w": ["B", 3]},
        ),
        "a quantiser": graph(
            [
                node("QuantizeLinear", "x s z", "q"),
                node("DequantizeLinear", "q s z", "d"),
                node("MatMul", "d W", "h"),
                node("Relu", "h", "y"),
            ],
            {"x": ["B", 3]},
            {"y": ["B", 2]},
            {"s": np.float32(0.5), "z": np.uint8(3), "W": weights(3, 2)},
            opset=19,
        ),
        "an index": graph(
            [
                node("MatMul", "x W", "h"),
                node("ArgMax", "h", "i", axis=1, keepdims=0),
                node("Cast", "i", "f", to=1),
                node("Mul", "f two", "y"),
            ],
            {"x": ["B", 3]},
            {"y": ["B"]},
            {"W": weights(3, 4), "two": np.float32(2)},
        ),
        "another domain": graph(
            [
                helper.make_node("Scaler", ["x"], ["h"], domain="ai.onnx.ml", offset=[1.0, 2.0], scale=[0.5, 2.0]),
                node("Relu", "h", "y"),
            ],
            {"x": ["B", 2]},
            {"y": ["B", 2]},
            domains=["ai.onnx.ml"],
        ),
    }


def images(weights):
    """Models of images."""
    return {
        "convolutions": graph(
            [
                node("Conv", "x K b", "c", pads=[1, 1, 1, 1], strides=[1, 2]),
                node("Relu", "c", "r"),
                node("Pad", "r p", "q"),
                node("AveragePool", "q", "m", kernel_shape=[2, 2], count_include_pad=1),
                node("MaxPool", "m", "n", kernel_shape=[2, 2]),
                node("Flatten", "n", "f"),
                node("Gemm", "f W", "y"),
            ],
            {"x": [1, 2, 4, 6]},
            {"y": [1, 2]},
            {"K": weights(2, 2, 3, 3), "b": weights(2), "p": np.array([0, 0, 1, 0, 0, 0, 0, 1]), "W": weights(12, 2)},
        ),
        "a transposed convolution": graph(
            [
                node("ConvTranspose", "x K", "c", strides=[2, 2], output_padding=[1, 0], pads=[0, 1, 1, 0]),
                node("LeakyRelu", "c", "r", alpha=0.5),
                node("GlobalAveragePool", "r", "g"),
                node("Squeeze", "g ax", "s"),
                node("Softmax", "s", "y", axis=1),
            ],
            {"x": ["B", 2, 3, 3]},
            {"y": ["B", 3]},
            {"K": weights(2, 3, 2, 2), "ax": np.array([2, 3])},
        ),
    }


def shapes(weights):
    """Models that move, join and take apart."""
    numbers = {"s": np.array([0]), "e": np.array([3]), "ax": np.array([1]), "i": np.array([2, 0, 1])}
    return {
        "parts": graph(
            [
                node("Split", "x", "a b", axis=1),
                node("Concat", "b a", "c", axis=1),
                node("Slice", "c s e ax", "d"),
                node("Gather", "d i", "g", axis=1),
                node("Relu", "g", "y"),
            ],
            {"x": ["B", 4]},
            {"y": ["B", 3]},
            numbers,
            opset=13,
        ),
        "parts of something": graph(
            [
                node("Tile", "x r", "t"),
                node("Split", "t", "a b", axis=1),
                node("ReduceSum", "a", "p", keepdims=0),
                node("ReduceMax", "b", "q", keepdims=0),
                node("Add", "p q", "y"),
            ],
            {"x": [1, 6]},
            {"y": []},
            {"r": np.array([1, 1])},
            opset=13,
        ),
        "sums along an axis": graph(
            [
                node("Transpose", "x", "t", perm=[1, 0]),
                node("CumSum", "t a", "c"),
                node("Transpose", "c", "d", perm=[1, 0]),
                node("Reshape", "d sh", "y"),
            ],
            {"x": ["N", 4]},
            {"y": ["N", 2, 2]},
            {"a": np.array(0), "sh": np.array([0, 2, 2])},
        ),
        "the largest": graph(
            [node("ReduceSum", "x ax", "s", keepdims=0), node("TopK", "s k", "v i", axis=0), node("Relu", "v", "y")],
            {"x": ["S", 4]},
            {"y": [2]},
            {"ax": np.array([0]), "k": np.array([2])},
        ),
    }


def spelled():
    """Models of functions that are spelled out."""
    return {
        "spelled out": graph(
            [
                node("Mul", "x a", "u"),
                node("Erf", "u", "e"),
                node("Add", "e o", "f"),
                node("Mul", "x f", "g"),
                node("Mul", "g h", "p"),
                node("Sigmoid", "x", "s"),
                node("Mul", "s x", "z"),
                node("Concat", "p z", "y", axis=1),
            ],
            {"x": ["B", 3]},
            {"y": ["B", 6]},
            {"a": np.float32(0.7), "o": np.float32(1), "h": np.float32(0.5)},
        ),
        "a threshold": graph(
            [
                node("Greater", "x t", "c"),
                node("Softplus", "x", "s"),
                node("Where", "c x s", "w"),
                node("Softmax", "w", "y", axis=1),
            ],
            {"x": ["B", 4]},
            {"y": ["B", 4]},
            {"t": np.float32(2)},
        ),
    }
