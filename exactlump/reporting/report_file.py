# SPDX-License-Identifier: Apache-2.0
"""This file is about `exactlump report` as a library call: a certificate in, a page for an assessor out."""

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from exactlump import formats
from exactlump.errors import FormatError
from exactlump.reporting.bounded import Bounded, bounded
from exactlump.reporting.certified import CRITERIA, criterion_of, named_certificate
from exactlump.reporting.difference import Difference, difference, verb_of, verdict_of
from exactlump.reporting.matrix import open_items
from exactlump.reporting.page import write_report
from exactlump.reporting.report import Report, report
from exactlump.smt.evidence import DISCHARGED, REFUTED, UNKNOWN
from exactlump.verbs.answers import FileUse, answer, file_read, file_written


@dataclass(frozen=True, slots=True)
class ReportOptions:
    """How to report.

    evidence           what `prove` found, a file
    original, reduced  the model files; None: found beside the certificate, by their hashes
    max_unpacked       the most bytes that a .onnx.gz file may unpack to
    overwrite          whether a page with other content may be replaced
    image              height and width of inputs that are images, though the files do not say so
    """

    evidence: Path | None = None
    original: Path | None = None
    reduced: Path | None = None
    max_unpacked: int = formats.MAX_UNPACKED
    overwrite: bool = False
    image: tuple[int, int] | None = None


DEFAULTS = ReportOptions()
# Verbs whose answers have a page.
_ANSWERING = ("refute", "bound", "compare")


@dataclass(frozen=True, slots=True)
class FileReport:
    """A report that was written; its verdict is that of the checker, run once more."""

    report: Report | Difference | Bounded
    output: Path
    files: tuple[FileUse, ...]
    options: ReportOptions
    seconds: float

    def __repr__(self) -> str:
        return f"{self.verdict}: {self.reason}"

    @property
    def verdict(self) -> str:
        """The word "equivalent" only if the checker was run, and accepted, and no evidence speaks against it."""
        return self.report.verdict

    @property
    def reason(self) -> str:
        """The verdict in words."""
        return self.report.reason

    def json(self, *, times: bool = True) -> dict[str, Any]:
        """What `--json` prints."""
        items = self.report.items if isinstance(self.report, Report) else ()
        words = {
            "verdict": self.verdict,
            "reason": self.reason,
            "obligations": len(items),
            "answers": {word: len(open_items(items, word)) for word in (DISCHARGED, REFUTED, UNKNOWN)},
            "output": str(self.output),
        }
        return answer("report", words, options=self.options, files=self.files, seconds=self.seconds, times=times)


def report_file(
    certificate: str | os.PathLike[str], output: str | os.PathLike[str], options: ReportOptions = DEFAULTS
) -> FileReport:
    """Write what there is to say of a certificate, or of an answer of another verb, as one HTML page.

    certificate: a certificate of any criterion, or what `exactlump refute --json` printed of an input where two
    networks differ, or what `bound --json` or `compare --json` printed of a certified bound; any of these that decided
    nothing; or an answer of `refute` or `compare` that both are equivalent, with the certificate that it names.
    Raises FormatError for files that cannot be read, for evidence about other files, and where jinja2 is not
    installed; CannotWrite.
    """
    start = time.perf_counter()
    found = read_report(certificate, options)
    write_report(found, output, overwrite=options.overwrite)
    files = (*(file_read(role, path) for role, path in found.sources), file_written("report", output))
    return FileReport(found, Path(output), files, options, time.perf_counter() - start)


def read_report(path: str | os.PathLike[str], options: ReportOptions) -> Report | Difference | Bounded:
    """What there is to say, as `report_file` has it, without writing it."""
    ours, theirs, room = options.original, options.reduced, options.max_unpacked
    what = criterion_of(Path(path)) or verb_of(path)
    verdict = verdict_of(path) if what in _ANSWERING else ""
    if verdict == "equivalent":
        return report(named_certificate(path), evidence=options.evidence, original=ours, reduced=theirs,
                      max_unpacked=room)  # fmt: skip
    if what not in (*CRITERIA, *_ANSWERING):
        return report(path, evidence=options.evidence, original=ours, reduced=theirs, max_unpacked=room)
    if options.evidence is not None:
        found = f"a certificate of {what!r}" if what in CRITERIA else f"an answer of {what}"
        raise FormatError(f"{os.fspath(path)}: found {found} with evidence, expected a certificate of equality")
    if "different" in (what, verdict):
        return difference(path, original=ours, reduced=theirs, max_unpacked=room, image=options.image)
    return bounded(path, original=ours, reduced=theirs, max_unpacked=room)
