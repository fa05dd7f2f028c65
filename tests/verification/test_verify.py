# SPDX-License-Identifier: Apache-2.0
"""This file is about answers to queries: against Z3, against the checker digit by digit, and as bytes on stdout."""

import json
import random
from fractions import Fraction

import numpy as np
import pytest

import exactlump
from exactlump import Network, check
from exactlump.bounding.boxes import outward
from exactlump.cli.main import main
from exactlump.cli.supports import QUESTIONS
from exactlump.errors import ExactlumpError, FormatError, ShapeError, UnsupportedLayer
from exactlump.queries import disjuncts, read_query
from exactlump.verbs import verifying
from exactlump.verbs.verifying import verify
from exactlump.verification import answers, boxes, programs
from exactlump.verification.problems import choices, places, problem
from exactlump.verification.walks import replayed
from tests import verify_tools as tools
from tests.query_tools import mutant
from tests.verify_tools import ONE, SAME, TWO

LOOSE = TWO + "(assert (<= U[0,0] (+ X[0,0] 0.25))) (assert (>= U[0,0] X[0,0]))\n(assert (== U[0,1] (* -1.0 X[0,1])))\n"


def decimal_of(word):
    """A decimal as a rational."""
    top, bottom = Fraction(word).as_integer_ratio()
    return exactlump.rational(top, bottom)


def decimal(value):
    """A fraction over 800 as a decimal."""
    return f"{float(value):.4f}"


def random_text(rng, networks):
    """A query about one or two networks, in either version."""

    def bound():
        return decimal(Fraction(rng.randint(-32, 48), 8) + Fraction(1, 100))

    if networks == 1:
        sums = ("Y_0", "Y_1", "(- Y_0 Y_1)", "(+ Y_0 (* 2 X_1))")
        parts = [
            f"({rng.choice(('<=', '>=', '<', '>'))} {rng.choice(sums)} {bound()})" for _ in range(rng.randint(1, 4))
        ]
        return ONE + f"(assert ({rng.choice(('and', 'or'))} {' '.join(parts)}))"
    left = ("V[0,0]", "(- V[0,0] Y[0,0])", "(- Y[0,1] V[0,1])", "(+ V[0,1] Y[0,0])", "(- Y[0,0] Y[0,1] X[0,0])")
    parts = [f"({rng.choice(('<=', '>='))} {rng.choice(left)} {bound()})" for _ in range(rng.randint(1, 3))]
    return rng.choice((TWO + SAME, LOOSE)) + f"(assert ({rng.choice(('and', 'or'))} {' '.join(parts)}))"


@pytest.mark.parametrize("seed", range(24))
def test_answers_are_those_of_a_solver(seed, tmp_path):
    rng = random.Random(seed)
    count = 1 + seed % 2
    networks = {name: tools.random_network(rng) for name in ("f", "g")[:count]}
    if count == 1:
        networks = {"N": networks["f"]}
    elif rng.random() < 0.5:
        networks["g"] = networks["f"]
    path, paths = tools.files(tmp_path, random_text(rng, count), **networks)
    _, answer = tools.worked(path, paths)
    expected = tools.by_solver(path, paths)
    if answer.solution is not None:
        assert expected == "sat"
        assert read_query(path.read_bytes()).holds(answer.solution.values)
        return
    assert answer.done, answer.notes
    assert expected == "unsat"
    found = tools.checked(tools.document(answer, path, paths), path, paths)
    assert found.verdict == "unsat", found


def test_both_answers_occurred(tmp_path):
    """So that the comparison says something: of the queries above, some are satisfiable and some are not."""
    seen = set()
    for seed in range(24):
        rng = random.Random(seed)
        count = 1 + seed % 2
        networks = {name: tools.random_network(rng) for name in ("f", "g")[:count]}
        if count == 1:
            networks = {"N": networks["f"]}
        elif rng.random() < 0.5:
            networks["g"] = networks["f"]
        path, paths = tools.files(tmp_path, random_text(rng, count), **networks)
        seen.add((count, tools.by_solver(path, paths)))
    assert seen == {(n, word) for n in (1, 2) for word in ("sat", "unsat")}


@pytest.mark.parametrize("seed", range(8))
def test_the_engine_bounds_as_the_checker_does(seed, tmp_path):
    """Every number of every box of a tree, digit by digit."""
    rng = random.Random(seed)
    count = 1 + seed % 2
    networks = {name: tools.random_network(rng) for name in (("N",), ("f", "g"))[count - 1]}
    path, paths = tools.files(tmp_path, random_text(rng, count), **networks)
    query, theirs = read_query(path.read_bytes()), check.read_query(path.read_text())
    part = disjuncts(query)[0]
    asked = problem(query, part, choices(query, part)[0])
    own = {name: exactlump.read(file) for name, file in paths.items()}
    made = programs.builder(asked, [own[n] for n in asked.networks], places(query), programs.NO_RELATIONS)
    exact = boxes.RowPass(programs.program_of(made, asked.rows), asked.rows, [range(len(asked.rows))])
    where = [check.places_of(theirs)[name] for name in asked.networks]
    other = check.problem_of(theirs.cases[0], where)
    models = [check.read_network(str(paths[name]), "as stored", 1 << 20) for name in asked.networks]
    joint = check.Joint(models, where, other, {"original": {}, "reduced": {}}, 10**12)
    least = [row.least for row in other.rows]
    disproof = check.Disproof(joint, joint.layers_of(other.rows), [range(len(least))], least)
    assert least == exact.rows_least
    low, high = outward(programs.box_of(asked))
    parents = None, None
    for _ in range(4):
        known, state = exact.node(low, high, parents[0]), joint.bounder.node(low, high, parents[1])
        assert exact.refuted(known, parents[0], {}) == disproof.done(state, parents[1], {})
        assert {k: [[*map(int, side)] for side in ends] for k, ends in known.before.items() if k in state.before} == {
            k: [*ends] for k, ends in state.before.items()
        }
        parents = known.before, state.before
        i = rng.randrange(len(low))
        (high if rng.random() < 0.5 else low)[i] = low[i] + high[i] >> 1


@pytest.mark.parametrize("seed", range(4))
def test_mutants_of_queries_have_no_wrong_answers(seed, tmp_path):
    """A mutant is an error of the package, or is answered as Z3 answers it, or is not decided."""
    rng, decided = random.Random(seed), []
    for _ in range(60):
        count = rng.choice((1, 2))
        text = mutant(rng, random_text(rng, count))
        networks = {"N": tools.f()} if count == 1 else {"f": tools.f(), "g": tools.g()}
        path, paths = tools.files(tmp_path, text, **networks)
        try:
            query = read_query(path.read_bytes())
            if [n.name for n in query.networks] != [*networks] or "equal-to" in text:
                continue
            verifying._demand_fit(query, networks)
            _, answer = tools.worked(path, paths, seconds=1.0)
        except ExactlumpError:
            continue
        if answer.solution is not None:
            assert tools.by_solver(path, paths) == "sat"
            decided.append("sat")
        elif answer.done:
            assert tools.checked(tools.document(answer, path, paths), path, paths).verdict == "unsat"
            assert tools.by_solver(path, paths) == "unsat"
            decided.append("unsat")
    assert {*decided} == {"sat", "unsat"}


def test_refused_leaves_are_halved_again(tmp_path):
    path, paths = tools.files(tmp_path, ONE + "(assert (>= Y_0 2.01))", N=tools.f())
    work, answer = tools.worked(path, paths)
    (shown,) = answer.shown
    program, _ = work.programs[0]
    exact = boxes.RowPass(program, shown.group.rows, shown.group.spans)
    box = outward(programs.box_of(shown.group.problems[0]))
    assert replayed(exact, shown.tree, box) == []
    answer.shown[0] = answers.Shown(shown.group, shown.pair, type(shown.tree)())
    assert replayed(exact, answer.shown[0].tree, box) == [0]
    assert tools.checked(tools.document(answer, path, paths), path, paths).verdict == "rejected"
    assert work.mend()
    assert answer.shown[0].tree.leaves > 1
    assert tools.checked(tools.document(answer, path, paths), path, paths).verdict == "unsat"


def test_a_large_tree_is_searched_again(tmp_path, monkeypatch):
    """With care: it may have fewer boxes, and never has more."""
    monkeypatch.setattr(answers, "_LARGE", 1 << 60)
    path, paths = tools.files(tmp_path, ONE + "(assert (>= (+ Y_0 Y_1) 3.01))", N=tools.f())
    _, plain = tools.worked(path, paths)
    monkeypatch.setattr(answers, "_LARGE", 2)
    _, careful = tools.worked(path, paths)
    assert 1 < careful.leaves <= plain.leaves
    assert careful.boxes > plain.boxes
    assert tools.checked(tools.document(careful, path, paths), path, paths).verdict == "unsat"


@pytest.mark.parametrize("kind", ["compiled", "batched", "exact"])
def test_every_way_to_bound_finds_a_tree(kind, tmp_path, monkeypatch):
    if kind == "compiled":
        pytest.importorskip("numba", reason="loops are compiled by numba")
    monkeypatch.setattr(answers, "available", lambda: kind == "compiled")
    if kind == "exact":
        monkeypatch.setattr(programs, "arrays", lambda _: None)
    text = TWO + SAME + "(assert (or (> V[0,0] (+ Y[0,0] 0.04)) (>= Y[0,0] 2.05)))"
    path, paths = tools.files(tmp_path, text, f=tools.f(), g=tools.g())
    _, answer = tools.worked(path, paths)
    assert answer.done
    assert tools.checked(tools.document(answer, path, paths), path, paths).verdict == "unsat"


def test_a_query_that_says_nothing_and_one_that_says_too_much(tmp_path):
    path, paths = tools.files(tmp_path, ONE, N=tools.f())
    assert tools.worked(path, paths)[1].solution is not None
    path, paths = tools.files(tmp_path, ONE + "(assert (<= 1 0))", N=tools.f())
    _, answer = tools.worked(path, paths)
    assert (answer.cases, answer.done, answer.vacuous) == (0, True, True)
    assert tools.checked(tools.document(answer, path, paths), path, paths).verdict == "unsat"


def test_functions_without_rational_values_are_bounded(tmp_path):
    """There is no exact solution, and there are bounds."""
    network = Network.chain([[[1], [-2]], [[1, 1]]], activation="sigmoid")
    text = "(declare-const X_0 Real) (declare-const Y_0 Real) (assert (>= X_0 -1)) (assert (<= X_0 1))"
    path, paths = tools.files(tmp_path, text + "(assert (>= Y_0 1.9))", N=network)
    _, answer = tools.worked(path, paths)
    assert answer.done
    assert tools.checked(tools.document(answer, path, paths), path, paths).verdict == "unsat"
    path, paths = tools.files(tmp_path, text + "(assert (>= Y_0 0.5))", N=network)
    _, answer = tools.worked(path, paths, seconds=1.0)
    assert answer.solution is None
    assert not answer.done


def test_networks_with_the_same_function_do_not_differ_at_all(tmp_path):
    """Strictly: not by 2^-1000 either.  Floats cannot show that, and the exact bounds of the whole box do."""
    scaled = Network.chain([[[2, 2], [1, -1], [0, 0]], [["1/2", 1, 5], [0, 1, 0]]], [[0, 0, -1], [0, -1]])
    differ = "(or (> V[0,{0}] Y[0,{0}]) (< V[0,{0}] Y[0,{0}]))"
    text = TWO + SAME + f"(assert (or {differ.format(0)} (!= V[0,1] Y[0,1])))"
    path, paths = tools.files(tmp_path, text, f=tools.f(), g=scaled)
    _, answer = tools.worked(path, paths)
    assert (answer.done, answer.leaves, answer.cases) == (True, 1, 4)
    assert tools.checked(tools.document(answer, path, paths), path, paths).verdict == "unsat"
    assert tools.by_solver(path, paths) == "unsat"
    path, paths = tools.files(tmp_path, text, f=tools.f(), g=tools.g())
    assert tools.worked(path, paths)[1].solution is not None


def test_three_networks(tmp_path):
    """A comparison of two of them may decide; one of all three at once is not bounded, and may be satisfied."""
    third = "(declare-network h (declare-input S real [1,2]) (declare-output T real [1,2]))"
    head, rest = TWO.split("(assert", 1)
    text = f"{head}{third}(assert{rest}{SAME}(assert (== S[0,0] X[0,0])) (assert (== S[0,1] X[0,1]))"
    networks = {"f": tools.f(), "g": tools.g(), "h": tools.f()}
    near = "(assert (> V[0,0] (+ Y[0,0] 0.04))) (assert (>= T[0,0] 0.5))"
    path, paths = tools.files(tmp_path, text + near, **networks)
    _, answer = tools.worked(path, paths)
    assert answer.done
    assert answer.pairs[0].networks == ("f", "g")
    assert tools.checked(tools.document(answer, path, paths), path, paths).verdict == "unsat"
    path, paths = tools.files(tmp_path, text + "(assert (>= (+ Y[0,0] V[0,0] T[0,0]) 9.0))", **networks)
    _, answer = tools.worked(path, paths)
    assert not answer.done
    assert answer.solution is None
    path, paths = tools.files(tmp_path, text + "(assert (>= (+ Y[0,0] V[0,0] T[0,0]) 5.9))", **networks)
    assert tools.worked(path, paths)[1].solution is not None


# The command line


@pytest.fixture
def run(capsys, monkeypatch, tmp_path):
    """The command line in this process, in a folder of its own."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main([str(argument) for argument in arguments])
        return end.value.code, *capsys.readouterr()

    return call


PAIR = ("--network", "f=f.json", "--network", "g=g.json", "--jobs", "1")


def write_pair(folder, assertion):
    """The two networks, and a query about them."""
    text = TWO + SAME + assertion
    return tools.files(folder, text, f=tools.f(), g=tools.g())


def test_sat_prints_the_assignment(run, tmp_path):
    write_pair(tmp_path, "(assert (> V[0,0] (+ Y[0,0] 0.03)))")
    code, out, err = run("verify", "query.vnnlib", *PAIR)
    lines = out.splitlines()
    assert (code, lines[0]) == (0, "sat")
    ports = [n for n, line in enumerate(lines) if "real [" in line]
    assert [lines[n] for n in ports] == ["X real [1,2]", "Y real [1,2]", "U real [1,2]", "V real [1,2]"]
    assert ports == [1, 4, 7, 10]
    assert len(lines) == 13
    values = [decimal_of(line) for n, line in enumerate(lines) if n and n not in ports]
    assert read_query((tmp_path / "query.vnnlib").read_bytes()).holds(values)
    assert values[:2] == values[4:6]
    evaluated = exactlump.evaluate(tools.g(), values[4:6])
    assert [*evaluated] == values[6:8]
    assert all(np.float32(float(x)) == float(x) for x in values[:2])
    assert "float32" in err


def test_unsat_prints_one_word_and_writes_a_certificate(run, tmp_path):
    path, paths = write_pair(tmp_path, "(assert (> V[0,0] (+ Y[0,0] 0.04)))")
    code, out, err = run("verify", "query.vnnlib", *PAIR, "--certificate", "out.json")
    assert (code, out) == (0, "unsat\n")
    assert "unsat: no inputs satisfy the query (1 case), over the reals, for the networks as stored" in err
    words = (tmp_path / "out.json").read_text()
    assert tools.checked(words, path, paths).verdict == "unsat"
    again = run("verify", "query.vnnlib", *PAIR, "--certificate", "out.json")
    assert again[0] == 0  # the same bytes may be written again
    (tmp_path / "out.json").write_text("{}")
    assert run("verify", "query.vnnlib", *PAIR, "--certificate", "out.json")[0] == 2
    assert run("verify", "query.vnnlib", *PAIR, "--certificate", "out.json", "--force")[0] == 0
    assert run("verify", "query.vnnlib", *PAIR, "--certificate", "f.json", "--force")[0] == 2


def test_unknown_and_timed_out(run, tmp_path):
    text = "(declare-const X_0 Real) (declare-const Y_0 Real) (assert (>= X_0 0)) (assert (> Y_0 1.5))"
    tools.files(tmp_path, text, N=Network.chain([[[1], [-1]], [[-1, -1]]]))
    code, out, err = run("verify", "query.vnnlib", "--network", "N=N.json")
    assert (code, out) == (3, "unknown\n")
    assert "X_0 has no bound on a side" in err
    write_pair(tmp_path, "(assert (> V[0,0] (+ Y[0,0] 0.04)))")
    code, out, err = run("verify", "query.vnnlib", *PAIR, "--timeout", "0.001")
    assert (code, out) == (3, "timed-out\n")


def test_nothing_is_unsat_without_the_checker(run, tmp_path, monkeypatch):
    write_pair(tmp_path, "(assert (> V[0,0] (+ Y[0,0] 0.04)))")
    for outcome, word in ((None, "timed-out"), (verifying.Checked("rejected", "no", 0.0), "unknown")):
        monkeypatch.setattr(verifying, "run_query_check", lambda *_, found=outcome: found)
        code, out, _ = run("verify", "query.vnnlib", *PAIR, "--certificate", "out.json")
        assert (code, out) == (3, f"{word}\n")
        assert not (tmp_path / "out.json").exists()


def test_a_query_that_no_networks_satisfy_is_warned_about(run, tmp_path):
    path, paths = write_pair(tmp_path, "(assert (and (> V[0,0] (+ Y[0,0] 0.05)) (< V[0,0] (- Y[0,0] 0.05))))")
    code, out, err = run("verify", "query.vnnlib", *PAIR, "--certificate", "out.json")
    assert (code, out) == (0, "unsat\n")
    assert "no solution whatever the networks are" in err
    assert "multipliers" in (tmp_path / "out.json").read_text()
    assert tools.checked((tmp_path / "out.json").read_text(), path, paths).verdict == "unsat"


def test_a_network_that_is_equal_to_another_needs_no_file(run, tmp_path):
    text = TWO.replace("isomorphic-to", "equal-to") + LOOSE[len(TWO) :]
    tools.files(tmp_path, text + "(assert (> V[0,0] (+ Y[0,0] 4.0)))", f=tools.f())
    assert run("verify", "query.vnnlib", "--network", "f=f.json", "--jobs", "1")[:2] == (0, "unsat\n")
    both = ("--network", "f=f.json", "--network", "g=f.json", "--jobs", "1")
    assert run("verify", "query.vnnlib", *both)[:2] == (0, "unsat\n")
    exactlump.write(tools.g(), "g.json")
    code, out, err = run("verify", "query.vnnlib", "--network", "f=f.json", "--network", "g=g.json")
    assert (code, out) == (2, "")
    assert "found another file than that of f, to which it is equal" in err


def test_version_one(run, tmp_path):
    tools.files(tmp_path, ONE + "(assert (or (and (>= X_0 0.5) (>= Y_0 1.5)) (<= Y_1 -2)))", N=tools.f())
    code, out, _ = run("verify", "query.vnnlib", "--network", "N=N.json")
    lines = out.splitlines()
    assert (code, lines[0], lines[1], lines[4]) == (0, "sat", "X real [2]", "Y real [2]")
    assert float(lines[2]) >= 0.5
    tools.files(tmp_path, ONE + "(assert (or (>= Y_0 2.5) (<= Y_1 -1.5)))", N=tools.f())
    assert run("verify", "query.vnnlib", "--network", "anything=N.json", "--jobs", "1")[:2] == (0, "unsat\n")


FLOATS = (TWO + SAME).replace(" real ", " float32 ")


def test_a_query_about_floats_is_an_error_unless_read_over_the_reals(run, tmp_path):
    tools.files(tmp_path, FLOATS + "(assert (> V[0,0] (+ Y[0,0] 0.04)))", f=tools.f(), g=tools.g())
    code, out, err = run("verify", "query.vnnlib", *PAIR)
    assert (code, out) == (4, "")
    assert "float32" in err
    assert "sound for real only" in err
    code, out, err = run("verify", "query.vnnlib", *PAIR, "--element-type", "real")
    assert (code, out) == (0, "unsat\n")
    assert "read over the reals" in err
    assert run("verify", "query.vnnlib", *PAIR, "--element-type", "float32")[0] == 2


ERRORS = {
    "no network": ([], "found none for f, g"),
    "one of two": (["--network", "f=f.json"], "found none for g"),
    "one too many": ([*PAIR, "--network", "h=f.json"], "--network h: found a file, expected none"),
    "one twice": ([*PAIR, "--network", "f=f.json"], "--network f: found two files"),
    "no name": (["--network", "f.json"], "expected NAME=FILE"),
    "no such file": (["--network", "f=f.json", "--network", "g=none.json"], "none.json"),
    "no network file": (["--network", "f=f.json", "--network", "g=query.vnnlib"], "query.vnnlib"),
    "another number of inputs": (["--network", "f=f.json", "--network", "g=small.json"], "inputs of sizes: found [1]"),
    "no time": ([*PAIR, "--timeout", "0"], "timeout"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors_are_on_stderr(name, run, tmp_path):
    write_pair(tmp_path, "(assert (> V[0,0] (+ Y[0,0] 0.04)))")
    exactlump.write(Network.chain([[[1]], [[1], [1]]]), tmp_path / "small.json")
    arguments, words = ERRORS[name]
    code, out, err = run("verify", "query.vnnlib", *arguments)
    assert (code, out) == (2, "")
    assert words in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", 2),
        ("(vnnlib-version <2.0>)", 2),
        (FLOATS, 4),
        (
            TWO.replace("(declare-output Y", '(declare-hidden H real [1] "h")\n(declare-output Y')
            + "(assert (> Y[0,0] 1.0))",
            4,
        ),
        ("(vnnlib-version <3.0>)", 4),
        (ONE + "(assert (>= (* Y_0 Y_1) 1))", 4),
        (ONE + "(assert (>= Y_0 1)", 2),
        ("\xff", 2),
    ],
)
def test_queries_that_are_none(text, code, run, tmp_path):
    tools.files(tmp_path, text, f=tools.f(), g=tools.g(), N=tools.f())
    networks = PAIR if "declare-network" in text else ("--network", "N=N.json")
    found, out, err = run("verify", "query.vnnlib", *networks)
    assert (found, out) == (code, "")
    assert len(err.splitlines()) == 1


def test_the_assignment_as_tensors(run, tmp_path):
    onnx = pytest.importorskip("onnx", reason="tensors are those of ONNX")
    write_pair(tmp_path, "(assert (> V[0,0] (+ Y[0,0] 0.03)))")
    code, out, _ = run("verify", "query.vnnlib", *PAIR, "--serialise-assignments", "found")
    assert (code, out) == (0, "sat\n")
    known = {}
    for name in "XYUV":
        tensor = onnx.TensorProto.FromString((tmp_path / "found" / f"{name}.pb").read_bytes())
        assert (tensor.name, [*tensor.dims]) == (name, [1, 2])
        known[name] = [exactlump.rational(float(x)) for x in onnx.numpy_helper.to_array(tensor).ravel()]
    assert read_query((tmp_path / "query.vnnlib").read_bytes()).holds([x for name in "XYUV" for x in known[name]])


def test_json(run, tmp_path):
    write_pair(tmp_path, "(assert (> V[0,0] (+ Y[0,0] 0.04)))")
    code, out, err = run("verify", "query.vnnlib", *PAIR, "--json", "--no-times")
    found = json.loads(out)
    assert (code, err, found["verdict"], found["cases"], found["vacuous"]) == (0, "", "unsat", 1, 0)
    assert found["checked"]["verdict"] == "unsat"
    assert run("verify", "query.vnnlib", *PAIR, "--json", "--no-times")[1] == out
    assert json.loads(run("verify", "query.vnnlib", "--json")[1])["verdict"] is None


# The library


def test_the_library_call(tmp_path):
    path, paths = write_pair(tmp_path, "(assert (> V[0,0] (+ Y[0,0] 0.03)))")
    found = verify(path, paths)
    assert (found.verdict, repr(found)) == ("sat", "sat (1 cases, 0 leaves)")
    assert found.assignment.startswith("X real [1,2]\n")
    assert found.json()["assignment"]["X"] == [*found.tensors["X"]]
    with pytest.raises(FormatError, match="found none for g"):
        verify(path, {"f": paths["f"]})
    with pytest.raises(FormatError, match="element type"):
        verify(path, paths, element_type="float64")
    exactlump.write(Network.chain([[[1]], [[1], [1]]]), tmp_path / "small.json")
    with pytest.raises(ShapeError, match="network g: inputs of sizes"):
        verify(path, {**paths, "g": tmp_path / "small.json"})
    tools.files(tmp_path, FLOATS + "(assert (> V[0,0] 1.0))")
    with pytest.raises(UnsupportedLayer, match="found the element type float32"):
        verify(path, paths)


def test_values_without_a_decimal_are_rounded_in_print_only(tmp_path):
    text = "(declare-const X_0 Real) (declare-const Y_0 Real) (assert (= X_0 1)) (assert (>= Y_0 0.3))"
    path, paths = tools.files(tmp_path, text, N=Network.chain([[["1/3"]]]))
    found = verify(path, paths["N"])
    assert (found.verdict, found.tensors["Y"]) == ("sat", ["1/3"])
    assert found.assignment == f"X real [1]\n1\nY real [1]\n0.{'3' * 40}\n"


# What is supported


def test_what_is_supported(run):
    assert run("--name") == (0, "exactlump\n", "")
    assert run("--version") == (0, f"{exactlump.__version__}\n", "")
    answers_ = {question: run("supports", question) for question in QUESTIONS}
    assert all((code, err) == (0, "") and out for code, out, err in answers_.values())
    assert answers_["--onnx-element-types"][1] == "real\n"
    assert answers_["--vnnlib-versions"][1] == "1.0\n2.0\n"
    assert answers_["--multiple-network-theories"][1] == "SNET\nMENET\nMINET\nMNET\n"
    assert answers_["--serialise-assignments"][1] == "true\n"
    first, last = map(int, answers_["--onnx-opset-versions"][1].split())
    assert first < last
    assert {"Relu", "Gemm", "Conv", "MaxPool"} <= set(answers_["--onnx-operators"][1].split())
    assert "Softmax" not in answers_["--onnx-operators"][1].split()
    assert run("supports")[0] == 2
    assert run("supports", "--frob")[0] == 2


def test_operators_that_are_supported_are_read():
    from exactlump.cli.supports import lines_of
    from exactlump.formats.onnx.arithmetic import OPERATORS

    assert set(lines_of("--onnx-operators")) <= set(OPERATORS)


def test_asking_what_is_supported_is_quick():
    """It loads no solver, no onnx, no NumPy."""
    from tests.house.test_public import loaded

    code = "from exactlump.cli.supports import QUESTIONS, lines_of; [*map(lines_of, QUESTIONS)]"
    assert not {"numpy", "onnx", "z3", "sympy"} & loaded(code)
