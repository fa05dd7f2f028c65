# SPDX-License-Identifier: Apache-2.0
"""This file is about curves between two values: rational enclosures of values and slopes, by ball arithmetic.

Arb encloses every end in a ball that is far smaller than the 64 digits to which the checker's own series are rounded;
the cuts and the bands are those of docs/certificate-format.md, "bounds".  So both come to nearly the same pieces.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, TypeAlias

import flint

from exactlump.errors import Undecided
from exactlump.network.activations import Activation
from exactlump.numbers.rational import Rational, fraction

UNIT, WHOLE, FINE = 1 << 12, 1 << 40, 1 << 64
_DIGITS = 224
_CUTS = (-6, -3, -1, 0, 1, 3, 6)
Ball: TypeAlias = Any  # flint.arb, which ships no type hints


@dataclass(frozen=True, slots=True)
class Interval:
    """All numbers from `low` to `high`, two balls."""

    low: Ball
    high: Ball

    def __neg__(self) -> "Interval":
        return Interval(-self.high, -self.low)

    def __add__(self, other: "Interval") -> "Interval":
        return Interval(self.low + other.low, self.high + other.high)

    def __sub__(self, other: "Interval") -> "Interval":
        return self + -other

    def __mul__(self, other: "Interval") -> "Interval":
        corners = [x * y for x in (self.low, self.high) for y in (other.low, other.high)]
        return Interval(reduce(flint.arb.min, corners), reduce(flint.arb.max, corners))

    def inverse(self) -> "Interval":
        """1/x for positive x."""
        return Interval(1 / self.high, 1 / self.low)

    def size(self) -> "Interval":
        """The absolute value."""
        ends = abs(self.low), abs(self.high)
        near = flint.arb(0) if self.low <= 0 and self.high >= 0 else ends[0].min(ends[1])
        return Interval(near, ends[0].max(ends[1]))

    def within(self, low: Ball, high: Ball) -> "Interval":
        """The nearest number between two bounds."""
        return Interval(self.low.max(low).min(high), self.high.max(low).min(high))

    def over(self, rising: Callable[[Ball], Ball]) -> "Interval":
        """A function that does not fall."""
        return Interval(rising(self.low), rising(self.high))

    def ends(self) -> tuple[int, int]:
        """The ends over FINE, rounded outwards.  Raises Undecided where there are none."""
        if not (self.low.is_finite() and self.high.is_finite()):
            raise Undecided("bounds: found a curve without bounds")
        low, high = (self.low.lower() * FINE).floor(), (self.high.upper() * FINE).ceil()
        return int(low.unique_fmpz()), int(high.unique_fmpz())


def number(value: Rational | int) -> Interval:
    """A rational."""
    p, q = fraction(value) if not isinstance(value, int) else (value, 1)
    return Interval(flint.arb(p) / q, flint.arb(p) / q)


def _root(value: Ball) -> Interval:
    return Interval(value.sqrt(), value.sqrt())


def _logistic(x: Interval) -> Interval:
    return x.over(lambda t: 1 / (1 + (-t).exp()))


def _bend(x: Interval) -> Interval:
    """The slope of the logistic function."""
    return _logistic(x) * _logistic(-x)


def _bell(x: Interval) -> Interval:
    """exp(-x^2)."""
    return (-(x.size() * x.size())).over(lambda t: t.exp())


def _gate(x: Interval, value: Interval, slope: Interval) -> tuple[Interval, Interval]:
    """x times a function, of which these are value and slope."""
    return x * value, value + x * slope


def _erf(x: Interval) -> Interval:
    return x.over(lambda t: t.erf())


def _softplus(x: Interval) -> Interval:
    return x.over(lambda t: t.max(flint.arb(0)) + (1 + (-abs(t)).exp()).log())


def _gelu(x: Interval) -> tuple[Interval, Interval]:
    half, root = number(1) * _half(), _root(flint.arb(1) / 2)
    inside = x * root
    return _gate(x, half + half * _erf(inside), half * _root(4 / flint.arb.pi()) * root * _bell(inside))


def _half() -> Interval:
    return Interval(flint.arb(1) / 2, flint.arb(1) / 2)


def _gelu_tanh(x: Interval) -> tuple[Interval, Interval]:
    c, factor = Interval(*(flint.arb(44715) / 10**6,) * 2), _root(8 / flint.arb.pi())
    square = x.size() * x.size()
    inside = factor * x * (number(1) + c * square)
    return _gate(x, _logistic(inside), _bend(inside) * factor * (number(1) + number(3) * c * square))


def _mish(x: Interval) -> tuple[Interval, Interval]:
    r = _logistic(-x)
    t = number(2) * (number(1) + r * r).inverse() - number(1)
    return _gate(x, t, (number(1) - t * t) * _logistic(x))


def _elu(x: Interval, inside: Interval, outside: Interval, above: Interval) -> tuple[Interval, Interval]:
    zero = flint.arb(0)
    e = (x.within(x.low.min(zero), zero) * inside).over(lambda t: t.exp())
    value = above * x.within(zero, x.high.max(zero)) + outside * (e - number(1))
    slopes = [above] * bool(x.high > 0) + [outside * inside * e] * bool(x.low <= 0)
    return value, _around(slopes)


def _hard_swish(x: Interval) -> tuple[Interval, Interval]:
    slopes = [number(0)] * bool(x.low < -3) + [number(1)] * bool(x.high > 3)
    third, sixth = (Interval(flint.arb(1) / n, flint.arb(1) / n) for n in (3, 6))
    if not slopes or (x.low < 3 and x.high > -3):
        slopes.append(x * third + _half())
    return x * (x * sixth + _half()).within(flint.arb(0), flint.arb(1)), _around(slopes)


def _erf_gate(x: Interval, a: Interval, c: Interval) -> tuple[Interval, Interval]:
    inside = x * a
    return _gate(x, c * (number(1) + _erf(inside)), c * a * _root(4 / flint.arb.pi()) * _bell(inside))


def _hard_gate(x: Interval, a: Interval, b: Interval) -> tuple[Interval, Interval]:
    inside = x * a + b
    slopes = [number(0)] * (not inside.low >= 0) + [number(1)] * (not inside.high <= 1)
    if not slopes or not (inside.low >= 1 or inside.high <= 0):
        slopes.append(number(2) * a * x + b)
    return x * inside.within(flint.arb(0), flint.arb(1)), _around(slopes)


def _softsign(x: Interval) -> tuple[Interval, Interval]:
    size = number(1) + x.size()
    return x * size.inverse(), (size * size).inverse()


def _around(parts: Sequence[Interval]) -> Interval:
    return Interval(reduce(flint.arb.min, [x.low for x in parts]), reduce(flint.arb.max, [x.high for x in parts]))


def _unknown(_: Interval) -> tuple[Interval, Interval]:
    """A value and a slope between -1 and 1."""
    return Interval(flint.arb(-1), flint.arb(1)), Interval(flint.arb(-1), flint.arb(1))


# For each curve: value and slope on an interval.
CURVES: dict[str, Callable[..., tuple[Interval, Interval]]] = {
    "sigmoid": lambda x: (_logistic(x), _bend(x)),
    "tanh": lambda x: (number(2) * _logistic(x + x) - number(1), number(4) * _bend(x + x)),
    "silu": lambda x: _gate(x, _logistic(x), _bend(x)),
    "softplus": lambda x: (_softplus(x), _logistic(x)),
    "log_sigmoid": lambda x: (-_softplus(-x), _logistic(-x)),
    "exp": lambda x: (x.over(lambda t: t.exp()),) * 2,
    "erf": lambda x: (_erf(x), _root(4 / flint.arb.pi()) * _bell(x)),
    "gelu": _gelu,
    "gelu_tanh": _gelu_tanh,
    "mish": _mish,
    "softsign": _softsign,
    "elu": lambda x, a: _elu(x, number(1), a, number(1)),
    "celu": lambda x, a: _elu(x, a.inverse() if a.low > 0 else -(-a).inverse(), a, number(1)),
    "selu": lambda x, a, g: _elu(x, number(1), g * a, g),
    "hard_swish": _hard_swish,
    "erf_gate": _erf_gate,
    "hard_gate": _hard_gate,
    "surd": lambda x, d: (x * _root(d.low), _root(d.low)),
    "sin": _unknown,
    "cos": _unknown,
}


def curve_pieces(
    function: Activation, low: int, high: int
) -> tuple[list[tuple[int, int, int, int, int]], tuple[int, int]]:
    """The pieces (low, high, slope, least, most) of a curve from one value to another, and the range of its slopes.

    Raises Undecided where a value is too large to be enclosed.
    """
    inner = [low + (high - low) * i // 8 for i in range(8)] + [k * WHOLE for k in _CUTS if low <= k * WHOLE <= high]
    cuts = sorted({low, high, *inner})
    if function.name in ("exp", "celu") and max(-low, high) > 38 * WHOLE:
        raise Undecided(f"bounds: found {function} of more than 38")
    pieces, slopes = [], []
    old, flint.ctx.prec = flint.ctx.prec, _DIGITS
    try:
        parameters = [number(p) for p in function.parameters]
        for a, b in zip(cuts, cuts[1:] or cuts, strict=False):
            left, right = flint.arb(a) / WHOLE, flint.arb(b) / WHOLE
            value = CURVES[function.name](Interval(left, left), *parameters)[0].ends()
            slope = CURVES[function.name](Interval(left, right), *parameters)[1].ends()
            pieces.append(_piece(a, b, value, slope))
            slopes.append(slope)
    finally:
        flint.ctx.prec = old
    fine = FINE // UNIT
    return pieces, (min(s for s, _ in slopes) // fine, -(-max(s for _, s in slopes) // fine))


def _piece(a: int, b: int, value: tuple[int, int], slope: tuple[int, int]) -> tuple[int, int, int, int, int]:
    """A band with the middle slope, from the value at a and the slopes from a to b."""
    fine, beyond = FINE // UNIT, FINE // (UNIT * WHOLE)
    s = (slope[0] + slope[1]) // (2 * fine)
    below = min((slope[0] - s * fine) * (b - a), 0) // fine
    above = -(-max((slope[1] - s * fine) * (b - a), 0) // fine)
    return a, b, s, value[0] // beyond - s * a + below, -(-value[1] // beyond) - s * a + above
