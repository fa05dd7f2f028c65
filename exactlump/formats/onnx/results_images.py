# SPDX-License-Identifier: Apache-2.0
"""This file is about the shapes of what opaque operators on images make, as far as they follow (`results.py`)."""

from collections.abc import Sequence

from exactlump.formats.onnx.graph import Operator, Reader
from exactlump.formats.onnx.partial_shapes import Inputs, Partial, entry_of, first_of, given_to, places_of
from exactlump.formats.onnx.tensors import Constant
from exactlump.formats.onnx.windows import pads as around
from exactlump.network.sizes import Size, Sizes, Unknown, plain

# A scale above this says nothing of a size.
_LARGEST = 1 << 40


def _numbers(op: Operator, name: str, rank: int, default: int) -> tuple[int, ...]:
    """An attribute with one number for each axis of a grid; the default where there is none, or it does not fit."""
    found = tuple(op.attributes.get(name, ()))
    return found if len(found) == rank else (default,) * rank


def _slid(op: Operator, grid: Partial, kernel: Partial) -> Partial:
    """How many positions a window has along each axis, where numbers say it."""
    rank = len(grid)
    stride, dilation = _numbers(op, "strides", rank, 1), _numbers(op, "dilations", rank, 1)
    pads, more = around(op) or (0,) * (2 * rank), _numbers(op, "output_padding", rank, 0)
    auto = op.attributes.get("auto_pad", b"NOTSET").decode("ascii", "replace") or "NOTSET"
    spread = op.kind == "ConvTranspose"
    known = not op.attributes.get("ceil_mode", 0) and "output_shape" not in op.attributes and len(pads) == 2 * rank
    known = known and min(*stride, *dilation, 1) > 0
    made: list[Size | None] = []
    for i, (n, k) in enumerate(zip(grid, kernel, strict=True)):
        if not known or not isinstance(n, int) or not isinstance(k, int) or (spread and auto.startswith("SAME")):
            made.append(None)
            continue
        span, zeros = dilation[i] * (k - 1) + 1, pads[i] + pads[rank + i] if auto == "NOTSET" else 0
        if spread:
            made.append(stride[i] * (n - 1) + more[i] + span - zeros)
        elif auto.startswith("SAME"):
            made.append(-(-n // stride[i]))
        else:
            made.append((n + zeros - span) // stride[i] + 1)
    return tuple(made)


def convolved(reader: Reader, op: Operator, found: Inputs, known: Sequence[Sizes | None]) -> Sequence[Partial | None]:
    first, weight = first_of(known), entry_of(known, 3 if op.kind == "QLinearConv" else 1)
    if weight is None or len(weight) != len(first) or len(first) < 3:
        return [None]
    units: Size | None = weight[0]
    if op.kind == "ConvTranspose":
        units = weight[1] * int(op.attributes.get("group", 1)) if isinstance(weight[1], int) else None
    return [(first[0], units, *_slid(op, first[2:], weight[2:]))]


def pooled(reader: Reader, op: Operator, found: Inputs, known: Sequence[Sizes | None]) -> Sequence[Partial | None]:
    first, kernel = first_of(known), tuple(op.attributes.get("kernel_shape", ()))
    if len(first) < 3 or len(kernel) != len(first) - 2:
        return [None]
    return [(*first[:2], *_slid(op, first[2:], kernel))] * 2


def pooled_whole(
    reader: Reader, op: Operator, found: Inputs, known: Sequence[Sizes | None]
) -> Sequence[Partial | None]:
    first = first_of(known)
    return [(*first[:2], *(1,) * (len(first) - 2)) if len(first) > 2 else None]


def padded(reader: Reader, op: Operator, found: Inputs, known: Sequence[Sizes | None]) -> Sequence[Partial | None]:
    first, amounts, listed = first_of(known), given_to(op, found, 1, "pads"), given_to(op, found, 3, "")
    places = places_of(listed or range(len(first)), len(first)) if listed is not None else None
    if amounts is None or places is None or len(amounts) != 2 * len(places):
        return [(None,) * len(first)]
    made: list[Size | None] = [*first]
    for i, axis in enumerate(places):
        more, size = amounts[i] + amounts[i + len(places)], first[axis]
        if amounts[i] or amounts[i + len(places)]:
            made[axis] = size + more if isinstance(size, int) else None
    return [tuple(made)]


def resized(reader: Reader, op: Operator, found: Inputs, known: Sequence[Sizes | None]) -> Sequence[Partial | None]:
    """Multiplied by whole scales; other ones depend on how a runtime rounds."""
    first = first_of(known)
    at = 2 if op.kind == "Resize" and len(found) > 2 else 1
    entry = found[at] if at < len(found) else None
    scales = entry.array.reshape(-1).tolist() if isinstance(entry, Constant) and entry.array.size else ()
    crops = op.attributes.get("coordinate_transformation_mode", b"") == b"tf_crop_and_resize"
    if len(scales) != len(first) or crops or "axes" in op.attributes:
        return [(None,) * len(first)]
    made: list[Size | None] = []
    for size, scale in zip(first, scales, strict=True):
        times = float(scale)
        whole = 1 <= times <= _LARGEST and times.is_integer()
        made.append(plain(Unknown.product((size, int(times)))) if whole else None)
    return [tuple(made)]


def blocks(reader: Reader, op: Operator, found: Inputs, known: Sequence[Sizes | None]) -> Sequence[Partial | None]:
    """DepthToSpace."""
    first, block = first_of(known), int(op.attributes.get("blocksize", 0))
    if len(first) != 4 or block < 1 or not isinstance(first[1], int) or first[1] % (block * block):
        return [None]
    grid = (plain(Unknown.product((n, block))) for n in first[2:])
    return [(first[0], first[1] // (block * block), *grid)]
