# SPDX-License-Identifier: Apache-2.0
"""This file is about the exact network: its values are those of a second evaluator; nothing ill-formed is one."""

import random
from fractions import Fraction

import pytest
from hypothesis import given

from exactlump.errors import NoExactValue, ShapeError
from exactlump.network.activations import RELU, Activation
from exactlump.network.kinds import Activate, Dense, Head, Reorder, Scale, Shift
from exactlump.network.program import Network
from exactlump.network.views import Port
from exactlump.numbers.matrix import Matrix
from exactlump.numbers.rational import ONE, ZERO, rational
from tests.oracle import exact, outputs, random_points
from tests.strategies import networks, relu_chain


def dense(source, target, rows, bias=None, columns=None):
    columns = len(rows[0]) if columns is None else columns
    matrix = Matrix.from_rows([{u: rational(w) for u, w in enumerate(row)} for row in rows], columns)
    return Dense(source, target, matrix, tuple(rational(b) for b in bias or [0] * len(rows)))


PAIR = Port("x", (2,))


def network(*nodes, outputs=None, inputs=(PAIR,)):
    return Network(tuple(inputs), nodes, tuple(outputs or (nodes[-1].target,)))


@given(networks())
def test_values_are_those_of_the_second_evaluator(net):
    for point in random_points(net, 3, random.Random(0)):
        try:
            found = net.evaluate(*[[rational(q.numerator, q.denominator) for q in x] for x in point])
        except NoExactValue:
            names = {f.name for n in net.nodes if isinstance(n, Activate) for f in n.functions}
            assert names & {"tanh", "sigmoid"} or any(isinstance(n, Head) for n in net.nodes)
        else:
            assert [[exact(y) for y in vector] for vector in found] == outputs(net, point)


def test_reorder_permutes_axes_as_numpy_does():
    node = Reorder("x", "y", (2, 0, 1), (24,))
    assert node.order((2, 3, 4)) == tuple(12 * i + 4 * j + k for k in range(4) for i in range(2) for j in range(3))
    assert Reorder("x", "y", None, (4, 6)).order((2, 3, 4)) == tuple(range(24))


def test_wrong_inputs_are_refused():
    net = network(dense("x", "y", [[1, 2]]))
    for inputs in ([], [[ONE]], [[ONE, ONE], [ONE]]):
        with pytest.raises(ShapeError):
            net.evaluate(*inputs)


def test_irrational_values_are_refused():
    net = network(Activate("x", "y", (Activation("exp"),) * 2))
    assert net.evaluate([ZERO, ZERO]) == ((1, 1),)
    with pytest.raises(NoExactValue):
        net.evaluate([ZERO, ONE])
    with pytest.raises(NoExactValue):
        network(Head("x", "y", "softmax")).evaluate([ZERO, ZERO])


@pytest.mark.parametrize(
    "nodes",
    [
        [dense("z", "y", [[1, 2]])],
        [dense("x", "y", [[1, 2]]), dense("x", "y", [[1, 2]])],
        [dense("x", "x", [[1, 2]])],
        [dense("x", "y", [[1, 2, 3]])],
        [dense("x", "y", [[1, 2]], [1, 2])],
        [dense("x", "y", [], columns=2)],
        [Scale("x", "y", (ONE,))],
        [Shift("x", "y", (ONE,) * 3)],
        [Activate("x", "y", (RELU,))],
        [Reorder("x", "y", None, (3,))],
        [Reorder("x", "y", (1,), (2,))],
        [Head("x", "y", "hardmax")],
    ],
)
def test_ill_formed_networks_are_refused(nodes):
    with pytest.raises(ShapeError):
        network(*nodes)


@pytest.mark.parametrize("outputs", [("z",), ("y", "y")])
def test_outputs_must_be_defined_and_once(outputs):
    with pytest.raises(ShapeError):
        network(dense("x", "y", [[1, 2]]), outputs=outputs)


def test_an_empty_input_is_refused():
    with pytest.raises(ShapeError):
        network(dense("x", "y", [[]], columns=0), inputs=(Port("x", (0,)),)).neurons  # noqa: B018


def test_counts():
    net = relu_chain(([[1, 0], [0, 1], [2, 0]], [0, 1, 0]), ([[1, 1, 1]], [0]))
    assert (net.neurons, net.parameters, net.nonzeros) == (3, 13, 7)
    assert net.hidden == ("d1",)


def test_a_layer_is_hidden_when_anything_but_one_output_comes_of_it():
    head = network(dense("x", "y", [[1, 2]]), Activate("y", "z", (RELU,)))
    assert head.hidden == ()
    both = network(dense("x", "y", [[1, 2]]), dense("y", "z", [[1]]), outputs=("y", "z"))
    assert both.hidden == ()
    assert network(dense("x", "y", [[1, 2]]), dense("y", "z", [[1]])).hidden == ("y",)


def test_the_erratum_by_hand():
    net = relu_chain(([[1], [2]], [0, 0]), ([[1, 0], [0, 1]], [0, 0]), ([[1, 1]], [0]))
    assert outputs(net, [[Fraction(1)]]) == [[3]]
    assert net.evaluate([ONE]) == ((3,),)
