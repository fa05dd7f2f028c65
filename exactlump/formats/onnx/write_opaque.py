# SPDX-License-Identifier: Apache-2.0
"""This file is about writing opaque operators as they were read, and reorderings of tensors of unknown sizes."""

from collections.abc import Sequence

import numpy as np
from onnx import NodeProto, TensorProto, TypeProto, ValueInfoProto, helper

from exactlump.errors import CannotWrite
from exactlump.formats.onnx.data import batch_of
from exactlump.formats.onnx.writer import Writer
from exactlump.network.kinds import Opaque, Regrid, Reorder
from exactlump.network.opaque import Port, is_number
from exactlump.network.sizes import Size, Sizes, Unknown, shown


def opaque(writer: Writer, node: Opaque) -> None:
    """The operator as its file had it, once for all its outputs; of constants the names may change, but inside."""
    port = node.call.outputs[node.output]
    writer.kinds[node.target] = port.kind if port is not None else 0
    writer.batches[node.target] = batch_of(node.shape[0]) if node.shape and is_number(node.shape) else None
    writer.integers.discard(node.target)
    if node.call.node not in writer.calls:
        _call(writer, node)


def _call(writer: Writer, node: Opaque) -> None:
    call = node.call
    writer.calls.add(call.node)
    if not call.opset and writer.network.origin is None:
        raise CannotWrite(f"{call.operator}: found no file that it comes from")
    made = NodeProto.FromString(call.node)
    names = {n.output: n.target for n in writer.network.opaque if n.call.node == call.node}
    listed = len(made.input)
    for i, argument in enumerate(call.arguments):
        if argument is None:
            continue
        name = writer.source(node.sources[argument]) if isinstance(argument, int) else argument
        if isinstance(argument, str):
            name = _constant(writer, argument, call.constants[argument], inside=i >= listed)
        if i < listed:
            made.input[i] = name
    for j, port in enumerate(call.outputs):
        if port is not None:
            made.output[j] = names.get(j) or writer.name(port.name)
            if port.other or (port.declared and port.shape is not None):
                writer.values_declared.append(value(made.output[j], port))
    writer.nodes.append(made)


def _constant(writer: Writer, name: str, content: bytes, *, inside: bool) -> str:
    """A constant as it was; one that a subgraph reads under its own name."""
    known = writer.given.get(name)
    if known is not None and known[1] == content:
        return known[0]
    tensor = TensorProto.FromString(content)
    tensor.name = name if inside else writer.name(name)
    if inside:
        if name in writer.taken:
            raise CannotWrite(f"tensor {name!r}: found a constant that a subgraph reads, under a name that is taken")
        writer.taken.add(name)
    writer.given[name] = tensor.name, content, tensor
    return str(tensor.name)


def value(name: str, port: Port) -> ValueInfoProto:
    """What the file declares of a tensor, or of another thing."""
    if port.other:
        return ValueInfoProto(name=name, type=TypeProto.FromString(port.other))
    return helper.make_tensor_value_info(name, port.kind, None if port.shape is None else dims(port.shape))


def dims(sizes: Sizes) -> list[int | str | None]:
    """Sizes as a file names them: symbols of a tensor's own have no name there, or the one that they had."""
    words = [size if isinstance(size, int) else shown(size) for size in sizes]
    named = Unknown(1, ("?",))  # a file may call a size that
    return [None if word == "?" and size != named else word for word, size in zip(words, sizes, strict=True)]


def full(writer: Writer, tensor: str) -> Sizes:
    """The sizes of all axes of a tensor of the network."""
    view, batch = writer.view(tensor), writer.batches[tensor]
    if view.open or batch is None:
        return view.shape
    return (Unknown(1, (batch,)) if isinstance(batch, str) else batch, *view.shape)


def cast(writer: Writer, node: Reorder) -> None:
    """The elements as they are, of another type."""
    writer.node("Cast", [writer.source(node.source)], node.target, to=node.cast, opset=6)
    writer.kinds[node.target] = node.cast
    writer.integers.discard(node.target)


def regrid(writer: Writer, node: Regrid) -> None:
    """Transpose, then Reshape; what a Reshape cannot copy or infer is asked of the shapes of inputs; or a cast."""
    writer.batches[node.target] = node.batch
    if node.cast:
        cast(writer, node)
        return
    source, sizes, target = writer.source(node.source), full(writer, node.source), full(writer, node.target)
    if node.axes is not None:
        if sorted(node.axes) != [*range(len(sizes))]:
            raise CannotWrite(f"tensor {node.target!r}: found axes {list(node.axes)} of {len(sizes)}")
        permuted = tuple(sizes[axis] for axis in node.axes)
        end = node.target if permuted == target else writer.name(f"{node.target}_transposed")
        writer.node("Transpose", [source], end, perm=list(node.axes))
        source, sizes = end, permuted
        if permuted == target:
            return
    if sizes == target:
        writer.node("Identity", [source], node.target)
        return
    words = _words(sizes, target)
    if words is not None:
        shape = writer.constant(f"{node.target}_shape", np.array(words, np.int64))
    else:
        shape = _asked(writer, node.target, target)
    writer.node("Reshape", [source, shape], node.target)


def _words(sizes: Sizes, target: Sizes) -> list[int] | None:
    """The target as numbers: 0 copies a size, one -1 is inferred."""
    words = []
    for axis, size in enumerate(target):
        copied = axis < len(sizes) and sizes[axis] == size
        words.append(size if isinstance(size, int) else 0 if copied else -1)
    return words if words.count(-1) <= 1 else None


def _asked(writer: Writer, target: str, sizes: Sizes) -> str:
    """A vector of sizes, each unknown one taken from an input that has it; the first of several is inferred."""
    parts: list[str] = []
    inferred = False
    for size in sizes:
        place = None if isinstance(size, int) else _place(writer, size)
        if place is not None:
            name, axis = place
            shape, part = writer.name(f"{target}_of"), writer.name(f"{target}_size")
            writer.node("Shape", [name], shape)
            index = writer.constant(f"{target}_axis", np.array([axis], np.int64))
            writer.node("Gather", [shape, index], part, axis=0)
            parts.append(part)
        elif isinstance(size, int):
            parts.append(writer.constant(f"{target}_number", np.array([size], np.int64)))
        elif inferred:
            raise CannotWrite(f"tensor {target!r}: found the unknown size {size}, which no input has")
        else:
            inferred = True
            parts.append(writer.constant(f"{target}_number", np.array([-1], np.int64)))
    joined = writer.name(f"{target}_shape")
    writer.node("Concat", parts, joined, axis=0)
    return joined


def _place(writer: Writer, size: Size) -> tuple[str, int] | None:
    """An input and its axis that has a size."""
    for port in writer.network.inputs:
        sizes: Sequence[Size] = full(writer, port.name)
        if size in sizes:
            return port.name, list(sizes).index(size)
    return None
