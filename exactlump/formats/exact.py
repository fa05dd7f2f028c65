# SPDX-License-Identifier: Apache-2.0
"""This file is about the exact format: a network as JSON text in which every number is a rational.

The grammar is in docs/certificate-format.md.  What is written is canonical: equal networks give equal bytes.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

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
    Pad,
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
from exactlump.numbers.rational import Rational, SparseRow, text

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


# What is read and written of a node's fields.


class _Field(NamedTuple):
    """How a field is read from the values of its keys, and written as one for each.

    keys     (): the field's own name
    implied  whether it may be left out, and then is None
    """

    read: Callable[..., Any]
    write: Callable[[Any], Sequence[Any]]
    keys: tuple[str, ...] = ()
    implied: bool = False


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


def _matrix(columns: Any, rows: Any) -> Matrix:
    return Matrix.from_rows([_row(row) for row in entries(rows)], count(columns))


def _rows(matrix: Matrix) -> tuple[int, list[Any]]:
    sparse = [matrix.row(v) for v in range(matrix.shape[0])]
    rows = [[[u, w] for u, w in zip(row, _texts(list(row.values())), strict=True)] for row in sparse]
    return matrix.shape[1], rows


def _texts(values: Sequence[Rational]) -> list[str]:
    words = [text(value) for value in values]
    if any(len(word) > LONGEST for word in words):
        raise CannotWrite(f"found a number of more than {LONGEST} characters, which no reader accepts")
    return words


def _function(value: Any) -> Activation:
    words = entries(value)
    if not words or not isinstance(words[0], str):
        raise FormatError(f"found {str(value)[:40]}, expected a function and its parameters")
    return Activation(words[0], tuple(map(number, words[1:])))


def _window(value: Any) -> Window:
    """The window, of moderate size; how it fits is seen when the network is put together."""
    entry = keys(value, *_AXES, "transposed")
    axes = {axis: shape(entry[axis]) for axis in _AXES}
    return Window(**axes, transposed=_flag("transposed", entry["transposed"]))


def _pool(value: Any) -> Window:
    """The window of a pool: at every place it reads the source."""
    window = _window(value)
    sizes = {len(getattr(window, axis)) for axis in _AXES}
    if window.transposed or len(sizes) != 1:
        raise FormatError("window: found a transposed one, or axes of different numbers")
    if not all(window.cells(padding=False)):
        raise UnsupportedLayer("found a position that reads nothing but padding")
    return window


def _window_of(window: Window) -> list[dict[str, Any]]:
    return [{**{name: list(getattr(window, name)) for name in _AXES}, "transposed": window.transposed}]


def _flag(key: str, value: Any) -> bool:
    if type(value) is not bool:
        raise FormatError(f"{key}: found {str(value)[:40]!r}, expected true or false")
    return bool(value)


def _signs(value: Any) -> tuple[int, ...]:
    signs = entries(value)
    if any(sign not in ("1", "-1") for sign in signs):
        raise FormatError(f'signs: found {str(signs)[:40]}, expected "1" or "-1"')
    return tuple(map(int, signs))


def _pick(value: Any) -> tuple[int, int]:
    if len(entries(value)) != 2:
        raise FormatError(f"found {str(value)[:40]}, expected [source, unit]")
    return count(value[0]), count(value[1])


def _several(read: Callable[[Any], Any], write: Callable[[Any], Any] = lambda one: one) -> _Field:
    """A list of what is read and written one by one."""
    return _Field(lambda value: tuple(map(read, entries(value))), lambda found: [[write(one) for one in found]])


def _or_null(field: _Field) -> _Field:
    """The field, or null for None."""
    return _Field(
        lambda value: None if value is None else field.read(value),
        lambda found: [None] if found is None else field.write(found),
    )


_NAME = _Field(name, lambda found: [found])
_COUNT = _Field(count, lambda found: [found])
_NUMBERS = _Field(vector, lambda found: [_texts(found)])
_MATRIX = _Field(_matrix, _rows, ("columns", "rows"))
_WINDOW, _POOL = _Field(_window, _window_of), _Field(_pool, _window_of)
_SHAPE = _Field(shape, lambda found: [list(found)])

# What each operator of the format makes, and the fields of that.
_NODES: Mapping[str, tuple[Callable[..., Node], Mapping[str, _Field]]] = {
    "dense": (Dense, {"source": _NAME, "weight": _MATRIX, "bias": _NUMBERS}),
    "conv": (Conv, {"source": _NAME, "weight": _MATRIX, "bias": _NUMBERS, "window": _WINDOW}),
    "average_pool": (
        AveragePool,
        {"source": _NAME, "window": _POOL, "padding": _Field(partial(_flag, "padding"), lambda found: [found])},
    ),
    "max_pool": (MaxPool, {"source": _NAME, "window": _POOL}),
    "pad": (Pad, {"source": _NAME, "window": _WINDOW}),
    "add": (Add, {"sources": _several(name), "signs": _Field(_signs, lambda found: [[*map(str, found)]])}),
    "select": (
        Select,
        {"sources": _several(name), "picks": _several(_pick, list), "shape": _SHAPE, "channel": _or_null(_COUNT)},
    ),
    "scale": (Scale, {"source": _NAME, "factor": _NUMBERS}),
    "shift": (Shift, {"source": _NAME, "constant": _NUMBERS}),
    "reorder": (
        Reorder,
        {"source": _NAME, "axes": _or_null(_several(count)), "shape": _SHAPE, "channel": _COUNT._replace(implied=True)},
    ),
    "activate": (
        Activate,
        {"source": _NAME, "functions": _several(_function, lambda f: [f.name, *_texts(f.parameters)])},
    ),
    "head": (Head, {"source": _NAME, "kind": _Field(lambda value: head_kind(str(value)), lambda found: [found])}),
}
_OPERATORS = {kind: op for op, (kind, _) in _NODES.items()}


def _node(value: Any) -> Node:
    op = value.get("op") if isinstance(value, dict) else None
    if not isinstance(op, str) or op not in _NODES:
        raise FormatError(f"op: found {str(op)[:40]!r}, expected one of {', '.join(_NODES)}")
    kind, every = _NODES[op]
    fields = {at: field for at, field in every.items() if not field.implied or at in value}
    entry = keys(value, "op", "target", *(key for at, field in fields.items() for key in field.keys or (at,)))
    target = name(entry["target"])
    found = {at: field.read(*(entry[key] for key in field.keys or (at,))) for at, field in fields.items()}
    return kind(target=target, **found)


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


def _fields(node: Node) -> dict[str, Any]:
    op = _OPERATORS.get(type(node))
    if op is None:
        raise CannotWrite(f"tensor {node.target!r}: found {node}, which only an ONNX file can hold")
    found: dict[str, Any] = {"op": op}
    for at, field in _NODES[op][1].items():
        value = getattr(node, at)
        if value is not None or not field.implied:
            found.update(zip(field.keys or (at,), field.write(value), strict=True))
    return found
