# SPDX-License-Identifier: Apache-2.0
"""This file is about windows: how a kernel slides over a grid of positions.

Every linear operator on images that this package knows is a sum of *taps*.  Tap t of a window reads, for position q of
the target grid, position  stride*q + dilation*t - begin  of the source grid, and 0 where there is none (zero padding).
For a transposed window source and target change places: q is then what  stride*p + dilation*t - begin  is for some p.

Throughout: a grid is a tuple of sizes, a position its row-major index; T = the number of taps.
"""

import itertools
import math
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, TypeAlias

from exactlump.network.sizes import Unknown

# The sizes of a grid; of an open tensor (`views.py`) perhaps unknown ones.
Grid: TypeAlias = tuple[Any, ...]


@dataclass(frozen=True)
class Window:
    """A kernel over a grid, all fields one entry an axis.

    source, target   the grids before and after
    kernel           the sizes of the kernel; stride, dilation, begin and end (the zeros put around the source)
    transposed       whether it spreads (ConvTranspose) instead of collecting
    """

    source: Grid
    target: Grid
    kernel: Grid
    stride: Grid
    dilation: Grid
    begin: Grid
    end: Grid
    transposed: bool = False

    def __repr__(self) -> str:
        return f"Window({self.key})"

    @cached_property
    def key(self) -> str:
        """All fields, in short: equal for equal windows."""
        fields = (self.source, self.target, self.kernel, self.stride, self.dilation, self.begin, self.end)
        return " ".join("x".join(map(str, field)) for field in fields) + (" transposed" if self.transposed else "")

    @property
    def taps(self) -> Any:
        """T, the number of taps; tap t is the t-th offset in the kernel, row-major."""
        if not all(isinstance(n, int) for n in self.kernel):
            return Unknown.product(self.kernel)
        return math.prod(self.kernel)

    def places(self, tap: int) -> tuple[int | None, ...]:
        """For each position of the target, the position of the source that the tap reads; None: a zero around it."""
        return _places(self, tap)

    @property
    def is_sized(self) -> bool:
        """Whether all sizes are numbers."""
        return all(isinstance(n, int) for n in (*self.source, *self.target, *self.kernel))

    def pads(self, tap: int) -> bool:
        """Whether the tap reads padding anywhere; where sizes are unknown, whether it does for some of them."""
        if not self.is_sized:
            return self.transposed or any((*self.begin, *self.end))
        if self.transposed:
            return any(None in axis for axis in _axes(self, tap))
        ends = zip(_shifts(self, tap), self.stride, self.source, self.target, strict=True)
        return any(shift < 0 or stride * (m - 1) + shift >= n for shift, stride, n, m in ends)

    def is_identity(self, tap: int) -> bool:
        """Whether the tap leaves every image as it is."""
        if not self.is_sized:
            return self.source == self.target and not self.pads(tap) and set(self.kernel) == set(self.stride) == {1}
        if self.source != self.target:
            return False
        if self.transposed:
            axes = zip(_axes(self, tap), self.source, strict=True)
            return all(axis == list(range(n)) for axis, n in axes)
        steps = zip(_shifts(self, tap), self.stride, self.target, strict=True)
        return all(shift == 0 and (stride == 1 or m == 1) for shift, stride, m in steps)

    def cells(self, *, padding: bool) -> tuple[int, ...]:
        """For each position of the target, how many taps read the source, or (with `padding`) the source and its zeros.

        What a size that was rounded up adds beyond `end` is never counted (ONNX's ceil_mode).
        """
        axes = []
        for i, size in enumerate(self.target):
            low, high = (-self.begin[i], self.source[i] + self.end[i]) if padding else (0, self.source[i])
            starts = (self.stride[i] * q - self.begin[i] for q in range(size))
            axes.append([sum(low <= s + self.dilation[i] * t < high for t in range(self.kernel[i])) for s in starts])
        return tuple(math.prod(counts) for counts in itertools.product(*axes))


@cache
def _places(window: Window, tap: int) -> tuple[int | None, ...]:
    return tuple(_index(index, window.source) for index in itertools.product(*_axes(window, tap)))


def _shifts(window: Window, tap: int) -> list[int]:
    """Along each axis: dilation*t - begin."""
    found = []
    for size, dilation, begin in zip(window.kernel[::-1], window.dilation[::-1], window.begin[::-1], strict=True):
        tap, offset = divmod(tap, size)
        found.append(dilation * offset - begin)
    return found[::-1]


def _axes(window: Window, tap: int) -> list[list[int | None]]:
    """Along each axis: the index that each index of the target reads."""
    return [_axis(window, i, shift) for i, shift in enumerate(_shifts(window, tap))]


def _axis(window: Window, i: int, shift: int) -> list[int | None]:
    """Along one axis: the index that each index of the target reads."""
    stride = window.stride[i]
    found: list[int | None] = []
    for q in range(window.target[i]):
        p, odd = divmod(q - shift, stride) if window.transposed else (stride * q + shift, 0)
        found.append(p if not odd and 0 <= p < window.source[i] else None)
    return found


def _index(index: tuple[int | None, ...], grid: Grid) -> int | None:
    position = 0
    for i, size in zip(index, grid, strict=True):
        if i is None:
            return None
        position = position * size + i
    return position


def whole(grid: Grid) -> Window:
    """The window that sees a whole grid at once: global pooling; its target has one position."""
    ones, zeros = (1,) * len(grid), (0,) * len(grid)
    return Window(grid, ones, grid, ones, ones, zeros, zeros)
