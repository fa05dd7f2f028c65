# SPDX-License-Identifier: Apache-2.0
"""This file is about the exact format: a network as JSON text in which every number is a rational.

The grammar is in docs/certificate-format.md.  What is written is canonical: equal networks give equal bytes.
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from exactlump.activation import Activation
from exactlump.errors import CannotWrite, FormatError
from exactlump.formats.files import about
from exactlump.network import Activate, Dense, Head, Network, Node, Port, Reorder, Scale, Shape, Shift
from exactlump.rational import Matrix, Rational, SparseRow, Vector, text
from exactlump.rational import parse as parse_rational

_FORMAT, _VERSION = "exactlump network", 1
_LONGEST = 10_000
_LARGEST = 10**15
_MOST_UNITS = 1 << 24


def parse(data: bytes) -> Network:
    """The network that the text describes; FormatError, ShapeError for anything else than the grammar says."""
    top = _keys(_json(data), "format", "version", "inputs", "nodes", "outputs")
    if top["format"] != _FORMAT or top["version"] is True or top["version"] != _VERSION:
        raise FormatError(f"format: found {str(top['format'])[:40]!r} version {str(top['version'])[:20]}")
    inputs = []
    for i, entry in enumerate(_list(top["inputs"])):
        with about(f"input {i}"):
            port = _keys(entry, "name", "shape")
            inputs.append(Port(_name(port["name"]), _shape(port["shape"])))
    nodes = []
    for i, entry in enumerate(_list(top["nodes"])):
        with about(f"node {i}"):
            nodes.append(_node(entry))
    with about("outputs"):
        outputs = tuple(map(_name, _list(top["outputs"])))
    if not inputs or not outputs:
        raise FormatError("network: expected at least one input and one output")
    network = Network(tuple(inputs), tuple(nodes), outputs)
    _ = network.shapes
    return network


def _json(data: bytes) -> Any:
    try:
        return json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_object,
            parse_int=_integer,
            parse_float=_no_float,
            parse_constant=_no_float,
        )
    except RecursionError as error:
        raise FormatError("json: nested too deeply") from error
    except FormatError:
        raise
    except ValueError as error:  # JSONDecodeError and UnicodeDecodeError
        raise FormatError(f"json: {error}") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise FormatError("json: found a key twice in one object")
    return found


def _integer(word: str) -> int:
    if len(word) > 16 or not 0 <= int(word) <= _LARGEST or word == "-0":
        raise FormatError(f"json: found {word[:20]}, expected an integer from 0 to 10^15")
    return int(word)


def _no_float(word: str) -> Any:
    raise FormatError(f"json: found {word[:20]}, expected integers and rationals as text")


def _keys(value: Any, *names: str) -> dict[str, Any]:
    if not isinstance(value, dict) or set(value) != set(names):
        found = sorted(value) if isinstance(value, dict) else type(value).__name__
        raise FormatError(f"found {str(found)[:100]}, expected an object with the keys {', '.join(names)}")
    return value


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise FormatError(f"found {type(value).__name__}, expected a list")
    return value


def _name(value: Any) -> str:
    if not isinstance(value, str) or not value or any("\ud800" <= c <= "\udfff" for c in value):
        raise FormatError(f"found {str(value)[:40]!a}, expected a name")
    return value


def _count(value: Any) -> int:
    if type(value) is not int:
        raise FormatError(f"found {str(value)[:40]!r}, expected an integer")
    return value


def _shape(value: Any) -> Shape:
    shape = tuple(map(_count, _list(value)))
    if math.prod(shape) > _MOST_UNITS:
        raise FormatError(f"found {math.prod(shape)} elements, expected at most {_MOST_UNITS}")
    return shape


def _rational(value: Any) -> Rational:
    if not isinstance(value, str) or len(value) > _LONGEST:
        raise FormatError(f"found {str(value)[:40]!r}, expected a rational as text")
    return parse_rational(value)


def _vector(value: Any) -> Vector:
    return tuple(map(_rational, _list(value)))


def _row(value: Any) -> SparseRow:
    row: SparseRow = {}
    last = -1
    for entry in _list(value):
        if len(_list(entry)) != 2:
            raise FormatError(f"found {str(entry)[:40]}, expected [column, weight]")
        column, weight = _count(entry[0]), _rational(entry[1])
        if column <= last or not weight:
            raise FormatError(f"column {column}: expected ascending columns and no weight 0")
        row[column] = weight
        last = column
    return row


def _function(value: Any) -> Activation:
    words = _list(value)
    if not 1 <= len(words) <= 2 or not isinstance(words[0], str):
        raise FormatError(f"found {str(value)[:40]}, expected a function and its slope")
    return Activation(words[0], *map(_rational, words[1:]))


def _dense(entry: Mapping[str, Any], source: str, target: str) -> Node:
    weight = Matrix.from_rows([_row(row) for row in _list(entry["rows"])], _count(entry["columns"]))
    return Dense(source, target, weight, _vector(entry["bias"]))


def _reorder(entry: Mapping[str, Any], source: str, target: str) -> Node:
    axes = None if entry["axes"] is None else tuple(map(_count, _list(entry["axes"])))
    return Reorder(source, target, axes, _shape(entry["shape"]))


def _activate(entry: Mapping[str, Any], source: str, target: str) -> Node:
    return Activate(source, target, tuple(map(_function, _list(entry["functions"]))))


# op: its further keys, and the node they make.
_NODES: Mapping[str, tuple[Sequence[str], Callable[[Mapping[str, Any], str, str], Node]]] = {
    "dense": (("columns", "rows", "bias"), _dense),
    "scale": (("factor",), lambda entry, source, target: Scale(source, target, _vector(entry["factor"]))),
    "shift": (("constant",), lambda entry, source, target: Shift(source, target, _vector(entry["constant"]))),
    "reorder": (("axes", "shape"), _reorder),
    "activate": (("functions",), _activate),
    "head": (("kind",), lambda entry, source, target: Head(source, target, str(entry["kind"]))),
}


def _node(value: Any) -> Node:
    op = value.get("op") if isinstance(value, dict) else None
    if not isinstance(op, str) or op not in _NODES:
        raise FormatError(f"op: found {str(op)[:40]!r}, expected one of {', '.join(_NODES)}")
    names, make = _NODES[op]
    entry = _keys(value, "op", "source", "target", *names)
    return make(entry, _name(entry["source"]), _name(entry["target"]))


def render(network: Network) -> bytes:
    """The canonical text: keys sorted, no blanks, one newline at the end."""
    top = {
        "format": _FORMAT,
        "version": _VERSION,
        "inputs": [{"name": port.name, "shape": list(port.shape)} for port in network.inputs],
        "nodes": [{"source": node.source, "target": node.target, **_fields(node)} for node in network.nodes],
        "outputs": list(network.outputs),
    }
    return (json.dumps(top, sort_keys=True, separators=(",", ":"), ensure_ascii=False) + "\n").encode()


def _texts(values: Sequence[Rational]) -> list[str]:
    words = [text(value) for value in values]
    if any(len(word) > _LONGEST for word in words):
        raise CannotWrite(f"found a number of more than {_LONGEST} characters, which no reader accepts")
    return words


def _fields(node: Node) -> dict[str, Any]:
    if isinstance(node, Dense):
        matrix = node.weight
        sparse = [matrix.row(v) for v in range(matrix.shape[0])]
        rows = [[[u, w] for u, w in zip(row, _texts(list(row.values())), strict=True)] for row in sparse]
        return {"op": "dense", "columns": matrix.shape[1], "rows": rows, "bias": _texts(node.bias)}
    if isinstance(node, Scale):
        return {"op": "scale", "factor": _texts(node.factor)}
    if isinstance(node, Shift):
        return {"op": "shift", "constant": _texts(node.constant)}
    if isinstance(node, Reorder):
        return {"op": "reorder", "axes": None if node.axes is None else list(node.axes), "shape": list(node.shape)}
    if isinstance(node, Activate):
        slopes = [[] if f.slope is None else _texts([f.slope]) for f in node.functions]
        functions = [[f.name, *slope] for f, slope in zip(node.functions, slopes, strict=True)]
        return {"op": "activate", "functions": functions}
    return {"op": "head", "kind": node.kind}
