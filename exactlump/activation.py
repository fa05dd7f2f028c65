# SPDX-License-Identifier: Apache-2.0
"""This file is about activation functions: their exact values, and the scalings that they commute with.

An activation sigma commutes with c, giving h, when sigma(c*y) = h*sigma(y) for every real y.  Lumping
may use such pairs (c, h) and no others (docs/paper-to-code.md, "activations").

    | activation                        | scalings            | h   | value at a rational |
    |-----------------------------------|---------------------|-----|---------------------|
    | relu, leaky_relu (equal slopes)   | c > 0               | c   | rational            |
    | identity (= leaky_relu, slope 1)  | c != 0              | c   | rational            |
    | abs      (= leaky_relu, slope -1) | c != 0              | |c| | rational            |
    | every other                       | c = 1               | 1   | at 0 where stated   |
"""

from dataclasses import dataclass

from exactlump.errors import NoExactValue, ShapeError
from exactlump.rational import ONE, ZERO, Rational, Vector, rational, text

# Activations of which nothing is used but equality, with their value at 0 where that is rational.
_OPAQUE: dict[str, Rational | None] = {
    "sigmoid": rational(1, 2),
    "tanh": ZERO,
    "softplus": None,
    "softsign": ZERO,
    "erf": ZERO,
    "sin": ZERO,
    "cos": ONE,
    "exp": ONE,
}


@dataclass(frozen=True, slots=True)
class Activation:
    """One scalar function: `name` as in the table above, `slope` for y < 0 when it is a leaky_relu.

    >>> relu = Activation("leaky_relu", ZERO)
    >>> relu(rational(-3)) == 0 and relu.scaling(rational(2)) == 2 and relu.scaling(rational(-2)) is None
    True
    """

    name: str
    slope: Rational | None = None

    def __post_init__(self) -> None:
        if self.name != "leaky_relu" and self.name not in _OPAQUE:
            raise ShapeError(f"activation: found {self.name!r}, expected leaky_relu or one of {sorted(_OPAQUE)}")
        if (self.name == "leaky_relu") != (self.slope is not None):
            raise ShapeError(f"activation {self.name}: a slope goes with leaky_relu and with nothing else")

    def __call__(self, y: Rational) -> Rational:
        """sigma(y); NoExactValue where it is irrational, or not known to be rational."""
        if self.slope is not None:
            return y if y >= 0 else self.slope * y
        value = _OPAQUE[self.name]
        if y == 0 and value is not None:
            return value
        raise NoExactValue(f"{self.name}({y}) is not a rational number")

    def scaling(self, c: Rational) -> Rational | None:
        """The h with sigma(c*y) = h*sigma(y) for all y, or None when there is none (THEORY D3)."""
        if c == 1:
            return ONE
        if self.slope is None or c == 0:
            return None
        if self.slope == 1:
            return c
        if self.slope == -1:
            return abs(c)
        return c if c > 0 else None

    def __str__(self) -> str:
        """The name that people know it by.

        >>> str(leaky_relu(ZERO)), str(leaky_relu(rational(1, 4)))
        ('relu', 'leaky_relu(1/4)')
        """
        if self.slope is None:
            return self.name
        common = {0: "relu", 1: "identity", -1: "abs"}
        return next((name for slope, name in common.items() if self.slope == slope), f"leaky_relu({text(self.slope)})")

    @property
    def signed(self) -> bool:
        """Whether a negative scaling is allowed, so that antiparallel neurons may share a class."""
        return self.scaling(-ONE) is not None

    @property
    def scales(self) -> bool:
        """Whether scalings other than 1 are allowed."""
        return self.scaling(ONE + ONE) is not None


RELU = Activation("leaky_relu", ZERO)
IDENTITY = Activation("leaky_relu", ONE)
ABS = Activation("leaky_relu", -ONE)


def leaky_relu(slope: Rational) -> Activation:
    """max(y, 0) + slope * min(y, 0); any real slope (paper, Section 3)."""
    return Activation("leaky_relu", slope)


def prelu(slopes: Vector) -> tuple[Activation, ...]:
    """One LeakyReLU a unit."""
    return tuple(leaky_relu(slope) for slope in slopes)


OPAQUE_NAMES = frozenset(_OPAQUE)
