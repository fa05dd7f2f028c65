# SPDX-License-Identifier: Apache-2.0
"""This file is about shapes of inputs that people state, where an ONNX file leaves sizes free.

What is found is about these shapes only: certificates say which, the checker reads them in the files by itself.
"""

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from click.testing import CliRunner

from exactlump import check, inspect_file, prove_files, read, reduce_file, refute
from exactlump.certificates import certificate
from exactlump.cli.main import cli
from exactlump.errors import FormatError, ShapeError
from exactlump.formats.stating import read_stated
from tests.tools import model, node, save, session, tensor

RNG = np.random.default_rng(3)


def flattened(shape=("N", 1, "H", "W"), elements=12, double=2):
    """A convolution over a grid of free size, flattened into units: that needs the sizes.  Its channels are twins."""
    kernel = RNG.integers(-3, 4, (1, 1, 1, 1)).astype(np.float32) + 5
    constants = {
        "K": np.concatenate([kernel, double * kernel]),
        "W": RNG.integers(-4, 5, (2 * elements, 2)).astype(np.float32),
    }
    nodes = [
        node("Conv", "x K", "c"),
        node("Relu", "c", "r"),
        node("Flatten", "r", "f"),
        node("MatMul", "f W", "y"),
    ]
    return model(nodes, {"x": list(shape)}, {"y": [shape[0], 2]}, constants)


SHAPE = {"x": (None, 1, 3, 4)}


@pytest.fixture
def files(tmp_path):
    """The original, the reduced network and the certificate."""
    path = save(tmp_path / "a.onnx", flattened())
    done = reduce_file(path, tmp_path / "b.onnx", shapes=SHAPE)
    return path, done.reduced, done.certificate, done


def test_a_stated_shape_lets_an_image_become_units(files, tmp_path):
    path, reduced, proof, done = files
    assert (done.reduction.original.neurons, done.reduction.reduced.neurons) == (2, 1)
    assert read(path).neurons != 2 or read(path).is_open
    assert json.loads(proof.read_text())["claim"]["shapes"] == {"x": [None, 1, 3, 4]}
    verdict = check.check(str(path), str(reduced), str(proof))
    assert (verdict.verdict, verdict.code) == ("equivalent", 0)
    assert verdict.reason.startswith("only at inputs of the shapes x=?x1x3x4, over the reals")
    x = RNG.standard_normal((5, 1, 3, 4)).astype(np.float32)
    assert np.allclose(session(path).run(None, {"x": x})[0], session(reduced).run(None, {"x": x})[0], rtol=1e-4)
    assert "only at inputs of the shapes x=?x1x3x4" in repr(done)


def test_the_certificate_says_what_it_says(files):
    _, _, proof, _ = files
    words = proof.read_text()
    claim = certificate.read_certificate(proof)
    assert claim.shapes == SHAPE
    assert certificate.dumps(claim) == words


@pytest.mark.parametrize(
    ("shapes", "rule"),
    [
        ({"x": [None, 1, 3, 5]}, None),
        ({"x": [None, 1, 4, 3]}, None),
        ({"x": [None, 2, 3, 4]}, "shapes"),
        ({"x": [1, 3, 4]}, "shapes"),
        ({"z": [None, 1, 3, 4]}, "shapes"),
        ({"x": [None, 1, 3, 4], "z": [3]}, "shapes"),
        ({"x": [None, None, None, None]}, "shapes"),
        ({}, None),
        (None, None),
    ],
)
def test_a_certificate_about_another_shape_is_not_accepted(shapes, rule, files):
    path, reduced, proof, _ = files
    document = json.loads(proof.read_text())
    document["claim"].pop("shapes")
    if shapes is not None:
        document["claim"]["shapes"] = shapes
    proof.write_text(json.dumps(document))
    verdict = check.check(str(path), str(reduced), str(proof))
    assert verdict.verdict in ("rejected", "unsupported", "malformed")
    assert rule is None or (verdict.verdict, verdict.rule) == ("rejected", rule)


@pytest.mark.parametrize("shapes", [[], {"x": 3}, {"x": [0]}, {"x": [-1]}, {"x": [True]}, {"x": ["3"]}, {"x": [1.5]}])
def test_stated_shapes_out_of_grammar_are_malformed(shapes, files):
    path, reduced, proof, _ = files
    document = json.loads(proof.read_text())
    document["claim"]["shapes"] = shapes
    proof.write_text(json.dumps(document))
    assert check.check(str(path), str(reduced), str(proof)).verdict == "malformed"
    with pytest.raises(FormatError):
        certificate.read_certificate(proof)


def test_a_symbol_has_one_size_wherever_it_stands(tmp_path):
    """Two inputs of T each: the second is settled by the first, in the engine and in the checker."""
    nodes = [node("Add", "x z", "s"), node("Reshape", "s to", "f"), node("MatMul", "f W", "y")]
    constants = [tensor("W", np.ones((6, 1))), tensor("to", np.array([-1, 6]))]
    made = model(nodes, {"x": ["N", "T", 2], "z": ["N", "T", 2]}, {"y": ["N", 1]}, constants)
    path = save(tmp_path / "a.onnx", made)
    done = reduce_file(path, tmp_path / "b.onnx", shapes={"x": (None, 3, None)})
    assert not done.reduction.original.is_open
    assert check.main([str(path), str(done.reduced), str(done.certificate)]) == 0
    with pytest.raises(ShapeError, match="two stated sizes of 'T'"):
        read(path, shapes={"x": (None, 3, 2), "z": (None, 4, 2)})


@pytest.mark.parametrize(
    ("shapes", "words"),
    [
        ({"x": (None, 3, 3, 4)}, "found the size 1, 3 was stated"),
        ({"x": (1, 3, 4)}, "found 4 axes, 3 were stated"),
        ({"z": (1, 1, 3, 4)}, "found the input 'z', expected one of x"),
        ({"x": (None,) * 4}, "found no size"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(shapes, words, tmp_path):
    path = save(tmp_path / "a.onnx", flattened())
    with pytest.raises(FormatError, match=words):
        read(path, shapes=shapes)


def test_files_without_free_sizes_take_no_shapes(tmp_path):
    import exactlump

    exactlump.write(exactlump.Network.chain([[[1, 2]], [[3]]]), tmp_path / "a.json")
    with pytest.raises(FormatError, match="no sizes that are free"):
        read(tmp_path / "a.json", shapes={"x": (1,)})


@pytest.mark.parametrize("word", ["x", "x=", "=2", "x=0x2", "x=2xx3", "x=2*3", "x=1.5", "x=two", "x=2x"])
def test_words_that_state_no_shape_are_refused(word):
    with pytest.raises(FormatError, match="expected NAME=2x3x"):
        read_stated([word])


def test_no_input_is_stated_twice():
    with pytest.raises(FormatError, match="twice"):
        read_stated(["x=1", "x=2"])


def test_two_files_are_compared_at_stated_shapes(tmp_path):
    """The second is the first with fixed sizes; without a statement nothing may be said of them."""
    made = flattened()
    path = save(tmp_path / "a.onnx", made)
    for value in (made.graph.input[0],):
        for dim, size in zip(value.type.tensor_type.shape.dim[2:], (3, 4), strict=True):
            dim.dim_value = size
    other = save(tmp_path / "b.onnx", made)
    proof = tmp_path / "proof.json"
    found = refute(path, other, shapes=SHAPE, certificate=proof, seconds=20)
    assert found.verdict == "equivalent"
    assert check.check(str(path), str(other), str(proof)).reason.startswith("only at inputs of the shapes x=?x1x3x4")
    made.graph.initializer[1].CopyFrom(tensor("W", np.ones((24, 2))))
    third = save(tmp_path / "c.onnx", made)
    assert refute(path, third, shapes=SHAPE, seconds=20).verdict == "different"


def test_the_command_line_states_shapes(tmp_path):
    path = save(tmp_path / "a.onnx", flattened())
    words = ["reduce", str(path), str(tmp_path / "b.onnx"), "--shape", "x=?x1x3x4"]
    done = CliRunner().invoke(cli, words)
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("equivalent only at inputs of the shapes x=?x1x3x4: 2 -> 1 hidden neurons")
    seen = CliRunner().invoke(cli, ["inspect", str(path), "--shape", "x=?,1,3,4"])
    assert seen.exit_code == 0
    assert "2 hidden neurons" in seen.stdout
    asked = CliRunner().invoke(cli, ["refute", str(path), str(tmp_path / "b.onnx"), "--shape", "x=?x1x3x4"])
    assert asked.stdout.startswith("equivalent: ")
    assert "only at inputs of the shapes x=?x1x3x4" in asked.stdout
    wrong = CliRunner().invoke(cli, ["inspect", str(path), "--shape", "x=a"])
    assert isinstance(wrong.exception, FormatError)
    assert inspect_file(path, shapes=SHAPE).inputs == {"x": [1, 3, 4]}


def test_solvers_prove_a_claim_about_stated_shapes(files):
    path, reduced, proof, _ = files
    pytest.importorskip("z3")
    found = prove_files(path, reduced, proof)
    assert (found.verdict, found.reason[:33]) == ("equivalent", "only at inputs of the shapes x=?x")


def test_a_stated_batch_is_a_batch(tmp_path):
    path = save(tmp_path / "a.onnx", flattened())
    done = reduce_file(path, tmp_path / "b.onnx", shapes={"x": (2, 1, 3, 4)})
    sizes = [d.dim_value for d in onnx.load(done.reduced).graph.input[0].type.tensor_type.shape.dim]
    assert sizes == [2, 1, 3, 4]
    assert check.main([str(Path(path)), str(done.reduced), str(done.certificate)]) == 0
