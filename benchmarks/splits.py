# SPDX-License-Identifier: Apache-2.0
"""This file is about networks whose neurons a public generator has split: equal, and how near, to the originals.

    python -m benchmarks.splits [--data ../shared/data] [--only WORDS] [--timeout 60] [--keep FILE]

First whether both are equal on all inputs (`compare` without a domain: `equivalent` with a certificate, or `different`
at an exact input); of those that are not, whether no output differs by more than 1/10000 on the inputs of the network:
`bound`, of which `within` stands only where the checker has accepted a certificate.  CPU is seconds of the processor.
"""

import argparse
import time
from pathlib import Path

import exactlump
from benchmarks.kept import Kept

DATA = Path(__file__).parents[2] / "shared" / "data"
ACAS = ((-0.3285, -0.5, -0.5, -0.5, -0.5), (0.68, 0.5, 0.5, 0.5, 0.5))
# By the beginning of a name: the original, and its inputs.
ORIGINALS = {
    "a11": ("relusplit/acas_1_1.onnx", ACAS),
    "a27": ("relusplit/acas_2_7.onnx", ACAS),
    "m2": ("mnist_fc/mnist-net_256x2.onnx", (0, 1)),
    "toy_alpha": ("relusplit/toy_alpha.onnx", (-1, 1)),
    "toy_dil": ("relusplit/toy_dil.onnx", (-1, 1)),
    "x": ("conv/Convnet_maxpool.onnx", (0, 1)),
    "c": ("conv/cifar_base_kw.onnx.gz", (0, 1)),
}
HEAD = ("network", "equal?", "by", "at an input, by", "s", "within 1/10000?", "at most", "boxes", "s", "CPU, both")


def pairs(data):
    """Name, original, split network, inputs; the images last."""
    folder = data / "relusplit"
    for start, (original, box) in ORIGINALS.items():
        for path in sorted(folder.glob(f"{start}_*")):
            name = path.name.removesuffix(".gz").removesuffix(".onnx")
            if path != data / original and (not name.startswith("toy") or name.endswith("split")):
                yield name, data / original, path, box


def row(name, original, split, box, timeout):
    """A line of the table."""
    begun, start = time.process_time(), time.monotonic()
    found = exactlump.compare(original, split, seconds=timeout)
    gap = f"{float(found.gap):.3g}" if found.gap is not None else ""
    cells = [name, found.verdict, found.method, gap, f"{time.monotonic() - start:.1f}"]
    start, near = time.monotonic(), ["", "", ""]
    if found.verdict != "equivalent":
        bound = exactlump.bound(original, split, box, epsilon="1/10000", seconds=timeout)
        most = f"{float(bound.most):.3g}" if bound.most is not None else ""
        near = [bound.verdict, most, str(bound.boxes)]
    return [*cells, *near, f"{time.monotonic() - start:.1f}", f"{time.process_time() - begun:.1f}"]


def main():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--only", action="append", metavar="WORDS", help="networks whose names begin so")
    parser.add_argument("--timeout", type=float, default=60.0)
    parser.add_argument("--keep", type=Path, metavar="FILE")
    options = parser.parse_args()
    kept = Kept(options.keep)
    for line in (HEAD, ("---",) * len(HEAD)):
        print(f"| {' | '.join(line)} |")
    for name, *pair in pairs(options.data):
        if name.startswith(tuple(options.only or [""])):
            line = kept.row(name, lambda n=name, p=pair: row(n, *p, options.timeout))
            print(f"| {' | '.join(line)} |", flush=True)


if __name__ == "__main__":
    main()
