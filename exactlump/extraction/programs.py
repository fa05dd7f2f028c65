# SPDX-License-Identifier: Apache-2.0
"""This file is about the text that the proved checker reads (proofs/README.md, "The text formats"), made from what
`exactlump/check.py` has read.

Networks are written element by element: register `first[tensor] + unit * positions + position` is one of a tensor.
"""

import functools
import hashlib
import itertools
import math
import operator
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

from exactlump import check
from exactlump.check import ONE, Lift, Network, Row, Window


def read_positions(window: Window, p: int) -> list[int | None]:
    """For each tap the position of the source that position p of the target reads; None: padding."""
    at = [p // math.prod(window.target[i + 1 :]) % m for i, m in enumerate(window.target)]
    axes = []
    for q, n, kernel, stride, dilation, begin in zip(at, window.source, *window[2:6], strict=True):
        indices = [stride * q + dilation * offset - begin for offset in range(kernel)]
        if window.transposed:
            pairs = [divmod(q + begin - dilation * offset, stride) for offset in range(kernel)]
            indices = [-1 if rest else index for index, rest in pairs]
        axes.append([index if 0 <= index < n else None for index in indices])
    steps = check.strides(window.source)
    return [None if None in indices else sum(map(operator.mul, indices, steps)) for indices in itertools.product(*axes)]


def divisor(window: Window, p: int, padding: bool) -> int:
    """By how many elements an average divides."""
    at = [p // math.prod(window.target[i + 1 :]) % m for i, m in enumerate(window.target)]
    total = 1
    for q, n, kernel, stride, dilation, begin, end in zip(at, window.source, *window[2:7], strict=True):
        read = [stride * q + dilation * offset - begin for offset in range(kernel)]
        total *= sum(-begin <= i < n + end if padding else 0 <= i < n for i in read)
    return total


@functools.cache
def lifted(lift: Lift | None, images: int) -> list[tuple[list[int], int]]:
    """For each position of a lifted image: the positions of the source that it is the sum of, and a divisor."""
    if lift is None:
        return [([p], 1) for p in range(images)]
    if lift.name == "tap":
        read = (taps(lift.over, p)[lift.number] for p in range(images))
        return [([] if q is None else [q], 1) for q in read]
    if lift.name == "average":
        sources = ([q for q in taps(lift.over, p) if q is not None] for p in range(images))
        return [(entry, divisor(lift.over, p, bool(lift.number))) for p, entry in enumerate(sources)]
    return [([lift.number] if lift.name == "at" else [0] if lift.number == p else [], 1) for p in range(images)]


taps = functools.cache(read_positions)


class Parts(NamedTuple):
    """What an affine node makes of a unit before any function, over one denominator: the summands (source, unit of it,
    factor, what is done to the image), and the constant."""

    summands: list[tuple[str, int, int, Lift | None]]
    denominator: int
    constant: Fraction


class Side:
    """The nodes of one network: registers for all tensors but those that their only reader takes in."""

    def __init__(self, network: Network, anchored: Collection[str]) -> None:
        self.network, self.first, self.size = network, dict[str, int](), 0
        self.neurons = dict[str, int]()
        readers = Counter(name for node in network.nodes.values() for name in node.sources)
        alone = {
            name
            for node in network.nodes.values()
            for name in node.sources
            if node.row is None and node.kind != "head" and node.function(0)[0] != "max_pool" and readers[name] == 1
        }
        self.inlined = {
            name
            for name, node in network.nodes.items()
            if node.kind == "affine" and name in alone and name not in anchored and name not in network.outputs
        }
        for name in network.inputs:
            self.define(name)

    def define(self, name: str) -> None:
        self.first[name] = self.size
        self.size += self.network.units[name] * self.network.views[name].positions

    def register(self, tensor: str, unit: int, position: int) -> int:
        return self.first[tensor] + unit * int(self.network.views[tensor].positions) + position

    def elements(self, tensor: str) -> list[int]:
        """The registers of all elements, row-major."""
        view = self.network.views[tensor]
        return [self.register(tensor, *view.unit(e)) for e in range(view.units * view.positions)]

    def parts(self, node: check.Node, v: int) -> Parts:
        """The summands of a unit, through the tensors that are taken in."""
        if node.row is not None:
            columns, integers, d, bias = node.row(v)
            placed = ((0, column, None) if node.place is None else node.place(column) for column in columns)
            summands = [(node.sources[i], u, w, lift) for (i, u, lift), w in zip(placed, integers, strict=False)]
            return Parts(summands, d, bias)
        u, factor, constant = node.step(v)
        (source,) = node.sources
        if source not in self.inlined:
            return Parts([(source, u, factor.numerator, None)], factor.denominator, constant)
        summands, d, bias = self.parts(self.network.nodes[source], u)
        scaled = [(name, unit, w * factor.numerator, lift) for name, unit, w, lift in summands]
        return Parts(scaled, d * factor.denominator, factor * bias + constant)

    def node(self, tensor: str, rows: Sequence[str]) -> Iterator[str]:
        """The nodes of a tensor, with a row for each unit and position, or for a head."""
        node, view = self.network.nodes[tensor], self.network.views[tensor]
        if node.kind == "head":
            sources = self.elements(node.sources[0])
            yield words(rows[0], "apply", node.function(0)[0], view.units, len(sources), *sources)
            return
        for v in range(view.units):
            name, parameters = node.function(v)
            if name == "max_pool":
                start = self.register(node.sources[0], v, 0)
                reads = ([q for q in taps(parameters[0], p) if q is not None] for p in range(view.positions))
                bodies: Iterator[str] = (words("greatest", start, len(entry), *entry) for entry in reads)
            else:
                bodies = self.units(tensor, v, words(name, *parameters))
            for p, body in enumerate(bodies):
                yield f"{rows[v * view.positions + p]} {body}"

    def units(self, tensor: str, v: int, function: str) -> Iterator[str]:
        """The positions of a unit: where the same neuron reads other registers, it is not written twice."""
        node = self.network.nodes[tensor]
        summands, d, constant = self.parts(node, v)
        images = self.network.views[tensor].positions
        tables = {lift: lifted(lift, images) for *_, lift in summands}
        lifts = {lift: i for i, lift in enumerate(tables)}
        places = [lifts[lift] for *_, lift in summands]
        seen: dict[Any, tuple[int, int]] = {}  # of this unit: what it reads, without where, and register less start
        for p, read in enumerate(zip(*tables.values(), strict=True) if tables else [()] * images):
            base = min((min(positions) for positions, _ in read if positions), default=0)
            shape = tuple((divisor, *[q - base for q in positions]) for positions, divisor in read)
            here = self.register(tensor, v, p)
            if shape in seen:
                like, offset = seen[shape]
                yield f"as {like} {base + offset}"
                continue
            common = math.lcm(*(divisor for _, divisor in read))
            weights: dict[int, int] = {}
            for (source, u, w, _), place in zip(summands, places, strict=True):
                positions, divisor = read[place]
                for q in positions:
                    register = self.register(source, u, q)
                    weights[register] = weights.get(register, 0) + w * (common // divisor)
            start = min(weights, default=0)
            body = neuron(function, weights, start, d * common, constant)
            like = self.neurons.setdefault(body, here)
            seen[shape] = like, start - base
            yield f"unit {start} {body}" if like == here else f"as {like} {start}"


def neuron(function: str, weights: dict[int, int], start: int, d: int, constant: Fraction) -> str:
    """A neuron that reads from `start` on: the sum of the weights times the registers, over d, plus the constant."""
    whole = math.lcm(d, constant.denominator)
    kept = {u - start: w * (whole // d) for u, w in sorted(weights.items()) if w}
    bias = constant.numerator * (whole // constant.denominator)
    last = max(kept, default=-1)
    if 2 * len(kept) > last:
        return words(function, whole, bias, "all", last + 1, *(kept.get(u, 0) for u in range(last + 1)))
    return words(function, whole, bias, len(kept), *itertools.chain.from_iterable(kept.items()))


def words(*parts: object) -> str:
    """The words of a line."""
    return " ".join(map(word, parts))


def word(part: object) -> str:
    """A word; Python's own conversion of integers refuses long ones."""
    if isinstance(part, Fraction) and part.denominator != 1:
        return f"{word(part.numerator)}/{word(part.denominator)}"
    if isinstance(part, int | Fraction) and int(part).bit_length() > 10_000:
        return f"{Decimal(int(part)):f}"
    return str(part)


class Leader(NamedTuple):
    """The unit that stands for a class, and its factor in the certificate."""

    unit: int
    factor: Fraction


class Rows:
    """What a certificate says of each element: the classes of N' are named by the elements of their leaders."""

    def __init__(self, relations: dict[str, Any], theirs: Side) -> None:
        self.relations, self.theirs = relations, theirs
        self.over = {relation["over"] for relation in relations["original"].values()}
        self.leaders: dict[str, dict[int, Leader]] = {}
        for tensor, entry in relations["reduced"].items():
            found = self.leaders[tensor] = {}
            for v, row in enumerate(entry["rows"]):
                if row.kind == "class":
                    found.setdefault(row.of, Leader(v, row.number))

    def of(self, side: Side, tensor: str) -> list[str]:
        """The rows of a tensor, for each unit and position."""
        node, view = side.network.nodes[tensor], side.network.views[tensor]
        reduced = side is self.theirs
        entry = self.relations["reduced" if reduced else "original"].get(tensor)
        if entry is None:
            anchored = reduced and (node.kind != "affine" or tensor in self.over)
            return ["atom" if anchored else "derived"] * (view.units * view.positions)
        over = tensor if reduced else entry["over"] or ""
        return [
            self.row(side, tensor, v, row, over, p)
            for v, row in enumerate(entry["rows"])
            for p in range(view.positions)
        ]

    def row(self, side: Side, tensor: str, v: int, row: Row, over: str, p: int) -> str:
        """The row of one element."""
        reduced = side is self.theirs
        if row.kind == "sum" and row.terms:
            terms = [self.factor(over, k, c, p) for k, c in row.terms]
            return words("sum", len(terms), *terms, row.number)
        if row.kind == "sum":
            return words("constant", row.number)
        if row.kind == "free" or (reduced and row.kind == "class" and self.leaders[tensor][row.of].unit == v):
            return "atom"
        if row.kind == "same":
            return words("class" if reduced else "same", side.register(tensor, row.of, p), row.number)
        return words("class", self.factor(over, row.of, row.number, p))

    def factor(self, over: str, k: int, c: Fraction, p: int) -> str:
        """c times class k, as the element of its leader and a factor of that."""
        leader = self.leaders.get(over, {}).get(k, Leader(k, ONE))
        return words(self.theirs.register(over, leader.unit, p), c / leader.factor)


def program(networks: Sequence[Network], document: dict[str, Any], digest: str) -> Iterator[str]:
    """The lines of the text, for what check.py has read: the original, the reduced network, and a certificate.

    digest  of the certificate's file
    """
    relations, (original, reduced) = document["relations"], networks
    yield "exactlump-program 1"
    yield from (f"original {original.sha256}", f"reduced {reduced.sha256}", f"certificate {digest}")
    claim = document["claim"]
    yield from (f"{name} {claim[name]}" for name in ("criterion", "domain", "specification"))
    yield "assumes 0"
    over = {relation["over"] for relation in relations["original"].values()}
    theirs = Side(reduced, {*over, *relations["reduced"]})
    rows = Rows(relations, theirs)
    for name, side in (("reduced", theirs), ("original", Side(original, relations["original"].keys()))):
        network, lines = side.network, list[str]()
        for tensor in network.nodes:
            if tensor not in side.inlined:
                side.define(tensor)
                lines += side.node(tensor, rows.of(side, tensor))
        yield words("network", name, "inputs", sum(network.sizes("inputs")), "nodes", len(lines))
        yield from lines
        outputs = [register for output in network.outputs for register in side.elements(output)]
        yield words("outputs", len(outputs), *outputs)
    yield "end"


def read_program(
    original: str, reduced: str, certificate: str, max_unpacked: int = check.MAX_UNPACKED
) -> Iterator[str]:
    """The lines of the text for three files.

    Raises `check.Stop` where a file is not what it should be, or not the one that the certificate names.
    """
    with check.about(certificate, check.BROKEN):
        content = check.read_file(certificate, max_unpacked)
        document = check.read_certificate(content)
    claim = document["claim"]
    check.support(claim["criterion"] == "exact", f"criterion: found {claim['criterion']}, expected exact")
    networks = [check.read_network(path, claim["specification"], max_unpacked) for path in (original, reduced)]
    plain = all(map(check.classic, networks))
    check.support(plain, "found opaque operators, or sizes that are symbols, which the proved checker does not have")
    check.check_files(document, networks)
    check.match(networks, claim.get("match"))
    check.Checker(networks[0], networks[1], document["relations"]).check_names()
    return program(networks, document, hashlib.sha256(content).hexdigest())
