# SPDX-License-Identifier: Apache-2.0
"""This file is about Definition 6, corrected, and Theorem 2: the maximum proportional exact lumpability.

    rho_l(v) * b_l(v)                                = rho_l(t) * b_l(t)
    rho_l(v) * sum_{u in S'} W_l(u, v) / rho_{l-1}(u) = rho_l(t) * sum_{u in S'} W_l(u, t) / rho_{l-1}(u)

for all v, t of a class and every live class S' of the layer below.  The paper prints the second line
without 1/rho_{l-1}(u), and then Theorem 1 fails (docs/erratum.md); `is_lumping` decides either.
This is the reference engine: SymPy's field QQ, nothing else.

Throughout: u, v, t neurons; rho[v] > 0 (negative only where the activation allows it); a neuron
with an all-zero vector is *dead*, the others are *live*.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from exactlump.errors import NoExactValue
from exactlump.lumping.forms import Atom, Form, Forms
from exactlump.lumping.simulations import NULL, Relation, constant, entry, forms_of
from exactlump.network.kinds import Function, mixing
from exactlump.network.layers import anchors
from exactlump.network.meaning import Anchored, meets_zeros
from exactlump.network.program import Network
from exactlump.numbers.rational import ONE, Rational, Vector, fraction
from exactlump.showing import Shown

Classes = tuple[tuple[int, ...], ...]
# How many layers are shown.
_SHOWN = 4


@dataclass(frozen=True, slots=True)
class Lumping(Shown):
    """A relation R with its scale factors, for every anchored tensor of a network.

    classes[tensor]    the live classes, each in ascending order, by least member
    rho[tensor]        one factor a neuron: rho(v) * val(v) is the same throughout a class
    constants[tensor]  {neuron: its value at every input}; the dead neurons, and those folded (T4)
    """

    classes: Mapping[str, Classes]
    rho: Mapping[str, Vector]
    constants: Mapping[str, Mapping[int, Rational]]

    def __repr__(self) -> str:
        sizes = {t: (len(self.rho[t]), len(members)) for t, members in self.classes.items()}
        words = [f"{t}: {n} -> {k}" for t, (n, k) in sizes.items() if k < n]
        more = f", and {len(words) - _SHOWN} more" if len(words) > _SHOWN else ""
        return f"Lumping({', '.join(words[:_SHOWN]) or 'the identity'}{more})"


@dataclass(frozen=True, slots=True)
class Choices:
    """What the maximum is taken under.

    derived   linear layers without classes of their own, fused into the layer above
    apart     neurons that may share a class with no other, (tensor, neuron)
    unfolded  neurons that are not to be treated as constants, (tensor, neuron)
    """

    derived: frozenset[str] = frozenset()
    apart: frozenset[tuple[str, int]] = frozenset()
    unfolded: frozenset[tuple[str, int]] = frozenset()


NO_CHOICES = Choices()


# A class under construction: its members, each with its ratio to the first.
Group: TypeAlias = list[tuple[int, Rational]]
# How the classes of one layer are found, given the forms of what is below; and its constants.
Classifier: TypeAlias = Callable[[Network, str, Forms, bool, Choices], tuple[list[Group], dict[int, Rational]]]


def maximum_lumping(
    network: Network, *, fold: bool = False, choices: Choices = NO_CHOICES, classify: Classifier | None = None
) -> Lumping:
    """The unique maximum proportional exact lumpability (Theorem 2; D1 and T2 of the corrected theory).

    Layer by layer from the inputs: fold every neuron's row over the classes below, and put neurons with
    positively proportional rows and the same activation together.  With `fold`, neurons whose row has
    no weights left are constants, known to the layer above (T4); without, as in the paper, only dead ones are.
    `classify` may find the classes of a layer in another way than `classes_by_keys`, the reference.
    """
    find = classify or classes_by_keys
    forms = Forms(network)
    classes: dict[str, Classes] = {}
    rho: dict[str, Vector] = {}
    constants: dict[str, dict[int, Rational]] = {}
    for tensor, kept in anchors(network, choices.derived).items():
        if tensor not in network.producer or kept is not None:
            groups, constants[tensor] = _singletons(network.units(tensor)), {}
        else:
            groups, constants[tensor] = find(network, tensor, forms, fold, choices)
        classes[tensor] = tuple(tuple(v for v, _ in group) for group in groups)
        rho[tensor] = _factors(network.units(tensor), groups)
        relation = relation_of(tensor, classes[tensor], rho[tensor], constants[tensor])
        forms.known[tensor] = forms_of(tensor, relation)
    return Lumping(classes, rho, constants)


def _singletons(units: int) -> list[Group]:
    return [[(v, ONE)] for v in range(units)]


def _factors(units: int, groups: Sequence[Group]) -> Vector:
    rho = [ONE] * units
    for group in groups:
        for v, ratio in group[1:]:
            rho[v] = ONE / ratio
    return tuple(rho)


def classes_by_keys(
    network: Network, tensor: str, forms: Forms, fold: bool, choices: Choices
) -> tuple[list[Group], dict[int, Rational]]:
    """The classes of one layer, given the classes below, and its constants: equal keys, equal classes."""
    node = network.producer[tensor]
    padded = meets_padding(network, tensor)
    groups: dict[object, Group] = {}
    leads: dict[object, Rational] = {}
    constants: dict[int, Rational] = {}
    moves = forms.moves(tensor)
    for v in range(network.units(tensor)):
        if (single := _lone_atom(moves(v))) is not None and (tensor, v) not in choices.apart:
            atom, lead = single
            first = leads.setdefault(atom, lead)
            groups.setdefault(atom, []).append((v, ONE if lead == first else lead / first))
            continue
        form, sigma = forms.before(tensor, v), node.function(v)
        assert not isinstance(sigma, str)
        value = None if (tensor, v) in choices.unfolded else constant_value(form, sigma, fold, padded)
        if value is not None:
            constants[v] = value
            continue
        key, lead = canonical_key(form, sigma)
        if (tensor, v) in choices.apart:
            key = v
        first = leads.setdefault(key, lead)
        groups.setdefault(key, []).append((v, sigma.scaling(lead / first)))
    return list(groups.values()), constants


def _lone_atom(form: Form | None) -> tuple[Atom, Rational] | None:
    """The atom that a form is a multiple of, and the factor: the key of a unit that only moves, and its size."""
    if form is None or len(form.terms) != 1 or form.constant:
        return None
    ((atom, factor),) = form.terms.items()
    return atom, factor


def meets_padding(network: Network, tensor: str) -> bool:
    """Whether zero padding may be put around a tensor, before weights mix its units: then only 0 is folded.

    (A constant next to padding is no constant: a kernel of three ones over 1, 1, 1 makes 2, 3, 2.)
    """
    for node in network.consumers[tensor]:
        found = network.parts(node)
        if isinstance(found, Anchored):
            continue
        if meets_zeros(found) or (mixing(node) is None and meets_padding(network, node.target)):
            return True
    return False


def constant_value(form: Form, sigma: Function, fold: bool, padded: bool = False) -> Rational | None:
    """The value of a neuron whose row is empty, if it is to be folded: always when it is dead.

    padded: whether it may meet padding, which is the same image only for 0.
    """
    if form.terms:
        return None
    try:
        value = sigma(form.constant)
    except NoExactValue:
        return None
    foldable = fold and not (padded and value)
    return value if foldable or (form.constant == 0 and value == 0) else None


def canonical_key(form: Form, sigma: Function) -> tuple[object, Rational]:
    """A key equal for two rows exactly when they may share a class, and the row's size along the key.

    The row divided by its first entry (by its absolute value, where sigma takes positive factors only); zero as it is.
    Complete: equal keys if and only if proportional by a scaling of sigma (Theorem 2).
    """
    lead = form.terms[min(form.terms)] if form.terms else form.constant or ONE
    size, sign = abs(lead), ONE if lead > 0 else -ONE
    lead = (size if sigma.scales else ONE) * (sign if sigma.signed else ONE)
    entries = frozenset((atom, *fraction(w / lead)) for atom, w in form.terms.items())
    return (sigma, entries, *fraction(form.constant / lead)), lead


def relation_of(tensor: str, classes: Classes, rho: Vector, constants: Mapping[int, Rational]) -> Relation:
    """The rows that a lumping gives the neurons of a tensor: class k is the value of its first member."""
    rows = [NULL] * len(rho)
    for v, value in constants.items():
        rows[v] = constant(value)
    for k, (first, *others) in enumerate(classes):
        rows[first] = entry(k, ONE)
        for v in others:
            rows[v] = entry(k, rho[first] / rho[v])
    return Relation(tensor if classes else None, tuple(rows))
