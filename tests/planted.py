# SPDX-License-Identifier: Apache-2.0
"""This file is about one network after another: widened, written, reduced, checked, and compared with what it was."""

import resource
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from exactlump import formats
from exactlump.network.activations import Activation
from exactlump.network.kinds import Activate, Head
from exactlump.network.program import Network
from exactlump.numbers.rational import Vector, rational
from exactlump.points.evaluation import Evaluator
from exactlump.points.limbs import numbers
from exactlump.reduction.loop import reduce
from exactlump.verbs.reducing import reduce_file
from tests.widening import widen

POINTS, GRID = 10, 16
# For functions that are irrational: rational ones of the same value at 0, which is all that the package knows of them.
STAND_INS = {
    "sigmoid": Activation("hard_sigmoid", (rational(1, 4), rational(1, 2))),
    "tanh": Activation("clip", (rational(-1), rational(1))),
    "selu": Activation("hard_swish"),
}


@dataclass(frozen=True, slots=True)
class Planted:
    """What became of a widened network; hidden neurons, and CPU seconds of reducing and checking it.

    alone     what the original itself is reduced to
    quotient  of the exact quotient of the widened network
    """

    network: str
    original: int
    widened: int
    reduced: int
    alone: int
    quotient: int
    seconds: float


def plant(path: Path, folder: Path, seed: int = 0, name: str = "") -> Planted:
    """Widen the network of a file, write it, reduce that file with the checker's consent, and compare all three.

    Raises AssertionError where the function changed at one of the points, and as `reduce_file`.
    """
    network = formats.read(path)
    wide = folder / ("wide.nnet" if path.suffix == ".nnet" else "wide.onnx")
    formats.write(widen(network, seed), wide)
    start = _cpu()
    done = reduce_file(wide, wide.with_name(f"reduced{wide.suffix}"), overwrite=True)
    seconds = _cpu() - start
    read = formats.read(wide), formats.read(done.reduced)
    assert same_values([network, *read], seed) == POINTS
    result = done.reduction
    alone = reduce(network, "decimal" if wide.suffix == ".nnet" else None).reduced
    sizes = (network.neurons, read[0].neurons, read[1].neurons, alone.neurons, result.quotient.neurons)
    return Planted(name or path.name, *sizes, seconds)


def same_values(networks: Sequence[Network], seed: int) -> int:
    """At how many rational points all networks have the same outputs; it stops at the first point where they differ."""
    evaluators = [Evaluator(_rational(network)) for network in networks]
    random = np.random.default_rng(seed)
    for i in range(POINTS):
        x = numbers([rational(int(k), GRID) for k in random.integers(-GRID, GRID + 1, sum(evaluators[0].sizes))])
        values: list[Vector] = [evaluator(x).rationals for evaluator in evaluators]
        if any(value != values[0] for value in values):
            return i
    return POINTS


def _rational(network: Network) -> Network:
    """The network up to its heads, with rational functions."""
    heads = {node.target: node.source for node in network.nodes if isinstance(node, Head) and node.kind != "argmax"}
    nodes = [node for node in network.nodes if node.target not in heads]
    outputs = tuple(heads.get(name, name) for name in network.outputs)
    found = [
        replace(node, functions=tuple(STAND_INS.get(f.name, f) for f in node.functions))
        if isinstance(node, Activate)
        else node
        for node in nodes
    ]
    return replace(network, nodes=tuple(found), outputs=outputs)


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
