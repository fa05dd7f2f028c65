# SPDX-License-Identifier: Apache-2.0
"""This file is about whether the relations of a certificate fit two networks at all, before anything is to be shown.

That a tensor exists, that classes are 0, 1, ..., that a box is not empty are no questions of arithmetic.
"""

import math
from dataclasses import dataclass
from typing import Any

from exactlump.certificates.certificate import EVERYWHERE
from exactlump.errors import NotALumping
from exactlump.lumping.simulations import Relation, Simulation, Twin
from exactlump.network.activations import IDENTITY
from exactlump.network.kinds import Function, Node
from exactlump.network.program import Network
from exactlump.network.views import View
from exactlump.numbers.rational import Rational, parse
from exactlump.points.boxes import Bound


@dataclass(frozen=True, slots=True)
class Anchor:
    """The classes of an anchored tensor of the reduced network: class k is 1/ratios[k] of what unit leaders[k] is."""

    node: Node
    leaders: tuple[int, ...]
    ratios: tuple[Rational, ...]


def function_of(node: Node, v: int) -> Function:
    """What a node does to unit v; a head, which acts on all units at once, is dealt with by itself."""
    function = node.function(v)
    return IDENTITY if isinstance(function, str) else function


def anchor_of(node: Node, relation: Relation) -> Anchor:
    """The classes of a tensor of the reduced network: each is read off its least unit."""
    leaders: dict[int, tuple[int, Rational]] = {}
    for v, row in enumerate(relation.rows):
        if row.single is not None and row.single[0] not in leaders:
            k, h = row.single
            if all(function_of(node, v).scaling(c) != h for c in (h, -h)):
                raise NotALumping(f"reduced {node.target!a}, unit {v}: found a ratio that its function does not take")
            leaders[k] = v, h
    if sorted(leaders) != list(range(len(leaders))):
        raise NotALumping(f"reduced {node.target!a}: found {len(leaders)} classes, which are not 0, 1, ...")
    ordered = [leaders[k] for k in range(len(leaders))]
    return Anchor(node, tuple(v for v, _ in ordered), tuple(h for _, h in ordered))


def boxes_of(original: Network, domain: Any) -> tuple[tuple[tuple[Bound, Bound], ...], ...]:
    """The boxes of a claim: the ends of every element of every input, in order; none for all reals."""
    if domain == EVERYWHERE:
        return ()
    sizes, found = {port.name: original.units(port.name) for port in original.inputs}, []
    for box in domain["boxes"]:
        if {name: len(ends) for name, ends in box.items()} != sizes or any(len(e) != 2 for n in box for e in box[n]):
            raise NotALumping(f"domain: found other inputs, expected {sizes}")
        ends = [(low and parse(low), high and parse(high)) for name in sizes for low, high in box[name]]
        if any(low is not None and high is not None and low > high for low, high in ends):
            raise NotALumping("domain: found an empty box")
        found.append(tuple(ends))
    if not found:
        raise NotALumping("domain: found no box, expected at least one")
    return tuple(found)


def named_over(reduced: Network, forward: Simulation) -> set[str]:
    """The tensors of the reduced network that relations of the original are over."""
    over = set()
    for tensor, relation in forward.items():
        named = relation.is_named or any(isinstance(row, Twin) and not row.tensor for row in relation.rows)
        if named != (relation.over is not None):
            raise NotALumping(f"original {tensor!a}: `over` and classes in rows go together, found one alone")
        if relation.over is not None:
            over.add(relation.over)
    if missing := over - reduced.producer.keys():
        raise NotALumping(f"original: `over` names {min(missing)!a}, which no node of the reduced network defines")
    return over


def demand_tensors(side: str, network: Network, half: Simulation) -> None:
    for tensor, relation in half.items():
        if tensor not in network.producer:
            raise NotALumping(f"{side} {tensor!a}: found a relation, but no node that defines the tensor")
        if len(relation.rows) != network.units(tensor):
            raise NotALumping(f"{side} {tensor!a}: found {len(relation.rows)} rows, not {network.units(tensor)}")


def demand_interface(original: Network, reduced: Network) -> None:
    for what in ("inputs", "outputs"):
        views = [[n.views[getattr(t, "name", t)] for t in getattr(n, what)] for n in (original, reduced)]
        ours, theirs = ([_interface(view) for view in side] for side in views)
        if ours != theirs:
            raise NotALumping(f"{what}: found {theirs} elements, units and where these lie, expected {ours}")


def _interface(view: View) -> tuple[int, int, int]:
    """The elements, the units, and how far apart the positions of a unit lie."""
    after = math.prod(view.shape[view.channel + 1 :]) if view.channel is not None and view.units > 1 else 1
    return view.elements, view.units, after
