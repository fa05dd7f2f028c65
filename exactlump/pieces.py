# SPDX-License-Identifier: Apache-2.0
"""This file is about writing the exact quotient Q in one type of number, without rounding.

Sums of float weights seldom fit the float type again, but they are sums of a few floats.  So a class of m
neurons becomes c <= m *copies* of its representative, whose outgoing weights are the pieces of the exact sums;
the pieces of a bias become additions (T10).  The result N' is larger than Q by those copies, and simulates it.
What fits in no way is reported as a `Misfit`, and the quotient is taken again without that merge.

Throughout: k a class (unit of Q), m its members in N; a *place* is a unit of N'.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from exactlump import floats
from exactlump.anchors import anchors, layer
from exactlump.errors import CannotWrite
from exactlump.network import Activate, Dense, Network, Node, Scale, Shift
from exactlump.quotient import Step
from exactlump.rational import ONE, ZERO, Matrix, Rational, SparseRow, decimal_text, text
from exactlump.simulation import Affine, Relation, entry

# The exact sum of floats that a number is, or None when it is none; no floats for zero.
Splitter: TypeAlias = Callable[[Rational], tuple[Rational, ...] | None]


def splitter(dtype: str) -> Splitter:
    """How numbers are written: "exact", "decimal" (terminating), or a float type, where sums are allowed."""
    if dtype == "exact":
        return lambda value: (value,) if value else ()
    if dtype == "decimal":
        return lambda value: (None if decimal_text(value) is None else (value,)) if value else ()
    return lambda value: floats.pieces(value, dtype)


@dataclass(frozen=True, slots=True)
class Place:
    """A unit of N': class k times `ratio`; `origin` is a neuron of N with exactly this row, if there is one."""

    k: int
    ratio: Rational
    origin: int | None


@dataclass(frozen=True, slots=True)
class Misfit:
    """What stood in the way; the next quotient does without it.

    apart     members of classes that cannot be written merged
    unfolded  constants whose sum with a bias cannot be written
    fused     (linear layer, the kept tensor it reads or None): products of weights that cannot be written
    split     members of classes that cannot be written merged below layers that stay fused
    """

    apart: frozenset[tuple[str, int]] = frozenset()
    unfolded: frozenset[tuple[str, int]] = frozenset()
    fused: frozenset[tuple[str, str | None]] = frozenset()
    split: frozenset[tuple[str, int]] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.apart or self.unfolded or self.fused)


@dataclass(frozen=True, slots=True)
class Written:
    """N' and its simulation to Q, and per tensor how many copies and original neurons stand for merged classes.

    copies[tensor]    places beyond the first, of classes written as copies
    declined[tensor]  places beyond the first, of classes whose members are all written
    """

    network: Network
    simulation: Mapping[str, Relation]
    copies: Mapping[str, int]
    declined: Mapping[str, int]


def write_in(
    dtype: str, original: Network, quotient: Step, derived: Collection[str], copied: Collection[str]
) -> Written | Misfit:
    """Q in numbers of one type, or what cannot be written.

    derived  linear layers of the original that are fused in Q
    copied   kept tensors, read by a fused layer, that may be copied by an identity Dense node of their own
    """
    return _Writer(dtype, original, quotient, derived, copied).write()


@dataclass(slots=True)
class _Layer:
    """A layer of Q on its way to N': its places, and for each its row over the classes below, and then over places."""

    places: list[Place]
    rows: list[SparseRow] = field(default_factory=list)
    weights: list[dict[int, Rational]] = field(default_factory=list)
    copies: int = 0
    declined: int = 0


# An anchored tensor whose Dense node reads the tensor at hand, and its layer.
Reader: TypeAlias = tuple[str, _Layer]
# The weights of one row on the places of one class.
Parts: TypeAlias = tuple[Rational, ...]


class _Writer:
    def __init__(
        self, dtype: str, original: Network, quotient: Step, derived: Collection[str], copied: Collection[str]
    ) -> None:
        self.dtype, self.split = dtype, splitter(dtype)
        self.original, self.q, self.simulation = original, quotient.network, quotient.simulation
        self.derived, self.copied = derived, copied
        self.anchored = anchors(self.q)
        self.members = {tensor: _members(self.q, tensor, self.simulation) for tensor in self.anchored}
        self.layers: dict[str, _Layer] = {}
        self.sources: dict[str, str] = {}
        self.apart: set[tuple[str, int]] = set()
        self.unfolded: set[tuple[str, int]] = set()
        self.fused: set[tuple[str, str | None]] = set()
        self.halved: set[tuple[str, int]] = set()

    def write(self) -> Written | Misfit:
        """Decide from the outputs downwards, over the rows actually written; then build upwards."""
        for tensor in reversed(self.anchored):
            self._decide(tensor)
        misfit = Misfit(frozenset(self.apart), frozenset(self.unfolded), frozenset(self.fused), frozenset(self.halved))
        return misfit or self._build()

    # Deciding: how many places each class gets, and what stands in the columns above them.

    def _decide(self, tensor: str) -> None:
        """Places for the classes of one tensor; the rows of all layers that read it are already known."""
        new = self.layers[tensor] = _Layer([])
        kept = self.anchored[tensor] is not None
        readers = self._readers(tensor)
        columns = [_transposed(above.rows, self.q.units(tensor)) for _, above in readers]
        for k in range(self.q.units(tensor)):
            places, chosen = self._column(tensor, k, readers, [column[k] for column in columns], kept)
            for (_, above), column in zip(readers, chosen, strict=True):
                for i, parts in column.items():
                    above.weights[i].update({len(new.places) + j: w for j, w in enumerate(parts) if w})
            new.places.extend(places)
            if len(places) > 1 and places[0] == places[1]:
                new.copies += len(places) - 1
            else:
                new.declined += len(places) - 1
        dense = self._dense(tensor)
        if dense is not None:
            self._rows(tensor, dense, new, kept)

    def _rows(self, tensor: str, dense: Dense, new: _Layer, kept: bool) -> None:
        """The rows of the Dense node below a tensor, one a place, over the classes below."""
        for p in _units(dense) if kept else new.places:
            new.rows.append({k: p.ratio * w for k, w in dense.weight.row(p.k).items()})
            new.weights.append({})
            if self.split(p.ratio * dense.bias[p.k]) is None:
                self._blame_bias(tensor, p.k, p.ratio * dense.bias[p.k])

    def _column(
        self, tensor: str, k: int, readers: Sequence[Reader], columns: Sequence[SparseRow], kept: bool
    ) -> tuple[list[Place], list[dict[int, Parts]]]:
        """The places of class k, and per reader and row the weights on them; what does not fit is blamed."""
        members = self.members[tensor][k]
        split = [{i: self.split(w) for i, w in column.items()} for column in columns]
        origin = next((v for v, ratio in members.items() if ratio == 1), None)
        if all(parts is not None for column in split for parts in column.values()):
            whole = [{i: parts or () for i, parts in column.items()} for column in split]
            copies = max((len(parts) for column in whole for parts in column.values()), default=1)
            if copies <= len(members) or (tensor in self.copied and not self._misplaced(readers)):
                return [Place(k, ONE, origin)] * copies, whole
        if not kept and (originals := self._original_columns(tensor, k, readers, columns)):
            return [Place(k, ratio, v) for v, ratio in members.items()], originals
        if len(members) > 1:
            fused = {(name, None) for above, _ in readers for name in self._fused_in(above)}
            self.fused |= fused
            (self.halved if fused else self.apart).update((tensor, v) for v in members)
        else:
            self._blame_rows(tensor, k, readers, split)
        return [Place(k, ONE, origin)], [{} for _ in columns]

    def _misplaced(self, readers: Sequence[Reader]) -> bool:
        """Whether some reader of a kept tensor is not a fused layer (then copying would be no gain)."""
        return not all(self._fused_in(above) for above, _ in readers)

    def _original_columns(
        self, tensor: str, k: int, readers: Sequence[Reader], columns: Sequence[SparseRow]
    ) -> list[dict[int, Parts]] | None:
        """The original weights on all members of class k, if every row above is an original neuron's row."""
        members = self.members[tensor][k]
        if any(not isinstance(n, Dense | Activate) for n in layer(self.q, tensor, self.anchored)):
            return None
        found = []
        for (name, above), column in zip(readers, columns, strict=True):
            dense = self._original_dense(name)
            origins = [p.origin for p in above.places]
            if dense is None or None in origins:
                return None
            parts = {
                i: tuple(dense.weight.entry(v, u) for u in members) for i, v in enumerate(origins) if v is not None
            }
            for i, weights in parts.items():
                total = sum((w * ratio for w, ratio in zip(weights, members.values(), strict=True)), ZERO)
                if total != column.get(i, ZERO) or any(len(self.split(w) or (w, w)) > 1 for w in weights if w):
                    return None
            found.append(parts)
        return found

    def _original_dense(self, tensor: str) -> Dense | None:
        """The original's Dense node right below an anchored tensor, if nothing but an activation is between them."""
        node = self.original.producer[tensor]
        if isinstance(node, Activate):
            node = self.original.producer.get(node.source, node)
        if self._fused_in(tensor) or not isinstance(node, Dense):
            return None
        return node

    # Blaming: what the next quotient must do without.

    def _blame_rows(
        self, tensor: str, k: int, readers: Sequence[Reader], columns: Sequence[Mapping[int, Parts | None]]
    ) -> None:
        """A column of an unmerged class does not fit: its rows are products (fused), or of another scale (merged)."""
        for (name, above), column in zip(readers, columns, strict=True):
            for i, parts in column.items():
                if parts is None or len(parts) > 1:
                    self._blame(name, above.places[i].k if i < len(above.places) else i, tensor, above.rows[i][k])

    def _blame_bias(self, tensor: str, k: int, bias: Rational) -> None:
        """A bias does not fit: because of the constants folded into it, or else of the row's scale."""
        constants = {
            (node.source, u)
            for node in self._original_layer(tensor)
            if node.source in self.simulation
            for u, row in enumerate(self.simulation[node.source].rows)
            if isinstance(row, Affine) and not row.terms and row.plus
        }
        if constants:
            self.unfolded |= constants
        else:
            self._blame(tensor, k, None, bias)

    def _blame(self, tensor: str, k: int, below: str | None, value: Rational) -> None:
        fused = self._fused_in(tensor)
        members = self.members[tensor][k] if k < len(self.members[tensor]) else {}
        if fused:
            copyable = below if below is not None and self.anchored[below] is not None else None
            self.fused.update((name, copyable) for name in fused)
        elif len(members) > 1:
            self.apart.update((tensor, v) for v in members)
        else:
            raise CannotWrite(
                f"tensor {tensor!r}, unit {k}: found {text(value)[:60]}, expected a number of type {self.dtype}; "
                "a .json file holds any rational"
            )

    # The structure of Q and N around a tensor.

    def _readers(self, tensor: str) -> list[Reader]:
        """The anchored tensors whose Dense node reads this one, with their rows."""
        return [
            (above, self.layers[above])
            for above in self.anchored
            if above in self.layers and (dense := self._dense(above)) is not None and dense.source == tensor
        ]

    def _dense(self, tensor: str) -> Dense | None:
        """The Dense node of the layer of Q that ends in an anchored tensor."""
        if tensor not in self.q.producer:
            return None
        nodes = layer(self.q, tensor, self.anchored)
        return next((node for node in nodes if isinstance(node, Dense)), None)

    def _fused_in(self, tensor: str) -> list[str]:
        """The linear layers of the original that are fused into the layer that ends in this tensor."""
        return [node.target for node in self._original_layer(tensor) if node.target in self.derived]

    def _original_layer(self, tensor: str) -> tuple[Node, ...]:
        anchored = {port.name for port in self.original.inputs} | self.simulation.keys()
        return layer(self.original, tensor, anchored)

    # Building N' from the decisions, upwards.

    def _build(self) -> Written:
        nodes: list[Node] = []
        simulation: dict[str, Relation] = {}
        for tensor, why in self.anchored.items():
            new = self.layers[tensor]
            if tensor in self.q.producer:
                for node in layer(self.q, tensor, self.anchored):
                    nodes.append(self._placed(node, new, why is not None))
            if why is None:
                simulation[tensor] = Relation(tensor, tuple(entry(p.k, p.ratio) for p in new.places))
            elif len(new.places) > self.q.units(tensor):
                nodes.append(self._copying(tensor, new))
        network = replace(self.q, nodes=tuple(nodes), dtype=self.dtype)
        copies = {tensor: new.copies for tensor, new in self.layers.items()}
        declined = {tensor: new.declined for tensor, new in self.layers.items()}
        return Written(network, simulation, copies, declined)

    def _placed(self, node: Node, new: _Layer, kept: bool) -> Node:
        """A node of Q with one unit a place."""
        if isinstance(node, Dense):
            places = _units(node) if kept else new.places
            below = self.layers[node.source]
            copying = len(below.places) > self.q.units(node.source) and self.anchored[node.source] is not None
            return replace(
                node,
                source=f"{node.source}.copies" if copying else node.source,
                weight=Matrix.from_rows(new.weights, len(below.places)),
                bias=tuple(p.ratio * node.bias[p.k] for p in places),
            )
        if kept:
            return node
        at = [p.k for p in new.places]
        if isinstance(node, Scale):
            return replace(node, factor=tuple(node.factor[k] for k in at))
        if isinstance(node, Shift):
            return replace(node, constant=tuple(node.constant[k] for k in at))
        assert isinstance(node, Activate)
        return replace(node, functions=tuple(node.functions[k] for k in at))

    def _copying(self, tensor: str, new: _Layer) -> Dense:
        """The identity Dense node that holds copies of a kept tensor."""
        weight = Matrix.from_rows([{p.k: ONE} for p in new.places], self.q.units(tensor))
        return Dense(tensor, f"{tensor}.copies", weight, (ZERO,) * len(new.places))


def _units(dense: Dense) -> list[Place]:
    """The units of a Dense node below a kept tensor: each once."""
    return [Place(v, ONE, v) for v in range(len(dense.bias))]


def _transposed(rows: Sequence[SparseRow], columns: int) -> list[SparseRow]:
    """The columns of sparse rows, each {row: value}."""
    turned: list[SparseRow] = [{} for _ in range(columns)]
    for i, row in enumerate(rows):
        for k, w in row.items():
            turned[k][i] = w
    return turned


def _members(q: Network, tensor: str, simulation: Mapping[str, Relation]) -> list[dict[int, Rational]]:
    """For each class of a tensor of Q, its members in N with their ratios; inputs stand for themselves."""
    members: list[dict[int, Rational]] = [{} for _ in range(q.units(tensor))]
    if tensor not in simulation:
        return [{k: ONE} for k in range(q.units(tensor))]
    for v, row in enumerate(simulation[tensor].rows):
        if isinstance(row, Affine) and row.terms:
            ((k, c),) = row.terms
            members[k][v] = c
    return members
