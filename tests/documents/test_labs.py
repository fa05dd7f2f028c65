# SPDX-License-Identifier: Apache-2.0
"""This file is about the labs: nothing is right on the sheets as they are, everything on those of answers.

Their pages are run by tests/documents/test_docs.py.
"""

import importlib.util
import json
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from exactlump import Network, check_files, maximum_lumping
from exactlump.drawing import draw_steps

LABS = Path(__file__).parents[2] / "docs" / "labs"
NUMBERS = "12345"


def module(name):
    """A module of the labs, by its file."""
    spec = importlib.util.spec_from_file_location(name, LABS / f"{name}.py")
    found = importlib.util.module_from_spec(spec)
    sys.modules[name] = found
    spec.loader.exec_module(found)
    return found


forge = module("forge")
check = module("check")
run = module("run")


def sheet(lab, folder=""):
    return runpy.run_path(str(LABS / folder / f"lab{lab}.py"))


@pytest.mark.parametrize("lab", NUMBERS)
def test_nothing_is_right_on_a_sheet_as_it_is(lab):
    found = check.verdicts(sheet(lab), lab)
    assert len(found) == 3
    assert set(found.values()) == {"nothing filled in"}


@pytest.mark.parametrize("lab", NUMBERS)
def test_everything_is_right_on_the_answers_and_each_answer_by_itself(lab):
    answers = sheet(lab, "answers")
    assert set(check.verdicts(answers, lab).values()) == {None}
    for exercise in [name for name in check.EXERCISES if name.startswith(lab)]:
        names = check.EXERCISES[exercise][1]
        found = check.verdicts({**sheet(lab), **{name: answers[name] for name in names}}, lab)
        assert [name for name, wrong in found.items() if wrong is None] == [exercise]


WRONG = {
    "1.1": [{}, {0: "1", 1: "2"}, {0: "1", 1: "3"}, {0: "1", 1: "2", 3: "-1", 4: "1/2"}, [1, 2], {0: "1", 9: "1"}],
    "1.2": ["3", "x", None, "4.5"],
    "1.3": [([[1], [2]], [[1, 2], [5, 10]]), ([[1], [2]], [[6, 0], [0, 1]]), ("a", "b"), ([[1]], [[1]])],
    "2.1": [0, 19, None],
    "2.2": [[-1, 0], [1], "x"],
    "2.3": [("tanh", "-1"), ("relu", "2"), ("relu", "0"), ("relu", "x")],
    "3.1": [(2, 3), (3, 4)],
    "3.2": ["1/2", "7"],
    "3.3": [-1, "1"],
    "4.1": [("1/100", [1, 0]), ("1", [1, 1]), ("0", [0, 0]), ("1/50", [1, 2])],
    "4.2": [["1", "1"], ["0", "1"], ["1", "1/2"], [2, "19/10"]],
    "4.3": [[1, 1], [-1, -1], [0, 0]],
    "5.1": ["1", "1/2", "2"],
    "5.2": [1000, "1000000", 0],
    "5.3": [7, 2, None],
}


@pytest.mark.parametrize("exercise", check.EXERCISES)
def test_wrong_answers_are_not_right_whatever_they_are(exercise):
    names = check.EXERCISES[exercise][1]
    for wrong in WRONG[exercise]:
        values = wrong if len(names) > 1 else (wrong,)
        found = check.verdicts(dict(zip(names, values, strict=True)), exercise[0])
        assert found[exercise], wrong


def test_the_program_says_what_is_right_and_ends_accordingly(tmp_path):
    for path, code, last in (
        (LABS / "lab4.py", 1, "0 of 3 right"),
        (LABS / "answers" / "lab4.py", 0, "3 of 3 right"),
        (tmp_path / "mine.py", 2, ""),
    ):
        done = subprocess.run([sys.executable, LABS / "check.py", path], capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stderr
        assert done.stdout.splitlines()[-1:] == ([last] if last else [])


# Running them


@pytest.mark.parametrize("lab", NUMBERS)
def test_a_lab_is_cut_into_all_its_parts(lab):
    page = (LABS / f"lab{lab}.md").read_text(encoding="utf-8")
    cells = list(run.cells(lab))
    kinds = [cell.kind for cell in cells]
    assert kinds.count("python") == len(re.findall("^```python$", page, re.M)) > 0
    assert kinds.count("console") == len(re.findall("^```console$", page, re.M))
    words = "".join(cell.text + (cell.printed or "") for cell in cells)
    assert re.sub(r"\s", "", words) == re.sub(r"\s|```\w*", "", page)


def test_one_command_runs_a_lab_and_leaves_nothing_behind(tmp_path):
    done = subprocess.run(
        [sys.executable, LABS / "run.py", "1", "--show"], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert (done.returncode, done.stderr) == (0, "")
    last = done.stdout.splitlines()[-1]
    assert re.fullmatch(r"lab 1: \d blocks print what the page says; exercises: 0 of 3 right .*, 3 on the .*", last)
    assert "((0, 1), (2,), (3,)) 1 1/3 1 1" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_lab_that_prints_something_else_is_told(capsys, monkeypatch):
    said = {cell.text: cell for cell in run.cells("1")}
    monkeypatch.setattr(run, "cells", lambda lab: [cell._replace(printed="7\n") for cell in said.values()])
    assert run.main(["1"]) == 1
    assert capsys.readouterr().err.startswith("lab 1: found\n((0, 1), (2,), (3,)) 1 1/3 1 1\nexpected\n7\n")
    with pytest.raises(SystemExit):
        run.main(["6"])


def test_the_notebooks_hold_the_blocks_of_the_pages_and_run(tmp_path, monkeypatch, capsys):
    assert run.main(["--notebooks", str(tmp_path / "out")]) == 0
    for lab in NUMBERS:
        book = json.loads((tmp_path / "out" / f"lab{lab}.ipynb").read_text(encoding="utf-8"))
        assert (book["nbformat"], book["nbformat_minor"]) == (4, 5)
        go, *cells = [cell["source"] for cell in book["cells"] if cell["cell_type"] == "code"]
        pages = [cell.text.rstrip("\n") for cell in run.cells(lab) if cell.kind == "python"]
        assert [cell for cell in cells if "sys.executable" not in cell] == pages
        assert len({cell["id"] for cell in book["cells"]}) == len(book["cells"])
        words = "".join(cell["source"] for cell in book["cells"] if cell["cell_type"] == "markdown")
        links = re.findall(r"\]\(([^):]+)\)", words)
        assert all(link.startswith("../../docs/labs/") for link in links)
        files = {link.removeprefix("../../docs/labs/").partition("#")[0] for link in links}
        assert [name for name in files if not (LABS / name).exists()] == []
    monkeypatch.chdir(LABS)
    exec(go, {})
    assert Path.cwd() == LABS.parents[1]


def test_the_picture_of_lab_1_is_what_its_block_draws():
    network = Network.chain([[[1, 2], [3, 6], [-1, -2], [1, 2]], [[1, 1, 1, 1]]], [[1, 3, -1, 2], [0]])
    found = draw_steps(network, maximum_lumping(network)).svg()
    assert (LABS.parent / "figures" / "lab-1-steps.svg").read_text(encoding="utf-8") == found


# Lab 2: the checkers


@pytest.mark.parametrize("seed", range(3))
def test_the_checker_rejects_every_forgery_and_the_planted_one_accepts_one(seed, tmp_path):
    found = forge.forgeries(seed, tmp_path)
    assert len({forgery.claim for forgery in found}) == 20
    assert {check_files(*forgery.files).verdict for forgery in found} == {"rejected"}
    planted = forge.planted()
    (one,) = [forgery for forgery in found if planted.check(*forgery.files).verdict == "equivalent"]
    assert one.claim == "unit 2 is -1 times unit 0"
