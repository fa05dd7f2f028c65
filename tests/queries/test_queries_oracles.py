# SPDX-License-Identifier: Apache-2.0
"""This file is about queries as two other packages read them: the same, number for number.

The package vnnlib, 1.0.2, is installed for tests where there is a wheel of it.  For version 1.0, the variable
EXACTLUMP_VNNLIB_1 names a Python interpreter that has vnnlib 0.0.1; tests are skipped without it.
"""

import json
import os
import random
import re
import subprocess
from fractions import Fraction
from pathlib import Path

import pytest

from exactlump.queries import Comparison, read_query
from tests import vnnlib_oracles
from tests.query_tools import QUERIES, Writer, exact
from tests.tools import DATA

INTERPRETER = os.environ.get("EXACTLUMP_VNNLIB_1")
TYPES = {"Real": "real", "F16": "float16", "F32": "float32", "F64": "float64", "BF16": "bfloat16", "I8": "int8"}
TYPES |= {"F8E4M3FN": "float8e4m3fn", "I64": "int64"}
NUMBER = re.compile(r"[+-]?\.?[0-9]")
TURNED = {">=": "<=", ">": "<"}


def linear(tree, places):
    """A tree of words as {variable: multiple}, the constant at None, with fractions."""
    if isinstance(tree, str):
        if NUMBER.match(tree):
            return {None: Fraction(tree)}
        return {places[tree]: Fraction(1)}
    word, *parts = tree
    first, *rest = (linear(part, places) for part in parts)
    if word == "-" and not rest:
        return {v: -c for v, c in first.items()}
    for part in rest:
        if word in "+-":
            first = {v: first.get(v, 0) + (1 if word == "+" else -1) * part.get(v, 0) for v in first.keys() | part}
            continue
        if word == "*" and not any(c for v, c in first.items() if v is not None):
            first, part = part, first
        assert not any(c for v, c in part.items() if v is not None)
        factor = part.get(None, Fraction(0))
        first = {v: c * factor if word == "*" else c / factor for v, c in first.items()}
    return first


def truth(tree, places):
    """A tree of words as nested tuples; `and` and `or` of one part are that part."""
    word, *parts = tree
    if word in ("and", "or"):
        inside = [truth(part, places) for part in parts]
        return (word, *inside) if len(inside) > 1 else inside[0]
    left, right = (linear(part, places) for part in parts)
    if word in TURNED:
        word, left, right = TURNED[word], right, left
    terms = {v: left.get(v, 0) - right.get(v, 0) for v in left.keys() | right}
    bound = -terms.pop(None, Fraction(0))
    return "==" if word == "=" else word, {v: c for v, c in terms.items() if c}, bound


def as_truth(formula):
    """A formula of ours as `truth` has it."""
    stack = []
    for node in formula.nodes:
        if isinstance(node, Comparison):
            stack.append((node.relation, {v: exact(c) for v, c in node.terms}, exact(node.bound)))
        else:
            parts = stack[-node.parts :]
            del stack[-node.parts :]
            stack.append((node.word, *parts))
    (found,) = stack
    return found


def places_of(query):
    return {query.element(v): v for v in range(query.variables)}


def assert_same_2(words, found):
    query = read_query(words)
    networks, assertions = found
    for ours, (name, inputs, outputs, relation, other, hidden) in zip(query.networks, networks, strict=True):
        assert (ours.name, ours.relation, ours.other, hidden) == (name, relation, other, 0)
        for ports, theirs in ((ours.inputs, inputs), (ours.outputs, outputs)):
            expected = [(port, TYPES[kind], tuple(shape)) for port, kind, shape in theirs]
            assert [(port.name, port.element_type, port.shape) for port in ports] == expected
    places = places_of(query)
    assert [as_truth(formula) for formula in query.assertions] == [truth(tree, places) for tree in assertions]


def assert_same_1(words, found):
    query = read_query(words)
    variables, assertions = found
    places = places_of(query)
    assert sorted(variables) == sorted(places)
    assert [as_truth(formula) for formula in query.assertions] == [truth(tree, places) for tree in assertions]


def real(version):
    """The texts of the real queries of a version."""
    texts = [path.read_text(encoding="utf-8") for path in sorted(DATA.rglob("*.vnnlib"))]
    if not texts:
        pytest.skip(f"no real queries in {DATA}")
    return [words for words in texts if ("vnnlib-version" in words) == (version == "2.0")]


def generated(version, count):
    rng = random.Random(14)
    writers = (Writer(rng, version, rng.randint(1, 3), rng.randint(1, 3)) for _ in range(count))
    return [writer.text(rng.randint(1, 3), rng.randint(0, 4)) for writer in writers]


def own(version):
    paths = [path for path in QUERIES if path.stem.startswith(version[0]) and "error" not in path.stem]
    return {path.stem: path.read_bytes().decode("utf-8") for path in paths}


@pytest.fixture(scope="module")
def tree_2():
    pytest.importorskip("vnnlib", reason="the package vnnlib is not installed: pip install vnnlib")
    return vnnlib_oracles.tree_2


@pytest.fixture(scope="module")
def trees_1():
    if not INTERPRETER:
        pytest.skip("EXACTLUMP_VNNLIB_1 names no interpreter that has vnnlib 0.0.1")

    def read(texts):
        script = Path(vnnlib_oracles.__file__)
        command = [INTERPRETER, "-I", str(script)]
        done = subprocess.run(command, input=json.dumps(texts), capture_output=True, encoding="utf-8", check=True)
        return json.loads(done.stdout)

    return read


@pytest.mark.real
def test_real_queries_of_version_2_are_read_as_vnnlib_reads_them(tree_2):
    texts = real("2.0")
    assert len(texts) == 50
    for words in texts:
        assert_same_2(words, tree_2(words))


@pytest.mark.real
def test_real_queries_of_version_1_are_read_as_vnnlib_reads_them(trees_1):
    texts = real("1.0")
    assert len(texts) == 17
    for words, found in zip(texts, trees_1(texts), strict=True):
        assert_same_1(words, found)


def test_generated_queries_of_version_2_are_read_as_vnnlib_reads_them(tree_2):
    texts = generated("2.0", 300)
    for words in texts:
        assert_same_2(words, tree_2(words))


def test_generated_queries_of_version_1_are_read_as_vnnlib_reads_them(trees_1):
    texts = generated("1.0", 300)
    for words, found in zip(texts, trees_1(texts), strict=True):
        assert_same_1(words, found)


def test_own_queries_of_version_2_are_read_as_vnnlib_reads_them(tree_2):
    """It has no integers where elements are no integers, and no related networks of other types."""
    texts = own("2.0")
    assert {stem for stem, words in texts.items() if tree_2(words) is None} == {
        "2-floats",
        "2-isomorphic-to",
        "2-numbers",
    }
    same = [words for words in texts.values() if tree_2(words) is not None]
    assert len(same) == 24
    for words in same:
        assert_same_2(words, tree_2(words))


def test_own_queries_of_version_1_are_read_as_vnnlib_reads_them(trees_1):
    """It takes no declare-fun, no other commands, and no number with a sign + or a point at its beginning."""
    texts = own("1.0")
    found = dict(zip(texts, trees_1([*texts.values()]), strict=True))
    assert {stem for stem, tree in found.items() if tree is None} == {"1-numbers", "1-script"}
    for stem, tree in found.items():
        if tree is not None:
            assert_same_1(texts[stem], tree)


def test_a_number_that_is_read_wrongly_is_seen(tree_2):
    words = generated("2.0", 1)[0]
    (network, *others), assertions = tree_2(words)
    changed = json.loads(re.sub(r'"(-?[0-9]+)\.', r'"\g<1>1.', json.dumps(assertions)))
    assert changed != assertions
    with pytest.raises(AssertionError):
        assert_same_2(words, ([network, *others], changed))
