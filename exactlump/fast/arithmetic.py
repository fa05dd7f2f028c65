# SPDX-License-Identifier: Apache-2.0
"""This file is about exact questions on quotients of floats, answered by float64 operations on whole arrays.

Two questions: an injective *key* of the quotients x/a of a row x by its lead a, and whether x/a = y/b.  The lemmas
that are named here stand with their proofs in docs/fast.md; they ask for IEEE 754 arithmetic, round to nearest.

Throughout: x, y float64 blocks (k rows, w columns); a, b the leads of their rows, (k, 1), not zero.
"""

from collections.abc import Iterable
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from exactlump.errors import ExactlumpError

Floats: TypeAlias = NDArray[np.float64]
Flags: TypeAlias = NDArray[np.bool_]
Ints: TypeAlias = NDArray[np.int64]

# Between these magnitudes no product, quotient or remainder below leaves the normal float64 numbers.
_SMALL, _LARGE = 2.0**-400, 2.0**400
_SPLITTER = 2.0**27 + 1


class Arithmetic(Protocol):
    """How the quotients of one float type are keyed and compared."""

    def keys(self, x: Floats, a: Floats) -> tuple[Floats, ...]:
        """Planes of the shape of x: two entries agree in all planes if and only if their quotients are equal."""
        ...

    def settled(self, blocks: Iterable[Floats]) -> "Arithmetic":
        """An arithmetic whose keys are right for all entries of the blocks, perhaps a faster one."""
        ...

    def ratio(self, a: Floats, b: Floats) -> tuple[Floats, Flags]:
        """a/b rounded, and where it is *short*: exact, and t * y as good as exact for every entry y."""
        ...

    def multipliers(self, a: Floats, b: Floats) -> tuple[Floats, Floats]:
        """(s, t) with s/t = b/a, so that x/a = y/b if and only if s * x = t * y."""
        ...

    def equal(self, x: Floats, s: Floats | None, y: Floats, t: Floats) -> Flags:
        """Where s * x = t * y exactly; s None: it is 1 in every row, and t is short.  May use up y."""
        ...


class Single:
    """Entries that are float32 (or float16) numbers: 24 significant bits, magnitudes from 2^-149 to 2^128."""

    def keys(self, x: Floats, a: Floats) -> tuple[Floats, ...]:
        """Lemma Q: the rounded quotient alone is injective.  Adding zero makes -0 and 0 one."""
        quotient = np.divide(x, a)
        quotient += 0.0
        return (quotient,)

    def settled(self, blocks: Iterable[Floats]) -> "Single":
        """Every entry is right."""
        return self

    def ratio(self, a: Floats, b: Floats) -> tuple[Floats, Flags]:
        """Short: of at most 29 bits, so that the product with 24 bits is exact."""
        ratio = a / b
        return ratio, (ratio * b == a) & (ratio.view(np.uint64) & np.uint64(0xFFFFFF) == 0)

    def multipliers(self, a: Floats, b: Floats) -> tuple[Floats, Floats]:
        """The cross product."""
        return b, a

    def equal(self, x: Floats, s: Floats | None, y: Floats, t: Floats) -> Flags:
        """Lemma X: both products are exact."""
        found: Flags = np.equal(x if s is None else x * s, np.multiply(y, t, out=y))
        return found


class Double:
    """Any float64 entries."""

    def keys(self, x: Floats, a: Floats) -> tuple[Floats, ...]:
        """Lemma Q2 for the mantissas, and the exponent of the quotient as a third plane."""
        (m, i), (n, j) = np.frexp(x), np.frexp(a)
        high, low = _quotients(m, n)
        half = np.abs(high) < 1
        factor = np.where(half, 2.0, 1.0)
        exponent = np.where(high == 0, 0.0, i - j - half)
        return high * factor, low * factor, exponent

    def settled(self, blocks: Iterable[Floats]) -> Arithmetic:
        """Faster keys, if every entry is in the safe range."""
        return Safe() if all(safe(x) for x in blocks) else self

    def ratio(self, a: Floats, b: Floats) -> tuple[Floats, Flags]:
        """Short: a power of two whose inverse is a float."""
        with np.errstate(over="ignore", under="ignore", divide="ignore"):
            ratio = a / b
            power = (np.abs(np.frexp(ratio)[0]) == 0.5) & np.isfinite(1 / ratio)
            return ratio, power & (ratio * b == a) & (a / ratio == b)

    def multipliers(self, a: Floats, b: Floats) -> tuple[Floats, Floats]:
        """The cross product in lowest terms, with integers times powers of two from 1 on, if these are finite."""
        (m, i), (n, j) = np.frexp(a), np.frexp(b)
        near = np.abs(i - j) < 900  # not so where a lead is NaN, as NumPy leaves the exponent open then
        near &= np.isfinite(m) & np.isfinite(n)
        p, q = (np.where(near, mantissa, 0.5) * 2.0**53 for mantissa in (m, n))
        divisor = np.gcd(p.astype(np.int64), q.astype(np.int64))
        power = np.where(near, i - j, 0)
        s, t = np.ldexp(q / divisor, np.maximum(-power, 0)), np.ldexp(p / divisor, np.maximum(power, 0))
        return np.where(near, s, b), np.where(near, t, a)

    def equal(self, x: Floats, s: Floats | None, y: Floats, t: Floats) -> Flags:
        """By powers of two both ways, as one way may lose bits of subnormal numbers; else by exact products.

        Products of few enough bits are exact unless they overflow; others are compared by Lemma X2.
        """
        if s is None:
            with np.errstate(over="ignore", under="ignore"):
                there: Flags = np.equal(x, y * t)
                there &= np.equal(y, x * (1 / t))
            return there
        if _is_short(x, s) and _is_short(y, t):
            with np.errstate(over="ignore"):
                left = x * s
                same: Flags = np.equal(left, y * t)
            if np.isfinite(left).all():
                return same
        if safe(x) and safe(y) and safe(s) and safe(t):
            return _same_products(x, s, y, t)
        found: Flags = np.ones(x.shape, np.bool_)
        for left, right in zip(_wide_product(x, s), _wide_product(y, t), strict=True):
            found &= left == right
        return found


class Safe(Double):
    """Float64 entries in the safe range."""

    def keys(self, x: Floats, a: Floats) -> tuple[Floats, ...]:
        """Lemma Q2: the rounded quotient and the rounded quotient of its remainder are injective together."""
        return _quotients(x, a)


def safe(x: Floats) -> bool:
    """Whether every entry is zero or of a magnitude from 2^-400 to 2^400."""
    size = np.abs(x)
    return bool(size.max(initial=0.0) <= _LARGE) and not bool(((size < _SMALL) & (size != 0)).any())


def two_product(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """(h, e) with h = fl(x * y) and h + e = x * y (Dekker 1971); in the safe range."""
    h = x * y
    x1, x2 = _split(x)
    y1, y2 = _split(y)
    e = x1 * y1
    e -= h
    e += x1 * y2
    e += x2 * y1
    e += x2 * y2
    return h, e


def _split(x: Floats) -> tuple[Floats, Floats]:
    """x as the sum of two floats of 26 bits (Veltkamp)."""
    high = x * _SPLITTER
    high -= high - x
    return high, x - high


def _is_short(x: Floats, s: Floats) -> bool:
    """Whether every product with s is exact unless it overflows: |s| >= 1, and as many low bits zero as s has bits."""
    if not bool((np.abs(s) >= 1).all()):
        return False
    mantissas = (np.abs(np.frexp(s)[0]) * 2.0**53).astype(np.int64)
    zeros = np.frexp((mantissas & -mantissas).astype(np.float64))[1] - 1
    low = (np.uint64(1) << (53 - zeros).astype(np.uint64)) - np.uint64(1)
    return not bool((x.view(np.uint64) & low).any())


def _quotients(x: Floats, a: Floats) -> tuple[Floats, Floats]:
    """q = fl(x/a), and fl(r/a) where r = x - q * a, which is a float64."""
    q = x / a
    h, e = two_product(q, a)
    r = x - h
    r -= e
    r /= a
    r += 0.0
    q += 0.0
    return q, r


def _same_products(x: Floats, s: Floats, y: Floats, t: Floats) -> Flags:
    """Lemma X2: where s * x = t * y, the rounded products agree and their errors agree."""
    (h, e), (g, d) = two_product(x, s), two_product(y, t)
    found: Flags = np.equal(h, g)
    found &= e == d
    return found


def _wide_product(x: Floats, s: Floats) -> tuple[Floats, Floats, Floats]:
    """The product by mantissas: a normalised head and tail, and an exponent; a canonical form of any product."""
    (m, i), (n, j) = np.frexp(x), np.frexp(s)
    h, e = two_product(m, np.broadcast_to(n, m.shape))
    half = np.abs(h) < 0.5
    factor = np.where(half, 2.0, 1.0)
    exponent = np.where(h == 0, 0, i + j - half).astype(np.float64)
    return h * factor, e * factor, exponent


def demand_ieee() -> None:
    """Raise ExactlumpError where the process flushes subnormal numbers to zero, as some fast-math libraries make it."""
    tiny = np.array([2.0**-149], np.float32).astype(np.float64) * 1.0
    if tiny[0] == 0 or np.array([2.0**-1074]).sum() * 2.0 == 0:
        raise ExactlumpError("floating point: subnormal numbers are flushed to zero, expected IEEE 754 arithmetic")
