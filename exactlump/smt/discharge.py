# SPDX-License-Identifier: Apache-2.0
"""This file is about sharing scripts out to workers, and what to make of workers that never answer.

Workers are processes, one script at a time, or whatever executor the caller brings.  A worker that is killed, runs
out of memory or out of time leaves its obligations `unknown`; nothing but `unsat` ever discharges one.
"""

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass

from exactlump.errors import FormatError
from exactlump.smt.evidence import DISCHARGED, REFUTED, UNKNOWN, Evidence, Finding
from exactlump.smt.obligations import Obligation, Script
from exactlump.smt.smtlib import Interpreter, parse
from exactlump.smt.solve import Answer, answers

# Seconds beyond its limit after which a worker that has not answered is ended.
GRACE = 5.0


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one script: seconds, and bytes of memory for the process that works on it."""

    seconds: float | None = None
    memory: int | None = None


NO_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Task:
    """Obligations of one script for one solver."""

    script: Script
    sha256: str
    solver: str
    version: str
    obligations: tuple[Obligation, ...]

    def __call__(self, seconds: float | None) -> list[Answer]:
        """The answers; runs in a worker."""
        checks = [obligation.text for obligation in self.obligations]
        with _alarm(seconds):
            return list(answers(self.solver, self.script.preamble, checks, list(self.script.constants), seconds))


# Set in our own processes, which may be ended: their main thread belongs to us.
_expendable = False


def _prepare(memory: int | None) -> None:
    """Make ready a process of our own."""
    global _expendable
    _expendable = True
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if memory is not None:
        import resource

        _, most = resource.getrlimit(resource.RLIMIT_AS)
        memory = memory if most == resource.RLIM_INFINITY else min(memory, most)
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))


@contextlib.contextmanager
def _alarm(seconds: float | None) -> Iterator[None]:
    """End this process when a solver ignores its limit."""
    if not _expendable or seconds is None or not hasattr(signal, "setitimer"):
        yield
        return
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, seconds + GRACE)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)


def discharge(
    scripts: Iterable[Script],
    solvers: Sequence[tuple[str, str]],
    *,
    executor: Executor | None = None,
    jobs: int | None = None,
    limits: Limits = NO_LIMITS,
    evidence: Evidence | None = None,
) -> Iterator[list[Finding]]:
    """What each solver (name, version) finds of the obligations of each script, as it becomes known.

    executor  where the scripts are worked on; None: `jobs` processes of our own (default: one a core)
    evidence  what is in it is not asked again, and what is found is added to it
    """
    tasks = (task for script in scripts for task in _tasks(script, solvers))
    jobs = jobs or os.cpu_count() or 1
    with _Workers(executor, jobs, limits) as workers:
        waiting: dict[Future[list[Answer]], Task] = {}
        for task in _resumed(tasks, evidence):
            if isinstance(task, list):
                yield task
                continue
            waiting[workers.submit(task)] = task
            while len(waiting) > 2 * jobs:
                yield from _collect(waiting, workers, evidence)
        while waiting:
            yield from _collect(waiting, workers, evidence)


def _tasks(script: Script, solvers: Sequence[tuple[str, str]]) -> Iterator[Task]:
    sha256 = script.sha256
    for solver, version in solvers:
        yield Task(script, sha256, solver, version, script.obligations)


def _resumed(tasks: Iterable[Task], evidence: Evidence | None) -> Iterator[Task | list[Finding]]:
    """The tasks, without what an earlier run has done; and that, as findings."""
    for task in tasks:
        done = [
            obligation
            for obligation in task.obligations
            if evidence is not None and evidence.has(task.sha256, obligation, task.solver, task.version)
        ]
        if done:
            yield [_finding(task, obligation, DISCHARGED, reused=True) for obligation in done]
        left = tuple(obligation for obligation in task.obligations if obligation not in done)
        if left:
            yield Task(task.script, task.sha256, task.solver, task.version, left)


def _collect(
    waiting: dict[Future[list[Answer]], Task], workers: "_Workers", evidence: Evidence | None
) -> Iterator[list[Finding]]:
    """What has become known, at least of one task."""
    ready, _ = wait(waiting, return_when=FIRST_COMPLETED)
    for future in ready:
        task = waiting.pop(future)
        findings = _findings(task, workers.result(future, task))
        if evidence is not None:
            evidence.add(findings)
        yield findings


def _findings(task: Task, given: Sequence[Answer] | str) -> list[Finding]:
    """The findings that answers amount to; a reason in words stands for no answers at all."""
    if isinstance(given, str) or len(given) != len(task.obligations):
        reason = given if isinstance(given, str) else f"found {len(given)} answers"
        return [_finding(task, obligation, UNKNOWN, reason=reason) for obligation in task.obligations]
    return [_judged(task, obligation, answer) for obligation, answer in zip(task.obligations, given, strict=True)]


def _judged(task: Task, obligation: Obligation, answer: Answer) -> Finding:
    if answer.word == "unsat":
        return _finding(task, obligation, DISCHARGED, seconds=answer.seconds)
    if answer.word != "sat":
        return _finding(task, obligation, UNKNOWN, seconds=answer.seconds, reason=answer.reason)
    if obligation.relaxed:
        reason = "its linear bounds do not show it; the direct form may"
        return _finding(task, obligation, UNKNOWN, seconds=answer.seconds, reason=reason)
    verdict, reason = _replay(task.script, obligation, answer)
    return _finding(
        task,
        obligation,
        verdict,
        seconds=answer.seconds,
        reason=reason,
        values=answer.values,
        meanings=task.script.constants,
        replayed=verdict == REFUTED and not reason,
    )


def _replay(script: Script, obligation: Obligation, answer: Answer) -> tuple[str, str]:
    """Whether the very text of a refuted obligation holds at the solver's values, in exact arithmetic."""
    try:
        (command,) = parse(obligation.assertion)
        holds = Interpreter(script.preamble, answer.values).value(command[1])
    except FormatError as error:
        return REFUTED, f"not replayed: {error}"
    return (REFUTED, "") if holds else (UNKNOWN, "the solver's counterexample does not refute the text")


def _finding(task: Task, obligation: Obligation, verdict: str, **more: object) -> Finding:
    return Finding(obligation, task.sha256, task.script.form, task.solver, task.version, verdict, **more)  # type: ignore[arg-type]


class _Workers:
    """An executor; our own processes are replaced when one of them dies, and its tasks tried once more, alone."""

    def __init__(self, executor: Executor | None, jobs: int, limits: Limits) -> None:
        self.given, self.jobs, self.limits = executor, jobs, limits
        self.executor = executor or self._processes(jobs)
        self.restore: Callable[[], object] = lambda: None

    def _processes(self, jobs: int) -> Executor:
        return ProcessPoolExecutor(jobs, initializer=_prepare, initargs=(self.limits.memory,))

    def __enter__(self) -> "_Workers":
        # The pipe to a process that died must be an error, not the end of this process.
        if hasattr(signal, "SIGPIPE") and threading.current_thread() is threading.main_thread():
            before = signal.signal(signal.SIGPIPE, signal.SIG_IGN)
            self.restore = lambda: signal.signal(signal.SIGPIPE, before)
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        done = True
        if self.given is None and kind is None:
            self.executor.shutdown()
        elif self.given is None:
            done = _abandon(self.executor)
        if done:
            self.restore()

    def submit(self, task: Task) -> Future[list[Answer]]:
        try:
            return self.executor.submit(task, self.limits.seconds)
        except BrokenExecutor:
            if self.given is not None:
                raise
            self.executor.shutdown()
            self.executor = self._processes(self.jobs)
            return self.executor.submit(task, self.limits.seconds)

    def result(self, future: Future[list[Answer]], task: Task) -> list[Answer] | str:
        """The answers to a task, or why there are none."""
        try:
            return future.result()
        except BrokenExecutor:
            return self._alone(task) if self.given is None else "the worker ended without an answer"
        except MemoryError:
            return "out of memory"

    def _alone(self, task: Task) -> list[Answer] | str:
        """Another process may have been the one that died: this task in a process of its own."""
        with self._processes(1) as executor:
            try:
                return executor.submit(task, self.limits.seconds).result()
            except BrokenExecutor:
                return "the solver's process ended without an answer: killed, out of memory or out of time"
            except MemoryError:
                return "out of memory"


def _abandon(executor: Executor) -> bool:
    """End our processes, whatever they are at: else leaving this program would wait for them.

    Whether its thread, which writes to their pipes, has come to an end.
    """
    processes = list((getattr(executor, "_processes", None) or {}).values())  # `kill_workers` from Python 3.14 on
    manager: threading.Thread | None = getattr(executor, "_executor_manager_thread", None)
    executor.shutdown(wait=False, cancel_futures=True)
    for process in processes:
        process.kill()
    if manager is not None:
        manager.join(timeout=1.0)
    return manager is None or not manager.is_alive()
