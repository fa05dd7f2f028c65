# SPDX-License-Identifier: Apache-2.0
"""This file is about profiles of ONNX: which operators of a file a stated profile leaves out, and what broadcasts.

Profiles for safety-related systems restrict the operators, and have shapes equal where ONNX would broadcast.  Nothing
here decides what a file means; shapes are those that the file declares, and what onnx infers of them.
"""

from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import onnx.shape_inference
from onnx import ModelProto, NodeProto, ValueInfoProto

from exactlump.errors import FormatError
from exactlump.formats.files import about, read_bytes
from exactlump.formats.onnx.obstacles import place_of
from exactlump.formats.onnx.opaque import STANDARD, name_of

# The operators of ONNX's own domain that broadcast all their inputs.
BROADCASTING = frozenset(
    (
        *("Add", "And", "BitShift", "BitwiseAnd", "BitwiseOr", "BitwiseXor", "Div", "Equal", "Greater"),
        *("GreaterOrEqual", "Less", "LessOrEqual", "Max", "Mean", "Min", "Mod", "Mul", "Or", "PRelu", "Pow", "Sub"),
        *("Sum", "Where", "Xor"),
    )
)
# Shapes are inferred of models with no more bytes than this beside their weights' files.
_MOST_BYTES = 1 << 28
_MOST_LINES = 100_000


class Broadcast(NamedTuple):
    """A node with tensors of different shapes, which ONNX makes equal.

    place     the node's name, as viewers of networks show it
    operator  its name
    shapes    of its inputs, or of the bias and the output of a Gemm; sizes that are not known by their names, or as ?
    """

    place: str
    operator: str
    shapes: list[list[int | str]]


def read_profile(path: Path) -> frozenset[str]:
    """The operators of a profile: a file with a name a line, `domain:Name` outside of ONNX's own domain.

    What follows # on a line says nothing.  Raises FormatError for what is no such file.
    """
    with about(path):
        try:
            lines = read_bytes(path).decode("utf-8").splitlines()
        except UnicodeDecodeError as error:
            raise FormatError(f"found bytes that are no UTF-8 at {error.start}, expected names of operators") from error
        words = [line.partition("#")[0].strip() for line in lines[:_MOST_LINES]]
        for number, word in enumerate(words, 1):
            if not word.replace(":", "").replace(".", "").replace("_", "").isalnum() and word:
                raise FormatError(f"line {number}: found {word!r:.40}, expected the name of an operator")
        found = frozenset(word.removeprefix("ai.onnx:") for word in words if word)
        if not found:
            raise FormatError("found no operator, expected a name a line")
        return found


def outside(model: ModelProto, profile: Collection[str]) -> dict[str, int]:
    """How many nodes there are of each operator that a profile does not name."""
    return dict(sorted(Counter(name for name in map(_bare, model.graph.node) if name not in profile).items()))


def _bare(node: NodeProto) -> str:
    return node.op_type if node.domain in STANDARD else name_of(node)


def broadcasts(model: ModelProto) -> tuple[Broadcast, ...]:
    """The nodes that broadcast, or may: those whose inputs are not known to have equal shapes."""
    return tuple(_broadcasts(model))


def _broadcasts(model: ModelProto) -> Iterator[Broadcast]:
    known = _shapes(model)
    for node in model.graph.node:
        if node.domain in STANDARD:
            shapes = [known.get(name, ["?"]) for name in _made_equal(node)]
            parts = [s if s == ["?"] else s[:-2] for s in shapes] if node.op_type == "MatMul" else shapes
            if any(part != parts[0] for part in parts) or any("?" in part for part in parts[1:]):
                yield Broadcast(place_of(node), node.op_type, shapes)


def _made_equal(node: NodeProto) -> list[str]:
    """The tensors whose shapes ONNX makes equal: inputs; the bias and the output of a Gemm.

    Of a MatMul only what stands before the last two axes is.
    """
    if node.op_type == "Gemm":
        return [node.input[2], node.output[0]] if len(node.input) > 2 and node.input[2] else []
    return [name for name in node.input if name] if node.op_type in (*BROADCASTING, "MatMul") else []


def _shapes(model: ModelProto) -> dict[str, list[int | str]]:
    """The shapes of the tensors of a graph, as far as they are declared or follow."""
    inferred = model
    if model.ByteSize() <= _MOST_BYTES:
        with suppress(onnx.shape_inference.InferenceError, ValueError, RuntimeError):
            inferred = onnx.shape_inference.infer_shapes(model)
    graph = inferred.graph
    known = {value.name: _sizes(value) for value in (*graph.input, *graph.value_info, *graph.output)}
    known |= {tensor.name: list[int | str](tensor.dims) for tensor in model.graph.initializer}
    for node in model.graph.node:
        for attribute in node.attribute:
            if node.op_type == "Constant" and attribute.name == "value":
                known[node.output[0]] = list[int | str](attribute.t.dims)
    return known


def _sizes(value: ValueInfoProto) -> list[int | str]:
    if not value.type.tensor_type.HasField("shape"):
        return ["?"]
    return [dim.dim_value or dim.dim_param or "?" for dim in value.type.tensor_type.shape.dim]
