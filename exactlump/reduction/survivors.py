# SPDX-License-Identifier: Apache-2.0
"""This file is about the nodes of a reduced network: the layers of N again, over the classes that are left.

Images lie channel axis first here, and reorderings that leave units whole are left out, except where a tensor is kept
as it was.  A layer that only passes units on (a pool, a sum of tensors, ...) reads them from wherever they are now,
by a Select where their order has changed, so that tensors that meet may have different classes.

Throughout: v, u units of N; k a class, place[k] its unit in the reduced network, c its ratio; p a position.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from exactlump.lumping.forms import Atom, Form, Forms
from exactlump.lumping.simulations import Affine, Row
from exactlump.network.kinds import (
    Conv,
    Dense,
    Node,
    Reorder,
    Scale,
    Select,
    Shift,
    renamed,
    restricted,
    sources,
    view_after,
)
from exactlump.network.layers import Elementwise, Layer, ground, layer, trace
from exactlump.network.program import Network
from exactlump.network.views import View
from exactlump.network.windows import Grid, Window
from exactlump.numbers.matrix import Matrix
from exactlump.numbers.rational import ONE, ZERO, Rational, Vector
from exactlump.reduction.float_layers import Plain

# Readers make an image of elements under the name of these followed by this; so a file need not hold the node.
_IMPLIED = "as image"


class _Origin(NamedTuple):
    """What is wanted of N: unit u of an anchored tensor, or position p of it, divided by a number."""

    tensor: str
    unit: int
    position: int
    divisor: Rational


class _Entry(NamedTuple):
    """Where a unit of N is now: factor times a unit of a tensor, plus a constant; no tensor: only the constant."""

    tensor: str
    unit: int
    factor: Rational
    plus: Rational


class Rebuilder:
    """The nodes that have been written so far; layers are to come in topological order.

    rows    of each anchored tensor that a node defines, over all its classes
    places  of the classes that are left, of each anchored tensor; inputs are classes of one unit each
    """

    def __init__(
        self,
        network: Network,
        anchored: Mapping[str, str | None],
        forms: Forms,
        rows: Mapping[str, Sequence[Row]],
        places: Mapping[str, Mapping[int, int]],
    ) -> None:
        self.network, self.anchored, self.forms, self.rows, self.places = network, anchored, forms, rows, places
        self.nodes: list[Node] = []
        self.views = {port.name: network.views[port.name] for port in network.inputs}
        self.flattened: dict[str, str] = {}
        self.orders: dict[str, list[tuple[int, int]]] = {}
        self.zeros = ""

    def write(
        self,
        tensor: str,
        units: Sequence[int | None],
        divisors: Vector,
        firsts: Sequence[int],
        rows: Sequence[Form],
        plain: Plain | None = None,
    ) -> None:
        """The nodes of the layer that ends in an anchored tensor, by class:

        units     the unit that represents it; None: `rows` alone does
        divisors  what that unit is divided by, in a layer that passes units on
        firsts    its least member
        rows      the representative's row over the classes below, before its activation
        plain     the weights, where the layer is plain; then `rows` have no terms
        """
        own, kept = layer(self.network, tensor, self.anchored), self.anchored[tensor] is not None
        mixing = own.mixing
        if mixing is None:
            self._unitwise(tensor, own, [v for v in units if v is not None], divisors, kept)
            return
        if kept:
            every = range(self.network.units(mixing.target))
            rows = [self._row(mixing, v) if plain is None else Form({}, plain.node.bias[v]) for v in every]
            self._mixing(mixing, own.before, rows, mixing.target, plain, every)
            self._extend(own.after)
            return
        at = trace(self.network, own.after, range(self.network.units(tensor)))
        if own.factors or own.sums:
            chosen = zip(units, rows, strict=True)
            rows = [row if v is None else self._row(mixing, at[0][v]) for v, row in chosen]
        target = mixing.target if own.elementwise else tensor
        self._mixing(mixing, own.before, rows, target, plain, [v for v in units if v is not None])
        self._follow(tensor, own, at[1:], units, firsts, divisors)

    def _row(self, node: Node, v: int) -> Form:
        return self.forms.before(node.target, v)

    def _follow(
        self,
        tensor: str,
        own: Layer,
        at: Sequence[Sequence[int]],
        units: Sequence[int | None],
        firsts: Sequence[int],
        divisors: Vector,
    ) -> None:
        """The element-wise nodes after the core of a layer, with the representatives' entries; no reorderings."""
        for node, places in zip(own.after, at, strict=True):
            if isinstance(node, Elementwise):
                target = tensor if node is own.elementwise[-1] else node.target
                entries = [None if v is None else places[v] for v in units]
                source = self.nodes[-1].target
                self._append(_restricted(node, (source,), target, [places[v] for v in firsts], entries, divisors))

    # Layers that mix units.

    def _mixing(
        self,
        node: Dense | Conv,
        before: Sequence[Node],
        rows: Sequence[Form],
        target: str,
        plain: Plain | None,
        units: Sequence[int],
    ) -> None:
        """The Dense or Conv node of a layer, its rows given over the classes of the layer below.

        What is not observed is left out: a factor 0 above takes it away.
        plain, units: the weights of a plain layer, and which rows of it are meant.
        """
        below = ground(self.network, node.source, self.anchored)
        places, bias = self.places[below], tuple(row.constant for row in rows)
        if isinstance(node, Conv):
            if not places:
                self._constants(target, bias, node.window.target)
                return
            source = self._on_grid(below, View((len(places), *node.window.source), 0), target)
            span = node.window.taps
            whole = next((t for t in range(span) if node.window.is_identity(t)), 0)
        elif places:
            source, whole, span = self._flat(below, before), 0, self.views[below].positions
        else:
            source, whole, span = self._zeros(), 0, 1

        def column(atom: Atom) -> int:
            _, k, *lift = atom
            return places[k] * span + (lift[0][2] if lift else whole)

        columns = len(places) * span if places else self.views[source].units
        floats = None
        if plain is not None and places:
            floats = plain.take(units, lambda atom: column(atom) if atom[1] in places else None, columns)
        if floats is not None:
            weight = Matrix.from_floats(floats)
        else:
            full = rows if plain is None else [self._row(node, v) for v in units]
            entries = [{column(atom): w for atom, w in row.terms.items() if atom[1] in places} for row in full]
            weight = Matrix.from_rows(entries, columns)
        self._append(replace(node, source=source, target=target, weight=weight, bias=bias))

    def _flat(self, tensor: str, before: Sequence[Node]) -> str:
        """An anchored tensor with each element as a unit, channel by channel."""
        view = self.views[tensor]
        if view.channel is None or view.positions == 1:
            return tensor
        if tensor not in self.flattened:
            names = [node.target for node in before if isinstance(node, Reorder)]
            self.flattened[tensor] = names[-1] if names else self._fresh(f"{tensor}.flat")
            self._append(Reorder(tensor, self.flattened[tensor], _channel_first(view), (view.elements,)))
        return self.flattened[tensor]

    def _zeros(self) -> str:
        """A tensor that never vanishes, for rows that read nothing: what the first Dense node reads, or the input."""
        first = next((node.source for node in self.network.nodes if isinstance(node, Dense)), "")
        if self.anchored.get(first) is not None and first in self.views:
            return first
        port = self.network.inputs[0].name
        if len(self.views[port].shape) == 1:
            return port
        if not self.zeros:
            self.zeros = self._fresh(f"{port}.flat")
            self._append(Reorder(port, self.zeros, None, (self.views[port].elements,)))
        return self.zeros

    def _fresh(self, name: str) -> str:
        """A name that no tensor has, here or in N."""
        while name in self.views or name in self.network.views:
            name += "+"
        return name

    def _image(self, axes: int) -> str:
        """An image that never vanishes, on a grid of so many axes: one that is kept, or an input; else none."""
        for name, view in self.views.items():
            if self.anchored.get(name) is not None and view.channel == 0 and len(view.grid) == axes:
                return name
        port = next((port for port in self.network.inputs if len(port.shape) == axes + 1), None)
        if port is None:  # any elements do, as images of one position
            (port, *_), ones = self.network.inputs, (1,) * axes
            made = View((math.prod(port.shape), *ones), 0)
            return self._steps(_seen(View(port.shape), made), (port.name,), self._fresh(f"{port.name}, a grid"))
        return self._steps(_seen(View(port.shape), View(port.shape, 0)), (port.name,), "")

    def _constants(self, target: str, values: Vector, grid: tuple[int, ...]) -> None:
        """Units that are constants, where nothing is left to read: zero weights, and biases."""
        image = self._image(len(grid)) if grid else ""
        if not grid:
            source = self._zeros()
            weight = Matrix.from_rows([{}] * len(values), self.views[source].units)
            self._append(Dense(source, target, weight, values))
        elif image:
            view = self.views[image]
            window = _any_window(view.grid, grid)
            weight = Matrix.from_rows([{}] * len(values), view.units * window.taps)
            self._append(Conv(image, target, weight, values, window))
        else:
            flat = self._fresh(f"{target}.flat")
            size = math.prod(grid)
            self._constants(flat, tuple(value for value in values for _ in range(size)), ())
            self._append(Reorder(flat, target, None, (len(values), *grid), 0))

    # Layers that pass units on.

    def _unitwise(self, tensor: str, own: Layer, units: Sequence[int], divisors: Vector, kept: bool) -> None:
        nodes, core = own.nodes, own.core
        if kept and all(self.anchored.get(name) is not None for name in sources(nodes[0])):
            self._extend(nodes)
        elif kept:
            every = range(self.network.units(nodes[0].target))
            self._first(nodes[0], every, (ONE,) * len(every), nodes[0].target, kept)
            self._extend(nodes[1:])
        elif core is None:
            origins = [self._origin(tensor, v, d, own=True) for v, d in zip(units, divisors, strict=True)]
            self._gather(origins, self._view(tensor, len(units)), tensor, named=True)
        else:
            at = trace(self.network, own.after, range(self.network.units(tensor)))
            target = core.target if own.elementwise else tensor
            self._first(core, [at[0][v] for v in units], divisors, target, kept)
            self._follow(tensor, own, at[1:], units, units, divisors)

    def _first(self, node: Node, units: Sequence[int], divisors: Vector, target: str, kept: bool) -> None:
        """The first node of a layer, for some units of its target; where that is kept, for all, in their old shape."""
        if isinstance(node, Select):
            picks = zip((node.picks[v] for v in units), divisors, strict=True)
            origins = [self._origin(node.sources[i], u, d) for (i, u), d in picks]
            view = self.network.views[node.target] if kept else self._view(node.target, len(units))
            self._gather(origins, view, target, named=True)
            return
        if isinstance(node, Reorder):
            origins = [self._origin(node.target, u, d, own=True) for u, d in zip(units, divisors, strict=True)]
            self._gather(origins, self.network.views[node.target], target, named=True)
            return
        read = {}
        for name in dict.fromkeys(sources(node)):
            view = self.network.views[name] if kept else self._view(name, len(units))
            origins = [self._origin(name, u, d) for u, d in zip(units, divisors, strict=True)]
            read[name] = self._gather(origins, view, self._fresh(f"{target} reads {name}"))
        names = tuple(read[name] for name in sources(node))
        self._append(_restricted(node, names, target, units, list(units), divisors))

    def _view(self, tensor: str, units: int) -> View:
        """How so many units of a tensor lie here: channel axis first."""
        view = self.network.views[tensor]
        return View((units, *view.grid), 0) if view.channel is not None else View((units,))

    def _origin(self, tensor: str, unit: int, divisor: Rational, own: bool = False) -> _Origin:
        """The unit of an anchored tensor that a unit of a reordering is; `own`: the reordering is anchored itself."""
        position = 0
        while own or tensor not in self.anchored:
            node = self.network.producer[tensor]
            assert isinstance(node, Reorder)
            view, target = self.network.views[node.source], self.network.views[tensor]
            unit, inner = self._order(node)[target.index(unit, 0)]
            position = inner if view.positions > target.positions else position
            tensor, own = node.source, False
        return _Origin(tensor, unit, position, divisor)

    def _order(self, node: Reorder) -> list[tuple[int, int]]:
        """For each element after a reordering, the unit and the position it comes from."""
        if node.target not in self.orders:
            view = self.network.views[node.source]
            parts = view.parts()
            self.orders[node.target] = [parts[e] for e in node.order(view.shape)]
        return self.orders[node.target]

    def _gather(self, origins: Sequence[_Origin], view: View, label: str, named: bool = False) -> str:
        """A tensor whose units are these; `named`: of the name `label`.

        It is what there is already, if the units lie there in this order; else they are selected, scaled and shifted.
        """
        entries = [self._entry(origin, view) for origin in origins]
        lying = View((len(entries), *view.grid), 0) if view.channel is not None else View((len(entries),))
        names = tuple(dict.fromkeys(entry.tensor for entry in entries if entry.tensor))
        if not names:
            name = label if view == lying else self._fresh(f"{label}, constants")
            self._constants(name, tuple(entry.plus for entry in entries), lying.grid)
            return self._steps([] if view == lying else _seen(lying, view), (name,), label)
        picks = tuple((names.index(entry.tensor), entry.unit) if entry.tensor else (0, 0) for entry in entries)
        names = tuple(self._on_grid(name, lying, label) for name in names)
        here, steps = self.views[names[0]], list[Node]()
        if len(names) > 1 or picks != tuple((0, u) for u in range(here.units)):
            here = lying
            steps.append(Select((), "", picks, here.shape, here.channel))
        if any(entry.factor != 1 for entry in entries):
            steps.append(Scale("", "", tuple(entry.factor for entry in entries)))
        if any(entry.plus for entry in entries):
            steps.append(Shift("", "", tuple(entry.plus for entry in entries)))
        if here != view or (named and not steps):
            steps += _seen(here, view)
        return self._steps(steps, names, label)

    def _on_grid(self, name: str, view: View, label: str) -> str:
        """A tensor whose units lie as in a view: a single position has no grid, or one of ones."""
        here = self.views[name]
        if here.grid == view.grid:
            return name
        placed = self._fresh(f"{label}: {name}")
        return self._steps(_seen(here, View((here.units, *view.grid), view.channel)), (name,), placed)

    def _steps(self, steps: Sequence[Node], names: tuple[str, ...], label: str) -> str:
        """Nodes one after the other, the last of which defines `label`; none: what they would read."""
        own = sum(step.target != _IMPLIED for step in steps)
        for i, step in enumerate(steps):
            target = label if i == own - 1 else self._fresh(f"{label}, step {i + 1}")
            if step.target == _IMPLIED:
                target = f"{names[0]} {_IMPLIED}"
            if target not in self.views:
                self._append(renamed(step, target, *names))
            names = (target,)
        return names[0]

    def _entry(self, origin: _Origin, view: View) -> _Entry:
        """Where a unit is now."""
        tensor, unit, position, divisor = origin
        row = self.rows[tensor][unit] if tensor in self.rows else Affine(((unit, ONE),), ZERO)
        assert isinstance(row, Affine)
        k, c = row.terms[0] if row.terms else (0, ZERO)
        c, plus = c / divisor, row.plus / divisor
        if not c or k not in self.places[tensor]:
            return _Entry("", 0, ZERO, plus)
        place, positions = self.places[tensor][k], self.network.views[tensor].positions
        if positions == view.positions:
            return _Entry(tensor, place, c, plus)
        return _Entry(self._flat(tensor, ()), place * positions + position, c, plus)

    def _extend(self, nodes: Sequence[Node]) -> None:
        for node in nodes:
            self._append(node)

    def _append(self, node: Node) -> None:
        self.views[node.target] = view_after(node, [self.views[name] for name in sources(node)])
        self.nodes.append(node)


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


def _restricted(
    node: Node,
    names: tuple[str, ...],
    target: str,
    firsts: Sequence[int],
    units: Sequence[int | None],
    divisors: Vector,
) -> Node:
    """A node with one entry a class: that of its representative; a primitive row (None) needs none."""
    node = renamed(node, target, *names)
    if isinstance(node, Scale):
        return replace(node, factor=tuple(ONE if v is None else node.factor[v] for v in units))
    if isinstance(node, Shift):
        own = zip(units, divisors, strict=True)
        return replace(node, constant=tuple(ZERO if v is None else node.constant[v] / d for v, d in own))
    return restricted(node, firsts)
