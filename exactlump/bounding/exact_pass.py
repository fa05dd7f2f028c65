# SPDX-License-Identifier: Apache-2.0
"""This file is about all bounds of a box in exact integers: the arithmetic of the checker, many rows at a time.

Rows of a stage do not depend on each other, so that they go down together, as matrices of Python integers; products
are made by FLINT.  What comes out is what the checker finds, digit by digit (docs/certificate-format.md, "bounds").
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exactlump.bounding.courses import UNIT, WHOLE, course
from exactlump.bounding.goals import Demand
from exactlump.bounding.known import (
    COEFFICIENT,
    SLOPE,
    Bounds,
    Crossing,
    Functionals,
    Integers,
    Key,
    Known,
    integers,
    meet,
    product,
    reach,
    scaled,
)
from exactlump.bounding.planes import Line, Plane, Polygon, compared, line_around, two
from exactlump.bounding.program import OUTPUTS, Pair, Program, Stage
from exactlump.bounding.trees import Slopes
from exactlump.network.activations import IDENTITY, Activation
from exactlump.numbers.rational import Rational, fraction


def is_met(known: Known, demand: Demand) -> bool:
    """Whether a combination of outputs is known to be as demanded."""
    low, high = (side[demand.number] for side in known.before[demand.family, OUTPUTS])
    return (demand.least is None or demand.least <= low) and (demand.most is None or high <= demand.most)


class Pass:
    """The bounds of a program, box by box."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.slopes: Integers | None = None  # on the inputs, of the rows that went down last

    def node(self, low: Sequence[int], high: Sequence[int], parent: Bounds | None = None) -> Known:
        """All bounds of a box (over WHOLE), which lies in the box that the parent's are of.

        Raises Crossing where a bound is not sound, which would be a bug.
        """
        box = integers(low), integers(high)
        known = Known(box)
        none = np.zeros(len(low), object)
        for family in "ab":
            known.least[family, 0], known.most[family, 0] = box
        known.least["d", 0], known.most["d", 0] = none, none
        for stage in self.program.stages:
            self._stage(known, stage, parent)
        return known

    def outputs(
        self,
        known: Known,
        demands: Sequence[Demand],
        parent: Bounds | None = None,
        slopes: Slopes | None = None,
        *,
        everything: bool = False,
    ) -> list[bool]:
        """Bound the combinations of outputs that demands are about; which demands are met.

        What the parent met is met, and not bounded again (unless `everything` is asked for).
        """
        for family in {demand.family for demand in demands}:
            self._begin(known, (family, OUTPUTS), parent)
        wanted = [i for i, demand in enumerate(demands) if parent is None or everything or not is_met(known, demand)]
        for family in {demands[i].family for i in wanted}:
            key, mine = (family, OUTPUTS), [i for i in wanted if demands[i].family == family]
            chosen = np.array([demands[i].number for i in mine])
            if parent is None:
                self._improve(known, key, chosen, *self.reach(known, key, chosen), first=True)
            low, high = self.both(known, key, chosen)
            for place, i in enumerate(mine):
                for side, sign in ((0, 1), (1, -1)):
                    numbers = (slopes or {}).get((i, side))
                    if numbers is not None:
                        one = self.rows(self.sloped(known, numbers), key, chosen[place : place + 1], np.array([sign]))
                        (low if sign > 0 else high)[place] = sign * one[0]
            self._improve(known, key, chosen, low, high)
        return [is_met(known, demand) for demand in demands]

    def sloped(self, known: Known, slopes: Sequence[int] | None) -> Known:
        """The same with other lines for some pairs: four numbers each, the pair, and its three slopes."""
        if slopes is None:
            return known
        lines = {key: list(listed) for key, listed in known.lines.items()}
        planes = {j: list(listed) for j, listed in known.planes.items()}
        pairs = [(stage, pair) for stage in self.program.stages for pair in stage.pairs]
        for at in range(0, len(slopes), 4):
            number, below, s, t = slopes[at : at + 4]
            stage, pair = pairs[number]
            if pair.new and pair.k is not None and stage.over is not None:
                low, high = (side[pair.k] for side in known.before["b", stage.over])
                under, _ = course(_known(pair.g), low, high).extremes(below)
                line = lines["b", stage.over][pair.k]
                lines["b", stage.over][pair.k] = line._replace(below=below, under=under)
            if pair.e is not None and stage.ours is not None:
                both = two(self.polygon(known, stage, pair), _known(pair.f), _known(pair.g))
                above, under_plane = Plane(s, t, both.most(1, s, t)), Plane(s, t, -both.most(-1, s, t))
                planes[stage.ours][pair.e] = above, under_plane
        return replace(known, lines=lines, planes=planes, alive={})

    # Stages.

    def _begin(self, known: Known, key: Key, parent: Bounds | None) -> None:
        count = len(self.program.layers[key].bias)
        low, high = parent[key] if parent is not None else (np.zeros(count, object), np.zeros(count, object))
        known.before[key] = low.copy(), high.copy()

    def _stage(self, known: Known, stage: Stage, parent: Bounds | None) -> None:
        keys: list[Key] = [(family, stage.ours) for family in "ad" if stage.ours is not None]
        if stage.fresh and stage.over is not None:
            keys.append(("b", stage.over))
        for key in keys:
            self._begin(known, key, parent)
        pairs = [p for p in stage.pairs if parent is None or not self.is_line(known, stage, p, flat=True)]
        for key in keys:
            chosen = self._elements(key[0], pairs)
            self._improve(known, key, chosen, *self.reach(known, key, chosen), first=parent is None)
        self._tighten(known, stage, pairs)
        for families in ("ab", "d"):
            pairs = [pair for pair in pairs if not self.is_line(known, stage, pair)]
            for key in keys:
                chosen = self._elements(key[0], pairs)
                if key[0] in families and chosen.size and self._is_deep(key):
                    self._improve(known, key, chosen, *self.both(known, key, chosen))
            self._tighten(known, stage, pairs)
        if stage.fresh and stage.over is not None:
            self._draw(known, "b", stage.over)
        if stage.ours is not None:
            self._draw(known, "a", stage.ours)
            self._compare(known, stage, stage.ours)
        known.done.append(stage)

    def _elements(self, family: str, pairs: Sequence[Pair]) -> NDArray[np.int64]:
        """The elements of a family that pairs are there to bound."""
        if family == "b":
            return np.array([pair.k for pair in pairs if pair.new], np.int64)
        return np.array([pair.e for pair in pairs if pair.e is not None], np.int64)

    def _is_deep(self, key: Key) -> bool:
        family, j = key
        names = ("a", "d") if family == "d" else (family,)
        return any(self.program.layers[name, j].deep for name in names)

    def polygon(self, known: Known, stage: Stage, pair: Pair) -> Polygon:
        """The bounds of an element of N, of what it is compared with, and of the difference."""
        x, z, d = (0, 0), (0, 0), (0, 0)
        if pair.k is not None and stage.over is not None:
            low, high = known.before["b", stage.over]
            z = scaled(pair.ratio, low[pair.k], high[pair.k])
        if pair.e is not None and stage.ours is not None:
            x, d = ((low[pair.e], high[pair.e]) for low, high in (known.before[f, stage.ours] for f in "ad"))
        return Polygon(x, z, d)

    def is_line(self, known: Known, stage: Stage, pair: Pair, *, flat: bool = False) -> bool:
        """Whether the functions of a pair are known to be one line (two, where they differ); flat: constant."""
        polygon = self.polygon(known, stage, pair)
        if (pair.e is not None and pair.f is None) or (pair.e is None and pair.g is None):
            return not flat
        if pair.e is None:
            courses = [course(_known(pair.g), *polygon.z)]
        elif pair.f == pair.g:
            courses = [course(_known(pair.f), min(polygon.x[0], polygon.z[0]), max(polygon.x[1], polygon.z[1]))]
        else:
            courses = [course(_known(pair.f), *polygon.x), course(_known(pair.g), *polygon.z)]
        return all(found.is_line and not (flat and found.pieces[0].slope) for found in courses)

    def _improve(
        self, known: Known, key: Key, chosen: NDArray[np.int64], low: Integers, high: Integers, *, first: bool = False
    ) -> None:
        lows, highs = known.before[key]
        lows[chosen] = low if first else np.maximum(lows[chosen], low)
        highs[chosen] = high if first else np.minimum(highs[chosen], high)
        if (lows[chosen] > highs[chosen]).any():
            raise Crossing(f"bounds of {key}: found a lower one above the upper one")

    def _tighten(self, known: Known, stage: Stage, pairs: Sequence[Pair]) -> None:
        """What x = z + d says of the bounds of the three."""
        for pair in pairs:
            if pair.e is None or stage.ours is None:
                continue
            polygon = self.polygon(known, stage, pair)
            (xl, xh), (zl, zh), (dl, dh) = polygon.x, polygon.z, polygon.d
            xl, xh = max(xl, zl + dl), min(xh, zh + dh)
            zl, zh = max(zl, xl - dh), min(zh, xh - dl)
            dl, dh = max(dl, xl - zh), min(dh, xh - zl)
            meet(known, ("a", stage.ours), pair.e, xl, xh)
            meet(known, ("d", stage.ours), pair.e, dl, dh)
            if pair.new and stage.over is not None and pair.k is not None:
                meet(known, ("b", stage.over), pair.k, *scaled(1 / pair.ratio, zl, zh))

    def reach(self, known: Known, key: Key, chosen: NDArray[np.int64]) -> tuple[Integers, Integers]:
        """The bounds that follow from those of the elements that are read."""
        family, j = key
        layer = self.program.layers[key]
        low, high = reach(known, layer, "b" if family == "d" else family, chosen)
        bias, scale = layer.bias[chosen] * WHOLE, layer.scale
        if family == "d":
            ours = self.program.layers["a", j]
            less, more = reach(known, ours, "d", chosen)
            low, high = low * ours.scale + less * scale, high * ours.scale + more * scale
            bias, scale = bias * ours.scale, scale * ours.scale
        return (low + bias) // scale, -((-(high + bias)) // scale)

    def _draw(self, known: Known, family: str, j: int) -> None:
        """The lines around elements, and their bounds after the function."""
        tensor, (low, high) = self.program.tensors[j], known.before[family, j]
        lines, ends, places = [], [], []
        for i in range(tensor.size):
            function = tensor.functions[i // tensor.positions]
            if function is not None:
                found = course(function, low[i], high[i])
                lines.append(line_around(found, low[i], high[i]))
                ends.append(found.ends)
                continue
            window = tensor.window(i)
            e = max(window, key=lambda k: low[k])
            most = max(high[k] for k in window)
            wins = all(high[k] <= low[e] for k in window if k != e)
            lines.append(Line(UNIT, 0, UNIT, 0) if wins else Line(0, most * UNIT, UNIT, 0))
            ends.append((low[e], most))
            places.append(e)
        if places:
            known.places[family, j] = places
        known.lines[family, j] = lines
        known.alive[family, j] = np.flatnonzero([any(line) or low for line, (low, _) in zip(lines, ends, strict=True)])
        known.least[family, j], known.most[family, j] = (integers(side) for side in zip(*ends, strict=True))

    def _compare(self, known: Known, stage: Stage, j: int) -> None:
        """The planes around differences, and their bounds after the functions."""
        planes, ends = [], []
        for i, line in enumerate(known.lines["a", j]):
            e = known.places["a", j][i] if ("a", j) in known.places else i
            pair = stage.pairs[e]
            polygon = self.polygon(known, stage, pair)
            if pair.f is None:
                above, below, found = self._pooled(known, stage, i, pair, line)
            else:
                above, below, found = compared(polygon, pair.f, _known(pair.g), line)
            planes.append((above, below))
            ends.append(found)
        known.planes[j] = planes
        known.alive["d", j] = np.flatnonzero(
            [any(above) or any(below) or low for (above, below), (low, _) in zip(planes, ends, strict=True)]
        )
        known.least["d", j], known.most["d", j] = (integers(side) for side in zip(*ends, strict=True))

    def _pooled(
        self, known: Known, stage: Stage, i: int, pair: Pair, line: Line
    ) -> tuple[Plane, Plane, tuple[int, int]]:
        """The difference of two largest elements (docs/certificate-format.md)."""
        assert stage.ours is not None
        assert pair.e is not None
        tensor = self.program.tensors[stage.ours]
        low, high = known.least["a", stage.ours][i], known.most["a", stage.ours][i]
        if pair.k is None or stage.over is None:
            piece = course(_known(pair.g), 0, 0).pieces[0]
            above = Plane(line.above, 0, line.over - piece.least)
            below = Plane(line.below, 0, line.under - piece.most)
            return above, below, (low + (-piece.most) // UNIT, high - piece.least // UNIT)
        at = pair.k // tensor.parts * tensor.positions + i % tensor.positions
        zl, zh = scaled(pair.ratio, known.least["b", stage.over][at], known.most["b", stage.over][at])
        other = known.lines["b", stage.over][at]
        dl, dh = known.before["d", stage.ours]
        if line.above and other.above and known.places["b", stage.over][at] == pair.k:
            least, most, above, below = dl[pair.e], dh[pair.e], Plane(UNIT, 0, 0), Plane(UNIT, 0, 0)
        else:
            window = tensor.window(i)
            least, most = min(dl[k] for k in window), max(dh[k] for k in window)
            above, below = Plane(0, 0, most * UNIT), Plane(0, 0, least * UNIT)
        return above, below, (max(least, low - zh), min(most, high - zl))

    # Functionals.

    def both(self, known: Known, key: Key, chosen: NDArray[np.int64]) -> tuple[Integers, Integers]:
        """Lower and upper bounds of elements before their functions, by functionals that go down to the inputs."""
        found = self.rows(known, key, np.concatenate([chosen, chosen]), np.repeat([1, -1], chosen.size))
        return found[: chosen.size], -found[chosen.size :]

    def rows(self, known: Known, key: Key, chosen: NDArray[np.int64], signs: NDArray[np.int64]) -> Integers:
        """Lower bounds, over WHOLE, of signs times elements before their functions."""
        family, j = key
        f = Functionals(chosen.size)
        k = integers([int(sign) << COEFFICIENT for sign in signs])
        for name, into in (("a", "d"), ("d", "b")) if family == "d" else ((family, family),):
            layer = self.program.layers[name, j]
            for below, block in layer.blocks.items():
                if below or into != "d":
                    f.add((into, below), block[chosen] * k[:, None], layer.scale)
            if into != "d":
                f.plus(layer.bias[chosen] * k * WHOLE, layer.scale)
        for stage in reversed(known.done):
            self._down(known, stage, f)
        low, high = known.box
        total: Integers = np.zeros(chosen.size, object)
        for name in "ab":
            values = f.settle((name, 0), low)
            if values is not None:
                self.slopes = values
                total = total + np.where(values >= 0, values * low, values * high).sum(axis=1)
        return np.asarray((f.constant // f.bottom + total) >> COEFFICIENT)

    def _down(self, known: Known, stage: Stage, f: Functionals) -> None:
        """Carry functionals from what the tensors of a stage are after their functions to what they are made from."""
        a, b = stage.ours, stage.over
        own, gap = (f.settle((x, a), known.least[x, a]) if a is not None and (x, a) in f.sums else None for x in "ad")
        their = (
            f.settle(("b", b), known.least["b", b]) if stage.fresh and b is not None and ("b", b) in f.sums else None
        )
        f.constant, f.bottom = (f.constant // f.bottom) << SLOPE, UNIT
        if own is not None and a is not None:
            self._push(known, f, ("a", a), "a", self._relaxed(known, f, ("a", a), own), UNIT)
        if their is not None and b is not None:
            self._push(known, f, ("b", b), "b", self._relaxed(known, f, ("b", b), their), UNIT)
        if gap is not None and a is not None:
            self._slant(known, stage, f, a, gap)

    def _relaxed(self, known: Known, f: Functionals, key: Key, values: Integers) -> Integers:
        """The integers on elements before the functions, by the lines around them."""
        above, over, below, under = (integers(side) for side in zip(*known.lines[key], strict=True))
        positive = values >= 0
        f.plus((values * np.where(positive, under, over)).sum(axis=1), UNIT)
        return self._moved(known, key, values * np.where(positive, below, above))

    def _moved(self, known: Known, key: Key, values: Integers) -> Integers:
        """The integers of elements after functions on the elements before them that lines are on."""
        if key not in known.places:
            return values
        found = np.zeros((len(values), len(known.before[key][0])), object)
        for i, e in enumerate(known.places[key]):
            found[:, e] = found[:, e] + values[:, i]
        return found

    def _slant(self, known: Known, stage: Stage, f: Functionals, a: int, gap: Integers) -> None:
        """By the planes: on differences before the functions, and on what they are compared with."""
        sides = [
            [integers(side) for side in zip(*planes, strict=True)] for planes in zip(*known.planes[a], strict=True)
        ]
        positive = gap >= 0
        s, t, c = (np.where(positive, below, above) for above, below in zip(*sides, strict=True))
        f.plus((gap * c).sum(axis=1), UNIT)
        v = self._moved(known, ("a", a), gap * s)
        self._push(known, f, ("a", a), "d", v, UNIT)
        self._push(known, f, ("d", a), "b", v, UNIT)
        if stage.over is not None:
            slopes = self._moved(known, ("a", a), gap * t)
            ratios = [fraction(pair.ratio) for pair in stage.pairs[: slopes.shape[1]]]
            whole = math.lcm(*(q for _, q in ratios))
            w = np.zeros((len(gap), len(known.before["b", stage.over][0])), object)
            for e, (pair, (p, q)) in enumerate(zip(stage.pairs, ratios, strict=False)):
                if pair.k is not None:
                    w[:, pair.k] = w[:, pair.k] + slopes[:, e] * (p * (whole // q))
            self._push(known, f, ("b", stage.over), "b", w, UNIT * whole)

    def _push(self, known: Known, f: Functionals, key: Key, family: str, v: Integers, d: int) -> None:
        """Add v, over d, times the rows of a layer; for differences neither inputs nor constants."""
        layer, rows = self.program.layers[key], np.flatnonzero((v != 0).any(axis=0))
        for below, block in layer.blocks.items():
            if below or family != "d":
                found, columns = np.zeros((len(v), block.shape[1]), object), known.alive.get((family, below))
                columns = np.arange(block.shape[1]) if columns is None else columns
                found[:, columns] = product(v[:, rows], block[np.ix_(rows, columns)])
                f.add((family, below), found, d * layer.scale)
        if family != "d":
            f.plus((v @ layer.bias) * WHOLE, d * layer.scale)


def _known(function: Activation | Rational | None) -> Any:
    """A function that is none of a max-pool."""
    return IDENTITY if function is None else function
