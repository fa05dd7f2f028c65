# SPDX-License-Identifier: Apache-2.0
"""This file is about counterexamples that people can read: small denominators, few entries, small numbers.

Every change is kept only if the shorter input still separates the networks, exactly.
"""

from collections.abc import Callable, Generator
from typing import TypeAlias

from exactlump.numbers.rational import Vector, fraction, rational
from exactlump.points.boxes import Box

# Proposes inputs, and is told of each whether it was taken.
Proposals: TypeAlias = Generator[Vector, bool, None]

_MOST_BITS = 60


def shortened(x: Vector, box: Box, separates: Callable[[Vector], bool], tries: int) -> Vector:
    """An input that still separates, and is no longer than x; `tries` bounds how often `separates` is asked."""
    for propose in (_coarser, _smaller, _sparser):
        proposals, taken = propose(x, box), None
        while tries > 0:
            try:
                proposed = next(proposals) if taken is None else proposals.send(taken)
            except StopIteration:
                break
            taken = False
            if proposed != x:
                tries -= 1
                taken = separates(proposed)
            x = proposed if taken else x
    return x


def _coarser(x: Vector, box: Box) -> Proposals:
    """The same input on coarser grids, coarsest first, until one is taken."""
    finest = max(fraction(y)[1] for y in x)
    for bits in range(min(finest.bit_length(), _MOST_BITS)):
        if (yield box.on_grid(x, 1 << bits)):
            return


def _smaller(x: Vector, box: Box) -> Proposals:
    """Half of it, whole numbers staying whole, as long as that is taken."""
    while any(abs(y) > 1 for y in x):
        x = box.clamped([rational(int(y / 2)) if y.denominator == 1 else y / 2 for y in x])
        if not (yield x):
            return


def _sparser(x: Vector, box: Box) -> Proposals:
    """With ever smaller runs of entries put to zero, or where zero is outside, to the bound nearest to it."""
    zero = box.clamped([rational(0)] * len(x))
    size = len(x)
    while size >= 1:
        for start in range(0, len(x), size):
            less = (*x[:start], *zero[start : start + size], *x[start + size :])
            if less != x and (yield less):
                x = less
        size //= 2
