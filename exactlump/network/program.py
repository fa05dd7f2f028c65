# SPDX-License-Identifier: Apache-2.0
"""This file is about the exact network: a straight-line program with an exact value at every rational point.

Definition 1 of the paper is the chain `Dense, Activate, Dense, Activate, ...`; Definitions 2 and 3 are
`Network.evaluate`.  Each node (`kinds.py`) reads tensors that are already defined and defines one new tensor, so
that branches and several inputs need no other design.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from exactlump.errors import NoExactValue, ShapeError, UnsupportedLayer, WrongType
from exactlump.network.activations import RELU, Activation, activation_of
from exactlump.network.kinds import Activate, Conv, Dense, Head, Node, Opaque, groups, mixing
from exactlump.network.meaning import Anchored, Sums, parts, values
from exactlump.network.origin import Origin
from exactlump.network.sizes import text
from exactlump.network.views import Port, Shape, View
from exactlump.numbers.matrix import Matrix
from exactlump.numbers.rational import ZERO, Rational, Vector, over_common, rational, vector
from exactlump.showing import Shown

# How many hidden layers are shown.
_SHOWN = 6


@dataclass(frozen=True)
class Network(Shown):
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

    @staticmethod
    def chain(
        weights: Iterable[Any],
        biases: Iterable[Any] | None = None,
        activation: Any = RELU,
        *,
        dtype: str | None = None,
    ) -> "Network":
        """The chain of dense layers of Definition 1, from lists or arrays; there is no activation after the last layer.

        weights     for each layer a matrix, (its neurons, neurons below): row v holds the weights into neuron v
        biases      for each layer a vector, or None: zeros
        activation  one for all hidden layers, or a list with one for each: a function, or the name of one
        dtype       of the interface; None: the float type that all arrays have, or else "exact"
        The input is called x, hidden layer i s{i} before and h{i} after its activation, the output y.
        Raises ShapeError for sizes that do not fit, WrongType and FormatError for what is no finite number.

        >>> Network.chain([[[3, -1], [6, -2], [1, 1]], [[5, 4, 1]]], [[1, 2, 0], [0]])
        Network(2-3-1, relu, exact)
        """
        given = list(weights)
        shifts = [None] * len(given) if biases is None else list(biases)
        if not given or len(shifts) != len(given):
            raise ShapeError(f"chain: found {len(given)} weights and {len(shifts)} biases, expected one for each layer")
        matrices = [Matrix.of(weight) for weight in given]
        functions = _functions(activation, [matrix.shape[0] for matrix in matrices[:-1]])
        nodes: list[Node] = []
        source = "x"
        for i, (weight, bias) in enumerate(zip(matrices, shifts, strict=True)):
            target = f"s{i + 1}" if i < len(functions) else "y"
            nodes.append(Dense(source, target, weight, (ZERO,) * weight.shape[0] if bias is None else vector(bias)))
            if i < len(functions):
                nodes.append(Activate(target, f"h{i + 1}", functions[i]))
                source = f"h{i + 1}"
        arrays = [*given, *(bias for bias in shifts if bias is not None)]
        return Network((Port("x", (matrices[0].shape[1],)),), tuple(nodes), ("y",), dtype or _common_type(arrays))

    def __repr__(self) -> str:
        inputs, outputs = ([str(self.units(name)) for name in names] for names in (self.ports, self.outputs))
        hidden = [str(self.units(name)) for name in self.hidden]
        if len(hidden) > _SHOWN:
            hidden = [*hidden[: _SHOWN // 2], f"({len(hidden) - _SHOWN} layers)", *hidden[-_SHOWN // 2 :]]
        found = dict.fromkeys(str(f) for node in self.nodes for f in node.functions)
        words = [*found] if len(found) <= _SHOWN // 2 else [f"{len(found)} functions"]
        return f"Network({'-'.join(['+'.join(inputs), *hidden, '+'.join(outputs)])}, {', '.join([*words, self.dtype])})"

    @property
    def ports(self) -> tuple[str, ...]:
        """The names of the inputs."""
        return tuple(port.name for port in self.inputs)

    @cached_property
    def views(self) -> Mapping[str, View]:
        """The shape of every tensor, without the batch axis, and its channel axis."""
        views: dict[str, View] = {}
        for port in self.inputs:
            _define(views, port.name, port.view)
        for node in self.nodes:
            for name in node.reads:
                if name not in views:
                    raise ShapeError(f"tensor {name!r}: read before any node defines it")
            _define(views, node.target, node.view([views[name] for name in node.reads]))
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
            for name in dict.fromkeys(node.reads):
                readers[name].append(node)
        return {name: tuple(nodes) for name, nodes in readers.items()}

    def views_below(self, node: Node) -> list[View]:
        """The views of what a node reads."""
        return [self.views[name] for name in node.reads]

    def parts(self, node: Node) -> Sums | Anchored:
        """What the units that a node defines are before their functions (`meaning.parts`), computed once."""
        if node.target not in self._parts:
            self._parts[node.target] = parts(node, self.views_below(node))
        return self._parts[node.target]

    @cached_property
    def _parts(self) -> dict[str, Sums | Anchored]:
        return {}

    def units(self, tensor: str) -> int:
        """How many units a tensor has: elements, or channels."""
        return self.views[tensor].units

    @cached_property
    def hidden(self) -> tuple[str, ...]:
        """The hidden layers, each by the tensor that its Dense or Conv node defines; an output is not hidden."""
        return tuple(node.target for node in self.mixing if not self._ends_in_output(node.target))

    @cached_property
    def mixing(self) -> tuple[Dense | Conv, ...]:
        """The nodes that mix units by weights, in order."""
        return tuple(found for node in self.nodes if (found := mixing(node)) is not None)

    @property
    def neurons(self) -> int:
        """The units of all hidden layers, with or without an activation; inputs and outputs do not count."""
        return sum(self.units(name) for name in self.hidden)

    @property
    def parameters(self) -> int:
        """Weights and biases of all Dense and Conv nodes; what groups leave out does not count."""
        return sum(math.prod(n.weight.shape) // groups(n) + n.weight.shape[0] for n in self.mixing)

    @property
    def nonzeros(self) -> int:
        """The weights and biases that are not zero."""
        return sum(n.weight.nonzeros + sum(map(bool, n.bias)) for n in self.mixing)

    def evaluate(self, *inputs: Any) -> tuple[Vector, ...]:
        """The outputs at one exact input, one flat vector for each output (Definitions 2 and 3).

        inputs: an array, a tensor or a list of numbers for each input, of any shape with its elements.  For many inputs
        at a time, and for large networks, there is `exactlump.evaluate`.
        Raises ShapeError for wrong lengths, NoExactValue where an activation has no rational value, WrongType and
        FormatError for what is no finite number.
        """
        found = self.valuation(*inputs)
        return tuple(found[name] for name in self.outputs)

    def valuation(self, *inputs: Any) -> dict[str, Vector]:
        """The exact value of every tensor: the paper's Val(S_l) for all l.  Raises as `evaluate` does."""
        if len(inputs) != len(self.inputs):
            raise ShapeError(f"inputs: found {len(inputs)}, expected {len(self.inputs)}")
        found: dict[str, Vector] = {}
        self.demand_sizes()
        for port, given in zip(self.inputs, inputs, strict=True):
            x = vector(given)
            if len(x) != math.prod(port.shape):
                raise ShapeError(f"input {port.name!r}: found {len(x)} values, expected {math.prod(port.shape)}")
            found[port.name] = x
        for node in self.nodes:
            found[node.target] = _apply(node, [found[name] for name in node.reads], self.views_below(node))
        return found

    @cached_property
    def opaque(self) -> tuple[Opaque, ...]:
        """The opaque operators, by their outputs, in order."""
        return tuple(node for node in self.nodes if isinstance(node, Opaque))

    @cached_property
    def heads(self) -> tuple[Head, ...]:
        """The output heads, in order."""
        return tuple(node for node in self.nodes if isinstance(node, Head))

    @property
    def is_open(self) -> bool:
        """Whether it has no exact values: opaque operators, unknown sizes, or an operator that moves the batch."""
        return bool(self.opaque) or any(view.open for view in self.views.values())

    def demand_closed(self, what: str) -> None:
        """Raise UnsupportedLayer where there are opaque operators, unknown sizes, or a batch axis that moves."""
        if self.is_open:
            raise UnsupportedLayer(f"{what}: found opaque operators or unknown sizes, expected neither")

    def demand_sizes(self) -> None:
        """Raise NoExactValue for a network without exact values: of opaque operators, or of unknown sizes."""
        for node in self.opaque:
            raise NoExactValue(f"tensor {node.target!r}: {node.call.operator} is taken as a given function")
        for port in self.inputs:
            if port.open:
                sizes = text(port.shape)
                raise NoExactValue(f"input {port.name!r}: found the sizes {sizes}, expected numbers")
        for name, view in self.views.items():
            if view.open:
                raise NoExactValue(
                    f"tensor {name!r}: found unknown sizes, or a batch axis that moves, expected neither"
                )

    def _ends_in_output(self, tensor: str) -> bool:
        """Whether a tensor is an output, or nothing but nodes that act unit by unit leads from it, to outputs."""
        if tensor in self.outputs:
            return True
        readers = self.consumers[tensor]
        return bool(readers) and not any(
            mixing(node) is not None or not self._ends_in_output(node.target) for node in readers
        )


def _functions(activation: Any, sizes: Sequence[int]) -> list[tuple[Activation, ...]]:
    """The functions of hidden layers of these sizes."""
    chosen = activation if isinstance(activation, list | tuple) else [activation] * len(sizes)
    if len(chosen) != len(sizes):
        raise ShapeError(f"chain: found {len(chosen)} activations, expected {len(sizes)}, one for each hidden layer")
    wrong = next((one for one in chosen if not isinstance(one, Activation | str)), None)
    if wrong is not None:
        raise WrongType(f"activation: found {type(wrong).__name__}, expected a function, such as relu, or its name")
    return [(activation_of(one),) * size for one, size in zip(chosen, sizes, strict=True)]


def _common_type(arrays: Sequence[Any]) -> str:
    """The float type that all arrays have; "exact" where one has another or none."""
    names = {str(getattr(array, "dtype", "exact")).removeprefix("torch.") for array in arrays}
    return names.pop() if names <= {"float16", "float32", "float64"} and len(names) == 1 else "exact"


def _define(views: dict[str, View], name: str, view: View) -> None:
    if name in views:
        raise ShapeError(f"tensor {name!r}: defined twice")
    if not view.open and view.elements < 1:
        raise ShapeError(f"tensor {name!r}: found shape {list(view.shape)}, expected at least one element")
    views[name] = view


def _apply(node: Node, xs: Sequence[Vector], views: Sequence[View]) -> Vector:
    """The semantics of one node (Definition 2), as `meaning.py` says it; dense products go by whole vectors."""
    match node:
        case Dense() if not node.grid:
            return _dense(node.weight, node.bias, xs[0])
        case Conv() if node.window.is_sized:
            return _conv(node, xs[0], views[0])
        case _:
            return values(node, xs, views)


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
