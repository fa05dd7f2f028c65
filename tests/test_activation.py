# SPDX-License-Identifier: Apache-2.0
"""This file is about activations: values, and that a scaling said to commute does, and that no other does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exactlump.activation import ABS, IDENTITY, OPAQUE_NAMES, RELU, Activation, leaky_relu, prelu
from exactlump.errors import NoExactValue, ShapeError
from exactlump.rational import rational

NUMBERS = st.builds(rational, st.integers(-9, 9), st.integers(1, 5))
SLOPES = st.sampled_from([rational(a, b) for a, b in [(0, 1), (1, 1), (-1, 1), (1, 100), (2, 1), (-1, 2)]])


@given(NUMBERS)
def test_values(y):
    assert RELU(y) == max(y, 0)
    assert IDENTITY(y) == y
    assert ABS(y) == abs(y)
    assert leaky_relu(rational(1, 4))(y) == (y if y >= 0 else y / 4)


@given(SLOPES, NUMBERS, NUMBERS)
def test_scalings_commute(slope, c, y):
    sigma = leaky_relu(slope)
    h = sigma.scaling(c)
    if h is not None:
        assert sigma(c * y) == h * sigma(y)


@given(SLOPES, NUMBERS.filter(bool))
def test_no_scaling_is_missed(slope, c):
    """sigma(c) = h sigma(1) and sigma(-c) = h sigma(-1) leave no other h."""
    sigma, one = leaky_relu(slope), rational(1)
    h = sigma(c) / sigma(one)
    possible = sigma(-c) == h * sigma(-one) and h != 0
    assert sigma.scaling(c) == (h if possible else None)


@pytest.mark.parametrize("name", sorted(OPAQUE_NAMES))
def test_other_activations_commute_with_nothing_but_one(name):
    sigma = Activation(name)
    assert sigma.scaling(rational(1)) == 1
    assert all(sigma.scaling(rational(c)) is None for c in (-1, 0, 2))
    assert not sigma.scales
    assert not sigma.signed


def test_rational_values_at_zero_only():
    known = {"sigmoid": rational(1, 2), "tanh": 0, "softsign": 0, "erf": 0, "sin": 0, "cos": 1, "exp": 1}
    assert {name: Activation(name)(rational(0)) for name in known} == known
    for name in OPAQUE_NAMES:
        with pytest.raises(NoExactValue):
            Activation(name)(rational(1))
    with pytest.raises(NoExactValue):
        Activation("softplus")(rational(0))


def test_only_slopes_one_and_minus_one_are_signed():
    assert [f.signed for f in (RELU, IDENTITY, ABS, leaky_relu(rational(-2)))] == [False, True, True, False]
    assert all(f.scales for f in (RELU, IDENTITY, ABS))


def test_equality_is_by_slope():
    assert prelu((rational(0), rational(1))) == (RELU, IDENTITY)
    assert leaky_relu(rational(1, 2)) != leaky_relu(rational(1, 3))


def test_names():
    assert [str(f) for f in (RELU, IDENTITY, ABS, leaky_relu(rational(1, 3)), Activation("tanh"))] == [
        "relu",
        "identity",
        "abs",
        "leaky_relu(1/3)",
        "tanh",
    ]


@pytest.mark.parametrize(
    ("name", "slope"), [("gelu", None), ("relu", None), ("leaky_relu", None), ("tanh", rational(1))]
)
def test_unknown_names_and_stray_slopes_are_refused(name, slope):
    with pytest.raises(ShapeError):
        Activation(name, slope)
