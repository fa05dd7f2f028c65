# SPDX-License-Identifier: Apache-2.0
"""This file is about VNN-LIB 1.0: the input box that a property file states, with exact decimals.

Read are `declare-const` of X_0, X_1, ... and Y_0, Y_1, ..., and `assert`s of one comparison (`<=`, `>=`, either way
round) between an input and a number, or a conjunction (`and`) of such.  An assertion made of declared outputs, numbers
and operators speaks of outputs: it is counted, and not used.  Everything else is refused: nothing that might bound an
input is left out.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from exactlump.errors import FormatError, UnsupportedLayer
from exactlump.formats.files import about, read_bytes, unpack
from exactlump.numbers.rational import Rational, decimal
from exactlump.points.boxes import Box

MAX_BYTES = 64 << 20
_MAX_DEPTH = 64
_MAX_INPUTS = 10_000_000
_TOKEN = re.compile(r';[^\n]*|[()]|\|[^|\\]*\||"[^"]*"|[^\s();|"]+|[|"]')
_QUOTES = "|", '"'
_OPERATORS = frozenset(("and", "or", "not", "=>", "xor", "ite", "=", "distinct", *"<>+-*/", "<=", ">="))
_VARIABLE = re.compile(r"([XY])_(0|[1-9][0-9]{0,8})")
_COMMENT = ";"

Expression: TypeAlias = "str | list[Expression]"


@dataclass(frozen=True)
class Property:
    """The input box of a file, the outputs it declares, and how many assertions about outputs were not used."""

    box: Box
    outputs: int
    unused: int

    @property
    def note(self) -> str:
        """What was not read, in words; empty if nothing."""
        return f"{self.unused} assertions about outputs are not used" if self.unused else ""


def read_box(path: str | os.PathLike[str], max_unpacked: int = MAX_BYTES) -> Property:
    """The input box of a `.vnnlib` or `.vnnlib.gz` file.

    Every declared input needs both bounds.  Raises FormatError for a file that cannot be read, breaks the grammar,
    misses a bound, or states an empty box; UnsupportedLayer for any other constraint on inputs.
    """
    path = Path(path)
    with about(path):
        content = read_bytes(path)
        if path.suffix == ".gz":
            content = unpack(content, max_unpacked)
        if len(content) > max_unpacked:
            raise FormatError(f"found {len(content)} bytes, expected at most {max_unpacked}")
        try:
            words = content.decode("utf-8")
        except UnicodeDecodeError as error:
            raise FormatError(f"found bytes that are no UTF-8 at {error.start}") from error
        return parse(words, path.name)


def parse(words: str, name: str = "vnnlib") -> Property:
    """The property that a text states; raises as `read_box`."""
    reader = _Reader()
    for command in _expressions(words):
        reader.command(command)
    return reader.property(name)


def _expressions(words: str) -> Iterator[Expression]:
    """The top-level expressions of a text."""
    stack: list[list[Expression]] = []
    for match in _TOKEN.finditer(words):
        token = match[0]
        if token.startswith(_COMMENT):
            continue
        if token == "(":
            stack.append([])
            if len(stack) > _MAX_DEPTH:
                raise FormatError(f"found more than {_MAX_DEPTH} parentheses inside each other")
        elif token == ")":
            if not stack:
                raise FormatError("found ')' without '('")
            done = stack.pop()
            if not stack:
                yield done
            else:
                stack[-1].append(done)
        elif token in _QUOTES:
            raise FormatError(f"found {token} without another one, expected it around a symbol or a text")
        elif stack:
            stack[-1].append(_unquoted(token))
        else:
            raise FormatError(f"found {token[:40]!r} outside of parentheses")
    if stack:
        raise FormatError("found the end of the file, expected ')'")


def _unquoted(token: str) -> str:
    """A token; `|X_0|` is the same symbol as X_0."""
    inside = token[1:-1]
    return inside if token[0] == "|" and _VARIABLE.fullmatch(inside) else token


@dataclass
class _Reader:
    declared: dict[str, set[int]] = field(default_factory=lambda: {"X": set(), "Y": set()})
    lower: dict[int, Rational] = field(default_factory=dict)
    upper: dict[int, Rational] = field(default_factory=dict)
    unused: int = 0

    def command(self, command: Expression) -> None:
        match command:
            case ["declare-const" | "declare-fun", str(name), *between, "Real"] if between in ([], [[]]):
                self.declare(name)
            case ["assert", statement]:
                self.statement(statement)
            case ["set-logic" | "set-info" | "set-option", *_] | ["check-sat" | "exit"]:
                pass
            case _:
                raise FormatError(f"found {_shown(command)}, expected declare-const or assert")

    def declare(self, name: str) -> None:
        match = _VARIABLE.fullmatch(name)
        if not match or int(match[2]) >= _MAX_INPUTS:
            raise FormatError(f"found the variable {name[:40]!r}, expected X_i or Y_i")
        if int(match[2]) in self.declared[match[1]]:
            raise FormatError(f"variable {name}: declared twice")
        self.declared[match[1]].add(int(match[2]))

    def statement(self, statement: Expression) -> None:
        letters = {letter for letter, _ in self.variables(statement)}
        if "X" not in letters:
            self.leave_out(statement, letters)
            return
        match statement:
            case ["and", *parts]:
                for part in parts:
                    self.statement(part)
            case ["<=", left, right]:
                self.compare(left, right, statement)
            case [">=", left, right]:
                self.compare(right, left, statement)
            case _:
                raise UnsupportedLayer(f"found the constraint {_shown(statement)}, expected a bound on one input")

    def leave_out(self, statement: Expression, letters: set[str]) -> None:
        """Count an assertion about outputs; FormatError for one that may be about something else."""
        for symbol in _symbols(statement):
            if symbol not in _OPERATORS and not _VARIABLE.fullmatch(symbol) and not _is_number(symbol):
                raise FormatError(
                    f"assertion {_shown(statement)}: found the symbol {symbol[:40]!r}, expected declared variables, "
                    "numbers and operators"
                )
        if not letters:
            raise FormatError(f"assertion {_shown(statement)}: found no variable, expected an input or an output")
        self.unused += 1

    def compare(self, small: Expression, large: Expression, statement: Expression) -> None:
        """small <= large, one of them an input, the other a number."""
        words = _word(small), _word(large)
        one, other = (_VARIABLE.fullmatch(word) if word else None for word in words)
        if None in words or bool(one) == bool(other):
            raise UnsupportedLayer(f"found the constraint {_shown(statement)}, expected a bound on one input")
        if one:
            i, bound = int(one[2]), decimal(str(words[1]))
            self.upper[i] = min(bound, self.upper.get(i, bound))
        elif other:
            i, bound = int(other[2]), decimal(str(words[0]))
            self.lower[i] = max(bound, self.lower.get(i, bound))

    def variables(self, statement: Expression) -> Iterator[tuple[str, int]]:
        """The variables in an expression; FormatError for one that is not declared."""
        if isinstance(statement, list):
            for part in statement:
                yield from self.variables(part)
        elif match := _VARIABLE.fullmatch(statement):
            if int(match[2]) not in self.declared[match[1]]:
                raise FormatError(f"variable {statement}: used but not declared")
            yield match[1], int(match[2])

    def property(self, name: str) -> Property:
        count = len(self.declared["X"])
        if not count or max(self.declared["X"]) != count - 1:
            raise FormatError(f"found {count} inputs declared, expected X_0, X_1, ... without gaps")
        for i in range(count):
            for bounds, words in ((self.lower, "lower"), (self.upper, "upper")):
                if i not in bounds:
                    raise FormatError(f"input X_{i}: found no {words} bound, expected both")
        order = range(count)
        box = Box(tuple(self.lower[i] for i in order), tuple(self.upper[i] for i in order), name)
        return Property(box, len(self.declared["Y"]), self.unused)


def _symbols(expression: Expression) -> Iterator[str]:
    """All words of an expression."""
    if isinstance(expression, str):
        yield expression
    else:
        for part in expression:
            yield from _symbols(part)


def _is_number(word: str) -> bool:
    try:
        decimal(word)
    except FormatError:
        return False
    return True


def _word(expression: Expression) -> str | None:
    """A variable or a number as one word, `(- 1.5)` as -1.5; None for anything else."""
    match expression:
        case str(word):
            return word
        case ["-", str(word)] if word[:1].isdigit():
            return f"-{word}"
    return None


def _shown(expression: Expression) -> str:
    """The beginning of an expression, on one line."""
    if isinstance(expression, str):
        return expression[:60]
    inside = " ".join(_shown(part) for part in expression[:6])
    return f"({inside[:60]}{'...' if len(inside) > 60 or len(expression) > 6 else ''})"
