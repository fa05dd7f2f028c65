# SPDX-License-Identifier: Apache-2.0
"""This file is about numbers on a terminal: exact where they are short, else rounded, which is said once a line."""

from collections.abc import Iterable, Sequence

from exactlump.numbers.rational import Rational, text
from exactlump.points.floating import nearly
from exactlump.verbs.naming import Input, element, legend

# Of how many characters a number is long; to how many digits it is shown then; how many are shown at most.
_LONG, _DIGITS = 24, 6
_MOST_ENTRIES, _MOST_OUTPUTS = 12, 10


def brief(value: Rational) -> str:
    """A rational as it is when short, else nearly.

    >>> from exactlump.numbers.rational import rational
    >>> brief(rational(1, 3)), brief(rational(10**30, 3))
    ('1/3', 'about 3.33333e+29')
    """
    words = text(value)
    return words if len(words) <= _LONG else nearly(value, _DIGITS)


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
