# SPDX-License-Identifier: Apache-2.0
"""This file is about streams: the tensors of a network that are tied unit by unit, and must be widened alike.

A stream is named by its first tensor.  A selection, or elements that were images, starts a stream that is *derived*
from those it reads.  Throughout: v, u units; a table `stream` gives each tensor's stream.
"""

from collections.abc import Sequence
from dataclasses import replace

from exactlump.lumping.maximum import meets_padding
from exactlump.network.kinds import Activate, Conv, Dense, Head, Node, Reorder, Select, groups
from exactlump.network.program import Network
from exactlump.network.views import View
from exactlump.numbers.rational import Rational


def streams(network: Network) -> dict[str, str]:
    """For each tensor the first tensor of its stream."""
    first = {name: name for name in network.views}

    def find(name: str) -> str:
        while first[name] != name:
            name = first[name]
        return name

    order = {name: i for i, name in enumerate(network.views)}
    for node in network.nodes:
        if _ties(network, node):
            names = sorted({find(name) for name in (*node.reads, node.target)}, key=order.__getitem__)
            first.update(dict.fromkeys(names, names[0]))
    return {name: find(name) for name in network.views}


def _ties(network: Network, node: Node) -> bool:
    """Whether the units of a node's target are those of its sources, one by one."""
    if isinstance(node, Reorder):
        return network.views[node.source].positions == network.views[node.target].positions
    return not isinstance(node, Dense | Select) and not (isinstance(node, Conv) and not is_depthwise(node))


def takes_apart(network: Network, node: Reorder) -> bool:
    """Whether images become elements, in one row or in a shape that has their channels as one axis."""
    return network.views[node.source].positions > network.views[node.target].positions


def is_depthwise(node: Node) -> bool:
    """Whether each channel is made from the same channel below."""
    if not isinstance(node, Conv):
        return False
    rows, columns = node.weight.shape
    return rows > 1 and rows * node.window.taps == columns and groups(node) == rows


def frozen(network: Network, stream: dict[str, str]) -> set[str]:
    """Streams that stay as they are; and with a stream, what it is derived from."""
    frozen = {stream[name] for name in (*(port.name for port in network.inputs), *network.outputs)}
    derived: dict[str, set[str]] = {}
    for node in network.nodes:
        if isinstance(node, Head) or (isinstance(node, Reorder) and not _resizable(network, node)):
            frozen |= {stream[name] for name in (*node.reads, node.target)}
        elif isinstance(node, Select) or (isinstance(node, Reorder) and takes_apart(network, node)):
            own = stream[node.target]
            derived.setdefault(own, set()).update(stream[name] for name in node.reads)
            if own != node.target or own in derived[own]:
                frozen.add(own)
    for own in reversed(derived):
        if own in frozen:
            frozen |= derived[own]
    # What is frozen on one way is so on the others.
    before = -1
    while before != len(frozen):
        before = len(frozen)
        frozen |= {below for own in derived if own in frozen for below in derived[own]}
    return frozen


def _resizable(network: Network, node: Reorder) -> bool:
    """Whether the reordering means the same for any number of units."""
    view, target = network.views[node.source], network.views[node.target]
    if view.positions < target.positions:
        return False
    if _axis(view) is None or _axis(target) is None:
        return False
    units = view.units + 1
    wide = wider(view, units)
    order = node.order(wide.shape)
    if view.positions > target.positions:
        return len(target.shape) == 1
    return replace(node, shape=wider(target, units).shape).keeps_units(wide) and (
        view.positions > 1 or order == tuple(range(units))
    )


def _axis(view: View) -> int | None:
    """The axis that has the units: the channel axis, or the only one that is not 1."""
    if view.channel is not None:
        return view.channel
    axes = [i for i, n in enumerate(view.shape) if n == view.elements]
    return axes[0] if axes else None


def wider(view: View, units: int) -> View:
    """The view with another number of units."""
    axis = _axis(view)
    assert axis is not None
    return View((*view.shape[:axis], units, *view.shape[axis + 1 :]), view.channel)


def scalable(network: Network, stream: dict[str, str], ratios: Sequence[Rational]) -> dict[str, list[bool]]:
    """For each stream and unit, whether all functions take these multiples to the same multiples."""
    found = {own: [True] * network.units(own) for own in dict.fromkeys(stream.values())}
    for node in reversed(network.nodes):
        own = found[stream[node.target]]
        if isinstance(node, Activate):
            found[stream[node.target]] = [
                ok and all(f.scaling(c) == c for c in ratios) for ok, f in zip(own, node.functions, strict=True)
            ]
        elif isinstance(node, Select):
            for v, (i, u) in enumerate(node.picks):
                found[stream[node.sources[i]]][u] &= own[v]
        elif isinstance(node, Reorder) and takes_apart(network, node):
            for v, (u, _) in enumerate(origins(node, network.views[node.source])):
                found[stream[node.source]][u] &= own[v]
    return found


def padded(network: Network, stream: dict[str, str]) -> set[str]:
    """Streams that zero padding may be put around, and what is derived from them."""
    padded = {stream[name] for name in network.views if meets_padding(network, name)}
    for node in network.nodes:
        if isinstance(node, Select | Reorder) and any(stream[name] in padded for name in node.reads):
            padded.add(stream[node.target])
    return padded


def origins(node: Reorder, view: View) -> list[tuple[int, int]]:
    """For each element after a reordering, the unit and the position it comes from."""
    parts = view.parts()
    return [parts[e] for e in node.order(view.shape)]
