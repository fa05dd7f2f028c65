# SPDX-License-Identifier: Apache-2.0
"""This file is about writing weights: as floats, or, where a quantiser left none, as integers times a float.

DequantizeLinear of constants is exact arithmetic for readers here; runtimes round its product once.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from exactlump.errors import CannotWrite
from exactlump.formats.onnx.writer import Writer
from exactlump.numbers import floats
from exactlump.numbers.matrix import Matrix
from exactlump.numbers.rational import Rational, fraction

Layout: TypeAlias = Callable[[NDArray[Any]], NDArray[Any]]


def weights(writer: Writer, wish: str, matrix: Matrix, layout: Layout, axis: int | None) -> str:
    """The name of the constant that holds a matrix in another layout, of which `axis` has the rows (None: no axis)."""
    try:
        return writer.constant(wish, layout(floats.matrix(matrix, writer.dtype)))
    except CannotWrite:
        rows = [matrix.row(v) for v in range(matrix.shape[0])]
        scales = _scales([[w for row in rows for w in row.values()]], writer.dtype)
        if scales is None and axis is not None:
            scales = _scales([list(row.values()) for row in rows], writer.dtype)
        if scales is None or writer.dtype != "float32":
            raise
    integers = np.zeros(matrix.shape, np.int32)
    for v, row in enumerate(rows):
        for u, w in row.items():
            integers[v, u] = fraction(w / scales[v if len(scales) > 1 else 0])[0]
    shape = (len(scales),) if len(scales) > 1 else ()
    name = writer.name(wish)
    steps = writer.constant(f"{name}_steps", layout(integers))
    scale = writer.constant(f"{name}_scale", floats.array(scales, writer.dtype).reshape(shape))
    attributes: dict[str, Any] = {"axis": axis} if len(scales) > 1 else {}
    writer.node("DequantizeLinear", [steps, scale], name, **attributes)
    return name


def _scales(groups: Sequence[Sequence[Rational]], dtype: str) -> list[Rational] | None:
    """For each group of numbers a float of which all are multiples by integers; None if one has none."""
    found = [floats.step(values, dtype) for values in groups]
    return [step for step in found if step is not None] if None not in found else None
