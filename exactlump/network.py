# SPDX-License-Identifier: Apache-2.0
"""This file is about the exact network: a straight-line program with an exact value at every rational point.

Definition 1 of the paper is the chain `Dense, Activate, Dense, Activate, ...`; Definitions 2 and 3 are
`Network.evaluate`.  Each node (`nodes.py`) reads tensors that are already defined and defines one new tensor, so
that branches and several inputs need no other design.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from exactlump.errors import NoExactValue, ShapeError
from exactlump.nodes import (
    Add,
    AveragePool,
    Conv,
    Dense,
    Head,
    MaxPool,
    Node,
    Pad,
    Port,
    Reorder,
    Scale,
    Select,
    Shape,
    Shift,
    View,
    groups,
    sources,
    view_after,
)
from exactlump.origin import Origin
from exactlump.rational import ZERO, Matrix, Rational, Vector, over_common, rational


@dataclass(frozen=True)
class Network:
    """A feed-forward network with exact weights.

    inputs, nodes (in topological order), outputs (names of tensors)
    dtype    the float type of its interface: "float32", "float64", "float16", "bfloat16", or "exact"
    notes    what a reader normalised, for people
    specification  what the file means where it alone does not say (docs/certificate-format.md, "claim")
    origin   what the ONNX file that it was read from is like, besides its function; else None
    Raises ShapeError when a name is read before it is defined, defined twice, or sizes disagree.
    """

    inputs: tuple[Port, ...]
    nodes: tuple[Node, ...]
    outputs: tuple[str, ...]
    dtype: str = "exact"
    notes: tuple[str, ...] = ()
    specification: str = "as stored"
    origin: Origin | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        for name in self.outputs:
            if name not in self.shapes:
                raise ShapeError(f"output {name!r}: found no node that defines it")
        if len(set(self.outputs)) != len(self.outputs):
            raise ShapeError("outputs: found a name twice")

    @cached_property
    def views(self) -> Mapping[str, View]:
        """The shape of every tensor, without the batch axis, and its channel axis."""
        views: dict[str, View] = {}
        for port in self.inputs:
            _define(views, port.name, View(port.shape))
        for node in self.nodes:
            for name in sources(node):
                if name not in views:
                    raise ShapeError(f"tensor {name!r}: read before any node defines it")
            _define(views, node.target, view_after(node, [views[name] for name in sources(node)]))
        return views

    @cached_property
    def shapes(self) -> Mapping[str, Shape]:
        """The shape of every tensor, without the batch axis."""
        return {name: view.shape for name, view in self.views.items()}

    @cached_property
    def producer(self) -> Mapping[str, Node]:
        """The node that defines each tensor; inputs have none."""
        return {node.target: node for node in self.nodes}

    @cached_property
    def consumers(self) -> Mapping[str, tuple[Node, ...]]:
        """The nodes that read each tensor, in order, each once."""
        readers: dict[str, list[Node]] = {name: [] for name in self.views}
        for node in self.nodes:
            for name in dict.fromkeys(sources(node)):
                readers[name].append(node)
        return {name: tuple(nodes) for name, nodes in readers.items()}

    def units(self, tensor: str) -> int:
        """How many units a tensor has: elements, or channels."""
        return self.views[tensor].units

    @cached_property
    def hidden(self) -> tuple[str, ...]:
        """The hidden layers, each by the tensor that its Dense or Conv node defines; an output is not hidden."""
        mixing = (node.target for node in self.nodes if isinstance(node, Dense | Conv))
        return tuple(name for name in mixing if not self._ends_in_output(name))

    @property
    def neurons(self) -> int:
        """The units of all hidden layers, with or without an activation; inputs and outputs do not count."""
        return sum(self.units(name) for name in self.hidden)

    @property
    def parameters(self) -> int:
        """Weights and biases of all Dense and Conv nodes; what groups leave out does not count."""
        layers = [node for node in self.nodes if isinstance(node, Dense | Conv)]
        return sum(math.prod(n.weight.shape) // groups(n) + n.weight.shape[0] for n in layers)

    @property
    def nonzeros(self) -> int:
        """The weights and biases that are not zero."""
        layers = [node for node in self.nodes if isinstance(node, Dense | Conv)]
        return sum(n.weight.nonzeros + sum(map(bool, n.bias)) for n in layers)

    def evaluate(self, *inputs: Sequence[Rational]) -> tuple[Vector, ...]:
        """The outputs at exact inputs, one flat vector per input and output (Definitions 2 and 3).

        Raises ShapeError for wrong lengths, NoExactValue where an activation has no rational value.
        """
        values = self.valuation(*inputs)
        return tuple(values[name] for name in self.outputs)

    def valuation(self, *inputs: Sequence[Rational]) -> dict[str, Vector]:
        """The exact value of every tensor: the paper's Val(S_l) for all l.  Raises as `evaluate` does."""
        if len(inputs) != len(self.inputs):
            raise ShapeError(f"inputs: found {len(inputs)}, expected {len(self.inputs)}")
        values: dict[str, Vector] = {}
        for port, x in zip(self.inputs, inputs, strict=True):
            if len(x) != math.prod(port.shape):
                raise ShapeError(f"input {port.name!r}: found {len(x)} values, expected {math.prod(port.shape)}")
            values[port.name] = tuple(x)
        for node in self.nodes:
            names = sources(node)
            values[node.target] = _apply(node, [values[name] for name in names], [self.views[name] for name in names])
        return values

    def _ends_in_output(self, tensor: str) -> bool:
        """Whether a tensor is an output, or nothing but nodes that act unit by unit leads from it, to outputs."""
        if tensor in self.outputs:
            return True
        readers = self.consumers[tensor]
        return bool(readers) and not any(
            isinstance(node, Dense | Conv) or not self._ends_in_output(node.target) for node in readers
        )


def _define(views: dict[str, View], name: str, view: View) -> None:
    if name in views:
        raise ShapeError(f"tensor {name!r}: defined twice")
    if view.elements < 1:
        raise ShapeError(f"tensor {name!r}: found shape {list(view.shape)}, expected at least one element")
    views[name] = view


def _apply(node: Node, xs: Sequence[Vector], views: Sequence[View]) -> Vector:
    """The semantics of one node (Definition 2)."""
    x, view = xs[0], views[0]
    if isinstance(node, Dense):
        return _dense(node.weight, node.bias, x)
    if isinstance(node, Conv):
        return _conv(node, x, view)
    if isinstance(node, AveragePool | MaxPool | Pad):
        return _pooled(node, x, view)
    if isinstance(node, Add):
        return tuple(sum(terms, ZERO) for terms in zip(*map(_signed, node.signs, xs), strict=True))
    if isinstance(node, Select):
        return _picked(node, xs, views)
    if isinstance(node, Reorder):
        return tuple(x[i] for i in node.order(view.shape))
    if isinstance(node, Head):
        if node.kind == "argmax":
            return (rational(max(range(len(x)), key=lambda v: (x[v], -v))),)
        raise NoExactValue(f"tensor {node.target!r}: {node.kind} has no rational value")
    unit = [v for v, _ in view.parts()]
    if isinstance(node, Scale):
        return tuple(node.factor[v] * y for v, y in zip(unit, x, strict=True))
    if isinstance(node, Shift):
        return tuple(y + node.constant[v] for v, y in zip(unit, x, strict=True))
    return tuple(node.functions[v](y) for v, y in zip(unit, x, strict=True))


def _signed(sign: int, x: Vector) -> Vector:
    return x if sign > 0 else tuple(-y for y in x)


def _dense(weight: Matrix, bias: Vector, x: Sequence[Rational]) -> Vector:
    """W x + b in integers: x over one common denominator, each row of W over its own."""
    integers, common = over_common(x)
    tops, bottoms = weight.times(integers)
    return tuple(rational(t, d * common) + b for t, d, b in zip(tops, bottoms, bias, strict=True))


def _conv(node: Conv, x: Vector, view: View) -> Vector:
    """The dense product at every position of the target."""
    taps = [node.window.places(t) for t in range(node.window.taps)]
    columns = []
    for q in range(math.prod(node.window.target)):
        seen = [tap[q] for tap in taps]
        below = [ZERO if p is None else x[view.index(u, p)] for u in range(view.units) for p in seen]
        columns.append(_dense(node.weight, node.bias, below))
    return tuple(y for image in zip(*columns, strict=True) for y in image)


def _pooled(node: AveragePool | MaxPool | Pad, x: Vector, view: View) -> Vector:
    window = node.window
    taps = [window.places(t) for t in range(window.taps)]
    cells = window.cells(padding=node.padding) if isinstance(node, AveragePool) else ()
    values = []
    for u in range(view.units):
        for q in range(math.prod(window.target)):
            seen = [x[view.index(u, p)] for p in (tap[q] for tap in taps) if p is not None]
            if isinstance(node, MaxPool):
                values.append(max(seen))
            else:
                values.append(sum(seen, ZERO) / (cells[q] if isinstance(node, AveragePool) else 1))
    return tuple(values)


def _picked(node: Select, xs: Sequence[Vector], views: Sequence[View]) -> Vector:
    view = View(node.shape, node.channel)
    found = []
    for v, p in view.parts():
        i, u = node.picks[v]
        found.append(xs[i][views[i].index(u, p)])
    return tuple(found)
