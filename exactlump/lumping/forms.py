# SPDX-License-Identifier: Apache-2.0
"""This file is about forms: what a unit is, as an affine combination of units further down.

An *atom* is a unit of an anchored tensor.  Where units are images, an atom is followed by the *lifts* that have been
applied to it, innermost first: elementary linear operators on images, such as one tap of a convolution.  The constant
of a form is the same at every position; what padding makes of a constant is a lifted ONE instead, so that a constant
never meets padding unseen.  Two units with equal forms are equal at every input.

Throughout: v, u units; k a class; t a tap; P positions, p one of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from exactlump.network.activations import IDENTITY, Activation
from exactlump.network.kinds import (
    Activate,
    Add,
    AveragePool,
    Conv,
    Dense,
    Head,
    MaxPool,
    Node,
    Pad,
    Reorder,
    Scale,
    Select,
    Shift,
    keeps_units,
    sources,
)
from exactlump.network.program import Network
from exactlump.network.views import View
from exactlump.network.windows import Window
from exactlump.numbers.rational import ONE, ZERO, Rational, SparseRow

# (tensor, unit, lift, ...); a free unit v of N has the first lift FREE_UNIT.
Atom: TypeAlias = tuple[Any, ...]
Lift: TypeAlias = tuple[str, str, int]
FREE_UNIT: Lift = ("free", "", 0)
ONES = ("", 0)  # the image that is 1 everywhere; only lifted


class Form(NamedTuple):
    """An affine form: sum of terms[atom] * atom, plus a constant.  No term is zero."""

    terms: dict[Atom, Rational]
    constant: Rational

    def scaled(self, c: Rational) -> "Form":
        """c times the form."""
        if c == 1:
            return self
        return Form({atom: c * w for atom, w in self.terms.items()} if c else {}, c * self.constant)

    def lifted(self, lift: Lift | None, keeps_constants: bool) -> "Form":
        """The form after a lift (None: the identity)."""
        if lift is None:
            return self
        terms = {(*atom, lift): w for atom, w in self.terms.items()}
        if keeps_constants or not self.constant:
            return Form(terms, self.constant)
        return Form(terms | {(*ONES, lift): self.constant}, ZERO)


@dataclass(frozen=True, slots=True)
class Largest:
    """What a MaxPool does to each unit: the largest value that its window sees."""

    window: Window

    scales = True
    signed = False

    def __call__(self, y: Rational) -> Rational:
        """A constant image stays what it is."""
        return y

    def scaling(self, c: Rational) -> Rational | None:
        """It commutes with c > 0."""
        return c if c > 0 else None

    def __str__(self) -> str:
        return f"max_pool({'x'.join(map(str, self.window.kernel))})"


Function: TypeAlias = Activation | Largest


def fold(row: SparseRow, bias: Rational, source: Sequence[Form]) -> Form:
    """The form of sum_u row[u] * source[u] + bias: the class sums of Definition 6, with 1/rho in the forms.

    Units whose form is empty (dead classes) contribute nothing.
    """
    terms: dict[Atom, Rational] = {}
    constant = bias
    for u, w in row.items():
        below = source[u]
        for atom, c in below.terms.items():
            terms[atom] = terms[atom] + w * c if atom in terms else w * c
        if below.constant:
            constant = constant + w * below.constant
    return Form({atom: c for atom, c in terms.items() if c}, constant)


def tap_lift(window: Window, tap: int) -> Lift | None:
    """The lift of one tap of a window; None for the identity."""
    return None if window.is_identity(tap) else ("tap", window.key, tap)


def position_lift(positions: int, p: int) -> Lift | None:
    """The lift that takes position p out of an image."""
    return None if positions == 1 else ("at", str(positions), p)


class Forms:
    """The forms of all tensors of a network, given those of the anchored ones; the others are derived."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.known: dict[str, Sequence[Form]] = {}
        self.columns: dict[tuple[str, Window], Sequence[Form]] = {}
        self.moved: dict[str, Sequence[Form]] = {}
        for port in network.inputs:
            self.anchor(port.name)

    def anchor(self, tensor: str) -> None:
        """Let the units of a tensor be atoms of their own."""
        units = self.network.units(tensor)
        self.known[tensor] = tuple(Form({(tensor, k): ONE}, ZERO) for k in range(units))

    def of(self, tensor: str) -> Sequence[Form]:
        """The forms of all units of a tensor, computed once."""
        if tensor not in self.known:
            self.known[tensor] = tuple(self.before(tensor, v) for v in range(self.network.units(tensor)))
        return self.known[tensor]

    def unit(self, tensor: str, v: int) -> Form:
        """The form of one unit."""
        return self.known[tensor][v] if tensor in self.known else self.before(tensor, v)

    def before(self, tensor: str, v: int) -> Form:
        """The form of unit v as the node that defines the tensor computes it, before any function."""
        node = self.network.producer[tensor]
        if isinstance(node, Dense):
            return fold(node.weight.row(v), node.bias[v], self.of(node.source))
        if isinstance(node, Conv):
            return fold(node.weight.row(v), node.bias[v], self.taps(node.source, node.window))
        if isinstance(node, Pad):
            return self.unit(node.source, v).lifted(tap_lift(node.window, 0), not node.window.pads(0))
        if isinstance(node, AveragePool):
            return self.unit(node.source, v).lifted(*_average(node))
        if isinstance(node, Add):
            parts = [self.unit(name, v) for name in node.sources]
            return fold({i: ONE * sign for i, sign in enumerate(node.signs)}, ZERO, parts)
        if isinstance(node, Select):
            i, u = node.picks[v]
            return self.unit(node.sources[i], u)
        if isinstance(node, Reorder):
            return self._reordered(node)[v]
        return _shifted(node, v, self.unit(node.source, v))

    def taps(self, tensor: str, window: Window) -> Sequence[Form]:
        """For column u*T + t of a convolution: tap t of unit u, computed once."""
        if (tensor, window) not in self.columns:
            lifts = [(tap_lift(window, t), not window.pads(t)) for t in range(window.taps)]
            self.columns[tensor, window] = [form.lifted(*lift) for form in self.of(tensor) for lift in lifts]
        return self.columns[tensor, window]

    def _reordered(self, node: Reorder) -> Sequence[Form]:
        """Units as they are; or images taken apart; or elements put together: computed once."""
        if node.target not in self.moved:
            view, target = self.network.views[node.source], self.network.views[node.target]
            self.moved[node.target] = _reordered(node, view, target, self.of(node.source))
        return self.moved[node.target]


def _reordered(node: Reorder, view: View, target: View, source: Sequence[Form]) -> Sequence[Form]:
    if keeps_units(node, view):
        return source
    order, parts = node.order(view.shape), view.parts()
    if target.positions == 1:
        return [_at(source[parts[e][0]], view.positions, parts[e][1]) for e in order]
    elements: list[list[Form]] = [[] for _ in range(target.units)]
    for (u, _), e in zip(target.parts(), order, strict=True):
        elements[u].append(source[e])
    return [_image(image) for image in elements]


def _at(form: Form, positions: int, p: int) -> Form:
    return form.lifted(position_lift(positions, p), keeps_constants=True)


def _image(elements: Sequence[Form]) -> Form:
    """The image whose elements have these forms."""
    size = str(len(elements))
    if not any(form.terms for form in elements) and len({form.constant for form in elements}) == 1:
        return elements[0]
    lifted = [form.lifted(("put", size, p), keeps_constants=False) for p, form in enumerate(elements)]
    return fold(dict.fromkeys(range(len(lifted)), ONE), ZERO, lifted)


def _average(node: AveragePool) -> tuple[Lift | None, bool]:
    window = node.window
    if window.taps == 1 and window.is_identity(0):
        return None, True
    even = not node.padding or window.cells(padding=True) == window.cells(padding=False)
    return ("average", window.key, int(node.padding)), even


def _shifted(node: Node, v: int, form: Form) -> Form:
    if isinstance(node, Scale):
        return form.scaled(node.factor[v])
    if isinstance(node, Shift):
        return Form(form.terms, form.constant + node.constant[v])
    return form


def function_of(node: Node, v: int) -> Function | str:
    """What the node does to unit v after its affine part; the identity for affine nodes."""
    if isinstance(node, Activate):
        return node.functions[v]
    if isinstance(node, MaxPool):
        return Largest(node.window)
    return node.kind if isinstance(node, Head) else IDENTITY


def is_affine(node: Node) -> bool:
    """Whether a node is affine: then its tensor may be derived."""
    return not isinstance(node, Activate | MaxPool | Head)


def atoms_below(node: Node, forms: Forms) -> list[Form]:
    """The forms of all units of all sources of a node."""
    return [form for name in sources(node) for form in forms.of(name)]
