# SPDX-License-Identifier: Apache-2.0
"""This file is about layers that stay arrays: what comes out is what rationals give."""

import importlib

import numpy as np
import pytest
from hypothesis import given, settings

import exactlump
from exactlump.errors import CannotWrite
from exactlump.network.kinds import Dense
from exactlump.numbers.matrix import Matrix
from exactlump.numbers.rational import rational
from exactlump.reduction import float_sums
from exactlump.reduction.float_layers import Plain
from tests.fast.test_engines import chain, network_of, with_arrays
from tests.image_networks import image_network
from tests.strategies import networks, with_float_arrays
from tests.tools import same

quotient_module = importlib.import_module(
    "exactlump.reduction.quotient"
)  # its name in the package may be the function's


def reduced(network, by_rationals=False):
    """The reduction by the exact engine, or the words of its refusal."""
    with pytest.MonkeyPatch.context() as patch:
        if by_rationals:
            patch.setattr(quotient_module, "plain_layer", lambda *_: None)
            patch.setattr(float_sums._Writer, "_array", lambda *_: None)
        try:
            return exactlump.reduce(network, engine="exact", rules="lumping")
        except CannotWrite as error:
            return str(error)


def arrays(network):
    """The layers that hold an array."""
    return [node.target for node in network.nodes if isinstance(node, Dense) and node.weight.floats is not None]


def agree(network):
    """Whether both ways lead to one reduction; how many of its layers are arrays."""
    found, expected = reduced(network), reduced(network, by_rationals=True)
    if isinstance(found, str):
        assert found == expected
        return 0
    assert same(found.reduced, expected.reduced)
    assert same(found.quotient, expected.quotient)
    assert dict(found.forward) == dict(expected.forward)
    assert dict(found.backward) == dict(expected.backward)
    assert found.layers == expected.layers
    assert not arrays(expected.reduced)
    return len(arrays(found.reduced))


@pytest.mark.parametrize("part", range(4))
def test_generated_chains(part):
    assert sum(agree(network_of(seed)) for seed in range(60 * part, 60 * part + 60)) > 20


@settings(max_examples=100, deadline=None)
@given(networks())
def test_networks_of_all_kinds_of_nodes(network):
    agree(with_float_arrays(network))


def test_networks_on_images():
    assert sum(agree(with_arrays(image_network(seed))) for seed in range(60)) > 10


def test_a_layer_far_from_merges_stays_an_array_and_one_above_a_split_sum_does_not():
    random = np.random.default_rng(0)
    below = np.array([[1, 0], [3, 0], [0, 1]], np.float32)
    middle, last = (random.standard_normal((4, n)).astype(np.float32) for n in (3, 4))
    network = chain(below, middle, last)
    found = reduced(network)
    assert arrays(found.reduced) == ["d0", "d2", "y"]
    assert found.layers[0].merged == 1
    assert np.shares_memory(found.reduced.producer["d2"].weight.floats, last)
    agree(network)


def test_minus_zero_is_written_as_zero():
    network = chain(np.array([[1, -0.0], [-0.0, 1]], np.float32), np.array([[1, -0.0], [2, 3]], np.float32))
    found = reduced(network)
    assert arrays(found.reduced) == ["d0", "d1", "y"]
    for node in found.reduced.nodes:
        if isinstance(node, Dense):
            assert not np.signbit(node.weight.floats).any()


def test_rows_and_columns_are_taken():
    floats = np.arange(12, dtype=np.float32).reshape(3, 4)
    floats[:, 2] = 0
    node = Dense("x", "d", Matrix.from_floats(floats), (rational(0),) * 3)
    plain = Plain(node, floats, [("x", 3), None, ("x", 1), ("x", 0)])
    assert set(plain.read([0, 2])) == {("x", 3), ("x", 0)}
    place = {3: 0, 1: 2, 0: 1}.get
    assert plain.take([2, 0], lambda atom: place(atom[1]), 3).tolist() == [[8, 11, 0], [0, 3, 0]]
    assert plain.take([0], lambda atom: place(atom[1]), 4) is None
