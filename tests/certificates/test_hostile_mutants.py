# SPDX-License-Identifier: Apache-2.0
"""This file is about mutants of ONNX files: what the checker accepts of them computes the same (`tests/hostile.py`).

`python -m benchmarks.mutants` makes many more.  Faults planted in the checker show that these would be seen.
"""

import pytest

from benchmarks import mutants
from exactlump import check
from tests import hostile_bases

COUNT = 300


@pytest.fixture(scope="module")
def bases():
    return hostile_bases.bases()


def test_accepted_mutants_compute_the_same(bases):
    found, accepted, wrong = mutants.trials(COUNT, 1, bases)
    assert wrong == []
    assert found["accepted, equal"] > COUNT // 20
    assert found["rejected"] > COUNT // 4
    assert found["accepted, not run"] < found["equivalent"] // 3
    assert sum(accepted.values()) == found["equivalent"]


def test_mutants_are_read_as_they_are_run(bases):
    found, wrong = mutants.readings(COUNT, 2, bases)
    assert wrong == []
    assert found["equal"] > COUNT // 10


def without_attributes(monkeypatch):
    made = check.Given
    monkeypatch.setattr(check, "Given", lambda name, domain, words, *rest: made(name, domain, words[:4], *rest))


def any_form(monkeypatch):
    monkeypatch.setattr(check, "is_multiple", lambda form, c, other: True)


def in_place(monkeypatch):
    monkeypatch.setattr(check, "permuting", lambda sizes, order: None)


@pytest.mark.parametrize(
    ("plant", "names"),
    [
        (without_attributes, ("a norm", "LSTM", "sums along an axis", "the largest")),
        (any_form, ("dense", "attention", "two inputs")),
        (in_place, ("positions moved", "a square and its transpose")),
    ],
)
def test_a_checker_that_overlooks_something_is_found_out(plant, names, bases, monkeypatch):
    plant(monkeypatch)
    _, _, wrong = mutants.trials(COUNT // 2, 3, {name: bases[name] for name in names})
    assert wrong != []


def test_a_reader_that_misreads_an_operator_is_found_out(bases, monkeypatch):
    monkeypatch.setitem(check.NAMED, "Relu", ("leaky_relu", -1))
    _, wrong = mutants.readings(COUNT, 4, bases)
    assert wrong != []
