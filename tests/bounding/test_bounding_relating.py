# SPDX-License-Identifier: Apache-2.0
"""This file is about the relations that are found between two networks: whichever it is, bounds by it are sound."""

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import pytest

from exactlump.bounding.bound import bound
from exactlump.bounding.boxes import Domain
from exactlump.bounding.relating import related, twins
from exactlump.bounding.relations import Constant, Multiple, Relations, Twin
from exactlump.network.activations import RELU, Activation
from exactlump.network.kinds import Dense
from exactlump.numbers.matrix import Matrix
from exactlump.numbers.rational import rational
from exactlump.points.boxes import Box
from tests import bounding_tools as tools
from tests.bounding_tools import escapes, seeded
from tests.image_networks import image_network
from tests.strategies import permuted, relu_chain

ONE = rational(1)


def cube(inputs):
    """[-1, 1]^inputs."""
    return Domain((Box((-ONE,) * inputs, (ONE,) * inputs, "cube"),))


def chain(rng, *sizes):
    """A ReLU chain of given widths, with small random weights that are no multiples of each other."""
    layers = [
        (
            [[str(Fraction(rng.randint(-97, 97), 64)) for _ in range(a)] for _ in range(b)],
            [str(Fraction(rng.randint(-31, 31), 64)) for _ in range(b)],
        )
        for a, b in pairwise(sizes)
    ]
    return relu_chain(*layers)


def edited(network, change):
    """The network with other rows: `change` maps (number of the layer, rows, biases) to new ones."""
    nodes, place = [], 0
    for node in network.nodes:
        if isinstance(node, Dense):
            rows = [dict(node.weight.row(v)) for v in range(len(node.bias))]
            rows, bias, columns = change(place, rows, [*node.bias], node.weight.shape[1])
            node = replace(node, weight=Matrix.from_rows(rows, columns), bias=tuple(bias))
            place, count = place + 1, len(bias)
        elif len(node.functions) != count:
            node = replace(node, functions=node.functions[:1] * count)
        nodes.append(node)
    return replace(network, nodes=tuple(nodes))


def exactly(ours, theirs, relations):
    """The largest bound of the differences on the cube, by the checker."""
    ends = [(-1, 1)] * ours.inputs[0].shape[0]
    return max(max(-low, high) for low, high in tools.bound(ours, theirs, *ends, relations=relations.json()))


def test_networks_of_one_shape_need_no_relation():
    rng = seeded(1)
    ours = chain(rng, 2, 6, 5, 1)
    assert related(ours, tools.jittered(ours, rng, Fraction(1, 64)), cube(2)) == Relations({}, {})


def test_on_small_boxes_units_stay_in_their_places():
    """There nearly every unit is near every other one times a factor."""
    rng = seeded(2)
    ours = chain(rng, 2, 30, 30, 1)
    theirs = tools.jittered(ours, rng, Fraction(1, 256))
    small = Domain((Box((rational("1/3"),) * 2, (rational("103/300"),) * 2, "small"),))
    assert related(ours, theirs, small) == Relations({}, {})


@pytest.mark.parametrize("seed", range(3))
def test_permuted_and_rescaled_units_are_found(seed):
    rng = seeded(10 + seed)
    ours = chain(rng, 2, 6, 5, 2)
    order, other = [*range(6)], [*range(5)]
    rng.shuffle(order)
    rng.shuffle(other)
    theirs = permuted(ours, {"d1": order, "h1": order, "d2": other, "h2": other})
    factors = [rational(rng.choice(("4", "1/8", "3", "1/3"))) for _ in range(6)]

    def scaled(layer, rows, bias, columns):
        if layer == 0:
            rows = [{u: w * f for u, w in row.items()} for row, f in zip(rows, factors, strict=True)]
            bias = [b * f for b, f in zip(bias, factors, strict=True)]
        elif layer == 1:
            rows = [{u: w / factors[u] for u, w in row.items()} for row in rows]
        return rows, bias, columns

    theirs = edited(theirs, scaled)
    relations = related(ours, theirs, cube(2))
    assert exactly(ours, theirs, relations) == 0
    rng = seeded(seed)
    assert [*escapes(ours, tools.jittered(theirs, rng, Fraction(1, 64)), rng, relations.json())] == []


@pytest.mark.parametrize("seed", range(3))
def test_pruned_units_are_compared_with_nothing(seed):
    """Two of six units are gone; the others keep their places among those that stay."""
    rng = seeded(20 + seed)
    ours, gone = chain(rng, 2, 6, 4, 1), sorted(rng.sample(range(6), 2))
    kept = [u for u in range(6) if u not in gone]

    def pruned(layer, rows, bias, columns):
        if layer == 0:
            return [rows[u] for u in kept], [bias[u] for u in kept], columns
        if layer == 1:
            return [{n: row[u] for n, u in enumerate(kept) if u in row} for row in rows], bias, 4
        return rows, bias, columns

    theirs = edited(ours, pruned)
    relations = related(ours, theirs, cube(2))
    rows = relations.ours["h1"][1]
    assert [row for u, row in enumerate(rows) if u in kept] == [Multiple(n, ONE) for n in range(4)]
    assert all(isinstance(rows[u], Constant) or rows[u].of < 4 for u in gone)
    blind = exactly(ours, theirs, Relations({"h1": (None, [Constant()] * 6)}, {}))
    assert exactly(ours, theirs, relations) < blind
    assert [*escapes(ours, theirs, rng, relations.json())] == []


def split(ours, layer="h1"):
    """A network with every unit y of the first layer as relu(y) - relu(-y), in a layer of its own."""
    first, *rest = [node for node in ours.nodes if isinstance(node, Dense)]
    rows = [{u: tools.as_fraction(w) for u, w in first.weight.row(v).items()} for v in range(len(first.bias))]
    bias = [tools.as_fraction(b) for b in first.bias]
    count, columns = len(rows), first.weight.shape[1]
    dense = [[str(row.get(u, 0)) for u in range(columns)] for row in rows]
    minus = [[str(-2 * row.get(u, 0)) for u in range(columns)] for row in rows]
    together = [[str({v: 1, v + count: Fraction(-1, 2)}.get(u, 0)) for u in range(2 * count)] for v in range(count)]
    layers = [(minus[:1] + dense[1:] + dense[:1] + minus[1:], None), (together, ["0"] * count)]
    listed = [str(b) for b in bias]
    twice = [str(-2 * b) for b in bias]
    layers[0] = (layers[0][0], twice[:1] + listed[1:] + listed[:1] + twice[1:])
    layers[1] = ([[row[count], *row[1:count], row[0], *row[count + 1 :]] for row in together], ["0"] * count)
    for node in rest:
        rows = [node.weight.row(v) for v in range(len(node.bias))]
        dense = [[str(tools.as_fraction(row.get(u, rational(0)))) for u in range(node.weight.shape[1])] for row in rows]
        layers.append((dense, [str(tools.as_fraction(b)) for b in node.bias]))
    return relu_chain(*layers)


@pytest.mark.parametrize("seed", range(2))
def test_twins_of_a_split_network_are_found(seed):
    """The pair of the first unit has its negative side first."""
    rng = seeded(30 + seed)
    ours = chain(rng, 2, 4, 3, 1)
    theirs = split(ours)
    relations = related(ours, theirs, cube(2))
    assert twins(relations) == 4
    assert sum(isinstance(row, Twin) for row in relations.theirs["h1"]) == 4
    assert relations.ours["h1"][0] == "h2"
    assert exactly(ours, theirs, relations) == 0
    near = tools.jittered(ours, rng, Fraction(1, 64))
    assert exactly(near, theirs, related(near, theirs, cube(2))) > 0


def test_copies_and_constants_of_the_second_network_are_facts():
    ours = relu_chain(([["1"], ["-1"]], ["0", "1/2"]), ([["1", "1"]], ["1/4"]))
    theirs = relu_chain(([["1"], ["0"], ["-1"], ["2"]], ["0", "1/4", "1/2", "0"]), ([["1/2", "1", "1", "1/4"]], ["0"]))
    relations = related(ours, theirs, cube(1))
    assert relations.theirs["h1"] == [
        Multiple(0, ONE),
        Constant(rational("1/4")),
        Multiple(1, ONE),
        Multiple(0, rational(2)),
    ]
    assert exactly(ours, theirs, relations) == 0


def test_tensors_of_constants_alone_are_bounded_too():
    ours = relu_chain(([["0"], ["0"]], ["1/2", "1"]), ([["1", "1"]], ["0"]))
    theirs = relu_chain(([["0"], ["0"]], ["1/4", "1"]), ([["1", "1"]], ["0"]))
    relations = related(ours, theirs, cube(1))
    assert relations.theirs == {}
    assert exactly(ours, theirs, relations) == Fraction(1, 4)
    assert max(bound(ours, theirs, cube(1), relations=relations, timeout=2).upper) == rational("1/4")


def test_odd_functions_have_no_twins_but_signs():
    ours = relu_chain(([["1"]], ["0"]), ([["1"]], ["0"]), functions=[Activation("tanh")])
    theirs = relu_chain(([["1"], ["-1"]], ["0", "0"]), ([["1/2", "-1/2"]], ["0"]), functions=[Activation("tanh")])
    relations = related(ours, theirs, cube(1))
    assert relations.theirs["h1"] == [Multiple(0, ONE), Multiple(0, -ONE)]
    assert exactly(ours, theirs, relations) == 0


def test_networks_that_share_nothing_have_a_relation_too():
    rng = seeded(50)
    for sizes, others in (((2, 5, 4, 1), (2, 3, 1)), ((2, 3, 1), (2, 4, 4, 4, 1)), ((2, 3, 3, 1), (2, 5, 2, 1))):
        ours, theirs = chain(rng, *sizes), chain(rng, *others)
        relations = related(ours, theirs, cube(2))
        assert [*escapes(ours, theirs, rng, relations.json())] == []


@pytest.mark.parametrize("seed", range(4))
def test_channels_are_related_as_units_are(seed):
    rng = seeded(60 + seed)
    ours = tools.with_functions(image_network(rng.randrange(10**6)), lambda: RELU)
    theirs = tools.jittered(ours, rng)
    inputs = sum(len(x) for x in tools.inputs_of(ours, [0] * 10**4))
    relations = related(ours, theirs, cube(inputs))
    assert [*escapes(ours, theirs, rng, relations.json(), depth=2)] == []
