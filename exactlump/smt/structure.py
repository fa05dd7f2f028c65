# SPDX-License-Identifier: Apache-2.0
"""This file is about what a certificate claims: one claim for each row, once the relations fit the networks at all.

That a tensor exists, that a row names an existing class, that a head goes with a head are no questions of
arithmetic: they are settled here, after docs/certificate-format.md, "The rules", and raise NotALumping.  All
that is about numbers is left in the claims.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

from exactlump.certificates.certificate import Certificate
from exactlump.errors import NotALumping
from exactlump.lumping.kinks import twin_law
from exactlump.lumping.simulations import (
    Affine,
    Elsewhere,
    Free,
    Idle,
    Mirror,
    Relation,
    Row,
    Same,
    Signed,
    Twin,
    identity,
)
from exactlump.network.activations import IDENTITY, RELU
from exactlump.network.kinds import Function, Largest, Node
from exactlump.network.program import Network
from exactlump.numbers.rational import ONE, ZERO, Rational, text
from exactlump.smt.blocks import Blocks
from exactlump.smt.fitting import Anchor, anchor_of, boxes_of, demand_interface, demand_tensors, function_of, named_over
from exactlump.smt.lifting import Path
from exactlump.smt.substitution import Half
from exactlump.smt.terms import Linear


@dataclass(frozen=True, slots=True)
class Term:
    """A unit: as its node computes it, or (`by_name`) by its own row."""

    half: Half
    tensor: str
    unit: int
    by_name: bool = False

    def linear(self, path: Path = ()) -> Linear:
        """The unit over the atoms below, with lifts after it."""
        if self.by_name:
            return self.half.form(self.tensor, self.unit)
        return self.half.before(self.tensor, self.unit, path)

    @property
    def at(self) -> str:
        """How messages name it."""
        return f"{self.half.side} {self.tensor!a}, unit {self.unit}"


@dataclass(frozen=True, slots=True)
class Claim:
    """sigma(left) = ratio * tau(sum of c * right) + plus, for all values of the atoms below; the rule; and in words.

    law  of a twin: L * left is added on the right
    """

    rule: str
    words: str
    left: Term
    sigma: Function
    ratio: Rational
    right: tuple[tuple[Rational, Term], ...]
    tau: Function
    plus: Rational = ZERO
    law: Rational | None = None


@dataclass(frozen=True, slots=True)
class Sign:
    """sigma(left) = left (`linear`), or 0, as left is >= 0, or <= 0, at the values that classes really have.

    facts  (tensor, class, what the class is before its function, times 1/c): ReLUs, which are at least that
    box    the number of the box of the claim's domain on which that is so; None: everywhere
    """

    rule: str
    words: str
    left: Term
    sigma: Function
    linear: bool
    facts: tuple[tuple[str, int, Rational, Term], ...] = ()
    box: int | None = None


@dataclass(frozen=True, slots=True)
class Ends:
    """low <= c * left <= high on one box: bounds of a class before its function."""

    rule: str
    words: str
    left: Term
    scale: Rational
    low: Rational
    high: Rational
    box: int


AnyClaim: TypeAlias = Claim | Sign | Ends


class Claims:
    """The claims of both halves of a certificate; `blocks` has the definitions that their terms use.

    other  the reduced network once more, with other names for free unknowns
    """

    def __init__(self, original: Network, reduced: Network, certificate: Certificate) -> None:
        demand_interface(original, reduced)
        forward, backward = dict(certificate.forward), dict(certificate.backward)
        demand_tensors("original", original, forward)
        demand_tensors("reduced", reduced, backward)
        over = named_over(reduced, forward)
        for node in reduced.nodes:
            if node.mixes_all and node.target in backward:
                raise NotALumping(f"reduced {node.target!a}: found a relation, expected none for a head")
            if node.target in over or not node.affine:
                backward.setdefault(node.target, identity(node.target, reduced.units(node.target)))
        self.anchors = {tensor: anchor_of(reduced.producer[tensor], relation) for tensor, relation in backward.items()}
        self.blocks, self.boxes = Blocks(), boxes_of(original, certificate.domain)
        self._declare(reduced)
        self.original = Half("original", ("a", "fa"), original, forward, self.blocks)
        self.reduced, self.other = (
            Half(side, letters, reduced, backward, self.blocks)
            for side, letters in (("reduced", ("b", "fb")), ("reduced once more", ("c", "fc")))
        )
        inputs = [port.name for port in reduced.inputs]
        self.original.place_inputs([port.name for port in original.inputs], inputs)
        for half in (self.reduced, self.other):
            half.place_inputs(inputs, inputs)

    def _declare(self, reduced: Network) -> None:
        """A constant for each class, and for each element of an input."""
        for i, tensor in enumerate(reduced.shapes):
            if tensor in self.anchors:
                self.blocks.declare(tensor, i, len(self.anchors[tensor].leaders), "class")
            elif tensor not in reduced.producer:
                self.blocks.declare(tensor, i, reduced.units(tensor), "element")

    def all(self) -> Iterator[Claim | Sign]:
        """All claims but those about inputs: the reduced network, the original one, outputs."""
        for node in self.reduced.network.nodes:
            if node.target in self.anchors:
                yield from self._of_reduced(node)
        for node in self.original.network.nodes:
            yield from self._of_original(node)
        for ours_name, theirs_name in zip(self.original.network.outputs, self.reduced.network.outputs, strict=True):
            for v in range(self.original.network.units(ours_name)):
                words = f"output {ours_name!a}, unit {v}: both networks give the same"
                ours, theirs = Term(self.original, ours_name, v, True), Term(self.reduced, theirs_name, v, True)
                yield _equal("output", words, ours, theirs)

    def _of_reduced(self, node: Node) -> Iterator[Claim | Sign]:
        """Rule 2; nothing is to be shown of a unit that may have any value, or that its class is read off."""
        tensor, anchor, half = node.target, self.anchors[node.target], self.reduced
        if not half.free.isdisjoint(node.reads):
            for k, v in enumerate(anchor.leaders):
                words = f"reduced {tensor!a}, class {k}: depends on no unit that may have any value"
                yield _equal("leader", words, Term(half, tensor, v), Term(self.other, tensor, v))
        for v, row in enumerate(half.relations[tensor].rows):
            is_leader = row.single is not None and row.single[1] == 1 and anchor.leaders[row.single[0]] == v
            if not isinstance(row, Free) and not is_leader:
                yield from self._of_row(half, node, v, row)

    def _of_original(self, node: Node) -> Iterator[Claim | Sign]:
        """Rules 3 and 4."""
        relation = self.original.relations.get(node.target)
        if relation is None:
            if not node.affine:
                raise NotALumping(f"original {node.target!a}: found no relation, expected one")
            return
        self._demand_positions(node.target, relation)
        head = self.anchors[relation.over].node if relation.over is not None else None
        if node.mixes_all or (head is not None and head.mixes_all):
            yield from self._of_head(node, head, relation)
            return
        for v, row in enumerate(relation.rows):
            if not isinstance(row, Free):
                yield from self._of_row(self.original, node, v, row)

    def _of_head(self, node: Node, head: Node | None, relation: Relation) -> Iterator[Claim]:
        """Rule 4."""
        if head is None or node.function(0) != head.function(0) or not relation.is_identity:
            raise NotALumping(f"original {node.target!a}: found no identity with a head of the same kind")
        ours, theirs = (half.network.units(n.reads[0]) for half, n in ((self.original, node), (self.reduced, head)))
        if len(relation.rows) != self.reduced.network.units(head.target) or ours != theirs:
            raise NotALumping(f"original {node.target!a}: found a head of another size")
        for v in range(ours):
            words = f"original {node.target!a}, unit {v}: the head reads the same in both networks"
            yield _equal("head", words, Term(self.original, node.target, v), Term(self.reduced, head.target, v))

    def _of_row(self, half: Half, node: Node, v: int, row: Row) -> Iterator[Claim | Sign]:
        """The claim of one row; of a row on a domain, that of each box."""
        left, relation = Term(half, node.target, v), half.relations[node.target]
        at, sigma = left.at, function_of(node, v)
        match row:
            case Same() | Mirror():
                yield self._of_free(left, node, row, relation)
            case Elsewhere() | Twin():
                yield self._of_kink(left, sigma, row, relation)
            case Signed():
                facts = tuple(self._fact(left, *fact) for fact in row.facts)
                yield Sign(_word(row.linear), _sign_words(at, row.linear), left, sigma, row.linear, facts)
            case Idle():
                yield from self._of_idle(left, sigma, row)
            case Affine() if row.constant is not None:
                sigma = IDENTITY if isinstance(sigma, Largest) else sigma  # the largest of equal values
                yield Claim("constant", f"{at} = {text(row.plus)}", left, sigma, ONE, (), IDENTITY, row.plus)
            case Affine():
                yield self._of_classes(left, sigma, row, relation)
            case _:
                raise AssertionError(f"{at}: found {row}, of which nothing is to be shown")

    def _of_free(self, left: Term, node: Node, row: Same | Mirror, relation: Relation) -> Claim:
        """The claim of a unit that is a multiple, or the twin, of one that may have any value."""
        at, sigma, u = left.at, function_of(node, left.unit), row.unit
        if not 0 <= u < len(relation.rows) or not isinstance(relation.rows[u], Free):
            raise NotALumping(f"{at}: found unit {u}, expected one that may have any value")
        rule, words = ("mirror", " the twin of") if isinstance(row, Mirror) else ("same", "")
        law = _law_of(left, sigma) if isinstance(row, Mirror) else None
        words = f"{at} = {text(row.factor)} *{words} unit {u}"
        right, tau = ((ONE, replace(left, unit=u)),), function_of(node, u)
        return Claim(rule, words, left, sigma, row.factor, right, tau, law=law)

    def _of_kink(self, left: Term, sigma: Function, row: Elsewhere | Twin, relation: Relation) -> Claim:
        """The claim of a unit that is a multiple of a class of any tensor, or its twin."""
        tensor, is_twin = row.tensor or str(relation.over), isinstance(row, Twin)
        anchor = self._tensor(left, tensor, row.k)
        right = ((ONE / anchor.ratios[row.k], Term(self.reduced, tensor, anchor.leaders[row.k])),)
        tau = function_of(anchor.node, anchor.leaders[row.k])
        if sigma != tau and any(isinstance(function, Largest) for function in (sigma, tau)):
            raise NotALumping(f"{left.at}: found the function {sigma}, expected that of its class, {tau}")
        words = f"{left.at} = {text(row.factor)} *{' the twin of' if is_twin else ''} class {row.k} of {tensor!a}"
        law = _law_of(left, sigma) if is_twin else None
        return Claim("twin" if is_twin else "class", words, left, sigma, row.factor, right, tau, law=law)

    def _of_idle(self, left: Term, sigma: Function, row: Idle) -> Iterator[Sign]:
        """The claims of a row on the domain; only units of the original have such rows."""
        if left.half is not self.original or not self.boxes:
            raise NotALumping(f"{left.at}: found a row on a domain, expected one only of an original on a domain")
        for i in range(len(self.boxes)):
            rule, words = f"{_word(row.linear)}-on-box", f"{_sign_words(left.at, row.linear)}, on box {i}"
            yield Sign(rule, words, left, sigma, row.linear, box=i)

    def _fact(self, left: Term, tensor: str, k: int, b: Rational) -> tuple[str, int, Rational, Term]:
        """A class that is at least what it is before its function, as it is a ReLU."""
        anchor = self._tensor(left, tensor, k)
        unit = Term(self.reduced, tensor, anchor.leaders[k])
        if function_of(anchor.node, unit.unit) != RELU or b < 0:
            raise NotALumping(f"{left.at}: found the fact of class {k} of {tensor!a}, expected a ReLU")
        return tensor, k, ONE / anchor.ratios[k], unit

    def _tensor(self, left: Term, tensor: str, k: int) -> Anchor:
        """The anchor of a tensor that a row names, with class k; of rows of the reduced network a lower one."""
        anchor, half = self.anchors.get(tensor), left.half
        if anchor is None or not 0 <= k < len(anchor.leaders) or isinstance(anchor.node.function(0), str):
            raise NotALumping(f"{left.at}: found class {k} of {tensor!a}, which does not exist")
        if half is self.reduced and half.index[tensor] > half.index[left.tensor]:
            raise NotALumping(f"{left.at}: found class {k} of {tensor!a}, expected one of a tensor below")
        if half.network.views[left.tensor].positions != self.reduced.network.views[tensor].positions:
            raise NotALumping(f"{left.at}: found a class of {tensor!a}, which has another number of positions")
        return anchor

    def _of_classes(self, left: Term, sigma: Function, row: Affine, relation: Relation) -> Claim:
        """The claim of a row that names classes."""
        anchor, over = self._named(left, row, relation), str(relation.over)
        units = [Term(self.reduced, over, anchor.leaders[k]) for k, _ in row.terms]
        taus = [function_of(anchor.node, unit.unit) for unit in units]
        words = " + ".join(f"{text(c)} * class {k}" for k, c in row.terms)
        words = f"{left.at} = {words} of {over!a}" + (f" + {text(row.plus)}" if row.plus else "")
        if row.single is not None:
            k, h = row.single
            if sigma != taus[0] and any(isinstance(function, Largest) for function in (sigma, taus[0])):
                raise NotALumping(f"{left.at}: found the function {sigma}, expected that of its class, {taus[0]}")
            return Claim("class", words, left, sigma, h, ((ONE / anchor.ratios[k], units[0]),), taus[0])
        if any(function != IDENTITY for function in (sigma, *taus)):
            raise NotALumping(f"{left.at}: found a sum of classes, expected one class under an activation")
        right = tuple((c / anchor.ratios[k], unit) for (k, c), unit in zip(row.terms, units, strict=True))
        return Claim("of", words, left, sigma, ONE, right, IDENTITY, row.plus)

    def _demand_positions(self, tensor: str, relation: Relation) -> None:
        """Classes are images of as many positions as the units."""
        ours = self.original.network.views[tensor].positions
        theirs = self.reduced.network.views[relation.over].positions if relation.over is not None else ours
        if ours != theirs:
            raise NotALumping(f"original {tensor!a}: found classes of {theirs} positions, expected {ours}")

    def _named(self, left: Term, row: Affine, relation: Relation) -> Anchor:
        """The anchor that a row's classes are of."""
        anchor = self.anchors[relation.over] if relation.over is not None else None
        for k, _ in row.terms:
            if anchor is None or not 0 <= k < len(anchor.leaders):
                raise NotALumping(f"{left.at}: found class {k}, which does not exist")
        assert anchor is not None
        return anchor


def _equal(rule: str, words: str, left: Term, right: Term) -> Claim:
    return Claim(rule, words, left, IDENTITY, ONE, ((ONE, right),), IDENTITY)


def _law_of(left: Term, sigma: Function) -> Rational:
    """The L of a twin."""
    law = None if isinstance(sigma, Largest) else twin_law(sigma)
    if law is None:
        raise NotALumping(f"{left.at}: found a twin under {sigma}, which has no twin law")
    return law


def _word(linear: bool) -> str:
    return "linear" if linear else "zero"


def _sign_words(at: str, linear: bool) -> str:
    if linear:
        return f"{at} = what it is before its function, which is not negative"
    return f"{at} = 0, as what it is before its function is not positive"
