# SPDX-License-Identifier: Apache-2.0
"""This file is about what pictures say: that it is true of the networks, chains and numbers that they show."""

import re
import subprocess
import sys
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import exactlump
from exactlump import drawing, maximum_lumping, rational
from exactlump.drawing import cells, findings, hooks, layout, links, marks, numerals, palette, svg
from exactlump.errors import ShapeError, Undecided, UnsupportedLayer
from exactlump.lumping.simulations import FREE, Affine, Relation, Same
from exactlump.reduction.loop import reduce
from examples.figures import first_picture
from examples.paper_chains import EXAMPLE_2
from tests.gallery import ROOT, chain, lumped, picture_of, residual, wide
from tests.pictures import SVG, read, words_of


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
    text = picture_of("steps").svg()
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
    order = [words.text for words in words_of(picture_of("matrix").svg(), svg.width_of) if len(words.text) <= 2]
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


def test_notebooks_get_pictures_of_what_there_is_to_see(tmp_path):
    network = exactlump.read(ROOT / "exactlump/networks/erratum.json")
    exactlump.write(network, tmp_path / "a.json")
    one, other = (exactlump.Network.chain([[[1, 1], [1, -1]], [[1, w]]]) for w in (1, "3/2"))
    shown = {
        "network": network,
        "lumping": maximum_lumping(network),
        "graph": EXAMPLE_2,
        "reduction": reduce(network),
        "files": exactlump.reduce_file(tmp_path / "a.json", tmp_path / "b.json"),
        "finding": exactlump.refute(one, other),
        "bound": exactlump.bound(one, other, (0, 1)),
        "margins": exactlump.bound(*(exactlump.Network.chain([[[1], [w]]]) for w in (2, 3)), (0, 1), metric="margins"),
        "comparison": exactlump.compare(one, other, (0, 1)),
    }
    for name, thing in shown.items():
        assert read(thing._repr_svg_()).tag == f"{SVG}svg", name
    assert "at most 1/2" in shown["bound"]._repr_svg_()
    assert "minus" not in shown["finding"]._repr_svg_()
    for nothing in (exactlump.refute(one, one), exactlump.compare(one, one)):
        assert nothing._repr_svg_() is None


def test_what_is_asked_for_a_picture_stays_what_it_is():
    """`Shown` gives no dictionary to what has slots, and takes part in no comparison."""
    assert not hasattr(maximum_lumping(exactlump.read(ROOT / "exactlump/networks/erratum.json")), "__dict__")
    assert hooks.svg_of(object()) is None
    code = "import exactlump, sys; exactlump.Network; print(any('drawing' in name for name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


IMAGE = list(range(2 * 4 * 5))


@pytest.mark.parametrize(
    ("shape", "axes", "expected"),
    [
        ((2, 4, 5), ("channel", "row", "column"), [[IMAGE[20 * c + 5 * i :][:5] for i in range(4)] for c in range(2)]),
        (
            (4, 5, 2),
            ("row", "column", "channel"),
            [[[IMAGE[2 * (5 * i + j) + c] for j in range(5)] for i in range(4)] for c in range(2)],
        ),
        ((2, 4, 5), (), [[IMAGE[20 * c + 5 * i :][:5] for i in range(4)] for c in range(2)]),
        ((40,), (), []),
        ((1, 20, 2), (), []),
    ],
)
def test_an_input_is_an_image_channel_by_channel(shape, axes, expected):
    assert findings.grids(IMAGE, shape, axes) == expected


def test_an_image_stands_beside_the_one_that_it_is_around():
    other = [value + (i == 7) for i, value in enumerate(IMAGE)]
    pictures = findings.draw_input(other, [], (2, 4, 5), around=IMAGE)
    assert [picture.description for picture in pictures] == [
        "1 of 20 numbers differ, by up to 1.",
        "0 of 20 numbers differ, by up to 0.",
    ]
    flat = findings.draw_input(other, [f"x[{i}]" for i in range(40)], around=IMAGE)
    assert [picture.title for picture in flat] == ["The input", "The input minus the one that it is around"]
    assert len(findings.draw_input([0] * 160, [], (10, 4, 4))) == findings.MOST_CHANNELS


def test_the_figures_of_the_paper_are_written(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "examples.figures", str(tmp_path / "new")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    names = [Path(line).name for line in done.stdout.split()]
    assert names == ["figure-1.svg", "figure-2.svg", "figure-3.svg", "first.svg"]
    assert [(tmp_path / "new" / name).read_text("utf-8") for name in names] == [
        *(picture_of(f"figure {k}").svg() for k in (1, 2, 3)),
        first_picture().svg(),
    ]


def test_the_figures_of_the_documents_are_those():
    """`python -m examples.figures docs/figures` writes them anew."""
    pictures = {f"figure-{k}": picture_of(f"figure {k}") for k in (1, 2, 3)} | {"first": first_picture()}
    for name, picture in pictures.items():
        assert (ROOT / "docs" / "figures" / f"{name}.svg").read_text("utf-8") == picture.svg()


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
