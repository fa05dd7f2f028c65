# SPDX-License-Identifier: Apache-2.0
"""This file is about the two engines: the fast one finds exactly what the exact one finds."""

import contextlib
import re
import tempfile
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import exactlump
from exactlump import formats
from exactlump.errors import CannotWrite, UnsupportedLayer
from exactlump.fast import engine as fast
from exactlump.fast import layers as fast_layers
from exactlump.fast import sums
from exactlump.lumping import maximum
from exactlump.lumping.maximum import Choices
from exactlump.network.activations import ABS, IDENTITY, RELU, Activation, leaky_relu
from exactlump.network.kinds import Activate, Conv, Dense
from exactlump.network.program import Network
from exactlump.network.views import Port
from exactlump.numbers import floats
from exactlump.numbers.matrix import Matrix
from exactlump.numbers.rational import rational
from exactlump.reduction import float_chains, plans
from tests.fast.test_fast import hard_layers
from tests.image_networks import image_network
from tests.strategies import lumpable_networks, networks, with_float_arrays
from tests.tools import dense_model, number, raw_only, real_networks, same, save

FUNCTIONS = (RELU, RELU, RELU, leaky_relu(rational(1, 4)), IDENTITY, ABS, Activation("tanh"), Activation("sigmoid"))


def agree(network, fold=True, choices=maximum.NO_CHOICES):
    """Whether both engines find the same lumping; the exact one's result."""
    exact = maximum.maximum_lumping(network, fold=fold, choices=choices)
    found = fast.maximum_lumping(network, fold=fold, choices=choices)
    assert found.classes == exact.classes
    assert found.rho == exact.rho
    assert found.constants == exact.constants
    return exact


def numeric_layers(network, monkeypatch):
    """How many layers the kernel decides, of how many; the others are left to the exact engine."""
    layers, left = [], []
    with monkeypatch.context() as patch:
        patch.setattr(fast, "classify", lambda *layer: [layers.append(layer), fast_layers.classify(*layer)][1])
        patch.setattr(
            fast_layers, "classes_by_keys", lambda *layer: [left.append(layer), maximum.classes_by_keys(*layer)][1]
        )
        fast.maximum_lumping(network, fold=True)
    return len(layers) - len(left), len(layers)


def weights(random, rows, columns, dtype):
    """A matrix of one of several kinds: small integers, sparse ones, floats of all bits, exponents far apart."""
    kind = random.integers(5)
    if kind == 0:
        made = random.integers(-2, 3, (rows, columns)).astype(float)
    elif kind == 1:
        made = random.integers(-2, 3, (rows, columns)) * (random.random((rows, columns)) < 0.3)
    elif kind == 2:
        made = random.standard_normal((rows, columns))
    elif kind == 3:
        made = np.ldexp(
            random.integers(-9, 10, (rows, columns)).astype(float), random.integers(-14, 8, (rows, columns))
        )
    else:
        made = np.repeat(random.integers(-3, 4, (rows, 1)), columns, axis=1).astype(float)
    return made.astype(dtype)


def planted(random, rows, columns, dtype):
    """Weights and biases of a layer, some rows multiples of others, rounded."""
    made = weights(random, rows, columns + 1, dtype)
    for v in range(1, rows):
        if random.random() < 0.6:
            factor = random.choice([1.0, 2.0, 0.25, 3.0, 5 / 8, -1.0, 1 / 3])
            made[v] = (made[random.integers(v)].astype(float) * factor).astype(dtype)
            if random.random() < 0.2:
                made[v, random.integers(columns + 1)] = 0
    return made[:, :-1].copy(), [rational(float(b)) for b in made[:, -1]]


def network_of(seed):
    """A chain of up to four layers of floats, with classes, constants and dead neurons at every depth."""
    random = np.random.default_rng(seed)
    dtype = (np.float32, np.float64, np.float16)[seed % 3]
    sizes = [int(n) for n in random.integers(1, 9, random.integers(3, 6))]
    nodes, source = [], "x"
    for i, (columns, rows) in enumerate(pairwise(sizes)):
        matrix, bias = planted(random, rows, columns, dtype)
        if random.random() < 0.3:
            bias = [rational(0)] * rows
        nodes.append(Dense(source, f"d{i}", Matrix.from_floats(matrix), tuple(bias)))
        if random.random() < 0.8:
            mixed = random.random() < 0.3
            chosen = random.integers(len(FUNCTIONS), size=rows) if mixed else [random.integers(len(FUNCTIONS))] * rows
            nodes.append(Activate(f"d{i}", f"r{i}", tuple(FUNCTIONS[j] for j in chosen)))
        source = nodes[-1].target
    return Network((Port("x", (sizes[0],)),), tuple(nodes), (source,), np.dtype(dtype).name)


def choices_of(network, seed):
    """Some neurons apart, some unfolded."""
    random = np.random.default_rng(seed)
    neurons = [(tensor, v) for tensor in network.shapes for v in range(network.units(tensor))]
    apart, unfolded = (frozenset(n for n in neurons if random.random() < 0.15) for _ in range(2))
    return Choices(apart=apart, unfolded=unfolded)


@pytest.mark.parametrize("part", range(20))
def test_generated_networks(part):
    """2,000 networks, with and without folding, and with neurons that are kept apart."""
    merged = 0
    for seed in range(100 * part, 100 * part + 100):
        network = network_of(seed)
        found = agree(network)
        merged += sum(len(members) > 1 for classes in found.classes.values() for members in classes)
        agree(network, fold=False)
        agree(network, choices=choices_of(network, seed))
    assert merged > 50


@settings(max_examples=300, deadline=None)
@given(lumpable_networks("float32"), st.booleans())
def test_planted_networks(made, fold):
    agree(made.network, fold)


@settings(max_examples=300, deadline=None)
@given(networks(), st.booleans(), st.integers(0, 99))
def test_networks_of_all_kinds_of_nodes(network, fold, seed):
    agree(with_float_arrays(network), fold, choices_of(network, seed))


def chain(*layers, dtype="float32"):
    """Dense layers of arrays, biases zero, with ReLU between them."""
    nodes, source = [], "x"
    for i, matrix in enumerate(layers):
        nodes += [
            Dense(source, f"d{i}", Matrix.from_floats(matrix), (rational(0),) * len(matrix)),
            Activate(f"d{i}", f"r{i}", (RELU,) * len(matrix)),
        ]
        source = f"r{i}"
    last = Matrix.from_floats(np.ones((1, len(layers[-1])), np.float32))
    nodes.append(Dense(source, "y", last, (rational(0),)))
    return Network((Port("x", (layers[0].shape[1],)),), tuple(nodes), ("y",), dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_hard_layers(dtype, monkeypatch):
    for name, rows in hard_layers(40, dtype):
        network = chain(rows)
        agree(network)
        assert numeric_layers(network, monkeypatch) == (1, 1), name


def above(n, leads, spread, seed=0):
    """A layer above pairs: row v is spread[v] times a base row, its weights divided among each pair at random.

    leads  the value of the second unit of each pair over that of the first
    """
    random = np.random.default_rng(seed)
    base = random.integers(-(2**10), 2**10, (1, n // 2)) * spread[:, None]
    second = random.integers(-(2**8), 2**8, (len(spread), n // 2))
    made = np.empty((len(spread), n))
    made[:, 0::2], made[:, 1::2] = base - second * leads, second
    return made


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("wide", [False, True])
def test_a_layer_above_a_merge(dtype, wide, monkeypatch):
    """Class sums; with leads of few bits and of many."""
    random = np.random.default_rng(3)
    first = random.integers(1, 2**8, (6, 5)).astype(dtype)
    leads = random.integers(1, 2**10, 6) if not wide else random.integers(2**13, 2**14, 6) * 2 + 1
    below = np.empty((12, 5), dtype)
    below[0::2], below[1::2] = first, first * leads[:, None].astype(dtype)
    layer = above(12, leads, np.array([1, 3, 2, 7, 5, 1])).astype(dtype)
    layer[4, 3] += 1
    layer = np.concatenate([layer, random.standard_normal((4, 12)).astype(dtype), layer[:2] * dtype(0.5)])
    network = chain(below, layer)
    found = agree(network)
    assert found.classes["r1"][0] == (0, 1, 2, 3, 5, 10, 11)
    assert numeric_layers(network, monkeypatch) == (2, 2)


def test_class_sums_that_are_no_floats_and_still_proportional():
    """Each row has sums of more than 53 bits; two rows are proportional, a third differs in the last bit of one."""
    below = np.array([[1], [2**23 + 1], [-1]], np.float32)
    big, tiny = 2.0**30 + 2.0**10, 2.0**-20 + 2.0**-30
    layer = np.array([[tiny, big, 1], [2 * tiny, 2 * big, 2], [3 * tiny, 3 * big, 3], [tiny * 2, big, 1]], np.float32)
    network = chain(below, layer)
    found = agree(network)
    assert found.classes["r1"] == ((0, 1, 2), (3,))
    form = sums.Sums(layer, [[(0, rational(1)), (1, rational(2**23 + 1))]], [], (rational(0),) * 4, np.zeros(4, int))
    block = form.block(np.arange(4), 0, 2, np.empty(0))
    assert np.isnan(block[:, 0]).all()
    assert not block[:, 1].any()


def test_sums_that_cancel_after_a_rounded_step_are_zero():
    """1 + 2^60 - 2^60 - 1: rounded on the way, and zero, so that no neuron of this layer has a weight left."""
    below = np.ones((4, 1), np.float32)
    layer = np.array([[1, 2.0**60, -(2.0**60), -1], [1, 2.0**60, -(2.0**60), 0]], np.float32)
    found = agree(chain(below, layer))
    assert found.constants["r1"] == {0: 0}
    assert found.classes["r1"] == ((1,),)


def test_constants_with_denominators_reach_the_bias():
    """Below, 1/3 from a rational bias; the layer above has it in its bias, times a weight."""
    nodes = (
        Dense("x", "d", Matrix.from_floats(np.array([[0.0], [1.0]], np.float32)), (rational(1, 3), rational(0))),
        Activate("d", "r", (RELU, RELU)),
        Dense("r", "e", Matrix.from_floats(np.array([[1, 1], [3, 3], [3, 1]], np.float32)), (rational(1, 7),) * 3),
        Activate("e", "s", (RELU,) * 3),
        Dense("s", "y", Matrix.from_floats(np.ones((1, 3), np.float32)), (rational(0),)),
    )
    network = Network((Port("x", (1,)),), nodes, ("y",), "float32")
    agree(network)
    third = replace(nodes[2], bias=(rational(1, 7), rational(3, 7), rational(0)))
    assert agree(replace(network, nodes=(*nodes[:2], third, *nodes[3:]))).classes["s"] == ((0, 1), (2,))


def test_coefficients_too_large_for_products_are_left_to_the_exact_engine(monkeypatch):
    below = np.array([[2.0**-1000], [1.0]])
    layer = np.array([[1, 1], [2, 2]], np.float32)
    network = chain(below, layer)
    agree(network)
    assert numeric_layers(network, monkeypatch) == (1, 2)


def test_a_wrong_lumping_is_seen(monkeypatch):
    """Negative control of this file: an engine that merges two rows too many, or scales one wrongly."""
    network = chain(np.array([[1, 2], [2, 4], [1, 3]], np.float32))
    agree(network)

    def merges_too_much(*arguments):
        groups, constants = fast_layers.classify(*arguments)
        return [[(v, r) for group in groups for v, r in group]], constants

    def scales_wrongly(*arguments):
        groups, constants = fast_layers.classify(*arguments)
        return [[(v, r * r) for v, r in group] for group in groups], constants

    for wrong in (merges_too_much, scales_wrongly):
        monkeypatch.setattr(fast, "classify", wrong)
        with pytest.raises(AssertionError):
            agree(network)


@pytest.mark.parametrize("part", range(5))
def test_reductions_of_generated_networks(part):
    """Networks, simulations and reports are equal; many of the networks are reduced with arrays alone."""
    by_arrays = 0
    for seed in range(40 * part, 40 * part + 40):
        network = network_of(seed) if seed % 2 else read_model(model_of(seed))
        by_arrays += float_chains.reduce_chain(network, network.dtype) is not None
        assert_same_reductions(network)
    assert by_arrays > 5


@settings(max_examples=200, deadline=None)
@given(lumpable_networks("float32"))
def test_reductions_of_planted_networks(made):
    assert_same_reductions(made.network)


def assert_same_reductions(network):
    try:
        exact = exactlump.reduce(network, engine="exact")
    except CannotWrite as error:
        with pytest.raises(CannotWrite, match=re.escape(str(error))):
            exactlump.reduce(network, engine="fast")
        return
    found = exactlump.reduce(network, engine="fast")
    assert same(found.reduced, exact.reduced)
    assert same(found.quotient, exact.quotient)
    assert dict(found.forward) == dict(exact.forward)
    assert dict(found.backward) == dict(exact.backward)
    assert found.layers == exact.layers


def read_model(model):
    with tempfile.TemporaryDirectory() as folder:
        return formats.read(save(Path(folder) / "net.onnx", model))


def test_arrays_refuse_what_they_cannot_do():
    """A sum that has to be split, a linear layer, a network of rationals: all go the general way, and to one end."""
    split = chain(np.array([[1], [3]], np.float32), np.array([[1 + 2.0**-23, 1]], np.float32))
    linear = replace(split, nodes=(split.nodes[0], replace(split.nodes[2], source="d0"), *split.nodes[3:]))
    for network in (split, linear):
        assert float_chains.reduce_chain(network, "float32") is None
        assert_same_reductions(network)
    assert float_chains.reduce_chain(split, "exact") is None


def test_primitive_rows_and_zero_signs_are_those_of_the_exact_engine():
    """Ratios 2/3 and 3/5 have no simple member; minus zero is no other zero."""
    below = np.array([[-6.0, 4.0, -0.0], [-9.0, 6.0, 0.0], [10.0, -0.0, 5.0], [6.0, 0.0, 3.0]], np.float32)
    network = chain(below, np.array([[1, 1, -0.0, 1], [2, -1, 4, 0.5]], np.float32))
    assert float_chains.reduce_chain(network, "float32") is not None
    assert_same_reductions(network)


def test_unobservable_classes_are_dropped():
    below = np.array([[1.0, 0], [0, 1], [1, 1]], np.float32)
    network = chain(below, np.array([[1, 0, 2], [3, 0, 1]], np.float32))
    step, _ = float_chains.reduce_chain(network, "float32")
    assert step.network.units("r0") == 2
    assert_same_reductions(network)


def with_arrays(network):
    """The network with each matrix that float32 holds kept as an array of it."""
    nodes = []
    for n in network.nodes:
        if isinstance(n, Dense | Conv):
            with contextlib.suppress(CannotWrite):
                n = replace(n, weight=Matrix.from_floats(floats.matrix(n.weight, "float32")))
        nodes.append(n)
    return replace(network, nodes=tuple(nodes))


@pytest.mark.parametrize("part", range(5))
def test_networks_on_images(part, monkeypatch):
    """Channels are rows; their columns are taps of the channels below."""
    numeric = 0
    for seed in range(30 * part, 30 * part + 30):
        network = with_arrays(image_network(seed))
        agree(network)
        agree(network, fold=False, choices=choices_of(network, seed))
        assert_same_reductions(network)
        numeric += numeric_layers(network, monkeypatch)[0]
    assert numeric > 20


def bytes_of(path, folder, engine):
    """What `reduce` writes: the network and its certificate."""
    target = folder / f"small{path.suffix.replace('.gz', '.onnx')}"
    done = exactlump.reduce_file(path, target, engine=engine, raw_nnet=raw_only(path))
    return done.reduced.read_bytes(), done.certificate.read_bytes()


def model_of(seed):
    """A model of ReLU layers, as `network_of` makes them."""
    random = np.random.default_rng(seed)
    dtype = ("float32", "float64")[seed % 2]
    sizes = [int(n) for n in random.integers(1, 9, random.integers(3, 6))]
    layers = [planted(random, rows, columns, np.dtype(dtype)) for columns, rows in pairwise(sizes)]
    return dense_model(*((matrix, [float(b) for b in map(number, bias)]) for matrix, bias in layers), dtype=dtype)


@pytest.mark.parametrize("seed", range(40))
def test_both_engines_write_the_same_bytes(seed, tmp_path):
    path = save(tmp_path / "net.onnx", model_of(seed))
    assert bytes_of(path, tmp_path, "exact") == bytes_of(path, tmp_path, "fast")


@pytest.mark.parametrize("path", sorted((Path(__file__).parents[1] / "networks").glob("*.onnx")), ids=lambda p: p.name)
def test_both_engines_write_the_same_bytes_for_bundled_networks(path, tmp_path):
    assert bytes_of(path, tmp_path, "exact") == bytes_of(path, tmp_path, "fast")


@pytest.mark.parametrize("path", real_networks())
def test_both_engines_write_the_same_bytes_for_real_networks(path, tmp_path):
    if formats.read(path, raw_nnet=raw_only(path), max_unpacked=2**30).parameters > 50_000:
        pytest.skip("more than 50,000 weights: their classes are compared below")
    assert bytes_of(path, tmp_path, "exact") == bytes_of(path, tmp_path, "fast")


def test_large_networks_take_the_fast_engine(monkeypatch):
    seen = []
    for engine in plans.ENGINES:
        finder = plans.FINDERS[engine]
        monkeypatch.setitem(plans.FINDERS, engine, lambda *a, e=engine, f=finder, **k: [seen.append(e), f(*a, **k)][1])
    network = chain(np.array([[1, 2], [2, 4]], np.float32))
    exactlump.reduce(network, "exact")
    monkeypatch.setattr(plans, "LARGE", 4)
    exactlump.reduce(network, "exact")
    exactlump.reduce(network, "exact", engine="exact")
    assert list(dict.fromkeys(seen[:1])) == ["exact"]
    assert "fast" in seen
    assert seen[-1] == "exact"


@pytest.mark.parametrize("path", real_networks())
def test_real_networks(path):
    network = formats.read(path, raw_nnet=raw_only(path), max_unpacked=2**30)
    if network.parameters > 10**7:
        pytest.skip("more than 10 million weights: the exact engine takes minutes")
    agree(network)
    agree(network, fold=False)


@pytest.mark.parametrize("path", real_networks("conv/*", "relusplit/[ctx]*", "residual_bn/*"))
def test_real_networks_on_images(path):
    try:
        network = formats.read(path, max_unpacked=2**28)
    except UnsupportedLayer as error:
        pytest.skip(str(error))
    if network.parameters > 400_000:
        pytest.skip("more than 400,000 weights: the exact engine takes long")
    agree(network)
