# SPDX-License-Identifier: Apache-2.0
"""This file is about a domain: units of a network that never fire on its boxes, and the network without them.

The network that is left computes the same function on the boxes, and another one elsewhere.  Bounds are those of the
network alone, in the checker's own arithmetic (docs/trust.md, T8'), so that the checker finds the same units.

Throughout: a unit is *dead* when its function is 0 up to 0 and no box has a point where it is positive before that.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from exactlump.bounding.boxes import Domain, outward
from exactlump.bounding.exact_pass import Pass
from exactlump.bounding.preparing import prepare
from exactlump.bounding.program import Program
from exactlump.errors import ShapeError
from exactlump.lumping.kinks import zero_below
from exactlump.lumping.simulations import Idle, Relation, Simulation, Twin
from exactlump.network.kinds import Conv, Dense, Node, mixing
from exactlump.network.program import Network
from exactlump.numbers.matrix import Matrix
from exactlump.numbers.rational import ZERO, Rational
from exactlump.points.boxes import Box

Dead = Mapping[str, frozenset[int]]
# For how many inputs each is tried when boxes are halved.
MOST_TRIED = 8


def dead_units(network: Network, domain: Domain) -> Dead:
    """The dead units of each activation right above a Dense or Conv node.

    Raises ShapeError for boxes of another number of inputs, UnsupportedLayer for networks that have no bounds.
    """
    return _dead(network, _program(network, domain), domain)


def halved(network: Network, domain: Domain, times: int) -> Domain:
    """The same domain as more boxes, on which bounds are better: each time all are halved along one input.

    It is the input that leaves the most dead units where there are at most MOST_TRIED, else the widest.  Raises as
    `dead_units` does.
    """
    program = _program(network, domain)
    for _ in range(times):
        widths = [_ends(domain.boxes[0], i) for i in range(domain.inputs)]
        wide = [i for i, (low, high) in enumerate(widths) if low < high]
        if not wide:
            break
        tried = wide if len(wide) <= MOST_TRIED else [max(wide, key=lambda i: widths[i][1] - widths[i][0])]
        found = [Domain(tuple(half for box in domain.boxes for half in _halves(box, i))) for i in tried]
        domain = max(found, key=lambda one: _count(network, program, one) if len(found) > 1 else 0)
    return domain


def _count(network: Network, program: Program, domain: Domain) -> int:
    return sum(map(len, _dead(network, program, domain).values()))


def _ends(box: Box, i: int) -> tuple[Rational, Rational]:
    low, high = box.lower[i], box.upper[i]
    assert low is not None
    assert high is not None
    return low, high


def _halves(box: Box, i: int) -> tuple[Box, Box]:
    middle = sum(_ends(box, i), ZERO) / 2
    upper, lower = (*box.upper[:i], middle, *box.upper[i + 1 :]), (*box.lower[:i], middle, *box.lower[i + 1 :])
    return replace(box, upper=upper), replace(box, lower=lower)


def _program(network: Network, domain: Domain) -> Program:
    inputs = sum(network.views[name].elements for name in network.ports)
    if domain.inputs != inputs:
        raise ShapeError(f"domain: found {domain.inputs} inputs, expected {inputs}")
    return prepare(network, network)


def _dead(network: Network, program: Program, domain: Domain) -> Dead:
    dead = dict[str, frozenset[int]]()
    boxes = [Pass(program).node(*outward(box)).before for box in domain.boxes]
    for node in network.nodes:
        if node.functions and _below(network, node) is not None:
            key, positions = ("a", program.numbers["a"][node.target]), network.views[node.target].positions
            most = [max(map(int, highs)) for highs in zip(*(before[key][1] for before in boxes), strict=True)]
            parts = [most[v * positions : (v + 1) * positions] for v in range(len(node.functions))]
            found = frozenset(v for v, sigma in enumerate(node.functions) if zero_below(sigma) and max(parts[v]) <= 0)
            if found:
                dead[node.target] = found
    return dead


def _below(network: Network, node: Node) -> Dense | Conv | None:
    """The node with weights below an activation, if nothing else reads what it makes."""
    (source,) = node.reads
    alone = len(network.consumers[source]) == 1 and source not in network.outputs
    return mixing(network.producer[source]) if alone and source in network.producer else None


def without(network: Network, dead: Dead) -> Network:
    """The network whose dead units have no weights: they are 0 everywhere."""
    gone = {network.producer[tensor].reads[0]: units for tensor, units in dead.items()}
    nodes = [
        _silent(found, gone[node.target]) if node.target in gone and (found := mixing(node)) is not None else node
        for node in network.nodes
    ]
    return replace(network, nodes=tuple(nodes))


def _silent(node: Dense | Conv, units: frozenset[int]) -> Node:
    bias = tuple(ZERO if v in units else b for v, b in enumerate(node.bias))
    if node.weight.floats is not None:
        floats = np.array(node.weight.floats)
        floats[sorted(units)] = 0
        return replace(node, weight=Matrix.from_floats(floats), bias=bias)
    rows = [{} if v in units else node.weight.row(v) for v in range(len(bias))]
    return replace(node, weight=Matrix.from_rows(rows, node.weight.shape[1]), bias=bias)


def said_of(dead: Dead, forward: Simulation) -> dict[str, Relation]:
    """The simulation from the network itself: that of the one without its dead units, which says so of them."""
    found = dict(forward)
    for tensor, units in dead.items():
        if tensor in forward:
            over = forward[tensor].over
            rows = tuple(Idle() if v in units else row for v, row in enumerate(forward[tensor].rows))
            named = any(row.terms or (isinstance(row, Twin) and not row.tensor) for row in rows)
            found[tensor] = Relation(over if named else None, rows)
    return found
