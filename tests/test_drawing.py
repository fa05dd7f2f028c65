# SPDX-License-Identifier: Apache-2.0
"""This file is about pictures: that they are well-formed, say what is true, are legible, harmless, and always the same.

Every check goes over a gallery of all kinds of pictures, read back from their SVG text by `tests/pictures.py`.
"""

import math
import random
import re
import subprocess
import sys
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

import exactlump
from exactlump import Activate, Dense, Matrix, Network, Port, drawing, leaky_relu, maximum_lumping, rational
from exactlump.drawing import cells, hooks, layout, links, marks, numerals, palette, spots, svg
from exactlump.errors import ShapeError, Undecided, UnsupportedLayer
from exactlump.markov import Chain, maximum_exact
from exactlump.nodes import Add, Head, Scale, Select
from exactlump.reduce import reduce
from exactlump.simulation import FREE, Affine, Relation, Same
from examples.figures import figure_1, figure_2, figure_3
from examples.paper_chains import ERRATUM, EXAMPLE_2, EXAMPLE_2_CLASSES, EXAMPLE_2_RHO, SUMS_FAIL
from examples.queues import polling, tandem
from tests.pictures import SVG, overlap, read, relative_contrast, walk, words_of

ROOT = Path(__file__).parents[1]
RELU = leaky_relu(rational(0))
HOSTILE = '<script>alert("1")</script>&amp;]]>\x00\x1b[31m\u202e\ud800' + "long " * 80


def chain(widths, seed=0, *, twins=True, names=None, weight=None):
    """A ReLU chain of small rational weights, in which every second neuron is a multiple of the one before."""
    rng, nodes, source = random.Random(seed), [], names[0] if names else "x"
    first = source
    for depth, (below, units) in enumerate(pairwise(widths)):
        rows = [
            {u: weight or rational(rng.choice([1, -1, 2, -2, 3]), rng.choice([1, 1, 2, 3])) for u in range(below)}
            for _ in range(units)
        ]
        for row in rows:
            for u in [u for u in row if rng.random() < 0.2]:
                del row[u]
        bias = [rational(rng.choice([0, 0, 1, -1])) for _ in range(units)]
        last = depth == len(widths) - 2
        for v in range(1, units, 2) if twins and not last else ():
            ratio = rational(rng.choice([2, 3, 1]), rng.choice([1, 2]))
            rows[v] = {u: ratio * w for u, w in rows[v - 1].items()}
            bias[v] = ratio * bias[v - 1]
        name = names[depth + 1] if names else f"h{depth + 1}"
        before = name if last else f"{name}'"
        nodes.append(Dense(source, before, Matrix.from_rows(rows, below), tuple(bias)))
        nodes += [] if last else [Activate(before, name, (RELU,) * units)]
        source = name
    return Network((Port(first, (widths[0],)),), tuple(nodes), (source,))


def lumped(network):
    return network, maximum_lumping(network, fold=True)


def residual():
    """Two branches that meet, a scaling, a selection and a softmax."""
    rows = [{0: rational(1), 1: rational(-2)}, {1: rational("1/3")}]
    return Network(
        (Port("x", (2,)),),
        (
            Dense("x", "p", Matrix.from_rows(rows, 2), (rational(0), rational(1))),
            Activate("p", "a", (RELU, RELU)),
            Add(("x", "a"), "s", (1, -1)),
            Scale("s", "c", (rational(2), rational(1))),
            Select(("c", "a"), "k", ((0, 1), (1, 0), (0, 0)), (3,)),
            Head("k", "y", "softmax"),
        ),
        ("y",),
    )


def wide(units, classes=True):
    """One hidden layer of so many units, in classes of several sizes."""
    sizes = [size for size in (1, 2, 3, 50) if size <= max(units // 2, 1)]
    rows, k = [], 1
    while len(rows) < units:
        size = sizes[k % len(sizes)] if classes else 1
        rows += [{0: rational(i + 1), 1: rational((i + 1) * k)} for i in range(size)]
        k += 1
    rows = rows[:units]
    out = Matrix.from_rows([{v: rational(1) for v in range(0, units, 7)}], units)
    return Network(
        (Port("x", (2,)),),
        (
            Dense("x", "p", Matrix.from_rows(rows, 2), (rational(0),) * units),
            Activate("p", "h", (RELU,) * units),
            Dense("h", "y", out, (rational(0),)),
        ),
        ("y",),
    )


def split(low, high, depth, rng):
    """A random bisection."""
    if depth == 0 or (depth < 4 and rng.random() < 0.3):
        return [drawing.Leaf(low, high, rng.choice(["right", "wrong", "open"]))]
    axis = depth % 2
    middle = (low[axis] + high[axis]) / 2
    ends = [middle if i == axis else h for i, h in enumerate(high)]
    starts = [middle if i == axis else a for i, a in enumerate(low)]
    return split(low, ends, depth - 1, rng) + split(starts, high, depth - 1, rng)


def gallery():
    """Every kind of picture, by name."""
    rng = random.Random(5)
    bundled = exactlump.read(ROOT / "exactlump/networks/tll_small.onnx")
    small = chain([3, 5, 4, 2])
    matrix, lumping = small.nodes[0].weight, maximum_lumping(small, fold=True)
    image = [[rng.randrange(17) for _ in range(12)] for _ in range(9)]
    other = [[v + (rng.random() < 0.2) * rational(rng.choice([3, -2])) for v in row] for row in image]
    cut = split((rational(0), rational(0)), (rational(1), rational(2)), 6, rng)
    savings = [
        drawing.Saving("units", 128, 106, {"merged": 12, "constant": 6, "unobservable": 4}),
        drawing.Saving("bytes", 35880, 28400, unit="bytes"),
        drawing.Saving("copies", 10, 8, {"merged": 5}),
        drawing.Saving("nothing", 0, 0),
        drawing.Saving(HOSTILE, 7, 7),
    ]
    return {
        "one neuron": drawing.draw(chain([1, 1])),
        "small": drawing.draw(*lumped(small)),
        "small, without weights": drawing.draw(*lumped(small), weights=False),
        "denser": drawing.draw(*lumped(chain([8, 12, 12, 4], 1))),
        "deep": drawing.draw(*lumped(chain([2, 4, 4, 4, 3, 2, 1], 2))),
        "hostile": drawing.draw(*lumped(chain([2, 2, 1], names=[HOSTILE, "b<i>", '"'])), title=HOSTILE),
        "residual": drawing.draw(residual()),
        "erratum": drawing.draw(*lumped(exactlump.read(ROOT / "exactlump/networks/erratum.json"))),
        "steps": drawing.draw_steps(*lumped(exactlump.read(ROOT / "exactlump/networks/erratum.json"))),
        "steps of another": drawing.draw_steps(*lumped(small)),
        "wide": drawing.draw(*lumped(wide(500))),
        "certificate": drawing.draw(bundled, reduce(bundled).forward),
        "lumping": drawing.draw_lumping(lumping),
        "matrix": drawing.draw_matrix(matrix, lumping.classes["h1"], lumping.rho["h1"]),
        "matrix, scaled": drawing.draw_matrix(matrix, lumping.classes["h1"], lumping.rho["h1"], scaled=True),
        "matrix of blocks": drawing.draw_matrix(wide(300).nodes[0].weight),
        "matrix of zeros": drawing.draw_matrix([[0, 0], [0, 0]]),
        "matrix without rows": drawing.draw_matrix([]),
        "savings": drawing.draw_savings(savings),
        "savings of layers": drawing.draw_savings(savings, together=True),
        "vector": drawing.draw_vector([1, "-2/3", 0, 0.1, 10**30], ["x", HOSTILE]),
        "long vector": drawing.draw_vector(range(100), most=20),
        "outputs": drawing.draw_outputs([1, 2, "1/3", -1], [1, "3/2", "1/3", 3], ["a", "b"], of=("one", HOSTILE)),
        "bounds": drawing.draw_bounds(
            [drawing.Bound("y0", "1/7", 1), drawing.Bound("y1", 0, 0), drawing.Bound(HOSTILE, 2, None)], allowed=2
        ),
        "image": drawing.draw_image(image),
        "image of one number": drawing.draw_image([[3]]),
        "difference": drawing.draw_difference(image, other),
        "no difference": drawing.draw_difference(image, image),
        "plane": drawing.draw_plane(
            (-1, -1),
            (1, 1),
            regions=[drawing.Region(((-1, 0), (0, 0), (0, 1)), "wrong"), drawing.Region(((0, 0), (1, 0), (1, 1)), "A")],
            kinks=[drawing.Kink(1, 2, 0, "v1"), drawing.Kink(1, 0, 5, "outside"), drawing.Kink(0, 1, 0, HOSTILE)],
            dots=[drawing.Dot(-1, 1, "off by 1"), drawing.Dot("1/2", "-1/2", HOSTILE)],
        ),
        "leaves": drawing.draw_leaves((0, 0), (1, 2), cut, names=("speed", HOSTILE)),
        "pieces": drawing.draw_pieces(chain([2, 4, 3, 1], 5, twins=False), (-2, -2), (2, 2)),
        "Example 2": drawing.draw_chain(EXAMPLE_2, EXAMPLE_2_CLASSES, EXAMPLE_2_RHO),
        "star": drawing.draw_chain(SUMS_FAIL, ((0,), (1, 2))),
        "graph": drawing.draw_chain(ERRATUM),
        "graph with loops": drawing.draw_chain(exactlump.markov.Graph.of([[1, 2], [0, -1]], [HOSTILE, "b"])),
        "tandem": drawing.draw_chain(tandem(2)[0]),
        "polling": drawing.draw_chain(polling(2)[0], maximum_exact(polling(2)[0])),
        "too many states": drawing.draw_chain(tandem(5)[0]),
        "no states": drawing.draw_chain(Chain.of([])),
        "figure 1": figure_1(),
        "figure 2": figure_2(),
        "figure 3": figure_3(),
    }


PICTURES = gallery()


@pytest.fixture(params=PICTURES)
def picture(request):
    return PICTURES[request.param]


# Files


def test_the_text_is_well_formed_and_has_nothing_but_shapes(picture):
    text = picture.svg()
    root = read(text)
    text.encode("utf-8")
    allowed = {"svg", "title", "desc", "style", "g", "rect", "circle", "line", "path", "polygon", "text", "tspan"}
    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= allowed
    names = {name for element in root.iter() for name in element.attrib}
    assert not any(name.startswith("on") or name in ("id", "href", "src") or "}" in name for name in names)
    assert [child.tag for child in root[:2]] == [f"{SVG}title", f"{SVG}desc" if picture.description else f"{SVG}style"]
    assert root.get("role") == "img"
    assert root.get("aria-label") == root[0].text
    assert root[0].text.strip()


def test_no_number_is_not_finite(picture):
    assert not re.search(r'[ "(](nan|-?inf)[ ")]', picture.svg())


def test_everything_lies_inside_the_picture(picture):
    root = read(picture.svg())
    width, height = picture.width, picture.height
    for element, dx, dy, _ in walk(root):
        x, y = (float(element.get(name, element.get(f"c{name}", element.get(f"{name}1", 0)))) for name in "xy")
        assert -0.5 <= x + dx <= width + 0.5, ET.tostring(element)
        assert -0.5 <= y + dy <= height + 0.5, ET.tostring(element)
        if element.tag == f"{SVG}rect":
            assert x + dx + float(element.get("width")) <= width + 0.5
            assert y + dy + float(element.get("height")) <= height + 0.5


def test_words_lie_inside_the_picture(picture):
    for words in words_of(picture.svg(), svg.width_of):
        assert -1 <= words.box[0], words
        assert words.box[2] <= picture.width + 1, words
        assert -1 <= words.box[1] < words.box[3] <= picture.height + 1, words


def test_a_picture_is_saved_and_shown(tmp_path):
    picture = PICTURES["small"]
    picture.save(tmp_path / "a.svg")
    assert (tmp_path / "a.svg").read_bytes() == picture.svg().encode("utf-8")
    assert picture._repr_svg_() == picture.svg()
    assert re.fullmatch(r"Picture\(\d+ x \d+: Graph with 6 states\)", repr(PICTURES["graph"]))


def test_two_processes_write_the_same_bytes():
    code = (
        "import hashlib; from tests.test_drawing import PICTURES; "
        "print({n: hashlib.sha256(p.svg().encode()).hexdigest() for n, p in PICTURES.items()})"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(found) == 1
    assert len(next(iter(found))) > 64 * len(PICTURES)


# Legible


def collisions(text):
    found = words_of(text, svg.width_of)
    return [
        (a.text, b.text, round(overlap(a, b), 2))
        for i, a in enumerate(found)
        for b in found[:i]
        if overlap(a, b) > 0.15
    ]


def test_words_do_not_overlap(picture):
    assert collisions(picture.svg()) == []


@pytest.mark.parametrize("seed", range(25))
def test_words_do_not_overlap_in_random_networks_and_chains(seed):
    rng = random.Random(seed)
    network = chain(
        [rng.randint(1, 7) for _ in range(rng.randint(2, 5))], seed, weight=rng.choice([None, rational(1, 7)])
    )
    assert collisions(drawing.draw(*lumped(network)).svg()) == []
    rates = [[rng.choice([0, 0, 1, 2]) for _ in range(6)] for _ in range(6)]
    ring = exactlump.markov.closed(exactlump.markov.Graph.of(rates))
    assert collisions(drawing.draw_chain(ring, maximum_exact(ring)).svg()) == []


def faint(text):
    """Words whose contrast with what they stand on is too low, light or dark."""
    return [
        (words.text, mode, round(ratio, 2))
        for words in words_of(text, svg.width_of)
        for mode in (0, 1)
        if (ratio := relative_contrast(words.colours[mode], words.grounds[mode])) < 4.5
    ]


def test_words_have_a_contrast_of_4_5_light_and_dark(picture):
    assert faint(picture.svg()) == []


def test_colours_are_seen_on_paper():
    """3 to 1 for what is drawn (WCAG 2.2, 1.4.11), but for the faint areas that words are on."""
    for colour in palette.COLOURS[1:]:
        for one, other in ((colour.light, palette.PAPER.light), (colour.dark, palette.PAPER.dark)):
            assert palette.contrast(one, other) == pytest.approx(relative_contrast(one, other))
            assert palette.contrast(one, other) >= (1.1 if colour is palette.FAINT else 3), colour


def test_hues_differ_for_common_kinds_of_colour_vision():
    """Red-green blindness in a plain model (Viénot, Brettel and Mollon 1999): hues stay apart, light and dark."""
    to_lms = [[17.8824, 43.5161, 4.11935], [3.45565, 27.1554, 3.86714], [0.0299566, 0.184309, 1.46709]]

    def seen(colour, kind):
        linear = [(int(colour[i : i + 2], 16) / 255) ** 2.2 for i in (1, 3, 5)]
        long, medium, short = (sum(m * c for m, c in zip(row, linear, strict=True)) for row in to_lms)
        if kind == "protan":
            long = 2.02344 * medium - 2.52581 * short
        elif kind == "deutan":
            medium = 0.494207 * long + 1.24827 * short
        return long, medium, short

    for mode in ("light", "dark"):
        for kind in ("usual", "protan", "deutan"):
            points = [seen(getattr(hue, mode), kind) for hue in palette.HUES]
            scale = max(map(max, points))
            gaps = [math.dist(p, q) / scale for i, p in enumerate(points) for q in points[:i]]
            assert min(gaps) > 0.1, (mode, kind)


def test_a_class_has_a_letter_and_what_goes_has_dashes():
    """No colour is needed: one whole border a class, all others dashed, and a letter below each unit."""
    network, lumping = lumped(chain([3, 5, 4, 2]))
    text = drawing.draw(network, lumping).svg()
    root = read(text)
    shown = [words.text for words in words_of(text, svg.width_of)]
    classes = [members for several in lumping.classes.values() for members in several if len(members) > 1]
    for k, members in enumerate(classes):
        letter = palette.letters(k)
        assert sum(re.fullmatch(rf"(\S+ )?{letter}", word) is not None for word in shown) == len(members)
    dashed = [c for c in root.iter(f"{SVG}circle") if c.get("stroke-dasharray")]
    assert len(dashed) == sum(len(members) - 1 for members in classes) + sum(map(len, lumping.constants.values()))


# Harmless


def test_names_from_files_are_escaped():
    for name in ("hostile", "vector", "outputs", "bounds", "plane", "leaves", "savings", "graph with loops"):
        text = PICTURES[name].svg()
        assert "<script" not in text
        assert "&lt;script&gt;" in text
        assert not re.search("[\x00-\x08\x0b-\x1f\u202e\ud800]", text)
        assert "\\u202e" in text or "…" in text


def test_one_line_of_words_stays_one():
    assert svg.printable("a\nb\tc\u200f") == "a\\nb\\tc\\u200f"
    assert svg.printable("x" * 1000).endswith("… (1000 characters)")
    assert svg.width_of(svg.fitted("W" * 100, 80, 12), 12) <= 80


# True


def test_a_drawing_shows_every_edge_with_its_exact_weight():
    network = chain([3, 5, 4, 2])
    root = read(drawing.draw(network).svg())
    told = [title.text for title in root.iter(f"{SVG}title") if " to " in (title.text or "")]
    expected = []
    for node, source, target in ((0, "x", "h1"), (2, "h1", "h2"), (4, "h2", "h3")):
        for v in range(network.units(target)):
            row = network.nodes[node].weight.row(v)
            expected += [f"{source}[{u}] to {target}[{v}]: {exactlump.rational(w)}" for u, w in row.items()]
    assert sorted(told) == sorted(expected)


def test_units_are_marked_as_the_lumping_says():
    network, lumping = lumped(chain([3, 5, 4, 2], 3))
    found = marks.marks_of({tensor: network.units(tensor) for tensor in network.views}, lumping)
    x = [rational(1), rational(2), rational(-1, 3)]
    values = network.valuation(x)
    for tensor, several in found.items():
        first = {}
        for v, mark in enumerate(several):
            if mark.kind == "class":
                assert values[tensor][v] == mark.ratio * values[tensor][first.setdefault(mark.number, v)]
            elif mark.kind == "constant":
                assert mark.short == f"= {numerals.label(values[tensor][v])}"


def test_rows_of_a_certificate_are_marked():
    rows = (Affine(((0, rational(2)),), rational(0)), Affine(((0, rational(3)),), rational(0)), FREE)
    rows += (Same(2, rational(-1)), Affine((), rational(5)), Affine(((0, rational(1)), (1, rational(1))), rational(0)))
    several = marks.marks_of({"h": 6}, {"h": Relation("q", rows)})["h"]
    assert [mark.kind for mark in several] == ["class", "class", "free", "same", "constant", "sum"]
    assert several[1].ratio == rational(3, 2)
    assert marks.counts(several) == {"kept": 1, "merged": 1, "constant": 1, "unobservable": 2, "recombined": 1}


def test_a_lumping_of_another_network_does_no_harm():
    """Rows that the network does not have, and units without rows, are passed over."""
    _, lumping = lumped(chain([3, 5, 4, 2]))
    read(drawing.draw(chain([2, 2, 1]), lumping).svg())
    relation = Relation("q", (Affine(((0, rational(1)),), rational(0)),) * 9)
    read(drawing.draw(chain([2, 2, 1]), {"h1": relation, "nowhere": relation}).svg())


def test_steps_end_in_the_quotient_and_each_computes_the_same_function():
    """The pictures' numbers: the erratum's network goes 2-2 to 1-1, its last weight is 3."""
    text = PICTURES["steps"].svg()
    titles = [title.text for title in read(text).iter(f"{SVG}title")]
    assert "v[0] to o[0]: 3" in titles
    shown = [words.text for words in words_of(text, svg.width_of)]
    assert [word for word in shown if word.startswith(("The", "After"))] == [
        "The network",
        "After 1 step",
        "After 2 steps",
    ]
    assert "A: a[1] = 2 · a[0]" in shown
    assert "A: v[1] = 2 · v[0]" in shown


@pytest.mark.parametrize("units", [1, 2, 20, 21, 1000, 10_000])
def test_layers_of_every_size_are_drawn(units):
    network, lumping = lumped(wide(units))
    picture = drawing.draw(network, lumping)
    text = picture.svg()
    read(text)
    assert len(text) < 400_000
    assert picture.width < 1200
    dots = sum(element.tag == f"{SVG}circle" for element in read(text).iter())
    assert (dots > 0) == (units <= links.MOST_UNITS)
    after = len(lumping.classes["h"]) if units > links.MOST_UNITS else None
    assert after is None or f"{numerals.count(units)} → {numerals.count(after)}" in text


def test_bands_add_up_to_the_bar():
    lumping = maximum_lumping(wide(500), fold=True)
    only = exactlump.Lumping({"h": lumping.classes["h"]}, {"h": lumping.rho["h"]}, {"h": lumping.constants["h"]})
    told = [title.text for title in read(drawing.draw_lumping(only).svg()).iter(f"{SVG}title")]
    sizes = [int(re.match(r"a class of (\d+) units", words)[1]) for words in told if words.startswith("a class")]
    pooled = [int(n) for words in told for n in re.findall(r"classes of (\d+) units in all", words)]
    alone = [int(words.split()[0]) for words in told if words.endswith(" alone")]
    assert sum(sizes) + sum(pooled) + sum(alone) == 500
    assert len(sizes) > 3


def test_a_matrix_has_a_square_for_each_weight():
    network, lumping = lumped(chain([3, 5, 4, 2]))
    weight = network.nodes[0].weight
    paths = [p.get("d") for p in read(drawing.draw_matrix(weight).svg()).iter(f"{SVG}path")]
    assert sum(d.count("M") for d in paths) == weight.nonzeros
    order = [words.text for words in words_of(PICTURES["matrix"].svg(), svg.width_of) if len(words.text) <= 2]
    assert [word for word in order if word in "ABC"] == [
        palette.letters(k) for k in range(len(lumping.classes["h1"]) - 1)
    ]


def test_scaled_rows_of_a_class_look_the_same():
    network, lumping = lumped(chain([3, 4, 2], 7))
    text = drawing.draw_matrix(network.nodes[0].weight, lumping.classes["h1"], lumping.rho["h1"], scaled=True).svg()
    rows = {}
    for words in words_of(text, svg.width_of):
        if re.fullmatch(rf"[{numerals.MINUS}\d/{numerals.ABOUT}.]+", words.text) and words.box[1] < 190:
            rows.setdefault(round(words.box[1]), []).append((words.text, round((words.box[0] + words.box[2]) / 2)))
    assert len(rows) == 4
    lines = list(rows.values())
    assert lines[0] == lines[1]
    assert lines[2] == lines[3]


def test_pieces_cover_the_rectangle_and_are_the_function():
    network = chain([2, 4, 3, 2], 5, twins=False)
    found = cells.cells_of(network, (-2, "-3/2"), (2, 2))
    assert sum(cells.area_of(cell.corners) for cell in found) == 14
    for cell in found:
        middle = tuple(sum(corner[i] for corner in cell.corners) / len(cell.corners) for i in (0, 1))
        (y,) = network.evaluate(middle)
        assert tuple(cells.value_at(function, middle) for function in cell.outputs) == y
        for corner in cell.corners:
            (y,) = network.evaluate(corner)
            assert tuple(cells.value_at(function, corner) for function in cell.outputs) == y


def test_a_lattice_has_as_many_pieces_as_its_functions_allow():
    """386 neurons, and five affine functions on that rectangle."""
    network = exactlump.read(ROOT / "exactlump/networks/tll_small.onnx")
    found = cells.cells_of(network, (-1, -1), (1, 1))
    functions = {tuple(map(str, cell.outputs[0])) for cell in found}
    assert len(found) > 50 > 8 >= len(functions)


def test_regions_that_cannot_be_drawn_are_refused():
    with pytest.raises(ShapeError, match="one input of two elements"):
        drawing.draw_pieces(chain([3, 1]), (0, 0), (1, 1))
    with pytest.raises(ShapeError, match="an empty rectangle"):
        drawing.draw_plane((0, 0), (0, 1))
    with pytest.raises(UnsupportedLayer, match="of kind Add"):
        drawing.draw_pieces(residual(), (0, 0), (1, 1))
    with pytest.raises(Undecided, match="more than 3 linear pieces"):
        drawing.draw_pieces(chain([2, 4, 1], twins=False), (-2, -2), (2, 2), most=3)
    with pytest.raises(ShapeError, match="expected one positive length"):
        drawing.draw_image([[1], [1, 2]])
    with pytest.raises(ShapeError, match="found 1 x 1 and 1 x 2"):
        drawing.draw_difference([[1]], [[1, 2]])
    with pytest.raises(ShapeError, match="found 3 numbers, expected 2 x 2"):
        drawing.image_of([1, 2, 3], 2, 2)


def test_differences_are_counted_exactly():
    """A change of 1/10^40 is a change."""
    text = drawing.draw_difference([[1, 2]], [[1, 2 + rational(1, 10**40)]]).svg()
    assert "1 of 2 numbers differ" in text
    assert "1 changed" in text


def test_columns_and_edges_of_every_kind_of_node():
    network = residual()
    columns = layout.columns_of(network)
    assert [(c.tensor, c.depth, c.words) for c in columns] == [
        ("x", 0, "input"),
        ("a", 1, "relu"),
        ("s", 2, "sum"),
        ("c", 3, "scale"),
        ("k", 4, "select"),
        ("y", 5, "softmax"),
    ]
    found = {
        (e.source, e.u, e.target, e.v, None if e.weight is None else str(e.weight))
        for e in layout.edges_of(network, columns)
    }
    assert ("a", 1, "s", 1, "-1") in found
    assert ("c", 1, "k", 0, "1") in found
    assert ("a", 0, "k", 1, "1") in found
    assert ("k", 2, "y", 0, None) in found


def test_hooks_give_svg():
    network = exactlump.read(ROOT / "exactlump/networks/erratum.json")
    done = reduce(network)
    for text in (
        hooks.network_svg(network),
        hooks.lumping_svg(maximum_lumping(network)),
        hooks.reduction_svg(done),
        hooks.graph_svg(EXAMPLE_2),
    ):
        assert read(text).tag == f"{SVG}svg"


def test_the_figures_of_the_paper_are_written(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "examples.figures", str(tmp_path / "new")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    names = [Path(line).name for line in done.stdout.split()]
    assert names == ["figure-1.svg", "figure-2.svg", "figure-3.svg"]
    assert [(tmp_path / "new" / name).read_text("utf-8") for name in names] == [
        PICTURES[f"figure {k}"].svg() for k in (1, 2, 3)
    ]


def test_the_figures_of_the_documents_are_those():
    """`python -m examples.figures docs/figures` writes them anew."""
    for k in (1, 2, 3):
        kept = (ROOT / "docs" / "figures" / f"figure-{k}.svg").read_text("utf-8")
        assert kept == PICTURES[f"figure {k}"].svg()


# Numbers


@given(st.fractions(), st.integers(4, 12))
def test_a_label_is_exact_or_says_about(value, most):
    words = numerals.label(value, most)
    plain = words.replace(numerals.MINUS, "-")
    if not plain.startswith("≈"):
        assert len(words) <= most
        assert Fraction(plain) == value
    else:
        about = Fraction(plain[1:])
        assert abs(about - value) <= abs(value) / 2
        assert (about > 0) == (value > 0)
        assert len(words) <= max(most, 8)


@given(st.fractions(-(10**12), 10**12), st.fractions(1 / Fraction(10**9), 10**12))
def test_ticks_are_few_round_and_inside(low, length):
    high = low + length
    found = [Fraction(int(t.numerator), int(t.denominator)) for t in numerals.ticks(low, high)]
    assert 2 <= len(found) <= 11
    assert all(low <= t <= high for t in found)
    steps = {b - a for a, b in pairwise(found)}
    assert len(steps) == 1


def test_huge_numbers_have_places():
    assert numerals.near(rational(10) ** 400) == 1e300
    assert numerals.near(-(rational(10) ** 400)) == -1e300
    assert numerals.share(5, 0, 10) == 0.5
    assert numerals.share(7, 7, 7) == 0.5
    read(drawing.draw_vector([rational(10) ** 400, rational(1, 10**400)]).svg())


# The checks see faults


def test_a_name_that_is_not_escaped_is_seen(monkeypatch):
    monkeypatch.setattr(svg, "escape", lambda words: words)
    with pytest.raises(ET.ParseError):
        read(drawing.draw(chain([2, 2, 1], names=["<b", "c", "d"])).svg())


def test_labels_that_are_put_anywhere_are_seen(monkeypatch):
    monkeypatch.setattr(spots.Spots, "first", lambda self, places, *_: next(iter(places), None))
    assert collisions(drawing.draw(chain([4, 4, 2], 1)).svg())


def test_a_pale_colour_is_seen(monkeypatch):
    monkeypatch.setattr(links, "QUIET", palette.Colour("quiet", "#a0a0a0", "#606060"))
    assert faint(drawing.draw(chain([1, 1])).svg())


def test_a_strong_tint_is_seen(monkeypatch):
    monkeypatch.setattr("exactlump.drawing.matrices.TINT", 1.0)
    assert faint(drawing.draw_matrix([[3, -3], [1, 2]]).svg())
