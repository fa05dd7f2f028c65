# SPDX-License-Identifier: Apache-2.0
"""This file is about how much of a box a region is: exactly in one and two dimensions, else by sampling.

Only the coordinates that some row reads count.  In the plane a cell is a convex polygon: the box, cut along each row.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from exactlump.numbers.rational import ONE, ZERO, Rational
from exactlump.points.affine import Row
from exactlump.points.boxes import Box
from exactlump.points.floating import number
from exactlump.relaxations.regions import Cell, Combination, used_coordinates

SAMPLES = 20_000


@dataclass(frozen=True, slots=True)
class Share:
    """A part of 1.  samples: 0 where `value` is exact, else how many random points it was estimated from."""

    value: Rational | float
    samples: int = 0


# A point of the plane.
Point = tuple[Rational, Rational]


def share(combination: Combination, cells: Sequence[Cell]) -> Share | None:
    """The share of the region in its box; None when the box is not bounded, or beyond float64 in three dimensions."""
    rows = [row for _, row in combination.parts]
    axes = used_coordinates(rows)
    if not all(combination.box.lower[i] is not None and combination.box.upper[i] is not None for i in axes):
        return None
    if len(axes) <= 2:
        areas = (_area(polygon(combination, cell)) for cell in cells)
        return Share(sum(areas, ZERO) / _area(_corners(axes, combination.box)))
    return _estimated(rows, axes, combination.box, cells)


def polygon(combination: Combination, cell: Cell) -> list[Point]:
    """The corners of a cell in a bounded box, of a combination that reads one or two coordinates, in order around it.

    With one coordinate, the second one runs from 0 to 1.
    """
    rows = [row for _, row in combination.parts]
    axes = used_coordinates(rows)
    places = {i: k for k, i in enumerate(axes)}
    corners = _corners(axes, combination.box)
    for row, sign in zip(rows, (*cell.sources, cell.target), strict=True):
        corners = _cut(corners, Row({places[i]: w for i, w in row.weights.items()}, row.constant), sign)
    return corners


def _corners(axes: Sequence[int], box: Box) -> list[Point]:
    ends = [(box.lower[i], box.upper[i]) for i in axes] + [(ZERO, ONE)] * (2 - len(axes))
    (left, right), (low, high) = ends
    return [(left, low), (right, low), (right, high), (left, high)]


def _cut(polygon: Sequence[Point], row: Row, sign: int) -> list[Point]:
    """The part of a convex polygon where sign * row >= 0."""
    found: list[Point] = []
    for a, b in zip(polygon, [*polygon[1:], *polygon[:1]], strict=True):
        at_a, at_b = sign * row(a), sign * row(b)
        if at_a >= 0:
            found.append(a)
        if (at_a > 0 > at_b) or (at_a < 0 < at_b):
            part = at_a / (at_a - at_b)
            found.append((a[0] + part * (b[0] - a[0]), a[1] + part * (b[1] - a[1])))
    return found


def _area(polygon: Sequence[Point]) -> Rational:
    pairs = zip(polygon, [*polygon[1:], *polygon[:1]], strict=True)
    return abs(sum((a[0] * b[1] - a[1] * b[0] for a, b in pairs), ZERO)) / 2


def _estimated(rows: Sequence[Row], axes: Sequence[int], box: Box, cells: Sequence[Cell]) -> Share | None:
    """The share of random points, in floats, the same in every run; None for values beyond float64."""
    low, high = (np.array([number(side[i]) for i in axes]) for side in (box.lower, box.upper))
    part = np.random.default_rng(0).random((SAMPLES, len(axes)))
    weights = np.array([[number(row.weights.get(i, ZERO)) for i in axes] for row in rows])
    with np.errstate(all="ignore"):
        points = (1 - part) * low + part * high
        values = points @ weights.T + np.array([number(row.constant) for row in rows])
    if not np.isfinite(values).all():
        return None
    signs = np.where(values >= 0, 1, -1)
    wanted = {(*cell.sources, cell.target) for cell in cells}
    return Share(sum(tuple(line) in wanted for line in signs.tolist()) / SAMPLES, SAMPLES)
