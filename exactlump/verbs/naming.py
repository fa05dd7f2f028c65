# SPDX-License-Identifier: Apache-2.0
"""This file is about what people call the elements of a network's inputs: x[2], or [channel, row, column] of images."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from exactlump.network.kinds import Reorder
from exactlump.network.program import Network
from exactlump.network.views import Port, Shape


@dataclass(frozen=True, slots=True)
class Input:
    """An input: its name, its shape, and what its axes are called; () where nobody says."""

    name: str
    shape: tuple[int, ...]
    axes: tuple[str, ...] = ()

    def element(self, i: int) -> str:
        """The name of element i, in row-major order.

        >>> Input("x", (3,)).element(2), Input("x", (2, 3, 4)).element(23)
        ('x[2]', 'x[1, 2, 3]')
        """
        places: list[str] = []
        for size in reversed(self.shape):
            i, place = divmod(i, size)
            places.insert(0, str(place))
        return f"{self.name}[{', '.join(places)}]"


def inputs_of(network: Network) -> tuple[Input, ...]:
    """The inputs of a network."""
    return tuple(Input(port.name, port.shape, _axes(network, port)) for port in network.inputs)


def element(inputs: Sequence[Input], i: int) -> str:
    """The name of the i-th of all elements, one input after the other."""
    for one in inputs:
        size = math.prod(one.shape)
        if i < size:
            return one.element(i)
        i -= size
    raise IndexError(i)


def legend(inputs: Sequence[Input]) -> str:
    """What the places in the names are, where it is known and the same for all inputs; else "".

    >>> legend([Input("x", (1, 2, 2), ("channel", "row", "column"))]), legend([Input("x", (3,))])
    (' by [channel, row, column]', '')
    """
    known = {one.axes for one in inputs}
    (axes,) = known if len(known) == 1 else ((),)
    return f" by [{', '.join(axes)}]" if axes else ""


def _axes(network: Network, port: Port) -> tuple[str, ...]:
    """What the axes of an image are called: its channels are those that its readers see as channels."""
    found = _channels(network, port.name, port.shape, range(len(port.shape))) if len(port.shape) == 3 else set()
    (channel,) = found if len(found) == 1 else (None,)
    if channel is None:
        return ()
    names = ["row", "column"]
    names.insert(channel, "channel")
    return tuple(names)


def _channels(network: Network, name: str, shape: Shape, axes: Sequence[int]) -> set[int | None]:
    """The axes of an input that readers of a tensor take for channels; None among them for any other reader.

    axes: for each axis of the tensor, that of the input.
    """
    found: set[int | None] = set()
    for reader in network.consumers[name]:
        if not isinstance(reader, Reorder) or (reader.axes is None and reader.shape != shape):
            found.add(None)
            continue
        order = axes if reader.axes is None else [axes[axis] for axis in reader.axes]
        if len(reader.shape) != len(order):
            found.add(None)
        elif reader.channel is not None:
            found.add(order[reader.channel])
        else:
            found |= _channels(network, reader.target, reader.shape, order)
    return found
