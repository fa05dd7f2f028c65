# SPDX-License-Identifier: Apache-2.0
"""This file is about the whole reduction: the planted width, exactness, and that doing it again changes nothing."""

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exactlump.lumping.flaws import find_flaw
from exactlump.network.activations import Activation
from exactlump.network.kinds import Activate, Dense, Head, Node, Scale, Select, Shift
from exactlump.network.program import Network
from exactlump.network.views import Port
from exactlump.numbers.floats import FLOAT_TYPES, pieces
from exactlump.numbers.matrix import Matrix
from exactlump.numbers.rational import ONE, ZERO, rational
from exactlump.reduction.loop import exact_quotient, reduce
from tests.lumping.test_simulation import with_identities
from tests.oracle import difference
from tests.strategies import lumpable_networks, networks, permuted, relu_chain, show


def as_read_back(network):
    """The written network as a file holds it: each bias one float, the other pieces added after the Dense node."""
    if network.dtype not in FLOAT_TYPES:
        return network
    nodes: list[Node] = []
    for node in network.nodes:
        if not isinstance(node, Dense):
            nodes.append(node)
            continue
        split = [pieces(b, network.dtype) for b in node.bias]
        depth = max(len(parts) for parts in split)
        layers = [tuple(parts[i] if i < len(parts) else ZERO for parts in split) for i in range(max(depth, 1))]
        names = [f"{node.target}+{i}" for i in range(len(layers) - 1)] + [node.target]
        nodes.append(replace(node, target=names[0], bias=layers[0]))
        nodes += [Shift(names[i - 1], names[i], layers[i]) for i in range(1, len(layers))]
    return replace(network, nodes=tuple(nodes))


@given(lumpable_networks())
@settings(max_examples=150)
def test_the_planted_width_is_reached(planted):
    assert exact_quotient(planted.network).network.neurons <= planted.width


@given(lumpable_networks(dtype="float32"))
@settings(max_examples=100)
def test_in_float32_the_planted_width_and_the_counted_copies(planted):
    result = reduce(planted.network)
    layers = result.layers
    if not any(layer.declined for layer in layers):
        assert result.reduced.neurons <= planted.width + sum(layer.copies for layer in layers)
    assert all(layer.after <= layer.before for layer in layers if layer.before)


@given(lumpable_networks())
@settings(max_examples=100)
def test_the_result_is_the_same_function(planted):
    result = reduce(planted.network)
    assert difference(planted.network, result.reduced) is None
    assert difference(planted.network, result.quotient, count=3) is None


@given(networks(), st.sampled_from(["exact", "float32", "decimal"]))
@settings(max_examples=200)
def test_any_network(network, dtype):
    result = reduce(network, dtype)
    assert find_flaw(network, result.quotient, result.forward) is None
    assert find_flaw(result.reduced, result.quotient, with_identities(result.reduced, result.backward)) is None
    assert difference(network, result.reduced, count=3) is None
    assert result.reduced.neurons <= network.neurons
    again = reduce(result.reduced, dtype).reduced
    assert show(again) == show(result.reduced) or any(isinstance(node, Select) for node in result.reduced.nodes)


@given(lumpable_networks())
@settings(max_examples=100)
def test_reducing_again_changes_nothing(planted):
    """The same nodes with the same numbers, not only the same width; read back from a file, the same width.

    Where copies are selected to be passed on, the second run may name the selections anew: there the width counts.
    """
    first = reduce(planted.network).reduced
    again = reduce(first).reduced
    assert show(again) == show(first) or any(isinstance(node, Select) for node in first.nodes)
    assert again.neurons == first.neurons
    assert reduce(as_read_back(first)).reduced.neurons == first.neurons


@given(lumpable_networks())
@settings(max_examples=100)
def test_the_report_adds_up(planted):
    result = reduce(planted.network)
    assert sum(layer.before for layer in result.layers) == planted.network.neurons
    assert sum(layer.after for layer in result.layers) == result.reduced.neurons
    for layer in result.layers:
        assert layer.why_not_more
        if not layer.fused and layer.before and layer.after:
            gone = layer.zero + layer.constant + layer.unobservable + layer.merged
            extra = result.backward[layer.name].rows if layer.name in result.backward else ()
            units = result.quotient.units(layer.name) if layer.name in result.quotient.shapes else layer.after
            assert layer.before - gone == units
            assert layer.after == (len(extra) or units)


@given(lumpable_networks(), st.randoms(use_true_random=False))
@settings(max_examples=100)
def test_permuting_hidden_neurons_changes_nothing_but_their_order(planted, rng):
    """The same number of units in every layer of the exact quotient, for layers of Dense and activation."""
    network = planted.network
    orders = {}
    for node in network.nodes:
        dense = network.producer.get(node.source)
        dense_below = isinstance(node, Activate) and isinstance(dense, Dense)
        readers = network.consumers[node.target]
        if not dense_below or node.target in network.outputs or node.source in network.outputs:
            continue
        if all(isinstance(r, Dense) for r in readers) and len(network.consumers[node.source]) == 1:
            order = list(range(len(node.functions)))
            rng.shuffle(order)
            orders[node.source] = orders[node.target] = order
    other = permuted(network, orders)
    assert difference(network, other, count=2) is None
    mine, theirs = (exact_quotient(n).network for n in (network, other))
    assert mine.shapes == theirs.shapes
    assert sorted(map(signature, mine.nodes)) == sorted(map(signature, theirs.nodes))


def signature(node):
    """What a node is up to the order and the scale of its units: how many rows have how many entries."""
    if isinstance(node, Dense):
        rows = [node.weight.row(v) for v in range(len(node.bias))]
        return node.target, sorted((len(row), bool(b)) for row, b in zip(rows, node.bias, strict=True))
    if isinstance(node, Activate):
        return node.target, sorted((1, str(f)) for f in node.functions)
    return node.target, []


def test_permuting_with_simple_ratios_gives_the_same_rows():
    rng = random.Random(3)
    rows = [[1, 2], [2, 4], [4, 8], [-1, 3], [0, 0], [5, 1], [10, 2]]
    network = relu_chain((rows, [0, 0, 0, 1, 4, 0, 0]), ([[1, -1, 2, 3, 1, 1, 1], [2, 1, 1, 0, 1, 1, 1]], [0, 1]))
    seen = set()
    for _ in range(10):
        order = list(range(7))
        rng.shuffle(order)
        reduced = reduce(permuted(network, {"d1": order, "h1": order})).reduced
        below, above = (n for n in reduced.nodes if isinstance(n, Dense))
        units = []
        for v, bias in enumerate(below.bias):
            row, column = below.weight.row(v), [above.weight.entry(i, v) for i in range(2)]
            size = abs(next(iter(row.values())))
            units.append(
                (tuple((u, str(w / size)) for u, w in row.items()), str(bias / size), str([size * w for w in column]))
            )
        seen.add((tuple(sorted(units)), str(above.bias)))
    assert len(seen) == 1


# Branches, heads, several inputs.


def dense(source, target, rows, bias=None):
    matrix = Matrix.from_rows([{u: rational(w) for u, w in enumerate(row)} for row in rows], len(rows[0]))
    return Dense(source, target, matrix, tuple(rational(b) for b in bias or [0] * len(rows)))


def relu(source, target, units):
    return Activate(source, target, relu_chain(([[1]] * units, [0] * units), ([[1] * units], [0])).nodes[1].functions)


def checked(network, dtype="exact"):
    result = reduce(network, dtype)
    assert find_flaw(network, result.quotient, result.forward) is None
    assert find_flaw(result.reduced, result.quotient, with_identities(result.reduced, result.backward)) is None
    assert difference(network, result.reduced) is None
    return result


def test_two_branches_share_their_classes():
    nodes = (
        dense("x", "d", [[1], [2], [-1]]),
        relu("d", "h", 3),
        dense("h", "y", [[1, 1, 0]]),
        dense("h", "z", [[1, 0, 1]]),
    )
    result = checked(Network((Port("x", (1,)),), nodes, ("y", "z")))
    assert result.reduced.neurons == 2


def test_a_branch_that_cancels_away_frees_what_it_kept():
    """Two weights that read d cancel when its twins are merged; what is left of the branch goes, and d is fused."""
    nodes = (
        dense("x", "d", [[1], [1]]),
        dense("d", "y", [[1, 1]]),
        dense("d", "e", [[1, -1]]),
        relu("e", "h", 1),
        dense("h", "z", [[1]], [3]),
    )
    network = Network((Port("x", (1,)),), nodes, ("y", "z"))
    result = checked(network)
    assert result.reduced.neurons == 0
    assert show(reduce(result.reduced).reduced) == show(result.reduced)


def test_units_that_nothing_reads_go_with_their_branch():
    nodes = (dense("x", "d", [[1]]), dense("x", "e", [[1]]), relu("e", "h", 1), dense("h", "f", [[1]]))
    result = checked(Network((Port("x", (1,)),), nodes, ("d",)))
    assert [node.target for node in result.reduced.nodes] == ["d"]
    assert [(layer.before, layer.unobservable, layer.after) for layer in result.layers] == [(1, 1, 0), (1, 1, 0)]


def test_two_inputs():
    nodes = (
        dense("a", "d", [[1], [2]]),
        relu("d", "h", 2),
        dense("h", "y", [[1, 1]]),
        dense("b", "e", [[3]]),
        relu("e", "g", 1),
        dense("g", "z", [[0]], [5]),
    )
    result = checked(Network((Port("a", (1,)), Port("b", (1,))), nodes, ("y", "z")))
    assert result.reduced.neurons == 1


def test_nothing_merges_below_a_softmax():
    nodes = (dense("x", "d", [[1], [1]]), Head("d", "y", "softmax"))
    result = checked(Network((Port("x", (1,)),), nodes, ("y",)))
    assert result.reduced.units("y") == 2


def test_an_output_that_is_read_again_is_kept():
    nodes = (dense("x", "d", [[1], [2]]), relu("d", "h", 2), dense("h", "y", [[1, 1]]))
    result = checked(Network((Port("x", (1,)),), nodes, ("h", "y")))
    assert result.reduced.units("h") == 2


@pytest.mark.parametrize("dtype", ["exact", "float32"])
def test_reasons_are_said(dtype):
    network = relu_chain(([[1], [-1], [2]], [1, -1, 5]), ([[1, 1, 1]], [0]))
    (layer,) = reduce(network, dtype).layers
    assert "no two are proportional" in layer.why_not_more
    assert "1 are negative multiples" in layer.why_not_more


def test_a_constant_with_an_irrational_value_stays_and_is_named():
    network = relu_chain(([[0], [1]], [1, 0]), ([[1, 1]], [0]), functions=[Activation("sigmoid")])
    result = checked(network)
    assert result.reduced.neurons == 2
    assert "1 constants have irrational values" in result.layers[0].why_not_more


def test_a_constant_zero_whose_value_is_irrational_is_no_division_by_zero():
    network = relu_chain(([[0], [0]], [0, 0]), ([[1, 1]], [0]), functions=[Activation("softplus")])
    assert checked(network).reduced.neurons == 1


def test_the_same_input_gives_the_same_output():
    network = relu_chain(([[1, 2], [2, 4], [3, 1]], [0, 0, 1]), ([[1, 1, 1]], [0]))
    assert show(reduce(network).reduced) == show(reduce(network).reduced)
    assert reduce(network).forward == reduce(network).forward
    assert ONE == reduce(network).forward["h1"].rows[0].terms[0][1]


def test_what_a_factor_0_takes_away_is_not_read():
    chain = relu_chain(([[1], [2]], [0, 1]), ([[1, 3]], [5]))
    scaled = Scale(chain.outputs[0], "scaled", (ZERO,))
    network = replace(chain, nodes=(*chain.nodes, scaled), outputs=("scaled",))
    result = reduce(network, "exact")
    assert result.reduced.neurons == 0
    assert result.reduced.evaluate([ONE]) == network.evaluate([ONE]) == ((ZERO,),)
