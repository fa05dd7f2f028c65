# SPDX-License-Identifier: Apache-2.0
"""This file is about planting redundancy in an ONNX graph itself, without the engine: the function stays the same.

A *place* is an affine operator A with constant weights, operators on each unit by itself that it alone feeds, and an
affine operator B that reads them alone.  At each place A gets three more units, behind the ones there: a copy of
a unit (B's weight on it is split in halves), a multiple of a unit where all operators between allow that (else another
copy), and one that nothing reads.
"""

from collections import Counter
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import numpy_helper

PLANTED = 3  # units at each place
ELEMENTWISE = {"Relu", "LeakyRelu", "Sigmoid", "Tanh", "HardSwish", "HardSigmoid", "Clip", "Elu", "Softplus", "Gelu"}
ELEMENTWISE |= {"MaxPool", "AveragePool"}
SCALABLE = {"Relu", "LeakyRelu", "MaxPool", "AveragePool"}


@dataclass
class Place:
    """An affine operator, the bias that is added to what it computes, what stands between, and the operator above."""

    below: onnx.NodeProto
    bias: onnx.NodeProto | None
    between: list[onnx.NodeProto]
    above: onnx.NodeProto


class Graph:
    """A graph, its constants, and who reads what."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self.graph = model.graph
        self.constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in self.graph.initializer}
        for node in self.graph.node:
            if node.op_type == "Constant" and node.attribute[0].name == "value":
                self.constants[node.output[0]] = numpy_helper.to_array(node.attribute[0].t)
        self.readers: dict[str, list[onnx.NodeProto]] = {}
        for node in self.graph.node:
            for name in node.input:
                self.readers.setdefault(name, []).append(node)
        self.outputs = {port.name for port in self.graph.output}
        inner = [a for node in self.graph.node for a in node.attribute if a.type == onnx.AttributeProto.GRAPH]
        self.captured = {name for a in inner for node in a.g.node for name in node.input}

    def affine(self, node: onnx.NodeProto) -> bool:
        """Whether a node is affine, with constant weights in floats, and in one group."""
        if node.op_type not in ("Conv", "Gemm", "MatMul") or node.domain not in ("", "ai.onnx"):
            return False
        given = {a.name: a for a in node.attribute}
        plain = all(given[name].f == 1 for name in ("alpha", "beta") if name in given)
        plain = (
            plain and ("group" not in given or given["group"].i == 1) and not ("transA" in given and given["transA"].i)
        )
        weight = self.constants.get(node.input[1])
        rank = 2 if node.op_type != "Conv" else None
        fits = weight is not None and weight.dtype.kind == "f" and (rank is None or weight.ndim == rank)
        return plain and fits and all(name in self.constants for name in node.input[2:3] if name)

    def alone(self, name: str) -> onnx.NodeProto | None:
        """The only node that reads a tensor."""
        found = self.readers.get(name, [])
        return found[0] if len(found) == 1 and name not in self.outputs | self.captured else None

    def places(self) -> list[Place]:
        """All places, in the order of the graph."""
        return [place for node in self.graph.node if self.affine(node) for place in self.place(node)]

    def place(self, below: onnx.NodeProto) -> list[Place]:
        """The place above an affine node, if there is one."""
        bias, between, node = None, list[onnx.NodeProto](), self.alone(below.output[0])
        if node is not None and below.op_type == "MatMul" and node.op_type == "Add":
            given = [self.constants.get(name) for name in node.input]
            units = self.constants[below.input[1]].shape[1]
            if any(value is not None and value.shape == (units,) for value in given):
                bias, node = node, self.alone(node.output[0])
        while (
            node is not None and node.op_type in ELEMENTWISE and all(n in self.constants for n in node.input[1:] if n)
        ):
            between.append(node)
            node = self.alone(node.output[0])
        if node is None or not self.affine(node) or node.input[0] in self.constants:
            return []
        return [Place(below, bias, between, node)] if (below.op_type == "Conv") == (node.op_type == "Conv") else []

    def replace(self, node: onnx.NodeProto, at: int, value: np.ndarray) -> None:
        """Give a node other constants, of its own."""
        name = f"{node.input[at]}__planted_{len(self.graph.initializer)}"
        self.graph.initializer.append(numpy_helper.from_array(value, name))
        self.constants[name] = value
        node.input[at] = name

    def plant(self, place: Place, rng: np.random.Generator) -> None:
        """Three units more."""
        axis, columns = _axes(place.below)[0], _axes(place.above)[1]
        weight, above = self.constants[place.below.input[1]], self.constants[place.above.input[1]]
        one, two = (int(i) for i in rng.integers(weight.shape[axis], size=2))
        factor = 2.0 if all(node.op_type in SCALABLE for node in place.between) else 1.0
        rows = [np.take(weight, [one], axis), factor * np.take(weight, [two], axis), np.take(weight, [one], axis) + 1]
        self.replace(place.below, 1, np.concatenate([weight, *rows], axis).astype(weight.dtype))
        self.widen_bias(place, one, two, factor)
        split = np.array(above)
        parts = list[np.ndarray]()
        for unit, share in ((one, 2.0), (two, 2.0 * factor)):
            parts.append(np.take(split, [unit], columns) / share)
            index = [slice(None)] * split.ndim
            index[columns] = slice(unit, unit + 1)
            split[tuple(index)] = split[tuple(index)] / 2
        parts.append(np.zeros_like(parts[0]))
        self.replace(place.above, 1, np.concatenate([split, *parts], columns).astype(above.dtype))

    def widen_bias(self, place: Place, one: int, two: int, factor: float) -> None:
        """The bias of the three units."""
        node, at = place.below, 2
        if place.bias is not None:
            node, at = place.bias, next(i for i, name in enumerate(place.bias.input) if name in self.constants)
        if len(node.input) <= at or not node.input[at]:
            return
        bias = self.constants[node.input[at]]
        if bias.ndim == 1 and bias.size > 1:
            more = [bias[one], factor * bias[two], bias[one]]
            self.replace(node, at, np.concatenate([bias, more]).astype(bias.dtype))


def _axes(node: onnx.NodeProto) -> tuple[int, int]:
    """The axes of an operator's weights that count its units, and those that it reads."""
    turned = any(a.name == "transB" and a.i for a in node.attribute)
    return (0, 1) if node.op_type == "Conv" or turned else (1, 0)


def planted(model: onnx.ModelProto, most: int, rng: np.random.Generator) -> list[Place]:
    """Plant at up to so many places of a model, behind different operators where there are some; the places."""
    graph = Graph(model)
    kinds = Counter[tuple[str, ...]]()
    found = list[tuple[int, int, Place]]()
    for number, place in enumerate(graph.places()):
        kind = (place.below.op_type, *(node.op_type for node in place.between))
        found.append((kinds[kind], number, place))
        kinds[kind] += 1
    chosen, used = list[Place](), set[int]()
    for _, _, place in sorted(found, key=lambda entry: entry[:2]):
        if len(chosen) < most and not used & {id(place.below), id(place.above)}:
            graph.plant(place, rng)
            chosen.append(place)
            used |= {id(place.below), id(place.above)}
    del model.graph.value_info[:]
    return chosen
