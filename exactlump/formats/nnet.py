# SPDX-License-Identifier: Apache-2.0
"""This file is about .nnet files: ReLU networks whose every number is a decimal, read and written exactly.

Format: comment lines `//...`; then, comma-separated, with a comma at a line's end,

    layers, inputs, outputs, largest layer      the last is not used
    the sizes of all layers, inputs first
    0                                           a flag that is not used
    least, greatest value of each input         not applied
    mean of each input, mean of the outputs
    range of each input, range of the outputs
    for each layer: a line of weights a neuron, a line with its bias a neuron

(Kyle Julian, Stanford, 2016; github.com/sisl/NNet).  What the readers there do not read alike is refused: comments and
blank lines after the first ones, a carriage return within a line, a row without the comma at its end, of which one of
them drops the last number, numbers that are no normal float64, and, unless the normalisation is left out, means and
ranges of more inputs than the network has.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile

from exactlump.errors import CannotWrite, FormatError
from exactlump.formats.files import about
from exactlump.formats.specification import AS_STORED, RAW_NNET
from exactlump.network.activations import RELU
from exactlump.network.kinds import Activate, Dense, Node, Scale, Shift
from exactlump.network.program import Network
from exactlump.network.views import Port
from exactlump.numbers.matrix import Matrix
from exactlump.numbers.rational import (
    ONE,
    ZERO,
    Rational,
    SparseRow,
    Vector,
    decimal,
    decimal_text,
    fraction,
    rational,
    text,
)

Lines = Iterator[tuple[int, list[str]]]
_BLANK = " \t"
# A comment line of more characters is read as two by readers with a buffer.
_LONGEST_COMMENT = 2000
_LONG_EXPONENT = re.compile("[eE][+-]?[0-9]{4}")
# Numbers are 0 or of a size from 10^-307 up to 10^308: any reader's float64 of them is normal.
_LEAST, _MOST = ONE / 10**307, rational(10**308)
# What is written for inputs whose bounds are not known: the greatest float32.
_NO_BOUND = "340282350000000000000000000000000000000.0"


@dataclass(frozen=True, slots=True)
class Header:
    """The lines before the weights; `means` and `ranges` are the inputs' and, last, the outputs'.

    extra: how many more inputs they list than the network has, between the two.
    """

    comments: tuple[str, ...]
    sizes: tuple[int, ...]
    bounds: tuple[tuple[str, ...], tuple[str, ...]]
    means: Vector
    ranges: Vector
    extra: int


def parse(data: bytes, *, raw: bool = False) -> Network:
    """The network of a .nnet file, normalisation included unless `raw`; FormatError says in which line."""
    lines, comments = _lines(data)
    head = _header(lines, comments, raw)
    layers = [_layer(lines, columns, rows) for columns, rows in zip(head.sizes, head.sizes[1:], strict=False)]
    for number, _ in lines:
        raise FormatError(f"line {number}: found more numbers than the header says")
    nodes: list[Node] = [] if raw else _normalisation(head)
    tensor = "input" if raw else "normalised"
    for number, (weight, bias) in enumerate(layers, 1):
        nodes.append(Dense(tensor, f"layer{number}", weight, bias))
        tensor = f"layer{number}"
        if number < len(layers):
            nodes.append(Activate(tensor, f"relu{number}", (RELU,) * len(bias)))
            tensor = f"relu{number}"
    if not raw:
        factor, mean = (head.ranges[-1],) * head.sizes[-1], (head.means[-1],) * head.sizes[-1]
        nodes += [Scale(tensor, f"{tensor}.scaled", factor), Shift(f"{tensor}.scaled", "output", mean)]
        tensor = "output"
    meant = RAW_NNET if raw else AS_STORED
    return Network(
        (Port("input", head.sizes[:1]),), tuple(nodes), (tensor,), notes=_notes(head, raw), specification=meant
    )


def header(data: bytes, *, raw: bool = False) -> Header:
    """The header of a .nnet file, whose normalisation is left out if `raw`; FormatError."""
    return _header(*_lines(data), raw)


def _normalisation(head: Header) -> list[Node]:
    inputs = head.sizes[0]
    if not all(head.ranges[:inputs]):
        raise FormatError("header: found an input range of 0")
    return [
        Shift("input", "input.centred", tuple(-mean for mean in head.means[:inputs])),
        Scale("input.centred", "normalised", tuple(ONE / width for width in head.ranges[:inputs])),
    ]


def _notes(head: Header, raw: bool) -> tuple[str, ...]:
    notes = ["the header's clipping of inputs is not applied"]
    notes.append(
        "the header's normalisation is left out" if raw else "the header's normalisation is part of the network"
    )
    if not raw and not head.ranges[-1]:
        notes.append("the header's range of the outputs is 0: with it, they are constant")
    if head.extra:
        notes.append(f"the header lists {head.extra} inputs more than the network has")
    return tuple(notes)


def _lines(data: bytes) -> tuple[Lines, tuple[str, ...]]:
    """The lines of numbers, each with its line number, and the comments."""
    try:
        rows = data.decode("utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise FormatError(f"text: {error}") from error
    if all(row.endswith("\r") for row in rows[:-1]):
        rows = [*(row.removesuffix("\r") for row in rows[:-1]), rows[-1]]
    comments = tuple(takewhile(lambda row: row.startswith("//"), rows))
    while rows and not rows[-1].strip(_BLANK):
        rows.pop()
    for number, row in enumerate(rows, 1):
        with about(f"line {number}"):
            _demand_alike(row, comment=number <= len(comments))
    return ((i, _words(row)) for i, row in enumerate(rows, 1) if i > len(comments)), tuple(map(str.rstrip, comments))


def _demand_alike(row: str, *, comment: bool) -> None:
    """Raise FormatError for a line that readers of the format take for different ones."""
    if "\r" in row:
        raise FormatError("found a carriage return, expected none, or one at the end of every line")
    if comment and len(row) > _LONGEST_COMMENT:
        raise FormatError(f"found a comment of {len(row)} characters, expected at most {_LONGEST_COMMENT}")
    if not comment and (not row.strip(_BLANK) or row.startswith("//")):
        raise FormatError("found a blank line or a comment, expected numbers: comments are the first lines")


def _words(row: str) -> list[str]:
    """The words of a line; the last one is empty where the line ends with a comma."""
    return [word.strip(_BLANK) for word in row.split(",")]


def _next(lines: Lines, what: str) -> tuple[int, list[str]]:
    for number, words in lines:
        return number, words
    raise FormatError(f"end of file: expected {what}")


def _row(lines: Lines, count: int | None, what: str, *, comma: bool = True) -> tuple[list[str], Vector]:
    """A line of so many numbers, as words and exactly; comma: whether one must follow the last."""
    number, words = _next(lines, what)
    with about(f"line {number}"):
        if words[-1] and comma:
            raise FormatError(f"found no comma at the end, without which some readers drop the last number: {what}")
        words = words if words[-1] else words[:-1]
        if count is not None and len(words) != count:
            raise FormatError(f"found {len(words)} numbers, expected {count}: {what}")
        return words, tuple(map(_number, words))


def _number(word: str) -> Rational:
    value = None if _LONG_EXPONENT.search(word) else decimal(word)
    if value is None or (value and not _LEAST <= abs(value) < _MOST):
        raise FormatError(f"number {word[:40]!r}: expected 0, or a size from 10^-307 to 10^308: readers have float64")
    return value


def _numbers(lines: Lines, count: int, what: str, *, comma: bool = True) -> Vector:
    return _row(lines, count, what, comma=comma)[1]


def _integers(lines: Lines, what: str) -> tuple[int, ...]:
    number, words = _next(lines, what)
    words = words if words[-1] else words[:-1]
    if not all(word.isascii() and word.isdigit() and len(word) < 10 for word in words):
        raise FormatError(f"line {number}: found {','.join(words)[:40]!r}, expected {what}")
    return tuple(map(int, words))


def _header(lines: Lines, comments: tuple[str, ...], raw: bool) -> Header:
    counts = _integers(lines, "the numbers of layers, inputs and outputs and the largest size")
    sizes = _integers(lines, "the sizes of the layers")
    if len(counts) != 4 or min(counts[0], counts[3]) < 1 or counts[:3] != (len(sizes) - 1, sizes[0], sizes[-1]):
        raise FormatError(f"header: found {list(counts)} for layers of sizes {str(list(sizes))[:80]}")
    if min(sizes) < 1:
        raise FormatError("header: found a layer without neurons")
    if len(_integers(lines, "one flag")) != 1:
        raise FormatError("header: expected one flag in the line after the sizes")
    least, _ = _row(lines, None, "the least input values")
    extra = len(least) - sizes[0]
    if extra < 0 or (extra and not raw):
        why = ": in some readers the means' and ranges' last is the outputs', in others not; --raw-nnet reads neither"
        found = f"line {len(comments) + 4}: found {len(least)} numbers, expected {sizes[0]}"
        raise FormatError(found + (why if extra > 0 else ""))
    greatest, _ = _row(lines, len(least), "the greatest input values")
    means = _numbers(lines, len(least) + 1, "means")
    ranges = _numbers(lines, len(least) + 1, "ranges")
    return Header(comments, sizes, (tuple(least), tuple(greatest)), means, ranges, extra)


def _layer(lines: Lines, columns: int, rows: int) -> tuple[Matrix, Vector]:
    weights: list[SparseRow] = []
    bias: list[Rational] = []
    for v in range(rows):
        weights.append(dict(enumerate(_numbers(lines, columns, f"weights of neuron {v}"))))
    for v in range(rows):
        bias.extend(_numbers(lines, 1, f"bias of neuron {v}", comma=False))
    return Matrix.from_rows(weights, columns), tuple(bias)


def render(network: Network, like: Header | None = None, *, raw: bool = False) -> bytes:
    """The text of a network of the format's structure: normalisation, layers with ReLU between, output scaling.

    like    comments and input bounds to repeat
    raw     repeat that header's normalisation too, which the network leaves out
    Raises CannotWrite when the network has another structure, or a number has no finite decimal.
    """
    mean, width, layers, output = _structure(network)
    units = network.units(network.inputs[0].name)
    if like is not None and like.sizes[0] != units:
        raise CannotWrite(f"header: found {like.sizes[0]} inputs, expected {units}")
    means, ranges = (*mean, output[0]), (*width, output[1])
    if raw and like is not None:
        if (*map(fraction, means), *map(fraction, ranges)) != ((0, 1),) * (units + 1) + ((1, 1),) * (units + 1):
            raise CannotWrite("header: the network has a normalisation of its own")
        means, ranges = like.means, like.ranges
    bounds = like.bounds if like is not None else ((f"-{_NO_BOUND}",) * units, (_NO_BOUND,) * units)
    sizes = [units, *(len(layer.bias) for layer in layers)]
    rows = list(like.comments if like is not None else ())
    rows += [_line(map(str, (len(layers), units, sizes[-1], max(sizes)))), _line(map(str, sizes)), "0,"]
    rows += [_line(bounds[0]), _line(bounds[1]), _decimals("means", means), _decimals("ranges", ranges)]
    for layer in layers:
        rows += _layer_rows(layer)
    return ("\n".join(rows) + "\n").encode()


def _layer_rows(layer: Dense) -> Iterator[str]:
    height, width = layer.weight.shape
    for v in range(height):
        row = layer.weight.row(v)
        yield _decimals(f"tensor {layer.target!r}, unit {v}", tuple(row.get(u, ZERO) for u in range(width)))
    for v, bias in enumerate(layer.bias):
        yield _decimals(f"tensor {layer.target!r}, unit {v}", (bias,))


def _line(words: "Iterator[str] | tuple[str, ...]") -> str:
    return ",".join(words) + ","


def _decimals(place: str, values: Vector) -> str:
    return _line(tuple(_decimal(place, value) for value in values))


def _decimal(place: str, value: Rational) -> str:
    """The decimal, if there is one that readers accept (at most 4,000 characters, and of the size of a float64)."""
    p, q = fraction(value)
    if value and not _LEAST <= abs(value) < _MOST:
        raise CannotWrite(f"{place}: found a number that is no normal float64; .json can hold it")
    short = q.bit_length() + math.ceil(p.bit_length() * 0.302) < 3900
    word = decimal_text(value) if short else None
    if word is None:
        raise CannotWrite(
            f"{place}: {text(value)[:40] if short else 'a number'} has no short decimal; .json can hold it"
        )
    return word


def _structure(network: Network) -> tuple[Vector, Vector, list[Dense], tuple[Rational, Rational]]:
    """Input means and ranges, layers, output mean and range of a network that .nnet can hold; CannotWrite."""
    if len(network.inputs) != 1 or len(network.outputs) != 1:
        raise CannotWrite(".nnet holds one input and one output; .json can hold this network")
    nodes = _chain(network)
    units = network.units(network.inputs[0].name)
    mean, width = (ZERO,) * units, (ONE,) * units
    last, factor = ZERO, ONE
    if nodes and nodes[0].constant:
        mean, nodes = tuple(-c for c in nodes[0].constant), nodes[1:]
    if nodes and nodes[0].factor:
        if not all(nodes[0].factor):
            raise _unlike(nodes[0])
        width, nodes = tuple(ONE / f for f in nodes[0].factor), nodes[1:]
    if nodes and nodes[-1].constant:
        last, nodes = _uniform(nodes[-1], nodes[-1].constant), nodes[:-1]
    if nodes and nodes[-1].factor:
        factor, nodes = _uniform(nodes[-1], nodes[-1].factor), nodes[:-1]
    return mean, width, _layers(nodes), (last, factor)


def _chain(network: Network) -> list[Node]:
    """The nodes, each reading the one before, the output last; CannotWrite."""
    tensor = network.inputs[0].name
    for node in network.nodes:
        if node.reads != (tensor,) or len(network.shapes[tensor]) != 1:
            raise _unlike(node)
        tensor = node.target
    if network.outputs != (tensor,):
        raise CannotWrite(f"output {network.outputs[0]!r}: .nnet holds a chain that ends there")
    return list(network.nodes)


def _layers(nodes: list[Node]) -> list[Dense]:
    layers = []
    for place, node in enumerate(nodes):
        if place % 2 == 0 and isinstance(node, Dense):
            layers.append(node)
        elif not (place % 2 == 1 and set(node.functions) == {RELU}):
            raise _unlike(node)
    if len(nodes) % 2 == 0:
        raise CannotWrite("layers: .nnet holds layers with ReLU between them, the last without; .json can hold others")
    return layers


def _uniform(node: Node, values: Vector) -> Rational:
    if len(set(map(fraction, values))) != 1:
        raise _unlike(node)
    return values[0]


def _unlike(node: Node) -> CannotWrite:
    return CannotWrite(f"tensor {node.target!r}: .nnet has no place for this {type(node).__name__}; .json can hold it")
