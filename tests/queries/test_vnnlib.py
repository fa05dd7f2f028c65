# SPDX-License-Identifier: Apache-2.0
"""This file is about VNN-LIB 1.0: boxes read exactly, and everything else refused on one line."""

import gzip

import pytest

from exactlump.errors import FormatError, UnsupportedLayer
from exactlump.numbers.rational import decimal, rational
from exactlump.points.vnnlib import parse, read_box
from tests.tools import DATA, fails

HEADER = "(declare-const X_0 Real)\n(declare-const X_1 Real)\n(declare-const Y_0 Real)\n"
BOX = "(assert (>= X_0 -0.1)) (assert (<= X_0 1.5))\n(assert (<= -2e-3 X_1)) (assert (>= 7 X_1))\n"


def test_bounds_are_exact_decimals_in_either_order():
    box = parse(HEADER + BOX).box
    assert box.lower == (rational(-1, 10), rational(-1, 500))
    assert box.upper == (rational(3, 2), rational(7))


def test_of_several_bounds_the_tightest_counts_and_conjunctions_are_read():
    box = parse(HEADER + BOX + "(assert (and (<= X_0 1) (>= X_0 0)))(assert (<= X_0 1.25))").box
    assert (box.lower[0], box.upper[0]) == (0, 1)


def test_a_box_of_measure_zero_is_a_box():
    box = parse(HEADER + "(assert (and (<= X_0 0.5) (>= X_0 0.5) (<= X_1 3) (>= X_1 3)))").box
    assert box.lower == box.upper == (rational(1, 2), rational(3))


def test_comments_and_solver_commands_say_nothing_and_negative_numbers_are_read_as_terms_too():
    words = (
        "; a comment (with parentheses\n(set-logic QF_LRA)\n" + HEADER + BOX + "(assert (>= X_0 (- 0.05)))\n(check-sat)"
    )
    assert parse(words).box.lower[0] == rational(-1, 20)


def test_assertions_about_outputs_are_counted_and_not_used():
    found = parse(HEADER + BOX + "(assert (<= Y_0 3))(assert (or (and (>= Y_0 1)) (and (<= Y_0 (* 2 Y_0)))))")
    assert (found.outputs, found.unused) == (1, 2)
    assert found.note == "2 assertions about outputs are not used"
    assert parse(HEADER + BOX).note == ""


def test_a_quoted_symbol_is_the_symbol():
    box = parse((HEADER + BOX).replace("X_0", "|X_0|") + "(assert (<= |X_1| 2))").box
    assert (box.upper[0], box.upper[1]) == (rational(3, 2), 2)
    assert parse(f'(set-info :source |a (text;|)(set-info :status "(;")\n{HEADER}{BOX}').box.upper[1] == 7
    assert parse(f"{HEADER}{BOX}(assert (<= |Y_0| 2))").unused == 1


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("(<= x_0 -2.5)", "'x_0'"),
        ("(<= X_00 -2.5)", "'X_00'"),
        ("(<= |x 0| 1)", "'|x 0|'"),
        ("(<= |1| 2)", "'|1|'"),
        ("(|and| (<= Y_0 1))", "'|and|'"),
        ("(and (<= X_0 1) (<= x_1 1))", "(<= x_1 1): found the symbol 'x_1'"),
        ("(or (<= Y_0 1) (<= x_1 1))", "'x_1'"),
        ("(let ((y Y_0)) (<= y 1))", "'let'"),
        ("(and (<= Y_0 1) false)", "'false'"),
        ("false", "'false'"),
        ("true", "'true'"),
        ("(<= 1 0)", "(<= 1 0): found no variable"),
        ("()", "(): found no variable"),
        ("(<= |Y_1| 0)", "variable Y_1: used but not declared"),
        ("(<= |X_0 1)", "found | without another one"),
        ('(<= "X_0 1)', 'found " without another one'),
    ],
)
def test_no_assertion_is_left_out_that_may_be_about_inputs(statement, reason):
    fails(FormatError, 2, lambda: parse(f"{HEADER}{BOX}(assert {statement})"), reason)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (HEADER + "(assert (<= X_0 1))", "X_0: found no lower bound"),
        (HEADER + "(assert (>= X_0 0))", "X_0: found no upper bound"),
        (HEADER + BOX + "(assert (<= X_0 -7))", "-1/10 > -7"),
        (HEADER + "(assert (<= X_0 nan))", "expected a decimal"),
        (HEADER + "(assert (<= X_0 inf))", "expected a decimal"),
        (HEADER + "(assert (<= X_0 1.5f))", "expected a decimal"),
        (HEADER + "(assert (<= X_2 1))", "used but not declared"),
        (HEADER + "(declare-const X_0 Real)", "declared twice"),
        (HEADER + "(declare-const X_0 Int)", "expected declare-const"),
        (HEADER + "(declare-const Z_0 Real)", "expected X_i or Y_i"),
        (HEADER + "(declare-const X_99999999 Real)", "expected X_i or Y_i"),
        ("(declare-const X_1 Real)(assert (<= X_1 1))", "without gaps"),
        ("", "found 0 inputs"),
        (HEADER + "(push 1)", "expected declare-const or assert"),
        (HEADER + "(assert)", "expected declare-const or assert"),
        (HEADER + "(assert (<= X_0 1)", "expected ')'"),
        (HEADER + ")", "')' without '('"),
        (HEADER + "word", "outside of parentheses"),
        ("(" * 100_000, "inside each other"),
    ],
)
def test_what_breaks_the_grammar_is_bad_input(words, reason):
    fails(FormatError, 2, lambda: parse(words), reason)


@pytest.mark.parametrize(
    "statement",
    [
        "(or (<= X_0 0) (>= X_0 1))",
        "(<= (+ X_0 X_1) 1)",
        "(<= X_0 X_1)",
        "(<= X_0 Y_0)",
        "(< X_0 1)",
        "(= X_0 1)",
        "(not (<= X_0 1))",
        "(<= X_0 1 2)",
        "X_0",
    ],
)
def test_other_constraints_on_inputs_are_unsupported(statement):
    fails(UnsupportedLayer, 4, lambda: parse(f"{HEADER}{BOX}(assert {statement})"), "found the constraint")


def test_files_may_be_packed_and_are_bounded(tmp_path):
    plain, packed = tmp_path / "p.vnnlib", tmp_path / "p.vnnlib.gz"
    plain.write_text(HEADER + BOX)
    packed.write_bytes(gzip.compress((HEADER + BOX).encode()))
    assert read_box(plain).box.lower == read_box(packed).box.lower
    packed.write_bytes(gzip.compress(b" " * 100_000))
    fails(FormatError, 2, lambda: read_box(packed, 1000), "p.vnnlib.gz", "unpacks to more than 1000 bytes")
    fails(FormatError, 2, lambda: read_box(plain, 10), "expected at most 10")
    plain.write_bytes(b"\xff\xfe")
    fails(FormatError, 2, lambda: read_box(plain), "UTF-8")
    fails(FormatError, 2, lambda: read_box(tmp_path / "none.vnnlib"), "none.vnnlib")


@pytest.mark.real
@pytest.mark.parametrize("number", range(1, 11))
def test_acas_properties(number):
    path = DATA / "acasxu" / "vnnlib" / f"prop_{number}.vnnlib"
    if not path.exists():
        pytest.skip(f"no real properties in {DATA}")
    if number == 6:
        fails(UnsupportedLayer, 4, lambda: read_box(path), "found the constraint")
        return
    found = read_box(path)
    assert len(found.box.lower) == found.outputs == 5
    assert found.unused > 0
    if number == 1:
        assert found.box.lower[0] == decimal("0.6")


@pytest.mark.real
def test_an_image_property():
    path = DATA / "mnist_fc" / "prop_0_0.03.vnnlib"
    if not path.exists():
        pytest.skip(f"no real properties in {DATA}")
    assert len(read_box(path).box.lower) == 784
