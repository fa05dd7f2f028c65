# SPDX-License-Identifier: Apache-2.0
"""This file is about elements as affine functions of numbered coordinates, exactly.

The coordinates are whatever the caller numbers: inputs, neurons, hyperplanes.  Only nodes that are affine on single
elements have a meaning here; images and everything else are refused.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from exactlump.errors import UnsupportedLayer
from exactlump.network.kinds import Dense, Node, Reorder
from exactlump.network.meaning import Anchored
from exactlump.network.program import Network
from exactlump.numbers.rational import ONE, ZERO, Rational


class Row(NamedTuple):
    """sum over i of weights[i] * z_i, plus a constant; no weight is zero."""

    weights: dict[int, Rational]
    constant: Rational

    def __call__(self, z: Sequence[Rational]) -> Rational:
        """The value at a point."""
        return sum((w * z[i] for i, w in self.weights.items()), self.constant)

    @property
    def is_zero(self) -> bool:
        """Whether the function is 0 everywhere."""
        return not self.weights and not self.constant


def coordinate(i: int) -> Row:
    """The coordinate itself."""
    return Row({i: ONE}, ZERO)


def combination(parts: Iterable[tuple[Rational, Row]], constant: Rational = ZERO) -> Row:
    """sum of c * row, plus a constant."""
    weights: dict[int, Rational] = {}
    for c, row in parts:
        for i, w in row.weights.items():
            weights[i] = weights[i] + c * w if i in weights else c * w
        constant = constant + c * row.constant
    return Row({i: w for i, w in weights.items() if w}, constant)


def acts_on_elements(network: Network, node: Node) -> bool:
    """Whether `rows_after` has a meaning for a node."""
    alone = all(network.views[name].positions == 1 for name in (*node.reads, node.target))
    return node.affine and (alone or node.reorders)


def rows_after(network: Network, node: Node, known: Mapping[str, Sequence[Row]]) -> tuple[Row, ...]:
    """The elements that an affine node defines; UnsupportedLayer for other nodes, and for images that are mixed."""
    if not node.affine:
        raise UnsupportedLayer(
            f"tensor {node.target!a}: found {type(node).__name__}, expected a dense or an affine layer"
        )
    match node:
        case Dense() if not node.grid:
            return _dense(node, known[node.source])
        case Reorder() if not network.views[node.target].open and not network.views[node.source].open:
            return tuple(known[node.source][e] for e in node.order(network.shapes[node.source]))
        case _:
            return _unit_by_unit(network, node, known)


def _unit_by_unit(network: Network, node: Node, known: Mapping[str, Sequence[Row]]) -> tuple[Row, ...]:
    """What a node means, for units that are single elements."""
    found = network.parts(node)
    if isinstance(found, Anchored) or not acts_on_elements(network, node):
        raise UnsupportedLayer(f"tensor {node.target!a}: found images, expected single elements")
    below = [known[name] for name in node.reads]
    sums = map(found.of, range(network.units(node.target)))
    return tuple(combination(((part.weight, below[part.source][part.unit]) for part in of), c) for of, c in sums)


def _dense(node: Dense, below: Sequence[Row]) -> tuple[Row, ...]:
    """W x + b; where every element below is a coordinate, the rows are those of W."""
    lone = [next(iter(row.weights.items())) if len(row.weights) == 1 and not row.constant else None for row in below]
    names = [pair[0] for pair in lone if pair is not None and pair[1] == 1]
    if len(set(names)) == len(below):
        rows = (node.weight.row(v) for v in range(len(node.bias)))
        return tuple(Row({names[u]: w for u, w in row.items()}, b) for row, b in zip(rows, node.bias, strict=True))
    return tuple(
        combination(((w, below[u]) for u, w in node.weight.row(v).items()), b) for v, b in enumerate(node.bias)
    )
