# SPDX-License-Identifier: Apache-2.0
"""This file is about the checker on images: every operator against onnx.reference, and every rule by hand.

Networks and certificates are made by hand or with onnx.helper, never with the project's own writers.
"""

import copy
import json
import math
import random
import re
import time
import tracemalloc
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from onnx import helper, numpy_helper
from onnx import load as load_model
from onnx.reference import ReferenceEvaluator
from onnx.reference.op_run import OpRun

from exactlump import check, formats
from exactlump.errors import FormatError, NoExactValue, ShapeError, UnsupportedLayer
from exactlump.formats.onnx import reading as package
from exactlump.network.activations import KINDS, Activation
from exactlump.numbers.rational import fraction, rational
from tests.checker.test_check import FILES, agree, concrete, evaluate, mutate, read, rehash, verdict
from tests.checker.test_check import READABLE as DENSE
from tests.regenerate import act, dense, head, identity, net, over, relu, reorder, row, scale, shift, text, total
from tests.tools import model, node, port, save

# --- Reading ONNX: every operator on images against onnx.reference -----------------------------------

RNG = np.random.default_rng(3)


def weights(*shape):
    """Small dyadic numbers, some of them zero."""
    return (RNG.integers(-6, 7, shape) / 4).astype(np.float32)


W, B = weights(3, 2, 2, 2), weights(3)
IMAGE = ["n", 2, 4, 5]


def integers(*values):
    return np.array(values, np.int64)


def graph(*nodes, x=IMAGE, opset=13, outputs=("y",), **constants):
    arrays = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    kinds = {n.op_type for n in nodes}
    if "BatchNormalization" in kinds or "DequantizeLinear" in kinds:  # onnx.reference has no older ones that are right
        opset = 19
    made = model(list(nodes), {"x": x}, dict.fromkeys(outputs), arrays, opset=opset)
    made.opset_import.extend(helper.make_opsetid(domain, 1) for domain in {n.domain for n in nodes} - {""})
    return made


def one(kind, x=IMAGE, opset=13, constants=None, **attributes):
    constants = constants or {}
    return graph(node(kind, " ".join(["x", *constants]), "y", **attributes), x=x, opset=opset, **constants)


def conv(x=IMAGE, w=W, b=B, **attributes):
    return one("Conv", x, constants={"w": w, "b": b}, **attributes)


def then(*nodes, **rest):
    """Nodes after a padded convolution, so that they meet a tensor with channels."""
    first = node("Conv", "x kernel bias", "t", pads=[1, 0, 0, 1])
    return graph(first, *nodes, kernel=W, bias=B, **rest)


def quantised(kind, **attributes):
    """Quant of a computed tensor, three bits and one scale a channel."""
    last = node(kind, "t s z bits", "y", domain="onnx.brevitas", **attributes)
    return then(last, s=np.float32([0.5, 0.25, 0.125]).reshape(3, 1, 1), z=np.float32(0), bits=np.float32(3))


POOL = {"kernel_shape": [2, 3], "strides": [2, 1]}
READABLE = {
    "Conv": conv(),
    "Conv without a bias": one("Conv", constants={"w": W}),
    "Conv with pads": conv(pads=[1, 0, 2, 1], strides=[2, 1]),
    "Conv, dilations": conv(dilations=[2, 3], pads=[1, 1, 1, 1]),
    "Conv, SAME_UPPER": conv(auto_pad="SAME_UPPER", strides=[2, 2]),
    "Conv, SAME_LOWER": conv(auto_pad="SAME_LOWER", strides=[2, 3]),
    "Conv, VALID": conv(auto_pad="VALID", kernel_shape=[2, 2]),
    "Conv, depthwise": conv(["n", 3, 4, 4], weights(3, 1, 2, 2), group=3, pads=[0, 1, 1, 0]),
    "Conv, two groups": conv(["n", 4, 3, 3], weights(6, 2, 2, 2), weights(6), group=2),
    "Conv, 1-D": conv(["n", 2, 7], weights(3, 2, 3), pads=[1, 1], strides=[2]),
    "Conv, one by one": conv(w=weights(3, 2, 1, 1)),
    "ConvTranspose": one("ConvTranspose", constants={"w": weights(2, 3, 2, 2), "b": B}),
    "ConvTranspose, strides": one(
        "ConvTranspose",
        constants={"w": weights(2, 3, 3, 2), "b": B},
        strides=[2, 3],
        pads=[1, 0, 0, 1],
        output_padding=[1, 0],
    ),
    "ConvTranspose, dilations": one("ConvTranspose", constants={"w": weights(2, 1, 2, 2)}, dilations=[2, 1]),
    "ConvTranspose, groups": one(
        "ConvTranspose", ["n", 4, 3, 3], constants={"w": weights(4, 3, 2, 2), "b": weights(6)}, group=2, strides=[2, 2]
    ),
    "MaxPool": one("MaxPool", **POOL),
    "MaxPool with pads": one("MaxPool", kernel_shape=[2, 3], pads=[1, 1, 0, 1]),
    "MaxPool, ceil_mode": one("MaxPool", kernel_shape=[2, 2], strides=[3, 3], ceil_mode=1),
    "MaxPool, dilations": one("MaxPool", kernel_shape=[2, 2], dilations=[2, 2]),
    "MaxPool, SAME_UPPER": one("MaxPool", kernel_shape=[2, 2], strides=[2, 2], auto_pad="SAME_UPPER"),
    "AveragePool": one("AveragePool", **POOL),
    "AveragePool with pads": one("AveragePool", kernel_shape=[2, 3], pads=[1, 1, 0, 1]),
    "AveragePool counting padding": one("AveragePool", kernel_shape=[2, 3], pads=[1, 1, 0, 1], count_include_pad=1),
    "AveragePool, ceil_mode": one("AveragePool", kernel_shape=[2, 2], strides=[3, 3], ceil_mode=1),
    "GlobalAveragePool": one("GlobalAveragePool"),
    "GlobalMaxPool": one("GlobalMaxPool", ["n", 2, 6]),
    "ReduceMean": one("ReduceMean", axes=[2, 3]),
    "ReduceMean, axes dropped": one("ReduceMean", axes=[-1, -2], keepdims=0),
    "ReduceMean by an input": one("ReduceMean", opset=18, constants={"s": integers(2, 3)}),
    "ReduceMean over rows": one("ReduceMean", ["n", 3, 4], axes=[1], keepdims=0),
    "ReduceSum": one("ReduceSum", constants={"s": integers(2, 3)}),
    "ReduceSum over rows": one("ReduceSum", ["n", 3, 4], opset=11, axes=[-2], keepdims=0),
    "DepthToSpace": one("DepthToSpace", ["n", 8, 2, 3], blocksize=2),
    "DepthToSpace, CRD": one("DepthToSpace", ["n", 8, 2, 3], blocksize=2, mode="CRD"),
    "SpaceToDepth": one("SpaceToDepth", ["n", 2, 4, 6], blocksize=2),
    "Resize": graph(
        helper.make_node(
            "Resize", ["x", "", "s"], ["y"], coordinate_transformation_mode="asymmetric", nearest_mode="floor"
        ),
        s=np.float32([1, 1, 3, 2]),
    ),
    "Resize by half a pixel": graph(helper.make_node("Resize", ["x", "", "s"], ["y"]), s=np.float32([1, 1, 2, 5])),
    "Upsample": one("Upsample", opset=9, constants={"s": np.float32([1, 1, 2, 3])}, mode="nearest"),
    "Pad": one("Pad", constants={"p": integers(0, 0, 1, 2, 0, 0, 0, 1)}),
    "Pad by an attribute": one("Pad", opset=9, pads=[0, 0, 1, 2, 0, 0, 0, 1]),
    "Pad, zero and axes": one("Pad", opset=18, constants={"p": integers(1, 2), "v": np.float32(0), "a": integers(-2)}),
    "Add of tensors": then(node("Relu", "t", "h"), node("Add", "t h", "y")),
    "Sub of tensors": then(node("Relu", "t", "h"), node("Sub", "t h", "y")),
    "Sum of three": then(node("Relu", "t", "h"), node("Sum", "t h t", "y")),
    "Add of other views": graph(node("MaxPool", "x", "t", kernel_shape=[1, 1]), node("Add", "x t", "y")),
    "Sum with a constant": one("Sum", constants={"c": weights(2, 1, 1)}),
    "Add a channel": then(node("Add", "t c", "y"), c=weights(3, 1, 1)),
    "Add the same in every place": then(node("Add", "t c", "y"), c=np.ones((1, 3, 4, 5), np.float32)),
    "Add elements": then(node("Mul", "t c", "y"), c=weights(4, 5)),
    "Sub from a row": then(node("Sub", "c t", "y"), c=weights(5)),
    "PRelu a channel": then(node("PRelu", "t c", "y"), c=weights(3, 1, 1)),
    "PRelu an element": then(node("PRelu", "t c", "y"), c=weights(3, 4, 5)),
    "channels last": then(
        node("Transpose", "t", "h", perm=[0, 2, 3, 1]),
        node("Mul", "h c", "g"),
        node("Transpose", "g", "i", perm=[0, 3, 1, 2]),
        node("MaxPool", "i", "y", kernel_shape=[2, 2]),
        c=weights(3),
    ),
    "channels last are made images": then(
        node("Transpose", "t", "h", perm=[0, 2, 3, 1]), node("MaxPool", "h", "y", kernel_shape=[1, 2])
    ),
    "a reordering inside of channels": then(
        node("Transpose", "t", "h", perm=[0, 1, 3, 2]), node("MaxPool", "h", "y", kernel_shape=[1, 2])
    ),
    "Flatten and Gemm": then(node("Flatten", "t", "h"), node("Gemm", "h v", "y"), v=weights(60, 2)),
    "Reshape to other grids": then(
        node("Reshape", "t s", "h"), node("MaxPool", "h", "y", kernel_shape=[2]), s=integers(0, 3, 20)
    ),
    "Reshape and back": then(
        node("Flatten", "t", "h"),
        node("Reshape", "h s", "g"),
        node("Conv", "g v", "y"),
        s=integers(-1, 3, 4, 5),
        v=W[:, :1].repeat(3, 1),
    ),
    "an image of one position": then(
        node("GlobalMaxPool", "t", "h"), node("Flatten", "h", "g"), node("Relu", "g", "y")
    ),
    "a vector made an image": graph(
        node("Reshape", "x s", "t"), node("Conv", "t w", "y"), x=["n", 8], s=integers(0, 2, 2, 2), w=W
    ),
    "Concat of channels": then(node("Relu", "t", "h"), node("Concat", "t h", "y", axis=1)),
    "Concat of rows": then(node("Relu", "t", "h"), node("Concat", "t h t", "y", axis=-1)),
    "Concat with the input": graph(node("Relu", "x", "h"), node("Concat", "x h", "y", axis=2)),
    "Concat of a vector": graph(node("Relu", "x", "h"), node("Concat", "x h", "y", axis=1), x=["n", 3]),
    "Slice of channels": then(node("Slice", "t a b c", "y"), a=integers(1), b=integers(99), c=integers(1)),
    "Slice downwards": then(
        node("Slice", "t a b c d", "y"),
        a=integers(-1, 1),
        b=integers(-(2**62), 4),
        c=integers(1, -2),
        d=integers(-2, 2),
    ),
    "Slice in opset 9": one("Slice", opset=9, starts=[1, 0], ends=[3, -1], axes=[2, 3]),
    "Split of channels": then(node("Split", "t s", "y z", axis=1), outputs=("y", "z"), s=integers(1, 2)),
    "Split of rows": then(node("Split", "t", "y z", axis=2), outputs=("y", "z")),
    "Gather of channels": then(node("Gather", "t i", "y", axis=1), i=integers(2, 0, -1, 0)),
    "Gather of a row": then(node("Gather", "t i", "y", axis=3), i=np.array(2, np.int64)),
    "Gather of a channel": then(node("Gather", "t i", "y", axis=1), i=np.array(2, np.int64)),
    "Gather of a matrix": one("Gather", axis=2, constants={"i": integers([0, 3], [1, 1])}),
    "ArgMax": one("ArgMax", ["n", 5], axis=1),
    "ArgMax, axis dropped": one("ArgMax", ["n", 5], axis=-1, keepdims=0),
    "Clip": one("Clip", constants={"a": np.float32(-1), "b": np.float32(0.5)}),
    "Clip from below": one("Clip", constants={"a": np.float32(-1)}),
    "Clip from above": graph(node("Clip", "x  b", "y"), b=np.float32(0.5)),
    "Clip in opset 9": one("Clip", opset=9, min=0.0, max=1.5),
    "Min and Max": graph(node("Min", "x a", "h"), node("Max", "b h", "y"), a=weights(2, 1, 1), b=np.float32(0)),
    **{
        kind: one(kind, ["n", 3])
        for kind in ("Sign", "Floor", "Ceil", "Round", "ThresholdedRelu", "Elu", "Selu", "Celu")
    },
    **{kind: one(kind, ["n", 3], opset=20) for kind in ("HardSwish", "Mish", "Gelu", "HardSigmoid")},
    "Gelu, tanh": one("Gelu", ["n", 3], opset=20, approximate="tanh"),
    "Neg": one("Neg"),
    "arithmetic of constants": graph(
        node("Add", "a e", "s"),
        node("Pow", "s h", "r"),
        node("Div", "g r", "q"),
        node("Neg", "q", "n"),
        node("Sub", "n g", "m"),
        node("Mul", "m a", "k"),
        node("Reciprocal", "k", "i"),
        node("Sqrt", "a", "z"),
        node("Sum", "i z", "j"),
        node("Mul", "x j", "y"),
        x=["n", 3],
        a=np.float32([1, 4, 9]),
        e=np.float32([[8], [0]])[:1, 0],
        h=np.float32(2),
        g=np.float32([3, -5, 7]),
    ),
    "a shape made of a shape": graph(
        node("Shape", "x", "s"),
        node("Gather", "s i", "n", axis=0),
        node("Unsqueeze", "n", "u", axes=[0]),
        node("Concat", "u m", "t", axis=0),
        node("Reshape", "x t", "y"),
        x=[1, 2, 3],
        opset=11,
        i=np.array(0, np.int64),
        m=integers(-1),
    ),
    "a part of a shape": graph(
        node("Shape", "x", "s", start=1, end=3),
        node("ConstantOfShape", "s", "c"),
        node("Add", "x c", "y"),
        x=[2, 2, 3],
        opset=15,
    ),
    "BatchNormalization": then(
        node("BatchNormalization", "t g c m v", "y"),
        g=np.float32([1, -2, 0]),
        c=np.float32([0.5, 1, 2]),
        m=weights(3),
        v=np.float32([0.1, 2, 3]),
    ),
    "BatchNormalization of a vector": one(
        "BatchNormalization",
        ["n", 2],
        constants={"g": weights(2), "c": weights(2), "m": weights(2), "v": np.float32([1, 3])},
        epsilon=0.25,
    ),
    "BatchNormalization of elements": one(
        "BatchNormalization",
        constants={"g": weights(2), "c": weights(2), "m": weights(2), "v": np.float32([1, 3])},
        momentum=0.5,
    ),
    "QuantizeLinear": graph(
        node("QuantizeLinear", "x s z", "q"),
        node("DequantizeLinear", "q s z", "y"),
        x=["n", 5],
        s=np.float32(0.3),
        z=np.uint8(2),
    ),
    "QuantizeLinear, int8": then(
        node("QuantizeLinear", "t s z", "q", axis=1),
        node("DequantizeLinear", "q s z", "y", axis=1),
        s=np.float32([0.5, 0.25, 3]),
        z=np.int8([1, 0, -3]),
    ),
    "QuantizeLinear of elements": then(
        node("QuantizeLinear", "t s z", "q", axis=-1),
        node("DequantizeLinear", "q s z", "y", axis=3),
        s=np.float32([0.5, 0.25, 3, 1, 2]),
        z=np.int8([1, 0, -3, 2, 0]),
    ),
    "DequantizeLinear of weights": graph(
        node("DequantizeLinear", "w s z", "d", axis=0),
        node("Gemm", "x d", "y"),
        x=["n", 2],
        w=np.int8([[3, -4], [7, 120]]),
        s=np.float32([0.1, 3]),
        z=np.int8([1, 2]),
    ),
    "QuantizeLinear of weights": graph(
        node("QuantizeLinear", "w s", "q"),
        node("DequantizeLinear", "q s", "d"),
        node("Gemm", "x d", "y"),
        x=["n", 2],
        w=W[0, 0],
        s=np.float32(0.2),
    ),
    "Quant": quantised("Quant", signed=1, narrow=1, rounding_mode="ROUND"),
    "Quant, unsigned": quantised("Quant", signed=0, narrow=0, rounding_mode="FLOOR"),
    "Quant of weights": graph(
        node("Quant", "w s z b", "q", domain="onnx.brevitas", rounding_mode="CEIL"),
        node("Gemm", "x q", "y"),
        x=["n", 2],
        w=W[0, 0],
        s=np.float32([[0.5], [0.25]]),
        z=np.float32(1),
        b=np.float32(3),
    ),
    "BipolarQuant": graph(
        node("BipolarQuant", "x s", "y", domain="finn.custom_op.general"), x=["n", 5], s=np.float32(1)
    ),
    "BipolarQuant of weights": graph(
        node("BipolarQuant", "w s", "q", domain="onnx.brevitas"),
        node("Gemm", "x q", "y"),
        x=["n", 2],
        w=W[0, 0],
        s=np.float32(0.3),
    ),
    "Swish": one("Swish", ["n", 3], opset=24),
}


# Where onnx.reference is wrong: groups of ConvTranspose, padding of MaxPool, GlobalMaxPool of a vector.
WRONG = ("ConvTranspose, groups", "MaxPool with pads", "GlobalMaxPool")


def test_every_operator_of_the_table_is_read_in_some_model():
    """Those that are read in part, or of constants only, are read in tests/checker/test_check_functions.py."""
    models = [*READABLE.values(), *DENSE.values()]
    read = {n.op_type for proto in models for n in proto.graph.node}
    assert {*check.OPERATORS} == read | {"Log", "Where", *check.COMBINED}


class Quant(OpRun):
    """What qonnx/custom_op/general/quant.py computes."""

    op_domain = "onnx.brevitas"

    def _run(self, x, scale, zero, bits, signed=1, narrow=0, rounding_mode="ROUND"):
        half = 2 ** (int(bits) - 1)
        low, high = (narrow - half, half - 1) if signed else (0, 2 * half - 1 - narrow)
        rounded = {"ROUND": np.round, "FLOOR": np.floor, "CEIL": np.ceil}[rounding_mode]
        return ((scale * (rounded(np.clip(x / scale + zero, low, high)) - zero)).astype(np.float32),)


class BipolarQuant(OpRun):
    """What qonnx/custom_op/general/bipolar_quant.py computes."""

    op_domain = "onnx.brevitas"

    def _run(self, x, scale):
        return (np.where(x >= 0, scale, -scale).astype(np.float32),)


def elsewhere():
    """The same operators in another domain."""
    return [type(kind.__name__, (kind,), {"op_domain": "finn.custom_op.general"}) for kind in (Quant, BipolarQuant)]


def specification(name):
    """How the model is read."""
    return FLOAT32 if "BatchNorm" in name else "as stored"


FLOAT32, FLOAT64 = (f"batch normalisation folded, scales in float{bits}" for bits in (32, 64))
EXACT = "batch normalisation exact"


def test_the_page_of_the_format_names_every_operator_and_function():
    page = (Path(__file__).parents[2] / "docs" / "certificate-format.md").read_text(encoding="utf-8")
    words = {*re.findall(r"\w+", page)}
    assert {*check.OPERATORS, *check.FUNCTIONS, *check.NODES, *check.Window._fields} <= words
    assert all(f"`{words_}`" in page or words_.endswith("float64") for words_ in check.SPECIFICATIONS)


def reference(proto, name, feed):
    """The outputs that another program computes."""
    if name not in WRONG:
        return ReferenceEvaluator(proto, new_ops=[Quant, BipolarQuant, *elsewhere()]).run(None, feed)
    onnxruntime = pytest.importorskip("onnxruntime")
    return onnxruntime.InferenceSession(proto.SerializeToString()).run(None, feed)


@pytest.mark.parametrize("name", READABLE)
def test_reading_agrees_with_the_reference(name, tmp_path):
    proto = READABLE[name]
    network = read(save(tmp_path / "m.onnx", proto), specification=specification(name))
    for batch in (1,) if "shape" in name else (1, 2):
        feed = dict(concrete(proto, batch))
        results = reference(proto, name, feed)
        for member in range(batch):
            exact = evaluate(network, *[[Fraction(float(y)) for y in feed[x][member].ravel()] for x in network.inputs])
            for ys, result in zip(exact, results, strict=True):
                assert np.allclose([float(y) for y in ys], np.ravel(result[member]), rtol=1e-4, atol=1e-5), name


@pytest.mark.parametrize("name", READABLE)
def test_a_model_is_equivalent_to_itself(name, tmp_path):
    path = save(tmp_path / "m.onnx", READABLE[name])
    network = read(path, specification=specification(name))
    named = {t for t, n in network.nodes.items() if n.kind != "affine"}
    relations = {t: identity(t, network.units[t]) for t in named}
    found = verdict(path, path, relations, specification=specification(name))
    assert (found.verdict, found.code) == ("equivalent", 0), found.reason


# --- The rules, on handwritten networks ---------------------------------------------------------------


def window(source, kernel, begin=0, end=0, stride=1, target=None, dilation=1, transposed=False):
    """A window along one axis or, from tuples, along several; of the size that floor division gives."""
    lists = [list(n) if isinstance(n, tuple) else [n] * len(source) for n in (kernel, stride, dilation, begin, end)]
    sizes = [(n + b + e - d * (k - 1) - 1) // s + 1 for n, k, s, d, b, e in zip(source, *lists, strict=True)]
    names = ("kernel", "stride", "dilation", "begin", "end")
    made = dict(zip(names, lists, strict=True))
    return {"source": list(source), "target": list(target or sizes), "transposed": transposed, **made}


def convolution(source, target, rows, over, bias=None):
    """rows: for each target channel, for each source channel, the kernel."""
    flat = [[w for kernel in channels for w in kernel] for channels in rows]
    return {**dense(source, target, flat, bias), "op": "conv", "window": over}


def windowed(op, source, target, over, **rest):
    return {"op": op, "source": source, "target": target, "window": over, **rest}


def image(source, target, *shape):
    return {**reorder(source, target, None, list(shape)), "channel": 0}


def add(target, *sources, signs=None):
    return {"op": "add", "sources": list(sources), "target": target, "signs": signs or ["1"] * len(sources)}


def select(target, sources, picks, shape, channel=0):
    return {
        "op": "select",
        "sources": list(sources),
        "target": target,
        "picks": picks,
        "shape": shape,
        "channel": channel,
    }


def answer(tmp_path, original, reduced, relations, back=None):
    """The verdict; where it is `equivalent`, the networks must have equal values at random points."""
    for file, value in zip(FILES, (original, reduced), strict=False):
        (tmp_path / file).write_text(text(value))
    found = verdict(tmp_path / FILES[0], tmp_path / FILES[1], relations, back)
    if found.verdict == "equivalent":
        assert agree(read(tmp_path / FILES[0]), read(tmp_path / FILES[1]), 1)
    return found


def accepted(tmp_path, *case):
    found = answer(tmp_path, *case)
    assert found.verdict == "equivalent", found.reason


def refused(tmp_path, rule, *case):
    found = answer(tmp_path, *case)
    assert (found.verdict, found.rule) == ("rejected", rule), found.reason


GRID = (4,)
SIDE = window(GRID, 3, 1, 1)


def twins(first, second, function=0, between=(), outgoing=(3, 4), over_=SIDE, bias=(0, 0), last="h"):
    """x (4) as an image, a convolution to len(first) channels, a function, and a convolution to one channel."""
    functions = function if isinstance(function, list) else [function] * len(first)
    return net(
        image("x", "i", 1, 4),
        convolution("i", "p", [[kernel] for kernel in first], SIDE, list(bias[: len(first)])),
        act("p", "h", *functions),
        *between,
        convolution(last, "y", [second], over_),
        x=4,
    )


K = [1, 2, -1]
DOUBLE = [2, 4, -2]
NEXT = [1, -1, 2]
TWO = twins([K, DOUBLE], [NEXT, [1, 1, 1]])
MERGED = twins([K], [[3, 1, 4]])
TWICE = {"h": over("h", row(0), row(0, 2))}


def test_channels_that_are_multiples_are_merged(tmp_path):
    accepted(tmp_path, TWO, MERGED, TWICE)


def test_other_multiples_are_not(tmp_path):
    refused(tmp_path, "affine", twins([K, [2, 4, 2]], [NEXT, [1, 1, 1]]), MERGED, TWICE)
    refused(tmp_path, "affine", TWO, MERGED, {"h": over("h", row(0), row(0, 3))})
    refused(tmp_path, "output", TWO, twins([K], [[3, 1, 5]]), TWICE)


def test_negative_multiples_need_an_odd_function(tmp_path):
    minus = [-1, -2, 1]
    relations = {"h": over("h", row(0), row(0, -1))}
    accepted(tmp_path, twins([K, minus], [NEXT, NEXT], "tanh"), twins([K], [[0, 0, 0]], "tanh"), relations)
    refused(tmp_path, "ratio", twins([K, minus], [NEXT, NEXT]), twins([K], [[0, 0, 0]]), relations)


def test_a_kernel_that_is_moved_is_another(tmp_path):
    refused(tmp_path, "affine", twins([[1, 0, 0], [0, 1, 0]], [NEXT, NEXT]), MERGED, {"h": over("h", row(0), row(0))})


def constant(padded):
    """A dead channel that is 1 everywhere, read by a convolution with or without padding."""
    last = window(GRID, 3, int(padded), int(padded))
    return twins([K, [0, 0, 0]], [NEXT, [1, 1, 1]], over_=last, bias=(0, 1)), last


def test_constants_are_not_folded_under_zero_padding(tmp_path):
    """Three taps of a channel that is 1 everywhere: 2, 3, 3, 2 where there is padding, and not 3 everywhere."""
    relations = {"h": over("h", row(0), total(plus=1))}
    for padded in (False, True):
        original, last = constant(padded)
        reduced = twins([K], [NEXT], over_=last)
        reduced["nodes"][-1]["bias"] = ["3"]
        if padded:
            refused(tmp_path, "output", original, reduced, relations)
            accepted(
                tmp_path,
                original,
                original,
                {"h": over("h", row(0), total(plus=1))},
                {"h": {"rows": [row(0), total(plus=1)]}},
            )
            assert evaluate(read(tmp_path / FILES[0]), [Fraction(0)] * 4) == [[2, 3, 3, 2]]
        else:
            accepted(tmp_path, original, reduced, relations)


def test_padding_is_not_folded_by_any_other_operator(tmp_path):
    for node_, same_everywhere in (
        (windowed("pad", "c", "q", window((2,), 1, 1, 0)), False),
        (windowed("pad", "c", "q", window((2,), 1, 0, 0)), True),
        (windowed("average_pool", "c", "q", window((2,), 2, 1, 1), padding=True), False),
        (windowed("average_pool", "c", "q", window((2,), 2, 1, 1), padding=False), True),
        (windowed("average_pool", "c", "q", window((2,), 2), padding=True), True),
        (windowed("average_pool", "c", "q", window((2,), 2, 0, 1, 2), padding=True), True),
        (windowed("average_pool", "c", "q", window((2,), 2, 0, 1, 1), padding=True), False),
        (windowed("max_pool", "c", "q", window((2,), 2, 1, 1)), True),
    ):
        size = node_["window"]["target"][0]
        ones = [image("x", "i", 1, 2), scale("i", "z", 0), shift("z", "c", 1), node_]
        original = net(*ones, reorder("q", "y", None, [size]), x=2)
        reduced = net(dense("x", "y", [[0, 0]] * size, [1] * size), x=2)
        relations = {"q": over(None, total(plus=1))} if node_["op"] == "max_pool" else {}
        found = answer(tmp_path, original, reduced, relations)
        assert (found.verdict == "equivalent") == same_everywhere, node_
        assert found.verdict == "equivalent" or found.rule == "output"


def branches(first, second, merged):
    """Two convolutions of x, to two channels or one, their ReLUs, and the sum of these."""
    ends = [convolution("s", "y", [[NEXT] * (1 if merged else 2)], SIDE)]
    nodes = [image("x", "i", 1, 4)]
    for name, kernels in (("a", first), ("b", second)):
        nodes.append(convolution("i", f"p{name}", [[kernel] for kernel in kernels], SIDE))
        nodes.append(relu(f"p{name}", f"h{name}", len(kernels)))
    return net(*nodes, add("s", "ha", "hb"), *ends, x=4)


def test_a_sum_of_branches_needs_equal_ratios(tmp_path):
    relations = {"ha": over("ha", row(0), row(0, 2)), "hb": over("hb", row(0), row(0, 2))}
    stream = {**relations, "s": over("s", row(0), row(0, 2))}
    original = branches([K, DOUBLE], [NEXT, [2, -2, 4]], False)
    reduced = branches([K], [NEXT], True)
    reduced["nodes"][-1] = convolution("s", "y", [[[3, -3, 6]]], SIDE)
    accepted(tmp_path, original, reduced, stream)
    accepted(tmp_path, original, reduced, relations)
    other = branches([K, DOUBLE], [NEXT, NEXT], False)
    mixed = {**stream, "hb": over("hb", row(0), row(0))}
    refused(tmp_path, "affine", other, reduced, mixed)
    refused(tmp_path, "output", other, reduced, {"ha": mixed["ha"], "hb": mixed["hb"]})


def test_a_max_pool_takes_positive_ratios_only(tmp_path):
    pool = [windowed("max_pool", "p", "h", window(GRID, 2))]

    def pooled(kernels, last):
        return net(
            image("x", "i", 1, 4),
            convolution("i", "p", [[k] for k in kernels], SIDE),
            *pool,
            convolution("h", "y", [last], window((3,), 1)),
            x=4,
        )

    reduced = pooled([K], [[7]])
    accepted(tmp_path, pooled([K, DOUBLE], [[1], [3]]), reduced, TWICE)
    negative = pooled([K, [-1, -2, 1]], [[1], [-6]])
    refused(tmp_path, "ratio", negative, reduced, {"h": over("h", row(0), row(0, -1))})


def test_a_class_has_one_window(tmp_path):
    """Two max-pools of the same image with windows that differ in nothing but the stride of a single step."""
    first, second = window((2,), 2), window((2,), 2, stride=2)
    parts = [image("x", "i", 1, 2), windowed("max_pool", "i", "h", first), windowed("max_pool", "i", "g", second)]
    original = net(*parts, add("y", "h", "g"), x=2)
    reduced = net(image("x", "i", 1, 2), windowed("max_pool", "i", "h", first), scale("h", "y", 2), x=2)
    relations = {"h": over("h", row(0)), "g": over("h", row(0))}
    refused(tmp_path, "activation", original, reduced, relations)
    parts[2]["window"] = first
    accepted(tmp_path, original, reduced, relations)


def test_a_class_has_one_function(tmp_path):
    for functions in ([0, "tanh"], [0, "1/4"], [["clip", 0, 6], ["clip", 0, 5]]):
        listed = [[str(w) for w in f] if isinstance(f, list) else f for f in functions]
        original = twins([K, K], [NEXT, NEXT], [0, 0])
        original["nodes"][2]["functions"] = [
            f if isinstance(f, list) else act("", "", f)["functions"][0] for f in listed
        ]
        reduced = twins([K], [[2, -2, 4]], [0])
        reduced["nodes"][2]["functions"] = original["nodes"][2]["functions"][:1]
        refused(tmp_path, "activation", original, reduced, {"h": over("h", row(0), row(0))})
        original["nodes"][2]["functions"][1] = original["nodes"][2]["functions"][0]
        accepted(tmp_path, original, reduced, {"h": over("h", row(0), row(0))})


def depthwise(first, second):
    """Two equal channels, each with a filter of its own, and their sum."""
    return net(
        image("x", "i", 1, 4),
        convolution("i", "p", [[K], [K]], SIDE),
        relu("p", "h", 2),
        convolution("h", "q", [[first, [0, 0, 0]], [[0, 0, 0], second]], SIDE),
        relu("q", "g", 2),
        convolution("g", "y", [[[1], [1]]], window(GRID, 1)),
        x=4,
    )


def test_depthwise_channels_need_equal_filters(tmp_path):
    reduced = net(
        image("x", "i", 1, 4),
        convolution("i", "p", [[K]], SIDE),
        relu("p", "h", 1),
        convolution("h", "q", [[NEXT]], SIDE),
        relu("q", "g", 1),
        scale("g", "y", 2),
        x=4,
    )
    relations = {"h": over("h", row(0), row(0)), "g": over("g", row(0), row(0))}
    accepted(tmp_path, depthwise(NEXT, NEXT), reduced, relations)
    refused(tmp_path, "affine", depthwise(NEXT, [1, -1, 3]), reduced, relations)


def test_nothing_merges_below_a_head(tmp_path):
    for kind in check.HEADS:
        size = 1 if kind == "argmax" else 2
        case = net(dense("x", "p", [[1], [2]]), head("p", "y", kind))
        accepted(tmp_path, case, case, {"y": identity("y", size)})
        other = net(dense("x", "p", [[1], [3]]), head("p", "y", kind))
        refused(tmp_path, "head" if kind == "argmax" else "affine", case, other, {"y": identity("y", size)})
        one_unit = net(dense("x", "p", [[1]]), head("p", "y", kind))
        refused(tmp_path, "head", case, one_unit, {"y": over("y", *[row(0)] * size)})
        refused(tmp_path, "relation", case, case, {})


def test_an_argmax_needs_equal_units_below_it(tmp_path):
    """Its one unit has one form only, but it reads all of them, in their order."""
    case = net(dense("x", "p", [[1], [2], [0]]), head("p", "y", "argmax"))
    other = net(dense("x", "p", [[1], [0], [2]]), head("p", "y", "argmax"))
    refused(tmp_path, "head", case, other, {"y": over("y", row(0))})
    free = {"p": over(None, row(0) and "free", "free", "free"), "y": over("y", row(0))}
    assert answer(tmp_path, case, case, free).rule in ("head", "affine")
    back = {"p": {"rows": [row(0), "free", row(1)]}}
    assert (
        answer(tmp_path, case, case, {"p": over("p", row(0), "free", row(1)), "y": over("y", row(0))}, back).rule
        == "head"
    )


def test_elements_and_images(tmp_path):
    """Images taken apart and put together: the same forms in both networks, and equal constants are one."""
    parts = [image("x", "i", 2, 2), relu("i", "h", 2), reorder("h", "f", [1, 0], [4]), scale("f", "g", 1, 2, 3, 4)]
    whole = net(*parts, image("g", "j", 2, 2), reorder("j", "y", None, [4]), x=4)
    accepted(tmp_path, whole, whole, {"h": identity("h", 2)})
    swapped = net(
        *parts[:2], reorder("h", "f", None, [4]), parts[3], image("g", "j", 2, 2), reorder("j", "y", None, [4]), x=4
    )
    refused(tmp_path, "output", whole, swapped, {"h": identity("h", 2)})
    for constant_, verdict_ in (([1, 1], "equivalent"), ([1, 2], "rejected")):
        original = net(scale("x", "z", 0, 0), shift("z", "c", *constant_), image("c", "y", 1, 2), x=2)
        reduced = net(image("x", "i", 1, 2), scale("i", "z", 0), shift("z", "y", 1), x=2)
        assert answer(tmp_path, original, reduced, {}).verdict == verdict_


def test_outputs_have_their_channels_in_one_order(tmp_path):
    first = net(image("x", "i", 2, 3), relu("i", "y", 2), x=6)
    last = net({**reorder("x", "i", [0], [3, 2]), "channel": 1}, relu("i", "y", 2), x=6)
    refused(tmp_path, "affine", first, last, {"y": identity("y", 2)})
    turned = net(image("x", "i", 2, 3), relu("i", "h", 2), {**reorder("h", "y", [1, 0], [3, 2]), "channel": 1}, x=6)
    refused(tmp_path, "output", first, turned, {"y": over("h", row(0), row(1))})
    accepted(tmp_path, turned, turned, {"h": identity("h", 2)})


def test_a_relation_is_between_images_of_one_size(tmp_path):
    """A constant image has the same form whatever its size; its taps are not the same."""
    small = net(image("x", "i", 1, 2), scale("i", "z", 0), relu("z", "h", 1), reorder("h", "y", None, [2]), x=2)
    wide = window((2,), 1, 0, 1)
    large = net(
        image("x", "i", 1, 2),
        windowed("pad", "i", "j", wide),
        scale("j", "z", 0),
        relu("z", "h", 1),
        windowed("pad", "h", "k", window((3,), 1, target=(2,))),
        reorder("k", "y", None, [2]),
        x=2,
    )
    refused(tmp_path, "over", large, small, {"h": over("h", row(0))})
    accepted(tmp_path, large, small, {"h": over(None, None)}, {"h": {"rows": [None]}})


def test_selected_channels(tmp_path):
    original = net(
        image("x", "i", 2, 2),
        relu("i", "h", 2),
        select("s", ["h", "i"], [[0, 1], [1, 0], [0, 1]], [3, 2]),
        relu("s", "g", 3),
        reorder("g", "y", None, [6]),
        x=4,
    )
    reduced = net(
        image("x", "i", 2, 2),
        relu("i", "h", 2),
        select("s", ["h", "i"], [[0, 1], [1, 0]], [2, 2]),
        relu("s", "g", 2),
        select("k", ["g"], [[0, 0], [0, 1], [0, 0]], [3, 2]),
        reorder("k", "y", None, [6]),
        x=4,
    )
    relations = {"h": identity("h", 2), "g": over("g", row(0), row(1), row(0))}
    accepted(tmp_path, original, reduced, relations)
    refused(tmp_path, "affine", original, reduced, {**relations, "g": over("g", row(0), row(1), row(1))})


def test_free_images(tmp_path):
    """An unknown image may be cancelled, but not after another operator."""
    taken = [windowed("pad", "h", "k", window(GRID, 1, 1, 0, target=(4,)))]
    nodes = [image("x", "i", 1, 4), act("i", "h", "tanh")]
    zero = net(dense("x", "y", [[0] * 4] * 4), x=4)
    for last, expected in (("h", "equivalent"), ("k", "rejected")):
        original = net(*nodes, *taken, add("s", "h", last, signs=["1", "-1"]), reorder("s", "y", None, [4]), x=4)
        assert answer(tmp_path, original, zero, {"h": over(None, "free")}).verdict == expected
    scaled = net(
        *nodes,
        select("d", ["h", "h"], [[0, 0], [1, 0]], [2, 4]),
        convolution("d", "t", [[[1], [-1]]], window(GRID, 1)),
        reorder("t", "y", None, [4]),
        x=4,
    )
    accepted(tmp_path, scaled, zero, {"h": over(None, "free")})


# --- Functions ----------------------------------------------------------------------------------------


def hidden(name, weights, outgoing):
    """A hidden layer with a function."""
    first, last = dense("x", "p", [[w] for w in weights]), dense("h", "y", [outgoing])
    return net(first, act("p", "h", *[name] * len(weights)), last)


def test_signs_take_any_size(tmp_path):
    """sign: any c to its sign; bipolar_sign: any c > 0 to 1, and no c < 0."""
    for name, ratio, weight, expected in (
        ("sign", 1, 3, "equivalent"),
        ("sign", -1, -5, "equivalent"),
        ("sign", 1, -5, "rejected"),
        ("sign", 3, 3, "rejected"),
        ("bipolar_sign", 1, "7/2", "equivalent"),
        ("bipolar_sign", -1, -1, "rejected"),
        ("bipolar_sign", 1, -1, "rejected"),
        ("bipolar_sign", 1, 0, "rejected"),
        ("cos", 1, -1, "equivalent"),
        ("cos", -1, -1, "rejected"),
        ("sin", -1, -1, "equivalent"),
        ("sin", 1, -1, "rejected"),
        ("round", -1, -1, "equivalent"),
        ("round", 2, 2, "rejected"),
        ("sigmoid", 2, 2, "rejected"),
    ):
        original, reduced = hidden(name, [1, weight], [3, 4]), hidden(name, [1], [3 + 4 * ratio])
        assert answer(tmp_path, original, reduced, {"h": over("h", row(0), row(0, ratio))}).verdict == expected, name


# --- Batch normalisation ------------------------------------------------------------------------------


def normalised(gamma, variance, epsilon=0.0, dtype="float32"):
    """A batch normalisation of a vector, with the mean 3 and the shift 5."""
    given = {"g": gamma, "b": [5] * len(gamma), "m": [3] * len(gamma), "v": variance}
    arrays = {name: np.array(values, dtype) for name, values in given.items()}
    last = node("BatchNormalization", "x g b m v", "y", epsilon=epsilon)
    return model([last], {"x": ["n", len(gamma)]}, {"y": None}, arrays, dtype=dtype, opset=15)


def slope(network, v):
    """What the last node but one multiplies by, and what it adds."""
    return network.nodes["y scaled"].step(v)[1], network.nodes["y"].step(v)[2]


@pytest.mark.parametrize(("words", "digits", "dtype"), [(0, 24, "float32"), (1, 53, "float32"), (1, 53, "float64")])
def test_scales_are_the_nearest_floats(words, digits, dtype, tmp_path):
    """By definition: no other float is nearer to gamma / sqrt(var), which is compared by its square."""
    rng = np.random.default_rng(11)
    gamma = (rng.standard_normal(300) * 2.0 ** rng.integers(-20, 20, 300)).astype(dtype)
    variance = np.exp2(rng.integers(-30, 30, 300) + rng.random(300)).astype(dtype)
    proto = normalised(gamma, variance, dtype=dtype)
    network = read(save(tmp_path / "m.onnx", proto), specification=[FLOAT32, FLOAT64][words])
    for v, (g, s) in enumerate(zip(gamma.tolist(), variance.tolist(), strict=True)):
        found, rest = slope(network, v)
        square, size = Fraction(g) ** 2 / Fraction(s), abs(found)
        step = Fraction(2) ** (size.numerator.bit_length() - size.denominator.bit_length() - digits + 1)
        if size / step >= 1 << digits:
            step *= 2
        if size / step < 1 << (digits - 1):
            step /= 2
        assert (size / step).denominator == 1
        assert (size - step / 2) ** 2 <= square <= (size + step / 2) ** 2
        assert (found > 0) == (g > 0)
        assert rest == 5
        assert network.nodes["y centred"].step(v)[2] == -3


def test_ties_go_to_even_and_exact_roots_are_exact():
    for digits in (24, 53):
        for n in ((1 << digits) - 1, (1 << digits) - 3, (1 << (digits - 1)) + 1, (1 << (digits - 1)) + 2):
            assert check.nearest_root(Fraction(n * n, 49**2) * 49**2, digits) == n
            assert check.nearest_root(Fraction(n * n, 4**99), digits) == Fraction(n, 2**99)
            tie = Fraction(2 * n + 1, 2)
            assert check.nearest_root(tie * tie, digits) in (n + n % 2, n + 1 if n % 2 else n)
            assert check.nearest_root(tie * tie + Fraction(1, 1 << 300), digits) == n + 1
            assert check.nearest_root(tie * tie - Fraction(1, 1 << 300), digits) == n


def test_the_specification_says_how_batch_normalisation_is_read(tmp_path):
    path = save(tmp_path / "m.onnx", normalised([1, 2, 0], [2, 8, 3]))
    for words in ("as stored", "raw nnet"):
        found = verdict(path, path, {}, specification=words)
        assert (found.verdict, found.rule) == ("rejected", "claim")
    assert verdict(path, path, {}, specification=FLOAT32).verdict == "equivalent"
    assert verdict(path, path, {}, specification=FLOAT64).verdict == "equivalent"
    assert verdict(path, path, {}, specification=EXACT).rule == "relation"
    relations = {"y rooted": identity("y rooted", 3)}
    assert verdict(path, path, relations, specification=EXACT).verdict == "equivalent"
    assert verdict(path, path, relations, specification=FLOAT32).rule == "relation"
    plain = save(tmp_path / "plain.onnx", one("Relu", ["n", 3]))
    for words in (FLOAT32, FLOAT64, EXACT):
        found = verdict(plain, plain, {"y": identity("y", 3)}, specification=words)
        assert (found.verdict, found.rule) == ("rejected", "claim")


def test_a_scale_is_a_normal_number(tmp_path):
    for gamma, variance, dtype in (
        (2.0**-126, 4, "float32"),
        (2.0**127, 2.0**-60, "float32"),
        (1e-300, 1e300, "float64"),
    ):
        path = save(tmp_path / "m.onnx", normalised([gamma], [variance], dtype=dtype))
        assert [given.name for given in read(path, specification=FLOAT32).given] == ["ai.onnx:BatchNormalization"]
    with pytest.raises(check.Stop, match="positive"):
        read(save(tmp_path / "m.onnx", normalised([1], [0])), specification=FLOAT32)
    proto = normalised([1], [1])
    proto.graph.node[0].attribute.append(helper.make_attribute("training_mode", 1))
    path = save(tmp_path / "m.onnx", proto)
    with pytest.raises(check.Stop, match="in training"):
        read(path, specification=FLOAT32)


def test_surds_are_compared_by_their_squarefree_parts(tmp_path):
    """1/sqrt(8) and 3/sqrt(2) are proportional, 1/sqrt(2) and 1/sqrt(3) are not."""
    network = read(save(tmp_path / "m.onnx", normalised([1, 3, 1, -5, 0], [8, 2, 3, 4, 7])), specification=EXACT)
    surd = ("surd", (Fraction(2),))
    functions = [network.nodes["y rooted"].function(v) for v in range(5)]
    assert functions == [surd, surd, ("surd", (Fraction(3),)), check.IDENTITY, check.IDENTITY]
    factors = [network.nodes["y scaled"].step(v)[1] for v in range(5)]
    assert factors == [Fraction(1, 4), Fraction(3, 2), Fraction(1, 3), Fraction(-5, 2), 0]
    for n in [*range(1, 500), 2**31 - 1, (2**31 - 1) ** 2, 2**40 * 3**5 * 1000003, 1000003 * 999983]:
        s, d, _ = check.squarefree(n, check.MAX_TRIALS)
        assert s * s * d == n
        assert all(d % (p * p) for p in range(2, 1001))
        assert math.isqrt(d) ** 2 != d or d == 1


# --- Hostile input ------------------------------------------------------------------------------------

HUGE = 10**15


def stops(tmp_path, network, relations=None, seconds=20):
    """The verdict on a small file and itself, which comes soon."""
    path = tmp_path / "m.json"
    path.write_text(json.dumps(network))
    start = time.process_time()
    found = verdict(path, path, relations or {})
    assert time.process_time() - start < seconds, found.reason
    return found.verdict


MANY = 1 << 24
WHOLE = {
    "source": [MANY],
    "target": [1],
    "kernel": [MANY],
    "stride": [1],
    "dilation": [1],
    "begin": [0],
    "end": [0],
    "transposed": False,
}
CLAIMS = {
    "put together": (net(image("x", "y", 1, MANY), x=MANY), {}),
    "a mean": (
        net(image("x", "i", 1, MANY), windowed("average_pool", "i", "y", WHOLE, padding=False), x=MANY),
        {"i": identity("i", 1)},
    ),
    "taken apart": (
        net(
            image("x", "i", 1, MANY),
            windowed("pad", "i", "j", window((MANY,), 1, 0, 1, target=(MANY - 1,))),
            relu("j", "h", 1),
            reorder("h", "y", None, [MANY - 1]),
            x=MANY,
        ),
        {"i": over(None, "free"), "h": over(None, "free")},
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", CLAIMS)
def test_small_files_that_claim_much_are_answered_soon(name, tmp_path):
    assert stops(tmp_path, *CLAIMS[name]) == "unknown"


@pytest.mark.slow
def test_small_files_that_claim_much_take_little_memory(tmp_path):
    tracemalloc.start()
    assert stops(tmp_path, *CLAIMS["put together"], seconds=200) == "unknown"
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 30


def test_windows_of_any_size_cost_nothing(tmp_path):
    over_ = {
        "source": [4],
        "target": [4],
        "kernel": [HUGE],
        "stride": [HUGE],
        "dilation": [HUGE],
        "begin": [HUGE],
        "end": [HUGE],
    }
    over_["transposed"] = False
    sparse = {
        **dense("i", "p", [[0]]),
        "op": "conv",
        "window": over_,
        "columns": HUGE,
        "rows": [[[0, "1"], [HUGE - 1, "1"]]],
    }
    case = net(image("x", "i", 1, 4), sparse, reorder("p", "y", None, [4]), x=4)
    assert stops(tmp_path, case, seconds=2) == "equivalent"
    for op, rest in (("average_pool", {"padding": True}), ("max_pool", {})):
        assert (
            stops(tmp_path, net(image("x", "i", 1, 4), windowed(op, "i", "y", over_, **rest), x=4), seconds=2)
            == "unsupported"
        )
    wide = {**over_, "stride": [1], "dilation": [1], "begin": [0], "target": [1]}
    assert (
        stops(
            tmp_path, net(image("x", "i", 1, 4), windowed("average_pool", "i", "y", wide, padding=True), x=4), seconds=2
        )
        == "unsupported"
    )


@pytest.mark.slow
def test_lifts_of_lifts_are_budgeted(tmp_path):
    """Padded convolutions in a row, none of them anchored: the number of lifted atoms grows with a power."""
    grid = window((4, 4), 3, 1, 1)
    rows = [[[u * 9 + t, "1"] for u in range(4) for t in range(9)]] * 4
    nodes = [image("x", "i", 4, 4, 4)]
    for k in range(8):
        made = {"op": "conv", "source": f"c{k - 1}" if k else "i", "target": f"c{k}", "columns": 36, "rows": rows}
        nodes.append({**made, "bias": ["0"] * 4, "window": grid})
    assert stops(tmp_path, net(*nodes, reorder("c7", "y", None, [64]), x=64), seconds=30) == "unknown"


KINDS_REFUSED = {
    "Quant of integers": (
        graph(
            node("Quant", "w s z b", "q", domain="onnx.brevitas"),
            node("Cast", "q", "c", to=1),
            node("Mul", "x c", "y"),
            x=["n", 3],
            w=integers(1, 2, 3),
            s=np.float32(0.3),
            z=np.float32(0),
            b=np.float32(3),
        ),
        "element type 7",
    ),
    "Neg of unsigned integers": (
        graph(
            node("Neg", "w", "v"), node("Cast", "v", "c", to=1), node("Mul", "x c", "y"), x=["n", 1], w=np.uint8([1])
        ),
        "element type 2",
    ),
    "Div of integers": (
        graph(node("Div", "w v", "q"), node("Reshape", "x q", "y"), x=["n", 3], w=integers(6, 3), v=integers(4, 1)),
        "element type 7",
    ),
    "sizes that are no vector": (
        graph(node("Reshape", "x s", "y"), x=["n", 3], s=integers([1, 3])),
        "shape [1, 2]",
    ),
    "a short list of strides": (conv(strides=[1]), "window"),
    "an input that is an attribute in later opsets": (
        graph(node("Clip", "x a", "y"), x=["n", 3], opset=9, a=np.float32(0)),
        "2 inputs",
    ),
}


@pytest.mark.parametrize("name", KINDS_REFUSED)
def test_types_and_places_of_inputs(name, tmp_path):
    proto, part = KINDS_REFUSED[name]
    if name == "Div of integers":
        assert not read(save(tmp_path / "m.onnx", proto)).given
        return
    if name == "a short list of strides":
        assert [given.name for given in read(save(tmp_path / "m.onnx", proto)).given] == ["ai.onnx:Conv"]
        return
    with pytest.raises(check.Stop, match=re.escape(part)):
        read(save(tmp_path / "m.onnx", proto))


def _argmaxes(*last):
    """Two indices side by side, and what is made of them."""
    first = (
        node("ArgMax", "x", "p", axis=1),
        node("ArgMax", "z", "q", axis=1),
        node("Concat", "p q", "r", axis=1),
        node("Reshape", "r s", "t"),
    )
    made = graph(*first, *last, s=integers(0, 1, 2))
    made.graph.input[0].CopyFrom(port("x", ["n", 2]))
    made.graph.input.append(port("z", ["n", 2]))
    return made


# What ONNX or its runtimes read otherwise than one might, so that both readers refuse it
OTHERWISE = {
    "the mean of integers": _argmaxes(node("ReduceMean", "t", "m", axes=[2], keepdims=0), node("Cast", "m", "y", to=1)),
    "parts without a name": graph(
        helper.make_node("Split", ["x"], ["a", "b", ""], axis=1),
        node("Concat", "a b", "y", axis=1),
        x=["n", 6],
        opset=11,
    ),
    "statistics without a name": graph(
        helper.make_node("BatchNormalization", ["x", "o", "z", "z", "o"], ["y", "", "", "", ""]),
        x=["n", 2],
        o=np.float32([1, 1]),
        z=np.float32([0, 0]),
    ),
    "a truth value that is 2": one("MaxPool", kernel_shape=[2, 2], strides=[2, 2], ceil_mode=2),
    "axes to keep that are 2": graph(node("ReduceMean", "x", "y", axes=[2, 3], keepdims=2)),
    "no axes to squeeze": graph(node("Squeeze", "x a", "y"), x=["n", 1, 3], a=integers()),
    "one signed bit": graph(
        node("Quant", "x s z b", "y", domain="onnx.brevitas"),
        x=["n", 3],
        s=np.float32(1),
        z=np.float32(0),
        b=np.float32(1),
    ),
    "SAME and a kernel shorter than the stride": one(
        "AveragePool", kernel_shape=[1, 1], strides=[3, 3], auto_pad="SAME_UPPER"
    ),
    "SAME and dilations": one("MaxPool", kernel_shape=[2, 2], dilations=[2, 2], auto_pad="SAME_LOWER"),
    "a truth value in a byte that is 2": graph(
        node("Cast", "c", "d", to=1), node("Mul", "x d", "y"), x=["n", 3], c=np.array([True, False, True])
    ),
}
OTHERWISE["a truth value in a byte that is 2"].graph.initializer[0].raw_data = b"\x02\x00\x01"


# Whatever the operator makes of it, it is a function: opaque
OPAQUE = {"the mean of integers", "parts without a name", "a truth value that is 2", "axes to keep that are 2"}
OPAQUE |= {"one signed bit", "no axes to squeeze", "SAME and a kernel shorter than the stride", "SAME and dilations"}


@pytest.mark.parametrize("name", OTHERWISE)
def test_what_is_read_in_several_ways_is_not_read_in_one(name, tmp_path):
    path = save(tmp_path / "m.onnx", OTHERWISE[name])
    if name in OPAQUE:
        assert read(path).given
        return
    with pytest.raises(check.Stop):
        read(path)
    with pytest.raises((FormatError, UnsupportedLayer)):
        formats.read(path)


def test_a_dimension_that_is_a_number_and_a_symbol_is_refused(tmp_path):
    """Of two members of a oneof the last one counts, and only some readers see the first."""
    made = graph(node("Relu", "x", "y"), x=[2, 3])
    entry = made.graph.input[0].type.tensor_type.shape.dim[0]
    both = entry.SerializeToString() + type(entry)(dim_param="N").SerializeToString()
    assert type(entry).FromString(both).WhichOneof("value") == "dim_param"
    entry.ClearField("value")
    entry.denotation = "D" * (len(both) - 2)  # a field of the same length, to be replaced by both
    words = made.SerializeToString()
    assert words.count(entry.SerializeToString()) == 1
    path = save(tmp_path / "m.onnx", words.replace(entry.SerializeToString(), both))
    assert load_model(path).graph.input[0].type.tensor_type.shape.dim[0].dim_param == "N"
    with pytest.raises(check.Stop, match="a number and a symbol"):
        read(path)


def test_roots_of_float64_are_not_rounded_to_float32(tmp_path):
    """The certificate names the rounding, and cancellation would make any error of it."""
    nodes = [node("Sqrt", "c", "r"), node("Mul", "x r", "y")]
    made = model(nodes, {"x": ["n", 1]}, {"y": None}, [numpy_helper.from_array(np.array([2.0]), "c")], dtype="float64")
    path = save(tmp_path / "m.onnx", made)
    coarse, fine = ("batch normalisation folded, scales in float" + bits for bits in ("32", "64"))
    assert check.read_network(str(path), fine, check.MAX_UNPACKED).rooted
    assert [given.name for given in check.read_network(str(path), coarse, check.MAX_UNPACKED).given] == [
        "ai.onnx:Sqrt",
        "ai.onnx:Mul",
    ]
    assert [node.call.operator for node in formats.read(path, batchnorm="float32").opaque] == [
        "ai.onnx:Sqrt",
        "ai.onnx:Mul",
    ]


def test_constants_do_not_grow_without_bound(tmp_path):
    wide = graph(
        node("ConstantOfShape", "s", "c"),
        node("Add", "c c", "d"),
        node("Mul", "x d", "y"),
        x=["n", 1],
        s=integers(1 << 22, 4),
    )
    with pytest.raises(check.Stop, match="stored"):
        read(save(tmp_path / "m.onnx", wide))
    outer = graph(
        node("Add", "a b", "c"),
        node("MatMul", "x c", "y"),
        x=["n", 4096],
        a=np.zeros((4096, 1), np.float32),
        b=np.zeros((1, 4096), np.float32),
    )
    with pytest.raises(check.Stop, match="stored"):
        read(save(tmp_path / "m.onnx", outer))


def test_changed_bytes_never_crash_the_checker(tmp_path, capsys):
    """Every model of this file, with a few bytes changed and hashes made anew: an answer, never 5, and no false yes."""
    rng = random.Random(5)
    codes = set()
    for name, proto in READABLE.items():
        data = proto.SerializeToString()
        good = save(tmp_path / "good.onnx", data)
        network = read(good, specification=specification(name))
        relations = {t: identity(t, network.units[t]) for t, n in network.nodes.items() if n.kind != "affine"}
        for _ in range(12):
            mutant = bytearray(data)
            for _ in range(rng.choice([1, 1, 2, 3])):
                at = rng.randrange(len(mutant))
                mutant[at : at + rng.choice([0, 1, 1, 1, 4])] = rng.randbytes(rng.choice([0, 1, 1, 2]))
            path, witness = save(tmp_path / "mutant.onnx", bytes(mutant)), tmp_path / "certificate.json"
            rehash(path, good, relations, witness)
            words = json.loads(witness.read_text())
            words["claim"]["specification"] = specification(name)
            witness.write_text(json.dumps(words))
            codes.add(code := check.main([str(path), str(good), str(witness)]))
            assert code in (0, 1, 2, 3, 4), (name, capsys.readouterr().err)
            capsys.readouterr()
            if code == 0:
                assert agree(read(path, specification=specification(name)), network, 1), name
    assert codes >= {0, 1, 2, 4}


# --- Agreement with the package's own reader and tables ------------------------------------------------


def same_values(network, other, seed):
    """Whether two readings of one file have the same value at a point; None where that is not rational."""
    rng = random.Random(seed)
    x = [[Fraction(rng.randint(-40, 40), 16) for _ in range(n)] for n in network.sizes("inputs")]
    try:
        found = other.evaluate(*[[rational(y.numerator, y.denominator) for y in part] for part in x])
    except NoExactValue:
        return None
    return evaluate(network, *x) == [[Fraction(*map(int, fraction(y))) for y in part] for part in found]


APART = {  # read by the checker alone, or with other names of what lies between
    *("ArgMax", "ArgMax, axis dropped", "Cast", "Cast in the newest opset", "weights in every detour"),
    *("an operator of the domain ai.onnx", "arithmetic of constants"),
}


@pytest.mark.parametrize("name", sorted({*READABLE, *DENSE} - APART))
def test_both_readers_agree(name, tmp_path):
    """The same tensors in the same order with the same units, and the same exact values."""
    proto = (READABLE | DENSE)[name]
    mine = read(save(tmp_path / "m.onnx", proto), specification=specification(name))
    theirs = package.parse(proto, tmp_path)
    assert theirs.specification == specification(name)
    for t, view in theirs.views.items():
        assert (mine.views[t].dims, mine.views[t].channel) == (view.shape, view.channel), t
    assert [t for t in mine.views if t in theirs.views] == list(theirs.views)
    for seed in range(3):
        assert same_values(mine, theirs, seed) in (True, None)


PARAMETERS = {
    0: [()],
    1: [(0,), (1,), (-1,), ("1/3",), (2,), (4,), (12,)],
    2: [(-1, 1), (0, 6), ("1/2", "3/4")],
    4: [("1/2", 1, -3, 4), (2, 0, -1, 1)],
}


def test_both_tables_of_functions_agree():
    """Names, numbers of parameters, scalings, and values where they are known to be rational."""
    names = {*check.FUNCTIONS} - {"max_pool", *check.HEADS}
    assert names == {*KINDS}
    numbers = [Fraction(n, 8) for n in (-80, -48, -20, -8, -4, -1, 0, 1, 4, 8, 12, 20, 48, 80)]
    for name in names:
        assert check.FUNCTIONS[name][0] == len(KINDS[name].parameters)
        for words in PARAMETERS[check.FUNCTIONS[name][0]]:
            values = [Fraction(word) for word in words]
            try:
                theirs = Activation(name, tuple(rational(y.numerator, y.denominator) for y in values))
            except ShapeError:
                with pytest.raises(check.Stop):
                    check.function_of(name, *values)
                continue
            mine = check.function_of(name, *values)
            for y in numbers:
                agree_at(mine, theirs, y)


def agree_at(mine, theirs, y):
    """Whether two functions have the same value at y, and the same ratio for the scaling y."""
    number = rational(y.numerator, y.denominator)
    try:
        value = theirs(number)
    except NoExactValue:
        value = None
    found = check.value_at(mine, y)
    assert (None if found is None else rational(found.numerator, found.denominator)) == value, (mine, y)
    if y:
        h = theirs.scaling(number)
        out = check.comes_out(check.symmetry(mine), y)
        assert (None if out is None else rational(out.numerator, out.denominator)) == h, (mine, y)
        assert h is None or theirs.is_scale_free or y in check.taken_to(mine, out)


# --- Mutants ------------------------------------------------------------------------------------------

SMALL = window((2,), 2)
TRUE = {
    "convolutions": (TWO, MERGED, TWICE),
    "a sum": (branches([K, DOUBLE], [NEXT, [2, -2, 4]], False),) * 2
    + ({t: identity(t, 2) for t in ("ha", "hb", "s")},),
    "a filter a channel": (depthwise(NEXT, NEXT), depthwise(NEXT, NEXT), {t: identity(t, 2) for t in "hg"}),
    "pools": (
        net(
            image("x", "i", 2, 2),
            windowed("max_pool", "i", "h", SMALL),
            windowed("average_pool", "i", "a", window((2,), 2, 0, 1), padding=True),
            windowed("pad", "h", "k", window((1,), 1, 1, 0)),
            add("s", "a", "k", signs=["1", "-1"]),
            shift("s", "t", 1, 1),
            reorder("t", "f", [1, 0], [4]),
            dense("f", "y", [[1, 2, 0, -1]]),
            x=4,
        ),
    )
    * 2
    + ({"h": identity("h", 2)},),
    "parts": (
        net(
            image("x", "i", 2, 2),
            act("i", "h", 0, "sign"),
            select("s", ["h", "i"], [[0, 1], [1, 0]], [2, 2]),
            reorder("s", "f", None, [4]),
            scale("f", "g", 1, 1, 2, 2),
            image("g", "j", 2, 2),
            convolution("j", "c", [[[1, 1], [1, 0]]], window((2,), 2, 1, 0)),
            reorder("c", "y", None, [2]),
            x=4,
        ),
    )
    * 2
    + ({"h": identity("h", 2)},),
}


@pytest.mark.parametrize("name", TRUE)
def test_accepted_mutants_are_true(name, tmp_path):
    """Networks and relations changed at random: what is accepted has equal values at random points."""
    rng = random.Random(name)
    yes = 0
    assert answer(tmp_path, *TRUE[name]).verdict == "equivalent"
    for _ in range(200):
        original, reduced, relations = copy.deepcopy(TRUE[name])
        words = {"original": relations, "reduced": {}}
        for _ in range(rng.choice([1, 1, 2, 3])):
            mutate(rng, rng.choice([original["nodes"], reduced["nodes"], words["original"]]))
        if rng.random() < 0.3:  # the same change in both
            reduced = copy.deepcopy(original)
        for file, value in zip(FILES, (original, reduced), strict=False):
            (tmp_path / file).write_text(text(value))
        if verdict(tmp_path / FILES[0], tmp_path / FILES[1], words["original"]).verdict == "equivalent":
            yes += 1
            assert agree(read(tmp_path / FILES[0]), read(tmp_path / FILES[1]), rng.random()), (original, reduced, words)
    assert 0 < yes < 200
