# SPDX-License-Identifier: Apache-2.0
"""This file is about refuting: an exact input at which two networks differ, or a reason why there is none, or neither.

Methods, in this order; each yields only what exact arithmetic has confirmed:

0. given inputs, if there are some
1. points   simple and random points, at several scales along rays: milliseconds
2. quotient both networks have the same exact quotient: equivalent (`matching.py`)
3. kinks    both networks have the same normal form over kinks: equivalent (`common_kinks.py`)
4. one hidden layer  on all inputs decided outright (`dichotomy.py`)
5. cones    where the weights first differ, neurons with chosen signs, and rays there
6. solver   Z3 on both whole networks, when they are small
7. gradients; for decisions, bisection between inputs with different ones

A domain of one point is decided there; only where its value is irrational is the quotient looked at too.

A difference in floats that vanishes in exact arithmetic is nothing.
"""

import math
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import chain

import numpy as np

from exactlump.errors import NoExactValue, ShapeError, UnsupportedLayer
from exactlump.network.ports import ALONE, Matching, match
from exactlump.network.program import Network
from exactlump.numbers.rational import ZERO, Rational, Vector
from exactlump.points.boxes import Box, demand_inputs, everything
from exactlump.points.evaluation import Evaluator
from exactlump.points.limbs import Numbers
from exactlump.refutation import dichotomy, whole
from exactlump.refutation.clock import OutOfTime, alarm
from exactlump.refutation.common_kinks import common_kinks
from exactlump.refutation.comparing import Pair, Parting, below_heads, cost, demand_comparable, heads_of, parting
from exactlump.refutation.matching import Common, common_quotient
from exactlump.refutation.question import Question, largest_gap
from exactlump.refutation.search import (
    Floating,
    ascended_points,
    boundary_points,
    cone_points,
    random_points,
    simple_points,
)
from exactlump.refutation.shorten import shortened


@dataclass(frozen=True, slots=True)
class Options:
    """How to search.

    seconds  the time limit; no work goes on after it but the exact outputs at an input that was found
    seed     of the random points: the same seed gives the same answer, time permitting
    shorten  whether a found input is made shorter
    match    how inputs and outputs are matched: "name", "position", or None for what the names say (`ports.match`)
    inputs   what is looked at first, as it is, where it lies in the box
    """

    seconds: float = 60.0
    seed: int = 0
    shorten: bool = True
    match: str | None = None
    inputs: tuple[Vector, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """The answer: "different" with an input, "equivalent" (the answer to the question is no), or "unknown".

    input, outputs  exact; the outputs flat, one vector a network
    off             how far the outputs may be from the true ones: 0 but for irrational ones (`verbs/enclosing.py`)
    method          which method answered
    gap             the largest difference of two outputs at the input; of irrational ones what it is at least
    parting         where the networks part at the input, when they are built alike
    common          the simulations that show equivalence, when they were found
    matching        how inputs and outputs are matched; inputs and outputs above are in the order of the first network's
    tried           what was tried, in order, in words
    """

    verdict: str
    method: str
    input: Vector | None = None
    outputs: tuple[Vector, Vector] | None = None
    gap: Rational | None = None
    parting: Parting | None = None
    common: Common | None = None
    tried: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    seconds: float = 0.0
    matching: Matching = ALONE
    off: Rational = ZERO

    def __repr__(self) -> str:
        return f"{self.verdict} ({self.method})"


def refute(
    a: Network, b: Network, question: Question | None = None, box: Box | None = None, options: Options | None = None
) -> Finding:
    """Find an exact input at which two networks differ, or show that there is none, or say `unknown`.

    Raises FormatError when the names do not say how inputs and outputs are matched, ShapeError when their numbers
    differ, UnsupportedLayer and NoExactValue for networks that cannot be evaluated exactly (unless they are equal for
    another reason).
    """
    start = time.monotonic()
    question, options = question or Question(), options or Options()
    b, matching = match(a, b, options.match)
    if a.is_open or b.is_open:
        return replace(_of_given_functions(a, b), matching=matching, seconds=time.monotonic() - start)
    inputs = demand_comparable(a, b)
    box = box or everything(inputs)
    demand_inputs(box, inputs)
    search = _Search(a, b, question, box, options, start + options.seconds)
    with np.errstate(all="ignore"):  # floats that overflow only say nothing about where to look
        found = search.run()
    return replace(found, matching=matching, seconds=time.monotonic() - start)


def _of_given_functions(a: Network, b: Network) -> Finding:
    """Whether networks with opaque operators or unknown sizes have the same exact quotient; else `unknown`.

    Their difference cannot be shown: what a given function does is not known.
    """
    tried = ("quotient: whether the exact quotients are the same, with opaque operators as given functions",)
    alike = [(p.shape, p.batch, p.open) for p in a.inputs] == [(p.shape, p.batch, p.open) for p in b.inputs]
    common = common_quotient(a, b) if alike else None
    if common is not None:
        return Finding("equivalent", "quotient", common=common, tried=tried)
    names = sorted({node.call.operator for node in (*a.opaque, *b.opaque)})
    note = f"taken as given functions: {', '.join(names)}" if names else "sizes are unknown (--shape gives them)"
    return Finding("unknown", "none", tried=tried, notes=(note,))


@dataclass
class _Search:
    a: Network
    b: Network
    question: Question
    box: Box
    options: Options
    deadline: float
    tried: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    # An input at which the networks differ, though perhaps not as the question asks.
    differ: bool = False
    # Why some candidate could not be evaluated.
    irrational: NoExactValue | None = None
    latest: tuple[Vector, tuple[Numbers, Numbers]] | None = None
    # An input that answers the question, and the method that found it, while it is made shorter.
    answer: tuple[str, Vector, Pair] | None = None

    def __post_init__(self) -> None:
        self.shorten = self.options.shorten

    def run(self) -> Finding:
        """All methods, in order, until the time is over."""
        found: Finding | None = None
        try:
            with alarm(self.deadline):
                found = self._found()
        except OutOfTime:
            self.tried.append("out of time")
            if self.answer is not None:
                found = self._evaluated(*self.answer)
        if found is None and self.irrational is not None:
            raise self.irrational
        return found or Finding("unknown", "none", tried=tuple(self.tried), notes=tuple(self.notes))

    def _found(self) -> Finding | None:
        try:
            return self._searched(self._pair())
        except UnsupportedLayer:
            if common := self._common():
                return self._equivalent("quotient", common)
            if common := self._common_kinks():
                return self._equivalent("kinks", common)
            raise

    def _searched(self, pair: Pair) -> Finding | None:
        for method in self._methods():
            if found := method(pair):
                return found
            if time.monotonic() > self.deadline:
                self.tried.append("out of time")
                break
        return None

    def _methods(self) -> tuple[Callable[[Pair], Finding | None], ...]:
        if self.box.is_point:
            return self._one_point, self._quotient, self._kinks
        given = (self._given,) if self.options.inputs else ()
        found = self._quotient, self._kinks, self._one_layer, self._cones, self._solver, self._gradients
        return *given, self._points, *found

    def _pair(self) -> Pair:
        """Both networks ready for exact evaluation, without output heads."""
        heads = heads_of(self.a)
        if heads != heads_of(self.b):
            raise UnsupportedLayer(f"outputs: found the heads {heads} and {heads_of(self.b)}, expected the same")
        if heads and self.question.kind == "epsilon":
            raise NoExactValue(f"outputs: {heads[0][0]} has no values that an epsilon is compared with")
        if [kind for kind, *_ in heads] == ["argmax"] and len(self.a.outputs) == 1:
            self.question = Question("index")
        a, b = (below_heads(network, self.question.is_about_decisions) for network in (self.a, self.b))
        if heads:
            self.notes.append("compared below the output heads, up to what the heads do not see")
        outputs = sum(math.prod(a.shapes[name]) for name in a.outputs)
        if self.question.is_about_decisions and outputs < 2:
            raise ShapeError(f"outputs: found {outputs}, expected at least 2 for a decision")
        return Pair(a, b, self.question, self.box, (Evaluator(a), Evaluator(b)))

    # Methods.

    def _one_point(self, pair: Pair) -> Finding | None:
        """The answer at the only point, however little time there is: what is not evaluated is not equivalent."""
        x = self.box.clamped([ZERO] * len(self.box.lower))
        try:
            outputs = self._outputs(pair, x)
        except NoExactValue as error:
            self.irrational = error
            return None
        if self.question.separates(*outputs):
            return self._different("one point", x, pair)
        return self._equivalent("one point")

    def _given(self, pair: Pair) -> Finding | None:
        """Given inputs are not made shorter: they are what is asked about."""
        self.options = replace(self.options, shorten=False)
        found = self._first("given inputs", self.options.inputs, pair)
        self.options = replace(self.options, shorten=self.shorten)
        return found

    def _points(self, pair: Pair) -> Finding | None:
        floating = Floating(pair, self.options.seed)
        points = chain(simple_points(self.box), random_points(floating, 6))
        return self._first("points", points, pair, time.monotonic() + self.options.seconds / 4)

    def _quotient(self, pair: Pair) -> Finding | None:
        if self.differ:
            return None
        common = self._common()
        return self._equivalent("quotient", common) if common else None

    def _common(self) -> Common | None:
        self.tried.append("quotient: whether the exact quotients are the same")
        return common_quotient(self.a, self.b)

    def _kinks(self, pair: Pair) -> Finding | None:
        common = None if self.differ else self._common_kinks()
        return self._equivalent("kinks", common) if common else None

    def _common_kinks(self) -> Common | None:
        self.tried.append("kinks: whether the normal forms over kinks are the same")
        return common_kinks(self.a, self.b)

    def _one_layer(self, pair: Pair) -> Finding | None:
        if not all(map(dichotomy.has_one_hidden_layer, (pair.a, pair.b))):
            return None
        self.tried.append("one hidden layer: decided on all inputs")
        x = dichotomy.decide(pair.a, pair.b)
        if x is None:
            return self._equivalent("one hidden layer")
        return self._different("one hidden layer", x, pair) if pair.separates(x) else None

    def _cones(self, pair: Pair) -> Finding | None:
        return self._first("cones", cone_points(Floating(pair, self.options.seed + 1), 2), pair)

    def _gradients(self, pair: Pair) -> Finding | None:
        rounds = (self._round(pair, self.options.seed + 2 + round_) for round_ in range(64))
        return self._first("gradients", chain.from_iterable(rounds), pair)

    def _round(self, pair: Pair, seed: int) -> Iterator[Vector]:
        """Candidates of one round of the longer search."""
        floating = Floating(pair, seed)
        if self.question.is_about_decisions:
            yield from boundary_points(floating, self._decisions(pair), 3)
        yield from ascended_points(floating, 4, max(8, min(64, 4_000_000 // cost(pair))))

    def _decisions(self, pair: Pair) -> Callable[[Vector], tuple[int, int] | None]:
        def decide(x: Vector) -> tuple[int, int] | None:
            try:
                first, second = (int(np.argmax(y.tops)) for y in self._outputs(pair, x))
            except NoExactValue:
                return None
            return first, second

        return decide

    def _solver(self, pair: Pair) -> Finding | None:
        if not whole.is_small(pair.a, pair.b):
            return None
        seconds = max(0.1, min(30.0, (self.deadline - time.monotonic()) / 2))
        self.tried.append("solver: Z3 on both networks")
        try:
            word, found = whole.ask(pair.a, pair.b, self.question, self.box, seconds)
        except UnsupportedLayer:
            return None
        if word == "unsat":
            return self._equivalent("solver")
        if word == "sat" and not isinstance(found, str) and pair.separates(found):
            return self._different("solver", found, pair)
        return None

    def _outputs(self, pair: Pair, x: Vector) -> tuple[Numbers, Numbers]:
        """The exact outputs at x; asked twice in a row, they are computed once."""
        if self.latest is None or self.latest[0] is not x:
            self.latest = x, pair.outputs(x)
        return self.latest[1]

    # Answers.

    def _first(self, method: str, points: Iterable[Vector], pair: Pair, until: float = math.inf) -> Finding | None:
        """The answer at the first of some points that separates the networks."""
        count = 0
        for x in in_time(points, min(self.deadline, until)):
            if not self.box.holds(x):
                continue
            try:
                outputs = self._outputs(pair, x)
            except NoExactValue as error:
                self.irrational = error
                continue
            count += 1
            self.differ = self.differ or bool(largest_gap(*outputs))
            if self.question.separates(*outputs):
                return self._different(method, x, pair)
        self.tried.append(f"{method}: {count} candidates")
        return None

    def _different(self, method: str, x: Vector, pair: Pair) -> Finding:
        self.answer = method, x, pair
        if self.options.shorten:
            x = shortened(x, self.box, pair.separates, max(16, min(256, 30_000_000 // cost(pair))))
        return self._evaluated(method, x, pair)

    def _evaluated(self, method: str, x: Vector, pair: Pair) -> Finding:
        """The answer at an input that separates the networks."""
        a, b = pair.outputs(x)
        return Finding(
            verdict="different",
            method=method,
            input=x,
            outputs=(a.rationals, b.rationals),
            gap=largest_gap(a, b),
            parting=parting(pair, x),
            tried=tuple(self.tried),
            notes=tuple(self.notes),
        )

    def _equivalent(self, method: str, common: Common | None = None) -> Finding:
        return Finding("equivalent", method, common=common, tried=tuple(self.tried), notes=tuple(self.notes))


def in_time(points: Iterable[Vector], deadline: float) -> Iterator[Vector]:
    """Points until the deadline, but at least one."""
    for x in points:
        yield x
        if time.monotonic() > deadline:
            return
