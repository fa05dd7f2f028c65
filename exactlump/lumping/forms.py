# SPDX-License-Identifier: Apache-2.0
"""This file is about forms: what a unit is, as an affine combination of units further down.

An *atom* is a unit of an anchored tensor.  Where units are images, an atom is followed by the *lifts* that have been
applied to it, innermost first: elementary linear operators on images, such as one tap of a convolution.  The constant
of a form is the same at every position; what padding makes of a constant is a lifted ONE instead, so that a constant
never meets padding unseen.  Two units with equal forms are equal at every input.

Throughout: v, u units; k a class; t a tap.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

from exactlump.network.kinds import Conv, Dense, Node, Opaque, mixing
from exactlump.network.meaning import Anchored, Lift, LiftKey, Part, tap
from exactlump.network.program import Network
from exactlump.network.windows import Window
from exactlump.numbers.rational import ONE, ZERO, Rational, SparseRow

# (tensor, unit, key of a lift, ...); a free unit v of N has the first key FREE_UNIT.
Atom: TypeAlias = tuple[Any, ...]
FREE_UNIT: LiftKey = ("free", "", 0)
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

    def lifted(self, lift: Lift | None) -> "Form":
        """The form after a lift (None: the identity)."""
        if lift is None:
            return self
        terms = {(*atom, lift.key): w for atom, w in self.terms.items()}
        if lift.keeps_constants or not self.constant:
            return Form(terms, self.constant)
        return Form(terms | {(*ONES, lift.key): self.constant}, ZERO)


def combine(row: SparseRow, bias: Rational, source: Sequence[Form]) -> Form:
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


class Forms:
    """The forms of all tensors of a network, given those of the anchored ones; the others are derived."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.known: dict[str, Sequence[Form]] = {}
        self.columns: dict[tuple[str, Window], Sequence[Form]] = {}
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
        """The form of unit v as the node that defines the tensor computes it, before any function.

        Dense and Conv nodes have rows of their own, as those of large layers are many.
        """
        node = self.network.producer[tensor]
        if (mixes := mixing(node)) is not None:
            return combine(mixes.weight.row(v), mixes.bias[v], self.read(mixes))
        return self._summed(node, v)

    def moves(self, tensor: str) -> Callable[[int], Form | None]:
        """For each unit of a tensor the form of the unit below that it is; None where it is another thing."""
        node = self.network.producer[tensor]
        found = self.network.parts(node) if node.affine and mixing(node) is None else None
        if found is None or isinstance(found, Anchored):
            return lambda _: None
        of, below = found.of, [self.of(name) for name in node.reads]

        def at(v: int) -> Form | None:
            made, constant = of(v)
            if len(made) != 1 or constant:
                return None
            ((weight, source, unit, lift),) = made
            return below[source][unit] if lift is None and weight == 1 else None

        return at

    def _summed(self, node: Node, v: int) -> Form:
        """The form of a unit by what its node means; of a head what it reads in that place."""
        found = self.network.parts(node)
        if isinstance(node, Opaque):
            return Form({(node.target, v): ONE}, ZERO)
        if isinstance(found, Anchored):
            return self.unit(found.sources[0], v)
        made, constant = found.of(v)
        own = [self.unit(node.reads[part.source], part.unit) for part in made]
        if len(own) > 1 and _is_constant_image(made, own):
            return own[0]
        lifted = [form.lifted(part.lift) for part, form in zip(made, own, strict=True)]
        if len(lifted) == 1:
            form = lifted[0].scaled(made[0].weight)
            return Form(form.terms, form.constant + constant) if constant else form
        return combine({i: part.weight for i, part in enumerate(made)}, constant, lifted)

    def read(self, node: Dense | Conv) -> Sequence[Form]:
        """What the columns of a weight stand for."""
        return self.of(node.source) if node.window is None else self.taps(node.source, node.window)

    def taps(self, tensor: str, window: Window) -> Sequence[Form]:
        """For column u*T + t of a convolution: tap t of unit u, computed once."""
        if (tensor, window) not in self.columns:
            lifts = [tap(window, t) for t in range(window.taps)]
            self.columns[tensor, window] = [form.lifted(lift) for form in self.of(tensor) for lift in lifts]
        return self.columns[tensor, window]


def _is_constant_image(made: Sequence[Part], own: Sequence[Form]) -> bool:
    """Whether elements that are put together to an image are all one constant: then so is the image."""
    put = all(part.lift is not None and part.lift.key[0] == "put" for part in made)
    return put and not any(form.terms for form in own) and len({form.constant for form in own}) == 1


def atoms_below(node: Node, forms: Forms) -> list[Form]:
    """The forms of all units of all sources of a node."""
    return [form for name in node.reads for form in forms.of(name)]
