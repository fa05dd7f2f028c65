# SPDX-License-Identifier: Apache-2.0
"""This file is about float32 rows compared in compiled loops, where the extra `fast` is installed.

The same products and the same answers as `kernel_arithmetic.Single` (Lemma X); no fast-math.
"""

import sys
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exactlump.fast.arithmetic import Flags, Floats, Ints, Single
from exactlump.fast.sources import Plain

# From so many weights on, compiled loops save time; and from so many on, loading numba for them does.
WORTH, WORTH_LOADING = 1 << 20, 1 << 28


class Compiled(Plain):
    """The rows of a float32 matrix, compared in a compiled loop."""

    def equal_rows(self, left: Ints, s: Floats | None, right: Ints, t: Floats) -> Flags:
        """See `Source`."""
        found = np.ones(left.size, np.bool_)
        ones = np.ones(left.size) if s is None else s
        compiled(_compare)(self.matrix, left, ones, right, t, found)
        if self.bias is not None:
            found &= ones * self.bias[left] == t * self.bias[right]
        return found


def usable(matrix: NDArray[np.floating]) -> bool:
    """Whether there is something to compile, it is worth it, and numba is installed."""
    least = WORTH if "numba" in sys.modules else WORTH_LOADING
    return matrix.dtype == np.float32 and matrix.size >= least and available()


@cache
def available() -> bool:
    """Whether numba is installed."""
    try:
        import numba  # noqa: F401
    except ImportError:
        return False
    return True


def compiled_source(matrix: NDArray[np.float32], bias: Floats | None) -> Plain:
    """The rows of a matrix with their biases, compared in a compiled loop where the biases are float32 numbers too."""
    source = Compiled(matrix, bias)
    return source if isinstance(source.arithmetic, Single) else Plain(matrix, bias)


def all_finite(matrix: NDArray[np.float32]) -> bool:
    """Whether no entry is infinite or not a number."""
    return bool(compiled(_finite)(matrix.view(np.uint32)))


@cache
def compiled(function: Any, *, fast: bool = False) -> Any:
    """A loop, compiled at its first use, or in an earlier process; fast: sums in floats in any order."""
    import numba

    loose = {"reassoc", "contract", "nsz", "arcp"} if fast else False
    return numba.njit(nogil=True, cache=True, error_model="numpy", fastmath=loose)(function)


def _finite(bits: Any) -> bool:
    """A number is finite if and only if not all bits of its exponent are set."""
    for v in range(bits.shape[0]):
        row = bits[v]
        found = 0
        for u in range(row.size):
            found += (row[u] & np.uint32(0x7F800000)) == np.uint32(0x7F800000)
        if found:
            return False
    return True


def _compare(matrix: Any, left: Any, s: Any, right: Any, t: Any, found: Any) -> None:
    """Plain loops over 512 columns at a time, so that a row that differs early is left early."""
    columns = matrix.shape[1]
    for i in range(left.size):
        for start in range(0, columns, 512):
            x, y = matrix[left[i], start : start + 512], matrix[right[i], start : start + 512]
            differing = 0
            for j in range(x.size):
                differing += np.float64(x[j]) * s[i] != np.float64(y[j]) * t[i]
            if differing:
                found[i] = False
                break
