# SPDX-License-Identifier: Apache-2.0
"""This file is about the kinds of nodes: what each holds, what it reads, and the view of the tensor that it defines.

What a kind computes is said in `meaning.py`.

Throughout: a tensor is its elements in row-major order, without the batch axis.  A *unit* is what a relation speaks
of: one element, or, where a tensor has a channel axis, one channel: an image over the grid of the other axes, of P
positions.  W[v][u] = W_l(u, v) is the weight of the edge u -> v, b[v] the bias b_l(v).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar, Self, TypeAlias

from exactlump.errors import ShapeError
from exactlump.network.activations import Activation
from exactlump.network.kind import HEADS as HEADS
from exactlump.network.kind import Function as Function
from exactlump.network.kind import HeadKind, Kind, Largest, _Affine, _Joint, _Lone
from exactlump.network.moves import Pick, Regrid, Reorder, named
from exactlump.network.opaque import Opaque
from exactlump.network.views import Shape, View
from exactlump.network.windows import Window
from exactlump.numbers.matrix import Matrix
from exactlump.numbers.rational import ONE, ZERO, Vector

__all__ = [
    "HEADS",
    "Activate",
    "Add",
    "AveragePool",
    "Conv",
    "Dense",
    "Elementwise",
    "Function",
    "Head",
    "HeadKind",
    "Kind",
    "Largest",
    "MaxPool",
    "Node",
    "Opaque",
    "Pad",
    "Pick",
    "Regrid",
    "Reorder",
    "Scale",
    "Select",
    "Shift",
    "_Affine",
    "_Joint",
    "_Lone",
    "groups",
    "head_kind",
    "mixing",
]


@dataclass(frozen=True, slots=True, repr=False)
class Dense(_Lone, _Affine):
    """A fully connected layer before its activation: target[v] = sum_u W[v][u] * source[u] + b[v].

    names  what the file calls the product, the weight and the bias ("" where it has no name); they say nothing about
           the function
    grid   whether the units lie along the last axis, and the layer acts at every position of the others
    """

    word: ClassVar[str] = "linear"

    source: str
    target: str
    weight: Matrix
    bias: Vector = field()
    names: tuple[str, str, str] = ("", "", "")
    grid: bool = False

    def view(self, views: Sequence[View]) -> View:
        """One unit a row of the weight; the source has elements, or is a grid of vectors along its last axis."""
        rows, columns = self.weight.shape
        self.demand("biases", len(self.bias), rows)
        self.demand("columns", columns, views[0].units)
        if not self.grid:
            self.demand("positions", views[0].positions, 1)
            return View((rows,))
        if not views[0].is_grid:
            raise ShapeError(f"tensor {self.target!r}: found {views[0]}, expected units along the last axis of several")
        return View((*views[0].shape[:-1], rows), views[0].channel, views[0].open)


@dataclass(frozen=True, slots=True, repr=False)
class Conv(_Lone, _Affine):
    """A convolution: target[v] = sum over u and taps t of W[v][u*T + t] * (tap t of source[u]) + b[v].

    Channel axis first, in source and target.  Groups and depthwise convolutions are zeros in the weight; a transposed
    convolution has a transposed window.
    """

    word: ClassVar[str] = "convolution"

    source: str
    target: str
    weight: Matrix
    bias: Vector = field()
    window: Window = field()
    names: tuple[str, str, str] = ("", "", "")

    def view(self, views: Sequence[View]) -> View:
        """One image a row of the weight, over the window's target."""
        rows, columns = self.weight.shape
        self.demand("biases", len(self.bias), rows)
        self.demand("columns", columns, views[0].units * self.window.taps)
        return _windowed(self.target, self.window, rows, views[0])


class _Sliding(_Lone):
    """A kind that goes over each image alone by a window."""

    __slots__ = ()
    window: Window

    def view(self, views: Sequence[View]) -> View:
        """As many images as there were, over the window's target."""
        return _windowed(self.target, self.window, views[0].units, views[0])


@dataclass(frozen=True, slots=True, repr=False)
class AveragePool(_Sliding, _Affine):
    """target[v] = the mean of what the taps of the window read of source[v].

    padding: whether the zeros around the source count, in the sum's divisor.
    """

    word: ClassVar[str] = "mean"

    source: str
    target: str
    window: Window = field()
    padding: bool = False


@dataclass(frozen=True, slots=True, repr=False)
class MaxPool(_Sliding):
    """target[v] = the largest of what the taps of the window read of source[v]; padding is never read."""

    word: ClassVar[str] = "max"

    source: str
    target: str
    window: Window = field()

    @property
    def affine(self) -> bool:
        return False

    def function(self, v: int) -> Function | HeadKind:
        return Largest(self.window)


@dataclass(frozen=True, slots=True, repr=False)
class Pad(_Sliding, _Affine):
    """target[v] = source[v] with zeros around it, or cropped: what the only tap of the window reads."""

    source: str
    target: str
    window: Window = field()

    def view(self, views: Sequence[View]) -> View:
        """As many images as there were, over the window's target."""
        self.demand("taps", self.window.taps, 1)
        return _windowed(self.target, self.window, views[0].units, views[0])


@dataclass(frozen=True, slots=True, repr=False)
class Add(_Joint, _Affine):
    """target[v] = sum over i of signs[i] * sources[i][v]; all sources have the shape of the target."""

    word: ClassVar[str] = "sum"

    sources: tuple[str, ...]
    target: str
    signs: tuple[int, ...]

    def view(self, views: Sequence[View]) -> View:
        """That of every source."""
        self.demand("signs", len(self.signs), len(self.sources))
        if len(set(views)) != 1 or not set(self.signs) <= {1, -1}:
            raise ShapeError(f"tensor {self.target!r}: found a sum of {views} with signs {self.signs}")
        return views[0]


@dataclass(frozen=True, slots=True, repr=False)
class Select(_Joint, _Affine):
    """target[v] = unit u of sources[i] where (i, u) = picks[v]: concatenation, slices, gathering of whole units.

    shape, channel: of the target, whose grid is that of the sources.
    """

    sources: tuple[str, ...]
    target: str
    picks: tuple[tuple[int, int], ...]
    shape: Shape
    channel: int | None = None
    open: bool = False

    def view(self, views: Sequence[View]) -> View:
        """The shape and the channel axis that the node names; the grid is that of every source."""
        view = named(self.target, View(self.shape, self.channel, self.open))
        self.demand("picks", len(self.picks), view.units)
        if any(below.grid != view.grid for below in views):
            raise ShapeError(f"tensor {self.target!r}: found sources {views}, expected the grid {list(view.grid)}")
        if not all(0 <= i < len(views) and 0 <= u < views[i].units for i, u in self.picks):
            raise ShapeError(f"tensor {self.target!r}: found a pick outside its sources")
        return view


class Elementwise(_Lone):
    """A kind that acts on each unit alone, with one entry a unit: a factor, a constant or a function."""

    __slots__ = ()

    def view(self, views: Sequence[View]) -> View:
        """That of the source, which has a unit for every entry."""
        self.demand("entries", len(self.factor or self.constant or self.functions), views[0].units)
        return views[0]


@dataclass(frozen=True, slots=True, repr=False)
class Scale(Elementwise, _Affine):
    """target[v] = factor[v] * source[v]."""

    source: str
    target: str
    factor: Vector = field()

    def restricted(self, units: Sequence[int]) -> Self:
        return replace(self, factor=tuple(self.factor[v] for v in units))

    def divided(self, firsts: Sequence[int], units: Sequence[int | None], divisors: Vector) -> Self:
        return replace(self, factor=tuple(ONE if v is None else self.factor[v] for v in units))


@dataclass(frozen=True, slots=True, repr=False)
class Shift(Elementwise, _Affine):
    """target[v] = source[v] + constant[v]: the addition of a constant tensor."""

    source: str
    target: str
    constant: Vector = field()

    def restricted(self, units: Sequence[int]) -> Self:
        return replace(self, constant=tuple(self.constant[v] for v in units))

    def divided(self, firsts: Sequence[int], units: Sequence[int | None], divisors: Vector) -> Self:
        own = zip(units, divisors, strict=True)
        return replace(self, constant=tuple(ZERO if v is None else self.constant[v] / d for v, d in own))


@dataclass(frozen=True, slots=True, repr=False)
class Activate(Elementwise):
    """target[v] = functions[v](source[v]): the paper's activation association A_l."""

    source: str
    target: str
    functions: tuple[Activation, ...] = field()

    @property
    def affine(self) -> bool:
        return False

    def function(self, v: int) -> Function | HeadKind:
        return self.functions[v]

    def restricted(self, units: Sequence[int]) -> Self:
        return replace(self, functions=tuple(self.functions[v] for v in units))


@dataclass(frozen=True, slots=True, repr=False)
class Head(_Lone):
    """An output head that mixes all units (`kind`: see HEADS); nothing may be merged below it.

    argmax has one unit: the index of the largest element, the least index of several.
    """

    source: str
    target: str
    kind: HeadKind

    @property
    def affine(self) -> bool:
        return False

    @property
    def mixes_all(self) -> bool:
        return True

    def function(self, v: int) -> Function | HeadKind:
        return self.kind

    def view(self, views: Sequence[View]) -> View:
        """That of the source, which has elements; of argmax one element."""
        if self.kind not in HEADS:
            raise ShapeError(f"tensor {self.target!r}: found head {self.kind!r}, expected one of {HEADS}")
        self.demand("positions", views[0].positions, 1)
        return View((1,)) if self.kind == "argmax" else views[0]


Node: TypeAlias = (
    Dense
    | Conv
    | AveragePool
    | MaxPool
    | Pad
    | Add
    | Select
    | Scale
    | Shift
    | Reorder
    | Pick
    | Activate
    | Head
    | Opaque
)


def mixing(node: Node) -> Dense | Conv | None:
    """The node, if it mixes units by weights; else None."""
    return node if isinstance(node, Dense | Conv) else None


def head_kind(word: str) -> HeadKind:
    """The kind of head that a word names; ShapeError for other words."""
    found = next((kind for kind in HEADS if kind == word), None)
    if found is None:
        raise ShapeError(f"head: found {word!r}, expected one of {HEADS}")
    return found


def groups(node: Dense | Conv) -> int:
    """The largest g such that the weight has g blocks along its diagonal and zeros elsewhere (ONNX's group)."""
    if node.window is None or node.weight.floats is not None:
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


def _windowed(name: str, window: Window, units: int, view: View) -> View:
    """The view after a window has gone over the grids of all units."""
    first = int(view.open)  # the batch axis
    if view.grid[first:] != window.source or view.channel != first:
        raise ShapeError(f"tensor {name!r}: found {view} below a window over the grid {list(window.source)}")
    ranks = {
        len(getattr(window, field)) for field in ("source", "target", "kernel", "stride", "dilation", "begin", "end")
    }
    sizes = [n for n in (*window.target, *window.kernel, *window.stride, *window.dilation) if isinstance(n, int)]
    positive = min(sizes, default=1) > 0
    if len(ranks) != 1 or not positive or min((*window.begin, *window.end), default=0) < 0:
        raise ShapeError(f"tensor {name!r}: found {window}, expected positive sizes, one each for every axis")
    if all(isinstance(n, int) for n in window.target):
        return View((units, *window.target), 0)
    return View((*view.shape[:first], units, *window.target), first, view.open)
