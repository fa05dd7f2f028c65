# SPDX-License-Identifier: Apache-2.0
"""This file is about our Markov chains beside Storm's, on published models, number by number, without a tolerance.

Skipped where Storm is not installed (`pip install 'exactlump[storm]'`); tests/markov/test_markov.py compares the same
models with values that were published.
"""

import functools

import pytest

from exactlump import markov, rational
from exactlump.markov import Chain, Graph
from examples.queues import polling, tandem
from tests import storm

pytestmark = pytest.mark.skipif(not storm.INSTALLED, reason="Storm is not installed: pip install 'exactlump[storm]'")


@functools.cache
def asked(name):
    return storm.ask(name)


def chain_of(said):
    names = [str(v) for v in range(said["states"])]
    return Chain.from_edges({(names[u], names[v]): rational(rate) for u, v, rate in said["rates"] if u != v}, names)


def graph_of(said):
    names = [str(v) for v in range(said["states"])]
    return Graph.from_edges({(names[u], names[v]): rational(rate) for u, v, rate in said["rates"]}, names)


def observed(said, label):
    """The partition into the states that have the label, and the others."""
    inside = set(said["labels"][label])
    parts = (tuple(v for v in range(said["states"]) if (v in inside) == wanted) for wanted in (True, False))
    return tuple(sorted(part for part in parts if part))


@pytest.mark.parametrize("name", storm.SOLVED)
def test_stationary_distributions_are_the_same_rationals(name):
    said = asked(name)
    assert markov.stationary(chain_of(said)) == tuple(map(rational, said["stationary"]))


@pytest.mark.parametrize("name", storm.MODELS)
def test_the_coarsest_ordinary_lumping_has_as_many_classes_as_the_quotient_of_storm(name):
    """Storm counts a rate from a state to itself, as the graph of the rates does; in a chain it says nothing."""
    said = asked(name)
    chain, graph = chain_of(said), graph_of(said)
    for label, states in said["lumped"].items():
        start = observed(said, label)
        assert len(markov.maximum_ordinary(graph, start)) == states, label
        coarser = len(markov.maximum_ordinary(chain, start))
        assert (coarser < states) == (name == "embedded2"), label


@pytest.mark.parametrize(("name", "make", "size"), [("tandem5", tandem, 5), ("polling2", polling, 2)])
def test_our_models_are_those_that_storm_reads(name, make, size):
    """One turns into the other by naming the states anew, along the rates, beginning at the start."""
    ours, theirs = make(size)[0], chain_of(asked(name))
    assert repr(ours) == repr(theirs)
    assert isomorphism(ours, theirs) is not None


def isomorphism(a, b):
    """The states of b for those of a, such that all rates agree, if there is one that takes state 0 to state 0."""
    found, waiting = {0: 0}, [0]
    pi, rho = markov.stationary(a), markov.stationary(b)
    for u in waiting:
        for v, rate in a.rows[u].items():
            if v not in found:
                fits = [
                    w
                    for w, other in b.rows[found[u]].items()
                    if (other, rho[w]) == (rate, pi[v]) and w not in found.values()
                ]
                if not fits:
                    return None
                found[v] = fits[0]
                waiting.append(v)
    same = all({found[v]: rate for v, rate in a.rows[u].items()} == b.rows[found[u]] for u in range(len(a)))
    return found if same else None
