# SPDX-License-Identifier: Apache-2.0
"""This file is about floats.py: which rationals float types hold, compared with NumPy, bit by bit."""

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exactlump.errors import CannotWrite
from exactlump.numbers import floats
from exactlump.numbers.matrix import Matrix
from exactlump.numbers.rational import fraction, power_of_two, rational

TYPES = sorted(floats.FLOAT_TYPES)
NUMPY = ["float16", "float32", "float64"]


def exactly(value):
    """The rational of a Fraction."""
    return rational(value.numerator, value.denominator)


def dyadic():
    """Numbers n * 2^e around all the edges of all types."""
    return st.builds(
        lambda n, e: exactly(Fraction(n) * Fraction(2) ** e), st.integers(-(2**60), 2**60), st.integers(-1100, 1000)
    )


def finite(dtype):
    """Finite values of a type; those of bfloat16 as float32."""
    if dtype == "bfloat16":
        bits = st.integers(0, 2**16 - 1).map(lambda b: np.array([b << 16], np.uint32).view(np.float32)[0])
        return bits.filter(np.isfinite)
    width = int(dtype[5:])
    return st.floats(allow_nan=False, allow_infinity=False, width=width).map(np.dtype(dtype).type)


@pytest.mark.parametrize("dtype", TYPES)
def test_every_float_fits_its_own_type_and_is_its_own_nearest_and_only_piece(dtype):
    @given(finite(dtype))
    def holds(x):
        value = rational(float(x))
        assert floats.fits(value, dtype)
        assert floats.nearest(value, dtype) == value
        assert floats.pieces(value, dtype) == ((value,) if value else ())
        assert floats.array([value], dtype)[0] == x

    holds()


@pytest.mark.parametrize("dtype", NUMPY)
def test_nearest_and_fits_agree_with_numpy_on_every_dyadic_double(dtype):
    """NumPy rounds double to a smaller type once, ties to even, with gradual underflow."""

    @given(st.one_of(finite("float64"), finite("float32").map(np.float64), finite("float16").map(np.float64)))
    def holds(x):
        value = rational(float(x))
        with np.errstate(all="ignore"):
            rounded = float(np.dtype(dtype).type(x))
        assert floats.fits(value, dtype) == (rounded == x)
        if np.isfinite(rounded):
            assert floats.nearest(value, dtype) == rational(rounded)
        else:
            with pytest.raises(OverflowError):
                floats.nearest(value, dtype)

    holds()


@given(st.fractions())
def test_nearest_double_is_the_correctly_rounded_quotient(value):
    assert floats.nearest(exactly(value), "float64") == rational(value.numerator / value.denominator)


@pytest.mark.parametrize("dtype", TYPES)
def test_ties_go_to_the_even_neighbour(dtype):
    digits = {"float16": 11, "bfloat16": 8, "float32": 24, "float64": 53}[dtype]
    unit = 2**digits
    assert floats.nearest(rational(unit + 1), dtype) == unit
    assert floats.nearest(rational(unit + 3), dtype) == unit + 4
    assert floats.nearest(rational(-unit - 1), dtype) == -unit
    assert not floats.fits(rational(unit + 1), dtype)
    assert floats.fits(rational(unit + 2), dtype)


@pytest.mark.parametrize(
    ("dtype", "grid", "top"), [("float16", -24, 16), ("bfloat16", -133, 128), ("float32", -149, 128)]
)
def test_the_edges_of_the_range(dtype, grid, top):
    least = power_of_two(grid)
    assert floats.fits(least, dtype)
    assert not floats.fits(least / 2, dtype)
    assert floats.nearest(least / 2, dtype) == 0
    assert floats.nearest(least * 3 / 4, dtype) == least
    assert floats.pieces(least * 3 / 2, dtype) is None
    assert floats.pieces(power_of_two(top), dtype) is None
    assert floats.pieces(rational(1, 3), dtype) is None
    assert not floats.fits(power_of_two(top), dtype)
    assert floats.fits(power_of_two(top - 1), dtype)


@pytest.mark.parametrize("dtype", TYPES)
def test_pieces_add_up_shrink_and_fit(dtype):
    @given(dyadic())
    def holds(value):
        parts = floats.pieces(value, dtype)
        grid, top = {"float16": (-24, 16), "bfloat16": (-133, 128), "float32": (-149, 128), "float64": (-1074, 1024)}[
            dtype
        ]
        if parts is None:
            size = abs(Fraction(*fraction(value)))
            assert (size / Fraction(2) ** grid).denominator != 1 or size >= Fraction(2) ** (top - 1)
            return
        assert sum(parts, rational(0)) == value
        assert all(part and floats.fits(part, dtype) for part in parts)
        assert all(abs(b) * 2 <= abs(a) for a, b in pairwise(parts))

    holds()


@pytest.mark.parametrize("dtype", TYPES)
def test_arrays_convert_exactly_or_name_the_entry(dtype):
    one = [rational(1), rational(-3, 2), rational(0)]
    found = floats.array(one, dtype)
    assert found.dtype == floats.storage(dtype)
    assert found.tolist() == [1.0, -1.5, 0.0]
    with pytest.raises(CannotWrite, match="entry 1: 1/3 is no"):
        floats.array([rational(1), rational(1, 3)], dtype)
    with pytest.raises(CannotWrite, match=r"entry \[1, 2\]: 1/3 is no"):
        floats.matrix(Matrix.from_rows([{0: rational(1)}, {2: rational(1, 3)}], 3), dtype)
    dense = floats.matrix(Matrix.from_rows([{0: rational(1)}, {2: rational(1, 4)}], 3), dtype)
    assert dense.tolist() == [[1, 0, 0], [0, 0, 0.25]]


@pytest.mark.parametrize("dtype", TYPES)
def test_float_matrices_convert_exactly_or_name_the_entry(dtype):
    values = np.array([[1.5, -0.0], [2.0**-14, 3.0]])
    found = floats.matrix(Matrix.from_floats(values), dtype)
    assert found.dtype == floats.storage(dtype)
    assert (found == values).all()
    assert np.signbit(found[0, 1])
    wrong = np.array([[1.0, 2.0], [1.0, 2.0**-1074]])
    if dtype != "float64":
        with pytest.raises(CannotWrite, match=r"entry \[1, 1\]: 5e-324 is no"):
            floats.matrix(Matrix.from_floats(wrong), dtype)
        with pytest.raises(CannotWrite, match=r"entry \[0, 0\]: 1e\+300 is no"):
            floats.matrix(Matrix.from_floats(np.array([[1e300]])), dtype)


def test_matrices_of_the_right_type_are_not_copied():
    values = np.ones((3, 4), np.float32).T
    assert floats.matrix(Matrix.from_floats(values), "float32") is values
