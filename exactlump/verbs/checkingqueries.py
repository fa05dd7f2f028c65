# SPDX-License-Identifier: Apache-2.0
"""This file is about running the checker on the certificate of a query, as a program of its own, within a time."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from exactlump.errors import ExactlumpError, FormatError
from exactlump.verbs.checking import CHECKER
from exactlump.verdicts import EXIT_CODES, USAGE


@dataclass(frozen=True, slots=True)
class Checked:
    """What the checker answered, and how long it took."""

    verdict: str
    reason: str
    seconds: float


def run_query_check(
    query: Path, networks: Mapping[str, Path], certificate: Path, max_unpacked: int, jobs: int, seconds: float
) -> Checked | None:
    """Run the checker's file by itself, in a process without this package; None where it is not done in time.

    Raises FormatError where it does.
    """
    start = time.monotonic()
    command = [sys.executable, "-I", str(CHECKER), "--json", f"--max-unpacked={max_unpacked}", f"--jobs={jobs}"]
    command += [f"--query={os.path.abspath(query)}"]
    command += [f"--network={name}={os.path.abspath(path)}" for name, path in networks.items()]
    process = subprocess.Popen(
        [*command, os.path.abspath(certificate)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
    )
    try:
        out, err = process.communicate(timeout=max(seconds, 0.01))
    except subprocess.TimeoutExpired:
        return None
    finally:
        _end(process)
    if process.returncode == USAGE:
        raise FormatError(err.strip().removeprefix("check: ") or "the checker refused the files")
    if process.returncode not in EXIT_CODES.values():
        raise ExactlumpError(f"the checker ended with {process.returncode}: {err.strip()[-300:]}")
    answer = json.loads(out)
    if EXIT_CODES.get(answer["verdict"]) != process.returncode:
        raise ExactlumpError(f"the checker said {answer['verdict']} and ended with {process.returncode}")
    return Checked(answer["verdict"], answer["reason"], round(time.monotonic() - start, 3))


def _end(process: "subprocess.Popen[str]") -> None:
    """End a process that still runs, with those that it started."""
    if process.poll() is None:
        if hasattr(os, "killpg"):
            os.killpg(process.pid, 9)
        else:
            process.kill()
        process.wait()
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()
