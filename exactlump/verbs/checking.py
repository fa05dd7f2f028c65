# SPDX-License-Identifier: Apache-2.0
"""This file is about checking as a library call: the checker's file, and the one that is extracted from its proof."""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from exactlump import check
from exactlump.errors import ExactlumpError, FormatError, UnsupportedLayer
from exactlump.formats.files import MAX_UNPACKED
from exactlump.verbs.answers import FileUse, answer, external_files, file_read, files_beside
from exactlump.verdicts import EXIT_CODES, SCOPE, USAGE

# The checker's file, which runs by itself.
CHECKER = Path(check.__file__)


@dataclass(frozen=True, slots=True)
class CheckOptions:
    """How to check.

    max_unpacked  the most bytes that a .onnx.gz file may unpack to
    verified      whether the checker that is extracted from the Coq proof is asked, too
    opaque_domains  domains besides ONNX's own whose operators are taken for functions
    """

    max_unpacked: int = MAX_UNPACKED
    verified: bool = False
    opaque_domains: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FileCheck:
    """What the checker answered: "equivalent", "rejected", "unknown" or "unsupported".

    rule  the short name of the condition that failed; "" where none did
    """

    verdict: str
    reason: str
    rule: str
    files: tuple[FileUse, ...]
    options: CheckOptions
    seconds: float

    def __repr__(self) -> str:
        return f"{self.verdict}: {self.reason}"

    def json(self, *, times: bool = True) -> dict[str, Any]:
        """What `--json` prints."""
        words = {"verdict": self.verdict, "reason": self.reason, "rule": self.rule}
        return answer("check", words, options=self.options, files=self.files, seconds=self.seconds, times=times)


def check_files(
    original: str | os.PathLike[str],
    reduced: str | os.PathLike[str],
    certificate: str | os.PathLike[str],
    *,
    max_unpacked: int = MAX_UNPACKED,
    verified: bool = False,
    opaque_domains: Sequence[str] = (),
) -> FileCheck:
    """Whether a certificate shows that two model files compute the same function, by `exactlump/check.py`.

    max_unpacked  the most bytes that a .onnx.gz file may unpack to
    verified      whether the checker that is extracted from the Coq proof is asked, too: `make proofs` builds it
    opaque_domains  domains besides ONNX's own whose operators are taken for functions
    Raises FormatError for files that cannot be read, and where the extracted checker is asked and not built.
    """
    start = time.perf_counter()
    options = CheckOptions(max_unpacked, verified, tuple(opaque_domains))
    if verified:
        from exactlump.extraction.verified import find_checker

        find_checker()
    paths = [os.fspath(path) for path in (original, reduced, certificate)]
    found = check.check(paths[0], paths[1], paths[2], max_unpacked, domains=options.opaque_domains)
    if found.code == USAGE:
        raise FormatError(found.reason)
    verdict, reason = found.verdict, found.reason
    accepted = verdict == "equivalent"
    if verified and accepted:
        verdict, reason = _verified(paths, max_unpacked)
    files = (
        *map(file_read, ("original", "reduced", "certificate"), paths),
        *files_beside(external_files(*paths) if accepted else ()),
    )
    return FileCheck(verdict, reason, found.rule, files, options, time.perf_counter() - start)


def _verified(paths: list[str], max_unpacked: int) -> tuple[str, str]:
    """The verdict of the extracted checker on what three files say, once `check` has bound the certificate to them."""
    from exactlump.extraction.verified import run_checker
    from exactlump.verbs.exporting import export_files

    try:
        line, code = run_checker(export_files(*paths, max_unpacked=max_unpacked))
    except UnsupportedLayer as error:
        return "unsupported", str(error)
    verdict, _, reason = line.partition(": ")
    if EXIT_CODES.get(verdict) != code:
        raise ExactlumpError(f"the extracted checker: found {line[:80]!r} and exit code {code}, expected a verdict")
    return verdict, f"{reason}; {SCOPE}" if verdict == "equivalent" else reason
