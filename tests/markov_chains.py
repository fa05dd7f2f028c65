# SPDX-License-Identifier: Apache-2.0
"""This file is about putting `exactlump.markov` on trial: random chains, and everything that it says about them.

The definitions are written once more, over nested lists of `Fraction`, as they are printed; maxima are found by going
through all partitions; stationary distributions by elimination of the whole system; transient ones by the power
series of exp(Q t), without uniformisation.  Nothing of the package is used on that side.

Throughout: q the matrix as lists; u, v, t states; classes are lists of states.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from itertools import product

from exactlump import markov, rational

Matrix = list[list[Fraction]]
Partition = list[list[int]]


# The definitions


def obeys_definition_4(q: Matrix, classes: Partition) -> bool:
    return all(
        sum(q[u][v] for u in source) == sum(q[u][t] for u in source)
        for target, source in product(classes, classes)
        for v, t in product(target, target)
    )


def obeys_definition_5(q: Matrix, classes: Partition, rho: Sequence[Fraction]) -> bool:
    return all(
        rho[v] * sum(q[u][v] for u in source) == rho[t] * sum(q[u][t] for u in source)
        for target, source in product(classes, classes)
        for v, t in product(target, target)
    )


def some_rho(q: Matrix, classes: Partition) -> list[Fraction] | None:
    """A rho > 0 of Definition 5 with 1 at the first state of each class, if there is one."""
    rho = [Fraction(1)] * len(q)
    for target in classes:
        ours = [sum(q[u][target[0]] for u in source) for source in classes]
        for v in target[1:]:
            theirs = [sum(q[u][v] for u in source) for source in classes]
            ratios = {a / b for a, b in zip(ours, theirs, strict=True) if b}
            if len(ratios) == 1:
                rho[v] = ratios.pop()
            if ratios or rho[v] <= 0:
                return None
    return rho if obeys_definition_5(q, classes, rho) else None


def is_ordinary(q: Matrix, classes: Partition) -> bool:
    return all(
        sum(q[v][u] for u in target) == sum(q[t][u] for u in target)
        for source, target in product(classes, classes)
        for v, t in product(source, source)
    )


def partitions(items: list[int]) -> Iterator[Partition]:
    if not items:
        yield []
        return
    first, *rest = items
    for smaller in partitions(rest):
        yield [[first], *smaller]
        for k, members in enumerate(smaller):
            yield [*smaller[:k], [first, *members], *smaller[k + 1 :]]


def refines(fine: Partition, coarse: Partition) -> bool:
    return all(any(set(a) <= set(b) for b in coarse) for a in fine)


def canonical(classes: Partition) -> tuple[tuple[int, ...], ...]:
    return tuple(sorted(tuple(sorted(members)) for members in classes))


# Distributions


def null_vectors(q: Matrix) -> list[list[Fraction]]:
    """A basis of the solutions of x q = 0, by Gauss and Jordan."""
    n = len(q)
    rows = [[q[u][v] for u in range(n)] for v in range(n)]
    pivots: list[int] = []
    for column in range(n):
        found = next((r for r in range(len(pivots), n) if rows[r][column]), None)
        if found is None:
            continue
        top = len(pivots)
        rows[top], rows[found] = rows[found], rows[top]
        rows[top] = [x / rows[top][column] for x in rows[top]]
        for r in range(n):
            if r != top and rows[r][column]:
                factor = rows[r][column]
                rows[r] = [a - factor * b for a, b in zip(rows[r], rows[top], strict=True)]
        pivots.append(column)
    basis = []
    for free in (c for c in range(n) if c not in pivots):
        x = [Fraction(0)] * n
        x[free] = Fraction(1)
        for r, column in enumerate(pivots):
            x[column] = -rows[r][free]
        basis.append(x)
    return basis


def power_series(q: Matrix, start: Sequence[Fraction], time: Fraction) -> tuple[list[Fraction], Fraction]:
    """The first terms of start * exp(q time), and a bound on what the rest adds to any entry."""
    norm = max(sum(map(abs, row)) for row in q) * time
    terms = int(4 * norm) + 30
    term, total = list(start), list(start)
    for k in range(1, terms):
        term = [sum(term[u] * q[u][v] for u in range(len(q))) * time / k for v in range(len(q))]
        total = [a + b for a, b in zip(total, term, strict=True)]
    rest = Fraction(1)
    for k in range(1, terms + 1):
        rest = rest * norm / k
    return total, 2 * rest  # each further term has at most half the size of the one before


# Random chains


def any_chain(rng: random.Random, states: int) -> Matrix:
    """Rates drawn from a few numbers, so that sums are often equal or proportional."""
    rates = [Fraction(0), Fraction(0), Fraction(1), Fraction(1), Fraction(2), Fraction(1, 2)]
    return with_diagonal([[rng.choice(rates) for _ in range(states)] for _ in range(states)])


def planted_chain(rng: random.Random, states: int, *, proportional: bool) -> Matrix:
    """A chain with a lumpability: rates into v are proportional to 1/rho(v), and out of u to 1/rho(u), class by class.

    Within a block of two classes some rate is moved around a rectangle, which keeps all sums; inside a class a
    cycle is added.  The states are shuffled.
    """
    place = [rng.randrange(max(1, states // 2)) for _ in range(states)]
    rho = [Fraction(rng.choice([1, 2, 3])) if proportional else Fraction(1) for _ in range(states)]
    q = [[Fraction(0)] * states for _ in range(states)]
    for a, b in product(set(place), set(place)):
        rate = Fraction(rng.choice([0, 1, 2, 3])) if a != b else Fraction(0)
        for u, v in product(range(states), range(states)):
            if (place[u], place[v]) == (a, b):
                q[u][v] = rate / rho[u] / rho[v]
    for _ in range(states):
        u, w, v, t = (rng.randrange(states) for _ in range(4))
        if u != w and v != t and place[u] == place[w] != place[v] == place[t]:
            amount = min(q[u][v], q[w][t]) * rng.choice([1, Fraction(1, 2)])
            for i, j, sign in ((u, v, -1), (w, t, -1), (u, t, 1), (w, v, 1)):
                q[i][j] += sign * amount
    for a in set(place):
        members = [u for u in range(states) if place[u] == a]
        if len(members) > 1 and rng.random() < 0.5:
            for u, v in zip(members, members[1:] + members[:1], strict=True):
                q[u][v] += 1
    order = rng.sample(range(states), states)
    return with_diagonal([[q[u][v] for v in order] for u in order])


def any_graph(rng: random.Random, states: int) -> Matrix:
    """A labelled graph: any weights, negative ones and the diagonal too."""
    return [[Fraction(rng.choice([0, 0, 1, 1, 2, -1])) for _ in range(states)] for _ in range(states)]


def with_diagonal(q: Matrix) -> Matrix:
    return [[w if u != v else w - sum(row) for v, w in enumerate(row)] for u, row in enumerate(q)]


KINDS: dict[str, Callable[[random.Random, int], Matrix]] = {
    "any chain": any_chain,
    "exact, planted": lambda rng, states: planted_chain(rng, states, proportional=False),
    "proportional, planted": lambda rng, states: planted_chain(rng, states, proportional=True),
    "any graph": any_graph,
}


# The trial


def ours(value: object) -> Fraction:
    """A rational of the package as a Fraction."""
    return Fraction(int(value.numerator), int(value.denominator))  # type: ignore[attr-defined]


def fractions(values: Sequence[object]) -> list[Fraction]:
    return [ours(value) for value in values]


def theirs(values: Sequence[Fraction]) -> tuple[object, ...]:
    return tuple(rational(value) for value in values)


def trial(rng: random.Random, kind: str, states: int) -> list[str]:
    """What is wrong about one random chain; nothing, one hopes."""
    q = KINDS[kind](rng, states)
    graph = (markov.Graph if kind == "any graph" else markov.Chain).of(q)
    every = list(partitions(list(range(states))))
    initial = None if rng.random() < 0.5 else canonical(rng.choice(every))
    faults = [*decisions(q, graph, every), *maxima(q, graph, every, initial)]
    if isinstance(graph, markov.Chain):
        faults += [*stationary(q, graph), *quotients(rng, q, graph), *transients(rng, q, graph)]
    return [f"{fault}: {kind}, {[list(map(str, row)) for row in q]}" for fault in faults]


def decisions(q: Matrix, graph: markov.Graph, every: list[Partition]) -> Iterator[str]:
    """Every partition is decided, and its rho found, as by the definitions."""
    for classes in every:
        rho, given = some_rho(q, sorted(map(sorted, classes))), canonical(classes)
        found = markov.factors(graph, given)
        if (found is None) != (rho is None) or (found is not None and fractions(found) != rho):
            yield f"factors of {given}: {found}"
        if found is not None and not markov.is_proportional(graph, given, found):
            yield f"is_proportional of {given}"
        if markov.is_exact(graph, given) != obeys_definition_4(q, classes):
            yield f"is_exact of {given}"
        if markov.is_ordinary(graph, given) != is_ordinary(q, classes):
            yield f"is_ordinary of {given}"


def maxima(q: Matrix, graph: markov.Graph, every: list[Partition], initial: markov.Classes | None) -> Iterator[str]:
    """Every maximum is the one partition that all others with the property refine."""
    allowed = [c for c in every if initial is None or refines(c, [list(s) for s in initial])]
    for name, find, obeys in (
        ("exact", markov.maximum_exact, obeys_definition_4),
        ("proportional", markov.maximum_proportional, lambda q, c: some_rho(q, c) is not None),
        ("ordinary", markov.maximum_ordinary, is_ordinary),
    ):
        good = [c for c in allowed if obeys(q, c)]
        tops = [c for c in good if all(refines(other, c) for other in good)]
        if [canonical(c) for c in tops] != [find(graph, initial)]:
            yield f"maximum {name} from {initial}: {find(graph, initial)}, expected {tops}"


def stationary(q: Matrix, chain: markov.Chain) -> Iterator[str]:
    """As many as there are independent solutions of x q = 0, each one of them, and none a mixture."""
    found = [fractions(pi) for pi in markov.stationary_distributions(chain)]
    if len(found) != len(null_vectors(q)):
        yield "number of stationary distributions"
    for pi in found:
        if sum(pi) != 1 or min(pi) < 0 or any(sum(pi[u] * q[u][v] for u in range(len(q))) for v in range(len(q))):
            yield "stationary"
    if any(sum(pi[v] > 0 for pi in found) > 1 for v in range(len(q))):
        yield "stationary distributions that overlap"


def quotients(rng: random.Random, q: Matrix, chain: markov.Chain) -> Iterator[str]:
    """Quotients keep stationary distributions; exact and ordinary ones those after any number of jumps too."""
    yield from stationary_quotient(q, chain, markov.maximum_exact(chain))
    yield from stationary_quotient(q, chain, markov.maximum_proportional(chain))
    yield from exact_quotient(rng, chain)
    yield from ordinary_quotient(rng, chain)


def stationary_quotient(q: Matrix, chain: markov.Chain, classes: markov.Classes) -> Iterator[str]:
    small = markov.quotient(chain, classes)
    for (k, source), (j, target) in product(enumerate(classes), repeat=2):
        mean = sum(q[u][v] for u in source for v in target) / len(source)
        if ours(small.rows[k].get(j, 0)) != mean:
            yield f"the quotient by {classes} is not the mean"
    for pi in markov.stationary_distributions(small):
        even = fractions(markov.spread(pi, classes))
        if any(sum(even[u] * q[u][v] for u in range(len(q))) for v in range(len(q))):
            yield f"the quotient by {classes}: stationary"
    if len(markov.closed_classes(chain)) == 1:
        if markov.collected(markov.stationary(chain), classes) != markov.stationary(small):
            yield f"the quotient by {classes}: collected"


def exact_quotient(rng: random.Random, chain: markov.Chain) -> Iterator[str]:
    classes = markov.maximum_exact(chain)
    small, rate = markov.quotient(chain, classes), chain.fastest + 1
    share = theirs(random_distribution(rng, len(classes)))
    start = markov.spread(share, classes)
    for steps in range(4):
        after = markov.jumps(chain, start, steps, rate)
        if after != markov.spread(markov.jumps(small, share, steps, rate), classes):
            yield f"exact quotient: {steps} jumps"
    big, little = markov.transient(chain, start, 1, rate=rate), markov.transient(small, share, 1, rate=rate)
    if markov.collected(big.low, classes) != little.low or big.error != little.error:
        yield "exact quotient: transient"


def ordinary_quotient(rng: random.Random, chain: markov.Chain) -> Iterator[str]:
    states, rate = list(range(len(chain))), chain.fastest + 1
    classes = markov.maximum_ordinary(chain, canonical([[0], states[1:]] if states[1:] else [[0]]))
    small, start = markov.ordinary_quotient(chain, classes), theirs(random_distribution(rng, len(chain)))
    for steps in range(4):
        after = markov.collected(markov.jumps(chain, start, steps, rate), classes)
        if after != markov.jumps(small, markov.collected(start, classes), steps, rate):
            yield f"ordinary quotient: {steps} jumps"


def transients(rng: random.Random, q: Matrix, chain: markov.Chain) -> Iterator[str]:
    """The bounds are about the power series of exp(q t), and as narrow as asked for."""
    start, time = random_distribution(rng, len(q)), Fraction(rng.choice([0, 1, 3]), 4)
    found = markov.transient(chain, theirs(start), rational(time), within="1/1000000000")
    exact, rest = power_series(q, start, time)
    low, high = fractions(found.low), fractions(found.high)
    if any(a > p + rest or p - rest > b for a, p, b in zip(low, exact, high, strict=True)):
        yield "transient bounds"
    if not 0 <= found.error <= rational(1, 10**9) or sum(low) + ours(found.error) != 1:
        yield "transient error"
    if rest > Fraction(1, 10**12):
        yield "the power series is too short"


def random_distribution(rng: random.Random, states: int) -> list[Fraction]:
    weights = [rng.randrange(4) for _ in range(states)]
    weights[rng.randrange(states)] += 1
    return [Fraction(w, sum(weights)) for w in weights]
