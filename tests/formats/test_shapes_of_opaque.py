# SPDX-License-Identifier: Apache-2.0
"""This file is about the shapes of what opaque operators make, as the engine, the checker and a runtime say them.

What the engine says of a shape the checker must say too, and both must be right whatever the sizes of the inputs are.
"""

import numpy as np
import pytest

from exactlump import check
from exactlump.certificates.assumptions import _shape
from exactlump.formats import read
from exactlump.formats.onnx import results
from exactlump.network.kinds import Opaque
from exactlump.network.sizes import Unknown
from tests.checker.test_check_opaque import graph, node
from tests.tools import save

SIZES = {"N": 2, "C": 6, "H": 9, "W": 8, "T": 7}
IMAGE, WEIGHT = ["N", 6, "H", 8], [4, 3, 3, 2]
A, F = np.array, np.float32


def made(op, sources, inputs, outputs="y", constants=None, before=(), opset=17, **attributes):
    nodes = [*before, node(op, sources, outputs, **attributes)]
    names = dict.fromkeys(outputs.replace("-", "").split())
    return graph(nodes, inputs, names, constants or {}, opset=opset)


# Two computed inputs, or attributes that no rule reads: the last node is opaque in each of these.
MADE = {
    "a convolution with computed weights": made("Conv", "x w", {"x": IMAGE, "w": [4, 6, 3, 2]}, pads=[1, 0, 0, 1]),
    "strides and dilations": made(
        "Conv", "x w", {"x": [1, 6, 9, 8], "w": WEIGHT}, group=2, strides=[2, 1], dilations=[2, 2]
    ),
    "as many as before": made(
        "Conv", "x w", {"x": [1, 6, 9, 8], "w": WEIGHT}, group=2, strides=[2, 3], auto_pad="SAME_LOWER"
    ),
    "only inside": made("Conv", "x w", {"x": [1, 6, 9, "W"], "w": WEIGHT}, group=2, strides=[2, 3], auto_pad="VALID"),
    "unknown sizes in steps": made(
        "MaxPool", "x", {"x": IMAGE}, kernel_shape=[2, 2], strides=[2, 2], auto_pad="SAME_UPPER"
    ),
    "spread": made(
        "ConvTranspose",
        "x w",
        {"x": [1, 6, 9, "W"], "w": [6, 2, 3, 2]},
        group=2,
        strides=[2, 2],
        pads=[1, 0, 0, 1],
        output_padding=[1, 0],
    ),
    "a pool rounded up": made("AveragePool", "x", {"x": IMAGE}, kernel_shape=[2, 3], strides=[2, 2], ceil_mode=1),
    "a pool and its places": made("MaxPool", "x", {"x": IMAGE}, "y z", kernel_shape=[2, 3], storage_order=1),
    "a pool of powers": made("LpPool", "x", {"x": [1, 6, 9, 8]}, kernel_shape=[2, 3], strides=[3, 1]),
    "a pool of all powers": made("GlobalLpPool", "x", {"x": IMAGE}),
    "mirrored": made("Pad", "x p", {"x": IMAGE}, constants={"p": A([0, 0, 1, 2, 0, 0, 0, 1])}, mode="reflect"),
    "mirrored along some axes": made(
        "Pad", "x p - a", {"x": IMAGE}, constants={"p": A([1, 2]), "a": A([-1])}, opset=18, mode="edge"
    ),
    "resized by whole numbers": made("Resize", "x - s", {"x": IMAGE}, constants={"s": F([1, 1, 2, 3])}, mode="nearest"),
    "resized by others": made("Resize", "x - s", {"x": IMAGE}, constants={"s": F([1, 1, 1.5, 2])}, mode="nearest"),
    "resized to sizes": made(
        "Resize", "x - - s", {"x": ["N", 6, 9, 8]}, constants={"s": A([2, 6, 5, 5])}, mode="nearest"
    ),
    "blocks": made("DepthToSpace", "x", {"x": ["N", 8, "H", 4]}, blocksize=2),
    "a slice of some positions": made(
        "Slice", "x s e a", {"x": IMAGE}, constants={"s": A([1, -5]), "e": A([100, -1]), "a": A([2, 3])}
    ),
    "backwards": made(
        "Slice", "x s e a t", {"x": IMAGE}, constants={"s": A([-1]), "e": A([-100]), "a": A([2]), "t": A([-2])}
    ),
    "parts of positions": made("Split", "x", {"x": [4, "H"]}, "y z", axis=0),
    "parts of two sizes": made("Split", "x p", {"x": ["T", 3]}, "y z", constants={"p": A([3, 4])}, axis=0),
    "the largest": made("TopK", "x k", {"x": ["N", "T"]}, "y z", constants={"k": A([3])}),
    "joined positions": made("Concat", "x w", {"x": ["N", "H", 3], "w": ["N", "T", 3]}, axis=1),
    "products": made("MatMul", "x w", {"x": [1, "H", 3], "w": ["N", 3, "T"]}),
    "a product with a bias": made("Gemm", "x w", {"x": [3, "H"], "w": ["T", 3]}, transA=1, transB=1),
    "sums of several shapes": made("Add", "x w", {"x": ["N", 1, "T"], "w": [5, "T"]}),
    "sums of numbers and symbols": made("Mul", "x w", {"x": ["N", 6, "H", 1], "w": ["N", 6, 1, 8]}),
    "an LSTM": made("LSTM", "x w r", {"x": ["T", "N", 3], "w": [1, 8, 3], "r": [1, 8, 2]}, "y h c", hidden_size=2),
    "a GRU of two directions": made(
        "GRU",
        "x w r",
        {"x": ["T", "N", 3], "w": [2, 6, 3], "r": [2, 6, 2]},
        "- h",
        hidden_size=2,
        direction="bidirectional",
    ),
    "a reduction": made("ReduceMax", "x", {"x": IMAGE}, axes=[1, 3], keepdims=0),
    "a reduction of all": made("ReduceSum", "x", {"x": IMAGE}),
    "where the largest is": made("ArgMax", "x", {"x": IMAGE}, axis=2, keepdims=0),
    "transposed elements": made("Transpose", "x", {"x": ["N", 2, 3]}, perm=[1, 0, 2]),
    "channels apart": made(
        "Reshape",
        "c s",
        {"x": ["N", 6, "T"]},
        constants={"s": A([0, 2, 2, -1]), "k": np.ones((4, 6, 1), F)},
        before=[node("Conv", "x k", "c")],
    ),
    "channels and images in rows": made(
        "Flatten",
        "c",
        {"x": ["N", 6, "T"]},
        constants={"k": np.ones((4, 6, 1), F)},
        before=[node("Conv", "x k", "c")],
        axis=2,
    ),
    "an axis before the batch": made("Unsqueeze", "x a", {"x": ["N", 2, 3]}, constants={"a": A([0, -1])}),
    "repeated": made("Tile", "x r", {"x": ["N", 2, 3]}, constants={"r": A([1, 2, 3])}),
    "made larger": made("Expand", "x s", {"x": ["N", 1, 3]}, constants={"s": A([4, 1])}),
    "as large as another": made("Expand", "w s", {"x": ["N", "T"], "w": ["N", 1]}, before=[node("Shape", "x", "s")]),
    "positions that are not zero": made("NonZero", "x", {"x": ["N", 3]}),
    "chosen": made("Gather", "x i", {"x": ["N", 4, 3], "i": ["T", 2]}, before=[], axis=1),
    "backwards in time": made("ReverseSequence", "x l", {"x": ["T", 2, 3]}, constants={"l": A([3, 2])}),
    "integers and their scale": made("DynamicQuantizeLinear", "x", {"x": ["N", 3]}, "y s z"),
}
INTEGERS = {"i"}


def of_engine(path):
    network = read(path)
    return {n.target: n.call.outputs[n.output] for n in network.nodes if isinstance(n, Opaque)}


def of_checker(path):
    network = check.read_network(str(path), "as stored", check.MAX_UNPACKED)
    kinds = {
        name: kind for given in network.given for name, kind in zip(given.outputs.values(), given.types, strict=False)
    }
    return {name: (kind, check.shape_words(network.views[name])) for name, kind in kinds.items()}


def at(shape):
    """A shape where symbols have the sizes above; None for sizes that are not said."""
    if shape is None:
        return None
    return [n if isinstance(n, int) else value(n) for n in shape]


def value(size: Unknown):
    if any(name not in SIZES for name in size.names):
        return None
    return int(size.factor * np.prod([SIZES[name] for name in size.names]))


def differences(path, model):
    """What the three say differently of the outputs of the last node."""
    runtime = pytest.importorskip("onnxruntime")
    options = runtime.SessionOptions()
    options.log_severity_level = 4
    session = runtime.InferenceSession(str(path), options)
    rng, feed = np.random.default_rng(3), {}
    for port in model.graph.input:
        dims = [d.dim_value or SIZES[d.dim_param] for d in port.type.tensor_type.shape.dim]
        feed[port.name] = (
            rng.integers(0, 3, dims) if port.name in INTEGERS else rng.normal(size=dims).astype(np.float32)
        )
    names = [port.name for port in model.graph.output]
    results = dict(zip(names, session.run(names, feed), strict=True))
    ours, theirs = of_engine(path), of_checker(path)
    found = []
    for name, result in results.items():
        said = at(ours[name].shape)
        if said is None or len(said) != result.ndim:
            found.append(f"{name}: {ours[name].shape} of {result.shape}")
        elif any(n not in (None, m) for n, m in zip(said, result.shape, strict=True)):
            found.append(f"{name}: {said}, the runtime {result.shape}")
        if (ours[name].kind, _shape(ours[name].shape)) != theirs[name]:
            found.append(f"{name}: {ours[name].kind} {_shape(ours[name].shape)}, the checker {theirs[name]}")
    return found


def declared(model):
    for port in model.graph.input:
        if port.name in INTEGERS:
            port.type.tensor_type.elem_type = 7
    del model.graph.output[:]
    names = [name for name in model.graph.node[-1].output if name]
    model.graph.output.extend(check_info(name) for name in names)
    return model


def check_info(name):
    """An output of which nothing is declared."""
    from onnx import ValueInfoProto

    return ValueInfoProto(name=name)


@pytest.mark.parametrize("name", MADE)
def test_engine_checker_and_runtime_say_one_shape(name, tmp_path):
    model = declared(MADE[name])
    path = save(tmp_path / "a.onnx", model)
    assert differences(path, model) == []


def one_more(rule):
    """A rule that says one size too much."""
    return lambda *args: [shape and (*shape[:-1], shape[-1] and shape[-1] + 1) for shape in rule(*args)]


FAULTS = {
    "the engine's convolutions": (
        "strides and dilations",
        lambda m: m.setitem(results._RULES, "Conv", one_more(results._RULES["Conv"])),
    ),
    "the checker's convolutions": (
        "strides and dilations",
        lambda m: m.setattr(check.ResultShapes, "slid", lambda *_: [2, 2]),
    ),
    "the checker's sums": ("sums of several shapes", lambda m: m.setattr(check, "broadcast", lambda found: found[0])),
    "the checker's types": ("the largest", lambda m: m.setattr(check, "shaped_kind", lambda *_: 1)),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_seen(name, tmp_path, monkeypatch):
    case, plant = FAULTS[name]
    model = declared(MADE[case])
    plant(monkeypatch)
    assert differences(save(tmp_path / "a.onnx", model), model)


@pytest.mark.parametrize("setting", [{"strides": [0, 1]}, {"strides": [1, -1]}, {"dilations": [1, 0]}])
@pytest.mark.parametrize("op", ["Conv", "MaxPool"])
def test_steps_that_are_none_say_nothing_of_a_shape(op, setting, tmp_path):
    """No runtime takes them; the division by 0 was met by a mutant."""
    if op == "Conv":
        model = made("Conv", "x w", {"x": [1, 6, 9, 8], "w": WEIGHT}, group=2, **setting)
    else:
        model = made("MaxPool", "x", {"x": [1, 6, 9, 8]}, kernel_shape=[2, 2], storage_order=1, **setting)
    path = save(tmp_path / "a.onnx", declared(model))
    ours, theirs = of_engine(path)["y"], of_checker(path)["y"]
    assert (ours.kind, _shape(ours.shape)) == theirs
    assert at(ours.shape)[2:] == [None, None]
