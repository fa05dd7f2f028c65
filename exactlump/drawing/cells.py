# SPDX-License-Identifier: Apache-2.0
"""This file is about the linear pieces of a network with two inputs: convex polygons, cut exactly.

A polygon carries what each unit is on it, an affine function of the two inputs.  Where a unit before a (leaky) ReLU
changes its sign inside the polygon, the polygon is cut along that line.

Throughout: (a, b, c) the function a*x + b*y + c; corners are points of a convex polygon in order around it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from exactlump.drawing.numerals import Number
from exactlump.errors import ShapeError, Undecided, UnsupportedLayer
from exactlump.network.kinds import Activate, Dense
from exactlump.network.program import Network
from exactlump.numbers.rational import ONE, ZERO, Rational, rational

Corner: TypeAlias = tuple[Rational, Rational]
Affine: TypeAlias = tuple[Rational, Rational, Rational]


@dataclass(frozen=True, slots=True)
class Cell:
    """A convex polygon, and an affine function for each output of the network on it."""

    corners: tuple[Corner, ...]
    outputs: tuple[Affine, ...]


def cells_of(network: Network, low: Sequence[Number], high: Sequence[Number], most: int = 2000) -> tuple[Cell, ...]:
    """The linear pieces of a network on the rectangle from `low` to `high`.

    Raises ShapeError for a network without exactly one input of two elements, UnsupportedLayer for nodes other than
    Dense and activations other than (leaky) ReLU, Undecided for more than so many pieces.
    """
    if len(network.inputs) != 1 or network.units(network.inputs[0].name) != 2 or len(network.outputs) != 1:
        raise ShapeError("picture: expected one input of two elements and one output tensor")
    name = network.inputs[0].name
    start: dict[str, tuple[Affine, ...]] = {name: ((ONE, ZERO, ZERO), (ZERO, ONE, ZERO))}
    pieces = [(rectangle_of(low, high), start)]
    for node in network.nodes:
        grown = []
        for corners, known in pieces:
            if isinstance(node, Dense):
                grown.append((corners, {**known, node.target: _mixed(node, known[node.source])}))
            elif isinstance(node, Activate):
                grown += _activated(node, corners, known)
            else:
                raise UnsupportedLayer(f"picture: found a node of kind {type(node).__name__}, expected Dense or ReLU")
            if len(grown) > most:
                raise Undecided(f"picture: found more than {most} linear pieces")
        pieces = grown
    return tuple(Cell(corners, known[network.outputs[0]]) for corners, known in pieces)


def rectangle_of(low: Sequence[Number], high: Sequence[Number]) -> tuple[Corner, ...]:
    """The corners of a rectangle.  Raises ShapeError for one that is not in the plane, or is empty."""
    if len(low) != 2 or len(high) != 2:
        raise ShapeError(f"picture: found {len(low)} and {len(high)} bounds, expected two each")
    (x0, y0), (x1, y1) = map(rational, low), map(rational, high)
    if not (x0 < x1 and y0 < y1):
        raise ShapeError("picture: found an empty rectangle")
    return (x0, y0), (x1, y0), (x1, y1), (x0, y1)


def value_at(function: Affine, corner: Corner) -> Rational:
    """The value of an affine function at a point."""
    a, b, c = function
    return a * corner[0] + b * corner[1] + c


def cut(corners: Sequence[Corner], function: Affine) -> tuple[tuple[Corner, ...], tuple[Corner, ...]]:
    """The part of a convex polygon where the function is not negative, and where it is not positive; () if no area."""
    above: list[Corner] = []
    below: list[Corner] = []
    values = [value_at(function, corner) for corner in corners]
    for i, corner in enumerate(corners):
        value, after = values[i], values[(i + 1) % len(corners)]
        if value >= 0:
            above.append(corner)
        if value <= 0:
            below.append(corner)
        if value * after < 0:
            t = value / (value - after)
            following = corners[(i + 1) % len(corners)]
            point = (corner[0] + t * (following[0] - corner[0]), corner[1] + t * (following[1] - corner[1]))
            above.append(point)
            below.append(point)
    positive, negative = any(value > 0 for value in values), any(value < 0 for value in values)
    return tuple(above) if positive or not negative else (), tuple(below) if negative else ()


def area_of(corners: Sequence[Corner]) -> Rational:
    """The area of a polygon, exactly."""
    total = ZERO
    for (x1, y1), (x2, y2) in zip(corners, (*corners[1:], *corners[:1]), strict=True):
        total = total + x1 * y2 - x2 * y1
    return abs(total) / 2


def _mixed(node: Dense, below: Sequence[Affine]) -> tuple[Affine, ...]:
    found = []
    for v, bias in enumerate(node.bias):
        a = b = ZERO
        c = bias
        for u, w in node.weight.row(v).items():
            p, q, r = below[u]
            a, b, c = a + w * p, b + w * q, c + w * r
        found.append((a, b, c))
    return tuple(found)


def _activated(
    node: Activate, corners: tuple[Corner, ...], known: dict[str, tuple[Affine, ...]]
) -> list[tuple[tuple[Corner, ...], dict[str, tuple[Affine, ...]]]]:
    """The polygon, cut where a unit changes its sign, and what the units are on each part."""
    parts: list[tuple[tuple[Corner, ...], tuple[Affine, ...]]] = [(corners, ())]
    for sigma, function in zip(node.functions, known[node.source], strict=True):
        if sigma.name != "leaky_relu":
            raise UnsupportedLayer(f"picture: found the activation {sigma}, expected a (leaky) ReLU")
        (slope,) = sigma.parameters
        a, b, c = function
        scaled = (slope * a, slope * b, slope * c)
        following = []
        for polygon, units in parts:
            above, below = cut(polygon, function)
            following += [(above, (*units, function))] if above else []
            following += [(below, (*units, scaled))] if below else []
        parts = following
    return [(polygon, {**known, node.target: units}) for polygon, units in parts]
