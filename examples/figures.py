# SPDX-License-Identifier: Apache-2.0
"""This file is about the paper's Figures 1, 2 and 3, drawn again, and the picture that the README begins with.

    python -m examples.figures OUT

The pictures of the paper are not at hand in the text that we have; what they show is in Examples 1, 2 and 3.  The
rates of Figure 2 are ours (examples/paper_chains.py).  Figure 4 is an experiment: benchmarks/paper.
"""

import argparse
import re
from html import escape
from pathlib import Path

import exactlump
from exactlump.drawing import Picture, beside, draw, draw_chain, framed, headed
from exactlump.drawing.palette import BLUE, FAINT, INK, PAPER, QUIET, RULE, RUST, Colour
from exactlump.drawing.svg import Point, arrow_head, element, line, rectangle, width_of, write
from examples.paper_chains import EXAMPLE_2, EXAMPLE_2_CLASSES, EXAMPLE_2_RHO

RADIUS = 17.0
RHO, ELL, MINUS = "\N{GREEK SMALL LETTER RHO}", "\N{SCRIPT SMALL L}", "\N{MINUS SIGN}"


def formula(x: float, y: float, words: str, size: float = 12.5, colour: Colour = INK, anchor: str = "middle") -> str:
    """Words in which _a and _{...} are set low, in italics but for digits and signs."""
    parts = re.split(r"_\{([^}]*)\}|_(.)", words)
    pieces = [escape(parts[0])]
    for i in range(1, len(parts), 3):
        low = parts[i] or parts[i + 1]
        pieces.append(f'<tspan dy="3.2" font-size="{size * 0.72:.3g}">{escape(low)}</tspan>')
        if parts[i + 2]:
            pieces.append(f'<tspan dy="-3.2">{escape(parts[i + 2])}</tspan>')
    return element(
        "text", "".join(pieces), x=x, y=y, font_size=size, fill=colour, text_anchor=anchor, font_style="italic"
    )


def node(place: Point, name: str, colour: Colour = INK, fill: Colour = PAPER, dash: str | None = None) -> str:
    """A neuron."""
    x, y = place
    opacity = 0.3 if fill not in (PAPER, FAINT) else None
    under = element("circle", cx=x, cy=y, r=RADIUS, fill=PAPER)
    circle = element("circle", cx=x, cy=y, r=RADIUS, fill=fill, fill_opacity=opacity, stroke=colour, stroke_width=1.3,
                     stroke_dasharray=dash)  # fmt: skip
    return under + circle + formula(x, y + 4.5, name, 13.5)


def arrow(a: Point, b: Point, words: str = "", at: float = 0.5, colour: Colour = RULE, dash: str | None = None) -> str:
    """An arrow between neurons at a and b, with a weight on it."""
    long = ((b[0] - a[0]) ** 2 + (b[1] - a[1]) ** 2) ** 0.5
    dx, dy = (b[0] - a[0]) / long, (b[1] - a[1]) / long
    start, end = (a[0] + RADIUS * dx, a[1] + RADIUS * dy), (b[0] - (RADIUS + 1) * dx, b[1] - (RADIUS + 1) * dy)
    shape = line(start, end, colour, 1.3, dash) + arrow_head(start, end, colour)
    if not words:
        return shape
    x, y = start[0] + at * (end[0] - start[0]), start[1] + at * (end[1] - start[1])
    width = width_of(re.sub(r"[_{}]", "", words), 12) + 6
    return shape + rectangle(x - width / 2, y - 9, width, 18, PAPER) + formula(x, y + 4, words, 12)


def figure_1() -> Picture:
    """Figure 1: node v behaviour on input x1, ..., xm."""
    us, v, z = [(96.0, 36.0), (96.0, 106.0), (96.0, 216.0)], (330.0, 116.0), (566.0, 116.0)
    names = ("1", "2", "m")
    parts = [formula(28, y + 4.5, f"x_{k}", 13.5) for k, (_, y) in zip(names, us, strict=True)]
    parts += [line((42, y), (96 - RADIUS - 3, y), RULE, 1.3) for _, y in us]
    parts += [arrow_head((42, y), (96 - RADIUS - 1, y)) for _, y in us]
    parts += [arrow(u, v, f"W_{ELL}(u_{k}, v)", 0.42) for k, u in zip(names, us, strict=True)]
    parts += [node(u, f"u_{k}") for k, u in zip(names, us, strict=True)]
    parts.append(write(96, 165, "⋮", 18, colour=QUIET, anchor="middle"))
    parts.append(arrow((330, 216), v, f"b_{ELL}(v)", 0.3))
    parts.append(arrow(v, z) + node(v, "v", BLUE, BLUE) + node(z, "z"))
    parts.append(formula(448, 104, f"ReLU(Σ_j W_{ELL}(u_j, v) x_j + b_{ELL}(v))", 12))
    for x, words in ((96, f"{ELL} {MINUS} 1"), (330, ELL), (566, f"{ELL} + 1")):
        parts.append(write(x, 264, f"layer {words}", 11.5, colour=QUIET, anchor="middle"))
    told = "Node v adds up its inputs, each times the weight of its edge, and its bias, and takes the ReLU; z reads it."
    return framed(Picture(610, 270, "\n".join(parts), "Figure 1: node v on input x1, ..., xm", told))


def figure_2() -> Picture:
    """Figure 2: a proportionally exact lumpable CTMC, with Example 2's classes and rho."""
    title = "Figure 2: a proportionally exact lumpable CTMC"
    return draw_chain(EXAMPLE_2, EXAMPLE_2_CLASSES, EXAMPLE_2_RHO, title=title)


def step(pruned: bool, merged: bool) -> Picture:
    """A panel of Figure 3: t is there, is being deleted, or is gone with z's weight updated."""
    u1, u2, v, t, z = (24.0, 36.0), (24.0, 126.0), (150.0, 36.0), (150.0, 126.0), (272.0, 81.0)
    dash, colour = ("4 3", RUST) if pruned else (None, RULE)
    parts = [arrow(u1, v, "w_1", 0.36), arrow(u2, v, "w_2", 0.25)]
    if not merged:
        parts += [arrow(u1, t, f"{RHO}w_1", 0.25, colour, dash), arrow(u2, t, f"{RHO}w_2", 0.36, colour, dash)]
        parts += [arrow(t, z, "W(t, z)", 0.5, colour, dash)]
    parts.append(arrow(v, z, "" if merged else "W(v, z)"))
    if merged:
        parts.append(formula(232, 40, f"W(v, z) + {RHO}W(t, z)", 12, BLUE))
    else:
        parts.append(node(t, "t", RUST if pruned else INK, FAINT if pruned else PAPER, dash))
    parts += [node(u1, "u_1"), node(u2, "u_2"), node(v, "v", BLUE, BLUE), node(z, "z")]
    return Picture(300, 150, "\n".join(parts), "a step of pruning")


def figure_3() -> Picture:
    """Figure 3: pruning one node and updating the network."""
    panels = [
        headed(step(False, False), "t is in proportion to v", f"its weights are those of v, times {RHO}"),
        headed(step(True, False), "1. Delete t", "with all its edges"),
        headed(step(False, True), "2. Update z", f"{RHO} times t's weight goes to v's edge"),
    ]
    told = "The input weights of t are rho times those of v. First t is deleted, then rho W(t, z) is added to W(v, z)."
    return framed(beside(panels, title="Figure 3: pruning one node and updating the network", description=told, gap=36))


def first_picture() -> Picture:
    """A network before and after: b is 3 times a, so a is enough; d is a constant."""
    network = exactlump.Network.chain([[[1, 2], [3, 6], [2, -1], [0, 0]], [[1, 1, 1, 1]]], [[1, 3, 0, 5], [0]])
    lumping = exactlump.maximum_lumping(network, fold=True)
    small = exactlump.quotient(network, lumping, representative="first").network
    panels = [
        headed(draw(network, lumping), "Before", "unit 1 is 3 times unit 0, at every input; unit 3 is constant"),
        headed(draw(small), "After", "the same function: 1 + 3 · 1 = 4, and 5 goes to the bias"),
    ]
    told = "Unit 1 is 3 times unit 0: it goes, and the weight of unit 0 grows from 1 to 4. A constant goes to the bias."
    return framed(beside(panels, title="A network and its exact reduction", description=told, gap=30), margin=8)


def main() -> None:
    """Write the figures into a folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, metavar="OUT", help="the folder; it is made if it is not there")
    folder = parser.parse_args().out
    folder.mkdir(parents=True, exist_ok=True)
    pictures = {"figure-1": figure_1(), "figure-2": figure_2(), "figure-3": figure_3(), "first": first_picture()}
    for name, picture in pictures.items():
        path = folder / f"{name}.svg"
        picture.save(path)
        print(path)


if __name__ == "__main__":
    main()
