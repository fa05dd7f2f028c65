# SPDX-License-Identifier: Apache-2.0
"""This file is about grids of numbers as images, side by side, with their difference.

Grey images go from paper (the lowest number) to ink (the highest), in sixteen steps, and stay readable when the page
turns dark: then high is bright.  In a difference blue is more; rust is less, in smaller squares where they have room.
"""

from collections.abc import Sequence

from exactlump.drawing.numerals import Number, label, largest, near, share
from exactlump.drawing.palette import BLUE, INK, PAPER, QUIET, RULE, RUST, Colour
from exactlump.drawing.svg import Picture, beside, element, fitted, framed, number, outline, rectangle, write
from exactlump.errors import ShapeError
from exactlump.numbers.rational import Rational, rational

_STEPS, _LARGE, _HEAD, _INSET = 16, 196.0, 20.0, 0.17

Grid = Sequence[Sequence[Number]]


def draw_image(
    grid: Grid, *, title: str = "An image", low: Number | None = None, high: Number | None = None
) -> Picture:
    """One grid of numbers, row by row; low and high: what is shown as paper and as ink, if not what occurs.

    Raises ShapeError for rows of several lengths and for a grid without numbers.
    """
    return framed(_image(_exact(grid), title, low, high))


def draw_difference(
    first: Grid, second: Grid, *, names: tuple[str, str] = ("one input", "another"), title: str = "Two images"
) -> Picture:
    """Two grids of the same shape on one scale, and the second minus the first.  Raises ShapeError for others."""
    a, b = _exact(first), _exact(second)
    if (len(a), len(a[0])) != (len(b), len(b[0])):
        raise ShapeError(f"images: found {len(a)} x {len(a[0])} and {len(b)} x {len(b[0])} numbers")
    values = [value for row in (*a, *b) for value in row]
    low, high = min(values), max(values)
    gap = [[q - p for p, q in zip(x, y, strict=True)] for x, y in zip(a, b, strict=True)]
    changed = sum(bool(d) for row in gap for d in row)
    panels = [_image(a, names[0], low, high), _image(b, names[1], low, high), _signed(gap, changed)]
    most = largest([d for row in gap for d in row])
    told = f"{changed} of {len(a) * len(a[0])} numbers differ, by up to {label(most)}."
    return framed(beside(panels, title=title, description=told, gap=28))


def image_of(values: Sequence[Number], height: int, width: int) -> list[list[Number]]:
    """A flat vector in rows.  Raises ShapeError where the sizes do not fit."""
    if len(values) != height * width:
        raise ShapeError(f"image: found {len(values)} numbers, expected {height} x {width}")
    return [list(values[i * width : (i + 1) * width]) for i in range(height)]


def _exact(grid: Grid) -> list[list[Rational]]:
    rows = [[rational(value) for value in row] for row in grid]
    if not rows or not rows[0] or len(set(map(len, rows))) != 1:
        raise ShapeError(f"image: found rows of {sorted(set(map(len, rows)))} numbers, expected one positive length")
    return rows


def _image(rows: list[list[Rational]], name: str, low: Number | None, high: Number | None) -> Picture:
    values = [value for row in rows for value in row]
    least = min(values) if low is None else rational(low)
    most = max(values) if high is None else rational(high)
    steps = [[round(_STEPS * share(value, least, most)) if most > least else 0 for value in row] for row in rows]
    scale = f"{label(least)} to {label(most)}"
    return _panel(steps, INK, None, name, scale)


def _signed(rows: list[list[Rational]], changed: int) -> Picture:
    most = near(largest([value for row in rows for value in row]))
    steps = [[_signed_step(near(value), most) for value in row] for row in rows]
    words = f"{changed} changed, by up to {label(largest([v for row in rows for v in row]))}"
    return _panel(steps, BLUE, RUST, "difference", words if changed else "no difference")


def _signed_step(value: float, most: float) -> int:
    if not value or not most:
        return 0
    size = max(1, round(_STEPS * abs(value) / most))
    return size if value > 0 else -size


def _panel(steps: list[list[int]], above: Colour, below: Colour | None, name: str, words: str) -> Picture:
    """Squares of one colour for positive steps and of another one for negative ones, equal steps in one path."""
    height, width = len(steps), len(steps[0])
    size = max(_LARGE / max(height, width), 1.0)
    paths: dict[int, list[str]] = {}
    for i, row in enumerate(steps):
        for j, length, step in _runs(row):
            if step > 0:
                x, y, wide, high = j * size, i * size, length * size, size
                paths.setdefault(step, []).append(
                    f"M{number(x)} {number(y)}h{number(wide)}v{number(high)}h-{number(wide)}z"
                )
            elif step < 0:
                inset = _INSET * size if size >= 7 else 0
                for k in range(j, j + length):
                    x, y, side = k * size + inset, i * size + inset, number(size - 2 * inset)
                    paths.setdefault(step, []).append(f"M{number(x)} {number(y)}h{side}v{side}h-{side}z")
    parts = [rectangle(0, 0, width * size, height * size, PAPER)]
    for step, d in sorted(paths.items()):
        colour = above if step > 0 or below is None else below
        parts.append(element("path", d="".join(d), fill=colour, fill_opacity=round(abs(step) / _STEPS, 3)))
    parts.append(outline(0, 0, width * size, height * size, RULE, 0.8))
    inside = element("g", *parts, transform=f"translate(0 {number(_HEAD)})", shape_rendering="crispEdges")
    head = write(0, 13, fitted(name, _LARGE, 12), 12, bold=True)
    foot = write(0, _HEAD + height * size + 15, fitted(words, _LARGE, 10.5), 10.5, colour=QUIET)
    return Picture(max(width * size, _LARGE), _HEAD + height * size + 20, head + inside + foot, name)


def _runs(row: Sequence[int]) -> list[tuple[int, int, int]]:
    """(start, length, value) of each run of equal values."""
    found: list[tuple[int, int, int]] = []
    for j, value in enumerate(row):
        if found and found[-1][2] == value:
            start, length, _ = found[-1]
            found[-1] = start, length + 1, value
        else:
            found.append((j, 1, value))
    return found
