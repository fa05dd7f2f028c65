# SPDX-License-Identifier: Apache-2.0
"""This file is about the witness: how every unit of one network stands in relation to another network.

A `Simulation` from N to Q says, for the *anchored* tensors of N, how each unit is made from the units
of one tensor of Q (docs/certificate-format.md, "row").  If every node of N respects that, N and Q
compute the same function (the simulation theorem, T5): `find_flaw` is that condition, written as
it is stated.  Lumping, constant folding and dropping are all simulations, and so is their composition.

Throughout: v, u units of N; k a unit of Q; an *atom* is (tensor of Q, k), or (tensor of N, u, "free").
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from exactlump.activation import IDENTITY, Activation
from exactlump.errors import NoExactValue
from exactlump.network import Activate, Dense, Head, Network, Node, Reorder, Scale, Shift
from exactlump.rational import ONE, ZERO, Rational, SparseRow, text

Atom: TypeAlias = tuple[str, int] | tuple[str, int, str]


class Form(NamedTuple):
    """An affine form: sum of terms[atom] * atom, plus a constant.  No term is zero."""

    terms: dict[Atom, Rational]
    constant: Rational

    def scaled(self, c: Rational) -> "Form":
        """c times the form."""
        if c == 1:
            return self
        return Form({atom: c * w for atom, w in self.terms.items()} if c else {}, c * self.constant)


@dataclass(frozen=True, slots=True)
class Affine:
    """The unit is sum(c * class k) + plus; no terms and no constant: the unit is 0."""

    terms: tuple[tuple[int, Rational], ...]
    plus: Rational


@dataclass(frozen=True, slots=True)
class Free:
    """The unit may have any value: nothing observable depends on it."""


@dataclass(frozen=True, slots=True)
class Same:
    """The unit is `factor` times the free unit `unit` of the same tensor."""

    unit: int
    factor: Rational


Row: TypeAlias = Affine | Free | Same
NULL = Affine((), ZERO)
FREE = Free()


def entry(k: int, c: Rational) -> Affine:
    """The row of a unit that is c times class k."""
    return Affine(((k, c),), ZERO)


@dataclass(frozen=True, slots=True)
class Relation:
    """One row per unit of a tensor of N, over the units of the tensor `over` of Q (None: no row names any)."""

    over: str | None
    rows: tuple[Row, ...]

    @property
    def is_identity(self) -> bool:
        """Whether unit v is once unit v of Q, for every v."""
        return all(row == entry(v, ONE) for v, row in enumerate(self.rows))


Simulation: TypeAlias = Mapping[str, Relation]


def forms_of(tensor: str, relation: Relation) -> tuple[Form, ...]:
    """The forms that the rows of a relation claim for the units of a tensor of N."""
    return tuple(_claimed(tensor, v, row, relation.over) for v, row in enumerate(relation.rows))


def _claimed(tensor: str, v: int, row: Row, over: str | None) -> Form:
    if isinstance(row, Affine):
        return Form({(str(over), k): c for k, c in row.terms}, row.plus)
    if isinstance(row, Same):
        return Form({(tensor, row.unit, "free"): row.factor}, ZERO)
    return Form({(tensor, v, "free"): ONE}, ZERO)


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


class Forms:
    """The forms of all tensors of a network, given those of the anchored ones; the others are derived."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.known: dict[str, Sequence[Form]] = {}
        self.orders: dict[str, tuple[int, ...]] = {}
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
        """The form of unit v as the node that defines the tensor computes it, before any activation."""
        node = self.network.producer[tensor]
        if isinstance(node, Dense):
            return fold(node.weight.row(v), node.bias[v], self.of(node.source))
        if isinstance(node, Reorder):
            if tensor not in self.orders:
                self.orders[tensor] = node.order(self.network.shapes[node.source])
            return self.of(node.source)[self.orders[tensor][v]]
        form = self.unit(node.source, v)
        if isinstance(node, Scale):
            return form.scaled(node.factor[v])
        if isinstance(node, Shift):
            return Form(form.terms, form.constant + node.constant[v])
        return form


def function_of(node: Node, v: int) -> Activation | str:
    """What the node does to unit v after its affine part; the identity for affine nodes."""
    if isinstance(node, Activate):
        return node.functions[v]
    return node.kind if isinstance(node, Head) else IDENTITY


def compose(first: Simulation, second: Simulation) -> dict[str, Relation]:
    """The simulation from N to Q2, of one from N to Q1 and one from Q1 to Q2.

    A tensor of Q1 that `second` does not mention is derived, and so becomes the tensor of N over it.
    """
    return {
        tensor: _through(relation, second.get(relation.over) if relation.over else Relation(None, ()))
        for tensor, relation in first.items()
        if relation.over is None or relation.over in second
    }


def _through(relation: Relation, second: Relation | None) -> Relation:
    assert second is not None
    rows: list[Row] = []
    free: dict[int, tuple[int, Rational]] = {}
    for v, row in enumerate(relation.rows):
        rows.append(_row_through(v, row, second.rows, free))
    named = any(isinstance(row, Affine) and row.terms for row in rows)
    return Relation(second.over if named else None, tuple(rows))


def _row_through(v: int, row: Row, second: tuple[Row, ...], free: dict[int, tuple[int, Rational]]) -> Row:
    """One row; `free` remembers the least unit of N over each free unit of Q1, and its factor."""
    if not isinstance(row, Affine) or not row.terms:
        return row
    (k, c), *others = row.terms
    below = second[k]
    if isinstance(below, Affine):
        assert not others and len(below.terms) <= 1
        return Affine(tuple((j, c * d) for j, d in below.terms), c * below.plus + row.plus)
    k, c = (below.unit, c * below.factor) if isinstance(below, Same) else (k, c)
    leader, d = free.setdefault(k, (v, c))
    return FREE if leader == v else Same(leader, c / d)


def commutes(sigma: Activation, h: Rational, found: Form, expected: Form) -> bool:
    """Whether sigma(found) = h * sigma(expected) because sigma commutes with a scaling (THEORY D3)."""
    return any(sigma.scaling(c) == h and found == expected.scaled(c) for c in (h, -h))


def find_flaw(original: Network, quotient: Network, simulation: Simulation) -> str | None:
    """None if the simulation from `original` to `quotient` is right at every node, else the first flaw.

    The reference check: the condition of the simulation theorem (T5), as it is stated, in exact arithmetic.
    It has nothing in common with `exactlump/check.py` but the theorem.
    """
    if _interface(original) != _interface(quotient):
        return f"inputs and outputs: found {_interface(quotient)} units, expected {_interface(original)}"
    if unknown := simulation.keys() - original.producer.keys():
        return f"tensor {min(unknown)!r}: found no node that defines it"
    left, right = Forms(original), Forms(quotient)
    for ours, theirs in zip(original.inputs, quotient.inputs, strict=True):
        left.known[ours.name] = right.known[theirs.name]
    for tensor in _anchored(quotient, simulation):
        right.anchor(tensor)
    for node in original.nodes:
        if flaw := _node_flaw(node, simulation.get(node.target), left, right):
            return f"tensor {node.target!r}{flaw}"
    for name, other in zip(original.outputs, quotient.outputs, strict=True):
        if tuple(left.of(name)) != tuple(right.of(other)):
            return f"output {name!r}: differs"
    return None


def _interface(network: Network) -> tuple[list[int], list[int]]:
    return [network.units(port.name) for port in network.inputs], [network.units(name) for name in network.outputs]


def _anchored(quotient: Network, simulation: Simulation) -> list[str]:
    over = {relation.over for relation in simulation.values()}
    return [n.target for n in quotient.nodes if n.target in over or isinstance(n, Activate | Head)]


def _node_flaw(node: Node, relation: Relation | None, left: Forms, right: Forms) -> str | None:
    """What is wrong with the rows of one tensor, all below being right; if nothing is, they are believed."""
    if relation is None:
        return ": found no relation" if isinstance(node, Activate | Head) else None
    if len(relation.rows) != left.network.units(node.target):
        return f": found {len(relation.rows)} rows, expected {left.network.units(node.target)}"
    if isinstance(node, Head) and not _same_head(node, relation, left, right):
        return ": not the same head"
    for v, row in enumerate(relation.rows):
        if flaw := None if isinstance(node, Head) else _row_flaw(node, v, row, relation, left, right):
            return f", unit {v}: {flaw}"
    left.known[node.target] = forms_of(node.target, relation)
    return None


def _row_flaw(node: Node, v: int, row: Row, relation: Relation, left: Forms, right: Forms) -> str | None:
    """What is wrong with one row."""
    found, sigma = left.before(node.target, v), function_of(node, v)
    assert isinstance(sigma, Activation)
    if isinstance(row, Free):
        return None
    if isinstance(row, Same):
        if row.unit not in range(len(relation.rows)) or relation.rows[row.unit] != FREE:
            return f"unit {row.unit} is not free"
        expected, other, h = left.before(node.target, row.unit), function_of(node, row.unit), row.factor
    elif not row.terms:
        return _constant_flaw(found, sigma, row.plus)
    elif row.plus or len(row.terms) > 1:
        return "a general row"
    else:
        ((k, h),) = row.terms
        above = right.network.producer.get(relation.over or "")
        if above is None or k not in range(right.network.units(above.target)):
            return f"no class {k}"
        expected, other = right.before(above.target, k), function_of(above, k)
    if sigma != other:
        return f"found the function {sigma}, expected {other}"
    return None if commutes(sigma, h, found, expected) else f"not {text(h)} times its class"


def _same_head(node: Head, relation: Relation, left: Forms, right: Forms) -> bool:
    """Whether a head is, unit by unit, a head of the same kind and size on the same forms."""
    head = right.network.producer.get(relation.over or "")
    if not isinstance(head, Head) or head.kind != node.kind or not relation.is_identity:
        return False
    return tuple(left.of(node.source)) == tuple(right.of(head.source))


def _constant_flaw(found: Form, sigma: Activation, value: Rational) -> str | None:
    if found.terms:
        return "not a constant"
    try:
        return None if sigma(found.constant) == value else "another constant"
    except NoExactValue as error:
        return str(error)
