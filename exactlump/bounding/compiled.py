# SPDX-License-Identifier: Apache-2.0
"""This file is about searching a tree of boxes in compiled loops, where the extra `fast` is installed.

The recipe: bounds of every unit of both networks and of their differences, each by intervals and by functionals that go
down to the inputs, met with those of the box around; slopes of the last functionals are improved by some steps of
gradient ascent; a box that is not bounded well enough is halved along the input that most of the slack depends on.
All of it proposes only: the exact pass and the checker decide.

Throughout: K hidden layers, H the widest, layers k, slots i; `st` is 0 for a unit that may bend, 1 for active in both
networks, 2 for inactive in both; a row is ca, cb, cd on A, B and A - B.  The loops stand in compiled_*.py: they are
plain Python until `search` compiles them.
"""

from functools import cache
from typing import Any

import numpy as np

from exactlump.bounding import compiled_bounds, compiled_planes, compiled_rows, compiled_slopes, compiled_walk
from exactlump.bounding.chain import Chain
from exactlump.fast.compiled import compiled

_MODULES = (compiled_rows, compiled_planes, compiled_bounds, compiled_slopes, compiled_walk)


@cache
def search() -> Any:
    """The compiled `walk`.  The loops call each other by name: each name is given its compiled loop, callees first."""
    for module in _MODULES:
        for name in module.LOOPS:
            loop = compiled(getattr(module, name), fast=True)
            for user in _MODULES:
                if hasattr(user, name):
                    setattr(user, name, loop)
    return compiled_walk.walk


def padded(chain: Chain) -> tuple[Any, ...]:
    """The arrays of a chain as the loops read them: of one width, with zeros."""
    count, width, inputs = len(chain.widths), wide(chain), chain.inputs
    first = np.zeros((3, width, inputs))
    inner = np.zeros((3, count + 1, width, width))
    bias = np.zeros((3, count + 1, width))
    last = np.zeros((3, chain.outputs, max(width, inputs)))
    last_bias = np.zeros((3, chain.outputs))
    sides = ((chain.ours, chain.our_bias), (chain.theirs, chain.their_bias), (chain.gaps, chain.gap_bias))
    for side, (weights, biases) in enumerate(sides):
        for k, (weight, b) in enumerate(zip(weights[:-1], biases[:-1], strict=True)):
            (first[side] if k == 0 else inner[side, k])[: weight.shape[0], : weight.shape[1]] = weight
            bias[side, k, : len(b)] = b
        last[side, :, : weights[-1].shape[1]] = weights[-1]
        last_bias[side] = biases[-1]
    return first, inner, bias, last, last_bias, np.array(chain.widths, np.int64)


# The loops.  They are plain Python until `search` compiles them.


def desk(chain: Chain) -> tuple[Any, ...]:
    """Where the loops keep what they work on: lines and planes, A's lines, which units are alike, slack, shares of
    inputs, two places for functionals, corners and how many, the lines that are kept, moments, and the first lines."""
    layers, width, inputs = len(chain.widths), wide(chain), chain.inputs
    most = max(width, inputs)
    return (
        np.zeros((layers, width, 9)),
        np.zeros((layers, width, 3)),
        np.zeros((layers, width), np.int64),
        np.zeros((layers, width, 4)),
        np.zeros((layers, width, inputs)),
        np.zeros((2, most)),
        np.zeros((2, layers + 1, most)),
        np.zeros((layers, width, 24, 3)),
        np.zeros((layers, width), np.int64),
        np.zeros((layers, width, 9)),
        np.zeros((layers, width, 10)),
        np.zeros((layers, width, 9)),
    )


def wide(chain: Chain) -> int:
    """The widest layer, up to a multiple of 8."""
    return -(-max(chain.widths, default=1) // 8) * 8
