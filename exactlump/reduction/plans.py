# SPDX-License-Identifier: Apache-2.0
"""This file is about plans: which engine reduces, and what has turned out not to fit and is not tried again."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from exactlump.errors import FormatError
from exactlump.fast.engine import maximum_lumping as fast_maximum_lumping
from exactlump.lumping.maximum import Choices, Classifier, Lumping, maximum_lumping
from exactlump.lumping.simulations import Simulation
from exactlump.network.program import Network
from exactlump.reduction.misfits import Misfit

# From so many weights on, the fast engine is the one that is used when none is named.
LARGE = 100_000
FINDERS: dict[str, Callable[..., Lumping]] = {"exact": maximum_lumping, "fast": fast_maximum_lumping}
ENGINES = tuple(FINDERS)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a network is reduced under.

    engine   "exact" or "fast"
    find     how the fast engine finds the classes of a layer; None: by itself
    choices  what `maximum_lumping` is taken under, fused layers aside
    unfused  linear layers that are not to be fused
    copied   kept tensors that may be copied below fused layers, see `write_in`
    """

    engine: str
    find: Classifier | None = None
    choices: Choices = field(default_factory=Choices)
    unfused: frozenset[str] = frozenset()
    copied: frozenset[str] = frozenset()

    def without(self, misfit: Misfit) -> "Plan":
        """The plan that avoids a misfit, fused layers aside."""
        choices = replace(
            self.choices,
            apart=self.choices.apart | misfit.apart,
            unfolded=self.choices.unfolded | misfit.unfolded,
        )
        return replace(self, choices=choices)

    def without_fusions(self, misfit: Misfit) -> "Plan":
        """The plan that leaves the layers of a misfit unfused."""
        return replace(self, unfused=self.unfused | {name for name, _ in misfit.fused})

    def with_copies(self, misfit: Misfit) -> "Plan | None":
        """The plan that copies the kept tensors below the fused layers of a misfit, and splits classes.

        None: there is nothing to copy or to split.
        """
        copied = frozenset(below for _, below in misfit.fused if below is not None) - self.copied
        if not (copied or misfit.split):
            return None
        choices = replace(self.choices, apart=self.choices.apart | misfit.split)
        return replace(self, choices=choices, copied=self.copied | copied)

    def lumping(self, network: Network, derived: frozenset[str]) -> Lumping:
        """The maximum lumping under the plan, some layers fused."""
        choices = replace(self.choices, derived=derived)
        if self.find is not None:
            return fast_maximum_lumping(network, fold=True, choices=choices, find=self.find)
        return FINDERS[self.engine](network, fold=True, choices=choices)

    def through(self, simulation: Simulation) -> "Plan":
        """The same plan for the network that `simulation` leads to: what holds of a neuron holds of its class."""

        def image(neurons: frozenset[tuple[str, int]]) -> frozenset[tuple[str, int]]:
            rows = ((t, simulation[t].rows[v]) for t, v in neurons if t in simulation)
            return frozenset((t, k) for t, row in rows for k, _ in row.terms)

        choices = replace(self.choices, apart=image(self.choices.apart), unfolded=image(self.choices.unfolded))
        return replace(self, choices=choices)


def first_plan(network: Network, engine: str | None, find: Classifier | None) -> Plan:
    """The plan to begin with.  Raises FormatError for a classifier with the exact engine."""
    found = engine or ("fast" if find is not None or network.parameters >= LARGE else "exact")
    if find is not None and found == "exact":
        raise FormatError("engine: found exact with an executor, expected fast")
    return Plan(found, find)
