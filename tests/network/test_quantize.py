# SPDX-License-Identifier: Apache-2.0
"""This file is about quantisers in ONNX files: exact values against a runtime, what is refused, and round trips."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper

from exactlump.errors import CannotWrite, FormatError, ShapeError, UnsupportedLayer
from exactlump.formats import read, write
from exactlump.network.activations import Activation
from exactlump.network.kinds import Activate, Shift
from exactlump.network.program import Network
from exactlump.network.views import Port
from exactlump.numbers.rational import rational
from exactlump.verbs.reducing import reduce_file
from tests.tools import DATA, model, node, numbers, real_networks, run, save, tensor

INTEGERS = {"int8": (-128, 127), "uint8": (0, 255), "int16": (-32768, 32767), "uint16": (0, 65535)}
QONNX = ("onnx.brevitas", "finn.custom_op.general", "qonnx.custom_op.general")


def q(value):
    return rational(float(value))


def functions(network):
    return next(n.functions for n in network.nodes if isinstance(n, Activate))


def pair(scale, zero, kind="int8", *, shape=("N", 4), opset=21, **attributes):
    """x -> QuantizeLinear -> DequantizeLinear -> y."""
    names = "scale zero" if zero is not None else "scale"
    nodes = [
        node("QuantizeLinear", f"x {names}", "steps", **attributes),
        node("DequantizeLinear", f"steps {names}", "y", **attributes),
    ]
    constants = [tensor("scale", np.asarray(scale, np.float32))]
    if zero is not None:
        constants.append(tensor("zero", np.asarray(zero, kind)))
    return model(nodes, {"x": shape}, {"y": shape}, constants, opset=opset, ir_version=10)


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_a_pair_computes_what_the_runtime_computes(data, tmp_path_factory):
    """At dyadic scales and points both are exact, so that they must agree to the last bit, ties included."""
    kind = data.draw(st.sampled_from(sorted(INTEGERS)))
    low, high = INTEGERS[kind]
    zero = data.draw(st.integers(max(low, -200), min(high, 300)))
    scale = 2.0 ** data.draw(st.integers(-6, 3))
    path = save(tmp_path_factory.mktemp("q") / "a.onnx", pair(scale, zero, kind))
    x = data.draw(st.lists(st.integers(-4096, 4096).map(lambda n: n / 16), min_size=4, max_size=4))
    network = read(path)
    assert functions(network) == (Activation("quantize", (q(scale), q(zero), q(low), q(high))),) * 4
    (found,) = network.evaluate([q(v) for v in x])
    assert numbers(found).tolist() == run(path, np.array(x, np.float32))[0].tolist()


def test_ties_go_to_even_steps_before_the_zero_point(tmp_path):
    network = read(save(tmp_path / "a.onnx", pair(1.0, 3, "uint8")))
    (found,) = network.evaluate([q(v) for v in (0.5, 1.5, -0.5, -2.5)])
    assert numbers(found).tolist() == [0, 2, 0, -2]


def test_without_a_zero_point_the_integers_are_uint8(tmp_path):
    path = save(tmp_path / "a.onnx", pair(0.5, None))
    assert functions(read(path))[0] == Activation("quantize", (q(0.5), q(0), q(0), q(255)))


@pytest.mark.parametrize(("axis", "shape"), [(1, (1, 3, 2, 2)), (-1, (1, 5, 3)), (1, (1, 3))])
def test_a_scale_for_each_index_of_an_axis(axis, shape, tmp_path):
    scale, zero = [0.5, 0.25, 2.0], [0, 3, -7]
    path = save(tmp_path / "a.onnx", pair(scale, zero, shape=shape, axis=axis))
    network = read(path)
    rng = np.random.default_rng(0)
    x = rng.integers(-3000, 3000, np.prod(shape)) / 32
    (found,) = network.evaluate([q(v) for v in x])
    assert numbers(found).tolist() == run(path, x.astype(np.float32))[0].tolist()


def dense(kind, scale, zero, **attributes):
    """A layer whose weights and biases are stored as integers."""
    nodes = [
        node("DequantizeLinear", "W scale zero", "weight", **attributes),
        node("DequantizeLinear", "B bias_scale", "bias"),
        node("Gemm", "x weight bias", "h", transB=1),
        node("Relu", "h", "y"),
    ]
    rng = np.random.default_rng(1)
    low, high = INTEGERS[kind]
    constants = [
        tensor("W", rng.integers(max(low, -99), min(high, 99), (3, 4)).astype(kind)),
        tensor("scale", np.asarray(scale, np.float32)),
        tensor("zero", np.asarray(zero, kind)),
        tensor("B", np.array([5, -6, 100000], np.int32)),
        tensor("bias_scale", np.float32(0.125)),
    ]
    return model(nodes, {"x": [1, 4]}, {"y": [1, 3]}, constants, opset=21, ir_version=10)


@pytest.mark.parametrize("kind", sorted(INTEGERS))
@pytest.mark.parametrize(("scale", "attributes"), [(0.5, {}), ([0.5, 2, 0.25], {"axis": 0})])
def test_weights_are_exact(kind, scale, attributes, tmp_path):
    zero = np.full(np.shape(scale), 7)
    path = save(tmp_path / "a.onnx", dense(kind, scale, zero, **attributes))
    network = read(path)
    x = np.array([1, -2, 0.5, 3])
    (found,) = network.evaluate([q(v) for v in x])
    assert numbers(found).tolist() == run(path, x.astype(np.float32))[0].tolist()


def test_a_weight_that_is_no_float_is_exact_too(tmp_path):
    """0.1f * 127 needs more than the 24 bits that a runtime rounds the product to."""
    nodes = [node("DequantizeLinear", "W scale", "weight"), node("MatMul", "x weight", "y")]
    constants = [tensor("W", np.array([[127]], np.int8)), tensor("scale", np.float32(0.1))]
    network = read(save(tmp_path / "a.onnx", model(nodes, {"x": [1, 1]}, {"y": [1, 1]}, constants)))
    (layer,) = network.nodes
    assert layer.weight.row(0) == {0: 127 * q(np.float32(0.1))}


def test_constants_are_quantised_too(tmp_path):
    nodes = [
        node("QuantizeLinear", "W scale zero", "steps"),
        node("DequantizeLinear", "steps scale zero", "weight"),
        node("MatMul", "x weight", "y"),
    ]
    values = np.array([[0.5, 0.75], [-100, 1000]], np.float32)
    constants = [tensor("W", values), tensor("scale", np.float32(0.5)), tensor("zero", np.int8(2))]
    network = read(save(tmp_path / "a.onnx", model(nodes, {"x": [1, 2]}, {"y": [1, 2]}, constants)))
    (layer,) = network.nodes
    assert [layer.weight.row(v) for v in range(2)] == [{0: q(0.5), 1: q(-65)}, {0: q(1), 1: q(62.5)}]


# QONNX


def qonnx(operator="Quant", scale=0.5, zero=0.0, bits=4.0, *, domain=QONNX[0], constant=None, shape=("N", 4), **modes):
    """x -> Quant -> y, or x + Quant(constant) -> y."""
    source = "x" if constant is None else "c"
    names = "scale zero bits" if operator == "Quant" else "scale"
    nodes = [node(operator, f"{source} {names}", "y" if constant is None else "k", domain=domain, **modes)]
    constants = {"scale": scale, **({"zero": zero, "bits": bits} if operator == "Quant" else {})}
    if constant is not None:
        nodes.append(node("Add", "x k", "y"))
        constants["c"] = constant
    made = model(nodes, {"x": shape}, {"y": shape}, constants)
    made.opset_import.append(helper.make_opsetid(domain, 1))
    return made


def reference(x, scale, zero, bits, signed, narrow, mode):
    """qonnx/custom_op/general/quant.py, in NumPy."""
    low = -(2 ** (bits - 1)) + narrow if signed else 0
    high = 2 ** (bits - 1) - 1 if signed else 2**bits - 1 - narrow
    steps = np.clip(np.asarray(x) / scale + zero, low, high)
    return ({"ROUND": np.round, "FLOOR": np.floor, "CEIL": np.ceil}[mode](steps) - zero) * scale


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_quant_computes_what_its_definition_says(data, tmp_path_factory):
    mode = data.draw(st.sampled_from(["ROUND", "FLOOR", "CEIL"]))
    signed, narrow = data.draw(st.integers(0, 1)), data.draw(st.integers(0, 1))
    bits = data.draw(st.integers(2, 8))
    scale = 2.0 ** data.draw(st.integers(-4, 3))
    folded = mode == "CEIL" or data.draw(st.booleans())
    zero = data.draw(st.integers(-9, 9)) / 2 if folded else 2.0 * data.draw(st.integers(-4, 4))
    x = np.array(data.draw(st.lists(st.integers(-400, 400), min_size=4, max_size=4))) / 16
    modes = {"signed": signed, "narrow": narrow, "rounding_mode": mode}
    made = qonnx(scale=scale, zero=zero, bits=bits * 1.0, constant=x if folded else None, **modes)
    network = read(save(tmp_path_factory.mktemp("q") / "a.onnx", made))
    (found,) = network.evaluate([q(0 if folded else v) for v in x])
    assert numbers(found).tolist() == reference(x, scale, zero, bits, signed, narrow, mode).tolist()


@pytest.mark.parametrize("domain", QONNX)
def test_every_domain_of_qonnx_is_known(domain, tmp_path):
    network = read(save(tmp_path / "a.onnx", qonnx(domain=domain)))
    assert functions(network)[0] == Activation("quantize", (q(0.5), q(0), q(-8), q(7)))
    network = read(save(tmp_path / "b.onnx", qonnx("BipolarQuant", 1.0, domain=domain)))
    assert functions(network)[0] == Activation("bipolar_sign")


def test_scales_of_channels_and_integer_parameters(tmp_path):
    made = qonnx(scale=np.array([[0.5], [0.25]]), zero=np.int64(0), bits=np.int64(3), shape=(1, 2, 2), signed=0)
    network = read(save(tmp_path / "a.onnx", made))
    (found,) = network.evaluate([q(v) for v in (0.25, 0.75, 9, 0.3)])
    assert numbers(found).tolist() == [0, 1, 1.75, 0.25]


def test_bipolar_weights_have_their_scale(tmp_path):
    made = qonnx("BipolarQuant", np.array([0.5, 1, 2, 3]), constant=np.array([0, -1, 0.1, -7.0]))
    (layer,) = read(save(tmp_path / "a.onnx", made)).nodes
    assert isinstance(layer, Shift)
    assert numbers(layer.constant).tolist() == [0.5, -1, 2, -3]


# What is refused


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (qonnx(rounding_mode="HALF_UP"), "rounding_mode"),
        (qonnx(rounding_mode="CEIL"), "CEIL"),
        (qonnx(zero=1.0), "zero point 1"),
        (qonnx(zero=0.5, rounding_mode="FLOOR"), "zero point 1/2"),
        (qonnx(bits=2.5), "bit width"),
        (qonnx(bits=65.0), "bit width"),
        (qonnx(scale=0.0), "not positive"),
        (qonnx(scale=-1.0), "not positive"),
        (qonnx(bits=np.array([2.0, 3.0])), "one number"),
        (qonnx("BipolarQuant", 0.5), "another scale"),
        (qonnx(domain="other"), "operator not supported"),
        (pair([[0.5]], None, block_size=2), "block_size"),
        (pair(0.0, 0), "not positive"),
    ],
)
def test_what_is_not_covered_is_opaque_or_refused_with_the_reason(made, words, tmp_path):
    assert re.search(words, reasons(save(tmp_path / "a.onnx", made)))


def reasons(path):
    """Why a file is refused, or has opaque operators; "" where neither is so."""
    try:
        return "; ".join(node.call.why for node in read(path).opaque)
    except UnsupportedLayer as error:
        return str(error)


def between(extra, constants=()):
    """QuantizeLinear, and something else than its DequantizeLinear."""
    nodes = [node("QuantizeLinear", "x scale zero", "steps"), *extra]
    given_ = [tensor("scale", np.float32(0.5)), tensor("zero", np.int8(0)), *constants]
    return model(nodes, {"x": [1, 4]}, {"y": [1, 4]}, given_, opset=21, ir_version=10)


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (
            between([node("DequantizeLinear", "steps other zero", "y")], [tensor("other", np.float32(1))]),
            "another scale",
        ),
        (between([node("DequantizeLinear", "steps scale other", "y")], [tensor("other", np.int8(1))]), "another scale"),
        (between([node("Relu", "steps", "y")]), "expected floats"),
        (between([node("DequantizeLinear", "x scale", "y")]), "expected what a QuantizeLinear makes"),
        (model([node("QuantizeLinear", "c scale", "y")], {"x": [1]}, {"y": []}, {"c": 1.0, "scale": 1.0}), "constant"),
    ],
)
def test_integers_go_nowhere_but_to_their_pair(made, words, tmp_path):
    """Elsewhere they are what an opaque operator makes, and nothing affine is known of them."""
    assert re.search(words, reasons(save(tmp_path / "a.onnx", made)))


@pytest.mark.parametrize(
    "made",
    [
        pair(0.5, [0, 0]),
        pair([0.5, 0.5], [0, 0], axis=1),
        pair([0.5, 0.5], [0, 0], axis=7),
    ],
)
def test_shapes_that_do_not_fit_are_errors(made, tmp_path):
    with pytest.raises((FormatError, ShapeError)):
        read(save(tmp_path / "a.onnx", made))


# Writing


def layer(functions_, shape=(4,), batch=1):
    return Network((Port("x", shape, batch),), (Activate("x", "y", tuple(functions_)),), ("y",), "float32")


def grid(scale, zero, low, high, name="quantize"):
    return Activation(name, (q(scale), q(zero), q(low), q(high)))


@pytest.mark.parametrize("batch", [1, None])
@pytest.mark.parametrize(
    ("functions_", "operators"),
    [
        ([grid(0.5, 3, -128, 127)] * 4, ["QuantizeLinear", "DequantizeLinear"]),
        (
            [grid(s, z, 0, 255) for s, z in ((0.5, 0), (0.1, 7), (2, 1), (3, 255))],
            ["QuantizeLinear", "DequantizeLinear"],
        ),
        ([grid(0.5, 5, 0, 65535)] * 4, ["QuantizeLinear", "DequantizeLinear"]),
        ([grid(0.5, 0, -4, 3)] * 4, ["Quant"]),
        ([grid(0.5, 2, -3, 3)] * 4, ["Quant"]),
        ([grid(0.5, 0, 0, 1)] * 4, ["Quant"]),
        ([grid(0.5, 0, 0, 2)] * 4, ["Quant"]),
        ([grid(0.5, 300, 0, 255)] * 4, ["Quant"]),
        ([grid(s, 0, -1, 1) for s in (1, 2, 3, 4)], ["Quant"]),
        ([grid(0.5, 1, 0, 15, "quantize_floor")] * 4, ["Quant"]),
        ([Activation("bipolar_sign")] * 4, ["BipolarQuant"]),
    ],
)
def test_quantisers_round_trip(functions_, operators, batch, tmp_path):
    network = layer(
        [Activation(f.name, tuple(q(np.float32(float(p))) for p in f.parameters)) for f in functions_], batch=batch
    )
    write(network, tmp_path / "a.onnx")
    again = read(tmp_path / "a.onnx")
    assert (again.nodes, again.outputs) == (network.nodes, network.outputs)
    import onnx

    assert [n.op_type for n in onnx.load(str(tmp_path / "a.onnx")).graph.node] == operators
    if "Quant" not in operators[0]:
        x = [0.25, -3, 7.5, 100]
        (found,) = network.evaluate([q(v) for v in x])
        assert np.allclose(numbers(found), run(tmp_path / "a.onnx", np.array(x, np.float32))[0], rtol=1e-6)


@pytest.mark.parametrize(
    "functions_",
    [
        [grid(0.5, 1, -4, 3)] * 4,
        [grid(0.5, 0, -4, 2)] * 4,
        [grid(0.5, 0, 1, 2)] * 4,
        [grid(0.5, 0, 0, 4)] * 4,
        [grid(0.5, 0, -4, 3)] * 3 + [grid(0.5, 0, 0, 7)],
        [grid(0.5, 0, -4, 3)] * 3 + [grid(0.5, 2, -4, 3)],
        [Activation("quantize", (rational(1, 3), q(0), q(-128), q(127)))] * 4,
        [grid(0.5, 0, -4, 3)] * 3 + [Activation("bipolar_sign")],
    ],
)
def test_what_no_operator_computes_is_not_written(functions_, tmp_path):
    with pytest.raises(CannotWrite):
        write(layer(functions_), tmp_path / "a.onnx")


# Lumping


def test_ratio_two_below_a_quantiser_is_another_function():
    """T9: round(2 * 0.4) = 1, and 2 * round(0.4) = 0."""
    step = grid(1, 0, -128, 127)
    assert [step(rational(n, 5)) for n in (2, 4)] == [0, 1]
    assert all(step.scaling(rational(c)) is None for c in (2, -1, 0))


# Real networks


@pytest.mark.parametrize("path", real_networks("quantized/**/*"))
def test_real_quantised_networks_are_read(path):
    network = read(path)
    names = {f.name for n in network.nodes if isinstance(n, Activate) for f in n.functions}
    assert names & {"quantize", "bipolar_sign", "sign"}


def hidden(rows):
    """x -> Dense -> Quant -> sum, with those rows."""
    nodes = [
        node("MatMul", "x W", "h"),
        node("Quant", "h scale zero bits", "q", domain=QONNX[0]),
        node("MatMul", "q V", "y"),
    ]
    constants = {"W": np.array(rows, float).T, "V": np.ones((len(rows), 1)), "scale": 0.5, "zero": 0.0, "bits": 8.0}
    made = model(nodes, {"x": [1, 2]}, {"y": [1, 1]}, constants)
    made.opset_import.append(helper.make_opsetid(QONNX[0], 1))
    return made


@pytest.mark.parametrize(
    ("rows", "left"),
    [([[1, 2], [1, 2]], 1), ([[1, 2], [2, 4]], 2), ([[1, 2], [-1, -2]], 2), ([[1, 2], [0, 0]], 1)],
)
def test_only_equal_and_constant_neurons_go_below_a_quantiser(rows, left, tmp_path):
    done = reduce_file(save(tmp_path / "a.onnx", hidden(rows)), tmp_path / "b.onnx")
    assert done.reduction.reduced.neurons == left


@pytest.mark.parametrize("form", ["decomposed", "direct"])
@pytest.mark.parametrize("solver", ["z3", "cvc5"])
def test_solvers_discharge_what_goes(solver, form, tmp_path):
    from exactlump.verbs.proving import ProveOptions, prove_files

    done = reduce_file(save(tmp_path / "a.onnx", hidden([[1, 2], [1, 2], [0, 0]])), tmp_path / "b.onnx")
    proof = prove_files(
        tmp_path / "a.onnx", done.reduced, done.certificate, ProveOptions(solvers=(solver,), form=form, jobs=1)
    )
    assert proof.verdict == "equivalent"


EXPECTED = {
    "bnn_model_fc_1layer.onnx": (0, 0),
    "qkeras_jettagging.onnx": (128, 126),
    "tfc/TFC_1W1A.onnx": (192, 192),
    "tfc/TFC_1W2A.onnx": (192, 192),
}


@pytest.mark.parametrize("path", real_networks(*(f"quantized/{name}" for name in EXPECTED)))
def test_real_quantised_networks_reduce_and_check(path, tmp_path):
    done = reduce_file(path, tmp_path / "b.onnx")
    name = path.relative_to(DATA / "quantized").as_posix()
    assert (done.reduction.original.neurons, done.reduction.reduced.neurons) == EXPECTED[name]
