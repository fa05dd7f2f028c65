# SPDX-License-Identifier: Apache-2.0
"""This file is about tensors as exact combinations of the elements of based tensors.

A *based* tensor has elements of its own: the inputs, what has a function, images that are put together or added.
Every other tensor is affine in these.  Elements of all based tensors of both networks are numbered through.

Throughout: `rows[e]` is {number of an element: integer}, for element e of a tensor in row-major order.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import assert_never

import numpy as np

from exactlump.errors import UnsupportedLayer
from exactlump.network.kinds import Head, Node
from exactlump.network.program import Network
from exactlump.numbers.matrix import Matrix
from exactlump.numbers.rational import ONE, ZERO, Rational, Vector, fraction, over_common, rational
from exactlump.points.gathers import (
    Applied,
    Headed,
    Indices,
    Largest,
    Mean,
    Move,
    Plus,
    Product,
    Times,
    Total,
    operation,
)

MOST = 1 << 23  # numbers that the rows of a tensor may have


@dataclass(frozen=True, slots=True)
class Affine:
    """The elements of a tensor: (rows[e] + constants[e]) / bottom."""

    rows: tuple[Mapping[int, int], ...]
    constants: tuple[int, ...]
    bottom: int

    def picked(self, elements: Sequence[int]) -> "Affine":
        """Some elements, in that order; -1 is 0."""
        rows = tuple(self.rows[e] if e >= 0 else {} for e in elements)
        return Affine(rows, tuple(self.constants[e] if e >= 0 else 0 for e in elements), self.bottom)

    def over(self, bottom: int) -> "Affine":
        """The same over a multiple of its denominator."""
        k = bottom // self.bottom
        if k == 1:
            return self
        rows = tuple({i: k * n for i, n in row.items()} for row in self.rows)
        return Affine(rows, tuple(k * n for n in self.constants), bottom)


def themselves(numbers: Sequence[int]) -> Affine:
    """The elements with these numbers."""
    return Affine(tuple({i: 1} for i in numbers), (0,) * len(numbers), 1)


def joined(parts: Sequence[Affine]) -> Affine:
    """Several tensors one after the other."""
    bottom = math.lcm(*(part.bottom for part in parts))
    over = [part.over(bottom) for part in parts]
    return Affine(sum((p.rows for p in over), ()), sum((p.constants for p in over), ()), bottom)


def combined(parts: Sequence[tuple[Rational, Affine, int]]) -> tuple[dict[int, int], int, int]:
    """The sum of factors times elements e of tensors: a row, a constant, and their denominator."""
    pairs = [(*fraction(factor), tensor, e) for factor, tensor, e in parts]
    bottom = math.lcm(*(q * tensor.bottom for _, q, tensor, _ in pairs))
    row: dict[int, int] = {}
    constant = 0
    for p, q, tensor, e in pairs:
        k = p * (bottom // (q * tensor.bottom))
        constant += k * tensor.constants[e]
        for i, n in tensor.rows[e].items():
            row[i] = row.get(i, 0) + k * n
    return {i: n for i, n in row.items() if n}, constant, bottom


def gathered(found: Sequence[tuple[dict[int, int], int, int]]) -> Affine:
    """Rows with denominators of their own, over one."""
    bottom = math.lcm(*(d for *_, d in found))
    rows = tuple({i: n * (bottom // d) for i, n in row.items()} for row, _, d in found)
    if sum(map(len, rows)) > MOST:
        raise UnsupportedLayer(f"bounds: found a tensor of {sum(map(len, rows))} products, expected at most {MOST}")
    return Affine(rows, tuple(c * (bottom // d) for _, c, d in found), bottom)


def after(network: Network, node: Node, known: Mapping[str, Affine]) -> Affine:
    """The tensor that an affine node defines.  Raises UnsupportedLayer for heads, and for tensors too large."""
    below = [known[name] for name in node.reads]
    count = range(len(below[0].rows))
    match operation(node, network.views_below(node)):
        case Product(last=True):
            raise UnsupportedLayer(f"tensor {node.target!r}: found a dense layer on positions, which has no bounds yet")
        case Product(weight, bias, None):
            return _mixed(below[0], [[*weight.row(v).items()] for v in range(len(bias))], bias)
        case Product(weight, bias, windows):
            return _mixed(below[0], *_unrolled(weight, bias, np.asarray(windows)))
        case Mean(windows, cells):
            return _mixed(below[0], *_averages(windows, cells))
        case Move(gather):
            return joined(below).picked(gather.tolist())
        case Total(signs):
            signed = [*zip(map(rational, signs), below, strict=True)]
            return gathered([combined([(sign, tensor, e) for sign, tensor in signed]) for e in count])
        case Times(factor):
            return gathered([combined([(factor[e], below[0], e)]) for e in count])
        case Plus(constant):
            return _mixed(below[0], [[(e, ONE)] for e in count], constant)
        case Largest() | Applied() | Headed():
            name = node.kind if isinstance(node, Head) else type(node).__name__
            raise UnsupportedLayer(f"tensor {node.target!r}: found {name}, which has no bounds")
        case other:
            assert_never(other)


def _mixed(below: Affine, columns: Sequence[Sequence[tuple[int, Rational]]], bias: Sequence[Rational]) -> Affine:
    """Rows of (element, weight) of a tensor, and a bias each."""
    one = Affine(({},), (1,), 1)
    found = []
    for line, b in zip(columns, bias, strict=True):
        weights, d = over_common([w for _, w in line])
        if below.bottom == 1 and not any(below.constants[e] for e, _ in line) and _plain(below, line):
            row = {next(iter(below.rows[e])): n for (e, _), n in zip(line, weights, strict=True)}
            p, q = fraction(b)
            bottom = math.lcm(d, q)
            found.append(({i: n * (bottom // d) for i, n in row.items()}, p * (bottom // q), bottom))
        else:
            found.append(combined([*((w, below, e) for e, w in line), (b, one, 0)]))
    return gathered(found)


def _plain(below: Affine, line: Sequence[tuple[int, Rational]]) -> bool:
    """Whether a row reads elements of based tensors as they are, each once."""
    rows = [below.rows[e] for e, _ in line]
    return all(len(row) == 1 and 1 in row.values() for row in rows) and len({i for row in rows for i in row}) == len(
        rows
    )


def _unrolled(
    weight: Matrix, bias: Vector, windows: Indices
) -> tuple[list[list[tuple[int, Rational]]], list[Rational]]:
    """The rows of a convolution, channel by channel, position by position."""
    read = windows.reshape(-1, windows.shape[2]).T.tolist()
    rows = [[*weight.row(v).items()] for v in range(len(bias))]
    columns = [[(seen[c], w) for c, w in row if seen[c] >= 0] for row in rows for seen in read]
    return columns, [b for b in bias for _ in read]


def _averages(windows: Indices, cells: Sequence[int]) -> tuple[list[list[tuple[int, Rational]]], list[Rational]]:
    """The rows of an average over windows."""
    columns = [
        [(e, rational(1, n)) for e in seen if e >= 0]
        for image in windows
        for seen, n in zip(image.T.tolist(), cells, strict=True)
    ]
    return columns, [ZERO] * len(columns)
