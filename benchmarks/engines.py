# SPDX-License-Identifier: Apache-2.0
"""This file is about whole reductions with the exact and the fast engine: CPU seconds, memory, and equal bytes.

    python -m benchmarks.engines [--runs 3] [--largest 2048] [--out benchmarks/results/engines] [MODEL ...]

Random dense classifiers 784-n-n-10 in float32, half of the hidden neurons power-of-two multiples of others (see
`benchmarks.scaling`), and any model files that are named.  "reduce" is the network in memory, "to file" reads, reduces,
writes and checks.  Each measurement is a process of its own, so that its peak memory is its own.
"""

import argparse
import hashlib
import json
import math
import platform
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from onnx import save

from benchmarks.scaling import planted

SIZES = (256, 512, 1024, 2048, 4096)
# Beyond so many weights the exact engine is not run.
EXACT = 2_000_000

PROGRAM = """
import json, resource, sys, time
import exactlump
source, target, engine, whole = sys.argv[1:]
network = exactlump.read(source, max_unpacked=2**31)
start = time.process_time()
if whole == "to file":
    exactlump.reduce_file(source, target, engine=engine, max_unpacked=2**31, overwrite=True)
else:
    exactlump.reduce(network, engine=engine)
seconds = time.process_time() - start
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
print(json.dumps([seconds, peak, network.parameters]))
"""


def measured(source, folder, engine, whole, runs):
    """(median of CPU seconds, MiB, parameters, hash of what was written)."""
    target = Path(folder) / f"{engine}.onnx"
    found = []
    for _ in range(runs):
        arguments = [sys.executable, "-c", PROGRAM, str(source), str(target), engine, whole]
        found.append(json.loads(subprocess.run(arguments, check=True, capture_output=True, text=True).stdout))
    digest = hashlib.sha256()
    if whole == "to file":
        for path in (target, target.with_name(f"{target.name}.cert.json")):
            digest.update(path.read_bytes().replace(target.name.encode(), b""))
    seconds, peaks, (parameters, *_) = zip(*found, strict=True)
    return statistics.median(seconds), max(peaks), parameters, digest.hexdigest()


def row(source, folder, runs):
    """One row of the table; both engines must write the same bytes."""
    seconds, peak, parameters, written = measured(source, folder, "fast", "to file", runs)
    entry = {"network": source.name, "parameters": parameters, "fast_to_file_s": round(seconds, 2), "fast_mib": peak}
    entry["fast_reduce_s"] = round(measured(source, folder, "fast", "reduce", runs)[0], 3)
    if parameters <= EXACT:
        seconds, peak, _, other = measured(source, folder, "exact", "to file", runs)
        entry |= {"exact_to_file_s": round(seconds, 2), "exact_mib": peak, "same_bytes": other == written}
        entry["exact_reduce_s"] = round(measured(source, folder, "exact", "reduce", runs)[0], 3)
        assert entry["same_bytes"], source
    print(entry, file=sys.stderr)
    return entry


def table(rows):
    """The rows in Markdown."""
    lines = [
        "| network | parameters | reduce, exact, s | reduce, fast, s | to file, exact, s | to file, fast, s | MiB |"
    ]
    lines.append("|---" * 7 + "|")
    for r in rows:
        cells = [r["network"], f"{r['parameters']:,}", r.get("exact_reduce_s", ""), r["fast_reduce_s"]]
        cells += [r.get("exact_to_file_s", ""), r["fast_to_file_s"], r["fast_mib"]]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description="CPU seconds of whole reductions, exact and fast")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--largest", type=int, default=2048)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/engines"))
    parser.add_argument("models", nargs="*", type=Path)
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for n in (n for n in SIZES if n <= options.largest):
            path = Path(folder) / f"784-{n}-{n}-10.onnx"
            save(planted((784, n, n, 10)), path)
            rows.append(row(path, folder, options.runs))
        growth = math.log(rows[-1]["fast_to_file_s"] / rows[0]["fast_to_file_s"])
        growth /= math.log(rows[-1]["parameters"] / rows[0]["parameters"])
        rows += [row(path, folder, options.runs) for path in options.models]
    command = " ".join(["python -m benchmarks.engines", *sys.argv[1:]])
    machine = f"{platform.machine()}, Python {platform.python_version()}"
    words = (
        f"`{command}`: {machine}. CPU seconds, medians of {options.runs}; peak memory of the fast engine, to file.\n\n"
    )
    words += table(rows) + f"\n\nTo file, fast: time grows with the number of weights to the power {growth:.2f}.\n"
    options.out.with_suffix(".md").write_text(words, encoding="utf-8")
    content = {"command": command, "machine": machine, "exponent": round(growth, 3), "rows": rows}
    options.out.with_suffix(".json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
