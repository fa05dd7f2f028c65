# SPDX-License-Identifier: Apache-2.0
"""This file is about the work of `bound` on two networks: which claim is tried, and what the checker says of it.

Half of the time is for finding a bound, the rest for the checker.  What is not checked in time is `unknown`, with the
best numbers that are known.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import permutations

import numpy as np

from exactlump.bounding.bound import Bound
from exactlump.bounding.bound import bound as search
from exactlump.bounding.boxes import Domain
from exactlump.bounding.certifying import bound_certificate, difference_certificate
from exactlump.bounding.curve_values import values
from exactlump.bounding.enclosing import Enclosing, nearness, rounded
from exactlump.bounding.relating import related, twins
from exactlump.bounding.relations import Relations
from exactlump.errors import NoExactValue, ShapeError, UnsupportedLayer
from exactlump.network.ports import Matching
from exactlump.network.program import Network
from exactlump.numbers.rational import ZERO, Rational, Vector
from exactlump.refutation.clock import OutOfTime, alarm
from exactlump.refutation.comparing import headless
from exactlump.refutation.question import Question
from exactlump.refutation.refute import Options
from exactlump.verbs.answers import file_read, file_written
from exactlump.verbs.bounding import BoundOptions, Decisions, FileBound, Listener
from exactlump.verbs.data import files_of
from exactlump.verbs.enclosing import searched
from exactlump.verbs.judging import Judge, Maker
from exactlump.verbs.naming import inputs_of
from exactlump.verbs.pairs import Pair

_FINDING = 0.5  # the share of the time that is left in which a bound is looked for
_FLIPPING = 0.2  # ... an input where decisions differ
_LOOKS = 256  # at so many inputs of a box it is seen what a decides


@dataclass
class Work:
    """Two networks and a domain, and what was found so far.

    one, other  the networks, the second in the order of the first; for decisions without a softmax at their output
    given  inputs of a data set
    make   makes the certificate that the checker accepted, of the networks in this order or `swapped`
    pending  makes one that it was not done with
    """

    pair: Pair
    one: Network
    other: Network
    matching: Matching
    domain: Domain
    given: Sequence[Vector]
    options: BoundOptions
    listen: Listener
    stops: tuple[type[BaseException], ...]
    starts: Sequence[Vector] = ()
    verdict: str = "unknown"
    found: Bound | None = None
    checked: str = ""
    input: Vector | None = None
    outputs: tuple[Vector, Vector] | None = None
    off: Rational = ZERO
    index: int | None = None
    alike: Decisions | None = None
    make: Maker | None = None
    pending: Maker | None = None
    swapped: bool = False
    notes: list[str] = field(default_factory=list)
    headed: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        if self.options.argmax and self.options.rounding is None:
            below = headless(self.one), headless(self.other)
            self.headed = below[0] is not self.one or below[1] is not self.other
            self.one, self.other = below

    def run(self, deadline: float) -> None:
        """Find out what is asked, until the deadline."""
        outputs = sum(self.one.views[name].elements for name in self.one.outputs)
        if outputs < 2 and (self.options.argmax or self.options.metric == "margins"):
            raise ShapeError(f"outputs: found {outputs}, expected at least 2 for a decision, or a margin")
        try:
            if self.options.argmax and not self.given:
                self.flip(deadline)
            if self.verdict == "unknown":
                with alarm(deadline):
                    self.bounded(deadline)
        except self.stops as stop:
            words = "out of time" if isinstance(stop, OutOfTime) else "interrupted"
            self.notes.append(f"{words}: what was found last is not checked" if self.pending is not None else words)

    def bounded(self, deadline: float) -> None:
        """Bound what is asked for."""
        ours, theirs, relations = self.related()
        if not self.options.argmax:
            self.measure(ours, theirs, relations, deadline)
            return
        index = self.constant() if not self.given else None
        if index is not None:
            found = self.search(ours, theirs, relations, deadline, index=index)
            if found.shown and self.judge(found, ours):
                self.index = index
                self.verdict = "within"
                return
        if self.headed:
            self.notes.append(
                "softmax: margins are bounded of networks without it, expected one decision on the domain"
            )
            return
        found = self.search(ours, theirs, relations, deadline, metric="margins")
        if found.shown and self.judge(found, ours):
            if self.given:
                self.look(found)
            elif not max(found.claim.epsilon):
                self.verdict = "within"

    def related(self) -> tuple[Network, Network, Relations]:
        """The networks in the order that suits them, and what is compared with what."""
        self.listen("relating", 0, 0)
        relations = related(self.one, self.other, self.domain, self.options.seed)
        if len(self.one.inputs) == len(self.one.outputs) == 1 and not twins(relations):
            back = related(self.other, self.one, self.domain, self.options.seed)
            if twins(back):  # they may stand on the second side only
                self.swapped = True
                return self.other, self.one, back
        return self.one, self.other, relations

    def search(
        self,
        ours: Network,
        theirs: Network,
        relations: Relations,
        deadline: float,
        *,
        metric: str = "max",
        epsilon: Sequence[Rational] | None = None,
        index: int | None = None,
    ) -> Bound:
        """The best bound that is found in a share of the time."""
        self.found = search(
            ours,
            theirs,
            self.domain,
            epsilon=list(epsilon) if epsilon is not None else None,
            metric=metric,
            index=index,
            rounding=self.options.rounding is not None,
            demanded=self.pair.demanded,
            relations=relations,
            inputs=[*self.starts, *self.given],
            timeout=_FINDING * max(deadline - time.monotonic(), 0.0),
            seed=self.options.seed,
            listen=self.listen,
            stops=self.stops,
        )
        if self.found.stopped is not None:
            raise self.found.stopped
        return self.found

    def measure(self, ours: Network, theirs: Network, relations: Relations, deadline: float) -> None:
        """An epsilon that was asked for, or the best that is found."""
        metric, epsilon = self.options.metric, self.options.epsilon
        found = self.search(ours, theirs, relations, deadline, metric=metric, epsilon=self.sided(epsilon))
        t = max(range(len(found.lower)), key=lambda t: found.lower[t])
        if found.refuted:
            limits = epsilon if epsilon is not None and metric == "per-output" else (0,) * len(found.lower)
            t = max(range(len(found.lower)), key=lambda t: found.lower[t] - limits[t])
        x = found.inputs[t]
        if x is not None and found.lower[t]:
            self.evaluate(x)
        if found.refuted:
            self.different()
        elif found.shown:
            self.shown(found, ours)

    def shown(self, found: Bound, ours: Network) -> bool:
        """Have a bound checked: first what the whole boxes show, which takes little time; then the best."""
        whole = found.undivided
        for bound in (whole, found) if whole is not None and found.leaves > whole.leaves else (found,):
            if bound is not None and self.judge(bound, ours):
                self.found = bound  # before the verdict: time may be up between the two
                self.verdict = "within"
        return self.verdict == "within"

    def sided(self, epsilon: Sequence[Rational] | None) -> Sequence[Rational] | None:
        """The numbers of the metric margins for networks that changed places; one number stands for all pairs."""
        outputs = sum(self.one.views[name].elements for name in self.one.outputs)
        if epsilon is None or self.options.metric not in ("margins", "per-output"):
            return epsilon
        count = outputs if self.options.metric == "per-output" else outputs * (outputs - 1)
        if len(epsilon) == 1:
            return [*epsilon] * count
        if self.options.metric == "margins" and self.swapped and len(epsilon) == count:
            sides = dict(zip(permutations(range(outputs), 2), epsilon, strict=True))
            return [sides[j, y] for y, j in permutations(range(outputs), 2)]
        return epsilon

    # Decisions.

    def flip(self, deadline: float) -> None:
        """Look for an input where the decisions differ, however ties are broken."""
        self.listen("looking for decisions that differ", 0, 0)
        try:
            for box in self.domain.boxes:
                seconds = _FLIPPING * (deadline - time.monotonic()) / len(self.domain.boxes)
                limits = Options(max(seconds, 0.05), self.options.seed, False, self.pair.demanded)
                until = time.monotonic() + limits.seconds
                found = searched((self.one, self.other), Question("argmax"), box, limits, until)
                if found.input is not None:
                    self.evaluate(found.input)
                    self.different()
                    return
        except (UnsupportedLayer, NoExactValue) as error:
            self.notes.append(f"no input is looked for: {error}")

    def constant(self) -> int | None:
        """What a decides wherever it is looked at, if that is one decision."""
        rng, seen = np.random.default_rng(self.options.seed), set[int]()
        for box in self.domain.boxes:
            low, high = box.floats()
            x = np.concatenate([[(low + high) / 2], low + (high - low) * rng.random((_LOOKS, low.size))])
            known = values(self.one, x)
            outputs = np.concatenate([known[name].reshape(len(x), -1) for name in self.one.outputs], axis=1)
            seen |= {*outputs.argmax(axis=1).tolist()}
        return seen.pop() if len(seen) == 1 else None

    def look(self, found: Bound) -> None:
        """At which of the given inputs the margins of a are larger than those of both networks differ by."""
        count = found.claim.outputs
        most = dict(zip(permutations(range(count), 2), found.claim.epsilon, strict=True))
        evaluators = Enclosing(self.one), Enclosing(self.other)
        certified, flipped, outside = list[int](), list[int](), list[int]()
        for n, x in enumerate(self.given):
            self.listen("evaluating", n, len(self.given) - n)
            ours, theirs = (evaluator(x) for evaluator in evaluators)
            y, z = ours.decision, theirs.decision
            if y is not None and z is not None and y != z:
                flipped.append(n)
            elif not self.domain.holds(x):
                outside.append(n)
            elif y is not None and all(ours.lead(y, j) > most[self.pair_of(y, j)] for j in range(count) if j != y):
                certified.append(n)
        self.alike = Decisions(len(self.given), tuple(certified), tuple(flipped), tuple(outside))
        self.verdict = "within"
        if flipped:
            self.evaluate(self.given[flipped[0]])
            self.different()

    def pair_of(self, y: int, j: int) -> tuple[int, int]:
        """Of two outputs the pair that bounds how much of the lead of y over j may be lost."""
        return (j, y) if self.swapped else (y, j)

    # Answers.

    def evaluate(self, x: Vector) -> None:
        """The exact outputs at an input."""
        one, other = (Enclosing(network)(x) for network in (self.one, self.other))
        self.input, (self.outputs, self.off) = x, rounded(one, other)

    def judge(self, found: Bound, ours: Network) -> bool:
        """Whether the checker accepts the certificate of a bound."""
        specification = self.pair.specification
        return self.asked("within", lambda one, other: bound_certificate(found, ours, one, other, specification))

    def different(self) -> None:
        """That the networks differ as was asked, at the input."""
        x = self.input
        assert x is not None

        def make(original: object, reduced: object) -> dict[str, object]:
            sides = self.one, self.other, original, reduced
            least = max(self.options.epsilon or (ZERO,))
            return difference_certificate(x, *sides, self.matching, self.pair.specification, least)  # type: ignore[arg-type]

        self.swapped = False
        if self.asked("different", make):
            self.verdict = "different"

    def asked(self, verdict: str, make: Maker) -> bool:
        """Ask the checker; whether it says what is expected.  A certificate that it does not accept is dropped."""
        self.listen("checking", 0, 0)
        self.pending = make
        judged = Judge(self.pair, self.options.max_unpacked, self.swapped, self.options.jobs).judge(make)
        self.pending = None
        if judged.verdict == verdict:
            self.checked, self.make = f"{judged.verdict}: {judged.reason}", make
            return True
        self.notes.append(f"the checker did not accept the certificate ({judged.verdict}: {judged.reason})")
        return False

    def result(self, domain: str, seconds: float) -> FileBound:
        """The answer; the certificate is written, if there is one."""
        options, found, make = self.options, self.found, self.make or self.pending
        if options.certificate is not None and make is not None:
            judge = Judge(self.pair, options.max_unpacked, self.swapped)
            judge.write(make, options.certificate, options.overwrite)
        place = options.certificate if make is not None else None
        files = [*self.pair.files()]
        named = (("property", options.vnnlib), ("around", options.around), ("inputs", options.inputs))
        files += [file_read(role, file) for role, path in named for file in files_of(path)]
        files += [file_written("certificate", place)] if place is not None else []
        upper = [size for size in found.upper if size is not None] if found is not None else []
        return FileBound(
            verdict=self.verdict,
            metric=found.claim.metric if found is not None else "decision" if options.argmax else options.metric,
            epsilon=found.claim.epsilon if found is not None else options.epsilon or (),
            upper=tuple(upper),
            lower=found.lower if found is not None else (),
            checked=self.checked,
            input=self.input,
            outputs=self.outputs,
            leaves=found.leaves if found is not None else 0,
            boxes=found.boxes if found is not None else 0,
            index=self.index,
            alike=self.alike,
            domain=domain,
            matching=self.matching,
            notes=(*self.notes, *([nearness(self.off)] if self.off else [])),
            certificate=place,
            swapped=self.swapped,
            specification=self.pair.specification,
            inputs=inputs_of(self.one),
            files=tuple(files),
            options=replace(options),
            seconds=seconds,
            off=self.off,
        )
