# SPDX-License-Identifier: Apache-2.0
"""This file is about the report: what the page says, what it must never say, and that names in it stay names."""

import base64
import hashlib
import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from onnx import helper

import exactlump
from exactlump import Activate, Box, Network, Port, read, reduce_file, refute, report_file, write
from exactlump.bounding.bound import bound
from exactlump.bounding.boxes import Domain
from exactlump.bounding.certifying import bound_certificate, dumps
from exactlump.certificates.certificate import read_certificate
from exactlump.cli.main import main
from exactlump.drawing.svg import printable
from exactlump.errors import FormatError
from exactlump.formats import digest as digest_of
from exactlump.formats.files import sha256
from exactlump.network.activations import RELU
from exactlump.reporting.bounded import bounded
from exactlump.reporting.facts import Layer, layers
from exactlump.reporting.figures import figures
from exactlump.reporting.matrix import RULES, expected
from exactlump.reporting.measures import multiply_adds
from exactlump.reporting.page import render
from exactlump.reporting.report import report
from exactlump.reporting.words import classes
from exactlump.smt.evidence import DISCHARGED
from exactlump.smt.solve import version
from exactlump.verbs.checking import CHECKER
from exactlump.verbs.proving import ProveOptions, prove_files
from exactlump.verdicts import SCOPE
from tests.smt.test_obligations import dense
from tests.tools import dense_model, model, save

pytest.importorskip("jinja2", reason="the page is written with jinja2")

ROOT = Path(__file__).parents[2]
NETWORKS = sorted((ROOT / "exactlump" / "networks").iterdir())
EMPTY = Layer("h", None, 0, 0, 0, 0, 0, 0, 0, None, None, (), "")
VOID = {"meta", "br", "wbr"}
TAGS = {"html", "head", "meta", "title", "style", "body", "section", "h1", "h2", "p", "pre", "table", "tr", "th", "td"}
TAGS |= {"ul", "ol", "li", "strong", "code", "bdi", "span", "q", "div", "br", "wbr", "h3", "a", "header", "main", "nav"}
TAGS |= {"thead", "tbody", "caption", "figure", "figcaption", "dl", "dt", "dd", "footer"}
TAGS |= {"svg", "desc", "g", "text", "line", "circle", "rect", "path", "polygon"}
SECTIONS = ["verdict", "claim", "files", "layers", "pictures", "matrix", "trust", "assumptions", "limits"]
SECTIONS += ["reproduce", "glossary", "versions", "signoff", "hashes", "classes", "obligations"]
# Sections of a certificate without obligations at hand.
WITHOUT_ITEMS = SECTIONS[:-1]

# A dead unit, a constant, twins, their negative, and one that only a weight 0 reads.
MIXED = Network(
    (Port("x", (2,)),),
    (
        dense("x", "p", [[1, 2], [3, 6], [0, 0], [0, 0], [-1, -2], [1, 1]], [1, 3, -1, 5, -1, 0]),
        Activate("p", "h", (RELU,) * 6),
        dense("h", "y", [[1, 1, 1, 1, 1, 0], [0, 2, 0, 1, 1, 0]]),
    ),
    ("y",),
)


class Page(HTMLParser):
    """A page taken apart: its elements, its words by the element that they stand in; it must be well nested."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.elements, self.words = [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append((self.open[-1] if self.open else "", data))

    def text(self, *without):
        """The words that are shown, but for those in some elements."""
        return "".join(words for tag, words in self.words if tag not in ("style", *without))

    def count(self, tag, kind=None):
        return sum(t == tag and kind in (None, a.get("class")) for t, a in self.elements)


def harmless(page):
    """Whether a page runs nothing and loads nothing, by its elements and its attributes."""
    assert {tag for tag, _ in page.elements} <= TAGS | {"title"}
    for tag, attributes in page.elements:
        assert not {name for name in attributes if name.startswith("on")}
        assert not attributes.keys() & {"src", "xlink:href", "action", "style", "srcset", "data", "background"}
        assert attributes.get("href", "#").startswith("#")
        assert all("://" not in (value or "") for name, value in attributes.items() if (tag, name) != ("svg", "xmlns"))
    return True


def shown(found):
    page = Page(render(found))
    assert harmless(page)
    return page


page_of = shown


def run(capsys, *arguments):
    """The exit code of the command line, and what it printed."""
    with pytest.raises(SystemExit) as end:
        main(["report", *map(str, arguments)])
    out, err = capsys.readouterr()
    return end.value.code, out, err


def refused(capsys, folder, *arguments, words=()):
    """A refusal: exit 2, one line on stderr that has the words, no page."""
    code, out, err = run(capsys, *arguments, "-o", folder / "page.html")
    assert (code, out) == (2, "")
    assert err.startswith("exactlump: ")
    assert err.count("\n") == 1
    assert all(word in err for word in words), err
    assert not (folder / "page.html").exists()


@pytest.fixture
def triple(tmp_path):
    """A network, its reduction and the certificate, in a folder of their own."""
    write(MIXED, tmp_path / "big.json")
    reduce_file(tmp_path / "big.json", tmp_path / "small.json")
    return tmp_path / "big.json", tmp_path / "small.json", tmp_path / "small.json.cert.json"


@pytest.fixture
def evidence(triple):
    path = triple[0].with_name("evidence.jsonl")
    options = ProveOptions(solvers=("z3",), jobs=1, evidence=path)
    assert prove_files(*triple, options).verdict == "equivalent"
    return path


def forged(path, change):
    """The file of evidence with its lines, as objects, changed."""
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    change(lines)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


# What the page says.


def test_the_page_says_the_claim_the_files_and_the_verdict_of_the_checker(triple, capsys):
    code, out, err = run(capsys, triple[2], "-o", triple[0].with_name("page.html"))
    assert (code, out, err) == (0, f"equivalent: over the reals, {SCOPE}, for the networks as stored\n", "")
    page = Page(triple[0].with_name("page.html").read_text(encoding="utf-8"))
    assert harmless(page)
    assert [a["id"] for tag, a in page.elements if tag == "section"] == SECTIONS
    words = page.text()
    assert "at every input, the reduced network computes the same outputs as the original network" in words
    for what in ("exact: all outputs are equal", "all reals", "as stored", "python3 -I check.py big.json small.json"):
        assert what in words
    for path in (*triple, CHECKER):
        assert hashlib.sha256(path.read_bytes()).hexdigest() in words
    assert f"{len(CHECKER.read_bytes().splitlines())} lines" in words


def test_the_layers_say_what_the_certificate_says(triple):
    hidden, output = layers(read_certificate(triple[2]), tuple(map(read, triple[:2])))
    assert (hidden.name, hidden.units, hidden.classes, hidden.merged) == ("h", 6, 2, 1)
    assert (hidden.zero, hidden.constant, hidden.unobservable, hidden.written, hidden.copies) == (1, 1, 1, 2, 0)
    assert dict(hidden.groups) == {
        "class 0": ("0 (ratio 1)", "1 (ratio 3)"),
        "class 1": ("4 (ratio 1)",),
        "always 0": ("2",),
        "constant": ("3 = 5",),
        "unobservable": ("5",),
    }
    assert "1 are negative multiples of others: twins, which would not be fewer units here" in hidden.why
    assert (output.name, output.why) == ("y", "an output: kept unit by unit")
    page = shown(report(triple[2]))
    assert page.count("tr", "layer") == 2
    assert "1 (ratio 3)" in page.text()


@pytest.mark.parametrize("source", NETWORKS, ids=lambda path: path.name)
def test_the_layers_of_bundled_networks_are_those_of_the_reduction(source, tmp_path):
    done = reduce_file(source, tmp_path / f"small{source.suffix}")
    found = report(done.certificate, original=source)
    assert found.verdict == "equivalent"
    rows = {layer.name: layer for layer in found.layers}
    kinks = bool(done.reduction.own)
    for layer in done.reduction.layers:
        if kinks and layer.before == 0:  # of the reduced network, which has other layers
            continue
        row = rows[layer.name]
        if layer.before == 0:
            assert (row.written, row.copies) == (layer.after, layer.copies)
            continue
        assert (row.units, row.zero, row.constant, row.unobservable) == (
            layer.before,
            layer.zero,
            layer.constant,
            layer.unobservable,
        )
        if not layer.fused and not kinks:
            assert (row.merged, row.written) == (layer.merged, layer.after)
            assert "could go" not in row.why
    page = shown(found)
    assert page.count("tr", "layer") == len(found.layers)
    assert page.count("figure") == len(found.figures) > 0
    assert found.measures[0].before == done.reduction.original.neurons
    assert found.measures[0].after == done.reduction.reduced.neurons


def test_the_claim_says_how_irrational_scales_are_read(tmp_path):
    nodes = [
        helper.make_node("Gemm", ["x", "W"], ["h"], transB=1),
        helper.make_node("BatchNormalization", ["h", "one", "zero", "zero", "one"], ["n"]),
        helper.make_node("Relu", ["n"], ["r"]),
        helper.make_node("Gemm", ["r", "V"], ["y"], transB=1),
    ]
    constants = {"W": [[1.0, 2.0], [2.0, 4.0]], "one": [1.0, 1.0], "zero": [0.0, 0.0], "V": [[1.0, 1.0]]}
    source = save(tmp_path / "big.onnx", model(nodes, {"x": [1, 2]}, {"y": [1, 1]}, constants))
    page = shown(report(reduce_file(source, tmp_path / "small.onnx").certificate)).text()
    assert "both read with batch normalisation folded, scales in float32" in page
    assert "as they are stored" not in page


def test_an_onnx_file_shows_its_versions_and_the_hash_of_each_tensor(tmp_path):
    source = save(tmp_path / "big.onnx", dense_model(([[1.0], [2.0]], [0.0, 0.0]), ([[1.0, 1.0]], [0.0]), opset=17))
    done = reduce_file(source, tmp_path / "small.onnx")
    words = shown(report(done.certificate)).text()
    assert "ai.onnx 17" in words
    assert "ONNX IR version" in words
    entry = read_certificate(done.certificate).original
    assert len(entry.tensors) == 4
    for name, digest in entry.tensors.items():
        assert name in words
        assert digest in words


def test_a_layer_without_activation_that_was_fused_has_a_row(tmp_path):
    network = Network(
        (Port("x", (1,)),),
        (
            dense("x", "a", [[1], [2]]),
            dense("a", "p", [[1, 1], [1, -1]]),
            Activate("p", "h", (RELU, RELU)),
            dense("h", "y", [[1, 1]]),
        ),
        ("y",),
    )
    write(network, tmp_path / "big.json")
    done = reduce_file(tmp_path / "big.json", tmp_path / "small.json")
    first, *_ = report(done.certificate).layers
    assert (first.name, first.units, first.written) == ("a", 2, None)
    assert first.why.startswith("no rows of its own")


# Nothing was re-checked.


def test_without_model_files_the_page_restates_the_certificate_and_says_so(triple, tmp_path, capsys):
    alone = tmp_path / "alone"
    alone.mkdir()
    shutil.copy(triple[2], alone)
    code, out, _ = run(capsys, alone / triple[2].name, "-o", alone / "page.html")
    assert code == 3
    assert out.startswith("unknown: nothing was re-checked")
    page = Page((alone / "page.html").read_text(encoding="utf-8"))
    assert harmless(page)
    assert "Nothing on this page was re-checked" in page.text()
    assert "equivalent" not in page.text()
    assert "not at hand" in page.text()
    assert page.count("tr", "layer") == 2
    assert page.count("circle") == 0
    assert [a["id"] for tag, a in page.elements if tag == "section"] == WITHOUT_ITEMS


def test_evidence_is_quoted_when_nothing_was_rechecked(triple, evidence, tmp_path):
    alone = tmp_path / "alone"
    alone.mkdir()
    shutil.copy(triple[2], alone)
    found = report(alone / triple[2].name, evidence=evidence)
    page = shown(found)
    assert found.verdict == "unknown"
    assert "equivalent" not in page.text("q")
    assert ("q", "equivalent") in page.words
    assert "are quoted from the evidence" in page.text()
    assert page.count("tr", "obligation") == len(found.items) > 0


def test_one_model_file_alone_is_an_error(triple, tmp_path, capsys):
    alone = tmp_path / "alone"
    alone.mkdir()
    shutil.copy(triple[2], alone)
    words = ("found no reduced file", "expected --reduced FILE")
    refused(capsys, alone, alone / triple[2].name, "--original", triple[0], words=words)


def test_a_file_is_found_by_its_content_and_not_by_its_name(triple):
    renamed = triple[0].with_name("another name.json")
    triple[0].rename(renamed)
    write(MIXED, triple[0])
    triple[0].write_bytes(triple[0].read_bytes() + b" ")
    found = report(triple[2])
    assert found.verdict == "equivalent"
    assert found.files[0].name == "another name.json"


def test_a_file_beside_the_certificate_that_cannot_be_read_is_passed_over(triple, monkeypatch):
    stranger = triple[0].with_name("a stranger.json")
    stranger.write_text("{}")

    def refusing(place):
        if place == stranger:
            raise FormatError("cannot be read: Permission denied")
        return sha256(place)

    monkeypatch.setattr("exactlump.verbs.rechecking.sha256", refusing)
    assert report(triple[2]).verdict == "equivalent"


# Verdicts that are no `equivalent`.


def test_other_files_are_rejected_and_not_described(triple, capsys):
    other = triple[0].with_name("other.json")
    other.write_bytes(triple[0].read_bytes() + b"\n")
    page_path = triple[0].with_name("page.html")
    code, out, _ = run(capsys, triple[2], "--original", other, "-o", page_path)
    assert code == 1
    assert out.startswith("rejected: ")
    page = Page(page_path.read_text(encoding="utf-8"))
    assert "equivalent" not in page.text()
    assert page.count("table", "about") == 0


@pytest.fixture
def wrong(triple):
    """The triple with the ratio 4 in place of 3."""
    document = json.loads(triple[2].read_text())
    document["relations"]["original"]["h"]["rows"][1] = [0, "4"]
    triple[2].write_text(json.dumps(document))
    return triple


def test_a_false_certificate_is_rejected_with_its_counterexample(wrong, capsys):
    path = wrong[0].with_name("evidence.jsonl")
    assert prove_files(*wrong, ProveOptions(jobs=1, evidence=path)).verdict == "rejected"
    page_path = wrong[0].with_name("page.html")
    code, out, _ = run(capsys, wrong[2], "--evidence", path, "-o", page_path)
    assert code == 1
    assert out.startswith("rejected: ")
    page = Page(page_path.read_text(encoding="utf-8"))
    assert harmless(page)
    assert "equivalent" not in page.text()
    assert page.count("div", "counterexample") == 3
    assert "evaluated in exact arithmetic: the claim is false there" in page.text()
    assert "nearest float32" in page.text()


def test_a_counterexample_is_shown_exactly_and_as_the_nearest_float32(triple, evidence):
    def refute(lines):
        values = {"element 0 of 'x'": "1/3", "element 1 of 'x'": "1" + "0" * 60}
        lines[2].update(verdict="refuted", values=values, replayed=True)

    found = report(triple[2], evidence=forged(evidence, refute))
    words = shown(found).text()
    assert "1/3" in words
    assert "0.333333343" in words
    assert "beyond float32" in words


def test_evidence_that_contradicts_the_checker_makes_it_unknown(triple, evidence, capsys):
    path = forged(evidence, lambda lines: lines[3].update(verdict="refuted"))
    code, out, _ = run(capsys, triple[2], "--evidence", path, "-o", triple[0].with_name("page.html"))
    assert code == 3
    assert out.startswith("unknown: the checker accepted, but the evidence has an obligation refuted")


# The matrix.


def test_the_matrix_has_each_requirement_each_obligation_and_what_each_solver_said(triple, evidence):
    found = report(triple[2], evidence=evidence)
    networks = tuple(map(read, triple[:2]))
    items = expected(*networks, read_certificate(triple[2]), ["decomposed"])
    assert [item.name for item in found.items] == [item.name for item in items]
    assert all(a.verdict == DISCHARGED for item in found.items for a in item.answers)
    assert all(len(item.answers) == 1 for item in found.items)
    *parts, conclusion = found.requirements
    assert sum(len(r.items) for r in parts) == len(items) == len(conclusion.items)
    page = shown(found)
    words = page.text()
    assert page.count("tr", "requirement") == len(found.requirements) == 8
    assert page.count("tr", "obligation") == len(items)
    for part in ("byte by byte", "the same inputs", "Each activation", "In the reduced network", "unit of 'h'"):
        assert part in words
    for part in ("unit of 'y'", "the same outputs", "From R1 to R7 together"):
        assert part in words
    assert f"z3 {version('z3')}" in words
    assert f"{len(items)} discharged" in words
    assert all(item.script in words for item in items)


def test_obligations_are_listed_without_evidence_too(triple):
    found = report(triple[2])
    words = shown(found).text()
    assert found.items
    assert "No file of solvers' evidence was given" in words
    assert "hashes: the checker compares the SHA-256 of both files" in words
    assert page_of(found).count("tr", "obligation") == len(found.items)


def test_an_answer_to_another_script_does_not_count(triple, evidence):
    found = report(triple[2], evidence=forged(evidence, lambda lines: lines[3].update(script="0" * 64)))
    words = shown(found).text()
    assert len(found.strangers) == 1
    assert "1 answers name other scripts or obligations, and were left out" in words
    assert f"{len(found.items) - 1} discharged, 1 missing" in words


def test_a_run_that_did_not_come_to_its_end_says_so(triple, evidence):
    lines = evidence.read_text().splitlines(keepends=True)
    evidence.write_text("".join(lines[:3]) + lines[3][:40])
    found = report(triple[2], evidence=evidence)
    assert found.record.verdict is None
    assert len(found.record.answers) == 2
    words = shown(found).text()
    assert "the run did not come to its end" in words
    assert f"2 discharged, {len(found.items) - 2} missing" in words


def test_of_two_answers_of_one_solver_the_later_counts(triple, evidence):
    def twice(lines):
        lines.insert(2, {**lines[2], "verdict": "unknown", "reason": "out of time"})

    found = report(triple[2], evidence=forged(evidence, twice))
    assert all(a.verdict == DISCHARGED for item in found.items for a in item.answers)


def test_the_whole_question_is_a_requirement_of_its_own(triple):
    path = triple[0].with_name("evidence.jsonl")
    assert prove_files(*triple, ProveOptions(form="monolithic", jobs=1, evidence=path)).verdict == "equivalent"
    found = report(triple[2], evidence=path)
    assert [item.rule for item in found.items] == ["whole"]
    assert "Asked of the whole networks at once" in shown(found).text()
    assert found.requirements[-1].items == ()


def test_every_theorem_that_the_matrix_names_is_in_the_proofs():
    proofs = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "proofs").glob("*.v"))
    theorems = {theorem for _, theorem in RULES.values() if theorem} | {"theorem_5_simulation"}
    assert [t for t in sorted(theorems) if not re.search(rf"(Theorem|Lemma) {t}\b", proofs)] == []


# Bad input.


def test_evidence_about_other_files_is_refused(triple, evidence, capsys):
    forged(evidence, lambda lines: lines[0].update(reduced="0" * 64))
    words = ("evidence.jsonl", "evidence about other files", "reduced")
    refused(capsys, triple[0].parent, triple[2], "--evidence", evidence, words=words)


def test_evidence_about_another_certificate_is_refused(triple, evidence, capsys):
    triple[2].write_text(triple[2].read_text() + "\n")
    refused(capsys, triple[0].parent, triple[2], "--evidence", evidence, words=("other files", "certificate"))


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda lines: lines.clear(), "another file"),
        (lambda lines: lines[0].update(format="something"), "another file"),
        (lambda lines: lines[0].update(version=2), "another file"),
        (lambda lines: lines[0].pop("certificate"), "other files"),
        (lambda lines: lines.insert(1, []), "line 2: found list"),
        (lambda lines: lines[1].pop("claim"), "line 2: found None as claim"),
        (lambda lines: lines[1].update(seconds="1"), "as seconds"),
        (lambda lines: lines[1].update(seconds=float("nan")), "as seconds"),
        (lambda lines: lines[1].update(seconds=True), "as seconds"),
        (lambda lines: lines[1].update(seconds=10**400), "as seconds"),
        (lambda lines: lines[1].update(verdict="proved"), "the verdict 'proved'"),
        (lambda lines: lines[1].update(form="best"), "the form 'best'"),
        (lambda lines: lines[1].update(id="x"), "the id 'x'"),
        (lambda lines: lines[1].update(values={"x": "1/0"}), "line 2"),
        (lambda lines: lines[1].update(values={"x": 1}), "as values"),
        (lambda lines: lines[-1].update(verdict=3), "as verdict"),
    ],
)
def test_malformed_evidence_is_refused(triple, evidence, capsys, change, word):
    forged(evidence, change)
    refused(capsys, triple[0].parent, triple[2], "--evidence", evidence, words=("evidence.jsonl", word))


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda d: d["claim"].update(specification="<b>proved</b>"), "specification"),
        (lambda d: d["claim"].update(domain="[0, 1]"), "certificate"),
        (lambda d: d["original"].update(format="*/../*"), "the format"),
        (lambda d: d["original"].update(sha256="0"), "SHA-256"),
        (lambda d: d["reduced"].update(tensors={"w": 1}), "SHA-256"),
        (lambda d: d["relations"]["original"]["h"]["rows"].__setitem__(1, [["x"], "3"]), "an index"),
        (lambda d: d["relations"]["original"]["h"]["rows"].__setitem__(1, [True, "3"]), "an index"),
        (lambda d: d["relations"]["original"]["h"]["rows"].__setitem__(5, ["=", "u", "3"]), "an index"),
        (lambda d: d.update(producer=1), "certificate"),
    ],
)
def test_what_is_no_certificate_is_refused_although_nothing_is_checked(triple, tmp_path, capsys, change, word):
    document = json.loads(triple[2].read_text())
    change(document)
    alone = tmp_path / "alone"
    alone.mkdir()
    (alone / "cert.json").write_text(json.dumps(document))
    refused(capsys, alone, alone / "cert.json", words=(word,))


def test_other_bad_input_is_refused(triple, evidence, capsys):
    folder = triple[0].parent
    refused(capsys, folder, folder / "none.json", words=("none.json",))
    refused(capsys, folder, triple[0], words=("big.json", "certificate"))
    refused(capsys, folder, triple[2], "--evidence", folder / "none.jsonl", words=("none.jsonl",))
    refused(capsys, folder, triple[2], "--evidence", triple[0], words=("big.json",))
    refused(capsys, folder, triple[2], "--original", folder / "none.json", words=("none.json",))
    evidence.write_bytes(b"\xff\n")
    refused(capsys, folder, triple[2], "--evidence", evidence, words=("line 1", "no UTF-8"))


@pytest.mark.parametrize("which", range(4))
def test_no_file_that_is_read_is_written_over(triple, evidence, capsys, which):
    place = (*triple, evidence)[which]
    before = place.read_bytes()
    for name in (place, place.parent / "none" / ".." / place.name):
        code, out, err = run(capsys, triple[2], "--evidence", evidence, "-o", name)
        assert (code, out) == (2, "")
        assert "found the input's own name" in err
    assert place.read_bytes() == before


def test_a_model_file_is_kept_although_the_other_one_is_not_found(triple, capsys):
    triple[0].unlink()
    before = triple[1].read_bytes()
    assert run(capsys, triple[2], "-o", triple[1])[:2] == (2, "")
    assert triple[1].read_bytes() == before


def test_without_jinja2_the_error_names_the_extra(triple, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "jinja2", None)
    refused(capsys, triple[0].parent, triple[2], words=("jinja2: not installed", "exactlump[report]"))


# The page as a page.


def test_equal_files_give_equal_bytes_wherever_they_lie(triple, evidence, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for path in (*triple, evidence):
        shutil.copy(path, elsewhere)
    first = render(report(triple[2], evidence=evidence))
    again = render(report(elsewhere / triple[2].name, evidence=elsewhere / evidence.name))
    assert first == again


def test_the_policy_allows_the_one_style_of_the_page_and_nothing_else(triple):
    text = render(report(triple[2]))
    page = Page(text)
    (policy,) = [a["content"] for tag, a in page.elements if a.get("http-equiv") == "Content-Security-Policy"]
    (style,) = re.findall("<style>(.*?)</style>", text, re.S)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert "url(" not in style
    assert "@import" not in style


HOSTILE = [
    "<script>alert(1)</script>",
    '" onload="alert(1)',
    "'><img src=x onerror=alert(1)>",
    "&lt;b&gt; &amp; &#60;",
    "]]><!-- --></td></table>",
    "{{ 'z' * 9 }}{% raw %}",
    "\u202egnp.exe\u2066",
    "line\nbreak\x00\x1b[31m",
    "\u05d0\u05d1 right to left",
    "a" * 5000,
    " ",
]


@pytest.mark.parametrize("hostile", HOSTILE, ids=range(len(HOSTILE)))
def test_names_stay_names(tmp_path, hostile):
    """As names of tensors, and so in the claims of the evidence, in reasons, and in the picture."""
    x, h, y = (hostile + end for end in ("x", "h", "y"))
    network = Network(
        (Port(x, (1,)),),
        (dense(x, "p", [[1], [2]]), Activate("p", h, (RELU, RELU)), dense(h, y, [[1, 1]])),
        (y,),
    )
    write(network, tmp_path / "big.json")
    triple = tmp_path / "big.json", tmp_path / "small.json", tmp_path / "small.json.cert.json"
    reduce_file(*triple[:2])
    path = tmp_path / "evidence.jsonl"
    assert prove_files(*triple, ProveOptions(jobs=1, evidence=path)).verdict == "equivalent"

    def spoil(lines):
        lines[0]["producer"] = hostile
        lines[1].update(verdict="unknown", reason=hostile)
        lines[2].update(values={hostile: "1"}, solver=hostile)

    for found in (report(triple[2], evidence=path), report(triple[2], evidence=forged(path, spoil))):
        text = render(found)
        page = Page(text)
        assert harmless(page)
        assert page.count("section") == len(SECTIONS)
        assert page.count("figure") == 3
        assert all(c.isprintable() or c == "\n" for c in text)
        assert "z" * 9 not in text
        assert len(text) < 75_000
        assert printable(hostile, 100)[:100] in " ".join(page.text().split(" "))


def test_names_of_files_stay_names(tmp_path):
    name = "<img src=x onerror=alert(1)>&\"'\u202e.json"
    write(MIXED, tmp_path / name)
    done = reduce_file(tmp_path / name, tmp_path / f"small {name}")
    page = shown(report(done.certificate))
    assert "<img src=x onerror=alert(1)>&\"'\\u202e.json" in page.text()
    assert page.count("img") == 0


# Pictures.


def test_the_pictures_have_a_circle_for_each_unit_and_one_letter_for_each_class(triple):
    networks = tuple(map(read, triple[:2]))
    before, after, weights = figures(read_certificate(triple[2]), *networks)
    for drawn, units in ((before, 10), (after, 6)):
        page = Page(drawn.markup)
        assert harmless(page)
        assert page.count("circle") == 2 * units, "a tint and a border"
        assert "class A" in page.text()
    assert "3 A" in Page(before.markup).text()
    assert "rows of each class together" in weights.caption
    text = render(report(triple[2]))
    assert all(each.markup in text for each in (before, after, weights))


def test_a_wide_network_is_shown_in_bars(tmp_path):
    source = save(tmp_path / "big.onnx", dense_model(([[1.0]] * 33, [0.0] * 33), ([[1.0] * 33], [0.0])))
    done = reduce_file(source, tmp_path / "small.onnx")
    found = report(done.certificate)
    assert len(found.figures) == 2
    page = shown(found)
    assert page.count("circle") == 0
    assert "33 → 1" in page.text()
    assert [(m.name, m.before, m.after) for m in found.measures[:4]] == [
        ("units", 33, 1),
        ("parameters", 100, 4),
        ("non-zeros", 66, 2),
        ("multiply-adds", 66, 2),
    ]


def test_multiply_adds_of_convolutions_count_every_position(tmp_path):
    node = helper.make_node("Conv", ["x", "W"], ["y"], kernel_shape=[2, 2])
    weights = {"W": [[[[1.0, 0.0], [0.0, 2.0]]]] * 3}
    source = save(tmp_path / "conv.onnx", model([node], {"x": [1, 1, 4, 4]}, {"y": [1, 3, 3, 3]}, weights))
    assert multiply_adds(read(source)) == 3 * 1 * 4 * 9


# The page as a reader meets it.


def test_the_first_screen_says_the_answer_and_what_was_saved(triple):
    found = report(triple[2])
    text = render(found)
    first = Page(text[text.index("<body>") : text.index("<nav")].replace("<body>", "") + "</main>")
    words = " ".join(first.text().split())
    assert words.startswith("Skip to the claim exactlump, report on the certificate small.json.cert.json Both networks")
    assert "From 6 to 2 units, 32 to 12 parameters" in words
    assert "1 merged, 2 constant, 1 unobservable" in words
    assert all(sha256(path) in words for path in triple[:2])


def test_the_contents_lead_to_every_section(triple, evidence):
    for found in (report(triple[2], evidence=evidence), report(triple[2])):
        page = shown(found)
        places = [a["href"][1:] for tag, a in page.elements if tag == "a" and a.get("class") != "skip"]
        ids = [a["id"] for tag, a in page.elements if tag == "section" and a["id"] != "verdict"]
        assert [place for k, place in enumerate(places) if place not in places[:k]] == ids


def test_tables_have_headers_and_nothing_looks_like_a_hole(triple, evidence):
    for found in (report(triple[2], evidence=evidence), report(triple[2])):
        text = render(found)
        assert all("scope=" in head for head in re.findall(r"<th[ >][^>]*>?", text))
        without_sign = text[: text.index('id="signoff"')] + text[text.index('id="hashes"') :]
        assert re.findall(r"<td[^>]*>\s*-?\s*</td>", without_sign) == []
        assert all('role="img" aria-label="' in tag or "aria-hidden" in tag for tag in re.findall("<svg[^>]*>", text))


def test_rejected_files_are_shown_with_their_own_hashes(triple):
    other = triple[0].with_name("other.json")
    other.write_bytes(triple[0].read_bytes() + b"\n")
    found = report(triple[2], original=other, reduced=triple[1])
    assert found.verdict == "rejected"
    words = shown(found).text()
    assert sha256(other) in words
    assert sha256(triple[0]) in words
    assert "another file than the certificate names" in words
    assert found.measures == () == found.figures


# An input where two networks differ.


@pytest.fixture
def answer(tmp_path):
    """Two networks that differ, and what refute says of them."""
    for name, w in (("a", 2), ("b", 3)):
        write(Network.chain([[[1, 1], [0, 1]], [[w, 1], [1, 0]]]), tmp_path / f"{name}.json")
    found = refute(tmp_path / "a.json", tmp_path / "b.json", box=(0, 1))
    (tmp_path / "answer.json").write_text(json.dumps(found.json()))
    return tmp_path / "answer.json"


def test_a_difference_is_computed_again_and_shown(answer, capsys):
    page_path = answer.with_name("page.html")
    code, out, err = run(capsys, answer, "-o", page_path)
    assert (code, err) == (1, "")
    assert out.startswith("different: computed again for this page, in exact arithmetic, the outputs differ")
    page = Page(page_path.read_text(encoding="utf-8"))
    assert harmless(page)
    words = page.text()
    assert "The two networks differ" in words
    assert "This number is no bound" in words
    assert page.count("tr", "output") == 2
    assert page.count("figure") == 2
    for name in ("a.json", "b.json", "answer.json"):
        assert sha256(answer.with_name(name)) in words


def changed(path, change):
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))
    return path


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d.update(input=["0", "0"]), "do not differ as was asked"),
        (lambda d: d.update(input=["2", "2"]), "does not lie in the domain"),
        (lambda d: d["options"].update(epsilon="100"), "do not differ as was asked"),
    ],
)
def test_what_the_answer_says_is_not_believed(answer, change, words):
    found = report_file(changed(answer, change), answer.with_name("page.html"))
    assert found.verdict == "unknown"
    assert words in found.reason
    assert "The two networks differ" not in answer.with_name("page.html").read_text(encoding="utf-8")


def test_a_difference_of_compare_has_a_page_too(answer):
    def compared(document):
        document.update(verb="compare", domain="box [0, 1]")
        document["options"] = {"boxes": [["0", "1"]], "epsilon": None, "metric": "max", "argmax": False}

    place = answer.with_name("page.html")
    assert report_file(changed(answer, compared), place).verdict == "different"
    assert "Whether the input lies in it was not examined" in Page(place.read_text(encoding="utf-8")).text()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: (d.update(verb="compare"), d["options"].update(metric="l1")), ("'l1'", "expected max")),
        (lambda d: d.update(input=["1"]), ("found 1 numbers as input, expected 2",)),
        (lambda d: d.update(input=["1", 2]), ("a list of rationals as text",)),
        (lambda d: d.update(input=["1", "1/0"]), ("answer.json",)),
        (lambda d: d.update(verdict="equivalent"), ("`equivalent` without a certificate", "--certificate FILE")),
        (lambda d: d.pop("options"), ("expected an answer of",)),
        (lambda d: d["files"].pop(0), ("found 0 files named a",)),
        (lambda d: d["files"][0].update(sha256="0" * 64), ("a.json", "--original FILE")),
        (lambda d: d["options"].update(box=[1, 0]), ("answer.json", "box")),
    ],
)
def test_what_is_no_answer_about_an_input_is_refused(answer, capsys, change, words):
    refused(capsys, answer.parent, changed(answer, change), words=words)


def test_evidence_goes_with_certificates_only(answer, capsys):
    refused(capsys, answer.parent, answer, "--evidence", answer, words=("expected a certificate",))


def test_inputs_that_are_images_are_shown_as_images(tmp_path):
    for name, w in (("a", 2), ("b", 3)):
        write(Network((Port("x", (1, 4, 4)),), (dense("x", "y", [[w] * 16]),), ("y",)), tmp_path / f"{name}.json")
    found = refute(tmp_path / "a.json", tmp_path / "b.json", box=(0, 1))
    (tmp_path / "answer.json").write_text(json.dumps(found.json()))
    done = report_file(tmp_path / "answer.json", tmp_path / "page.html")
    assert done.verdict == "different"
    assert "The input, as an image, 4 x 4" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_hostile_answers_stay_words(answer):
    hostile = HOSTILE[0] + HOSTILE[1]
    changed(answer, lambda d: d.update(method=hostile, tool={"name": hostile, "version": hostile}))
    report_file(answer, answer.with_name("page.html"))
    assert harmless(Page(answer.with_name("page.html").read_text(encoding="utf-8")))


def test_large_networks_are_not_reduced_once_more_and_the_page_says_so(triple, monkeypatch):
    monkeypatch.setattr("exactlump.reporting.facts.MOST_PARAMETERS", 11)
    found = report(triple[2])
    assert "not examined for this page: more than 11 parameters" in found.layers[0].why
    assert found.verdict == "equivalent"


def test_classes_of_one_unit_share_a_row():
    def layer(*groups):
        return replace(EMPTY, groups=groups)

    alone = ("class 0", ("0 (ratio 1)",)), ("class 1", ("1 (ratio 1)",))
    assert classes(layer(*alone)) == (("2 classes of one unit", ("unit v is class v, for each v",)),)
    other = ("class 1", ("2 (ratio 1/3)",))
    words = ("0 (ratio 1) is class 0", "2 (ratio 1/3) is class 1")
    assert classes(layer(alone[0], other)) == (("2 classes of one unit", words),)
    shared = ("class 2", ("3 (ratio 1)", "4 (ratio 2)")), ("always 0", ("5",))
    assert classes(layer(*alone, *shared))[:2] == shared
    assert classes(layer()) == ()


# A bound.


@pytest.fixture
def bound_answer(tmp_path):
    """An answer of `bound`, as that verb prints it, with its certificate."""
    networks = [Network.chain([[[1], [2]], [[w, 1], [1, 0]]]) for w in (1, "9/8")]
    for name, network in zip("ab", networks, strict=True):
        write(network, tmp_path / f"{name}.json")
    domain = Domain((Box((-1,), (1,), "box [-1, 1]"),))
    found = bound(*networks, domain, timeout=20)
    entries = [digest_of(tmp_path / f"{name}.json") for name in "ab"]
    certificate = bound_certificate(found, networks[0], *entries)
    (tmp_path / "bound.cert.json").write_text(dumps(certificate))
    words = {
        "verdict": "within",
        "metric": "max",
        "uppers": ["1/8", "0"],
        "input": ["1"],
        "domain": "box [-1, 1]",
        "arithmetic": "reals",
        "swapped": False,
        "certificate": str(tmp_path / "bound.cert.json"),
    }
    files = [
        {"role": name, "path": str(tmp_path / f"{name}.json"), "sha256": sha256(tmp_path / f"{name}.json")}
        for name in "ab"
    ]
    common = {"verb": "bound", "files": files, "options": {}, "tool": {"name": "exactlump", "version": "0"}}
    (tmp_path / "answer.json").write_text(json.dumps({**words, **common}))
    return tmp_path / "answer.json"


def test_a_bound_is_checked_again_and_shown(bound_answer, capsys):
    page_path = bound_answer.with_name("page.html")
    code, out, err = run(capsys, bound_answer, "-o", page_path)
    assert (code, err) == (0, "")
    assert out.startswith("within: 1/8 on [-1, 1], over the reals")
    page = Page(page_path.read_text(encoding="utf-8"))
    assert harmless(page)
    words = page.text()
    assert "No output differs by more than the bound" in words
    assert "some output is off by 0.125 (exactly 1/8)" in words
    assert "python3 -I check.py a.json b.json bound.cert.json" in words
    assert (page.count("tr", "output"), page.count("figure")) == (2, 1)
    places = [a["href"][1:] for tag, a in page.elements if tag == "a" and a.get("class") != "skip"]
    assert places == [a["id"] for tag, a in page.elements if tag == "section" and a["id"] != "verdict"]
    for name in ("a.json", "b.json", "answer.json", "bound.cert.json"):
        assert sha256(bound_answer.with_name(name)) in words


def test_a_certificate_of_a_bound_is_enough(bound_answer, capsys):
    """Without the answer: both models lie beside it, and are found by their hashes."""
    place = bound_answer.with_name("bound.cert.json")
    code, out, _ = run(capsys, place, "-o", bound_answer.with_name("page.html"))
    assert (code, out.partition(" on ")[0]) == (0, "within: 1/8")
    page = Page(bound_answer.with_name("page.html").read_text(encoding="utf-8"))
    assert harmless(page)
    for name in ("a.json", "b.json", "bound.cert.json"):
        assert sha256(bound_answer.with_name(name)) in page.text()
    bound_answer.with_name("b.json").unlink()
    refused(capsys, bound_answer.parent / "x", place, words=("reduced.json", "--reduced FILE"))


def test_a_certificate_of_a_difference_is_computed_again(bound_answer, capsys):
    pair = [bound_answer.with_name(f"{name}.json") for name in "ab"]
    place = bound_answer.with_name("different.cert.json")
    assert exactlump.bound(*pair, (-1, 1), epsilon="1/100", certificate=place).verdict == "different"
    code, out, _ = run(capsys, place, "-o", bound_answer.with_name("page.html"))
    assert (code, out.partition(":")[0]) == (1, "different")
    document = json.loads(place.read_text())
    document["input"] = {name: ["0"] * len(values) for name, values in document["input"].items()}
    place.write_text(json.dumps(document))
    code, out, _ = run(capsys, place, "-o", bound_answer.with_name("page.html"), "--force")
    assert (code, out.partition(":")[0]) == (3, "unknown")


@pytest.mark.parametrize("key", ["claim", "original", "producer"])
def test_a_certificate_of_a_bound_that_lacks_something_is_refused(bound_answer, capsys, key):
    place = bound_answer.with_name("bound.cert.json")
    document = json.loads(place.read_text())
    del document[key]
    place.write_text(json.dumps(document))
    refused(capsys, bound_answer.parent, place, words=("found", "expected"))


def test_compare_has_its_bound_inside(bound_answer):
    document = json.loads(bound_answer.read_text())
    inner = {key: document.pop(key) for key in ("metric", "uppers", "domain", "arithmetic", "swapped", "certificate")}
    bound_answer.write_text(json.dumps({**document, "verb": "compare", "bound": {**inner, "input": ["1"]}}))
    assert report_file(bound_answer, bound_answer.with_name("page.html")).verdict == "within"


def test_a_bound_is_the_checkers_and_nobody_elses(bound_answer):
    place = bound_answer.with_name("bound.cert.json")
    document = json.loads(place.read_text())
    document["claim"]["epsilon"] = ["1/9"]
    place.write_text(json.dumps(document))
    found = report_file(bound_answer, bound_answer.with_name("page.html"))
    assert found.verdict in ("rejected", "unknown")
    assert "No output differs" not in bound_answer.with_name("page.html").read_text(encoding="utf-8")
    place.unlink()
    found = report_file(bound_answer, bound_answer.with_name("again.html"))
    assert found.verdict == "unknown"
    assert "nothing was re-checked" in found.reason


def test_a_certificate_of_something_else_is_no_bound(bound_answer, triple):
    def other(document):
        document["certificate"] = str(triple[2])
        for file, path in zip(document["files"], triple, strict=False):
            file.update(path=str(path), sha256=sha256(path))
        document.update(input=None)

    found = report_file(changed(bound_answer, other), bound_answer.with_name("page.html"))
    assert found.verdict == "rejected"
    assert "something else than a bound" in found.reason


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d.update(verdict="sure"), ("'sure'", "expected a bound")),
        (lambda d: d.update(uppers=[1]), ("uppers", "a list of rationals")),
        (lambda d: d.update(verb="compare"), ("expected a bound",)),
        (lambda d: d.pop("files"), ("expected an answer of",)),
        (lambda d: d["files"][1].update(sha256="0" * 64), ("b.json", "--reduced FILE")),
    ],
)
def test_what_is_no_answer_about_a_bound_is_refused(bound_answer, capsys, change, words):
    refused(capsys, bound_answer.parent, changed(bound_answer, change), words=words)


# In a browser, where there is one.


def browse(folder, *arguments):
    """What a browser without windows prints."""
    browser = shutil.which("chromium") or pytest.skip("chromium: not installed")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder / 'browser'}"]
    return subprocess.run([browser, *flags, *arguments], capture_output=True, text=True, check=True).stdout


FRAME = """<iframe id="f" width="380" height="800" style="border:0" src="page.html"></iframe><p id="o"></p>
<script>onload = () => {o.textContent = `scrollWidth ${f.contentDocument.documentElement.scrollWidth}.`}</script>"""


def test_the_page_fits_a_phone(bound_answer, triple, evidence, tmp_path):
    def spoil(lines):
        lines[1].update(verdict="unknown", reason="out of time " * 20)
        lines[2].update(values={"element_of_a_long_name" * 9: "1" + "0" * 90}, verdict="refuted")

    found = report(triple[2], evidence=forged(evidence, spoil)), bounded(bound_answer)
    for each in found:
        (tmp_path / "page.html").write_text(render(each), encoding="utf-8")
        (tmp_path / "frame.html").write_text(FRAME, encoding="utf-8")
        uri = (tmp_path / "frame.html").as_uri()
        shown = browse(tmp_path, "--allow-file-access-from-files", "--dump-dom", uri)
        (width,) = re.findall(r"scrollWidth (\d+)\.", shown)
        assert int(width) <= 380


def test_no_hash_is_lost_on_paper(triple, evidence, tmp_path):
    """Each SHA-256 of the page is in the text of the PDF that a browser makes of it."""
    reader = shutil.which("pdftotext") or pytest.skip("pdftotext: not installed")
    found = report(triple[2], evidence=evidence)
    page, pdf = tmp_path / "page.html", tmp_path / "page.pdf"
    page.write_text(render(found), encoding="utf-8")
    browse(tmp_path, f"--print-to-pdf={pdf}", page.as_uri())
    text = subprocess.run([reader, "-raw", pdf, "-"], capture_output=True, text=True, check=True).stdout
    words = "".join(text.split())
    hashes = {sha256(path) for path in (*triple, evidence, CHECKER)} | {item.script for item in found.items}
    assert len(hashes) > 8
    assert {digest for digest in hashes if digest not in words} == set()
