# SPDX-License-Identifier: Apache-2.0
"""This file is about the exact format: a network as JSON text in which every number is a rational.

The grammar is in docs/certificate-format.md.  What is written is canonical: equal networks give equal bytes.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, assert_never

from exactlump.errors import CannotWrite, FormatError, UnsupportedLayer
from exactlump.formats.exact_words import (
    LONGEST,
    bounded,
    count,
    entries,
    keys,
    name,
    number,
    parse_json,
    shape,
    vector,
)
from exactlump.formats.files import about
from exactlump.network.activations import Activation
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
    head_kind,
)
from exactlump.network.program import Network
from exactlump.network.views import Port
from exactlump.network.windows import Window
from exactlump.numbers.matrix import Matrix
from exactlump.numbers.rational import Rational, SparseRow, Vector, text

_FORMAT, _VERSION = "exactlump network", 1
_AXES = ("source", "target", "kernel", "stride", "dilation", "begin", "end")


def parse(data: bytes) -> Network:
    """The network that the text describes; FormatError, ShapeError for anything else than the grammar says."""
    top = keys(parse_json(data), "format", "version", "inputs", "nodes", "outputs")
    if top["format"] != _FORMAT or top["version"] is True or top["version"] != _VERSION:
        raise FormatError(f"format: found {str(top['format'])[:40]!r} version {str(top['version'])[:20]}")
    inputs = []
    for i, entry in enumerate(entries(top["inputs"])):
        with about(f"input {i}"):
            port = keys(entry, "name", "shape")
            inputs.append(Port(name(port["name"]), shape(port["shape"])))
    nodes = []
    for i, entry in enumerate(entries(top["nodes"])):
        with about(f"node {i}"):
            nodes.append(_node(entry))
    with about("outputs"):
        outputs = tuple(map(name, entries(top["outputs"])))
    if not inputs or not outputs:
        raise FormatError("network: expected at least one input and one output")
    network = Network(tuple(inputs), tuple(nodes), outputs)
    for tensor, sizes in network.shapes.items():
        with about(f"tensor {tensor!r}"):
            bounded(sizes)
    return network


def _row(value: Any) -> SparseRow:
    row: SparseRow = {}
    last = -1
    for entry in entries(value):
        if len(entries(entry)) != 2:
            raise FormatError(f"found {str(entry)[:40]}, expected [column, weight]")
        column, weight = count(entry[0]), number(entry[1])
        if column <= last or not weight:
            raise FormatError(f"column {column}: expected ascending columns and no weight 0")
        row[column] = weight
        last = column
    return row


def _function(value: Any) -> Activation:
    words = entries(value)
    if not words or not isinstance(words[0], str):
        raise FormatError(f"found {str(value)[:40]}, expected a function and its parameters")
    return Activation(words[0], tuple(map(number, words[1:])))


def _window(value: Any) -> Window:
    """The window, of moderate size; how it fits is seen when the network is put together."""
    entry = keys(value, *_AXES, "transposed")
    axes = {axis: shape(entry[axis]) for axis in _AXES}
    return Window(**axes, transposed=_flag(entry, "transposed"))


def _pool(entry: Mapping[str, Any]) -> Window:
    """The window of a pool: at every place it reads the source."""
    window = _window(entry["window"])
    sizes = {len(getattr(window, axis)) for axis in _AXES}
    if window.transposed or len(sizes) != 1:
        raise FormatError("window: found a transposed one, or axes of different numbers")
    if not all(window.cells(padding=False)):
        raise UnsupportedLayer("found a position that reads nothing but padding")
    return window


def _flag(entry: Mapping[str, Any], key: str) -> bool:
    if type(entry[key]) is not bool:
        raise FormatError(f"{key}: found {str(entry[key])[:40]!r}, expected true or false")
    return bool(entry[key])


def _source(entry: Mapping[str, Any]) -> str:
    return name(entry["source"])


def _sources(entry: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(map(name, entries(entry["sources"])))


def _matrix(entry: Mapping[str, Any]) -> tuple[Matrix, Vector]:
    rows = [_row(row) for row in entries(entry["rows"])]
    return Matrix.from_rows(rows, count(entry["columns"])), vector(entry["bias"])


def _dense(entry: Mapping[str, Any], target: str) -> Node:
    return Dense(_source(entry), target, *_matrix(entry))


def _conv(entry: Mapping[str, Any], target: str) -> Node:
    return Conv(_source(entry), target, *_matrix(entry), _window(entry["window"]))


def _average_pool(entry: Mapping[str, Any], target: str) -> Node:
    return AveragePool(_source(entry), target, _pool(entry), _flag(entry, "padding"))


def _add(entry: Mapping[str, Any], target: str) -> Node:
    signs = entries(entry["signs"])
    if any(sign not in ("1", "-1") for sign in signs):
        raise FormatError(f'signs: found {str(signs)[:40]}, expected "1" or "-1"')
    return Add(_sources(entry), target, tuple(map(int, signs)))


def _select(entry: Mapping[str, Any], target: str) -> Node:
    picks = []
    for pick in entries(entry["picks"]):
        if len(entries(pick)) != 2:
            raise FormatError(f"found {str(pick)[:40]}, expected [source, unit]")
        picks.append((count(pick[0]), count(pick[1])))
    channel = None if entry["channel"] is None else count(entry["channel"])
    return Select(_sources(entry), target, tuple(picks), shape(entry["shape"]), channel)


def _reorder(entry: Mapping[str, Any], target: str) -> Node:
    axes = None if entry["axes"] is None else tuple(map(count, entries(entry["axes"])))
    channel = count(entry["channel"]) if "channel" in entry else None
    return Reorder(_source(entry), target, axes, shape(entry["shape"]), channel)


# op: its further keys, and the node they make.
_NODES: Mapping[str, tuple[Sequence[str], Callable[[Mapping[str, Any], str], Node]]] = {
    "dense": (("source", "columns", "rows", "bias"), _dense),
    "conv": (("source", "columns", "rows", "bias", "window"), _conv),
    "average_pool": (("source", "window", "padding"), _average_pool),
    "max_pool": (("source", "window"), lambda entry, to: MaxPool(_source(entry), to, _pool(entry))),
    "pad": (("source", "window"), lambda entry, to: Pad(_source(entry), to, _window(entry["window"]))),
    "add": (("sources", "signs"), _add),
    "select": (("sources", "picks", "shape", "channel"), _select),
    "scale": (("source", "factor"), lambda entry, to: Scale(_source(entry), to, vector(entry["factor"]))),
    "shift": (("source", "constant"), lambda entry, to: Shift(_source(entry), to, vector(entry["constant"]))),
    "reorder": (("source", "axes", "shape"), _reorder),
    "activate": (
        ("source", "functions"),
        lambda entry, to: Activate(_source(entry), to, tuple(map(_function, entries(entry["functions"])))),
    ),
    "head": (("source", "kind"), lambda entry, to: Head(_source(entry), to, head_kind(str(entry["kind"])))),
}


def _node(value: Any) -> Node:
    op = value.get("op") if isinstance(value, dict) else None
    if not isinstance(op, str) or op not in _NODES:
        raise FormatError(f"op: found {str(op)[:40]!r}, expected one of {', '.join(_NODES)}")
    names, make = _NODES[op]
    if op == "reorder" and "channel" in value:
        names = (*names, "channel")
    entry = keys(value, "op", "target", *names)
    return make(entry, name(entry["target"]))


def render(network: Network) -> bytes:
    """The canonical text: keys sorted, no blanks, one newline at the end."""
    top = {
        "format": _FORMAT,
        "version": _VERSION,
        "inputs": [{"name": port.name, "shape": list(port.shape)} for port in network.inputs],
        "nodes": [{"target": node.target, **_fields(node)} for node in network.nodes],
        "outputs": list(network.outputs),
    }
    return (json.dumps(top, sort_keys=True, separators=(",", ":"), ensure_ascii=False) + "\n").encode()


def _texts(values: Sequence[Rational]) -> list[str]:
    words = [text(value) for value in values]
    if any(len(word) > LONGEST for word in words):
        raise CannotWrite(f"found a number of more than {LONGEST} characters, which no reader accepts")
    return words


def _fields(node: Node) -> dict[str, Any]:
    match node:
        case Dense():
            return {"op": "dense", **_source_of(node), **_weights(node)}
        case Conv():
            return {"op": "conv", **_source_of(node), **_weights(node), **_window_of(node.window)}
        case AveragePool():
            return {"op": "average_pool", **_source_of(node), "padding": node.padding, **_window_of(node.window)}
        case MaxPool():
            return {"op": "max_pool", **_source_of(node), **_window_of(node.window)}
        case Pad():
            return {"op": "pad", **_source_of(node), **_window_of(node.window)}
        case Add():
            return {"op": "add", "sources": list(node.sources), "signs": [str(sign) for sign in node.signs]}
        case Select():
            picks, shape = [list(pick) for pick in node.picks], list(node.shape)
            named = {"op": "select", "sources": list(node.sources)}
            return {**named, "picks": picks, "shape": shape, "channel": node.channel}
        case Scale():
            return {"op": "scale", **_source_of(node), "factor": _texts(node.factor)}
        case Shift():
            return {"op": "shift", **_source_of(node), "constant": _texts(node.constant)}
        case Regrid() | Pick() | Opaque():
            raise CannotWrite(f"tensor {node.target!r}: found {node}, which only an ONNX file can hold")
        case Reorder():
            axes = None if node.axes is None else list(node.axes)
            channel = {} if node.channel is None else {"channel": node.channel}
            return {"op": "reorder", **_source_of(node), "axes": axes, "shape": list(node.shape), **channel}
        case Activate():
            functions = [[f.name, *_texts(f.parameters)] for f in node.functions]
            return {"op": "activate", **_source_of(node), "functions": functions}
        case Head():
            return {"op": "head", **_source_of(node), "kind": node.kind}
        case _:
            assert_never(node)


def _source_of(node: Node) -> dict[str, Any]:
    (source,) = node.reads
    return {"source": source}


def _weights(node: Dense | Conv) -> dict[str, Any]:
    matrix = node.weight
    sparse = [matrix.row(v) for v in range(matrix.shape[0])]
    rows = [[[u, w] for u, w in zip(row, _texts(list(row.values())), strict=True)] for row in sparse]
    return {"columns": matrix.shape[1], "rows": rows, "bias": _texts(node.bias)}


def _window_of(window: Window) -> dict[str, Any]:
    axes = {name: list(getattr(window, name)) for name in _AXES}
    return {"window": {**axes, "transposed": window.transposed}}
