# SPDX-License-Identifier: Apache-2.0
"""This file is about the normal form of a network of convolutions: a chain of convolutions and dense layers.

As in `kink_chains`, layer l computes the kinks of level l and carries what layers above it need.  Here a form also says
which tap of an image, or which of its positions, is read: a layer is a convolution where all taps are those of one
window, and a dense layer above a flattened image where only positions are read.  Anything else is not written: above
all a constant that met padding, and taps of taps.

Throughout: a symbol y is an atom without its lifts: a kink, or a channel of the image that the input makes.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from exactlump.lumping.forms import ONES, Atom, Form
from exactlump.lumping.kink_rows import relation_of
from exactlump.lumping.kinks import KINKS, Finder, NormalForm, Placed
from exactlump.lumping.simulations import Relation
from exactlump.network.kinds import Activate, Add, Conv, Dense, Node, Reorder, Scale, Select, Shift
from exactlump.network.program import Network
from exactlump.network.views import View
from exactlump.network.windows import Window
from exactlump.numbers.matrix import Matrix
from exactlump.numbers.rational import ONE, ZERO, Rational
from exactlump.reduction.kink_chains import Builder, KinkChain, Layer, placed

# Where a symbol is in a layer: of which units, with which factors, it is the sum.
Made = Mapping[Atom, Mapping[int, Rational]]


def image_of(network: Network) -> str | None:
    """The image that the only input makes, if a network of convolutions begins so, and its output is one vector."""
    nodes = (Dense, Conv, Activate, Scale, Shift, Reorder, Add, Select)
    if len(network.inputs) != 1 or len(network.outputs) != 1 or not all(isinstance(n, nodes) for n in network.nodes):
        return None
    if network.is_open:
        return None
    readers = network.consumers[network.ports[0]]
    made = network.producer.get(network.outputs[0])
    if len(readers) != 1 or network.views[readers[0].target].positions == 1 or made is None or not made.affine:
        return None
    whole = all(view.channel in (None, 0) for view in network.views.values())
    alone = len(network.shapes[network.outputs[0]]) == 1 and KINKS not in network.shapes
    return readers[0].target if whole and alone else None


def image_chain(network: Network, finder: Finder, normal: NormalForm, image: str) -> KinkChain | None:
    """The normal form as a chain, and what the units of N are of it; None where a layer is none."""
    grids = _grids(network, normal)
    layers = _Builder(network, finder, normal).layers() if grids is not None else None
    if layers is None or grids is None:
        return None
    nodes = _nodes(network, normal, layers, image, grids)
    if nodes is None:
        return None
    place = {k: (layer.tensor, i) for layer in layers for k, i in layer.classes.items()}
    own = {layer.tensor: Relation(layer.tensor, placed(layer.rows, place)) for layer in layers}
    forward = {tensor: relation_of(units, place) for tensor, units in normal.units.items()}
    return KinkChain(replace(network, nodes=tuple(nodes), notes=()), own, forward)


class _Builder(Builder):
    """The layers of Q, whose symbols may be images."""

    def carried(self, level: int) -> list[Atom]:
        """The symbols of lower levels that something above a level reads."""
        above = [self.kinks[k].form for k in self.needed if self.kinks[k].level > level] + self.outputs
        symbols = {atom[:2] for form in above for atom in form.terms if atom[:2] != ONES}
        return sorted(y for y in symbols if y[0] != KINKS or self.kinks[y[1]].level < level)


def _grids(network: Network, normal: NormalForm) -> dict[int, View] | None:
    """The view of each kink, of which all units have the same grid; None where they have not."""
    found: dict[int, View] = {}
    for tensor, units in normal.units.items():
        view = network.views[tensor]
        for unit in units:
            if isinstance(unit, Placed) and found.setdefault(unit.kink, view).grid != view.grid:
                return None
    return found


def _nodes(
    network: Network, normal: NormalForm, layers: Sequence[Layer], image: str, grids: Mapping[int, View]
) -> list[Node] | None:
    """The nodes of Q; None where a layer is no convolution and no dense layer."""
    first = network.producer[image]
    nodes: list[Node] = [first]
    writer = _Writer(network, nodes, image)
    for layer in layers:
        views = {grids[k].grid for k in layer.classes}
        if len(views) != 1:
            return None
        (grid,) = views
        if not writer.mixed(layer.forms, f"{layer.tensor} before", grid):
            return None
        nodes.append(Activate(f"{layer.tensor} before", layer.tensor, tuple(layer.functions)))
        writer.above(layer.tensor, len(layer.rows), grid, layer.made)
    return nodes if writer.mixed(normal.outputs, network.outputs[0], ()) else None


class _Writer:
    """Adds the nodes that make forms of the layer below.

    source, size, grid  the tensor below, how many units it has, and the axes of one
    made                what the symbols are of these
    """

    def __init__(self, network: Network, nodes: list[Node], image: str) -> None:
        view = network.views[image]
        self.network, self.nodes = network, nodes
        self.windows = {node.window.key: node.window for node in network.mixing if node.window is not None}
        self.above(image, view.units, view.grid, {(image, u): {u: ONE} for u in range(view.units)})

    def above(self, source: str, size: int, grid: tuple[int, ...], made: Made) -> None:
        """Go on from a tensor."""
        self.source, self.size, self.grid, self.made = source, size, grid, made

    def mixed(self, forms: Sequence[Form], target: str, grid: tuple[int, ...]) -> bool:
        """Add a node that makes these forms; whether there is one."""
        lifts = {atom[2:] for form in forms for atom in form.terms}
        if any(atom[:2] == ONES or len(atom) > 3 for form in forms for atom in form.terms):
            return False
        if grid and all(not lift or lift[0][0] == "tap" for lift in lifts):
            return self._convolved(forms, target, grid, {lift[0][1] for lift in lifts if lift})
        if grid or any(lift and lift[0][0] != "at" for lift in lifts) or (self.grid and () in lifts):
            return False
        self._dense(forms, target)
        return True

    def _convolved(self, forms: Sequence[Form], target: str, grid: tuple[int, ...], keys: set[str]) -> bool:
        if len(keys) > 1 or not self.grid:
            return False
        window = self.windows[keys.pop()] if keys else _point(self.grid)
        if (window.source, window.target) != (self.grid, grid):
            return False
        same = next((t for t in range(window.taps) if window.is_identity(t)), None)
        if same is None and any(len(atom) == 2 for form in forms for atom in form.terms):
            return False
        columns = {(): same} | {(("tap", window.key, t),): t for t in range(window.taps)}
        rows = [self._row(form, window.taps, columns) for form in forms]
        bias = tuple(form.constant for form in forms)
        self.nodes.append(Conv(self.source, target, Matrix.from_rows(rows, self.size * window.taps), bias, window))
        return True

    def _dense(self, forms: Sequence[Form], target: str) -> None:
        positions = math.prod(self.grid)
        if self.grid:
            flat = f"{self.source} flat"
            self.nodes.append(Reorder(self.source, flat, None, (self.size * positions,)))
            self.source = flat
        columns: dict[Atom, int | None] = {(("at", str(positions), p),): p for p in range(positions)}
        columns[()] = 0
        rows = [self._row(form, positions, columns) for form in forms]
        bias = tuple(form.constant for form in forms)
        self.nodes.append(Dense(self.source, target, Matrix.from_rows(rows, self.size * positions), bias))

    def _row(self, form: Form, places: int, columns: Mapping[Atom, int | None]) -> dict[int, Rational]:
        row: dict[int, Rational] = {}
        for atom, w in form.terms.items():
            place = columns[atom[2:]]
            assert place is not None
            for u, c in self.made[atom[:2]].items():
                row[u * places + place] = row.get(u * places + place, ZERO) + w * c
        return {i: row[i] for i in sorted(row) if row[i]}


def _point(grid: tuple[int, ...]) -> Window:
    """The window of one tap that leaves images as they are."""
    ones, zeros = (1,) * len(grid), (0,) * len(grid)
    return Window(grid, grid, ones, ones, ones, zeros, zeros)
