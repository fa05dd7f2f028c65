# SPDX-License-Identifier: Apache-2.0
"""This file is about the text for networks of images (proofs/README.md, "The text formats"): a register for each unit,
at all positions at once, however many there are.

What moves positions (a tap of a window, a permutation of axes) is a linear operator with a number, the same in both
networks; what is opaque is a function of whole images.  What such an operator makes in N is said to be a sum of what it
makes in N'.
"""

import itertools
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Sequence
from fractions import Fraction
from typing import NamedTuple, TypeAlias

from exactlump import check
from exactlump.check import Form, Given, Lift, Network, Window
from exactlump.extraction.programs import Rows, Side, header, neuron, words
from exactlump.extraction.reading import Reading

# A linear operator: a lift, or what a tap of a window that pools reads: in place of padding the first element there is.
Operator: TypeAlias = Lift | tuple[Window, int]
# A form up to a factor, without its constant.
Shape: TypeAlias = tuple[tuple[int, Fraction], ...]


class Spare(NamedTuple):
    """A spare register, and the form of the source of the operator that fills it in N'."""

    number: int
    form: Form


class Operators:
    """The linear and the opaque operators of both networks, by their numbers in the text."""

    def __init__(self) -> None:
        self.moves: dict[Operator, int] = {}
        self.given: dict[Given, tuple[int, int]] = {}  # of N': the number, and the first spare register
        self.made: list[str] = []  # for each number what it makes

    def move(self, operator: Operator) -> int:
        return self.moves.setdefault(operator, len(self.moves))

    def name(self, given: Given, spare: int) -> int:
        """The number of an opaque operator of N'."""
        self.given[given] = len(self.made), spare
        text = f"{given.name} version {given.words[3]}, one function of whole images in both networks"
        self.made.append(f"{text}: in the reduced one it makes {first_of(given)}")
        return self.given[given][0]

    def partner(self, given: Given, other: Given) -> tuple[int, int]:
        """The number and the first spare register of the operator of N' that an opaque one of N is the same as."""
        number, spare = self.given[other]
        self.made[number] += f", in the original {first_of(given)}"
        return number, spare

    def lines(self) -> Iterator[str]:
        """What is assumed of the operators: that the opaque ones are functions, and the others linear."""
        yield words("assumes", len(self.made))
        yield from map(printable, self.made)
        yield words("moves", len(self.moves))
        for operator in self.moves:
            yield printable(f"move {'keeps' if keeps(operator) else 'loses'} {said(operator)}")


def first_of(given: Given) -> str:
    """The first tensor that an opaque operator makes."""
    return f"{given.outputs[min(given.outputs)]!a:.60}"


def printable(text: str) -> str:
    """A line of at most 1,000 printable characters."""
    return check.one_line(text)


def keeps(operator: Operator) -> bool:
    """Whether an image that is 1 everywhere stays so."""
    return operator.keeps if isinstance(operator, Lift) else True


def said(operator: Operator) -> str:
    """A linear operator in words."""
    if not isinstance(operator, Lift):
        window, tap = operator
        return f"tap {tap} of a pool, or else the first that reads an element: {check.window_words(window)}"
    over = check.window_words(operator.over) if isinstance(operator.over, Window) else operator.over
    return f"{operator.name} {operator.number}: {over}"


class ImageSide(Side, ABC):
    """The steps of one network; a register for each unit."""

    def __init__(self, network: Network, anchored: Collection[str], operators: Operators, half: check.Half) -> None:
        self.operators, self.half, self.lines = operators, half, list[str]()
        self.moved: dict[tuple[Operator, int], int] = {}
        super().__init__(network, anchored)

    def define(self, name: str) -> None:
        self.first[name] = self.size
        self.size += self.network.units[name]

    def register(self, tensor: str, unit: int, position: int = 0) -> int:
        return self.first[tensor] + unit

    def elements(self, tensor: str) -> list[int]:
        return [self.register(tensor, u) for u in range(self.network.units[tensor])]

    def write(self, *parts: object) -> int:
        """Add a step that defines one register."""
        self.lines.append(words(*parts))
        self.size += 1
        return self.size - 1

    def move(self, operator: Operator, tensor: str, unit: int) -> int:
        """The register of what a linear operator makes of a unit."""
        source = self.register(tensor, unit)
        return self.moves(operator, source, self.half.form(tensor, unit))

    def moves(self, operator: Operator, source: int, form: Form) -> int:
        """The same of a register."""
        if (operator, source) not in self.moved:
            self.moved[operator, source] = self.make(self.operators.move(operator), operator, source, form)
        return self.moved[operator, source]

    @abstractmethod
    def make(self, number: int, operator: Operator, source: int, form: Form) -> int:
        """The register of what an operator of this number makes of a register, of which the checker has that form."""

    @abstractmethod
    def opaque(self, given: Given, sources: Sequence[int], results: int) -> str:
        """The step of an opaque operator with so many results."""

    def tensor(self, name: str, rows: Rows) -> None:
        """Add the steps of a tensor."""
        if name in self.inlined or name in self.first:
            return
        node, units = self.network.nodes[name], self.network.units[name]
        if node.given is not None:
            outputs = [output for _, output in sorted(node.given[0].outputs.items())]
            sources = [u for source in node.sources for u in self.elements(source)]
            self.lines.append(self.opaque(node.given[0], sources, sum(map(self.network.units.__getitem__, outputs))))
            for output in outputs:
                self.define(output)
            return
        if node.kind == "head":
            sources = self.elements(node.sources[0])
            bodies = [words("apply", node.function(0)[0], units, len(sources), *sources)]
        else:
            bodies = [self.body(name, v) for v in range(units)]
        self.define(name)
        self.lines += [f"{row} {body}" for row, body in zip(rows_of(rows, self, name), bodies, strict=False)]

    def body(self, name: str, v: int) -> str:
        """What a unit is, at every position alike; the operators that it needs come before."""
        node = self.network.nodes[name]
        function, parameters = node.function(v)
        if function == "max_pool":
            window, (source,) = parameters[0], node.sources
            check.support(check.known(window.kernel), "found a pool over symbols, expected numbers")
            taps = range(check.product(window.kernel))
            registers = [self.move((window, tap), source, v) for tap in taps if reads(window, tap)]
            return words("greatest", 0, len(registers), *registers)
        summands, d, constant = self.parts(node, v)
        weights: dict[int, int] = {}
        for source, u, w, lift in summands:
            register = self.register(source, u) if lift is None else self.move(lift, source, u)
            weights[register] = weights.get(register, 0) + w
        start = min(weights, default=0)
        return words("unit", start, neuron(words(function, *parameters), weights, start, d, constant))


def reads(window: Window, tap: int) -> bool:
    """Whether a tap reads an element at some position, or may do so."""
    for n, m, k, stride, dilation, begin in reversed([*zip(*window[:6], strict=True)]):
        tap, offset = divmod(tap, k)
        shift = dilation * offset - begin
        if check.known((n, m)) and not any(0 <= stride * q + shift < n for q in range(m)):
            return False
    return True


class Theirs(ImageSide):
    """N': each result of an operator has a spare register, by its number, but for multiples of others."""

    def __init__(self, network: Network, anchored: Collection[str], checker: check.Checker) -> None:
        self.spares = 0
        self.found: dict[tuple[Operator, Shape], Spare] = {}
        super().__init__(network, anchored, Operators(), checker.reduced)

    def make(self, number: int, operator: Operator, source: int, form: Form) -> int:
        spare = self.found.get((operator, shape(form)))
        if spare is not None and leading(form):  # a multiple of another source, up to a constant
            c = leading(form) / leading(spare.form)
            constant = constant_of(form) - c * constant_of(spare.form)
            if keeps(operator) or not constant:
                return self.write("moved", number, source, 1, spare.number, c, constant)
        if form[0]:
            self.found.setdefault((operator, shape(form)), Spare(self.spares, form))
        self.spares += 1
        return self.write("moved", number, source, "fresh")

    def opaque(self, given: Given, sources: Sequence[int], results: int) -> str:
        number = self.operators.name(given, self.spares)
        self.spares += results
        return words("given", number, results, len(sources), *sources)


class Ours(ImageSide):
    """N: of what an operator makes it is said which sum it is of spare registers."""

    def __init__(self, network: Network, anchored: Collection[str], theirs: Theirs, checker: check.Checker) -> None:
        self.theirs, self.partners, self.lifts = theirs, checker.partners, checker.atoms.lifts
        self.registers = dict(single_atoms(theirs))
        super().__init__(network, anchored, theirs.operators, checker.original)

    def make(self, number: int, operator: Operator, source: int, form: Form) -> int:
        terms, constant = self.sum_of(operator, form)
        return self.write("moved", number, source, len(terms), *itertools.chain(*terms), constant)

    def sum_of(self, operator: Operator, form: Form) -> tuple[list[tuple[int, Fraction]], Fraction]:
        """Spare registers with factors, and a constant: what the operator makes of a form."""
        terms, constant, left = list[tuple[int, Fraction]](), constant_of(form), shape(form)
        spare = self.theirs.found.get((operator, left))
        if left and spare is not None:
            c = leading(form) / leading(spare.form)
            constant -= c * constant_of(spare.form)
            terms.append((spare.number, c))
        else:
            for atom, factor in left:
                spare = self.spare_of(operator, atom)
                terms.append((spare.number, leading(form) * factor / leading(spare.form)))
        if constant and not keeps(operator):
            spare = self.spare_of(operator, 0)
            terms.append((spare.number, constant / constant_of(spare.form)))
            constant = check.ZERO
        return terms, constant

    def spare_of(self, operator: Operator, atom: int) -> Spare:
        """What an operator makes of a register of N' that is a multiple of an atom."""
        key = operator, ((atom, check.ONE),) if atom else ()
        if key not in self.theirs.found:
            self.theirs.moves(operator, *self.register_of(atom))
        return self.theirs.found[key]

    def register_of(self, atom: int) -> tuple[int, Form]:
        """A register of N' that is a multiple of an atom, and its form; it is made if need be."""
        if atom not in self.registers:
            if not atom:
                one = self.theirs.write("derived", "unit", 0, neuron("leaky_relu 1", {}, 0, 1, check.ONE))
                self.registers[atom] = one, ({0: 1}, 1)
            else:
                made = {table[inner]: (lift, inner) for lift, table in self.lifts.items() for inner in table}
                check.support(atom in made, "found a free unknown below an operator")
                lift, inner = made[atom]
                register, (terms, d) = self.register_of(inner)
                form = {atom: terms[inner]}, d
                self.registers[atom] = self.theirs.moves(lift, register, (terms, d)), form
        return self.registers[atom]

    def opaque(self, given: Given, sources: Sequence[int], results: int) -> str:
        number, first = self.operators.partner(given, self.partners[given])
        return words("given", number, results, len(sources), *sources, first)


def single_atoms(side: Theirs) -> Iterator[tuple[int, tuple[int, Form]]]:
    """Atoms with registers of N' that are multiples of them."""
    for name in side.first:
        for u in range(side.network.units[name]):
            form = side.half.form(name, u)
            if len(form[0]) == 1 and 0 not in form[0]:
                (atom,) = form[0]
                yield atom, (side.register(name, u), form)


def constant_of(form: Form) -> Fraction:
    return Fraction(form[0].get(0, 0), form[1])


def leading(form: Form) -> Fraction:
    """The coefficient of the first atom besides the constant; 0: there is none."""
    terms, d = form
    first = min(terms.keys() - {0}, default=0)
    return Fraction(terms[first], d) if first else check.ZERO


def shape(form: Form) -> Shape:
    """A form without its constant, up to a factor."""
    first = leading(form) * form[1]
    return tuple(sorted((atom, n / first) for atom, n in form[0].items() if atom))


def rows_of(rows: Rows, side: ImageSide, name: str) -> list[str]:
    """What a certificate says of the units of a tensor."""
    reduced, node = side is rows.theirs, side.network.nodes[name]
    entry = rows.relations["reduced" if reduced else "original"].get(name)
    if entry is None:
        atom = reduced and (node.kind != "affine" or name in rows.over)
        return ["atom" if atom else "derived"] * side.network.units[name]
    over = name if reduced else entry["over"] or ""
    found = [rows.row(side, name, v, row, over, 0) for v, row in enumerate(entry["rows"])]
    # A head is one step, and what is said of its first unit is said of all.
    return found[:1] if node.kind == "head" else found


def images(reading: Reading) -> Iterator[str]:
    """The lines of the text for a certificate that was read: of the criterion `exact`, on all reals.

    Raises `check.Stop` where the certificate does not show it.
    """
    document, (original, reduced) = reading.document, reading.networks
    relations, claim = document["relations"], document["claim"]
    check.support(claim["criterion"] == "exact", f"criterion: found {claim['criterion']}, expected exact")
    check.support(claim["domain"] == "all reals", "domain: found boxes, expected all reals")
    checker = check.Checker(original, reduced, relations)
    checker.run()
    checker.atoms.work = checker.atoms.room = 10**15  # what follows is as much work as that
    over = {relation["over"] for relation in relations["original"].values()}
    theirs = Theirs(reduced, {*over, *relations["reduced"]}, checker)
    rows = Rows(relations, theirs)
    for name in reduced.nodes:
        theirs.tensor(name, rows)
    ours = Ours(original, relations["original"].keys(), theirs, checker)
    needed = original.needed(relations["original"])
    for name in original.nodes:
        if name in needed:
            ours.tensor(name, rows)
    hashes = {"original": original.sha256, "reduced": reduced.sha256, "certificate": reading.digest}
    yield from header("exactlump-images", hashes, claim, theirs.operators.lines())
    for which, side in (("reduced", theirs), ("original", ours)):
        sizes = (sum(side.network.units[name] for name in side.network.inputs), theirs.spares, len(side.lines))
        yield words("network", which, "inputs", sizes[0], "spare", sizes[1], "steps", sizes[2])
        yield from side.lines
        outputs = [register for output in side.network.outputs for register in side.elements(output)]
        yield words("outputs", len(outputs), *outputs)
    yield "end"
