# SPDX-License-Identifier: Apache-2.0
"""This file is about exact numbers: they are Fractions under other names."""

import math
import os
import subprocess
import sys
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

from exactlump.errors import FormatError, ShapeError
from exactlump.numbers.matrix import Matrix
from exactlump.numbers.rational import (
    ONE,
    QQ,
    ZERO,
    decimal,
    decimal_text,
    floor_log2,
    fraction,
    is_simple,
    parse,
    power_of_two,
    primitive,
    rational,
    text,
)

FRACTIONS = st.fractions(max_denominator=10**6) | st.builds(Fraction, st.integers(), st.integers(1, 2**80))


def exact(value):
    return Fraction(*fraction(value))


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_is_the_number_it_is(x):
    assert exact(rational(x)) == Fraction(x)


@given(FRACTIONS)
def test_numbers_of_other_types_are_what_they_are(q):
    assert exact(rational(q)) == q
    p = q.numerator % 2**15
    assert rational(np.int16(p)) == rational(Decimal(p)) == p
    assert rational(np.float32(p / 256)) == rational(np.float16(p % 1024 / 256)) + (p - p % 1024) / rational(256)


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (1j, TypeError),
        (None, TypeError),
        ([1], TypeError),
        (float("nan"), ValueError),
        (np.float32("inf"), OverflowError),
    ],
)
def test_what_is_no_rational_is_refused(value, error):
    with pytest.raises(error):
        rational(value)


@given(FRACTIONS)
def test_text_and_parse_are_inverse(q):
    assert exact(parse(str(q))) == q
    assert text(parse(str(q))) == str(q)


@pytest.mark.parametrize(
    "word", ["", "-", "+1", "01", "-0", "2/4", "1/0", "1/-2", "1/1", "0/5", "1.5", "1e3", " 1", "1\n", "\u0661"]
)
def test_other_texts_are_refused(word):
    with pytest.raises(FormatError):
        parse(word)


def test_texts_may_be_longer_than_pythons_limit_on_digits():
    assert parse("1" + "0" * 9000) == rational(10) ** 9000
    assert parse("-3/1" + "0" * 9000) == rational(-3) / rational(10) ** 9000


@given(st.decimals(allow_nan=False, allow_infinity=False, places=8))
def test_decimals_are_exact(d):
    assert exact(decimal(str(d))) == Fraction(d)


@pytest.mark.parametrize("word", ["nan", "inf", "-inf", ".", "e5", "1e", "1e99999", "0x1", "1_000", ""])
def test_other_decimals_are_refused(word):
    with pytest.raises(FormatError):
        decimal(word)


@given(st.integers(), st.integers(0, 12), st.integers(0, 12))
def test_a_terminating_decimal_is_written_and_read(n, twos, fives):
    value = rational(n, 2**twos * 5**fives)
    assert decimal(decimal_text(value)) == value


@given(FRACTIONS)
def test_only_terminating_decimals_are_written(q):
    rest = q.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    assert (decimal_text(rational(q.numerator, q.denominator)) is None) == (rest != 1)


@given(FRACTIONS)
def test_simple_ratios_are_integers_and_powers_of_two(q):
    power = q and math.log2(abs(q.numerator)).is_integer() and q.denominator & (q.denominator - 1) == 0
    expected = q.denominator == 1 or (power and 1 in (abs(q.numerator), q.denominator))
    assert is_simple(rational(q.numerator, q.denominator)) == bool(expected)


@given(st.lists(FRACTIONS, max_size=5))
def test_primitive_rows_are_coprime_integers_times_the_content(values):
    integers, content = primitive([rational(q.numerator, q.denominator) for q in values])
    assert [exact(content) * n for n in integers] == values
    assert math.gcd(*integers) == (1 if any(values) else 0)
    assert content > 0


@given(FRACTIONS.filter(bool))
def test_floor_log2_is_the_binary_exponent(q):
    e = floor_log2(rational(q.numerator, q.denominator))
    assert exact(power_of_two(e)) <= abs(q) < exact(power_of_two(e + 1))


@given(
    st.lists(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=2, max_size=2), max_size=3)
)
def test_a_matrix_of_floats_has_their_values(rows):
    matrix = Matrix.from_floats(np.array(rows, np.float32).reshape(len(rows), 2))
    for v, row in enumerate(rows):
        assert [exact(matrix.entry(v, u)) for u in range(2)] == [Fraction(w) for w in row]
        assert {u: exact(w) for u, w in matrix.row(v).items()} == {u: Fraction(w) for u, w in enumerate(row) if w}
    assert matrix.nonzeros == sum(w != 0 for row in rows for w in row)
    assert matrix == Matrix.from_rows([matrix.row(v) for v in range(len(rows))], 2)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("nonzeros", [0, 1, 300, 40_000])
def test_large_matrices_have_the_same_rows_however_many_entries_are_zero(order, nonzeros):
    random = np.random.default_rng(nonzeros)
    array = np.zeros((200, 250), np.float32, order=order)
    array[random.integers(0, 200, nonzeros), random.integers(0, 250, nonzeros)] = random.integers(-2, 3, nonzeros)
    matrix = Matrix.from_floats(array)
    for v, row in enumerate(array.tolist()):
        assert list(matrix.row(v).items()) == [(u, rational(w)) for u, w in enumerate(row) if w]


@given(st.lists(st.tuples(FRACTIONS, FRACTIONS), min_size=1, max_size=3), st.tuples(st.integers(), st.integers()))
def test_products_are_exact(rows, x):
    sparse = [{u: rational(q.numerator, q.denominator) for u, q in enumerate(row)} for row in rows]
    tops, bottoms = Matrix.from_rows(sparse, 2).times(x)
    expected = [row[0] * x[0] + row[1] * x[1] for row in rows]
    assert [Fraction(int(t), int(d)) for t, d in zip(tops, bottoms, strict=True)] == expected


def test_matrices_refuse_wrong_shapes():
    with pytest.raises(ShapeError):
        Matrix.from_rows([{2: rational(1)}], 2)
    with pytest.raises(ShapeError):
        Matrix.from_floats(np.zeros(3))


def test_matrices_of_other_shapes_or_entries_differ():
    one = Matrix.from_rows([{0: rational(1)}], 2)
    assert one != Matrix.from_rows([{0: rational(1)}], 3)
    assert one != Matrix.from_rows([{1: rational(1)}], 2)
    assert one != "matrix"


# SymPy's field QQ


@given(FRACTIONS, FRACTIONS)
def test_numbers_are_elements_of_the_field_of_sympy(x, y):
    """Though SymPy is not asked: the same type, the same values, the same hashes, also of what is computed."""
    ours, theirs = ([field(q.numerator, q.denominator) for q in (x, y)] for field in (QQ, sympy.QQ))
    assert {*map(type, (*ours, *theirs, ZERO, ONE))} == {type(sympy.QQ.one)}
    assert ours == theirs
    assert [*map(hash, ours)] == [*map(hash, theirs)]
    assert type(ours[0] * theirs[1] - theirs[0]) is type(sympy.QQ.one)
    assert sympy.QQ.from_sympy(sympy.Rational(x.numerator, x.denominator)) == ours[0]
    assert rational(sympy.Rational(x.numerator, x.denominator)) == ours[0]


GROUND = """
import sys
from exactlump.lumping.maximum import maximum_lumping
from exactlump.numbers.rational import ONE, rational
from exactlump.points.affine import Row
from exactlump.relaxations.dependencies import exact_circuit
from tests.strategies import relu_chain

early = "sympy" in sys.modules
network = relu_chain(([[1, 2], [2, 4], [1, 0]], [1, 2, 0]), ([["1/3", 1, 5]], [0]))
lumping = maximum_lumping(network)
weights = [{0: rational(1)}, {1: rational(2)}, {0: rational(1, 3), 1: rational(4)}]
circuit = exact_circuit([Row(row, rational(0)) for row in weights], [0, 1, 2])
from sympy import QQ
assert {type(c) for c in (ONE, *circuit.coefficients, *lumping.rho["h1"])} == {type(QQ(1))}, (type(ONE), type(QQ(1)))
first, second, _ = circuit.coefficients
print(early, type(ONE).__name__, lumping.classes["h1"], first / second == rational(2, 12))
"""


@pytest.mark.parametrize(("ground", "early"), [("auto", False), ("flint", False), ("python", True)])
def test_any_ground_type_of_sympy_will_do(ground, early):
    environment = {**os.environ, "SYMPY_GROUND_TYPES": ground, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run([sys.executable, "-c", GROUND], env=environment, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    kind = "PythonMPQ" if early else "fmpq"
    assert done.stdout == f"{early} {kind} ((0, 1), (2,)) True\n"
