# SPDX-License-Identifier: Apache-2.0
"""This file is about two-level lattice networks: ReLU networks that compute a maximum of minima of affine functions.

Such networks are made by machine (Ferlez and Shoukry, "AReN", HSCC 2020) and are full of exact redundancy.  With
s = relu(a+b), t = relu(-a-b), p = relu(a-b), q = relu(b-a):  min(a,b) = (s-t-p-q)/2  and  max(a,b) = (s-t+p+q)/2.
Every weight but those of the affine functions is 0, 1, -1 or 1/2, so that nothing is ever rounded.
"""

from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from examples.chain import Layer

Array: TypeAlias = NDArray[np.float64]


class Lattice(NamedTuple):
    """x -> max over rows s of `sets` of min over i in s of weight[i] . x + bias[i].

    sets has a power of two of rows and columns; an index may stand in a row more than once.
    """

    weight: Array
    bias: Array
    sets: NDArray[np.int64]


def random_lattice(functions: int, inputs: int, rng: np.random.Generator) -> Lattice:
    """`functions` (a power of two) random affine functions, as many random sets of them, padded by repetition."""
    weight = rng.normal(size=(functions, inputs)).astype(np.float32).astype(np.float64)
    bias = rng.normal(size=functions).astype(np.float32).astype(np.float64)
    sets = [np.sort(rng.permutation(functions)[: rng.integers(2, functions)]) for _ in range(functions)]
    return Lattice(weight, bias, np.stack([np.sort(np.resize(s, functions)) for s in sets]))


def layers(lattice: Lattice) -> list[Layer]:
    """The network: affine functions, selection of the sets' elements, a tree of minima, a tree of maxima."""
    choose = np.eye(len(lattice.weight))[lattice.sets.ravel()]
    chain = [Layer(lattice.weight, lattice.bias, relu=False), _linear(choose)]
    values = lattice.sets.size
    while values > 1:
        minimum = values > len(lattice.sets)
        pairs = np.eye(values // 2)
        chain.append(_linear(np.kron(pairs, [[1, 1], [-1, -1], [1, -1], [-1, 1]]), relu=True))
        chain.append(_linear(np.kron(pairs, [[0.5, -0.5, -0.5, -0.5] if minimum else [0.5, -0.5, 0.5, 0.5]])))
        values //= 2
    return chain


def _linear(weight: NDArray[Any], *, relu: bool = False) -> Layer:
    return Layer(weight, np.zeros(len(weight)), relu)
