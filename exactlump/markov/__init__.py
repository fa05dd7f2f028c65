# SPDX-License-Identifier: Apache-2.0
"""Markov chains and labelled graphs, their lumpabilities, quotients and distributions, in rationals (docs/markov.md).

>>> from exactlump import markov
>>> star = markov.Chain.of([[-2, 1, 1], [2, -2, 0], [2, 0, -2]])
>>> markov.maximum_exact(star)
((0,), (1, 2))
"""

from exactlump.markov.chains import Chain, Graph, closed, network_values
from exactlump.markov.definitions import (
    Classes,
    class_name,
    classes_of,
    exact_flaw,
    factors,
    is_exact,
    is_ordinary,
    is_proportional,
    maximum_exact,
    maximum_ordinary,
    maximum_proportional,
    ordinary_flaw,
    proportional_flaw,
    sums_into,
    sums_out_of,
)
from exactlump.markov.distributions import (
    Enclosure,
    closed_classes,
    jumps,
    stationary,
    stationary_distributions,
    transient,
)
from exactlump.markov.quotients import collected, ordinary_quotient, quotient, spread, summed_incoming

__all__ = [
    "Chain",
    "Classes",
    "Enclosure",
    "Graph",
    "class_name",
    "classes_of",
    "closed",
    "closed_classes",
    "collected",
    "exact_flaw",
    "factors",
    "is_exact",
    "is_ordinary",
    "is_proportional",
    "jumps",
    "maximum_exact",
    "maximum_ordinary",
    "maximum_proportional",
    "network_values",
    "ordinary_flaw",
    "ordinary_quotient",
    "proportional_flaw",
    "quotient",
    "spread",
    "stationary",
    "stationary_distributions",
    "summed_incoming",
    "sums_into",
    "sums_out_of",
    "transient",
]
