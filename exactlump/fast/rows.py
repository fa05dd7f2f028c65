# SPDX-License-Identifier: Apache-2.0
"""This file is about rows of floats that are multiples of each other, found at the speed of memory.

A row is *related* to another when one is a multiple of the other by an allowed factor.  Few quotients of each row by
its lead are looked at first, and rows that stand alone are dropped; the rest are compared with the first row of their
group, exactly.  Rows that fail are grouped anew by all their quotients, and once more without any hashing,
so that every entry is touched a bounded number of times (docs/fast.md, "bound").  No hash decides anything.

Throughout: n rows, m columns; a row's *pivot* is the column of its first non-zero entry, which makes its *lead*.
"""

from collections.abc import Iterator
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from exactlump.fast.arithmetic import Arithmetic, Floats, Ints
from exactlump.fast.sources import CHUNK, EQUAL, SIGN, SIGNED, Source, parts, spans

Groups: TypeAlias = NDArray[np.uint64]

# How many columns from the pivot on are looked at before rows are compared whole; and the second number of columns
# more, where fewer than so many entries of the first were not zero.
_FIRST, _SECOND, _ENOUGH = 16, 64, 8
_MULTIPLIERS: Groups = np.random.default_rng(2022).integers(0, 2**63, 1 << 12, np.uint64) * np.uint64(2) + np.uint64(1)


class Found(NamedTuple):
    """labels[v]  the least row that v is related to, or n for a row of zeros
    lead[v]    the size of row v along its class: row v / lead[v] is the same throughout a class; NaN: see the source
    pivot[v]   the column of the first non-zero entry
    """

    labels: Ints
    lead: Floats
    pivot: Ints


def related_rows(source: Source, sorts: Ints) -> Found:
    """The classes of related rows of the same sort.

    sorts[v]  4 * i + the factors allowed (POSITIVE, SIGNED, EQUAL or SIGN), any i >= 0
    """
    return _Search(source, sorts).run()


class _Search:
    """One search: what is known of each row, and the rows still in question, with a group each."""

    def __init__(self, source: Source, sorts: Ints) -> None:
        self.source = source
        self.sorts = sorts
        rows, self.columns = source.shape
        self.labels = np.arange(rows)
        self.lead = np.ones(rows)
        self.pivot = np.full(rows, self.columns)

    def run(self) -> Found:
        """Few columns; whole rows; all quotients; whole rows again; at last without hashing."""
        rows, groups = self._by_few_columns(self.labels.copy())
        rows, groups = self._confirm(rows, groups)
        if rows.size:
            rows, groups = self._confirm(*self._by_all_columns(rows, groups))
        if rows.size:
            self._without_hashing(rows, groups)
        return Found(self.labels, self.lead, self.pivot)

    def _by_few_columns(self, rows: Ints) -> tuple[Ints, Groups]:
        """The rows that are not zero, grouped by sort, pivot and the quotients next to the pivot."""
        hashes, known = np.empty(rows.size, np.uint64), np.empty(rows.size, np.int64)
        for part in parts(rows.size, _FIRST):
            hashes[part], known[part] = self._first_look(rows[part])
        live = known > 0
        self.labels[rows[~live]] = self.labels.size
        rows, hashes, thin = rows[live], hashes[live], np.flatnonzero(known[live] < _ENOUGH)
        thin = thin[_shared(hashes[thin])]
        for part in parts(thin.size, _SECOND):
            some = rows[thin[part]]
            x = self.source.window(some, self.pivot[some] + _FIRST, _SECOND)
            hashes[thin[part]] += _hashed(
                self._keys(self.source.arithmetic, x, some, self.pivot[some] + _FIRST), _FIRST
            )
        return rows, hashes

    def _first_look(self, rows: Ints) -> tuple[Groups, Ints]:
        """Hashes of the first columns from the pivot on, and how many of their entries are not zero; sets the leads."""
        x = self.source.window(rows, np.zeros_like(rows), _FIRST)
        self.pivot[rows] = 0
        late = np.flatnonzero(x[:, 0] == 0)
        if late.size:
            self.pivot[rows[late]] = self.source.pivots(rows[late])
            x[late] = self.source.window(rows[late], self.pivot[rows[late]], _FIRST)
        factors, first = self.sorts[rows] % 4, x[:, 0]
        lead = np.where(factors == SIGNED, first, np.where(factors == SIGN, np.sign(first), np.abs(first)))
        self.lead[rows] = np.where((factors == EQUAL) | (first == 0), 1.0, lead)
        hashes = _mixed(self.sorts[rows].astype(np.uint64)) + _mixed(self.pivot[rows].astype(np.uint64) << np.uint64(8))
        keys = self._keys(self.source.arithmetic, x, rows, self.pivot[rows])
        return hashes + _hashed(keys, 0), np.count_nonzero(x, axis=1)

    def _keys(self, arithmetic: Arithmetic, x: Floats, rows: Ints, starts: Ints) -> tuple[Floats, ...]:
        """Keys of the quotients of a block of some rows, from their own columns on."""
        planes = arithmetic.keys(x, self.lead[rows, None])
        self.source.mend(planes, rows, starts)
        return planes

    def _confirm(self, rows: Ints, groups: Groups) -> tuple[Ints, Groups]:
        """Compare each row with the first of its group; label those that agree, return the others.

        Related rows are in one group and fail together, so that none is lost.
        """
        first = _first_of_each(groups)
        pending = np.flatnonzero(first != np.arange(rows.size))
        v, t = rows[pending], rows[first[pending]]
        agree = (self.sorts[v] == self.sorts[t]) & (self.pivot[v] == self.pivot[t])
        ratio, short = self.source.arithmetic.ratio(self.lead[v], self.lead[t])
        inverse, turned = self.source.arithmetic.ratio(self.lead[t], self.lead[v])
        left, right = self.source.arithmetic.multipliers(self.lead[v], self.lead[t])
        for mask, x, y, s, r in (
            (short, v, t, None, ratio),
            (turned & ~short, t, v, None, inverse),
            (~turned & ~short, v, t, left, right),
        ):
            some = np.flatnonzero(agree & mask)
            agree[some] = self.source.equal_rows(x[some], None if s is None else s[some], y[some], r[some])
        self.labels[v[agree]] = t[agree]
        failed = pending[~agree]
        return rows[failed], groups[failed]

    def _by_all_columns(self, rows: Ints, groups: Groups) -> tuple[Ints, Groups]:
        """Groups by all quotients, a few columns more at a time; rows alone in a group are dropped."""
        kept = _shared(groups)
        rows, groups = rows[kept], groups[kept]
        arithmetic = self.source.arithmetic.settled(self._blocks(rows))
        hashes = _mixed(groups)
        room = np.empty(CHUNK)
        for start, stop in _widening(self.columns):
            for part in parts(rows.size, stop - start):
                x = self.source.block(rows[part], start, stop, room)
                hashes[part] += _hashed(self._keys(arithmetic, x, rows[part], np.full(len(x), start)), start)
            kept = _shared(hashes)
            rows, hashes = rows[kept], hashes[kept]
        return rows, hashes

    def _blocks(self, rows: Ints) -> Iterator[Floats]:
        room = np.empty(CHUNK)
        for start, stop in spans(self.columns, CHUNK):
            for part in parts(rows.size, stop - start):
                yield self.source.block(rows[part], start, stop, room)

    def _without_hashing(self, rows: Ints, groups: Groups) -> None:
        """The classes among rows whose hashes were equal by chance or malice, by sorting the quotients themselves."""
        arithmetic = self.source.arithmetic.settled(self._blocks(rows))
        for sorts in (self.sorts, self.pivot):
            groups = _ranked(groups, sorts[rows, None])
        for start, stop in spans(self.columns, _FIRST):
            x = self.source.block(rows, start, stop, np.empty(rows.size * (stop - start)))
            for plane in self._keys(arithmetic, x, rows, np.full(rows.size, start)):
                groups = _ranked(groups, plane.view(np.int64))
        self.labels[rows] = rows[_first_of_each(groups)]


def _widening(columns: int) -> Iterator[tuple[int, int]]:
    """Ranges of columns that double in width, up to what is hashed at once."""
    start, width = 0, 2 * _SECOND
    while start < columns:
        yield start, min(start + width, columns)
        start, width = start + width, min(2 * width, _MULTIPLIERS.size)


def _mixed(bits: Groups) -> Groups:
    """Bits spread over the word, so that the multiply-add below sees low ones."""
    bits = bits ^ (bits >> np.uint64(29))
    bits *= np.uint64(0x9E3779B97F4A7C15)
    return bits


def _hashed(planes: tuple[Floats, ...], start: int) -> Groups:
    """A sum of multiples of the bits of each row; the planes, which begin at column `start`, are used up."""
    width = planes[0].shape[1]
    multipliers = _MULTIPLIERS[:width] + np.uint64(2 * start)
    total = np.zeros(planes[0].shape[0], np.uint64)
    for i, plane in enumerate(planes):
        bits = plane.view(np.uint64)
        bits ^= bits >> np.uint64(29)
        total += np.einsum("ij,j->i", bits, multipliers + np.uint64(2 * i))
    return total


def _shared(groups: Groups) -> NDArray[np.bool_]:
    """Which rows have a group that another row has too."""
    first = _first_of_each(groups)
    shared: NDArray[np.bool_] = first != np.arange(first.size)
    shared[first[shared]] = True
    return shared


def _ranked(groups: Groups, columns: Ints) -> Groups:
    """Groups by the old group and some columns of integers, exactly."""
    table = np.concatenate([groups[:, None], columns.view(np.uint64)], axis=1)
    return np.unique(table, axis=0, return_inverse=True)[1].reshape(-1).astype(np.uint64)


def _first_of_each(groups: Groups) -> Ints:
    """For each position, the first position with the same group."""
    order = np.argsort(groups, kind="stable")
    ordered = groups[order]
    fresh = np.empty(order.size, np.bool_)
    fresh[:1] = True
    np.not_equal(ordered[1:], ordered[:-1], out=fresh[1:])
    first = np.empty(order.size, np.int64)
    first[order] = order[fresh][np.cumsum(fresh) - 1]
    return first
