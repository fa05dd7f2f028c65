# SPDX-License-Identifier: Apache-2.0
"""This file is about lumpabilities of labelled graphs and chains: Definitions 4 and 5 decided, their maxima found.

For all classes S, S' of an equivalence relation and all v, t of S,

    exact               sum_{u in S'} Q(u, v)          = sum_{u in S'} Q(u, t)                           (Definition 4)
    proportional exact  rho(v) * sum_{u in S'} Q(u, v) = rho(t) * sum_{u in S'} Q(u, t)                  (Definition 5)
    ordinary            sum_{u in S'} Q(v, u)          = sum_{u in S'} Q(t, u)             (Kemeny and Snell; Buchholz)

with some rho > 0.  The first two look at what enters a state, the last at what leaves it.  The diagonal counts.

Each maximum is found by refinement.  Start with one class (or with a given partition), and split every class by the
sums over the classes, equal or positively proportional, until nothing is split.  A lumpability R that refines the
partition at hand refines the next one too, as sums over coarser classes are sums of sums over classes of R.  So all
lumpabilities refine the result, which is one itself: it is the unique maximum.  A round costs one addition for each
edge, and there are fewer rounds than states.  (Valmari and Franceschinis, TACAS 2010, need O(m log n) in all.)

Throughout: u, v, t states; k a class, by its place; classes are in order of their least members.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from exactlump.errors import NotALumping
from exactlump.markov.chains import Graph
from exactlump.numbers.rational import ONE, ZERO, Rational, SparseRow, Vector, fraction, primitive, text

Classes: TypeAlias = tuple[tuple[int, ...], ...]


def classes_of(graph: Graph, *classes: Sequence[str]) -> Classes:
    """The partition whose classes have these states, by name; states that are not named are alone.

    Raises NotALumping for a state that is named twice, FormatError for a name that no state has.

    >>> classes_of(Graph.of([[0] * 4] * 4), "24")
    ((0,), (1, 3), (2,))
    """
    named = [tuple(sorted(graph.place(name) for name in members)) for members in classes if members]
    seen = {v for members in named for v in members}
    found = tuple(sorted([*named, *((v,) for v in range(len(graph)) if v not in seen)]))
    demand_partition(graph, found)
    return found


def demand_partition(graph: Graph, classes: Sequence[Sequence[int]]) -> None:
    """NotALumping unless the classes are a partition of the states into classes that are not empty."""
    if sorted(v for members in classes for v in members) != list(range(len(graph))) or not all(classes):
        raise NotALumping(f"classes: found {list(map(list, classes))}, expected a partition of {len(graph)} states")


def sums_into(graph: Graph, classes: Classes, mass: Sequence[Rational] | None = None) -> tuple[SparseRow, ...]:
    """For each state v and class k: the sum of Q(u, v) over u in k, or of Q(u, v) / mass(u); zeros are left out."""
    return _class_sums(graph.columns(), classes, mass)


def sums_out_of(graph: Graph, classes: Classes) -> tuple[SparseRow, ...]:
    """For each state v and class k: the sum of Q(v, u) over u in k; zeros are left out."""
    return _class_sums(graph.rows, classes, None)


def _class_sums(lines: Sequence[SparseRow], classes: Classes, mass: Sequence[Rational] | None) -> tuple[SparseRow, ...]:
    place = {u: k for k, members in enumerate(classes) for u in members}
    found = []
    for line in lines:
        sums: SparseRow = {}
        for u, w in line.items():
            sums[place[u]] = sums.get(place[u], ZERO) + (w if mass is None else w / mass[u])
        found.append({k: total for k, total in sorted(sums.items()) if total})
    return tuple(found)


# Deciding


def is_exact(graph: Graph, classes: Classes) -> bool:
    """Whether a partition is an exact lumpability (Definition 4).  Raises NotALumping for no partition."""
    return exact_flaw(graph, classes) is None


def is_proportional(
    graph: Graph, classes: Classes, rho: Sequence[Rational], *, mass: Sequence[Rational] | None = None
) -> bool:
    """Whether a partition with factors rho is a proportional exact lumpability (Definition 5).

    mass   None: the sums are those of Definition 5.  Otherwise Q(u, v) is divided by mass(u) in them; with mass = rho
           they are the sums that a network needs (Definition 6, corrected: docs/markov.md).
    Raises NotALumping for no partition, and for factors that are not one positive number a state.
    """
    return proportional_flaw(graph, classes, rho, mass=mass) is None


def is_ordinary(graph: Graph, classes: Classes) -> bool:
    """Whether a partition is an ordinary lumpability.  Raises NotALumping for no partition."""
    return ordinary_flaw(graph, classes) is None


def exact_flaw(graph: Graph, classes: Classes) -> str | None:
    """None for an exact lumpability, else the first two states and class where Definition 4 fails, in words."""
    demand_partition(graph, classes)
    return _flaw(graph, classes, sums_into(graph, classes), None, "from")


def proportional_flaw(
    graph: Graph, classes: Classes, rho: Sequence[Rational], *, mass: Sequence[Rational] | None = None
) -> str | None:
    """None for a proportional exact lumpability, else where Definition 5 fails, in words; see `is_proportional`."""
    demand_partition(graph, classes)
    _demand_factors(graph, rho)
    if mass is not None:
        _demand_factors(graph, mass)
    return _flaw(graph, classes, sums_into(graph, classes, mass), rho, "from")


def ordinary_flaw(graph: Graph, classes: Classes) -> str | None:
    """None for an ordinary lumpability, else the first two states and class where it fails, in words."""
    demand_partition(graph, classes)
    return _flaw(graph, classes, sums_out_of(graph, classes), None, "to")


def _demand_factors(graph: Graph, factors: Sequence[Rational]) -> None:
    if len(factors) != len(graph):
        raise NotALumping(f"rho: found {len(factors)} factors, expected {len(graph)}")
    for name, factor in zip(graph.names, factors, strict=True):
        if not factor > 0:
            raise NotALumping(f"rho of state {name!r}: found {factor}, expected a positive number")


def _flaw(
    graph: Graph, classes: Classes, sums: Sequence[SparseRow], rho: Sequence[Rational] | None, side: str
) -> str | None:
    """The first difference between a state and the first one of its class."""
    for first, *others in classes:
        for v in others:
            for k in sorted({*sums[first], *sums[v]}):
                ours, theirs = (_scaled(sums[t].get(k, ZERO), rho, t) for t in (first, v))
                if ours != theirs:
                    pair = f"states {graph.names[first]} and {graph.names[v]}"
                    weighed = "" if rho is None else ", times rho"
                    found = f"found {text(ours)} and {text(theirs)}{weighed}, expected the same"
                    return f"{pair}: {side} class {class_name(graph, classes[k])} {found}"
    return None


def _scaled(value: Rational, rho: Sequence[Rational] | None, v: int) -> Rational:
    return value if rho is None else rho[v] * value


def class_name(graph: Graph, members: Sequence[int]) -> str:
    """The name of a class: its states, in braces."""
    return "{" + ", ".join(graph.names[v] for v in members) + "}"


def factors(graph: Graph, classes: Classes) -> Vector | None:
    """The rho that makes a partition a proportional exact lumpability (Definition 5), or None if there is none.

    It is 1 at the least member of each class, and that makes it unique, but for classes that nothing enters: there
    all numbers serve, and it is 1.  Raises NotALumping for no partition.
    """
    demand_partition(graph, classes)
    sums = sums_into(graph, classes)
    rho = [ONE] * len(graph)
    for first, *others in classes:
        for v in others:
            if sums[v]:
                k, total = next(iter(sums[v].items()))
                rho[v] = sums[first].get(k, ZERO) / total
            if not rho[v] > 0 or sums[first] != {k: rho[v] * w for k, w in sums[v].items()}:
                return None
    return tuple(rho)


# Finding


def maximum_exact(graph: Graph, initial: Classes | None = None) -> Classes:
    """The unique maximum exact lumpability: coarser than every other one (that refines `initial`).

    Raises NotALumping when `initial` is no partition.

    >>> from exactlump.markov.chains import Chain
    >>> maximum_exact(Chain.of([[-2, 1, 1], [2, -2, 0], [2, 0, -2]]))
    ((0,), (1, 2))
    """
    return _refined(graph, initial, sums_into, _equal)


def maximum_proportional(graph: Graph, initial: Classes | None = None) -> Classes:
    """The unique maximum proportional exact lumpability (that refines `initial`); `factors` gives its rho.

    Raises NotALumping when `initial` is no partition.
    """
    return _refined(graph, initial, sums_into, _direction)


def maximum_ordinary(graph: Graph, initial: Classes | None = None) -> Classes:
    """The unique maximum ordinary lumpability that refines `initial`.

    For a chain, one class of all states is ordinary lumpable, as all rows add up to 0: without an `initial`
    partition that keeps apart what is to be observed, the answer says nothing.  Raises NotALumping when it is none.
    """
    return _refined(graph, initial, sums_out_of, _equal)


def _refined(
    graph: Graph,
    initial: Classes | None,
    sums_of: Callable[[Graph, Classes], Sequence[SparseRow]],
    key: Callable[[Mapping[int, Rational]], object],
) -> Classes:
    classes = (tuple(range(len(graph))),) if initial is None else tuple(tuple(sorted(s)) for s in sorted(initial))
    if len(graph) or initial is not None:
        demand_partition(graph, classes)
    count = 0
    while count != len(classes):
        count = len(classes)
        sums = sums_of(graph, classes)
        groups: dict[object, list[int]] = {}
        for k, members in enumerate(classes):
            for v in members:
                groups.setdefault((k, key(sums[v])), []).append(v)
        classes = tuple(sorted(map(tuple, groups.values())))
    return classes


def _equal(sums: Mapping[int, Rational]) -> object:
    return tuple((k, fraction(total)) for k, total in sums.items())


def _direction(sums: Mapping[int, Rational]) -> object:
    """The same for positive multiples, and for them only."""
    return tuple(zip(sums, primitive(sums.values())[0], strict=True))
