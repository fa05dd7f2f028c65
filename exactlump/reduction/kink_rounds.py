# SPDX-License-Identifier: Apache-2.0
"""This file is about kinks as a rule of reduction: the normal form of a network, written, where it is smaller."""

import math
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from exactlump.errors import CannotWrite
from exactlump.lumping.forms import Form
from exactlump.lumping.kink_flaws import flaw_of
from exactlump.lumping.kinks import Bent, Constant, Finder, NormalForm, Placed
from exactlump.lumping.simulations import Affine, Elsewhere, Relation, Row, Signed, Simulation, Twin, entry, identity
from exactlump.network.kinds import Activate
from exactlump.network.layers import end_of_layer
from exactlump.network.program import Network
from exactlump.numbers import floats
from exactlump.numbers.rational import ONE, Rational
from exactlump.reduction.float_sums import Written, write_in
from exactlump.reduction.kink_chains import KinkChain, is_plain, kink_chain
from exactlump.reduction.kink_images import image_chain, image_of
from exactlump.reduction.kink_signs import worth_a_look
from exactlump.reduction.kink_skips import skip_network
from exactlump.reduction.quotient import Step, content_of
from exactlump.reduction.reports import LayerReport

# Whether twins, known signs, and known signs of lines are looked for: the most first.  Each is tried, until nothing has
# to be carried; lines of images, which layers above may have to read by taps of taps, more often.
_WAYS = ((True, True, True), (True, False, False), (False, True, True), (False, False, False))
_IMAGES = (_WAYS[0], (True, True, False), *_WAYS[1:])
# How often kinks are turned round in search of more that cancels.
_TURNS = 2


@dataclass(frozen=True, slots=True)
class KinkOutcome:
    """The normal form as a chain Q, and N' written of it.

    backward  what the units of N' are in the classes of Q
    """

    chain: KinkChain
    reduced: Network
    backward: Simulation
    layers: tuple[LayerReport, ...]


def by_kinks(network: Network, dtype: str, most: int, *, skips: bool = False) -> KinkOutcome | None:
    """The normal form over kinks written in numbers of one type, if it has fewer than `most` hidden neurons.

    skips: whether a layer may read any layer below (`kink_skips`), where that leaves fewer of them.

    None as well where it is not looked for (`is_plain`; weights stored as integers, whose rows would be other ones),
    cannot be written, has more parameters than the network, or has a flaw by the reference check.
    """
    if not most or (network.origin is not None and network.origin.steps):
        return None
    image = image_of(network)
    if not (is_plain(network) or image is not None) or not worth_a_look(network, most):
        return None
    best = None
    for twins, signs, lines in _WAYS if image is None else _IMAGES:
        finder, normal, chain = normal_chain(network, dtype, image, twins=twins, signs=signs, lines=lines)
        for form in (chain, skip_network(network, finder.kinks, normal) if skips and image is None else None):
            if form is not None and form.network.neurons < most:
                found = _outcome(network, dtype, most, normal, form, image)
                if found is not None:
                    best, most = found, found.reduced.neurons
        if chain is not None and chain.network.neurons == len(normal.needed()):
            break
    return best


def normal_chain(
    network: Network, dtype: str, image: str | None = None, *, twins: bool, signs: bool, lines: bool
) -> tuple[Finder, NormalForm, KinkChain | None]:
    """The normal form with the fewest units as a chain, of those with some kinks turned round."""
    tried, turned = [], frozenset[object]()
    for _ in range(1 + _TURNS):
        finder = Finder(twins=twins, signs=signs, lines=lines, turned=turned, measure=_measure(dtype))
        normal = finder.normal_form(network, image=image)
        chain = _chain(network, finder, normal, image)
        tried.append((finder, normal, chain))
        more = finder.to_turn()
        if more == turned or (chain is not None and chain.network.neurons == len(normal.needed())):
            break
        turned = more
    return min(tried, key=lambda one: one[2].network.neurons if one[2] is not None else math.inf)


def _chain(network: Network, finder: Finder, normal: NormalForm, image: str | None) -> KinkChain | None:
    return kink_chain(network, finder, normal) if image is None else image_chain(network, finder, normal, image)


def _measure(dtype: str) -> Callable[[Form], Rational]:
    """What rows are divided by that are no floats of the type: then they are integers times a power of two."""
    if dtype not in floats.FLOAT_TYPES:
        return lambda _: ONE

    def measure(form: Form) -> Rational:
        content = ONE if all(floats.fits(w, dtype) for w in form.terms.values()) else content_of(form)
        return ONE if floats.pieces(form.constant / content, dtype) is None else content

    return measure


def _outcome(
    network: Network, dtype: str, most: int, normal: NormalForm, chain: KinkChain, image: str | None
) -> KinkOutcome | None:
    """The chain written, if it is small enough, and its rows have no flaw."""
    q = chain.network
    whole = {t: identity(t, q.units(t)) for t in q.shapes if t in q.producer and (t in chain.own or t in q.outputs)}
    written = _written(dtype, q, Step(q, whole))
    if written is None or written.network.neurons >= most:
        return None
    if written.network.parameters > network.parameters:
        return None
    backward = {t: _through(t, r, chain.own[t]) for t, r in written.simulation.items() if t in chain.own}
    pairs = (network, chain.forward), (written.network, backward)
    if any(flaw_of(n, q, rows, chain.own, image) for n, rows in pairs):
        return None
    return KinkOutcome(chain, written.network, backward, _reports(network, normal, chain, written.network))


def _written(dtype: str, q: Network, step: Step) -> Written | None:
    """Q in numbers of one type; with copies of the inputs where they must be."""
    for copied in (), q.ports:
        try:
            found = write_in(dtype, q, step, (), copied, freely=True)
        except CannotWrite:
            continue
        if isinstance(found, Written):
            return found
    return None


def _through(tensor: str, written: Relation, own: Relation) -> Relation:
    """The rows of a tensor of N', by what its units are of the units of Q."""
    rows: list[Row] = []
    for row in written.rows:
        assert row.single is not None
        u, c = row.single
        rows.append(_times(own.rows[u], c))
    return Relation(tensor, tuple(rows))


def _times(row: Row, c: Rational) -> Row:
    """The row of c times a unit, for a factor that its function takes."""
    match row:
        case Affine() if row.single is not None:
            k, h = row.single
            return entry(k, c * h)
        case Twin():
            return Twin(row.tensor, row.k, c * row.factor)
        case Signed():
            return Signed(row.linear, tuple((tensor, k, c * b) for tensor, k, b in row.facts))
    assert isinstance(row, Elsewhere)
    return Elsewhere(row.tensor, row.k, c * row.factor)


# Reports.


def _reports(network: Network, normal: NormalForm, chain: KinkChain, written: Network) -> tuple[LayerReport, ...]:
    """One row for each hidden layer of N, and one for each layer of N' that carries something or holds copies."""
    return (*_of_original(network, normal), *_of_carriers(chain, written, _first_met(normal)))


def _first_met(normal: NormalForm) -> dict[int, str]:
    """The tensor of N in which each kink that is needed was met first."""
    needed, first = set(normal.needed()), dict[int, str]()
    for tensor, units in normal.units.items():
        for unit in units:
            if isinstance(unit, Placed) and unit.kink in needed:
                first.setdefault(unit.kink, tensor)
    return first


def _of_original(network: Network, normal: NormalForm) -> Iterator[LayerReport]:
    first = _first_met(normal)
    here = Counter(first.values())
    for mixing in network.hidden:
        tensor, before = end_of_layer(network, mixing), network.units(mixing)
        if not isinstance(network.producer.get(tensor), Activate):
            yield LayerReport(tensor, before, 0, fused=True, why_not_more="fused into the layer above")
            continue
        units = normal.units[tensor]
        constants = [unit.value for unit in units if isinstance(unit, Constant)]
        bent = [unit.linear for unit in units if isinstance(unit, Bent)]
        placed = [unit for unit in units if isinstance(unit, Placed)]
        unseen = sum(unit.kink not in first for unit in placed)
        twins = sum(unit.twin and unit.kink in first for unit in placed)
        kept = here[tensor]
        yield LayerReport(
            name=tensor,
            before=before,
            after=kept,
            zero=sum(not value for value in constants) + bent.count(False),
            constant=sum(map(bool, constants)),
            unobservable=unseen,
            merged=len(placed) - unseen - twins - kept,
            twins=twins,
            linear=bent.count(True),
            why_not_more=_why(kept),
        )


def _why(kept: int) -> str:
    if not kept:
        return "nothing is left"
    if kept == 1:
        return "1 kink: its sign is not known, and outputs depend on it"
    return f"{kept} kinks: no two are parallel or antiparallel, no sign is known, and outputs depend on all"


def _of_carriers(chain: KinkChain, written: Network, first: dict[int, str]) -> Iterator[LayerReport]:
    for tensor, own in chain.own.items():
        kinks = sum(row.single is not None and row.single[1] == ONE for row in own.rows)
        units = written.units(tensor)
        if extra := units - min(kinks, units):
            why = "carries what layers above it read, and holds copies for the pieces of sums"
            yield LayerReport(tensor, 0, extra, copies=units - len(own.rows), why_not_more=why)
