# SPDX-License-Identifier: Apache-2.0
"""This file is about pairs of files that were found to pass for equal, and are not: each was a hole in the checker.

Of every pair the outputs at one input are computed by ONNX's reference evaluator, or by onnxruntime, and differ.
"""

import numpy as np
import pytest
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
