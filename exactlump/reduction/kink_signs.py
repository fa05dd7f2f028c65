# SPDX-License-Identifier: Apache-2.0
"""This file is about large networks: whether floats say that kinks are worth an exact look.

Floats only propose: what is said here decides how long a reduction takes and, at worst, that less is removed.
"""

import numpy as np
from numpy.typing import NDArray

from exactlump.lumping.kinks import never_negative, twin_law
from exactlump.network.kinds import Activate, Dense
from exactlump.network.program import Network

# Up to so many weights the exact look is always taken; from so many on it never is.
SMALL, LARGE = 200_000, 3_000_000
# How close two floats are that are one number.
_CLOSE = 1e-9


def worth_a_look(network: Network) -> bool:
    """Whether a network is small, or has antiparallel rows, rows of one sign, or affine layers in a row."""
    if network.nonzeros <= SMALL:
        return True
    return network.nonzeros < LARGE and any(_promises(network, node) for node in network.nodes)


def _promises(network: Network, node: object) -> bool:
    if not isinstance(node, Activate):
        return False
    dense = network.producer.get(node.source)
    if not isinstance(dense, Dense) or dense.weight.floats is None:
        return True
    below = network.producer.get(dense.source)
    if isinstance(below, Dense):
        return True
    rows = np.column_stack([dense.weight.floats.astype(np.float64), [float(b) for b in map(_as_float, dense.bias)]])
    if isinstance(below, Activate) and all(map(never_negative, below.functions)) and _one_sign(rows):
        return True
    return any(map(twin_law, node.functions)) and _antiparallel(rows)


def _as_float(value: object) -> float:
    return int(value.numerator) / int(value.denominator)  # type: ignore[attr-defined]


def _one_sign(rows: NDArray[np.float64]) -> bool:
    return bool(np.any(np.all(rows >= 0, axis=1) | np.all(rows <= 0, axis=1)))


def _antiparallel(rows: NDArray[np.float64]) -> bool:
    """Whether the largest entries of two rows have other signs, and random sums over these are close."""
    largest = np.take_along_axis(rows, np.abs(rows).argmax(axis=1)[:, None], axis=1)[:, 0]
    known = largest != 0
    sums = rows[known] @ np.random.default_rng(0).standard_normal(rows.shape[1]) / largest[known]
    order = np.argsort(sums)
    close = np.diff(sums[order]) <= _CLOSE * np.abs(sums[order][1:])
    signs = largest[known][order] > 0
    return bool(np.any(close & (signs[1:] != signs[:-1])))
