# SPDX-License-Identifier: Apache-2.0
"""This file is about reading pictures back: the words of an SVG text with the boxes and the colours that they have.

It reads the XML, not the pictures' own objects, and knows of shapes what the SVG standard says.  Colours are computed
twice, as they are written and as the style for dark screens has them.

Throughout: x, y in px of the whole picture, after all translations.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple
from xml.etree import ElementTree as ET

SVG = "{http://www.w3.org/2000/svg}"


class Words(NamedTuple):
    """A text element: its letters, its box, and what it is painted with and on, light and dark."""

    text: str
    box: tuple[float, float, float, float]
    colours: tuple[str, str]
    grounds: tuple[str, str]


class Shape(NamedTuple):
    """A filled shape: its corners or its circle, its fills and opacity."""

    element: ET.Element
    dx: float
    dy: float
    fills: tuple[str, str]
    opacity: float


def read(svg: str) -> ET.Element:
    return ET.fromstring(svg)


def styles(root: ET.Element) -> dict[str, dict[str, str]]:
    """The colours of the dark style: {"fill": {class: colour}, "stroke": ...}."""
    (style,) = root.findall(f"{SVG}style")
    rules = re.fullmatch(r"@media screen and \(prefers-color-scheme:dark\)\{(.*)\}", style.text or "")
    assert rules, style.text
    found: dict[str, dict[str, str]] = {"fill": {}, "stroke": {}}
    for name, kind, colour in re.findall(r"\.([\w-]+)\{(fill|stroke):(#[0-9a-f]{6})\}", rules[1]):
        found[kind][name] = colour
    return found


def walk(
    element: ET.Element, dx: float = 0, dy: float = 0, inherited: dict[str, str] | None = None
) -> Iterator[tuple[ET.Element, float, float, dict[str, str]]]:
    """All elements in the order in which they are painted, with the translation and the attributes they inherit."""
    if move := re.fullmatch(r"translate\((-?[\d.]+) (-?[\d.]+)\)", element.get("transform", "")):
        dx, dy = dx + float(move[1]), dy + float(move[2])
    else:
        assert "transform" not in element.attrib, element.get("transform")
    passed = {**(inherited or {}), **{k: v for k, v in element.attrib.items() if k in ("fill", "stroke", "class")}}
    yield element, dx, dy, passed
    for child in element:
        yield from walk(child, dx, dy, passed)


def colours(attributes: dict[str, str], kind: str, dark: dict[str, dict[str, str]]) -> tuple[str, str]:
    """A colour as it is written, and on a dark screen; every colour has to have a class that has a dark form."""
    light = attributes.get(kind, "#000000")
    if light == "none":
        return light, light
    (name,) = [n for n in attributes.get("class", "").split() if n.startswith("xf-" if kind == "fill" else "xs-")]
    return light, dark[kind][name]


def words_of(svg: str, width_of) -> list[Words]:
    """All text elements, with what they stand on; `width_of(text, size)` says how wide letters are."""
    root = read(svg)
    dark = styles(root)
    shapes: list[Shape] = []
    found = []
    for element, dx, dy, attributes in walk(root):
        tag = element.tag.removeprefix(SVG)
        if tag in ("rect", "circle", "polygon", "path"):
            fills = colours(attributes, "fill", dark) if "fill" in attributes else ("none", "none")
            if fills[0] != "none":
                shapes.append(Shape(element, dx, dy, fills, float(element.get("fill-opacity", 1))))
        elif tag == "text":
            text, size = "".join(element.itertext()), float(element.get("font-size", 12))
            x, y = float(element.get("x", 0)) + dx, float(element.get("y", 0)) + dy
            wide = width_of(text, size)
            left = {"middle": x - wide / 2, "end": x - wide}.get(element.get("text-anchor", "start"), x)
            box = (left, y - 0.74 * size, left + wide, y + 0.22 * size)
            middle = ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
            paints = colours(attributes, "fill", dark)
            grounds = tuple(ground(shapes, *middle, mode) for mode in (0, 1))
            found.append(Words(text, box, paints, (grounds[0], grounds[1])))
    return found


def ground(shapes: list[Shape], x: float, y: float, mode: int) -> str:
    """The colour at a point, of what has been painted so far."""
    colour = (255.0, 255.0, 255.0)
    for shape in shapes:
        if covers(shape, x - shape.dx, y - shape.dy):
            above = [int(shape.fills[mode][i : i + 2], 16) for i in (1, 3, 5)]
            colour = tuple(shape.opacity * a + (1 - shape.opacity) * b for a, b in zip(above, colour, strict=True))
    return "#" + "".join(f"{round(c):02x}" for c in colour)


def covers(shape: Shape, x: float, y: float) -> bool:
    """Whether a point lies in a shape; paths are made of squares here."""
    get, tag = shape.element.get, shape.element.tag.removeprefix(SVG)
    if tag == "rect":
        left, top = float(get("x", 0)), float(get("y", 0))
        return left <= x <= left + float(get("width")) and top <= y <= top + float(get("height"))
    if tag == "circle":
        return (x - float(get("cx"))) ** 2 + (y - float(get("cy"))) ** 2 <= float(get("r")) ** 2
    if tag == "polygon":
        corners = [tuple(map(float, pair.split(","))) for pair in get("points").split()]
        return inside(corners, x, y)
    squares = re.findall(r"M(-?[\d.]+) (-?[\d.]+)h([\d.]+)v([\d.]+)h-[\d.]+z", get("d"))
    assert squares, get("d")
    return any(float(a) <= x <= float(a) + float(w) and float(b) <= y <= float(b) + float(h) for a, b, w, h in squares)


def inside(corners, x, y) -> bool:
    """Whether a point lies in a polygon, by counting crossings."""
    odd = False
    for (x1, y1), (x2, y2) in zip(corners, [*corners[1:], corners[0]], strict=True):
        if (y1 > y) != (y2 > y) and x < (x2 - x1) * (y - y1) / (y2 - y1) + x1:
            odd = not odd
    return odd


def overlap(a: Words, b: Words) -> float:
    """The part of the smaller one of two texts that the other one covers."""
    wide = min(a.box[2], b.box[2]) - max(a.box[0], b.box[0])
    high = min(a.box[3], b.box[3]) - max(a.box[1], b.box[1])
    if wide <= 0 or high <= 0:
        return 0
    areas = [(w.box[2] - w.box[0]) * (w.box[3] - w.box[1]) for w in (a, b)]
    return wide * high / min(areas)


def relative_contrast(one: str, other: str) -> float:
    """The contrast of two colours by the formula of WCAG 2.2, written out once more."""

    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)
