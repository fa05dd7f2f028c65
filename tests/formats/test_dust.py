# SPDX-License-Identifier: Apache-2.0
"""This file is about dust: numbers of a file that are read as 0 because somebody says that they mean nothing.

That is another network.  The certificate says so, the checker reads it without dust by itself, and the result has none.
"""

import json

import numpy as np
import pytest
from click.testing import CliRunner
from onnx import helper

from exactlump import check, prove_files, read, reduce_file
from exactlump.certificates import certificate
from exactlump.cli.main import cli
from exactlump.errors import ExactlumpError, FormatError
from exactlump.numbers.rational import rational
from tests.tools import model, node, numbers, save, session, tensor

DUST = rational(1, 10**30)


def gelu(bias=4e-31, weight=1e-35):
    """A hidden layer of four units, of which two have dust only: GELU of dust is no rational number."""
    first = np.array([[1, weight, 3, weight], [2, -weight, 1, 0]], np.float32)
    nodes = [node("Gemm", "x W b", "h"), node("Gelu", "h", "g"), node("Gemm", "g V c", "y")]
    constants = {
        "W": first,
        "b": np.array([1, bias, 0, -bias], np.float32),
        "V": np.array([[1], [2], [3], [4]], np.float32),
        "c": np.array([0.5], np.float32),
    }
    return model(nodes, {"x": ["N", 2]}, {"y": ["N", 1]}, constants, opset=20, ir_version=9)


@pytest.fixture
def files(tmp_path):
    path = save(tmp_path / "a.onnx", gelu())
    done = reduce_file(path, tmp_path / "b.onnx", dust="1e-30")
    return path, done.reduced, done.certificate, done


def verdict(files):
    return check.check(*map(str, files[:3]))


def test_dust_goes_and_every_answer_says_so(files, tmp_path):
    path, reduced, proof, done = files
    assert (done.reduction.original.neurons, done.reduction.reduced.neurons) == (4, 2)
    assert reduce_file(path, tmp_path / "c.onnx").reduction.reduced.neurons == 4
    found = verdict(files)
    assert (found.verdict, found.code) == ("equivalent", 0)
    assert found.reason.startswith("with 5 numbers smaller than 1e-30 read as 0, over the reals")
    assert "with numbers smaller than 1e-30 read as 0" in repr(done)
    assert "5 numbers smaller than 1e-30 read as 0" in done.reduction.original.notes
    claim = certificate.read_certificate(proof)
    assert claim.dust == DUST
    assert certificate.dumps(claim) == proof.read_text()
    x = np.random.default_rng(0).standard_normal((4, 2)).astype(np.float32)
    ours, theirs = (session(p).run(None, {"x": x})[0] for p in (path, reduced))
    assert np.allclose(ours, theirs, rtol=1e-4)
    pytest.importorskip("z3")
    assert prove_files(path, reduced, proof).verdict in ("equivalent", "unknown")


@pytest.mark.parametrize("dust", ["1/1000000000000000000000000000000000000", "0", None, "-1"])
def test_a_certificate_with_other_dust_is_not_accepted(dust, files):
    document = json.loads(files[2].read_text())
    document["claim"].pop("dust")
    if dust is not None:
        document["claim"]["dust"] = dust
    files[2].write_text(json.dumps(document))
    assert verdict(files).verdict == "rejected"


@pytest.mark.parametrize("dust", ["2/4", "1e-30", 0, 1.5, [], None])
def test_dust_out_of_grammar_is_malformed(dust, files):
    document = json.loads(files[2].read_text())
    document["claim"]["dust"] = dust
    files[2].write_text(json.dumps(document))
    assert verdict(files).verdict == "malformed"
    with pytest.raises(FormatError):
        certificate.read_certificate(files[2])


def test_the_result_may_have_no_dust(files, tmp_path):
    """Of a file that has some, as N', nothing is said: the claim is about its numbers as stored."""
    path, _, proof, done = files
    document = json.loads(proof.read_text())
    document["reduced"] = document["original"]
    document["relations"] = {"original": {}, "reduced": {}}
    proof.write_text(json.dumps(document))
    found = check.check(str(path), str(path), str(proof))
    assert (found.verdict, found.rule) == ("rejected", "dust")
    assert done.verdict == "equivalent"


def one(kind, constant, **attributes):
    """An operator with a constant of one number, after and before a layer."""
    nodes = [
        node("Gemm", "x W", "h"),
        helper.make_node(kind, ["h", "c"], ["g"], **attributes),
        node("Gemm", "g V", "y"),
    ]
    constants = [
        tensor("W", np.float32([[1, 2], [3, 4]])),
        tensor("V", np.float32([[1], [1]])),
        tensor("c", np.float32(constant)),
    ]
    return model(nodes, {"x": ["N", 2]}, {"y": ["N", 1]}, constants)


@pytest.mark.parametrize(
    ("kind", "swept"),
    [("Add", True), ("Sub", True), ("Mul", True), ("Div", False), ("PRelu", False), ("Max", False), ("Min", False)],
)
def test_only_weights_factors_and_addends_are_dust(kind, swept, tmp_path):
    """Nothing is divided by 0, and no slope or bound moves."""
    path = save(tmp_path / "a.onnx", one(kind, 1e-31))
    network = read(path, dust=DUST)
    assert any(note.startswith("1 numbers smaller" if swept else "0 numbers smaller") for note in network.notes)
    theirs = check.read_network(str(path), "as stored", check.MAX_UNPACKED, dust=check.Fraction(1, 10**30))
    assert theirs.dust == ({"c": 1} if swept else {})
    (y,) = network.evaluate([rational(1), rational(1)])
    expected = {"Add": 10, "Sub": 10, "Mul": 0, "PRelu": 10, "Max": 10}.get(kind)
    assert expected is None or numbers(y).tolist() == [expected]


def test_what_is_made_of_constants_is_no_dust(tmp_path):
    """1e-20 * 1e-20 is stored nowhere; neither file has dust, and both keep it."""
    made = one("Mul", 1)
    made.graph.initializer.pop()
    made.graph.initializer.extend([tensor("p", np.float32(1e-20)), tensor("q", np.float32(1e-20))])
    made.graph.node.insert(0, node("Mul", "p q", "c"))
    network = read(save(tmp_path / "a.onnx", made), dust=DUST)
    assert "0 numbers smaller than 1e-30 read as 0" in network.notes
    (y,) = network.evaluate([rational(1), rational(1)])
    assert y[0] != 0


def test_rounded_weights_just_below_and_at_the_size_are_told_apart(tmp_path):
    size = float(np.float32(1e-30))
    made = one("Add", size)
    path = save(tmp_path / "a.onnx", made)
    assert "0 numbers smaller" in read(path, dust=rational(size)).notes[-1]
    above = rational(size) + rational(1, 2**200)
    assert "1 numbers smaller" in read(path, dust=above).notes[-1]


@pytest.mark.parametrize("dust", ["0", "-1e-30", "x", "nan"])
def test_a_size_of_dust_is_a_positive_number(dust, tmp_path):
    path = save(tmp_path / "a.onnx", gelu())
    with pytest.raises(ExactlumpError, match="dust"):
        reduce_file(path, tmp_path / "b.onnx", dust=dust)


def test_the_command_line_names_the_size(tmp_path):
    path = save(tmp_path / "a.onnx", gelu())
    done = CliRunner().invoke(cli, ["reduce", str(path), str(tmp_path / "b.onnx"), "--dust", "1e-30"])
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("equivalent with numbers smaller than 1e-30 read as 0: 4 -> 2 hidden neurons")
