# SPDX-License-Identifier: Apache-2.0
"""This file is about every ONNX file that `reduce` writes: a runtime loads and runs it, and it keeps what it can.

Whatever is reduced here (bundled networks, one sample of each operator at many opsets, random networks on images,
random quantised ones, and the real ones where they are): the file has the opset of the one that was read, or says why
not; weights of 8 bits stay such, one scale a row; and a file that is larger says so.
"""

import gzip
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, checker, numpy_helper, shape_inference

import exactlump
from exactlump import check, formats, read, reduce_file, write
from exactlump.errors import ExactlumpError
from exactlump.formats.onnx.arithmetic import OPERATORS
from exactlump.network.kinds import Conv, Dense
from tests.image_graphs import STEPS, graph
from tests.image_networks import image_network
from tests.operator_table import sample
from tests.quantised_networks import quantised_network
from tests.tools import DATA, NEWEST, model, node, numbers, real_networks, save, session, tensor

BUNDLED = [*Path(exactlump.__file__).parent.glob("networks/*.onnx"), *Path(__file__).parents[1].glob("networks/*.onnx")]
CASES = DATA.parent / "cases"
SHORT = (TensorProto.INT8, TensorProto.UINT8, TensorProto.INT16, TensorProto.UINT16)


def proto(path):
    data = path.read_bytes()
    return onnx.load_model_from_string(gzip.decompress(data) if path.name.endswith(".gz") else data)


def opset(path):
    """The version of the standard operators."""
    return next(entry.version for entry in proto(path).opset_import if entry.domain in ("", "ai.onnx"))


def outputs(path, seed=0):
    """What onnxruntime makes of random inputs, of a batch of two where that is free."""
    found = session(path)
    rng, feed = np.random.default_rng(seed), {}
    for entry in found.get_inputs():
        shape = [n if isinstance(n, int) else 2 if axis == 0 else 1 for axis, n in enumerate(entry.shape)]
        kind = {"tensor(double)": np.float64, "tensor(float16)": np.float16}.get(entry.type, np.float32)
        feed[entry.name] = rng.standard_normal(shape).astype(kind)
    return found.run(None, feed)


def runs(path):
    """Whether onnxruntime loads and runs a file."""
    try:
        outputs(path)
    except Exception:  # noqa: BLE001  # onnxruntime raises bare Exception subclasses of many kinds
        return False
    return True


def stored(path):
    """Bytes of a model, with what lies beside it."""
    return sum(place.stat().st_size for place in (path, *(path.parent / n for n in formats.digest(path).external)))


def valid(path):
    """Whether ONNX's own checker takes a file: some that runtimes take declare no shape of an output."""
    try:
        checker.check_model(proto(path), full_check=True)
    except (checker.ValidationError, shape_inference.InferenceError):
        return False
    return True


def kept(source, done):
    """All that this file is about, of a file that was reduced; whether onnxruntime ran both."""
    original, reduced = done.reduction.original, read(done.reduced)
    if valid(source):
        checker.check_model(proto(done.reduced), full_check=True)
    before, after = max(opset(source), 7), opset(done.reduced)
    said = [note for note in done.notes if note.startswith("written in opset")]
    assert (after == opset(source)) == (said == [])
    assert after >= before
    larger = [note for note in done.notes if " bytes, more than the " in note]
    if source.name.endswith(".gz") == done.reduced.name.endswith(".gz"):
        assert bool(larger) == (stored(done.reduced) > stored(source))
    assert _short(original) >= _short(reduced) >= {name for name in _short(original) if name in _names(reduced)}
    if any(n.domain in ("qonnx.custom_op.general", "finn.custom_op.general") for n in proto(done.reduced).graph.node):
        assert not runs(source)
        return False
    if not runs(source):
        return False
    ours, theirs = outputs(source), outputs(done.reduced)
    for y, z in zip(ours, theirs, strict=True):
        assert y.shape == z.shape
        assert y.dtype == z.dtype or "Cast" in {n.op_type for n in proto(source).graph.node}  # element types aside
    return True


def _names(network):
    """The names of weights."""
    return {node.names[1] for node in network.nodes if isinstance(node, Dense | Conv)}


def _short(network):
    """The names of weights that are stored as integers of at most 16 bits."""
    steps = network.origin.steps
    layers = [node for node in network.nodes if isinstance(node, Dense | Conv)]
    return {n.names[1] for n in layers if n.names[1] in steps and steps[n.names[1]].kind in SHORT}


def close(source, target, step=0.0):
    """Whether a runtime gives nearly the same of both; quantised outputs may be a step off."""
    ours, theirs = outputs(source, seed=3), outputs(target, seed=3)
    return all(
        np.allclose(y, z, rtol=1e-3, atol=1.01 * step + 1e-3 * (1 + np.abs(np.asarray(y, float)).max()))
        for y, z in zip(ours, theirs, strict=True)
    )


@pytest.mark.parametrize("path", BUNDLED, ids=lambda path: path.name)
def test_bundled_networks(path, tmp_path):
    done = reduce_file(path, tmp_path / "small.onnx", overwrite=True)
    assert kept(path, done)
    assert close(path, done.reduced)
    assert all(words.startswith("by kinks") for words in done.notes)


@pytest.mark.parametrize("op", sorted(OPERATORS))
def test_each_operator_at_many_opsets(op, tmp_path):
    written = 0
    for version in (7, 8, 9, 10, 11, 12, 13, 15, 17, 18, 19, 21, 22, 24, NEWEST):
        made = sample("", op)
        made.opset_import[0].version, made.ir_version = version, 4 if version < 10 else 8 if version < 21 else 10
        path = save(tmp_path / "in.onnx", made)
        if not _readable(path):
            continue
        done = reduce_file(path, tmp_path / "out.onnx", overwrite=True)
        both = kept(path, done)
        assert both or version > 23, version
        assert not both or close(path, done.reduced)
        assert opset(done.reduced) == version
        written += 1
    assert written


def _readable(path):
    """Whether both our readers take a file: samples are of opset 13 or later, with attributes and inputs of then."""
    try:
        read(path)
        check.read_network(str(path), "batch normalisation folded, scales in float32", check.MAX_UNPACKED)
    except (ExactlumpError, check.Stop):
        return False
    return True


@pytest.mark.parametrize("version", [7, 9, 11, 13, 17, 19, 21])
def test_random_graphs_on_images_by_opset(version, tmp_path):
    compared = 0
    for seed in range(12):
        made = graph(version, seed, np.random.default_rng(seed).choice(STEPS, 4))
        path = save(tmp_path / "in.onnx", made.model())
        if not _readable(path):
            continue
        done = reduce_file(path, tmp_path / "out.onnx", overwrite=True)
        compared += kept(path, done)
    assert compared > 5


@pytest.mark.parametrize("chunk", range(4))
def test_random_networks_on_images(chunk, tmp_path):
    for seed in range(12 * chunk, 12 * chunk + 12):
        network = image_network(seed)
        try:
            write(network, tmp_path / "in.onnx", overwrite=True)
        except ExactlumpError:
            continue
        done = reduce_file(tmp_path / "in.onnx", tmp_path / "out.onnx", overwrite=True)
        assert kept(tmp_path / "in.onnx", done)
        assert close(tmp_path / "in.onnx", done.reduced)


@pytest.mark.parametrize("chunk", range(5))
def test_random_quantised_networks(chunk, tmp_path):
    """Every one is written, loads, and computes the same, up to a step where a rounding goes the other way."""
    for seed in range(20 * chunk, 20 * chunk + 20):
        made, _, step = quantised_network(seed, opset=(13, 14, 17, 21)[seed % 4])
        path = save(tmp_path / "in.onnx", made)
        done = reduce_file(path, tmp_path / "out.onnx", overwrite=True)
        assert kept(path, done), seed
        assert close(path, done.reduced, step), seed
        small = proto(done.reduced)
        kinds = {t.name: t.data_type for t in small.graph.initializer}
        weights = [n.input[0] for n in small.graph.node if n.op_type == "DequantizeLinear" and n.input[0] in kinds]
        assert {kinds[name] for name in weights} <= {*SHORT[:2], TensorProto.INT32}
        mixing = {name for n in small.graph.node if n.op_type in ("Gemm", "MatMul", "Conv") for name in n.input[1:2]}
        assert {n.output[0] for n in small.graph.node if n.op_type == "DequantizeLinear"} >= mixing


def test_weights_stay_as_they_were_to_the_bit(tmp_path):
    """A network of which nothing goes: the same integers, scales of each row and bias, and no more bytes."""
    rng = np.random.default_rng(1)
    constants = {
        "xs": np.float32(1 / 255),
        "xz": np.uint8(0),
        "W_q": rng.integers(-127, 128, (4, 2, 3, 3)).astype(np.int8),
        "W_s": (rng.random(4) * 0.01 + 0.001).astype(np.float32),
        "W_z": np.zeros(4, np.int8),
        "b_q": rng.integers(-1500, 1500, 4).astype(np.int32),
        "b_z": np.zeros(4, np.int32),
        "ys": np.float32(0.02),
        "yz": np.uint8(0),
    }
    constants["b_s"] = constants["xs"] * constants["W_s"]
    nodes = [
        node("QuantizeLinear", "x xs xz", "x_q"),
        node("DequantizeLinear", "x_q xs xz", "x_d"),
        node("DequantizeLinear", "W_q W_s W_z", "W", axis=0),
        node("DequantizeLinear", "b_q b_s b_z", "b", axis=0),
        node("Conv", "x_d W b", "z"),
        node("QuantizeLinear", "z ys yz", "y_q"),
        node("DequantizeLinear", "y_q ys yz", "y"),
    ]
    listed = [tensor(name, values) for name, values in constants.items()]
    path = save(tmp_path / "in.onnx", model(nodes, {"x": [1, 2, 5, 5]}, {"y": [1, 4, 3, 3]}, listed))
    done = reduce_file(path, tmp_path / "out.onnx", overwrite=True)
    assert kept(path, done)
    assert stored(done.reduced) <= stored(path)
    found = {t.name: numpy_helper.to_array(t) for t in proto(done.reduced).graph.initializer}
    for name in ("W_q", "W_s", "W_z", "b_q", "b_s", "b_z"):
        assert found[name].dtype == constants[name].dtype
        assert np.array_equal(found[name], constants[name])
    for y, z in zip(outputs(path), outputs(done.reduced), strict=True):
        assert np.array_equal(y, z)


def test_a_constant_that_does_not_fit_is_declined_and_counted(tmp_path):
    """Weights of 16 bits: without the columns of constants, what is left of a row is no multiple of a float."""
    constants = {
        "W": np.array([[0, 0], [3, -0.75], [0, 0]], np.float32),
        "b": np.array([3.75, 0.25, -1], np.float32),
        "V_q": np.array([[20011, 32003, 1], [7, 12345, 30011]], np.int16),
        "V_s": np.array([0.00317, 0.0021], np.float32),
    }
    nodes = [
        node("Gemm", "x W b", "z", transB=1),
        node("Relu", "z", "h"),
        node("DequantizeLinear", "V_q V_s", "V", axis=0),
        node("Gemm", "h V", "y", transB=1),
    ]
    listed = [tensor(name, values) for name, values in constants.items()]
    path = save(tmp_path / "in.onnx", model(nodes, {"x": ["n", 2]}, {"y": ["n", 2]}, listed, opset=21))
    done = reduce_file(path, tmp_path / "out.onnx", overwrite=True)
    (layer,) = done.reduction.layers
    assert (layer.before, layer.after, layer.declined) == (3, 3, 2)
    assert "2 declined" in layer.why_not_more
    assert kept(path, done)
    assert close(path, done.reduced)
    kinds = {t.name: t.data_type for t in proto(done.reduced).graph.initializer}
    assert kinds["V_q"] == TensorProto.INT16


def test_products_that_no_short_integers_hold_are_products_of_floats(tmp_path):
    """Without a file that says how weights were stored: one float product, or the sum of two."""
    for most, operators in ((100, ["DequantizeLinear"]), (30_000, ["Mul"]), ((1 << 24) + 9, ["Mul", "Mul", "Add"])):
        integers = np.array([[most, -3], [1, 2]], np.int64)
        one = exactlump.rational(1)
        scales = [exactlump.rational(float(np.float32(s))) for s in (0.0123, 0.0457)]
        rows = [{u: int(n) * s * one for u, n in enumerate(row)} for row, s in zip(integers, scales, strict=True)]
        matrix = exactlump.Matrix.from_rows(rows, 2)
        zero = exactlump.rational(0)
        network = exactlump.Network(
            (exactlump.Port("x", (2,), "n"),), (Dense("x", "y", matrix, (zero, zero)),), ("y",), "float32"
        )
        write(network, tmp_path / "a.onnx", overwrite=True)
        assert [n.op_type for n in proto(tmp_path / "a.onnx").graph.node][:-1] == operators
        assert read(tmp_path / "a.onnx").nodes[0].weight == matrix
        (y,) = session(tmp_path / "a.onnx").run(None, {"x": np.eye(2, dtype=np.float32)})
        exact = integers * np.array([[float(np.float32(0.0123))], [float(np.float32(0.0457))]])
        assert np.allclose(y, exact.T, rtol=1e-6)


def test_a_runtime_may_not_take_a_bias_for_another_one(tmp_path):
    """onnxruntime fuses quantised layers, and takes the bias to have the product of the other scales.

    So where the weights of a row keep their scale, and its bias fits another row's only, the bias becomes floats.
    """
    constants = {
        "xs": np.float32(1 / 128),
        "xz": np.uint8(0),
        "ys": np.float32(1 / 16),
        "yz": np.uint8(128),
        "W_q": np.array([[100, 90], [10, 20]], np.int8),
        "W_s": np.array([1 / 64, 1 / 128], np.float32),
        "b_q": np.array([2000, -9001], np.int32),
        "b_s": np.array([1 / 64 / 128, 1 / 128 / 128], np.float32),
        "W_z": np.zeros(2, np.int8),
        "b_z": np.zeros(2, np.int32),
    }
    nodes = [
        node("QuantizeLinear", "x xs xz", "x_q"),
        node("DequantizeLinear", "x_q xs xz", "x_d"),
        node("DequantizeLinear", "W_q W_s W_z", "W", axis=0),
        node("DequantizeLinear", "b_q b_s b_z", "b", axis=0),
        node("Gemm", "x_d W b", "z", transB=1),
        node("QuantizeLinear", "z ys yz", "y_q"),
        node("DequantizeLinear", "y_q ys yz", "y"),
    ]
    listed = [tensor(name, values) for name, values in constants.items()]
    path = save(tmp_path / "in.onnx", model(nodes, {"x": ["n", 2]}, {"y": ["n", 2]}, listed))
    network = read(path)
    (layer,) = (n for n in network.nodes if isinstance(n, Dense))
    later = replace(layer, bias=(exactlump.rational("-20001/16384"), layer.bias[1]))
    network = replace(network, nodes=tuple(later if n is layer else n for n in network.nodes))
    write(network, tmp_path / "out.onnx", overwrite=True)
    assert integers(path) == {"W_q", "b_q"}
    assert integers(tmp_path / "out.onnx") == {"W_q"}
    for x in ([0, 0], [0.25, 0.5], [0.75, 0.125], [0.5, 0.5]):
        (y,) = session(tmp_path / "out.onnx").run(None, {"x": np.array([x], np.float32)})
        (exact,) = network.evaluate([exactlump.rational(value) for value in x])
        assert np.allclose(y.ravel(), numbers(exact))


def integers(path):
    """The constants of 8 and 32 bits with which a file's layers are made."""
    graph = proto(path).graph
    known = {t.name for t in graph.initializer}
    return {n.input[0] for n in graph.node if n.op_type == "DequantizeLinear"} & known


@pytest.mark.parametrize("version", [7, 10, 11])
def test_a_product_without_a_bias_is_as_the_opset_wants_it(version, tmp_path):
    """Before opset 11 a Gemm has a bias, of zeros where there is nothing to add."""
    nodes = [node("Gemm", "x W c", "h", transB=1), node("Relu", "h", "y")]
    made = model(nodes, {"x": ["n", 2]}, {"y": ["n", 2]}, {"W": np.eye(2), "c": [0.0, 0]}, opset=version, ir_version=4)
    network = read(save(tmp_path / "in.onnx", made))
    nameless = tuple(replace(n, names=("",) * 3) if isinstance(n, Dense) else n for n in network.nodes)
    assert write(replace(network, nodes=nameless), tmp_path / "out.onnx", overwrite=True) == ()
    assert opset(tmp_path / "out.onnx") == version
    assert runs(tmp_path / "out.onnx")


def test_an_operator_that_came_later_raises_the_opset(tmp_path):
    """The forms of all other operators are those of the opset that is written."""
    nodes = [node("Gemm", "x W c", "h", transB=1), node("Relu", "h", "r"), node("Clip", "r", "y", min=0.0, max=2.0)]
    made = model(nodes, {"x": ["n", 2]}, {"y": ["n", 2]}, {"W": np.eye(2), "c": [0.0, 0]}, opset=9, ir_version=4)
    network = read(save(tmp_path / "in.onnx", made))
    assert write(network, tmp_path / "same.onnx", overwrite=True) == ()
    later = tuple(
        replace(n, functions=(exactlump.Activation("hard_swish"),) * 2) if n.target == "r" else n for n in network.nodes
    )
    notes = write(replace(network, nodes=later), tmp_path / "out.onnx", overwrite=True)
    assert notes == ("written in opset 14, not 9, which does not have what is written",)
    assert [opset(tmp_path / name) for name in ("same.onnx", "out.onnx")] == [9, 14]
    assert runs(tmp_path / "same.onnx")
    assert runs(tmp_path / "out.onnx")


@pytest.mark.parametrize("version", range(7, NEWEST + 1))
def test_the_opset_and_the_version_of_the_file_are_kept(version, tmp_path):
    nodes = [node("Gemm", "x W c", "h", transB=1), node("Relu", "h", "r"), node("Gemm", "r V d", "y", transB=1)]
    constants = {"W": [[1.0, 2], [2, 4], [0, 1]], "c": [0.0, 0, 0], "V": [[1.0, 1, 2]], "d": [0.5]}
    made = model(nodes, {"x": ["n", 2]}, {"y": ["n", 1]}, constants, opset=version, ir_version=4 + version % 6)
    done = reduce_file(save(tmp_path / "in.onnx", made), tmp_path / "out.onnx", overwrite=True)
    found = proto(done.reduced)
    assert (opset(done.reduced), found.ir_version) == (version, 4 + version % 6)
    assert done.reduction.reduced.neurons == 2
    if version <= 23:
        assert kept(tmp_path / "in.onnx", done)


def test_an_opset_that_is_too_old_is_raised_and_said(tmp_path):
    made = model([node("Relu", "x", "y")], {"x": ["n", 2]}, {"y": ["n", 2]}, opset=6, ir_version=3)
    done = reduce_file(save(tmp_path / "in.onnx", made), tmp_path / "out.onnx", overwrite=True)
    assert (opset(done.reduced), proto(done.reduced).ir_version) == (7, 8)
    assert [note for note in done.notes if note.startswith("written in opset 7, not 6")]


def test_operators_take_the_forms_of_their_opset(tmp_path):
    """Bounds of Clip and pads are attributes before opset 11, and a Gemm has its bias; softmax joins axes before 13."""
    for version in (7, 9, 10, 11, 12, 13):
        old = version < 11
        nodes = [
            node("Pad", "x" if old else "x p", "a", **({"pads": [0, 0, 1, 1, 0, 0, 1, 1]} if old else {})),
            node("Conv", "a W", "b"),
            node("Clip", "b" if old else "b low high", "c", **({"min": -1.0, "max": 2.5} if old else {})),
            node("Flatten", "c", "d"),
            node("Gemm", "d V z", "y", transB=1),
        ]
        constants = [tensor("W", np.ones((2, 1, 2, 2), np.float32)), tensor("V", np.ones((1, 50), np.float32))]
        constants += [tensor("z", np.zeros(1, np.float32))]
        if not old:
            constants += [tensor("p", np.array([0, 0, 1, 1, 0, 0, 1, 1])), tensor("low", np.float32(-1))]
            constants += [tensor("high", np.float32(2.5))]
        made = model(nodes, {"x": [1, 1, 4, 4]}, {"y": [1, 1]}, constants, opset=version)
        if not old:
            made = model(nodes, {"x": [1, 1, 4, 4]}, {"y": [1, 1]}, constants, opset=version)
        done = reduce_file(save(tmp_path / "in.onnx", made), tmp_path / "out.onnx", overwrite=True)
        assert kept(tmp_path / "in.onnx", done)
        assert close(tmp_path / "in.onnx", done.reduced)
        assert opset(done.reduced) == version


@pytest.mark.parametrize("version", [7, 11, 12])
@pytest.mark.parametrize("kind", ["Softmax", "LogSoftmax"])
def test_a_softmax_over_several_axes_is_read_reduced_and_checked(kind, version, tmp_path):
    kernel = np.array([[[[-0.75, 0.5], [0.25, 0.25]]], [[[-0.5, -1], [1, 0.5]]]], np.float32)
    nodes = [node("Conv", "x K", "c"), node(kind, "c", "y", axis=1)]
    made = model(nodes, {"x": [1, 1, 4, 4]}, {"y": [1, 2, 3, 3]}, {"K": kernel}, opset=version)
    done = reduce_file(save(tmp_path / "in.onnx", made), tmp_path / "out.onnx", overwrite=True)
    assert kept(tmp_path / "in.onnx", done)
    assert close(tmp_path / "in.onnx", done.reduced)
    assert abs(sum(float(np.exp(y).sum() if kind[0] == "L" else y.sum()) for y in outputs(done.reduced)) - 1) < 1e-5


@pytest.mark.parametrize("shapes", [((), (1,)), ((1,), ()), ((1,), (1,)), ((), ())])
def test_a_scale_and_a_zero_point_of_one_number_are_one_number(shapes, tmp_path):
    """As onnxruntime's own quantiser writes the bias: a vector of one scale, and a zero point of no axis."""
    constants = {
        "W": np.arange(12, dtype=np.float32).reshape(4, 3),
        "b_q": np.array([10, 20, 30, 40], np.int32),
        "b_s": np.full(shapes[0], 0.01, np.float32),
        "b_z": np.zeros(shapes[1], np.int32),
    }
    nodes = [node("DequantizeLinear", "b_q b_s b_z", "b"), node("Gemm", "x W b", "y", transB=1)]
    listed = [tensor(name, values) for name, values in constants.items()]
    path = save(tmp_path / "in.onnx", model(nodes, {"x": ["n", 3]}, {"y": ["n", 4]}, listed, opset=17))
    done = reduce_file(path, tmp_path / "out.onnx", overwrite=True)
    assert kept(path, done)
    assert close(path, done.reduced)
    kinds = {t.name: t.data_type for t in proto(done.reduced).graph.initializer}
    assert kinds["b_q"] == TensorProto.INT32


@pytest.mark.real
@pytest.mark.skipif(not CASES.is_dir(), reason=f"no cases in {CASES}")
def test_cases(tmp_path):
    """Every case that is read by both readers is written."""
    written = set()
    for path in sorted(CASES.glob("**/*.onnx")):
        if _readable(path):
            kept(path, reduce_file(path, tmp_path / "out.onnx", overwrite=True))
            written.add(path.stem)
    wanted = {"qconv-int8-per-channel", "quant-0", "softmax-opset11-axis1-image", "bias-dq-scale1-zero0", "names-two"}
    assert wanted <= written
    assert len(written) > 12


SMALL = [
    parameter
    for parameter in real_networks("conv/*", "residual_bn/*", "other_activations/*", "quantized/**/*", "not_chain/*")
    if parameter.values[0] is None or (parameter.values[0].stat().st_size < 250_000 and "signs" not in parameter.id)
]


@pytest.mark.parametrize("path", SMALL)
def test_real_networks(path, tmp_path):
    if not _readable(path):
        pytest.skip("not read")
    done = reduce_file(path, tmp_path / path.name, overwrite=True)
    kept(path, done)
