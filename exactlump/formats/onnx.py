# SPDX-License-Identifier: Apache-2.0
"""This file is about reading ONNX files: from bytes to a model whose form is checked, and on to a `Network`."""

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import onnx.checker
import onnx.defs
from google.protobuf.message import DecodeError
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto, helper

from exactlump.errors import FormatError, UnsupportedLayer
from exactlump.formats import files, onnx_tensor
from exactlump.formats.files import about
from exactlump.formats.onnx_graph import Data, Operator, Reader
from exactlump.formats.onnx_operators import OPERATORS
from exactlump.network import Network, Port, Shape

_STANDARD = ("", "ai.onnx")
# Units of one tensor: far above any dense network, low enough that a small file cannot ask for all memory.
_MOST_UNITS = 1 << 24


def load(data: bytes, kind: str, max_unpacked: int) -> ModelProto:
    """The model in the bytes of a file of kind `onnx` or `onnx.gz`; FormatError when there is none."""
    content = files.unpack(data, max_unpacked) if kind == "onnx.gz" else data
    model = ModelProto()
    try:
        model.ParseFromString(content)
    except DecodeError as error:
        raise FormatError("protobuf: found data that is no ONNX model") from error
    if not model.HasField("graph") or model.ir_version < 1:
        raise FormatError("protobuf: found no graph, expected an ONNX model")
    return model


def hashes(model: ModelProto, folder: Path) -> tuple[dict[str, str], dict[str, str]]:
    """The hash of each initialiser and `value` of a Constant node by name, and of each external file by location."""
    tensors: dict[str, str] = {}
    external: dict[str, str] = {}
    for name, tensor in _tensors(model.graph):
        with about(f"tensor {name!r}"):
            if name in tensors:
                raise FormatError("defined twice")
            tensors[name] = onnx_tensor.sha256(tensor, folder)
            if tensor.data_location == TensorProto.EXTERNAL:
                location = onnx_tensor.locations(tensor)["location"]
                if location not in external:
                    external[location] = files.sha256(onnx_tensor.inside(folder, location))
    return tensors, external


def _tensors(graph: GraphProto) -> Iterator[tuple[str, TensorProto]]:
    for tensor in graph.initializer:
        yield tensor.name, tensor
    for node in graph.node:
        if node.op_type == "Constant" and node.domain in _STANDARD and len(node.output) == 1:
            yield from ((node.output[0], attribute.t) for attribute in node.attribute if attribute.name == "value")


def parse(model: ModelProto, folder: Path) -> Network:
    """The network of a model whose external data lie in the folder.

    Raises FormatError, ShapeError for a model that breaks ONNX's rules, UnsupportedLayer for one that uses more of
    ONNX than docs/certificate-format.md lists.
    """
    graph, opset = model.graph, _opset(model)
    _refuse_features(model)
    initialisers = _unique({t.name: t for t in graph.initializer}, graph)
    _check(model, initialisers)
    ports = [_port(value) for value in graph.input if value.name not in initialisers]
    if not ports:
        raise FormatError("graph: found no input that is not a constant")
    if len({kind for _, kind in ports}) > 1:
        raise UnsupportedLayer("inputs: found different element types, expected one")
    counts = Counter(name for node in graph.node for name in node.input)
    counts.update(value.name for value in graph.output)
    sole = {name: node for node in graph.node for name in node.input if counts[name] == 1}
    reader = Reader(opset, folder, initialisers, sole)
    for port, kind in ports:
        reader.define(Data(port.name, port.shape, port.batch, kind))
    for node in graph.node:
        with about(_place(node)):
            OPERATORS[node.op_type](reader, Operator(node))
    for value in graph.output:
        with about(f"output {value.name!r}"):
            _check_output(value, reader.lookup(value.name))
    inputs, outputs = tuple(port for port, _ in ports), tuple(value.name for value in graph.output)
    if not outputs:
        raise FormatError("graph: found no output")
    notes = tuple(f"{count} {note}" for note, count in reader.notes.items())
    return Network(inputs, tuple(reader.nodes), outputs, onnx_tensor.FLOATS[ports[0][1]], notes)


def _opset(model: ModelProto) -> int:
    versions = [entry.version for entry in model.opset_import if entry.domain in _STANDARD]
    if not versions and model.ir_version < 3:
        return 1
    if len(versions) != 1 or versions[0] < 1:
        raise FormatError(f"opset: found {versions}, expected one version of the standard operators")
    newest = onnx.defs.onnx_opset_version()
    if versions[0] > newest:
        raise UnsupportedLayer(f"opset: found {versions[0]}, expected at most {newest}")
    return versions[0]


def _refuse_features(model: ModelProto) -> None:
    """Refuse what this project does not cover, before anything is looked at more closely."""
    if model.functions or model.graph.sparse_initializer:
        raise UnsupportedLayer("model: functions and sparse initialisers are not supported")
    for node in model.graph.node:
        with about(_place(node)):
            if node.domain not in _STANDARD:
                raise UnsupportedLayer(f"operators of domain {node.domain!r} are not supported")
            if node.op_type not in OPERATORS:
                raise UnsupportedLayer("operator not supported")
            if not node.output or not node.output[0] or any(attribute.ref_attr_name for attribute in node.attribute):
                raise FormatError("expected an output and attributes of this node's own")


def _unique(initialisers: dict[str, TensorProto], graph: GraphProto) -> dict[str, TensorProto]:
    if len(initialisers) != len(graph.initializer) or "" in initialisers:
        raise FormatError("initialisers: found a name twice, or an empty one")
    return initialisers


def _check(model: ModelProto, initialisers: Mapping[str, TensorProto]) -> None:
    """ONNX's own checker, on a copy in which constants are inputs: schemas, attributes, names and their order.

    Content is checked when it is read; so the cost does not depend on the size of the weights.
    """
    graph = model.graph
    known = {value.name for value in graph.input}
    constants = [name for name in initialisers if name not in known]
    constants += [node.output[0] for node in graph.node if node.op_type == "Constant"]
    stand_ins = [helper.make_tensor_value_info(name, TensorProto.FLOAT, []) for name in constants]
    nodes = [node for node in graph.node if node.op_type != "Constant"]
    bare = helper.make_graph(nodes, graph.name or "graph", [*graph.input, *stand_ins], list(graph.output))
    copy = helper.make_model(bare, opset_imports=list(model.opset_import), ir_version=model.ir_version)
    try:
        onnx.checker.check_model(copy)
    except onnx.checker.ValidationError as error:
        raise FormatError(f"onnx checker: {' '.join(str(error).split())}") from error


def _place(node: NodeProto) -> str:
    return f"{node.op_type} node {node.output[0] if node.output else node.name!r}"


def _port(value: ValueInfoProto) -> tuple[Port, int]:
    """The input without its batch axis, and its element type."""
    with about(f"input {value.name!r}"):
        tensor = value.type.tensor_type
        if not value.type.HasField("tensor_type") or tensor.elem_type not in onnx_tensor.FLOATS:
            raise UnsupportedLayer("expected a tensor of floats")
        dims = tensor.shape.dim
        if not dims:
            raise UnsupportedLayer("found no axes, expected a tensor of rank 1 or more")
        batch: int | str | None = None
        if len(dims) > 1:
            batch = dims[0].dim_value if dims[0].HasField("dim_value") else dims[0].dim_param
        if isinstance(batch, int) and batch < 1:
            raise FormatError(f"axis 0: found size {batch}, expected a positive or a symbolic one")
        return Port(value.name, _fixed(dims[len(dims) > 1 :]), batch), tensor.elem_type


def _fixed(dims: "list[onnx.TensorShapeProto.Dimension]") -> Shape:
    shape, units = [], 1
    for dim in dims:
        if not dim.HasField("dim_value"):
            raise UnsupportedLayer("found a symbolic size besides the batch axis, expected numbers")
        if dim.dim_value < 1:
            raise FormatError(f"found an axis of size {dim.dim_value}, expected a positive size")
        shape.append(dim.dim_value)
        units *= dim.dim_value
    if units > _MOST_UNITS:
        raise UnsupportedLayer(f"found {units} elements, expected at most {_MOST_UNITS}")
    return tuple(shape)


def _check_output(value: ValueInfoProto, found: object) -> None:
    """Whether a declared output agrees with what the nodes compute, the batch axis aside."""
    if not isinstance(found, Data):
        raise UnsupportedLayer("found a constant, expected a computed tensor")
    tensor = value.type.tensor_type
    if tensor.elem_type not in (0, found.kind):
        raise FormatError(
            f"found {onnx_tensor.type_name(found.kind)}, declared {onnx_tensor.type_name(tensor.elem_type)}"
        )
    if not tensor.HasField("shape"):
        return
    dims = [dim.dim_value if dim.HasField("dim_value") else None for dim in tensor.shape.dim]
    axes = dims[1:] if found.batched else dims
    if len(dims) != found.rank or any(d not in (None, n) for d, n in zip(axes, found.shape, strict=True)):
        raise FormatError(f"found shape {list(found.shape)}, declared {axes}")
