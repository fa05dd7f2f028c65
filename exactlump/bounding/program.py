# SPDX-License-Identifier: Apache-2.0
"""This file is about two networks made ready for bounds: their based tensors, stage by stage, and what is compared.

N is the first network, N' the second.  The families of elements are "a", those of N, "b", the classes of N', and "d",
the differences of the elements of N from what they are compared with (docs/certificate-format.md, "bounds").
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from exactlump.bounding.elements import Affine
from exactlump.bounding.relations import Relations
from exactlump.network.activations import Activation
from exactlump.network.program import Network
from exactlump.numbers.rational import ONE, Rational

OUTPUTS = -1  # stands for the tensor of the combinations of outputs that are to be bounded


NOTHING = Affine((), (), 1)


@dataclass(frozen=True, slots=True)
class Tensor:
    """A based tensor: element unit * positions + p of it has the number `first` plus that.

    functions  of each unit or class; None: the largest of the elements before that `reads` lists for a position
    before     the elements before the function, `parts` for each unit
    """

    name: str
    first: int
    units: int
    positions: int
    functions: tuple[Activation | None, ...] = ()
    before: Affine = NOTHING
    parts: int = 1
    reads: tuple[tuple[int, ...], ...] = ()

    @property
    def size(self) -> int:
        """How many elements it has."""
        return self.units * self.positions

    def window(self, i: int) -> list[int]:
        """The elements before the function that element i of a max-pool is the largest of."""
        unit, q = divmod(i, self.positions)
        return [unit * self.parts + p for p in self.reads[q]]


@dataclass(frozen=True, slots=True)
class Pair:
    """An element of N before its function f, and what it is compared with: g(ratio * y) of an element y of N'.

    e, k  the elements, one of them None where the other stands alone
    new   whether y is bounded with this pair
    """

    e: int | None
    k: int | None
    f: Activation | None
    g: Activation | Rational | None
    ratio: Rational = ONE
    new: bool = False


@dataclass(frozen=True, slots=True)
class Stage:
    """A tensor of N, the tensor of N' that it is compared with, and whether the latter is bounded here."""

    ours: int | None
    over: int | None
    fresh: bool
    pairs: tuple[Pair, ...]


@dataclass(frozen=True, slots=True)
class Layer:
    """Rows over the elements of tensors: (sum over j of blocks[j] @ elements of j + bias) / scale; Python integers."""

    blocks: Mapping[int, NDArray[np.object_]]
    bias: NDArray[np.object_]
    scale: int

    @property
    def deep(self) -> bool:
        """Whether more than inputs is read."""
        return any(self.blocks)


@dataclass
class Program:
    """Two networks, their tensors (inputs first), the stages, and the layers by family and tensor.

    forms    by family, each tensor over the elements of based ones; numbers: the based tensors, by name
    """

    networks: tuple[Network, Network]
    relations: Relations
    tensors: list[Tensor] = field(default_factory=list)
    stages: list[Stage] = field(default_factory=list)
    layers: dict[tuple[str, int], Layer] = field(default_factory=dict)
    forms: dict[str, dict[str, Affine]] = field(default_factory=lambda: {"a": {}, "b": {}})
    numbers: dict[str, dict[str, int]] = field(default_factory=lambda: {"a": {}, "b": {}})

    @property
    def inputs(self) -> int:
        """How many inputs there are."""
        return self.tensors[0].size

    @property
    def outputs(self) -> int:
        """How many combinations of outputs are to be bounded."""
        return len(self.layers["d", OUTPUTS].bias)
