# SPDX-License-Identifier: Apache-2.0
"""This file is about the builder of reduced networks: the units that are left, in any order and number, read as before.

A network is spread: its units get copies, in any order, and each weight goes to one of the copies.  It computes the
same function as before, whatever its layers do; and a row in the wrong place is seen.
"""

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exactlump.network.activations import RELU
from exactlump.network.kinds import Activate, Conv, Dense, MaxPool, Reorder
from exactlump.network.layers import anchors, ground, layer
from exactlump.network.program import Network
from exactlump.network.views import Port
from exactlump.network.windows import Window
from exactlump.numbers.matrix import Matrix
from exactlump.numbers.rational import ONE, ZERO, rational
from exactlump.reduction.gathering import Left
from exactlump.reduction.loop import exact_quotient, reduce
from exactlump.reduction.survivors import Chosen, Survivors
from tests.image_networks import image_network
from tests.oracle import difference
from tests.strategies import lumpable_networks, networks
from tests.tools import same

# A window that sees one position, as it is.
POINT = Window((1, 1), (1, 1), (1, 1), (1, 1), (1, 1), (0, 0), (0, 0))


def unchanged(network):
    """The network with all of its units, written once more."""
    anchored = anchors(network)
    left = {t: Left({k: k for k in range(network.units(t))}, network.units(t)) for t in anchored}
    survivors = Survivors(network, anchored, left, anchored.keys())
    for tensor in anchored:
        if tensor in network.producer:
            survivors.write(tensor, Chosen())
    made = {node.target: node for node in survivors.nodes}
    return replace(network, nodes=tuple(made[node.target] for node in network.nodes if node.target in made)), made


@settings(max_examples=100)
@given(networks())
def test_all_units_of_any_network_make_that_network(network):
    found, made = unchanged(network)
    unread = [t for t, readers in network.consumers.items() if not readers and t not in network.outputs]
    assert len(found.nodes) == len(made)
    assert same(found, replace(network, nodes=tuple(n for n in network.nodes if n.target in made)))
    assert all(isinstance(node, Reorder) for node in network.nodes if node.target not in made)
    assert unread or len(made) == len(network.nodes)


def test_all_units_of_any_network_on_images_make_that_network():
    for seed in range(80):
        network = image_network(seed)
        assert same(unchanged(network)[0], network)


def spread(network, rng, fault=False):
    """The network with copies of the units that may change, in any order.

    fault: the weights of two units change places, in every layer.
    """
    anchored = anchors(network)
    places = {t: _places(network.units(t), rng, kept=why is not None) for t, why in anchored.items()}
    left = {t: Left({k: found.index(k) for k in found}, len(found)) for t, found in places.items()}
    survivors = Survivors(network, anchored, left, anchored.keys(), reading="takes")
    for tensor, why in anchored.items():
        if tensor not in network.producer:
            continue
        units, node = None if why is not None else places[tensor], layer(network, tensor, anchored).mixing
        if node is None:
            survivors.write(tensor, Chosen(units))
            continue
        below = ground(network, node.source, anchored)
        span = node.weight.shape[1] // network.units(below)
        rows = range(len(node.bias)) if units is None else units
        weights = [_anywhere(node.weight.row(v), span, places[below], rng) for v in rows]
        bias = [node.bias[v] for v in rows]
        if fault and len(weights) > 1:
            weights[0], weights[1] = weights[1], weights[0]
        survivors.write(tensor, Chosen(units, weights=weights, bias=tuple(bias)))
    return replace(network, nodes=survivors.nodes)


def _places(units, rng, kept):
    """Each unit at least once, some several times, in any order."""
    found = list(range(units))
    if not kept:
        found += rng.choices(range(units), k=rng.randrange(3))
        rng.shuffle(found)
    return found


def _anywhere(row, span, places, rng):
    """Each weight on one of the copies of its unit."""
    found = {}
    for column, w in row.items():
        u, t = divmod(column, span)
        found[rng.choice([i for i, k in enumerate(places) if k == u]), t] = w
    return found


@settings(max_examples=40)
@given(lumpable_networks(), st.randoms(use_true_random=False))
def test_copies_anywhere_change_nothing(planted, rng):
    network = exact_quotient(planted.network).network
    assert difference(network, spread(network, rng), count=4) is None


def test_copies_of_images_anywhere_change_nothing():
    grown = 0
    for seed in range(40):
        network = exact_quotient(image_network(seed)).network
        found = spread(network, random.Random(seed))
        grown += found.neurons > network.neurons
        assert difference(network, found, count=2) is None
    assert grown > 10


def test_rows_that_change_places_are_seen():
    seen = 0
    for seed in range(20):
        network = exact_quotient(image_network(seed)).network
        seen += difference(network, spread(network, random.Random(seed), fault=True), count=2) is not None
    assert seen > 10


def placed(*readers, outputs=("y",)):
    """Three proportional elements and another one, read as images of one position by a convolution and by `readers`.

    The class sum of the convolution is 2^24 - 1 + 3 * 2^-16, which is two floats.
    """
    rows = [{0: ONE}, {0: 3 * ONE}, {0: 5 * ONE}, {1: ONE}]
    large, small = rational(2**24 - 1), rational(2) ** -16
    weight = Matrix.from_rows([{0: large, 1: small, 3: ONE}, {0: ONE, 1: ONE, 3: -ONE}], 4)
    nodes = (
        Dense("x", "d", Matrix.from_rows(rows, 2), (ZERO,) * 4),
        Activate("d", "h", (RELU,) * 4),
        Reorder("h", "r", None, (4, 1, 1)),
        Reorder("r", "r as image", None, (4, 1, 1), 0),
        Conv("r as image", "c", weight, (ZERO,) * 2, POINT),
        Activate("c", "a", (RELU,) * 2),
        Reorder("a", "f", None, (2,)),
        Dense("f", "y", Matrix.from_rows([{0: ONE, 1: 2 * ONE}], 2), (ZERO,)),
        *readers,
    )
    return Network((Port("x", (2,)),), nodes, outputs, dtype="float32")


POOLED = (
    MaxPool("r as image", "p", POINT),
    Reorder("p", "q", None, (4,)),
    Dense("q", "z", Matrix.from_rows([{0: ONE, 3: ONE}], 4), (ZERO,)),
)


@pytest.mark.parametrize("network", [placed(), placed(*POOLED, outputs=("y", "z"))], ids=["alone", "with a pool"])
def test_copies_of_elements_that_are_read_as_images(network):
    result = reduce(network)
    (copied,) = [report for report in result.layers if report.copies]
    assert (copied.name, copied.after, result.quotient.units("h")) == ("h", 3, 2)
    assert difference(network, result.reduced) is None
