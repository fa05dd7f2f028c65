# SPDX-License-Identifier: Apache-2.0
"""This file is about a network over the units that are left: its layers once more, for these units only.

So the exact quotient Q is made of N, the written network N' of Q, and a network with merged neurons of the one before.
A layer that only passes units on (a pool, a sum of tensors, ...) reads them from wherever they are now, by a Select
where their order has changed, so that tensors that meet may have different classes.  Where a tensor does not lie as it
did, images lie channel axis first, and reorderings that leave units whole are left out.

Throughout: v, u units of the network as it was; p a position; t a tap of a convolution, or a position of a flattened
image, 0 where there is neither.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from exactlump.errors import CannotWrite
from exactlump.network.kinds import Conv, Dense, Elementwise, Node, Reorder, Select
from exactlump.network.layers import Layer, ground, layer, trace
from exactlump.network.program import Network
from exactlump.network.views import View
from exactlump.numbers.matrix import Matrix
from exactlump.numbers.rational import ONE, ZERO, Rational, Vector
from exactlump.reduction.gathering import Gathering, Left, resized

# Of a Dense or Conv node: {(unit below, t): weight} for each row, or all in an array.
Weights: TypeAlias = Sequence[Mapping[tuple[int, int], Rational]] | NDArray[Any]


@dataclass(frozen=True, slots=True)
class Chosen:
    """The units that a layer is to have.

    units     the unit that each of them was (None: its row alone says what it is); None: all that there were, in order
    firsts    for each of them a unit that has its functions; None: `units`
    divisors  for each of them what its unit is divided by, in a layer that passes units on; None: nothing
    weights   of the Dense or Conv node, over the units that are left below; None: as they were, as all are left
    bias      likewise
    """

    units: Sequence[int | None] | None = None
    firsts: Sequence[int] | None = None
    divisors: Vector | None = None
    weights: Weights | None = None
    bias: Vector = ()


class Survivors:
    """The layers that have been written so far; they are to come in topological order.

    left     what is left of each anchored tensor
    lying    the tensors that lie as they did
    reading  how tensors are named that a layer reads by a Select
    """

    def __init__(
        self,
        network: Network,
        anchored: Mapping[str, str | None],
        left: Mapping[str, Left],
        lying: Collection[str],
        reading: str = "reads",
    ) -> None:
        self.network, self.anchored, self.left, self.lying, self.reading = network, anchored, left, lying, reading
        self.made = Gathering(network, anchored, left, lying)
        self.copies: dict[str, int] = {}

    @property
    def nodes(self) -> tuple[Node, ...]:
        """What has been written."""
        return tuple(self.made.nodes)

    def write(self, tensor: str, chosen: Chosen) -> None:
        """The nodes of the layer that ends in an anchored tensor, over the units that are left."""
        own = layer(self.network, tensor, self.anchored)
        below = [ground(self.network, name, self.anchored) for name in own.nodes[0].reads]
        lies = tensor in self.lying
        if lies and chosen.weights is None and self._has_all(tensor, chosen) and all(map(self._is_whole, below)):
            self.made.extend(own.nodes)
        elif own.mixing is not None:
            self._mix(own, own.mixing, tensor, chosen)
        elif lies and not all(name in self.lying for name in below):
            first = own.nodes[0]
            self._first(first, first.target, self._wanted(first.target, Chosen()), lies)
            self.made.extend(own.nodes[1:])
        else:
            self._pass_on(own, tensor, chosen)

    def copy(self, tensor: str, units: Sequence[int]) -> None:
        """An identity Dense node that holds copies of the units of a kept tensor, for the weights that read it."""
        weight = Matrix.from_rows([{u: ONE} for u in units], self.network.units(tensor))
        self.copies[tensor] = len(units)
        self.made.append(Dense(tensor, _copies(tensor), weight, (ZERO,) * len(units)))

    def _has_all(self, tensor: str, chosen: Chosen) -> bool:
        return chosen.units is None or list(chosen.units) == list(range(self.network.units(tensor)))

    def _is_whole(self, tensor: str) -> bool:
        """Whether an anchored tensor is as it was."""
        places, size, _ = self.left[tensor]
        units = self.network.units(tensor)
        return tensor in self.lying and size == units and places == {u: u for u in range(units)}

    # Layers that mix units.

    def _mix(self, own: Layer, node: Dense | Conv, tensor: str, chosen: Chosen) -> None:
        """A layer with weights, given over the units that are left below."""
        assert chosen.weights is not None
        below = ground(self.network, node.source, self.anchored)
        count = self.copies.get(below, self.left[below].size)
        target = node.target if own.elementwise or tensor in self.lying else tensor
        if not count and (node.window is not None or node.grid):
            view = self.network.views[node.target]
            self.made.constants(target, chosen.bias, View(resized(view, len(chosen.bias)), view.channel, view.open))
        else:
            source = self._columns(own, node, below, count, target)
            span = columns_of_unit(self.network, node, below)
            weight = _matrix(chosen.weights, span, count * span or self.made.views[source].units)
            self.made.append(replace(node, source=source, target=target, weight=weight, bias=chosen.bias))
        self._follow(own, tensor, chosen)

    def _columns(self, own: Layer, node: Dense | Conv, below: str, count: int, target: str) -> str:
        """The tensor that weights read; without units below, any."""
        if below in self.copies:
            return _copies(below)
        if not own.is_fused and (self._is_whole(below) or self.made.is_seen(node.source)):
            return self.made.reordered(node.source)
        if node.grid or self.network.views[node.source].open:
            return self.made.reordered(node.source)
        if node.window is not None:
            return self.made.on_grid(below, View((count, *node.window.source), 0), target)
        return self.made.flat(below, own.before) if count else self.made.nothing()

    def _follow(self, own: Layer, tensor: str, chosen: Chosen) -> None:
        """The nodes after the core of a layer, for the chosen units."""
        if chosen.units is None:
            self.made.extend(own.after)
            return
        units, firsts, divisors = _filled(chosen)
        at = trace(self.network, own.after, range(self.network.units(tensor)))[1:]
        for node, places in zip(own.after, at, strict=True):
            source, lies = self.made.nodes[-1].target, tensor in self.lying
            if isinstance(node, Elementwise):
                target = tensor if node is own.elementwise[-1] and not lies else node.target
                entries = [None if v is None else places[v] for v in units]
                moved = node.renamed(target, source)
                self.made.append(moved.divided([places[v] for v in firsts], entries, divisors))
            elif lies and isinstance(node, Reorder):
                shape = resized(node.stated, len(units))
                self.made.append(replace(node, source=source, shape=shape))

    # Layers that pass units on.

    def _pass_on(self, own: Layer, tensor: str, chosen: Chosen) -> None:
        """A layer without weights, for the chosen units."""
        lies, core = tensor in self.lying, own.core
        if core is None:
            self._first(self.network.producer[tensor], tensor, self._wanted(tensor, chosen), lies)
            return
        target = core.target if own.elementwise or lies else tensor
        at = trace(self.network, own.after, range(self.network.units(tensor)))[0]
        self._first(core, target, [(at[v], d) for v, d in self._wanted(tensor, chosen)], lies)
        self._follow(own, tensor, chosen)

    def _wanted(self, tensor: str, chosen: Chosen) -> list[tuple[int, Rational]]:
        """The chosen units, each with its divisor."""
        if chosen.units is None:
            return [(v, ONE) for v in range(self.network.units(tensor))]
        units, _, divisors = _filled(chosen)
        return [(v, d) for v, d in zip(units, divisors, strict=True) if v is not None]

    def _first(self, node: Node, target: str, wanted: Sequence[tuple[int, Rational]], lies: bool) -> None:
        """The first node of a layer, for some units of its target."""
        if isinstance(node, Reorder | Select):
            origins = [self.made.origin_of(node, v, d) for v, d in wanted]
            self.made.gather(origins, self._view(node.target, len(wanted), lies), target, named=True)
            return
        read = {}
        for name in dict.fromkeys(node.reads):
            origins = [self.made.origin(name, v, d) for v, d in wanted]
            label = self.made.fresh(f"{target} {self.reading} {name}")
            read[name] = self.made.gather(origins, self._view(name, len(wanted), lies), label)
        names, units = tuple(read[name] for name in node.reads), [v for v, _ in wanted]
        self.made.append(node.renamed(target, *names).divided(units, units, tuple(d for _, d in wanted)))

    def _view(self, tensor: str, units: int, lies: bool) -> View:
        """How so many units of a tensor lie here."""
        view = self.network.views[tensor]
        if lies:
            return View(resized(view, units), view.channel, view.open)
        if view.open:
            raise CannotWrite(f"tensor {tensor!r}: found {view} in another order, expected known sizes")
        return View((units, *view.grid), 0) if view.channel is not None else View((units,))


def _filled(chosen: Chosen) -> tuple[Sequence[int | None], Sequence[int], Vector]:
    """The units, those that have their functions, and the divisors."""
    units = chosen.units or ()
    firsts = [v for v in units if v is not None] if chosen.firsts is None else chosen.firsts
    return units, firsts, (ONE,) * len(units) if chosen.divisors is None else chosen.divisors


def columns_of_unit(network: Network, node: Dense | Conv, below: str) -> int:
    """How many columns of the weights belong to each unit of the anchored tensor below: its taps, or its positions."""
    if node.window is not None:
        return int(node.window.taps)
    under, source = network.views[below], network.views[node.source]
    if under.open or source.open:
        return source.units // under.units
    return max(1, int(under.positions // source.positions))


def _matrix(weights: Weights, span: int, columns: int) -> Matrix:
    if isinstance(weights, np.ndarray):
        return Matrix.from_floats(weights)
    return Matrix.from_rows([{u * span + t: w for (u, t), w in row.items()} for row in weights], columns)


def _copies(tensor: str) -> str:
    return f"{tensor}.copies"
