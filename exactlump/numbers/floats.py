# SPDX-License-Identifier: Apache-2.0
"""This file is about floats as exact numbers: which rationals a float type holds, and how sums of floats make more.

A float of a type with `digits` significant bits is n * 2^e with |n| < 2^digits and e >= grid, below 2^top in
magnitude; subnormal numbers are the ones with e = grid and few bits.  NaN, infinities and the sign of zero are
not numbers.  NumPy has no bfloat16: its values are kept in arrays of float32.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exactlump.errors import CannotWrite
from exactlump.numbers.matrix import Matrix
from exactlump.numbers.rational import ONE, ZERO, Rational, floor_log2, fraction, power_of_two, primitive, text

# type: (digits, grid, top), IEEE 754-2019 table 3.5; bfloat16 is float32 with 8 digits.
_TYPES = {
    "float16": (11, -24, 16),
    "bfloat16": (8, -133, 128),
    "float32": (24, -149, 128),
    "float64": (53, -1074, 1024),
}
FLOAT_TYPES = tuple(_TYPES)
# The largest factor that the numbers of a quantised row may have in common: of 8 bits with a zero point, 255.
_MOST_PARTS = 256


def fits(value: Rational, dtype: str) -> bool:
    """Whether the rational is a finite float of that type.

    >>> from exactlump.numbers.rational import rational
    >>> fits(rational(1, 1024), "float16"), fits(rational(2049), "float16"), fits(rational(1, 3), "float64")
    (True, False, False)
    """
    digits, grid, top = _TYPES[dtype]
    p, q = fraction(value)
    if q & (q - 1):
        return False
    exponent = 1 - q.bit_length()
    if p.bit_length() + exponent > top or exponent < grid:
        return False
    return p.bit_length() <= digits or ((p & -p).bit_length() - 1 + digits >= p.bit_length())


def nearest(value: Rational, dtype: str) -> Rational:
    """The float of that type nearest to the rational: ties to even, gradual underflow.

    Raises OverflowError where IEEE 754 rounds to an infinity.

    >>> from exactlump.numbers.rational import rational
    >>> nearest(rational(2049), "float16") == 2048
    True
    """
    if not value:
        return ZERO
    digits, grid, top = _TYPES[dtype]
    step = max(floor_log2(value) - digits + 1, grid)
    p, q = fraction(value)
    n = _divide(p << max(-step, 0), q << max(step, 0))
    if n.bit_length() + step > top:
        raise OverflowError(f"{dtype}: the number is too large")
    return n * power_of_two(step)


def nearest_root(square: Rational, dtype: str) -> Rational:
    """The normal float of that type nearest to the square root of a rational that is not negative: ties to even.

    Raises OverflowError where it is no normal number (and not 0).

    >>> from exactlump.numbers.rational import rational
    >>> nearest_root(rational(9, 4), "float32") == rational(3, 2)
    True
    """
    if not square:
        return ZERO
    digits, grid, top = _TYPES[dtype]
    step = (floor_log2(square) >> 1) - digits + 1
    p, q = fraction(square / power_of_two(2 * step))
    n = math.isqrt(p // q)
    middle = (2 * n + 1) ** 2 * q
    n += 4 * p > middle or (4 * p == middle and n % 2 == 1)
    if step < grid or n.bit_length() + step > top:
        raise OverflowError(f"{dtype}: the root is no normal number")
    return n * power_of_two(step)


def _divide(p: int, q: int) -> int:
    """The integer nearest to p/q, ties to even; q > 0."""
    floor, rest = divmod(p, q)
    return floor + (2 * rest > q or (2 * rest == q and floor % 2 == 1))


def pieces(value: Rational, dtype: str) -> tuple[Rational, ...] | None:
    """Floats of that type whose exact sum is the rational, each the nearest to what is left (paper-to-code.md, T10).

    None when there are none: the number is not dyadic, not on the type's grid, or too large.  Zero is the empty sum.

    >>> from exactlump.numbers.rational import rational
    >>> pieces(rational(2049), "float16") == (2048, 1)
    True
    """
    if fits(value, dtype):
        return (value,) if value else ()
    _, grid, _ = _TYPES[dtype]
    _, q = fraction(value)
    if q & (q - 1) or 1 - q.bit_length() < grid:
        return None
    found: list[Rational] = []
    try:
        while value:
            found.append(nearest(value, dtype))
            value -= found[-1]
    except OverflowError:
        return None
    return tuple(found)


def array(values: Sequence[Rational], dtype: str) -> NDArray[Any]:
    """The rationals as a 1-D array of that type, exactly; CannotWrite names the first that does not fit."""
    floats = [_exact(value, dtype, f"entry {i}") for i, value in enumerate(values)]
    return np.array(floats, np.float64).astype(storage(dtype))


def matrix(values: Matrix, dtype: str) -> NDArray[Any]:
    """The matrix as a 2-D array of that type, exactly, and without a copy where it is one already; CannotWrite."""
    if values.floats is not None:
        return _converted(values.floats, dtype)
    dense = np.zeros(values.shape, np.float64)
    for v in range(values.shape[0]):
        for u, w in values.row(v).items():
            dense[v, u] = _exact(w, dtype, f"entry [{v}, {u}]")
    return dense.astype(storage(dtype))


def storage(dtype: str) -> np.dtype[Any]:
    """The NumPy type that holds the values of a float type."""
    return np.dtype("float32" if dtype == "bfloat16" else dtype)


def _exact(value: Rational, dtype: str, place: str) -> float:
    if not fits(value, dtype):
        raise CannotWrite(f"{place}: {text(value)[:60]} is no {dtype} number")
    p, q = fraction(value)
    return p / q


def _converted(floats: NDArray[Any], dtype: str) -> NDArray[Any]:
    with np.errstate(over="ignore", under="ignore"):
        result = floats.astype(storage(dtype), copy=False)
    if dtype == "bfloat16":
        result = (np.ascontiguousarray(result).view(np.uint32) & np.uint32(0xFFFF0000)).view(np.float32)
    if result is floats:
        return result
    wrong = result != floats
    if wrong.any():
        index = [int(i) for i in np.argwhere(wrong)[0]]
        raise CannotWrite(f"entry {index}: {float(floats[tuple(index)])!r} is no {dtype} number")
    return result


def step(values: Sequence[Rational], dtype: str) -> Rational | None:
    """A float of which all values are multiples by integers of 31 bits, as of quantised weights; None if there is none.

    >>> from exactlump.numbers.rational import rational
    >>> step([rational(3, 1 << 30), rational(1 << 25, 3)], "float32") is None
    True
    """
    integers, content = primitive(values) if values else ([0], ONE)
    most = max(map(abs, integers), default=0)
    candidates = (k for k in range(1, _MOST_PARTS) if fits(content / k, dtype) and most * k < 1 << 31)
    return next((content / k for k in candidates), None)
