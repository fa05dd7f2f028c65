# SPDX-License-Identifier: Apache-2.0
"""This file is about the checker of certificates of queries: true ones, false ones, faults in it, and mutants.

Every false certificate here is about a query that some inputs satisfy, or is not about the query at all.
"""

import base64
import json
import random

import pytest

from exactlump import Network, check
from exactlump.bounding.certifying import dumps
from tests import verify_tools as tools
from tests.verify_tools import ONE, SAME, TWO, faulty

LINE = "(declare-const X_0 Real) (declare-const Y_0 Real) (assert (>= X_0 0)) (assert (<= X_0 1))\n"
PAIR = TWO + SAME
# Inputs of the second network are not those of the first.
SHIFTED = TWO + "(assert (== U[0,0] (+ X[0,0] 1.0))) (assert (== X[0,1] U[0,1]))\n"
MOVED = """(vnnlib-version <2.0>)
(declare-network f (declare-input X real [1]) (declare-output Y real [1]))
(declare-network g (declare-input U real [1]) (declare-output V real [1]))
(assert (>= X[0] 0.0)) (assert (<= X[0] 1.0)) (assert (== U[0] (+ X[0] 1.0)))
"""


def same():
    """y = x."""
    return Network.chain([[[1]]], [[0]])


# Name -> text, networks, certificate of (path, paths), and the verdict that is right.
KNOWN = {
    "a bound that holds": (ONE + "(assert (>= Y_0 8))", {"N": tools.f()}, (0,), {}, "unsat"),
    "a bound that does not": (ONE + "(assert (>= Y_0 1))", {"N": tools.f()}, (0,), {}, "rejected"),
    "strict, touching": (LINE + "(assert (> Y_0 1))", {"N": same()}, (0,), {}, "unsat"),
    "not strict, touching": (LINE + "(assert (>= Y_0 1))", {"N": same()}, (0,), {}, "rejected"),
    "from below": (LINE + "(assert (<= Y_0 -0.5))", {"N": same()}, (0,), {}, "unsat"),
    "an equation from above": (LINE + "(assert (= Y_0 2))", {"N": same()}, (0,), {}, "unsat"),
    "an equation from below": (LINE + "(assert (= Y_0 -1))", {"N": same()}, (0,), {}, "unsat"),
    "an equation that holds somewhere": (
        "(declare-const X_0 Real) (declare-const Y_0 Real) (assert (>= X_0 0.25)) (assert (<= X_0 1))"
        "(assert (= Y_0 0.5))",
        {"N": same()},
        (0,),
        {},
        "rejected",
    ),
    "two cases": (LINE + "(assert (or (>= Y_0 2) (<= Y_0 -1)))", {"N": same()}, (0, 1), {}, "unsat"),
    "a case forgotten": (LINE + "(assert (or (>= Y_0 2) (<= Y_0 0.5)))", {"N": same()}, (0,), {}, "rejected"),
    "a case that does not hold": (
        LINE + "(assert (or (>= Y_0 2) (<= Y_0 0.5)))",
        {"N": same()},
        (0, 1),
        {},
        "rejected",
    ),
    "a case twice": (LINE + "(assert (or (>= Y_0 2) (<= Y_0 0.5)))", {"N": same()}, (0, 0), {}, "rejected"),
    "cases with other boxes": (
        "(declare-const X_0 Real) (declare-const Y_0 Real)"
        "(assert (or (and (>= X_0 0) (<= X_0 1) (>= Y_0 2)) (and (>= X_0 2) (<= X_0 3) (>= Y_0 2.5))))",
        {"N": same()},
        (0, 1),
        {},
        "rejected",
    ),
    "two rows, one of which is enough": (
        LINE + "(assert (<= Y_0 1)) (assert (>= Y_0 2))",
        {"N": same()},
        (0,),
        {},
        "unsat",
    ),
    "inputs that an equation makes of others": (
        SHIFTED + "(assert (<= V[0,1] -4.0))",
        {"f": tools.f(), "g": tools.g()},
        (0,),
        {"pair": ("f", "g")},
        "unsat",
    ),
    "inputs that are further off": (
        MOVED + "(assert (>= V[0] 1.5))",
        {"f": same(), "g": same()},
        (0,),
        {"pair": ("f", "g")},
        "rejected",
    ),
    "ends that a row implies": (
        MOVED.replace("(== U[0] (+ X[0] 1.0))", "(<= U[0] (+ X[0] 0.25))")
        + "(assert (>= U[0] X[0])) (assert (>= V[0] 1.1))",
        {"f": same(), "g": same()},
        (0,),
        {"pair": ("f", "g")},
        "rejected",
    ),
    "ends that a row implies, and a bound that holds": (
        MOVED.replace("(== U[0] (+ X[0] 1.0))", "(<= U[0] (+ X[0] 0.25))")
        + "(assert (>= U[0] X[0])) (assert (>= V[0] 1.3))",
        {"f": same(), "g": same()},
        (0,),
        {"pair": ("f", "g")},
        "unsat",
    ),
    "one of two networks": (
        SHIFTED + "(assert (>= V[0,0] 2.5))",
        {"f": tools.f(), "g": tools.g()},
        (0,),
        {"pair": ("g",)},
        "rejected",
    ),
    "two networks that are near": (
        PAIR + "(assert (> V[0,0] (+ Y[0,0] 0.04)))",
        {"f": tools.f(), "g": tools.g()},
        (0,),
        {"pair": ("f", "g")},
        "unsat",
    ),
    "two networks that are not near enough": (
        PAIR + "(assert (> V[0,0] (+ Y[0,0] 0.01)))",
        {"f": tools.f(), "g": tools.g()},
        (0,),
        {"pair": ("f", "g")},
        "rejected",
    ),
    "a row that speaks of another network": (
        PAIR + "(assert (<= Y[0,0] 1.0)) (assert (> V[0,0] 8.0))",
        {"f": tools.f(), "g": tools.g()},
        (0,),
        {"pair": ("f",)},
        "rejected",
    ),
    "no bound on one side": (
        "(declare-const X_0 Real) (declare-const Y_0 Real) (assert (<= X_0 1)) (assert (>= Y_0 2))",
        {"N": same()},
        (0,),
        {},
        "rejected",
    ),
    "bounds of inputs alone": (LINE, {"N": same()}, (0,), {}, "rejected"),
    "a row of inputs": (
        ONE + "(assert (>= (+ X_0 X_1) 3)) (assert (>= Y_0 0))",
        {"N": tools.f()},
        (0,),
        {},
        "unsat",
    ),
    "a coordinate counted from above": (
        "(declare-const X_0 Real) (declare-const Y_0 Real) (assert (<= (- X_0) 1)) (assert (<= X_0 1))"
        "(assert (<= Y_0 -0.5))",
        {"N": same()},
        (0,),
        {},
        "rejected",
    ),
    "multipliers": (LINE + "(assert (> Y_0 2)) (assert (< Y_0 1))", {"N": same()}, [[2, "1"], [3, "1"]], {}, "unsat"),
    "multipliers that leave something": (
        LINE + "(assert (> Y_0 0.5)) (assert (< Y_0 1))",
        {"N": same()},
        [[2, "1"], [3, "1"]],
        {},
        "rejected",
    ),
    "multipliers of other variables": (
        LINE + "(assert (> Y_0 2)) (assert (< X_0 1))",
        {"N": Network.chain([[[3]]], [[0]])},
        [[2, "1"], [3, "1"]],
        {},
        "rejected",
    ),
    "a negative multiplier": (
        LINE + "(assert (<= X_0 2))",
        {"N": same()},
        [[1, "1"], [2, "-1"]],
        {},
        "rejected",
    ),
    "multipliers that add up to 0 < 0": (
        LINE + "(assert (< Y_0 1)) (assert (>= Y_0 1))",
        {"N": same()},
        [[2, "1"], [3, "1"]],
        {},
        "unsat",
    ),
    "multipliers that add up to 0 <= 0": (
        LINE + "(assert (<= Y_0 1)) (assert (>= Y_0 1))",
        {"N": same()},
        [[2, "1"], [3, "1"]],
        {},
        "rejected",
    ),
    "another query": (LINE + "(assert (>= Y_0 8))", {"N": same()}, (0,), {"query": "0" * 64}, "rejected"),
    "another pair": (LINE + "(assert (>= Y_0 8))", {"N": same()}, (0,), {"pair": ("M",)}, "rejected"),
    "slopes of a row that is not there": (
        LINE + "(assert (>= Y_0 8))",
        {"N": same()},
        (0,),
        {"slopes": [[0, 1, 0, ""]]},
        "rejected",
    ),
    "slopes of the other side": (
        LINE + "(assert (>= Y_0 8))",
        {"N": same()},
        (0,),
        {"slopes": [[0, 0, 1, ""]]},
        "rejected",
    ),
}


def certificate(folder, name):
    """The files of a known case, and its certificate."""
    text, networks, shown, more, _ = KNOWN[name]
    path, paths = tools.files(folder, text, **networks)
    if isinstance(shown, list):
        return path, paths, tools.leaf(path, paths, proofs=[{"case": 0, "multipliers": shown}], **more)
    return path, paths, tools.leaf(path, paths, *shown, **more)


@pytest.mark.parametrize("name", KNOWN)
def test_what_the_checker_says(name, tmp_path):
    path, paths, made = certificate(tmp_path, name)
    found = tools.checked(made, path, paths)
    assert found.verdict == KNOWN[name][4], found
    assert found.code == (0 if found.verdict == "unsat" else 1)
    if found.verdict == "unsat":
        assert tools.by_solver(path, paths) == "unsat"


# Fault -> what stands in the checker, and what would stand there.
FAULTS = {
    "a disjunct is forgotten": ("sorted(shown) == [*range(len(query.cases))]", "shown"),
    "a case may be shown by any other": ("return all(any(low[r]", "return any(any(low[r]"),
    "a strict comparison is read as one that is not": (
        "return up(self.bound) if self.strict else down(self.bound) + 1",
        "return down(self.bound) + 1",
    ),
    "one that is not strict is read as strict": (
        "return up(self.bound) if self.strict else down(self.bound) + 1",
        "return up(self.bound)",
    ),
    "an equation has the wrong sign": (
        "rows.append(Bounded({v: -c for v, c in terms.items()}, -bound, False))",
        "rows.append(Bounded(terms, -bound, False))",
    ),
    "an equation is one row": (
        'if part.relation == "==":\n            rows.append(Bounded({v: -c for v, c in terms.items()}, -bound, False))',
        "",
    ),
    "a bound from below is one from above": (
        'if part.relation == "==" or c < 0:\n                low =',
        'if part.relation == "==" or c > 0:\n                low =',
    ),
    "the query's hash is not looked at": (
        'hold("hash", same, "the certificate is about another query")',
        "same",
    ),
    "an equation of inputs loses its constant": (
        "{u: -w / c for u, w in terms.items()} | ({-1: (part.bound - constant) / c})",
        "{u: -w / c for u, w in terms.items()}",
    ),
    "implied ends are those of the other side": ("(end := ends[u][w < 0])", "(end := ends[u][w > 0])"),
    "cases need not have the same box": (
        'hold("cases", same, "found cases with',
        'hold("cases", True, "found cases with',
    ),
    "multipliers may be negative": (
        'hold("multipliers", factor > 0 or relation == "==", f"multipliers: found a negative one for {relation}")',
        "pass",
    ),
    "multipliers may leave variables": ("return not any(total.values()) and (bound < 0", "return (bound < 0"),
    "multipliers may add up to nothing": ("(bound == 0 and strict)", "bound == 0"),
    "strict multipliers are not": ("(bound == 0 and strict)", "False"),
    "comparisons of other networks count": ("if part.terms.keys() <= known]", "if part.terms]"),
    "slopes of rows that are not there": (
        'hold("slopes", known, "slopes: found those of a row',
        'hold("slopes", True, "slopes: found those of a row',
    ),
    "a side without a bound": ('hold("domain", least is not None and most is not None,', 'hold("domain", True,'),
    "what N adds is left out": ("combination([(ONE, self.compared(form)), (ONE, other)])", "other"),
    "the sums' signs": (
        "rest = [combination((c, self.sums[v])",
        "rest = [combination((-c, self.sums[v])",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_the_checker_is_seen(fault, tmp_path):
    seen = []
    with faulty(*FAULTS[fault]) as wrong:
        for number, name in enumerate(KNOWN):
            folder = tmp_path / str(number)
            folder.mkdir()
            path, paths, made = certificate(folder, name)
            try:
                verdict = tools.checked(made, path, paths, wrong).verdict
            except (AssertionError, KeyError) as error:
                verdict = type(error).__name__
            seen += [name] if verdict != KNOWN[name][4] else []
    assert seen


def mutants(document, rng, count):
    """Other texts of a certificate: values changed, taken out, put in other places."""
    for _ in range(count):
        other = json.loads(dumps(document))
        for _ in range(rng.randint(1, 3)):
            place, key = rng.choice([*places(other)])
            place[key] = changed(place[key], rng, [p[k] for p, k in places(json.loads(dumps(other)))])
        yield json.dumps(other, sort_keys=True, separators=(",", ":"))


def changed(value, rng, others):
    """Another value, near or not."""
    found = [*others, None, [], {}, "", 0, -1, 1 << 70, "1/3", True]
    near = {
        int: lambda: [value - 1, value + 1],
        str: lambda: [flipped(value, rng), value[:-1]],
        list: lambda: [value[:-1], [*value, *value]],
    }
    return rng.choice(near[type(value)]() if type(value) in near and rng.random() < 0.6 else found)


def places(value):
    """All places in an object: a container and a key."""
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield value, key
        yield from places(value[key])


def flipped(word, rng):
    """A text with another character, or other bytes in base 64."""
    if rng.random() < 0.5 or not word:
        return base64.b64encode(rng.randbytes(rng.randint(0, 6))).decode()
    at = rng.randrange(len(word))
    return word[:at] + rng.choice("0123456789abcdefAB=/+-") + word[at + 1 :]


@pytest.mark.parametrize("name", ["two networks that are near", "multipliers", "two cases"])
def test_mutants_of_true_certificates_have_verdicts(name, tmp_path):
    path, paths, made = certificate(tmp_path, name)
    verdicts = [tools.checked(text, path, paths).verdict for text in mutants(made, random.Random(7), 150)]
    assert {*verdicts} <= {"unsat", "rejected", "malformed", "unsupported", "unknown"}
    assert len({*verdicts}) >= 3
    assert verdicts.count("unsat") < 60


@pytest.mark.parametrize("name", ["two networks that are not near enough", "a case forgotten", "not strict, touching"])
def test_no_mutant_shows_what_is_false(name, tmp_path):
    path, paths, made = certificate(tmp_path, name)
    verdicts = [tools.checked(text, path, paths).verdict for text in mutants(made, random.Random(8), 200)]
    assert "unsat" not in verdicts
    assert {*verdicts} <= {"rejected", "malformed", "unsupported", "unknown"}


def test_several_processes_say_the_same(tmp_path):
    path, paths = tools.files(tmp_path, ONE + "(assert (>= Y_0 2.01))", N=tools.f())
    _, answer = tools.worked(path, paths)
    made = tools.document(answer, path, paths)
    both = [tools.checked(made, path, paths, jobs=jobs) for jobs in (1, 2)]
    assert both[0] == both[1]
    assert both[0].verdict == "unsat"
    assert tools.checked(made, path, paths, max_work=10).verdict == "unknown"


def test_the_command_line_of_the_checker(tmp_path, capsys):
    path, paths, made = certificate(tmp_path, "a bound that holds")
    tools.checked(made, path, paths)
    place = str(path.with_name("certificate.json"))
    network = f"N={paths['N']}"
    assert check.main(["--query", str(path), "--network", network, place]) == 0
    assert (
        capsys.readouterr().out
        == "unsat: no inputs satisfy the query (1 case), over the reals, for the networks as stored\n"
    )
    assert check.main([f"--query={path}", f"--network={network}", "--json", place]) == 0
    assert json.loads(capsys.readouterr().out)["verdict"] == "unsat"
    assert check.main(["--query", str(path), "--network", f"M={paths['N']}", place]) == 2
    assert "--network" in capsys.readouterr().err
    for words in (["--query", str(path), "--network", "N", place], ["--network", network, "a", "b", "c"]):
        with pytest.raises(SystemExit) as end:
            check.main(words)
        assert end.value.code == 2
