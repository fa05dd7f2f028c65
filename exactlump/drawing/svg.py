# SPDX-License-Identifier: Apache-2.0
"""This file is about SVG as text: elements, words, and pictures that are put together.

A `Picture` has a size and a body.  Its file has no scripts, no links, no identifiers and no fonts of its own, so that
several can stand in one page.  Colours stand beside each shape in their light form, for paper and for every program
that shows SVG; a style in the file turns them dark on screens that ask for it.  The same picture is always the same
bytes.  Words may come from files: they are escaped, and shown on one line.

Throughout: x to the right, y downwards, in px; size the height of the letters.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from html import escape
from math import hypot
from pathlib import Path
from typing import TypeAlias

from exactlump.drawing.palette import COLOURS, INK, PAPER, QUIET, RULE, Colour

Point: TypeAlias = tuple[float, float]
# An attribute: a text, a number, or a colour; None leaves it out.
Value: TypeAlias = str | float | Colour | None

FONT = "'Source Sans 3','Helvetica Neue',Helvetica,Arial,'Liberation Sans','DejaVu Sans',sans-serif"
# Widths of the letters of Helvetica, in thousandths of the size; any other one is taken to be as wide as it is high.
_NARROW = {
    278: " !,./:;I[\\]ft·",
    222: "ijl'|",
    333: "()-r`",
    355: '"',
    500: "Jcksvxyz",
    556: "0123456789Labdeghnopqu?#$_",
    584: "+<=>~\N{MINUS SIGN}\N{MULTIPLICATION SIGN}≈≤≥",
    611: "FTZ",
    667: "ABEKPSVXY&",
    722: "CDHNRUw",
    778: "GOQ",
    833: "Mm",
    944: "W",
}
_WIDTHS = {letter: width / 1000 for width, letters in _NARROW.items() for letter in letters}


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture of a width and a height, in px.

    body         SVG elements, as text
    title        what it shows, in a few words, for those who do not see it and for those who point at it
    description  what it says, in sentences
    """

    width: float
    height: float
    body: str
    title: str
    description: str = ""

    def svg(self) -> str:
        """The whole file."""
        return document(self)

    def _repr_svg_(self) -> str:
        return self.svg()

    def save(self, path: str | Path) -> None:
        """Write the file, in UTF-8.  Raises OSError where that cannot be."""
        Path(path).write_text(self.svg(), encoding="utf-8", newline="\n")

    def __repr__(self) -> str:
        return f"Picture({round(self.width)} x {round(self.height)}: {printable(self.title, 60)})"


def document(picture: Picture) -> str:
    """The text of the SVG file of a picture."""
    width, height = number(picture.width), number(picture.height)
    used = set(re.findall(r'class="([^"]*)"', picture.body))
    rules = [
        rule
        for colour in COLOURS
        for kind, prefix in (("fill", "xf"), ("stroke", "xs"))
        if any(f"{prefix}-{colour.name}" in names.split() for names in used) or (colour is PAPER and kind == "fill")
        for rule in (f".{prefix}-{colour.name}{{{kind}:{colour.dark}}}",)
    ]
    style = f"<style>@media screen and (prefers-color-scheme:dark){{{''.join(rules)}}}</style>"
    title = printable(picture.title)
    named = f"<title>{escape(title)}</title>"
    if picture.description:
        named += f"<desc>{escape(printable(picture.description, 2000))}</desc>"
    frame = element("rect", width=picture.width, height=picture.height, fill=PAPER)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
        f' role="img" aria-label="{escape(title)}" font-family="{FONT}" style="max-width:100%;height:auto">\n'
        f"{named}{style}\n{frame}\n{picture.body}\n</svg>\n"
    )


# Elements


def element(tag: str, *children: str, **attributes: Value) -> str:
    """An element; `_` in the name of an attribute stands for `-`, and a colour brings its class along."""
    classes, words = [], []
    for name, value in attributes.items():
        name = name.rstrip("_").replace("_", "-")
        if isinstance(value, Colour):
            classes.append(f"{'xf' if name == 'fill' else 'xs'}-{value.name}")
            words.append(f' {name}="{value.light}"')
        elif value is not None:
            words.append(f' {name}="{escape(value) if isinstance(value, str) else number(value)}"')
    if classes:
        words.append(f' class="{" ".join(classes)}"')
    inside = "".join(children)
    return f"<{tag}{''.join(words)}>{inside}</{tag}>" if inside else f"<{tag}{''.join(words)}/>"


def number(value: float) -> str:
    """A length or a place: at most two decimals.

    >>> number(2.0), number(-0.001), number(1 / 3)
    ('2', '0', '0.33')
    """
    word = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if word in ("-0", "") else word


def group(*children: str, **attributes: Value) -> str:
    """Elements together; colours given here hold for all of them."""
    return element("g", *children, **attributes)


def moved(body: str, x: float, y: float) -> str:
    """Elements at another place."""
    return element("g", body, transform=f"translate({number(x)} {number(y)})") if x or y else body


def tooltip(words: str, *children: str) -> str:
    """Elements with words that are shown when one points at them."""
    return f"<g><title>{escape(printable(words))}</title>{''.join(children)}</g>"


def line(a: Point, b: Point, colour: Colour, width: float = 1, dash: str | None = None) -> str:
    """A line from a to b."""
    return element("line", x1=a[0], y1=a[1], x2=b[0], y2=b[1], stroke=colour, stroke_width=width, stroke_dasharray=dash)


def rectangle(x: float, y: float, width: float, height: float, colour: Colour, opacity: float | None = None) -> str:
    """A filled rectangle."""
    return element("rect", x=x, y=y, width=width, height=height, fill=colour, fill_opacity=opacity)


def outline(
    x: float, y: float, width: float, height: float, colour: Colour, stroke: float = 1, dash: str | None = None
) -> str:
    """The border of a rectangle."""
    attributes: dict[str, Value] = {"fill": "none", "stroke": colour, "stroke_width": stroke, "stroke_dasharray": dash}
    return element("rect", x=x, y=y, width=width, height=height, **attributes)


def hatching(x: float, y: float, width: float, height: float, colour: Colour, step: float = 5) -> str:
    """Slanted lines over a rectangle: a sign that needs no colour."""
    parts = []
    for k in range(1, int((width + height) / step) + 1):
        d = k * step
        x1, y1 = (x + d, y) if d <= width else (x + width, y + d - width)
        x2, y2 = (x, y + d) if d <= height else (x + d - height, y + height)
        parts.append(f"M{number(x1)} {number(y1)}L{number(x2)} {number(y2)}")
    return element("path", d="".join(parts), stroke=colour, stroke_width=0.8, fill="none") if parts else ""


def polygon(points: Sequence[Point], colour: Colour, opacity: float | None = None) -> str:
    """A filled polygon."""
    return element("polygon", points=" ".join(f"{number(x)},{number(y)}" for x, y in points), fill=colour,
                   fill_opacity=opacity)  # fmt: skip


def arrow_head(a: Point, b: Point, colour: Colour = RULE, size: float = 7) -> str:
    """The head of an arrow that comes from the side of a and ends at b."""
    long = hypot(b[0] - a[0], b[1] - a[1]) or 1
    dx, dy = (b[0] - a[0]) / long, (b[1] - a[1]) / long
    x, y, half = b[0] - size * dx, b[1] - size * dy, 0.42 * size
    return polygon([b, (x - half * dy, y + half * dx), (x + half * dy, y - half * dx)], colour)


# Words


def printable(words: str, most: int = 300) -> str:
    """Words as they can be shown on one line: controls and marks of direction as escapes, and not too many."""
    cut = words if len(words) <= most else f"{words[:most]}… ({len(words)} characters)"
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in cut)


def width_of(words: str, size: float) -> float:
    """How wide words are, about: the widths of Helvetica and a little more, as the reader's font is not known."""
    return 1.04 * size * sum(_WIDTHS.get(c, 1.0) for c in words)


def name_width(names: Sequence[str], most: float = 130) -> float:
    """The room for names at the left of bars."""
    return min(max((width_of(printable(name), 12) for name in names), default=0) + 18, most)


def fitted(words: str, width: float, size: float) -> str:
    """Words that are not wider than that: the end gives way to an ellipsis."""
    words = printable(words)
    if width_of(words, size) <= width:
        return words
    while words and width_of(words + "…", size) > width:
        words = words[:-1]
    return words.rstrip() + "…"


def write(
    x: float,
    y: float,
    words: str,
    size: float = 12,
    *,
    colour: Colour = INK,
    anchor: str = "start",
    bold: bool = False,
    slanted: bool = False,
) -> str:
    """Words on a line whose foot is at y; anchor "start", "middle" or "end" says which end is at x."""
    return element(
        "text",
        escape(printable(words)),
        x=x,
        y=y,
        font_size=size,
        fill=colour,
        text_anchor=None if anchor == "start" else anchor,
        font_weight="600" if bold else None,
        font_style="italic" if slanted else None,
    )


# Pictures from pictures


def stacked(pictures: Sequence[Picture], *, title: str, description: str = "", gap: float = 24) -> Picture:
    """Pictures one below the other, left edges in line."""
    bodies, y = [], 0.0
    for picture in pictures:
        bodies.append(moved(picture.body, 0, y))
        y += picture.height + gap
    width = max((picture.width for picture in pictures), default=0)
    return Picture(width, max(y - gap, 0), "\n".join(bodies), title, description)


def beside(pictures: Sequence[Picture], *, title: str, description: str = "", gap: float = 24) -> Picture:
    """Pictures in a row, upper edges in line."""
    bodies, x = [], 0.0
    for picture in pictures:
        bodies.append(moved(picture.body, x, 0))
        x += picture.width + gap
    height = max((picture.height for picture in pictures), default=0)
    return Picture(max(x - gap, 0), height, "\n".join(bodies), title, description)


def framed(picture: Picture, margin: float = 20) -> Picture:
    """The picture with a margin around it."""
    body = moved(picture.body, margin, margin)
    return replace(picture, width=picture.width + 2 * margin, height=picture.height + 2 * margin, body=body)


def headed(picture: Picture, words: str, note: str = "") -> Picture:
    """The picture with a heading above it, and a quieter note below that."""
    head = write(0, 13, words, 14, bold=True) + (write(0, 31, note, 11.5, colour=QUIET) if note else "")
    down = 42 if note else 26
    width = max(picture.width, width_of(words, 14) * 1.07, width_of(note, 11.5))
    return replace(picture, width=width, height=picture.height + down, body=f"{head}\n{moved(picture.body, 0, down)}")
