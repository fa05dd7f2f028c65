# SPDX-License-Identifier: Apache-2.0
"""This file is about planting redundancy: neurons split into proportional twins, without changing the function.

A neuron u becomes twins with ratios r_1, r_2, ...: twin i has r_i times the incoming row and bias of u, hence r_i
times its value.  An edge of weight w that leaves u becomes edges of weights w_i with sum_i r_i * w_i = w.  The w_i
are drawn afresh for each neuron above, so that the rows of twins in the next layer are proportional only after
their entries have been weighted by the r_i: the sums of Definition 6 as printed do not find them (docs/erratum.md).
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.float64]
Chain: TypeAlias = list[tuple[Array, Array]]

# Weights are multiples of 2^-GRID and below 8, so that every sum here has at most 24 bits: exact in float32.
GRID = 10


def on_grid(chain: Chain) -> Chain:
    """The chain with its numbers rounded to multiples of 2^-GRID."""
    return [(np.round(w * 2**GRID) / 2**GRID, np.round(b * 2**GRID) / 2**GRID) for w, b in chain]


def widen(chain: Chain, rng: np.random.Generator) -> Chain:
    """The same function with one to three twins, in shuffled order, for every hidden neuron of an `on_grid` chain."""
    wide: Chain = []
    owner, ratio = np.arange(chain[0][0].shape[1]), np.ones(chain[0][0].shape[1])
    for depth, (w, b) in enumerate(chain):
        below = owner, ratio
        owner, ratio = _twins(len(b), rng) if depth < len(chain) - 1 else (np.arange(len(b)), np.ones(len(b)))
        rows = np.stack([_split(w[v], *below, rng) for v in owner])
        wide.append((rows * ratio[:, None], b[owner] * ratio))
    return wide


def _twins(neurons: int, rng: np.random.Generator) -> tuple[NDArray[np.int64], Array]:
    """For each twin its neuron and its ratio: distinct powers of two for the twins of one neuron."""
    pairs = [
        (v, 2.0**k) for v in range(neurons) for k in rng.choice([-2, -1, 0, 1, 2], rng.integers(1, 4), replace=False)
    ]
    order = rng.permutation(len(pairs))
    return np.array([pairs[i][0] for i in order]), np.array([pairs[i][1] for i in order])


def _split(row: Array, owner: NDArray[np.int64], ratio: Array, rng: np.random.Generator) -> Array:
    """Weights w_i with sum of ratio_i * w_i over the twins of u equal to row[u], for every u; all but one at random."""
    weights: Array = rng.integers(-(2 ** (GRID - 2)), 2 ** (GRID - 2), len(owner)) / 2**GRID
    for u, w in enumerate(row):
        last, *others = np.flatnonzero(owner == u)[::-1]
        weights[last] = (w - weights[others] @ ratio[others]) / ratio[last]
    return weights
