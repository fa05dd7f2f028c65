# SPDX-License-Identifier: Apache-2.0
"""This file is about building N', the network that is written, when it is known which units stand for which class of Q.

Throughout: k a class (unit of Q); a *place* is a unit of N'; a tensor is *plain* where the places are the classes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from exactlump.network.kinds import Conv, Dense, Node, Reorder, Select, renamed, restricted, sources
from exactlump.network.layers import ground, layer
from exactlump.network.program import Network
from exactlump.network.views import Shape, View
from exactlump.numbers.matrix import Matrix
from exactlump.numbers.rational import ONE, ZERO, Rational, Vector

# See `Built.write`.
Weights: TypeAlias = Sequence[Mapping[tuple[int, int], Rational]] | NDArray[Any]


@dataclass(frozen=True, slots=True)
class Place:
    """A unit of N': class k times `ratio`; `origin` is a neuron of N with exactly this row, if there is one."""

    k: int
    ratio: Rational
    origin: int | None


class Built:
    """The nodes of N' that have been built so far; layers are to come in topological order."""

    def __init__(self, q: Network, anchored: Mapping[str, str | None], places: Mapping[str, Sequence[Place]]) -> None:
        self.q, self.anchored, self.places = q, anchored, places
        self.firsts = {tensor: _firsts(found) for tensor, found in places.items()}
        self.plain = {t for t, found in places.items() if [p.k for p in found] == list(range(q.units(t)))}
        self.nodes: list[Node] = []
        self.built: set[str] = set()

    def write(self, tensor: str, weights: Weights) -> None:
        """The nodes of the layer of Q that ends in an anchored tensor, with one unit a place.

        weights: of its Dense or Conv node, {(place below, tap or position): weight} for each row, or all in an array.
        """
        own = layer(self.q, tensor, self.anchored)
        units = None if self.anchored[tensor] is not None else [p.k for p in self.places[tensor]]
        if own.core is None:
            self._reordered(own.nodes, units)
            return
        if own.mixing is not None:
            bias = own.mixing.bias
            bias = bias if units is None else tuple(p.ratio * bias[p.k] for p in self.places[tensor])
            self._append(self._mixing(own.mixing, weights, bias))
        else:
            self._append(self._first(own.core, units))
        for node in own.after:
            self._append(node if units is None else restricted(node, units))

    def copy(self, tensor: str) -> None:
        """An identity Dense node that holds copies of a kept tensor."""
        places = self.places[tensor]
        weight = Matrix.from_rows([{p.k: ONE} for p in places], self.q.units(tensor))
        self._append(Dense(tensor, _copies(tensor), weight, (ZERO,) * len(places)))

    def _mixing(self, node: Dense | Conv, weights: Weights, bias: Vector) -> Dense | Conv:
        below = ground(self.q, node.source, self.anchored)
        span = node.weight.shape[1] // self.q.units(below)
        copied = self.anchored[below] is not None and below not in self.plain
        source = _copies(below) if copied else self._read(node.source)
        if isinstance(weights, np.ndarray):
            weight = Matrix.from_floats(weights)
        else:
            rows = [{place * span + t: w for (place, t), w in row.items()} for row in weights]
            weight = Matrix.from_rows(rows, len(self.places[below]) * span)
        return replace(node, source=source, weight=weight, bias=bias)

    def _first(self, node: Node, units: Sequence[int] | None) -> Node:
        """The first node of a layer that passes units on, for some units of its target (None: all, as in Q)."""
        if isinstance(node, Select):
            picks = [node.picks[v] for v in units] if units is not None else node.picks
            names = tuple(map(self._read, node.sources))
            below = [ground(self.q, name, self.anchored) for name in node.sources]
            found = tuple((i, self._place(node.sources[i], u, below[i])) for i, u in picks)
            return replace(node, sources=names, picks=found, shape=_resized(View(node.shape, node.channel), len(found)))
        read = {}
        for name in dict.fromkeys(sources(node)):
            wanted = range(self.q.units(name)) if units is None else units
            read[name] = self._selected(self._read(name), name, wanted, f"{node.target} takes {name}")
        node = renamed(node, node.target, *(read[name] for name in sources(node)))
        return node if units is None else restricted(node, units)

    def _reordered(self, nodes: Sequence[Node], units: Sequence[int] | None) -> None:
        """A layer of reorderings only: images taken apart, or kept tensors in another shape."""
        tensor, (below,) = nodes[-1].target, sources(nodes[0])
        here = self._walk(nodes, f"{tensor}, whole")
        wanted = range(self.q.units(tensor)) if units is None else units
        if self._selected(here, tensor, wanted, tensor, below) != tensor:
            self.nodes[-1] = replace(self.nodes[-1], target=tensor)

    def _read(self, name: str) -> str:
        """The tensor of N' for an anchored tensor of Q, or for a derived reordering of one, built when it is read."""
        if name in self.anchored or name in self.built:
            return name
        nodes: list[Node] = []
        below = name
        while below not in self.anchored:
            nodes.append(self.q.producer[below])
            (below,) = sources(nodes[-1])
        return self._walk(nodes[::-1], name)

    def _walk(self, nodes: Sequence[Node], target: str) -> str:
        """Reorderings of an anchored tensor, the last of which gets the name `target`."""
        (below,) = sources(nodes[0])
        source = below
        if below not in self.plain and not self._takes_apart(nodes[0]):
            source = self._selected(below, below, range(self.q.units(below)), f"{target} takes {below}")
        for i, node in enumerate(nodes):
            assert isinstance(node, Reorder)
            name = target if i == len(nodes) - 1 else node.target
            shape = node.shape
            if below not in self.plain and self._takes_apart(nodes[0]):
                shape = (len(self.places[below]) * self.q.views[below].positions,)
            if name not in self.built:
                self._append(replace(node, source=source, target=name, shape=shape))
                self.built.add(name)
            source = name
        return source

    def _selected(self, here: str, name: str, units: Sequence[int], label: str, below: str | None = None) -> str:
        """Some units of what stands in N' for a tensor of Q: itself, if they are all of its units in order.

        below: the anchored tensor that it is a reordering of, if it is not anchored itself.
        """
        below = below or ground(self.q, name, self.anchored)
        picks = [self._place(name, u, below) for u in units]
        if picks == list(range(self._count(name, below))):
            return here
        view = self.q.views[name]
        shape = _resized(view, len(picks))
        self._append(Select((here,), label, tuple((0, u) for u in picks), shape, view.channel))
        return label

    def _place(self, name: str, unit: int, below: str) -> int:
        """Where a unit of a tensor of Q, a reordering of an anchored one, is in N': of several places the first."""
        if self._in_order(name, below):
            return unit
        positions = self.q.views[below].positions // self.q.views[name].positions
        k, p = divmod(unit, positions)
        return self.firsts[below][k] * positions + p

    def _count(self, name: str, below: str) -> int:
        if self._in_order(name, below):
            return self.q.units(name)
        return len(self.places[below]) * self.q.views[below].positions // self.q.views[name].positions

    def _in_order(self, name: str, below: str) -> bool:
        """Whether the units of what stands for a tensor are those of Q."""
        if below in self.plain:
            return True
        return name != below and self.q.views[below].positions == self.q.views[name].positions

    def _takes_apart(self, node: Node) -> bool:
        (source,) = sources(node)
        return self.q.views[source].positions > self.q.views[node.target].positions

    def _append(self, node: Node) -> None:
        self.nodes.append(node)


def _firsts(places: Sequence[Place]) -> dict[int, int]:
    """The first place of each class."""
    found: dict[int, int] = {}
    for i, place in enumerate(places):
        found.setdefault(place.k, i)
    return found


def _copies(tensor: str) -> str:
    return f"{tensor}.copies"


def _resized(view: View, units: int) -> Shape:
    """The shape of so many units of a tensor: its own for as many as it has."""
    if units == view.units:
        return view.shape
    if view.channel is None:
        return (units,)
    return (*view.shape[: view.channel], units, *view.shape[view.channel + 1 :])
