# SPDX-License-Identifier: Apache-2.0
"""This file is about asking the checker that is extracted from the Coq proof, where it is built (`make proofs`).

A program that does not say of itself what it should, or whose sources have changed since it was built, is not asked; an
answer that does not repeat what the text says is none.  This finds stale and wrong programs, not malicious ones: who
may replace the checker may replace Python too.
"""

import contextlib
import hashlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, NamedTuple

from exactlump.errors import ExactlumpError, FormatError
from exactlump.verdicts import EXIT_CODES, USAGE

NAME, VERSION = "exactlump-verified", "1"
# The format of what is not written element by element: its rules are fewer, so that a no says little.
IMAGES = "exactlump-images 1"
# Each format that it must read, and what it may answer.
FORMATS = {
    "exactlump-program 1": ("equivalent", "rejected"),
    IMAGES: ("equivalent", "rejected"),
    "exactlump-refutation 1": ("different", "rejected"),
    "exactlump-bound 1": ("within", "rejected"),
    "exactlump-domain 1": ("equivalent", "rejected"),
}
# Lines of a text that the answer repeats, besides those of the header.
_REPEATED = ("move ", "box ", "epsilon ", "input ")
# What of it is not made from the proofs (proofs/Makefile).
_DRIVERS = ("words.ml", "programs.ml", "bounds.ml", "domains.ml", "driver.ml")
# Seconds for saying what it is.
PATIENCE = 20.0


class Program(NamedTuple):
    """A checker that said what it should.

    proofs    the SHA-256 of the sources that it was built from, as it says
    compared  whether these sources lie beside it, and have that SHA-256
    """

    path: Path
    proofs: str
    compared: bool


class Answer(NamedTuple):
    """What it answered: the verdict, and why."""

    verdict: str
    reason: str


class OutOfTime(Exception):
    """There is no time left."""


def find_checker() -> Path:
    """The extracted checker: $EXACTLUMP_VERIFIED, this checkout's proofs folder, or the PATH.

    Raises FormatError when none is built.
    """
    beside = Path(__file__).parents[2] / "proofs" / NAME
    for place in (os.environ.get("EXACTLUMP_VERIFIED"), str(beside), shutil.which(NAME)):
        if place and os.access(place, os.X_OK) and os.path.isfile(place):
            return Path(place)
    raise FormatError(
        f"{NAME}: found none, expected the checker that `make proofs` builds, or its path in EXACTLUMP_VERIFIED"
    )


def greet(path: Path) -> Program:
    """The program, if it says that it is of this version, reads all formats, and was built from what lies beside it.

    Raises FormatError.
    """
    try:
        code, out, _ = _run([os.fspath(path), "--about"], PATIENCE)
    except OutOfTime as error:
        raise FormatError(f"{path}: found no word on --about within {PATIENCE:g} s, expected its version") from error
    except OSError as error:
        raise FormatError(f"{path}: found no program that runs ({error.strerror}), expected {NAME}") from error
    expected = [f"{NAME} {VERSION}", *(f"format {name}" for name in FORMATS)]
    said = out.splitlines()
    if code != 0 or said[:1] != expected[:1]:
        found = (said or [f"exit code {code} and nothing"])[0]
        raise FormatError(f"{path}: found {found[:80]!a}, expected {expected[0]!r}: `make proofs` builds it")
    word, _, proofs = said[-1].partition(" ")
    if said[:-1] != expected or word != "proofs":
        found = ", ".join(said[1:]) or "nothing more"
        raise FormatError(f"{path}: found {found[:200]!a}, expected {', '.join(expected[1:])}, and proofs")
    beside = hash_of_sources(path.resolve().parent)
    if beside not in (None, proofs):
        raise FormatError(
            f"{path}: found a checker of other proofs ({proofs[:12]!a}) than those beside it ({beside[:12]}), "
            "expected the same: `make proofs` builds it again"
        )
    return Program(path, proofs, beside is not None)


def hash_of_sources(folder: Path) -> str | None:
    """The SHA-256 of the sources in a folder, as proofs/Makefile makes it; None where they are not all there."""
    drivers = [folder / name for name in _DRIVERS]
    theorems = [*folder.glob("*.v")]
    if not theorems or not all(file.is_file() for file in drivers):
        return None
    found = hashlib.sha256()
    for file in sorted((*theorems, *drivers), key=lambda file: os.fsencode(file.name)):
        found.update(file.read_bytes())
    return found.hexdigest()


def ask(program: Program, lines: Iterable[str], *, seconds: float | None = None, jobs: int = 1) -> Answer:
    """What the checker answers to a text; "unknown" where it does not in time, or dies.

    seconds  the most that the text and the answer may take; None: as long as it takes
    jobs     processes, for bounds
    Raises FormatError where the text is another one afterwards, and ExactlumpError where the answer is none, or about
    something else: that is a bug of ours, or another program.
    """
    end = None if seconds is None else time.monotonic() + seconds
    with tempfile.NamedTemporaryFile("wb", prefix="exactlump-", suffix=".txt") as file:
        try:
            form, repeated, digest = _written(lines, file, end)
            left = None if end is None else max(end - time.monotonic(), 0.01)
            code, out, err = _run([os.fspath(program.path), *_options(jobs), file.name], left)
        except OutOfTime:
            return Answer("unknown", f"found no answer within {seconds:.3g} s")
        if hashlib.sha256(Path(file.name).read_bytes()).hexdigest() != digest:
            raise FormatError(f"{file.name}: found another text than was written, expected one that nobody changes")
    if code < 0:
        return Answer("unknown", f"it ended before it answered: {signal.strsignal(-code) or -code}")
    return _answer(program.path, form, repeated, code, out, err)


def _options(jobs: int) -> list[str]:
    return ["--jobs", str(jobs)] if jobs > 1 else []


def _written(lines: Iterable[str], file: IO[bytes], end: float | None) -> tuple[str, list[str], str]:
    """Write a text: its format, the lines that the answer must repeat, and its SHA-256."""
    digest, repeated, rest = hashlib.sha256(), list[str](), iter(_timed(lines, end))
    form = next(rest, "")

    def write(line: str) -> str:
        content = f"{line}\n".encode("ascii")
        digest.update(content)
        file.write(content)
        return line

    write(form)
    for line in map(write, rest):
        word, _, number = line.partition(" ")
        if word == "assumes":
            repeated += [f"assumes {write(next(rest))}" for _ in range(int(number))]
            break
        repeated.append(line)
    repeated += [line for line in map(write, rest) if line.startswith(_REPEATED)]
    file.flush()
    return form, repeated, digest.hexdigest()


def _timed(lines: Iterable[str], end: float | None) -> Iterator[str]:
    """The lines, while there is time."""
    for line in lines:
        if end is not None and time.monotonic() > end:
            raise OutOfTime
        yield line


def _run(command: list[str], seconds: float | None) -> tuple[int, str, str]:
    """Exit code, stdout and stderr; what it has started ends with it."""
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    ) as process:
        try:
            out, err = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired as error:
            raise OutOfTime from error
        finally:
            with contextlib.suppress(OSError):
                os.killpg(process.pid, signal.SIGKILL)
    return process.returncode, out.decode("ascii", "replace"), err.decode("ascii", "replace")


def _answer(path: Path, form: str, repeated: list[str], code: int, out: str, err: str) -> Answer:
    """The answer, if it is one to this text."""
    first, *others = out.splitlines() or [""]
    verdict, _, reason = first.partition(": ")
    found = f"{first[:80]!a} and exit code {code}"
    if code == USAGE or not first:
        found = ascii(err.strip()[:200]) if err.strip() else f"exit code {code} and nothing"
    if verdict not in (*FORMATS.get(form, ()), "unknown", "unsupported") or EXIT_CODES[verdict] != code:
        raise ExactlumpError(f"{path}: found {found}, expected a verdict on {form!r}")
    if verdict in FORMATS[form] and others != repeated:
        pairs = zip([*others, ""], [*repeated, ""], strict=False)
        theirs, ours = next(((a, b) for a, b in pairs if a != b), ("", ""))
        raise ExactlumpError(
            f"{path}: found an answer about another text, {theirs[:100]!a}, expected {ours[:100]!a} repeated"
        )
    if (form, verdict) == (IMAGES, "rejected"):
        return Answer("unknown", "found that its rules for whole images do not show it")
    return Answer(verdict, reason)
