# SPDX-License-Identifier: Apache-2.0
"""This file is about solutions of queries: how they are printed, and how exact ones become solutions in floats."""

import random
from decimal import Context, Decimal
from fractions import Fraction

import numpy as np
import pytest

from exactlump.errors import CannotWrite, ShapeError
from exactlump.numbers.rational import ONE, ZERO, fraction, rational
from exactlump.queries import assignment_text, combined, float_solution, read_query
from exactlump.queries.assignments import value_text
from exactlump.queries.choosing import proposals
from tests.query_tools import exact
from tests.tools import fails

TWO = (
    "(vnnlib-version <2.0>)"
    "(declare-network f (declare-input A float32 [2,2]) (declare-input B int8 []) (declare-output Y float64 [1]))"
    "(declare-network g (declare-input C bfloat16 [1,1]) (declare-output Z float16 [2]))"
    "(assert (<= A[0,0] 1.0))"
)
REAL = "(vnnlib-version <2.0>)(declare-network f (declare-input X real [2]) (declare-output Y real [1]))"


def test_values_are_printed_in_the_order_of_declaration():
    query = read_query(TWO)
    values = [rational(x) for x in (0.5, float(np.float32(0.1)), -1, 0, -128, 1e-300, 3.140625, 65504, 0)]
    assert assignment_text(query, values) == (
        "A float32 [2,2]\n0.5\n0.1\n-1.0\n0.0\nB int8 []\n-128\nY float64 [1]\n1e-300\n"
        "C bfloat16 [1,1]\n3.14\nZ float16 [2]\n65500.0\n0.0\n"
    )


def test_real_values_are_finite_decimals():
    query = read_query(REAL + "(assert (<= X[0] 1.0))")
    values = (rational(1, 8), rational(-3), rational(1, 2**70))
    small = f"{Context(prec=99).power(Decimal(2), -70):f}"
    assert assignment_text(query, values) == f"X real [2]\n0.125\n-3\nY real [1]\n{small}\n"
    fails(CannotWrite, 2, lambda: assignment_text(query, (ONE, rational(1, 3), ONE)), "X[1]: found 1/3", "type real")
    long = rational(1, 2**5000)
    fails(CannotWrite, 2, lambda: assignment_text(query, (ONE, ONE, long)), "Y[0]: found 1/", "type real")
    fails(ShapeError, 2, lambda: assignment_text(query, (ONE, ONE)), "found 2, expected 3")


@pytest.mark.parametrize(
    ("value", "element_type"),
    [
        (rational(1, 3), "float32"),
        (rational(2**24 + 1), "float32"),
        (rational(2**128), "float32"),
        (rational(1, 2**150), "float32"),
        (rational(2049), "float16"),
        (rational(257), "bfloat16"),
        (rational(128), "int8"),
        (rational(-1), "uint8"),
        (rational(1, 2), "int64"),
        (ONE, "float8e5m2"),
        (ONE, "float4e2m1"),
    ],
)
def test_what_a_type_does_not_have_is_not_printed(value, element_type):
    assert value_text(value, element_type) is None


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_a_float_is_printed_as_shortly_as_numpy_prints_it_and_reads_as_itself(dtype):
    rng = np.random.default_rng(10)
    bits = {"float16": np.uint16, "float32": np.uint32, "float64": np.uint64}[dtype]
    floats = rng.integers(0, np.iinfo(bits).max, 400, dtype=bits, endpoint=True).view(dtype)
    for x in floats[np.isfinite(floats)]:
        word = value_text(rational(float(x)), dtype)
        assert np.dtype(dtype).type(word) == x
        digits = len(Decimal(word).normalize().as_tuple().digits)
        assert digits <= len(Decimal(np.format_float_scientific(x, unique=True)).normalize().as_tuple().digits)


def outputs_of(query, inputs):
    """The sum of the inputs, as a network may compute it."""
    return (sum(inputs, ZERO),)


def test_a_solution_in_floats_satisfies_the_query_exactly():
    words = "(assert (and (>= X[0] 0.1) (<= X[0] 0.2) (<= X[1] 0.3) (>= X[1] 0.3) (>= Y[0] 0.35)))"
    query = read_query(REAL + words.replace(" (>= X[1] 0.3)", " (> X[1] 0.2)"))
    solution = (rational(1, 10), rational(3, 10), rational(4, 10))
    assert query.holds(solution)
    found = float_solution(query, solution, lambda inputs: outputs_of(query, inputs))
    assert found is not None
    assert query.holds(found)
    assert found[2] == found[0] + found[1]
    assert all(Fraction(float(np.float32(float(exact(x))))) == exact(x) for x in found[:2])
    assert abs(found[0] - solution[0]) < rational(1, 10**7)
    flat = read_query(REAL + words)
    assert float_solution(flat, solution, lambda inputs: outputs_of(flat, inputs)) is None


def test_equal_inputs_of_two_networks_stay_equal():
    query = read_query(
        REAL
        + "(declare-network g (declare-input U real [2]) (declare-output W real [1]))"
        + "(assert (and (== X[0] U[0]) (== X[1] U[1]) (>= X[0] 0.1) (<= X[1] 0.7) (> Y[0] W[0])))"
    )
    solution = tuple(map(rational, ("1/10", "7/10", "1", "1/10", "7/10", "0")))
    assert query.holds(solution)
    found = float_solution(query, solution, lambda _: (ONE, ZERO))
    assert found is not None
    assert found[:2] == found[3:5]
    assert query.holds(found)


def test_values_of_one_number_may_have_to_part():
    query = read_query(REAL + "(assert (and (>= X[0] 0.1) (<= X[1] 0.1) (>= X[1] 0.0)))")
    found = float_solution(query, (rational(1, 10), rational(1, 10), ZERO), lambda _: (ZERO,))
    assert found is not None
    assert found[0] > rational(1, 10) > found[1]


def test_all_above_or_all_below_is_tried_too():
    above = read_query(REAL + "(assert (>= (+ X[0] X[1]) 0.2))")
    below = read_query(REAL + "(assert (<= (+ X[0] X[1]) 0.2))")
    tenth = rational(1, 10)
    for query in (above, below):
        found = float_solution(query, (tenth, tenth, ZERO), lambda _: (ZERO,))
        assert found is not None
        assert query.holds(found)


def test_proposals_are_floats_of_the_type_and_near():
    rng = random.Random(11)
    query = read_query(REAL + "(assert (and (>= X[0] -9.0) (<= X[1] 9.0)))")
    for dtype in ("float16", "float32", "float64"):
        for _ in range(40):
            values = tuple(rational(rng.randint(-900, 900), rng.randint(1, 101)) for _ in range(3))
            found = list(proposals(query, values, dtype))
            assert 1 <= len(found) <= 5
            assert len(set(map(str, found))) == len(found)
            for inputs in found:
                for x, y in zip(inputs, values, strict=False):
                    near = np.dtype(dtype).type(int(fraction(y)[0]) / int(fraction(y)[1]))
                    around = {float(np.nextafter(near, sign)) for sign in (near, np.dtype(dtype).type(np.inf))}
                    around.add(float(np.nextafter(near, np.dtype(dtype).type(-np.inf))))
                    assert float(exact(x)) in around


def test_numbers_beyond_the_type_are_no_proposals():
    query = read_query(REAL + "(assert (<= X[0] 0.0))")
    assert list(proposals(query, (rational(-(10**6)), ZERO, ZERO), "float16")) == []
    most = rational(65519)
    found = list(proposals(query, (most, ZERO, ZERO), "float16"))
    assert found == [(rational(65504), ZERO)]


def test_values_are_put_together_in_their_order():
    query = read_query(TWO)
    inputs = [rational(k) for k in range(6)]
    found = combined(query, inputs, [rational(10), rational(11), rational(12)])
    assert found == tuple(map(rational, (0, 1, 2, 3, 4, 10, 5, 11, 12)))
    fails(ShapeError, 2, lambda: combined(query, inputs[1:], [ZERO] * 3), "inputs: found 5 values, expected 6")
    fails(ShapeError, 2, lambda: combined(query, inputs, [ZERO]), "outputs: found 1 values, expected 3")
    fails(ShapeError, 2, lambda: list(proposals(query, inputs, "float32")), "values: found 6, expected 9")
