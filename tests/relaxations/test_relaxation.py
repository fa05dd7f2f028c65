# SPDX-License-Identifier: Apache-2.0
"""This file is about the relaxation: the closed form against Z3, points that replay, and networks from end to end."""

import json
import random
from dataclasses import replace
from fractions import Fraction
from functools import partial
from itertools import product

import numpy as np
import pytest

from exactlump import formats
from exactlump.cli.main import main
from exactlump.errors import CannotWrite, FormatError, ShapeError
from exactlump.lumping.definition import is_lumping
from exactlump.network.activations import ABS, IDENTITY, RELU, Activation, leaky_relu
from exactlump.network.kinds import Activate, Conv, Reorder
from exactlump.network.program import Network
from exactlump.network.views import Port
from exactlump.network.windows import Window
from exactlump.numbers.matrix import Matrix
from exactlump.numbers.rational import ONE, ZERO, fraction, rational
from exactlump.points.affine import Row
from exactlump.points.boxes import Box, cube, everything
from exactlump.refutation.dichotomy import evaluate_flat
from exactlump.relaxations.extremes import check, nicest, worst
from exactlump.relaxations.interiors import image, layers_of
from exactlump.relaxations.literal import literal_merges
from exactlump.relaxations.merging import Merge, merged
from exactlump.relaxations.regions import Combination, bounds, region
from exactlump.relaxations.relaxation import RelaxOptions, first_parting, relax, relax_literally
from exactlump.relaxations.shares import share
from exactlump.relaxations.worst import worst_input
from exactlump.verbs.relaxing import RelaxOptions as FileRelaxOptions
from exactlump.verbs.relaxing import relax_file
from tests import oracle
from tests.strategies import relu_chain
from tests.tools import dense_model, fails, real_networks, run, save


def row(*weights, constant=0):
    return Row({i: rational(w) for i, w in enumerate(weights) if w}, rational(constant))


def combine(coefficients, rows, slope="0", box=None):
    inputs = 1 + max((i for r in rows for i in r.weights), default=0)
    return Combination(tuple(map(rational, coefficients)), tuple(rows), rational(slope), box or everything(inputs))


def defect(combination, point):
    """The definition, in Fractions: sum r_i * sigma(l_i) - sigma(sum r_i * l_i)."""
    slope = oracle.exact(combination.slope)
    values = [
        sum((oracle.exact(w) * point[i] for i, w in r.weights.items()), oracle.exact(r.constant))
        for r in combination.rows
    ]
    coefficients = [oracle.exact(c) for c in combination.coefficients]

    def sigma(y):
        return y if y >= 0 else slope * y

    total = sum(c * y for c, y in zip(coefficients, values, strict=True))
    return sum(c * sigma(y) for c, y in zip(coefficients, values, strict=True)) - sigma(total)


def fractions(z):
    return [oracle.exact(value) for value in z]


# The closed form


DIRECTIONS = ((1, 0), (0, 1), (-1, 0))


@pytest.mark.parametrize("slope", ["0", "1/3", "-2"])
def test_729_patterns_of_coefficients_and_constants_are_decided_as_z3_decides_them(slope):
    """Coefficients of three neurons and their biases, each -1, 0 or 1; every second time one neuron is a constant.

    For leaky slopes, every fifth pattern.
    """
    exact, slopes = 0, rational(slope)
    for k, (coefficients, biases) in enumerate(product(product((-1, 0, 1), repeat=3), repeat=2)):
        if slope != "0" and k % 5:
            continue
        directions = list(DIRECTIONS)
        directions[k % 3] = (0, 0) if k % 2 else directions[k % 3]
        rows = [row(*w, constant=b) for w, b in zip(directions, biases, strict=True)]
        combination = Combination(tuple(map(rational, coefficients)), tuple(rows), slopes, everything(2))
        word, point = check(combination, 10)
        assert word == ("unsat" if combination.is_exact else "sat")
        if point is not None:
            assert defect(combination, fractions(point.z)) == oracle.exact(point.defect) != 0
        exact += combination.is_exact
    assert (100 if slope == "0" else 20) < exact < 500


def drawn(rng):
    n, m = rng.randint(1, 4), rng.randint(1, 2)
    rows = [row(*[rng.choice((0, 1, -1, 2)) for _ in range(m)], constant=rng.choice((0, 1, -1, -2))) for _ in range(n)]
    if rng.random() < 0.5:
        rows.append(Row({i: -w for i, w in rows[0].weights.items()}, -rows[0].constant))
    coefficients = [rng.choice((1, 1, -1, 2)) for _ in rows]
    ends = [sorted(rng.sample([-3, -1, 0, 1, 2, 4], 2)) if rng.random() < 0.9 else [1, 1] for _ in range(m)]
    lower = tuple(None if rng.random() < 0.2 else rational(low) for low, _ in ends)
    upper = tuple(None if rng.random() < 0.2 else rational(high) for _, high in ends)
    return Combination(
        tuple(map(rational, coefficients)), tuple(rows), rational(rng.choice(("0", "0", "1/3", "2"))), Box(lower, upper)
    )


def test_on_boxes_with_and_without_bounds_the_closed_form_and_z3_agree():
    rng, exact = random.Random(7), 0
    for _ in range(400):
        combination = drawn(rng)
        word, point = check(combination, 10)
        assert word == ("unsat" if combination.is_exact else "sat")
        if point is not None:
            assert combination.box.holds(point.z)
            assert defect(combination, fractions(point.z)) == oracle.exact(point.defect) != 0
        exact += combination.is_exact
    assert 50 < exact < 350


def test_the_region_is_where_the_defect_is_zero():
    rng = random.Random(11)
    for _ in range(60):
        combination = drawn(rng)
        cells = region(combination)
        assert cells is not None
        for _ in range(40):
            ends = zip(combination.box.lower, combination.box.upper, strict=True)
            point = [inside(rng, low, high) for low, high in ends]
            values = [sum(oracle.exact(w) * point[i] for i, w in r.weights.items()) + oracle.exact(r.constant)
                      for _, r in combination.parts]  # fmt: skip
            holding = [c for c in cells if all(s * y >= 0 for s, y in zip((*c.sources, c.target), values, strict=True))]
            if holding:
                assert defect(combination, point) == 0
            elif all(values):
                near = defect(combination, point)
                moved = defect(combination, [y + Fraction(1, 10**9) * (i + 1) for i, y in enumerate(point)])
                assert near or moved or any(low == high for low, high in zip(*edges(combination.box), strict=True))


def edges(box):
    return box.lower, box.upper


def inside(rng, low, high):
    low = Fraction(-9) if low is None else oracle.exact(low)
    high = max(low, Fraction(9) if high is None else oracle.exact(high))
    return low + (high - low) * Fraction(rng.randint(0, 1000), 1000)


def test_the_share_of_a_box_is_exact_in_the_plane_and_an_estimate_beyond():
    two = combine([1, 1], [row(1, 2), row(2, 1)], box=cube("-1", "1", 2))
    exact = share(two, region(two))
    assert (oracle.exact(exact.value), exact.samples) == (Fraction(3, 4), 0)
    line = combine([1, 1], [row(1), row(1, constant=-1)], box=cube("-1", "3", 1))
    assert oracle.exact(share(line, region(line)).value) == Fraction(3, 4)
    three = combine([1, 1], [row(1, 0, 0), row(0, 1, 1)], box=cube("-1", "1", 3))
    found = share(three, region(three))
    assert found.samples == 20_000
    assert abs(found.value - 0.5) < 0.02
    assert share(combine([1, 1], [row(1), row(2)]), []) is None


@pytest.mark.filterwarnings("error")
def test_no_share_is_estimated_beyond_float64():
    wide = combine([1, 1], [row(1, 0, 0), row(0, 1, 1)], box=cube("-1e307", "1e307", 3))
    assert abs(share(wide, region(wide)).value - 0.5) < 0.02
    wider = replace(wide, box=cube("-1e999", "1e999", 3))
    assert share(wider, region(wider)) is None
    large = combine([1, 1], [row(10**400, 0, 0), row(0, 1, 1)], box=cube("-1", "1", 3))
    assert share(large, region(large)) is None


def test_a_share_in_the_plane_agrees_with_a_grid():
    rng = random.Random(4)
    for _ in range(20):
        rows = [row(rng.randint(-2, 2), rng.randint(-2, 2), constant=rng.randint(-1, 1)) for _ in range(2)]
        combination = combine([rng.choice((1, 2, -1)) for _ in rows], rows, box=cube("-1", "1", 2))
        found = share(combination, region(combination))
        cells = [Fraction(2 * k + 1, 40) * 2 - 1 for k in range(20)]
        right = sum(defect(combination, [x, y]) == 0 for x in cells for y in cells)
        assert abs(float(oracle.exact(found.value)) - right / 400) < 0.15


# The examples of the erratum: same sign is not enough


def test_e8_a_a_signed_combination_is_wrong():
    signed = combine([1, -1], [row(2, 1), row(1, 2)], box=cube("0", "1", 2))
    assert not signed.is_exact
    assert fractions(nicest(signed, 10).z) == [0, 1]
    assert nicest(signed, 10).defect == -1


def test_e8_b_a_bias_is_enough_to_go_wrong():
    biased = combine([1, 1], [row(1), row(1, constant=-1)])
    point = nicest(biased, 10)
    assert (fractions(point.z), oracle.exact(point.defect), point.is_best) == ([Fraction(1, 2)], Fraction(1, 2), True)


def test_e8_c_signed_inputs_go_wrong_and_inputs_that_are_not_negative_do_not():
    rows = [row(1, 2), row(2, 1)]
    assert combine([1, 1], rows, box=Box((ZERO, ZERO), (None, None))).is_exact
    wrong = combine([1, 1], rows)
    assert not wrong.is_exact
    assert max(abs(y) for y in nicest(wrong, 10).z) == 1


def test_e7_one_source_loses_only_with_a_negative_coefficient():
    assert combine([2], [row(1, 2)]).is_exact
    assert not combine([-1], [row(1, 2)]).is_exact
    assert combine([-1], [row(1, 2)], slope="1").is_exact


def test_mixed_stable_signs_are_affine_and_not_right():
    mixed = combine([1, 1], [row(1), row(1, constant=-4)], box=cube("2", "3", 1))
    assert not mixed.is_exact
    assert abs(worst(mixed, 10).defect) == 2


def test_a_constant_defect_is_named_as_what_the_next_bias_repairs():
    constant = combine([1, 1], [row(1), row(0, constant=-2)])
    assert constant.offset is None
    repaired = combine([1, 1, -1], [row(1), row(0, constant=3), row(0, constant=3)])
    assert repaired.is_exact
    both = combine([1, 1], [row(0, constant=3), row(0, constant=-1)])
    assert (both.is_exact, oracle.exact(both.offset)) == (False, 1)


def test_the_worst_point_is_the_largest_of_all_corners_of_the_arrangement():
    rng = random.Random(9)
    for _ in range(25):
        rows = [row(rng.randint(-2, 2), constant=rng.randint(-2, 2)) for _ in range(3)]
        combination = combine([rng.choice((1, -1, 2)) for _ in rows], rows, box=cube("-2", "3", 1))
        zeros = [-r.constant / r.weights[0] for _, r in combination.parts if r.weights]
        corners = [Fraction(-2), Fraction(3), *(oracle.exact(z) for z in zeros if -2 <= z <= 3)]
        largest = max(abs(defect(combination, [x])) for x in corners)
        found = worst(combination, 10)
        assert (abs(oracle.exact(found.defect)) if found else 0) == largest
        assert found is None or found.is_best


def test_the_nicest_point_is_the_nicest_of_all_points_on_small_grids():
    rng = random.Random(10)
    for _ in range(20):
        rows = [row(rng.randint(-2, 2), rng.randint(-1, 1), constant=rng.randint(-2, 2)) for _ in range(2)]
        combination = combine([rng.choice((1, -1)) for _ in rows], rows, box=cube("-1", "2", 2))
        found = nicest(combination, 10)
        by_hand = next((size for q in (1, 2, 3) for size in on_grid(combination, q)), None)
        if by_hand is None:
            assert combination.is_exact == (found is None)
            continue
        q = max(fraction(y)[1] for y in found.z)
        assert found.is_best
        assert (q, max(abs(oracle.exact(y) * q) for y in found.z)) == by_hand


def on_grid(combination, q):
    """(q, size) of the smallest points p/q at which the defect is not 0."""
    points = product(range(-q, 2 * q + 1), repeat=2)
    sizes = [max(map(abs, p)) for p in points if defect(combination, [Fraction(n, q) for n in p])]
    return [(q, min(sizes))] if sizes else []


# Networks


def judged(found):
    return [(j.merge.target, j.merge.sources, j.exact, j.discharged) for j in found.judgements]


def test_proportional_neurons_are_merged_soundly():
    network = relu_chain(([[1, 2], [2, 4], [0, 0]], [0, 0, 0]), ([[1, 1, 1]], [0]))
    found = relax(network, RelaxOptions())
    assert found.verdict == "equivalent"
    assert judged(found) == [(2, (), True, "unsat"), (1, (0,), True, "unsat")]
    assert found.merged.neurons == 1
    for x in product((-1, 0, 2), repeat=2):
        point = [rational(y) for y in x]
        assert evaluate_flat(network, point) == evaluate_flat(found.merged, point)


def test_a_wrong_merge_comes_with_an_input_that_replays_and_the_place_where_the_networks_part():
    network = relu_chain(([[2, 1], [1, 2], [1, -1]], [0, 0, 0]), ([[1, 1, 1]], [0]))
    found = relax(network, RelaxOptions(), cube("-1", "1", 2))
    assert found.verdict == "different"
    assert replays(found)
    assert first_parting(network, found.merged, found.finding.input) == found.original.outputs[0]
    assert found.worst.is_largest
    largest = max(
        abs(a - b)
        for x in product([Fraction(k, 4) for k in range(-4, 5)], repeat=2)
        for a, b in zip(*(outputs(n, x) for n in (network, found.merged)), strict=True)
    )
    assert oracle.exact(found.worst.gap) == largest


def outputs(network, x):
    values = oracle.valuation(network, [list(x)])
    return [y for name in network.outputs for y in values[name]]


def replays(found):
    x = fractions(found.finding.input)
    return outputs(found.original, x) != outputs(found.merged, x)


def test_above_a_relu_the_domain_is_the_orthant_and_what_is_right_there_is_right_in_the_network():
    network = relu_chain(([[1, 0], [0, 1]], [0, 0]), ([[1, 2], [2, 1], [3, 3]], [1, 0, 1]), ([[1, 1, -1]], [0]))
    found = relax(network, RelaxOptions())
    assert found.verdict == "equivalent"
    assert judged(found) == [(2, (0, 1), True, "unsat")]
    signed = relu_chain(
        ([[1, 0], [0, 1]], [0, 0]), ([[1, 2], [2, 1], [3, 3]], [1, 0, 1]), ([[1, 1, -1]], [0]), functions=[ABS] * 3
    )
    assert relax(signed, RelaxOptions()).verdict == "equivalent"


def test_a_box_is_carried_upwards():
    layers = (([[1], [-1]], [0, 0]), ([[1, -1], [2, -1], [3, -2]], [3, 3, 6]), ([[1, 1, -1]], [0]))
    network = relu_chain(*layers)
    assert not relax(network, RelaxOptions()).judgements[0].exact
    assert relax(network, RelaxOptions(), cube("-1", "1", 1)).verdict == "equivalent"


def test_random_networks_say_equivalent_only_where_they_are_and_every_difference_replays():
    rng, seen = random.Random(21), {"equivalent": 0, "different": 0, "unknown": 0}
    for _ in range(60):
        inputs, width, second = rng.randint(1, 2), rng.randint(2, 5), rng.randint(2, 4)
        numbers = lambda rows, columns: [[rng.choice((-1, 0, 1, 2)) for _ in range(columns)] for _ in range(rows)]  # noqa: E731
        layers = [(numbers(width, inputs), numbers(1, width)[0]), (numbers(second, width), numbers(1, second)[0])]
        network = relu_chain(*layers, (numbers(2, second), [0, 0]), functions=[rng.choice((RELU, RELU, ABS))] * 3)
        box = cube("-1", "2", inputs) if rng.random() < 0.5 else None
        found = relax(network, RelaxOptions(terms=rng.randint(1, 3), details=2), box)
        seen[found.verdict] += 1
        assert all(j.discharged == ("unsat" if j.exact else "sat") for j in found.judgements)
        assert all(j.point is not None and j.combination.defect(j.point.z) for j in found.judgements if not j.exact)
        if found.verdict == "different":
            assert replays(found)
        else:
            for point in product([Fraction(-1), Fraction(-1, 3), Fraction(0), Fraction(1), Fraction(2)], repeat=inputs):
                assert found.verdict == "unknown" or outputs(network, point) == outputs(found.merged, point)
    assert min(seen["equivalent"], seen["different"]) > 5


def test_intervals_after_activations_hold_all_values():
    rng = random.Random(5)
    for _ in range(300):
        slope = rng.choice(("0", "1/3", "-2", "-1", "3"))
        low, high = sorted(rng.choices(range(-4, 5), k=2))
        ends = [rational(low) if rng.random() < 0.7 else None, rational(high) if rng.random() < 0.7 else None]
        sigma = leaky_relu(rational(slope))
        least, largest = image(sigma, *ends)
        for y in range(-50 if ends[0] is None else low, (50 if ends[1] is None else high) + 1):
            value = sigma(rational(y))
            assert least is None or least <= value
            assert largest is None or value <= largest
        if ends[0] is not None and ends[1] is not None:
            assert least is not None
            assert largest is not None
    assert image(RELU, None, None) == (0, None)
    assert image(Activation("tanh"), ZERO, ONE) == (None, None)


def test_bounds_of_rows_are_attained():
    low, high = bounds(row(2, -1, constant=5), cube("-1", "3", 2))
    assert (low, high) == (0, 12)
    assert bounds(row(1), Box((ZERO,), (None,))) == (0, None)


def test_neurons_with_different_functions_never_stand_for_each_other():
    nodes = relu_chain(([[1], [2], [2]], [0, 0, 0]), ([[1, 1, 1]], [0]), functions=[RELU]).nodes
    mixed = Activate(nodes[1].source, nodes[1].target, (RELU, ABS, Activation("tanh")))
    network = Network((Port("x", (1,)),), (nodes[0], mixed, nodes[2]), (nodes[2].target,))
    assert relax(network, RelaxOptions()).judgements == ()


def test_linear_layers_may_merge_anything():
    network = relu_chain(([[1, 0], [0, 1], [1, -1]], [0, 0, 0]), ([[1, 1, 1]], [0]), functions=[IDENTITY])
    found = relax(network, RelaxOptions())
    assert (found.verdict, len(found.judgements)) == ("equivalent", 1)


def test_outputs_are_never_merged_and_that_is_said():
    nodes = relu_chain(([[1], [2]], [0, 0]), ([[1, 0], [0, 1]], [0, 0])).nodes
    network = Network((Port("x", (1,)),), nodes[:2], (nodes[1].target,))
    found = relax(network, RelaxOptions())
    assert found.judgements == ()
    assert "it is an output" in found.notes[0]


def test_layers_of_images_are_left_out_and_the_dense_layers_above_them_are_not():
    window = Window(source=(2,), target=(2,), kernel=(1,), stride=(1,), dilation=(1,), begin=(0,), end=(0,))
    one = Matrix.from_rows([{0: ONE}], 1)
    nodes = (
        Reorder("x", "i", None, (1, 2), 0),
        Conv("i", "c", one, (ZERO,), window),
        Activate("c", "r", (RELU,)),
        Reorder("r", "f", None, (2,)),
        *(replace(n, source="f") if n.source == "x" else n for n in above().nodes),
    )
    network = Network((Port("x", (2,)),), nodes, (nodes[-1].target,))
    found = relax(network, RelaxOptions())
    assert found.notes == ("r: left out: its units are images",)
    assert (found.verdict, judged(found)) == ("equivalent", [(2, (0, 1), True, "unsat")])
    assert found.judgements[0].layer.box.lower == (None, None, None, None, 0, 0, 0, 0, 0)
    assert not relax(above(), RelaxOptions()).judgements[0].exact


def above():
    """t = v1 + v2 with weights that are not negative."""
    return relu_chain(([[1, 2], [2, 1], [3, 3]], [0, 0, 0]), ([[1, -1, 2]], [0]))


def test_a_layer_that_vanishes_keeps_a_neuron_that_nothing_reads():
    network = relu_chain(([[0], [0]], [0, 0]), ([[1, 1]], [7]))
    found = relax(network, RelaxOptions())
    assert found.merged.neurons == 1
    assert evaluate_flat(found.merged, [ONE]) == (7,)


def test_merging_is_the_paper_s_redirection_of_weights():
    network = relu_chain(([[1, 0], [0, 1], [1, 1]], [0, 0, 0]), ([[1, 0, 5], [0, 1, 7]], [0, 0]))
    layers = layers_of(network, everything(2))
    small = merged(network, {layers[0].name: [Merge(2, (0, 1), (ONE, ONE + ONE))]})
    assert [small.nodes[-1].weight.row(v) for v in range(2)] == [{0: 6, 1: 10}, {0: 7, 1: 15}]


# Definition 6 as printed


def test_the_erratum_s_example_is_merged_as_printed_and_refuted():
    network = relu_chain(([[1], [2]], [0, 0]), ([[1, 0], [0, 1]], [0, 0]), ([[1, 1]], [0]))
    found = relax_literally(network, RelaxOptions())
    assert (found.verdict, found.merged.neurons) == ("different", 2)
    assert replays(found)
    assert outputs(found.original, [Fraction(1)]) == [3]
    assert outputs(found.merged, [Fraction(1)]) == [2]


def test_the_literal_relation_is_one_that_the_printed_definition_allows():
    rng, unsound = random.Random(6), 0
    for _ in range(60):
        numbers = lambda rows, columns: [[rng.choice((0, 1, 2)) for _ in range(columns)] for _ in range(rows)]  # noqa: E731
        network = relu_chain((numbers(2, 1), [0, 0]), (numbers(3, 2), [0, 0, 0]), (numbers(1, 3), [0]))
        layers = layers_of(network, everything(1))
        merges = literal_merges(layers)
        classes, rho = {}, {}
        for layer in layers:
            width, members = len(layer.rows), {v: [v] for v in range(len(layer.rows))}
            factors = [ONE] * width
            for merge in merges[layer.name]:
                members[merge.sources[0]].append(merge.target)
                del members[merge.target]
                factors[merge.target] = ONE / merge.coefficients[0]
            classes[layer.name], rho[layer.name] = tuple(map(tuple, members.values())), tuple(factors)
        assert is_lumping(network, classes, rho, literal=True)
        found = relax_literally(network, RelaxOptions())
        unsound += found.verdict == "different"
        assert found.verdict != "different" or replays(found)
    assert unsound > 3


def test_nothing_to_merge_is_said_as_such():
    found = relax_literally(relu_chain(([[1]], [1]), ([[1]], [0])), RelaxOptions())
    assert (found.verdict, found.reason) == ("unknown", "Definition 6 as printed merges nothing among 1 neuron")


def test_no_proposal_is_no_verdict():
    """What was looked for is not there, which says nothing of a network that was never proposed."""
    network = relu_chain(([[1, 2], [3, 4]], [0, 1]), ([[1, 1]], [0]))
    found = relax(network, RelaxOptions(terms=3))
    assert (found.verdict, found.reason) == ("unknown", "no exact dependences among 2 neurons, of 3 terms at most")
    assert found.merged == found.original == network
    assert found.finding is None
    alone = relax(relu_chain(([[1]], [0])), RelaxOptions())
    assert (alone.verdict, alone.reason) == ("unknown", "no exact dependences among 0 neurons, of 2 terms at most")


# Whole networks


def test_the_worst_input_of_networks_without_bounds_is_not_asked_for():
    network = relu_chain(([[1]], [0]), ([[1]], [0]))
    assert worst_input(network, network, everything(1), [], 1) is None
    assert worst_input(network, network, cube("0", "1", 1), [], 1) is None


# Files and the command line


E8A = ([[2, 1], [1, 2], [1, -1]], [0, 0, 0]), ([[1, 1, 1]], [0])


@pytest.fixture
def signed(tmp_path):
    return save(tmp_path / "signed.onnx", dense_model(*E8A))


def spoken(capsys, *arguments):
    with pytest.raises(SystemExit) as ended:
        main(["relax", *map(str, arguments)])
    out, err = capsys.readouterr()
    return ended.value.code, out, err


def test_the_verdict_the_regions_and_the_input_are_printed(signed, capsys):
    code, out, err = spoken(capsys, signed, "--box", "-1", "1")
    assert (code, out) == (1, "different: 1 of 1 merge wrong somewhere on box [-1, 1]\n")
    for words in ("n0 = n1 + n2", "right where n1 >= 0, n2 >= 0, n0 >= 0", "share of the box", "3/8", "worst:", "part"):
        assert words in err


def test_the_json_of_a_difference(signed, tmp_path, capsys):
    code, out, err = spoken(capsys, signed, "--json", "--write", tmp_path / "m.onnx")
    found = json.loads(out)
    assert (code, err, found["verdict"]) == (1, "", "different")
    assert found["neurons"] == {"before": 3, "after": 2}
    (merge,) = found["merges"]
    assert merge["point"] == {"at": {"x[0]": "0", "x[1]": "1"}, "defect": "1", "nicest": True}
    at = found["counterexample"]
    assert (at["outputs"], at["parts_at"]) == ({"original": ["3"], "merged": ["4"]}, "y")
    x = np.array([float(Fraction(word)) for word in at["input"]], np.float32)
    assert [run(path, x)[0].tolist() for path in (signed, tmp_path / "m.onnx")] == [[3.0], [4.0]]
    assert at["replayed"] == {"original": [3.0], "merged": [4.0]}


def test_without_a_runtime_nothing_is_replayed_and_the_answer_is_the_same(signed, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    found = relax_file(signed, FileRelaxOptions())
    assert (found.relaxation.verdict, found.replayed) == ("different", None)


def test_equivalent_ends_with_code_0(tmp_path, capsys):
    path = save(tmp_path / "twins.onnx", dense_model(([[1, 2], [2, 4]], [1, 2]), ([[1, 1]], [0])))
    assert spoken(capsys, path)[:2] == (0, "equivalent: 1 merge, right everywhere on all reals\n")


def test_weights_that_do_not_fit_the_file_are_not_rounded(tmp_path):
    path = save(tmp_path / "a.onnx", dense_model(([[3, 0], [0, 1], [1, 1]], [0, 0, 0]), ([[1, 1, 1]], [0])))
    options = FileRelaxOptions(write=tmp_path / "b.onnx")
    fails(CannotWrite, 2, lambda: relax_file(path, options), "b.onnx")
    assert not (tmp_path / "b.onnx").exists()
    relax_file(path, FileRelaxOptions(write=tmp_path / "b.json"))
    assert formats.read(tmp_path / "b.json").neurons == 2


def test_the_input_is_never_overwritten(signed):
    before = signed.read_bytes()
    for place in (signed, signed.parent / "none" / ".." / signed.name):
        fails(CannotWrite, 2, partial(relax_file, signed, FileRelaxOptions(write=place)), "own name")
    assert signed.read_bytes() == before


def test_hostile_requests_are_refused_in_one_line(signed, tmp_path, capsys):
    network = relu_chain(([[1, 1]], [0]), ([[1]], [0]))
    fails(FormatError, 2, lambda: relax(network, RelaxOptions(layer="nowhere")), "--layer", "'nowhere'")
    fails(ShapeError, 2, lambda: relax(network, RelaxOptions(), cube("0", "1", 3)), "found 3 inputs")
    fails(FormatError, 2, lambda: cube("1", "0", 2), "1 > 0")
    for arguments in (
        [signed, "--box", "2", "1"],
        [signed, "--box", "nan", "1"],
        [signed, "--terms", "5"],
        [signed, "--literal", "--layer", "r1"],
        [tmp_path / "absent.onnx"],
        [signed, "--write", tmp_path / "m.txt"],
    ):
        code, out, err = spoken(capsys, *arguments)
        assert (code, out) == (2, "")
        assert err.startswith("exactlump: ")
        assert err.count("\n") == 1


def test_a_box_of_measure_zero_is_a_domain_like_any_other(signed, capsys):
    assert spoken(capsys, signed, "--box", "1", "1")[0] == 0
    network = relu_chain(([[1], [1], [2]], [0, -1, -1]), ([[1, 1, 1]], [0]))
    half = rational(1, 2)
    assert relax(network, RelaxOptions(), Box((half,), (half,))).verdict == "different"
    assert relax(network, RelaxOptions(), Box((ONE,), (ONE,))).verdict == "equivalent"


@pytest.mark.parametrize("path", real_networks("acasxu/onnx/*1_1*", "mnist_fc/*2x256*", "lumpable/**/*0_0*"))
def test_real_networks_are_searched_and_judged(path, capsys):
    code, out, _ = spoken(capsys, path, "--json", "--terms", "2", "--timeout", "5")
    found = json.loads(out)
    assert (found["verdict"], code) in {("equivalent", 0), ("different", 1), ("unknown", 3)}
    if found["verdict"] == "different":
        network = formats.read(path)
        small_outputs = found["counterexample"]["outputs"]
        x = [Fraction(word) for word in found["counterexample"]["input"]]
        assert [str(y) for y in outputs(network, x)] == small_outputs["original"] != small_outputs["merged"]
