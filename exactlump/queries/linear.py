# SPDX-License-Identifier: Apache-2.0
"""This file is about linear expressions while they are read: exact sums of multiples, with the work bounded.

Throughout: a variable is its number in the query (query.py).
"""

from collections.abc import Sequence

from exactlump.numbers.rational import ONE, ZERO, Rational, fraction

MAX_BITS = 1 << 16
MAX_WORK = 5_000_000
_MEASURED = 1 << 11


class TooMuch(Exception):
    """A number that is too long, or more arithmetic than a query may ask for; the message says which."""


class NotLinear(Exception):
    """A product of variables, or a division by what is no constant other than 0; the message says which."""


class Work:
    """How much arithmetic may still be done; a unit is one operation on a number of at most 64 bits."""

    def __init__(self, most: int = MAX_WORK) -> None:
        self.most = self.left = most

    def charge(self, numbers: int, bits: int) -> None:
        """Pay for operations on so many numbers of so many bits each; raises TooMuch."""
        self.left -= numbers * (1 + (bits >> 6))
        if self.left < 0:
            raise TooMuch(f"found more than {self.most} arithmetic operations, expected fewer")


class Linear:
    """terms[v] * v summed over the variables v, plus a constant; a term may be 0.

    No numerator or denominator has more than `bits` bits.  What is made of it may change it.
    """

    __slots__ = ("bits", "constant", "terms")

    def __init__(self, terms: dict[int, Rational], constant: Rational, bits: int) -> None:
        self.terms = terms
        self.constant = constant
        self.bits = bits

    @property
    def is_constant(self) -> bool:
        """Whether all variables cancel."""
        return not any(self.terms.values())


def variable(v: int) -> Linear:
    """One variable."""
    return Linear({v: ONE}, ZERO, 1)


def number(value: Rational) -> Linear:
    """A number."""
    return Linear({}, value, _bits(value))


def total(parts: Sequence[Linear], signs: Sequence[int], work: Work) -> Linear:
    """The sum of parts with signs; raises TooMuch."""
    largest = max(range(len(parts)), key=lambda i: len(parts[i].terms))
    result = parts[largest] if signs[largest] > 0 else _scaled(parts[largest], -1, 0, work)
    for i, (part, sign) in enumerate(zip(parts, signs, strict=True)):
        if i != largest:
            _add(result, part, sign, work)
    return result


def product(parts: Sequence[Linear], work: Work) -> Linear:
    """The product of parts of which all but one are constant; raises NotLinear and TooMuch."""
    result = parts[0]
    for part in parts[1:]:
        if not part.is_constant:
            result, part = part, result
        if not part.is_constant:
            raise NotLinear("found a product of variables, expected linear arithmetic")
        result = _scaled(result, part.constant, part.bits, work)
    return result


def quotient(parts: Sequence[Linear], work: Work) -> Linear:
    """The first part divided by the others, which are constant; raises NotLinear and TooMuch."""
    result = parts[0]
    for part in parts[1:]:
        if not part.is_constant or not part.constant:
            raise NotLinear("found a division by what is not a constant other than 0, expected linear arithmetic")
        result = _scaled(result, 1 / part.constant, part.bits, work)
    return result


def _add(result: Linear, part: Linear, sign: int, work: Work) -> None:
    """Add to a linear expression, in place; its length is estimated, and measured before it is long."""
    work.charge(1 + len(part.terms), max(result.bits, part.bits))
    terms = result.terms
    for v, c in part.terms.items():
        terms[v] = terms.get(v, ZERO) + (c if sign > 0 else -c)
    result.constant += part.constant if sign > 0 else -part.constant
    result.bits += part.bits + 1
    _measure(result, work)


def _scaled(part: Linear, factor: Rational, factor_bits: int, work: Work) -> Linear:
    work.charge(1 + len(part.terms), part.bits + factor_bits)
    terms = {v: c * factor for v, c in part.terms.items()}
    result = Linear(terms, part.constant * factor, part.bits + factor_bits)
    _measure(result, work)
    return result


def _measure(result: Linear, work: Work) -> None:
    """Replace a long estimate by the length itself; raises TooMuch."""
    if result.bits > _MEASURED:
        work.charge(1 + len(result.terms), 0)
        result.bits = max(map(_bits, (result.constant, *result.terms.values())))
    if result.bits > MAX_BITS:
        raise TooMuch(f"found a number of {result.bits} bits, expected at most {MAX_BITS}")


def _bits(value: Rational) -> int:
    """The length of the longer of numerator and denominator."""
    p, q = fraction(value)
    return max(p.bit_length(), q.bit_length())
