# SPDX-License-Identifier: Apache-2.0
"""This file is about formats: what is read means what the file means, and what is written is read back the same."""

import gzip
import hashlib
import tempfile
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from exactlump.errors import CannotWrite, FormatError, NoExactValue
from exactlump.formats import digest, format_of, read, write
from exactlump.formats.files import unpack
from exactlump.formats.onnx import writing
from exactlump.network.activations import ABS, IDENTITY, ONNX_NAMES, RELU, Activation, leaky_relu
from exactlump.network.kinds import Activate, Dense, Head, Reorder, Scale, Shift
from exactlump.network.program import Network
from exactlump.network.views import Port
from exactlump.numbers.matrix import Matrix
from exactlump.numbers.rational import rational
from tests.tools import (
    KINDS,
    NEWEST,
    approximate,
    dense_model,
    error_bound,
    fails,
    model,
    no_rule,
    node,
    number,
    numbers,
    point,
    port,
    raw_only,
    real_networks,
    run,
    same,
    save,
    tensor,
    tiny,
)

OPSETS = sorted({7, 8, 9, 10, 11, 12, 13, 14, 18, 21, NEWEST})


# Real networks


@pytest.mark.parametrize("path", real_networks())
def test_real_network_reads_and_writes_back_the_same(path, tmp_path):
    if path.name.endswith(".nnet"):
        _reads_and_writes_back_nnet(path, tmp_path / "out.nnet")
        return
    network = read(path)
    assert network.neurons > 0
    out = tmp_path / "out.onnx"
    write(network, out)
    onnx.checker.check_model(str(out), full_check=True)
    again = read(out)
    assert [p.batch for p in again.inputs] == [p.batch for p in network.inputs]
    for before, after in zip(network.nodes, again.nodes, strict=True):
        assert (before.source, before.target) == (after.source, after.target)
        if isinstance(before, Dense):
            assert before.weight.floats.tobytes() == after.weight.floats.tobytes()
            assert before.bias == after.bias
        else:
            assert before == after
    inputs = [numbers(x).astype(np.float32) for x in point(network)]
    for expected, found in zip(run(path, *inputs), run(out, *inputs), strict=True):
        assert (expected == found).all()


def _reads_and_writes_back_nnet(path, out):
    raw = read(path, raw_nnet=True)
    assert raw.neurons > 0
    write(raw, out, like=path, raw_nnet=True)
    assert same(raw, read(out, raw_nnet=True))
    comments = [row for row in path.read_text().split("\n") if row.startswith("//")]
    assert out.read_text().split("\n")[: len(comments)] == comments
    if raw_only(path):
        fails(FormatError, 2, lambda: read(path), "line", "--raw-nnet")
        rows = [[row for row in file.read_text().split("\n") if row[:2] != "//"] for file in (path, out)]
        assert [[float(x) for x in row.split(",")[:-1]] for row in rows[0][3:7]] == [
            [float(x) for x in row.split(",")[:-1]] for row in rows[1][3:7]
        ]
        return
    network = read(path)
    assert same(network, read(out))
    write(network, out, like=path)
    assert same(network, read(out))


@pytest.mark.parametrize("path", real_networks())
def test_real_network_computes_what_onnxruntime_computes(path):
    if path.name.endswith(".nnet"):
        pytest.skip("onnxruntime does not read .nnet")
    network = read(path)
    x = point(network, seed=1)
    outputs = run(path, *(numbers(v).astype(np.float32) for v in x))
    values = approximate(network, *map(numbers, x))
    for name, found in zip(network.outputs, outputs, strict=True):
        assert np.allclose(values[name], found, rtol=1e-4, atol=1e-4 * (1 + np.abs(found).max()))
    try:
        bounds = error_bound(network, x)
    except NoExactValue:
        assert any(f.slope is None for n in network.nodes if isinstance(n, Activate) for f in n.functions)
        return
    for (exact, bound), found in zip(bounds, outputs, strict=True):
        assert (np.abs(exact - found) <= bound).all()


def test_real_nnet_normalisation_matches_a_plain_evaluation_in_floats():
    paths = real_networks("acasxu/nnet/*1_1*", "coav/*", "pairs/mnist_relu_3_100/*16bit*")
    for parameter in paths:
        path = parameter.values[0]
        if path is None:
            pytest.skip("no real networks")
        network = read(path)
        x = numbers(point(network)[0])
        found = numbers(network.evaluate(point(network)[0])[0])
        assert np.allclose(found, plain_nnet(path, x), rtol=1e-9, atol=1e-9)


def plain_nnet(path, x):
    """A .nnet network in float64, by the shortest reading of the format."""
    rows = [r.strip().rstrip(",").split(",") for r in path.read_text().split("\n") if r.strip() and r[:2] != "//"]
    sizes = [int(n) for n in rows[1]]
    means, ranges = ([float(v) for v in rows[i]] for i in (5, 6))
    x = (x - means[: len(x)]) / ranges[: len(x)]
    at = 7
    for layer, size in enumerate(sizes[1:]):
        weight, bias = ([[float(v) for v in r] for r in rows[at + k * size : at + (k + 1) * size]] for k in (0, 1))
        x = np.array(weight) @ (x if layer == 0 else np.maximum(x, 0)) + np.array(bias)[:, 0]
        at += 2 * size
    return x * ranges[-1] + means[-1]


# Random graphs against ONNX's reference implementation


class Graph:
    """A growing ONNX chain whose numbers are so small that float32 computes exactly."""

    def __init__(self, draw, opset):
        self.draw, self.opset = draw, opset
        self.dtype = draw(st.sampled_from(["float32", "float64"]))
        self.batch = draw(st.sampled_from([None, 1, 2, "N"]))
        rank = 1 if self.batch is None else draw(st.integers(1, 3))
        self.shape = [draw(st.integers(1, 3)) for _ in range(rank)]
        self.nodes, self.constants, self.count = [], [], 0
        self.source = "x"
        self.input = port("x", self.shape if self.batch is None else [self.batch, *self.shape], self.dtype)

    def fresh(self):
        self.count += 1
        return f"t{self.count}"

    def constant(self, shape, values=(-2, -1, 0, 1, 2), kind=None):
        """A new constant: an initialiser, a Constant node, or one that other nodes make of it."""
        size = int(np.prod(shape, dtype=int))
        array = np.array([self.draw(st.sampled_from(values)) for _ in range(size)], kind or self.dtype).reshape(shape)
        name, way = self.fresh(), self.draw(st.integers(0, 4))
        if way == 0:
            self.nodes.append(helper.make_node("Constant", [], [name], value=numpy_helper.from_array(array)))
        elif way == 1:
            flat = numpy_helper.from_array(array.reshape(-1), f"{name}_flat")
            target = numpy_helper.from_array(np.array(shape, np.int64), f"{name}_target")
            self.constants += [flat, target]
            self.nodes.append(node("Reshape", f"{name}_flat {name}_target", name))
        elif way == 2 and array.ndim > 1:
            self.constants.append(tensor(f"{name}_T", array.T, self.dtype if kind is None else "float32"))
            self.nodes.append(node("Transpose", f"{name}_T", name))
        else:
            self.constants.append(tensor(name, array, self.dtype, raw=way == 3))
        return name

    def emit(self, kind, inputs, **attributes):
        target = self.fresh()
        self.nodes.append(helper.make_node(kind, inputs, [target], **attributes))
        self.source = target

    def broadcast(self):
        """A shape that broadcasts to the tensor's, without change along the batch axis."""
        shape = [n if self.draw(st.booleans()) else 1 for n in self.shape]
        cut = self.draw(st.integers(0, len(shape)))
        leading = [1] if cut == 0 and self.batch is not None and self.draw(st.booleans()) else []
        return leading + shape[cut:]

    def axes(self, kind, axes):
        if self.opset >= 13:
            name = self.fresh()
            self.constants.append(tensor(name, np.array(axes, np.int64)))
            self.emit(kind, [self.source, name])
        else:
            self.emit(kind, [self.source], axes=axes)

    def step(self):
        kinds = [
            "add",
            "sub",
            "mul",
            "div",
            "relu",
            "leaky",
            "abs",
            "prelu",
            "identity",
            "dropout",
            "cast",
            "unsqueeze",
        ]
        vector = len(self.shape) == 1
        kinds += ["matmul"] * 3 * vector + ["gemm"] * 3 * (vector and self.batch is not None)
        kinds += ["flatten", "reshape", "transpose", "squeeze"] * (self.batch is not None)
        getattr(self, f"do_{self.draw(st.sampled_from(kinds))}")()

    def pair(self, kind, values):
        name = self.constant(self.broadcast(), values)
        operands = [self.source, name]
        self.emit(kind, operands if kind == "Div" or self.draw(st.booleans()) else operands[::-1])

    def do_add(self):
        self.pair("Add", (-2, -1, 0, 1, 2))

    def do_sub(self):
        self.pair("Sub", (-2, -1, 0, 1, 2))

    def do_mul(self):
        self.pair("Mul", (-1, 0, 0.5, 2))

    def do_div(self):
        self.pair("Div", (-1, 0.5, 2, -4))

    def do_relu(self):
        self.emit("Relu", [self.source])

    def do_abs(self):
        self.emit("Abs", [self.source])

    def do_leaky(self):
        self.emit("LeakyRelu", [self.source], alpha=self.draw(st.sampled_from([0.5, -1.0, 2.0, 1.0])))

    def do_prelu(self):
        self.emit("PRelu", [self.source, self.constant(self.broadcast(), (0, 0.5, -1, 1))])

    def do_identity(self):
        self.emit("Identity", [self.source])

    def do_dropout(self):
        if self.opset >= 12:
            name = self.fresh()
            self.constants.append(tensor(name, np.float32(0.5)))
            self.emit("Dropout", [self.source, name])
        else:
            self.emit("Dropout", [self.source], ratio=0.5)

    def do_cast(self):
        self.dtype = self.draw(st.sampled_from(["float32", "float64"]))
        self.emit("Cast", [self.source], to=KINDS[self.dtype])

    def do_matmul(self):
        n, m = self.shape[0], self.draw(st.integers(1, 3))
        if self.batch is None and self.draw(st.booleans()):
            self.emit("MatMul", [self.constant([m, n]), self.source])
        else:
            self.emit("MatMul", [self.source, self.constant([n, m])])
        self.shape = [m]
        if self.draw(st.booleans()):
            self.do_add()

    def do_gemm(self):
        n, m, transposed = self.shape[0], self.draw(st.integers(1, 3)), self.draw(st.booleans())
        inputs = [self.source, self.constant([m, n] if transposed else [n, m])]
        bias = self.draw(st.sampled_from([None, [m], [1, m], [1], [1, 1], []]))
        if bias is not None:
            inputs.append(self.constant(bias))
        elif self.opset < 11:
            inputs.append(self.constant([m], (0,)))
        numbers = st.sampled_from([1.0, 1.0, 0.5, -2.0])
        self.emit("Gemm", inputs, transB=int(transposed), alpha=self.draw(numbers), beta=self.draw(numbers))
        self.shape = [m]

    def do_flatten(self):
        self.emit(
            "Flatten",
            [self.source],
            axis=self.draw(st.sampled_from([1, -len(self.shape)] if self.opset >= 11 else [1])),
        )
        self.shape = [int(np.prod(self.shape, dtype=int))]

    def do_reshape(self):
        units = int(np.prod(self.shape, dtype=int))
        first = self.draw(st.sampled_from([n for n in (1, 2, 3, units) if units % n == 0]))
        shape = [first, units // first]
        head = self.draw(st.sampled_from([0, -1, *([self.batch] if isinstance(self.batch, int) else [])]))
        written = list(shape)
        if head != -1 and self.draw(st.booleans()):
            written[self.draw(st.integers(0, 1))] = -1
        elif written[0] == self.shape[0]:
            written[0] = 0
        name = self.fresh()
        self.constants.append(tensor(name, np.array([head, *written], np.int64)))
        self.emit("Reshape", [self.source, name])
        self.shape = shape

    def do_transpose(self):
        axes = self.draw(st.permutations(range(len(self.shape))))
        self.emit("Transpose", [self.source], perm=[0, *(axis + 1 for axis in axes)])
        self.shape = [self.shape[axis] for axis in axes]

    def do_unsqueeze(self):
        if len(self.shape) > 3 or self.batch is None:
            return
        axis = self.draw(st.integers(1, len(self.shape) + 1))
        negative = self.opset >= 11 and self.draw(st.booleans())
        self.axes("Unsqueeze", [axis - len(self.shape) - 2 if negative else axis])
        self.shape.insert(axis - 1, 1)

    def do_squeeze(self):
        ones = [axis + 1 for axis, n in enumerate(self.shape) if n == 1]
        if ones and len(self.shape) > 1:
            axis = self.draw(st.sampled_from(ones))
            self.axes("Squeeze", [axis])
            self.shape.pop(axis - 1)

    def model(self):
        end = port(self.source, self.shape if self.batch is None else [self.batch, *self.shape], self.dtype)
        return model(self.nodes, [self.input], [end], self.constants, opset=self.opset)


@st.composite
def graphs(draw):
    graph = Graph(draw, draw(st.sampled_from(OPSETS)))
    for _ in range(draw(st.integers(1, 5))):
        graph.step()
    if graph.source == "x":
        graph.do_relu()
    return graph


@settings(max_examples=250, deadline=None)
@given(graphs(), st.data())
def test_random_graphs_mean_what_onnx_says_and_survive_writing(graph, data):
    """Exact equality: every number is a small dyadic, so floats round nothing."""
    made = graph.model()
    onnx.checker.check_model(made)
    shape = graph.input.type.tensor_type.shape.dim
    samples = graph.batch if isinstance(graph.batch, int) else 2
    unit = [d.dim_value for d in shape[graph.batch is not None :]]
    full = ([samples] if graph.batch is not None else []) + unit
    values = [data.draw(st.integers(-2, 2)) for _ in range(int(np.prod(full, dtype=int)))]
    kind = helper.tensor_dtype_to_np_dtype(graph.input.type.tensor_type.elem_type)
    x = np.array(values, kind).reshape(full)
    expected = ReferenceEvaluator(made).run(None, {"x": x})[0]
    rows = (
        [(x.ravel(), expected.ravel())]
        if graph.batch is None
        else [(a.ravel(), b.ravel()) for a, b in zip(x, expected, strict=True)]
    )
    with tempfile.TemporaryDirectory() as folder:
        network = read(save(Path(folder) / "in.onnx", made))
        found = [network.evaluate(tuple(rational(float(v)) for v in a))[0] for a, _ in rows]
        assume(all(abs(v) < 2**12 and (v * 2**10).denominator == 1 for row in found for v in row))
        for (_, b), row in zip(rows, found, strict=True):
            assert [number(v) for v in row] == b.tolist()
        out = Path(folder) / "out.onnx"
        write(network, out)
        onnx.checker.check_model(str(out), full_check=True)
        again = read(out)
        for (a, _), row in zip(rows, found, strict=True):
            assert again.evaluate(tuple(rational(float(v)) for v in a))[0] == row
        assert set(again.shapes) >= set(network.shapes)
        assert ReferenceEvaluator(str(out)).run(None, {"x": x})[0].tolist() == expected.tolist()
        write(network, Path(folder) / "out.json")
        assert same(read(Path(folder) / "out.json"), network)


@pytest.mark.parametrize("opset", OPSETS)
@pytest.mark.parametrize("name", sorted(ONNX_NAMES))
def test_activations_mean_what_onnx_says(name, opset, tmp_path):
    operator = name.capitalize()
    if operator == "Erf" and opset < 9:
        pytest.skip("Erf came with opset 9")
    made = model([node(operator, "x", "y")], {"x": ["N", 5]}, {"y": ["N", 5]}, opset=opset)
    network = read(save(tmp_path / "a.onnx", made))
    x = np.array([[-3, -0.5, 0, 1, 2.5]], np.float32)
    expected = ReferenceEvaluator(made).run(None, {"x": x})[0][0]
    assert np.allclose(approximate(network, x)["y"], expected, rtol=1e-5, atol=1e-6)
    write(network, tmp_path / "b.onnx")
    assert read(tmp_path / "b.onnx").nodes == network.nodes


@pytest.mark.parametrize("opset", OPSETS)
@pytest.mark.parametrize(("operator", "kind"), [("Softmax", "softmax"), ("LogSoftmax", "log_softmax")])
def test_heads_mean_what_onnx_says(operator, kind, opset, tmp_path):
    for attributes in ({}, {"axis": 1}, *([{"axis": -1}] if opset >= 11 else [])):
        made = model([node(operator, "x", "y", **attributes)], {"x": ["N", 4]}, {"y": ["N", 4]}, opset=opset)
        network = read(save(tmp_path / "a.onnx", made))
        assert network.nodes == (Head("x", "y", kind),)
        x = np.array([[-3, -0.5, 1, 2.5]], np.float32)
        expected = ReferenceEvaluator(made).run(None, {"x": x})[0][0]
        assert np.allclose(approximate(network, x)["y"], expected, rtol=1e-5, atol=1e-6)
    write(network, tmp_path / "b.onnx")
    assert read(tmp_path / "b.onnx").nodes == network.nodes
    vector = model([node(operator, "x", "y", axis=0)], {"x": [4]}, {"y": [4]}, opset=opset)
    assert read(save(tmp_path / "c.onnx", vector)).nodes == network.nodes


# Older opsets, whose meaning no reference implementation has


def test_opset_1_to_6_broadcast_by_attributes(tmp_path):
    def shift(opset, constant, **attributes):
        made = model(
            [node("Add", "x c", "y", **attributes)],
            {"x": [1, 2, 3]},
            {"y": [1, 2, 3]},
            {"c": constant},
            opset=opset,
            ir_version=3,
        )
        made.graph.input.append(port("c", np.shape(constant)))
        return [number(v) for v in read(save(tmp_path / "a.onnx", made)).nodes[0].constant]

    for opset in (1, 6):
        assert shift(opset, [[[1.0, 2, 3], [4, 5, 6]]]) == [1, 2, 3, 4, 5, 6]
        assert shift(opset, [1.0, 2, 3], broadcast=1) == [1, 2, 3, 1, 2, 3]
        assert shift(opset, [1.0, 2], broadcast=1, axis=1) == [1, 1, 1, 2, 2, 2]
        assert shift(opset, 5.0, broadcast=1) == [5] * 6
    with pytest.raises(FormatError, match="not broadcast"):
        shift(6, [1.0, 2, 3])


def test_opset_4_reshape_and_opset_6_dropout_and_prelu_by_attributes(tmp_path):
    made = model(
        [
            node("Reshape", "x", "a", shape=[0, 2, -1]),
            node("Dropout", "a", "b", is_test=1),
            node("PRelu", "b s", "c"),
            node("Cast", "c", "y", to="DOUBLE"),
        ],
        {"x": [1, 6]},
        [port("y", [1, 2, 3], "float64")],
        {"s": [0.5, -1.0]},
        opset=4,
        ir_version=3,
    )
    made.graph.input.append(port("s", [2]))
    network = read(save(tmp_path / "a.onnx", made))
    assert network.shapes["y"] == (2, 3)
    slopes = [f.slope for n in network.nodes if isinstance(n, Activate) for f in n.functions]
    assert slopes == [rational(1, 2)] * 3 + [rational(-1)] * 3
    training = model([node("Dropout", "x", "y")], {"x": [1, 6]}, {"y": [1, 6]}, opset=6)
    no_rule(save(tmp_path / "b.onnx", training), "training")


def test_opset_6_gemm_broadcasts_only_when_told(tmp_path):
    def gemm(bias, **attributes):
        made = model(
            [node("Gemm", "x w c", "y", **attributes)],
            {"x": [1, 2]},
            {"y": [1, 3]},
            {"w": np.ones((2, 3)), "c": bias},
            opset=6,
        )
        return [number(b) for b in read(save(tmp_path / "a.onnx", made)).nodes[0].bias]

    assert gemm([[1.0, 2, 3]]) == [1, 2, 3]
    assert gemm([1.0, 2, 3], broadcast=1) == [1, 2, 3]
    with pytest.raises(FormatError, match="not broadcast"):
        gemm([1.0, 2, 3])


def test_default_slope_of_leaky_relu_is_the_float_that_onnx_keeps(tmp_path):
    made = model([node("LeakyRelu", "x", "y")], {"x": [1, 1]}, {"y": [1, 1]})
    (activate,) = read(save(tmp_path / "a.onnx", made)).nodes
    assert activate.functions == (leaky_relu(rational(float(np.float32(0.01)))),)


# What reading normalises


def test_matmul_and_add_become_one_dense_that_keeps_its_names_and_its_array(tmp_path):
    made = dense_model(([[1, 2], [3, 4], [5, 6]], [1, 0, -1]), ([[1, 0, 2]], [7]), gemm=False)
    network = read(save(tmp_path / "a.onnx", made))
    first, relu, second = network.nodes
    assert (first.source, first.target, first.names) == ("x", "h1", ("p1", "W1", "b1"))
    assert isinstance(relu, Activate)
    assert second.names == ("p2", "W2", "b2")
    assert first.weight.floats.tolist() == [[1, 2], [3, 4], [5, 6]]
    assert network.notes == ("2 MatMul+Add read as Dense",)
    assert set(network.shapes) == {"x", "h1", "r1", "y"}


@pytest.mark.parametrize("swap", [False, True])
def test_a_product_that_something_else_reads_stays_a_tensor(swap, tmp_path):
    add = "b p" if swap else "p b"
    nodes = [node("MatMul", "x W", "p"), node("Add", add, "y"), node("Relu", "p", "z")]
    made = model(nodes, {"x": [1, 1]}, {"y": [1, 2], "z": [1, 2]}, {"W": [[1.0, 2]], "b": [3.0, 4]})
    network = read(save(tmp_path / "a.onnx", made))
    assert [type(n) for n in network.nodes] == [Dense, Shift, Activate]
    assert network.nodes[0].names == ("p", "W", "")
    made = model(nodes[:2], {"x": [1, 1]}, {"p": [1, 2], "y": [1, 2]}, {"W": [[1.0, 2]], "b": [3.0, 4]})
    again = read(save(tmp_path / "b.onnx", made))
    assert [type(n) for n in again.nodes] == [Dense, Shift]
    assert again.evaluate((rational(5),)) == ((5, 10), (8, 14))


def test_gemm_scales_by_alpha_and_beta_exactly(tmp_path):
    nodes = [node("Gemm", "x W b", "y", alpha=0.1, beta=0.3, transB=1)]
    made = model(nodes, {"x": [1, 2]}, {"y": [1, 1]}, {"W": [[3.0, 5.0]], "b": [7.0]})
    (dense,) = read(save(tmp_path / "a.onnx", made)).nodes
    alpha, beta = (rational(float(np.float32(v))) for v in (0.1, 0.3))
    assert dense.weight.row(0) == {0: 3 * alpha, 1: 5 * alpha}
    assert dense.bias == (7 * beta,)
    assert dense.names == ("", "W", "b")


def test_division_by_a_constant_is_exact_and_written_as_division(tmp_path):
    made = model([node("Div", "x c", "y")], {"x": [1, 2]}, {"y": [1, 2]}, {"c": [0.3081, 2.0]})
    network = read(save(tmp_path / "a.onnx", made))
    assert network.nodes[0].factor[0] * rational(float(np.float32(0.3081))) == 1
    write(network, tmp_path / "b.onnx")
    assert [n.op_type for n in onnx.load(tmp_path / "b.onnx").graph.node] == ["Mul", "Div"]
    value = rational(3)
    assert read(tmp_path / "b.onnx").evaluate((value, value)) == network.evaluate((value, value))


def test_constants_may_also_be_inputs_and_unused_constants_are_ignored(tmp_path):
    made = dense_model(([[1, 2]], [3]))
    made.graph.input.append(port("W1", [1, 2]))
    made.graph.initializer.append(tensor("unused", [float("nan")]))
    network = read(save(tmp_path / "a.onnx", made))
    assert [p.name for p in network.inputs] == ["x"]


def test_integer_constants_count_after_a_cast(tmp_path):
    nodes = [node("Cast", "k", "W", to=TensorProto.FLOAT), node("MatMul", "x W", "y")]
    made = model(nodes, {"x": [1, 2]}, {"y": [1, 1]}, [tensor("k", np.array([[3], [-4]], np.int8))])
    (dense,) = read(save(tmp_path / "a.onnx", made)).nodes
    assert dense.weight.row(0) == {0: 3, 1: -4}
    changed = model(nodes, {"x": [1, 2]}, {"y": [1, 1]}, [tensor("k", np.array([[2**24 + 1], [0]], np.int64))])
    no_rule(save(tmp_path / "b.onnx", changed), "changes a constant")


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
@pytest.mark.parametrize("raw", [False, True])
def test_every_float_type_is_read_from_typed_and_raw_fields_and_written_back(dtype, raw, tmp_path):
    values = np.array([[1.0, -2.5], [2.0**-14, 0.0], [-0.0, 96.0]])
    constants = [
        tensor("W", values, dtype, raw=raw or dtype == "bfloat16"),
        tensor("b", [1.0, 0.5, 3.0], dtype, raw=raw),
    ]
    if dtype == "bfloat16" and not raw:
        constants[0] = helper.make_tensor("W", TensorProto.BFLOAT16, values.shape, values.ravel())
    made = model([node("Gemm", "x W b", "y", transB=1)], {"x": ["N", 2]}, {"y": ["N", 3]}, constants, dtype=dtype)
    network = read(save(tmp_path / "a.onnx", made))
    assert network.dtype == dtype
    assert network.nodes[0].weight.floats.tolist() == values.tolist()
    assert [number(b) for b in network.nodes[0].bias] == [1.0, 0.5, 3.0]
    write(network, tmp_path / "b.onnx")
    onnx.checker.check_model(str(tmp_path / "b.onnx"), full_check=True)
    again = read(tmp_path / "b.onnx")
    assert again.dtype == dtype
    assert again.nodes[0].weight.floats.tobytes() == network.nodes[0].weight.floats.tobytes()
    assert digest(tmp_path / "a.onnx").tensors == digest(tmp_path / "b.onnx").tensors


def test_denormal_weights_are_exact(tmp_path):
    made = dense_model(([[2.0**-149, 2.0**-130]], [2.0**-149]))
    network = read(save(tmp_path / "a.onnx", made))
    assert network.nodes[0].weight.row(0)[0] == rational(1, 2**149)
    write(network, tmp_path / "b.onnx")
    assert same(read(tmp_path / "b.onnx"), network)


def test_several_inputs_and_outputs(tmp_path):
    nodes = [node("Relu", "a", "c"), node("Abs", "b", "d"), node("Neg", "b", "e")][:2]
    made = model(nodes, {"a": ["N", 2], "b": [3]}, {"d": [3], "c": ["N", 2]})
    network = read(save(tmp_path / "a.onnx", made))
    assert network.evaluate((rational(-1), rational(2)), (rational(-3),) * 3) == ((3, 3, 3), (0, 2))
    write(network, tmp_path / "b.onnx")
    again = read(tmp_path / "b.onnx")
    assert same(again, network)
    assert [p.batch for p in again.inputs] == ["N", None]


# ONNX: what writing does


def test_writing_is_deterministic_and_gzip_holds_no_time(tmp_path):
    network = tiny("float32")
    for name in ("a.onnx", "a.onnx.gz", "a.json"):
        write(network, tmp_path / name)
        first = (tmp_path / name).read_bytes()
        write(network, tmp_path / name)
        assert (tmp_path / name).read_bytes() == first
    packed = (tmp_path / "a.onnx.gz").read_bytes()
    assert packed[4:8] == bytes(4)
    assert gzip.decompress(packed) == unpack(packed) == (tmp_path / "a.onnx").read_bytes()
    assert same(read(tmp_path / "a.onnx.gz"), network)


def test_a_bias_that_is_no_float_becomes_several_additions(tmp_path):
    exact = rational(1) + rational(1, 2**40) + rational(1, 2**80)
    for batch in (None, 1, "N"):
        layer = Dense("x", "y", Matrix.from_rows([{0: rational(2)}, {0: rational(1)}], 1), (exact, rational(5)))
        network = Network((Port("x", (1,), batch),), (layer,), ("y",), "float32")
        write(network, tmp_path / "a.onnx")
        again = read(tmp_path / "a.onnx")
        assert [type(n) for n in again.nodes] == [Dense, Shift, Shift]
        assert again.evaluate((rational(3),)) == network.evaluate((rational(3),)) == ((6 + exact, 8),)
        onnx.checker.check_model(str(tmp_path / "a.onnx"), full_check=True)


@pytest.mark.parametrize("value", [rational(1, 3), rational(1, 2**400), rational(2**128)])
def test_numbers_that_no_sum_of_floats_reaches_are_refused(value, tmp_path):
    layer = Dense("x", "y", Matrix.from_rows([{0: rational(1)}], 1), (value,))
    for nodes in [(layer,), (Shift("x", "y", (value,)),)]:
        network = Network((Port("x", (1,), 1),), nodes, ("y",), "float32")
        fails(CannotWrite, 2, lambda network=network: write(network, tmp_path / "a.onnx"), "'y'", "unit 0")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "node_",
    [
        Dense("x", "y", Matrix.from_rows([{1: rational(1, 3)}], 2), (rational(0),)),
        Scale("x", "y", (rational(3, 5), rational(1))),
        Activate("x", "y", (leaky_relu(rational(1, 3)), RELU)),
        Activate("x", "y", (Activation("tanh"), RELU)),
    ],
    ids=lambda n: type(n).__name__,
)
def test_what_the_float_type_cannot_hold_is_refused_and_json_holds_it(node_, tmp_path):
    network = Network((Port("x", (2,), 1),), (node_,), ("y",), "float32")
    fails(CannotWrite, 2, lambda: write(network, tmp_path / "a.onnx"), "a.onnx", "'y'")
    assert list(tmp_path.iterdir()) == []
    write(network, tmp_path / "a.json")
    assert same(read(tmp_path / "a.json"), network)


def test_an_exact_network_needs_a_float_type_for_onnx(tmp_path):
    fails(CannotWrite, 2, lambda: write(tiny(), tmp_path / "a.onnx"), "float type", "exact")
    write(tiny(), tmp_path / "a.onnx", dtype="float64")
    assert same(read(tmp_path / "a.onnx"), tiny())
    assert read(tmp_path / "a.onnx").dtype == "float64"


@pytest.mark.parametrize("batch", [None, 1, "N", ""])
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_every_node_is_written_as_itself(dtype, batch, tmp_path):
    half = rational(1, 2)
    slopes = (leaky_relu(half), RELU, IDENTITY, ABS, leaky_relu(rational(-2)), RELU)
    nodes = (
        Shift("x", "a", tuple(map(rational, range(6)))),
        Shift("a", "b", (half,) * 6),
        Scale("b", "c", tuple(map(rational, (1, 2, 3, 0, -1, -2)))),
        Scale("c", "d", (half,) * 6),
        Reorder("d", "e", None, (2, 3)),
        Reorder("e", "f", (1, 0), (3, 2)),
        Reorder("f", "g", None, (3, 2)),
        *(
            Activate(s, t, (f,) * 6)
            for s, t, f in zip("ghijk", "hijkl", (RELU, ABS, IDENTITY, slopes[0], slopes[4]), strict=True)
        ),
        Activate("l", "m", slopes),
        Reorder("m", "n", None, (6,)),
        Dense("n", "o", Matrix.from_rows([{0: half}, {}, {5: rational(-3)}], 6), (half, rational(0), rational(1))),
        *(
            Activate(s, t, (Activation(f),) * 3)
            for s, t, f in zip("opqrstuv", "pqrstuvw", sorted(ONNX_NAMES), strict=True)
        ),
        Head("w", "y", "softmax"),
        Head("o", "z", "log_softmax"),
    )
    network = Network((Port("x", (6,), batch),), nodes, ("y", "z", "m"), dtype)
    write(network, tmp_path / "a.onnx")
    onnx.checker.check_model(str(tmp_path / "a.onnx"), full_check=True)
    again = read(tmp_path / "a.onnx")
    assert same(again, network)
    assert again.inputs == network.inputs
    assert again.dtype == dtype
    if dtype == "float32":
        x = [1.0, -2, 3, 0.5, -1, 2]
        values = approximate(network, x)
        for name, found in zip(network.outputs, run(tmp_path / "a.onnx", np.array(x, np.float32)), strict=True):
            assert np.allclose(values[name], found, rtol=1e-5, atol=1e-6)


def test_dense_reads_tensors_of_any_shape(tmp_path):
    for batch in (None, 1):
        layer = Dense("x", "y", Matrix.from_rows([{0: rational(1), 3: rational(2)}], 4), (rational(0),))
        network = Network(
            (Port("x", (2, 2), batch),) if batch else (Port("v", (4,), None),),
            (layer,) if batch else (Reorder("v", "x", None, (2, 2)), layer),
            ("y",),
            "float32",
        )
        write(network, tmp_path / "a.onnx")
        values = tuple(map(rational, (1, 2, 3, 4)))
        assert read(tmp_path / "a.onnx").evaluate(values) == ((9,),)


def test_names_are_kept_where_they_are_unique(tmp_path):
    row = Matrix.from_floats(np.array([[2.0]], np.float32))
    zero = (rational(0),)
    nodes = (
        Dense("x", "h", row, zero, ("p", "W", "b")),
        Dense("h", "y", row, zero, ("p", "W", "x")),
    )
    write(Network((Port("x", (1,), 1),), nodes, ("y",), "float32"), tmp_path / "a.onnx")
    graph = onnx.load(tmp_path / "a.onnx").graph
    assert [t.name for t in graph.initializer] == ["W", "b", "W_", "x_"]
    assert [list(n.output) for n in graph.node] == [["p"], ["h"], ["p_"], ["y"]]


@pytest.mark.parametrize("gemm", [True, False])
def test_large_models_keep_their_weights_beside_them(tmp_path, gemm, monkeypatch):
    monkeypatch.setattr(writing, "_BLOCK", 300)  # so that weights are written in several parts
    rng = np.random.default_rng(0)
    layers = (rng.standard_normal((30, 20)), rng.standard_normal(30)), (rng.standard_normal((2, 30)), [0, 1])
    made = dense_model(*layers, gemm=gemm)
    network = read(save(tmp_path / "in.onnx", made))
    for name in ("out.onnx", "out.onnx.gz"):
        write(network, tmp_path / name, max_inline=100)
        location = f"{name}.data"
        assert (tmp_path / location).stat().st_size > 600 * 4
        again = read(tmp_path / name)
        assert same(again, network)
        assert isinstance(again.nodes[0].weight.floats.base, np.memmap)
        content = digest(tmp_path / name)
        assert content.external == {location: hashlib.sha256((tmp_path / location).read_bytes()).hexdigest()}
        assert content.tensors == digest(tmp_path / "in.onnx").tensors
    onnx.checker.check_model(str(tmp_path / "out.onnx"), full_check=True)
    x = np.ones(20, np.float32)
    assert (run(tmp_path / "out.onnx", x)[0] == run(tmp_path / "in.onnx", x)[0]).all()


# Hashes


def test_digest_hashes_what_the_page_says(tmp_path):
    values = np.array([[1.0, 2.0, 3.0]], np.float32)
    nodes = [
        helper.make_node("Constant", [], ["c"], value=numpy_helper.from_array(np.float32(4))),
        helper.make_node("Constant", [], ["d"], value_float=1.0),
        node("MatMul", "x W", "y"),
    ]
    for raw in (False, True):
        made = model(nodes, {"x": [1, 1]}, {"y": [1, 3]}, [tensor("W", values, raw=raw)])
        path = save(tmp_path / "a.onnx", made)
        found = digest(path)
        assert found.format == "onnx"
        assert found.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
        assert found.tensors == {
            "W": hashlib.sha256(b"1 1,3\n" + values.astype("<f4").tobytes()).hexdigest(),
            "c": hashlib.sha256(b"1 \n" + np.float32(4).tobytes()).hexdigest(),
        }
        assert found.external == {}
    write(tiny(), tmp_path / "a.json")
    found = digest(tmp_path / "a.json")
    assert (found.format, found.tensors, found.external) == ("json", {}, {})
    assert found.sha256 == hashlib.sha256((tmp_path / "a.json").read_bytes()).hexdigest()


def test_the_hash_of_a_packed_model_is_of_the_packed_bytes(tmp_path):
    path = save(tmp_path / "a.ONNX.GZ", gzip.compress(dense_model(([[1]], [2])).SerializeToString()))
    found = digest(path)
    assert (found.format, found.sha256) == ("onnx.gz", hashlib.sha256(path.read_bytes()).hexdigest())
    assert set(found.tensors) == {"W1", "b1"}
    assert format_of("b.Onnx") == "onnx"


# .nnet

NNET = """// a comment
2,2,1,2,
2,2,1,
0,
-1.0,-1.0,
1.0,1e1,
0.5,0,1.5,
2,4,10,
1.0,-2.5e-1,
0.1,1,
0,
-.5,
1,-3,
2,
"""


def test_nnet_is_read_as_the_page_says(tmp_path):
    network = read(save(tmp_path / "a.nnet", NNET.encode()))
    assert list(network.shapes) == [
        *("input", "input.centred", "normalised", "layer1", "relu1", "layer2", "layer2.scaled", "output")
    ]
    assert network.dtype == "exact"
    assert network.outputs == ("output",)
    first = next(n for n in network.nodes if isinstance(n, Dense))
    assert first.weight.row(1) == {0: rational(1, 10), 1: rational(1)}
    assert first.bias == (0, rational(-1, 2))
    # x = (2.5, 4): normalised (1, 1), layer1 (0.75, 0.6), layer2 0.75 - 1.8 + 2 = 0.95, output 9.5 + 1.5
    assert network.evaluate((rational(5, 2), rational(4))) == ((11,),)
    raw = read(tmp_path / "a.nnet", raw_nnet=True)
    assert list(raw.shapes) == ["input", "layer1", "relu1", "layer2"]
    assert raw.evaluate((rational(1), rational(1))) == ((rational(95, 100),),)
    assert any("clipping" in note for note in network.notes)


def test_nnet_writes_header_extras_of_another_file(tmp_path):
    source = save(tmp_path / "a.nnet", NNET.encode())
    out = tmp_path / "b.nnet"
    write(read(source), out, like=source)
    rows = out.read_text().split("\n")
    assert rows[:8] == ["// a comment", "2,2,1,2,", "2,2,1,", "0,", "-1.0,-1.0,", "1.0,1e1,", "0.5,0,1.5,", "2,4,10,"]
    assert same(read(out), read(source))
    write(read(source), out)
    assert out.read_text().startswith("2,2,1,2,\n2,2,1,\n0,\n-3402")
    assert same(read(out), read(source))
    write(read(source, raw_nnet=True), out)
    assert same(read(out, raw_nnet=True), read(source, raw_nnet=True))


def test_nnet_holds_only_its_own_structure(tmp_path):
    network = read(save(tmp_path / "a.nnet", NNET.encode()))
    third = Network(network.inputs, (Scale("input", "layer1", (rational(1, 3),) * 2),), ("layer1",))
    fails(CannotWrite, 2, lambda: write(third, tmp_path / "b.nnet"), "b.nnet", ".json")
    row = Matrix.from_rows([{0: rational(1, 3)}], 2)
    decimalless = Network(network.inputs, (Dense("input", "layer1", row, (rational(0),)),), ("layer1",))
    fails(CannotWrite, 2, lambda: write(decimalless, tmp_path / "b.nnet"), "1/3", "layer1", ".json")
    long = Matrix.from_rows([{0: rational(1, 2**20000)}], 2)
    endless = Network(network.inputs, (Dense("input", "layer1", long, (rational(0),)),), ("layer1",))
    fails(CannotWrite, 2, lambda: write(endless, tmp_path / "b.nnet"), "layer1")
    head = Network(network.inputs, (Head("input", "y", "softmax"),), ("y",))
    fails(CannotWrite, 2, lambda: write(head, tmp_path / "b.nnet"), "Head")
    middle = Network(network.inputs, network.nodes, ("layer1",))
    fails(CannotWrite, 2, lambda: write(middle, tmp_path / "b.nnet"), "chain")
    other = save(tmp_path / "c.nnet", b"1,1,1,1\n1,1\n0\n0,\n0,\n0,0,\n1,1,\n1,\n1\n")
    fails(CannotWrite, 2, lambda: write(network, tmp_path / "b.nnet", like=other), "inputs")
    fails(CannotWrite, 2, lambda: write(network, tmp_path / "b.nnet", like=other, raw_nnet=True), "inputs")
    assert not (tmp_path / "b.nnet").exists()


# JSON


def test_json_holds_long_numbers_up_to_a_limit(tmp_path):
    for digits, kept in [(4_000, True), (9_990, True), (10_001, False)]:
        layer = Shift("x", "y", (rational(-(10**digits) // 9), rational(1, 7)))
        network = Network((Port("x", (2,)),), (layer,), ("y",))
        if kept:
            write(network, tmp_path / "a.json")
            assert same(read(tmp_path / "a.json"), network)
        else:
            fails(CannotWrite, 2, lambda network=network: write(network, tmp_path / "a.json"), "10000 characters")


def test_json_is_canonical_and_as_the_page_says(tmp_path):
    write(tiny(), tmp_path / "a.json")
    text = (tmp_path / "a.json").read_text()
    assert text.startswith(
        '{"format":"exactlump network","inputs":[{"name":"x","shape":[2]}],"nodes":[{"bias":["0","1"],'
    )
    assert '"rows":[[[0,"1"]],[[0,"-2"],[1,"1/2"]]]' in text
    assert text.endswith('"version":1}\n')
    assert same(read(tmp_path / "a.json"), tiny())
    write(read(tmp_path / "a.json"), tmp_path / "b.json")
    assert (tmp_path / "b.json").read_bytes() == (tmp_path / "a.json").read_bytes()
