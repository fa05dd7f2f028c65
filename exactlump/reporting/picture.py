# SPDX-License-Identifier: Apache-2.0
"""This file is about the picture of a small network and its reduction: layers of circles, one colour for each class.

It is SVG without scripts, styles or links, so that it can stand in any page.  Words from files are escaped.
"""

import html
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

# What is drawn at all: more would be no picture.
MOST_UNITS, MOST_COLUMNS, MOST_EDGES = 32, 12, 800
_RADIUS, _STEP, _GAP, _MARGIN = 11, 28, 120, 40
_GREY = "#c9c9c9"


@dataclass(frozen=True, slots=True)
class Unit:
    """One circle.

    kind    "input", "class", "zero", "constant", "free" or "sum"
    colour  the number of its class among all classes of the picture, if it has one
    label   a few characters inside
    words   what it is, shown when it is pointed at
    """

    kind: str
    colour: int | None
    label: str
    words: str


@dataclass(frozen=True, slots=True)
class Column:
    """The units of one tensor, and its name."""

    name: str
    units: tuple[Unit, ...]


@dataclass(frozen=True, slots=True)
class Drawing:
    """One network; an edge joins (column, unit) to (column, unit)."""

    title: str
    columns: tuple[Column, ...]
    edges: tuple[tuple[int, int, int, int], ...]

    @property
    def is_small(self) -> bool:
        """Whether it is small enough to be drawn."""
        return len(self.columns) <= MOST_COLUMNS and all(len(column.units) <= MOST_UNITS for column in self.columns)


def printable(words: str, most: int = 200) -> str:
    """Words on one line as they can be shown: controls and marks of direction as escapes, and not too many."""
    cut = words if len(words) <= most else f"{words[:most]}... ({len(words)} characters)"
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in cut)


def svg(drawings: Sequence[Drawing]) -> str:
    """The networks, one below the other; all of them must be small."""
    assert all(drawing.is_small for drawing in drawings)
    width = _MARGIN * 2 + _GAP * (max(len(drawing.columns) for drawing in drawings) - 1)
    body, top = [], 0
    for drawing in drawings:
        height = 90 + _STEP * max(len(column.units) for column in drawing.columns)
        body.append(f'<g transform="translate(0 {top})">{"".join(_network(drawing, height))}</g>')
        top += height
    size = f'viewBox="0 0 {width} {top}" width="{width}" height="{top}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">{"".join(body)}</svg>'


def _network(drawing: Drawing, height: int) -> Iterator[str]:
    """The parts of one network, edges first so that circles lie on them."""
    yield f'<text x="8" y="18" font-size="13" font-weight="bold">{_words(drawing.title)}</text>'
    if len(drawing.edges) <= MOST_EDGES:
        for c, u, d, v in drawing.edges:
            (x1, y1), (x2, y2) = _place(drawing, c, u, height), _place(drawing, d, v, height)
            yield f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="#999999" stroke-width="0.6"/>'
    for c, column in enumerate(drawing.columns):
        name = _words(printable(column.name, 14))
        x = _MARGIN + _GAP * c
        yield f'<text x="{x}" y="{height - 12}" font-size="11" text-anchor="middle">{name}</text>'
        for v, unit in enumerate(column.units):
            yield from _circle(unit, *_place(drawing, c, v, height))


def _place(drawing: Drawing, column: int, unit: int, height: int) -> tuple[int, int]:
    """The middle of a circle; columns are centred."""
    size = len(drawing.columns[column].units)
    return _MARGIN + _GAP * column, (height - 20) // 2 + 8 + (2 * unit - size + 1) * _STEP // 2


def _circle(unit: Unit, x: int, y: int) -> Iterator[str]:
    dashes = ' stroke-dasharray="3 2"' if unit.kind in ("free", "sum") else ""
    yield f'<g class="unit {unit.kind}"><title>{_words(unit.words)}</title>'
    yield f'<circle cx="{x}" cy="{y}" r="{_RADIUS}" fill="{_fill(unit)}" stroke="#333333"{dashes}/>'
    yield f'<text x="{x}" y="{y + 4}" font-size="9" text-anchor="middle">{_words(unit.label)}</text></g>'


def _fill(unit: Unit) -> str:
    """Classes in turn around the circle of hues, by the golden angle, so that neighbours differ."""
    if unit.colour is not None:
        return f"hsl({unit.colour * 137.508 % 360:.1f}, 65%, {(78, 66)[unit.colour % 2]}%)"
    return {"zero": _GREY, "constant": _GREY}.get(unit.kind, "#ffffff")


def _words(words: str) -> str:
    return html.escape(printable(words))
