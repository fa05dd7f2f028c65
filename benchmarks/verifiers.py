# SPDX-License-Identifier: Apache-2.0
"""This file is about what a reduction on a box saves other verifiers: ACAS Xu queries before and after, by two of them.

    python -m benchmarks.verifiers [--data FOLDER] [--networks N] [--limit S] [--halvings N] [PROPERTY ...]

Prints a table in Markdown, a row for each query, and totals.  The verifiers are Marabou (needs `pip install maraboupy`)
and `exactlump verify`, each in a process of its own that is stopped after S seconds; all seconds are of the processor.
Default: prop_3 and prop_4 on all 45 networks, prop_1 on the first 10.  A query is asked of the network, and of what
`reduce --vnnlib` has made of it: exact on the box that the query is about.
"""

import argparse
import multiprocessing
import re
import resource
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import exactlump

# y[a] - y[b] <= 0, or y[a] >= c, as the files of the properties used here have them.
ORDER = re.compile(r"\(assert \(<= Y_(\d) Y_(\d)\)\)")
LEAST = re.compile(r"\(assert \(>= Y_(\d) ([-\d.]+)\)\)")
NETWORKS = {"prop_1": 10}


class Answer(NamedTuple):
    """Of one verifier on one file; seconds: the limit, where it has not answered."""

    verdict: str
    seconds: float


class Query(NamedTuple):
    """A property, and the box of its inputs as floats."""

    path: Path
    lower: list[float]
    upper: list[float]


def by_marabou(network: Path, query: Query) -> str:
    """Marabou's own answer; it works with floats."""
    with warnings.catch_warnings(action="ignore"):  # of readers that miss their packages
        from maraboupy import Marabou, MarabouCore

    made = Marabou.read_onnx(str(network))
    inputs, outputs = made.inputVars[0].flatten(), made.outputVars[0].flatten()
    for variable, low, high in zip(inputs, query.lower, query.upper, strict=True):
        made.setLowerBound(int(variable), low)
        made.setUpperBound(int(variable), high)
    text = query.path.read_text(encoding="utf-8")
    for a, b in ORDER.findall(text):
        made.addInequality([int(outputs[int(a)]), int(outputs[int(b)])], [1.0, -1.0], 0.0)
    for a, least in LEAST.findall(text):
        made.setLowerBound(int(outputs[int(a)]), float(least))
    verdict, _, _ = MarabouCore.solve(made.getInputQuery(), Marabou.createOptions(verbosity=0), "")
    return str(verdict)


def by_us(network: Path, query: Query) -> str:
    """Our own answer, checked where it is `unsat`."""
    return exactlump.verify(query.path, network, seconds=3600).verdict


def asked(verifier: Callable[[Path, Query], str], network: Path, query: Query, limit: int) -> Answer:
    """The answer of a process that has so many seconds of the processor."""
    receiver, sender = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.Process(target=_send, args=(sender, verifier, network, query, limit))
    process.start()
    sender.close()
    try:
        answer = receiver.recv()
    except EOFError:  # the system has stopped it
        answer = Answer("-", limit)
    process.join()
    return answer


def _send(sender: Any, verifier: Callable[[Path, Query], str], network: Path, query: Query, limit: int) -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))
    start = time.process_time()
    sender.send(Answer(verifier(network, query), time.process_time() - start))


def rows(given: argparse.Namespace, place: Path) -> Iterator[list[Any]]:
    """One row for each query: its names, neurons left, seconds of the reduction, and four answers."""
    small = place / "small.onnx"
    for name in given.properties:
        path = given.data / "acasxu" / "vnnlib" / f"{name}.vnnlib"
        networks = sorted((given.data / "acasxu" / "onnx").glob("*.onnx"))
        for network in networks[: given.networks or NETWORKS.get(name)]:
            start = time.process_time()
            done = exactlump.reduce_file(network, small, vnnlib=path, overwrite=True, halvings=given.halvings)
            seconds = time.process_time() - start
            assert done.domain is not None
            lower = [float(min(xs)) for xs in zip(*(box.lower for box in done.domain.boxes), strict=True)]
            upper = [float(max(xs)) for xs in zip(*(box.upper for box in done.domain.boxes), strict=True)]
            query = Query(path, lower, upper)
            pairs = [(verifier, file) for verifier in (by_marabou, by_us) for file in (network, small)]
            answers = [asked(verifier, file, query, given.limit) for verifier, file in pairs]
            yield [name, re.findall(r"_(\d_\d)_", network.stem)[0], done.reduction.reduced.neurons, seconds, *answers]


def total(name: str, pairs: list[tuple[Answer, Answer]]) -> str:
    """What one verifier needed before and after."""
    both = [(a, b) for a, b in pairs if "-" not in (a.verdict, b.verdict)]
    wrong = sum(a.verdict != b.verdict for a, b in both)
    before, after = (sum(pair[i].seconds for pair in both) for i in (0, 1))
    first, second = (sum(pair[i].verdict != "-" for pair in pairs) for i in (0, 1))
    return (
        f"{name}: {first} of {len(pairs)} answered before, {second} after; the {len(both)} answered both times took "
        f"{before:.0f} s before, {after:.0f} s after; {wrong} answers differ."
    )


def main() -> None:
    """The table, and the totals of the queries that were answered both times."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), metavar="FOLDER")
    parser.add_argument("--networks", type=int, default=0, metavar="N")
    parser.add_argument("--limit", type=int, default=60, metavar="S")
    parser.add_argument("--halvings", type=int, default=0, metavar="N")
    parser.add_argument("properties", nargs="*", default=["prop_3", "prop_4", "prop_1"])
    given = parser.parse_args()
    print("| property | network | neurons of 300 | s, reduce | Marabou, before | after | verify, before | after |")
    print("|---|---|---|---|---|---|---|---|")
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for row in rows(given, Path(folder)):
            found.append(row)
            answers = [f"{answer.verdict} {answer.seconds:.1f}" for answer in row[4:]]
            print(f"| {' | '.join([*map(str, row[:3]), f'{row[3]:.1f}', *answers])} |", flush=True)
    print()
    for name, place in (("Marabou", 4), ("verify", 6)):
        print(total(name, [(row[place], row[place + 1]) for row in found]), end="\n\n")


if __name__ == "__main__":
    main()
