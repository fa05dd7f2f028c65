# SPDX-License-Identifier: Apache-2.0
"""This file is about what a written ONNX file keeps of the one that was read, besides the function: its version of
ONNX's operators, and how its weights are quantised.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from exactlump.numbers.rational import Rational

# One step of quantised numbers: scale and zero point.
Step = tuple[Rational, int]


@dataclass(frozen=True, slots=True)
class Steps:
    """How the numbers of a constant are stored: scale * (n - zero), n integers of ONNX's element type `kind`.

    steps  one for the whole tensor, or one for each index of an axis, in order
    zeros  whether zero points are stored even where all are 0: runtimes' fast kernels may want them
    """

    kind: int
    steps: tuple[Step, ...]
    zeros: bool = False


@dataclass(frozen=True, slots=True)
class Origin:
    """What an ONNX file is like.

    opset, version  of the standard operators, and of the file format
    steps           of its quantised constants, by name
    ranks           how many axes its outputs have, where some tensor's batch axis moves; else nothing
    """

    opset: int
    version: int
    steps: Mapping[str, Steps] = field(default_factory=dict)
    ranks: tuple[int, ...] = ()
