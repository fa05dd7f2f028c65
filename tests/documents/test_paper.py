# SPDX-License-Identifier: Apache-2.0
"""This file is about the paper: one test for each of its numbered items that speaks of networks, and for the erratum.

"Neural Networks Reduction via Lumping" (Ressi, Romanello, Piazza, Rossi; AIxIA 2022).  The items are
numbered as there; docs/paper-to-code.md says where the code is, docs/erratum.md what was corrected.
"""

import random
from fractions import Fraction
from itertools import pairwise, product

import pytest
from sympy import Matrix, Rational

from exactlump.lumping.definition import is_lumping
from exactlump.lumping.flaws import find_flaw
from exactlump.lumping.maximum import Lumping, maximum_lumping
from exactlump.network.kinds import Dense
from exactlump.network.program import Network
from exactlump.numbers.rational import ONE, rational
from exactlump.reduction.quotient import Representative, first_member, quotient
from tests.oracle import exact, outputs
from tests.strategies import relu_chain

NET = relu_chain(([[1, -2], [3, 0], [2, -4]], [1, 0, 2]), ([[1, 1, 1], [0, -1, 5]], [0, 7]), ([[1, 2]], ["1/2"]))


def test_definition_1_a_network_is_layers_of_neurons_weights_biases_and_activations():
    dense = NET.producer["d1"]
    assert (NET.units("x"), NET.units("h1"), NET.units("h2"), NET.units("d3")) == (2, 3, 2, 1)
    assert dense.weight.entry(2, 1) == -4  # W_1(u, v) for u = 1, v = 2
    assert dense.bias[2] == 2
    assert {str(f) for f in NET.producer["h1"].functions} == {"relu"}


def test_example_1_a_node_is_the_relu_of_the_weighted_sum_and_its_bias():
    network = relu_chain(([[2, -3, 5]], ["1/2"]), ([[1]], [0]))
    for x in product(map(rational, (-1, 0, 3)), repeat=3):
        weighted = 2 * x[0] - 3 * x[1] + 5 * x[2] + rational(1, 2)
        assert network.evaluate(x)[0][0] == max(weighted, 0)


def test_definition_2_the_semantics_of_one_layer():
    x = (rational(3, 7), rational(-2))
    values = NET.valuation(x)
    for v in range(3):
        row = NET.producer["d1"].weight.row(v)
        assert values["d1"][v] == sum(w * x[u] for u, w in row.items()) + NET.producer["d1"].bias[v]
        assert values["h1"][v] == max(values["d1"][v], 0)


def test_definition_3_the_semantics_of_a_network_is_the_composition_of_its_layers():
    dense = [node for node in NET.nodes if isinstance(node, Dense)]
    value = (rational(3, 7), rational(-2))
    for number, node in enumerate(dense, start=1):
        shape = (len(value),)
        layer = Network(
            (type(NET.inputs[0])(node.source, shape),),
            tuple(n for n in NET.nodes if n.target in (f"d{number}", f"h{number}")),
            (f"h{number}" if number < 3 else "d3",),
        )
        (value,) = layer.evaluate(value)
    assert (value,) == NET.evaluate((rational(3, 7), rational(-2)))


def test_example_2_lumped_states_of_a_chain_have_equal_mass_so_no_factor_is_missing_there():
    """A chain with Example 2's classes and rho, and with rates of our own (its figure is lost), obeys Definition 5.

    The unweighted sums of Definition 5 are right for chains: the stationary mass is equal within each class.
    """
    rho = {1: 1, 2: 1, 3: 2, 4: 2, 5: 1, 6: 2, 7: 2, 8: 1}
    classes = [[1], [2, 3, 4], [5, 6, 7], [8]]
    rates = {(0, 1): 12, (1, 2): 3, (2, 3): 5, (3, 0): 7, (2, 1): 1, (0, 3): 2}
    q = {(u, v): Fraction(0) for u in rho for v in rho}
    for (a, b), rate in rates.items():
        for u, v in product(classes[a], classes[b]):
            q[u, v] = Fraction(rate, rho[u] * rho[v])
    for u in rho:
        q[u, u] = -sum(q[u, v] for v in rho)
    for members, sources in product(classes, classes):
        assert len({rho[v] * sum(q[u, v] for u in sources) for v in members}) == 1
    (mass,) = Matrix([[Rational(q[u, v].numerator, q[u, v].denominator) for u in rho] for v in rho]).nullspace()
    assert all(len({mass[v - 1] for v in members}) == 1 for members in classes)
    assert len(set(mass)) > 1


def test_definition_6_corrected():
    """v = 2 a1 + 1 and t = a2 + 1 are equal: the weighted sums say so, the printed ones do not."""
    network = relu_chain(([[1], [2]], [0, 0]), ([[2, 0], [0, 1]], [1, 1]), ([[1, 1]], [0]))
    classes = {"h1": ((0, 1),), "h2": ((0, 1),)}
    rho = {"h1": (rational(2), ONE), "h2": (ONE, ONE)}
    assert is_lumping(network, classes, rho)
    assert not is_lumping(network, classes, rho, literal=True)


def test_definition_7():
    """W'([u], [v]) = rho(u) * sum over w in [u] of W(w, v) / rho(w), with the first neuron as representative."""
    network = relu_chain(([[1], [3], [2]], [1, 3, 2]), ([[5, 7, 11], [1, 0, 2]], [4, -4]), ([[1, 2]], [0]))
    lumping = maximum_lumping(network)
    reduced = quotient(network, lumping, first_member).network
    rho = lumping.rho["h1"]
    below, above = network.producer["d2"].weight, reduced.producer["d2"].weight
    for v in range(2):
        assert above.entry(v, 0) == rho[0] * sum(below.entry(v, w) / rho[w] for w in range(3))
    assert [above.entry(v, 0) for v in range(2)] == [5 + 21 + 22, 1 + 0 + 4]
    assert reduced.producer["d2"].bias == network.producer["d2"].bias
    assert reduced.producer["h2"].functions == network.producer["h2"].functions


def test_theorem_1_the_reduced_network_has_the_same_semantics():
    rng = random.Random(0)
    for _ in range(40):
        network = small_network(rng)
        step = quotient(network, maximum_lumping(network), first_member)
        assert find_flaw(network, step.network, step.simulation) is None
        for x in (Fraction(-2), Fraction(0), Fraction(1, 3), Fraction(5)):
            assert outputs(network, [[x]]) == outputs(step.network, [[x]])


def small_network(rng):
    sizes = [1, rng.randint(1, 4), rng.randint(1, 4), 1]
    layers = []
    for m, n in pairwise(sizes):
        layers.append(([[rng.choice([-1, 0, 1, 2]) for _ in range(m)] for _ in range(n)], [rng.choice([0, 0, 1])] * n))
    return relu_chain(*layers)


def test_example_3_deleting_t_and_adding_its_weight_times_the_ratio():
    """The algorithm in place, from the inputs upwards, and Definition 7 on the maximum lumping: the same weights."""
    rng = random.Random(1)
    compared = 0
    for _ in range(60):
        network = small_network(rng)
        lumping = maximum_lumping(network)
        if any(lumping.constants.values()):
            continue
        compared += 1
        step = quotient(network, lumping, first_member)
        found = [node for node in step.network.nodes if isinstance(node, Dense)]
        assert pruned(network) == [([node.weight.row(v) for v in range(len(node.bias))], node.bias) for node in found]
    assert compared > 10


def pruned(network):
    """Section 4, Figure 3: delete t, add ratio * W(t, z) to W(v, z), go on to the next layer."""
    layers = [
        (
            [[node.weight.entry(v, u) for u in range(node.weight.shape[1])] for v in range(len(node.bias))],
            list(node.bias),
        )
        for node in network.nodes
        if isinstance(node, Dense)
    ]
    for (rows, bias), (above, _) in pairwise(layers):
        t = len(rows) - 1
        while t > 0:
            for v in range(t):
                ratio = _ratio([*rows[v], bias[v]], [*rows[t], bias[t]])
                if ratio:
                    del rows[t], bias[t]
                    for row in above:
                        row[v] += ratio * row.pop(t)
                    break
            t -= 1
    return [([{u: w for u, w in enumerate(row) if w} for row in rows], tuple(bias)) for rows, bias in layers]


def _ratio(v, t):
    """The positive c with t = c * v, or None."""
    at = next(i for i, w in enumerate(v) if w)
    c = t[at] / v[at]
    return c if c > 0 and [c * w for w in v] == t else None


def test_theorem_2_the_maximum_is_found_layer_by_layer():
    """On NET: neurons 0 and 2 of layer 1; above them nothing is proportional.  (All relations: test_lump.py.)"""
    lumping = maximum_lumping(NET)
    assert lumping.classes["h1"] == ((0, 2), (1,))
    assert lumping.classes["h2"] == ((0,), (1,))
    assert [2 * lumping.rho["h1"][2], lumping.rho["h1"][0]] == [lumping.rho["h1"][0]] * 2


@pytest.mark.parametrize(("r", "y"), list(product((1, 2, "1/3"), (-5, 0, "2/7"))))
def test_section_4_relu_is_positively_homogeneous(r, y):
    relu = NET.producer["h1"].functions[0]
    r, y = rational(r), rational(y)
    assert relu(r * y) == r * relu(y)
    assert relu.scaling(r) == r


# The erratum (docs/erratum.md).

ERRATUM = relu_chain(([[1], [2]], [0, 0]), ([[1, 0], [0, 1]], [0, 0]), ([[1, 1]], [0]))


def last_member(members, rho, form):
    r = members[-1]
    return Representative(r, {v: rho[r] / rho[v] for v in members}, form(r))


def as_lumping(network, classes, rho):
    units = {t: network.units(t) for t in ("x", f"d{len(classes) + 1}")}
    return Lumping(
        {t: tuple((v,) for v in range(n)) for t, n in units.items()} | classes,
        {t: (ONE,) * n for t, n in units.items()} | rho,
        {t: {} for t in (*units, *classes)},
    )


def test_erratum_three_against_two_or_four():
    classes = {"h1": ((0, 1),), "h2": ((0, 1),)}
    rho = {"h1": (rational(2), ONE), "h2": (ONE, ONE)}
    assert is_lumping(ERRATUM, classes, rho, literal=True)
    assert not is_lumping(ERRATUM, classes, rho)
    lumping = as_lumping(ERRATUM, classes, rho)
    reduced = [quotient(ERRATUM, lumping, choose).network for choose in (first_member, last_member)]
    assert [net.evaluate([ONE])[0][0] for net in (ERRATUM, *reduced)] == [3, 2, 4]
    for net in reduced:
        assert find_flaw(ERRATUM, net, quotient(ERRATUM, lumping).simulation) is not None


def printed_maximum(layers):
    """Classes and rho of the maximum relation of Definition 6 as printed, hidden layer by hidden layer; dead: rho 1.

    Two proportional rows of sums, or two zero rows, share a class; sums are over the classes below, unweighted.
    """
    below = [[u] for u in range(len(layers[0][0]))]
    found = []
    for rows in layers[:-1]:
        directions, rho = {}, []
        for v, row in enumerate(rows):
            sums = [sum(row[u] for u in members) for members in below]
            lead = next((abs(w) for w in sums if w), 1)
            directions.setdefault(tuple(Fraction(w, lead) for w in sums), []).append(v)
            rho.append(Fraction(1, lead))
        below = list(directions.values())
        found.append((below, rho))
    return found


def printed_quotients(layers):
    """The weights of Definition 7 on the printed maximum, for every choice of representatives; the first ones first."""
    relation = printed_maximum(layers)
    for chosen in product(*(product(*classes) for classes, _ in relation)):
        below, factors, representatives = [[u] for u in range(len(layers[0][0]))], [Fraction(1)] * 9, [*range(9)]
        reduced = []
        for number, rows in enumerate(layers):
            picked = chosen[number] if number < len(relation) else range(len(rows))
            reduced.append(
                [
                    [
                        factors[r] * sum(Fraction(rows[v][w]) / factors[w] for w in members)
                        for r, members in zip(representatives, below, strict=False)
                    ]
                    for v in picked
                ]
            )
            if number < len(relation):
                (below, factors), representatives = relation[number], picked
        yield reduced


def value(layers, x):
    for rows in layers[:-1]:
        x = [max(sum(w * y for w, y in zip(row, x, strict=True)), 0) for row in rows]
    return [sum(w * y for w, y in zip(row, x, strict=True)) for row in layers[-1]]


def test_e1_census_of_two_hidden_layers():
    """Of the 6561 networks 1-2-2-1 without biases and with weights 0, 1, 2: 600 wrong, 800 for some representatives.

    Without biases both sides are determined by their values at 1 and at -1.
    """
    wrong_first = wrong_some = 0
    for w in product((0, 1, 2), repeat=8):
        layers = [[[w[0]], [w[1]]], [[w[2], w[3]], [w[4], w[5]]], [[w[6], w[7]]]]
        right = [value(layers, [x]) for x in (1, -1)]
        wrong = [[value(net, [x]) for x in (1, -1)] != right for net in printed_quotients(layers)]
        wrong_first += wrong[0]
        wrong_some += any(wrong)
    assert (wrong_first, wrong_some) == (600, 800)


def test_e1_census_agrees_with_the_package_on_a_sample():
    """The printed maximum is a lumping as printed, and its quotient is `quotient`'s."""
    rng = random.Random(2)
    for _ in range(120):
        w = [rng.choice([0, 1, 2]) for _ in range(8)]
        layers = [[[w[0]], [w[1]]], [[w[2], w[3]], [w[4], w[5]]], [[w[6], w[7]]]]
        network = relu_chain(*((rows, [0] * len(rows)) for rows in layers))
        classes, rho = {}, {}
        for number, (partition, factors) in enumerate(printed_maximum(layers), start=1):
            classes[f"h{number}"] = tuple(map(tuple, partition))
            rho[f"h{number}"] = tuple(rational(f.numerator, f.denominator) for f in factors)
        assert is_lumping(network, classes, rho, literal=True)
        reduced = quotient(network, as_lumping(network, classes, rho), first_member).network
        (mine,) = reduced.evaluate([ONE])
        assert [exact(y) for y in mine] == value(next(printed_quotients(layers)), [Fraction(1)])


def test_e1_census_of_one_hidden_layer():
    """Of the 4096 networks 2-2-1 with weights -1, 0, 1, 2 none is wrong: printed sums there are over single inputs."""
    points = [[1, 0], [0, 1], [1, 1], [-1, 2], [2, -1], [-1, -1], [3, -2]]
    for w in product((-1, 0, 1, 2), repeat=6):
        layers = [[[w[0], w[1]], [w[2], w[3]]], [[w[4], w[5]]]]
        right = [value(layers, x) for x in points]
        for net in printed_quotients(layers):
            assert [value(net, x) for x in points] == right
