# SPDX-License-Identifier: Apache-2.0
"""This file is about the verdict of solvers on a whole certificate: all obligations, or it is not proved.

`equivalent` needs an `unsat` of every solver asked for every obligation; one counterexample that holds in exact
arithmetic makes it `rejected`; everything else is `unknown`.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Protocol

from exactlump.errors import NoExactValue
from exactlump.network.program import Network
from exactlump.numbers.rational import Rational, Vector, rational
from exactlump.smt.discharge import NO_LIMITS, Limits, discharge
from exactlump.smt.evidence import DISCHARGED, REFUTED, UNKNOWN, Evidence, Finding
from exactlump.smt.obligations import Script
from exactlump.smt.solve import version

# How far from zero the points lie at which two networks are compared when a claim turned out false, and how many of
# the solvers' own points are tried before.
FAR = (0, 1, 1, 3, 3, 10, 10, 100)
OWN = 5
# Networks with more products of a weight and a value are not evaluated for that: each point takes seconds.
EVALUABLE = 3_000_000


class Plan(Protocol):
    """What is to be shown: `Obligations` or `Monolithic`."""

    @property
    def count(self) -> int:
        """How many obligations there are."""

    @property
    def inputs(self) -> Sequence[Sequence[str]]:
        """For each input of the networks, the constants that its elements are."""

    def scripts(self) -> Iterator[Script]:
        """The scripts."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A point at which two networks differ, with their outputs there: one vector for each input and output."""

    inputs: tuple[Vector, ...]
    original: tuple[Vector, ...]
    reduced: tuple[Vector, ...]


@dataclass(frozen=True, slots=True)
class Proof:
    """What the solvers found of a certificate.

    verdict      "equivalent", "rejected" or "unknown"
    obligations  how many there are; each was put to each of `solvers` (name, version)
    discharged   how many of the answers prove their claim
    reused       how many of those are from an earlier run
    open         the findings that are not discharged
    difference   a point at which the networks differ, if a refuted claim led to one
    """

    verdict: str
    obligations: int
    solvers: tuple[tuple[str, str], ...]
    discharged: int
    reused: int
    open: tuple[Finding, ...]
    difference: Difference | None

    @property
    def refuted(self) -> tuple[Finding, ...]:
        """The claims that are false."""
        return tuple(finding for finding in self.open if finding.verdict == REFUTED)

    @property
    def unknown(self) -> tuple[Finding, ...]:
        """The claims that are open."""
        return tuple(finding for finding in self.open if finding.verdict == UNKNOWN)


def prove(
    original: Network,
    reduced: Network,
    plan: Plan,
    solvers: Sequence[str] = ("z3",),
    *,
    executor: Executor | None = None,
    jobs: int | None = None,
    limits: Limits = NO_LIMITS,
    evidence: Evidence | None = None,
    seen: Callable[[Script], None] = lambda _: None,
    listen: Callable[[int, int], None] = lambda done, expected: None,
) -> Proof:
    """Put every obligation of a plan to every solver.

    seen    is given each script before it is solved
    listen  is told how many answers there are, of how many
    Raises FormatError when a solver is not installed, CannotWrite for the evidence.
    """
    named = tuple((solver, version(solver)) for solver in solvers)
    findings: dict[tuple[str, str], Finding] = {}
    places: dict[str, int] = {}
    scripts = _watched(plan.scripts(), seen, places)
    for found in discharge(scripts, named, executor=executor, jobs=jobs, limits=limits, evidence=evidence):
        findings.update(((finding.obligation.name, finding.solver), finding) for finding in found)
        listen(len(findings), plan.count * len(named))
    missed = (finding for finding in findings.values() if finding.verdict != DISCHARGED)
    left = tuple(sorted(missed, key=lambda finding: (places[finding.obligation.name], finding.solver)))
    if any(finding.verdict == REFUTED for finding in left):
        verdict = "rejected"
    else:
        verdict = "unknown" if left or len(findings) != plan.count * len(named) else "equivalent"
    if evidence is not None:
        evidence.finish(verdict, plan.count)
    reused = sum(finding.reused for finding in findings.values())
    difference = _difference(original, reduced, plan, left)
    return Proof(verdict, plan.count, named, len(findings) - len(left), reused, left, difference)


def _watched(scripts: Iterator[Script], seen: Callable[[Script], None], places: dict[str, int]) -> Iterator[Script]:
    """The scripts; `seen` is shown each, and `places` learns the order of their obligations."""
    for script in scripts:
        seen(script)
        for obligation in script.obligations:
            places[obligation.name] = len(places)
        yield script


def _difference(original: Network, reduced: Network, plan: Plan, left: Sequence[Finding]) -> Difference | None:
    """A point at which the networks differ: the counterexample of a claim about inputs, or one of a few others."""
    refuted = [finding for finding in left if finding.verdict == REFUTED]
    if not refuted or _products(original) + _products(reduced) > EVALUABLE:
        return None
    for point in _points(plan, refuted):
        try:
            ours, theirs = original.evaluate(*point), reduced.evaluate(*point)
        except NoExactValue:
            return None
        if ours != theirs:
            return Difference(point, ours, theirs)
    return None


def _products(network: Network) -> int:
    return sum(node.weight.nonzeros * network.views[node.target].positions for node in network.mixing)


def _points(plan: Plan, refuted: Sequence[Finding]) -> Iterator[tuple[Vector, ...]]:
    zero: Rational = rational(0)
    for finding in refuted[:OWN]:
        if any(finding.values.get(name) for names in plan.inputs for name in names):
            yield tuple(tuple(finding.values.get(name, zero) for name in names) for names in plan.inputs)
    source = random.Random(0)
    for size in FAR:
        yield tuple(tuple(rational(source.randint(-size, size)) for _ in names) for names in plan.inputs)
