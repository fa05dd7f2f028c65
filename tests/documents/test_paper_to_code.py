# SPDX-License-Identifier: Apache-2.0
"""This file is about docs/paper-to-code.md: no item of the paper lacks code, a test, a page, a picture or a proof.

That the names of the third and fifth column exist, is for tests/documents/test_docs.py and
tests/extraction/test_proofs.py.
"""

import re
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "paper-to-code.md"
SITE = (ROOT / "docs" / "site" / "paper.rst").read_text(encoding="utf-8")
ITEMS = [
    *(f"Definition {n}" for n in range(1, 8)),
    *(f"Theorem {n}" for n in (1, 2)),
    *(f"Example {n}" for n in (1, 2, 3)),
    *(f"Figure {n}" for n in (1, 2, 3, 4)),
    "Section 5",
]
PICTURES = ("Example 1", "Example 2", "Example 3", "Figure 1", "Figure 2", "Figure 3", "Figure 4")


class Row(NamedTuple):
    item: str
    statement: str
    code: str
    tested: str
    coq: str
    see: str


def rows(page=PAGE):
    words = page.read_text(encoding="utf-8").split("## The paper's items")[1].split("## Beyond the paper")[0]
    lines = [line[2:-2] for line in words.splitlines() if line.startswith("| ")]
    return [Row(*line.split(" | ")) for line in lines[1:]]


def about(item):
    """The rows about an item; one row is about Figures 1, 2 and 3."""
    word, number = item.split()
    return [row for row in rows() if re.search(rf"\b{word}s? (\d, )*{number}\b", row.item)]


def links(cell):
    return [(PAGE.parent / target.partition("#")[0]).resolve() for target in re.findall(r"\]\(([^)]+)\)", cell)]


@pytest.mark.parametrize("item", ITEMS)
def test_an_item_has_code_a_test_a_page_and_a_proof_or_the_reason_why_not(item):
    found = about(item)
    assert found
    for row in found:
        assert re.search(r"`[\w./ -]+`|\]\(", row.code), row.item
        named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", row.tested)
        assert named, row.item
        for path, test in named:
            assert (ROOT / path).is_file()
            assert not test or f"def {test}(" in (ROOT / path).read_text(encoding="utf-8")
        assert re.search(r"`\w+`", row.coq) or re.fullmatch(r"none: \w.+", row.coq), row.item
        assert [path for path in links(row.see) if path.suffix in (".md", ".svg") and path.exists()], row.item


@pytest.mark.parametrize("item", PICTURES)
def test_an_item_with_a_picture_in_the_paper_has_one_here(item):
    pictures = [path for row in about(item) for path in links(row.see) if path.suffix == ".svg"]
    assert pictures
    for path in pictures:
        assert path.read_text(encoding="utf-8").lstrip().startswith(("<svg", "<?xml"))


def test_an_item_leads_to_a_page_that_people_read():
    for item in ITEMS:
        pages = {path for row in about(item) for path in (*links(row.see), *links(row.code)) if path.suffix == ".md"}
        assert pages or item in PICTURES, item


def test_the_site_states_every_item_in_the_order_of_the_paper():
    stated = re.findall(r"^\.\. prf:(definition|theorem|example):: (?:.+)\n   :label: paper-(\w+)-(\d+)$", SITE, re.M)
    assert all(kind == name for kind, name, _ in stated)
    for kind in ("definition", "theorem", "example"):
        numbers = [int(number) for name, _, number in stated if name == kind]
        assert numbers == [int(item.split()[1]) for item in ITEMS if item.lower().startswith(kind)]
    pictures = re.findall(r"^\.\. figure:: (\S+)$", SITE, re.M)
    assert [Path(name).stem for name in pictures] == ["figure-1", "figure-2", "figure-3", "paper_accuracy_mnist"]
    assert all((ROOT / "docs" / "site" / name).is_file() for name in pictures)


def test_the_proofs_that_the_site_names_exist():
    named = re.findall(r":coq:`([\w.]+)`", SITE)
    assert len(named) > 30
    for name in named:
        file, _, statement = name.rpartition(".")
        sources = [ROOT / "proofs" / f"{file}.v"] if file else sorted((ROOT / "proofs").glob("*.v"))
        pattern = rf"^(Theorem|Lemma|Corollary|Definition|Fixpoint|Record|Inductive) {statement}\b"
        assert any(re.search(pattern, path.read_text(encoding="utf-8"), re.M) for path in sources), name
