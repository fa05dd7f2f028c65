# SPDX-License-Identifier: Apache-2.0
"""This file is about two networks and their certificate as the extracted checker has them: as chains of layers.

A layer goes from one tensor to another that comes later: its units are the forms of the later tensor in the units of
the earlier one.  A false certificate may come out as chains; it is the checker that refuses it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from exactlump.certificates.certificate import Certificate
from exactlump.errors import NotALumping, UnsupportedLayer
from exactlump.lumping.forms import Form, Forms
from exactlump.lumping.simulations import FREE, Free, Relation, Row, Same, Simulation, forms_of, identity
from exactlump.network.activations import Activation
from exactlump.network.kinds import Activate, Dense, Head, Node, Reorder, Scale, Shift
from exactlump.network.program import Network
from exactlump.numbers.rational import ONE

# A unit of a layer: what it does to a form in the units of the layer below.
Unit: TypeAlias = tuple[Activation, Form]


@dataclass(frozen=True, slots=True)
class Chains:
    """Two networks as chains, and what a certificate says of the tensors at which their layers end.

    original, reduced  chains without heads; their ends, named otherwise, have the same relation to Q
    heads              the heads that follow them
    forward, backward  the relations, those that a certificate leaves out included
    classes            for each anchored tensor of `reduced` its classes, each with its leader; none: no layer of Q
    """

    original: Network
    reduced: Network
    heads: tuple[Head | None, Head | None]
    forward: dict[str, Relation]
    backward: dict[str, Relation]
    classes: dict[str, dict[int, int]]


def chains(original: Network, reduced: Network, certificate: Certificate) -> Chains:
    """Two networks and their certificate as chains.

    Raises UnsupportedLayer unless both are chains of layers with a head at most at the end, and the certificate goes
    through both in the same order; NotALumping when its relations do not fit the networks.
    """
    ours, theirs = _chain(original), _chain(reduced)
    heads = _head(original), _head(reduced)
    forward = _fitting(original, ours, certificate.forward, reduced)
    backward = _fitting(reduced, theirs, certificate.backward, reduced)
    if not _end_alike(ours, theirs, forward, backward):
        ours, theirs = _longer(ours), _longer(theirs)
    _complete(ours, theirs, forward, backward)
    classes = {t: _leaders(t, backward[t]) for t in targets(theirs, backward) if t in backward}
    order = [tensor for tensor, leaders in classes.items() if leaders]
    backward = {t: replace(r, over=t if t in order else None) for t, r in backward.items()}
    if [over for t in targets(ours, forward) if (over := t in forward and forward[t].over)] != order:
        raise UnsupportedLayer("relations: found tensors left out or in another order, expected a chain of layers")
    return Chains(ours, theirs, heads, forward, backward, classes)


# Chains.


def _head(network: Network) -> Head | None:
    """The head of a network whose output is one."""
    node = network.producer.get(network.outputs[0])
    return node if isinstance(node, Head) else None


def _chain(network: Network) -> Network:
    """What the output of a network is made from, a head at the end left out."""
    if len(network.inputs) != 1 or len(network.outputs) != 1:
        raise UnsupportedLayer("network: found several inputs or outputs, expected a chain of layers")
    head = _head(network)
    tensor = end = head.source if head else network.outputs[0]
    nodes: list[Node] = []
    while tensor in network.producer:
        node = network.producer[tensor]
        if not isinstance(node, Dense | Scale | Shift | Reorder | Activate | Head) or network.views[tensor].grid:
            raise UnsupportedLayer(f"tensor {tensor!r}: found {type(node).__name__}, expected a chain of layers")
        nodes.insert(0, node)
        tensor = node.source
    if inner := next((node for node in nodes if isinstance(node, Head)), None):
        raise UnsupportedLayer(f"tensor {inner.target!r}: found a head below other layers, expected it at the end")
    return Network(network.inputs, tuple(nodes), (end,))


def _longer(chain: Network) -> Network:
    """The chain with a layer of identities at its end."""
    (end,) = chain.outputs
    name = end
    while name in chain.shapes:
        name += "'"
    return Network(chain.inputs, (*chain.nodes, Reorder(end, name, None, chain.shapes[end])), (name,))


def targets(chain: Network, relations: Mapping[str, Relation]) -> list[str]:
    """The tensors at which layers end: where there is a relation, after activations, and between two Dense nodes."""
    ends: list[str] = []
    dense = False
    for i, node in enumerate(chain.nodes):
        after = chain.nodes[i + 1] if i + 1 < len(chain.nodes) else None
        dense = dense or isinstance(node, Dense)
        closed = node.target in relations or isinstance(node, Activate)
        if closed or after is None or (dense and isinstance(after, Dense)):
            ends.append(node.target)
            dense = False
    return ends


def layers(chain: Network, targets: Sequence[str]) -> Iterator[list[Unit]]:
    """The layers of a chain that end at the targets, each over the one before."""
    forms = Forms(chain)
    for tensor in targets:
        yield [_unit(forms, tensor, v) for v in range(chain.units(tensor))]
        forms.known.clear()
        forms.anchor(tensor)


def _unit(forms: Forms, tensor: str, v: int) -> Unit:
    sigma = forms.network.producer[tensor].function(v)
    assert isinstance(sigma, Activation)
    return sigma, forms.before(tensor, v)


# Relations.


def _fitting(network: Network, chain: Network, simulation: Simulation, other: Network) -> dict[str, Relation]:
    """The relations of the tensors of a chain, once they are seen to have rows that the network can have."""
    for tensor, relation in simulation.items():
        if tensor not in network.producer:
            raise NotALumping(f"tensor {tensor!r}: found a relation, but no node that defines the tensor")
        if len(relation.rows) != network.units(tensor):
            raise NotALumping(f"tensor {tensor!r}: found {len(relation.rows)} rows, expected {network.units(tensor)}")
        if relation.over is not None and relation.over not in other.producer:
            raise NotALumping(f"tensor {tensor!r}: found it over {relation.over!r}, which no node defines")
        for v, row in enumerate(relation.rows):
            if not _is_row(row, relation.rows):
                raise NotALumping(f"tensor {tensor!r}, unit {v}: found {row}, expected units and classes that exist")
    _demand_head(network, simulation, other)
    return {node.target: simulation[node.target] for node in chain.nodes if node.target in simulation}


def _demand_head(network: Network, simulation: Simulation, other: Network) -> None:
    """NotALumping unless a head of the original is, unit by unit, over a head, and one of the reduced has no rows."""
    for node in network.nodes:
        relation = simulation.get(node.target)
        if isinstance(node, Head) and network is other and relation is not None:
            raise NotALumping(
                f"tensor {node.target!r}: found a relation, expected none for a head of the reduced network"
            )
        if isinstance(node, Head) and network is not other:
            if (
                relation is None
                or not relation.is_identity
                or not isinstance(other.producer.get(relation.over or ""), Head)
            ):
                raise NotALumping(f"tensor {node.target!r}: found another relation than that of a head to a head")


def _is_row(row: Row, rows: Sequence[Row]) -> bool:
    if isinstance(row, Same):
        return type(row.unit) is int and 0 <= row.unit < len(rows) and rows[row.unit] == FREE
    return isinstance(row, Free) or all(type(k) is int and k >= 0 and c for k, c in row.terms)


def _end_alike(ours: Network, theirs: Network, forward: Simulation, backward: Simulation) -> bool:
    """Whether the relations at the ends say no more than that they are the same."""
    (end,), (other,) = ours.outputs, theirs.outputs
    if end not in ours.producer or other not in theirs.producer:
        return False
    if end in forward and not (forward[end].over == other and forward[end].is_identity):
        return False
    return other not in backward or backward[other].is_identity


def _complete(ours: Network, theirs: Network, forward: dict[str, Relation], backward: dict[str, Relation]) -> None:
    """Add the identities that a certificate leaves out, those of the ends included."""
    (end,), (other,) = ours.outputs, theirs.outputs
    forward.setdefault(end, identity(other, ours.units(end)))
    over = {relation.over for relation in forward.values()}
    for node in theirs.nodes:
        if node.target in over or isinstance(node, Activate):
            backward.setdefault(node.target, identity(node.target, theirs.units(node.target)))
    for node in ours.nodes:
        if node.target not in forward and isinstance(node, Activate):
            raise NotALumping(f"tensor {node.target!r}: found no relation, expected one for an activation")
    for tensor, relation in forward.items():
        if relation.is_named == (relation.over is None):
            raise NotALumping(
                f"tensor {tensor!r}: found it over {relation.over!r}, expected it over what its rows name"
            )


# The quotient.


def _leaders(tensor: str, relation: Relation) -> dict[int, int]:
    """For each class of a tensor of the reduced network the first unit that is a multiple of it."""
    leaders: dict[int, int] = {}
    for v, row in enumerate(relation.rows):
        if row.single is not None:
            leaders.setdefault(row.single[0], v)
    if sorted(leaders) != list(range(len(leaders))):
        raise NotALumping(f"tensor {tensor!r}: found the classes {sorted(leaders)}, expected 0..{len(leaders) - 1}")
    return leaders


def quotient(found: Chains) -> Iterator[list[Unit]]:
    """The layers of Q: the form of each class's leader, divided by the leader's factor (certificate format, rule 2)."""
    forms = Forms(found.reduced)
    for tensor, leaders in found.classes.items():
        relation = found.backward[tensor]
        if leaders:
            yield [_class(forms, tensor, leaders[k], relation.rows[leaders[k]]) for k in range(len(leaders))]
        forms.known[tensor] = forms_of(tensor, relation)


def _class(forms: Forms, tensor: str, leader: int, row: Row) -> Unit:
    assert row.single is not None
    sigma, form = _unit(forms, tensor, leader)
    if any(len(atom) > 2 for atom in form.terms):
        raise NotALumping(f"tensor {tensor!r}, unit {leader}: found a free unknown in the form of a class")
    return sigma, form.scaled(ONE / row.single[1])
