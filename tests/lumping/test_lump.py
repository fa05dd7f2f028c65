# SPDX-License-Identifier: Apache-2.0
"""This file is about lumpings: the decision agrees with the definition's text, and the maximum is one."""

import random
from fractions import Fraction
from itertools import pairwise, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exactlump.errors import NotALumping
from exactlump.lumping.definition import is_lumping
from exactlump.lumping.maximum import maximum_lumping
from exactlump.network.activations import ABS, IDENTITY, RELU, Activation, leaky_relu
from exactlump.network.kinds import Dense
from exactlump.numbers.rational import ONE, ZERO, rational
from tests.oracle import class_vectors, exact, obeys_definition_6, partitions
from tests.strategies import lumpable_networks, networks, relu_chain

WEIGHTS = st.sampled_from([0, 0, 1, -1, 2])


@st.composite
def tiny_chains(draw, width=4, layers=2):
    """ReLU chains with 1 or 2 inputs, two hidden layers of at most `width` neurons, and one output."""
    sizes = [draw(st.integers(1, 2)), *(draw(st.integers(1, width)) for _ in range(layers)), 1]
    return relu_chain(
        *(
            ([[draw(WEIGHTS) for _ in range(m)] for _ in range(n)], [draw(WEIGHTS) for _ in range(n)])
            for m, n in pairwise(sizes)
        )
    )


def as_partition(network, lumping, tensor):
    """The classes of a lumping with every constant neuron in a class of its own."""
    return lumping.classes[tensor] + tuple((v,) for v in lumping.constants[tensor])


def of_layers(network, lumping, layers):
    tensors = [f"h{number}" for number in layers]
    return {t: as_partition(network, lumping, t) for t in tensors}, {t: lumping.rho[t] for t in tensors}


@given(lumpable_networks())
@settings(max_examples=150)
def test_the_maximum_is_a_lumping(planted):
    network = planted.network
    lumping = maximum_lumping(network)
    classes = {t: as_partition(network, lumping, t) for t in lumping.classes}
    assert is_lumping(network, classes, lumping.rho)


@given(networks())
def test_the_maximum_is_a_lumping_of_any_network(network):
    lumping = maximum_lumping(network)
    classes = {t: as_partition(network, lumping, t) for t in lumping.classes}
    assert is_lumping(network, classes, lumping.rho)


@given(tiny_chains(), st.randoms(use_true_random=False), st.booleans())
@settings(max_examples=300)
def test_the_decision_is_that_of_the_text(network, rng, literal):
    """Random relations, half of them near the maximum, so that both answers occur."""
    lumping = maximum_lumping(network)
    relation, factors = {}, {}
    for number in (1, 2):
        units = network.units(f"h{number}")
        relation[number] = rng.choice(list(partitions(range(units))))
        factors[number] = [rng.choice([1, 1, 2, Fraction(1, 2)]) for _ in range(units)]
        if rng.random() < 0.6:
            classes, rho = of_layers(network, lumping, [number])
            relation[number] = [list(members) for members in classes[f"h{number}"]]
            factors[number] = [exact(r) for r in rho[f"h{number}"]]
    found = is_lumping(
        network,
        {f"h{n}": tuple(map(tuple, relation[n])) for n in relation},
        {f"h{n}": tuple(rational(f.numerator, f.denominator) for f in factors[n]) for n in factors},
        literal=literal,
    )
    assert found == obeys_definition_6(network, relation, factors, literal=literal)


def test_the_text_says_yes_and_no():
    """The random relations above are not all of one kind."""
    rng, seen = random.Random(1), set()
    for _ in range(300):
        network = relu_chain(
            ([[1], [2]], [0, 0]),
            ([[rng.choice([0, 1, 2]) for _ in range(2)] for _ in range(2)], [1, 1]),
            ([[1, 1]], [0]),
        )
        relation = {1: [[0, 1]], 2: [[0, 1]]}
        factors = {1: [Fraction(2), Fraction(1)], 2: [Fraction(1)] * 2}
        seen.add(tuple(obeys_definition_6(network, relation, factors, literal=x) for x in (False, True)))
    assert seen == set(product([False, True], repeat=2))


# Theorem 2: the maximum is coarser than every lumping, for all partitions with all feasible factors.


def feasible(network):
    """Every relation of a chain with two hidden layers that some rho makes a lumping, with that rho.

    rho is unique up to one factor a live class (and free on dead ones), and such a factor changes nothing
    above: so one rho for each pair of partitions decides.
    """
    for first in partitions(range(network.units("h1"))):
        rho_1 = factors_of(network, 1, first, {}, {})
        if rho_1 is None:
            continue
        for second in partitions(range(network.units("h2"))):
            rho_2 = factors_of(network, 2, second, {1: first}, {1: rho_1})
            if rho_2 is not None:
                yield {1: first, 2: second}, {1: rho_1, 2: rho_2}


def factors_of(network, number, partition, relation, rho):
    """rho that makes each class proportional, or None."""
    vectors = class_vectors(network, relation, rho, literal=False)[number - 1]
    factors = [Fraction(1)] * len(vectors)
    for members in partition:
        first = vectors[members[0]]
        for v in members:
            ratios = {Fraction(a, b) if b else None for a, b in zip(first, vectors[v], strict=True) if a or b}
            if len(ratios) > 1 or any(ratio is None or ratio <= 0 for ratio in ratios):
                return None
            factors[v] = ratios.pop() if ratios else Fraction(1)
    return factors


@given(tiny_chains(width=4))
@settings(max_examples=150)
def test_theorem_2_the_maximum_is_coarser_than_every_lumping(network):
    lumping = maximum_lumping(network)
    count = 0
    for relation, rho in feasible(network):
        count += 1
        assert is_lumping(
            network,
            {f"h{n}": tuple(map(tuple, relation[n])) for n in relation},
            {f"h{n}": tuple(rational(f.numerator, f.denominator) for f in rho[n]) for n in rho},
        )
        for number, partition in relation.items():
            dead = set(lumping.constants[f"h{number}"])
            for members in partition:
                within = any(set(members) <= set(others) for others in lumping.classes[f"h{number}"])
                assert within or set(members) <= dead
    assert count >= 1


def test_e4_no_maximum_when_dead_classes_count_and_one_when_they_do_not():
    """z1 = z2 = 0, v = z1 + 1, t = z2 + 1, s = 2 z1 + 1: see docs/erratum.md."""
    network = relu_chain(([[0], [0]], [0, 0]), ([[1, 0], [0, 1], [2, 0]], [1, 1, 1]), ([[1, 1, 1]], [0]))
    one = {"h1": ((0, 1),), "h2": ((0, 1, 2),)}
    for p in (ONE, rational(2), rational(1, 2), rational(3, 7)):
        assert is_lumping(network, one, {"h1": (ONE, p), "h2": (ONE,) * 3})
    lumping = maximum_lumping(network)
    assert lumping.constants["h1"] == {0: 0, 1: 0}
    assert lumping.classes["h2"] == ((0, 1, 2),)


def counting_dead(sums, p):
    """Which of v, t, s agree when the dead class {z1, z2} enters the weighted sums, with p = rho(z2)/rho(z1)."""
    values = {"v": (Fraction(1), 1), "t": (1 / p, 1), "s": (Fraction(2), 1)}
    return {a + b for a, b in ("vt", "ts", "vs") if values[a] == values[b]}


def test_e4_dead_classes_make_two_incomparable_maxima():
    agreeing = [counting_dead(None, Fraction(p)) for p in (1, Fraction(1, 2), 2)]
    assert agreeing == [{"vt"}, {"ts"}, set()]


def test_e3_outputs_may_not_merge_but_as_printed_they_may():
    network = relu_chain(([[1], [2]], [0, 0]))
    classes, rho = {"d1": ((0, 1),)}, {"d1": (rational(2), ONE)}
    assert is_lumping(network, classes, rho, literal=True)
    assert not is_lumping(network, classes, rho)
    assert maximum_lumping(network).classes["d1"] == ((0,), (1,))


@pytest.mark.parametrize(
    ("network", "equal"),
    [
        # v = a + k with k = 1, t = a + 1
        (relu_chain(([[1], [0]], [0, 1]), ([[1, 1], [1, 0]], [0, 1]), ([[1, 1]], [0])), True),
        # relu(-a - b) = 0 for a, b >= 0
        (relu_chain(([[1, 0], [0, 1]], [0, 0]), ([[-1, -1], [0, 0]], [0, 0]), ([[1, 1]], [0])), False),
        # a - b + 1 = x + 1 = c - d
        (
            relu_chain(
                ([[1], [-1], [1], [-1]], [0, 0, 1, -1]), ([[1, -1, 0, 0], [0, 0, 1, -1]], [1, 0]), ([[1, 1]], [0])
            ),
            False,
        ),
    ],
    ids=["constants", "sign-dead", "linear combinations"],
)
def test_e12_equal_functions_that_rows_do_not_show(network, equal):
    """Without folding none of the three is found; folding constants (T4) finds the first."""
    plain, folded = (maximum_lumping(network, fold=fold).classes["h2"] for fold in (False, True))
    assert all(len(members) == 1 for members in plain)
    assert any(len(members) > 1 for members in folded) == equal


# Activations other than ReLU.


@pytest.mark.parametrize("function", [IDENTITY, ABS])
def test_signed_activations_allow_negative_ratios(function):
    network = relu_chain(([[1], [-2]], [1, -2]), ([[1, 1]], [0]), functions=[function])
    lumping = maximum_lumping(network)
    assert lumping.classes["h1"] == ((0, 1),)
    assert is_lumping(network, {"h1": ((0, 1),)}, {"h1": lumping.rho["h1"]})
    assert not is_lumping(network, {"h1": ((0, 1),)}, {"h1": (ONE, ONE)})
    assert maximum_lumping(relu_chain(([[1], [-2]], [1, -2]), ([[1, 1]], [0]))).classes["h1"] == ((0,), (1,))


def test_sigmoids_are_equal_or_nothing():
    sigmoid = Activation("sigmoid")
    network = relu_chain(([[1], [2], [1]], [1, 2, 1]), ([[1, 1, 1]], [0]), functions=[sigmoid])
    assert maximum_lumping(network).classes["h1"] == ((0, 2), (1,))
    proportional = {"h1": ((0, 1), (2,))}, {"h1": (rational(2), ONE, ONE)}
    assert not is_lumping(network, *proportional)


def test_a_sigmoid_of_zero_is_not_dead():
    """Both z are 1/2 at every input: v = z1 + 1 and t = 2 z2 + 1 are different."""
    sigmoid = Activation("sigmoid")
    network = relu_chain(([[0], [0]], [0, 0]), ([[1, 0], [0, 2]], [1, 1]), ([[1, 1]], [0]), functions=[sigmoid, RELU])
    classes = {"h1": ((0, 1),), "h2": ((0, 1),)}
    assert not is_lumping(network, classes, {"h1": (ONE, ONE), "h2": (ONE, ONE)})
    assert maximum_lumping(network, fold=True).constants["h1"] == {0: rational(1, 2), 1: rational(1, 2)}


def test_other_slopes_are_other_activations():
    network = relu_chain(([[1], [1]], [0, 0]), ([[1, 1]], [0]))
    dense, activate, output = network.nodes
    activate = type(activate)(activate.source, activate.target, (RELU, leaky_relu(rational(1, 4))))
    network = type(network)(network.inputs, (dense, activate, output), network.outputs)
    assert maximum_lumping(network).classes["h1"] == ((0,), (1,))
    assert not is_lumping(network, {"h1": ((0, 1),)}, {"h1": (ONE, ONE)})
    assert not is_lumping(network, {"h1": ((0, 1),)}, {"h1": (ONE, ONE)}, literal=True)


# What is no relation at all.

PAIR = relu_chain(([[1], [2]], [0, 0]), ([[1, 1]], [0]))


@pytest.mark.parametrize(
    ("classes", "rho"),
    [
        ({"h9": ((0, 1),)}, {"h9": (ONE, ONE)}),
        ({"d1": ((0, 1),)}, {"d1": (ONE, ONE)}),
        ({"h1": ((0,),)}, {"h1": (ONE, ONE)}),
        ({"h1": ((0, 1), (1,))}, {"h1": (ONE, ONE)}),
        ({"h1": ((0, 2),)}, {"h1": (ONE, ONE)}),
        ({"h1": ((0, 1),)}, {}),
        ({"h1": ((0, 1),)}, {"h1": (ONE,)}),
        ({"h1": ((0, 1),)}, {"h1": (ONE, ZERO)}),
        ({"h1": ((0, 1),)}, {"h1": (ONE, -ONE)}),
    ],
)
def test_no_relation(classes, rho):
    with pytest.raises(NotALumping):
        is_lumping(PAIR, classes, rho)


def test_inputs_do_not_merge():
    network = relu_chain(([[1, 1]], [0]), ([[1]], [0]))
    assert isinstance(network.nodes[0], Dense)
    assert not is_lumping(network, {"x": ((0, 1),)}, {"x": (ONE, ONE)})
    assert not is_lumping(network, {"x": ((0, 1),)}, {"x": (ONE, ONE)}, literal=True)
