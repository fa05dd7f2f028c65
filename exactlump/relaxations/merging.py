# SPDX-License-Identifier: Apache-2.0
"""This file is about the paper's relaxation as a transformation: neurons replaced by combinations of others.

Neuron t with row sum r_i * l_i is taken out, and W(t, z) is added r_i times to W(v_i, z): the merged network has
sum r_i * sigma(l_i) where the original has sigma(sum r_i * l_i).  That is right where the defect of `regions.py` is 0.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from exactlump.lumping.simulations import NULL, Affine, entry
from exactlump.network.layers import Layer, anchors, ground, layer
from exactlump.network.program import Network
from exactlump.numbers.rational import ONE, ZERO, Rational, SparseRow, Vector
from exactlump.reduction.gathering import Left
from exactlump.reduction.survivors import Chosen, Survivors, Weights


@dataclass(frozen=True, slots=True)
class Merge:
    """Neuron `target` of a layer, replaced by sum of coefficients[i] * neuron sources[i]."""

    target: int
    sources: tuple[int, ...]
    coefficients: Vector


@dataclass(frozen=True, slots=True)
class _Changed:
    """A layer after merges: the neurons that are kept, and what each neuron was is of those: a sum of them."""

    kept: tuple[int, ...]
    rows: tuple[Affine, ...]


def merged(network: Network, merges: Mapping[str, Sequence[Merge]]) -> Network:
    """The network after merges, by layer; no source of a merge is the target of another one.

    A layer of which no neuron is left keeps its first one, which nothing reads.
    """
    anchored = anchors(network)
    changed = {name: _changed(network.units(name), chosen) for name, chosen in merges.items() if chosen}
    left = {tensor: _left(network.units(tensor), changed.get(tensor)) for tensor in anchored}
    survivors = Survivors(network, anchored, left, anchored.keys())
    for tensor in anchored:
        if tensor in network.producer:
            survivors.write(tensor, _wanted(network, layer(network, tensor, anchored), changed, anchored))
    made = {node.target: node for node in survivors.nodes}
    return replace(network, nodes=tuple(made.get(node.target, node) for node in network.nodes), notes=())


def _changed(units: int, merges: Sequence[Merge]) -> _Changed:
    by_target = {merge.target: merge for merge in merges}
    kept = tuple(v for v in range(units) if v not in by_target) or (0,)
    place = {v: k for k, v in enumerate(kept)}
    rows = [entry(place[v], ONE) if v in place else NULL for v in range(units)]
    for v, merge in by_target.items():
        parts = zip(merge.sources, merge.coefficients, strict=True)
        rows[v] = Affine(tuple((place[u], r) for u, r in parts), ZERO)
    return _Changed(kept, tuple(rows))


def _left(units: int, changed: _Changed | None) -> Left:
    kept = range(units) if changed is None else changed.kept
    return Left({v: k for k, v in enumerate(kept)}, len(kept))


def _wanted(
    network: Network, own: Layer, changed: Mapping[str, _Changed], anchored: Mapping[str, str | None]
) -> Chosen:
    """What a layer is to have: the neurons that are kept, and of those the weights on what is kept below."""
    node, above = own.mixing, changed.get(own.nodes[-1].target)
    units = None if above is None else above.kept
    if node is None or (above is None and node.source not in changed):
        return Chosen(units)
    rows = range(len(node.bias)) if units is None else units
    below, floats = changed.get(node.source), node.weight.floats
    weights: Weights
    if below is not None:
        weights = [_redirected(node.weight.row(v), below) for v in rows]
    elif floats is not None:
        weights = floats[list(rows)]
    else:
        span = network.views[ground(network, node.source, anchored)].positions
        weights = [{divmod(u, span): w for u, w in node.weight.row(v).items()} for v in rows]
    return Chosen(units, weights=weights, bias=tuple(node.bias[v] for v in rows))


def _redirected(row: SparseRow, below: _Changed) -> dict[tuple[int, int], Rational]:
    """The weights of a neuron on the neurons that are kept below."""
    found: dict[tuple[int, int], Rational] = {}
    for u, w in row.items():
        for k, c in below.rows[u].terms:
            found[k, 0] = found.get((k, 0), ZERO) + w * c
    return found
