# SPDX-License-Identifier: Apache-2.0
"""This file is about what stands in the way in an ONNX file: what is opaque, what is refused, why, and what helps."""

from collections import Counter
from collections.abc import Collection, Iterator
from typing import NamedTuple

from onnx import GraphProto, ModelProto, NodeProto

from exactlump.errors import ExactlumpError
from exactlump.formats.onnx.opaque import STANDARD, demand_function, name_of
from exactlump.network.program import Network


class Obstacle(NamedTuple):
    """A node that no rule reads.

    place     the node's name, as viewers of networks show it
    operator  its domain and operator
    why       what the rules lack
    remedy    what to do about it; "": nothing
    """

    place: str
    operator: str
    why: str
    remedy: str


_REMEDIES = {
    "found unknown sizes": "--shape NAME=1,3,224,224 gives the sizes of an input",
    "found a tensor of unknown shape": "declare shapes: onnx.shape_inference.infer_shapes_path(IN, OUT)",
    "an unknown shape": "declare shapes: onnx.shape_inference.infer_shapes_path(IN, OUT)",
    "belongs to the domain": "--opaque-domain NAME says that operators of a domain are functions",
    "may train": "export the network in its evaluation mode",
    "training": "export the network in its evaluation mode",
}


def remedy_of(why: str) -> str:
    """What helps against a reason."""
    return next((words for sign, words in _REMEDIES.items() if sign in why), "")


def obstacles(network: Network) -> tuple[Obstacle, ...]:
    """The opaque operators of a network, each once."""
    calls = {node.call.node: node.call for node in network.opaque}.values()
    return tuple(Obstacle(call.place, call.operator, call.why, remedy_of(call.why)) for call in calls)


def refusals(model: ModelProto, known: Collection[str], domains: Collection[str]) -> tuple[Obstacle, ...]:
    """The nodes that have no rule and cannot be taken for functions.

    known: the names of the operators that have rules
    """
    return tuple(_refusals(model.graph, known, domains))


def _refusals(graph: GraphProto, known: Collection[str], domains: Collection[str]) -> Iterator[Obstacle]:
    for node in graph.node:
        if name_of(node) not in known:
            try:
                demand_function(node, [*domains])
            except ExactlumpError as error:
                yield Obstacle(place_of(node), name_of(node), str(error), remedy_of(str(error)))


def place_of(node: NodeProto) -> str:
    """The node's name, or that of what it makes."""
    return node.name or next(filter(None, node.output), "")


def histogram(model: ModelProto) -> dict[str, int]:
    """How many nodes there are of each operator; those of ONNX's own domain by their bare names."""
    names = (node.op_type if node.domain in STANDARD else name_of(node) for node in model.graph.node)
    return dict(sorted(Counter(names).items()))
