# SPDX-License-Identifier: Apache-2.0
"""This file is about where relations attach: the tensors of a network whose units may be merged or dropped.

A tensor is *anchored* when its units get rows of their own: every activation output, and every linear hidden
layer that is not fused.  The affine tensors between them are *derived* from those below.  Some
anchored tensors are *kept* as they are, unit by unit; the reason is said to the user.
"""

from collections.abc import Collection

from exactlump.network import Activate, Dense, Head, Network, Node, Reorder

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
        elif isinstance(node, Activate):
            found[tensor] = _why_kept(network, tensor) or _elementwise(network, node, found)
        elif tensor not in derived and _ends_a_layer(network, node, found):
            found[tensor] = _why_kept(network, tensor) or _elementwise(network, node, found)
    return found


def layer(network: Network, tensor: str, anchored: Collection[str]) -> tuple[Node, ...]:
    """The nodes from the anchored tensor below to `tensor`, in order."""
    nodes: list[Node] = []
    while not nodes or tensor not in anchored:
        nodes.append(network.producer[tensor])
        tensor = nodes[-1].source
    return tuple(reversed(nodes))


def end_of_layer(network: Network, dense: str) -> str:
    """The anchored tensor that ends the layer of a Dense node, given what the Dense node defines."""
    anchored = anchors(network)
    while dense not in anchored and network.consumers[dense]:
        dense = network.consumers[dense][0].target
    return dense


def linear_layers(network: Network) -> tuple[str, ...]:
    """The anchored tensors that end a Dense layer without activation and are read by one Dense node each."""
    return tuple(
        tensor
        for tensor, kept in anchors(network).items()
        if kept is None and not isinstance(network.producer[tensor], Activate) and len(network.consumers[tensor]) == 1
    )


def _ends_a_layer(network: Network, node: Node, found: dict[str, str | None]) -> bool:
    """Whether rows must attach to an affine tensor, whatever defines it."""
    nodes = layer(network, node.target, found)
    if all(isinstance(n, Reorder) for n in nodes) and found[nodes[0].source] is None:
        return False
    readers = network.consumers[node.target]
    return len(readers) != 1 or isinstance(readers[0], Dense | Head)


def _why_kept(network: Network, tensor: str) -> str | None:
    """Why the units of a hidden tensor cannot change, judging by the nodes that read it."""
    readers = network.consumers[tensor]
    affine = not isinstance(network.producer[tensor], Activate)
    if affine and len(readers) > 1 and not all(isinstance(reader, Dense) for reader in readers):
        return "several nodes read it"
    for reader in readers:
        if isinstance(reader, Head):
            return f"{reader.kind} reads it"
        if isinstance(reader, Reorder):
            if reader.target in network.outputs or (reason := _why_kept(network, reader.target)):
                return OUTPUT if reader.target in network.outputs else reason
        elif not isinstance(reader, Dense):
            return "an element-wise node reads it"
    return None


def _elementwise(network: Network, node: Node, found: dict[str, str | None]) -> str | None:
    """A reason to keep a tensor that no Dense node leads to since the anchored tensor below."""
    if any(isinstance(n, Dense) for n in layer(network, node.target, found)):
        return None
    return "it is an element-wise image of the layer below"
