# SPDX-License-Identifier: Apache-2.0
"""This file is about the chains of docs/markov.md: one for the paper's Example 2, and the smallest ones for its slips.

The picture of Example 2 is lost in the text of the paper that we have, so the rates here are ours; the eight states,
their classes and rho are the paper's.
"""

from exactlump import rational
from exactlump.markov import Chain, Classes, Graph, classes_of

# Example 2: state 1 feeds the class {2, 3, 4}, that the class {5, 6, 7}, that state 8, and that state 1.
EXAMPLE_2 = Chain.from_edges(
    {
        ("1", "2"): 2,
        ("1", "3"): 1,
        ("1", "4"): 1,
        ("2", "5"): 1,
        ("2", "6"): 1,
        ("3", "5"): 1,
        ("4", "7"): 1,
        ("5", "8"): 2,
        ("6", "8"): 1,
        ("7", "8"): 1,
        ("8", "1"): 2,
    }
)
EXAMPLE_2_CLASSES: Classes = classes_of(EXAMPLE_2, "1", "234", "567", "8")
EXAMPLE_2_RHO = tuple(map(rational, (1, 1, 2, 2, 1, 2, 2, 1)))

# Exact lumpable with classes {1} and {2, 3}; the sums of the incoming rates are no chain.
SUMS_FAIL = Chain.of([[-2, 1, 1], [1, -1, 0], [1, 0, -1]])

# The network of docs/erratum.md as a graph: a1 = x, a2 = 2 x, v = a1, t = a2, o = v + t.
ERRATUM = Graph.from_edges(
    {("x", "a1"): 1, ("x", "a2"): 2, ("a1", "v"): 1, ("a2", "t"): 1, ("v", "o"): 1, ("t", "o"): 1},
    names=("x", "a1", "a2", "v", "t", "o"),
)
