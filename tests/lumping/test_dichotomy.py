# SPDX-License-Identifier: Apache-2.0
"""This file is about networks with one hidden layer: equal or different, against Z3 and against many points."""

import random
from fractions import Fraction
from itertools import product

import pytest

from exactlump.errors import ShapeError, UnsupportedLayer
from exactlump.network.activations import ABS, IDENTITY, RELU, Activation, leaky_relu
from exactlump.network.kinds import Activate, Dense, Head, Reorder, Scale, Shift
from exactlump.network.program import Network
from exactlump.network.views import Port
from exactlump.numbers.matrix import Matrix
from exactlump.numbers.rational import rational
from exactlump.points.hyperplanes import beside, plane_of, point_on
from exactlump.refutation.dichotomy import decide, evaluate_flat, has_one_hidden_layer
from exactlump.smt.monolithic import Monolithic
from exactlump.smt.solve import answers
from tests import oracle
from tests.tools import fails

SLOPES = [RELU, RELU, leaky_relu(rational(1, 3)), leaky_relu(rational(2)), leaky_relu(rational(-2)), ABS, IDENTITY]


def number(value):
    """The rational that an integer, a Fraction, or a text p/q stands for."""
    value = Fraction(value)
    return rational(value.numerator, value.denominator)


def dense(source, target, rows, bias, columns=None):
    sparse = [{u: number(w) for u, w in enumerate(row)} for row in rows]
    return Dense(source, target, Matrix.from_rows(sparse, columns or len(rows[0])), tuple(map(number, bias)))


def one_layer(neurons, outputs, constants):
    """outputs x neurons with functions: neuron (row, bias, sigma); output k is sum outputs[k][v] * neuron v + c."""
    rows, biases, functions = zip(*neurons, strict=True)
    nodes = (
        dense("x", "h", rows, biases),
        Activate("h", "r", tuple(functions)),
        dense("r", "y", outputs, constants),
    )
    return Network((Port("x", (len(rows[0]),)),), nodes, ("y",))


def text(terms, constant=0):
    """The network of a sum of w * sigma(a * x + b), one output; terms are (w, row, b, sigma)."""
    return one_layer([(row, b, s) for _, row, b, s in terms], [[w for w, *_ in terms]], [constant])


def differ_by_z3(a, b):
    (script,) = Monolithic(a, b).scripts()
    (answer,) = answers("z3", script.preamble, [script.obligations[0].text], list(script.constants))
    assert answer.word in ("sat", "unsat")
    return answer.word == "sat"


def fractions(x):
    return [oracle.exact(value) for value in x]


def judge(a, b, shown):
    """Decide, and hold the answer against Z3, the oracle and a grid of points."""
    x = decide(a, b)
    assert (x is not None) == differ_by_z3(a, b) == shown
    if x is not None:
        values = [oracle.valuation(network, [fractions(x)])["y"] for network in (a, b)]
        assert values[0] != values[1]
    else:
        for point in product(
            [Fraction(-3), Fraction(-1, 2), Fraction(0), Fraction(2, 3), Fraction(5)], repeat=len(grid(a))
        ):
            assert oracle.valuation(a, [list(point)])["y"] == oracle.valuation(b, [list(point)])["y"]


def grid(network):
    return range(network.units(network.inputs[0].name))


def drawn(rng):
    """Neurons and outgoing weights, with twins, antiparallel ones, zero rows and constants among them."""
    m, n, outputs = rng.randint(1, 3), rng.randint(1, 5), rng.randint(1, 2)
    neurons = []
    for _ in range(n):
        if neurons and rng.random() < 0.4:
            row, b, _ = rng.choice(neurons)
            c = rng.choice([1, -1, 2, -2])
            neurons.append(([c * w for w in row], c * b, rng.choice(SLOPES)))
        else:
            row = [rng.choice([0, 0, 1, -1, 2]) for _ in range(m)]
            neurons.append((row, rng.choice([0, 1, -1, 2]), rng.choice(SLOPES)))
    weights = [[rng.choice([0, 1, -1, 2]) for _ in range(n)] for _ in range(outputs)]
    return neurons, weights, [rng.choice([0, 1, -3]) for _ in range(outputs)]


def rewritten(rng, neurons, weights, constants):
    """The same function: neurons scaled, split in two, turned around (with a linear neuron beside), and reordered."""
    columns = [[row[v] for row in weights] for v in range(len(neurons))]
    found = []
    for (row, b, sigma), column in zip(neurons, columns, strict=True):
        c = rng.choice([Fraction(1), Fraction(2), Fraction(1, 3)])
        choice = rng.random()
        if choice < 0.3:
            found.append(scaled(row, b, sigma, column, c, Fraction(1, 4)))
            found.append(scaled(row, b, sigma, column, 1, Fraction(3, 4)))
        elif choice < 0.6:  # sigma(l) = sigma(-l) + (1 + slope) * l
            slope = oracle.exact(sigma.slope)
            found.append(scaled([-w for w in row], -b, sigma, column, c, 1))
            found.append(scaled(row, b, IDENTITY, column, 1, 1 + slope))
        else:
            found.append(scaled(row, b, sigma, column, c, 1))
    found += [scaled([1] * len(neurons[0][0]), 1, RELU, [0] * len(weights), 1, 1)] * (rng.random() < 0.2)
    rng.shuffle(found)
    return [neuron for neuron, _ in found], [[c[k] for _, c in found] for k in range(len(weights))], constants


def scaled(row, b, sigma, column, c, share):
    """A neuron c times as large, and its outgoing weights: `share` of the old ones, over c."""
    return ([c * w for w in row], c * b, sigma), [share * w / Fraction(c) for w in column]


def mutated(rng, neurons, weights, constants):
    neurons, weights, constants = list(neurons), [list(row) for row in weights], list(constants)
    nudge = rng.choice([Fraction(1, 1000), Fraction(-1)])
    place = rng.choice(["row", "bias", "weight", "constant"])
    v, k = rng.randrange(len(neurons)), rng.randrange(len(weights))
    row, b, sigma = neurons[v]
    if place == "row":
        i = rng.randrange(len(row))
        neurons[v] = ([w + nudge * (j == i) for j, w in enumerate(row)], b, sigma)
    elif place == "bias":
        neurons[v] = (row, b + nudge, sigma)
    elif place == "weight":
        weights[k][v] += nudge
    else:
        constants[k] += nudge
    return neurons, weights, constants


def test_three_hundred_pairs_are_decided_as_z3_decides_them():
    rng, equal = random.Random(13), 0
    for _ in range(300):
        plain = drawn(rng)
        other = rewritten(rng, *plain)
        if rng.random() < 0.5:
            other = mutated(rng, *other)
        a, b = one_layer(*plain), one_layer(*other)
        different = differ_by_z3(a, b)
        judge(a, b, different)
        equal += not different
    assert 130 < equal < 220


def test_unrelated_pairs_with_few_functions_are_decided_as_z3_decides_them():
    rng, equal = random.Random(14), 0
    for _ in range(60):
        a, b = (text([(rng.choice([0, 1, -1]), [rng.choice([1, -1])], 0, RELU)]) for _ in "ab")
        judge(a, b, shown := differ_by_z3(a, b))
        equal += not shown
    assert 10 < equal < 50


def test_four_neurons_on_a_line_replace_one_another_as_e6_says():
    left = text([(1, [-1], -1, RELU)])
    right = text([(1, [1], 1, RELU), (-1, [1], 0, RELU), (1, [-1], 0, RELU)], -1)
    judge(left, right, False)
    judge(left, text([(1, [1], 1, RELU), (-1, [1], 0, RELU), (1, [-1], 0, RELU)], -2), True)


def test_six_neurons_in_the_plane_replace_one_another_as_e6_says():
    right = [(1, [1, 1], 0), (-1, [1, 0], 0), (1, [-1, 0], 0), (-1, [0, 1], 0), (1, [0, -1], 0)]
    judge(text([(1, [-1, -1], 0, RELU)]), text([(w, row, b, RELU) for w, row, b in right]), False)


def test_constants_and_coefficients_that_cancel():
    zero = text([(0, [1], 0, RELU)])
    judge(zero, text([(1, [1], 2, RELU), (-2, ["1/2"], 1, RELU)]), False)
    judge(zero, text([(1, [0], 3, RELU)], -3), False)
    judge(zero, text([(1, [0], -3, leaky_relu(rational(1, 3)))], 1), False)
    judge(zero, text([(1, [0], -3, RELU)], 1), True)
    judge(zero, text([(1, [1], 0, RELU), (-1, [-1], 0, RELU), (-1, [1], 0, IDENTITY)]), False)
    judge(zero, text([(1, [1], 0, RELU), (-1, [-1], 0, RELU)]), True)
    judge(text([(1, [1], 0, ABS)]), text([(1, [1], 0, RELU), (1, [-1], 0, RELU)]), False)


def test_the_difference_may_be_in_the_second_output_only():
    neurons = [([1, 0], 0, RELU), ([0, 1], 0, RELU)]
    a = one_layer(neurons, [[1, 1], [1, 0]], [0, 0])
    judge(a, one_layer(neurons, [[1, 1], [1, "1/1000"]], [0, 0]), True)
    judge(a, one_layer(neurons, [[1, 1], [1, 0]], [0, "1/1000"]), True)


def test_affine_parts_before_and_after_in_any_form():
    nodes = (
        Reorder("x", "t", (1, 0), (2, 2)),
        Shift("t", "u", tuple(map(rational, (1, 2, 3, 4)))),
        Reorder("u", "v", None, (4,)),
        dense("v", "w", [[1, 0, 0, 0], [0, 1, 0, 0]], [0, 0]),
        dense("w", "h", [[1, 1]], [0]),
        Activate("h", "r", (RELU,)),
        Scale("r", "y", (rational(5),)),
    )
    a = Network((Port("x", (2, 2)),), nodes, ("y",))
    b = one_layer([([1, 0, 1, 0], 3, RELU)], [[5]], [0])
    assert decide(a, b) is None
    x = decide(a, one_layer([([1, 1, 0, 0], 3, RELU)], [[5]], [0]))
    assert x is not None
    assert len(x) == 4


def test_several_inputs_and_outputs_and_no_hidden_layer_at_all():
    ports = (Port("p", (1,)), Port("q", (2,)))
    nodes = (dense("p", "a", [[2]], [1]), dense("q", "b", [[1, 1]], [0]), Activate("b", "r", (RELU,)))
    two = Network(ports, nodes, ("a", "r"))
    flat = one_layer([([2, 0, 0], 1, IDENTITY), ([0, 1, 1], 0, RELU)], [[1, 0], [0, 1]], [0, 0])
    assert decide(two, flat) is None
    line = Network((Port("x", (1,)),), (dense("x", "y", [[2]], [0]),), ("y",))
    assert decide(line, text([(2, [1], 0, RELU), (-2, [-1], 0, RELU)])) is None
    assert decide(line, text([(1, [1], 0, RELU)])) is not None


def test_a_wide_layer_with_one_weight_off_is_decided_at_once():
    rng = random.Random(1)
    neurons = [([rng.randint(-9, 9) for _ in range(30)], rng.randint(-9, 9), RELU) for _ in range(60)]
    weights = [[rng.randint(1, 9) for _ in range(60)] for _ in range(3)]
    a = one_layer(neurons, weights, [0, 0, 0])
    order = rng.sample(range(60), 60)
    b = one_layer([neurons[v] for v in order], [[row[v] for v in order] for row in weights], [0, 0, 0])
    assert decide(a, b) is None
    weights[2][31] += Fraction(1, 10**9)
    c = one_layer(neurons, weights, [0, 0, 0])
    x = decide(c, b)
    assert x is not None
    assert evaluate_flat(c, x) != evaluate_flat(b, x)


def test_a_point_on_one_hyperplane_and_on_no_other():
    rng = random.Random(5)
    for _ in range(100):
        m = rng.randint(1, 4)
        rows = [[rng.randint(-2, 2) for _ in range(m)] for _ in range(12)]
        named = {plane_of({i: rational(w) for i, w in enumerate(row) if w}, rational(rng.randint(-2, 2)))[0]: None
                 for row in rows if any(row)}  # fmt: skip
        if not named:
            continue
        first, *others = named
        x = point_on(first, others, m)
        assert first(x) == 0
        assert all(other(x) for other in others)
        for y in beside(first, x, others):
            assert first(y) != 0
            assert all(other(x) * other(y) >= 0 for other in others)


def test_other_networks_are_refused_and_named():
    nodes = (
        dense("x", "h", [[1]], [1]),
        Activate("h", "r", (RELU,)),
        dense("r", "g", [[1]], [-2]),
        Activate("g", "y", (RELU,)),
    )
    port = (Port("x", (1,)),)
    deep = Network(port, nodes, ("y",))
    one = text([(1, [1], 0, RELU)])
    assert has_one_hidden_layer(one)
    assert not has_one_hidden_layer(deep)
    fails(UnsupportedLayer, 4, lambda: decide(deep, one), "'y'", "second hidden layer")
    smooth = Network(port, (dense("x", "h", [[1]], [1]), Activate("h", "y", (Activation("tanh"),))), ("y",))
    fails(UnsupportedLayer, 4, lambda: decide(one, smooth), "tanh")
    headed = Network(port, (dense("x", "h", [[1]], [1]), Head("h", "y", "softmax")), ("y",))
    fails(UnsupportedLayer, 4, lambda: decide(headed, one), "Head", "'y'")
    wide = text([(1, [1, 1], 0, RELU)])
    fails(ShapeError, 2, lambda: decide(wide, one), "inputs", "2 and 1")
    fails(ShapeError, 2, lambda: decide(one, one_layer([([1], 0, RELU)], [[1], [1]], [0, 0])), "outputs", "1 and 2")


@pytest.mark.parametrize("slope", ["0", "1/3", "-1", "5"])
def test_a_layer_of_kinks_above_an_affine_layer_counts_as_one_hidden_layer(slope):
    nodes = (
        dense("x", "e", [[2], [3]], [1, 0]),
        Activate("e", "f", (IDENTITY, IDENTITY)),
        dense("f", "h", [[1, -1]], [0]),
        Activate("h", "y", (leaky_relu(rational(slope)),)),
    )
    a = Network((Port("x", (1,)),), nodes, ("y",))
    assert decide(a, text([(1, [-1], 1, leaky_relu(rational(slope)))])) is None
