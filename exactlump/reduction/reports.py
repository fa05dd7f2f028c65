# SPDX-License-Identifier: Apache-2.0
"""This file is about reports: what happened to each hidden layer, in numbers, and why no more was removed, in words."""

from dataclasses import dataclass, replace

from exactlump.network.layers import anchors, end_of_layer
from exactlump.network.program import Network
from exactlump.numbers.rational import ZERO
from exactlump.reduction.rules import RULES, Outcome


@dataclass(frozen=True, slots=True)
class LayerReport:
    """What happened to one hidden layer: counts of neurons, and why nothing more was removed.

    before, after         neurons of the original, and of the written network (copies included)
    zero, constant        neurons that are always 0, or another constant
    unobservable, merged  neurons that no output depends on, or that another one of their class stands for
    twins, linear         neurons that are the twin of another one, or of which the sign is known (docs/beyond.md)
    copies                extra units that hold pieces of exact sums
    declined              merges that the exact quotient has, or would have, and the written network has not
    fused                 whether the layer was fused into the one above
    """

    name: str
    before: int
    after: int
    zero: int = 0
    constant: int = 0
    unobservable: int = 0
    merged: int = 0
    twins: int = 0
    linear: int = 0
    copies: int = 0
    declined: int = 0
    fused: bool = False
    why_not_more: str = ""

    def __repr__(self) -> str:
        return f"{self.name[:40]}: {self.before} -> {self.after}"


def reports(network: Network, outcome: Outcome) -> tuple[LayerReport, ...]:
    """One row for each hidden layer of the original, in order, and for each layer of copies that was added."""
    kept = anchors(network)
    rows = []
    for mixing in network.hidden:
        tensor = end_of_layer(network, mixing)
        rows.append(_of_layer(network, mixing, tensor, kept.get(tensor), outcome))
    written = outcome.written.network
    for name in written.hidden:
        if name not in network.shapes:
            units, why = written.units(name), "holds copies of the inputs, so that fused weights fit"
            rows.append(LayerReport(name, 0, units, copies=units, why_not_more=why))
    return tuple(rows)


def _of_layer(network: Network, mixing: str, tensor: str, kept: str | None, outcome: Outcome) -> LayerReport:
    before = network.units(tensor)
    if tensor in outcome.state.all_derived:
        return LayerReport(tensor, before, 0, fused=True, why_not_more="fused into the layer above")
    written = outcome.written.network
    after = sum(written.units(name) for name in written.hidden if name in (mixing, tensor))
    if tensor not in outcome.state.whole.simulation:
        return LayerReport(tensor, before, after, why_not_more="what else read it is gone")
    report = replace(_counted(outcome, tensor), before=before, after=after)
    return replace(report, why_not_more=_why_not_more(outcome, tensor, kept))


def _counted(outcome: Outcome, tensor: str) -> LayerReport:
    """The counts of one layer, but for those of all neurons."""
    rows = outcome.state.whole.simulation[tensor].rows
    constants = [row.constant for row in rows if row.constant is not None]
    live = [row for row in rows if row.terms]
    quotient = outcome.state.network
    classes = quotient.units(tensor) if tensor in quotient.shapes else 0
    return LayerReport(
        name=tensor,
        before=0,
        after=0,
        zero=constants.count(ZERO),
        constant=len(constants) - constants.count(ZERO),
        unobservable=sum(row.sum is None for row in rows),
        merged=len(live) - classes,
        copies=outcome.written.copies.get(tensor, 0),
        declined=outcome.declined(tensor),
    )


def _why_not_more(outcome: Outcome, tensor: str, kept: str | None) -> str:
    """In words: what each neuron that is left differs from the others by, and which rule would be needed."""
    if kept is not None:
        return f"kept unit by unit: {kept}"
    if tensor not in outcome.state.network.shapes:
        return "nothing is left"
    return "; ".join(words for rule in RULES if (words := rule.why_not(outcome, tensor)))
