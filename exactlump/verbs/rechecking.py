# SPDX-License-Identifier: Apache-2.0
"""This file is about running the checker once more, as a program of its own, on files found by their hashes."""

import json
import os
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from exactlump.certificates.certificate import Certificate
from exactlump.errors import ExactlumpError, FormatError
from exactlump.formats.files import sha256
from exactlump.verbs.checking import CHECKER
from exactlump.verdicts import EXIT_CODES, USAGE


@dataclass(frozen=True, slots=True)
class Checked:
    """What the checker, run as a program of its own, answered."""

    verdict: str
    reason: str


def find_files(
    path: Path,
    claimed: Certificate,
    original: str | os.PathLike[str] | None,
    reduced: str | os.PathLike[str] | None,
) -> tuple[Path | None, Path | None]:
    """The model files, given or found beside the certificate; None for one that is not found.

    Raises FormatError if one is given and the other is not found.
    """
    sides = (("original", claimed.original, original), ("reduced", claimed.reduced, reduced))
    found = [
        Path(given) if given is not None else beside(path, entry.format, entry.sha256) for _, entry, given in sides
    ]
    missing = next((side for (side, _, _), place in zip(sides, found, strict=True) if place is None), None)
    if missing is not None and (original is not None or reduced is not None):
        raise FormatError(
            f"{path}: found no {missing} file beside it with the hash it names, expected --{missing} FILE"
        )
    return found[0], found[1]


def beside(path: Path, kind: str, digest: str) -> Path | None:
    """The first file in the folder of a certificate with the format and the SHA-256 that the certificate names.

    Files that cannot be read are none of it.
    """
    for place in sorted(path.parent.glob(f"*.{kind}")):
        with suppress(FormatError):
            if place.is_file() and sha256(place) == digest:
                return place
    return None


def run_check(original: Path, reduced: Path, certificate_path: Path, max_unpacked: int) -> Checked:
    """Run the checker's file by itself, in a process without this package.  Raises FormatError where it does."""
    places = [os.path.abspath(place) for place in (original, reduced, certificate_path)]
    done = subprocess.run(
        [sys.executable, "-I", str(CHECKER), *places, "--json", f"--max-unpacked={max_unpacked}"],
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
    )
    if done.returncode == USAGE:
        raise FormatError(done.stderr.strip().removeprefix("check: ") or "the checker refused the files")
    if done.returncode not in EXIT_CODES.values():
        raise ExactlumpError(f"the checker ended with {done.returncode}: {done.stderr.strip()[-300:]}")
    answer = json.loads(done.stdout)
    if EXIT_CODES.get(answer["verdict"]) != done.returncode:
        raise ExactlumpError(f"the checker said {answer['verdict']} and ended with {done.returncode}")
    return Checked(answer["verdict"], answer["reason"])
