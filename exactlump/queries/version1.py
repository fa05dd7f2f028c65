# SPDX-License-Identifier: Apache-2.0
"""This file is about VNN-LIB 1.0: scripts in the manner of SMT-LIB about inputs X_i and outputs Y_j of one network.

Read are declarations of real constants X_0, X_1, ... and Y_0, Y_1, ..., and assertions: `and` and `or` of
comparisons `<=`, `<`, `>=`, `>`, `=` of linear expressions, made with `+`, `-`, `*` and `/`.  Numbers are decimals;
a sign and an exponent may be part of them, as in -1.5e-3.  `set-logic`, `set-info`, `set-option`, `check-sat` and
`exit` say nothing, the last two at the end only.  There may be no outputs.
"""

import re
from typing import ClassVar

from exactlump.errors import ExactlumpError, FormatError
from exactlump.numbers.rational import Rational, decimal
from exactlump.queries.formula import Comparison, Formula, Node
from exactlump.queries.frames import Frame, Frames, Indices, Other, Word
from exactlump.queries.query import REAL, Network, Port, Query
from exactlump.queries.words import Text, shown

NETWORK, INPUT, OUTPUT = "N", "X", "Y"
MAX_INDEX = 10_000_000
_VARIABLE = re.compile(r"([XY])_(0|[1-9][0-9]{0,8})")
_NUMBER = re.compile(r"[+-]?\.?[0-9]")
_SILENT = ("set-logic", "set-info", "set-option")
_ENDS = ("check-sat", "exit")
_NOT_READ = ("not", "=>", "xor", "ite", "distinct", "let")


class Version1(Frames):
    """The reader of version 1.0; until all is read, Y_j is the variable MAX_INDEX + j."""

    tokens: ClassVar = re.compile(r';[^\n]*|[()]|\|[^|\\]*\||"[^"]*"|[^\s();|"]+|[|"]', re.A)
    comparisons: ClassVar = {
        "<=": ("<=", False),
        "<": ("<", False),
        ">=": ("<=", True),
        ">": ("<", True),
        "=": ("==", False),
    }
    arithmetic: ClassVar = ("+", "-", "*", "/")

    def __init__(self, text: Text) -> None:
        super().__init__(text)
        self._declared: dict[str, set[int]] = {INPUT: set(), OUTPUT: set()}
        self._has_ended = False

    def value(self, token: str, at: int) -> Word:
        """A word; `|X_0|` is the same symbol as X_0."""
        if token in ("|", '"'):
            raise self.text.malformed(at, f"found {token} without another one, expected it around a symbol or a text")
        inside = token[1:-1]
        return Word(inside if token[0] == "|" and _VARIABLE.fullmatch(inside) else token, at)

    def command(self, frame: Frame) -> None:
        """Take an assertion, a declaration, or a command that says nothing; nothing may follow on `check-sat`."""
        if self._has_ended and frame.head not in _ENDS:
            raise self.text.malformed(frame.at, f"found {shown(frame.head)} after check-sat or exit, expected the end")
        match frame.values:
            case [Word("assert"), *_]:
                self.assertion(frame)
            case [Word("declare-const"), Word() as name, Word("Real")]:
                self._declare(name)
            case [Word("declare-fun"), Word() as name, Other(), Word("Real")]:
                self._declare(name)
            case [Word("declare-const" | "declare-fun"), *_]:
                raise self.text.malformed(frame.at, "found another declaration, expected (declare-const X_0 Real)")
            case [Word(head), *_] if head in _SILENT or (head in _ENDS and len(frame.values) == 1):
                self._has_ended = head in _ENDS
            case _:
                found = shown(frame.head) if frame.head else "no word"
                raise self.text.malformed(frame.at, f"found {found} after '(', expected declare-const or assert")

    def inside(self, frame: Frame, command: str) -> Other:
        """What is between the parentheses in `declare-fun X_0 () Real`, or says nothing."""
        if command not in _SILENT and (command != "declare-fun" or frame.values):
            raise self.text.malformed(frame.at, "found '(', expected a word")
        return Other(None, frame.at)

    def number(self, word: Word) -> Rational | None:
        """The exact value of a decimal."""
        if not _NUMBER.match(word.text):
            return None
        try:
            return decimal(word.text)
        except FormatError as error:
            raise self.text.malformed(word.at, f"found {shown(word.text)}, expected a decimal") from error

    def variable(self, word: Word, indices: Indices | None) -> int:
        """The variable that X_i or Y_j names."""
        match = _VARIABLE.fullmatch(word.text)
        if not match:
            raise self.text.malformed(word.at, f"found {shown(word.text)}, expected a number, X_i or Y_j")
        index = int(match[2])
        if index not in self._declared[match[1]]:
            raise self.text.malformed(word.at, f"found {word.text}, expected a declared variable")
        return index if match[1] == INPUT else MAX_INDEX + index

    def compared(self, frame: Frame) -> None:
        """Do nothing: all variables are real, and there need not be one."""

    def no_operator(self, frame: Frame) -> ExactlumpError:
        """The error about an operator of SMT-LIB that is not read, or about no operator."""
        if frame.head in _NOT_READ:
            return self.text.unsupported(frame.at, f"found the operator {shown(frame.head)}, which is not read")
        return super().no_operator(frame)

    def query(self) -> Query:
        """All that was read."""
        for letter, declared in self._declared.items():
            if max(declared, default=-1) != len(declared) - 1 or not self._declared[INPUT]:
                found = f"found {len(declared)} variables {letter}_i"
                raise self.text.malformed(len(self.text.content), f"{found}, expected {letter}_0, {letter}_1, ...")
        inputs, outputs = (
            (Port(letter, REAL, (len(declared),)),) if declared else () for letter, declared in self._declared.items()
        )
        shift = MAX_INDEX - len(self._declared[INPUT])
        assertions = (Formula(tuple(_moved(node, shift) for node in formula.nodes)) for formula in self.assertions)
        return Query("1.0", (Network(NETWORK, inputs, outputs),), tuple(assertions))

    def _declare(self, name: Word) -> None:
        match = _VARIABLE.fullmatch(name.text)
        if not match or int(match[2]) >= MAX_INDEX:
            raise self.text.malformed(name.at, f"found the variable {shown(name.text)}, expected X_i or Y_j")
        if int(match[2]) in self._declared[match[1]]:
            raise self.text.malformed(name.at, f"found {name.text} again, expected each name once")
        self._declared[match[1]].add(int(match[2]))


def _moved(node: Node, shift: int) -> Node:
    """A node with the outputs numbered behind the inputs."""
    if not isinstance(node, Comparison) or not node.terms or node.terms[-1][0] < MAX_INDEX:
        return node
    terms = tuple((v if v < MAX_INDEX else v - shift, c) for v, c in node.terms)
    return Comparison(terms, node.relation, node.bound)
