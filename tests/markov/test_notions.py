# SPDX-License-Identifier: Apache-2.0
"""This file is about the table of notions: what it must say of the families that are made for one notion or another."""

import random
from pathlib import Path

import numpy as np
import pytest

from benchmarks import notions
from exactlump import Network, evaluate

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("family", notions.FAMILIES)
def test_the_exact_notions_are_right_and_in_their_order(family):
    rng = random.Random(5)
    for seed in range(3):
        network = notions.FAMILIES[family](rng)
        left = notions.judged(network, seed)
        assert not any(left[notion][1] for notion in ("bisimulation", "corrected", "with constants", "with kinks"))
        assert left["with kinks"][0] <= left["with constants"][0]
        assert left["with constants"][0] <= left["corrected"][0] <= left["bisimulation"][0] <= network.neurons


def test_the_page_shows_the_table_that_was_measured():
    tables = []
    for name in ("docs/notions.md", "benchmarks/results/notions.md"):
        words = (ROOT / name).read_text(encoding="utf-8")
        tables.append([line for line in words.splitlines() if line.startswith("|")])
        count = sum(int(line.split("|")[2]) for line in tables[-1][2:])
        assert count >= 200
        assert f"{count} networks" in words
    assert tables[0] == tables[1]
    assert tables[0][0].count("|") == len(notions.NOTIONS) + 4


def test_each_family_shows_what_it_is_made_for():
    rng = random.Random(1)
    left = {family: notions.judged(make(rng), 0) for family, make in notions.FAMILIES.items()}
    assert left["equal neurons"]["bisimulation"][0] == 11
    assert left["multiples"]["corrected"][0] == 11 < left["multiples"]["bisimulation"][0]
    assert left["multiples above multiples"]["corrected"][0] == 8 < left["multiples above multiples"]["printed"][0]
    assert left["equal unweighted sums"]["printed"][1]
    assert left["constants, dead, unread"]["with constants"][0] < left["constants, dead, unread"]["corrected"][0]
    assert left["eight directions in a plane"]["rank"] == (8, True)


def test_the_float_layers_are_the_network():
    network = notions.sums(random.Random(2))
    points = np.random.default_rng(0).integers(-8, 9, (20, 3)) / 4
    exact = evaluate(network, points).astype(float)
    assert np.abs(notions.forward(notions.layers_of(network), points)[-1] - exact).max() < 1e-9


def test_a_wrong_quotient_is_seen():
    one, other = (Network.chain([[[1]], [[w]]]) for w in (1, 2))
    assert notions.differ(one, other, 0)
    assert not notions.differ(one, one, 0)


def test_a_bisimulation_merges_over_merged_classes():
    network = Network.chain([[[1], [1], [2]], [[1, 0, 0], [0, 1, 0], [0, 0, 1]], [[1, 1, 1]]])
    small = notions.bisimulation(network)
    assert small.neurons == 4
    assert not notions.differ(network, small, 0)
