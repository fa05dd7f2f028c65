# SPDX-License-Identifier: Apache-2.0
"""This file is about pages on all other outcomes: nothing decided, given inputs, limited claims, answers `equivalent`.

What is quoted has to be marked as such, and what limits a claim has to stand wherever the claim does.
"""

import json
from fractions import Fraction

import pytest

import exactlump
import exactlump.cli.main
from exactlump import FormatError, Network, Port, ReportOptions, bound, compare, reduce_file, refute, report_file, write
from exactlump.certificates.certificate import read_certificate
from exactlump.reporting import asked
from exactlump.reporting.bundle_file import bundle_files
from exactlump.reporting.halvings import leaves
from exactlump.reporting.scope import limits
from tests.reporting.test_report import HOSTILE, Page, changed, harmless
from tests.smt.test_obligations import dense
from tests.tools import model, node, save

pytest.importorskip("jinja2", reason="the page is written with jinja2")


def page_of(folder, subject, options=None):
    """The page about an answer or a certificate, taken apart, and what the call found."""
    found = report_file(subject, folder / "page.html", options or ReportOptions(overwrite=True))
    page = Page((folder / "page.html").read_text(encoding="utf-8"))
    assert harmless(page)
    targets = {a["href"][1:] for tag, a in page.elements if tag == "a"}
    assert targets <= {a.get("id") for _, a in page.elements}
    return page, found


def stated(folder, found, change=lambda words: None):
    words = found.json(times=False)
    change(words)
    (folder / "answer.json").write_text(json.dumps(words), encoding="utf-8")
    return folder / "answer.json"


@pytest.fixture
def pair(tmp_path):
    """Two networks of two inputs whose outputs are 1/8 apart at most on [-1, 1]."""
    for name, w in (("a", 1), ("b", "9/8")):
        write(Network.chain([[[1, 0], [0, 1]], [[w, 1], [1, 0]]]), tmp_path / f"{name}.json")
    return tmp_path / "a.json", tmp_path / "b.json"


# Nothing decided


def undecided(words):
    words["verdict"], words["certificate"] = "unknown", None
    if isinstance(words.get("bound"), dict):
        words["bound"] |= {"verdict": "unknown", "certificate": None}


def test_a_bound_that_was_not_shown_has_a_page_with_both_numbers(pair, tmp_path):
    found = bound(*pair, (-1, 1), seconds=5)
    page, done = page_of(tmp_path, stated(tmp_path, found, undecided))
    assert done.verdict == "unknown"
    assert done.reason == (
        "the answer decided nothing; an exact input shows 1/8; "
        "the engine's own bounds, which no checker confirmed, allow 1/8"
    )
    words = page.text()
    assert "Nothing was decided." in words
    assert "none: nothing is claimed" in words
    assert "at most, by the engine" in words
    assert "No output differs" not in words
    assert "check.py a.json" not in words
    assert page.count("tr", "output") == 2


@pytest.mark.parametrize("verb", ["compare", "refute"])
def test_a_question_that_stayed_open_has_a_page(pair, tmp_path, verb):
    found = compare(*pair) if verb == "compare" else refute(*pair)

    def change(words):
        undecided(words)
        words.update(input=None, outputs=None, tried=["points, 100 of them", HOSTILE[0]])

    page, done = page_of(tmp_path, stated(tmp_path, found, change))
    assert done.verdict == "unknown"
    assert "no input that shows a difference is known; no bound is known" in done.reason
    words = page.text()
    assert "points, 100 of them" in words
    assert "whether both networks compute the same outputs" in words
    assert [a["id"] for tag, a in page.elements if tag == "section"].count("tried") == 1


def test_an_answer_that_says_unknown_does_not_hide_a_certificate_that_holds(pair, tmp_path):
    found = bound(*pair, (-1, 1), certificate=tmp_path / "bound.cert.json")
    _, done = page_of(tmp_path, stated(tmp_path, found, lambda words: words.update(verdict="unknown")))
    assert done.verdict == "within"


# Given inputs


@pytest.fixture
def given(tmp_path):
    """A bound of margins over four inputs: two are certified, one is open, one outside."""
    for name, w in (("a", 1), ("b", "9/8")):
        write(Network.chain([[[1], [-1]], [[w, 0], [0, 1]]]), tmp_path / f"{name}.json")
    inputs = [[Fraction(1)], [Fraction(-1)], [Fraction(0)], [Fraction(5)]]
    (tmp_path / "inputs.json").write_text(json.dumps([[str(x) for x in row] for row in inputs]))
    found = bound(
        tmp_path / "a.json",
        tmp_path / "b.json",
        (-1, 1),
        argmax=True,
        inputs=tmp_path / "inputs.json",
        certificate=tmp_path / "margins.cert.json",
    )
    assert (found.verdict, found.alike.certified, found.alike.outside) == ("within", (0, 1), (3,))
    return found


def test_given_inputs_are_counted_and_said_to_be_a_quotation(given, tmp_path):
    page, done = page_of(tmp_path, stated(tmp_path, given))
    assert done.verdict == "within"
    words = page.text()
    assert "At 50.0 % of them both networks were shown to decide alike" in words
    assert "is the word of the engine" in words
    assert "0 to 1" in words
    assert [a["id"] for tag, a in page.elements if tag == "section"].count("inputs") == 1
    (tmp_path / "margins.cert.json").unlink()
    page, done = page_of(tmp_path, tmp_path / "answer.json")
    assert done.verdict == "unknown"
    assert "By the answer, which was not confirmed, at 50.0 %" in page.text()


@pytest.mark.parametrize(
    "change",
    [
        lambda alike: alike.update(inputs=5),
        lambda alike: alike.update(inputs="4"),
        lambda alike: alike.update(certified=[0, 0]),
        lambda alike: alike.update(certified=["0", "1"]),
        lambda alike: alike.pop("open"),
        lambda alike: alike.update(inputs=True),
    ],
)
def test_numbers_of_inputs_that_do_not_fit_are_refused(given, tmp_path, change):
    path = stated(tmp_path, given, lambda words: change(words["alike"]))
    with pytest.raises(FormatError, match=r"inputs|list of numbers"):
        report_file(path, tmp_path / "page.html")
    assert asked.alike_of(None) is None
    with pytest.raises(FormatError):
        asked.alike_of([])


# Leaves


def test_the_leaves_of_two_inputs_are_drawn(tmp_path):
    rows = [[1, -1], [-1, 1], [1, 1], [2, -1]]
    for name, w in (("a", 1), ("b", "17/16")):
        chain = Network.chain([rows, [[1, w, -1, 1], [w, -1, 1, -1]], [[1, -1], [1, 1]]])
        write(chain, tmp_path / f"{name}.json")
    files = tmp_path / "a.json", tmp_path / "b.json"
    found = bound(*files, (-1, 1), seconds=10, certificate=tmp_path / "bound.cert.json")
    assert found.verdict == "within"
    assert found.leaves > 1
    page, _ = page_of(tmp_path, stated(tmp_path, found))
    assert f"on each of {found.leaves} boxes the bound was shown by itself" in page.text()
    document = json.loads((tmp_path / "bound.cert.json").read_bytes())
    assert leaves(document).markup.count("<title>within</title>") == found.leaves
    three = {"x": [["0", "1"]] * 3}
    assert leaves({**document, "claim": {"domain": {"boxes": [three]}}}) is None
    endless = {"x": [["0", "1"], ["0", "1"], None]}
    assert leaves({**document, "claim": {"domain": {"boxes": [endless]}}}) is None
    point = {"x": [["0", "0"], ["0", "1"]]}
    assert leaves({**document, "claim": {"domain": {"boxes": [point]}}}) is None


# Images beside what they are around


def image(weight):
    return Network((Port("x", (1, 4, 4)),), (dense("x", "y", [[weight] * 16]),), ("y",))


def test_an_image_is_shown_with_its_difference_from_the_one_it_is_around(tmp_path):
    for name, w in (("a", 2), ("b", 3)):
        write(image(w), tmp_path / f"{name}.json")
    files = tmp_path / "a.json", tmp_path / "b.json"
    (tmp_path / "around.csv").write_text(",".join(["100"] * 16) + "\n")
    options = {"radius": "1/10", "around": tmp_path / "around.csv"}
    found = refute(*files, **options)
    page, done = page_of(tmp_path, stated(tmp_path, found))
    assert done.verdict == "different"
    assert "the one that it was looked for around, and the difference of both" in page.text()
    assert ("around", tmp_path / "around.csv") in done.report.sources
    (tmp_path / "around.csv").write_text("1\n")
    page, done = page_of(tmp_path, tmp_path / "answer.json")
    assert "looked for around" not in page.text()
    assert done.verdict == "different"
    inside = refute(*files, around=[100] * 16, radius="1/10")
    page, _ = page_of(tmp_path, stated(tmp_path, inside))
    assert "looked for around" in page.text()


def test_inputs_are_images_where_somebody_says_so(tmp_path, capsys):
    for name, w in (("a", 2), ("b", 3)):
        write(Network((Port("x", (16,)),), (dense("x", "y", [[w] * 16]),), ("y",)), tmp_path / f"{name}.json")
    path = stated(tmp_path, refute(tmp_path / "a.json", tmp_path / "b.json", box=(0, 1)))
    assert "element by element" in page_of(tmp_path, path)[0].text()
    page, _ = page_of(tmp_path, path, ReportOptions(image=(4, 4), overwrite=True))
    assert "The input, as an image, 4 x 4." in page.text()
    assert "--image 4x4 -o report.html" in page.text()
    assert "element by element" in page_of(tmp_path, path, ReportOptions(image=(5, 4), overwrite=True))[0].text()
    for wrong in ("4", "0x4", "4x4x4", "axb"):
        with pytest.raises(SystemExit) as end:
            exactlump.cli.main.main(["report", str(path), "--image", wrong, "-o", str(tmp_path / "no.html")])
        assert end.value.code == 2


def test_options_that_no_verb_writes_are_refused_or_passed_over(tmp_path):
    for name, w in (("a", 2), ("b", 3)):
        write(image(w), tmp_path / f"{name}.json")
    path = stated(tmp_path, refute(tmp_path / "a.json", tmp_path / "b.json"))
    for around in ({"a": 1}, [[]] * 16, "nowhere.csv", 5):
        changed(path, lambda words, around=around: words["options"].update(around=around))
        assert "looked for around" not in page_of(tmp_path, path)[0].text()
    for around in (["x"] * 16, [None] * 16, ["1/0"] * 16):
        changed(path, lambda words, around=around: words["options"].update(around=around))
        with pytest.raises(exactlump.ExactlumpError) as refused:
            report_file(path, tmp_path / "no.html")
        assert refused.value.exit_code == 2


# Answers `equivalent`


@pytest.mark.parametrize("ask", [refute, compare])
def test_an_answer_equivalent_has_the_page_of_its_certificate(tmp_path, ask):
    for name, rows in (("a", [[1], [2]]), ("b", [[2], [4]])):
        write(Network.chain([rows, [[4, 2] if name == "a" else [2, 1]]]), tmp_path / f"{name}.json")
    files = tmp_path / "a.json", tmp_path / "b.json"
    found = ask(*files, certificate=tmp_path / "both.cert.json")
    assert found.verdict == "equivalent"
    page, done = page_of(tmp_path, stated(tmp_path, found))
    assert done.verdict == "equivalent"
    assert "Both networks compute exactly the same function." in page.text()
    (tmp_path / "both.cert.json").unlink()
    with pytest.raises(FormatError, match=r"found no file .*, expected the one that --certificate FILE writes"):
        report_file(tmp_path / "answer.json", tmp_path / "no.html")


# What limits a claim


def boxed(folder):
    """A unit that is linear on a box only."""
    write(Network.chain([[[1, 1], [1, -1]], [[1, 1]]]), folder / "a.json")
    return reduce_file(folder / "a.json", folder / "b.json", box=(2, 3)).certificate, "only on the box where each of 2"


def opaque(folder):
    source = save(
        folder / "a.onnx",
        model(
            [
                node("Gemm", "x W", "h", transB=1),
                node("Relu", "h", "r"),
                node("Gemm", "r V", "p", transB=1),
                node("Hardmax", "p", "y"),
            ],
            {"x": [1, 2]},
            {"y": [1, 2]},
            {"W": [[1.0, 2.0], [2.0, 4.0]], "V": [[1.0, 1.0], [1.0, 2.0]]},
        ),
    )
    return reduce_file(source, folder / "b.onnx").certificate, "for whatever functions 1 operator may be"


def dusty(folder):
    weights = {"W": [[1.0, 2.0], [2.0, 4.0]], "V": [[1.0, 1e-30]]}
    nodes = [node("Gemm", "x W", "h", transB=1), node("Relu", "h", "r"), node("Gemm", "r V", "y", transB=1)]
    source = save(folder / "a.onnx", model(nodes, {"x": [1, 2]}, {"y": [1, 1]}, weights))
    return reduce_file(source, folder / "b.onnx", dust="1e-20").certificate, "without its numbers below"


@pytest.mark.parametrize("make", [boxed, opaque, dusty])
def test_what_limits_a_claim_stands_where_the_claim_does(tmp_path, make):
    certificate, words = make(tmp_path)
    (limit,) = limits(read_certificate(certificate))
    assert words in limit
    page, found = page_of(tmp_path, certificate)
    assert found.verdict == "equivalent"
    text = page.text()
    assert "within the limits of the claim" in text
    assert "compute exactly the same function" not in text
    assert "every input, no box" not in text
    assert text.count(limit) == 3
    sides = [
        next(tmp_path / f"{name}.{kind}" for kind in ("onnx", "json") if (tmp_path / f"{name}.{kind}").exists())
        for name in "ab"
    ]
    made = bundle_files(tmp_path / "out.zip", *sides, certificate)
    readme = made.members["README.txt"].decode()
    assert "within these limits, beyond which nothing is claimed" in readme
    assert limit in readme
    assert "at every input" not in readme


def test_a_claim_about_everything_has_no_limits(tmp_path):
    write(Network.chain([[[1], [2]], [[1, 1]]]), tmp_path / "a.json")
    certificate = reduce_file(tmp_path / "a.json", tmp_path / "b.json").certificate
    assert limits(read_certificate(certificate)) == ()
    assert "at every input, the reduced network" in page_of(tmp_path, certificate)[0].text()


def test_ranges_are_short():
    assert asked.ranges(()) == "none"
    assert asked.ranges((0,)) == "0"
    assert asked.ranges((0, 2, 3, 4, 9)) == "0, 2 to 4, 9"


# Many of everything


def test_a_network_of_many_layers_has_a_page(tmp_path):
    """As many rows as layers; the picture shows some of them, and says how many there are besides."""
    chain = Network.chain([[[1], [1]], *[[[1, 2], [2, 1]]] * 150, [[1, 1]]])
    write(chain, tmp_path / "a.json")
    certificate = reduce_file(tmp_path / "a.json", tmp_path / "b.json", rules="lumping").certificate
    page, found = page_of(tmp_path, certificate)
    assert found.verdict == "equivalent"
    assert page.count("tr", "layer") >= 151
    assert "further layers" in page.text()


def test_a_long_list_of_inputs_and_notes_is_cut_or_short(tmp_path, pair):
    found = bound(*pair, (-1, 1), certificate=tmp_path / "bound.cert.json")

    def change(words):
        words["notes"] = ["a note of many letters " * 50] * 5000
        kinds = {"certified": list(range(100_000)), "flipped": [], "open": [], "outside": []}
        words["alike"] = {"inputs": 100_000, **kinds, "share": 1.0}

    page, done = page_of(tmp_path, stated(tmp_path, found, change))
    assert done.verdict == "within"
    assert "0 to 99999" in page.text()
    assert len(page.text()) < 100_000


def test_numbers_of_ten_thousand_digits_are_shown(tmp_path):
    """The most that a certificate may have."""
    huge = "1" + "0" * 9_900
    for name, w in (("a", huge), ("b", f"{huge}/3")):
        write(Network.chain([[[1]], [[w]]]), tmp_path / f"{name}.json")
    page, found = page_of(tmp_path, stated(tmp_path, refute(tmp_path / "a.json", tmp_path / "b.json", box=(0, 1))))
    assert found.verdict == "different"
    assert "beyond float32" in page.text()
