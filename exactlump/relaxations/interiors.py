# SPDX-License-Identifier: Apache-2.0
"""This file is about the layers of a network seen from below: rows over coordinates, and the domain that is assumed.

The coordinates are the inputs, and whatever no affine function reaches: the units after each activation, and the
elements that convolutions and pools define.  Each has an interval that it never leaves: the box, where one is given,
carried upwards in exact interval arithmetic; else all reals, and at least 0 after a ReLU.  The intervals hold more
points than the network ever reaches, so what is right on them is right in the network, and not the other way round.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from exactlump.network.activations import Activation
from exactlump.network.kinds import Dense, Node, mixing
from exactlump.network.meaning import Anchored
from exactlump.network.program import Network
from exactlump.numbers.rational import ZERO, Rational
from exactlump.points.affine import Row, acts_on_elements, coordinate, rows_after
from exactlump.points.boxes import Box
from exactlump.relaxations.regions import bounds


@dataclass(frozen=True)
class Layer:
    """A layer of neurons.

    name       the tensor after the activation
    rows       what each neuron has before its activation, over the coordinates
    functions  the activations
    box        the domain: an interval for each coordinate
    inputs     whether the rows read inputs of the network only
    closed     why none of its neurons can be replaced, "" when they can
    chain      the Dense node and the element-wise nodes up to the activation
    after      the neurons after the activation, over the coordinates
    names      of the coordinates: tensor and element
    """

    name: str
    rows: tuple[Row, ...]
    functions: tuple[Activation, ...]
    box: Box
    inputs: bool
    closed: str
    chain: tuple[Node, ...]
    after: tuple[Row, ...]
    names: tuple[tuple[str, int], ...]

    @property
    def dense(self) -> str:
        """The tensor that the layer's Dense node defines."""
        return self.chain[0].target if self.chain else self.name


def layers_of(network: Network, box: Box) -> list[Layer]:
    """All layers of neurons, from the inputs up; `box` bounds the network's inputs."""
    return _Walk(network, box).layers


class _Walk:
    """The rows of all tensors over numbered coordinates, and their intervals."""

    def __init__(self, network: Network, box: Box) -> None:
        self.network = network
        self.lower, self.upper = list(box.lower), list(box.upper)
        self.known: dict[str, Sequence[Row]] = {}
        self.names = [(port.name, e) for port in network.inputs for e in range(network.views[port.name].elements)]
        found: list[Node] = []
        start = 0
        for port in network.inputs:
            units = network.views[port.name].elements
            self.known[port.name] = [coordinate(start + i) for i in range(units)]
            start += units
        self.inputs = start
        for node in network.nodes:
            self.known[node.target] = self._after(node)
            if node.functions and network.views[node.target].positions == 1:
                found.append(node)
        self.layers = [self._layer(node, self._domain(box.name)) for node in found]

    def _domain(self, name: str = "box") -> Box:
        return Box(tuple(self.lower), tuple(self.upper), name)

    def _after(self, node: Node) -> Sequence[Row]:
        if node.functions:
            return self._activated(node)
        if acts_on_elements(self.network, node):
            return rows_after(self.network, node, self.known)
        domain = self._domain()
        least = (bounds(row, domain)[0] for name in node.reads for row in self.known[name])
        low = ZERO if self._adds_up(node) and all(end is not None and end >= 0 for end in least) else None
        return [self._new((node.target, e), low, None) for e in range(self.network.views[node.target].elements)]

    def _adds_up(self, node: Node) -> bool:
        """Whether a node that mixes no units makes of units that are at least 0 others that are."""
        found = self.network.parts(node)
        if isinstance(found, Anchored) or mixing(node) is not None:
            return False
        sums = map(found.of, range(self.network.units(node.target)))
        return all(constant >= 0 and all(part.weight >= 0 for part in parts) for parts, constant in sums)

    def _new(self, name: tuple[str, int], low: Rational | None, high: Rational | None) -> Row:
        self.names.append(name)
        self.lower.append(low)
        self.upper.append(high)
        return coordinate(len(self.lower) - 1)

    def _activated(self, node: Node) -> Sequence[Row]:
        view, rows = self.network.views[node.target], self.known[node.reads[0]]
        domain = self._domain()
        after = []
        for e, row in enumerate(rows):
            sigma = node.functions[view.unit(e)[0]]
            after.append(row if sigma.slope == 1 else self._new((node.target, e), *image(sigma, *bounds(row, domain))))
        return after

    def _layer(self, node: Node, domain: Box) -> Layer:
        rows = tuple(self.known[node.reads[0]])
        chain, reason = _chain(self.network, node)
        return Layer(
            name=node.target,
            rows=rows,
            functions=node.functions,
            box=domain,
            inputs=all(i < self.inputs for row in rows for i in row.weights),
            closed=reason or _closed(self.network, node),
            chain=chain,
            after=tuple(self.known[node.target]),
            names=tuple(self.names),
        )


def image(sigma: Activation, low: Rational | None, high: Rational | None) -> tuple[Rational | None, Rational | None]:
    """The interval of an activation's values on an interval; None is no bound."""
    if sigma.slope is None:
        return None, None
    ends = [sigma(end) for end in (low, high) if end is not None]
    if (low is None or low < 0) and (high is None or high > 0):
        ends.append(ZERO)
    down, up = low is None and sigma.slope != 0, high is None
    unbounded_below = down and sigma.slope > 0
    unbounded_above = up or (down and sigma.slope < 0)
    if low is None and sigma.slope == 0:
        ends.append(ZERO)
    return None if unbounded_below else min(ends), None if unbounded_above else max(ends)


def _chain(network: Network, node: Node) -> tuple[tuple[Node, ...], str]:
    """The Dense node and the element-wise ones that lead to an activation, and why there are none."""
    chain: list[Node] = []
    (tensor,) = node.reads
    while tensor in network.producer:
        below = network.producer[tensor]
        if tensor in network.outputs or len(network.consumers[tensor]) != 1:
            return (), "other nodes read it before its activation"
        chain.append(below)
        if isinstance(below, Dense):
            return tuple(reversed(chain)), ""
        if not (below.factor or below.constant):
            break
        (tensor,) = below.reads
    return (), "no dense layer leads to it"


def _closed(network: Network, node: Node) -> str:
    """Why what the layer feeds cannot be redirected."""
    if node.target in network.outputs:
        return "it is an output"
    if any(not isinstance(reader, Dense) for reader in network.consumers[node.target]):
        return "other nodes than dense layers read it"
    return ""
