# SPDX-License-Identifier: Apache-2.0
"""This file is about pages as people see them: in a browser, on a phone, on paper, and by ear.

A headless Chromium shows each kind of page.  Nothing may be asked of any host, nothing may be wider than a phone, no
SHA-256 may be lost on paper, and axe-core may find nothing serious.
"""

import base64
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from exactlump import Network, Port, ReportOptions, bound, compare, reduce_file, refute, report_file, write
from tests.browser import AXE, CHROMIUM, Browser
from tests.smt.test_obligations import dense

pytest.importorskip("jinja2", reason="the page is written with jinja2")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium")

ROOT = Path(__file__).parents[2]
PHONE = 380
PIXELS = 8


def images(weight):
    """Two outputs of an image, the mean of its upper half and of its lower one."""
    row = [1] * (PIXELS * PIXELS // 2)
    rows = [row + [0] * len(row), [0] * len(row) + [weight] * len(row)]
    return Network((Port("image", (1, PIXELS, PIXELS)),), (dense("image", "y", rows),), ("y",))


def certified(folder):
    source = folder / "digits_widened.onnx"
    shutil.copy(ROOT / "exactlump" / "networks" / source.name, source)
    return reduce_file(source, folder / "small.onnx").certificate


def small(folder):
    shutil.copy(ROOT / "exactlump" / "networks" / "erratum.json", folder)
    return reduce_file(folder / "erratum.json", folder / "small.json").certificate


def rejected(folder):
    certificate = small(folder)
    spoiled = certificate.read_text(encoding="utf-8")
    document = json.loads(spoiled)
    rows = document["relations"]["original"]
    next(relation for relation in rows.values() if [0, "1"] in relation["rows"])["rows"][0] = [0, "2"]
    certificate.write_text(json.dumps(document, sort_keys=True), encoding="utf-8")
    return certificate


def pair(folder, *networks):
    for name, network in zip("ab", networks, strict=True):
        write(network, folder / f"{name}.json")
    return folder / "a.json", folder / "b.json"


def answered(folder, found):
    (folder / "answer.json").write_text(json.dumps(found.json(times=False)), encoding="utf-8")
    return folder / "answer.json"


def bounded(folder):
    rows = [[1, -1], [-1, 1], [1, 1], [2, -1]]
    several = (Network.chain([rows, [[1, w, -1, 1], [w, -1, 1, -1]], [[1, -1], [1, 1]]]) for w in (1, "17/16"))
    certificate = folder / "bound.cert.json"
    return answered(folder, bound(*pair(folder, *several), (-1, 1), certificate=certificate, seconds=10))


def different(folder):
    middle = [[0.5] * (PIXELS * PIXELS)]
    (folder / "middle.json").write_text(json.dumps(middle), encoding="utf-8")
    places = pair(folder, images(1), images(2))
    return answered(folder, refute(*places, around=folder / "middle.json", radius="1/4", argmax=False))


def undecided(folder):
    places = pair(folder, images(1), images(2))
    found = compare(*places, (0, 1), epsilon=31, seconds=0.06)
    words = found.json(times=False) | {"verdict": "unknown", "certificate": None}
    if isinstance(words["bound"], dict):
        words["bound"] |= {"verdict": "unknown", "certificate": None}
    (folder / "answer.json").write_text(json.dumps(words), encoding="utf-8")
    return folder / "answer.json"


CASES = {
    "equivalent": certified,
    "drawn whole": small,
    "rejected": rejected,
    "within": bounded,
    "different": different,
    "unknown": undecided,
}


@pytest.fixture(scope="module", params=CASES)
def page(request, tmp_path_factory):
    """A page of each kind."""
    folder = tmp_path_factory.mktemp("page")
    subject = CASES[request.param](folder)
    found = report_file(subject, folder / "page.html", ReportOptions(**_models(request.param, folder)))
    assert found.verdict == ("equivalent" if request.param == "drawn whole" else request.param)
    return folder / "page.html"


def _models(name, folder):
    if name != "rejected":
        return {}
    return {"original": folder / "erratum.json", "reduced": folder / "small.json"}


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    found = Browser(tmp_path_factory.mktemp("profile"))
    yield found
    found.close()


def show(browser, page, width, *, dark=False):
    metrics = {"width": width, "height": 1000, "deviceScaleFactor": 1, "mobile": width == PHONE}
    browser.call("Emulation.setDeviceMetricsOverride", **metrics)
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    browser.call("Emulation.setEmulatedMedia", features=[scheme])
    browser.open(page.as_uri())


@pytest.mark.parametrize("width", [320, PHONE, 1200])
def test_nothing_is_wider_than_the_screen(browser, page, width):
    show(browser, page, width)
    assert browser.value("document.documentElement.scrollWidth") <= width


def test_a_page_asks_for_nothing_and_complains_of_nothing(browser, page):
    browser.asked.clear()
    browser.said.clear()
    show(browser, page, 1200)
    assert browser.asked == [page.as_uri()]
    assert browser.said == []


@pytest.mark.skipif(AXE is None, reason="axe-core: not installed")
@pytest.mark.parametrize(("width", "dark"), [(1200, False), (1200, True), (PHONE, False)])
def test_axe_finds_nothing_serious(browser, page, width, dark):
    show(browser, page, width, dark=dark)
    browser.value(f"{AXE.read_text(encoding='utf-8')}; null")
    found = json.loads(browser.value("axe.run().then(r => JSON.stringify(r))"))
    assert len(found["passes"]) > 15
    grave = [entry for entry in found["violations"] if entry["impact"] in ("serious", "critical")]
    assert [(entry["id"], entry["nodes"][0]["target"]) for entry in grave] == []


@pytest.mark.skipif(AXE is None, reason="axe-core: not installed")
def test_axe_sees_what_is_planted(browser, page):
    show(browser, page, 1200)
    browser.value("document.querySelector('.verdict').style.color = '#ccc'; null")
    browser.value(f"{AXE.read_text(encoding='utf-8')}; null")
    found = json.loads(browser.value("axe.run().then(r => JSON.stringify(r.violations))"))
    assert "color-contrast" in {entry["id"] for entry in found}


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="pdftotext: not installed")
def test_no_hash_is_lost_on_paper(browser, page, tmp_path):
    show(browser, page, 1200)
    sheets = browser.call("Page.printToPDF", printBackground=True, preferCSSPageSize=True)
    (tmp_path / "page.pdf").write_bytes(base64.b64decode(sheets["data"]))
    said = ""
    for how in ("-layout", "-raw"):
        done = subprocess.run(["pdftotext", how, "page.pdf", "-"], cwd=tmp_path, capture_output=True, check=True)
        said += "".join(done.stdout.decode("utf-8").split())
    hashes = set(re.findall(r"\b[0-9a-f]{64}\b", page.read_text(encoding="utf-8")))
    assert len(hashes) >= 3
    assert {digest for digest in hashes if digest not in said} == set()


def test_nothing_that_scrolls_on_screen_is_cut_on_paper(browser, page):
    browser.call("Emulation.setDeviceMetricsOverride", width=680, height=1000, deviceScaleFactor=1, mobile=False)
    browser.call("Emulation.setEmulatedMedia", media="print", features=[])
    browser.open(page.as_uri())
    cut = """[...document.querySelectorAll('.scroll, .long, pre')]
        .filter(e => e.scrollWidth > e.clientWidth + 1 || e.scrollHeight > e.clientHeight + 1)
        .map(e => e.getAttribute('aria-label') || e.textContent.slice(0, 40))"""
    found = browser.value(cut)
    browser.call("Emulation.setEmulatedMedia", media="", features=[])
    assert found == []
