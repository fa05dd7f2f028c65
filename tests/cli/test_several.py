# SPDX-License-Identifier: Apache-2.0
"""This file is about folders and lists in place of files: each pair is asked, the worst is said of all."""

import json
import shutil
from pathlib import Path

import pytest

from exactlump import Network, compare, reduce_file, write
from exactlump.cli.main import main
from exactlump.errors import FormatError
from exactlump.schemas import schema
from exactlump.verbs.several import are_folders, ask_all, listed, pairs_of, triples_of
from tests.certificates.test_schemas import valid


def network(weight):
    return Network.chain([[[1, 1], [2, 2], [1, -1]], [[1, 1, weight]]])


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Two folders, of three networks and of what they are reduced to, with their certificates."""
    monkeypatch.chdir(tmp_path)
    Path("big").mkdir()
    Path("small").mkdir()
    for name, weight in (("one", 1), ("two", 2), ("three", 3)):
        write(network(weight), f"big/{name}.json")
        reduce_file(f"big/{name}.json", f"small/{name}.json")
    return tmp_path


def end(capsys, *arguments):
    """The exit code, the first line, and the table as words; or the object of --json."""
    with pytest.raises(SystemExit) as stop:
        main([*map(str, arguments)])
    out, err = capsys.readouterr()
    if "--json" in arguments:
        found = json.loads(out)
        assert valid(schema("answer"), found, schema("answer"))
        return stop.value.code, found, err
    first, _, rest = out.partition("\n")
    return stop.value.code, first, [line.split() for line in rest.splitlines()[3:] if line.strip()]


def test_folders_are_asked_file_by_file(place, capsys):
    code, first, rows = end(capsys, "check", "big", "small", "small")
    assert (code, first) == (0, "equivalent: 3 in all: 3 equivalent")
    assert [row[:2] for row in rows] == [[f"{name}.json", "equivalent"] for name in ("one", "three", "two")]
    code, first, rows = end(capsys, "compare", "big", "small")
    assert (code, first) == (0, "equivalent: 3 in all: 3 equivalent")
    code, first, _ = end(capsys, "compare", "big", "small", "--box", "0", "1")
    assert (code, first) == (0, "equivalent: 3 in all: 3 equivalent")


def test_the_verdict_on_all_is_the_worst(place, capsys):
    write(network(4), "small/two.json", overwrite=True)
    code, first, rows = end(capsys, "check", "big", "small", "small")
    assert (code, first) == (1, "rejected: 3 in all: 1 rejected, 2 equivalent")
    assert [row[1] for row in rows] == ["equivalent", "equivalent", "rejected"]
    code, first, rows = end(capsys, "compare", "big", "small")
    assert (code, first) == (1, "different: 3 in all: 1 different, 2 equivalent")
    code, first, rows = end(capsys, "compare", "big", "small", "--box", "0", "1", "--epsilon", "4")
    assert (code, first) == (0, "within: 3 in all: 1 within, 2 equivalent")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda: write(network(1), "small/more.json"), "small/more.json: found no file of this name"),
        (lambda: Path("small/one.json").unlink(), "big/one.json: found no file of this name"),
        (lambda: Path("small/one.json").write_text("{"), "small/one.json: "),
        (lambda: write(Network.chain([[[1, 1, 1]]]), "small/one.json", overwrite=True), "expected as many in both"),
    ],
)
def test_what_cannot_be_asked_is_not_passed_over(place, capsys, spoil, words):
    spoil()
    code, found, err = end(capsys, "compare", "big", "small", "--json", "--no-times")
    assert (code, found["verdict"], err) == (3, "unknown", "")
    assert found["counts"]["unknown"] == 1
    errors = [entry["error"]["message"] for entry in found["several"] if entry["error"]]
    assert len(errors) == 1
    assert words in errors[0]


@pytest.mark.parametrize("gone", ["big/one.json", "small/one.json", "small/one.json.cert.json"])
def test_a_file_without_partner_is_not_passed_over_by_check(place, capsys, gone):
    Path(gone).unlink()
    code, first, rows = end(capsys, "check", "big", "small", "small")
    assert (code, first) == (3, "unknown: 3 in all: 1 unknown, 2 equivalent")
    assert gone in " ".join(rows[0])


def test_answers_are_those_to_single_questions(place, capsys):
    _, found, _ = end(capsys, "compare", "big", "small", "--json", "--no-times")
    assert end(capsys, "compare", "big", "small", "--json", "--no-times")[1] == found
    for entry in found["several"]:
        assert entry.pop("name") + " " + entry["verdict"] in {f"{n}.json equivalent" for n in ("one", "two", "three")}
        alone = compare(*(file["path"] for file in entry["files"] if not file["written"])).json(times=False)
        jobs = entry["options"]["jobs"], alone["options"].pop("jobs")
        assert jobs[0] >= jobs[1] == 1
        assert {**entry, "options": {k: v for k, v in entry["options"].items() if k != "jobs"}} == alone
    assert {file["path"] for file in found["files"]} == {f"{f}/{n}.json" for f in ("big", "small") for n in NAMES}


NAMES = ("one", "two", "three")


def test_lists_name_files_beside_them(place, capsys):
    Path("lists").mkdir()
    Path("lists/pairs.csv").write_text("../big/one.json, ../small/one.json\n\n../big/two.json,../small/three.json\n")
    code, first, _ = end(capsys, "compare", "--list", "lists/pairs.csv")
    assert (code, first) == (1, "different: 2 in all: 1 different, 1 equivalent")
    lines = "".join(f"../big/{n}.json,../small/{n}.json,../small/{n}.json.cert.json\n" for n in NAMES)
    Path("lists/triples.csv").write_text(lines)
    assert end(capsys, "check", "--list", "lists/triples.csv")[:2] == (0, "equivalent: 3 in all: 3 equivalent")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("a.json", "line 1: found 1 paths, expected 2"),
        ("a.json,b.json\nc.json,d.json,e.json", "line 2: found 3 paths"),
        ("a.json,", "line 1: found 2 paths"),
        ('"a', "found no lines of paths"),
        ("\n", "found no model files"),
    ],
)
def test_a_list_that_is_none_is_refused(place, capsys, words, said):
    Path("pairs.csv").write_text(words)
    with pytest.raises(SystemExit) as stop:
        main(["compare", "--list", "pairs.csv"])
    assert stop.value.code == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ("compare", "big"),
        ("compare", "big", "big/one.json"),
        ("compare", "big", "small", "--certificate", "c.json"),
        ("compare", "big", "small", "--list", "pairs.csv"),
        ("check", "big", "small"),
        ("check", "big", "small", "small/one.json.cert.json"),
        ("compare", "empty", "empty"),
    ],
)
def test_folders_and_files_are_not_mixed(place, capsys, arguments):
    Path("empty").mkdir()
    with pytest.raises(SystemExit) as stop:
        main([*arguments])
    out, err = capsys.readouterr()
    assert (stop.value.code, out) == (2, "")
    assert err.startswith(("exactlump: ", "check: "))


def test_questions_by_name(place):
    assert [question.name for question in pairs_of(Path("big"), Path("small"))] == [
        "one.json",
        "three.json",
        "two.json",
    ]
    shutil.copytree("big", "small/deeper")
    assert len(triples_of(Path("big"), Path("small"), Path("small"))) == 3
    assert are_folders([Path("big"), Path("small")])
    assert not are_folders([Path("big"), Path("big/one.json")])
    with pytest.raises(FormatError, match="cannot be read"):
        listed(Path("none.csv"), 2)
    with pytest.raises(FormatError, match="no model files"):
        ask_all("compare", [], compare, None, lambda _: None)
