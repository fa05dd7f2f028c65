# SPDX-License-Identifier: Apache-2.0
"""This file is about the rules of reduction: a list, each with how it is found, what it does, and why it did no more.

Whatever a rule does is a step: a network, and the simulation to it from the one before.  Steps compose, so a rule needs
to know of no other rule.  Rules are tried in their order; after each success from the first one again.

Throughout: N the network that is reduced; a *round* starts from a network and ends where no rule finds anything.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

from exactlump.errors import NoExactValue
from exactlump.fast.layers import lines
from exactlump.lumping.forms import Forms
from exactlump.lumping.maximum import Lumping, canonical_key
from exactlump.lumping.simulations import compose
from exactlump.network.activations import IDENTITY
from exactlump.network.kinds import Function
from exactlump.network.layers import anchors, layer, sources
from exactlump.network.program import Network
from exactlump.reduction.float_sums import Written
from exactlump.reduction.fusion import fusible
from exactlump.reduction.plans import Plan
from exactlump.reduction.quotient import Step, quotient


@dataclass(frozen=True)
class State:
    """Where a reduction is.

    start    the network that this round started from
    step     from that network to the one at hand; None: nothing is done yet
    derived  the layers of `start` that are fused
    before   the round before this one; None: `start` is N
    """

    plan: Plan
    start: Network
    step: Step | None = None
    derived: frozenset[str] = frozenset()
    before: "State | None" = None

    @property
    def network(self) -> Network:
        """The network at hand."""
        return self.start if self.step is None else self.step.network

    @property
    def first(self) -> "State":
        """The first round."""
        return self if self.before is None else self.before.first

    @cached_property
    def whole(self) -> Step:
        """The step from N to the network at hand."""
        assert self.step is not None
        if self.before is None:
            return self.step
        return Step(self.step.network, compose(self.before.whole.simulation, self.step.simulation))

    @cached_property
    def all_derived(self) -> frozenset[str]:
        """The layers that are fused, in this round or before."""
        return self.derived | (self.before.all_derived if self.before is not None else frozenset())

    @cached_property
    def fusion(self) -> tuple[str | None, tuple[str, ...]]:
        """The linear layer to fuse next, and those that are not fused for their cost alone."""
        if self.step is None:
            return None, ()
        return fusible(self.start, self.step.network, self.step.simulation, self.plan.unfused)

    @property
    def costly(self) -> frozenset[str]:
        """The layers that are not fused for their cost alone, in this round or before."""
        return frozenset(self.fusion[1]) | (self.before.costly if self.before is not None else frozenset())

    def afresh(self) -> "State":
        """A round that starts from the network at hand."""
        plan = self.first.plan.through(self.whole.simulation)
        return State(replace(plan, unfused=plan.unfused | self.costly), self.network, before=self)

    def then(self, step: Step) -> "State":
        """A round that starts where one more step has led."""
        done = step if self.step is None else Step(step.network, compose(self.step.simulation, step.simulation))
        return replace(self, step=done).afresh()


@dataclass(frozen=True, slots=True)
class Outcome:
    """Where the rules end, and the network that is written of it."""

    state: State
    written: Written

    def declined(self, tensor: str) -> int:
        """How many merges at a tensor of N the exact quotient has, or would have, and the written network has not."""
        choices = self.state.first.plan.choices
        return self.written.declined.get(tensor, 0) + sum(t == tensor for t, _ in choices.apart | choices.unfolded)


class Rule(NamedTuple):
    """A rule of reduction.

    find     what it finds at a state; None: nothing
    apply    the state after what was found is done
    why_not  why it did no more at an anchored tensor, in words for people; "": nothing to say
    """

    name: str
    find: Callable[[State], Any]
    apply: Callable[[State, Any], State]
    why_not: Callable[[Outcome, str], str]


def settled(state: State, rules: tuple[Rule, ...]) -> State:
    """The state at which no rule finds anything any more."""
    while True:
        for rule in rules:
            if (found := rule.find(state)) is not None:
                state = rule.apply(state, found)
                break
        else:
            return state


# Lumping: proportional units merge, constants are folded, and what no output depends on is dropped.


def _classes(state: State) -> Lumping | None:
    return state.plan.lumping(state.start, state.derived) if state.step is None else None


def _lump(state: State, lumping: Lumping) -> State:
    return replace(state, step=quotient(state.start, lumping, trim=True))


def _why_not_lumped(outcome: Outcome, tensor: str) -> str:
    """What the neurons that are left differ by, and what was not merged as it could not be written."""
    reasons = [_differing(outcome.state.network, tensor)]
    if declined := outcome.declined(tensor):
        written = outcome.written.network.dtype
        reasons.append(f"{declined} declined: the sums do not fit {written}, nor do their pieces")
    return "; ".join(reasons)


def _differing(network: Network, tensor: str) -> str:
    units, anchored = network.units(tensor), anchors(network)
    functions = layer(network, tensor, anchored).functions or (IDENTITY,) * units
    forms = Forms(network)
    for below in sources(network, tensor, anchored):
        forms.anchor(below)
    counted = lines(network, tensor)
    rows = {k: forms.before(tensor, k) for k in (range(units) if counted is None else counted[1])}
    known = len({canonical_key(row, IDENTITY)[0] for row in rows.values()}) if counted is None else counted[0]
    relation = "proportional" if all(f.scales for f in functions) else "equal (no scaling commutes with the activation)"
    reason = "1 observable neuron" if units == 1 else f"all {units} are observable and no two are {relation}"
    if units > known:
        reason += f"; {units - known} are negative multiples of others: twins, which would not be fewer units here"
    constants = sum(not row.terms and not _rational_at(functions[k], row.constant) for k, row in rows.items())
    return reason + (f"; {constants} constants have irrational values" if constants else "")


def _rational_at(function: Function, value: object) -> bool:
    try:
        function(value)
    except NoExactValue:
        return False
    return True


# Fusing: two affine layers in a row become one, and everything is done again from the start of the round.


def _fuse(state: State, tensor: str) -> State:
    return replace(state, step=None, derived=state.derived | {tensor})


def _why_not_fused(outcome: Outcome, tensor: str) -> str:
    network = outcome.state.first.start
    if layer(network, tensor, anchors(network)).functions:
        return ""
    cost = "the checker's cost" if tensor in outcome.state.costly else "more weights, or weights that do not fit"
    return f"not fused with the layer above: {cost}"


# Starting afresh: a branch that went may free what it kept, so a network with branches is reduced once more.


def _fewer(state: State) -> State | None:
    if not _has_branches(state.first.start):
        return None
    again = settled(state.afresh(), RULES[:-1])
    return again if again.network.neurons < state.network.neurons else None


def _has_branches(network: Network) -> bool:
    """Whether some tensor has several readers, or is neither read nor an output."""
    return any(
        len(readers) > 1 or not (readers or tensor in network.outputs) for tensor, readers in network.consumers.items()
    )


RULES = (
    Rule("lump", _classes, _lump, _why_not_lumped),
    Rule("fuse", lambda state: state.fusion[0], _fuse, _why_not_fused),
    Rule("again", _fewer, lambda _, again: again, lambda *_: ""),
)
