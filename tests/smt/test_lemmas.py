# SPDX-License-Identifier: Apache-2.0
"""This file is about the lemma library in proofs/smt: both solvers give the stated answers, and its table is true."""

import re

import pytest

from exactlump.errors import FormatError
from exactlump.smt.lemmas import HOME, expected, main, put
from exactlump.smt.solve import SOLVERS

SCRIPTS = sorted(HOME.glob("*.smt2"))
TABLE = (HOME / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_a_lemma_is_answered_as_expected(path, solver):
    result = put(path, solver)
    assert result.found == expected(path.read_text(encoding="ascii"))


def rows():
    """The rows of the table: the scripts that a row names, and the answers that it states."""
    for line in TABLE.splitlines():
        if line.startswith("| `"):
            names, _, _, answers, coq = (cell.strip() for cell in line.strip("|").split(" | "))
            yield re.findall(r"`(\w+)`", names), answers, re.findall(r"`(\w+)`", coq)


def test_the_table_names_every_script_with_its_answers():
    assert sorted(name for names, _, _ in rows() for name in names) == [path.stem for path in SCRIPTS]
    for names, answers, _ in rows():
        times = re.fullmatch(r"(\w+) \((\d+) times\)", answers)
        stated = (times[1],) * int(times[2]) if times else tuple(answers.split(", "))
        for name in names:
            assert expected((HOME / f"{name}.smt2").read_text(encoding="ascii")) == stated, name


def test_the_theorems_of_the_table_exist():
    sources = "\n".join(path.read_text(encoding="utf-8") for path in HOME.parent.glob("*.v"))
    named = {name for _, _, coq in rows() for name in coq}
    assert len(named) > 5
    assert {name for name in named if not re.search(rf"(Theorem|Lemma|Corollary) {name}\b", sources)} == set()


def test_a_script_says_what_it_is_about():
    for path in SCRIPTS:
        words = path.read_text(encoding="ascii")
        assert words.startswith("; SPDX-License-Identifier: Apache-2.0\n; This file is about "), path.name


def test_the_command_fails_on_any_other_answer(tmp_path, capsys):
    good = "(set-logic QF_LRA)\n(declare-const x Real)\n(assert (not (= x x)))\n(set-info :status unsat)\n(check-sat)\n"
    (tmp_path / "a.smt2").write_text(good)
    assert main([str(tmp_path)]) == 0
    (tmp_path / "b.smt2").write_text(good.replace("(= x x)", "(= x 1)"))
    assert main([str(tmp_path)]) == 1
    assert "WRONG" in capsys.readouterr().out
    (tmp_path / "b.smt2").write_text(good.replace("Real)", "Rael)"))
    assert main([str(tmp_path)]) == 1
    (tmp_path / "b.smt2").write_text(good.replace("(set-info :status unsat)\n", ""))
    assert main([str(tmp_path)]) == 2
    assert main([str(tmp_path / "none")]) == 2


@pytest.mark.parametrize("words", ["", "(check-sat)", "(set-info :status sat)", "(check-sat)\n(set-info :status sat)"])
def test_a_check_without_a_status_is_refused(words):
    with pytest.raises(FormatError):
        expected(words)
