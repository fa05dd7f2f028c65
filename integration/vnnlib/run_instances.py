# SPDX-License-Identifier: Apache-2.0
"""This file is about running `exactlump verify` on a file of instances, in the form of the verification competition.

    python integration/vnnlib/run_instances.py BENCHMARK/instances.csv [--out results.csv] [--timeout S] [--first N]

Each line of the file is a network, a query, and a time limit in seconds; paths are relative to its folder.  Where a
query has several networks, the first field is a list of pairs: "[('f', 'a.onnx'), ('g', 'b.onnx')]".  The answer is the
first line that the program prints, or `error`; assignments are kept if --assignments names a folder.
"""

import argparse
import ast
import csv
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ANSWERS = ("sat", "unsat", "unknown", "timed-out")
_GRACE = 10.0  # seconds beyond the limit after which a run is ended


class Instance(NamedTuple):
    """A line: networks by name, the query, and the time limit."""

    networks: dict[str, Path]
    query: Path
    seconds: float


def instances(path: Path) -> Iterator[Instance]:
    """The lines of a file.  Raises ValueError for one of another form."""
    with path.open(encoding="utf-8", newline="") as lines:
        for number, row in enumerate(csv.reader(lines), 1):
            if not row:
                continue
            if len(row) != 3:
                raise ValueError(f"{path}: line {number}: found {len(row)} fields, expected network, query, seconds")
            networks, query, seconds = (word.strip() for word in row)
            pairs = ast.literal_eval(networks) if networks.startswith("[") else [("N", networks)]
            files = {str(name): path.parent / str(file) for name, file in pairs}
            yield Instance(files, path.parent / query, float(seconds))


def answer(instance: Instance, options: list[str]) -> tuple[str, str, str]:
    """The answer, the lines after it, and what was said on stderr."""
    command = [sys.executable, "-m", "exactlump", "verify", str(instance.query), "--timeout", str(instance.seconds)]
    command += [f"--network={name}={file}" for name, file in instance.networks.items()]
    try:
        done = subprocess.run(
            [*command, *options], capture_output=True, text=True, timeout=instance.seconds + _GRACE, check=False
        )
    except subprocess.TimeoutExpired:
        return "timed-out", "", "ended from outside"
    first, _, rest = done.stdout.partition("\n")
    return (first if first in ANSWERS else "error"), rest, done.stderr


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Run exactlump verify on a file of instances.")
    parser.add_argument("instances", type=Path)
    parser.add_argument("--out", type=Path, default=Path("results.csv"))
    parser.add_argument("--timeout", type=float, help="seconds for each instance, in the place of the file's")
    parser.add_argument("--first", type=int, help="run so many instances only")
    parser.add_argument("--assignments", type=Path, help="a folder for the assignments")
    parser.add_argument("--element-type", choices=["real"], help="read queries about floats over the reals")
    chosen = parser.parse_args()
    options = [f"--element-type={chosen.element_type}"] if chosen.element_type else []
    with chosen.out.open("w", encoding="utf-8", newline="") as out:
        table = csv.writer(out)
        for number, instance in enumerate(instances(chosen.instances)):
            if number == chosen.first:
                break
            if chosen.timeout is not None:
                instance = instance._replace(seconds=chosen.timeout)
            start = time.monotonic()
            word, assignment, said = answer(instance, options)
            seconds = time.monotonic() - start
            names = ";".join(f"{name}={file.name}" for name, file in instance.networks.items())
            table.writerow([names, instance.query.name, word, f"{seconds:.1f}"])
            out.flush()
            print(f"{instance.query.name} {names}: {word} in {seconds:.1f} s", flush=True)
            if word == "error":
                print(said.rstrip(), file=sys.stderr)
            if assignment and chosen.assignments is not None:
                chosen.assignments.mkdir(parents=True, exist_ok=True)
                (chosen.assignments / f"{number}.txt").write_text(assignment, encoding="utf-8")


if __name__ == "__main__":
    main()
