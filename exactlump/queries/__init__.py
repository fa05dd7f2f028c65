# SPDX-License-Identifier: Apache-2.0
"""This file is about queries: what the VNN-LIB language, versions 1.0 and 2.0, asks about networks.

A text is read into a structure that does not change: networks with their ports, and a formula over the elements of
these, with exact rationals.  The package knows nothing of networks in files, and nothing of how a query is answered.
"""

from exactlump.queries.assignments import assignment_text
from exactlump.queries.boxes import ClosedBoxes, closed_boxes, input_boxes
from exactlump.queries.choosing import combined, float_solution
from exactlump.queries.formula import Comparison, Formula, Joint
from exactlump.queries.normal import Disjunct, Interval, disjuncts
from exactlump.queries.printing import query_text
from exactlump.queries.query import Network, Port, Query
from exactlump.queries.read import read_query
from exactlump.queries.vacuity import free_point

__all__ = [
    "ClosedBoxes",
    "Comparison",
    "Disjunct",
    "Formula",
    "Interval",
    "Joint",
    "Network",
    "Port",
    "Query",
    "assignment_text",
    "closed_boxes",
    "combined",
    "disjuncts",
    "float_solution",
    "free_point",
    "input_boxes",
    "query_text",
    "read_query",
]
