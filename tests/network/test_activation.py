# SPDX-License-Identifier: Apache-2.0
"""This file is about activations: their exact values, and that no row of their table is wrong or goes unproved."""

import json
import re
from dataclasses import replace
from fractions import Fraction
from itertools import product
from pathlib import Path

import mpmath
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

from exactlump import check
from exactlump.errors import NoExactValue, ShapeError
from exactlump.lumping.simulations import Relation, entry
from exactlump.network import activations
from exactlump.network.activations import ABS, IDENTITY, KINDS, ONNX_NAMES, RELU, Activation, bounded, leaky_relu, prelu
from exactlump.network.kinds import Activate, Dense
from exactlump.network.program import Network
from exactlump.network.views import Port
from exactlump.numbers.matrix import Matrix
from exactlump.numbers.rational import fraction, rational
from exactlump.smt.functions import definition, function_name, is_piecewise_linear, logic
from exactlump.smt.laws import Law
from exactlump.smt.lemmas import HOME, expected
from exactlump.smt.obligations import FORMS, _law
from exactlump.smt.smtlib import Interpreter, numeral, parse
from exactlump.smt.solve import SOLVERS, session
from tests.smt.test_obligations import certificate, scripts

NUMBERS = st.builds(rational, st.integers(-40, 40), st.integers(1, 6))
PAGE = (Path(__file__).parents[2] / "docs" / "activations.md").read_text(encoding="utf-8")


def function(words):
    name, *parameters = json.loads(words)
    return Activation(name, tuple(map(rational, parameters)))


def rows():
    """The rows of the table in docs/activations.md: the example, its scalings, h, and what shows them."""
    for line in PAGE.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if len(cells) == 7 and cells[5].startswith("`["):
            yield function(cells[5].strip("`")), cells[3], cells[4], cells[6]


TABLE = list(rows())
EXAMPLES = [sigma for sigma, *_ in TABLE]
ids = pytest.mark.parametrize("sigma", EXAMPLES, ids=str)


# Values, by definitions of their own


def exact_value(sigma, y):
    """The real value, with 60 digits."""
    p = [mpmath.mpf(n) / d for n, d in map(fraction, sigma.parameters)]
    elu = lambda y, a: y if y >= 0 else a * mpmath.expm1(y)  # noqa: E731
    clip = lambda y, low, high: low if y < low else high if y > high else y  # noqa: E731
    phi = lambda y: (1 + mpmath.erf(y / mpmath.sqrt(2))) / 2  # noqa: E731
    soft = lambda y: mpmath.log(1 + mpmath.exp(y))  # noqa: E731
    return {
        "leaky_relu": lambda y, a: y if y >= 0 else a * y,
        "clip": clip,
        "at_least": lambda y, a: max(y, a),
        "at_most": lambda y, a: min(y, a),
        "hard_sigmoid": lambda y, a, b: clip(a * y + b, 0, 1),
        "thresholded_relu": lambda y, a: y if y > a else 0 * y,
        "sign": mpmath.sign,
        "bipolar_sign": lambda y: mpmath.mpf(1 if y >= 0 else -1),
        "floor": mpmath.floor,
        "ceil": mpmath.ceil,
        "round": mpmath.nint,
        "quantize": lambda y, s, z, low, high: s * (clip(mpmath.nint(y / s) + z, low, high) - z),
        "quantize_floor": lambda y, s, z, low, high: s * (clip(mpmath.floor(y / s) + z, low, high) - z),
        "hard_swish": lambda y: y * clip((y + 3) / 6, 0, 1),
        "softsign": lambda y: y / (1 + abs(y)),
        "elu": elu,
        "selu": lambda y, a, g: g * elu(y, a),
        "celu": lambda y, a: elu(y / a, 1) * a if y < 0 else y,
        "gelu": lambda y: y * phi(y),
        "gelu_tanh": lambda y: y / 2 * (1 + mpmath.tanh(mpmath.sqrt(2 / mpmath.pi) * (y + y**3 * 44715 / 10**6))),
        "silu": lambda y: y / (1 + mpmath.exp(-y)),
        "mish": lambda y: y * mpmath.tanh(soft(y)),
        "hard_gate": lambda y, a, b: y * clip(a * y + b, 0, 1),
        "erf_gate": lambda y, a, c: c * y * (1 + mpmath.erf(a * y)),
        "softplus_above": lambda y, b, above: y if b * y > above else soft(b * y) / b,
        "softplus": soft,
        "log_sigmoid": lambda y: -soft(-y),
        "sigmoid": lambda y: 1 / (1 + mpmath.exp(-y)),
        "tanh": mpmath.tanh,
        "erf": mpmath.erf,
        "sin": mpmath.sin,
        "cos": mpmath.cos,
        "exp": mpmath.exp,
        "surd": lambda y, d: mpmath.sqrt(d) * y,
    }[sigma.name](y, *p)


def real(sigma, y):
    p, q = fraction(y)
    with mpmath.workdps(60):
        return exact_value(sigma, mpmath.mpf(p) / q)


def close(a, b):
    return abs(a - b) < mpmath.mpf(10) ** -40 * (1 + abs(a))


@ids
@given(y=NUMBERS)
def test_values_are_those_of_the_definition(sigma, y):
    """Ties are dyadic numbers, which the reference holds exactly."""
    try:
        value = sigma(y)
    except NoExactValue:
        assert sigma.name not in ("clip", "quantize", "hard_swish", "softsign", "leaky_relu")
    else:
        p, q = fraction(value)
        with mpmath.workdps(60):
            assert close(mpmath.mpf(p) / q, real(sigma, y))


@given(NUMBERS)
def test_steps_by_their_definition(y):
    """In integers: what rounding is, ties included."""
    down, up, near = (Activation(name)(y) for name in ("floor", "ceil", "round"))
    assert down <= y < down + 1
    assert up - 1 < y <= up
    assert abs(near - y) <= rational(1, 2)
    assert fraction(near)[0] % 2 == 0 or abs(near - y) < rational(1, 2)
    assert all(fraction(n)[1] == 1 for n in (down, up, near))
    scale, zero, low, high = rational(3, 4), rational(2), rational(-5), rational(6)
    step = Activation("quantize", (scale, zero, low, high))(y) / scale + zero
    assert step == min(max(Activation("round")(y / scale) + zero, low), high)


def test_rational_values_at_zero_only():
    known = {"sigmoid": rational(1, 2), "tanh": 0, "softsign": 0, "erf": 0, "sin": 0, "cos": 1, "exp": 1}
    assert {name: Activation(name)(rational(0)) for name in known} == known
    for name in ONNX_NAMES - {"softsign"}:
        with pytest.raises(NoExactValue):
            Activation(name)(rational(1))
    for name in ("softplus", "log_sigmoid"):
        with pytest.raises(NoExactValue):
            Activation(name)(rational(0))
    for name in ("elu", "celu"):
        with pytest.raises(NoExactValue):
            Activation(name, (rational(1),))(rational(-1))
    assert Activation("surd", (rational(1),))(rational(3)) == 3
    with pytest.raises(NoExactValue, match=r"surd\(2\)"):
        Activation("surd", (rational(2),))(rational(1))


# Scalings


@ids
@given(c=NUMBERS, y=NUMBERS)
def test_scalings_commute(sigma, c, y):
    h = sigma.scaling(c)
    if h is not None:
        p, q = fraction(h)
        with mpmath.workdps(60):
            assert close(real(sigma, c * y), mpmath.mpf(p) / q * real(sigma, y))
        assert sigma.scales == (sigma.scaling(rational(2)) is not None)
        assert sigma.signed == (sigma.scaling(rational(-1)) is not None)


RATIOS = [rational(a, b) for a, b in ((-1, 1), (2, 1), (-2, 1), (1, 2), (3, 1), (-1, 3), (100, 1), (-100, 1), (1, 100))]
POINTS = [rational(n, d) for d in (1, 2, 8) for n in (0, 1, -1, 2, -2, 3, -3, 5, 7, -6, 20, -20, 300)]


def refuted(sigma, c):
    """Whether no h fits: sigma(c y) sigma(z) differs from sigma(c z) sigma(y) at some y, z, or h = 0 is needed."""
    with mpmath.workdps(60):
        pairs = [(real(sigma, y), real(sigma, c * y)) for y in POINTS]
        base, image = max(pairs, key=lambda pair: abs(pair[0]))
        return any(abs(image * b - a * base) > mpmath.mpf(10) ** -30 * (1 + abs(base)) for b, a in pairs) or not image


@ids
@pytest.mark.parametrize("c", RATIOS, ids=str)
def test_every_other_scaling_is_refuted_at_points(sigma, c):
    assert refuted(sigma, c) == (sigma.scaling(c) is None)


@given(NUMBERS.filter(bool), NUMBERS.filter(bool))
def test_no_scaling_of_a_leaky_relu_is_missed(slope, c):
    """sigma(c) = h sigma(1) and sigma(-c) = h sigma(-1) leave no other h."""
    sigma, one = leaky_relu(slope), rational(1)
    h = sigma(c) / sigma(one)
    assert sigma.scaling(c) == (h if sigma(-c) == h * sigma(-one) else None)
    assert sigma.scaling(rational(0)) is None


# The table


def headings():
    return {line[3:].lower().replace(" ", "-") for line in PAGE.splitlines() if line.startswith("## ")}


def flaws(names=None):
    """What is wrong with the table KINDS: rows without a proof, rows that differ from the page, and wrong ones."""
    yield from (f"{name}: no row" for name in KINDS.keys() - {sigma.name for sigma in EXAMPLES})
    for sigma, scalings, ratio, shown in TABLE:
        if sigma.name not in (names or KINDS):
            continue
        if (sigma.scalings, sigma.ratio) != (scalings, ratio):
            yield f"{sigma}: another row on the page"
        if shown == "c = 1":
            if sigma.scalings != "one":
                yield f"{sigma}: scalings without a proof"
        elif shown.startswith("["):
            if re.fullmatch(r"\[\w+\]\(#([\w-]+)\)", shown)[1] not in headings():
                yield f"{sigma}: no such section"
        elif "unsat" not in expected((HOME / f"{shown.strip('`')}.smt2").read_text(encoding="ascii")):
            yield f"{sigma}: the script shows nothing"
        for c in RATIOS:
            h = sigma.scaling(c)
            if h is not None:
                p, q = fraction(h)
                with mpmath.workdps(60):
                    if not all(close(real(sigma, c * y), mpmath.mpf(p) / q * real(sigma, y)) for y in POINTS):
                        yield f"{sigma}: wrong for {c}"


def test_every_row_is_shown_and_none_is_wrong():
    assert list(flaws()) == []
    with_special = {
        name for name, kind in KINDS.items() if kind.special is not type(kind).__dataclass_fields__["special"].default
    }
    for name in with_special:
        own = {(s.scalings, s.ratio) for s in EXAMPLES if s.name == name}
        assert len(own) > 1, f"{name}: no row for its special parameters"


@pytest.mark.parametrize("name", KINDS)
def test_a_wrong_row_does_not_pass(name, monkeypatch):
    """Every other entry in the place of a row is either no true statement, or one without a proof."""
    for scalings, ratio in product(("one", "plus or minus one", "positive", "any sign"), ("c", "size", "sign")):
        if (scalings, ratio) != (KINDS[name].scalings, KINDS[name].ratio):
            changed = {**KINDS, name: replace(KINDS[name], scalings=scalings, ratio=ratio)}
            monkeypatch.setattr(activations, "KINDS", changed)
            assert list(flaws({name})) != [], (scalings, ratio)


def test_a_new_row_does_not_pass_without_a_proof(monkeypatch):
    monkeypatch.setitem(KINDS, "square", replace(KINDS["exp"], value=lambda y: y * y))
    assert list(flaws()) == ["square: no row"]


@pytest.mark.parametrize("name", ["tanh", "sin", "erf", "cos"])
def test_sympy_proves_what_is_odd_and_even(name):
    y = sympy.Symbol("y", real=True)
    sigma = getattr(sympy, name)(y)
    if name == "tanh":
        sigma = sigma.rewrite(sympy.exp)
    if name == "erf":
        t = sympy.Symbol("t", real=True)
        sigma = 2 / sympy.sqrt(sympy.pi) * sympy.integrate(sympy.exp(-(t**2)), (t, 0, y))
    h = rational(-1) if Activation(name).ratio == "c" else rational(1)
    assert Activation(name).scaling(rational(-1)) == h
    assert sympy.simplify(sigma.subs(y, -y) - int(h) * sigma) == 0


# For solvers


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("sigma", [s for s in EXAMPLES if s.scalings != "one" and s != IDENTITY], ids=str)
def test_solvers_show_each_law(sigma, solver):
    assert session(solver, 30)(_law(0, Law("scaling", sigma)).text).split() == ["unsat"]


@pytest.mark.parametrize("solver", SOLVERS)
@ids
def test_solvers_know_the_exact_values(sigma, solver):
    """A constant neuron is a statement about one value; solvers must find it, and no other."""
    points = [rational(n, 2) for n in (0, 5, -5, 7, 9, -1)]
    for y in points:
        try:
            value = sigma(y)
        except NoExactValue:
            continue
        lines = [f"(set-logic {logic([sigma])})", *definition(sigma)]
        term = numeral(y) if sigma == IDENTITY else f"({function_name(sigma)} (+ {numeral(y)} 0.0))"
        asked = "\n".join([*lines, f"(assert (not (= {term} {numeral(value)})))", "(check-sat)"])
        assert session(solver, 30)(asked).split() == ["unsat"], y
        asked = "\n".join([*lines, f"(assert (not (= {term} {numeral(value + 1)})))", "(check-sat)"])
        assert session(solver, 30)(asked).split() == ["sat"], y


@ids
@given(y=NUMBERS)
def test_a_full_definition_computes_its_activation(sigma, y):
    lines = definition(sigma)
    if any(word in line for line in lines for word in ("declare", "root")) or sigma == IDENTITY:
        return
    interpreter = Interpreter("\n".join(lines), {})
    assert interpreter.value(parse(f"({function_name(sigma)} {numeral(y)})")[0]) == sigma(y)


def test_names_in_scripts_are_distinct():
    assert len({function_name(sigma) for sigma in EXAMPLES}) == len(EXAMPLES)
    assert function_name(Activation("clip", (rational(1, 2), rational(3)))) == "clip__1_2__3"
    assert {s.name for s in EXAMPLES if is_piecewise_linear(s)} == {
        *("leaky_relu", "clip", "at_least", "at_most", "hard_sigmoid", "thresholded_relu", "sign", "bipolar_sign")
    }


# The type


def test_equality_is_by_parameters():
    assert prelu((rational(0), rational(1))) == (RELU, IDENTITY)
    assert leaky_relu(rational(1, 2)) != leaky_relu(rational(1, 3))
    assert leaky_relu(rational(1, 2)).slope == rational(1, 2)
    assert Activation("tanh").slope is None


def test_clippings_have_their_plainest_name():
    zero, six = rational(0), rational(6)
    assert [bounded(*pair) for pair in [(None, None), (zero, None)]] == [IDENTITY, RELU]
    assert bounded(None, six) == Activation("at_most", (six,))
    assert bounded(six, None) == Activation("at_least", (six,))
    assert bounded(zero, six) == Activation("clip", (zero, six))


def test_names():
    known = [RELU, IDENTITY, ABS, leaky_relu(rational(1, 3)), Activation("tanh"), bounded(rational(0), rational(6))]
    assert [str(f) for f in known] == ["relu", "identity", "abs", "leaky_relu(1/3)", "tanh", "relu6"]
    assert str(Activation("quantize", (rational(1, 8), rational(0), rational(-8), rational(7)))) == (
        "quantize(1/8, 0, -8, 7)"
    )


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("relu", []),
        ("prelu", [1]),
        ("leaky_relu", []),
        ("leaky_relu", [1, 2]),
        ("tanh", [1]),
        ("clip", [2, 1]),
        ("celu", [0]),
        ("surd", [-2]),
        ("surd", [rational(1, 2)]),
        ("quantize", [0, 0, 0, 1]),
        ("quantize", [1, rational(1, 2), 0, 1]),
        ("quantize_floor", [1, 0, 3, 2]),
    ],
)
def test_unknown_names_and_stray_parameters_are_refused(name, parameters):
    with pytest.raises(ShapeError):
        Activation(name, tuple(p if isinstance(p, type(rational(1))) else rational(p) for p in parameters))


# The checker has a table of its own


@ids
def test_the_checker_has_the_same_table(sigma):
    parameters = [Fraction(*fraction(p)) for p in sigma.parameters]
    function = check.function_of(sigma.name, *parameters)
    for c in [*RATIOS, rational(1)]:
        h = sigma.scaling(c)
        assert check.comes_out(check.symmetry(function), Fraction(*fraction(c))) == (h and Fraction(*fraction(h)))
    for y in POINTS:
        try:
            value = Fraction(*fraction(sigma(y)))
        except NoExactValue:
            value = None
        assert check.value_at(function, Fraction(*fraction(y))) == value


def test_the_checker_has_no_function_more():
    assert check.FUNCTIONS.keys() - {"max_pool", *check.HEADS} == KINDS.keys()


# Certificates that use the table


def answers(script, solver, seconds=30):
    """What a solver says, whatever the script expects."""
    return set(session(solver, seconds)(script.text.replace("(set-info :status unsat)\n", "")).split())


def merged(sigma, c, h):
    """sigma(x) + sigma(c x) reduced to (1 + h) sigma(x), and the certificate."""

    def network(rows, last):
        functions = (sigma,) * len(rows)
        below = Dense("x", "p", Matrix.from_rows([{0: w} for w in rows], 1), (rational(0),) * len(rows))
        above = Dense("h", "y", Matrix.from_rows([{k: w for k, w in enumerate(last) if w}], len(rows)), (rational(0),))
        nodes = (below, Activate("p", "h", functions), above)
        return Network((Port("x", (1,)),), nodes, ("y",))

    relation = Relation("h", (entry(0, rational(1)), entry(0, h)))
    one = rational(1)
    return network([one, c], [one, one]), network([one], [one + h]), certificate({"h": relation})


SCALED = [(sigma, c) for sigma in EXAMPLES for c in RATIOS[:4] if sigma.scaling(c) is not None and sigma != IDENTITY]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("sigma", "c"), SCALED, ids=str)
def test_merging_by_the_table_is_discharged(sigma, c, form):
    """By both solvers, in both forms."""
    for script in scripts(*merged(sigma, c, sigma.scaling(c)), form):
        for solver in SOLVERS:
            assert answers(script, solver) == {"unsat"}, (script.tensor, solver)


@pytest.mark.parametrize("form", FORMS)
@ids
def test_merging_against_the_table_is_not_discharged(sigma, form):
    for c, sign in product(RATIOS[:3], (1, -1)):
        h = sign * c
        if sigma.scaling(c) != h and sigma != IDENTITY:
            found = [answers(script, "z3", 2) for script in scripts(*merged(sigma, c, h), form)]
            assert set().union(*found) - {"unsat"}, (c, h)
