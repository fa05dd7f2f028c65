# SPDX-License-Identifier: Apache-2.0
"""This file is about linear dependencies among rows: all circuits are found, all are exact, and limits are said."""

import math
import random
from fractions import Fraction
from itertools import combinations

import pytest
from sympy import Matrix

from exactlump.numbers.rational import rational
from exactlump.points.affine import Row
from exactlump.relaxations import dependencies
from exactlump.relaxations.dependencies import Bounds, exact_circuit, find_circuits
from tests import oracle


def row(*entries):
    """Weights, and the constant last."""
    *weights, constant = entries
    return Row({i: rational(w) for i, w in enumerate(weights) if w}, rational(constant))


def circuits_by_definition(vectors, size):
    """Every dependent set none of whose parts is dependent, by SymPy's null space."""
    found = set()
    for count in range(1, size + 1):
        for members in combinations(range(len(vectors)), count):
            space = Matrix([vectors[v] for v in members]).T.nullspace()
            if len(space) == 1 and all(space[0]):
                found.add(members)
    return found


def ray(vector):
    divisor = math.gcd(*vector)
    return tuple(n // divisor for n in vector) if divisor else None


def holds(circuit, vectors):
    coefficients = [oracle.exact(c) for c in circuit.coefficients]
    columns = range(len(vectors[0]))
    return all(sum(c * vectors[v][i] for c, v in zip(coefficients, circuit.members, strict=True)) == 0 for i in columns)


def test_all_circuits_of_random_rows_are_found_and_nothing_else():
    rng = random.Random(3)
    for _ in range(80):
        m, n = rng.randint(1, 4), rng.randint(3, 7)
        vectors = [[rng.randint(-1, 2) for _ in range(m + 1)] for _ in range(n)]
        search = find_circuits([row(*vector) for vector in vectors], 5)
        found = {circuit.members for circuit in search.circuits}
        true = circuits_by_definition(vectors, 5)
        assert not search.cut
        assert all(holds(circuit, vectors) for circuit in search.circuits)
        assert found <= true
        first = {}
        for v, vector in enumerate(vectors):
            first.setdefault(ray(vector), v)
        promised = {s for s in true if len(s) == 1 or (len(s) >= 3 and all(first[ray(vectors[v])] == v for v in s))}
        assert promised <= found
        proportional = {v for s in true if len(s) == 2 for v in s}
        assert proportional == {v for s in found if len(s) == 2 for v in s}


def test_few_terms_come_first():
    vectors = [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [2, 0, 0, 0], [1, 1, 0, 0], [1, 1, 1, 0], [0, 0, 0, 0]]
    sizes = [len(c.members) for c in find_circuits([row(*v) for v in vectors], 4).circuits]
    assert sizes == sorted(sizes)
    assert {1, 2, 3, 4} == set(sizes)


def planted(width, inputs, rng, bits=24):
    vectors = [[rng.randint(-(2**bits), 2**bits) for _ in range(inputs + 1)] for _ in range(width)]
    for k, terms in enumerate((2, 3, 4)):
        parts = [rng.randint(1, 9) * rng.choice((-1, 1)) for _ in range(terms)]
        vectors[-1 - k] = [sum(c * vectors[10 * k + j][i] for j, c in enumerate(parts)) for i in range(inputs + 1)]
    return vectors


@pytest.mark.parametrize(("width", "inputs"), [(200, 784), (120, 40)])
def test_planted_dependencies_are_found_in_wide_layers(width, inputs):
    vectors = planted(width, inputs, random.Random(width))
    search = find_circuits([row(*v) for v in vectors], 4)
    wanted = {(0, 1, width - 1), (10, 11, 12, width - 2)}
    assert {circuit.members for circuit in search.circuits} == wanted
    assert not search.cut
    assert all(holds(circuit, vectors) for circuit in search.circuits)


def test_independent_rows_of_any_number_cost_one_rank():
    rng = random.Random(8)
    rows = [row(*[rng.randint(-(2**24), 2**24) for _ in range(301)]) for _ in range(150)]
    search = find_circuits(rows, 5)
    assert search == dependencies.Search((), "")


def test_limits_are_said():
    rng = random.Random(2)
    plane = [row(rng.randint(-99, 99), rng.randint(1, 99)) for _ in range(30)]
    assert "first 10 dependencies" in find_circuits(plane, 3, Bounds(circuits=10)).cut
    assert len(find_circuits(plane, 3, Bounds(circuits=10)).circuits) == 10
    assert "work" in find_circuits(plane, 4, Bounds(projections=20, circuits=10**6)).cut
    assert "30 directions" in find_circuits(plane, 3, Bounds(directions=20)).cut
    assert "dependencies" in find_circuits([row(1, k % 2) for k in range(30)], 1, Bounds(circuits=3)).cut


def test_rows_that_are_dependent_modulo_the_prime_only_are_no_circuit():
    p = dependencies.PRIMES[0]
    rows = [row(1, 0, 0), row(0, 1, 0), row(1, 1, p)]
    assert exact_circuit(rows, (0, 1, 2)) is None
    assert find_circuits(rows, 3) == dependencies.Search((), "")


def test_a_circuit_hidden_by_the_first_prime_is_found_with_another():
    p = dependencies.PRIMES[0]
    vectors = [[1, 0, 0, 0], [0, 1, 0, 0], [1, 1, p, 0], [0, 0, 1, 0]]
    search = find_circuits([row(*v) for v in vectors], 4)
    assert [circuit.members for circuit in search.circuits] == [(0, 1, 2, 3)]
    assert not search.cut


def test_when_no_prime_convinces_that_is_said(monkeypatch):
    p = dependencies.PRIMES[0]
    monkeypatch.setattr(dependencies, "PRIMES", (p,))
    search = find_circuits([row(1, 0, 0), row(0, 1, 0), row(1, 1, p)], 3)
    assert search.circuits == ()
    assert "every prime" in search.cut


def test_coefficients_are_exact_fractions():
    (circuit,) = find_circuits([row(2, 0), row(0, 3), row(5, 7)], 3).circuits
    c = [oracle.exact(value) for value in circuit.coefficients]
    assert [value / -c[2] for value in c[:2]] == [Fraction(5, 2), Fraction(7, 3)]
