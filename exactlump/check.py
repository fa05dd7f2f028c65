# SPDX-License-Identifier: Apache-2.0
"""This file is about checking a certificate: that two network files compute the same function over the reals.

It is the rules of docs/certificate-format.md, and it stands alone: one file, standard library only, to be copied
out, read, and run with `python3 -I check.py ORIGINAL REDUCED CERTIFICATE`.  It reads the networks itself, believes
nothing that the producer computed, uses no floating-point arithmetic, and refuses what it does not understand.

Throughout: N is the original, N' the reduced network; u, v are units, k classes; a *form* is a pair
(denominator, {atom: numerator}) without zeros; atom 0 is the constant 1, a positive atom is a class of an anchored
tensor of N', a negative one the free unknown of a unit.  A `Pair` is a rational (numerator, denominator > 0).
Nothing is made as long as a size that a file only claims: what belongs to units is a function of the unit.
"""

import argparse
import contextlib
import functools
import gzip
import hashlib
import io
import itertools
import json
import math
import operator
import os
import re
import stat
import struct
import sys
import zlib
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, NamedTuple, TypeAlias

MAX_UNPACKED = 512 << 20  # bytes of one network, its external data included
MAX_BITS = 1 << 20  # of any number
MAX_ROW = 1 << 33  # bits of all numbers of a row
MAX_STORED = 10**7  # coefficients of derived tensors, of 512 bits each
MAX_UNITS = 1 << 63  # of a tensor
EXIT = {"equivalent": 0, "rejected": 1, "unknown": 3, "unsupported": 4}
MALFORMED, INTERNAL = 2, 5

Pair: TypeAlias = tuple[int, int]
Form: TypeAlias = tuple[int, dict[int, int]]
Forms: TypeAlias = Callable[[int], Form]  # of the units of a tensor
At: TypeAlias = Callable[[int], Pair]
Values: TypeAlias = Any  # a flat memoryview of numbers; its type hint differs between versions of Python


# --- Verdicts and errors ------------------------------------------------------------------------


class CheckError(Exception):
    """A place and what was found there; `rule` is the stable short name of the condition that failed."""

    verdict = ""

    def __init__(self, message: str, rule: str = "") -> None:
        super().__init__(message)
        self.rule = rule


class Malformed(CheckError):
    """A file that cannot be read or is out of grammar."""


class Rejected(CheckError):
    """A well-formed certificate that is false, or is about other files."""

    verdict = "rejected"


class Exhausted(CheckError):
    """Work beyond the budget: nothing is known."""

    verdict = "unknown"


class Unsupported(CheckError):
    """An operator or a feature of a format that no rule covers."""

    verdict = "unsupported"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer, `equivalent`, `rejected`, `unknown` or `unsupported`, and counts of what was read and checked."""

    verdict: str
    reason: str
    rule: str
    tensors: int
    units: int
    weights: int
    rule_counts: dict[str, int]

    @property
    def exit_code(self) -> int:
        """The exit code of the command line."""
        return EXIT[self.verdict]

    def text(self, as_json: bool) -> str:
        """The verdict and its reason on one line, or everything as one JSON object."""
        if as_json:
            return json.dumps({name: getattr(self, name) for name in self.__slots__}, sort_keys=True)
        return one_line(f"{self.verdict}: {self.reason}")


@contextlib.contextmanager
def about(place: str) -> Iterator[None]:
    """Errors raised inside name the place first."""
    try:
        yield
    except CheckError as error:
        raise type(error)(f"{place}: {error}", error.rule) from error


def one_line(message: str) -> str:
    """The message in printable ASCII, cut to a readable length."""
    return "".join(c if c.isascii() and c.isprintable() else ascii(c)[1:-1] for c in message[:800])


def shown(value: object) -> str:
    """A short text for a value of any size."""
    if isinstance(value, Fraction):
        return str(value) if max(abs(value.numerator), value.denominator) < 10**30 else "a long rational"
    return ascii(value[:40]) if isinstance(value, str) else f"a value of type {type(value).__name__}"


def expect(found: object, expected: object, what: str) -> None:
    """Sizes must fit."""
    if found != expected:
        raise Malformed(f"found {found} {what}, expected {expected}")


# --- Numbers and functions ------------------------------------------------------------------------

ONE, ZERO = Fraction(1), Fraction(0)
_RATIONAL = re.compile(r"-?(0|[1-9][0-9]*)(/[1-9][0-9]*)?")
_DECIMAL = re.compile(r"([+-]?)([0-9]*)\.?([0-9]*)(?:[eE]([+-]?[0-9]{1,3}))?")


def rational(word: object) -> Pair:
    """The rational that a canonical text names."""
    if type(word) is not str or len(word) > 10_000 or not _RATIONAL.fullmatch(word):
        raise Malformed(f"found {shown(word)}, expected a rational in lowest terms, as text")
    return _rational(word)


@functools.lru_cache(maxsize=1024)
def _rational(word: str) -> Pair:
    top, _, bottom = word.partition("/")
    p, q = integer(top), integer(bottom or "1")
    if bottom == "1" or word == "-0" or math.gcd(p, q) != 1:
        raise Malformed(f"found {shown(word)}, expected a rational in lowest terms")
    return p, q


def integer(digits: str) -> int:
    """int(digits) without Python's limit of 4,300 digits."""
    if len(digits) <= 4000:
        return int(digits)
    half = len(digits) // 2
    low = integer(digits[-half:])
    return integer(digits[:-half]) * int(10**half) + (-low if digits[0] == "-" else low)


def decimal(word: str) -> Pair:
    """The exact value of a decimal such as `-1.25e-3`."""
    match = _DECIMAL.fullmatch(word)
    if not match or not (match[2] or match[3]) or len(word) > 4000:
        raise Malformed(f"found {shown(word)}, expected a finite decimal")
    digits, power = int(match[1] + match[2] + match[3]), int(match[4] or 0) - len(match[3])
    return (digits * 10**power, 1) if power >= 0 else lowest(digits, 10**-power)


def lowest(p: int, q: int) -> Pair:
    """p/q in lowest terms, for q not 0."""
    divisor = math.gcd(p, q) * (1 if q > 0 else -1)
    return p // divisor, q // divisor


def common(denominators: Iterable[int], numbers: int) -> int:
    """The least common multiple, for so many numbers; Exhausted when these become too long to work with."""
    total = 1
    for q in denominators:
        if total % q:
            total = math.lcm(total, q)
            if total.bit_length() > MAX_BITS or total.bit_length() * numbers > MAX_ROW:
                raise Exhausted(f"a common denominator has {total.bit_length()} bits", "budget")
    return total


Function: TypeAlias = tuple[str, Pair | None]  # name, and the slope for y < 0 of a leaky_relu
IDENTITY: Function = ("leaky_relu", (1, 1))
RELU: Function = ("leaky_relu", (0, 1))
AT_ZERO: dict[str, Fraction | None] = {  # the functions that are names only, and their values at 0
    **dict.fromkeys(("tanh", "softsign", "erf", "sin"), ZERO),
    **dict.fromkeys(("cos", "exp"), ONE),
    "sigmoid": Fraction(1, 2),
    "softplus": None,
}


def taken_to(function: Function, h: Fraction) -> tuple[Fraction, ...]:
    """All c that the function takes to h: sigma(c*y) = h*sigma(y) for all y; positive first."""
    slope = function[1]
    if slope is None or h == 0:
        return (ONE,) if h == 1 else ()
    if slope == (-1, 1):
        return (h, -h) if h > 0 else ()
    return (h,) if h > 0 or slope == (1, 1) else ()


def value_at(function: Function, y: Fraction) -> Fraction | None:
    """sigma(y), or None where it is not known to be rational."""
    name, slope = function
    if slope is not None:
        return y if y >= 0 else Fraction(*slope) * y
    return AT_ZERO[name] if y == 0 else None


# --- The network: nodes that each define one tensor -----------------------------------------------


class FloatMatrix(NamedTuple):
    """A matrix of floats times `scale`: entry (v, u) is values[v * down + u * across]."""

    values: Values
    down: int
    across: int
    columns: int
    scale: Pair

    def row(self, v: int) -> tuple[list[int], list[int], int]:
        """Columns of the non-zero entries of row v, their numerators, and the common denominator."""
        start = v * self.down
        weights = self.values[start : start + (self.columns - 1) * self.across + 1 : self.across].tolist()
        columns = list(itertools.compress(range(self.columns), weights))
        pairs = [weight.as_integer_ratio() for weight in filter(None, weights)]
        bottom = max((q for _, q in pairs), default=1)  # all are powers of two
        p, q = self.scale
        return columns, [n * (bottom // d) * p for n, d in pairs], bottom * q


class SparseMatrix(NamedTuple):
    """A matrix of rationals: each row lists (column, numerator, denominator)."""

    rows: list[list[tuple[int, int, int]]]
    columns: int

    def row(self, v: int) -> tuple[list[int], list[int], int]:
        """As FloatMatrix.row."""
        entries = self.rows[v]
        bottom = common((q for _, _, q in entries), len(entries))
        return [u for u, _, _ in entries], [p * (bottom // q) for _, p, q in entries], bottom


class Dense(NamedTuple):
    """target[v] = sum_u matrix[v][u] * source[u] + bias[v]."""

    matrix: FloatMatrix | SparseMatrix
    bias: At


class Pointwise(NamedTuple):
    """target[v] = factor[v] * source[v] + constant[v]."""

    factor: At
    constant: At


class Reorder(NamedTuple):
    """target[v] = source[origin(v)]."""

    origin: Callable[[int], int]


class Activate(NamedTuple):
    """target[v] = function(v) of source[v]."""

    function: Callable[[int], Function]


class Head(NamedTuple):
    """target = softmax or log_softmax over all units of source."""

    kind: str


What: TypeAlias = Dense | Pointwise | Reorder | Activate | Head


class Node(NamedTuple):
    """One step of the program: `what` defines the tensor `target` from the tensor `source`."""

    source: str
    target: str
    what: What


@dataclass(slots=True)
class Network:
    """A straight-line program, and what identifies its file."""

    sha256: str
    format: str
    inputs: list[str] = field(default_factory=list)
    producer: dict[str, Node] = field(default_factory=dict)  # by target, in order
    outputs: list[str] = field(default_factory=list)
    units: dict[str, int] = field(default_factory=dict)
    tensors: dict[str, str] = field(default_factory=dict)
    external: dict[str, str] = field(default_factory=dict)
    weights: int = 0  # constants that are not zero

    def define(self, name: str, units: int) -> None:
        """A new tensor."""
        if name in self.units:
            raise Malformed(f"tensor {name!a}: defined twice")
        if not 1 <= units <= MAX_UNITS:
            raise Malformed(f"tensor {name!a}: found another number of elements, expected 1 to 2^63")
        self.units[name] = units

    def add_input(self, name: str, units: int) -> None:
        """The next input."""
        self.define(name, units)
        self.inputs.append(name)

    def add(self, source: str, target: str, what: What, units: int) -> None:
        """The next node."""
        if source not in self.units:
            raise Malformed(f"tensor {source!a}: read before any node defines it")
        self.define(target, units)
        self.producer[target] = Node(source, target, what)

    def finish(self, outputs: list[str]) -> "Network":
        """The network with its outputs."""
        for name in outputs:
            if name not in self.units:
                raise Malformed(f"output {name!a}: found no node that defines it")
        if not outputs or len(set(outputs)) < len(outputs):
            raise Malformed(f"outputs: found {len(outputs)}, expected at least one, each once")
        self.outputs = outputs
        return self


def ones(_: int) -> Pair:
    """The factor 1 everywhere."""
    return 1, 1


def zeros(_: int) -> Pair:
    """The constant 0 everywhere."""
    return 0, 1


def in_place(v: int) -> int:
    """The order that changes nothing."""
    return v


def strides(dims: Sequence[int]) -> tuple[int, ...]:
    """How far apart neighbours along each axis of an array are, row-major."""
    return tuple(itertools.accumulate(dims[:0:-1], operator.mul, initial=1))[::-1] if dims else ()


def locate(dims: Sequence[int], steps: Sequence[int]) -> Callable[[int], int]:
    """For the v-th element, row-major, of an array of shape `dims`: the sum of index times step."""
    if tuple(steps) == strides(dims):
        return in_place

    def place(v: int) -> int:
        offset = 0
        for n, step in zip(reversed(dims), reversed(steps), strict=True):
            v, index = divmod(v, n)
            offset += index * step
        return offset

    return place


# --- Files ------------------------------------------------------------------------------------------

FORMATS = ("onnx", "onnx.gz", "nnet", "json")


def read_file(path: str, limit: int) -> bytes:
    """The content of a regular file of at most `limit` bytes."""
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        with open(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise Malformed("file: found a folder or a device, expected a regular file")
            if status.st_size > limit:
                raise Malformed(f"file: found {status.st_size} bytes, expected at most {limit} (--max-unpacked)")
            return file.read()
    except (OSError, ValueError) as error:  # ValueError: a NUL character in the path
        raise Malformed(f"file: cannot be read: {getattr(error, 'strerror', None) or error}") from error


def unpack(packed: bytes, limit: int) -> bytes:
    """The content of a gzip file, if it is at most `limit` bytes."""
    content = bytearray()
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(packed)) as file:
            while chunk := file.read(1 << 20):
                content += chunk
                if len(content) > limit:
                    raise Malformed(f"gzip: found more than {limit} bytes, expected at most that (--max-unpacked)")
    except (OSError, EOFError, zlib.error) as error:
        raise Malformed(f"gzip: found damaged data, expected a whole file: {error}") from error
    return bytes(content)


def read_network(path: str, raw: bool, limit: int) -> Network:
    """The network in a file, whose suffix names the format; `raw`: a .nnet without its normalisation."""
    with about(path):
        form = next((name for name in FORMATS if path.lower().endswith(f".{name}")), None)
        if form is None:
            raise Malformed(f"file name: found {os.path.basename(path)!a}, expected one of {', '.join(FORMATS)}")
        content = read_file(path, limit)
        network = Network(hashlib.sha256(content).hexdigest(), form)
        if form == "json":
            return read_exact(content, network)
        if form == "nnet":
            return read_nnet(content, network, raw)
        if form == "onnx.gz":
            content = unpack(content, limit)
        return OnnxReader(network, Folder(os.path.dirname(path), limit - len(content))).read(content)


class Folder:
    """External data files beside a model: read once, hashed, and never outside the folder."""

    def __init__(self, path: str, limit: int) -> None:
        self.path, self.limit = os.path.realpath(path or "."), limit
        self.contents: dict[str, bytes] = {}

    def content(self, location: str) -> bytes:
        """The bytes of the file that a model calls `location`."""
        with about(f"external data {location!a}"):
            if location not in self.contents:
                self.contents[location] = read_file(self.resolve(location), self.limit)
                self.limit -= len(self.contents[location])
            return self.contents[location]

    def resolve(self, location: str) -> str:
        """The path of a file inside the folder."""
        parts = location.replace("\\", "/").split("/")
        if "\0" in location or ".." in parts or not parts[0] or os.path.splitdrive(location)[0]:
            raise Malformed("found another path, expected a relative one inside the folder of the model")
        path = os.path.realpath(os.path.join(self.path, location))
        if os.path.commonpath([self.path, path]) != self.path:
            raise Malformed("found a link that leaves the folder of the model, expected a file inside")
        return path


# --- JSON -------------------------------------------------------------------------------------------


def read_json(content: bytes) -> Any:  # Any: its shape is checked where it is used
    """The value of a JSON text without floats, duplicate keys, or integers beyond 10^15."""
    hooks: dict[str, Any] = {"object_pairs_hook": _object, "parse_int": _small}
    try:
        return json.loads(content.decode("utf-8"), parse_float=_no_float, parse_constant=_no_float, **hooks)
    except RecursionError as error:
        raise Malformed("JSON: found too many nested brackets") from error
    except ValueError as error:
        position = getattr(error, "pos", getattr(error, "start", 0))
        raise Malformed(f"JSON: found an error at position {position}, expected JSON in UTF-8") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        key, _ = Counter(key for key, _ in pairs).most_common(1)[0]
        raise Malformed(f"JSON: found the key {shown(key)} twice in one object")
    return result


def _no_float(word: str) -> None:
    raise Malformed(f"JSON: found {shown(word)}, expected no number but integers")


def _small(word: str) -> int:
    if len(word) > 16 or not 0 <= int(word) <= 10**15 or word == "-0":
        raise Malformed(f"JSON: found {shown(word)}, expected an integer from 0 to 10^15")
    return int(word)


def typed(value: Any, kind: type, what: str) -> Any:
    """The value, if it is of that very type (a truth value is no integer)."""
    if type(value) is not kind:
        raise Malformed(f"{what}: found {shown(value)}, expected {kind.__name__}")
    return value


def texts(value: Any, what: str) -> list[str]:
    """The value, if it is a list of texts."""
    return [typed(item, str, what) for item in typed(value, list, what)]


def keys(value: Any, what: str, *expected: str, optional: str = "") -> dict[str, Any]:
    """The object, if it has exactly the expected keys."""
    found = set(typed(value, dict, what))
    if found - {optional} != set(expected):
        raise Malformed(f"{what}: found the keys {shown(', '.join(sorted(found)))}, expected {', '.join(expected)}")
    return dict(value)


def entries(value: Any, what: str) -> list[tuple[int, Pair]]:
    """A list of [index, rational] with indices strictly ascending and no zero."""
    result: list[tuple[int, Pair]] = []
    for item in typed(value, list, what):
        if type(item) is not list or len(item) != 2 or type(item[0]) is not int:
            raise Malformed(f"{what}: found another value, expected [index, rational]")
        pair = rational(item[1])
        if pair[0] == 0 or (result and item[0] <= result[-1][0]):
            raise Malformed(f"{what}: entry {item[0]}: expected ascending indices and no zero")
        result.append((item[0], pair))
    return result


EXACT = {
    "dense": ("columns", "rows", "bias"),
    "scale": ("factor",),
    "shift": ("constant",),
    "reorder": ("axes", "shape"),
    "activate": ("functions",),
    "head": ("kind",),
}


def read_exact(content: bytes, network: Network) -> Network:
    """A network in the exact JSON format."""
    top = keys(read_json(content), "network", "format", "version", "inputs", "nodes", "outputs")
    if (top["format"], typed(top["version"], int, "version")) != ("exactlump network", 1):
        raise Malformed("format: found another one, expected 'exactlump network' version 1")
    shapes: dict[str, list[int]] = {}
    for port in typed(top["inputs"], list, "inputs"):
        name = typed(keys(port, "input", "name", "shape")["name"], str, "input name")
        shapes[name] = _exact_shape(port["shape"])
        network.add_input(name, math.prod(shapes[name]))
    for index, value in enumerate(typed(top["nodes"], list, "nodes")):
        with about(f"node {index}"):
            op = typed(value, dict, "node").get("op")
            if type(op) is not str or op not in EXACT:
                raise Unsupported(f"operator: found {shown(op)}, expected one of {', '.join(EXACT)}")
            node = keys(value, op, "op", "source", "target", *EXACT[op])
            source, target = texts([node["source"], node["target"]], "tensor")
            if source not in shapes:
                raise Malformed(f"tensor {source!a}: read before any node defines it")
            what, shape = _exact_node(op, node, shapes[source], network)
            network.add(source, target, what, math.prod(shape))
            shapes[target] = shape
    return network.finish(texts(top["outputs"], "outputs"))


def _exact_node(op: str, node: dict[str, Any], shape: list[int], network: Network) -> tuple[What, list[int]]:
    """What a node does to a tensor of that shape, and the shape of its target."""
    units = math.prod(shape)
    if op == "dense":
        expect(typed(node["columns"], int, "columns"), units, "columns")
        rows = [[(u, *pair) for u, pair in entries(row, "row")] for row in typed(node["rows"], list, "rows")]
        if any(row and row[-1][0] >= units for row in rows):
            raise Malformed(f"rows: found a column too many, expected less than {units}")
        network.weights += sum(map(len, rows))
        return Dense(SparseMatrix(rows, units), _exact_vector(node["bias"], len(rows), network)), [len(rows)]
    if op == "scale":
        return Pointwise(_exact_vector(node["factor"], units, network), zeros), shape
    if op == "shift":
        return Pointwise(ones, _exact_vector(node["constant"], units, network)), shape
    if op == "activate":
        functions = [_exact_function(item) for item in typed(node["functions"], list, "functions")]
        expect(len(functions), units, "functions")
        return Activate(functions.__getitem__), shape
    if op == "head":
        if node["kind"] not in HEADS.values():
            raise Unsupported(f"head: found {shown(node['kind'])}, expected softmax or log_softmax")
        return Head(node["kind"]), shape
    axes, target = node["axes"], _exact_shape(node["shape"])
    expect(math.prod(target), units, "elements")
    if axes is None:
        return Reorder(in_place), target
    if sorted(typed(axis, int, "axes") for axis in typed(axes, list, "axes")) != list(range(len(shape))):
        raise Malformed(f"axes: found another list, expected a permutation of {len(shape)} axes")
    return reorder(shape, axes), target


def _exact_shape(value: Any) -> list[int]:
    if not all(type(n) is int and n > 0 for n in typed(value, list, "shape")):
        raise Malformed("shape: found another value, expected positive integers")
    return list(value)


def _exact_vector(value: Any, units: int, network: Network) -> At:
    pairs = [rational(word) for word in typed(value, list, "vector")]
    expect(len(pairs), units, "numbers")
    network.weights += sum(p != 0 for p, _ in pairs)
    return pairs.__getitem__


def _exact_function(value: Any) -> Function:
    if type(value) is list and len(value) == 2 and value[0] == "leaky_relu":
        return "leaky_relu", rational(value[1])
    if type(value) is list and len(value) == 1 and type(value[0]) is str and value[0] in AT_ZERO:
        return value[0], None
    raise Malformed(f"function: found another value, expected ['leaky_relu', slope] or one of {', '.join(AT_ZERO)}")


def reorder(dims: Sequence[int], axes: Sequence[int]) -> Reorder:
    """The node that permutes the axes of a tensor of shape `dims`."""
    steps = strides(dims)
    return Reorder(locate([dims[axis] for axis in axes], [steps[axis] for axis in axes]))


# --- .nnet ------------------------------------------------------------------------------------------


def read_nnet(content: bytes, network: Network, raw: bool) -> Network:
    """A network in the text format of Kyle Julian; every number is an exact decimal."""
    try:
        lines = enumerate(content.decode("utf-8").split("\n"), start=1)
    except UnicodeDecodeError as error:
        raise Malformed(f"text: {error}") from error
    rows = ((number, line) for number, line in lines if line.strip() and not line.startswith("//"))
    count, inputs, outputs, _ = _naturals(_numbers(rows, "header", 4))
    widths = _naturals(_numbers(rows, "sizes of the layers", count + 1))
    expect((widths[0], widths[-1]), (inputs, outputs), "inputs and outputs")
    for ignored in ("flag", "minima", "maxima"):  # the clipping of inputs is not applied
        _numbers(rows, ignored)
    means, ranges = _numbers(rows, "means"), _numbers(rows, "ranges")
    if not inputs < len(means) == len(ranges):  # some files list more inputs than they have
        raise Malformed(f"means and ranges: found {len(means)} and {len(ranges)}, expected {inputs + 1}")
    network.add_input("input", inputs)
    source = "input"
    if not raw:
        if any(p == 0 for p, _ in ranges[:inputs]):
            raise Malformed("ranges: found 0 for an input, expected another number")
        factors = [lowest(q, p) for p, q in ranges[:inputs]]
        shifts = [lowest(-a * p, b * q) for (a, b), (p, q) in zip(means, factors, strict=False)]
        source = "normalised"
        network.add("input", source, Pointwise(factors.__getitem__, shifts.__getitem__), inputs)
    for layer, (below, units) in enumerate(itertools.pairwise(widths), start=1):
        weights = [_numbers(rows, "weights", below) for _ in range(units)]
        matrix = SparseMatrix([[(u, p, q) for u, (p, q) in enumerate(row) if p] for row in weights], below)
        network.weights += sum(map(len, matrix.rows))
        bias = [_numbers(rows, "bias", 1)[0] for _ in range(units)]
        network.add(source, f"layer{layer}", Dense(matrix, bias.__getitem__), units)
        source = f"layer{layer}"
        if layer < count:
            source = f"relu{layer}"
            network.add(f"layer{layer}", source, Activate(lambda _: RELU), units)
    for number, _ in rows:
        raise Malformed(f"line {number}: found more numbers, expected the end of the file")
    if raw:
        return network.finish([source])
    network.add(source, "output", Pointwise(lambda _: ranges[-1], lambda _: means[-1]), outputs)
    return network.finish(["output"])


def _numbers(rows: Iterator[tuple[int, str]], what: str, count: int | None = None) -> list[Pair]:
    number, line = next(rows, (0, ""))
    with about(f"line {number}, {what}" if number else "end of the file"):
        if not number:
            raise Malformed(f"expected {what}")
        words = [word.strip() for word in line.strip().removesuffix(",").split(",")]
        if count is not None:
            expect(len(words), count, "numbers")
        return [decimal(word) for word in words]


def _naturals(pairs: list[Pair]) -> list[int]:
    if not all(q == 1 and 0 < p < 10**9 for p, q in pairs):
        raise Malformed("header: found another number, expected positive integers")
    return [p for p, _ in pairs]


# --- Protocol buffers -------------------------------------------------------------------------------

# Messages of ONNX: number, name and kind of each field.  Kinds: i(nteger), f(loat), d(ouble), s(tring), b(ytes) or a
# message, repeated with a `*`; "-" says nothing about the function, "!" is refused, a number not listed is malformed.
MESSAGES = {
    "MODEL": "1:ir_version:- 2:producer_name:- 3:producer_version:- 4:domain:- 5:model_version:- 6:doc_string:- "
    "7:graph:GRAPH 8:opset_import:OPSET* 14:metadata_props:- 20:training_info:! 25:functions:! 26:configuration:!",
    "OPSET": "1:domain:s 2:version:i",
    "GRAPH": "1:node:NODE* 2:name:- 5:initializer:TENSOR* 10:doc_string:- 11:input:VALUE* 12:output:VALUE* "
    "13:value_info:- 14:quantization_annotation:! 15:sparse_initializer:! 16:metadata_props:-",
    "NODE": "1:input:s* 2:output:s* 3:name:s 4:op_type:s 5:attribute:b* 6:doc_string:- 7:domain:s 8:overload:s "
    "9:metadata_props:- 10:device_configurations:!",
    "ATTRIBUTE": "1:name:s 2:f:f 3:i:i 4:s:b 5:t:TENSOR 6:g:! 7:floats:f* 8:ints:i* 9:strings:! 10:tensors:! "
    "11:graphs:! 13:doc_string:- 14:tp:! 15:type_protos:! 20:type:i 21:ref_attr_name:! 22:sparse_tensor:! "
    "23:sparse_tensors:!",
    "TENSOR": "1:dims:i* 2:data_type:i 3:segment:! 4:float_data:f* 5:int32_data:i* 6:string_data:! 7:int64_data:i* "
    "8:name:s 9:raw_data:b 10:double_data:d* 11:uint64_data:! 12:doc_string:- 13:external_data:ENTRY* "
    "14:data_location:i 16:metadata_props:-",
    "ENTRY": "1:key:s 2:value:s",
    "VALUE": "1:name:s 2:type:TYPE 3:doc_string:- 4:metadata_props:-",
    "TYPE": "1:tensor_type:ARRAY 4:sequence_type:! 5:map_type:! 6:denotation:- 7:opaque_type:! "
    "8:sparse_tensor_type:! 9:optional_type:!",
    "ARRAY": "1:elem_type:i 2:shape:SHAPE",
    "SHAPE": "1:dim:DIMENSION*",
    "DIMENSION": "1:dim_value:i 2:dim_param:s 3:denotation:-",
}
SCHEMAS = {
    name: {int(number): (key, kind) for number, key, kind in (word.split(":") for word in text.split())}
    for name, text in MESSAGES.items()
}
WIRE = {"i": 0, "f": 5, "d": 1}  # every other kind: 2
WIDTH = {1: 8, 5: 4}


def varint(data: memoryview, at: int) -> tuple[int, int]:
    """The number that starts at a position, and the position after it."""
    value = 0
    for shift in range(0, 70, 7):
        if at == len(data):
            break
        byte, at = data[at], at + 1
        value |= (byte & 127) << shift
        if byte < 128 and value < 1 << 64:
            return value, at
    raise Malformed("protobuf: found a broken number, expected at most 64 bits")


def signed(value: int) -> int:
    """A 64-bit number in two's complement."""
    return value - (1 << 64) if value >> 63 else value


def fields(data: memoryview) -> Iterator[tuple[int, int, Any]]:
    """Field number, wire type and value (an integer or a view) of each field of a message."""
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        wire = key & 7
        if wire == 0:
            value, at = varint(data, at)
            yield key >> 3, wire, value
            continue
        if wire == 2:
            size, at = varint(data, at)
        elif wire in WIDTH:
            size = WIDTH[wire]
        else:
            raise Malformed(f"protobuf: found wire type {wire}, expected 0, 1, 2 or 5")
        if size > len(data) - at:
            raise Malformed(f"protobuf: found {len(data) - at} bytes, expected the {size} that are announced")
        yield key >> 3, wire, data[at : at + size]
        at += size


def message(data: memoryview, name: str) -> dict[str, Any]:
    """The fields of a message; Malformed for what its schema does not have, Unsupported for what it refuses."""
    found: dict[str, Any] = {}
    for number, wire, value in fields(data):
        if number not in SCHEMAS[name]:
            raise Malformed(f"{name.lower()}: found field {number}, expected one of the ONNX format")
        key, kind = SCHEMAS[name][number]
        if kind == "!":
            raise Unsupported(f"{name.lower()}: found {key}, expected none")
        if kind == "-":
            continue
        values = decoded(kind, wire, value)
        if kind.endswith("*"):
            found.setdefault(key, []).extend(values)
        elif key in found:
            raise Malformed(f"{name.lower()}: found {key} twice, expected it once")
        else:
            found[key] = values[0]
    return found


def decoded(kind: str, wire: int, value: Any) -> Sequence[Any]:
    """The values in one field: several where repeated numbers are packed."""
    code = kind[0]
    if wire == 2 and kind in ("f*", "d*"):
        count, odd = divmod(len(value), struct.calcsize(code))
        expect(odd, 0, "bytes too many")
        return struct.unpack(f"<{count}{code}", value)
    if wire == 2 and kind == "i*":
        numbers, at = [], 0
        while at < len(value):
            number, at = varint(value, at)
            numbers.append(signed(number))
        return numbers
    if wire != WIRE.get(code, 2):
        raise Malformed(f"protobuf: found wire type {wire}, expected {WIRE.get(code, 2)}")
    if code in "fd":
        return struct.unpack(f"<{code}", value)
    if code == "s":
        try:
            return [str(value, "utf-8")]
        except UnicodeDecodeError as error:
            raise Malformed(f"protobuf: found a name that is not UTF-8: {error}") from error
    if code in "ib":
        return [signed(value) if code == "i" else value]
    return [message(value, kind.removesuffix("*"))]


# --- ONNX constants ---------------------------------------------------------------------------------

FLOATS = {1: "float", 10: "float16", 11: "double", 16: "bfloat16"}
# ONNX's number of an element type: the code of one element, and the field that holds them when raw_data does not
ELEMENTS = {
    1: ("f", "float_data"),
    6: ("i", "int32_data"),
    7: ("q", "int64_data"),
    9: ("B", "int32_data"),
    10: ("H", "int32_data"),
    11: ("d", "double_data"),
    16: ("H", "int32_data"),
}
DATA = {"raw_data", "float_data", "int32_data", "int64_data", "double_data", "external_data"}


class Constant(NamedTuple):
    """A constant array: element (i, j, ...) is values[i * steps[0] + j * steps[1] + ...]."""

    kind: int
    dims: tuple[int, ...]
    steps: tuple[int, ...]
    values: Values

    def reshaped(self, dims: tuple[int, ...]) -> "Constant":
        """The same elements, row-major, with another shape."""
        values = self.values
        if self.steps != strides(self.dims):
            order = map(locate(self.dims, self.steps), range(math.prod(self.dims)))
            values = memoryview(array(values.format, [values[i] for i in order]))
        return Constant(self.kind, dims, strides(dims), values)


def read_tensor(tensor: dict[str, Any], folder: Folder) -> tuple[Constant, str, int]:
    """A TensorProto: the array, its hash, and how many elements are not zero."""
    kind, dims = tensor.get("data_type", 0), tuple(tensor.get("dims", ()))
    if kind not in ELEMENTS:
        raise Unsupported(f"found element type {kind}, expected one of {', '.join(map(str, ELEMENTS))}")
    raw, width = _content(tensor, folder), struct.calcsize(ELEMENTS[kind][0])
    if min(dims, default=0) < 0 or len(raw) != math.prod(dims) * width:
        raise Malformed(f"found {len(raw)} bytes, expected {width} for each element of the shape {list(dims)[:20]}")
    digest = hashlib.sha256(f"{kind} {','.join(map(str, dims))}\n".encode())
    digest.update(raw)
    if kind == 16:  # the upper halves of float32 numbers
        wide = bytearray(2 * len(raw))
        wide[2::4], wide[3::4] = raw[::2], raw[1::2]
        raw = wide
    if kind == 10:
        elements = array("f", struct.unpack(f"<{len(raw) // 2}e", raw))
    else:
        elements = array("f" if kind == 16 else ELEMENTS[kind][0])
        elements.frombytes(raw)
        if sys.byteorder == "big":
            elements.byteswap()
    values = memoryview(elements)
    return Constant(kind, dims, strides(dims), values), digest.hexdigest(), nonzeros(kind, dims, values)


def _content(tensor: dict[str, Any], folder: Folder) -> Any:  # Any: bytes, as bytes or a view
    """The elements as `raw_data` holds them, wherever they are."""
    (code, name), present = ELEMENTS[tensor["data_type"]], DATA & set(tensor)
    location = tensor.get("data_location", 0)
    if location not in (0, 1) or present not in ([{"external_data"}] if location else [set(), {"raw_data"}, {name}]):
        raise Malformed(f"found data as {' and '.join(sorted(present))}, expected raw_data or {name}")
    if location:
        return _external(tensor["external_data"], folder)
    if name not in present:
        return memoryview(tensor.get("raw_data", b""))
    try:
        return struct.pack(f"<{len(tensor[name])}{code}", *tensor[name])
    except struct.error as error:
        raise Malformed(f"{name}: {error}") from error


def _external(pairs: list[dict[str, str]], folder: Folder) -> memoryview:
    """The part of an external file that the entries name; a claimed size must be there."""
    found = {pair.get("key", ""): pair.get("value", "") for pair in pairs}
    if len(found) < len(pairs) or not {"location"} <= set(found) <= {"location", "offset", "length", "checksum"}:
        raise Malformed("external data: found other keys, expected location, offset, length, checksum, each once")
    content = folder.content(found["location"])
    offset, length = found.get("offset", "0"), found.get("length", "")
    if not re.fullmatch("[0-9]{1,18}", offset) or not re.fullmatch("[0-9]{0,18}", length):
        raise Malformed("external data: found another text, expected offset and length in decimal")
    end = int(offset) + int(length) if length else len(content)
    if not int(offset) <= end <= len(content):
        raise Malformed(f"external data: found {len(content)} bytes, expected at least {end}")
    return memoryview(content)[int(offset) : end]


def nonzeros(kind: int, dims: tuple[int, ...], values: Values) -> int:
    """How many floats are not zero; Malformed when one is not finite."""
    total = 0
    for start in range(0, len(values), 1 << 16) if kind in FLOATS else ():
        part = values[start : start + (1 << 16)].tolist()
        total += len(part) - part.count(0.0)
        if not math.isfinite(sum(part)):  # or the sum of finite numbers is too large
            for v, value in enumerate(part, start):
                if not math.isfinite(value):
                    index = [v // step % n for step, n in zip(strides(dims), dims, strict=True)]
                    raise Malformed(f"element {index}: found {value}, expected a finite number")
    return total


# --- ONNX graphs ------------------------------------------------------------------------------------

OPSETS = range(7, 29)  # before 7, broadcasting and Dropout meant something else
HEADS = {"Softmax": "softmax", "LogSoftmax": "log_softmax"}


class Shape(NamedTuple):
    """The shape of a computed tensor: its batch axis (None: it has none; 0: a symbol), and the other axes."""

    batch: int | None
    dims: tuple[int, ...]


Value: TypeAlias = Shape | Constant | None  # None: left out, or the mask of a Dropout, which no rule covers
Moved: TypeAlias = tuple[tuple[int, ...], tuple[int, ...] | None]  # the new axes, and how the old ones are permuted


class Call:
    """One node of a graph while it is read: its inputs, and attributes that are taken out as they are understood."""

    def __init__(self, node: dict[str, Any], inputs: list[Value], opset: int) -> None:
        self.op, self.names, self.inputs, self.opset = node["op_type"], node.get("input", []), inputs, opset
        self.attributes: dict[str, Any] = {}
        for data in node.get("attribute", []):
            attribute = message(data, "ATTRIBUTE")
            name = attribute.pop("name", "")
            if name in self.attributes:
                raise Malformed(f"attribute {name!a}: found twice")
            self.attributes[name] = _attribute(name, attribute)

    def take(self, name: str, default: Any) -> Any:  # Any: a value of the type of the default
        """The value of an attribute; a float is exact and finite."""
        value = self.attributes.pop(name, default)
        if type(value) is not type(default):
            raise Malformed(f"attribute {name!a}: found {shown(value)}, expected a {type(default).__name__}")
        if isinstance(value, float) and not math.isfinite(value):
            raise Malformed(f"attribute {name!a}: found {value}, expected a finite number")
        return value

    def axis(self, axis: int, shape: Shape, extra: int = 0) -> int:
        """Where an axis stands among those besides the batch axis, `extra` more being counted."""
        rank = len(shape.dims) + (shape.batch is not None) + extra
        if not -rank <= axis < rank:
            raise Malformed(f"axis: found {axis}, expected one of {rank} axes")
        position = axis % rank - (shape.batch is not None)
        if position < 0:
            raise Unsupported("axis: found the batch axis, expected that no node acts on it")
        return position

    def expect(self, least: int, most: int) -> None:
        """How many inputs there may be."""
        if not least <= len(self.inputs) <= most or None in self.inputs[:least]:
            raise Malformed(f"found {len(self.inputs)} inputs, expected {least} to {most}")

    def data(self) -> tuple[int, Shape]:
        """The position and shape of the only computed input."""
        found = [(i, value) for i, value in enumerate(self.inputs) if isinstance(value, Shape)]
        if len(found) != 1:
            raise Unsupported(f"found {len(found)} computed inputs, expected 1")
        return found[0]

    def constant(self, index: int, *kinds: int) -> Constant:
        """An input that must be a constant of one of these element types."""
        value = self.inputs[index]
        if not isinstance(value, Constant):
            raise Unsupported(f"input {index}: found a computed tensor, expected a constant")
        if value.kind not in kinds:
            raise Malformed(f"input {index}: found element type {value.kind}, expected one of {kinds}")
        return value

    def integers(self, name: str) -> list[int] | None:
        """Integers that are an attribute before opset 13 and the second input since; None when absent."""
        if self.opset < 13 and name:
            self.expect(1, 1)
            return list(self.take(name, [])) if name in self.attributes else None
        self.expect(1, 2)
        if len(self.inputs) < 2 or self.inputs[1] is None:
            return None
        constant = self.constant(1, 7)
        expect(len(constant.dims), 1, "axes of the second input")
        return [int(n) for n in constant.reshaped(constant.dims).values]


def _attribute(name: str, attribute: dict[str, Any]) -> Any:
    """The value of an attribute: a float, an integer, a tensor or a list of numbers."""
    kinds: dict[int, tuple[str, Any]] = {1: ("f", 0.0), 2: ("i", 0), 4: ("t", {}), 6: ("floats", []), 7: ("ints", [])}
    inferred = next((n for n, (key, _) in kinds.items() if key in attribute), 0)  # files older than the type field
    kind = attribute.pop("type", 0) or inferred
    if kind not in kinds:
        raise Unsupported(f"attribute {name!a}: found type {kind}, expected one of {', '.join(map(str, kinds))}")
    key, default = kinds[kind]
    if not set(attribute) <= {key}:
        raise Malformed(f"attribute {name!a}: found {', '.join(sorted(attribute))}, expected {key}")
    return attribute.get(key, default)


class OnnxReader:
    """Turns an ONNX graph into nodes, as the table of docs/certificate-format.md says."""

    def __init__(self, network: Network, folder: Folder) -> None:
        self.network, self.folder, self.opset = network, folder, 0
        self.values: dict[str, Value] = {}

    def read(self, content: bytes) -> Network:
        """The whole file."""
        model = message(memoryview(content), "MODEL")
        versions = [item for item in model.get("opset_import", []) if item.get("domain", "") in ("", "ai.onnx")]
        if "graph" not in model or len(versions) != 1:
            raise Malformed(f"model: found {len(versions)} versions of ONNX's operators, expected 1, and a graph")
        self.opset = versions[0].get("version", 0)
        if self.opset not in OPSETS:
            raise Unsupported(f"opset: found {self.opset}, expected {OPSETS[0]} to {OPSETS[-1]}")
        graph = model["graph"]
        for tensor in graph.get("initializer", []):
            self.define_constant(tensor.get("name", ""), tensor)
        for value in graph.get("input", []):
            name = value.get("name", "")
            if name not in self.network.tensors:  # an initialiser that is also listed as an input is a constant
                with about(f"input {name!a}"):
                    self.define(name, shape := _input_shape(value.get("type", {}).get("tensor_type", {})))
                    self.network.add_input(name, math.prod(shape.dims))
        for index, node in enumerate(graph.get("node", [])):
            with about(f"node {index} {node.get('op_type', '')!a} {node.get('name', '')!a}"):
                self.node(node)
        outputs = [value.get("name", "") for value in graph.get("output", [])]
        for name in outputs:
            if name in self.values and name not in self.network.units:
                raise Unsupported(f"output {name!a}: found a constant or a mask, expected a computed tensor")
        contents = self.folder.contents.items()
        self.network.external = {location: hashlib.sha256(found).hexdigest() for location, found in contents}
        return self.network.finish(outputs)

    def define(self, name: str, value: Value) -> None:
        """A name, once."""
        if not name or name in self.values:
            raise Malformed(f"tensor {name!a}: expected a name that is not taken")
        self.values[name] = value

    def define_constant(self, name: str, tensor: dict[str, Any]) -> None:
        """An initialiser or the value of a Constant node."""
        with about(f"tensor {name!a}"):
            constant, digest, weights = read_tensor(tensor, self.folder)
        self.define(name, constant)
        self.network.tensors[name] = digest
        self.network.weights += weights

    def node(self, node: dict[str, Any]) -> None:
        """One node, by the method that OPERATORS names."""
        op, outputs, inputs = node.get("op_type", ""), node.get("output", []), []
        if node.get("domain", "") not in ("", "ai.onnx") or node.get("overload") or op not in OPERATORS:
            raise Unsupported(f"found operator {op!a} of domain {node.get('domain', '')!a}, expected one of the table")
        if not outputs or any(outputs[1:]) > (op == "Dropout") or len(outputs) > 2:
            raise Malformed(f"found {len(outputs)} outputs, expected 1")
        for name in node.get("input", []):
            if name and name not in self.values:
                raise Malformed(f"tensor {name!a}: read before any node defines it")
            inputs.append(self.values[name] if name else None)
            if name and inputs[-1] is None:
                raise Unsupported(f"tensor {name!a}: found the mask of a Dropout, expected that nothing reads it")
        call = Call(node, inputs, self.opset)
        OPERATORS[op](self, call, outputs[0])
        if call.attributes:
            raise Unsupported(f"found the attributes {', '.join(call.attributes)!a}, expected none such")
        for mask in filter(None, outputs[1:]):
            self.define(mask, None)

    def emit(self, call: Call, target: str, what: What, dims: tuple[int, ...]) -> None:
        """A node from the computed input to a target of the shape `dims`."""
        index, shape = call.data()
        self.define(target, Shape(shape.batch, dims))
        self.network.add(call.names[index], target, what, math.prod(dims))

    def given(self, call: Call, target: str) -> None:
        """Constant."""
        call.expect(0, 0)
        expect(len(call.attributes), 1, "attributes")
        if "value" in call.attributes:
            self.define_constant(target, call.take("value", {}))
        for name, kind, single in GIVEN:
            if name in call.attributes:
                value = call.take(name, single)
                elements = memoryview(array(ELEMENTS[kind][0], value if isinstance(value, list) else [value]))
                dims = (len(elements),) if isinstance(value, list) else ()
                nonzeros(kind, dims, elements)
                self.define(target, Constant(kind, dims, strides(dims), elements))

    def matmul(self, call: Call, target: str) -> None:
        """MatMul by a constant matrix on either side."""
        call.expect(2, 2)
        index, shape = call.data()
        axis = len(shape.dims) - 1 - index  # the axis of the tensor that the matrix acts on
        if index and len(shape.dims) == 1 and shape.batch is None:
            axis = 0
        self.dense(call, target, axis, index, (1, 1))

    def gemm(self, call: Call, target: str) -> None:
        """Gemm: alpha * A * B + beta * C with constant B and C."""
        call.expect(2, 3)
        alpha, beta = (call.take(name, 1.0).as_integer_ratio() for name in ("alpha", "beta"))
        index, (batch, dims) = call.data()
        if index or call.take("transA", 0) or len(dims) + (batch is not None) != 2:
            raise Unsupported("found a computed B or C, a transposed A, or one of more axes, expected a matrix A")
        self.dense(call, target, len(dims) - 1, 1 if call.take("transB", 0) else 0, alpha, beta)

    def dense(self, call: Call, target: str, axis: int, inner: int, alpha: Pair, beta: Pair = (1, 1)) -> None:
        """The node of a constant matrix whose axis `inner` meets an axis of the tensor, and of what is added to it."""
        index, (batch, dims) = call.data()
        weight, outer = call.constant(1 - index, *FLOATS), 1 - inner
        bias: At = zeros
        if len(weight.dims) != 2 or 0 in weight.dims:
            raise Unsupported(f"found a constant of shape {list(weight.dims)}, expected a matrix")
        if axis < 0 or math.prod(dims) != dims[axis]:
            raise Unsupported(f"found a tensor of shape {list(dims)} besides the batch axis, expected a vector")
        expect(dims[axis], weight.dims[inner], "elements of the tensor")
        dims = (*dims[:axis], weight.dims[outer], *dims[axis + 1 :])
        if len(call.inputs) == 3 and call.inputs[2] is not None:
            bias = times(spread(call.constant(2, *FLOATS), Shape(batch, dims)), beta)
        matrix = FloatMatrix(weight.values, weight.steps[outer], weight.steps[inner], weight.dims[inner], alpha)
        self.emit(call, target, Dense(matrix, bias), dims)

    def arithmetic(self, call: Call, target: str) -> None:
        """Add, Sub, Mul, Div of a computed tensor and a constant."""
        call.expect(2, 2)
        index, shape = call.data()
        constant = call.constant(1 - index, *FLOATS)
        value = spread(constant, shape)
        if call.op == "Div" and index == 1:
            raise Unsupported("found a division by a computed tensor, expected a constant")
        if call.op == "Div" and not all(constant.values):
            raise Malformed("input 1: found a division by zero, expected another constant")
        what = {
            "Add": Pointwise(ones, value),
            "Sub": Pointwise(lambda _: (-1, 1), value) if index else Pointwise(ones, times(value, (-1, 1))),
            "Mul": Pointwise(value, zeros),
            "Div": Pointwise(lambda v: lowest(*value(v)[::-1]), zeros),
        }[call.op]
        self.emit(call, target, what, shape.dims)

    def move(self, call: Call, target: str) -> None:
        """Operators that keep all elements; of a constant they make a constant."""
        call.expect(1, 3)
        if isinstance(value := call.inputs[0], Shape):
            dims, axes = MOVES[call.op](call, value)
            self.emit(call, target, Reorder(in_place) if axes is None else reorder(value.dims, axes), dims)
            return
        constant = call.constant(0, *ELEMENTS)
        dims, axes = MOVES[call.op](call, Shape(None, constant.dims))
        if axes is None:
            self.define(target, constant.reshaped(dims))
        else:
            self.define(target, constant._replace(dims=dims, steps=tuple(constant.steps[axis] for axis in axes)))

    def cast(self, call: Call, target: str) -> None:
        """Cast: between float types it is the identity over the reals; a constant must keep its values."""
        call.expect(1, 1)
        kind, value = call.take("to", 0), call.inputs[0]
        call.take("saturate", 1)  # speaks of 8-bit floats only
        if isinstance(value, Constant):
            self.define(target, converted(value, kind))
            return
        if kind not in FLOATS:
            raise Unsupported(f"found element type {kind}, expected floats")
        self.emit(call, target, Reorder(in_place), call.data()[1].dims)

    def activation(self, call: Call, target: str) -> None:
        """One function a unit."""
        arity = 2 if call.op == "PRelu" else 1
        call.expect(arity, arity)
        index, shape = call.data()
        if index:
            raise Unsupported("input 1: found a computed slope, expected a constant")
        if call.op == "PRelu":
            slope = spread(call.constant(1, *FLOATS), shape)
            self.emit(call, target, Activate(lambda v: ("leaky_relu", slope(v))), shape.dims)
            return
        slopes = {"Relu": (0, 1), "Abs": (-1, 1)}
        function: Function = (call.op.lower(), None)
        if call.op not in OPAQUE:
            function = "leaky_relu", slopes.get(call.op) or call.take("alpha", DEFAULT_SLOPE).as_integer_ratio()
        self.emit(call, target, Activate(lambda _: function), shape.dims)

    def head(self, call: Call, target: str) -> None:
        """Softmax and LogSoftmax; before opset 13 over all axes from `axis` on."""
        call.expect(1, 1)
        _, shape = call.data()
        position = call.axis(call.take("axis", 1 if call.opset < 13 else -1), shape)
        if math.prod(shape.dims[:position]) != 1 or (call.opset >= 13 and math.prod(shape.dims[position + 1 :]) != 1):
            raise Unsupported(f"found shape {list(shape.dims)} besides the batch axis, expected softmax over all of it")
        self.emit(call, target, Head(HEADS[call.op]), shape.dims)


def _input_shape(kind: dict[str, Any]) -> Shape:
    """The shape of an input: axis 0 is the batch axis if there is another axis."""
    if kind.get("elem_type", 0) not in FLOATS:
        raise Unsupported(f"found element type {kind.get('elem_type', 0)}, expected floats")
    if "shape" not in kind:
        raise Malformed("found no shape, expected one")
    dims = [dim.get("dim_value") for dim in kind["shape"].get("dim", [])]
    if any(n is not None and n < 1 for n in dims):
        raise Malformed(f"found dimensions {dims[:20]}, expected positive numbers")
    if None in (dims[1:] or dims):
        raise Unsupported("found a dimension without a number, expected none but the batch axis")
    return Shape(dims[0] or 0, tuple(dims[1:])) if len(dims) > 1 else Shape(None, tuple(dims))


def converted(constant: Constant, kind: int) -> Constant:
    """The constant as another element type, if no value changes."""
    if kind == constant.kind:
        return constant
    with contextlib.suppress(OverflowError):
        if kind in (1, 6, 7, 11):
            elements = array(ELEMENTS[kind][0], map(int if kind in (6, 7) else float, constant.values))
            if elements.tolist() == constant.values.tolist():
                return constant._replace(kind=kind, values=memoryview(elements))
    raise Unsupported(f"found a constant of type {constant.kind} made type {kind}, expected that no value changes")


def times(value: At, factor: Pair) -> At:
    """Every number times a factor."""
    return value if factor == (1, 1) else lambda v: lowest(value(v)[0] * factor[0], value(v)[1] * factor[1])


def spread(constant: Constant, shape: Shape) -> At:
    """The element of a constant that broadcasting pairs with unit v; it may not act on the batch axis or add units."""
    dims, steps, old = list(constant.dims), list(constant.steps), shape.dims
    if shape.batch is not None and len(dims) == len(old) + 1 and dims[0] == 1:
        dims, steps = dims[1:], steps[1:]
    if len(dims) > len(old):
        raise Unsupported(f"found a constant of shape {list(constant.dims)}, expected none that acts on the batch axis")
    missing = len(old) - len(dims)
    dims, steps = [1] * missing + dims, [0] * missing + steps
    for n, units in zip(dims, old, strict=True):
        if n not in (1, units):
            kind = Unsupported if units == 1 else Malformed
            raise kind(f"found a constant of shape {list(constant.dims)}, expected one that fits {list(old)}")
    values = constant.values
    place = locate(old, [0 if n < units else step for n, units, step in zip(dims, old, steps, strict=True)])
    return lambda v: values[place(v)].as_integer_ratio()


def _reshape(call: Call, shape: Shape) -> Moved:
    call.expect(2, 2)
    wanted, units = call.integers("") or [], math.prod(shape.dims)
    if min(wanted, default=0) < -1 or wanted.count(-1) > 1:
        raise Malformed(f"shape: found {wanted[:20]}, expected sizes and at most one -1")
    if call.take("allowzero", 0) and 0 in wanted:
        raise Unsupported("shape: found 0 with allowzero, expected none")
    batched = int(shape.batch is not None)
    if batched and (not wanted or (wanted[0] not in (0, -1, shape.batch) if shape.batch else wanted[0] < -1)):
        raise Unsupported(f"shape: found {wanted[:20]}, expected the batch axis first")
    old = (0,) * batched + shape.dims
    rest = [old[i] if n == 0 and i < len(old) else n for i, n in enumerate(wanted)][batched:]
    known = math.prod(n for n in rest if n > 0)
    dims = tuple(units // known if n == -1 else n for n in rest)
    if math.prod(dims) != units:
        kind = Unsupported if batched and wanted[0] == -1 else Malformed
        raise kind(f"shape: found {wanted[:20]}, expected {units} elements besides the batch axis")
    return dims, None


def _flatten(call: Call, shape: Shape) -> Moved:
    call.expect(1, 1)
    axis, batched = call.take("axis", 1), shape.batch is not None
    rank = len(shape.dims) + batched
    if axis != rank:  # the axis after the last one is allowed
        axis = call.axis(axis, shape) + batched
    before, after = math.prod(shape.dims[: axis - batched]), math.prod(shape.dims[axis - batched :])
    if batched and before != 1:
        raise Unsupported("found axes that are joined to the batch axis, expected none")
    return ((after,) if batched else (before, after)), None


def _transpose(call: Call, shape: Shape) -> Moved:
    call.expect(1, 1)
    batched = int(shape.batch is not None)
    rank = len(shape.dims) + batched
    order = call.take("perm", list(range(rank))[::-1])
    if sorted(order) != list(range(rank)):
        raise Malformed(f"perm: found {order[:20]}, expected a permutation of {rank} axes")
    if batched and order[0] != 0:
        raise Unsupported("perm: found a permutation that moves the batch axis, expected none")
    axes = tuple(axis - batched for axis in order[batched:])
    return tuple(shape.dims[axis] for axis in axes), axes


def _squeeze(call: Call, shape: Shape) -> Moved:
    axes, ones_ = call.integers("axes"), {i for i, n in enumerate(shape.dims) if n == 1}
    if axes is None and shape.batch in (0, 1):
        raise Unsupported("axes: found none, expected a list without the batch axis")
    places = ones_ if axes is None else {call.axis(axis, shape) for axis in axes}
    if not places <= ones_ or len(places) < len(axes or ()):
        raise Malformed(f"axes: found {axes} for shape {list(shape.dims)}, expected axes of size 1, each once")
    return tuple(n for i, n in enumerate(shape.dims) if i not in places), None


def _unsqueeze(call: Call, shape: Shape) -> Moved:
    axes = call.integers("axes") or []
    places = {call.axis(axis, shape, extra=len(axes)) for axis in axes}
    if not axes or len(places) < len(axes):
        raise Malformed(f"axes: found {axes}, expected some, each once")
    old = iter(shape.dims)
    return tuple(1 if i in places else next(old) for i in range(len(shape.dims) + len(axes))), None


def _dropout(call: Call, shape: Shape) -> Moved:
    call.expect(1, 3 if call.opset >= 12 else 1)
    call.take(*(("seed", 0) if call.opset >= 12 else ("ratio", 0.5)))
    if len(call.inputs) == 3 and call.inputs[2] is not None and any(call.constant(2, 9).values):
        raise Unsupported("found a Dropout in training, expected inference")
    return shape.dims, None


def _identity(call: Call, shape: Shape) -> Moved:
    call.expect(1, 1)
    return shape.dims, None


OPAQUE = ("Sigmoid", "Tanh", "Softplus", "Softsign", "Erf", "Sin", "Cos", "Exp")
GIVEN: tuple[tuple[str, int, Any], ...] = (  # how a Constant node may hold numbers, and their element type
    ("value_float", 1, 0.0),
    ("value_floats", 1, []),
    ("value_int", 7, 0),
    ("value_ints", 7, []),
)
DEFAULT_SLOPE = struct.unpack("<f", struct.pack("<f", 0.01))[0]  # of LeakyRelu, a float32
MOVES: dict[str, Callable[[Call, Shape], Moved]] = {
    "Dropout": _dropout,
    "Flatten": _flatten,
    "Identity": _identity,
    "Reshape": _reshape,
    "Squeeze": _squeeze,
    "Transpose": _transpose,
    "Unsqueeze": _unsqueeze,
}
OPERATORS: dict[str, Callable[[OnnxReader, Call, str], None]] = {
    "Constant": OnnxReader.given,
    "MatMul": OnnxReader.matmul,
    "Gemm": OnnxReader.gemm,
    "Cast": OnnxReader.cast,
    **dict.fromkeys(("Add", "Sub", "Mul", "Div"), OnnxReader.arithmetic),
    **dict.fromkeys(MOVES, OnnxReader.move),
    **dict.fromkeys(("Relu", "LeakyRelu", "PRelu", "Abs", *OPAQUE), OnnxReader.activation),
    **dict.fromkeys(HEADS, OnnxReader.head),
}


# --- Certificates -----------------------------------------------------------------------------------


class ClassRow(NamedTuple):
    """h times class k."""

    k: int
    h: Fraction


class SumRow(NamedTuple):
    """The sum of c times class k over the terms, plus a constant; without terms and constant: `null`."""

    terms: tuple[tuple[int, Fraction], ...]
    plus: Fraction


class FreeRow(NamedTuple):
    """Anything."""


class SameRow(NamedTuple):
    """h times the free unknown of unit u."""

    u: int
    h: Fraction


Row: TypeAlias = ClassRow | SumRow | FreeRow | SameRow


class Relation(NamedTuple):
    """One row a unit, over a tensor of N' (None: the certificate names none)."""

    over: str | None
    rows: list[Row]


class Certificate(NamedTuple):
    """What a certificate file says; `files` and `relations` by side."""

    raw: bool
    files: dict[str, dict[str, Any]]
    relations: dict[str, dict[str, Relation]]


SIDES = ("original", "reduced")


def read_certificate(content: bytes) -> Certificate:
    """The certificate, or Malformed where it is out of grammar."""
    top = typed(read_json(content), dict, "certificate")
    if type(top.get("version")) is int and top["version"] != 1:
        raise Unsupported(f"version: found {top['version']}, expected 1")
    keys(top, "certificate", "claim", "format", "original", "producer", "reduced", "relations", "version")
    typed(top["version"], int, "version")
    typed(top["producer"], str, "producer")
    if top["format"] != "exactlump certificate":
        raise Malformed(f"format: found {shown(top['format'])}, expected 'exactlump certificate'")
    claim = keys(top["claim"], "claim", "criterion", "domain", "specification")
    if (claim["criterion"], claim["domain"]) != ("exact", "all reals"):
        raise Malformed("claim: found another one, expected the criterion 'exact' on the domain 'all reals'")
    if claim["specification"] not in ("as stored", "raw nnet"):
        raise Malformed(f"specification: found {shown(claim['specification'])}, expected 'as stored' or 'raw nnet'")
    both = keys(top["relations"], "relations", *SIDES)
    return Certificate(
        claim["specification"] == "raw nnet",
        {side: _read_file_entry(top[side], side) for side in SIDES},
        {side: _read_relations(both[side], side) for side in SIDES},
    )


def _read_file_entry(value: Any, side: str) -> dict[str, Any]:
    entry = keys(value, side, "external", "format", "sha256", "tensors")
    if entry["format"] not in FORMATS:
        raise Malformed(f"{side}: found format {shown(entry['format'])}, expected one of {', '.join(FORMATS)}")
    both = [typed(entry[name], dict, f"{side} {name}") for name in ("external", "tensors")]
    for digest in (entry["sha256"], *both[0].values(), *both[1].values()):
        if type(digest) is not str or not re.fullmatch("[0-9a-f]{64}", digest):
            raise Malformed(f"{side}: found {shown(digest)}, expected 64 lower-case hexadecimal digits")
    return entry


def _read_relations(value: Any, side: str) -> dict[str, Relation]:
    result = {}
    for name, item in typed(value, dict, f"relations of the {side}").items():
        with about(f"{side} {name!a}"):
            relation = keys(item, "relation", "rows", optional="over" if side == "original" else "")
            over = typed(relation["over"], str, "over") if "over" in relation else None
            result[name] = Relation(over, [_read_row(row) for row in typed(relation["rows"], list, "rows")])
    return result


def _read_row(value: Any) -> Row:
    if value is None:
        return SumRow((), ZERO)
    if value == "free":
        return FreeRow()
    if type(value) is list and len(value) == 2 and type(value[0]) is int:
        return ClassRow(value[0], _fraction(value[1]))
    if type(value) is list and len(value) == 3 and value[0] == "=" and type(value[1]) is int:
        return SameRow(value[1], _fraction(value[2]))
    row = keys(value, "row", "of", "plus")
    terms = tuple((k, Fraction(*pair)) for k, pair in entries(row["of"], "of"))
    plus = _fraction(row["plus"])
    if plus == 0 and len(terms) < 2:
        raise Malformed("row: found a sum, expected null for zero, and [class, ratio] for one term without a constant")
    return SumRow(terms, plus)


def _fraction(word: object) -> Fraction:
    return ONE if word == "1" else Fraction(*rational(word))


# --- Forms ------------------------------------------------------------------------------------------


class Meter:
    """What is left of the budget, and the counts of what was checked."""

    def __init__(self, weights: int) -> None:
        self.work, self.room = 200 * weights + 10**7, MAX_STORED
        self.counts: Counter[str] = Counter()

    def charge(self, operations: int, bits: int = 0) -> None:
        """Spend operations on numbers of so many bits."""
        self.work -= operations * (1 + bits // 4096)
        if self.work < 0:
            raise Exhausted("the work exceeds the budget of 200 operations a weight", "budget")

    def sized(self, form: Form) -> Form:
        """The form, unless its numbers have become too long to work with."""
        if max(form[0].bit_length(), *(n.bit_length() for n in form[1].values()), 0) > MAX_BITS:
            raise Exhausted(f"a form has numbers of more than {MAX_BITS} bits", "budget")
        return form

    def store(self, form: Form) -> Form:
        """Keep a form."""
        self.room -= sum(1 + n.bit_length() // 512 for n in form[1].values())
        if self.room < 0:
            raise Exhausted(f"derived tensors have more than {MAX_STORED} coefficients", "budget")
        return self.sized(form)


def affine(form: Form, factor: Pair, constant: Pair) -> Form:
    """factor * form + constant; zeros are removed."""
    bottom, terms = form
    p, q = factor
    if (p, q) != (1, 1):
        bottom, terms = bottom * q, {atom: n * p for atom, n in terms.items()}
    p, q = constant
    if p:
        whole = common((bottom, q), len(terms))
        terms = {atom: n * (whole // bottom) for atom, n in terms.items()} if whole != bottom else dict(terms)
        terms[0] = terms.get(0, 0) + p * (whole // q)
        bottom = whole
    if 0 in terms.values():
        terms = {atom: n for atom, n in terms.items() if n}
    return bottom, terms


def is_multiple(form: Form, c: Fraction, other: Form) -> bool:
    """Whether form = c * other, for c not 0."""
    x, y = c.denominator * other[0], c.numerator * form[0]
    divisor = math.gcd(x, y)
    x, y, left, right = x // divisor, y // divisor, form[1], other[1]
    if x == y:
        return left == right
    return left.keys() == right.keys() and all(n * x == right[atom] * y for atom, n in left.items())


def has_free(form: Form) -> bool:
    """Whether the form contains a free unknown."""
    return min(form[1], default=0) < 0


def atoms(first: int) -> Forms:
    """The forms of a tensor whose unit v is the atom `first` + v."""
    return lambda v: (1, {first + v: 1})


class Half:
    """The forms of one network's tensors, as far as its nodes are done."""

    def __init__(self, side: str, network: Network, relations: dict[str, Relation], meter: Meter) -> None:
        self.side, self.network, self.relations, self.meter = side, network, relations, meter
        self.known: dict[str, Forms] = {}  # inputs, anchored tensors, derived ones that feed dense nodes
        self.free = False  # whether any form may contain a free unknown

    def place(self, node: Node, v: int) -> str:
        """How messages name a unit."""
        return f"{self.side} {node.target!a} unit {v}"

    def form(self, tensor: str, v: int) -> Form:
        """The form of a unit."""
        return self.known[tensor](v) if tensor in self.known else self.before(self.network.producer[tensor], v)

    def before(self, node: Node, v: int) -> Form:
        """P(v) for the tensor that a node defines: the form that the node gives it, before any activation."""
        steps: list[tuple[Pointwise, int]] = []
        while True:
            self.meter.charge(1)
            source, _, what = node
            if isinstance(what, Dense):
                form = self.product(what, self.known[source], v)
                break
            if isinstance(what, Pointwise):
                steps.append((what, v))
            elif isinstance(what, Reorder):
                v = what.origin(v)
            if source in self.known:
                form = self.known[source](v)
                break
            node = self.network.producer[source]
        for step, unit in reversed(steps):
            form = self.meter.sized(affine(form, step.factor(unit), step.constant(unit)))
            self.meter.charge(len(form[1]), form[0].bit_length())
        return form

    def product(self, what: Dense, below: Forms, v: int) -> Form:
        """Row v of a dense node: class sums, with the ratios in the forms of the source."""
        columns, factors, bottom = what.matrix.row(v)
        forms = list(map(below, columns))
        products = sum(len(terms) for _, terms in forms)
        whole = common({q for q, _ in forms}, products)
        total: dict[int, int] = {}
        for (q, terms), factor in zip(forms, factors, strict=True):
            scaled = factor if q == whole else factor * (whole // q)
            for atom, n in terms.items():
                total[atom] = total.get(atom, 0) + n * scaled
        bits = max(map(int.bit_length, total.values()), default=0)
        self.meter.charge(products + what.matrix.columns // 50, bits)  # a zero costs its reading
        return affine((bottom * whole, total), (1, 1), what.bias(v))

    def prepare(self, node: Node) -> None:
        """Keep the forms of a derived tensor that feeds a dense node."""
        if isinstance(node.what, Dense) and node.source not in self.known:
            units, producer = self.network.units[node.source], self.network.producer[node.source]
            forms = [self.meter.store(self.before(producer, v)) for v in range(units)]
            self.known[node.source] = forms.__getitem__


# --- The rules --------------------------------------------------------------------------------------


class Anchor(NamedTuple):
    """The classes of an anchored tensor of N': class k is the atom `first` + k.

    leaders   the unit that each class is read off
    ratios    the c with P(leader) = c * C(k), where it is not 1
    """

    node: Node
    first: int
    leaders: Sequence[int]
    ratios: dict[int, Fraction]

    def function(self, k: int) -> Function:
        """The function of class k."""
        return function_of(self.node, self.leaders[k])


class Claim(NamedTuple):
    """A relation that is being checked: rows for the tensor of a node, over the classes of an anchor."""

    half: Half
    node: Node
    rows: list[Row]
    anchor: Anchor | None

    def at(self, v: int) -> contextlib.AbstractContextManager[None]:
        """Errors raised inside name unit v first."""
        return about(self.half.place(self.node, v))

    def named(self, k: int) -> Anchor:
        """The anchor, which has a class k."""
        if self.anchor is None or k >= len(self.anchor.leaders):
            raise Rejected(f"found class {k}, which does not exist", "class-exists")
        return self.anchor


def function_of(node: Node, v: int) -> Function:
    """The function of unit v of a node's target; that of a head equals no other."""
    if isinstance(node.what, Activate):
        return node.what.function(v)
    return (node.what.kind, None) if isinstance(node.what, Head) else IDENTITY


class Checker:
    """The rules of docs/certificate-format.md, section by section; each raises Rejected where it fails."""

    def __init__(self, original: Network, reduced: Network, relations: dict[str, dict[str, Relation]]) -> None:
        self.meter = Meter(original.weights + reduced.weights)
        self.original = Half("original", original, relations["original"], self.meter)
        self.reduced = Half("reduced", reduced, relations["reduced"], self.meter)
        self.anchors: dict[str, Anchor] = {}
        self.next_atom, self.next_free = 1, -1

    def run(self) -> None:
        """All rules."""
        self.check_names()
        self.check_inputs()
        over = {relation.over for relation in self.original.relations.values()}
        for node in self.reduced.network.producer.values():
            self.reduced.prepare(node)
            if isinstance(node.what, Activate | Head) or node.target in self.reduced.relations or node.target in over:
                self.reduced_node(node, self.reduced.relations.get(node.target))
        for node in self.original.network.producer.values():
            self.original.prepare(node)
            self.original_node(node, self.original.relations.get(node.target))
        self.check_outputs()

    def check_names(self) -> None:
        """Every tensor named in `relations` exists and is of a kind that may have one."""
        for half in (self.original, self.reduced):
            for name, (over, rows) in half.relations.items():
                node = half.network.producer.get(name)
                if node is None:
                    raise Rejected(f"{half.side} {name!a}: no node defines this tensor", "relation")
                if half is self.reduced and isinstance(node.what, Head):
                    raise Rejected(f"reduced {name!a}: a head may not have a relation", "head")
                if over is not None and over not in self.reduced.network.producer:
                    raise Rejected(f"original {name!a}: `over` names {shown(over)}, which no node defines", "over")
                if over is not None and not any(isinstance(row, ClassRow) or _terms(row) for row in rows):
                    raise Rejected(f"original {name!a}: found `over` though no row names a class", "over")
                if len(rows) != half.network.units[name]:
                    found = f"{half.side} {name!a}: found {len(rows)} rows"
                    raise Rejected(f"{found}, expected {half.network.units[name]}", "row-count")

    def check_inputs(self) -> None:
        """Rule 1."""
        original, reduced = self.original.network, self.reduced.network
        if [original.units[name] for name in original.inputs] != [reduced.units[name] for name in reduced.inputs]:
            raise Rejected("inputs: their numbers of elements differ", "input")
        for ours, theirs in zip(original.inputs, reduced.inputs, strict=True):
            self.original.known[ours] = self.reduced.known[theirs] = atoms(self.next_atom)
            self.next_atom += reduced.units[theirs]
            self.meter.counts["input"] += reduced.units[theirs]

    def reduced_node(self, node: Node, relation: Relation | None) -> None:
        """Rule 2, for an anchored tensor."""
        half, units = self.reduced, self.reduced.network.units[node.target]
        leaders: dict[int, int] = {}
        ratios: dict[int, Fraction] = {}
        for v, row in enumerate(relation.rows if relation else ()):
            if isinstance(row, ClassRow) and row.k not in leaders:
                with about(half.place(node, v)):
                    leaders[row.k], ratios[row.k] = v, scalings(function_of(node, v), row.h)[0]
        if leaders and max(leaders) >= len(leaders):
            raise Rejected(f"reduced {node.target!a}: its {len(leaders)} classes are not 0, 1, ...", "class-exists")
        order = [leaders[k] for k in range(len(leaders))] if relation else range(units)
        anchor = self.anchors[node.target] = Anchor(node, self.next_atom, order, ratios)
        self.next_atom += len(order)
        for k in range(len(order)) if half.free else ():
            if has_free(half.before(node, order[k])):
                raise Rejected(f"{half.place(node, order[k])}: the form of class {k} has a free unknown", "free")
        self.meter.counts["leader"] += len(order)
        if relation is None:
            half.known[node.target] = atoms(anchor.first)
        else:
            self.check_rows(Claim(half, node, relation.rows, anchor))

    def original_node(self, node: Node, relation: Relation | None) -> None:
        """Rules 3 and 4."""
        if relation is None:
            if isinstance(node.what, Activate | Head):
                place = f"original {node.target!a}"
                raise Rejected(f"{place}: found no relation, and an activation or head must have one", "relation")
            return
        anchor = None if relation.over is None else self.anchors[relation.over]
        claim = Claim(self.original, node, relation.rows, anchor)
        if isinstance(node.what, Head) or (anchor is not None and isinstance(anchor.node.what, Head)):
            self.check_head(claim)
        else:
            self.check_rows(claim)

    def check_head(self, claim: Claim) -> None:
        """Rule 4."""
        half, node, rows, anchor = claim
        if anchor is None or anchor.node.what != node.what or len(anchor.leaders) != len(rows):
            raise Rejected(f"original {node.target!a}: a head goes with a head of the same kind and size", "head")
        for v, row in enumerate(rows):
            with claim.at(v):
                if not isinstance(row, ClassRow) or row != (v, ONE):
                    raise Rejected("the row of a head must be the identity", "head")
                form = half.before(node, v)
                if has_free(form) or not is_multiple(form, ONE, self.reduced.before(anchor.node, v)):
                    raise Rejected("its form differs from that of the reduced head", "head")
            self.meter.counts["head"] += 1
        half.known[node.target] = atoms(anchor.first)

    def check_outputs(self) -> None:
        """Rule 5."""
        original, reduced = self.original.network, self.reduced.network
        if [original.units[name] for name in original.outputs] != [reduced.units[name] for name in reduced.outputs]:
            raise Rejected("outputs: their numbers of elements differ", "output")
        for ours, theirs in zip(original.outputs, reduced.outputs, strict=True):
            for v in range(original.units[ours]):
                self.meter.charge(10)
                form, other = self.original.form(ours, v), self.reduced.form(theirs, v)
                with about(f"output {ours!a} unit {v}"):
                    if has_free(form) or has_free(other):
                        raise Rejected("its form has a free unknown", "free")
                    if not is_multiple(form, ONE, other):
                        raise Rejected("its form differs from that of the reduced network", "output")
                self.meter.counts["output"] += 1

    def check_rows(self, claim: Claim) -> None:
        """Every unit against its row; then its form is what the row says."""
        classes: dict[int, list[int]] = {}
        equal: dict[int, list[int]] = {}
        shared: dict[int, Form] = {}  # class forms that sums read
        for v, row in enumerate(claim.rows):
            self.meter.charge(1)
            if isinstance(row, ClassRow):
                classes.setdefault(row.k, []).append(v)
            elif isinstance(row, SameRow):
                equal.setdefault(row.u, []).append(v)
            elif isinstance(row, FreeRow):
                self.meter.counts["free"] += 1
            else:
                with claim.at(v):
                    self.check_sum(claim, v, row, shared)
        for k, members in sorted(classes.items()):
            self.check_class(claim, k, members)
        for u, members in equal.items():
            self.check_equal(claim, u, members)
        claim.half.known[claim.node.target] = self.claimed(claim)

    def check_class(self, claim: Claim, k: int, members: list[int]) -> None:
        """T1: rows [k, h]; a leader agrees with its class form by definition."""
        with claim.at(members[0]):
            anchor = claim.named(k)
        if claim.half is self.reduced:
            members = members[1:]
        if members:
            ratio = anchor.ratios.get(k, ONE)
            self.check_multiples(
                claim, members, anchor.function(k), self.reduced.before(anchor.node, anchor.leaders[k]), ratio
            )
        self.meter.counts["class"] += len(members)

    def check_equal(self, claim: Claim, u: int, members: list[int]) -> None:
        """T5: rows ["=", u, h], against unit u, which must be free."""
        if u >= len(claim.rows) or not isinstance(claim.rows[u], FreeRow):
            raise Rejected(f"{claim.half.place(claim.node, members[0])}: found unit {u}, which is not free", "same")
        self.check_multiples(claim, members, function_of(claim.node, u), claim.half.before(claim.node, u), ONE)
        self.meter.counts["same"] += len(members)

    def check_multiples(
        self, claim: Claim, members: list[int], function: Function, other: Form, ratio: Fraction
    ) -> None:
        """Each member has that function, which takes some c to h with P(v) = c/ratio * other."""
        for v in members:
            row = claim.rows[v]
            assert isinstance(row, ClassRow | SameRow)
            with claim.at(v):
                if function_of(claim.node, v) != function:
                    raise Rejected("its function is not that of its class", "activation")
                form = claim.half.before(claim.node, v)
                if not any(is_multiple(form, c / ratio, other) for c in scalings(function, row.h)):
                    raise Rejected(f"its form is not the claimed multiple (ratio {shown(row.h)})", "affine")

    def check_sum(self, claim: Claim, v: int, row: SumRow, shared: dict[int, Form]) -> None:
        """T4, T5: `null` and `of` rows."""
        form = claim.half.before(claim.node, v)
        if not row.terms:
            if set(form[1]) - {0}:
                raise Rejected("its form is not a constant", "constant")
            value = value_at(function_of(claim.node, v), Fraction(form[1].get(0, 0), form[0]))
            if value is None or value != row.plus:
                raise Rejected(f"its value is not known to be the constant {shown(row.plus)}", "constant")
            self.meter.counts["constant"] += 1
            return
        if isinstance(claim.node.what, Activate):
            raise Rejected("a sum of classes is for affine tensors only", "of")
        total: Form = row.plus.denominator, {0: row.plus.numerator} if row.plus else {}
        for k, c in row.terms:
            anchor = claim.named(k)
            if anchor.function(k) != IDENTITY:
                raise Rejected(f"class {k} is not affine", "activation")
            if k not in shared:
                factor = ONE / anchor.ratios.get(k, ONE)
                found = self.reduced.before(anchor.node, anchor.leaders[k])
                shared[k] = self.meter.store(affine(found, factor.as_integer_ratio(), (0, 1)))
            total = self.added(total, affine(shared[k], c.as_integer_ratio(), (0, 1)))
        if not is_multiple(form, ONE, total):
            raise Rejected("its form is not the claimed sum", "affine")
        self.meter.counts["of"] += 1

    def added(self, form: Form, other: Form) -> Form:
        """The sum of two forms."""
        bottom = common((form[0], other[0]), len(form[1]) + len(other[1]))
        self.meter.charge(len(form[1]) + len(other[1]), bottom.bit_length())
        total = {atom: n * (bottom // form[0]) for atom, n in form[1].items()}
        for atom, n in other[1].items():
            total[atom] = total.get(atom, 0) + n * (bottom // other[0])
        return bottom, {atom: n for atom, n in total.items() if n}

    def claimed(self, claim: Claim) -> Forms:
        """The forms that the rows claim; free unknowns are new atoms of this tensor."""
        first = claim.anchor.first if claim.anchor else 0
        base, self.next_free = self.next_free, self.next_free - len(claim.rows)
        forms: list[Form] = []
        for v, row in enumerate(claim.rows):
            if isinstance(row, ClassRow):
                forms.append((row.h.denominator, {first + row.k: row.h.numerator}))
            elif isinstance(row, SumRow):
                bottom = common([row.plus.denominator, *(c.denominator for _, c in row.terms)], len(row.terms))
                terms = {first + k: c.numerator * (bottom // c.denominator) for k, c in row.terms}
                forms.append(affine((bottom, terms), (1, 1), row.plus.as_integer_ratio()))
            else:
                unit, h = (row.u, row.h) if isinstance(row, SameRow) else (v, ONE)
                forms.append((h.denominator, {base - unit: h.numerator}))
                claim.half.free = True
        return forms.__getitem__


def _terms(row: Row) -> bool:
    return isinstance(row, SumRow) and bool(row.terms)


def scalings(function: Function, h: Fraction) -> tuple[Fraction, ...]:
    """All c that the function takes to h, of which there must be one."""
    taken = taken_to(function, h)
    if not taken:
        raise Rejected(f"its function takes no scaling to the ratio {shown(h)}", "ratio")
    return taken


# --- The whole check --------------------------------------------------------------------------------


def check_files(certificate: Certificate, networks: dict[str, Network]) -> None:
    """The certificate is about these files."""
    for side, network in networks.items():
        entry = certificate.files[side]
        for what in ("format", "sha256"):
            if entry[what] != getattr(network, what):
                raise Rejected(f"{side}: the certificate is about another file: {what} {entry[what]}", "hash")
        for what, found in (("external", network.external), ("tensors", network.tensors)):
            for name in sorted({**entry[what], **found}):
                if entry[what].get(name) != found.get(name):
                    raise Rejected(f"{side}: {what}: {shown(name)} has another hash in the certificate", "hash")
    if certificate.raw and all(network.format != "nnet" for network in networks.values()):
        raise Rejected("claim: the specification is 'raw nnet', but no file is .nnet", "claim")


def check(original: str, reduced: str, certificate: str, max_unpacked: int = MAX_UNPACKED) -> Verdict:
    """Whether the certificate shows that two network files compute the same function over the reals.

    Raises Malformed (exit code 2), one line, for a file that cannot be read or is out of grammar.
    """
    networks: dict[str, Network] = {}
    counts: dict[str, int] = {}
    verdict, rule = "equivalent", ""
    try:
        with about(certificate):
            claimed = read_certificate(read_file(certificate, max_unpacked))
        for side, path in zip(SIDES, (original, reduced), strict=True):
            networks[side] = read_network(path, claimed.raw, max_unpacked)
        check_files(claimed, networks)
        checker = Checker(networks["original"], networks["reduced"], claimed.relations)
        counts = checker.meter.counts
        checker.run()
        reason = f"over the reals, for the networks {'as raw nnet' if claimed.raw else 'as stored'}"
    except Malformed:
        raise
    except CheckError as error:
        verdict, reason, rule = error.verdict, one_line(str(error)), error.rule
    except MemoryError:
        verdict, reason, rule = "unknown", "the work exceeds the memory of this machine", "budget"
    tensors = [units for network in networks.values() for units in network.units.values()]
    weights = sum(network.weights for network in networks.values())
    return Verdict(verdict, reason, rule, len(tensors), sum(tensors), weights, dict(sorted(counts.items())))


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="check", description="Check that two network files compute the same function."
    )
    for name in (*SIDES, "certificate"):
        parser.add_argument(name, metavar=name.upper())
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--max-unpacked", type=int, default=MAX_UNPACKED, metavar="BYTES", help="size limit of a file")
    options = parser.parse_args(argv)
    try:
        verdict = check(options.original, options.reduced, options.certificate, options.max_unpacked)
    except Malformed as error:
        print(one_line(f"check: {error}"), file=sys.stderr)
        return MALFORMED
    except Exception as error:  # whatever it is, it is a bug of this file and must not look like a verdict
        if os.environ.get("EXACTLUMP_DEBUG"):
            raise
        print(one_line(f"check: internal error: {type(error).__name__}: {error}"), file=sys.stderr)
        return INTERNAL
    print(verdict.text(options.json))
    return verdict.exit_code


if __name__ == "__main__":
    sys.exit(main())
