# SPDX-License-Identifier: Apache-2.0
"""This file is about the checker's budget while it reads: small files that ask for much are stopped before the work."""

import ast
import gzip
import json
import tracemalloc
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from exactlump import check
from tests.tools import save

COPIES = 60
MANY = np.arange(1 << 16, dtype=np.float32)


def repeated(make, shape, constants):
    """Many nodes that nothing reads, and one function."""
    nodes = [make(f"d{i}") for i in range(COPIES)] + [helper.make_node("Relu", ["x"], ["y"])]
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in "xy"]
    arrays = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    body = helper.make_graph(nodes, "g", ports[:1], ports[1:], arrays)
    return helper.make_model(body, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


GREEDY = {
    "casts": repeated(lambda y: helper.make_node("Cast", ["c"], [y], to=11), ["N", 2], {"c": MANY}),
    "indices": repeated(
        lambda y: helper.make_node("Gather", ["x", "i"], [y], axis=1), ["N", 2], {"i": np.zeros(1 << 16, np.int64)}
    ),
    "batch normalisations": repeated(
        lambda y: helper.make_node("BatchNormalization", ["x", "c", "c", "c", "v"], [y]),
        ["N", 1 << 16],
        {"c": np.ones(1 << 16, np.float32), "v": np.full(1 << 16, 1 - 1e-5, np.float32)},
    ),
    "opaque constants": repeated(lambda y: helper.make_node("Pow", ["x", "c"], [y]), ["N", 1 << 16], {"c": MANY}),
}
FOLDED = "batch normalisation folded, scales in float32"


@pytest.mark.parametrize("name", GREEDY)
def test_work_on_constants_is_charged(name, tmp_path, monkeypatch):
    monkeypatch.setattr(check, "MAX_FOLDED", 1 << 10)
    path = save(tmp_path / "m.onnx", GREEDY[name])
    tracemalloc.start()
    with pytest.raises(check.Stop, match="stored") as caught:
        check.read_network(str(path), FOLDED, check.MAX_UNPACKED)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (caught.value.verdict, caught.value.rule) == ("unknown", "budget")
    assert most < 100 << 20


def varint(n):
    return bytes([n & 127 | 128]) + varint(n >> 7) if n > 127 else bytes([n])


def field(number, content):
    return varint(number << 3 | 2) + varint(len(content)) + content


SIZE = 1 << 16
OPSET = field(8, b"\x10\x0d")
PACKED = {
    "packed numbers": field(7, field(5, field(7, b"\x01" * 2 * SIZE) + b"\x10\x07")) + OPSET,
    "fields that say nothing": b"\x28\x01" * SIZE + field(7, b"") + OPSET,
    "empty names": field(7, field(1, b"\x0a\x00" * SIZE)) + OPSET,
    "floats of an attribute": field(
        7, field(1, field(2, b"y") + field(4, b"Relu") + field(5, field(7, bytes(2 * SIZE))))
    )
    + OPSET,
}


@pytest.mark.parametrize("name", PACKED)
def test_what_is_packed_is_charged(name, tmp_path, monkeypatch):
    monkeypatch.setattr(check, "MAX_PARSED", SIZE)
    path = tmp_path / "m.onnx.gz"
    path.write_bytes(gzip.compress(PACKED[name], 1))
    with pytest.raises(check.Stop) as caught:
        check.read_network(str(path), "as stored", check.MAX_UNPACKED)
    assert (caught.value.verdict, caught.value.rule) == ("unknown", "budget")


def test_the_limit_can_be_set(tmp_path):
    path = save(tmp_path / "m.onnx", GREEDY["casts"])
    with pytest.raises(check.Stop, match="stored"):
        check.read_network(str(path), "as stored", check.MAX_UNPACKED, work=1 << 17)
    with pytest.raises(check.Stop, match="fields"):
        check.read_network(str(path), "as stored", check.MAX_UNPACKED, work=100)


def test_long_denominators_are_charged(tmp_path, monkeypatch):
    """A few of them make every number of a row long."""
    monkeypatch.setattr(check, "MAX_ROW", 1 << 24)
    long = [str((1 << 2999) + 2 * i + 1) for i in range(28)]
    row = [[i, f"1/{long[i]}" if i < 28 else "1/3"] for i in range(1000)]
    nodes = [{"op": "dense", "source": "x", "target": "y", "columns": 1000, "rows": [row] * 2, "bias": ["0", "0"]}]
    words = {"format": "exactlump network", "version": 1, "inputs": [{"name": "x", "shape": [1000]}]}
    path = tmp_path / "m.json"
    path.write_text(json.dumps({**words, "nodes": nodes, "outputs": ["y"]}))
    network = check.read_network(str(path), "as stored", check.MAX_UNPACKED)
    with pytest.raises(check.Stop, match="denominator") as caught:
        check.Checker(network, network, {side: {} for side in check.SIDES}).run()
    assert caught.value.verdict == "unknown"


def test_no_name_of_the_checker_means_two_things():
    """The file has no parts of its own: what is defined twice at its top is another thing for what stands above."""
    tops = ast.parse(Path(check.__file__).read_text()).body
    names = [top.name for top in tops if isinstance(top, ast.FunctionDef | ast.ClassDef)]
    for top in tops:
        targets = top.targets if isinstance(top, ast.Assign) else [top.target] if isinstance(top, ast.AnnAssign) else []
        names += [leaf.id for target in targets for leaf in ast.walk(target) if isinstance(leaf, ast.Name)]
    assert [name for name, count in Counter(names).items() if count > 1] == []
