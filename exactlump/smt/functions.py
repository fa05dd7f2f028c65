# SPDX-License-Identifier: Apache-2.0
"""This file is about activations as functions of SMT-LIB scripts.

What is piecewise linear, or rational, or rounds, is defined as it is.  The others are any functions that have what is
known of them: the value at 0, that they are odd or even, that sigma(y) - sigma(-y) = y, that they are not negative, the
values where they are rational.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress

from exactlump.errors import NoExactValue
from exactlump.network.activations import IDENTITY, Activation
from exactlump.network.kinds import Function, Largest
from exactlump.numbers.rational import ZERO, text
from exactlump.smt.smtlib import numeral
from exactlump.smt.terms import times


def function_name(sigma: Activation) -> str:
    """What scripts call an activation.

    >>> function_name(IDENTITY), function_name(Activation("tanh")), function_name(Activation("sign"))
    ('identity', 'some_tanh', 'sign')
    """
    known = {"relu": "relu", "abs": "absolute", "identity": "identity"}
    words = [text(parameter).replace("-", "m").replace("/", "_") for parameter in sigma.parameters]
    if sigma.slope is not None:
        return known.get(str(sigma), f"leaky_{words[0]}")
    return "__".join([sigma.name if sigma.name in _DEFINED else f"some_{sigma.name}", *words])


def applied(sigma: Function, term: str) -> str:
    """The activation of a term; a numeral is an integer where there are integers, so that it has to be made real."""
    assert not isinstance(sigma, Largest)
    if sigma == IDENTITY:
        return term
    return f"({function_name(sigma)} {f'(+ {term} 0.0)' if sigma.name in _STEPS else term})"


def largest(terms: Sequence[str]) -> str:
    """The largest of some terms; `definition` of a max-pool has what it takes."""
    found, *others = terms
    for term in others:
        found = f"(larger {found} {term})"
    return found


def is_piecewise_linear(sigma: Activation) -> bool:
    """Whether its definition is a finite choice between linear terms."""
    return sigma.name in _LINEAR


def logic(functions: Iterable[Function]) -> str:
    """The SMT-LIB logic of linear terms under these functions."""
    names = {sigma.name for sigma in functions if not isinstance(sigma, Largest)}
    if names <= _LINEAR.keys():
        return "QF_LRA"
    if names & _STEPS.keys():
        return "ALL"
    return "QF_UFNRA" if names & _NONLINEAR.keys() else "QF_UFLRA"


def definition(sigma: Function) -> list[str]:
    """The commands that define a function; none for the identity."""
    if isinstance(sigma, Largest):
        return ["(define-fun larger ((y Real) (z Real)) Real (ite (>= y z) y z))"]
    if sigma == IDENTITY:
        return []
    name = function_name(sigma)
    if sigma.name == "surd":
        return _root(name, text(sigma.parameters[0]))
    if sigma.name in _DEFINED:
        words = [f"(/ {numeral(p)} 1)" if sigma.name in _STEPS else numeral(p) for p in sigma.parameters]
        body = _DEFINED[sigma.name](*words)
        return [f"(define-fun {name} ((y Real)) Real {body})"]
    return _unknown(sigma, name)


# Which scalings, in words.
ALLOWED = {"one": "1", "plus or minus one": "1 and -1", "positive": "every one > 0", "any sign": "every one but 0"}


def scalings(sigma: Function) -> str:
    """Which scalings the function commutes with."""
    return "positive" if isinstance(sigma, Largest) else sigma.scalings


def ratio(sigma: Function) -> str:
    """What comes out of them: "c", its size or its sign."""
    return "c" if isinstance(sigma, Largest) else sigma.ratio


def allowed(sigma: Function, c: str) -> str:
    """The condition that the function commutes with a scaling, as a term."""
    return {
        "one": f"(= {c} 1)",
        "plus or minus one": f"(or (= {c} 1) (= {c} (- 1)))",
        "positive": f"(> {c} 0)",
        "any sign": f"(not (= {c} 0))",
    }[scalings(sigma)]


def factor(sigma: Function, c: str) -> str:
    """What comes out of a scaling, as a term."""
    return {"c": c, "size": f"(ite (>= {c} 0) {c} (- {c}))", "sign": f"(ite (> {c} 0) 1 (- 1))"}[ratio(sigma)]


# What is defined, by templates over `y` and the parameters as numerals.


def _clipped(term: str, low: str, high: str) -> str:
    return f"(let ((z {term})) (ite (< z {low}) {low} (ite (> z {high}) {high} z)))"


def _floor(term: str) -> str:
    return f"(to_real (to_int {term}))"


def _rounded(term: str) -> str:
    """The floor of one half more; one less where that was a tie and the result is odd."""
    odd = "(and (= z f) (not (is_int (/ f 2))))"
    return f"(let ((z (+ {term} (/ 1 2)))) (let ((f {_floor('z')})) (ite {odd} (- f 1) f)))"


def _quantized(rounded: Callable[[str], str]) -> Callable[..., str]:
    def body(scale: str, zero: str, low: str, high: str) -> str:
        steps = rounded(f"(/ y {scale})")
        return f"(* {scale} (- {_clipped(f'(+ {steps} {zero})', low, high)} {zero}))"

    return body


# The argument.
_Y = "y"
_SIZE = "(ite (>= y 0) y (- y))"
_LINEAR: Mapping[str, Callable[..., str]] = {
    "leaky_relu": lambda slope: f"(ite (>= y 0) y {'0' if slope == '0' else times(slope, 'y')})",
    "clip": lambda low, high: _clipped("y", low, high),
    "at_least": lambda low: f"(ite (< y {low}) {low} y)",
    "at_most": lambda high: f"(ite (> y {high}) {high} y)",
    "hard_sigmoid": lambda alpha, beta: _clipped(f"(+ {times(alpha, 'y')} {beta})", "0", "1"),
    "thresholded_relu": lambda alpha: f"(ite (> y {alpha}) y 0)",
    "sign": lambda: "(ite (> y 0) 1 (ite (< y 0) (- 1) 0))",
    "bipolar_sign": lambda: "(ite (>= y 0) 1 (- 1))",
}
_STEPS: Mapping[str, Callable[..., str]] = {
    "floor": lambda: _floor("y"),
    "ceil": lambda: f"(- {_floor('(- y)')})",
    "round": lambda: f"(ite (>= y 0) {_rounded('y')} (- {_rounded('(- y)')}))",
    "quantize": _quantized(_rounded),
    "quantize_floor": _quantized(_floor),
}
_NONLINEAR: Mapping[str, Callable[..., str]] = {
    "hard_gate": lambda alpha, beta: f"(* y {_clipped(f'(+ {times(alpha, _Y)} {beta})', '0', '1')})",
    "hard_swish": lambda: f"(* y {_clipped('(+ (/ y 6) (/ 1 2))', '0', '1')})",
    "softsign": lambda: f"(/ y (+ 1 {_SIZE}))",
    "surd": lambda d: f"(* root_{d} y)",
}
_DEFINED = {**_LINEAR, **_STEPS, **_NONLINEAR}


def _root(name: str, d: str) -> list[str]:
    """The positive number whose square is d."""
    return [
        f"(declare-const root_{d} Real)",
        f"(assert (> root_{d} 0))",
        f"(assert (= (* root_{d} root_{d}) {d}))",
        f"(define-fun {name} ((y Real)) Real (* root_{d} y))",
    ]


# Functions of which nothing is used but their value at 0 and: sigma(y) - sigma(-y) = y, or that they are not negative.
_TWINS = ("gelu", "gelu_tanh", "silu", "softplus", "log_sigmoid")
_POSITIVE = ("sigmoid", "exp", "softplus")


def _unknown(sigma: Activation, name: str) -> list[str]:
    """Any function with what is known of it: of odd and even ones, and of those with twins, one half says the other."""
    half = name.replace("some_", "half_", 1)
    above, below = _halves(sigma, half)
    lines = [f"(declare-fun {half if below else name} (Real) Real)"]
    if below:
        body = f"(ite {_from(sigma)} {above} {below})" if above != below else above
        lines.append(f"(define-fun {name} ((y Real)) Real {body})")
    with suppress(NoExactValue):
        if sigma.name != "softplus_above":
            lines.append(f"(assert (= ({name} 0) {numeral(sigma(ZERO))}))")
    return lines


def _from(sigma: Activation) -> str:
    """Where the first half begins."""
    if sigma.name == "softplus_above":
        beta, above = map(numeral, sigma.parameters)
        return f"(> {times(beta, _Y)} {above})"
    return "(>= y 0)"


def _halves(sigma: Activation, half: str) -> tuple[str, str]:
    """What a function is from 0 on, and below it; nothing where both are unknown."""
    size = f"(let ((z ({half} {{0}}))) (ite (>= z 0) z (- z)))" if sigma.name in _POSITIVE else f"({half} {{0}})"
    if sigma.name == "softplus_above":
        return _Y, size.format(_Y)
    if sigma.scalings == "plus or minus one":
        below = size.format("(- y)")
        return size.format(_Y), below if sigma.ratio == "size" else f"(- {below})"
    if sigma.name in _TWINS:
        return f"(+ y {size.format('(- y)')})", size.format(_Y)
    if sigma.name in ("elu", "selu", "celu"):
        return times(numeral(sigma.parameters[1]), _Y) if sigma.name == "selu" else _Y, size.format(_Y)
    return (size.format(_Y),) * 2 if sigma.name in _POSITIVE else ("", "")
