# SPDX-License-Identifier: Apache-2.0
"""This file is about bad input: every broken file gets one line that says what is wrong, and never a traceback.

Files that cannot be written leave nothing behind, and never half a file.
"""

import gzip
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from exactlump import check
from exactlump.errors import CannotWrite, ExactlumpError, FormatError, ShapeError, UnsupportedLayer
from exactlump.formats import digest, files, read, write, write_atomically
from tests.tools import NEWEST, dense_model, fails, model, node, port, save, tensor, tiny

X, Y = {"x": [1, 2]}, {"y": [1, 2]}
EYE = {"W": np.eye(2)}
NAN, INF = float("nan"), float("inf")


def one(kind, inputs="x", constants=(), outputs="y", shape=(1, 2), opset=13, **attributes):
    """A model of one node from x to y."""
    return model(
        [node(kind, inputs, outputs, **attributes)], {"x": list(shape)}, [port("y", None)], constants, opset=opset
    )


def changed(change, made=None):
    """A good model after a change in place."""
    made = made or dense_model(([[1, 2], [3, 4]], [5, 6]), ([[1, 1]], [0]))
    change(made)
    return made


def ports(inputs, outputs=None):
    return model([node("Relu", "x", "y")], inputs, outputs or [port("y", None)])


def with_function(made):
    made.functions.append(helper.make_function("", "Relu", ["a"], ["b"], [node("Relu", "a", "b")], []))


def subgraph():
    return helper.make_graph([node("Relu", "x", "b")], "branch", [], [port("b", [1, 2])])


# Name: model or bytes, error, words that the message must have.  Names end in the rule that is broken.
ONNX = {
    # not a model
    "empty": (b"", FormatError, "no graph"),
    "text": (b"this is not a model", FormatError, "protobuf"),
    "cut": (dense_model(([[1, 2]], [3])).SerializeToString()[:-9], FormatError, "protobuf"),
    "no graph": (helper.make_model(subgraph()).SerializeToString()[:10], FormatError, "protobuf"),
    "name that is no text": (
        dense_model(([[1, 2]], [3])).SerializeToString().replace(b"W1", b"W\x80"),
        FormatError,
        "UTF-8",
    ),
    # versions and features
    "no opset": (changed(lambda m: m.ClearField("opset_import")), FormatError, "opset"),
    "two opsets": (changed(lambda m: m.opset_import.append(helper.make_opsetid("ai.onnx", 13))), FormatError, "opset"),
    "opset 0": (changed(lambda m: setattr(m.opset_import[0], "version", 0)), FormatError, "opset"),
    "opset of the future": (
        changed(lambda m: setattr(m.opset_import[0], "version", NEWEST + 1)),
        UnsupportedLayer,
        "opset",
    ),
    "ir version of the future": (changed(lambda m: setattr(m, "ir_version", 999)), FormatError, "checker"),
    "functions": (changed(with_function), UnsupportedLayer, "in the domain of ONNX's own"),
    "sparse initialiser": (
        changed(lambda m: m.graph.sparse_initializer.add(dims=[2, 2])),
        UnsupportedLayer,
        "indices",
    ),
    "unknown operator": (one("Fizz"), FormatError, "Fizz"),
    "unsupported operator": (one("Conv", "x W", EYE), UnsupportedLayer, "Conv: x -> y"),
    "unknown domain": (changed(lambda m: setattr(m.graph.node[0], "domain", "my.ops")), UnsupportedLayer, "'my.ops'"),
    "operator newer than the opset": (one("Erf", opset=8), FormatError, "Erf"),
    # schemas
    "unknown attribute": (one("Relu", fizz=1), FormatError, "fizz"),
    "attribute of a wrong type": (one("LeakyRelu", alpha="a"), FormatError, "alpha"),
    "attribute twice": (
        changed(lambda m: m.graph.node[0].attribute.append(m.graph.node[0].attribute[0])),
        FormatError,
        "attribute",
    ),
    "attribute of a function": (
        changed(lambda m: m.graph.node[0].attribute.add(name="alpha", ref_attr_name="a", type=1)),
        FormatError,
        "attributes",
    ),
    "too few inputs": (one("Add", "x"), FormatError, "Add"),
    "too many inputs": (one("Relu", "x x"), FormatError, "Relu"),
    "no output": (changed(lambda m: m.graph.node[0].ClearField("output")), FormatError, "output"),
    "empty output": (changed(lambda m: m.graph.node[0].output.__setitem__(0, "")), FormatError, "output"),
    # names and order
    "cycle": (model([node("Relu", "y", "z"), node("Relu", "z", "y")], X, Y), FormatError, "checker"),
    "unsorted": (model([node("Relu", "z", "y"), node("Relu", "x", "z")], X, Y), FormatError, "sorted"),
    "dangling name": (model([node("Relu", "nothing", "y")], X, Y), FormatError, "nothing"),
    "tensor defined twice": (model([node("Relu", "x", "y"), node("Abs", "x", "y")], X, Y), FormatError, "y"),
    "node defines the input": (model([node("Relu", "x", "x"), node("Relu", "x", "y")], X, Y), FormatError, "x"),
    "node defines an initialiser": (
        model([node("Relu", "x", "W"), node("Relu", "x", "y")], X, Y, EYE),
        FormatError,
        "W",
    ),
    "initialiser twice": (changed(lambda m: m.graph.initializer.append(m.graph.initializer[0])), FormatError, "twice"),
    "initialiser without a name": (changed(lambda m: m.graph.initializer.add(data_type=1)), FormatError, "empty"),
    "constant twice": (
        model([helper.make_node("Constant", [], ["c"], value_int=1)] * 2 + [node("Relu", "x", "y")], X, Y),
        FormatError,
        "c",
    ),
    "missing output": (model([node("Relu", "x", "y")], X, {"z": [1, 2]}), FormatError, "z"),
    "output twice": (model([node("Relu", "x", "y")], X, [port("y", [1, 2])] * 2), ShapeError, "outputs"),
    "no outputs": (model([node("Relu", "x", "y")], X, []), FormatError, "output"),
    "no inputs": (model([node("Relu", "W", "y")], {}, Y, EYE), FormatError, "input"),
    "constant output": (model([node("Relu", "x", "z")], X, {"W": [2, 2]}, EYE), UnsupportedLayer, "constant"),
    "name with a newline": (
        model([node("Relu", "x", "y"), helper.make_node("RandomNormalLike", ["x"], ["a\nb"])], X, Y),
        UnsupportedLayer,
        r"a\nb",
    ),
    # declared shapes and types
    "input of integers": (ports([port("x", [1, 2], TensorProto.INT64)]), UnsupportedLayer, "floats"),
    "input without a shape": (ports([port("x", None)]), UnsupportedLayer, "known rank"),
    "scalar input": (ports([port("x", [])]), UnsupportedLayer, "rank 1"),
    "batch of zero": (ports({"x": [0, 2]}), FormatError, "size 0"),
    "batch of -1": (ports({"x": [-1, 2]}), FormatError, "size -1"),
    "axis of size zero": (ports({"x": [1, 0]}), FormatError, "size 0"),
    "symbolic size": (ports({"x": ["N", "M"]}), UnsupportedLayer, "symbolic"),
    "symbolic vector": (ports({"x": ["N"]}), UnsupportedLayer, "symbolic"),
    "huge input": (ports({"x": [1, 2**40, 2**40]}), UnsupportedLayer, "elements"),
    "inputs of two types": (
        model([node("Relu", "x", "y"), node("Relu", "w", "z")], [port("x", [1, 2]), port("w", [1, 2], "float64")], Y),
        UnsupportedLayer,
        "element types",
    ),
    "output of another type": (ports(X, [port("y", [1, 2], "float64")]), FormatError, "DOUBLE"),
    "output of another size": (ports(X, {"y": [1, 3]}), FormatError, "[3]"),
    "output of another rank": (ports(X, {"y": [1, 2, 1]}), FormatError, "[2]"),
    "sequence input": (
        ports([helper.make_value_info("x", helper.make_sequence_type_proto(helper.make_tensor_type_proto(1, [1])))]),
        UnsupportedLayer,
        "tensor",
    ),
    # constants
    "nan weight": (dense_model(([[1, 2], [3, NAN]], [0, 0])), UnsupportedLayer, "'W1'", "[1, 1]", "nan"),
    "infinite bias": (dense_model(([[1, 2], [3, 4]], [0, -INF])), UnsupportedLayer, "'b1'", "[1]", "-inf"),
    "nan in a Constant node": (
        model([helper.make_node("Constant", [], ["c"], value_float=NAN), node("Add", "x c", "y")], X, Y),
        UnsupportedLayer,
        "nan",
    ),
    "nan slope": (one("LeakyRelu", alpha=NAN), FormatError, "alpha"),
    "infinite alpha": (one("Gemm", "x W", EYE, alpha=INF), FormatError, "alpha"),
    "weight of strings": (
        one("MatMul", "x W", [helper.make_tensor("W", TensorProto.STRING, [1, 1], [b"a"])]),
        UnsupportedLayer,
        "STRING",
    ),
    "weight of another type": (one("MatMul", "x W", [tensor("W", np.eye(2), "float64")]), FormatError, "DOUBLE"),
    "weight of integers": (one("MatMul", "x W", [tensor("W", np.eye(2, dtype=np.int64))]), FormatError, "INT64"),
    "too little data": (
        changed(
            lambda m: setattr(m.graph.initializer[0], "raw_data", b"1234"),
            one("MatMul", "x W", [tensor("W", np.eye(2), raw=True)]),
        ),
        FormatError,
        "'W'",
        "4 bytes",
        "16",
    ),
    "too much data": (
        changed(
            lambda m: setattr(m.graph.initializer[0], "raw_data", bytes(20)),
            one("MatMul", "x W", [tensor("W", np.eye(2), raw=True)]),
        ),
        FormatError,
        "'W'",
        "20 bytes",
    ),
    "too few elements": (changed(lambda m: m.graph.initializer[0].float_data.pop()), FormatError, "3 elements", "4"),
    "two kinds of data": (
        changed(lambda m: setattr(m.graph.initializer[0], "raw_data", bytes(16))),
        FormatError,
        "more than one kind",
    ),
    "data in the wrong field": (
        changed(
            lambda m: (
                m.graph.initializer[0].ClearField("float_data"),
                m.graph.initializer[0].double_data.extend([1.0] * 4),
            )
        ),
        FormatError,
        "float_data",
    ),
    "negative dimension": (
        changed(lambda m: m.graph.initializer[0].dims.__setitem__(0, -2)),
        FormatError,
        "dimensions",
    ),
    "huge dimension": (changed(lambda m: m.graph.initializer[0].dims.__setitem__(0, 2**62)), FormatError, "dimensions"),
    "large dimension": (changed(lambda m: m.graph.initializer[0].dims.__setitem__(0, 2**39)), FormatError, "elements"),
    "float16 bits out of range": (
        one("MatMul", "x W", [TensorProto(name="W", data_type=TensorProto.FLOAT16, dims=[1], int32_data=[70000])]),
        FormatError,
        "range",
    ),
    "bytes that are no booleans": (
        one(
            "Dropout",
            "x r t",
            [tensor("r", 0.5), TensorProto(name="t", data_type=TensorProto.BOOL, raw_data=b"\x05")],
            opset=12,
        ),
        FormatError,
        "BOOL",
    ),
    "Constant without a value": (
        model([node("Constant", "", "c"), node("Relu", "x", "y")], X, Y),
        FormatError,
        "attribute",
    ),
    "Constant of text": (
        model([helper.make_node("Constant", [], ["c"], value_string="a"), node("Add", "x c", "y")], X, Y),
        UnsupportedLayer,
        "value_string",
    ),
    # matrices
    "matrix too narrow": (dense_model(([[1, 2]], [0]), ([[1, 2]], [0])), ShapeError, "2 columns for 1 units"),
    "matrix without rows": (one("MatMul", "x W", {"W": np.zeros((2, 0))}), ShapeError, "without rows"),
    "matrix without columns": (one("Gemm", "x W", {"W": np.zeros((0, 2))}), ShapeError, "0 columns"),
    "matrix of rank 3": (one("MatMul", "x W", {"W": np.zeros((1, 2, 2))}), UnsupportedLayer, "matrix"),
    "vector for a matrix": (one("MatMul", "x W", {"W": np.zeros(2)}), UnsupportedLayer, "matrix"),
    "matrix on the left of a batch": (one("MatMul", "W x", {"W": np.eye(1)}), UnsupportedLayer, "batch axis"),
    "matrix product of computed tensors": (one("MatMul", "x x"), UnsupportedLayer, "expected a constant"),
    "product of constants": (one("MatMul", "W W", EYE), UnsupportedLayer, "found a constant"),
    "MatMul of several axes": (one("MatMul", "x W", EYE, shape=(1, 3, 2)), UnsupportedLayer, "vector"),
    "Gemm of several axes": (one("Gemm", "x W", EYE, shape=(1, 3, 2)), ShapeError, "a matrix"),
    "Gemm without a batch axis": (one("Gemm", "x W", EYE, shape=(2,)), ShapeError, "a matrix"),
    "Gemm transposing x": (one("Gemm", "x W", EYE, transA=1), UnsupportedLayer, "transposed"),
    "Gemm bias too long": (one("Gemm", "x W b", {"W": np.eye(2), "b": [1.0, 2, 3]}), ShapeError, "[3]"),
    "Gemm bias a sample": (
        one("Gemm", "x W b", {"W": np.eye(2), "b": [[1.0], [2]]}, shape=(2, 2)),
        UnsupportedLayer,
        "batch axis",
    ),
    "Gemm with a computed bias": (one("Gemm", "x W x", EYE), UnsupportedLayer, "expected a constant"),
    # element by element
    "product of computed tensors": (one("Mul", "x x"), UnsupportedLayer, "no constant"),
    "sum of constants": (one("Add", "W W", EYE), UnsupportedLayer, "found a constant"),
    "division by zero": (one("Div", "x c", {"c": [1.0, 0.0]}), FormatError, "zero"),
    "division by a computed tensor": (one("Div", "c x", {"c": [1.0, 1.0]}), UnsupportedLayer, "computed"),
    "constant that does not fit": (one("Add", "x c", {"c": [1.0, 2, 3]}), ShapeError, "[3]"),
    "constant that adds axes": (one("Add", "x c", {"c": [[[1.0, 2]]]}), UnsupportedLayer, "adds axes"),
    "constant that adds axes to a vector": (
        one("Add", "x c", {"c": [[1.0, 2]]}, shape=(2,)),
        UnsupportedLayer,
        "adds axes",
    ),
    "constant that repeats a tensor": (one("Add", "x c", {"c": [1.0, 2]}, shape=(1, 1)), UnsupportedLayer, "repeats"),
    "constant a sample": (one("Add", "x c", {"c": [[1.0, 2], [3, 4]]}, shape=(2, 2)), UnsupportedLayer, "batch axis"),
    "slopes that do not fit": (one("PRelu", "x c", {"c": [1.0, 2, 3]}), ShapeError, "[3]"),
    "old slopes that do not fit": (one("PRelu", "x c", {"c": [1.0, 2, 3]}, opset=6), ShapeError, "[3]"),
    # orders and shapes
    "Flatten before the batch axis": (one("Flatten", axis=0, shape=(2, 2)), UnsupportedLayer, "units apart"),
    "Flatten beyond the rank": (one("Flatten", axis=5), ShapeError, "axis"),
    "Reshape of the batch axis": (
        one("Reshape", "x s", [tensor("s", np.array([2, 1]))]),
        UnsupportedLayer,
        "batch axis",
    ),
    "Reshape to a scalar": (
        one("Reshape", "x s", [tensor("s", np.array([], np.int64))]),
        UnsupportedLayer,
        "target []",
    ),
    "Reshape to another size": (one("Reshape", "x s", [tensor("s", np.array([1, 3]))]), ShapeError, "[3]"),
    "Reshape with two -1": (one("Reshape", "x s", [tensor("s", np.array([1, -1, -1]))]), ShapeError, "-1"),
    "Reshape to -5": (one("Reshape", "x s", [tensor("s", np.array([1, -5]))]), ShapeError, "-5"),
    "Reshape that copies no axis": (one("Reshape", "x s", [tensor("s", np.array([1, 2, 0]))]), ShapeError, "0"),
    "Reshape to nothing": (
        one("Reshape", "x s", [tensor("s", np.array([1, 0]))], opset=14, allowzero=1),
        ShapeError,
        "element",
    ),
    "Reshape to two negative sizes": (
        one("Reshape", "x s", [tensor("s", np.array([-1, -1, -2]))]),
        UnsupportedLayer,
        "-2",
    ),
    "Reshape to a hundred axes": (
        one("Reshape", "x s", [tensor("s", np.array([1, 2] + [1] * 98))]),
        UnsupportedLayer,
        "axes",
    ),
    "Reshape of a constant to a hundred axes": (
        model(
            [node("Reshape", "W s", "V"), node("Add", "x V", "y")],
            X,
            Y,
            [tensor("W", np.eye(2)), tensor("s", np.array([4] + [1] * 98))],
        ),
        UnsupportedLayer,
        "axes",
    ),
    "Reshape of an empty constant": (
        model(
            [node("Reshape", "W s", "V"), node("Add", "x V", "y")],
            X,
            Y,
            [tensor("W", np.zeros((0, 2))), tensor("s", np.array([-1, 2**62]))],
        ),
        ShapeError,
        "at least one element",
    ),
    "constant of a hundred axes": (one("Add", "x c", {"c": np.zeros([1] * 60)}), UnsupportedLayer, "60 axes"),
    "input of a hundred axes": (ports({"x": [1] * 100}), UnsupportedLayer, "100 axes"),
    "Reshape by floats": (one("Reshape", "x s", {"s": [1.0, 2.0]}), FormatError, "INT64"),
    "Reshape by a computed tensor": (one("Reshape", "x x"), UnsupportedLayer, "expected a constant"),
    "Reshape of a symbolic batch": (
        one("Reshape", "x s", [tensor("s", np.array([1, -1]))], shape=("N", 2)),
        UnsupportedLayer,
        "units apart",
    ),
    "Transpose of the batch axis": (one("Transpose"), UnsupportedLayer, "batch axis"),
    "Transpose by no permutation": (one("Transpose", perm=[0, 0]), ShapeError, "perm"),
    "Squeeze of the batch axis": (one("Squeeze", "x a", [tensor("a", np.array([0]))]), UnsupportedLayer, "batch axis"),
    "Squeeze of all axes": (one("Squeeze", shape=("N", 1)), UnsupportedLayer, "no axes"),
    "Squeeze of a large axis": (one("Squeeze", "x a", [tensor("a", np.array([1]))]), ShapeError, "size 1"),
    "Squeeze beyond the rank": (one("Squeeze", "x a", [tensor("a", np.array([2]))]), ShapeError, "rank"),
    "Unsqueeze of the batch axis": (
        one("Unsqueeze", "x a", [tensor("a", np.array([0]))]),
        UnsupportedLayer,
        "batch axis",
    ),
    "Unsqueeze twice at one place": (one("Unsqueeze", "x a", [tensor("a", np.array([1, 1]))]), FormatError, "once"),
    "Dropout in training": (
        one("Dropout", "x r t", [tensor("r", 0.5), tensor("t", np.array(True))], opset=12),
        UnsupportedLayer,
        "training",
    ),
    "Dropout with its mask": (
        model([helper.make_node("Dropout", ["x"], ["z", "m"]), node("Relu", "m", "y")], X, [port("y", None)]),
        UnsupportedLayer,
        "mask",
    ),
    "Cast to integers": (one("Cast", to=TensorProto.INT32), UnsupportedLayer, "INT32"),
    "Cast to no type": (one("Cast", to=4711), UnsupportedLayer, "4711"),
    "Cast that rounds": (
        model(
            [node("Cast", "c", "d", to=TensorProto.FLOAT), node("Add", "x d", "y")], X, Y, [tensor("c", 0.1, "float64")]
        ),
        UnsupportedLayer,
        "changes",
    ),
    "Cast that overflows": (
        model(
            [node("Cast", "c", "d", to=TensorProto.FLOAT), node("Add", "x d", "y")],
            X,
            Y,
            [tensor("c", 1e300, "float64")],
        ),
        UnsupportedLayer,
        "changes",
    ),
    "Softmax over two axes": (one("Softmax", shape=(1, 2, 3)), UnsupportedLayer, "only axis"),
    "Softmax over the batch axis": (one("Softmax", axis=0), UnsupportedLayer, "batch axis"),
    "Softmax beyond the rank": (one("Softmax", axis=7), ShapeError, "axis"),
}


def opaque_reasons(path):
    """Why no rule reads the opaque operators of a file; none where the file is refused."""
    try:
        return {f"{node.call.operator} {node!r}: {node.call.why}" for node in read(path).opaque}
    except ExactlumpError:
        return set()


# What was refused before a size, the batch axis or a version's second mention could be anything.
READ_NOW = (
    *("two opsets", "scalar input", "batch of -1", "symbolic size", "symbolic vector", "inputs of two types"),
    *(
        "MatMul of several axes",
        "Reshape of the batch axis",
        "Transpose of the batch axis",
        "Squeeze of the batch axis",
    ),
    "Unsqueeze of the batch axis",
)


@pytest.mark.parametrize("name", READ_NOW)
def test_what_was_refused_and_is_read(name, tmp_path):
    network = read(save(tmp_path / "a.onnx", ONNX[name][0]))
    assert not network.opaque


@pytest.mark.parametrize("name", [name for name in ONNX if name not in READ_NOW])
def test_bad_onnx(name, tmp_path):
    content, error, *words = ONNX[name]
    path = save(tmp_path / "bad.onnx", content)
    if error is UnsupportedLayer and (calls := opaque_reasons(path)):
        assert any(words[-1] in why for why in calls), calls
        return
    fails(error, 4 if error is UnsupportedLayer else 2, lambda: read(path), str(path), *words)


@pytest.mark.parametrize("name", ["too little data", "nan weight", "initialiser twice", "empty", "weight of strings"])
def test_digest_reads_no_more_than_it_understands(name, tmp_path):
    path = save(tmp_path / "bad.onnx", ONNX[name][0])
    if name == "nan weight":
        assert set(digest(path).tensors) == {"W1", "b1"}
        return
    with pytest.raises(ExactlumpError):
        digest(path)


# External data


def external(tmp_path, **entries):
    """A model whose weight is in another file."""
    made = dense_model(([[1, 2], [3, 4]], [5, 6]))
    weight = made.graph.initializer[0]
    weight.ClearField("float_data")
    weight.data_location = TensorProto.EXTERNAL
    for key, value in {"location": "w.bin", **entries}.items():
        weight.external_data.add(key=key, value=value)
    folder = tmp_path / "model"
    folder.mkdir(exist_ok=True)
    (folder / "w.bin").write_bytes(b"\0" * 8 + np.array([[1, 2], [3, 4]], np.float32).tobytes())
    return save(folder / "a.onnx", made)


def test_external_data_is_read_from_its_offset(tmp_path):
    network = read(external(tmp_path, offset="8", length="16"))
    assert network.nodes[0].weight.floats.tolist() == [[1, 2], [3, 4]]
    assert read(external(tmp_path, offset="8", checksum="x")).nodes[0].weight.row(1) == {0: 3, 1: 4}


@pytest.mark.parametrize(
    ("entries", "word"),
    [
        ({"location": "../w.bin"}, "folder"),
        ({"location": "sub/../../w.bin"}, "folder"),
        ({"location": "/etc/passwd"}, "folder"),
        ({"location": "C:\\w.bin"}, "folder"),
        ({"location": "..\\w.bin"}, "folder"),
        ({"location": ""}, "location"),
        ({"location": "missing.bin"}, "missing.bin"),
        ({"location": "."}, "folder"),
        ({"location": "w.bin\0"}, "folder"),
        ({"offset": "9"}, "ends before"),
        ({"offset": "999999999999999"}, "ends before"),
        ({"offset": "-8"}, "number of bytes"),
        ({"offset": "1e3"}, "number of bytes"),
        ({"offset": "9" * 5000}, "number of bytes"),
        ({"length": "12"}, "length 12"),
        ({"length": "²"}, "number of bytes"),
        ({"fizz": "1"}, "external data"),
    ],
    ids=str,
)
def test_external_data_that_is_not_where_it_should_be(entries, word, tmp_path):
    (tmp_path / "w.bin").write_bytes(bytes(100))
    path = external(tmp_path, **entries)
    fails(FormatError, 2, lambda: read(path), "'W1'", word)
    fails(FormatError, 2, lambda: digest(path), "'W1'", word)


def test_links_must_not_leave_the_folder(tmp_path):
    (tmp_path / "secret").write_bytes(bytes(100))
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "w.bin").write_bytes(bytes(100))
    for location, target in [("link", tmp_path / "secret"), ("sub", tmp_path / "outside")]:
        path = external(tmp_path, location=location if location == "link" else "sub/w.bin")
        link = path.parent / location
        link.symlink_to(target)
        fails(FormatError, 2, lambda path=path: read(path), "folder")
        link.unlink()
    path = external(tmp_path, location="link", offset="8")
    (path.parent / "link").symlink_to("w.bin")
    assert read(path).nodes[0].weight.row(0) == {0: 1, 1: 2}


def test_external_data_must_be_a_regular_file(tmp_path):
    path = external(tmp_path, location="pipe")
    os.mkfifo(path.parent / "pipe")
    fails(FormatError, 2, lambda: read(path), "pipe")


# Packed models


def test_packed_models_are_bounded(tmp_path):
    bomb = save(tmp_path / "a.onnx.gz", gzip.compress(bytes(10_000_000)))
    fails(FormatError, 2, lambda: read(bomb, max_unpacked=1_000_000), "1000000 bytes")
    fails(FormatError, 2, lambda: digest(bomb, max_unpacked=1_000_000), "1000000 bytes")
    good = dense_model(([[1, 2]], [3])).SerializeToString()
    path = save(tmp_path / "b.onnx.gz", gzip.compress(good))
    assert read(path, max_unpacked=len(good)).nodes
    fails(FormatError, 2, lambda: read(path, max_unpacked=len(good) - 1), "bytes")
    halves = save(tmp_path / "c.onnx.gz", gzip.compress(good[:50]) + gzip.compress(good[50:]) + bytes(3))
    assert read(halves).nodes
    fails(FormatError, 2, lambda: read(halves, max_unpacked=len(good) - 1), "bytes")


@pytest.mark.parametrize(
    "damage", [lambda p: p[:-9], lambda p: b"PK" + p, lambda p: p + b"x", lambda p: p[:30] + b"\xff" * 9 + p[39:]]
)
def test_damaged_packed_models(damage, tmp_path):
    packed = gzip.compress(dense_model(([[1, 2], [3, 4]], [5, 6])).SerializeToString())
    fails(FormatError, 2, lambda: read(save(tmp_path / "a.onnx.gz", damage(packed))), "gzip")


# .nnet

GOOD = "// c\n1,2,2,2,\n2,2,\n0,\n0,0,\n1,1,\n0,0,0,\n1,1,1,\n1,2,\n3,4,\n5,\n6,\n"

NNET = {
    "empty": ("", "end of file"),
    "binary": (b"\xff\xfe\0", "binary data"),
    "no sizes": ("1,2,2,2,\n", "end of file"),
    "counts missing": (GOOD.replace("1,2,2,2,", "1,2,2,"), "header"),
    "layers do not match": (GOOD.replace("1,2,2,2,", "2,2,2,2,"), "header"),
    "inputs do not match": (GOOD.replace("1,2,2,2,", "1,3,2,2,"), "header"),
    "outputs do not match": (GOOD.replace("1,2,2,2,", "1,2,3,2,"), "header"),
    "no layers": (GOOD.replace("1,2,2,2,\n2,2,", "0,2,2,2,\n2,"), "header"),
    "no largest size": (GOOD.replace("1,2,2,2,\n", "1,2,2,0,\n"), "header"),
    "no neurons": (GOOD.replace("1,2,2,2,\n2,2,", "1,2,0,2,\n2,0,"), "without neurons"),
    "size is no integer": (GOOD.replace("\n2,2,\n", "\n2,2.0,\n"), "line 3"),
    "size is negative": (GOOD.replace("\n2,2,\n", "\n2,-2,\n"), "line 3"),
    "size is huge": (GOOD.replace("\n2,2,\n", "\n2,99999999999,\n"), "line 3"),
    "flag missing": (GOOD.replace("\n0,\n", "\n"), "flag"),
    "too few bounds": (GOOD.replace("\n0,0,\n", "\n0,\n"), "line 5"),
    "bounds differ in number": (GOOD.replace("\n1,1,\n", "\n1,1,1,\n"), "line 6"),
    "too few means": (GOOD.replace("\n0,0,0,\n", "\n0,0,\n"), "line 7", "means"),
    "too many ranges": (GOOD.replace("\n1,1,1,\n", "\n1,1,1,1,\n"), "line 8", "ranges"),
    "range of zero": (GOOD.replace("\n1,1,1,\n", "\n1,0,1,\n"), "range of 0"),
    "row too short": (GOOD.replace("\n3,4,\n", "\n3,\n"), "line 10"),
    "row too long": (GOOD.replace("\n3,4,\n", "\n3,4,5,\n"), "line 10"),
    "two biases in a line": (GOOD.replace("\n5,\n", "\n5,5\n"), "line 11"),
    "bias missing": (GOOD.replace("\n6,\n", "\n"), "end of file", "bias"),
    "numbers left over": (GOOD + "7,\n", "line 13", "more"),
    "nan": (GOOD.replace("\n3,4,\n", "\n3,nan,\n"), "line 10", "nan"),
    "inf": (GOOD.replace("\n5,\n", "\n-inf,\n"), "line 11"),
    "hexadecimal": (GOOD.replace("\n5,\n", "\n0x10,\n"), "line 11"),
    "word": (GOOD.replace("\n5,\n", "\nfive,\n"), "line 11", "five"),
    "empty number": (GOOD.replace("\n3,4,\n", "\n,4,\n"), "line 10"),
    "enormous exponent": (GOOD.replace("\n5,\n", "\n1e99999,\n"), "line 11"),
    "exponent of a tiny number": (GOOD.replace("\n5,\n", "\n1e-9999,\n"), "line 11", "10^-307"),
    "number beyond float64": (GOOD.replace("\n5,\n", "\n1e308,\n"), "line 11", "10^308"),
    "number beyond float64, in digits": (GOOD.replace("\n5,\n", f"\n1{'0' * 308},\n"), "line 11", "10^308"),
    "number below float64": (GOOD.replace("\n5,\n", "\n9.9e-308,\n"), "line 11", "10^-307"),
    "number below float64, in digits": (GOOD.replace("\n5,\n", f"\n0.{'0' * 400}1,\n"), "line 11", "10^-307"),
    "exponent of a bound": (GOOD.replace("\n0,0,\n", "\n0,1e-400,\n"), "line 5", "10^-307"),
    "number in a bound": (GOOD.replace("\n0,0,\n", "\n0,low,\n"), "low"),
}


@pytest.mark.parametrize("name", NNET)
def test_bad_nnet(name, tmp_path):
    content, *words = NNET[name]
    path = save(tmp_path / "bad.nnet", content if isinstance(content, bytes) else content.encode())
    fails(FormatError, 2, lambda: read(path), str(path), *words)


def test_the_good_nnet_is_good(tmp_path):
    plain = GOOD.replace("2,\n2,2,\n0,", "2\n2,2\n0").replace("5,\n6,", "5\n6")
    assert plain != GOOD
    ends = (GOOD + "\n \t\n", GOOD.removesuffix("\n"), GOOD.replace("\n", "\r\n") + "\r\n")
    numbers = (
        GOOD.replace("\n5,\n", "\n0.5e1,\n").replace("\n6,\n", f"\n6.{'0' * 300},\n").replace("0,0,0", "0e999,0,0")
    )
    for variant in (GOOD, GOOD.replace("\n", "\r\n"), plain, GOOD.replace(",", "\t, "), *ends, numbers):
        path = save(tmp_path / "good.nnet", variant.encode())
        assert read(path).evaluate((1, 1)) == ((8, 13),)
        assert check.read_network(str(path), "as stored", check.MAX_UNPACKED).outputs == ["output"]


# JSON


def document(**changes):
    """A good document with some keys replaced, or left out where the value is None."""
    dense = {
        "op": "dense",
        "source": "x",
        "target": "y",
        "columns": 2,
        "rows": [[[0, "1/2"], [1, "-3"]], []],
        "bias": ["0", "5"],
    }
    top = {
        "format": "exactlump network",
        "version": 1,
        "inputs": [{"name": "x", "shape": [2]}],
        "nodes": [dense],
        "outputs": ["y"],
    }
    top.update(changes)
    return {key: value for key, value in top.items() if value is not None}


def nodes(**changes):
    """The document with changes in its node."""
    (entry,) = document()["nodes"]
    entry.update(changes)
    return document(nodes=[{key: value for key, value in entry.items() if value is not None}])


def entry(op, **fields):
    return document(nodes=[{"op": op, "source": "x", "target": "y", **fields}])


JSON = {
    "empty": ("", FormatError, "json"),
    "not utf-8": (b'{"a": "\xff"}', FormatError, "json"),
    "byte order mark": ("\ufeff{}", FormatError, "json"),
    "list": ("[]", FormatError, "object"),
    "two documents": ("{} {}", FormatError, "json"),
    "nested lists": ("[" * 200_000, FormatError, "nested"),
    "nested objects": ('{"a":' * 200_000, FormatError, "nested"),
    "float": (document(version=1.0), FormatError, "1.0"),
    "nan": (json.dumps(document(version=float("nan"))), FormatError, "NaN"),
    "infinity": ('{"version": -Infinity}', FormatError, "Infinity"),
    "huge integer": ('{"version": ' + "9" * 10_000 + "}", FormatError, "10^15"),
    "negative integer": (document(version=-1), FormatError, "-1"),
    "duplicate key": ('{"format": 1, "format": 1}', FormatError, "twice"),
    "unknown key": (document(extra=1), FormatError, "extra"),
    "missing key": (document(outputs=None), FormatError, "outputs"),
    "other format": (document(format="other"), FormatError, "other"),
    "other version": (document(version=2), FormatError, "version 2"),
    "version is true": (document(version=True), FormatError, "version"),
    "no inputs": (document(inputs=[]), FormatError, "input"),
    "no outputs": (document(outputs=[]), FormatError, "output"),
    "output unknown": (document(outputs=["z"]), ShapeError, "'z'"),
    "output twice": (document(outputs=["y", "y"]), ShapeError, "twice"),
    "name is a number": (document(outputs=[1]), FormatError, "name"),
    "name is empty": (nodes(target=""), FormatError, "name"),
    "name is half a character": (json.dumps(document(outputs=["\ud800"])), FormatError, "name"),
    "shape of zero": (document(inputs=[{"name": "x", "shape": [0]}]), ShapeError, "element"),
    "shape is huge": (document(inputs=[{"name": "x", "shape": [10**9, 10**9]}]), FormatError, "elements"),
    "shape of truths": (document(inputs=[{"name": "x", "shape": [True]}]), FormatError, "integer"),
    "input twice": (document(inputs=[{"name": "x", "shape": [2]}] * 2), ShapeError, "twice"),
    "op unknown": (entry("convolve"), FormatError, "convolve"),
    "op missing": (document(nodes=[{}]), FormatError, "op"),
    "node is a list": (document(nodes=[[]]), FormatError, "op"),
    "key of another op": (entry("scale", constant=["1", "1"]), FormatError, "factor"),
    "source unknown": (nodes(source="z"), ShapeError, "'z'"),
    "target defined twice": (nodes(target="x"), ShapeError, "'x'"),
    "columns do not match": (nodes(columns=3), ShapeError, "columns"),
    "column outside": (nodes(rows=[[[2, "1"]], []]), ShapeError, "column"),
    "columns not ascending": (nodes(rows=[[[1, "1"], [0, "1"]], []]), FormatError, "ascending"),
    "column twice": (nodes(rows=[[[1, "1"], [1, "1"]], []]), FormatError, "ascending"),
    "weight of zero": (nodes(rows=[[[1, "0"]], []]), FormatError, "weight 0"),
    "weight is an integer": (nodes(rows=[[[1, 5]], []]), FormatError, "rational"),
    "weight not in lowest terms": (nodes(rows=[[[1, "2/4"]], []]), FormatError, "2/4"),
    "weight over one": (nodes(rows=[[[1, "2/1"]], []]), FormatError, "2/1"),
    "weight with a plus": (nodes(rows=[[[1, "+2"]], []]), FormatError, "+2"),
    "weight is a decimal": (nodes(rows=[[[1, "0.5"]], []]), FormatError, "0.5"),
    "weight over zero": (nodes(rows=[[[1, "1/0"]], []]), FormatError, "1/0"),
    "minus zero": (nodes(bias=["-0", "5"]), FormatError, "-0"),
    "weight too long": (nodes(rows=[[[1, "1" * 10_001]], []]), FormatError, "rational"),
    "weight in lowest terms but for its length": (nodes(rows=[[[1, "2" * 5000 + "/2"]], []]), FormatError, "2222"),
    "weight of three": (nodes(rows=[[[1, "1", "1"]], []]), FormatError, "column"),
    "row is an object": (nodes(rows=[{}, []]), FormatError, "list"),
    "bias too short": (nodes(bias=["0"]), ShapeError, "biases"),
    "factor too short": (entry("scale", factor=["1"]), ShapeError, "entries"),
    "constant too long": (entry("shift", constant=["1"] * 3), ShapeError, "entries"),
    "select, a channel axis outside": (
        document(
            nodes=[{"op": "select", "sources": ["x"], "target": "y", "picks": [[0, 0]], "shape": [1], "channel": 1}]
        ),
        ShapeError,
        "channel axis 1",
    ),
    "axes wrong": (entry("reorder", axes=[0, 1], shape=[2]), ShapeError, "axes"),
    "reorder to another size": (entry("reorder", axes=None, shape=[3]), ShapeError, "elements"),
    "function unknown": (entry("activate", functions=[["relu"]] * 2), ShapeError, "relu"),
    "function without its slope": (entry("activate", functions=[["leaky_relu"]] * 2), ShapeError, "slope"),
    "function with a slope too many": (entry("activate", functions=[["tanh", "1"]] * 2), ShapeError, "parameters"),
    "functions too few": (entry("activate", functions=[["tanh"]]), ShapeError, "entries"),
    "function is text": (entry("activate", functions=["tanh"] * 2), FormatError, "list"),
    "head unknown": (entry("head", kind="topk"), ShapeError, "topk"),
    "head is a list": (entry("head", kind=["softmax"]), ShapeError, "softmax"),
}


@pytest.mark.parametrize("name", JSON)
def test_bad_json(name, tmp_path):
    content, error, *words = JSON[name]
    if isinstance(content, dict):
        content = json.dumps(content)
    path = save(tmp_path / "bad.json", content if isinstance(content, bytes) else content.encode())
    fails(error, 2, lambda: read(path), str(path), *words)


def test_the_good_json_is_good(tmp_path):
    path = save(tmp_path / "good.json", json.dumps(document(), indent=3).encode())
    assert read(path).evaluate((2, 1)) == ((-2, 5),)


# Files


@pytest.mark.parametrize("suffix", [".h5", ".pb", ".tflite", ".gz", ".nnet.gz", ""])
def test_other_formats_are_named(suffix, tmp_path):
    path = save(tmp_path / f"a{suffix}", b"")
    for call in (read, digest, lambda p: write(tiny(), p)):
        fails(FormatError, 2, lambda call=call: call(path), suffix.rsplit(".")[-1], ".onnx.gz", ".nnet", ".json")


@pytest.mark.parametrize("suffix", [".pt", ".pth"])
def test_pytorch_files_are_not_read_without_their_layers(suffix, tmp_path):
    path = save(tmp_path / f"a{suffix}", b"")
    for call in (read, digest, lambda p: write(tiny(), p)):
        fails(FormatError, 2, lambda call=call: call(path), suffix.rsplit(".")[-1])


def test_files_that_cannot_be_read(tmp_path):
    (tmp_path / "folder.onnx").mkdir()
    os.mkfifo(tmp_path / "pipe.onnx")
    for name, word in [
        ("missing.onnx", "No such file"),
        ("folder.onnx", "regular"),
        ("pipe.onnx", "regular"),
        ("\0.onnx", "read"),
    ]:
        for call in (read, digest):
            fails(FormatError, 2, lambda call=call, name=name: call(tmp_path / name), word)
    fails(FormatError, 2, lambda: read(tmp_path / "new\nline.onnx"), r"new\nline")


@pytest.mark.parametrize("suffix", [".onnx", ".onnx.gz", ".json", ".nnet"])
def test_places_that_cannot_be_written_are_named_and_left_alone(suffix, tmp_path):
    network = tiny() if suffix in (".json", ".nnet") else tiny("float32")
    (tmp_path / f"folder{suffix}").mkdir()
    (tmp_path / "file").write_bytes(b"")
    for name in (f"missing/a{suffix}", f"folder{suffix}", f"file/a{suffix}", "n" * 300 + suffix, f"\0{suffix}"):
        fails(CannotWrite, 2, lambda name=name: write(network, tmp_path / name), "cannot be written")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", f"folder{suffix}"]
    assert list((tmp_path / f"folder{suffix}").iterdir()) == []


def test_devices_are_not_replaced():
    fails(CannotWrite, 2, lambda: write_atomically("/dev/null", b"x"), "device")
    assert not Path("/dev/null").is_file()


def test_links_are_written_through(tmp_path):
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to("real")
    write_atomically(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"


@pytest.mark.parametrize("suffix", [".onnx", ".onnx.gz", ".json", ".nnet"])
def test_files_with_other_content_are_left_alone_where_asked(suffix, tmp_path):
    network = tiny() if suffix in (".json", ".nnet") else tiny("float32")
    path = tmp_path / f"a{suffix}"
    write(network, path, overwrite=False)
    good = path.read_bytes()
    write(network, path, overwrite=False)
    for old in (good + b"x", good[:-1], b"x" * len(good)):
        path.write_bytes(old)
        fails(CannotWrite, 2, lambda: write(network, path, overwrite=False), f"a{suffix}: found a file with other")
        assert path.read_bytes() == old
        assert [p.name for p in tmp_path.iterdir()] == [path.name]
    write(network, path, overwrite=True)
    assert path.read_bytes() == good


def test_of_several_files_none_is_replaced_where_one_must_stay(tmp_path):
    """Also where only the last of them is there already."""
    (tmp_path / "b").write_bytes(b"old")
    contents = {str(tmp_path / name): name.encode() for name in "ab"}
    fails(CannotWrite, 2, lambda: files.write_together(contents, overwrite=False), "b: found a file")
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == {"b": b"old"}
    files.write_together(contents, overwrite=True)
    files.write_together(contents, overwrite=False)
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == {"a": b"a", "b": b"b"}


def test_new_files_have_the_usual_rights(tmp_path):
    mask = os.umask(0o027)
    try:
        write_atomically(tmp_path / "a", b"x")
    finally:
        os.umask(mask)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o640


def interrupted():
    yield b"half of"
    raise KeyboardInterrupt


@pytest.mark.parametrize("old", [None, b"old"])
def test_an_interrupted_write_leaves_the_old_file_and_nothing_else(old, tmp_path):
    path = tmp_path / "a"
    if old:
        path.write_bytes(old)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(path, interrupted())
    with pytest.raises(KeyboardInterrupt):
        files.write_together({str(tmp_path / "b"): b"complete", str(path): interrupted()})
    assert [p.read_bytes() for p in tmp_path.iterdir()] == ([old] if old else [])


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_failing_system_call_is_reported_and_cleaned_up(call, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    (tmp_path / "a.json").write_bytes(b"old")
    monkeypatch.setattr(files.os, call, full)
    fails(CannotWrite, 2, lambda: write(tiny(), tmp_path / "a.json"), "a.json", "No space left")
    assert [p.read_bytes() for p in tmp_path.iterdir()] == [b"old"]


FULL = """
import resource, signal, sys
from exactlump.errors import CannotWrite
from exactlump.formats.files import write_atomically
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    write_atomically(sys.argv[1], [b"x" * 900, b"y" * 900])
except CannotWrite as error:
    print(error)
"""
KILLED = """
import sys, time
from exactlump.formats.files import write_atomically
def slowly():
    yield b"new"
    print("half", flush=True)
    time.sleep(60)
write_atomically(sys.argv[1], slowly())
"""
ROOT = Path(__file__).parents[2]


def test_a_file_that_grows_too_large_is_reported_and_removed(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path / "a")], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "cannot be written: File too large" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_killed_write_leaves_the_old_file_whole(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"old")
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, str(path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as run:
        assert run.stdout.readline() == "half\n"
        run.kill()
    assert path.read_bytes() == b"old"


# Anything


def mutations(content):
    """The content with some bytes changed, cut out or doubled."""
    place = st.integers(0, len(content) - 1)
    change = st.tuples(place, st.integers(0, 8), st.binary(max_size=4))
    return st.lists(change, min_size=1, max_size=4).map(lambda changes: _apply(content, changes))


def _apply(content, changes):
    for start, length, new in changes:
        content = content[:start] + new + content[start + length :]
    return content


def refusal(call, path):
    """The error that the call raises, if it is one of ours; others are not caught."""
    try:
        call(path)
    except ExactlumpError as error:
        return error
    return None


BASE = model(
    [
        node("Flatten", "x", "a"),
        node("MatMul", "a W", "p"),
        node("Add", "p b", "h"),
        node("PRelu", "h b", "r"),
        helper.make_node("Constant", [], ["s"], value_ints=[0, 2, 1]),
        node("Reshape", "r s", "q"),
        node("Transpose", "q", "t", perm=[0, 2, 1]),
        node("Cast", "t", "y", to=TensorProto.DOUBLE),
    ],
    {"x": ["N", 1, 2]},
    [port("y", ["N", 1, 2], "float64")],
    [tensor("W", np.eye(2), raw=True), tensor("b", [1.0, 2.0])],
).SerializeToString()


@pytest.mark.parametrize(
    ("suffix", "content"),
    [
        (".onnx", BASE),
        (".onnx.gz", gzip.compress(BASE)),
        (".nnet", GOOD.encode()),
        (".json", json.dumps(document()).encode()),
    ],
    ids=["onnx", "onnx.gz", "nnet", "json"],
)
def test_mutated_files_are_read_or_refused_on_one_line(suffix, content, tmp_path_factory):
    folder = tmp_path_factory.mktemp("mutated")
    assert read(save(folder / f"a{suffix}", content)).nodes

    @settings(max_examples=400, deadline=None)
    @given(mutations(content))
    @example(b"")
    def holds(mutated):
        path = save(folder / f"b{suffix}", mutated)
        for call in (read, digest):
            error = refusal(call, path)
            if error is not None:
                assert str(error).isprintable()
                assert str(error).startswith(str(path))
                assert error.exit_code in (2, 4)

    holds()


def test_no_format_is_imported_before_it_is_needed():
    code = "import sys, exactlump.formats; sys.exit('onnx' in sys.modules)"
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
    assert time.perf_counter() - start < 60
    assert onnx.__name__ in sys.modules
