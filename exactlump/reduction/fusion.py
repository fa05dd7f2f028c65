# SPDX-License-Identifier: Apache-2.0
"""This file is about fusing two Dense nodes in a row, without activation between them, where that costs no weight."""

from collections.abc import Collection

from exactlump.lumping.forms import Forms, combine
from exactlump.lumping.simulations import Simulation
from exactlump.network.kinds import Dense
from exactlump.network.layers import linear_layers
from exactlump.network.program import Network
from exactlump.numbers.rational import ONE

# Fusing a pair may make the checker's expansion of the original cost at most this many times its weights.
EXPANSION = 4


def fusible(
    original: Network, quotient: Network, simulation: Simulation, never: Collection[str] = ()
) -> tuple[str | None, tuple[str, ...]]:
    """The first linear layer of both networks to fuse into the layer above, and those declined for their cost alone.

    Rule: the fused matrix has no more non-zero weights than the pair, and expanding the original's derived tensor costs
    at most `EXPANSION` times its weights.
    """
    declined: list[str] = []
    candidates = set(linear_layers(original)) - set(never)
    for tensor in linear_layers(quotient):
        if tensor not in candidates:
            continue
        node, (above,) = quotient.producer[tensor], quotient.consumers[tensor]
        if not isinstance(node, Dense) or not isinstance(above, Dense):
            continue
        forms = Forms(quotient)
        forms.anchor(node.source)
        below = forms.of(tensor)
        sizes = [len(form.terms) for form in below]
        fused = sum(len(combine(above.weight.row(v), ONE, below).terms) for v in range(above.weight.shape[0]))
        if fused > sum(sizes) + above.weight.nonzeros:
            continue
        if _expansion(original, tensor, simulation, sizes) <= EXPANSION * original.nonzeros:
            return tensor, tuple(declined)
        declined.append(tensor)
    return None, tuple(declined)


def _expansion(original: Network, tensor: str, simulation: Simulation, sizes: list[int]) -> int:
    """How many products the checker forms when it expands the original's Dense node above a derived tensor."""
    cost = [sum(sizes[k] for k, _ in row.terms) if row.sum is not None else 1 for row in simulation[tensor].rows]
    (above,) = original.consumers[tensor]
    assert isinstance(above, Dense)
    return sum(cost[u] for v in range(above.weight.shape[0]) for u in above.weight.row(v))
