# SPDX-License-Identifier: Apache-2.0
"""This file is about reducing files: from a generated model file to a smaller one that the checker accepts."""

import json
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from onnx.parser import parse_model

import exactlump
from exactlump import check, formats
from exactlump.errors import CannotWrite, UnsupportedLayer
from exactlump.reduction.loop import exact_quotient
from exactlump.verbs.reducing import reduce_file
from tests.lumping.test_pieces import widened
from tests.oracle import difference
from tests.strategies import lumpable_networks, networks, relu_chain, show


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """One folder for all examples of a test: each writes over the last, as a user would."""
    return tmp_path_factory.mktemp("files")


def reduced_twice(network, folder, suffix):
    """The network read back from the reduced file, and from reducing that file; the checker has accepted both."""
    paths = [folder / f"{name}{suffix}" for name in ("original", "reduced", "again")]
    formats.write(network, paths[0])
    for source, target in pairwise(paths):
        found = reduce_file(source, target, overwrite=True)
        assert check.check(str(source), str(target), str(found.certificate)).verdict == "equivalent"
    return [formats.read(path) for path in paths]


@given(planted=lumpable_networks())
@settings(max_examples=60)
def test_exact_json(planted, folder):
    read, once, again = reduced_twice(planted.network, folder, ".json")
    assert show(read).replace("float32", "exact") == show(planted.network).replace("float32", "exact")
    assert once.neurons <= planted.width
    assert difference(planted.network, once, count=4) is None
    assert show(again) == show(once)


@given(planted=lumpable_networks(dtype="float32"))
@settings(max_examples=60)
def test_onnx_in_float32(planted, folder):
    """A single element that is transposed before a product is opaque for the checker alone: that is refused.

    Sums that were written as several floats have kinks of their own: a second run may leave fewer neurons.
    """
    try:
        _, once, again = reduced_twice(planted.network, folder, ".onnx")
    except UnsupportedLayer as error:
        if "expected {'operators': {'ai.onnx:MatMul'" not in str(error):
            raise
        assume(False)
    assert once.dtype == "float32"
    assert difference(planted.network, once, count=4) is None
    assert again.neurons <= once.neurons


def test_an_axis_of_one_that_a_node_made(tmp_path):
    """Where no input has an axis beside its units, an axis of size 1 that a Reshape makes is no batch: it may move."""
    numbers = ", ".join(str(n) for n in range(1, 6))
    model = parse_model(f"""<ir_version: 8, opset_import: ["": 13]> moved (float[5] x) => (float[1] y)
    <float[1,5] weight = {{{numbers}}}, int64[2] row = {{1, 5}}, int64[1] vector = {{5}}>
    {{ a = Relu(x) r = Reshape(a, row) t = Transpose<perm = [1, 0]>(r) v = Reshape(t, vector) y = MatMul(weight, v) }}
    """)
    source, target = tmp_path / "a.onnx", tmp_path / "b.onnx"
    source.write_bytes(model.SerializeToString())
    found = reduce_file(source, target)
    verdict = check.check(str(source), str(target), str(found.certificate))
    assert verdict.verdict == "equivalent"
    assert "opaque" not in json.loads(found.certificate.read_text())["claim"]


def test_positions_of_one_channel_that_become_units(tmp_path):
    """A product along the last axis of images of one channel; met by a random graph."""
    model = parse_model("""<ir_version: 8, opset_import: ["": 17]> positions (float[3,2,4] x) => (float[3,3] y)
    <float[1,2,2] kernel = {-1, -1, 0, 1}, int64[6] around = {0, 0, 1, 0, 0, 0}, int64[2] flat = {3, 3},
     float[4,3] weight = {2, 2, 1, -2, -2, 2, 2, 2, -2, 0, 0, -2}>
    { p = Pad(x, around) c = Conv(p, kernel) r = Relu(c) m = MatMul(r, weight) a = Relu(m) y = Reshape(a, flat) }
    """)
    source, target = tmp_path / "a.onnx", tmp_path / "b.onnx"
    source.write_bytes(model.SerializeToString())
    reduce_file(source, target)
    assert difference(formats.read(source), formats.read(target), count=5) is None


def test_parts_below_a_shape_that_changes_are_refused(tmp_path):
    """Not a crash; met by a random graph, in which units that are picked become others' positions."""
    model = parse_model("""<ir_version: 8, opset_import: ["": 17]> picked (float[N,3] x) => (float[] y)
    <int64[1] start = {0}, int64[1] end = {3}, int64[1] axis = {1}, int64[1] three = {3}, int64[1] all = {-1},
     float[3,2] first = {-2, -4, 2, 4, 2, 4}, float[2,2] second = {2, 4, -1, -2}>
    { s = Slice(x, start, end, axis) v = Reshape(s, three) a = MatMul(v, first) r = Relu(a) w = Reshape(r, all)
      b = MatMul(w, second) y = Relu(b) }
    """)
    (tmp_path / "a.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(CannotWrite, match="expected it to lie as before"):
        reduce_file(tmp_path / "a.onnx", tmp_path / "b.onnx")
    assert [path.name for path in tmp_path.iterdir()] == ["a.onnx"]


@given(network=networks())
@settings(max_examples=80)
def test_any_network(network, folder):
    _, once, again = reduced_twice(network, folder, ".json")
    assert difference(network, once, count=3) is None
    assert show(again) == show(once)


def test_copies_on_disk(tmp_path):
    formats.write(widened(5), tmp_path / "in.onnx")
    found = reduce_file(tmp_path / "in.onnx", tmp_path / "out.onnx")
    document = json.loads(found.certificate.read_text(encoding="utf-8"))
    (relation,) = document["relations"]["reduced"].values()
    assert relation["rows"] in ([[0, "1"]] * 2, [[0, "1"]] * 3)
    assert difference(widened(5), formats.read(tmp_path / "out.onnx")) is None


def test_from_float32_to_exact_json(tmp_path):
    formats.write(widened(5), tmp_path / "in.onnx")
    reduce_file(tmp_path / "in.onnx", tmp_path / "out.json")
    assert formats.read(tmp_path / "out.json").neurons == exact_quotient(widened(5)).network.neurons == 1


def test_equal_input_gives_equal_bytes(tmp_path):
    network = relu_chain(([[1, 2], [3, 6], [2, 4]], [1, 3, 2]), ([[1, 1, 1]], [0]))
    formats.write(network, tmp_path / "in.json")
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        reduce_file(tmp_path / "in.json", tmp_path / name / "out.json")
    for file in ("out.json", "out.json.cert.json"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_the_bare_checker_accepts_the_files(tmp_path):
    """check.py alone in an empty folder, under python -I."""
    formats.write(widened(3), tmp_path / "in.onnx")
    reduce_file(tmp_path / "in.onnx", tmp_path / "out.onnx")
    (tmp_path / "alone").mkdir()
    shutil.copy(Path(exactlump.__file__).with_name("check.py"), tmp_path / "alone")
    files = [str(tmp_path / name) for name in ("in.onnx", "out.onnx", "out.onnx.cert.json")]
    done = subprocess.run(
        [sys.executable, "-I", "check.py", *files], cwd=tmp_path / "alone", capture_output=True, text=True, check=False
    )
    assert done.stdout.splitlines()[0].startswith("equivalent")
    assert done.returncode == 0


def test_what_no_float_holds_leaves_nothing_behind(tmp_path):
    formats.write(relu_chain(([["1/3"]], [0]), ([[1]], [0])), tmp_path / "in.json")
    with pytest.raises(CannotWrite):
        reduce_file(tmp_path / "in.json", tmp_path / "out.onnx")
    assert [path.name for path in tmp_path.iterdir()] == ["in.json"]
