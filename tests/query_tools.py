# SPDX-License-Identifier: Apache-2.0
"""This file is about what the tests of queries share: structures as plain text and tuples, random queries, mutants."""

import re
from fractions import Fraction
from pathlib import Path

from exactlump.numbers.rational import fraction, text
from exactlump.queries import Comparison, disjuncts

QUERIES = sorted((Path(__file__).parent / "queries").glob("*.vnnlib"))
PRIORITY = {"and": " and ", "or": " or "}


def described(query):
    """A query in lines: networks, then assertions, with numbers as p/q and operators between what they join."""
    lines = [f"version {query.version}"]
    for network in query.networks:
        relation = f" {network.relation} {network.other}" if network.relation else ""
        lines.append(
            f"network {network.name}{relation}: {_ports(network.inputs)} -> {_ports(network.outputs)}".rstrip()
        )
    return [*lines, *(f"assert {_formula(query, assertion)}" for assertion in query.assertions)]


def _ports(ports):
    return ", ".join(f"{port.name} {port.element_type} {list(port.shape)}".replace(", ", ",") for port in ports)


def _formula(query, formula):
    stack = []
    for node in formula.nodes:
        if isinstance(node, Comparison):
            stack.append(_comparison(query, node))
        else:
            parts = stack[-node.parts :]
            del stack[-node.parts :]
            stack.append(f"({PRIORITY[node.word].join(parts)})")
    (words,) = stack
    return words


def _comparison(query, part):
    words = ""
    for v, c in part.terms:
        sign = (" - " if words else "-") if c < 0 else (" + " if words else "")
        words += f"{sign}{'' if abs(c) == 1 else text(abs(c)) + ' '}{query.element(v)}"
    return f"{words or '0'} {part.relation} {text(part.bound)}"


def expectations(path):
    """The lines of a query file that say what is to be read: those that begin with `;; `."""
    lines = path.read_bytes().decode("latin-1").splitlines()
    return [line[3:] for line in lines if line.startswith(";; ")]


def exact(value):
    return Fraction(*fraction(value))


def as_tuples(query):
    """Version, networks, and the comparisons of all disjuncts, with fractions of the standard library."""
    networks = [
        (
            network.name,
            tuple((port.name, port.element_type, port.shape) for port in network.inputs),
            tuple((port.name, port.element_type, port.shape) for port in network.outputs),
            network.relation,
            network.other,
        )
        for network in query.networks
    ]
    cases = [
        [({v: exact(c) for v, c in part.terms}, part.relation, exact(part.bound)) for part in disjunct.comparisons]
        for disjunct in disjuncts(query)
    ]
    return query.version, networks, cases


# Random queries

WORDS_1 = ("<=", "<", ">=", ">", "=")
WORDS_2 = ("<=", "<", ">=", ">", "==", "!=")


class Writer:
    """Random texts of one version: a few variables, assertions of a bounded depth, numbers as people write them."""

    def __init__(self, rng, version, networks=1, size=2):
        self.rng, self.version = rng, version
        self.networks = networks if version == "2.0" else 1
        self.inputs = [self.elements("X", n, size) for n in range(self.networks)]
        self.outputs = [self.elements("Y", n, size) for n in range(self.networks)]
        self.variables = [name for ports in (*self.inputs, *self.outputs) for name in ports]

    def elements(self, letter, n, size):
        if self.version == "1.0":
            return [f"{letter}_{k}" for k in range(size)]
        return [f"{letter}{n}[0,{k}]" for k in range(size)]

    def text(self, assertions=3, depth=3):
        lines = [*self.declarations()]
        lines += [f"(assert {self.formula(depth)})" for _ in range(assertions)]
        return "\n".join(lines) + "\n"

    def declarations(self):
        if self.version == "1.0":
            yield from (f"(declare-const {name} Real)" for name in self.variables)
            return
        yield "(vnnlib-version <2.0>)"
        for n in range(self.networks):
            relation = self.rng.choice(["", "(equal-to f0)", "(isomorphic-to f0)"]) if n else ""
            size = len(self.inputs[n])
            ports = f"(declare-input X{n} real [1,{size}]) (declare-output Y{n} real [1,{size}])"
            yield f"(declare-network f{n} {relation} {ports})"

    def formula(self, depth):
        kind = self.rng.random()
        if depth == 0 or kind < 0.4:
            word = self.rng.choice(WORDS_1 if self.version == "1.0" else WORDS_2)
            return f"({word} {self.linear(2, self.rng.choice(self.variables))} {self.linear(2)})"
        parts = " ".join(self.formula(depth - 1) for _ in range(self.rng.randint(1, 3)))
        return f"({'and' if kind < 0.7 else 'or'} {parts})"

    def linear(self, depth, needed=None):
        """A linear expression; one that is to have a variable has the given one somewhere."""
        kind = self.rng.random()
        if depth == 0 or kind < 0.3:
            return needed or (self.rng.choice(self.variables) if kind < 0.15 else self.number())
        inner = self.linear(depth - 1, needed)
        if kind < 0.5:
            parts = [self.number(), inner]
            self.rng.shuffle(parts)
            return f"(* {' '.join(parts)})"
        if kind < 0.6:
            return f"(- {inner})"
        if kind < 0.65 and self.version == "1.0":
            return f"(/ {inner} {self.rng.choice(['3', '0.5', '(- 7)'])})"
        parts = [inner, *(self.linear(depth - 1) for _ in range(self.rng.randint(1, 2)))]
        self.rng.shuffle(parts)
        return f"({'+' if kind < 0.85 else '-'} {' '.join(parts)})"

    def number(self):
        rng = self.rng
        word = f"{rng.choice(['', '', '-'])}{rng.randint(0, 3)}.{rng.choice(['0', '5', '25', '125', '1', '05'])}"
        if self.version == "1.0" and rng.random() < 0.3:
            return rng.choice([str(rng.randint(0, 9)), f"(/ {rng.randint(0, 5)} 3)", f"{word}e-{rng.randint(0, 3)}"])
        return word


SNIPPETS = [
    *("(", ")", "[", "]", ",", " ", "\n", ";", '"', "|", "-", "+", "*", "/", "=", "<", ">", "0", "1", ".", "e", "\\"),
    *("and", "or", "not", "assert", "declare-const", "declare-input", "declare-hidden", "equal-to", "<2.0>", "Real"),
    *("X_0", "Y_0", "X0", "[0,0]", "[]", "1e9999", "1e-3", "(- 1)", "(+ )", "()", "(/ 1 0)", "\u00b2", "\u00a0", "\0"),
]


def mutant(rng, text):
    """The text with a few changes: words deleted, doubled, exchanged, or put somewhere; parts cut out; ends cut off."""
    for _ in range(rng.randint(1, 3)):
        words = re.findall(r"[A-Za-z0-9_.-]+|\s+|.", text)
        i, j = rng.randrange(len(words)), rng.randrange(len(words))
        kind = rng.randrange(7)
        if kind == 0:
            del words[i]
        elif kind == 1:
            words.insert(i, words[j])
        elif kind == 2:
            words[i], words[j] = words[j], words[i]
        elif kind == 3:
            words.insert(i, rng.choice(SNIPPETS))
        elif kind == 4:
            words[i] = rng.choice(SNIPPETS)
        elif kind == 5:
            del words[min(i, j) : min(i, j) + rng.randint(1, 8)]
        else:
            words = words[: max(i, 1)] if rng.random() < 0.2 else words
        text = "".join(words) or "("
    return text
