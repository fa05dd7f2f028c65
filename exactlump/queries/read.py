# SPDX-License-Identifier: Apache-2.0
"""This file is about reading a query of either version: the first command says which it is."""

import re

from exactlump.queries.declarations import NETWORK
from exactlump.queries.query import Query
from exactlump.queries.version1 import Version1
from exactlump.queries.version2 import VERSION, Version2
from exactlump.queries.words import MAX_BYTES, Text, decoded

_FIRST = re.compile(r"(?:\s|;[^\n]*(?:\n|\Z))*+\(\s*([a-z-]*)", re.A)


def read_query(content: bytes | str, most: int = MAX_BYTES) -> Query:
    """The query that a text states, in VNN-LIB 1.0 or 2.0, all numbers exact.

    Raises FormatError for more than `most` bytes, for bytes that are no UTF-8 and for what breaks the grammar or its
    rules about names, types and shapes; UnsupportedLayer for hidden nodes, products of variables, other versions and
    what else is well formed and not read; Undecided for more arithmetic than is allowed.  Messages begin with line
    and column.

    >>> from exactlump.numbers.rational import rational
    >>> query = read_query("(declare-const X_0 Real) (declare-const Y_0 Real) (assert (<= (* 2 X_0) 0.3))")
    >>> query.assertions[0].nodes[0].bound == rational(3, 10)
    True
    """
    text = Text(decoded(content, most))
    first = _FIRST.match(text.content)
    reader = Version2 if first is not None and first[1] in (VERSION, NETWORK) else Version1
    return reader(text).read()
