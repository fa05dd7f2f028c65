# SPDX-License-Identifier: Apache-2.0
"""This file is about counterexamples as files: NumPy arrays of floats that are exact, or rationals as JSON."""

import io
import json
from collections.abc import Sequence
from pathlib import Path

from exactlump.errors import CannotWrite
from exactlump.numbers.rational import Vector, text
from exactlump.verbs.naming import Input


def counterexample(path: Path, x: Vector, outputs: tuple[Vector, Vector], inputs: Sequence[Input]) -> bytes:
    """The content of a .npy or .json file with an input, and in .json its outputs.

    .npy: float32 where every number is one, else float64; of the input's shape, flat where there are several inputs.
    Raises CannotWrite for other suffixes, and where a number is no float64.
    """
    if path.suffix == ".json":
        words = {
            "shapes": {one.name: list(one.shape) for one in inputs},
            "input": [text(value) for value in x],
            "outputs": {side: [text(y) for y in values] for side, values in zip("ab", outputs, strict=True)},
        }
        return (json.dumps(words) + "\n").encode()
    if path.suffix != ".npy":
        raise CannotWrite(f"found the suffix {path.suffix or 'none'}, expected .npy or .json")
    import numpy as np

    from exactlump.numbers.floats import array, fits

    values = array(x, "float32" if all(fits(value, "float32") for value in x) else "float64")
    content = io.BytesIO()
    np.save(content, values.reshape(inputs[0].shape) if len(inputs) == 1 else values)
    return content.getvalue()
