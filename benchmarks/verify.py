# SPDX-License-Identifier: Apache-2.0
"""This file is about answering queries: ACAS Xu properties, and pairs of networks, with verdicts, leaves and seconds.

    python -m benchmarks.verify [SECTION ...] [--timeout 45] [--jobs 1] [--only WORDS] [--keep FILE]

Sections: acas, isomorphic (some of each), pruned; by default these.  properties (1 to 4 on all 45 networks, 3 and 4
first) and pairs (all 50 isomorphic ones) take long: what is in the file of --keep is not run again.  Seconds of the
search and of the check are those of the processor; the time limit is one of the clock.  It ends with an error where an
answer is another than the published one, or where an assignment does not satisfy its query exactly.
"""

import argparse
import csv
import os
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.kept import Kept
from exactlump import verify
from exactlump.queries import read_query

DATA = Path(__file__).parents[2] / "shared" / "data"
PAIRS = DATA / "vnn"
# Property, network.
ACAS = [
    *((1, "1_1"), (1, "2_5"), (2, "2_1"), (2, "3_3"), (3, "1_1"), (3, "1_7"), (3, "3_4"), (4, "1_1")),
    *((4, "1_9"), (4, "5_5"), (5, "1_1"), (6, "1_1"), (7, "1_9"), (8, "2_9"), (9, "3_3"), (10, "4_5")),
]
USUAL = ("acas", "isomorphic", "pruned")
ISOMORPHIC, PRUNED = range(6), ("1_1", "2_3", "3_4", "4_6", "5_5")
# What is published of properties: of 3 and 4 on other networks than 1_7 to 1_9; 2 differs from network to network.
PUBLISHED = {1: "unsat", 3: "unsat", 4: "unsat", 5: "unsat", 6: "unsat", 7: "sat", 8: "sat", 9: "unsat", 10: "unsat"}


class Instance(NamedTuple):
    """A query, its networks by name, and the published answer, if there is one."""

    name: str
    query: Path
    networks: dict[str, Path]
    published: str = ""


def acas(chosen: Sequence[tuple[int, str]] = ACAS) -> Iterator[Instance]:
    """Properties of the ACAS Xu networks."""
    for number, network in chosen:
        published = "sat" if number in (3, 4) and network in ("1_7", "1_8", "1_9") else PUBLISHED.get(number, "")
        model = DATA / "acasxu" / "onnx" / f"ACASXU_run2a_{network}_batch_2000.onnx"
        query = DATA / "acasxu" / "vnnlib" / f"prop_{number}.vnnlib"
        yield Instance(f"property {number}, {network}", query, {"N": model}, published)


def properties() -> Iterator[Instance]:
    """Properties 4, 3, 2 and 1 on all networks."""
    yield from acas([(n, f"{a}_{b}") for n in (4, 3, 2, 1) for a in range(1, 6) for b in range(1, 10)])


def isomorphic(chosen: Iterable[int] = ISOMORPHIC) -> Iterator[Instance]:
    """Networks and the same with noise on every weight: do they differ by more than 0.05?"""
    folder = PAIRS / "isomorphic_seed850851855"
    with (folder / "instances.tsv").open(encoding="utf-8") as lines:
        rows = [*csv.DictReader(lines, delimiter="\t")]
    for row in (rows[k] for k in chosen):
        networks = {"f": PAIRS / row["f"], "g": folder / row["g"]}
        yield Instance(f"instance {row['instance']}, {row['net']}", folder / row["vnnlib"], networks)


def pruned(folder: Path) -> Iterator[Instance]:
    """Networks and the same with 5 % of the neurons pruned: the question of the isomorphic ones."""
    query = folder / "pruned.vnnlib"
    words = (PAIRS / "isomorphic_seed850851855" / "vnnlib" / "instance_0.vnnlib").read_text(encoding="utf-8")
    query.write_text(words, encoding="utf-8")
    for network in PRUNED:
        name = f"ACASXU_run2a_{network}_batch_2000"
        networks = {"f": PAIRS / "original" / f"{name}.onnx", "g": PAIRS / "pruned" / f"{name}_pruned5.onnx"}
        yield Instance(f"{network}, 5 % pruned", query, networks)


def run(instance: Instance, timeout: float, jobs: int) -> tuple[str, ...]:
    """One line of the table."""
    begun, start = cpu(), time.monotonic()
    found = verify(instance.query, instance.networks, seconds=timeout, jobs=jobs)
    search, check = (after - before for after, before in zip(cpu(), begun, strict=True))
    assert found.verdict in ("unknown", "timed-out") or instance.published in ("", found.verdict), instance
    if found.values is not None:
        assert read_query(instance.query.read_bytes()).holds(found.values), instance
    how = "exact" + (", float32 inputs" if found.in_floats else "") + (", replayed" if found.replayed else "")
    if found.verdict != "sat":
        how = f"{found.leaves} leaves" if found.leaves else f"{found.boxes} boxes, no tree"
        how += f", {found.size} bytes" if found.size else ""
        how += ", not checked in time" if found.size and not found.checked else ""
    seconds = f"{time.monotonic() - start:.1f}", f"{search:.1f}", f"{check:.1f}"
    return instance.name, instance.published or "-", found.verdict, *seconds, how


def cpu() -> tuple[float, float]:
    """Seconds of this process, and of those that it has waited for."""
    times = os.times()
    return times.user + times.system, times.children_user + times.children_system


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Answer queries of public data.")
    parser.add_argument("sections", nargs="*", choices=[*USUAL, "properties", "pairs", []])
    parser.add_argument("--timeout", type=float, default=45.0)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--only", action="append", metavar="WORDS", help="instances whose names have these words")
    parser.add_argument("--keep", type=Path, metavar="FILE")
    options = parser.parse_args()
    kept = Kept(options.keep)
    with tempfile.TemporaryDirectory() as folder:
        sections = {"acas": acas, "isomorphic": isomorphic, "pruned": lambda: pruned(Path(folder))}
        sections |= {"properties": properties, "pairs": lambda: isomorphic(range(50))}
        for section in options.sections or USUAL:
            print(f"\n## {section}\n\n| query | published | answer | s | search, s | check, s | |", flush=True)
            print("|---|---|---|---|---|---|---|", flush=True)
            for instance in sections[section]():
                if any(word in instance.name for word in options.only or [""]):
                    words = kept.row(instance.name, lambda one=instance: run(one, options.timeout, options.jobs))
                    print(f"| {' | '.join(words)} |", flush=True)


if __name__ == "__main__":
    main()
