# SPDX-License-Identifier: Apache-2.0
"""This file is about examples/microlump.py: the page for teaching agrees with the engine, and its checker says no."""

import itertools
import random
from fractions import Fraction

import pytest

import exactlump
from exactlump.reduction.quotient import first_member
from examples import microlump

SEEDS = range(60)
VALUES = [Fraction(v) for v in ("-2", "-1", "-1/2", "0", "0", "0", "1/3", "1", "2")]


def random_network(rng, widths):
    """Weights from a small set, so that classes and dead neurons occur; half of the neurons are scaled copies."""
    layers = []
    for columns, rows in itertools.pairwise(widths):
        weights, biases = [], []
        for v in range(rows):
            if v and rng.random() < 0.5:
                c, t = rng.choice([Fraction(1), Fraction(2), Fraction(1, 3)]), rng.randrange(v)
                weights.append([c * w for w in weights[t]])
                biases.append(c * biases[t])
            else:
                weights.append([rng.choice(VALUES) for _ in range(columns)])
                biases.append(rng.choice(VALUES))
        layers.append((weights, biases))
    return layers


def in_the_engine(network):
    """The same network as the engine has it."""
    nodes, source = [], "x"
    for i, (weights, biases) in enumerate(network):
        rows = [{u: exact(w) for u, w in enumerate(row)} for row in weights]
        matrix = exactlump.Matrix.from_rows(rows, len(weights[0]))
        nodes.append(exactlump.Dense(source, f"y{i}", matrix, tuple(map(exact, biases))))
        source = f"y{i}"
        if i < len(network) - 1:
            nodes.append(exactlump.Activate(source, f"h{i}", (exactlump.leaky_relu(exact(Fraction(0))),) * len(biases)))
            source = f"h{i}"
    return exactlump.Network((exactlump.Port("x", (len(network[0][0][0]),)),), tuple(nodes), (source,))


def exact(value):
    return exactlump.rational(value.numerator, value.denominator)


def engines_witness(network, lumping):
    """The lumping as rows (class, factor): rho of the class's first member, divided by rho."""
    witness = []
    for tensor, classes in lumping.classes.items():
        rho = lumping.rho[tensor]
        rows = [None] * network.units(tensor)
        for k, members in enumerate(classes):
            for v in members:
                rows[v] = (k, rho[members[0]] / rho[v])
        witness.append(rows)
    return witness


def cases():
    rng = random.Random(20221128)
    depths = [rng.randint(1, 3) for _ in SEEDS]
    return [random_network(rng, [rng.randint(1, 3), *(rng.randint(1, 5) for _ in range(d)), 2]) for d in depths]


@pytest.mark.parametrize("network", cases())
def test_witness_and_quotient_are_those_of_the_engine(network):
    ours = microlump.lump(network)
    engine = in_the_engine(network)
    lumping = exactlump.maximum_lumping(engine)
    theirs = engines_witness(engine, lumping)
    assert [[row and (row[0], exact(row[1])) for row in rows] for rows in ours] == theirs

    small = microlump.quotient(network, ours)
    if all(len(biases) for _, biases in small):
        assert in_the_engine(small).nodes == exactlump.quotient(engine, lumping, first_member).network.nodes


@pytest.mark.parametrize("network", cases())
def test_nothing_is_lost_and_the_checker_agrees(network):
    witness = microlump.lump(network)
    small = microlump.quotient(network, witness)
    assert microlump.check(network, small, witness)
    rng = random.Random(1)
    for _ in range(10):
        x = [Fraction(rng.randint(-20, 20), rng.randint(1, 5)) for _ in network[0][0][0]]
        assert microlump.evaluate(network, x) == microlump.evaluate(small, x)
        outputs = in_the_engine(network).evaluate(tuple(map(exact, x)))[0]
        assert tuple(map(exact, microlump.evaluate(network, x))) == outputs


def test_lumping_happens_at_all():
    def neurons(network):
        return sum(len(biases) for _, biases in network)

    smaller = [neurons(microlump.quotient(n, microlump.lump(n))) < neurons(n) for n in cases()]
    assert sum(smaller) > len(SEEDS) // 2


@pytest.mark.parametrize("network", cases()[:20])
def test_a_witness_that_is_changed_anywhere_is_refused(network):
    one = Fraction(1)
    witness = microlump.lump(network)
    small = microlump.quotient(network, witness)
    for layer, rows in enumerate(witness):
        for v, row in enumerate(rows):
            for wrong in (None, (0, Fraction(7)), (1, one), (99, one), (0, -one), (-1, one)):
                changed = [list(r) for r in witness]
                changed[layer][v] = wrong
                assert microlump.check(network, small, changed) == (wrong == row)


@pytest.mark.parametrize("network", cases()[:20])
def test_a_network_that_is_changed_anywhere_is_refused(network):
    witness = microlump.lump(network)
    small = microlump.quotient(network, witness)
    for layer, (weights, biases) in enumerate(small):
        for k in range(len(biases)):
            changed = [([list(row) for row in w], list(b)) for w, b in small]
            changed[layer][1][k] += 1
            assert not microlump.check(network, changed, witness)
            for u in range(len(weights[k])):
                changed = [([list(row) for row in w], list(b)) for w, b in small]
                changed[layer][0][k][u] += Fraction(1, 1000)
                assert not microlump.check(network, changed, witness)


@pytest.mark.parametrize(
    "witness",
    [
        [],
        [[(0, Fraction(1))]],
        [[(0, Fraction(1))], [(0, Fraction(1))], [(0, Fraction(1))]],
        [[(0, Fraction(2))], [(0, Fraction(1)), (0, Fraction(2))], [(0, Fraction(1))]],
        [[(0, Fraction(1))], [(0, Fraction(1)), (0, Fraction(2))], [(0, Fraction(2))]],
        [[(0, Fraction(1))], [(0, Fraction(1)), (0, Fraction(2)), (0, Fraction(1))], [(0, Fraction(1))]],
    ],
)
def test_a_witness_of_another_shape_is_refused(witness):
    one, two = Fraction(1), Fraction(2)
    network = [([[one], [two]], [one, two]), ([[one, one]], [one])]
    small = [([[one]], [one]), ([[one + two]], [one])]
    assert microlump.check(network, small, [[(0, one)], [(0, one), (0, two)], [(0, one)]])
    assert not microlump.check(network, small, witness)
