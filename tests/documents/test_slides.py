# SPDX-License-Identifier: Apache-2.0
"""This file is about the slides of the class: one page with everything inside, in the order of the plan.

The blocks on them are run by tests/documents/test_docs.py.
"""

import importlib.util
import itertools
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from exactlump import Network, read
from exactlump.drawing import draw

ROOT = Path(__file__).parents[2]
LABS = ROOT / "docs" / "labs"
SOURCE = (LABS / "slides.md").read_text(encoding="utf-8")


def module():
    spec = importlib.util.spec_from_file_location("slides", LABS / "slides.py")
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


slides = module()


@pytest.fixture(scope="module")
def page():
    return slides.page(SOURCE, LABS)


class Tags(HTMLParser):
    """The tags of a page, with their attributes."""

    def __init__(self, words):
        super().__init__()
        self.found = []
        self.feed(words)

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))


def test_every_heading_is_a_slide_and_every_slide_has_a_note(page):
    sources = slides.slides(SOURCE)
    assert 15 <= len(sources) <= 20
    assert [source for source in sources if source.count("\n> ") != 1] == []
    tags = Tags(page).found
    assert [found["id"] for tag, found in tags if tag == "section"] == [f"s{n + 1}" for n in range(len(sources))]
    assert sum(tag in ("h1", "h2") for tag, _ in tags) == len(sources)
    assert [tag for tag, _ in tags].count("aside") == len(sources)


def test_the_page_needs_nothing_beside_it(page):
    tags = Tags(page).found
    assert {tag for tag, _ in tags} & {"script", "link", "iframe", "object"} == set()
    pictures = [found["src"] for tag, found in tags if tag == "img"]
    assert len(pictures) == SOURCE.count("](../figures/")
    assert all(address.startswith("data:image/svg+xml;base64,") for address in pictures)
    places = {found["id"] for _, found in tags if "id" in found}
    assert {found["href"] for tag, found in tags if tag == "a"} <= {f"#{place}" for place in places}
    assert not re.search(r"url\(|@import", page)


def test_the_minutes_of_the_slides_are_those_of_the_plan():
    plan = (LABS / "README.md").read_text(encoding="utf-8")
    edges = {int(n) for pair in re.findall(r"^\| (\d+)-(\d+) \|", plan, re.M) for n in pair}
    said = [tuple(map(int, pair)) for pair in re.findall(r"^> (\d+)-(\d+) min", SOURCE, re.M)]
    assert (min(edges), max(edges)) == (0, 90)
    assert [b for a, b in said] == sorted(b for a, b in said)
    assert all(a == b for (_, a), (b, _) in itertools.pairwise(said))
    assert edges <= {n for pair in said for n in pair}


def test_the_table_of_evidence_is_that_of_lab_5():
    lab = (LABS / "lab5.md").read_text(encoding="utf-8")
    table = lab.split("## What each one says\n\n")[1].split("\n\n")[0]
    assert table in SOURCE


def test_the_pictures_are_of_the_networks_of_the_labs():
    one = Network.chain([[[1, 2], [3, 6], [-1, -2], [1, 2]], [[1, 1, 1, 1]]], [[1, 3, -1, 2], [0]])
    three = read(ROOT / "exactlump" / "networks" / "erratum.json")
    assert "[[1], [2]], [[1, 0], [0, 1]], [[1, 1]]" in SOURCE
    assert [three.evaluate([x])[0] for x in (-1, 2)] == [(0,), (6,)]
    for name, picture in (("lab-1", draw(one)), ("lab-3", draw(three))):
        assert (ROOT / "docs" / "figures" / f"{name}.svg").read_text(encoding="utf-8") == picture.svg()


def test_a_place_that_cannot_be_written_is_one_line(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert slides.main([str(tmp_path / "file" / "out.html")]) == 2
    assert capsys.readouterr().err.startswith("slides: ")
    assert slides.main([]) == 2
    assert slides.main([str(tmp_path / "made" / "out.html")]) == 0
    assert (tmp_path / "made" / "out.html").read_text(encoding="utf-8").startswith("<!doctype html>")
