# SPDX-License-Identifier: Apache-2.0
"""This file is about what a function does between two values: a few pieces, each a band around a line.

Numbers are integers: values over 2^40 (WHOLE), slopes over 2^12 (UNIT) times a scale, constants over both.  Roundings
are those of docs/certificate-format.md, "bounds", so that bounds are the checker's, digit by digit.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

from exactlump.bounding.curves import CURVES, curve_pieces
from exactlump.errors import UnsupportedLayer
from exactlump.network.activations import Activation
from exactlump.numbers.rational import ONE, ZERO, Rational, fraction, over_common, rational

UNIT, WHOLE = 1 << 12, 1 << 40
FEW = 8  # so many steps of a function that rounds are told apart


@dataclass(frozen=True, slots=True)
class Piece:
    """From `low` to `high` the function lies between slope * y + least and slope * y + most."""

    low: int
    high: int
    slope: int
    least: int
    most: int


@dataclass(frozen=True, slots=True)
class Course:
    """The pieces of a function between two values.

    scale   slopes are over UNIT * scale, constants over UNIT * WHOLE * scale
    slopes  between which all difference quotients lie; None where the function jumps
    """

    scale: int
    pieces: tuple[Piece, ...]
    slopes: tuple[int, int] | None

    @property
    def is_line(self) -> bool:
        """Whether the function is affine there."""
        return self.slopes is not None and self.slopes[0] == self.slopes[1]

    def times(self, k: int) -> "Course":
        """The same at k times the scale."""
        if k == 1:
            return self
        pieces = tuple(Piece(p.low, p.high, k * p.slope, k * p.least, k * p.most) for p in self.pieces)
        return Course(k * self.scale, pieces, None if self.slopes is None else (k * self.slopes[0], k * self.slopes[1]))

    def extremes(self, slope: int) -> tuple[int, int]:
        """The least and the greatest value of the function minus slope * y, over UNIT * WHOLE, rounded outwards."""
        lows, highs = [], []
        for p in self.pieces:
            tilt = p.slope - slope * self.scale
            lows.append(min(tilt * p.low, tilt * p.high) + p.least)
            highs.append(max(tilt * p.low, tilt * p.high) + p.most)
        return min(lows) // self.scale, -((-max(highs)) // self.scale)

    @property
    def ends(self) -> tuple[int, int]:
        """The least and the greatest value, over WHOLE."""
        low, high = self.extremes(0)
        return low // UNIT, -((-high) // UNIT)


def floor(value: Rational) -> int:
    """The greatest integer that is not above."""
    p, q = fraction(value)
    return p // q


def ceil(value: Rational) -> int:
    """The least integer that is not below."""
    p, q = fraction(value)
    return -(-p // q)


# Piecewise linear functions.


def bends(function: Activation) -> list[tuple[Rational, Rational, Rational]] | None:
    """(where it begins, slope, constant) of each piece; the first one's beginning says nothing.  None: another kind."""
    p = function.parameters
    match function.name:
        case "leaky_relu":
            return [(ZERO, ONE, ZERO)] if p[0] == 1 else [(ZERO, p[0], ZERO), (ZERO, ONE, ZERO)]
        case "clip":
            return [(ZERO, ZERO, p[0]), (p[0], ONE, ZERO), (p[1], ZERO, p[1])]
        case "at_least":
            return [(ZERO, ZERO, p[0]), (p[0], ONE, ZERO)]
        case "at_most":
            return [(ZERO, ONE, ZERO), (p[0], ZERO, p[0])]
        case "thresholded_relu":
            return [(ZERO, ZERO, ZERO), (p[0], ONE, ZERO)]
        case "sign" | "bipolar_sign":
            return [(ZERO, ZERO, -ONE), (ZERO, ZERO, ONE)]
        case "hard_sigmoid":
            return _hard_sigmoid(*p)
    return None


def _hard_sigmoid(a: Rational, b: Rational) -> list[tuple[Rational, Rational, Rational]]:
    if not a:
        return [(ZERO, ZERO, min(max(b, ZERO), ONE))]
    first, last = sorted((-b / a, (ONE - b) / a))
    below, above = (ZERO, ONE) if a > 0 else (ONE, ZERO)
    return [(ZERO, ZERO, below), (first, a, b), (last, ZERO, above)]


Row: TypeAlias = tuple[int, int, int, int, int]  # where a piece begins (down, up), its slope, its constant (down, up)
Table: TypeAlias = tuple[int, bool, tuple[Row, ...]]  # the scale, whether it is continuous, and the pieces


def _table(pieces: Sequence[tuple[Rational, Rational, Rational]]) -> Table:
    _, scale = over_common([slope for _, slope, _ in pieces])
    smooth = all(a * at + b == c * at + d for (_, a, b), (at, c, d) in pairwise(pieces))
    rows = []
    for at, slope, constant in pieces:
        size = constant * (UNIT * scale * WHOLE)
        rows.append((floor(at * WHOLE), ceil(at * WHOLE), floor(slope * (UNIT * scale)), floor(size), ceil(size)))
    return scale, smooth, tuple(rows)


def _linear(table: Table, low: int, high: int) -> Course:
    scale, smooth, rows = table
    found = []
    for i, (down, _, slope, least, most) in enumerate(rows):
        begin = low if i == 0 else max(low, down)
        end = high if i + 1 == len(rows) else min(high, rows[i + 1][1])
        if begin < end or (begin == end and not smooth):
            found.append(Piece(begin, end, slope, least, most))
    if not found:
        _, _, slope, least, most = [row for i, row in enumerate(rows) if i == 0 or row[0] <= low][-1]
        found = [Piece(low, high, slope, least, most)]
    listed = [piece.slope for piece in found]
    return Course(scale, tuple(found), (min(listed), max(listed)) if smooth or len(found) == 1 else None)


# Functions that round.


def steps(function: Activation) -> tuple[Rational, Rational, int, tuple[int, int] | None] | None:
    """s, h, v and bounds of m, where the function is s * (m + v) with m = floor(y / s + h) within the bounds."""
    half = rational(1, 2)
    match function.name:
        case "floor":
            return ONE, ZERO, 0, None
        case "ceil":
            return ONE, ZERO, 1, None
        case "round":
            return ONE, half, 0, None
        case "quantize" | "quantize_floor":
            s, z, a, b = function.parameters
            return s, half if function.name == "quantize" else ZERO, 0, (floor(a - z), floor(b - z))
    return None


def _rounded(s: Rational, h: Rational, v: int, bounds: tuple[int, int] | None, low: int, high: int) -> Course:
    m, n = ceil(rational(low, WHOLE) / s + h) - 1, floor(rational(high, WHOLE) / s + h)
    if bounds is not None:
        m, n = (min(max(k, bounds[0]), bounds[1]) for k in (m, n))

    def flat(k: int, begin: int, end: int) -> Piece:
        value = s * (k + v) * WHOLE
        return Piece(begin, end, 0, UNIT * floor(value), UNIT * ceil(value))

    def threshold(k: int) -> Rational:
        return s * (k - h) * WHOLE

    if n - m <= FEW:
        pieces = [
            flat(k, low if k == m else floor(threshold(k)), high if k == n else ceil(threshold(k + 1)))
            for k in range(m, n + 1)
        ]
        return Course(1, tuple(pieces), (0, 0) if len(pieces) == 1 else None)
    begin, end = max(low, floor(threshold(m))), min(high, ceil(threshold(n + 1)))
    least, most = floor(s * (h + v - 1) * WHOLE) - 1, ceil(s * (h + v) * WHOLE) + 1
    pieces = [Piece(begin, end, UNIT, UNIT * least, UNIT * most)]
    if low < begin:
        pieces.insert(0, flat(m, low, begin))
    if end < high:
        pieces.append(flat(n, end, high))
    return Course(1, tuple(pieces), None)


_TABLES: dict[int, tuple[object, Table | None]] = {}  # by the identity of a function, which is kept with its table


def _known(function: Activation | Rational) -> Table | None:
    """The table of a piecewise linear function, or of a constant; None for other functions."""
    if id(function) not in _TABLES:
        found = bends(function) if isinstance(function, Activation) else [(ZERO, ZERO, function)]
        _TABLES[id(function)] = function, None if found is None else _table(found)
    return _TABLES[id(function)][1]


def course(function: Activation | Rational, low: int, high: int) -> Course:
    """What a function (or a constant) does from one value to another.

    Raises UnsupportedLayer for functions without bounds.
    """
    table = _known(function)
    if table is not None:
        return _linear(table, low, high)
    rounds = steps(function)
    if rounds is not None:
        return _rounded(*rounds, low, high)
    if function.name not in CURVES:
        raise UnsupportedLayer(f"found the function {function}, which has no bounds")
    pieces, slopes = curve_pieces(function, low, high)
    return Course(1, tuple(Piece(*piece) for piece in pieces), slopes)
