# SPDX-License-Identifier: Apache-2.0
"""This file is about the inputs that a query speaks of: as a union of boxes, where they are one."""

from dataclasses import dataclass

from exactlump.errors import FormatError, UnsupportedLayer
from exactlump.numbers.rational import ZERO, Rational, Vector, text
from exactlump.queries.formula import Comparison, Formula, Node
from exactlump.queries.normal import MAX_SIZE, Disjunct, Interval, conjunctions, disjunct
from exactlump.queries.query import Query

Box = tuple[tuple[int, Interval], ...]

_TRUE = Comparison((), "<=", ZERO)


@dataclass(frozen=True, slots=True)
class ClosedBoxes:
    """All x with lower[i] <= x[i] <= upper[i] for every i, for one of the boxes (lower, upper).

    outputs  how many outputs the query declares
    unused   how many assertions speak of outputs; what these say of outputs is left out
    """

    boxes: tuple[tuple[Vector, Vector], ...]
    outputs: int
    unused: int


def input_boxes(query: Query, most: int = MAX_SIZE) -> tuple[Box, ...]:
    """The inputs that satisfy the assertions when all that is said of outputs alone is taken for true.

    Each box is {input: where it must lie}, ascending, as pairs; none is empty, and none is there twice.  Raises
    UnsupportedLayer where an assertion relates two or more variables of which one is an input, Undecided as
    `disjuncts`.
    """
    formula = Formula(tuple(_of_inputs(query, node) for node in query.formula.nodes))
    found = (_box(query, disjunct(query, parts)) for parts in conjunctions(formula, most))
    boxes = {_key(box): box for box in found if not any(interval.is_empty for _, interval in box)}
    return tuple(boxes.values())


def closed_boxes(query: Query, most: int = MAX_SIZE) -> ClosedBoxes:
    """The inputs of the one network of a query, all inputs in a row, as boxes with all bounds.

    Raises UnsupportedLayer for several networks, for strict bounds, and as `input_boxes`; FormatError for an input
    without one of its bounds and where no input is left; Undecided as `disjuncts`.
    """
    if len(query.networks) != 1:
        raise UnsupportedLayer(f"query: found {len(query.networks)} networks, expected one")
    boxes = tuple(_closed(query, dict(box)) for box in input_boxes(query, most))
    if not boxes:
        raise FormatError("query: found no input that satisfies its assertions, expected a box that is not empty")
    outputs = sum(map(len, query.output_ranges))
    return ClosedBoxes(boxes, outputs, sum(_speaks_of_outputs(query, formula) for formula in query.assertions))


def _of_inputs(query: Query, node: Node) -> Node:
    """A node, with a comparison of outputs taken for true."""
    if not isinstance(node, Comparison) or not node.terms or any(query.is_input(v) for v, _ in node.terms):
        return node
    return _TRUE


def _box(query: Query, part: Disjunct) -> Box:
    for comparison in (*part.inputs, *part.mixed):
        names = " ".join(query.element(v) for v, _ in comparison.terms[:4])
        more = " ..." if len(comparison.terms) > 4 else ""
        raise UnsupportedLayer(f"query: found a constraint that relates {names}{more}, expected bounds on inputs")
    return part.box


def _key(box: Box) -> tuple[object, ...]:
    """What equal boxes have in common, and no others."""
    bounds = ((interval.lower, interval.upper) for _, interval in box)
    ends = tuple(tuple(None if end is None else text(end) for end in pair) for pair in bounds)
    return tuple((v, pair, i.is_open_below, i.is_open_above) for (v, i), pair in zip(box, ends, strict=True))


def _closed(query: Query, box: dict[int, Interval]) -> tuple[Vector, Vector]:
    lower: list[Rational] = []
    upper: list[Rational] = []
    for v in (v for inputs in query.input_ranges for v in inputs):
        interval = box.get(v, Interval())
        if interval.lower is None or interval.upper is None:
            missing = "lower" if interval.lower is None else "upper"
            raise FormatError(f"input {query.element(v)}: found no {missing} bound, expected both")
        if interval.is_open_below or interval.is_open_above:
            raise UnsupportedLayer(f"input {query.element(v)}: found a strict bound, expected <= or >=")
        lower.append(interval.lower)
        upper.append(interval.upper)
    return tuple(lower), tuple(upper)


def _speaks_of_outputs(query: Query, formula: Formula) -> bool:
    return any(not query.is_input(v) for comparison in formula.comparisons for v, _ in comparison.terms)
