# SPDX-License-Identifier: Apache-2.0
"""This file is about chains with one state for each class, and what they say of the chain before.

For a proportional exact lumpability (Definition 5) of a chain, with v any state of S,

    Q'(S', S) = 1/|S'| * rho(v) * (sum_{w in S} 1/rho(w)) * sum_{u in S'} Q(u, v)

which for an exact one (rho = 1) is |S|/|S'| times the sum of the rates that enter v.  It is the mean, over the states
of S', of the rates into S, and so a chain.  (The paper says "the sum of the rates"; without the factor that is no
chain: `summed_incoming`.)

*Why.*  Let pi be even on every class, pi(u) = p(S')/|S'|.  Then (pi Q)(v) = sum over S' of p(S')/|S'| * sum_{u in S'}
Q(u, v), and the sum of that over v in S is (p Q')(S).  By Definition 5 the equations of v and t of one class are
multiples of each other, so pi Q = 0 exactly if p Q' = 0.  With rho = 1 they are equal, so pi stays even at all times,
and p(t) is the distribution of the quotient: exact lumpability keeps transient distributions, Definition 5 does not.

For an ordinary lumpability Q'(S, S') is what leaves any state of S for S', and sums over classes follow it from any
initial distribution.

Throughout: S, S' classes; u, v, w states; distributions are one probability a state.
"""

from collections.abc import Sequence

from exactlump.errors import NotALumping, ShapeError
from exactlump.markov.chains import Chain, Graph
from exactlump.markov.definitions import (
    Classes,
    class_name,
    demand_partition,
    exact_flaw,
    factors,
    ordinary_flaw,
    sums_into,
    sums_out_of,
)
from exactlump.numbers.rational import ONE, ZERO, Rational, SparseRow, Vector


def quotient(chain: Chain, classes: Classes) -> Chain:
    """The chain of the classes of an exact or proportional exact lumpability; its states are named by their classes.

    Its stationary distributions, spread evenly over each class, are those of the chain that are even on classes.
    Raises NotALumping for another partition.

    >>> square = Chain.of([[-2, 1, 1], [1, -1, 0], [1, 0, -1]])
    >>> quotient(square, ((0,), (1, 2))).rate("{1}", "{2, 3}") == 2
    True
    """
    rho = factors(chain, classes)
    if rho is None:
        raise NotALumping(f"classes: {exact_flaw(chain, classes)}, and no rho makes them proportional")
    sums = sums_into(chain, classes)
    rows: tuple[SparseRow, ...] = tuple({} for _ in classes)
    for target, members in enumerate(classes):
        share = rho[members[0]] * sum((ONE / rho[w] for w in members), ZERO)
        for source, total in sums[members[0]].items():
            rows[source][target] = share * total / len(classes[source])
    return Chain(_names(chain, classes), rows)


def ordinary_quotient(chain: Chain, classes: Classes) -> Chain:
    """The chain of the classes of an ordinary lumpability.  Raises NotALumping for another partition."""
    if flaw := ordinary_flaw(chain, classes):
        raise NotALumping(f"classes: {flaw}")
    sums = sums_out_of(chain, classes)
    return Chain(_names(chain, classes), tuple(dict(sums[members[0]]) for members in classes))


def summed_incoming(chain: Chain, classes: Classes, representatives: Sequence[int] | None = None) -> Graph:
    """What the paper's sentence says: one state for each class, and the sums of the rates that enter it.

    Its rows need not add up to 0, so that it is no chain, and with its diagonal computed anew (`chains.closed`) its
    stationary distribution is another one: docs/markov.md.  Without `representatives` the least members are taken.
    Raises NotALumping for no partition.
    """
    demand_partition(chain, classes)
    chosen = [members[0] for members in classes] if representatives is None else representatives
    if len(chosen) != len(classes) or any(v not in s for v, s in zip(chosen, classes, strict=True)):
        raise NotALumping(f"representatives: found {list(chosen)}, expected a state of each class")
    sums = sums_into(chain, classes)
    rows: tuple[SparseRow, ...] = tuple({} for _ in classes)
    for target, v in enumerate(chosen):
        for source, total in sums[v].items():
            rows[source][target] = total
    return Graph(_names(chain, classes), rows)


def collected(distribution: Sequence[Rational], classes: Classes) -> Vector:
    """The probability of each class.  Raises ShapeError for another number of states."""
    _demand_length(distribution, sum(map(len, classes)))
    return tuple(sum((distribution[v] for v in members), ZERO) for members in classes)


def spread(distribution: Sequence[Rational], classes: Classes) -> Vector:
    """The probability of each class, spread evenly over its states.  Raises ShapeError for another number of them."""
    _demand_length(distribution, len(classes))
    found = [ZERO] * sum(map(len, classes))
    for share, members in zip(distribution, classes, strict=True):
        for v in members:
            found[v] = share / len(members)
    return tuple(found)


def _demand_length(distribution: Sequence[Rational], expected: int) -> None:
    if len(distribution) != expected:
        raise ShapeError(f"distribution: found {len(distribution)} probabilities, expected {expected}")


def _names(graph: Graph, classes: Classes) -> tuple[str, ...]:
    return tuple(class_name(graph, members) for members in classes)
