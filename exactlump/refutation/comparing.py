# SPDX-License-Identifier: Apache-2.0
"""This file is about two networks side by side: what of them is compared, their exact outputs, where they part."""

import math
from dataclasses import dataclass, replace

import numpy as np

from exactlump.errors import NoExactValue, ShapeError, UnsupportedLayer
from exactlump.network.kinds import Dense, Head, HeadKind, Node, Shift
from exactlump.network.program import Network
from exactlump.numbers.matrix import Matrix
from exactlump.numbers.rational import ZERO, Rational, Vector, rational
from exactlump.points.boxes import Box
from exactlump.points.evaluation import Evaluator
from exactlump.points.limbs import Numbers, numbers
from exactlump.refutation.question import Question


@dataclass(frozen=True)
class Pair:
    """Two networks, ready for exact evaluation, with a question about them on a domain."""

    a: Network
    b: Network
    question: Question
    box: Box
    exact: tuple[Evaluator, Evaluator]

    def outputs(self, x: Vector) -> tuple[Numbers, Numbers]:
        """The exact outputs of both at an input."""
        point = numbers(x)
        return self.exact[0](point), self.exact[1](point)

    def separates(self, x: Vector) -> bool:
        """Whether the networks differ, exactly, at an input in the domain; not where a value is irrational."""
        try:
            return self.box.holds(x) and self.question.separates(*self.outputs(x))
        except NoExactValue:
            return False


def demand_comparable(a: Network, b: Network) -> int:
    """How many elements the inputs of both networks have, which are in one order (`ports.match`).

    Raises ShapeError where the networks, or an input or an output and its counterpart, differ in that.
    """
    inputs = [[math.prod(port.shape) for port in network.inputs] for network in (a, b)]
    outputs = [[math.prod(network.shapes[name]) for name in network.outputs] for network in (a, b)]
    for what, (one, other) in (("inputs", inputs), ("outputs", outputs)):
        if sum(one) != sum(other) or (len(one) == len(other) and one != other):
            found = [" + ".join(map(str, side)) for side in (one, other)]
            raise ShapeError(f"{what}: found {found[0]} and {found[1]} elements, expected as many in both networks")
    return sum(inputs[0])


def cost(pair: Pair) -> int:
    """About how many multiplications one evaluation of both networks takes in floats; at least 1."""
    total = 1
    for network in (pair.a, pair.b):
        for node in network.mixing:
            total += math.prod(node.weight.shape) * network.views[node.target].positions
    return total


def heads_of(network: Network) -> list[tuple[HeadKind, int, int]]:
    """The heads among the outputs: kind, where the output begins in the flat outputs, and how long it is."""
    found, start, kinds = [], 0, {head.target: head.kind for head in network.heads}
    for name in network.outputs:
        size = math.prod(network.shapes[name])
        if name in kinds:
            found.append((kinds[name], start, size))
        start += size
    return found


def below_heads(network: Network, decisions: bool) -> Network:
    """The network below its output heads, which must be outputs that nothing reads.

    For decisions, the only output is the head's source: softmax keeps the order.  Else softmaxes are equal exactly
    where the differences of their sources' units are, so a head gives way to the differences to the last unit.
    """
    heads = network.heads
    for head in heads:
        if head.target not in network.outputs or network.consumers[head.target]:
            raise UnsupportedLayer(f"tensor {head.target!r}: found {head.kind} inside, expected it at the output only")
    if heads and decisions:
        if len(network.outputs) > 1:
            raise UnsupportedLayer("outputs: found several besides a head, expected one for a decision")
        nodes = tuple(node for node in network.nodes if node is not heads[0])
        return replace(network, nodes=nodes, outputs=(heads[0].source,))
    instead = {head.target: _differences(network, head) for head in heads}
    return replace(network, nodes=tuple(instead.get(node.target, node) for node in network.nodes))


def decides(network: Network) -> bool:
    """Whether the only output is an index of a largest element."""
    return len(network.outputs) == 1 and any(
        head.target == network.outputs[0] and head.kind == "argmax" for head in network.heads
    )


def headless(network: Network) -> Network:
    """The network with its softmax left out, if that is its only output: the order of the outputs stays.

    The output keeps its name; as in `check.py`, a head that something reads stays.
    """
    node = network.producer.get(network.outputs[0])
    if not isinstance(node, Head) or node.kind == "argmax" or network.consumers[node.target]:
        return network
    if len(network.outputs) > 1:
        return network
    below = Shift(node.source, node.target, (ZERO,) * network.units(node.source))
    return replace(network, nodes=tuple(below if n is node else n for n in network.nodes))


def _differences(network: Network, head: Head) -> Node:
    """The differences of the units of a head's source to the last one; an argmax stays."""
    if head.kind == "argmax":
        return head
    units, one = network.units(head.source), rational(1)
    rows = [{k: one, units - 1: -one} if k < units - 1 else {} for k in range(units)]
    return Dense(head.source, head.target, Matrix.from_rows(rows, units), (ZERO,) * units)


@dataclass(frozen=True, slots=True)
class Parting:
    """The first tensor, node by node, where two networks of the same build have different values at an input."""

    a: str
    b: str
    unit: int
    values: tuple[Rational, Rational]


def parting(pair: Pair, x: Vector) -> Parting | None:
    """The first tensor with different values at x; None for networks that are not built alike, node by node."""
    if [type(n) for n in pair.a.nodes] != [type(n) for n in pair.b.nodes]:
        return None
    ours, theirs = (evaluator.valuation(numbers(x)) for evaluator in pair.exact)
    for one, other in zip(pair.a.nodes, pair.b.nodes, strict=True):
        left, right = ours[one.target], theirs[other.target]
        if len(left.tops) != len(right.tops):
            return None
        unequal = _unequal(left, right)
        if unequal is not None:
            values = left.rationals[unequal], right.rationals[unequal]
            return Parting(one.target, other.target, unequal, values)
    return None


def _unequal(a: Numbers, b: Numbers) -> int | None:
    found = np.flatnonzero(a.tops * b.bottom != b.tops * a.bottom)
    return int(found[0]) if len(found) else None
