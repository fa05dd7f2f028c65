# SPDX-License-Identifier: Apache-2.0
"""This file is about pictures of small networks: circles for units, in columns, lines for edges, weights on them.

A label is put where it meets no circle and no other label; where there is no such place it is left out, as are all
labels between two columns with more than MOST_LABELS edges.  Then the thickness of a line says how large its weight
is, and dashes that it is negative.

Throughout: u, v units; places in px.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from exactlump.drawing.layout import Column, Edge, columns_of, edges_of
from exactlump.drawing.marks import ALONE, Mark, Marks
from exactlump.drawing.numerals import label, largest, near
from exactlump.drawing.palette import FAINT, INK, PAPER, QUIET, RULE, Colour, hue
from exactlump.drawing.spots import Spots
from exactlump.drawing.svg import Picture, Point, element, fitted, group, rectangle, tooltip, width_of, write
from exactlump.network.program import Network
from exactlump.numbers.rational import text

MOST_UNITS, MOST_COLUMNS, MOST_EDGES, MOST_LABELS = 20, 12, 1500, 30
_RADIUS, _HEAD, _BELOW, _MARGIN = 13.0, 40.0, 6.0, 36.0
_LABEL = 10.5


@dataclass(slots=True)
class Plan:
    """Where everything is.

    places  the middle of each unit, (tensor, unit)
    tops    the top of each column
    shown   which edges get a label
    """

    width: float
    height: float
    columns: tuple[Column, ...]
    places: dict[tuple[str, int], Point] = field(default_factory=dict)
    tops: dict[str, Point] = field(default_factory=dict)


def is_small(network: Network) -> bool:
    """Whether a network can be drawn with all its units and edges."""
    columns = columns_of(network)
    if len(columns) > MOST_COLUMNS or any(column.units > MOST_UNITS for column in columns):
        return False
    return sum(1 for _ in edges_of(network, columns)) <= MOST_EDGES


def spacing_of(network: Network, *, weights: bool) -> float:
    """The distance of columns that a small network needs."""
    gaps = _gaps(columns := columns_of(network), tuple(edges_of(network, columns)))
    return max((_gap_width(between, weights and len(between) <= MOST_LABELS) for between in gaps.values()), default=0)


def links(
    network: Network, marks: Marks, *, weights: bool, title: str, description: str, spacing: float | None = None
) -> Picture:
    """The picture of a small network; `spacing` is the distance of all columns, where it is not to be found here."""
    columns = columns_of(network)
    edges = tuple(edges_of(network, columns))
    gaps = _gaps(columns, edges)
    labelled = {gap for gap, between in gaps.items() if weights and len(between) <= MOST_LABELS}
    plan = _planned(columns, gaps, labelled, spacing)
    spots = Spots()
    for x, y in plan.places.values():
        spots.take(x, y, 2 * _RADIUS + 4, 2 * _RADIUS + 4)
    below = [_below(plan, column, v, marks, spots) for column in columns for v in range(column.units)]
    lines, labels = [], []
    for gap, between in sorted(gaps.items()):
        most = near(largest([edge.weight for edge in between if edge.weight is not None]))
        for edge in between:
            lines.append(_line(plan, edge, most, marks, dashed=gap not in labelled))
        if gap in labelled:
            labels += [_label(plan, edge, spots) for edge in between if _is_worth_a_label(columns, edge)]
    circles = [_unit(plan, column, v, marks) for column in columns for v in range(column.units)]
    heads = [_head(plan, column) for column in columns]
    parts = [
        group(*lines, fill="none", stroke=RULE),
        *labels,
        *below,
        *circles,
        *heads,
    ]
    height = plan.height
    if any(gap not in labelled and between for gap, between in gaps.items()):
        parts.append(_legend(plan.height))
        height += 22
    return Picture(plan.width, height, "\n".join(parts), title, description)


# Where things are


def _gaps(columns: Sequence[Column], edges: Sequence[Edge]) -> dict[int, list[Edge]]:
    """The edges by the depth of what they lead to."""
    depths = {column.tensor: column.depth for column in columns}
    found: dict[int, list[Edge]] = {depth: [] for depth in sorted(set(depths.values())) if depth}
    for edge in edges:
        found[depths[edge.target]].append(edge)
    return found


def _planned(
    columns: tuple[Column, ...], gaps: Mapping[int, list[Edge]], labelled: set[int], spacing: float | None
) -> Plan:
    depths: dict[int, list[Column]] = {}
    for column in columns:
        depths.setdefault(column.depth, []).append(column)
    step = max((_step(gaps[gap], depths) for gap in labelled), default=44.0)
    tall = max(sum(c.units * step + _HEAD for c in several) for several in depths.values())
    plan = Plan(0, tall + _BELOW, columns)
    x = _MARGIN
    for depth, several in sorted(depths.items()):
        if depth:
            x += spacing or _gap_width(gaps[depth], depth in labelled)
        used = sum(c.units * step for c in several) + _HEAD * len(several)
        y = (tall - used) / 2
        for column in several:
            plan.tops[column.tensor] = (x, y if len(several) > 1 else 0)
            for v in range(column.units):
                plan.places[column.tensor, v] = (x, y + _HEAD + (v + 0.5) * step)
            y += column.units * step + _HEAD
    plan.width = x + _MARGIN
    skipping = [e for between in gaps.values() for e in between if _skips(plan, e)]
    if skipping:
        plan.height += 16 + 6 * min(len(skipping), 8)
    return plan


def _step(edges: Sequence[Edge], depths: Mapping[int, Sequence[Column]]) -> float:
    """The distance of units that leaves room for the labels of so many edges."""
    rows = max(max(sum(c.units for c in several) for several in depths.values()), 1)
    return min(max(46.0, 13.0 * len(edges) / rows), 84.0)


def _gap_width(edges: Sequence[Edge], labelled: bool) -> float:
    """The distance of two columns."""
    if not labelled:
        return 130.0
    widest = max((_label_width(edge) for edge in edges), default=0)
    return min(110 + widest + 4.0 * len(edges), 250)


def _skips(plan: Plan, edge: Edge) -> bool:
    """Whether an edge passes a column."""
    depths = {column.tensor: column.depth for column in plan.columns}
    return depths[edge.target] - depths[edge.source] > 1


# Edges


def _line(plan: Plan, edge: Edge, most: float, marks: Marks, *, dashed: bool) -> str:
    a, b = plan.places[edge.source, edge.u], plan.places[edge.target, edge.v]
    weight = None if edge.weight is None else near(edge.weight)
    width = 1.0 if weight is None or not most else 0.5 + 1.1 * abs(weight) / most
    dash = "5 3" if dashed and weight is not None and weight < 0 else None
    ends = (_mark(marks, edge.source, edge.u), _mark(marks, edge.target, edge.v))
    faded = 0.45 if any(mark.kind in ("constant", "free", "same") for mark in ends) else None
    words = f"{edge.source}[{edge.u}] to {edge.target}[{edge.v}]"
    words += "" if edge.weight is None else f": {text(edge.weight)}"
    if _skips(plan, edge):
        low = plan.height - _BELOW + 6.0 * (edge.u % 4)
        d = f"M{a[0]:.1f} {a[1]:.1f}C{a[0] + 90:.1f} {low:.1f} {b[0] - 90:.1f} {low:.1f} {b[0]:.1f} {b[1]:.1f}"
        return tooltip(words, element("path", d=d, stroke_width=width, stroke_dasharray=dash, stroke_opacity=faded))
    shape = element("line", x1=a[0], y1=a[1], x2=b[0], y2=b[1], stroke_width=width, stroke_dasharray=dash,
                    stroke_opacity=faded)  # fmt: skip
    return tooltip(words, shape)


def _is_worth_a_label(columns: Sequence[Column], edge: Edge) -> bool:
    """A weight is written where there is one; that units are passed on is not."""
    if edge.weight is None:
        return False
    node = next(column.node for column in columns if column.tensor == edge.target)
    return edge.weight != 1 or type(node).__name__ in ("Dense", "Conv", "Scale")


def _label_width(edge: Edge) -> float:
    return width_of(label(edge.weight), _LABEL) + 5 if edge.weight is not None else 0


def _label(plan: Plan, edge: Edge, spots: Spots) -> str:
    """The weight on its line, at the first free place; nothing if there is none."""
    if _skips(plan, edge):
        return ""
    (x1, y1), (x2, y2) = plan.places[edge.source, edge.u], plan.places[edge.target, edge.v]
    along = (0.5, 0.62, 0.38, 0.7, 0.3, 0.56, 0.44, 0.76, 0.24, 0.66, 0.34, 0.8, 0.2)
    width = _label_width(edge)
    found = spots.first([(x1 + t * (x2 - x1), y1 + t * (y2 - y1)) for t in along], width, 14)
    if found is None:
        return ""
    x, y = found
    under = rectangle(x - width / 2, y - 6.5, width, 13, PAPER)
    return under + write(x, y + 3.8, label(edge.weight), _LABEL, anchor="middle")


def _legend(y: float) -> str:
    words = "thicker: a larger weight; dashed: a negative one"
    return write(_MARGIN - _RADIUS, y + 12, words, 10.5, colour=QUIET)


# Units


def _mark(marks: Marks, tensor: str, v: int) -> Mark:
    found = marks.get(tensor, ())
    return found[v] if v < len(found) else ALONE


def paint_of(mark: Mark) -> tuple[Colour, float, Colour, str | None]:
    """The fill of a unit and its opacity, its border, and the dashes of that: whole where the unit stays."""
    if mark.kind == "class":
        assert mark.number is not None
        return hue(mark.number), 0.3, hue(mark.number), None if mark.words.count(":") == 0 else "3.5 2.5"
    if mark.kind == "alone":
        return PAPER, 1.0, INK, None
    if mark.kind == "sum":
        return PAPER, 1.0, QUIET, None
    return FAINT, 1.0, RULE, "2 2"


def _unit(plan: Plan, column: Column, v: int, marks: Marks) -> str:
    x, y = plan.places[column.tensor, v]
    mark = _mark(marks, column.tensor, v)
    fill, opacity, border, dash = paint_of(mark)
    under = element("circle", cx=x, cy=y, r=_RADIUS, fill=PAPER)
    circle = element("circle", cx=x, cy=y, r=_RADIUS, fill=fill, fill_opacity=opacity, stroke=border,
                     stroke_width=1.6 if mark.kind == "class" else 1.1, stroke_dasharray=dash)  # fmt: skip
    words = f"{column.tensor}[{v}]" + (f": {mark.words}" if mark.words else "")
    number = write(x, y + 3.9, str(v), 11, anchor="middle")
    return tooltip(words, under, circle, number)


def _below(plan: Plan, column: Column, v: int, marks: Marks, spots: Spots) -> str:
    """What is said of a unit below it, and its bias."""
    x, y = plan.places[column.tensor, v]
    mark = _mark(marks, column.tensor, v)
    told = v < len(column.bias) and column.bias[v] and mark.kind != "constant"
    bias = f"b {label(column.bias[v])}" if told else ""
    if not mark.short and not bias:
        return ""
    first, second = width_of(mark.short, 10) * 1.06, width_of(bias, 10)
    width = first + second + (5 if mark.short and bias else 0)
    left, top = x - width / 2, y + _RADIUS + 1
    parts = [rectangle(left - 2, top, width + 4, 13, PAPER)]
    if mark.short:
        parts.append(write(left, top + 10.5, mark.short, 10, bold=mark.kind == "class"))
    if bias:
        parts.append(write(left + width, top + 10.5, bias, 10, colour=QUIET, anchor="end"))
    spots.take(x, top + 6.5, width + 4, 13)
    return "".join(parts)


def _head(plan: Plan, column: Column) -> str:
    x, y = plan.tops[column.tensor]
    name = fitted(column.tensor, 96, 12)
    return write(x, y + 13, name, 12, anchor="middle", bold=True) + write(
        x, y + 28, fitted(column.words, 96, 10.5), 10.5, colour=QUIET, anchor="middle"
    )


def described(network: Network, marks: Marks, most: int = 12) -> Iterator[str]:
    """The picture in sentences: its layers, and then its classes."""
    columns = columns_of(network)
    for column in columns[:most]:
        units = "1 unit" if column.units == 1 else f"{column.units} units"
        yield f"{column.tensor}: {units}, {column.words}."
    if len(columns) > most:
        yield f"And {len(columns) - most} more."
    classes: dict[int, list[str]] = {}
    for tensor, several in marks.items():
        for v, mark in enumerate(several):
            if mark.number is not None and mark.number < most:
                ratio = "" if mark.ratio == 1 else f" ({text(mark.ratio)} times)"
                classes.setdefault(mark.number, []).append(f"{tensor}[{v}]{ratio}")
    for members in classes.values():
        yield f"One class: {', '.join(members[:most])}{' and more' if len(members) > most else ''}."
