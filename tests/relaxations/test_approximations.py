# SPDX-License-Identifier: Apache-2.0
"""This file is about approximate versions of a network: what they compute, by the oracle, and what is refused."""

from fractions import Fraction

import numpy as np
import pytest

import exactlump
from exactlump import Network, least_squares, merge, truncate
from exactlump.errors import FormatError
from exactlump.numbers.rational import rational
from tests import oracle
from tests.bounding.test_bounding_relating import chain
from tests.bounding_tools import as_fraction, outputs, seeded
from tests.image_networks import image_network


def point(rng, size):
    return [Fraction(rng.randint(-20, 20), 7) for _ in range(size)]


@pytest.mark.parametrize("seed", range(4))
def test_a_merge_is_what_section_4_says(seed):
    """The neuron's value is replaced by the combination of the others' values, at every input."""
    rng = seeded(400 + seed)
    network = chain(rng, 3, 5, 4, 2)
    parts = {1: Fraction(1, 3), 4: Fraction(-2, 5)}
    small = merge(network, "h1", {2: parts})
    assert small.units("h1") == 4
    for _ in range(20):
        x = point(rng, 3)
        hidden = oracle.valuation(network, [x])["h1"]
        hidden[2] = sum(r * hidden[v] for v, r in parts.items())
        assert outputs(small, x) == continued(network, hidden)


def continued(network, hidden):
    """The outputs of a chain whose first hidden layer has given values."""
    value = hidden
    for node in network.nodes[2:]:
        if hasattr(node, "weight"):
            rows = [node.weight.row(v) for v in range(len(node.bias))]
            value = [
                sum((as_fraction(w) * value[u] for u, w in row.items()), as_fraction(b))
                for row, b in zip(rows, node.bias, strict=True)
            ]
        else:
            value = [max(y, Fraction(0)) for y in value]
    return value


def test_exact_combinations_are_found_on_data():
    network = Network.chain([[[1, 0], [0, 1], [1, 2]], [[1, 1, 1]]])
    data = np.random.default_rng(0).random((50, 2))
    found = least_squares(network, "h1", 2, [0, 1], data)
    assert [float(r) for r in found.values()] == pytest.approx([1, 2])
    assert [*found] == [0, 1]
    assert merge(network, "h1", {2: {}}) == merge(network, "h1", {2: {0: 0}})
    assert merge(network, "h1", {}) == network


def test_a_matrix_of_full_rank_is_what_it_was_nearly():
    network = Network.chain([np.float32([[1, 2], [3, 4], [5, 7]]), np.float32([[1, 1, 1]])])
    whole, less = truncate(network, "h1", 2), truncate(network, "h1", 1)
    assert (whole.dtype, repr(whole)) == ("float32", "Network(2-2-3-1, relu, float32)")
    near, far = (exactlump.bound(network, version, (0, 1), seconds=4) for version in (whole, less))
    assert near.most < rational("1/1000") < far.least
    weights = [np.array([[float(w) for w in node.weight.row(v).values()] for v in range(node.weight.shape[0])])
               for node in less.nodes[:2]]  # fmt: skip
    product = weights[1] @ weights[0]
    left, sizes, right = np.linalg.svd([[1, 2], [3, 4], [5, 7]])
    assert product == pytest.approx(sizes[0] * np.outer(left[:, 0], right[0]), abs=1e-5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda n: merge(n, "h9", {0: {}}), "tensor: found 'h9', expected a hidden layer: 'h1'"),
        (lambda n: merge(n, "y", {0: {}}), "tensor: found 'y', expected a hidden layer"),
        (lambda n: merge(n, "h1", {3: {}}), "found neuron 3, expected one of 3"),
        (lambda n: merge(n, "h1", {0: {-1: 1}}), "found neuron -1, expected one of 3"),
        (lambda n: merge(n, "h1", {0: {0: 1}}), "replaced by one that goes itself"),
        (lambda n: merge(n, "h1", {0: {1: 1}, 1: {2: 1}}), "replaced by one that goes itself"),
        (lambda n: merge(n, "h1", {0: {1: "x"}}), "'x'"),
        (lambda n: least_squares(n, "h1", 0, [1], [[1, 2, 3]]), "found 3 numbers, expected 2"),
        (lambda n: least_squares(n, "h1", 0, [7], [[1, 2]]), "found neuron 7"),
        (lambda n: truncate(n, "h1", 3), "rank: found 3, expected 1 to 2"),
        (lambda n: truncate(n, "h1", 0), "rank: found 0, expected 1 to 2"),
    ],
)
def test_what_there_is_not_is_refused(call, message):
    with pytest.raises(FormatError, match=message):
        call(Network.chain([[[1, 0], [0, 1], [1, 2]], [[1, 1, 1]]]))


def test_channels_are_refused():
    network = image_network(5)
    image = next(name for name in exactlump.maximum_lumping(network).classes if network.views[name].positions > 1)
    with pytest.raises(FormatError, match="found channels of images, expected neurons"):
        merge(network, image, {0: {}})
