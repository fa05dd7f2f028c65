# SPDX-License-Identifier: Apache-2.0
"""This file is about what people read of a counterexample: decisions, gaps, entries by name, rounded numbers."""

import json

import numpy as np
import pytest

from exactlump import read
from exactlump.cli.figures import input_line, outputs_line
from exactlump.cli.main import main
from exactlump.numbers.rational import ONE, ZERO, parse, rational, text
from exactlump.refutation.question import decision
from exactlump.verbs.naming import Input, inputs_of
from tests.tools import dense_model, model, node, save


@pytest.fixture
def models(tmp_path):
    """Two networks that differ, also in their decisions."""
    layers = [(np.array([[1.0, 2, 3], [-1, 1, 0]]), [0.0, 1]), (np.array([[1.0, -1], [2, 1]]), [0.0, 0])]
    other = [layers[0], (np.array([[3.0, 1], [0, 1]]), [0.0, 0])]
    pairs = {"a": layers, "other": other}
    return {name: save(tmp_path / f"{name}.onnx", dense_model(*some)) for name, some in pairs.items()}


@pytest.fixture
def run(capsys):
    """`refute` in this process: exit code, stdout, stderr."""

    def call(*arguments):
        with pytest.raises(SystemExit) as done:
            main(["refute", *map(str, arguments)])
        return done.value.code, *capsys.readouterr()

    return call


def test_the_decisions_are_named(models, run):
    code, out, _ = run(models["a"], models["other"], "--argmax", "--box", "-1", "1")
    found = json.loads(run(models["a"], models["other"], "--argmax", "--box", "-1", "1", "--json")[1])
    one, other = ([parse(word) for word in found["outputs"][side]] for side in "ab")
    decisions = {"a": one.index(max(one)), "b": other.index(max(other))}
    assert decisions["a"] != decisions["b"]
    assert found["decisions"] == decisions
    words = f"the decisions differ at this input: a decides {decisions['a']}, b decides {decisions['b']}"
    assert (code, out) == (1, f"different: {words} ({found['method']})\n")
    assert json.loads(run(models["a"], models["other"], "--json")[1])["decisions"] is None


def test_of_several_largest_outputs_the_first_decides():
    assert decision((ONE, ZERO, ONE)) == 0
    assert decision((ZERO, ONE, ONE)) == 1


def test_a_gap_is_called_what_it_is(models, run):
    """It is that of one input, and no bound."""
    out = run(models["a"], models["other"])[1]
    found = json.loads(run(models["a"], models["other"], "--json")[1])
    gap = max(abs(parse(y) - parse(z)) for y, z in zip(*found["outputs"].values(), strict=True))
    assert parse(found["largest_difference"]) == gap
    words = f"the outputs differ at this input by {text(gap)}; more elsewhere is possible"
    assert out == f"different: {words} ({found['method']})\n"


def test_entries_of_inputs_are_named_by_their_places():
    images = Input("image", (3, 4, 5), ("channel", "row", "column"))
    x = [ZERO] * 62
    assert input_line([images, Input("y", (2,))], x) == "input: 0 everywhere"
    x[23], x[61] = rational("1/3"), ONE
    assert input_line([images, Input("y", (2,))], x) == "input: image[1, 0, 3] = 1/3, y[1] = 1; all others 0"
    alone = input_line([images], x[:60])
    assert alone == "input by [channel, row, column]: image[1, 0, 3] = 1/3; all others 0"
    assert input_line([Input("y", (2,))], [ONE, ONE]) == "input: y[0] = 1, y[1] = 1"
    many = input_line([Input("y", (20,))], [ONE] * 20)
    assert many.endswith("y[11] = 1, and 8 more entries")
    assert input_line([Input("y", (20,))], [*[ONE] * 19, ZERO]).endswith(", and 7 more entries; all others 0")


def test_that_numbers_are_rounded_is_said_once():
    long = rational(10**30 + 1, 3**40)
    assert outputs_line("outputs of a", [long, ONE, -long]) == "outputs of a, to 6 digits: 8.22526e+10, 1, -8.22526e+10"
    assert outputs_line("outputs of a", [ONE] * 12) == f"outputs of a: {', '.join('1' * 10)}, and 2 more"
    hostile = input_line([Input("about ", (1,))], [ONE])
    assert hostile == "input: about [0] = 1"


def test_the_axes_of_images_are_those_that_readers_see():
    kernels = {"K": np.ones((1, 1, 2, 2)), "W": np.ones((1, 2))}
    nodes = [node("Conv", "x K", "c"), node("Flatten", "c", "f"), node("Gemm", "f W", "y", transB=1)]
    first = model(nodes, {"x": [1, 1, 3, 2]}, {"y": [1, 1]}, kernels)
    (image,) = inputs_of(read(first))
    assert image == Input("x", (1, 3, 2), ("channel", "row", "column"))
    last = [node("Transpose", "x", "t", perm=[0, 3, 1, 2]), node("Conv", "t K", "c"), *nodes[1:]]
    (image,) = inputs_of(read(model(last, {"x": [1, 3, 2, 1]}, {"y": [1, 1]}, kernels)))
    assert image == Input("x", (3, 2, 1), ("row", "column", "channel"))
    flat = [node("Flatten", "x", "f"), node("Gemm", "f V", "y", transB=1)]
    (image,) = inputs_of(read(model(flat, {"x": [1, 1, 3, 2]}, {"y": [1, 1]}, {"V": np.ones((1, 6))})))
    assert image == Input("x", (1, 3, 2))
