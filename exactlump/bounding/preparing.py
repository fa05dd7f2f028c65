# SPDX-License-Identifier: Apache-2.0
"""This file is about making two networks ready for bounds: their tensors, side by side, and what is compared with what.

What comes out is a `Program`; its rows are those of docs/certificate-format.md, "bounds".
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from exactlump.bounding.elements import Affine, after, combined, gathered, themselves
from exactlump.bounding.program import OUTPUTS, Layer, Pair, Program, Stage, Tensor
from exactlump.bounding.relations import Constant, Multiple, Relations, Row, Twin, references, twin_law
from exactlump.errors import FormatError, ShapeError, UnsupportedLayer
from exactlump.network.activations import IDENTITY, Activation
from exactlump.network.kinds import Node
from exactlump.network.program import Network
from exactlump.numbers.rational import ONE, ZERO
from exactlump.points.gathers import elements, taps


def is_based(network: Network, node: Node) -> bool:
    """Whether the elements of a tensor stand for themselves."""
    if not (node.affine or node.mixes_all):
        return True
    several = network.views[node.target].positions > 1
    return several and (network.views[node.reads[0]].positions == 1 or len(node.reads) > 1)


def prepare(
    ours: Network,
    theirs: Network,
    relations: Relations | None = None,
    combinations: Sequence[tuple[int, ...]] | None = None,
) -> Program:
    """The bounds of two networks, made ready.

    relations     what is compared with what; None: units in the same places, where shapes agree
    combinations  of outputs: (o,) is output o, (y, j) the difference of outputs y and j; None: every output
    Raises ShapeError where inputs or outputs do not fit, UnsupportedLayer for what has no bounds, FormatError for
    relations that do not hold.
    """
    for network in (ours, theirs):
        network.demand_closed("bounds")
    _demand_fit(ours, theirs)
    program = Program((ours, theirs), relations or Relations({}, {}))
    program.tensors.append(Tensor("inputs", 0, sum(math.prod(port.shape) for port in ours.inputs), 1))
    builder = Builder(program)
    builder.side(theirs, "b")
    builder.side(ours, "a")
    builder.stages()
    builder.outputs(combinations)
    return program


def _demand_fit(ours: Network, theirs: Network) -> None:
    for what in ("inputs", "outputs"):
        sizes = [_sizes(network, what) for network in (ours, theirs)]
        if sizes[0] != sizes[1]:
            raise ShapeError(f"{what}: found {sizes[1]} elements, expected {sizes[0]}")


def _sizes(network: Network, what: str) -> list[int]:
    names = [port.name for port in network.inputs] if what == "inputs" else network.outputs
    return [network.views[name].elements for name in names]


class Builder:
    """Makes a program ready, step by step: the tensors of both sides, N' first, the stages, the outputs."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.known, self.numbers = program.forms, program.numbers
        self.next = program.tensors[0].size
        self.compared: dict[int, tuple[dict[int, int], int, int]] = {}  # with what an element of N is compared

    def side(self, network: Network, family: str) -> None:
        """All tensors of a network."""
        self.inputs(network, family)
        for node in network.nodes:
            self.node(network, node, family, self.program.relations.theirs.get(node.target) if family == "b" else None)

    def inputs(self, network: Network, family: str) -> None:
        """The inputs, which both networks share."""
        start = 0
        for port in network.inputs:
            size = math.prod(port.shape)
            self.known[family][port.name] = themselves(range(start, start + size))
            start += size

    def node(self, network: Network, node: Node, family: str, rows: Sequence[Row] | None) -> None:
        """The tensor of a node; rows: its units over classes."""
        known = self.known[family]
        if not is_based(network, node):
            known[node.target] = after(network, node, known)
            return
        before, functions, parts, reads = self.before(network, node, known)
        known[node.target] = self.based(network, node, family, before, functions, parts, reads, rows)

    def before(
        self, network: Network, node: Node, known: Mapping[str, Affine]
    ) -> tuple[Affine, list[Activation | None], int, list[list[int]]]:
        """What the function of a based tensor is applied to, unit by unit, and the function of each unit."""
        view = network.views[node.target]
        if not (node.affine or node.mixes_all):
            (source,) = node.reads
            below = network.views[source]
            order = elements(below).reshape(-1).tolist()
            before = known[source].picked(order)
            if node.window is None:
                return before, list(node.functions), view.positions, []
            place = {e: p for p, e in enumerate(order[: below.positions])}
            windows = [[place[e] for e in seen if e >= 0] for seen in taps(node.window, below)[0].T.tolist()]
            return before, [None] * view.units, below.positions, windows
        made = after(network, node, known).picked(elements(view).reshape(-1).tolist())
        return made, [IDENTITY] * view.units, view.positions, []

    def based(
        self,
        network: Network,
        node: Node,
        family: str,
        before: Affine,
        functions: list[Activation | None],
        parts: int,
        reads: list[list[int]],
        rows: Sequence[Row] | None,
    ) -> Affine:
        """Number the elements (of classes, where there are rows); the tensor in row-major order."""
        view, number = network.views[node.target], len(self.program.tensors)
        if rows is not None and len(rows) != view.units:
            raise FormatError(f"relation of {node.target!r}: found {len(rows)} rows, expected {view.units}")
        leaders = references(rows, functions) if rows is not None else [(v, ONE) for v in range(view.units)]
        chosen = [(v * parts + p, 1 / c) for v, c in leaders for p in range(parts)]
        made = gathered([combined([(factor, before, e)]) for e, factor in chosen])
        self.program.tensors.append(
            Tensor(
                node.target,
                self.next,
                len(leaders),
                view.positions,
                tuple(functions[v] for v, _ in leaders),
                made,
                parts,
                tuple(map(tuple, reads)),
            )
        )
        self.numbers[family][node.target] = number
        first, self.next = self.next, self.next + len(leaders) * view.positions
        found = themselves(range(first, self.next))
        if rows is not None:
            listed = [self.member(row, found, before, v, view.positions, functions[v]) for v, row in enumerate(rows)]
            found = gathered([element for unit in listed for element in unit])
        order = [0] * view.elements
        for i, e in enumerate(elements(view).reshape(-1).tolist()):
            order[e] = i
        return found.picked(order)

    def member(
        self, row: Row, classes: Affine, before: Affine, v: int, positions: int, function: Activation | None
    ) -> list[tuple[dict[int, int], int, int]]:
        """The elements of a unit of N', by its row over classes."""
        one = Affine(({},), (1,), 1)
        match row:
            case Constant(value):
                return [combined([(value, one, 0)])] * positions
            case Multiple(k, h):
                return [combined([(h, classes, k * positions + p)]) for p in range(positions)]
            case Twin(k, h):
                law = twin_law(function)
                places = range(positions)
                return [combined([(h, classes, k * positions + p), (law, before, v * positions + p)]) for p in places]
        raise FormatError(f"relation: found the row {row}, expected another one")

    def stages(self) -> None:
        """The stages, in order, and their layers."""
        left = list(self.numbers["b"].values())
        for place, (name, j) in enumerate(self.numbers["a"].items()):
            over, rows = self.rows(place, name, j)
            while over in left and left[0] != over:
                self.add(self.alone(left.pop(0)))
            fresh = over in left
            left = left[fresh:]
            self.add(self.pairs(j, over, rows, fresh))
        for j in left:
            self.add(self.alone(j))

    def rows(self, place: int, name: str, j: int) -> tuple[int | None, Sequence[Row]]:
        """The tensor of N' that a tensor of N is compared with, and the rows."""
        tensors, theirs = self.program.tensors, self.numbers["b"]
        given = self.program.relations.ours.get(name)
        if given is not None:
            over = self.program.relations.over(name)
            self.demand_rows(name, j, over, given[1])
            return (None if over is None else theirs[over]), given[1]
        if len(self.numbers["a"]) == len(theirs):
            other = list(theirs.values())[place]
            shapes = [(t.units, t.positions, t.parts) for t in (tensors[j], tensors[other])]
            if shapes[0] == shapes[1]:
                return other, [Multiple(v, ONE) for v in range(tensors[j].units)]
        return None, [Constant(ZERO)] * tensors[j].units

    def demand_rows(self, name: str, j: int, over: str | None, rows: Sequence[Row]) -> None:
        """Raise FormatError unless rows are as many as units, over classes that are there."""
        ours = self.program.tensors[j]
        if len(rows) != ours.units:
            raise FormatError(f"relation of {name!r}: found {len(rows)} rows, expected {ours.units}")
        if over is None:
            return
        if over not in self.numbers["b"]:
            raise FormatError(f"relation of {name!r}: found no tensor {over!r} in the second network")
        theirs = self.program.tensors[self.numbers["b"][over]]
        most = max((row.of for row in rows if not isinstance(row, Constant)), default=0)
        if most >= theirs.units:
            raise FormatError(f"relation of {name!r}: found class {most}, expected one of {theirs.units}")
        if (theirs.positions, theirs.parts) != (ours.positions, ours.parts):
            raise FormatError(f"relation of {name!r}: found images of other sizes in {over!r}")

    def alone(self, j: int) -> Stage:
        """A tensor of N' with which nothing is compared."""
        tensor = self.program.tensors[j]
        count = tensor.units * tensor.parts
        return Stage(
            None,
            j,
            True,
            tuple(Pair(None, k, None, tensor.functions[k // tensor.parts], ONE, True) for k in range(count)),
        )

    def pairs(self, j: int, over: int | None, rows: Sequence[Row], fresh: bool) -> Stage:
        """A tensor of N, and what its elements are compared with."""
        ours, found, seen = self.program.tensors[j], list[Pair](), set[int]()
        for v, row in enumerate(rows):
            function = ours.functions[v]
            if isinstance(row, Constant) or over is None:
                value = row.value if isinstance(row, Constant) else ZERO
                found += [Pair(v * ours.parts + p, None, function, value) for p in range(ours.parts)]
                self.compared |= {
                    ours.first + v * ours.positions + p: combined([(value, Affine(({},), (1,), 1), 0)])
                    for p in range(ours.positions)
                }
                continue
            if not isinstance(row, Multiple):
                raise FormatError(f"relation of {ours.name!r}: found {row}, expected a multiple of a class")
            theirs = self.program.tensors[over]
            g = theirs.functions[row.of]
            ratio = row.ratio(g)
            for p in range(ours.parts):
                k = row.of * theirs.parts + p
                found.append(Pair(v * ours.parts + p, k, function, g, ratio, fresh and k not in seen))
                seen.add(k)
            classes = themselves(range(theirs.first, theirs.first + theirs.size))
            for p in range(ours.positions):
                element = combined([(row.factor, classes, row.of * theirs.positions + p)])
                self.compared[ours.first + v * ours.positions + p] = element
        if fresh and over is not None:
            found += [pair for pair in self.alone(over).pairs if pair.k not in seen]
        return Stage(j, over, fresh, tuple(found))

    def add(self, stage: Stage) -> None:
        """A stage, with its layers."""
        tensors, layers = self.program.tensors, self.program.layers
        self.program.stages.append(stage)
        if stage.fresh and stage.over is not None:
            layers["b", stage.over] = self.layer(tensors[stage.over].before)
        if stage.ours is not None:
            before = tensors[stage.ours].before
            layers["a", stage.ours] = self.layer(before)
            listed = [pair for pair in stage.pairs if pair.e is not None]
            theirs = tensors[stage.over].before if stage.over is not None else None
            layers["d", stage.ours] = self.layer(gathered([self.gap(before, theirs, pair) for pair in listed]))

    def gap(self, before: Affine, theirs: Affine | None, pair: Pair) -> tuple[dict[int, int], int, int]:
        """What an element of N is compared with, before the functions, minus that: over N' and inputs."""
        assert pair.e is not None
        parts = [(ONE, gathered([self.counterpart(before, pair.e)]), 0)]
        if pair.k is not None and theirs is not None:
            parts.append((-pair.ratio, theirs, pair.k))
        return combined(parts)

    def counterpart(self, tensor: Affine, e: int) -> tuple[dict[int, int], int, int]:
        """An element of N with what elements are compared with in their place."""
        row, constant = tensor.rows[e], tensor.constants[e]
        found = [self.compared.get(i, ({i: 1}, 0, 1)) for i in row]
        whole = math.lcm(*(d for *_, d in found))
        terms: dict[int, int] = {}
        constant *= whole
        for n, (other, shift, d) in zip(row.values(), found, strict=True):
            factor = n * (whole // d)
            constant += factor * shift
            for i, m in other.items():
                terms[i] = terms.get(i, 0) + factor * m
        return {i: n for i, n in terms.items() if n}, constant, tensor.bottom * whole

    def layer(self, tensor: Affine) -> Layer:
        """The rows of a tensor as matrices over the tensors that they read."""
        starts = [t.first for t in self.program.tensors]
        owners = np.searchsorted(starts, [i for row in tensor.rows for i in row], side="right") - 1
        blocks: dict[int, NDArray[np.object_]] = {}
        for j in sorted(set(owners.tolist())):
            block = np.zeros((len(tensor.rows), self.program.tensors[j].size), object)
            if block.size > 1 << 26:
                raise UnsupportedLayer(f"bounds: found a matrix of {block.size} numbers, expected at most {1 << 26}")
            blocks[j] = block
        place = iter(owners.tolist())
        for e, row in enumerate(tensor.rows):
            for i, n in row.items():
                j = next(place)
                blocks[j][e, i - starts[j]] = n
        bias = np.empty(len(tensor.constants), object)
        bias[:] = tensor.constants
        return Layer(blocks, bias, tensor.bottom)

    def outputs(self, combinations: Sequence[tuple[int, ...]] | None) -> None:
        """The layers of the combinations of outputs."""
        ours, theirs = (
            [(self.known[family][name], e) for name in network.outputs for e in range(network.views[name].elements)]
            for family, network in zip("ab", self.program.networks, strict=True)
        )
        chosen = combinations if combinations is not None else [(o,) for o in range(len(ours))]
        made = {}
        for family, side in (("a", ours), ("b", theirs)):
            signed = [[(sign, *side[o]) for sign, o in zip((ONE, -ONE), pair, strict=False)] for pair in chosen]
            made[family] = gathered([combined(parts) for parts in signed])
            self.program.layers[family, OUTPUTS] = self.layer(made[family])
        gaps = [
            combined([(ONE, gathered([self.counterpart(made["a"], t)]), 0), (-ONE, made["b"], t)])
            for t in range(len(chosen))
        ]
        self.program.layers["d", OUTPUTS] = self.layer(gathered(gaps))
