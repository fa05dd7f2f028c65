# SPDX-License-Identifier: Apache-2.0
"""This file is about verdicts: scripts rely on the words and their exit codes, which are stated in one place."""

import ast
from pathlib import Path

from exactlump import check, errors
from exactlump.verdicts import BUG, EXIT_CODES, USAGE, verdict_of

PACKAGE = Path(errors.__file__).parent


def test_scripts_rely_on_the_words_and_the_codes():
    assert EXIT_CODES == {
        "equivalent": 0,
        "within": 0,
        "different": 1,
        "rejected": 1,
        "unknown": 3,
        "unsupported": 4,
        "sat": 0,
        "unsat": 0,
        "timed-out": 3,
    }
    assert (USAGE, BUG) == (2, 5)


def test_the_checker_states_the_same_codes():
    shared = check.CODES.keys() & EXIT_CODES.keys()
    assert shared == {"equivalent", "within", "different", "rejected", "unknown", "unsupported"}
    assert {word: check.CODES[word] for word in shared} == {word: EXIT_CODES[word] for word in shared}
    assert check.CODES["malformed"] == USAGE


def test_only_what_decides_nothing_has_a_verdict_as_a_failure():
    assert [verdict_of(code) for code in range(6)] == [None, None, None, "unknown", "unsupported", None]


def coded(tree):
    """The verdict words that some dictionary in the source gives a number, or a number gives."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Dict):
            for pair in zip(node.keys, node.values, strict=True):
                values = [part.value for part in pair if isinstance(part, ast.Constant)]
                if {*map(type, values)} == {int, str}:
                    yield from (value for value in values if value in EXIT_CODES)


def test_no_other_file_of_the_package_gives_verdicts_codes():
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        if words := set(coded(ast.parse(path.read_text(encoding="utf-8")))):
            found[path.relative_to(PACKAGE).as_posix()] = words
    assert found.keys() == {"check.py", "verdicts.py"}


def test_a_dictionary_of_codes_would_be_seen():
    assert set(coded(ast.parse('a = {"equivalent": 0}\nb = {4: "unsupported"}\nc = {"unknown": "x"}'))) == {
        "equivalent",
        "unsupported",
    }
