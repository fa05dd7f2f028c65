# SPDX-License-Identifier: Apache-2.0
"""This file is about layers: where they end, which tensors may have their units merged or dropped, and what nodes hold.

A tensor is *anchored* when its units get rows of their own: what an activation or a max-pool defines, and every affine
tensor that something else reads than the next element-wise node of its layer.  The others are *derived* from those
below.  Some anchored tensors are *kept* as they are, unit by unit; the reason is said to the user.

What a node does is asked here, once, so that the rules of reduction ask layers instead of kinds of nodes.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeGuard

from exactlump.network.activations import Activation
from exactlump.network.kinds import Conv, Dense, Elementwise, Head, Node, Pick, Regrid, Reorder, mixing
from exactlump.network.program import Network
from exactlump.numbers.rational import Vector

INPUT, OUTPUT = "it is an input", "it is an output"


@dataclass(frozen=True)
class Layer:
    """The nodes from the anchored tensors below to an anchored tensor, in order; only the first may read several.

    Its *core* is what it is about: the Dense or Conv node (the last, where others are fused into it), or else the first
    node that is no reordering.  Before it lie reorderings, after it reorderings and what acts on each unit alone.
    """

    nodes: tuple[Node, ...]

    @cached_property
    def mixers(self) -> tuple[Dense | Conv, ...]:
        """The nodes with weights."""
        return tuple(found for node in self.nodes if (found := mixing(node)) is not None)

    @property
    def mixing(self) -> Dense | Conv | None:
        """The core, if it has weights."""
        return self.mixers[-1] if self.mixers else None

    @property
    def dense(self) -> Dense | None:
        """The core, if it has weights but no window."""
        return self.mixing if isinstance(self.mixing, Dense) else None

    @cached_property
    def _core(self) -> int:
        """The index of the core; the number of nodes where all are reorderings."""
        for i, node in enumerate(self.nodes):
            if node is self.mixing or not (self.mixers or node.reorders):
                return i
        return len(self.nodes)

    @property
    def core(self) -> Node | None:
        """The node that the layer is about; None: it only reorders."""
        return None if self.only_reorders else self.nodes[self._core]

    @property
    def before(self) -> tuple[Node, ...]:
        """The nodes before the core: reorderings, and what is fused."""
        return self.nodes[: self._core]

    @property
    def after(self) -> tuple[Node, ...]:
        """The nodes after the core."""
        return self.nodes[self._core + 1 :]

    @cached_property
    def elementwise(self) -> tuple[Node, ...]:
        """The nodes after the core that act on each unit alone: all but reorderings."""
        return tuple(node for node in self.after if isinstance(node, Elementwise))

    @property
    def only_reorders(self) -> bool:
        """Whether all nodes are reorderings."""
        return self._core == len(self.nodes)

    @cached_property
    def factors(self) -> tuple[Vector, ...]:
        """What units are multiplied by after the core."""
        return tuple(node.factor for node in self.elementwise if node.factor)

    @cached_property
    def sums(self) -> tuple[Vector, ...]:
        """What is added to units after the core."""
        return tuple(node.constant for node in self.elementwise if node.constant)

    @property
    def functions(self) -> tuple[Activation, ...]:
        """The functions at its end, if it has any."""
        return self.nodes[-1].functions

    @property
    def only_functions_follow(self) -> bool:
        """Whether nothing but one function a unit comes after the core, if that."""
        return not self.after or (len(self.after) == 1 and bool(self.functions))

    @property
    def only_mixes(self) -> bool:
        """Whether all nodes are weights or functions."""
        return all(node.functions or mixing(node) is not None for node in self.nodes)

    @property
    def is_fused(self) -> bool:
        """Whether other nodes than reorderings come before the core."""
        return not all(node.reorders for node in self.before)

    @property
    def head(self) -> Node | None:
        """The output head, or opaque operator, that it ends in, if it does."""
        last = self.nodes[-1]
        return last if last.mixes_all else None


def anchors(network: Network, derived: Collection[str] = ()) -> dict[str, str | None]:
    """Each anchored tensor, in topological order, with the reason why it is kept (None: it may change).

    derived: linear hidden layers that are to be fused into the layer above them.
    """
    found: dict[str, str | None] = {port.name: INPUT for port in network.inputs}
    for node in network.nodes:
        tensor = node.target
        if tensor in network.outputs:
            found[tensor] = OUTPUT
        elif node.mixes_all:
            found[tensor] = f"{node.function(0)} defines it"
        elif _moves_batch(network, node):
            found[tensor] = "it has another batch axis than the layer below"
        elif not node.affine or (tensor not in derived and _ends_a_layer(network, node, found)):
            found[tensor] = _why_kept(network, tensor) or _image(network, node, found)
    return found


def layer(network: Network, tensor: str, anchored: Collection[str]) -> Layer:
    """The layer that ends in `tensor`."""
    nodes: list[Node] = []
    while not nodes or tensor not in anchored:
        nodes.append(network.producer[tensor])
        names = nodes[-1].reads
        if len(names) != 1:
            break
        (tensor,) = names
    return Layer(tuple(reversed(nodes)))


def sources(network: Network, tensor: str, anchored: Collection[str]) -> tuple[str, ...]:
    """The anchored tensors that the layer which ends in `tensor` reads."""
    return tuple(ground(network, name, anchored) for name in layer(network, tensor, anchored).nodes[0].reads)


def end_of_layer(network: Network, mixing: str) -> str:
    """The anchored tensor that ends the layer of a Dense or Conv node, given what the node defines."""
    anchored = anchors(network)
    while mixing not in anchored and network.consumers[mixing]:
        mixing = network.consumers[mixing][0].target
    return mixing


def linear_layers(network: Network) -> tuple[str, ...]:
    """The anchored tensors that end a Dense layer without activation and are read by one Dense node each."""
    return tuple(
        tensor
        for tensor, kept in anchors(network).items()
        if kept is None
        and network.producer[tensor].affine
        and len(network.consumers[tensor]) == 1
        and network.views[tensor].channel is None
    )


def ground(network: Network, tensor: str, anchored: Collection[str]) -> str:
    """The anchored tensor from which nothing but derived element-wise nodes leads to a tensor."""
    while tensor not in anchored:
        (tensor,) = network.producer[tensor].reads
    return tensor


def trace(network: Network, nodes: Sequence[Node], units: Sequence[int]) -> list[list[int]]:
    """Where each unit after some nodes of a layer was: before the first of them, then after each of them."""
    positions = [list(units)]
    for node in reversed(nodes):
        positions.append([*node.origins(positions[-1], network.views[node.reads[0]])])
    return positions[::-1]


def keeps_whole(network: Network, nodes: Collection[Node]) -> bool:
    """Whether those of the nodes that are reorderings keep every unit in its place."""
    return all(node.keeps_units(network.views[node.reads[0]]) for node in nodes)


def _ends_a_layer(network: Network, node: Node, found: dict[str, str | None]) -> bool:
    """Whether rows must attach to an affine tensor, whatever defines it."""
    readers = network.consumers[node.target]
    own = layer(network, node.target, found)
    if own.only_reorders and found[own.nodes[0].reads[0]] is None:
        return not (
            keeps_whole(network, own.nodes)
            or all(isinstance(reader, Dense | Head | Reorder | Elementwise) for reader in readers)
        )
    return len(readers) != 1 or not (isinstance(readers[0], Elementwise) or _permutes(network, readers[0]))


def _permutes(network: Network, node: Node) -> bool:
    """Whether a node is a reordering that leaves units whole."""
    same = network.views[node.reads[0]].positions == network.views[node.target].positions if node.reads else False
    return node.reorders and (same or _regrids(node))


def _moves_batch(network: Network, node: Node) -> bool:
    """Whether a batch axis of known size becomes an axis of positions, or goes, or one of these a batch axis."""
    if not _regrids(node) or network.views[node.target].open:
        return False
    return node.batch is None or not network.views[node.source].open


def _regrids(node: Node) -> TypeGuard[Regrid]:
    return isinstance(node, Regrid)


def _why_kept(network: Network, tensor: str) -> str | None:
    """Why the units of a hidden tensor cannot change, judging by the nodes that read it."""
    if network.views[tensor].open and network.views[tensor].channel is None:
        return "it is one unit"
    for reader in network.consumers[tensor]:
        if reader.mixes_all:
            return f"{reader.function(0)} reads it"
        if isinstance(reader, Pick):
            return "it is read as images"
        if reader.reorders:
            if reader.target in network.outputs:
                return OUTPUT
            if not _regrids(reader) and network.views[reader.target].positions > network.views[tensor].positions:
                return "it is read as images"
            if reason := _why_kept(network, reader.target):
                return reason
    return None


def _image(network: Network, node: Node, found: dict[str, str | None]) -> str | None:
    """A reason to keep a tensor that no Dense or Conv node leads to from kept tensors."""
    if layer(network, node.target, found).mixing is not None:
        return None
    if any(found[name] is None for name in sources(network, node.target, found)):
        return None
    return "it is an element-wise image of the layer below"
