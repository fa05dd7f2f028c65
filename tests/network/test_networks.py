# SPDX-License-Identifier: Apache-2.0
"""This file is about the bundled networks: they are what examples/make_networks.py says they are.

The models are read and evaluated here with onnx and Fractions alone, and reduced by a naive sweep,
so that these tests also say what the package must find, without asking it.
"""

import json
import random
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from examples import lattice, make_networks
from examples.chain import to_onnx

BUNDLED = Path(__file__).parents[2] / "exactlump" / "networks"
NARROW = Path(__file__).parents[1] / "networks" / "digits_narrow.onnx"
FILES = ("digits_int8.onnx", "digits_l1.onnx", "digits_widened.onnx", "erratum.json", "tll_small.onnx")
MODELS = [BUNDLED / name for name in FILES if name.endswith(".onnx")] + [NARROW]


class Layer(NamedTuple):
    rows: list[dict[int, Fraction]]
    bias: list[Fraction]
    relu: bool


class Sweep(NamedTuple):
    """Per layer: live classes; neurons with zero sums; those that join an older class; classes with an antiparallel."""

    classes: list[int]
    zero: list[int]
    merged: list[int]
    antiparallel: list[int]


def read(path):
    model = onnx.load(path)
    arrays = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    layers = []
    for node in model.graph.node:
        if node.op_type in ("Gemm", "MatMul"):
            weight = arrays[node.input[1]] if node.op_type == "Gemm" else arrays[node.input[1]].T
            rows = [{int(u): Fraction(float(row[u])) for u in np.flatnonzero(row)} for row in weight]
            layers.append(Layer(rows, [Fraction(0)] * len(rows), relu=False))
        if node.op_type in ("Gemm", "Add"):
            bias = [Fraction(float(b)) for b in arrays[node.input[-1]]]
            layers[-1] = layers[-1]._replace(bias=bias)
        if node.op_type == "Relu":
            layers[-1] = layers[-1]._replace(relu=True)
    return layers


def evaluate(layers, x):
    for rows, bias, relu in layers:
        x = [sum((w * x[u] for u, w in row.items()), b) for row, b in zip(rows, bias, strict=True)]
        x = [max(y, Fraction(0)) for y in x] if relu else x
    return x


def sweep(layers, *, weighted=True):
    """Definition 6 from the inputs to the last hidden layer; `weighted=False` is the definition as printed."""
    found = Sweep([], [], [], [])
    class_of = {u: (u, Fraction(1)) for row in layers[0].rows for u in row}
    for layer in layers[:-1]:
        sums = [class_sums(row, b, class_of, weighted) for row, b in zip(layer.rows, layer.bias, strict=True)]
        directions: dict[tuple, tuple[int, Fraction]] = {}
        class_of = {}
        for v, vector in enumerate(sums):
            if vector:
                scale = abs(vector[0][1])
                direction = tuple((k, y / scale) for k, y in vector)
                k, first = directions.setdefault(direction, (len(directions), scale))
                class_of[v] = k, scale / first
        found.classes.append(len(directions))
        found.zero.append(sum(not vector for vector in sums))
        found.merged.append(len(class_of) - len(directions))
        found.antiparallel.append(sum(tuple((k, -y) for k, y in d) in directions for d in directions))
    return found


def class_sums(row, bias, class_of, weighted):
    """The non-zero sums over the classes below, and the bias under the name -1."""
    sums = {-1: bias}
    for u, w in row.items():
        if u in class_of:
            k, c = class_of[u]
            sums[k] = sums.get(k, 0) + w * (c if weighted else 1)
    return sorted((k, y) for k, y in sums.items() if y)


def points(size, count):
    rng = random.Random(0)
    return [[Fraction(rng.randint(-300, 300), rng.randint(1, 100)) for _ in range(size)] for _ in range(count)]


def test_the_package_holds_these_files_and_they_are_small():
    sizes = {path.name: path.stat().st_size for path in BUNDLED.iterdir()}
    assert sorted(sizes) == sorted(FILES)
    assert max(sizes.values()) < 500_000
    assert sum(sizes.values()) < 2_000_000


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
def test_models_are_valid_and_run(path):
    runtime = pytest.importorskip("onnxruntime")
    onnx.checker.check_model(onnx.load(path), full_check=True)
    (port,) = onnx.load(path).graph.input
    layers = read(path)
    x = np.array(points(port.type.tensor_type.shape.dim[1].dim_value, 3), dtype=np.float32)
    (y,) = runtime.InferenceSession(path, providers=["CPUExecutionProvider"]).run(None, {"input": x})
    exact = [evaluate(layers, [Fraction(float(value)) for value in row]) for row in x]
    assert np.allclose(y, np.array(exact, dtype=np.float64), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    ("path", "stated"),
    [
        (BUNDLED / "digits_l1.onnx", 0.962),
        (BUNDLED / "digits_int8.onnx", 0.966),
        (BUNDLED / "digits_widened.onnx", 0.966),
        (NARROW, 0.966),
    ],
    ids=lambda value: getattr(value, "stem", ""),
)
def test_digits_accuracy(path, stated):
    runtime = pytest.importorskip("onnxruntime")
    pytest.importorskip("sklearn")
    data = make_networks.digits.load()
    session = runtime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (logits,) = session.run(None, {"input": data.x_test.astype(np.float32)})
    assert (logits.argmax(axis=1) == data.y_test).mean() == pytest.approx(stated, abs=0.003)


def test_l1_penalty_leaves_most_neurons_without_inputs_and_some_of_them_constant_not_zero():
    layers = read(BUNDLED / "digits_l1.onnx")
    constants = [b for layer in layers[:2] for row, b in zip(layer.rows, layer.bias, strict=True) if not row]
    assert [len(layer.rows) for layer in layers] == [256, 128, 10]
    assert len(constants) > 250
    assert any(b > 0 for b in constants)
    assert any(b < 0 for b in constants)


def test_int8_weights_are_small_integers_times_a_power_of_two_and_some_neurons_are_proportional():
    layers = read(BUNDLED / "digits_int8.onnx")
    numbers = [y * 8 for layer in layers for row in layer.rows for y in row.values()]
    assert all(y.denominator == 1 and abs(y) <= 127 for y in numbers)
    found = sweep(layers)
    assert all(count > 0 for count in found.zero + found.merged)


def test_widened_is_the_narrow_network_at_every_point_tried():
    wide, narrow = read(BUNDLED / "digits_widened.onnx"), read(NARROW)
    assert [len(layer.rows) for layer in wide] == [90, 60, 10]
    assert [len(layer.rows) for layer in narrow] == [48, 32, 10]
    for x in points(64, 5):
        assert evaluate(wide, x) == evaluate(narrow, x)


def test_widened_has_the_planted_widths_by_weighted_sums_and_not_by_the_printed_ones():
    wide, narrow = read(BUNDLED / "digits_widened.onnx"), read(NARROW)
    assert sweep(wide).classes == [48, 32]
    assert sweep(wide, weighted=False).classes == [48, 60]
    assert sweep(narrow).classes == [48, 32]


def test_tll_is_the_maximum_of_minima():
    layers, form = read(BUNDLED / "tll_small.onnx"), make_networks.small_lattice()
    weight = [[Fraction(float(w)) for w in row] for row in form.weight]
    bias = [Fraction(float(b)) for b in form.bias]
    for x in points(2, 40):
        values = [sum((w * y for w, y in zip(row, x, strict=True)), b) for row, b in zip(weight, bias, strict=True)]
        assert evaluate(layers, x) == [max(min(values[i] for i in chosen) for chosen in form.sets)]


def test_tll_has_every_kind_of_redundancy():
    layers = read(BUNDLED / "tll_small.onnx")
    found = sweep(layers)
    assert sum(found.zero) > 0
    assert sum(found.merged) > 0
    assert sum(found.antiparallel) > 0
    assert sum(not layer.relu for layer in layers[:-1]) == 7


def test_tll_is_written_again_the_same():
    model = to_onnx("tll_small", make_networks.tll_small(), gemm=False)
    assert model == onnx.load(BUNDLED / "tll_small.onnx")


def test_random_lattices_have_padded_sets():
    form = lattice.random_lattice(4, 3, np.random.default_rng(0))
    assert form.sets.shape == (4, 4)
    assert any(len(set(row)) < 4 for row in form.sets.tolist())


def test_erratum_is_the_network_of_the_definition_as_printed():
    stored = json.loads((BUNDLED / "erratum.json").read_text(encoding="utf-8"))
    assert stored == make_networks.erratum()
    layers = [
        Layer([{u: Fraction(w) for u, w in row} for row in node["rows"]], [Fraction(b) for b in node["bias"]], relu)
        for node, relu in zip([n for n in stored["nodes"] if n["op"] == "dense"], [True, True, False], strict=True)
    ]
    assert evaluate(layers, [Fraction(1)]) == [3]
    assert sweep(layers).classes == [1, 1]
