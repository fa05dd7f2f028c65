# SPDX-License-Identifier: Apache-2.0
"""This file is about two networks with a common exact quotient: whether their quotients are the same one.

Quotients are unique up to the order of their units and one admissible factor a unit (T2), so they are compared row by
row from the inputs upwards: every unit above must be an admissible multiple of one unit of the other quotient.  What is
found is a simulation, and counts only when `find_flaw`, or the checker, has accepted it.
"""

from dataclasses import dataclass
from typing import TypeAlias

from exactlump.errors import NoExactValue
from exactlump.lumping.flaws import find_flaw, same_head
from exactlump.lumping.forms import Forms
from exactlump.lumping.maximum import canonical_key
from exactlump.lumping.simulations import (
    Relation,
    Row,
    Simulation,
    compose,
    constant,
    entry,
    forms_of,
    identity,
    related,
)
from exactlump.network.kinds import Function, Node
from exactlump.network.program import Network
from exactlump.numbers.rational import Rational
from exactlump.reduction.loop import exact_quotient


@dataclass(frozen=True, slots=True)
class Common:
    """Simulations from two networks to one exact quotient, which is the second network's own."""

    quotient: Network
    forward: Simulation
    backward: Simulation


# A row up to admissible factors -> for each tensor that has it, the units that have it, each with its factor.
_Images: TypeAlias = dict[str, dict[int, Rational]]
_Known: TypeAlias = dict[object, _Images]


def common_quotient(a: Network, b: Network) -> Common | None:
    """The exact quotient that two networks share; None when theirs differ.

    The reference check has accepted both simulations, so the networks compute the same function (T5).
    """
    one, other = exact_quotient(a), exact_quotient(b)
    between = isomorphism(one.network, other.network)
    if between is None:
        return None
    forward, backward = _derived(a, compose(one.simulation, between)), _derived(b, other.simulation)
    if find_flaw(a, other.network, forward) or find_flaw(b, other.network, backward):
        return None
    return Common(other.network, forward, backward)


def _derived(network: Network, simulation: Simulation) -> Simulation:
    """The same without rows for affine tensors: both sides express what is above in the same units below them."""
    return {tensor: relation for tensor, relation in simulation.items() if not network.producer[tensor].affine}


def isomorphism(a: Network, b: Network) -> Simulation | None:
    """A simulation from a to b that gives every unit of an activation of a one unit of b; None when there is none."""
    if [a.units(p.name) for p in a.inputs] != [b.units(p.name) for p in b.inputs] or len(a.outputs) != len(b.outputs):
        return None
    left, right = Forms(a), Forms(b)
    for ours, theirs in zip(a.inputs, b.inputs, strict=True):
        left.known[ours.name] = right.known[theirs.name]
    known = _rows(b, right)
    found: dict[str, Relation] = {}
    wanted = dict(zip(a.outputs, b.outputs, strict=True))
    for node in a.nodes:
        if node.affine:
            continue
        if node.mixes_all:
            relation = _head_image(node, left, b, right)
        else:
            relation = _image(node, left, known, wanted.get(node.target))
        if relation is None:
            return None
        found[node.target] = relation
        left.known[node.target] = forms_of(node.target, relation)
    return found if find_flaw(a, b, found) is None else None


def _rows(network: Network, forms: Forms) -> _Known:
    """The rows of all activations of a network, whose units become atoms."""
    known: _Known = {}
    for node in network.nodes:
        if node.affine:
            continue
        for k in range(network.units(node.target)):
            sigma = node.function(k)
            if not isinstance(sigma, str):
                key, lead = canonical_key(forms.before(node.target, k), sigma)
                known.setdefault(key, {}).setdefault(node.target, {})[k] = lead
        forms.anchor(node.target)
    return known


def _image(node: Node, forms: Forms, known: _Known, wanted: str | None) -> Relation | None:
    """The relation of an activation to the one tensor that has all of its rows, but for constants.

    wanted: that tensor, where the activation is an output.  Unit v goes to unit v where it can: the units of kept
    tensors need not differ from each other.
    """
    found: list[tuple[_Images, Rational, Rational | None]] = []
    functions = [node.function(v) for v in range(forms.network.units(node.target))]
    for v, sigma in enumerate(functions):
        assert not isinstance(sigma, str)
        form = forms.before(node.target, v)
        key, lead = canonical_key(form, sigma)
        found.append((known.get(key, {}), lead, None if form.terms else _constant(sigma, form.constant)))
    shared = [set(images) for images, _, value in found if value is None] or [
        {t for images, *_ in found for t in images}
    ]
    tensors = set.intersection(*shared)
    over = wanted if wanted in tensors else min(tensors, default=None)
    rows: list[Row] = []
    for v, (images, lead, value) in enumerate(found):
        units = images.get(str(over), {})
        if units:
            k = v if v in units else min(units)
            rows.append(entry(k, _scaling(functions[v], lead / units[k])))
        elif value is not None:
            rows.append(constant(value))
        else:
            return None
    return related(over, rows)


def _scaling(sigma: Function | str, c: Rational) -> Rational:
    """What comes out of a scaling by c; equal keys promise that there is something."""
    assert not isinstance(sigma, str)
    return sigma.scaling(c)


def _constant(sigma: Function, y: Rational) -> Rational | None:
    try:
        return sigma(y)
    except NoExactValue:
        return None


def _head_image(node: Node, left: Forms, b: Network, right: Forms) -> Relation | None:
    """The relation of a head to one of the same kind on the same forms; likewise of opaque operators."""
    found = (head.target for head in b.nodes if head.mixes_all and same_head(node, head, left, right))
    target = next(found, None)
    return None if target is None else identity(target, b.units(target))
