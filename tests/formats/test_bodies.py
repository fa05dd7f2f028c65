# SPDX-License-Identifier: Apache-2.0
"""This file is about bodies in ONNX files: local functions, and branches that a constant condition takes.

The engine and the checker put them in place each in its own way, and must give the same names to what is inside.
"""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from exactlump import check, read, reduce_file
from exactlump.errors import ExactlumpError, FormatError, UnsupportedLayer
from exactlump.formats import digest
from tests.reduction.test_cases import alike
from tests.tools import model, node, save, tensor

FLOAT = TensorProto.FLOAT
# A hidden layer in a function: its second unit is twice the first.
WEIGHTS = {
    "W": np.array([[1, 2, 1], [3, 6, -1]], np.float32),
    "b": np.array([1, 2, 5], np.float32),
    "V": np.array([[1], [1], [3]], np.float32),
}


def function(nodes, inputs=("a", "w", "c"), outputs=("z",), *, name="F", opset=17, attributes=(), defaults=(), more=()):
    imports = [helper.make_opsetid("", opset), helper.make_opsetid("my", 1), *more]
    return helper.make_function("my", name, [*inputs], [*outputs], nodes, imports, [*attributes], [*defaults])


def calling(functions, nodes, constants=WEIGHTS, opset=17):
    made = model(nodes, {"x": ["N", 2]}, {"y": ["N", 1]}, constants, opset=opset)
    made.opset_import.append(helper.make_opsetid("my", 1))
    made.functions.extend(functions)
    return made


def call(inputs, output, name="F", **attributes):
    return helper.make_node(name, inputs.split(), output.split(), domain="my", **attributes)


LAYER = [node("MatMul", "a w", "m"), node("Add", "m c", "s"), node("Relu", "s", "z")]
END = node("MatMul", "h V", "y")


def referring(kind, sources, target, name, word, value):
    made = node(kind, sources, target)
    made.attribute.add(name=name, ref_attr_name=word, type=helper.make_attribute(name, value).type)
    return made


LEAKY = [*LAYER[:2], referring("LeakyRelu", "s", "z", "alpha", "slope", 0.5)]
NESTED = function([call("a w c", "u", "F"), node("Relu", "u", "z")], name="G")


def branches(*, inner=(), captured="x", constants=True):
    """Two branches: a hidden layer with its own weights, or the input's halves."""

    def branch(name, nodes):
        own = [tensor("W", WEIGHTS["W"]), tensor("b", WEIGHTS["b"])]
        return helper.make_graph(nodes, name, [], [helper.make_tensor_value_info(name, FLOAT, None)], own)

    one = [node("MatMul", f"{captured} W", "m"), node("Add", "m b", "s"), node("Relu", "s", "t"), *inner]
    two = [node("MatMul", f"{captured} W", "m"), node("Tanh", "m", "e")]
    return {"then_branch": branch("t", one), "else_branch": branch("e", two)}


def choosing(condition, nodes=(), **how):
    chosen = helper.make_node("If", ["c"], ["h"], **branches(**how))
    return model(
        [*nodes, chosen, END],
        {"x": ["N", 2]},
        {"y": ["N", 1]},
        [tensor("V", WEIGHTS["V"]), *condition],
        opset=17,
    )


TRUE, FALSE = [tensor("c", np.array(True))], [tensor("c", np.array([False]))]
MODELS = {
    "a function": (calling([function(LAYER)], [call("x W b", "h"), END]), (3, 2), ["h/s", "h"]),
    "an attribute": (
        calling([function(LEAKY, attributes=["slope"])], [call("x W b", "h", slope=0.25), END]),
        (3, 2),
        [],
    ),
    "a default": (
        calling([function(LEAKY, defaults=[helper.make_attribute("slope", 0.75)])], [call("x W b", "h"), END]),
        (3, 2),
        [],
    ),
    "a function in a function": (
        calling([NESTED, function(LAYER)], [call("x W b", "h", "G"), END]),
        (3, 2),
        ["h/u/s", "h/u", "h"],
    ),
    "two calls": (
        calling(
            [function(LAYER)],
            [call("x W b", "g"), node("MatMul", "g Z", "k"), call("k W b", "h"), END],
            {**WEIGHTS, "Z": np.ones((3, 2), np.float32)},
        ),
        (8, 2),
        ["g/s", "g", "k", "h/s", "h"],
    ),
    "an output that is an input": (
        calling(
            [function(LAYER, outputs=("z", "a"))],
            [call("x W b", "h r"), END, node("Identity", "r", "q")],
        ),
        (3, 2),
        ["h/s", "h"],
    ),
    "a constant inside": (
        calling(
            [
                function(
                    [
                        helper.make_node("Constant", [], ["k"], value=tensor("", np.float32(2))),
                        *LAYER[:2],
                        node("Mul", "s k", "d"),
                        node("Relu", "d", "z"),
                    ]
                )
            ],
            [call("x W b", "h"), END],
        ),
        (3, 2),
        [],
    ),
    "then": (choosing(TRUE), (3, 2), ["h/s", "h"]),
    "else": (choosing(FALSE), (3, 3), ["h/m", "h"]),
    "a condition that is computed": (
        choosing([tensor("n", np.float32(2))], [node("Greater", "n n", "c0"), node("Identity", "c0", "c")]),
        (3, 3),
        ["h/m", "h"],
    ),
    "a branch of what is computed": (
        choosing(TRUE, [node("Relu", "x", "r")], captured="r"),
        (3, 2),
        ["r", "h/s", "h"],
    ),
}


@pytest.mark.parametrize("name", MODELS)
def test_bodies_are_reduced_checked_and_run(name, tmp_path):
    made, neurons, names = MODELS[name]
    onnx.checker.check_model(made)
    path = save(tmp_path / "a.onnx", made)
    network = read(path)
    assert not network.opaque
    for inside in names:
        assert inside in network.shapes
    assert [t for t in network.shapes if t in names] == names
    done = reduce_file(path, tmp_path / "b.onnx")
    assert (done.reduction.original.neurons, done.reduction.reduced.neurons) == neurons
    theirs = check.read_network(str(path), "as stored", check.MAX_UNPACKED)
    assert {*names} <= {*theirs.views}
    assert theirs.tensors == digest(path).tensors
    assert not onnx.load(done.reduced).functions
    if name != "an output that is an input":  # onnxruntime refuses such a function
        assert alike(path, done.reduced, {"N": 3})


def test_what_is_called_by_another_name_is_another_function(tmp_path):
    """Names inside of a function are its own: a tensor outside of the same name is not meant."""
    nodes = [node("Relu", "a", "W"), node("MatMul", "W w", "m"), node("Add", "m c", "z")]
    made = calling([function(nodes)], [call("x W b", "h"), END])
    assert [*read(save(tmp_path / "a.onnx", made)).shapes][:2] == ["x", "h/W"]


@pytest.mark.parametrize(
    ("functions", "nodes", "words"),
    [
        ([function(LAYER, opset=11)], [call("x W b", "h"), END], "version 11, expected 17"),
        ([function(LAYER), function(LAYER)], [call("x W b", "h"), END], "twice"),
        ([function(LAYER)], [call("x W b b", "h"), END], "4 inputs"),
        ([function(LAYER)], [call("x W b", "h k"), END], "2 outputs"),
        ([function([node("Relu", "V", "z")])], [call("x W b", "h"), END], "nothing in the function defines"),
        ([function([call("a w c", "z")])], [call("x W b", "h"), END], "functions inside of functions"),
        (
            [function([helper.make_node("If", ["c"], ["z"], **branches())])],
            [call("x W b", "h"), END],
            "found a subgraph",
        ),
        ([function([node("RandomNormalLike", "a", "z")])], [call("x W b", "h"), END], "random"),
    ],
)
def test_functions_that_fit_nothing_are_refused(functions, nodes, words, tmp_path):
    with pytest.raises((FormatError, UnsupportedLayer), match=words):
        read(save(tmp_path / "a.onnx", calling(functions, nodes)))


def test_a_function_in_onnx_s_own_domain_is_refused(tmp_path):
    """Runtimes ignore it, a reader that looks at functions first would not."""
    made = model([node("Relu", "x", "y")], {"x": ["N", 2]}, {"y": ["N", 2]}, opset=17)
    body = helper.make_function("", "Relu", ["a"], ["z"], [node("Neg", "a", "z")], [helper.make_opsetid("", 17)])
    made.functions.append(body)
    with pytest.raises(UnsupportedLayer, match="ONNX's own operators"):
        read(save(tmp_path / "a.onnx", made))


def test_functions_that_double_end(tmp_path):
    """Each calls the one below twice, 15 deep, 10 times in a row."""
    chain = [function(LAYER, name="F0")]
    for i in range(1, 15):
        nodes = [call("a w c", f"u{k}", f"F{i - 1}") for k in range(9)]
        chain.append(function([*nodes, call("a w c", "z", f"F{i - 1}")], name=f"F{i}"))
    with pytest.raises(UnsupportedLayer, match="more than 131072 nodes"):
        read(save(tmp_path / "a.onnx", calling(chain, [call("x W b", "h", "F14"), END])))


def test_branches_that_are_not_known_stay_opaque(tmp_path):
    made = choosing(
        [tensor("z", np.float32(0))], [node("ReduceSum", "x", "n", keepdims=0), node("Greater", "n z", "c")]
    )
    done = reduce_file(save(tmp_path / "a.onnx", made), tmp_path / "b.onnx")
    assert any(
        call.operator == "ai.onnx:If" for call in {n.call.node: n.call for n in done.reduction.original.opaque}.values()
    )


def test_a_call_in_a_subgraph_is_refused(tmp_path):
    then = helper.make_graph([call("x W b", "t")], "t", [], [helper.make_tensor_value_info("t", FLOAT, None)])
    other = helper.make_graph([node("Identity", "x", "e")], "e", [], [helper.make_tensor_value_info("e", FLOAT, None)])
    nodes = [
        node("ReduceSum", "x", "n", keepdims=0),
        node("Greater", "n o", "c"),
        helper.make_node("If", ["c"], ["h"], then_branch=then, else_branch=other),
        END,
    ]
    made = calling([function(LAYER)], nodes, {**WEIGHTS, "o": np.float32(0)})
    with pytest.raises(ExactlumpError, match="found a call of F in a subgraph"):
        read(save(tmp_path / "a.onnx", made))
