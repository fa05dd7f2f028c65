# SPDX-License-Identifier: Apache-2.0
"""This file is about `_repr_svg_`: what a notebook shows of a network, a lumping, a reduction, a graph.

Each function takes the thing and returns SVG text.  `svg_of` is the one that `exactlump/showing.py` asks.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from exactlump.drawing.chains import draw_chain
from exactlump.drawing.networks import draw, draw_lumping
from exactlump.drawing.savings import LayerLike, draw_savings, savings_of
from exactlump.drawing.svg import stacked
from exactlump.errors import ExactlumpError
from exactlump.lumping.maximum import Lumping
from exactlump.lumping.simulations import Relation
from exactlump.markov import Graph
from exactlump.network.program import Network


class ReductionLike(Protocol):
    """What is asked of a reduction: the network before, its half of the certificate, and a report for each layer."""

    @property
    def original(self) -> Network:
        """The network before."""

    @property
    def forward(self) -> Mapping[str, Relation]:
        """The simulation from it to the quotient."""

    @property
    def layers(self) -> Sequence[LayerLike]:
        """What happened to each hidden layer."""


def svg_of(thing: object) -> str | None:
    """The picture of a network, a lumping, a graph or a reduction; None where it has none.  Raises nothing."""
    try:
        if isinstance(thing, Network):
            return network_svg(thing)
        if isinstance(thing, Lumping):
            return lumping_svg(thing)
        if isinstance(thing, Graph):
            return graph_svg(thing)
        found: Any = thing
        return reduction_svg(found)
    except (ExactlumpError, AttributeError):  # sizes that are not known; a thing that nobody draws
        return None


def network_svg(network: Network) -> str:
    """The picture of a network."""
    return draw(network).svg()


def lumping_svg(lumping: Lumping) -> str:
    """The picture of a lumping, without its network: a bar for each layer."""
    return draw_lumping(lumping).svg()


def reduction_svg(reduction: ReductionLike) -> str:
    """The picture of a reduction: the network before, with what is not needed, and a bar for each hidden layer."""
    before = draw(reduction.original, reduction.forward)
    layers = draw_savings(savings_of(reduction.layers), together=True, title="Units of each hidden layer")
    return stacked([before, layers], title=before.title, description=before.description, gap=0).svg()


def graph_svg(graph: Graph) -> str:
    """The picture of a Markov chain or a labelled graph."""
    return draw_chain(graph).svg()
