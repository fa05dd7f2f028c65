# SPDX-License-Identifier: Apache-2.0
"""This file is about exact linear dependencies among the rows of a layer, few terms first.

A *circuit* is a set of rows that are linearly dependent while no part of it is: each row is a combination of the
others, in one way.  Circuits of one row (zero) and of two (proportional) are found by hashing exact rows.  Larger ones
are looked for modulo a prime: `size - 2` rows are projected away, and what remains of the others is hashed by its line.
Every finding is confirmed by an exact null space (SymPy's DomainMatrix).

Completeness.  Dependent rows are dependent modulo any prime, so they contain a circuit modulo p, which is found, as all
smaller ones are.  If everything that is found modulo p is confirmed, nothing was missed.  A finding that is not
confirmed starts the search again with another prime.

Cost, with n directions (proportional rows count once) in the support of the kernel: rank modulo p, n^2 * columns; then
n^(size-2) projections of n vectors with at most 10 entries each.  `Bounds` limits the projections and the circuits, and
`Search.cut` says when a limit was met.

Throughout: rows over coordinates, with their constants; v numbers of rows; p a prime.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations, product

import numpy as np
from numpy.typing import NDArray

from exactlump.numbers.rational import ONE, ZERO, Vector, fraction, primitive, rational
from exactlump.points.affine import Row

Residues = NDArray[np.int64]

PRIMES = (1048573, 1048571, 1048559, 1048549)
_COLUMNS = 10
_FULL = "full"


@dataclass(frozen=True, slots=True)
class Bounds:
    """projections, circuits: how many at most; directions: how many at most for circuits of three rows and more."""

    projections: int = 50_000
    circuits: int = 2_000
    directions: int = 1_200


@dataclass(frozen=True, slots=True)
class Circuit:
    """sum of coefficients[i] * row members[i] = 0; members ascend, no coefficient is 0."""

    members: tuple[int, ...]
    coefficients: Vector


@dataclass(frozen=True, slots=True)
class Search:
    """The circuits of at most so many rows; `cut` says which limit was met, "" when all of them were found."""

    circuits: tuple[Circuit, ...]
    cut: str


DEFAULT_BOUNDS = Bounds()


def find_circuits(rows: Sequence[Row], size: int, limits: Bounds = DEFAULT_BOUNDS) -> Search:
    """The circuits of at most `size` rows, small ones first.

    Of proportional rows, larger circuits name only the first with each sign; for two rows, the first of its own sign
    with each other one, and the two first.
    """
    found = [Circuit((v,), (ONE,)) for v, row in enumerate(rows) if row.is_zero]
    lines = _lines(rows)
    found += [_pair(rows, *pair) for line in lines for pair in _pairs(line)]
    found.sort(key=lambda circuit: (len(circuit.members), circuit.members))
    if len(found) > limits.circuits:
        return Search(tuple(found[: limits.circuits]), f"more than {limits.circuits} dependencies")
    if size < 3 or len(lines) < 3:
        return Search(tuple(found), "")
    if len(lines) > limits.directions:
        return Search(tuple(found), f"{len(lines)} directions: only proportional rows were looked for")
    larger, cut = _confirmed(rows, lines, size, Bounds(limits.projections, limits.circuits - len(found)))
    return Search((*found, *larger), f"the first {limits.circuits} dependencies only" if cut == _FULL else cut)


# A line of rows: those with each sign, the first first.
Line = tuple[list[int], list[int]]


def _lines(rows: Sequence[Row]) -> list[Line]:
    found: dict[object, Line] = {}
    for v, row in enumerate(rows):
        if not row.is_zero:
            columns = sorted(row.weights)
            integers, _ = primitive([*(row.weights[i] for i in columns), row.constant])
            lead = next(n for n in integers if n)
            key = (*columns, *(n if lead > 0 else -n for n in integers))
            found.setdefault((len(columns), key), ([], []))[lead < 0].append(v)
    return [(one, other) if one and (not other or one[0] < other[0]) else (other, one) for one, other in found.values()]


def _pairs(line: Line) -> Iterator[tuple[int, int]]:
    for side in line:
        yield from ((side[0], v) for v in side[1:])
    if line[0] and line[1]:
        yield line[0][0], line[1][0]


def _pair(rows: Sequence[Row], u: int, v: int) -> Circuit:
    i = min(rows[u].weights, default=None)
    ratio = rows[v].constant / rows[u].constant if i is None else rows[v].weights[i] / rows[u].weights[i]
    return Circuit((u, v), (ratio, -ONE))


def _confirmed(rows: Sequence[Row], lines: Sequence[Line], size: int, limits: Bounds) -> tuple[list[Circuit], str]:
    """Circuits of three rows and more; another prime when one found is none."""
    reason = ""
    for p in PRIMES:
        found: list[Circuit] = []
        search = _Modular(rows, [line[0][0] for line in lines], p, limits.projections)
        doubtful = False
        for members in search.circuits(size):
            space = _null_space(rows, [lines[k][0][0] for k in members])
            doubtful = doubtful or not space
            if len(space) == 1 and all(space[0]):
                found += _with_signs(rows, [lines[k] for k in members])
            if len(found) >= limits.circuits:
                return found[: limits.circuits], _FULL
        reason = search.cut
        if not doubtful:
            return found, reason
    return found, reason or "some rows look dependent modulo every prime that was tried"


def _with_signs(rows: Sequence[Row], lines: Sequence[Line]) -> list[Circuit]:
    """The circuits with one row of each line, of either sign."""
    choices = product(*([side[0] for side in line if side] for line in lines))
    found = (exact_circuit(rows, sorted(members)) for members in choices)
    return [circuit for circuit in found if circuit is not None]


def exact_circuit(rows: Sequence[Row], members: Sequence[int]) -> Circuit | None:
    """The circuit that these rows are, by their exact null space; None when they are none."""
    space = _null_space(rows, members)
    return Circuit(tuple(members), space[0]) if len(space) == 1 and all(space[0]) else None


def _null_space(rows: Sequence[Row], members: Sequence[int]) -> list[Vector]:
    """A basis of the c with sum of c[i] * row members[i] = 0, exactly."""
    columns = sorted({i for v in members for i in rows[v].weights})
    entries = [[rows[v].weights.get(i, ZERO) for v in members] for i in columns]
    entries.append([rows[v].constant for v in members])
    from sympy import QQ
    from sympy.polys.matrices import DomainMatrix

    exact = [[QQ(*fraction(entry)) for entry in line] for line in entries]  # SymPy's own, whichever it takes
    space = DomainMatrix(exact, (len(exact), len(members)), QQ).nullspace()
    return [tuple(map(rational, line)) for line in space.to_list()]


@cache
def _inverses(p: int) -> Residues:
    """The inverse of each residue modulo p; 0 for 0."""
    base, power, exponent = np.arange(p, dtype=np.int64), np.ones(p, np.int64), p - 2
    while exponent:
        if exponent & 1:
            power = power * base % p
        base, exponent = base * base % p, exponent >> 1
    return power


class _Modular:
    """The search for circuits modulo p, among the first rows of all lines."""

    def __init__(self, rows: Sequence[Row], members: Sequence[int], p: int, projections: int) -> None:
        self.p, self.left, self.cut = p, projections, ""
        matrix = _residues([rows[v] for v in members], p)
        self.names = np.array(sorted(_support(matrix, p)), np.int64)
        self.vectors = _projected(matrix[self.names], _COLUMNS, p)

    def circuits(self, size: int) -> Iterator[list[int]]:
        """The numbers of lines, in sets of 3, 4, ..., `size`; those of `size - 2` lines project the others."""
        for wanted in range(3, size + 1):
            if len(self.names) >= wanted:
                yield from self._search(self.vectors, self.names, [], wanted - 2)

    def _search(self, vectors: Residues, names: Residues, chosen: list[int], depth: int) -> Iterator[list[int]]:
        if depth == 0:
            yield from ([*chosen, *pair] for pair in self._parallel(vectors, names))
            return
        for k in range(len(names) - 2):
            pivots = np.flatnonzero(vectors[k])
            if len(pivots):
                if depth == 1:
                    self.left -= 1
                if self.left < 0:
                    self.cut = f"a limit on the work, at sets of {len(chosen) + depth + 2} rows"
                    return
                rest = self._without(vectors[k + 1 :], vectors[k], int(pivots[0]))
                yield from self._search(rest, names[k + 1 :], [*chosen, int(names[k])], depth - 1)

    def _without(self, vectors: Residues, gone: Residues, pivot: int) -> Residues:
        """The vectors modulo one of them: the pivot's column is eliminated and dropped."""
        factors = vectors[:, pivot] * _inverses(self.p)[gone[pivot]] % self.p
        return np.delete((vectors - factors[:, None] * gone) % self.p, pivot, axis=1)

    def _parallel(self, vectors: Residues, names: Residues) -> Iterator[tuple[int, int]]:
        """The pairs of names whose vectors are multiples of each other, and not zero."""
        live = vectors.any(axis=1)
        if not live.any():
            return
        vectors, names = vectors[live], names[live]
        lead = vectors[np.arange(len(vectors)), (vectors != 0).argmax(axis=1)]
        scaled = vectors * _inverses(self.p)[lead][:, None] % self.p
        groups: dict[bytes, list[int]] = {}
        for line, name in zip(scaled, names.tolist(), strict=True):
            groups.setdefault(line.tobytes(), []).append(name)
        for group in groups.values():
            yield from combinations(group, 2)


def _residues(rows: Sequence[Row], p: int) -> Residues:
    """The rows, each as coprime integers, modulo p; the constants last."""
    columns = {i: k for k, i in enumerate(sorted({i for row in rows for i in row.weights}))}
    matrix = np.zeros((len(rows), len(columns) + 1), np.int64)
    for v, row in enumerate(rows):
        integers, _ = primitive([*row.weights.values(), row.constant])
        for i, n in zip(row.weights, integers, strict=False):
            matrix[v, columns[i]] = n % p
        matrix[v, -1] = integers[-1] % p
    return matrix


def _projected(matrix: Residues, columns: int, p: int) -> Residues:
    """The rows under a random linear map to so many columns; itself when it has no more."""
    if matrix.shape[1] <= columns:
        return matrix
    directions = np.random.default_rng(p).integers(0, p, (columns, matrix.shape[1]), dtype=np.int64)
    return np.stack([(matrix * direction % p).sum(axis=1) % p for direction in directions], axis=1)


def _support(matrix: Residues, p: int) -> set[int]:
    """The rows that take part in some linear dependency modulo p."""
    work = _projected(matrix, len(matrix) + 4, p).T.copy()
    pivots: list[int] = []
    for v in range(work.shape[1]):
        place = np.flatnonzero(work[len(pivots) :, v])
        if not len(place) or len(pivots) == len(work):
            continue
        r = len(pivots)
        work[[r, r + int(place[0])]] = work[[r + int(place[0]), r]]
        work[r] = work[r] * _inverses(p)[work[r, v]] % p
        factors = work[:, v].copy()
        factors[r] = 0
        work = (work - factors[:, None] * work[r]) % p
        pivots.append(v)
    others = [v for v in range(work.shape[1]) if v not in set(pivots)]
    return {*others, *(v for r, v in enumerate(pivots) if work[r, others].any())}
