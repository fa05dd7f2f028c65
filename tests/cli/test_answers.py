# SPDX-License-Identifier: Apache-2.0
"""This file is about answers as JSON: one object for every verb and every end, with what all have in common."""

import gzip
import hashlib
import json
import re
from pathlib import Path

import pytest

import exactlump
from exactlump import formats
from exactlump.cli.failing import JUDGING, wants_json
from exactlump.cli.main import VERBS, main
from exactlump.verbs import answers, reducing
from tests.cli.test_cli import twins
from tests.strategies import relu_chain
from tests.tools import model, node, port, save

pytest.importorskip("jinja2", reason="the page of a report is written with jinja2")

PAGE = (Path(__file__).parents[2] / "docs" / "json.md").read_text(encoding="utf-8")
COMMON = {"schema", "tool", "verb", "files", "options", "seconds", "error"}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A network, another one, one with an operator that is no function, and a certificate, where the test stands."""
    monkeypatch.chdir(tmp_path)
    save(tmp_path / "in.onnx", twins())
    save(tmp_path / "fizz.onnx", model([node("RandomNormalLike", "x", "y")], {"x": [1, 2]}, [port("y", None)]))
    formats.write(relu_chain(([[1, 2], [3, 4]], [0, 0]), ([[1, 1]], [0])), "a.json")
    formats.write(relu_chain(([[1, 2], [3, 4]], [0, 0]), ([[1, 2]], [0])), "b.json")
    reducing.reduce_file("in.onnx", "small.onnx")
    bounds = "".join(f"(assert (>= X_{i} 0)) (assert (<= X_{i} 1))" for i in (0, 1))
    words = "".join(f"(declare-const {name} Real)" for name in ("X_0", "X_1", "Y_0"))
    Path("query.vnnlib").write_text(f"{words}{bounds}(assert (>= Y_0 11))", encoding="utf-8")
    return tmp_path


@pytest.fixture
def end(capsys):
    """The exit code, what was said on stdout, and on stderr."""

    def call(*arguments):
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            main([str(argument) for argument in arguments])
        return stop.value.code, *capsys.readouterr()

    return call


def one(out):
    """The one object on stdout."""
    assert out.count("\n") == 1
    found = json.loads(out)
    assert isinstance(found, dict)
    return found


TRIPLE = ("in.onnx", "small.onnx", "small.onnx.cert.json")
# Verb -> arguments, its verdict, and the roles of the files that it reads and writes.
RUNS = {
    "reduce": (("in.onnx", "out.onnx"), "equivalent", {"original"}, {"reduced", "certificate"}),
    "check": (TRIPLE, "equivalent", {"original", "reduced", "certificate"}, set()),
    "prove": (
        (*TRIPLE, "--jobs", "1", "--dump-smt", "scripts"),
        "equivalent",
        {"original", "reduced", "certificate"},
        {"script"},
    ),
    "refute": (("a.json", "b.json", "--seed", "7"), "different", {"a", "b"}, set()),
    "bound": (
        ("a.json", "b.json", "--box", "0", "1", "--seed", "7", "--certificate", "bound.cert.json", "--force"),
        "within",
        {"a", "b"},
        {"certificate"},
    ),
    "compare": (("a.json", "b.json", "--box", "0", "1", "--seed", "7"), "different", {"a", "b"}, set()),
    "verify": (
        ("query.vnnlib", "--network", "N=a.json", "--jobs", "1", "--certificate", "proof.json", "--seed", "7"),
        "unsat",
        {"query", "network N"},
        {"certificate"},
    ),
    "relax": (("in.onnx", "--write", "merged.onnx"), "equivalent", {"original"}, {"merged"}),
    "inspect": (("in.onnx",), None, {"network"}, set()),
    "report": (
        ("small.onnx.cert.json", "-o", "page.html"),
        "equivalent",
        {"original", "reduced", "certificate"},
        {"report"},
    ),
    "bundle": (
        ("out.zip", *TRIPLE, "--report"),
        "equivalent",
        {"original", "reduced", "certificate"},
        {"bundle"},
    ),
    "export": ((*TRIPLE, "-o", "text"), None, {"original", "reduced", "certificate"}, {"output"}),
    "demo": ((), None, {"original"}, {"reduced", "certificate"}),
}


SEEDED = ("refute", "bound", "compare", "verify")


def test_every_verb_has_a_run():
    assert RUNS.keys() == VERBS.keys() - {"supports"}  # which answers in the words of a standard
    assert {verb for verb, (_, verdict, *_) in RUNS.items() if verdict} == {*JUDGING, "verify"}


@pytest.mark.parametrize("verb", RUNS)
def test_what_all_answers_have_in_common(verb, folder, end):
    arguments, verdict, read, written = RUNS[verb]
    code, out, err = end(verb, *arguments, "--json")
    assert err == ""
    found = one(out)
    assert code == (1 if verdict == "different" else 0)
    assert found.get("verdict") == verdict
    assert ("verdict" in found) == (verdict is not None)
    assert COMMON <= found.keys()
    assert (found["schema"], found["verb"], found["error"]) == (1, verb, None)
    assert found["tool"] == {"name": "exactlump", "version": exactlump.__version__}
    assert type(found["seconds"]) is float
    assert {f["role"] for f in found["files"] if not f["written"]} == read
    assert {f["role"] for f in found["files"] if f["written"]} == written
    for file in found["files"]:
        assert hashlib.sha256(Path(file["path"]).read_bytes()).hexdigest() == file["sha256"]
    assert found.get("seed") == found["options"].get("seed") == (7 if verb in SEEDED else None)
    assert f"`{verb}`" in PAGE


def keys(value):
    """All keys, at any depth."""
    if isinstance(value, dict):
        yield from value
    for entry in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from keys(entry)


@pytest.mark.parametrize("verb", RUNS)
def test_without_times_equal_runs_say_equal_bytes(verb, folder, end):
    arguments, *_ = RUNS[verb]
    first, again = (end(verb, *arguments, "--json", "--no-times") for _ in range(2))
    assert first == again
    with_times = set(keys(one(end(verb, *arguments, "--json")[1])))
    assert with_times - set(keys(one(first[1]))) == {"seconds"}


def test_times_go_at_any_depth(folder, end):
    """What a solver refuted says how long that took."""
    words = json.loads(Path("small.onnx.cert.json").read_text(encoding="utf-8"))
    words["relations"]["original"]["r"]["rows"][1] = [0, "3"]
    Path("false.json").write_text(json.dumps(words, sort_keys=True), encoding="utf-8")
    arguments = ("prove", "in.onnx", "small.onnx", "false.json", "--jobs", "1", "--json")
    code, out, _ = end(*arguments)
    assert code == 1
    assert {type(finding["seconds"]) for finding in one(out)["refuted"]} == {float}
    assert "seconds" not in {*keys(one(end(*arguments, "--no-times")[1]))}


@pytest.mark.parametrize("verb", RUNS)
def test_every_key_is_on_the_page(verb, folder, end):
    arguments, *_ = RUNS[verb]
    found = one(end(verb, *arguments, "--json")[1])
    named = set(re.findall(r"`(\w+)`", PAGE))
    assert found.keys() - named == set()


def test_whether_anything_changed(folder, end):
    assert one(end("reduce", "in.onnx", "out.onnx", "--json")[1])["changed"] is True
    assert one(end("reduce", "out.onnx", "again.onnx", "--json")[1])["changed"] is False
    assert one(end("relax", "in.onnx", "--json")[1])["changed"] is True
    assert one(end("relax", "a.json", "--json")[1])["changed"] is False


def test_packed_files_are_hashed_as_they_lie_on_disk(folder, end):
    Path("in.onnx.gz").write_bytes(gzip.compress(Path("in.onnx").read_bytes()))
    (file,) = one(end("inspect", "in.onnx.gz", "--json")[1])["files"]
    assert file["sha256"] == hashlib.sha256(Path("in.onnx.gz").read_bytes()).hexdigest()


def test_data_beside_a_model_is_a_file_that_is_read_and_written(folder, end, monkeypatch):
    monkeypatch.setattr(formats, "_MOST_INLINE", (0, 0))
    one(end("reduce", "in.onnx", "wide.onnx", "--json")[1])
    assert Path("wide.onnx.data").exists()
    found = one(end("reduce", "wide.onnx", "again.onnx", "--json")[1])["files"]
    assert [(f["path"], f["written"]) for f in found if f["role"] == "external data"] == [
        ("wide.onnx.data", False),
        ("again.onnx.data", True),
    ]
    triple = ("wide.onnx", "again.onnx", "again.onnx.cert.json")
    both = {"wide.onnx.data", "again.onnx.data"}
    for arguments, expected in (
        (["check", *triple], both),
        (["prove", *triple, "--jobs", "1"], both),
        (["export", *triple, "-o", "text"], both),
        (["report", triple[2], "-o", "page"], both),
        (["refute", *triple[:2]], both),
        (["bound", *triple[:2], "--box", "0", "1"], both),
        (["compare", *triple[:2]], both),
        (["relax", "wide.onnx"], {"wide.onnx.data"}),
        (["inspect", "wide.onnx"], {"wide.onnx.data"}),
    ):
        found = one(end(*arguments, "--json")[1])["files"]
        assert {f["path"] for f in found if f["role"] == "external data"} == expected, arguments
        for file in found:
            assert hashlib.sha256(Path(file["path"]).read_bytes()).hexdigest() == file["sha256"]


# Every end


def crash(*_, **__):
    raise ZeroDivisionError("division\nby zero")


def stop(*_, **__):
    raise KeyboardInterrupt


FAILURES = {
    "no such verb": (["shrink"], 2, None),
    "no arguments": (["reduce"], 2, None),
    "an unknown option": (["reduce", "in.onnx", "out.onnx", "--frob"], 2, None),
    "a choice that is none": (["reduce", "in.onnx", "out.onnx", "--engine", "magic"], 2, None),
    "two options that exclude each other": (["refute", "a.json", "b.json", "--epsilon", "1", "--argmax"], 2, None),
    "a missing file": (["inspect", "missing.onnx"], 2, None),
    "a folder": (["check", "in.onnx", "small.onnx", "."], 2, None),
    "no certificate": (["check", "in.onnx", "small.onnx", "in.onnx"], 2, None),
    "a file that is there": (["reduce", "in.onnx", "b.json"], 2, None),
    "an operator": (["reduce", "fizz.onnx", "out.onnx"], 4, "unsupported"),
    "an operator, checked": (["check", "fizz.onnx", "small.onnx", "small.onnx.cert.json"], 4, "unsupported"),
    "an interruption": (["demo"], 3, "unknown"),
    "a bug of ours": (["export", *TRIPLE, "-o", "text"], 5, None),
}


@pytest.mark.parametrize("case", FAILURES)
def test_every_end_is_one_object(case, folder, end, monkeypatch):
    monkeypatch.setattr("exactlump.cli.demo.demonstrate", stop)
    monkeypatch.setattr("exactlump.cli.export.export_to", crash)
    arguments, code, verdict = FAILURES[case]
    found_code, out, err = end(*arguments, "--json")
    found = one(out)
    assert (found_code, found["verdict"]) == (code, verdict)
    assert (found["schema"], found["verb"]) == (1, arguments[0])
    if case == "an operator, checked":  # a verdict of the checker, not a failure
        assert found["error"] is None
        return
    assert found["error"]["exit_code"] == code
    assert err == f"exactlump: {found['error']['message']}\n"
    assert found.get("reason") == (found["error"]["message"] if verdict else None)
    assert found["error"]["message"].isprintable()


def test_nothing_found_is_an_answer(folder, end):
    code, out, _ = end("relax", "a.json", "--json")
    found = one(out)
    assert (code, found["verdict"], found["error"]) == (3, "unknown", None)
    assert found["reason"].startswith("no exact dependences among 2 neurons")


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [(["a", "--json"], True), (["--json", "a"], True), (["a", "--", "--json"], False), (["a", "--jsonx"], False)],
    ids=str,
)
def test_json_is_an_option(arguments, wanted):
    assert wants_json(arguments) == wanted


def test_options_that_json_has_no_numbers_for():
    assert answers._plain([float("inf"), 0.5, exactlump.rational("1/3")]) == ["inf", 0.5, "1/3"]


def test_check_writes_a_statement_where_it_accepts(folder, end):
    """The files are its subjects, by their hashes; the claim is that of the certificate."""
    code, out, _ = end("check", *TRIPLE, "--statement", "check.intoto.json", "--json", "--no-times")
    assert code == 0
    assert [file["role"] for file in one(out)["files"] if file["written"]] == ["statement"]
    words = Path("check.intoto.json").read_bytes()
    found = json.loads(words)
    assert (found["_type"], found["predicate"]["verdict"]) == ("https://in-toto.io/Statement/v1", "equivalent")
    subjects = {entry["name"]: entry["digest"]["sha256"] for entry in found["subject"]}
    assert subjects == {name: hashlib.sha256(Path(name).read_bytes()).hexdigest() for name in TRIPLE}
    assert found["predicate"]["claim"] == json.loads(Path(TRIPLE[2]).read_bytes())["claim"]
    assert end("check", *TRIPLE, "--statement", "check.intoto.json")[0] == 0  # the same bytes again
    formats.write(relu_chain(([[1, 2], [3, 4]], [0, 0]), ([[1, 2]], [0])), "other.json")
    assert end("check", "a.json", "other.json", TRIPLE[2], "--statement", "no.json")[0] == 1
    assert not Path("no.json").exists()
    assert end("check", *TRIPLE, "--statement", "in.onnx")[0] == 2
