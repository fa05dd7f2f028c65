# SPDX-License-Identifier: Apache-2.0
"""This file is about what a certificate claims: one claim for each row, once the relations fit the networks at all.

That a tensor exists, that a row names an existing class, that a head goes with a head are no questions of
arithmetic: they are settled here, after docs/certificate-format.md, "The rules", and raise NotALumping.  All
that is about numbers is left in the claims.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from exactlump.certificates.certificate import Certificate
from exactlump.errors import NotALumping, UnsupportedLayer
from exactlump.lumping.simulations import KINK_ROWS, Affine, Free, Relation, Row, Same, Simulation, identity
from exactlump.network.activations import IDENTITY
from exactlump.network.kinds import Function, Head, Largest, Node
from exactlump.network.program import Network
from exactlump.network.views import View
from exactlump.numbers.rational import ONE, ZERO, Rational, text
from exactlump.smt.blocks import Blocks
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
    """sigma(left) = ratio * tau(sum of c * right) + plus, for all values of the atoms below; the rule; and in words."""

    rule: str
    words: str
    left: Term
    sigma: Function
    ratio: Rational
    right: tuple[tuple[Rational, Term], ...]
    tau: Function
    plus: Rational = ZERO


@dataclass(frozen=True, slots=True)
class Anchor:
    """The classes of an anchored tensor of the reduced network: class k is 1/ratios[k] of what unit leaders[k] is."""

    node: Node
    leaders: tuple[int, ...]
    ratios: tuple[Rational, ...]


class Claims:
    """The claims of both halves of a certificate; `blocks` has the definitions that their terms use.

    other  the reduced network once more, with other names for free unknowns
    """

    def __init__(self, original: Network, reduced: Network, certificate: Certificate) -> None:
        _demand_interface(original, reduced)
        forward, backward = dict(certificate.forward), dict(certificate.backward)
        _demand_tensors("original", original, forward)
        _demand_tensors("reduced", reduced, backward)
        over = _over(reduced, forward)
        for node in reduced.nodes:
            if isinstance(node, Head) and node.target in backward:
                raise NotALumping(f"reduced {node.target!a}: found a relation, expected none for a head")
            if node.target in over or not node.affine:
                backward.setdefault(node.target, identity(node.target, reduced.units(node.target)))
        self.anchors = {tensor: _anchor(reduced.producer[tensor], relation) for tensor, relation in backward.items()}
        self.blocks = Blocks()
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

    def all(self) -> Iterator[Claim]:
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

    def _of_reduced(self, node: Node) -> Iterator[Claim]:
        """Rule 2; nothing is to be shown of a unit that may have any value, or that its class is read off."""
        tensor, anchor, half = node.target, self.anchors[node.target], self.reduced
        if not half.free.isdisjoint(node.reads):
            for k, v in enumerate(anchor.leaders):
                words = f"reduced {tensor!a}, class {k}: depends on no unit that may have any value"
                yield _equal("leader", words, Term(half, tensor, v), Term(self.other, tensor, v))
        for v, row in enumerate(half.relations[tensor].rows):
            is_leader = row.single is not None and row.single[1] == 1 and anchor.leaders[row.single[0]] == v
            if not isinstance(row, Free) and not is_leader:
                yield self._of_row(half, node, v, row)

    def _of_original(self, node: Node) -> Iterator[Claim]:
        """Rules 3 and 4."""
        relation = self.original.relations.get(node.target)
        if relation is None:
            if not node.affine:
                raise NotALumping(f"original {node.target!a}: found no relation, expected one")
            return
        self._demand_positions(node.target, relation)
        head = self.anchors[relation.over].node if relation.over is not None else None
        if isinstance(node, Head) or isinstance(head, Head):
            yield from self._of_head(node, head, relation)
            return
        for v, row in enumerate(relation.rows):
            if not isinstance(row, Free):
                yield self._of_row(self.original, node, v, row)

    def _of_head(self, node: Node, head: Node | None, relation: Relation) -> Iterator[Claim]:
        """Rule 4."""
        kinds = [n.kind if isinstance(n, Head) else None for n in (node, head)]
        if head is None or kinds[0] != kinds[1] or not relation.is_identity:
            raise NotALumping(f"original {node.target!a}: found no identity with a head of the same kind")
        ours, theirs = (half.network.units(n.reads[0]) for half, n in ((self.original, node), (self.reduced, head)))
        if len(relation.rows) != self.reduced.network.units(head.target) or ours != theirs:
            raise NotALumping(f"original {node.target!a}: found a head of another size")
        for v in range(ours):
            words = f"original {node.target!a}, unit {v}: the head reads the same in both networks"
            yield _equal("head", words, Term(self.original, node.target, v), Term(self.reduced, head.target, v))

    def _of_row(self, half: Half, node: Node, v: int, row: Row) -> Claim:
        """The claim of one row."""
        if isinstance(row, KINK_ROWS):
            raise UnsupportedLayer(
                f"{node.target!a}, unit {v}: found a row of a kink, which `check` covers, not `prove`"
            )
        left, relation = Term(half, node.target, v), half.relations[node.target]
        at, sigma = left.at, _function(node, v)
        if isinstance(row, Same):
            if not 0 <= row.unit < len(relation.rows) or not isinstance(relation.rows[row.unit], Free):
                raise NotALumping(f"{at}: found unit {row.unit}, expected one that may have any value")
            words, right = f"{at} = {text(row.factor)} * unit {row.unit}", ((ONE, replace(left, unit=row.unit)),)
            return Claim("same", words, left, sigma, row.factor, right, _function(node, row.unit))
        if isinstance(row, Affine) and row.constant is not None:
            sigma = IDENTITY if isinstance(sigma, Largest) else sigma  # the largest of equal values
            return Claim("constant", f"{at} = {text(row.plus)}", left, sigma, ONE, (), IDENTITY, row.plus)
        assert isinstance(row, Affine)
        return self._of_classes(left, sigma, row, relation)

    def _of_classes(self, left: Term, sigma: Function, row: Affine, relation: Relation) -> Claim:
        """The claim of a row that names classes."""
        anchor, over = self._named(left, row, relation), str(relation.over)
        units = [Term(self.reduced, over, anchor.leaders[k]) for k, _ in row.terms]
        taus = [_function(anchor.node, unit.unit) for unit in units]
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


def _function(node: Node, v: int) -> Function:
    """What a node does to unit v; a head, which acts on all units at once, is dealt with by itself."""
    function = node.function(v)
    return IDENTITY if isinstance(function, str) else function


def _anchor(node: Node, relation: Relation) -> Anchor:
    """The classes of a tensor of the reduced network: each is read off its least unit."""
    leaders: dict[int, tuple[int, Rational]] = {}
    for v, row in enumerate(relation.rows):
        if row.single is not None and row.single[0] not in leaders:
            k, h = row.single
            if all(_function(node, v).scaling(c) != h for c in (h, -h)):
                raise NotALumping(f"reduced {node.target!a}, unit {v}: found a ratio that its function does not take")
            leaders[k] = v, h
    if sorted(leaders) != list(range(len(leaders))):
        raise NotALumping(f"reduced {node.target!a}: found {len(leaders)} classes, which are not 0, 1, ...")
    ordered = [leaders[k] for k in range(len(leaders))]
    return Anchor(node, tuple(v for v, _ in ordered), tuple(h for _, h in ordered))


def _over(reduced: Network, forward: Simulation) -> set[str]:
    """The tensors of the reduced network that relations of the original are over."""
    over = set()
    for tensor, relation in forward.items():
        if relation.is_named != (relation.over is not None):
            raise NotALumping(f"original {tensor!a}: `over` and classes in rows go together, found one alone")
        if relation.over is not None:
            over.add(relation.over)
    if missing := over - reduced.producer.keys():
        raise NotALumping(f"original: `over` names {min(missing)!a}, which no node of the reduced network defines")
    return over


def _demand_tensors(side: str, network: Network, half: Simulation) -> None:
    for tensor, relation in half.items():
        if tensor not in network.producer:
            raise NotALumping(f"{side} {tensor!a}: found a relation, but no node that defines the tensor")
        if len(relation.rows) != network.units(tensor):
            raise NotALumping(f"{side} {tensor!a}: found {len(relation.rows)} rows, not {network.units(tensor)}")


def _demand_interface(original: Network, reduced: Network) -> None:
    for what in ("inputs", "outputs"):
        views = [[n.views[getattr(t, "name", t)] for t in getattr(n, what)] for n in (original, reduced)]
        ours, theirs = ([_interface(view) for view in side] for side in views)
        if ours != theirs:
            raise NotALumping(f"{what}: found {theirs} elements, units and where these lie, expected {ours}")


def _interface(view: View) -> tuple[int, int, int]:
    """The elements, the units, and how far apart the positions of a unit lie."""
    after = math.prod(view.shape[view.channel + 1 :]) if view.channel is not None and view.units > 1 else 1
    return view.elements, view.units, after
