# SPDX-License-Identifier: Apache-2.0
"""This file is about the picture of docs/relaxation.md: where the sum of two neurons may stand for a third one.

python benchmarks/region_plot.py docs/relaxation.svg
"""

import sys
from pathlib import Path

from exactlump import rational
from exactlump.points.affine import Row
from exactlump.points.boxes import cube
from exactlump.relaxations.extremes import nicest, worst
from exactlump.relaxations.regions import Combination, region
from exactlump.relaxations.shares import polygon, share

SIZE, MARGIN = 360, 40


def neuron(a, b):
    return Row({0: rational(a), 1: rational(b)}, rational(0))


def place(x, y):
    """Where a point of [-1, 1]^2 is drawn."""
    scale = SIZE / 2
    return f"{MARGIN + scale * (float(x) + 1):g},{MARGIN + scale * (1 - float(y)):g}"


def decimal(value):
    return int(value.numerator) / int(value.denominator)


def line(a, b, name):
    """The line a*x + b*y = 0 across the square, and its name at the right end."""
    x, y = (1, -a / b) if abs(a) <= abs(b) else (-b / a, 1)
    ends = place(-x, -y).split(","), place(x, y).split(",")
    (x1, y1), (x2, y2) = ends
    dx = 4 if abs(a) <= abs(b) else -14
    return (
        f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="#333" stroke-dasharray="4 3"/>'
        f'<text x="{float(x2) + dx:g}" y="{float(y2) + (4 if dx > 0 else -6):g}">{name}</text>'
    )


def dot(point, words):
    x, y = map(float, place(*(decimal(value) for value in point.z)).split(","))
    side = f'x="{x + 8:g}"' if x < SIZE / 2 else f'x="{x - 8:g}" text-anchor="end"'
    return (
        f'<circle cx="{x:g}" cy="{y:g}" r="5" fill="#c22"/>'
        f'<text {side} y="{y + (16 if y < SIZE / 2 else -8):g}">{words}</text>'
    )


def picture():
    rows = (neuron(1, 2), neuron(2, 1))
    merge = Combination((rational(1), rational(1)), rows, rational(0), cube("-1", "1", 2))
    cells = region(merge)
    found = share(merge, cells).value
    shapes = []
    for cell in cells:
        corners = " ".join(place(*(decimal(value) for value in corner)) for corner in polygon(merge, cell))
        shapes.append(f'<polygon points="{corners}" fill="#9cd3a8"/>')
    total = SIZE + 2 * MARGIN
    frame = f'<rect x="{MARGIN}" y="{MARGIN}" width="{SIZE}" height="{SIZE}" fill="#f6d5cf"/>'
    lines = [line(1, 2, "v1"), line(2, 1, "v2"), line(1, 1, "t")]
    low, high = nicest(merge, 10), worst(merge, 10)
    words = f"t = v1 + v2: right on {found.numerator}/{found.denominator} of the square (green)"
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {total} {total}" font-family="sans-serif"'
            ' font-size="13">',
            f"<title>{words}</title>",
            f'<text x="{MARGIN}" y="20">{words}</text>',
            frame,
            *shapes,
            *lines,
            dot(low, f"nicest, off by {low.defect}"),
            dot(high, f"worst, off by {high.defect}") if high.z != low.z else "",
            "</svg>\n",
        ]
    )


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(picture(), encoding="utf-8")
