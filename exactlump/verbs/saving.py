# SPDX-License-Identifier: Apache-2.0
"""This file is about counterexamples as files: NumPy arrays of floats that are exact, or rationals as JSON."""

import io
import json
import math
import os
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from exactlump.errors import CannotWrite
from exactlump.formats.files import about, write_atomically
from exactlump.numbers.rational import ZERO, Rational, Vector, text
from exactlump.verbs.naming import Input, element


class HasInput(Protocol):
    """A result that has an exact input of two networks and their exact outputs there, or None."""

    @property
    def verdict(self) -> str:
        """The answer."""

    @property
    def input(self) -> Vector | None:
        """The input, flat."""

    @property
    def outputs(self) -> tuple[Vector, Vector] | None:
        """The outputs of a and of b, flat."""

    @property
    def inputs(self) -> tuple[Input, ...]:
        """The inputs of a."""

    @property
    def off(self) -> Rational:
        """How far the outputs may be from the true ones; 0 for exact ones."""


class AtInput:
    """What can be done with such a result."""

    __slots__ = ()

    @property
    def x(self: HasInput) -> Any:
        """The input in float64, nearest to the exact one: an array of the input's shape; flat where there are several.

        None where no input was found.
        """
        if self.input is None:
            return None
        from exactlump.points.floating import nearest

        values = nearest(self.input)
        return values.reshape(self.inputs[0].shape) if len(self.inputs) == 1 else values

    @property
    def ya(self: HasInput) -> Any:
        """The outputs of a there in float64, nearest to the exact ones, flat; None where no input was found."""
        return _floats(self.outputs, 0)

    @property
    def yb(self: HasInput) -> Any:
        """The outputs of b there, as `ya`."""
        return _floats(self.outputs, 1)

    def _repr_svg_(self: HasInput) -> str | None:
        """The input and both outputs as SVG text, for notebooks; None where no input was found."""
        return finding_svg(self)

    def save(self: HasInput, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Write the input to a file, exactly: a NumPy array (.npy), or rationals with the outputs (.json).

        Or, to see it, an image (.png): grey or coloured, from the least number, which is black, to the greatest.

        Raises CannotWrite where no input was found, for other suffixes, and for .npy where a number is no float64.
        """
        with about(os.fspath(path)):
            if self.input is None or self.outputs is None:
                raise CannotWrite(f"found no input to save ({self.verdict}), expected a difference")
            content = counterexample(Path(path), self.input, self.outputs, self.inputs, self.off)
        write_atomically(path, content, overwrite=overwrite)


def finding_svg(found: HasInput) -> str | None:
    """The picture of an input at which two networks differ; None where none was found."""
    if found.input is None or found.outputs is None:
        return None
    from exactlump.drawing.findings import draw_finding

    names = [element(found.inputs, i) for i in range(len(found.input))]
    shape, axes = (found.inputs[0].shape, found.inputs[0].axes) if len(found.inputs) == 1 else ((), ())
    return draw_finding(found.input, names, found.outputs, shape, axes).svg()


def _floats(outputs: tuple[Vector, Vector] | None, side: int) -> Any:
    if outputs is None:
        return None
    from exactlump.points.floating import nearest

    return nearest(outputs[side])


def counterexample(
    path: Path, x: Vector, outputs: tuple[Vector, Vector], inputs: Sequence[Input], off: Rational = ZERO
) -> bytes:
    """The content of a .npy, .json or .png file with an input, and in .json its outputs (and how far they may be off).

    .npy: float32 where every number is one, else float64; of the input's shape, flat where there are several inputs.
    Raises CannotWrite for other suffixes, and where a number is no float64.
    """
    if path.suffix == ".json":
        words = {
            "shapes": {one.name: list(one.shape) for one in inputs},
            "input": [text(value) for value in x],
            "outputs": {side: [text(y) for y in values] for side, values in zip("ab", outputs, strict=True)},
            **({"off": text(off)} if off else {}),
        }
        return (json.dumps(words) + "\n").encode()
    if path.suffix == ".png":
        return _png(x, inputs)
    if path.suffix != ".npy":
        raise CannotWrite(f"found the suffix {path.suffix or 'none'}, expected .npy, .json or .png")
    import numpy as np

    from exactlump.numbers.floats import array, fits

    values = array(x, "float32" if all(fits(value, "float32") for value in x) else "float64")
    content = io.BytesIO()
    np.save(content, values.reshape(inputs[0].shape) if len(inputs) == 1 else values)
    return content.getvalue()


def _png(x: Vector, inputs: Sequence[Input]) -> bytes:
    """An image with 8 bits a number: of a grid, or of 1 or 3 channels.  Raises CannotWrite for other inputs."""
    import numpy as np

    from exactlump.points.floating import nearest

    shape, axes = inputs[0].shape, inputs[0].axes
    values = nearest(x)
    values = (values - values.min()) / max(values.max() - values.min(), 1e-300) * 255
    grid = np.rint(values).astype(np.uint8)
    if len(inputs) == 1 and "channel" in axes and shape[axes.index("channel")] in (1, 3):
        grid = np.moveaxis(grid.reshape(shape), axes.index("channel"), -1)
    elif len(inputs) == 1 and len(shape) >= 2 and math.prod(shape[:-2]) == 1:
        grid = grid.reshape(*shape[-2:], 1)
    else:
        raise CannotWrite(f"found an input of shape {list(shape)}, expected an image")
    rows = b"".join(b"\0" + row.tobytes() for row in grid)
    head = struct.pack(">IIBBBBB", grid.shape[1], grid.shape[0], 8, 2 if grid.shape[2] == 3 else 0, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*part) for part in parts)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
