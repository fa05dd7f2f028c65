# SPDX-License-Identifier: Apache-2.0
"""This file is about the constant tensors of ONNX files: their content, wherever it is kept, and its hash."""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto

from exactlump.errors import FormatError, UnsupportedLayer
from exactlump.formats.files import note_external
from exactlump.network.views import Shape
from exactlump.numbers.matrix import Matrix
from exactlump.numbers.rational import Vector, rational

# ONNX element type: NumPy's type for it, little-endian, and the field that holds the elements when `raw_data` does
# not (onnx.proto, message TensorProto).  bfloat16 is kept as its bits.
_STORED: Mapping[int, tuple[str, str]] = {
    TensorProto.FLOAT: ("<f4", "float_data"),
    TensorProto.DOUBLE: ("<f8", "double_data"),
    TensorProto.FLOAT16: ("<f2", "int32_data"),
    TensorProto.BFLOAT16: ("<u2", "int32_data"),
    TensorProto.INT8: ("<i1", "int32_data"),
    TensorProto.INT16: ("<i2", "int32_data"),
    TensorProto.INT32: ("<i4", "int32_data"),
    TensorProto.INT64: ("<i8", "int64_data"),
    TensorProto.UINT8: ("<u1", "int32_data"),
    TensorProto.UINT16: ("<u2", "int32_data"),
    TensorProto.UINT32: ("<u4", "uint64_data"),
    TensorProto.UINT64: ("<u8", "uint64_data"),
    TensorProto.BOOL: ("<u1", "int32_data"),
}
FLOATS: Mapping[int, str] = {
    TensorProto.FLOAT: "float32",
    TensorProto.DOUBLE: "float64",
    TensorProto.FLOAT16: "float16",
    TensorProto.BFLOAT16: "bfloat16",
}
# Element types that no rule moves.
UNCOVERED = frozenset({TensorProto.STRING, TensorProto.COMPLEX64, TensorProto.COMPLEX128})
# What is a number to a cast between computed tensors.
CASTABLE = frozenset(_STORED) - {TensorProto.UINT32, TensorProto.UINT64}
# NumPy before 2.0 knows no more; nor does any network.
MOST_AXES = 32
_FIELDS = ("float_data", "double_data", "int32_data", "int64_data", "uint64_data", "string_data")


@dataclass(frozen=True, slots=True)
class Constant:
    """A tensor of known values: `array` holds them, `kind` is ONNX's element type.

    bfloat16 is widened to float32; what was computed from constants of floats is an array of exact rationals.
    """

    array: NDArray[Any]
    kind: int

    @property
    def shape(self) -> Shape:
        return tuple(int(n) for n in self.array.shape)

    @property
    def batched(self) -> bool:
        return False

    def integers(self) -> tuple[int, ...]:
        """The values of a vector of int64, such as the target of Reshape."""
        if self.kind != TensorProto.INT64 or self.array.ndim != 1:
            raise FormatError(f"found {type_name(self.kind)} {list(self.shape)}, expected a vector of INT64")
        return tuple(self.array.tolist())

    def vector(self) -> Vector:
        """The exact values of a float tensor, row-major."""
        if self.array.dtype == object:
            return tuple(self.array.ravel().tolist())
        return tuple(map(rational, self.array.ravel().astype(np.float64).tolist()))

    def matrix(self) -> Matrix:
        """The matrix that a float tensor of two axes holds, bit for bit where it can."""
        if self.array.dtype != object:
            return Matrix.from_floats(self.array)
        return Matrix.from_rows([dict(enumerate(row)) for row in self.array.tolist()], self.array.shape[1])


def type_name(kind: int) -> str:
    """ONNX's name of an element type, such as FLOAT."""
    return str(TensorProto.DataType.Name(kind)) if kind in TensorProto.DataType.values() else f"type {kind}"


def constant(tensor: TensorProto, folder: Path) -> Constant:
    """The values of a tensor."""
    array = stored(tensor, folder)
    if tensor.data_type == TensorProto.BFLOAT16:
        array = (array.astype(np.uint32) << 16).view(np.float32)
    if tensor.data_type == TensorProto.BOOL and (array > 1).any():
        raise FormatError("found a byte that is neither 0 nor 1 in a tensor of BOOL")
    return Constant(array, tensor.data_type)


def finite(value: Constant) -> Constant:
    """The constant itself; UnsupportedLayer names the first index where it holds NaN or an infinity."""
    if value.array.dtype.kind == "f" and not np.isfinite(value.array).all():
        index = [int(i) for i in np.argwhere(~np.isfinite(value.array))[0]]
        raise UnsupportedLayer(f"index {index}: found {float(value.array[tuple(index)])}, expected a finite number")
    return value


def sha256(tensor: TensorProto, folder: Path) -> str:
    """The hash of type, shape and content (docs/certificate-format.md, "What is hashed")."""
    array = stored(tensor, folder)
    total = hashlib.sha256(f"{tensor.data_type} {','.join(map(str, tensor.dims))}\n".encode())
    total.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return total.hexdigest()


def stored(tensor: TensorProto, folder: Path) -> NDArray[Any]:
    """The elements as they are stored, in the tensor's shape; views of the file or of `raw_data` where possible."""
    if tensor.data_type not in _STORED:
        raise UnsupportedLayer(f"element type {type_name(tensor.data_type)}: not supported")
    if len(tensor.dims) > MOST_AXES:
        raise UnsupportedLayer(f"found {len(tensor.dims)} axes, expected at most {MOST_AXES}")
    if any(not 0 <= n < 1 << 40 for n in tensor.dims) or tensor.HasField("segment"):
        raise FormatError(f"found dimensions {list(tensor.dims)}, expected a whole tensor")
    name, field = _STORED[tensor.data_type]
    kind, count = np.dtype(name), math.prod(tensor.dims)
    typed = [other for other in _FIELDS if len(getattr(tensor, other))]
    external = tensor.data_location == TensorProto.EXTERNAL
    if len(typed) + tensor.HasField("raw_data") + external > 1 or typed not in ([], [field]):
        raise FormatError(f"found more than one kind of data, expected raw_data, {field} or external data")
    if external:
        flat = _external(tensor, folder, kind, count)
    elif typed or not tensor.HasField("raw_data"):
        flat = _typed(getattr(tensor, field), kind, count)
    else:
        flat = _raw(tensor.raw_data, kind, count)
    return flat.reshape(tuple(tensor.dims))


def _raw(raw: bytes, kind: np.dtype[Any], count: int) -> NDArray[Any]:
    if len(raw) != count * kind.itemsize:
        raise FormatError(f"found {len(raw)} bytes of data, expected {count * kind.itemsize}")
    return np.frombuffer(raw, kind) if count else np.empty(0, kind)


def _typed(values: Any, kind: np.dtype[Any], count: int) -> NDArray[Any]:
    """The elements of a typed field; `values` is protobuf's list.  Fields of integers hold the bits of small floats."""
    if len(values) != count:
        raise FormatError(f"found {len(values)} elements, expected {count}")
    if kind.itemsize > 2 and kind.kind == "f":
        return np.array(values, kind)
    bits = np.dtype("<u2") if kind.kind == "f" else kind
    wide = np.array(values, np.uint64 if kind in ("<u4", "<u8") else np.int64)
    narrow = wide.astype(bits)
    if (narrow != wide).any():
        raise FormatError(f"found an element outside the range of {bits.name}")
    return narrow.view(kind)


def locations(tensor: TensorProto) -> dict[str, str]:
    """The entries of an external tensor: location and, where given, offset and length."""
    entries = {entry.key: entry.value for entry in tensor.external_data}
    unknown = set(entries) - {"location", "offset", "length", "checksum"}
    if unknown or len(entries) != len(tensor.external_data) or not entries.get("location"):
        raise FormatError("external data: expected one location and at most one offset, length and checksum")
    return entries


def _external(tensor: TensorProto, folder: Path, kind: np.dtype[Any], count: int) -> NDArray[Any]:
    entries, need = locations(tensor), count * kind.itemsize
    path = inside(folder, entries["location"])
    offset, length = (_size(entries.get(key, default)) for key, default in (("offset", "0"), ("length", str(need))))
    if length != need:
        raise FormatError(f"external data: found length {length}, expected {need}")
    if offset + need > path.stat().st_size:
        raise FormatError(f"external data: {path.name} ends before offset {offset} + {need}")
    return np.memmap(path, kind, "r", offset, (count,)) if count else np.empty(0, kind)


def _size(word: str) -> int:
    if not (word.isascii() and word.isdigit() and len(word) < 16):
        raise FormatError(f"external data: found {word[:20]!r}, expected a number of bytes")
    return int(word)


def inside(folder: Path, location: str) -> Path:
    """The regular file that a location names; FormatError when it is not in the model's folder, links followed."""
    parts = PurePosixPath(location)
    if parts.is_absolute() or ".." in parts.parts or set("\\:\0") & set(location):
        raise FormatError(f"external data: found location {location[:80]!r}, expected a file in the model's folder")
    try:
        root, path = folder.resolve(strict=True), (folder / parts).resolve(strict=True)
    except OSError as error:
        raise FormatError(f"external data: {location[:80]!r} cannot be read: {error.strerror}") from error
    if not path.is_relative_to(root) or not path.is_file():
        raise FormatError(f"external data: found location {location[:80]!r}, expected a file in the model's folder")
    note_external(folder / parts)
    return path
