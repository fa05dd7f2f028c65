# SPDX-License-Identifier: Apache-2.0
"""This file is about rows that are sums of classes: they compose, and are right where no function changes the sum."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exactlump.errors import NotALumping
from exactlump.lumping.flaws import find_flaw
from exactlump.lumping.simulations import FREE, NULL, Affine, Relation, Same, compose, entry, related
from exactlump.network.activations import ABS, IDENTITY, RELU, Activation, leaky_relu
from exactlump.network.kinds import Activate, Dense
from exactlump.network.program import Network
from exactlump.network.views import Port
from exactlump.numbers.matrix import Matrix
from exactlump.numbers.rational import ONE, ZERO, rational
from exactlump.reduction.float_sums import write_in
from exactlump.reduction.quotient import Step, relation_over
from tests.lumping.test_simulation import NUMBERS, false_row, with_identities
from tests.oracle import difference


def matrix(draw, rows, columns):
    """An affine map: rows of rationals, each with its constant at the end."""
    number = st.sampled_from([ZERO, ONE, -ONE, rational(2), rational(-1, 3)])
    return [[draw(number) for _ in range(columns + 1)] for _ in range(rows)]


def product(left, right):
    """Affine maps one after the other, constants in the last column."""
    columns = list(zip(*right, strict=True))
    sums = [[sum((a * b for a, b in zip(row, column, strict=False)), ZERO) for column in columns] for row in left]
    return [[*row[:-1], row[-1] + own[-1]] for row, own in zip(sums, left, strict=True)]


def layer_of(source, target, rows):
    weights = [dict(enumerate(row[:-1])) for row in rows]
    return Dense(source, target, Matrix.from_rows(weights, len(rows[0]) - 1), tuple(row[-1] for row in rows))


def summed(rows):
    """The rows of a relation that say what affine maps say."""
    return tuple(Affine(tuple((k, c) for k, c in enumerate(row[:-1]) if c), row[-1]) for row in rows)


def linear(inner, outer, function=None):
    """x -> u = inner(x) -> relu(outer(u)) -> its sum; with `function` an activation that is the identity after u."""
    nodes = [layer_of("x", "u", inner)]
    if function is not None:
        nodes.append(Activate("u", "a", (function,) * len(inner)))
    nodes += [layer_of(nodes[-1].target, "d", outer), Activate("d", "h", (RELU,) * len(outer))]
    last = Dense("h", "y", Matrix.from_rows([dict.fromkeys(range(len(outer)), ONE)], len(outer)), (ZERO,))
    return Network((Port("x", (len(inner[0]) - 1,)),), (*nodes, last), ("y",))


@st.composite
def sums_of_sums(draw):
    """Networks N, Q1, Q2: units of N are sums of units of Q1, and those of units of Q2; with both simulations."""
    units, widths = draw(st.integers(1, 3)), [draw(st.integers(1, 3)) for _ in range(3)]
    inner, (c, d) = matrix(draw, widths[2], 2), (matrix(draw, m, n) for m, n in pairwise(widths))
    outer = matrix(draw, units, widths[0])
    function = draw(st.sampled_from([None, IDENTITY]))
    tensor, same = "u" if function is None else "a", tuple(entry(k, ONE) for k in range(units))
    q2 = linear(inner, product(product(outer, c), d), function)
    q1 = linear(product(d, inner), product(outer, c), function)
    n = linear(product(c, product(d, inner)), outer, function)
    first, second = ({tensor: related(tensor, summed(m)), "h": Relation("h", same)} for m in (c, d))
    return n, q1, q2, first, second


@given(sums_of_sums())
@settings(max_examples=100)
def test_sums_of_classes_compose(chain):
    n, q1, q2, first, second = chain
    both = compose(first, second)
    for ours, theirs, simulation in [(n, q1, first), (q1, q2, second), (n, q2, both)]:
        assert find_flaw(ours, theirs, simulation) is None
        assert false_row(ours, theirs, simulation) is None
    assert difference(n, q2) is None
    assert all(a < b for r in both.values() for row in r.rows for (a, _), (b, _) in pairwise(row.terms))
    assert all(c for r in both.values() for row in r.rows for _, c in row.terms)


@given(sums_of_sums(), st.randoms(use_true_random=False))
@settings(max_examples=100)
def test_a_sum_that_was_changed_is_refuted_or_true(chain, rng):
    n, _, q2, first, second = chain
    both = compose(first, second)
    tensor = next(iter(both))
    rows = list(both[tensor].rows)
    v = rng.randrange(len(rows))
    c, units = rng.choice(NUMBERS), q2.units(tensor)
    terms = {**dict(rows[v].terms), rng.randrange(units): c}
    rows[v] = Affine(tuple(sorted((k, c) for k, c in terms.items() if c)), rows[v].plus + rng.choice([ZERO, ONE]))
    wrong = {**both, tensor: Relation(tensor, tuple(rows))}
    if find_flaw(n, q2, wrong) is None:
        assert false_row(n, q2, wrong) is None


# u0 = x0 and u1 = 2 * x0 - x1; sums of them: u0 + u1 + 5 and 2 * u0.
TWO = [[ONE, ZERO, ZERO], [rational(2), -ONE, ZERO]]
TWO_SUMS = [[rational(3), -ONE, rational(5)], [rational(2), ZERO, ZERO]]


def test_one_wrong_factor_in_a_sum_is_seen():
    n, q = (linear(inner, outer, IDENTITY) for inner, outer in [(TWO_SUMS, [[1, 1, 0]]), (TWO, [[3, 1, 5]])])
    first, second = Affine(((0, ONE), (1, ONE)), rational(5)), Affine(((0, ONE + ONE),), ZERO)
    same = Relation("h", (entry(0, ONE),))
    assert find_flaw(n, q, {"a": Relation("a", (first, second)), "h": same}) is None
    for wrong in [
        Affine(((0, ONE), (1, -ONE)), rational(5)),
        Affine(((0, ONE), (1, ONE)), rational(4)),
        Affine(((0, ONE + ONE), (1, ONE)), rational(5)),
    ]:
        assert "not the sum" in find_flaw(n, q, {"a": Relation("a", (wrong, second)), "h": same})


def above_relu(rows, function=IDENTITY, last=True):
    """x -> h = relu(u) -> s: what the rows say of h; `last`: under a function, and summed up in y."""
    nodes = [layer_of("x", "u", TWO), Activate("u", "h", (RELU,) * 2)]
    if not last:
        return Network((Port("x", (2,)),), (*nodes, layer_of("h", "y", rows)), ("y",))
    nodes += [layer_of("h", "e", rows), Activate("e", "s", (function,) * len(rows))]
    return Network((Port("x", (2,)),), (*nodes, layer_of("s", "y", [[ONE] * len(rows) + [ZERO]])), ("y",))


def test_a_unit_that_no_function_changes_may_be_a_sum_of_units_after_theirs():
    """s0 = h0 + h1 + 5 and s1 = 2 * h0 + 2 * h1, of neurons h that are there in both networks."""
    rows = [[ONE, ONE, rational(5)], [rational(2), rational(2), ZERO]]
    small = above_relu([[rational(3), rational(3), rational(5)]], last=False)
    right = {"h": Relation("h", (entry(0, ONE), entry(1, ONE))), "s": Relation("h", summed(rows))}
    assert find_flaw(above_relu(rows), small, right) is None
    assert false_row(above_relu(rows), small, right) is None
    for wrong in ([ONE, ONE, rational(4)], [ONE, -ONE, rational(5)], [ONE, rational(2), rational(5)]):
        assert "not the sum" in find_flaw(
            above_relu(rows), small, {**right, "s": Relation("h", summed([wrong, rows[1]]))}
        )
    for function in (RELU, ABS, leaky_relu(rational(1, 2)), Activation("tanh")):
        assert f"a sum of classes under {function}" in find_flaw(above_relu(rows, function), small, right)


def test_a_sum_before_functions_is_no_sum_after_them():
    """u0 + u1 is not relu(u0) + relu(u1)."""
    nodes = (layer_of("x", "u", [TWO_SUMS[0]]), Activate("u", "a", (IDENTITY,)), layer_of("a", "y", [[ONE, ZERO]]))
    network = Network((Port("x", (2,)),), nodes, ("y",))
    small = above_relu([[ONE, ONE, rational(5)]], last=False)
    wrong = {"a": Relation("h", (Affine(((0, ONE), (1, ONE)), rational(5)),))}
    assert "not the sum" in find_flaw(network, small, wrong)
    assert false_row(network, small, wrong) is not None


def test_a_sum_with_a_unit_that_may_have_any_value_does_not_compose():
    first = {"h": Relation("h", (Affine(((0, ONE), (1, ONE)), ZERO), entry(1, rational(2))))}
    assert compose(first, {"h": Relation("h", (entry(0, ONE), NULL))})["h"].rows == (entry(0, ONE), NULL)
    with pytest.raises(NotALumping, match="unit 0: found a sum of units one of which may have any value"):
        compose(first, {"h": Relation("h", (entry(0, ONE), FREE))})
    shifted = {"h": Relation("h", (Affine(((0, ONE),), ONE),))}
    with pytest.raises(NotALumping, match="any value"):
        compose(shifted, {"h": Relation(None, (FREE,))})


@pytest.mark.parametrize(
    ("row", "single", "constant", "is_sum"),
    [
        (NULL, None, ZERO, True),
        (Affine((), ONE), None, ONE, True),
        (entry(3, ONE), (3, ONE), None, True),
        (Affine(((3, ONE),), ONE), None, None, True),
        (Affine(((1, ONE), (3, ONE)), ZERO), None, None, True),
        (FREE, None, None, False),
        (Same(2, ONE), None, None, False),
    ],
)
def test_what_rows_say(row, single, constant, is_sum):
    assert (row.single, row.constant) == (single, constant)
    assert row.sum is (row if is_sum else None)
    assert is_sum or row.terms == ()


def test_what_nothing_observes_is_free_and_sums_stay_sums():
    rows = (entry(0, ONE), Affine(((0, ONE), (3, rational(2))), ONE), entry(2, rational(3)), entry(2, ONE), NULL)
    places = {0: 0, 3: 1}
    assert relation_over("h", rows, places).rows == (
        entry(0, ONE),
        Affine(((0, ONE), (1, rational(2))), ONE),
        FREE,
        Same(2, rational(1, 3)),
        NULL,
    )
    with pytest.raises(NotALumping, match="any value"):
        relation_over("h", rows, {0: 0})


@pytest.mark.parametrize("dtype", ["exact", "float32"])
def test_a_quotient_is_written_where_units_are_sums_of_its_units(dtype):
    """Two units of N are sums of two of Q, which are no multiples of any of N."""
    n, q = (linear(inner, outer, IDENTITY) for inner, outer in [(TWO_SUMS, [[1, 1, 0]]), (TWO, [[3, 1, 5]])])
    rows = (Affine(((0, ONE), (1, ONE)), rational(5)), entry(0, rational(2)))
    step = Step(q, {"a": Relation("a", rows), "h": Relation("h", (entry(0, ONE),))})
    assert find_flaw(n, q, step.simulation) is None
    written = write_in(dtype, n, step, (), ())
    assert written.network.units("a") == 2
    assert find_flaw(written.network, q, with_identities(written.network, written.simulation)) is None
    assert difference(n, written.network) is None
