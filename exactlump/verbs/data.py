# SPDX-License-Identifier: Apache-2.0
"""This file is about inputs in files: one or many, as NumPy arrays, tables of decimals, or saved counterexamples.

.npy   an array of numbers, of one input's shape or flat, or of many along a first axis more
.npz   one such array; of several the one that is named `inputs` or `x`
.csv   an input a line, decimals that are read exactly
.json  rationals: what `save` wrote (`saving.py`), an input, or a list of inputs
.png   an image of 8 bits: integers from 0 to 255, channel after channel; a folder of them, by name
Files are hostile until checked: nothing in them is run, and no array is made that they do not fill.
"""

import io
import json
import math
import os
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from exactlump.errors import FormatError, ShapeError
from exactlump.formats.files import MAX_UNPACKED, about, read_bytes
from exactlump.numbers.rational import ONE, ZERO, Rational, Vector, decimal, flat, vector
from exactlump.points.boxes import exact_number
from exactlump.verbs.images import images_in, read_png
from exactlump.verbs.pairs import is_path


@dataclass(frozen=True, slots=True)
class Scaling:
    """What becomes of a number v in a file: scale * (v - mean), exactly; one of each, or one for each channel.

    Channels are the first axis of an input: its numbers in as many equal parts.
    """

    scale: tuple[Rational, ...] = (ONE,)
    mean: tuple[Rational, ...] = (ZERO,)

    def __post_init__(self) -> None:
        sizes = {len(self.scale), len(self.mean)}
        if 0 in sizes or len(sizes - {1}) > 1:
            found = f"{len(self.scale)} and {len(self.mean)}"
            raise FormatError(f"scale and mean: found {found} numbers, expected one of each, or one for each channel")

    def of(self, values: Vector) -> Vector:
        """The numbers of one input, scaled.  Raises ShapeError where it has no such channels."""
        if self == AS_THEY_ARE:
            return values
        channels = max(len(self.scale), len(self.mean))
        if len(values) % channels:
            raise ShapeError(f"scale and mean: found {channels} channels, expected a divisor of {len(values)}")
        size = len(values) // channels
        scales, means = self.scale * (channels // len(self.scale)), self.mean * (channels // len(self.mean))
        return tuple(scales[i // size] * (value - means[i // size]) for i, value in enumerate(values))


AS_THEY_ARE = Scaling()


def scaling_of(scale: Sequence[str], mean: Sequence[str]) -> Scaling:
    """The scaling that numbers as text say; none is 1, and 0.  Raises FormatError."""
    with about("scale and mean"):
        return Scaling(tuple(map(exact_number, scale or ("1",))), tuple(map(exact_number, mean or ("0",))))


def files_of(given: Any) -> list[Path]:
    """The files that inputs are read from: one, all images of a folder, or none where they are no path."""
    if not is_path(given):
        return []
    return images_in(Path(given)) if Path(given).is_dir() else [Path(given)]


def read_inputs(given: Any, inputs: int, scaling: Scaling = AS_THEY_ARE) -> tuple[Vector, ...]:
    """The exact inputs, each flat, of a file, a folder of images or an array; each of so many numbers.

    Raises FormatError for files that cannot be read, ShapeError for another number of numbers.
    """
    with about(os.fspath(given) if is_path(given) else "inputs"):
        rows = [*_rows(Path(given), inputs)] if is_path(given) else _cut(flat(given), inputs)
        if not rows:
            raise FormatError("found no input, expected at least one")
        return tuple(scaling.of(vector(row)) for row in rows)


def _rows(path: Path, inputs: int) -> Iterator[Sequence[Any]]:
    if path.is_dir():
        for image in images_in(path):
            with about(image.name):
                yield from _cut(_image(read_bytes(image)), inputs)
        return
    readers = {".png": _image, ".npy": _npy, ".npz": _npz, ".json": _json}
    content = read_bytes(path)
    if path.suffix == ".csv":
        yield from _csv(content, inputs)
    elif path.suffix in readers:
        yield from _cut(readers[path.suffix](content), inputs)
    else:
        raise FormatError(
            f"found the suffix {path.suffix or 'none'}, expected .npy, .npz, .csv, .json, .png, or a folder of .png"
        )


def _cut(values: Sequence[Any], inputs: int) -> list[Sequence[Any]]:
    """Numbers in a row, as so many inputs as they are."""
    if len(values) % inputs:
        raise ShapeError(f"found {len(values)} numbers, expected {inputs}, or several times as many")
    return [values[i : i + inputs] for i in range(0, len(values), inputs)]


def _csv(content: bytes, inputs: int) -> Iterator[Sequence[Any]]:
    """A line that is empty, or begins with #, says nothing."""
    for number, line in enumerate(_text(content).splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        words = [word.strip() for word in line.split(",")]
        if len(words) != inputs:
            raise ShapeError(f"line {number}: found {len(words)} numbers, expected {inputs}")
        with about(f"line {number}"):
            yield [decimal(word) for word in words]


def _json(content: bytes) -> Sequence[Any]:
    try:
        found = json.loads(_text(content), parse_float=str, parse_int=str)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"found no JSON: {error}") from error
    words = flat(found.get("input") if isinstance(found, dict) else found)
    if not all(isinstance(word, str) for word in words):
        raise FormatError("found JSON without numbers, expected an input, or a list of inputs")
    return [exact_number(word) for word in words]


def _image(content: bytes) -> Sequence[Any]:
    return list(read_png(content)[1])


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise FormatError(f"found bytes that are no UTF-8 at {error.start}") from error


def _npz(content: bytes) -> Sequence[Any]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = [name for name in archive.namelist() if name.endswith(".npy")]
            chosen = names if len(names) == 1 else [name for name in ("inputs.npy", "x.npy") if name in names]
            if not chosen:
                listed = ", ".join(names[:6]) or "none"
                raise FormatError(f"found the arrays {listed}, expected one, or one of the name inputs or x")
            if archive.getinfo(chosen[0]).file_size > MAX_UNPACKED:
                raise FormatError(f"found more than {MAX_UNPACKED} bytes, expected at most that")
            with archive.open(chosen[0]) as packed:
                return _npy(packed.read(MAX_UNPACKED + 1))
    except (zipfile.BadZipFile, NotImplementedError, EOFError, OSError, RuntimeError) as error:
        raise FormatError(f"found no .npz file: {error}") from error


def _npy(content: bytes) -> Sequence[Any]:
    import numpy as np

    stream = io.BytesIO(content)
    try:
        version = np.lib.format.read_magic(stream)
        headers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
        if version not in headers:
            raise FormatError(f"found version {version} of .npy, expected 1.0 or 2.0")
        shape, in_columns, kind = headers[version](stream)
    except FormatError:
        raise
    except Exception as error:
        raise FormatError(f"found no .npy file: {error}") from error
    if kind.kind not in "fiu" or kind.itemsize > 8:
        raise FormatError(f"found an array of {kind}, expected floats of at most 64 bits, or integers")
    room = len(content) - stream.tell()
    if math.prod(shape) * kind.itemsize != room:
        raise FormatError(f"found {room} bytes, expected those of an array of shape {list(shape)} of {kind}")
    array = np.frombuffer(content, kind, offset=stream.tell()).reshape(shape, order="F" if in_columns else "C")
    return flat(array)
