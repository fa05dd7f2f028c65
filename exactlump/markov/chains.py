# SPDX-License-Identifier: Apache-2.0
"""This file is about labelled graphs and continuous-time Markov chains (CTMCs), as square matrices of rationals.

The paper's Section 3: a labelled graph is any function Q on pairs of states; a chain is one whose rates Q(u, v), u not
v, are not negative, and whose rows add up to 0.  Row u holds what leaves state u.  (A network's matrix has the other
orientation: there row v holds what enters neuron v.)

Throughout: u, v states, as numbers from 0; their names are texts, "1", "2", ... where none are given.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Self, TypeAlias

from exactlump.errors import FormatError, ShapeError
from exactlump.numbers.rational import ZERO, Rational, SparseRow, Vector, rational, text
from exactlump.showing import Shown

# What `rational` takes for a number.
Number: TypeAlias = int | float | str | Rational


@dataclass(frozen=True, slots=True, repr=False)
class Graph(Shown):
    """A labelled graph: rows[u][v] is Q(u, v), zeros left out; no constraints.

    Raises ShapeError where names and rows do not fit together, FormatError for a name that is given twice.

    >>> Graph.of([[0, 2], ["1/3", 0]])
    Graph(2 states, 2 edges)
    """

    names: tuple[str, ...]
    rows: tuple[SparseRow, ...]

    def __post_init__(self) -> None:
        if len(self.names) != len(self.rows):
            raise ShapeError(f"states: found {len(self.names)} names for {len(self.rows)} rows")
        if len(set(self.names)) != len(self.names):
            raise FormatError("states: found a name twice")
        for name, row in zip(self.names, self.rows, strict=True):
            if row and not (0 <= min(row) and max(row) < len(self.rows)):
                raise ShapeError(f"state {name!r}: found an edge to no state")

    @classmethod
    def of(cls, rows: Sequence[Sequence[Number]], names: Iterable[str] | None = None) -> Self:
        """The graph of a square matrix.  Raises ShapeError for another shape, and as `rational` does."""
        for row in rows:
            if len(row) != len(rows):
                raise ShapeError(f"matrix: found a row of {len(row)} entries, expected {len(rows)}")
        sparse = tuple({v: w for v, w in enumerate(map(rational, row)) if w} for row in rows)
        return cls(tuple(names) if names is not None else _numbers(len(rows)), sparse)

    @classmethod
    def from_edges(cls, edges: Mapping[tuple[str, str], Number], names: Iterable[str] | None = None) -> Self:
        """The graph with these edges, {(from, to): Q(from, to)}; its states are those of `names`, or of the edges.

        Without `names` the states come in the order in which they are first mentioned.  A chain's diagonal is filled
        in.  Raises FormatError for a state that has no name.

        >>> Chain.from_edges({("up", "down"): 1, ("down", "up"): "1/2"}).rate("down", "down") == rational(-1, 2)
        True
        """
        known = tuple(names) if names is not None else tuple(dict.fromkeys(name for edge in edges for name in edge))
        place = {name: v for v, name in enumerate(known)}
        rows: tuple[SparseRow, ...] = tuple({} for _ in known)
        for (u, v), weight in edges.items():
            if u not in place or v not in place:
                raise FormatError(f"edge {u!r} -> {v!r}: found no state of that name")
            if w := rational(weight):
                rows[place[u]][place[v]] = w
        return cls(known, cls._completed(rows))

    @classmethod
    def _completed(cls, rows: tuple[SparseRow, ...]) -> tuple[SparseRow, ...]:
        """The rows that are meant by those that are given: the same."""
        return tuple(dict(sorted(row.items())) for row in rows)

    def rate(self, u: str, v: str) -> Rational:
        """Q(u, v), states by name.  Raises FormatError for a name that no state has."""
        return self.rows[self.place(u)].get(self.place(v), ZERO)

    def place(self, name: str) -> int:
        """The number of the state of that name.  Raises FormatError where there is none."""
        if name not in self.names:
            raise FormatError(f"state {name!r}: found no state of that name")
        return self.names.index(name)

    def columns(self) -> tuple[SparseRow, ...]:
        """What enters each state: columns()[v][u] is Q(u, v)."""
        columns: tuple[SparseRow, ...] = tuple({} for _ in self.rows)
        for u, row in enumerate(self.rows):
            for v, w in row.items():
                columns[v][u] = w
        return columns

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self)} states, {sum(map(len, self.rows))} edges)"


class Chain(Graph):
    """A CTMC: Q(u, v) >= 0 for u not v is the rate of u -> v, and every row adds up to 0.

    Raises FormatError for anything else.

    >>> Chain.of([[-1, 1], ["1/2", "-1/2"]])
    Chain(2 states, 2 rates)
    """

    __slots__ = ()

    def __post_init__(self) -> None:
        Graph.__post_init__(self)
        for u, row in enumerate(self.rows):
            for v, w in row.items():
                if u != v and w < 0:
                    found = f"state {self.names[u]!r}: found the rate {text(w)} to {self.names[v]!r}"
                    raise FormatError(f"{found}, expected one that is not negative")
            if total := sum(row.values(), ZERO):
                raise FormatError(f"state {self.names[u]!r}: found a row that adds up to {text(total)}, expected 0")

    @classmethod
    def _completed(cls, rows: tuple[SparseRow, ...]) -> tuple[SparseRow, ...]:
        """The rows with the diagonal that makes their sums 0; a rate from a state to itself says nothing."""
        kept: list[SparseRow] = []
        for u, row in enumerate(rows):
            away = {v: w for v, w in row.items() if v != u}
            total = sum(away.values(), ZERO)
            kept.append(dict(sorted({**away, u: -total}.items())) if total else {})
        return tuple(kept)

    @property
    def fastest(self) -> Rational:
        """The largest rate at which some state is left."""
        return max((ZERO - row.get(u, ZERO) for u, row in enumerate(self.rows)), default=ZERO)

    def __repr__(self) -> str:
        rates = sum(u != v for u, row in enumerate(self.rows) for v in row)
        return f"Chain({len(self)} states, {rates} rates)"


def closed(graph: Graph) -> Chain:
    """The chain with the weights of a graph off its diagonal as rates: the diagonal is computed anew.

    Raises FormatError where such a weight is negative.
    """
    return Chain(graph.names, Chain._completed(graph.rows))


def network_values(graph: Graph, inputs: Mapping[str, Number]) -> Vector:
    """The values of the states of an acyclic graph, read as a network without biases or activations (Definition 2).

    A state of `inputs` has the value that is given there, any other one the sum of Q(u, v) * value(u) over all u.
    With positive weights and inputs, ReLU changes nothing.  Raises FormatError where there is a cycle or no such input.

    >>> wire = Graph.from_edges({("x", "a"): 2, ("a", "o"): 3})
    >>> network_values(wire, {"x": 1}) == (1, 2, 6)
    True
    """
    given = {graph.place(name): rational(value) for name, value in inputs.items()}
    columns = graph.columns()
    try:
        order = list(TopologicalSorter({v: set(column) for v, column in enumerate(columns)}).static_order())
    except CycleError as error:
        around = " -> ".join(graph.names[v] for v in reversed(error.args[1]))
        raise FormatError(f"graph: found the cycle {around}, expected a network") from error
    values = [ZERO] * len(graph)
    for v in order:
        values[v] = given[v] if v in given else sum((w * values[u] for u, w in columns[v].items()), ZERO)
    return tuple(values)


def _numbers(count: int) -> tuple[str, ...]:
    return tuple(str(v + 1) for v in range(count))
