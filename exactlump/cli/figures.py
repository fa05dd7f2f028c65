# SPDX-License-Identifier: Apache-2.0
"""This file is about numbers on a terminal: exact where they are short, else rounded, which is said once a line."""

from collections.abc import Iterable, Sequence
from decimal import MAX_EMAX, MIN_EMIN, ROUND_CEILING, ROUND_FLOOR, Context, Decimal

from exactlump.numbers.rational import Rational, fraction, text
from exactlump.points.floating import nearly
from exactlump.verbs.naming import Input, element, legend

# Of how many characters a number is long; to how many digits it is shown then; how many are shown at most.
_LONG, _DIGITS = 24, 6
_SHORT = 10  # and of how many characters a bound is not
_MOST_ENTRIES, _MOST_OUTPUTS = 12, 10


def brief(value: Rational) -> str:
    """A rational as it is when short, else nearly.

    >>> from exactlump.numbers.rational import rational
    >>> brief(rational(1, 3)), brief(rational(10**30, 3))
    ('1/3', 'about 3.33333e+29')
    """
    words = text(value)
    return words if len(words) <= _LONG else nearly(value, _DIGITS)


def at_most(value: Rational) -> str:
    """A size as it is when short, else rounded up.

    >>> from exactlump.numbers.rational import rational
    >>> at_most(rational(1, 3)), at_most(rational(10**30 + 1, 3)), at_least(rational(10**30 + 1, 3))
    ('1/3', '3.33334e+29', '3.33333e+29')
    """
    return _outwards(value, ROUND_CEILING)


def at_least(value: Rational) -> str:
    """A size as it is when short, else rounded down."""
    return _outwards(value, ROUND_FLOOR)


def _outwards(value: Rational, direction: str) -> str:
    words = text(value)
    if len(words) <= _SHORT:
        return words
    context = Context(prec=_DIGITS, rounding=direction, Emax=MAX_EMAX, Emin=MIN_EMIN)
    found = context.divide(*map(Decimal, fraction(value)))
    return f"{found.normalize(context):g}"


def outputs_line(what: str, values: Sequence[Rational]) -> str:
    """The first outputs, one after the other."""
    rest = len(values) - _MOST_OUTPUTS
    return _line(what, [("", value) for value in values[:_MOST_OUTPUTS]], f", and {rest} more" if rest > 0 else "")


def input_line(inputs: Sequence[Input], x: Sequence[Rational]) -> str:
    """The entries of an input that are not zero, by name, and what the others are."""
    entries = [(i, value) for i, value in enumerate(x) if value]
    if not entries:
        return "input: 0 everywhere"
    rest = len(entries) - _MOST_ENTRIES
    end = f", and {rest} more entries" if rest > 0 else ""
    end += "; all others 0" if len(entries) < len(x) else ""
    shown = [(f"{element(inputs, i)} = ", value) for i, value in entries[:_MOST_ENTRIES]]
    return _line(f"input{legend(inputs)}", shown, end)


def _line(what: str, entries: Iterable[tuple[str, Rational]], end: str) -> str:
    """Numbers, each after its own words, and whether some of them are rounded."""
    words, rounded = [], False
    for before, value in entries:
        exact = text(value)
        rounded = rounded or len(exact) > _LONG
        words.append(before + brief(value).removeprefix("about "))
    return f"{what}{f', to {_DIGITS} digits' if rounded else ''}: {', '.join(words)}{end}"
