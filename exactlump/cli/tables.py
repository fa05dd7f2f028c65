# SPDX-License-Identifier: Apache-2.0
"""This file is about small tables as plain lines, for verbs that end before a library for tables would be imported."""

from collections.abc import Iterator, Sequence
from unicodedata import east_asian_width


def lines_of(rows: Sequence[Sequence[str]], rule: str = "─") -> Iterator[str]:
    """The lines of a table: headings, a rule, and the other rows, each column as wide as its widest cell.

    >>> [line.rstrip() for line in lines_of([["layer", "n"], ["h", "12"]])]
    ['', '  layer   n', ' ────────────', '  h       12', '']
    """
    widths = [max(map(_width, column)) for column in zip(*rows, strict=True)]
    headings, *others = ("   ".join(map(_padded, row, widths)) for row in rows)
    yield from ("", f"  {headings}", f" {rule * (sum(widths) + 3 * len(widths) - 1)}")
    yield from (f"  {row}" for row in others)
    yield ""


def _padded(word: str, width: int) -> str:
    return word + " " * (width - _width(word))


def _width(word: str) -> int:
    """How many columns of a terminal a word takes."""
    return sum(2 if east_asian_width(c) in "WF" else 1 for c in word)
