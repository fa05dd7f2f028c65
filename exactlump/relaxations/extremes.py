# SPDX-License-Identifier: Apache-2.0
"""This file is about Z3's part in the relaxation: it discharges "right everywhere", or finds points where it is not.

    a point   where the defect is not 0, any one
    nicest    the smallest common denominator of the coordinates, then the smallest largest numerator
    worst     the largest |defect| on a bounded box

Z3 sees the definition, absolute values as if-then-else, and none of the reasoning of `regions.py`.  Every point is
evaluated exactly before it is returned.
"""

from dataclasses import dataclass

from exactlump.numbers.rational import ONE, ZERO, Rational, Vector
from exactlump.refutation.shorten import shortened
from exactlump.relaxations.regions import Combination, domain_script, used_coordinates
from exactlump.smt.smtlib import numeral
from exactlump.smt.solve import answers
from exactlump.smt.terms import times, total

MOST_DENOMINATOR = 64
MOST_COORDINATES = 8
_SIZES = (0, 1, 2, 4, 8, 16, 32, 64, 256, 4096)


@dataclass(frozen=True, slots=True)
class Point:
    """A point of the domain and the defect there.  is_best: it was shown that none is nicer, or worse."""

    z: Vector
    defect: Rational
    is_best: bool


def _script(combination: Combination) -> str:
    """The definition of the defect D, times 2 / (1 - slope)."""
    rows = [row for _, row in combination.parts]
    terms = [times(numeral(c), f"(absolute y{k})") for k, (c, _) in enumerate(combination.parts)]
    return (
        domain_script(rows, combination.box, strict=False)
        + "(define-fun absolute ((t Real)) Real (ite (>= t 0) t (- t)))\n"
        + f"(define-fun defect () Real {total(terms)})\n"
    )


def _axes(combination: Combination) -> list[int]:
    return used_coordinates([row for _, row in combination.parts])


def check(combination: Combination, seconds: float) -> tuple[str, Point | None]:
    """Z3's answer to "is the defect anywhere not 0?", with a point for `sat`: unsat discharges "right everywhere"."""
    if combination.slope == 1:
        return "unsat", None
    names = [f"z{i}" for i in _axes(combination)]
    question = "(push 1)\n(assert (distinct defect 0))\n(check-sat)\n"
    (answer,) = answers("z3", _script(combination), [question], names, seconds)
    if answer.word != "sat":
        return answer.word, None
    point = _point(combination, {name: answer.values.get(name, ZERO) for name in names}, False)
    return ("sat", point) if point else ("unknown", None)


def _point(combination: Combination, values: dict[str, Rational], is_best: bool) -> Point | None:
    """The point with these coordinates, the others as near to 0 as the box lets them; None if the defect is 0."""
    size = len(combination.box.lower)
    z = combination.box.clamped([values.get(f"z{i}", ZERO) for i in range(size)])
    defect = combination.defect(z)
    return Point(z, defect, is_best) if defect else None


def nicest(combination: Combination, seconds: float) -> Point | None:
    """The nicest point at which the defect is not 0; None when it was not found in time, or the rows read much."""
    axes = _axes(combination)
    if combination.slope == 1 or len(axes) > MOST_COORDINATES:
        return None
    for q in range(1, MOST_DENOMINATOR + 1):
        grid = "".join(f"(declare-const p{i} Int)\n(assert (= z{i} (/ (to_real p{i}) {q})))\n" for i in axes)
        script = _script(combination).replace("QF_LRA", "ALL") + grid + "(assert (distinct defect 0))\n"
        word, values = _smallest(script, axes, seconds)
        if word != "unsat":
            return _point(combination, values, True) if word == "sat" else None
    return None


def shorter(combination: Combination, point: Point, tries: int = 128) -> Point:
    """A point with shorter numbers at which the defect is not 0: not the nicest one."""
    z = shortened(point.z, combination.box, lambda z: bool(combination.defect(z)), tries)
    return Point(z, combination.defect(z), False)


def _smallest(script: str, axes: list[int], seconds: float) -> tuple[str, dict[str, Rational]]:
    """Z3's answer on one grid, and for `sat` the values whose largest numerator is the least."""
    names = [f"z{i}" for i in axes]
    low, high, values = -1, None, {}
    for size, answer in zip(
        _SIZES, answers("z3", script, [_within(axes, s) for s in _SIZES], names, seconds), strict=True
    ):
        if answer.word == "unsat":
            low = size
            continue
        if answer.word == "unknown":
            return "unknown", {}
        high, values = size, dict(answer.values)
        break
    if high is None:
        return "unsat", {}
    while high - low > 1:
        middle = (low + high) // 2
        (answer,) = answers("z3", script, [_within(axes, middle)], names, seconds)
        if answer.word == "unknown":
            return "unknown", {}
        low, high, values = (low, middle, dict(answer.values)) if answer.word == "sat" else (middle, high, values)
    return "sat", values


def _within(axes: list[int], size: int) -> str:
    bounds = "".join(f"(assert (<= (- {size}) p{i} {size}))\n" for i in axes)
    return f"(push 1)\n{bounds}(check-sat)\n"


def worst(combination: Combination, seconds: float) -> Point | None:
    """The point of a bounded box with the largest |defect|; None when there is none, or Z3 did not find it in time.

    Z3 Optimize proposes it; that nothing is larger is asked in a check of its own.
    """
    axes = _axes(combination)
    box = combination.box
    if combination.slope == 1 or any(box.lower[i] is None or box.upper[i] is None for i in axes):
        return None
    names = [f"z{i}" for i in axes]
    goals = [f"(push 1)\n(maximize {goal})\n(check-sat)\n" for goal in ("defect", "(- defect)")]
    found = [
        _point(combination, dict(answer.values), False)
        for answer in answers("z3", _script(combination), goals, names, seconds)
        if answer.word == "sat"
    ]
    best = max((point for point in found if point), key=lambda point: abs(point.defect), default=None)
    return best and Point(best.z, best.defect, _is_largest(combination, best.defect, seconds))


def _is_largest(combination: Combination, defect: Rational, seconds: float) -> bool:
    bound = numeral(abs(defect) * 2 / abs(ONE - combination.slope))
    question = f"(push 1)\n(assert (or (> defect {bound}) (< defect (- {bound}))))\n(check-sat)\n"
    (answer,) = answers("z3", _script(combination), [question], (), seconds)
    return answer.word == "unsat"
