# SPDX-License-Identifier: Apache-2.0
"""This file is about the site: every page and every public name is on it, and it is built without warnings."""

import importlib.util
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest

import exactlump
from tests.documents.test_docs import PAGES

ROOT = Path(__file__).parents[2]
SITE = ROOT / "docs" / "site"


def test_every_page_is_in_the_contents():
    words = (SITE / "index.rst").read_text(encoding="utf-8")
    listed = set(re.findall(r"^   (?:.+ <)?/([^\s>]+)>?$", words, re.M))
    assert {page.relative_to(ROOT).with_suffix("").as_posix() for page in PAGES} - listed == set()
    assert [name for name in listed if "*" not in name and not (ROOT / f"{name}.md").exists()] == []


def test_every_public_name_is_in_the_reference():
    words = (SITE / "api.rst").read_text(encoding="utf-8")
    listed = re.findall(r"^\.\. auto(?:class|function|data):: exactlump\.(\S+)$", words, re.M)
    rooms = {f"{room}.{name}" for room in exactlump._PACKAGES for name in getattr(exactlump, room).__all__}
    assert len(listed) == len(set(listed))
    assert set(listed) == {*exactlump.__all__, *rooms} - {"__version__"}


class Page(HTMLParser):
    """What a page of the site leads to, and the places on it."""

    def __init__(self, path):
        super().__init__()
        self.leads_to, self.places = [], set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.places |= {found[key] for key in ("id", "name") if key in found}
        self.leads_to += [found[key] for key in ("href", "src") if found.get(key)]


def dangling(site):
    """Links on the site that lead to no page of it, or to no place on that page."""
    pages = {path.resolve(): Page(path) for path in site.rglob("*.html")}
    for path, page in pages.items():
        for target in page.leads_to:
            if re.match(r"\w+:|//", target):
                continue
            name, _, place = target.partition("#")
            other = (path.parent / unquote(name.partition("?")[0])).resolve() if name else path
            if not other.exists() or (place and other in pages and unquote(place) not in pages[other].places):
                yield path.relative_to(site).as_posix(), target


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The site, built without warnings."""
    names = ("sphinx", "myst_parser", "furo", "sphinx_proof", "sphinxcontrib.bibtex")
    missing = [name for name in names if not installed(name)]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)} (pip install 'exactlump[docs]')")
    out = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-c", str(SITE), str(ROOT), str(out)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return out


def installed(name):
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def words(path):
    """The text of a page, without its tags."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", path.read_text(encoding="utf-8")))


@pytest.mark.slow
def test_the_site_is_built_without_warnings(built):
    page = (built / "docs" / "site" / "api.html").read_text(encoding="utf-8")
    assert "The maximum proportional exact lumpability of a network" in page


@pytest.mark.slow
def test_every_link_of_the_site_leads_somewhere(built):
    assert list(dangling(built)) == []
    (built / "extra.html").write_text('<a href="docs/trust.html#nowhere"></a><a href="nowhere.html"></a>')
    assert list(dangling(built)) == [("extra.html", "docs/trust.html#nowhere"), ("extra.html", "nowhere.html")]
    (built / "extra.html").unlink()


@pytest.mark.slow
def test_the_statements_are_numbered_as_in_the_paper_and_lead_to_coq(built):
    page = built / "docs" / "site" / "paper.html"
    text = words(page)
    for number, title in (
        ("Definition 1", "Neural network"),
        ("Definition 5", "Proportional exact lumpability"),
        ("Example 2", "A chain of eight states"),
        ("Definition 6", "Proportional exact lumpability of a network, corrected"),
        ("Definition 7", "The reduced network"),
        ("Theorem 1", "The reduced network computes the same function"),
        ("Example 3", "Pruning one neuron"),
        ("Theorem 2", "A unique maximum, layer by layer"),
    ):
        assert f"{number} ({title})" in text, number
    for number in (1, 2, 3, 4):
        assert f"Figure {number}: " in text
    leads = [target for target in Page(page).leads_to if "source/proofs/" in target]
    assert "../../source/proofs/LumpingProof.v.html#theorem_1_semantics_preserved" in leads
    assert len(leads) > 30
    shown = (built / "source" / "proofs" / "Erratum.v.html").read_text(encoding="utf-8")
    assert words(built / "source" / "proofs" / "Erratum.v.html").count("Theorem printed_definition_6_is_unsound") == 1
    assert '<span id="printed_definition_6_is_unsound">' in shown
    assert "Prabhakar" in text.split("References")[1]
