# SPDX-License-Identifier: Apache-2.0
"""This file is about Markov chains: Definitions 4 and 5, maxima, quotients, distributions; random ones, published ones.

`python -m benchmarks.markov` puts 2,000 random chains on the trial of `tests/markov_chains.py`; here there are fewer.
"""

import random
from fractions import Fraction
from itertools import product

import pytest

from exactlump import markov, rational
from exactlump.errors import ExactlumpError, FormatError, NotALumping, ShapeError
from exactlump.markov import Chain, Graph, definitions, distributions
from examples.paper_chains import ERRATUM, EXAMPLE_2, EXAMPLE_2_CLASSES, EXAMPLE_2_RHO, SUMS_FAIL
from examples.queues import polling, tandem
from tests.markov_chains import KINDS, canonical, fractions, ours, partitions, some_rho, trial


def trials(count, seed=0, kinds=tuple(KINDS)):
    rng = random.Random(seed)
    return [fault for i in range(count) for fault in trial(rng, kinds[i % len(kinds)], rng.randint(1, 6))]


def test_random_chains_are_decided_lumped_and_solved_as_by_the_definitions():
    assert trials(160) == []


def test_the_random_chains_are_of_every_kind():
    """Some have coarser proportional than exact maxima, some have neither, some are reducible."""
    rng, seen = random.Random(3), set()
    for _ in range(80):
        chain = Chain.of(KINDS["proportional, planted"](rng, 5))
        exact, coarser = len(markov.maximum_exact(chain)), len(markov.maximum_proportional(chain))
        seen |= {("proportional", coarser < exact), ("exact", exact < 5), ("classes", coarser > 1)}
        seen.add(("closed", len(markov.closed_classes(chain)) > 1))
    assert seen == set(product(("proportional", "exact", "classes", "closed"), (False, True)))


def _sign_lost(sums):
    return tuple((k, abs(p)) for k, p in zip(sums, definitions.primitive(sums.values())[0], strict=True))


def _without_diagonal(graph, classes, mass=None):
    lines = [{u: w for u, w in column.items() if u != v} for v, column in enumerate(graph.columns())]
    return definitions._class_sums(lines, classes, mass)


SERIES = distributions._series

# Where a fault is planted, and what stands there then.
FAULTS = {
    "negative multiples": (definitions, "_direction", _sign_lost),
    "all states look alike": (definitions, "_equal", lambda sums: None),
    "the diagonal is left out": (definitions, "sums_into", _without_diagonal),
    "rho upside down": (markov, "factors", lambda g, c: (r := definitions.factors(g, c)) and tuple(1 / x for x in r)),
    "no factor |S|/|S'|": (markov, "quotient", lambda q, c: markov.closed(markov.summed_incoming(q, c))),
    "nothing goes on": (distributions, "_add", lambda row, i, share, leaving: None),
    "back to i is counted": (
        distributions,
        "_add",
        lambda row, i, share, leaving: row.update({j: row.get(j, 0) + share * w for j, w in leaving.items()}),
    ),
    "fewer terms": (distributions, "_series", lambda x, within: (3, *SERIES(x, within)[1:])),
    "no rest": (distributions, "_series", lambda x, within: (*SERIES(x, 1)[:2], rational(0))),
    "an early sum": (distributions, "_partial_sum", lambda chain, p, *_: p),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_the_trial_sees_a_planted_fault(fault, monkeypatch):
    monkeypatch.setattr(*FAULTS[fault])
    rng, kinds = random.Random(0), list(KINDS)
    for i in range(200):
        try:
            if trial(rng, kinds[i % len(kinds)], rng.randint(2, 5)):
                return
        except (ExactlumpError, ZeroDivisionError):
            return
    pytest.fail("the fault was not seen")


def test_every_chain_of_three_states_with_rates_0_1_2():
    """Exhaustive: the maximum is the coarsest partition with a rho, and even distributions are its fixed points."""
    every = list(partitions([0, 1, 2]))
    for rates in product(range(3), repeat=6):
        a, b, c, d, e, f = rates
        q = [[Fraction(-a - b), Fraction(a), Fraction(b)], [Fraction(c), Fraction(-c - d), Fraction(d)]]
        q.append([Fraction(e), Fraction(f), Fraction(-e - f)])
        good = [classes for classes in every if some_rho(q, sorted(map(sorted, classes)))]
        found = markov.maximum_proportional(Chain.of(q))
        assert found == canonical(min(good, key=len))
        assert sum(len(classes) == len(found) for classes in good) == 1


# The paper's items


def test_example_2_has_its_classes_and_its_rho():
    assert markov.is_proportional(EXAMPLE_2, EXAMPLE_2_CLASSES, EXAMPLE_2_RHO)
    assert markov.factors(EXAMPLE_2, EXAMPLE_2_CLASSES) == EXAMPLE_2_RHO
    assert markov.maximum_proportional(EXAMPLE_2) == EXAMPLE_2_CLASSES
    assert not markov.is_exact(EXAMPLE_2, EXAMPLE_2_CLASSES)
    assert markov.factors(EXAMPLE_2, markov.classes_of(EXAMPLE_2, "12")) is None


def test_example_2_keeps_its_stationary_distribution_and_not_its_transient_one():
    small = markov.quotient(EXAMPLE_2, EXAMPLE_2_CLASSES)
    pi = markov.stationary(EXAMPLE_2)
    assert fractions(pi) == [Fraction(1, 9)] * 7 + [Fraction(2, 9)]
    assert markov.collected(pi, EXAMPLE_2_CLASSES) == markov.stationary(small)
    start = (1, 0, 0, 0, 0, 0, 0, 0)
    after = [markov.jumps(EXAMPLE_2, start, k, rate=4) for k in range(4)]
    expected = [markov.jumps(small, (1, 0, 0, 0), k, rate=4) for k in range(4)]
    same = [markov.collected(p, EXAMPLE_2_CLASSES) == p_small for p, p_small in zip(after, expected, strict=True)]
    assert same == [True, True, False, False]


def test_e11_the_sums_of_the_incoming_rates_are_no_chain():
    classes = markov.classes_of(SUMS_FAIL, "23")
    assert markov.is_exact(SUMS_FAIL, classes)
    summed = markov.summed_incoming(SUMS_FAIL, classes)
    assert [sum(row.values()) for row in summed.rows] == [-1, 1]
    with pytest.raises(FormatError, match="adds up to -1, expected 0"):
        Chain(summed.names, summed.rows)
    wrong, right = markov.closed(summed), markov.quotient(SUMS_FAIL, classes)
    assert fractions(markov.stationary(wrong)) == [Fraction(2, 3), Fraction(1, 3)]
    assert fractions(markov.stationary(right)) == [Fraction(1, 3), Fraction(2, 3)]
    assert markov.collected(markov.stationary(SUMS_FAIL), classes) == markov.stationary(right)


def test_e11_no_chain_of_two_states_shows_it():
    """With two states in one class, both sums of rates are 0, and the sum is the chain of one state."""
    for a, b in product(range(5), repeat=2):
        chain = Chain.of([[-a, a], [b, -b]])
        one = ((0, 1),)
        assert markov.is_exact(chain, one) == (a == b)
        if a == b:
            assert markov.summed_incoming(chain, one).rows == ({},) == markov.quotient(chain, one).rows


def test_e1_the_unweighted_sums_are_right_for_a_chain_and_wrong_for_a_network():
    """One relation, two readings: docs/markov.md, "why"."""
    classes = markov.classes_of(ERRATUM, ("a1", "a2"), ("v", "t"))
    rho = tuple(map(rational, (1, 2, 1, 1, 1, 1)))
    assert markov.is_proportional(ERRATUM, classes, rho)
    assert not markov.is_proportional(ERRATUM, classes, rho, mass=rho)
    v, t = (markov.network_values(ERRATUM, {"x": 1})[ERRATUM.place(name)] for name in ("v", "t"))
    assert (v, t) == (1, 2)
    # The same edges with the rates of a chain, closed by o -> x: the two states of a class are equally likely.
    rates = {**{(u, v): ERRATUM.rate(u, v) for u, v in [("x", "a1"), ("x", "a2"), ("a1", "v"), ("v", "o")]}}
    chain = Chain.from_edges({**rates, ("a2", "t"): 2, ("t", "o"): 2, ("o", "x"): 1}, ERRATUM.names)
    found = markov.factors(chain, classes)
    assert found == tuple(map(rational, (1, 1, "1/2", 1, "1/2", 1)))
    pi = markov.stationary(chain)
    assert pi[1] == pi[2] == pi[3] == pi[4]


@pytest.mark.parametrize("seed", range(10))
def test_in_a_chain_row_factor_and_mass_are_independent(seed):
    """With sums weighted by any 1/mass, and rows proportional by any rho, mass times pi is even on classes."""
    rng = random.Random(seed)
    mass = tuple(rational(rng.randint(1, 5), rng.randint(1, 5)) for _ in range(8))
    rows = tuple({v: m * w for v, w in row.items()} for m, row in zip(mass, EXAMPLE_2.rows, strict=True))
    chain = Chain(EXAMPLE_2.names, rows)
    assert markov.is_proportional(chain, EXAMPLE_2_CLASSES, EXAMPLE_2_RHO, mass=mass)
    even = [m * p for m, p in zip(mass, markov.stationary(chain), strict=True)]
    assert all(even[v] == even[members[0]] for members in EXAMPLE_2_CLASSES for v in members)


def test_ordinary_lumpability_of_a_chain_needs_something_to_keep_apart():
    assert markov.maximum_ordinary(EXAMPLE_2) == (tuple(range(8)),)
    kept = markov.maximum_ordinary(EXAMPLE_2, markov.classes_of(EXAMPLE_2, "1234567", "8"))
    assert kept == markov.classes_of(EXAMPLE_2, "67")


# Published models: PRISM's pages state the numbers of states and transitions, Storm's tests the values, found there
# by floating-point iteration; they are quoted to the digits in which those tests expect agreement.


@pytest.mark.parametrize(("c", "states", "transitions"), [(5, 66, 189), (7, 120, 363), (15, 496, 1619)])
def test_the_tandem_network_has_the_published_size(c, states, transitions):
    chain, _ = tandem(c)
    assert repr(chain) == f"Chain({states} states, {transitions} rates)"


def test_the_tandem_network_of_capacity_5_has_the_published_values():
    chain, states = tandem(5)
    pi = markov.stationary(chain)
    full = ours(sum(p for p, state in zip(pi, states, strict=True) if state[0] == 5))
    assert abs(full - Fraction("0.9100373532")) < Fraction(1, 10**6)
    at_10 = markov.transient(chain, [1] + [0] * 65, 10, within="1/100000000")
    customers = sum(p * (state[0] + state[2]) for p, state in zip(at_10.low, states, strict=True))
    assert abs(ours(customers) - Fraction("5.679243850315877")) < Fraction(1, 10**6)


def test_a_published_two_state_chain_at_time_1():
    found = markov.transient(Chain.of([[-3, 3], [2, -2]]), (1, 0), 1, within="1/1000000000")
    assert abs(ours(found.low[0]) - Fraction("0.404043")) < Fraction(1, 10**6)
    assert abs(ours(found.low[1]) - Fraction("0.595957")) < Fraction(1, 10**6)


def polling_size(n):
    """States and transitions, in closed form."""
    return 3 * n * 2 ** (n - 1), n * 2 ** (n - 1) * (3 * n + 5) // 2


def test_the_polling_system_has_the_published_sizes():
    assert polling_size(2) == (12, 22)  # Storm's tests
    assert polling_size(18) == (7_077_888, 69_599_232)  # a published log of PRISM 4.9


@pytest.mark.parametrize("n", [2, 3, 4])
def test_the_polling_system_is_lumped_by_rotation(n):
    """Turning all stations around changes nothing, so that what becomes equal in this way is a class."""
    chain, states = polling(n)
    size, transitions = polling_size(n)
    assert repr(chain) == f"Chain({size} states, {transitions} rates)"
    orbits = {}
    for v, (at, serving, waiting) in enumerate(states):
        orbits.setdefault((serving, waiting[at:] + waiting[:at]), []).append(v)
    classes = markov.maximum_exact(chain)
    assert classes == canonical(orbits.values())
    assert classes == markov.maximum_proportional(chain)
    small = markov.quotient(chain, classes)
    assert small.rows == markov.ordinary_quotient(chain, classes).rows
    assert markov.spread(markov.stationary(small), classes) == markov.stationary(chain)


def test_the_polling_system_of_two_stations_has_the_published_value():
    chain, states = polling(2)
    pi = markov.stationary(chain)
    polled = ours(sum(p for p, state in zip(pi, states, strict=True) if state[:2] == (0, 0)))
    assert abs(polled - Fraction("0.20079750055570736")) < Fraction(1, 10**6)


# Chains and graphs


def test_a_chain_of_names_and_rates():
    chain = Chain.from_edges({("up", "down"): "1/3", ("down", "up"): 2})
    assert chain.names == ("up", "down")
    assert chain == Chain.of([["-1/3", "1/3"], [2, -2]], ["up", "down"])
    assert chain.rate("down", "down") == -2
    assert chain.fastest == 2
    assert Chain.from_edges({("a", "a"): 5, ("a", "b"): 1}).rows == ({0: rational(-1), 1: rational(1)}, {})


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: Chain.of([[-1, 1], [1]]), ShapeError, "found a row of 1 entries, expected 2"),
        (lambda: Chain.of([[1, -1], [0, 0]]), FormatError, "state '1': found the rate -1 to '2'"),
        (lambda: Chain.of([[0, 1], [0, 0]]), FormatError, "state '1': found a row that adds up to 1, expected 0"),
        (lambda: Graph.of([[1]], ["a", "b"]), ShapeError, "found 2 names for 1 rows"),
        (lambda: Graph.of([[1, 0], [0, 0]], "aa"), FormatError, "found a name twice"),
        (lambda: Graph(("a",), ({1: rational(1)},)), ShapeError, "found an edge to no state"),
        (lambda: Graph.from_edges({("a", "b"): 1}, "a"), FormatError, "edge 'a' -> 'b': found no state of that name"),
        (lambda: SUMS_FAIL.place("9"), FormatError, "state '9': found no state"),
        (lambda: markov.closed(Graph.of([[0, -1], [0, 0]])), FormatError, "expected one that is not negative"),
        (lambda: markov.network_values(SUMS_FAIL, {}), FormatError, "found the cycle"),
        (lambda: markov.is_exact(SUMS_FAIL, ((0, 1),)), NotALumping, "expected a partition of 3 states"),
        (lambda: markov.is_exact(SUMS_FAIL, ((0, 1, 2), ())), NotALumping, "expected a partition of 3 states"),
        (lambda: markov.is_proportional(SUMS_FAIL, ((0, 1, 2),), (1, 1)), NotALumping, "found 2 factors, expected 3"),
        (lambda: markov.is_proportional(SUMS_FAIL, ((0, 1, 2),), (1, 0, 1)), NotALumping, "rho of state '2': found 0"),
        (lambda: markov.quotient(SUMS_FAIL, ((0, 1), (2,))), NotALumping, "no rho makes them proportional"),
        (lambda: markov.ordinary_quotient(EXAMPLE_2, EXAMPLE_2_CLASSES), NotALumping, "states 2 and 3: to class"),
        (lambda: markov.classes_of(SUMS_FAIL, "12", "23"), NotALumping, "expected a partition"),
        (lambda: markov.summed_incoming(SUMS_FAIL, ((0,), (1, 2)), [0, 0]), NotALumping, "a state of each class"),
        (lambda: markov.collected((1,), ((0,), (1,))), ShapeError, "found 1 probabilities, expected 2"),
        (lambda: markov.spread((1,), ((0,), (1,))), ShapeError, "found 1 probabilities, expected 2"),
        (lambda: markov.stationary(Chain.of([[0, 0], [0, 0]])), FormatError, "found 2 closed classes, expected one"),
        (lambda: markov.transient(SUMS_FAIL, (1, 0), 1), ShapeError, "found 2 probabilities, expected 3"),
        (lambda: markov.transient(SUMS_FAIL, (1, 1, -1), 1), FormatError, "negative or do not add up to 1"),
        (lambda: markov.transient(SUMS_FAIL, (1, 1, 0), 1), FormatError, "negative or do not add up to 1"),
        (lambda: markov.transient(SUMS_FAIL, (1, 0, 0), -1), FormatError, "found time -1"),
        (lambda: markov.transient(SUMS_FAIL, (1, 0, 0), 1, within=0), FormatError, "within a positive bound"),
        (lambda: markov.transient(SUMS_FAIL, (1, 0, 0), 1, rate=1), FormatError, "found 1, expected a positive rate"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(make, error, words):
    with pytest.raises(error, match=words) as found:
        make()
    assert "\n" not in str(found.value)


def test_a_flaw_names_states_class_and_numbers():
    assert markov.exact_flaw(EXAMPLE_2, EXAMPLE_2_CLASSES) == (
        "states 2 and 3: from class {1} found 2 and 1, expected the same"
    )
    wrong = (*EXAMPLE_2_RHO[:2], rational(1), *EXAMPLE_2_RHO[3:])
    assert markov.proportional_flaw(EXAMPLE_2, EXAMPLE_2_CLASSES, wrong) == (
        "states 2 and 3: from class {1} found 2 and 1, times rho, expected the same"
    )
    assert markov.ordinary_flaw(EXAMPLE_2, EXAMPLE_2_CLASSES) == (
        "states 2 and 3: to class {2, 3, 4} found -2 and -1, expected the same"
    )


def test_the_empty_chain_has_no_classes_and_no_distribution():
    empty = Chain.of([])
    assert markov.maximum_exact(empty) == ()
    assert markov.stationary_distributions(empty) == ()


def test_a_chain_that_does_not_move_stays_exactly():
    still = Chain.of([[0, 0], [0, 0]])
    found = markov.transient(still, ("1/3", "2/3"), 5)
    assert (found.low, found.error) == (tuple(map(rational, ("1/3", "2/3"))), 0)
    assert markov.jumps(still, (1, 0), 3) == (1, 0)
    assert markov.transient(SUMS_FAIL, (1, 0, 0), 0).low == (1, 0, 0)


def test_values_are_short_when_shown():
    assert repr(EXAMPLE_2) == "Chain(8 states, 11 rates)"
    assert repr(ERRATUM) == "Graph(6 states, 6 edges)"
    assert repr(markov.transient(SUMS_FAIL, (1, 0, 0), 1)) == "Enclosure(3 states, 13 terms)"
