# SPDX-License-Identifier: Apache-2.0
"""This file is about replaying an input in float32 with onnxruntime, when it is installed: what runtimes say."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from exactlump.errors import ExactlumpError
from exactlump.formats import format_of
from exactlump.formats.files import read_bytes, unpack
from exactlump.network.program import Network
from exactlump.numbers.rational import Rational
from exactlump.points.floating import nearest


class CannotReplay(ExactlumpError):
    """A model that this machine's onnxruntime does not run."""


def replay(path: Path, network: Network, x: Sequence[Rational], max_unpacked: int) -> list[float]:
    """The flat outputs of an ONNX file at the float32 input nearest to x.

    network: what the file holds; its names, in its order, say what is fed with which part of x, and what is read.
    Raises CannotReplay for other formats, without onnxruntime, and for what it refuses to run.
    """
    kind = format_of(path)
    if kind not in ("onnx", "onnx.gz"):
        raise CannotReplay(f"{path}: no ONNX file")
    try:
        import onnxruntime
    except ImportError as error:
        raise CannotReplay("onnxruntime is not installed, expected: pip install 'exactlump[runtime]'") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    source: Any = unpack(read_bytes(path), max_unpacked) if kind == "onnx.gz" else str(path)
    try:
        session = onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
        with np.errstate(over="ignore"):  # what is beyond float32 is infinite there
            feed = _feed(session, network, x)
        outputs = session.run(list(network.outputs), feed)
    except Exception as error:  # onnxruntime raises bare Exception subclasses of many kinds
        raise CannotReplay(f"{path}: onnxruntime: {str(error).splitlines()[0][:200]}") from error
    return [float(y) for output in outputs for y in np.asarray(output, np.float64).ravel()]


def _feed(session: Any, network: Network, x: Sequence[Rational]) -> dict[str, Any]:
    """The flat input cut into the network's inputs, by name, with a batch of one."""
    values, feed, start = nearest(x), {}, 0
    declared = {entry.name: entry for entry in session.get_inputs()}
    for port in network.inputs:
        entry, size = declared[port.name], math.prod(port.shape)
        shape = [n if isinstance(n, int) and n > 0 else 1 for n in entry.shape]
        kind = {"tensor(double)": np.float64, "tensor(float16)": np.float16}.get(entry.type, np.float32)
        feed[port.name] = values[start : start + size].astype(kind).reshape(shape)
        start += size
    return feed
