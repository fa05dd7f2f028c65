# SPDX-License-Identifier: Apache-2.0
"""This file is about exact products of matrices with vectors at the speed of float64 matrix products.

Both sides are cut into limbs,

    W[v][u] = (sum over i of W_i[v][u] * 2^(24 i)) / d[v]        x[u] = sum over j of x_j[u] * 2^(16 j)

with |W_i| < 2^24 and |x_j| < 2^16.  A product of limbs summed over at most 2^13 columns is an integer below 2^53, and
so is every partial sum: float64 holds each exactly, in whatever order a BLAS adds them up, with or without fused
multiply-add.  The products of limbs are put together in integers.  Nothing is ever rounded.

Throughout: v a row, u a column, P positions (1 for a dense layer), i, j limbs.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from exactlump.numbers.matrix import Matrix
from exactlump.numbers.rational import Rational, Vector, over_common, rational

Floats: TypeAlias = NDArray[np.float64]
Indices: TypeAlias = NDArray[np.int64]
# Arrays of Python integers, of any size.
Integers: TypeAlias = NDArray[Any]

_COLUMNS = 1 << 13
_KEPT = 1 << 24
_BLOCK = 1 << 20
_MOST_LIMBS = 64


@dataclass(frozen=True, slots=True)
class Numbers:
    """The rationals tops[k] / bottom, with bottom > 0."""

    tops: Integers
    bottom: int

    @property
    def rationals(self) -> Vector:
        """The values, each in lowest terms."""
        return tuple(rational(top, self.bottom) for top in self.tops)

    def reduced(self) -> "Numbers":
        """The same values without a common factor."""
        divisor = math.gcd(self.bottom, *self.tops)
        return self if divisor == 1 else Numbers(self.tops // divisor, self.bottom // divisor)


def numbers(values: Sequence[Rational]) -> Numbers:
    """Rationals over their least common denominator."""
    tops, bottom = over_common(values)
    return Numbers(integers(tops), bottom)


def integers(values: Sequence[int]) -> Integers:
    """An array of Python integers."""
    found = np.empty(len(values), object)
    found[:] = values
    return found


def joined(parts: Sequence[Numbers]) -> Numbers:
    """Several tensors one after the other, over one denominator."""
    bottom = math.lcm(*(part.bottom for part in parts))
    return Numbers(np.concatenate([part.tops * (bottom // part.bottom) for part in parts]), bottom)


# Limbs.


def limbs(values: Sequence[int], size: int) -> Floats:
    """Integers as signed limbs of `size` bytes, least first: (limbs, values)."""
    bits = max((value.bit_length() for value in values), default=1)
    length = max(1, -(-bits // (8 * size)))
    content = b"".join(abs(value).to_bytes(length * size, "little") for value in values)
    cut = np.frombuffer(content, np.uint8).reshape(len(values), length, size).astype(np.float64)
    signs = np.array([-1.0 if value < 0 else 1.0 for value in values])
    return np.asarray((cut @ (256.0 ** np.arange(size))).T * signs)


@dataclass(frozen=True, slots=True)
class Block:
    """Some rows of a matrix as limbs, (limbs, rows, columns), and the denominator of each row."""

    limbs: Floats
    bottoms: tuple[int, ...]


def _float_block(rows: Floats) -> Block | None:
    """Finite float64 rows as limbs; None where their exponents lie too far apart."""
    mantissa, exponent = np.frexp(np.abs(rows))
    whole = np.ldexp(mantissa, 53).astype(np.int64)
    zeros = np.frexp((whole & -whole).astype(np.float64))[1] - 1
    shift = np.where(whole, 53 - zeros - exponent, 0).max(axis=1, initial=0)
    bits = int((exponent + shift[:, None]).max(initial=1))
    if bits > 24 * _MOST_LIMBS or bits > 1000:
        return None
    rest, found = np.ldexp(np.abs(rows), shift[:, None]), []
    for i in reversed(range(max(1, -(-bits // 24)))):
        limb = np.floor(np.ldexp(rest, -24 * i))
        rest = rest - np.ldexp(limb, 24 * i)
        found.append(np.copysign(limb, rows))
    return Block(np.stack(found[::-1]), tuple(1 << int(s) for s in shift))


def _exact_block(weight: Matrix, rows: range) -> Block:
    """Rows of rationals as limbs."""
    values: list[int] = []
    bottoms = []
    for v in rows:
        row = weight.row(v)
        tops, bottom = over_common(row.values())
        line = [0] * weight.shape[1]
        for u, top in zip(row, tops, strict=True):
            line[u] = top
        values += line
        bottoms.append(bottom)
    cut = limbs(values, 3)
    return Block(cut.reshape(len(cut), len(rows), weight.shape[1]), tuple(bottoms))


class Product:
    """A matrix, prepared for exact products; its limbs are kept unless they are many."""

    def __init__(self, weight: Matrix) -> None:
        self.weight = weight
        self.kept: list[Block] | None = None

    def __call__(self, x: Sequence[int], gather: Indices | None) -> tuple[Integers, list[int]]:
        """W times the columns x[gather] (None: one column x; -1: zero): tops (rows, P), and the rows' denominators."""
        cut = limbs([*x, 0], 2)
        picked = cut[:, :-1, None] if gather is None else cut[:, gather]
        tops: list[Integers] = []
        bottoms: list[int] = []
        for block in self._blocks():
            tops.append(_times(block, picked))
            bottoms += block.bottoms
        return np.concatenate(tops), bottoms

    def _blocks(self) -> Iterator[Block]:
        if self.kept is not None:
            yield from self.kept
            return
        seen: list[Block] | None = []
        rows, columns = self.weight.shape
        room = _BLOCK if self.weight.floats is not None else _BLOCK >> 4
        step = max(1, room // max(columns, 1))
        for start in range(0, rows, step):
            block = self._block(range(start, min(start + step, rows)))
            yield block
            if seen is not None:
                seen.append(block)
                seen = seen if sum(b.limbs.size for b in seen) <= _KEPT else None
        self.kept = seen

    def _block(self, rows: range) -> Block:
        floats = self.weight.floats
        block = None
        if floats is not None:
            block = _float_block(floats[rows.start : rows.stop].astype(np.float64))
        return block or _exact_block(self.weight, rows)


def _times(block: Block, x: Floats) -> Integers:
    """The integers (sum of limbs of the block) * (sum of limbs of x); x is (limbs, columns, P)."""
    many, columns, positions = x.shape
    flat = np.ascontiguousarray(np.moveaxis(x, 0, 1)).reshape(columns, many * positions)
    total: Integers = np.zeros((block.limbs.shape[1], positions), object)
    for start in range(0, columns, _COLUMNS):
        part = slice(start, start + _COLUMNS)
        for i, weight in enumerate(block.limbs):
            exact = (weight[:, part] @ flat[part]).astype(np.int64).reshape(-1, many, positions)
            for j in range(many):
                if exact[:, j].any():
                    total = total + (exact[:, j].astype(object) << (24 * i + 16 * j))
    return total
