# SPDX-License-Identifier: Apache-2.0
"""This file is about queries that no networks can satisfy: those with no solution even if outputs were free.

Such a query is nearly always a mistake, such as `and` where `or` was meant in |y| > 1; its answer says nothing about
the networks.
"""

from exactlump.errors import Undecided
from exactlump.numbers.rational import ZERO, Rational, Vector
from exactlump.queries.linear import MAX_WORK, TooMuch, Work
from exactlump.queries.normal import MAX_SIZE, Disjunct, disjuncts
from exactlump.queries.query import Query
from exactlump.queries.simplex import Conflict, solve


def free_point(query: Query, most: int = MAX_SIZE, most_work: int = MAX_WORK) -> Vector | None:
    """Values of all variables that satisfy the assertions, the outputs chosen freely; None if there are none.

    None means that the query is unsatisfiable with whatever networks.  Raises Undecided where the normal form takes
    more than `most` comparisons, or the arithmetic for all disjuncts more than `most_work` operations.
    """
    work = Work(most_work)
    try:
        points = (_point(disjunct, work) for disjunct in disjuncts(query, most))
        found = next((point for point in points if point is not None), None)
    except TooMuch as error:
        raise Undecided(f"without the networks: {error}") from error
    return None if found is None else tuple(found.get(v, ZERO) for v in range(query.variables))


def _point(disjunct: Disjunct, work: Work) -> dict[int, Rational] | None:
    if any(interval.is_empty for _, interval in disjunct.box):
        return None
    found = solve(disjunct.comparisons, work)
    return None if isinstance(found, Conflict) else found
