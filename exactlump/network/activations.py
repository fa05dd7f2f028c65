# SPDX-License-Identifier: Apache-2.0
"""This file is about activation functions: their exact values, and the scalings that they commute with.

An activation sigma commutes with c, giving h, when sigma(c*y) = h*sigma(y) for every real y.  Lumping may use such
pairs (c, h) and no others.  The table at the end says which; every row of it is shown in docs/activations.md, by both
solvers or by a proof, and every scaling that is not in it is refuted there at a point.

How a finder of classes uses the table.  `scalings` is one of four words, which name the allowed c:

    | scalings     | allowed c | divide a row by                             |
    |--------------|-----------|---------------------------------------------|
    | "one"        | 1         | nothing                                     |
    | "plus or minus one" | 1 and -1  | the sign of its first entry                 |
    | "positive"   | c > 0     | the absolute value of its first entry       |
    | "any sign"   | c != 0    | its first entry                             |

Two rows may share a class exactly when they are equal after that; `scaling(c)` is the ratio h of the two neurons when
c is the ratio of their rows.  h need not be c: abs has |c|, cos has 1, sign has the sign of c, bipolar_sign 1.
Where h does not tell c (`is_scale_free`: sign and bipolar_sign), a checker reads c off the two rows.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from exactlump.errors import NoExactValue, ShapeError
from exactlump.numbers.rational import ONE, ZERO, Rational, Vector, fraction, rational, text

# The value at y for the parameters of the function; None where it is irrational, or not known to be rational.
Value: TypeAlias = Callable[..., Rational | None]

_HALF, _THREE = rational(1, 2), rational(3)


@dataclass(frozen=True, slots=True)
class Kind:
    """A row of the table.

    parameters  their names, in order
    scalings    the allowed c, by one of the four words
    ratio       h: "c", its "size" |c| or its "sign"
    value       the exact value
    special     for parameters with other scalings than the rest: these; None for the rest
    """

    parameters: tuple[str, ...]
    scalings: str
    ratio: str
    value: Value
    special: Callable[..., tuple[str, str] | None] = lambda *_: None


@dataclass(frozen=True, slots=True)
class Activation:
    """One scalar function: `name` and parameters as in the table KINDS, leaky_relu having the slope for y < 0.

    Raises ShapeError for a name that is not in the table, and for parameters that do not fit it.

    >>> relu = Activation("leaky_relu", (ZERO,))
    >>> relu(rational(-3)) == 0 and relu.scaling(rational(2)) == 2 and relu.scaling(rational(-2)) is None
    True
    """

    name: str
    parameters: Vector = ()

    def __post_init__(self) -> None:
        kind = KINDS.get(self.name)
        if kind is None:
            raise ShapeError(f"activation: found {self.name[:40]!r}, expected one of {', '.join(KINDS)}")
        if len(self.parameters) != len(kind.parameters):
            wanted = f"{len(kind.parameters)} ({', '.join(kind.parameters) or 'none'})"
            raise ShapeError(f"activation {self.name}: found {len(self.parameters)} parameters, expected {wanted}")
        if flaw := _flaw(self.name, self.parameters):
            raise ShapeError(f"activation {self}: {flaw}")

    def __call__(self, y: Rational) -> Rational:
        """sigma(y); NoExactValue where it is irrational, or not known to be rational."""
        value = KINDS[self.name].value(y, *self.parameters)
        if value is None:
            raise NoExactValue(f"{self}({text(y)}) is not a rational number")
        return value

    @property
    def _symmetry(self) -> tuple[str, str]:
        kind = KINDS[self.name]
        return kind.special(*self.parameters) or (kind.scalings, kind.ratio)

    @property
    def scalings(self) -> str:
        """Which c it commutes with: "one", "plus or minus one", "positive" or "any sign"."""
        return self._symmetry[0]

    @property
    def ratio(self) -> str:
        """What comes out of c: "c", its "size" |c|, or its "sign"."""
        return self._symmetry[1]

    def scaling(self, c: Rational) -> Rational | None:
        """The h with sigma(c*y) = h*sigma(y) for all y, or None where the table has none (docs/activations.md)."""
        if c == 1:
            return ONE
        allowed = {"one": False, "plus or minus one": c == -1, "positive": c > 0, "any sign": c != 0}
        if not allowed[self.scalings]:
            return None
        if self.ratio == "sign":
            return ONE if c > 0 else -ONE
        return abs(c) if self.ratio == "size" else c

    @property
    def signed(self) -> bool:
        """Whether a negative scaling is allowed, so that antiparallel neurons may share a class."""
        return self.scalings in ("plus or minus one", "any sign")

    @property
    def scales(self) -> bool:
        """Whether scalings of another size than 1 are allowed."""
        return self.scalings in ("positive", "any sign")

    @property
    def is_scale_free(self) -> bool:
        """Whether the size of a scaling is lost in the value."""
        return self.scales and self.ratio == "sign"

    @property
    def slope(self) -> Rational | None:
        """The slope for y < 0 of a leaky_relu; None for every other function."""
        return self.parameters[0] if self.name == "leaky_relu" else None

    def __repr__(self) -> str:
        return str(self)

    def __str__(self) -> str:
        """The name that people know it by.

        >>> str(leaky_relu(ZERO)), str(leaky_relu(rational(1, 4))), str(Activation("clip", (ZERO, rational(6))))
        ('relu', 'leaky_relu(1/4)', 'relu6')
        """
        words = ", ".join(map(text, self.parameters))
        full = f"{self.name}({words})" if words else self.name
        return _COMMON.get(full, full)


def _flaw(name: str, parameters: Vector) -> str:
    """What is wrong with parameters of the right number; "" when nothing is."""
    if name == "clip" and parameters[0] > parameters[1]:
        return "found a lower bound above the upper one"
    if name == "celu" and not parameters[0]:
        return "found 0, expected another alpha"
    if name == "softplus_above" and parameters[0] <= 0:
        return "found a beta that is not positive"
    if name == "surd" and not (parameters[0] > 0 and fraction(parameters[0])[1] == 1):
        return "expected a positive integer"
    if name.startswith("quantize"):
        scale, *integers = parameters
        if scale <= 0:
            return "found a scale that is not positive"
        if any(fraction(n)[1] != 1 for n in integers) or integers[1] > integers[2]:
            return "expected integers, the lower bound not above the upper one"
    return ""


# Values.


def floor(y: Rational) -> Rational:
    """The largest integer that is not above y."""
    p, q = fraction(y)
    return rational(p // q)


def round_half_even(y: Rational) -> Rational:
    """The nearest integer, the even one of two."""
    p, q = fraction(y)
    down, rest = divmod(p, q)
    return rational(down + (2 * rest > q or (2 * rest == q and down % 2 == 1)))


def _clip(y: Rational, low: Rational, high: Rational) -> Rational:
    return min(max(y, low), high)


def _elu(y: Rational, _: Rational) -> Rational | None:
    """y for y >= 0; below, alpha * (e^y - 1), or alpha * (e^(y/alpha) - 1) of celu."""
    return y if y >= 0 else None


def _selu(y: Rational, _: Rational, gamma: Rational) -> Rational | None:
    """gamma * elu(y)."""
    return gamma * y if y >= 0 else None


def _sign(y: Rational) -> Rational:
    return rational((y > 0) - (y < 0))


def _quantized(rounded: Callable[[Rational], Rational]) -> Value:
    def value(y: Rational, scale: Rational, zero: Rational, low: Rational, high: Rational) -> Rational:
        return scale * (_clip(rounded(y / scale) + zero, low, high) - zero)

    return value


def _at_zero(value: Rational | None) -> Value:
    """A function of which only the value at 0 may be known to be rational."""
    return lambda y: value if y == 0 else None


def _root(y: Rational, d: Rational) -> Rational | None:
    """y * sqrt(d), for d without a square in it."""
    return y if d == 1 or y == 0 else None


def _bent_at(bound: Rational) -> tuple[str, str] | None:
    """What bends at 0 takes positive scalings."""
    return None if bound else ("positive", "c")


def _linear(slope: Rational) -> tuple[str, str] | None:
    """The identity and the absolute value take negative scalings too."""
    return ("any sign", "c" if slope > 0 else "size") if abs(slope) == 1 else None


def _symmetric(low: Rational, high: Rational) -> tuple[str, str] | None:
    """A clipping to [-high, high] is odd."""
    return ("plus or minus one", "c") if low == -high else None


KINDS: Mapping[str, Kind] = {
    # Piecewise linear.
    "leaky_relu": Kind(
        ("slope",),
        "positive",
        "c",
        lambda y, slope: y if y >= 0 else slope * y,
        _linear,
    ),
    "clip": Kind(("low", "high"), "one", "c", _clip, _symmetric),
    "at_least": Kind(("low",), "one", "c", lambda y, low: max(y, low), _bent_at),
    "at_most": Kind(("high",), "one", "c", lambda y, high: min(y, high), _bent_at),
    "hard_sigmoid": Kind(("alpha", "beta"), "one", "c", lambda y, alpha, beta: _clip(alpha * y + beta, ZERO, ONE)),
    "thresholded_relu": Kind(("alpha",), "one", "c", lambda y, alpha: y if y > alpha else ZERO, _bent_at),
    # Steps.
    "sign": Kind((), "any sign", "sign", _sign),
    "bipolar_sign": Kind((), "positive", "sign", lambda y: ONE if y >= 0 else -ONE),
    "floor": Kind((), "one", "c", floor),
    "ceil": Kind((), "one", "c", lambda y: -floor(-y)),
    "round": Kind((), "plus or minus one", "c", round_half_even),
    "quantize": Kind(("scale", "zero", "low", "high"), "one", "c", _quantized(round_half_even)),
    "quantize_floor": Kind(("scale", "zero", "low", "high"), "one", "c", _quantized(floor)),
    # Piecewise rational.
    "hard_swish": Kind((), "one", "c", lambda y: y * _clip(y / (2 * _THREE) + _HALF, ZERO, ONE)),
    "hard_gate": Kind(("alpha", "beta"), "one", "c", lambda y, a, b: y * _clip(a * y + b, ZERO, ONE)),
    "softsign": Kind((), "plus or minus one", "c", lambda y: y / (1 + abs(y))),
    # Irrational at most points.
    "elu": Kind(("alpha",), "one", "c", _elu),
    "selu": Kind(("alpha", "gamma"), "one", "c", _selu),
    "celu": Kind(("alpha",), "one", "c", _elu),
    "gelu": Kind((), "one", "c", _at_zero(ZERO)),
    "gelu_tanh": Kind((), "one", "c", _at_zero(ZERO)),
    "silu": Kind((), "one", "c", _at_zero(ZERO)),
    "mish": Kind((), "one", "c", _at_zero(ZERO)),
    "erf_gate": Kind(("alpha", "factor"), "one", "c", lambda y, *_: _at_zero(ZERO)(y)),
    "softplus_above": Kind(("beta", "threshold"), "one", "c", lambda y, b, above: y if b * y > above else None),
    "softplus": Kind((), "one", "c", _at_zero(None)),
    "log_sigmoid": Kind((), "one", "c", _at_zero(None)),
    "sigmoid": Kind((), "one", "c", _at_zero(_HALF)),
    "tanh": Kind((), "plus or minus one", "c", _at_zero(ZERO)),
    "erf": Kind((), "plus or minus one", "c", _at_zero(ZERO)),
    "sin": Kind((), "plus or minus one", "c", _at_zero(ZERO)),
    "cos": Kind((), "plus or minus one", "size", _at_zero(ONE)),
    "exp": Kind((), "one", "c", _at_zero(ONE)),
    "surd": Kind(("d",), "any sign", "c", _root),
}
_COMMON = {
    "leaky_relu(0)": "relu",
    "leaky_relu(1)": "identity",
    "leaky_relu(-1)": "abs",
    "clip(0, 6)": "relu6",
    "clip(-1, 1)": "hard_tanh",
}

RELU = relu = Activation("leaky_relu", (ZERO,))
IDENTITY = identity = Activation("leaky_relu", (ONE,))
ABS = Activation("leaky_relu", (-ONE,))
# Functions without parameters whose operators in ONNX have the same names.
ONNX_NAMES = frozenset({"sigmoid", "tanh", "softplus", "softsign", "erf", "sin", "cos", "exp"})


def activation_of(value: Activation | str) -> Activation:
    """The function of a name that people know: "relu", "relu6", "abs", or one without parameters, "tanh".

    A function is itself.  Raises ShapeError for other names.

    >>> activation_of("relu") == RELU and activation_of("tanh") == Activation("tanh")
    True
    """
    if isinstance(value, Activation):
        return value
    if value in _COMMON.values():
        value = next(full for full, name in _COMMON.items() if name == value)
    name, _, words = value.rstrip(")").partition("(")
    return Activation(name, tuple(rational(word) for word in words.split(", ")) if words else ())


def leaky_relu(slope: Any) -> Activation:
    """max(y, 0) + slope * min(y, 0); any rational slope, as `rational` takes it (paper, Section 3)."""
    return Activation("leaky_relu", (rational(slope),))


def prelu(slopes: Vector) -> tuple[Activation, ...]:
    """One LeakyReLU a unit."""
    return tuple(leaky_relu(slope) for slope in slopes)


def bounded(low: Rational | None, high: Rational | None) -> Activation:
    """The clipping to [low, high], either bound None where there is none, by its plainest name.

    >>> bounded(ZERO, None) == RELU and bounded(None, None) == IDENTITY
    True
    """
    if low is None:
        return IDENTITY if high is None else Activation("at_most", (high,))
    if high is None:
        return RELU if low == 0 else Activation("at_least", (low,))
    return Activation("clip", (low, high))
