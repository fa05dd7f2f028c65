# SPDX-License-Identifier: Apache-2.0
"""This file is about kinks: every unit of a network as an exact sum of inputs and of bent functions.

A *kink* is sigma(m) for a form m over the inputs and lower kinks.  From the inputs upwards, a unit with the form v
before its function is

    a constant            where v is one
    v itself, or 0        where sigma is bent at 0 only and the sign of v is known (K2 of docs/trust.md)
    h * K                 where v = c*m for the kink K = sigma(m), and sigma takes c to h (T1)
    h * K + L*v           where v = -c*m, and sigma(y) - sigma(-y) = L*y (K1)
    a new kink            else, with m = v: orientation and size are those of the unit met first

So proportional, antiparallel, always active, dead and unobservable units, sums that cancel and affine layers in a row
are one thing.  Equal sums are equal functions; of networks with more than one hidden layer the converse is not claimed.
"""

from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import NamedTuple

from exactlump.errors import NoExactValue
from exactlump.lumping.forms import ONES, Atom, Form, Forms, combine
from exactlump.network.activations import RELU, Activation
from exactlump.network.program import Network
from exactlump.numbers.rational import ONE, ZERO, Rational, fraction

# The tensors of the atoms of kinks sigma(m), and of the lines m, which no network has.
KINKS, LINES = "\0kinks", "\0lines"
_TWINS = ("gelu", "gelu_tanh", "silu", "softplus", "log_sigmoid", "hard_swish")


class Kink(NamedTuple):
    """sigma(form); level: how many kinks lie below each other, itself included."""

    sigma: Activation
    form: Form
    level: int


@dataclass(frozen=True, slots=True)
class Placed:
    """What a unit is of a kink: before its function `ratio` times the kink's form; after it `factor` times the kink,
    and, where the ratio is negative and not one that the function takes, L times its own form besides (a twin)."""

    kink: int
    ratio: Rational
    factor: Rational
    twin: bool


@dataclass(frozen=True, slots=True)
class Bent:
    """A unit whose sign is known: its form, or 0.  facts: (ReLU kink, multiplier), see `known_sign`."""

    linear: bool
    facts: tuple[tuple[int, Rational], ...] = ()


@dataclass(frozen=True, slots=True)
class Constant:
    """A unit that has one value."""

    value: Rational


Unit = Placed | Bent | Constant


@dataclass(slots=True)
class NormalForm:
    """A network over its kinks.

    units[tensor]  what each unit of an activation is
    outputs        the forms of the outputs' units, in order
    """

    kinks: list[Kink] = field(default_factory=list)
    units: dict[str, tuple[Unit, ...]] = field(default_factory=dict)
    outputs: list[Form] = field(default_factory=list)

    def needed(self) -> list[int]:
        """The kinks that some output depends on, ascending."""
        found: set[int] = set()
        todo = [k for form in self.outputs for k in kinks_of(form)]
        while todo:
            k = todo.pop()
            if k not in found:
                found.add(k)
                todo += kinks_of(self.kinks[k].form)
        return sorted(found)


def kinks_of(form: Form) -> list[int]:
    """The kinks that a form names."""
    return [atom[1] for atom in form.terms if atom[0] == KINKS]


def twin_law(sigma: Activation) -> Rational | None:
    """The L with sigma(y) - sigma(-y) = L*y for all y, if there is one (docs/certificate-format.md)."""
    if sigma.slope is not None:
        return ONE + sigma.slope
    if sigma.name in ("at_most", "thresholded_relu"):
        return None if sigma.parameters[0] else ONE
    return ONE if sigma.name in _TWINS else None


def never_negative(sigma: Activation) -> bool:
    """Whether no value is negative."""
    match sigma.name:
        case "leaky_relu":
            return bool(sigma.parameters[0] <= 0)
        case "at_least" | "clip" | "thresholded_relu":
            return bool(sigma.parameters[0] >= 0)
        case "quantize" | "quantize_floor":
            return bool(sigma.parameters[2] >= sigma.parameters[1])
        case name:
            return name in ("hard_sigmoid", "sigmoid", "exp", "softplus")


def line_above(sigma: Activation) -> bool:
    """Whether sigma(y) = y for all y >= 0."""
    match sigma.name:
        case "at_least":
            return bool(sigma.parameters[0] <= 0)
        case "thresholded_relu":
            return not sigma.parameters[0]
        case name:
            return name in ("leaky_relu", "elu", "celu")


def zero_below(sigma: Activation) -> bool:
    """Whether sigma(y) = 0 for all y <= 0."""
    if sigma.name == "thresholded_relu":
        return bool(sigma.parameters[0] >= 0)
    return sigma.name in ("leaky_relu", "at_least") and not sigma.parameters[0]


def readable(network: Network) -> bool:
    """Whether a normal form is known: no heads and no largest elements; names that are no kinks' own."""
    nodes = all(node.affine or node.functions for node in network.nodes)
    return nodes and not {KINKS, LINES} & {*network.ports}


class Finder:
    """The table of kinks, which several networks may share: then equal forms are equal functions across them.

    twins: whether antiparallel units become twins; signs: whether known signs are used; lines: also those >= 0
    turned: keys of kinks whose m is that of the unit met first with the other sign
    measure: what the form of a new kink is divided by, a positive number, where its function scales
    """

    def __init__(
        self,
        *,
        twins: bool = True,
        signs: bool = True,
        lines: bool = True,
        turned: AbstractSet[object] = frozenset(),
        measure: Callable[[Form], Rational] = lambda _: ONE,
    ) -> None:
        self.twins, self.signs, self.lines, self.turned, self.measure = twins, signs, lines, frozenset(turned), measure
        self.kinks: list[Kink] = []
        self.keys: dict[object, tuple[int, Rational]] = {}
        self.gains: dict[int, int] = {}
        self.images = False

    def normal_form(
        self, network: Network, inputs: Iterable[str] | None = None, image: str | None = None
    ) -> NormalForm:
        """The network over the kinks, if it is `readable`.

        inputs  the names that the atoms of its inputs have, when they are shared with another network
        image   what the input alone makes, and all else is made of: its units are atoms in place of the input's
        """
        forms, found = Forms(network), NormalForm(self.kinks)
        self.images = any(view.positions > 1 for view in network.views.values())
        for port, name in zip(network.inputs, inputs or network.ports, strict=True):
            forms.known[port.name] = tuple(Form({(name, u): ONE}, ZERO) for u in range(network.units(port.name)))
        if image is not None:
            forms.anchor(image)
        for node in network.nodes:
            if node.functions:
                pairs = [self.unit(forms.before(node.target, v), f) for v, f in enumerate(node.functions)]
                found.units[node.target] = tuple(unit for unit, _ in pairs)
                forms.known[node.target] = tuple(form for _, form in pairs)
            elif len(network.consumers[node.target]) > 1 or node.target in network.outputs:
                forms.of(node.target)
        found.outputs = [self.resolved(form) for name in network.outputs for form in forms.of(name)]
        return found

    def unit(self, form: Form, sigma: Activation) -> tuple[Unit, Form]:
        """What a unit with this form before its function is, and its form after it."""
        form = self.resolved(form)
        if not form.terms:
            try:
                value = sigma(form.constant)
                return Constant(value), Form({}, value)
            except NoExactValue:
                pass
        bent = self.bent(form, sigma) if self.signs and form.terms else None
        if bent is not None:
            return bent, form if bent.linear else Form({}, ZERO)
        return self.placed(form, sigma)

    def bent(self, form: Form, sigma: Activation) -> Bent | None:
        """A unit whose sign is known."""
        if self.lines and line_above(sigma) and (facts := self.known_sign(form)) is not None:
            return Bent(True, facts)
        if zero_below(sigma) and (facts := self.known_sign(form.scaled(-ONE))) is not None:
            return Bent(False, facts)
        return None

    def known_sign(self, form: Form) -> tuple[tuple[int, Rational], ...] | None:
        """Why a form is nowhere negative, if that is known: () where all its atoms are not, and its coefficients; else
        one (K, c), K = ReLU(m) its kink with coefficient c, where that holds of the form less c*(K - m) >= 0."""
        if self.is_nonnegative(form):
            return ()
        wrong = [(atom, w) for atom, w in form.terms.items() if w < 0 or not self.is_positive(atom)]
        for atom, c in form.terms.items():
            if c > 0 and atom[0] == KINKS and len(atom) == 2 and self.kinks[atom[1]].sigma == RELU:
                below = self.kinks[atom[1]].form
                if all(w + c * below.terms.get(other, ZERO) >= 0 for other, w in wrong):
                    rest = combine({0: ONE, 1: -c, 2: c}, ZERO, [form, Form({atom: ONE}, ZERO), below])
                    if self.is_nonnegative(rest):
                        return ((atom[1], c),)
        return None

    def is_nonnegative(self, form: Form) -> bool:
        """Whether all coefficients, and the constant, are >= 0, on atoms that are nowhere negative."""
        return form.constant >= 0 and all(w > 0 and self.is_positive(atom) for atom, w in form.terms.items())

    def is_positive(self, atom: Atom) -> bool:
        """Whether an atom is known to be nowhere negative: inputs are not; lifts keep that."""
        return atom[0] == ONES[0] or (atom[0] == KINKS and never_negative(self.kinks[atom[1]].sigma))

    def placed(self, form: Form, sigma: Activation) -> tuple[Placed, Form]:
        """What a unit is of a kink, which is made if it is new."""
        law = twin_law(sigma) if self.twins else None
        lead = form.terms[min(form.terms)] if form.terms else form.constant or ONE
        size = abs(lead) if sigma.scales else ONE
        sign = -ONE if lead < 0 and (sigma.signed or law is not None) else ONE
        scale = size * sign
        entries = frozenset((atom, *fraction(w / scale)) for atom, w in form.terms.items())
        key = (sigma, entries, *fraction(form.constant / scale))
        if key not in self.keys:
            level = 1 + max((self.kinks[k].level for k in kinks_of(form)), default=0)
            turn = -ONE if key in self.turned and law is not None else ONE
            turn = turn / self.measure(form) if sigma.scales else turn
            self.keys[key] = len(self.kinks), turn * scale
            self.kinks.append(Kink(sigma, form.scaled(turn), level))
        k, first = self.keys[key]
        ratio = scale / first
        factor = sigma.scaling(ratio)
        if factor is not None:
            return Placed(k, ratio, factor, False), Form({(KINKS, k): factor}, ZERO)
        factor = sigma.scaling(-ratio)
        assert factor is not None and law is not None
        if self.images:  # whose lines may meet padding
            return Placed(k, ratio, factor, True), combine(
                {0: factor, 1: law}, ZERO, [Form({(KINKS, k): ONE}, ZERO), form]
            )
        terms = {(KINKS, k): factor, (LINES, k): law * ratio}
        return Placed(k, ratio, factor, True), Form({atom: w for atom, w in terms.items() if w}, ZERO)

    def resolved(self, form: Form) -> Form:
        """A form with the lines of kinks written out; what turning each of these kinks round would gain is noted."""
        if self.images:
            return form
        lines = {atom[1]: w for atom, w in form.terms.items() if atom[0] == LINES}
        for k in {*lines, *kinks_of(form)} if self.twins else ():
            if law := twin_law(self.kinks[k].sigma):
                t = lines.get(k, ZERO)
                after = t + law * form.terms.get((KINKS, k), ZERO)
                self.gains[k] = self.gains.get(k, 0) + (not after) - (not t)
        if not lines:
            return form
        rest = Form({atom: w for atom, w in form.terms.items() if atom[0] != LINES}, form.constant)
        parts = [rest, *(self.kinks[k].form for k in lines)]
        return combine(dict(enumerate((ONE, *lines.values()))), ZERO, parts)

    def to_turn(self) -> frozenset[object]:
        """The keys of kinks that should be turned round: with K = sigma(-m) + L*m more lines cancel above."""
        return self.turned ^ {key for key, (k, _) in self.keys.items() if self.gains.get(k, 0) > 0}
