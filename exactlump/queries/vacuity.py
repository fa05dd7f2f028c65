# SPDX-License-Identifier: Apache-2.0
"""This file is about queries that no networks can satisfy: those with no solution even if outputs were free.

Such a query is nearly always a mistake, such as (and (> y 1) (< y -1)) for |y| > 1; its answer says nothing about the
networks.
"""

from exactlump.queries.normal import MAX_SIZE, disjuncts
from exactlump.queries.query import Query
from exactlump.queries.simplex import MAX_WORK, Conflict, solve
from exactlump.rational import ZERO, Vector


def free_point(query: Query, most: int = MAX_SIZE, most_work: int = MAX_WORK) -> Vector | None:
    """Values of all variables that satisfy the assertions, the outputs chosen freely; None if there are none.

    None means that the query is unsatisfiable with whatever networks.  Raises Undecided where the normal form
    or, for one disjunct, the arithmetic exceeds its bound.
    """
    for disjunct in disjuncts(query, most):
        if any(interval.is_empty for _, interval in disjunct.box):
            continue
        found = solve(disjunct.comparisons, most_work)
        if not isinstance(found, Conflict):
            return tuple(found.get(v, ZERO) for v in range(query.variables))
    return None
