# SPDX-License-Identifier: Apache-2.0
"""This file is about valid graphs of which engine and checker said different things: each is named, and now reduced."""

import numpy as np
import pytest
from onnx import helper

from exactlump import check_files, reduce_file
from tests.tools import model, node, run, save, session

W = np.array([[1.0, 2, 3], [2, 4, 6], [0, 1, 0]])
CONSTANTS = {
    "W": W,
    "V": np.array([[1.0, 1, 1], [2, -1, 0], [0, 1, 1]]),
    "z": np.zeros(3),
    "one": np.float32(1),
    "half": np.float32(0.5),
    "low": np.float32(-2),
    "endless": np.float32(-np.inf),
}


def graph(*nodes, opset=13):
    """A dense layer with proportional units, and what is above."""
    below = [node("Gemm", "x W z", "g", transB=1), node("Relu", "g", "q"), node("Gemm", "q V z", "h", transB=1)]
    below.append(node("Relu", "h", "r"))
    above = node("Gemm", "s W z", "y", transB=1)
    return model([*below, *nodes, above], {"x": ["N", 3]}, {"y": ["N", 3]}, CONSTANTS, opset=opset)


CASES = {
    "Max of three tensors": graph(node("Neg", "r", "n"), node("Max", "r h n", "s")),
    "Min of a tensor and two constants": graph(node("Min", "r one half", "s")),
    "Max of one tensor": graph(node("Max", "r", "s")),
    "Min of one tensor": graph(node("Min", "r", "s")),
    "Sum of two tensors and a constant": graph(node("Sum", "r h one", "s")),
    "Clip whose lower bound is above the upper one": graph(node("Clip", "r one low", "s")),
    "Clip by an upper bound of minus infinity": graph(helper.make_node("Clip", ["r", "", "endless"], ["s"])),
}


@pytest.mark.parametrize("name", CASES)
def test_it_is_reduced(name, tmp_path):
    path = save(tmp_path / "in.onnx", CASES[name])
    done = reduce_file(path, tmp_path / "out.onnx")
    assert check_files(path, done.reduced, done.certificate).verdict == "equivalent"
    assert done.reduction.reduced.neurons < done.reduction.original.neurons
    x = np.array([2, -3, 1], np.float32)
    assert np.array_equal(run(path, x)[0], run(done.reduced, x)[0], equal_nan=True)


def moved(*nodes, shape, out, opset=13, **constants):
    """A graph of nodes that move elements, and the shapes of its input and output."""
    return model(nodes, {"x": shape}, {"y": out}, {name: np.array(c) for name, c in constants.items()}, opset=opset)


ROW = np.array([[1.0, 2, 0], [2, 4, 1], [0, 1, 3], [1, 1, 1]])
# What the engine took for opaque and the checker reads; a graph, and its opaque operators now.
MOVES = {
    "elements along one axis, and the batch moves": (
        moved(
            node("Transpose", "x", "t", perm=[1, 0, 2]), node("MatMul", "t W", "y"), shape=["N", 1, 4], out=None, W=ROW
        ),
        {},
    ),
    "one element an item, and the batch moves": (
        moved(node("Flatten", "x", "t", axis=0), node("Relu", "t", "y"), shape=["N", 1], out=None),
        {},
    ),
    "units on the first axis, taken apart": (
        moved(node("Transpose", "x", "t"), node("MatMul", "t W", "y"), shape=[4, 2], out=None, W=ROW),
        None,
    ),
    "images without a batch, along the last axis": (
        moved(
            *(node("MatMul", "x V", "t"), node("Transpose", "t", "u"), node("MatMul", "u W", "y")),
            shape=[4, 2],
            out=None,
            V=ROW[:2],
            W=ROW,
        ),
        {},
    ),
    "a batch of one that becomes rows": (
        moved(node("Reshape", "x s", "t"), node("MatMul", "t W", "y"), shape=[1, 8], out=None, s=[2, 4], W=ROW),
        None,
    ),
    "a matrix above a given vector": (
        moved(node("Reshape", "x s", "t"), node("MatMul", "t W", "y"), shape=[2, 2], out=None, s=[4], W=ROW),
        {"ai.onnx:Reshape": 1},
    ),
    "a constant on a given vector": (
        moved(node("Reshape", "x s", "t"), node("Add", "t b", "y"), shape=[2, 2], out=None, s=[4], b=ROW[:, 0]),
        {"ai.onnx:Reshape": 1},
    ),
    "the identity of a given vector": (
        moved(
            node("Reshape", "x s", "t"),
            node("Identity", "t", "u"),
            node("Relu", "u", "y"),
            shape=[2, 2],
            out=None,
            s=[4],
        ),
        {"ai.onnx:Reshape": 1},
    ),
}


@pytest.mark.parametrize("name", MOVES)
def test_engine_and_checker_move_alike(name, tmp_path):
    made, opaque = MOVES[name]
    path = save(tmp_path / "in.onnx", made)
    done = reduce_file(path, tmp_path / "out.onnx")
    assert check_files(path, done.reduced, done.certificate).verdict == "equivalent"
    assert opaque is None or done.json()["opaque"] == opaque
    sizes = [
        n if isinstance(n, int) else 3
        for n in [d.dim_value or "N" for d in made.graph.input[0].type.tensor_type.shape.dim]
    ]
    x = np.random.default_rng(1).integers(-4, 5, sizes).astype(np.float32)
    ours, theirs = (session(place).run(None, {"x": x})[0] for place in (path, done.reduced))
    assert np.array_equal(ours, theirs)


def test_an_output_keeps_its_axes(tmp_path):
    """A vector that becomes a matrix of one row is not written as a vector again."""
    nodes = [node("Reshape", "x s", "t"), node("MatMul", "t W", "h"), node("Relu", "h", "r")]
    nodes += [node("Reshape", "r o", "u"), node("MatMul", "u V", "y")]
    made = moved(*nodes, shape=["N", 4], out=None, s=[-1], W=ROW, o=[1, -1], V=ROW[:3])
    path = save(tmp_path / "in.onnx", made)
    done = reduce_file(path, tmp_path / "out.onnx")
    x = np.ones((1, 4), np.float32)
    assert session(path).run(None, {"x": x})[0].shape == session(done.reduced).run(None, {"x": x})[0].shape
