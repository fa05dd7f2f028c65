# SPDX-License-Identifier: Apache-2.0
"""This file is about assignments: the values of all variables of a query as the VNN-LIB standard prints them.

Of each port, in the order of declaration, one line with its name, element type and shape, and then its elements in
row-major order, one a line (VNN-LIB 2.0, chapter "Command-line interface", the command `verify`).
"""

from collections.abc import Sequence

from exactlump.errors import CannotWrite, ShapeError
from exactlump.numbers.floats import FLOAT_TYPES, fits, nearest
from exactlump.numbers.rational import Rational, decimal, decimal_text, fraction, text
from exactlump.queries.printing import MAX_DIGITS, declaration
from exactlump.queries.query import INTEGERS, REAL, Query


def assignment_text(query: Query, values: Sequence[Rational]) -> str:
    """The values of all variables as lines, so that each line reads as the very value that was given.

    An element of type real is a finite decimal, one of a float type the shortest decimal that the type rounds to the
    value.  Raises ShapeError for another number of values; CannotWrite for a value that its type does not have, for a
    real number without a finite decimal of at most 4000 characters, and for types that are neither.

    >>> from exactlump.queries.read import read_query
    >>> from exactlump.numbers.rational import rational
    >>> query = read_query("(declare-const X_0 Real)(declare-const Y_0 Real)(assert (<= X_0 Y_0))")
    >>> print(assignment_text(query, (rational(0.1), rational(1, 2))), end="")
    X real [1]
    0.1000000000000000055511151231257827021181583404541015625
    Y real [1]
    0.5
    """
    if len(values) != query.variables:
        raise ShapeError(f"values: found {len(values)}, expected {query.variables}")
    lines: list[str] = []
    for port, start in zip(query.ports, query.starts, strict=False):
        lines.append(declaration(port))
        for k in range(port.size):
            words = value_text(values[start + k], port.element_type)
            if words is None:
                found = f"{port.element(k)}: found {text(values[start + k])[:60]}"
                raise CannotWrite(f"{found}, expected a value of type {port.element_type} that can be printed")
            lines.append(words)
    return "".join(f"{line}\n" for line in lines)


def value_text(value: Rational, element_type: str) -> str | None:
    """A value of an element type as `assignment_text` prints it, or None where it cannot."""
    if element_type == REAL:
        words = decimal_text(value)
        return words if words is not None and len(words) <= MAX_DIGITS else None
    if element_type in INTEGERS:
        return text(value) if _is_integer(value, element_type) else None
    return _shortest(value, element_type) if element_type in FLOAT_TYPES and fits(value, element_type) else None


def _is_integer(value: Rational, element_type: str) -> bool:
    n, denominator = fraction(value)
    size = int(element_type.rpartition("int")[2])
    low, high = (0, 1 << size) if element_type.startswith("u") else (-1 << (size - 1), 1 << (size - 1))
    return denominator == 1 and low <= n < high


def _shortest(value: Rational, element_type: str) -> str:
    """The shortest decimal that rounds to a float; every one is a float64, so that 17 digits are enough."""
    p, q = fraction(value)
    number = p / q
    words = (format(number, f".{digits}e") for digits in range(17))
    return next(repr(float(word)) for word in words if _rounds_to(word, value, element_type))


def _rounds_to(word: str, value: Rational, element_type: str) -> bool:
    try:
        return bool(nearest(decimal(word), element_type) == value)
    except OverflowError:
        return False
