# SPDX-License-Identifier: Apache-2.0
"""This file is about bodies in the checker: local functions, known branches, and functions that are spelled out."""

import numpy as np
import pytest
from onnx import TensorProto, helper

from exactlump import check
from tests.checker.test_check_opaque import both, graph, node
from tests.claims import judge
from tests.tools import save

FLOAT = TensorProto.FLOAT


def called(nodes, *call, outputs=("y",), opset=17, attributes=(), defaults=(), shape=(1, 2), **settings):
    """A model whose only node, but for one, calls a function of these nodes."""
    imports = [helper.make_opsetid("", opset), helper.make_opsetid("my", 1)]
    body = helper.make_function("my", "F", ["a", "b"], ["c"], nodes, imports, [*attributes], [*defaults])
    call = helper.make_node("F", [*call], [*outputs], domain="my", **settings)
    return graph([call], {"x": [*shape]}, {"y": [*shape]}, {"two": np.float32(2)}, functions=[body], domains=["my"])


def referring(op, sources, target, name, word, kind):
    """A node one of whose attributes is an attribute of its function."""
    made = node(op, sources, target)
    made.attribute.add(name=name, ref_attr_name=word, type=helper.make_attribute(name, kind).type)
    return made


def chosen(condition):
    """If by a constant condition: a product, or a sum with a constant of the branch."""

    def branch(op, name):
        out = helper.make_tensor_value_info(name, FLOAT, [1, 2])
        three = helper.make_tensor("k", FLOAT, [], [3.0])
        return helper.make_graph(
            [node(op, "x k", f"{name}0"), node("Relu", f"{name}0", name)], name, [], [out], [three]
        )

    nodes = [node("If", "c", "y", then_branch=branch("Mul", "t"), else_branch=branch("Add", "e"))]
    return graph(nodes, {"x": [1, 2]}, {"y": [1, 2]}, {"c": np.array(condition)})


def plain(*nodes, **constants):
    return graph([*nodes], {"x": [1, 2]}, {"y": [1, 2]}, {name: np.float32(value) for name, value in constants.items()})


SLOPE = referring("LeakyRelu", "m", "c", "alpha", "slope", 0.5)


def read(proto, folder):
    return check.read_network(str(save(folder / "m.onnx", proto)), "as stored", check.MAX_UNPACKED)


@pytest.mark.parametrize(
    ("proto", "other"),
    [
        (
            called([node("Mul", "a b", "m"), node("Relu", "m", "c")], "x", "two"),
            plain(node("Mul", "x two", "m"), node("Relu", "m", "y"), two=2),
        ),
        (
            called([node("Mul", "a b", "m"), SLOPE], "x", "two", attributes=["slope"], slope=0.25),
            plain(node("Mul", "x two", "m"), node("LeakyRelu", "m", "y", alpha=0.25), two=2),
        ),
        (
            called([node("Mul", "a b", "m"), SLOPE], "x", "two", defaults=[helper.make_attribute("slope", 0.75)]),
            plain(node("Mul", "x two", "m"), node("LeakyRelu", "m", "y", alpha=0.75), two=2),
        ),
        (
            called([node("Mul", "a b", "m"), SLOPE], "x", "two", attributes=["slope"]),
            plain(node("Mul", "x two", "m"), node("LeakyRelu", "m", "y"), two=2),
        ),
        (chosen(True), plain(node("Mul", "x k", "m"), node("Relu", "m", "y"), k=3)),
        (chosen(False), plain(node("Add", "x k", "m"), node("Relu", "m", "y"), k=3)),
    ],
    ids=["a function", "an attribute", "a default", "an attribute left out", "then", "else"],
)
def test_bodies_are_read_in_place(proto, other, tmp_path):
    found = judge(*both((proto, other), tmp_path), tmp_path)
    assert found.verdict == "equivalent", found.reason
    assert "opaque" not in found.reason


def test_names_of_what_is_inside(tmp_path):
    made = called([node("Mul", "a b", "m"), node("Relu", "m", "c")], "x", "two")
    assert [*read(made, tmp_path).views] == ["x", "y/m", "y"]
    assert [*read(chosen(True), tmp_path).tensors] == ["c", "y/k"]


def test_bodies_that_differ_are_told_apart(tmp_path):
    pair = [called([node(op, "a b", "m"), node("Relu", "m", "c")], "x", "two") for op in ("Mul", "Add")]
    assert judge(*both(pair, tmp_path), tmp_path).verdict == "rejected"


def test_functions_that_call_each_other_end(tmp_path):
    calls = [
        helper.make_node("F", ["a", "b"], ["m"], domain="my"),
        helper.make_node("F", ["m", "b"], ["c"], domain="my"),
    ]
    with pytest.raises(check.Stop):
        read(called(calls, "x", "two"), tmp_path)


# --- Functions that are spelled out ---------------------------------------------------------------------


def gate(function, *, factor=1.0, scale=1.0, plus=0.0, **attributes):
    """x times a multiple of a function of a multiple of x, plus a constant."""
    nodes = [
        node("Mul", "x a", "u"),
        node(function, "u", "f", **attributes),
        node("Mul", "f c", "g"),
        node("Add", "g d", "h"),
        node("Mul", "x h", "y"),
    ]
    return plain(*nodes, a=scale, c=factor, d=plus)


def softplus(threshold=None, one=1.0):
    """log(1 + exp(x)), and x itself above a threshold."""
    nodes = [node("Exp", "x", "e"), node("Add", "e one", "p"), node("Log", "p", "y" if threshold is None else "l")]
    if threshold is not None:
        nodes += [node("Greater", "x t", "b"), node("Where", "b x l", "y")]
    return plain(*nodes, one=one, **({} if threshold is None else {"t": threshold}))


SIXTH, HALF = check.Fraction(float(np.float32(1 / 6))), check.Fraction(1, 2)
SPELLED = {
    "SiLU": (gate("Sigmoid"), "silu", ()),
    "a hard gate": (gate("HardSigmoid", alpha=float(np.float32(1 / 6)), beta=0.5), "hard_gate", (SIXTH, HALF)),
    "GELU": (
        gate("Erf", scale=0.75, factor=0.5, plus=0.5),
        "erf_gate",
        (check.Fraction(3, 4), HALF),
    ),
    "log of a sigmoid": (plain(node("Sigmoid", "x", "s"), node("Log", "s", "y")), "log_sigmoid", ()),
    "softplus": (softplus(), "softplus", ()),
    "softplus below a threshold": (softplus(20.0), "softplus_above", (1, 20)),
    "the size": (plain(node("Neg", "x", "n"), node("Max", "x n", "y")), "leaky_relu", (-1,)),
}
NOT_SPELLED = {
    "another factor": gate("Sigmoid", factor=2.0),
    "a multiple inside": gate("Sigmoid", scale=2.0),
    "unequal numbers of GELU": gate("Erf", factor=0.5, plus=0.25),
    "log of 2 + exp": softplus(one=2.0),
    "a product with another tensor": plain(node("Sigmoid", "x", "s"), node("Relu", "x", "r"), node("Mul", "r s", "y")),
    "the larger of x and -2x": plain(node("Mul", "x k", "n"), node("Max", "x n", "y"), k=-2.0),
}


@pytest.mark.parametrize("name", SPELLED)
def test_a_function_that_is_spelled_out_is_one(name, tmp_path):
    proto, word, parameters = SPELLED[name]
    network = read(proto, tmp_path)
    assert not network.depends()
    assert network.nodes["y"].sources == ("x",)
    assert network.nodes["y"].function(0) == (word, parameters)


@pytest.mark.parametrize("name", NOT_SPELLED)
def test_what_is_nearly_spelled_so_is_opaque(name, tmp_path):
    assert [given.name for given in read(NOT_SPELLED[name], tmp_path).depends()]


@pytest.mark.parametrize(
    ("spelled", "plain_one"),
    [
        ("softplus below a threshold", plain(node("Softplus", "x", "y"))),
        ("a hard gate", plain(node("HardSwish", "x", "y"))),
        ("GELU", graph([node("Gelu", "x", "y")], {"x": [1, 2]}, {"y": [1, 2]}, opset=20)),
    ],
)
def test_functions_with_other_constants_are_others(spelled, plain_one, tmp_path):
    """Off by 7.6e-10 at 21, by 5e-9 at 1, and by the rounding of a root of 2."""
    assert judge(*both((SPELLED[spelled][0], plain_one), tmp_path), tmp_path).verdict == "rejected"


@pytest.mark.parametrize("name", ["hard_gate", "erf_gate", "softplus_above"])
def test_they_have_no_symmetry_and_no_twin(name):
    function = (name, (check.ONE, check.ONE))
    assert check.symmetry(function) == "one"
    assert check.twin_law(function) is None


def test_their_values():
    gate_function = ("hard_gate", (HALF, HALF))
    assert [check.value_at(gate_function, check.Fraction(y)) for y in (-2, 1, 3)] == [0, 1, 3]
    assert check.value_at(("softplus_above", (check.ONE, check.Fraction(20))), check.Fraction(21)) == 21
    assert check.value_at(("softplus_above", (check.ONE, check.Fraction(20))), check.Fraction(20)) is None
    assert check.value_at(("erf_gate", (HALF, HALF)), check.ZERO) == 0


@pytest.mark.parametrize(
    ("op", "expected"),
    [
        ("Div", [-3, 3, 0]),
        ("Mod", [1, 1, 0]),
        ("Equal", [0, 0, 0]),
        ("Greater", [0, 1, 0]),
        ("GreaterOrEqual", [0, 1, 0]),
        ("Less", [1, 0, 1]),
        ("LessOrEqual", [1, 0, 1]),
    ],
)
def test_constants_of_integers_as_runtimes_fold_them(op, expected, tmp_path):
    """Div cuts off, Mod has the sign of the divisor."""
    nodes = [node(op, "a b", "c"), node("Cast", "c", "f", to=FLOAT), node("Add", "x f", "y")]
    made = graph(nodes, {"x": [1, 3]}, {"y": [1, 3]}, {"a": np.array([-7, 7, 0]), "b": np.array([2])})
    read_ = read(made, tmp_path)
    assert not read_.given
    assert [read_.nodes["y"].step(v)[2] for v in range(3)] == expected
