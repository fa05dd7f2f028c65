# SPDX-License-Identifier: Apache-2.0
"""This file is about pictures of weight matrices: a square for each weight, rows of one class together.

Blue is positive; rust is negative, and its squares are smaller where they have room, so that no colour is needed to
tell.  The larger the weight, the stronger the colour, in ten steps.  Where a matrix has more rows or columns than
squares fit, a square stands for a block and shows the largest weight of it.

Throughout: v rows, u columns, in the order in which they are drawn.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exactlump.drawing.numerals import Number, label, largest, near
from exactlump.drawing.palette import BLUE, INK, PAPER, QUIET, RULE, RUST, TINT, letters
from exactlump.drawing.svg import Picture, element, fitted, framed, line, number, outline, rectangle, width_of, write
from exactlump.numbers.matrix import Matrix
from exactlump.numbers.rational import Rational, rational

MOST_SQUARES = 96  # along one side
_STEPS, _LEFT, _TOP, _INSET, _THIN = 10, 84.0, 4.0, 0.17, 9.0
_OTHERS = ("alone", "folded")
# A matrix that would be narrower than this has rectangles, at most so many times as wide as high.
_NARROW, _FLAT = 60.0, 4.0


def draw_matrix(
    matrix: Matrix | Sequence[Sequence[Number]],
    classes: Sequence[Sequence[int]] = (),
    rho: Sequence[Rational] = (),
    *,
    scaled: bool = False,
    title: str = "",
) -> Picture:
    """A weight matrix as squares: row v holds the weights into neuron v, column u those out of unit u.

    classes  classes of rows, such as a lumping's; those of several rows are put first, lettered and kept together,
             and rows that are in no class (dead and constant neurons) last
    rho      the factors of the rows; with `scaled` each row is multiplied by its own: rows of a class whose inputs
             are not merged then look the same
    """
    exact = matrix if isinstance(matrix, Matrix) else _exact(matrix)
    (height, width), factors = exact.shape, rho if scaled else ()
    order, bands = _ordered(height, classes)
    down, across = -(-height // MOST_SQUARES) or 1, -(-width // MOST_SQUARES) or 1
    if exact.floats is not None and down * across > 1:
        blocks = _float_blocks(exact.floats, order, factors, down, across)
    else:
        blocks = _blocks(exact, order, factors, down, across)
    size = _size(-(-height // down), -(-width // across))
    wide = _wide(size, -(-width // across))
    bands = _pooled(bands, size / down)
    most = near(largest(list(blocks.values())))
    squares = _squares(blocks, most, (wide, size), numbers=size >= 30)
    across_px, down_px = -(-width // across) * wide, -(-height // down) * size
    frame = outline(_LEFT, _TOP, across_px, down_px, RULE, 0.8)
    parts = [rectangle(_LEFT, _TOP, across_px, down_px, PAPER), squares, frame, _bands(bands, down, size, across_px)]
    if not bands and size >= 12:
        parts += [
            write(_LEFT - 8, _TOP + (v + 0.5) * size + 4, str(order[v]), 11, colour=QUIET, anchor="end")
            for v in range(height)
        ]
    foot = _TOP + down_px + 16
    parts.append(_foot(foot, most, down, across, size))
    words = title or f"A matrix of {height} rows and {width} columns"
    told = (
        f"{len(bands)} groups of rows. The largest weight is {label(most)} in size." if most else "All weights are 0."
    )
    return framed(
        Picture(
            max(_LEFT + across_px + 20, 340 if down * across == 1 else 440), foot + 24, "\n".join(parts), words, told
        )
    )


def _exact(rows: Sequence[Sequence[Number]]) -> Matrix:
    sparse = [{u: rational(w) for u, w in enumerate(row)} for row in rows]
    return Matrix.from_rows(sparse, max(map(len, rows), default=0))


def _ordered(height: int, classes: Sequence[Sequence[int]]) -> tuple[list[int], list[tuple[str, int]]]:
    """The rows in the order of the picture, and the bands: names and how many rows."""
    if not classes:
        return list(range(height)), []
    large = [list(members) for members in classes if len(members) > 1]
    alone = [members[0] for members in classes if len(members) == 1]
    placed = {v for members in classes for v in members}
    rest = [v for v in range(height) if v not in placed]
    bands = [(letters(k), len(members)) for k, members in enumerate(large)]
    bands += [("alone", len(alone))] * bool(alone) + [("folded", len(rest))] * bool(rest)
    return [v for members in large for v in members] + alone + rest, bands


def _pooled(bands: list[tuple[str, int]], per_row: float) -> list[tuple[str, int]]:
    """The bands, all classes as one where some would be too thin for its letter."""
    lettered = [rows for name, rows in bands if name not in _OTHERS]
    if not lettered or min(lettered) * per_row >= _THIN:
        return bands
    others = [(name, rows) for name, rows in bands if name in _OTHERS]
    return [(f"{len(lettered)} classes", sum(lettered)), *others]


def _blocks(
    matrix: Matrix, order: Sequence[int], factors: Sequence[Rational], down: int, across: int
) -> dict[tuple[int, int], Rational]:
    """The largest weight of each block of the picture, with its sign."""
    found: dict[tuple[int, int], Rational] = {}
    for place_of_v, v in enumerate(order):
        for u, w in matrix.row(v).items():
            place, weight = (place_of_v // down, u // across), factors[v] * w if factors else w
            if place not in found or abs(weight) > abs(found[place]):
                found[place] = weight
    return found


def _float_blocks(
    floats: NDArray[Any], order: Sequence[int], factors: Sequence[Rational], down: int, across: int
) -> dict[tuple[int, int], Rational]:
    """The same of a large matrix of floats, by NumPy; where blocks are drawn no number is written on them."""
    rows = floats[np.array(order)].astype(np.float64)
    if factors:
        rows *= np.array([near(factors[v]) for v in order])[:, None]
    high, wide = -(-rows.shape[0] // down), -(-rows.shape[1] // across)
    padded = np.zeros((high * down, wide * across))
    padded[: rows.shape[0], : rows.shape[1]] = rows
    blocks = padded.reshape(high, down, wide, across).transpose(0, 2, 1, 3).reshape(high, wide, -1)
    most = np.take_along_axis(blocks, np.abs(blocks).argmax(axis=2)[:, :, None], axis=2)[:, :, 0]
    return {(v, u): float(most[v, u]) for v, u in np.argwhere(most).tolist()}


def _size(rows: int, columns: int) -> float:
    """The side of a square: from 5 to 40 px."""
    return float(min(max(360 // max(rows, columns, 1), 5), 40))


def _wide(size: float, columns: int) -> float:
    """The width of a square, which becomes a rectangle where columns are few and rows many."""
    return size if columns * size >= _NARROW else min(_NARROW / max(columns, 1), _FLAT * size)


def _squares(
    blocks: Mapping[tuple[int, int], Rational], most: float, sides: tuple[float, float], *, numbers: bool
) -> str:
    """All squares: one path for each step of strength and sign, and the numbers where there is room."""
    wide, size = sides
    paths: dict[tuple[bool, int], list[str]] = {}
    words = []
    for (v, u), w in sorted(blocks.items()):
        inset = size * _INSET if w < 0 and not numbers and size >= 7 else 0
        x, y = number(_LEFT + u * wide + inset), number(_TOP + v * size + inset)
        across, down = number(wide - 2 * inset), number(size - 2 * inset)
        step = max(1, round(_STEPS * abs(near(w)) / most)) if most else 1
        paths.setdefault((w > 0, step), []).append(f"M{x} {y}h{across}v{down}h-{across}z")
        if numbers:
            words.append(write(_LEFT + (u + 0.5) * wide, _TOP + (v + 0.5) * size + 4, label(w, 6), 11, anchor="middle"))
    top = TINT if numbers else 1.0
    parts = [
        element("path", d="".join(d), fill=BLUE if positive else RUST, fill_opacity=round(top * step / _STEPS, 3))
        for (positive, step), d in sorted(paths.items())
    ]
    return "\n".join(parts + words)


def _bands(bands: Sequence[tuple[str, int]], down: int, size: float, width: float) -> str:
    """The names of the classes at the left, and a line under each."""
    parts, v, free = [], 0, 0.0
    for k, (name, rows) in enumerate(bands):
        top, bottom = _TOP + v / down * size, _TOP + (v + rows) / down * size
        middle = (top + bottom) / 2 + 4
        if middle - 10 >= free:
            words, lettered = fitted(name, _LEFT - 10, 11), name not in _OTHERS
            parts.append(
                write(_LEFT - 8, middle, words, 11, anchor="end", bold=lettered, colour=INK if lettered else QUIET)
            )
            free = middle + 3
        if k < len(bands) - 1:
            parts.append(line((_LEFT - 4, bottom), (_LEFT + width, bottom), QUIET, 0.7))
        v += rows
    return "".join(parts)


def _foot(y: float, most: float, down: int, across: int, size: float) -> str:
    """The scale, and what a square stands for."""
    if not most:
        return write(_LEFT, y + 9, "all weights are 0", 10.5, colour=QUIET)
    x, parts, top = _LEFT, list[str](), TINT if size >= 30 else 1.0
    for k, (colour, strength) in enumerate(((RUST, 1.0), (RUST, 0.5), (BLUE, 0.0), (BLUE, 0.5), (BLUE, 1.0))):
        inset = 2.0 if colour is RUST and 7 <= size < 30 else 0.0
        left, side = x + 46 + 14 * k + inset, 14 - 2 * inset
        parts.append(rectangle(left, y + inset, side, 10 - 2 * inset, colour, top * strength) if strength else "")
    parts.append(outline(x + 46, y, 70, 10, RULE, 0.8))
    parts.append(write(x + 40, y + 9, label(-most, 6), 10.5, anchor="end"))
    parts.append(write(x + 122, y + 9, label(most, 6), 10.5))
    if down * across > 1:
        words = f"each square: the largest of {down} by {across} weights"
        parts.append(write(x + 130 + width_of(label(most, 6), 10.5), y + 9, words, 10.5, colour=QUIET))
    return "".join(parts)
