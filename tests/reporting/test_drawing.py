# SPDX-License-Identifier: Apache-2.0
"""This file is about pictures: that they are well-formed, legible, harmless, and always the same.

Every check goes over a gallery of all kinds of pictures, read back from their SVG text by `tests/pictures.py`.
"""

import math
import random
import re
import subprocess
import sys
from xml.etree import ElementTree as ET

import pytest

import exactlump
from exactlump import drawing, rational
from exactlump.drawing import links, palette, spots, svg
from exactlump.markov import maximum_exact
from tests.gallery import GALLERY, ROOT, chain, lumped, picture_of
from tests.pictures import SVG, overlap, read, relative_contrast, walk, words_of


@pytest.fixture(params=GALLERY)
def picture(request):
    return picture_of(request.param)


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
    picture = picture_of("small")
    picture.save(tmp_path / "a.svg")
    assert (tmp_path / "a.svg").read_bytes() == picture.svg().encode("utf-8")
    assert picture._repr_svg_() == picture.svg()
    assert re.fullmatch(r"Picture\(\d+ x \d+: Graph with 6 states\)", repr(picture_of("graph")))


def test_two_processes_write_the_same_bytes():
    code = (
        "import hashlib; from tests.gallery import GALLERY, picture_of; "
        "print({n: hashlib.sha256(picture_of(n).svg().encode()).hexdigest() for n in GALLERY})"
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
    assert len(next(iter(found))) > 64 * len(GALLERY)


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
        text = picture_of(name).svg()
        assert "<script" not in text
        assert "&lt;script&gt;" in text
        assert not re.search("[\x00-\x08\x0b-\x1f\u202e\ud800]", text)
        assert "\\u202e" in text or "…" in text


def test_one_line_of_words_stays_one():
    assert svg.printable("a\nb\tc\u200f") == "a\\nb\\tc\\u200f"
    assert svg.printable("x" * 1000).endswith("… (1000 characters)")
    assert svg.width_of(svg.fitted("W" * 100, 80, 12), 12) <= 80


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
