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
        return None in self.places(tap)

    def is_identity(self, tap: int) -> bool:
        """Whether the tap leaves every image as it is."""
        if not self.is_sized:
            return self.source == self.target and not self.pads(tap) and set(self.kernel) == set(self.stride) == {1}
        return self.source == self.target and self.places(tap) == tuple(range(math.prod(self.source)))

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
    offsets = []
    for size in reversed(window.kernel):
        tap, offset = divmod(tap, size)
        offsets.append(offset)
    axes = [_axis(window, i, offset) for i, offset in enumerate(reversed(offsets))]
    return tuple(_index(index, window.source) for index in itertools.product(*axes))


def _axis(window: Window, i: int, offset: int) -> list[int | None]:
    """Along one axis: the index that each index of the target reads."""
    stride, shift = window.stride[i], window.dilation[i] * offset - window.begin[i]
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
