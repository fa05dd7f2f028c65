# SPDX-License-Identifier: Apache-2.0
"""This file is about two readers: `check.py --network` shows what it reads; the engine reads the same, unit by unit.

What a step adds to a product is one node for the engine, two for the checker: steps are followed to what both name.
"""

import json
from fractions import Fraction
from pathlib import Path

import pytest

from exactlump import check, formats
from exactlump.network.kinds import Activate, Head, MaxPool
from exactlump.network.meaning import Sums, parts
from exactlump.numbers.rational import text
from tests.checker.test_check import READABLE as DENSE
from tests.checker.test_check_images import READABLE as IMAGES
from tests.tools import save

BUNDLED = sorted((Path(check.__file__).parent / "networks").glob("*_l1.*"))
SPECIFICATION = "batch normalisation folded, scales in float32"


def shown(path, capsys, *words):
    """What `--network` prints: for each tensor how each of its units is made."""
    assert check.main(["--network", str(path), "--specification", SPECIFICATION, *words]) == 0
    head, *lines = map(json.loads, capsys.readouterr().out.splitlines())
    tensors, units = {}, []
    for line in lines:
        if isinstance(line, dict):
            tensors[line["tensor"]] = units = []
        else:
            units.append(line)
    return head, tensors


def followed(tensors, named, name, v):
    """A unit in terms of tensors that the engine names too: its summands and its constant."""
    _, summands, constant = tensors[name][v]
    while len(summands) == 1 and summands[0][2] is None and summands[0][0] not in named:
        (source, unit, _, factor), c = summands[0], Fraction(summands[0][3])
        _, below, more = tensors[source][unit]
        summands = [[*part[:3], str(c * Fraction(part[3]))] for part in below]
        constant = str(Fraction(constant) + Fraction(factor) * Fraction(more))
    return sorted(summands, key=str), constant


def by_engine(network, node, v):
    """The same as the engine says it."""
    views = [network.views[source] for source in node.reads]
    made = parts(node, views)
    if not isinstance(made, Sums):
        return [[node.reads[0], v, None, "1"]], "0"
    summed = made.of(v)
    found = [
        [node.reads[part.source], part.unit, part.lift and [*part.lift.key], text(part.weight)]
        for part in summed.parts
        if part.weight
    ]
    return sorted(found, key=str), text(summed.constant)


def function_of(node, v):
    """The function of a unit in the checker's words."""
    if isinstance(node, Activate):
        function = node.functions[v]
        return [function.name, *map(text, function.parameters)]
    if isinstance(node, MaxPool):
        return ["max_pool", node.window.key]
    return [node.kind] if isinstance(node, Head) else ["leaky_relu", "1"]


def compare(path, capsys):
    """Every unit of every tensor of the engine; how many there were."""
    network = formats.read(path, batchnorm="float32")
    head, tensors = shown(path, capsys)
    assert [port["tensor"] for port in head["inputs"]] == [port.name for port in network.inputs]
    assert head["outputs"] == list(network.outputs)
    named, count = {*network.views}, 0
    for node in network.nodes:
        assert len(tensors[node.target]) == network.views[node.target].units
        for v in range(len(tensors[node.target])):
            assert followed(tensors, named, node.target, v) == by_engine(network, node, v), (node.target, v)
            assert tensors[node.target][v][0] == function_of(node, v)
            count += 1
    return count


# What the engine refuses for what files declare, or for detours of constants
REFUSED = {"Cast", "Cast in the newest opset", "ArgMax", "ArgMax, axis dropped", "an operator of the domain ai.onnx"}
REFUSED |= {"weights in every detour", "arithmetic of constants"}


@pytest.mark.parametrize("name", [name for name in (*DENSE, *IMAGES) if name not in REFUSED])
def test_both_read_the_same(name, tmp_path, capsys):
    proto = {**DENSE, **IMAGES}[name]
    path = save(tmp_path / "m.onnx", proto)
    assert compare(path, capsys) > 0


@pytest.mark.parametrize("path", BUNDLED, ids=lambda path: path.name)
def test_both_read_bundled_networks_alike(path, capsys):
    assert compare(path, capsys) > 50


def test_the_version_is_shown(capsys):
    assert check.main(["--version"]) == 0
    assert capsys.readouterr().out == "check: certificates of versions 1, 2\n"


def test_a_file_that_is_refused_says_why(tmp_path, capsys):
    path = tmp_path / "m.onnx"
    path.write_bytes(b"\xff")
    assert check.main(["--network", str(path)]) == 2
    assert capsys.readouterr().err.startswith(f"check: {path}: ")
