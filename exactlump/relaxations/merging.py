# SPDX-License-Identifier: Apache-2.0
"""This file is about the paper's relaxation as a transformation: neurons replaced by combinations of others.

Neuron t with row sum r_i * l_i is taken out, and W(t, z) is added r_i times to W(v_i, z): the merged network has
sum r_i * sigma(l_i) where the original has sigma(sum r_i * l_i).  That is right where the defect of `regions.py` is 0.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from exactlump.network.kinds import Dense, Node
from exactlump.network.program import Network
from exactlump.numbers.matrix import Matrix
from exactlump.numbers.rational import ZERO, Rational, Vector
from exactlump.relaxations.interiors import Layer


@dataclass(frozen=True, slots=True)
class Merge:
    """Neuron `target` of a layer, replaced by sum of coefficients[i] * neuron sources[i]."""

    target: int
    sources: tuple[int, ...]
    coefficients: Vector


def merged(network: Network, merges: Mapping[str, Sequence[Merge]], layers: Sequence[Layer]) -> Network:
    """The network after merges, by layer; no source of a merge is the target of another one.

    A layer of which no neuron is left keeps its first one, which nothing reads.
    """
    by_name = {layer.name: layer for layer in layers}
    nodes = {node.target: node for node in network.nodes}
    for name, chosen in merges.items():
        if chosen:
            _merge_layer(network, nodes, by_name[name], chosen)
    return replace(network, nodes=tuple(nodes[node.target] for node in network.nodes), notes=())


def _merge_layer(network: Network, nodes: dict[str, Node], layer: Layer, merges: Sequence[Merge]) -> None:
    gone = {merge.target for merge in merges}
    kept = [v for v in range(len(layer.rows)) if v not in gone] or [0]
    for node in (*layer.chain, network.producer[layer.name]):
        nodes[node.target] = _narrowed(nodes[node.target], kept)
    place = {v: k for k, v in enumerate(kept)}
    for reader in network.consumers[layer.name]:
        above = nodes[reader.target]
        assert isinstance(above, Dense)
        nodes[above.target] = replace(above, weight=_redirected(above.weight, merges, place))


def _narrowed(node: Node, kept: Sequence[int]) -> Node:
    """The node with these units only."""
    if not isinstance(node, Dense):
        return node.restricted(kept)
    rows = [node.weight.row(v) for v in kept]
    weight = Matrix.from_rows(rows, node.weight.shape[1])
    if node.weight.floats is not None:
        weight = Matrix.from_floats(node.weight.floats[list(kept)])
    return replace(node, weight=weight, bias=tuple(node.bias[v] for v in kept))


def _redirected(weight: Matrix, merges: Sequence[Merge], place: Mapping[int, int]) -> Matrix:
    """The outgoing weights after the merges, over the kept neurons."""
    by_target = {merge.target: merge for merge in merges}
    rows = []
    for z in range(weight.shape[0]):
        row: dict[int, Rational] = {}
        for u, w in weight.row(z).items():
            merge = by_target.get(u)
            parts = ((u, w),) if merge is None else zip(merge.sources, (r * w for r in merge.coefficients), strict=True)
            for v, c in parts:
                row[place[v]] = row.get(place[v], ZERO) + c
        rows.append(row)
    return Matrix.from_rows(rows, len(place))
