# SPDX-License-Identifier: Apache-2.0
"""This file is about answers as JSON: what those of all verbs have in common, put together in one place (docs/json.md).

Times are the only thing that two runs on equal files say differently; without them answers are equal, byte for byte.
"""

import dataclasses
import json
import math
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from exactlump.formats.files import read_bytes, sha256
from exactlump.verdicts import verdict_of
from exactlump.version import VERSION

# The version of the keys: raised when one of them changes its meaning or goes.
SCHEMA = 1
_TIME = "seconds"


@dataclass(frozen=True, slots=True)
class FileUse:
    """A file that was read or written: what for, where, and the SHA-256 of what it held then."""

    role: str
    path: str
    sha256: str
    written: bool = False


def file_read(role: str, path: str | os.PathLike[str]) -> FileUse:
    """A file that was read.  Raises FormatError where it cannot be."""
    return FileUse(role, os.fspath(path), sha256(Path(path)))


def files_beside(paths: Iterable[Path]) -> tuple[FileUse, ...]:
    """Files of external data that were read.  Raises FormatError where one cannot be."""
    return tuple(file_read("external data", path) for path in paths)


def file_written(role: str, path: str | os.PathLike[str]) -> FileUse:
    """A file that was written.  Raises FormatError where it cannot be read."""
    return FileUse(role, os.fspath(path), sha256(Path(path)), written=True)


def answer(
    verb: str, words: Mapping[str, Any], *, options: Any, files: Iterable[FileUse], seconds: float, times: bool
) -> dict[str, Any]:
    """What a verb says: its own words first, then what all say.

    options  a dataclass, which states the seed where there is one
    times    whether the answer says how long anything took
    """
    chosen = _plain(options)
    found = {**words, **_common(verb)}
    found["files"] = [dataclasses.asdict(file) for file in files]
    found["options"] = chosen
    if "seed" in chosen:
        found["seed"] = chosen["seed"]
    found[_TIME] = round(seconds, 3)
    found["error"] = None
    return found if times else _without_times(found)


def failure(verb: str | None, message: str, exit_code: int) -> dict[str, Any]:
    """What is said of a run that failed; the verdict is null where the failure says nothing about any network."""
    verdict = verdict_of(exit_code)
    reason = {"reason": message} if verdict else {}
    error = {"message": message, "exit_code": exit_code}
    return {"verdict": verdict, **reason, **_common(verb), "error": error}


def _common(verb: str | None) -> dict[str, Any]:
    return {"schema": SCHEMA, "tool": {"name": "exactlump", "version": VERSION}, "verb": verb}


def _plain(value: Any) -> Any:
    """A value of an option as JSON has it: rationals and what is infinite as text, arrays as lists."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if dataclasses.is_dataclass(value):
        return {entry.name: _plain(getattr(value, entry.name)) for entry in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    from exactlump.numbers.rational import text

    return text(value)


def _without_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_times(entry) for key, entry in value.items() if key != _TIME}
    return [_without_times(entry) for entry in value] if isinstance(value, list) else value


def external_files(
    original: str | os.PathLike[str], reduced: str | os.PathLike[str], certificate: str | os.PathLike[str]
) -> Iterator[Path]:
    """The files of external data that an accepted certificate names, each beside its model."""
    document = json.loads(read_bytes(Path(certificate)))
    for side, path in (("original", original), ("reduced", reduced)):
        yield from (Path(path).parent / location for location in document[side]["external"])
