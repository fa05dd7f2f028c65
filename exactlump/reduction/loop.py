# SPDX-License-Identifier: Apache-2.0
"""This file is about the whole reduction: the rules in turn until nothing changes, then Q in the numbers of the file.

    N  --rule-->  ...  --rule-->  Q  <--simulates--  N'

The result holds both simulations, N to Q and N' to Q, which is all that a certificate needs.
"""

from dataclasses import dataclass, field, replace

from exactlump.errors import CannotWrite, FormatError
from exactlump.lumping.maximum import Classifier
from exactlump.lumping.simulations import Simulation
from exactlump.network.program import Network
from exactlump.reduction.float_chains import reduce_chain
from exactlump.reduction.float_sums import Written, write_in
from exactlump.reduction.kink_rounds import by_kinks
from exactlump.reduction.misfits import Misfit
from exactlump.reduction.plans import Plan, first_plan
from exactlump.reduction.quotient import Step
from exactlump.reduction.reports import LayerReport, reports
from exactlump.reduction.rules import RULES, Outcome, State, settled

RULE_SETS = ("all", "lumping")


@dataclass(frozen=True, slots=True)
class Reduction:
    """A network, a smaller one with the same function, and the witnesses of it.

    original   N, as it was given
    reduced    N', in the numbers that were asked for
    quotient   Q, exact
    forward    the simulation from N to Q
    backward   the simulation from N' to Q
    own        where kinks made it: what the units of Q are in its classes (docs/beyond.md); else empty
    lumped     the hidden neurons that lumping alone leaves
    """

    original: Network
    reduced: Network
    quotient: Network
    forward: Simulation
    backward: Simulation
    layers: tuple[LayerReport, ...]
    own: Simulation = field(default_factory=dict)
    lumped: int = 0

    def __repr__(self) -> str:
        return f"Reduction({self.original.neurons} -> {self.reduced.neurons} hidden neurons)"


def reduce(
    network: Network,
    dtype: str | None = None,
    engine: str | None = None,
    find: Classifier | None = None,
    *,
    rules: str = "lumping",
    skips: bool = False,
) -> Reduction:
    """The network reduced as far as the rules go, written in numbers of one type.

    dtype: "float32", "float64", "float16" or "bfloat16"; "decimal" (numbers with a terminating expansion); "exact";
    or None for the network's own.  Sums that do not fit a float type are split into pieces on copies of units, or
    else the merge is declined and counted.  Raises CannotWrite when even the unmerged network does not fit.
    engine: "exact" or "fast", which find the same (docs/fast.md); None: fast for large networks, or with `find`.
    find: see `fast.maximum_lumping`; FormatError with the exact engine.
    rules: "lumping" for Definition 6 with constants and fusion alone; "all", which `exactlump.reduce` and the verb
    take where nothing else is asked for, also looks for kinks (docs/beyond.md) and takes the smaller result.
    skips: whether layers of the result may read any layer below, where that leaves fewer neurons; FormatError with
    "lumping", which leaves the layers as they are.
    """
    if rules not in RULE_SETS:
        raise FormatError(f"rules: found {rules!r}, expected {' or '.join(RULE_SETS)}")
    if skips and rules != "all":
        raise FormatError(f"rules: found {rules!r} with skips, expected 'all'")
    plan, numbers = first_plan(network, engine, find), dtype or network.dtype
    best = _best_by_arrays(network, numbers, plan) or _best(network, numbers, plan)
    bent = by_kinks(network, numbers, best.written.network.neurons, skips=skips) if rules == "all" else None
    if bent is not None:
        return Reduction(
            original=network,
            reduced=bent.reduced,
            quotient=bent.chain.network,
            forward=bent.chain.forward,
            backward=bent.backward,
            layers=bent.layers,
            own=bent.chain.own,
            lumped=best.written.network.neurons,
        )
    return Reduction(
        original=network,
        reduced=replace(best.written.network, notes=()),
        quotient=best.state.network,
        forward=best.state.whole.simulation,
        backward=best.written.simulation,
        layers=reports(network, best),
        lumped=best.written.network.neurons,
    )


def exact_quotient(network: Network) -> Step:
    """The exact quotient Q of a network, and the simulation from the network to it."""
    return settled(State(Plan("exact"), network), RULES).whole


def _best(network: Network, dtype: str, plan: Plan, tries: int = 3) -> Outcome:
    """The written network with the fewest neurons; of equals, the one with fewer fused layers.

    tries: how many times in a row the alternative to leaving layers unfused is tried, which keeps the whole polynomial.
    """
    while True:
        state = settled(State(plan, network), RULES)
        written = write_in(dtype, network, state.whole, state.all_derived, plan.copied)
        if isinstance(written, Written):
            return Outcome(state, written)
        plan = plan.without(written)
        if written.fused:
            return _with_or_without(network, dtype, plan, written, tries)


def _best_by_arrays(network: Network, dtype: str, plan: Plan) -> Outcome | None:
    """What the fast engine makes without rationals, where it can: then nothing is fused, split or declined."""
    found = reduce_chain(network, dtype, plan.find) if plan.engine == "fast" else None
    return found and Outcome(State(plan, network, found[0]), found[1])


def _with_or_without(network: Network, dtype: str, plan: Plan, misfit: Misfit, tries: int) -> Outcome:
    """Fused products that do not fit: leave the layers unfused, or else copy the kept tensors and split the classes."""
    plain = _best(network, dtype, plan.without_fusions(misfit), tries)
    copied = plan.with_copies(misfit)
    if not tries or copied is None:
        return plain
    try:
        fused = _best(network, dtype, copied, tries - 1)
    except CannotWrite:
        return plain
    return fused if fused.written.network.neurons < plain.written.network.neurons else plain
