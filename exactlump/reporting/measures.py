# SPDX-License-Identifier: Apache-2.0
"""This file is about what a reduction saves, in figures: units, parameters, non-zeros, bytes, multiply-adds."""

import math
from dataclasses import dataclass
from pathlib import Path

from exactlump.network.kinds import Conv, Dense, groups
from exactlump.network.program import Network


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure of two networks.

    note  what is counted, in words
    """

    name: str
    before: int
    after: int
    note: str


def measures(networks: tuple[Network, Network], sizes: tuple[int, int]) -> tuple[Measure, ...]:
    """All figures; sizes: of both files in bytes, with what they keep beside them."""
    one, other = networks
    return (
        Measure("units", one.neurons, other.neurons, "hidden neurons, or channels"),
        Measure("parameters", one.parameters, other.parameters, "weights and biases"),
        Measure("non-zeros", one.nonzeros, other.nonzeros, "of these, not 0"),
        Measure("multiply-adds", multiply_adds(one), multiply_adds(other), "for one item, zeros and padding counted"),
        Measure("bytes", *sizes, "files as they lie on disk"),
    )


def multiply_adds(network: Network) -> int:
    """Products of a weight and a value for one item of the batch, weights that are 0 and padding included."""
    return sum(_products(network, node) for node in network.mixing)


def _products(network: Network, node: Dense | Conv) -> int:
    products = math.prod(node.weight.shape) // groups(node)
    if node.window is None:
        return products
    slides_over = node.source if node.window.transposed else node.target
    return products * int(network.views[slides_over].positions)


def size(path: Path, beside: tuple[Path, ...]) -> int:
    """The bytes of a model file and of what it keeps beside it."""
    return sum(place.stat().st_size for place in (path, *beside))
