# SPDX-License-Identifier: Apache-2.0
"""This file is about opaque operators in the checker: given functions, equal only where all that names them is equal.

Pairs of networks that compute different things are rejected; each fault planted in the checker lets one of them pass.
"""

import json

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from exactlump import check
from tests.claims import claim, judge
from tests.tools import save

FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64


def graph(nodes, inputs, outputs, constants=(), *, opset=17, functions=(), domains=(), declared=()):
    """A model; shapes are lists, or None where nothing is declared."""
    ports = [helper.make_tensor_value_info(name, FLOAT, shape) for name, shape in inputs.items()]
    made = [helper.make_tensor_value_info(name, FLOAT, shape) for name, shape in outputs.items()]
    inner = [helper.make_tensor_value_info(name, FLOAT, shape) for name, shape in dict(declared).items()]
    arrays = [numpy_helper.from_array(np.asarray(value), name) for name, value in dict(constants).items()]
    imports = [helper.make_opsetid("", opset), *(helper.make_opsetid(domain, 1) for domain in domains)]
    body = helper.make_graph(nodes, "g", ports, made, arrays, value_info=inner)
    return helper.make_model(body, opset_imports=imports, ir_version=8, functions=[*functions])


def node(op, sources, target, **attributes):
    """A node; names are words, `-` leaves one out."""
    names = [["" if word == "-" else word for word in words.split()] for words in (sources, target)]
    return helper.make_node(op, *names, **attributes)


def one(op="Hardmax", shape=("N", 4), opset=17, sources="x", constants=(), **attributes):
    """A layer, an opaque operator, and one more layer."""
    return graph(
        [
            node("MatMul", "x V", "h"),
            node(op, sources.replace("x", "h"), "s", **attributes),
            node("MatMul", "s W", "y"),
        ],
        {"x": [*shape[:-1], 3]},
        {"y": [*shape[:-1], 2]},
        {
            "V": np.arange(12, dtype=np.float32).reshape(3, 4),
            "W": np.arange(8, dtype=np.float32).reshape(4, 2),
            **dict(constants),
        },
        opset=opset,
        declared={"s": [*shape]},
    )


def lstm(outputs, sources="x W R", **attributes):
    """An LSTM of which one output is read."""
    weights = {"W": np.full((1, 4, 1), 0.5, np.float32), "R": np.full((1, 4, 1), 0.5, np.float32)}
    shapes = {"h": [2, 1, 1, 1] if outputs[0] == "h" else [1, 1, 1]}
    nodes = [
        node("LSTM", sources, " ".join(outputs), hidden_size=1, **attributes),
        node("Relu", "h", "y"),
    ]
    return graph(nodes, {"x": [2, 1, 1]}, {"y": shapes["h"]}, weights, declared=shapes)


def sampled(rows):
    """GridSample of six elements as an image of so many rows."""
    constants = {"s": np.array([1, 1, rows, 6 // rows]), "g": np.array([[[[1, -1]]]], np.float32)}
    nodes = [node("Reshape", "x s", "r"), node("GridSample", "r g", "y", align_corners=1, mode="nearest")]
    return graph(nodes, {"x": [1, 6]}, {"y": [1, 1, 1, 1]}, constants)


def branched(op, condition=None):
    """If, whose branches call a function of the model: the bytes of the node say nothing of it."""
    body = helper.make_function("my", "F", ["a"], ["b"], [node(op, "a", "b")], [helper.make_opsetid("", 17)])

    def branch(name):
        call = helper.make_node("F", ["x"], [name], domain="my")
        return helper.make_graph([call], name, [], [helper.make_tensor_value_info(name, FLOAT, [1, 1])])

    nodes = [
        node("ReduceSum", "x", "s", keepdims=0),
        node("Greater", "s z", "c"),
        node("If", "c", "y", then_branch=branch("t"), else_branch=branch("e")),
    ]
    return graph(nodes, {"x": [1, 1]}, {"y": [1, 1]}, {"z": np.float32(0)}, functions=[body], domains=["my"])


def clipped(sources, shape=(1, 2)):
    """Clip by a computed bound."""
    return graph([node("Clip", sources, "y")], {"x": [*shape], "m": []}, {"y": [*shape]})


def custom(domain="com.example", version=1, **attributes):
    """An operator of somebody's own."""
    made = graph([helper.make_node("Op", ["x"], ["y"], domain=domain, **attributes)], {"x": [1, 2]}, {"y": [1, 2]})
    made.opset_import.append(helper.make_opsetid(domain, version))
    return made


TRUE = {
    "the same file": (one(), one()),
    "a default that is written": (one(opset=13), one(opset=13, axis=-1)),
    "another opset of the same operator": (one(opset=13), one(opset=20)),
    "inputs left out at the end": (lstm(["-", "h"]), lstm(["-", "h"], sources="x W R - -")),
    "an LSTM": (lstm(["-", "h"]), lstm(["-", "h"])),
    "branches": (branched("Neg"), branched("Neg")),
    "steps that compute the same": (
        one(),
        graph(
            [
                node("MatMul", "x V", "k"),
                node("Add", "k z", "h"),
                node("Hardmax", "h", "s"),
                node("MatMul", "s W", "y"),
            ],
            {"x": ["M", 3]},
            {"y": ["M", 2]},
            {
                "V": np.arange(12, dtype=np.float32).reshape(3, 4),
                "W": np.arange(8, dtype=np.float32).reshape(4, 2),
                "z": np.zeros(4, np.float32),
            },
            declared={"s": ["M", 4]},
        ),
    ),
}
FALSE = {
    "another operator": (one("Hardmax"), one("LpNormalization")),
    "another attribute": (one(axis=-1), one(axis=0)),
    "a default of another opset": (one(opset=11), one(opset=13)),
    "a setting that differs": (one("LRN", size=3, bias=1.0), one("LRN", size=3, bias=2.0)),
    "a constant that differs": tuple(
        one("Pow", sources="x e", constants={"e": np.full(4, value, np.float32)})
        for value in (2.0, np.float32(2.0000002))
    ),
    "a type of a constant": tuple(
        one("Pow", sources="x e", constants={"e": kind([2])}) for kind in (np.float32, np.int64)
    ),
    "a shape of a constant": tuple(
        one("Pow", sources="x e", constants={"e": np.full(shape, 2, np.float32)}) for shape in ((4,), (1, 4))
    ),
    "a shape of the source": (sampled(2), sampled(3)),
    "outputs in other places": (lstm(["-", "h"]), lstm(["-", "-", "h"])),
    "another direction": (lstm(["-", "h"]), lstm(["-", "h"], direction="reverse")),
    "inputs in other places": (clipped("x - m"), clipped("x m")),
    "what the branches call": (branched("Neg"), branched("Abs")),
    "a form of the source": (
        one(),
        one(constants={"V": -np.arange(12, dtype=np.float32).reshape(3, 4)}),
    ),
}


def both(pair, folder):
    return [save(folder / f"{name}.onnx", proto) for name, proto in zip("ab", pair, strict=True)]


@pytest.mark.parametrize("name", TRUE)
def test_equal_operators_are_equal(name, tmp_path):
    found = judge(*both(TRUE[name], tmp_path), tmp_path)
    assert found.verdict == "equivalent", found.reason
    assert "taken as given function" in found.reason
    assert "for each item" not in found.reason


@pytest.mark.parametrize("name", FALSE)
def test_operators_that_may_differ_are_rejected(name, tmp_path):
    found = judge(*both(FALSE[name], tmp_path), tmp_path)
    assert (found.verdict, found.rule) == ("rejected", "opaque"), found.reason


def test_the_first_line_counts_the_operators(tmp_path):
    path = save(tmp_path / "a.onnx", branched("Neg"))
    words = "3 opaque operators taken as given functions (Greater, If, ReduceSum), over the reals, "
    assert judge(path, path, tmp_path).reason.startswith(words)


# --- What the certificate must say -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "change"),
    [
        ("opaque", lambda words: words["opaque"]["operators"].update({"ai.onnx:Hardmax": 2})),
        ("opaque", lambda words: words["opaque"]["operators"].clear()),
        ("opaque", lambda words: words["opaque"]["domains"].append("com.example")),
        ("assumes", lambda words: words["assumes"].pop()),
        ("assumes", lambda words: words["assumes"][0].__setitem__(3, "[N,5]")),
        ("assumes", lambda words: words["assumes"].reverse()),
        ("opaque", lambda words: [words.pop("opaque"), words.pop("assumes")]),
        ("format", lambda words: words.pop("assumes")),
        ("relation", lambda words: words["relations"]["original"].update({"s": {"rows": [None]}})),
    ],
)
def test_what_is_assumed_is_derived_and_compared(rule, change, tmp_path):
    path = save(tmp_path / "a.onnx", one())
    words = claim(path, path)
    change(words)
    (tmp_path / "c.json").write_text(json.dumps(words))
    found = check.check(str(path), str(path), str(tmp_path / "c.json"))
    assert (found.verdict, found.rule) == ("malformed" if rule == "format" else "rejected", rule), found.reason


def test_a_network_without_opaque_operators_needs_no_words_for_them(tmp_path):
    path = save(tmp_path / "a.onnx", one("Relu"))
    words = claim(path, path)
    assert (words["opaque"], words["assumes"]) == ({"operators": {}, "domains": []}, [])
    del words["opaque"], words["assumes"]
    (tmp_path / "c.json").write_text(json.dumps(words))
    found = check.check(*map(str, (path, path, tmp_path / "c.json")))
    assert found.verdict == "equivalent"
    assert "opaque" not in found.reason


def test_a_domain_must_be_allowed_by_whoever_checks(tmp_path):
    path = save(tmp_path / "a.onnx", custom())
    found = judge(path, path, tmp_path, domains=["com.example"])
    assert found.verdict == "equivalent"
    assert "of com.example" in found.reason
    assert check.check(*map(str, (path, path, tmp_path / "claim.cert.json"))).verdict == "unsupported"
    other = save(tmp_path / "b.onnx", custom(version=2))
    assert judge(path, other, tmp_path, domains=["com.example"]).rule == "opaque"
    other = save(tmp_path / "b.onnx", custom(key=1))
    assert judge(path, other, tmp_path, domains=["com.example"]).rule == "opaque"


# --- What is no function ------------------------------------------------------------------------------


def inside(op, **attributes):
    """A branch that holds an operator."""
    body = helper.make_graph(
        [node(op, "x", "t", **attributes)], "t", [], [helper.make_tensor_value_info("t", FLOAT, [1, 1])]
    )
    made = branched("Neg")
    made.graph.node[2].attribute[0].g.CopyFrom(body)
    return made


def training():
    return one("Dropout", sources="x r t", constants={"r": np.float32(0.5), "t": np.array(True)})


NO_FUNCTIONS = {
    "noise": one("RandomNormalLike"),
    "a draw": one("Bernoulli"),
    "a Dropout in training": training(),
    "noise in a branch": inside("RandomNormalLike"),
    "a custom operator": custom(),
    "noise in a function": branched("RandomUniformLike"),
    "a function with a standard name": graph(
        [node("Relu", "x", "y")],
        {"x": [1, 1]},
        {"y": [1, 1]},
        functions=[
            helper.make_function(
                "ai.onnx", "Relu", ["a"], ["b"], [node("Neg", "a", "b")], [helper.make_opsetid("", 17)]
            )
        ],
    ),
}


@pytest.mark.parametrize("name", NO_FUNCTIONS)
def test_what_may_be_no_function_is_refused(name, tmp_path):
    with pytest.raises(check.Stop) as caught:
        check.read_network(str(save(tmp_path / "a.onnx", NO_FUNCTIONS[name])), "as stored", check.MAX_UNPACKED)
    assert caught.value.verdict == "unsupported"


def test_integers_that_are_computed_are_never_affine(tmp_path):
    """Half of an index, doubled, is the index for even ones only."""
    nodes = [node("ArgMax", "x", "i", axis=1, keepdims=1), node("Div", "i two", "h"), node("Mul", "h two", "y")]
    made = graph(nodes, {"x": [1, 4]}, {"y": [1, 1]}, {"two": np.array(2)})
    made.graph.output[0].type.tensor_type.elem_type = INT64
    read = check.read_network(str(save(tmp_path / "a.onnx", made)), "as stored", check.MAX_UNPACKED)
    assert [given.name for given in read.given] == ["ai.onnx:Div", "ai.onnx:Mul"]


def test_constants_of_integers_are_cut_off(tmp_path):
    nodes = [
        node("Div", "a b", "c"),
        node("Mod", "a b", "m"),
        node("Cast", "c", "f", to=FLOAT),
        node("Add", "x f", "y"),
    ]
    made = graph(nodes, {"x": [1, 1]}, {"y": [1, 1]}, {"a": np.array([-7]), "b": np.array([2])})
    read = check.read_network(str(save(tmp_path / "a.onnx", made)), "as stored", check.MAX_UNPACKED)
    assert not read.given
    assert read.nodes["y"].step(0)[2] == -3


# --- Faults -------------------------------------------------------------------------------------------


def forgotten(*fields):
    """Whatever names an opaque operator, but for some of its words: these are the same for all."""

    def plant(monkeypatch):
        made = check.Given

        def given(name, domain, words, *rest):
            return made(name, domain, tuple(() if i in fields else word for i, word in enumerate(words)), *rest)

        monkeypatch.setattr(check, "Given", given)

    return plant


def masked(monkeypatch):
    """Inputs by order, not by place: those that are left out are forgotten."""
    made = check.Given

    def given(name, domain, words, *rest):
        present = tuple(entry for entry in words[6] if entry is not None)
        return made(name, domain, (*words[:6], present, *words[7:]), *rest)

    monkeypatch.setattr(check, "Given", given)


def unplaced(monkeypatch):
    monkeypatch.setattr(check.View, "placed", property(lambda view: ()))


def unequal(monkeypatch):
    monkeypatch.setattr(check, "is_multiple", lambda form, c, other: True)


FAULTS = {
    "the operator forgotten": (forgotten(1, 3, 4), "another operator"),
    "the version forgotten": (forgotten(3, 4), "a default of another opset"),
    "attributes forgotten": (forgotten(4), "another attribute"),
    "functions forgotten": (forgotten(4), "what the branches call"),
    "constants forgotten": (forgotten(6), "a constant that differs"),
    "the presence mask ignored": (masked, "inputs in other places"),
    "shapes ignored": (unplaced, "a shape of the source"),
    "forms ignored": (unequal, "a form of the source"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_planted_faults_are_seen(name, tmp_path, monkeypatch):
    """With the fault a false pair passes: the test of that pair sees it."""
    plant, pair = FAULTS[name]
    plant(monkeypatch)
    assert judge(*both(FALSE[pair], tmp_path), tmp_path).verdict == "equivalent"


@pytest.mark.parametrize(
    ("op", "inputs", "place"), [("NonMaxSuppression", "b s", 0), ("TopK", "x k", 1), ("DynamicQuantizeLinear", "x", 0)]
)
def test_integers_that_no_file_declares_are_never_affine(op, inputs, place, tmp_path):
    """What operators make of floats may be integers: twice the half of it is not it."""
    made = ["-"] * place + ["i"]
    nodes = [node(op, inputs, " ".join(made)), node("Div", "i two", "h"), node("Mul", "h two", "y")]
    ports = {"x": [4], "b": [1, 5, 4], "s": [1, 1, 5]}
    proto = graph(nodes, ports, {"y": None}, {"two": np.float32(2), "k": np.array([2])})
    read = check.read_network(str(save(tmp_path / "a.onnx", proto)), "as stored", check.MAX_UNPACKED)
    assert len(read.depends()) == 3
