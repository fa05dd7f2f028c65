# SPDX-License-Identifier: Apache-2.0
"""This file is about activations as functions of SMT-LIB scripts."""

from exactlump.activation import IDENTITY, Activation
from exactlump.errors import NoExactValue
from exactlump.rational import ZERO, text
from exactlump.smtlib import numeral
from exactlump.substitution import times


def function_name(sigma: Activation) -> str:
    """What scripts call an activation.

    >>> function_name(IDENTITY), function_name(Activation("tanh"))
    ('identity', 'some_tanh')
    """
    if sigma.slope is None:
        return f"some_{sigma.name}"
    known = {"relu": "relu", "abs": "absolute", "identity": "identity"}
    slope = text(sigma.slope).replace("-", "m").replace("/", "_")
    return known.get(str(sigma), f"leaky_{slope}")


def applied(sigma: Activation, term: str) -> str:
    """The activation of a term."""
    return term if sigma == IDENTITY else f"({function_name(sigma)} {term})"


def definition(sigma: Activation) -> list[str]:
    """An activation as if-then-else; one of which only its value at 0 is known, as any function with that value."""
    name = function_name(sigma)
    if sigma == IDENTITY:
        return []
    if sigma.slope is not None:
        below = times(numeral(sigma.slope), "y") if sigma.slope else "0"
        return [f"(define-fun {name} ((y Real)) Real (ite (>= y 0) y {below}))"]
    try:
        return [f"(declare-fun {name} (Real) Real)", f"(assert (= ({name} 0) {numeral(sigma(ZERO))}))"]
    except NoExactValue:
        return [f"(declare-fun {name} (Real) Real)"]
