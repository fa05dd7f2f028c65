# SPDX-License-Identifier: Apache-2.0
"""This file is about the witness: how every unit of one network stands in relation to another network.

A `Simulation` from N to Q says, for the *anchored* tensors of N, how each unit is made from the units
of one tensor of Q (docs/certificate-format.md, "row").  If every node of N respects that, N and Q
compute the same function (the simulation theorem, T5): `find_flaw` is that condition, written as
it is stated.  Lumping, constant folding and dropping are all simulations, and so is their composition.

Throughout: v, u units of N; k a unit of Q; forms are over the units k of Q, and over the free units of N.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from exactlump.errors import NoExactValue
from exactlump.lumping.forms import FREE_UNIT, Form, Forms
from exactlump.network.kinds import Function, Head, Node
from exactlump.network.program import Network
from exactlump.numbers.rational import ONE, ZERO, Rational, text


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
        return Form({(tensor, row.unit, FREE_UNIT): row.factor}, ZERO)
    return Form({(tensor, v, FREE_UNIT): ONE}, ZERO)


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


def commutes(sigma: Function, h: Rational, found: Form, expected: Form) -> bool:
    """Whether sigma(found) = h * sigma(expected) because sigma commutes with a scaling (docs/activations.md)."""
    scalings = {h, -h, _ratio(found, expected)}
    return any(sigma.scaling(c) == h and found == expected.scaled(c) for c in scalings)


def _ratio(found: Form, expected: Form) -> Rational:
    """The only c for which found = c * expected is possible; 1 where expected is zero."""
    for atom, w in expected.terms.items():
        return found.terms.get(atom, ZERO) / w
    return found.constant / expected.constant if expected.constant else ONE


def find_flaw(original: Network, quotient: Network, simulation: Simulation) -> str | None:
    """None if the simulation from `original` to `quotient` is right at every node, else the first flaw.

    The reference check: the condition of the simulation theorem (T5), as it is stated, in exact arithmetic.
    It has nothing in common with `exactlump/check.py` but the theorem.
    """
    if _interface(original) != _interface(quotient):
        return f"inputs and outputs: found {_interface(quotient)} units and positions, expected {_interface(original)}"
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


def _interface(network: Network) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Units and positions of the inputs and of the outputs."""
    inputs = [network.views[port.name] for port in network.inputs]
    outputs = [network.views[name] for name in network.outputs]
    return [(view.units, view.positions) for view in inputs], [(view.units, view.positions) for view in outputs]


def _anchored(quotient: Network, simulation: Simulation) -> list[str]:
    over = {relation.over for relation in simulation.values()}
    return [n.target for n in quotient.nodes if n.target in over or not n.affine]


def _node_flaw(node: Node, relation: Relation | None, left: Forms, right: Forms) -> str | None:
    """What is wrong with the rows of one tensor, all below being right; if nothing is, they are believed."""
    if relation is None:
        return None if node.affine else ": found no relation"
    if len(relation.rows) != left.network.units(node.target):
        return f": found {len(relation.rows)} rows, expected {left.network.units(node.target)}"
    over = right.network.views.get(relation.over or "")
    if over is not None and over.positions != left.network.views[node.target].positions:
        return f": found {over.positions} positions, expected those of {relation.over!r}"
    if isinstance(node, Head) and not _same_head(node, relation, left, right):
        return ": not the same head"
    for v, row in enumerate(relation.rows):
        if flaw := None if isinstance(node, Head) else _row_flaw(node, v, row, relation, left, right):
            return f", unit {v}: {flaw}"
    left.known[node.target] = forms_of(node.target, relation)
    return None


def _row_flaw(node: Node, v: int, row: Row, relation: Relation, left: Forms, right: Forms) -> str | None:
    """What is wrong with one row."""
    found, sigma = left.before(node.target, v), node.function(v)
    assert not isinstance(sigma, str)
    if isinstance(row, Free):
        return None
    if isinstance(row, Same):
        if row.unit not in range(len(relation.rows)) or relation.rows[row.unit] != FREE:
            return f"unit {row.unit} is not free"
        expected, other, h = left.before(node.target, row.unit), node.function(row.unit), row.factor
    elif not row.terms:
        return _constant_flaw(found, sigma, row.plus)
    elif row.plus or len(row.terms) > 1:
        return "a general row"
    else:
        ((k, h),) = row.terms
        above = right.network.producer.get(relation.over or "")
        if above is None or k not in range(right.network.units(above.target)):
            return f"no class {k}"
        other = above.function(k)
        if isinstance(other, str):  # a head
            return f"found the function {sigma}, expected {other}"
        expected = right.before(above.target, k)
    if sigma != other:
        return f"found the function {sigma}, expected {other}"
    return None if commutes(sigma, h, found, expected) else f"not {text(h)} times its class"


def _same_head(node: Head, relation: Relation, left: Forms, right: Forms) -> bool:
    """Whether a head is, unit by unit, a head of the same kind and size on the same forms."""
    head = right.network.producer.get(relation.over or "")
    if not isinstance(head, Head) or head.kind != node.kind or not relation.is_identity:
        return False
    return tuple(left.of(node.source)) == tuple(right.of(head.source))


def _constant_flaw(found: Form, sigma: Function, value: Rational) -> str | None:
    if found.terms:
        return "not a constant"
    try:
        return None if sigma(found.constant) == value else "another constant"
    except NoExactValue as error:
        return str(error)
