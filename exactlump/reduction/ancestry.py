# SPDX-License-Identifier: Apache-2.0
"""This file is about ancestry: what of N stands behind the layers of its quotient Q.

Throughout: k a class (unit of Q); its members are the units of N that are multiples of it.
"""

from collections.abc import Collection, Mapping
from functools import cached_property

from exactlump.lumping.simulations import Row
from exactlump.network.kinds import Conv, Dense
from exactlump.network.layers import Layer, anchors, layer, sources
from exactlump.network.program import Network
from exactlump.numbers.rational import ONE, Rational
from exactlump.reduction.quotient import Step


class Ancestry:
    """A network N and its quotient Q, by the anchored tensors of Q; those of N have the same names.

    derived   linear layers of N that are fused in Q
    anchored  the anchored tensors of Q, with the reason why they are kept
    layers    the layers of Q, by the tensors in which they end
    below     the anchored tensors that each layer of Q reads
    members   for each tensor and class its members, with their ratios; inputs stand for themselves
    """

    def __init__(self, original: Network, quotient: Step, derived: Collection[str]) -> None:
        self.original, self.q, self.simulation, self.derived = original, quotient.network, quotient.simulation, derived
        self.anchored = anchors(self.q)
        made = [tensor for tensor in self.anchored if tensor in self.q.producer]
        self.layers = {tensor: layer(self.q, tensor, self.anchored) for tensor in made}
        self.below = {tensor: sources(self.q, tensor, self.anchored) for tensor in made}
        self.members = {tensor: self._members(tensor) for tensor in self.anchored}

    def _members(self, tensor: str) -> list[dict[int, Rational]]:
        if tensor not in self.simulation:
            return [{k: ONE} for k in range(self.q.units(tensor))]
        members: list[dict[int, Rational]] = [{} for _ in range(self.q.units(tensor))]
        for v, row in enumerate(self.simulation[tensor].rows):
            if row.single is not None:
                k, c = row.single
                members[k][v] = c
        return members

    # The layers of Q.

    def mixing(self, tensor: str) -> Dense | Conv | None:
        """The Dense or Conv node of the layer of Q that ends in a tensor."""
        return self.layers[tensor].mixing if tensor in self.layers else None

    def span(self, tensor: str) -> int:
        """How many columns of that node belong to each unit below."""
        node = self.mixing(tensor)
        assert node is not None
        return node.weight.shape[1] // self.q.units(self.below[tensor][0])

    def reads(self, above: str, tensor: str) -> bool:
        """Whether the weights of the layer that ends in `above` are on the units of a tensor."""
        return self.mixing(above) is not None and self.below[above] == (tensor,)

    def is_kept(self, tensor: str) -> bool:
        """Whether a tensor of Q is kept as it is."""
        return self.anchored[tensor] is not None

    # The layers of N behind them.

    @cached_property
    def _anchors(self) -> set[str]:
        return {port.name for port in self.original.inputs} | self.simulation.keys()

    def original_layer(self, tensor: str) -> Layer | None:
        """The layer of N that ends in a tensor, if N has it."""
        known = tensor in self.original.producer
        return layer(self.original, tensor, self._anchors) if known else None

    def original_mixing(self, tensor: str) -> Dense | Conv | None:
        """The Dense or Conv node of N right below an anchored tensor, with no more than an activation between.

        None where it reads a flattened image: the columns are in another order there.
        """
        own = self.original_layer(tensor)
        if own is None or not own.only_functions_follow or self.fused_in(tensor):
            return None
        flattened = own.mixing is not None and own.mixing.window is None and self.span(tensor) > 1
        return None if flattened else own.mixing

    def fused_in(self, tensor: str) -> list[str]:
        """The linear layers of N that are fused into the layer that ends in this tensor."""
        own = self.original_layer(tensor)
        return [node.target for node in own.nodes if node.target in self.derived] if own else []

    def constants_below(self, tensor: str, *, zeros: bool = False) -> set[tuple[str, int]]:
        """The units below a layer of N that are constants, those of 0 left out if they are not wanted."""
        known = tensor in self.original.producer
        return {
            (name, u)
            for name in (sources(self.original, tensor, self._anchors) if known else ())
            for u, row in enumerate(self.rows(name))
            if row.constant or (zeros and row.constant is not None)
        }

    def rows(self, tensor: str) -> tuple[Row, ...]:
        """What the units of a tensor of N are of Q; none where nothing is said of it."""
        return self.simulation[tensor].rows if tensor in self.simulation else ()


def origin(members: Mapping[int, Rational]) -> int | None:
    """The member of a class that the class is, if there is one."""
    return next((v for v, ratio in members.items() if ratio == 1), None)
