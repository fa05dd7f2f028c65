# SPDX-License-Identifier: Apache-2.0
"""This file is about pairs of chains of ReLU layers, aligned: the arrays that searches in floats run on.

A *slot* holds an element of N and what it is compared with, or one of them alone: then the other is 0.  The element of
N' in a slot is the one that the element of N is compared with, its ratio included.  So both networks have one shape:

    A_k = relu(WA_k A_{k-1} + bA_k)    B_k = relu(WB_k B_{k-1} + bB_k)    outputs: OA A_K + oA, OB B_K + oB

Floats propose only: nothing here is ever trusted.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from exactlump.bounding.program import OUTPUTS, Layer, Program, Stage
from exactlump.network.activations import RELU
from exactlump.numbers.rational import ONE, Rational
from exactlump.points.floating import number

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Chain:
    """Weights and biases of both networks, layer by layer, and of the combinations of outputs (the last entries)."""

    ours: tuple[Floats, ...]
    theirs: tuple[Floats, ...]
    gaps: tuple[Floats, ...]
    our_bias: tuple[Floats, ...]
    their_bias: tuple[Floats, ...]
    gap_bias: tuple[Floats, ...]

    @property
    def widths(self) -> tuple[int, ...]:
        """The slots of each hidden layer."""
        return tuple(len(b) for b in self.our_bias[:-1])

    @property
    def inputs(self) -> int:
        """How many inputs there are."""
        return int(self.ours[0].shape[1])

    @property
    def outputs(self) -> int:
        """How many combinations of outputs there are."""
        return len(self.our_bias[-1])


def chain_of(program: Program) -> Chain | None:
    """The aligned chain that a program is; None where it is another kind of program."""
    found: list[tuple[Floats, Floats, Floats, Floats]] = []
    before: Stage | None = None
    for stage in program.stages:
        if not _fits(program, stage, before):
            return None
        found.append(_layer(program, stage, before))
        before = stage
    if not _reads(program, OUTPUTS, OUTPUTS, before):
        return None
    width = program.inputs if before is None else len(before.pairs)
    rows = [_rows(program.layers[family, OUTPUTS], _columns(program, before, family), width) for family in "ab"]
    found.append((rows[0][0], rows[1][0], rows[0][1], rows[1][1]))
    ours, theirs, our_bias, their_bias = zip(*found, strict=True)
    gaps = tuple(a - b for a, b in zip(ours, theirs, strict=True))
    gap_bias = tuple(a - b for a, b in zip(our_bias, their_bias, strict=True))
    return Chain(ours, theirs, gaps, our_bias, their_bias, gap_bias)


def _fits(program: Program, stage: Stage, before: Stage | None) -> bool:
    """Whether a stage is of both networks, reads the stage before alone, and has no function but ReLU."""
    if stage.ours is None or stage.over is None or not stage.fresh:
        return False
    functions = [f for pair in stage.pairs for f in (pair.f, pair.g) if f is not None]
    plain = all(f == RELU or (not f and pair_is_zero(f)) for f in functions)
    return plain and _reads(program, stage.ours, stage.over, before)


def pair_is_zero(value: object) -> bool:
    """Whether what an element is compared with is the number 0."""
    return value == 0


def _reads(program: Program, ours: int, over: int, before: Stage | None) -> bool:
    below = {"a": 0 if before is None else before.ours, "b": 0 if before is None else before.over}
    layers = program.layers
    return (
        set(layers["a", ours].blocks) <= {below["a"]}
        and set(layers["b", over].blocks) <= {below["b"]}
        and set(layers["d", ours].blocks) <= {below["b"]}
    )


def _columns(program: Program, before: Stage | None, family: str) -> list[tuple[int, int, Rational]]:
    """For each slot of the stage before that holds an element of a family: slot, element, and what it is divided by."""
    if before is None:
        return [(i, i, ONE) for i in range(program.inputs)]
    if family == "a":
        return [(slot, pair.e, ONE) for slot, pair in enumerate(before.pairs) if pair.e is not None]
    return [(slot, pair.k, pair.ratio) for slot, pair in enumerate(before.pairs) if pair.k is not None and pair.new]


def _rows(layer: Layer, columns: Sequence[tuple[int, int, Rational]], width: int) -> tuple[Floats, Floats]:
    """The rows of a layer over so many slots, and its biases."""
    (block,) = layer.blocks.values() if layer.blocks else (np.zeros((len(layer.bias), 0), object),)
    found = np.zeros((len(layer.bias), width))
    exact = _floats(block, layer.scale)
    for slot, element, ratio in columns if block.shape[1] else ():
        found[:, slot] = exact[:, element] / number(ratio)
    return found, _floats(layer.bias, layer.scale)


def _floats(values: NDArray[np.object_], scale: int) -> Floats:
    """Integers over a denominator, each to the nearest float64."""
    found = np.array([int(n) / scale for n in values.reshape(-1)], np.float64)
    return found.reshape(values.shape)


def _layer(program: Program, stage: Stage, before: Stage | None) -> tuple[Floats, Floats, Floats, Floats]:
    """The rows and biases of both networks, slot by slot."""
    assert stage.ours is not None
    assert stage.over is not None
    width = program.inputs if before is None else len(before.pairs)
    ours, theirs = (np.zeros((len(stage.pairs), width)) for _ in range(2))
    our_bias, their_bias = (np.zeros(len(stage.pairs)) for _ in range(2))
    a, a_bias = _rows(program.layers["a", stage.ours], _columns(program, before, "a"), width)
    b, b_bias = _rows(program.layers["b", stage.over], _columns(program, before, "b"), width)
    for slot, pair in enumerate(stage.pairs):
        if pair.e is not None:
            ours[slot], our_bias[slot] = a[pair.e], a_bias[pair.e]
        if pair.k is not None:
            ratio = number(pair.ratio)
            theirs[slot], their_bias[slot] = ratio * b[pair.k], ratio * b_bias[pair.k]
    return ours, theirs, our_bias, their_bias
