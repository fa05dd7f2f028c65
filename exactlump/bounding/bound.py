# SPDX-License-Identifier: Apache-2.0
"""This file is about the question how far apart two networks can be on a domain: a certified bound, and an exact input.

`bound` climbs for inputs that show a large difference, searches a tree of boxes that shows a small one, and replays the
tree in the checker's arithmetic.  Whatever it says is exact: `upper` holds on the whole domain (theorem T8'), `lower`
is the difference at `input`.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from exactlump.bounding.ascent import Ascent, climb
from exactlump.bounding.boxes import Domain
from exactlump.bounding.goals import Claim, epsilons
from exactlump.bounding.program import prepare
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
) -> Bound:
    """How far apart two networks are on a domain.

    epsilon    what is to be shown: a number, or a list of them for the metrics that have several (`goals.py`); None:
               the best bound that the time allows (metrics max and per-output)
    index      instead: that both networks decide this output
    rounding   whether the claim is about machines that compute in float32, too
    demanded   how inputs and outputs are matched: name or position; None: as their names say (`network/ports.py`)
    relations  what is compared with what (`relating.related`); None: unit by unit
    inputs     where climbing begins, too
    timeout    seconds, a hard limit; steps: of ascent on slopes, for chains of ReLU layers with the extra `fast`
    listen     told what is done, now and then

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
    climbed(work, (ours, theirs), claim, inputs, seed, start + 0.2 * timeout)
    if epsilon is not None or index is not None:
        found = _decided(work, claim, start + timeout)
    else:
        found = _narrowed(work, claim, start + timeout)
    return replace(found, seconds=time.monotonic() - start, relations=work.program.relations, matching=matching)


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


def _decided(work: Work, claim: Claim, until: float) -> Bound:
    """Whether the claim is shown or broken, or neither in time."""
    work.refuted = claim.is_broken(work.found.gaps)
    whole = work.whole()
    shown = work.show(claim, until) if not work.refuted else None
    return _result(work, claim, shown, whole)


def _narrowed(work: Work, claim: Claim, until: float) -> Bound:
    """The best bound that the time allows: the whole box first, then smaller and smaller claims."""
    if claim.metric not in ("max", "per-output"):
        raise UnsupportedLayer(f"bounds without epsilon: found the metric {claim.metric}, expected max or per-output")
    upper = work.whole()
    best = _claimed(work, claim, upper)
    shown = Shown([Tree()] * len(work.domain.boxes), True, [])
    low = max(work.found.gaps)
    while float(number(max(upper))) > _CLOSE * float(number(low)) + 1e-12:
        top, now = max(upper), time.monotonic()
        middle = rational(float(number(top / 2 if low * 2 < top else (low + top) / 2)))
        if now >= until or not low < middle < top:
            break
        room = int(0.25 * (until - now) / work.pace)
        tried = work.show(_claimed(work, claim, [min(size, middle) for size in upper]), 0.5 * (now + until), room)
        work.refuted, low = False, max(low, max(work.found.gaps))
        if tried is not None and tried.confirmed:
            shown, upper = tried, [min(size, rational(m, WHOLE)) for size, m in zip(upper, tried.most, strict=True)]
            best = _claimed(work, claim, upper)
        else:
            low = max(low, middle)
    return _result(work, best, shown, upper)


def _claimed(work: Work, claim: Claim, upper: Sequence[Rational]) -> Claim:
    """The claim with the epsilons that were found, and how far off machines are."""
    for side in work.off:
        upper = [
            size + rational(sum(side[o] for o in pair), WHOLE)
            for size, pair in zip(upper, claim.combinations, strict=True)
        ]
    return replace(claim, epsilon=tuple(upper) if claim.metric == "per-output" else (max(upper),))


def _result(work: Work, claim: Claim, shown: Shown | None, whole: Sequence[Rational]) -> Bound:
    """What was found; `whole`: what the whole boxes say."""
    upper: list[Rational | None] = [None] * len(whole)
    if claim.index is None:
        upper = [*whole]
        if shown is not None and shown.confirmed and shown.most:
            upper = [min(size, rational(m, WHOLE)) for size, m in zip(whole, shown.most, strict=True)]
    return Bound(
        claim,
        work.domain,
        shown is not None,
        shown is not None and shown.confirmed,
        work.refuted,
        tuple(upper),
        tuple(work.found.gaps),
        tuple(work.found.inputs),
        tuple(shown.trees if shown is not None else ()),
        work.boxes,
        work.replayed,
    )
