# SPDX-License-Identifier: Apache-2.0
"""This file is about how a network is laid out: which tensors are columns, and which edges join their units.

A Dense or Conv node and the activation that alone reads it are one column: the paper's layer.  Every other node is a
column of its own.  Columns stand at the length of the longest way from the inputs.

Throughout: u, v units; an edge's weight is None where it has no single one (a kernel), and 1 where a unit passes on.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from exactlump.network.activations import Activation
from exactlump.network.kinds import Head, Node, mixing
from exactlump.network.meaning import Anchored
from exactlump.network.program import Network
from exactlump.numbers.rational import Rational


@dataclass(frozen=True, slots=True)
class Column:
    """The units of one tensor.

    depth  how many columns are on the longest way to it
    node   what makes it, before its activation; None for an input
    words  what it does: "input", "relu", "sum", ...
    bias   one number a unit, where it has them
    """

    tensor: str
    units: int
    depth: int
    node: Node | None
    words: str
    bias: tuple[Rational, ...] = ()


@dataclass(frozen=True, slots=True)
class Edge:
    """Unit u of one tensor is read by unit v of another."""

    source: str
    u: int
    target: str
    v: int
    weight: Rational | None


def columns_of(network: Network) -> tuple[Column, ...]:
    """The columns, inputs first, in the order of the nodes."""
    found = [Column(port.name, network.units(port.name), 0, None, "input") for port in network.inputs]
    depths = {column.tensor: 0 for column in found}
    pending: dict[str, Node] = {}
    for node in network.nodes:
        if _is_fused(network, node):
            pending[node.target] = node
            continue
        made = pending.pop(node.reads[0], node) if node.functions else node
        depth = 1 + max((depths[name] for name in made.reads), default=0)
        depths[node.target] = depth
        found.append(Column(node.target, network.units(node.target), depth, made, _words(made, node), made.bias))
    return tuple(found)


def _is_fused(network: Network, node: Node) -> bool:
    """Whether a node is drawn together with the activation after it."""
    readers = network.consumers[node.target]
    alone = len(readers) == 1 and bool(readers[0].functions)
    return mixing(node) is not None and alone and node.target not in network.outputs


def _words(made: Node, node: Node) -> str:
    if node.functions:
        names = list(dict.fromkeys(map(str, node.functions)))
        return names[0] if len(names) == 1 else "several functions"
    if isinstance(made, Head):
        return made.kind
    return made.word or type(made).__name__.lower()


def edges_of(network: Network, columns: tuple[Column, ...]) -> Iterator[Edge]:
    """The edges that are not zero, column by column, in order of v and u."""
    for column in columns:
        if column.node is not None:
            for source, u, v, weight in sorted(_joined(network, column.node), key=lambda e: (e[2], e[0], e[1])):
                yield Edge(source, u, column.tensor, v, weight)


def _joined(network: Network, node: Node) -> Iterator[tuple[str, int, int, Rational | None]]:
    """(source, u, v, weight) for every edge into a node: all that a unit is made of (`meaning.parts`), each once."""
    found, units = network.parts(node), range(network.units(node.target))
    if isinstance(found, Anchored):
        yield from ((name, u, v, None) for name in node.reads for u in range(network.units(name)) for v in units)
        return
    kernel = mixing(node) is not None and len(found.lifts) > 1
    for v in units:
        lone = isinstance(node.function(v), Activation) and not kernel
        parts = {(part.source, part.unit): part for part in found.of(v).parts}
        for (i, u), part in parts.items():
            picked = part.lift is not None and part.lift.key[0] == "pick"
            yield node.reads[i], u, v, part.weight if lone and not picked else None
