# SPDX-License-Identifier: Apache-2.0
"""This file is about queries of public data: properties of ACAS Xu, and a pair of networks that are nearly the same."""

from pathlib import Path

import pytest

from exactlump import verify
from exactlump.queries import read_query

DATA = Path(__file__).parents[3] / "shared" / "data"
ACAS, PAIRS = DATA / "acasxu", DATA / "vnn"
pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not (ACAS.is_dir() and PAIRS.is_dir()), reason=f"no networks below {DATA}"),
]


@pytest.mark.parametrize(
    ("number", "network", "expected"), [(2, "2_1", "sat"), (3, "1_7", "sat"), (4, "3_3", "unsat"), (4, "5_5", "unsat")]
)
def test_properties(number, network, expected):
    """As published."""
    query = ACAS / "vnnlib" / f"prop_{number}.vnnlib"
    found = verify(query, ACAS / "onnx" / f"ACASXU_run2a_{network}_batch_2000.onnx")
    assert found.verdict == expected, found.notes
    if expected == "sat":
        assert read_query(query.read_bytes()).holds(found.values)
        assert found.in_floats
        assert found.replayed in (True, None)  # None without onnxruntime


def test_a_pruned_network_differs():
    """By more than 0.05, at float32 inputs at which onnxruntime says so, too."""
    query = PAIRS / "isomorphic_seed850851855" / "vnnlib" / "instance_0.vnnlib"
    name = "ACASXU_run2a_4_6_batch_2000"
    networks = {"f": PAIRS / "original" / f"{name}.onnx", "g": PAIRS / "pruned" / f"{name}_pruned5.onnx"}
    found = verify(query, networks)
    assert found.verdict == "sat"
    assert read_query(query.read_bytes()).holds(found.values)
    assert found.in_floats
    assert found.replayed in (True, None)
