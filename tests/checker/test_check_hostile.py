# SPDX-License-Identifier: Apache-2.0
"""This file is about pairs of files that were found to pass for equal, and are not: each was a hole in the checker.

Of every pair the outputs at one input are computed by ONNX's reference evaluator, or by onnxruntime, and differ.
"""

import json

import numpy as np
import pytest
from onnx import helper
from onnx.reference import ReferenceEvaluator

from exactlump import check
from tests.checker.test_check_opaque import FLOAT, both, graph, node
from tests.claims import claim, judge
from tests.tools import run, save


def at(proto, x):
    """The output that ONNX's reference evaluator computes."""
    return np.asarray(ReferenceEvaluator(proto).run(None, {"x": np.asarray(x, np.float32)})[0])


def parts(outputs):
    """The first part of a Split of a tensor whose shape nothing says: how many parts there are says how long it is."""
    nodes = [
        node("Tile", "x once", "t"),
        node("Split", "t", outputs, axis=1),
        node("ReduceSum", "a", "y", keepdims=0),
    ]
    return graph(nodes, {"x": [1, 6]}, {"y": []}, {"once": np.array([1, 1])}, opset=13)


def test_a_part_that_nobody_reads_is_one_of_the_parts(tmp_path):
    pair = parts("a b -"), parts("a b")
    values = [float(at(proto, [[0, 1, 2, 3, 4, 5]])) for proto in pair]
    assert values == [1, 3]
    found = judge(*both(pair, tmp_path), tmp_path)
    assert (found.verdict, found.rule) == ("rejected", "opaque"), found.reason


def thresholded(shape, axes=2):
    """Where(Greater(x, t), x, softplus(x)), and a Softmax along axis 1 of what that makes."""
    nodes = [
        node("Greater", "x t", "c"),
        node("Softplus", "x", "s"),
        node("Where", "c x s", "w"),
        node("Softmax", "w", "y", axis=1),
    ]
    return graph(nodes, {"x": ["B", 4]}, {"y": ["B", 4]}, {"t": np.full(shape, 20, np.float32)})


def test_a_threshold_of_more_axes_makes_a_tensor_of_more_axes(tmp_path):
    """Softmax along axis 1 is along the batch, where there is an axis before it."""
    pair = thresholded([1, 1, 1]), thresholded([1])
    assert np.allclose(at(pair[0], [[0, 1, 2, 3], [3, 2, 1, 0]]).sum(axis=1), 1)
    assert np.allclose(at(pair[1], [[0, 1, 2, 3], [3, 2, 1, 0]]).sum(axis=1), 1)
    assert at(pair[0], [[0, 1, 2, 3], [3, 2, 1, 0]]).shape == (1, 2, 4)
    assert at(pair[1], [[0, 1, 2, 3], [3, 2, 1, 0]]).shape == (2, 4)
    found = judge(*both(pair, tmp_path), tmp_path)
    assert (found.verdict, found.rule) == ("rejected", "opaque"), found.reason
    same = thresholded([1]), thresholded([])
    assert judge(*both(same, tmp_path), tmp_path).verdict == "equivalent"


def quantised(shape):
    """A Quant whose zero point has a shape, and a Softmax along axis 1."""
    nodes = [node("Quant", "x s z b", "q", domain="qonnx.custom_op.general"), node("Softmax", "q", "y", axis=1)]
    constants = {"s": np.float32(1), "z": np.zeros(shape, np.float32), "b": np.float32(8)}
    return graph(nodes, {"x": ["B", 4]}, {"y": ["B", 4]}, constants, domains=["qonnx.custom_op.general"])


def test_a_zero_point_of_more_axes_makes_a_tensor_of_more_axes(tmp_path):
    found = judge(*both((quantised([1, 1, 1]), quantised([])), tmp_path), tmp_path)
    assert (found.verdict, found.rule) == ("rejected", "opaque"), found.reason
    assert judge(*both((quantised([1]), quantised([])), tmp_path), tmp_path).verdict == "equivalent"


def called(imports, opset=17, formal=("a",), results=("b",)):
    """A local function that applies Softmax, and is called once."""
    opsets = [helper.make_opsetid(*entry) for entry in imports]
    body = helper.make_function("my", "F", [*formal], [*results], [node("Softmax", "a", "b")], opsets)
    call = helper.make_node("F", ["x"] * len(formal), ["h"], domain="my")
    ports = {"x": ["B", 2, 2]}, {"y": ["B", 2, 2]}
    return graph([call, node("Relu", "h", "y")], *ports, functions=[body], domains=["my"], opset=opset)


def plain(opset):
    return graph(
        [node("Softmax", "x", "h"), node("Relu", "h", "y")], {"x": ["B", 2, 2]}, {"y": ["B", 2, 2]}, opset=opset
    )


def test_a_runtime_reads_a_function_with_the_opset_of_the_model(tmp_path):
    """By ONNX's words Softmax here is that of opset 11, which joins axes; onnxruntime takes that of opset 17."""
    pair = both((called([("", 11)]), plain(11)), tmp_path)
    values = [np.asarray(run(path, np.arange(4, dtype=np.float32))) for path in pair]
    assert not np.allclose(*values)
    with pytest.raises(check.Stop) as caught:
        judge(*pair, tmp_path)
    assert (caught.value.verdict, caught.value.rule) == ("unsupported", "refused")
    pair = both((called([("", 13)]), plain(13)), tmp_path)
    assert judge(*pair, tmp_path).verdict == "equivalent"
    pair = both((called([("", 13)]), called([("", 20)])), tmp_path)
    assert judge(*pair, tmp_path).verdict == "equivalent"


@pytest.mark.parametrize(
    "function",
    [
        called([("", 11), ("ai.onnx", 13)]),
        called([("", 13), ("ai.onnx", 11)]),
        called([("", 13)], formal=("a", "a")),
        called([("", 13)], results=("x",)),
    ],
)
def test_a_function_that_may_be_read_in_two_ways_is_malformed(function, tmp_path):
    with pytest.raises(check.Stop) as caught:
        check.read_network(str(save(tmp_path / "a.onnx", function)), "as stored", check.MAX_UNPACKED)
    assert caught.value.verdict == "malformed"


def test_what_a_branch_did_before_it_failed_is_forgotten(tmp_path):
    """A branch reads a Shape as a tensor, and holds what cannot be put in its place: then the If is opaque."""

    def branch(k):
        made = [helper.make_tensor_value_info(f"{word}{k}", FLOAT, None) for word in "oz"]
        inner = helper.make_graph([node("Identity", "x", f"z{k}")], "inner", [], made[1:])
        nodes = [
            node("Size", "q", f"s{k}"),
            node("If", "c", f"o{k}", then_branch=inner, else_branch=inner),
        ]
        return helper.make_graph(nodes, "branch", [], made[:1])

    nodes = [
        node("Shape", "x", "q"),
        node("If", "c", "y", then_branch=branch(0), else_branch=branch(1)),
        node("Reshape", "x q", "w"),
    ]
    path = save(tmp_path / "a.onnx", graph(nodes, {"x": ["B", "T"]}, {"y": None, "w": None}, {"c": np.array(True)}))
    found = judge(path, path, tmp_path)
    assert found.verdict == "equivalent", found.reason
    assert "2 opaque operators" in found.reason


def steep():
    """A slope that takes large numbers beyond float32, and a weight that brings them back."""
    slope = np.float32(2.0**20)
    nodes = [node("PRelu", "x s", "h"), node("Mul", "h k", "m"), node("Relu", "m", "y")]
    return graph(nodes, {"x": [1, 1]}, {"y": [1, 1]}, {"s": slope, "k": np.float32(-(2.0**-30))})


def mean():
    """A mean of four numbers whose sum float32 does not have."""
    nodes = [
        node("MaxPool", "x", "h", kernel_shape=[1, 1]),
        node("Mul", "h k", "m"),
        node("GlobalAveragePool", "m", "p"),
        node("Relu", "p", "y"),
    ]
    return graph(nodes, {"x": [1, 1, 2, 2]}, {"y": [1, 1, 1, 1]}, {"k": np.float32(4)})


@pytest.mark.parametrize(("network", "low", "high"), [(steep, -(2**120), 0), (mean, 0, 2**125)])
def test_what_overflows_on_the_way_is_not_near(network, low, high, tmp_path):
    """In float32 both outputs are infinite, or no number: nothing is within anything."""
    path = save(tmp_path / "a.onnx", network())
    words = claim(path, path)
    del words["opaque"], words["assumes"]
    count = check.product(check.read_network(str(path), "as stored", check.MAX_UNPACKED).sizes("inputs"))
    domain = {"boxes": [{"x": [[str(low), str(high)]] * count}]}
    words["claim"] |= {"criterion": "approximate", "metric": "max", "epsilon": [str(2**120)]}
    words["claim"] |= {"domain": domain, "arithmetic": "float32"}
    words["trees"] = [{"splits": "AA==", "slopes": []}]
    certificate = tmp_path / "c.json"
    for arithmetic, expected in (("reals", ("within", "")), ("float32", ("rejected", "arithmetic"))):
        words["claim"]["arithmetic"] = arithmetic
        certificate.write_text(json.dumps(words))
        found = check.check(str(path), str(path), str(certificate))
        assert (found.verdict, found.rule) == expected, found.reason
    (value,) = run(path, np.full(count, low or high, np.float32))
    assert not np.isfinite(value).all()


def test_a_product_of_one_tensor_is_malformed_or_opaque(tmp_path):
    """What a QuantizeLinear makes, multiplied with nothing."""
    nodes = [
        node("QuantizeLinear", "x s z", "q"),
        helper.make_node("MatMul", ["q", ""], ["h"]),
        node("Relu", "h", "y"),
    ]
    proto = graph(nodes, {"x": ["B", 3]}, {"y": ["B", 3]}, {"s": np.float32(1), "z": np.uint8(3)})
    path = save(tmp_path / "a.onnx", proto)
    assert judge(path, path, tmp_path).verdict == "equivalent"  # of the same function, whatever it is


def shown(folder, claimed, outputs=1):
    """What the checker says of a network that is its input, on boxes, with a tree of one box for each."""
    nodes = [node("Mul", "x two", "h"), node("Relu", "h", "y")]
    path = save(folder / "a.onnx", graph(nodes, {"x": [1, outputs]}, {"y": [1, outputs]}, {"two": np.float32(2)}))
    words = claim(path, path)
    del words["opaque"], words["assumes"]
    words["claim"] |= claimed
    if words["claim"]["criterion"] != "exact":
        words["claim"]["arithmetic"] = "reals"
        words["trees"] = [{"splits": "AA==", "slopes": []} for _ in words["claim"]["domain"]["boxes"]]
    (folder / "c.json").write_text(json.dumps(words))
    return check.check(str(path), str(path), str(folder / "c.json"))


def test_boxes_are_said_one_by_one(tmp_path):
    """Two boxes of one input are no box of two inputs; what has no end is said to have none."""
    boxes = [{"x": [["0", "1"]]}, {"x": [["5", "6"]]}]
    assert shown(tmp_path, {"domain": {"boxes": boxes}}).reason.startswith("only on [0, 1] or [5, 6], over")
    found = shown(tmp_path, {"domain": {"boxes": [boxes[0]] * 9}}).reason
    assert found.startswith("only on " + "[0, 1] or " * 8 + "one of 1 more boxes, over")
    wide = [{"x": [["0", str(i)] for i in range(9)]}, {"x": [["0", "1"]] * 9}]
    found = shown(tmp_path, {"domain": {"boxes": wide}}, 9).reason
    assert found.startswith(
        "only on " + " x ".join(f"[0, {i}]" for i in range(8)) + " x ... or one of 1 more boxes, over"
    )


def test_one_output_decides_nothing(tmp_path):
    for claimed in ({"criterion": "decision", "index": 0}, {"criterion": "approximate", "metric": "margins"}):
        more = {"epsilon": []} if "metric" in claimed else {}
        found = shown(tmp_path, {**claimed, **more, "domain": {"boxes": [{"x": [["0", "1"]]}]}})
        assert (found.verdict, found.rule) == ("rejected", "claim")


def problem(*assertions, inputs):
    """The problem of a query of some inputs and an output, without networks."""
    declared = [f"(declare-const X_{i} Real)" for i in range(inputs)] + ["(declare-const Y_0 Real)"]
    query = check.read_query("\n".join([*declared, *(f"(assert {words})" for words in assertions)]))
    return check.problem_of(query.cases[0], [check.Places(range(inputs), range(inputs, inputs + 1))])


@pytest.mark.parametrize("left", [check.QUERY_WORK, 3000])
def test_what_rows_imply_is_charged(left, monkeypatch):
    """In a chain against the order of the rows each round gives one end; equations are put into each other."""
    monkeypatch.setattr(check.Allowance, "left", left)
    chain = [*(f"(<= X_{i} X_{i + 1})" for i in range(99)), "(<= X_99 7)", "(<= 0 X_0)"]
    sums = [f"(= (+ {' '.join(f'(* {pow(i + 2, k, 97)} X_{i})' for i in range(30))}) {k})" for k in range(1, 17)]
    if left == check.QUERY_WORK:
        assert problem(*chain, inputs=100).ends == dict.fromkeys(range(100), (0, 7))
        assert len(problem(*sums, inputs=30).forms) == 16
        return
    for case, inputs in ((chain, 100), (sums, 30)):
        with pytest.raises(check.Stop) as caught:
            problem(*case, inputs=inputs)
        assert (caught.value.verdict, caught.value.rule) == ("unknown", "budget")


def test_an_unknown_rank_is_not_one(tmp_path):
    """What nothing is known of in one file has no shape that the other file declares."""

    def compressed(shape):
        nodes = [node("Compress", "x c", "h", axis=1), node("Relu", "h", "y")]
        constants = {"c": np.array([True, False, True])}
        return graph(nodes, {"x": [2, 3]}, {"y": None}, constants, declared={"h": shape} if shape else {})

    pair = both((compressed(None), compressed(["k"])), tmp_path)
    found = judge(*pair, tmp_path)
    assert (found.verdict, found.rule) == ("rejected", "opaque"), found.reason
    pair = both((compressed([2, "k"]), compressed([2, "n"])), tmp_path)
    assert judge(*pair, tmp_path).verdict == "equivalent"


def decided(*nodes, condition="c"):
    """A branch that a condition of constants chooses: the input, or its negative."""

    def branch(op, name):
        made = [helper.make_tensor_value_info(name, FLOAT, [1, 2])]
        return helper.make_graph([node(op, "x", name)], name, [], made)

    choice = node("If", condition, "g", then_branch=branch("Identity", "t"), else_branch=branch("Neg", "e"))
    numbers = {"one": np.float32(1), "n": np.float32(2**25), "c": np.array(True)}
    return graph([*nodes, choice, node("Relu", "g", "y")], {"x": [1, 2]}, {"y": [1, 2]}, numbers)


SUM = [node("Add", "n one", "q"), node("Sub", "q n", "p")]


@pytest.mark.parametrize(
    "nodes",
    [
        [*SUM, node("Equal", "p one", "d")],
        [*SUM, node("GreaterOrEqual", "p one", "d")],
        [*SUM, node("Cast", "p", "i", to=7), node("Cast", "i", "d", to=9)],
        [*SUM, node("Cast", "p", "w", to=11), node("Cast", "w", "i", to=7), node("Cast", "i", "d", to=9)],
    ],
)
def test_what_machines_round_decides_nothing(nodes, tmp_path):
    """2^25 + 1 - 2^25 is 0 in float32: the other branch is taken."""
    pair = both((decided(*nodes, condition="d"), decided()), tmp_path)
    values = [np.asarray(run(path, np.float32([1, 2]))[0]) for path in pair]
    assert [[*value] for value in values] == [[0, 0], [1, 2]]
    found = judge(*pair, tmp_path)
    assert found.verdict == "rejected", found.reason
    stored = decided(node("Equal", "one one", "d"), condition="d"), decided()
    assert judge(*both(stored, tmp_path), tmp_path).verdict == "equivalent"
