# SPDX-License-Identifier: Apache-2.0
"""This file is about formulas: comparisons of linear expressions, joined by `and` and `or` to any depth.

Throughout: a variable is its number in the query (query.py); values[v] is the value of variable v.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from exactlump.numbers.rational import ZERO, Rational

RELATIONS = ("<=", "<", "==", "!=")
AND, OR = "and", "or"


@dataclass(frozen=True, slots=True)
class Comparison:
    """The sum of c * v over the terms (v, c), in relation to the bound.

    terms     variables ascending, factors not 0; empty where all variables cancel
    relation  one of `<=`, `<`, `==`, `!=`
    """

    terms: tuple[tuple[int, Rational], ...]
    relation: str
    bound: Rational

    def holds(self, values: Sequence[Rational]) -> bool:
        """Whether the values obey it, exactly."""
        return related(sum((c * values[v] for v, c in self.terms), ZERO), self.relation, self.bound)


def related(left: Rational, relation: str, right: Rational) -> bool:
    """Whether two numbers are in a relation."""
    if relation == "<=":
        return bool(left <= right)
    if relation == "<":
        return bool(left < right)
    return bool((left == right) == (relation == "=="))


@dataclass(frozen=True, slots=True)
class Joint:
    """The last `parts` formulas before it, joined by `and` or `or`; at least two."""

    word: str
    parts: int


Node: TypeAlias = Comparison | Joint


@dataclass(frozen=True, slots=True)
class Formula:
    """A formula with every part before what joins it: a, b, `Joint("and", 2)` is a and b.

    So written down it has any depth, and all that is done with it is a loop over its nodes.
    """

    nodes: tuple[Node, ...]

    @property
    def comparisons(self) -> Iterator[Comparison]:
        """Its comparisons in order."""
        return (node for node in self.nodes if isinstance(node, Comparison))

    def holds(self, values: Sequence[Rational]) -> bool:
        """Whether the values satisfy it, exactly."""
        stack: list[bool] = []
        for node in self.nodes:
            if isinstance(node, Comparison):
                stack.append(node.holds(values))
            else:
                parts = stack[-node.parts :]
                del stack[-node.parts :]
                stack.append(all(parts) if node.word == AND else any(parts))
        (truth,) = stack
        return truth


def joined(word: str, formulas: Sequence[Formula]) -> Formula:
    """The formulas joined by `and` or `or`; one alone is itself."""
    nodes = [node for formula in formulas for node in formula.nodes]
    if len(formulas) > 1:
        nodes.append(Joint(word, len(formulas)))
    return Formula(tuple(nodes))
