# SPDX-License-Identifier: Apache-2.0
"""This file is about running the checker that is extracted from the Coq proof, when it is built (`make proofs`)."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path

from exactlump.errors import ExactlumpError, FormatError
from exactlump.verdicts import EXIT_CODES

NAME = "exactlump-verified"


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


def run_checker(lines: Iterable[str]) -> tuple[str, int]:
    """The first line of the extracted checker for an exported text, and its exit code.

    Raises ExactlumpError when it finds our text out of its grammar, which is a bug of ours.
    """
    program = find_checker()
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="ascii") as file:
        file.writelines(f"{line}\n" for line in lines)
        file.flush()
        done = subprocess.run([program, file.name], capture_output=True, text=True, check=False)
    if done.returncode not in EXIT_CODES.values() or not done.stdout:
        raise ExactlumpError(f"{program}: found {done.stderr.strip() or done.returncode}, expected a verdict")
    return done.stdout.splitlines()[0], done.returncode
