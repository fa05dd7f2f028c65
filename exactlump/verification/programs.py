# SPDX-License-Identifier: Apache-2.0
"""This file is about one or two networks made ready for bounds of sums of their outputs, over common coordinates.

One network alone is N', and N has no tensors; of two, N is the first.  The sums are the outputs of the program, of the
family "d": what N adds, less minus all the rest.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from exactlump.bounding.boxes import Domain
from exactlump.bounding.chain import Chain, chain_of
from exactlump.bounding.elements import Affine, combined, gathered, themselves
from exactlump.bounding.preparing import Builder
from exactlump.bounding.program import OUTPUTS, Layer, Program, Tensor
from exactlump.bounding.relating import related
from exactlump.bounding.relations import Multiple, Relations
from exactlump.errors import UnsupportedLayer
from exactlump.network.activations import RELU
from exactlump.network.program import Network
from exactlump.numbers.rational import ONE, Rational
from exactlump.points.boxes import Box
from exactlump.verification.problems import CONSTANT, Problem, Row, Sum

NOTHING = Network((), (), ())
NO_RELATIONS = Relations({}, {})
Floats = NDArray[np.float64]
Places = Mapping[str, tuple[list[int], list[int]]]


class RowBuilder(Builder):
    """Makes a program of networks whose inputs are made of coordinates, and whose outputs are sums."""

    def __init__(self, program: Program, problem: Problem, places: Places) -> None:
        super().__init__(program)
        self.problem, self.places = problem, places
        self.numbered = {v: i for i, v in enumerate(problem.ends)}
        self.sides = dict(zip("ab", ("", *problem.networks)[-2:], strict=True))

    def inputs(self, network: Network, family: str) -> None:
        """The inputs of a network, as sums of coordinates."""
        variables = iter(self.places[self.sides[family]][0] if network.inputs else ())
        for port in network.inputs:
            made = [self.sum(self.problem.form(next(variables))) for _ in range(math.prod(port.shape))]
            self.known[family][port.name] = gathered(made)

    def sum(self, terms: Sum) -> tuple[dict[int, int], int, int]:
        """A sum of coordinates: a row, a constant, and their denominator."""
        one, all_ = Affine(({},), (1,), 1), themselves(range(len(self.numbered)))
        parts = ((c, one, 0) if v == CONSTANT else (c, all_, self.numbered[v]) for v, c in terms.items())
        return combined([*parts])

    def sums(self, rows: Sequence[Row]) -> dict[tuple[str, int], Layer]:
        """The layers of the sums of some rows."""
        found: dict[tuple[str, int], Layer] = {}
        elements: dict[str, dict[int, tuple[Affine, int]]] = {"a": {}, "b": {}}
        for (family, name), network in zip(self.sides.items(), self.program.networks, strict=True):
            variables = iter(self.places[name][1] if network.outputs else ())
            for output in network.outputs:
                for e in range(network.views[output].elements):
                    elements[family][next(variables)] = self.known[family][output], e
        ours = gathered([combined(_parts(row, elements["a"])) for row in rows])
        coordinates = themselves(range(len(self.numbered)))
        own = {v: (coordinates, i) for v, i in self.numbered.items()} | elements["b"]
        rest = gathered([combined(_parts(row, own)) for row in rows])
        both = [combined([(ONE, gathered([self.counterpart(ours, t)]), 0), (ONE, rest, t)]) for t in range(len(rows))]
        minus = gathered([combined([(-ONE, rest, t)]) for t in range(len(rows))])
        for family, made in (("a", ours), ("b", minus), ("d", gathered(both))):
            found[family, OUTPUTS] = self.layer(made)
        return found


def _parts(row: Row, elements: Mapping[int, tuple[Affine, int]]) -> list[tuple[Rational, Affine, int]]:
    return [(c, *elements[v]) for v, c in row.terms.items() if v in elements]


def builder(problem: Problem, networks: Sequence[Network], places: Places, relations: Relations) -> RowBuilder:
    """A program without sums yet: the builder adds these.  Raises UnsupportedLayer for what has no bounds."""
    pair = (NOTHING, *networks)[-2:]
    program = Program((pair[0], pair[1]), relations)
    program.tensors.append(Tensor("inputs", 0, len(problem.ends), 1))
    made = RowBuilder(program, problem, places)
    made.side(program.networks[1], "b")
    made.side(program.networks[0], "a")
    made.stages()
    return made


def program_of(made: RowBuilder, rows: Sequence[Row]) -> Program:
    """The program with sums."""
    return replace(made.program, layers={**made.program.layers, **made.sums(rows)})


def relations_of(problem: Problem, networks: Sequence[Network], places: Places) -> Relations:
    """What to compare with what in two networks: found by values if they have the same inputs, else by places."""
    if len(networks) == 1:
        return NO_RELATIONS
    made = [[problem.form(v) for v in places[name][0]] for name in problem.networks]
    plain = [{v: ONE} for v in problem.ends]
    if made[0] != plain or made[1] != plain or problem.unbounded is not None:
        return NO_RELATIONS
    try:
        found = related(networks[0], networks[1], Domain((box_of(problem),)))
    except UnsupportedLayer:
        return NO_RELATIONS
    return NO_RELATIONS if _is_nearly_plain(found, networks) else found


def _is_nearly_plain(found: Relations, networks: Sequence[Network]) -> bool:
    """Whether nearly every unit is compared with the one in its place, and each tensor has as many as the other.

    The few others are hardly ever active: what they are compared with makes numbers longer, and no bound better.
    """
    if found.theirs or _units(networks[0]) != _units(networks[1]):
        return False
    rows = [(v, row) for _, rows in found.ours.values() for v, row in enumerate(rows)]
    others = sum(not (isinstance(row, Multiple) and row.of == v) for v, row in rows)
    return others * 10 <= sum(_units(networks[0]))


def _units(network: Network) -> list[int]:
    return [network.units(name) for name in network.hidden]


def box_of(problem: Problem) -> Box:
    """The closed box of the coordinates."""
    ends = problem.ends.values()
    return Box(tuple(end.lower for end in ends), tuple(end.upper for end in ends), "the box of the query")


def arrays(program: Program) -> Chain | None:
    """The arrays that searches in floats run on; None where the program is no chain of ReLU layers."""
    return chain_of(program) if program.networks[0].nodes else _alone(program)


def _alone(program: Program) -> Chain | None:
    """The chain of one network, N': that of N is 0 throughout."""
    weights, biases, below = list[Floats](), list[Floats](), 0
    for stage in program.stages:
        if stage.over is None or any(pair.g != RELU for pair in stage.pairs):
            return None
        layer = program.layers["b", stage.over]
        if set(layer.blocks) != {below}:
            return None
        weights.append(_floats(layer.blocks[below], layer.scale))
        biases.append(_floats(layer.bias, layer.scale))
        below = stage.over
    layer = program.layers["d", OUTPUTS]
    if set(layer.blocks) - {below}:
        return None
    inputs = weights[-1].shape[0] if weights else program.inputs
    none = np.zeros((len(layer.bias), inputs))
    weights.append(-_floats(layer.blocks[below], layer.scale) if layer.blocks else none)
    biases.append(-_floats(layer.bias, layer.scale))
    return Chain(
        tuple(map(np.zeros_like, weights)),
        tuple(weights),
        tuple(-weight for weight in weights),
        tuple(map(np.zeros_like, biases)),
        tuple(biases),
        tuple(-bias for bias in biases),
    )


def _floats(values: NDArray[np.object_], scale: int) -> Floats:
    return np.array([int(n) / scale for n in values.reshape(-1)], np.float64).reshape(values.shape)
