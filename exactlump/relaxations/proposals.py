# SPDX-License-Identifier: Apache-2.0
"""This file is about which merges are proposed: for each neuron that can go, its best combination of others."""

from collections.abc import Iterator, Sequence

from exactlump.numbers.rational import Rational
from exactlump.relaxations.dependencies import Circuit, find_circuits
from exactlump.relaxations.interiors import Layer
from exactlump.relaxations.merging import Merge
from exactlump.relaxations.regions import Combination


def propose(layer: Layer, terms: int, notes: list[str]) -> Iterator[tuple[Merge, Combination]]:
    """One merge for each neuron that can go, best first: right ones, then few terms, then positive coefficients.

    No source of a merge is the target of another one.  Of neurons that could replace each other the later goes.
    """
    candidates = []
    for slope, units in _by_slope(layer).items():
        search = find_circuits([layer.rows[v] for v in units], terms + 1)
        if search.cut:
            notes.append(f"{layer.name}: the search was cut: {search.cut}")
        for circuit in search.circuits:
            candidates += list(_merges(layer, units, circuit, slope))
    candidates.sort(key=lambda pair: _key(*pair))
    gone: set[int] = set()
    used: set[int] = set()
    for merge, combination in candidates:
        if merge.target not in gone | used and not gone & set(merge.sources):
            gone.add(merge.target)
            used |= set(merge.sources)
            yield merge, combination


def _by_slope(layer: Layer) -> dict[Rational, list[int]]:
    """The neurons that have a (leaky) ReLU, by its slope: only equal functions can replace each other."""
    found: dict[Rational, list[int]] = {}
    for v, sigma in enumerate(layer.functions):
        if sigma.slope is not None:
            found.setdefault(sigma.slope, []).append(v)
    return found


def _merges(
    layer: Layer, units: Sequence[int], circuit: Circuit, slope: Rational
) -> Iterator[tuple[Merge, Combination]]:
    """The merges of a circuit: each of its neurons by the others."""
    pairs = [(units[v], c) for v, c in zip(circuit.members, circuit.coefficients, strict=True)]
    for target, c in pairs:
        others = [(v, -w / c) for v, w in pairs if v != target]
        merge = Merge(target, tuple(v for v, _ in others), tuple(r for _, r in others))
        rows = tuple(layer.rows[v] for v in merge.sources)
        yield merge, Combination(merge.coefficients, rows, slope, layer.box)


def _key(merge: Merge, combination: Combination) -> tuple[bool, bool, int, int, int, tuple[int, ...]]:
    exact = combination.is_exact
    negative = sum(r < 0 for r in merge.coefficients)
    constant = not exact and combination.offset is None
    return not exact, constant, len(merge.sources), negative, -merge.target, merge.sources
