# SPDX-License-Identifier: Apache-2.0
"""This file is about evaluating texts of networks of images (proofs/README.md) by what their words say of operators.

Functions without rational values, and opaque operators, are replaced as in proved_programs.py.
"""

import itertools
import math
import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from fractions import Fraction
from operator import mul

from tests.proved_programs import FUNCTIONS, ONE, ZERO, operator

Image = list[Fraction]
Linear = Callable[[Image], Image]
Value = Callable[[str, Sequence[Fraction], Fraction], Fraction]


def places(sizes: Sequence[int]) -> list[tuple[int, ...]]:
    return list(itertools.product(*map(range, sizes)))


class Window:
    """A window by its words: sizes of source, target and kernel; steps, dilations, padding on both sides."""

    def __init__(self, text: str) -> None:
        words = text.removesuffix(" transposed").split(" ")
        self.transposed = text.endswith(" transposed")
        fields = [[int(n) for n in word.split("x") if n] for word in words]
        self.source, self.target, self.kernel, self.stride, self.dilation, self.begin, self.end = fields

    def index(self, q: Sequence[int], offset: Sequence[int]) -> int | None:
        """The element of the source that is read at q; None: padding."""
        found = 0
        for n, stride, dilation, begin, i, t in zip(
            self.source, self.stride, self.dilation, self.begin, q, offset, strict=True
        ):
            at, rest = stride * i + dilation * t - begin, 0
            if self.transposed:
                at, rest = divmod(i + begin - dilation * t, stride)
            if rest or not 0 <= at < n:
                return None
            found = found * n + at
        return found

    def read(self, q: Sequence[int]) -> list[int]:
        """The elements that are read at q."""
        return [at for offset in places(self.kernel) if (at := self.index(q, offset)) is not None]

    def divisor(self, q: Sequence[int], *, padding: bool) -> int:
        """How many elements there are at q, with or without those of the padding."""
        if not padding:
            return len(self.read(q))
        axes = zip(self.source, self.kernel, self.stride, self.dilation, self.begin, self.end, q, strict=True)
        return math.prod(
            sum(-begin <= stride * i + dilation * t - begin < n + end for t in range(k))
            for n, k, stride, dilation, begin, end, i in axes
        )


def spread(y: Image, size: int) -> Image:
    """An image that is the same everywhere, for all positions."""
    return y * size if len(y) == 1 else y


def linear(text: str) -> Linear:
    """What the words of a linear operator say."""
    found = re.fullmatch(r"(\w+) (\d+)(| of a pool, or else the first that reads an element): (.*)", text)
    assert found is not None, text
    name, number, pool, over = found[1], int(found[2]), found[3], found[4]
    if name == "at":
        return lambda y: [spread(y, int(over))[number]]
    if name == "put":
        return lambda y: [y[0] if p == number else ZERO for p in range(int(over))]
    if name == "pick":
        n, inner = map(int, re.findall(r"\d+", over))
        return lambda y: [y[e] for e in range(len(y)) if e // inner % n == number]
    window = Window(over)
    size = math.prod(window.source)
    if name == "average":
        return lambda y: [
            sum((spread(y, size)[at] for at in window.read(q)), ZERO) / window.divisor(q, padding=bool(number))
            for q in places(window.target)
        ]
    assert name == "tap", text
    offset = places(window.kernel)[number]

    def tap(y: Image) -> Image:
        indices = [window.index(q, offset) for q in places(window.target)]
        if pool:
            firsts = [window.read(q)[0] for q in places(window.target)]
            indices = [first if at is None else at for at, first in zip(indices, firsts, strict=True)]
        return [ZERO if at is None else spread(y, size)[at] for at in indices]

    return tap


def level(images: Sequence[Image]) -> list[Image]:
    """Images of one size."""
    size = max(map(len, images), default=1)
    return [spread(y, size) for y in images]


def known_value(name: str, parameters: Sequence[Fraction], y: Fraction) -> Fraction:
    return FUNCTIONS[name][1](y, *parameters) * ONE


class ImageText:
    """The two networks of a text, to be evaluated.

    value  what a function, by its name and its parameters, makes of a number
    """

    def __init__(self, text: str, value: Value = known_value) -> None:
        self.value = value
        lines = text.split("\n")
        start = next(i for i, line in enumerate(lines) if line.startswith("assumes "))
        start += 1 + int(lines[start].split()[1])
        count = int(lines[start].removeprefix("moves "))
        self.moves = [line.split(" ", 2) for line in lines[start + 1 : start + 1 + count]]
        self.operators = [linear(words[2]) for words in self.moves]
        self.networks = list[list[list[str]]]()
        for line in lines[start + 1 + count :]:
            if line.startswith("network "):
                self.networks.append([])
            self.networks[-1].append(line.split())

    def evaluate(self, which: int, x: Sequence[Image]) -> list[Image]:
        """The outputs of network 0, the reduced one, or 1."""
        header, *steps = self.networks[which]
        assert int(header[3]) == len(x)
        ys = list(x)
        for line in steps:
            if line[0] == "outputs":
                return [ys[int(u)] for u in line[2:]]
            words = iter(line)
            kind = next(words)
            if kind == "moved":
                number, u = int(next(words)), int(next(words))
                ys.append(self.operators[number](ys[u]))
            elif kind == "given":
                _, results, sources = int(next(words)), int(next(words)), int(next(words))
                flat = [y for _ in range(sources) for y in ys[int(next(words))]]
                ys += [[y] for y in operator("opaque", flat)[:results]]
            else:
                ys += self.at_each(line, ys)
        raise AssertionError("no outputs")

    def at_each(self, line: Sequence[str], ys: Sequence[Image]) -> list[Image]:
        """What a node makes, position by position."""
        at = next(i for i, word in enumerate(line) if word in ("unit", "greatest", "apply"))
        words = iter(line[at:])
        kind = next(words)
        if kind == "apply":
            name, results, count = next(words), int(next(words)), int(next(words))
            read = level([ys[int(next(words))] for _ in range(count)])
            found = [operator(name, row)[:results] for row in zip(*read, strict=True)]
            return [list(column) for column in zip(*found, strict=True)]
        start = int(next(words))
        if kind == "greatest":
            read = level([ys[start + int(next(words))] for _ in range(int(next(words)))])
            return [[max(row) for row in zip(*read, strict=True)]]
        name = next(words)
        parameters = [Fraction(next(words)) for _ in range(FUNCTIONS[name][0])]
        denominator, bias, how = Decimal(next(words)), Decimal(next(words)), next(words)
        if how == "all":
            edges = [(start + u, int(Decimal(next(words)))) for u in range(int(next(words)))]
        else:
            edges = [(start + int(next(words)), int(Decimal(next(words)))) for _ in range(int(how))]
        weights = [w for _, w in edges if w]
        read = level([ys[u] for u, w in edges if w])
        rows = zip(*read, strict=True) if read else [()]
        total = [sum(map(mul, weights, row), Fraction(bias)) / Fraction(denominator) for row in rows]
        return [[self.value(name, parameters, y) for y in total]]
