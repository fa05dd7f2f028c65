# SPDX-License-Identifier: Apache-2.0
"""This file is about hyperplanes: where rows of weights vanish, and points on one of them and on no other.

A row with its constant is an affine function l(x) = w.x + b.  All its multiples vanish on one hyperplane, which is
named by the multiple with coprime integers whose first weight is positive.

Lemma.  Finitely many hyperplanes do not cover another one.  *Proof*, and the algorithm of `point_on`: solve w.x + b = 0
for the first coordinate j with w_j != 0.  Put into any other plane's function, this leaves an affine function f of the
other coordinates that is not zero throughout, as f = 0 would make it a multiple of w.x + b.  If f has no weights left,
it is never 0.  Else let i be the last coordinate with a weight in f: once the coordinates before i are chosen, f is 0
for one value of x_i only.  So choose the coordinates in order; each function forbids one value of one of them.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import count
from typing import NamedTuple

from exactlump.numbers.rational import ONE, ZERO, Rational, fraction, primitive, rational


class Plane(NamedTuple):
    """{x : sum w_i * x_i + constant = 0}: coprime integers, coordinates ascending, the first weight positive."""

    terms: tuple[tuple[int, int], ...]
    constant: int

    def __call__(self, x: Sequence[Rational]) -> Rational:
        """The function's value at a point."""
        return sum((w * x[i] for i, w in self.terms), rational(self.constant))

    @property
    def pivot(self) -> tuple[int, int]:
        """The first coordinate with a weight, and the weight."""
        return self.terms[0]


def plane_of(weights: Mapping[int, Rational], constant: Rational) -> tuple[Plane, Rational]:
    """The hyperplane of a row that has a weight, and c != 0 with row = c * plane; no weight given is zero."""
    columns = sorted(weights)
    integers, content = primitive([*(weights[i] for i in columns), constant])
    if integers[0] < 0:
        integers, content = [-n for n in integers], -content
    return Plane(tuple(zip(columns, integers[:-1], strict=True)), integers[-1]), content


def point_on(plane: Plane, others: Iterable[Plane], dimension: int) -> list[Rational]:
    """A point on a hyperplane and on none of the others, which are different ones; see the lemma.

    The free coordinates are 0 where they can be.  Linear in the number of weights of all planes.
    """
    pivot, weight = plane.pivot
    x = [ZERO] * dimension
    by_last: dict[int, list[tuple[dict[int, int], int]]] = {}
    for other in others:
        terms, constant = _restricted(other, plane)
        if terms:
            by_last.setdefault(max(terms), []).append((terms, constant))
    for i in sorted(by_last):
        forbidden = {
            (sum((w * x[k] for k, w in terms.items() if k != i), rational(constant))) / -terms[i]
            for terms, constant in by_last[i]
        }
        x[i] = next(value for value in _integers() if value not in forbidden)
    x[pivot] = -plane(x) / weight
    return x


def _restricted(other: Plane, plane: Plane) -> tuple[dict[int, int], int]:
    """A multiple of what `other` is on `plane`, as a function of the coordinates that are not the pivot."""
    pivot, weight = plane.pivot
    factor = dict(other.terms).get(pivot, 0)
    terms = {i: weight * w for i, w in other.terms}
    for i, w in plane.terms if factor else ():
        terms[i] = terms.get(i, 0) - factor * w
    return {i: w for i, w in terms.items() if w}, weight * other.constant - factor * plane.constant


def _integers() -> Iterator[Rational]:
    """0, 1, -1, 2, -2, ..."""
    yield ZERO
    for n in count(1):
        yield rational(n)
        yield rational(-n)


def beside(plane: Plane, x: Sequence[Rational], others: Iterable[Plane]) -> tuple[list[Rational], list[Rational]]:
    """Two points across from each other, x in the middle, that no other plane separates from x.

    x is on `plane` and on none of the others; the step is along the plane's pivot.
    """
    pivot, _ = plane.pivot
    step = ONE
    for other in others:
        if slope := dict(other.terms).get(pivot, 0):
            step = min(step, abs(other(x)) / abs(slope))
    if step < 1:
        p, q = fraction(step)
        step = rational(1, -(-q // p))
    ahead, behind = list(x), list(x)
    ahead[pivot] += step
    behind[pivot] -= step
    return ahead, behind
