# SPDX-License-Identifier: Apache-2.0
"""This file is about operators that no rule reads: each is an unknown function of all its inputs (`network/opaque.py`).

It must be a function: what draws random numbers, trains, or belongs to a domain that nobody vouched for is refused, and
so is a node in whose subgraphs there is such.
"""

import hashlib
from collections.abc import Iterator, Sequence

import numpy as np
import onnx.defs
from onnx import AttributeProto, GraphProto, NodeProto, TensorProto, helper

from exactlump.errors import FormatError, UnsupportedLayer
from exactlump.formats.onnx import tensors as onnx_tensor
from exactlump.formats.onnx.data import Data, batch_of
from exactlump.formats.onnx.graph import Reader
from exactlump.formats.onnx.operators import Operator
from exactlump.formats.onnx.partial_shapes import Inputs, Partial
from exactlump.formats.onnx.results import shapes_of
from exactlump.formats.onnx.shapes import CLASSICAL, kind_of
from exactlump.formats.onnx.tensors import Constant
from exactlump.network.kinds import Opaque
from exactlump.network.opaque import Call, Port, is_number
from exactlump.network.sizes import Size, Sizes, symbol, text

STANDARD = ("", "ai.onnx")
# Operators that are no functions of their inputs.
_RANDOM = {
    *("RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Multinomial", "Bernoulli"),
}
_SUBGRAPHS = (AttributeProto.GRAPH, AttributeProto.GRAPHS)


def name_of(node: NodeProto) -> str:
    """Domain and operator, as `ai.onnx:LSTM`."""
    return f"{'ai.onnx' if node.domain in STANDARD else node.domain}:{node.op_type}"


def demand_function(node: NodeProto, domains: Sequence[str]) -> None:
    """Raise UnsupportedLayer where a node, or one in its subgraphs, is no function that may be taken as given."""
    if node.domain not in (*STANDARD, "ai.onnx.ml") and node.domain not in domains:
        hint = f"--opaque-domain {node.domain} says that its operators are functions"
        raise UnsupportedLayer(f"{name_of(node)} belongs to the domain {node.domain!r}: {hint}")
    if node.domain in STANDARD and node.op_type in _RANDOM:
        raise UnsupportedLayer(f"{name_of(node)} draws random numbers: it is no function of its inputs")
    training = any(a.name == "training_mode" and a.i for a in node.attribute)
    if training or (node.op_type == "Dropout" and len(node.input) > 2 and node.input[2]):
        raise UnsupportedLayer(f"{name_of(node)} may train, and is no function of its inputs then")
    if any(attribute.ref_attr_name for attribute in node.attribute):
        raise FormatError("found an attribute that refers to one of a function, outside of any")
    for graph in _graphs(node):
        for tensor in graph.initializer:
            if tensor.data_location == TensorProto.EXTERNAL:
                raise UnsupportedLayer(f"{name_of(node)} has a subgraph with external data")
        for inner in graph.node:
            demand_function(inner, domains)


def _graphs(node: NodeProto) -> Iterator[GraphProto]:
    for attribute in node.attribute:
        if attribute.type == AttributeProto.GRAPH:
            yield attribute.g
        elif attribute.type == AttributeProto.GRAPHS:
            yield from attribute.graphs


def captured(node: NodeProto) -> list[str]:
    """The outer tensors that the subgraphs of a node read, by name, each once; inner definitions shadow."""
    found: dict[str, None] = {}
    for graph in _graphs(node):
        own = {value.name for value in graph.input} | {tensor.name for tensor in graph.initializer}
        for inner in graph.node:
            for name in (*inner.input, *captured(inner)):
                if name and name not in own:
                    found[name] = None
            own.update(inner.output)
        for value in graph.output:
            if value.name not in own:
                found[value.name] = None
    return list(found)


def read_opaque(reader: Reader, node: NodeProto, domains: dict[str, int], why: str) -> None:
    """Read a node as an unknown function; UnsupportedLayer where it may not be taken for one."""
    demand_function(node, [*domains])
    version = _version(node, reader.opset, domains)
    names = [*node.input, *captured(node)]
    sources: list[Data] = []
    arguments: list[int | str | None] = []
    constants: dict[str, bytes] = {}
    found: list[Data | Constant | None] = []
    for name in names:
        entry = _entry(reader, name, domains) if name else None
        if isinstance(entry, Data):
            arguments.append(len(sources))
            sources.append(entry)
        elif name:
            arguments.append(name)
            constants[name] = _bytes(reader, name, entry)
        else:
            arguments.append(None)
        found.append(entry)
    outputs = tuple(_outputs(reader, node, found))
    signature = _signature(reader, node, version, found, constants, arguments, outputs)
    call = Call(
        *(name_of(node), node.name or next(filter(None, node.output)), why, signature, node.SerializeToString()),
        *(tuple(arguments), constants, outputs, version),
    )
    for j, port in enumerate(outputs):
        if port is None:
            continue
        shape = port.shape if port.shape is not None else (symbol(f"??{port.name}"),)
        made = Data(port.name, shape, None, port.kind, None, open=True, known=port.shape is not None)
        if port.shape is not None and is_number(port.shape):
            made = Data(port.name, (), batch_of(port.shape[0]) if port.shape else None, port.kind)
        reader.emit(Opaque(tuple(source.name for source in sources), port.name, call, j, shape), made)


def _version(node: NodeProto, opset: int, domains: dict[str, int]) -> int:
    """The version in which an operator got its meaning; of other domains the one that is imported."""
    if node.domain not in STANDARD:
        if node.domain not in domains:
            raise FormatError(f"found the domain {node.domain!r}, which the model does not import")
        return domains[node.domain]
    try:
        return int(onnx.defs.get_schema(node.op_type, opset, "").since_version)
    except onnx.defs.SchemaError as error:
        raise FormatError(f"operator: found {node.op_type}, which opset {opset} does not have") from error


def _entry(reader: Reader, name: str, domains: dict[str, int]) -> Data | Constant | None:
    """What a name stands for; None for a constant that is only known by its bytes."""
    if name in reader.waiting and name in reader.quantised:  # a QuantizeLinear that is a tensor after all
        node = reader.waiting.pop(name)
        del reader.quantised[name], reader.data[name]
        read_opaque(reader, node, domains, "its integers are read")
    if name in reader.initialisers and name not in reader.constants and name not in reader.data:
        try:
            return reader.lookup(name)
        except (UnsupportedLayer, FormatError):  # strings, or numbers that are not finite
            return None
    entry = reader.lookup(name)
    return reader.settled(entry) if isinstance(entry, Data) else entry


def _bytes(reader: Reader, name: str, found: Data | Constant | None) -> bytes:
    """A constant as ONNX's tensor, its content inside."""
    if name in reader.initialisers:
        tensor = TensorProto()
        tensor.CopyFrom(reader.initialisers[name])
        if tensor.data_location == TensorProto.EXTERNAL:
            raw = np.ascontiguousarray(onnx_tensor.stored(tensor, reader.folder)).tobytes()
            del tensor.external_data[:]
            tensor.ClearField("data_location")
            tensor.raw_data = raw
        tensor.ClearField("doc_string")
        return bytes(tensor.SerializeToString(deterministic=True))
    assert isinstance(found, Constant)
    return bytes(_folded(name, found).SerializeToString(deterministic=True))


def _folded(name: str, found: Constant) -> TensorProto:
    """A constant that was computed, if its type holds it."""
    kind = np.dtype(helper.tensor_dtype_to_np_dtype(found.kind))
    array = found.array
    if array.dtype == object:
        array = np.array([float(value) for value in array.ravel().tolist()], kind).reshape(found.shape)
        same = all(
            rational_of(a) == b for a, b in zip(array.ravel().tolist(), found.array.ravel().tolist(), strict=True)
        )
        if not same:
            raise UnsupportedLayer(f"tensor {name!r}: found constants that are no numbers of their type")
    if found.kind == TensorProto.BFLOAT16:
        bits = (np.ascontiguousarray(array, np.float32).view(np.uint32) >> 16).astype("<u2")
        return TensorProto(name=name, data_type=found.kind, dims=found.shape, raw_data=bits.tobytes())
    stored = np.ascontiguousarray(array.astype(kind)).astype(kind.newbyteorder("<"))
    return TensorProto(name=name, data_type=found.kind, dims=found.shape, raw_data=stored.tobytes())


def rational_of(value: float) -> object:
    """The float as an exact number."""
    from exactlump.numbers.rational import rational

    return rational(value)


def _outputs(reader: Reader, node: NodeProto, found: Inputs) -> Iterator[Port | None]:
    """Name, element type and shape of each output: as declared, else as they follow."""
    op = Operator.bare(node)
    own = node.domain == "ai.onnx.ml" and node.op_type in CLASSICAL
    told = own or node.domain in STANDARD or node.op_type in ("Quant", "BipolarQuant")
    derived = shapes_of(reader, op, found) if told else [None] * len(node.output)
    for j, name in enumerate(node.output):
        if not name:
            yield None
            continue
        kind, shape = reader.declared.get(name) or (0, None)
        if not kind and told:
            kind = kind_of(op, found, j)
        other = reader.others.get(name, b"")
        yield Port(name, kind, _settled(name, shape, derived[j]), shape is not None, other)


def _settled(name: str, shape: Sizes | None, derived: Partial | None) -> Sizes | None:
    """The shape as it is declared; where that says nothing of a size, as it follows; else a symbol of its own."""
    if derived is None or (shape is not None and len(shape) != len(derived)):
        return shape
    made = [symbol(f"?{i}?{name}") if n is None else n for i, n in enumerate(derived)]
    for i, size in enumerate(shape or ()):
        own = not isinstance(size, int) and any("?" in word for word in size.names)
        if not own or derived[i] is None:
            made[i] = size
    return tuple(made)


def _signature(
    reader: Reader,
    node: NodeProto,
    version: int,
    found: Inputs,
    constants: dict[str, bytes],
    arguments: Sequence[int | str | None],
    outputs: Sequence[Port | None],
) -> str:
    """What makes the operator the function that it is: equal for equal functions of equal sources."""
    words = [name_of(node), node.overload, str(version), *_attributes(node, version)]
    words.append(",".join("" if port is None else str(j) for j, port in enumerate(outputs)))
    for argument, entry in zip(arguments, found, strict=True):
        if isinstance(argument, str):
            tensor = TensorProto.FromString(constants[argument])
            content = (
                np.ascontiguousarray(onnx_tensor.stored(tensor, reader.folder)).tobytes()
                if entry
                else constants[argument]
            )
            digest = hashlib.sha256(content).hexdigest()
            words.append(f"constant {tensor.data_type} {list(tensor.dims)} {digest}")
        elif isinstance(entry, Data):
            words.append(f"tensor {entry.kind} {text(entry.sizes) if entry.known else '?'} {entry.axis} {entry.whole}")
        else:
            words.append("nothing")
    if any(_graphs(node)):
        words.append(" ".join(captured(node)))
    words += [f"{port.kind} {'?' if port.shape is None else text(port.shape)}" for port in outputs if port is not None]
    return hashlib.sha256("\n".join(words).encode()).hexdigest()


def _attributes(node: NodeProto, version: int) -> list[str]:
    """Attributes by name, with defaults, in their bytes."""
    known: dict[str, AttributeProto] = {}
    if node.domain in STANDARD:
        schema = onnx.defs.get_schema(node.op_type, version, "")
        known = {
            name: attribute.default_value
            for name, attribute in schema.attributes.items()
            if attribute.default_value.type != AttributeProto.UNDEFINED
        }
    known |= {attribute.name: attribute for attribute in node.attribute}
    words = []
    for name in sorted(known):
        bare = AttributeProto()
        bare.CopyFrom(known[name])
        bare.ClearField("doc_string")
        words.append(f"{name} {bare.SerializeToString(deterministic=True).hex()}")
    return words


def declared(values: Sequence[onnx.ValueInfoProto], inputs: Sequence[Data]) -> dict[str, tuple[int, Sizes | None]]:
    """The element types and shapes that a graph declares; symbols that no input has are the tensor's own."""
    symbols = {name for data in inputs for size in data.sizes if not isinstance(size, int) for name in size.names}
    found: dict[str, tuple[int, Sizes | None]] = {}
    for value in values:
        if not value.type.HasField("tensor_type"):
            continue
        tensor = value.type.tensor_type
        shape: Sizes | None = None
        if tensor.HasField("shape"):
            shape = tuple(_size(value.name, i, dim, symbols) for i, dim in enumerate(tensor.shape.dim))
        found[value.name] = (tensor.elem_type, None if shape is not None and 0 in shape else shape)
    return found


def other_types(values: Sequence[onnx.ValueInfoProto]) -> dict[str, bytes]:
    """The types that a graph declares which are no tensors."""
    typed = (value for value in values if value.HasField("type") and not value.type.HasField("tensor_type"))
    return {value.name: value.type.SerializeToString(deterministic=True) for value in typed}


def _size(name: str, axis: int, dim: "onnx.TensorShapeProto.Dimension", symbols: set[str]) -> Size:
    if dim.HasField("dim_value") and dim.dim_value >= 0:
        return int(dim.dim_value)
    if dim.dim_param in symbols and dim.dim_param:
        return symbol(dim.dim_param)
    return symbol(f"{dim.dim_param}?{name}" if dim.dim_param and "?" not in dim.dim_param else f"?{axis}?{name}")
