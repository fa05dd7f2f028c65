# SPDX-License-Identifier: Apache-2.0
"""This file is about queries as read: every feature and every error of both versions, printing, and bounded work."""

import random
from fractions import Fraction

import pytest

from exactlump.errors import CannotWrite, ExactlumpError, FormatError, ShapeError, Undecided
from exactlump.numbers.rational import ONE, ZERO, rational
from exactlump.queries import Comparison, Formula, Joint, Network, Port, Query, frames, query_text, read_query
from exactlump.queries.words import decoded
from tests.query_tools import QUERIES, Writer, described, expectations
from tests.tools import fails

NETWORK = "(declare-network f (declare-input X real [2]) (declare-output Y real [1,2]))"
HEADER_2 = f"(vnnlib-version <2.0>) {NETWORK}\n"
HEADER_1 = "(declare-const X_0 Real) (declare-const X_1 Real) (declare-const Y_0 Real)\n"


def found(content):
    """What is read, in lines, or the error with its exit code."""
    try:
        return described(read_query(content))
    except ExactlumpError as error:
        return [f"error {error.exit_code}: {error}"]


@pytest.mark.parametrize("path", QUERIES, ids=lambda path: path.stem)
def test_a_query_file_is_read_as_it_says(path):
    assert expectations(path)
    assert found(path.read_bytes()) == expectations(path)


def test_there_are_queries_of_both_versions_and_errors_of_every_kind():
    expected = [expectations(path)[0] for path in QUERIES]
    assert expected.count("version 1.0") >= 12
    assert expected.count("version 2.0") >= 25
    assert sum(line.startswith("error 2:") for line in expected) >= 60
    assert sum(line.startswith("error 4:") for line in expected) >= 9


def test_a_query_is_networks_and_formulas_with_numbered_variables():
    query = read_query(f"{HEADER_2}(assert (or (<= X[1] 0.5) (and (> Y[0,0] X[0]) (!= Y[0,1] 1.0))))")
    assert query.version == "2.0"
    assert query.networks == (Network("f", (Port("X", "real", (2,)),), (Port("Y", "real", (1, 2)),)),)
    nodes = (
        Comparison(((1, ONE),), "<=", rational(1, 2)),
        Comparison(((0, ONE), (2, -ONE)), "<", ZERO),
        Comparison(((3, ONE),), "!=", ONE),
        Joint("and", 2),
        Joint("or", 2),
    )
    assert query.assertions == (Formula(nodes),)
    assert query.formula == query.assertions[0]
    assert (query.variables, query.starts) == (4, (0, 2, 4))
    assert (query.input_ranges, query.output_ranges) == ((range(2),), (range(2, 4),))
    assert [query.element(v) for v in range(4)] == ["X[0]", "X[1]", "Y[0,0]", "Y[0,1]"]
    assert [query.is_input(v) for v in range(4)] == [True, True, False, False]
    for v in (-1, 4):
        fails(ShapeError, 2, lambda v=v: query.element(v), "expected 0 to 3")


def test_two_networks_number_their_variables_one_after_the_other():
    other = "(declare-network g (equal-to f) (declare-input U real [2]) (declare-output W real [1,2]))"
    query = read_query(f"{HEADER_2}{other}(assert (<= U[1] W[0,1]))")
    assert query.starts == (0, 2, 4, 6, 8)
    assert query.input_ranges == (range(2), range(4, 6))
    assert query.output_ranges == (range(2, 4), range(6, 8))
    assert [v for v, _ in query.formula.nodes[0].terms] == [5, 7]
    assert query.needed == ("f",)
    assert query.networks[1].relation == "equal-to"


def test_values_satisfy_a_query_exactly_or_not():
    query = read_query(f"{HEADER_2}(assert (<= (+ X[0] X[1]) 0.3)) (assert (or (== Y[0,0] 1.0) (< Y[0,1] 0.0)))")
    tenth, fifth = rational(1, 10), rational(1, 5)
    assert query.holds(query.values({"X": (tenth, fifth), "Y": (ONE, ZERO)}))
    assert not query.holds(query.values({"X": (rational(0.1), rational(0.2)), "Y": (ONE, ZERO)}))
    assert not query.holds((tenth, fifth, ONE + rational(1, 10**40), ZERO))
    assert query.holds((tenth, fifth, ZERO, rational(-1, 10**40)))
    fails(ShapeError, 2, lambda: query.holds((ONE,)), "found 1, expected 4")
    fails(ShapeError, 2, lambda: query.values({"X": (ONE,), "Y": (ONE, ONE)}), "X: found 1 values, expected 2")
    fails(ShapeError, 2, lambda: query.values({"X": (ONE, ONE)}), "Y: found 0 values")
    fails(ShapeError, 2, lambda: query.values({"X": (ONE, ONE), "Y": (ONE, ONE), "Z": ()}), "Z: found values")


def evaluated(formula, values):
    """The truth of a formula by recursion from its end, with fractions of the standard library."""
    nodes = list(formula.nodes)

    def part():
        node = nodes.pop()
        if isinstance(node, Joint):
            parts = [part() for _ in range(node.parts)]
            return all(parts) if node.word == "and" else any(parts)
        left = sum(Fraction(int(c.numerator), int(c.denominator)) * values[v] for v, c in node.terms)
        right = Fraction(int(node.bound.numerator), int(node.bound.denominator))
        return {"<=": left <= right, "<": left < right, "==": left == right, "!=": left != right}[node.relation]

    truth = part()
    assert not nodes
    return truth


def test_formulas_are_evaluated_as_by_recursion():
    rng, truths = random.Random(3), []
    for _ in range(150):
        query = read_query(Writer(rng, rng.choice(["1.0", "2.0"]), 2).text(1, 4))
        values = [Fraction(rng.randint(-4, 4), rng.choice([1, 2, 3])) for _ in range(query.variables)]
        truths.append(query.holds([rational(value) for value in values]))
        assert truths[-1] == evaluated(query.assertions[0], values)
    assert 20 < sum(truths) < 130


@pytest.mark.parametrize("path", [path for path in QUERIES if "error" not in path.stem], ids=lambda path: path.stem)
def test_a_printed_query_reads_the_same(path):
    query = read_query(path.read_bytes())
    assert read_query(query_text(query)) == query


def test_random_queries_are_printed_and_read_and_printed_again():
    rng = random.Random(4)
    for _ in range(150):
        query = read_query(Writer(rng, rng.choice(["1.0", "2.0"]), 2).text(2, 4))
        words = query_text(query)
        assert read_query(words) == query
        assert query_text(read_query(words)) == words


def test_a_query_of_one_version_is_printed_in_the_other():
    words = f"{HEADER_1}(assert (<= (+ X_0 (* 2 Y_0)) (/ 1 3))) (assert (>= X_1 0.5)) (assert (<= 1 0))"
    query = read_query(words)
    other = query_text(query, "2.0")
    assert other.splitlines()[-3:] == [
        "(assert (<= (+ (* 3.0 X[0]) (* 6.0 Y[0])) 1.0))",
        "(assert (>= X[1] 0.5))",
        "(assert (<= (* 0.0 X[0]) -1.0))",
    ]
    assert read_query(other).networks == query.networks
    back = read_query(query_text(read_query(other), "1.0"))
    assert back.assertions[1:] == query.assertions[1:]
    point = tuple(map(rational, (1, 1, -1)))
    assert back.assertions[0].holds(point) == query.assertions[0].holds(point)
    differing = read_query(f"{HEADER_2}(assert (!= X[0] 1.5))")
    assert query_text(differing, "1.0").endswith("(assert (or (< X_0 1.5) (> X_0 1.5)))\n")


def test_a_comparison_without_variables_is_printed_with_a_variable_of_its_type():
    header = HEADER_2.replace("X real", "X int8").replace("Y real", "Y float32")
    query = read_query(f"{header}(assert (<= (- Y[0,0] Y[0,0]) 1.5))")
    assert query_text(query).endswith("(assert (<= (* 0.0 Y[0,0]) 1.5))\n")
    assert read_query(query_text(query)) == query
    integers = read_query(f"{header.replace('float32', 'int64')}(assert (<= (- X[0] X[0]) 1))")
    assert query_text(integers).endswith("(assert (<= (* 0 X[0]) 1))\n")
    assert read_query(query_text(integers)) == integers


def test_what_a_version_cannot_say_is_not_printed():
    two = read_query(
        f"{HEADER_2}{NETWORK.replace('f', 'g').replace('X', 'U').replace('Y', 'W')}(assert (<= X[0] U[0]))"
    )
    fails(CannotWrite, 2, lambda: query_text(two, "1.0"), "version 1.0: expected one network")
    floats = read_query(HEADER_2.replace("real", "float32") + "(assert (<= X[0] 1.0))")
    fails(CannotWrite, 2, lambda: query_text(floats, "1.0"), "version 1.0")
    inputs = read_query("(declare-const X_0 Real)(assert (<= X_0 1))")
    fails(CannotWrite, 2, lambda: query_text(inputs, "2.0"), "without outputs")
    fails(CannotWrite, 2, lambda: query_text(inputs, "3.0"), "found '3.0', expected 1.0 or 2.0")
    small = read_query("(declare-const X_0 Real)(assert (<= X_0 1e-9000))")
    fails(CannotWrite, 2, lambda: query_text(small), "9002 characters, expected at most 4000")


def test_bytes_are_text_and_bounded():
    words = (HEADER_1 + "(assert (<= X_0 1))").encode()
    assert read_query(words) == read_query(words.decode())
    assert read_query(words.replace(b"\n", b"\r\n")) == read_query(words)
    assert read_query(words + " ; \u00e9".encode()) == read_query(words)
    fails(FormatError, 2, lambda: read_query(words, 10), f"found {len(words)} bytes, expected at most 10")
    fails(FormatError, 2, lambda: decoded(b"\xff\xfe"), "no UTF-8 at 0")
    fails(FormatError, 2, lambda: read_query("\ufeff" + words.decode()), "line 1, column 1", "expected '('")


@pytest.mark.parametrize("depth", [10, 1_000, 20_000])
def test_formulas_have_any_depth(depth):
    opening = "".join(f"({word} (<= X[0] {k}.0) " for k, word in zip(range(depth), ("and", "or") * depth, strict=False))
    query = read_query(f"{HEADER_2}(assert {opening}(<= X[1] 1.0){')' * depth})")
    assert len(query.formula.nodes) == 2 * depth + 1
    assert query.holds((ZERO,) * 4)
    assert not query.holds((rational(10**6),) * 4)
    assert read_query(query_text(query)) == query
    sums = read_query(f"{HEADER_2}(assert (<= {'(- ' * depth}X[0]{')' * depth} 1.0))")
    assert sums.formula.nodes[0].terms == ((0, ONE),)


def test_what_must_be_remembered_is_bounded(monkeypatch):
    monkeypatch.setattr(frames, "MAX_HELD", 1000)
    for words in ("(assert " + "(" * 1000, "(assert (<= " + "X_0 " * 1000, "(set-info " + "(a) " * 1000):
        fails(Undecided, 3, lambda words=words: read_query(HEADER_1 + words), "line 2, column", "more than 1000 words")
    read_query(HEADER_1 + "(assert (<= X_0 1))" * 1000)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (f"(assert (<= {'(* 1e999 ' * 3000}X_0{')' * 3000} 1))", "found a number of"),
        (f"(assert (<= {'(/ ' * 100}X_0{' 1e999)' * 100} 1))", "found a number of"),
        (f"(assert (<= (+ {' '.join(f'(/ 1 {2**61 + k})' for k in range(1, 3001, 2))}) X_0))", "found a number of"),
        (f"(assert (<= (* {' '.join(['1.5'] * 50_000)}) X_0))", "more than 5000000 arithmetic operations"),
    ],
    ids=["product", "quotient", "sum", "product of numbers"],
)
def test_what_takes_too_much_is_left_undecided(words, reason):
    fails(Undecided, 3, lambda: read_query(HEADER_1 + words), "line 2, column", reason)


def test_arithmetic_is_bounded_in_all():
    names = [f"X_{k}" for k in range(3000)]
    declared = "".join(f"(declare-const {name} Real)" for name in names)
    sums = f"(+ {' '.join(names)})"
    words = f"{declared}(assert (<= {'(* 2 ' * 2000}{sums}{')' * 2000} 1))"
    fails(Undecided, 3, lambda: read_query(words), "more than 5000000 arithmetic operations")


def test_equal_queries_are_equal_and_do_not_change():
    words = f"{HEADER_2}(assert (<= X[0] 1.0))"
    query = read_query(words)
    assert query == read_query(words)
    assert query != read_query(words.replace("1.0", "1.5"))
    assert isinstance(query, Query)
    with pytest.raises(AttributeError):
        query.version = "1.0"
    with pytest.raises(AttributeError):
        query.networks[0].name = "g"
