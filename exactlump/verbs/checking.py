# SPDX-License-Identifier: Apache-2.0
"""This file is about checking as a library call: the checker's file, and the one that is extracted from its proof."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from exactlump import check, formats
from exactlump.certificates import certificate
from exactlump.errors import FormatError, UnsupportedLayer
from exactlump.extraction.coq import coq
from exactlump.extraction.export import export
from exactlump.extraction.verified import find_checker, run_checker
from exactlump.formats.files import write_atomically
from exactlump.verdicts import USAGE

# The checker's file, which runs by itself.
CHECKER = Path(check.__file__)


def check_files(
    original: str | os.PathLike[str],
    reduced: str | os.PathLike[str],
    certificate_path: str | os.PathLike[str],
    *,
    max_unpacked: int = formats.MAX_UNPACKED,
    as_json: bool = False,
) -> int:
    """What `python3 -I check.py` does with three files: print the verdict and return its exit code."""
    options = ["--max-unpacked", str(max_unpacked), *["--json"] * as_json]
    return check.main([*options, "--", *(os.fspath(path) for path in (original, reduced, certificate_path))])


def export_files(
    original: str | os.PathLike[str],
    reduced: str | os.PathLike[str],
    certificate_path: str | os.PathLike[str],
    *,
    max_unpacked: int = formats.MAX_UNPACKED,
) -> Iterator[str]:
    """The lines of the text that the extracted checker reads (proofs/README.md), for three files.

    The files' hashes are not looked at here: `check` does that.  Raises FormatError, UnsupportedLayer, NotALumping.
    """
    proof = certificate.read_certificate(certificate_path)
    ours, theirs = (
        formats.read_as(path, proof.specification, max_unpacked=max_unpacked) for path in (original, reduced)
    )
    return export(ours, theirs, proof)


def write_lines(path: str | os.PathLike[str], lines: Iterable[str]) -> None:
    """Write a text file, all of it or nothing.  Raises CannotWrite."""
    write_atomically(path, (f"{line}\n".encode() for line in lines))


def coq_files(
    original: str | os.PathLike[str],
    reduced: str | os.PathLike[str],
    certificate_path: str | os.PathLike[str],
    name: str,
    *,
    max_unpacked: int = formats.MAX_UNPACKED,
) -> Iterator[str]:
    """The lines of a Coq file with the theorem that two networks are equal.  Raises CannotWrite, and as above."""
    return coq(export_files(original, reduced, certificate_path, max_unpacked=max_unpacked), name)


def check_verified(
    original: str | os.PathLike[str],
    reduced: str | os.PathLike[str],
    certificate_path: str | os.PathLike[str],
    *,
    max_unpacked: int = formats.MAX_UNPACKED,
) -> tuple[str, int]:
    """The verdict of the extracted checker on what three files say, once `check` has bound the certificate to them.

    Raises FormatError where a file cannot be read or the extracted checker is not built.
    """
    find_checker()
    files = [os.fspath(path) for path in (original, reduced, certificate_path)]
    verdict = check.check(files[0], files[1], files[2], max_unpacked)
    if verdict.code == USAGE:
        raise FormatError(verdict.reason)
    if verdict.code:
        return f"{verdict.verdict}: {verdict.reason}", verdict.code
    try:
        return run_checker(export_files(*files, max_unpacked=max_unpacked))
    except UnsupportedLayer as error:
        return f"unsupported: {error}", error.exit_code
