# SPDX-License-Identifier: Apache-2.0
"""This file is about where the kernel's rows come from: a float matrix, perhaps with one column of biases."""

from collections.abc import Callable, Iterator
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from exactlump.fast.arithmetic import Arithmetic, Double, Flags, Floats, Ints, Single

# Factors that relate rows: any positive one, any but zero, 1 alone, or 1 and -1.
POSITIVE, SIGNED, EQUAL, SIGN = range(4)

# Entries that are worked on at a time: small enough for the caches, large enough for NumPy.
CHUNK = 1 << 16


def _cut(out: Floats, rows: int, columns: int) -> Floats:
    """So much of a buffer as a matrix; a row longer than the buffer gets one of its own."""
    cut: Floats = out[: rows * columns] if out.size >= rows * columns else np.empty(rows * columns)
    return cut.reshape(rows, columns)


class Source(Protocol):
    """A matrix of n rows and m columns, whose entries are float64 numbers when asked for.

    shape       (n, m)
    arithmetic  how its quotients are keyed and compared
    """

    shape: tuple[int, int]
    arithmetic: Arithmetic

    def window(self, rows: Ints, starts: Ints, width: int) -> Floats:
        """Entry (i, j) is that of row rows[i] and column starts[i] + j; zero beyond the last column."""
        ...

    def block(self, rows: Ints, start: int, stop: int, out: Floats) -> Floats:
        """The columns from start to stop of some rows, kept in the memory of `out`."""
        ...

    def pivots(self, rows: Ints) -> Ints:
        """The column of the first non-zero entry of some rows; m for rows of zeros."""
        ...

    def equal_rows(self, left: Ints, s: Floats | None, right: Ints, t: Floats) -> Flags:
        """Whether s * left row = t * right row, pair by pair; s None: it is 1, and all t are short."""
        ...

    def mend(self, planes: tuple[Floats, ...], rows: Ints, starts: Ints) -> None:
        """Put the right keys where they are NaN; the first column of row rows[i] in the planes is starts[i]."""
        ...


def parts(rows: int, width: int, share: int = 1) -> Iterator[slice]:
    """Slices of some rows, about CHUNK / share entries each."""
    step = max(1, CHUNK // max(width * share, 1))
    return (slice(start, start + step) for start in range(0, rows, step))


def spans(columns: int, width: int) -> Iterator[tuple[int, int]]:
    """Ranges of columns, up to `width` each."""
    return ((start, min(start + width, columns)) for start in range(0, columns, width))


class Plain:
    """The rows of a float matrix; `bias` is one more entry at the end of each row."""

    def __init__(self, matrix: NDArray[np.floating], bias: Floats | None = None) -> None:
        self.matrix = matrix
        self.bias = bias
        self.width = matrix.shape[1]
        self.shape = (matrix.shape[0], self.width + (bias is not None))
        short = matrix.dtype.itemsize <= 4 and (bias is None or bool((bias == bias.astype(np.float32)).all()))
        self.arithmetic: Arithmetic = Single() if short else Double()

    def window(self, rows: Ints, starts: Ints, width: int) -> Floats:
        """See `Source`."""
        if starts.size and starts[0] + width <= self.width and (starts == starts[0]).all():
            together: Floats = self.matrix[rows, starts[0] : starts[0] + width].astype(np.float64)
            return together
        columns = starts[:, None] + np.arange(width)
        x: Floats = np.zeros(columns.shape)
        if self.width:
            x = self.matrix[rows[:, None], np.minimum(columns, self.width - 1)].astype(np.float64)
            x[columns >= self.width] = 0.0
        if self.bias is not None:
            at = np.nonzero(columns == self.width)
            x[at] = self.bias[rows[at[0]]]
        return x

    def block(self, rows: Ints, start: int, stop: int, out: Floats) -> Floats:
        """See `Source`."""
        x = _cut(out, rows.size, stop - start)
        inside = min(stop, self.width) - start
        if start == 0 and inside == self.width:
            x[:, :inside] = self.matrix[rows]
        else:
            x[:, :inside] = self.matrix[rows, start : start + inside]
        if self.bias is not None and stop > self.width:
            x[:, -1] = self.bias[rows]
        return x

    def pivots(self, rows: Ints) -> Ints:
        """See `Source`."""
        pivots = first_nonzero(self._some, rows, self.width)
        if self.bias is not None:
            zero = pivots == self.width
            pivots[zero] += self.bias[rows[zero]] == 0
        return pivots

    def equal_rows(self, left: Ints, s: Floats | None, right: Ints, t: Floats) -> Flags:
        """See `Source`."""
        return equal_rows(self, left, s, right, t)

    def mend(self, planes: tuple[Floats, ...], rows: Ints, starts: Ints) -> None:
        """See `Source`: there are none."""

    def _some(self, rows: Ints, start: int, stop: int) -> Flags:
        found: Flags = self.matrix[rows, start:stop] != 0
        return found


def equal_rows(source: Source, left: Ints, s: Floats | None, right: Ints, t: Floats) -> Flags:
    """The comparison of `Source`, by blocks of any source."""
    found = np.ones(left.size, np.bool_)
    here, there = np.empty((2, CHUNK))
    for start, stop in spans(source.shape[1], CHUNK):
        for part in parts(left.size, stop - start, 1 if s is None else 2):
            x = source.block(left[part], start, stop, here)
            y = source.block(right[part], start, stop, there)
            factor = None if s is None else s[part, None]
            found[part] &= source.arithmetic.equal(x, factor, y, t[part, None]).all(axis=1)
    return found


def first_nonzero(nonzero: Callable[[Ints, int, int], Flags], rows: Ints, width: int) -> Ints:
    """The first column below `width` where a row is not zero, else `width`; each entry is looked at once.

    nonzero(rows, start, stop)  the flags of some columns
    """
    pivots = np.full(rows.size, width)
    left, start, step = np.arange(rows.size), 0, 16
    while left.size and start < width:
        stop = min(start + step, width)
        for some in (left[part] for part in parts(left.size, stop - start)):
            flags = nonzero(rows[some], start, stop)
            at = flags.argmax(axis=1)
            found = flags[np.arange(some.size), at]
            pivots[some[found]] = start + at[found]
        left = left[pivots[left] == width]
        start, step = stop, min(2 * step, 1 << 12)
    return pivots
