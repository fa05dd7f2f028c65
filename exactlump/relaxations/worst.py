# SPDX-License-Identifier: Apache-2.0
"""This file is about the worst input of a box: where some output of two networks differs most.

For small networks Z3 Optimize proposes it from the whole-network script, and that no output differs by more is asked in
a check of its own.  Else it is the best of the candidates.  Either way the difference is evaluated exactly.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from exactlump.errors import UnsupportedLayer
from exactlump.network.program import Network
from exactlump.numbers.rational import ZERO, Rational, Vector
from exactlump.points.boxes import Box
from exactlump.refutation import whole
from exactlump.refutation.dichotomy import evaluate_flat
from exactlump.refutation.question import Question
from exactlump.smt.monolithic import Monolithic
from exactlump.smt.smtlib import Expression, numeral, parse
from exactlump.smt.solve import answers

MOST_OUTPUTS = 10


@dataclass(frozen=True, slots=True)
class Worst:
    """An input, the largest difference of an output there, and whether it was shown that none is larger."""

    x: Vector
    gap: Rational
    is_largest: bool


def worst_input(a: Network, b: Network, box: Box, candidates: Iterable[Vector], seconds: float) -> Worst | None:
    """The worst input of a bounded box that was found; None without bounds, or where no difference was found."""
    if not box.is_bounded:
        return None
    small = whole.is_small(a, b)
    found = [Worst(x, gap_at(a, b, x), False) for x in [*candidates, *(_proposed(a, b, box, seconds) if small else ())]]
    best = max((one for one in found if one.gap), key=lambda one: one.gap, default=None)
    if best is None or not small:
        return best
    try:
        word, _ = whole.ask(a, b, Question("epsilon", best.gap), box, seconds)
    except UnsupportedLayer:
        return best
    return Worst(best.x, best.gap, word == "unsat")


def gap_at(a: Network, b: Network, x: Vector) -> Rational:
    """The largest difference of an output at a flat input."""
    return max(abs(one - other) for one, other in zip(evaluate_flat(a, x), evaluate_flat(b, x), strict=True))


def _proposed(a: Network, b: Network, box: Box, seconds: float) -> list[Vector]:
    """What Z3 Optimize makes of each output, in both directions."""
    try:
        (script,) = Monolithic(a, b).scripts()
    except UnsupportedLayer:
        return []
    pairs = _outputs(script.obligations[0].assertion)
    if len(pairs) > MOST_OUTPUTS:
        return []
    names = list(script.constants)
    ends = zip(names, box.lower, box.upper, strict=True)
    bounds = "".join(f"(assert (<= {numeral(low)} {name} {numeral(high)}))\n" for name, low, high in ends)
    goals = [(one, other) for pair in pairs for one, other in (pair, pair[::-1])]
    checks = [f"(push 1)\n{bounds}(maximize (- {one} {other}))\n(check-sat)\n" for one, other in goals]
    found = answers("z3", script.preamble, checks, names, seconds)
    return [box.clamped([y.values.get(name, ZERO) for name in names]) for y in found if y.word == "sat"]


def _outputs(assertion: str) -> list[tuple[Expression, Expression]]:
    """The pairs of outputs that the whole-network question says are equal."""
    match parse(assertion):
        case [["assert", ["not", ["and", "true", *equations]]]]:
            return [(one, other) for equation in equations for _, one, other in [tuple(equation)]]
    return []
