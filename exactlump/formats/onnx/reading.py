# SPDX-License-Identifier: Apache-2.0
"""This file is about reading ONNX files: from bytes to a model whose form is checked, and on to a `Network`."""

import math
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

import onnx.checker
import onnx.defs
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # protobuf ships no type hints
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto, helper

from exactlump.errors import FormatError, UnsupportedLayer
from exactlump.formats import files
from exactlump.formats.files import about
from exactlump.formats.onnx import tensors as onnx_tensor
from exactlump.formats.onnx.arithmetic import CUSTOM, OPERATORS
from exactlump.formats.onnx.bodies import in_place
from exactlump.formats.onnx.data import Data
from exactlump.formats.onnx.graph import MOST_ELEMENTS, Reader
from exactlump.formats.onnx.normalisation import rounded_up
from exactlump.formats.onnx.obstacles import refusals
from exactlump.formats.onnx.opaque import declared, other_types, read_opaque
from exactlump.formats.onnx.operators import Operator
from exactlump.formats.onnx.rules import Rule
from exactlump.formats.onnx.shapes import follow, is_number
from exactlump.formats.onnx.spelled import threshold
from exactlump.formats.onnx.stated import state
from exactlump.formats.onnx.tensors import UNCOVERED, Constant
from exactlump.formats.specification import AS_STORED, BATCHNORM
from exactlump.formats.stating import NOTHING_STATED, Stated, words_of_size
from exactlump.network.kinds import Node, Opaque, Pick, Regrid
from exactlump.network.opaque import TAKEN
from exactlump.network.origin import Origin
from exactlump.network.program import Network
from exactlump.network.sizes import symbol
from exactlump.network.views import Port
from exactlump.numbers.rational import ZERO, Rational

_STANDARD = ("", "ai.onnx")
# The operators that have rules, by domain and name.
KNOWN = frozenset([f"ai.onnx:{name}" for name in OPERATORS] + [f"{domain}:{name}" for domain, name in CUSTOM])
# Operators that only move elements, whatever these are.
_MOVING = frozenset(("Concat", "Flatten", "Gather", "Identity", "Reshape", "Shape", "Slice", "Split", "Squeeze"))
_MOVING |= {"Transpose", "Unsqueeze"}
# How many refused nodes are named at once.
_MOST_REFUSALS = 20


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
    wrong = next((word for word in _texts(model) if not isinstance(word, str)), None)
    if wrong is not None:
        raise FormatError(f"protobuf: found the name {wrong!r}, expected UTF-8")
    return model


def _texts(model: ModelProto) -> Iterator[object]:
    """The texts of a model that mean something here; protobuf returns bytes for those that are not UTF-8."""
    yield from (entry.domain for entry in model.opset_import)
    yield from (sparse.values.name for sparse in model.graph.sparse_initializer)
    for node in model.graph.node:
        yield from (node.op_type, node.domain, node.name, *node.input, *node.output)
        yield from (text for attribute in node.attribute for text in (attribute.name, attribute.ref_attr_name))
    for name, tensor in _tensors(model.graph):
        yield name
        yield from (text for entry in tensor.external_data for text in (entry.key, entry.value))
    for value in (*model.graph.input, *model.graph.output):
        yield value.name
        yield from (dim.dim_param for dim in value.type.tensor_type.shape.dim)


def demand_inside(model: ModelProto) -> None:
    """Raise FormatError where a model that is no file keeps tensors in files of their own: there is no folder."""
    for name, tensor in _tensors(model.graph):
        if tensor.data_location == TensorProto.EXTERNAL:
            raise FormatError(f"tensor {name!r}: found external data, expected it in the model (or the path of a file)")


def hashes(model: ModelProto, folder: Path) -> tuple[dict[str, str], dict[str, str]]:
    """The hash of each initialiser and `value` of a Constant node by name, and of each external file by location."""
    tensors: dict[str, str] = {}
    external: dict[str, str] = {}
    for name, tensor in _tensors(in_place(model).graph):
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


def parse(
    model: ModelProto,
    folder: Path,
    batchnorm: str | None = None,
    opaque_domains: Collection[str] = (),
    shapes: Stated = NOTHING_STATED,
    dust: Rational = ZERO,
    given: Collection[str] = (),
) -> Network:
    """The network of a model whose external data lie in the folder.

    An operator that no rule reads is an unknown function of its inputs (`opaque.py`).
    opaque_domains  domains besides ONNX's own whose operators are taken for functions
    shapes     of inputs, as people state them (`stated.py`): put into the model, which is changed
    dust       numbers of stored constants that are smaller are read as 0 where they are weights, factors or addends
    given      tensors whose nodes are taken for unknown functions though rules may read them
    batchnorm  how its batch normalisations are read: their scales as "float32" or "float64", or "exact"; default: the
               network's own float type, if that is float64, else float32
    Raises FormatError, ShapeError for a model that breaks ONNX's rules, UnsupportedLayer for one that uses more of
    ONNX than docs/formats.md lists.
    """
    state(model, shapes)
    model = in_place(model)
    graph, opset = model.graph, _opset(model)
    _refuse_features(model)
    initialisers = _unique({t.name: t for t in graph.initializer}, graph)
    _check(model, initialisers)
    entries = [_port(value) for value in graph.input if value.name not in initialisers]
    if not entries:
        raise FormatError("graph: found no input that is not a constant")
    counts = Counter(name for node in graph.node for name in node.input)
    counts.update(value.name for value in graph.output)
    names = {name for node in graph.node for name in (*node.input, *node.output)} | {*initialisers}
    names.update(value.name for value in graph.input)
    sole = {name: node for node in graph.node for name in node.input if counts[name] == 1}
    dtype = next((onnx_tensor.FLOATS[data.kind] for data in entries if data.kind in onnx_tensor.FLOATS), "float32")
    chosen = batchnorm or ("float64" if dtype == "float64" else "float32")
    reader = Reader(opset, folder, initialisers, sole, names, batchnorm=chosen)
    reader.stored, reader.dust, reader.given = {name for name, _ in _tensors(graph)}, dust, frozenset(given)
    reader.declared = declared((*graph.value_info, *graph.output), entries)
    reader.others = other_types((*graph.value_info, *graph.output))
    reader.outputs = {value.name for value in graph.output}
    for data in entries:
        reader.define(data)
    domains = {
        entry.domain: int(entry.version)
        for entry in model.opset_import
        if entry.domain in (*opaque_domains, "ai.onnx.ml")
    }
    try:
        for node in graph.node:
            with about(_place(node)):
                _read(reader, node, domains)
    except UnsupportedLayer as error:
        others = [o for o in refusals(model, KNOWN, opaque_domains) if o.why not in str(error)]
        if not others:
            raise
        words = "; ".join(f"{other.place}: {other.why}" for other in others[:_MOST_REFUSALS])
        raise UnsupportedLayer(f"{error}; {len(others)} more nodes are refused: {words}") from error
    for value in graph.output:
        with about(f"output {value.name!r}"):
            _check_output(value, reader.lookup(value.name))
    own = next(kind for kind, name in onnx_tensor.FLOATS.items() if name == dtype)
    inputs = tuple(Port(d.name, d.shape, d.batch, d.open, 0 if d.kind == own else d.kind) for d in entries)
    outputs = tuple(value.name for value in graph.output)
    if not outputs:
        raise FormatError("graph: found no output")
    notes = (*(f"{count} {note}" for note, count in reader.notes.items()), *_rounding(reader), *_sweeping(reader))
    origin = Origin(opset, model.ir_version, reader.steps, _ranks(reader, outputs))
    return Network(
        inputs,
        tuple(_reached(reader.nodes, outputs, reader.spelled)),
        outputs,
        dtype,
        notes,
        _specification(reader),
        origin,
    )


def _read(reader: Reader, node: NodeProto, domains: dict[str, int]) -> None:
    """Read a node by its rule, or, where that does not cover it, as opaque."""
    mark = reader.mark()
    own, free = {node.domain: 1} if (node.domain, node.op_type) in CUSTOM else {}, reader.given.isdisjoint(node.output)
    if free and node.domain in _STANDARD and is_number(reader, Operator.bare(node)):
        return
    try:
        if not free:
            raise UnsupportedLayer(TAKEN)
        operator = _operator(node)
        op = Operator(node)
        uncovered = any(name in reader.data and reader.data[name].kind in UNCOVERED for name in node.input)
        if uncovered and node.op_type not in _MOVING:
            raise UnsupportedLayer(
                "found texts, or numbers that are not covered, expected floats, integers or truth values"
            )
        if node.op_type != "Constant" and set(node.output) & reader.outputs and _is_constant(reader, op):
            raise UnsupportedLayer("found a constant that is an output")
        operator(reader, op)
    except UnsupportedLayer as error:
        reader.reset(mark)
        try:
            read_opaque(reader, node, {**domains, **own}, str(error))
        except UnsupportedLayer as refusal:
            raise UnsupportedLayer(f"{error}; {refusal}") from error
    if node.domain in _STANDARD:
        threshold(reader, Operator.bare(node))
        follow(reader, Operator.bare(node))


def _ranks(reader: Reader, outputs: Sequence[str]) -> tuple[int, ...]:
    """How many axes the outputs have, where batch axes move: [n] and [1, n] are the same elements."""
    if not any(isinstance(node, Regrid | Pick | Opaque) for node in reader.nodes):
        return ()
    found = [reader.lookup(name) for name in outputs]
    return tuple(data.rank if isinstance(data, Data) and data.known else -1 for data in found)


def _is_constant(reader: Reader, op: Operator) -> bool:
    return all(isinstance(reader.lookup(name), Constant) for name in op.inputs if name)


def _reached(nodes: Sequence[Node], outputs: Sequence[str], spelled: Collection[str]) -> list[Node]:
    """The nodes without the opaque operators that no output depends on, and what is made of them.

    spelled: the tensors that spelled-out functions consist of, which are left out likewise
    """
    live, gone = set(outputs), set[str]()
    for node in reversed(nodes):
        if node.target in live:
            live.update(node.reads)
    for node in nodes:
        dead = isinstance(node, Opaque) or node.target in spelled or not gone.isdisjoint(node.reads)
        if node.target not in live and dead:
            gone.add(node.target)
    return [node for node in nodes if node.target not in gone]


def _operator(node: NodeProto) -> Rule:
    """How the node is read; UnsupportedLayer where that is not known."""
    if node.domain in _STANDARD and node.op_type in OPERATORS:
        return OPERATORS[node.op_type]
    if (node.domain, node.op_type) in CUSTOM:
        return CUSTOM[node.domain, node.op_type]
    raise UnsupportedLayer(f"operator not supported{'' if node.domain in _STANDARD else f' (domain {node.domain!r})'}")


def _specification(reader: Reader) -> str:
    """What the network computes where the file leaves irrational numbers (docs/certificate-format.md, "claim")."""
    if reader.rounded:
        return BATCHNORM[reader.batchnorm]
    return BATCHNORM["exact"] if reader.unfolded else AS_STORED


def _sweeping(reader: Reader) -> Iterator[str]:
    if reader.dust:
        yield f"{sum(reader.swept.values())} numbers smaller than {words_of_size(reader.dust)} read as 0"


def _rounding(reader: Reader) -> Iterator[str]:
    if reader.rounded:
        power = {"float32": -24, "float64": -53}[reader.batchnorm]
        worst = rounded_up(max(reader.rounded))
        yield (
            f"{len(reader.rounded)} scales of batch normalisations (or roots) rounded to {reader.batchnorm}: "
            f"relative error at most 2^{power}; here at most {worst}"
        )


def _opset(model: ModelProto) -> int:
    versions = sorted({entry.version for entry in model.opset_import if entry.domain in _STANDARD})
    if not versions and (model.ir_version < 3 or not any(node.domain in _STANDARD for node in model.graph.node)):
        return 1
    if len(versions) != 1 or versions[0] < 1:
        raise FormatError(f"opset: found {versions}, expected one version of the standard operators")
    newest = onnx.defs.onnx_opset_version()
    if versions[0] > newest:
        raise UnsupportedLayer(f"opset: found {versions[0]}, expected at most {newest}")
    return int(versions[0])


def _refuse_features(model: ModelProto) -> None:
    """Refuse nodes that ONNX has in functions only, before anything is looked at more closely."""
    for node in model.graph.node:
        with about(_place(node)):
            if not any(node.output) or any(attribute.ref_attr_name for attribute in node.attribute):
                raise FormatError("expected an output and attributes of this node's own")


def _unique(initialisers: dict[str, TensorProto], graph: GraphProto) -> dict[str, TensorProto]:
    if len(initialisers) != len(graph.initializer) or "" in initialisers:
        raise FormatError("initialisers: found a name twice, or an empty one")
    return initialisers


def _check(model: ModelProto, initialisers: Mapping[str, TensorProto]) -> None:
    """ONNX's own checker on the nodes: their schemas and attributes, and the order and uniqueness of names.

    It sees a copy in which constants are inputs, so that the cost does not depend on the size of the weights.
    Types and content are checked here when they are read.
    """
    graph = model.graph
    inputs = list(dict.fromkeys([*(value.name for value in graph.input), *initialisers]))
    inputs += [node.output[0] for node in graph.node if _holds_tensor(node)]
    nodes = [node for node in graph.node if not _holds_tensor(node)]
    stand_ins, outputs = (
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, []) for name in names]
        for names in (inputs, [value.name for value in graph.output])
    )
    bare = helper.make_graph(nodes, "graph", stand_ins, outputs)
    imported = {entry.domain for entry in model.opset_import}
    others = sorted({node.domain for node in nodes if node.domain not in _STANDARD} - imported)
    opsets = [*model.opset_import, *(helper.make_opsetid(domain, 1) for domain in others)]
    copy = helper.make_model(bare, opset_imports=opsets, ir_version=model.ir_version)
    try:
        onnx.checker.check_model(copy)
    except (onnx.checker.ValidationError, UnicodeDecodeError) as error:  # the latter in texts that mean nothing here
        raise FormatError(f"onnx checker: {' '.join(str(error).split())}") from error


def _holds_tensor(node: NodeProto) -> bool:
    """Whether a node is a Constant whose value is a tensor, which may be large."""
    return node.op_type == "Constant" and any(attribute.name == "value" for attribute in node.attribute)


def _place(node: NodeProto) -> str:
    return f"{node.op_type} node {node.output[0] if node.output else node.name!r}"


def _port(value: ValueInfoProto) -> Data:
    """The input: its elements where all sizes besides its batch axis are known, else as one unit."""
    with about(f"input {value.name!r}"):
        if not value.type.HasField("tensor_type") or not value.type.tensor_type.HasField("shape"):
            raise UnsupportedLayer("expected a tensor of known rank")
        tensor = value.type.tensor_type
        dims = [_dimension(axis, dim) for axis, dim in enumerate(tensor.shape.dim)]
        if len(dims) > onnx_tensor.MOST_AXES:
            raise UnsupportedLayer(f"found {len(dims)} axes, expected at most {onnx_tensor.MOST_AXES}")
        batch: int | str | None = None
        if len(dims) > 1 or (len(dims) == 1 and not isinstance(dims[0], int)):
            batch, dims = dims[0], dims[1:]
        sizes = [n for n in dims if isinstance(n, int)]
        if math.prod(sizes) > MOST_ELEMENTS:
            raise UnsupportedLayer(f"found {math.prod(sizes)} elements, expected at most {MOST_ELEMENTS}")
        if len(sizes) == len(dims):
            return Data(value.name, tuple(sizes), batch, tensor.elem_type)
        every = dims if batch is None else [batch, *dims]
        named = [n if isinstance(n, int) else symbol(n or f"?{i}?{value.name}") for i, n in enumerate(every)]
        return Data(value.name, tuple(named), None, tensor.elem_type, open=True)


def _dimension(axis: int, dim: "onnx.TensorShapeProto.Dimension") -> int | str:
    """A size, or the name of one that is free, which may be empty; -1 is free too."""
    if not dim.HasField("dim_value") or dim.dim_value == -1:
        return dim.dim_param
    if dim.dim_value < 1:
        raise FormatError(f"axis {axis}: found size {dim.dim_value}, expected a positive or a symbolic one")
    return int(dim.dim_value)


def _check_output(value: ValueInfoProto, found: object) -> None:
    """Whether a declared output agrees with what the nodes compute, the batch axis aside."""
    if not isinstance(found, Data):
        raise UnsupportedLayer("found a constant, expected a computed tensor")
    if found.open:
        return
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
