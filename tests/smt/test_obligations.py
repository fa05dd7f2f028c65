# SPDX-License-Identifier: Apache-2.0
"""This file is about the scripts: deterministic, self-contained, and saying what the certificate says.

What a script says is read off its text by `smtlib.Interpreter`, and compared with `tests/oracle.py` and with the
reference check of `exactlump/simulation.py`.
"""

import random
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exactlump import NotALumping, reduce
from exactlump.certificates.certificate import Certificate
from exactlump.errors import FormatError
from exactlump.formats import ModelFile
from exactlump.lumping.simulations import FREE, NULL, Affine, Relation, Same, entry
from exactlump.network.activations import ABS, IDENTITY, RELU, Activation, leaky_relu
from exactlump.network.kinds import Activate, Dense, Head
from exactlump.network.program import Network
from exactlump.network.views import Port
from exactlump.numbers.matrix import Matrix
from exactlump.numbers.rational import ONE, ZERO, rational
from exactlump.smt.functions import definition, function_name
from exactlump.smt.obligations import FORMS, Obligations
from exactlump.smt.smtlib import Interpreter, numeral, parse, read_model
from exactlump.smt.terms import integer_row, linear
from tests import oracle
from tests.certificates.test_tampering import planted

FILE = ModelFile("json", "0" * 64)


def dense(source, target, rows, bias=None):
    matrix = Matrix.from_rows([{u: rational(w) for u, w in enumerate(row) if w} for row in rows], len(rows[0]))
    return Dense(source, target, matrix, tuple(rational(b) for b in bias or [0] * len(rows)))


def certificate(forward, backward=None):
    return Certificate("as stored", FILE, FILE, forward, backward or {})


def certified(network, dtype="exact"):
    done = reduce(network, dtype)
    backward = {tensor: relation for tensor, relation in done.backward.items() if not relation.is_identity}
    return done.original, done.reduced, certificate(done.forward, backward)  # as files have it


TWINS = Network(
    (Port("x", (1,)),),
    (dense("x", "p", [[1], [2]]), Activate("p", "h", (RELU, RELU)), dense("h", "y", [[1, 1]])),
    ("y",),
)
ONE_UNIT = Network(
    (Port("x", (1,)),), (dense("x", "p", [[1]]), Activate("p", "h", (RELU,)), dense("h", "y", [[3]])), ("y",)
)
ROWS = {"h": Relation("h", (entry(0, ONE), entry(0, rational(2))))}


def scripts(original, reduced, proof, form="decomposed"):
    return list(Obligations(original, reduced, proof, form).scripts())


def assertions(text):
    return [line for line in text.splitlines() if line.startswith("(assert")]


def test_the_small_example_word_for_word():
    found = {script.tensor: script for script in reversed(scripts(TWINS, ONE_UNIT, certificate(ROWS)))}
    assert list(found) == ["y", "h", "x", "relu"]
    assert assertions(found["h"].text) == [
        "(assert (not (= q0_0 q0_0)))",
        "(assert (not (and (> 2 0) (= q0_0 q0_0))))",
    ]
    assert "(define-fun a2_1 () Real (* 2 q2_0))" in found["y"].text
    assert assertions(found["y"].text) == ["(assert (not (= (+ a2_0 a2_1) (* 3 q2_0))))"]


def test_the_direct_form_says_the_claim_as_it_stands():
    found = {script.tensor: script for script in reversed(scripts(TWINS, ONE_UNIT, certificate(ROWS), "direct"))}
    assert list(found) == ["y", "h", "x"]
    assert "(define-fun relu ((y Real)) Real (ite (>= y 0) y 0))" in found["h"].text
    assert assertions(found["h"].text)[1] == ("(assert (not (= (relu (* 2 q0_0)) (* 2 (relu q0_0)))))")


def test_a_wrong_number_is_written_as_it_is():
    wrong = {"h": Relation("h", (entry(0, ONE), entry(0, rational(3, 7))))}
    text = next(s.text for s in scripts(TWINS, ONE_UNIT, certificate(wrong)) if s.tensor == "h")
    assert assertions(text)[1] == "(assert (not (and (> (/ 3 7) 0) (= (* 14 q0_0) (* 3 q0_0)))))"


@pytest.mark.parametrize("form", FORMS)
def test_scripts_are_the_same_in_every_run_and_count_what_they_hold(form):
    rng = random.Random(3)
    for _ in range(20):
        case = certified(planted(rng))
        first, again = (Obligations(*case, form) for _ in range(2))
        texts = [script.text for script in first.scripts()]
        assert texts == [script.text for script in again.scripts()]
        names = [o.name for script in again.scripts() for o in script.obligations]
        assert len(set(names)) == len(names) == first.count
        assert all(text.isascii() for text in texts)


def falsehoods(original, reduced, proof, form, values):
    """The names of the obligations whose negated claims hold at some values of the constants."""
    found = []
    for script in scripts(original, reduced, proof, form):
        interpreter = Interpreter(script.preamble, values)
        for obligation in script.obligations:
            ((_, condition),) = parse(obligation.assertion)
            if interpreter.value(condition):
                found.append(obligation.name)
    return found


@pytest.mark.parametrize("form", FORMS)
def test_no_obligation_of_a_right_certificate_is_false_anywhere(form):
    rng = random.Random(4)
    for _ in range(25):
        case = certified(planted(rng), rng.choice(("exact", "float32")))
        names = {name for script in scripts(*case, form) for name in script.constants}
        for _ in range(3):
            values = {name: rational(rng.randint(-30, 30), rng.randint(1, 7)) for name in sorted(names)}
            values["c"] = abs(values.get("c", ONE)) + ONE  # the scaling laws assume c > 0
            assert falsehoods(*case, form, values) == []


@pytest.mark.parametrize("form", FORMS)
def test_what_a_script_says_of_a_unit_is_what_the_networks_compute(form):
    """Both sides of a claim, evaluated at the values that units really have, are what the oracle computes."""
    rng = random.Random(5)
    for _ in range(10):
        original, reduced, proof = certified(planted(rng))
        point = oracle.random_points(original, 1, rng)[0]
        ours, theirs = oracle.valuation(original, point), oracle.valuation(reduced, point)
        plan = Obligations(original, reduced, proof, form)
        values = {}
        for tensor, (_, names) in plan.all.blocks.classes.items():
            anchor = plan.all.anchors.get(tensor)
            units = anchor.leaders if anchor else range(len(names))
            ratios = anchor.ratios if anchor else [ONE] * len(names)
            values |= {n: rational(str(theirs[tensor][v])) / h for n, v, h in zip(names, units, ratios, strict=True)}
        seen = 0
        for script in plan.scripts():
            interpreter = Interpreter(script.preamble, values)
            for name, value in interpreter.constants.items():
                if name.startswith("a") and "_" in name and not any("free" in m for m in script.constants.values()):
                    index, v = map(int, name[1:].split("_"))
                    tensor = list(original.shapes)[index]
                    relation = proof.forward.get(tensor)
                    if relation is None or isinstance(relation.rows[v], Affine):
                        assert oracle.exact(value) == ours[tensor][v]
                        seen += 1
        assert seen


def test_the_text_does_not_compute_for_the_solver():
    """The network's own weights stand in the script, beside the ratios of the rows."""
    network = Network(
        (Port("x", (2,)),),
        (
            dense("x", "p", [[3, 5], [6, 10]]),
            Activate("p", "h", (RELU, RELU)),
            dense("h", "z", [[7, 11]]),
        ),
        ("z",),
    )
    text = next(script.text for script in scripts(*certified(network)) if script.tensor == "z")
    assert "(* 7 a2_0) (* 11 a2_1)" in text
    assert "(define-fun a2_1 () Real (* 2 q2_0))" in text


# Activations


def test_activations_are_defined_once_and_named_apart():
    functions = [RELU, ABS, leaky_relu(rational(1, 4)), leaky_relu(rational(-1, 4)), leaky_relu(rational(14))]
    names = [function_name(f) for f in functions]
    assert len(set(names)) == len(names)
    assert definition(IDENTITY) == []
    assert definition(Activation("mish")) == ["(declare-fun some_mish (Real) Real)", "(assert (= (some_mish 0) 0))"]
    assert definition(Activation("gelu"))[1].endswith("(ite (>= y 0) (+ y (half_gelu (- y))) (half_gelu y)))")
    assert definition(Activation("sigmoid"))[2] == "(assert (= (some_sigmoid 0) (/ 1 2)))"


@given(st.fractions(-5, 5), st.sampled_from([RELU, ABS, leaky_relu(rational(1, 3)), leaky_relu(rational(-2))]))
def test_a_definition_computes_its_activation(y, sigma):
    interpreter = Interpreter("\n".join(definition(sigma)), {})
    term = parse(f"({function_name(sigma)} {numeral(rational(str(y)))})")[0]
    assert interpreter.value(term) == sigma(rational(str(y)))


# What is no question of arithmetic


def broken(**change):
    return certificate(**{"forward": ROWS, **change})


@pytest.mark.parametrize(
    ("proof", "words"),
    [
        (broken(forward={}), "expected one"),
        (broken(forward={"h": Relation("h", ROWS["h"].rows[:1])}), "found 1 rows, not 2"),
        (broken(forward={"k": ROWS["h"]}), "no node that defines"),
        (broken(forward={"h": Relation("x", ROWS["h"].rows)}), "no node of the reduced network"),
        (broken(forward={"h": Relation("h", (entry(0, ONE), entry(1, ONE)))}), "class 1, which does not exist"),
        (broken(forward={"h": Relation("h", (NULL, NULL))}), "go together"),
        (broken(forward={"h": Relation("h", (entry(0, ONE), Same(0, ONE)))}), "may have any value"),
        (broken(forward={"h": Relation("h", (entry(0, ONE), Affine(((0, ONE),), ONE)))}), "sum of classes"),
        (broken(backward={"h": Relation("h", (entry(1, ONE),))}), "not 0, 1, ..."),
        (broken(backward={"h": Relation("h", (entry(0, -ONE),))}), "does not take"),
    ],
)
def test_relations_that_do_not_fit_are_no_obligations(proof, words):
    with pytest.raises(NotALumping, match=words):
        Obligations(TWINS, ONE_UNIT, proof)


def test_networks_of_different_interfaces_have_no_obligations():
    wide = replace(ONE_UNIT, inputs=(Port("x", (2,)),), nodes=(dense("x", "p", [[1, 0]]), *ONE_UNIT.nodes[1:]))
    with pytest.raises(NotALumping, match="inputs"):
        Obligations(TWINS, wide, certificate(ROWS))


def test_a_head_goes_with_a_head():
    head, other = Head("y", "s", "softmax"), Head("y", "s", "log_softmax")
    ours, theirs, wrong = (
        replace(network, nodes=(*network.nodes, node), outputs=("s",))
        for network, node in ((TWINS, head), (ONE_UNIT, head), (ONE_UNIT, other))
    )
    proof = certificate({**ROWS, "s": Relation("s", (entry(0, ONE),))})
    rules = [o.rule for script in scripts(ours, theirs, proof) for o in script.obligations]
    assert rules == ["law", "input", "class", "class", "head", "output"]
    with pytest.raises(NotALumping, match="head"):
        Obligations(ours, wrong, proof)


def test_a_class_that_depends_on_a_free_unit_has_an_obligation_of_its_own():
    layers = (
        dense("x", "p", [[1], [1]]),
        Activate("p", "h", (RELU, RELU)),
        dense("h", "q", [[1, 1]]),
        Activate("q", "k", (RELU,)),
    )
    network = Network((Port("x", (1,)),), (*layers, dense("k", "y", [[1]])), ("y",))
    rows = {"h": Relation("h", (entry(0, ONE), FREE)), "k": Relation("k", (entry(0, ONE),))}
    found = scripts(network, network, certificate(rows, {"h": rows["h"]}))
    (leader,) = (o for script in found for o in script.obligations if o.rule == "leader")
    assert "fb2_1" in leader.assertion or "b2_1" in leader.assertion
    assert "c2_1" in leader.assertion


# Text


@given(st.fractions())
def test_a_numeral_is_read_back(value):
    assert Interpreter("", {}).value(parse(numeral(rational(str(value))))[0]) == rational(str(value))


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False, width=32), min_size=1, max_size=6))
def test_integer_rows_are_the_rows(values):
    for matrix in (
        Matrix.from_floats(np.array([values], dtype=np.float32)),
        Matrix.from_rows([{u: rational(w) for u, w in enumerate(values)}], len(values)),
    ):
        columns, integers, content = integer_row(matrix, 0)
        row = {u: n * content for u, n in zip(columns, integers, strict=True)}
        assert row == matrix.row(0)


@given(st.integers(1, 9).flatmap(lambda n: st.tuples(st.just(n), st.fractions(), st.fractions())))
def test_linear_terms_have_coprime_integers(case):
    n, content, constant = case
    term = linear(["x", "y"], [n, -1], rational(str(content)), rational(str(constant)))
    value = Interpreter("(declare-const x Real)(declare-const y Real)", {"x": ONE, "y": rational(5)})
    expected = content * (n - 5) + constant
    assert Fraction(str(value.value(parse(term.term)[0]))) == expected
    assert term.content


def test_huge_integers_have_no_limit_of_digits():
    n = 10**9000 + 7
    term = linear(["x"], [1], rational(n), ZERO)
    assert Interpreter("(declare-const x Real)", {"x": ONE}).value(["*", numeral(ONE), "x"]) == 1
    assert len(numeral(rational(n))) == 9001
    assert len(linear(["x", "y"], [n, 3], ONE, ZERO).row) > 9000
    assert term.content == n


@pytest.mark.parametrize("text", ["(assert", "(assert))", "(frobnicate x)", "(assert ~)"])
def test_text_that_is_not_known_is_refused(text):
    def read():
        interpreter = Interpreter(text, {})
        return [interpreter.value(condition) for condition in interpreter.assertions]

    with pytest.raises(FormatError):
        read()


def test_models_are_read_as_both_solvers_write_them():
    assert read_model("((x (- (/ 7.0 3.0)))\n (y 2.0))") == {"x": rational(-7, 3), "y": rational(2)}
    assert read_model("((x (/ (- 7) 3)) (y 2.0))") == {"x": rational(-7, 3), "y": rational(2)}
