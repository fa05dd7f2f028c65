# SPDX-License-Identifier: Apache-2.0
"""This file is about the kernel of the fast engine: proportional rows of floats, all of them and no others.

The oracle is the exact engine's `canonical_key`, which is slow and plain.  The compiled loops, where numba is
installed, get the same tests.
"""

import importlib.util
import tracemalloc
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exactlump.errors import ExactlumpError, FormatError, ShapeError
from exactlump.fast import compiled as kernel_numba
from exactlump.fast import matrices as kernel_matrix
from exactlump.fast import rows as kernel
from exactlump.fast import sources
from exactlump.fast.arithmetic import Double, Safe, Single, demand_ieee, two_product
from exactlump.fast.engine import proportional_classes
from exactlump.fast.rows import related_rows
from exactlump.fast.sources import EQUAL, POSITIVE, SIGN, SIGNED, Plain
from exactlump.lumping.maximum import canonical_key
from exactlump.lumping.simulations import Form
from exactlump.network.activations import IDENTITY, RELU, Activation
from exactlump.numbers.rational import ONE, ZERO, rational
from tests.tools import fails

TYPES = (np.float16, np.float32, np.float64)
# Binary exponents between which products with the factors below stay finite, subnormal numbers included.
RANGES = {np.float16: (-24, 5), np.float32: (-149, 110), np.float64: (-1074, 1000)}
FACTORS = (0.25, 3.0, 0.625, 1 / 3, -1.0, 2.0**-30, 2.0**12, 2.0**-900)
EXACT = {POSITIVE: RELU, SIGNED: IDENTITY, EQUAL: Activation("sigmoid"), SIGN: Activation("tanh")}


def oracle(rows, factors=POSITIVE):
    """Labels and ratios by rational arithmetic."""
    sigma, classes, labels, scale = EXACT[factors], {}, [], []
    for row in np.asarray(rows, np.float64).tolist():
        form = Form({("x", u): rational(w) for u, w in enumerate(row) if w}, ZERO)
        if not form.terms:
            labels.append(-1)
            scale.append(ONE)
            continue
        key, lead = canonical_key(form, sigma)
        number, first = classes.setdefault(key, (len(classes), lead))
        labels.append(number)
        scale.append(lead / first)
    return labels, scale


def agrees(rows):
    """Whether the kernel finds what the oracle finds."""
    found = proportional_classes(rows)
    labels, scale = oracle(rows)
    return found.labels.tolist() == labels and list(found.scale) == scale


def numbers(dtype):
    """Floats of a type: small integers, any bits, and powers of two far apart."""
    low, high = RANGES[dtype]
    width = np.finfo(dtype).bits
    return st.one_of(
        st.integers(-3, 3).map(float),
        st.floats(width=width, allow_nan=False, allow_infinity=False),
        st.integers(low, high).map(lambda e: 2.0**e),
        st.tuples(st.integers(-4095, 4095), st.integers(low, high - 12)).map(
            lambda t: float(np.ldexp(float(t[0]), t[1]))
        ),
        st.just(-0.0),
    )


@st.composite
def matrices(draw):
    """Rows that are multiples of each other, rounded, with an entry changed here and there."""
    dtype = draw(st.sampled_from(TYPES))
    columns = draw(st.integers(0, 6) | st.sampled_from([15, 17, 90]))
    entries = st.lists(numbers(dtype), min_size=columns, max_size=columns)
    rows = [draw(entries)]
    for _ in range(draw(st.integers(0, 8))):
        row = np.array(draw(st.sampled_from(rows))) if draw(st.integers(0, 3)) else np.array(draw(entries))
        with np.errstate(over="ignore", under="ignore"):
            made = (row * draw(st.sampled_from((1.0, *FACTORS)))).astype(dtype)
        made[~np.isfinite(made)] = 1
        if columns and draw(st.booleans()):
            u = draw(st.integers(0, columns - 1) | st.just(columns - 1))
            made[u] = draw(st.sampled_from([0.0, np.nextafter(made[u], dtype(0)), made[u]]))
        rows.append(made.astype(float).tolist())
    with np.errstate(over="ignore", under="ignore"):
        return np.array(rows, np.float64).reshape(len(rows), columns).astype(dtype)


@settings(max_examples=800, deadline=None)
@given(matrices())
def test_the_kernel_finds_what_rational_arithmetic_finds(rows):
    assert agrees(rows)


@settings(max_examples=250, deadline=None)
@given(matrices())
def test_so_it_does_when_every_hash_collides(rows):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernel, "_hashed", lambda planes, start: np.zeros(planes[0].shape[0], np.uint64))
        patch.setattr(kernel, "_mixed", lambda bits: np.zeros_like(bits))
        assert agrees(rows)


@settings(max_examples=300, deadline=None)
@given(matrices(), st.integers(1, 40))
def test_so_it_does_in_small_chunks(rows, chunk):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sources, "CHUNK", chunk)
        patch.setattr(kernel, "CHUNK", chunk)
        assert agrees(rows)


@settings(max_examples=250, deadline=None)
@given(matrices(), st.data())
def test_each_sort_of_row_has_its_own_factors_and_a_bias_is_one_more_entry(rows, data):
    sorts = np.array([data.draw(st.sampled_from([POSITIVE, SIGNED, EQUAL, SIGN, 4 + SIGNED])) for _ in rows])
    split = data.draw(st.booleans()) and rows.shape[1] > 0
    source = Plain(rows[:, :-1], rows[:, -1].astype(np.float64)) if split else Plain(rows)
    labels, lead, _ = related_rows(source, sorts)
    for sort in set(sorts.tolist()):
        some = np.flatnonzero(sorts == sort)
        expected, scale = oracle(rows[some], sort % 4)
        first = [some[expected.index(k)] if k >= 0 else len(rows) for k in expected]
        assert labels[some].tolist() == first
        for v, t, ratio in zip(some, first, scale, strict=True):
            assert t == len(rows) or ratio == rational(float(lead[v])) / rational(float(lead[t]))


# Layers that are hard for methods which look at few columns, or compare pairs.


def dense(n, dtype, seed=0):
    """Random rows of 16 significant bits (6 in float16)."""
    rows = np.random.default_rng(seed).standard_normal((n, n)).astype(np.float32)
    mask = 0xFFFC0000 if dtype is np.float16 else 0xFFFFFF00
    return (rows.view(np.uint32) & np.uint32(mask)).view(np.float32).astype(dtype)


def multiples(n, dtype, seed=0):
    """Odd numbers below 256 (32 in float16) times powers of two, as a column."""
    random = np.random.default_rng(seed)
    return (
        (2 * random.integers(0, 16 if dtype is np.float16 else 128, n) + 1) * np.exp2(random.integers(-3, 4, n))
    ).astype(dtype)[:, None]


def hard_layers(n, dtype):
    """(name, rows) of n x n matrices."""
    random = np.random.default_rng(1)
    half = dense(n, dtype)
    half[n // 2 :] = half[: n // 2] * multiples(n // 2, dtype)
    yield "half merged", random.permutation(half)
    zero = random.permutation(half)
    zero[:, : n - 3] = 0
    yield "zero prefix", zero
    yield "sparse", half * (random.random((1, n)) < 0.1) * (random.random((n, 1)) < 0.9)
    same = dense(n, dtype)[:1] * multiples(n, dtype)
    yield "all the same", same
    last = same.copy()
    last[:, -1] = random.standard_normal(n)
    yield "all but the last column", last
    ulp = same.copy()
    ulp[::2, -1] = np.nextafter(ulp[::2, -1], dtype(np.inf))
    yield "one ulp off", ulp
    low, high = RANGES[dtype]
    yield "subnormal", np.ldexp(random.integers(-9, 10, (1, n)) * random.integers(1, 9, (n, 1)), low).astype(dtype)
    if dtype is not np.float16:
        wide = np.ldexp(random.integers(1, 9, (1, n)).astype(float), random.integers(low + 12, high - 24, (1, n)))
        yield "huge exponents", (wide * np.exp2(random.integers(-8, 9, (n, 1)))).astype(dtype)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("n", [40, 130])
def test_hard_layers(dtype, n):
    for name, rows in hard_layers(n, dtype):
        assert agrees(rows), name


def test_the_hard_layers_need_the_comparison():
    """Negative control: a comparison that always says yes, or always no, is seen on the hard layers."""
    layers = [rows for _, rows in hard_layers(40, np.float32)]
    for answer in (True, False):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(
                Plain, "equal_rows", lambda self, left, s, right, t, answer=answer: np.full(left.size, answer)
            )
            right = [agrees(rows) for rows in layers]
        assert not all(right)


def test_a_rounded_quotient_is_not_enough_in_float64():
    """Negative control for Lemma Q2: two ratios that round to one float64, and are told apart."""
    p, x = 2.0**53 - 1, 2.0**53 - 3
    q, y = 2.0**53 - 3, 2.0**53 - 5
    assert x / p == y / q
    assert Fraction(x) / Fraction(p) != Fraction(y) / Fraction(q)
    assert proportional_classes(np.array([[p, x], [q, y]])).labels.tolist() == [0, 1]
    keys = [np.array(Safe().keys(np.array([[n]]), np.array([[d]]))) for n, d in ((x, p), (y, q))]
    assert (keys[0][0] == keys[1][0]).all()
    assert (keys[0][1] != keys[1][1]).all()


def test_rounding_float32_products_would_merge_too_much():
    """Negative control for Lemma X: equal as products of float32, different as rationals."""
    rows = np.array([[2.0**24 - 1, 2.0**24 - 3], [2.0**24 - 3, 2.0**24 - 5]], np.float32)
    assert rows[0, 0] * rows[1, 1] == rows[0, 1] * rows[1, 0]
    assert proportional_classes(rows).labels.tolist() == [0, 1]


@settings(max_examples=400, deadline=None)
@given(st.lists(st.tuples(*[numbers(np.float64).filter(bool)] * 4), min_size=1, max_size=20))
def test_keys_and_comparisons_of_quotients_are_those_of_rationals(fours):
    """Lemmas Q2 and X2, in all ranges: x/a against y/b."""
    x, a, y, b = (np.array(column)[:, None] for column in zip(*fours, strict=True))
    equal = [Fraction(p) / Fraction(q) == Fraction(r) / Fraction(s) for p, q, r, s in fours]
    found = Double().equal(x, b, y.copy(), a)
    assert found[:, 0].tolist() == equal
    left, right = Double().keys(x, a), Double().keys(y, b)
    same = np.all([p == q for p, q in zip(left, right, strict=True)], axis=0)
    assert same[:, 0].tolist() == equal


@settings(max_examples=400, deadline=None)
@given(*[st.floats(2.0**-300, 2.0**300)] * 2)
def test_two_product_is_exact(x, y):
    h, e = (float(part[0, 0]) for part in two_product(np.array([[x]]), np.array([[y]])))
    assert h == x * y
    assert Fraction(h) + Fraction(e) == Fraction(x) * Fraction(y)


@settings(max_examples=400, deadline=None)
@given(st.tuples(*[numbers(np.float32).filter(bool)] * 4))
def test_keys_and_comparisons_of_float32(four):
    """Lemmas Q and X."""
    x, a, y, b = (np.array([[n]]) for n in four)
    equal = Fraction(four[0]) / Fraction(four[1]) == Fraction(four[2]) / Fraction(four[3])
    assert bool(Single().equal(x, b, y.copy(), a)[0, 0]) == equal
    assert bool(Single().keys(x, a)[0] == Single().keys(y, b)[0]) == equal


# The public face.


def test_labels_scales_and_zero_rows():
    rows = np.array([[0, 0], [-2, -0.0], [3, 6], [-1, 0], [1, 2], [1, 0]], np.float32)
    found = proportional_classes(rows)
    assert found.labels.tolist() == [-1, 0, 1, 0, 1, 2]
    assert list(found.scale) == [ONE, ONE, ONE, rational(1, 2), rational(1, 3), ONE]
    assert found.scale[3:5] == (rational(1, 2), rational(1, 3))
    assert len(found.scale) == 6


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0)])
def test_empty_matrices(shape):
    assert proportional_classes(np.zeros(shape)).labels.tolist() == [-1] * shape[0]


@pytest.mark.parametrize(
    "change", [np.asfortranarray, lambda a: a[::-1, ::2], lambda a: a.astype(">f4"), lambda a: a.T]
)
def test_layouts_and_byte_orders(change):
    rows = change(next(rows for name, rows in hard_layers(40, np.float32) if name == "half merged"))
    assert agrees(rows)


def test_the_matrix_is_not_changed_and_may_be_read_only():
    for dtype in TYPES:
        for _, rows in hard_layers(40, dtype):
            before = rows.copy()
            rows.setflags(write=False)
            proportional_classes(rows)
            assert np.array_equal(before, rows)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_entries_that_are_no_numbers_are_named(wrong):
    rows = np.ones((3, 4), np.float32)
    rows[1, 2] = wrong
    fails(FormatError, 2, lambda: proportional_classes(rows), "row 1", "column 2", str(wrong))


def test_a_sum_that_overflows_is_no_error():
    assert agrees(np.full((3, 4), np.finfo(np.float32).max, np.float32))


def test_other_arrays_are_refused():
    fails(ShapeError, 2, lambda: proportional_classes(np.ones(3)), "1 axes")
    fails(FormatError, 2, lambda: proportional_classes(np.ones((2, 2), np.int64)), "int64")


def test_arithmetic_that_flushes_subnormal_numbers_is_refused(monkeypatch):
    monkeypatch.setattr(np, "array", lambda *arguments: np.zeros(1))
    fails(ExactlumpError, 5, demand_ieee, "subnormal")


def test_memory_is_a_small_part_of_the_matrix():
    rows = dense(2048, np.float32)
    rows[1024:] = rows[:1024] * multiples(1024, np.float32)
    proportional_classes(rows)
    tracemalloc.start()
    proportional_classes(rows)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak <= rows.nbytes // 8


# The compiled loops.

numba_only = pytest.mark.skipif(not importlib.util.find_spec("numba"), reason="numba is not installed")


def compile_all(monkeypatch):
    """Let matrices of any size be worth it."""
    monkeypatch.setattr(kernel_numba, "WORTH", 0)
    monkeypatch.setattr(kernel_numba, "WORTH_LOADING", 0)


@numba_only
@pytest.mark.parametrize("n", [40, 600])
def test_compiled_loops_give_the_same_answers(n, monkeypatch):
    for name, rows in hard_layers(n, np.float32):
        monkeypatch.setattr(kernel_numba, "WORTH", 1 << 60)
        plain = proportional_classes(rows)
        compile_all(monkeypatch)
        assert isinstance(kernel_matrix.source(rows), kernel_numba.Compiled)
        compiled = proportional_classes(rows)
        assert (plain.labels == compiled.labels).all(), name
        assert list(plain.scale) == list(compiled.scale), name


@numba_only
def test_compiled_loops_see_biases_and_entries_that_are_no_numbers(monkeypatch):
    compile_all(monkeypatch)
    rows = np.array([[1, 2], [2, 4], [3, 6]], np.float32)
    bias = np.array([1.0, 2.0, 2.0])
    assert related_rows(kernel_matrix.source(rows, bias), np.full(3, POSITIVE)).labels.tolist() == [0, 0, 2]
    assert type(kernel_matrix.source(rows, bias / 3)) is Plain
    rows[2, 1] = np.nan
    fails(FormatError, 2, lambda: proportional_classes(rows), "row 2", "nan")


def test_without_numba_the_plain_loops_are_used(monkeypatch):
    compile_all(monkeypatch)
    monkeypatch.setattr(kernel_numba, "available", lambda: False)
    assert type(kernel_matrix.source(np.ones((2, 2), np.float32))) is Plain
