# SPDX-License-Identifier: Apache-2.0
"""This file is about pictures of wide networks: a bar for each layer, a band for each class, grey for what goes.

From the left: the classes of several units, the largest first, each as one band whose dark edge is the unit that
stays; then the units that are alone; then, in greys, constants and units that no output depends on.  Bands that would
be thinner than a line are drawn as one.  A bar is as long as its layer is wide; one that
would make those short that lose units is cut, with a gap near its end.
"""

from collections.abc import Sequence

from exactlump.drawing.layout import Column
from exactlump.drawing.marks import Marks, counts
from exactlump.drawing.numerals import count
from exactlump.drawing.palette import BLUE, FAINT, INK, PAPER, QUIET, RULE
from exactlump.drawing.svg import (
    Picture,
    element,
    fitted,
    hatching,
    line,
    outline,
    polygon,
    rectangle,
    tooltip,
    width_of,
    write,
)

_LEFT, _LONG, _RIGHT, _ROW, _BAR = 130.0, 440.0, 190.0, 34.0, 14.0
_THIN = 2.0  # px
_MANY = 4  # a bar that would be so many times as long as those of interest is cut
_MOST_ROWS = 60


def profile(columns: Sequence[Column], marks: Marks, *, title: str, description: str) -> Picture:
    """The picture of the layers of a network of any size."""
    shown, left_out = _chosen(columns, marks)
    widest = _widest(shown, marks)
    parts, y = [], 8.0
    for column in shown:
        parts.append(_row(column, marks, widest, y))
        y += _ROW
    if left_out:
        parts.append(write(_LEFT, y + 12, f"and {left_out} further layers", 11, colour=QUIET))
        y += 20
    if any(marks.values()):
        parts.append(_legend(y + 14))
        y += 34
    return Picture(_LEFT + _LONG + _RIGHT, y, "\n".join(parts), title, description)


def _chosen(columns: Sequence[Column], marks: Marks) -> tuple[list[Column], int]:
    """The columns that get a bar: those with marks first, if there are too many."""
    if len(columns) <= _MOST_ROWS:
        return list(columns), 0
    told = [column for column in columns if column.tensor in marks or column.node is None][:_MOST_ROWS]
    return told or list(columns[:_MOST_ROWS]), len(columns) - len(told or columns[:_MOST_ROWS])


def _widest(columns: Sequence[Column], marks: Marks) -> int:
    """The units of the longest bar: of the layers that lose some, where others have many times as many."""
    losing = [c for c in columns if any(mark.kind != "alone" for mark in marks.get(c.tensor, ()))]
    told = max((column.units for column in losing), default=0)
    widest = max((column.units for column in columns), default=1)
    return told if told and widest > _MANY * told else widest


def _row(column: Column, marks: Marks, widest: int, y: float) -> str:
    name = fitted(column.tensor, _LEFT - 16, 12)
    words = write(_LEFT - 10, y + 9, name, 12, anchor="end")
    words += write(_LEFT - 10, y + 22, fitted(column.words, _LEFT - 16, 10), 10, colour=QUIET, anchor="end")
    several = marks.get(column.tensor, ())
    cut = column.units > widest
    long = max(_LONG * min(column.units / widest, 1), 3.0)
    found = counts(several) if several else {"kept": column.units}
    bands = _bands(column, marks, long, y) if several else _plain(_LEFT, y, long)
    border = outline(_LEFT, y, long, _BAR, RULE, 0.8)
    after = sum(found.values()) - sum(found.get(why, 0) for why in ("merged", "constant", "unobservable"))
    return (
        words
        + bands
        + border
        + (_gap(_LEFT + long - 22, y) if cut else "")
        + _numbers(column.units, after, found, _LEFT + long + 8, y)
    )


def _gap(x: float, y: float) -> str:
    """A slanted gap in a bar that is longer than there is room."""
    corners = [(x + 5, y - 1), (x + 11, y - 1), (x + 6, y + _BAR + 1), (x, y + _BAR + 1)]
    sides = [line(corners[a], corners[b], RULE, 0.8) for a, b in ((0, 3), (1, 2))]
    return tooltip("this bar is cut", polygon(corners, PAPER), *sides)


def _numbers(before: int, after: int, found: dict[str, int], x: float, y: float) -> str:
    if before == after:
        return write(x, y + 12, count(before), 12)
    why = ", ".join(f"{count(found[name])} {name}" for name in ("merged", "constant", "unobservable") if found[name])
    first = write(x, y + 9, f"{count(before)} → {count(after)}", 12, bold=True)
    room = _LEFT + _LONG + _RIGHT - x
    return first + write(x, y + 22, fitted(why, room, 10), 10, colour=QUIET)


def _bands(column: Column, marks: Marks, long: float, y: float) -> str:
    """The bands of a bar, from left to right."""
    several = marks[column.tensor]
    per_unit = long / len(several)
    sizes: dict[int, int] = {}
    for mark in several:
        if mark.number is not None:
            sizes[mark.number] = sizes.get(mark.number, 0) + 1
    ordered = sorted(sizes.items(), key=lambda item: (-item[1], item[0]))
    wide = [(number, size) for number, size in ordered if size * per_unit >= _THIN]
    pooled = sum(size for _, size in ordered[len(wide) :])
    parts, x = [], _LEFT
    for _, size in wide:
        parts.append(_class_band(x, y, size * per_unit, per_unit, size))
        x += size * per_unit
    if pooled:
        many = len(ordered) - len(wide)
        words = f"{count(many)} {'further ' if wide else ''}classes of {count(pooled)} units in all"
        stays = many * per_unit
        body = rectangle(x, y, pooled * per_unit, _BAR, BLUE, 0.22) + rectangle(x, y, stays, _BAR, BLUE)
        parts.append(tooltip(words, body))
        x += pooled * per_unit
    for kind, draw in (("alone", _plain), ("sum", _plain), ("constant", _solid), ("free", _hatched)):
        kinds = (kind, "same") if kind == "free" else (kind,)
        if units := sum(mark.kind in kinds for mark in several):
            names = {"alone": "alone", "sum": "recombined", "constant": "constant", "free": "unobservable"}
            parts.append(tooltip(f"{count(units)} {names[kind]}", draw(x, y, units * per_unit)))
            x += units * per_unit
    return "".join(parts)


def _class_band(x: float, y: float, width: float, per_unit: float, size: int) -> str:
    first = min(max(per_unit, 1.5), width)
    body = rectangle(x, y, width, _BAR, BLUE, 0.22) + rectangle(x, y, first, _BAR, BLUE)
    gap = element("line", x1=x + width, y1=y, x2=x + width, y2=y + _BAR, stroke=PAPER, stroke_width=0.7)
    return tooltip(f"a class of {count(size)} units", body, gap)


def _plain(x: float, y: float, width: float) -> str:
    return rectangle(x, y, width, _BAR, PAPER)


def _solid(x: float, y: float, width: float) -> str:
    return rectangle(x, y, width, _BAR, RULE, 0.55)


def _hatched(x: float, y: float, width: float) -> str:
    return rectangle(x, y, width, _BAR, FAINT) + hatching(x, y, width, _BAR, RULE, 4)


def _legend(y: float) -> str:
    """What the bands mean."""
    x, parts = _LEFT, []
    swatches = (
        (rectangle(0, 0, 18, 11, BLUE, 0.22) + rectangle(0, 0, 3, 11, BLUE), "a class, and the unit that stays"),
        (rectangle(0, 0, 18, 11, PAPER), "alone"),
        (rectangle(0, 0, 18, 11, RULE, 0.55), "constant"),
        (rectangle(0, 0, 18, 11, FAINT) + hatching(0, 0, 18, 11, RULE, 4), "unobservable"),
    )
    for swatch, words in swatches:
        parts.append(element("g", swatch, outline(0, 0, 18, 11, RULE, 0.8), transform=f"translate({x:.1f} {y:.1f})"))
        parts.append(write(x + 24, y + 9.5, words, 10.5, colour=INK))
        x += 24 + width_of(words, 10.5) + 20
    return "".join(parts)
