# SPDX-License-Identifier: Apache-2.0
"""This file is about ONNX files with images: they mean what ONNX says, survive writing, or are refused by name."""

import json
import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx.reference import ReferenceEvaluator

from exactlump.cli.main import cli
from exactlump.errors import CannotWrite, FormatError, ShapeError, UnsupportedLayer
from exactlump.formats import read, read_as, write
from exactlump.formats.onnx.normalisation import rounded_up, surd
from exactlump.formats.specification import BATCHNORM
from exactlump.network.activations import ABS, RELU, Activation
from exactlump.network.kinds import (
    Activate,
    Add,
    AveragePool,
    Conv,
    Dense,
    Head,
    MaxPool,
    Node,
    Pad,
    Reorder,
    Scale,
    Select,
    Shift,
)
from exactlump.network.program import Network
from exactlump.network.views import Port, View
from exactlump.network.windows import Window, whole
from exactlump.numbers import floats
from exactlump.numbers.matrix import Matrix
from exactlump.numbers.rational import ONE, ZERO, rational
from exactlump.verbs.reducing import reduce_file
from exactlump.verdicts import SCOPE
from tests import operator_table
from tests.image_graphs import OPSETS, STEPS, bounded, feed, graph, operators
from tests.tools import NEWEST, fails, model, no_rule, node, real_networks, save, session, tensor

GRAPHS = 1000


def _point(made):
    """An exact input whose numbers are small dyadics."""
    values = np.random.default_rng(made.seed).integers(-6, 7, int(np.prod(made.shapes["x"])))
    return tuple(rational(int(v), 2) for v in values)


@pytest.mark.slow
def test_a_thousand_random_graphs_mean_what_onnx_says_and_survive_writing():
    """Within the error bound of float32, in onnxruntime and in ONNX's reference evaluator; written files too."""
    nodes, kinds = Counter(), Counter()

    @settings(max_examples=GRAPHS, deadline=None)
    @given(
        st.sampled_from(OPSETS),
        st.integers(0, 10**6),
        st.lists(st.sampled_from(STEPS), min_size=1, max_size=5),
        st.sampled_from([None, None, None, "argmax"]),
    )
    def compare(opset, seed, steps, last):
        made = graph(opset, seed, steps, last)
        with tempfile.TemporaryDirectory() as folder:
            network = _compared(made, Path(folder))
        nodes.update(type(n).__name__ for n in network.nodes)
        kinds.update(operators(made))

    compare()
    missing = {kind.__name__ for kind in Node.__args__} - set(nodes) - {"Opaque", "Pick"}  # tests/test_opaque.py
    assert not missing, missing
    assert len(kinds) >= 35, sorted(kinds)


def _compared(made, folder):
    """Read, run and write a graph; returns the network."""
    source, x = save(folder / "in.onnx", made.model()), _point(made)
    network = read(source)
    exact = bounded(network, x)
    array = feed(x, made.shapes["x"])
    _close(exact, session(source).run(None, {"x": array}))
    if _reference_knows(made):
        _close(exact, ReferenceEvaluator(str(source)).run(None, {"x": array}))
    write(network, folder / "out.onnx")
    again = read(folder / "out.onnx")
    assert all(again.views[name] == view for name, view in network.views.items())
    assert again.evaluate(x) == network.evaluate(x)
    _close(exact, session(folder / "out.onnx").run(None, {"x": array}), 8)
    write(network, folder / "out.json")
    assert _bare(read(folder / "out.json")) == _bare(network)
    return network


def _bare(network):
    """The nodes without the names of a file's constants."""
    return [replace(n, names=("", "", "")) if isinstance(n, Dense | Conv) else n for n in network.nodes]


def _close(exact, found, factor=1):
    for (values, errors), y in zip(exact, found, strict=True):
        assert (np.abs(np.asarray(y, np.float64).ravel() - values) <= factor * errors).all(), (y, values, errors)


def _reference_knows(made):
    """Whether ONNX's reference evaluator computes the graph; where it fails, onnxruntime agrees with the exact value.

    It normalises by the batch's own mean before opset 14, mixes up groups and biases of transposed convolutions, and
    has no maximum where a window lies in the padding.
    """
    for entry in made.nodes:
        names = {attribute.name: attribute for attribute in entry.attribute}
        flat = len(made.shapes.get(entry.input[0], ())) == 2
        if entry.op_type == "BatchNormalization" and made.opset < 14:
            return False
        if entry.op_type == "ConvTranspose" and (names["group"].i > 1 or flat or len(entry.input) > 2):
            return False
        if entry.op_type in ("MaxPool", "AveragePool") and {"auto_pad", "pads", "dilations"} & set(names):
            return False
        if entry.op_type == "GlobalMaxPool" and flat:
            return False
    return True


# Names and views: what a file does not say, readers agree about


def _read(tmp_path, nodes, constants=(), shape=(2, 3, 3), end=None, opset=13, **options):
    """The network of nodes from x to the last output, and the path."""
    last = nodes[-1].output[0]
    made = model(nodes, {"x": ["N", *shape]}, {last: end and ["N", *end]}, constants, opset=opset)
    path = save(tmp_path / "a.onnx", made)
    return read(path, **options)


KERNEL = {"W": np.ones((2, 2, 2, 2))}


def test_an_image_is_implied_once_before_all_that_read_it(tmp_path):
    nodes = [node("Conv", "x W", "a"), node("MaxPool", "x", "b", kernel_shape=[2, 2]), node("Add", "a b", "y")]
    network = _read(tmp_path, nodes, KERNEL)
    image = Reorder("x", "x as image", None, (2, 3, 3), 0)
    assert [type(n) for n in network.nodes] == [Reorder, Conv, MaxPool, Add]
    assert network.nodes[0] == image
    assert {n.source for n in network.nodes[1:3]} == {"x as image"}


def test_elements_are_implied_where_a_constant_differs_inside_of_a_channel(tmp_path):
    many = np.arange(8.0).reshape(2, 2, 2)
    nodes = [node("Conv", "x W", "a"), node("Add", "a c", "b"), node("Mul", "a d", "e"), node("Sub", "b e", "y")]
    network = _read(tmp_path, nodes, {**KERNEL, "c": many, "d": [[[2.0]], [[3.0]]]})
    views = {name: view.channel for name, view in network.views.items()}
    assert [views[name] for name in ("a as elements", "b", "e")] == [None, None, 0]
    assert network.producer["y"] == Add(("b", "e as elements"), "y", (1, -1))


def test_the_channel_axis_follows_reorderings_that_keep_every_channel(tmp_path):
    nodes = [
        node("Conv", "x W", "a"),
        node("Transpose", "a", "last", perm=[0, 2, 3, 1]),
        node("Reshape", "last s", "rows"),
        node("Transpose", "a", "turned", perm=[0, 3, 2, 1]),
        node("Conv", "last V", "b"),
        node("Relu", "b", "y"),
    ]
    constants = [tensor("W", np.ones((2, 2, 2, 2), np.float32)), tensor("V", np.ones((1, 2, 1, 1), np.float32))]
    network = _read(tmp_path, nodes, [*constants, tensor("s", np.array([0, 4, 2]))])
    assert network.views["last"] == View((2, 2, 2), 2)
    assert network.views["rows"] == View((4, 2), 1)
    assert network.views["turned"] == View((2, 2, 2), None)
    assert [n.target for n in network.nodes if isinstance(n, Reorder)] == [
        *("x as image", "last", "rows", "turned", "last as elements", "last as elements as image")
    ]


def test_written_files_leave_out_what_is_implied_and_keep_names(tmp_path):
    nodes = [node("Conv", "x W b", "a"), node("Relu", "a", "r"), node("Flatten", "r", "f"), node("Gemm", "f M", "y")]
    network = _read(tmp_path, nodes, {**KERNEL, "b": [1.0, 2.0], "M": np.ones((8, 1))})
    write(network, tmp_path / "b.onnx")
    graph_ = onnx.load(tmp_path / "b.onnx").graph
    assert [n.op_type for n in graph_.node] == ["Conv", "Relu", "Flatten", "Gemm"]
    assert {"W", "b", "M"} <= {t.name for t in graph_.initializer}
    assert read(tmp_path / "b.onnx").nodes == network.nodes


def test_groups_stay_groups(tmp_path):
    kernel = np.arange(1.0, 17).reshape(4, 1, 2, 2)
    for kind in ("Conv", "ConvTranspose"):
        network = _read(tmp_path, [node(kind, "x W", "y", group=4)], {"W": kernel}, shape=(4, 3, 3))
        write(network, tmp_path / "b.onnx")
        again = onnx.load(tmp_path / "b.onnx")
        assert [a.i for a in again.graph.node[0].attribute if a.name == "group"] == [4]
        assert np.array_equal(onnx.numpy_helper.to_array(again.graph.initializer[0]), kernel)


def test_a_network_that_would_be_read_otherwise_is_not_written(tmp_path):
    image = Reorder("x", "x as image", None, (2, 3, 3), 0)
    nodes = (image, Activate("x as image", "y", (RELU, RELU)))
    network = Network((Port("x", (2, 3, 3), 1),), nodes, ("y",), "float32")
    fails(CannotWrite, 2, lambda: write(network, tmp_path / "a.onnx"), "'x as image'", "read as")
    assert not list(tmp_path.iterdir())


def test_float64_on_request_is_refused_where_runtimes_have_no_kernel(tmp_path):
    network = _read(tmp_path, [node("Conv", "x W", "y")], KERNEL)
    fails(UnsupportedLayer, 4, lambda: write(network, tmp_path / "b.onnx", dtype="float64"), "Conv node 'y'")
    source, target = tmp_path / "a.onnx", tmp_path / "b.onnx"
    fails(UnsupportedLayer, 4, lambda: reduce_file(source, target, weights="float64"), "Conv node 'y'", str(target))


@pytest.mark.parametrize("kind", ["Gemm", "MatMul", "Conv", "ConvTranspose"])
@pytest.mark.parametrize("rows", ["alike", "apart"])
def test_weights_that_are_integers_times_a_float_stay_so(kind, rows, tmp_path):
    """0.1 * 7 is no float32: quantised weights are written as quantised ones, by row where their scales differ."""
    tenth, third = (rational(float(np.float32(c))) for c in (0.1, 0.3))
    weight = Matrix.from_rows([{0: 7 * tenth}, {0: 5 * (tenth if rows == "alike" else third), 1: ZERO}], 2)
    shape = (2, 1) if kind.startswith("Conv") else (2,)
    nodes = [Dense("x", "y", weight, (ZERO, ONE), ("y_product" if kind == "MatMul" else "", "W", "b"))]
    if kind.startswith("Conv"):
        window = replace(whole((1,)), transposed=kind == "ConvTranspose")
        nodes = [Reorder("x", "x as image", None, shape, 0), Conv("x as image", "y", weight, (ZERO, ONE), window)]
    network = Network((Port("x", shape, 1),), tuple(nodes), ("y",), "float32")
    write(network, tmp_path / "a.onnx")
    assert _bare(read(tmp_path / "a.onnx")) == _bare(network)
    assert session(tmp_path / "a.onnx").run(None, {"x": np.ones((1, *shape), np.float32)})[0].size == 2


# Functions

_FUNCTIONS = {
    "Elu": ({"alpha": 0.5}, Activation("elu", (rational(1, 2),)), 1),
    "Celu": ({"alpha": 0.5}, Activation("celu", (rational(1, 2),)), 12),
    "Selu": ({"alpha": 1.5, "gamma": 2.0}, Activation("selu", (rational(3, 2), rational(2))), 6),
    "HardSigmoid": ({"alpha": 0.25, "beta": 0.5}, Activation("hard_sigmoid", (rational(1, 4), rational(1, 2))), 6),
    "ThresholdedRelu": ({"alpha": 0.5}, Activation("thresholded_relu", (rational(1, 2),)), 10),
    "HardSwish": ({}, Activation("hard_swish"), 14),
    "Mish": ({}, Activation("mish"), 18),
    "Gelu": ({}, Activation("gelu"), 20),
    "Gelu tanh": ({"approximate": "tanh"}, Activation("gelu_tanh"), 20),
    "Sign": ({}, Activation("sign"), 9),
    "Floor": ({}, Activation("floor"), 6),
    "Ceil": ({}, Activation("ceil"), 6),
    "Round": ({}, Activation("round"), 11),
    "Swish": ({}, Activation("silu"), 24),
}


@pytest.mark.parametrize("name", _FUNCTIONS)
def test_functions_are_named_and_written_back(name, tmp_path):
    """What a runtime computes for the original it computes for the written file."""
    attributes, function, opset = _FUNCTIONS[name]
    opset = max(opset, 9)
    if opset > NEWEST:
        pytest.skip(f"{name} came with opset {opset}")
    network = _read(tmp_path, [node(name.split()[0], "x", "y", **attributes)], shape=(5,), opset=opset)
    assert network.nodes == (Activate("x", "y", (function,) * 5),)
    write(network, tmp_path / "b.onnx")
    assert read(tmp_path / "b.onnx").nodes == network.nodes
    x = np.array([[-3, -0.5, 0, 0.5, 2.5]], np.float32)
    found = [ReferenceEvaluator(str(tmp_path / f"{stem}.onnx")).run(None, {"x": x})[0] for stem in "ab"]
    assert found[0].tolist() == found[1].tolist()


def test_functions_that_differ_from_unit_to_unit(tmp_path):
    numbers = (ZERO, rational(1, 2), ONE)
    for functions in [
        tuple(Activation("at_least", (c,)) for c in (*numbers[1:], rational(2))),
        tuple(Activation("at_most", (c,)) for c in numbers),
        tuple(Activation("clip", (-c, c + 1)) for c in numbers),
        tuple(Activation("leaky_relu", (c,)) for c in numbers),
    ]:
        network = Network((Port("x", (3,), 1),), (Activate("x", "y", functions),), ("y",), "float32")
        write(network, tmp_path / "a.onnx")
        again = read(tmp_path / "a.onnx")
        for x in [(-3, -3, -3), (3, 3, 3), (0, 1, 0)]:
            x = tuple(map(rational, x))
            assert again.evaluate(x) == network.evaluate(x)


@pytest.mark.parametrize(
    "functions", [(RELU, Activation("tanh")), (Activation("surd", (rational(2),)),) * 2, (ABS, Activation("sign"))]
)
def test_functions_that_no_operator_computes_are_refused(functions, tmp_path):
    network = Network((Port("x", (2,), 1),), (Activate("x", "y", functions),), ("y",), "float32")
    fails(CannotWrite, 2, lambda: write(network, tmp_path / "a.onnx"), "'y'")


# Batch normalisation


@given(st.integers(1, 2**60), st.integers(1, 2**60), st.integers(-200, 200), st.sampled_from(["float32", "float64"]))
def test_roots_are_rounded_to_the_nearest_float(p, q, power, dtype):
    """Against squares: no float is nearer, as the middles on both sides are beyond the root."""
    square = rational(p, q) * (rational(2) ** power if power >= 0 else ONE / rational(2) ** -power)
    try:
        found = floats.nearest_root(square, dtype)
    except OverflowError:
        assert not rational(1, 2**250) < square < rational(2**250) or dtype == "float32"
        return
    assert floats.fits(found, dtype)
    assert found > 0
    digits = {"float32": 24, "float64": 53}[dtype]
    p, q = int(found.numerator), int(found.denominator)
    unit = rational(1, q) if q > 1 else ONE
    step = unit
    while floats.fits(found + step / 2, dtype):
        step = step / 2
    while not floats.fits(found + step, dtype):
        step = 2 * step
    assert (found + step / 2) ** 2 >= square
    assert (found - step / 2) ** 2 <= square or found / step == 2 ** (digits - 1)
    assert abs(found * found / square - 1) <= rational(1, 2 ** (digits - 1)) + rational(1, 2 ** (2 * digits))


def test_a_root_in_the_middle_goes_to_the_even_float():
    middle = ONE + rational(1, 2**24)
    assert floats.nearest_root(middle**2, "float32") == 1
    middle = ONE + rational(3, 2**24)
    assert floats.nearest_root(middle**2, "float32") == 1 + rational(4, 2**24)
    with pytest.raises(OverflowError):
        floats.nearest_root(rational(1, 2**260), "float32")


@given(st.integers(1, 10**6), st.integers(1, 10**6))
def test_surds_are_squarefree(p, q):
    r, d = surd(rational(p, q))
    assert r * r * d == rational(p, q)
    assert all(d % (k * k) for k in range(2, 1000))


def test_rounding_up_for_people():
    assert [rounded_up(rational(p, q)) for p, q in [(0, 1), (1, 3), (1, 2**24), (99, 1000)]] == [
        *("0", "3.4e-1", "6.0e-8", "9.9e-2")
    ]


def _normalised(tmp_path, **options):
    """gamma/sqrt(var + eps) with eps = 0 is 1/sqrt(2), -1 and 0."""
    constants = {"g": [1.0, -2.0, 0.0], "b": [0.0, 1.0, 2.0], "m": [1.0, 3.0, 5.0], "v": [2.0, 4.0, 1.0]}
    nodes = [node("BatchNormalization", "x g b m v", "y", epsilon=0.0)]
    return _read(tmp_path, nodes, constants, shape=(3, 2), **options)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_folded_batch_normalisation_says_so(dtype, tmp_path):
    network = _normalised(tmp_path, batchnorm=dtype)
    half = floats.nearest_root(rational(1, 2), dtype)
    each = [half, half, -ONE, -ONE, ZERO, ZERO]
    assert network.nodes == (
        Shift("x", "y centred", tuple(map(rational, (-1, -1, -3, -3, -5, -5)))),
        Scale("y centred", "y scaled", tuple(each)),
        Shift("y scaled", "y", tuple(map(rational, (0, 0, 1, 1, 2, 2)))),
    )
    assert network.specification == BATCHNORM[dtype]
    assert f"relative error at most 2^{ {'float32': -24, 'float64': -53}[dtype] }" in network.notes[-1]
    assert "3 scales" in network.notes[-1]
    assert read_as(tmp_path / "a.onnx", BATCHNORM[dtype]).nodes == network.nodes


def test_an_exact_batch_normalisation_keeps_square_roots(tmp_path):
    network = _normalised(tmp_path, batchnorm="exact")
    assert [n.target for n in network.nodes] == ["y centred", "y scaled", "y rooted", "y"]
    assert [str(f) for f in network.nodes[2].functions[::2]] == ["surd(2)", "identity", "identity"]
    assert network.nodes[1].factor[::2] == (rational(1, 2), -ONE, ZERO)
    assert network.specification == BATCHNORM["exact"]
    fails(CannotWrite, 2, lambda: write(network, tmp_path / "b.onnx"), "'y rooted'")
    write(network, tmp_path / "b.json")
    assert read(tmp_path / "b.json").nodes == network.nodes


def test_batch_normalisation_of_channels_acts_on_channels(tmp_path):
    names = "g g g g"
    nodes = [node("Conv", "x W", "a"), node("BatchNormalization", f"a {names}", "y")]
    network = _read(tmp_path, nodes, {**KERNEL, "g": [1.0, 2.0]})
    assert network.views["y"] == View((2, 2, 2), 0)
    assert len(network.producer["y"].constant) == 2


def test_a_number_finer_than_every_float_is_added_to_a_multiple(tmp_path):
    tiny = rational(3, 2**170)
    network = Network((Port("x", (2,), 1),), (Shift("x", "y", (tiny, ONE)),), ("y",), "float32")
    write(network, tmp_path / "a.onnx")
    assert read(tmp_path / "a.onnx").evaluate((ONE, ONE)) == ((ONE + tiny, ONE + ONE),)


# Constants


def test_constants_are_computed_exactly(tmp_path):
    """1/3 is no float, and 0.1 + 0.2 in float32 is none of the sum."""
    nodes = [node("Div", "one three", "third"), node("Add", "third third", "twice"), node("Mul", "x twice", "y")]
    network = _read(tmp_path, nodes, {"one": 1.0, "three": [3.0]}, shape=(2,))
    assert network.nodes[-1].factor == (rational(2, 3),) * 2
    nodes = [node("Sqrt", "c", "r"), node("Pow", "c h", "s"), node("Add", "r s", "t"), node("Mul", "x t", "y")]
    assert _read(tmp_path, nodes, {"c": 2.25, "h": 0.5}, shape=(1,)).nodes[-1].factor == (rational(3),)


def test_irrational_roots_of_constants_are_rounded_and_that_is_said(tmp_path):
    nodes = [node("Sqrt", "c", "r"), node("Mul", "x r", "y")]
    network = _read(tmp_path, nodes, {"c": 2.0}, shape=(1,))
    assert network.nodes[0].factor == (floats.nearest_root(rational(2), "float32"),)
    assert network.specification == BATCHNORM["float32"]
    no_rule(tmp_path / "a.onnx", "irrational", batchnorm="exact")


def test_shapes_are_constants(tmp_path):
    """What PyTorch writes for x.view(x.size(0), -1)."""
    nodes = [
        node("Shape", "x", "s"),
        node("Gather", "s zero", "n", axis=0),
        node("Unsqueeze", "n axis", "v"),
        node("Concat", "v rest", "t", axis=0),
        node("Reshape", "x t", "y"),
    ]
    integers = {"zero": np.array(0), "axis": np.array([0]), "rest": np.array([-1])}
    constants = [tensor(name, array) for name, array in integers.items()]
    made = model(nodes, {"x": [2, 3, 4]}, {"y": [2, 12]}, constants)
    assert read(save(tmp_path / "a.onnx", made)).shapes["y"] == (12,)
    made = model(nodes, {"x": ["N", 3, 4]}, {"y": ["N", 12]}, constants)
    network = read(save(tmp_path / "a.onnx", made))
    assert (network.opaque, network.shapes["y"]) == ((), (12,))


# What is refused, by operator and node

_W = {"W": np.ones((2, 2, 2, 2))}
_BN = {name: [1.0, 1.0] for name in ("g", "b", "m", "v")}
BAD = {
    "kernel of another shape": (node("Conv", "x W", "y"), {"W": np.ones((2, 3, 2, 2))}, ShapeError, "kernel"),
    "kernel larger than the grid": (node("Conv", "x W", "y"), {"W": np.ones((2, 2, 4, 4))}, ShapeError, "spans"),
    "groups that do not divide": (node("Conv", "x W", "y", group=3), _W, ShapeError, "group"),
    "kernel_shape of others": (node("Conv", "x W", "y", kernel_shape=[1, 1]), _W, ShapeError, "kernel_shape"),
    "negative pads": (node("Conv", "x W", "y", pads=[-1, 0, 0, 0]), _W, UnsupportedLayer, "negative"),
    "pads too few": (node("Conv", "x W", "y", pads=[1, 1]), _W, ShapeError, "pads"),
    "stride 0": (node("Conv", "x W", "y", strides=[0, 1]), _W, ShapeError, "strides"),
    "auto_pad unknown": (node("Conv", "x W", "y", auto_pad="SAME"), _W, FormatError, "auto_pad"),
    "auto_pad with pads": (
        node("Conv", "x W", "y", auto_pad="SAME_UPPER", pads=[1, 0, 0, 0]),
        _W,
        FormatError,
        "auto_pad",
    ),
    "bias too long": (node("Conv", "x W b", "y"), {**_W, "b": [1.0] * 3}, ShapeError, "bias"),
    "weights that are computed": (node("Conv", "x x", "y"), {}, UnsupportedLayer, "constant"),
    "huge padding": (node("Conv", "x W", "y", pads=[10**6] * 4), _W, UnsupportedLayer, "elements"),
    "transposed to a given shape": (
        node("ConvTranspose", "x W", "y", output_shape=[4, 4]),
        _W,
        UnsupportedLayer,
        "output_shape",
    ),
    "transposed to nothing": (node("ConvTranspose", "x W", "y", pads=[9, 9, 9, 9]), _W, ShapeError, "target"),
    "indices of a pool": (node("MaxPool", "x", "y i", kernel_shape=[2, 2]), {}, UnsupportedLayer, "second output"),
    "a pool of padding": (
        node("MaxPool", "x", "y", kernel_shape=[1, 1], pads=[1, 1, 1, 1]),
        {},
        UnsupportedLayer,
        "padding",
    ),
    "ceil_mode with auto_pad": (
        node("MaxPool", "x", "y", kernel_shape=[2, 2], ceil_mode=1, auto_pad="SAME_UPPER"),
        {},
        UnsupportedLayer,
        "ceil_mode",
    ),
    "a window behind the grid": (
        node("MaxPool", "x", "y", kernel_shape=[1, 1], strides=[3, 3], ceil_mode=1, pads=[0, 0, 2, 2]),
        {},
        UnsupportedLayer,
        "behind",
    ),
    "padding by reflection": (
        node("Pad", "x p", "y", mode="reflect"),
        {"p": np.array([0, 0, 1, 1, 0, 0, 1, 1])},
        UnsupportedLayer,
        "reflect",
    ),
    "padding of channels": (
        node("Pad", "x p", "y"),
        {"p": np.array([0, 1, 0, 0, 0, 0, 0, 0])},
        UnsupportedLayer,
        "channels",
    ),
    "cropping": (node("Pad", "x p", "y"), {"p": np.array([0, 0, -1, 0, 0, 0, 0, 0])}, UnsupportedLayer, "negative"),
    "padding by ones": (
        node("Pad", "x p c", "y"),
        {"p": np.array([0, 0, 1, 0, 0, 0, 0, 0]), "c": np.float32(1)},
        UnsupportedLayer,
        "zeros",
    ),
    "mean over channels": (node("ReduceMean", "x", "y", axes=[1]), {}, UnsupportedLayer, "axes"),
    "mean over the batch": (node("ReduceMean", "x", "y", axes=[0, 1, 2, 3]), {}, UnsupportedLayer, "batch axis"),
    "normalisation of others": (
        node("BatchNormalization", "x g b m v", "y"),
        {**_BN, "g": [1.0]},
        ShapeError,
        "'g'",
    ),
    "no variance": (
        node("BatchNormalization", "x g b m v", "y"),
        {**_BN, "v": [1.0, -1.0]},
        FormatError,
        "channel 1",
    ),
    "a scale too large": (
        node("BatchNormalization", "x g b m v", "y", epsilon=0.0),
        {**_BN, "g": [3e38, 1.0], "v": [1e-30, 1.0]},
        UnsupportedLayer,
        "normal",
    ),
    "sum of other shapes": (node("Sum", "x x c", "y"), {"c": [[[1.0]]]}, UnsupportedLayer, "constants"),
    "concatenation with a constant": (
        node("Concat", "x c", "y", axis=1),
        {"c": np.ones((1, 1, 3, 3))},
        UnsupportedLayer,
        "constants",
    ),
    "concatenation of batches": (node("Concat", "x x", "y", axis=0), {}, UnsupportedLayer, "batch axis"),
    "parts that are too many": (
        node("Split", "x p", "y z", axis=1),
        {"p": np.array([2, 2])},
        ShapeError,
        "parts",
    ),
    "an empty slice": (
        node("Slice", "x s e a", "y"),
        {"s": np.array([2]), "e": np.array([2]), "a": np.array([1])},
        ShapeError,
        "empty",
    ),
    "a slice of the batch": (
        node("Slice", "x s e a", "y"),
        {"s": np.array([0]), "e": np.array([1]), "a": np.array([0])},
        UnsupportedLayer,
        "batch axis",
    ),
    "an index outside": (node("Gather", "x i", "y", axis=1), {"i": np.array([2])}, ShapeError, "outside"),
    "bounds the wrong way": (
        node("Clip", "x l h", "y"),
        {"l": np.float32(1), "h": np.float32(0)},
        UnsupportedLayer,
        "bound",
    ),
    "the last of several": (
        node("ArgMax", "x", "y", axis=1, select_last_index=1),
        {},
        UnsupportedLayer,
        "select_last_index",
    ),
    "a head over channels of images": (node("ArgMax", "x", "y", axis=1), {}, UnsupportedLayer, "axis"),
    "a power of a computed tensor": (node("Pow", "x c", "y"), {"c": [2.0]}, UnsupportedLayer, "constant"),
    "an operator outside the table": (node("Einsum", "x", "y", equation="ij->ji"), {}, UnsupportedLayer, "operator"),
}


@pytest.mark.parametrize("name", BAD)
def test_refused_by_operator_and_node(name, tmp_path):
    made, constants, error, word = BAD[name]
    arrays = {key: np.asarray(value) for key, value in constants.items()}
    tensors = [tensor(key, a if a.dtype.kind == "i" else a.astype(np.float32)) for key, a in arrays.items()]
    outputs = [onnx.helper.make_empty_tensor_value_info("y")]
    path = save(tmp_path / "a.onnx", model([made], {"x": ["N", 2, 3, 3]}, outputs, tensors))
    if error is UnsupportedLayer:
        no_rule(path, word)
    else:
        fails(error, 2, lambda: read(path), str(path), f"{made.op_type} node 'y'", word)


def test_images_need_a_batch_axis_and_a_grid(tmp_path):
    for shape in [(3,), ()]:
        made = model([node("GlobalAveragePool", "x", "y")], {"x": ["N", *shape] if shape else [4]}, {"y": None})
        path = save(tmp_path / "a.onnx", made)
        no_rule(path, "batch axis")


# The exact format

_MAX = '"op":"max_pool","source":"i","target":"m","window":{"begin":'
_WINDOW = Window((3, 3), (2, 2), (2, 2), (1, 1), (1, 1), (0, 0), (0, 0))


def _written(tmp_path, edit):
    """The text of a network of images, edited."""
    nodes = (
        Reorder("x", "i", None, (2, 3, 3), 0),
        Conv("i", "c", Matrix.from_rows([{0: ONE, 7: -ONE}] * 2, 8), (ONE, ZERO), _WINDOW),
        MaxPool("i", "m", _WINDOW),
        Add(("c", "m"), "s", (1, -1)),
        Select(("s", "c"), "t", ((0, 1), (1, 0)), (2, 2, 2), 0),
        Pad("t", "p", Window((2, 2), (3, 2), (1, 1), (1, 1), (1, 1), (1, 0), (0, 0))),
        AveragePool("p", "y", whole((3, 2))),
        Reorder("y", "f", None, (2,)),
        Head("f", "k", "argmax"),
    )
    network = Network((Port("x", (2, 3, 3)),), nodes, ("k", "p"))
    write(network, tmp_path / "a.json")
    text = (tmp_path / "a.json").read_text()
    assert edit[0] in text
    (tmp_path / "a.json").write_text(text.replace(*edit, 1))
    return network


def test_every_node_is_in_the_exact_format(tmp_path):
    network = _written(tmp_path, ("[", "["))
    assert read(tmp_path / "a.json").nodes == network.nodes


@pytest.mark.parametrize(
    ("edit", "error", "word"),
    [
        (('"channel":0,', ""), ShapeError, "columns"),
        (('"signs":["1","-1"]', '"signs":["1","2"]'), FormatError, "signs"),
        (('"signs":["1","-1"]', '"signs":["1"]'), ShapeError, "signs"),
        (('"picks":[[0,1],[1,0]]', '"picks":[[0,1],[2,0]]'), ShapeError, "pick"),
        (('"picks":[[0,1],[1,0]]', '"picks":[[0,1,0],[1,0]]'), FormatError, "source"),
        (('"padding":false', '"padding":0'), FormatError, "padding"),
        (('"stride":[1,1]', '"stride":[0,1]'), ShapeError, "positive"),
        ((f"{_MAX}[0,0]", f"{_MAX}[7,7]"), UnsupportedLayer, "padding"),
        (('"target":[1,1],"transposed":false', '"target":[1,1],"transposed":true'), FormatError, "transposed"),
        (('"kernel":[2,2]', '"kernel":[99999,99999]'), FormatError, "elements"),
        (('"kind":"argmax"', '"kind":"argmin"'), ShapeError, "argmin"),
    ],
)
def test_bad_exact_format(edit, error, word, tmp_path):
    _written(tmp_path, edit)
    fails(error, 4 if error is UnsupportedLayer else 2, lambda: read(tmp_path / "a.json"), word)


# Documents


def test_the_table_of_operators_is_what_the_code_does():
    """`python -m tests.operator_table` writes it anew."""
    _, written, _ = operator_table.parts(operator_table.DOCUMENT.read_text(encoding="utf-8"))
    assert written == operator_table.table()


# What is written has the interface of what was read

WHOLE = {
    "a selection of elements": ([node("Gather", "x i", "y", axis=2)], (3, 2, 4)),
    "a sum with a part": ([node("Concat", "x", "d", axis=3), node("Add", "d x", "y")], (3, 2, 4)),
    "parts in another order": (
        [
            node("Relu", "x", "h"),
            node("Concat", "h h", "d", axis=1),
            node("Transpose", "d", "t", perm=[0, 2, 1, 3]),
            node("Flatten", "t", "y"),
        ],
        (3, 2, 4),
    ),
    "a constant for each element": (
        [node("Conv", "x W", "t"), node("Relu", "t", "h"), node("Add", "h c", "y")],
        (3, 2, 4),
    ),
    "nothing but constants": (
        [node("Conv", "x Z", "t"), node("Relu", "t", "h"), node("Add", "h c", "y")],
        (3, 2, 4),
    ),
    "casts between floats": ([node("Cast", "x", "t", to=1), node("Concat", "t x", "y", axis=1)], (3, 2, 4)),
}


@pytest.mark.parametrize("name", WHOLE)
def test_reduced_files_have_the_outputs_shapes_and_values(name, tmp_path):
    nodes, shape = WHOLE[name]
    random = np.random.default_rng(0)
    constants = {
        "i": np.array([1, -2, 1]),
        "W": random.integers(-2, 3, (2, 3, 1, 1)).astype(float),
        "Z": np.zeros((2, 3, 1, 1)),
        "c": random.integers(-2, 3, (2, 2, 4)).astype(float),
    }
    used = {word for n in nodes for word in n.input}
    network = _read(tmp_path, nodes, {key: value for key, value in constants.items() if key in used}, shape)
    path = tmp_path / "a.onnx"
    target = tmp_path / "reduced.onnx"
    assert CliRunner().invoke(cli, ["reduce", str(path), str(target)]).exit_code == 0
    x = random.integers(-4, 5, (1, *shape)).astype(np.float32)
    (ours,), (theirs,) = (session(p).run(None, {"x": x}) for p in (path, target))
    assert ours.shape == theirs.shape
    assert np.array_equal(ours, theirs)
    assert read(target).shapes["y"] == network.shapes["y"]


def test_a_cast_of_an_index_is_read(tmp_path):
    """It is the same number, as a float."""
    nodes = [node("ArgMax", "x", "a", axis=1), node("Cast", "a", "f", to=1), node("Relu", "f", "y")]
    network = _read(tmp_path, nodes, shape=(3,))
    assert not network.opaque
    assert network.evaluate([1, 3, 2]) == ((1,),)


# Real networks

FOLDERS = ("conv/*", "residual_bn/*", "other_activations/*", "quantized/**/*", "not_chain/*")


@pytest.mark.parametrize("batchnorm", ["float32", "float64", None])
def test_the_verdict_says_where_a_network_was_folded(batchnorm, tmp_path):
    """Two of three channels are one, after normalisation; the claim and the verdict name the specification."""
    constants = {"W": [[1.0, 2], [2, 4], [1, 1]], "g": [3.0, 3, 1], "b": [0.0, 0, 1], "v": [3.0, 12, 1]}
    nodes = [
        node("Gemm", "x W", "h", transB=1),
        node("BatchNormalization", "h g b b v", "n", epsilon=0.0),
        node("Relu", "n", "r"),
        node("Gemm", "r U", "y"),
    ]
    _read(tmp_path, nodes, {**constants, "U": [[1.0], [1], [1]]}, shape=(2,))
    options = ["--batchnorm", batchnorm] if batchnorm else []
    target = tmp_path / ("b.json" if batchnorm == "float64" else "b.onnx")  # float32 files hold no float64
    arguments = ["reduce", str(tmp_path / "a.onnx"), str(target), *options]
    result = CliRunner().invoke(cli, arguments)
    assert result.output.splitlines()[0] == f"equivalent to the folded specification: 3 -> 2 hidden neurons, {SCOPE}"
    words = BATCHNORM[batchnorm or "float32"]
    assert f'"specification":"{words}"' in (tmp_path / f"{target.name}.cert.json").read_text()
    found = json.loads(CliRunner().invoke(cli, [*arguments, "--json"]).output)
    assert found["specification"] == words
    assert any("relative error at most 2^-" in note for note in found["notes"])


@pytest.mark.parametrize("path", real_networks("residual_bn/linear2-3*"))
def test_a_real_network_is_equivalent_to_its_folded_specification(path, tmp_path):
    result = CliRunner().invoke(cli, ["reduce", str(path), str(tmp_path / "a.onnx")])
    assert result.output.splitlines()[0] == f"equivalent to the folded specification: 3 -> 0 hidden neurons, {SCOPE}"


@pytest.mark.parametrize("path", real_networks(*FOLDERS))
def test_real_networks_are_read_and_written(path, tmp_path):
    """What is written of a public network, unreduced, is read as that network."""
    network = read(path)
    write(network, tmp_path / "a.onnx")
    again = read(tmp_path / "a.onnx")
    assert all(again.views[name] == view for name, view in network.views.items())
    assert again.specification == "as stored"
