# SPDX-License-Identifier: Apache-2.0
"""This file is about where relations attach: one small network for each rule."""

import pytest
from hypothesis import given, settings

from exactlump.lumping.flaws import find_flaw
from exactlump.network.activations import RELU
from exactlump.network.kinds import Activate, Add, Dense, Head, Pad, Reorder, Scale, Shift
from exactlump.network.layers import INPUT, OUTPUT, anchors, end_of_layer, layer, linear_layers, sources, trace
from exactlump.network.program import Network
from exactlump.network.views import Port
from exactlump.network.windows import Window
from exactlump.numbers.matrix import Matrix
from exactlump.numbers.rational import ONE, ZERO
from exactlump.reduction.loop import exact_quotient
from tests.strategies import networks

IMAGE = "it is an element-wise image of the layer below"
PADDED = Window((2,), (4,), (1,), (1,), (1,), (1,), (1,))


def dense(source, target, columns=2, rows=2):
    return Dense(source, target, Matrix.from_rows([{0: ONE}] * rows, columns), (ZERO,) * rows)


def relu(source, target):
    return Activate(source, target, (RELU,) * 2)


def scale(source, target):
    return Scale(source, target, (ONE + ONE,) * 2)


def reorder(source, target):
    return Reorder(source, target, None, (2, 1))


def network(*nodes, outputs=("y",)):
    return Network((Port("x", (2,)),), nodes, outputs)


CASES = {
    "activations and the input": (
        [dense("x", "d"), relu("d", "h"), dense("h", "y")],
        {"x": INPUT, "h": None, "y": OUTPUT},
    ),
    "a linear layer": ([dense("x", "d"), dense("d", "y")], {"x": INPUT, "d": None, "y": OUTPUT}),
    "what lies between the weights and the activation is derived": (
        [dense("x", "d"), scale("d", "s"), Shift("s", "t", (ONE,) * 2), relu("t", "h"), dense("h", "y")],
        {"x": INPUT, "h": None, "y": OUTPUT},
    ),
    "a linear layer ends before the next Dense": (
        [dense("x", "d"), scale("d", "s"), dense("s", "y")],
        {"x": INPUT, "s": None, "y": OUTPUT},
    ),
    "a reordering of a layer is derived": (
        [dense("x", "d"), relu("d", "h"), reorder("h", "r"), dense("r", "y")],
        {"x": INPUT, "h": None, "y": OUTPUT},
    ),
    "also when two layers read it": (
        [dense("x", "d"), relu("d", "h"), reorder("h", "r"), dense("r", "y"), dense("r", "z")],
        {"x": INPUT, "h": None, "y": OUTPUT, "z": OUTPUT},
    ),
    "a reordering of the input is kept": (
        [reorder("x", "r"), dense("r", "y")],
        {"x": INPUT, "r": IMAGE, "y": OUTPUT},
    ),
    "units may be passed on": (
        [dense("x", "d"), relu("d", "h"), scale("h", "s"), dense("s", "y")],
        {"x": INPUT, "h": None, "s": None, "y": OUTPUT},
    ),
    "also through a reordering": (
        [dense("x", "d"), relu("d", "h"), reorder("h", "r"), scale("r", "s"), dense("s", "y")],
        {"x": INPUT, "h": None, "s": None, "y": OUTPUT},
    ),
    "what is passed on from the input is kept": (
        [scale("x", "s"), dense("s", "y")],
        {"x": INPUT, "s": IMAGE, "y": OUTPUT},
    ),
    "two branches may meet": (
        [
            dense("x", "d"),
            relu("d", "h"),
            dense("h", "e"),
            Add(("h", "e"), "a", (1, 1)),
            relu("a", "g"),
            dense("g", "y"),
        ],
        {"x": INPUT, "h": None, "e": None, "g": None, "y": OUTPUT},
    ),
    "elements that become an image are kept": (
        [
            dense("x", "d"),
            Reorder("d", "i", None, (1, 2), 0),
            Pad("i", "p", PADDED),
            Reorder("p", "f", None, (4,)),
            dense("f", "y", 4),
        ],
        {"x": INPUT, "d": "it is read as images", "i": IMAGE, "p": IMAGE, "f": IMAGE, "y": OUTPUT},
    ),
    "a softmax keeps": (
        [dense("x", "d"), Head("d", "y", "softmax")],
        {"x": INPUT, "d": "softmax reads it", "y": OUTPUT},
    ),
    "an output in the middle keeps": (
        [dense("x", "d"), relu("d", "y"), dense("y", "z")],
        {"x": INPUT, "y": OUTPUT, "z": OUTPUT},
    ),
    "two layers may read one": (
        [dense("x", "d"), relu("d", "h"), dense("h", "y"), dense("h", "z")],
        {"x": INPUT, "h": None, "y": OUTPUT, "z": OUTPUT},
    ),
    "weights and an activation may read one linear layer": (
        [dense("x", "d"), relu("d", "h"), dense("d", "y"), dense("h", "z")],
        {"x": INPUT, "d": None, "h": None, "y": OUTPUT, "z": OUTPUT},
    ),
    "what nothing reads may change": (
        [dense("x", "y"), dense("x", "d"), relu("d", "h"), dense("x", "e")],
        {"x": INPUT, "y": OUTPUT, "h": None, "e": None},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_anchors(case):
    nodes, expected = CASES[case]
    net = network(*nodes, outputs=tuple(t for t, why in expected.items() if why == OUTPUT))
    assert anchors(net) == expected


def test_fused_layers_are_derived():
    net = network(dense("x", "d"), scale("d", "s"), dense("s", "y"))
    assert linear_layers(net) == ("s",)
    assert anchors(net, {"s"}) == {"x": INPUT, "y": OUTPUT}
    assert [n.target for n in layer(net, "y", anchors(net, {"s"})).nodes] == ["d", "s", "y"]
    assert [n.target for n in layer(net, "y", anchors(net)).nodes] == ["y"]


# What a layer says of its nodes: the ones before the core, the core, the ones after it, and what these are.
LAYERS = {
    "weights and functions": ([dense("x", "d"), relu("d", "y")], "", "d", "y", {"only_mixes", "only_functions_follow"}),
    "weights alone": ([dense("x", "y")], "", "y", "", {"only_mixes", "only_functions_follow"}),
    "factors and sums": (
        [dense("x", "d"), scale("d", "s"), Shift("s", "t", (ONE,) * 2), relu("t", "y")],
        "",
        "d",
        "sty",
        {"factors", "sums"},
    ),
    "reorderings on both sides": (
        [reorder("x", "r"), Reorder("r", "q", None, (2,)), dense("q", "d"), reorder("d", "p"), relu("p", "y")],
        "rq",
        "d",
        "py",
        set(),
    ),
    "units passed on": ([reorder("x", "r"), scale("r", "y")], "r", "y", "", {"only_functions_follow"}),
    "functions of functions": ([relu("x", "y")], "", "y", "", {"only_mixes", "only_functions_follow"}),
    "only reorderings": ([reorder("x", "y")], "y", None, "", {"only_reorders", "only_functions_follow"}),
    "fused": (
        [dense("x", "d"), dense("d", "e"), relu("e", "y")],
        "d",
        "e",
        "y",
        {"is_fused", "only_mixes", "only_functions_follow"},
    ),
    "a head": ([reorder("x", "r"), Head("r", "y", "softmax")], "r", "y", "", {"head", "only_functions_follow"}),
}
ANSWERS = ("factors", "sums", "only_mixes", "only_functions_follow", "only_reorders", "is_fused", "head")


@pytest.mark.parametrize("case", LAYERS)
def test_what_a_layer_says_of_its_nodes(case):
    nodes, before, core, after, answers = LAYERS[case]
    found = layer(network(*nodes), "y", {"x"})
    assert found.nodes == tuple(nodes)
    assert "".join(n.target for n in found.before) == before
    assert (found.core and found.core.target) == core
    assert "".join(n.target for n in found.after) == after
    assert {answer for answer in ANSWERS if getattr(found, answer)} == answers
    assert found.mixing == (found.core if isinstance(found.core, Dense) else None)
    assert found.elementwise == tuple(n for n in found.after if not isinstance(n, Reorder))
    assert found.functions == (nodes[-1].functions if isinstance(nodes[-1], Activate) else ())


def test_where_units_were():
    """Elements of a 2 x 2 tensor turned round, and then scaled."""
    turned = Reorder("x", "r", (1, 0), (4,))
    net = Network((Port("x", (2, 2)),), (turned, Scale("r", "y", (ONE,) * 4)), ("y",))
    assert trace(net, net.nodes, [1, 3]) == [[2, 3], [1, 3], [1, 3]]


def test_the_end_of_a_layer():
    net = network(dense("x", "d"), scale("d", "s"), relu("s", "h"), reorder("h", "r"), dense("r", "y"))
    assert end_of_layer(net, "d") == "h"
    assert end_of_layer(net, "y") == "y"


@given(networks(depth=4))
@settings(max_examples=300)
def test_relations_on_the_anchored_tensors_suffice_for_any_network(net):
    step = exact_quotient(net)
    assert find_flaw(net, step.network, step.simulation) is None


@given(networks(depth=4))
def test_what_may_change_has_weights_or_is_passed_on_from_what_may_change(net):
    anchored = anchors(net)
    for tensor, why in anchored.items():
        if why is None and layer(net, tensor, anchored).mixing is None:
            assert any(anchored[below] is None for below in sources(net, tensor, anchored))
