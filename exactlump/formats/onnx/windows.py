# SPDX-License-Identifier: Apache-2.0
"""This file is about the windows of ONNX: what kernel_shape, strides, pads, auto_pad and the like mean.

The sizes are those of the operators' shape inference (onnx/docs/Operators.md: Conv, ConvTranspose, AveragePool).
"""

from typing import NamedTuple

from exactlump.errors import FormatError, ShapeError, UnsupportedLayer
from exactlump.formats.onnx.rules import flag, integers, word
from exactlump.network.sizes import Size, symbol
from exactlump.network.windows import Grid, Window

# The attributes that operators with windows have in common, and whether windows may begin behind the grid.
SLIDE = {"auto_pad": word("NOTSET"), "dilations": integers(), "pads": integers(), "strides": integers()}
KERNEL, CEIL = {"kernel_shape": integers()}, {"ceil_mode": flag(False).within(since=10)}


class Slide(NamedTuple):
    """How a window goes, as an operator has it; None: it does not say."""

    pool: bool
    auto_pad: str
    dilations: Grid | None
    pads: Grid | None
    strides: Grid | None
    ceil_mode: bool = False


def sizes(name: str, found: Grid | None, rank: int, default: int | None = None) -> Grid:
    """One positive size for each axis of the grid."""
    if found is None and default is not None:
        return (default,) * rank
    if found is None or len(found) != rank or min(found, default=1) < 1:
        raise ShapeError(f"{name}: found {found if found is None else list(found)}, expected {rank} positive sizes")
    return found


def sliding(given: Slide, grid: Grid, kernel: Grid) -> Window:
    """The window of a convolution or pool that collects."""
    rank = len(grid)
    stride, dilation = sizes("strides", given.strides, rank, 1), sizes("dilations", given.dilations, rank, 1)
    spans = tuple(d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True))
    if not all(isinstance(n, int) for n in grid):
        return _unsized(given, grid, (kernel, stride, dilation), spans)
    auto = _auto_pad(given)
    if auto.startswith("SAME"):
        target = tuple(-(-n // s) for n, s in zip(grid, stride, strict=True))
        total = [(m - 1) * s + k - n for m, s, k, n in zip(target, stride, spans, grid, strict=True)]
        if given.pool and (min(total) < 0 or max(dilation) > 1):
            raise UnsupportedLayer(f"found auto_pad {auto} of a pool whose windows have gaps: runtimes differ")
        total = [max(n, 0) for n in total]
        less, more = tuple(n // 2 for n in total), tuple(n - n // 2 for n in total)
        begin, end = (less, more) if auto == "SAME_UPPER" else (more, less)
        return Window(grid, target, kernel, stride, dilation, begin, end)
    begin, end = _around(given, rank)
    rooms = tuple(b + n + e - k for b, n, e, k in zip(begin, grid, end, spans, strict=True))
    target = tuple(_steps(given, *axis) for axis in zip(rooms, stride, grid, begin, strict=True))
    if min(target) < 1:
        raise ShapeError(f"kernel: found spans {list(spans)} for the grid {list(grid)}")
    return Window(grid, target, kernel, stride, dilation, begin, end)


def _unsized(given: Slide, grid: Grid, fields: tuple[Grid, Grid, Grid], spans: Grid) -> Window:
    """The window over a grid of unknown sizes: what comes of one that is no product has a symbol of its own."""
    if given.ceil_mode:
        raise UnsupportedLayer("found ceil_mode over unknown sizes, expected pads")
    begin, end = _unsized_around(given, grid, fields, spans)
    target: list[Size] = []
    for n, b, e, span, stride in zip(grid, begin, end, spans, fields[1], strict=True):
        more = b + e - span
        if isinstance(n, int):
            if n + more < 0:
                raise ShapeError(f"kernel: found span {span} for the grid {list(grid)}")
            target.append((n + more) // stride + 1)
        elif more == -1 and stride == 1:
            target.append(n)
        else:
            target.append(symbol(f"?({n}{more:+d})/{stride}+1"))
    return Window(grid, tuple(target), *fields, begin, end)


def _unsized_around(given: Slide, grid: Grid, fields: tuple[Grid, Grid, Grid], spans: Grid) -> tuple[Grid, Grid]:
    """The pads; as many as keep the sizes, where that is said and the stride is 1."""
    auto = _auto_pad(given)
    if not auto.startswith("SAME"):
        return _around(given, len(grid))
    _, stride, dilation = fields
    if set(stride) != {1} or (given.pool and set(dilation) != {1}):
        raise UnsupportedLayer(f"found auto_pad {auto} with strides over unknown sizes, expected pads")
    less, more = tuple((k - 1) // 2 for k in spans), tuple(k - 1 - (k - 1) // 2 for k in spans)
    return (less, more) if auto == "SAME_UPPER" else (more, less)


def _steps(given: Slide, room: int, stride: int, size: int, begin: int) -> int:
    """How many places a window has along an axis.

    With ceil_mode, versions of ONNX differ in whether a window may begin in the padding at the end.
    """
    steps = room // stride + 1
    if not given.ceil_mode or room % stride == 0:
        return steps
    if steps * stride >= size + begin:
        raise UnsupportedLayer("found ceil_mode with a window that begins behind the grid")
    return steps + 1


def transposed(given: Slide, grid: Grid, kernel: Grid, more: Grid | None, shape: Grid | None) -> Window:
    """The window of a convolution that spreads; more, shape: `output_padding` and `output_shape`."""
    rank = len(grid)
    if not all(isinstance(n, int) for n in grid):
        raise UnsupportedLayer("found a transposed convolution over unknown sizes")
    stride, dilation = sizes("strides", given.strides, rank, 1), sizes("dilations", given.dilations, rank, 1)
    more = (0,) * rank if more is None else more
    if _auto_pad(given) not in ("NOTSET", "VALID") or shape is not None:
        raise UnsupportedLayer("found auto_pad or output_shape, expected pads")
    if len(more) != rank or min(more) < 0:
        raise ShapeError(f"output_padding: found {list(more)}, expected {rank} sizes")
    begin, end = _around(given, rank)
    spans = (d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True))
    axes = zip(grid, stride, spans, more, begin, end, strict=True)
    target = tuple(s * (n - 1) + extra + span - b - e for n, s, span, extra, b, e in axes)
    if min(target) < 1:
        raise ShapeError(f"pads: found a target of shape {list(target)}")
    return Window(grid, target, kernel, stride, dilation, begin, end, transposed=True)


def _auto_pad(given: Slide) -> str:
    """How the padding is chosen; with ceil_mode, runtimes disagree about it."""
    auto = given.auto_pad or "NOTSET"
    if auto not in ("NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"):
        raise FormatError(f"auto_pad: found {auto!r}")
    if auto != "NOTSET" and given.ceil_mode:
        raise UnsupportedLayer("found auto_pad with ceil_mode, expected one of them")
    if auto != "NOTSET" and any(given.pads or ()):
        raise FormatError("found auto_pad with pads, expected one of them")
    return auto


def _around(given: Slide, rank: int) -> tuple[Grid, Grid]:
    found = given.pads or (0,) * (2 * rank)
    if len(found) != 2 * rank:
        raise ShapeError(f"pads: found {len(found)} numbers, expected {2 * rank}")
    if min(found) < 0:
        raise UnsupportedLayer(f"pads: found {list(found)}, expected no negative numbers")
    return found[:rank], found[rank:]
