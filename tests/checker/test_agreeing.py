# SPDX-License-Identifier: Apache-2.0
"""This file is about valid graphs of which engine and checker said different things: each is named, and now reduced."""

import numpy as np
import pytest
from onnx import helper

from exactlump import check_files, reduce_file
from tests.tools import model, node, run, save

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
