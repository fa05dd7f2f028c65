# SPDX-License-Identifier: Apache-2.0
"""This file is about refuting: every `different` comes with an exact input that replays, every `equivalent` is true."""

import json
import math
from contextlib import suppress
from dataclasses import replace
from itertools import combinations, pairwise

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exactlump import check, read, reduce
from exactlump.cli.main import main
from exactlump.errors import FormatError, NoExactValue, ShapeError, UnsupportedLayer
from exactlump.formats import write
from exactlump.network.activations import RELU, Activation
from exactlump.network.kinds import Activate, Conv, Dense, Head, MaxPool, Reorder
from exactlump.network.program import Network
from exactlump.network.views import Port
from exactlump.network.windows import Window
from exactlump.numbers.matrix import Matrix
from exactlump.numbers.rational import ONE, ZERO, parse, rational
from exactlump.points.boxes import Box, cube, everything, exact_number
from exactlump.points.evaluation import Evaluator
from exactlump.points.limbs import numbers
from exactlump.refutation import dichotomy
from exactlump.refutation.matching import common_quotient
from exactlump.refutation.question import Question, largest_gap
from exactlump.refutation.refute import Options, refute
from exactlump.refutation.search import grid_of
from exactlump.refutation.shorten import shortened
from exactlump.refutation.whole import is_small
from exactlump.verbs.refuting import RefuteOptions, refute_files
from exactlump.verdicts import SCOPE
from tests.strategies import lumpable_networks, permuted, relu_chain
from tests.tools import DATA, dense_model, fails, raw_only, save

QUICK = Options(seconds=20)


def outputs_of(network, x):
    """The plain evaluation, at a flat input."""
    parts, start = [], 0
    for port in network.inputs:
        size = math.prod(port.shape)
        parts.append(x[start : start + size])
        start += size
    return [y for vector in network.evaluate(*parts) for y in vector]


def confirmed(a, b, found, question=None, box=None):
    """A difference replays in plain evaluation, lies in the domain, and is what was asked for."""
    assert found.verdict == "different"
    ours, theirs = outputs_of(a, found.input), outputs_of(b, found.input)
    assert (list(found.outputs[0]), list(found.outputs[1])) == (ours, theirs)
    assert ours != theirs
    assert found.gap == max(abs(y - z) for y, z in zip(ours, theirs, strict=True))
    if question is not None and question.kind == "epsilon":
        assert found.gap > question.epsilon
    if question is not None and question.kind == "argmax":
        assert not {i for i, y in enumerate(ours) if y == max(ours)} & {
            i for i, y in enumerate(theirs) if y == max(theirs)
        }
    if box is not None:
        assert box.holds(found.input)


ONE_LAYER = relu_chain(([[1, 2], [-1, 1]], [0, 1]), ([[1, -1], [2, 1]], [0, 0]))
DEEP = relu_chain(([[1, 2], [-1, 1]], [0, 1]), ([[1, -1], [2, 1]], [1, 0]), ([[1, 1], [-1, 2]], [0, "1/2"]))


def changed(network, amount="1/1000000"):
    """The same network with one more or less in one outgoing weight."""
    *nodes, last = network.nodes
    rows = [dict(last.weight.row(v)) for v in range(last.weight.shape[0])]
    rows[0][0] = rows[0].get(0, ZERO) + rational(amount)
    return replace(network, nodes=(*nodes, replace(last, weight=Matrix.from_rows(rows, last.weight.shape[1]))))


# Questions


@pytest.mark.parametrize(
    ("a", "b", "kinds"),
    [
        ([1, 2], [1, 2], ""),
        ([1, 2], [1, 3], "different"),
        ([1, 2], [2, 1], "different epsilon argmax index"),
        ([2, 2], [2, 1], "different epsilon"),
        ([2, 2, 0], [0, 0, 1], "different epsilon argmax index"),
        ([2, 2, 0], [0, 1, 1], "different epsilon index"),
        ([2, 1], [2, 2], "different epsilon"),
    ],
)
def test_questions_are_strict(a, b, kinds):
    """More than epsilon is not as much as epsilon; decisions differ only where no way of breaking ties agrees."""
    some = [Question(), Question("epsilon", rational("1/2")), Question("epsilon", ONE), Question("argmax")]
    left, right = (numbers(list(map(rational, side))) for side in (a, b))
    assert some[0].separates(left, right) == ("different" in kinds)
    assert some[2].separates(left, right) == (largest_gap(left, right) > 1)
    assert some[3].separates(left, right) == ("argmax" in kinds)
    assert Question("index").separates(left, right) == ("index" in kinds)


def test_scores_are_positive_just_where_floats_differ_and_have_their_gradients():
    draw = np.random.default_rng(0)
    a, b = draw.standard_normal((2, 40, 3))
    for question in (Question(), Question("epsilon", rational("1/3")), Question("argmax")):
        score, to_a, to_b = question.score(a, b)
        exact = [numbers([rational(float(y)) for y in row]) for row in np.concatenate([a, b])]
        truth = [question.separates(left, right) for left, right in zip(exact[:40], exact[40:], strict=True)]
        assert (score > 0).tolist() == truth or question.kind == "argmax"
        assert all(truth[i] for i in np.flatnonzero(score > 0))
        step = 1e-7
        near = question.score(a + step * to_a, b + step * to_b)[0]
        assert (near - score) / step == pytest.approx((to_a**2).sum(1) + (to_b**2).sum(1), rel=1e-4)


def test_questions_that_make_no_sense_are_refused():
    fails(FormatError, 2, lambda: Question("epsilon"), "question")
    fails(FormatError, 2, lambda: Question("other"), "other")
    fails(FormatError, 2, lambda: Question("epsilon", rational(-1)), "not negative")
    single = relu_chain(([[1]], [0]), ([[1]], [0]))
    fails(ShapeError, 2, lambda: refute(single, single, Question("argmax")), "found 1, expected at least 2")
    fails(ShapeError, 2, lambda: refute(single, ONE_LAYER), "inputs: found 1 and 2 elements")
    fails(ShapeError, 2, lambda: refute(ONE_LAYER, ONE_LAYER, box=everything(3)), "found 3 inputs")


# Domains


def test_boxes():
    box = Box((None, ZERO, rational("1/3")), (None, ONE, rational("1/3")))
    assert not box.is_bounded
    assert not box.is_everything
    assert box.clamped([rational(7), rational(7), ZERO]) == (7, 1, rational("1/3"))
    assert box.on_grid([rational("5/8"), rational("5/8"), ZERO], 4) == (
        rational("3/4"),
        rational("3/4"),
        rational("1/3"),
    )
    assert box.on_grid([rational(0), rational("-1/9"), ONE], 1) == (0, 0, rational("1/3"))
    assert box.holds(box.on_grid([ONE, rational("2/5"), ONE], 2))
    narrow = Box((rational("2/5"),), (rational("3/5"),))
    assert narrow.on_grid([rational("9/20")], 1) == (rational("2/5"),)
    assert everything(2).is_everything
    fails(FormatError, 2, lambda: cube("1", "0", 2), "1 > 0", "not empty")
    fails(FormatError, 2, lambda: cube("nan", "0", 2), "expected a decimal")


@pytest.mark.parametrize("word", ["1/0", "1/-2", "x", "1/2/3", "", "1e99999", "1/" + "9" * 5000])
def test_numbers_of_the_command_line(word):
    fails(FormatError, 2, lambda: exact_number(word), "expected")


def test_numbers_may_be_decimals_or_fractions():
    assert exact_number("-2.5e-1") == exact_number("-1/4") == rational(-1, 4)


@settings(max_examples=50)
@given(
    st.lists(st.tuples(st.fractions(), st.fractions(), st.fractions()), min_size=1, max_size=4),
    st.integers(1, 1000),
)
def test_points_on_the_grid_stay_in_the_box(sides, q):
    exact = [[rational(f.numerator, f.denominator) for f in side] for side in sides]
    box = Box(tuple(min(side[:2]) for side in exact), tuple(max(side[:2]) for side in exact))
    x = [side[2] for side in exact]
    assert box.holds(box.on_grid(x, q))
    assert box.holds(box.clamped(x))


def test_grids_are_finer_than_boxes():
    assert grid_of(np.array([2.0, 0.0])) == 32
    assert grid_of(np.array([1e-3, 1.0])) == 2**16
    assert grid_of(np.array([0.0])) == 16
    assert grid_of(np.array([np.finfo(np.float64).max])) == 16


# Verdicts


@pytest.mark.parametrize("network", [ONE_LAYER, DEEP])
@pytest.mark.parametrize("question", [Question(), Question("epsilon", rational("1/1000")), Question("argmax")])
def test_a_change_of_one_weight_is_found(network, question):
    other = changed(network, "5" if question.kind != "different" else "1/1000000000")
    found = refute(network, other, question, options=QUICK)
    confirmed(network, other, found, question)
    assert refute(network, network, question, options=QUICK).verdict == "equivalent"


@pytest.mark.parametrize(("low", "high"), [("-1", "1"), ("1/3", "1/3"), ("0.1", "0.1000001")])
def test_boxes_are_kept_to_even_when_flat(low, high):
    box = cube(low, high, 2)
    other = changed(DEEP)
    confirmed(DEEP, other, refute(DEEP, other, box=box, options=QUICK), box=box)


def test_networks_that_are_equal_on_a_box_only():
    """ReLU(x) and x on [0, 1] and beyond: a solver shows the one, a point shows the other."""
    relu = relu_chain(([[1], [0]], [0, 1]), ([[1, 0]], [0]))
    line = relu_chain(([[1], [-1]], [0, 0]), ([[1, -1]], [0]))
    found = refute(relu, line, box=cube("0", "1", 1), options=QUICK)
    assert (found.verdict, found.method) == ("equivalent", "solver")
    confirmed(relu, line, refute(relu, line, options=QUICK))
    near = refute(relu, line, Question("epsilon", rational("1/10")), cube("-0.1", "1", 1), QUICK)
    assert (near.verdict, near.method) == ("equivalent", "solver")
    question = Question("epsilon", rational("99/1000"))
    confirmed(relu, line, refute(relu, line, question, cube("-0.1", "1", 1), QUICK), question)


def test_one_hidden_layer_is_decided_outright():
    """ReLU(-x-1) = ReLU(x+1) - ReLU(x) + ReLU(-x) - 1: no proportional neurons, and yet the same function (E6)."""
    one = relu_chain(([[-1]], [-1]), ([[1]], [0]))
    three = relu_chain(([[1], [1], [-1]], [1, 0, 0]), ([[1, -1, 1]], [-1]))
    assert common_quotient(one, three) is None
    found = refute(one, three, options=QUICK)
    assert (found.verdict, found.method) == ("equivalent", "kinks")
    assert found.common is not None
    assert dichotomy.decide(one, three) is None


def test_a_kink_far_away_is_found():
    """A neuron that is dead on all simple and most random points."""
    base = relu_chain(([[1, 0], [0, 1]], [0, 0]), ([[1, 1]], [0]))
    far = relu_chain(([[1, 0], [0, 1], [1, 1]], [0, 0, -100000]), ([[1, 1, "1/1000"]], [0]))
    confirmed(base, far, refute(base, far, options=QUICK))


def planted_merge(sizes, bias, seed):
    """A random network and the same with one neuron of the first layer replaced by twice one and three times another.

    In the original that neuron is the combination before its activation, so that the networks agree where signs do.
    """
    draw = np.random.default_rng(seed)
    weights = [(draw.standard_normal((n, m)) / math.sqrt(m)).astype(np.float32) for m, n in pairwise(sizes)]
    weights[0] = np.round(weights[0] * 1024).astype(np.float32) / 1024
    weights[0][-1] = 2 * weights[0][0] + 3 * weights[0][1]
    biases = [np.zeros(n, np.float32) for n in sizes[1:]]
    biases[1][:] = bias
    merged = [w.copy() for w in weights]
    merged[1] = np.round(weights[1] * 2**20).astype(np.float64) / 2**20
    weights[1] = merged[1].copy()
    merged[1][:, 0] += 2 * merged[1][:, -1]
    merged[1][:, 1] += 3 * merged[1][:, -1]
    merged[0], merged[1], shorter = merged[0][:-1], merged[1][:, :-1], [biases[0][:-1], *biases[1:]]
    return float_chain(weights, biases), float_chain(merged, shorter)


def float_chain(weights, biases):
    nodes, source = [], "x"
    for i, (w, b) in enumerate(zip(weights, biases, strict=True)):
        nodes.append(Dense(source, f"d{i}", Matrix.from_floats(w), tuple(rational(float(y)) for y in b)))
        source = f"d{i}"
        if i < len(weights) - 1:
            nodes.append(Activate(source, f"h{i}", (RELU,) * len(b)))
            source = f"h{i}"
    return Network((Port("x", (weights[0].shape[1],)),), tuple(nodes), (source,), "float32")


@pytest.mark.parametrize("bias", [0, -8, -64])
@pytest.mark.parametrize("seed", range(3))
def test_one_merged_neuron_is_found_even_behind_layers_that_are_dead_near_zero(bias, seed):
    a, b = planted_merge((64, 96, 96, 10), bias, seed)
    found = refute(a, b, options=QUICK)
    confirmed(a, b, found)
    assert found.method in ("points", "cones")


@settings(max_examples=100)
@given(lumpable_networks(), st.randoms(use_true_random=False))
def test_a_network_and_its_reduction_are_never_different(planted, random):
    """Reduced, or permuted and rescaled by powers of two: equivalent where values are rational, and never different."""
    network = planted.network
    for other in (reduce(network).reduced, disguised(network, random)):
        found = refute(network, other, options=Options(seconds=5))
        assert found.verdict == "equivalent"


def disguised(network, random):
    """The same function: units of hidden layers permuted, rows and columns rescaled by powers of two."""
    orders = {}
    nodes = list(network.nodes)
    for i, node in enumerate(nodes):
        readers = network.consumers[node.target]
        if not (isinstance(node, Dense) and [type(r) for r in readers] == [Activate]):
            continue
        (act,) = readers
        plain = all(isinstance(r, Dense) for r in network.consumers[act.target]) and act.target not in network.outputs
        if node.target in network.outputs or not plain:
            continue
        order = list(range(len(node.bias)))
        random.shuffle(order)
        orders[node.target] = orders[act.target] = order
        scale = [rational(2) ** random.randint(-3, 3) if f.scales else ONE for f in act.functions]
        nodes[i] = scaled_rows(nodes[i], scale)
        for j, reader in enumerate(nodes):
            if isinstance(reader, Dense) and reader.source == act.target:
                nodes[j] = scaled_columns(reader, scale)
    return permuted(replace(network, nodes=tuple(nodes)), orders)


def scaled_rows(node, scale):
    rows = [{u: scale[v] * w for u, w in node.weight.row(v).items()} for v in range(len(scale))]
    weight = Matrix.from_rows(rows, node.weight.shape[1])
    return replace(node, weight=weight, bias=tuple(c * b for c, b in zip(scale, node.bias, strict=True)))


def scaled_columns(node, scale):
    rows = [{u: w / scale[u] for u, w in node.weight.row(v).items()} for v in range(node.weight.shape[0])]
    return replace(node, weight=Matrix.from_rows(rows, node.weight.shape[1]))


@settings(max_examples=40)
@given(lumpable_networks("exact"), lumpable_networks("exact"))
def test_equivalent_is_never_said_of_networks_that_differ_at_a_point(one, other):
    """Any two networks with as many inputs and outputs; the verdict agrees with plain evaluation at random points."""
    try:
        found = refute(one.network, other.network, options=Options(seconds=3, match="position"))
    except (ShapeError, NoExactValue, UnsupportedLayer):
        return
    if found.verdict == "different":
        confirmed(one.network, other.network, found)
    elif found.verdict == "equivalent":
        for seed in range(20):
            size = sum(math.prod(port.shape) for port in one.network.inputs)
            draw = np.random.default_rng(seed)
            x = tuple(rational(int(i), 8) for i in draw.integers(-99, 100, size))
            with suppress(NoExactValue):
                assert outputs_of(one.network, x) == outputs_of(other.network, x)


def test_heads_are_compared_by_what_they_see():
    def headed(network, kind):
        (name,) = network.outputs
        return replace(network, nodes=(*network.nodes, Head(name, "s", kind)), outputs=("s",))

    shifted = replace(DEEP, nodes=(*DEEP.nodes[:-1], replace(DEEP.nodes[-1], bias=(rational(5), rational("11/2")))))
    found = refute(headed(DEEP, "softmax"), headed(shifted, "softmax"), options=QUICK)
    assert found.verdict == "equivalent"  # a common shift of the logits
    assert refute(headed(DEEP, "softmax"), headed(changed(DEEP), "softmax"), options=QUICK).verdict == "different"
    assert refute(headed(DEEP, "argmax"), headed(shifted, "argmax"), options=QUICK).verdict == "equivalent"
    one, other = headed(DEEP, "argmax"), headed(changed(DEEP, "3"), "argmax")
    found = refute(one, other, options=QUICK)
    assert found.verdict == "different"
    assert outputs_of(one, found.input) != outputs_of(other, found.input)
    fails(UnsupportedLayer, 4, lambda: refute(headed(DEEP, "softmax"), DEEP), "found the heads")
    epsilon = Question("epsilon", ONE)
    fails(
        NoExactValue, 4, lambda: refute(headed(DEEP, "softmax"), headed(changed(DEEP), "softmax"), epsilon), "softmax"
    )


def test_heads_must_stand_at_the_same_outputs():
    """Two outputs, one of them a softmax: taken in another order, they are not compared as if they were the same."""

    def two(*outputs):
        shift = Dense("d3", "e", Matrix.from_rows([{0: ONE, 1: -ONE}, {}], 2), (ZERO, ZERO))
        return replace(DEEP, nodes=(*DEEP.nodes, shift, Head("d3", "s", "softmax")), outputs=outputs)

    assert refute(two("s", "e"), two("s", "e"), options=QUICK).verdict == "equivalent"
    assert refute(two("s", "e"), two("e", "s"), options=QUICK).verdict == "equivalent"
    in_order = replace(QUICK, match="position")
    fails(UnsupportedLayer, 4, lambda: refute(two("s", "e"), two("e", "s"), options=in_order), "found the heads")


def test_small_networks_on_images_are_not_put_to_the_solver():
    taps = Window((2, 2), (1, 1), (2, 2), (1, 1), (1, 1), (0, 0), (0, 0))

    def conv(last):
        weight = Matrix.from_rows([{0: ONE, 1: ONE, 2: ONE, 3: ONE}, {0: -ONE, 3: rational(last)}], 4)
        nodes = (
            Reorder("x", "image", None, (1, 2, 2), 0),
            Conv("image", "c", weight, (ZERO, ONE), taps),
            Activate("c", "r", (RELU, RELU)),
            MaxPool("r", "m", Window((1, 1), (1, 1), (1, 1), (1, 1), (1, 1), (0, 0), (0, 0))),
            Reorder("m", "y", None, (2,)),
        )
        return Network((Port("x", (4,)),), nodes, ("y",))

    assert not is_small(conv(2), conv(2))
    assert refute(conv(2), conv(2), options=QUICK).verdict == "equivalent"
    confirmed(conv(2), conv(3), refute(conv(2), conv(3), options=QUICK))


def test_functions_without_rational_values_are_unsupported_unless_the_networks_have_one_quotient():
    def with_sigmoid(weight):
        nodes = (
            Dense("x", "d", Matrix.from_rows([{0: rational(weight)}], 1), (ONE,)),
            Activate("d", "h", (Activation("sigmoid"),)),
            Dense("h", "y", Matrix.from_rows([{0: ONE}], 1), (ZERO,)),
        )
        return Network((Port("x", (1,)),), nodes, ("y",))

    assert refute(with_sigmoid(2), with_sigmoid(2), options=QUICK).verdict == "equivalent"
    fails(UnsupportedLayer, 4, lambda: refute(with_sigmoid(2), with_sigmoid(3)), "sigmoid")


def with_elu(bias, *outputs):
    """elu(x + bias), and constants as further outputs; elu is rational at 0 and above only."""
    nodes = (
        Dense("x", "d", Matrix.from_rows([{0: ONE}], 1), (rational(bias),)),
        Activate("d", "h", (Activation("elu", (ONE,)),)),
        Dense("h", "y", Matrix.from_rows([{0: ONE}, *({} for _ in outputs)], 1), (ZERO, *map(rational, outputs))),
    )
    return Network((Port("x", (1,)),), nodes, ("y",))


def test_an_input_is_found_though_shorter_ones_have_irrational_values():
    a, b = with_elu(-7), with_elu("-20/3")
    found = refute(a, b, options=QUICK)
    confirmed(a, b, found)
    assert found.input == (8,)


def test_the_search_goes_on_where_values_are_irrational():
    a, b = with_elu(0, 30), with_elu(0, "30001/1000")
    question, box = Question("argmax"), cube("-40", "40", 1)
    confirmed(a, b, refute(a, b, question, box, QUICK), question, box)
    fails(NoExactValue, 4, lambda: refute(a, b, question, cube("-40", "-1", 1), Options(seconds=0.5)), "elu")


QUESTIONS = [Question(), Question("epsilon", rational(1, 10)), Question("argmax")]


@pytest.mark.parametrize("question", QUESTIONS, ids=str)
def test_a_box_of_one_point_is_decided_there(question):
    """Too large for a solver, without a common quotient; the networks have the values 1 and 1 more at 0."""
    draw = np.random.default_rng(0)
    layers = [(draw.integers(-3, 4, (40, 3)).tolist(), [1] * 40), (draw.integers(-3, 4, (2, 40)).tolist(), [0, 0])]
    a, b = relu_chain(*layers), split_by_mirror(relu_chain(*layers))
    point = Box(*[(rational(1, 3), ZERO, -ONE)] * 2)
    found = refute(a, b, question, point, QUICK)
    assert (found.verdict, found.method) == ("equivalent", "one point")
    ours = outputs_of(a, point.lower)
    shift = [ours[1] - ours[0], ours[0] - ours[1]]
    last = b.nodes[-1]
    other = replace(b, nodes=(*b.nodes[:-1], replace(last, bias=tuple(shift))))
    found = refute(a, other, question, point, QUICK)
    confirmed(a, other, found, question, point)
    assert (found.method, found.input) == ("one point", point.lower)


def test_at_a_point_with_an_irrational_value_only_the_quotient_is_an_answer():
    point = cube("1", "1", 1)
    assert refute(with_elu(-7), with_elu(-7), box=point, options=QUICK).method == "quotient"
    fails(NoExactValue, 4, lambda: refute(with_elu(-7), with_elu(-8), box=point), "elu")
    assert refute(with_elu(-1, 3), with_elu(-1, 4), Question("argmax"), point).method == "one point"


def test_out_of_time_is_unknown_and_says_what_was_tried():
    """Equal, with no common quotient or normal form, and too large for a solver."""
    draw = np.random.default_rng(0)
    rows = draw.integers(-3, 4, (40, 8)).tolist()
    a = relu_chain((rows, [1] * 40), (draw.integers(-2, 3, (30, 40)).tolist(), [0] * 30), ([[1] * 30], [0]))
    found = refute(a, split_by_step(a), options=Options(seconds=1.5))
    assert found.verdict == "unknown"
    assert found.input is None
    assert found.tried[-1] == "out of time"
    assert found.seconds < 10


def split_by_step(network):
    """The first layer's ReLU(y) as ReLU(ReLU(y + 1) - 1): the same function, and kinks that no rule finds equal."""
    first, act, *rest = network.nodes
    n = len(first.bias)
    nodes = (
        replace(first, target="m", bias=tuple(b + ONE for b in first.bias)),
        Activate("m", "mr", (RELU,) * n),
        Dense("mr", first.target, Matrix.from_rows([{v: ONE} for v in range(n)], n), (-ONE,) * n),
        act,
        *rest,
    )
    return replace(network, nodes=nodes)


def split_by_mirror(network):
    """The first layer's y as ReLU(ReLU(y) - ReLU(-y)): one more layer, the same function, and no proportional rows."""
    first, act, *rest = network.nodes
    rows = [first.weight.row(v) for v in range(len(first.bias))]
    both = [*rows, *({u: -w for u, w in row.items()} for row in rows)]
    n = len(rows)
    joined = [{v: ONE, n + v: -ONE} for v in range(n)]
    nodes = (
        Dense("x", "m", Matrix.from_rows(both, first.weight.shape[1]), (*first.bias, *(-b for b in first.bias))),
        Activate("m", "mr", (RELU,) * (2 * n)),
        Dense("mr", first.target, Matrix.from_rows(joined, 2 * n), (ZERO,) * n),
        act,
        *rest,
    )
    return replace(network, nodes=nodes)


def test_the_same_seed_gives_the_same_answer():
    other = changed(DEEP, "2")
    answers = [refute(DEEP, other, Question("argmax"), options=Options(seed=5)) for _ in range(2)]
    assert answers[0].input == answers[1].input
    assert answers[0].method == answers[1].method


def test_several_inputs_and_shapes_are_compared_flat():
    joined = Network((Port("x", (1, 2)),), (Reorder("x", "f", None, (2,)), *renamed(ONE_LAYER.nodes, "f")), ("d2",))
    assert refute(joined, ONE_LAYER, options=QUICK).verdict in ("equivalent", "unknown")
    confirmed(joined, changed(ONE_LAYER), refute(joined, changed(ONE_LAYER), options=QUICK))


def renamed(nodes, source):
    first, *rest = nodes
    return (replace(first, source=source), *rest)


def test_where_the_networks_part():
    found = refute(DEEP, changed(DEEP), options=QUICK)
    assert (found.parting.a, found.parting.b, found.parting.unit) == ("d3", "d3", 0)
    assert found.parting.values[0] != found.parting.values[1]
    assert refute(DEEP, ONE_LAYER, options=QUICK).parting is None


# Short inputs


def test_inputs_get_shorter_while_they_separate():
    box = cube("-8", "8", 4)
    x = tuple(rational(p, 1024) for p in (1000, -2047, 3, 5555))
    assert shortened(x, box, lambda y: y[3] > 2, 200) == (0, 0, 0, 5)
    assert shortened(x, box, lambda y: y == x, 200) == x
    asked = []
    shortened(x, box, lambda y: bool(asked.append(y)), 7)
    assert len(asked) == 7


@settings(max_examples=50)
@given(st.lists(st.integers(-4096, 4096), min_size=1, max_size=6), st.integers(0, 20))
def test_shorter_inputs_still_separate(tops, tries):
    x = tuple(rational(p, 64) for p in tops)
    box = cube("-64", "64", len(x))

    def separates(y):
        return 3 * abs(sum(y)) >= 2 * abs(sum(x))

    assert separates(shortened(x, box, separates, tries))
    assert box.holds(shortened(x, box, separates, tries))


# Files and the command line


@pytest.fixture
def models(tmp_path):
    draw = np.random.default_rng(0)
    layers = [(draw.integers(-4, 5, (4, 3)), [0, 1, 0, -1]), (draw.integers(-4, 5, (2, 4)), [0, 0])]
    twice = [(np.concatenate([layers[0][0]] * 2), [0, 1, 0, -1] * 2), (np.tile(layers[1][0] / 2, 2), [0, 0])]
    layers[0][0][0] = [1, 2, 3]
    twice[0][0][0] = twice[0][0][4] = [1, 2, 3]
    other = [layers[0], (layers[1][0] + np.array([[0, 0, 0, 0.5], [0, 0, 0, 0]]), [0, 0])]
    names = {"a": layers, "twice": twice, "other": other}
    return {name: save(tmp_path / f"{name}.onnx", dense_model(*some)) for name, some in names.items()}


@pytest.fixture
def run(capsys):
    """The verb in this process: exit code, stdout, stderr."""

    def call(*arguments):
        with pytest.raises(SystemExit) as done:
            main(["refute", *map(str, arguments)])
        return done.value.code, *capsys.readouterr()

    return call


def test_files_that_differ(models, run):
    code, out, _ = run(models["a"], models["other"], "--json")
    found = json.loads(out)
    assert code == 1
    assert found["verdict"] == "different"
    assert set(found) >= {"verdict", "input", "outputs", "replayed", "method", "seconds"}
    x = [parse(word) for word in found["input"]]
    for side, name in (("a", "a"), ("b", "other")):
        exact = Evaluator(read(models[name]))(numbers(x)).rationals
        assert [parse(word) for word in found["outputs"][side]] == list(exact)
        if found["replayed"]:
            assert found["replayed"][side] == pytest.approx([float(y) for y in exact], rel=1e-5)
    assert found["outputs"]["a"] != found["outputs"]["b"]
    code, out, err = run(models["a"], models["other"], "--argmax", "--box", "-1", "1")
    assert code == 1
    assert out.startswith("different: the decisions differ")
    assert "input: x[" in err


def test_files_that_are_equivalent_get_a_certificate(models, tmp_path, run):
    proof = tmp_path / "proof.json"
    code, out, err = run(models["a"], models["twice"], "--certificate", proof)
    assert (code, out.partition(":")[0]) == (0, "equivalent"), err
    assert check.check(str(models["a"]), str(models["twice"]), str(proof)).verdict == "equivalent"
    code, out, _ = run(models["a"], models["a"])
    assert (code, out) == (0, f"equivalent: the files are the same; {SCOPE}\n")
    same = refute_files(models["a"], models["a"], RefuteOptions(certificate=proof, overwrite=True))
    assert same.finding.method == "quotient"
    assert check.check(str(models["a"]), str(models["a"]), str(proof)).verdict == "equivalent"


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lumpable_networks(), st.randoms(use_true_random=False))
def test_the_checker_accepts_every_common_quotient(tmp_path, planted, random):
    """Hidden layers without activation among them, which have no rows in these certificates."""
    paths = tmp_path / "a.json", tmp_path / "b.json"
    write(planted.network, paths[0])
    write(disguised(planted.network, random), paths[1])
    found = refute_files(*paths, RefuteOptions(seconds=5))
    assert found.finding.verdict == "equivalent", found.notes


def test_a_certificate_does_not_replace_what_is_read(models, tmp_path, run):
    property_ = tmp_path / "p.vnnlib"
    property_.write_text("".join(f"(declare-const X_{i} Real)(assert (and (<= X_{i} 1) (>= X_{i} 0)))" for i in "012"))
    inputs = models["a"], models["twice"], property_
    before = [path.read_bytes() for path in inputs]
    for path in inputs:
        for place in (path, tmp_path / "none" / ".." / path.name):
            code, out, err = run(*inputs[:2], "--vnnlib", property_, "--certificate", place)
            assert (code, out) == (2, "")
            assert "found the input's own name" in err
    assert [path.read_bytes() for path in inputs] == before


def test_what_no_rule_reads_in_one_file_is_unknown(models, tmp_path, run):
    """An operator without a rule, or with weights that are no numbers, is a function that nothing is known of."""
    broken = onnx.load(models["a"])
    broken.graph.initializer[0].CopyFrom(onnx.numpy_helper.from_array(np.full((4, 3), np.nan, np.float32), "W1"))
    nan = save(tmp_path / "nan.onnx", broken)
    odd = onnx.load(models["a"])
    odd.graph.node[1].op_type = "Hardmax"
    unsupported = save(tmp_path / "odd.onnx", odd)
    for other in (nan, unsupported):
        code, out, err = run(models["a"], other)
        assert (code, out.split(":")[0]) == (3, "unknown"), err


def test_bad_input_is_one_line(models, tmp_path, run):
    small = save(tmp_path / "small.onnx", dense_model(([[1, 2]], [0]), ([[1]], [0])))
    property_ = tmp_path / "p.vnnlib"
    property_.write_text("(declare-const X_0 Real)(assert (and (<= X_0 1) (>= X_0 0)))")
    cases = [
        ((models["a"], small), 2, "inputs: found 3 and 2 elements"),
        ((models["a"], tmp_path / "none.onnx"), 2, "none.onnx"),
        ((models["a"], models["other"], "--box", "1", "0"), 2, "box: input 0: found the bounds 1 > 0"),
        ((models["a"], models["other"], "--box", "nan", "0"), 2, "expected a decimal"),
        ((models["a"], models["other"], "--vnnlib", property_), 2, "found 1 inputs, expected the networks' 3"),
        ((models["a"], models["other"], "--vnnlib", property_, "--box", "0", "1"), 2, "expected one of them"),
        ((models["a"], models["other"], "--epsilon", "-1"), 2, "not negative"),
        ((models["a"], models["other"], "--epsilon", "nan"), 2, "expected a decimal"),
        ((models["a"], models["other"], "--epsilon", "1", "--argmax"), 2, "expected one of them"),
    ]
    for arguments, expected, words in cases:
        code, out, err = run(*arguments)
        assert code == expected, err
        said, silent = (out, err) if expected == 4 else (err, out)
        assert words in said
        assert said.startswith("unsupported: " if expected == 4 else "exactlump: ")
        assert said.count("\n") == 1
        assert silent == ""


@pytest.fixture
def saved(tmp_path):
    """Writes networks to exact files."""

    def save_all(*networks):
        paths = [tmp_path / f"{i}.json" for i in range(len(networks))]
        for path, network in zip(paths, networks, strict=True):
            write(network, path)
        return paths

    return save_all


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("box", ["1.7e308", "1e308", "8e307"])
def test_the_widest_boxes_are_searched(saved, run, box):
    paths = saved(DEEP, changed(DEEP, "1/1000000"))
    code, _, err = run(*paths, "--box", f"-{box}", box, "--argmax", "--timeout", "2")
    assert code in (0, 1, 3), err
    assert run(*paths, "--box", f"-{box}", box, "--timeout", "2")[0] == 1


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("question", [[], ["--argmax"], ["--epsilon", "1e300"]], ids=str)
def test_weights_near_the_end_of_float64_are_searched(saved, monkeypatch, run, question):
    """No least squares of what is infinite, about which LAPACK would have a word on stdout."""

    def lstsq(matrix, right, rcond):
        assert np.isfinite(matrix).all()
        assert np.isfinite(right).all()
        raise np.linalg.LinAlgError

    monkeypatch.setattr(np.linalg, "lstsq", lstsq)
    large = relu_chain(([[1e300, 2e300], [-1e300, 1e300]], [0, 1]), ([[1e300, -1e300], [2e300, 1e300]], [0, 0]))
    code, _, err = run(*saved(large, changed(large)), *question, "--timeout", "2")
    assert code in (0, 1, 3), err


@pytest.mark.parametrize("question", [[], ["--argmax"], ["--epsilon", "1e999"]], ids=str)
@pytest.mark.parametrize("box", [[], ["--box", "-1e9999", "1e9999"]], ids=str)
def test_numbers_beyond_float64_are_no_bug(saved, run, question, box):
    factor = rational(10) ** 400
    large = relu_chain(([[factor, 2 * factor], [-factor, factor]], [0, 1]), ([[1, -1], [2, 1]], [0, 0]))
    code, out, err = run(*saved(large, changed(large)), *box, *question, "--timeout", "2")
    assert code in (0, 1, 3), err
    assert out.partition(":")[0] == {0: "equivalent", 1: "different", 3: "unknown"}[code]
    if not question:
        assert code == 1
        assert "about inf" not in out + err


def test_bounds_of_a_property_may_lie_beyond_float64(saved, tmp_path, run):
    property_ = tmp_path / "p.vnnlib"
    bounds = "".join(f"(declare-const X_{i} Real)(assert (and (<= X_{i} 1e9999) (>= X_{i} 1e999)))" for i in range(2))
    property_.write_text(bounds)
    code, out, err = run(*saved(DEEP, changed(DEEP)), "--vnnlib", property_, "--timeout", "2")
    assert (code, out.partition(":")[0]) == (1, "different"), err


def test_a_name_of_a_file_cannot_forge_a_verdict(saved, tmp_path, run):
    property_ = tmp_path / "p\nequivalent: forged.vnnlib"
    property_.write_text("".join(f"(declare-const X_{i} Real)(assert (and (<= X_{i} 1) (>= X_{i} 0)))" for i in "01"))
    code, out, err = run(*saved(DEEP, split_by_step(DEEP)), "--vnnlib", property_)
    assert (code, out.count("\n")) == (0, 1), err
    assert "p\\nequivalent: forged.vnnlib" in out


def test_nothing_follows_a_verdict_that_cannot_be_shown(models, run, monkeypatch):
    def fail(found):
        raise OverflowError

    monkeypatch.setattr("exactlump.cli.refute.evidence", fail)
    assert run(models["a"], models["other"])[:2] == (5, "")


def test_a_flat_box_is_a_point(models, run):
    code, out, _ = run(models["a"], models["other"], "--box", "1/3", "1/3", "--json")
    found = json.loads(out)
    assert (code, found["input"], found["method"]) == (1, ["1/3"] * 3, "one point")
    code, out, _ = run(models["a"], models["other"], "--box", "0", "0")
    assert (code, out) == (0, f"equivalent: as evaluated at the only point of box [0, 0]; {SCOPE}\n")


def test_exact_files_are_compared_too(tmp_path):
    write(DEEP, tmp_path / "a.json")
    write(changed(DEEP), tmp_path / "b.json")
    found = refute_files(tmp_path / "a.json", tmp_path / "b.json")
    assert found.finding.verdict == "different"
    assert found.replayed is None
    assert any("not replayed" in note for note in found.notes)


# Real networks


def real(*names):
    paths = [DATA / name for name in names]
    if not all(path.exists() for path in paths):
        pytest.skip(f"no real networks in {DATA}")
    return paths


PAIRS = [
    ("acasxu/nnet/ACASXU_run2a_1_1_batch_2000.nnet", "pairs/acasxu_16bit/ACASXU_run2a_1_1_batch_2000_16bit.nnet"),
    ("acasxu/nnet/ACASXU_run2a_1_8_batch_2000.nnet", "pairs/acasxu_16bit/ACASXU_run2a_1_8_batch_2000_16bit.nnet"),
    ("mnist_fc/mnist-net_256x4.onnx", "pairs/mnist_256x4_retrained/mnist_256x4_2e5.onnx"),
    ("pairs/har_retrained/har.onnx", "pairs/har_retrained/har_2e5.onnx"),
    ("pairs/har_retrained/har.onnx", "pairs/har_retrained/har_1e4.onnx"),
    ("pairs/heloc_retrained/heloc.onnx", "pairs/heloc_retrained/heloc_2e5.onnx"),
    ("pairs/mnist_relu_3_100/mnist_relu_3_100.nnet", "pairs/mnist_relu_3_100/mnist_relu_3_100_16bit.nnet"),
]


@pytest.mark.real
@pytest.mark.parametrize(("one", "other"), PAIRS, ids=[other for _, other in PAIRS])
def test_real_pairs_differ(one, other):
    paths = real(one, other)
    raw = any(map(raw_only, paths))
    found = refute_files(*paths, RefuteOptions(seconds=20, raw_nnet=raw))
    confirmed(read(paths[0], raw_nnet=raw), read(paths[1], raw_nnet=raw), found.finding)


@pytest.mark.real
@pytest.mark.parametrize("name", ["nnequiv_truncated", "nnequiv_students"])
def test_real_students_differ_unless_they_are_copies(name):
    mirrors = sorted((DATA / "pairs" / name).glob("*mirror*"))
    if not mirrors:
        pytest.skip(f"no real networks in {DATA}")
    for mirror in mirrors:
        original = mirror.with_name(mirror.name.replace("-mirror", ""))
        raw = raw_only(mirror)
        found = refute_files(original, mirror, RefuteOptions(seconds=20, raw_nnet=raw)).finding
        if original.read_bytes() == mirror.read_bytes():
            assert found.verdict == "equivalent"
        else:
            confirmed(read(original, raw_nnet=raw), read(mirror, raw_nnet=raw), found)


@pytest.mark.real
def test_students_that_are_copies_of_each_other():
    paths = sorted((DATA / "pairs" / "nnequiv_students").glob("*.onnx"))
    if not paths:
        pytest.skip(f"no real networks in {DATA}")
    copies = [(a, b) for a, b in combinations(paths, 2) if a.read_bytes() == b.read_bytes()]
    assert copies
    for a, b in copies:
        assert refute_files(a, b).finding.method == "same bytes"
        assert refute(read(a), read(b), options=QUICK).verdict == "equivalent"


ORIGINALS = {"a11": "relusplit/acas_1_1.onnx", "a27": "relusplit/acas_2_7.onnx", "m2": "mnist_fc/mnist-net_256x2.onnx"}


@pytest.mark.real
@pytest.mark.parametrize("original", ORIGINALS)
def test_split_networks_differ_at_zero_unless_they_are_exact(original):
    splits = sorted((DATA / "relusplit").glob(f"{original}_*.onnx.gz"))
    if not splits:
        pytest.skip(f"no real networks in {DATA}")
    a = read(DATA / ORIGINALS[original])
    for path in splits:
        b = read(path)
        if "exact" in path.name:
            assert refute(a, b, options=Options(seconds=1)).verdict != "different"
        else:
            found = refute(a, b, options=QUICK)
            confirmed(a, b, found)
            assert not any(found.input)


@pytest.mark.real
def test_a_decision_that_rounding_flips_is_found():
    one, other = real("relusplit/acas_1_1.onnx", "relusplit/a11_L0_default.onnx.gz")
    question = Question("argmax")
    a, b = read(one), read(other)
    confirmed(a, b, refute(a, b, question, options=Options(seconds=60)), question)


@pytest.mark.real
def test_the_box_of_a_property():
    one, other, box = real(*PAIRS[0], "acasxu/vnnlib/prop_1.vnnlib")
    options = RefuteOptions(epsilon=rational("1/100000"), vnnlib=box, raw_nnet=True, seconds=20)
    found = refute_files(one, other, options)
    networks = [read(path, raw_nnet=True) for path in (one, other)]
    confirmed(*networks, found.finding, options.question, found.domain)


def test_a_suffix_in_capitals_is_read_alike(tmp_path):
    """The headers divide the input by 2 and by 1; without them the networks are equal."""
    words = "1,1,1,1,\n1,1,\n0\n-100,\n100,\n0,0,\n{},1,\n1,\n0,\n"
    for name, spread in (("A.NNET", 2), ("B.NNET", 1)):
        (tmp_path / name).write_text(words.format(spread))
    paths = tmp_path / "A.NNET", tmp_path / "B.NNET"
    assert refute_files(*paths).finding.verdict == "different"
    assert refute_files(*paths, RefuteOptions(raw_nnet=True)).finding.verdict == "equivalent"


def test_equal_models_with_other_weights_beside_them_are_not_the_same(tmp_path):
    """The bytes of the two model files are equal; what they name in their folders is not."""
    paths = [tmp_path / folder / "model.onnx" for folder in "ab"]
    for weight, path in enumerate(paths, 1):
        path.parent.mkdir()
        model = dense_model((np.full((1, 600), weight), [0]))
        constants = [
            onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(t), t.name) for t in model.graph.initializer
        ]
        model.graph.ClearField("initializer")
        model.graph.initializer.extend(constants)
        onnx.save(model, path, save_as_external_data=True, location="weights.bin", size_threshold=0)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert refute_files(*paths).finding.verdict == "different"
    assert refute_files(paths[0], paths[0]).finding.method == "same bytes"
