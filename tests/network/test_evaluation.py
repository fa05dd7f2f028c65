# SPDX-License-Identifier: Apache-2.0
"""This file is about fast exact evaluation, and evaluation in floats: the values are those of `Network.evaluate`."""

import math
from itertools import accumulate

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exactlump import read
from exactlump.errors import NoExactValue, ShapeError, UnsupportedLayer
from exactlump.network.activations import RELU, Activation, leaky_relu
from exactlump.network.kinds import (
    Activate,
    Add,
    AveragePool,
    Conv,
    Dense,
    Head,
    MaxPool,
    Pad,
    Reorder,
    Scale,
    Select,
    Shift,
)
from exactlump.network.program import Network
from exactlump.network.views import Port
from exactlump.network.windows import Window
from exactlump.numbers.matrix import Matrix
from exactlump.numbers.rational import ZERO, rational
from exactlump.points.evaluation import Evaluator
from exactlump.points.floating import FloatNetwork, nearest, nearly, number
from exactlump.points.limbs import limbs, numbers
from tests.strategies import lumpable_networks, networks, relu_chain
from tests.tools import real_networks


def cut(network, x):
    """A flat input, as the inputs of a network."""
    ends = list(accumulate(math.prod(port.shape) for port in network.inputs))
    return [x[end - math.prod(port.shape) : end] for port, end in zip(network.inputs, ends, strict=True)]


def flat_point(network, seed=0, grid=16):
    size = sum(math.prod(port.shape) for port in network.inputs)
    return tuple(rational(int(i), grid) for i in np.random.default_rng(seed).integers(-2 * grid, 2 * grid + 1, size))


def agree(network, x):
    """Fast and plain evaluation give the same rationals, or fail in the same way."""
    try:
        expected = [y for output in network.evaluate(*cut(network, x)) for y in output]
    except NoExactValue:
        with pytest.raises((NoExactValue, UnsupportedLayer)):
            Evaluator(network)(numbers(x))
        return
    assert list(Evaluator(network)(numbers(x)).rationals) == expected


@given(networks(), st.integers(0, 9))
def test_any_network(network, seed):
    agree(network, flat_point(network, seed))


@given(lumpable_networks(), st.integers(0, 9))
def test_rationals_and_float_arrays(planted, seed):
    x = flat_point(planted.network, seed)
    agree(planted.network, tuple(y / 3 for y in x))


def floats(array, bias=None):
    array = np.atleast_2d(array)
    bias = tuple(map(rational, bias or [0] * len(array)))
    return Network((Port("x", (array.shape[1],)),), (Dense("x", "y", Matrix.from_floats(array), bias),), ("y",))


@settings(max_examples=60)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=5), st.integers(0, 9))
def test_any_doubles_subnormal_and_huge(row, seed):
    network = floats(np.array([row, row[::-1]]))
    agree(network, flat_point(network, seed))


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_the_ends_of_the_float_types(dtype):
    kind = np.finfo(dtype)
    row = np.array([kind.max, -kind.max, kind.tiny, kind.smallest_subnormal, -0.0, 1.0], dtype)
    network = floats(np.stack([row, row[::-1], 0 * row]), [1, 0, -1])
    agree(network, flat_point(network))


def test_largest_limbs_in_the_most_columns_at_once():
    """2^13 columns of the largest limbs and signs that do not cancel: every partial sum stays below 2^53."""
    columns = (1 << 13) + 7
    weight = np.full((2, columns), 2.0**24 - 1, np.float32)
    weight[1] *= -1
    network = floats(weight)
    agree(network, (rational(2**64 - 1, 2**64 - 3),) * columns)


def test_limbs_are_the_number():
    for size in (2, 3):
        values = [0, 1, -1, 2**16, -(2**24) + 1, 3**50, -(3**50), 2**200]
        cut_up = limbs(values, size)
        assert np.abs(cut_up).max() < 2 ** (8 * size)
        assert [sum(int(limb) << (8 * size * i) for i, limb in enumerate(column)) for column in cut_up.T] == values
        assert limbs([0, 0], size).tolist() == [[0.0, 0.0]]


def test_numbers_far_apart_are_still_exact():
    huge, tiny = 10**400, rational(1, 10**400)
    network = relu_chain(([[huge, 1], [f"1/{huge}", "1/3"]], [0, "1/7"]), ([[1, -1]], [0]))
    agree(network, (tiny, rational(5)))


def test_wrong_sizes_and_heads_are_refused():
    network = floats(np.eye(2))
    with pytest.raises(ShapeError):
        Evaluator(network)(numbers([ZERO]))
    headed = Network(network.inputs, (*network.nodes, Head("y", "s", "softmax")), ("s",))
    with pytest.raises(UnsupportedLayer):
        Evaluator(headed)
    with pytest.raises(UnsupportedLayer):
        FloatNetwork(headed)


# Images


def window(source, kernel, stride=(1, 1), begin=(0, 0), end=(0, 0), dilation=(1, 1)):
    spans = [d * (k - 1) + 1 for d, k in zip(dilation, kernel, strict=True)]
    sizes = zip(source, spans, stride, begin, end, strict=True)
    target = tuple((n + b + e - span) // s + 1 for n, span, s, b, e in sizes)
    return Window(source, target, kernel, stride, dilation, begin, end)


def random_rows(rows, columns, seed):
    draw = np.random.default_rng(seed)
    return Matrix.from_floats((draw.integers(-9, 10, (rows, columns)) * 2.0 ** draw.integers(-9, 3)).astype(np.float32))


def image_network():
    """Every kind of node on images: two branches of convolutions, pools, padding, a sum, a concatenation, slices."""
    some = tuple(rational(i, 3) for i in range(-2, 2))
    first = window((5, 6), (3, 2), (2, 1), (1, 0), (1, 1))
    pool = window((3, 6), (2, 2), (1, 2), (0, 0), (1, 0))
    nodes = (
        Reorder("x", "image", None, (2, 5, 6), 0),
        Conv("image", "c1", random_rows(4, 2 * first.taps, 1), some, first),
        Activate("c1", "r1", (RELU, leaky_relu(rational(1, 4)), RELU, leaky_relu(rational(-1)))),
        Scale("r1", "s1", (rational(2), rational(-1), rational(1, 3), rational(1))),
        Shift("s1", "t1", some),
        MaxPool("t1", "m1", pool),
        AveragePool("t1", "v1", pool, padding=False),
        AveragePool("t1", "w1", pool, padding=True),
        Add(("m1", "v1", "w1"), "a1", (1, -1, 1)),
        Pad("a1", "p1", window((3, 3), (1, 1), begin=(1, 0))),
        Select(("p1", "p1"), "e1", ((0, 3), (1, 0), (0, 0)), (3, 4, 3), 0),
        Conv("e1", "c2", random_rows(2, 3 * 4, 2), some[:2], window((4, 3), (2, 2), dilation=(2, 1))),
        Reorder("c2", "flat", (1, 2, 0), (8,), None),
        Dense("flat", "d1", random_rows(3, 8, 3), some[:3]),
        Activate("d1", "r2", (RELU,) * 3),
        Dense("r2", "y", random_rows(2, 3, 4), some[:2]),
    )
    return Network((Port("x", (2, 5, 6)),), nodes, ("y", "r2"))


@pytest.mark.parametrize("seed", range(6))
def test_images(seed):
    agree(image_network(), flat_point(image_network(), seed))


def test_a_transposed_convolution():
    spread = Window((2, 2), (5, 5), (3, 3), (2, 2), (1, 1), (0, 0), (0, 0), transposed=True)
    nodes = (Conv("x", "y", random_rows(2, 9, 5), (ZERO, rational(1)), spread),)
    network = Network((Port("i", (1, 2, 2)),), (Reorder("i", "x", None, (1, 2, 2), 0), *nodes), ("y",))
    agree(network, flat_point(network))


@pytest.mark.parametrize("index", [0, 3, -1])
def test_the_index_of_the_largest(index):
    network = Network((Port("x", (4,)),), (Head("x", "y", "argmax"),), ("y",))
    x = [rational(i % 2) for i in range(4)]
    x[index] = rational(5)
    agree(network, tuple(x))


def test_functions_without_slopes_are_evaluated_where_they_are_rational():
    network = Network((Port("x", (1,)),), (Activate("x", "y", (Activation("sigmoid"),)),), ("y",))
    assert Evaluator(network)(numbers([ZERO])).rationals == (rational(1, 2),)
    with pytest.raises(NoExactValue):
        Evaluator(network)(numbers([rational(1)]))


# Floats


def test_values_in_floats_are_near():
    network, x = image_network(), flat_point(image_network(), 3)
    found = FloatNetwork(network)(nearest(x)[None])[0]
    assert found == pytest.approx(nearest(Evaluator(network)(numbers(x)).rationals), rel=1e-9)


def test_what_is_beyond_float64_is_infinite_and_still_has_words():
    large = rational(10) ** 400
    assert (number(large), number(-large), number(1 / large)) == (math.inf, -math.inf, 0.0)
    assert (nearly(-2 * large / 3, 4), nearly(1 / large, 6)) == ("about -6.667e+399", "about 1e-400")
    assert (nearly(rational(1, 3), 3), nearly(ZERO, 3)) == ("about 0.333", "about 0")


@pytest.mark.parametrize("seed", range(3))
def test_gradients_are_differences(seed):
    """Between two near points on the same linear piece, outputs change by the gradient."""
    network = image_network()
    draw = np.random.default_rng(seed)
    x, g = draw.standard_normal((3, 60)), draw.standard_normal((3, 5))
    floating = FloatNetwork(network)
    gradient = floating.gradient(floating.values(x), g)
    step = 1e-6
    for i in range(60):
        ahead, behind = x.copy(), x.copy()
        ahead[:, i] += step
        behind[:, i] -= step
        change = ((floating(ahead) - floating(behind)) * g).sum(axis=1) / (2 * step)
        assert gradient[:, i] == pytest.approx(change, rel=1e-4, abs=1e-4)


# Real networks

_SOME = (
    "acasxu/nnet/ACASXU_run2a_1_1*",
    "lumpable/tll/*instance_0_0*",
    "lumpable/*",
    "mnist_fc/mnist-net_256x2.onnx",
    "relusplit/m2_L1_leaky*",
    "wide_range/*",
)


@pytest.mark.parametrize("path", real_networks(*_SOME))
def test_real_networks(path):
    network = read(path)
    agree(network, flat_point(network))
