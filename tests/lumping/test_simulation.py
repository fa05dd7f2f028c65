# SPDX-License-Identifier: Apache-2.0
"""This file is about the witness: what `find_flaw` accepts is true, and composing keeps truth.

The attacks change one thing in a correct triple (N, Q, simulation).  Whatever is accepted afterwards must
hold at every point tried: each row, read as an equation between values of N and of Q, and the outputs.
"""

import random
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exactlump.lumping.flaws import find_flaw
from exactlump.lumping.maximum import maximum_lumping
from exactlump.lumping.simulations import FREE, NULL, Affine, Free, Relation, Same, compose, entry
from exactlump.network.activations import ABS, IDENTITY, RELU, Activation, leaky_relu
from exactlump.network.kinds import Activate, Dense, Head, MaxPool
from exactlump.network.program import Network
from exactlump.network.views import Port
from exactlump.numbers.matrix import Matrix
from exactlump.numbers.rational import ONE, ZERO, rational
from exactlump.reduction.loop import exact_quotient, reduce
from exactlump.reduction.quotient import quotient
from tests.oracle import difference, exact, points_at_kinks, random_points, valuation
from tests.strategies import lumpable_networks, networks, relu_chain
from tests.tools import drop_unobservable

TWINS = relu_chain(([[1, 2], [2, 4], [0, 0]], [3, 6, 0]), ([[1, 1, 1]], [0]))


def with_identities(network, simulation):
    """What a certificate leaves out: activations and heads of a written network have the identity if nothing else."""
    named = [node.target for node in network.nodes if isinstance(node, Activate | MaxPool | Head)]
    identities = {t: Relation(t, tuple(entry(v, ONE) for v in range(network.units(t)))) for t in named}
    return {**identities, **simulation}


def false_row(network, other, simulation, seed=0, count=6):
    """A row that some point refutes, or a point at which the outputs differ; None when there is none."""
    rng = random.Random(seed)
    points = [*random_points(network, count, rng), *points_at_kinks(network, 2, rng)]
    for point in points:
        ours, theirs = valuation(network, point), valuation(other, point)
        if [ours[t] for t in network.outputs] != [theirs[t] for t in other.outputs]:
            return point
        for tensor, relation in simulation.items():
            for v, row in enumerate(relation.rows):
                if not _holds(row, ours[tensor], v, theirs.get(relation.over, [])):
                    return tensor, v, point
    return None


def _holds(row, ours, v, theirs):
    if isinstance(row, Free):
        return True
    if isinstance(row, Same):
        return ours[v] == exact(row.factor) * ours[row.unit]
    return ours[v] == sum((exact(c) * theirs[k] for k, c in row.terms), exact(row.plus))


@given(lumpable_networks())
@settings(max_examples=60)
def test_both_halves_of_a_reduction_have_no_flaw_and_their_rows_are_true(planted):
    result = reduce(planted.network)
    backward = with_identities(result.reduced, result.backward)
    assert find_flaw(result.original, result.quotient, result.forward) is None
    assert find_flaw(result.reduced, result.quotient, backward) is None
    assert false_row(result.original, result.quotient, result.forward) is None
    assert false_row(result.reduced, result.quotient, backward) is None


@given(networks())
@settings(max_examples=100)
def test_the_same_for_any_network(network):
    result = reduce(network)
    assert find_flaw(network, result.quotient, result.forward) is None
    assert false_row(network, result.quotient, result.forward) is None


@given(lumpable_networks())
@settings(max_examples=60)
def test_composing_keeps_what_is_right(planted):
    lumped = quotient(planted.network, maximum_lumping(planted.network, fold=True))
    trimmed = drop_unobservable(lumped.network)
    assert find_flaw(planted.network, lumped.network, lumped.simulation) is None
    assert find_flaw(lumped.network, trimmed.network, trimmed.simulation) is None
    assert find_flaw(planted.network, trimmed.network, compose(lumped.simulation, trimmed.simulation)) is None


# Attacks on rows.

NUMBERS = [rational(p, q) for p, q in [(1, 1), (2, 1), (-1, 1), (1, 2), (0, 1), (3, 1), (7, 5)]]


def mutated_row(row, rng, units):
    """Another row, in one of the ways that a liar would try."""
    k, c = rng.randrange(-1, units + 1), rng.choice(NUMBERS)
    rows = [
        NULL,
        FREE,
        entry(k, c),
        Affine((), c),
        Same(k, c),
        Affine(((0, c),), ONE),
        Affine(((0, ONE), (1, c)), ZERO),
    ]
    if row.single is not None:
        j, h = row.single
        rows += [entry(j, c * h), entry(j, -h), entry(k, h)] * 2
    if isinstance(row, Same):
        rows += [Same(row.unit, c * row.factor), Same(k, row.factor)] * 2
    return rng.choice(rows)


def mutated_simulation(network, simulation, rng):
    tensor = rng.choice(sorted(simulation))
    relation = simulation[tensor]
    v = rng.randrange(len(relation.rows))
    kind = rng.random()
    if kind < 0.1:
        over = rng.choice([None, "nowhere", network.inputs[0].name, *network.producer])
        return {**simulation, tensor: replace(relation, over=over)}
    if kind < 0.2:
        rows = relation.rows[:-1] if rng.random() < 0.5 else (*relation.rows, NULL)
        return {**simulation, tensor: replace(relation, rows=rows)}
    if kind < 0.25:
        return {t: r for t, r in simulation.items() if t != tensor}
    row = mutated_row(relation.rows[v], rng, len(relation.rows))
    return {**simulation, tensor: replace(relation, rows=(*relation.rows[:v], row, *relation.rows[v + 1 :]))}


@given(lumpable_networks(), st.randoms(use_true_random=False))
@settings(max_examples=150)
def test_what_is_accepted_after_a_row_was_changed_is_true(planted, rng):
    step = exact_quotient(planted.network)
    for _ in range(12):
        if not step.simulation:
            return
        simulation = mutated_simulation(planted.network, step.simulation, rng)
        if find_flaw(planted.network, step.network, simulation) is None:
            assert false_row(planted.network, step.network, simulation) is None


# Attacks on networks.


def mutated_network(network, rng):
    i = rng.randrange(len(network.nodes))
    node = network.nodes[i]
    c = rng.choice(NUMBERS)
    if isinstance(node, Dense):
        v, u = rng.randrange(len(node.bias)), rng.randrange(node.weight.shape[1])
        rows = [node.weight.row(w) for w in range(len(node.bias))]
        bias = list(node.bias)
        if rng.random() < 0.6:
            rows[v] = {**rows[v], u: c + rows[v].get(u, ZERO)}
        else:
            bias[v] += c
        node = replace(node, weight=Matrix.from_rows(rows, node.weight.shape[1]), bias=tuple(bias))
    elif isinstance(node, Activate):
        functions = list(node.functions)
        functions[rng.randrange(len(functions))] = rng.choice([RELU, IDENTITY, ABS, leaky_relu(c), Activation("tanh")])
        node = replace(node, functions=tuple(functions))
    return replace(network, nodes=(*network.nodes[:i], node, *network.nodes[i + 1 :]))


@given(lumpable_networks(), st.randoms(use_true_random=False))
@settings(max_examples=150)
def test_what_is_accepted_after_a_network_was_changed_is_true(planted, rng):
    step = exact_quotient(planted.network)
    for _ in range(12):
        ours, theirs = planted.network, step.network
        if rng.random() < 0.5:
            ours = mutated_network(ours, rng)
        else:
            theirs = mutated_network(theirs, rng)
        if find_flaw(ours, theirs, step.simulation) is None:
            assert false_row(ours, theirs, step.simulation) is None


def test_most_attacks_change_the_function_and_are_seen():
    """The attacks are no empty threat: on one network, counted."""
    network = relu_chain(
        ([[1, 2], [2, 4], [-1, 1], [0, 0]], [3, 6, 0, -1]),
        ([[1, 1, 0, 1], [2, 2, 0, 1], [0, 0, 1, 0]], [0, 0, 1]),
        ([[1, 2, -1]], [0]),
    )
    step, rng, seen = exact_quotient(network), random.Random(0), Counter()
    for _ in range(600):
        other = mutated_network(network, rng)
        accepted = find_flaw(other, step.network, step.simulation) is None
        seen[accepted, difference(other, step.network, count=4) is None] += 1
    assert seen[True, False] == 0
    assert seen[False, False] > 300
    assert seen[True, True] > 20


# The rules one by one, on relu(x + 2y + 3), its double, and a dead neuron.


def small(*rows, over="h1", **others):
    return {"h1": Relation(over, rows), **others}


def quotient_of_twins():
    return relu_chain(([[1, 2]], [3]), ([[3]], [0]))


def test_a_right_simulation():
    assert find_flaw(TWINS, quotient_of_twins(), small(entry(0, ONE), entry(0, rational(2)), NULL)) is None


@pytest.mark.parametrize(
    ("simulation", "words"),
    [
        ({}, "no relation"),
        (small(entry(0, ONE), entry(0, rational(2))), "2 rows, expected 3"),
        (small(entry(0, ONE), entry(0, rational(2)), NULL, NULL), "4 rows, expected 3"),
        (small(entry(0, ONE), entry(0, rational(3)), NULL), "not 3 times"),
        (small(entry(0, ONE), entry(0, rational(-2)), NULL), "not -2 times"),
        (small(entry(0, ONE), entry(0, ZERO), NULL), "not 0 times"),
        (small(entry(0, ONE), entry(1, rational(2)), NULL), "no class 1"),
        (small(entry(0, ONE), entry(-1, rational(2)), NULL), "no class -1"),
        (small(entry(0, ONE), NULL, NULL), "not a constant"),
        (small(entry(0, ONE), entry(0, rational(2)), Affine((), ONE)), "another constant"),
        (small(entry(0, ONE), Affine(((0, rational(2)),), ONE), NULL), "a sum of classes under relu"),
        (small(entry(0, ONE), Affine(((0, ONE), (1, ONE)), ZERO), NULL), "no class 1"),
        (small(entry(0, ONE), Same(0, rational(2)), NULL), "not free"),
        (small(entry(0, ONE), Same(1, ONE), NULL), "not free"),
        (small(entry(0, ONE), Same(7, ONE), NULL), "not free"),
        (small(entry(0, ONE), Same(-1, ONE), FREE), "not free"),
        (small(FREE, Same(0, rational(3)), NULL), "not 3 times"),
        (small(FREE, Same(0, rational(2)), NULL), "differs"),
        (small(entry(0, ONE), FREE, NULL), "differs"),
        (small(entry(0, ONE), entry(0, rational(2)), NULL, over="nowhere"), "no class"),
        (small(entry(0, ONE), entry(0, rational(2)), NULL, over=None), "no class"),
        (small(entry(0, ONE), entry(0, rational(2)), NULL, over="x"), "no class"),
        (small(entry(0, ONE), entry(0, rational(2)), NULL, over="d1"), "function"),
        (small(entry(0, ONE), entry(0, rational(2)), NULL, h9=Relation(None, ())), "no node"),
    ],
)
def test_a_wrong_simulation(simulation, words):
    assert words in find_flaw(TWINS, quotient_of_twins(), simulation)


def test_networks_of_other_inputs_or_outputs_are_no_quotients():
    rows = small(entry(0, ONE), entry(0, rational(2)), NULL)
    one_input = relu_chain(([[1]], [3]), ([[3]], [0]))
    two_outputs = relu_chain(([[1, 2]], [3]), ([[3], [3]], [0, 0]))
    for other in (one_input, two_outputs):
        assert "inputs and outputs" in find_flaw(TWINS, other, rows)


def test_free_units_may_cancel_above():
    """ReLU(x) - ReLU(2x)/2: both are anything, the second twice the first."""
    network = relu_chain(([[1], [2]], [0, 0]), ([["1", "-1/2"]], [5]))
    constant = Network(network.inputs, (Dense("x", "d2", Matrix.from_rows([{}], 1), (rational(5),)),), ("d2",))
    assert find_flaw(network, constant, {"h1": Relation(None, (FREE, Same(0, rational(2))))}) is None
    assert "differs" in find_flaw(network, constant, {"h1": Relation(None, (FREE, FREE))})


def headed(units, kind="softmax"):
    rows = [{0: rational(v)} for v in range(units)]
    dense = Dense("x", "d", Matrix.from_rows(rows, 1), (ZERO,) * units)
    return Network((Port("x", (1,)),), (dense, Head("d", "s", kind)), ("s",))


def test_a_head_is_the_same_head_on_the_same_forms():
    identity = {"s": Relation("s", (entry(0, ONE), entry(1, ONE)))}
    assert find_flaw(headed(2), headed(2), identity) is None
    assert "same head" in find_flaw(headed(2), headed(2, "log_softmax"), identity)
    assert "same head" in find_flaw(headed(2), headed(2), {"s": Relation("s", (entry(1, ONE), entry(0, ONE)))})
    assert "same head" in find_flaw(headed(2), headed(2), {"s": Relation("s", (entry(0, ONE), FREE))})
    assert "no relation" in find_flaw(headed(2), headed(2), {})


def test_a_head_over_more_units_is_another_head():
    """The first two of three logits agree, but softmax divides by the sum over all."""
    pick = Matrix.from_rows([{0: ONE, 1: ONE}], 2)
    two, three = headed(2), headed(3)
    two = replace(two, nodes=(*two.nodes, Dense("s", "o", pick, (ZERO,))), outputs=("o",))
    wide = Matrix.from_rows([{0: ONE, 1: ONE}], 3)
    three = replace(three, nodes=(*three.nodes, Dense("s", "o", wide, (ZERO,))), outputs=("o",))
    assert "same head" in find_flaw(two, three, {"s": Relation("s", (entry(0, ONE), entry(1, ONE)))})


def test_antiparallel_neurons_share_a_class_only_where_the_activation_is_signed():
    for function, h in [(ABS, ONE), (IDENTITY, -ONE)]:
        network = relu_chain(([[1], [-1]], [1, -1]), ([[1, 3]], [0]), functions=[function])
        small = relu_chain(([[1]], [1]), ([[1 + 3 * h]], [0]), functions=[function])
        assert find_flaw(network, small, {"h1": Relation("h1", (entry(0, ONE), entry(0, h)))}) is None
        assert find_flaw(network, small, {"h1": Relation("h1", (entry(0, ONE), entry(0, -h)))}) is not None
    network = relu_chain(([[1], [-1]], [1, -1]), ([[1, 3]], [0]))
    small = relu_chain(([[1]], [1]), ([[-2]], [0]))
    assert find_flaw(network, small, {"h1": Relation("h1", (entry(0, ONE), entry(0, -ONE)))}) is not None
