# SPDX-License-Identifier: Apache-2.0
"""This file is about what a quotient still holds in vain: unobservable units, and pairs of affine layers.

A unit is *unobservable* when every weight that reads it is zero, or is read by unobservable units only (T4): in a
quotient also a class whose outgoing columns cancelled, as in ReLU(x) - ReLU(x).  Two consecutive Dense nodes without
activation between them are *fused* when that costs no weight.  (Constants are folded by the lumping itself.)
"""

import math
from collections.abc import Collection, Mapping
from dataclasses import replace

from exactlump.anchors import anchors, linear_layers
from exactlump.network import Activate, Dense, Head, Network, Node, Reorder, Scale, Shift
from exactlump.quotient import Step
from exactlump.rational import ONE, Matrix
from exactlump.simulation import FREE, Affine, Forms, Relation, Simulation, entry, fold

# Fusing a pair may make the checker's expansion of the original cost at most this many times its weights.
EXPANSION = 4


def drop_unobservable(network: Network) -> Step:
    """The network without its unobservable units, and the simulation to it; reorderings must be of kept tensors."""
    ground = next((node.source for node in network.nodes if isinstance(node, Dense)), "")
    observed = _observed(network, ground)
    nodes = tuple(_selected(node, observed, ground) for node in network.nodes if observed[node.target])
    simulation = {
        tensor: _relation(tensor, network.units(tensor), observed[tensor])
        for tensor in anchors(network)
        if tensor in network.producer
    }
    return Step(replace(network, nodes=nodes), simulation)


def _observed(network: Network, ground: str) -> Mapping[str, tuple[int, ...]]:
    """The units of each tensor that some output or head may depend on; of a kept tensor all or none; `ground` is."""
    observed: dict[str, set[int]] = {name: set() for name in network.shapes}
    kept = {tensor for tensor, why in anchors(network).items() if why is not None}
    for node in reversed(network.nodes):
        above = observed[node.target]
        needed = node.target == ground or node.target in network.outputs or isinstance(node, Head)
        if needed or (above and node.target in kept):
            above.update(range(network.units(node.target)))
        if isinstance(node, Dense):
            below = {u for v in above for u in node.weight.row(v)}
        elif isinstance(node, Reorder):
            order = node.order(network.shapes[node.source])
            below = {order[v] for v in above}
        else:
            below = above
        observed[node.source] |= below
    for port in network.inputs:
        observed[port.name].update(range(math.prod(port.shape)))
    return {name: tuple(sorted(units)) for name, units in observed.items()}


def _selected(node: Node, observed: Mapping[str, tuple[int, ...]], ground: str) -> Node:
    """The node with only its observed units; a Dense node that reads nothing any more reads zeros from `ground`."""
    units = observed[node.target]
    if isinstance(node, Dense):
        source = node.source if observed[node.source] else ground
        place = {u: i for i, u in enumerate(observed[source])}
        rows = [{place[u]: w for u, w in node.weight.row(v).items()} for v in units]
        weight = Matrix.from_rows(rows, len(place))
        return replace(node, source=source, weight=weight, bias=tuple(node.bias[v] for v in units))
    if isinstance(node, Scale):
        return replace(node, factor=tuple(node.factor[v] for v in units))
    if isinstance(node, Shift):
        return replace(node, constant=tuple(node.constant[v] for v in units))
    if isinstance(node, Activate):
        return replace(node, functions=tuple(node.functions[v] for v in units))
    return node


def _relation(tensor: str, units: int, observed: tuple[int, ...]) -> Relation:
    place = {v: k for k, v in enumerate(observed)}
    rows = tuple(entry(place[v], ONE) if v in place else FREE for v in range(units))
    return Relation(tensor if observed else None, rows)


def fusible(
    original: Network, quotient: Network, simulation: Simulation, never: Collection[str] = ()
) -> tuple[str | None, tuple[str, ...]]:
    """The first linear layer of both networks to fuse into the layer above, and those declined for their cost alone.

    Rule: the fused matrix has no more non-zero weights than the pair, and expanding the original's derived tensor costs
    at most `EXPANSION` times its weights.
    """
    declined: list[str] = []
    candidates = set(linear_layers(original)) - set(never)
    for tensor in linear_layers(quotient):
        if tensor not in candidates:
            continue
        node, (above,) = quotient.producer[tensor], quotient.consumers[tensor]
        if not isinstance(node, Dense) or not isinstance(above, Dense):
            continue
        forms = Forms(quotient)
        forms.anchor(node.source)
        below = forms.of(tensor)
        sizes = [len(form.terms) for form in below]
        fused = sum(len(fold(above.weight.row(v), ONE, below).terms) for v in range(above.weight.shape[0]))
        if fused > sum(sizes) + above.weight.nonzeros:
            continue
        if _expansion(original, tensor, simulation, sizes) <= EXPANSION * original.nonzeros:
            return tensor, tuple(declined)
        declined.append(tensor)
    return None, tuple(declined)


def _expansion(original: Network, tensor: str, simulation: Simulation, sizes: list[int]) -> int:
    """How many products the checker forms when it expands the original's Dense node above a derived tensor."""
    cost = [sum(sizes[k] for k, _ in row.terms) if isinstance(row, Affine) else 1 for row in simulation[tensor].rows]
    (above,) = original.consumers[tensor]
    assert isinstance(above, Dense)
    return sum(cost[u] for v in range(above.weight.shape[0]) for u in above.weight.row(v))
