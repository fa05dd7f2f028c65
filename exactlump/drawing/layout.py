# SPDX-License-Identifier: Apache-2.0
"""This file is about how a network is laid out: which tensors are columns, and which edges join their units.

A Dense or Conv node and the activation that alone reads it are one column: the paper's layer.  Every other node is a
column of its own.  Columns stand at the length of the longest way from the inputs.

Throughout: u, v units; an edge's weight is None where it has no single one (a kernel), and 1 where a unit passes on.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from exactlump.network.kinds import (
    Activate,
    Add,
    Conv,
    Dense,
    Head,
    MaxPool,
    Node,
    Opaque,
    Pick,
    Regrid,
    Reorder,
    Scale,
    Select,
)
from exactlump.network.program import Network
from exactlump.numbers.rational import ONE, Rational


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
    pending: dict[str, Dense | Conv] = {}
    for node in network.nodes:
        if _is_fused(network, node):
            assert isinstance(node, Dense | Conv)
            pending[node.target] = node
            continue
        mixing = pending.pop(node.source, None) if isinstance(node, Activate) else None
        made = mixing or node
        depth = 1 + max((depths[name] for name in made.reads), default=0)
        depths[node.target] = depth
        bias = made.bias if isinstance(made, Dense | Conv) else ()
        found.append(Column(node.target, network.units(node.target), depth, made, _words(made, node), bias))
    return tuple(found)


def _is_fused(network: Network, node: Node) -> bool:
    """Whether a node is drawn together with the activation after it."""
    readers = network.consumers[node.target]
    alone = len(readers) == 1 and isinstance(readers[0], Activate)
    return isinstance(node, Dense | Conv) and alone and node.target not in network.outputs


def _words(made: Node, node: Node) -> str:
    if isinstance(node, Activate):
        names = list(dict.fromkeys(map(str, node.functions)))
        return names[0] if len(names) == 1 else "several functions"
    if isinstance(made, Head):
        return made.kind
    kinds = {"Dense": "linear", "Conv": "convolution", "AveragePool": "mean", "MaxPool": "max", "Add": "sum"}
    return kinds.get(type(made).__name__, type(made).__name__.lower())


def edges_of(network: Network, columns: tuple[Column, ...]) -> Iterator[Edge]:
    """The edges that are not zero, column by column, in order of v and u."""
    for column in columns:
        if column.node is not None:
            for source, u, v, weight in sorted(_joined(network, column.node), key=lambda e: (e[2], e[0], e[1])):
                yield Edge(source, u, column.tensor, v, weight)


def _given(network: Network, node: Regrid | Opaque | Pick) -> Iterator[tuple[str, int, int, Rational | None]]:
    """The same for what whole tensors are read by."""
    if isinstance(node, Regrid):
        yield from ((node.source, v, v, ONE) for v in range(network.units(node.target)))
    elif isinstance(node, Pick):
        yield from ((node.source, 0, v, None) for v in range(network.units(node.target)))
    else:
        yield from ((name, u, 0, None) for name in node.sources for u in range(network.units(name)))


def _joined(network: Network, node: Node) -> Iterator[tuple[str, int, int, Rational | None]]:
    """(source, u, v, weight) for every edge into a node."""
    if isinstance(node, Dense):
        for v in range(node.weight.shape[0]):
            yield from ((node.source, u, v, w) for u, w in node.weight.row(v).items())
    elif isinstance(node, Conv):
        taps = node.window.taps
        for v in range(node.weight.shape[0]):
            row = node.weight.row(v)
            for u in dict.fromkeys(column // taps for column in row):
                yield node.source, u, v, row[u] if taps == 1 else None
    elif isinstance(node, Add):
        for name, sign in zip(node.sources, node.signs, strict=True):
            yield from ((name, v, v, ONE * sign) for v in range(network.units(name)))
    elif isinstance(node, Select):
        yield from ((node.sources[i], u, v, ONE) for v, (i, u) in enumerate(node.picks))
    elif isinstance(node, Regrid | Opaque | Pick):
        yield from _given(network, node)
    elif isinstance(node, Reorder):
        before, after = network.views[node.source], network.views[node.target]
        order = node.order(before.shape)
        pairs = {(before.unit(order[e])[0], after.unit(e)[0]) for e in range(len(order))}
        yield from ((node.source, u, v, ONE) for u, v in pairs)
    elif isinstance(node, Head):
        units, target = network.units(node.source), network.units(node.target)
        yield from ((node.source, u, v, None) for u in range(units) for v in range(target))
    else:
        factor = node.factor if isinstance(node, Scale) else None
        weight = None if isinstance(node, MaxPool) else ONE
        for v in range(network.units(node.source)):
            yield node.source, v, v, weight if factor is None else factor[v]
