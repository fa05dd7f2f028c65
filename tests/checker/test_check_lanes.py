# SPDX-License-Identifier: Apache-2.0
"""This file is about the checker's long integers: each lane is what the same is with an integer of its own."""

from fractions import Fraction

import pytest

from exactlump import check
from tests import bounding_tools as tools
from tests.bounding_tools import seeded
from tests.image_networks import image_network


def lanes(rng, divisors):
    """Functionals, some vectors of lanes as far as there is room, and a divisor."""
    for _ in range(150):
        count, bits, d = rng.choice((1, 2, 3, 8, 17)), 8 * rng.randint(4, 20), rng.choice(divisors)
        f, end = check.Functionals(count, bits, bits), (1 << bits - 3) - 1
        if d < end:
            sizes = (end, 3 * d, 1)
            vectors = [[rng.choice((-end, end, 0, -d, d - 1, rng.randint(-x, x))) for _ in range(count)] for x in sizes]
            yield f, vectors, [f.packed(vector) for vector in vectors], d


def test_lanes_are_packed_and_taken_apart():
    for f, vectors, packed, _ in lanes(seeded(1), [1]):
        assert packed == [sum(n << f.bits * r for r, n in enumerate(vector)) for vector in vectors]
        assert [f.lanes(x) for x in packed] == vectors
        assert f.packed(vectors[0][:-1]) == sum(n << f.bits * r for r, n in enumerate(vectors[0][:-1]))


@pytest.mark.parametrize("divisors", [[1, 2, 1 << 12, 1 << 40], [3, 10, 10**6, 3 << 12, (1 << 40) - 1, (1 << 40) + 1]])
def test_lanes_are_divided_rounded_down(divisors):
    for f, vectors, packed, d in lanes(seeded(2), divisors):
        for vector, quotients, rests in zip(vectors, *f.divided(packed, d), strict=True):
            assert f.lanes(quotients) == [n // d for n in vector]
            assert f.lanes(rests) == [n % d for n in vector]


def test_lanes_take_numbers_by_their_signs():
    rng = seeded(3)
    for f, vectors, _, _ in lanes(rng, [1]):
        small = [[n >> 4 for n in vector] for vector in vectors]
        below, above = [[(rng.randint(-9, 9), 1) for _ in small] for _ in "ab"]
        above[0] = below[0]
        found, ones = f.steered([*map(f.packed, small)], 1 << f.bits - 7, below, above)
        assert [*map(f.lanes, ones[0])] == small
        for vector, x, low, high in zip(small, found[0], below, above, strict=True):
            assert f.lanes(x) == [n * (low if n >= 0 else high)[0] for n in vector]
        assert found[1] == (1 << f.bits - 7) * max(abs(n) for n, _ in below + above)


def test_what_is_too_long_for_lanes_stops():
    f = check.Functionals(3, 64, 40)
    f.add("a", 1, [f.packed([1 << 59, -(1 << 59), 7])], 1 << 20, 1 << 60)
    assert f.settle("a", 1, {1: [0]}) == ([f.packed([1 << 39, -(1 << 39), 0])], 1 << 40)
    f.add("a", 1, [f.packed([0, -(1 << 59) - 1, 0])], 1 << 18, 1 << 60)
    with pytest.raises(check.Short):
        f.settle("a", 1, {1: [0]})
    with pytest.raises(check.Short):
        f.add("a", 1, [0], 1, 1 << 61)
    with pytest.raises(check.Short):
        f.plus(0, 1, 1 << 61)


@pytest.mark.parametrize("seed", range(3))
def test_elements_together_have_the_bounds_of_each_alone(seed, monkeypatch):
    """Whatever goes down together, in lanes of whatever length."""
    rng = seeded(seed)
    for ours in (tools.random_chain(rng), image_network(rng.randrange(10**6))):
        theirs, found = tools.jittered(ours, rng, Fraction(1, 8)), []
        for together in (1, 3, 64):
            monkeypatch.setattr(check, "LANES", together)
            comparison = tools.compared(ours, theirs)
            count = comparison.tensors.based[0].units
            comparison.bounder.room = {(x, j): (8, together) for x in "abd" for j in range(20)}
            state = tools.known(comparison, [-check.WHOLE] * count, [check.WHOLE] * count)
            found.append((state.before, state.lines, state.planes))
        assert found[0] == found[1] == found[2]
