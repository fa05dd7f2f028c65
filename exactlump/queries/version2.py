# SPDX-License-Identifier: Apache-2.0
"""This file is about VNN-LIB 2.0: typed networks (declarations.py), and assertions about their elements.

Source: the VNN-LIB standard, chapter "Query language", and its grammar of version 2.0.  Numbers are digits with or
without a point: there are no exponents and no division.  Not read are hidden nodes, the option `initialized`, and
element types that are no real numbers.  Where the grammar would part `1e5` into the three words 1, e and 5, it is an
error here: a number ends where a blank, a parenthesis, a bracket or a comment begins.
"""

import re
from typing import ClassVar

from exactlump.numbers.rational import Rational, decimal
from exactlump.queries.declarations import NETWORK, Declarations
from exactlump.queries.frames import ASSERT, Frame, Frames, Indices, Other, Value, Word
from exactlump.queries.query import INTEGERS, Port, Query
from exactlump.queries.words import Text, shown

VERSION = "vnnlib-version"
MAX_DIGITS = 4000
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")


class Version2(Frames):
    """The reader of version 2.0."""

    tokens: ClassVar = re.compile(
        r";[^\n]*|[()]"
        r"|\[[0-9,\s]*\]"  # indices
        r'|"(?:[^"\\]|\\.)*"'  # a text
        r"|<[0-9]+\.[0-9]+>"  # a version
        r"|[<>=!]="
        r"|-?[0-9][^\s()\[\],;\"]*"  # a number, or what begins like one
        r"|[-+*<>]"
        r"|[^\s()\[\],;\"<>=!+*]+"
        r"|\S",
        re.A,
    )
    comparisons: ClassVar = {
        "<=": ("<=", False),
        "<": ("<", False),
        ">=": ("<=", True),
        ">": ("<", True),
        "==": ("==", False),
        "!=": ("!=", False),
    }
    arithmetic: ClassVar = ("+", "-", "*")

    def __init__(self, text: Text) -> None:
        super().__init__(text)
        self._has_version = False
        self._declared = Declarations(text)
        self._kind = ""  # the element type in the comparison that is being read, and the first decimal there
        self._decimal: Word | None = None

    def value(self, token: str, at: int) -> Value:
        """A word or indices."""
        if token in ("[", "]", ",", '"'):
            raise self.text.malformed(at, f"found {token}, expected indices such as [0,1] or a text in quotes")
        return self._indices(token, at) if token[0] == "[" else Word(token, at)

    def command(self, frame: Frame) -> None:
        """Take the version, a network or an assertion, in this order."""
        if frame.head == VERSION and not self._has_version:
            self._version(frame)
        elif frame.head == NETWORK and self._has_version and not self.assertions:
            self._declared.network(frame)
        elif frame.head == ASSERT and self._declared.networks:
            self.assertion(frame)
        else:
            expected = ASSERT if self.assertions else NETWORK if self._has_version else VERSION
            found = shown(frame.head) if frame.head else "no word"
            raise self.text.malformed(frame.at, f"found {found} after '(', expected {expected}")

    def inside(self, frame: Frame, command: str) -> Other:
        """A port of a network, or its relation to another."""
        if command != NETWORK:
            raise self.text.malformed(frame.at, "found '(', expected a word")
        return Other(self._declared.part(frame), frame.at)

    def number(self, word: Word) -> Rational | None:
        """The exact value of digits with or without a point."""
        if not (word.text[0].isdigit() or (word.text[0] == "-" and len(word.text) > 1)):
            return None
        if not _NUMBER.fullmatch(word.text):
            raise self.text.malformed(word.at, f"found {shown(word.text)}, expected digits, with or without a point")
        if len(word.text) > MAX_DIGITS:
            found = f"found a number of {len(word.text)} characters"
            raise self.text.malformed(word.at, f"{found}, expected at most {MAX_DIGITS}")
        if "." in word.text and self._decimal is None:
            self._decimal = word
        return decimal(word.text)

    def variable(self, word: Word, indices: Indices | None) -> int:
        """The element of a port that a name and indices are."""
        if word.text not in self._declared.ports:
            raise self.text.malformed(word.at, f"found {shown(word.text)}, expected a number or a declared variable")
        port, first = self._declared.ports[word.text]
        if self._kind not in ("", port.element_type):
            found = f"found {port.name} of type {port.element_type} in a comparison of type {self._kind}"
            raise self.text.malformed(word.at, f"{found}, expected one type")
        self._kind = port.element_type
        return first + self._element(port, word, indices)

    def compared(self, frame: Frame) -> None:
        """Stop at a comparison without a type, or of integers with a decimal."""
        if not self._kind:
            raise self.text.malformed(frame.at, "found a comparison without a variable, expected at least one")
        if self._decimal and self._kind in INTEGERS:
            found = f"found {shown(self._decimal.text)} in a comparison of type {self._kind}"
            raise self.text.malformed(self._decimal.at, f"{found}, expected an integer")
        self._kind, self._decimal = "", None

    def query(self) -> Query:
        """All that was read."""
        return Query("2.0", tuple(self._declared.networks.values()), tuple(self.assertions))

    def _version(self, frame: Frame) -> None:
        match frame.values:
            case [_, Word("<2.0>")]:
                self._has_version = True
            case [_, Word(version)] if version[0] == "<" and version[-1] == ">":
                raise self.text.unsupported(frame.at, f"found version {version[1:-1][:40]}, expected 2.0")
            case _:
                raise self.text.malformed(frame.at, f"found another {VERSION}, expected ({VERSION} <2.0>)")

    def _indices(self, token: str, at: int) -> Indices:
        words = [word.strip() for word in token[1:-1].split(",")]
        if words == [""]:
            return Indices((), at)
        if any(not word.isdigit() or len(word) > 9 for word in words):
            raise self.text.malformed(at, f"found {shown(token)}, expected indices such as [0,1]")
        return Indices(tuple(map(int, words)), at)

    def _element(self, port: Port, word: Word, indices: Indices | None) -> int:
        numbers = () if indices is None else indices.numbers
        if len(numbers) != len(port.shape) or (indices is not None and not numbers):
            expected = f"expected {len(port.shape)}" if port.shape else "expected none, and no brackets"
            raise self.text.malformed(word.at, f"found {len(numbers)} indices of {port.name}, {expected}")
        k = 0
        for axis, (index, size) in enumerate(zip(numbers, port.shape, strict=True)):
            if index >= size:
                found = f"found index {index} of {port.name} in axis {axis}"
                raise self.text.malformed(word.at, f"{found}, expected 0 to {size - 1}")
            k = k * size + index
        return k
