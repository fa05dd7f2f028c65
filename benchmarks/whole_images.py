# SPDX-License-Identifier: Apache-2.0
"""This file is about what the proved checker needs for convolutions that it judges image by image.

python -m benchmarks.whole_images [--out benchmarks/results/whole_images.md]
"""

import argparse
import os
import platform
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.verified import convolutions
from exactlump import reduce_file
from exactlump.extraction.images import images
from exactlump.extraction.programs import products
from exactlump.extraction.reading import Reading
from exactlump.extraction.verified import find_checker

# Sides of an image, and channels of its convolutions.
SIZES: Sequence[tuple[int, tuple[int, ...]]] = (
    (32, (16, 32)),
    (64, (4, 8)),
    (64, (32, 64)),
    (112, (32, 64, 64)),
)


def measured(path: Path) -> tuple[float, float, str]:
    """CPU seconds of the proved checker on a text, megabytes (no less than this program has), and what it answered."""
    reader, writer = os.pipe()
    if not (child := os.fork()):
        os.dup2(writer, 1)
        os.execv(find_checker(), [str(find_checker()), str(path)])
    os.close(writer)
    with os.fdopen(reader) as said:
        answer = said.read().partition(":")[0]
    _, _, used = os.wait4(child, 0)
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, answer


def rows(folder: Path) -> Iterator[str]:
    """A row for each network."""
    for side, channels in SIZES:
        original = folder / f"{side}.onnx"
        original.write_bytes(convolutions(side, channels).SerializeToString())
        done = reduce_file(original, folder / f"{side}_small.onnx", overwrite=True, rules="lumping")
        reading = Reading([str(original), str(done.reduced), str(done.certificate)])
        reading.read()
        start = time.process_time()
        text = "\n".join([*images(reading), ""])
        seconds = time.process_time() - start
        place = folder / "text.txt"
        place.write_text(text)
        cpu, megabytes, answer = measured(place)
        total = sum(map(products, reading.networks))
        words = [f"{side} by {side}", "-".join(map(str, channels)), f"{total:,}", f"{len(text) / 1e6:.1f}"]
        yield f"| {' | '.join([*words, f'{seconds:.1f}', f'{cpu:.1f}', f'{megabytes:.0f}', answer])} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        table = [*rows(Path(folder))]
    lines = [
        "# Convolutions, image by image",
        "",
        f"`python -m benchmarks.whole_images` on {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}; CPU seconds, one run.",
        "",
        "image: 3 channels of that size; channels: of 3 by 3 convolutions, every second one twice the one before.",
        "products: of both networks, padding included, if they were written out element by element.",
        "",
        "| image | channels | products | text, MB | export, s | proved checker, s | its memory, MB at most | answer |",
        "|---|---|---|---|---|---|---|---|",
        *table,
        "",
    ]
    print("\n".join(lines))
    if options.out:
        options.out.write_text("\n".join(lines))


if __name__ == "__main__":
    main()
