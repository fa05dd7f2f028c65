# SPDX-License-Identifier: Apache-2.0
"""This file is about files as packages ship them: small ones of each kind, reduced, checked, run beside the originals.

What redundancy is in them behind operators that nobody covers must go.
"""

from dataclasses import replace

import numpy as np
import pytest
from onnx import TensorProto, ValueInfoProto, helper

from exactlump import read, write
from exactlump.errors import CannotWrite
from exactlump.verbs.reducing import reduce_file
from tests.checker.test_check_opaque import graph, node
from tests.tools import save

RNG = np.random.default_rng(5)
A = np.array


def floats(*shape):
    return RNG.integers(-4, 5, shape).astype(np.float32) / 4


def doubled(weight, axis=0):
    """Each unit twice."""
    return np.concatenate([weight, weight], axis)


def mapped():
    """Operators of the domain of classical models only; an output that is a sequence of maps."""
    linear = {"coefficients": [0.5, 1, -1, 2], "intercepts": [0.0, 1], "classlabels_ints": [0, 1]}
    nodes = [
        helper.make_node("LinearClassifier", ["x"], ["l", "p"], domain="ai.onnx.ml", **linear),
        helper.make_node("ZipMap", ["p"], ["y"], domain="ai.onnx.ml", classlabels_int64s=[0, 1]),
    ]
    made = graph(nodes, {"x": [3, 2]}, {"l": [3]}, opset=17)
    made.graph.output[0].type.tensor_type.elem_type = TensorProto.INT64
    entries = helper.make_map_type_proto(TensorProto.INT64, helper.make_tensor_type_proto(TensorProto.FLOAT, None))
    kind = helper.make_sequence_type_proto(entries)
    made.graph.output.append(ValueInfoProto(name="y", type=kind))
    del made.opset_import[:]
    made.opset_import.append(helper.make_opsetid("ai.onnx.ml", 1))
    return made


def texts():
    """Columns of a table of texts."""
    nodes = [
        node("Gather", "x first", "c", axis=1),
        helper.make_node("OneHotEncoder", ["c"], ["h"], domain="ai.onnx.ml", cats_strings=["a", "b"]),
        node("Reshape", "h flat", "f"),
        node("MatMul", "f W", "m"),
        node("Relu", "m", "r"),
        node("MatMul", "r V", "y"),
    ]
    constants = {"first": A([0]), "flat": A([-1, 2]), "W": doubled(floats(2, 3), 1), "V": floats(6, 2)}
    made = graph(nodes, {"x": ["N", 2]}, {"y": ["N", 2]}, constants, domains=["ai.onnx.ml"])
    made.graph.input[0].type.tensor_type.elem_type = TensorProto.STRING
    return made


def framed():
    """A signal without its start, all of the batch, in frames that overlap."""
    ends = {"s": A([0, 2]), "e": A([2**63 - 1, 14]), "a": A([0, 1])}
    nodes = [
        node("Slice", "x s e a", "c"),
        node("Reshape", "c frames", "f"),
        node("Transpose", "f", "t", perm=[0, 2, 1]),
        node("Conv", "t K", "h"),
        node("Relu", "h", "r"),
        node("Conv", "r L", "g"),
        node("ReduceMax", "g", "y", axes=[2], keepdims=0),
    ]
    constants = {**ends, "frames": A([-1, 3, 4]), "K": doubled(floats(3, 4, 1)), "L": floats(2, 6, 1)}
    return graph(nodes, {"x": ["N", 16]}, {"y": ["N", 2]}, constants)


def behind_a_mirror():
    """Convolutions of a signal whose size nobody declares."""
    nodes = [
        node("Pad", "x p", "m", mode="reflect"),
        node("Conv", "m K", "h", strides=[2]),
        node("Relu", "h", "r"),
        node("Conv", "r L", "g"),
        node("Mul", "g g", "s"),
        node("Conv", "s M", "y"),
    ]
    constants = {"p": A([0, 0, 2, 0, 0, 1]), "K": doubled(floats(3, 1, 3)), "L": floats(2, 6, 2), "M": floats(2, 2, 1)}
    return graph(nodes, {"x": ["N", 1, "T"]}, {"y": None}, constants)


def rows_of_positions():
    """The positions of all items as rows of one matrix, then in their places again, and all of them in one row."""
    nodes = [
        node("Transpose", "x", "t", perm=[0, 2, 1]),
        node("Reshape", "t rows", "f"),
        node("MatMul", "f W", "m"),
        node("Add", "m b", "h"),
        node("Reshape", "h places", "g"),
        node("Relu", "g", "r"),
        node("Reshape", "r row", "l"),
        node("MatMul", "l V", "y"),
    ]
    constants = {"rows": A([-1, 4]), "places": A([-1, 3, 2]), "row": A([-1, 6])}
    return graph(
        nodes, {"x": ["N", 4, 3]}, {"y": ["N", 2]}, {**constants, "W": floats(4, 2), "b": floats(2), "V": floats(6, 2)}
    )


def steps_first():
    """One item, whose steps an LSTM takes for the first axis."""
    nodes = [
        node("Transpose", "x", "t", perm=[1, 0, 2]),
        node("LSTM", "t I R", "- h", hidden_size=2),
        node("Transpose", "h", "g", perm=[1, 2, 0]),
        node("Squeeze", "g last", "f"),
        node("MatMul", "f W", "m"),
        node("Relu", "m", "r"),
        node("MatMul", "r V", "y"),
    ]
    constants = {"I": floats(1, 8, 3), "R": floats(1, 8, 2), "last": A([2])}
    constants |= {"W": doubled(floats(2, 2), 1), "V": floats(4, 2)}
    return graph(nodes, {"x": [1, 5, 3]}, {"y": [1, 2]}, constants)


def shapes_twice():
    """Two sizes of one tensor, each asked for by its own Shape."""
    nodes = [
        node("Shape", "x", "s"),
        node("Gather", "s zero", "n", axis=0),
        node("Shape", "x", "t"),
        node("Gather", "t one", "c", axis=0),
        node("Range", "zero c one", "range"),
        node("Cast", "range", "f", to=1),
        node("CumSum", "f zero", "y"),
        node("Range", "zero n one", "z"),
    ]
    made = graph(nodes, {"x": ["N", "C", 2]}, {"y": None, "z": None}, {"zero": A(0), "one": A(1)})
    made.graph.output[1].type.tensor_type.elem_type = TensorProto.INT64
    return made


def other_batches():
    """Inputs whose batch axes have names of their own, joined."""
    nodes = [
        node("Conv", "x K", "a"),
        node("Relu", "a", "r"),
        node("Concat", "r z", "c", axis=1),
        node("Conv", "c L", "y"),
    ]
    return graph(nodes, {"x": ["N", 2, 3], "z": ["M", 1, 3]}, {"y": None}, {"K": floats(2, 2, 1), "L": floats(2, 3, 1)})


def tiny_scales():
    """A batch normalisation whose root is no normal number, in an opset without steps along an axis."""
    settings = {"signed": 1, "narrow": 1, "rounding_mode": "ROUND"}
    quantised = {"s": A([0.3, 0.7], np.float32).reshape(2, 1, 1), "z": np.float32(0), "b": np.float32(8)}
    nodes = [
        helper.make_node("Quant", ["K", "s", "z", "b"], ["q"], domain="onnx.brevitas", **settings),
        node("Conv", "x q", "c"),
        node("BatchNormalization", "c g o o v", "n", epsilon=0.0),
        node("Relu", "n", "r"),
        node("Conv", "r L", "y"),
    ]
    bn = {
        "g": floats(2),
        "o": np.zeros(2, np.float32),
        "v": A([2e-80, 3], np.float64).astype(np.float32) + np.float32(1e-45),
    }
    constants = {**quantised, **bn, "K": A([0.3, 0.9, 1.4, -0.7], np.float32).reshape(2, 2, 1), "L": floats(2, 2, 1)}
    return graph(nodes, {"x": ["N", 2, 3]}, {"y": None}, constants, opset=11, domains=["onnx.brevitas"])


def one_or_the_other():
    """An If whose outputs nobody declares."""

    def branch(op):
        port = helper.make_tensor_value_info("o", TensorProto.FLOAT, None)
        return helper.make_graph([node(op, "h", "o")], op, [], [port])

    nodes = [
        node("Relu", "x", "h"),
        node("ReduceSum", "x", "s", keepdims=0),
        node("Greater", "s zero", "c"),
        node("If", "c", "i", then_branch=branch("Sin"), else_branch=branch("Cos")),
        node("Relu", "i", "y"),
    ]
    return graph(nodes, {"x": [2, 3]}, {"y": None}, {"zero": np.float32(0)})


def numbers_of_a_loop():
    """A number that is computed among constants, and cast."""
    nodes = [
        node("Add", "n one", "m"),
        node("Cast", "m", "i", to=TensorProto.INT64),
        node("Unsqueeze", "i zero", "u"),
        node("Expand", "x u", "e"),
        node("MatMul", "e W", "y"),
    ]
    constants = {"n": np.float32(2), "one": np.float32(1), "zero": A([0]), "W": floats(3, 2)}
    return graph(nodes, {"x": ["N", 3]}, {"y": None}, constants)


def around_unknown_sizes():
    """Zeros around a signal whose size nobody declares."""
    nodes = [node("Pad", "x p", "m"), node("Conv", "m K", "h"), node("Relu", "h", "r"), node("Conv", "r L", "y")]
    constants = {"p": A([0, 0, 1, 0, 0, 1]), "K": doubled(floats(2, 1, 3)), "L": floats(2, 4, 1)}
    return graph(nodes, {"x": ["N", 1, "T"]}, {"y": None}, constants)


def equal_numbers():
    """A constant of equal numbers, added to a tensor that is one unit."""
    nodes = [node("Softmax", "x", "s", axis=1), node("Add", "s c", "a"), node("MatMul", "a W", "y")]
    return graph(nodes, {"x": ["N", "T", 2]}, {"y": None}, {"c": A([2, 2], np.float32), "W": floats(2, 3)})


# What each is, and how many neurons go.
KINDS = {
    "maps as outputs": (mapped, 0),
    "columns of texts": (texts, 3),
    "frames of a signal": (framed, 3),
    "sizes that nobody declares": (behind_a_mirror, 3),
    "positions as rows": (rows_of_positions, 0),
    "one item, steps first": (steps_first, 2),
    "two equal questions": (shapes_twice, 0),
    "batch axes of other names": (other_batches, 0),
    "roots that are no normal numbers": (tiny_scales, 0),
    "outputs of branches": (one_or_the_other, 0),
    "zeros around unknown sizes": (around_unknown_sizes, 2),
    "equal numbers for one unit": (equal_numbers, 0),
}


def run(path, feed):
    runtime = pytest.importorskip("onnxruntime")
    options = runtime.SessionOptions()
    options.log_severity_level = 4
    return runtime.InferenceSession(str(path), options).run(None, feed)


def feeds(model):
    sizes, found = {"N": 2, "M": 2, "C": 3, "T": 9}, {}
    for port in model.graph.input:
        shape = [d.dim_value or sizes[d.dim_param] for d in port.type.tensor_type.shape.dim]
        text = port.type.tensor_type.elem_type == TensorProto.STRING
        found[port.name] = np.full(shape, "b", object) if text else RNG.normal(size=shape).astype(np.float32)
    return found


def numbers(found):
    return [list(entry.values()) for entry in found] if isinstance(found, list) else found


@pytest.mark.parametrize("name", KINDS)
def test_a_file_of_that_kind(name, tmp_path):
    make, less = KINDS[name]
    model = make()
    path, target = save(tmp_path / "a.onnx", model), tmp_path / "b.onnx"
    found = reduce_file(path, target)
    before, after = found.reduction.original.neurons, found.reduction.reduced.neurons
    assert before - after >= less
    feed = feeds(model)
    if "Quant" not in {n.op_type for n in model.graph.node}:  # which no runtime knows
        for ours, theirs in zip(run(path, feed), run(target, feed), strict=True):
            assert np.shape(ours) == np.shape(theirs)
            np.testing.assert_allclose(numbers(ours), numbers(theirs), rtol=1e-4, atol=1e-5)


def test_a_cast_of_what_machines_round_is_not_written(tmp_path):
    """It is a given function of a constant, and the writer stores constants that arithmetic made as numbers."""
    path = save(tmp_path / "a.onnx", numbers_of_a_loop())
    with pytest.raises(CannotWrite, match="would be read as"):
        reduce_file(path, tmp_path / "b.onnx")
    assert not (tmp_path / "b.onnx").exists()


ALONE = {
    "dropped": ["Reshape x four v", "MatMul v W h", "Relu h y"],
    "dropped and made": ["Reshape x four v", "MatMul v W h", "Relu h r", "Unsqueeze r zero y"],
    "made behind another layer": ["MatMul x W h", "Reshape h two v", "MatMul v V g", "Relu g r", "Unsqueeze r zero y"],
    "below another layer": [
        "MatMul x W h",
        "Reshape h two v",
        "MatMul v V g",
        "Relu g r",
        "Unsqueeze r zero u",
        "MatMul u U y",
    ],
    "behind other axes of one": ["Unsqueeze x zero u", "Reshape u four v", "Relu v r", "MatMul r W y"],
}


@pytest.mark.parametrize("name", ALONE)
def test_a_batch_of_one_is_dropped_or_kept_as_it_was(name, tmp_path):
    """[n] and [1, n] are the same elements: what is written has as many axes."""
    nodes = [node(op, " ".join(sources), target) for op, *sources, target in map(str.split, ALONE[name])]
    constants = {"four": A([4]), "two": A([2]), "zero": A([0]), "W": floats(4, 2), "V": floats(2, 3)}
    constants |= {"U": floats(3, 2)}
    path = save(tmp_path / "a.onnx", graph(nodes, {"x": [1, 4]}, {"y": None}, constants))
    target, feed = tmp_path / "b.onnx", {"x": RNG.normal(size=(1, 4)).astype(np.float32)}
    reduce_file(path, target)
    (ours,), (theirs,) = run(path, feed), run(target, feed)
    assert ours.shape == theirs.shape
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


def test_an_output_that_has_lost_an_axis_is_not_written(tmp_path):
    """Whoever wrote the file that was read sees as many axes in the one that is written."""
    nodes = [node(op, " ".join(sources), target) for op, *sources, target in map(str.split, ALONE["dropped"])]
    constants = {"four": A([4]), "W": floats(4, 2)}
    network = read(save(tmp_path / "a.onnx", graph(nodes, {"x": [1, 4]}, {"y": None}, constants)))
    assert network.origin.ranks == (1,)
    other = replace(network, origin=replace(network.origin, ranks=(2,)))
    with pytest.raises(CannotWrite, match="found 1 axes, expected 2"):
        write(other, tmp_path / "b.onnx")
    assert not (tmp_path / "b.onnx").exists()
