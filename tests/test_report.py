# SPDX-License-Identifier: Apache-2.0
"""This file is about the report: what the page says, what it must never say, and that names in it stay names."""

import base64
import hashlib
import json
import re
import shutil
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from onnx import helper

from exactlump import Activate, Network, Port, read, reduce_file, write
from exactlump.certificates.certificate import read_certificate
from exactlump.cli.main import main
from exactlump.errors import FormatError
from exactlump.formats.files import sha256
from exactlump.network.activations import RELU
from exactlump.reporting.facts import drawings, layers
from exactlump.reporting.matrix import RULES, expected
from exactlump.reporting.page import render
from exactlump.reporting.picture import Column, Drawing, Unit, printable, svg
from exactlump.reporting.report import report
from exactlump.smt.evidence import DISCHARGED
from exactlump.smt.solve import version
from exactlump.verbs.checking import CHECKER
from exactlump.verbs.proving import ProveOptions, prove_files
from exactlump.verdicts import SCOPE
from tests.test_obligations import dense
from tests.tools import dense_model, model, save

pytest.importorskip("jinja2", reason="the page is written with jinja2")

ROOT = Path(__file__).parents[1]
NETWORKS = sorted((ROOT / "exactlump" / "networks").iterdir())
VOID = {"meta", "br"}
TAGS = {"html", "head", "meta", "title", "style", "body", "section", "h1", "h2", "p", "pre", "table", "tr", "th", "td"}
TAGS |= {"ul", "li", "strong", "code", "bdi", "span", "details", "summary", "q", "div", "br"}
TAGS |= {"svg", "g", "text", "line", "circle"}
SECTIONS = ["verdict", "claim", "files", "layers", "picture", "matrix", "trust", "assumptions", "limits"]

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
        assert not attributes.keys() & {"src", "href", "xlink:href", "action", "style", "srcset", "data", "background"}
        assert all("://" not in (value or "") for name, value in attributes.items() if (tag, name) != ("svg", "xmlns"))
    return True


def shown(found):
    page = Page(render(found))
    assert harmless(page)
    return page


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
    drawn = drawings(found.claimed, read(source), read(tmp_path / f"small{source.suffix}"))
    units = sum(len(column.units) for drawing in drawn for column in drawing.columns)
    assert page.count("circle") == (units if found.picture else 0)


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
    assert "no evidence" in words


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
        assert page.count("circle") == 7
        assert all(c.isprintable() or c == "\n" for c in text)
        assert "z" * 9 not in text
        assert len(text) < 60_000
        assert printable(hostile, 100)[:100] in " ".join(page.text().split(" "))


def test_names_of_files_stay_names(tmp_path):
    name = "<img src=x onerror=alert(1)>&\"'\u202e.json"
    write(MIXED, tmp_path / name)
    done = reduce_file(tmp_path / name, tmp_path / f"small {name}")
    page = shown(report(done.certificate))
    assert "<img src=x onerror=alert(1)>&\"'\\u202e.json" in page.text()
    assert page.count("img") == 0


# The picture.


def test_the_picture_has_a_circle_for_each_unit_and_one_colour_for_each_class(triple):
    networks = tuple(map(read, triple[:2]))
    ours, theirs = drawings(read_certificate(triple[2]), *networks)
    assert [len(c.units) for c in ours.columns] == [2, 6, 2]
    assert [len(c.units) for c in theirs.columns] == [2, 2, 2]
    kinds = [unit.kind for unit in ours.columns[1].units]
    assert kinds == ["class", "class", "zero", "constant", "class", "free"]
    colours = [unit.colour for unit in ours.columns[1].units]
    assert colours[0] == colours[1] != colours[4]
    assert [unit.colour for unit in theirs.columns[1].units] == [colours[0], colours[4]]
    for drawing, network in zip((ours, theirs), networks, strict=True):
        assert len(drawing.edges) == sum(n.weight.nonzeros for n in network.nodes if hasattr(n, "weight"))
    text = svg((ours, theirs))
    page = Page(text)
    assert harmless(page)
    assert page.count("circle") == 16
    assert page.count("line") == len(ours.edges) + len(theirs.edges)
    assert page.count("g", "unit free") == 1
    assert text in render(report(triple[2]))


def test_a_large_network_is_not_drawn(tmp_path):
    source = save(tmp_path / "big.onnx", dense_model(([[1.0]] * 33, [0.0] * 33), ([[1.0] * 33], [0.0])))
    done = reduce_file(source, tmp_path / "small.onnx")
    found = report(done.certificate)
    assert found.picture is None
    assert "No picture" in shown(found).text()


def test_words_in_a_picture_are_escaped_and_edges_have_a_bound():
    unit = Unit("input", None, "<&>", "\u202e<script>")
    columns = (Column("<svg onload=x>", (unit,) * 32), Column("b", (unit,) * 32))
    edges = tuple((0, u, 1, v) for u in range(32) for v in range(32))
    page = Page(svg([Drawing("</svg>", columns, edges)]))
    assert harmless(page)
    assert (page.count("circle"), page.count("line"), page.count("script")) == (64, 0, 0)
    assert "<&>" in page.text()
