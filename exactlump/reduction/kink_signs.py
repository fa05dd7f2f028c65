# SPDX-License-Identifier: Apache-2.0
"""This file is about whether floats say that kinks are worth an exact look, so that ordinary networks cost no time.

Floats only propose: what is said here decides how long a reduction takes and, at worst, that less is removed.
"""

import numpy as np
from numpy.typing import NDArray

from exactlump.lumping.kinks import never_negative
from exactlump.network.activations import Activation
from exactlump.network.kinds import Conv, Dense, Node, Scale, Shift
from exactlump.network.program import Network
from exactlump.numbers.rational import Rational

# Up to so many weights what lumping could merge is looked at; from so many on nothing is.
SMALL, LARGE = 200_000, 3_000_000
# Above SMALL an exact look is taken for one neuron in so many, at the least.
SHARE = 64
# How close two floats are that are one number, over the sizes that they are sums of.
_CLOSE = 1e-9


def worth_a_look(network: Network, most: int) -> bool:
    """Whether lumping removed something (it left `most` neurons), or there are rows of one direction or one sign, or
    affine layers in a row: with none of these the neurons of a chain are its kinks.  Of larger networks: enough of
    them.
    """
    if network.nonzeros >= LARGE:
        return False
    if network.nonzeros <= SMALL and most < network.neurons:
        return True
    with np.errstate(all="ignore"):
        units = sum(_promises(network, node) for node in network.nodes if not node.affine)
    return units > 0 if network.nonzeros <= SMALL else units * SHARE >= network.neurons


def _promises(network: Network, node: Node) -> int:
    """How many units of a layer may go; where nobody looks all, and none above sums of images."""
    dense, shift, scale = _layer(network, node)
    units = network.units(node.target)
    if dense is None:  # above sums of images too few go for an exact look
        return units if all(view.positions == 1 for view in network.views.values()) else 0
    below = _under(network, dense.source)
    if below is not None and below.affine:
        return units
    rows = np.column_stack([_floats(dense), [_float(b) for b in dense.bias]])
    rows[:, -1] += shift
    rows *= scale[:, None]
    if not np.all(np.isfinite(rows)):
        return units
    bent = np.any(rows[:, :-1], axis=1)
    signs = below is not None and _is_positive(network, below)
    return int(np.sum(~bent)) + (_one_sign(rows[bent]) if signs else 0) + _parallel(rows[bent])


def _is_positive(network: Network, node: Node) -> bool:
    functions = (node.function(v) for v in range(network.units(node.target)))
    return all(isinstance(sigma, Activation) and never_negative(sigma) for sigma in functions)


def _layer(network: Network, node: Node) -> tuple[Dense | Conv | None, NDArray[np.float64], NDArray[np.float64]]:
    """The dense layer below an activation, and what each of its units is shifted and then multiplied by; or none."""
    made, units = network.producer.get(node.reads[0]), network.units(node.reads[0])
    shift, scale = np.zeros(units), np.ones(units)
    while isinstance(made, Shift | Scale):
        if isinstance(made, Shift):
            shift += np.array([_float(c) for c in made.constant]) / scale
        else:
            scale *= [_float(c) for c in made.factor]
        made = network.producer.get(made.source)
    return made if isinstance(made, Dense | Conv) else None, shift, scale


def _under(network: Network, tensor: str) -> Node | None:
    """The activation or the layer that makes what a layer reads, moved and scaled as it may be; None for inputs."""
    made = network.producer.get(tensor)
    while made is not None and made.affine and made not in network.mixing and len(made.reads) == 1:
        made = network.producer.get(made.reads[0])
    return made


def _floats(dense: Dense | Conv) -> NDArray[np.float64]:
    if dense.weight.floats is not None:
        return dense.weight.floats.astype(np.float64)
    rows = np.zeros(dense.weight.shape)
    for v in range(len(rows)):
        for u, w in dense.weight.row(v).items():
            rows[v, u] = _float(w)
    return rows


def _float(value: Rational) -> float:
    try:
        return int(value.numerator) / int(value.denominator)
    except OverflowError:
        return float("inf")


def _one_sign(rows: NDArray[np.float64]) -> int:
    return int(np.sum(np.all(rows >= 0, axis=1) | np.all(rows <= 0, axis=1)))


def _parallel(rows: NDArray[np.float64]) -> int:
    """How many random sums over rows, each over its largest entry, are close to the next: parallel rows have such."""
    largest = np.take_along_axis(rows, np.abs(rows).argmax(axis=1)[:, None], axis=1)
    terms = rows / largest * np.random.default_rng(0).standard_normal(rows.shape[1])
    sums, sizes = terms.sum(axis=1), np.abs(terms).sum(axis=1)
    order = np.argsort(sums)
    return int(np.sum(np.diff(sums[order]) <= _CLOSE * np.maximum(sizes[order][1:], sizes[order][:-1])))
