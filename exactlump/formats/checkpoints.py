# SPDX-License-Identifier: Apache-2.0
"""This file is about PyTorch's files of weights, .pt and .pth: a pickle and the numbers beside it, read as data.

Nothing of the pickle runs (`pickles.py`), and PyTorch is not needed.  Files are zip archives, or, before PyTorch 1.6,
several pickles in a row with the numbers behind them.
"""

import io
import math
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exactlump.errors import ExactlumpError, FormatError, UnsupportedLayer
from exactlump.formats.files import MAX_UNPACKED, about
from exactlump.formats.pickles import Made, Named, Stored, loads
from exactlump.formats.state_dicts import BFLOAT16, Weights, widened

# What a file may call its weights, when it holds more than them.
_HOLDERS = ("state_dict", "model_state_dict", "model", "net", "params")
_KINDS: Mapping[str, str] = {
    "FloatStorage": "f4",
    "DoubleStorage": "f8",
    "HalfStorage": "f2",
    "BFloat16Storage": BFLOAT16,
    "LongStorage": "i8",
    "IntStorage": "i4",
    "ShortStorage": "i2",
    "CharStorage": "i1",
    "ByteStorage": "u1",
    "BoolStorage": "?",
}
_TENSOR, _PARAMETER = Named("torch._utils", "_rebuild_tensor_v2"), Named("torch._utils", "_rebuild_parameter")
# How a file of PyTorch before 1.6 begins.
_MAGIC, _PROTOCOL = 0x1950A86A20F9469CFC6C, 1001
_MOST_AXES = 32

# Bytes of a storage by its key.
_Storages = Callable[[str], bytes]


def parse(data: bytes, max_unpacked: int = MAX_UNPACKED) -> Weights:
    """The tensors of a file by name.

    max_unpacked: the most bytes that a zip archive may unpack to.
    Raises FormatError for a damaged file, UnsupportedLayer for one that holds more than tensors by name.
    """
    if zipfile.is_zipfile(io.BytesIO(data)):
        return _zipped(data, max_unpacked)
    return _in_a_row(data, max_unpacked)


def _zipped(data: bytes, max_unpacked: int) -> Weights:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = archive.namelist()
            if sum(entry.file_size for entry in archive.infolist()) > max_unpacked:
                raise FormatError(f"zip: unpacks to more than {max_unpacked} bytes, the limit that was set")
            if any(name.endswith("/constants.pkl") for name in names):
                raise UnsupportedLayer("found TorchScript, which is code; expected a state dict, or ONNX")
            pickles = [name for name in names if name.endswith("data.pkl") and name.count("/") <= 1]
            if len(pickles) != 1 or len(set(names)) != len(names):
                raise FormatError("zip: found no data.pkl, or a name twice, expected a file of PyTorch")
            root = pickles[0].removesuffix("data.pkl")
            order = archive.read(f"{root}byteorder") if f"{root}byteorder" in names else b"little"
            content = loads(archive.read(pickles[0])).value
            return _weights(content, lambda key: archive.read(f"{root}data/{key}"), _order(order), max_unpacked)
    except ExactlumpError:
        raise
    except _DAMAGE as error:
        raise FormatError(f"zip: cannot be read: {type(error).__name__}: {str(error)[:200]}") from error


# What a damaged archive makes the reader of zip files raise.
_DAMAGE = (
    *(zipfile.BadZipFile, zlib.error, struct.error, LookupError, ValueError, TypeError, EOFError),
    *(NotImplementedError, OSError, RuntimeError, OverflowError, MemoryError),
)


def _order(word: bytes) -> str:
    if word not in (b"little", b"big"):
        raise FormatError(f"byteorder: found {word[:20]!r}, expected little or big")
    return "<" if word == b"little" else ">"


def _in_a_row(data: bytes, max_unpacked: int) -> Weights:
    """The weights of a file of PyTorch before 1.6."""
    at, found = 0, []
    for expected in (_MAGIC, _PROTOCOL, None, None, None):
        loaded = loads(data, at)
        at = loaded.end
        if expected not in (None, loaded.value):
            raise FormatError("found neither a zip archive nor a file of PyTorch before 1.6")
        found.append(loaded)
    system, content, keys = (loaded.value for loaded in found[2:])
    if not isinstance(system, dict) or system.get("little_endian") is not True or not isinstance(keys, list):
        raise FormatError("found no list of storages with little-endian numbers")
    sizes = dict(_storage(identifier) for identifier in found[3].outside if not _is_code(identifier))
    places: dict[str, tuple[int, int]] = {}
    for key in keys:
        if key not in sizes or key in places:
            raise FormatError(f"storage {str(key)[:40]!r}: expected the key of a tensor, and once")
        kind, count = sizes[key]
        if len(data) - at < 8 or int.from_bytes(data[at : at + 8], "little") != count:
            raise FormatError(f"storage {str(key)[:40]!r}: expected {count} numbers")
        places[key] = at + 8, at + 8 + count * _width(kind)
        _, at = places[key]
    if at > len(data):
        raise FormatError("found the end of the file, expected more numbers")

    def read(key: str) -> bytes:
        start, stop = places[key]
        return data[start:stop]

    return _weights(content, read, "<", max_unpacked)


def _is_code(identifier: Any) -> bool:
    """Whether a pickled module says here what its source is."""
    return type(identifier) is tuple and identifier[:1] == ("module",)


def _storage(identifier: Any) -> tuple[str, tuple[str, int]]:
    """The key of a storage, the type of its numbers, and how many there are."""
    if type(identifier) is tuple and len(identifier) >= 5 and identifier[0] == "storage":
        _, kind, key, _, count, *rest = identifier
        if rest not in ([], [None]):
            raise UnsupportedLayer("found a storage that is a part of another one")
        name = kind.name if isinstance(kind, Named) and kind.module == "torch" else ""
        if name in _KINDS and type(key) is str and type(count) is int and count >= 0:
            return key, (_KINDS[name], count)
        raise UnsupportedLayer(f"found {str(name or kind)[:80]}, expected one of {', '.join(_KINDS)}")
    raise FormatError("pickle: found no storage of numbers, expected one")


def _width(kind: str) -> int:
    return 2 if kind == BFLOAT16 else np.dtype(kind).itemsize


def _weights(content: Any, storages: _Storages, order: str, room: int) -> Weights:
    """The tensors by name: the file's whole content, or what it keeps under a known key, alone in a list or not.

    room: the most bytes of all tensors, of which several may show the same numbers
    """
    held = [key for key in _HOLDERS if isinstance(content, dict) and isinstance(content.get(key), dict | list)]
    if len(held) > 1:
        raise UnsupportedLayer(f"found weights under {' and under '.join(held)}, expected one state dict")
    if held:
        content = content[held[0]]
    if isinstance(content, list) and len(content) == 1:
        content = content[0]
    if not isinstance(content, dict) or not content:
        raise UnsupportedLayer(f"found {_called(content)}; expected a state dict, or ONNX")
    tensors, kept = {}, cache(storages)
    for name, value in content.items():
        if not isinstance(name, str):
            raise UnsupportedLayer(f"entry {str(name)[:40]}: found no text, expected the name of a tensor")
        with about(f"entry {name[:80]!r}"):
            tensors[name] = _tensor(value, kept, order)
            room -= tensors[name].nbytes
            if room < 0:
                raise FormatError("found more bytes in tensors than a file may unpack to")
    return Weights(tensors)


def _called(value: Any) -> str:
    """What a value is, for people."""
    while isinstance(value, Made) and isinstance(value.maker, Made):
        value = value.maker
    if isinstance(value, Made):
        return f"more than weights: {str(value.maker)[:80]}, which would run"
    return f"a value of type {type(value).__name__}"


def _tensor(value: Any, storages: _Storages, order: str) -> NDArray[Any]:
    """The numbers of a tensor, in the order of its indices."""
    if isinstance(value, Made) and value.maker == _PARAMETER and type(value.arguments) is tuple:
        value = value.arguments[0] if value.arguments else None
    if not isinstance(value, Made) or value.maker != _TENSOR or type(value.arguments) is not tuple:
        raise UnsupportedLayer(f"found {_called(value)}; expected a tensor (of a state dict), or ONNX")
    arguments = [*value.arguments, None, None, None, None]
    stored, offset, shape, strides, *rest = arguments
    if not isinstance(stored, Stored) or any(rest[2:]):
        raise UnsupportedLayer("found a tensor that stands for others, expected plain numbers")
    key, (kind, count) = _storage(stored.identifier)
    if not _naturals((offset,)) or not _naturals(shape) or not _naturals(strides) or len(shape) != len(strides):
        raise FormatError("found an offset, a shape or strides that are no numbers")
    if math.prod(shape) > count or (
        math.prod(shape) and offset + sum((n - 1) * s for n, s in zip(shape, strides, strict=True)) >= count
    ):
        raise FormatError("found more elements than are stored")
    raw = storages(key)
    if len(raw) != count * _width(kind):
        raise FormatError(f"storage {key[:40]!r}: found {len(raw)} bytes, expected {count * _width(kind)}")
    numbers = widened(raw, kind, order)
    steps = [s * numbers.itemsize for s in strides]
    return np.array(np.lib.stride_tricks.as_strided(numbers[offset:], shape, steps, writeable=False))


def _naturals(values: Any) -> bool:
    return (
        type(values) is tuple and len(values) <= _MOST_AXES and all(type(n) is int and 0 <= n < 1 << 62 for n in values)
    )
