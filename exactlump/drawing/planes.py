# SPDX-License-Identifier: Apache-2.0
"""This file is about pictures in the plane of two inputs: regions, kinks, points, and the leaves of a bisection.

Kinds of regions are told apart by colour and by texture: "right" is blue, "wrong" is rust and hatched, "open" is grey.
Other kinds get the hues in turn, and their name is written in their largest region.

Throughout: x, y the inputs; what is drawn lies in the rectangle from `low` to `high`; y grows upwards.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from exactlump.drawing.cells import Corner, area_of, cells_of, cut, rectangle_of
from exactlump.drawing.numerals import Number, label, share, ticks
from exactlump.drawing.palette import BLUE, INK, PAPER, QUIET, RULE, RUST, Colour, hue, letters
from exactlump.drawing.spots import Spots
from exactlump.drawing.svg import (
    Picture,
    Point,
    element,
    fitted,
    framed,
    number,
    outline,
    polygon,
    printable,
    rectangle,
    tooltip,
    width_of,
    write,
)
from exactlump.network.program import Network
from exactlump.numbers.rational import rational, text

_SIDE, _LEFT, _TOP = 340.0, 40.0, 18.0
_INSIDE = (_LEFT, _TOP, _LEFT + _SIDE, _TOP + _SIDE)
_KNOWN = {"right": BLUE, "wrong": RUST, "open": RULE}


@dataclass(frozen=True, slots=True)
class Region:
    """A convex polygon of a kind; `words` are shown when it is pointed at."""

    corners: Sequence[tuple[Number, Number]]
    kind: str
    words: str = ""


@dataclass(frozen=True, slots=True)
class Kink:
    """The line a*x + b*y + c = 0."""

    a: Number
    b: Number
    c: Number
    name: str = ""


@dataclass(frozen=True, slots=True)
class Dot:
    """A point, such as a counterexample, and what is said of it."""

    x: Number
    y: Number
    words: str = ""


@dataclass(frozen=True, slots=True)
class Leaf:
    """A box of a bisection and what is known on it: "right", "wrong", "open", or any other kind."""

    low: Sequence[Number]
    high: Sequence[Number]
    kind: str
    words: str = ""


@dataclass(frozen=True, slots=True)
class _View:
    """From exact points of the rectangle to places in px."""

    low: Corner
    high: Corner

    def place(self, x: Number, y: Number) -> Point:
        return (
            _LEFT + _SIDE * share(x, self.low[0], self.high[0]),
            _TOP + _SIDE * (1 - share(y, self.low[1], self.high[1])),
        )


def draw_plane(
    low: Sequence[Number],
    high: Sequence[Number],
    *,
    regions: Sequence[Region] = (),
    kinks: Sequence[Kink] = (),
    dots: Sequence[Dot] = (),
    names: tuple[str, str] = ("x1", "x2"),
    title: str = "A plane of two inputs",
    lines: float = 0,
) -> Picture:
    """Regions, lines and points on a rectangle; `lines` is how thick the borders of the regions are drawn, in px.

    Raises ShapeError for a rectangle that is empty.
    """
    corners = rectangle_of(low, high)
    view = _View(corners[0], corners[2])
    kinds = list(dict.fromkeys(region.kind for region in regions))
    parts = [rectangle(_LEFT, _TOP, _SIDE, _SIDE, PAPER), *_filled(view, regions, kinds, lines=lines)]
    spots, places = Spots(), [view.place(dot.x, dot.y) for dot in dots]
    for x, y in places:
        spots.take(x, y, 12, 12)
    parts += [_kink(view, corners, kink, spots) for kink in kinks]
    parts += [_named(view, regions, kind, spots) for kind in kinds if kind not in _KNOWN]
    parts += [_dot(dot, place, spots) for dot, place in zip(dots, places, strict=True)]
    parts += [outline(_LEFT, _TOP, _SIDE, _SIDE, INK, 0.9), _axes(view, names)]
    used = [kind for kind in ("right", "wrong", "open") if kind in kinds]
    parts.append(_legend(used, _TOP + _SIDE + 46))
    height = _TOP + _SIDE + (62 if used else 38)
    told = f"{len(regions)} regions, {len(kinks)} lines, {len(dots)} points."
    return framed(Picture(_LEFT + _SIDE + 30, height, "\n".join(parts), title, told))


def draw_leaves(
    low: Sequence[Number],
    high: Sequence[Number],
    leaves: Iterable[Leaf],
    *,
    names: tuple[str, str] = ("x1", "x2"),
    title: str = "The leaves of a bisection",
) -> Picture:
    """The boxes into which a rectangle was cut, each by what is known on it.  Raises ShapeError for no rectangle."""
    regions = [Region(rectangle_of(leaf.low, leaf.high), leaf.kind, leaf.words) for leaf in leaves]
    return draw_plane(low, high, regions=regions, names=names, title=title, lines=0.7)


def draw_pieces(
    network: Network,
    low: Sequence[Number],
    high: Sequence[Number],
    *,
    output: int = 0,
    names: tuple[str, str] = ("x1", "x2"),
    title: str = "The linear pieces of a network",
    most: int = 2000,
) -> Picture:
    """Where an output of a network of two inputs is which affine function; equal functions have one letter and hue.

    Raises as `cells_of` does.
    """
    cells = cells_of(network, low, high, most)
    seen: dict[object, str] = {}
    regions = []
    for cell in sorted(cells, key=lambda cell: -area_of(cell.corners)):
        a, b, c = cell.outputs[output]
        words = f"{text(a)}*{names[0]} + {text(b)}*{names[1]} + {text(c)}"
        kind = seen.setdefault((text(a), text(b), text(c)), letters(len(seen)))
        regions.append(Region(cell.corners, kind, words))
    return draw_plane(
        low, high, regions=regions, names=names, title=title, lines=0.4 if len(seen) < len(cells) else 0.7
    )


# Parts


def _paint(kind: str, kinds: Sequence[str]) -> tuple[Colour, float]:
    if kind in _KNOWN:
        return _KNOWN[kind], 0.22
    others = [k for k in kinds if k not in _KNOWN]
    place = others.index(kind)
    return hue(place), (0.3, 0.16, 0.42)[place // 6 % 3]


def _filled(view: _View, regions: Sequence[Region], kinds: Sequence[str], *, lines: float) -> list[str]:
    """The regions, kind by kind."""
    parts = []
    for region in regions:
        colour, opacity = _paint(region.kind, kinds)
        points = [view.place(x, y) for x, y in region.corners]
        body = polygon(points, colour, opacity)
        if region.kind == "wrong":
            body += _hatched(points, colour)
        if lines:
            path = " ".join(f"{number(x)},{number(y)}" for x, y in points)
            body += element(
                "polygon", points=path, fill="none", stroke=RULE, stroke_width=lines, stroke_linejoin="round"
            )
        parts.append(tooltip(region.words or region.kind, body))
    return parts


def _hatched(points: Sequence[Point], colour: Colour, step: float = 7.0) -> str:
    """Slanted lines across a convex polygon."""
    sums = [x + y for x, y in points]
    paths = []
    k = int(min(sums) // step) + 1
    while k * step < max(sums):
        crossing = []
        for i, (x1, y1) in enumerate(points):
            x2, y2 = points[(i + 1) % len(points)]
            p, q = x1 + y1 - k * step, x2 + y2 - k * step
            if p * q < 0:
                crossing.append((x1 + p / (p - q) * (x2 - x1), y1 + p / (p - q) * (y2 - y1)))
        if len(crossing) == 2:
            (xa, ya), (xb, yb) = crossing
            paths.append(f"M{number(xa)} {number(ya)}L{number(xb)} {number(yb)}")
        k += 1
    return element("path", d="".join(paths), stroke=colour, stroke_width=0.8, fill="none") if paths else ""


def _kink(view: _View, corners: Sequence[Corner], kink: Kink, spots: Spots) -> str:
    """The part of a line inside the rectangle, and its name on it."""
    function = rational(kink.a), rational(kink.b), rational(kink.c)
    above, below = cut(corners, function)
    ends = sorted({c for c in above if c in below}, key=lambda c: (c[0], c[1])) if above and below else []
    if len(ends) < 2:
        return ""
    (x1, y1), (x2, y2) = (view.place(*end) for end in (ends[0], ends[-1]))
    shape = element("line", x1=x1, y1=y1, x2=x2, y2=y2, stroke=INK, stroke_width=1.2, stroke_dasharray="5 3")
    words = fitted(kink.name, 70, 11)
    return shape + (_on_line((x1, y1), (x2, y2), words, spots) if words else "")


def _on_line(a: Point, b: Point, words: str, spots: Spots) -> str:
    width = width_of(words, 11) + 6
    along = (0.88, 0.12, 0.75, 0.25, 0.62, 0.38, 0.5)
    found = spots.first([(a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1])) for t in along], width, 16, _INSIDE)
    if found is None:
        return ""
    x, y = found
    return rectangle(x - width / 2, y - 8, width, 16, PAPER, 0.9) + write(x, y + 4, words, 11, anchor="middle")


def _named(view: _View, regions: Sequence[Region], kind: str, spots: Spots) -> str:
    """The name of a kind, in the middle of its largest region, if that is large enough."""
    exact = [[(rational(x), rational(y)) for x, y in region.corners] for region in regions if region.kind == kind]
    corners = max(exact, key=area_of)
    places = [view.place(*corner) for corner in corners]
    x, y = (sum(place[i] for place in places) / len(places) for i in (0, 1))
    words = fitted(kind, 80, 11)
    width = width_of(words, 11) + 2
    wide = max(p[0] for p in places) - min(p[0] for p in places)
    high = max(p[1] for p in places) - min(p[1] for p in places)
    if wide < 1.1 * width or high < 18 or spots.first([(x, y)], width, 14) is None:
        return ""
    return write(x, y + 4, words, 11, anchor="middle", bold=True)


def _dot(dot: Dot, spot: Point, spots: Spots) -> str:
    x, y = spot
    where = f"({label(dot.x)}, {label(dot.y)})"
    exact = f"({text(rational(dot.x))}, {text(rational(dot.y))})"
    words = fitted(f"{where} {dot.words}".strip(), 190, 11)
    width = width_of(words, 11) + 4
    shape = element("circle", cx=x, cy=y, r=4.2, fill=RUST, stroke=PAPER, stroke_width=1.4)
    side, diagonal = width / 2 + 9, width / 2 + 7
    places = [(x + side, y), (x - side, y), (x, y + 15), (x, y - 15)]
    places += [(x + sx * diagonal, y + sy * 13) for sx in (1, -1) for sy in (1, -1)]
    found = spots.first(places, width, 15, _INSIDE)
    if found is None:
        return tooltip(f"{exact} {dot.words}", shape)
    x, y = found
    under = rectangle(x - width / 2, y - 7.5, width, 15, PAPER, 0.9)
    return tooltip(f"{exact} {dot.words}", under, write(x, y + 4, words, 11, anchor="middle"), shape)


def _axes(view: _View, names: tuple[str, str]) -> str:
    """Round numbers below and at the left, and the names of the inputs."""
    parts = []
    for tick in ticks(view.low[0], view.high[0]):
        x, _ = view.place(tick, view.low[1])
        parts.append(element("line", x1=x, y1=_TOP + _SIDE, x2=x, y2=_TOP + _SIDE + 4, stroke=INK, stroke_width=0.9))
        parts.append(write(x, _TOP + _SIDE + 16, label(tick, 6), 10.5, colour=QUIET, anchor="middle"))
    for tick in ticks(view.low[1], view.high[1]):
        _, y = view.place(view.low[0], tick)
        parts.append(element("line", x1=_LEFT - 4, y1=y, x2=_LEFT, y2=y, stroke=INK, stroke_width=0.9))
        parts.append(write(_LEFT - 7, y + 3.6, label(tick, 6), 10.5, colour=QUIET, anchor="end"))
    first, second = (fitted(name, 100, 12) for name in names)
    parts.append(write(_LEFT + _SIDE, _TOP + _SIDE + 31, first, 12, anchor="end", slanted=True))
    parts.append(write(_LEFT, _TOP - 7, second, 12, slanted=True))
    return "".join(parts)


def _legend(kinds: Sequence[str], y: float) -> str:
    x, parts = _LEFT, []
    for kind in kinds:
        parts.append(rectangle(x, y, 18, 11, _KNOWN[kind], 0.22))
        if kind == "wrong":
            parts.append(_hatched([(x, y), (x + 18, y), (x + 18, y + 11), (x, y + 11)], RUST, 5))
        parts.append(outline(x, y, 18, 11, RULE, 0.8))
        words = printable(kind)
        parts.append(write(x + 24, y + 9.5, words, 10.5))
        x += 24 + width_of(words, 10.5) + 20
    return "".join(parts)
