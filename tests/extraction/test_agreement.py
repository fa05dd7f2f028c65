# SPDX-License-Identifier: Apache-2.0
"""This file is about `check.py`, the proved checker and plain evaluation: a small part of benchmarks/agreement.py.

Skipped where Coq is not installed (`proofs/README.md` says what to install).
"""

import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from benchmarks import agreement
from exactlump import check

PROOFS = Path(__file__).parents[2] / "proofs"


@pytest.fixture(scope="module")
def built():
    """The extracted checker."""
    if not (shutil.which("coqc") and shutil.which("ocamlfind")):
        pytest.skip("Coq or OCaml is not installed (proofs/README.md says what to install)")
    made = subprocess.run(["make", "-C", str(PROOFS), "checker"], capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stdout[-2000:] + made.stderr[-2000:]


def test_certificates_of_every_kind_are_judged_alike(built):
    """As they are, and changed: nothing false is accepted, and nothing that check.py accepts is refused."""
    table = agreement.compare(60, 600, 7)
    assert table.wrong == []
    states = Counter()
    for (kind, state, python, answer), count in table.counts.items():
        states[kind, state, python in agreement.ACCEPTED or answer in agreement.ACCEPTED] += count
    for kind in agreement.KINDS:
        assert states[kind, "valid", True] > 0
        assert states[kind, "valid", False] == 0
        assert states[kind, "changed", False] > 5
        assert states[kind, "changed text", False] > 5
    assert {answer for (kind, state, _, answer) in table.counts if kind == "domain" and state == "valid"} == {
        "equivalent"
    }


CHECK_ROWS = check.Checker.check_rows
FAULTS = {
    "a checker that compares no outputs": ("check_outputs", lambda self: None),
    "a checker that compares no rows": (
        "check_rows",
        lambda self, half, tensor, rows, over: _believe(self, half, tensor, rows, over),
    ),
}


def _believe(checker, half, tensor, rows, over):
    """Whatever rows claim, where they are not as they should be."""
    try:
        CHECK_ROWS(checker, half, tensor, rows, over)
    except check.Stop:
        first = checker.anchors[over].first if over else 0
        left = {v: ({}, 1) for v, row in enumerate(rows) if row.kind not in ("class", "sum", "free")}
        half.known[tensor] = half.listed(checker.claimed(rows, first, left))


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_in_one_of_the_three_are_seen(built, monkeypatch, fault):
    monkeypatch.setattr(check.Checker, *FAULTS[fault])
    monkeypatch.setattr(agreement, "KINDS", {"exact": agreement.KINDS["exact"]})
    assert agreement.compare(6, 150, 7).wrong != []
