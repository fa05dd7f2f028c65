# SPDX-License-Identifier: Apache-2.0
"""This file is about linear terms as text: sums of integer multiples of names.

Weights become coprime integers over one rational content, as integers are what solvers are fast at.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from exactlump.numbers.matrix import Matrix
from exactlump.numbers.rational import ONE, Rational, fraction, primitive, rational
from exactlump.smt.blocks import Key
from exactlump.smt.smtlib import numeral


class Linear(NamedTuple):
    """content * row, content not 0; row: a sum of integer multiples of names, coprime with its constant, as text.

    needs: the blocks that define the names.
    """

    row: str
    content: Rational
    needs: frozenset[Key] = frozenset()

    def scaled(self, c: Rational) -> "Linear":
        """c times the term."""
        if c == 1:
            return self
        return self._replace(content=c * self.content) if c else Linear("0", ONE)

    @property
    def term(self) -> str:
        """The term."""
        return times(numeral(self.content), self.row)


def times(coefficient: str, term: str) -> str:
    """A product, unless the coefficient is 1."""
    return term if coefficient == "1" else f"(* {coefficient} {term})"


def total(parts: Sequence[str]) -> str:
    """A sum."""
    if len(parts) < 2:
        return parts[0] if parts else "0"
    return f"(+ {' '.join(parts)})"


def integer_row(matrix: Matrix, v: int) -> tuple[list[int], list[int], Rational]:
    """The columns of the entries of row v that are not zero, coprime integers, and what they are multiples of."""
    if matrix.floats is None:
        row = matrix.row(v)
        return list(row), *primitive(row.values())
    values = matrix.floats[v]
    columns = np.flatnonzero(values)
    mantissas, exponents = np.frexp(values[columns].astype(np.float64))
    least = int(exponents.min(initial=0))
    shifts: list[int] = (exponents - least).tolist()
    whole: list[int] = np.ldexp(mantissas, 53).astype(np.int64).tolist()
    integers = [n << shift for n, shift in zip(whole, shifts, strict=True)]
    divisor = math.gcd(*integers) or 1
    return columns.tolist(), [n // divisor for n in integers], divisor * rational(2) ** (least - 53)


def linear(names: list[str], integers: list[int], content: Rational, constant: Rational) -> Linear:
    """content * (integers . names) + constant, for coprime integers."""
    if not integers or not content:
        return Linear("1", constant) if constant else Linear("0", ONE)
    (p, q), (s, t) = fraction(content), fraction(constant)
    bottom = math.lcm(q, t)
    factor, bias = p * (bottom // q), s * (bottom // t)
    divisor = math.gcd(factor, bias) if factor > 0 else -math.gcd(factor, bias)
    if factor != divisor:
        integers = [n * (factor // divisor) for n in integers]
    constants = [numeral(rational(bias // divisor))] if bias else []
    return Linear(total(_products(integers, names) + constants), rational(divisor, bottom))


def _products(integers: list[int], names: list[str]) -> list[str]:
    if max(map(int.bit_length, integers)) > 10_000:  # CPython refuses to print integers of 4,300 digits
        return [times(numeral(rational(n)), name) for n, name in zip(integers, names, strict=True)]
    pairs = zip(integers, names, strict=True)
    return [name if n == 1 else f"(* {n} {name})" if n > 0 else f"(* (- {-n}) {name})" for n, name in pairs]
