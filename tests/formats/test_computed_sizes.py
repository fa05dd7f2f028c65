# SPDX-License-Identifier: Apache-2.0
"""This file is about Resize by sizes that a file computes from shapes: they copy the batch, or are given functions."""

import numpy as np
import pytest
from onnx import helper

from exactlump import check_files, formats, reduce_file
from exactlump.network.kinds import Conv
from tests.tools import model, node, run, save

FLOOR = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor", "mode": "nearest"}
KERNEL = np.array([1.0, 2, 2, 4]).reshape(2, 2, 1, 1)
CONSTANTS = {"K": KERNEL, "zero": np.array([0]), "two": np.array([2]), "four": np.array([4]), "twice": np.array([2, 2])}


def upsampled(*chain, of="x", inputs=None):
    """A convolution with proportional channels, and its images twice as large, by sizes that a chain makes."""
    nodes = [
        node("Conv", "x K", "c"),
        node("Relu", "c", "r"),
        *chain,
        helper.make_node("Resize", ["r", "", "", "sizes"], ["y"], **FLOOR),
    ]
    return model(nodes, inputs or {"x": ["N", 2, 3, 4]}, {"y": ["N", 2, 6, 8]}, CONSTANTS)


SLICES = (
    node("Shape", "r", "s"),
    node("Slice", "s zero two", "a"),
    node("Slice", "s two four", "b"),
    node("Mul", "b twice", "t"),
    node("Concat", "a t", "sizes", axis=0),
)
GATHERS = (
    node("Shape", "x", "s"),
    node("Gather", "s zero", "a"),
    node("Constant", "", "b", value_ints=[2, 6, 8]),
    node("Concat", "a b", "sizes", axis=0),
)


@pytest.mark.parametrize("chain", [SLICES, GATHERS], ids=["slices", "gathers"])
def test_sizes_that_copy_the_batch(chain, tmp_path):
    path = save(tmp_path / "in.onnx", upsampled(*chain))
    network = formats.read(path)
    assert not network.opaque
    assert sum(isinstance(n, Conv) for n in network.nodes) == 2
    done = reduce_file(path, tmp_path / "out.onnx")
    assert not done.json()["opaque"]
    assert done.reduction.reduced.neurons < done.reduction.original.neurons
    assert check_files(path, done.reduced, done.certificate).verdict == "equivalent"
    x = np.arange(-12, 12, dtype=np.float32)
    assert np.array_equal(run(path, x)[0], run(done.reduced, x)[0])


def test_the_batch_of_another_input_is_another_size(tmp_path):
    chain = (node("Shape", "z", "s"), *GATHERS[1:])
    path = save(tmp_path / "in.onnx", upsampled(*chain, inputs={"x": ["N", 2, 3, 4], "z": ["M", 2]}))
    assert {n.call.operator for n in formats.read(path).opaque} >= {"ai.onnx:Resize"}
    assert "ai.onnx:Resize" in reduce_file(path, tmp_path / "out.onnx").json()["opaque"]
