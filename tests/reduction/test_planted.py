# SPDX-License-Identifier: Apache-2.0
"""This file is about planted redundancy: widened networks are reduced to what they were, or below."""

import random
import time

import pytest

from exactlump.lumping.maximum import maximum_lumping
from exactlump.network.activations import RELU, Activation
from exactlump.network.kinds import Activate, Conv, Dense, Reorder, groups
from exactlump.network.program import Network
from exactlump.network.views import Port
from exactlump.network.windows import Window
from exactlump.numbers.floats import fits
from exactlump.numbers.matrix import Matrix
from exactlump.numbers.rational import ONE, ZERO, rational
from exactlump.reduction.loop import exact_quotient, reduce
from exactlump.verbs.reducing import reduce_file
from tests import oracle
from tests.image_networks import image_network
from tests.planted import plant
from tests.tools import real_networks
from tests.widening import widen

SEEDS = 96
# Every kind of layer that is widened; benchmarks/planted.py takes all of them.
REAL = (
    "acasxu/onnx/*_1_1_*",
    "acasxu/nnet/*_2_3_*",
    "coav/reluBenchmark0.0318*",
    "conv/C*",
    "conv/c*_small*",
    "conv/c*_kw*",
    "conv/c[no]*",
    "conv/m*",
    "conv/NN*",
    "lumpable/fc*",
    "lumpable/tll/*N=M=8_*_0.*",
    "lumpable/twin/*inp-4_layers-10*",
    "mnist_fc/mnist_relu_3_50*",
    "other_activations/[dgmrtv]*",
    "other_activations/conv2d*",
    "other_activations/fc*",
    "pairs/heloc*/*",
    "quantized/qkeras*",
    "residual_bn/linear*",
    "residual_bn/residual*",
    "residual_bn/resnet_2b*",
    "residual_bn/three_layer_bn_pytorch*",
)
CPU_LIMIT = 60


@pytest.mark.parametrize("path", real_networks(*REAL))
def test_a_real_network_widened_reduces_to_what_it_was(path, tmp_path):
    """As narrow as the original, and as what the original itself reduces to; `plant` checks and compares values."""
    found = plant(path, tmp_path)
    assert found.widened > found.original or found.original == 0
    assert found.reduced <= min(found.original, found.alone)
    assert found.quotient <= found.reduced


@pytest.mark.parametrize("path", real_networks("residual_bn/resnet_2b*", "conv/cifar10_large*"))
def test_large_networks_reduce_and_check_in_time(path, tmp_path):
    start = time.process_time()
    reduce_file(path, tmp_path / path.name)
    assert time.process_time() - start < CPU_LIMIT


@pytest.mark.parametrize("chunk", range(8))
def test_random_networks_widened_reduce_to_what_they_were(chunk):
    for seed in range(chunk, SEEDS, 8):
        net = image_network(seed)
        wide = widen(net, seed)
        for x in oracle.random_points(net, 2, random.Random(seed)):
            assert oracle.outputs(net, x) == oracle.outputs(wide, x)
        assert exact_quotient(wide).network.neurons <= exact_quotient(net).network.neurons
        assert reduce(wide).reduced.neurons <= reduce(net).reduced.neurons


def test_random_networks_are_widened():
    """Nearly all layers are: what ends in an output unit by unit stays as it is."""
    nets = [image_network(seed) for seed in range(SEEDS)]
    assert sum(widen(net).neurons for net in nets) > 2 * sum(net.neurons for net in nets)


# Small networks.

GRID = (3,)
SAME = Window(GRID, GRID, (3,), (1,), (1,), (1,), (1,))


def matrix(*rows):
    return Matrix.from_rows([{u: ONE * w for u, w in enumerate(row)} for row in rows], len(rows[0]))


def biases(*values):
    return tuple(ONE * value for value in values)


def same_at_points(net, other):
    return all(
        oracle.outputs(net, x) == oracle.outputs(other, x) for x in oracle.random_points(net, 4, random.Random(0))
    )


def separable(function=RELU):
    """Two channels, each with its own filter, and a layer above."""
    nodes = (
        Reorder("x", "i", None, (2, *GRID), 0),
        Conv("i", "c", matrix([1, 0, 2, 0, 1, 0], [0, 3, 0, 1, 0, 1]), biases(1, -1), SAME),
        Activate("c", "h", (function,) * 2),
        Conv("h", "d", matrix([1, 2, 3, 0, 0, 0], [0, 0, 0, 3, 1, 2]), biases(0, 1), SAME),
        Activate("d", "g", (function,) * 2),
        Reorder("g", "f", None, (6,)),
        Dense("f", "y", matrix(range(1, 7)), biases(0)),
    )
    return Network((Port("x", (2, *GRID)),), nodes, ("y",), "float32")


@pytest.mark.parametrize("seed", range(4))
def test_a_depthwise_convolution_stays_one(seed):
    """Channels are widened together with those they read, and so the weights stay filters, one a channel."""
    net = separable()
    wide = widen(net, seed)
    convolution = wide.producer["d"]
    assert groups(convolution) == len(convolution.bias) > 2
    assert same_at_points(net, wide)
    done = reduce(wide)
    assert [done.reduced.units(name) for name in done.reduced.hidden] == [2, 2]


@pytest.mark.parametrize(("function", "ratios"), [(RELU, True), (Activation("sigmoid"), False)])
def test_copies_are_multiples_only_where_the_activation_allows(function, ratios):
    wides = [widen(separable(function), seed) for seed in range(4)]
    rho = [factor for wide in wides for factor in maximum_lumping(wide).rho["h"]]
    assert any(factor != 1 for factor in rho) == ratios


def test_widened_weights_are_floats():
    for seed in range(20):
        for node in widen(image_network(seed), seed).nodes:
            if isinstance(node, Dense | Conv):
                weights = [w for v in range(len(node.bias)) for w in node.weight.row(v).values()]
                assert all(fits(w, "float32") for w in (*weights, *node.bias))


def test_a_constant_that_its_function_takes_to_zero_is_dead_next_to_padding():
    """ReLU(-1) is 0, which padding does not change; ReLU(1) is 1, which it does."""
    nodes = (
        Reorder("x", "i", None, (1, *GRID), 0),
        Conv("i", "c", matrix([1, 2, 1], [0, 0, 0], [0, 0, 0]), biases(1, -1, 1), SAME),
        Activate("c", "h", (RELU,) * 3),
        Conv("h", "d", matrix(range(1, 10)), biases(0), SAME),
        Activate("d", "g", (RELU,)),
        Reorder("g", "f", None, (3,)),
        Dense("f", "y", matrix([1, 2, 3]), biases(0)),
    )
    net = Network((Port("x", (1, *GRID)),), nodes, ("y",), "float32")
    assert maximum_lumping(net, fold=True).constants["h"] == {1: ZERO}
    done = reduce(net)
    assert done.reduced.units("h") == 2
    assert same_at_points(net, done.reduced)


def test_a_class_is_written_by_the_measure_that_fits():
    """Of two neurons, one four times the other, the sums above are floats as multiples of the smaller one only."""
    tiny = rational(2) ** -149
    nodes = (
        Dense("x", "d", matrix([4, 8], [1, 2]), biases(0, 0)),
        Activate("d", "h", (RELU, RELU)),
        Dense("h", "y", matrix([ZERO, tiny], [ONE, ZERO]), biases(0, 0)),
    )
    net = Network((Port("x", (2,)),), nodes, ("y",), "float32")
    done = reduce(net)
    assert done.reduced.units("h") == 1
    assert same_at_points(net, done.reduced)
