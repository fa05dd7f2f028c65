# SPDX-License-Identifier: Apache-2.0
"""This file is about the exact network: a straight-line program with an exact value at every rational point.

Definition 1 of the paper is the chain `Dense, Activate, Dense, Activate, ...`; Definitions 2 and 3 are
`Network.evaluate`.  Each node reads tensors that are already defined and defines one new tensor, so
that branches and several inputs need no other design.

Throughout: a tensor is its elements in row-major order, without the batch axis; a *unit* is one
element.  W[v][u] = W_l(u, v) is the weight of the edge u -> v, b[v] the bias b_l(v).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

from exactlump.activation import Activation
from exactlump.errors import NoExactValue, ShapeError
from exactlump.rational import Matrix, Rational, Vector, fraction, rational

Shape: TypeAlias = tuple[int, ...]


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
    """The elements of the source, its axes permuted by `axes` (None: as they are), read with another shape."""

    source: str
    target: str
    axes: tuple[int, ...] | None
    shape: Shape

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
    """An output head that mixes all units (`kind`: softmax or log_softmax); nothing may be merged below it."""

    source: str
    target: str
    kind: str


Node: TypeAlias = Dense | Scale | Shift | Reorder | Activate | Head
HEADS = ("softmax", "log_softmax")


@dataclass(frozen=True, slots=True)
class Port:
    """An input of the network: its name, and its shape without the batch axis.

    batch: the file's batch axis, a number or a symbol; None when the tensor has no batch axis.
    """

    name: str
    shape: Shape
    batch: int | str | None = None


@dataclass(frozen=True)
class Network:
    """A feed-forward network with exact weights.

    inputs, nodes (in topological order), outputs (names of tensors)
    dtype    the float type of its interface: "float32", "float64", "float16", "bfloat16", or "exact"
    notes    what a reader normalised, for people
    Raises ShapeError when a name is read before it is defined, defined twice, or sizes disagree.
    """

    inputs: tuple[Port, ...]
    nodes: tuple[Node, ...]
    outputs: tuple[str, ...]
    dtype: str = "exact"
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in self.outputs:
            if name not in self.shapes:
                raise ShapeError(f"output {name!r}: found no node that defines it")
        if len(set(self.outputs)) != len(self.outputs):
            raise ShapeError("outputs: found a name twice")

    @cached_property
    def shapes(self) -> Mapping[str, Shape]:
        """The shape of every tensor, without the batch axis."""
        shapes: dict[str, Shape] = {}
        for port in self.inputs:
            _define(shapes, port.name, port.shape)
        for node in self.nodes:
            if node.source not in shapes:
                raise ShapeError(f"tensor {node.source!r}: read before any node defines it")
            _define(shapes, node.target, _shape_after(node, shapes[node.source]))
        return shapes

    @cached_property
    def producer(self) -> Mapping[str, Node]:
        """The node that defines each tensor; inputs have none."""
        return {node.target: node for node in self.nodes}

    @cached_property
    def consumers(self) -> Mapping[str, tuple[Node, ...]]:
        """The nodes that read each tensor, in order."""
        readers: dict[str, list[Node]] = {name: [] for name in self.shapes}
        for node in self.nodes:
            readers[node.source].append(node)
        return {name: tuple(nodes) for name, nodes in readers.items()}

    def units(self, tensor: str) -> int:
        """How many units a tensor has."""
        return math.prod(self.shapes[tensor])

    @cached_property
    def hidden(self) -> tuple[str, ...]:
        """The hidden layers, each by the tensor that its Dense node defines; an output is not hidden."""
        dense = (node.target for node in self.nodes if isinstance(node, Dense))
        return tuple(name for name in dense if not self._ends_in_output(name))

    @property
    def neurons(self) -> int:
        """The units of all hidden layers, with or without an activation; inputs and outputs do not count."""
        return sum(self.units(name) for name in self.hidden)

    @property
    def parameters(self) -> int:
        """Weights and biases of all Dense nodes."""
        return sum(math.prod(n.weight.shape) + n.weight.shape[0] for n in self.nodes if isinstance(n, Dense))

    @property
    def nonzeros(self) -> int:
        """The weights and biases that are not zero."""
        return sum(n.weight.nonzeros + sum(map(bool, n.bias)) for n in self.nodes if isinstance(n, Dense))

    def evaluate(self, *inputs: Sequence[Rational]) -> tuple[Vector, ...]:
        """The outputs at exact inputs, one flat vector per input and output (Definitions 2 and 3).

        Raises ShapeError for wrong lengths, NoExactValue where an activation has no rational value.
        """
        values = self.valuation(*inputs)
        return tuple(values[name] for name in self.outputs)

    def valuation(self, *inputs: Sequence[Rational]) -> dict[str, Vector]:
        """The exact value of every tensor: the paper's Val(S_l) for all l."""
        if len(inputs) != len(self.inputs):
            raise ShapeError(f"inputs: found {len(inputs)}, expected {len(self.inputs)}")
        values: dict[str, Vector] = {}
        for port, x in zip(self.inputs, inputs, strict=True):
            if len(x) != math.prod(port.shape):
                raise ShapeError(f"input {port.name!r}: found {len(x)} values, expected {math.prod(port.shape)}")
            values[port.name] = tuple(x)
        for node in self.nodes:
            values[node.target] = _apply(node, values[node.source], self.shapes[node.source])
        return values

    def _ends_in_output(self, tensor: str) -> bool:
        """Whether a tensor is an output, but for activations, heads and reorderings unit by unit."""
        while tensor not in self.outputs:
            readers = self.consumers[tensor]
            if len(readers) != 1 or isinstance(readers[0], Dense):
                return False
            tensor = readers[0].target
        return True


def _define(shapes: dict[str, Shape], name: str, shape: Shape) -> None:
    if name in shapes:
        raise ShapeError(f"tensor {name!r}: defined twice")
    if math.prod(shape) < 1:
        raise ShapeError(f"tensor {name!r}: found shape {list(shape)}, expected at least one element")
    shapes[name] = shape


def _shape_after(node: Node, source: Shape) -> Shape:
    """The shape of the tensor that a node defines; ShapeError when the node does not fit its source."""
    units = math.prod(source)
    if isinstance(node, Dense):
        rows, columns = node.weight.shape
        _same(node.target, "columns", columns, units)
        _same(node.target, "biases", len(node.bias), rows)
        return (rows,)
    if isinstance(node, Scale):
        _same(node.target, "factors", len(node.factor), units)
    elif isinstance(node, Shift):
        _same(node.target, "constants", len(node.constant), units)
    elif isinstance(node, Activate):
        _same(node.target, "activations", len(node.functions), units)
    elif isinstance(node, Reorder):
        _same(node.target, "elements", math.prod(node.shape), units)
        if node.axes is not None and sorted(node.axes) != list(range(len(source))):
            raise ShapeError(f"tensor {node.target!r}: found axes {list(node.axes)} for shape {list(source)}")
        return node.shape
    elif node.kind not in HEADS:
        raise ShapeError(f"tensor {node.target!r}: found head {node.kind!r}, expected one of {HEADS}")
    return source


def _same(name: str, what: str, found: int, expected: int) -> None:
    if found != expected:
        raise ShapeError(f"tensor {name!r}: found {found} {what}, expected {expected}")


def _apply(node: Node, x: Vector, shape: Shape) -> Vector:
    """The semantics of one node (Definition 2)."""
    if isinstance(node, Dense):
        return _dense(node, x)
    if isinstance(node, Scale):
        return tuple(f * y for f, y in zip(node.factor, x, strict=True))
    if isinstance(node, Shift):
        return tuple(y + c for y, c in zip(x, node.constant, strict=True))
    if isinstance(node, Activate):
        return tuple(sigma(y) for sigma, y in zip(node.functions, x, strict=True))
    if isinstance(node, Reorder):
        return tuple(x[i] for i in node.order(shape))
    raise NoExactValue(f"tensor {node.target!r}: {node.kind} has no rational value")


def _dense(node: Dense, x: Vector) -> Vector:
    """W x + b in integers: x over one common denominator, each row of W over its own."""
    pairs = [fraction(y) for y in x]
    common = math.lcm(*(q for _, q in pairs))
    tops, bottoms = node.weight.times([p * (common // q) for p, q in pairs])
    return tuple(rational(t, d * common) + b for t, d, b in zip(tops, bottoms, node.bias, strict=True))
