# SPDX-License-Identifier: Apache-2.0
"""This file is about solvers: z3 and cvc5 read the text of a script, check by check, and their answers are read back.

An answer counts only when it is exactly `sat` or `unsat`; errors, timeouts, unexpected words and unfinished
checks are `unknown`, with the reason.  Nothing else in this package knows the solvers' packages.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from exactlump.errors import ExactlumpError, FormatError
from exactlump.numbers.rational import Rational
from exactlump.smt.smtlib import read_model

SOLVERS = ("z3", "cvc5")
# How solvers say `sat` where the script says that it expects unsat.
_UNEXPECTED = ("check annotation that says unsat", "Expected result unsat but got sat")


class SolverFailure(ExactlumpError):
    """A solver that answered with an error."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a solver said to one check: "sat", "unsat" or "unknown".

    values  the solver's values for the constants, for "sat"
    reason  why not, for "unknown"
    """

    word: str
    seconds: float
    values: Mapping[str, Rational] = field(default_factory=dict)
    reason: str = ""


def version(solver: str) -> str:
    """The solver's version; FormatError when its package is not installed."""
    package = _package(solver)
    return str(package.get_full_version() if solver == "z3" else package.__version__)


def _package(solver: str) -> Any:
    """The solver's package, which ships no type hints."""
    try:
        if solver == "z3":
            import z3

            return z3
        import cvc5

        return cvc5
    except ImportError as error:
        extra = "z3-solver" if solver == "z3" else "'exactlump[cvc5]'"
        raise FormatError(f"{solver}: not installed, expected: pip install {extra}") from error


# A session: takes text, gives back what the solver prints.
Session = Callable[[str], str]


def session(solver: str, seconds: float | None = None) -> Session:
    """A new solver that reads text as it comes; `seconds` bounds each check that is asked of it."""
    return _z3(seconds) if solver == "z3" else _cvc5(seconds)


def _z3(seconds: float | None) -> Session:
    z3 = _package("z3")
    context = z3.Context()

    def feed(text: str) -> str:
        try:
            return str(z3.Z3_eval_smtlib2_string(context.ref(), text))
        except z3.Z3Exception as error:
            (words,) = error.args
            lines = (words.decode(errors="replace") if isinstance(words, bytes) else str(words)).splitlines()
            if len(lines) == 2 and lines[0] == "sat" and _UNEXPECTED[0] in lines[1]:
                return "sat"
            raise SolverFailure(" ".join(lines)) from error

    if seconds is not None:
        feed(f"(set-option :timeout {max(1, int(seconds * 1000))})")
    return feed


def _cvc5(seconds: float | None) -> Session:
    cvc5 = _package("cvc5")
    manager = cvc5.TermManager()
    solver, symbols = cvc5.Solver(manager), cvc5.SymbolManager(manager)
    if seconds is not None:
        solver.setOption("tlimit-per", str(max(1, int(seconds * 1000))))
    parser = cvc5.InputParser(solver, symbols)

    def feed(text: str) -> str:
        try:
            parser.setStringInput(cvc5.InputLanguage.SMT_LIB_2_6, text, "script")
            answers = []
            while not (command := parser.nextCommand()).isNull():
                answers.append(command.invoke(solver, symbols))
        except RuntimeError as error:
            raise SolverFailure(" ".join(str(error).split())) from error
        words = "".join(answers).strip()
        return "sat" if words == f'(error "{_UNEXPECTED[1]}")' else words

    return feed


def answers(
    solver: str,
    preamble: str,
    checks: Sequence[str],
    constants: Sequence[str] = (),
    seconds: float | None = None,
) -> Iterator[Answer]:
    """The solver's answers to a script, one for each check; each check is undone before the next.

    constants  the names whose values are asked for after `sat`
    seconds    the limit for the whole script
    """
    deadline = None if seconds is None else time.monotonic() + seconds
    feed = session(solver, seconds)
    failure = ""
    try:
        _demand_silence(feed(preamble))
    except SolverFailure as error:
        failure = str(error)
    for check in checks:
        start = time.perf_counter()
        if not failure and deadline is not None and time.monotonic() > deadline:
            failure = f"out of time: the script has {seconds:g} s"
        if failure:
            yield Answer("unknown", 0.0, reason=failure)
            continue
        try:
            word, values, reason = _ask(feed, check, constants)
        except SolverFailure as error:
            word, values, reason = "unknown", {}, str(error)
            failure = f"an earlier check failed: {error}"
        yield Answer(word, time.perf_counter() - start, values, reason)


def _demand_silence(words: str) -> None:
    if words.strip():
        raise SolverFailure(f"found the answer {words.strip()[:200]!r} to definitions")


def _ask(feed: Session, check: str, constants: Sequence[str]) -> tuple[str, Mapping[str, Rational], str]:
    """The answer to one check, the model for `sat`, the reason for `unknown`; the check is undone."""
    word = feed(check).strip()
    values: Mapping[str, Rational] = {}
    reason = ""
    if word == "sat" and constants:
        values = _model(feed, constants)
    elif word.startswith("unknown"):  # cvc5 adds the reason
        word, reason = "unknown", word.partition(" ")[2] or feed("(get-info :reason-unknown)\n").strip()
    elif word not in ("sat", "unsat"):
        raise SolverFailure(f"found the answer {word[:200]!r}, expected sat or unsat")
    _demand_silence(feed("(pop 1)\n"))
    return word, values, reason


def _model(feed: Session, constants: Sequence[str]) -> Mapping[str, Rational]:
    """The values after an unexpected `sat`, which must be asked for as expected: cvc5 has no model for a surprise."""
    if feed("(set-info :status sat)\n(check-sat)\n").strip() != "sat":
        return {}
    with suppress(FormatError):  # a value that is no rational: the caller finds that there is none
        return read_model(feed(f"(get-value ({' '.join(constants)}))\n"))
    return {}
