# SPDX-License-Identifier: Apache-2.0
"""This file is about one operator of an ONNX graph: its inputs, its outputs, and its attributes by name."""

from typing import Any

from onnx import NodeProto, helper

from exactlump.errors import FormatError, ShapeError, UnsupportedLayer


class Operator:
    """One node of the graph, its attributes by name; what they mean is in the table of rules (`rules.py`).

    Raises FormatError where an attribute comes twice, UnsupportedLayer for what only some runtimes understand.
    """

    __slots__ = ("attributes", "inputs", "kind", "node", "outputs")

    def __init__(self, node: NodeProto) -> None:
        self.node = node
        self.kind: str = node.op_type
        self.inputs: tuple[str, ...] = tuple(node.input)
        self.outputs: tuple[str, ...] = tuple(node.output)
        self.attributes: dict[str, Any] = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        if len(self.attributes) != len(node.attribute):
            raise FormatError("attributes: found a name twice")
        if not all(self.outputs[: 1 if self.kind in ("Dropout", "MaxPool") else None]):
            raise UnsupportedLayer("found an output without a name")

    @classmethod
    def bare(cls, node: NodeProto) -> "Operator":
        """The node whatever its attributes are."""
        op = cls.__new__(cls)
        op.node, op.kind, op.inputs, op.outputs = node, node.op_type, tuple(node.input), tuple(node.output)
        op.attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute if not a.ref_attr_name}
        return op

    @property
    def target(self) -> str:
        return self.outputs[0]

    def input(self, index: int) -> str:
        """The name of an input, or the empty text where it is left out."""
        return self.inputs[index] if index < len(self.inputs) else ""


def place(axis: int, rank: int) -> int:
    """An axis or the end (0..rank), negative ones counted from the end; ShapeError."""
    if not -rank <= axis <= rank:
        raise ShapeError(f"axis: found {axis} for a tensor of rank {rank}")
    return axis + rank if axis < 0 else axis
