# SPDX-License-Identifier: Apache-2.0
"""This file is about reading parentheses without recursion: each closing one turns what it encloses into a value.

Both versions of the language share this; what their words and commands are is their own.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple, TypeAlias

from exactlump.errors import ExactlumpError
from exactlump.numbers.rational import Rational
from exactlump.queries.formula import AND, OR, Comparison, Formula, Joint, Node
from exactlump.queries.linear import Linear, NotLinear, TooMuch, Work, number, product, quotient, total, variable
from exactlump.queries.query import Query
from exactlump.queries.words import Text, shown

MAX_HELD = 2_000_000
OPEN, CLOSE, COMMENT = "(", ")", ";"
ASSERT = "assert"
_COMPARISON = 4  # units of work that a comparison costs for being kept


class Word(NamedTuple):
    """A token and where it stands."""

    text: str
    at: int


class Indices(NamedTuple):
    """The numbers between brackets, and where these stand."""

    numbers: tuple[int, ...]
    at: int


class Truth(NamedTuple):
    """A formula whose nodes have been noted down, and where it stands."""

    at: int


class Term(NamedTuple):
    """A linear expression, and where it stands."""

    linear: Linear
    at: int


class Other(NamedTuple):
    """What the commands of one version make of an expression inside them, and where it stands."""

    what: object
    at: int


Value: TypeAlias = Word | Indices | Truth | Term | Other


@dataclass(slots=True)
class Frame:
    """An opened parenthesis: where it stands, and the values behind it so far, of which the first is its head."""

    at: int
    values: list[Value] = field(default_factory=list)

    @property
    def head(self) -> str:
        """The first word, empty where there is none."""
        first = self.values[0] if self.values else None
        return first.text if isinstance(first, Word) else ""


class Frames(ABC):
    """The reader that both versions share; `read` is to be called once."""

    tokens: ClassVar[re.Pattern[str]]
    comparisons: ClassVar[Mapping[str, tuple[str, bool]]]  # the relation, and whether the sides change places
    arithmetic: ClassVar[tuple[str, ...]]

    def __init__(self, text: Text) -> None:
        self.text = text
        self.work = Work()
        self.assertions: list[Formula] = []
        self._nodes: list[Node] = []
        self._held = 0  # how many parentheses are open, and values behind these

    def read(self) -> Query:
        """The query that the text states; raises FormatError, UnsupportedLayer and Undecided."""
        stack: list[Frame] = []
        for match in self.tokens.finditer(self.text.content):
            token, at = match[0], match.start()
            if token == OPEN:
                self._hold(at)
                stack.append(Frame(at))
            elif token == CLOSE:
                self._close(stack, at)
            elif token[0] == COMMENT:
                continue
            elif not stack:
                raise self.text.malformed(at, f"found {shown(token)}, expected '('")
            else:
                self._hold(at)
                stack[-1].values.append(self.value(token, at))
        end = len(self.text.content)
        if stack:
            raise self.text.malformed(end, "found the end of the text, expected ')'")
        if not self.assertions:
            raise self.text.malformed(end, "found the end of the text, expected an assertion")
        return self.query()

    @abstractmethod
    def value(self, token: str, at: int) -> Value:
        """What a token is that is no parenthesis and no comment."""

    @abstractmethod
    def command(self, frame: Frame) -> None:
        """Take an expression that no other encloses."""

    @abstractmethod
    def inside(self, frame: Frame, command: str) -> Other:
        """What an expression is inside a command that is no assertion."""

    @abstractmethod
    def number(self, word: Word) -> Rational | None:
        """The number that a word is, or None where it is none."""

    @abstractmethod
    def variable(self, word: Word, indices: Indices | None) -> int:
        """The variable that a word names."""

    @abstractmethod
    def compared(self, frame: Frame) -> None:
        """Note that a comparison is complete."""

    @abstractmethod
    def query(self) -> Query:
        """All that was read."""

    def assertion(self, frame: Frame) -> None:
        """Take an assertion whose formula has been read."""
        if len(frame.values) != 2 or not isinstance(frame.values[1], Truth):
            raise self.text.malformed(frame.at, f"found another {ASSERT}, expected a comparison, 'and' or 'or' in it")
        self.assertions.append(Formula(tuple(self._nodes)))
        self._nodes = []

    def no_operator(self, frame: Frame) -> ExactlumpError:
        """The error about an expression in an assertion that does not begin with an operator."""
        found = shown(frame.head) if frame.head else "no word"
        known = " ".join((AND, OR, *self.comparisons, *self.arithmetic))
        return self.text.malformed(frame.at, f"found {found} after '(', expected one of {known}")

    def _hold(self, at: int) -> None:
        """Count what has to be remembered until a parenthesis closes."""
        self._held += 1
        if self._held > MAX_HELD:
            raise self.text.too_much(at, f"found more than {MAX_HELD} words and parentheses in open ones")

    def _close(self, stack: list[Frame], at: int) -> None:
        if not stack:
            raise self.text.malformed(at, "found ')' without '('")
        frame = stack.pop()
        self._held -= len(frame.values)
        try:
            if not stack:
                self._held = 0
                self.command(frame)
            elif stack[0].head == ASSERT:
                stack[-1].values.append(self._expression(frame))
            else:
                stack[-1].values.append(self.inside(frame, stack[0].head))
        except NotLinear as error:
            raise self.text.unsupported(frame.at, str(error)) from error
        except TooMuch as error:
            raise self.text.too_much(frame.at, str(error)) from error

    def _expression(self, frame: Frame) -> Truth | Term:
        head = frame.head
        if head in (AND, OR):
            self._join(frame)
        elif head in self.comparisons:
            self._compare(frame)
        elif head in self.arithmetic:
            return Term(self._combine(frame), frame.at)
        else:
            raise self.no_operator(frame)
        return Truth(frame.at)

    def _join(self, frame: Frame) -> None:
        parts = frame.values[1:]
        for part in parts:
            if not isinstance(part, Truth):
                raise self.text.malformed(part.at, f"found no comparison, expected one inside '{frame.head}'")
        if not parts:
            raise self.text.malformed(frame.at, f"found an empty '{frame.head}', expected a comparison inside")
        if len(parts) > 1:
            self._nodes.append(Joint(frame.head, len(parts)))

    def _compare(self, frame: Frame) -> None:
        relation, exchanged = self.comparisons[frame.head]
        sides = self._operands(frame)
        if len(sides) != 2:
            raise self.text.malformed(frame.at, f"found {len(sides)} sides of '{frame.head}', expected 2")
        self.compared(frame)
        self.work.charge(_COMPARISON, 0)
        linear = total(sides, (-1, 1) if exchanged else (1, -1), self.work)
        terms = tuple((v, linear.terms[v]) for v in sorted(linear.terms) if linear.terms[v])
        self._nodes.append(Comparison(terms, relation, -linear.constant))

    def _combine(self, frame: Frame) -> Linear:
        parts = self._operands(frame)
        if not parts:
            raise self.text.malformed(frame.at, f"found nothing after '{frame.head}', expected a number or a variable")
        if frame.head == "*":
            return product(parts, self.work)
        if frame.head == "/":
            return quotient(parts, self.work)
        sign = -1 if frame.head == "-" else 1
        return total(parts, (1 if len(parts) > 1 else sign, *[sign] * (len(parts) - 1)), self.work)

    def _operands(self, frame: Frame) -> list[Linear]:
        """The linear expressions behind the head of a frame; the indices of a variable stand behind its name."""
        operands: list[Linear] = []
        values = frame.values
        for i, value in enumerate(values[1:], 1):
            if isinstance(value, Term):
                operands.append(value.linear)
            elif isinstance(value, Word):
                after = values[i + 1] if i + 1 < len(values) else None
                operands.append(self._operand(value, after if isinstance(after, Indices) else None))
            elif not isinstance(value, Indices):
                raise self.text.malformed(value.at, f"found a comparison, expected a number inside '{frame.head}'")
            elif not isinstance(values[i - 1], Word) or i == 1:
                raise self.text.malformed(value.at, "found indices, expected a variable before them")
        return operands

    def _operand(self, word: Word, indices: Indices | None) -> Linear:
        value = self.number(word)
        if value is None:
            return variable(self.variable(word, indices))
        if indices is not None:
            raise self.text.malformed(indices.at, f"found indices behind the number {shown(word.text)}, expected none")
        return number(value)
