# SPDX-License-Identifier: Apache-2.0
"""This file is about profiles of ONNX: which operators are outside of a stated one, and which nodes broadcast."""

import json

import pytest
from onnx import TensorProto, helper

from exactlump import FormatError, inspect_file
from exactlump.cli.main import main
from exactlump.formats.onnx import profiles
from tests.tools import model, node, save


def graph():
    """A bias that broadcasts, one that does not, a Gemm, products of two ranks, and a tensor of unknown shape."""
    nodes = [
        helper.make_node("MatMul", ["x", "W"], ["p"], name="product"),
        helper.make_node("Add", ["p", "short"], ["q"], name="short bias"),
        helper.make_node("Add", ["q", "long"], ["r"], name="long bias"),
        helper.make_node("Gemm", ["r", "V", "b"], ["y"], name="gemm"),
    ]
    constants = {"W": [[1.0, 2.0], [3.0, 4.0]], "short": [1.0, 1.0], "long": [[1.0, 1.0]]}
    return model(nodes, {"x": [1, 2]}, {"y": [1, 3]}, constants | {"V": [[1.0] * 3] * 2, "b": [1.0] * 3})


def test_nodes_that_broadcast_are_found_and_no_others():
    found = {entry.place: (entry.operator, entry.shapes) for entry in profiles.broadcasts(graph())}
    assert found == {"short bias": ("Add", [[1, 2], [2]]), "gemm": ("Gemm", [[3], [1, 3]])}


@pytest.mark.parametrize(
    ("operator", "shapes", "broadcast"),
    [
        ("MatMul", ([2, 3, 4], [2, 4, 5]), False),
        ("MatMul", ([2, 3, 4], [4, 5]), True),
        ("MatMul", ([3, 4], [4, 5]), False),
        ("Mul", (["n", 4], ["n", 4]), False),
        ("Mul", (["n", 4], ["m", 4]), True),
        ("Mul", ([None, 4], [None, 4]), True),
        ("Mul", ([2, 4], [2, 4]), False),
        ("Concat", ([2, 4], [3, 4]), False),
    ],
)
def test_what_is_not_known_may_broadcast(operator, shapes, broadcast):
    inputs = [helper.make_tensor_value_info(f"x{i}", TensorProto.FLOAT, shape) for i, shape in enumerate(shapes)]
    attributes = {"axis": 0} if operator == "Concat" else {}
    made = helper.make_graph(
        [helper.make_node(operator, ["x0", "x1"], ["y"], **attributes)],
        "g",
        inputs,
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
    )
    assert bool(profiles.broadcasts(helper.make_model(made))) == broadcast


def test_a_profile_names_operators_and_what_is_beside_them_is_counted(tmp_path):
    (tmp_path / "profile.txt").write_text("MatMul # products\n\n  ai.onnx:Gemm\n# nothing\n")
    profile = profiles.read_profile(tmp_path / "profile.txt")
    assert profile == {"MatMul", "Gemm"}
    assert profiles.outside(graph(), profile) == {"Add": 2}
    assert profiles.outside(graph(), {"Add", *profile}) == {}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\xff\n", "no UTF-8 at 0"),
        (b"# nothing\n", "found no operator"),
        (b"Add\nMul, Div\n", "line 2: found 'Mul, Div'"),
        (b"<Add>\n", "line 1"),
    ],
)
def test_what_is_no_profile_is_refused(tmp_path, content, words):
    (tmp_path / "profile.txt").write_bytes(content)
    with pytest.raises(FormatError, match=words):
        profiles.read_profile(tmp_path / "profile.txt")


def test_inspect_says_what_is_outside_of_a_profile(tmp_path, capsys):
    source = save(tmp_path / "a.onnx", graph())
    (tmp_path / "profile.txt").write_text("MatMul\nGemm\n")
    assert inspect_file(source).outside is None
    found = inspect_file(source, profile=tmp_path / "profile.txt")
    assert found.outside == {"Add": 2}
    assert [entry["place"] for entry in found.broadcasts] == ["short bias", "gemm"]
    with pytest.raises(SystemExit) as end:
        main(["inspect", str(source), "--profile", str(tmp_path / "profile.txt"), "--json"])
    words = json.loads(capsys.readouterr().out)
    assert (end.value.code or 0, words["outside"]) == (0, {"Add": 2})
    assert [file["role"] for file in words["files"]] == ["network", "profile"]
    with pytest.raises(SystemExit):
        main(["inspect", str(source), "--profile", str(tmp_path / "profile.txt")])
    out = capsys.readouterr().out
    assert "outside of the profile: Add 2\n" in out
    assert "broadcasts: Add short bias: [1, 2] and [2]\n" in out


def test_a_file_that_cannot_be_reduced_has_a_profile_too(tmp_path):
    source = save(tmp_path / "a.onnx", model([node("RandomNormalLike", "x", "y")], {"x": [1, 2]}, {"y": [1, 2]}))
    (tmp_path / "profile.txt").write_text("Gemm\n")
    found = inspect_file(source, profile=tmp_path / "profile.txt")
    assert (found.outside, found.broadcasts) == ({"RandomNormalLike": 1}, ())
