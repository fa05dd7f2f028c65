# SPDX-License-Identifier: Apache-2.0
"""This file is about checking a certificate: that two network files compute the same function over the reals.

    python3 -I check.py ORIGINAL REDUCED CERTIFICATE [--json] [--max-unpacked BYTES] [--opaque-domain NAME]
    python3 -I check.py --query QUERY --network NAME=FILE [--network NAME=FILE] CERTIFICATE
    python3 -I check.py --network FILE

It is the rules of docs/certificate-format.md in one file that needs the standard library only.  It reads the networks
itself, believes nothing that the producer computed, uses no floating-point arithmetic, and refuses what it does not
understand.

Throughout: N is the original, N' the reduced network; u, v are units, k is a class, t a tap of a window, p a position.
A *form* is ({atom: integer}, denominator) without zeros: atom 0 is the constant 1, a positive atom an element of an
input or a class of an anchored tensor of N', or what a linear operator on images makes of an atom, a negative one
likewise of the free unknown of a unit.  What belongs to the units of a tensor is a function of the unit, so that
nothing becomes as long as a size that a file only claims.
"""

import argparse
import base64
import bisect
import contextlib
import copy
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
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple, TypeAlias

MAX_UNPACKED = 512 << 20  # bytes of one file, unpacked and with its external data
MAX_UNITS = 1 << 24  # of a tensor
MAX_SIZE = 1 << 40
MAX_AXES = 32
MAX_KERNEL = 1 << 12  # of a pool that counts padding, along an axis
MAX_MOVED = 1 << 22  # taps of a convolution that gives images another grid
MAX_FOLDED = 1 << 22  # elements of constants that are made of constants, and eight times those of the file
MAX_TRIALS = 1 << 28  # divisors that are tried
MAX_BITS = 1 << 20  # of a number
MAX_PARSED = 1 << 23  # work on what is packed in protobufs: a field counts four, a number that is packed one
MAX_ROW = 1 << 30  # bits of the numbers over one denominator
MAX_WORK = 10**12  # products, for bounds
MAX_STORED = 10**7  # coefficients of the forms of derived tensors
SIDES = ("original", "reduced")
VERSIONS_READ = [1, 2]  # of certificates
SPECIFICATIONS = {  # and the words for them in the answer
    "as stored": "as stored",
    "raw nnet": "as raw nnet",
    "batch normalisation folded, scales in float32": "with batch normalisation folded, scales in float32",
    "batch normalisation folded, scales in float64": "with batch normalisation folded, scales in float64",
    "batch normalisation exact": "with batch normalisation exact",
}
SCOPE = "over the reals, for each item of the batch, element types aside"  # what the answer speaks of
ALL_FEEDS = "over the reals, at all inputs of the declared shapes, element types aside"
BY_POSITION = {  # how inputs or outputs may be matched by position, and the words for it in the answer
    "position": "by position",
    "position as demanded": "by position as demanded, not by name: another claim",
}
MATCHES = ("one", "name", *BY_POSITION)
ONE, ZERO = Fraction(1), Fraction(0)

CODES = {"equivalent": 0, "within": 0, "different": 1, "rejected": 1, "malformed": 2, "unknown": 3, "unsupported": 4}
BROKEN = (OSError, EOFError, ValueError, OverflowError, RecursionError, struct.error, zlib.error)

Form: TypeAlias = tuple[dict[int, int], int]
NOTHING: dict[int, Form] = {}
NOWHERE: dict[str, tuple[list[int], list[int]]] = {}
GivenShapes: TypeAlias = dict[str, list[int | None]]  # of inputs; None: whatever the file says
NO_SHAPES: GivenShapes = {}


class Stop(Exception):
    """Why the answer is not `equivalent`; `rule` is the short name of the condition that failed."""

    def __init__(self, verdict: str, message: str, rule: str = "format") -> None:
        super().__init__(message)
        self.verdict, self.rule = verdict, rule


class Verdict(NamedTuple):
    """The answer, and what it rests on."""

    verdict: str
    reason: str
    code: int
    rule: str


def demand(truth: object, message: str, verdict: str = "malformed", rule: str = "format") -> None:
    """Stop unless a condition holds."""
    if not truth:
        raise Stop(verdict, message, rule)


def support(truth: object, message: str) -> None:
    """Stop where the table of operators does not have what is found."""
    demand(truth, message, "unsupported")


def hold(rule: str, truth: object, message: str) -> None:
    """Reject the certificate unless a rule holds."""
    demand(truth, message, "rejected", rule)


@contextlib.contextmanager
def about(place: str, broken: tuple[type[Exception], ...] = ()) -> Iterator[None]:
    """What stops inside names the place first; `broken`: the errors of the standard library that a bad file causes."""
    try:
        yield
    except Stop as error:
        raise Stop(error.verdict, f"{place}: {error}", error.rule) from error
    except broken as error:
        raise Stop("malformed", f"{place}: {error}") from error


# --- Numbers and functions ---------------------------------------------------------------------------


def rational(word: Any) -> Fraction:
    """The rational that a canonical text names."""
    expected = f"found {word!a:.60}, expected a rational in lowest terms, as text"
    fits = type(word) is str and len(word) <= 10_000
    demand(fits and re.fullmatch("-?(0|[1-9][0-9]*)(/[1-9][0-9]*)?", word) and word != "-0", expected)
    p, _, q = word.partition("/")
    value = Fraction(int(Decimal(p)), int(Decimal(q or 1)))  # int() alone stops at 4,300 digits
    demand(q != "1" and value.denominator == Decimal(q or 1), expected)
    return value


def decimal(word: str) -> Fraction:
    """The exact value of a decimal such as `-1.25e-3`."""
    fits = len(word) <= 4000 and re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,4})?", word)
    demand(fits, f"found {word!a:.60}, expected a finite decimal")
    return Fraction(Decimal(word))


def common(denominators: Iterable[int], numbers: int) -> int:
    """The least common multiple for so many numbers, unless these become too long to work with."""
    total = 1
    for q in denominators:
        total = math.lcm(total, q)
        fits = total.bit_length() <= min(MAX_BITS, MAX_ROW // numbers)
        demand(fits, f"a common denominator has {total.bit_length()} bits", "unknown", "budget")
    return total


def over_common(numbers: Iterable[Any]) -> tuple[list[int], int]:
    """Floats or rationals as integers over one denominator."""
    pairs = [number.as_integer_ratio() for number in numbers]
    d = common({q for _, q in pairs}, len(pairs))
    return [p * (d // q) for p, q in pairs], d


def nearest_root(square: Fraction, digits: int) -> Fraction:
    """The root of a positive number, rounded to so many binary digits, ties to even."""
    step = (square.numerator.bit_length() - square.denominator.bit_length()) // 2 - digits - 2
    scaled = square / Fraction(4) ** step
    whole = math.isqrt(math.floor(scaled))
    extra = whole.bit_length() - digits
    root, rest = divmod(whole, 1 << extra)
    rest = 2 * rest + (whole * whole != scaled) - (1 << extra)  # its sign says where the middle is
    return (root + (rest > 0 or (rest == 0 and root % 2))) * Fraction(2) ** (step + extra)


def squarefree(n: int, most: int) -> tuple[int, int, int]:
    """(s, d, p) with n = s*s*d where no square divides d, if no divisor above `most` need be tried; p were tried."""
    s, d, p = 1, 1, 2
    while p**3 <= n:
        support(p <= most, f"found a number of {n.bit_length()} bits, which is too long to be factored")
        while n % (p * p) == 0:
            s, n = s * p, n // (p * p)
        if n % p == 0:
            d, n = d * p, n // p
        p += 1 + (p > 2)
    root = math.isqrt(n)  # no more than two primes are left
    return (s * root, d, p) if root * root == n else (s, d * n, p)


Function: TypeAlias = tuple[str, tuple[Any, ...]]  # its name and its parameters
IDENTITY: Function = ("leaky_relu", (ONE,))
RELU: Function = ("leaky_relu", (ZERO,))
HEADS = ("softmax", "log_softmax", "argmax")


def clipped(y: Fraction, low: Fraction, high: Fraction) -> Fraction:
    """The nearest number between the bounds."""
    return min(max(y, low), high)


def quantized(rounded: Callable[[Fraction], int]) -> Callable[..., Fraction]:
    """The value of a quantiser that rounds like this."""
    return lambda y, scale, zero, low, high: scale * (clipped(rounded(y / scale) + zero, low, high) - zero)


def at_zero(value: Fraction | None) -> Callable[..., Fraction | None]:
    """The value of a function of which it is known to be rational only at 0, if at all."""
    return lambda y: value if y == 0 else None


# For each function: how many parameters it has, with which c it commutes (see `comes_out`; `symmetry` has exceptions),
# and its value where that is known to be rational.
FUNCTIONS: dict[str, tuple[int, str, Callable[..., Any]]] = {
    "leaky_relu": (1, "positive", lambda y, slope: y if y >= 0 else slope * y),
    "clip": (2, "one", clipped),
    "at_least": (1, "one", max),
    "at_most": (1, "one", min),
    "hard_sigmoid": (2, "one", lambda y, alpha, beta: clipped(alpha * y + beta, ZERO, ONE)),
    "hard_swish": (0, "one", lambda y: y * clipped(y / 6 + Fraction(1, 2), ZERO, ONE)),
    "thresholded_relu": (1, "one", lambda y, alpha: y if y > alpha else ZERO),
    "sign": (0, "sign", lambda y: Fraction((y > 0) - (y < 0))),
    "bipolar_sign": (0, "step", lambda y: ONE if y >= 0 else -ONE),
    "floor": (0, "one", lambda y: Fraction(math.floor(y))),
    "ceil": (0, "one", lambda y: Fraction(math.ceil(y))),
    "round": (0, "odd", lambda y: Fraction(round(y))),
    "quantize": (4, "one", quantized(round)),
    "quantize_floor": (4, "one", quantized(math.floor)),
    "hard_gate": (2, "one", lambda y, alpha, beta: y * clipped(alpha * y + beta, ZERO, ONE)),
    "erf_gate": (2, "one", lambda y, *_: at_zero(ZERO)(y)),  # c * y * (1 + erf(a * y))
    "softplus_above": (2, "one", lambda y, beta, above: y if beta * y > above else None),  # softplus(beta * y) / beta
    "softsign": (0, "odd", lambda y: y / (1 + abs(y))),
    "elu": (1, "one", lambda y, _: y if y >= 0 else None),
    "selu": (2, "one", lambda y, _, gamma: gamma * y if y >= 0 else None),
    "celu": (1, "one", lambda y, _: y if y >= 0 else None),
    **dict.fromkeys(("gelu", "gelu_tanh", "silu", "mish"), (0, "one", at_zero(ZERO))),
    **dict.fromkeys(("softplus", "log_sigmoid"), (0, "one", at_zero(None))),
    **dict.fromkeys(("tanh", "erf", "sin"), (0, "odd", at_zero(ZERO))),
    "sigmoid": (0, "one", at_zero(Fraction(1, 2))),
    "cos": (0, "even", at_zero(ONE)),
    "exp": (0, "one", at_zero(ONE)),
    "surd": (1, "linear", lambda y, d: y if d == 1 or y == 0 else None),
    "max_pool": (1, "positive", lambda y, _: y),  # of an image with the value y everywhere
    **dict.fromkeys(HEADS, (0, "one", at_zero(None))),
}


FITS: dict[str, Callable[..., Any]] = {  # what the parameters must be, where not any
    "clip": lambda low, high: low <= high,
    "celu": lambda alpha: alpha != 0,
    "softplus_above": lambda beta, _: beta > 0,
    "surd": lambda d: d > 0 and d.denominator == 1,
    "quantize": lambda s, z, a, b: s > 0 and z.denominator == a.denominator == b.denominator == 1 and a <= b,
}


def function_of(name: str, *parameters: Fraction) -> Function:
    """A function of the table, if its parameters are what it takes."""
    fits = name in FUNCTIONS and name not in ("max_pool", *HEADS) and len(parameters) == FUNCTIONS[name][0]
    demand(fits, f"found the function {name!a:.60} of {len(parameters)} parameters, expected one of the table")
    kind = name.removesuffix("_floor")
    fits = kind not in FITS or FITS[kind](*parameters)
    demand(fits, f"found {name}({', '.join(map(str, parameters)):.60}), expected other parameters")
    return name, parameters


def symmetry(function: Function) -> str:
    """With which c a function commutes, in the words of `comes_out`."""
    name, parameters = function
    if name == "leaky_relu":
        return {ONE: "linear", -ONE: "size"}.get(parameters[0], "positive")
    if name in ("at_least", "at_most", "thresholded_relu") and parameters[0] == 0:
        return "positive"
    return "odd" if name == "clip" and parameters[0] == -parameters[1] else FUNCTIONS[name][1]


def comes_out(word: str, c: Fraction) -> Fraction | None:
    """The h with sigma(c*y) = h*sigma(y) for all y, for c not 0; None where there is none."""
    allowed, h = {
        "one": (c == 1, c),
        "odd": (abs(c) == 1, c),
        "even": (abs(c) == 1, ONE),
        "positive": (c > 0, c),
        "linear": (True, c),
        "size": (True, abs(c)),
        "sign": (True, ONE if c > 0 else -ONE),
        "step": (c > 0, ONE),
    }[word]
    return h if allowed else None


def taken_to(function: Function, h: Fraction) -> list[Fraction]:
    """The c of the size of h that the function takes to h: sigma(c*y) = h*sigma(y) for all y; the positive one first.

    Other sizes serve for `sign` and `bipolar_sign` only.
    """
    return [c for c in (abs(h), -abs(h)) if c and comes_out(symmetry(function), c) == h]


def twin_law(function: Function) -> Fraction | None:
    """The L with sigma(y) - sigma(-y) = L*y for all y, if there is one."""
    name, parameters = function
    if name == "leaky_relu":
        return ONE + Fraction(parameters[0])
    bent = name in ("at_most", "thresholded_relu") and parameters[0] == 0
    return ONE if bent or name in ("gelu", "gelu_tanh", "silu", "softplus", "log_sigmoid", "hard_swish") else None


def never_negative(function: Function) -> bool:
    """Whether no value of a function is negative, whatever it is applied to."""
    name, parameters = function
    first = parameters[0] if parameters else ZERO
    if name == "leaky_relu":
        return bool(first <= 0)
    if name in ("at_least", "clip", "thresholded_relu"):
        return bool(first >= 0)
    if name in ("quantize", "quantize_floor"):
        return bool(parameters[2] >= parameters[1])
    return name in ("hard_sigmoid", "sigmoid", "exp", "softplus", "softmax")


def line_above(function: Function) -> bool:
    """Whether sigma(y) = y for all y >= 0."""
    name, parameters = function
    within = {"at_least": lambda a: a <= 0, "thresholded_relu": lambda a: a == 0}
    return name in ("leaky_relu", "elu", "celu") or (name in within and within[name](parameters[0]))


def zero_below(function: Function) -> bool:
    """Whether sigma(y) = 0 for all y <= 0."""
    name, parameters = function
    if name == "thresholded_relu":
        return bool(parameters[0] >= 0)
    return name in ("leaky_relu", "at_least") and bool(parameters[0] == 0)


def value_at(function: Function, y: Fraction) -> Fraction | None:
    """The value at y, or None where it is not known to be rational."""
    name, parameters = function
    value: Fraction | None = FUNCTIONS[name][2](y, *parameters)
    return value


# --- Networks: nodes that each define one tensor -----------------------------------------------------


class Symbol:
    """A size that a file leaves open.  `same`: the symbol of the reduced network that it is, once that is known; `of`:
    what it is computed from, if it is."""

    def __init__(self, name: str, of: tuple[Any, ...] = ()) -> None:
        self.name, self.of = name, of
        self.same: Symbol | None = None

    def key(self) -> tuple[Any, ...]:
        """Equal for equal symbols; names say nothing."""
        return ("of", *self.of) if self.of else (id(self),) if self.same is None else self.same.key()


class Product:
    """A size that is a number times some symbols."""

    def __init__(self, number: int, symbols: tuple[Symbol, ...]) -> None:
        self.number, self.symbols = number, symbols

    def key(self) -> tuple[Any, ...]:
        """Equal for equal products."""
        return self.number, *sorted((symbol.key() for symbol in self.symbols), key=hash)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Product) and self.key() == other.key()

    def __hash__(self) -> int:
        return hash(self.key())

    def __mul__(self, other: "Size") -> "Product":
        if isinstance(other, Product):
            return Product(self.number * other.number, self.symbols + other.symbols)
        return Product(self.number * other, self.symbols)

    __rmul__ = __mul__

    def __floordiv__(self, other: "Size") -> "Size | None":
        """What times the other size is this one, if there is such a size."""
        left, number = [*self.symbols], other.number if isinstance(other, Product) else other
        for symbol in other.symbols if isinstance(other, Product) else ():
            at = next((i for i, mine in enumerate(left) if mine.key() == symbol.key()), None)
            if at is None:
                return None
            left.pop(at)
        whole, rest = divmod(self.number, number) if number else (0, 1)
        return None if rest else Product(whole, tuple(left)) if left else whole

    def __repr__(self) -> str:
        words = sorted(symbol.name for symbol in self.symbols)
        return "*".join(([str(self.number)] if self.number != 1 else []) + words)


Size: TypeAlias = int | Product
ENTIRE = -1  # in place of a channel axis: the only unit is the whole tensor
IMPLIED: tuple[Size, ...] = (Product(1, (Symbol("batch"),)),)  # the batch axis of formats that do not write it


def product(sizes: Iterable[Any]) -> Any:
    """The product of sizes."""
    return functools.reduce(operator.mul, sizes, 1)


def known(sizes: Iterable[Any]) -> bool:
    """Whether all sizes are numbers."""
    return all(isinstance(n, int) for n in sizes)


class Window(NamedTuple):
    """A kernel over a grid, all fields one entry an axis: tap t of it reads, for position q of the target grid,
    position stride*q + dilation*t - begin of the source grid, or 0 where there is none.  Transposed: the tap reads
    position p where q = stride*p + dilation*t - begin.
    """

    source: tuple[Any, ...]  # sizes
    target: tuple[Any, ...]
    kernel: tuple[Any, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    begin: tuple[int, ...]
    end: tuple[int, ...]
    transposed: bool = False

    def lift(self, tap: int) -> "Lift | None":
        """What a tap does to an image; None: nothing."""
        same, keeps, rest = True, True, tap
        for at, (n, m, size, stride, dilation, begin) in enumerate(reversed([*zip(*self[:6], strict=True)])):
            rest, offset = divmod(rest, size)
            shift = dilation * offset - begin
            stays = n == m and shift == 0 and (stride == 1 or m == 1)
            same &= stays
            if not known((n, m)):  # no size makes it read padding
                keeps &= stays or (begin == self.end[len(self.end) - 1 - at] == 0 and not self.transposed)
                continue
            first, last = shift, stride * (m - 1) + shift
            if self.transposed:
                keeps &= shift % stride == 0 and (stride == 1 or m == 1)
                first, last = -shift // stride, (m - 1 - shift) // stride
            keeps &= first >= 0 and last < n
        return None if same else Lift("tap", self, tap, keeps)

    def pools(self) -> bool:
        """Whether every position of the target reads some position of the source (and the window is not transposed)."""

        def reads(n: Any, m: Any, k: Any, stride: int, dilation: int, begin: int, end: int) -> bool:
            if not known((n, m, k)):  # whatever the sizes are
                return k == n or (known((k,)) and (k == 1 or dilation == 1) and max(begin, end) < k)
            return bool((k == 1 or dilation <= n) and -(-begin // dilation) < k and stride * (m - 1) - begin < n)

        return not self.transposed and all(itertools.starmap(reads, zip(*self[:7], strict=True)))

    def counts_padding(self) -> bool:
        """Whether the taps read `begin` or `end` zeros around the source anywhere; for windows that pool."""
        for n, m, k, stride, dilation, begin, end in zip(*self[:7], strict=True):
            if begin > 0 or (end > 0 and not known((n, m, k))):
                return True
            support(not end or k <= MAX_KERNEL, f"found {k} taps, expected at most {MAX_KERNEL}")
            for offset in range(0, k * dilation, dilation) if end else ():
                q = max(0, -((offset - n) // stride))  # the first position that reads beyond the source
                if q < m and stride * q + offset < n + end:
                    return True
        return False


class Lift(NamedTuple):
    """A linear operator on images: "tap" t of a window, "average" over a window, "at": the position taken out of an
    image of so many, "put": an element put there, with zeros elsewhere; of a grid and axes of it, "pick": what is at an
    index of the axis, "permute": in another order.  Axes before those that it names go along."""

    name: str
    over: Any
    number: int
    keeps: bool  # whether an image with the same value everywhere stays one


class View(NamedTuple):
    """The shape of a tensor, the first axis aside, and the axis of its channels, each of which is a unit: an image
    over the other axes.  Without such an axis every element is a unit.  ENTIRE: the tensor is the only one.

    lead: the first axis, over which every unit is an image too: most often the batch; or no axis.
    """

    dims: tuple[Any, ...]  # sizes
    channel: int | None = None
    lead: tuple[Any, ...] = IMPLIED

    @property
    def units(self) -> int:
        if self.channel == ENTIRE:
            return 1
        return int(product(self.dims) if self.channel is None else self.dims[self.channel])

    @property
    def grid(self) -> tuple[Any, ...]:
        if self.channel == ENTIRE:
            return self.dims
        return () if self.channel is None else self.dims[: self.channel] + self.dims[self.channel + 1 :]

    @property
    def positions(self) -> Any:
        return product(self.grid)

    @property
    def placed(self) -> tuple[Any, ...]:
        """All sizes, and the axes that count units."""
        kept, end = len(self.lead), len(self.lead) + len(self.dims)
        if self.channel == ENTIRE:
            return (*self.lead, *self.dims), 0, 0
        return (*self.lead, *self.dims), *((kept, end) if self.channel is None else (kept + self.channel,) * 2)

    @property
    def inner(self) -> Any:
        """How far apart neighbouring channels are."""
        return 1 if self.channel is None else product(self.dims[self.channel + 1 :])

    @property
    def order(self) -> tuple[Any, Any]:
        """What says where the elements of each unit are, for tensors with equally many elements."""
        return self.units, self.inner if self.units > 1 else 1

    def element(self, unit: int, position: int) -> Any:
        """The element at a position of a unit."""
        outer, rest = divmod(position, self.inner)
        return (outer * self.units + unit) * self.inner + rest

    def unit(self, element: int) -> tuple[int, int]:
        """The unit and the position of an element."""
        outer, rest = divmod(element, self.inner)
        outer, unit = divmod(outer, self.units)
        return unit, outer * self.inner + rest


def viewed(dims: tuple[int, ...], channel: int | None) -> View:
    """A view, if there is such an axis."""
    demand(channel is None or channel < len(dims), f"found channel axis {channel} of the shape {list(dims)}")
    return View(dims, channel)


class Node(NamedTuple):
    """How a tensor is made from the tensors `sources`.

    kind      "affine", "activate", "head" or "opaque"
    step      for a unit v: (u, factor, constant), meaning factor * source[u] + constant; then the function is applied
    row       instead of a step: columns, integers, their denominator, and the bias, meaning the sum of all products
    place     for a column of a row: the number of a source, a unit of it, and what is done to it; None: it is the unit
    function  of each unit; the name of a head is a function like no other
    given     of an opaque node: what it is, and which of its outputs the tensor is
    """

    sources: tuple[str, ...]
    kind: str = "affine"
    step: Callable[[int], tuple[int, Fraction, Fraction]] = lambda v: (v, ONE, ZERO)
    row: Callable[[int], tuple[Iterable[Any], Iterable[int], int, Fraction]] | None = None
    place: Callable[[Any], tuple[int, int, Lift | None]] | None = None
    function: Callable[[int], Function] = lambda _: IDENTITY
    given: "tuple[Given, int] | None" = None


@dataclass(eq=False)
class Given:
    """An opaque operator: a function of its computed sources of which no more is known than that it is one.

    words    what says which function it is, the constants among its inputs too
    types    of each source and of each output: the element type
    outputs  the tensors, by their place
    """

    name: str  # domain:operator
    domain: str
    words: tuple[Any, ...]
    sources: tuple[str, ...]
    types: list[int]
    outputs: dict[int, str] = field(default_factory=dict)


@dataclass
class Network:
    """A straight-line program, and what identifies its file; `nodes` has the defined tensors in order."""

    format: str
    sha256: str
    specification: str = "as stored"
    inputs: list[str] = field(default_factory=list)
    nodes: dict[str, Node] = field(default_factory=dict)
    outputs: list[str] = field(default_factory=list)
    views: dict[str, View] = field(default_factory=dict)
    units: dict[str, int] = field(default_factory=dict)
    tensors: dict[str, str] = field(default_factory=dict)
    external: dict[str, str] = field(default_factory=dict)
    weights: int = 0  # that are not zero
    dust: dict[str, int] = field(default_factory=dict)  # how many numbers of a constant are dust, read as 0
    rooted: bool = False  # whether it has irrational scales, which the specification says how to read
    kinds: set[int] = field(default_factory=set)  # the element types of its inputs and computed tensors
    folded: bool = False  # whether it has constants that are made of others by arithmetic
    symbols: dict[str, Symbol] = field(default_factory=dict)  # of its inputs
    mixes: bool = False  # whether it looks at the first axis of its inputs; opaque operators aside
    given: list[Given] = field(default_factory=list)  # its opaque operators

    def define(self, name: str, view: View, node: Node | None = None) -> None:
        """Add a tensor: an input, or what a node makes."""
        demand(name and name not in self.views, f"tensor {name!a}: defined twice, expected a new name")
        elements = size(view.dims)
        fits = 0 < (elements if isinstance(elements, int) else elements.number) <= MAX_SIZE and view.units <= MAX_UNITS
        demand(fits, f"tensor {name!a}: found {elements} elements, expected 1 to {MAX_UNITS}")
        self.views[name], self.units[name] = view, view.units
        if node is None:
            self.inputs.append(name)
        else:
            self.nodes[name] = node

    def leads(self) -> bool:
        """Whether an input has a first axis beside its units: else what nodes make of one is not the batch."""
        return any(self.views[name].lead for name in self.inputs)

    def sizes(self, names: str) -> list[Any]:
        """The numbers of elements of the inputs or the outputs, or their sizes where some are symbols."""
        shapes = [self.views[name].dims for name in getattr(self, names)]
        return [product(dims) if known(dims) else dims for dims in shapes]

    def dense(self, source: str, target: str, rows: list[list[tuple[int, Fraction]]], bias: list[Fraction]) -> None:
        """Add a dense node, whose rows list (column, weight)."""
        view = View((len(rows),), lead=self.views[source].lead)
        self.define(target, view, Node((source,), row=self.listed(rows, bias)))

    def listed(self, rows: list[list[tuple[int, Fraction]]], bias: list[Fraction]) -> Callable[[int], Any]:
        """`row` of a node whose rows list (column, weight)."""
        self.weights += sum(map(len, rows))
        return lambda v: ([u for u, _ in rows[v]], *over_common(w for _, w in rows[v]), bias[v])

    def each(self, source: str, target: str, **fields: Any) -> None:
        """Add a node that acts unit by unit: a step, or a function."""
        kind = "activate" if "function" in fields else "affine"
        self.define(target, self.views[source], Node((source,), kind, **fields))

    def slide(self, source: str, target: str, units: int, window: Window, **fields: Any) -> None:
        """Add a node that moves a window over the images of a tensor."""
        dims, channel, lead = self.views[source]
        fits = channel == 0 and dims[1:] == window.source
        demand(fits, f"found a window over {list(window.source)} for the shape {list(dims)}")
        self.define(target, View((units, *window.target), 0, lead), Node((source,), **fields))

    def convolve(self, source: str, target: str, units: int, window: Window, row: Callable[[int], Any]) -> None:
        """Add a convolution: column u*T + t is tap t, of T, of unit u."""
        lift, taps = functools.cache(window.lift), product(window.kernel)
        self.slide(source, target, units, window, row=row, place=lambda c: (0, c // taps, lift(c % taps)))

    def pool(self, kind: str, source: str, target: str, window: Window, padding: bool = False) -> None:
        """Add a node that acts image by image: "max", "average" (`padding`: its zeros count) or "pad"."""
        support(kind == "pad" or window.pools(), "found a window that reads nothing somewhere, expected none")
        fields: dict[str, Any] = {"kind": "activate", "function": lambda _: ("max_pool", (window,))}
        if kind != "max":
            lift = window.lift(0) if known(window.kernel) else Lift("tap", window, 0, False)
            if kind == "average" and (lift or product(window.kernel) != 1):
                lift = Lift("average", window, int(padding), not (padding and window.counts_padding()))
            fields = {"row": lambda v: ([v], [1], 1, ZERO), "place": lambda v: (0, v, lift)}
        self.slide(source, target, self.units[source], window, **fields)

    def select(self, sources: Sequence[str], target: str, view: View, pick: Callable[[int], tuple[int, int]]) -> None:
        """Add a node whose unit v is unit u of source i, for (i, u) = pick(v)."""
        fits = all((self.views[name].grid, self.views[name].lead) == (view.grid, view.lead) for name in sources)
        demand(fits, f"found sources of other grids, expected {list(view.grid)}")
        row, place = lambda v: ([pick(v)], [1], 1, ZERO), lambda column: (*column, None)
        self.define(target, view, Node(tuple(sources), row=row, place=place))

    def through(self, source: str, target: str, view: View, lift: Lift | None) -> None:
        """Add a node that does the same to every unit, or nothing."""
        fields: dict[str, Any] = {}
        if lift:
            fields = {"row": lambda v: ([v], [1], 1, ZERO), "place": lambda v: (0, v, lift)}
        self.define(target, view, Node((source,), **fields))

    def taken(self, source: str, target: str, axis: int) -> None:
        """Add a node that takes a whole tensor apart along an axis."""
        view = self.views[source]
        n, inner = view.dims[axis], product(view.dims[axis + 1 :])
        demand(view.channel == ENTIRE and isinstance(n, int), "found another view, expected a whole tensor")
        pick: Callable[[int], Any] = lambda v: Lift("pick", (n, inner), v, True) if n > 1 else None  # noqa: E731
        made = view._replace(channel=None if len(view.dims) == 1 else axis)
        row: Callable[[int], Any] = lambda v: ([v], [1], 1, ZERO)  # noqa: E731
        self.define(target, made, Node((source,), row=row, place=lambda v: (0, 0, pick(v))))

    def constant(self, target: str, view: View, values: Callable[[int], Fraction]) -> None:
        """Add a tensor of constants."""
        self.define(target, view, Node((), row=lambda v: ([], [], 1, values(v)), place=lambda column: column))

    def opaque(self, given: Given, views: dict[int, View]) -> None:
        """Add the outputs of an opaque operator, by their place: whole tensors."""
        self.given.append(given)
        for place, view in views.items():
            self.define(given.outputs[place], view, Node(given.sources, "opaque", given=(given, place)))

    def needed(self, more: Iterable[str] = ()) -> set[str]:
        """The tensors on which an output depends, or one of some more tensors."""
        found, left = set[str](), [*self.outputs, *more]
        while left:
            name = left.pop()
            if name not in found:
                found.add(name)
                left += self.nodes[name].sources if name in self.nodes else ()
        return found

    def depends(self) -> list[Given]:
        """The opaque operators on which an output depends."""
        needed = self.needed() if self.given else set[str]()
        return [given for given in self.given if not needed.isdisjoint(given.outputs.values())]

    def add(self, sources: Sequence[str], target: str, signs: Sequence[int]) -> None:
        """Add a node that adds tensors, with signs."""
        views = [self.views[name] for name in sources]
        demand(len({*views}) == 1 and len(signs) == len(views), "found tensors of different shapes or channels")
        row, place = lambda v: ([(i, v) for i in range(len(signs))], signs, 1, ZERO), lambda column: (*column, None)
        self.define(target, views[0], Node(tuple(sources), row=row, place=place))

    def head(self, source: str, target: str, kind: str) -> None:
        """Add a head, which mixes all units."""
        support(kind in HEADS, f"head: found {kind!a:.60}, expected one of {HEADS}")
        demand(self.views[source].positions == 1, "found images below a head, expected elements")
        made = self.views[source]._replace(dims=(1,), channel=None) if kind == "argmax" else self.views[source]
        self.define(target, made, Node((source,), "head", function=lambda _: (kind, ())))

    def reorder(self, source: str, target: str, axes: Sequence[int] | None, made: View) -> None:
        """Add a node that permutes the axes, and reads the elements with another shape and channel axis."""
        view = self.views[source]
        axes = [*range(len(view.dims))] if axes is None else axes
        fits = sorted(axes) == [*range(len(view.dims))] and size(made.dims) == product(view.dims)
        demand(fits, f"found axes or a shape that do not fit the shape {list(view.dims)}")
        origin, images, parts = permuted(view.dims, axes), made.positions, view.positions
        fields: dict[str, Any] = {}
        if images == parts == 1:
            fields = {"step": lambda v: (origin(v), ONE, ZERO)}
        elif images == 1:  # images are taken apart
            fields["row"] = lambda v: ([view.unit(origin(v))], [1], 1, ZERO)
            fields["place"] = lambda column: (0, column[0], Lift("at", parts, column[1], True))
        elif parts == 1:  # images are put together
            columns: Callable[[int], Any] = lambda v: ((origin(made.element(v, p)), p) for p in range(images))  # noqa: E731
            fields["row"] = lambda v: (columns(v), itertools.repeat(1, images), 1, ZERO)
            fields["place"] = lambda column: (0, column[0], Lift("put", images, column[1], False))
        else:
            others = [axis for axis in axes if axis != view.channel and view.dims[axis] > 1]
            before = math.prod(view.dims[axis] for axis in axes[: axes.index(view.channel)])
            kept = made.units == view.units and others == sorted(others)
            kept = kept and (made.units == 1 or before == math.prod(made.dims[: made.channel]))
            demand(kept, "found a reordering inside of channels, expected none")
        self.define(target, made, Node((source,), **fields))


def size(dims: Sequence[Any]) -> Any:
    """The number of elements of an array."""
    demand(len(dims) <= MAX_AXES, f"found {len(dims)} axes, expected at most {MAX_AXES}", "unsupported", "refused")
    return product(dims)


def permuting(sizes: Sequence[Any], order: Sequence[int]) -> Lift | None:
    """What a permutation of the axes of an image does to it; None: nothing.  Axes that stay together are one."""
    order = [axis for axis in order if sizes[axis] != 1]
    runs: list[list[int]] = []
    follows = dict(itertools.pairwise(sorted(order)))
    for axis in order:
        if runs and follows.get(runs[-1][-1]) == axis:
            runs[-1].append(axis)
        else:
            runs.append([axis])
    if runs and runs[0][0] == min(order):  # it comes first as before
        runs.pop(0)
    places = sorted(run[0] for run in runs)
    shape = tuple(product(sizes[axis] for axis in run) for run in sorted(runs))
    return Lift("permute", (shape, tuple(places.index(run[0]) for run in runs)), 0, True) if runs else None


def strides(dims: Sequence[int]) -> list[int]:
    """How far apart neighbours along each axis of an array are, row-major."""
    return list(itertools.accumulate(reversed(dims), operator.mul, initial=1))[-2::-1]


def locate(dims: Sequence[int], steps: Sequence[int]) -> Callable[[int], int]:
    """For the v-th element, row-major, of an array of shape `dims`: the sum of index times step."""

    def place(v: int) -> int:
        offset = 0
        for n, step in zip(reversed(dims), reversed(steps), strict=True):
            v, index = divmod(v, n)
            offset += index * step
        return offset

    return place


def permuted(dims: Sequence[int], axes: Sequence[int]) -> Callable[[int], int]:
    """For each element after a permutation of the axes: where it was."""
    steps = strides(dims)
    return locate([dims[axis] for axis in axes], [steps[axis] for axis in axes])


# --- JSON: grammars -----------------------------------------------------------------------------------


def read_json(content: bytes) -> Any:
    """The value of a JSON text without floats, duplicate keys, or integers beyond 10^15."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        demand(len({key for key, _ in pairs}) == len(pairs), "JSON: found a key twice in one object")
        return dict(pairs)

    def integer(word: str) -> int:
        fits = len(word) <= 16 and word[0] != "-" and int(word) <= 10**15
        demand(fits, f"JSON: found {word:.40}, expected 0 to 10^15")
        return int(word)

    def refuse(word: str) -> None:
        raise Stop("malformed", f"JSON: found {word:.40}, expected no number but integers")

    hooks: dict[str, Any] = {"object_pairs_hook": unique, "parse_int": integer, "parse_float": refuse}
    return json.loads(str(content, "utf-8"), parse_constant=refuse, **hooks)


def fit(value: Any, grammar: Any) -> Any:
    """The value as its grammar reads it: {key: grammar}, {str: grammar} for any keys, [grammar] for a list, a tuple of
    grammars for a list of that length, a type, or a function that reads it."""
    if isinstance(grammar, dict):
        fit(value, dict)
        grammar = dict.fromkeys(value, grammar[str]) if str in grammar else grammar
        demand(value.keys() == grammar.keys(), f"found the keys {[*value]!a:.80}, expected {[*grammar]!a:.80}")
        result = {}
        for key, item in value.items():
            with about(f"{key!a:.60}"):
                result[key] = fit(item, grammar[key])
        return result
    if isinstance(grammar, list):
        return [fit(item, grammar[0]) for item in fit(value, list)]
    if isinstance(grammar, tuple):
        demand(len(fit(value, list)) == len(grammar), f"found {len(value)} entries, expected {len(grammar)}")
        return tuple(map(fit, value, grammar))
    if isinstance(grammar, type):
        demand(type(value) is grammar, f"found a value of type {type(value).__name__}, expected {grammar.__name__}")
        return value
    return grammar(value)


def one_of(*known: Any) -> Callable[[Any], Any]:
    """The grammar of some values."""

    def read(value: Any) -> Any:
        demand(type(value) is type(known[0]) and value in known, f"found {value!a:.60}, expected one of {known}")
        return value

    return read


def positive(value: Any) -> int:
    """A positive integer."""
    demand(type(value) is int and value > 0, f"found {value!a:.40}, expected a positive integer")
    return int(value)


def entries(value: Any) -> list[tuple[int, Fraction]]:
    """A list of [index, rational], indices strictly ascending, no zero."""
    pairs: list[tuple[int, Fraction]] = fit(value, [(int, rational)])
    demand(all(i < j for (i, _), (j, _) in itertools.pairwise(pairs)), "found indices that do not ascend")
    demand(all(w for _, w in pairs), "found the number 0, expected that it is left out")
    return pairs


def optional(grammar: Any) -> Callable[[Any], Any]:
    """The grammar of a value that may be null."""
    return lambda value: None if value is None else fit(value, grammar)


def integers(value: Any) -> tuple[int, ...]:
    """A list of integers."""
    return tuple(fit(value, [int]))


# --- Certificates -------------------------------------------------------------------------------------


class Row(NamedTuple):
    """What a certificate says of a unit: `number` times class `of`, or times the unknown of unit `of` ("same"), or
    "free", or the "sum" of classes in `terms`, plus `number`, or a "twin" of a class (see `twin_law`), or the "mirror"
    of a free unit, its twin, or "linear" or "zero", as its sign is known by the `facts`: so many times what a class is
    more than its form.  `tensor`: of class `of`, where it is not the tensor that the relation is over."""

    kind: str
    of: int = 0
    number: Fraction = ZERO
    terms: Sequence[tuple[int, Fraction]] = ()
    tensor: str = ""
    facts: Sequence[tuple[str, int, Fraction]] = ()

    @property
    def group(self) -> tuple[str, str, int]:
        """What rows that are checked together have in common."""
        return self.kind, self.tensor, self.of


def read_row(value: Any) -> Row:
    """A row in its grammar."""
    if value is None:
        return Row("sum")
    if value in ("free", "zero on domain", "linear on domain"):
        return Row(value)
    if type(value) is list and value[:1] == ["="]:
        return Row("same", *fit(value, (str, int, rational))[1:])
    kind, entry = next(iter(value.items())) if type(value) is dict and len(value) == 1 else ("", None)
    if kind in ("linear", "zero"):
        return Row(kind, facts=sign_facts(entry))
    if kind == "mirror":
        return Row(kind, *fit(entry, (int, rational)))
    if kind in ("twin", "class"):
        if kind == "class" or len(fit(entry, list)) == 3:
            tensor, k, number = fit(entry, (str, int, rational))
            demand(tensor, "found a tensor without a name, expected a name")
            return Row(kind, k, number, tensor=tensor)
        return Row(kind, *fit(entry, (int, rational)))
    if type(value) is list:
        return Row("class", *fit(value, (int, rational)))
    row = fit(value, {"of": entries, "plus": rational})
    demand(row["plus"] or len(row["of"]) > 1, "found a sum that is one class or zero, expected the shorter row")
    return Row("sum", 0, row["plus"], row["of"])


def sign_facts(value: Any) -> list[tuple[str, int, Fraction]]:
    """A list of [tensor, class, positive rational], tensors and classes strictly ascending."""
    facts: list[tuple[str, int, Fraction]] = fit(value, [(str, int, rational)])
    demand(all(a[:2] < b[:2] for a, b in itertools.pairwise(facts)), "found classes that do not ascend")
    demand(all(tensor and b > 0 for tensor, _, b in facts), "found no name, or a multiplier that is not positive")
    return facts


def relation(value: Any) -> dict[str, Any]:
    """A relation of the original."""
    over = {"over": str} if type(value) is dict and "over" in value else {}
    return {"over": None, **fit(value, {"rows": [read_row], **over})}


def digest(value: Any) -> str:
    """A SHA-256."""
    demand(type(value) is str and re.fullmatch("[0-9a-f]{64}", value), f"found {value!a:.80}, expected a SHA-256")
    return str(value)


def enclosure(value: Any) -> tuple[Fraction, Fraction]:
    """A rational, or two between which a number lies that need not be one: both ends."""
    low, high = fit(value, (rational, rational)) if type(value) is list else [rational(value)] * 2
    demand(low < high or type(value) is not list, "found ends that do not ascend")
    return low, high


def everywhere_or(grammar: Any) -> Callable[[Any], Any]:
    """The grammar of a domain: all reals, or what another grammar reads."""
    return lambda value: value if value == "all reals" else fit(value, grammar)


FORMATS = ("onnx", "onnx.gz", "nnet", "json")
FILE = {"format": one_of(*FORMATS), "sha256": digest, "tensors": {str: digest}, "external": {str: digest}}
HEAD = {"format": one_of("exactlump certificate"), "version": int}
CLAIM: dict[str, Any] = {
    "criterion": one_of("exact"),
    "domain": one_of("all reals"),
    "specification": one_of(*SPECIFICATIONS),
}
MATCH = {"match": {"inputs": one_of(*MATCHES), "outputs": one_of(*MATCHES)}}
END = optional(rational)
ON_BOXES = {
    "domain": {"boxes": [{str: [(END, END)]}]},
    "specification": one_of(*SPECIFICATIONS),
    "arithmetic": one_of("reals", "float32"),
    **MATCH,
}
CLAIMS: dict[str, dict[str, Any]] = {  # of version 2, by criterion
    "exact": {**CLAIM, **MATCH, "domain": everywhere_or({"boxes": [{str: [(END, END)]}]})},
    "approximate": {
        "criterion": str,
        "metric": one_of("max", "per-output", "l1", "margins"),
        "epsilon": [rational],
        **ON_BOXES,
    },
    "decision": {"criterion": str, "index": int, **ON_BOXES},
    "different": {"criterion": str, "specification": one_of(*SPECIFICATIONS), **MATCH},
}
CERTIFICATE = {
    **HEAD,
    "producer": str,
    "original": FILE,
    "reduced": FILE,
    "relations": {"original": {str: relation}, "reduced": {str: {"rows": [read_row]}}},
}


def read_certificate(content: bytes) -> dict[str, Any]:
    """A certificate in the grammar of its version; that of version 2 depends on the criterion of its claim."""
    value = fit(read_json(content), dict)
    version = fit({key: value[key] for key in HEAD if key in value}, HEAD)["version"]
    support(version in VERSIONS_READ, f"version: found {version}, expected one of {VERSIONS_READ}")
    claim, evidence = CLAIM, dict[str, Any]()
    if version == 2:
        criterion = fit(fit(value.get("claim"), dict).get("criterion"), one_of(*CLAIMS))
        claim = CLAIMS[criterion]
        more = {"shapes": {str: [optional(positive)]}, "dust": rational}
        if criterion == "exact":
            claim = {**claim, **{key: more[key] for key in more if key in value["claim"]}}
        if criterion == "different":
            evidence = {"input": {str: [rational]}, "outputs": {side: [enclosure] for side in SIDES}}
        elif criterion != "exact":
            evidence = {"trees": [read_tree]}
        elif "opaque" in value or "assumes" in value:
            evidence = {"opaque": {"operators": {str: int}, "domains": [str]}, "assumes": [(str, str, str, str)]}
    document: dict[str, Any] = fit(value, {**CERTIFICATE, "claim": claim, **evidence})
    for row in rows_of(document) if version == 1 else ():
        known = row.kind in ("class", "sum", "free", "same") and not row.tensor
        demand(known, f"found the row {row.kind!a}, expected one of version 1")
    return document


def rows_of(document: dict[str, Any]) -> Iterator[Row]:
    """All rows of a certificate."""
    for side in SIDES:
        for entry in document["relations"][side].values():
            yield from entry["rows"]


# --- Forms --------------------------------------------------------------------------------------------


class Forms(NamedTuple):
    """The forms of a tensor over one denominator: for each unit its atoms and integers of at most so many bits."""

    denominator: int
    bits: int
    of: Callable[[int], list[tuple[int, int]]]
    first: int | None = None  # where unit v is the atom `first` + v


def atoms(first: int) -> Forms:
    """The forms of a tensor whose unit v is the atom `first` + v."""
    return Forms(1, 1, lambda v: [(first + v, 1)], first)


def affine(form: Form, factor: Fraction, constant: Fraction) -> Form:
    """factor * form + constant."""
    terms, d = form
    if factor != 1:
        terms, d = {atom: n * factor.numerator for atom, n in terms.items()}, d * factor.denominator
    if constant:
        whole = common((d, constant.denominator), 1 + len(terms))
        terms = dict(terms) if whole == d else {atom: n * (whole // d) for atom, n in terms.items()}
        terms[0], d = terms.get(0, 0) + constant.numerator * (whole // constant.denominator), whole
    return {atom: n for atom, n in terms.items() if n} if 0 in terms.values() else terms, d


def is_multiple(form: Form, c: Fraction, other: Form) -> bool:
    """Whether form = c * other, for c not 0."""
    (terms, d), (others, e) = form, other
    x, y = c.denominator * e, c.numerator * d
    divisor = math.gcd(x, y)
    x, y = x // divisor, y // divisor
    if x == y:
        return terms == others
    return terms.keys() == others.keys() and all(n * x == others[atom] * y for atom, n in terms.items())


def weight(form: Form) -> Fraction:
    """The sum of the sizes of the coefficients: of c times a form, |c| times as much."""
    return Fraction(sum(map(abs, form[0].values())), form[1])


def has_free(form: Form) -> bool:
    """Whether a form contains a free unknown."""
    return min(form[0], default=0) < 0


class Atoms:
    """The atoms, and the work and the memory that are left for expanding derived tensors."""

    def __init__(self, weights: int) -> None:
        self.work, self.room = 200 * weights + 10**7, MAX_STORED
        self.next, self.free = 1, False  # whether there are free unknowns
        self.lifts: dict[Lift, Lifted] = {}
        self.positive = {0}  # the atoms of which it is known that they are nowhere negative

    def spend(self, work: int, room: int = 0, bits: int = 0) -> None:
        """Use some, with numbers of so many bits."""
        self.work, self.room = self.work - work * (1 + bits // 4096), self.room - room
        fits = min(self.work, self.room) >= 0 and bits <= MAX_BITS
        demand(fits, "the work exceeds the budget of 200 operations a weight", "unknown", "budget")

    def new(self, count: int, free: bool = False) -> int:
        """The first of so many new atoms."""
        first, self.next, self.free = self.next, self.next + count, self.free or free
        return -first if free else first

    def lifted(self, lift: Lift) -> "Lifted":
        """The table of a lift."""
        if lift not in self.lifts:
            self.spend(4, room=8)
            self.lifts[lift] = Lifted(self, lift.keeps)
        return self.lifts[lift]


class Lifted(dict[int, int]):
    """What a lift makes of each atom: another atom, made when it is first asked for."""

    def __init__(self, atoms: Atoms, keeps: bool) -> None:
        super().__init__({0: 0} if keeps else {})
        self.atoms = atoms

    def __missing__(self, atom: int) -> int:
        self.atoms.spend(1, room=2)
        self[atom] = made = self.atoms.new(1, atom < 0)
        if atom in self.atoms.positive:  # every lift takes images that are nowhere negative to such
            self.atoms.positive.add(made)
        return made


class Half:
    """The forms of one network's tensors, as far as its nodes are done."""

    def __init__(self, side: str, network: Network, atoms: Atoms) -> None:
        self.side, self.network, self.atoms = side, network, atoms
        self.known: dict[str, Forms] = {}  # inputs, anchored tensors, derived ones that feed nodes with rows

    def form(self, tensor: str, v: int) -> Form:
        """The form of a unit."""
        if tensor not in self.known:
            return self.before(tensor, v)
        forms = self.known[tensor]
        return dict(forms.of(v)), forms.denominator

    def before(self, tensor: str, v: int) -> Form:
        """P(v): the form that the node of a tensor gives to a unit, before any function."""
        factor, constant = ONE, ZERO  # of what the steps walked so far make of the tensor reached
        while True:
            node = self.network.nodes[tensor]
            if node.row is not None:
                return affine(self.mixed(node, v), factor, constant)
            v, c, b = node.step(v)
            factor, constant = factor * c, factor * b + constant
            numbers = (factor.numerator, factor.denominator, constant.numerator, constant.denominator)
            bits = max(map(int.bit_length, numbers))
            self.atoms.spend(1 + bits // 64, bits=bits)
            (tensor,) = node.sources
            if tensor in self.known:
                return affine(self.form(tensor, v), factor, constant)

    def mixed(self, node: Node, v: int) -> Form:
        """The form of a unit of a node that has rows."""
        assert node.row is not None
        columns, integers, d, bias = node.row(v)
        if not node.sources:
            return affine(({}, 1), ONE, bias)
        below = [self.known[name] for name in node.sources]
        e, lift = below[0].denominator, None
        if node.place is None:
            first, units, numbers = below[0].first, [*columns], [*integers]
            terms = {} if first is None else dict(zip(map(first.__add__, units), numbers, strict=True))
            if len(terms) == len(numbers):  # the usual case, in short
                self.atoms.spend(1 + len(terms))
            else:
                terms = self.total(zip(map(below[0].of, units), numbers, strict=True), below[0].bits)
            return affine((terms, d * e), ONE, bias)
        e = common((forms.denominator for forms in below), len(below))
        parts = []
        for column, w in zip(columns, integers, strict=True):
            i, u, lift = node.place(column)
            entry = below[i].of(u)
            if lift is not None:
                lifted = self.atoms.lifted(lift)
                entry = [(lifted[atom], n) for atom, n in entry]
            parts.append((entry, w * (e // below[i].denominator)))
        terms = self.total(parts, max(forms.bits for forms in below) + e.bit_length())
        if lift is not None and lift.name == "put":
            self.level(terms, lift.over)
        return affine((terms, d * e), ONE, bias)

    def level(self, terms: dict[int, int], positions: int) -> None:
        """An image whose elements have all the same constant has that constant."""
        ones = [self.atoms.lifted(Lift("put", positions, p, False)).get(0, 0) for p in range(positions)]
        if len({terms.get(atom, 0) if atom else 0 for atom in ones}) == 1:
            constant = terms.get(ones[0], 0)
            for atom in ones:
                terms.pop(atom, None)
            terms[0] = constant

    def total(self, parts: Iterable[tuple[list[tuple[int, int]], int]], bits: int) -> dict[int, int]:
        """The sum of integers times forms."""
        terms: dict[int, int] = {}
        work = 1
        for entry, w in parts:
            work += len(entry)
            for atom, n in entry:
                terms[atom] = terms.get(atom, 0) + w * n
        self.atoms.spend(work, bits=bits)
        return terms

    def listed(self, forms: Iterable[tuple[int, Form]]) -> Forms:
        """Forms to keep, by unit or class."""
        kept: dict[int, Form] = {}
        for v, form in forms:
            self.atoms.spend(1, room=1 + len(form[0]))
            kept[v] = form
        count = sum(len(terms) for terms, _ in kept.values())
        d = common({e for _, e in kept.values()}, 1 + count)
        self.atoms.spend(1, room=count * (d.bit_length() // 512))
        result = {v: [(atom, n * (d // e)) for atom, n in terms.items()] for v, (terms, e) in kept.items()}
        bits = max((n.bit_length() for entry in result.values() for _, n in entry), default=0)
        self.atoms.spend(1, bits=bits)
        return Forms(d, bits, result.__getitem__)

    def prepare(self, node: Node) -> None:
        """Expand the derived tensors that feed a node with rows."""
        for name in node.sources if node.row is not None else ():
            if name not in self.known:
                self.known[name] = self.listed((v, self.before(name, v)) for v in range(self.network.units[name]))


# --- The rules ----------------------------------------------------------------------------------------


def is_fresh(n: Product, network: Network) -> bool:
    """Whether a size is a symbol of its own, that no other size is known to be equal to."""
    (symbol, *others), inputs = n.symbols, network.symbols.values()
    return not others and n.number == 1 and symbol not in inputs and symbol.same is None and not symbol.of


class Anchor(NamedTuple):
    """The classes of an anchored tensor of N': class k is the atom `first` + k; `leader` gives its unit and the c."""

    first: int
    classes: int
    leader: Callable[[int], tuple[int, Fraction]]


class Checker:
    """The rules of docs/certificate-format.md, section by section; each stops where it fails.

    exact      whether the first axis of inputs and outputs is part of what is said, and not each item of it alone
    on_domain  the bounds of N alone on the domain of the claim, by the tensor that a function defines: of each element
               before that
    """

    def __init__(
        self,
        original: Network,
        reduced: Network,
        relations: dict[str, Any],
        on_domain: dict[str, tuple[list[int], list[int]]] = NOWHERE,
    ) -> None:
        self.on_domain = on_domain
        self.atoms = Atoms(original.weights + reduced.weights)
        self.original, self.reduced = Half("original", original, self.atoms), Half("reduced", reduced, self.atoms)
        self.relations, self.anchors, self.bounds = relations, dict[str, Anchor](), False
        self.signs = any(row.kind in ("linear", "zero") for row in rows_of({"relations": relations}))
        inputs = [network.views[name] for network in (original, reduced) for name in network.inputs]
        mixes = any(network.mixes or network.depends() for network in (original, reduced))
        self.exact = mixes or not all(known(view.dims) for view in inputs)
        self.partners: dict[Given, Given] = {}

    def run(self) -> None:
        """All rules."""
        self.check_names()
        self.check_inputs()
        over = {relation["over"] for relation in self.relations["original"].values()}
        for tensor, node in self.reduced.network.nodes.items():
            self.reduced.prepare(node)
            if node.given:
                self.reduced.known[tensor] = atoms(self.atoms.new(1))
            elif node.kind != "affine" or tensor in over or tensor in self.relations["reduced"]:
                self.reduced_tensor(tensor, node)
        needed = self.original.network.needed(self.relations["original"])
        for tensor, node in self.original.network.nodes.items():
            if tensor not in needed:
                continue
            self.original.prepare(node)
            if node.given:
                self.original.known[tensor] = self.reduced.known[self.partner(*node.given)]
            elif tensor in self.relations["original"]:
                self.original_tensor(tensor, node, **self.relations["original"][tensor])
            else:
                hold("relation", node.kind == "affine", f"original {tensor!a}: found no relation, expected one")
        self.check_outputs()

    def check_names(self) -> None:
        """Every tensor named in `relations` exists and is of a kind that may have one."""
        for half in (self.original, self.reduced):
            for tensor, entry in self.relations[half.side].items():
                with about(f"{half.side} {tensor!a}"):
                    node, rows, over = half.network.nodes.get(tensor), entry["rows"], entry.get("over")
                    hold("relation", node, "no node defines this tensor")
                    view, theirs = half.network.views[tensor], self.reduced.network.views
                    hold("row-count", len(rows) == view.units, f"found {len(rows)} rows, expected {view.units}")
                    hold("relation", not (node and node.given), "an opaque tensor has no relation")
                    allowed = half is self.original or (node and node.kind != "head")
                    hold("head", allowed, "a head of the reduced network may not have a relation")
                    if over is not None:
                        there = over in self.reduced.network.nodes
                        hold("over", there, f"`over` names {over!a:.60}, which no node defines")
                        given = self.reduced.network.nodes[over].given
                        hold("over", not given, f"`over` names {over!a:.60}, which is opaque")
                        self.check_grids(theirs[over], view, over, self.exact)
                        needed = any((row.kind in ("class", "twin") and not row.tensor) or row.terms for row in rows)
                        hold("over", needed, "found `over` though no row names a class")
                    for row in rows:
                        for name in (row.tensor, *(name for name, *_ in row.facts)):
                            self.check_named(name, view)

    def check_named(self, name: str, view: View) -> None:
        """A tensor whose classes a row names, besides those of the relation's own."""
        if name:
            reduced = self.reduced.network
            known = name in reduced.nodes and reduced.nodes[name].kind != "head"
            hold("over", known, f"a row names {name!a:.60}, which no node defines, or a head")
            hold("over", not reduced.nodes[name].given, f"a row names {name!a:.60}, which is opaque")
            self.check_grids(reduced.views[name], view, name, self.exact)
            hold("over", not self.bounds, "a row names a tensor, expected none where there are bounds")

    def check_grids(self, theirs: View, ours: View, over: str, later: bool) -> None:
        """Units of two tensors have as many positions; `later`: symbols are not compared yet."""
        sizes = [(product(view.lead) if self.exact else 1) * view.positions for view in (theirs, ours)]
        same = sizes[0] == sizes[1] or (later and not known(sizes))
        hold("over", same, f"`over` names {over!a:.60}, which has images of another size")

    def check_inputs(self) -> None:
        """Rule 1."""
        original, reduced = self.original.network, self.reduced.network
        if self.exact:
            self.check_sizes([(original.views[a], reduced.views[b]) for a, b in self.pairs("inputs")])
        hold("input", original.sizes("inputs") == reduced.sizes("inputs"), "inputs: their numbers of elements differ")
        for ours, theirs in self.pairs("inputs"):
            self.original.known[ours] = self.reduced.known[theirs] = atoms(self.atoms.new(reduced.units[theirs]))

    def pairs(self, what: str) -> Iterator[tuple[str, str]]:
        """The inputs or outputs of N with those of N'."""
        return zip(getattr(self.original.network, what), getattr(self.reduced.network, what), strict=True)

    def check_sizes(self, pairs: Sequence[tuple[View, View]]) -> None:
        """The inputs have equal shapes, the symbols of N' being renamed; each is one of N, and then is that one."""
        names: dict[Symbol, Symbol] = {}
        for ours, theirs in pairs:
            shapes = (*ours.lead, *ours.dims), (*theirs.lead, *theirs.dims)
            found = f"inputs: found the shapes {[*shapes[0]]} and {[*shapes[1]]}, expected one, symbols renamed"
            hold("input", len(shapes[0]) == len(shapes[1]), found)
            for n, m in zip(*shapes, strict=True):
                if known((n, m)):
                    hold("input", n == m, found)
                    continue
                hold("input", not known((n,)) and not known((m,)), found)
                (symbol,), (other,) = n.symbols, m.symbols
                hold("input", names.setdefault(symbol, other) is other, found)
        hold("input", len({*names.values()}) == len(names), "inputs: one symbol of the reduced network is two")
        for symbol, other in names.items():
            symbol.same = other

    def partner(self, given: Given, place: int) -> str:
        """Rule 6: the tensor of N' that an output of an opaque node of N is equal to."""
        if given not in self.partners:
            reason = "no opaque node of the reduced network is the same operator"
            for other in sorted(self.reduced.network.given, key=lambda other: other.outputs != given.outputs):
                with contextlib.suppress(KeyError):
                    reason = self.difference(given, other)
                    if not reason:
                        self.partners[given] = other
                        break
            hold(
                "opaque",
                given in self.partners,
                f"original {next(iter(given.outputs.values()))!a} ({given.name}): {reason}",
            )
        return self.partners[given].outputs[place]

    def difference(self, given: Given, other: Given) -> str:
        """Why two opaque nodes are not known to be equal; nothing: they are, and so are the sizes of their outputs."""
        self.atoms.spend(1)
        if given.words != other.words or len(given.sources) != len(other.sources):
            return "no opaque node of the reduced network is the same operator, with equal attributes and constants"
        if given.types != other.types:
            return "element types differ"
        original, reduced = self.original.network, self.reduced.network
        for ours, theirs in zip(given.sources, other.sources, strict=True):
            if original.views[ours].placed != reduced.views[theirs].placed:
                return f"the shapes of {ours!a} and {theirs!a} differ, or their channels"
            for v in range(original.units[ours]):
                form, equal = self.original.form(ours, v), self.reduced.form(theirs, v)
                self.atoms.spend(1 + len(form[0]))
                if has_free(form) or has_free(equal) or not is_multiple(form, ONE, equal):
                    return f"unit {v} of {ours!a} has another form than that of {theirs!a}, or a free unknown"
        names: dict[Symbol, Symbol] = {}
        for place, name in given.outputs.items():
            views = original.views[name], reduced.views[other.outputs[place]]
            shapes = [(*view.lead, *view.dims) for view in views]
            if len(shapes[0]) != len(shapes[1]) or len(views[0].lead) != len(views[1].lead):  # or one is not known
                return f"the shapes of {name!a} differ"
            for n, m in zip(*shapes, strict=True):
                fresh = not known((n, m)) and isinstance(n, Product) and isinstance(m, Product)
                fresh = fresh and is_fresh(n, original) and is_fresh(m, reduced)
                if n != m and not (fresh and names.setdefault(n.symbols[0], m.symbols[0]) is m.symbols[0]):
                    return f"the shapes of {name!a} differ"
        if len({*names.values()}) < len(names):
            return "two sizes of an output are one in the reduced network"
        for symbol, same in names.items():
            symbol.same = same
        return ""

    def reduced_tensor(self, tensor: str, node: Node) -> None:
        """Rule 2, for an anchored tensor."""
        entry, leaders = self.relations["reduced"].get(tensor), dict[int, tuple[int, Fraction]]()
        for v, row in enumerate(entry["rows"] if entry is not None else ()):
            if row.kind == "class" and not row.tensor and row.of not in leaders:
                scalings = taken_to(node.function(v), row.number)
                hold("ratio", scalings, f"reduced {tensor!a} unit {v}: its function takes nothing to its ratio")
                leaders[row.of] = v, scalings[0]
        gapless = all(k in leaders for k in range(len(leaders)))
        hold("class-exists", gapless, f"reduced {tensor!a}: its {len(leaders)} classes are not 0, 1, ...")
        classes = self.reduced.network.units[tensor] if entry is None else len(leaders)
        first = self.atoms.new(classes)
        anchor = Anchor(first, classes, leaders.__getitem__ if entry is not None else lambda k: (k, ONE))
        self.anchors[tensor] = anchor
        for k in range(anchor.classes) if self.atoms.free else ():
            free = has_free(self.reduced.before(tensor, anchor.leader(k)[0]))
            hold("free", not free, f"reduced {tensor!a}: the form of class {k} has a free unknown")
        self.atoms.positive.update(first + k for k in range(classes) if self.signs and self.is_positive(tensor, k))
        if entry is None:
            self.reduced.known[tensor] = atoms(first)
        else:
            self.check_rows(self.reduced, tensor, entry["rows"], tensor)

    def original_tensor(self, tensor: str, node: Node, rows: list[Row], over: str | None) -> None:
        """Rules 3 and 4."""
        other = None if over is None else self.reduced.network.nodes[over]
        if over is not None:
            views = self.reduced.network.views[over], self.original.network.views[tensor]
            self.check_grids(*views, over, later=False)
        if node.kind == "head" or (other is not None and other.kind == "head"):
            same = other is not None and other.function(0) == node.function(0)
            same = same and len(rows) == self.reduced.network.units[over or ""]
            same = same and all(row == Row("class", v, ONE) for v, row in enumerate(rows))
            hold("head", same, f"original {tensor!a}: a head goes with a head of the same kind and size, unit by unit")
        self.check_rows(self.original, tensor, rows, over)
        if other is not None and node.function(0) == ("argmax", ()):
            units = self.original.network.units[node.sources[0]], self.reduced.network.units[other.sources[0]]
            hold("head", units[0] == units[1], f"original {tensor!a}: the numbers of units below it differ")
            self.check_equal(node.sources[0], other.sources[0], f"below {tensor!a}:", "head", "head")

    def check_equal(self, ours: str, theirs: str, place: str, equal: str, free: str) -> None:
        """The units of two tensors have equal forms without free unknowns; else that rule is broken."""
        for v in range(self.original.network.units[ours]):
            self.atoms.spend(10)
            with about(f"{place} {ours!a} unit {v}"):
                form, other = self.original.form(ours, v), self.reduced.form(theirs, v)
                hold(free, not has_free(form) and not has_free(other), "its form has a free unknown")
                hold(equal, is_multiple(form, ONE, other), "its form differs from that of the reduced network")

    def check_outputs(self) -> None:
        """Rule 5."""
        original, reduced = self.original.network, self.reduced.network
        same = original.sizes("outputs") == reduced.sizes("outputs")
        hold("output", same, "outputs: their numbers of elements differ")
        orders = [[network.views[name].order for name in network.outputs] for network in (original, reduced)]
        hold("output", orders[0] == orders[1], "outputs: their channels lie in another order")
        leads = [[product(network.views[name].lead) for name in network.outputs] for network in (original, reduced)]
        hold("output", not self.exact or leads[0] == leads[1], "outputs: their shapes differ")
        for ours, theirs in self.pairs("outputs"):
            self.check_equal(ours, theirs, "output", "output", "free")

    def is_positive(self, tensor: str, k: int) -> bool:
        """Whether a class of N' is known to be nowhere negative."""
        form, function = self.class_form(tensor, k)
        kept = function == IDENTITY or function[0] == "max_pool"
        return never_negative(function) or (kept and self.known_sign(form, ONE, ()))

    def known_sign(self, form: Form, sign: Fraction, facts: Sequence[tuple[str, int, Fraction]]) -> bool:
        """Whether sign times a form is >= 0 everywhere: it is so many times what ReLUs are more than their forms, plus
        a sum, with coefficients >= 0, of atoms that are nowhere negative."""
        parts = [(sign, form)]
        for tensor, k, b in facts:
            below, function = self.class_form(tensor, k)
            hold("sign", function == RELU, f"found class {k} of {tensor!a} as a fact, which is no ReLU")
            parts += [(b, below), (-b, ({self.anchors[tensor].first + k: 1}, 1))]
        self.atoms.spend(1 + sum(len(terms) for _, (terms, _) in parts))
        terms, _ = combination(parts)
        return all(n > 0 and atom in self.atoms.positive for atom, n in terms.items())

    def check_bent(self, form: Form, function: Function, row: Row) -> Form:
        """A `linear` or a `zero` row: the form that it leaves."""
        if row.kind == "linear":
            hold("activation", line_above(function), "its function is not the identity from 0 on")
            hold("sign", self.known_sign(form, ONE, row.facts), "its form is not known to be >= 0")
            return form
        hold("activation", zero_below(function), "its function is not 0 up to 0")
        hold("sign", self.known_sign(form, -ONE, row.facts), "its form is not known to be <= 0")
        return {}, 1

    def check_on_domain(self, half: Half, tensor: str, v: int, row: Row) -> Form:
        """A row on the domain: the form that it leaves.  Only of N, whose bounds rest on nothing of N'."""
        known = half is self.original and tensor in self.on_domain
        hold("domain", known, "found a row on a domain, expected one only of functions of the original on a domain")
        images, (lows, highs) = half.network.views[tensor].positions, self.on_domain[tensor]
        elements, function = slice(v * images, (v + 1) * images), half.network.nodes[tensor].function(v)
        if row.kind == "linear on domain":
            hold("activation", line_above(function), "its function is not the identity from 0 on")
            hold("domain", min(lows[elements]) >= 0, "its form is not known to be >= 0 on the domain")
            return half.before(tensor, v)
        hold("activation", zero_below(function), "its function is not 0 up to 0")
        hold("domain", max(highs[elements]) <= 0, "its form is not known to be <= 0 on the domain")
        return {}, 1

    def check_rows(self, half: Half, tensor: str, rows: list[Row], over: str | None) -> None:
        """Check every unit against its row, those of one class together; then its form is what the row says."""
        node, last, found = half.network.nodes[tensor], Row(""), dict[int, Form]()
        summands = self.summands(half, tensor, {k for row in rows for k, _ in row.terms}, over)
        for v in sorted(range(len(rows)), key=lambda v: rows[v].group):
            row = rows[v]
            with about(f"{half.side} {tensor!a} unit {v}"):
                if row.group != last.group and row.kind in ("class", "twin"):
                    other, function = self.class_form(row.tensor or over, row.of)
                elif row.group != last.group and row.kind in ("same", "mirror"):
                    free = row.of < len(rows) and rows[row.of].kind == "free"
                    hold("same", free, f"found unit {row.of}, which is not free")
                    other, function = half.before(tensor, row.of), node.function(row.of)
                last = row
                if row.kind == "sum":
                    self.check_sum(half.before(tensor, v), node.function(v), row, half, summands)
                elif row.kind in ("linear", "zero"):
                    found[v] = self.check_bent(half.before(tensor, v), node.function(v), row)
                elif row.kind in ("zero on domain", "linear on domain"):
                    found[v] = self.check_on_domain(half, tensor, v, row)
                elif row.kind != "free":
                    hold("activation", node.function(v) == function, "its function is not that of its class")
                    scalings = taken_to(function, row.number)
                    hold("ratio", scalings, "its function takes no scaling to its ratio")
                    form = half.before(tensor, v)
                    if row.kind in ("twin", "mirror"):  # sigma(-c*y) = sigma(c*y) - L*c*y
                        law = twin_law(function)
                        hold("twin", law is not None, f"{function[0]} has no twin law")
                        scalings = [-c for c in scalings]
                        found[v] = affine(form, law or ZERO, ZERO)
                    if symmetry(function) in ("sign", "step") and form[0] and other[0]:
                        scalings = [scalings[0] * weight(form) / weight(other)]
                    same = any(is_multiple(form, c, other) for c in scalings)
                    hold("affine", same, "its form is not the claimed multiple")
        positive = [v for v, row in enumerate(rows) if row.kind == "free" and never_negative(node.function(v))]
        first = self.anchors[over].first if over else 0
        half.known[tensor] = half.listed(self.claimed(rows, first, found, positive))

    def class_form(self, over: str | None, k: int) -> tuple[Form, Function]:
        """The form and the function of a class."""
        exists = over in self.anchors and k < self.anchors[over].classes
        hold("class-exists", exists, f"found class {k}, which does not exist")
        assert over is not None
        leader, c = self.anchors[over].leader(k)
        return affine(self.reduced.before(over, leader), 1 / c, ZERO), self.reduced.network.nodes[over].function(leader)

    def summands(self, half: Half, tensor: str, classes: set[int], over: str | None) -> Forms:
        """The forms of the classes that the sums of a relation name."""
        forms = {}
        for k in classes:
            with about(f"{half.side} {tensor!a}"):
                hold("of", half.network.nodes[tensor].kind == "affine", "a sum of classes is for affine tensors only")
                form, function = self.class_form(over, k)
                hold("activation", function == IDENTITY, f"class {k} is not affine")
                forms[k] = form
        return half.listed(forms.items())

    def check_sum(self, form: Form, function: Function, row: Row, half: Half, summands: Forms) -> None:
        """T4, T5: `null` and `of` rows."""
        if row.terms:
            integers, d = over_common(c for _, c in row.terms)
            parts = zip((summands.of(k) for k, _ in row.terms), integers, strict=True)
            terms = half.total(parts, summands.bits)
            total = affine((terms, d * summands.denominator), ONE, row.number)
            hold("affine", is_multiple(form, ONE, total), "its form is not the claimed sum")
            return
        hold("constant", form[0].keys() <= {0}, "its form is not a constant")
        value = value_at(function, Fraction(form[0].get(0, 0), form[1]))
        hold("constant", value == row.number, "its value is not known to be the claimed constant")

    def claimed(
        self, rows: list[Row], first: int, found: dict[int, Form] = NOTHING, positive: Iterable[int] = ()
    ) -> Iterator[tuple[int, Form]]:
        """The forms that the rows claim; the free unknowns are new atoms of this tensor.

        found     of linear units their forms, of twins what is added to the multiple of a class
        positive  the free units whose functions have no negative values
        """
        base = self.atoms.new(len(rows), free=True) if any(row.kind == "free" for row in rows) else 0
        self.atoms.positive.update(base - v for v in positive)
        for v, row in enumerate(rows):
            if row.kind == "sum":
                (plus, *integers), d = over_common([row.number, *(c for _, c in row.terms)])
                terms = {first + k: n for (k, _), n in zip(row.terms, integers, strict=True)}
                yield v, ({**terms, 0: plus} if plus else terms, d)
            elif row.kind in ("linear", "zero", "linear on domain", "zero on domain"):
                yield v, found[v]
            elif row.kind == "free":
                yield v, ({base - v: 1}, 1)
            else:
                own = self.anchors[row.tensor].first if row.tensor else first
                atom = own + row.of if row.kind in ("class", "twin") else base - row.of
                form = {atom: row.number.numerator}, row.number.denominator
                yield v, combination([(ONE, form), (ONE, found[v])]) if v in found else form


# --- The whole check ----------------------------------------------------------------------------------


def check_files(document: dict[str, Any], networks: Sequence[Network]) -> None:
    """The certificate is about these files."""
    for side, network in zip(SIDES, networks, strict=True):
        for what, claimed in document[side].items():
            found = getattr(network, what)
            same = found == claimed
            if isinstance(found, dict):
                what += f": {sorted({key for key, _ in found.items() ^ claimed.items()})!a:.200}"
            hold("hash", same, f"{side}: the certificate is about another file: another {what}")
    specification = document["claim"]["specification"]
    need, fits = "has batch normalisation", specification == "as stored" or any(network.rooted for network in networks)
    if specification == "raw nnet":
        need, fits = "is .nnet", any(network.format == "nnet" for network in networks)
    hold("claim", fits, f"claim: the specification is {specification!r}, but no file {need}")


def match(networks: Sequence[Network], claimed: dict[str, str] | None) -> str:
    """Put the inputs and outputs of N' in the order of those of N that they are; what is to be said of that.

    claimed: how they are matched; None in certificates of version 1: by position.
    """
    said, named = [], all(network.format != "nnet" for network in networks)
    for what in ("inputs", "outputs"):
        ours, theirs = (getattr(network, what) for network in networks)
        hold(what[:-1], len(ours) == len(theirs), f"{what}: found {len(theirs)}, expected {len(ours)}")
        found, order = matched(ours, theirs, named)
        claim = claimed[what] if claimed else found
        if claim == "position as demanded" and order != theirs:
            found, order = claim, theirs
        same = found == claim and (claimed or order == theirs)
        words = claim if claimed else "position", found or "nothing"
        hold("match", same, f"{what}: the certificate matches them by {words[0]}, their names by {words[1]}")
        setattr(networks[1], what, order)
        said += [f"{what} {BY_POSITION[found]}"] if found in BY_POSITION else []
    others = other_axes(networks) if named else ""
    return (f"; matched: {', '.join(said)}" if said else "") + others


def other_axes(networks: Sequence[Network]) -> str:
    """Which inputs and outputs have other axes in N': the claim is about their elements, in row-major order."""
    names = [[*network.inputs, *network.outputs] for network in networks]
    views = [[network.views[name] for name in own] for network, own in zip(networks, names, strict=True)]
    found = []
    for name, one, other in zip(names[0], *views, strict=True):
        same = (len(one.lead), len(one.dims)) == (len(other.lead), len(other.dims))
        same = same and all(n == m or not known((n, m)) for n, m in zip(one.dims, other.dims, strict=True))
        found += [] if same else [f"{name!a:.40} {shape_words(one)} and {shape_words(other)}"]
    return f"; element by element, as axes differ: {', '.join(found[:4])}" if found else ""


def matched(ours: list[str], theirs: list[str], named: bool) -> tuple[str, list[str]]:
    """How the names say that they are matched, and the second ones in the order of the first: none if they do not."""
    if not named or len(ours) == len(theirs) == 1:
        return "one", theirs
    if {*ours} == {*theirs}:
        return "name", ours
    return ("", []) if {*ours} & {*theirs} else ("position", theirs)


def one_line(message: str) -> str:
    """The message in printable ASCII, cut to a readable length."""
    return "".join(c if c.isascii() and c.isprintable() else ascii(c)[1:-1] for c in message[:800])


def assumed(networks: Sequence[Network]) -> tuple[dict[str, Any], list[tuple[str, ...]]]:
    """The opaque operators on which outputs depend, counted in N; and what is assumed of what they make."""
    operators, domains, found = dict[str, int](), set[str](), list[tuple[str, ...]]()
    for side, network in zip(SIDES, networks, strict=True):
        for given in network.depends():
            free = given.domain in FREE_DOMAINS and given.name.rpartition(":")[2] in QONNX
            domains |= set() if free else {given.domain} - {"", "ai.onnx.ml"}
            if side == SIDES[0]:
                operators[given.name] = operators.get(given.name, 0) + 1
            for kind, name in zip(given.types, given.outputs.values(), strict=False):
                found.append((side, name, TYPES.get(kind, "?"), shape_words(network.views[name])))
    return {"operators": operators, "domains": sorted(domains)}, sorted(found)


def shape_words(view: View) -> str:
    """A shape in words: symbols by the names that the file gives them."""
    if not view.lead and not known(view.dims):
        return "?"
    words = [
        str(n) if isinstance(n, int) or all(x.name not in ("", "?") and not x.of for x in n.symbols) else "?"
        for n in (*view.lead, *view.dims)
    ]
    return f"[{','.join(words)}]"


def check_opaque(document: dict[str, Any], networks: Sequence[Network]) -> str:
    """The certificate says which operators are taken as given functions; what is to be said of them."""
    opaque, assumes = assumed(networks)
    claimed = document.get("opaque", {"operators": {}, "domains": []})
    hold("opaque", claimed == opaque, f"opaque: found {claimed}, expected {opaque}")
    found = document.get("assumes", [])
    difference = sorted({*found} ^ {*assumes}) or [*found, "and", *assumes]
    hold("assumes", found == assumes, f"assumes: the files say something else of {difference[:2]!a:.200}")
    if not assumes:
        return ""
    count, names = sum(opaque["operators"].values()), sorted({name.split(":")[1] for name in opaque["operators"]})
    words = (
        f"{count} opaque operator{'s' * (count != 1)} taken as given function{'s' * (count != 1)} ({', '.join(names)})"
    )
    return f"{words}{', of ' + ', '.join(opaque['domains']) if opaque['domains'] else ''}, "


def stated(document: dict[str, Any]) -> GivenShapes:
    """The shapes of inputs that a claim states."""
    found: GivenShapes = document["claim"].get("shapes", {})
    return found


def check_shapes(shapes: GivenShapes, networks: Sequence[Network]) -> None:
    """Every shape that is stated is of an input of a file, and states something."""
    names = {name for network in networks if network.format in ("onnx", "onnx.gz") for name in network.inputs}
    for name, shape in shapes.items():
        hold("shapes", name in names, f"shapes: no file has the input {name!a:.60}")
        hold("shapes", any(shape), f"shapes: input {name!a:.60}: found no size")


def check_dust(dust: Fraction, networks: Sequence[Network]) -> None:
    """What a claim reads as 0 is in the original only."""
    hold("dust", dust >= 0, "dust: found a negative number")
    found = networks[1].dust
    hold("dust", not found, f"reduced: found dust in {[*found][:3]!a:.80}, expected none")


def without_dust(claim: dict[str, Any], network: Network) -> str:
    """What the original is read without, in words."""
    if "dust" not in claim:
        return ""
    p, q = claim["dust"].as_integer_ratio()
    words = f"1e-{len(str(q)) - 1}" if p == 1 and str(q).strip("0") == "1" else f"{p}/{q}"
    return f"with {sum(network.dust.values())} numbers smaller than {words} read as 0, "


def sized(shapes: GivenShapes) -> str:
    """Which inputs a claim is about, in words: none where it states no shape."""
    words = (f"{name}={'x'.join('?' if n is None else str(n) for n in shape)}" for name, shape in shapes.items())
    return f"only at inputs of the shapes {', '.join(words)}, " if shapes else ""


def check_classic(networks: Sequence[Network]) -> None:
    """No operator is opaque, all sizes but the batch's are known, and nothing looks at the batch."""
    for network in networks:
        classic = not network.given and all(known(view.dims) for view in network.views.values())
        support(classic and not network.mixes, "found opaque operators or symbols, expected none here")


def read_all(
    paths: Sequence[str], max_unpacked: int, domains: Iterable[str] = (), work: int = MAX_WORK
) -> tuple[dict[str, Any], list[Network], str]:
    """The certificate, the networks that it is about, and what is to be said of how they are matched."""
    *models, certificate = paths
    with about(certificate, BROKEN):
        document = read_certificate(read_file(certificate, max_unpacked))
    shapes, how = stated(document), (document["claim"]["specification"], max_unpacked, domains, work)
    dust = document["claim"].get("dust", ZERO)
    networks = [read_network(path, *how, shapes, dust) for path in models]
    check_shapes(shapes, networks)
    check_dust(dust, networks)
    if document["claim"]["criterion"] != "exact" or document["claim"]["domain"] != "all reals":
        check_classic(networks)
    check_files(document, networks)
    return document, networks, match(networks, document["claim"].get("match"))


def check(
    original: str,
    reduced: str,
    certificate: str,
    max_unpacked: int = MAX_UNPACKED,
    max_work: int = MAX_WORK,
    jobs: int = 1,
    domains: Iterable[str] = (),
) -> Verdict:
    """Whether the certificate shows what it claims of two network files."""
    paths = (original, reduced, certificate)
    return judge(lambda: read_all(paths, max_unpacked, domains, max_work), max_work, jobs, (paths, max_unpacked))


def judge(
    read: Callable[[], tuple[dict[str, Any], list[Network], str]],
    max_work: int = MAX_WORK,
    jobs: int = 1,
    setup: tuple[Any, ...] = (),
) -> Verdict:
    """Whether a certificate shows what it claims of two networks, as they are read; `setup`: see `Walk.run`."""
    try:
        document, networks, matching = read()
        claim = document["claim"]
        if claim["criterion"] == "different":
            reason = differing(document, networks) + matching
            return Verdict("different", one_line(reason), CODES["different"], "")
        if claim["criterion"] != "exact":
            Walk(document, networks, max_work).run(jobs, (walk_of, *setup))
            return Verdict("within", one_line(said(claim, networks[0]) + matching), 0, "")
        opaque = check_opaque(document, networks)
        if any(row.kind not in ("class", "sum", "free", "same") or row.tensor for row in rows_of(document)):
            check_classic(networks)
        bounds, where = bounds_on(claim, networks[0], max_work)
        checker = Checker(networks[0], networks[1], document["relations"], bounds)
        checker.run()
    except Stop as error:
        return Verdict(error.verdict, one_line(str(error)), CODES[error.verdict], error.rule)
    except (MemoryError, RecursionError) as error:
        return Verdict("unknown", f"the work exceeds this machine: {type(error).__name__}", 3, "budget")
    words = (
        f"{sized(stated(document))}{without_dust(claim, networks[0])}{where}{opaque}"
        f"{ALL_FEEDS if checker.exact else SCOPE}, "
        f"for the networks {SPECIFICATIONS[claim['specification']]}{matching}"
    )
    return Verdict("equivalent", words, 0, "")


def lift_words(lift: Any) -> list[Any]:
    """A lift in words that are equal where lifts are."""
    if isinstance(lift.over, Window):
        return [lift.name, window_words(lift.over), lift.number]
    return [lift.name, str(lift.over), lift.number]


def window_words(window: Window) -> str:
    """A window in words: the sizes of each field."""
    return " ".join("x".join(map(str, sizes)) for sizes in window[:7]) + " transposed" * window.transposed


def unit_words(network: Network, name: str, v: int) -> list[Any]:
    """How a unit is made: the function, its summands (source, unit, lift, weight), and the constant."""
    node = network.nodes[name]
    function, parameters = node.function(v)
    words = [function, *(window_words(p) if isinstance(p, Window) else str(p) for p in parameters)]
    if node.row is None:
        u, factor, constant = node.step(v)
        return [words, [[node.sources[0], u, None, str(factor)]] if factor else [], str(constant)]
    columns, integers, d, bias = node.row(v)
    places = [node.place(column) if node.place else (0, column, None) for column in columns]
    weights = [Fraction(w, d) for w, _ in zip(integers, places, strict=False)]
    parts = [
        [node.sources[i], u, lift and lift_words(lift), str(w)] for (i, u, lift), w in zip(places, weights, strict=True)
    ]
    return [words, sorted(parts, key=str), str(bias)]


def reading(network: Network) -> Iterator[str]:
    """What is read in a file, a line of JSON for each tensor and then one for each unit."""

    def described(name: str) -> dict[str, Any]:
        shape, *units = network.views[name].placed
        return {"tensor": name, "shape": [*map(str, shape)], "units": units}

    yield json.dumps({"inputs": [*map(described, network.inputs)], "outputs": network.outputs})
    for name, node in network.nodes.items():
        if node.given:
            given, place = node.given
            yield json.dumps({**described(name), "opaque": given.name, "output": place, "sources": node.sources})
            continue
        yield json.dumps({**described(name), "kind": node.kind})
        for v in range(network.units[name]):
            yield json.dumps(unit_words(network, name, v))


def show(argv: Sequence[str]) -> int:
    """`--network FILE`: what is read in a file; `--version`: the versions of certificates that are checked."""
    parser = argparse.ArgumentParser("check", description="Show what is read in a network file.")
    parser.add_argument("--network", metavar="FILE")
    parser.add_argument("--version", action="store_true")
    parser.add_argument("--specification", choices=SPECIFICATIONS, default="as stored")
    parser.add_argument("--opaque-domain", action="append", default=[], metavar="NAME")
    parser.add_argument("--max-unpacked", type=int, default=MAX_UNPACKED, metavar="BYTES")
    parser.add_argument("--max-work", type=int, default=MAX_WORK, metavar="PRODUCTS")
    options = parser.parse_args(argv)
    if options.version:
        print(f"check: certificates of versions {', '.join(map(str, VERSIONS_READ))}")
        return 0
    limits = options.max_unpacked, options.opaque_domain, options.max_work
    try:
        for line in reading(read_network(options.network, options.specification, *limits)):
            print(line)
    except Stop as error:
        print(f"check: {one_line(str(error))}", file=sys.stderr)
        return CODES[error.verdict]
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    words = sys.argv[1:] if argv is None else [*argv]
    asked = any(word.partition("=")[0] == "--query" for word in words)
    if not asked and any(word.partition("=")[0] in ("--network", "--version") for word in words):
        return show(words)
    what = "that no inputs satisfy a query" if asked else "how two network files are related"
    parser = argparse.ArgumentParser("check", description=f"Check that a certificate shows what it says: {what}.")
    for name in ("certificate",) if asked else (*SIDES, "certificate"):
        parser.add_argument(name, metavar=name.upper())
    parser.add_argument("--query", metavar="QUERY", help="VNN-LIB query that the certificate says is unsatisfiable")
    parser.add_argument("--network", action="append", default=[], metavar="NAME=FILE", help="a network of the query")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--max-unpacked", type=int, default=MAX_UNPACKED, metavar="BYTES", help="size limit of a file")
    parser.add_argument(
        "--max-work", type=int, default=MAX_WORK, metavar="PRODUCTS", help="work limit while reading, and for bounds"
    )
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes for bounds")
    parser.add_argument(
        "--opaque-domain", action="append", default=[], metavar="NAME", help="operators of this domain are functions"
    )
    options = parser.parse_args(words)
    pairs = [word.partition("=") for word in options.network]
    if not all(path for *_, path in pairs) or len({name for name, *_ in pairs}) != len(pairs):
        parser.error("--network: expected NAME=FILE, each name once")
    limits = options.max_unpacked, options.max_work, max(options.jobs, 1)
    try:
        if asked:
            question = Question(options.query, {name: path for name, _, path in pairs}, options.certificate)
            found = check_query(question, *limits)
        else:
            files = options.original, options.reduced, options.certificate
            found = check(*files, *limits, options.opaque_domain)
    except Exception as error:  # whatever it is, it is a bug of this file and must not look like a verdict
        if os.environ.get("EXACTLUMP_DEBUG"):
            raise
        print(one_line(f"check: internal error: {type(error).__name__}: {error}"), file=sys.stderr)
        return 5
    if found.code == CODES["malformed"]:
        print(f"check: {found.reason}", file=sys.stderr)
    elif options.json:
        print(json.dumps({"verdict": found.verdict, "reason": found.reason, "rule": found.rule}))
    else:
        print(f"{found.verdict}: {found.reason}")
    return found.code


# --- Bounds: functions between two values -------------------------------------------------------------

SLOPE, VALUE, COEFFICIENT, FINE = 12, 40, 48, 64  # binary digits of slopes, of values, of coefficients, of curves
UNIT, WHOLE = 1 << SLOPE, 1 << VALUE
FEW = 8  # so many steps of a function that rounds are told apart

# Piecewise linear functions: (from, slope, constant) of each piece.  "constant" stands for a unit without a class.
LINEAR: dict[str, Callable[..., list[tuple[Any, Any, Any]]]] = {
    "constant": lambda e: [(None, 0, e)],
    "leaky_relu": lambda s: [(None, s, 0), (0, 1, 0)][s == 1 :],
    "clip": lambda a, b: [(None, 0, a), (a, 1, 0), (b, 0, b)],
    "at_least": lambda a: [(None, 0, a), (a, 1, 0)],
    "at_most": lambda a: [(None, 1, 0), (a, 0, a)],
    "thresholded_relu": lambda a: [(None, 0, 0), (a, 1, 0)],
    **dict.fromkeys(("sign", "bipolar_sign"), lambda: [(None, 0, -1), (0, 0, 1)]),
    "hard_sigmoid": lambda a, b: (
        [(None, 0, a < 0), (min(-b / a, (1 - b) / a), a, b), (max(-b / a, (1 - b) / a), 0, a > 0)]
        if a
        else [(None, 0, clipped(b, ZERO, ONE))]
    ),
}
# Functions that round: s * (m + v) for m = floor(y/s + h), within bounds: s, h, v, and the bounds.
ROUNDED: dict[str, Callable[..., tuple[Any, ...]]] = {
    "floor": lambda: (ONE, 0, 0, None, None),
    "ceil": lambda: (ONE, 0, 1, None, None),
    "round": lambda: (ONE, ONE / 2, 0, None, None),
    "quantize": lambda s, z, a, b: (s, ONE / 2, 0, int(a - z), int(b - z)),
    "quantize_floor": lambda s, z, a, b: (s, 0, 0, int(a - z), int(b - z)),
}


class Piece(NamedTuple):
    """From low to high, a function lies between slope*y + least and slope*y + most."""

    low: int
    high: int
    slope: int
    least: int
    most: int


class Course(NamedTuple):
    """A function between two values (over WHOLE); slopes are over UNIT*scale, constants over UNIT*WHOLE*scale.

    slopes: between which all difference quotients lie; None where the function jumps.
    """

    scale: int
    pieces: list[Piece]
    slopes: tuple[int, int] | None

    @property
    def line(self) -> bool:
        """Whether the function is one line there."""
        return self.slopes is not None and self.slopes[0] == self.slopes[1]

    def finer(self, scale: int) -> "Course":
        """The same with a multiple of its scale."""
        k = scale // self.scale
        pieces = [Piece(*piece[:2], *(k * n for n in piece[2:])) for piece in self.pieces]
        return self if k == 1 else Course(scale, pieces, self.slopes and (k * self.slopes[0], k * self.slopes[1]))


def down(number: Any) -> int:
    """A number over WHOLE, rounded down."""
    return int(number * WHOLE // 1)


def up(number: Any) -> int:
    """A number over WHOLE, rounded up."""
    return -int(-number * WHOLE // 1)


Between: TypeAlias = Callable[[int, int], Course]  # what a function does from one value to another


@functools.cache
def between(function: Function) -> Between:
    """What a function does from one value to another; equal functions have the same answer, that is the same object."""
    name, parameters = function
    made = pieces_of(*LINEAR[name](*parameters)) if name in LINEAR else functools.partial(bent, name, parameters)
    return functools.partial(again, made)


@functools.lru_cache(1 << 12)
def again(made: Between, low: int, high: int) -> Course:
    """The same as before, if it was asked for just now."""
    return made(low, high)


def course(function: Function, low: int, high: int) -> Course:
    """What a function does from one value to another."""
    return between(function)(low, high)


def bent(name: str, parameters: Sequence[Fraction], low: int, high: int) -> Course:
    """What a function that rounds does, or a curve."""
    if name in ROUNDED:
        pieces = steps(low, high, *ROUNDED[name](*parameters))
        return Course(1, pieces, (0, 0) if len(pieces) == 1 and not pieces[0].slope else None)
    support(name in CURVES, f"found the function {name}, expected one that has bounds")
    return curve(name, parameters, low, high)


def pieces_of(*segments: tuple[Any, Any, Any]) -> Between:
    """What a piecewise linear function does: where each piece begins, its slope, and its constant are given."""
    scale = math.lcm(*(Fraction(slope).denominator for _, slope, _ in segments))
    smooth = all(a * at + b == c * at + e for (_, a, b), (at, c, e) in itertools.pairwise(segments))
    numbers = [(at or 0, int(slope * scale * UNIT), constant * scale * UNIT) for at, slope, constant in segments]
    starts, stops = [down(at) for at, *_ in numbers[1:]], [up(at) for at, *_ in numbers[1:]]
    pieces = [(slope, down(e), up(e)) for _, slope, e in numbers]

    def made(low: int, high: int) -> Course:
        begins, ends = [low, *[max(low, at) for at in starts]], [*[min(high, at) for at in stops], high]
        found = [
            Piece(begin, end, *piece)
            for begin, end, piece in zip(begins, ends, pieces, strict=True)
            if begin < end or (begin == end and not smooth)
        ]
        if not found:  # at one value, where it may bend
            found = [Piece(low, high, *pieces[sum(start <= low for start in starts)])]
        slopes = [piece.slope for piece in found]
        return Course(scale, found, (min(slopes), max(slopes)) if smooth or len(found) == 1 else None)

    return made


def steps(low: int, high: int, s: Fraction, h: Fraction, v: int, first: int | None, last: int | None) -> list[Piece]:
    """The pieces of a function that rounds: its steps where they are few; else one band, and what is constant."""
    m, n = math.ceil(Fraction(low, WHOLE) / s + h) - 1, math.floor(Fraction(high, WHOLE) / s + h)
    if first is not None and last is not None:
        m, n = min(max(m, first), last), min(max(n, first), last)

    def step(k: int, begin: int, end: int) -> Piece:
        return Piece(begin, end, 0, UNIT * down(s * (k + v)), UNIT * up(s * (k + v)))

    if n - m <= FEW:
        starts, ends = [down(s * (k - h)) for k in range(m + 1, n + 1)], [up(s * (k - h)) for k in range(m + 1, n + 1)]
        return [*map(step, range(m, n + 1), [low, *starts], [*ends, high])]
    begin, end = max(low, down(s * (m - h))), min(high, up(s * (n + 1 - h)))
    band = Piece(begin, end, UNIT, UNIT * (down(s * (h + v - 1)) - 1), UNIT * (up(s * (h + v)) + 1))
    return [step(m, low, begin)] * (low < begin) + [band] + [step(n, end, high)] * (end < high)


# --- Bounds: curves, by series with a bound on what they leave out, rounded outwards --------------------

FULL = 1 << FINE


@dataclass(frozen=True)
class Range:
    """Between low and high, over FULL, lies a number."""

    low: int
    high: int

    def __neg__(self) -> "Range":
        return Range(-self.high, -self.low)

    def __add__(self, other: "Range") -> "Range":
        return Range(self.low + other.low, self.high + other.high)

    def __sub__(self, other: "Range") -> "Range":
        return self + -other

    def __mul__(self, other: "Range") -> "Range":
        corners = [x * y for x in (self.low, self.high) for y in (other.low, other.high)]
        return Range(min(corners) >> FINE, -(-max(corners) >> FINE))

    def inverse(self) -> "Range":
        """1/x for x > 0."""
        return Range(FULL * FULL // self.high, -(-FULL * FULL // self.low))

    def root(self) -> "Range":
        """The square root."""
        return Range(math.isqrt(self.low << FINE), math.isqrt(self.high << FINE) + 1)

    def size(self) -> "Range":
        """The absolute value."""
        near = 0 if self.low <= 0 <= self.high else min(abs(self.low), abs(self.high))
        return Range(near, max(abs(self.low), abs(self.high)))

    def within(self, low: int, high: int) -> "Range":
        """The nearest number between two bounds."""
        return Range(min(max(self.low, low), high), min(max(self.high, low), high))

    def over(self, rising: Callable[[int], "Range"]) -> "Range":
        """A function that does not fall."""
        return Range(rising(self.low).low, rising(self.high).high)


def number(value: Fraction | int) -> Range:
    """A rational."""
    return Range(math.floor(value * FULL), math.ceil(value * FULL))


def around(ranges: Sequence[Range]) -> Range:
    """The least range around several."""
    return Range(min(x.low for x in ranges), max(x.high for x in ranges))


SURE, HALF = number(1), number(ONE / 2)
PI = Range(57952155664616982739, 57952155664616982740)
ERF = (PI * number(ONE / 4)).inverse().root()  # 2 / sqrt(pi)


def decay(x: int) -> Range:
    """exp(-x) for x >= 0: the series at x/256, off by less than 64/2^128, squared eight times."""
    if x >= 64 * FULL:
        return Range(0, 1)
    total, term, n = 0, FULL * FULL, 0
    while term:
        total, n = total + (-term if n % 2 else term), n + 1
        term = term * (x << FINE - 8) // (n * FULL * FULL)
    low, high = total - 64, total + 64
    for _ in range(8):
        low, high = low * low >> 2 * FINE, -(-high * high >> 2 * FINE)
    return Range(low >> FINE, -(-high >> FINE))


def growth(x: int) -> Range:
    """exp(x), for x up to 40."""
    demand(x < 40 * FULL, "the exponential of more than 40 is needed", "unknown", "budget")
    return decay(-x) if x <= 0 else decay(x).inverse()


def logistic(x: int) -> Range:
    """1 / (1 + exp(-x))."""
    e = decay(abs(x))
    return (SURE if x >= 0 else e) * (SURE + e).inverse()


def softplus(x: int) -> Range:
    """log(1 + exp(x)) = max(x, 0) + log(1 + exp(-|x|))."""
    return decay(abs(x)).over(logarithm) + Range(max(x, 0), max(x, 0))


def logarithm(t: int) -> Range:
    """log(1 + t) for 0 <= t <= 1: twice the series of artanh at t/(2 + t), off by less than 256/2^128."""
    term = z = t * FULL * FULL // (2 * FULL + t)
    total, n = 0, 1
    while term:
        total, n = total + term // n, n + 2
        term = (term * z >> 2 * FINE) * z >> 2 * FINE
    return Range(2 * (total - 256) >> FINE, -(-2 * (total + 256) >> FINE))


def error(x: int) -> Range:
    """erf(x): the alternating series, off by less than 1/2^128; from 6 on it is 1 less at most exp(-x^2)."""
    if x < 0:
        return -error(-x)
    if x >= 6 * FULL:
        return Range(FULL - decay(x * x >> FINE).high, FULL)
    total, term, n = 0, x << 2 * FINE, 0
    while term:
        total, n = total + (-term if n % 2 else term) // (2 * n + 1), n + 1
        term = term * x * x // (n << 2 * FINE)
    return ERF * Range(total - FULL >> 2 * FINE, -(-total - FULL >> 2 * FINE))


# For each curve: its value and its slope on a range.


def bend(x: Range) -> Range:
    """The slope of the logistic function."""
    return x.over(logistic) * (-x).over(logistic)


def bell(x: Range) -> Range:
    """exp(-x^2)."""
    square = x.size() * x.size()
    return Range(decay(square.high).low, decay(square.low).high)


def gate(x: Range, value: Range, slope: Range) -> tuple[Range, Range]:
    """x times a function, of which these are value and slope."""
    return x * value, value + x * slope


def gelu(x: Range) -> tuple[Range, Range]:
    """x * (1 + erf(x / sqrt(2))) / 2."""
    inside = x * HALF.root()
    return gate(x, HALF + HALF * inside.over(error), HALF * ERF * HALF.root() * bell(inside))


def gelu_tanh(x: Range) -> tuple[Range, Range]:
    """x * logistic(sqrt(8/pi) * (x + c x^3))."""
    c, factor, square = number(Fraction(44715, 10**6)), (PI * number(ONE / 8)).inverse().root(), x.size() * x.size()
    inside = factor * x * (SURE + c * square)
    return gate(x, inside.over(logistic), bend(inside) * factor * (SURE + number(3) * c * square))


def mish(x: Range) -> tuple[Range, Range]:
    """x * tanh(softplus(x)), which is x * (2 / (1 + r^2) - 1) for r = logistic(-x)."""
    r = (-x).over(logistic)
    t = number(2) * (SURE + r * r).inverse() - SURE
    return gate(x, t, (SURE - t * t) * x.over(logistic))


def elu(x: Range, inside: Fraction, outside: Fraction, above: Fraction) -> tuple[Range, Range]:
    """above * x for x >= 0, else outside * (exp(inside * x) - 1)."""
    e = (x.within(min(x.low, 0), 0) * number(inside)).over(growth)
    value = number(above) * x.within(0, max(x.high, 0)) + number(outside) * (e - SURE)
    return value, around([number(above)] * (x.high > 0) + [number(outside * inside) * e] * (x.low <= 0))


def hard_swish(x: Range) -> tuple[Range, Range]:
    """x * min(max(x/6 + 1/2, 0), 1)."""
    slopes = [number(0)] * (x.low < -3 * FULL) + [SURE] * (x.high > 3 * FULL)
    if not slopes or (x.low < 3 * FULL and x.high > -3 * FULL):
        slopes.append(x * number(ONE / 3) + HALF)
    return x * (x * number(ONE / 6) + HALF).within(0, FULL), around(slopes)


def erf_gate(x: Range, a: Fraction, c: Fraction) -> tuple[Range, Range]:
    """c * x * (1 + erf(a * x))."""
    inside, factor = x * number(a), number(c)
    return gate(x, factor * (SURE + inside.over(error)), factor * number(a) * ERF * bell(inside))


def hard_gate(x: Range, a: Fraction, b: Fraction) -> tuple[Range, Range]:
    """x * min(max(a * x + b, 0), 1)."""
    inside = x * number(a) + number(b)
    slopes = [number(0)] * (inside.low < 0) + [SURE] * (inside.high > FULL)
    if not slopes or (inside.low < FULL and inside.high > 0):
        slopes.append(x * number(2 * a) + number(b))
    return x * inside.within(0, FULL), around(slopes)


CURVES: dict[str, Callable[..., tuple[Range, Range]]] = {
    "sigmoid": lambda x: (x.over(logistic), bend(x)),
    "tanh": lambda x: (number(2) * (x + x).over(logistic) - SURE, number(4) * bend(x + x)),
    "silu": lambda x: gate(x, x.over(logistic), bend(x)),
    "softplus": lambda x: (x.over(softplus), x.over(logistic)),
    "log_sigmoid": lambda x: (-(-x).over(softplus), (-x).over(logistic)),
    "exp": lambda x: (x.over(growth), x.over(growth)),
    "erf": lambda x: (x.over(error), ERF * bell(x)),
    "gelu": gelu,
    "gelu_tanh": gelu_tanh,
    "mish": mish,
    "hard_swish": hard_swish,
    "erf_gate": erf_gate,
    "hard_gate": hard_gate,
    "softsign": lambda x: (x * (SURE + x.size()).inverse(), ((SURE + x.size()) * (SURE + x.size())).inverse()),
    "elu": lambda x, a: elu(x, ONE, a, ONE),
    "celu": lambda x, a: elu(x, 1 / a, a, ONE),
    "selu": lambda x, a, g: elu(x, ONE, g * a, g),
    "surd": lambda x, d: (x * number(d).root(), number(d).root()),
    **dict.fromkeys(("sin", "cos"), lambda x: (Range(-FULL, FULL), Range(-FULL, FULL))),
}


def curve(name: str, parameters: Sequence[Fraction], low: int, high: int) -> Course:
    """A curve from one value to another: in short pieces, each a value and the slopes from there on."""
    cuts = [low, high, *(low + (high - low) * i // 8 for i in range(8)), *(k * WHOLE for k in (-6, -3, -1, 0, 1, 3, 6))]
    cuts = sorted({cut for cut in cuts if low <= cut <= high})
    pieces, slopes = list[Piece](), list[Range]()
    for a, b in zip(cuts, cuts[1:] or cuts, strict=False):
        value, _ = CURVES[name](Range(a << FINE - VALUE, a << FINE - VALUE), *parameters)
        _, slope = CURVES[name](Range(a << FINE - VALUE, b << FINE - VALUE), *parameters)
        s = slope.low + slope.high >> FINE - SLOPE + 1
        ends = [(end - (s << FINE - SLOPE)) * (b - a) for end in (slope.low, slope.high)]
        least, most = (value.low >> SLOPE) - s * a, -(-value.high >> SLOPE) - s * a
        least, most = least + (min(ends[0], 0) >> FINE - SLOPE), most - (-max(ends[1], 0) >> FINE - SLOPE)
        pieces.append(Piece(a, b, s, least, most))
        slopes.append(slope)
    whole = around(slopes)
    return Course(1, pieces, (whole.low >> FINE - SLOPE, -(-whole.high >> FINE - SLOPE)))


def enclosed(function: Function, y: Range) -> Range:
    """The values of a function on a range: of a curve by its series, else of its pieces, at a jump both limits, or, as
    a function that rounds does not fall, at both ends."""
    (name, parameters), ends = function, (Fraction(y.low, FULL), Fraction(y.high, FULL))
    if name in CURVES:
        return CURVES[name](y, *parameters)[0]
    support(name in LINEAR or name in ROUNDED, f"found the function {name}, expected one that has bounds")
    if name in ROUNDED:
        return around([number(value_at(function, end) or ZERO) for end in ends])
    segments, values = LINEAR[name](*parameters), list[Range]()
    cuts = [at for at, *_ in segments[1:]]
    for (_, slope, e), start, stop in zip(segments, [ends[0], *cuts], [*cuts, ends[1]], strict=True):
        low, high = max(start, ends[0]), min(stop, ends[1])
        values += [number(Fraction(slope * end + e)) for end in (low, high) if low <= high]
    return around(values)


# --- Bounds: lines and planes -------------------------------------------------------------------------

Plane: TypeAlias = tuple[int, int, int]  # s, t, c of s*(x - z) + t*z + c; slopes over UNIT, c over UNIT*WHOLE


class Line(NamedTuple):
    """above * y + over and below * y + under lie around a function; slopes over UNIT, constants over UNIT*WHOLE."""

    above: int
    over: int
    below: int
    under: int


def extreme(slope: int, found: Course) -> tuple[int, int]:
    """The least and the greatest of a function minus slope * y, over UNIT*WHOLE."""
    lows, highs, scale = list[int](), list[int](), found.scale
    for low, high, steep, least, most in found.pieces:
        x, y = low * (steep - slope * scale), high * (steep - slope * scale)
        lows.append(min(x, y) + least)
        highs.append(max(x, y) + most)
    return min(lows) // scale, -(-max(highs) // scale)


def ends_of(found: Course) -> tuple[int, int]:
    """The least and the greatest of a function, over WHOLE."""
    low, high = extreme(0, found)
    return low // UNIT, -(-high // UNIT)


def line_of(found: Course, low: int, high: int) -> Line:
    """The lines around a function: of some slopes those that are nearest at both ends together, the first of several.

    The chord, and the slopes at the ends; of a function that bends one way, the chord on one side, the ends' on the
    other.
    """
    scale, pieces, _ = found
    slopes = [piece.slope // scale for piece in pieces]
    if found.slopes is not None and len(pieces) == 1:
        under, over = extreme(slopes[0], found) if scale > 1 else pieces[0][3:]
        return Line(slopes[0], over, slopes[0], under)
    first, last = pieces[0].slope * low + pieces[0].least, pieces[-1].slope * high + pieces[-1].most
    chord, bends = (last - first) // (max(high - low, 1) * scale) + 1, [slopes[0], slopes[-1]]
    convex = concave = False
    if found.slopes is not None:
        chord = min(max(chord, min(slopes)), max(slopes))
        convex, concave = slopes == sorted(slopes), slopes == sorted(slopes, reverse=True)
    above = [chord] if convex else bends if concave else [chord, *bends]
    below = bends if convex else [chord] if concave else [chord, *bends]
    known = {slope: extreme(slope, found) for slope in (*above, *below)}
    s = min(above, key=lambda slope: slope * (low + high) + 2 * known[slope][1])
    t = max(below, key=lambda slope: slope * (low + high) + 2 * known[slope][0])
    return Line(s, known[s][1], t, known[t][0])


class Polygon(NamedTuple):
    """Bounds of x, of z, and of x - z."""

    x: tuple[int, int]
    z: tuple[int, int]
    d: tuple[int, int]

    def within(self, a: Piece, b: Piece) -> "Polygon | None":
        """The part where x and z lie in two pieces, if there is one."""
        x = max(self.x[0], a.low), min(self.x[1], a.high)
        z = max(self.z[0], b.low), min(self.z[1], b.high)
        empty = x[0] > x[1] or z[0] > z[1] or x[0] - z[1] > self.d[1] or x[1] - z[0] < self.d[0]
        return None if empty else Polygon(x, z, self.d)

    def greatest(self, p: int, q: int) -> int:
        """The greatest p*x + q*z, by duality (docs/trust.md): the least, for m in 0, p, -q, of what its summands
        m * (x - z), (p - m) * x and (q + m) * z are at most."""
        (a, x), (b, z), (c, d) = self
        r = p + q
        by_z = q * (z if q >= 0 else b)
        by_x, by_d = (p * x, p * d) if p >= 0 else (p * a, p * c)
        return min(
            by_x + by_z,
            by_d + r * (z if r >= 0 else b),
            r * (x if r >= 0 else a) - q * (c if q >= 0 else d),
        )


class Two(NamedTuple):
    """What f does with x and g with z in a polygon; `same`: what f does with both, if g = f.

    parts  of the polygon, by pieces of f and g: with their slopes, and the least and the greatest of their constants
    """

    polygon: Polygon
    f: Course
    g: Course
    same: Course | None
    parts: Sequence[tuple[Polygon, int, int, int, int]]

    def ends(self, s: int, t: int) -> tuple[int, int]:
        """The least and the greatest f(x) - g(z) - s*(x - z) - t*z, rounded outwards."""
        scale = self.f.scale
        u, v = s * scale, (s - t) * scale
        lows, highs = list[int](), list[int]()
        for part, slope, other, least, most in self.parts:
            p, q = slope - u, v - other
            lows.append(least - part.greatest(-p, -q))
            highs.append(most + part.greatest(p, q))
        low, high = min(lows, default=0), max(highs, default=0)
        if t == 0 and self.same is not None and self.same.slopes is not None:  # f(x) - f(z) = m * (x - z)
            found = [(m - u) * d for m in self.same.slopes for d in self.polygon.d]
            low, high = max(low, min(found)), min(high, max(found))
        return low // scale, -(-high // scale)

    def nearest(self, *slopes: tuple[int, int]) -> tuple[Plane, Plane]:
        """Of planes with given slopes, the first below and above with the least between them."""
        found = [(*self.ends(s, t), s, t) for s, t in slopes]
        low, high, s, t = min(found, key=lambda ends: ends[1] - ends[0])
        return (s, t, low), (s, t, high)

    def planes(self, x: Line) -> tuple[Plane, Plane]:
        """The planes around f(x) - g(z), for the line around f."""
        low, high = self.polygon.d
        known = [
            c.slopes for c in ((self.same,) if self.same is not None else (self.f, self.g)) if c.slopes is not None
        ]
        m = min((m for m, _ in known), default=0) // self.f.scale
        n = max((n for _, n in known), default=UNIT * self.f.scale) // self.f.scale
        s = n if low >= 0 else m if high <= 0 else (n * high - m * low) // (high - low)
        z = line_of(self.g, *self.polygon.z)
        _, above = self.nearest((s, 0), (x.above, x.above - z.below))
        below, _ = self.nearest((m + n - s, 0), (x.below, x.below - z.above))
        return above, below

    def bounds(self) -> tuple[int, int]:
        """The bounds of f(x) - g(z), over WHOLE."""
        if self.same is not None and self.same.slopes is not None:
            ends, whole = [k * end for k in self.same.slopes for end in self.polygon.d], UNIT * self.f.scale
            low, high = min(ends) // whole, -(-max(ends) // whole)
        else:
            low, high = self.ends(0, 0)
            low, high = low // UNIT, -(-high // UNIT)
        (a, b), (c, d) = ends_of(self.f), ends_of(self.g)
        return max(a - d, low), min(b - c, high)


def two(polygon: Polygon, f: Between, g: Between) -> Two:
    """What two functions do."""
    (a, b), (c, d), _ = polygon
    ours, theirs = f(a, b), g(c, d)
    scale = math.lcm(ours.scale, theirs.scale)
    ours, theirs = ours.finer(scale), theirs.finer(scale)
    parts = [
        (part, x.slope, z.slope, x.least - z.most, x.most - z.least)
        for x, z in itertools.product(ours.pieces, theirs.pieces)
        if (part := polygon.within(x, z)) is not None
    ]
    return Two(polygon, ours, theirs, f(min(a, c), max(b, d)) if f is g else None, parts)


def compared(polygon: Polygon, f: Between, g: Between, x: Line) -> tuple[Plane, Plane, tuple[int, int]]:
    """The planes around f(x) - g(z), for the line around f, and its bounds."""
    if f is g:
        (a, b), (c, d), (low, high) = polygon
        same = f(min(a, c), max(b, d))
        slope, rest = divmod(same.slopes[0] if same.slopes is not None and same.line else 1, same.scale)
        if same.line and rest == 0:  # it is slope * (x - z)
            ends = sorted((slope * low, slope * high))
            return (slope, 0, 0), (slope, 0, 0), (ends[0] // UNIT, -(-ends[1] // UNIT))
    found = two(polygon, f, g)
    return *found.planes(x), found.bounds()


# --- Bounds: tensors, and what lies between them ------------------------------------------------------


class Based(NamedTuple):
    """A tensor whose units are atoms: all inputs, what has a function, and images that are put together or added.

    first, units      its atoms; of `positions` elements each
    functions, forms  of each atom; the form is of the image before the function, of `before` positions
    """

    name: str
    first: int
    units: int
    positions: int = 1
    before: int = 1
    functions: Sequence[Function] = ()
    forms: Sequence[Form] = ()

    def read(self, i: int) -> list[int]:
        """The elements before the function that an element of a max-pool is the largest of."""
        unit, q = divmod(i, self.positions)
        _, (window,) = self.functions[unit]
        return [unit * self.before + p for p in reads(Lift("average", window, 0, True), q)[0]]


Table: TypeAlias = tuple[int, list[list[tuple[int, int]]]]  # a denominator; (position, weight) read for each position


def reads(lift: Lift, q: int) -> tuple[list[int], int]:
    """The positions that a lift reads for position q, and what their sum is divided by."""
    if lift.name in ("at", "put"):
        return ([lift.number], 1) if lift.name == "at" else ([0] * (lift.number == q), 1)
    window, found, counted = lift.over, list[int](), 0
    for tap in [lift.number] if lift.name == "tap" else range(math.prod(window.kernel)):
        inside, padded, p, step, rest, offset = True, True, 0, 1, q, tap
        for n, m, size, stride, dilation, begin, end in reversed([*zip(*window[:7], strict=True)]):
            (rest, index), (offset, o) = divmod(rest, m), divmod(offset, size)
            at, odd = stride * index + dilation * o - begin, 0
            if window.transposed:
                at, odd = divmod(index - dilation * o + begin, stride)
            inside, padded = inside and not odd and 0 <= at < n, padded and -begin <= at < n + end
            p, step = p + step * at, step * n
        found += [p] * inside
        counted += padded
    return found, 1 if lift.name == "tap" else counted if lift.number else len(found)


class Matrix:
    """A matrix of integers, by rows and by columns; `norm`: the greatest sum of sizes in a column."""

    def __init__(self, rows: list[list[int]]) -> None:
        self.rows, self.columns = rows, [*zip(*rows, strict=True)]
        self.norm = max(sum(map(abs, column)) for column in self.columns)
        self.sizes = [[*map(abs, row)] for row in rows]

    def reach(self, elements: Sequence[int], low: list[int], high: list[int]) -> list[tuple[int, int]]:
        """The least and the greatest value of some rows, for columns between bounds: around their middles."""
        twice, widths = [*map(operator.add, low, high)], [*map(operator.sub, high, low)]
        ends = [
            (sum(map(operator.mul, self.rows[e], twice)), sum(map(operator.mul, self.sizes[e], widths)))
            for e in elements
        ]
        return [(middle - width >> 1, middle + width >> 1) for middle, width in ends]


class Tensors:
    """The based tensors of both networks, inputs first, and where their atoms come from."""

    def __init__(self, atoms: Atoms, elements: int) -> None:
        self.atoms, self.based = atoms, [Based("inputs", 1, elements)]
        self.tables: dict[tuple[Lift, ...], Table] = {}
        self.sources: dict[int, tuple[Lift, int]] = {}  # of the lifted atoms, as far as there were any
        self.places: dict[tuple[int, int], tuple[int, int, Table]] = {}  # of an atom, for so many positions

    def of(self, atom: int) -> tuple[int, int] | None:
        """The tensor and the unit that an atom is, if it is not lifted."""
        j = bisect.bisect_right(self.based, atom, key=lambda based: based.first) - 1
        unit = atom - self.based[max(j, 0)].first
        return (j, unit) if 0 <= unit < self.based[j].units else None

    def lifts(self, atom: int) -> tuple[list[Lift], int]:
        """The lifts that make an atom, the last one first, of another one that is made of none."""
        lifts = list[Lift]()
        while atom and not self.of(atom):
            if atom not in self.sources:
                tables = self.atoms.lifts.items()
                self.sources = {made: (lift, a) for lift, table in tables for a, made in table.items()}
            lift, atom = self.sources[atom]
            lifts.append(lift)
        return lifts, atom

    def table(self, lifts: tuple[Lift, ...], positions: int) -> Table:
        """What a chain of lifts, the last one first, reads for each position."""
        if not lifts:
            return 1, [[(q, 1)] for q in range(positions)]
        if lifts not in self.tables:
            name, over = lifts[0][:2]
            below = 1 if name == "put" else over if name == "at" else math.prod(over.source)
            d, inner = self.table(lifts[1:], below)
            found = [reads(lifts[0], q) for q in range(positions)]
            whole = math.lcm(*(n for _, n in found))
            read = [[(r, w * (whole // n)) for p in places for r, w in inner[p]] for places, n in found]
            self.tables[lifts] = whole * d, read
        return self.tables[lifts]

    def placed(self, form: Form, positions: int) -> list[tuple[int, int, int, Table]]:
        """The terms of a form: an integer, the tensor (-1: ONE), the unit, and what is read for each position."""
        found = []
        for atom, n in form[0].items():
            if (atom, positions) not in self.places:
                lifts, base = self.lifts(atom)
                self.places[atom, positions] = *(self.of(base) or (-1, 0)), self.table(tuple(lifts), positions)
            found.append((n, *self.places[atom, positions]))
        return found


class Layer:
    """Forms as integer combinations of elements: row e, over `scale`, is for position e % positions of a form."""

    def __init__(self, tensors: Tensors, forms: Sequence[Form], positions: int = 1) -> None:
        placed = [tensors.placed(form, positions) for form in forms]
        scales = {d * e for (_, d), terms in zip(forms, placed, strict=True) for *_, (e, _) in terms}
        self.scale, self.positions = common({*scales, *(d for _, d in forms)}, len(forms)), positions
        sizes = [based.units * based.positions for based in tensors.based]
        self.sizes = {j: sizes[j] for terms in placed for _, j, *_ in terms if j >= 0}
        self.bias, self.images = [0] * (len(forms) * positions), list[list[tuple[int, int, int, Any]]]()
        for v, ((_, d), terms) in enumerate(zip(forms, placed, strict=True)):
            image = [(n * (self.scale // (d * e)), j, u, read) for n, j, u, (e, read) in terms]
            for n, _, _, read in (term for term in image if term[1] < 0):
                for q, places in enumerate(read):
                    self.bias[v * positions + q] += n * sum(w for _, w in places)
            self.images.append([(n, j, u * tensors.based[j].positions, read) for n, j, u, read in image if j >= 0])
        self.work = sum(len(places) for terms in self.images for *_, read in terms for places in read)
        self.matrices = dict[int, Matrix]()
        if positions == 1:  # nothing is shared by positions
            self.matrices = {j: Matrix([self.row(v, j) for v in range(len(forms))]) for j in self.sizes}
            self.work, self.images = len(forms) * sum(self.sizes.values()), []
        self.norms = {j: matrix.norm for j, matrix in self.matrices.items()} or self.sums_of_sizes()
        self.norms[-1] = sum(map(abs, self.bias))

    def reads(self, i: int) -> bool:
        """Whether input i is part of any row."""
        if self.positions == 1:
            return 0 in self.matrices and any(row[i] for row in self.matrices[0].rows)
        at = (start + p for terms in self.images for _, j, start, read in terms if not j for q in read for p, _ in q)
        return i in at

    def values(self, known: dict[int, list[Fraction]]) -> list[Fraction]:
        """The value of every row, for exact values of elements."""
        d = math.lcm(*(y.denominator for j in self.sizes for y in known[j]))
        whole = {j: [int(y * d) for y in known[j]] for j in self.sizes}
        found = self.reach(range(len(self.bias)), whole, whole)
        return [Fraction(y + bias * d, self.scale * d) for (y, _), bias in zip(found, self.bias, strict=True)]

    def ranges(self, known: dict[int, list[Range]]) -> list[Range]:
        """Between what the value of every row lies, for elements between bounds."""
        lows, highs = ({j: [getattr(y, end) for y in known[j]] for j in self.sizes} for end in ("low", "high"))
        found = zip(self.reach(range(len(self.bias)), lows, highs), self.bias, strict=True)
        return [
            Range((low + (bias << FINE)) // self.scale, -(-(high + (bias << FINE)) // self.scale))
            for (low, high), bias in found
        ]

    def row(self, e: int, j: int) -> list[int]:
        """What row e has of a tensor."""
        if j in self.matrices:
            return self.matrices[j].rows[e]
        row, (v, q) = [0] * self.sizes[j], divmod(e, self.positions)
        for n, of, start, read in self.images[v]:
            for p, w in read[q] if of == j else ():
                row[start + p] += n * w
        return row

    def times(self, v: Sequence[int], j: int, alive: Sequence[bool]) -> list[int]:
        """The sums over e of v[e] times what row e has of a tensor, for the elements that count."""
        if self.positions == 1:
            some = [x for x in v if x]
            columns = zip(self.matrices[j].columns, alive, strict=True)
            return [sum(map(operator.mul, some, itertools.compress(w, v))) if counts else 0 for w, counts in columns]
        sums = [0] * self.sizes[j]
        for start, terms in zip(range(0, len(v), self.positions), self.images, strict=True):
            image = [(q, x) for q, x in enumerate(v[start : start + self.positions]) if x]
            for n, of, first, read in terms if image else ():
                for q, x in image if of == j else ():
                    for p, w in read[q]:
                        if alive[first + p]:
                            sums[first + p] += x * (n * w)
        return sums

    def sums_of_sizes(self) -> dict[int, int]:
        """For each tensor: the greatest sum of the sizes of what the rows have of an element."""
        sums = {j: [0] * size for j, size in self.sizes.items()}
        for terms in self.images:
            for n, j, first, read in terms:
                for p, w in itertools.chain(*read):
                    sums[j][first + p] += abs(n * w)
        return {j: max(found) for j, found in sums.items()}

    def reach(
        self, elements: Sequence[int], low: dict[int, list[int]], high: dict[int, list[int]]
    ) -> list[tuple[int, int]]:
        """The least and the greatest value of some rows without their constants, for elements between bounds."""
        if self.positions == 1:
            parts = [matrix.reach(elements, low[j], high[j]) for j, matrix in self.matrices.items()]
            ends = zip([(0, 0)] * len(elements), *parts, strict=True)
            return [(sum(x for x, _ in found), sum(y for _, y in found)) for found in ends]
        reached = list[tuple[int, int]]()
        for e in elements:
            row, (v, q) = dict[tuple[int, int], int](), divmod(e, self.positions)
            for n, j, start, read in self.images[v]:
                for p, w in read[q]:
                    row[j, start + p] = row.get((j, start + p), 0) + n * w
            values = [(w * low[j][i], w * high[j][i]) for (j, i), w in row.items()]
            reached.append((sum(map(min, values)), sum(map(max, values))))
        return reached


# --- Bounds: functionals, and what is known on a box --------------------------------------------------

Bounds: TypeAlias = dict[tuple[str, int], tuple[list[int], list[int]]]  # of a family and a tensor, over WHOLE
Slopes: TypeAlias = dict[tuple[int, int], list[tuple[int, ...]]]  # of a box: for a demand's lower or upper side
LANES = 64  # so many elements go down together
OUTPUTS = -1  # stands for the tensor of the combinations of outputs that a claim is about


class Short(Exception):
    """Lanes are too short for what they may have to hold."""


class Functionals:
    """Lower bounds of some numbers: integers over denominators, times elements, plus constants, all over 2^COEFFICIENT.

    The integers that the bounds have of one element are the *lanes* of one long integer, so many bits each: the sum of
    integer number r times 2^(bits*r), whatever the signs.  To add long integers, or to multiply them by a number, is to
    do so in all lanes, as long as each is less than 2^(bits - 3) in size.  With everything goes how large it may be;
    `most` is the largest such size.  Without lanes, this tells how long they have to be.
    digits  of so many bits are the integers of elements, once they are rounded; or else it stops
    The families are "a", the values of N, "b", those of N', and "d", the differences.
    """

    def __init__(self, count: int, bits: int, digits: int) -> None:
        self.count, self.bits, self.digits = count, bits, digits
        self.ones = sum(1 << bits * r for r in range(count))
        self.half, self.every = self.ones << bits - 1, sum(1 << bits * r for r in range(0, count, 2))
        self.sums = dict[tuple[str, int], tuple[list[int], int, int]]()  # long integers, denominator, size
        self.constants, self.bottom, self.most = [0] * count, 1, 0

    def fit(self, size: int) -> None:
        """There is room for a size, or it stops."""
        self.most = max(self.most, size)
        if self.count and size >> self.bits - 3:
            raise Short

    def packed(self, numbers: Iterable[int]) -> int:
        """The long integer of some lanes, the first ones."""
        half, size = 1 << self.bits - 1, self.bits // 8
        data = b"".join([(n + half).to_bytes(size, "little") for n in numbers])
        return int.from_bytes(data, "little") - (self.half & (1 << 8 * len(data)) - 1)

    def lanes(self, x: int) -> list[int]:
        """The lanes of a long integer."""
        half, size = 1 << self.bits - 1, self.bits // 8
        data = (x + self.half).to_bytes(size * self.count, "little")
        return [int.from_bytes(data[i : i + size], "little") - half for i in range(0, len(data), size)]

    def divided(self, values: list[int], d: int) -> tuple[list[int], list[int]]:
        """All lanes divided by d, rounded down, and what is left."""
        digits = d.bit_length() - 1
        if d == 1 << digits:
            mask, back = self.ones * (d - 1), self.half >> digits
            lifted = [x + self.half if x else 0 for x in values]  # no lane is negative
            rests = [y & mask for y in lifted]
            return [(y - rest >> digits) - back if y else 0 for y, rest in zip(lifted, rests, strict=True)], rests
        whole, shift = 1 << self.bits - 3 - digits, self.bits + digits  # whole * d is more than the size of a lane
        back, inverse = self.ones * whole, (1 << shift) // d + 1  # y * inverse >> shift is y // d for the lanes y below
        lift, lane, part = back * d, self.every * ((1 << self.bits) - 1), self.every * ((1 << self.bits - digits) - 1)
        found = []
        for x in values:  # every other lane at a time, as products need the room of two
            y = x + lift
            even, odd = ((y >> place & lane) * inverse >> shift & part for place in (0, self.bits))
            found.append(even + (odd << self.bits) - back if x else 0)
        return found, [x - y * d for x, y in zip(values, found, strict=True)]

    def steered(
        self, values: list[int], size: int, below: Sequence[tuple[int, ...]], above: Sequence[tuple[int, ...]]
    ) -> list[tuple[list[int], int]]:
        """Each lane times each number of its element, of `below` if it is not negative, else of `above`: for each place
        of a number all products, and how large they may be."""
        top, parts = self.bits - 1, list[tuple[int, int]]()
        for x, low, high in zip(values, below, above, strict=True):
            plus = x
            if low != high:
                y = x + self.half
                signs = y >> top & self.ones  # of the lanes that are not negative
                plus = y & (signs << top) - signs
            parts.append((plus, x - plus))
        numbers = zip(zip(*below, strict=True), zip(*above, strict=True), strict=True)
        return [
            (
                [p * n + m * o if m else p * n for (p, m), n, o in zip(parts, low, high, strict=True)],
                size * max(map(abs, low + high)),
            )
            for low, high in numbers
        ]

    def add(self, family: str, j: int, values: list[int], d: int, size: int) -> None:
        """Add long integers over d, of some size, times the elements of a tensor."""
        if (family, j) in self.sums:
            others, e, more = self.sums[family, j]
            m, n = math.lcm(d, e) // d, math.lcm(d, e) // e
            values = values if m == 1 else [m * x for x in values]
            others = others if n == 1 else [n * y for y in others]
            values, d, size = [*map(operator.add, values, others)], m * d, m * size + n * more
        self.sums[family, j] = values, d, size
        self.fit(size)

    def plus(self, x: int, d: int, size: int, factor: int = 1) -> None:
        """Add a factor times constants over d, of some size, over WHOLE too."""
        self.fit(size)
        if x:
            whole = math.lcm(d, self.bottom)
            m, n, self.bottom = whole // self.bottom, whole // d * factor, whole
            self.constants = [m * c + n * y for c, y in zip(self.constants, self.lanes(x), strict=True)]

    def settle(self, family: str, j: int | None, low: dict[int, list[int]]) -> tuple[list[int], int] | None:
        """The integers of a tensor, rounded down, and their size; what is cut off, times the lower bounds, goes to the
        constants."""
        if j is None or (family, j) not in self.sums:
            return None
        values, d, size = self.sums.pop((family, j))
        charged, size = d * (1 + sum(map(abs, low[j]))), size // d + 1
        self.fit(charged)
        found, rests = self.divided(values, d) if self.count else (values, values)
        self.plus(sum([rest * y for rest, y in zip(rests, low[j], strict=True) if y]), d, charged)
        if size >> self.digits:
            size = 1 << self.digits
            lift, beyond = self.ones * size, self.ones * ((1 << self.bits) - 2 * size)
            if any(x + lift & beyond for x in found if x):
                raise Short
        return found, size


class Pair(NamedTuple):
    """An element of N before its function f, and what it is compared with, g(ratio * y) of an element y of N'; or one
    of them alone; `new`: the pair is the one at which that element of N' is bounded; `pool`: f or g is a max-pool."""

    e: int | None
    k: int | None
    f: Between | None
    g: Between | None
    ratio: Fraction = ONE
    new: bool = False
    pool: bool = False


class Stage(NamedTuple):
    """A tensor of N, and the tensor of N' that it is compared with; `fresh`: which is bounded here; either may be None.

    families  of the tensor of N: "ad", or "a" where nothing is compared
    factors   for each pair of the tensor of N: its ratio, over `ratios`; `weight`: the most of a class together
    """

    ours: int | None
    over: int | None
    fresh: bool
    families: str
    pairs: Sequence[Pair]
    factors: Sequence[int] = ()
    ratios: int = 1
    weight: int = 0


class Demand(NamedTuple):
    """That a combination of outputs, of a family, is not less and not more than that (over WHOLE)."""

    family: str
    e: int
    least: int | None = None
    most: int | None = None

    def met(self, bounds: Bounds) -> bool:
        """Whether it is."""
        low, high = (side[self.e] for side in bounds[self.family, OUTPUTS])
        return (self.least is None or self.least <= low) and (self.most is None or high <= self.most)


class Goal(NamedTuple):
    """Demands; or, where there is a `total`, that the sizes of all combinations are together at most so much."""

    demands: list[Demand]
    total: int | None = None


class State:
    """What is known on a box: bounds before the functions; after them, bounds, lines and planes; the stages done."""

    def __init__(self, low: list[int], high: list[int]) -> None:
        self.before: Bounds = {}
        self.least, self.most = ({"a": {0: box}, "b": {0: box}, "d": {0: [0] * len(box)}} for box in (low, high))
        self.alive = {(family, 0): [True] * len(low) for family in "ab"}  # whether any of that is not 0
        self.lines = dict[tuple[str, int], list[Line]]()
        self.planes = dict[int, list[tuple[Plane, Plane]]]()
        self.places = dict[tuple[str, int], list[int]]()  # where lines are not on the element of the same number
        self.done = list[Stage]()


def scaled(ratio: Fraction, low: int, high: int) -> tuple[int, int]:
    """A ratio times what is between two bounds."""
    if ratio is ONE:
        return low, high
    ends = sorted((low * ratio, high * ratio))
    return math.floor(ends[0]), math.ceil(ends[1])


class Bounder:
    """The bounds of two networks and of their differences, box by box (docs/certificate-format.md, "Bounds")."""

    def __init__(self, tensors: Tensors, stages: list[Stage], layers: dict[tuple[str, int], Layer], work: int) -> None:
        self.based, self.stages, self.layers, self.work = tensors.based, stages, layers, work
        self.room = dict[tuple[str, int], tuple[int, int]]()  # of lanes for what is bounded

    def spend(self, work: int) -> None:
        """Use some of the budget, which is counted in products."""
        self.work -= work
        demand(self.work >= 0, "the work exceeds the budget (--max-work)", "unknown", "budget")

    # A functional goes down, stage by stage, to the inputs.

    def bounds(
        self, state: State, family: str, j: int, elements: Sequence[int], signs: Sequence[int] = (1, -1)
    ) -> list[list[int]]:
        """For each sign: lower bounds of it times elements, before their function, of N, of N', or of differences."""
        found = [list[int]() for _ in signs]
        for part in (elements[i : i + LANES] for i in range(0, len(elements), LANES)):
            f, work = None, self.work
            while f is None:
                bits, digits = self.room.get((family, j), (8, COEFFICIENT + 16))
                try:
                    f = self.descended(state, family, j, part, signs, bits, digits)
                except Short:
                    self.work = work
                    need = self.descended(state, family, j, (), signs, 8, digits).most.bit_length() + 10 & -8
                    self.room[family, j] = (need, digits) if need > bits else (bits, digits + digits // 8 + 1)
            for i, lows in enumerate(found):
                lows += [c // f.bottom >> COEFFICIENT for c in f.constants[i * len(part) : (i + 1) * len(part)]]
        return found

    def descended(
        self,
        state: State,
        family: str,
        j: int,
        elements: Sequence[int],
        signs: Sequence[int],
        bits: int,
        digits: int,
    ) -> Functionals:
        """The functionals of elements, times signs, with nothing left but constants."""
        f = Functionals(len(signs) * len(elements), bits, digits)
        for name, into in (("a", "d"), ("d", "b")) if family == "d" else ((family, family),):
            layer = self.layers[name, j]
            for below in layer.sizes:
                if below or into != "d":
                    size, rows = layer.norms[below] << COEFFICIENT, [layer.row(e, below) for e in elements]
                    f.fit(size)
                    columns = zip(*rows, strict=True) if rows else [()] * layer.sizes[below]
                    values = [f.packed(w) if n else 0 for w, n in zip(columns, state.alive[into, below], strict=True)]
                    places = [COEFFICIENT + i * bits * len(elements) for i in range(len(signs))]
                    values = [sum([n * x << at for n, at in zip(signs, places, strict=True)]) for x in values]
                    f.add(into, below, values, layer.scale, size)
            if into != "d":
                f.constants = [n * layer.bias[e] << COEFFICIENT + VALUE for n in signs for e in elements]
                f.bottom = layer.scale
        for stage in reversed(state.done):
            self.lower(state, stage, f)
        for name in "ab":
            settled, ends = f.settle(name, 0, state.least[name]), (state.least[name][0], state.most[name][0])
            if settled is not None:
                ((found, size),) = f.steered(*settled, *([*zip(side, strict=True)] for side in ends))
                f.plus(sum(found), 1, size * len(found))
        return f

    def lower(self, state: State, stage: Stage, f: Functionals) -> None:
        """Carry functionals from what the tensors of a stage are after their functions to what they are made from."""
        a, b, w, ratios = stage.ours, stage.over, None, 1
        own, gap = (f.settle(x, a, state.least[x]) for x in "ad")
        their = f.settle("b", b, state.least["b"]) if stage.fresh else None
        f.constants, f.bottom = [c // f.bottom << SLOPE for c in f.constants], UNIT
        if b is not None and their is not None:
            w = self.relaxed(state, f, "b", b, *their)
        if a is not None and own is not None:
            self.push(state, f, "a", "a", a, *self.relaxed(state, f, "a", a, *own), UNIT)
        if a is not None and gap is not None:
            v, w, ratios = self.slanted(state, f, stage, a, *gap, w)
            self.push(state, f, "a", "d", a, *v, UNIT)
            self.push(state, f, "d", "b", a, *v, UNIT)
        if b is not None and w is not None:
            self.push(state, f, "b", "b", b, *w, UNIT * ratios)

    def push(
        self, state: State, f: Functionals, name: str, family: str, j: int, v: list[int], size: int, d: int
    ) -> None:
        """Add v, over d, times the rows of a layer; of the rows of N for differences, neither inputs nor constants."""
        layer = self.layers[name, j]
        self.spend(layer.work * f.count)
        for below in layer.sizes:
            if below or family != "d":
                values = layer.times(v, below, state.alive[family, below])
                f.add(family, below, values, d * layer.scale, size * layer.norms[below])
        if family != "d":
            f.plus(sum(map(operator.mul, v, layer.bias)), d * layer.scale, size * layer.norms[-1], WHOLE)

    def relaxed(
        self, state: State, f: Functionals, family: str, j: int, values: list[int], size: int
    ) -> tuple[list[int], int]:
        """The integers on what a tensor is before its functions, by the lines around them, and their size."""
        lines = state.lines[family, j]
        slopes, (constants, most) = f.steered(values, size, [line[2:] for line in lines], [line[:2] for line in lines])
        f.plus(sum(constants), UNIT, most * len(lines))
        return self.moved(state, family, j, *slopes)

    def moved(self, state: State, family: str, j: int, v: list[int], size: int) -> tuple[list[int], int]:
        """The integers of elements after the functions, given to the elements before them that the lines are on."""
        if (family, j) not in state.places:
            return v, size
        found = [0] * len(state.before[family, j][0])
        for e, x in zip(state.places[family, j], v, strict=True):
            found[e] += x
        return found, size * len(v)

    def slanted(
        self,
        state: State,
        f: Functionals,
        stage: Stage,
        j: int,
        gap: list[int],
        size: int,
        w: tuple[list[int], int] | None,
    ) -> tuple[tuple[list[int], int], tuple[list[int], int] | None, int]:
        """The integers on the differences before the functions, by the planes around those after them; and those on
        the elements of N', to which w is added, with their denominator."""
        planes = state.planes[j]
        s, t, (c, most) = f.steered(gap, size, [below for _, below in planes], [above for above, _ in planes])
        f.plus(sum(c), UNIT, most * len(planes))
        v = self.moved(state, "a", j, *s)
        if stage.over is None:
            return v, w, 1
        others, more = w or ([0] * len(state.before["b", stage.over][0]), 0)
        classes = [stage.ratios * x for x in others]
        slopes, most = self.moved(state, "a", j, *t)
        for x, pair, factor in zip(slopes, stage.pairs, stage.factors, strict=False):
            if pair.k is not None:
                classes[pair.k] += x * factor
        return v, (classes, stage.ratios * more + stage.weight * most), stage.ratios

    # The bounds of one box come stage by stage, from the inputs up.

    def node(self, low: list[int], high: list[int], parent: Bounds | None) -> State:
        """All bounds of a box, which lies in the box that the parent's are of."""
        state = State(low, high)
        for stage in self.stages:
            for family, j in [(x, stage.ours) for x in stage.families] + [("b", stage.over)] * stage.fresh:
                assert j is not None
                self.begin(state, family, j, parent)
            self.units(state, stage, inherited=parent is not None)
            if stage.fresh and stage.over is not None:
                self.draw(state, "b", stage.over)
            if stage.ours is not None:
                self.draw(state, "a", stage.ours)
                if "d" in stage.families:
                    self.compare(state, stage, stage.ours)
            state.done.append(stage)
        return state

    def begin(self, state: State, family: str, j: int, parent: Bounds | None) -> None:
        """Begin with the bounds of the parent, if there is one."""
        none = [0] * len(self.layers[family, j].bias)
        low, high = (none, none) if parent is None else parent[family, j]
        state.before[family, j] = [*low], [*high]

    def polygon(self, state: State, stage: Stage, pair: Pair) -> Polygon:
        """The bounds of an element of N, of what it is compared with, and of the difference."""
        x = z = d = 0, 0
        if pair.e is not None and stage.ours is not None:
            x, *more = (
                (low[pair.e], high[pair.e]) for low, high in [state.before[f, stage.ours] for f in stage.families]
            )
            d = more[0] if more else d
        if pair.k is not None and stage.over is not None:
            low, high = state.before["b", stage.over]
            z = scaled(pair.ratio, low[pair.k], high[pair.k])
        return Polygon(x, z, d)

    def is_line(self, pair: Pair, polygon: Polygon, flat: bool = False) -> bool:
        """Whether the functions of a pair are known to be one line there, or two if they differ; flat: constant."""
        if pair.pool:
            return not flat  # of what it reads there are no bounds but intervals
        (a, b), (c, d), _ = polygon
        if pair.f is pair.g and pair.f is not None:
            a, b = min(a, c), max(b, d)
        courses = [f(*ends) for f, ends in ((pair.f, (a, b)), (pair.g, (c, d))) if f is not None]
        return all(found.line and not (flat and found.pieces[0].slope) for found in courses)

    def units(self, state: State, stage: Stage, inherited: bool) -> None:
        """The bounds of the elements of N, of what they are compared with, and of the differences."""
        pairs = [
            pair
            for pair in stage.pairs
            if not (inherited and self.is_line(pair, self.polygon(state, stage, pair), flat=True))
        ]
        for family, j, elements in self.elements(stage, pairs, "b" + stage.families):
            self.intervals(state, family, j, elements, first=not inherited)
        self.tighten(state, stage, pairs)
        for families in ("ab", "d"):
            pairs = [pair for pair in pairs if not self.is_line(pair, self.polygon(state, stage, pair))]
            for family, j, elements in self.elements(stage, pairs, families):
                if self.is_deep(family, j):
                    for e, low, high in zip(elements, *self.bounds(state, family, j, elements), strict=True):
                        self.improve(state, family, j, e, low, -high)
            self.tighten(state, stage, pairs)

    def elements(self, stage: Stage, pairs: Sequence[Pair], families: str) -> Iterator[tuple[str, int, list[int]]]:
        """The elements of pairs that are bounded at a stage, by family and tensor."""
        if stage.over is not None and "b" in families:
            yield "b", stage.over, [pair.k for pair in pairs if pair.new and pair.k is not None]
        for family in stage.families:
            if family in families and stage.ours is not None:
                yield family, stage.ours, [pair.e for pair in pairs if pair.e is not None]

    def is_deep(self, family: str, j: int) -> bool:
        """Whether an element is made from more than inputs, so that its interval is not the best bound."""
        return any(below for name in {family, "a" if family == "d" else family} for below in self.layers[name, j].sizes)

    def intervals(self, state: State, family: str, j: int, elements: Sequence[int], first: bool) -> None:
        """Meet the bounds of elements before their function with those that follow from what makes the elements."""
        layer, name = self.layers[family, j], "b" if family == "d" else family
        self.spend(layer.work // max(len(layer.bias), 1) * len(elements))
        scale, bias = layer.scale, layer.bias
        ends = layer.reach(elements, state.least[name], state.most[name])
        if family == "d":  # what the rows of the two networks differ in, and the differences below
            ours = self.layers["a", j]
            below = ours.reach(elements, state.least["d"], state.most["d"])
            m, n = ours.scale, scale
            ends = [(x * m + u * n, y * m + v * n) for (x, y), (u, v) in zip(ends, below, strict=True)]
            scale, bias = m * n, [b * m for b in bias]
        for e, (least, most) in zip(elements, ends, strict=True):
            shift = bias[e] << VALUE
            self.improve(state, family, j, e, (least + shift) // scale, -(-(most + shift) // scale), first)

    def improve(self, state: State, family: str, j: int, e: int, low: int, high: int, first: bool = False) -> None:
        """Meet the bounds of an element with others."""
        lows, highs = state.before[family, j]
        lows[e], highs[e] = (low, high) if first else (max(lows[e], low), min(highs[e], high))
        hold("bounds", lows[e] <= highs[e], "found bounds that cross, which no value can satisfy")

    def tighten(self, state: State, stage: Stage, pairs: Sequence[Pair]) -> None:
        """What x = z + d says of the bounds of the three."""
        for pair in pairs if "d" in stage.families else ():
            if pair.e is not None and stage.ours is not None:
                x, z, d = self.polygon(state, stage, pair)
                x = max(x[0], z[0] + d[0]), min(x[1], z[1] + d[1])
                z = max(z[0], x[0] - d[1]), min(z[1], x[1] - d[0])
                d = max(d[0], x[0] - z[1]), min(d[1], x[1] - z[0])
                self.improve(state, "a", stage.ours, pair.e, *x)
                self.improve(state, "d", stage.ours, pair.e, *d)
                if pair.new and pair.k is not None and stage.over is not None:
                    z = z if pair.ratio is ONE else scaled(1 / pair.ratio, *z)
                    self.improve(state, "b", stage.over, pair.k, *z)

    def draw(self, state: State, family: str, j: int) -> None:
        """The lines around the elements of a tensor, and their bounds after the function."""
        based, (low, high) = self.based[j], state.before[family, j]
        lines, ends, places = list[Line](), list[tuple[int, int]](), list[int]()
        functions = [between(function) for function in based.functions]
        for i in range(based.units * based.positions):
            function = based.functions[i // based.positions]
            if function[0] == "max_pool":  # one of the elements it reads, if that is the largest
                read = based.read(i)
                e, most = max(read, key=low.__getitem__), max(map(high.__getitem__, read))
                wins = all(high[other] <= low[e] for other in read if other != e)
                lines.append(Line(UNIT, 0, UNIT, 0) if wins else Line(0, most * UNIT, UNIT, 0))
                ends.append((low[e], most))
                places.append(e)
            else:
                found = functions[i // based.positions](low[i], high[i])
                lines.append(line_of(found, low[i], high[i]))
                ends.append(ends_of(found))
        if places:
            state.places[family, j] = places
        state.lines[family, j] = lines
        state.alive[family, j] = [any(line) or low != 0 for line, (low, _) in zip(lines, ends, strict=True)]
        state.least[family][j], state.most[family][j] = [low for low, _ in ends], [high for _, high in ends]

    def compare(self, state: State, stage: Stage, j: int) -> None:
        """The planes around the differences after the functions of a tensor, and their bounds."""
        planes, ends = list[tuple[Plane, Plane]](), list[tuple[int, int]]()
        places = state.places.get(("a", j), range(len(state.lines["a", j])))
        for i, (e, line) in enumerate(zip(places, state.lines["a", j], strict=True)):
            pair = stage.pairs[e]
            polygon = self.polygon(state, stage, pair)
            assert pair.f is not None
            assert pair.g is not None
            if pair.pool:
                above, below, found = self.pooled(state, stage, i, pair, line)
            else:
                above, below, found = compared(polygon, pair.f, pair.g, line)
            planes.append((above, below))
            ends.append(found)
        state.planes[j] = planes
        state.alive["d", j] = [
            any(above + below) or low != 0 for (above, below), (low, _) in zip(planes, ends, strict=True)
        ]
        state.least["d"][j], state.most["d"][j] = [low for low, _ in ends], [high for _, high in ends]

    def pooled(
        self, state: State, stage: Stage, i: int, pair: Pair, line: Line
    ) -> tuple[Plane, Plane, tuple[int, int]]:
        """The difference of two largest elements: that of one pair if both are largest there, else between the least
        and the greatest of the pairs.  Without a class: the largest element itself, less a constant."""
        a, b = stage.ours or 0, stage.over or 0
        based, x = self.based[a], (state.least["a"][a][i], state.most["a"][a][i])
        if pair.k is None:
            assert pair.g is not None
            piece = pair.g(0, 0).pieces[0]
            above, below = (line.above, 0, line.over - piece.least), (line.below, 0, line.under - piece.most)
            return above, below, (x[0] - -(-piece.most // UNIT), x[1] - piece.least // UNIT)
        at = pair.k // based.before * based.positions + i % based.positions
        z = scaled(pair.ratio, state.least["b"][b][at], state.most["b"][b][at])
        same = line.above > 0 and state.lines["b", b][at].above > 0 and state.places["b", b][at] == pair.k
        low, high = state.before["d", a]
        read = [pair.e or 0] if same else based.read(i)
        d = min(low[r] for r in read), max(high[r] for r in read)
        above, below = ((UNIT, 0, 0), (UNIT, 0, 0)) if same else ((0, 0, d[1] * UNIT), (0, 0, d[0] * UNIT))
        return above, below, (max(d[0], x[0] - z[1]), min(d[1], x[1] - z[0]))

    def outputs(self, state: State, goal: Goal, parent: Bounds | None, leaf: Slopes) -> bool:
        """Bound the combinations of outputs; whether all is as demanded.  What the parent met is met."""
        for family in {demand.family for demand in goal.demands}:
            self.begin(state, family, OUTPUTS, parent)
        wanted = [
            (i, demanded.family, demanded.e)
            for i, demanded in enumerate(goal.demands)
            if parent is None or goal.total is not None or not demanded.met(state.before)
        ]
        for _, family, e in wanted if parent is None else ():
            self.intervals(state, family, OUTPUTS, [e], first=True)
        for family in {family for _, family, _ in wanted}:
            plain = [e for i, of, e in wanted if of == family and not {(i, 0), (i, 1)} & leaf.keys()]
            for e, low, high in zip(plain, *self.bounds(state, family, OUTPUTS, plain), strict=True):
                self.improve(state, family, OUTPUTS, e, low, -high)
        for i, family, e in (known for known in wanted if {(known[0], 0), (known[0], 1)} & leaf.keys()):
            states = [self.sloped(state, leaf[i, side]) if (i, side) in leaf else state for side in (0, 1)]
            ((low,),), ((high,),) = (
                self.bounds(known, family, OUTPUTS, [e], [sign]) for known, sign in zip(states, (1, -1), strict=True)
            )
            self.improve(state, family, OUTPUTS, e, low, -high)
        if goal.total is None:
            return all(wanted.met(state.before) for wanted in goal.demands)
        return sum(max(map(abs, ends)) for ends in zip(*state.before["d", OUTPUTS], strict=True)) <= goal.total

    def sloped(self, state: State, slopes: list[tuple[int, ...]]) -> State:
        """The state with other lines for some pairs: the slope of the line below the element of N', where it is bounded
        with the pair, and both slopes of the planes, where there is a difference."""
        other, pairs = copy.copy(state), [(stage, pair) for stage in self.stages for pair in stage.pairs]
        other.lines = {key: [*lines] for key, lines in state.lines.items()}
        other.planes = {j: [*planes] for j, planes in state.planes.items()}
        other.alive = {key: [*alive] for key, alive in state.alive.items()}
        for number, below, s, t in slopes:
            hold("slopes", number < len(pairs), f"slopes: found pair {number} of {len(pairs)}")
            (stage, pair), polygon = pairs[number], self.polygon(state, *pairs[number])
            hold("slopes", not pair.pool, "slopes: found those of a max-pool")
            if pair.new and pair.k is not None and stage.over is not None:
                low, high = (side[pair.k] for side in state.before["b", stage.over])
                based = self.based[stage.over]
                under, _ = extreme(below, course(based.functions[pair.k // based.before], low, high))
                lines = other.lines["b", stage.over]
                lines[pair.k] = lines[pair.k]._replace(below=below, under=under)
                other.alive["b", stage.over][pair.k] = True
            if pair.e is not None and stage.ours is not None and pair.f and pair.g:
                both = two(polygon, pair.f, pair.g)
                under, over = both.ends(s, t)
                other.planes[stage.ours][pair.e] = (s, t, over), (s, t, under)
                other.alive["d", stage.ours][pair.e] = True
        return other


# --- Bounds: two networks on a box --------------------------------------------------------------------


class Comparison(Checker):
    """The bounds of N, N' and their differences, made ready: rule 1, and rule 2 for the classes of N'.  The rows of N
    are no claims, but definitions: of what each of its units is compared with.  Without N': the bounds of N alone."""

    def __init__(self, original: Network, reduced: Network | None, relations: dict[str, Any], work: int) -> None:
        super().__init__(original, reduced or original, relations)
        self.bounds, self.alone = True, reduced is None
        self.tensors = Tensors(self.atoms, sum(original.units[name] for name in original.inputs))
        self.named, self.layers = dict[int, Form](), dict[tuple[str, int], Layer]()  # of units of N: their references
        self.check_names()
        self.check_inputs()
        theirs = {} if self.alone else self.based(self.reduced)
        ours = self.based(self.original)
        self.numbers = {"original": ours, "reduced": theirs}
        hold("free", not self.atoms.free, "reduced: found a free unit, expected none where there are bounds")
        self.stages = [*self.staged(ours, theirs)]
        for stage in self.stages:
            self.prepare(stage)
        self.bounder = Bounder(self.tensors, self.stages, self.layers, work)

    def based(self, half: Half) -> dict[str, int]:
        """Find the based tensors of a network; their numbers."""
        network, numbers, relations = half.network, dict[str, int](), self.relations[half.side]
        for tensor, node in network.nodes.items():
            half.prepare(node)
            view, below, function = network.views[tensor], network.views[node.sources[0]], node.function(0)
            support(node.kind != "head", f"{half.side} {tensor!a}: found {function[0]}, which has no bounds")
            if node.kind != "activate" and (view.positions == 1 or (below.positions > 1 and len(node.sources) == 1)):
                hold("relation", tensor not in relations, f"{half.side} {tensor!a}: found a relation, expected none")
                continue
            if half is self.reduced and not self.alone:
                self.reduced_tensor(tensor, node)
                first, count, leader = self.anchors[tensor]
                leaders = [leader(k) for k in range(count)]
            else:
                leaders = [(v, ONE) for v in range(view.units)]
            forms = [affine(half.before(tensor, v), 1 / c, ZERO) for v, c in leaders]
            if half is self.original:
                first = self.atoms.new(view.units)
                half.known[tensor] = atoms(first)
            before = below.positions if function[0] == "max_pool" else view.positions
            numbers[tensor], functions = len(self.tensors.based), [node.function(v) for v, _ in leaders]
            self.tensors.based.append(Based(tensor, first, len(leaders), view.positions, before, functions, forms))
        return numbers

    def staged(self, ours: dict[str, int], theirs: dict[str, int]) -> Iterator[Stage]:
        """The stages: the tensors of N in order, each after the tensors of N' up to what it is compared with."""
        left, based, relations = [*theirs.values()], self.tensors.based, self.relations["original"]
        for place, (tensor, j) in enumerate(ours.items()):
            count, before, over = based[j].units, based[j].before, None
            rows = [Row("sum")] * count
            if tensor in relations:
                rows, name = relations[tensor]["rows"], relations[tensor]["over"]
                hold(
                    "over",
                    name is None or name in theirs,
                    f"original {tensor!a}: `over` names a tensor of another kind",
                )
                over = theirs[name] if name is not None else None
            elif len(ours) == len(theirs):  # the units of the tensor in the same place, if there are as many
                over = [*theirs.values()][place]
                same = based[over][2:5] == based[j][2:5]
                rows, over = ([Row("class", v, ONE) for v in range(count)], over) if same else (rows, None)
            while over in left and left[0] != over:
                yield self.single(left.pop(0))
            fresh = over in left
            left = left[fresh:]
            if self.alone:
                pairs = [self.pair(j, e, None, None, ONE) for e in range(count * before)]
                yield Stage(j, None, False, "a", pairs)
                continue
            references = [self.reference(j, over, v, rows[v]) for v in range(count)]
            pairs, seen = [], set[int]()
            for e in range(count * before):
                of, ratio, g = references[e // before]
                k = None if of is None else of * before + e % before
                pairs.append(self.pair(j, e, k, g, ratio, new=fresh and k is not None and k not in seen))
                seen.update([] if k is None else [k])
            ratios = math.lcm(*(pair.ratio.denominator for pair in pairs))
            factors = [int(pair.ratio * ratios) for pair in pairs]
            if fresh and over is not None:
                pairs += [pair for pair in self.single(over).pairs if pair.k not in seen]
            weights = dict[int | None, int]()
            for pair, factor in zip(pairs, factors, strict=False):
                weights[pair.k] = weights.get(pair.k, 0) + abs(factor)
            yield Stage(j, over, fresh, "ad", pairs, factors, ratios, max(weights.values(), default=0))
        yield from map(self.single, left)

    def single(self, j: int) -> Stage:
        """The stage of a tensor of N' with which nothing is compared."""
        _, _, units, _, before, functions, _ = self.tensors.based[j]
        pairs = [self.pair(None, None, k, functions[k // before], ONE, new=True) for k in range(units * before)]
        return Stage(None, j, True, "", pairs)

    def pair(
        self, j: int | None, e: int | None, k: int | None, g: Function | None, ratio: Fraction, new: bool = False
    ) -> Pair:
        """An element of a tensor of N and what it is compared with, with their functions."""
        f = None if j is None or e is None else self.tensors.based[j].functions[e // self.tensors.based[j].before]
        pool = "max_pool" in [function[0] for function in (f, g) if function is not None]
        return Pair(e, k, f and between(f), g and between(g), ONE if ratio == 1 else ratio, new, pool)

    def reference(self, j: int, over: int | None, v: int, row: Row) -> tuple[int | None, Fraction, Function]:
        """What a unit of N is compared with, by its row: class k before its function g, times a ratio; or a constant.
        A free unit is compared with 0."""
        ours, theirs = self.tensors.based[j], self.tensors.based[over or 0]
        with about(f"original {ours.name!a} unit {v}"):
            row = row if row.kind in ("class", "sum") else Row("sum")
            hold("of", not row.terms, "found a sum of classes, expected one class or a constant")
            ((_, self.named[ours.first + v]),) = self.claimed([row], theirs.first)
            if row.kind == "sum":
                return None, ONE, ("constant", (row.number,))
            hold(
                "class-exists",
                over is not None and row.of < theirs.units,
                f"found class {row.of}, which does not exist",
            )
            f, g = ours.functions[v], theirs.functions[row.of]
            ratios = taken_to(g, row.number)
            hold("ratio", ratios, "the function of its class takes nothing to its ratio")
            same = f == g if "max_pool" in (f[0], g[0]) else ours.before == theirs.before
            hold("activation", same, "its function is of another kind than that of its class")
            return row.of, ratios[0], g

    def prepare(self, stage: Stage) -> None:
        """The layers of a stage: of N, of N', and what the first is compared with minus the second."""
        based = self.tensors.based
        if stage.fresh and stage.over is not None:
            self.layers["b", stage.over] = Layer(self.tensors, based[stage.over].forms, based[stage.over].before)
        if stage.ours is not None:
            ours = based[stage.ours]
            self.layers["a", stage.ours] = Layer(self.tensors, ours.forms, ours.before)
            if "d" in stage.families:
                forms = []
                for form, pair in zip(ours.forms, stage.pairs[:: ours.before], strict=False):
                    theirs = based[stage.over or 0].forms[pair.k // ours.before] if pair.k is not None else ({}, 1)
                    forms.append(combination([(ONE, self.compared(form)), (-pair.ratio, theirs)]))
                self.layers["d", stage.ours] = Layer(self.tensors, forms, ours.before)

    def compared(self, form: Form) -> Form:
        """A form of N with what its units are compared with in their place."""
        terms, d = form
        return combination((Fraction(n, d), self.counterpart(atom)) for atom, n in terms.items())

    def counterpart(self, atom: int) -> Form:
        """What an atom is compared with: that of its unit, with the same lifts; an input, and ONE, with itself."""
        if atom not in self.named:
            lifts, base = self.tensors.lifts(atom)
            form: Form = ({atom: 1}, 1)
            if base in self.named:
                form = self.named[base]
                for lift in reversed(lifts):
                    form = lifted(self.atoms, lift, form)
            self.named[atom] = form
        return self.named[atom]

    def outputs(self, claim: dict[str, Any]) -> list[tuple[int, ...]]:
        """Make the layers of the combinations of outputs that a claim is about; of which outputs each is made: one, or
        the difference of two."""
        sizes = [network.sizes("outputs") for network in (self.original.network, self.reduced.network)]
        hold("output", sizes[0] == sizes[1], "outputs: their numbers of elements differ")
        elements = [self.elements(half) for half in (self.original, self.reduced)]
        count = sum(sizes[0])
        pairs: list[tuple[int, ...]] = [(o,) for o in range(count)]
        index = claim.get("index")
        if index is not None:
            hold("claim", index < count, f"claim: found output {index} of {count}")
            pairs = [(index, o) for o in range(count) if o != index]
        elif claim.get("metric") == "margins":
            pairs = [*itertools.combinations(range(count), 2)]
        hold("claim", pairs, "claim: found one output, expected several to choose from")
        ours, theirs = (
            [combination(zip((ONE, -ONE), map(forms.__getitem__, pair), strict=False)) for pair in pairs]
            for forms in elements
        )
        gaps = [
            combination([(ONE, self.compared(form)), (-ONE, other)]) for form, other in zip(ours, theirs, strict=True)
        ]
        for family, forms in (("a", ours), ("b", theirs), ("d", gaps)):
            self.layers[family, OUTPUTS] = Layer(self.tensors, forms)
        return pairs

    def elements(self, half: Half) -> list[Form]:
        """The forms of the elements of the outputs, in order."""
        found = []
        for name in half.network.outputs:
            view = half.network.views[name]
            for unit, p in map(view.unit, range(math.prod(view.dims))):
                form = half.form(name, unit)
                found.append(
                    form if view.positions == 1 else lifted(self.atoms, Lift("at", view.positions, p, True), form)
                )
        return found

    def evaluate(self, family: str, x: Sequence[Fraction]) -> list[Fraction]:
        """The outputs of N or N' at an exact input; `unsupported` where a value is not known to be rational."""
        known = {0: [*x]}
        for j, based, layer in self.tensors_of(family):
            before = layer.values(known)
            known[j] = []
            for i in range(based.units * based.positions):
                function = based.functions[i // based.positions]
                pool = function[0] == "max_pool"
                y = max(before[e] for e in based.read(i)) if pool else value_at(function, before[i])
                support(y is not None, f"{based.name!a}: the value of {function[0]} is not rational at this input")
                known[j].append(y or ZERO)
        return self.layers[family, OUTPUTS].values(known)

    def enclose(self, family: str, x: Sequence[Fraction]) -> list[tuple[Fraction, Fraction]]:
        """Between which numbers the outputs of N or N' lie at an exact input, whatever the functions."""
        known = {0: [*map(number, x)]}
        for j, based, layer in self.tensors_of(family):
            before = layer.ranges(known)
            known[j] = []
            for i in range(based.units * based.positions):
                function = based.functions[i // based.positions]
                if function[0] == "max_pool":
                    read = [before[e] for e in based.read(i)]
                    known[j].append(Range(max(y.low for y in read), max(y.high for y in read)))
                else:
                    known[j].append(enclosed(function, before[i]))
        found = self.layers[family, OUTPUTS].ranges(known)
        return [(Fraction(y.low, FULL), Fraction(y.high, FULL)) for y in found]

    def tensors_of(self, family: str) -> Iterator[tuple[int, Based, Layer]]:
        """The based tensors of N or N', in order, and what their elements are made of."""
        for stage in self.stages:
            j = stage.ours if family == "a" else stage.over if stage.fresh else None
            if j is not None:
                yield j, self.tensors.based[j], self.layers[family, j]

    def float_errors(self, boxes: Sequence[tuple[list[int], list[int]]], family: str) -> list[int]:
        """How far off a machine may compute each output in float32 (docs/trust.md, "Machine arithmetic")."""
        half = self.original if family == "a" else self.reduced
        network, largest = half.network, {0: ONE}  # of each atom
        plain = network.kinds == {1} and not network.folded and network.specification == "as stored"
        hold(
            "arithmetic", plain, f"{half.side}: found other numbers than float32 as stored, or constants made of others"
        )
        for low, high in boxes:
            state = self.bounder.node(low, high, None)
            for j, based in enumerate(self.tensors.based):
                if j in state.most[family]:
                    for i, ends in enumerate(zip(state.least[family][j], state.most[family][j], strict=True)):
                        atom = based.first + i // based.positions
                        largest[atom] = max(largest.get(atom, ZERO), Fraction(max(map(abs, ends)), WHOLE))
        sizes, errors = dict[str, list[Fraction]](), dict[str, list[Fraction]]()
        for name in network.inputs:
            sizes[name] = [largest[a] for v in range(network.units[name]) for a, _ in half.known[name].of(v)]
            errors[name] = [ZERO] * network.units[name]
        for name, node in network.nodes.items():
            with about(f"{half.side} {name!a}"):
                rounded = [rounding(node, v, sizes, errors) for v in range(network.units[name])]
            sizes[name], errors[name] = [size for size, _ in rounded], [error for _, error in rounded]
            if name in self.numbers[half.side]:  # by the bounds
                forms = [half.form(name, v) for v in range(network.units[name])]
                sizes[name] = [
                    sum((largest[self.tensors.lifts(atom)[1]] * abs(n) for atom, n in form.items()), ZERO) / d
                    for form, d in forms
                ]
        found = []
        for name in network.outputs:
            view = network.views[name]
            found += [up(errors[name][view.unit(e)[0]]) for e in range(math.prod(view.dims))]
        return found


def lifted(atoms: Atoms, lift: Lift, form: Form) -> Form:
    """What a lift makes of a form."""
    table = atoms.lifted(lift)
    return {table[atom]: n for atom, n in form[0].items()}, form[1]


def combination(parts: Iterable[tuple[Fraction, Form]]) -> Form:
    """The sum of rationals times forms."""
    summands, terms = [*parts], dict[int, int]()
    whole = common({c.denominator * d for c, (_, d) in summands}, 1 + len(summands))
    for c, (form, d) in summands:
        factor = c.numerator * (whole // (c.denominator * d))
        for atom, n in form.items():
            terms[atom] = terms.get(atom, 0) + factor * n
    return {atom: n for atom, n in terms.items() if n}, whole


U, TINY, TOP = Fraction(1, 1 << 24), Fraction(1, 1 << 150), Fraction((1 << 128) - (1 << 103))  # of float32


def rounding(
    node: Node, v: int, sizes: dict[str, list[Fraction]], errors: dict[str, list[Fraction]]
) -> tuple[Fraction, Fraction]:
    """How large a unit of a node is at most, and how far off a machine computes it, from those of the sources."""
    if node.kind == "activate":
        (name, parameters), (source,) = node.function(v), node.sources
        support(
            name in ("leaky_relu", "clip", "at_least", "at_most", "max_pool"), f"found {name}, which rounds otherwise"
        )
        size, off, slope = sizes[source][v], errors[source][v], ONE
        if name != "max_pool":
            hold("arithmetic", all(map(is_float32, parameters)), "found a parameter that is no float32 number")
        if name == "leaky_relu" and parameters[0] not in (-1, 0, 1):
            (slope,) = parameters
            off = max(ONE, abs(slope)) * off + U * abs(slope) * (size + off) + TINY
        size *= max(ONE, abs(slope))
        hold("arithmetic", size + off < TOP, "its values may overflow float32")
        return size, off
    if node.row is None:
        u, factor, bias = node.step(v)
        terms, several = [(factor, node.sources[0], u)], 0
    else:
        columns, integers, d, bias = node.row(v)
        places = [node.place(c) if node.place else (0, c, None) for c in columns]
        terms = [(Fraction(n, d), node.sources[i], u) for n, (i, u, _) in zip(integers, places, strict=False)]
        windows = (lift.over for *_, lift in places if lift is not None and lift.name == "average")
        several = max((math.prod(window.kernel) for window in windows), default=0)
    numbers = [weight for weight, *_ in terms] + [bias]
    hold("arithmetic", all(map(is_float32, numbers)), "found a weight that is no float32 number")
    size = sum((abs(w) * sizes[source][u] for w, source, u in terms), abs(bias))
    off = sum((abs(w) * errors[source][u] for w, source, u in terms), ZERO)
    if len(terms) > 1 or bias or several or any(abs(w) != 1 for w, *_ in terms):
        count = len(terms) + several + 2  # roundings that a summand may go through
        g = count * U / (1 - count * U)
        off += g * (size + off) + count * TINY * (1 + g)
    hold("arithmetic", max(several, 1) * (size + off) < TOP, "its sums may overflow float32")  # those of a mean, too
    return size, off


def is_float32(x: Fraction) -> bool:
    """Whether a number is one of float32."""
    p, q = abs(x.numerator), x.denominator
    return q & (q - 1) == 0 and q <= 1 << 149 and p < q << 128 and p.bit_length() - (p & -p).bit_length() < 24


def headless(network: Network) -> Network:
    """The network with its softmax left out, if that is its only output: over the reals the order of what is below it,
    and which of two numbers is larger, stays as it is."""
    (name, *others), nodes = network.outputs, network.nodes
    node = nodes.get(name, Node(()))
    head = node.kind == "head" and node.function(0)[0] in ("softmax", "log_softmax")
    read = any(name in other.sources for other in nodes.values())
    return network if others or read or not head else replace(network, nodes={**nodes, name: Node(node.sources)})


def goal_of(claim: dict[str, Any], pairs: list[tuple[int, ...]], errors: Sequence[list[int]]) -> Goal:
    """What a claim demands on each box; `errors`: how far off machines may compute the outputs of N and of N'."""
    off = [[sum(side[o] for o in pair) for pair in pairs] for side in errors]
    if claim["criterion"] == "decision":
        return Goal([Demand(x, t, 1 + e) for x, side in zip("ab", off, strict=True) for t, e in enumerate(side)])
    epsilon, count = [*map(down, claim["epsilon"])], max(map(max, pairs)) + 1
    expected = {"per-output": count, "margins": count * (count - 1)}.get(claim["metric"], 1)
    hold("claim", len(epsilon) == expected, f"epsilon: found {len(epsilon)} numbers, expected {expected}")
    hold("claim", min(epsilon, default=0) >= 0, "epsilon: found a negative number")
    both = [x + y for x, y in zip(*off, strict=True)]
    if claim["metric"] == "l1":
        return Goal([Demand("d", t) for t in range(count)], epsilon[0] - sum(both))
    sides = [(e, e) for e in (epsilon if claim["metric"] == "per-output" else epsilon * count)]
    if claim["metric"] == "margins":
        margin = dict(zip(itertools.permutations(range(count), 2), epsilon, strict=True))
        sides = [(margin[j, y], margin[y, j]) for y, j in pairs]
    return Goal([Demand("d", t, e - low, high - e) for t, ((low, high), e) in enumerate(zip(sides, both, strict=True))])


class Tree(NamedTuple):
    """How a box is halved: for each box, depth first, the lower half first, the input that is halved, plus 1; or 0.

    sizes   for each box, how many boxes it and its parts are
    slopes  for some boxes: other slopes, for demands and sides
    """

    splits: Sequence[int]
    sizes: Sequence[int]
    slopes: dict[int, Slopes]


def read_tree(value: Any) -> Callable[[int], Tree]:
    """A tree in its grammar, for so many inputs: numbers of as many bits as the largest needs, in base 64."""
    entry = fit(value, {"splits": based_64, "slopes": [(int, int, one_of(0, 1), based_64)]})
    slopes = dict[int, Slopes]()
    for node, number, side, data in entry["slopes"]:
        demand(len(data) % 8 == 0, "slopes: found a number of bytes that is no multiple of 8")
        slopes.setdefault(node, {})[number, side] = found = [*struct.iter_unpack(">Hhhh", data)]
        demand(all(a[0] < b[0] for a, b in itertools.pairwise(found)), "slopes: found pairs that do not ascend")
    keys = [key[:3] for key in entry["slopes"]]
    demand(keys == sorted(set(keys)), "slopes: found entries that do not ascend")

    def decoded(inputs: int) -> Tree:
        bits, data, splits, pending, held, rest = inputs.bit_length(), iter(entry["splits"]), array("L"), 1, 0, 0
        while pending:
            while held < bits:
                byte = next(data, None)
                hold("tree", byte is not None, "splits: found the end, expected more boxes")
                rest, held = (rest << 8) + (byte or 0), held + 8
            held -= bits
            split, rest = rest >> held, rest & (1 << held) - 1
            hold("tree", split <= inputs, f"splits: found input {split - 1}, expected one of {inputs}")
            splits.append(split)
            pending += 1 if split else -1
        hold("tree", rest == 0 and next(data, None) is None, "splits: found more after the last box")
        hold("slopes", all(n < len(splits) for n in slopes), "slopes: found those of a box that is not there")
        return Tree(splits, sizes_of(splits), slopes)

    return decoded


def based_64(value: Any) -> bytes:
    """The bytes of a text in base 64."""
    words = fit(value, str)
    with about("base 64", (ValueError,)):
        data = base64.b64decode(words, validate=True)
    demand(base64.b64encode(data).decode() == words, "base 64: found another spelling than the shortest")
    return data


def sizes_of(splits: Sequence[int]) -> Sequence[int]:
    """For each box of a tree, how many boxes it and its parts are."""
    sizes, found = array("L", splits), list[int]()
    for node in range(len(splits) - 1, -1, -1):
        sizes[node] = 1 + sum(found.pop() for _ in range(2 if splits[node] else 0))
        found.append(sizes[node])
    return sizes


class Task(NamedTuple):
    """A box to go on from: of which tree, its number there, its ends, and the bounds of the box it is half of."""

    tree: int
    node: int
    low: list[int]
    high: list[int]
    parent: Bounds | None = None

    def halves(self, tree: Tree, known: Bounds) -> list["Task"]:
        """The tasks of the two halves, the lower one last; none if the box is not halved."""
        number, node, low, high, _ = self
        if not tree.splits[node]:
            return []
        i, second = tree.splits[node] - 1, node + 1 + tree.sizes[node + 1]
        hold("tree", low[i] < high[i], f"found input {i} halved, which has one value there")
        lower, upper, middle = [*high], [*low], low[i] + high[i] >> 1
        lower[i] = upper[i] = middle
        return [Task(number, second, upper, high, known), Task(number, node + 1, low, lower, known)]


class Walk:
    """The boxes of all trees of a certificate, one after the other."""

    def __init__(self, document: dict[str, Any], networks: Sequence[Network], work: int) -> None:
        claim = document["claim"]
        if claim["criterion"] == "decision" and claim["arithmetic"] == "reals":
            networks = [*map(headless, networks)]
        self.comparison = Comparison(networks[0], networks[1], document["relations"], work)
        self.bounder, pairs = self.comparison.bounder, self.comparison.outputs(claim)
        boxes = boxes_of(claim, self.comparison)
        same = len(boxes) == len(document["trees"])
        hold("tree", same, f"trees: found {len(document['trees'])}, expected one for each of {len(boxes)} boxes")
        self.trees = [read(len(low)) for read, (low, _) in zip(document["trees"], boxes, strict=True)]
        self.tasks = [Task(i, 0, *ends) for i, ends in reversed([*enumerate(boxes)])]
        errors = [[0] * (1 + max(map(max, pairs)))] * 2
        if claim.get("arithmetic") == "float32":
            errors = [self.comparison.float_errors(boxes, family) for family in "ab"]
        self.goal = goal_of(claim, pairs, errors)
        known = all(i < len(self.goal.demands) for tree in self.trees for leaf in tree.slopes.values() for i, _ in leaf)
        hold("slopes", known, "slopes: found those of a demand that the claim does not make")

    def visit(self, task: Task) -> list[Task]:
        """Bound one box; the tasks of its halves, or none, if all is as demanded."""
        number, node, low, high, parent = task
        tree = self.trees[number]
        with about(f"tree {number}, box {node}"):
            state = self.bounder.node(low, high, parent)
            done = self.bounder.outputs(state, self.goal, parent, tree.slopes.get(node, {}))
            hold("bound", done or tree.splits[node], "its bounds do not show the claim")
            return task.halves(tree, state.before)

    def run(self, jobs: int = 1, setup: tuple[Any, ...] = ()) -> None:
        """Bound all boxes, with several processes if asked for; `setup` is what these read the files by."""
        jobs = jobs if sum(map(self.size, range(len(self.tasks)))) >= 16 else 1  # or it takes longer to begin
        while self.tasks and (jobs == 1 or len(self.tasks) < 8 * jobs):
            at = max(range(len(self.tasks)), key=self.size) if jobs > 1 else -1
            if jobs > 1 and self.size(at) < 8:
                break
            self.tasks += self.visit(self.tasks.pop(at))
        if self.tasks:
            from concurrent.futures import ProcessPoolExecutor

            with ProcessPoolExecutor(jobs, initializer=begin, initargs=setup) as pool:
                results = [pool.submit(proceed, task, self.left) for task in self.tasks]
                for result in results:
                    stopped, work = result.result()
                    if stopped is not None:
                        pool.shutdown(cancel_futures=True)
                        raise Stop(*stopped)
                    self.spend(work)

    @property
    def left(self) -> int:
        """What is left of the budget."""
        return self.bounder.work

    @left.setter
    def left(self, work: int) -> None:
        self.bounder.work = work

    def spend(self, work: int) -> None:
        """Use some of the budget."""
        self.left -= work
        demand(self.left >= 0, "the work exceeds the budget (--max-work)", "unknown", "budget")

    def size(self, at: int) -> int:
        """How many boxes a task is."""
        return int(self.trees[self.tasks[at].tree].sizes[self.tasks[at].node])


WORKER: list[Walk] = []  # of a process that helps


def begin(made: Callable[..., Walk], *files: Any) -> None:
    """A helping process reads the files by itself."""
    WORKER.append(made(*files, MAX_WORK))


def walk_of(paths: Sequence[str], max_unpacked: int, work: int) -> Walk:
    """The walk of a certificate of two networks."""
    document, networks, _ = read_all(paths, max_unpacked)
    return Walk(document, networks, work)


def proceed(task: Task, work: int) -> tuple[tuple[str, str, str] | None, int]:
    """Bound a box and all of its parts: why that stopped, and the work."""
    (walk,) = WORKER
    walk.tasks, walk.left = [task], work
    try:
        walk.run()
    except Stop as error:
        return (error.verdict, str(error), error.rule), 0
    return None, work - walk.left


def unit_bounds(
    network: Network, boxes: Sequence[tuple[list[int], list[int]]], trees: Sequence[Sequence[int]], work: int
) -> dict[str, tuple[list[int], list[int]]]:
    """The bounds (over WHOLE) of every element of a network before its function, on boxes that trees halve.

    By the name of the tensor that the function defines.  Of a network alone: nothing is compared (docs/trust.md, T8').
    """
    comparison = Comparison(network, None, {side: {} for side in SIDES}, work)
    names = {j: name for name, j in comparison.numbers["original"].items()}
    found = dict[str, tuple[list[int], list[int]]]()
    for splits, (low, high) in zip(trees, boxes, strict=True):
        tree, tasks = Tree(splits, sizes_of(splits), {}), [Task(0, 0, low, high)]
        while tasks:
            task = tasks.pop()
            before = comparison.bounder.node(task.low, task.high, task.parent).before
            tasks += task.halves(tree, before)
            for (_, j), (lows, highs) in before.items() if not tree.splits[task.node] else ():
                least, most = found.get(names[j], (lows, highs))
                found[names[j]] = [*map(min, least, lows)], [*map(max, most, highs)]
    return found


def bounds_on(claim: dict[str, Any], network: Network, work: int) -> tuple[dict[str, tuple[list[int], list[int]]], str]:
    """The bounds of N alone on the domain of an exact claim, and the words for that domain: none for all reals."""
    if claim["domain"] == "all reals":
        return {}, ""
    boxes = boxes_of(claim, Comparison(network, None, {side: {} for side in SIDES}, work))
    return unit_bounds(network, boxes, [[0]] * len(boxes), work), f"only on {ends_of_boxes(claim, network)}, "


def boxes_of(claim: dict[str, Any], comparison: Comparison) -> list[tuple[list[int], list[int]]]:
    """The boxes of a claim, rounded outwards; an input without an end may not be read."""
    network, found = comparison.original.network, []
    sizes = {name: network.units[name] for name in network.inputs}
    hold("domain", claim["domain"]["boxes"], "domain: found no box, expected at least one")
    for box in claim["domain"]["boxes"]:
        hold("domain", {name: len(ends) for name, ends in box.items()} == sizes, f"domain: expected the inputs {sizes}")
        ends = [None if None in pair else pair for name in network.inputs for pair in box[name]]
        hold("domain", all(pair is None or pair[0] <= pair[1] for pair in ends), "domain: found an empty box")
        for i, pair in enumerate(ends):
            read = pair is None and any(layer.reads(i) for layer in comparison.layers.values())
            hold("domain", not read, f"domain: input {i} has no end, and is read")
        found.append(([down(pair[0]) if pair else 0 for pair in ends], [up(pair[1]) if pair else 0 for pair in ends]))
    return found


def differing(document: dict[str, Any], networks: Sequence[Network]) -> str:
    """How the outputs at the input of a certificate differ, if they are as it says."""
    below, outputs = [*map(headless, networks)], document["outputs"]
    comparison = Comparison(below[0], below[1], document["relations"], 0)
    comparison.outputs(document["claim"])
    sizes = {name: networks[0].units[name] for name in networks[0].inputs}
    given = document["input"]
    hold("input", {name: len(x) for name, x in given.items()} == sizes, f"input: expected the inputs {sizes}")
    x = [y for name in networks[0].inputs for y in given[name]]
    for family, side in zip("ab", SIDES, strict=True):
        stated = outputs[side]
        if all(low == high for low, high in stated):
            same = [(y, y) for y in comparison.evaluate(family, x)] == stated
        else:
            found = comparison.enclose(family, x)
            inside = (a <= low and high <= b for (low, high), (a, b) in zip(found, stated, strict=False))
            same = len(found) == len(stated) and all(inside)
        hold("outputs", same, f"outputs: those of the {side} network are others")
    pairs = [*zip(outputs["original"], outputs["reduced"], strict=True)]
    gaps = [y[0] - z[1] if y[0] > z[1] else min(y[1] - z[0], ZERO) for y, z in pairs]
    most = max(range(len(gaps)), key=lambda o: abs(gaps[o]))
    hold("outputs", gaps[most], "outputs: they do not differ")
    least = f"at least {abs(gaps[most])}" if any(low < high for low, high in pairs[most]) else str(gaps[most])
    a, b = (largest(outputs[side]) for side in SIDES)
    apart, headed = a != b and None not in (a, b), any(map(operator.is_not, below, networks))
    hold("outputs", apart or not headed, "outputs: below softmax they are not known to have others that are largest")
    words = f"output {most} differs by {least} (about {nearly(gaps[most])}) at the input of the certificate"
    return "below softmax " * headed + words + (f"; the largest output is {a}, and {b}" if apart else "")


def largest(outputs: Sequence[tuple[Fraction, Fraction]]) -> int | None:
    """The first largest output, if it is known from between what they lie."""
    most = max(range(len(outputs)), key=lambda o: (outputs[o][0], -o))
    ahead = (high < outputs[most][0] or (o >= most and high == outputs[most][0]) for o, (_, high) in enumerate(outputs))
    return most if all(known or o == most for o, known in enumerate(ahead)) else None


def nearly(x: Fraction) -> str:
    """A number in short, rounded towards 0."""
    digits = Decimal(x.numerator) / Decimal(x.denominator)
    return f"{digits:.6g}"


def ends_of_boxes(claim: dict[str, Any], network: Network) -> str:
    """The boxes of a claim in words, as far as there is room."""
    boxes, words, left = claim["domain"]["boxes"], list[str](), 8
    for box in boxes:
        pairs = [pair for name in network.inputs for pair in box[name]]
        if words and len(pairs) > left:
            break
        ends = [f"[{'-inf' if a is None else a}, {'inf' if b is None else b}]" for a, b in pairs[:left]]
        words.append(" x ".join(ends) + (" x ..." if len(pairs) > left else ""))
        left -= len(pairs)
    more = len(boxes) - len(words)
    return " or ".join(words) + (f" or one of {more} more boxes" if more else "")


def said(claim: dict[str, Any], network: Network) -> str:
    """The claim in words."""
    where = ends_of_boxes(claim, network)
    numbers = ", ".join(map(str, claim.get("epsilon", ())[:8])) + (", ..." if len(claim.get("epsilon", ())) > 8 else "")
    what = {"margins": f"margins by {numbers}", "l1": f"the sum of differences by {numbers}"}
    words = f"both decide {claim['index']}" if "index" in claim else what.get(claim["metric"], numbers)
    over = "in float32" if claim["arithmetic"] == "float32" else "over the reals"
    return f"{words} on {where}, {over}, for the networks {SPECIFICATIONS[claim['specification']]}"


# --- Queries ------------------------------------------------------------------------------------------

MAX_DEPTH = 200  # of parentheses
MAX_WORDS = 5_000_000  # of a query
MAX_ELEMENTS = 10_000_000  # of the inputs and outputs of a query
QUERY_WORK = 5_000_000  # operations on its numbers, and comparisons in its cases
QUERY_BITS = 1 << 16  # of its numbers
WORDS = {
    "1.0": re.compile(r';[^\n]*|\|[^|\\]*\||"[^"]*"|[^\s();|"]+|\S', re.A),
    "2.0": re.compile(
        r';[^\n]*|\[[0-9,\s]*\]|"(?:[^"\\]|\\.)*"|<[0-9]+\.[0-9]+>|[<>=!]=|-?[0-9][^\s()[\],;"]*|[-+*<>]'
        r'|[^\s()[\],;"<>=!+*]+|\S',
        re.A,
    ),
}
NUMBERS = {"1.0": r"[+-]?\.?[0-9].*", "2.0": r"-?[0-9]+(\.[0-9]+)?"}
ORDERS = {"<=": ("<=", 1), "<": ("<", 1), ">=": ("<=", -1), ">": ("<", -1)}
RELATIONS = {"1.0": ORDERS | {"=": ("==", 1)}, "2.0": ORDERS | {"==": ("==", 1), "!=": ("!=", 1)}}
ARITHMETIC = {"1.0": ("+", "-", "*", "/"), "2.0": ("+", "-", "*")}

Port: TypeAlias = tuple[str, str, tuple[int, ...]]  # name, element type, shape
Sum: TypeAlias = dict[int, Fraction]  # {variable: multiple}; the constant stands at -1


class Constraint(NamedTuple):
    """A sum of multiples of variables is in a relation, `<=`, `<` or `==`, to a bound."""

    terms: Sum
    relation: str
    bound: Fraction


Cases: TypeAlias = list[tuple[Constraint, ...]]  # in one of them all comparisons hold


class Interface(NamedTuple):
    """What a query says of a network; the relation is `equal-to` or `isomorphic-to` another one, or empty."""

    name: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    relation: str = ""
    other: str = ""


class Query(NamedTuple):
    """Networks, and cases; the variables are the elements of all inputs and outputs, in the order of declaration."""

    version: str
    networks: tuple[Interface, ...]
    cases: Cases


def expressions(text: str, words: re.Pattern[str]) -> Iterator[list[Any]]:
    """The outermost lists that the parentheses of a text make."""
    stack: list[list[Any]] = []
    for count, match in enumerate(words.finditer(text)):
        demand(count < MAX_WORDS, f"found more than {MAX_WORDS} words", "unknown", "budget")
        word = match[0]
        if word == "(":
            stack.append([])
            support(len(stack) <= MAX_DEPTH, f"found more than {MAX_DEPTH} parentheses inside each other")
        elif word == ")":
            demand(stack, "found ')' without '('")
            done = stack.pop()
            if stack:
                stack[-1].append(done)
            else:
                yield done
        elif word[0] != ";":
            demand(stack and word not in ("|", '"', "[", "]", ","), f"found {word!a:.60} where it cannot stand")
            stack[-1].append(word)
    demand(not stack, "found the end of the text, expected ')'")


def in_brackets(word: Any) -> bool:
    """Whether an expression is numbers in brackets."""
    return type(word) is str and word[0] == "["


def axes(word: Any) -> tuple[int, ...]:
    """The numbers in brackets."""
    words = re.fullmatch(r"\[\s*([0-9]{1,9}(?:\s*,\s*[0-9]{1,9})*)?\s*\]", word, re.A) if in_brackets(word) else None
    demand(words, f"found {word!a:.60}, expected such as [1,5]")
    assert words is not None
    return tuple(map(int, words[1].split(","))) if words[1] else ()


class QueryReader:
    """A query while it is read; ports[name]: its first variable, and its shape; so often was a variable `named`."""

    def __init__(self, text: str) -> None:
        first = re.match(r"(?:\s|;[^\n]*(?:\n|\Z))*+\(\s*(vnnlib-version|declare-network)?", text, re.A)
        self.version = "2.0" if first and first[1] else "1.0"
        self.commands = [*expressions(text, WORDS[self.version])]
        self.ports: dict[str, tuple[int, tuple[int, ...]]] = {}
        self.networks: dict[str, Interface] = {}
        self.size, self.left, self.named = 0, QUERY_WORK, 0
        self.assertions: list[Cases] = []

    def read(self) -> Query:
        """The query."""
        if self.version == "1.0":
            self.read_1()
        else:
            self.read_2()
        demand(self.assertions, "found no assertion, expected one")
        return Query(self.version, tuple(self.networks.values()), self.all_of(self.assertions))

    def read_1(self) -> None:
        """The commands of version 1.0; each variable is a port without axes."""
        silent, ends = (["set-logic"], ["set-info"], ["set-option"]), (["check-sat"], ["exit"])
        sizes, ended = {"X": 0, "Y": 0}, False
        for command in self.commands:
            if command[:1] in (["declare-const"], ["declare-fun"]):
                fits = command[2:] == (["Real"] if command[0] == "declare-const" else [[], "Real"])
                name = str(command[1]).strip("|") if fits else ""
                known = re.fullmatch("[XY]_(0|[1-9][0-9]{0,6})", name)
                demand(known, f"found {command!a:.60}, expected X_i or Y_j of type Real")
                sizes[name[0]] = max(sizes[name[0]], int(name[2:]) + 1)
        for command in self.commands:
            demand(not ended or command in ends, f"found {command!a:.60} after check-sat or exit")
            if command[:1] in (["declare-const"], ["declare-fun"]):
                name = command[1].strip("|")
                demand(name not in self.ports, f"found {name} twice")
                self.ports[name] = int(name[2:]) + sizes["X"] * (name[0] == "Y"), ()
            elif command[:1] == ["assert"]:
                self.assertion(command)
            else:
                ended = command in ends
                demand(ended or command[:1] in silent, f"found {command!a:.60}, expected another command")
        demand(sizes["X"] and sum(sizes.values()) == len(self.ports), "found other variables than X_0, X_1, ...")
        inputs, outputs = (((name, "real", (size,)),) if size else () for name, size in sizes.items())
        self.networks["N"] = Interface("N", inputs, outputs)

    def read_2(self) -> None:
        """The commands of version 2.0: the version, networks, assertions."""
        version, *commands = self.commands
        fits = len(version) == 2 and version[0] == "vnnlib-version" and re.fullmatch("<.*>", str(version[1]))
        demand(fits, f"found {version!a:.60}, expected (vnnlib-version <2.0>)")
        support(version[1] == "<2.0>", f"found version {version[1]:.60}, expected 2.0")
        for command in commands:
            if command[:1] == ["assert"] and self.networks:
                self.assertion(command)
            else:
                fits = command[:1] == ["declare-network"] and not self.assertions
                demand(fits, f"found {command!a:.60}, expected another command")
                self.network(command)

    def network(self, command: list[Any]) -> None:
        """A network.  That related networks are alike, and types where they meet, is left to the files."""
        name, *parts = command[1:] or [""]
        demand(self.is_new(name, self.networks), f"found the network {name!a:.60}, expected a new name")
        related = ["", ""]
        if parts and parts[0][:1] in (["equal-to"], ["isomorphic-to"]):
            related = parts.pop(0)
            known = self.networks.get(str(related[-1]))
            demand(len(related) == 2 and known and not known.relation, f"network {name}: found {related!a:.60}")
        ports: dict[str, list[Port]] = {"declare-input": [], "declare-output": []}
        for part in parts:
            demand(type(part) is list and len(part) >= 4, f"network {name}: found {part!a:.60}, expected a port")
            word, port, kind, shape, *rest = part
            hidden = word == "declare-hidden" and str(*rest[:1])[:1] == '"'
            support(not hidden, f"network {name}: found the hidden node {port!a:.60}")
            support(rest != ["initialized"], f"network {name}: found {port!a:.60} initialized")
            fits = word in [*ports] and not rest and (word == "declare-output" or not ports["declare-output"])
            demand(fits and self.is_new(port, self.ports) and type(kind) is str, f"network {name}: found {part!a:.60}")
            sizes = axes(shape)
            demand(0 < math.prod(sizes) <= MAX_ELEMENTS - self.size, f"{port}: found {math.prod(sizes)} elements")
            self.ports[port] = self.size, sizes
            self.size += math.prod(sizes)
            ports[word].append((port, kind, sizes))
        inputs, outputs = (tuple(found) for found in ports.values())
        demand(inputs and outputs, f"network {name}: expected an input and an output")
        self.networks[name] = Interface(name, inputs, outputs, *related)

    def is_new(self, word: Any, known: dict[str, Any]) -> bool:
        """Whether a word is a name that is not known yet."""
        fits = type(word) is str and re.fullmatch("[A-Za-z][A-Za-z0-9_]*", word)
        return bool(fits) and word not in ("and", "or") and word not in known

    def assertion(self, command: list[Any]) -> None:
        """An assertion."""
        demand(len(command) == 2, f"found {command!a:.60}, expected one formula in it")
        self.assertions.append(self.formula(command[1]))

    def formula(self, found: Any) -> Cases:
        """The cases of a formula."""
        demand(type(found) is list and found, f"found {found!a:.60}, expected a formula")
        head, *parts = found
        if head in ("and", "or"):
            demand(parts, f"found an empty {head}")
            cases = [self.formula(part) for part in parts]
            return self.all_of(cases) if head == "and" else self.one_of(cases)
        support(head not in ("not", "=>", "xor", "ite", "distinct", "let") or self.version == "2.0", f"found {head}")
        demand(head in [*RELATIONS[self.version]], f"found {head!a:.60}, expected an operator")
        relation, sign = RELATIONS[self.version][head]
        named, sides = self.named, self.sums(parts)
        demand(len(sides) == 2, f"found {len(sides)} sides of {head}, expected 2")
        demand(self.version == "1.0" or self.named > named, "found a comparison without variables")
        terms = self.total(sides, (sign, -sign))
        bound = -terms.pop(-1, ZERO)
        return self.compare({v: c for v, c in terms.items() if c}, relation, bound)

    def sums(self, parts: list[Any]) -> list[Sum]:
        """Linear expressions; indices stand behind a variable."""
        found: list[Sum] = []
        for i, part in enumerate(parts):
            indices = parts[i + 1] if i + 1 < len(parts) and in_brackets(parts[i + 1]) else None
            if in_brackets(part):
                named = i and type(parts[i - 1]) is str and not in_brackets(parts[i - 1])
                demand(named, f"found {part!a:.60}, expected a variable before it")
            elif type(part) is list:
                found.append(self.arithmetic(part))
            elif re.match("-?[0-9]" if self.version == "2.0" else r"[+-]?\.?[0-9]", part):
                fits = indices is None and re.fullmatch(NUMBERS[self.version], part)
                demand(fits, f"found {part!a:.60}, expected a number without indices")
                found.append({-1: decimal(part)})
            else:
                found.append({self.variable(part, indices): ONE})
        return found

    def variable(self, word: str, indices: str | None) -> int:
        """A variable."""
        name = word[1:-1] if word[0] == "|" and self.version == "1.0" else word
        demand(name in self.ports, f"found {word!a:.60}, expected a number or a variable declared before")
        self.named += 1
        first, shape = self.ports[name]
        numbers = axes(indices) if indices else ()
        fits = len(numbers) == len(shape) and bool(shape) == bool(indices) and all(map(operator.lt, numbers, shape))
        demand(fits, f"found {word}{indices or ''}, expected indices for the shape {shape}")
        return first + functools.reduce(lambda k, axis: k * axis[1] + axis[0], zip(numbers, shape, strict=True), 0)

    def arithmetic(self, found: list[Any]) -> Sum:
        """The value of an operator."""
        fits = len(found) > 1 and found[0] in [*ARITHMETIC[self.version]]
        demand(fits, f"found {found!a:.60}, expected {' '.join(ARITHMETIC[self.version])} of something")
        head, first, *rest = found[0], *self.sums(found[1:])
        if head in "+-":
            sign = 1 if head == "+" else -1
            return self.total([first, *rest], [1 if rest else sign, *[sign] * len(rest)])
        for part in rest:
            if head == "*" and not any(c for v, c in first.items() if v >= 0):
                first, part = part, first
            factor = part.get(-1, ZERO)
            linear = not any(c for v, c in part.items() if v >= 0) and (head == "*" or factor)
            support(linear, f"found {found!a:.60}, expected linear arithmetic")
            first = self.total([first], [factor if head == "*" else 1 / factor])
        return first

    def total(self, parts: Sequence[Sum], factors: Sequence[Any]) -> Sum:
        """The sum of multiples of linear expressions."""
        result: Sum = {}
        for part, factor in zip(parts, factors, strict=True):
            self.pay(1 + len(part))
            for v, c in part.items():
                result[v] = result.get(v, ZERO) + factor * c
                longest = max(result[v].numerator.bit_length(), result[v].denominator.bit_length())
                demand(longest <= QUERY_BITS, f"found a number of {longest} bits", "unknown", "budget")
        return result

    def pay(self, work: int) -> None:
        """Charge for work."""
        self.left -= work
        demand(self.left >= 0, f"found more than {QUERY_WORK} operations", "unknown", "budget")

    def compare(self, terms: Sum, relation: str, bound: Fraction) -> Cases:
        """The cases of a comparison; one that always holds has the empty case."""
        if relation == "!=":
            opposite = {v: -c for v, c in terms.items()}
            return self.one_of([self.compare(terms, "<", bound), self.compare(opposite, "<", -bound)])
        if terms:
            return [(Constraint(terms, relation, bound),)]
        return [()] if {"<=": bound >= 0, "<": bound > 0, "==": bound == 0}[relation] else []

    def one_of(self, parts: list[Cases]) -> Cases:
        """The cases of a disjunction."""
        self.pay(sum(map(len, parts)))
        found = [case for cases in parts for case in cases]
        return [()] if () in found else found

    def all_of(self, parts: list[Cases]) -> Cases:
        """The cases of a conjunction, those of its last part changing first."""
        self.pay(math.prod(map(len, parts)) * (1 + len(parts)))
        found = [tuple(itertools.chain.from_iterable(choice)) for choice in itertools.product(*parts)]
        self.pay(sum(map(len, found)))
        return found


def read_query(text: str) -> Query:
    """The query that a text in VNN-LIB 1.0 or 2.0 states; a number is the decimal that is written there."""
    text = text.replace("\r\n", "\n")
    with about("query"):
        demand("\r" not in text, "found a carriage return alone, expected a line feed after it")
        return QueryReader(text).read()


# --- Queries: certificates ----------------------------------------------------------------------------


def proof(value: Any) -> dict[str, Any]:
    """A proof: multipliers of the comparisons of a case, or a tree for cases of a pair of networks."""
    if type(value) is dict and "multipliers" in value:
        return dict(fit(value, {"case": int, "multipliers": entries}))
    return dict(fit(value, {"cases": [int], "pair": int, "tree": read_tree}))


RELATIONS_OF = {"original": {str: relation}, "reduced": {str: {"rows": [read_row]}}}
QUERY_CERTIFICATE: dict[str, Any] = {
    "format": one_of("exactlump query certificate"),
    "version": one_of(1),
    "producer": str,
    "query": digest,
    "specification": one_of(*SPECIFICATIONS),
    "networks": {str: FILE},
    "pairs": [{"networks": [str], "relations": RELATIONS_OF}],
    "proofs": [proof],
}


class Places(NamedTuple):
    """The variables that are the inputs and the outputs of a network."""

    inputs: range
    outputs: range


class Bounded(NamedTuple):
    """That a sum of multiples of coordinates and outputs is at most a bound, or less; what a box refutes."""

    terms: Sum
    bound: Fraction
    strict: bool

    @property
    def least(self) -> int:
        """A sum that is at least that (over WHOLE) refutes it."""
        return up(self.bound) if self.strict else down(self.bound) + 1


class Problem(NamedTuple):
    """What a case asks of some networks.

    forms  the inputs that equations make of others: the coordinates
    ends   of each coordinate, in the order of the variables: the least and the greatest value, if there are any
    rows   all other comparisons; an equation is two
    """

    forms: dict[int, Sum]
    ends: dict[int, tuple[Fraction | None, Fraction | None]]
    rows: list[Bounded]


def places_of(query: Query) -> dict[str, Places]:
    """The variables of each network."""
    found, start = {}, 0
    for network in query.networks:
        inputs, outputs = (sum(math.prod(port[2]) for port in ports) for ports in (network.inputs, network.outputs))
        found[network.name] = Places(range(start, start + inputs), range(start + inputs, start + inputs + outputs))
        start += inputs + outputs
    return found


class Allowance:
    """What is left of the work on the numbers of a case."""

    left = QUERY_WORK

    def spend(self, work: int) -> None:
        """Use some."""
        self.left -= work
        demand(self.left >= 0, f"found a case of more than {QUERY_WORK} operations", "unknown", "budget")


def substituted(terms: Sum, forms: dict[int, Sum], allowance: Allowance) -> Sum:
    """A sum with other sums in the place of some variables."""
    found: Sum = {}
    for v, c in terms.items():
        form = forms.get(v, {v: ONE})
        allowance.spend(len(form))
        for u, w in form.items():
            found[u] = found.get(u, ZERO) + c * w
    bits = max((max(c.numerator.bit_length(), c.denominator.bit_length()) for c in found.values()), default=0)
    demand(bits <= QUERY_BITS, f"found a number of {bits} bits", "unknown", "budget")
    allowance.spend(len(found) * (bits // 128))
    return {u: c for u, c in found.items() if c}


def problem_of(case: Sequence[Constraint], places: Sequence[Places]) -> Problem:
    """What a case asks of some networks; a comparison that speaks of others is left out, which allows more."""
    inputs = [v for place in places for v in place.inputs]
    known, free = {*inputs, *(v for place in places for v in place.outputs)}, {*inputs}
    parts, forms = [part for part in case if part.terms.keys() <= known], dict[int, Sum]()
    rest, allowance = [], Allowance()
    for part in parts:
        equation = part.relation == "==" and part.terms.keys() <= free
        terms = substituted(part.terms, forms, allowance) if equation else {}
        constant = terms.pop(-1, ZERO)
        if len(terms) < 2:
            rest.append(part)
            continue
        v = max(terms)  # an equation makes its last input of the others
        c = terms.pop(v)
        form = {u: -w / c for u, w in terms.items()} | ({-1: (part.bound - constant) / c})
        allowance.spend(len(forms))
        for u, other in forms.items():
            if v in other:
                forms[u] = substituted(other, {v: form}, allowance)
        forms[v] = form
    ends: dict[int, tuple[Fraction | None, Fraction | None]] = {v: (None, None) for v in inputs if v not in forms}
    rows = []
    for part in rest:
        terms = substituted(part.terms, forms, allowance)
        bound = part.bound - terms.pop(-1, ZERO)
        if len(terms) == 1 and terms.keys() <= free:
            ((v, c),) = terms.items()
            low, high = ends[v]
            if part.relation == "==" or c > 0:
                high = bound / c if high is None else min(high, bound / c)
            if part.relation == "==" or c < 0:
                low = bound / c if low is None else max(low, bound / c)
            ends[v] = low, high
            continue
        rows.append(Bounded(terms, bound, part.relation == "<"))
        if part.relation == "==":
            rows.append(Bounded({v: -c for v, c in terms.items()}, -bound, False))
    imply(ends, [row for row in rows if ends.keys() >= row.terms.keys()], allowance)
    return Problem(forms, ends, rows)


def imply(
    ends: dict[int, tuple[Fraction | None, Fraction | None]], rows: Sequence[Bounded], allowance: Allowance
) -> None:
    """Ends that are absent, as far as rows say them, given those that are there: row by row, until nothing changes."""
    before = None
    while before != ends:
        before = dict(ends)
        allowance.spend(len(ends))
        for terms, bound, _ in rows:
            allowance.spend(1 + len(terms))
            least = {u: None if (end := ends[u][w < 0]) is None else w * end for u, w in terms.items()}
            absent = [u for u, part in least.items() if part is None]
            total = sum(filter(None, least.values()), ZERO) if len(absent) < 2 else ZERO
            for v in (absent or sorted(terms)) if len(absent) < 2 else ():
                if ends[v][terms[v] > 0] is None:
                    end = (bound - total + (least[v] or ZERO)) / terms[v]  # without what is least of v itself
                    ends[v] = (ends[v][0], end) if terms[v] > 0 else (end, ends[v][1])


def contradict(case: Sequence[Constraint], multipliers: Sequence[tuple[int, Fraction]]) -> bool:
    """Whether multiples of comparisons add up to one that no values satisfy (Farkas)."""
    total: Sum = {}
    bound, strict = ZERO, False
    for i, factor in multipliers:
        hold("multipliers", i < len(case), f"multipliers: found comparison {i} of {len(case)}")
        terms, relation, most = case[i]
        hold("multipliers", factor > 0 or relation == "==", f"multipliers: found a negative one for {relation}")
        for v, c in terms.items():
            total[v] = total.get(v, ZERO) + factor * c
        bound, strict = bound + factor * most, strict or relation == "<"
    return not any(total.values()) and (bound < 0 or (bound == 0 and strict))


class Joint(Comparison):
    """One or two networks whose inputs are made of common coordinates, ready for bounds of sums of their outputs.

    One network alone is N'; then N has no tensors.  Of two, N is the first.
    """

    def __init__(
        self, networks: Sequence[Network], places: Sequence[Places], problem: Problem, relations: Any, work: int
    ) -> None:
        self.problem, self.coordinates = problem, [*problem.ends]
        self.places = [Places(range(0), range(0)), *places][-2:]
        self.sums = dict[int, Form]()  # of coordinates, and of the outputs of N'
        original, reduced = [Network("json", ""), *networks][-2:]
        super().__init__(original, reduced, relations, work)
        self.ours, theirs = (
            dict(zip(place.outputs, self.elements(half), strict=True))
            for place, half in zip(self.places, (self.original, self.reduced), strict=True)
        )
        self.sums |= theirs

    def check_inputs(self) -> None:
        """The inputs of both networks as forms of the coordinates."""
        first = self.atoms.new(len(self.coordinates))
        self.tensors = Tensors(self.atoms, len(self.coordinates))
        self.sums = {v: ({first + i: 1}, 1) for i, v in enumerate(self.coordinates)} | {-1: ({0: 1}, 1)}
        for half, place in zip((self.original, self.reduced), self.places, strict=True):
            variables = iter(place.inputs)
            for name in half.network.inputs:
                made = [(u, next(variables)) for u in range(half.network.units[name])]
                half.known[name] = half.listed((u, self.input(v)) for u, v in made)

    def input(self, v: int) -> Form:
        """The form of an input."""
        return combination((c, self.sums[u]) for u, c in self.problem.forms.get(v, {v: ONE}).items())

    def layers_of(self, rows: Sequence[Bounded]) -> dict[tuple[str, int], Layer]:
        """The layers of the sums that are to be bounded: what N adds, and all with what N is compared with in place."""
        ours = [combination((c, self.ours[v]) for v, c in row.terms.items() if v in self.ours) for row in rows]
        rest = [combination((c, self.sums[v]) for v, c in row.terms.items() if v not in self.ours) for row in rows]
        both = [combination([(ONE, self.compared(form)), (ONE, other)]) for form, other in zip(ours, rest, strict=True)]
        return {("a", OUTPUTS): Layer(self.tensors, ours), ("d", OUTPUTS): Layer(self.tensors, both)}


class Disproof(NamedTuple):
    """A tree that shows of some cases that no input satisfies them: on every leaf, of each, some row is refuted.

    cases  of each: the numbers of its rows
    least  of each row: what its sum must be at least to refute it
    """

    joint: Joint
    layers: dict[tuple[str, int], Layer]
    cases: list[range]
    least: list[int]

    def done(self, state: State, parent: Bounds | None, leaf: Slopes) -> bool:
        """Bound the sums on a box, until a row of each case is refuted; whether one is.  Each round has one row of each
        case that is left."""
        bounder, left = self.joint.bounder, self.cases
        bounder.layers |= self.layers
        bounder.begin(state, "d", OUTPUTS, parent)
        if parent is None:
            bounder.intervals(state, "d", OUTPUTS, range(len(self.least)), first=True)
        low, high = state.before["d", OUTPUTS]
        for place in range(max(map(len, self.cases))):
            left = [rows for rows in left if not any(low[r] >= self.least[r] for r in rows)]
            wanted = [rows[place] for rows in left if place < len(rows)]
            groups = [([e], bounder.sloped(state, leaf[e, 0])) for e in wanted if (e, 0) in leaf]
            for group, known in [([e for e in wanted if (e, 0) not in leaf], state), *groups]:
                for e, least in zip(group, *bounder.bounds(known, "d", OUTPUTS, group, [1]), strict=True):
                    bounder.improve(state, "d", OUTPUTS, e, least, high[e])
        return all(any(low[r] >= self.least[r] for r in rows) for rows in self.cases)


class QueryWalk(Walk):
    """The boxes of all trees of a certificate of a query."""

    def __init__(self, document: dict[str, Any], query: Query, networks: dict[str, Network], work: int) -> None:
        self.query, self.networks, self.places = query, networks, places_of(query)
        self.bounder = Bounder(Tensors(Atoms(0), 0), [], {}, work)  # which keeps the budget
        self.pairs, self.joints = document["pairs"], dict[tuple[Any, ...], Joint]()
        self.specification = str(document["specification"])
        self.trees, self.disproofs, self.tasks = list[Tree](), list[Disproof](), list[Task]()
        shown = list[int]()
        for number, entry in enumerate(document["proofs"]):
            with about(f"proof {number}"):
                shown += self.read(entry)
        hold("cases", sorted(shown) == [*range(len(query.cases))], "proofs: found other cases than the query has")
        self.tasks.reverse()

    def read(self, entry: dict[str, Any]) -> list[int]:
        """Check multipliers, or prepare a tree; the cases that are shown so."""
        shown = entry["cases"] if "cases" in entry else [entry["case"]]
        cases = []
        for number in shown:
            hold("cases", 0 <= number < len(self.query.cases), f"found case {number} of {len(self.query.cases)}")
            cases.append(self.query.cases[number])
        if "multipliers" in entry:
            hold("multipliers", contradict(cases[0], entry["multipliers"]), "its multipliers show no contradiction")
            return [entry["case"]]
        hold("pair", 0 <= entry["pair"] < len(self.pairs), f"found pair {entry['pair']} of {len(self.pairs)}")
        hold("cases", cases, "found no case, expected one")
        self.prepare(entry, cases)
        return list(shown)

    def prepare(self, entry: dict[str, Any], cases: Sequence[Sequence[Constraint]]) -> None:
        """Prepare a tree."""
        names = self.pairs[entry["pair"]]["networks"]
        fits = 0 < len(names) < 3 and len({*names}) == len(names) and {*names} <= {*self.places}
        hold("pair", fits, f"found the networks {names!a:.80}, expected one or two of the query")
        problems = [problem_of(case, [self.places[name] for name in names]) for case in cases]
        same = all(found[:2] == problems[0][:2] for found in problems)
        hold("cases", same, "found cases with other equations or bounds of inputs than the first")
        low, high = self.box(problems[0])
        joint = self.joint(entry["pair"], names, problems[0])
        starts = [0, *itertools.accumulate(len(found.rows) for found in problems)]
        rows = [row for found in problems for row in found.rows]
        tree = entry["tree"](len(low))
        known = all(e < len(rows) and not side for leaf in tree.slopes.values() for e, side in leaf)
        hold("slopes", known, "slopes: found those of a row that the cases do not have, or of its other side")
        hold("cases", rows, "found cases that say nothing but bounds of inputs")
        self.tasks.append(Task(len(self.trees), 0, low, high))
        self.trees.append(tree)
        spans = [range(a, b) for a, b in itertools.pairwise(starts)]
        self.disproofs.append(Disproof(joint, joint.layers_of(rows), spans, [row.least for row in rows]))

    def box(self, problem: Problem) -> tuple[list[int], list[int]]:
        """The box of the coordinates, rounded outwards."""
        low, high = list[int](), list[int]()
        for v, (least, most) in problem.ends.items():
            with about(f"input {v}"):
                hold("domain", least is not None and most is not None, "found no bound on one side, expected both")
                assert least is not None
                assert most is not None
                hold("domain", least <= most, "found bounds that cross, expected multipliers")
                low.append(down(least))
                high.append(up(most))
        return low, high

    def joint(self, pair: int, names: Sequence[str], problem: Problem) -> Joint:
        """The networks of a pair, with their inputs made of coordinates; those of another proof, if these are alike."""
        key = (pair, *problem.ends, *((v, *sorted(form.items())) for v, form in problem.forms.items()))
        if key not in self.joints:
            networks, places = [self.networks[name] for name in names], [self.places[name] for name in names]
            relations = self.pairs[pair]["relations"]
            self.joints[key] = Joint(networks, places, problem, relations, self.left)
        return self.joints[key]

    def visit(self, task: Task) -> list[Task]:
        """Bound one box; the tasks of its halves, or none, if a row of each case is refuted."""
        number, node, low, high, parent = task
        disproof, tree = self.disproofs[number], self.trees[number]
        bounder = disproof.joint.bounder
        with about(f"tree {number}, box {node}"):
            bounder.work = self.left
            state = bounder.node(low, high, parent)
            done = disproof.done(state, parent, tree.slopes.get(node, {}))
            self.left = bounder.work
            hold("bound", done or tree.splits[node], "its bounds refute no row of some case")
            return task.halves(tree, state.before)


class Question(NamedTuple):
    """The files of a query: its text, its networks by name, and the certificate of its answer."""

    text: str
    networks: dict[str, str]
    certificate: str


def read_question(files: Question, max_unpacked: int) -> tuple[dict[str, Any], Query, dict[str, Network]]:
    """The certificate, the query, and the networks by all their names, if the certificate is about these."""
    with about(files.certificate, BROKEN):
        document = fit(read_json(read_file(files.certificate, max_unpacked)), QUERY_CERTIFICATE)
    with about(files.text, BROKEN):
        content = read_file(files.text, max_unpacked)
        same = hashlib.sha256(content).hexdigest() == document["query"]
        hold("hash", same, "the certificate is about another query")
        content = unpack(content, max_unpacked) if files.text.lower().endswith(".gz") else content
        query = read_query(str(content, "utf-8"))
    needed = {network.name for network in query.networks if network.relation != "equal-to"}
    demand(files.networks.keys() == needed, f"--network: found {[*files.networks]}, expected {sorted(needed)}")
    hold("hash", document["networks"].keys() == needed, "networks: the certificate is about others")
    found = {}
    for name, path in files.networks.items():
        found[name] = read_network(path, document["specification"], max_unpacked)
        check_classic([found[name]])
        for what, claimed in document["networks"][name].items():
            same = getattr(found[name], what) == claimed
            hold("hash", same, f"network {name}: the certificate is about another file: another {what}")
    special = any(network.rooted or network.format == "nnet" for network in found.values())
    hold("claim", special or document["specification"] == "as stored", "specification: no file needs one")
    for network in query.networks:
        model = found.setdefault(network.name, found[network.other or network.name])
        for what, ports in (("inputs", network.inputs), ("outputs", network.outputs)):
            sizes = [math.prod(port[2]) for port in ports]
            same = sizes == model.sizes(what)
            hold("interface", same, f"network {network.name}: {what}: found {model.sizes(what)}, expected {sizes}")
    return document, query, found


def question_walk(files: Question, max_unpacked: int, work: int) -> QueryWalk:
    """The walk of the files of a query."""
    return QueryWalk(*read_question(files, max_unpacked), work)


def check_query(files: Question, max_unpacked: int = MAX_UNPACKED, max_work: int = MAX_WORK, jobs: int = 1) -> Verdict:
    """Whether the certificate shows that no values satisfy the query: "unsat"."""
    try:
        walk = question_walk(files, max_unpacked, max_work)
        walk.run(jobs, (question_walk, files, max_unpacked))
    except Stop as error:
        return Verdict(error.verdict, one_line(str(error)), CODES[error.verdict], error.rule)
    except (MemoryError, RecursionError) as error:
        return Verdict("unknown", f"the work exceeds this machine: {type(error).__name__}", 3, "budget")
    cases = f"{len(walk.query.cases)} cases" if len(walk.query.cases) != 1 else "1 case"
    words = (
        f"no inputs satisfy the query ({cases}), over the reals, for the networks {SPECIFICATIONS[walk.specification]}"
    )
    return Verdict("unsat", words, 0, "")


# --- Only readers follow: from the bytes of a file to the nodes above --------------------------------


# --- Files --------------------------------------------------------------------------------------------


def read_file(path: str, limit: int) -> bytes:
    """The content of a regular file of at most `limit` bytes."""
    status = os.stat(path)
    demand(stat.S_ISREG(status.st_mode), "found a folder or a device, expected a regular file")
    demand(status.st_size <= limit, f"found {status.st_size} bytes, expected at most {limit} (--max-unpacked)")
    with open(path, "rb") as file:
        return file.read()


def unpack(packed: bytes, limit: int) -> bytes:
    """The content of a gzip file, if it is at most `limit` bytes."""
    content = bytearray()
    with about("gzip", BROKEN), gzip.GzipFile(fileobj=io.BytesIO(packed)) as file:
        while chunk := file.read(1 << 20):
            content += chunk
            demand(len(content) <= limit, f"found more than {limit} bytes (--max-unpacked)")
    return bytes(content)


def read_network(
    path: str,
    specification: str,
    limit: int,
    domains: Iterable[str] = (),
    work: int = MAX_WORK,
    shapes: GivenShapes = NO_SHAPES,
    dust: Fraction = ZERO,
) -> Network:
    """The network in a file, whose suffix names the format, as a specification says; `domains`: of operators that are
    known to be functions; work: at most so much, beyond what goes with the size of the file; shapes: those of inputs
    that a claim states, where it states a size; dust: stored weights that are smaller are read as 0."""
    METER.left = min(MAX_PARSED, work)
    with about(path, BROKEN):
        kind = next((name for name in FORMATS if path.lower().endswith(f".{name}")), "")
        demand(kind, f"found another suffix, expected one of {', '.join(FORMATS)}")
        content = read_file(path, limit)
        network = Network(kind, hashlib.sha256(content).hexdigest(), specification)
        if kind == "json":
            read_exact(content, network)
        elif kind == "nnet":
            read_nnet(content, network, specification == "raw nnet")
        else:
            content = unpack(content, limit) if kind == "onnx.gz" else content
            folder = Folder(os.path.dirname(path), limit - len(content))
            OnnxReader(network, folder, domains, work, shapes, dust).read(content)
        for name in network.outputs:
            demand(name in network.views, f"output {name!a}: found no node that defines it")
        several = len(set(network.outputs)) == len(network.outputs) > 0
        demand(several, f"outputs: found {len(network.outputs)}, expected at least one, each once")
        return network


# --- JSON ---------------------------------------------------------------------------------------------


def exact_function(value: Any) -> Function:
    """An entry of `functions`."""
    name, *parameters = fit(value, list) or [""]
    return function_of(fit(name, str), *fit(parameters, [rational]))


def exact_window(value: Any) -> Window:
    """A window."""
    fields = Window(**fit(value, {**dict.fromkeys(Window._fields[:-1], integers), "transposed": bool}))
    positive = (*fields.target, *fields.kernel, *fields.stride, *fields.dilation)
    fits = len({*map(len, fields[:7])}) == 1 and min(positive, default=1) > 0
    demand(fits, "found other lists or a 0, expected as many numbers each")
    return fields


NETWORK = {
    "format": one_of("exactlump network"),
    "version": one_of(1),
    "inputs": [{"name": str, "shape": integers}],
    "nodes": [dict],
    "outputs": [str],
}
WINDOW = {"source": str, "window": exact_window}
NODES: dict[str, dict[str, Any]] = {
    "dense": {"source": str, "columns": int, "rows": [entries], "bias": [rational]},
    "conv": {**WINDOW, "columns": int, "rows": [entries], "bias": [rational]},
    "max_pool": WINDOW,
    "average_pool": {**WINDOW, "padding": bool},
    "pad": WINDOW,
    "add": {"sources": [str], "signs": [one_of("1", "-1")]},
    "select": {"sources": [str], "picks": [(int, int)], "shape": integers, "channel": optional(int)},
    "scale": {"source": str, "factor": [rational]},
    "shift": {"source": str, "constant": [rational]},
    "reorder": {"source": str, "axes": optional([int]), "shape": integers},
    "activate": {"source": str, "functions": [exact_function]},
    "head": {"source": str, "kind": str},
}


def read_exact(content: bytes, network: Network) -> None:
    """A network in the exact JSON format."""
    top = fit(read_json(content), NETWORK)
    for port in top["inputs"]:
        network.define(port["name"], View(port["shape"]))
    for index, node in enumerate(top["nodes"]):
        with about(f"node {index}"):
            op = node.get("op")
            support(type(op) is str and op in NODES, f"found operator {op!a:.60}, expected one of the table")
            channel = {"channel": int} if op == "reorder" and "channel" in node else {}
            node = fit(node, {"op": str, "target": str, **NODES[op], **channel})
            for source in node.get("sources", [node.get("source")]):
                demand(source in network.views, f"tensor {source!a}: read before any node defines it")
            exact_node(network, **node)
    network.outputs = top["outputs"]


def exact_node(network: Network, op: str, target: str, source: str = "", sources: Any = (), **node: Any) -> None:
    """Define the target of a node."""
    view = network.views.get(source, View(()))
    if op in ("dense", "conv"):
        rows, bias = node["rows"], node["bias"]
        columns = view.units * math.prod(node["window"].kernel if op == "conv" else view.grid)
        demand(node["columns"] == columns, f"found {node['columns']} columns, expected {columns}")
        demand(all(row[-1][0] < columns for row in rows if row), f"found a column too many, expected {columns}")
        demand(len(bias) == len(rows), f"bias: found {len(bias)} numbers, expected {len(rows)}")
        if op == "conv":
            network.convolve(source, target, len(rows), node["window"], network.listed(rows, bias))
        else:
            demand(view.positions == 1, "found images, expected elements")
            network.dense(source, target, rows, bias)
    elif op in ("max_pool", "average_pool", "pad"):
        demand(op != "pad" or math.prod(node["window"].kernel) == 1, "found a window of several taps, expected one")
        network.pool(op.removesuffix("_pool"), source, target, **node)
    elif op == "add":
        network.add(sources, target, [*map(int, node["signs"])])
    elif op == "select":
        made, picks = viewed(node["shape"], node["channel"]), node["picks"]
        fits = len(picks) == made.units and all(i < len(sources) and u < network.units[sources[i]] for i, u in picks)
        demand(fits, f"found other picks, expected {made.units} units of the sources")
        network.select(sources, target, made, picks.__getitem__)
    elif op == "reorder":
        network.reorder(source, target, node["axes"], viewed(node["shape"], node.get("channel")))
    elif op == "head":
        network.head(source, target, **node)
    else:
        (vector,) = node.values()
        demand(len(vector) == view.units, f"found {len(vector)} entries, expected {view.units}")
        fields: dict[str, dict[str, Callable[[int], Any]]] = {
            "activate": {"function": vector.__getitem__},
            "scale": {"step": lambda v: (v, vector[v], ZERO)},
            "shift": {"step": lambda v: (v, ONE, vector[v])},
        }
        network.each(source, target, **fields[op])


# --- .nnet --------------------------------------------------------------------------------------------


def nnet_lines(content: bytes) -> Iterator[tuple[int, str]]:
    """The lines that follow the comments, with their numbers, if all readers of the format see the same ones."""
    rows = str(content, "utf-8").split("\n")
    if all(row.endswith("\r") for row in rows[:-1]):
        rows = [row.removesuffix("\r") for row in rows[:-1]] + rows[-1:]
    while rows and not rows[-1].strip(" \t"):
        rows.pop()
    heading = True
    for number, row in enumerate(rows, start=1):
        heading &= row.startswith("//")
        fits = "\r" not in row and (len(row) <= 2000 if heading else row.strip(" \t") and row[:2] != "//")
        demand(
            fits, f"line {number}: found a carriage return, a blank line, or a comment that is long or not at the top"
        )
        if not heading:
            yield number, row


def nnet_number(word: str) -> Fraction:
    """A decimal that is 0, or of which every float64 is a normal number."""
    fits = not re.search("[eE][+-]?[0-9]{4}", word)
    value = decimal(word) if fits else ZERO
    if abs(value.numerator.bit_length() - value.denominator.bit_length()) > 1000 and value:
        fits = Fraction(1, 10**307) <= abs(value) < 10**308
    demand(fits, f"found {word!a:.60}, expected 0, or a size from 10^-307 to 10^308")
    return value


def read_nnet(content: bytes, network: Network, raw: bool) -> None:
    """A network in the text format of Kyle Julian; every number is an exact decimal.

    What the known readers of the format do not read alike is refused.
    """
    rows = nnet_lines(content)

    def words(what: str, count: int | None, comma: bool, kind: Callable[[str], Any]) -> list[Any]:
        number, line = next(rows, (0, ""))
        with about(f"line {number or 'after the end'}, {what}"):
            found = [word.strip(" \t") for word in line.split(",")]
            demand(not (found[-1] and comma), "found no comma at the end, without which some readers drop a number")
            found = found if found[-1] else found[:-1]
            demand(count in (None, len(found)), f"found {len(found)} numbers, expected {count}")
            return [*map(kind, found)]

    def numbers(what: str, count: int | None = None) -> list[Fraction]:
        return words(what, count, what != "bias", nnet_number)

    def whole(word: str) -> int:
        demand(re.fullmatch("[0-9]{1,9}", word), f"found {word!a:.60}, expected an integer")
        return int(word)

    def sizes(what: str, count: int) -> list[int]:
        found = words(what, count, False, whole)
        demand(all(found), f"{what}: found 0, expected positive integers")
        return found

    count, inputs, outputs, _ = sizes("header", 4)
    widths = sizes("sizes of the layers", count + 1)
    demand((widths[0], widths[-1]) == (inputs, outputs), "header: found other inputs or outputs than layers")
    words("flag", 1, False, whole)
    listed = len(numbers("minima"))  # the clipping of inputs is not applied
    fits = listed == inputs or (raw and listed > inputs)  # else readers differ in which mean and range is the output's
    demand(fits, f"minima: found {listed} numbers, expected {inputs}; `raw nnet` reads no means and ranges")
    numbers("maxima", listed)
    means, ranges = numbers("means", listed + 1), numbers("ranges", listed + 1)
    network.define("input", View((inputs,)))
    source = "input"
    if not raw:
        demand(all(ranges[:inputs]), "ranges: found 0 for an input, expected another number")
        source = "normalised"
        network.each("input", source, step=lambda v: (v, 1 / ranges[v], -means[v] / ranges[v]))
    for layer, (below, units) in enumerate(itertools.pairwise(widths), start=1):
        weights = [[(u, w) for u, w in enumerate(numbers("weights", below)) if w] for _ in range(units)]
        network.dense(source, f"layer{layer}", weights, [numbers("bias", 1)[0] for _ in range(units)])
        source = f"layer{layer}"
        if layer < count:
            network.each(source, f"relu{layer}", function=lambda _: RELU)
            source = f"relu{layer}"
    if not raw:
        network.each(source, "output", step=lambda v: (v, ranges[-1], means[-1]))
        source = "output"
    for number, _ in rows:
        raise Stop("malformed", f"line {number}: found more numbers, expected the end of the file")
    network.outputs = [source]


# --- Protocol buffers ---------------------------------------------------------------------------------

# Messages of ONNX: number, name and kind of each field.  Kinds: i(nteger), f(loat), d(ouble), s(tring), b(ytes) or a
# message, repeated with a `*`; "-" says nothing about the function, "!" is refused, a number not listed is malformed.
MESSAGES = {
    "model": "1:ir_version:- 2:producer_name:- 3:producer_version:- 4:domain:- 5:model_version:- 6:doc_string:- "
    "7:graph:graph 8:opset_import:opset* 14:metadata_props:- 20:training_info:! 25:functions:b* 26:configuration:!",
    "opset": "1:domain:s 2:version:i",
    "graph": "1:node:node* 2:name:- 5:initializer:tensor* 10:doc_string:- 11:input:value* 12:output:value* "
    "13:value_info:value* 14:quantization_annotation:- 15:sparse_initializer:sparse* 16:metadata_props:-",
    "node": "1:input:s* 2:output:s* 3:name:s 4:op_type:s 5:attribute:b* 6:doc_string:- 7:domain:s "
    "8:overload:s 9:metadata_props:- 10:device_configurations:!",
    "attribute": "1:name:s 2:f:f 3:i:i 4:s:s 5:t:tensor 6:g:b 7:floats:f* 8:ints:i* 9:strings:b* 10:tensors:tensor* "
    "11:graphs:b* 13:doc_string:- 14:tp:! 15:type_protos:! 20:type:i 21:ref_attr_name:s 22:sparse_tensor:sparse "
    "23:sparse_tensors:!",
    "tensor": "1:dims:i* 2:data_type:i 3:segment:! 4:float_data:f* 5:int32_data:i* 6:string_data:! 7:int64_data:i* "
    "8:name:s 9:raw_data:b 10:double_data:d* 11:uint64_data:! 12:doc_string:- 13:external_data:entry* "
    "14:data_location:i 16:metadata_props:-",
    "sparse": "1:values:tensor 2:indices:tensor 3:dims:i*",
    "function": "1:name:s 4:input:s* 5:output:s* 6:attribute:s* 7:node:node* 8:doc_string:- 9:opset_import:opset* "
    "10:domain:s 11:attribute_proto:b* 12:value_info:- 13:overload:s 14:metadata_props:-",
    "entry": "1:key:s 2:value:s",
    "value": "1:name:s 2:type:type 3:doc_string:- 4:metadata_props:-",
    "type": "1:tensor_type:array 4:sequence_type:- 5:map_type:- 6:denotation:- 7:opaque_type:- "
    "8:sparse_tensor_type:- 9:optional_type:-",
    "array": "1:elem_type:i 2:shape:shape",
    "shape": "1:dim:dimension*",
    "dimension": "1:dim_value:i 2:dim_param:s 3:denotation:-",
}
SCHEMAS = {
    name: {int(number): (key, kind) for number, key, kind in (word.split(":") for word in words.split())}
    for name, words in MESSAGES.items()
}
WIRES = {"i": (0,), "i*": (0, 2), "f": (5,), "f*": (5, 2), "d*": (1, 2)}  # every other kind: 2


class Meter:
    """What is left of the work on protobufs, of the file that is read."""

    left = MAX_PARSED

    def charge(self, work: int) -> None:
        """Use some, before the work is done."""
        self.left -= work
        demand(self.left >= 0, "protobuf: found more fields than the budget allows", "unknown", "budget")


METER = Meter()


def varint(data: memoryview, at: int, most: int = 10) -> tuple[int, int]:
    """The number of at most so many bytes that starts at a position, and the position after it."""
    value = 0
    for shift in range(0, 7 * most, 7):
        if at == len(data):
            break
        byte, at = data[at], at + 1
        value |= (byte & 127) << shift
        if byte < 128 and value < 1 << 64:
            return value, at
    raise Stop("malformed", f"protobuf: found a broken number, expected at most {most} bytes and 64 bits")


def fields(data: memoryview) -> Iterator[tuple[int, int, Any]]:
    """Field number, wire type and value (an integer or a view) of each field of a message."""
    at = 0
    while at < len(data):
        METER.charge(4)
        key, at = varint(data, at, 5)
        wire = key & 7
        demand(wire in (0, 1, 2, 5), f"protobuf: found wire type {wire}, expected 0, 1, 2 or 5")
        value, at = varint(data, at, 5 if wire else 10) if wire in (0, 2) else ({1: 8, 5: 4}[wire], at)
        if wire == 0:
            yield key >> 3, wire, value
            continue
        demand(value <= len(data) - at, f"protobuf: found {len(data) - at} bytes, expected {value}")
        yield key >> 3, wire, data[at : at + value]
        at += value


def message(data: memoryview, name: str) -> dict[str, Any]:
    """The fields of a message: lists where they may be repeated."""
    found: dict[str, Any] = {}
    for number, wire, value in fields(data):
        demand(number in SCHEMAS[name], f"{name}: found field {number}, expected one of the ONNX format")
        key, kind = SCHEMAS[name][number]
        if kind == "-":
            continue
        support(kind != "!", f"{name}: found {key}, expected none")
        demand(wire in WIRES.get(kind, (2,)), f"{name}: found {key} with wire type {wire}")
        if kind in ("f*", "d*"):
            METER.charge(len(value) if name == "attribute" else 1)
            found.setdefault(key, array(kind[0])).extend(floats(kind[0], value))
        elif kind.endswith("*"):
            found.setdefault(key, []).extend(decoded(kind[:-1], wire, value))
        else:
            demand(key not in found, f"{name}: found {key} twice, expected it once")
            (found[key],) = decoded(kind, wire, value)
    return found


def by_value(setting: dict[str, Any]) -> None:
    """An attribute of a node that is in no function has a value of its own."""
    refuse("ref_attr_name" not in setting, "found ref_attr_name outside of a function, expected a value")


def attribute_of(data: Any) -> dict[str, Any]:
    """The fields of an attribute, which may be those of a node of a function, with its values put in."""
    return {**data} if isinstance(data, dict) else message(data, "attribute")


def decoded(kind: str, wire: int, value: Any) -> list[Any]:
    """What is in one field: several numbers where they are packed, or one value."""
    if kind == "i":
        METER.charge(len(value) if wire == 2 else 1)
        numbers, at = ([value], 0) if wire == 0 else ([], 0)
        while wire == 2 and at < len(value):
            number, at = varint(value, at)
            numbers.append(number)
        return [n - (1 << 64) if n >> 63 else n for n in numbers]
    if kind in ("f", "d"):
        return [*floats(kind, value)]
    if kind == "s":
        return [str(value, "utf-8")]
    return [value if kind == "b" else message(value, kind)]


def floats(kind: str, data: memoryview) -> Any:
    """Floats that lie one behind the other."""
    count, odd = divmod(len(data), struct.calcsize(kind))
    demand(not odd, f"protobuf: found {odd} bytes more than {count} numbers")
    (values := array(kind)).frombytes(data)
    if sys.byteorder == "big":
        values.byteswap()
    return values


# --- ONNX constants -----------------------------------------------------------------------------------

FLOATS = (1, 10, 11, 16)  # float32, float16, float64, bfloat16
# ONNX's number of an element type: how one element is packed
PACKED = {1: "f", 2: "B", 3: "b", 4: "H", 5: "h", 6: "i", 7: "q", 9: "B", 10: "e", 11: "d", 16: "H"}
FIELDS = {"f": "float_data", "d": "double_data", "q": "int64_data"}  # every other code: int32_data
DATA = {"raw_data", "external_data", "int32_data", *FIELDS.values()}


class Value(NamedTuple):
    """A tensor of an ONNX graph: of the network, or a constant array, row-major."""

    name: str  # in the network
    batch: tuple[Any, ...]  # the size of the first axis of a computed tensor, see View; or no axis
    dims: tuple[Any, ...]  # the other axes
    kind: int = 1  # element type
    values: Any = None  # of a constant: an array, or a list
    grid: "Grid | None" = None  # of what QuantizeLinear makes of the tensor `name`
    ranked: bool = True  # whether it is known how many axes there are

    @property
    def full(self) -> tuple[Any, ...]:
        return (*self.batch, *self.dims)

    @property
    def open(self) -> bool:
        """Whether it is a constant with symbols in it."""
        return self.kind in (6, 7) and type(self.values) is list and any(isinstance(n, Product) for n in self.values)


class Grid(NamedTuple):
    """The steps of a quantiser: for the places of a constant that is broadcast, scales and zero points; the bounds."""

    places: Value
    steps: list[tuple[Fraction, Fraction]]
    low: Fraction
    high: Fraction


class Folder:
    """External data files beside a model: read once, and never outside the folder."""

    def __init__(self, path: str, limit: int) -> None:
        self.path, self.limit = os.path.realpath(path or "."), limit
        self.contents: dict[str, bytes] = {}

    def part(self, pairs: list[dict[str, str]], need: int) -> memoryview:
        """The bytes that the entries of a tensor name, `need` of them."""
        entry = {pair.get("key", ""): pair.get("value", "") for pair in pairs}
        fits = len(entry) == len(pairs) and {"location"} <= entry.keys() <= {"location", "offset", "length", "checksum"}
        demand(fits, "external data: found other keys, expected location, offset, length, checksum, each once")
        location, offset, length = entry["location"], entry.get("offset", "0"), entry.get("length", str(need))
        fits = bool(re.fullmatch("[0-9]{1,18}", offset)) and length == str(need)
        demand(fits, f"external data: found offset {offset!a:.40}, length {length!a:.40}, expected {need} bytes")
        with about(f"external data {location!a:.200}", BROKEN):
            if location not in self.contents:
                self.contents[location] = read_file(self.inside(location), self.limit)
                self.limit -= len(self.contents[location])
            content = memoryview(self.contents[location])[int(offset) :][:need]
            demand(len(content) == need, f"found {len(content)} bytes from {offset} on, expected {need}")
            return content

    def inside(self, location: str) -> str:
        """The path of a file that must be in the folder, links followed."""
        fits = not os.path.isabs(location) and ".." not in re.split(r"[/\\]", location) and "\0" not in location
        path = os.path.realpath(os.path.join(self.path, location)) if fits else ""
        demand(path.startswith(os.path.join(self.path, "")), "found a path that leaves the folder, expected one inside")
        return path


def read_tensor(tensor: dict[str, Any], folder: Folder, finite: bool = True) -> tuple[Value, str]:
    """A constant, and the hash of its type, shape and content; unless `finite`, some elements may be no numbers."""
    kind, dims = tensor.get("data_type", 0), tuple(tensor.get("dims", ()))
    support(kind in PACKED, f"found element type {kind}, expected one of {', '.join(map(str, PACKED))}")
    need = size(dims) * struct.calcsize(PACKED[kind])
    raw = tensor_bytes(tensor, folder, need)
    fits = min(dims, default=0) >= 0 and len(raw) == need
    demand(fits, f"found {len(raw)} bytes, expected {need} for the shape {list(dims)}")
    digest = hashlib.sha256(f"{kind} {','.join(map(str, dims))}\n".encode())
    digest.update(raw)
    if kind == 10:
        values = array("f", struct.unpack(f"<{len(raw) // 2}e", raw))
    else:
        if kind == 16:  # the upper halves of float32 numbers
            wide = bytearray(2 * len(raw))
            wide[2::4], wide[3::4] = raw[::2], raw[1::2]
            raw = wide
        (values := array("f" if kind == 16 else PACKED[kind])).frombytes(raw)
        if sys.byteorder == "big":
            values.byteswap()
    demand(kind != 9 or max(values, default=0) <= 1, "found a truth value other than 0 and 1")
    found = Value("", (), dims, kind, values)
    demand(not finite or not infinite(found), infinite(found))
    return found, digest.hexdigest()


def infinite(constant: Value) -> str:
    """Which element of a constant is no number; nothing: all are."""
    if constant.kind not in FLOATS or all(map(math.isfinite, constant.values)):
        return ""
    v, value = next((v, value) for v, value in enumerate(constant.values) if not math.isfinite(value))
    index = [v // step % n for n, step in zip(constant.dims, strides(constant.dims), strict=True)]
    return f"element {index}: found {value}, expected a finite number"


def tensor_bytes(tensor: dict[str, Any], folder: Folder, need: int) -> Any:
    """The elements as `raw_data` holds them, wherever they are."""
    code, location, present = PACKED[tensor["data_type"]], tensor.get("data_location", 0), DATA & tensor.keys()
    name = FIELDS.get(code, "int32_data")
    fits = present == {"external_data"} if location else len(present) < 2 and present <= {"raw_data", name}
    demand(fits and location in (0, 1), f"found data as {' and '.join(sorted(present))}, expected raw_data or {name}")
    if location:
        return folder.part(tensor["external_data"], need)
    if "raw_data" in present:
        return tensor["raw_data"]
    values = tensor.get(name, [])
    with about(name, BROKEN):
        if isinstance(values, array):
            return (
                array(values.typecode, values).tobytes()
                if sys.byteorder == "little"
                else struct.pack(f"<{len(values)}{code}", *values)
            )
        return struct.pack(f"<{len(values)}{'H' if code == 'e' else code}", *values)


# --- ONNX graphs --------------------------------------------------------------------------------------

OPSETS = range(6, 29)
# The first opset of an operator, and of an attribute: of every operator, or of one.  All others are older than opset 7.
SINCE = {"Mod": 10, "GreaterOrEqual": 12, "LessOrEqual": 12, "Where": 9}
SINCE |= {"Cos": 7, "Sin": 7, "ConstantOfShape": 9, "Erf": 9, "Sign": 9, "DequantizeLinear": 10, "QuantizeLinear": 10}
SINCE |= {"ThresholdedRelu": 10, "Round": 11, "Celu": 12, "HardSwish": 14, "Mish": 18, "Gelu": 20, "Swish": 24}
SINCE |= {"count_include_pad": 7, "storage_order": 8, "ceil_mode": 10, "MaxPool dilations": 10, "value_float": 12}
SINCE |= {
    "sparse_value": 11,
    "value_floats": 12,
    "value_int": 12,
    "value_ints": 12,
    "select_last_index": 12,
    "seed": 12,
    "allowzero": 14,
}
SINCE |= {"QuantizeLinear axis": 13, "DequantizeLinear axis": 13, "training_mode": 14, "start": 15, "end": 15}
SINCE |= {"noop_with_empty_axes": 18, "num_outputs": 18, "saturate": 19, "AveragePool dilations": 19, "block_size": 21}
SINCE |= {"output_dtype": 21, "Resize": 10, "Upsample": 7, "DepthToSpace mode": 11}
SINCE |= {"ReduceSum noop_with_empty_axes": 13}
SINCE |= dict.fromkeys(("coordinate_transformation_mode", "nearest_mode", "cubic_coeff_a", "exclude_outside"), 11)
SINCE |= {"extrapolation_value": 11, "antialias": 18, "Resize axes": 18, "keep_aspect_ratio_policy": 18}
UNTIL = {"spatial": 9, "Upsample": 10}  # the first opset without it
# What meant something else before opset 7, and the attribute that makes some of these mean the same
BEFORE_7 = dict.fromkeys(("Add", "Sub", "Mul", "Div", "Pow", "PRelu"), "")
BEFORE_7 |= {"Gemm": "broadcast", "BatchNormalization": "is_test", "Dropout": "is_test"}
# Attributes that are truth values
FLAGS = {"keepdims", "noop_with_empty_axes", "ceil_mode", "storage_order", "count_include_pad", "select_last_index"}
FLAGS |= {"transA", "transB", "allowzero", "signed", "narrow", "training_mode", "spatial", "is_test", "broadcast"}
QONNX = ("Quant", "BipolarQuant")  # operators of these domains
QONNX_DOMAINS = ("onnx.brevitas", "finn.custom_op.general", "qonnx.custom_op.general")
FREE_DOMAINS = ("ai.onnx.ml", *QONNX_DOMAINS)  # of which all operators that are read are functions
INTEGERS = {2: (0, 255), 3: (-128, 127), 4: (0, 65535), 5: (-32768, 32767), 6: (-(1 << 31), (1 << 31) - 1)}
# ONNX's number of an attribute's type: the field that holds the value, and the type of the value
ATTRIBUTES = {1: ("f", float), 2: ("i", int), 3: ("s", str), 4: ("t", dict), 6: ("floats", tuple), 7: ("ints", list)}
ATTRIBUTES |= {11: ("sparse_tensor", dict)}
# What adds, scales or bends a tensor by a constant c: the factor and the constant, or the function
STEPS: dict[str, Callable[[Fraction], tuple[Fraction, Fraction]]] = {
    "Add": lambda c: (ONE, c),
    "Sum": lambda c: (ONE, c),
    "Sub": lambda c: (ONE, -c),
    "Mul": lambda c: (c, ZERO),
    "Div": lambda c: (1 / c, ZERO),
}
COMBINED: dict[str, Callable[[Fraction, Fraction], Any]] = {  # of two constants
    "Div": lambda a, b: math.trunc(a / b),
    "Mod": lambda a, b: a % b,
    "Equal": lambda a, b: int(a == b),
    "Greater": lambda a, b: int(a > b),
    "GreaterOrEqual": lambda a, b: int(a >= b),
    "Less": lambda a, b: int(a < b),
    "LessOrEqual": lambda a, b: int(a <= b),
}
BENDS: dict[str, Callable[[Fraction], Function]] = {
    "PRelu": lambda c: ("leaky_relu", (c,)),
    "Max": lambda c: bounded(c, None),
    "Min": lambda c: bounded(None, c),
    "root": lambda c: IDENTITY if c == 1 else ("surd", (c,)),
}


# Operators of ONNX's own domain, and the opsets from 6 on in which each began or changed (6 or less: what opset 6 has)
VERSION_WORDS = """
    Abs:6,13 Acos:7,22 Acosh:9,22 Add:6,7,13,14 AffineGrid:20 And:1,7 ArgMax:1,11,12,13 ArgMin:1,11,12,13 Asin:7,22
    Asinh:9,22 Atan:7,22 Atanh:9,22 Attention:23,24,25 AveragePool:1,7,10,11,19,22 BatchNormalization:6,7,9,14,15
    Bernoulli:15,22 BitCast:26 BitShift:11,28 BitwiseAnd:18 BitwiseNot:18 BitwiseOr:18 BitwiseXor:18
    BlackmanWindow:17 Cast:6,9,13,19,21,23,24,25,28 CastLike:15,19,21,23,24,25 CausalConvWithState:27 Ceil:6,13
    Celu:12,28 CenterCropPad:18 Clip:6,11,12,13 Col2Im:18 Compress:9,11,28 Concat:4,11,13 ConcatFromSequence:11
    Constant:1,9,11,12,13,19,21,23,24,25 ConstantOfShape:9,20,21,23,24,25 Conv:1,11,22 ConvInteger:10
    ConvTranspose:1,11,22 Cos:7,22 Cosh:9,22 CumProd:26 CumSum:11,14 DFT:17,20 DeformConv:19,22
    DepthToSpace:1,11,13,28 DequantizeLinear:10,13,19,21,23,24,25,28 Det:11,22 Div:6,7,13,14 Dropout:6,7,10,12,13,22
    DynamicQuantizeLinear:11 Einsum:12,28 Elu:6,22 Equal:1,7,11,13,19 Erf:9,13 Exp:6,13 Expand:8,13 EyeLike:9,22
    Flatten:1,9,11,13,21,23,24,25 Floor:6,13 GRU:3,7,14,22 Gather:1,11,13 GatherElements:11,13 GatherND:11,12,13
    Gelu:20 Gemm:6,7,9,11,13 GlobalAveragePool:1,22 GlobalLpPool:2,22 GlobalMaxPool:1,22 Greater:1,7,9,13
    GreaterOrEqual:12,16 GridSample:16,20,22 GroupNormalization:18,21 HammingWindow:17 HannWindow:17
    HardSigmoid:6,22 HardSwish:14,22 Hardmax:1,11,13 Identity:1,13,14,16,19,21,23,24,25 If:1,11,13,16,19,21,23,24,25
    ImageDecoder:20 InstanceNormalization:6,22 IsInf:10,20 IsNaN:9,13,20 LRN:1,13 LSTM:1,7,14,22
    LayerNormalization:17 LeakyRelu:6,16 Less:1,7,9,13 LessOrEqual:12,16 LinearAttention:27 Log:6,13
    LogSoftmax:1,11,13 Loop:1,11,13,16,19,21,23,24,25 LpNormalization:1,22 LpPool:2,11,18,22 MatMul:1,9,13
    MatMulInteger:10 Max:6,8,12,13 MaxPool:1,8,10,11,12,22 MaxRoiPool:1,22 MaxUnpool:9,11,22 Mean:6,8,13
    MeanVarianceNormalization:9,13 MelWeightMatrix:17 Min:6,8,12,13 Mish:18,22 Mod:10,13,28 Mul:6,7,13,14
    Multinomial:7,22 Neg:6,13 NegativeLogLikelihoodLoss:12,13,22 NonMaxSuppression:10,11 NonZero:9,13 Not:1
    OneHot:9,11,28 Optional:15,28 OptionalGetElement:15,18,28 OptionalHasElement:15,18,28 Or:1,7 PRelu:6,7,9,16
    Pad:2,11,13,18,19,21,23,24,25 Pow:1,7,12,13,15 QLinearConv:10 QLinearMatMul:10,21
    QuantizeLinear:10,13,19,21,23,24,25,28 RMSNormalization:23 RNN:1,7,14,22 RandomNormal:1,22 RandomNormalLike:1,22
    RandomUniform:1,22 RandomUniformLike:1,22 Range:11,27 Reciprocal:6,13 ReduceL1:1,11,13,18 ReduceL2:1,11,13,18
    ReduceLogSum:1,11,13,18,28 ReduceLogSumExp:1,11,13,18,28 ReduceMax:1,11,12,13,18,20 ReduceMean:1,11,13,18
    ReduceMin:1,11,12,13,18,20 ReduceProd:1,11,13,18 ReduceSum:1,11,13 ReduceSumSquare:1,11,13,18 RegexFullMatch:20
    Relu:6,13,14 Reshape:5,13,14,19,21,23,24,25 Resize:10,11,13,18,19 ReverseSequence:10,28 RoiAlign:10,16,22
    RotaryEmbedding:23 Round:11,22 STFT:17 Scan:8,9,11,16,19,21,23,24,25 Scatter:9,11 ScatterElements:11,13,16,18
    ScatterND:11,13,16,18 Selu:6,22 SequenceAt:11 SequenceConstruct:11 SequenceEmpty:11 SequenceErase:11
    SequenceInsert:11 SequenceLength:11 SequenceMap:17 Shape:1,13,15,19,21,23,24,25 Shrink:9 Sigmoid:6,13 Sign:9,13
    Sin:7,22 Sinh:9,22 Size:1,13,19,21,23,24,25 Slice:1,10,11,13 Softmax:1,11,13 SoftmaxCrossEntropyLoss:12,13
    Softplus:1,22 Softsign:1,22 SpaceToDepth:1,13,28 Split:2,11,13,18 SplitToSequence:11,24 Sqrt:6,13
    Squeeze:1,11,13,21,23,24,25 StringConcat:20 StringNormalizer:10 StringSplit:20 Sub:6,7,13,14 Sum:6,8,13
    SwiGLU:28 Swish:24 Tan:7,22 Tanh:6,13 TensorScatter:24 TfIdfVectorizer:9 ThresholdedRelu:10,22 Tile:6,13
    TopK:1,10,11,24 Transpose:1,13,21,23,24,25 Trilu:14 Unique:11,28 Unsqueeze:1,11,13,21,23,24,25 Upsample:1,7,9,10
    Where:9,16 Xor:1,7
"""
# The attributes that have a default, from an opset on until the next that is listed for the operator; lists with +
DEFAULT_WORDS = """
    Add@6:broadcast=0 Add@7: AffineGrid@20:align_corners=0 And@1:broadcast=0 And@7: ArgMax@1:axis=0,keepdims=1
    ArgMax@12:axis=0,keepdims=1,select_last_index=0 ArgMin@1:axis=0,keepdims=1
    ArgMin@12:axis=0,keepdims=1,select_last_index=0 Attention@23:is_causal=0,qk_matmul_output_mode=0,softcap=0.0
    Attention@25:is_causal=0,left_window_size=-1,qk_matmul_output_mode=0,right_window_size=-1,softcap=0.0
    AveragePool@1:auto_pad=NOTSET AveragePool@7:auto_pad=NOTSET,count_include_pad=0
    AveragePool@10:auto_pad=NOTSET,ceil_mode=0,count_include_pad=0
    BatchNormalization@6:epsilon=1e-05,is_test=0,momentum=0.9,spatial=1
    BatchNormalization@7:epsilon=1e-05,momentum=0.9,spatial=1 BatchNormalization@9:epsilon=1e-05,momentum=0.9
    BatchNormalization@14:epsilon=1e-05,momentum=0.9,training_mode=0 BlackmanWindow@17:output_datatype=1,periodic=1
    Cast@19:saturate=1 Cast@24:round_mode=up,saturate=1 CastLike@19:saturate=1 CastLike@24:round_mode=up,saturate=1
    CausalConvWithState@27:activation=none Celu@12:alpha=1.0 Clip@6:max=3.4028235e+38,min=-3.4028235e+38 Clip@11:
    ConcatFromSequence@11:new_axis=0 Conv@1:auto_pad=NOTSET,group=1 ConvInteger@10:auto_pad=NOTSET,group=1
    ConvTranspose@1:auto_pad=NOTSET,group=1 CumProd@26:exclusive=0,reverse=0 CumSum@11:exclusive=0,reverse=0
    DFT@17:axis=1,inverse=0,onesided=0 DFT@20:inverse=0,onesided=0 DeformConv@19:group=1,offset_group=1
    DepthToSpace@11:mode=DCR DequantizeLinear@13:axis=1 DequantizeLinear@21:axis=1,block_size=0
    DequantizeLinear@23:axis=1,block_size=0,output_dtype=0 Div@6:broadcast=0 Div@7: Dropout@6:is_test=0,ratio=0.5
    Dropout@7:ratio=0.5 Dropout@12: Elu@6:alpha=1.0 Equal@1:broadcast=0 Equal@7: EyeLike@9:k=0 Flatten@1:axis=1
    GRU@3:direction=forward,linear_before_reset=0,output_sequence=0 GRU@7:direction=forward,linear_before_reset=0
    GRU@14:direction=forward,layout=0,linear_before_reset=0 Gather@1:axis=0 GatherElements@11:axis=0
    GatherND@12:batch_dims=0 Gelu@20:approximate=none Gemm@6:alpha=1.0,beta=1.0,broadcast=0,transA=0,transB=0
    Gemm@7:alpha=1.0,beta=1.0,transA=0,transB=0 GlobalLpPool@2:p=2 Greater@1:broadcast=0 Greater@7:
    GridSample@16:align_corners=0,mode=bilinear,padding_mode=zeros
    GridSample@20:align_corners=0,mode=linear,padding_mode=zeros GroupNormalization@18:epsilon=1e-05
    GroupNormalization@21:epsilon=1e-05,stash_type=1 HammingWindow@17:output_datatype=1,periodic=1
    HannWindow@17:output_datatype=1,periodic=1 HardSigmoid@6:alpha=0.2,beta=0.5 Hardmax@1:axis=1 Hardmax@13:axis=-1
    ImageDecoder@20:pixel_format=RGB InstanceNormalization@6:epsilon=1e-05
    IsInf@10:detect_negative=1,detect_positive=1 LRN@1:alpha=1e-04,beta=0.75,bias=1.0
    LSTM@1:direction=forward,input_forget=0,output_sequence=0 LSTM@7:direction=forward,input_forget=0
    LSTM@14:direction=forward,input_forget=0,layout=0 LayerNormalization@17:axis=-1,epsilon=1e-05,stash_type=1
    LeakyRelu@6:alpha=0.01 Less@1:broadcast=0 Less@7:
    LinearAttention@27:chunk_size=64,scale=0.0,update_rule=gated_delta LogSoftmax@1:axis=1 LogSoftmax@13:axis=-1
    LpNormalization@1:axis=-1,p=2 LpPool@2:auto_pad=NOTSET,p=2 LpPool@18:auto_pad=NOTSET,ceil_mode=0,p=2
    MaxPool@1:auto_pad=NOTSET MaxPool@8:auto_pad=NOTSET,storage_order=0
    MaxPool@10:auto_pad=NOTSET,ceil_mode=0,storage_order=0 MaxRoiPool@1:spatial_scale=1.0
    MeanVarianceNormalization@9:axes=0+2+3 MelWeightMatrix@17:output_datatype=1 Mod@10:fmod=0 Mul@6:broadcast=0
    Mul@7: NegativeLogLikelihoodLoss@12:reduction=mean NonMaxSuppression@10:center_point_box=0 OneHot@9:axis=-1
    Or@1:broadcast=0 Or@7: Pad@2:mode=constant,value=0.0 Pad@11:mode=constant Pow@1:broadcast=0 Pow@7:
    QLinearConv@10:auto_pad=NOTSET,group=1 QuantizeLinear@13:axis=1 QuantizeLinear@19:axis=1,saturate=1
    QuantizeLinear@21:axis=1,block_size=0,output_dtype=0,saturate=1
    QuantizeLinear@23:axis=1,block_size=0,output_dtype=0,precision=0,saturate=1
    RMSNormalization@23:axis=-1,epsilon=1e-05,stash_type=1
    RNN@1:activations=Tanh+Tanh,direction=forward,output_sequence=0 RNN@7:activations=Tanh+Tanh,direction=forward
    RNN@14:activations=Tanh+Tanh,direction=forward,layout=0 Range@27:stash_type=1 ReduceL1@1:keepdims=1
    ReduceL1@18:keepdims=1,noop_with_empty_axes=0 ReduceL2@1:keepdims=1
    ReduceL2@18:keepdims=1,noop_with_empty_axes=0 ReduceLogSum@1:keepdims=1
    ReduceLogSum@18:keepdims=1,noop_with_empty_axes=0 ReduceLogSumExp@1:keepdims=1
    ReduceLogSumExp@18:keepdims=1,noop_with_empty_axes=0 ReduceMax@1:keepdims=1
    ReduceMax@18:keepdims=1,noop_with_empty_axes=0 ReduceMean@1:keepdims=1
    ReduceMean@18:keepdims=1,noop_with_empty_axes=0 ReduceMin@1:keepdims=1
    ReduceMin@18:keepdims=1,noop_with_empty_axes=0 ReduceProd@1:keepdims=1
    ReduceProd@18:keepdims=1,noop_with_empty_axes=0 ReduceSum@1:keepdims=1
    ReduceSum@13:keepdims=1,noop_with_empty_axes=0 ReduceSumSquare@1:keepdims=1
    ReduceSumSquare@18:keepdims=1,noop_with_empty_axes=0 Reshape@14:allowzero=0 Resize@10:mode=nearest
    Resize@11:coordinate_transformation_mode=half_pixel,cubic_coeff_a=-0.75,exclude_outside=0,extrapolation_value=0.0,mode=nearest,nearest_mode=round_prefer_floor
    Resize@18:antialias=0,coordinate_transformation_mode=half_pixel,cubic_coeff_a=-0.75,exclude_outside=0,extrapolation_value=0.0,keep_aspect_ratio_policy=stretch,mode=nearest,nearest_mode=round_prefer_floor
    ReverseSequence@10:batch_axis=1,time_axis=0
    RoiAlign@10:mode=avg,output_height=1,output_width=1,sampling_ratio=0,spatial_scale=1.0
    RoiAlign@16:coordinate_transformation_mode=half_pixel,mode=avg,output_height=1,output_width=1,sampling_ratio=0,spatial_scale=1.0
    RotaryEmbedding@23:interleaved=0,rotary_embedding_dim=0 STFT@17:onesided=1 Scatter@9:axis=0
    ScatterElements@11:axis=0 ScatterElements@16:axis=0,reduction=none ScatterND@16:reduction=none
    Selu@6:alpha=1.6732632,gamma=1.050701 Shape@15:start=0 Shrink@9:bias=0.0,lambd=0.5 Softmax@1:axis=1
    Softmax@13:axis=-1 SoftmaxCrossEntropyLoss@12:reduction=mean SpaceToDepth@28:mode=DCR Split@2:axis=0
    SplitToSequence@11:axis=0,keepdims=1 StringNormalizer@10:case_change_action=NONE,is_case_sensitive=0
    Sub@6:broadcast=0 Sub@7: SwiGLU@28:alpha=1.0 Swish@24:alpha=1.0 TensorScatter@24:axis=-2,mode=linear
    ThresholdedRelu@10:alpha=1.0 TopK@1:axis=-1 TopK@11:axis=-1,largest=1,sorted=1 Trilu@14:upper=1
    Unique@11:sorted=1 Upsample@1:mode=nearest Xor@1:broadcast=0 Xor@7:
"""
VERSIONS = {op: [*map(int, versions.split(","))] for op, versions in (w.split(":") for w in VERSION_WORDS.split())}
DEFAULTS: dict[str, dict[int, dict[str, str]]] = {}
for _word in DEFAULT_WORDS.split():
    _name, _, _words = _word.partition(":")
    _op, _, _since = _name.partition("@")
    _pairs = [pair.partition("=") for pair in _words.split(",") if pair]
    DEFAULTS.setdefault(_op, {})[int(_since)] = {key: value for key, _, value in _pairs}
# What is no function of its inputs, or has none that is understood
NO_FUNCTIONS = {"RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Multinomial", "Bernoulli"}
NO_FUNCTIONS |= {"Dropout"}  # may be training
# Opaque operators whose first output has the element type and the shape of the first input; truth values;
# and those that broadcast all inputs
ALIKE = {
    *("Quant", "BipolarQuant"),
    "Softmax",
    "LogSoftmax",
    "Hardmax",
    "LayerNormalization",
    "InstanceNormalization",
    "GroupNormalization",
    "RMSNormalization",
    "LpNormalization",
    "LRN",
    "MeanVarianceNormalization",
    "CumSum",
    "Clip",
    "Cast",
    "QuantizeLinear",
    "DequantizeLinear",
    "Trilu",
    "BatchNormalization",
    "ReverseSequence",
    "ScatterND",
    "ScatterElements",
    "Scatter",
    "Identity",
    "Not",
    "IsNaN",
    "IsInf",
    "Log",
    "Sqrt",
    "Reciprocal",
    "Neg",
    "Acos",
    "Acosh",
    "Asin",
    "Asinh",
    "Atan",
    "Atanh",
    "Cosh",
    "Sinh",
    "Tan",
    "Gelu",
    "Swish",
    "Shrink",
    "BitwiseNot",
}
CLASSICAL = ("Scaler", "Normalizer", "OneHotEncoder")  # of ai.onnx.ml, which make floats of whatever there is
TRUTHS = {"And", "Or", "Xor", "Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Not", "IsNaN", "IsInf"}
# Operators whose outputs have another element type than the first input, or one that is not looked at (0)
OTHER_TYPES = {"NonMaxSuppression": 7, "DynamicQuantizeLinear": 2, "MatMulInteger": 6, "ConvInteger": 6, "": 0}
OTHER_TYPES |= dict.fromkeys(("EyeLike", "OneHot", "CastLike", "BitCast", "Scan", "QLinearConv"), 0)
OTHER_TYPES |= dict.fromkeys(("QLinearMatMul", "MelWeightMatrix", "ImageDecoder", "StringSplit", "RegexFullMatch"), 0)
OTHER_TYPES |= dict.fromkeys(("OptionalHasElement", "OptionalGetElement", "SequenceAt", "SequenceLength"), 0)
OTHER_TYPES |= dict.fromkeys(("HannWindow", "HammingWindow", "BlackmanWindow", "TfIdfVectorizer", "SequenceEmpty"), 0)
OTHER_TYPES |= dict.fromkeys(("SequenceConstruct", "SequenceInsert", "SequenceErase", "SequenceMap", "Optional"), 0)
OTHER_TYPES |= dict.fromkeys(("SplitToSequence", "ConcatFromSequence", "If", "Loop"), 0)
SPREAD = {
    "Add",
    "Sub",
    "Mul",
    "Div",
    "Pow",
    "Max",
    "Min",
    "Sum",
    "Mean",
    "Mod",
    "PRelu",
    "And",
    "Or",
    "Xor",
    "Equal",
    "Greater",
    "GreaterOrEqual",
    "Less",
    "LessOrEqual",
    "BitwiseAnd",
    "BitwiseOr",
    "BitwiseXor",
    "BitShift",
    "Where",
}
# ONNX's number of an element type: its name
TYPES = {1: "float", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64", 8: "string", 9: "bool"}
TYPES |= {10: "float16", 11: "double", 12: "uint32", 13: "uint64", 14: "complex64", 15: "complex128", 16: "bfloat16"}
# ONNX's number of an attribute's type: the field that holds the value
FORMS = {1: "f", 2: "i", 3: "s", 4: "t", 5: "g", 6: "floats", 7: "ints", 8: "strings", 9: "tensors", 10: "graphs"}

# Inputs of an operator, see OPERATORS: element types
PORT = re.compile(r"(\w)([?*]?):?(\w*)@?(\d*)")
KINDS = {"x": FLOATS, "e": FLOATS, "f": FLOATS, "m": (7, *FLOATS), "i": (6, 7), "v": (6, 7), "l": (7,), "b": (9,)}
KINDS |= dict.fromkeys("an", (*PACKED,))


class OnnxReader:
    """Turns an ONNX graph into nodes, as the table of docs/certificate-format.md says.

    What is made of constants alone goes the same way, in a network of its own, and is evaluated at once.
    """

    def __init__(
        self,
        network: Network,
        folder: Folder,
        domains: Iterable[str] = (),
        work: int = MAX_WORK,
        shapes: GivenShapes = NO_SHAPES,
        dust: Fraction = ZERO,
    ) -> None:
        self.network, self.folder, self.opset = network, folder, 0
        self.constants = Network("constants", "")
        self.values: dict[str, Value | None] = {}  # None: the mask of a Dropout
        self.views_of: dict[str, Value] = {}  # the implied tensors
        self.room, self.most, self.trials = min(MAX_FOLDED, work), work, MAX_TRIALS
        self.op, self.outputs, self.net, self.depth = "", list[str](), network, 0  # of the node that is read
        self.domains, self.versions = domains, dict[str, int]()  # custom domains that are allowed; imported ones
        self.imported = self.versions  # by the model itself, whatever the function that is read imports
        self.declared: dict[str, Any] = {}  # types, by tensor
        self.dust = dust  # weights that are smaller in size are read as 0
        self.shapes, self.sizes = shapes, dict[str, int]()  # what the claim states; of symbols, what follows from it
        self.results = set[str]()  # the outputs of the graph
        self.infinite = set[str]()  # constants that hold infinity, or what is no number
        self.thresholds: dict[str, tuple[str, Fraction]] = {}  # what Greater makes: of a tensor, above a number
        self.padded: dict[str, tuple[Value, Window]] = {}  # what Pad makes: of which images, and the zeros around them
        self.opens, self.closed = dict[str, Value](), False  # symbols that are tensors too; whether these are read
        self.waiting: dict[str, Any] = {}  # nodes that make no tensor unless an opaque node reads it
        self.functions, self.bodies = list[Any](), dict[tuple[str, str, str], dict[str, Any]]()  # of the model
        self.attributes: dict[str, Any] = {}

    def read(self, content: bytes) -> None:
        """The whole file."""
        model = message(memoryview(content), "model")
        versions = {
            (bool(standard(e)), e.get("domain", ""), e.get("version", 0)) for e in model.get("opset_import", [])
        }
        count = len({version for own, _, version in versions if own})
        demand("graph" in model, "model: found no graph")
        fits = count == 1 or (count == 0 and versions)  # there may be other operators only
        demand(fits, f"model: found {count} versions of ONNX's operators, expected 1")
        for own, domain, version in sorted(versions):
            same = self.versions.setdefault("" if own else domain, version) == version
            demand(same, f"model: found two versions of the operators of {domain!a}, expected one")
        self.opset, graph, self.functions = self.versions.get("", 0), model["graph"], model.get("functions", [])
        self.imported = self.versions
        for data in self.functions:
            body = message(data, "function")
            words = body.get("domain", ""), body.get("name", ""), body.get("overload", "")
            refuse(not standard(body), f"found a function {words[1]!a:.60} in the domain of ONNX's own operators")
            demand(words not in self.bodies, f"found the function {words[1]!a:.60} twice")
            self.bodies[words] = body
        support(self.opset in OPSETS or not count, f"opset: found {self.opset}, expected {OPSETS[0]} to {OPSETS[-1]}")
        for tensor in graph.get("initializer", []):
            self.keep(tensor.get("name", ""), tensor)
        for tensor in graph.get("sparse_initializer", []):
            self.scattered(tensor.get("values", {}).get("name", ""), tensor)
        for port in graph.get("input", []):
            self.settle(port.get("name", ""), declared(port.get("type", {}))[1] or [])
        for port in graph.get("input", []):
            name = port.get("name", "")
            if name not in self.network.tensors:  # an initialiser that is also listed as an input is a constant
                with about(f"input {name!a}"):
                    value = self.port(name, port.get("type", {}))
                    self.define(name, value)
                    whole = not known(value.dims)
                    self.network.define(name, View(value.dims, ENTIRE if whole else None, value.batch))
        for port in (*graph.get("value_info", []), *graph.get("output", [])):
            self.declared[port.get("name", "")] = port.get("type", {})
        self.results = {port.get("name", "") for port in graph.get("output", [])}
        for index, node in enumerate(graph.get("node", [])):
            with about(f"node {index} {node.get('op_type', '')!a} {node.get('name', '')!a}"):
                self.node(node)
        self.network.outputs = [port.get("name", "") for port in graph.get("output", [])]
        for name in self.network.outputs:
            computed = name in self.network.views or name not in self.values
            support(computed, f"output {name!a}: found a constant or a mask, expected a computed tensor")
        for location, data in self.folder.contents.items():
            self.network.external[location] = hashlib.sha256(data).hexdigest()

    def node(self, node: dict[str, Any]) -> None:
        """One node: by its row of OPERATORS, or as an opaque one where that does not fit; the nodes of its body."""
        self.charge(64 if self.depth else 1)
        body = self.bodies.get((node.get("domain", ""), node.get("op_type", ""), node.get("overload", "")))
        if body is not None:
            self.called(node, body)
            return
        mark = self.mark(whole=node.get("op_type") == "If")
        try:
            if node.get("op_type") == "If" and standard(node) and self.branched(node):
                return
            constant = self.ruled(node)
            support(not (constant and self.results & {*node.get("output", [])}), "found a constant as an output")
        except Stop as error:
            if (error.verdict, error.rule) != ("unsupported", "format"):
                raise
            self.rewind(mark, kept=node.get("op_type") == "Constant")
            with about(f"{error}; as an opaque operator"):
                self.closing(node)

    def closing(self, node: dict[str, Any]) -> None:
        """A node that has no rule for symbols: by its rule for the tensors that these are, else an opaque one."""
        names = {name for name in node.get("input", []) if (x := self.values.get(name)) and x.open}
        if self.closed or not names:
            self.opaque(node)
            return
        for name in sorted(names):
            self.settled(name)
        self.closed = True
        try:
            self.node(node)
        finally:
            self.closed = False

    def called(self, node: dict[str, Any], body: dict[str, Any]) -> None:
        """The nodes of a local function, for a node that calls it."""
        given, settings = node.get("input", []), {}
        for data in (*body.get("attribute_proto", []), *node.get("attribute", [])):
            setting = attribute_of(data)
            settings[setting.get("name", "")] = setting
        formal, results = body.get("input", []), body.get("output", [])
        demand(len(given) <= len(formal), f"found {len(given)} inputs, expected at most {len(formal)}")
        known = {*formal, *(name for node in body.get("node", []) for name in node.get("output", []))}
        fits = len({*formal}) == len(formal) and {*results} <= known
        demand(fits, "found a function that names an input twice, or an output that it does not have")
        names = dict(itertools.zip_longest(formal, given, fillvalue=""))
        imports = [
            ("" if standard(entry) else entry["domain"], entry.get("version", 0))
            for entry in body.get("opset_import", [])
        ]
        versions, outer = dict(imports), (self.opset, self.versions)
        demand(len(versions) == len(imports), "found a function with two versions of the operators of a domain")
        self.opset, self.versions = versions.get("", self.opset), {**self.versions, **versions}
        refuse(self.opset in OPSETS and self.depth < 16, f"found opset {self.opset}, or functions inside of functions")
        for op in (node.get("op_type", "") for node in body.get("node", []) if standard(node)):
            alike = "" not in self.imported or since(op, self.opset) == since(op, self.imported[""])
            refuse(alike, f"found {op!a:.60} in a function whose opset has another version of it than the model's")
        self.depth += 1
        self.spliced(body.get("node", []), names, results, node.get("output", []), settings)
        self.depth -= 1
        self.opset, self.versions = outer

    def branched(self, node: dict[str, Any]) -> bool:
        """The nodes of a branch of an If with a constant condition: whether it is one."""
        names, outputs = node.get("input", []), node.get("output", [])
        condition = self.values.get(names[0]) if len(names) == 1 else None
        if condition is None or condition.values is None or condition.kind != 9 or len(condition.values) != 1:
            return False
        branch = "then_branch" if condition.values[0] else "else_branch"
        found = [
            setting["g"] for data in node.get("attribute", []) if (setting := attribute_of(data)).get("name") == branch
        ]
        support(len(found) == 1 and self.depth < 16, "found no such branch")
        graph = message(found[0], "graph")
        support(not graph.get("input") and not graph.get("sparse_initializer"), "found a branch that is no graph")
        prefix, inner = next(filter(None, outputs), ""), dict[str, str]()
        for tensor in graph.get("initializer", []):
            inner[tensor.get("name", "")] = f"{prefix}/{tensor.get('name', '')}"
            self.keep(inner[tensor.get("name", "")], tensor)
        results = [port.get("name", "") for port in graph.get("output", [])]
        self.depth += 1
        self.spliced(graph.get("node", []), inner, results, outputs, None)
        self.depth -= 1
        return True

    def spliced(
        self,
        nodes: list[dict[str, Any]],
        names: dict[str, str],
        results: list[str],
        outputs: list[str],
        settings: dict[str, Any] | None,
    ) -> None:
        """The nodes of a body, whose names are those of its inputs (of a branch: of all around it, too), of the outputs
        of the node that it is put in place of, or else new ones; settings: what attributes of a function stand for."""
        fits = len(outputs) <= len(results) and len({*results}) == len(results)
        demand(fits, f"found {len(outputs)} outputs, expected {len(results)}")
        prefix, made = next(filter(None, outputs), ""), {name for node in nodes for name in node.get("output", [])}
        for result, output in zip(results, outputs, strict=False):
            if result in made and output:
                names = {**names, result: output}
        for node in nodes:
            for name in node.get("output", []):
                names.setdefault(name, f"{prefix}/{name}" if name else "")
        names[""] = ""
        outside: Iterable[str] = self.values if settings is None else ()
        for index, node in enumerate(nodes):
            attributes = [setting for data in node.get("attribute", []) if (setting := self.put_in(data, settings))]
            held = {"g", "graphs"} & {key for setting in attributes for key in setting}
            refuse(settings is None or not held, "found a subgraph in a function, expected none")
            support(not held, "found a subgraph in a branch, expected none")
            defined = all(name in names or name in outside for name in node.get("input", []))
            demand(defined, "found an input that nothing defines")
            sources = [names.get(name, name) for name in node.get("input", [])]
            targets = [names[name] for name in node.get("output", [])]
            with about(f"node {index} {node.get('op_type', '')!a} inside"):
                self.node({**node, "input": sources, "output": targets, "attribute": attributes})
        for result, output in zip(results, outputs, strict=False):
            if result not in made and output:
                self.node({"op_type": "Identity", "input": [names.get(result, result)], "output": [output]})

    def put_in(self, data: Any, settings: dict[str, Any] | None) -> dict[str, Any] | None:
        """An attribute of a node of a function, with the value that the call gives; None: it gives none."""
        setting = attribute_of(data)
        word = setting.get("ref_attr_name")
        if not word:
            return setting
        demand(settings is not None, "found an attribute of a function, expected a value")
        given = (settings or {}).get(word)
        return None if given is None else {**given, "name": setting.get("name", "")}

    def mark(self, whole: bool) -> tuple[Any, ...]:
        """What is read so far; whole: what is forgotten then may also have changed that."""
        net, made = self.network, self.constants
        books: list[Any] = [
            net.views,
            net.units,
            net.nodes,
            self.values,
            self.views_of,
            made.views,
            made.units,
            made.nodes,
        ]
        books += [self.waiting, self.thresholds, self.opens, self.padded, net.dust]
        state = net.weights, net.rooted, net.folded, net.mixes, {*net.kinds}
        place = self.depth, self.opset, self.versions, len(net.given), len(net.tensors)
        if whole:
            self.charge(sum(map(len, books)) // 64)
        return (*((book, dict(book) if whole else len(book)) for book in books), place, state)

    def rewind(self, mark: tuple[Any, ...], kept: bool) -> None:
        """Forget what was read since; but not the hashes of constants, if they are to be kept."""
        *books, (self.depth, self.opset, self.versions, given, tensors), state = mark
        net = self.network
        for book, before in (*books, *([] if kept else [(net.tensors, tensors)])):
            if isinstance(before, dict):
                book.clear()
                book.update(before)
            while not isinstance(before, dict) and len(book) > before:
                book.popitem()
        del net.given[given:]
        net.weights, net.rooted, net.folded, net.mixes, net.kinds = state

    def ruled(self, node: dict[str, Any]) -> bool:
        """One node, by its row of OPERATORS; whether it is made of constants only."""
        op, outputs = node.get("op_type", ""), node.get("output", [])
        if op in ("Dropout", "MaxPool") and len(outputs) == 2 and not outputs[1]:
            outputs = outputs[:1]
        found = f"found operator {op!a} of domain {node.get('domain', '')!a}, expected one of the table"
        known = op in OPERATORS and (standard(node) if op not in QONNX else node.get("domain") in QONNX_DOMAINS)
        support(known and not node.get("overload"), found)
        several = 2 if op in ("Dropout", "MaxPool") else MAX_UNITS if op == "Split" else 1
        demand(0 < len(outputs) <= several, f"found {len(outputs)} outputs, expected 1")
        support(op != "MaxPool" or len(outputs) == 1, "found a second output, expected the largest values only")
        support(all(outputs), "found an output without a name")
        self.op, self.outputs = op, outputs
        read, words, defaults = OPERATORS[op]
        ports = [(*port, self.opset < int(since or 0)) for *port, since in PORT.findall(words)]
        early = {name: float if letter == "f" else list for letter, _, name, is_early in ports if is_early and name}
        word = BEFORE_7.get(op) if self.opset < 7 else None
        older = {word: 0} if word else {}
        there: Callable[[str], bool] = lambda name: op in QONNX or has(self.opset, op, name)  # noqa: E731
        demand(there(""), f"found {op}, which opset {self.opset} does not have")
        self.attributes = settings(node.get("attribute", []), {**defaults, **early, **older}, there)
        same = word is None or self.attributes.pop(word, 0)
        support(same, f"found another meaning than since opset 7, expected {word or 'that opset'}")
        inputs = self.arguments(node.get("input", []), ports)
        constant = len(inputs) > 0 and all(x is None or x.values is not None for x in inputs)
        self.net = self.constants if constant else self.network
        read(self, outputs[0], *inputs)
        if op == "Dropout" and len(outputs) > 1:
            self.define(outputs[1], None)
        for name in outputs:
            made = self.values[name]
            if made and (made.grid or made.open):
                self.waiting[name] = node
        return constant or op == "Constant"

    def arguments(self, names: list[str], ports: list[tuple[str, str, str, bool]]) -> list[Value | None]:
        """The inputs of a node: computed tensors, or constants of the right type; None where one is left out."""
        rest, found = [*map(self.value, names)], list[Value | None]()
        for letter, mark, name, early in ports:
            several = len(rest) if mark == "*" else 1
            taken, rest = ([], rest) if early else (rest[:several] or [None], rest[several:])
            if early:  # an attribute in this opset
                value = self.attributes.pop(name, None)
                dims, given = ((len(value),), value) if isinstance(value, list) else ((), [value])
                taken = [None if value is None else Value("", (), dims, 1 if letter == "f" else 7, given)]
            demand(None not in taken or mark == "?", f"found {len(names)} inputs, expected more")
            for x in filter(None, taken):
                fits = letter in "aem" or (x.values is None) == (letter == "x")
                fits = fits and (letter == "a" or self.op in ("Reshape", "Resize") or not x.open)
                support(fits, f"found {x.name!a}: no constant, or 0 computed inputs")
                fits = x.name not in self.infinite or self.op == "Clip"
                support(fits, f"tensor {x.name!a}: {infinite(x) if not fits else ''}")
                fits = x.ranked or self.op in NAMED or self.op in ("Gelu", "Swish", "Dropout")
                support(fits, f"found {x.name!a}, of which nothing says how many axes it has")
                fits = x.values is not None or letter == "a" or x.kind in FLOATS
                support(fits, f"found integers that are computed, {x.name!a}, expected floats")
                fits = x.kind in KINDS[letter] or (letter == "a" and x.values is None)
                fits = fits and (letter not in "lv" or len(x.dims) == 1)
                support(fits or x.values is not None, f"found element type {x.kind}, {x.name!a}")
                demand(fits, f"{x.name!a}: found element type {x.kind} of shape {[*x.dims]}, expected another")
            found += taken
        demand(not rest, f"found {len(names)} inputs, expected {len(ports)}")
        return found

    def value(self, name: str) -> Value | None:
        """An input."""
        demand(not name or name in self.values, f"tensor {name!a}: read before any node defines it")
        value = self.values[name] if name else None
        value = value if self.closed else self.opens.get(name, value)
        fits = not name or (value and (self.op == "DequantizeLinear" or value.grid is None))
        support(fits, f"tensor {name!a}: found a mask, or integers of a QuantizeLinear, expected floats")
        return value

    # Opaque operators

    def opaque(self, node: dict[str, Any]) -> None:
        """A node of which no more is known than that it is a function of its inputs."""
        op, domain, overload = node.get("op_type", ""), node.get("domain", ""), node.get("overload", "")
        domain = "" if domain == "ai.onnx" else domain
        names, outputs = node.get("input", []), node.get("output", [])
        version = self.function_version(op, domain, overload)
        refuse(not trains(node), "found a BatchNormalization in training, which is no function of its inputs alone")
        attributes, captured = self.attributed(node, op, domain, version)
        inputs, tensors = list[Any](), list[Value]()
        for name in (*names, *captured):
            x = self.settled(name) if name else None
            if x is None:
                inputs.append(None)
            elif x.values is None:
                inputs.append(("tensor",))
                tensors.append(x)
            else:
                self.charge(len(x.values))
                inputs.append(("constant", x.kind, x.dims, content(x)))
        while inputs and inputs[-1] is None:
            inputs.pop()
        present = {place: name for place, name in enumerate(outputs) if name}
        demand(present and len({*present.values()}) == len(present), "found no outputs, or a name twice")
        words = (domain, op, overload, version, attributes, (len(outputs), *present), (*inputs,), captured)
        given = Given(f"{domain or 'ai.onnx'}:{op}", domain, words, tuple(x.name for x in tensors), [], present)
        values = [self.value_of(name) if name else None for name in names]
        numbers = [self.opens.get(name) or value for name, value in zip(names, values, strict=True)]
        told = domain in ("", *QONNX_DOMAINS) or (domain == "ai.onnx.ml" and op in CLASSICAL)
        shapes = shaped(op if told else "", dict(attributes), values, numbers, len(outputs))
        views, made = dict[int, View](), list[Value]()
        for place, name in present.items():
            value = self.port(name, self.declared.get(name, {}), inputs=False)
            kind, shape = shapes[place] if place < len(shapes) else (0, None)
            if shape is not None and (not value.ranked or len(value.full) == len(shape)):
                said = value.full if value.ranked else [None] * len(shape)
                full = [self.sized(n, m) for n, m in zip(said, shape, strict=True)]
                lead = len(full) > 1 or not known(full)
                value = value._replace(batch=(*full[:lead],), dims=(*full[lead:],), ranked=True)
            value = value._replace(kind=value.kind or kind)
            given.types.append(value.kind)
            views[place] = View(value.dims, None if value.dims == () else ENTIRE, value.batch)
            made.append(value)
        given.types += [x.kind for x in tensors]
        above = values[1] if op == "Greater" and domain == "" and len(values) == 2 else None
        if above and above.values is not None and len(above.values) == 1 and above.kind in FLOATS and tensors:
            if len(above.dims) <= len(tensors[0].full):  # else what it makes has more axes than the tensor
                self.thresholds[outputs[0]] = tensors[0].name, Fraction(above.values[0])
        self.network.opaque(given, views)
        for value in made:
            self.define(value.name, value)

    def function_version(self, op: str, domain: str, overload: str) -> int:
        """The version of an operator that is a function, as far as is known."""
        if domain:
            free = domain == "ai.onnx.ml" or domain in self.domains or (domain in FREE_DOMAINS and op in QONNX)
            found = f"found operator {op!a} of domain {domain!a}, of which nothing says that it is a function"
            refuse(free, f"{found} (--opaque-domain {one_line(domain)})")
            demand(domain in self.versions, f"found domain {domain!a}, which the model does not import")
            alike = self.imported.get(domain, self.versions[domain]) == self.versions[domain]
            refuse(alike, f"found domain {domain!a} in a function that imports another version of it than the model")
            return self.versions[domain]
        version = since(op, self.opset)
        trained = op == "BatchNormalization" and self.opset < 7
        refuse(op not in NO_FUNCTIONS and not overload and not trained, f"found {op!a:.60}, which may be no function")
        demand(version, f"found operator {op!a:.60}, expected one that opset {self.opset} has")
        return version

    def settled(self, name: str) -> Value | None:
        """An input of an opaque operator; what made no tensor so far is one now."""
        demand(name in self.values, f"tensor {name!a}: read before any node defines it")
        if name in self.waiting:
            node, value, outer = self.waiting.pop(name), self.values.pop(name), self.closed
            if value and value.open:
                self.opens[name] = value
            if node.get("op_type") in ("Shape", "QuantizeLinear"):
                self.opaque(node)
            else:  # of tensors, not of symbols
                for source in filter(None, node.get("input", [])):
                    self.settled(source)
                self.closed = True
                self.node(node)
                self.closed = outer
        refuse(self.values[name] is not None, f"tensor {name!a}: found a mask, expected a tensor")
        return self.values[name]

    def value_of(self, name: str) -> Value | None:
        """What a name stands for."""
        return self.values[name]

    def attributed(self, node: dict[str, Any], op: str, domain: str, version: int) -> tuple[Any, Any]:
        """The attributes, in order, with defaults; and what subgraphs read from outside."""
        found, captured, graphs = dict[str, Any](), dict[str, None](), False
        for attribute in (attribute_of(data) for data in node.get("attribute", [])):
            name, number = attribute.pop("name", ""), attribute.pop("type", 0)
            with about(f"attribute {name!a}"):
                by_value(attribute)
                refuse(number in FORMS and attribute.keys() <= {FORMS[number]}, f"found type {number} or other fields")
                demand(name not in found, "found it twice")
                key = FORMS[number]
                value = attribute.get(
                    key, [] if key.endswith("s") and key != "s" else {"f": 0.0, "i": 0, "s": ""}.get(key)
                )
                demand(value is not None, "found no value")
                for graph in [value] if key == "g" else value if key == "graphs" else ():
                    graphs = True
                    captured.update(dict.fromkeys(self.captured(graph)))
                found[name] = key, self.attribute(key, value)
        for name, word in () if domain else defaults(op, version).items():
            found.setdefault(name, word)
        if graphs:  # what names stand for in there
            found[""] = "model", (tuple(sorted(self.versions.items())), tuple(bytes(f) for f in self.functions))
            for body in self.bodies.values():
                self.inspected(body)
        return tuple(sorted(found.items())), tuple(captured)

    def attribute(self, key: str, value: Any) -> Any:
        """The value of an attribute as something that is equal where the values are."""
        if key in ("t", "tensors"):
            return tuple(read_tensor(tensor, self.folder, False)[1] for tensor in ([value] if key == "t" else value))
        if key in ("f", "floats"):
            return struct.pack(f"<{len(value)}f", *value) if key == "floats" else struct.pack("<f", value)
        if isinstance(value, list):
            return tuple(bytes(item) if isinstance(item, memoryview) else item for item in value)
        return bytes(value) if isinstance(value, memoryview) else value

    def captured(self, data: memoryview, depth: int = 1) -> list[str]:
        """The names that a subgraph reads from outside; its operators are functions, and it holds its constants."""
        refuse(depth < 16, "found subgraphs inside of subgraphs, expected fewer")
        graph, outside = message(data, "graph"), list[str]()
        inner = {tensor.get("name", "") for tensor in graph.get("initializer", [])}
        external = any(
            "external_data" in tensor or tensor.get("data_location") for tensor in graph.get("initializer", [])
        )
        refuse(not external and not graph.get("sparse_initializer"), "found a subgraph with external data")
        inner |= {port.get("name", "") for port in graph.get("input", [])} | {""}
        for read, made in self.inspected(graph, depth):
            outside += [name for name in read if name not in inner]
            inner |= {*made}
        return outside + [port.get("name", "") for port in graph.get("output", []) if port.get("name", "") not in inner]

    def inspected(self, graph: dict[str, Any], depth: int = 1) -> Iterator[tuple[list[str], list[str]]]:
        """What each node of a subgraph or a function reads, subgraphs included, and makes; all must be functions."""
        found = []
        for node in graph.get("node", []):
            op, domain = node.get("op_type", ""), "" if standard(node) else node.get("domain", "")
            own = (node.get("domain", ""), op, node.get("overload", "")) in self.bodies
            fits = own or (op not in NO_FUNCTIONS if domain == "" else domain == "ai.onnx.ml" or domain in self.domains)
            refuse(not self.reaches_out(node), "found a constant with external data inside, or a sparse one")
            refuse(
                fits and not trains(node),
                f"found {op!a:.60} of domain {domain!a:.60} inside, which nobody says to be a function",
            )
            read = [*node.get("input", [])]
            for data in node.get("attribute", []):
                attribute = attribute_of(data)
                for part in [attribute["g"]] if "g" in attribute else attribute.get("graphs", []):
                    read += self.captured(part, depth + 1)
            found.append((read, node.get("output", [])))
        return iter(found)

    def reaches_out(self, node: dict[str, Any]) -> bool:
        """Whether a Constant keeps its value in another file; any node, a sparse tensor."""
        found = [attribute_of(data) for data in node.get("attribute", [])]
        tensors = [t for attribute in found if node.get("op_type") == "Constant" and (t := attribute.get("t"))]
        beside = any("external_data" in tensor or tensor.get("data_location") for tensor in tensors)
        return beside or any("sparse_tensor" in attribute for attribute in found)

    # What the operators are made of

    def define(self, name: str, value: Value | None) -> None:
        """A name, once."""
        demand(name and name not in self.values, f"tensor {name!a}: expected a name that is not taken")
        self.values[name] = value
        if value and value.values is not None:
            self.constants.views[name] = View(value.dims, None, ())
        elif value:
            self.network.kinds.add(value.kind)

    def settle(self, name: str, dims: list[Any]) -> None:
        """The sizes of symbols, where the claim states the shape of an input that has them."""
        stated = self.shapes.get(name, [])
        fits = not stated or len(stated) == len(dims)
        hold("shapes", fits, f"input {name!a}: found {len(dims)} axes, the claim states {len(stated)}")
        for n, m in zip(dims, stated, strict=False):
            free = isinstance(n, str) or n in (None, -1)
            hold("shapes", m is None or free or n == m, f"input {name!a}: found the size {n}, the claim states {m}")
            if isinstance(n, str) and m is not None:
                same = self.sizes.setdefault(n, m) == m
                hold("shapes", same, f"input {name!a}: the claim states two sizes of {n!a:.60}")

    def port(self, name: str, kind: dict[str, Any], inputs: bool = True) -> Value:
        """An input, or what is declared of another tensor: a first axis, and others."""
        refuse("tensor_type" in kind or not inputs, "found a sequence or another type, expected a tensor")
        element, dims = declared(kind)
        demand(dims is not None or not inputs, "found no shape, expected one")
        if dims is None:
            return Value(name, (), (self.fresh(name),), element, ranked=False)
        found, own = list[Any](), dict[str, Any]()
        stated = self.shapes.get(name, ()) if inputs else ()
        for n, m in itertools.zip_longest(dims, stated):
            n = self.sizes.get(n, n) if isinstance(n, str) else n if m is None else m
            demand(
                n is None or isinstance(n, str) or n > 0 or n == -1,
                f"found dimensions {dims}, expected positive numbers",
            )
            if isinstance(n, str) and (inputs or n in self.network.symbols):
                n = Product(1, (self.network.symbols.setdefault(n, Symbol(n)),))
            elif not isinstance(n, int) or n < 0:
                n = own.setdefault(n, self.fresh(n)) if isinstance(n, str) else self.fresh("?")
            found.append(n)
        lead = len(found) > 1 or not known(found)
        return Value(name, (*found[:lead],), (*found[lead:],), element)

    def fresh(self, name: str) -> Product:
        """A size of which nothing is known."""
        return Product(1, (Symbol(name),))

    def sized(self, said: Any, follows: Any) -> Size:
        """A size of an opaque output: as it is declared; where that is no number and no symbol of an input, as it
        follows from the inputs."""
        own = said is None or (isinstance(said, Product) and said.symbols[0] not in self.network.symbols.values())
        found: Size | None = follows if own and follows is not None else said
        return self.fresh("?") if found is None else found

    def keep(self, name: str, tensor: dict[str, Any]) -> None:
        """An initialiser or the value of a Constant node."""
        with about(f"tensor {name!a}"):
            constant, self.network.tensors[name] = read_tensor(tensor, self.folder, False)
            if infinite(constant):
                self.infinite.add(name)
            self.define(name, constant._replace(name=name))
            self.room = min(self.room + 8 * len(constant.values), self.most)
            self.network.weights += len(constant.values) - constant.values.count(0)

    def scattered(self, name: str, tensor: dict[str, Any]) -> None:
        """A sparse constant, as the dense tensor that it stands for: zeros but for some values."""
        values, indices, dims = tensor.get("values", {}), tensor.get("indices", {}), tensor.get("dims", [])
        room = self.room
        with about(f"tensor {name!a}"):
            beside = values.get("data_location") or indices.get("data_location")
            support(not beside, "found a sparse tensor with external data, expected it inside")
            support(indices.get("data_type") == 7, "found indices of another type, expected 64-bit integers")
            found, where = (read_tensor(part, self.folder, False)[0] for part in (values, indices))
            count, total = len(found.values), size(dims)
            fits = dims and min(dims) > 0 and found.dims == (count,) and where.dims in ((count,), (count, len(dims)))
            demand(fits, f"found {[*found.dims]} values and {[*where.dims]} indices for the shape {dims}")
            self.charge(total // 4)
            places = row_major(where, dims)
            ascends = all(map(operator.lt, places, places[1:])) and 0 <= min(places, default=0)
            demand(ascends and max(places, default=0) < total, "indices: found some that do not ascend, or are outside")
            width = struct.calcsize(PACKED[found.kind])
            packed, dense = bytes(tensor_bytes(values, self.folder, width * count)), bytearray(width * total)
            for i, place in enumerate(places):
                dense[width * place : width * (place + 1)] = packed[width * i : width * (i + 1)]
        self.keep(name, {"data_type": found.kind, "dims": dims, "raw_data": dense})
        self.room = min(room - total // 4 + 8 * count, self.most)

    def fold(self, target: str, kind: int, dims: Sequence[int], values: Iterable[Any]) -> Value:
        """A constant made of constants, of elements that are not made yet."""
        self.charge(size(dims))
        values = [*values]
        if kind in (6, 7) and any(isinstance(value, Product) for value in values):
            support(len(values) <= MAX_AXES, "found many symbols in a constant")
        elif kind not in FLOATS:
            low, high = INTEGERS.get(kind, (-(1 << 63), (1 << 63) - 1))
            fits = all(value == int(value) and low <= value <= high for value in values)
            demand(fits or kind != 7, "found a number that is no 64-bit integer")
            support(fits, "found a number that the type of integers does not have")
            values = [int(value) for value in values]
        made = Value(target, (), tuple(dims), kind, values)
        self.define(target, made)
        return made

    def charge(self, work: int) -> None:
        """Work on constants, before it is done."""
        self.room -= work
        demand(self.room >= 0, "found constants that are too much work for what is stored", "unknown", "budget")

    def made(self, target: str, source: Value) -> Value:
        """The value of a new tensor, of the element type and batch axis of its source."""
        (dims, _, lead), node = self.net.views[target], self.net.nodes[target]
        if self.net is self.constants:
            parts = [(self.opens.get(name) or self.values[name]).values for name in node.sources]  # type: ignore[union-attr]
            return self.fold(target, source.kind, dims, (element(node, parts, v) for v in range(math.prod(dims))))
        value = Value(target, lead, dims, source.kind, ranked=source.ranked)
        self.define(target, value)
        return value

    def each(self, source: Value, target: str, **fields: Any) -> Value:
        """What a step or a function makes of each unit."""
        self.net.each(source.name, target, **fields)
        return self.made(target, source)

    def implied(self, x: Value, suffix: str, channel: int | None) -> Value:
        """A tensor with another channel axis; made once."""
        name = x.name + suffix
        if name not in self.views_of:
            if channel is not None and self.net.views[x.name].channel == ENTIRE:
                self.net.taken(x.name, name, channel)
            else:
                support(known(x.dims), f"found the shape {[*x.full]}, expected numbers")
                self.net.reorder(x.name, name, None, View(x.dims, channel, x.batch))
            self.views_of[name] = self.made(name, x)
        return self.views_of[name]

    def elements(self, x: Value) -> Value:
        """The tensor with every element a unit."""
        x = self.image(x) if self.net.views[x.name].channel == ENTIRE else x
        return x if self.net.views[x.name].channel is None else self.implied(x, " as elements", None)

    def image(self, x: Value) -> Value:
        """The tensor with the axis after the first one as channels."""
        fits = len(x.dims) > 1 and x.batch
        support(fits, f"found the shape {list(x.dims)}, expected a batch axis, channels and a grid")
        return self.along(x, 0)

    def along(self, x: Value, axis: int) -> Value:
        """The tensor with an axis as channels."""
        channel, full = self.net.views[x.name].channel, axis + len(x.batch)
        support(isinstance(x.dims[axis], int), f"found a symbol as axis {full}, expected a number of channels")
        if channel == axis or (channel is None and len(x.dims) == 1):
            return x
        x = x if channel in (None, ENTIRE) else self.elements(x)
        return self.implied(x, " as image" + (f" of axis {full}" if full != 1 else ""), axis)

    def broadcast(self, constant: Value, x: Value) -> Callable[[int], Fraction]:
        """The number of a constant that broadcasting pairs with each element; the shape must stay."""
        full = (*((1,) * len(x.batch)), *x.dims)
        dims = (1,) * (len(full) - len(constant.dims)) + constant.dims
        fits = len(dims) == len(full) and all(n in (1, m) for n, m in zip(dims, full, strict=True))
        found = f"found a constant of shape {list(constant.dims)}, expected one that fits {list(x.dims)}"
        support(fits, f"{found} without the batch axis")
        steps = [0 if n == 1 else step for n, step in zip(dims, strides(dims), strict=True)]
        place, values = locate(x.dims, steps[len(x.batch) :]), constant.values
        return lambda v: Fraction(values[place(v)])

    def spread(self, x: Value, constant: Value) -> tuple[Value, Callable[[int], Fraction]]:
        """The number that broadcasting pairs with each unit of a tensor; of its elements where channels mix them."""
        view, at = self.net.views[x.name], self.broadcast(constant, x)
        if view.channel is None:
            return x, at
        if view.channel == ENTIRE and len({*constant.values}) > 1:
            return self.spread(self.along(x, varying(constant) + len(x.dims)), constant)
        after = len(view.dims) - view.channel if view.channel >= 0 else 0  # axes from the channel axis on
        inner = math.prod(constant.dims[1 - after :] if after > 1 else ())
        own = constant.dims[-after] if len(constant.dims) >= after > 0 and view.channel >= 0 else 1
        first: dict[int, Any] = {}
        self.charge(len(constant.values))
        if view.channel == ENTIRE:
            return x, lambda _: Fraction(constant.values[0])
        if view.channel >= 0 and all(first.setdefault(i // inner % own, n) == n for i, n in enumerate(constant.values)):
            return x, lambda v: Fraction(first[v if own > 1 else 0])
        return self.elements(x), at

    def apply(self, op: str, x: Value, constant: Value, target: str) -> Value:
        """What an operator of STEPS or BENDS makes of a tensor and a constant."""
        x, c = self.spread(x, constant)
        self.network.folded |= self.net is self.constants
        if op in BENDS:
            return self.each(x, target, function=lambda v: BENDS[op](c(v)))
        return self.each(x, target, step=lambda v: (v, *STEPS[op](c(v))))

    # Operators, in the order of OPERATORS

    def given(self, target: str) -> None:
        """Constant."""
        found = [(name, value) for name, value in self.attributes.items() if value is not None]
        demand(len(found) == 1, f"found {len(found)} attributes, expected 1")
        ((name, value),) = found
        if name in ("value", "sparse_value"):
            (self.keep if name == "value" else self.scattered)(target, value)
            return
        kind, several = 1 if "float" in name else 7, name.endswith("s")
        values = array(PACKED[kind], value if several else [value])
        self.define(target, Value(target, (), (len(values),) if several else (), kind, values))

    def swept(self, x: Value) -> Value:
        """A stored constant of floats with 0 for its dust, where it enters as weight, factor or addend."""
        if not self.dust or x.name not in self.network.tensors or x.kind not in FLOATS or x.values is None:
            return x
        self.charge(len(x.values))
        found = [0 < abs(value) < self.dust for value in x.values]
        if not any(found):
            return x
        self.network.dust[x.name] = sum(found)
        return x._replace(values=[0 if gone else value for value, gone in zip(x.values, found, strict=True)])

    def product(self, target: str, *inputs: Value) -> None:
        """MatMul by a constant matrix W, and Gemm: alpha * x * W + beta * C."""
        inputs = tuple(x if x is None or x.values is None else self.swept(x) for x in inputs)
        computed = [i for i, x in enumerate(inputs[:2]) if x.values is None]
        support(len(computed) == 1, f"found {len(computed)} computed inputs, expected 1")
        index, gemm, settings = computed[0], self.op == "Gemm", self.attributes
        x, weight = inputs[index], inputs[1 - index]
        demand(not gemm or inputs[2] or self.opset >= 11, "found no C, which an opset before 11 needs")
        fits = len(x.dims) > 0 and len(weight.dims) == 2 and (index == 0 or not (gemm or x.batch or len(x.dims) > 1))
        fits = fits and not (gemm and (settings["transA"] or len(x.full) != 2))
        found = f"found shapes {list(x.full)} and {list(weight.dims)}, expected a tensor and a matrix behind it"
        support(fits and known(x.dims[-1:]), found)
        by_rows = index == 1 or bool(settings.get("transB"))  # whether W or its transpose is the matrix
        alpha, beta = (Fraction(settings.get(name, 1)) for name in ("alpha", "beta"))
        self.network.folded |= alpha * beta != 1 or alpha != beta
        units, below = weight.dims if by_rows else weight.dims[::-1]
        demand(x.dims[-1] == below, f"found {x.dims[-1]} elements, expected {below} for the matrix")
        x = self.along(x, len(x.dims) - 1)
        values, bias = weight.values, Value("", (), (1,), 1, [0])
        at = self.broadcast(inputs[2] if gemm and inputs[2] else bias, Value("", x.batch, (units,)))

        def row(v: int) -> tuple[list[int], list[int], int, Fraction]:
            line = values[v * below : (v + 1) * below] if by_rows else values[v::units]
            return sparse(line if alpha == 1 else [alpha * Fraction(w) for w in line], 0, beta * at(v))

        view = self.network.views[x.name]
        self.network.define(target, view._replace(dims=(*view.dims[:-1], units)), Node((x.name,), row=row))
        self.made(target, x)

    def arithmetic(self, target: str, *inputs: Value) -> None:
        """Operators of STEPS and BENDS, of a tensor and a constant or of two constants; sums of computed tensors."""
        op, computed = self.op, [i for i, x in enumerate(inputs) if x.values is None]
        if computed == [0, 1] and op in ("Mul", "Max") and self.spelled(target, *inputs):
            return
        if len(computed) == len(inputs) and op in ("Add", "Sub", "Sum"):
            self.sum(target, *inputs)
            return
        support(len(inputs) == 2, f"found {len(inputs)} inputs, expected 2 with a constant")
        fits = len(computed) == 1 or (not computed and op in STEPS)
        support(fits, f"found {len(computed)} computed inputs, expected 1")
        x, c = inputs[::-1] if computed == [1] else inputs
        if not computed and op == "Div" and x.kind == c.kind and x.kind not in FLOATS:
            self.combined(target, x, c)
            return
        c = self.swept(c) if computed and op in ("Add", "Sub", "Sum", "Mul") else c
        same = c.kind in FLOATS or not computed
        demand(same and (computed or c.kind == x.kind), f"found a constant of element type {c.kind}, expected floats")
        fits = op not in ("Max", "Min") or self.opset >= 8 or c.dims[len(x.batch) :] == x.dims
        support(fits, "found a constant of another shape, which opsets before 8 do not broadcast")
        fits = computed != [1] or op not in ("Div", "PRelu")
        support(fits, "found a division by a computed tensor, or such a slope, expected a constant")
        demand(op != "Div" or all(c.values), "input 1: found a division by zero, expected another number")
        if op == "Sub" and computed == [1]:
            x, op = self.each(x, f"{target} negated", step=lambda v: (v, -ONE, ZERO)), "Add"
        self.apply(op, x if computed else self.stretched(target, x, c), c, target)

    def sum(self, target: str, *inputs: Value) -> None:
        """A sum of computed tensors of one shape; of their elements where their channel axes differ."""
        same = len({x.full for x in inputs}) == 1
        support(same, f"found shapes {[list(x.dims) for x in inputs]}, expected one")
        channels = {self.net.views[x.name].channel for x in inputs} - {ENTIRE}
        if channels == {None} and len(inputs[0].dims) == 1:
            channels = {0}
        if (
            len(channels) == 1
            and None not in channels
            and any(self.net.views[x.name].channel == ENTIRE for x in inputs)
        ):
            inputs = tuple(self.along(x, channel or 0) for x in inputs for channel in channels)
        several = len({self.net.views[x.name] for x in inputs}) > 1
        names = [self.elements(x).name if several else x.name for x in inputs]
        self.net.add(names, target, [1, -1] if self.op == "Sub" else [1] * len(names))
        self.made(target, inputs[0])

    def walked(self, name: str, end: str = "") -> tuple[str, Fraction, Fraction]:
        """The tensor of which another one is a multiple plus a constant, the same for all units; at most as far as
        `end`; and these numbers."""
        factor, constant, nodes = ONE, ZERO, self.network.nodes
        while name != end and name in nodes and nodes[name].kind == "affine" and nodes[name].row is None:
            node, units = nodes[name], self.network.units[name]
            self.charge(units)
            steps = {(u - v, c, e) for v, (u, c, e) in enumerate(map(node.step, range(units)))}
            if len(steps) > 1 or self.network.views[name] != self.network.views[node.sources[0]]:
                break
            ((moved, c, e),) = steps
            if moved:
                break
            (name,), factor, constant = node.sources, factor * c, constant + factor * e
        return name, factor, constant

    def only(self, name: str) -> tuple[Function, str]:
        """The function that all units of a tensor have, and its source."""
        node, units = self.network.nodes.get(name), self.network.units[name]
        if node is None or node.kind != "activate":
            return ("", ()), ""
        self.charge(units)
        functions = {*map(node.function, range(units))}
        return (functions.pop() if len(functions) == 1 else ("", ())), node.sources[0]

    def spelled(self, target: str, x: Value, y: Value) -> bool:
        """A function of one tensor that is written as a product, or as Max: whether it is one."""
        for one, other in ((x, y), (y, x)):
            name, factor, constant = self.walked(other.name, one.name)
            if self.op == "Max":
                found: Function | None = ("leaky_relu", (-ONE,)) if (factor, constant) == (-ONE, ZERO) else None
                found = found if name == one.name else None
            else:
                function, below = self.only(name)
                below, a, b = self.walked(below, one.name) if below else ("", ONE, ZERO)
                found = gated(function, a, b, factor, constant) if below == one.name else None
            if found and self.network.views[one.name] == self.network.views[other.name]:
                self.each(one, target, function=functools.partial(lambda function, _: function, found))
                return True
        return False

    def logarithm(self, target: str, x: Value) -> None:
        """Log of a sigmoid, and of 1 + Exp."""
        name, factor, constant = self.walked(x.name)
        function, below = self.only(name)
        known = {("sigmoid", ONE, ZERO): "log_sigmoid", ("exp", ONE, ONE): "softplus"}
        found = known.get((function[0], factor, constant))
        support(
            found and self.network.views[below] == self.network.views[x.name], "found a logarithm of something else"
        )
        self.each(x._replace(name=below), target, function=lambda _: (found, ()))

    def where(self, target: str, condition: Value, x: Value, y: Value) -> None:
        """Where(Greater(x, t), x, softplus(x))."""
        source, above = self.thresholds.get(condition.name, ("", ZERO))
        fits = (
            x.values is None
            and y.values is None
            and source == x.name
            and self.only(y.name) == (("softplus", ()), source)
        )
        support(fits, "found another choice than that of a softplus below a threshold")
        self.each(x, target, function=lambda _: ("softplus_above", (ONE, above)))

    def negate(self, target: str, x: Value) -> None:
        """Neg."""
        self.each(x, target, step=lambda v: (v, -ONE, ZERO))

    def combined(self, target: str, x: Value, y: Value) -> None:
        """What two constants make element by element: Div of integers, which cuts off, Mod, and comparisons."""
        op = self.op
        support(
            x.kind == y.kind and (op != "Mod" or (x.kind not in FLOATS and not self.attributes["fmod"])), "found floats"
        )
        support(not rounds(x) and not rounds(y), "found floats that arithmetic made, which machines round")
        demand(op not in ("Div", "Mod") or all(y.values), "input 1: found a division by zero, expected another number")
        shape = broadcast([x.dims, y.dims])
        support(shape is not None, "found constants of shapes that do not fit")
        dims = tuple(shape or ())
        self.charge(size(dims))
        like = Value("", (), dims)
        pairs = zip(*(map(self.broadcast(c, like), range(math.prod(dims))) for c in (x, y)), strict=True)
        values = [COMBINED[op](a, b) for a, b in pairs]
        self.network.folded = True
        self.fold(target, x.kind if op in ("Div", "Mod") else 9, dims, values)

    def stretched(self, target: str, x: Value, c: Value) -> Value:
        """A constant as large as broadcasting with another one makes it."""
        rank = max(len(x.dims), len(c.dims))
        dims = tuple(map(max, *((1,) * (rank - len(y.dims)) + y.dims for y in (x, c))))
        if dims == x.dims:
            return x
        at = self.broadcast(x, Value("", (), dims))
        return self.fold(f"{target} spread", x.kind, dims, map(at, range(math.prod(dims))))

    def power(self, target: str, x: Value, y: Value | None = None) -> None:
        """Pow, Sqrt and Reciprocal of constants."""
        y = y or Value("", (), (), 1, [Fraction(1, 2) if self.op == "Sqrt" else -ONE])
        x = self.stretched(target, x, y)
        at = self.broadcast(y, x)
        self.network.folded = True
        self.fold(target, x.kind, x.dims, (self.raised(Fraction(b), at(v), x.kind) for v, b in enumerate(x.values)))

    def raised(self, x: Fraction, y: Fraction, kind: int) -> Fraction:
        """x to an integer or to 1/2: the root is rounded as the specification says if it is irrational."""
        if 2 * y == 1:
            demand(x >= 0, f"found the root of {x}, expected one of a number that is not negative")
            exact = Fraction(math.isqrt(x.numerator), math.isqrt(x.denominator))
            if exact * exact == x:
                return exact
            coarse = kind == 11 and self.network.specification.endswith("32")
            support(not coarse, "found an irrational root of float64, which the specification rounds to float32")
            return self.rounded(x)
        support(y.denominator == 1 and abs(y) <= 64, f"found the exponent {y}, expected an integer")
        demand(x or y >= 0, "found a division by zero")
        return x ** int(y)

    def rounded(self, square: Fraction) -> Fraction:
        """The square root, rounded as the specification says."""
        self.network.rooted, words = True, self.network.specification
        rounds = words.startswith("batch normalisation folded")
        digits, least, most = (53, -1022, 1024) if words.endswith("64") else (24, -126, 128)
        found = nearest_root(square, digits) if square else square
        normal = not square or Fraction(2) ** least <= found < Fraction(2) ** most
        support(normal, "found a scale that is no normal number of the float type")
        hold("claim", rounds, f"found an irrational number, but the specification is {words!r}")
        return found

    def shape(self, target: str, x: Value) -> None:
        """Shape."""
        part = x.full[self.attributes["start"] : self.attributes["end"]]
        self.fold(target, 7, (len(part),), part)

    def filled(self, target: str, dims: Value) -> None:
        """ConstantOfShape."""
        given = self.attributes["value"]
        value = read_tensor(given, self.folder)[0] if given else Value("", (), (1,), 1, [0.0])
        fits = value.dims == (1,) and min(dims.values, default=1) >= 0
        demand(fits, f"found a value of shape {list(value.dims)} for {[*dims.values]}, expected one number")
        self.fold(target, value.kind, dims.values, itertools.repeat(value.values[0], math.prod(dims.values)))

    def normalise(self, target: str, x: Value, *parts: Value) -> None:
        """BatchNormalization of a trained network: gamma / sqrt(var + epsilon) * (x - mean) + beta."""
        trained = self.attributes["training_mode"] == 0 and self.attributes["spatial"] == 1
        support(x.batch and trained, "found another use than of a trained network")
        self.charge(8 * sum(len(part.values) for part in parts))
        demand(all(part.dims == x.dims[:1] for part in parts), "found other shapes than one number a channel")
        gamma, beta, mean, variance = ([*map(Fraction, part.values)] for part in parts)
        sums = [s + Fraction(self.attributes["epsilon"]) for s in variance]
        demand(all(s > 0 for s in sums), "variance: found another sum with epsilon than a positive one")
        self.network.rooted, exact = True, self.network.specification == "batch normalisation exact"
        if exact:
            roots = [self.surd(s) if g else (ONE, 1) for g, s in zip(gamma, sums, strict=True)]
            scales = [g * r for g, (r, _) in zip(gamma, roots, strict=True)]
        else:
            pairs = zip(gamma, sums, strict=True)
            scales = [self.rounded(g * g / s) * (1 if g >= 0 else -1) for g, s in pairs]

        def column(values: Iterable[Any]) -> Value:
            return Value("", (), (len(gamma), *(1,) * (len(x.dims) - 1)), 1, [*values])

        x = self.apply("Sub", x, column(mean), f"{target} centred")
        x = self.apply("Mul", x, column(scales), f"{target} scaled")
        x = self.apply("root", x, column(d for _, d in roots), f"{target} rooted") if exact else x
        self.apply("Add", x, column(beta), target)

    def surd(self, square: Fraction) -> tuple[Fraction, int]:
        """(r, d) with r * sqrt(d) = 1 / sqrt(square), where no square divides d."""
        s, d, tried = squarefree(square.numerator, self.trials)
        t, e, more = squarefree(square.denominator, self.trials - tried)
        self.trials -= tried + more
        return Fraction(t, s * d), d * e

    def linear(self, x: Value, kind: int, scale: Value, zero: Value | None) -> Grid:
        """The steps of QuantizeLinear and DequantizeLinear, for integers of a type."""
        support(kind in INTEGERS, f"found integers of type {kind}, expected 8 or 16 bits")
        support(not self.attributes["block_size"], "found block_size, expected none")
        alike = zero is None or zero.dims == scale.dims or {zero.dims, scale.dims} <= {(), (1,)}
        same = zero is None or (zero.kind == kind and alike)
        demand(same, "input 2: found zero points of another shape or type than the scales")
        self.charge(len(scale.values))
        rank, axis, dims = len(x.full), self.attributes["axis"], list[int]()
        if len(scale.values) != 1 or len(scale.dims) > 1:
            support(len(scale.dims) == 1 and -rank <= axis < rank, "found scales of several axes")
            demand(self.opset >= 13, "found scales of an axis, which an opset before 13 does not have")
            dims = [len(scale.values) if i == axis % rank else 1 for i in range(rank)]
        return gridded(scale, zero.values if zero else [0], dims, *INTEGERS[kind])

    def quantise(self, target: str, x: Value, scale: Value, zero: Value | None) -> None:
        """QuantizeLinear: integers, which of a computed tensor only DequantizeLinear may read."""
        kind = zero.kind if zero else self.attributes["output_dtype"] or 2
        support(kind != 6, "found integers of 32 bits, expected 8 or 16")
        grid = self.linear(x, kind, scale, zero)
        if x.values is None:
            self.define(target, Value(x.name, x.batch, x.dims, kind, None, grid))
            return
        self.quantised(target, x, kind, grid, lambda y, s, z, a, b: clipped(Fraction(round(y / s)) + z, a, b))

    def dequantise(self, target: str, x: Value, scale: Value, zero: Value | None) -> None:
        """DequantizeLinear: of a constant, or of what QuantizeLinear made with the same steps."""
        support(x.values is not None or x.grid, "found floats, expected integers of a QuantizeLinear")
        grid = self.linear(x, x.kind, scale, zero)
        name = "quantize" if grid == x.grid else ""
        self.quantised(target, x, scale.kind, grid, lambda y, s, z, *_: s * (y - z), name)

    def quantised(
        self, target: str, x: Value, kind: int, grid: Grid, of: Callable[..., Fraction], name: str = ""
    ) -> None:
        """A constant: what is made of an element, its scale, its zero point and the bounds; or else the function."""
        x, place = self.spread(x if x.values is not None else x._replace(kind=kind, grid=None), grid.places)
        if x.values is not None:
            pairs = ((Fraction(y), grid.steps[int(place(v))]) for v, y in enumerate(x.values))
            self.network.folded = True
            self.fold(target, kind, x.dims, (of(y, *step, grid.low, grid.high) for y, step in pairs))
            return
        support(name, "found scales, zero points or rounding of a computed tensor that make no function of the table")
        count = FUNCTIONS[name][0]
        functions = [function_of(name, *(*step, grid.low, grid.high)[:count]) for step in grid.steps]
        self.each(x, target, function=lambda v: functions[int(place(v))])

    def quant(self, target: str, x: Value, scale: Value, *parts: Value) -> None:
        """Quant of QONNX: scale * (round(clip(x / scale + zero, low, high)) - zero)."""
        mode = self.attributes["rounding_mode"]
        known: dict[str, tuple[Callable[[Fraction], int], str]]
        known = {"ROUND": (round, "quantize"), "FLOOR": (math.floor, "quantize_floor"), "CEIL": (math.ceil, "")}
        fits = mode in known and [len(part.values) for part in parts] == [1, 1]
        support(
            fits, f"found {mode!a:.40}, or several zero points or widths, expected one of {[*known]} and one number"
        )
        small = all(len(part.dims) <= len(x.full) for part in parts)
        support(small, "found a zero point or a width of more axes than the tensor")
        zero, bits = (Fraction(part.values[0]) for part in parts)
        least = 2 if self.attributes["signed"] else 1  # one signed bit is -1 or 1 to some, -1 or 0 to others
        support(bits in range(least, 65), f"found the width {bits}, expected {least} to 64")
        narrow, half = self.attributes["narrow"] != 0, 1 << int(bits) - 1
        bounds = (narrow - half, half - 1) if self.attributes["signed"] else (0, 2 * half - 1 - narrow)
        (rounded, name), grid = known[mode], gridded(scale, [zero], scale.dims, *bounds)
        simple = zero.denominator == 1 and (name != "quantize" or zero % 2 == 0)  # else order matters
        found: Callable[..., Fraction] = lambda y, s, z, a, b: s * (rounded(clipped(y / s + z, a, b)) - z)  # noqa: E731
        self.quantised(target, x, x.kind, grid, found, name if simple else "")

    def bipolar(self, target: str, x: Value, scale: Value) -> None:
        """BipolarQuant of QONNX: scale for x >= 0, else -scale."""
        name = "bipolar_sign" if {*scale.values} == {1} else ""
        if name:
            self.broadcast(scale, x)
            scale = Value("", (), (), 1, [1])
        grid = gridded(scale, [0], scale.dims, 0, 0)
        self.quantised(target, x, x.kind, grid, lambda y, s, *_: s if y >= 0 else -s, name)

    def sliding(self, grid: tuple[int, ...], kernel: Sequence[int], transposed: bool = False) -> Window:
        """The window of an operator that has these sizes of the kernel."""
        rank, settings = len(grid), self.attributes
        auto, ceil = settings.get("auto_pad", "NOTSET"), settings.get("ceil_mode", 0)
        names = {"strides": [1] * rank, "dilations": [1] * rank, "output_padding": [0] * rank, "pads": [0] * 2 * rank}
        given = {name: settings.get(name) for name in names}
        stride, dilation, more, pads = (names[name] if n is None else n for name, n in given.items())
        fits = [*map(len, (kernel, stride, dilation, more, pads[rank:]))] == [rank] * 5
        fits = fits and all(isinstance(n, Product) or n > 0 for n in (*kernel, *stride, *dilation))
        fits = fits and min((*pads, *more)) >= 0
        support(fits, f"found a window that does not fit {rank} axes, or negative numbers")
        same = auto in ("SAME_UPPER", "SAME_LOWER") and not transposed
        fits = auto == "NOTSET" or ((same or auto == "VALID") and not any(pads) and not ceil)
        support(fits, f"found auto_pad {auto!a:.40} with pads or ceil_mode, expected one of them")
        begin, end, target = pads[:rank], pads[rank:], []
        for i, n in enumerate(grid):
            if not known((n, kernel[i])):
                target.append(self.slid(n, kernel[i], stride[i], dilation[i], begin, end, i))
                continue
            s, span = stride[i], dilation[i] * (kernel[i] - 1) + 1
            if same:
                total = (-(-n // s) - 1) * s + span - n
                alike = "Pool" not in self.op or (total >= 0 and dilation[i] == 1)  # else runtimes disagree
                support(alike, f"found auto_pad {auto} of a pool whose windows have gaps, expected pads")
                total = max(total, 0)
                begin[i] = total // 2 if auto == "SAME_UPPER" else total - total // 2
                end[i] = total - begin[i]
            room = n + begin[i] + end[i] - span
            if transposed:
                target.append(s * (n - 1) + more[i] + span - begin[i] - end[i])
            elif ceil and room % s and (room // s + 1) * s < n + begin[i]:  # it begins before the padding at the end
                target.append(room // s + 2)
            else:
                target.append(room // s + 1 if room >= 0 else 0)
        fits = all(isinstance(n, Product) or n > 0 for n in target)
        demand(fits, f"found a kernel {list(kernel)} larger than {list(grid)}")
        lists = (grid, target, kernel, stride, dilation, begin, end)
        return Window(**dict(zip(Window._fields, map(tuple, lists), strict=False)), transposed=transposed)

    def slid(self, n: Size, k: Size, stride: int, dilation: int, begin: list[int], end: list[int], i: int) -> Size:
        """How many positions a window has along an axis of unknown size."""
        auto, settings = self.attributes.get("auto_pad", "NOTSET"), self.attributes
        fits = self.op != "ConvTranspose" and not settings.get("ceil_mode", 0)
        if not isinstance(k, int):  # all of the axis
            support(fits and k == n and stride == dilation == 1 and begin[i] == end[i] == 0, "found another window")
            return 1
        total = dilation * (k - 1)
        support(fits and isinstance(n, Product), "found another window over symbols than the table has")
        if auto in ("SAME_UPPER", "SAME_LOWER"):
            alike = "Pool" not in self.op or dilation == 1
            support(stride == 1 and alike, f"found auto_pad {auto} over symbols, expected pads")
            begin[i] = total // 2 if auto == "SAME_UPPER" else total - total // 2
            end[i] = total - begin[i]
        if stride == 1 and begin[i] + end[i] == total:
            return n
        return Product(1, (Symbol("?", (n, k, stride, dilation, begin[i], end[i])),))

    def convolution(self, target: str, x: Value, weight: Value, bias: Value | None) -> None:
        """Conv: W is (rows, columns of a group, kernel); ConvTranspose: (columns, rows of a group, kernel)."""
        transposed, groups = self.op == "ConvTranspose", self.attributes["group"]
        x, weight, bias = self.image(x), self.swept(weight), bias and self.swept(bias)
        fits = len(weight.dims) == len(x.dims) + 1 and math.prod(weight.dims) > 0 < groups
        demand(fits, f"found a kernel of shape {list(weight.dims)} for {list(x.dims)}")
        first, wide, *kernel = weight.dims
        rows, columns = (wide * groups, first) if transposed else (first, wide * groups)
        fits = columns == x.dims[0] and columns % groups == rows % groups == 0
        demand(fits, f"found a kernel of shape {list(weight.dims)} of {groups} groups for {x.dims[0]} channels")
        demand(self.attributes["kernel_shape"] in (None, kernel), "kernel_shape: found another one than the kernel's")
        demand(bias is None or bias.dims == (rows,), f"found a bias of another shape, expected {rows} numbers")
        window, taps, values = self.sliding(x.dims[1:], kernel, transposed), math.prod(kernel), weight.values
        high, broad = rows // groups, columns // groups * taps  # of a group
        x, window = (x, window) if transposed else self.unpadded(x, window)

        def row(v: int) -> tuple[list[int], list[int], int, Fraction]:
            start, line = v // high * broad, values[v * broad : (v + 1) * broad]
            if transposed:
                lines = range((start // taps * high + v % high) * taps, len(values), high * taps)[: columns // groups]
                line = [w for at in lines for w in values[at : at + taps]]
            return sparse(line, start, Fraction(bias.values[v]) if bias else ZERO)

        self.network.convolve(x.name, target, rows, window, row)
        self.made(target, x)

    def pool(self, target: str, x: Value) -> None:
        """AveragePool, MaxPool, of all positions too; ReduceMean."""
        x, settings = self.image(x), self.attributes
        kernel = settings["kernel_shape"] if "kernel_shape" in settings else [*x.dims[1:]]
        padding, kind = settings.get("count_include_pad", 0), "max" if "Max" in self.op else "average"
        fits = kernel is not None and padding in (0, 1) and not settings.get("storage_order")
        support(fits, "found another kernel_shape, count_include_pad or storage_order than the table has")
        window = self.sliding(x.dims[1:], kernel)
        below, wider = self.unpadded(x, window)
        if self.op == "AveragePool" and below is not x and not any((*window.begin, *window.end)) and within(wider):
            x, window, padding = below, wider, 1  # all the zeros count
        self.network.pool(kind, x.name, target, window, bool(padding))
        self.made(target, x)

    def mean(self, target: str, x: Value, axes: Value | None) -> None:
        """ReduceMean, ReduceSum over all positions: from axis 2 on, or all but the first and the last axis."""
        rank, total = len(x.dims) + 1, self.op == "ReduceSum"
        places = [] if axes is None else sorted(axis + rank * (axis < 0) for axis in axes.values)
        last = places == [*range(1, rank - 1)] != []
        fits = x.batch and (last or places == [*range(2, rank)] != []) and not self.attributes["noop_with_empty_axes"]
        fits = fits and (known(x.dims) or not total) and not (last and self.attributes["keepdims"])
        support(fits, f"axes: found {places}, expected all positions, of which a sum needs the number")
        if last:
            self.move(f"{target} moved", x, [x.full[0], x.full[-1], *x.full[1:-1]], [0, rank - 1, *range(1, rank - 1)])
            x = self.settled(f"{target} moved") or x
        kept = self.kept(target)
        self.pool(f"{target} mean" if total else kept, x)
        if total:
            count = Value("", (), (), 1, [Fraction(math.prod(x.dims[1:]))])
            mean = self.values[f"{target} mean"]
            self.each(mean, kept, step=lambda v: (v, count.values[0], ZERO))  # type: ignore[arg-type]
        before = self.values[kept]
        if before and kept != target:
            self.network.reorder(kept, target, None, View(x.dims[:1], None, before.batch))
            self.made(target, before)

    def blocks(self, target: str, x: Value) -> None:
        """DepthToSpace, SpaceToDepth."""
        x, b = self.image(x), self.attributes["blocksize"]
        support(len(x.dims) == 3 and known(x.dims), "found another grid than one of two numbers")
        demand(b and b > 0, f"blocksize: found {b}, expected a positive number")
        support(b * b <= MAX_KERNEL, f"found blocks of {b}, expected smaller ones")
        channels, grid = x.dims[0], x.dims[1:]
        area, mode = b * b, self.attributes.get("mode", "DCR")
        if self.op == "SpaceToDepth":
            demand(all(n % b == 0 for n in grid), f"found the grid {[*grid]} for blocks of {b}")
            sizes = tuple(n // b for n in grid)
            self.move_taps(target, x, channels * area, sizes, (b, b), lambda v: [v % channels * area + v // channels])
            return
        support(mode in ("DCR", "CRD"), f"mode: found {mode!a:.20}, expected DCR or CRD")
        demand(channels % area == 0, f"found {channels} channels for blocks of {area}")
        rows = channels // area
        first, step = (1, rows) if mode == "DCR" else (area, 1)
        sizes, columns = tuple(n * b for n in grid), range(area)
        taken: Callable[[int], list[int]] = lambda v: [(v * first + t * step) * area + t for t in columns]  # noqa: E731
        self.move_taps(target, x, rows, sizes, (b, b), taken, True)

    def resize(self, target: str, x: Value, *more: Value | None) -> None:
        """Resize, Upsample: nearest, by integers for which position q of an axis is read at q // scale."""
        x, settings, rank = self.image(x), self.attributes, len(x.dims) + 1
        rounding = settings.get("coordinate_transformation_mode"), settings.get("nearest_mode")
        centred = ("half_pixel", "pytorch_half_pixel"), ("round_prefer_floor", "round_prefer_ceil")
        good = [("asymmetric", "floor"), *itertools.product(*centred)]
        plain = [("mode", "nearest"), ("antialias", 0), ("exclude_outside", 0), ("keep_aspect_ratio_policy", "stretch")]
        fits = all(settings.get(key, value) == value for key, value in plain) and known(x.dims)
        support(fits and (self.opset < 11 or rounding in good), "found another way to resize than the table has")
        axes = [axis + rank * (axis < 0) for axis in settings.get("axes") or range(rank)]
        support(sorted(axes) == [*range(rank)], "found some axes, expected all")
        given, by_sizes = next(filter(None, more[:2]), None), self.opset > 10 and more[2] is not None
        given = more[2] if by_sizes else given
        demand(given is not None and len(given.values) == rank, f"found no {rank} scales or sizes")
        wished = dict(zip(axes, given.values if given else (), strict=True))
        if by_sizes:
            full = [*x.batch, *x.dims]
            support(wished[0] == full[0] and known(wished[a] for a in range(1, rank)), "found sizes that are symbols")
            ratios = [ONE, *(Fraction(wished[axis], full[axis]) for axis in range(1, rank))]
        else:
            ratios = [Fraction(wished[axis]) for axis in range(rank)]
        whole = all(ratio > 0 and ratio.denominator == 1 for ratio in map(Fraction, ratios))
        support(whole and ratios[0] == ratios[1] == 1, "found scales that are no integers, or of other axes")
        factors = tuple(int(ratio) for ratio in ratios[2:])
        sizes, taps = tuple(map(operator.mul, x.dims[1:], factors)), math.prod(factors)
        support(taps <= MAX_KERNEL, f"found the scales {[*factors]}, expected smaller ones")
        self.move_taps(target, x, x.dims[0], sizes, factors, lambda v: [*range(v * taps, (v + 1) * taps)], True)

    def move_taps(
        self,
        target: str,
        x: Value,
        units: int,
        sizes: tuple[int, ...],
        step: tuple[int, ...],
        taken: Callable[[int], list[int]],
        transposed: bool = False,
    ) -> None:
        """A convolution whose windows lie side by side; its weights are 1 at columns that are taken, 0 elsewhere."""
        ones, none = (1,) * len(step), (0,) * len(step)
        fits = math.prod(step) <= MAX_KERNEL and units * len(taken(0)) <= MAX_MOVED
        support(fits, f"found a step of {[*step]} for {x.dims[0]} channels, expected a smaller one")
        window = Window(x.dims[1:], sizes, step, step, ones, none, none, transposed)
        self.charge(units * len(taken(0)))
        row: Callable[[int], Any] = lambda v: (columns := taken(v), [1] * len(columns), 1, ZERO)  # noqa: E731
        self.network.convolve(x.name, target, units, window, row)
        self.made(target, x)

    def kept(self, target: str) -> str:
        """The name of what is made before axes of size 1 are dropped where the node says so."""
        return target if self.attributes.get("keepdims", 1) else f"{target} kept"

    def pad(self, target: str, x: Value, pads: Value, value: Value | None, chosen: Value | None) -> None:
        """Pad with zeros around images."""
        rank, x = len(x.dims) + 1, self.image(x)
        zeros = not (value and any(value.values)) and self.attributes["mode"] == "constant"
        support(zeros, "found another mode or value, expected zeros")
        axes = [axis + rank * (axis < 0) for axis in (chosen.values if chosen else range(rank))]
        numbers = pads.values
        fits = len(numbers) == 2 * len(axes) > 0 and len({*axes}) == len(axes) and {*axes} <= {*range(rank)}
        support(fits and min(numbers) >= 0, "found other pads than two numbers, not negative, for each axis")
        around = [[0] * rank, [0] * rank]
        for i, n in enumerate(numbers):
            around[i // len(axes)][axes[i % len(axes)]] = n
        outer = any(side[0] or side[1] for side in around)
        support(not outer, "found pads of the batch axis or the channels, expected none")
        (begin, end), grid = (tuple(side[2:]) for side in around), x.dims[1:]
        support(known(grid), "found pads around symbols, expected numbers")
        sizes, ones = tuple(map(sum, zip(begin, grid, end, strict=True))), (1,) * len(grid)
        window = Window(grid, sizes, ones, ones, ones, begin, end)
        self.network.pool("pad", x.name, target, window)
        self.made(target, x)
        self.padded[target] = x, window

    def unpadded(self, x: Value, window: Window) -> tuple[Value, Window]:
        """A window over images with zeros around them, as one over the images themselves."""
        while x.name in self.padded:
            x, around = self.padded[x.name]
            begin, end = map(operator.add, window.begin, around.begin), map(operator.add, window.end, around.end)
            window = window._replace(source=around.source, begin=tuple(begin), end=tuple(end))
        return x, window

    def axis(self, x: Value) -> int:
        """The attribute `axis`, the batch axis aside."""
        rank, axis = len(x.full), self.attributes["axis"]
        demand(axis is not None and -rank <= axis < rank, f"axis: found {axis}, expected one of {rank} axes")
        first = x.values is None and self.net.views[x.name].channel == ENTIRE and axis % rank == 0
        axis = axis % rank - len(x.batch)
        support(axis >= 0 and not first, "found an operator on the batch axis, expected none")
        return int(axis)

    def choose(
        self, target: str, sources: Sequence[Value], dims: Sequence[int], picks: dict[int, Any], made: Any = None
    ) -> None:
        """A tensor of parts of others; picks: for some axes, for each index there the source and its index in it; made:
        its shape, if it is not `dims`."""
        made = tuple(dims if made is None else made)
        channels = {self.net.views[x.name].channel for x in sources}
        if ENTIRE in channels and picks:
            parts = len(picks) == 1 and made == tuple(dims)
            support(parts, "found several axes, or indices that are no vector, of a whole tensor")
            (axis,) = picks
            support(axis + len(sources[0].batch), "found parts of the first axis of a whole tensor")
            sources = [self.along(x, axis) for x in sources]
            channels = {self.net.views[x.name].channel for x in sources}
        whole = not picks or (made == tuple(dims) and channels == picks.keys())
        sources = sources if whole else [*map(self.elements, sources)]
        steps, channel = [strides(x.dims) for x in sources], self.net.views[sources[0].name].channel

        def pick(v: int) -> tuple[int, int]:
            i, index = 0, []
            for step, n in zip(strides(dims), dims, strict=True):
                index.append(v // step % n)
            for axis, of in picks.items():
                i, index[axis] = of(index[axis])
            return i, sum(map(operator.mul, index, steps[i]))

        of = pick if channel is None else picks.get(channel, lambda v: (0, v))
        self.net.select([x.name for x in sources], target, View(made, channel, sources[0].batch), of)
        self.made(target, sources[0])

    def concat(self, target: str, *parts: Value) -> None:
        """Concat."""
        x, axis = parts[0], self.axis(parts[0])
        others = {(y.values is None, y.kind, y.batch, len(y.dims), replaced(y.dims, axis)) for y in parts}
        support(len(others) == 1, "found other shapes, or constants beside computed tensors")
        support(known(y.dims[axis] for y in parts), "found symbols along the axis, expected numbers")
        starts = [0, *itertools.accumulate(y.dims[axis] for y in parts)]

        def pick(index: int) -> tuple[int, int]:
            i = bisect.bisect_right(starts, index) - 1
            return i, index - starts[i]

        self.choose(target, parts, replaced(x.dims, axis, starts[-1]), {axis: pick})

    def slice(self, target: str, x: Value, *parts: Value | None) -> None:
        """Slice."""
        demand(len({part.kind for part in parts if part}) < 2, "found indices of two types, expected one")
        starts, ends, axes, steps = ([*part.values] if part else None for part in parts)
        rank, kept, dims, count = len(x.full), len(x.batch), list(x.dims), len(starts or [])
        axes = [axis + rank * (axis < 0) for axis in (range(count) if axes is None else axes)]
        steps = [1] * count if steps is None else steps
        fits = {len(ends or []), len(steps), len(axes), len({*axes})} == {count} and {*axes} <= {*range(rank)}
        demand(fits and all(steps), f"found starts {starts}, ends {ends}, axes {axes}, steps {steps}")
        picks = {}
        for start, end, axis, step in zip(starts or [], ends or [], axes, steps, strict=True):
            if is_all(start, end, step):
                continue
            support(axis >= kept, "found a slice of the batch axis, expected none")
            n = dims[axis - kept]
            support(known((n,)), "found a slice along a symbol, expected a number")
            part = range(n)[start : None if step < 0 and end < -n else end : step]
            dims[axis - kept] = len(part)
            if part != range(n):
                picks[axis - kept] = ranged(part)
                first = self.net.views[x.name].channel == ENTIRE and axis == 0
                support(x.values is not None or not first, "found a slice of the first axis, expected none")
        if x.values is not None and dims == [0]:  # the sizes of no axes
            self.fold(target, x.kind, dims, ())
            return
        self.choose(target, [x], dims, picks)

    def split(self, _: str, x: Value, given: Value | None) -> None:
        """Split; without sizes they are equal, but for the last one."""
        axis, count = self.axis(x), len(self.outputs)
        demand(self.attributes["num_outputs"] in (None, count), "num_outputs: found another number than outputs")
        n = x.dims[axis]
        support(known((n,)), "found a split along a symbol, expected a number")
        each = -(-n // count)
        demand(given or n % count == 0 or self.opset >= 18, f"found {n} units in {count} equal parts")
        sizes = [*given.values] if given else [each] * (count - 1) + [n - each * (count - 1)]
        fits = len(sizes) == count and sum(sizes) == n and min(sizes) > 0
        demand(fits, f"found parts {sizes} of {n} for {count} outputs")
        for name, start, part in zip(self.outputs, itertools.accumulate(sizes, initial=0), sizes, strict=False):
            picks = {axis: ranged(range(start, start + part))} if part < n else {}
            self.choose(name, [x], replaced(x.dims, axis, part), picks)

    def gather(self, target: str, x: Value, indices: Value) -> None:
        """Gather by constant indices."""
        axis = self.axis(x)
        n = x.dims[axis]
        support(known((n,)), "found indices along a symbol, expected a number")
        self.charge(len(indices.values))
        demand(all(-n <= i < n for i in indices.values), f"indices: found another than -{n} to {n - 1}")
        where = [i + n if i < 0 else i for i in indices.values]
        picks = {} if where == [*range(n)] and len(indices.dims) == 1 else {axis: lambda j: (0, where[j])}
        made = replaced(x.dims, axis, *indices.dims)
        self.choose(target, [x], replaced(x.dims, axis, len(where)), picks, made)

    def move(self, target: str, x: Value, new: Sequence[Any], axes: Any = None, same: bool = False) -> None:
        """All elements, after a permutation of the axes, in another shape; both with the first axis."""
        view, kept, order = self.net.views[x.name], len(x.batch), [*range(len(x.full))] if axes is None else [*axes]
        support(same or size(new) == product(x.full), f"found shape {[*new]} for {[*x.full]}")
        lone = not x.batch or x.batch == (1,)
        stays = tuple(new[:kept]) == x.batch and order[:kept] == [*range(kept)]
        moved = [axis for axis in order if x.full[axis] != 1]
        lone = lone and (new[:1] == [1] or moved == sorted(moved) or self.net is self.constants)
        if same:
            self.net.through(x.name, target, view, None)
        elif known(x.dims) and view.channel != ENTIRE and (stays or (lone and known(new))):
            lead = (
                x.batch if stays and (kept or self.net is self.constants) else (*new[: len(new) > 1 and new[0] == 1],)
            )
            self.network.mixes |= lead != x.batch != () and self.network.leads()
            axes, made = [axis - kept for axis in order if axis >= kept], tuple(new[len(lead) :])
            channel = channel_after(view, axes, made)
            self.net.reorder(x.name, target, axes, View(made, channel, lead))
        else:
            made_view, lift = self.regridded(x, view, new, order)
            self.network.mixes |= bool(x.batch) and not stays and self.network.leads()
            self.net.through(x.name, target, made_view, lift)
        self.made(target, x)

    def regridded(self, x: Value, view: View, new: Sequence[Any], order: list[int]) -> tuple[View, Lift | None]:
        """The view after a reordering that keeps the units, whatever the sizes of the other axes are; and what it does
        to each."""
        full, units, axis = x.full, view.units, view.channel
        found = f"found shape {[*new]} for {[*full]}, expected that the units stay"
        if axis is None and units > 1:  # elements that lie along one axis
            longer = [i for i, n in enumerate(view.dims) if n != 1]
            support(len(longer) == 1, found)
            axis = longer[0]
        c = None if axis is None or axis == ENTIRE else axis + len(x.batch)
        symbols = [
            [s.key() for n in dims if isinstance(n, Product) for s in n.symbols]
            for dims in ([full[i] for i in order], new)
        ]
        support(symbols[0] == symbols[1], f"{found}, and symbols in order")
        lift, j = permuting(full, [i for i in order if i != c]), None
        if c is not None:
            before = product(full[i] for i in order[: order.index(c)])
            j = next((j for j, n in enumerate(new) if n == units and product(new[:j]) == before), None)
            support(j is not None, found)
        lead = 0 if j == 0 else min(1, len(new))
        dims, channel = tuple(new[lead:]), ENTIRE if j is None else j - lead
        one = (channel != ENTIRE and len(dims) == 1) or (known(dims) and product(dims) == 1)
        one = one or (channel != ENTIRE and lead and known(dims) and product(dims) == units)
        return View(dims, None if one else channel, tuple(new[:lead])), lift

    def same(self, target: str, x: Value, _: Value | None = None, training: Value | None = None) -> None:
        """Identity, and Dropout that is not training."""
        trains = training and any(training.values)
        support(not trains, "found a Dropout in training, expected inference")
        self.move(target, x, x.full, same=True)

    def cast(self, target: str, x: Value) -> None:
        """Cast between float types; of a constant it may not change a value."""
        kind = self.attributes["to"]
        if x.values is None:
            support(kind in FLOATS and x.kind in PACKED, f"found a cast to type {kind}, expected floats")
            self.same(target, x._replace(kind=kind))
        elif kind == x.kind:
            self.define(target, x._replace(name=target))
        else:
            self.charge(len(x.values))
            if x.open:
                support(kind in (6, 7), "found a cast of symbols")
                self.fold(target, kind, x.dims, x.values)
                return
            support(kind in (1, 6, 7, 11), f"found a cast of constants to type {kind}")
            support(not rounds(x), "found a cast of floats that arithmetic made, which machines round")
            values = array(PACKED[kind], map(int if kind in (6, 7) else float, x.values))
            support([*values] == [*x.values], f"found a cast to type {kind} that changes a constant")
            self.define(target, Value(target, (), x.dims, kind, values))

    def transpose(self, target: str, x: Value) -> None:
        """Transpose."""
        given = self.attributes["perm"]
        axes = [*range(len(x.full))][::-1] if given is None else given
        fits = sorted(axes) == [*range(len(x.full))]
        demand(fits, f"perm: found {axes}, expected a permutation of {len(x.full)} axes")
        self.move(target, x, [x.full[axis] for axis in axes], axes)

    def flatten(self, target: str, x: Value) -> None:
        """Flatten."""
        axis, rank = self.attributes["axis"], len(x.full)
        demand(abs(axis) <= rank, f"axis: found {axis}, expected one of {rank} axes")
        axis += rank * (axis < 0)
        self.move(target, x, [math.prod(x.full[:axis]), math.prod(x.full[axis:])])

    def reshape(self, target: str, x: Value, given: Value) -> None:
        """Reshape: 0 copies a size, -1 is what is left; a symbolic batch axis is the size 0."""
        wanted, full = [*given.values], x.full
        fits = all(isinstance(n, Product) or n >= -1 for n in wanted) and wanted.count(-1) <= 1
        demand(fits, f"shape: found {wanted}, expected sizes and at most one -1")
        emptied = self.attributes["allowzero"] and 0 in wanted
        support(not emptied, "shape: found 0 with allowzero, expected none")
        new = [full[i] if n == 0 and i < len(full) else n for i, n in enumerate(wanted)]
        if x.batch and not known(x.batch) and new and -1 not in new and known(new):
            new[0] = x.batch[0]
        if -1 in new:
            new[new.index(-1)] = left_over(product(full), size([n for n in new if n != -1]))
        self.move(target, x, new)

    def squeeze(self, target: str, x: Value, given: Value | None) -> None:
        """Squeeze drops axes of size 1, Unsqueeze makes more of them."""
        full, more = x.full, self.op == "Unsqueeze"
        support(given is None or len(given.values), "axes: found an empty list, which some read as none")
        support(given or (not more and known(x.full)), "axes: found none, expected a list")
        axes = [*given.values] if given else [i for i, n in enumerate(full) if n == 1]
        rank = len(full) + (len(axes) if more else 0)
        places = {axis % rank for axis in axes if -rank <= axis < rank}
        demand(len(places) == len(axes), f"axes: found {axes}, expected some of {rank} axes, each once")
        support(more or known(full[i] for i in places), "found axes that are symbols, expected axes of size 1")
        ones = more or all(full[i] == 1 for i in places)
        demand(ones, f"axes: found {axes} for shape {[*full]}, expected axes of size 1")
        old = iter(full)
        new = [1 if i in places else next(old) for i in range(rank)] if more else []
        self.move(target, x, new or [n for i, n in enumerate(full) if i not in places])

    def activation(self, target: str, x: Value) -> None:
        """One function for all units, whose parameters are attributes."""
        name, *parameters = NAMED[self.op]
        function = function_of(name, *map(Fraction, (*parameters, *self.attributes.values())))
        self.each(x, target, function=lambda _: function)

    def gate(self, target: str, x: Value) -> None:
        """Gelu, and Swish with alpha 1."""
        setting = next(iter(self.attributes.values()))
        known: dict[Any, str] = {"none": "gelu", "tanh": "gelu_tanh", 1.0: "silu"}
        support(setting in known, f"found {setting!a:.40}, expected one of {[*known]}")
        self.each(x, target, function=lambda _: (known[setting], ()))

    def clip(self, target: str, x: Value, *given: Value | None) -> None:
        """Clip."""
        demand(all(len(bound.values) == 1 for bound in given if bound), "found other bounds, expected one number each")
        numbers = [bound.values[0] if bound else end for bound, end in zip(given, (-math.inf, math.inf), strict=True)]
        fits = numbers[0] <= numbers[1] and numbers[0] < math.inf and numbers[1] > -math.inf
        support(fits, f"found the bounds {numbers}, expected others")
        function = bounded(*(None if abs(number) == math.inf else Fraction(number) for number in numbers))
        self.each(x, target, function=lambda _: function)

    def head(self, target: str, x: Value) -> None:
        """Softmax, LogSoftmax, ArgMax over all elements: along their axis, or, of old softmaxes, from an axis on."""
        kind, axis = {"LogSoftmax": "log_softmax"}.get(self.op, self.op.lower()), self.attributes["axis"]
        joined, rank = kind != "argmax" and self.opset < 13, len(x.full)
        axis = axis if axis is not None else 1 if joined else -1
        at = axis + rank * (axis < 0) - len(x.batch)
        spanned = product(x.dims[at:] if joined else x.dims[at : at + 1]) if 0 <= at < len(x.dims) else 0
        fits = spanned == product(x.dims) and not self.attributes.get("select_last_index")
        fits = fits and self.net.views[x.name].channel != ENTIRE
        support(fits, f"found axis {axis} of {[*x.full]}, expected all elements besides the batch axis, and the first")
        x = x if self.net.views[x.name].positions == 1 else self.elements(x)
        shape = (1,) * (len(x.dims) - 1 + self.attributes.get("keepdims", 1))
        name = target if kind != "argmax" or shape == (1,) else f"{target} kept"
        self.network.head(x.name, name, kind)
        made = self.made(name, x._replace(kind=7 if kind == "argmax" else x.kind))
        if name != target:
            self.network.reorder(name, target, None, View(shape, None, made.batch))
            self.made(target, made)


def gated(function: Function, a: Fraction, b: Fraction, c: Fraction, d: Fraction) -> Function | None:
    """What y * (c * f(a * y + b) + d) is, if the table has it."""
    name, parameters = function
    if name == "sigmoid" and (a, b, c, d) == (ONE, ZERO, ONE, ZERO):
        return "silu", ()
    if name == "hard_sigmoid" and (c, d) == (ONE, ZERO):
        alpha, beta = parameters[0] * a, parameters[0] * b + parameters[1]
        exact = (alpha, beta) == (Fraction(1, 6), Fraction(1, 2))
        return ("hard_swish", ()) if exact else ("hard_gate", (alpha, beta))
    return ("erf_gate", (a, c)) if name == "erf" and b == 0 and c == d else None


def sparse(line: Sequence[Any], start: int, bias: Fraction) -> tuple[list[int], list[int], int, Fraction]:
    """What `row` of a node gives: of the columns from `start` on those with a weight that is not zero."""
    integers, d = over_common(filter(None, line))
    return list(itertools.compress(range(start, start + len(line)), line)), integers, d, bias


def element(node: Node, parts: list[Any], v: int) -> Any:
    """An element of what a node makes of constants."""
    if node.row is None:
        u, c, e = node.step(v)
        return parts[0][u] if (c, e) == (ONE, ZERO) else c * Fraction(parts[0][u]) + e
    (i, u) = next(iter(node.row(v)[0]))
    return parts[i][u]


def rounds(x: Value) -> bool:
    """Whether arithmetic made a constant of floats: a machine may round it, and decide otherwise by it."""
    return x.kind in FLOATS and any(type(value) is Fraction for value in x.values)


def float32(value: float) -> float:
    """The nearest float32 number."""
    return float(struct.unpack("<f", struct.pack("<f", value))[0])


def within(window: Window) -> bool:
    """Whether a window without gaps begins and ends less than its size outside, and is not rounded up."""
    rooms = map(sum, zip(window.source, window.begin, window.end, strict=True))
    floors = tuple((n - k) // s + 1 for n, k, s in zip(rooms, window.kernel, window.stride, strict=True))
    outside = map(max, window.begin, window.end)
    return floors == window.target and {*window.dilation} == {1} and all(map(operator.lt, outside, window.kernel))


def row_major(indices: Value, dims: Sequence[int]) -> Sequence[int]:
    """The places of elements, given as such or by an index for each axis."""
    if len(indices.dims) < 2:
        return [*indices.values]
    columns = [indices.values[axis :: len(dims)] for axis in range(len(dims))]
    inside = all(0 <= min(column) and max(column) < n for column, n in zip(columns, dims, strict=True) if column)
    demand(inside, "indices: found some that are outside")
    steps = strides(dims)
    return [sum(map(operator.mul, row, steps)) for row in zip(*columns, strict=True)]


def replaced(dims: Sequence[int], axis: int, *new: int) -> tuple[int, ...]:
    """A shape with other axes instead of one."""
    return (*dims[:axis], *new, *dims[axis + 1 :])


def ranged(part: range) -> Callable[[int], tuple[int, int]]:
    """For `choose`: a range of the indices of an axis."""
    return lambda index: (0, part[index])


def gridded(scale: Value, zeros: Sequence[Any], dims: Sequence[int], low: int, high: int) -> Grid:
    """The steps of a quantiser with these scales in an array of that shape, and one zero point or as many."""
    support(all(s > 0 for s in scale.values), "input 1: found a scale that is not positive")
    several = zeros if len(zeros) > 1 else itertools.repeat(zeros[0] if len(zeros) else 0)
    steps = [(Fraction(s), Fraction(z)) for s, z in zip(scale.values, several, strict=False)]
    places = Value("", (), tuple(dims), 7, range(len(steps)))
    return Grid(places, steps, Fraction(low), Fraction(high))


def bounded(low: Fraction | None, high: Fraction | None) -> Function:
    """The function that keeps within bounds."""
    if low is not None and high is not None:
        return function_of("clip", low, high)
    if low is None:
        return IDENTITY if high is None else ("at_most", (high,))
    return ("at_least", (low,)) if low else RELU


def varying(constant: Value) -> int:
    """The only axis along which a constant varies, counted from the end."""
    longer = [axis - len(constant.dims) for axis, n in enumerate(constant.dims) if n > 1]
    support(len(longer) == 1, f"found a constant of shape {[*constant.dims]}, expected one that varies along one axis")
    return longer[0]


def left_over(total: Size, part: Size) -> Size:
    """What times a part is the total; 0 where there is none."""
    if isinstance(total, int):
        return total // part if isinstance(part, int) and part > 0 and total % part == 0 else 0
    return total // part or 0


def channel_after(view: View, axes: Sequence[int], made: Sequence[int]) -> int | None:
    """Where the channel axis is after a reordering that keeps every image as it is; None: elements."""
    if view.channel is None or view.positions == 1:
        return None
    others = [axis for axis in axes if axis != view.channel]
    before = math.prod(view.dims[axis] for axis in axes[: axes.index(view.channel)])
    fitting = (j for j, n in enumerate(made) if n == view.units and math.prod(made[:j]) == before)
    return next(fitting, None) if others == sorted(others) else None


def standard(entry: dict[str, Any]) -> bool:
    """Whether an opset or a node is of ONNX's own operators."""
    return entry.get("domain", "") in ("", "ai.onnx")


def refuse(truth: object, message: str) -> None:
    """Stop unless something is a function that is understood or given."""
    demand(truth, message, "unsupported", "refused")


def trains(node: dict[str, Any]) -> bool:
    """Whether a node may be a BatchNormalization that is training."""
    settings = [attribute_of(data) for data in node.get("attribute", [])]
    trained = any(setting.get("name") == "training_mode" and setting.get("i") for setting in settings)
    return node.get("op_type") == "BatchNormalization" and (trained or len(node.get("output", [])) > 1)


def since(op: str, opset: int) -> int:
    """The opset in which an operator got the meaning that it has in another one; 0: it has none there."""
    return max((version for version in VERSIONS.get(op, ()) if version <= opset), default=0)


def defaults(op: str, version: int) -> dict[str, Any]:
    """The attributes that have a default, as `OnnxReader.attribute` makes them."""
    found: dict[str, Any] = {}
    first = max((since for since in DEFAULTS.get(op, {}) if since <= version), default=None)
    for name, word in DEFAULTS[op][first].items() if first is not None else ():
        if "+" in word[1:] and word[0] in "T0123456789":
            parts = word.split("+")
            found[name] = (
                ("ints", tuple(map(int, parts))) if parts[0].isdigit() else ("strings", tuple(map(str.encode, parts)))
            )
        elif re.fullmatch("-?[0-9]+", word):
            found[name] = "i", int(word)
        elif re.fullmatch("-?[0-9.]+(e[-+]?[0-9]+)?", word):
            found[name] = "f", struct.pack("<f", float(word))
        else:
            found[name] = "s", word
    return found


def content(x: Value) -> Any:
    """What is equal for equal constants of one type and shape: their bytes, as far as there are any."""
    code = PACKED[x.kind] if x.kind not in (10, 16) else "f"
    try:
        values = (
            x.values if isinstance(x.values, array) else [int(n) if code not in "fd" else float(n) for n in x.values]
        )
        packed = x.values if isinstance(x.values, array) else array(code, values)
        if isinstance(x.values, array) or all(map(operator.eq, packed, x.values)):
            return hashlib.sha256(packed.tobytes()).hexdigest()
    except (TypeError, OverflowError):
        pass  # symbols, or numbers that the type does not have
    return tuple(x.values)


def shaped(
    op: str, attributes: dict[str, Any], inputs: list[Value | None], numbers: list[Value | None], outputs: int
) -> list[Any]:
    """The element type (0: unknown) and the shape of the outputs of an opaque operator; None: of no known rank, or an
    axis of no known size.

    numbers: the inputs, where their numbers are known though they are tensors
    """
    setting = {name: value for name, (_, value) in attributes.items()}
    shapes: list[Any] = [y.full if y and y.ranked else None for y in inputs]
    kinds = [shaped_kind(op, setting, inputs, place) for place in range(outputs)]
    if not {op} & {"ConstantOfShape", "Range", "Reshape", *SPREAD} and (not shapes or shapes[0] is None):
        return [(kind, None) for kind in kinds]
    found = ResultShapes(op, setting, inputs, shapes, numbers, outputs).all()
    fits = [
        shape if shape is not None and all(n is None or not known((n,)) or n > 0 for n in shape) else None
        for shape in found
    ]
    return [*zip(kinds, [*fits, *[None] * outputs], strict=False)]


class ResultShapes:
    """The shapes of what an opaque operator makes, as its definition says: what is said of an axis is true whatever the
    inputs are, as long as the node is a valid one."""

    def __init__(
        self,
        op: str,
        setting: dict[str, Any],
        inputs: list[Value | None],
        shapes: list[Any],
        numbers: list[Value | None],
        outputs: int,
    ) -> None:
        self.op, self.setting, self.inputs, self.shapes = op, setting, inputs, shapes
        self.numbers, self.outputs = numbers, outputs
        self.x: tuple[Any, ...] = shapes[0] if shapes and shapes[0] is not None else ()

    def all(self) -> list[Any]:
        """One for each output, as far as there is anything to say."""
        op, x = self.op, self.x
        if op in ALIKE or op in NAMED:
            return [x]
        if op in SPREAD:
            return [broadcast([shape for y, shape in zip(self.inputs, self.shapes, strict=True) if y])]
        if op.startswith("Reduce") or op in ("ArgMax", "ArgMin"):
            return [self.reduced()]
        table: dict[str, Callable[[], list[Any]]] = {
            "Shape": lambda: [(len(x),) if not self.setting.get("start") and "end" not in self.setting else None],
            "NonZero": lambda: [(len(x), None) if x else None],
            "Range": lambda: [(None,)],
            **dict.fromkeys(("Scaler", "Normalizer"), lambda: [x]),
            "OneHotEncoder": lambda: [(*x, self.categories())],
            "DynamicQuantizeLinear": lambda: [x, (), ()],
            "ConstantOfShape": lambda: [self.named(0)],
            **dict.fromkeys(("MatMul", "MatMulInteger"), lambda: [self.product()]),
            **dict.fromkeys(("LSTM", "GRU", "RNN"), self.recurrent),
            **dict.fromkeys(("Conv", "ConvInteger", "QLinearConv", "ConvTranspose"), lambda: [self.convolved()]),
            **dict.fromkeys(("MaxPool", "AveragePool", "LpPool"), lambda: [self.pooled()] * 2),
            **dict.fromkeys(("GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool"), lambda: [self.pooled(True)]),
            **dict.fromkeys(("Resize", "Upsample"), lambda: [self.resized()]),
        }
        own = getattr(self, f"of_{op.lower()}", None)
        return table[op]() if op in table else own() if own else [None]

    # What is given

    def categories(self) -> int | None:
        """How many a OneHotEncoder knows."""
        found = self.setting.get("cats_strings") or self.setting.get("cats_int64s")
        return len(found) if found else None

    def listed(self, at: int, name: str = "") -> list[int] | None:
        """The integers of a constant, or of the attribute that there is instead; none where there is neither; None: of
        a tensor."""
        y = self.inputs[at] if at < len(self.inputs) else None
        if y is None:
            found = self.setting.get(name, ())
            return [*found] if isinstance(found, (list, tuple)) else [found]
        numbers = y.values is not None and y.kind not in FLOATS and len(y.dims) < 2 and not y.open
        return [*map(int, y.values)] if numbers else None

    def named(self, at: int) -> list[Any] | None:
        """The shape that an input names."""
        y, made = self.numbers[at] if at < len(self.numbers) else None, self.shapes[at : at + 1]
        if y and y.values is not None and y.kind not in FLOATS and len(y.dims) < 2:
            return [*y.values]
        vector = made and made[0] is not None and len(made[0]) == 1 and known(made[0])
        return [None] * made[0][0] if vector and made[0][0] <= MAX_AXES else None

    def axis(self, default: int) -> int | None:
        """The attribute."""
        axis, rank = self.setting.get("axis", default), len(self.x)
        return axis % rank if -rank <= axis < rank else None

    def axes(self, given: Sequence[int], rank: int) -> list[int] | None:
        """Some axes, each once."""
        found = [axis % rank for axis in given if -rank <= axis < rank]
        return found if len(found) == len({*found}) == len(given) else None

    def with_axis(self, axis: int, *new: Any) -> tuple[Any, ...]:
        """The shape of the first input with others instead of an axis."""
        return (*self.x[:axis], *new, *self.x[axis + 1 :])

    # Reorderings, and parts

    def of_transpose(self) -> list[Any]:
        """Transpose."""
        perm = self.setting.get("perm", [*range(len(self.x))][::-1])
        return [tuple(self.x[i] for i in perm) if sorted(perm) == [*range(len(self.x))] else None]

    def of_flatten(self) -> list[Any]:
        """Flatten."""
        axis, rank = self.setting.get("axis", 1), len(self.x)
        if abs(axis) > rank:
            return [None]
        axis += rank * (axis < 0)
        return [(product(self.x[:axis]), product(self.x[axis:]))]

    def of_reshape(self) -> list[Any]:
        """Reshape: what is left is the quotient of all sizes by the others, where that is one."""
        wanted = self.named(1) if len(self.inputs) > 1 else [*self.setting.get("shape", ())]
        if wanted is None or self.setting.get("allowzero") or wanted.count(-1) > 1:
            return [None]
        if self.shapes[0] is None:  # only what is written out
            return [tuple(n if isinstance(n, Product) or (n or 0) > 0 else None for n in wanted)]
        if any(n == 0 for n in wanted[len(self.x) :]):
            return [None]
        made = [self.x[i] if n == 0 else n for i, n in enumerate(wanted)]
        if -1 in made:
            at = made.index(-1)
            others = made[:at] + made[at + 1 :]
            sure = all(n is not None and (isinstance(n, Product) or n > 0) for n in others)
            made[at] = (left_over(product(self.x), product(others)) or None) if sure else None
        return [tuple(made)]

    def of_squeeze(self) -> list[Any]:
        """Squeeze."""
        given = self.listed(1, "axes")
        gone = self.axes(given, len(self.x)) if given else None
        return [None if gone is None else tuple(n for i, n in enumerate(self.x) if i not in gone)]

    def of_unsqueeze(self) -> list[Any]:
        """Unsqueeze."""
        given = self.listed(1, "axes")
        if not given or (new := self.axes(given, len(self.x) + len(given))) is None:
            return [None]
        made: list[Any] = [*self.x]
        for i in sorted(new):
            made.insert(i, 1)
        return [tuple(made)]

    def of_gather(self) -> list[Any]:
        """Gather."""
        indices, axis = self.shapes[1] if len(self.shapes) > 1 else None, self.axis(0)
        return [None if indices is None or axis is None else self.with_axis(axis, *indices)]

    def of_slice(self) -> list[Any]:
        """Slice: from the first to beyond the last possible one is all."""
        given = [self.listed(at, name) for at, name in enumerate(("", "starts", "ends", "axes", "steps")) if at]
        starts, ends, axes, steps = given
        if not starts or ends is None or axes is None or steps is None:
            return [(None,) * len(self.x)]
        places, steps = self.axes(axes or range(len(starts)), len(self.x)), steps or [1] * len(starts)
        if places is None or {len(ends), len(places), len(steps)} != {len(starts)} or not all(steps):
            return [None]
        made: list[Any] = [*self.x]
        for start, end, i, step in zip(starts, ends, places, steps, strict=True):
            if known((made[i],)):
                made[i] = len(range(made[i])[start : None if step < 0 and end < -made[i] else end : step])
            elif not is_all(start, end, step):
                made[i] = None
        return [tuple(made)]

    def of_split(self) -> list[Any]:
        """Split: parts are equal where nothing says how large they are."""
        axis, parts = self.axis(0), self.listed(1, "split")
        if axis is None:
            return [None]
        if not parts:
            n = self.x[axis]
            equal = parts is not None and known((n,)) and n % self.outputs == 0
            return [self.with_axis(axis, n // self.outputs if equal else None)] * self.outputs
        return [self.with_axis(axis, n) for n in parts] if len(parts) == self.outputs else [None]

    def of_topk(self) -> list[Any]:
        """TopK."""
        axis, given = self.axis(-1), self.listed(1, "k")
        return [None if axis is None else self.with_axis(axis, given[0] if given and len(given) == 1 else None)] * 2

    def of_concat(self) -> list[Any]:
        """Concat: beside the axis all are equal, so that any of them says how large an axis is."""
        axis, rank = self.axis(1), len(self.x)
        if axis is None or any(shape is None or len(shape) != rank for shape in self.shapes):
            return [None]
        made: list[Any] = []
        for i in range(rank):
            sizes = [shape[i] for shape in self.shapes]
            numbers = [n for n in sizes if known((n,))]
            if i != axis and len({*numbers}) > 1:
                return [None]
            total = sum(numbers) if len(numbers) == len(sizes) else None
            made.append(total if i == axis else [*numbers, *sizes][0])
        return [tuple(made)]

    def reduced(self) -> Any:
        """Reductions along constant axes."""
        rank, one = len(self.x), self.op in ("ArgMax", "ArgMin")
        axes = [self.setting.get("axis", 0)] if one else self.listed(1, "axes")
        kept = self.setting.get("keepdims", 1)
        if axes is None:
            return (None,) * rank if kept else None
        if not axes and self.setting.get("noop_with_empty_axes"):
            return self.x
        places = {axis % rank for axis in axes or range(rank) if -rank <= axis < rank}
        if any(not -rank <= axis < rank for axis in axes):
            return None
        return tuple(1 if i in places else n for i, n in enumerate(self.x) if kept or i not in places)

    def of_expand(self) -> list[Any]:
        """Expand."""
        target = self.named(1)
        if target is None or None in target:
            return [None if target is None else (None,) * max(len(target), len(self.x))]
        return [broadcast([self.x, target])]

    def of_tile(self) -> list[Any]:
        """Tile."""
        times = self.listed(1) if len(self.inputs) > 1 else None
        fits = times is not None and len(times) == len(self.x) and min(times, default=1) > 0
        return [tuple(n * m for n, m in zip(self.x, times or [], strict=True)) if fits else (None,) * len(self.x)]

    # Products

    def product(self) -> Any:
        """MatMul of two tensors."""
        ours, theirs = self.x, self.shapes[1] if len(self.shapes) > 1 else None
        if theirs is None or min(len(ours), len(theirs)) < 2:
            return None
        lead = broadcast([ours[:-2], theirs[:-2]])
        return None if lead is None else (*lead, ours[-2], theirs[-1])

    def of_gemm(self) -> list[Any]:
        """Gemm."""
        ours, theirs = self.x, self.shapes[1] if len(self.shapes) > 1 else None
        if theirs is None or len(ours) != 2 or len(theirs) != 2:
            return [None]
        turned = [bool(self.setting.get(name)) for name in ("transA", "transB")]
        return [(ours[int(turned[0])], theirs[int(not turned[1])])]

    def recurrent(self) -> list[Any]:
        """LSTM, GRU, RNN: all steps, then the state at the end."""
        weight = self.shapes[2] if len(self.shapes) > 2 else None
        if weight is None or len(weight) != 3 or len(self.x) != 3 or self.setting.get("layout"):
            return [None]
        directions, _, hidden = weight
        state = directions, self.x[1], hidden
        return [(self.x[0], *state), state, state]

    # Images

    def slid(self, grid: Sequence[Any], kernel: Sequence[Any]) -> list[Any]:
        """How many positions a window has along each axis, of numbers."""
        setting, rank = self.setting, len(grid)
        lists = [setting.get(name) or [1] * rank for name in ("strides", "dilations")]
        pads, more = setting.get("pads") or [0] * 2 * rank, setting.get("output_padding") or [0] * rank
        auto, turned = setting.get("auto_pad") or "NOTSET", self.op == "ConvTranspose"
        fits = [*map(len, (*lists, more, pads))] == [rank, rank, rank, 2 * rank] and "output_shape" not in setting
        fits = fits and all(step > 0 for steps in lists for step in steps)
        same = auto in ("SAME_UPPER", "SAME_LOWER")
        made = list[Any]()
        for i, (n, k) in enumerate(zip(grid, kernel, strict=True)):
            if not fits or not known((n, k)) or setting.get("ceil_mode") or (same and turned):
                made.append(None)
                continue
            s, around = lists[0][i], (pads[i] + pads[rank + i]) * (auto == "NOTSET")
            span = lists[1][i] * (k - 1) + 1
            inner = (n + s - 1) // s if same else (n + around - span) // s + 1
            made.append(s * (n - 1) + span + more[i] - around if turned else inner)
        return made

    def convolved(self) -> Any:
        """Conv, ConvTranspose."""
        at = 3 if self.op == "QLinearConv" else 1
        weight = self.shapes[at] if at < len(self.shapes) else None
        if weight is None or len(weight) != len(self.x) or len(weight) < 3:
            return None
        units = weight[0]
        if self.op == "ConvTranspose":
            units = weight[1] * self.setting.get("group", 1) if known(weight[1:2]) else None
        return (self.x[0], units, *self.slid(self.x[2:], weight[2:]))

    def pooled(self, whole: bool = False) -> Any:
        """Pools, of whole images too."""
        kernel = self.setting.get("kernel_shape", ())
        if len(self.x) < 3 or (not whole and len(kernel) != len(self.x) - 2):
            return None
        return (*self.x[:2], *([1] * (len(self.x) - 2) if whole else self.slid(self.x[2:], kernel)))

    def of_pad(self) -> list[Any]:
        """Pad."""
        pads, chosen, rank = self.listed(1, "pads"), self.listed(3), len(self.x)
        places = None if chosen is None else self.axes(chosen or range(rank), rank)
        if pads is None or places is None or len(pads) != 2 * len(places):
            return [(None,) * rank]
        made: list[Any] = [*self.x]
        for i, before, after in zip(places, pads, pads[len(places) :], strict=False):
            if before or after:
                made[i] = made[i] + before + after if known((made[i],)) else None
        return [tuple(made)]

    def resized(self) -> Any:
        """Resize and Upsample by whole numbers; by others a runtime's rounding decides."""
        at = 2 if self.op == "Resize" and len(self.inputs) > 2 else 1
        y, unknown = self.inputs[at] if at < len(self.inputs) else None, (None,) * len(self.x)
        if y is None or y.values is None or len(y.values) != len(self.x) or "axes" in self.setting:
            return unknown
        if self.setting.get("coordinate_transformation_mode") == "tf_crop_and_resize":
            return unknown
        whole = [int(f) if 1 <= f <= MAX_SIZE and f == int(f) else None for f in y.values]
        return tuple(None if f is None else n * f for n, f in zip(self.x, whole, strict=True))

    def of_depthtospace(self) -> list[Any]:
        """DepthToSpace."""
        block = self.setting.get("blocksize", 0)
        if len(self.x) != 4 or block < 1 or not known(self.x[1:2]) or self.x[1] % block**2:
            return [None]
        return [(self.x[0], self.x[1] // block**2, self.x[2] * block, self.x[3] * block)]


def is_all(start: int, end: int, step: int) -> bool:
    """Whether a slice takes everything, whatever the size is."""
    return (start, end, step) == (0, (1 << 63) - 1, 1)


def shaped_kind(op: str, setting: dict[str, Any], inputs: list[Value | None], place: int) -> int:
    """The element type of an output of an opaque operator; 0: unknown."""
    kinds = [x.kind if x else 0 for x in inputs] + [0, 0, 0]
    if place > 0:
        later = {("DynamicQuantizeLinear", 1): 1, ("DynamicQuantizeLinear", 2): 2, ("TopK", 1): 7, ("MaxPool", 1): 7}
        return later.get((op, place), kinds[0] if op in ("Split", "LSTM", "GRU", "RNN") else 0)
    if op in TRUTHS:
        return 9
    if op in CLASSICAL:
        return 1
    if op in OTHER_TYPES:
        return OTHER_TYPES[op]
    if op in ("Shape", "Size", "ArgMax", "ArgMin", "NonZero"):
        return 7
    if op in ("MatMul", "Gemm", "Conv", "Add", "Sub", "Mul", "Div"):
        return next(filter(None, kinds), 0)
    named = {"Cast": setting.get("to", 0), "DequantizeLinear": kinds[1], "Where": kinds[1]}
    named["QuantizeLinear"] = kinds[2] or setting.get("output_dtype") or 2
    return int(named.get(op, kinds[0]))


def broadcast(shapes: Sequence[Any]) -> tuple[Any, ...] | None:
    """The shape that broadcasting makes: along an axis a number above 1 decides, and the only symbol beside ones does;
    of several symbols nothing says which are 1 (None).  None: the shapes do not fit."""
    if None in shapes or not shapes:
        return None
    rank, made = max(map(len, shapes)), list[Any]()
    for axis in range(-rank, 0):
        sizes = {shape[axis] for shape in shapes if len(shape) >= -axis} - {1}
        numbers = [n for n in sizes if known((n,))]
        if len(numbers) > 1:
            return None
        made.append(numbers[0] if numbers else 1 if not sizes else sizes.pop() if len(sizes) == 1 else None)
    return tuple(made)


def declared(kind: dict[str, Any]) -> tuple[int, list[Any] | None]:
    """The element type (0: no tensor), and the sizes where there is a shape: numbers, names, or None."""
    tensor = kind.get("tensor_type")
    if tensor is None:
        return 0, None
    if "shape" not in tensor:
        return tensor.get("elem_type", 0), None
    found = tensor["shape"].get("dim", [])
    clear = all(len({"dim_value", "dim_param"} & dim.keys()) < 2 for dim in found)
    demand(clear, "found a dimension that is a number and a symbol, expected one of them")
    return tensor.get("elem_type", 0), [dim.get("dim_value", dim.get("dim_param") or None) for dim in found]


def has(opset: int, op: str, attribute: str = "") -> bool:
    """Whether an opset has an operator, and an attribute of it."""
    names = (f"{op} {attribute}", attribute) if attribute else (op,)
    first = next((SINCE[name] for name in names if name in SINCE), 1)
    return first <= opset < UNTIL.get(attribute or op, OPSETS[-1] + 1)


def settings(
    attributes: Iterable[memoryview], expected: dict[str, Any], there: Callable[[str], bool]
) -> dict[str, Any]:
    """The attributes of a node, in the order of what is expected: defaults, or types (None where it is left out).

    there: whether the opset has an attribute of this name.
    """
    found: dict[str, Any] = {}
    for attribute in (attribute_of(data) for data in attributes):
        name, number = attribute.pop("name", ""), attribute.pop("type", 0)
        with about(f"attribute {name!a}"):
            by_value(attribute)
            support(name in expected and number in ATTRIBUTES, f"found it with type {number}, expected other ones")
            demand(there(name), "found it, but the opset does not have it")
            (key, kind), default = ATTRIBUTES[number], expected[name]
            demand(name not in found and attribute.keys() <= {key}, "found it twice")
            demand(kind in (default, type(default)), f"found a {kind.__name__}, expected another type")
            found[name] = value = kind(attribute.get(key, kind()))
            support(name not in FLAGS or value in (0, 1), f"found {value!a:.40}, expected 0 or 1")
            floats = value if kind is tuple else [value] if kind is float else []
            demand(all(map(math.isfinite, floats)), f"found {value!a:.40}, expected finite numbers")
    return {name: found.get(name, None if isinstance(d, type) else d) for name, d in expected.items()}


# Functions, and those of their parameters that are no attributes
NAMED: dict[str, tuple[Any, ...]] = {
    "Relu": ("leaky_relu", 0),
    "Abs": ("leaky_relu", -1),
    "LeakyRelu": ("leaky_relu",),
    "HardSwish": ("hard_swish",),
    "HardSigmoid": ("hard_sigmoid",),
    "ThresholdedRelu": ("thresholded_relu",),
}
NAMED |= {name.capitalize(): (name,) for name in ("sign", "floor", "ceil", "round", "mish", "sigmoid", "tanh", "elu")}
NAMED |= {name.capitalize(): (name,) for name in ("softplus", "softsign", "erf", "sin", "cos", "exp", "celu", "selu")}
SLIDE: dict[str, Any] = {"auto_pad": "NOTSET", "strides": list, "dilations": list, "pads": list, "kernel_shape": list}
STEP = {"axis": 1, "block_size": 0}
VALUES = {"value": dict, "sparse_value": dict, "value_float": float, "value_floats": tuple}
VALUES |= {"value_int": int, "value_ints": list}
RESIZE: dict[str, Any] = {"mode": "nearest", "coordinate_transformation_mode": "half_pixel", "antialias": 0}
RESIZE |= {"nearest_mode": "round_prefer_floor"}
RESIZE |= {"cubic_coeff_a": -0.75, "exclude_outside": 0, "extrapolation_value": 0.0, "axes": list}
RESIZE |= {"keep_aspect_ratio_policy": "stretch"}
TRAINED = {"epsilon": float32(1e-5), "momentum": 0.0, "training_mode": 0, "spatial": 1}
R = OnnxReader
# For each operator: what reads it, its inputs, and its attributes with defaults (or types: None where left out).
# Inputs: x is a computed tensor; a, e, m are that or a constant of any type, of floats, of floats or 64-bit integers;
# the others are constants: f floats, n of any type, i integers, v a vector of them, l of 64 bits, b truth values.
# * is one or more, ? may be left out; :name@n is an attribute of that name before opset n, @n is not there before.
OPERATORS: dict[str, tuple[Callable[..., None], str, dict[str, Any]]] = {
    "Constant": (R.given, "", VALUES),
    "MatMul": (R.product, "e e", {}),
    "Gemm": (R.product, "e e f?", {"alpha": 1.0, "beta": 1.0, "transA": 0, "transB": 0}),
    **dict.fromkeys(("Add", "Sub", "Mul", "Div", "PRelu"), (R.arithmetic, "m m", {})),
    **dict.fromkeys(("Sum", "Max", "Min"), (R.arithmetic, "m*", {})),
    "Neg": (R.negate, "m", {}),
    "Mod": (R.combined, "n n", {"fmod": 0}),
    **dict.fromkeys(("Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual"), (R.combined, "n n", {})),
    "Log": (R.logarithm, "x", {}),
    "Where": (R.where, "a a a", {}),
    "Pow": (R.power, "f n", {}),
    **dict.fromkeys(("Sqrt", "Reciprocal"), (R.power, "f", {})),
    "Shape": (R.shape, "a", {"start": 0, "end": int}),
    "ConstantOfShape": (R.filled, "l", {"value": dict}),
    "BatchNormalization": (R.normalise, "x f f f f", TRAINED),
    "QuantizeLinear": (R.quantise, "e f n?", {**STEP, "saturate": 1, "output_dtype": 0}),
    "DequantizeLinear": (R.dequantise, "a f n?", STEP),
    "Quant": (R.quant, "e f n n", {"rounding_mode": "ROUND", "signed": 1, "narrow": 0}),
    "BipolarQuant": (R.bipolar, "e f", {}),
    "Conv": (R.convolution, "x f f?", {**SLIDE, "group": 1}),
    "ConvTranspose": (R.convolution, "x f f?", {**SLIDE, "group": 1, "output_padding": list}),
    "AveragePool": (R.pool, "x", {**SLIDE, "ceil_mode": 0, "count_include_pad": 0}),
    "MaxPool": (R.pool, "x", {**SLIDE, "ceil_mode": 0, "storage_order": 0}),
    **dict.fromkeys(("GlobalAveragePool", "GlobalMaxPool"), (R.pool, "x", {})),
    "ReduceMean": (R.mean, "x l?:axes@18", {"keepdims": 1, "noop_with_empty_axes": 0}),
    "ReduceSum": (R.mean, "x l?:axes@13", {"keepdims": 1, "noop_with_empty_axes": 0}),
    "DepthToSpace": (R.blocks, "x", {"blocksize": int, "mode": "DCR"}),
    "SpaceToDepth": (R.blocks, "x", {"blocksize": int}),
    "Resize": (R.resize, "x f?@11 f? l?@11", RESIZE),
    "Upsample": (R.resize, "x f:scales@9", {"mode": "nearest"}),
    "Pad": (R.pad, "x l:pads@11 f?:value@11 v?@18", {"mode": "constant"}),
    "Concat": (R.concat, "a*", {"axis": int}),
    "Slice": (R.slice, "a v:starts@10 v:ends@10 v?:axes@10 v?@10", {}),
    "Split": (R.split, "a l?:split@13", {"axis": 0, "num_outputs": int}),
    "Gather": (R.gather, "a i", {"axis": 0}),
    "Identity": (R.same, "a", {}),
    "Dropout": (R.same, "a f?:ratio@12 b?@12", {"seed": 0}),
    "Cast": (R.cast, "a", {"to": 0, "saturate": 1}),
    "Transpose": (R.transpose, "a", {"perm": list}),
    "Flatten": (R.flatten, "a", {"axis": 1}),
    "Reshape": (R.reshape, "a l", {"allowzero": 0}),
    **dict.fromkeys(("Squeeze", "Unsqueeze"), (R.squeeze, "a l?:axes@13", {})),
    **dict.fromkeys(NAMED, (R.activation, "x", {})),
    "LeakyRelu": (R.activation, "x", {"alpha": float32(0.01)}),
    **dict.fromkeys(("ThresholdedRelu", "Elu", "Celu"), (R.activation, "x", {"alpha": 1.0})),
    "Selu": (R.activation, "x", {"alpha": 1.67326319217681884765625, "gamma": 1.05070102214813232421875}),
    "HardSigmoid": (R.activation, "x", {"alpha": float32(0.2), "beta": 0.5}),
    "Gelu": (R.gate, "x", {"approximate": "none"}),
    "Swish": (R.gate, "x", {"alpha": 1.0}),
    "Clip": (R.clip, "x f?:min@11 f?:max@11", {}),
    **dict.fromkeys(("Softmax", "LogSoftmax"), (R.head, "x", {"axis": int})),
    "ArgMax": (R.head, "x", {"axis": 0, "keepdims": 1, "select_last_index": 0}),
}


if __name__ == "__main__":
    sys.exit(main())
