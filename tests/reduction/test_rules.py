# SPDX-License-Identifier: Apache-2.0
"""This file is about the rules as a list: each round is a step that holds by itself; one more rule is one entry."""

from dataclasses import replace

import pytest
from hypothesis import given, settings

from exactlump.lumping.flaws import find_flaw
from exactlump.lumping.simulations import Relation, entry
from exactlump.network.activations import RELU
from exactlump.network.kinds import Activate, Dense
from exactlump.network.layers import anchors
from exactlump.network.program import Network
from exactlump.network.views import Port
from exactlump.numbers.matrix import Matrix
from exactlump.numbers.rational import ONE, ZERO
from exactlump.reduction import loop, reports, rules
from exactlump.reduction.gathering import Left
from exactlump.reduction.loop import exact_quotient, reduce
from exactlump.reduction.plans import Plan
from exactlump.reduction.quotient import Step
from exactlump.reduction.rules import RULES, Rule, State, settled
from exactlump.reduction.survivors import Chosen, Survivors
from tests.oracle import difference
from tests.strategies import lumpable_networks, networks, relu_chain
from tests.tools import same


def rounds(state):
    """The rounds of a state, the last one first."""
    while state is not None:
        yield state
        state = state.before


@settings(max_examples=60)
@given(networks(depth=4))
def test_every_round_is_a_step_and_they_compose(network):
    state = settled(State(Plan("exact"), network), RULES)
    for one in rounds(state):
        assert find_flaw(one.start, one.network, one.step.simulation) is None
        assert one.before is None or one.start is one.before.network
    assert state.first.start is network
    assert find_flaw(network, state.network, state.whole.simulation) is None


def dense(source, target, *rows):
    weights = [{u: ONE * w for u, w in enumerate(row)} for row in rows]
    return Dense(source, target, Matrix.from_rows(weights, len(rows[0])), (ZERO,) * len(rows))


def test_a_round_begins_where_a_branch_has_gone():
    """Two weights that read d cancel when its twins are merged; what is left of the branch goes, and d is fused."""
    branch = (dense("d", "e", [1, -1]), Activate("e", "h", (RELU,)), dense("h", "z", [1]))
    nodes = (dense("x", "d", [1], [1]), dense("d", "y", [1, 1]), *branch)
    state = settled(State(Plan("exact"), Network((Port("x", (1,)),), nodes, ("y", "z"))), RULES)
    last, first = rounds(state)
    assert (last.network.neurons, first.network.neurons) == (0, 1)
    assert (last.all_derived, first.derived) == ({"d"}, set())
    assert set(state.whole.simulation) <= set(first.step.simulation)


@settings(max_examples=40)
@given(lumpable_networks())
def test_nothing_is_found_where_the_rules_have_ended(planted):
    state = settled(State(Plan("exact"), planted.network), RULES)
    assert [rule.name for rule in RULES if rule.find(state) is not None] == []


# One more rule: the neurons of hidden layers in the order of their biases.


def unsorted(state):
    """The first hidden layer of the network at hand whose biases do not descend, with their order."""
    network = state.network
    for tensor, why in anchors(network).items():
        node = network.producer.get(tensor)
        if why is None and isinstance(node, Activate) and isinstance(network.producer[node.source], Dense):
            bias = network.producer[node.source].bias
            order = sorted(range(len(bias)), key=lambda v: (-bias[v], v))
            if order != list(range(len(bias))):
                return tensor, order
    return None


def sort(state, found, swap=False):
    """The state after one layer is sorted; `swap`: with two rows of the simulation in each other's place."""
    network, (tensor, order) = state.network, found
    anchored = anchors(network)
    places = {t: list(range(network.units(t))) for t in anchored} | {tensor: order}
    left = {t: Left({k: p for p, k in enumerate(units)}, len(units)) for t, units in places.items()}
    survivors = Survivors(network, anchored, left, anchored.keys())
    for t in anchored:
        if t in network.producer:
            survivors.write(t, _sorted(network, t, anchored, places))
    made = replace(network, nodes=survivors.nodes)
    rows = {t: [entry(left[t].places[v], ONE) for v in range(network.units(t))] for t in anchored}
    if swap:
        rows[tensor][0], rows[tensor][1] = rows[tensor][1], rows[tensor][0]
    simulation = {t: Relation(t, tuple(row)) for t, row in rows.items() if t in network.producer}
    return state.then(Step(made, simulation))


def _sorted(network, tensor, anchored, places):
    node = network.producer[tensor]
    dense = network.producer[node.source] if isinstance(node, Activate) else node
    units = places[tensor] if anchored[tensor] is None else None
    at = {k: p for p, k in enumerate(places[dense.source])}
    of = range(len(dense.bias)) if units is None else units
    weights = [{(at[u], 0): w for u, w in dense.weight.row(v).items()} for v in of]
    return Chosen(units, weights=weights, bias=tuple(dense.bias[v] for v in of))


SORT = Rule("sort", unsorted, sort, lambda outcome, tensor: "sorted")
CHAIN = relu_chain(
    ([[1, 2], [2, 4], [-1, 1], [5, 0]], [3, 6, 4, 9]),
    ([[1, 1, 0, 1], [2, 2, 0, 1], [0, 0, 1, 0]], [0, 7, 1]),
    ([[1, 2, -1]], [0]),
)


def test_a_rule_is_added_by_one_entry(monkeypatch):
    plain = reduce(CHAIN)
    for module in (rules, loop, reports):
        monkeypatch.setattr(module, "RULES", (*RULES[:2], SORT, *RULES[2:]))
    result = reduce(CHAIN)
    dense = [node for node in result.quotient.nodes if isinstance(node, Dense)]
    assert [list(node.bias) == sorted(node.bias, reverse=True) for node in dense[:2]] == [True, True]
    assert not same(result.quotient, plain.quotient)
    assert result.reduced.neurons == plain.reduced.neurons < CHAIN.neurons
    assert find_flaw(CHAIN, result.quotient, result.forward) is None
    assert difference(CHAIN, result.reduced) is None
    assert all(report.why_not_more.endswith("sorted") for report in result.layers)


def test_a_rule_whose_simulation_is_wrong_is_seen(monkeypatch):
    wrong = SORT._replace(apply=lambda state, found: sort(state, found, swap=True))
    monkeypatch.setattr(loop, "RULES", (*RULES[:2], wrong))
    step = exact_quotient(CHAIN)
    assert "not 1 times its class" in find_flaw(CHAIN, step.network, step.simulation)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_has_words_for_every_layer(rule):
    found = loop._best(CHAIN, "exact", Plan("exact"))
    words = [rule.why_not(found, tensor) for tensor in ("h1", "h2")]
    assert all(isinstance(word, str) for word in words)
    assert (rule.name == "lump") == all("observable" in word for word in words)
