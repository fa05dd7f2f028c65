# SPDX-License-Identifier: Apache-2.0
"""This file is about the fast engine: the maximum lumping, and proportional rows, found with NumPy at memory speed."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, overload

import numpy as np
from numpy.typing import NDArray

from exactlump.fast.arithmetic import Floats, Ints
from exactlump.fast.layers import classify
from exactlump.fast.matrices import checked, source
from exactlump.fast.rows import related_rows
from exactlump.fast.sources import POSITIVE
from exactlump.lumping import maximum
from exactlump.lumping.maximum import NO_CHOICES, Choices, Classifier, Lumping
from exactlump.network.program import Network
from exactlump.numbers.rational import Rational, Vector, rational


def maximum_lumping(
    network: Network, *, fold: bool = False, choices: Choices = NO_CHOICES, find: Classifier | None = None
) -> Lumping:
    """The unique maximum proportional exact lumpability: the same result as `lumping.maximum.maximum_lumping`, faster.

    Complete in the same sense: for Definition 6 as corrected (docs/erratum.md).  Layers whose weights are no array of
    floats are left to the exact engine.
    find  a `workers.FanOut`, which has several processes look at different layers; None: all is done here
    """
    return maximum.maximum_lumping(network, fold=fold, choices=choices, classify=find or classify)


class Ratios(Sequence[Rational]):
    """ratios[v] is the exact rational top[v] / bottom[v], both of them positive floats."""

    def __init__(self, top: Floats, bottom: Floats) -> None:
        self.top = top
        self.bottom = bottom

    @overload
    def __getitem__(self, v: int) -> Rational: ...

    @overload
    def __getitem__(self, v: slice) -> Vector: ...

    def __getitem__(self, v: int | slice) -> Rational | Vector:
        if isinstance(v, slice):
            return tuple(Ratios(self.top[v], self.bottom[v]))
        return rational(float(self.top[v])) / rational(float(self.bottom[v]))

    def __len__(self) -> int:
        return int(self.top.size)

    def __iter__(self) -> Iterator[Rational]:
        return (self[v] for v in range(len(self)))


class RowClasses(NamedTuple):
    """labels[v]  the number of v's class, classes numbered by least member; -1 for a row of zeros
    scale[v]      row v = scale[v] * (least row of its class), exactly; 1 for a row of zeros
    """

    labels: Ints
    scale: Ratios


def proportional_classes(rows: NDArray[Any], *, compiled: bool = True) -> RowClasses:
    """The classes of rows that are positive multiples of each other: sound and complete, not with high probability.

    rows      float16, float32 or float64, (n, m)
    compiled  whether the loops compiled by numba may be used, for large float32 matrices, when it is installed
    Costs a bounded number of operations an entry, in the worst case times log n (docs/fast.md).  Raises ShapeError for
    other than two axes, FormatError for another type and for an entry that is not finite.

    >>> found = proportional_classes(np.array([[3.0, -6.0], [0.0, -0.0], [1.0, -2.0], [-1.0, 2.0]]))
    >>> found.labels.tolist(), found.scale[2] == rational(1, 3)
    ([0, -1, 0, 1], True)
    """
    matrix = checked(rows, compiled=compiled)
    labels, lead, _ = related_rows(source(matrix, compiled=compiled), np.full(matrix.shape[0], POSITIVE))
    zero = labels == labels.size
    first = np.where(zero, np.arange(labels.size), labels)
    numbers = np.cumsum((first == np.arange(first.size)) & ~zero) - 1
    return RowClasses(np.where(zero, -1, numbers[first]), Ratios(lead, lead[first]))
