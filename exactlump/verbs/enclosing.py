# SPDX-License-Identifier: Apache-2.0
"""This file is about networks whose values are irrational: inputs at which rationals around these show a difference.

Places to look are found in floats; what is said is only what `bounding.enclosing` shows at an exact input.
"""

import time
from collections.abc import Iterator, Sequence

import numpy as np

from exactlump.bounding.ascent import Ascent, climb
from exactlump.bounding.boxes import Domain
from exactlump.bounding.curve_values import curved
from exactlump.bounding.enclosing import Enclosing, Ends, rounded, size
from exactlump.errors import NoExactValue, ShapeError, UnsupportedLayer
from exactlump.network.program import Network
from exactlump.numbers.rational import ZERO, Rational, Vector, rational
from exactlump.points.boxes import Box
from exactlump.points.floating import Floats
from exactlump.refutation.comparing import below_heads, demand_comparable, heads_of
from exactlump.refutation.question import Question
from exactlump.refutation.refute import Finding, Options, refute
from exactlump.refutation.search import SCALES, grid_of, simple_points

METHOD = "enclosure"
_BATCH, _KEPT, _ROUNDS = 512, 4, 16  # so many random inputs in each round, of which the best are looked at exactly


def searched(networks: tuple[Network, Network], question: Question, box: Box, limits: Options, until: float) -> Finding:
    """What `refute` finds; where values are irrational, what enclosures of them show, or `unknown`.

    networks, until  as for `differing`
    Raises as `refute` does where there are no enclosures either.
    """
    try:
        return refute(*networks, question, box, limits)
    except (NoExactValue, UnsupportedLayer) as error:
        try:
            found = differing(networks, question, box, limits.seed, until, limits.inputs)
        except (NoExactValue, UnsupportedLayer):
            raise error from None
        return found or Finding("unknown", "none", tried=(f"{METHOD}: no candidate",), notes=(str(error),))


def separated(question: Question, ours: Ends, theirs: Ends) -> bool:
    """Whether two networks differ as a question asks, wherever between the ends their outputs lie.

    For decisions: no output may be a largest one of both, so that they disagree however ties are broken; for an index,
    both first largest ones are known, and are others.
    """
    if question.kind == "argmax":
        return not (_largest(ours) & _largest(theirs))
    if question.kind == "index":
        return None not in (ours.decision, theirs.decision) and ours.decision != theirs.decision
    return bool(largest_size(ours, theirs) > (question.epsilon or 0))


def largest_size(ours: Ends, theirs: Ends) -> Rational:
    """The largest difference of two outputs that is certain."""
    return max((size(ours, theirs, (o,)) for o in range(len(ours.low))), default=ZERO)


def _largest(ends: Ends) -> set[int]:
    """Which numbers may be largest."""
    least = max(ends.low)
    return {k for k, high in enumerate(ends.high) if high >= least}


def differing(
    networks: tuple[Network, Network],
    question: Question,
    box: Box,
    seed: int,
    until: float,
    given: Sequence[Vector] = (),
) -> Finding | None:
    """An exact input of the box at which two networks differ as is asked, by enclosures; None where none is found.

    networks  the second one in the order of the first
    given     inputs that are looked at first
    until     a time, of time.monotonic: later ones are not looked at, but for the first
    Raises ShapeError where sizes differ, UnsupportedLayer and NoExactValue for what has no enclosures.
    """
    demand_comparable(*networks)
    one, other = networks
    notes = tuple[str, ...]()
    if heads := heads_of(one):
        if heads != heads_of(other):
            raise UnsupportedLayer(f"outputs: found the heads {heads} and {heads_of(other)}, expected the same")
        if question.kind == "epsilon":
            raise NoExactValue(f"outputs: {heads[0][0]} has no values that an epsilon is compared with")
        if [kind for kind, *_ in heads] == ["argmax"] and len(one.outputs) == 1:
            question = Question("index")
        one, other = (below_heads(network, question.is_about_decisions) for network in networks)
        notes = ("compared below the output heads, up to what the heads do not see",)
    outputs = sum(one.views[name].elements for name in one.outputs)
    if question.is_about_decisions and outputs < 2:
        raise ShapeError(f"outputs: found {outputs}, expected at least 2 for a decision")
    exact, count = (Enclosing(one), Enclosing(other)), 0
    for x in _points((one, other), question, box, seed, until, given):
        count += 1
        try:
            ours, theirs = (network(x) for network in exact)
        except NoExactValue:  # of a size that has no bounds
            continue
        if separated(question, ours, theirs):
            near, off = rounded(ours, theirs)
            gap = largest_size(ours, theirs)
            tried = (f"{METHOD}: {count} candidates",)
            return Finding("different", METHOD, x, near, gap, tried=tried, notes=notes, off=off)
        if time.monotonic() > until:
            break
    return None


def _points(
    networks: tuple[Network, Network], question: Question, box: Box, seed: int, until: float, given: Sequence[Vector]
) -> Iterator[Vector]:
    """Exact inputs of the box: given ones, simple ones, random ones with a high score in floats, and where climbing
    ends, if every input is bounded."""
    yield from (x for x in given if box.holds(x))
    yield from (x for x in simple_points(box) if box.holds(x))
    floats, rng = [curved(network) for network in networks], np.random.default_rng(seed)
    lower, upper = box.floats()
    bounded = np.isfinite(lower) & np.isfinite(upper)
    low, high = (np.where(bounded, end, 0.0) for end in (lower, upper))
    grid = grid_of(np.where(bounded, high - low, 2.0))
    for round_ in range(_ROUNDS):
        free = rng.normal(size=(_BATCH, lower.size)) * SCALES[round_ % len(SCALES)]
        x = np.clip(np.where(bounded, low + (high - low) * rng.random(free.shape), free), lower, upper)
        a, b = (network(x) for network in floats)
        score = _scores(question, a, b)
        for n in np.argsort(-score)[:_KEPT]:
            yield box.on_grid([rational(float(y)) for y in x[n]], grid)
        if round_ == 0 and box.is_bounded and not question.is_about_decisions:
            yield from _climbed(networks, box, seed, until)


def _scores(question: Question, a: Floats, b: Floats) -> Floats:
    """How much batches of outputs differ, in floats; what is not a number counts least."""
    score, _, _ = question.score(a, b)
    return np.nan_to_num(score, nan=-np.inf)


def _climbed(networks: tuple[Network, Network], box: Box, seed: int, until: float) -> Iterator[Vector]:
    """Where gradient ascent ends that begins in the box."""
    outputs = sum(networks[0].views[name].elements for name in networks[0].outputs)
    ascent = Ascent(*networks, [(o,) for o in range(outputs)], seed)
    found = climb(ascent, Domain((box,)), (), until)
    yield from (x for x in [found.inputs[found.largest]] if x is not None)
