# SPDX-License-Identifier: Apache-2.0
"""This file is about files of which the checker understands less than the engine: they are reduced all the same.

Rules are taken from the checker, one at a time; nothing that it then says is believed by the checker that has them.
"""

import numpy as np
import pytest

from exactlump import UnsupportedLayer, check, check_files, reduce_file
from exactlump.verbs import reducing
from tests.tools import model, node, run, save

W = np.array([[1.0, 2, 3], [2, 4, 6], [0, 1, 0], [1, 0, 1]])
V = np.array([[1.0, 1, 1, 2], [0, 1, 2, 0]])


def chain(kind, more="", **how):
    """Two dense layers, one unit of the first a double; and a function above."""
    nodes = [
        *(node("Gemm", "x W", "h", transB=1), node("Relu", "h", "r"), node("Gemm", "r V", "s", transB=1)),
        node(kind, f"s {more}", "y", **how),
    ]
    constants = {"W": W, "V": V, "low": np.float32(-1), "high": np.float32(4)}
    return model(nodes, {"x": ["N", 3]}, {"y": ["N", 2]}, constants)


CASES = {"Softplus": "", "Clip": "low high", "Mul": "low", "Tanh": "", "Flatten": ""}


@pytest.mark.parametrize("kind", CASES)
def test_what_the_checker_has_no_rule_for_is_taken_as_given(kind, tmp_path, monkeypatch):
    path = save(tmp_path / "in.onnx", chain(kind, CASES[kind]))
    monkeypatch.delitem(check.OPERATORS, kind)
    done = reduce_file(path, tmp_path / "out.onnx")
    assert done.reduction.reduced.neurons < done.reduction.original.neurons
    assert done.json()["opaque"] == {f"ai.onnx:{kind}": 1}
    assert any("no rule" in note and kind in note for note in done.notes)
    x = np.array([1, -2, 3], np.float32)
    assert np.array_equal(run(path, x)[0], run(done.reduced, x)[0])
    assert check_files(path, done.reduced, done.certificate).verdict == "equivalent"
    monkeypatch.undo()  # a checker that has the rule counts other operators
    assert check_files(path, done.reduced, done.certificate).verdict == "rejected"


def test_several_rules_at_once(tmp_path, monkeypatch):
    nodes = [node("Gemm", "x W", "h", transB=1), node("Softplus", "h", "r"), node("Mul", "r c", "s")]
    nodes += [node("Gemm", "s V", "t", transB=1), node("Sigmoid", "t", "y")]
    path = save(
        tmp_path / "in.onnx", model(nodes, {"x": ["N", 3]}, {"y": ["N", 2]}, {"W": W, "V": V, "c": np.float32(3)})
    )
    for kind in ("Softplus", "Mul", "Sigmoid"):
        monkeypatch.delitem(check.OPERATORS, kind)
    done = reduce_file(path, tmp_path / "out.onnx")
    assert done.json()["opaque"] == {"ai.onnx:Mul": 1, "ai.onnx:Sigmoid": 1, "ai.onnx:Softplus": 1}
    assert any(note.startswith("3 operators that the checker has no rule for") for note in done.notes)


def test_nothing_is_said_where_both_have_the_rules(tmp_path):
    done = reduce_file(save(tmp_path / "in.onnx", chain("Softplus")), tmp_path / "out.onnx")
    assert not any("no rule" in note for note in done.notes)
    assert not done.json()["opaque"]


def test_a_file_is_not_read_again_without_end(tmp_path, monkeypatch):
    path = save(tmp_path / "in.onnx", chain("Softplus"))
    monkeypatch.delitem(check.OPERATORS, "Softplus")
    monkeypatch.setattr(reducing, "MOST_ROUNDS", 0)
    with pytest.raises(UnsupportedLayer, match="Softplus"):
        reduce_file(path, tmp_path / "out.onnx")
    assert [file.name for file in tmp_path.iterdir()] == ["in.onnx"]


def test_a_rule_that_the_engine_lacks_is_no_reason_to_read_again(tmp_path, monkeypatch):
    """The checker's own count of operators decides: what it understands is not called opaque."""
    from exactlump.formats.onnx import reading

    path = save(tmp_path / "in.onnx", chain("Softplus"))
    monkeypatch.setattr(reading, "OPERATORS", {k: v for k, v in reading.OPERATORS.items() if k != "Softplus"})
    with pytest.raises(UnsupportedLayer, match="Softplus"):
        reduce_file(path, tmp_path / "out.onnx")
