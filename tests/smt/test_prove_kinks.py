# SPDX-License-Identifier: Apache-2.0
"""This file is about obligations of twins, of signs, and of rows on boxes.

What is right is discharged, what is wrong is refuted by both solvers, with numbers; and premises are true at the values
that networks really have.
"""

import itertools
import json
import random
from dataclasses import replace

import pytest

import exactlump
from exactlump import check
from exactlump.certificates.certificate import read_certificate
from exactlump.network.activations import ABS, RELU, Activation, leaky_relu
from exactlump.numbers.rational import ZERO, rational
from exactlump.smt.bounds import proposed
from exactlump.smt.laws import Law
from exactlump.smt.obligations import FORMS, Obligations, _law
from exactlump.smt.prove import prove
from exactlump.smt.smtlib import Interpreter, parse
from exactlump.smt.solve import SOLVERS, answers
from tests.arguing import argue, proofs, verdicts
from tests.checker.test_check_kinks import ask as ask
from tests.checker.test_check_kinks import layered, sign, skipped, twin
from tests.lumping.test_kinks import drawn, network_of, split, widened
from tests.reduction.test_reduce_boxes import drawn as dead_on_boxes
from tests.tools import real_networks


def by_kinks(folder, seed):
    """Three files: a widened network, its reduction by kinks, the certificate."""
    rng, paths = random.Random(seed), [folder / name for name in ("a.json", "b.json", "b.json.cert.json")]
    chain = drawn(rng, [rng.randint(2, 3), *(rng.randint(2, 3) for _ in range(rng.randint(1, 2))), 1])
    exactlump.write(network_of(widened(rng, split(rng, chain))), paths[0], overwrite=True)
    exactlump.reduce_file(paths[0], paths[1], overwrite=True, rules="all")
    return paths


def on_box(folder, seed, box=("-1/4", "1/4")):
    """Three files: a network, its reduction on a box, the certificate."""
    paths = [folder / name for name in ("a.json", "b.json", "b.json.cert.json")]
    exactlump.write(dead_on_boxes(seed), paths[0], overwrite=True)
    exactlump.reduce_file(paths[0], paths[1], box=box, overwrite=True)
    return paths


def rewritten(path, change):
    """A certificate of which `change` changed the relations of the original."""
    document = json.loads(path.read_text())
    change(document["relations"]["original"])
    path.write_text(json.dumps(document))


# --- Rows everywhere ------------------------------------------------------------------------------------


def test_both_solvers_discharge_reductions_by_kinks(tmp_path):
    rules = set()
    for seed in range(6):
        paths = by_kinks(tmp_path, seed)
        assert verdicts(paths, SOLVERS) == ["equivalent"] * 4
        rules |= {o.rule for s in plan(paths).scripts() for o in s.obligations}
    assert {"class", "twin", "mirror", "linear", "zero", "same", "twin-law", "linear-law", "positive-law"} <= rules


def plan(paths, form="decomposed"):
    """The obligations of three files."""
    original, reduced = map(exactlump.read, paths[:2])
    return Obligations(original, reduced, read_certificate(paths[2]), form, proposed)


def test_solvers_and_the_checker_argue_about_mutants(tmp_path):
    """One row is another one; what the checker accepts is discharged, and what is discharged is equal at points."""
    rng, seen = random.Random(7), {True: 0, False: 0}
    for seed in range(4):
        paths = by_kinks(tmp_path, seed)
        text = paths[2].read_text()
        for _ in range(25):
            document = json.loads(text)
            relations = document["relations"][rng.choice(["original", "original", "reduced"])]
            if not relations:
                continue
            rows = relations[rng.choice(sorted(relations))]["rows"]
            u, v = rng.randrange(len(rows)), rng.randrange(len(rows))
            rows[v] = rng.choice([rows[u], {"twin": [0, "1"]}, {"linear": []}, {"zero": []}, [0, "2"], "free", None])
            paths[2].write_text(json.dumps(document))
            answer = check.check(*map(str, paths))
            argue(paths, answer)
            seen[answer.code == 0] += 1
    assert seen[False] > 50
    assert seen[True]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (twin(0, 3), "unit 1 = 3 * the twin of class 0"),
        (twin(0, 1), "unit 1 = 1 * the twin of class 0"),
        ([0, "2"], "unit 1 = 2 * class 0"),
        (sign("zero"), "unit 1 = 0, as what it is before its function is not positive"),
        (sign("linear"), "unit 1 = what it is before its function, which is not negative"),
        (sign("linear", ("h", 0, 1)), "unit 1 = what it is before its function, which is not negative"),
    ],
)
def test_a_wrong_row_is_refuted_with_numbers(ask, tmp_path, form, solver, wrong, words):
    """Unit 1 is ReLU(-2x), twice the twin of ReLU(x); and nothing else."""
    relu = ["leaky_relu", "0"]
    pair = layered(relu, [[1], [-2]], [[2, -1]]), skipped(relu, 0, 2)
    assert ask(*pair, {"h": {"over": "h", "rows": [[0, "1"], twin(0, 2)]}}).code == 0
    assert ask(*pair, {"h": {"over": "h", "rows": [[0, "1"], wrong]}}).code == 1
    paths = [tmp_path / name for name in ("original.json", "reduced.json", "certificate.json")]
    (found,) = proofs(paths, [solver], [form])
    first = found.refuted[0]
    assert found.verdict == "rejected"
    assert words in first.obligation.claim
    assert first.replayed
    assert any(first.values.values())


def test_the_scripts_of_a_twin_word_for_word(ask, tmp_path):
    relu = ["leaky_relu", "0"]
    assert not ask(
        layered(relu, [[1], [-2]], [[2, -1]]),
        skipped(relu, 0, 2),
        {"h": {"over": "h", "rows": [[0, "1"], twin(0, 2)]}},
    ).code
    paths = [tmp_path / name for name in ("original.json", "reduced.json", "certificate.json")]
    texts = {(s.tensor, s.side): s.text for s in plan(paths).scripts()}
    assert "(assert (not (= (relu (* (- c) y)) (+ (* c (relu y)) (* (- 1) c y)))))" in texts["relu", "law"]
    assert "(assert (not (and (> 2 0) (= (* (- 1) (* (- 1) q0_0)) q0_0))))" in texts["h", "original"]
    assert "(define-fun a2_1 () Real (+ (* 2 q1_0) (* 2 (* (- 1) q0_0))))" in texts["y", "original"]
    direct = {(s.tensor, s.side): s.text for s in plan(paths, "direct").scripts()}
    assert "(= (relu (* 2 (* (- 1) q0_0))) (+ (* 2 (relu q0_0)) (* 2 (* (- 1) q0_0))))" in direct["h", "original"]


@pytest.mark.parametrize("name", ["gelu", "gelu_tanh", "silu", "softplus", "log_sigmoid", "hard_swish"])
def test_curves_have_twins_by_both_solvers(ask, tmp_path, name):
    pair = layered([name], [[1], [-1]], [[1, -1]])
    paths = [tmp_path / file for file in ("original.json", "reduced.json", "certificate.json")]
    for factor, expected in (1, "equivalent"), (2, "rejected"):
        ask(pair, skipped([name], 0, factor), {"h": {"over": "h", "rows": [[0, "1"], twin(0)]}})
        assert verdicts(paths, SOLVERS, ["decomposed"]) == [expected] * 2


# --- Laws -------------------------------------------------------------------------------------------------

HALF, ONE = rational(1, 2), rational(1)
LAWS = [
    *(
        ("twin", sigma, True)
        for sigma in (RELU, ABS, leaky_relu(HALF), leaky_relu(-HALF), Activation("at_most", (ZERO,)))
    ),
    *(("twin", Activation(name), True) for name in ("gelu", "softplus", "hard_swish", "log_sigmoid")),
    *(("positive", sigma, True) for sigma in (RELU, ABS, leaky_relu(-HALF), Activation("clip", (ZERO, ONE)))),
    *(("positive", Activation(name), True) for name in ("sigmoid", "exp", "softplus")),
    *(("linear", sigma, True) for sigma in (RELU, leaky_relu(-HALF), Activation("elu", (ONE,)))),
    *(("zero", sigma, True) for sigma in (RELU, Activation("thresholded_relu", (ONE,)))),
    *((kind, RELU, True) for kind in ("above", "chord")),
    ("positive", leaky_relu(HALF), False),
    ("positive", Activation("clip", (-ONE, ONE)), False),
    ("linear", Activation("clip", (ZERO, ONE)), False),
    ("linear", Activation("at_least", (ONE,)), False),
    ("zero", leaky_relu(HALF), False),
    ("zero", Activation("at_least", (ONE,)), False),
    ("above", leaky_relu(rational(2)), False),
    ("chord", leaky_relu(-rational(2)), False),
]


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize(("kind", "sigma", "holds"), LAWS, ids=str)
def test_laws_hold_of_the_functions_that_have_them(solver, kind, sigma, holds):
    script = _law(0, Law(kind, sigma))
    (answer,) = answers(solver, script.preamble, [o.text for o in script.obligations], list(script.constants), 30)
    assert answer.word == ("unsat" if holds else "sat"), answer
    if not holds:
        ((_, condition),) = parse(script.obligations[0].assertion)
        assert Interpreter(script.preamble, answer.values).value(condition)


# --- Premises ---------------------------------------------------------------------------------------------


def at_a_point(paths, form, rng, box=None):
    """For each script an interpreter at the values that classes and unknowns really have, and the script."""
    original, reduced = map(exactlump.read, paths[:2])
    ends = box or (-3, 3)
    n = original.units(original.ports[0])
    x = [rational(ends[0]) + (rational(ends[1]) - rational(ends[0])) * rational(rng.randint(0, 9), 9) for _ in range(n)]
    ours, theirs, found = original.valuation(x), reduced.valuation(x), plan(paths, form)
    values = {}
    for tensor, (_, names) in found.all.blocks.classes.items():
        anchor = found.all.anchors.get(tensor)
        units = anchor.leaders if anchor else range(len(names))
        ratios = anchor.ratios if anchor else [ONE] * len(names)
        values |= {name: theirs[tensor][v] / h for name, v, h in zip(names, units, ratios, strict=True)}
    for script in found.scripts():
        free = {name: word for name, word in script.constants.items() if name.startswith("fa")}
        for name in free:
            tensor, v = found.all.original.tensors[int(name[2:].split("_")[0])], int(name.split("_")[1])
            values[name] = ours[tensor][v]
        if script.side != "law":
            yield Interpreter(script.preamble, values), script


@pytest.mark.parametrize("form", FORMS)
def test_premises_are_true_and_claims_hold_where_networks_really_are(form, tmp_path):
    """Else a claim would follow from what never is."""
    rng, premises = random.Random(3), 0
    for seed, box in itertools.product(range(3), (None, ("-1/4", "1/4"))):
        paths = on_box(tmp_path, seed, box) if box else by_kinks(tmp_path, seed)
        for _ in range(3):
            for interpreter, script in at_a_point(paths, form, rng, box):
                for name, value in interpreter.constants.items():
                    if name == "known" or name.startswith("box_"):
                        assert value is True, (script.side, script.tensor)
                        premises += 1
                for obligation in script.obligations:
                    ((_, condition),) = parse(obligation.assertion)
                    assert not interpreter.value(condition), obligation.claim
    assert premises >= 12


# --- Boxes ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
def test_both_solvers_discharge_rows_on_boxes(seed, tmp_path):
    paths = on_box(tmp_path, seed)
    assert verdicts(paths, SOLVERS) == ["equivalent"] * 4
    obligations = [o for s in plan(paths).scripts() for o in s.obligations]
    assert any(o.rule == "zero-on-box" for o in obligations)
    assert {o.side for o in obligations if o.rule == "bounds"} == {"reduced"}
    assert not any(o.rule.startswith("bounds") for s in plan(paths, "direct").scripts() for o in s.obligations)


def test_a_unit_that_fires_on_the_box_is_refuted_there(tmp_path):
    """The first unit with another row is said to be dead: in direct form both solvers give a point of the box."""
    paths = on_box(tmp_path, 1)
    text = paths[2].read_text()
    for tensor in ("h1", "h2"):

        def deaden(relations, tensor=tensor):
            rows = relations[tensor]["rows"]
            rows[next(v for v, row in enumerate(rows) if type(row) is list)] = "zero on domain"

        paths[2].write_text(text)
        rewritten(paths[2], deaden)
        assert check.check(*map(str, paths)).code == 1
        for found in proofs(paths, SOLVERS, ["direct"]):
            assert found.verdict == "rejected"
            finding = next(f for f in found.refuted if f.obligation.rule == "zero-on-box")
            assert finding.replayed
            inputs = [value for name, value in finding.values.items() if name.startswith("q0_")]
            assert all(-rational(1, 4) <= value <= rational(1, 4) for value in inputs)
        assert "equivalent" not in verdicts(paths, SOLVERS, ["decomposed"])


def test_bounds_that_say_less_leave_it_open_and_wrong_ones_are_refuted(tmp_path):
    """Wide bounds: unknown, and no counterexample, for there is none.  Narrow ones are refuted at the inputs."""
    paths = on_box(tmp_path, 1)
    original, reduced = map(exactlump.read, paths[:2])
    claimed = read_certificate(paths[2])

    def changed(amount):
        def bounds(claims):
            return [
                {t: tuple((low - amount, high + amount) for low, high in ends) for t, ends in box.items()}
                for box in proposed(claims)
            ]

        return bounds

    found = {}
    for amount in (0, 1000, -1):
        found[amount] = [
            prove(
                original, reduced, Obligations(original, reduced, claimed, "decomposed", changed(amount)), [s], jobs=1
            )
            for s in SOLVERS
        ]
    assert [proof.verdict for proof in found[0]] == ["equivalent"] * 2
    for proof in found[1000]:
        assert proof.verdict == "unknown"
        assert all("the direct form may" in finding.reason and not finding.values for finding in proof.unknown)
    for proof in found[-1]:
        assert proof.verdict == "rejected"
        assert {finding.obligation.rule for finding in proof.refuted} == {"bounds"}


def test_several_boxes_have_obligations_each(tmp_path):
    paths = on_box(tmp_path, 1)
    document = json.loads(paths[2].read_text())
    (box,) = document["claim"]["domain"]["boxes"]
    wide = {name: [["-1/8", "3"] for _ in ends] for name, ends in box.items()}
    for boxes, verdict in ([box, box], "equivalent"), ([box, wide], "rejected"), ([], "rejected"):
        document["claim"]["domain"]["boxes"] = boxes
        paths[2].write_text(json.dumps(document))
        assert (check.check(*map(str, paths)).code == 0) == (verdict == "equivalent")
        assert verdicts(paths, ["z3"], ["direct"]) == [verdict]
    for ends in ([["1", "0"]], [["0", "1"]] * 9):
        document["claim"]["domain"]["boxes"] = [{name: ends * len(known) for name, known in box.items()}]
        paths[2].write_text(json.dumps(document))
        assert verdicts(paths) == ["rejected"]


def test_rows_on_a_domain_say_nothing_where_there_is_none(tmp_path):
    """Nor of the reduced network."""
    paths = on_box(tmp_path, 1)
    document = json.loads(paths[2].read_text())
    document["claim"]["domain"] = "all reals"
    paths[2].write_text(json.dumps(document))
    assert verdicts(paths) == ["rejected"]
    claimed = read_certificate(on_box(tmp_path, 1)[2])
    backward = {"h1": replace(claimed.forward["h1"], over=None)}
    with pytest.raises(exactlump.NotALumping):
        Obligations(*map(exactlump.read, paths[:2]), replace(claimed, backward=backward))


@pytest.mark.parametrize("path", real_networks("lumpable/tll/*instance_0_0.onnx.gz"))
def test_a_real_lattice_is_proved_by_z3(path, tmp_path):
    exactlump.reduce_file(path, tmp_path / "b.onnx", rules="all")
    found = exactlump.prove_files(path, tmp_path / "b.onnx", tmp_path / "b.onnx.cert.json", jobs=1)
    assert found.verdict == "equivalent"
