# SPDX-License-Identifier: Apache-2.0
"""This file is about writing the exact quotient Q in one type of number, without rounding.

Sums of float weights seldom fit the float type again, but they are sums of a few floats.  So a class of m
neurons becomes c <= m *copies* of its representative, whose outgoing weights are the pieces of the exact sums;
the pieces of a bias become additions (T10).  The result N' is larger than Q by those copies, and simulates it.
What fits in no way is reported as a `Misfit`, and the quotient is taken again without that merge.

Throughout: k a class (unit of Q), m its members in N; a *place* is a unit of N'; t a tap of a convolution, or a
position of a flattened image; 0 where there is neither.
"""

import itertools
import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from numpy.typing import NDArray

from exactlump.errors import CannotWrite
from exactlump.lumping.simulations import Relation, entry
from exactlump.network.kinds import Conv, Dense
from exactlump.network.program import Network
from exactlump.numbers import floats
from exactlump.numbers.matrix import Matrix
from exactlump.numbers.rational import ONE, ZERO, Rational, decimal_text
from exactlump.reduction.ancestry import Ancestry, origin
from exactlump.reduction.gathering import Left
from exactlump.reduction.misfits import Blame, Misfit
from exactlump.reduction.quotient import Step
from exactlump.reduction.survivors import Chosen, Survivors

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
    dtype: str,
    original: Network,
    quotient: Step,
    derived: Collection[str],
    copied: Collection[str],
    *,
    freely: bool = False,
) -> Written | Misfit:
    """Q in numbers of one type, or what cannot be written.

    derived  linear layers of the original that are fused in Q
    copied   kept tensors, read by a fused layer, that may be copied by an identity Dense node of their own
    freely   whether a class of hidden units may have more copies than it has members
    """
    return _Writer(dtype, Ancestry(original, quotient, derived), copied, freely).write()


# The weights of one row: {(class or place, t): weight}; and those on one class: {(row, t): weight}.
Row: TypeAlias = dict[tuple[int, int], Rational]


@dataclass(slots=True)
class _Layer:
    """A layer of Q on its way to N': its places, and for each its row over the classes below, and then over places.

    steps: whether a row is written as integers times a float, as quantised weights are
    array: instead of rows and weights, where all of them are floats of the type that is written
    """

    places: list[Place]
    rows: list[Row] = field(default_factory=list)
    steps: list[bool] = field(default_factory=list)
    weights: list[Row] = field(default_factory=list)
    array: NDArray[Any] | None = None
    copies: int = 0
    declined: int = 0


# An anchored tensor whose Dense or Conv node reads the tensor at hand, and its layer.
Reader: TypeAlias = tuple[str, _Layer]
# The weights of one row on the places of one class.
Parts: TypeAlias = tuple[Rational, ...]
# A ratio, the neuron of N that is so many times the class, and per reader and row the weights on it, if they fit.
Scaled: TypeAlias = tuple[Rational, int | None, list[dict[tuple[int, int], Parts | None]]]


class _Writer:
    def __init__(self, dtype: str, ancestry: Ancestry, copied: Collection[str], freely: bool) -> None:
        self.dtype, self.split, self.copied, self.freely = dtype, splitter(dtype), copied, freely
        self.ancestry, self.q, self.anchored = ancestry, ancestry.q, ancestry.anchored
        self.blame = Blame(ancestry, dtype)
        self.layers: dict[str, _Layer] = {}
        self.quantised: dict[str, bool] = {}

    def write(self) -> Written | Misfit:
        """Decide from the outputs downwards, over the rows actually written; then build upwards."""
        for tensor in reversed(self.anchored):
            self._decide(tensor)
        return self.blame.misfit or self._build()

    # Deciding: how many places each class gets, and what stands in the columns above them.

    def _decide(self, tensor: str) -> None:
        """Places for the classes of one tensor; the rows of all layers that read it are already known."""
        new = self.layers[tensor] = _Layer([])
        kept = self.ancestry.is_kept(tensor)
        readers = self._readers(tensor)
        if all(above.array is not None for _, above in readers):
            new.places = [Place(k, ONE, origin(members)) for k, members in enumerate(self.ancestry.members[tensor])]
        else:
            self._columns(tensor, new, readers, kept)
        node = self.ancestry.mixing(tensor)
        if node is not None:
            self._rows(tensor, node, new, kept)
        elif tensor in self.ancestry.layers and not kept:
            self._demand_entries(tensor)

    def _columns(self, tensor: str, new: _Layer, readers: Sequence[Reader], kept: bool) -> None:
        """The places of each class, and the weights on them in the layers above."""
        for _, above in readers:
            if above.array is not None:
                _spell_out(above, above.array.shape[1] // self.q.units(tensor))
        columns = [_transposed(above.rows, self.q.units(tensor)) for _, above in readers]
        for k in range(self.q.units(tensor)):
            places, chosen = self._column(tensor, k, readers, [column[k] for column in columns], kept)
            for (_, above), column in zip(readers, chosen, strict=True):
                for (i, t), parts in column.items():
                    above.weights[i].update({(len(new.places) + j, t): w for j, w in enumerate(parts) if w})
            new.places.extend(places)
            if len(places) > 1 and places[0] == places[1]:
                new.copies += len(places) - 1
            else:
                new.declined += len(places) - 1

    def _rows(self, tensor: str, node: Dense | Conv, new: _Layer, kept: bool) -> None:
        """The rows of the Dense or Conv node below a tensor, one a place, over the classes below."""
        span = self.ancestry.span(tensor)
        places = all_units(node) if kept else new.places
        new.array = self._array(node, places)
        for p in places:
            if new.array is None:
                new.rows.append({divmod(u, span): p.ratio * w for u, w in node.weight.row(p.k).items()})
                new.weights.append({})
                new.steps.append(self._is_quantised(tensor) and self._has_step(list(new.rows[-1].values())))
            if self.split(p.ratio * node.bias[p.k]) is None:
                self.blame.bias(tensor, p.k, p.ratio * node.bias[p.k])
        if self.freely and not all(floats.step(list(row.values()), self.dtype) for row in new.rows if any(new.steps)):
            new.steps = [False] * len(new.steps)  # a file has integers in all rows of a matrix, or in none

    def _array(self, node: Dense | Conv, places: Sequence[Place]) -> NDArray[Any] | None:
        """The rows of some places, if the weights are an array of floats and are written as they are."""
        known = node.window is None and node.weight.floats is not None and self.dtype in floats.FLOAT_TYPES
        if not known or any(p.ratio != 1 for p in places):
            return None
        try:
            array = floats.matrix(node.weight, self.dtype)
        except CannotWrite:
            return None
        units = [p.k for p in places]
        return array if units == list(range(len(array))) else array[units]

    def _demand_entries(self, tensor: str) -> None:
        """That the factors and constants fit, by which units are passed on; blame what was merged or folded below."""
        for node in self.ancestry.layers[tensor].nodes:
            most = 1 if node.factor else math.inf
            for value in node.factor or node.constant:
                parts = self.split(value)
                if parts is None or len(parts) > most:
                    self.blame.entry(tensor, value)
                    return

    def _column(
        self, tensor: str, k: int, readers: Sequence[Reader], columns: Sequence[Row], kept: bool
    ) -> tuple[list[Place], list[dict[tuple[int, int], Parts]]]:
        """The places of class k, and per reader and row the weights on them; what does not fit is blamed."""
        members = self.ancestry.members[tensor][k]
        own = origin(members)
        split = self._split_columns(readers, columns, ONE)
        free = self.freely and not kept
        most = (
            max(len(members), 1) if not free and (tensor not in self.copied or self._misplaced(readers)) else math.inf
        )
        fitting = self._fewest(k, itertools.chain([(ONE, own, split)], self._rescaled(tensor, k, readers, columns)))
        if fitting is not None and len(fitting[0]) <= most:
            return fitting
        if not kept and (originals := self._original_columns(tensor, k, readers, columns)):
            return [Place(k, ratio, v) for v, ratio in members.items()], originals
        if len(members) > 1:
            self.blame.merged(tensor, k, [above for above, _ in readers])
        else:
            self._blame_rows(tensor, k, readers, split)
        return [Place(k, ONE, own)], [{} for _ in columns]

    def _fewest(
        self, k: int, choices: Iterable[Scaled]
    ) -> tuple[list[Place], list[dict[tuple[int, int], Parts]]] | None:
        """Of the measures by which all weights are sums of floats, the first with the fewest copies of the class."""
        best = None
        for ratio, v, columns in choices:
            if all(parts is not None for column in columns for parts in column.values()):
                whole = [{at: parts or () for at, parts in column.items()} for column in columns]
                copies = max((len(parts) for column in whole for parts in column.values()), default=1)
                if best is None or copies < len(best[0]):
                    best = [Place(k, ratio, v)] * copies, whole
                if copies <= 1:
                    break
        return best

    def _split_columns(
        self, readers: Sequence[Reader], columns: Sequence[Row], ratio: Rational
    ) -> list[dict[tuple[int, int], Parts | None]]:
        """The pieces of the weights on places that are `ratio` times the class."""
        return [
            {(i, t): (w / ratio,) if above.steps[i] else self.split(w / ratio) for (i, t), w in column.items()}
            for (_, above), column in zip(readers, columns, strict=True)
        ]

    def _rescaled(self, tensor: str, k: int, readers: Sequence[Reader], columns: Sequence[Row]) -> Iterator[Scaled]:
        """The class by the measure of its other members, where no factor or sum stands between it and its readers."""
        if self._is_passed_on(tensor, readers) or any(step for _, above in readers for step in above.steps):
            return
        ratios = {ratio: v for v, ratio in reversed(self.ancestry.members[tensor][k].items()) if ratio != 1}
        for ratio, v in ratios.items():
            yield ratio, v, self._split_columns(readers, columns, ratio)

    def _is_passed_on(self, tensor: str, readers: Sequence[Reader]) -> bool:
        """Whether other layers read a tensor than those that mix its units, or its own layer has factors or sums."""
        others = sum(tensor in below for below in self.ancestry.below.values()) > len(readers)
        own = self.ancestry.layers.get(tensor)
        return others or (own is not None and not own.only_mixes)

    def _is_quantised(self, tensor: str) -> bool:
        """Whether a layer of the original has weights that are no floats."""
        if tensor not in self.quantised:
            own = self.ancestry.original_layer(tensor)
            weights = [node.weight for node in own.mixers if node.weight.floats is None] if own else []
            rows = (weight.row(v) for weight in weights for v in range(weight.shape[0]))
            exact = self.dtype not in floats.FLOAT_TYPES
            self.quantised[tensor] = not exact and any(
                len(self.split(w) or ()) != 1 for row in rows for w in row.values()
            )
        return self.quantised[tensor]

    def _has_step(self, weights: Sequence[Rational]) -> bool:
        unfit = any(len(self.split(w) or ()) != 1 for w in weights)
        return unfit and floats.step(weights, self.dtype) is not None

    def _misplaced(self, readers: Sequence[Reader]) -> bool:
        """Whether some reader of a kept tensor is not a fused layer (then copying would be no gain)."""
        if self.freely:
            return False
        return not all(self.ancestry.fused_in(above) for above, _ in readers)

    def _original_columns(
        self, tensor: str, k: int, readers: Sequence[Reader], columns: Sequence[Row]
    ) -> list[dict[tuple[int, int], Parts]] | None:
        """The original weights on all members of class k, if every row above is an original neuron's row."""
        members, original = self.ancestry.members[tensor][k], self.ancestry.original
        if self._is_passed_on(tensor, readers):
            return None
        found = []
        for (name, above), column in zip(readers, columns, strict=True):
            node = self.ancestry.original_mixing(name)
            origins = [p.origin for p in above.places]
            if node is None or None in origins:
                return None
            span = self.ancestry.span(name)
            if node.weight.shape[1] != span * original.units(tensor):  # it reads a selection
                return None
            parts = {
                (i, t): tuple(node.weight.entry(v, u * span + t) for u in members)
                for i, v in enumerate(origins)
                if v is not None
                for t in range(span)
            }
            for at, weights in parts.items():
                total = sum((w * ratio for w, ratio in zip(weights, members.values(), strict=True)), ZERO)
                if total != column.get(at, ZERO) or any(len(self.split(w) or (w, w)) > 1 for w in weights if w):
                    return None
            found.append(parts)
        return found

    def _blame_rows(
        self, tensor: str, k: int, readers: Sequence[Reader], columns: Sequence[Mapping[tuple[int, int], Parts | None]]
    ) -> None:
        """A column of an unmerged class does not fit: its rows are products (fused), or of another scale (merged)."""
        for (name, above), column in zip(readers, columns, strict=True):
            for (i, t), parts in column.items():
                if parts is None or len(parts) > 1:
                    self.blame.row(name, above.places[i].k if i < len(above.places) else i, tensor, above.rows[i][k, t])

    def _readers(self, tensor: str) -> list[Reader]:
        """The anchored tensors whose Dense or Conv node reads this one, with their rows."""
        return [
            (above, self.layers[above])
            for above in self.anchored
            if above in self.layers and self.ancestry.reads(above, tensor)
        ]

    # Building N' from the decisions, upwards.

    def _build(self) -> Written:
        left = {tensor: self._left(tensor) for tensor in self.anchored}
        survivors = Survivors(self.q, self.anchored, left, self.anchored.keys(), reading="takes")
        simulation: dict[str, Relation] = {}
        for tensor, why in self.anchored.items():
            places = self.layers[tensor].places
            if tensor in self.ancestry.layers:
                survivors.write(tensor, self._chosen(tensor, kept=why is not None))
            if why is None:
                simulation[tensor] = Relation(tensor, tuple(entry(p.k, p.ratio) for p in places))
            elif len(places) > self.q.units(tensor):
                survivors.copy(tensor, [p.k for p in places])
        network = replace(self.q, nodes=survivors.nodes, dtype=self.dtype)
        copies = {tensor: new.copies for tensor, new in self.layers.items()}
        declined = {tensor: new.declined for tensor, new in self.layers.items()}
        return Written(network, simulation, copies, declined)

    def _left(self, tensor: str) -> Left:
        """The first place of each class, and how many places there are; a kept tensor has what it had."""
        if self.ancestry.is_kept(tensor):
            units = self.q.units(tensor)
            return Left({k: k for k in range(units)}, units)
        places = self.layers[tensor].places
        return Left({p.k: i for i, p in reversed(list(enumerate(places)))}, len(places))

    def _chosen(self, tensor: str, kept: bool) -> Chosen:
        """What the layer that ends in a tensor is to have: a unit for each place."""
        new, node = self.layers[tensor], self.ancestry.mixing(tensor)
        units = None if kept else [p.k for p in new.places]
        if node is None:
            return Chosen(units)
        bias = node.bias if kept else tuple(p.ratio * node.bias[p.k] for p in new.places)
        return Chosen(units, weights=new.weights if new.array is None else new.array, bias=bias)


def all_units(node: Dense | Conv) -> list[Place]:
    """The units of a Dense or Conv node below a kept tensor: each once."""
    return [Place(v, ONE, v) for v in range(len(node.bias))]


def _spell_out(new: _Layer, span: int) -> None:
    """Rows of rationals instead of the array."""
    assert new.array is not None
    matrix, new.array = Matrix.from_floats(new.array), None
    for v in range(matrix.shape[0]):
        new.rows.append({divmod(u, span): w for u, w in matrix.row(v).items()})
        new.weights.append({})
        new.steps.append(False)


def _transposed(rows: Sequence[Row], units: int) -> list[Row]:
    """The columns of sparse rows, each {(row, t): value}."""
    turned: list[Row] = [{} for _ in range(units)]
    for i, row in enumerate(rows):
        for (k, t), w in row.items():
            turned[k][i, t] = w
    return turned
