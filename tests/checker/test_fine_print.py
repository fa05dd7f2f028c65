# SPDX-License-Identifier: Apache-2.0
"""This file is about the rules that are easy to get wrong: one test, or a few, for each line of the fine print.

The lines are numbered as in the design: 1 where rows attach, 2 leaders, 3 fusion, 4 pieces, 5 emptied
layers, 6 the order of trimming, 7 the canonical form.
"""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings

from exactlump.lumping.flaws import find_flaw
from exactlump.lumping.simulations import FREE, NULL, Affine, Free, Relation, Same, entry
from exactlump.network.activations import IDENTITY, RELU, Activation, leaky_relu
from exactlump.network.kinds import Activate, Dense, Scale, Shift
from exactlump.network.layers import anchors
from exactlump.network.program import Network
from exactlump.network.views import Port
from exactlump.numbers.floats import fits, pieces
from exactlump.numbers.matrix import Matrix
from exactlump.numbers.rational import ONE, primitive, rational
from exactlump.reduction.loop import exact_quotient, reduce
from tests.lumping.test_pieces import biases, floats, plain, weights, widened
from tests.lumping.test_simulation import with_identities
from tests.oracle import difference
from tests.strategies import lumpable_networks, relu_chain, show, with_float_arrays


def in_float32(network):
    return replace(with_float_arrays(network), dtype="float32")


def dense(source, target, rows, bias=None):
    matrix = Matrix.from_rows([{u: rational(w) for u, w in enumerate(row)} for row in rows], len(rows[0]))
    return Dense(source, target, matrix, tuple(rational(b) for b in bias or [0] * len(rows)))


# 1. Where rows attach.


def test_1_a_dead_unit_is_a_negative_constant_before_relu_and_null_after_it():
    network = relu_chain(([[0], [1]], [-3, 0]), ([[1, 1]], [0]))
    step = exact_quotient(network)
    assert list(step.simulation) == ["h1", "d2"]
    assert step.simulation["h1"].rows == (NULL, entry(0, ONE))


def test_1_constants_are_folded_through_the_activation():
    network = relu_chain(([[0], [1]], [-3, 0]), ([[1, 1]], [0]), functions=[leaky_relu(rational(1, 3))])
    assert exact_quotient(network).simulation["h1"].rows[0] == Affine((), rational(-1))


def test_1_a_derived_tensor_has_no_rows_and_may_hold_free_units():
    """d2 is linear and fused; below it a class cancels, so that its expansion names free units which vanish above."""
    nodes = (
        dense("x", "d1", [[1], [2], [1]], [0, 0, 1]),
        Activate("d1", "h1", (RELU,) * 3),
        dense("h1", "d2", [[2, -1, 1], [0, 0, 3]]),
        dense("d2", "y", [[1, 1]]),
    )
    network = Network((Port("x", (1,)),), nodes, ("y",))
    step = exact_quotient(network)
    assert "d2" not in step.simulation
    assert step.simulation["h1"].rows == (FREE, Same(0, rational(2)), entry(0, ONE))
    assert find_flaw(network, step.network, step.simulation) is None


def test_1_activations_are_never_derived():
    network = relu_chain(([[1]], [0]), ([[1]], [0]))
    assert "no relation" in find_flaw(network, network, {})


# 2. Leaders.


@given(lumpable_networks(dtype="float32"))
@settings(max_examples=80)
def test_2_class_ids_are_gapless_and_every_class_has_a_leader(planted):
    result = reduce(planted.network)
    for simulation, network in ((result.forward, result.quotient), (result.backward, result.quotient)):
        for relation in simulation.values():
            named = {k for row in relation.rows if isinstance(row, Affine) for k, _ in row.terms}
            units = network.units(relation.over) if relation.over else 0
            assert named == set(range(units))


@given(lumpable_networks(dtype="float32"))
@settings(max_examples=80)
def test_2_the_written_half_names_no_free_units_and_no_constants(planted):
    """So the expansion of a leader holds none either."""
    for relation in reduce(planted.network).backward.values():
        assert all(isinstance(row, Affine) and len(row.terms) == 1 and not row.plus for row in relation.rows)


# 3. Fusion is a property of Q.


def test_3_the_rule_counts_weights_on_the_quotient_not_on_the_original():
    """2-4-2 with a bottleneck of one class: fused 4 weights against 2 + 2; on N it would be 4 against 8 + 8."""
    network = Network(
        (Port("x", (2,)),), (dense("x", "d", [[1, 1], [2, 2], [3, 3], [4, 4]]), dense("d", "y", [[1] * 4] * 2)), ("y",)
    )
    assert exact_quotient(network).network.neurons == 0
    wide = Network(
        (Port("x", (3,)),), (dense("x", "d", [[1] * 3, [2] * 3, [3] * 3]), dense("d", "y", [[1] * 3] * 3)), ("y",)
    )
    assert exact_quotient(wide).network.neurons == 1


def test_3_ties_stay_unfused_in_the_written_type():
    """Both ways take one unit: d is one unit unfused, fused x would need copies of its own."""
    network = in_float32(
        Network((Port("x", (1,)),), (dense("x", "d", [[3]]), dense("d", "y", [["16777215/2"]])), ("y",))
    )
    result = reduce(network)
    assert exact_quotient(network).network.neurons == 0
    assert result.reduced.neurons == 1
    assert "x.copies" not in result.reduced.shapes


def test_3_copies_of_the_inputs_hold_wide_products():
    rng = np.random.default_rng(0)
    below, above = plain(floats(rng, 8, 2), [0] * 8), plain(floats(rng, 5, 8), [0] * 5)
    network = Network(
        (Port("x", (2,)),),
        (dense("x", "d", *below), dense("d", "e", *above), Activate("e", "h", (RELU,) * 5), dense("h", "y", [[1] * 5])),
        ("y",),
    )
    result = reduce(in_float32(network))
    assert result.reduced.units("x.copies") == len(result.reduced.producer["x.copies"].bias) < 8
    rows = result.reduced.producer["x.copies"].weight
    assert all(list(rows.row(v).values()) == [ONE] for v in range(rows.shape[0]))
    assert result.layers[-1].copies == rows.shape[0]


def test_3_nothing_is_fused_that_no_sum_of_floats_is():
    """A normalisation by 1/60261 in decimals: the product does not terminate, so the pair stays."""
    network = Network((Port("x", (1,)),), (dense("x", "d", [["1/10"]]), dense("d", "y", [["3/10"]])), ("y",))
    assert reduce(network, "decimal").reduced.neurons == 0
    scaled = Network((Port("x", (1,)),), (dense("x", "d", [["1/3"]]), dense("d", "y", [["1/10"]])), ("y",))
    assert reduce(scaled, "exact").reduced.neurons == 0


def test_3_a_fusion_declined_for_the_checkers_cost_alone_is_reported():
    above = [[2, -1] + [0] * 18 if i else [1] * 20 for i in range(300)]
    nodes = (dense("x", "d", [[v + 1] * 16 for v in range(20)]), dense("d", "y", above))
    result = reduce(Network((Port("x", (16,)),), nodes, ("y",)))
    assert "the checker's cost" in result.layers[0].why_not_more


# 4. Pieces.


@pytest.mark.parametrize("m", [2, 3, 5, 8])
def test_4_no_layer_gets_more_units_than_it_had(m):
    for seed in range(4):
        network = widened(m, seed)
        result = reduce(network)
        assert result.reduced.neurons <= m
        assert all(fits(w, "float32") for w in weights(result.reduced))


def test_4_pieces_are_decided_over_the_rows_that_are_written():
    """Layer 2 is written as copies: their equal rows ask for no more pieces in layer 1 than one row does."""
    rng = np.random.default_rng(3)
    (row,), (above,) = floats(rng, 1, 3), floats(rng, 1, 1)
    second = [[above[0], 0 * ONE], [2 * above[0], 0 * ONE], [4 * above[0], 0 * ONE]]
    network = relu_chain(
        plain([row, [2 * w for w in row]], [0, 0]), plain(second, [0] * 3), plain(floats(rng, 3, 3), [0] * 3)
    )
    result = reduce(in_float32(network))
    assert [(x.after, x.copies) for x in result.layers] == [(1, 0), (2, 1)]
    assert find_flaw(result.reduced, result.quotient, with_identities(result.reduced, result.backward)) is None


def test_4_what_fits_neither_way_is_split_in_the_quotient_and_taken_again_above():
    """A row above that is a primitive multiple has no neuron of its own, so the original weights cannot be kept."""
    tiny = rational(2) ** -149
    first = plain([[rational(1)], [rational(2)]], [0, 0])
    second = plain([[2 * tiny, tiny], [6 * tiny, 3 * tiny], [4 * tiny, 2 * tiny]], [1, 3, 2])
    network = in_float32(relu_chain(first, second, ([[1, 1, 1]], [0])))
    result = reduce(network)
    assert find_flaw(network, result.quotient, result.forward) is None
    assert difference(network, result.reduced) is None
    assert all(fits(w, "float32") for w in weights(result.reduced))


def test_4_a_constant_that_fits_nowhere_keeps_its_neuron_and_only_then():
    tiny = rational(2) ** -149
    for weight, neurons in ((tiny, 2), (2 * tiny, 1)):
        network = in_float32(relu_chain(plain([[0 * ONE], [ONE]], [ONE / 2, 0]), plain([[weight, ONE]], [0])))
        result = reduce(network)
        assert result.reduced.neurons == neurons
        assert all(pieces(b, "float32") is not None for b in biases(result.reduced))


# 5. Emptied layers.


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_5_if_one_layer_is_empty_all_below_it_are(depth):
    layers = [([[1], [2]], [0, 1])]
    layers += [([[1, 1], [2, -1]], [1, 0])] * (depth - 1)
    layers += [([[0, 0], [0, 0]], [3, -1]), ([[2, 2]], [1])]
    network = relu_chain(*layers)
    result = reduce(network)
    (node,) = result.reduced.nodes
    assert (node.source, node.weight.nonzeros, node.bias) == ("x", 0, (rational(7),))
    for tensor, relation in result.forward.items():
        if tensor != node.target:
            assert relation.over is None
            assert all(isinstance(row, Free | Same) or not row.terms for row in relation.rows)


def test_5_the_two_networks_need_not_have_equal_depth():
    network = relu_chain(([[1], [2]], [0, 1]), ([[0, 0]], [3]), ([[2]], [1]), ([[1]], [0]))
    step = exact_quotient(network)
    assert (len(network.nodes), len(step.network.nodes)) == (7, 1)
    assert find_flaw(network, step.network, step.simulation) is None


# 6. The order of trimming.


def test_6_constants_first_then_classes():
    """2 h0 + k and 2 h0 + 1 with the constant k = 1 are one class only when k is folded first."""
    network = relu_chain(([[1], [0]], [0, 1]), ([[2, 1], [2, 0]], [0, 1]), ([[1, 1]], [0]))
    step = exact_quotient(network)
    assert step.simulation["h1"].rows == (entry(0, ONE), Affine((), ONE))
    assert step.simulation["h2"].rows == (entry(0, ONE), entry(0, ONE))


def test_6_in_an_unobservable_class_the_least_member_is_free_and_the_others_follow_it():
    network = relu_chain(([[1], [3], [2]], [1, 3, 2]), ([[-5, 1, 1]], [0]))
    step = exact_quotient(network)
    assert step.simulation["h1"].rows == (FREE, Same(0, rational(3)), Same(0, rational(2)))


@given(lumpable_networks(dtype="float32"))
@settings(max_examples=60)
def test_6_free_units_come_first_in_their_class(planted):
    for relation in exact_quotient(planted.network).simulation.values():
        for v, row in enumerate(relation.rows):
            if isinstance(row, Same):
                assert row.unit < v
                assert relation.rows[row.unit] == FREE


# 7. Canonical form.


def test_7_zero_is_null_and_one_entry_is_one_entry():
    network = relu_chain(([[0], [1]], [0, 0]), ([[1, 1]], [0]))
    assert exact_quotient(network).simulation["h1"] == Relation("h1", (NULL, entry(0, ONE)))


def test_7_ratios_are_simple_by_their_magnitude():
    """-1/2 is minus a power of two, -3 is minus an integer: the least member stands."""
    network = relu_chain(([[2], [-1], [-6]], [2, -1, -6]), ([[1, 1, 5], [0, 1, 0]], [0, 0]), functions=[IDENTITY])
    step = exact_quotient(replace(network, outputs=("d2",)))
    assert difference(network, step.network) is None
    nodes = (*network.nodes[:1], *network.nodes[2:])
    linear = Network(network.inputs, (nodes[0], replace(nodes[1], source="d1")), ("d2",))
    result = reduce(linear)
    assert result.reduced.neurons == 0


def test_7_the_primitive_row_has_the_sign_of_the_least_member_and_includes_the_bias():
    network = relu_chain(([[-6], [-4]], [9, 6]), ([[1, 1]], [0]))
    dense = exact_quotient(network).network.producer["d1"]
    row = [dense.weight.entry(0, 0), dense.bias[0]]
    assert primitive(row)[0] == [-2, 3]
    assert row == [rational(-8), rational(12)]


@given(lumpable_networks(dtype="float32"))
@settings(max_examples=60)
def test_7_classes_are_ordered_by_least_member_and_copies_are_adjacent(planted):
    result = reduce(planted.network)
    for relation in result.forward.values():
        first = {}
        for row in relation.rows:
            if isinstance(row, Affine) and row.terms:
                first.setdefault(row.terms[0][0], len(first))
        assert list(first) == sorted(first)
    for relation in result.backward.values():
        ids = [row.terms[0][0] for row in relation.rows]
        assert ids == sorted(ids)


def test_7_a_neuron_that_merges_with_nothing_keeps_its_row_and_bias():
    network = relu_chain(([["3/7", 5], [1, "-9/11"]], ["1/3", 4]), ([[1, 2]], [0]))
    assert show(reduce(network).reduced) == show(network)


def test_7_output_rows_are_never_folded_or_merged():
    network = relu_chain(([[1]], [0]), ([[0], [1], [1]], [4, 0, 0]))
    reduced = reduce(network).reduced
    assert reduced.units("d2") == 3
    activated = replace(network, nodes=(*network.nodes, Activate("d2", "y", (RELU,) * 3)), outputs=("y",))
    assert reduce(activated).reduced.units("y") == 3


def test_7_a_leaky_relu_with_slope_one_is_the_identity():
    assert leaky_relu(ONE) == IDENTITY
    network = relu_chain(([[1], [-1]], [0, 0]), ([[1, 2]], [0]), functions=[leaky_relu(ONE)])
    assert exact_quotient(network).simulation["h1"].rows == (entry(0, ONE), entry(0, -ONE))


def test_7_slopes_of_prelu_are_compared_per_unit():
    network = relu_chain(([[1], [1], [2]], [0, 0, 0]), ([[1, 1, 1]], [0]))
    slopes = (leaky_relu(rational(1, 4)), leaky_relu(rational(1, 3)), leaky_relu(rational(1, 4)))
    nodes = (network.nodes[0], Activate("d1", "h1", slopes), network.nodes[2])
    step = exact_quotient(replace(network, nodes=nodes))
    assert step.simulation["h1"].rows == (entry(0, ONE), entry(1, ONE), entry(0, rational(2)))
    assert step.network.producer["h1"].functions == slopes[:2]


def test_7_element_wise_nodes_between_weights_and_activation_belong_to_the_row():
    nodes = (
        dense("x", "d", [[1], [1]]),
        Scale("d", "s", (ONE, rational(2))),
        Shift("s", "t", (ONE, rational(2))),
        Activate("t", "h", (RELU,) * 2),
        dense("h", "y", [[1, 1]]),
    )
    network = Network((Port("x", (1,)),), nodes, ("y",))
    assert anchors(network)["h"] is None
    assert exact_quotient(network).simulation["h"].rows == (entry(0, ONE), entry(0, rational(2)))


def test_7_a_sigmoid_is_folded_at_zero_only():
    network = relu_chain(([[0], [0], [1]], [0, 1, 0]), ([[1, 1, 1]], [0]), functions=[Activation("sigmoid")])
    rows = exact_quotient(network).simulation["h1"].rows
    assert rows == (Affine((), rational(1, 2)), entry(0, ONE), entry(1, ONE))
