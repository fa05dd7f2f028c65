# SPDX-License-Identifier: Apache-2.0
"""This file is about solvers: one text for both, answers taken word for word, and no `unknown` that becomes a yes."""

import os
import signal
import sys
import time
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool

import pytest

from exactlump.errors import FormatError
from exactlump.numbers.rational import rational
from exactlump.smt import solve
from exactlump.smt.discharge import Limits, Task, _prepare, _Workers, discharge
from exactlump.smt.evidence import DISCHARGED, REFUTED, UNKNOWN
from exactlump.smt.obligations import Obligation, Script
from exactlump.smt.solve import SOLVERS, Answer, SolverFailure, answers, session, version

PREAMBLE = """(set-info :smt-lib-version 2.6)
(set-option :produce-models true)
(set-logic QF_LRA)
(declare-const x Real)
(declare-const y Real)
(define-fun z () Real (* (/ 1 3) x))
"""
NONLINEAR = """(set-option :produce-models true)
(set-logic QF_NRA)
(declare-const x Real)
(declare-const y Real)
(declare-const z Real)
"""
# Neither solver answers this within seconds.
HARD = "(and (= (+ (* x x x) (* y y y)) (* z z z z z)) (> (* x y z) 3) (= (* x x y) (+ 7 (* z y z x))))"


def check(assertion):
    return Obligation("original", "h", 0, "class", "a claim", f"(assert {assertion})").text


TRUE, FALSE = check("(not (= (* 3 z) x))"), check("(not (= (* 3 z) (+ x y)))")


@pytest.mark.parametrize("solver", SOLVERS)
def test_answers_come_check_by_check_and_are_independent(solver):
    found = list(answers(solver, PREAMBLE, [TRUE, FALSE, TRUE], ["x", "y"]))
    assert [answer.word for answer in found] == ["unsat", "sat", "unsat"]
    assert found[1].values["y"] != 0
    assert found[0].values == {}


@pytest.mark.parametrize("solver", SOLVERS)
def test_models_are_exact(solver):
    found = list(answers(solver, PREAMBLE, [check("(and (= (* 7 x) (- 3)) (= y 5))")], ["x", "y"]))
    assert found[0].values == {"x": rational(-3, 7), "y": rational(5)}


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_model_that_is_no_rational_is_left_out(solver):
    (answer,) = answers(solver, NONLINEAR, [check("(and (= (* x x) 2) (> x 0))")], ["x"])
    assert answer.word in ("sat", "unknown")
    assert answer.values == {}


@pytest.mark.parametrize("solver", SOLVERS)
def test_out_of_time_is_unknown(solver):
    found = list(answers(solver, NONLINEAR, [check(HARD)] * 3, ["x"], seconds=0.3))
    assert [answer.word for answer in found] == ["unknown"] * 3
    assert all(answer.reason for answer in found)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize(
    ("preamble", "checks"),
    [
        ("(set-logic QF_LRA)\n(declare-const x Rael)\n", [TRUE]),
        (PREAMBLE + "(check-sat)\n", [TRUE]),
        (PREAMBLE, [check("(not (= x w))"), TRUE]),
        (PREAMBLE, ["(push 1)\n(assert true)\n", TRUE]),
        (PREAMBLE, ["(push 1)\n(check-sat)\n(check-sat)\n", TRUE]),
    ],
    ids=["bad preamble", "talking preamble", "unknown name", "no answer", "two answers"],
)
def test_whatever_is_not_one_clear_answer_is_unknown(solver, preamble, checks):
    found = list(answers(solver, preamble, checks, ["x", "y"]))
    assert {answer.word for answer in found} == {"unknown"}
    assert all(answer.reason for answer in found)


def test_versions_are_known_and_missing_packages_are_named(monkeypatch):
    assert all(version(solver)[0].isdigit() for solver in SOLVERS)

    monkeypatch.setitem(sys.modules, "cvc5", None)
    with pytest.raises(FormatError, match=r"exactlump\[cvc5\]"):
        version("cvc5")


@pytest.mark.parametrize("solver", SOLVERS)
def test_errors_of_a_solver_are_failures(solver):
    with pytest.raises((SolverFailure, AssertionError)):
        assert not session(solver)("(frobnicate)\n")


# Workers


def script(*texts, preamble=PREAMBLE):
    listed = tuple(Obligation("original", "h", v, "class", "a claim", f"(assert {t})") for v, t in enumerate(texts))
    return Script("original", "h", 0, "decomposed", preamble, listed, {"x": "class 0", "y": "class 1"})


GOOD, BAD = "(not (= (* 3 z) x))", "(not (= (* 3 z) (+ x y)))"


def found(scripts, executor=None, **options):
    pairs = [(solver, "1") for solver in options.pop("solvers", ("z3",))]
    return [finding for part in discharge(scripts, pairs, executor=executor, **options) for finding in part]


@pytest.mark.parametrize("executor", [None, ThreadPoolExecutor(2)], ids=["processes", "threads"])
def test_any_executor_will_do(executor):
    findings = found([script(GOOD, BAD), script(GOOD)], executor, jobs=2, solvers=SOLVERS)
    assert sorted(f.verdict for f in findings) == [DISCHARGED] * 4 + [REFUTED] * 2
    assert all(f.replayed for f in findings if f.verdict == REFUTED)


class Liar(Executor):
    """Answers as it is told, whatever is asked."""

    def __init__(self, outcome):
        self.outcome = outcome

    def submit(self, task, *_, **__):
        future = Future()
        if isinstance(self.outcome, BaseException):
            future.set_exception(self.outcome)
        else:
            future.set_result(self.outcome)
        return future


@pytest.mark.parametrize(
    "outcome",
    [
        [],
        [Answer("unsat", 0.0)] * 3,
        [Answer("unknown", 0.0, reason="tired")] * 2,
        [Answer("UNSAT", 0.0), Answer("", 0.0)],
        MemoryError(),
        BrokenProcessPool("killed"),
    ],
    ids=["nothing", "too many", "unknown", "other words", "memory", "killed"],
)
def test_no_answer_is_unknown(outcome):
    findings = found([script(GOOD, GOOD)], Liar(outcome))
    assert [f.verdict for f in findings] == [UNKNOWN] * 2


def test_a_counterexample_that_does_not_hold_is_unknown():
    """A solver that says `sat` with values at which the claim is true is not believed."""
    (finding,) = found([script(GOOD)], Liar([Answer("sat", 0.0, {"x": rational(1)})]))
    assert finding.verdict == UNKNOWN
    assert "does not refute" in finding.reason


class Killer:
    """A task that ends its own process, as a system that is out of memory would."""

    def __call__(self, text):
        os.kill(os.getpid(), signal.SIGKILL)


def test_a_killed_process_leaves_its_obligations_unknown_and_harms_no_others(monkeypatch):
    monkeypatch.setattr(solve, "_z3", lambda seconds: Killer())
    findings = found([script(GOOD), script(GOOD), script(BAD)], jobs=2, solvers=SOLVERS)
    verdicts = {(f.solver, f.verdict) for f in findings}
    assert verdicts == {("z3", UNKNOWN), ("cvc5", DISCHARGED), ("cvc5", REFUTED)}
    assert all("killed" in f.reason for f in findings if f.solver == "z3")


class Sleeper:
    def __call__(self, text):
        time.sleep(60)


def test_a_solver_that_ignores_its_limit_is_ended(monkeypatch):
    monkeypatch.setattr(solve, "_z3", lambda seconds: Sleeper())
    monkeypatch.setattr("exactlump.smt.discharge.GRACE", 0.2)
    start = time.monotonic()
    (finding,) = found([script(GOOD)], limits=Limits(seconds=0.2), jobs=1)
    assert finding.verdict == UNKNOWN
    assert time.monotonic() - start < 20


class Glutton:
    def __call__(self, text):
        return "x" * 2**33


@pytest.mark.skipif(not hasattr(signal, "SIGPIPE"), reason="needs pipes that signal")
@pytest.mark.parametrize("alive", [False, True])
def test_pipes_signal_again_only_when_nothing_writes_to_abandoned_processes(monkeypatch, alive):
    before = signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        workers = _Workers(None, 1, Limits()).__enter__()
        workers.submit(Task(script(GOOD), "", "z3", "1", script(GOOD).obligations))
        manager = workers.executor._executor_manager_thread
        if alive:
            monkeypatch.setattr(manager, "is_alive", lambda: True)
        workers.__exit__(KeyError)
        assert signal.getsignal(signal.SIGPIPE) == (signal.SIG_IGN if alive else signal.SIG_DFL)
        manager.join(timeout=60)
    finally:
        signal.signal(signal.SIGPIPE, before)


def test_a_limit_of_memory_above_that_of_this_process_is_kept_to_it(monkeypatch):
    asked = []
    monkeypatch.setattr("resource.getrlimit", lambda kind: (2**40, 2**40))
    monkeypatch.setattr("resource.setrlimit", lambda kind, limits: asked.append(limits))
    monkeypatch.setattr("exactlump.smt.discharge._expendable", False)
    monkeypatch.setattr("signal.signal", lambda *_: None)
    for memory in (2**50, 2**30):
        _prepare(memory)
    assert asked == [(2**40, 2**40), (2**30, 2**30)]


def test_out_of_memory_is_unknown(monkeypatch):
    monkeypatch.setattr(solve, "_z3", lambda seconds: Glutton())
    (finding,) = found([script(GOOD)], limits=Limits(memory=2**32), jobs=1)
    assert (finding.verdict, finding.reason) == (UNKNOWN, "out of memory")
