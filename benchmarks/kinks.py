# SPDX-License-Identifier: Apache-2.0
"""This file is about what kinks remove: hidden neurons before, by lumping alone, and with kinks; checked, evaluated.

    python -m benchmarks.kinks [--data FOLDER] [NAME ...]

Prints a table in Markdown.  Without names: every network of the table below that is there.  FOLDER holds the public
networks (docs/benchmarks.md).  Each reduced file is compared with its original at 20 rational inputs, exactly.
"""

import argparse
import random
import tempfile
import time
from pathlib import Path

import exactlump

LATTICES = ("0_0", "0_1", "0_2", "1_0", "1_1", "1_2", "2_0", "2_1", "3_0", "7_0")
NETWORKS = {
    "tll_small": "exactlump/networks/tll_small.onnx",
    **{f"tll_{n}": f"lumpable/tll/tllBench_n=2_N=M={8 + 8 * int(n[0])}_m=1_instance_{n}.onnx.gz" for n in LATTICES},
    **{name: f"relusplit/{name}.onnx.gz" for name in ("a11_all_exact", "a11_L0_default", "a11_L3_default")},
    **{name: f"relusplit/{name}.onnx.gz" for name in ("a27_L6_default", "a27_L0_scale_half", "a27_all_default")},
    **{name: f"relusplit/{name}.onnx.gz" for name in ("a11_L0_random",)},
    "toy_alpha_split": "relusplit/toy_alpha_split.onnx",
    **{name: f"relusplit/{name}.onnx.gz" for name in ("m2_L0_exact", "m2_L0_default", "m2_L2_default")},
    **{name: f"relusplit/{name}.onnx.gz" for name in ("m2_L1_midpoint", "m2_L1_scale3")},
    "coav": "coav/reluBenchmark0.0318529605865s_UNSAT.nnet",
    "acas_1_1": "relusplit/acas_1_1.onnx",
}


def equal_at(one: exactlump.Network, other: exactlump.Network, points: int) -> bool:
    """Whether two networks have the same exact outputs at some rational inputs."""
    rng = random.Random(0)
    sizes = [one.units(name) for name in one.ports]
    inputs = [[[exactlump.rational(rng.randint(-64, 64), 32) for _ in range(n)] for n in sizes] for _ in range(points)]
    return all(one.evaluate(*x) == other.evaluate(*x) for x in inputs)


def row(name: str, path: Path, folder: Path) -> str:
    """One row of the table."""
    network = exactlump.read(path)
    start = time.perf_counter()
    alone = exactlump.reduce(path, rules="lumping")
    middle = time.perf_counter()
    suffix = ".nnet" if path.suffix == ".nnet" else ".onnx"
    both = exactlump.reduce_file(path, folder / f"{name}{suffix}", overwrite=True)  # which check.py has accepted
    end = time.perf_counter()
    suffix = ".json" if suffix == ".nnet" else suffix  # .nnet has no place for skips
    skips = exactlump.reduce_file(path, folder / f"{name} skips{suffix}", overwrite=True, skips=True)
    same = all(equal_at(network, exactlump.read(made.reduced), 20) for made in (both, skips))
    counts = network.neurons, alone.reduced.neurons, both.reduction.reduced.neurons, skips.reduction.reduced.neurons
    words = [name, *counts, both.reduction.reduced.nonzeros, skips.reduction.reduced.nonzeros]
    words += [f"{middle - start:.1f}", f"{end - middle:.1f}", "yes" if same else "NO"]
    return f"| {' | '.join(map(str, words))} |"


def main() -> None:
    """The table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), metavar="FOLDER")
    parser.add_argument("names", nargs="*")
    given = parser.parse_args()
    print(
        "| network | neurons | lumping | kinks | and skips | weights, kinks | and skips "
        "| s, lumping | s, kinks, checked | equal at 20 |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for name in given.names or NETWORKS:
            path = Path(NETWORKS[name])
            path = path if path.exists() else given.data / path
            print(row(name, path, Path(folder)) if path.exists() else f"| {name} | not there |", flush=True)


if __name__ == "__main__":
    main()
