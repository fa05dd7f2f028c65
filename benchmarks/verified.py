# SPDX-License-Identifier: Apache-2.0
"""This file is about the checker that is extracted from its proof: export, parse and check, in seconds and memory.

    python -m benchmarks.verified [--out benchmarks/results/verified.md] [MODEL ...]

The bundled networks, two planted classifiers, and all models that are named; of an ACAS Xu network the hidden
neurons are doubled first.  Each step is a process of its own, timed by the wall clock, with its peak memory.
"""

import argparse
import os
import platform
import re
import subprocess
import sys
import tempfile
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from onnx import save

import exactlump
from benchmarks.scaling import planted
from exactlump import Activate, Dense, Matrix, rational
from exactlump.extraction.verified import find_checker
from exactlump.network.kinds import Shift

BUNDLED = sorted((Path(exactlump.__file__).parent / "networks").glob("*.*"))
PLANTED = ((784, 256, 256, 10), (784, 2048, 2048, 10))
HEADINGS = ("network", "numbers", "hidden", "check.py", "export", "MB", "MiB", "parse", "check", "MiB", "verdict")


def doubled(network):
    """The same function with each hidden neuron and its double, read with 1/2 and 1/4 of the neuron's weights."""
    dense = [node for node in network.nodes if isinstance(node, Dense)]
    hidden = {node.target for node, _ in pairwise(dense)}
    nodes, below = [], None
    twice = rational(2)
    for node in network.nodes:
        above = node.source in hidden or node.target in hidden
        if isinstance(node, Dense):
            node = _doubled_dense(node, below, node.target in hidden)
            below = len(node.bias) // 2
        elif above and isinstance(node, Shift):
            node = replace(node, constant=node.constant + tuple(twice * c for c in node.constant))
        elif above and isinstance(node, Activate):
            node = replace(node, functions=node.functions * 2)
        elif above:
            raise TypeError(f"tensor {node.target!r}: found {type(node).__name__} above a hidden layer")
        if above and not isinstance(node, Dense):
            hidden.add(node.target)
        nodes.append(node)
    return replace(network, nodes=tuple(nodes))


def _doubled_dense(node, below, hidden):
    """A Dense node over a layer of `below` neurons that is doubled (None: over one that is not)."""
    rows = [node.weight.row(v) for v in range(len(node.bias))]
    if below is not None:
        rows = [{**{u: w / 2 for u, w in r.items()}, **{u + below: w / 4 for u, w in r.items()}} for r in rows]
    bias = list(node.bias)
    if hidden:
        rows += [{u: 2 * w for u, w in row.items()} for row in rows]
        bias += [2 * b for b in bias]
    columns = node.weight.shape[1] * (2 if below is not None else 1)
    return replace(node, weight=Matrix.from_rows(rows, columns), bias=tuple(bias))


# A process starts with the peak memory of the one that started it, so a small one stands between.
LAUNCH = """\
import os, sys, time
start = time.perf_counter()
_, status, usage = os.wait4(os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ), 0)
print(time.perf_counter() - start, usage.ru_maxrss // 1024, file=sys.stderr)
sys.exit(os.waitstatus_to_exitcode(status))
"""


def timed(*command):
    """Seconds, peak memory in MiB, stdout and stderr of a command that must succeed."""
    launch = [sys.executable, "-I", "-S", "-c", LAUNCH, *map(str, command)]
    done = subprocess.run(launch, capture_output=True, text=True, check=True)
    *errors, last = done.stderr.splitlines()
    seconds, memory = last.split()
    return float(seconds), int(memory), done.stdout, "\n".join(errors)


def measured(path, folder):
    """One row of the table."""
    reduced, text = folder / f"small{path.suffix if path.suffix != '.gz' else '.onnx'}", folder / "export.txt"
    done = exactlump.reduce_file(path, reduced)
    files = (path, reduced, done.certificate)
    bare, *_ = timed(sys.executable, "-I", Path(exactlump.__file__).parent / "check.py", *files)
    export, export_memory, *_ = timed(sys.executable, "-m", "exactlump", "export", *files, "-o", text)
    _, memory, verdict, times = timed(find_checker(), "--times", text)
    parse, check = re.findall(r"[0-9.]+", times)
    before, after = done.reduction.original, done.reduction.reduced
    size = f"{text.stat().st_size / 1e6:.1f}"
    numbers = f"{before.nonzeros:,} + {after.nonzeros:,}"
    return (
        path.name,
        numbers,
        f"{before.neurons} -> {after.neurons}",
        f"{bare:.1f}",
        f"{export:.1f}",
        size,
        export_memory,
        parse,
        check,
        memory,
        verdict.split(":")[0],
    )


def models(folder, named):
    """The networks of the table, those that are made for it written into a folder."""
    yield from BUNDLED
    for sizes in PLANTED:
        path = folder / f"planted_{'-'.join(map(str, sizes))}.onnx"
        save(planted(sizes), path)
        yield path
    for path in named:
        if path.name.startswith("ACASXU"):
            network = doubled(exactlump.read(path))
            path = folder / f"doubled_{path.stem}{'.onnx' if path.suffix == '.onnx' else '.json'}"
            exactlump.write(network, path)
        yield path


def main():
    parser = argparse.ArgumentParser(description="time and memory of the extracted checker")
    parser.add_argument("--out", type=Path)
    parser.add_argument("models", nargs="*", type=Path)
    options = parser.parse_args()
    lines = [f"| {' | '.join(HEADINGS)} |", "|---" * len(HEADINGS) + "|"]
    with tempfile.TemporaryDirectory() as folder:
        for path in models(Path(folder), options.models):
            lines.append(f"| {' | '.join(map(str, measured(path, Path(folder))))} |")
            print(lines[-1], flush=True)
    if options.out:
        options.out.write_text(page(lines, options.models), encoding="utf-8")


def page(lines, named):
    """The table with what is measured, where and how."""
    command = f"python -m benchmarks.verified --out benchmarks/results/verified.md{' MODEL ...' if named else ''}"
    system = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    return "\n".join(
        [
            "# The extracted checker: time and memory",
            "",
            f"`{command}` on {system}; one run, wall clock, other work on the machine.",
            "",
            "numbers: weights and biases that are not zero, of both networks.",
            "check.py: `python -I exactlump/check.py`, in seconds with start.",
            "export: `exactlump export`, in seconds with start; size of the text; peak memory.",
            "parse, check: `exactlump-verified --times`, in seconds; peak memory.",
            "doubled: each hidden neuron of that network doubled by an exact widening.",
            "",
            *lines,
            "",
        ]
    )


if __name__ == "__main__":
    main()
