# SPDX-License-Identifier: Apache-2.0
"""This file is about Definition 6 as it is printed: the quotient that it allows, which may compute another function.

As printed, the sums over a class below carry no factor 1/rho (docs/erratum.md).  Layer by layer from the inputs, the
neurons whose unweighted class sums and biases are positively proportional, and whose activations are the same, form a
class; this is the largest relation that the printed definition allows, outputs kept apart.  Definition 7, with the
first neuron v as representative, lets (rho(v) / rho(t)) * v stand for t: a merge with one source.
"""

from collections.abc import Mapping, Sequence

from exactlump.network.activations import Activation
from exactlump.numbers.rational import ONE, Rational, primitive
from exactlump.points.affine import Row
from exactlump.relaxations.interiors import Layer
from exactlump.relaxations.merging import Merge


def literal_merges(layers: Sequence[Layer]) -> dict[str, list[Merge]]:
    """The merges of the printed definition's largest quotient, by layer; none in layers that cannot be changed."""
    classes: dict[int, int] = {}  # coordinate -> the first coordinate of its class
    found: dict[str, list[Merge]] = {}
    for layer in layers:
        found[layer.name] = [] if layer.closed else _merges(layer, classes)
        for merge in found[layer.name]:
            above, below = (next(iter(layer.after[v].weights)) for v in (merge.target, merge.sources[0]))
            classes[above] = below
    return found


def _merges(layer: Layer, classes: Mapping[int, int]) -> list[Merge]:
    leads: dict[object, tuple[int, Rational]] = {}
    merges = []
    for v, (row, sigma) in enumerate(zip(layer.rows, layer.functions, strict=True)):
        if sigma.slope is None or sigma.slope == 1:
            continue
        key, size = _key(_unweighted(row, classes), sigma)
        first, lead = leads.setdefault(key, (v, size))
        if first != v:
            merges.append(Merge(v, (first,), (size / lead,)))
    return merges


def _unweighted(row: Row, classes: Mapping[int, int]) -> Row:
    """The row with each class below as one coordinate, its weights summed as printed."""
    weights: dict[int, Rational] = {}
    for i, w in row.weights.items():
        k = classes.get(i, i)
        weights[k] = weights[k] + w if k in weights else w
    return Row({i: w for i, w in weights.items() if w}, row.constant)


def _key(row: Row, sigma: Activation) -> tuple[object, Rational]:
    """The direction of a row, and its size along it; rows of zeros are alike, with rho = 1."""
    columns = sorted(row.weights)
    integers, content = primitive([*(row.weights[i] for i in columns), row.constant])
    return (sigma, *columns, "constant", *integers), content if any(integers) else ONE
