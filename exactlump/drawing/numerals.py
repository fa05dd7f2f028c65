# SPDX-License-Identifier: Apache-2.0
"""This file is about numbers in pictures: short labels of rationals, and where they lie on an axis.

A label is exact, or begins with the sign for "about".  Places in a picture are floats; nothing is decided by them.
"""

from collections.abc import Sequence
from math import floor
from typing import TypeAlias

from exactlump.numbers.rational import Rational, decimal_text, fraction, rational, text

# What is taken for a number, exactly as it is.
Number: TypeAlias = int | float | str | Rational

MINUS, ABOUT = "\N{MINUS SIGN}", "\N{ALMOST EQUAL TO}"


def label(value: Number, most: int = 7) -> str:
    """A number in at most so many letters: as it is, as a decimal, or about, to as many digits as there is room for.

    >>> label(rational(-7, 3)), label(rational(1, 8)), label(rational(2, 1234567)), label(10**9)
    ('−7/3', '1/8', '≈1.6e−6', '≈1e9')
    """
    exact = rational(value)
    for words in (text(exact), decimal_text(exact)):
        if words is not None and len(words) <= most:
            return words.replace("-", MINUS)
    for digits in range(6, 0, -1):
        words = f"{ABOUT}{_scientific(exact, digits)}"
        if len(words) <= most:
            return words
    return f"{ABOUT}{_scientific(exact, 1)}"


def signed(value: Number, most: int = 7) -> str:
    """A label that shows the sign of positive numbers too.

    >>> signed(2), signed(-2), signed(rational(666666667, 10**9))
    ('+2', '−2', '≈+0.6667')
    """
    words = label(value, most)
    if rational(value) <= 0:
        return words
    return f"{ABOUT}+{words[1:]}" if words.startswith(ABOUT) else f"+{words}"


def _scientific(value: Rational, digits: int) -> str:
    """A decimal with so many digits, from the exact value; with an exponent where that is shorter."""
    p, q = fraction(abs(value))
    exponent = _exponent(p, q)
    scale = digits - 1 - exponent
    top, bottom = (p * 10**scale, q) if scale >= 0 else (p, q * 10**-scale)
    whole = (2 * top + bottom) // (2 * bottom)
    if whole == 10**digits:
        whole, exponent = whole // 10, exponent + 1
    figures = str(whole)
    mantissa = f"{figures[0]}.{figures[1:]}".rstrip("0").rstrip(".")
    with_exponent = f"{mantissa}e{exponent}"
    if 0 <= exponent < digits:
        plain = f"{figures[: exponent + 1]}.{figures[exponent + 1 :]}".rstrip("0").rstrip(".")
    elif -5 < exponent < 0:
        plain = f"0.{'0' * (-exponent - 1)}{figures}".rstrip("0")
    else:
        plain = with_exponent
    words = min(plain, with_exponent, key=len)
    return ("-" + words if value < 0 else words).replace("-", MINUS)


def _exponent(p: int, q: int) -> int:
    """The e with 10^e <= p/q < 10^(e+1), for positive p and q."""
    guess = floor((p.bit_length() - q.bit_length()) * 0.30103) - 1
    while p * 10 ** max(-guess - 1, 0) >= q * 10 ** max(guess + 1, 0):
        guess += 1
    return guess


def count(n: int) -> str:
    """A whole number with its thousands apart.

    >>> count(1234567)
    '1,234,567'
    """
    return f"{n:,}".replace("-", MINUS)


def share(value: Number, low: Number, high: Number) -> float:
    """Where a number lies between two others, from 0 to 1, as a float; numbers outside are brought to the ends."""
    value, low, high = rational(value), rational(low), rational(high)
    if high == low:
        return 0.5
    part = min(max((value - low) / (high - low), rational(0)), rational(1))
    return near(part)


def near(value: Number) -> float:
    """A float near a number; huge numbers become the largest float there is a use for."""
    exact = rational(value)
    p, q = fraction(exact)
    try:
        return p / q
    except OverflowError:
        return 1e300 if p > 0 else -1e300


def ticks(low: Number, high: Number, most: int = 5) -> tuple[Rational, ...]:
    """Round numbers between two others, at most so many and a few more: steps of 1, 2 or 5 times a power of ten.

    >>> [label(t) for t in ticks(0, 1)]
    ['0', '1/5', '2/5', '3/5', '4/5', '1']
    """
    low, high = rational(low), rational(high)
    if not high > low:
        return (low,)
    step = _step((high - low) / most)
    p, q = fraction(low / step)
    start = -(-p // q) * step
    found = []
    while start <= high:
        found.append(start)
        start = start + step
    return tuple(found)


def _step(least: Rational) -> Rational:
    """The least of 1, 2, 5 times a power of ten that is not below a positive number."""
    p, q = fraction(least)
    exponent = _exponent(p, q)
    power = rational(10**exponent) if exponent >= 0 else rational(1, 10**-exponent)
    return next(power * k for k in (1, 2, 5, 10) if power * k >= least)


def largest(values: Sequence[Number]) -> Rational:
    """The largest size of any of the numbers; 0 of none."""
    return max((abs(rational(value)) for value in values), default=rational(0))
