# SPDX-License-Identifier: Apache-2.0
"""This file is about approximate versions of a network: merges with any coefficients, fitted ones, and lower ranks.

None of them says how far off it is; `exactlump.compare(network, version, box)` does.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from exactlump import formats
from exactlump.bounding.curve_values import values
from exactlump.errors import FormatError
from exactlump.network.kinds import Dense
from exactlump.network.layers import anchors, layer
from exactlump.network.program import Network
from exactlump.numbers.matrix import Matrix
from exactlump.numbers.rational import ZERO, Rational, rational, vector
from exactlump.relaxations.merging import Merge, merged


def merge(model: Any, tensor: str, combinations: Mapping[int, Mapping[int, Any]]) -> Network:
    """The network without some neurons of a layer, each replaced by a linear combination of others (paper, Section 4).

    model         whatever `read` takes
    tensor        the layer, by the tensor after its activation
    combinations  for each neuron that goes the neurons that stand for it, with their coefficients: {t: {v1: r1, ...}};
                  none of these goes itself.  {t: {}} drops t
    Where the combination is not exact the function changes: `compare` says by how much, `relax` where.
    Raises FormatError for layers and neurons that there are not, WrongType for what is no number, and as `read` does.

    >>> network = Network.chain([[[1, 0], [0, 1], [1, 1]], [[1, 1, 1]]])
    >>> merge(network, "h1", {2: {0: 1, 1: 1}})
    Network(2-2-1, relu, exact)
    """
    network = formats.read(model)
    units = _units(network, tensor)
    found = []
    for target, parts in combinations.items():
        for v in (target, *parts):
            if v not in range(units):
                raise FormatError(f"tensor {tensor!r}: found neuron {v}, expected one of {units}")
        if combinations.keys() & parts.keys():
            raise FormatError(f"tensor {tensor!r}: neuron {target} is replaced by one that goes itself")
        numbers = vector(list(parts.values()))
        found.append(Merge(target, tuple(parts), numbers))
    return merged(network, {tensor: found}) if found else network


def least_squares(model: Any, tensor: str, target: int, sources: Sequence[int], inputs: Any) -> dict[int, Rational]:
    """The coefficients with which neurons come nearest to another one on given inputs, by least squares.

    inputs: an array, (many, elements of the inputs); what is found goes into `merge` as {target: least_squares(...)}.
    Raises FormatError for layers and neurons that there are not and for inputs of other sizes, UnsupportedLayer for
    networks without values in floats, and as `read` does.

    >>> network = Network.chain([[[1, 0], [0, 1], [1, 1]], [[1, 1, 1]]])
    >>> [round(float(r), 9) for r in least_squares(network, "h1", 2, [0, 1], [[1, 0], [0, 1], [2, 3]]).values()]
    [1.0, 1.0]
    """
    network = formats.read(model)
    units, size = _units(network, tensor), sum(math.prod(port.shape) for port in network.inputs)
    for v in (target, *sources):
        if v not in range(units):
            raise FormatError(f"tensor {tensor!r}: found neuron {v}, expected one of {units}")
    x = np.asarray(inputs, np.float64)
    if x.size % size or not x.size:
        raise FormatError(f"inputs: found {x.size} numbers, expected {size}, or several times as many")
    known = values(network, x.reshape(-1, size))[tensor].reshape(x.size // size, units)
    found = np.linalg.lstsq(known[:, list(sources)], known[:, target], rcond=None)[0]
    return {v: rational(float(r)) for v, r in zip(sources, found, strict=True)}


def truncate(model: Any, tensor: str, rank: int) -> Network:
    """The network with the weights of a layer in a lower rank: two layers in the place of one, by singular values.

    tensor: the layer, by the tensor after its activation.  Numbers are those of the network's float type, or float64.
    Raises FormatError for layers that are not dense and for ranks that there are not, and as `read` does.

    >>> truncate(Network.chain([[[1, 2], [2, 4], [3, 6.5]], [[1, 1, 1]]]), "h1", 1)
    Network(2-1-3-1, relu, exact)
    """
    network = formats.read(model)
    _units(network, tensor)
    node = layer(network, tensor, anchors(network)).dense
    if node is None:
        raise FormatError(f"tensor {tensor!r}: found a layer without a matrix, expected a dense one")
    if not 1 <= rank <= min(node.weight.shape):
        raise FormatError(f"rank: found {rank}, expected 1 to {min(node.weight.shape)}")
    u, s, v = np.linalg.svd(np.array([[float(w) for w in row] for row in _dense(node.weight)]), full_matrices=False)
    kind = np.float32 if network.dtype == "float32" else np.float64
    root = np.sqrt(s[:rank])
    between = next(name for n in range(10**6) if (name := f"{node.target}_{n}") not in network.views)
    first = Dense(node.source, between, Matrix.of((root[:, None] * v[:rank]).astype(kind)), (ZERO,) * rank)
    second = replace(node, source=between, weight=Matrix.of((u[:, :rank] * root).astype(kind)))
    nodes = [made for old in network.nodes for made in ((first, second) if old is node else (old,))]
    return replace(network, nodes=tuple(nodes), notes=())


def _dense(matrix: Matrix) -> list[list[Rational]]:
    rows = [matrix.row(v) for v in range(matrix.shape[0])]
    return [[row.get(u, ZERO) for u in range(matrix.shape[1])] for row in rows]


def _units(network: Network, tensor: str) -> int:
    """How many neurons a hidden layer has."""
    if tensor not in anchors(network) or tensor not in network.producer or tensor in network.outputs:
        hidden = [name for name in anchors(network) if name in network.producer and name not in network.outputs]
        listed = ", ".join(map(repr, hidden[:6])) or "none"
        raise FormatError(f"tensor: found {tensor!r}, expected a hidden layer: {listed}")
    if network.views[tensor].positions != 1:
        raise FormatError(f"tensor {tensor!r}: found channels of images, expected neurons")
    return network.views[tensor].units
