# SPDX-License-Identifier: Apache-2.0
"""This file is about the pictures of a page: SVG that stands in HTML without styles of its own, and what it shows.

The page's one style sheet has the colours of all pictures, so that its content policy needs to allow no other style.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape

from exactlump.certificates.certificate import Certificate
from exactlump.drawing import Picture, draw, draw_matrix, framed
from exactlump.drawing.layout import columns_of
from exactlump.drawing.links import is_small, links
from exactlump.drawing.marks import Mark, Marks, marks_of
from exactlump.drawing.palette import COLOURS
from exactlump.drawing.svg import FONT, number, printable
from exactlump.lumping.simulations import Relation, identity
from exactlump.network.kinds import Conv, Dense, Elementwise, Reorder, mixing
from exactlump.network.program import Network
from exactlump.numbers.rational import ONE, Rational

MOST_MATRICES = 6


@dataclass(frozen=True, slots=True)
class Figure:
    """A picture with its caption; `markup` is an `svg` element."""

    caption: str
    markup: str


def figure(picture: Picture, caption: str) -> Figure:
    """A picture as it stands in the page."""
    return Figure(caption, embedded(picture))


def embedded(picture: Picture) -> str:
    """A picture as an element of a page: no style of its own, and its words for those who do not see it."""
    width, height = number(picture.width), number(picture.height)
    told = f"<desc>{escape(printable(picture.description, 2000))}</desc>" if picture.description else ""
    title = escape(printable(picture.title))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
        f' role="img" aria-label="{title}" font-family="{FONT}"><title>{title}</title>{told}\n{picture.body}\n</svg>'
    )


def dark_colours() -> str:
    """The rules that turn the colours of all pictures dark."""
    return "".join(f".xf-{c.name}{{fill:{c.dark}}}.xs-{c.name}{{stroke:{c.dark}}}" for c in COLOURS)


def figures(claimed: Certificate, original: Network, reduced: Network) -> tuple[Figure, ...]:
    """The pictures of a certificate: both networks, and the weight matrices that lose rows."""
    return (*_networks(claimed, original, reduced), *_matrices(claimed, original))


def _networks(claimed: Certificate, original: Network, reduced: Network) -> Iterator[Figure]:
    before = draw(original, claimed.forward, title="The original network")
    if not is_small(original):
        words = "Each layer of the original network as a bar: its classes, widest first, then what is alone or goes."
        yield figure(before, words)
        return
    yield figure(before, "The original network. Units of one class share a hue and a letter; what goes is grey.")
    if is_small(reduced):
        words, marks = "The reduced network", _marks(claimed, original, reduced)
        told = " ".join(f"{column.tensor}: {column.units} units." for column in columns_of(reduced))
        drawn = framed(links(reduced, marks, weights=True, title=words, description=told))
        yield figure(drawn, "The reduced network. A letter is the class, above, that the unit stands for.")


def _marks(claimed: Certificate, original: Network, reduced: Network) -> Marks:
    """What is said of the units of the reduced network: which class of the original one each stands for."""
    ours = marks_of({name: original.units(name) for name in original.views}, claimed.forward)
    found: dict[str, tuple[Mark, ...]] = {}
    for name, relation in claimed.forward.items():
        if relation.over is None or relation.over not in reduced.views:
            continue
        letters: dict[int, Mark] = {}
        for mark, row in zip(ours[name], relation.rows, strict=True):
            if mark.number is not None and row.single is not None:
                letters.setdefault(row.single[0], mark)
        own = claimed.backward.get(relation.over, identity(relation.over, reduced.units(relation.over)))
        found[relation.over] = tuple(_mark(letters.get(row.single[0] if row.single else -1)) for row in own.rows)
    return found


def _mark(mark: Mark | None) -> Mark:
    if mark is None:
        return Mark("alone")
    letter = mark.short.split(" ")[-1]
    return Mark("class", mark.number, ONE, letter, f"stands for class {letter}")


def _matrices(claimed: Certificate, original: Network) -> Iterator[Figure]:
    """The weights into layers that lose units, rows of a class together."""
    found = 0
    for name, relation in claimed.forward.items():
        node = _mixing(original, name)
        classes = _classes(relation)
        if node is None or node.weight.shape[0] != len(relation.rows) or len(classes) == len(relation.rows):
            continue
        if found == MOST_MATRICES:
            return
        found += 1
        shown = printable(name, 60)
        picture = draw_matrix(node.weight, classes, title=f"Weights into {shown}")
        rows, columns = node.weight.shape
        yield figure(picture, f"The {rows} x {columns} weights into {shown} in the original network, the rows of each "
                              f"class together; rows that are folded or dropped come last.")  # fmt: skip


def _classes(relation: Relation) -> list[list[int]]:
    """The units of each class, in the order of their first members."""
    classes: dict[int, list[int]] = {}
    for v, row in enumerate(relation.rows):
        if row.single is not None:
            classes.setdefault(row.single[0], []).append(v)
    return list(classes.values())


def _mixing(network: Network, name: str) -> Dense | Conv | None:
    """The node whose rows are the units of a tensor: nodes that keep each unit by itself are passed."""
    while name in network.producer:
        node = network.producer[name]
        if (found := mixing(node)) is not None:
            return found
        if not isinstance(node, Elementwise) and not (isinstance(node, Reorder) and node.axes is None):
            return None
        (name,) = node.reads
    return None


# Bars in tables


def bar(parts: Mapping[str, int], most: int) -> str:
    """A bar as wide as its cell, {colour and opacity: length}, for a scale that ends at `most`; words stand beside."""
    pieces, x = [], 0.0
    for kind, length in parts.items():
        width = 100 * length / max(most, 1)
        name, _, opacity = kind.partition(" ")
        colour = next(c for c in COLOURS if c.name == name)
        faded = f' fill-opacity="{opacity}"' if opacity else ""
        if length:
            pieces.append(
                f'<rect x="{number(x)}" y="0" width="{number(width)}" height="10" fill="{colour.light}"{faded}'
                f' class="xf-{name}"/>'
            )
        x += width
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" class="bar" viewBox="0 0 100 10" preserveAspectRatio="none"'
        f' aria-hidden="true">{"".join(pieces)}</svg>'
    )


def share(value: Rational | int, whole: int) -> str:
    """How much went, in words: "-17 %"; "" where nothing did."""
    if not whole or value == whole:
        return ""
    tenths = round(1000 * (int(value) - whole) / whole)
    words = f"{tenths / 10:+.1f}" if abs(tenths) < 100 else f"{round(tenths / 10):+d}"
    return f"{words} %".replace("-", "\N{MINUS SIGN}")
