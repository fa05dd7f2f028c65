# SPDX-License-Identifier: Apache-2.0
"""This file is about SMT-LIB 2 text: numerals out, s-expressions in, and the exact value of a term.

`Interpreter` gives an obligation its meaning without any solver: a counterexample counts only when the very text
that was refuted is false at it.  It knows the commands and operators that `exactlump/smt/obligations.py` writes, and
those of proofs/smt; anything else is a FormatError.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import reduce
from itertools import pairwise
from operator import add, mul, sub
from typing import Any, TypeAlias

from exactlump.errors import FormatError
from exactlump.numbers.rational import ZERO, Rational, decimal, fraction, rational, text

# A symbol or numeral, or a list of expressions.
Expression: TypeAlias = str | list["Expression"]
# A value: a rational or a truth value.
Value: TypeAlias = Any

_TOKEN = re.compile(r'\s+|;[^\n]*|(?P<token>[()]|"(?:[^"]|"")*"|\|[^|]*\||[^\s();"|]+)')


def numeral(value: Rational) -> str:
    """A rational as a term.

    >>> numeral(decimal("0.5")), numeral(decimal("-3")), numeral(decimal("-2.75"))
    ('(/ 1 2)', '(- 3)', '(- (/ 11 4))')
    """
    p, _, q = text(abs(value)).partition("/")
    word = f"(/ {p} {q})" if q else p
    return f"(- {word})" if value < 0 else word


def parse(words: str) -> list[Expression]:
    """The s-expressions of a text; FormatError when brackets do not match.

    >>> parse("(assert (> x 0)) ; a comment")
    [['assert', ['>', 'x', '0']]]
    """
    stack: list[list[Expression]] = [[]]
    for token in _tokens(words):
        if token == "(":
            stack.append([])
        elif token == ")":
            if len(stack) == 1:
                raise FormatError("SMT-LIB text: found a bracket that closes nothing")
            inner = stack.pop()
            stack[-1].append(inner)
        else:
            stack[-1].append(token)
    if len(stack) > 1:
        raise FormatError("SMT-LIB text: found its end, expected a closing bracket")
    return stack[0]


def _tokens(words: str) -> Iterator[str]:
    place = 0
    while place < len(words):
        match = _TOKEN.match(words, place)
        if match is None:
            raise FormatError(f"SMT-LIB text: found {words[place : place + 20]!r}, expected a token")
        if match["token"]:
            yield match["token"]
        place = match.end()


def _chain(holds: Callable[[Value, Value], bool]) -> Callable[..., bool]:
    return lambda *values: all(holds(a, b) for a, b in pairwise(values))


def _quotient(a: Rational, b: Rational) -> Rational:
    if not b:
        raise FormatError("SMT-LIB text: found a division by zero")
    return a / b


_OPERATORS: Mapping[str, Callable[..., Value]] = {
    "+": lambda *values: reduce(add, values),
    "*": lambda *values: reduce(mul, values),
    "-": lambda *values: -values[0] if len(values) == 1 else reduce(sub, values),
    "/": lambda *values: reduce(_quotient, values),
    "=": _chain(lambda a, b: a == b),
    "<": _chain(lambda a, b: a < b),
    ">": _chain(lambda a, b: a > b),
    "<=": _chain(lambda a, b: a <= b),
    ">=": _chain(lambda a, b: a >= b),
    "distinct": lambda *values: len(set(values)) == len(values),
    "not": lambda value: not value,
    "and": lambda *values: all(values),
    "or": lambda *values: any(values),
    "=>": lambda a, b: not a or b,
    "to_int": lambda value: rational(fraction(value)[0] // fraction(value)[1]),
    "to_real": lambda value: value,
    "is_int": lambda value: fraction(value)[1] == 1,
}


class Interpreter:
    """The definitions of a script, and values for its constants: names that have none are 0."""

    def __init__(self, script: str, values: Mapping[str, Rational]) -> None:
        self.constants: dict[str, Value] = {"true": True, "false": False}
        self.functions: dict[str, tuple[list[str], Expression]] = {}
        self.assertions: list[Expression] = []
        for command in parse(script):
            self._read(command, values)

    def _read(self, command: Expression, values: Mapping[str, Rational]) -> None:
        match command:
            case ["declare-const", str(name), "Real"] | ["declare-fun", str(name), [], "Real"]:
                self.constants[name] = values.get(name, ZERO)
            case ["define-fun", str(name), [], "Real" | "Bool", body]:
                self.constants[name] = self.value(body)
            case ["define-fun", str(name), [*parameters], "Real" | "Bool", body]:
                self.functions[name] = [str(p[0]) for p in parameters], body
            case ["assert", condition]:
                self.assertions.append(condition)
            case [str(word), *_] if word in ("set-info", "set-option", "set-logic", "declare-fun", "check-sat"):
                pass
            case [("push" | "pop"), _]:
                pass
            case _:
                raise FormatError(f"SMT-LIB text: found {str(command)[:60]}, expected a known command")

    def value(self, term: Expression, local: Mapping[str, Value] | None = None) -> Value:
        """The exact value of a term; FormatError where it has none, such as a function without a definition."""
        names = local or {}
        if isinstance(term, str):
            if term in names:
                return names[term]
            return self.constants[term] if term in self.constants else decimal(term)
        match term:
            case ["ite", condition, one, other]:
                return self.value(one if self.value(condition, names) else other, names)
            case ["let", [*bindings], body]:
                return self.value(body, {**names, **{name: self.value(t, names) for name, t in pairs(bindings)}})
            case [str(name), *arguments] if name in _OPERATORS:
                return _OPERATORS[name](*(self.value(a, names) for a in arguments))
            case [str(name), *arguments] if name in self.functions:
                parameters, body = self.functions[name]
                values = (self.value(a, names) for a in arguments)
                return self.value(body, dict(zip(parameters, values, strict=True)))
        raise FormatError(f"SMT-LIB text: found {str(term)[:60]}, expected a term with a value")


def read_model(words: str) -> dict[str, Rational]:
    """The answer to `get-value` for constants; FormatError where a value is no rational number."""
    nothing = Interpreter("", {})
    return {name: nothing.value(term) for answer in parse(words) for name, term in pairs(answer)}


def pairs(expression: Expression) -> list[tuple[str, Expression]]:
    """Names and terms, as in `let` and in an answer to `get-value`."""
    found = []
    for pair in expression:
        match pair:
            case [str(name), term]:
                found.append((name, term))
            case _:
                raise FormatError(f"SMT-LIB text: found {str(pair)[:60]}, expected a name and a term")
    return found
