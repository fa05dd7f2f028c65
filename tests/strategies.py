# SPDX-License-Identifier: Apache-2.0
"""This file is about generating networks: any ones, and ones in which a smaller network was planted.

Planting goes from the inputs upwards.  Of every unit of the tensor at hand it is known what it is (`Seen`):
a multiple of a planted neuron, a constant, or something that nothing may read.  A planted row is a row over
planted neurons; its weights are spread at random over their copies, and one weight a copy makes the sum right.

Throughout: u units of the tensor below, v of the layer at hand; k a planted neuron; h, c ratios.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from hypothesis import strategies as st

from exactlump.network.activations import ABS, IDENTITY, RELU, Activation, leaky_relu
from exactlump.network.kinds import Activate, Dense, Head, Node, Reorder, Scale, Select, Shift
from exactlump.network.program import Network
from exactlump.network.views import Port
from exactlump.numbers.floats import fits
from exactlump.numbers.matrix import Matrix
from exactlump.numbers.rational import ONE, ZERO, Rational, SparseRow, power_of_two, rational

Draw = Callable[[st.SearchStrategy[Any]], Any]


@dataclass(frozen=True)
class Planted:
    """A network, and the number of neurons of the smaller one that was planted in it."""

    network: Network
    width: int

    def __repr__(self) -> str:
        return f"Planted(width={self.width}, of {self.network.neurons})\n" + show(self.network)


@dataclass(frozen=True)
class Seen:
    """What a unit is: `factor` times planted neuron k; or (k None) the constant `factor`; or None: not to be read."""

    k: int | None
    factor: Rational | None


UNREAD = Seen(None, None)

# A layer as the planter sees it: what its units are, before or after the activation.
Row = tuple[dict[int, Rational], Rational]

_small = st.sampled_from([0, 1, -1, 2, -3]).map(rational)
_nonzero = st.sampled_from([1, -1, 2, -3]).map(rational)
_rationals = st.sampled_from(["0", "1", "-1/3", "2", "5/7"]).map(rational)
# Of any size that can be scaled by a few powers of two without leaving the grid of float32.
_sized = st.floats(-8, 8, width=32, allow_subnormal=False).filter(lambda w: w == 0 or abs(w) >= 2.0**-120)
_floats = _sized.map(lambda w: rational(float(w)))


@dataclass
class Kind:
    """How numbers are drawn: weights, ratios within a class, slopes of activations."""

    dtype: str
    weights: st.SearchStrategy[Any]
    ratios: st.SearchStrategy[Any]
    slopes: st.SearchStrategy[Any]


EXACT = Kind(
    "exact",
    _rationals,
    st.sampled_from(["1", "2", "1/2", "3", "2/3", "5/7"]).map(rational),
    st.sampled_from(["0", "0", "1/3", "-2", "1", "-1"]).map(rational),
)
FLOAT32 = Kind(
    "float32",
    _small,
    st.sampled_from([1.0, 2.0, 0.5, 3.0, 6.0, 0.25]).map(rational),
    st.sampled_from([0.0, 0.0, 0.25, -2.0, 1.0, -1.0]).map(rational),
)
OPAQUE = st.sampled_from(["sigmoid", "tanh", "cos", "softplus"]).map(Activation)


@st.composite
def lumpable_networks(draw: Draw, dtype: str | None = None, depth: int = 3) -> Planted:
    """Networks with a planted smaller one: up to `depth` hidden layers on every path, of dtype "exact" or "float32"."""
    kind = {"exact": EXACT, "float32": FLOAT32}[dtype or draw(st.sampled_from(["exact", "float32"]))]
    return _Planter(draw, kind).plant(depth)


@dataclass
class _Planter:
    draw: Draw
    kind: Kind
    nodes: list[Node] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    widths: dict[str, int] = field(default_factory=dict)
    names: int = 0

    def plant(self, depth: int) -> Planted:
        ports = []
        for i in range(self.draw(st.sampled_from([1, 1, 1, 2]))):
            units = self.draw(st.integers(1, 3))
            ports.append(Port(f"x{i}", (units,)))
            name, seen = self._around(f"x{i}", _themselves(units))
            self._grow(name, seen, self.draw(st.integers(1, depth)))
        network = Network(tuple(ports), tuple(self.nodes), tuple(self.outputs), self.kind.dtype)
        if self.kind.dtype == "float32":
            network = with_float_arrays(network)
        return Planted(network, sum(self.widths.get(name, network.units(name)) for name in network.hidden))

    def _chance(self, one_in: int) -> bool:
        return bool(self.draw(st.integers(0, one_in - 1)) == one_in - 1)

    def _name(self, letter: str) -> str:
        self.names += 1
        return f"{letter}{self.names}"

    def _add(self, node: Node) -> str:
        self.nodes.append(node)
        return node.target

    # A tensor and what reads it.

    def _grow(self, source: str, seen: list[Seen], depth: int) -> None:
        """One or two readers of a tensor, each a hidden layer with all above it, or an output."""
        for _ in range(2 if self._chance(6) else 1):
            if depth:
                self._hidden(source, seen, depth)
            else:
                self._output(source, seen)

    def _output(self, source: str, seen: list[Seen]) -> None:
        units = self.draw(st.integers(1, 2))
        rows = [self._random_row(seen) for _ in range(units)]
        name = self._dense(source, seen, rows, [])
        if self._chance(5):
            name = self._add(Activate(name, self._name("a"), (RELU,) * units))
        elif self._chance(5):
            name = self._add(Head(name, self._name("s"), "softmax"))
        self.outputs.append(name)

    def _around(self, name: str, seen: list[Seen]) -> tuple[str, list[Seen]]:
        """Perhaps an element-wise node, which keeps the tensor as it is, or a reordering, which does not."""
        units = len(seen)
        if self._chance(10):
            name = self._add(Scale(name, self._name("m"), (rational(2),) * units))
            seen = _themselves(units)
        elif self._chance(8):
            name = self._add(Reorder(name, self._name("r"), None, (1, units)))
            name = self._add(Reorder(name, self._name("r"), (1, 0), (units,)))
        return name, seen

    # One hidden layer.

    def _hidden(self, source: str, seen: list[Seen], depth: int) -> None:
        functions, plan = self._plan(seen)
        order = self.draw(st.permutations(range(len(plan))))
        plan = [plan[i] for i in order]
        function = [functions[i] for i in order]
        affine = [] if any(isinstance(row, dict) for row, _ in plan) else self._affine(len(plan))
        name = self._dense(source, seen, [row for row, _ in plan], affine)
        dense = name
        for node in affine:
            name = self._add(replace(node, source=name, target=self._name("e")))
        linear = all(f == IDENTITY for f in function)
        if not linear or self._chance(3):
            name = self._add(Activate(name, self._name("a"), tuple(function)))
        after = [self._after(thing, f, row) for (row, thing), f in zip(plan, function, strict=True)]
        kept = False
        if self._chance(12):
            self.outputs.append(name)
            kept = True
        above, around = self._around(name, after)
        if kept or around is not after:
            around = _themselves(len(after))
        else:
            self.widths[dense] = len({thing.k for thing in after if thing.k is not None})
        self._grow(above, around, depth - 1)

    def _plan(self, seen: list[Seen]) -> tuple[list[Activation], list[tuple[Row | SparseRow, Seen]]]:
        """The units of a layer: classes with ratios, constants, dead ones, and ones that nothing will read."""
        opaque = self.draw(OPAQUE) if self._chance(6) else None
        function = opaque or leaky_relu(self.draw(self.kind.slopes))
        functions: list[Activation] = []
        plan: list[tuple[Row | SparseRow, Seen]] = []
        for k in range(self.draw(st.integers(0, 3))):
            if opaque is None and self._chance(6):
                function = leaky_relu(self.draw(self.kind.slopes))
            wild = self._chance(4)
            row = self._wild_row(seen) if wild else self._planted_row(seen)
            for c in [ONE, *self.draw(st.lists(self.kind.ratios, max_size=3))]:
                c = c if function.scales else ONE
                c = -c if function.signed and self._chance(3) else c
                c = power_of_two(self.draw(st.integers(-2, 2))) if wild and function.scales else c
                plan.append((_scaled(row, c), Seen(k, function.scaling(c))))
                functions.append(function)
        for _ in range(self.draw(st.integers(0, 2)) or (not plan)):
            bias = ZERO if function.slope is None else self.draw(_small)
            plan.append((({}, bias), Seen(None, ZERO)))
            functions.append(function)
        for _ in range(self.draw(st.integers(0, 1))):
            plan.append((self._wild_row(seen), UNREAD))
            functions.append(function)
        return functions, plan

    def _after(self, thing: Seen, function: Activation, row: Row | SparseRow) -> Seen:
        """What a planned unit is after its activation."""
        if thing.k is not None or thing == UNREAD:
            return thing
        assert isinstance(row, tuple)
        return Seen(-1, ONE) if function.name == "softplus" else Seen(None, function(row[1]))

    def _planted_row(self, seen: list[Seen]) -> Row:
        planted = sorted({thing.k for thing in seen if thing.k is not None})
        return {k: self.draw(_small) for k in planted}, self.draw(_small)

    def _random_row(self, seen: list[Seen]) -> Row | SparseRow:
        return self._wild_row(seen) if self._chance(2) else self._planted_row(seen)

    def _wild_row(self, seen: list[Seen]) -> SparseRow:
        """Weights on the units themselves, the bias at -1."""
        weights = _floats if self.kind.dtype == "float32" else self.kind.weights
        row = {u: self.draw(weights) for u, thing in enumerate(seen) if thing != UNREAD}
        row[-1] = self.draw(weights)
        return row

    def _affine(self, units: int) -> list[Scale | Shift]:
        """Element-wise nodes between the weights and the activation."""
        found: list[Scale | Shift] = []
        if self._chance(8):
            found.append(Scale("", "", tuple(self.draw(st.sampled_from([1, 2, -4])) * ONE for _ in range(units))))
        if self._chance(8):
            found.append(Shift("", "", tuple(self.draw(_small) for _ in range(units))))
        return found

    def _dense(
        self, source: str, seen: list[Seen], rows: Sequence[Row | SparseRow], affine: Sequence[Scale | Shift]
    ) -> str:
        weights: list[SparseRow] = []
        biases: list[Rational] = []
        for v, row in enumerate(rows):
            spread, bias = (row, row[-1]) if isinstance(row, dict) else self._spread(seen, row)
            for node in reversed(affine):
                if isinstance(node, Shift):
                    bias = bias - node.constant[v]
                else:
                    spread, bias = _scaled(spread, ONE / node.factor[v]), bias / node.factor[v]
            weights.append({u: w for u, w in spread.items() if u >= 0})
            biases.append(bias)
        return self._add(Dense(source, self._name("d"), Matrix.from_rows(weights, len(seen)), tuple(biases)))

    def _spread(self, seen: list[Seen], row: Row) -> tuple[SparseRow, Rational]:
        """Weights on the units below whose sum is a planted row, and the bias."""
        target, bias = row
        found: SparseRow = {}
        for k, total in target.items():
            units = [u for u, thing in enumerate(seen) if thing.k == k]
            pivot = next(u for u in units if fits(ONE / seen[u].factor, "float32"))
            for u in units:
                if u != pivot:
                    found[u] = self.draw(_small)
                    total = total - found[u] * seen[u].factor
            found[pivot] = total / seen[pivot].factor
        for u, thing in enumerate(seen):
            if thing.k is None and thing != UNREAD:
                found[u] = self.draw(_small)
                bias = bias - found[u] * thing.factor
        return found, bias


def _themselves(units: int) -> list[Seen]:
    return [Seen(u, ONE) for u in range(units)]


def _scaled(row: Any, c: Rational) -> Any:
    if isinstance(row, tuple):
        return {k: c * w for k, w in row[0].items()}, c * row[1]
    return {u: c * w for u, w in row.items()}


def with_float_arrays(network: Network) -> Network:
    """The same network with its matrices kept as arrays of float32, as a reader of files would keep them."""
    nodes = []
    for node in network.nodes:
        if isinstance(node, Dense):
            rows, columns = node.weight.shape
            array = np.zeros((rows, columns), np.float32)
            for v in range(rows):
                for u, w in node.weight.row(v).items():
                    assert fits(w, "float32"), w
                    array[v, u] = float(w.numerator) / float(w.denominator)
            node = replace(node, weight=Matrix.from_floats(array))
        nodes.append(node)
    return replace(network, nodes=tuple(nodes))


@st.composite
def networks(draw: Draw, weights: Sequence[int] = (0, 1, -1, 2), depth: int = 3, width: int = 3) -> Network:
    """Any small network: nodes of all kinds in any order, branches, several inputs and outputs; integer weights."""
    weight = st.sampled_from(weights).map(rational)
    ports = tuple(Port(f"x{i}", (draw(st.integers(1, width)),)) for i in range(draw(st.integers(1, 2))))
    sizes = {port.name: port.shape[0] for port in ports}
    shapes: dict[str, tuple[int, ...]] = {port.name: port.shape for port in ports}
    nodes: list[Node] = []
    for i in range(draw(st.integers(1, 4 * depth))):
        source = draw(st.sampled_from([*sizes][-3:]))
        units = sizes[source]
        kind = draw(
            st.sampled_from(["dense", "dense", "relu", "relu", "function", "scale", "shift", "reorder", "head"])
        )
        node = draw(_node(kind, source, f"t{i}", units, shapes[source], weight, width))
        nodes.append(node)
        sizes[node.target] = len(node.bias) if isinstance(node, Dense) else units
        shapes[node.target] = Network(ports, tuple(nodes), (node.target,)).shapes[node.target]
    names = [node.target for node in nodes]
    outputs = draw(st.lists(st.sampled_from(names), min_size=1, max_size=2, unique=True))
    outputs = list(dict.fromkeys([*outputs, names[-1]]))
    return Network(ports, tuple(nodes), tuple(outputs))


@st.composite
def _node(
    draw: Draw, kind: str, source: str, target: str, units: int, shape: tuple[int, ...], weight: Any, width: int
) -> Node:
    if kind == "dense":
        rows = [{u: draw(weight) for u in range(units)} for _ in range(draw(st.integers(1, width)))]
        return Dense(source, target, Matrix.from_rows(rows, units), tuple(draw(weight) for _ in rows))
    if kind == "relu":
        return Activate(source, target, (RELU,) * units)
    if kind == "function":
        some = st.sampled_from(
            [RELU, IDENTITY, ABS, leaky_relu(rational(2)), Activation("tanh"), Activation("sigmoid")]
        )
        return Activate(source, target, tuple(draw(some) for _ in range(units)))
    if kind == "scale":
        return Scale(source, target, tuple(draw(weight) for _ in range(units)))
    if kind == "shift":
        return Shift(source, target, tuple(draw(weight) for _ in range(units)))
    if kind == "reorder":
        if len(shape) == 2:
            return Reorder(source, target, (1, 0), (units,))
        return Reorder(source, target, None, draw(st.sampled_from([(units, 1), (1, units), (units,)])))
    return Head(source, target, "softmax")


def relu_chain(*layers: tuple[Sequence[Sequence[Any]], Sequence[Any]], functions: Sequence[Activation] = ()) -> Network:
    """A chain of Dense nodes with ReLU (or `functions`, one a layer) between them; rows of integers or texts `p/q`."""
    nodes: list[Node] = []
    source, columns = "x", len(layers[0][0][0])
    inputs = (Port("x", (columns,)),)
    for i, (rows, bias) in enumerate(layers, start=1):
        weight = Matrix.from_rows([{u: rational(w) for u, w in enumerate(row)} for row in rows], columns)
        nodes.append(Dense(source, f"d{i}", weight, tuple(rational(b) for b in bias)))
        source, columns = f"d{i}", len(rows)
        if i < len(layers):
            function = functions[i - 1] if functions else RELU
            nodes.append(Activate(source, f"h{i}", (function,) * columns))
            source = f"h{i}"
    return Network(inputs, tuple(nodes), (source,))


def permuted(network: Network, orders: Mapping[str, Sequence[int]]) -> Network:
    """The same network, the units of some tensors in another order; a tensor's readers follow it."""
    nodes: list[Node] = []
    for node in network.nodes:
        order = orders.get(node.target)
        below = orders.get(node.source)
        if isinstance(node, Dense):
            place = {u: i for i, u in enumerate(below)} if below else None
            rows = [node.weight.row(v) for v in order or range(len(node.bias))]
            rows = [{place[u] if place else u: w for u, w in row.items()} for row in rows]
            bias = tuple(node.bias[v] for v in order or range(len(node.bias)))
            node = replace(node, weight=Matrix.from_rows(rows, node.weight.shape[1]), bias=bias)
        elif isinstance(node, Activate) and order:
            node = replace(node, functions=tuple(node.functions[v] for v in order))
        nodes.append(node)
    return replace(network, nodes=tuple(nodes))


def show(network: Network) -> str:
    """The network as text, for failing examples."""
    lines = [f"inputs {[(p.name, p.shape) for p in network.inputs]} outputs {network.outputs} {network.dtype}"]
    for node in network.nodes:
        head = f"  {node.target} = {type(node).__name__}({', '.join(node.reads)})"
        if isinstance(node, Dense):
            rows = [{u: str(w) for u, w in node.weight.row(v).items()} for v in range(node.weight.shape[0])]
            head += f" {rows} + {[str(b) for b in node.bias]}"
        elif isinstance(node, Activate):
            head += f" {[str(f) for f in node.functions]}"
        elif isinstance(node, Scale):
            head += f" {[str(f) for f in node.factor]}"
        elif isinstance(node, Shift):
            head += f" {[str(f) for f in node.constant]}"
        elif isinstance(node, Reorder):
            head += f" {node.axes} {node.shape}"
        elif isinstance(node, Select):
            head += f" {node.picks}"
        lines.append(head)
    return "\n".join(lines)
