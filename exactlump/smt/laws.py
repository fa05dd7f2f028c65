# SPDX-License-Identifier: Apache-2.0
"""This file is about laws: what is said of a function once, for all numbers, so that obligations need not define it.

    scaling   sigma(c*y) = h(c)*sigma(y), for the c that it commutes with
    twin      sigma(-c*y) = h(c)*sigma(y) - L*c*y, for the same
    linear    sigma(y) = y for y >= 0;   zero: sigma(y) = 0 for y <= 0
    positive  sigma(y) >= 0;             above: sigma(y) >= y
    chord     (high - low)*sigma(y) <= high*(y - low) for low <= y <= high, low < 0 < high

Each is an obligation of its own: nothing is taken from a table but which laws are put.
"""

from collections.abc import Sequence
from typing import NamedTuple

from exactlump.lumping.kinks import twin_law
from exactlump.network.kinds import Function, Largest
from exactlump.smt.functions import ALLOWED, allowed, applied, definition, factor, function_name, logic, scalings
from exactlump.smt.smtlib import numeral
from exactlump.smt.terms import times

_TITLES = {
    "scaling": "the scaling law of",
    "twin": "the twin law of",
    "linear": "from 0 on the identity:",
    "zero": "up to 0 nothing:",
    "positive": "nowhere negative:",
    "above": "nowhere below its argument:",
    "chord": "below its chord:",
}
_WORDS = {
    "linear": "from 0 on it is its argument",
    "zero": "up to 0 it is 0",
    "positive": "it is nowhere negative",
    "above": "it is nowhere below its argument",
    "chord": "between two numbers, one on either side of 0, it is nowhere above the line through its values there",
}
_STATEMENTS = {
    "linear": "(=> (>= y 0) (= {value} y))",
    "zero": "(=> (<= y 0) (= {value} 0))",
    "positive": "(>= {value} 0)",
    "above": "(>= {value} y)",
    "chord": "(=> (and (< low 0) (> high 0) (<= low y) (<= y high)) (<= (* (- high low) {value}) (* high (- y low))))",
}


class Law(NamedTuple):
    """A law of a function."""

    kind: str
    sigma: Function

    @property
    def title(self) -> str:
        """What the header of its script says."""
        return f"{_TITLES[self.kind]} {self.name}"

    @property
    def name(self) -> str:
        """How the function is called in words."""
        return "max_pool" if isinstance(self.sigma, Largest) else str(self.sigma)

    @property
    def rule(self) -> str:
        """The rule of its obligation."""
        return "law" if self.kind == "scaling" else f"{self.kind}-law"

    @property
    def words(self) -> str:
        """What it says."""
        if self.kind in _WORDS:
            return f"{self.name}: {_WORDS[self.kind]}"
        claim = "a scaling before it is one after it"
        if self.kind == "twin":
            claim = "minus a scaling before it is a scaling after it, and a multiple of what is before it"
        elif isinstance(self.sigma, Largest):
            claim = f"the larger of two values, and so the largest of many; {claim}"
        return f"{self.name}: {claim}, for the scalings {ALLOWED[scalings(self.sigma)]}"

    @property
    def constants(self) -> dict[str, str]:
        """What the constants of its script stand for."""
        found = {"y": "the value before the activation"}
        if self.kind == "chord":
            return found | {"low": "the lower number", "high": "the upper number"}
        if self.kind in ("scaling", "twin") and not self._is_sign:
            found = {"c": "the scaling", **found}
        return found | ({"z": "another value"} if isinstance(self.sigma, Largest) else {})

    @property
    def _is_sign(self) -> bool:
        return self.kind == "scaling" and scalings(self.sigma) == "plus or minus one"

    @property
    def theory(self) -> str:
        """The logic of its script."""
        theory = logic([self.sigma])
        return {"QF_LRA": "QF_NRA", "QF_UFLRA": "QF_UFNRA"}.get(theory, theory) if self._is_product else theory

    @property
    def _is_product(self) -> bool:
        return self.kind in ("scaling", "twin", "chord")

    @property
    def lines(self) -> list[str]:
        """The constants, and the function."""
        lines = []
        if self._is_sign:
            lines = ["(define-fun c () Real (/ (- 1) 1))"]
        elif self.kind in ("scaling", "twin"):
            lines = ["(declare-const c Real)", f"(assert {allowed(self.sigma, 'c')})"]
        lines += [f"(declare-const {name} Real)" for name in self.constants if name != "c"]
        return [*lines, *definition(self.sigma)]

    @property
    def assertion(self) -> str:
        """The negated law."""
        sigma = self.sigma
        if isinstance(sigma, Largest):
            return _differ("(larger (* c y) (* c z))", times(factor(sigma, "c"), "(larger y z)"))
        name = function_name(sigma)
        if self.kind == "scaling":
            return _differ(f"({name} (* c y))", f"(* {factor(sigma, 'c')} ({name} y))")
        if self.kind == "twin":
            law = twin_law(sigma)
            assert law is not None
            line = f"(* (- {numeral(law)}) c y)"
            return _differ(f"({name} (* (- c) y))", f"(+ (* {factor(sigma, 'c')} ({name} y)) {line})")
        return f"(assert (not {_STATEMENTS[self.kind].format(value=applied(sigma, 'y'))}))"


def _differ(one: str, other: str) -> str:
    return f"(assert (not (= {one} {other})))"


def ordered(laws: Sequence[Law]) -> list[Law]:
    """Laws in the order of their scripts, each once."""
    return sorted(dict.fromkeys(laws), key=lambda law: ([*_TITLES].index(law.kind), str(law.sigma)))
