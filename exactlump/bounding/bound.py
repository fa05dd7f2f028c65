# SPDX-License-Identifier: Apache-2.0
"""This file is about the question how far apart two networks can be on a domain: a certified bound, and an exact input.

`bound` climbs for inputs that show a large difference, searches a tree of boxes that shows a small one, and replays the
tree in the checker's arithmetic.  Whatever it says is exact: `upper` holds on the whole domain (theorem T8'), `lower`
is the difference at `input`.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import permutations
from typing import Any

from exactlump.bounding.ascent import Ascent, climb
from exactlump.bounding.boxes import Domain
from exactlump.bounding.goals import Claim, epsilons
from exactlump.bounding.preparing import prepare
from exactlump.bounding.relations import Relations
from exactlump.bounding.rounding import errors
from exactlump.bounding.trees import Tree
from exactlump.bounding.working import WHOLE, Listener, Shown, Work
from exactlump.errors import UnsupportedLayer
from exactlump.network.ports import ALONE, Matching, match
from exactlump.network.program import Network
from exactlump.numbers.rational import Rational, Vector, rational
from exactlump.points.floating import number

_CLOSE = 1.05  # bounds are not narrowed further once they are so near


@dataclass(frozen=True)
class Bound:
    """What is known of the differences of two networks on a domain.

    claim      what was to be shown, or the best that was
    shown      whether the trees show it: no box that was replayed in exact integers was refused
    confirmed  whether all boxes were replayed; else floats alone say so of some, and the checker decides
    refuted    whether an exact input breaks it
    upper      for each combination of outputs the most that its size is, or None where nothing is known
    lower      for each combination the largest size that an exact input shows
    inputs     those inputs (None: none shows any); `input`: the one with the largest difference
    trees      a tree for each box of the domain, if shown
    boxes      how many boxes were bounded; `leaves`: how many the trees have that are not halved
    replayed   how many boxes were replayed in exact integers
    relations  what was compared with what
    matching   how inputs and outputs are matched; all is in the order of the first network
    stopped    what ended the work before its time, if anything did
    undivided  what the whole boxes show, where they are not halved; None where an epsilon was asked for
    """

    claim: Claim
    domain: Domain
    shown: bool
    confirmed: bool
    refuted: bool
    upper: tuple[Rational | None, ...]
    lower: tuple[Rational, ...]
    inputs: tuple[Vector | None, ...]
    trees: tuple[Tree, ...] = ()
    boxes: int = 0
    replayed: int = 0
    seconds: float = 0.0
    relations: Relations = field(default_factory=lambda: Relations({}, {}))
    matching: Matching = ALONE
    stopped: BaseException | None = None
    undivided: "Bound | None" = None

    @property
    def largest(self) -> Rational | None:
        """The most that any combination of outputs differs by; None where nothing is known of one."""
        known = [size for size in self.upper if size is not None]
        return max(known, default=rational(0)) if len(known) == len(self.upper) else None

    @property
    def input(self) -> Vector | None:
        """The exact input with the largest difference."""
        return self.inputs[max(range(len(self.lower)), key=lambda t: self.lower[t])] if self.lower else None

    @property
    def leaves(self) -> int:
        """How many boxes the trees have that are not halved."""
        return sum(tree.leaves for tree in self.trees)


def bound(
    ours: Network,
    theirs: Network,
    domain: Domain,
    *,
    epsilon: Any = None,
    metric: str = "max",
    index: int | None = None,
    rounding: bool = False,
    demanded: str | None = None,
    relations: Relations | None = None,
    inputs: Sequence[Sequence[Any]] = (),
    timeout: float = 60.0,
    steps: int = 20,
    seed: int = 0,
    listen: Listener = lambda *_: None,
    stops: tuple[type[BaseException], ...] = (),
) -> Bound:
    """How far apart two networks are on a domain.

    epsilon    what is to be shown: a number, or a list of them for the metrics that have several (`goals.py`); None:
               the best bound that the time allows (metrics max, per-output and margins)
    index      instead: that both networks decide this output
    rounding   whether the claim is about machines that compute in float32, too
    demanded   how inputs and outputs are matched: name or position; None: as their names say (`network/ports.py`)
    relations  what is compared with what (`relating.related`); None: unit by unit
    inputs     where climbing begins, too
    timeout    seconds, a hard limit; steps: of ascent on slopes, for chains of ReLU layers with the extra `fast`
    listen     told what is done, now and then
    stops      exceptions that end the work, wherever they are raised: what is known by then is returned

    Raises ShapeError where the networks or the domain do not fit, UnsupportedLayer for what has no bounds, FormatError
    for numbers that do not fit.
    """
    start = time.monotonic()
    for network in (ours, theirs):
        network.demand_sizes()
    theirs, matching = match(ours, theirs, demanded)
    outputs = sum(ours.views[name].elements for name in ours.outputs)
    given = epsilons(epsilon, metric, outputs)
    claim = Claim(outputs, "decision" if index is not None else metric, given, index, rounding)
    work = Work(prepare(ours, theirs, relations, claim.combinations), domain, listen, steps)
    work.off = errors(work.exact, domain) if rounding else []
    known, stopped = _Known(claim), None
    try:
        climbed(work, (ours, theirs), claim, inputs, seed, start + 0.2 * timeout)
        if epsilon is not None or index is not None:
            _decide(work, known, start + timeout)
        else:
            _narrow(work, known, start + timeout)
    except BaseException as error:
        stopped = _stop(error, stops)
        if stopped is None:
            raise
    found = replace(_result(work, known), relations=work.program.relations, matching=matching, stopped=stopped)
    return replace(found, seconds=time.monotonic() - start)


def _stop(error: BaseException | None, stops: tuple[type[BaseException], ...]) -> BaseException | None:
    """The exception of given types that led to another one: compilers wrap what is raised inside; None for none."""
    while error is not None and not isinstance(error, stops):
        error = error.__cause__ or error.__context__
    return error


@dataclass
class _Known:
    """What is known so far: a claim, the trees that show it, and the most that combinations of outputs are."""

    claim: Claim
    shown: Shown | None = None
    upper: Sequence[Rational] = ()
    undivided: "_Known | None" = None


def climbed(
    work: Work,
    networks: tuple[Network, Network],
    claim: Claim,
    inputs: Sequence[Sequence[Any]],
    seed: int,
    until: float,
) -> None:
    """Climb for inputs that show large differences, where the networks have gradients and exact values."""
    work.listen("climbing", 0, 0)
    try:
        ascent = Ascent(*networks, claim.combinations, seed)
        climb(ascent, work.domain, [tuple(map(rational, x)) for x in inputs], until)
    except UnsupportedLayer:
        return
    work.ascent = ascent


def _decide(work: Work, known: _Known, until: float) -> None:
    """Whether the claim is shown or broken, or neither in time."""
    work.refuted = known.claim.is_broken(work.found.gaps)
    known.upper = work.whole()
    if work.refuted:
        return
    shown = None
    if known.claim.metric not in ("l1", "decision") and not known.claim.is_broken(_rounded(work, known)):
        shown = work.undivided(known.claim, until)  # floats keep a margin, which a bound that is met just so has not
    shown = shown or work.show(known.claim, until)
    if shown is not None and shown.confirmed and shown.most:
        known.upper = [min(size, rational(m, WHOLE)) for size, m in zip(known.upper, shown.most, strict=True)]
    known.shown = shown


def _narrow(work: Work, known: _Known, until: float) -> None:
    """The best bound that the time allows: the whole box first, then smaller and smaller claims."""
    asked = known.claim
    if asked.metric == "l1":
        raise UnsupportedLayer("bounds without epsilon: found the metric l1, expected max, per-output or margins")
    upper = work.whole()
    known.claim, known.upper = _claimed(work, asked, upper), upper
    known.shown = Shown([Tree()] * len(work.domain.boxes), True, [])
    known.undivided = replace(known)
    low = max(work.found.gaps)
    while float(number(max(upper))) > _CLOSE * float(number(low)) + 1e-12:
        top, now = max(upper), time.monotonic()
        middle = rational(float(number(top / 2 if low * 2 < top else (low + top) / 2)))
        if now >= until or not low < middle < top:
            break
        room = int(0.25 * (until - now) / work.pace)
        tried = work.show(_claimed(work, asked, [min(size, middle) for size in upper]), 0.5 * (now + until), room)
        work.refuted, low = False, max(low, max(work.found.gaps))
        if tried is not None and tried.confirmed:
            upper = [min(size, rational(m, WHOLE)) for size, m in zip(upper, tried.most, strict=True)]
            known.claim, known.shown, known.upper = _claimed(work, asked, upper), tried, upper
        else:
            low = max(low, middle)


def _rounded(work: Work, known: _Known) -> list[Rational]:
    """The most that combinations of outputs are, and how far off machines are."""
    upper = [*known.upper]
    for side in work.off:
        pairs = zip(upper, known.claim.combinations, strict=True)
        upper = [size + rational(sum(side[o] for o in pair), WHOLE) for size, pair in pairs]
    return upper


def _claimed(work: Work, claim: Claim, sizes: Sequence[Rational]) -> Claim:
    """The claim with the epsilons that were found, and how far off machines are."""
    upper = _rounded(work, _Known(claim, upper=sizes))
    if claim.metric == "margins":
        most = dict(zip(claim.combinations, upper, strict=True))
        return replace(claim, epsilon=tuple(most[min(p), max(p)] for p in permutations(range(claim.outputs), 2)))
    return replace(claim, epsilon=tuple(upper) if claim.metric == "per-output" else (max(upper),))


def _result(work: Work, known: _Known) -> Bound:
    """What was found."""
    shown = known.shown
    upper: list[Rational | None] = [*known.upper] if known.upper else [None] * work.program.outputs
    return Bound(
        known.claim,
        work.domain,
        shown is not None,
        shown is not None and shown.confirmed,
        work.refuted,
        tuple(upper) if known.claim.index is None else (None,) * len(upper),
        tuple(work.found.gaps),
        tuple(work.found.inputs),
        tuple(shown.trees if shown is not None else ()),
        work.boxes,
        work.replayed,
        undivided=_result(work, known.undivided) if known.undivided is not None else None,
    )
