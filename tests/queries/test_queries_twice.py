# SPDX-License-Identifier: Apache-2.0
"""This file is about the two readers of queries, the package's and the checker's: they say the same, or both refuse."""

import random
from collections import Counter

import pytest

from exactlump import check
from exactlump.errors import ExactlumpError
from exactlump.queries import read_query
from tests.query_tools import QUERIES, Writer, as_tuples, mutant
from tests.tools import DATA

# What the checker leaves to the other reader: rules about types, and about interfaces of related networks.
LEFT_OUT = ("found the type", "found the element type", "of type", "found real beside", "that are not those of")
HEADER = "(vnnlib-version <2.0>)(declare-network f (declare-input X real [2])(declare-output Y real [2]))"


def by_the_package(words):
    """What is read, or the message of the error."""
    try:
        return as_tuples(read_query(words)), ""
    except ExactlumpError as error:
        return None, str(error)


def by_the_checker(words):
    """What is read, or the verdict with the reason."""
    try:
        query = check.read_query(words)
    except check.Stop as error:
        return None, f"{error.verdict}: {error}"
    cases = [[(part.terms, part.relation, part.bound) for part in case] for case in query.cases]
    return (query.version, [tuple(network) for network in query.networks], cases), ""


def compared(words):
    """Which of the two accept a text; they never read it as different queries."""
    (ours, reason), (theirs, verdict) = by_the_package(words), by_the_checker(words)
    if ours is not None and theirs is not None:
        assert ours == theirs, words
    elif ours is not None:
        assert verdict.startswith(("unknown:", "unsupported: query: found more than 200 parentheses")), (words, verdict)
    elif theirs is not None:
        assert any(known in reason for known in LEFT_OUT), (words, reason)
    return ours is not None, theirs is not None


@pytest.mark.parametrize("path", QUERIES, ids=lambda path: path.stem)
def test_both_read_a_query_file_alike(path):
    words = path.read_bytes().decode("latin-1" if path.stem == "1-error-no-text" else "utf-8")
    ours, theirs = compared(words)
    left_out = {
        *("2-error-type-unknown", "2-error-type-bool", "2-error-types-in-comparison", "2-error-types-with-real"),
        *("2-error-decimal-of-integers", "2-error-equal-to-shape", "2-error-equal-to-type"),
        "2-error-isomorphic-to-shape",
    }
    assert ours == ("error" not in path.stem)
    assert theirs == (ours or path.stem in left_out)


def test_both_read_random_queries_alike():
    rng = random.Random(12)
    for _ in range(150):
        writer = Writer(rng, rng.choice(["1.0", "2.0"]), rng.randint(1, 3), rng.randint(1, 3))
        assert compared(writer.text(rng.randint(1, 4), rng.randint(0, 4))) == (True, True)


def test_both_read_mutants_alike():
    rng, answers = random.Random(13), Counter()
    texts = [path.read_bytes().decode("latin-1") for path in QUERIES if "error" not in path.stem]
    for _ in range(1500):
        writer = Writer(rng, rng.choice(["1.0", "2.0"]), rng.randint(1, 2), 2)
        words = writer.text(2, 2) if rng.random() < 0.5 else rng.choice(texts)
        answers[compared(mutant(rng, words))] += 1
    assert answers[True, True] > 150
    assert answers[False, False] > 800


@pytest.mark.real
def test_both_read_the_real_queries_alike():
    paths = sorted(DATA.rglob("*.vnnlib"))
    if not paths:
        pytest.skip(f"no real queries in {DATA}")
    assert [compared(path.read_text(encoding="utf-8")) for path in paths] == [(True, True)] * 67


def test_the_checker_bounds_depth_words_numbers_and_cases(monkeypatch):
    deep = f"{HEADER}(assert {'(or ' * 198}(<= X[0] 1.0){')' * 198})"
    assert compared(deep) == (True, True)
    assert compared(deep.replace("(assert ", "(assert (or ") + ")") == (True, False)
    many = f"{HEADER}{'(assert (or (<= X[0] 1.0) (<= X[1] 1.0)))' * 40}"
    assert by_the_checker(many)[1] == "unknown: query: found more than 5000000 operations"
    assert by_the_checker(HEADER + "(assert (<= X[0] 1.0))" * 40)[1] == ""
    monkeypatch.setattr(check, "MAX_WORDS", 300)
    assert by_the_checker(HEADER + "(assert (<= X[0] 1.0))" * 40)[1] == "unknown: query: found more than 300 words"
    long = f"(declare-const X_0 Real)(assert (<= {'(* 1e999 ' * 30}X_0{')' * 30} 1))"
    assert by_the_checker(long)[1].startswith("unknown: query: found a number of")


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ("(<= X[0] 1.0)", "(< X[0] 1.0)"),
        ("(<= X[0] 1.0)", "(<= X[0] 1.1)"),
        ("(<= X[0] 1.0)", "(>= X[0] 1.0)"),
        ("(<= X[0] 1.0)", "(<= X[1] 1.0)"),
        ("(- X[0] X[1] 1.0)", "(- X[0] (- X[1] 1.0))"),
        ("(and (<= X[0] 1.0) (<= X[1] 1.0))", "(or (<= X[0] 1.0) (<= X[1] 1.0))"),
        ("(!= X[0] 1.0)", "(== X[0] 1.0)"),
    ],
)
def test_queries_that_differ_are_read_as_different_by_both(good, bad):
    for reader in (by_the_package, by_the_checker):
        texts = (f"{HEADER}(assert {words if words[1] != '-' else f'(<= {words} 0.0)'})" for words in (good, bad))
        one, other = (reader(words)[0] for words in texts)
        assert one is not None
        assert other is not None
        assert one != other
