# SPDX-License-Identifier: Apache-2.0
"""This file is about the linear-combination relaxation: which neurons are combinations of others, and what that costs.

For each layer, merges are proposed for neurons that are exact combinations of others (`proposals.py`).  Each is judged:
right on the whole domain, which makes it a sound reduction, or wrong somewhere, with a point that shows it.  Where all
are right the merged network is equivalent; else the networks are compared (`refute.py`), and only an input with
different outputs makes the verdict `different`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from exactlump.errors import ExactlumpError, FormatError
from exactlump.network.program import Network
from exactlump.numbers.rational import Rational
from exactlump.points.boxes import Box, demand_inputs, everything
from exactlump.refutation.dichotomy import cut, evaluate_flat, has_one_hidden_layer
from exactlump.refutation.refute import Finding, Options, refute
from exactlump.relaxations import extremes
from exactlump.relaxations.extremes import Point
from exactlump.relaxations.interiors import Layer, layers_of
from exactlump.relaxations.literal import literal_merges
from exactlump.relaxations.merging import Merge, merged
from exactlump.relaxations.proposals import propose
from exactlump.relaxations.regions import Cell, Combination, region
from exactlump.relaxations.shares import Share, share
from exactlump.relaxations.worst import Worst, worst_input


@dataclass(frozen=True, slots=True)
class RelaxOptions:
    """What to look for.

    layer    the name of one layer, as `inspect` prints it, or of its Dense node's tensor; None: all layers
    terms    how many neurons may stand for one, 1 to 4
    seconds  the limit for each question to Z3, and for the comparison of the networks
    details  for how many wrong merges the region, the nicest and the worst point are looked for
    """

    layer: str | None = None
    terms: int = 2
    seconds: float = 10.0
    details: int = 20


@dataclass(frozen=True, slots=True)
class Judgement:
    """A merge, and where it is right.

    exact       right on the whole domain, by the closed form
    discharged  Z3's answer to the same question: "unsat" discharges it, "sat" came with the point
    offset      the defect where it is a constant that is not 0: the next bias repairs it
    cells       the region where it is right, up to a set of measure zero; None where it was not computed
    point       where it is wrong: in the coordinates of the domain; the nicest one if `point.is_best`
    worst       the worst point on a bounded box
    """

    layer: Layer
    merge: Merge
    combination: Combination
    exact: bool
    discharged: str
    offset: Rational | None = None
    cells: tuple[Cell, ...] | None = None
    share: Share | None = None
    point: Point | None = None
    worst: Point | None = None


@dataclass(frozen=True, slots=True)
class Relaxation:
    """All merges that are proposed, the merged network, and the verdict on it.

    finding  how the two networks compare, when some merge is wrong somewhere
    worst    where an output differs most, on a bounded box
    notes    layers that were left out, and searches that were cut short
    """

    original: Network
    merged: Network
    judgements: tuple[Judgement, ...]
    verdict: str
    reason: str
    finding: Finding | None
    notes: tuple[str, ...]
    worst: Worst | None = None

    def __repr__(self) -> str:
        return f"{self.verdict}: {self.reason}"


def relax(network: Network, options: RelaxOptions, box: Box | None = None) -> Relaxation:
    """Propose merges, judge them, and compare the merged network with the original.

    Raises FormatError when there is no layer of that name, ShapeError for a box with another number of inputs.
    """
    inputs = sum(network.views[port.name].elements for port in network.inputs)
    box = box or everything(inputs)
    demand_inputs(box, inputs)
    layers = layers_of(network, box)
    notes = [f"{name}: left out: its units are images" for name in _images(network)]
    judgements: list[Judgement] = []
    chosen = _chosen(layers, options.layer)
    for layer in chosen:
        if layer.closed:
            notes.append(f"{layer.name}: left out: {layer.closed}")
            continue
        for merge, combination in propose(layer, options.terms, notes):
            judgements.append(judge(layer, merge, combination, options, details=_wrong(judgements) < options.details))
    by_layer = {layer.name: [j.merge for j in judgements if j.layer is layer] for layer in layers}
    small = merged(network, by_layer)
    if judgements:
        verdict, reason, finding = _verdict(network, small, judgements, box, options.seconds)
    else:
        among = _neurons(_searched(chosen))
        reason = f"no exact dependences among {among}, of {options.terms} terms at most"
        verdict, finding = "unknown", None
    worst = _worst(network, small, judgements, finding, box, options.seconds)
    return Relaxation(network, small, tuple(judgements), verdict, reason, finding, tuple(notes), worst)


def relax_literally(network: Network, options: RelaxOptions, box: Box | None = None) -> Relaxation:
    """The quotient that Definition 6 allows as it is printed, compared with the network (docs/erratum.md).

    It has no judgements: its merges are wrong only where the definition is.  Raises as `relax` does.
    """
    inputs = sum(network.views[port.name].elements for port in network.inputs)
    box = box or everything(inputs)
    demand_inputs(box, inputs)
    layers = layers_of(network, box)
    merges = literal_merges(layers)
    small = merged(network, merges)
    notes = tuple(f"{layer.name}: left out: {layer.closed}" for layer in layers if layer.closed)
    count = f"Definition 6 as printed: {_count(sum(map(len, merges.values())))}"
    if not any(merges.values()):
        nothing = f"Definition 6 as printed merges nothing among {_neurons(_searched(layers))}"
        return Relaxation(network, small, (), "unknown", nothing, None, notes)
    finding = refute(network, small, box=box, options=Options(seconds=options.seconds))
    why = {"different": "not the same function", "equivalent": f"the same function here ({finding.method})"}
    reason = f"{count}, {why.get(finding.verdict, 'no input found where an output differs')}"
    return Relaxation(network, small, (), finding.verdict, reason, finding, notes)


def _images(network: Network) -> list[str]:
    return [n.target for n in network.nodes if n.functions and network.views[n.target].positions != 1]


def _wrong(judgements: Sequence[Judgement]) -> int:
    return sum(not judgement.exact for judgement in judgements)


def _chosen(layers: Sequence[Layer], name: str | None) -> list[Layer]:
    if name is None:
        return list(layers)
    found = [layer for layer in layers if name in (layer.name, layer.dense)]
    if not found:
        raise FormatError(f"--layer: found {name!r}, expected one of {[layer.name for layer in layers]}")
    return found


def judge(
    layer: Layer, merge: Merge, combination: Combination, options: RelaxOptions, *, details: bool = True
) -> Judgement:
    """Where a merge is right: by the closed form, with Z3's word on it, and with points where it is wrong.

    Raises ExactlumpError if Z3 contradicts the closed form, which would be a bug.
    """
    exact = combination.is_exact
    word, point = extremes.check(combination, options.seconds)
    if word != "unknown" and exact != (word == "unsat"):
        raise ExactlumpError(f"{layer.name}, neuron {merge.target}: the closed form and Z3 disagree ({word})")
    if exact or not details:
        return Judgement(layer, merge, combination, exact, word, point=point)
    cells = region(combination, options.seconds)
    return Judgement(
        layer,
        merge,
        combination,
        exact,
        word,
        offset=combination.offset,
        cells=None if cells is None else tuple(cells),
        share=None if cells is None else share(combination, cells),
        point=extremes.nicest(combination, options.seconds) or (point and extremes.shorter(combination, point)),
        worst=extremes.worst(combination, options.seconds),
    )


def _verdict(
    original: Network, small: Network, judgements: Sequence[Judgement], box: Box, seconds: float
) -> tuple[str, str, Finding | None]:
    wrong = [judgement for judgement in judgements if not judgement.exact]
    if not wrong:
        open_ = sum(judgement.discharged != "unsat" for judgement in judgements)
        if open_:
            return (
                "unknown",
                f"right by the closed form; Z3 gave no answer on {open_} of {len(judgements)} merges",
                None,
            )
        return "equivalent", f"{_count(len(judgements))}, right everywhere on {box.name}", None
    finding = _nice_difference(original, small, wrong, box) or refute(
        original, small, box=box, options=Options(seconds=seconds)
    )
    count = f"{len(wrong)} of {_count(len(judgements))} wrong somewhere on {box.name}"
    if finding.verdict == "different":
        return "different", count, finding
    if finding.verdict == "equivalent":
        return "equivalent", f"{count}, but only inside of the network: no output differs ({finding.method})", finding
    return "unknown", f"{count}, and no input found where an output differs", finding


def _searched(layers: Sequence[Layer]) -> int:
    """How many neurons were compared with others: those with a (leaky) ReLU in layers that can be changed."""
    return sum(sigma.slope is not None for layer in layers if not layer.closed for sigma in layer.functions)


def _neurons(count: int) -> str:
    return "1 neuron" if count == 1 else f"{count} neurons"


def _count(merges: int) -> str:
    return "1 merge" if merges == 1 else f"{merges} merges"


def _worst(
    original: Network,
    small: Network,
    judgements: Sequence[Judgement],
    finding: Finding | None,
    box: Box,
    seconds: float,
) -> Worst | None:
    """The worst input that was found, starting from the counterexample and the worst points of single merges.

    With one hidden layer and one wrong merge, outputs differ by multiples of the defect: its worst point is theirs.
    """
    if finding is None or finding.input is None:
        return None
    wrong = [judgement for judgement in judgements if not judgement.exact]
    points = [j.worst for j in wrong if j.worst is not None and j.layer.inputs]
    xs = [finding.input, *(point.z[: len(box.lower)] for point in points)]
    found = worst_input(original, small, box, xs, seconds)
    if found and len(wrong) == 1 and points and points[0].is_best and has_one_hidden_layer(original):
        return Worst(found.x, found.gap, True)
    return found


def _nice_difference(original: Network, small: Network, wrong: Sequence[Judgement], box: Box) -> Finding | None:
    """The networks at a point where a merge of the first layer is wrong, if it shows in the outputs."""
    for judgement in wrong:
        if judgement.point is not None and judgement.layer.inputs:
            x = judgement.point.z[: len(box.lower)]
            outputs = tuple(evaluate_flat(network, x) for network in (original, small))
            if outputs[0] != outputs[1]:
                gap = max(abs(a - b) for a, b in zip(*outputs, strict=True))
                return Finding("different", "relaxation", x, (outputs[0], outputs[1]), gap)
    return None


def first_parting(original: Network, small: Network, x: Sequence[Rational]) -> str | None:
    """The first tensor, of those that are as large in both networks, with different values at a flat input."""
    values = [network.valuation(*cut(network, x)) for network in (original, small)]
    for node in original.nodes:
        one, other = (side[node.target] for side in values)
        if len(one) == len(other) and one != other:
            return node.target
    return None
