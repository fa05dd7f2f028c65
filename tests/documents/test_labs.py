# SPDX-License-Identifier: Apache-2.0
"""This file is about the labs: nothing is right on the sheets as they are, everything on those of answers.

Their pages are run by tests/documents/test_docs.py.
"""

import importlib.util
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from exactlump import check_files

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


# Lab 2: the checkers


@pytest.mark.parametrize("seed", range(3))
def test_the_checker_rejects_every_forgery_and_the_planted_one_accepts_one(seed, tmp_path):
    found = forge.forgeries(seed, tmp_path)
    assert len({forgery.claim for forgery in found}) == 20
    assert {check_files(*forgery.files).verdict for forgery in found} == {"rejected"}
    planted = forge.planted()
    (one,) = [forgery for forgery in found if planted.check(*forgery.files).verdict == "equivalent"]
    assert one.claim == "unit 2 is -1 times unit 0"
