# SPDX-License-Identifier: Apache-2.0
"""This file is about what solvers found, kept in a file that grows line by line, so that nothing done is lost.

JSON Lines: first the files it is about, then a line for each obligation and solver, at the end the verdict.  Nobody
needs to trust it: whoever doubts a line runs the solver on the script that it names by its SHA-256.
"""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from exactlump.errors import CannotWrite, FormatError
from exactlump.formats.files import about, read_bytes
from exactlump.numbers.rational import Rational, text
from exactlump.smt.obligations import Obligation
from exactlump.version import VERSION

DISCHARGED, REFUTED, UNKNOWN = "discharged", "refuted", "unknown"
FORMAT = "exactlump evidence"
_OTHER = "found another file, expected evidence of an earlier run, or none"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one solver found of one obligation.

    verdict   "discharged", "refuted" or "unknown"
    reason    why it is unknown, or not replayed
    values    what the script's constants are where the claim is false
    meanings  what those constants stand for
    replayed  whether the claim was evaluated there, exactly, and is false
    reused    whether it was read from a file of evidence
    """

    obligation: Obligation
    script: str
    form: str
    solver: str
    version: str
    verdict: str
    seconds: float = 0.0
    reason: str = ""
    values: Mapping[str, Rational] = field(default_factory=dict)
    meanings: Mapping[str, str] = field(default_factory=dict, repr=False)
    replayed: bool = False
    reused: bool = False

    @property
    def json(self) -> dict[str, Any]:
        """The line of the evidence file."""
        line: dict[str, Any] = {
            "id": self.obligation.name,
            "layer": self.obligation.tensor,
            "claim": self.obligation.claim,
            "form": self.form,
            "script": self.script,
            "solver": self.solver,
            "version": self.version,
            "verdict": self.verdict,
            "seconds": round(self.seconds, 6),
        }
        if self.reason:
            line["reason"] = self.reason
        if self.values:
            line["values"] = {self.meanings[name]: text(value) for name, value in self.values.items() if value}
            line["replayed"] = self.replayed
        return line


class Evidence:
    """A file of evidence, new or begun by an earlier run on the same files.

    files: the hashes that the first line holds.  Raises FormatError when the file is about others, or is something
    else than evidence, CannotWrite.
    """

    def __init__(self, path: str | os.PathLike[str], files: Mapping[str, str]) -> None:
        self.path = Path(path)
        self.done: set[tuple[str, str, str, str]] = set()
        header = {"format": FORMAT, "version": 1, "producer": f"exactlump {VERSION}", **files}
        whole = self._read(header)
        try:
            self.file: IO[bytes] = self.path.open("r+b" if whole else "wb")
            self.file.seek(whole)
            self.file.truncate()
        except OSError as error:
            raise CannotWrite(f"{self.path}: cannot be written: {error.strerror}") from error
        if not whole:
            self._write([header])

    def _read(self, header: Mapping[str, Any]) -> int:
        """Take in what an earlier run found; the length of the file but for a line that it did not finish."""
        if not self.path.exists():
            return 0
        with about(self.path):
            content = read_bytes(self.path)
            whole = content.rfind(b"\n") + 1
            if not whole and not _line(header).startswith(content):
                raise FormatError(_OTHER)
            self._take(content[:whole].splitlines(), header)
        return whole

    def _take(self, lines: Sequence[bytes], header: Mapping[str, Any]) -> None:
        try:
            documents = [json.loads(line) for line in lines]
            for first in documents[:1]:
                if any(first[key] != header[key] for key in header.keys() - {"producer", "version"}):
                    raise FormatError("found evidence about other files, expected none or that of these")
            for line in documents[1:]:
                if line.get("verdict") == DISCHARGED:
                    self.done.add((line["script"], line["id"], line["solver"], line["version"]))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            if isinstance(error, FormatError):
                raise
            raise FormatError(_OTHER) from error

    def has(self, sha256: str, obligation: Obligation, solver: str, version: str) -> bool:
        """Whether an earlier run discharged an obligation, in this very script, with this very solver."""
        return (sha256, obligation.name, solver, version) in self.done

    def add(self, findings: Sequence[Finding]) -> None:
        """Write what was found, at once."""
        self._write([finding.json for finding in findings if not finding.reused])

    def finish(self, verdict: str, obligations: int) -> None:
        """Write the verdict, and close the file."""
        self._write([{"verdict": verdict, "obligations": obligations}])
        self.close()

    def close(self) -> None:
        """Close the file."""
        self.file.close()

    def _write(self, lines: Sequence[Mapping[str, Any]]) -> None:
        try:
            self.file.write(b"".join(map(_line, lines)))
            self.file.flush()
        except OSError as error:
            raise CannotWrite(f"{self.path}: cannot be written: {error.strerror}") from error


def _line(document: Mapping[str, Any]) -> bytes:
    return f"{json.dumps(document, sort_keys=True)}\n".encode()
