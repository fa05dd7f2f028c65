# SPDX-License-Identifier: Apache-2.0
"""This file is about the question how far apart two networks can be on a domain: a certified bound, and an exact input.

`bound` climbs for inputs that show a large difference, searches a tree of boxes that shows a small one, and replays the
tree in the checker's arithmetic.  Whatever it says is exact: `upper` holds on the whole domain (theorem T8'), `lower` is
the difference at `input`.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exactlump.bounding.ascent import Ascent, Found, climb
from exactlump.bounding.boxes import Domain, outward
from exactlump.bounding.chain import Chain, chain_of
from exactlump.bounding.confirm import Goal, mended, replay, sample
from exactlump.bounding.exact_pass import Pass
from exactlump.bounding.goals import Claim
from exactlump.bounding.program import OUTPUTS, Program, prepare
from exactlump.bounding.relations import Relations
from exactlump.bounding.search import Search, Walk
from exactlump.bounding.trees import Place, Tree, halves
from exactlump.bounding.walks import CompiledWalk
from exactlump.bounding.walks_batched import BatchedWalk, ExactWalk
from exactlump.errors import UnsupportedLayer
from exactlump.kernels.kernel_numba import available
from exactlump.network import Network
from exactlump.rational import Rational, Vector, rational
from exactlump.refutation.floating import number

WHOLE = 1 << 40
REPLAYED = 2000  # boxes of a tree up to which all of it is replayed; of larger ones some paths are
PATHS = 8
Path = Sequence[tuple[list[int], list[int]]]
# Told what is done, how many boxes are bounded, and how many are left for now.
Listener = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Bound:
    """What is known of the differences of two networks on a domain.

    claim      what was to be shown, or the best that was
    shown      whether the trees show it
    refuted    whether an exact input breaks it
    upper      for each combination of outputs the most that its size is, or None where nothing is known
    lower      for each combination the largest size that an exact input shows
    input      the exact input with the largest difference; None where none was evaluated
    trees      a tree for each box of the domain, if shown
    boxes      how many boxes were bounded; `leaves`: how many the trees have that are not halved
    replayed   how many boxes were replayed in exact integers
    relations  what was compared with what
    """

    claim: Claim
    domain: Domain
    shown: bool
    refuted: bool
    upper: tuple[Rational | None, ...]
    lower: tuple[Rational, ...]
    input: Vector | None
    trees: tuple[Tree, ...] = ()
    boxes: int = 0
    leaves: int = 0
    replayed: int = 0
    seconds: float = 0.0
    relations: Relations = field(default_factory=lambda: Relations({}, {}))

    @property
    def largest(self) -> Rational | None:
        """The most that any combination of outputs differs by; None where nothing is known of one."""
        return None if None in self.upper else max(self.upper, default=rational(0))


@dataclass
class _Work:
    """A question that is worked on: networks made ready, and what was found so far."""

    program: Program
    claim: Claim
    domain: Domain
    until: float
    listen: Listener
    steps: int
    ascent: Ascent | None
    boxes: int = 0
    replayed: int = 0

    def __post_init__(self) -> None:
        self.exact, self.chain = Pass(self.program), chain_of(self.program)
        self.refuted = False

    def goal(self, claim: Claim) -> Goal:
        """What boxes must meet."""
        return Goal(tuple(claim.demands()), claim.total())

    def maker(self, claim: Claim, share: float = 1.0) -> Callable[[Path], Walk]:
        """How walks are made: compiled, with NumPy, or in exact integers, as the program allows."""
        goal = self.goal(claim)
        chain: Chain | None = self.chain if goal.total is None and claim.index is None else None
        if chain is None:
            return lambda path: ExactWalk(self.exact, path, goal)
        ends = [(-(d.least or 0) / WHOLE * share, (d.most or 0) / WHOLE * share) for d in goal.demands]
        sides = np.array(ends, np.float64).T.copy()
        if available():
            return lambda path: CompiledWalk(chain, path, sides, self.steps)
        return lambda path: BatchedWalk(chain, path, sides)

    def trees(self, claim: Claim, until: float) -> list[Tree] | None:
        """Trees that show a claim, one for each box; None where time is up or an input breaks it."""
        found = []
        for box in self.domain.boxes:
            low, high = outward(box)
            search = Search(low, high, self.maker(claim), lambda x, b=box: self.breaks(x, b, claim), self.tell)  # type: ignore[misc]
            done = search.run(until)
            self.boxes += search.boxes
            if not done:
                return None
            tree = self.replay(claim, search.tree, low, high, until)
            if tree is None:
                return None
            found.append(tree)
        return found

    def tell(self, boxes: int, left: int) -> None:
        """Tell the listener."""
        self.listen("searching", self.boxes + boxes, left)

    def breaks(self, x: NDArray[np.float64], box: Any, claim: Claim) -> bool:
        """Whether an exact point near a float one breaks the claim."""
        if self.ascent is None:
            return False
        self.ascent.replay(x, box)
        self.refuted = broken(claim, self.ascent.found)
        return self.refuted

    def replay(self, claim: Claim, tree: Tree, low: list[int], high: list[int], until: float) -> Tree | None:
        """The tree, as the checker's arithmetic accepts it; refused leaves are halved again."""
        goal = self.goal(claim)
        for _ in range(8):
            self.listen("replaying", self.boxes, len(tree.splits))
            if len(tree.splits) <= REPLAYED:
                seen = replay(self.exact, goal, tree, low, high, until)
            else:
                seen = sample(self.exact, goal, tree, low, high, PATHS, until)
            self.replayed += seen.boxes
            if not seen.refused:
                return tree if time.monotonic() < until or seen.most is not None else None
            better = mended(tree, seen.refused, low, high, lambda place: self.again(claim, place, until))
            if better is None:
                return None
            tree = better
        return None

    def again(self, claim: Claim, place: Place, until: float) -> Tree | None:
        """A tree below a leaf that was refused: halved at least once, and with less to spare."""
        i = max(range(len(place.low)), key=lambda d: place.high[d] - place.low[d])
        if place.low[i] == place.high[i]:
            return None
        parts = []
        for low, high in halves(place.low, place.high, i):
            search = Search(low, high, self.maker(claim, 0.999))
            if not search.run(until):
                return None
            parts.append(search.tree)
        lower, upper = parts
        start = 1 + len(lower.splits)
        slopes = {1 + at: s for at, s in lower.slopes.items()} | {start + at: s for at, s in upper.slopes.items()}
        return Tree((i + 1, *lower.splits, *upper.splits), slopes)

    def whole(self) -> list[Rational | None]:
        """The bounds of the whole boxes, without halving any."""
        most = [0] * self.program.outputs
        for box in self.domain.boxes:
            known = self.exact.node(*outward(box))
            chosen = np.arange(self.program.outputs)
            key = ("d", OUTPUTS)
            low, high = self.exact.both(known, key, chosen)
            least, greatest = self.exact.reach(known, key, chosen)
            ends = zip(np.maximum(low, least), np.minimum(high, greatest), strict=True)
            most = [max(size, -int(a), int(b)) for size, (a, b) in zip(most, ends, strict=True)]
            self.boxes += 1
        return [rational(size, WHOLE) for size in most]


def broken(claim: Claim, found: Found) -> bool:
    """Whether exact differences break a claim."""
    if claim.index is not None or claim.metric == "margins":
        return False
    if claim.metric == "l1":
        return max(found.gaps) > claim.epsilon[0]
    limits = claim.epsilon if claim.metric == "per-output" else claim.epsilon * claim.outputs
    return any(gap > limit for gap, limit in zip(found.gaps, limits, strict=True))


def bound(
    ours: Network,
    theirs: Network,
    domain: Domain,
    *,
    epsilon: Any = None,
    metric: str = "max",
    index: int | None = None,
    relations: Relations | None = None,
    inputs: Sequence[Sequence[Any]] = (),
    timeout: float = 60.0,
    steps: int = 20,
    seed: int = 0,
    listen: Listener = lambda *_: None,
) -> Bound:
    """How far apart two networks are on a domain.

    epsilon    what is to be shown: a number, or a list of them for the metrics that have several (`goals.py`); None:
               the best bound that the time allows
    index      instead: that both networks decide this output
    relations  what is compared with what (`relating.find`); None: unit by unit
    inputs     where climbing begins, too
    timeout    seconds, a hard limit; steps: of ascent on slopes, for chains of ReLU layers with the extra `fast`
    listen     told what is done, now and then

    Raises ShapeError where the networks or the domain do not fit, UnsupportedLayer for what has no bounds, FormatError
    for numbers that do not fit.
    """
    start = time.monotonic()
    until = start + timeout
    outputs = sum(ours.views[name].elements for name in ours.outputs)
    given = () if epsilon is None else tuple(map(rational, epsilon if isinstance(epsilon, list | tuple) else [epsilon]))
    claim = Claim(outputs, "decision" if index is not None else metric, given or _zeros(metric, outputs), index)
    program = prepare(ours, theirs, relations, claim.combinations)
    try:
        ascent: Ascent | None = Ascent(ours, theirs, claim.combinations, seed)
    except UnsupportedLayer:
        ascent = None
    work = _Work(program, claim, domain, until, listen, steps, ascent)
    if ascent is not None:
        listen("climbing", 0, 0)
        points = [tuple(map(rational, x)) for x in inputs]
        try:
            climb(ascent, domain, points, start + 0.2 * timeout)
        except UnsupportedLayer:
            work.ascent = None
    found = _decided(work) if given or index is not None else _narrowed(work, start + timeout)
    return replace(found, seconds=time.monotonic() - start, relations=program.relations)


def _zeros(metric: str, outputs: int) -> tuple[Rational, ...]:
    """Epsilons of 0, as many as a metric has."""
    count = {"per-output": outputs, "margins": outputs * (outputs - 1)}.get(metric, 1)
    return (rational(0),) * count


def _decided(work: _Work) -> Bound:
    """Whether the claim is shown or broken, or neither in time."""
    gaps = work.ascent.found if work.ascent is not None else None
    if gaps is not None and broken(work.claim, gaps):
        work.refuted = True
        return _result(work, work.claim, None)
    return _result(work, work.claim, work.trees(work.claim, work.until))


def _narrowed(work: _Work, until: float) -> Bound:
    """The best bound that the time allows: the whole box first, then smaller and smaller claims."""
    claim = work.claim
    if claim.metric not in ("max", "per-output"):
        raise UnsupportedLayer(f"bounds without epsilon: found the metric {claim.metric}, expected max or per-output")
    upper = [size if size is not None else rational(0) for size in work.whole()]
    best = _claimed(claim, upper)
    trees = [Tree()] * len(work.domain.boxes)
    lower = work.ascent.found.gaps if work.ascent is not None else [rational(0)] * len(upper)
    floor, top = max(lower), max(upper)
    low = floor
    while top > 0 and time.monotonic() < until and float(number(top)) > 1.05 * float(number(floor)) + 1e-12:
        middle = top / 2 if low * 2 < top else (low + top) / 2
        middle = rational(float(number(middle)))
        if not low < middle < top:
            break
        found = work.trees(_claimed(claim, [min(size, middle) for size in upper]), _slice(until))
        if work.refuted:
            work.refuted = False
            floor = max(work.ascent.found.gaps) if work.ascent is not None else floor
            low = max(low, floor)
        if found is None:
            low = max(low, middle)
            if float(number(top - low)) < 0.1 * float(number(top)):
                break
            continue
        trees, top = found, middle
        upper = [min(size, middle) for size in upper]
        best = _claimed(claim, upper)
    return _result(work, best, trees)


def _slice(until: float) -> float:
    """How long one claim is tried: half of the time that is left."""
    now = time.monotonic()
    return now + max(0.5 * (until - now), 0.0)


def _claimed(claim: Claim, upper: Sequence[Rational]) -> Claim:
    """The claim with the epsilons that were found."""
    epsilon = tuple(upper) if claim.metric == "per-output" else (max(upper),)
    return replace(claim, epsilon=epsilon)


def _result(work: _Work, claim: Claim, trees: Sequence[Tree] | None) -> Bound:
    """What was found."""
    gaps = (
        work.ascent.found
        if work.ascent is not None
        else Found([rational(0)] * work.program.outputs, [None] * work.program.outputs)
    )
    upper: tuple[Rational | None, ...] = (None,) * work.program.outputs
    if trees is not None and claim.metric in ("max", "per-output", "l1"):
        upper = claim.epsilon if claim.metric == "per-output" else claim.epsilon * claim.outputs
    elif trees is None and not work.refuted and claim.index is None:
        upper = tuple(work.whole())
    return Bound(
        claim,
        work.domain,
        trees is not None,
        work.refuted,
        upper,
        tuple(gaps.gaps),
        gaps.inputs[gaps.largest],
        tuple(trees or ()),
        work.boxes,
        sum(tree.leaves for tree in trees or ()),
        work.replayed,
    )
