# SPDX-License-Identifier: Apache-2.0
"""This file is about a difference that was found, replayed: in float32 by a runtime, and by the evaluator that is
extracted from its proof.

The latter sees the networks as `exactlump/check.py` reads the files, and proves: they differ at the input.
"""

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path

from exactlump import check
from exactlump.errors import ExactlumpError, FormatError
from exactlump.extraction.refutations import read_pair, refutation, without_rational_values
from exactlump.extraction.verified import Answer, ask, find_checker, greet
from exactlump.network.program import Network
from exactlump.numbers.rational import Rational, fraction
from exactlump.points.boxes import Box
from exactlump.refutation.question import Question
from exactlump.refutation.refute import Finding
from exactlump.refutation.replay import CannotReplay, replay


@dataclass(frozen=True, slots=True)
class Replayed:
    """Whether the proved evaluator confirms a difference: yes, no, or None where it was not asked or cannot say.

    built   whether there is one
    proofs  the SHA-256 of the proofs that it was extracted from
    """

    verified: bool | None
    reason: str
    built: bool = False
    proofs: str | None = None

    @property
    def words(self) -> str:
        """What is said of it to people: nothing where there is no evaluator."""
        if not self.built:
            return ""
        if self.verified is None:
            return f"not replayed by the proved evaluator: {self.reason}"
        return f"replayed by the proved evaluator: {'different' if self.verified else f'NOT different: {self.reason}'}"


NO_FILES = Replayed(None, "found networks that are no files, expected two files")


@dataclass(frozen=True, slots=True)
class Case:
    """What was found of two files, and of which question; how they are read is in `specification`.

    digests  the SHA-256 that the answer gives for the files
    seconds  what is left of the time
    """

    paths: Sequence[str | os.PathLike[str]]
    digests: Sequence[str]
    finding: Finding
    question: Question
    domain: Box
    specification: str
    max_unpacked: int
    seconds: float


# The least seconds for an answer, and how many bytes of models are read in a second, at least.
_LEAST, _PACE = 1.0, 2_000_000


def replayed_by_proof(case: Case) -> Replayed:
    """What the proved evaluator says of a difference.

    Raises FormatError where a file has another content than the answer says.
    """
    finding, seconds = case.finding, max(case.seconds, _LEAST)
    if finding.verdict != "different" or finding.input is None:
        return Replayed(None, f"found no difference ({finding.verdict})")
    try:
        path = find_checker()
    except FormatError as error:
        return Replayed(None, str(error))
    if case.question.is_about_decisions:
        return Replayed(None, "it compares outputs, and the question was about decisions", True)
    size = sum(map(os.path.getsize, case.paths))
    if size > seconds * _PACE:
        return Replayed(None, f"found models of {size} bytes, and {seconds:.3g} s left", True)
    start = time.monotonic()
    try:
        program = greet(path)
        networks = _read(case)
        lines = _text(case, networks)
        answer = ask(program, lines, seconds=max(seconds - (time.monotonic() - start), _LEAST))
    except check.Stop as error:
        return Replayed(None, check.one_line(f"{error.verdict}: {error}"), True)
    except ExactlumpError as error:
        return Replayed(None, str(error), True)
    _demand_unchanged(case, networks)
    verified, reason = _judged(answer, networks)
    return Replayed(verified, reason, True, program.proofs)


def _read(case: Case) -> list[check.Network]:
    paths = [os.fspath(path) for path in case.paths]
    return read_pair(paths, case.specification, asdict(case.finding.matching), case.max_unpacked)


def _text(case: Case, networks: list[check.Network]) -> Iterator[str]:
    """The text.  An end that the domain does not have is that of the input: the box lies in the domain."""
    x, domain = [*map(_fraction, case.finding.input or ())], case.domain
    box = None
    if not domain.is_everything:
        lower, upper = (
            [y if end is None else _fraction(end) for y, end in zip(x, ends, strict=True)]
            for ends in (domain.lower, domain.upper)
        )
        box = [*zip(lower, upper, strict=True)]
    epsilon = _fraction(case.question.epsilon) if case.question.epsilon is not None else Fraction(0)
    return refutation(networks, case.specification, x, epsilon, box)


def _demand_unchanged(case: Case, networks: list[check.Network]) -> None:
    for path, network, digest in zip(case.paths, networks, case.digests, strict=True):
        if network.sha256 != digest:
            raise FormatError(
                f"{os.fspath(path)}: found another content than was compared, expected a file that nobody changes"
            )


def _judged(answer: Answer, networks: list[check.Network]) -> tuple[bool | None, str]:
    """No, only where all values are rational: else there may be none to compare."""
    if answer.verdict == "rejected":
        name = without_rational_values(networks)
        return (None, f"{name} may have no rational value there") if name else (False, answer.reason)
    return (True, answer.reason) if answer.verdict == "different" else (None, f"{answer.verdict}: {answer.reason}")


def _fraction(y: Rational) -> Fraction:
    return Fraction(*fraction(y))


def in_float32(
    paths: tuple[Path, Path], networks: Sequence[Network], found: Finding, max_unpacked: int
) -> tuple[tuple[list[float], list[float]] | None, tuple[str, ...]]:
    """The outputs of both files in float32; or why there are none."""
    if found.input is None:
        return None, ()
    try:
        one, other = (replay(path, n, found.input, max_unpacked) for path, n in zip(paths, networks, strict=True))
    except CannotReplay as error:
        return None, (f"not replayed in float32: {error}",)
    return (one, other), ()
