# SPDX-License-Identifier: Apache-2.0
"""This file is about writing whatever holds a network to a file, and over no other one unasked."""

import os
from typing import Any

from exactlump import formats


def write(
    model: Any,
    path: str | os.PathLike[str],
    *,
    shape: Any = None,
    dtype: str | None = None,
    like: str | os.PathLike[str] | None = None,
    raw_nnet: bool = False,
    max_inline: int | None = None,
    overwrite: bool = False,
) -> tuple[str, ...]:
    """Write a network, exactly or not at all, in the format that the suffix names; returns what there is to say.

    model       whatever `read` takes; shape: of one input of a module
    dtype       the float type of an ONNX file; default: the network's own
    like        a .nnet file whose comments and input bounds a new .nnet file repeats
    raw_nnet    the network leaves out that file's normalisation, so its header is repeated too
    max_inline  an ONNX file with more bytes of weights keeps them beside it, in the file `<path>.data`, of which only
                parts need be in memory; default: 128 MiB, or 1.8 GB in a .onnx.gz file
    overwrite   whether a file with other content may be replaced
    Raises CannotWrite when the format cannot hold it or the place is closed or taken, and as `read` does.
    """
    network = formats.read(model, shape=shape)
    return formats.write(
        network, path, dtype=dtype, like=like, raw_nnet=raw_nnet, max_inline=max_inline, overwrite=overwrite
    )
