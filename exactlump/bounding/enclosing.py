# SPDX-License-Identifier: Apache-2.0
"""This file is about exact inputs at which values need not be rational: between which rationals they lie.

Where `points.evaluation` has an exact value, both ends are that value.  Else numbers are Arb's balls, which every
operation makes so large that they hold the true values; curves are those of `curves.py`.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial, reduce
from typing import Any, NamedTuple, TypeAlias, assert_never

import flint

from exactlump.bounding.courses import bends
from exactlump.bounding.curves import CURVES, Ball, Interval
from exactlump.bounding.curves import number as point
from exactlump.errors import NoExactValue, UnsupportedLayer
from exactlump.network.activations import Activation
from exactlump.network.kinds import Node
from exactlump.network.program import Network
from exactlump.network.views import View
from exactlump.numbers.matrix import Matrix
from exactlump.numbers.rational import ZERO, Rational, Vector, fraction, rational
from exactlump.points import gathers
from exactlump.points.evaluation import Evaluator
from exactlump.points.gathers import operation
from exactlump.points.limbs import numbers

_DIGITS = 256  # of the balls
_FINE = 160  # ends are multiples of 2^-_FINE
_ROUNDED = ("floor", "ceil", "round", "quantize", "quantize_floor")  # none of them falls
Balls: TypeAlias = list[Ball]


class Ends(NamedTuple):
    """Numbers lie between `low` and `high`, one by one; exact ones have equal ends."""

    low: Vector
    high: Vector

    @property
    def are_exact(self) -> bool:
        """Whether all numbers are known exactly."""
        return self.low == self.high

    def lead(self, y: int, j: int) -> Rational:
        """What number y is ahead of number j at least; negative where it may be behind."""
        return self.low[y] - self.high[j]

    @property
    def decision(self) -> int | None:
        """The index of the first largest number; None where that is not known."""
        y = max(range(len(self.low)), key=lambda k: (self.low[k], -k))
        known = all(self.lead(y, j) > 0 or (j > y and self.lead(y, j) == 0) for j in range(len(self.low)) if j != y)
        return y if known else None


def size(ours: Ends, theirs: Ends, parts: Sequence[int]) -> Rational:
    """The least size of the difference of a combination: of one number, or of what one is ahead of another."""
    low, high = ours.low[parts[0]] - theirs.high[parts[0]], ours.high[parts[0]] - theirs.low[parts[0]]
    for o in parts[1:]:
        low, high = low - (ours.high[o] - theirs.low[o]), high - (ours.low[o] - theirs.high[o])
    return max(low, -high, ZERO)


def rounded(ours: Ends, theirs: Ends) -> tuple[tuple[Vector, Vector], Rational]:
    """The middles between the ends of both, which are as they are ordered, and how far the true numbers are from them
    at most: 0 where all are exact."""
    if ours.are_exact and theirs.are_exact:
        return (ours.low, theirs.low), ZERO
    near = tuple(tuple((low + high) / 2 for low, high in zip(*ends, strict=True)) for ends in (ours, theirs))
    off = max((high - low) / 2 for ends in (ours, theirs) for low, high in zip(*ends, strict=True))
    return (near[0], near[1]), off


def nearness(off: Rational) -> str:
    """How near numbers are to the true ones, in words; "" where they are exact."""
    if not off:
        return ""
    p, q = fraction(off)
    return f"outputs that are not known to be rational are given to within 2^{p.bit_length() - q.bit_length() + 1}"


class Enclosing:
    """A network made ready for inputs at which its values need not be rational.

    Raises UnsupportedLayer for heads without values and for functions without enclosures.
    """

    def __init__(self, network: Network) -> None:
        self.network, self.exact = network, Evaluator(network)
        self.operations: list[tuple[Node, Callable[..., Balls]]] | None = None

    def __call__(self, x: Vector) -> Ends:
        """Between what the outputs lie at a flat input, one after the other."""
        try:
            values = self.exact(numbers(x)).rationals
        except NoExactValue:
            return self.enclosed(x)
        return Ends(values, values)

    def enclosed(self, x: Vector) -> Ends:
        """The same by balls, also where values are rational."""
        old, flint.ctx.prec = flint.ctx.prec, _DIGITS
        try:
            if self.operations is None:
                views = self.network.views_below
                self.operations = [(node, _on_balls(node, views(node))) for node in self.network.nodes]
            known, start = dict[str, Balls](), 0
            for port, count in zip(self.network.inputs, self.exact.sizes, strict=True):
                known[port.name], start = _balls(x[start : start + count]), start + count
            for node, on_balls in self.operations:
                known[node.target] = on_balls(*(known[name] for name in node.reads))
            found = [y for name in self.network.outputs for y in known[name]]
            return Ends(*(tuple(_end(sign, y) for y in found) for sign in (-1, 1)))
        finally:
            flint.ctx.prec = old


def _end(sign: int, y: Ball) -> Rational:
    """The least (-1) or the greatest number (1) of a ball, rounded outwards.  Raises NoExactValue for all numbers."""
    if not y.is_finite():
        raise NoExactValue("outputs: found a value without bounds")
    whole = ((y.upper() if sign > 0 else -y.lower()) * (1 << _FINE)).ceil().unique_fmpz()
    return rational(sign * int(whole), 1 << _FINE)


def _balls(values: Iterable[Rational]) -> Balls:
    return [point(value).low for value in values]


def _on_balls(node: Node, views: Sequence[View]) -> Callable[..., Balls]:
    """What a node does to balls."""
    match operation(node, views):
        case gathers.Product(weight, bias, windows, last):
            gather = None if windows is None else windows.reshape(-1, windows.shape[2]).tolist()
            return partial(_affine, _matrix(weight), _balls(bias), gather, last)
        case gathers.Move(gather):
            return partial(_move, gather.tolist())
        case gathers.Largest(windows):
            return partial(_largest, windows.transpose(0, 2, 1).reshape(-1, windows.shape[1]).tolist())
        case gathers.Mean(windows, cells):
            counts = [*cells] * windows.shape[0]
            return partial(_mean, windows.transpose(0, 2, 1).reshape(-1, windows.shape[1]).tolist(), counts)
        case gathers.Total(signs):
            return lambda *xs: [sum(s * y for s, y in zip(signs, ys, strict=True)) for ys in zip(*xs, strict=True)]
        case gathers.Times(factor):
            return partial(_each, lambda f, y: f * y, _balls(factor))
        case gathers.Plus(constant):
            return partial(_each, lambda c, y: c + y, _balls(constant))
        case gathers.Applied(functions, units):
            return partial(_each, _value, [functions[v] for v in units])
        case gathers.Headed(kind):
            raise UnsupportedLayer(f"tensor {node.target!r}: found {kind}, expected a node with values")
        case other:
            assert_never(other)


def _matrix(weight: Matrix) -> Any:
    zero = flint.arb(0)
    rows = [{u: point(w).low for u, w in weight.row(v).items()} for v in range(weight.shape[0])]
    return flint.arb_mat([[row.get(u, zero) for u in range(weight.shape[1])] for row in rows])


def _affine(weight: Any, bias: Balls, gather: Sequence[Sequence[int]] | None, last: bool, x: Balls) -> Balls:
    padded = [*x, flint.arb(0)]
    columns = [[y] for y in x] if gather is None else [[padded[i] for i in row] for row in gather]
    rows = [[y + b for y in row] for row, b in zip((weight * flint.arb_mat(columns)).tolist(), bias, strict=True)]
    return [y for row in (zip(*rows, strict=True) if last else rows) for y in row]


def _move(gather: Sequence[int], *xs: Balls) -> Balls:
    padded = [*(y for x in xs for y in x), flint.arb(0)]
    return [padded[i] for i in gather]


def _largest(windows: Sequence[Sequence[int]], x: Balls) -> Balls:
    return [reduce(lambda y, z: y.max(z), [x[i] for i in window if i >= 0]) for window in windows]


def _mean(windows: Sequence[Sequence[int]], cells: Sequence[int], x: Balls) -> Balls:
    sums = [sum((x[i] for i in window if i >= 0), flint.arb(0)) for window in windows]
    return [y / n for y, n in zip(sums, cells, strict=True)]


def _each(operated: Callable[[Any, Ball], Ball], others: Sequence[Any], x: Balls) -> Balls:
    return [operated(other, y) for other, y in zip(others, x, strict=True)]


def _value(function: Activation, y: Ball) -> Ball:
    """The values of a function on a ball."""
    low, high = y.lower(), y.upper()
    if function.name in CURVES:
        found = CURVES[function.name](Interval(low, high), *map(point, function.parameters))[0]
        return found.low.union(found.high)
    segments = bends(function)
    if segments is None:
        if function.name not in _ROUNDED:
            raise UnsupportedLayer(f"found the function {function}, expected one that has bounds")
        values = [point(function(_rational(end))).low for end in (low, high)]
    else:
        cuts, values = [at for at, *_ in segments[1:]], []
        first, last = _rational(low), _rational(high)
        for (_, slope, constant), start, stop in zip(segments, [first, *cuts], [*cuts, last], strict=True):
            ends = max(start, first), min(stop, last)
            values += [point(slope * end + constant).low for end in ends if ends[0] <= ends[1]]
    return reduce(lambda a, b: a.union(b), values)


def _rational(y: Ball) -> Rational:
    """An exact ball as a number."""
    p, q = y.fmpq().p, y.fmpq().q
    return rational(int(p), int(q))
