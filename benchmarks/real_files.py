# SPDX-License-Identifier: Apache-2.0
"""This file is about every file of the folders of real networks with images: what becomes of each.

    python -m benchmarks.real_files [--limit 300] [--data ../shared/data] [--document docs/formats.md]

Each file is reduced by the command line in a process of its own, its certificate checked; the table goes between the
marks in the document.
"""

import argparse
import json
import re
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

DATA = Path(__file__).parents[2] / "shared" / "data"
DOCUMENT = Path(__file__).parents[1] / "docs" / "formats.md"
FOLDERS = ("conv", "residual_bn", "other_activations", "quantized", "not_chain")
BEGIN, END = "<!-- files: begin -->\n", "<!-- files: end -->\n"


def files(data):
    """Every model file of the folders; what lies beside them as licences and notes is left out."""
    for folder in FOLDERS:
        found = sorted(p for p in (data / folder).rglob("*") if p.is_file() and p.suffix not in (".txt", ".md"))
        yield from found


def reduced(path, folder, limit):
    """One line of the table: neurons before and after, CPU seconds, or why not."""
    target = folder / ("out.onnx" if ".onnx" in path.name else "out.json")
    command = [sys.executable, "-m", "exactlump", "reduce", path, target, "--json"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    try:
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=limit, check=False)
    except subprocess.TimeoutExpired:
        return "-", "-", "-", f"not done after {limit:g} s"
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = f"{after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime:.1f}"
    if done.returncode:
        words = done.stderr.strip().splitlines()[-1].removeprefix("exactlump: ")
        for name in (path, target):
            words = words.replace(f"{name}: ", "")
        return "-", "-", seconds, f"exit {done.returncode}: {words}"
    found = json.loads(done.stdout)
    neurons = found["neurons"]
    return str(neurons["before"]), str(neurons["after"]), seconds, found["specification"]


def table(data, limit):
    """The rows as Markdown."""
    lines = ["| file | before | after | CPU seconds | specification, or why not |", "|---|---|---|---|---|"]
    with tempfile.TemporaryDirectory() as folder:
        for path in files(data):
            row = reduced(path, Path(folder), limit)
            print(path.relative_to(data), *row, file=sys.stderr)
            lines.append(f"| {path.relative_to(data)} | {' | '.join(word.replace('|', ' ') for word in row)} |")
    return "\n".join(lines) + "\n"


def main():
    """Write the table into the document."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--limit", type=float, default=300, help="seconds for a file")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--document", type=Path, default=DOCUMENT)
    options = parser.parse_args()
    if not options.data.is_dir():
        parser.error(f"{options.data}: found no folder of real networks")
    found = table(options.data, options.limit)
    words = options.document.read_text(encoding="utf-8")
    parts = re.fullmatch(f"(.*{re.escape(BEGIN)}).*({re.escape(END)}.*)", words, re.DOTALL)
    if parts is None:
        parser.error(f"{options.document}: found no marks {BEGIN.strip()} and {END.strip()}")
    options.document.write_text(parts[1] + found + parts[2], encoding="utf-8")


if __name__ == "__main__":
    main()
