# SPDX-License-Identifier: Apache-2.0
"""This file is about exact matrices: the floats of a file kept bit for bit, or sparse rows of rationals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import mul
from typing import TYPE_CHECKING, Any

from exactlump.errors import FormatError, ShapeError
from exactlump.numbers.rational import QQ, ZERO, Rational, SparseRow, over_common, rational, vector

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Matrices of so many entries, with one in so many not zero, keep an index of those.
_LARGE, _SPARSE = 1 << 14, 16


class Matrix:
    """An exact matrix: row v holds the weights of neuron v, `matrix.row(v)[u]` being the paper's W(u, v).

    It is made from a float array, which it keeps bit for bit, or from sparse rows of rationals.
    Immutable by convention; rows are turned into rationals when asked for, so that a matrix of
    floats costs no more than the floats.
    """

    __slots__ = ("_index", "_integers", "_rows", "floats", "shape")

    def __init__(self, shape: tuple[int, int], floats: NDArray[Any] | None, rows: tuple[SparseRow, ...] | None) -> None:
        self.shape = shape
        self.floats = floats
        self._rows = rows
        self._integers: list[tuple[list[int], list[int], int]] | None = None
        self._index: tuple[NDArray[np.int64], NDArray[np.int64]] | None = None

    @staticmethod
    def from_floats(array: NDArray[Any]) -> Matrix:
        """The matrix whose entries are the exact values of a finite 2-D float array, (rows, columns).

        Raises ShapeError for another number of axes; that all are finite is for the caller to see to.
        """
        if array.ndim != 2:
            raise ShapeError(f"matrix: found {array.ndim} dimensions, expected 2")
        return Matrix((array.shape[0], array.shape[1]), array, None)

    @staticmethod
    def of(values: Any) -> Matrix:
        """The exact matrix of an array, a tensor or a nested list, (rows, columns); a Matrix is itself.

        Arrays of float16, float32 and float64 are kept bit for bit.
        Raises ShapeError for other numbers of axes and for rows of different lengths, WrongType for what is no number,
        FormatError for numbers that are not finite.

        >>> Matrix.of([[1, 0.5], ["1/3", 0]]).row(1) == {0: rational("1/3")}
        True
        """
        if isinstance(values, Matrix):
            return values
        if hasattr(values, "detach"):
            values = values.detach().cpu().numpy()
        if _is_float_array(values):
            return Matrix.from_floats(_finite(values))
        rows = values.tolist() if hasattr(values, "tolist") else values
        if not isinstance(rows, list | tuple) or not all(isinstance(row, list | tuple) for row in rows):
            raise ShapeError(f"matrix: found {str(values)[:40]}, expected a list of rows")
        if len({len(row) for row in rows}) != 1:
            raise ShapeError(
                f"matrix: found rows of {sorted({len(row) for row in rows})} entries, expected as many each"
            )
        return Matrix.from_rows([dict(enumerate(vector(row))) for row in rows], len(rows[0]))

    @staticmethod
    def from_rows(rows: Sequence[Mapping[int, Rational]], columns: int) -> Matrix:
        """The matrix of sparse rows {column: value}; zeros may be left out.  Raises ShapeError for other columns."""
        kept = tuple({u: w for u, w in sorted(row.items()) if w} for row in rows)
        if any(row and not (0 <= min(row) and max(row) < columns) for row in kept):
            raise ShapeError(f"matrix: found a column outside 0..{columns - 1}")
        return Matrix((len(kept), columns), None, kept)

    def row(self, v: int) -> SparseRow:
        """The non-zero entries of row v, {column: value}, columns ascending; not to be changed."""
        if self._rows is not None:
            return self._rows[v]
        columns, values = self._nonzero(v)
        return {u: QQ(*w.as_integer_ratio()) for u, w in zip(columns, values, strict=True)}

    @property
    def nonzeros(self) -> int:
        """How many entries are not zero."""
        if self.floats is not None:
            import numpy as np

            return int(np.count_nonzero(self.floats))
        return sum(len(row) for row in self._rows or ())

    def entry(self, v: int, u: int) -> Rational:
        """The entry of row v and column u."""
        if self.floats is not None:
            return rational(float(self.floats[v, u]))
        return self.row(v).get(u, ZERO)

    def times(self, x: Sequence[int]) -> tuple[list[int], list[int]]:
        """Numerators and denominators, row by row, of the product with a vector of integers."""
        if self._integers is None:
            self._integers = [_integer_row(self.row(v)) for v in range(self.shape[0])]
        tops = [sum(map(mul, values, map(x.__getitem__, columns))) for columns, values, _ in self._integers]
        return tops, [denominator for _, _, denominator in self._integers]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Matrix):
            return NotImplemented
        return self.shape == other.shape and all(self.row(v) == other.row(v) for v in range(self.shape[0]))

    def __repr__(self) -> str:
        return f"Matrix{self.shape}"

    __hash__ = None  # type: ignore[assignment]  # equality is by value and may be expensive

    def _nonzero(self, v: int) -> tuple[list[int], list[float]]:
        import numpy as np

        assert self.floats is not None
        if self._index is None:
            self._index = _index(self.floats)
        starts, found = self._index
        row = self.floats[v]
        columns = found[starts[v] : starts[v + 1]] if starts.size else np.flatnonzero(row)
        return columns.tolist(), row[columns].astype(np.float64).tolist()


def _is_float_array(values: Any) -> bool:
    """Whether something is an array of floats that have a type here."""
    return getattr(getattr(values, "dtype", None), "name", None) in ("float16", "float32", "float64")


def _finite(array: NDArray[Any]) -> NDArray[Any]:
    """A copy of an array of numbers."""
    import numpy as np

    wrong = np.argwhere(~np.isfinite(array))
    if len(wrong):
        place = wrong[0].tolist()
        raise FormatError(f"matrix: entry {place}: found {array[tuple(place)]}, expected a finite number")
    return np.array(array)


def _index(floats: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where each row starts, and the columns of all entries that are not zero, if the matrix is large and few are.

    Otherwise two empty arrays, as then it costs less to search each row when it is asked for.
    """
    import numpy as np

    if floats.size < _LARGE or np.count_nonzero(floats) > floats.size // _SPARSE:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    if floats.strides[0] < floats.strides[1]:
        columns, rows = np.nonzero(floats.T != 0)
        order = np.argsort(rows, kind="stable")
        rows, columns = rows[order], columns[order]
    else:
        rows, columns = np.nonzero(floats != 0)
    return np.searchsorted(rows, np.arange(len(floats) + 1)), columns


def _integer_row(row: SparseRow) -> tuple[list[int], list[int], int]:
    return list(row), *over_common(row.values())
