# SPDX-License-Identifier: Apache-2.0
"""This file is about gathering: making a tensor of units that lie elsewhere by now: picked, scaled, shifted, flattened.

Throughout: u, v units of the network as it was; k a class, place[k] the unit that it is now, c a unit's ratio to its
class; p a position.  A tensor *lies as it did* where its axes and reorderings are kept; others have the channel axis
first.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from exactlump.errors import CannotWrite, NotALumping, ShapeError
from exactlump.lumping.simulations import Row, entry
from exactlump.network.kinds import Conv, Dense, Node, Regrid, Reorder, Scale, Select, Shift
from exactlump.network.layers import ground
from exactlump.network.program import Network
from exactlump.network.views import Shape, View
from exactlump.network.windows import Grid, Window
from exactlump.numbers.matrix import Matrix
from exactlump.numbers.rational import ONE, ZERO, Rational, Vector

# Readers make an image of elements under the name of these followed by this; so a file need not hold the node.
_IMPLIED = "as image"


class Left(NamedTuple):
    """What is left of an anchored tensor.

    places  the unit of each class that is left, the first of several
    size    how many units there are
    rows    what each unit was of the classes; None: unit k is class k
    """

    places: Mapping[int, int]
    size: int
    rows: Sequence[Row] | None = None


class Origin(NamedTuple):
    """What is wanted of the network as it was: unit u of an anchored tensor, or position p of it, over a number.

    seen  the derived reordering that it is read from, where that lies as it did; else ""
    """

    tensor: str
    unit: int
    position: int
    divisor: Rational
    seen: str = ""


class _Entry(NamedTuple):
    """Where a unit is now: factor times a unit of a tensor, plus a constant; no tensor: only the constant."""

    tensor: str
    unit: int
    factor: Rational
    plus: Rational


class Gathering:
    """The nodes that have been written so far, and where the units of a network are in them.

    anchored  the anchored tensors of the network as it was, with the reason why they are kept
    left      what is left of each of them
    lying     those that lie as they did
    """

    def __init__(
        self,
        network: Network,
        anchored: Mapping[str, str | None],
        left: Mapping[str, Left],
        lying: Collection[str],
    ) -> None:
        self.network, self.anchored, self.left, self.lying = network, anchored, left, lying
        self.nodes: list[Node] = []
        self.views = {port.name: network.views[port.name] for port in network.inputs}
        self.flattened: dict[str, str] = {}
        self.orders: dict[str, list[tuple[int, int]]] = {}
        self.in_order: dict[str, bool] = {}
        self.zeros = ""

    # Nodes and names.

    def append(self, node: Node) -> None:
        """One more node.  Raises CannotWrite where its sources do not lie as it reads them."""
        try:
            self.views[node.target] = node.view([self.views[name] for name in node.reads])
        except ShapeError as error:
            raise CannotWrite(str(error)) from error
        self.nodes.append(node)

    def extend(self, nodes: Sequence[Node]) -> None:
        """Nodes as they were, each once; and the derived reorderings that the first of them reads."""
        for name in nodes[0].reads if nodes else ():
            self.reordered(name)
        for node in nodes:
            if node.target not in self.views:
                self.append(node)

    def steps(self, steps: Sequence[Node], names: tuple[str, ...], label: str) -> str:
        """Nodes one after the other, the last of which defines `label`; none: what they would read."""
        own = sum(step.target != _IMPLIED for step in steps)
        for i, step in enumerate(steps):
            target = label if i == own - 1 else self.fresh(f"{label}, step {i + 1}")
            if step.target == _IMPLIED:
                target = f"{names[0]} {_IMPLIED}"
            if target not in self.views:
                self.append(step.renamed(target, *names))
            names = (target,)
        return names[0]

    def fresh(self, name: str) -> str:
        """A name that no tensor has, here or in the network as it was."""
        while name in self.views or name in self.network.views:
            name += "+"
        return name

    # Where units are.

    def origin(self, tensor: str, unit: int, divisor: Rational) -> Origin:
        """The unit of an anchored tensor that a unit is, of this tensor or of a derived reordering."""
        position, seen = 0, tensor if self.is_seen(tensor) else ""
        while tensor not in self.anchored:
            tensor, unit, inner = self._step(self.network.producer[tensor], unit)
            position = position if inner is None else inner
        return Origin(tensor, unit, position, divisor, seen)

    def origin_of(self, node: Reorder | Select, unit: int, divisor: Rational) -> Origin:
        """The same for a unit of what a node defines."""
        if isinstance(node, Select):
            i, u = node.picks[unit]
            return self.origin(node.sources[i], u, divisor)
        tensor, unit, inner = self._step(node, unit)
        found = self.origin(tensor, unit, divisor)
        return found if inner is None else found._replace(position=inner, seen="")

    def _step(self, node: Node, unit: int) -> tuple[str, int, int | None]:
        """What a unit after a reordering is of its source: a unit, and where images are taken apart the position."""
        assert isinstance(node, Reorder)
        if isinstance(node, Regrid):
            return node.source, unit, None
        view, target = self.network.views[node.source], self.network.views[node.target]
        unit, inner = self._order(node)[target.index(unit, 0)]
        return node.source, unit, inner if view.positions > target.positions else None

    def is_seen(self, tensor: str) -> bool:
        """Whether a derived reordering lies as it did: units in order, or elements channel by channel."""
        if tensor not in self.in_order:
            below, view = ground(self.network, tensor, self.anchored), self.network.views[tensor]
            self.in_order[tensor] = False
            span = _span(self.network.views[below], view)
            if tensor not in self.anchored and below in self.lying and span:
                origins = [self.origin(tensor, u, ONE)[1:3] for u in range(view.units)]
                self.in_order[tensor] = origins == [divmod(u, span) for u in range(view.units)]
        return self.in_order[tensor]

    def _order(self, node: Reorder) -> list[tuple[int, int]]:
        """For each element after a reordering, the unit and the position it comes from."""
        if node.target not in self.orders:
            view = self.network.views[node.source]
            parts = view.parts()
            self.orders[node.target] = [parts[e] for e in node.order(view.shape)]
        return self.orders[node.target]

    def _entry(self, origin: Origin, view: View) -> _Entry:
        """Where a unit is now, to be seen in a view."""
        tensor, unit, position, divisor, seen = origin
        places, _, rows = self.left[tensor]
        row = (entry(unit, ONE) if rows is None else rows[unit]).sum
        if row is None or len(row.terms) > 1:
            raise NotALumping(f"tensor {tensor!r}, unit {unit}: found {row}, expected one class and a constant")
        k, c = row.terms[0] if row.terms else (0, ZERO)
        c, plus = c / divisor, row.plus / divisor
        if not c or k not in places:
            return _Entry("", 0, ZERO, plus)
        place, positions = places[k], self.network.views[tensor].positions
        if seen:
            span = _span(self.network.views[tensor], self.network.views[seen])
            return _Entry(self.reordered(seen), place * span + position, c, plus)
        if positions == view.positions:
            return _Entry(tensor, place, c, plus)
        return _Entry(self.flat(tensor), place * positions + position, c, plus)

    def gather(self, origins: Sequence[Origin], view: View, label: str, named: bool = False) -> str:
        """A tensor whose units are these; `named`: of the name `label`.

        It is what there is already, if the units lie there in this order; else they are selected, scaled and shifted.
        """
        entries = [self._entry(origin, view) for origin in origins]
        lying = View((len(entries), *view.grid), 0) if view.channel is not None else View((len(entries),))
        if view.open or (view.is_grid and self._are_grids(entries, view)):
            lying = view
        names = tuple(dict.fromkeys(entry.tensor for entry in entries if entry.tensor))
        if not names:
            name = label if view == lying else self.fresh(f"{label}, constants")
            self.constants(name, tuple(entry.plus for entry in entries), lying)
            return self.steps([] if view == lying else _seen(lying, view), (name,), label)
        picks = tuple((names.index(entry.tensor), entry.unit) if entry.tensor else (0, 0) for entry in entries)
        names = tuple(self.on_grid(name, lying, label) for name in names)
        here, steps = self.views[names[0]], list[Node]()
        if len(names) > 1 or picks != tuple((0, u) for u in range(here.units)):
            here = lying
            steps.append(Select((), "", picks, here.shape, here.channel, here.open))
        if any(entry.factor != 1 for entry in entries):
            steps.append(Scale("", "", tuple(entry.factor for entry in entries)))
        if any(entry.plus for entry in entries):
            steps.append(Shift("", "", tuple(entry.plus for entry in entries)))
        if here != view and (here.open or view.open):
            raise CannotWrite(f"tensor {label!r}: found {here}, expected {view}")
        if here != view or (named and not steps):
            steps += _seen(here, view) if not view.open else [Scale("", "", (ONE,) * view.units)]
        return self.steps(steps, names, label)

    def _are_grids(self, entries: Sequence[_Entry], view: View) -> bool:
        """Whether units are vectors along the last axis where they are now, as in a view."""
        named = [entry.tensor for entry in entries if entry.tensor]
        return all(self.views[name].is_grid for name in named) if named else self._like(view) is not None

    def _like(self, view: View) -> str | None:
        """A tensor whose units lie along the last axis of the grid of a view."""
        if not view.is_grid:
            return None
        return next((name for name, here in self.views.items() if _alike(here, view)), None)

    # Tensors in another shape.

    def reordered(self, name: str) -> str:
        """A derived reordering of a tensor that lies as it did, over the units that are left of that.

        Raises CannotWrite where units were picked on the way.
        """
        if name not in self.views:
            node = self.network.producer[name]
            if not isinstance(node, Reorder):
                raise CannotWrite(f"tensor {name!r}: found {node!r}, expected it to lie as before")
            here, was = self.views[self.reordered(node.source)], self.network.views[node.source]
            view = node.stated
            units = here.units if isinstance(node, Regrid) else view.units * here.elements // was.elements
            self.append(replace(node, shape=resized(view, units)))
        return name

    def flat(self, tensor: str, before: Sequence[Node] = ()) -> str:
        """An anchored tensor with each element as a unit, channel by channel; `before`: how it was flattened."""
        view = self.views[tensor]
        if view.channel is None or view.positions == 1:
            return tensor
        if tensor not in self.flattened:
            names = [node.target for node in before if node.reorders]
            self.flattened[tensor] = names[-1] if names else self.fresh(f"{tensor}.flat")
            self.append(Reorder(tensor, self.flattened[tensor], _channel_first(view), (view.elements,)))
        return self.flattened[tensor]

    def on_grid(self, name: str, view: View, label: str) -> str:
        """A tensor whose units lie as in a view: a single position has no grid, or one of ones."""
        here = self.views[name]
        if view.open and (here.open, here.channel, here.grid) != (True, view.channel, view.grid):
            raise CannotWrite(f"tensor {label!r}: found {here}, expected {view}")
        if here.grid == view.grid:
            return name
        placed = self.fresh(f"{label}: {name}")
        return self.steps(_seen(here, View((here.units, *view.grid), view.channel)), (name,), placed)

    # Where nothing is left to read.

    def nothing(self) -> str:
        """A tensor that never vanishes, for rows that read nothing: what the first Dense node reads, or the input."""
        first = next((node.source for node in self.network.mixing if node.window is None), "")
        if self.anchored.get(first) is not None and first in self.views:
            return first
        port = self.network.inputs[0].name
        if len(self.views[port].shape) == 1:
            return port
        if not self.zeros:
            self.zeros = self.fresh(f"{port}.flat")
            self.append(Reorder(port, self.zeros, None, (self.views[port].elements,)))
        return self.zeros

    def _image(self, axes: int) -> str:
        """An image that never vanishes, on a grid of so many axes: one that is kept, or made of an input."""
        for name, view in self.views.items():
            if self.anchored.get(name) is not None and view.channel == 0 and len(view.grid) == axes:
                return name
        port = next((port for port in self.network.inputs if len(port.shape) == axes + 1), None)
        if port is None:  # any elements do, as images of one position
            (port, *_), ones = self.network.inputs, (1,) * axes
            if port.open:
                raise CannotWrite(
                    f"input {port.name!r}: found unknown sizes, expected known ones, as nothing else is left"
                )
            made = View((math.prod(port.shape), *ones), 0)
            return self.steps(_seen(View(port.shape), made), (port.name,), self.fresh(f"{port.name}, a grid"))
        return self.steps(_seen(View(port.shape), View(port.shape, 0)), (port.name,), "")

    def constants(self, target: str, values: Vector, view: View) -> None:
        """Units that are constants: zero weights, and biases."""
        grid = view.grid
        source = self._like(view)
        if source is None and (view.open or view.channel):
            raise CannotWrite(f"tensor {target!r}: found nothing of the grid {list(grid)} that is left to read")
        if source is not None:
            weight = Matrix.from_rows([{}] * len(values), self.views[source].units)
            self.append(Dense(source, target, weight, values, grid=True))
            return
        if not grid:
            source = self.nothing()
            weight = Matrix.from_rows([{}] * len(values), self.views[source].units)
            self.append(Dense(source, target, weight, values))
            return
        image = self._image(len(grid))
        view = self.views[image]
        window = _any_window(view.grid, grid)
        weight = Matrix.from_rows([{}] * len(values), view.units * window.taps)
        self.append(Conv(image, target, weight, values, window))


def _span(below: View, above: View) -> int:
    """How many units above are one unit below."""
    if below.open or above.open:
        return above.units // below.units
    return int(below.positions // above.positions)


def _alike(here: View, view: View) -> bool:
    """Whether units lie in the same places of the same grid."""
    return here.channel is not None and (here.open, here.channel, here.grid) == (view.open, view.channel, view.grid)


def resized(view: View, units: int) -> Shape:
    """The shape of so many units of a tensor: its own for as many as it has."""
    if units == view.units:
        return view.shape
    if view.channel is None:
        return (units,)
    return (*view.shape[: view.channel], units, *view.shape[view.channel + 1 :])


def _channel_first(view: View) -> tuple[int, ...] | None:
    """The permutation of the axes that puts the channel axis first; None: it is."""
    axes = range(len(view.shape))
    return None if view.channel == 0 else (view.channel or 0, *(i for i in axes if i != view.channel))


def _seen(here: View, view: View) -> list[Node]:
    """The reorderings that lead from one view to another of the same units; elements take their shape first.

    Images of one position are elements then, as no reader of ONNX takes one shape of them for another.
    """
    if here.shape != view.shape and here.positions == 1 and view.channel is not None:
        here = View(here.shape)
    if here.channel is None and view.channel is not None:
        shaped = [] if here.shape == view.shape else [Reorder("", "", None, view.shape)]
        return [*shaped, Reorder("", _IMPLIED, None, view.shape, view.channel)]
    axes = None
    if here.channel is not None and view.channel is not None and here.channel != view.channel:
        first = list(_channel_first(here) or range(len(here.shape)))
        axes = (*first[1 : view.channel + 1], first[0], *first[view.channel + 1 :])
    return [Reorder("", "", axes, view.shape, view.channel)]


def _any_window(source: Grid, target: Grid) -> Window:
    """A window from one grid to another: the smallest kernel, with zeros around the source where it is too small."""
    kernel = tuple(max(n - m, 0) + 1 for n, m in zip(source, target, strict=True))
    end = tuple(max(m - n, 0) for n, m in zip(source, target, strict=True))
    ones, zeros = (1,) * len(source), (0,) * len(source)
    return Window(source, target, kernel, ones, ones, zeros, end)
