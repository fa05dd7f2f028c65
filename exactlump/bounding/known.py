# SPDX-License-Identifier: Apache-2.0
"""This file is about what is known on a box in exact integers, and about functionals that go down together.

Throughout: R rows; a functional says  2^48 * value >= sum of integers times elements + constant, elements over 2^40.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import flint
import numpy as np
from numpy.typing import NDArray

from exactlump.bounding.planes import Line, Plane
from exactlump.bounding.program import Layer, Stage
from exactlump.errors import ExactlumpError
from exactlump.numbers.rational import Rational, fraction

COEFFICIENT = 48
SLOPE, VALUE = 12, 40
Integers: TypeAlias = NDArray[np.object_]
Key: TypeAlias = tuple[str, int]
Bounds: TypeAlias = dict[Key, tuple[Integers, Integers]]


class Crossing(ExactlumpError):
    """Bounds that cross, which those of a box with points in it cannot."""


@dataclass
class Known:
    """What is known on a box.

    before       bounds of elements before their functions
    least, most  bounds of elements after them, by family and tensor
    lines        the lines around elements, and (`places`) the elements before the function that they are on
    planes       the planes around differences, above and below
    alive        by family and tensor: the elements of which anything is not 0 (all, where nothing is said)
    done         the stages that are bounded
    """

    box: tuple[Integers, Integers]
    before: Bounds = field(default_factory=dict)
    least: dict[Key, Integers] = field(default_factory=dict)
    most: dict[Key, Integers] = field(default_factory=dict)
    lines: dict[Key, list[Line]] = field(default_factory=dict)
    places: dict[Key, list[int]] = field(default_factory=dict)
    planes: dict[int, list[tuple[Plane, Plane]]] = field(default_factory=dict)
    alive: dict[Key, NDArray[np.int64]] = field(default_factory=dict)
    done: list[Stage] = field(default_factory=list)


def integers(values: Sequence[int]) -> Integers:
    """A vector of Python integers."""
    found = np.empty(len(values), object)
    found[:] = [int(value) for value in values]
    return found


def product(rows: Integers, matrix: Integers) -> Integers:
    """rows @ matrix."""
    if not rows.size or not matrix.size:
        return np.zeros((rows.shape[0], matrix.shape[1]), object)
    made = flint.fmpz_mat(rows.tolist()) * flint.fmpz_mat(matrix.tolist())
    found = np.empty(rows.shape[0] * matrix.shape[1], object)
    found[:] = [*map(int, made.entries())]
    return found.reshape(rows.shape[0], matrix.shape[1])


class Functionals:
    """R lower bounds that go down together."""

    def __init__(self, count: int) -> None:
        self.sums: dict[Key, tuple[Integers, int]] = {}
        self.constant: Integers = np.zeros(count, object)
        self.bottom = 1

    def add(self, key: Key, values: Integers, d: int) -> None:
        """Add integers over d times the elements of a tensor."""
        if key in self.sums:
            others, e = self.sums[key]
            whole = math.lcm(d, e)
            values, d = values * (whole // d) + others * (whole // e), whole
        self.sums[key] = values, d

    def plus(self, values: Any, d: int) -> None:
        """Add constants over d."""
        whole = math.lcm(d, self.bottom)
        self.constant = self.constant * (whole // self.bottom) + values * (whole // d)
        self.bottom = whole

    def settle(self, key: Key, low: Integers) -> Integers | None:
        """The integers of a tensor, rounded down; what is cut off goes, times the lower bounds, to the constant."""
        if key not in self.sums:
            return None
        values, d = self.sums.pop(key)
        whole = values // d
        self.plus((values - whole * d) @ low, d)
        return np.asarray(whole)


def meet(known: Known, key: Key, e: int, low: int, high: int) -> None:
    """Meet the bounds of one element with others."""
    lows, highs = known.before[key]
    lows[e], highs[e] = max(lows[e], low), min(highs[e], high)
    if lows[e] > highs[e]:
        raise Crossing(f"bounds of {key}: found a lower one above the upper one")


def reach(known: Known, layer: Layer, family: str, chosen: NDArray[np.int64]) -> tuple[Integers, Integers]:
    """The least and the greatest value of rows without their constants."""
    low: Integers = np.zeros(chosen.size, object)
    high = low.copy()
    for below, block in layer.blocks.items():
        rows = block[chosen]
        plus, minus = np.where(rows > 0, rows, 0), np.where(rows < 0, rows, 0)
        least, most = known.least[family, below], known.most[family, below]
        low = low + plus @ least + minus @ most
        high = high + plus @ most + minus @ least
    return low, high


def scaled(ratio: Rational, low: int, high: int) -> tuple[int, int]:
    """A ratio times what lies between two bounds, rounded outwards."""
    if ratio == 1:
        return low, high
    p, q = fraction(ratio)
    ends = sorted((low * p, high * p))
    return ends[0] // q, -((-ends[1]) // q)
