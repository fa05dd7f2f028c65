# SPDX-License-Identifier: Apache-2.0
"""This file is about what is written: every weight is a number of the type, sums are pieces, and nothing is rounded."""

import random
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exactlump.errors import CannotWrite
from exactlump.lumping.flaws import find_flaw
from exactlump.lumping.simulations import entry
from exactlump.network.kinds import Dense
from exactlump.network.program import Network
from exactlump.numbers.floats import fits, pieces
from exactlump.numbers.rational import decimal_text, fraction, rational
from exactlump.reduction.loop import exact_quotient, reduce
from tests.lumping.test_simulation import with_identities
from tests.oracle import difference
from tests.strategies import lumpable_networks, relu_chain, with_float_arrays


def floats(rng, rows, columns):
    array = rng.standard_normal((rows, columns)).astype(np.float32)
    return [[rational(float(w)) for w in row] for row in array]


def plain(rows, bias):
    """Rows and biases of rationals as texts, for `relu_chain`."""
    return [[_text(w) for w in row] for row in rows], [_text(b) for b in bias]


def _text(value):
    p, q = fraction(value)
    return str(p) if q == 1 else f"{p}/{q}"


def widened(m, seed=0, outputs=4, powers=(0, 1, 2)):
    """One ReLU of three inputs, m times with powers of two as ratios, and random float32 weights above it."""
    rng = np.random.default_rng(seed)
    (row,) = floats(rng, 1, 3)
    ratios = [rational(2) ** int(rng.choice(powers)) for _ in range(m)]
    below = plain([[c * w for w in row] for c in ratios], [0] * m)
    network = relu_chain(below, plain(floats(rng, outputs, m), [0] * outputs))
    return replace(with_float_arrays(network), dtype="float32")


def weights(network):
    return [
        w for n in network.nodes if isinstance(n, Dense) for v in range(len(n.bias)) for w in n.weight.row(v).values()
    ]


def biases(network):
    return [b for n in network.nodes if isinstance(n, Dense) for b in n.bias]


def report(result, name):
    return next(layer for layer in result.layers if layer.name == name)


@given(lumpable_networks(dtype="float32"))
@settings(max_examples=100)
def test_every_weight_is_a_float_and_every_bias_a_sum_of_floats(planted):
    network = reduce(planted.network).reduced
    assert network.dtype == "float32"
    assert all(fits(w, "float32") for w in weights(network))
    assert all(pieces(b, "float32") is not None for b in biases(network))


@given(lumpable_networks(dtype="float32"), st.sampled_from(["float64", "exact", "decimal"]))
@settings(max_examples=60)
def test_other_types(planted, dtype):
    result = reduce(planted.network, dtype)
    assert find_flaw(result.reduced, result.quotient, with_identities(result.reduced, result.backward)) is None
    assert difference(planted.network, result.reduced, count=3) is None
    fit = {
        "float64": lambda w: fits(w, "float64"),
        "exact": lambda w: True,
        "decimal": lambda w: decimal_text(w) is not None,
    }[dtype]
    assert all(map(fit, weights(result.reduced)))
    assert result.reduced.neurons <= reduce(planted.network, "float32").reduced.neurons


@pytest.mark.parametrize("seed", range(6))
def test_a_class_of_five_ends_as_two_or_three_units(seed):
    network = widened(5, seed)
    result = reduce(network)
    layer = report(result, "h1")
    assert exact_quotient(network).network.neurons == 1
    assert result.reduced.neurons in (2, 3)
    assert (layer.merged, layer.declined) == (4, 0)
    assert layer.copies == result.reduced.neurons - 1
    assert difference(network, result.reduced) is None
    assert find_flaw(result.reduced, result.quotient, with_identities(result.reduced, result.backward)) is None


def test_copies_have_equal_rows_and_pieces_above_that_add_up():
    result = reduce(widened(5))
    below, above = (n for n in result.reduced.nodes if isinstance(n, Dense))
    assert all(below.weight.row(v) == below.weight.row(0) for v in range(len(below.bias)))
    total = result.quotient.producer["d2"].weight
    for i in range(4):
        row = above.weight.row(i)
        assert tuple(row[v] for v in sorted(row)) == pieces(total.entry(i, 0), "float32")
    assert result.backward["h1"].rows == (entry(0, rational(1)),) * len(below.bias)


def test_more_pieces_than_members_keep_the_original_neurons():
    """1 + 3 * (2^24 - 1) * 2^-80 has three pieces; the class has two neurons, whose own weights are floats."""
    above = plain([[rational(1), rational(2**24 - 1) * rational(2) ** -80]], [0])
    network = relu_chain(([[1], [3]], [0, 0]), above)
    network = replace(with_float_arrays(network), dtype="float32")
    total = exact_quotient(network).network.producer["d2"].weight.entry(0, 0)
    result = reduce(network)
    assert len(pieces(total, "float32")) == 3
    assert result.quotient.neurons == 1
    assert result.reduced.neurons == 2
    assert (report(result, "h1").copies, report(result, "h1").declined) == (0, 1)
    assert result.backward["h1"].rows == (entry(0, rational(1)), entry(0, rational(3)))
    assert weights(result.reduced) == weights(network)


@pytest.mark.parametrize(("rows", "left", "declined"), [((2, 1), 1, 0), ((3, 2), 2, 1)])
def test_a_sum_below_the_grid_needs_the_measure_of_another_neuron_or_the_originals(rows, left, declined):
    """2^-149 + 2^-150 is on no float32 grid; twice that is.  2^-149 times 5/3 is no sum of floats, nor is 5/2 of it."""
    tiny = rational(2) ** -149
    network = relu_chain(plain([[rational(r)] for r in rows], [0, 0]), plain([[tiny, tiny]], [0]))
    network = replace(with_float_arrays(network), dtype="float32")
    result = reduce(network)
    assert pieces(exact_quotient(network).network.producer["d2"].weight.entry(0, 0), "float32") is None
    assert result.reduced.neurons == left
    assert report(result, "h1").declined == declined
    assert difference(network, result.reduced) is None


def test_folded_biases_are_sums_of_floats():
    """0.1 (float32) + 2^-60: the bias of the output is two pieces, which a file holds as two additions."""
    tenth = rational(float(np.float32(0.1)))
    network = relu_chain(plain([[rational(0)], [rational(1)]], [rational(2) ** -60, 0]), plain([[1, 1]], [tenth]))
    network = replace(with_float_arrays(network), dtype="float32")
    result = reduce(network)
    (bias,) = result.reduced.producer["d2"].bias
    assert bias == tenth + rational(2) ** -60
    assert len(pieces(bias, "float32")) == 2


def test_a_constant_that_fits_nowhere_keeps_its_neuron():
    """The bias would be 2^-149 * 2^-1."""
    constant, weight = rational(1, 2), rational(2) ** -149
    network = relu_chain(plain([[rational(0)], [rational(1)]], [constant, 0]), plain([[weight, 1]], [0]))
    network = replace(with_float_arrays(network), dtype="float32")
    result = reduce(network)
    assert exact_quotient(network).network.neurons == 1
    assert result.reduced.neurons == 2
    assert report(result, "h1").declined == 1
    assert difference(network, result.reduced) is None


def test_what_no_float_holds_is_refused_and_exact_is_not():
    network = relu_chain(([["1/3"]], [0]), ([[1]], [0]))
    assert reduce(network, "exact").reduced.neurons == 1
    for dtype in ("float32", "float64", "decimal"):
        with pytest.raises(CannotWrite):
            reduce(network, dtype)


def test_decimals_are_written_whole_or_not_at_all():
    """Sums of decimals are decimals; a representative 3/7 of a decimal row is not made."""
    network = relu_chain(([["3/10"], ["7/10"]], [0, 0]), ([["1/10", "1/5"]], [0]))
    result = reduce(network, "decimal")
    assert result.reduced.neurons == 1
    assert all(decimal_text(w) for w in weights(result.reduced))


# Fused layers: the product of two matrices of floats is wider than a float.


def linear_network(seed, sizes):
    """Dense layers with random float32 weights; ReLU after all but the second and the last."""
    rng = np.random.default_rng(seed)
    layers = [plain(floats(rng, n, m), floats(rng, 1, n)[0]) for m, n in pairwise(sizes)]
    network = relu_chain(*layers)
    nodes = [node for node in network.nodes if node.target != "h2"]
    nodes = [replace(node, source="d2") if node.source == "h2" else node for node in nodes]
    return replace(with_float_arrays(Network(network.inputs, tuple(nodes), network.outputs)), dtype="float32")


@pytest.mark.parametrize("sizes", [(2, 3, 8, 2), (2, 6, 2, 2), (3, 4, 4, 2, 1)])
def test_fused_or_not_whichever_has_fewer_units(sizes):
    network = linear_network(0, sizes)
    result = reduce(network)
    assert find_flaw(network, result.quotient, result.forward) is None
    assert find_flaw(result.reduced, result.quotient, with_identities(result.reduced, result.backward)) is None
    assert difference(network, result.reduced, count=3) is None
    assert result.reduced.neurons <= network.neurons
    assert sum(layer.after for layer in result.layers) == result.reduced.neurons


def test_copies_of_the_inputs_when_that_is_fewer():
    """x -> 9 linear units -> 6 ReLUs -> y: two or three copies of x cost less than nine units."""
    rng = np.random.default_rng(1)
    network = relu_chain(*(plain(floats(rng, n, m), floats(rng, 1, n)[0]) for m, n in [(1, 9), (9, 6), (6, 1)]))
    nodes = [replace(n, source="d1") if n.source == "h1" else n for n in network.nodes if n.target != "h1"]
    network = replace(with_float_arrays(Network(network.inputs, tuple(nodes), network.outputs)), dtype="float32")
    result = reduce(network)
    copies = result.layers[-1]
    assert copies.name == "x.copies"
    assert 2 <= copies.after <= 4
    assert report(result, "d1").fused
    assert result.reduced.neurons == 6 + copies.after
    assert find_flaw(result.reduced, result.quotient, with_identities(result.reduced, result.backward)) is None
    assert difference(network, result.reduced, count=3) is None


def test_a_fusion_that_would_split_a_class_is_not_made():
    """Fused, the class {0, 1} of h2 would need three pieces above it; unfused it needs two, and d3 one unit."""
    tiny = rational(10412781, 2**60)
    network = relu_chain(
        ([[1], [2]], [0, 0]),
        ([[2, 0], [0, 1]], [1, 1]),
        plain([[rational(-1), rational(1)], [rational(1), tiny]], [0, 0]),
        ([[1, -3]], [0]),
    )
    nodes = [replace(n, source="d3") if n.source == "h3" else n for n in network.nodes if n.target != "h3"]
    network = replace(with_float_arrays(Network(network.inputs, tuple(nodes), network.outputs)), dtype="float32")
    result = reduce(network)
    assert [(x.name, x.after, x.copies, x.declined) for x in result.layers] == [
        ("h1", 1, 0, 0),
        ("h2", 2, 1, 0),
        ("d3", 1, 0, 0),
    ]


@given(st.integers(0, 10**6))
@settings(max_examples=40)
def test_wide_and_narrow_exponents_never_round(seed):
    """Weights from 2^-140 to 2^114 in classes: the original always fits, so something does, and it is exact."""
    rng = random.Random(seed)

    def number():
        return rng.choice([-1, 1]) * rational(rng.randrange(1, 2**24)) * rational(2) ** rng.choice([-140, -24, 0, 90])

    m = rng.randint(2, 4)
    base = [number(), number()]
    below = plain([[c * w for w in base] for c in [rational(rng.choice([1, 1, 2])) for _ in range(m)]], [0] * m)
    network = relu_chain(below, plain([[number() for _ in range(m)] for _ in range(2)], [0] * 2))
    network = replace(network, dtype="float32")
    if not all(fits(w, "float32") for w in weights(network)):
        return
    result = reduce(network)
    assert result.reduced.neurons <= m
    assert all(fits(w, "float32") for w in weights(result.reduced))
    assert find_flaw(network, result.quotient, result.forward) is None
    assert find_flaw(result.reduced, result.quotient, with_identities(result.reduced, result.backward)) is None
