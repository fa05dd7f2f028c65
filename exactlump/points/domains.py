# SPDX-License-Identifier: Apache-2.0
"""This file is about domains as people write them: two numbers, or two arrays, of whatever kind."""

import math
from typing import Any

from exactlump.errors import FormatError, ShapeError
from exactlump.formats.files import about
from exactlump.numbers.rational import flat, rational, text
from exactlump.points.boxes import Bound, Box, cube, demand_inputs, everything, exact_number


def domain_of(box: Any, inputs: int) -> Box:
    """The domain of so many inputs, one after the other, that is meant by `box`.

    None              all reals
    two numbers       the bounds of every input: (0, 1), ("-1/2", "1e-3"), floats (exact), rationals
    two arrays        lower bounds and upper bounds, each as many as there are inputs, of any shape; None, -inf below,
                      inf above: no bound
    a Box             itself
    Raises FormatError for anything else and for an empty box, ShapeError for another number of bounds.
    """
    if box is None:
        return everything(inputs)
    if isinstance(box, Box):
        demand_inputs(box, inputs)
        return box
    with about("box"):
        return _box(box, inputs)


def _box(box: Any, inputs: int) -> Box:
    """Two numbers, or two arrays."""
    if isinstance(box, str) or not hasattr(box, "__len__") or len(box) != 2:
        raise FormatError(f"found {str(box)[:40]!r}, expected two bounds, or two arrays of bounds")
    low, high = box
    if isinstance(low, str) and isinstance(high, str):
        return cube(low, high, inputs)
    lower = tuple(_bound(value, -math.inf) for value in flat(low))
    upper = tuple(_bound(value, math.inf) for value in flat(high))
    if not (_is_array(low) or _is_array(high)):
        words = ["none" if bound is None else text(bound) for bound in (*lower, *upper)]
        return Box(lower * inputs, upper * inputs, f"box [{words[0]}, {words[1]}]")
    for side, bounds in (("lower", lower), ("upper", upper)):
        if len(bounds) != inputs:
            raise ShapeError(f"found {len(bounds)} {side} bounds, expected {inputs}, one for each input")
    return Box(lower, upper, f"a box of {inputs} intervals")


def _is_array(side: Any) -> bool:
    return hasattr(side, "__len__") and not isinstance(side, str)


def _bound(value: Any, none: float) -> Bound:
    """One bound; None where it is absent, or is the infinity that bounds nothing."""
    if value is None or (isinstance(value, float) and value == none):
        return None
    try:
        return exact_number(value) if isinstance(value, str) else rational(value)
    except (TypeError, ValueError, OverflowError) as error:
        if isinstance(error, FormatError):
            raise
        raise FormatError(f"found {str(value)[:40]!r}, expected a number") from error
