# SPDX-License-Identifier: Apache-2.0
"""This file is about reducing in memory, as a library call: whatever holds a network in, a smaller one out."""

from typing import Any

from exactlump import formats
from exactlump.lumping.maximum import Classifier
from exactlump.reduction import loop
from exactlump.reduction.loop import Reduction
from exactlump.reduction.quotient import Step


def reduce(
    model: Any,
    dtype: str | None = None,
    engine: str | None = None,
    find: Classifier | None = None,
    *,
    shape: Any = None,
    rules: str = "all",
    skips: bool = False,
) -> Reduction:
    """The network reduced as far as the rules go, written in numbers of one type; `reduce_file` certifies it, too.

    model   whatever `read` takes; shape: of one input of a module
    dtype   "float32", "float64", "float16" or "bfloat16"; "decimal" (numbers with a terminating expansion); "exact"; or
            None for the network's own.  Sums that do not fit a float type are split into pieces on copies of units, or
            else the merge is declined and counted
    engine  "exact" or "fast", which find the same (docs/fast.md); None: fast for large networks, or with `find`
    find    what finds the classes of layers in other processes (docs/fast.md), not with the exact engine
    rules   "all": kinks (docs/beyond.md) where these leave fewer neurons; or "lumping" of proportional neurons alone
    skips   whether layers of the result may read any layer below, where that leaves fewer neurons
    Raises CannotWrite when even the unmerged network does not fit, FormatError, UnsupportedLayer.
    """
    return loop.reduce(formats.read(model, shape=shape), dtype, engine, find, rules=rules, skips=skips)


def exact_quotient(model: Any, *, shape: Any = None) -> Step:
    """The exact quotient Q of a network, and the simulation from the network to it.  Raises as `read` does."""
    return loop.exact_quotient(formats.read(model, shape=shape))
