# SPDX-License-Identifier: Apache-2.0
"""This file is about verdicts: the words that answers are given in, and the exit code of each.

    equivalent   the same function over the reals, or what is asked has the answer no
    within       no output differs by more than a bound
    different    an exact input at which the networks differ
    rejected     a certificate that is false, or about other files
    unknown      nothing was decided, or not in time
    unsupported  an operator or a feature that no rule covers
    sat          an exact assignment that satisfies a query
    unsat        no assignment satisfies a query, as the checker confirmed
    timed-out    a query that was not decided in time

Scripts rely on these; the independent checker states its own.
"""

from collections.abc import Mapping

EXIT_CODES: Mapping[str, int] = {
    "equivalent": 0,
    "within": 0,
    "different": 1,
    "rejected": 1,
    "unknown": 3,
    "unsupported": 4,
    "sat": 0,
    "unsat": 0,
    "timed-out": 3,
}
# Exit codes that come with no verdict: usage or a file that cannot be read, and a bug of ours.
USAGE, BUG = 2, 5


def verdict_of(exit_code: int) -> str | None:
    """The verdict that a failure amounts to; None where it says nothing about any network.

    >>> verdict_of(3), verdict_of(4), verdict_of(2)
    ('unknown', 'unsupported', None)
    """
    return next((word for word in ("unknown", "unsupported") if EXIT_CODES[word] == exit_code), None)


# What an `equivalent` of two files speaks of.
SCOPE = "for each item of the batch, element types aside"
