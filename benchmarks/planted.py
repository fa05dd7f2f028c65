# SPDX-License-Identifier: Apache-2.0
"""This file is about planted redundancy: real networks with every hidden layer widened, and reduced again.

    python -m benchmarks.planted [--data ../shared/data] [--seed 0] [--only PATTERN] [--out benchmarks/results/planted]

Split, duplicate, dead, constant and unobservable units are put in, and all units permuted (tests/widening.py); the
widened file is reduced, its certificate checked, and original, widened and reduced network compared at ten rational
points.  A file that `read` refuses, or cannot be widened, is listed with the reason.
"""

import argparse
import json
import platform
import tempfile
from dataclasses import asdict
from fnmatch import fnmatch
from pathlib import Path

from exactlump import ExactlumpError
from tests.planted import Planted, plant

DATA = Path(__file__).parents[2] / "shared" / "data"
RESULTS = Path(__file__).parent / "results" / "planted"
# Pattern, and every how many of its files are taken.
FILES = (
    ("conv/*", 1),
    ("residual_bn/[!c]*", 1),
    ("other_activations/*", 1),
    ("acasxu/onnx/*", 9),
    ("acasxu/nnet/*", 9),
    ("mnist_fc/*", 1),
    ("coav/*", 1),
    ("lumpable/*", 1),
    ("lumpable/tll/*N=M=8_*", 1),
    ("lumpable/tll/*N=M=16_*", 1),
    ("lumpable/twin/*", 5),
    ("pairs/*/*", 4),
    ("wide_range/*", 1),
    ("not_chain/*", 1),
    ("quantized/*", 1),
    ("quantized/*/*", 1),
    ("residual_bn/c*", 1),
)
COLUMNS = ("network", "original", "widened", "reduced", "original reduced", "exact quotient", "CPU seconds")


def files(data: Path, only: str) -> list[Path]:
    """The model files of the sweep."""
    found = []
    for pattern, step in FILES:
        models = sorted(p for p in data.glob(pattern) if p.name.endswith((".onnx", ".onnx.gz", ".nnet")))
        found += models[::step]
    return [path for path in found if fnmatch(str(path.relative_to(data)), only)]


def measured(path: Path, data: Path, seed: int) -> Planted | dict[str, str]:
    """A row of the table, or the network's name and why there is none."""
    name = str(path.relative_to(data))
    with tempfile.TemporaryDirectory() as folder:
        try:
            return plant(path, Path(folder), seed, name)
        except ExactlumpError as error:
            reason = str(error).replace(f"{path}: ", "").replace(f"{folder}/", "")
            return {"network": name, "reason": f"{type(error).__name__}: {reason}"}


def table(rows: list[Planted], refused: list[dict[str, str]]) -> str:
    """The results as Markdown."""
    back = sum(row.reduced <= min(row.original, row.alone) for row in rows)
    lines = [
        "# Planted redundancy on real networks",
        "",
        f"{back} of {len(rows)} widened networks reduce to the widths of the original's own reduction or below; every",
        "certificate was accepted, and all values were equal at ten rational points. Hidden neurons, a channel is one;",
        "seconds of reducing and checking the widened file, in one process, on two shared cores.",
        "",
        f"| {' | '.join(COLUMNS)} |",
        "|---|---|---|---|---|---|---|",
    ]
    for r in rows:
        cells = (r.network, r.original, r.widened, r.reduced, r.alone, r.quotient, f"{r.seconds:.1f}")
        lines.append(f"| {' | '.join(map(str, cells))} |")
    if refused:
        lines += ["", "Left out:", "", *(f"- {row['network']}: {row['reason']}" for row in refused)]
    return "\n".join(lines) + "\n"


def save(out: Path, rows: list[Planted], refused: list[dict[str, str]]) -> None:
    """Write what there is so far, as JSON and as Markdown."""
    found = {"python": platform.python_version(), "rows": [asdict(row) for row in rows], "left out": refused}
    out.with_suffix(".json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    out.with_suffix(".md").write_text(table(rows, refused), encoding="utf-8")


def main() -> None:
    """Measure one file after another."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="*", help="names of files, with wildcards")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    if not options.data.is_dir():
        parser.error(f"{options.data}: found no folder of real networks")
    rows: list[Planted] = []
    refused: list[dict[str, str]] = []
    for path in files(options.data, options.only):
        row = measured(path, options.data, options.seed)
        print(row, flush=True)
        if isinstance(row, Planted):
            rows.append(row)
        else:
            refused.append(row)
        save(options.out, rows, refused)


if __name__ == "__main__":
    main()
