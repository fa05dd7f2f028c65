# SPDX-License-Identifier: Apache-2.0
"""This file is about networks on images: random ones, and one small network for each trap."""

import random
from dataclasses import replace

import pytest

from exactlump.errors import CannotWrite
from exactlump.formats import read, write
from exactlump.lumping.flaws import find_flaw
from exactlump.lumping.maximum import maximum_lumping
from exactlump.network.activations import ABS, RELU, Activation, leaky_relu
from exactlump.network.kinds import Activate, Add, AveragePool, Conv, Dense, Head, MaxPool, Pad, Reorder, Select, groups
from exactlump.network.program import Network
from exactlump.network.views import Port
from exactlump.network.windows import Window, whole
from exactlump.numbers.matrix import Matrix
from exactlump.numbers.rational import ONE, ZERO, rational
from exactlump.reduction.loop import exact_quotient, reduce
from exactlump.verbs.reducing import reduce_file
from tests import oracle
from tests.image_networks import image_network
from tests.lumping.test_simulation import with_identities

SEEDS = 240


def same_values(net, other, seed, count=2):
    for x in oracle.random_points(net, count, random.Random(seed)):
        assert oracle.outputs(net, x) == oracle.outputs(other, x)


@pytest.mark.parametrize("chunk", range(12))
def test_random_networks_keep_their_function_and_reduce_once(chunk):
    for seed in range(chunk, SEEDS, 12):
        net = image_network(seed)
        done = reduce(net)
        assert find_flaw(net, done.quotient, done.forward) is None
        assert find_flaw(done.reduced, done.quotient, with_identities(done.reduced, done.backward)) is None
        same_values(net, done.quotient, seed)
        same_values(net, done.reduced, seed)
        assert exact_quotient(done.quotient).network.neurons == done.quotient.neurons <= done.reduced.neurons


def test_random_networks_often_become_smaller():
    nets = [image_network(seed) for seed in range(0, SEEDS, 4)]
    assert sum(exact_quotient(net).network.neurons < net.neurons for net in nets) > len(nets) // 3


# Small networks for one rule each: images of one row, three columns.

GRID = (3,)
SAME = Window(GRID, GRID, (3,), (1,), (1,), (1,), (1,))
VALID = Window(GRID, (1,), (3,), (1,), (1,), (0,), (0,))
POINT = Window(GRID, GRID, (1,), (1,), (1,), (0,), (0,))
POOL = Window(GRID, (2,), (2,), (1,), (1,), (0,), (0,))


def image(channels=1):
    return Reorder("x", "i", None, (channels, *GRID), 0)


def conv(source, target, rows, window=POINT, bias=None):
    weights = [{u: ONE * w for u, w in enumerate(row)} for row in rows]
    return Conv(
        source, target, Matrix.from_rows(weights, len(rows[0])), tuple(ONE * b for b in bias or [0] * len(rows)), window
    )


def act(source, target, *functions):
    return Activate(source, target, functions)


def flat(source, channels, size=3):
    return Reorder(source, f"{source}.f", None, (channels * size,))


def out(source, columns, *rows):
    weights = [{u: ONE * w for u, w in enumerate(row)} for row in rows or [range(1, columns + 1)]]
    return Dense(source, "y", Matrix.from_rows(weights, columns), (ZERO,) * len(weights))


def network(*nodes, channels=1, output="y"):
    return Network((Port("x", (channels, *GRID)),), nodes, (output,))


def quotient_of(net):
    step = exact_quotient(net)
    assert find_flaw(net, step.network, step.simulation) is None
    same_values(net, step.network, 0, 4)
    return step.network


def widths(net):
    reduced = quotient_of(net)
    return [reduced.units(name) for name in reduced.hidden]


def test_a_constant_next_to_padding_is_not_folded():
    """A kernel of three ones over the constant 1 makes 2, 3, 2 with zero padding, and 3 without."""
    ones = [[1, 1, 1]]
    padded = [image(), conv("i", "c", [[0], [1]], bias=[1, 0]), act("c", "h", RELU, RELU)]
    above = [conv("h", "d", [[1, 1, 1, 1, 0, 0]], SAME), act("d", "g", RELU), flat("g", 1), out("g.f", 3)]
    net = network(*padded, *above)
    assert maximum_lumping(net, fold=True).constants["h"] == {}
    assert widths(net) == [2, 1]
    alone = network(image(), conv("i", "c", [[0]], bias=[1]), act("c", "h", RELU), conv("h", "y", ones, SAME))
    assert alone.evaluate([ONE * 7] * 3) == ((2, 3, 2),)
    valid = [conv("h", "d", [[1, 1, 1, 1, 0, 0]], VALID), act("d", "g", RELU), flat("g", 1, 1), out("g.f", 1)]
    assert widths(network(*padded, *valid)) == [1, 1]


@pytest.mark.parametrize(
    "node",
    [
        Pad("h", "p", Window(GRID, (5,), (1,), (1,), (1,), (1,), (1,))),
        AveragePool("h", "p", Window(GRID, (5,), (3,), (1,), (1,), (2,), (2,)), padding=True),
    ],
    ids=["pad", "average with padding"],
)
def test_nor_is_one_next_to_the_padding_of_a_pool(node):
    nodes = [image(), conv("i", "c", [[0], [1]], bias=[1, 0]), act("c", "h", RELU, RELU), node]
    assert widths(network(*nodes, flat("p", 2, 5), out("p.f", 10))) == [2]


def test_an_average_that_leaves_padding_out_folds_constants():
    node = AveragePool("h", "p", Window(GRID, (5,), (3,), (1,), (1,), (2,), (2,)))
    nodes = [image(), conv("i", "c", [[0], [1]], bias=[1, 0]), act("c", "h", RELU, RELU), node]
    assert widths(network(*nodes, flat("p", 2, 5), out("p.f", 10))) == [1]


@pytest.mark.parametrize(("ratios", "classes"), [((2, 2), [1, 1]), ((2, 1), [2, 2])])
def test_branches_of_a_sum_merge_with_equal_ratios_only(ratios, classes):
    a, b = ratios
    nodes = [image(), conv("i", "c", [[1], [a]]), act("c", "h", RELU, RELU)]
    # The second branch passes one class on with other ratios than the first.
    branch = [conv("h", "e", [[-1, 0], [-b, 0]])]
    net = network(*nodes, *branch, Add(("h", "e"), "s", (1, 1)), act("s", "g", RELU, RELU), flat("g", 2), out("g.f", 6))
    lumping = maximum_lumping(net)
    assert (len(lumping.classes["g"]) == 1) == (a == b)
    quotient_of(net)


def test_a_stream_may_have_different_classes_on_its_way():
    """The first tensor merges, the sum does not: a selection of units passes the class on to both."""
    nodes = [image(), conv("i", "c", [[1], [2]]), act("c", "h", RELU, RELU), conv("h", "e", [[-1, 0], [0, 1]])]
    net = network(*nodes, Add(("h", "e"), "s", (1, 1)), act("s", "g", RELU, RELU), flat("g", 2), out("g.f", 6))
    reduced = quotient_of(net)
    assert reduced.units("h") == 1
    assert any(isinstance(node, Select) for node in reduced.nodes)


def test_a_max_pool_keeps_positive_ratios_only():
    nodes = [image(), conv("i", "c", [[1], [2], [-1]]), MaxPool("c", "m", POOL), flat("m", 3, 2), out("m.f", 6)]
    assert maximum_lumping(network(*nodes)).classes["m"] == ((0, 1), (2,))
    linear = [image(), conv("i", "c", [[1], [2], [-1]]), flat("c", 3), out("c.f", 9)]
    assert maximum_lumping(network(*linear)).classes["c"] == ((0, 1, 2),)


@pytest.mark.parametrize(
    ("functions", "classes"),
    [
        ((RELU, RELU), 1),
        ((RELU, ABS), 2),
        ((RELU, leaky_relu(rational(1, 2))), 2),
        ((Activation("sigmoid"), Activation("sigmoid")), 2),
    ],
)
def test_a_class_has_one_function(functions, classes):
    net = network(image(), conv("i", "c", [[1], [2]]), act("c", "h", *functions), flat("h", 2), out("h.f", 6))
    assert len(maximum_lumping(net).classes["h"]) == classes


@pytest.mark.parametrize(("second", "classes"), [([1, 2, 3], 1), ([1, 2, 4], 2)])
def test_depthwise_channels_stay_together_where_their_filters_match(second, classes):
    twins = [image(), conv("i", "c", [[1], [3]]), act("c", "h", RELU, RELU)]
    depthwise = conv("h", "d", [[1, 2, 3, 0, 0, 0], [0, 0, 0, *second]], SAME)
    assert groups(depthwise) == 2
    net = network(*twins, depthwise, act("d", "g", RELU, RELU), flat("g", 2), out("g.f", 6))
    assert len(maximum_lumping(net).classes["g"]) == classes
    assert widths(net) == [1, classes]


@pytest.mark.parametrize("kind", ["softmax", "argmax"])
def test_nothing_is_merged_below_a_head(kind):
    nodes = [
        image(),
        conv("i", "c", [[1], [2]]),
        act("c", "h", RELU, RELU),
        flat("h", 2),
        out("h.f", 6, range(6), range(6)),
    ]
    net = network(*nodes, Head("y", "z", kind), output="z")
    step = exact_quotient(net)
    assert step.network.units("y") == 2
    assert step.network.neurons == 1


def test_global_pooling_and_several_positions():
    nodes = [image(), conv("i", "c", [[1], [2], [0]], bias=[0, 0, 3]), act("c", "h", RELU, RELU, RELU)]
    net = network(*nodes, AveragePool("h", "p", whole(GRID)), flat("p", 3, 1), out("p.f", 3))
    assert widths(net) == [1]


def test_a_transposed_convolution():
    window = Window((2,), (4,), (2,), (2,), (1,), (0,), (0,), transposed=True)
    nodes = [image(), conv("i", "c", [[1] * 3, [2] * 3], Window(GRID, (2,), (3,), (1,), (1,), (0,), (1,)))]
    spread = conv("h", "d", [[1, 2, 3, 4], [2, 4, 6, 8]], window)
    net = network(*nodes, act("c", "h", RELU, RELU), spread, act("d", "g", RELU, RELU), flat("g", 2, 4), out("g.f", 8))
    assert widths(net) == [1, 1]


# From file to file: the checker, which knows nothing of the engine, accepts what is written.


@pytest.mark.parametrize("suffix", ["onnx", "json"])
def test_files_are_reduced_and_accepted(tmp_path, suffix):
    done = 0
    for seed in range(60):
        net = image_network(seed)
        net = replace(net, inputs=tuple(replace(port, batch="N") for port in net.inputs))
        original, reduced = tmp_path / f"a.{suffix}", tmp_path / f"b.{suffix}"
        try:
            write(net, original)
        except CannotWrite:  # several functions in one layer, or one channel: not in ONNX
            assert suffix == "onnx"
            continue
        found = reduce_file(original, reduced, overwrite=True)
        same_values(net, read(reduced), seed)
        assert found.reduction.reduced.neurons <= net.neurons
        done += 1
    assert done > 25
