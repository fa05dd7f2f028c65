# SPDX-License-Identifier: Apache-2.0
"""This file is about the tensors that an ONNX file does not name: readers imply them before operators on images.

`Reader.image` and `Reader.elements` (onnx_graph) make them; what is found here is left out of a written file.
"""

from collections.abc import Mapping

from exactlump.network.kinds import Add, Dense, Elementwise, Head, Node, Pick, Regrid, Reorder, Select
from exactlump.network.program import Network
from exactlump.network.views import View
from exactlump.numbers.rational import fraction


def implied(network: Network) -> Mapping[str, str]:
    """The tensors that a reader of the written file implies, each with the tensor that it is made of."""
    found: dict[str, str] = {}
    for node in reversed(network.nodes):  # a tensor of elements may be implied by one of images that is made of it
        if isinstance(node, Pick) or (isinstance(node, Reorder) and _is_implied(network, node, found)):
            found[node.target] = node.source
    return found


def _is_implied(network: Network, node: Reorder, found: Mapping[str, str]) -> bool:
    source, target = network.views[node.source], network.views[node.target]
    readers = network.consumers[node.target]
    if (
        isinstance(node, Regrid)
        or node.cast
        or node.axes is not None
        or source.shape != target.shape
        or node.target in network.outputs
        or not readers
    ):
        return False
    if node.target == f"{node.source} as image":
        there = target.channel == 0 or (target.channel == 1 and all(isinstance(r, Dense) for r in readers))
        return source.channel is None and there and all(r.window is not None or _is_along(r) for r in readers)
    axes = (target.channel or 0, (target.channel or 0) + 1)  # with a batch axis, or without
    if node.target in [f"{node.source} as image of axis {axis}" for axis in axes]:
        return source.channel is None and target.channel is not None and all(map(_is_along, readers))
    if node.target == f"{node.source} as elements":
        return (
            source.channel is not None
            and target.channel is None
            and all(_implies_elements(network, reader, node, found) for reader in readers)
        )
    return False


def _is_along(reader: Node) -> bool:
    """Whether an operator is along some axis of units."""
    return isinstance(reader, Dense | Add | Select)


def _implies_elements(network: Network, reader: Node, node: Reorder, found: Mapping[str, str]) -> bool:
    """Whether a node that is said to read the source of `node` reads its elements."""
    view = network.views[node.source]
    if isinstance(reader, Regrid):  # a batch of one that goes
        return not reader.open and reader.batch is None and reader.channel is None and view.positions > 1
    if reader.reorders:
        return reader.target in found and view.channel != network.views[reader.target].channel
    if isinstance(reader, Elementwise):
        return not _uniform(reader, view)
    if isinstance(reader, Head):
        return bool(view.positions > 1)
    if isinstance(reader, Add):
        return len({_channel(network, name) for name in reader.sources}) > 1
    return False


def _uniform(node: Elementwise, view: View) -> bool:
    """Whether what a node does to each element is the same at all positions of each channel."""
    entries = [*node.functions, *map(fraction, node.factor or node.constant)]
    firsts = [entries[view.index(unit, 0)] for unit in range(view.units)]
    return all(entry == firsts[view.unit(element)[0]] for element, entry in enumerate(entries))


def _channel(network: Network, tensor: str) -> int | None:
    """The channel axis of a tensor, or of the one whose elements it has by name."""
    node = network.producer.get(tensor)
    if node is not None and node.reorders and tensor == f"{node.reads[0]} as elements":
        return network.views[node.reads[0]].channel
    return network.views[tensor].channel
