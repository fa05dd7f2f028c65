# SPDX-License-Identifier: Apache-2.0
"""This file is about a query as text again, in either version: one line an assertion, every number exact.

Reading the text of a query's own version gives the query back.  In 2.0, a number without a finite decimal is avoided
by multiplying its comparison by a common denominator.
"""

import math
from collections.abc import Callable, Iterator

from exactlump.errors import CannotWrite
from exactlump.numbers.rational import ONE, ZERO, Rational, decimal_text, fraction, text
from exactlump.queries.formula import OR, Comparison, Formula, Joint
from exactlump.queries.query import INTEGERS, REAL, Network, Port, Query

MAX_DIGITS = 4000
_TURNED = {"<=": ">=", "<": ">"}


def query_text(query: Query, version: str | None = None) -> str:
    """The text of a query in VNN-LIB "1.0" or "2.0", by default in its own version.

    Raises CannotWrite for a number of more than 4000 characters, for another version and, for 1.0, where the query is
    not about one network with one real input and one real output, for 2.0 where there is no output.

    >>> from exactlump.queries.read import read_query
    >>> words = "(declare-const X_0 Real)(declare-const Y_0 Real)(assert (<= (+ X_0 (* 2 Y_0) 0.5) (/ 1 3)))"
    >>> print(query_text(read_query(words)))
    (declare-const X_0 Real)
    (declare-const Y_0 Real)
    (assert (<= (+ X_0 (* 2.0 Y_0)) (/ -1.0 6.0)))
    <BLANKLINE>
    """
    writers = {"1.0": _Version1, "2.0": _Version2}
    known = query.version if version is None else version
    if known not in writers:
        raise CannotWrite(f"version: found {known[:40]!r}, expected 1.0 or 2.0")
    writer = writers[known](query)
    assertions = (f"(assert {writer.formula(formula)})" for formula in query.assertions)
    return "".join(f"{line}\n" for line in (*writer.declarations(), *assertions))


def declaration(port: Port) -> str:
    """Name, element type and shape, as in `X real [1,5]`."""
    return f"{port.name} {port.element_type} [{','.join(map(str, port.shape))}]"


class _Version2:
    """The words of version 2.0; of a query in 1.0 the elements are X[0], X[1], ..."""

    equal = "=="

    def __init__(self, query: Query) -> None:
        self.query = query
        floats = (start for port, start in zip(query.ports, query.starts, strict=False) if not _is_integer(port))
        self.any = next(floats, 0)  # a variable to stand for none

    def declarations(self) -> Iterator[str]:
        """The lines before the assertions."""
        yield "(vnnlib-version <2.0>)"
        for network in self.query.networks:
            if not network.outputs:
                raise CannotWrite("version 2.0: found a network without outputs, expected at least one")
            yield f"(declare-network {network.name}"
            yield from (f"    ({words})" for words in _interface(network))
            yield ")"

    def name(self, v: int) -> str:
        """`X[0,2]`, or `X` where there are no axes."""
        port, k = self.query.place(v)
        return port.element(k)

    def formula(self, formula: Formula) -> str:
        """A formula on one line."""
        return _prefix(formula, self.comparison)

    def comparison(self, part: Comparison) -> str:
        """A comparison, with a single variable on the left where its factor is 1 or -1."""
        part = self.writable(part)
        turned = part.relation in _TURNED and len(part.terms) == 1 and part.terms[0][1] == -ONE
        if turned:
            ((v, _),) = part.terms
            return f"({_TURNED[part.relation]} {self.name(v)} {self.number(-part.bound, part)})"
        terms = [self.name(v) if c == 1 else f"(* {self.number(c, part)} {self.name(v)})" for v, c in part.terms]
        left = terms[0] if len(terms) == 1 else f"(+ {' '.join(terms)})" if terms else self.zero()
        return f"({self.equal if part.relation == '==' else part.relation} {left} {self.number(part.bound, part)})"

    def writable(self, part: Comparison) -> Comparison:
        """A comparison that says the same and has finite decimals only."""
        numbers = (part.bound, *(c for _, c in part.terms))
        if all(decimal_text(number) is not None for number in numbers):
            return part
        factor = math.lcm(*(fraction(number)[1] for number in numbers))
        return Comparison(tuple((v, c * factor) for v, c in part.terms), part.relation, part.bound * factor)

    def zero(self) -> str:
        """The left side of a comparison whose variables have cancelled: 2.0 wants one all the same."""
        return f"(* {self.number(ZERO, Comparison((), '<=', ZERO))} {self.name(self.any)})"

    def number(self, value: Rational, part: Comparison) -> str:
        """A number in a comparison: a decimal, without a point where the variables are integers."""
        words = _bounded(decimal_text(value) or text(value))
        port, _ = self.query.place(part.terms[0][0] if part.terms else self.any)
        return words if "." in words or _is_integer(port) else f"{words}.0"


class _Version1(_Version2):
    """The words of version 1.0."""

    equal = "="

    def __init__(self, query: Query) -> None:
        (network, *others), ports = query.networks, query.ports
        if others or len(network.inputs) != 1 or len(ports) > 2 or any(p.element_type != REAL for p in ports):
            raise CannotWrite("version 1.0: expected one network with one real input and one real output")
        super().__init__(query)

    def declarations(self) -> Iterator[str]:
        """The lines before the assertions."""
        return (f"(declare-const {self.name(v)} Real)" for v in range(self.query.variables))

    def name(self, v: int) -> str:
        """`X_2` or `Y_0`, whatever the ports are called."""
        inputs = self.query.ports[0].size
        return f"X_{v}" if v < inputs else f"Y_{v - inputs}"

    def comparison(self, part: Comparison) -> str:
        """A comparison; `!=` is two of them."""
        if part.relation != "!=":
            return super().comparison(part)
        opposite = tuple((v, -c) for v, c in part.terms)
        parts = Comparison(part.terms, "<", part.bound), Comparison(opposite, "<", -part.bound)
        return f"({OR} {' '.join(map(self.comparison, parts))})"

    def writable(self, part: Comparison) -> Comparison:
        """The comparison itself: there is division."""
        return part

    def zero(self) -> str:
        """The left side of a comparison whose variables have cancelled."""
        return "0.0"

    def number(self, value: Rational, part: Comparison) -> str:
        """A decimal, or a quotient."""
        words = decimal_text(value)
        if words is None:
            p, q = fraction(value)
            return f"(/ {_bounded(text(p))}.0 {_bounded(text(q))}.0)"
        return _bounded(words if "." in words else f"{words}.0")


def _is_integer(port: Port) -> bool:
    return port.element_type in INTEGERS


def _interface(network: Network) -> Iterator[str]:
    if network.relation:
        yield f"{network.relation} {network.other}"
    for kind, ports in (("input", network.inputs), ("output", network.outputs)):
        yield from (f"declare-{kind} {declaration(port)}" for port in ports)


def _prefix(formula: Formula, words_of: Callable[[Comparison], str]) -> str:
    """A formula with each operator before its parts: from the last node to the first, then put in order."""
    words: list[str] = []
    waiting: list[tuple[str, int]] = []  # operators, each with how many of its parts are to come
    for node in reversed(formula.nodes):
        if isinstance(node, Joint):
            words.append(")")
            waiting.append((node.word, node.parts))
            continue
        words.append(words_of(node))
        while waiting:
            word, parts = waiting.pop()
            if parts > 1:
                waiting.append((word, parts - 1))
                break
            words.append(f"({word}")
    return " ".join(reversed(words)).replace(" )", ")")


def _bounded(words: str) -> str:
    if len(words) > MAX_DIGITS:
        raise CannotWrite(f"found a number of {len(words)} characters, expected at most {MAX_DIGITS}")
    return words
