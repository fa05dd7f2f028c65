# SPDX-License-Identifier: Apache-2.0
"""This file is about the text that the proved checker reads (proofs/README.md, "The text formats"), made from what
`exactlump/check.py` has read.

Networks are written element by element: register `first[tensor] + unit * positions + position` is one of a tensor.
"""

import functools
import itertools
import math
import operator
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple, TypeAlias

from exactlump import check
from exactlump.check import ONE, Lift, Network, Row, Window
from exactlump.extraction.reading import Reading

# Of all images, written out: the proved checker then takes minutes.
MAX_PRODUCTS = 100_000_000


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


Taps: TypeAlias = Callable[[Window, int], list[int | None]]


def lifted(lift: Lift | None, images: int, taps: Taps = read_positions) -> list[tuple[list[int], int]]:
    """For each position of a lifted image: the positions of the source that it is the sum of, and a divisor.

    Images that are put together are not among them (`Side.put_together`).
    """
    if lift is None:
        return [([p], 1) for p in range(images)]
    if lift.name == "tap":
        read = (taps(lift.over, p)[lift.number] for p in range(images))
        return [([] if q is None else [q], 1) for q in read]
    if lift.name == "average":
        sources = ([q for q in taps(lift.over, p) if q is not None] for p in range(images))
        return [(entry, divisor(lift.over, p, bool(lift.number))) for p, entry in enumerate(sources)]
    return [([lift.number], 1)] * images  # "at"


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
        self.taps = functools.cache(read_positions)
        self.table_of = functools.cache(functools.partial(lifted, taps=self.taps))
        readers = Counter(name for node in network.nodes.values() for name in node.sources)
        alone = {
            name
            for node in network.nodes.values()
            for name in node.sources
            if node.row is None and node.kind not in ("head", "opaque") and node.function(0)[0] != "max_pool"
            if readers[name] == 1
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

    def node(self, tensor: str, rows: Sequence[str] | None) -> Iterator[str]:
        """The nodes of a tensor, with a row for each unit and position, or for a head; None: without rows."""
        if rows is None:
            view = self.network.views[tensor]
            yield from (line.lstrip(" ") for line in self.node(tensor, [""] * (view.units * view.positions)))
            return
        node, view = self.network.nodes[tensor], self.network.views[tensor]
        if node.kind == "head":
            sources = self.elements(node.sources[0])
            yield words(rows[0], "apply", node.function(0)[0], view.units, len(sources), *sources)
            return
        for v in range(view.units):
            name, parameters = node.function(v)
            if name == "max_pool":
                start = self.register(node.sources[0], v, 0)
                reads = ([q for q in self.taps(parameters[0], p) if q is not None] for p in range(view.positions))
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
        if any(lift is not None and lift.name == "put" for *_, lift in summands):
            yield from self.put_together(tensor, v, function, Parts(summands, d, constant))
            return
        tables = {lift: self.table_of(lift, images) for *_, lift in summands}
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
            start, line = self.said(function, weights, d * common, constant, here)
            seen[shape] = self.neurons[line], start - base
            yield self.unit(line, start, here)

    def said(self, function: str, weights: dict[int, int], d: int, constant: Fraction, here: int) -> tuple[int, str]:
        """From where on a neuron reads, and its words; the first register that it defines is kept."""
        start = min(weights, default=0)
        body = neuron(function, weights, start, d, constant)
        self.neurons.setdefault(body, here)
        return start, body

    def unit(self, body: str, start: int, here: int) -> str:
        """The node that defines a register."""
        like = self.neurons[body]
        return f"unit {start} {body}" if like == here else f"as {like} {start}"

    def put_together(self, tensor: str, v: int, function: str, parts: Parts) -> Iterator[str]:
        """The positions of an image that is put together: each of what belongs there."""
        placed: dict[int, list[tuple[str, int, int, Lift | None]]] = {}
        summands, d, constant = parts
        for summand in summands:
            lift = summand[3]
            if lift is None or lift.name != "put":
                raise check.Stop("unsupported", f"{tensor!a}: found an image that is put together, and more")
            placed.setdefault(lift.number, []).append(summand)
        for p in range(self.network.views[tensor].positions):
            weights: dict[int, int] = {}
            for source, u, w, _ in placed.get(p, ()):
                register = self.register(source, u, 0)
                weights[register] = weights.get(register, 0) + w
            here = self.register(tensor, v, p)
            start, body = self.said(function, weights, d, constant, here)
            yield self.unit(body, start, here)


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
                if row.kind == "class" and not row.tensor:
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
        if row.kind in ("linear", "zero"):
            facts = [self.factor(name, k, b, p) for name, k, b in row.facts]
            return words({"linear": "line"}.get(row.kind, row.kind), len(facts), *facts)
        if row.tensor or row.kind == "twin":
            return words(row.kind, self.factor(row.tensor or over, row.of, row.number, p))
        if row.kind == "free" or (reduced and row.kind == "class" and self.leaders[tensor][row.of].unit == v):
            return "atom"
        if row.kind in ("same", "mirror"):
            kind = {"same": "class", "mirror": "twin"}[row.kind] if reduced else row.kind
            return words(kind, side.register(tensor, row.of, p), row.number)
        return words("class", self.factor(over, row.of, row.number, p))

    def factor(self, over: str, k: int, c: Fraction, p: int) -> str:
        """c times class k, as the element of its leader and a factor of that."""
        leader = self.leaders.get(over, {}).get(k, Leader(k, ONE))
        return words(self.theirs.register(over, leader.unit, p), c / leader.factor)


def demand_small(networks: Sequence[Network]) -> None:
    """Raise `check.Stop` where the images of some networks have too many products when they are written out."""
    total = sum(map(products, networks))
    fits = total <= MAX_PRODUCTS
    check.support(fits, f"found images of {total} products, expected at most {MAX_PRODUCTS}, element by element")


def products(network: Network) -> int:
    """How many products all elements of all images are made of, padding included."""
    total = 0
    for name, node in network.nodes.items():
        view = network.views[name]
        if view.positions == 1:
            continue
        for v in range(view.units):
            function, parameters = node.function(v)
            if function == "max_pool":
                total += view.positions * math.prod(parameters[0].kernel)
            elif node.row is not None and node.place is not None:
                lifts = (node.place(column)[2] for column in node.row(v)[0])
                total += sum(_images(lift, view.positions) for lift in lifts)
    return total


def _images(lift: Lift | None, positions: int) -> int:
    """How many products a lifted image is made of."""
    if lift is not None and lift.name == "put":
        return 1
    return positions * (math.prod(lift.over.kernel) if lift is not None and lift.name == "average" else 1)


def header(
    form: str, hashes: dict[str, str], claim: dict[str, Any], assumed: Iterable[str] = ("assumes 0",)
) -> Iterator[str]:
    """The first lines of a text: hashes of files, the claim, and what is assumed of operators."""
    yield f"{form} 1"
    yield from (f"{name} {digest}" for name, digest in hashes.items())
    yield from (f"{name} {claim[name]}" for name in ("criterion", "domain", "specification"))
    yield from assumed


def network_lines(name: str, side: Side, rows: Callable[[str], Sequence[str]] | None) -> Iterator[str]:
    """The lines of a network.

    rows  of a tensor: what comes before the nodes of each unit and position; None: nothing
    """
    network, lines = side.network, list[str]()
    for tensor in network.nodes:
        if tensor not in side.inlined:
            side.define(tensor)
            lines += side.node(tensor, rows and rows(tensor))
    yield words("network", name, "inputs", sum(network.sizes("inputs")), "nodes", len(lines))
    yield from lines
    outputs = [register for output in network.outputs for register in side.elements(output)]
    yield words("outputs", len(outputs), *outputs)


def box_lines(network: Network, boxes: list[dict[str, Any]]) -> Iterator[str]:
    """The lines of boxes: the ends of each element of all inputs in order, or `all` where one of them is absent."""
    yield words("boxes", len(boxes))
    for box in boxes:
        ends = [pair for name in network.inputs for pair in box[name]]
        yield words("box", len(ends), *("all" if None in pair else words(*pair) for pair in ends))


def program(reading: Reading) -> Iterator[str]:
    """The lines of the text for a certificate that was read: of the criterion `exact`, on all reals.

    Raises `check.Stop` for other claims, and where rows do not fit the networks.
    """
    document = reading.document
    domain = document["claim"]["domain"]
    check.support(domain == "all reals", "domain: found boxes, expected all reals")
    demand_flat(reading)
    hashes = {side: network.sha256 for side, network in zip(check.SIDES, reading.networks, strict=True)}
    head = header("exactlump-program", {**hashes, "certificate": reading.digest}, document["claim"])
    return itertools.chain(head, pair_lines(reading.networks, document["relations"], Rows), ["end"])


def demand_flat(reading: Reading) -> None:
    """Raise `check.Stop` where a certificate is not `exact`, or its networks cannot be written element by element."""
    document, claim = reading.document, reading.document["claim"]
    check.support(claim["criterion"] == "exact", f"criterion: found {claim['criterion']}, expected exact")
    check.support("shapes" not in claim, "shapes: found stated ones, expected those of the files")
    check.support("dust" not in claim, "dust: found some, expected numbers as stored")
    check.check_classic(reading.networks)
    original, reduced = reading.networks
    check.Checker(original, reduced, document["relations"]).check_names()
    demand_small(reading.networks)


def pair_lines(networks: Sequence[Network], relations: dict[str, Any], rows_in: type[Rows]) -> Iterator[str]:
    """The lines of both networks, the reduced one first, with the rows that a certificate has for each element."""
    original, reduced = networks
    over = {relation["over"] for relation in relations["original"].values()}
    theirs = Side(reduced, {*over, *relations["reduced"]})
    ours, rows = Side(original, relations["original"].keys()), rows_in(relations, theirs)
    yield from network_lines("reduced", theirs, functools.partial(rows.of, theirs))
    yield from network_lines("original", ours, functools.partial(rows.of, ours))
