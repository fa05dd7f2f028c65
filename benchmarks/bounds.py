# SPDX-License-Identifier: Apache-2.0
"""This file is about bounds of public pairs: what is certified, what is found, in how many seconds.

    python -m benchmarks.bounds [SECTION ...] [--data ../shared/data] [--first N] [--most N] [--only WORDS]
                                [--epsilon 1/20] [--timeout 60] [--keep FILE]

Sections: acas (nine networks and their 16-bit versions, on properties, at 1/20), mnist (3 x 100 and its 16-bit version,
on the whole cube, near an image, and the decisions at 2,000 test images), int8 (256 x 4, each matrix rounded to 8 bits,
near an image), split (a network split by a public generator, on the whole cube), isomorphic (pairs of a public
competition, at 1/20); by default all.
With --first and --most, so many runs of each section from there on; with --only, those whose pair and inputs have one
of these words; --epsilon is for acas.  What is in the file of --keep is not run again.  A run that needs a tree of more
boxes than the checker bounds in the time ends as `unknown`: the time includes the checker.  CPU is seconds of the
processor, reading and checking included; check CPU those of the checker when it is asked once more.
"""

import argparse
import gzip
import itertools
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

import exactlump
from benchmarks.kept import Kept
from exactlump import Dense, Matrix, rational

DATA = Path(__file__).parents[2] / "shared" / "data"
PROPERTIES = (3, 4, 2, 5, 9, 10)
HEAD = (
    "pair",
    "inputs",
    "asked",
    "verdict",
    "at most",
    "found",
    "boxes",
    "leaves",
    "bytes",
    "seconds",
    "CPU",
    "check CPU",
)


def acas(data):
    """Nine pairs, on properties; both as the networks are after normalisation."""
    for n, k in itertools.product(PROPERTIES, range(1, 10)):
        name = f"ACASXU_run2a_1_{k}_batch_2000"
        pair = data / f"acasxu/nnet/{name}.nnet", data / f"pairs/acasxu_16bit/{name}_16bit.nnet"
        place = data / f"acasxu/vnnlib/prop_{n}.vnnlib"
        yield f"1_{k}", f"property {n}", pair, {"vnnlib": place, "epsilon": "1/20", "raw_nnet": True}


def mnist(data):
    """The largest difference, and margins with the share of 2,000 images."""
    pair = tuple(data / f"pairs/mnist_relu_3_100/mnist_relu_3_100{end}.nnet" for end in ("", "_16bit"))
    yield "3 x 100, 16 bits", "[0, 1]^784", pair, {"box": (0, 1), "raw_nnet": True}
    images = images_of(data)[:2000]
    around = {"around": images[:1], "radius": "1/20", "clip": (0, 1)}
    yield "3 x 100, 16 bits", "1/20 around the first image", pair, {**around, "raw_nnet": True}
    more = {"argmax": True, "inputs": images}
    yield "3 x 100, 16 bits", "[0, 1]^784", pair, {"box": (0, 1), "raw_nnet": True, **more}


def images_of(data):
    """The test images, each a row of numbers of float32 from 0 to 1."""
    content = gzip.decompress((data / "mnist_images/t10k-images-idx3-ubyte.gz").read_bytes())
    return np.frombuffer(content, np.uint8, offset=16).reshape(-1, 784).astype(np.float32) / np.float32(255)


def int8(data):
    """Every weight is a multiple of max |w| / 127 of its matrix, in float32."""
    with tempfile.TemporaryDirectory() as folder:
        source = data / "mnist_fc/mnist-net_256x4.onnx"
        network = exactlump.read(source)
        nodes = [
            replace(node, weight=rounded(node.weight)) if isinstance(node, Dense) else node for node in network.nodes
        ]
        exactlump.write(replace(network, nodes=tuple(nodes)), Path(folder) / "int8.onnx")
        around = {"around": images_of(data)[:1], "radius": "1/50", "clip": (0, 1)}
        yield "256 x 4, 8 bits", "1/50 around the first image", (source, Path(folder) / "int8.onnx"), around


def rounded(matrix):
    """A matrix with each entry rounded to one of 255 numbers."""
    rows = [matrix.row(v) for v in range(matrix.shape[0])]
    scale = np.float32(max(abs(float(w)) for row in rows for w in row.values()) / 127)
    there = [
        {u: rational(float(np.float32(np.rint(float(w) / scale) * scale))) for u, w in row.items()} for row in rows
    ]
    return Matrix.from_rows([{u: w for u, w in row.items() if w} for row in there], matrix.shape[1])


def split(data):
    """Every neuron of the first layer split in two; equal but for roundings."""
    pair = data / "mnist_fc/mnist-net_256x2.onnx", data / "relusplit/m2_L0_default.onnx.gz"
    yield "256 x 2, split", "[0, 1]^784", pair, {"box": (0, 1)}


def isomorphic(data):
    """Queries of the set, on the box that all of them have."""
    place = data / "vnn/isomorphic_seed850851855/instances.tsv"
    for line in place.read_text(encoding="utf-8").splitlines()[1:]:
        number, _, _, one, other, *_ = line.split("\t")
        pair = data / "vnn" / one, place.parent / other
        yield f"query {number}", "property 1", pair, {"vnnlib": data / "vnn/prop_1_box.vnnlib", "epsilon": "1/20"}


SECTIONS = {"acas": acas, "mnist": mnist, "int8": int8, "split": split, "isomorphic": isomorphic}


def measured(pair, options, timeout):
    """What is found, the CPU time of that, and that which the checker needs when it is asked once more."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "certificate.json"
        start = time.process_time()
        found = exactlump.bound(*pair, **options, seconds=timeout, certificate=place)
        used, size = time.process_time() - start, place.stat().st_size if place.exists() else None
        start, checked = time.process_time(), None
        if found.verdict != "unknown" and size is not None:
            one, other = pair[::-1] if found.swapped else pair
            assert exactlump.check_files(one, other, place).verdict == found.verdict or found.verdict == "different"
            checked = time.process_time() - start
    return found, size, used, checked


def asked(options):
    """What is asked, in words."""
    return options.get("epsilon") or ("decisions" if options.get("argmax") else "the least")


def row(name, where, options, found, size, used, checked):
    """A row of the table."""
    sizes = [f"{float(x):.4g}" if x is not None else "" for x in (found.most, found.least)]
    said = found.verdict
    if found.alike is not None:
        said += f", {len(found.alike.certified)} of {found.alike.count} decisions"
    cells = (name, where, asked(options), said, *sizes, found.boxes, found.leaves, size or "")
    return (*map(str, cells), f"{found.seconds:.1f}", f"{used:.1f}", f"{checked:.1f}" if checked is not None else "")


def main():
    """The sections that are named."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sections", nargs="*", choices=[*SECTIONS, []], metavar="SECTION")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--most", type=int)
    parser.add_argument("--timeout", type=float, default=60.0)
    parser.add_argument("--only", action="append", metavar="WORDS")
    parser.add_argument("--epsilon", default="1/20")
    parser.add_argument("--keep", type=Path, metavar="FILE")
    options = parser.parse_args()
    kept = Kept(options.keep)
    for line in (HEAD, ("---",) * len(HEAD)):
        print(f"| {' | '.join(line)} |")
    for section in options.sections or SECTIONS:
        last = None if options.most is None else options.first + options.most
        for name, where, pair, how in itertools.islice(SECTIONS[section](options.data), options.first, last):
            if not any(words in f"{name}, {where}" for words in options.only or [""]):
                continue
            if section == "acas":
                how["epsilon"] = options.epsilon
            key = f"{name}, {where}, {asked(how)}"
            line = kept.row(key, lambda p=pair, h=how, n=name, w=where: row(n, w, h, *measured(p, h, options.timeout)))
            print(f"| {' | '.join(line)} |", flush=True)


if __name__ == "__main__":
    main()
