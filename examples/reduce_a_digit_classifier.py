# SPDX-License-Identifier: Apache-2.0
"""This file is about one job from end to end: a digit classifier in, a smaller file with the same function out.

    python -m examples.reduce_a_digit_classifier [FOLDER]

The network is bundled with exactlump: 64 pixels, 256 and 128 ReLU neurons, 10 scores, trained with an L1 penalty.
"""

import random
import sys
import tempfile
from importlib.resources import as_file, files
from pathlib import Path

import exactlump


def main(folder: Path) -> None:
    """Reduce, print what happened to each layer, and compare both files at exact random inputs."""
    with as_file(files("exactlump") / "networks" / "digits_l1.onnx") as source:
        done = exactlump.reduce_file(source, folder / "digits.onnx")
        before = exactlump.read(source)
    after = exactlump.read(done.reduced)

    print(
        f"{before.neurons} -> {after.neurons} hidden neurons, {before.nonzeros} -> {after.nonzeros} weights and biases"
    )
    for layer in done.reduction.layers:
        print(f"{layer.name}: {layer.before} -> {layer.after}; {layer.why_not_more}")

    rng = random.Random(0)
    for _ in range(20):
        image = [exactlump.rational(rng.randrange(17)) for _ in range(64)]
        assert before.evaluate(image) == after.evaluate(image)
    print("equal, digit for digit, at 20 random images; the certificate says: at every input")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as temporary:
            main(Path(temporary))
