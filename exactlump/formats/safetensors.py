# SPDX-License-Identifier: Apache-2.0
"""This file is about safetensors files: a header of JSON that names tensors, and their bytes behind it."""

import json
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exactlump.errors import FormatError
from exactlump.formats.state_dicts import BFLOAT16, Weights, widened

# The format's own limit of a header.
_MOST_HEADER = 100_000_000
_KINDS = {
    "F64": "f8",
    "F32": "f4",
    "F16": "f2",
    "BF16": BFLOAT16,
    "BOOL": "?",
    **{f"{letter}{8 * n}": f"{letter.lower()}{n}" for letter in "IU" for n in (1, 2, 4, 8)},
}


def parse(data: bytes) -> Weights:
    """The tensors by name; bfloat16 numbers as the float32 numbers that they are.

    Raises FormatError for a file that breaks the format, or has tensors that overlap, leave holes, or have a type that
    is not covered, such as floats of 8 bits, whose scales lie elsewhere.
    """
    size = int.from_bytes(data[:8], "little")
    if len(data) < 8 or not 2 <= size <= min(len(data) - 8, _MOST_HEADER):
        raise FormatError("safetensors: found no header of the announced size")
    try:
        header = json.loads(data[8 : 8 + size].decode("utf-8"), object_pairs_hook=_object)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"safetensors: header: {error}") from error
    if not isinstance(header, dict):
        raise FormatError("safetensors: header: expected an object")
    header.pop("__metadata__", None)
    body = memoryview(data)[8 + size :]
    places = {name: _place(name, entry) for name, entry in header.items()}
    end = 0
    for start, stop, _, _ in sorted(places.values(), key=lambda place: place[:2]):
        if start != end:
            raise FormatError(f"safetensors: found a tensor at byte {start}, expected one at {end}")
        end = stop
    if end != len(body):
        raise FormatError(f"safetensors: found {len(body)} bytes of tensors, expected {end}")
    return Weights({name: _tensor(body, *place) for name, place in places.items()})


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) != len(pairs):
        raise ValueError("found a key twice in one object")
    return dict(pairs)


def _place(name: str, entry: Any) -> tuple[int, int, str, tuple[int, ...]]:
    """Where a tensor lies behind the header, its type and shape."""
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise FormatError(f"tensor {name[:80]!r}: expected dtype, shape and data_offsets")
    shape, offsets, kind = entry["shape"], entry["data_offsets"], entry["dtype"]
    if not _naturals(shape) or not _naturals(offsets) or len(offsets) != 2 or len(shape) > 32:
        raise FormatError(f"tensor {name[:80]!r}: found a shape or offsets that are no lists of numbers")
    if not isinstance(kind, str) or kind not in _KINDS:
        raise FormatError(f"tensor {name[:80]!r}: found the type {str(kind)[:20]}, expected one of {', '.join(_KINDS)}")
    width = 2 if _KINDS[kind] == BFLOAT16 else np.dtype(_KINDS[kind]).itemsize
    start, stop = offsets
    if math.prod(shape) * width != stop - start:
        raise FormatError(f"tensor {name[:80]!r}: found {stop - start} bytes for shape {shape} of {kind}")
    return start, stop, _KINDS[kind], tuple(shape)


def _naturals(value: Any) -> bool:
    return isinstance(value, list) and all(type(n) is int and 0 <= n < 1 << 53 for n in value)


def _tensor(body: memoryview, start: int, stop: int, kind: str, shape: tuple[int, ...]) -> NDArray[Any]:
    return widened(body[start:stop], kind).reshape(shape)
