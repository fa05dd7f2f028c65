# SPDX-License-Identifier: Apache-2.0
"""This file is about where relations attach: the tensors of a network whose units may be merged or dropped.

A tensor is *anchored* when its units get rows of their own: what an activation or a max-pool defines, and every affine
tensor that something else reads than the next element-wise node of its layer.  The others are *derived* from those
below.  Some anchored tensors are *kept* as they are, unit by unit; the reason is said to the user.
"""

from collections.abc import Collection

from exactlump.network.kinds import Activate, Conv, Dense, Head, MaxPool, Node, Reorder, Scale, Shift
from exactlump.network.program import Network

INPUT, OUTPUT = "it is an input", "it is an output"


def anchors(network: Network, derived: Collection[str] = ()) -> dict[str, str | None]:
    """Each anchored tensor, in topological order, with the reason why it is kept (None: it may change).

    derived: linear hidden layers that are to be fused into the layer above them.
    """
    found: dict[str, str | None] = {port.name: INPUT for port in network.inputs}
    for node in network.nodes:
        tensor = node.target
        if tensor in network.outputs:
            found[tensor] = OUTPUT
        elif isinstance(node, Head):
            found[tensor] = f"{node.kind} defines it"
        elif isinstance(node, Activate | MaxPool) or (tensor not in derived and _ends_a_layer(network, node, found)):
            found[tensor] = _why_kept(network, tensor) or _image(network, node, found)
    return found


def layer(network: Network, tensor: str, anchored: Collection[str]) -> tuple[Node, ...]:
    """The nodes from the anchored tensors below to `tensor`, in order; only the first may read several tensors."""
    nodes: list[Node] = []
    while not nodes or tensor not in anchored:
        nodes.append(network.producer[tensor])
        names = nodes[-1].reads
        if len(names) > 1:
            break
        (tensor,) = names
    return tuple(reversed(nodes))


def sources(network: Network, tensor: str, anchored: Collection[str]) -> tuple[str, ...]:
    """The anchored tensors that the layer which ends in `tensor` reads."""
    return tuple(ground(network, name, anchored) for name in layer(network, tensor, anchored)[0].reads)


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
        and not isinstance(network.producer[tensor], Activate | MaxPool)
        and len(network.consumers[tensor]) == 1
        and network.views[tensor].channel is None
    )


def ground(network: Network, tensor: str, anchored: Collection[str]) -> str:
    """The anchored tensor from which nothing but derived element-wise nodes leads to a tensor."""
    while tensor not in anchored:
        (tensor,) = network.producer[tensor].reads
    return tensor


def _ends_a_layer(network: Network, node: Node, found: dict[str, str | None]) -> bool:
    """Whether rows must attach to an affine tensor, whatever defines it."""
    readers = network.consumers[node.target]
    nodes = layer(network, node.target, found)
    if all(isinstance(n, Reorder) for n in nodes) and found[nodes[0].reads[0]] is None:
        unitwise = Dense | Head | Reorder | Scale | Shift | Activate
        return not (_whole(network, nodes) or all(isinstance(reader, unitwise) for reader in readers))
    return len(readers) != 1 or not (isinstance(readers[0], Scale | Shift | Activate) or _permutes(network, readers[0]))


def _permutes(network: Network, node: Node) -> bool:
    """Whether a node is a reordering that leaves units whole."""
    return isinstance(node, Reorder) and network.views[node.source].positions == network.views[node.target].positions


def _whole(network: Network, nodes: Collection[Node]) -> bool:
    """Whether nodes are reorderings that keep every unit in its place."""
    return all(isinstance(node, Reorder) and node.keeps_units(network.views[node.source]) for node in nodes)


def _why_kept(network: Network, tensor: str) -> str | None:
    """Why the units of a hidden tensor cannot change, judging by the nodes that read it."""
    for reader in network.consumers[tensor]:
        if isinstance(reader, Head):
            return f"{reader.kind} reads it"
        if isinstance(reader, Reorder):
            if reader.target in network.outputs:
                return OUTPUT
            if network.views[reader.target].positions > network.views[tensor].positions:
                return "it is read as images"
            if reason := _why_kept(network, reader.target):
                return reason
    return None


def _image(network: Network, node: Node, found: dict[str, str | None]) -> str | None:
    """A reason to keep a tensor that no Dense or Conv node leads to from kept tensors."""
    if any(isinstance(n, Dense | Conv) for n in layer(network, node.target, found)):
        return None
    if any(found[name] is None for name in sources(network, node.target, found)):
        return None
    return "it is an element-wise image of the layer below"
