# SPDX-License-Identifier: Apache-2.0
"""This file is about proportional rows of a float matrix, found with NumPy at memory speed."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, overload

import numpy as np
from numpy.typing import NDArray

from exactlump.errors import FormatError, ShapeError
from exactlump.kernel import POSITIVE, related_rows
from exactlump.kernel_arithmetic import Floats, Ints, demand_ieee
from exactlump.kernel_numba import all_finite, compiled_source, usable
from exactlump.kernel_sources import Plain
from exactlump.rational import Rational, Vector, rational


class Ratios(Sequence[Rational]):
    """ratios[v] is the exact rational top[v] / bottom[v], both of them positive floats."""

    def __init__(self, top: Floats, bottom: Floats) -> None:
        self.top = top
        self.bottom = bottom

    @overload
    def __getitem__(self, v: int) -> Rational: ...

    @overload
    def __getitem__(self, v: slice) -> Vector: ...

    def __getitem__(self, v: int | slice) -> Rational | Vector:
        if isinstance(v, slice):
            return tuple(Ratios(self.top[v], self.bottom[v]))
        return rational(float(self.top[v])) / rational(float(self.bottom[v]))

    def __len__(self) -> int:
        return int(self.top.size)

    def __iter__(self) -> Iterator[Rational]:
        return (self[v] for v in range(len(self)))


class Classes(NamedTuple):
    """labels[v]  the number of v's class, classes numbered by least member; -1 for a row of zeros
    scale[v]      row v = scale[v] * (least row of its class), exactly; 1 for a row of zeros
    """

    labels: Ints
    scale: Ratios


def proportional_classes(rows: NDArray[Any]) -> Classes:
    """The classes of rows that are positive multiples of each other: sound and complete, not with high probability.

    rows  float16, float32 or float64, (n, m)
    Costs a bounded number of operations an entry, in the worst case times log n (docs/fast.md).  Raises ShapeError for
    other than two axes, FormatError for another type and for an entry that is not finite.

    >>> found = proportional_classes(np.array([[3.0, -6.0], [0.0, -0.0], [1.0, -2.0], [-1.0, 2.0]]))
    >>> found.labels.tolist(), found.scale[2] == rational(1, 3)
    ([0, -1, 0, 1], True)
    """
    matrix = checked(rows)
    labels, lead = related_rows(source(matrix), np.full(matrix.shape[0], POSITIVE))
    zero = labels == labels.size
    first = np.where(zero, np.arange(labels.size), labels)
    numbers = np.cumsum((first == np.arange(first.size)) & ~zero) - 1
    return Classes(np.where(zero, -1, numbers[first]), Ratios(lead, lead[first]))


def source(matrix: NDArray[np.floating], bias: Floats | None = None) -> Plain:
    """The rows of a matrix, with a bias each, for the kernel; compiled where that is possible and worth it."""
    return compiled_source(matrix, bias) if usable(matrix) else Plain(matrix, bias)


def checked(rows: NDArray[Any]) -> NDArray[np.floating]:
    """The matrix in row-major order, native and finite; see `proportional_classes` for errors."""
    if rows.ndim != 2:
        raise ShapeError(f"matrix: found {rows.ndim} axes, expected 2")
    if rows.dtype.kind != "f" or rows.dtype.itemsize > 8:
        raise FormatError(f"matrix: found type {rows.dtype}, expected float16, float32 or float64")
    demand_ieee()
    if not rows.dtype.isnative or (rows.strides[0] < rows.strides[1] and rows.shape[0] > 1):
        rows = np.ascontiguousarray(rows, rows.dtype.newbyteorder("="))
    if not (all_finite(rows) if usable(rows) else _all_finite(rows)):
        for v, row in enumerate(rows):
            for u in np.flatnonzero(~np.isfinite(row))[:1]:
                raise FormatError(f"matrix: row {v}, column {u}: found {row[u]}, expected a finite number")
    return rows


def _all_finite(rows: NDArray[np.floating]) -> bool:
    """Whether every entry is finite, as those of a finite sum are; a sum may overflow without any infinite entry."""
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(rows.sum())) or all(bool(np.isfinite(row).all()) for row in rows)
