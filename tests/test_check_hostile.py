# SPDX-License-Identifier: Apache-2.0
"""This file is about pairs of files that were found to pass for equal, and are not: each was a hole in the checker.

Of every pair the outputs at one input are computed by ONNX's reference evaluator, or by onnxruntime, and differ.
"""

import numpy as np
from onnx.reference import ReferenceEvaluator

from tests.claims import judge
from tests.test_check_opaque import both, graph, node


def at(proto, x):
    """The output that ONNX's reference evaluator computes."""
    return np.asarray(ReferenceEvaluator(proto).run(None, {"x": np.asarray(x, np.float32)})[0])


def parts(outputs):
    """The first part of a Split of a tensor whose shape nothing says: how many parts there are says how long it is."""
    nodes = [
        node("Tile", "x once", "t"),
        node("Split", "t", outputs, axis=1),
        node("ReduceSum", "a", "y", keepdims=0),
    ]
    return graph(nodes, {"x": [1, 6]}, {"y": []}, {"once": np.array([1, 1])}, opset=13)


def test_a_part_that_nobody_reads_is_one_of_the_parts(tmp_path):
    pair = parts("a b -"), parts("a b")
    values = [float(at(proto, [[0, 1, 2, 3, 4, 5]])) for proto in pair]
    assert values == [1, 3]
    found = judge(*both(pair, tmp_path), tmp_path)
    assert (found.verdict, found.rule) == ("rejected", "opaque"), found.reason


def thresholded(shape, axes=2):
    """Where(Greater(x, t), x, softplus(x)), and a Softmax along axis 1 of what that makes."""
    nodes = [
        node("Greater", "x t", "c"),
        node("Softplus", "x", "s"),
        node("Where", "c x s", "w"),
        node("Softmax", "w", "y", axis=1),
    ]
    return graph(nodes, {"x": ["B", 4]}, {"y": ["B", 4]}, {"t": np.full(shape, 20, np.float32)})


def test_a_threshold_of_more_axes_makes_a_tensor_of_more_axes(tmp_path):
    """Softmax along axis 1 is along the batch, where there is an axis before it."""
    pair = thresholded([1, 1, 1]), thresholded([1])
    assert np.allclose(at(pair[0], [[0, 1, 2, 3], [3, 2, 1, 0]]).sum(axis=1), 1)
    assert np.allclose(at(pair[1], [[0, 1, 2, 3], [3, 2, 1, 0]]).sum(axis=1), 1)
    assert at(pair[0], [[0, 1, 2, 3], [3, 2, 1, 0]]).shape == (1, 2, 4)
    assert at(pair[1], [[0, 1, 2, 3], [3, 2, 1, 0]]).shape == (2, 4)
    found = judge(*both(pair, tmp_path), tmp_path)
    assert (found.verdict, found.rule) == ("rejected", "opaque"), found.reason
    same = thresholded([1]), thresholded([])
    assert judge(*both(same, tmp_path), tmp_path).verdict == "equivalent"


def quantised(shape):
    """A Quant whose zero point has a shape, and a Softmax along axis 1."""
    nodes = [node("Quant", "x s z b", "q", domain="qonnx.custom_op.general"), node("Softmax", "q", "y", axis=1)]
    constants = {"s": np.float32(1), "z": np.zeros(shape, np.float32), "b": np.float32(8)}
    return graph(nodes, {"x": ["B", 4]}, {"y": ["B", 4]}, constants, domains=["qonnx.custom_op.general"])


def test_a_zero_point_of_more_axes_makes_a_tensor_of_more_axes(tmp_path):
    found = judge(*both((quantised([1, 1, 1]), quantised([])), tmp_path), tmp_path)
    assert (found.verdict, found.rule) == ("rejected", "opaque"), found.reason
    assert judge(*both((quantised([1]), quantised([])), tmp_path), tmp_path).verdict == "equivalent"
