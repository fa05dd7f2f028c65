# SPDX-License-Identifier: Apache-2.0
"""This file is about writing ONNX files: an exact network as operators of one float type, without any rounding."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, assert_never

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto, helper

from exactlump.errors import CannotWrite, UnsupportedLayer
from exactlump.formats.files import Content, about, pack
from exactlump.formats.onnx import reading
from exactlump.formats.onnx.data import batch_of
from exactlump.formats.onnx.implied import implied
from exactlump.formats.onnx.write_functions import activate
from exactlump.formats.onnx.write_images import add, conv, pad, pool, select
from exactlump.formats.onnx.write_nodes import dense, head, reorder, scale, shift
from exactlump.formats.onnx.write_opaque import dims, full, opaque, regrid
from exactlump.formats.onnx.writer import Writer
from exactlump.network.kinds import (
    Activate,
    Add,
    AveragePool,
    Conv,
    Dense,
    Head,
    MaxPool,
    Node,
    Opaque,
    Pad,
    Pick,
    Regrid,
    Reorder,
    Scale,
    Select,
    Shift,
)
from exactlump.network.program import Network
from exactlump.network.sizes import symbol
from exactlump.network.views import Port

_KINDS = {
    "float32": TensorProto.FLOAT,
    "float64": TensorProto.DOUBLE,
    "float16": TensorProto.FLOAT16,
    "bfloat16": TensorProto.BFLOAT16,
}
# What is written where no file says otherwise; the oldest opset that is written: broadcasting came with it.
_OPSET, _OLDEST = 13, 7
# bfloat16 came to every operator used here with opset 22; the others are not younger than opset 7 unless they say so.
_OPSETS = {"bfloat16": 22}
# The version of the file format that came with an opset (onnx/docs/Versioning.md); 4 let constants be no inputs.
_FILES = ((24, 11), (21, 10), (19, 9))
_OLDEST_FILE = 4
_ALIGNMENT = 64
_BLOCK = 1 << 24


def render(
    network: Network, path: str | os.PathLike[str], dtype: str | None, *, packed: bool, max_inline: int
) -> tuple[dict[str, Content], tuple[str, ...]]:
    """The files to write, weights before the model that names them, and what is to be said of them.

    Raises CannotWrite where a number does not fit.
    """
    if dtype == "float64" and network.dtype != "float64":
        refuse_float64(network)
    dtype = dtype or network.dtype
    if dtype not in _KINDS:
        raise CannotWrite(f"float type: found {dtype}, expected one of {', '.join(_KINDS)}")
    writer = _written(network, dtype)
    _demand_ranks(writer)
    external = sum(array.nbytes for array in writer.constants.values()) > max_inline
    data = f"{os.fspath(path)}.data"
    try:
        if any(view.channel is not None or view.open for view in network.views.values()):
            _demand_the_same(network, _model(writer))
        model = _model(writer, os.path.basename(data) if external else "")
        content = model.SerializeToString(deterministic=True)
    except (UnicodeEncodeError, TypeError, ValueError) as error:
        if isinstance(error, CannotWrite):
            raise
        raise CannotWrite(f"protobuf: {error}") from error
    contents: dict[str, Content] = {data: _blocks(writer)} if external else {}
    return {**contents, os.fspath(path): pack(content) if packed else content}, tuple(_notes(writer))


def _written(network: Network, dtype: str) -> Writer:
    """All nodes, in the opset of the file that was read, or the least later one that has them."""
    opset = max(_OLDEST, network.origin.opset if network.origin is not None else _OPSET, _OPSETS.get(dtype, 0))
    while True:
        writer = Writer(network, dtype, implied(network), opset)
        for node in network.nodes:
            with about(f"tensor {node.target!r}"):
                _write(writer, node)
        if writer.needed <= opset:
            return writer
        if network.opaque:
            found = f"opset {opset}, which does not have what is to be written; {network.opaque[0].call.operator}"
            raise CannotWrite(f"opset: found {found} keeps its meaning in that one")
        opset = writer.needed


def _notes(writer: Writer) -> Iterator[str]:
    origin = writer.network.origin
    if origin is not None and writer.opset != origin.opset:
        yield f"written in opset {writer.opset}, not {origin.opset}, which does not have what is written"


def refuse_float64(network: Network) -> None:
    """Refuse float64 on request where ONNX runtimes have no kernel for it: convolutions and means of images."""
    for node in network.nodes:
        if isinstance(node, Conv | AveragePool):
            raise UnsupportedLayer(f"{type(node).__name__} node {node.target!r}: no runtime computes it in float64")


def _note(writer: Writer, node: Node) -> None:
    """The batch axis and the element type of what a node defines: those below, unless its writer says otherwise."""
    target, below = node.target, node.reads[0] if node.reads else ""
    writer.batches[target], writer.kinds[target] = writer.batches.get(below), writer.kinds.get(below, 0)
    if below and writer.view(below).open and writer.view(below).shape and not writer.view(target).open:
        writer.batches[target] = batch_of(writer.view(below).shape[0])
    if below in writer.integers:
        writer.integers.add(target)


def _write(writer: Writer, node: Node) -> None:
    _note(writer, node)
    match node:
        case Dense():
            dense(writer, node)
        case Conv():
            conv(writer, node)
        case AveragePool() | MaxPool():
            pool(writer, node)
        case Pad():
            pad(writer, node)
        case Add():
            add(writer, node)
        case Select():
            select(writer, node)
        case Scale():
            scale(writer, node)
        case Shift():
            shift(writer, node)
        case Regrid():
            regrid(writer, node)
        case Reorder():
            reorder(writer, node)
        case Pick():  # readers imply it
            writer.batches[node.target] = node.batch
        case Opaque():
            opaque(writer, node)
        case Activate():
            activate(writer, node)
        case Head():
            head(writer, node)
        case _:
            assert_never(node)


def _demand_ranks(writer: Writer) -> None:
    """The outputs have as many axes as they had in the file that was read."""
    origin = writer.network.origin
    for name, rank in zip(writer.network.outputs, origin.ranks if origin is not None else (), strict=False):
        found = len(full(writer, name))
        if rank not in (-1, found):
            raise CannotWrite(f"output {name!r}: found {found} axes, expected {rank} as in the file that was read")


def _demand_the_same(network: Network, model: ModelProto) -> None:
    """A reader must find the tensors of the network under their names, and the same channels in them."""
    given = {node.target for node in network.opaque if node.taken}
    read = reading.parse(model, Path(), opaque_domains={node.domain for node in model.graph.node}, given=given)
    for name, view in network.views.items():
        if read.views.get(name) != view:
            raise CannotWrite(f"tensor {name!r}: would be read as {read.views.get(name)}, expected {view}")


def _model(writer: Writer, location: str = "") -> ModelProto:
    """The model; its constants, but for shapes, are in the file of that name beside it, if a name is given."""
    network = writer.network
    outputs = [Port(name, network.shapes[name], writer.batches.get(name)) for name in network.outputs]
    others = {value.name: value for value in writer.values_declared if not value.type.HasField("tensor_type")}
    graph = helper.make_graph(
        writer.nodes,
        "network",
        [_value(writer, port) for port in network.inputs],
        [others.get(port.name) or _value(writer, port) for port in outputs],
        value_info=[value for value in writer.values_declared if value.name not in network.outputs],
    )
    graph.initializer.extend(tensor for _, _, tensor in writer.given.values())
    offset = 0
    for name, array in writer.constants.items():
        kind = helper.np_dtype_to_tensor_dtype(array.dtype) if _is_integer(writer, array) else _KINDS[writer.dtype]
        tensor = graph.initializer.add(name=name, data_type=kind, dims=array.shape)
        if location and array.dtype != np.int64:
            tensor.data_location = TensorProto.EXTERNAL
            for key, value in (("location", location), ("offset", offset), ("length", array.nbytes)):
                tensor.external_data.add(key=key, value=str(value))
            offset += array.nbytes + -array.nbytes % _ALIGNMENT
        else:
            tensor.raw_data = array.tobytes()
    version = next((version for opset, version in _FILES if writer.opset >= opset), 8)
    if network.origin is not None and network.origin.opset == writer.opset:
        version = max(network.origin.version, _OLDEST_FILE)
    domains = sorted({node.domain for node in writer.nodes} - {""})
    custom = {NodeProto.FromString(n.call.node).domain: n.call.opset for n in network.opaque}
    opsets = [helper.make_opsetid("", writer.opset)]
    opsets += [helper.make_opsetid(domain, custom.get(domain, 1)) for domain in domains if domain != "ai.onnx"]
    return helper.make_model(graph, producer_name="exactlump", ir_version=version, opset_imports=opsets)


def _is_integer(writer: Writer, array: NDArray[Any]) -> bool:
    """Whether a constant holds integers: bfloat16 is kept as its bits."""
    return array.dtype.kind == "i" or (array.dtype.kind == "u" and writer.dtype != "bfloat16")


def _blocks(writer: Writer) -> Iterator[bytes]:
    """The content of the file of external data, each constant padded to whole blocks."""
    for array in writer.constants.values():
        if array.dtype != np.int64:
            rows = np.atleast_1d(array)
            step = max(1, _BLOCK // max(rows[:1].nbytes, 1))
            for start in range(0, len(rows), step):
                yield rows[start : start + step].tobytes()
            yield bytes(-array.nbytes % _ALIGNMENT)


def _value(writer: Writer, port: Port) -> ValueInfoProto:
    batch = symbol(port.batch) if isinstance(port.batch, str) else port.batch
    sizes = port.shape if batch is None else (batch, *port.shape)
    kind = writer.kinds.get(port.name, 0) or port.kind or _KINDS[writer.dtype]
    if port.name in writer.integers:
        kind = TensorProto.INT64
    unknown = any(str(size).startswith("??") for size in port.shape)
    return helper.make_tensor_value_info(port.name, kind, None if unknown else dims(sizes))
