# SPDX-License-Identifier: Apache-2.0
"""This file is about what never fires on a box: ACAS Xu on the boxes of its properties, reduced, checked, evaluated.

    python -m benchmarks.boxes [--data FOLDER] [--networks N] [--halvings N] [PROPERTY ...]
    python -m benchmarks.boxes [--data FOLDER] --images N --radius R

Prints a table in Markdown: for each property (default: prop_3 and prop_4) the hidden neurons that are left of 300, over
all 45 networks: least, mean, most; or, with images, those that are left of 1,024 of an MNIST network on what is within
R of each of the first N test images.  FOLDER holds the public networks (docs/benchmarks.md).  `check.py` has accepted
every file, and every file is compared with its original at 20 rational points of the domain's first box, exactly, and
at one outside.
"""

import argparse
import gzip
import random
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import exactlump


@dataclass(frozen=True, slots=True)
class Measured:
    """Of one network on one box: hidden neurons and weights left, seconds to reduce and to check."""

    neurons: int
    nonzeros: int
    seconds: float
    checking: float
    equal: bool
    differs: bool


def points_of(box: Any, count: int) -> list[list[Any]]:
    """Rational points of a box, two corners and the middle among them."""
    rng, found = random.Random(0), []
    for i in range(count):
        shares = [exactlump.rational(i, 2) if i < 3 else exactlump.rational(rng.randint(0, 64), 64) for _ in box.lower]
        ends = zip(box.lower, box.upper, shares, strict=True)
        found.append([low + (high - low) * share for low, high, share in ends])
    return found


def measured(path: Path, folder: Path, **domain: Any) -> Measured:
    """One network on one domain, as `reduce_file` takes it."""
    target = folder / path.name
    start = time.perf_counter()
    done = exactlump.reduce_file(path, target, overwrite=True, **domain)
    middle = time.perf_counter()
    found = exactlump.check_files(path, target, done.certificate)
    end = time.perf_counter()
    assert found.verdict == "equivalent", found
    assert done.domain is not None
    original, reduced = exactlump.read(path), exactlump.read(target)
    equal = all(original.evaluate(x) == reduced.evaluate(x) for x in points_of(done.domain.boxes[0], 20))
    away = [[exactlump.rational(n, 4)] * done.domain.inputs for n in (-4, -1, 1, 2, 8)]
    differs = any(original.evaluate(x) != reduced.evaluate(x) for x in away)
    return Measured(reduced.neurons, reduced.nonzeros, middle - start, end - middle, equal, differs)


def around_images(file: Path, count: int, radius: Any) -> list[tuple[list[Any], list[Any]]]:
    """The boxes around the first images of an IDX file, whose pixels are divided by 255."""
    pixels = gzip.decompress(file.read_bytes())[16:]
    found = []
    for i in range(count):
        image = [exactlump.rational(pixel, 255) for pixel in pixels[784 * i : 784 * (i + 1)]]
        found.append(
            (
                [max(x - radius, exactlump.rational(0)) for x in image],
                [min(x + radius, exactlump.rational(1)) for x in image],
            )
        )
    return found


def row(name: str, found: list[Measured]) -> str:
    """One row of the table."""
    neurons = [one.neurons for one in found]
    words = [
        name,
        len(found),
        f"{min(neurons)} / {statistics.mean(neurons):.1f} / {max(neurons)}",
        f"{statistics.mean(one.nonzeros for one in found):.0f}",
        f"{statistics.mean(one.seconds for one in found):.1f}",
        f"{statistics.mean(one.checking for one in found):.1f}",
        f"{len(found)} of {len(found)}",  # `reduce_file` and `measured` raise otherwise
        f"{sum(one.equal for one in found)} of {len(found)}",
        f"{sum(one.differs for one in found)} of {len(found)}",
    ]
    return f"| {' | '.join(map(str, words))} |"


def main() -> None:
    """The table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), metavar="FOLDER")
    parser.add_argument("--networks", type=int, default=45, metavar="N")
    parser.add_argument("--halvings", type=int, default=0, metavar="N")
    parser.add_argument("--images", type=int, default=0, metavar="N")
    parser.add_argument("--radius", type=exactlump.rational, default=exactlump.rational(1, 50), metavar="R")
    parser.add_argument("properties", nargs="*", default=["prop_3", "prop_4"])
    given = parser.parse_args()
    print(
        "| domain | networks | neurons left: least / mean / most | weights, mean | s, reduce and check | "
        "s, check | accepted | equal at 20 points | another function elsewhere |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as place:
        if given.images:
            network = given.data / "mnist_fc" / "mnist-net_256x4.onnx"
            images = given.data / "mnist_images" / "t10k-images-idx3-ubyte.gz"
            for i, box in enumerate(around_images(images, given.images, given.radius)):
                print(row(f"image {i} +- {given.radius}", [measured(network, Path(place), box=box)]), flush=True)
            return
        for name in given.properties:
            property_ = given.data / "acasxu" / "vnnlib" / f"{name}.vnnlib"
            networks = sorted((given.data / "acasxu" / "onnx").glob("*.onnx"))[: given.networks]
            domain: dict[str, Any] = {"vnnlib": property_, "halvings": given.halvings}
            print(row(name, [measured(path, Path(place), **domain) for path in networks]), flush=True)


if __name__ == "__main__":
    main()
