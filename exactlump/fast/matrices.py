# SPDX-License-Identifier: Apache-2.0
"""This file is about float matrices as the kernel takes them: finite, in row-major order, compiled where worth it."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from exactlump.errors import FormatError, ShapeError
from exactlump.fast.arithmetic import Floats, demand_ieee
from exactlump.fast.compiled import all_finite, compiled_source, usable
from exactlump.fast.sources import Plain


def source(matrix: NDArray[np.floating], bias: Floats | None = None, *, compiled: bool = True) -> Plain:
    """The rows of a matrix, with a bias each, for the kernel; compiled where allowed, possible and worth it."""
    return compiled_source(matrix, bias) if compiled and usable(matrix) else Plain(matrix, bias)


def checked(rows: NDArray[Any], *, compiled: bool = True) -> NDArray[np.floating]:
    """The matrix in row-major order, native and finite; see `fast.proportional_classes` for errors."""
    if rows.ndim != 2:
        raise ShapeError(f"matrix: found {rows.ndim} axes, expected 2")
    if rows.dtype.kind != "f" or rows.dtype.itemsize > 8:
        raise FormatError(f"matrix: found type {rows.dtype}, expected float16, float32 or float64")
    demand_ieee()
    if not rows.dtype.isnative or (rows.strides[0] < rows.strides[1] and rows.shape[0] > 1):
        rows = np.ascontiguousarray(rows, rows.dtype.newbyteorder("="))
    if not (all_finite(rows) if compiled and usable(rows) else _all_finite(rows)):
        for v, row in enumerate(rows):
            for u in np.flatnonzero(~np.isfinite(row))[:1]:
                raise FormatError(f"matrix: row {v}, column {u}: found {row[u]}, expected a finite number")
    return rows


def _all_finite(rows: NDArray[np.floating]) -> bool:
    """Whether every entry is finite, as those of a finite sum are; a sum may overflow without any infinite entry."""
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(rows.sum())) or all(bool(np.isfinite(row).all()) for row in rows)
