# SPDX-License-Identifier: Apache-2.0
"""This file is about what each kind of node computes, said once.

    unit v of the target  =  node.function(v)( sum over parts of  weight * lift(unit u of source i)  +  constant )

A lift is a linear operator on images: what one tap of a window reads, a mean, an element taken out of an image or put
into one.  Forms, exact values, padding, affine rows and the solvers' whole-network terms follow from this page, so that
a new kind is meant everywhere once it is meant here; mypy names it while it is forgotten.  `smt/lifting.py`,
`check.py` and `tests/oracle.py` say the same on their own.

Throughout: v, u units; i a source; t a tap; P positions, p and q positions.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias, assert_never

from exactlump.errors import NoExactValue
from exactlump.network.kinds import (
    Activate,
    Add,
    AveragePool,
    Conv,
    Dense,
    Function,
    Head,
    HeadKind,
    Largest,
    MaxPool,
    Node,
    Opaque,
    Pad,
    Pick,
    Regrid,
    Reorder,
    Scale,
    Select,
    Shift,
)
from exactlump.network.views import View
from exactlump.network.windows import Window
from exactlump.numbers.rational import ONE, ZERO, Rational, Vector, rational

# What a lift is called: its kind, the sizes that it depends on, and which of its kind it is.
LiftKey: TypeAlias = tuple[str, str, int]


class Lift(NamedTuple):
    """A linear operator on images.

    key              equal for equal operators
    keeps_constants  whether an image with the same value everywhere stays one
    reads            for each position of the target, the positions that it adds up, each with a weight
    """

    key: LiftKey
    keeps_constants: bool
    reads: Callable[[int], Iterable[tuple[int, Rational]]]


class Part(NamedTuple):
    """weight * lift(unit of the source); without a lift the unit itself."""

    weight: Rational
    source: int
    unit: int
    lift: Lift | None = None


class Sum(NamedTuple):
    """What a unit is before its function."""

    parts: Sequence[Part]
    constant: Rational


class Sums(NamedTuple):
    """What the units of a tensor are before their functions: `of` each; and all lifts that a sum may have."""

    of: Callable[[int], Sum]
    lifts: Sequence[Lift | None] = ()


@dataclass(frozen=True, slots=True)
class Anchored:
    """A tensor whose elements are no functions of one unit each: nothing is known of them but what they are made by.

    signature  equal for equal operators
    sources    the tensors that are read
    """

    signature: tuple[str, ...]
    sources: tuple[str, ...]


def parts(node: Node, views: Sequence[View]) -> Sums | Anchored:
    """What each unit of the target is before its function, given the views of the sources."""
    match node:
        case Dense():
            return Sums(lambda v: Sum([Part(w, 0, u) for u, w in node.weight.row(v).items()], node.bias[v]))
        case Conv():
            taps = [tap(node.window, t) for t in range(node.window.taps)]
            return Sums(lambda v: _convolved(node, v, taps), taps)
        case AveragePool():
            mean = average(node.window, node.padding)
            return Sums(lambda v: Sum([Part(ONE, 0, v, mean)], ZERO), [mean])
        case Pad():
            only = tap(node.window, 0)
            return Sums(lambda v: Sum([Part(ONE, 0, v, only)], ZERO), [only])
        case Add():
            return Sums(lambda v: Sum([Part(ONE * sign, i, v) for i, sign in enumerate(node.signs)], ZERO))
        case Select():
            return Sums(lambda v: Sum([Part(ONE, *node.picks[v])], ZERO))
        case Scale():
            return Sums(lambda v: Sum([Part(node.factor[v], 0, v)], ZERO))
        case Shift():
            return Sums(lambda v: Sum([Part(ONE, 0, v)], node.constant[v]))
        case Reorder() | Pick():
            return _read(node, views[0])
        case Activate() | MaxPool():
            return Sums(lambda v: Sum([Part(ONE, 0, v)], ZERO))
        case Head():
            return Anchored((node.kind,), node.reads)
        case Opaque():
            return Anchored((node.call.signature, str(node.output)), node.reads)
        case _:
            assert_never(node)


# Lifts.


def tap(window: Window, t: int) -> Lift | None:
    """What tap t of a window reads; None for the identity."""
    if window.is_identity(t):
        return None

    def reads(q: int) -> Iterable[tuple[int, Rational]]:
        p = window.places(t)[q]
        return [] if p is None else [(p, ONE)]

    return Lift(("tap", window.key, t), not window.pads(t), reads)


def average(window: Window, padding: bool) -> Lift | None:
    """The mean of what a window sees, the zeros around the source counted or not; None for the identity."""
    if window.taps == 1 and window.is_identity(0):
        return None
    if not window.is_sized:
        keeps = not padding or not any((*window.begin, *window.end))
        return Lift(("average", window.key, int(padding)), keeps, _unknown)
    cells, taps = window.cells(padding=padding), [window.places(t) for t in range(window.taps)]

    def reads(q: int) -> Iterable[tuple[int, Rational]]:
        return [(p, ONE / cells[q]) for places in taps if (p := places[q]) is not None]

    keeps = not padding or cells == window.cells(padding=False)
    return Lift(("average", window.key, int(padding)), keeps, reads)


def _unknown(_: int) -> Iterable[tuple[int, Rational]]:
    """What a position of a tensor of unknown sizes reads: it has no number."""
    raise NoExactValue("found a tensor of unknown sizes, expected numbers (--shape NAME=...)")


def position(positions: int, p: int) -> Lift | None:
    """The element at position p of an image; None where that is the image."""
    return None if positions == 1 else Lift(("at", str(positions), p), True, lambda _: [(p, ONE)])


def placed(positions: int, p: int) -> Lift:
    """An image with an element at position p, and zeros elsewhere."""
    return Lift(("put", str(positions), p), False, lambda q: [(0, ONE)] if q == p else [])


def _convolved(node: Conv, v: int, lifts: Sequence[Lift | None]) -> Sum:
    return Sum([Part(w, 0, *_tapped(c, lifts)) for c, w in node.weight.row(v).items()], node.bias[v])


def _tapped(column: int, lifts: Sequence[Lift | None]) -> tuple[int, Lift | None]:
    u, t = divmod(column, len(lifts))
    return u, lifts[t]


def _read(node: Reorder | Pick, view: View) -> Sums:
    """What only moves elements: units out of a whole tensor, units as they are on a permuted grid, or elements."""
    if isinstance(node, Pick):
        return Sums(lambda v: Sum([Part(ONE, 0, 0, Lift(("pick", node.key, v), True, _unknown))], ZERO))
    if isinstance(node, Regrid):
        lift = Lift(("permute", node.key, 0), True, _unknown) if node.key else None
        return Sums(lambda v: Sum([Part(ONE, 0, v, lift)], ZERO))
    return _moved(node, view)


def _moved(node: Reorder, view: View) -> Sums:
    """Units as they are; or images taken apart; or elements put together."""
    if node.keeps_units(view):
        return Sums(lambda v: Sum([Part(ONE, 0, v)], ZERO))
    order, where, target = node.order(view.shape), view.parts(), node.view([view])
    if target.positions == 1:
        ats = [position(view.positions, p) for p in range(view.positions)]
        return Sums(lambda v: Sum([Part(ONE, 0, where[order[v]][0], ats[where[order[v]][1]])], ZERO), ats)
    puts = [placed(target.positions, p) for p in range(target.positions)]
    images: list[list[Part]] = [[] for _ in range(target.units)]
    for (v, p), e in zip(target.parts(), order, strict=True):
        images[v].append(Part(ONE, 0, e, puts[p]))
    return Sums(lambda v: Sum(images[v], ZERO), puts)


# What follows for every kind alike.


def meets_zeros(sums: Sums) -> bool:
    """Whether sums read zeros around the images below, so that a constant would not stay one.

    The zeros beside an element that is put into an image are not meant: the other elements take their places.
    """
    lifts = (lift for lift in sums.lifts if lift is not None)
    return any(not lift.keeps_constants and lift.key[0] != "put" for lift in lifts)


def values(node: Node, xs: Sequence[Vector], views: Sequence[View]) -> Vector:
    """The exact elements of the target, given those of the sources (Definition 2), element by element.

    Raises NoExactValue where a function has no rational value.
    """
    found = parts(node, views)
    if isinstance(node, Opaque):
        raise NoExactValue(f"tensor {node.target!r}: {node.call.operator} is taken as a given function")
    if isinstance(found, Anchored):
        assert isinstance(node, Head)
        return _head(node, xs[0])
    target = node.view(views)
    if target.open or any(view.open for view in views):
        _unknown(0)
    made: list[Rational] = [ZERO] * target.elements
    for v in range(target.units):
        total, sigma = found.of(v), node.function(v)
        for q in range(target.positions):
            made[target.index(v, q)] = _value(total, sigma, q, xs, views)
    return tuple(made)


def _value(total: Sum, sigma: Function | HeadKind, q: int, xs: Sequence[Vector], views: Sequence[View]) -> Rational:
    if isinstance(sigma, Largest):
        (part,) = total.parts
        seen = (sigma.window.places(t)[q] for t in range(sigma.window.taps))
        return max(xs[0][views[0].index(part.unit, p)] for p in seen if p is not None)
    y = total.constant
    for weight, i, u, lift in total.parts:
        for p, c in lift.reads(q) if lift is not None else ((q, ONE),):
            y = y + weight * c * xs[i][views[i].index(u, p)]
    assert not isinstance(sigma, str)
    return sigma(y)


def _head(node: Head, x: Vector) -> Vector:
    """The value of a head: of argmax the least index of the largest elements."""
    match node.kind:
        case "argmax":
            return (rational(max(range(len(x)), key=lambda v: (x[v], -v))),)
        case "softmax" | "log_softmax":
            raise NoExactValue(f"tensor {node.target!r}: {node.kind} has no rational value")
        case _:
            assert_never(node.kind)
