# SPDX-License-Identifier: Apache-2.0
"""This file is about the whole reduction: the rules in turn until nothing changes, then Q in the numbers of the file.

    N  --lump, fold constants-->  N/R  --drop unobservable-->  ...  --fuse, again from N-->  Q  <--simulates--  N'

The result holds both simulations, N to Q and N' to Q, which is all that a certificate needs.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from exactlump.errors import CannotWrite, FormatError, NoExactValue
from exactlump.fast.engine import maximum_lumping as fast_maximum_lumping
from exactlump.fast.layers import lines
from exactlump.lumping.forms import Forms, Function
from exactlump.lumping.maximum import Choices, Classifier, Lumping, canonical_key, maximum_lumping
from exactlump.lumping.simulations import Affine, Simulation, compose
from exactlump.network.activations import IDENTITY
from exactlump.network.layers import anchors, end_of_layer, layer, sources
from exactlump.network.program import Network
from exactlump.reduction.float_chains import reduce_chain
from exactlump.reduction.float_sums import Misfit, Written, write_in
from exactlump.reduction.fusion import fusible
from exactlump.reduction.quotient import Step, quotient


@dataclass(frozen=True, slots=True)
class LayerReport:
    """What happened to one hidden layer: counts of neurons, and why nothing more was removed.

    before, after         neurons of the original, and of the written network (copies included)
    zero, constant        neurons that are always 0, or another constant
    unobservable, merged  neurons that no output depends on, or that another one of their class stands for
    copies                extra units that hold pieces of exact sums
    declined              merges that the exact quotient has, or would have, and the written network has not
    fused                 whether the layer was fused into the one above
    """

    name: str
    before: int
    after: int
    zero: int
    constant: int
    unobservable: int
    merged: int
    copies: int
    declined: int
    fused: bool
    why_not_more: str


@dataclass(frozen=True, slots=True)
class Reduction:
    """A network, a smaller one with the same function, and the witnesses of it.

    original   N, as it was given
    reduced    N', in the numbers that were asked for
    quotient   Q, exact
    forward    the simulation from N to Q
    backward   the simulation from N' to Q
    """

    original: Network
    reduced: Network
    quotient: Network
    forward: Simulation
    backward: Simulation
    layers: tuple[LayerReport, ...]


@dataclass(frozen=True, slots=True)
class _Plan:
    """The engine; and what has turned out not to fit, and is not tried again: see `Choices`, `Misfit`, `write_in`."""

    engine: str
    find: Classifier | None = None
    choices: Choices = field(default_factory=Choices)
    unfused: frozenset[str] = frozenset()
    copied: frozenset[str] = frozenset()

    def without(self, misfit: Misfit) -> "_Plan":
        """The plan that avoids a misfit, fused layers aside."""
        choices = replace(
            self.choices,
            apart=self.choices.apart | misfit.apart,
            unfolded=self.choices.unfolded | misfit.unfolded,
        )
        return replace(self, choices=choices)

    def lumping(self, network: Network, derived: frozenset[str]) -> Lumping:
        """The maximum lumping under the plan, some layers fused."""
        choices = replace(self.choices, derived=derived)
        if self.find is not None:
            return fast_maximum_lumping(network, fold=True, choices=choices, find=self.find)
        return _FINDERS[self.engine](network, fold=True, choices=choices)

    def through(self, simulation: Simulation) -> "_Plan":
        """The same plan for the network that `simulation` leads to: what holds of a neuron holds of its class."""

        def image(neurons: frozenset[tuple[str, int]]) -> frozenset[tuple[str, int]]:
            rows = ((t, simulation[t].rows[v]) for t, v in neurons if t in simulation)
            return frozenset((t, k) for t, row in rows if isinstance(row, Affine) for k, _ in row.terms)

        choices = replace(self.choices, apart=image(self.choices.apart), unfolded=image(self.choices.unfolded))
        return replace(self, choices=choices)


@dataclass(frozen=True, slots=True)
class _Exact:
    """An exact quotient with its simulation, the layers fused in it, and those not fused for their cost alone."""

    step: Step
    derived: frozenset[str]
    costly: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Candidate:
    exact: _Exact
    written: Written
    plan: _Plan


# From so many weights on, the fast engine is the one that is used when none is named.
LARGE = 100_000
_FINDERS: dict[str, Callable[..., Lumping]] = {"exact": maximum_lumping, "fast": fast_maximum_lumping}
ENGINES = tuple(_FINDERS)


def reduce(
    network: Network, dtype: str | None = None, engine: str | None = None, find: Classifier | None = None
) -> Reduction:
    """The network reduced as far as the rules go, written in numbers of one type.

    dtype: "float32", "float64", "float16" or "bfloat16"; "decimal" (numbers with a terminating expansion); "exact";
    or None for the network's own.  Sums that do not fit a float type are split into pieces on copies of units, or
    else the merge is declined and counted.  Raises CannotWrite when even the unmerged network does not fit.
    engine: "exact" or "fast", which find the same (docs/fast.md); None: fast for large networks, or with `find`.
    find: see `fast.maximum_lumping`; FormatError with the exact engine.
    """
    found = engine or ("fast" if find is not None or network.parameters >= LARGE else "exact")
    if find is not None and found == "exact":
        raise FormatError("engine: found exact with an executor, expected fast")
    plan = _Plan(found, find)
    best = _best_by_arrays(network, dtype or network.dtype, plan) or _best(network, dtype or network.dtype, plan)
    return Reduction(
        original=network,
        reduced=replace(best.written.network, notes=()),
        quotient=best.exact.step.network,
        forward=best.exact.step.simulation,
        backward=best.written.simulation,
        layers=_report(network, best),
    )


def exact_quotient(network: Network) -> Step:
    """The exact quotient Q of a network, and the simulation from the network to it."""
    return _exact(network, _Plan("exact")).step


def _exact(network: Network, plan: _Plan) -> _Exact:
    """The sweeps on N; and, where N has branches, again on the result: a branch that went may free what it kept."""
    found = _sweeps(network, plan)
    while _has_branches(network):
        first = found.step
        unfused = plan.unfused | set(found.costly)
        again = _sweeps(first.network, replace(plan.through(first.simulation), unfused=unfused))
        if again.step.network.neurons == first.network.neurons:
            break
        step = Step(again.step.network, compose(first.simulation, again.step.simulation))
        found = _Exact(step, found.derived | again.derived, found.costly + again.costly)
    return found


def _has_branches(network: Network) -> bool:
    """Whether some tensor has several readers, or is neither read nor an output."""
    return any(
        len(readers) > 1 or not (readers or tensor in network.outputs) for tensor, readers in network.consumers.items()
    )


def _sweeps(network: Network, plan: _Plan) -> _Exact:
    """Sweep, fuse the first pair that the rule allows, and start again from N, until no pair is left."""
    derived: frozenset[str] = frozenset()
    while True:
        step = quotient(network, plan.lumping(network, derived), trim=True)
        pair, costly = fusible(network, step.network, step.simulation, plan.unfused)
        if pair is None:
            return _Exact(step, derived, costly)
        derived |= {pair}


def _best(network: Network, dtype: str, plan: _Plan, tries: int = 3) -> _Candidate:
    """The written network with the fewest neurons; of equals, the one with fewer fused layers.

    tries: how many times in a row the alternative to leaving layers unfused is tried, which keeps the whole polynomial.
    """
    while True:
        exact = _exact(network, plan)
        written = write_in(dtype, network, exact.step, exact.derived, plan.copied)
        if isinstance(written, Written):
            return _Candidate(exact, written, plan)
        plan = plan.without(written)
        if written.fused:
            return _with_or_without(network, dtype, plan, written, tries)


def _best_by_arrays(network: Network, dtype: str, plan: _Plan) -> _Candidate | None:
    """What the fast engine makes without rationals, where it can: then nothing is fused, split or declined."""
    found = reduce_chain(network, dtype, plan.find) if plan.engine == "fast" else None
    return found and _Candidate(_Exact(found[0], frozenset(), ()), found[1], plan)


def _with_or_without(network: Network, dtype: str, plan: _Plan, misfit: Misfit, tries: int) -> _Candidate:
    """Fused products that do not fit: leave the layers unfused, or else copy the kept tensors and split the classes."""
    unfused = replace(plan, unfused=plan.unfused | {name for name, _ in misfit.fused})
    copied = frozenset(below for _, below in misfit.fused if below is not None) - plan.copied
    plain = _best(network, dtype, unfused, tries)
    if not tries or not (copied or misfit.split):
        return plain
    choices = replace(plan.choices, apart=plan.choices.apart | misfit.split)
    try:
        fused = _best(network, dtype, replace(plan, choices=choices, copied=plan.copied | copied), tries - 1)
    except CannotWrite:
        return plain
    return fused if fused.written.network.neurons < plain.written.network.neurons else plain


# The report.


def _report(network: Network, best: _Candidate) -> tuple[LayerReport, ...]:
    """One row for each hidden layer of the original, in order, and for each layer of copies that was added."""
    kept = anchors(network)
    rows = []
    for dense in network.hidden:
        tensor = end_of_layer(network, dense)
        rows.append(_layer_report(network, dense, tensor, kept.get(tensor), best))
    written = best.written.network
    for name in written.hidden:
        if name not in network.shapes:
            units = written.units(name)
            why = "holds copies of the inputs, so that fused weights fit"
            rows.append(LayerReport(name, 0, units, 0, 0, 0, 0, units, 0, False, why))
    return tuple(rows)


def _layer_report(network: Network, dense: str, tensor: str, kept: str | None, best: _Candidate) -> LayerReport:
    before = network.units(tensor)
    if tensor in best.exact.derived:
        return LayerReport(tensor, before, 0, 0, 0, 0, 0, 0, 0, True, "fused into the layer above")
    written = best.written.network
    after = sum(written.units(name) for name in written.hidden if name in (dense, tensor))
    if tensor not in best.exact.step.simulation:
        return LayerReport(tensor, before, after, 0, 0, 0, 0, 0, 0, False, "what else read it is gone")
    relation = best.exact.step.simulation[tensor]
    affine = [row for row in relation.rows if isinstance(row, Affine)]
    live = [row for row in affine if row.terms]
    quotient = best.exact.step.network
    classes = quotient.units(tensor) if tensor in quotient.shapes else 0
    apart = sum(t == tensor for t, _ in best.plan.choices.apart | best.plan.choices.unfolded)
    report = LayerReport(
        name=tensor,
        before=before,
        after=after,
        zero=sum(not row.terms and not row.plus for row in affine),
        constant=sum(not row.terms and bool(row.plus) for row in affine),
        unobservable=before - len(affine),
        merged=len(live) - classes,
        copies=best.written.copies.get(tensor, 0),
        declined=best.written.declined.get(tensor, 0) + apart,
        fused=False,
        why_not_more="",
    )
    return replace(report, why_not_more=_why_not_more(network, best, report, kept))


def _why_not_more(network: Network, best: _Candidate, report: LayerReport, kept: str | None) -> str:
    """In words: what each neuron that is left differs from the others by, and which rule would be needed."""
    tensor, quotient = report.name, best.exact.step.network
    if kept is not None:
        return f"kept unit by unit: {kept}"
    if tensor not in quotient.shapes:
        return "nothing is left"
    reasons = [_differing(quotient, tensor)]
    if report.declined:
        reasons.append(
            f"{report.declined} declined: the sums do not fit {best.written.network.dtype}, nor do their pieces"
        )
    if layer(network, tensor, anchors(network)).functions is None:
        cost = "the checker's cost" if tensor in best.exact.costly else "more weights, or weights that do not fit"
        reasons.append(f"not fused with the layer above: {cost}")
    return "; ".join(reasons)


def _differing(quotient: Network, tensor: str) -> str:
    units, anchored = quotient.units(tensor), anchors(quotient)
    functions = layer(quotient, tensor, anchored).functions or (IDENTITY,) * units
    forms = Forms(quotient)
    for below in sources(quotient, tensor, anchored):
        forms.anchor(below)
    counted = lines(quotient, tensor)
    rows = {k: forms.before(tensor, k) for k in (range(units) if counted is None else counted[1])}
    known = len({canonical_key(row, IDENTITY)[0] for row in rows.values()}) if counted is None else counted[0]
    relation = "proportional" if all(f.scales for f in functions) else "equal (no scaling commutes with the activation)"
    reason = "1 observable neuron" if units == 1 else f"all {units} are observable and no two are {relation}"
    if units > known:
        reason += f"; {units - known} are negative multiples of others, which no rule merges yet"
    constants = sum(not row.terms and not _rational_at(functions[k], row.constant) for k, row in rows.items())
    return reason + (f"; {constants} constants have irrational values" if constants else "")


def _rational_at(function: Function, value: object) -> bool:
    try:
        function(value)
    except NoExactValue:
        return False
    return True
