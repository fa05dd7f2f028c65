# SPDX-License-Identifier: Apache-2.0
"""This file is about the nodes of a network: what each kind computes, and how the tensor that it defines is divided.

Throughout: a tensor is its elements in row-major order, without the batch axis.  A *unit* is what a relation speaks
of: one element, or, where a tensor has a channel axis, one channel: an image over the grid of the other axes, of P
positions.  W[v][u] = W_l(u, v) is the weight of the edge u -> v, b[v] the bias b_l(v).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from exactlump.errors import ShapeError
from exactlump.network.activations import Activation
from exactlump.network.views import Shape, View
from exactlump.network.windows import Window
from exactlump.numbers.matrix import Matrix
from exactlump.numbers.rational import Vector


@dataclass(frozen=True, slots=True)
class Dense:
    """A fully connected layer before its activation: target[v] = sum_u W[v][u] * source[u] + b[v].

    `names` are what the file calls the product, the weight and the bias ("" where it has no name);
    they say nothing about the function.
    """

    source: str
    target: str
    weight: Matrix
    bias: Vector
    names: tuple[str, str, str] = ("", "", "")


@dataclass(frozen=True, slots=True)
class Conv:
    """A convolution: target[v] = sum over u and taps t of W[v][u*T + t] * (tap t of source[u]) + b[v].

    Channel axis first, in source and target.  Groups and depthwise convolutions are zeros in the weight; a transposed
    convolution has a transposed window.
    """

    source: str
    target: str
    weight: Matrix
    bias: Vector
    window: Window
    names: tuple[str, str, str] = ("", "", "")


@dataclass(frozen=True, slots=True)
class AveragePool:
    """target[v] = the mean of what the taps of the window read of source[v].

    padding: whether the zeros around the source count, in the sum's divisor.
    """

    source: str
    target: str
    window: Window
    padding: bool = False


@dataclass(frozen=True, slots=True)
class MaxPool:
    """target[v] = the largest of what the taps of the window read of source[v]; padding is never read."""

    source: str
    target: str
    window: Window


@dataclass(frozen=True, slots=True)
class Pad:
    """target[v] = source[v] with zeros around it, or cropped: what the only tap of the window reads."""

    source: str
    target: str
    window: Window


@dataclass(frozen=True, slots=True)
class Add:
    """target[v] = sum over i of signs[i] * sources[i][v]; all sources have the shape of the target."""

    sources: tuple[str, ...]
    target: str
    signs: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Select:
    """target[v] = unit u of sources[i] where (i, u) = picks[v]: concatenation, slices, gathering of whole units.

    shape, channel: of the target, whose grid is that of the sources.
    """

    sources: tuple[str, ...]
    target: str
    picks: tuple[tuple[int, int], ...]
    shape: Shape
    channel: int | None = None


@dataclass(frozen=True, slots=True)
class Scale:
    """target[v] = factor[v] * source[v]."""

    source: str
    target: str
    factor: Vector


@dataclass(frozen=True, slots=True)
class Shift:
    """target[v] = source[v] + constant[v]: the addition of a constant tensor."""

    source: str
    target: str
    constant: Vector


@dataclass(frozen=True, slots=True)
class Reorder:
    """The elements of the source, its axes permuted by `axes` (None: as they are), read with another shape.

    channel: the channel axis of the target.  Three kinds: units stay units, in order (`keeps_units`); images are
    taken apart into elements (target channel None); elements are put together to images.
    """

    source: str
    target: str
    axes: tuple[int, ...] | None
    shape: Shape
    channel: int | None = None

    def order(self, source: Shape) -> tuple[int, ...]:
        """For each element of the target, the element of a source of that shape it comes from."""
        if self.axes is None:
            return tuple(range(math.prod(source)))
        strides = [math.prod(source[axis + 1 :]) for axis in range(len(source))]
        order = [0]
        for axis in self.axes:
            order = [start + i * strides[axis] for start in order for i in range(source[axis])]
        return tuple(order)


@dataclass(frozen=True, slots=True)
class Activate:
    """target[v] = functions[v](source[v]): the paper's activation association A_l."""

    source: str
    target: str
    functions: tuple[Activation, ...]


@dataclass(frozen=True, slots=True)
class Head:
    """An output head that mixes all units (`kind`: see HEADS); nothing may be merged below it.

    argmax has one unit: the index of the largest element, the least index of several.
    """

    source: str
    target: str
    kind: str


Node: TypeAlias = Dense | Conv | AveragePool | MaxPool | Pad | Add | Select | Scale | Shift | Reorder | Activate | Head
HEADS = ("softmax", "log_softmax", "argmax")


def sources(node: Node) -> tuple[str, ...]:
    """The tensors that a node reads."""
    return node.sources if isinstance(node, Add | Select) else (node.source,)


def renamed(node: Node, target: str, *names: str) -> Node:
    """The node with other names for what it defines and reads."""
    if isinstance(node, Add | Select):
        return replace(node, target=target, sources=names)
    (source,) = names
    return replace(node, target=target, source=source)


def restricted(node: Node, units: Sequence[int]) -> Node:
    """The node with an entry for each of these units of its source, where it has one for every unit."""
    if isinstance(node, Scale):
        return replace(node, factor=tuple(node.factor[v] for v in units))
    if isinstance(node, Shift):
        return replace(node, constant=tuple(node.constant[v] for v in units))
    if isinstance(node, Activate):
        return replace(node, functions=tuple(node.functions[v] for v in units))
    return node


def groups(node: Dense | Conv) -> int:
    """The largest g such that the weight has g blocks along its diagonal and zeros elsewhere (ONNX's group)."""
    if isinstance(node, Dense) or node.weight.floats is not None:
        return 1
    taps = node.window.taps
    rows, columns = node.weight.shape[0], node.weight.shape[1] // taps
    spans = [(min(row) // taps, max(row) // taps) for row in map(node.weight.row, range(rows)) if row]
    lines = [v for v in range(rows) if node.weight.row(v)]
    for g in sorted({g for g in range(2, math.gcd(rows, columns) + 1) if rows % g == columns % g == 0}, reverse=True):
        high, wide = rows // g, columns // g
        if all(low // wide == top // wide == v // high for v, (low, top) in zip(lines, spans, strict=True)):
            return g
    return 1


def view_after(node: Node, views: Sequence[View]) -> View:
    """The view of the tensor that a node defines; ShapeError when the node does not fit its sources."""
    view = views[0] if views else View(())
    if isinstance(node, Dense | Conv):
        return _mixed(node, view)
    if isinstance(node, AveragePool | MaxPool | Pad):
        _same(node.target, "taps", node.window.taps if isinstance(node, Pad) else 1, 1)
        return _windowed(node.target, node.window, view.units, view)
    if isinstance(node, Select):
        return _selected(node, views)
    if isinstance(node, Add):
        _same(node.target, "signs", len(node.signs), len(node.sources))
        if len(set(views)) != 1 or not set(node.signs) <= {1, -1}:
            raise ShapeError(f"tensor {node.target!r}: found a sum of {views} with signs {node.signs}")
        return view
    if isinstance(node, Reorder):
        return _reordered(node, view)
    if isinstance(node, Head):
        return _headed(node, view)
    entries = node.factor if isinstance(node, Scale) else node.constant if isinstance(node, Shift) else node.functions
    _same(node.target, "entries", len(entries), view.units)
    return view


def _mixed(node: Dense | Conv, view: View) -> View:
    rows, columns = node.weight.shape
    _same(node.target, "biases", len(node.bias), rows)
    if isinstance(node, Conv):
        _same(node.target, "columns", columns, view.units * node.window.taps)
        return _windowed(node.target, node.window, rows, view)
    _same(node.target, "columns", columns, view.units)
    _same(node.target, "positions", view.positions, 1)
    return View((rows,))


def _windowed(name: str, window: Window, units: int, view: View) -> View:
    """The view after a window has gone over the grids of all units."""
    if view.grid != window.source or view.channel != 0:
        raise ShapeError(f"tensor {name!r}: found {view} below a window over the grid {list(window.source)}")
    ranks = {
        len(getattr(window, field)) for field in ("source", "target", "kernel", "stride", "dilation", "begin", "end")
    }
    positive = min((*window.target, *window.kernel, *window.stride, *window.dilation), default=1) > 0
    if len(ranks) != 1 or not positive or min((*window.begin, *window.end), default=0) < 0:
        raise ShapeError(f"tensor {name!r}: found {window}, expected positive sizes, one each for every axis")
    return View((units, *window.target), 0)


def _selected(node: Select, views: Sequence[View]) -> View:
    if node.channel is not None and node.channel not in range(len(node.shape)):
        raise ShapeError(f"tensor {node.target!r}: found channel axis {node.channel} of shape {list(node.shape)}")
    view = View(node.shape, node.channel)
    _same(node.target, "picks", len(node.picks), view.units)
    if any(below.grid != view.grid for below in views):
        raise ShapeError(f"tensor {node.target!r}: found sources {views}, expected the grid {list(view.grid)}")
    if not all(0 <= i < len(views) and 0 <= u < views[i].units for i, u in node.picks):
        raise ShapeError(f"tensor {node.target!r}: found a pick outside its sources")
    return view


def _reordered(node: Reorder, view: View) -> View:
    target = View(node.shape, node.channel)
    _same(node.target, "elements", target.elements, view.elements)
    if node.axes is not None and sorted(node.axes) != list(range(len(view.shape))):
        raise ShapeError(f"tensor {node.target!r}: found axes {list(node.axes)} for shape {list(view.shape)}")
    if node.channel is not None and node.channel not in range(len(node.shape)):
        raise ShapeError(f"tensor {node.target!r}: found channel axis {node.channel} of shape {list(node.shape)}")
    if not (target.positions == 1 or view.positions == 1 or keeps_units(node, view)):
        raise ShapeError(f"tensor {node.target!r}: found a reordering inside of channels")
    return target


def keeps_units(node: Reorder, view: View) -> bool:
    """Whether a reordering of a tensor of that view keeps every unit as it is: only axes change places."""
    target = View(node.shape, node.channel)
    if target.units != view.units:
        return False
    order = node.order(view.shape)
    parts = view.parts()
    return all(part == parts[e] for part, e in zip(target.parts(), order, strict=True))


def _headed(node: Head, view: View) -> View:
    if node.kind not in HEADS:
        raise ShapeError(f"tensor {node.target!r}: found head {node.kind!r}, expected one of {HEADS}")
    _same(node.target, "positions", view.positions, 1)
    return View((1,)) if node.kind == "argmax" else view


def _same(name: str, what: str, found: int, expected: int) -> None:
    if found != expected:
        raise ShapeError(f"tensor {name!r}: found {found} {what}, expected {expected}")
