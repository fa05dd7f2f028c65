# SPDX-License-Identifier: Apache-2.0
"""This file is about rows of kinks: whether those of a network are right, in the engine's own exact arithmetic.

It is the condition of docs/trust.md (T1, K1, K2), written apart from `exactlump/check.py`: nothing is written to a file
that has not passed here, and then the checker decides.

Throughout: Q the common network; its *classes* are the units of its activations that have a row of their own number.
"""

from collections.abc import Mapping

from exactlump.errors import NoExactValue
from exactlump.lumping.flaws import commutes
from exactlump.lumping.forms import FREE_UNIT, ONES, Atom, Form, Forms, combine
from exactlump.lumping.kinks import line_above, never_negative, twin_law, zero_below
from exactlump.lumping.simulations import (
    FREE,
    Affine,
    Elsewhere,
    Free,
    Mirror,
    Relation,
    Row,
    Same,
    Signed,
    Simulation,
    Twin,
)
from exactlump.network.activations import RELU, Activation
from exactlump.network.kinds import Node
from exactlump.network.program import Network
from exactlump.numbers.rational import ONE, ZERO, Rational

# A class of Q: its form before its function, and that.
Class = tuple[Form, Activation]


def flaw_of(
    network: Network, quotient: Network, simulation: Simulation, own: Simulation, image: str | None = None
) -> str | None:
    """None if a network computes what Q does, by the rows of its activations over the classes of Q; or the first flaw.

    own    what the units of Q are in the classes of Q
    image  a tensor that the same node makes of the same input in both: its units may be atoms
    """
    right = Half(quotient, {})
    left = Half(network, right.classes)
    for ours, theirs in zip(network.inputs, quotient.inputs, strict=True):
        left.forms.known[ours.name] = right.forms.known[theirs.name]
    if image is not None:
        if network.producer[image] != quotient.producer.get(image):
            return f"tensor {image!r}: found other nodes"
        for half in (left, right):
            half.forms.anchor(image)
    for half, relations in ((right, own), (left, simulation)):
        if flaw := half.flaw(relations, leads=half is right):
            return flaw
    for name, other in zip(network.outputs, quotient.outputs, strict=True):
        if [*left.forms.of(name)] != [*right.forms.of(other)]:
            return f"output {name!r}: differs"
    return None


class Half:
    """The forms of one network over the classes of Q, as far as its rows are believed."""

    def __init__(self, network: Network, classes: dict[tuple[str, int], Class]) -> None:
        self.network, self.classes, self.forms = network, classes, Forms(network)

    def flaw(self, relations: Simulation, *, leads: bool) -> str | None:
        """What is wrong with the rows, node by node; leads: their classes are those of this network."""
        for node in self.network.nodes:
            if not node.functions:
                continue
            relation = relations.get(node.target)
            if relation is None or len(relation.rows) != len(node.functions):
                return f"tensor {node.target!r}: found other rows than units"
            known = {}
            for v, row in enumerate(relation.rows):
                form = self.forms.before(node.target, v)
                if leads and isinstance(row, Affine) and row.single is not None:
                    self.classes.setdefault((node.target, row.single[0]), (form, node.functions[v]))
                known[v] = form
            found = []
            for v, row in enumerate(relation.rows):
                made = self._made(node, v, row, relation, known)
                if isinstance(made, str):
                    return f"tensor {node.target!r}, unit {v}: {made}"
                found.append(made)
            self.forms.known[node.target] = tuple(found)
        return None

    def _made(self, node: Node, v: int, row: Row, relation: Relation, known: Mapping[int, Form]) -> Form | str:
        """The form of a unit after its function, or what is wrong with its row."""
        form, sigma = known[v], node.functions[v]
        match row:
            case Free():
                return Form({(node.target, v, FREE_UNIT): ONE}, ZERO)
            case Same() | Mirror():
                if relation.rows[row.unit] != FREE:
                    return f"unit {row.unit} is not free"
                atom: Atom = (node.target, row.unit, FREE_UNIT)
                other = known[row.unit], node.functions[row.unit]
                return _multiple(form, sigma, row.factor, other, atom, twin=isinstance(row, Mirror))
            case Signed():
                return self._signed(form, sigma, row)
            case Elsewhere() | Twin():
                return self._of_class(
                    form, sigma, row.tensor or str(relation.over), row.k, row.factor, isinstance(row, Twin)
                )
            case Affine() if row.single is not None:
                return self._of_class(form, sigma, str(relation.over), *row.single, False)
            case Affine() if row.constant is not None:
                return _constant(form, sigma, row.constant)
        return "a sum of classes"

    def _of_class(self, form: Form, sigma: Activation, tensor: str, k: int, h: Rational, twin: bool) -> Form | str:
        if (tensor, k) not in self.classes:
            return f"no class {k} of {tensor!r}"
        return _multiple(form, sigma, h, self.classes[tensor, k], (tensor, k), twin=twin)

    def _signed(self, form: Form, sigma: Activation, row: Signed) -> Form | str:
        rest = form if row.linear else form.scaled(-ONE)
        for tensor, k, b in row.facts:
            if (tensor, k) not in self.classes or self.classes[tensor, k][1] != RELU or b < 0:
                return f"class {k} of {tensor!r} is no fact"
            atom = Form({(tensor, k): ONE}, ZERO)
            rest = combine({0: ONE, 1: -b, 2: b}, ZERO, [rest, atom, self.classes[tensor, k][0]])
        if not (line_above if row.linear else zero_below)(sigma):
            return f"{sigma} is not bent at 0 only"
        if rest.constant < 0 or not all(w > 0 and self._is_positive(atom) for atom, w in rest.terms.items()):
            return "a form whose sign is not known"
        return form if row.linear else Form({}, ZERO)

    def _is_positive(self, atom: Atom) -> bool:
        if atom[0] == ONES[0]:
            return True
        if atom[2:3] == (FREE_UNIT,):
            functions = self.network.producer[atom[0]].functions
            return bool(functions) and never_negative(functions[atom[1]])
        return atom[:2] in self.classes and never_negative(self.classes[atom[0], atom[1]][1])


def _multiple(form: Form, sigma: Activation, h: Rational, other: Class, atom: Atom, *, twin: bool) -> Form | str:
    """h times an atom, and L times the own form for twins, if the forms before the functions say so."""
    law, made = twin_law(sigma) if twin else ZERO, Form({atom: h}, ZERO)
    if law is None or sigma != other[1]:
        return f"the function {sigma}"
    if not commutes(sigma, h, form.scaled(-ONE) if twin else form, other[0]):
        return "another multiple"
    return combine({0: ONE, 1: law}, ZERO, [made, form]) if law else made


def _constant(form: Form, sigma: Activation, value: Rational) -> Form | str:
    if form.terms:
        return "no constant"
    try:
        return Form({}, value) if sigma(form.constant) == value else "another constant"
    except NoExactValue as error:
        return str(error)
