# SPDX-License-Identifier: Apache-2.0
"""This file is about exact numbers: the one door between floats and rationals, and matrices that keep both.

Numbers are elements of SymPy's field QQ.  Its ground type is python-flint's `fmpq` when that package is
installed, which it is by default; docs/architecture.md says why.  Equality is `==`, never a tolerance.
SymPy takes longer to import than most networks take to read, so `fmpq` is taken from python-flint itself.
"""

import math
import os
import re
from collections.abc import Iterable
from typing import Any, TypeAlias

from exactlump.errors import FormatError, WrongType

# An element of SymPy's QQ.  SymPy ships no type hints and its ground type varies, hence Any.
Rational: TypeAlias = Any
Vector: TypeAlias = tuple[Rational, ...]
SparseRow: TypeAlias = dict[int, Rational]


def _field() -> Any:
    """What makes an element of SymPy's QQ of two integers; SYMPY_GROUND_TYPES has the meaning that SymPy gives it."""
    if os.environ.get("SYMPY_GROUND_TYPES", "auto").lower() in ("auto", "flint"):
        try:
            from flint import fmpq
        except ImportError:
            pass
        else:
            return fmpq
    from sympy import QQ

    return QQ


QQ: Any = _field()
ZERO: Rational = QQ(0)
ONE: Rational = QQ(1)

_TEXT = re.compile(r"-?(0|[1-9][0-9]*)(/[1-9][0-9]*)?")


def rational(value: Any, denominator: int = 1) -> Rational:
    """The exact value of an integer, a finite float, the text `p/q` or a rational, divided by `denominator`.

    Numbers of NumPy and SymPy, `Fraction` and `Decimal` are taken too.  Raises TypeError for what is no number,
    FormatError for other texts, ValueError and OverflowError for what is not finite.

    >>> rational(0.5) == rational("1/2") == rational(1, 2) == rational(rational(1, 2))
    True
    """
    if isinstance(value, str):
        return parse(value) / denominator
    if isinstance(value, type(ONE)):
        return value if denominator == 1 else value / denominator
    if hasattr(value, "as_integer_ratio"):
        p, q = value.as_integer_ratio()
        return QQ(int(p), int(q) * denominator)
    if not hasattr(value, "numerator"):
        raise TypeError(f"found a value of type {type(value).__name__}, expected a number")
    return QQ(int(value.numerator), int(value.denominator) * denominator)


def flat(values: Any) -> list[Any]:
    """The numbers of an array, a tensor or a nested list, in row-major order, as they are; of a number itself.

    >>> flat([[1, 2], [3]]), flat(0.5)
    ([1, 2, 3], [0.5])
    """
    if hasattr(values, "tolist"):
        values = values.tolist()
    if isinstance(values, list | tuple):
        return [number for entry in values for number in flat(entry)]
    return [values]


def vector(values: Any) -> Vector:
    """The exact numbers of an array, a tensor or a nested list, in row-major order.

    Raises WrongType for what is no number, FormatError for texts that are none and for what is not finite.
    """
    try:
        return tuple(map(rational, flat(values)))
    except TypeError as error:
        raise WrongType(str(error)) from error
    except (ValueError, OverflowError) as error:
        if isinstance(error, FormatError):
            raise
        raise FormatError(f"{error}, expected finite numbers") from error


def is_exact(values: Any) -> bool:
    """Whether something is a vector of rationals already."""
    kind = type(ONE)
    return isinstance(values, tuple) and all(type(value) is kind for value in values)


def fraction(value: Rational) -> tuple[int, int]:
    """Numerator and positive denominator in lowest terms, as Python integers (which hash fast)."""
    return int(value.numerator), int(value.denominator)


def text(value: Rational) -> str:
    """The canonical text of a rational: `-7/3`, or `5` when the denominator is 1.

    >>> text(rational(-14, 6)), text(rational(5))
    ('-7/3', '5')
    """
    p, q = fraction(value)
    return _digits(p) if q == 1 else f"{_digits(p)}/{_digits(q)}"


def _digits(n: int) -> str:
    """str(n) without CPython's limit of 4,300 digits."""
    if n.bit_length() <= 13_000:
        return str(n)
    half = n.bit_length() * 3 // 20
    high, low = divmod(abs(n), 10**half)
    return ("-" if n < 0 else "") + _digits(high) + _digits(low).rjust(half, "0")


def parse(word: str) -> Rational:
    """The rational that the canonical text names; FormatError for anything else, `2/4` and `-0` included."""
    if not _TEXT.fullmatch(word) or len(word) > 100_000:
        raise FormatError(f"number {word[:40]!r}: expected an integer or p/q in lowest terms")
    p, _, q = word.partition("/")
    value = QQ(_big(p), _big(q) if q else 1)
    if text(value) != word:
        raise FormatError(f"number {word[:40]!r}: expected lowest terms, {text(value)[:40]!r}")
    return value


def _big(digits: str) -> int:
    """int(digits) without CPython's limit of 4,300 digits."""
    if len(digits) <= 4000:
        return int(digits)
    half = len(digits) // 2
    sign = -1 if digits.startswith("-") else 1
    shift: int = 10**half
    return _big(digits[:-half]) * shift + sign * _big(digits[-half:])


def decimal(word: str) -> Rational:
    """The exact value of a decimal such as `-1.25e-3`; FormatError for anything else, `nan` and `inf` included."""
    match = re.fullmatch(r"([+-]?)([0-9]*)\.?([0-9]*)(?:[eE]([+-]?[0-9]{1,4}))?", word)
    if not match or not (match[2] or match[3]) or len(word) > 4000:
        raise FormatError(f"number {word[:40]!r}: expected a decimal")
    digits, exponent = int(match[2] + match[3]), int(match[4] or 0) - len(match[3])
    value = QQ(digits * 10**exponent) if exponent >= 0 else QQ(digits, 10**-exponent)
    return -value if match[1] == "-" else value


def decimal_text(value: Rational) -> str | None:
    """The shortest plain decimal equal to `value`, or None when the expansion does not terminate.

    >>> decimal_text(rational(-1, 8)), decimal_text(rational(1, 3))
    ('-0.125', None)
    """
    p, q = fraction(value)
    twos = (q & -q).bit_length() - 1
    fives, rest = 0, q >> twos
    while rest % 5 == 0:
        fives, rest = fives + 1, rest // 5
    if rest != 1:
        return None
    places = max(twos, fives)
    digits = _digits(abs(p) * 10**places // q).rjust(places + 1, "0")
    sign = "-" if p < 0 else ""
    return sign + (f"{digits[:-places]}.{digits[-places:]}" if places else digits)


def is_simple(ratio: Rational) -> bool:
    """Whether |ratio| is an integer or a power of two: the ratios for which an original neuron represents its class."""
    p, q = fraction(abs(ratio))
    return q == 1 or (p == 1 and q & (q - 1) == 0)


def over_common(values: Iterable[Rational]) -> tuple[list[int], int]:
    """Rationals as integers over their least common denominator.

    >>> over_common([rational(1, 2), rational(-2, 3)])
    ([3, -4], 6)
    """
    pairs = [fraction(value) for value in values]
    denominator = math.lcm(*(q for _, q in pairs))
    return [p * (denominator // q) for p, q in pairs], denominator


def primitive(values: Iterable[Rational]) -> tuple[list[int], Rational]:
    """Coprime integers p and a positive content g with values == g * p; ([0, ...], 1) for zeros.

    >>> primitive([rational(3, 4), rational(-9, 2)]) == ([1, -6], rational(3, 4))
    True
    """
    integers, denominator = over_common(values)
    divisor = math.gcd(*integers)
    if divisor == 0:
        return integers, ONE
    return [n // divisor for n in integers], QQ(divisor, denominator)


def floor_log2(value: Rational) -> int:
    """The binary exponent e of a non-zero rational: 2^e <= |value| < 2^(e+1)."""
    p, q = fraction(abs(value))
    exponent = p.bit_length() - q.bit_length()
    return exponent if p << max(-exponent, 0) >= q << max(exponent, 0) else exponent - 1


def power_of_two(exponent: int) -> Rational:
    """2^exponent, exactly."""
    return QQ(1 << exponent) if exponent >= 0 else QQ(1, 1 << -exponent)
