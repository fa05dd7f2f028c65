# SPDX-License-Identifier: Apache-2.0
"""This file is about files: read whole and bounded, hashed, and replaced all at once or not at all."""

import contextlib
import hashlib
import os
import secrets
import stat
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from exactlump.errors import CannotWrite, ExactlumpError, FormatError

Content: TypeAlias = bytes | Iterable[bytes]
MAX_UNPACKED = 512 << 20
# How people say that a file may be replaced: on the command line, and as a library.
REPLACING = "--force or overwrite=True replaces it"
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class ModelFile:
    """What identifies a model file (docs/certificate-format.md, "What is hashed").

    format    "onnx", "onnx.gz", "nnet" or "json"
    sha256    of the file as it lies on disk
    tensors   name of each constant: hash of its type, shape and content
    external  location of each external data file, as the model writes it: its hash
    """

    format: str
    sha256: str
    tensors: Mapping[str, str] = field(default_factory=dict)
    external: Mapping[str, str] = field(default_factory=dict)


@contextlib.contextmanager
def about(place: object) -> Iterator[None]:
    """Errors raised inside name the place first, on one line."""
    try:
        yield
    except ExactlumpError as error:
        raise type(error)(one_line(f"{place}: {error}")) from error


def one_line(message: str, limit: int = 600) -> str:
    """The message without control characters, cut to a readable length."""
    shown = message if len(message) <= limit else message[: limit - 3] + "..."
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in shown)


def read_bytes(path: Path) -> bytes:
    """The content of a regular file; FormatError for anything else."""
    with _readable(path):
        return path.read_bytes()


def sha256(path: Path) -> str:
    """The SHA-256 of a regular file, in hexadecimal; FormatError."""
    total = hashlib.sha256()
    with _readable(path), path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            total.update(chunk)
    return total.hexdigest()


@contextlib.contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise FormatError("found no regular file")
        yield
    except (OSError, ValueError) as error:  # ValueError: a NUL character in the name
        if isinstance(error, ExactlumpError):
            raise
        raise FormatError(f"cannot be read: {_reason(error)}") from error


def unpack(packed: bytes, limit: int = MAX_UNPACKED) -> bytes:
    """The content of a gzip file of one or more members; FormatError when damaged or larger than the limit."""
    parts: list[bytes] = []
    room = limit
    while packed:
        member = zlib.decompressobj(wbits=31)
        try:
            parts.append(member.decompress(packed, room + 1))
        except zlib.error as error:
            raise FormatError(f"gzip: {error}") from error
        room -= len(parts[-1])
        if room < 0:
            raise FormatError(f"gzip: unpacks to more than {limit} bytes, the limit that was set")
        if not member.eof:
            raise FormatError("gzip: found the end of the file, expected more data")
        packed = member.unused_data.lstrip(b"\0")
    return b"".join(parts)


def pack(content: bytes) -> Iterator[bytes]:
    """A gzip file without name and time, so that equal content gives equal bytes."""
    packer = zlib.compressobj(level=9, wbits=31)
    for start in range(0, len(content), _CHUNK):
        yield packer.compress(content[start : start + _CHUNK])
    yield packer.flush()


def write_atomically(path: str | os.PathLike[str], data: Content, *, overwrite: bool = True) -> None:
    """Replace or create the file: whoever looks sees the old content or the new, never a part.

    overwrite: whether a file with other content may be replaced.
    Raises CannotWrite when the place cannot be written; nothing is left behind then.
    """
    write_together({os.fspath(path): data}, overwrite=overwrite)


def write_together(contents: Mapping[str, Content], *, overwrite: bool = True) -> None:
    """Replace several files: all are complete on disk before the first takes its name (in the order given)."""
    waiting: dict[str, str] = {}
    try:
        for path, data in contents.items():
            with _writable(path):
                target = os.path.realpath(path)
                waiting[target] = _temporary(target, data)
        if not overwrite:
            for path in contents:
                demand_free(path, waiting[os.path.realpath(path)])
        for target in list(waiting):
            with _writable(target):
                os.replace(waiting[target], target)
                del waiting[target]
                _sync_folder(os.path.dirname(target))
    finally:
        for left in waiting.values():
            os.unlink(left)


def demand_free(place: str | os.PathLike[str], content: str | os.PathLike[str]) -> None:
    """Raise CannotWrite where a place has a file already, unless its bytes are those of the file `content`."""
    with _writable(place):
        if os.path.exists(place) and not (os.path.isfile(place) and _is_equal(place, content)):
            raise CannotWrite(f"{os.fspath(place)}: found a file with other content, expected none ({REPLACING})")


def _is_equal(one: str | os.PathLike[str], other: str | os.PathLike[str]) -> bool:
    """Whether two files have the same bytes."""
    if os.path.getsize(one) != os.path.getsize(other):
        return False
    with open(one, "rb") as left, open(other, "rb") as right:
        while chunk := left.read(_CHUNK):
            if chunk != right.read(_CHUNK):
                return False
    return True


_BESIDE: ContextVar[list[Path] | None] = ContextVar("beside", default=None)


@contextlib.contextmanager
def external_data() -> Iterator[list[Path]]:
    """The files of external data that models read inside keep beside them, each once, as they turn up."""
    found: list[Path] = []
    token = _BESIDE.set(found)
    try:
        yield found
    finally:
        _BESIDE.reset(token)


def note_external(path: Path) -> None:
    """Say that a file of external data is read."""
    found = _BESIDE.get()
    if found is not None and path not in found:
        found.append(path)


def companions(path: str | os.PathLike[str], file: ModelFile) -> list[Path]:
    """The files of external data that a model file reads."""
    return [Path(path).parent / location for location in file.external]


def demand_apart(place: str | os.PathLike[str], sources: Iterable[str | os.PathLike[str] | None]) -> None:
    """Raise CannotWrite where writing to a place would replace one of the files that are read, whatever their names."""
    if any(source is not None and _is_same(place, source) for source in sources):
        raise CannotWrite(f"{os.fspath(place)}: found the input's own name, expected another file")


def _is_same(one: str | os.PathLike[str], other: str | os.PathLike[str]) -> bool:
    """Whether two names mean one file; of folders that do not exist, `..` leads out, as where files are written."""
    with contextlib.suppress(OSError, ValueError):
        return os.path.realpath(one) == os.path.realpath(other) or os.path.samefile(one, other)
    return False


@contextlib.contextmanager
def _writable(path: str | os.PathLike[str]) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:
        if isinstance(error, ExactlumpError):
            raise
        raise CannotWrite(one_line(f"{os.fspath(path)}: cannot be written: {_reason(error)}")) from error


def _temporary(target: str, data: Content) -> str:
    """A new file beside the target that holds the data, on disk; none is left when that fails."""
    if os.path.exists(target) and not os.path.isfile(target):
        raise OSError("found a folder or a device, expected a file")
    name = os.path.join(os.path.dirname(target), f".{secrets.token_hex(12)}.tmp")
    descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        with open(descriptor, "wb") as file:
            for chunk in (data,) if isinstance(data, bytes) else data:
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        os.unlink(name)
        raise
    return name


def _sync_folder(folder: str) -> None:
    """Make a renaming last through a power cut, where the system can open folders."""
    if hasattr(os, "O_DIRECTORY"):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _reason(error: OSError | ValueError) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
