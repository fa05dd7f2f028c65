# SPDX-License-Identifier: Apache-2.0
"""This file is about the reference check of simulations: what is wrong with one, node by node.

`find_flaw` is the condition of the simulation theorem (T5), written as it is stated.  Rows about kinks have conditions
of their own (`kink_flaws.py`).

Throughout: v, u units of N; k a unit of Q; forms are over the units k of Q, and over the free units of N.
"""

from exactlump.errors import NoExactValue
from exactlump.lumping.forms import Atom, Form, Forms, combine
from exactlump.lumping.simulations import FREE, KINK_ROWS, Affine, Free, Relation, Row, Same, Simulation, forms_of
from exactlump.network.activations import IDENTITY
from exactlump.network.kinds import Function, Node
from exactlump.network.meaning import Anchored
from exactlump.network.program import Network
from exactlump.numbers.rational import ONE, ZERO, Rational, text


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
    if node.mixes_all:
        head = right.network.producer.get(relation.over or "")
        if head is None or not relation.is_identity or not same_head(node, head, left, right):
            return ": not the same head"
    for v, row in enumerate(() if node.mixes_all else relation.rows):
        if flaw := _row_flaw(node, v, row, relation, left, right):
            return f", unit {v}: {flaw}"
    left.known[node.target] = forms_of(node.target, relation)
    return None


def _row_flaw(node: Node, v: int, row: Row, relation: Relation, left: Forms, right: Forms) -> str | None:
    """What is wrong with one row."""
    found, sigma = left.before(node.target, v), node.function(v)
    assert not isinstance(sigma, str)
    if isinstance(row, Free):
        return None
    if isinstance(row, KINK_ROWS):
        return "a row about a kink, expected none here"
    if isinstance(row, Same):
        if row.unit not in range(len(relation.rows)) or relation.rows[row.unit] != FREE:
            return f"unit {row.unit} is not free"
        return _multiple_flaw(found, sigma, row.factor, left.before(node.target, row.unit), node.function(row.unit))
    if row.constant is not None:
        return _constant_flaw(found, sigma, row.constant)
    above = right.network.producer.get(relation.over or "")
    for k, _ in row.terms:
        if above is None or k not in range(right.network.units(above.target)):
            return f"no class {k}"
    assert above is not None
    if row.single is None:
        return _sum_flaw(found, sigma, row, above, right)
    k, h = row.single
    other = above.function(k)
    if isinstance(other, str):  # a head
        return f"found the function {sigma}, expected {other}"
    return _multiple_flaw(found, sigma, h, right.before(above.target, k), other)


def _multiple_flaw(found: Form, sigma: Function, h: Rational, expected: Form, other: Function | str) -> str | None:
    """Why a unit is not h times another one, given both before their functions."""
    if sigma != other:
        return f"found the function {sigma}, expected {other}"
    return None if commutes(sigma, h, found, expected) else f"not {text(h)} times its class"


def _sum_flaw(found: Form, sigma: Function, row: Affine, above: Node, right: Forms) -> str | None:
    """Why a unit is not a sum of classes and a constant.

    The function must leave the unit's form as it is, for a sum of values is in general no value of the function.  A
    class whose own function is the identity is the form that it has before it: with these written out, both are equal.
    """
    if not _leaves(sigma, found):
        return f"found a sum of classes under {sigma}, which does not leave it as it is"
    claimed = Form({(above.target, k): c for k, c in row.terms}, row.plus)
    same = _written_out(found, above, right) == _written_out(claimed, above, right)
    return None if same else "not the sum of its classes"


def _leaves(sigma: Function, found: Form) -> bool:
    """Whether a function leaves every value of a form as it is: so does the identity, whatever the form."""
    return sigma == IDENTITY


def _written_out(form: Form, above: Node, right: Forms) -> Form:
    """A form with the classes of a tensor of Q whose function is the identity as the forms that they are."""
    parts = [_class_form(atom, above, right) for atom in form.terms]
    return combine(dict(enumerate(form.terms.values())), form.constant, parts)


def _class_form(atom: Atom, above: Node, right: Forms) -> Form:
    tensor, k, *lifts = atom
    if tensor == above.target and not lifts and above.function(k) == IDENTITY:
        return right.before(tensor, k)
    return Form({atom: ONE}, ZERO)


def same_head(node: Node, head: Node, left: Forms, right: Forms) -> bool:
    """Whether a head is one of the same kind on the same forms; likewise an opaque operator."""
    ours, theirs = left.network.parts(node), right.network.parts(head)
    if not (isinstance(ours, Anchored) and isinstance(theirs, Anchored)) or ours.signature != theirs.signature:
        return False
    return [tuple(left.of(name)) for name in ours.sources] == [tuple(right.of(name)) for name in theirs.sources]


def _constant_flaw(found: Form, sigma: Function, value: Rational) -> str | None:
    if found.terms:
        return "not a constant"
    try:
        return None if sigma(found.constant) == value else "another constant"
    except NoExactValue as error:
        return str(error)
