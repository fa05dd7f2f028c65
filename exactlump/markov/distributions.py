# SPDX-License-Identifier: Apache-2.0
"""This file is about distributions of chains over their states: stationary ones, exactly; transient ones, enclosed.

*Stationary*: pi Q = 0 and the entries of pi add up to 1.  States are eliminated one by one, and what entered an
eliminated state goes on to where it led (Grassmann, Taksar and Heyman 1985): additions, products and quotients of
numbers that are not negative, exact in rationals.

*Transient*: p(t) = p(0) exp(Q t).  With a rate L no smaller than any rate at which a state is left, P = 1 + Q/L is a
stochastic matrix, and

    p(t) = exp(-x) * sum over k of x^k/k! * p(0) P^k                                        x = L t     (uniformisation)

Each p(0) P^k is a rational vector, and `jumps` gives it.  exp(-x) is irrational for every rational x but 0
(Lindemann), so p(t) is enclosed, not computed.  Let a be the sum over k <= K without the factor exp(-x), and S_K the
sum of x^k/k!, which is the sum of a's entries; exp(x) lies between S_K and S_K + R, where R = x^(K+1)/(K+1)! *
1/(1 - x/(K+2)) once K + 2 > x.  So low = a/(S_K + R) is a lower bound of p(t).  Both p(t) and what `low` leaves out are
not negative, and p(t) adds up to 1: so p(t) is below low + error, error = 1 - (sum of low) = R/(S_K + R).  All of that
is rational, and no tail is cut off unseen.

Throughout: u, v states; p, pi probabilities; i, j, k steps or states in the order of elimination.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

from exactlump.errors import FormatError, ShapeError
from exactlump.markov.chains import Chain, Number
from exactlump.numbers.rational import ONE, ZERO, Rational, SparseRow, Vector, fraction, over_common, rational, text


def closed_classes(chain: Chain) -> tuple[tuple[int, ...], ...]:
    """The sets of states that reach each other and nothing else, in order of their least members.

    A chain stays in such a set for ever, and from every state it comes to one with probability 1.
    """
    found = []
    for members in _strong_components(chain):
        inside = set(members)
        if all(v in inside for u in members for v in chain.rows[u]):
            found.append(tuple(sorted(members)))
    return tuple(sorted(found))


def stationary(chain: Chain) -> Vector:
    """The stationary distribution, exactly.

    Raises FormatError for a chain with several closed classes, which has infinitely many, and for one without states.

    >>> stationary(Chain.of([[-2, 1, 1], [1, -1, 0], [1, 0, -1]])) == (rational(1, 3),) * 3
    True
    """
    found = stationary_distributions(chain)
    if len(found) != 1:
        raise FormatError(f"chain: found {len(found)} closed classes, expected one: see stationary_distributions")
    return found[0]


def stationary_distributions(chain: Chain) -> tuple[Vector, ...]:
    """One stationary distribution for each closed class; all others are their mixtures."""
    return tuple(_stationary_on(chain, members) for members in closed_classes(chain))


def _stationary_on(chain: Chain, members: Sequence[int]) -> Vector:
    """The stationary distribution on a closed class: eliminated from the last state down, and filled in upwards."""
    place = {u: i for i, u in enumerate(members)}
    rates = [{place[v]: w for v, w in chain.rows[u].items() if v != u} for u in members]
    entered: list[list[tuple[int, Rational]]] = [[] for _ in members]
    for k in range(len(members) - 1, 0, -1):
        leaving = rates[k]
        total = sum(leaving.values(), ZERO)
        for i in range(k):
            if rate := rates[i].pop(k, ZERO):
                share = rate / total
                entered[k].append((i, share))
                _add(rates[i], i, share, leaving)
    pi = [ONE]
    for k in range(1, len(members)):
        pi.append(sum((pi[i] * share for i, share in entered[k]), ZERO))
    whole = sum(pi, ZERO)
    found = [ZERO] * len(chain)
    for u, p in zip(members, pi, strict=True):
        found[u] = p / whole
    return tuple(found)


def _add(row: SparseRow, i: int, share: Rational, leaving: SparseRow) -> None:
    """Let a share of what entered the eliminated state go on to where that leads, unless it is back to i."""
    for j, rate in leaving.items():
        if j != i:
            row[j] = row.get(j, ZERO) + share * rate


def _strong_components(chain: Chain) -> list[list[int]]:
    """The states by mutual reachability (Tarjan 1972, without recursion)."""
    index: dict[int, int] = {}
    low: dict[int, int] = {}
    stack: list[int] = []
    waiting: set[int] = set()
    found: list[list[int]] = []
    for root in range(len(chain)):
        work = [(root, iter(chain.rows[root]))] if root not in index else []
        while work:
            u, targets = work[-1]
            if u not in index:
                index[u] = low[u] = len(index)
                stack.append(u)
                waiting.add(u)
            for v in targets:
                if v not in index:
                    work.append((v, iter(chain.rows[v])))
                    break
                if v in waiting:
                    low[u] = min(low[u], index[v])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[u])
                if low[u] == index[u]:
                    cut = stack.index(u)
                    found.append(stack[cut:])
                    waiting.difference_update(stack[cut:])
                    del stack[cut:]
    return found


# Transient


@dataclass(frozen=True, slots=True, repr=False)
class Enclosure:
    """A distribution between bounds: low[v] <= p(v) <= low[v] + error for every state v, all of them rational.

    terms: how many terms of the series were added up.
    """

    low: Vector
    error: Rational
    terms: int

    @property
    def high(self) -> Vector:
        """The upper bounds."""
        return tuple(p + self.error for p in self.low)

    def __repr__(self) -> str:
        return f"Enclosure({len(self.low)} states, {self.terms} terms)"


def jumps(chain: Chain, start: Sequence[Number], steps: int, rate: Number | None = None) -> Vector:
    """p(0) P^steps, exactly: the distribution after so many jumps of the uniformised chain.

    start  p(0), one probability a state
    rate   L; without it the largest rate at which a state is left
    Raises as `transient` does.
    """
    p = _demand_distribution(chain, start)
    scale = _demand_rate(chain, rate)
    for _ in range(steps):
        p = _moved(chain, p, scale)
    return p


def transient(
    chain: Chain, start: Sequence[Number], time: Number, *, within: Number = "1/1000000", rate: Number | None = None
) -> Enclosure:
    """The distribution at a time, enclosed in rationals: `error` is at most `within`, and 0 where nothing moves.

    start  p(0), one probability a state
    rate   L; without it the largest rate at which a state is left.  With the same L, a chain and its quotient have
           bounds that correspond exactly, not only to within the error.
    Raises ShapeError and FormatError for a start that is no distribution, FormatError for a negative time, for
    `within` that is not positive, and for an L that is too small.

    >>> found = transient(Chain.of([[-3, 3], [2, -2]]), (1, 0), 1)
    >>> rational(404042, 10**6) < found.low[0] <= found.high[0] < rational(404044, 10**6)
    True
    """
    p, moment, most = _demand_distribution(chain, start), rational(time), rational(within)
    if moment < 0 or not most > 0:
        found = f"found time {text(moment)} within {text(most)}"
        raise FormatError(f"transient: {found}, expected a time that is not negative, within a positive bound")
    scale = _demand_rate(chain, rate)
    last, total, rest = _series(scale * moment, most)
    partial = _partial_sum(chain, p, scale, moment, last)
    return Enclosure(tuple(a / (total + rest) for a in partial), rest / (total + rest), last + 1)


def _series(x: Rational, within: Rational) -> tuple[int, Rational, Rational]:
    """The least K with R/(S_K + R) within the bound, S_K and R."""
    total = term = ONE
    for k in count():
        following = term * x / (k + 1)
        if k + 2 > x:
            rest = following / (ONE - x / (k + 2))
            if rest <= within * (total + rest):
                return k, total, rest
        total, term = total + following, following
    raise AssertionError("a series that does not end")


def _partial_sum(chain: Chain, p: Vector, scale: Rational, time: Rational, last: int) -> Vector:
    """The sum of (L t)^k/k! * p P^k up to k = last, in integers: p (L + Q)^k is one over a power of a denominator."""
    moves = [{**row, u: row.get(u, ZERO) + scale} for u, row in enumerate(chain.rows)]
    entries, denominator = over_common([w for row in moves for w in row.values()])
    left = iter(entries)
    integers = [[(v, next(left)) for v in row] for row in moves]
    vector, below = over_common(p)
    top, bottom = fraction(time / denominator)
    whole, power = list(vector), 1
    for k in range(1, last + 1):
        moved = [0] * len(chain)
        for u, amount in enumerate(vector):
            if amount:
                for v, w in integers[u]:
                    moved[v] += amount * w
        vector, power = moved, power * top
        whole = [total * bottom * k + power * amount for total, amount in zip(whole, vector, strict=True)]
        below *= bottom * k
    return tuple(rational(total, below) for total in whole)


def _moved(chain: Chain, p: Vector, scale: Rational) -> Vector:
    """p P: one jump."""
    found = list(p)
    for u, amount in enumerate(p):
        if amount:
            for v, w in chain.rows[u].items():
                found[v] += amount * w / scale
    return tuple(found)


def _demand_distribution(chain: Chain, start: Sequence[Number]) -> Vector:
    p = tuple(map(rational, start))
    if len(p) != len(chain):
        raise ShapeError(f"distribution: found {len(p)} probabilities, expected {len(chain)}")
    if any(share < 0 for share in p) or sum(p, ZERO) != 1:
        raise FormatError("distribution: found numbers that are negative or do not add up to 1")
    return p


def _demand_rate(chain: Chain, rate: Number | None) -> Rational:
    scale = chain.fastest if rate is None else rational(rate)
    if scale < chain.fastest or (rate is not None and not scale > 0):
        raise FormatError(f"rate: found {text(scale)}, expected a positive rate of at least {text(chain.fastest)}")
    return scale
