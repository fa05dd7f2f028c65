# SPDX-License-Identifier: Apache-2.0
"""This file is about `exactlump export` as a library call: a certificate as text, for Coq and what comes of it."""

import os
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from exactlump import check, formats
from exactlump.certificates.certificate import read_certificate
from exactlump.errors import CannotWrite, ExactlumpError, FormatError, NotALumping, Undecided, UnsupportedLayer
from exactlump.extraction.coq import coq
from exactlump.extraction.programs import MAX_PRODUCTS
from exactlump.extraction.reading import Reading
from exactlump.extraction.texts import FEW_PRODUCTS, exact
from exactlump.formats.files import demand_apart, write_atomically
from exactlump.verbs.answers import FileUse, answer, external_files, file_read, file_written, files_beside


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """How to export.

    coq           whether a theorem for Coq's own kernel is written, instead of what the extracted checker reads
    max_unpacked  the most bytes that a .onnx.gz file may unpack to
    overwrite     whether a file with other content may be replaced
    """

    coq: bool = False
    max_unpacked: int = formats.MAX_UNPACKED
    overwrite: bool = False


DEFAULTS = ExportOptions()


@dataclass(frozen=True, slots=True)
class FileExport:
    """A text that was written."""

    output: Path
    files: tuple[FileUse, ...]
    options: ExportOptions
    seconds: float

    def __repr__(self) -> str:
        return f"FileExport({os.fspath(self.output)!r})"

    @property
    def verdict(self) -> None:
        """None: a text says nothing that was checked."""

    def json(self, *, times: bool = True) -> dict[str, Any]:
        """What `--json` prints."""
        words = {"output": str(self.output)}
        return answer("export", words, options=self.options, files=self.files, seconds=self.seconds, times=times)


def export_to(
    original: str | os.PathLike[str],
    reduced: str | os.PathLike[str],
    certificate_path: str | os.PathLike[str],
    output: str | os.PathLike[str],
    options: ExportOptions = DEFAULTS,
) -> FileExport:
    """Write the text for three files; its name with `options.coq` is the theorem's.

    Raises FormatError, UnsupportedLayer, NotALumping, CannotWrite.
    """
    start = time.perf_counter()
    output, inputs = Path(output), (original, reduced, certificate_path)
    demand_apart(output, inputs)
    if options.coq and output.suffix != ".v":
        raise CannotWrite(f"{output}: found another suffix, expected .v with --coq")
    room = options.max_unpacked
    if options.coq:
        lines = coq_files(*inputs, output.stem, max_unpacked=room)
    else:
        lines = export_files(*inputs, max_unpacked=room)
    write_lines(output, lines, overwrite=options.overwrite)
    read = map(file_read, ("original", "reduced", "certificate"), inputs)
    files = (*read, *files_beside(external_files(*inputs)), file_written("output", output))
    return FileExport(output, files, options, time.perf_counter() - start)


def export_files(
    original: str | os.PathLike[str],
    reduced: str | os.PathLike[str],
    certificate_path: str | os.PathLike[str],
    *,
    max_unpacked: int = formats.MAX_UNPACKED,
) -> Iterator[str]:
    """The lines of the text that the extracted checker reads (proofs/README.md), for three files as `check` has them.

    Raises FormatError, UnsupportedLayer, Undecided, or NotALumping, also where the certificate names other files.
    """
    return _lines((original, reduced, certificate_path), max_unpacked, FEW_PRODUCTS)


def _lines(paths: Sequence[str | os.PathLike[str]], max_unpacked: int, few: int) -> Iterator[str]:
    reading = Reading([os.fspath(path) for path in paths], max_unpacked)
    try:
        reading.read()
        yield from exact(reading, few)
    except check.Stop as error:
        if error.verdict == "malformed":
            read_certificate(paths[2])  # says it better of a file of another kind
        kinds: dict[str, type[ExactlumpError]] = {"malformed": FormatError, "unsupported": UnsupportedLayer}
        kinds |= {"unknown": Undecided, "rejected": NotALumping}
        raise kinds[error.verdict](check.one_line(str(error))) from error


def coq_files(
    original: str | os.PathLike[str],
    reduced: str | os.PathLike[str],
    certificate_path: str | os.PathLike[str],
    name: str,
    *,
    max_unpacked: int = formats.MAX_UNPACKED,
) -> Iterator[str]:
    """The lines of a Coq file with the theorem that two networks are equal.  Raises CannotWrite, and as above."""
    return coq(_lines((original, reduced, certificate_path), max_unpacked, MAX_PRODUCTS), name)


def write_lines(path: str | os.PathLike[str], lines: Iterable[str], *, overwrite: bool = False) -> None:
    """Write a text file, all of it or nothing.  Raises CannotWrite."""
    write_atomically(path, (f"{line}\n".encode() for line in lines), overwrite=overwrite)
