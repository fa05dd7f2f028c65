# SPDX-License-Identifier: Apache-2.0
"""This file is about pictures of Markov chains and labelled graphs: states, arrows with their rates, classes as fields.

States stand in columns by how many steps they are from the first one, and within a column in the order of their
classes.  Arrows to the next column are straight; all others are bent, and those far back run below everything.  The
diagonal of a chain is not drawn.

Throughout: u, v states; places in px.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import hypot

from exactlump.drawing.numerals import label
from exactlump.drawing.palette import INK, PAPER, QUIET, RULE, Colour, hue, letters
from exactlump.drawing.spots import Spots
from exactlump.drawing.svg import (
    Picture,
    Point,
    arrow_head,
    element,
    fitted,
    framed,
    number,
    rectangle,
    tooltip,
    width_of,
    write,
)
from exactlump.markov import Chain, Classes, Graph
from exactlump.numbers.rational import Rational, text

_RADIUS, _STEP, _GAP, _MARGIN = 15.0, 58.0, 128.0, 30.0
MOST_STATES = 60


@dataclass(frozen=True, slots=True)
class Arrow:
    """From u to v, with a rate."""

    u: int
    v: int
    rate: Rational


def draw_chain(
    graph: Graph,
    classes: Classes = (),
    rho: Sequence[Rational] = (),
    *,
    columns: Sequence[Sequence[str]] = (),
    title: str = "",
) -> Picture:
    """The picture of a chain or a labelled graph; classes of several states are fields of one hue, with a letter.

    rho      one factor a state, written below it
    columns  the states, by name, column by column, if they are to stand otherwise
    A graph of more than MOST_STATES states is not drawn: the picture says so.
    """
    words = title or f"{type(graph).__name__} with {len(graph)} states"
    if len(graph) > MOST_STATES or not len(graph):
        note = f"{len(graph)} states: no picture"
        return framed(Picture(width_of(note, 12), 16, write(0, 12, note, 12, colour=QUIET), words, note))
    placed = [[graph.place(name) for name in column] for column in columns] or _columns(graph, classes)
    plan = _planned(graph, placed)
    arrows = [
        Arrow(u, v, rate) for u, row in enumerate(graph.rows) for v, rate in row.items() if u != v or _has_loops(graph)
    ]
    back = sorted((a for a in arrows if plan.step(a) < -1), key=lambda a: (-plan.step(a), a.u, a.v))
    plan.floors = {(a.u, a.v): plan.bottom + 14 + 18 * k for k, a in enumerate(back)}
    spots = Spots()
    for v, (x, y) in plan.places.items():
        spots.take(x, y, 2 * plan.half[v], 2 * _RADIUS)
        if v < len(rho):
            spots.take(x, y - _RADIUS - 8, 34, 12)
    fields = [_field(graph, plan, members, k, bool(rho), spots) for k, members in enumerate(_large(classes))]
    pairs = {(a.u, a.v) for a in arrows}
    shapes, numbers = [], []
    for arrow in arrows:
        shape, places = _arrow(arrow, plan, both=(arrow.v, arrow.u) in pairs)
        shapes.append(tooltip(f"{graph.names[arrow.u]} to {graph.names[arrow.v]}: {text(arrow.rate)}", shape))
        numbers.append(_number(arrow, places, spots))
    states = [_state(graph, v, plan, rho) for v in sorted(plan.places)]
    width = max(x + plan.half[v] for v, (x, _) in plan.places.items()) + 26
    height = plan.bottom + (20 + 18 * len(back) if back else 4)
    told = _told(graph, classes, rho)
    parts = [*(shape for shape, _ in fields), *shapes, *(name for _, name in fields), *numbers, *states]
    return framed(Picture(width, height, "\n".join(parts), words, told))


def _has_loops(graph: Graph) -> bool:
    """A chain's diagonal follows from its rates; any other graph's weights on it are shown."""
    return not isinstance(graph, Chain)


def _large(classes: Classes) -> list[tuple[int, ...]]:
    return [members for members in classes if len(members) > 1]


# Where states are


def _columns(graph: Graph, classes: Classes) -> list[list[int]]:
    """The states by their distance from the first one; those that it does not reach come first."""
    distance = {0: 0}
    order = [0]
    for u in order:
        for v in graph.rows[u]:
            if v not in distance:
                distance[v] = distance[u] + 1
                order.append(v)
    found: dict[int, list[int]] = {}
    for v in range(len(graph)):
        found.setdefault(distance.get(v, 0), []).append(v)
    rank = {v: k for k, members in enumerate(classes) for v in members}
    return [sorted(found[d], key=lambda v: (rank.get(v, 0), v)) for d in sorted(found)]


@dataclass(slots=True)
class Plan:
    """Where states are, how wide half of each is, in which column it stands, and how deep far arrows back run."""

    places: dict[int, Point]
    half: dict[int, float]
    depth: dict[int, int]
    lowest: frozenset[int]
    bottom: float
    floors: dict[tuple[int, int], float]

    def step(self, arrow: Arrow) -> int:
        """By how many columns an arrow goes on."""
        return self.depth[arrow.v] - self.depth[arrow.u]

    def edge(self, v: int, toward: Point) -> Point:
        """Where the way from the middle of a state to a point leaves it."""
        (x, y), half = self.places[v], self.half[v] - _RADIUS
        x += max(-half, min(half, toward[0] - x))
        return _toward((x, y), toward, _RADIUS)


def _planned(graph: Graph, columns: Sequence[Sequence[int]]) -> Plan:
    half = {v: max(_RADIUS, min(width_of(graph.names[v], 11.5) / 2 + 8, 56)) for column in columns for v in column}
    tall = max(len(column) for column in columns) * _STEP
    places: dict[int, Point] = {}
    x = _MARGIN
    for column in columns:
        wide = max(half[v] for v in column)
        x += wide
        for k, v in enumerate(column):
            places[v] = (x, 22 + (tall - len(column) * _STEP) / 2 + (k + 0.5) * _STEP)
        x += wide + _GAP - 2 * _RADIUS
    depth = {v: d for d, column in enumerate(columns) for v in column}
    bottom = max(y for _, y in places.values()) + _RADIUS + 10
    return Plan(places, half, depth, frozenset(column[-1] for column in columns), bottom, {})


# Parts


def _field(graph: Graph, plan: Plan, members: Sequence[int], number_: int, told: bool, spots: Spots) -> tuple[str, str]:
    """The field of a class, a rounded box if its states stand together, else a halo around each; and its letter."""
    colour, letter = hue(number_), letters(number_)
    xs, ys = [plan.places[v][0] for v in members], [plan.places[v][1] for v in members]
    wide, pad = max(plan.half[v] for v in members), 9.0
    above = 14.0 if told else 0.0
    x, y = min(xs) - wide - pad, min(ys) - _RADIUS - pad - above
    across, down = max(xs) - min(xs) + 2 * (wide + pad), max(ys) - min(ys) + 2 * (_RADIUS + pad) + above
    inside = {v for v, (a, b) in plan.places.items() if x < a < x + across and y < b < y + down}
    words = f"class {letter}: {', '.join(graph.names[v] for v in members)}"
    if inside == set(members):
        shape = element("rect", x=x, y=y, width=across, height=down, rx=_RADIUS + pad, fill=colour, fill_opacity=0.14,
                        stroke=colour, stroke_width=1)  # fmt: skip
        return tooltip(words, shape), write(x + across / 2, y - 5, letter, 12, anchor="middle", bold=True)
    return tooltip(words, *(_halo(plan, v, colour) for v in members)), "".join(
        _halo_letter(plan, v, letter, spots) for v in members
    )


def _halo(plan: Plan, v: int, colour: Colour) -> str:
    (x, y), half = plan.places[v], plan.half[v] + 5
    return element("rect", x=x - half, y=y - _RADIUS - 5, width=2 * half, height=2 * _RADIUS + 10, rx=_RADIUS + 5,
                    fill=colour, fill_opacity=0.3)  # fmt: skip


def _halo_letter(plan: Plan, v: int, letter: str, spots: Spots) -> str:
    (x, y), width = plan.places[v], width_of(letter, 11) * 1.07 + 4
    left, foot = x - plan.half[v] - 5 - width / 2, y - _RADIUS - 3
    spots.take(left, foot - 4, width, 13)
    under = rectangle(left - width / 2, foot - 10, width, 13, PAPER)
    return under + write(left, foot, letter, 11, bold=True, anchor="middle")


def _state(graph: Graph, v: int, plan: Plan, rho: Sequence[Rational]) -> str:
    (x, y), half = plan.places[v], plan.half[v]
    shape = element("rect", x=x - half, y=y - _RADIUS, width=2 * half, height=2 * _RADIUS, rx=_RADIUS, fill=PAPER,
                    stroke=INK, stroke_width=1.2)  # fmt: skip
    parts = [shape, write(x, y + 4.2, fitted(graph.names[v], 2 * half - 8, 11.5), 11.5, anchor="middle")]
    if v < len(rho):
        words = f"\N{GREEK SMALL LETTER RHO} = {label(rho[v])}"
        parts.append(write(x, y - _RADIUS - 4, words, 10, anchor="middle"))
    return tooltip(f"state {graph.names[v]}", *parts)


def _arrow(arrow: Arrow, plan: Plan, *, both: bool) -> tuple[str, list[Point]]:
    """An arrow, and places for its rate, the best first; both: whether another one goes the other way."""
    a, b, step = plan.places[arrow.u], plan.places[arrow.v], plan.step(arrow)
    if arrow.u == arrow.v:
        return _loop(a)
    if step == 0:
        bend = (26 + 0.22 * abs(a[1] - b[1]) + plan.half[arrow.u] - _RADIUS) * (1 if a[1] < b[1] else -1)
        third = (b[1] - a[1]) / 4
        return _curve(plan, arrow, (a[0] + bend, a[1] + third), (a[0] + bend, b[1] - third))
    if step < -1:
        return _floor(arrow, plan)
    if step > 1:
        lift = -30 - 10 * step
        return _curve(plan, arrow, (a[0] + 40, a[1] + lift), (b[0] - 40, b[1] + lift))
    if both:
        long = hypot(b[0] - a[0], b[1] - a[1])
        nx, ny = 16 * (b[1] - a[1]) / long, -16 * (b[0] - a[0]) / long
        c, d = _between(a, b, 0.3), _between(a, b, 0.7)
        return _curve(plan, arrow, (c[0] + nx, c[1] + ny), (d[0] + nx, d[1] + ny))
    start, end = plan.edge(arrow.u, b), plan.edge(arrow.v, a)
    along = (0.5, 0.38, 0.62, 0.28, 0.72, 0.2, 0.8)
    return _line(start, end) + arrow_head(start, end), [_between(start, end, t) for t in along]


def _curve(plan: Plan, arrow: Arrow, c: Point, d: Point) -> tuple[str, list[Point]]:
    """A bent arrow with control points c and d."""
    start, end = plan.edge(arrow.u, c), plan.edge(arrow.v, d)
    shape = element("path", d=f"M{_at(start)}C{_at(c)} {_at(d)} {_at(end)}", fill="none", stroke=RULE, stroke_width=1.2)
    along = (0.5, 0.4, 0.6, 0.3, 0.7, 0.22, 0.78)
    return shape + arrow_head(d, end), [_cubic(start, c, d, end, t) for t in along]


def _floor(arrow: Arrow, plan: Plan) -> tuple[str, list[Point]]:
    """An arrow far back: down beside its column, along a floor below all states, and up."""
    (ax, ay), (bx, by), floor = plan.places[arrow.u], plan.places[arrow.v], plan.floors[arrow.u, arrow.v]
    if arrow.u in plan.lowest:
        start, down = (ax, ay + _RADIUS), ax
    else:
        start, down = (ax - plan.half[arrow.u] + 4, ay + 8), ax - plan.half[arrow.u] - 14
    if arrow.v in plan.lowest:
        end, up = (bx, by + _RADIUS), bx
    else:
        end, up = (bx + plan.half[arrow.v] - 4, by + 8), bx + plan.half[arrow.v] + 14
    path = f"M{_at(start)}C{_at((down, ay + 24))} {_at((down, floor))} {_at((down - 26, floor))}"
    path += f"L{_at((up + 26, floor))}C{_at((up, floor))} {_at((up, by + 24))} {_at(end)}"
    shape = element("path", d=path, fill="none", stroke=RULE, stroke_width=1.2)
    middle = (down + up) / 2
    return shape + arrow_head((up, by + 30), end), [(middle + s, floor) for s in (0, 30, -30, 60, -60)]


def _loop(a: Point) -> tuple[str, list[Point]]:
    x, y = a
    start, end = (x - 6, y - _RADIUS + 1), (x + 6, y - _RADIUS)
    path = f"M{_at(start)}C{_at((x - 20, y - 42))} {_at((x + 20, y - 42))} {_at(end)}"
    shape = element("path", d=path, fill="none", stroke=RULE, stroke_width=1.2)
    return shape + arrow_head((x + 14, y - 34), end), [(x, y - 36)]


def _line(a: Point, b: Point) -> str:
    return element("line", x1=a[0], y1=a[1], x2=b[0], y2=b[1], stroke=RULE, stroke_width=1.2)


def _toward(a: Point, b: Point, distance: float) -> Point:
    """The point at a distance from a on the way to b."""
    long = hypot(b[0] - a[0], b[1] - a[1]) or 1
    return a[0] + distance * (b[0] - a[0]) / long, a[1] + distance * (b[1] - a[1]) / long


def _between(a: Point, b: Point, t: float) -> Point:
    return a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1])


def _cubic(a: Point, c: Point, d: Point, b: Point, t: float) -> Point:
    s = 1 - t
    weights = s**3, 3 * s * s * t, 3 * s * t * t, t**3
    x, y = (sum(w * p[i] for w, p in zip(weights, (a, c, d, b), strict=True)) for i in (0, 1))
    return x, y


def _at(point: Point) -> str:
    return f"{number(point[0])} {number(point[1])}"


def _number(arrow: Arrow, places: Sequence[Point], spots: Spots) -> str:
    """The rate, at the first of the places that is free; left out if none is."""
    words = label(arrow.rate)
    width = width_of(words, 11) + 5
    found = spots.first(places, width, 15)
    if found is None:
        return ""
    x, y = found
    return rectangle(x - width / 2, y - 7, width, 14, PAPER) + write(x, y + 4, words, 11, anchor="middle")


def _told(graph: Graph, classes: Classes, rho: Sequence[Rational]) -> str:
    """The picture in sentences."""
    rates = [
        f"{graph.names[u]} to {graph.names[v]}: {text(rate)}"
        for u, row in enumerate(graph.rows)
        for v, rate in row.items()
        if u != v
    ]
    told = f"Rates: {', '.join(rates[:40])}{' and more' if len(rates) > 40 else ''}."
    for k, members in enumerate(_large(classes)):
        told += f" Class {letters(k)}: {', '.join(graph.names[v] for v in members)}."
    if rho:
        told += f" Factors rho: {', '.join(map(text, rho))}."
    return told
