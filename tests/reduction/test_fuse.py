# SPDX-License-Identifier: Apache-2.0
"""This file is about trimming: what no output depends on goes, and affine pairs are fused when that costs no weight."""

import pytest
from hypothesis import given, settings

from exactlump.lumping.flaws import find_flaw
from exactlump.lumping.maximum import Choices, maximum_lumping
from exactlump.lumping.simulations import FREE, Same, entry
from exactlump.network.activations import RELU
from exactlump.network.kinds import Activate, Dense, Head
from exactlump.network.program import Network
from exactlump.network.views import Port
from exactlump.numbers.matrix import Matrix
from exactlump.numbers.rational import ONE, rational
from exactlump.reduction.fusion import fusible
from exactlump.reduction.loop import exact_quotient
from exactlump.reduction.quotient import quotient
from tests.oracle import difference
from tests.strategies import lumpable_networks, networks, relu_chain
from tests.tools import drop_unobservable


def lumped(network):
    return quotient(network, maximum_lumping(network, fold=True))


def dense(source, target, rows, bias=None):
    matrix = Matrix.from_rows([{u: rational(w) for u, w in enumerate(row)} for row in rows], len(rows[0]))
    return Dense(source, target, matrix, tuple(rational(b) for b in bias or [0] * len(rows)))


@given(lumpable_networks() | networks().map(lambda network: lumped(network)))
@settings(max_examples=100)
def test_nothing_observable_goes(given_network):
    network = given_network.network
    step = drop_unobservable(lumped(network).network)
    assert find_flaw(lumped(network).network, step.network, step.simulation) is None
    assert difference(network, step.network, count=4) is None


@given(lumpable_networks())
@settings(max_examples=60)
def test_dropping_again_drops_nothing(planted):
    once = drop_unobservable(lumped(planted.network).network).network
    again = drop_unobservable(once)
    assert again.network.shapes == once.shapes
    assert all(relation.is_identity for relation in again.simulation.values())


def test_a_zero_column_is_unobservable_and_so_is_what_only_it_reads():
    network = relu_chain(([[1], [2]], [0, 1]), ([[1, 0], [1, 5]], [1, 1]), ([[1, 0]], [0]))
    step = drop_unobservable(network)
    assert step.simulation["h2"].rows == (entry(0, ONE), FREE)
    assert step.simulation["h1"].rows == (entry(0, ONE), FREE)
    assert step.network.neurons == 2


def test_a_class_that_cancels_above_is_unobservable():
    """ReLU(x) - ReLU(2x)/2 + ReLU(x + 1): the least member is free, the other twice it."""
    network = relu_chain(([[1], [2], [1]], [0, 0, 1]), ([["1", "-1/2", "1"]], [0]))
    step = exact_quotient(network)
    assert step.simulation["h1"].rows == (FREE, Same(0, rational(2)), entry(0, ONE))
    assert step.network.neurons == 1
    assert find_flaw(network, step.network, step.simulation) is None


def test_when_nothing_is_observed_the_output_reads_zeros_from_the_input():
    network = relu_chain(([[1], [2]], [0, 0]), ([["1", "-1/2"]], [3]))
    (node,) = exact_quotient(network).network.nodes
    assert (node.source, node.weight.nonzeros, node.bias) == ("x", 0, (rational(3),))


def test_outputs_and_heads_are_observed_and_branches_that_lead_nowhere_are_not():
    nodes = (
        dense("x", "d", [[1], [2]]),
        Activate("d", "h", (RELU,) * 2),
        dense("h", "e", [[0, 1]]),
        dense("x", "f", [[1], [2]]),
        Head("f", "s", "softmax"),
        dense("x", "g", [[1]]),
    )
    network = Network((Port("x", (1,)),), nodes, ("e",))
    step = drop_unobservable(network)
    assert list(step.network.producer) == ["d", "h", "e", "f", "s"]
    assert [step.network.units(t) for t in ("h", "f")] == [1, 2]
    assert step.simulation["g"].rows == (FREE,)


# Fusion.


def linear_pair(hidden, inputs=1, outputs=1):
    """Dense layers inputs -> hidden -> outputs without activation, all weights 1 but for the first row."""
    rows = [[v + 1] * inputs for v in range(hidden)]
    return Network(
        (Port("x", (inputs,)),),
        (dense("x", "d", rows, range(hidden)), dense("d", "y", [[1] * hidden] * outputs)),
        ("y",),
    )


def test_a_pair_is_fused_when_the_product_has_no_more_weights():
    network = linear_pair(3, inputs=2)
    step = lumped(network)
    assert fusible(network, step.network, step.simulation) == ("d", ())
    assert fusible(network, step.network, step.simulation, never={"d"}) == (None, ())
    found = exact_quotient(network)
    assert found.network.neurons == 0
    assert "d" not in found.simulation
    assert find_flaw(network, found.network, found.simulation) is None


def test_a_bottleneck_is_not_fused():
    network = linear_pair(1, inputs=5, outputs=5)
    step = lumped(network)
    assert fusible(network, step.network, step.simulation) == (None, ())


def test_biases_do_not_count_and_equality_suffices():
    """1 + 1 weights become 1: fused; 2 + 2 become 4: fused; 3 + 3 become 9: not."""
    assert [exact_quotient(linear_pair(1, n, n)).network.neurons for n in (1, 2, 3)] == [0, 0, 1]


def test_a_pair_is_declined_when_expanding_the_original_costs_too_much():
    """20 parallel rows of 16 weights are one unit of Q, but in N they are 20 x 100 products of 16 terms."""
    rows = [[v + 1] * 16 for v in range(20)]
    above = [[0] * 20 for _ in range(300)]
    for i, row in enumerate(above):
        row[i % 20], row[(i + 1) % 20] = 1, 1
    zero = [v + 1 for v in range(20)]
    above = [[zero[1], -zero[0]] + [0] * 18 if i else [1] * 20 for i in range(300)]
    network = Network((Port("x", (16,)),), (dense("x", "d", rows), dense("d", "y", above)), ("y",))
    step = lumped(network)
    assert step.network.units("d") == 1
    cost, limit = 16 * (20 + 2 * 299), 4 * network.nonzeros
    assert cost > limit
    assert fusible(network, step.network, step.simulation) == (None, ("d",))


def test_only_linear_layers_with_one_reader_are_fused():
    x = (Port("x", (1,)),)
    relu = relu_chain(([[1]], [1]), ([[1]], [0]))
    branches = Network(x, (dense("x", "d", [[1]]), dense("d", "y", [[1]]), dense("d", "z", [[1]])), ("y", "z"))
    output = Network(x, (dense("x", "d", [[1]]), dense("d", "y", [[1]])), ("d", "y"))
    for network in (relu, branches, output):
        step = lumped(network)
        assert fusible(network, step.network, step.simulation)[0] is None


@pytest.mark.parametrize("depth", [2, 3, 5])
def test_a_tower_of_linear_layers_becomes_one_map(depth):
    nodes = [dense("x", "d0", [[1, 2], [3, 4]], [1, 2])]
    nodes += [dense(f"d{i}", f"d{i + 1}", [[1, 1], [0, 1]], [i, 1]) for i in range(depth)]
    network = Network((Port("x", (2,)),), tuple(nodes), (f"d{depth}",))
    step = exact_quotient(network)
    assert len(step.network.nodes) == 1
    assert find_flaw(network, step.network, step.simulation) is None
    assert difference(network, step.network) is None


def test_classes_are_taken_again_after_a_fusion():
    """Rows x, y and x + y: only through the linear layer are ReLU(d0 + d1) and ReLU(2 d2) seen to be proportional."""
    nodes = (
        dense("x", "d", [[1, 0], [0, 1], [1, 1]]),
        dense("d", "e", [[1, 1, 0], [0, 0, 2]]),
        Activate("e", "h", (RELU,) * 2),
        dense("h", "y", [[1, 1]]),
    )
    network = Network((Port("x", (2,)),), nodes, ("y",))
    plain = maximum_lumping(network, fold=True)
    fused = maximum_lumping(network, fold=True, choices=Choices(derived=frozenset({"d"})))
    assert [m.classes["h"] for m in (plain, fused)] == [((0,), (1,)), ((0, 1),)]
    step = exact_quotient(network)
    assert step.network.neurons == 1
    assert find_flaw(network, step.network, step.simulation) is None
