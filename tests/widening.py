# SPDX-License-Identifier: Apache-2.0
"""This file is about planting redundancy in every hidden layer of a network, without changing its function.

Tensors that are tied unit by unit (by activations, pools, sums, ...) form a *stream*.  A stream is widened as a whole:
its units become a list of *entries*, in a random order.  An entry is a copy of a unit, times a power of two where all
functions allow that, or one of the units that no output needs:

    zero      a row of zeros, bias 0                     free      any row; nothing but free units reads it
    negative  a row of zeros, a bias below 0             constant  a row of zeros, a bias above 0

The weight on a unit is split into parts for its copies, drawn afresh for each row: powers of two times the weight, so
that the parts are floats if the weight is one.  What a constant adds is taken from the bias above; next to padding
nothing reads it.  Units that are always 0 are read by anybody.

Streams with an input, an output or a head, and such as are read as images, stay as they are.
Throughout: v, u units; j entries; t a tap or a position; S a stream, named by its first tensor.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from exactlump.errors import NoExactValue
from exactlump.network.kinds import (
    Activate,
    AveragePool,
    Conv,
    Dense,
    Node,
    Pad,
    Reorder,
    Scale,
    Select,
    Shift,
)
from exactlump.network.layers import anchors
from exactlump.network.program import Network
from exactlump.numbers.floats import FLOAT_TYPES, fits
from exactlump.numbers.matrix import Matrix
from exactlump.numbers.rational import ONE, ZERO, Rational, fraction, rational
from tests.streams import frozen, is_depthwise, origins, padded, scalable, streams, wider

# How many copies a unit gets; the ratios of copies beyond the first; and, by number of copies, the parts of a weight.
COPIES = (1, 1, 2, 2, 3)
RATIOS = (0.25, 0.5, 2, 4)
PARTS = {
    1: ((1,),),
    2: ((0.5, 0.5), (2, -1), (-1, 2), (1, 0), (0, 1)),
    3: ((0.5, 0.25, 0.25), (1, 1, -1), (2, -0.5, -0.5), (-2, 4, -1), (0.25, 0.5, 0.25), (0, 0, 1)),
}
KINDS = ("zero", "negative", "constant", "free")
# At most so many constants are read by one row, each for half of the bias that is left.
MOST_CONSTANTS = 4

Array = NDArray[Any]


class Entry(NamedTuple):
    """A unit of a widened stream: ratio times a unit; or of one of the KINDS, with the functions of a unit."""

    unit: int
    ratio: Rational = ONE
    kind: str = "copy"


def widen(network: Network, seed: int = 0) -> Network:
    """The same function, every hidden layer wider; weights and biases are numbers of the network's type again."""
    return _Widener(network, random.Random(seed), np.random.default_rng(seed)).run()


@dataclass
class _Widener:
    network: Network
    rng: random.Random
    dice: np.random.Generator
    stream: dict[str, str] = field(default_factory=dict)
    entries: dict[str, list[Entry]] = field(default_factory=dict)
    # What each entry of a tensor is at every input and position; None: it is no known constant.
    values: dict[str, list[Rational | None]] = field(default_factory=dict)

    def run(self) -> Network:
        net = self.network
        self.stream = streams(net)
        self.frozen = frozen(net, self.stream)
        self.scalable = scalable(net, self.stream, [rational(c) for c in RATIOS])
        self.padded, self.anchored = padded(net, self.stream), anchors(net)
        for port in net.inputs:
            self._keep(port.name)
        nodes = tuple(self._node(node) for node in net.nodes)
        return replace(net, nodes=nodes, notes=(), specification="as stored")

    def of(self, tensor: str) -> list[Entry]:
        return self.entries[self.stream[tensor]]

    def _keep(self, tensor: str) -> None:
        self.entries.setdefault(self.stream[tensor], [Entry(v) for v in range(self.network.units(tensor))])
        self.values[tensor] = [None] * len(self.of(tensor))

    def _node(self, node: Node) -> Node:
        """The node over entries; the entries of its target, if its stream has none yet, and their values."""
        stream = self.stream[node.target]
        if stream in self.frozen:
            self._keep(node.target)
        elif stream not in self.entries:
            self.entries[stream] = self._derived(node) if isinstance(node, Select | Reorder) else self._fresh(node)
        new = self._mixing(node) if isinstance(node, Dense | Conv) else self._unitwise(node)
        values = [None if e.kind == "copy" else self._value(new, j) for j, e in enumerate(self.of(node.target))]
        if stream in self.padded and node.target in self.anchored:
            values = [value if value == 0 else None for value in values]
        self.values[node.target] = values
        return new

    # Entries.

    def _fresh(self, node: Node) -> list[Entry]:
        """One to three copies of each unit, and units that are not needed."""
        tensor, stream = node.target, self.stream[node.target]
        units = self.network.units(tensor)
        found = []
        for v in range(units):
            ratios = [1.0] * (self.rng.choice(COPIES) - 1)
            if self.scalable[stream][v] and self.rng.random() < 0.8:
                ratios = self.rng.sample(RATIOS, len(ratios))
            ratios = [c if self._fitting(stream, v, c) else 1 for c in ratios]
            found += [Entry(v, rational(c)) for c in (1, *ratios)]
        spare = (*KINDS, *(self.rng.choice(KINDS) for _ in range(units // 16)))
        found += [Entry(self.rng.randrange(units), ONE, kind) for kind in spare]
        self.rng.shuffle(found)
        return found

    def _fitting(self, stream: str, v: int, ratio: float) -> bool:
        """Whether the numbers of a unit may be multiplied by a ratio, everywhere in its stream."""
        if self.network.dtype not in FLOAT_TYPES:
            return True
        numbers: list[Rational] = []
        for node in self.network.nodes:
            if self.stream[node.target] == stream and isinstance(node, Dense | Conv):
                numbers += [node.bias[v], *node.weight.row(v).values()]
            elif self.stream[node.target] == stream and isinstance(node, Shift):
                numbers.append(node.constant[v])
        return all(self._fits(rational(ratio) * w) or not self._fits(w) for w in numbers)

    def _fits(self, value: Rational) -> bool:
        return self.network.dtype not in FLOAT_TYPES or fits(value, self.network.dtype)

    def _derived(self, node: Select | Reorder) -> list[Entry]:
        """The entries that follow from those of the sources: of a selection, or of images that are taken apart."""
        if isinstance(node, Select):
            return [entry for entry, _ in self._picks(node)]
        view = self.network.views[node.source]
        old = {part: i for i, part in enumerate(origins(node, view))}
        wide = origins(node, wider(view, len(self.of(node.source))))
        below = self.of(node.source)
        return [below[j]._replace(unit=old[below[j].unit, p]) for j, p in wide]

    def _picks(self, node: Select) -> list[tuple[Entry, tuple[int, int]]]:
        """The entries of a selection, and what each of them picks; in the same order every time."""
        found = []
        for v, (i, u) in enumerate(node.picks):
            for j, entry in enumerate(self.of(node.sources[i])):
                if entry.unit == u:
                    found.append((entry._replace(unit=v), (i, j)))
        return found

    # Nodes that act unit by unit.

    def _unitwise(self, node: Node) -> Node:
        entries = self.of(node.target)
        if isinstance(node, Scale):
            return replace(node, factor=tuple(node.factor[e.unit] if e.kind == "copy" else ONE for e in entries))
        if isinstance(node, Shift):
            shifts = (node.constant[e.unit] * e.ratio if e.kind == "copy" else ZERO for e in entries)
            return replace(node, constant=tuple(shifts))
        if isinstance(node, Activate):
            return replace(node, functions=tuple(node.functions[e.unit] for e in entries))
        if isinstance(node, Reorder | Select):
            view = self.network.views[node.target]
            wide = wider(view, len(entries)).shape if len(entries) != view.units else view.shape
            node = replace(node, shape=wide)
        if isinstance(node, Select):
            return replace(node, picks=tuple(pick for _, pick in self._picks(node)))
        return node

    def _value(self, node: Node, j: int) -> Rational | None:
        """What an entry is at every input and position, if the node's sources say so."""
        if isinstance(node, Dense | Conv):
            return self._mixed(node, j)
        if isinstance(node, Select):
            i, u = node.picks[j]
            return self.values[node.sources[i]][u]
        if isinstance(node, Reorder) and not node.keeps_units(self.network.views[node.source]):
            view = self.network.views[node.source]
            return self.values[node.source][origins(node, wider(view, len(self.of(node.source))))[j][0]]
        below = [self.values[name][j] for name in node.reads]
        if None in below:
            return None
        return _constant(node, j, below)

    def _mixed(self, node: Dense | Conv, j: int) -> Rational | None:
        """A row that reads nothing but units of known values, and these without padding."""
        span = node.window.taps if isinstance(node, Conv) else 1
        total = node.bias[j]
        for column, w in node.weight.row(j).items():
            u, t = divmod(column, span)
            value = self.values[node.source][u]
            if value is None or (value and isinstance(node, Conv) and node.window.pads(t)):
                return None
            total += w * value
        return total

    # Nodes that mix units.

    def _mixing(self, node: Dense | Conv) -> Node:
        below, above = self.of(node.source), self.of(node.target)
        span = node.window.taps if isinstance(node, Conv) else 1
        array = _array(node.weight).reshape(len(node.bias), -1, span)
        if self.stream[node.source] == self.stream[node.target] and below == above and is_depthwise(node):
            return self._filters(node, array)
        wide = np.zeros((len(above), len(below), span), array.dtype) + _number(ZERO, array)
        self._split(array, wide, below, above)
        known = [None if below[j].kind == "copy" else value for j, value in enumerate(self.values[node.source])]
        bias = [self._bias(node, wide, j, entry, known) for j, entry in enumerate(above)]
        self._read_zeros(wide, above, known)
        self._free(wide, above, below)
        return replace(node, weight=_matrix(wide.reshape(len(above), -1), node.weight), bias=tuple(bias))

    def _filters(self, node: Conv, array: Array) -> Node:
        """A depthwise convolution stays one: each entry reads itself."""
        entries, (_, _, span) = self.of(node.target), array.shape
        rows = [
            {j * span + t: node.weight.entry(e.unit, e.unit * span + t) for t in range(span)}
            for j, e in enumerate(entries)
        ]
        bias = tuple(node.bias[e.unit] * e.ratio if e.kind == "copy" else ZERO for e in entries)
        return replace(node, weight=Matrix.from_rows(rows, len(entries) * span), bias=bias)

    def _split(self, array: Array, wide: Array, below: Sequence[Entry], above: Sequence[Entry]) -> None:
        """The weights of copies on copies: for each unit below, parts of it on all of its copies."""
        rows = [j for j, entry in enumerate(above) if entry.kind == "copy"]
        ratios = _vector([above[j].ratio for j in rows], array)[:, None]
        copies: dict[int, list[int]] = {}
        for j, entry in enumerate(below):
            if entry.kind == "copy":
                copies.setdefault(entry.unit, []).append(j)
        for u, own in copies.items():
            own.sort(key=lambda j: below[j].ratio != 1)
            weights = array[[above[j].unit for j in rows], u] * ratios
            parts = self._parts_of(weights, [below[j].ratio for j in own])
            for j, part in zip(own, parts, strict=True):
                wide[rows, j] = part

    def _parts_of(self, weights: Array, ratios: Sequence[Rational]) -> list[Array]:
        """Arrays whose sum, weighted by the ratios, is the weights: floats where these are; the first ratio is 1."""
        choices = PARTS[len(ratios)] if len(ratios) in PARTS else ((1,) + (0,) * (len(ratios) - 1),)
        chosen = self.dice.integers(len(choices), size=weights.shape)
        table = np.array(choices, float)[chosen]
        parts = [weights * _vector(table[..., i], weights) / _number(c, weights) for i, c in enumerate(ratios)]
        if len(ratios) > 1:
            # Zeros too are sums: of a number and what it takes to cancel it.
            zeros = (weights == 0) & (self.dice.random(weights.shape) < 0.1)
            parts[0] = np.where(zeros, _number(ONE / 8, weights), parts[0])
            parts[1] = np.where(zeros, _number(-ONE / 8 / ratios[1], weights), parts[1])
        if weights.dtype != object and self.network.dtype in ("float32", "float64"):
            lost = np.any([p.astype(self.network.dtype) != p for p in parts], axis=0)
            parts = [np.where(lost, weights if i == 0 else 0, p) for i, p in enumerate(parts)]
        return parts

    def _bias(
        self, node: Dense | Conv, wide: Array, j: int, entry: Entry, known: Sequence[Rational | None]
    ) -> Rational:
        """The bias of an entry; of a copy, what the constants it reads leave of it: they are given weights here."""
        if entry.kind != "copy":
            return {"zero": ZERO, "negative": -ONE, "constant": ONE / 2, "free": ONE}[entry.kind]
        bias = node.bias[entry.unit] * entry.ratio
        constants = [] if self.stream[node.source] in self.padded else [u for u, k in enumerate(known) if k]
        for u in self.rng.sample(constants, min(len(constants), MOST_CONSTANTS)):
            weight = (bias or ONE / 4) / (2 * known[u])
            rest = bias - weight * known[u]
            if self._fits(weight) and self._fits(rest):
                wide[j, u, self.rng.randrange(wide.shape[2])] = _number(weight, wide)
                bias = rest
        return bias

    def _read_zeros(self, wide: Array, above: Sequence[Entry], known: Sequence[Rational | None]) -> None:
        """Any weights on units that are always 0."""
        zeros = [u for u, value in enumerate(known) if value is not None and not value]
        wide[:, zeros] = self._any((len(above), len(zeros), wide.shape[2]), wide)

    def _free(self, wide: Array, above: Sequence[Entry], below: Sequence[Entry]) -> None:
        """Any weights in the rows of free units."""
        free = [j for j, entry in enumerate(above) if entry.kind == "free"]
        wide[free] = self._any((len(free), len(below), wide.shape[2]), wide)

    def _any(self, shape: tuple[int, ...], like: Array) -> Array:
        """Small dyadic numbers."""
        return _vector(self.dice.integers(-4, 5, shape) / 8, like)


# Values, and arrays: of float64, where powers of two times float32 numbers are exact, or of rationals.


def _constant(node: Node, j: int, below: Sequence[Rational]) -> Rational | None:
    """What a node that acts unit by unit makes of constants; next to padding they are none."""
    value = below[0]
    if isinstance(node, Activate):
        try:
            return node.functions[j](value)
        except NoExactValue:
            return None
    if isinstance(node, Pad | AveragePool) and value:
        return None if isinstance(node, Pad) or node.padding else value
    if isinstance(node, Scale):
        return value * node.factor[j]
    if isinstance(node, Shift):
        return value + node.constant[j]
    signs = getattr(node, "signs", (1,) * len(below))
    return sum((sign * k for sign, k in zip(signs, below, strict=True)), ZERO)


def _array(weight: Matrix) -> Array:
    if weight.floats is not None:
        return weight.floats.astype(np.float64)
    found = np.full(weight.shape, ZERO, object)
    for v in range(weight.shape[0]):
        for u, w in weight.row(v).items():
            found[v, u] = w
    return found


def _matrix(array: Array, like: Matrix) -> Matrix:
    if like.floats is not None:
        floats = array.astype(like.floats.dtype)
        assert (floats == array).all(), "a weight does not fit"
        return Matrix.from_floats(floats)
    return Matrix.from_rows([{u: w for u, w in enumerate(row) if w} for row in array], array.shape[1])


def _number(value: Rational, like: Array) -> Any:
    top, bottom = fraction(value)
    return value if like.dtype == object else top / bottom


def _vector(values: Any, like: Array) -> Array:
    array = np.asarray(values)
    if like.dtype == object:
        return np.vectorize(lambda w: rational(w) if isinstance(w, float | int) else w, otypes=[object])(array)
    return np.array([float(w) for w in array.ravel()]).reshape(array.shape) if array.dtype == object else array
