# SPDX-License-Identifier: Apache-2.0
"""This file is about solutions in floats: from exact inputs that satisfy a query to floats nearby that do, too.

Floats only propose here: what is returned satisfies the query exactly.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from exactlump.errors import ShapeError
from exactlump.numbers.floats import nearest
from exactlump.numbers.rational import Rational, Vector, fraction, rational, text
from exactlump.queries.normal import Interval, narrowed
from exactlump.queries.query import Query

NUMPY_TYPES = ("float16", "float32", "float64")

Outputs = Callable[[Vector], Sequence[Rational]]


def float_solution(query: Query, values: Sequence[Rational], outputs: Outputs, dtype: str = "float32") -> Vector | None:
    """The values of all variables of a solution whose inputs are floats of a type, near a solution; None if not found.

    values   the solution: values of all variables
    outputs  the exact outputs of all networks for inputs, both in the order of declaration: the elements of all input
             ports in a row, and those of all output ports
    dtype    "float16", "float32" or "float64"

    Tried are the nearest floats; those inside the bounds of each input, so that equal inputs stay equal, or not; and
    all floats above, or all below.  Raises ShapeError for another number of values or outputs.
    """
    for inputs in proposals(query, values, dtype):
        found = combined(query, inputs, outputs(inputs))
        if query.holds(found):
            return found
    return None


def combined(query: Query, inputs: Sequence[Rational], outputs: Sequence[Rational]) -> Vector:
    """The values of all variables in their order; raises ShapeError for another number of inputs or outputs."""
    values: dict[int, Rational] = {}
    for name, given, ranges in (("inputs", inputs, query.input_ranges), ("outputs", outputs, query.output_ranges)):
        places = [v for elements in ranges for v in elements]
        if len(given) != len(places):
            raise ShapeError(f"{name}: found {len(given)} values, expected {len(places)}")
        values.update(zip(places, given, strict=True))
    return tuple(values[v] for v in range(query.variables))


def proposals(query: Query, values: Sequence[Rational], dtype: str) -> Iterator[Vector]:
    """Inputs in floats near given ones, each once: `float_solution` says which."""
    if len(values) != query.variables:
        raise ShapeError(f"values: found {len(values)}, expected {query.variables}")
    places = [v for elements in query.input_ranges for v in elements]
    exact = [values[v] for v in places]
    bounds = _bounds(query, values)
    own = [bounds.get(v, Interval()) for v in places]
    shared = _shared(exact, own)
    ways: tuple[Callable[[], list[Rational]], ...] = (
        lambda: [nearest(x, dtype) for x in exact],
        lambda: [_inside(x, interval, dtype) for x, interval in zip(exact, shared, strict=True)],
        lambda: [_inside(x, interval, dtype) for x, interval in zip(exact, own, strict=True)],
        lambda: [_next(x, dtype, upwards=True) for x in exact],
        lambda: [_next(x, dtype, upwards=False) for x in exact],
    )
    known: set[tuple[str, ...]] = set()
    for way in ways:
        try:
            inputs = tuple(way())
        except OverflowError:
            continue
        key = tuple(map(text, inputs))
        if key not in known:
            known.add(key)
            yield inputs


def _bounds(query: Query, values: Sequence[Rational]) -> Mapping[int, Interval]:
    """Where inputs may go such that every comparison of one input that holds goes on to hold."""
    bounds: dict[int, Interval] = {}
    for part in query.formula.comparisons:
        if len(part.terms) == 1 and part.relation != "!=" and query.is_input(part.terms[0][0]) and part.holds(values):
            v = part.terms[0][0]
            bounds[v] = narrowed(bounds.get(v, Interval()), part)
    return bounds


def _shared(exact: Sequence[Rational], own: Sequence[Interval]) -> list[Interval]:
    """For every input where all inputs of the same value may go."""
    groups: dict[str, Interval] = {}
    for x, interval in zip(exact, own, strict=True):
        common = groups.get(text(x), Interval())
        if interval.lower is not None:
            common = common.over(interval.lower, interval.is_open_below)
        if interval.upper is not None:
            common = common.under(interval.upper, interval.is_open_above)
        groups[text(x)] = common
    return [groups[text(x)] for x in exact]


def _inside(x: Rational, interval: Interval, dtype: str) -> Rational:
    """The float nearest to x, or the one above or below where only that lies in the interval."""
    choices = nearest(x, dtype), _next(x, dtype, upwards=True), _next(x, dtype, upwards=False)
    return next((choice for choice in choices if interval.holds(choice)), choices[0])


def _next(x: Rational, dtype: str, *, upwards: bool) -> Rational:
    """The least float that is at least x, or the greatest that is at most x; OverflowError where there is none."""
    near = nearest(x, dtype)
    if near == x or (near > x) == upwards:
        return near
    p, q = fraction(near)
    kind = np.dtype(dtype).type
    with np.errstate(over="ignore"):
        found = float(np.nextafter(kind(p / q), kind(np.inf if upwards else -np.inf)))
    if not np.isfinite(found):
        raise OverflowError(f"{dtype}: the number is too large")
    return rational(found)
