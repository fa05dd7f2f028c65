# SPDX-License-Identifier: Apache-2.0
"""This file is about domains: boxes with exact bounds, some of which may be absent, and points of them.

Throughout: q the denominator of a grid; a bound None is no bound.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from exactlump.errors import FormatError, ShapeError
from exactlump.numbers.rational import ZERO, Rational, Vector, decimal, fraction, rational, text
from exactlump.points.floating import number

Bound = Rational | None


@dataclass(frozen=True)
class Box:
    """All x with lower[i] <= x[i] <= upper[i].  Raises FormatError when it is empty."""

    lower: tuple[Bound, ...]
    upper: tuple[Bound, ...]
    name: str = "box"

    def __post_init__(self) -> None:
        for i, (low, high) in enumerate(zip(self.lower, self.upper, strict=True)):
            if low is not None and high is not None and low > high:
                raise FormatError(
                    f"input {i}: found the bounds {text(low)} > {text(high)}, expected a box that is not empty"
                )

    def __repr__(self) -> str:
        return f"Box({self.name}, {len(self.lower)} inputs)"

    @property
    def is_everything(self) -> bool:
        """Whether no input has a bound."""
        return all(bound is None for bound in (*self.lower, *self.upper))

    @property
    def is_bounded(self) -> bool:
        """Whether every input has both bounds."""
        return None not in self.lower and None not in self.upper

    @property
    def is_point(self) -> bool:
        """Whether only one point lies in the box."""
        return self.is_bounded and self.lower == self.upper

    def holds(self, x: Sequence[Rational]) -> bool:
        """Whether a point lies in the box."""
        return all(
            (low is None or low <= y) and (high is None or y <= high)
            for low, y, high in zip(self.lower, x, self.upper, strict=True)
        )

    def on_grid(self, x: Sequence[Rational], q: int) -> Vector:
        """The point with coordinates on the grid of 1/q nearest to x; where the box has none of them, a bound."""
        return tuple(map(_nearest, x, self.lower, self.upper, [q] * len(x)))

    def clamped(self, x: Sequence[Rational]) -> Vector:
        """The point of the box nearest to x."""
        return tuple(map(_clamp, x, self.lower, self.upper))

    def floats(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The bounds in float64, infinite where there is none."""
        lower = [-np.inf if low is None else number(low) for low in self.lower]
        upper = [np.inf if high is None else number(high) for high in self.upper]
        return np.array(lower), np.array(upper)


def everything(inputs: int) -> Box:
    """The domain of all real inputs."""
    return Box((None,) * inputs, (None,) * inputs, "all reals")


def cube(low: str, high: str, inputs: int) -> Box:
    """The same two bounds for every input, decimals or p/q.  Raises FormatError."""
    bounds = [exact_number(word) for word in (low, high)]
    return Box((bounds[0],) * inputs, (bounds[1],) * inputs, f"box [{low}, {high}]")


def exact_number(word: str) -> Rational:
    """A decimal such as 1.5e-3, or p/q.  Raises FormatError."""
    top, slash, bottom = word.partition("/")
    if not slash:
        return decimal(word)
    if not bottom.isascii() or not bottom.isdigit() or not int(bottom[:4000]) or len(word) > 4000:
        raise FormatError(f"number {word[:40]!r}: expected a decimal or p/q")
    return decimal(top) / int(bottom)


def demand_inputs(box: Box, inputs: int) -> None:
    """Raise ShapeError unless the box has that many inputs."""
    if len(box.lower) != inputs:
        raise ShapeError(f"{box.name}: found {len(box.lower)} inputs, expected the networks' {inputs}")


def _clamp(y: Rational, low: Bound, high: Bound) -> Rational:
    if low is not None and y < low:
        return low
    return high if high is not None and y > high else y


def _nearest(y: Rational, low: Bound, high: Bound, q: int) -> Rational:
    p, d = fraction(_clamp(y, low, high) * q)
    k = (2 * p + d) // (2 * d)
    for step in (0, 1, -1):
        z = rational(k + step, q)
        if (low is None or low <= z) and (high is None or z <= high):
            return z
    near = _clamp(y, low, high)
    return (
        low if low is not None and (high is None or near - low <= high - near) else high if high is not None else ZERO
    )
