# SPDX-License-Identifier: Apache-2.0
"""This file is about Definition 7: the quotient computes the same function, whichever neuron represents a class."""

from math import prod

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exactlump.lumping.flaws import find_flaw
from exactlump.lumping.maximum import maximum_lumping
from exactlump.lumping.simulations import NULL, Affine, entry
from exactlump.network.activations import RELU
from exactlump.network.kinds import Activate, Dense, Scale, Shift
from exactlump.numbers.floats import fits
from exactlump.numbers.rational import ONE, fraction, is_simple, primitive, rational
from exactlump.reduction.quotient import Representative, first_member, quotient, representative
from tests.oracle import difference
from tests.strategies import lumpable_networks, networks, permuted, relu_chain, show


def any_member(rng):
    """A representative chosen at random, as Definition 7 allows, or a multiple of one."""

    def choose(members, rho, form):
        r, size = rng.choice(members), rational(rng.choice([1, 1, 2, 3]) if len(members) > 1 else 1)
        ratios = {v: size * rho[r] / rho[v] for v in members}
        return Representative(r if size == 1 else None, ratios, form(r).scaled(ONE / size))

    return choose


@given(lumpable_networks(), st.randoms(use_true_random=False), st.booleans())
@settings(max_examples=100)
def test_theorem_1_for_arbitrary_representatives(planted, rng, fold):
    network = planted.network
    lumping = maximum_lumping(network, fold=fold)
    scaled = all(f.scales for n in network.nodes if isinstance(n, Activate) for f in n.functions)
    plain = not any(isinstance(n, Scale | Shift) for n in network.nodes)
    for choose in (representative, first_member, *([any_member(rng)] if scaled and plain else [])):
        step = quotient(network, lumping, choose)
        assert find_flaw(network, step.network, step.simulation) is None
        assert difference(network, step.network, count=4) is None


@given(networks())
@settings(max_examples=100)
def test_theorem_1_for_any_network(network):
    step = quotient(network, maximum_lumping(network))
    assert find_flaw(network, step.network, step.simulation) is None
    assert difference(network, step.network, count=4) is None


@given(lumpable_networks())
@settings(max_examples=60)
def test_one_neuron_for_each_live_class_unless_it_vanishes(planted):
    lumping = maximum_lumping(planted.network, fold=True)
    reduced = quotient(planted.network, lumping).network
    for tensor, classes in lumping.classes.items():
        assert (reduced.units(tensor) if tensor in reduced.shapes else 0) == len(classes)


@given(lumpable_networks())
@settings(max_examples=60)
def test_the_quotient_of_the_quotient_is_itself(planted):
    once = quotient(planted.network, maximum_lumping(planted.network, fold=True)).network
    twice = quotient(once, maximum_lumping(once, fold=True)).network
    assert show(twice) == show(once)


@given(lumpable_networks(dtype="float32"))
@settings(max_examples=60)
def test_the_quotient_of_float_weights_is_dyadic(planted):
    """T10, at every depth: with our representative no denominator but powers of two appears."""
    reduced = quotient(planted.network, maximum_lumping(planted.network, fold=True)).network
    for node in reduced.nodes:
        if isinstance(node, Dense):
            rows = [node.weight.row(v) for v in range(node.weight.shape[0])]
            numbers = [w for row in rows for w in row.values()] + list(node.bias)
            assert all(q & (q - 1) == 0 for _, q in map(fraction, numbers))


@given(st.lists(st.lists(st.integers(-4, 4), min_size=3, max_size=3), min_size=1, max_size=6), st.randoms())
def test_the_rows_do_not_depend_on_the_order_of_the_neurons(rows, rng):
    weights = [1 + v % 3 for v in range(len(rows))]
    network = relu_chain(([row[:2] for row in rows], [row[2] for row in rows]), ([weights], [0]))
    order = list(range(len(rows)))
    rng.shuffle(order)
    step = quotient(network, maximum_lumping(network, fold=True))
    other = quotient(
        permuted(network, {"d1": order, "h1": order}),
        maximum_lumping(permuted(network, {"d1": order, "h1": order}), fold=True),
    )
    assert functions_of(step.network) == functions_of(other.network)


def functions_of(network):
    """What the hidden neurons of a 2-n-1 network add to its output, each as outgoing weight times primitive row."""
    dense = [node for node in network.nodes if isinstance(node, Dense)]
    if len(dense) == 1:
        return dense[0].bias
    found = []
    for v, bias in enumerate(dense[0].bias):
        row = dense[0].weight.row(v)
        integers, size = primitive([row.get(0, 0 * ONE), row.get(1, 0 * ONE), bias])
        found.append((integers, size * dense[1].weight.entry(0, v)))
    return sorted(found), dense[1].bias


# The canonical representative (T10).


def twin(*rows):
    """The network of some rows under ReLU, and its quotient."""
    network = relu_chain((rows, [0] * len(rows)), ([[1] * len(rows)], [0]))
    return quotient(network, maximum_lumping(network))


@pytest.mark.parametrize(
    ("rows", "chosen", "ratios"),
    [
        ([["1"], ["2"]], "1", ["1", "2"]),
        ([["2"], ["1"]], "2", ["1", "1/2"]),  # a power of two: the least member stands
        ([["3"], ["1"]], "1", ["3", "1"]),  # 1/3 is no power of two: the second stands
        ([["6"], ["3"], ["2"]], "4", ["3/2", "3/4", "1/2"]),  # none stands: 1 * 2^2, as large as 6 in binary
        ([["1/3"], ["1/2"]], "1/4", ["4/3", "2"]),  # none stands: 1 * 2^-2
    ],
)
def test_the_representative(rows, chosen, ratios):
    step = twin(*rows)
    assert step.network.producer["d1"].weight.entry(0, 0) == rational(chosen)
    assert step.simulation["h1"].rows == tuple(entry(0, rational(c)) for c in ratios)


@given(st.lists(st.integers(-60, 60).filter(bool), min_size=2, max_size=3), st.lists(st.integers(1, 9), min_size=1))
def test_the_representative_is_kept_bit_for_bit_or_is_primitive(row, factors):
    network = relu_chain(([[c * w for w in row] for c in factors], [0] * len(factors)), ([[1] * len(factors)], [0]))
    step = quotient(network, maximum_lumping(network))
    dense = step.network.producer["d1"]
    found = [dense.weight.entry(0, u) for u in range(len(row))]
    simple = [c for c in factors if all(is_simple(rational(d, c)) for d in factors)]
    if simple:
        assert found == [rational(simple[0] * w) for w in row]
    else:
        integers, content = primitive(found)
        assert is_simple(content)
        assert [n > 0 for n in integers] == [w > 0 for w in row]
        assert all(fits(w, "float32") for w in found)


def test_the_bias_belongs_to_the_row():
    network = relu_chain(([[6], [3], [2]], [18, 9, 6]), ([[1, 1, 1]], [0]))
    dense = quotient(network, maximum_lumping(network)).network.producer["d1"]
    assert (dense.weight.entry(0, 0), dense.bias) == (rational(8), (rational(24),))  # (1, 3) * 2^3, as large as 18


def test_an_emptied_layer_leaves_zero_weights_on_the_input():
    network = relu_chain(([[0], [0]], [1, -1]), ([[1, 1]], [2]), ([[5]], [7]))
    step = quotient(network, maximum_lumping(network, fold=True))
    (dense,) = step.network.nodes
    assert (dense.source, dense.weight.nonzeros, dense.bias) == ("x", 0, (rational(22),))
    assert step.simulation["h1"].rows == (Affine((), ONE), NULL)
    assert step.simulation["h1"].over is None
    assert find_flaw(network, step.network, step.simulation) is None


def test_dead_neurons_go_and_constants_stay_without_folding():
    network = relu_chain(([[0], [0], [1]], [0, 3, 0]), ([[1, 1, 1]], [0]))
    assert quotient(network, maximum_lumping(network)).network.neurons == 2
    assert quotient(network, maximum_lumping(network, fold=True)).network.neurons == 1


def test_element_wise_nodes_keep_the_entries_of_the_representatives():
    network = relu_chain(([[1], [3], [2]], [0, 2, 1]), ([[1, 1, 1]], [0]))
    dense, _, output = network.nodes
    nodes = (
        dense,
        Scale("d1", "s", tuple(map(rational, (2, 1, 1)))),
        Shift("s", "t", tuple(map(rational, (4, 4, 1)))),
        Activate("t", "h1", (RELU,) * 3),
        output,
    )
    network = type(network)(network.inputs, nodes, network.outputs)  # rows 2x+4, 3x+6, 2x+2
    step = quotient(network, maximum_lumping(network))
    assert step.network.units("h1") == 2
    assert prod(step.network.shapes["s"]) == 2
    assert find_flaw(network, step.network, step.simulation) is None
    assert difference(network, step.network) is None
