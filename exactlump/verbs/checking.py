# SPDX-License-Identifier: Apache-2.0
"""This file is about checking as a library call: the checker's file, and the one that is extracted from its proof.

Both judge what was read once: the answer is about the bytes whose SHA-256 it names.
"""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from exactlump import check
from exactlump.errors import FormatError
from exactlump.extraction.reading import Reading
from exactlump.formats.files import MAX_UNPACKED
from exactlump.verbs.answers import FileUse, answer, file_read
from exactlump.verdicts import USAGE

# The checker's file, which runs by itself.
CHECKER = Path(check.__file__)
# What the answer calls the other one.
PROVED = "the checker extracted from its proof"


@dataclass(frozen=True, slots=True)
class CheckOptions:
    """How to check.

    max_unpacked  the most bytes that a .onnx.gz file may unpack to
    verified      whether the checker that is extracted from the Coq proof is asked, too
    seconds       the most that this one may take; None: as long as it takes
    jobs          processes for bounds: of that one where it is asked, else of check.py
    opaque_domains  domains besides ONNX's own whose operators are taken for functions
    """

    max_unpacked: int = MAX_UNPACKED
    verified: bool = False
    seconds: float | None = None
    jobs: int = 1
    opaque_domains: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Opinion:
    """What one checker answered.

    verdict  None where it was not asked
    proofs   the SHA-256 of the proofs that it was extracted from; sources: whether they lie beside it, unchanged
    """

    verdict: str | None
    reason: str
    proofs: str | None = None
    sources: bool | None = None


@dataclass(frozen=True, slots=True)
class FileCheck:
    """What the checkers answered: "equivalent", "within", "different", "rejected", "unknown" or "unsupported".

    rule    the short name of the condition that failed in check.py; "" where none did
    python  what check.py answered; proved: what the checker extracted from its proof did, None if it was not wanted
    """

    verdict: str
    reason: str
    rule: str
    files: tuple[FileUse, ...]
    options: CheckOptions
    seconds: float
    python: Opinion
    proved: Opinion | None = None

    def __repr__(self) -> str:
        return f"{self.verdict}: {self.reason}"

    def json(self, *, times: bool = True) -> dict[str, Any]:
        """What `--json` prints."""
        words: dict[str, Any] = {"verdict": self.verdict, "reason": self.reason, "rule": self.rule}
        words["checkers"] = None
        if self.proved is not None:
            python = {"verdict": self.python.verdict, "reason": self.python.reason}
            words["checkers"] = {"check.py": python, "proved": asdict(self.proved)}
        return answer("check", words, options=self.options, files=self.files, seconds=self.seconds, times=times)


def check_files(
    original: str | os.PathLike[str],
    reduced: str | os.PathLike[str],
    certificate: str | os.PathLike[str],
    *,
    max_unpacked: int = MAX_UNPACKED,
    verified: bool = False,
    seconds: float | None = None,
    jobs: int = 1,
    opaque_domains: Sequence[str] = (),
) -> FileCheck:
    """Whether a certificate shows what it claims of two model files, by `exactlump/check.py`.

    The options are those of `CheckOptions`; `make proofs` builds the checker that `verified` asks.
    Raises FormatError for files that cannot be read or change meanwhile, and where the extracted checker is asked and
    there is none, or another one than these proofs give.
    """
    options = CheckOptions(max_unpacked, verified, seconds, jobs, tuple(opaque_domains))
    return check_with(original, reduced, certificate, options)


def check_with(
    original: str | os.PathLike[str],
    reduced: str | os.PathLike[str],
    certificate: str | os.PathLike[str],
    options: CheckOptions,
) -> FileCheck:
    """`check_files`, with the options in one."""
    start = time.perf_counter()
    paths = [os.fspath(path) for path in (original, reduced, certificate)]
    reading = Reading(paths, options.max_unpacked, options.opaque_domains)
    program = _program() if options.verified else None
    found = check.judge(reading.read, jobs=1 if options.verified else options.jobs, setup=(paths, options.max_unpacked))
    if found.code == USAGE:
        raise FormatError(found.reason)
    accepted = found.verdict in ("equivalent", "within", "different")
    python, proved = Opinion(found.verdict, found.reason), None
    if program is not None:
        proved = Opinion(None, "", program.proofs, program.compared)
        if accepted:
            proved = _asked(program, reading, options)
    verdict, reason = _together(python, proved)
    files = tuple(_files(reading, accepted))
    return FileCheck(verdict, reason, found.rule, files, options, time.perf_counter() - start, python, proved)


def _program() -> Any:
    from exactlump.extraction.verified import find_checker, greet

    return greet(find_checker())


def _asked(program: Any, reading: Reading, options: CheckOptions) -> Opinion:
    """What the proved checker answers to all texts for a certificate: the first that is no assent."""
    from exactlump.extraction.texts import others, texts

    end = options.seconds and time.monotonic() + options.seconds
    verdict, reason = _asked_of(program, lambda: texts(reading), end, options.jobs)
    if verdict in ("unknown", "unsupported"):
        second = _asked_of(program, lambda: others(reading), end, options.jobs)
        verdict, reason = second if second[0] not in ("unknown", "unsupported") else (verdict, reason)
    return Opinion(verdict, reason, program.proofs, program.compared)


def _asked_of(
    program: Any, texts: Callable[[], Iterator[Iterator[str]]], end: float | None, jobs: int
) -> tuple[str, str]:
    """The verdict on some texts, and why; "unknown" where there are none."""
    from exactlump.extraction.verified import ask

    verdict, reason = "unknown", "found nothing to check"
    try:
        for lines in texts():
            left = end and max(end - time.monotonic(), 0.001)
            verdict, reason = ask(program, lines, seconds=left, jobs=jobs)
            if verdict in ("rejected", "unknown", "unsupported"):
                break
    except check.Stop as error:
        verdict, reason = "unsupported", check.one_line(str(error))
    return verdict, reason


def _together(python: Opinion, proved: Opinion | None) -> tuple[str, str]:
    """The verdict of both, and why; the proved one cannot turn a no into a yes.

    That its bounds do not show what those of check.py show does not make the certificate false.
    """
    assert python.verdict is not None
    if proved is None:
        return python.verdict, python.reason
    if proved.verdict is None:
        return python.verdict, f"{python.reason}; {PROVED} was not asked"
    if proved.verdict == python.verdict:
        return python.verdict, f"{python.reason}; by check.py, and by {PROVED}"
    verdict = "unknown" if (python.verdict, proved.verdict) == ("within", "rejected") else proved.verdict
    said = f"{PROVED} says {proved.verdict}: {proved.reason}; check.py says {python.verdict}: {python.reason}"
    return verdict, said


def _files(reading: Reading, accepted: bool) -> Iterator[FileUse]:
    """The files, and those beside the models of an accepted certificate, as they were read.

    Raises FormatError where one has another content now.
    """
    known = dict(reading.hashes())
    for role, path in zip(("original", "reduced", "certificate"), reading.paths, strict=True):
        yield _unchanged(role, path, known.get(path))
    for path, network in zip(reading.paths, reading.networks, strict=False) if accepted else ():
        for location, digest in network.external.items():
            yield _unchanged("external data", str(Path(path).parent / location), digest)


def _unchanged(role: str, path: str, digest: str | None) -> FileUse:
    found = file_read(role, path)
    if digest not in (None, found.sha256):
        raise FormatError(f"{path}: found another content than was checked, expected a file that nobody changes")
    return found


def opsets() -> tuple[int, int]:
    """The first and the last version of ONNX's operators that the checker reads.  Raises nothing."""
    return check.OPSETS[0], check.OPSETS[-1]


def bounded_operators() -> list[str]:
    """The names of ONNX's own operators that the checker reads, and has bounds of: all but heads.  Raises nothing."""
    return sorted(check.OPERATORS.keys() - {"Softmax", "LogSoftmax", "ArgMax", *check.QONNX})
