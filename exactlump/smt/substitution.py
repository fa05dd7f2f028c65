# SPDX-License-Identifier: Apache-2.0
"""This file is about writing the units of a network as SMT-LIB terms over the atoms of the quotient.

The rows of a relation are put in place of the units below a node: each unit is a defined name, so a script shows the
network's own weights and, beside them, the ratios of the certificate; it is the solver that multiplies and adds.

Names: q3_k class k of tensor 3 of the reduced network, inputs counting first; a3_u and b3_u unit u of tensor 3 of
the original and of the reduced network; fa3_u and fb3_u unknowns of units that may have any value.  Of an image a name
stands for its value at one position; q3_k.7 is what the lifts of path 7 make of it there, a number of its own.
"""

from collections.abc import Mapping, Sequence

from exactlump.lumping.kinks import twin_law
from exactlump.lumping.simulations import (
    Affine,
    Elsewhere,
    Free,
    Idle,
    Mirror,
    Relation,
    Row,
    Same,
    Signed,
    Twin,
)
from exactlump.network.activations import Activation
from exactlump.network.kinds import Conv, Dense, mixing
from exactlump.network.program import Network
from exactlump.numbers.rational import ONE, ZERO, Rational, primitive
from exactlump.smt.blocks import INPUTS, UNITS, Block, Blocks, Key
from exactlump.smt.lifting import Path, Places, ones, tap, words_of
from exactlump.smt.smtlib import numeral
from exactlump.smt.terms import Linear, integer_row, linear, times, total

# The kinds of blocks of a half: inputs, other tensors.
_KINDS = {"a": (INPUTS, UNITS + 2), "b": (INPUTS + 1, UNITS), "c": (INPUTS + 2, UNITS + 1)}


class Half:
    """One network with its relations: the names of its units, and the terms that its nodes make of them.

    side       how messages name the network
    letters    those of its units and of its free unknowns
    relations  for all anchored tensors but the inputs
    free       the tensors with units that depend on free unknowns
    """

    def __init__(
        self, side: str, letters: tuple[str, str], network: Network, relations: Mapping[str, Relation], blocks: Blocks
    ) -> None:
        self.side, self.letters, self.network, self.relations = side, letters, network, relations
        self.blocks, self.places = blocks, Places(network)
        self.tensors = list(network.shapes)
        self.index = {name: i for i, name in enumerate(self.tensors)}
        self.inputs: dict[str, str] = {}
        self.known: dict[str, list[str]] = {}
        self.lifted: dict[Key, dict[int, str]] = {}
        self.free: set[str] = set()
        self.same: dict[str, bool] = {}
        for node in network.nodes:
            relation = relations.get(node.target)
            rows = relation.rows if relation is not None else ()
            below = node.reads if relation is None or any(map(_is_written_out, rows)) else ()
            if any(isinstance(row, Free) for row in rows) or not self.free.isdisjoint(below):
                self.free.add(node.target)

    def key(self, tensor: str, path: Path = ()) -> Key:
        """The block in which the names of the tensor's units are defined."""
        kind = _KINDS[self.letters[0]][tensor not in self.inputs]
        return kind, self.index[tensor], self.blocks.number(path)

    def place_inputs(self, ports: Sequence[str], others: Sequence[str]) -> None:
        """Let the units of the inputs be the classes of inputs of the reduced network."""
        for name, other in zip(ports, others, strict=True):
            self.inputs[name] = other
            self.known[name] = list(self.blocks.classes[other][1])
            block = self.blocks.block(self.key(name), f"the input {name!a} of the {self.side} network")
            block.needs.add(self.blocks.key(other))

    def before(self, tensor: str, v: int, path: Path = ()) -> Linear:
        """Unit v as the node that defines the tensor computes it from the units below, before any function."""
        return self._walk(tensor, v, path, anchored=False)

    def form(self, tensor: str, v: int) -> Linear:
        """Unit v by its name, if the tensor is anchored; else as its nodes compute it."""
        return self._walk(tensor, v, (), anchored=True)

    def is_anchored(self, tensor: str) -> bool:
        """Whether the units of a tensor have names of their own: inputs, and tensors with a relation."""
        return tensor in self.relations or tensor not in self.network.producer

    def _walk(self, tensor: str, v: int, path: Path, *, anchored: bool) -> Linear:
        factor, constants = ONE, dict[Path, Rational]()

        def shift(c: Rational) -> None:
            constants[ones(path)] = constants.get(ones(path), ZERO) + factor * c

        while not (anchored and self.is_anchored(tensor)):
            node, anchored = self.network.producer[tensor], True
            if (mixes := mixing(node)) is not None:
                shift(mixes.bias[v])
                columns, integers, content = integer_row(mixes.weight, v)
                return self._sum(*self._columns(mixes, columns, path), integers, factor * content, constants)
            if node.factor:
                factor = factor * node.factor[v]
            elif node.constant:
                shift(node.constant[v])
            parts = self.places.parts(node, v)
            if len(parts) != 1:
                names = [self.name(name, u, (*steps, *path)) for _, name, u, steps in parts]
                needs = {self.key(name, (*steps, *path)) for _, name, _, steps in parts}
                return self._sum(names, needs, [sign for sign, *_ in parts], factor, constants)
            ((sign, tensor, v, steps),) = parts
            factor, path = sign * factor, (*steps, *path)
        return self._sum([self.name(tensor, v, path)], {self.key(tensor, path)}, [1], factor, constants)

    def _columns(self, node: Dense | Conv, columns: Sequence[int], path: Path) -> tuple[list[str], set[Key]]:
        """The names that the weights of a row multiply, and their blocks."""
        if node.window is None:
            if not path:
                known = self.names(node.source)
                return [known[u] for u in columns], {self.key(node.source)}
            return [self.name(node.source, u, path) for u in columns], {self.key(node.source, path)}
        taps = node.window.taps
        paths = [(*tap(node.window, t), *path) for t in range(taps)]
        names = [self.name(node.source, i // taps, paths[i % taps]) for i in columns]
        return names, {self.key(node.source, paths[t]) for t in {i % taps for i in columns}}

    def _sum(
        self,
        names: list[str],
        needs: set[Key],
        integers: list[int],
        content: Rational,
        constants: Mapping[Path, Rational],
    ) -> Linear:
        """content * (integers . names), plus constants with lifts after them."""
        lifted = {path: c for path, c in constants.items() if path and c}
        if not content or not integers:
            names, needs, integers = [], set(), []
        if lifted:
            numbers = [content * n for n in integers]
            for path, c in lifted.items():
                name, block = self.blocks.one(path)
                names, needs, numbers = [*names, name], needs | block, [*numbers, c]
            integers, content = primitive(numbers)
        return linear(names, integers, content, constants.get((), ZERO))._replace(needs=frozenset(needs))

    # Names.

    def names(self, tensor: str) -> list[str]:
        """The names of the units of a tensor, defined when they are first asked for."""
        if tensor not in self.known:
            relation = self.relations.get(tensor)
            if relation is not None and relation.is_identity:
                block = self._block(tensor, f"the units of {self.side} {tensor!a} are its classes")
                block.needs.add(self.blocks.key(str(relation.over)))
                self.known[tensor] = list(self.blocks.classes[str(relation.over)][1])
            else:
                units = range(self.network.units(tensor))
                self.known[tensor] = [self._define(tensor, v, ()) for v in units]
        return self.known[tensor]

    def name(self, tensor: str, v: int, path: Path) -> str:
        """The name of one unit with a path after it."""
        if not path:
            return self.names(tensor)[v]
        known = self.lifted.setdefault(self.key(tensor, path), {})
        if v not in known:
            known[v] = self._define(tensor, v, path)
        return known[v]

    def _block(self, tensor: str, about: str, path: Path = ()) -> Block:
        return self.blocks.block(self.key(tensor, path), about, path)

    def _unit(self, tensor: str, v: int, path: Path, free: bool = False) -> str:
        number = self.blocks.number(path)
        return f"{self.letters[free]}{self.index[tensor]}_{v}" + (f".{number}" if path else "")

    def _define(self, tensor: str, v: int, path: Path) -> str:
        """A name for one unit, in its block."""
        relation, name = self.relations.get(tensor), self._unit(tensor, v, path)
        if tensor in self.inputs:
            return self._class(tensor, self.inputs[tensor], v, path)
        if relation is None:
            block = self._block(tensor, f"{name}, ...: the units of {self.side} {tensor!a}, made of those below", path)
            made = self.before(tensor, v, path)
            block.define(name, made.term, made.needs)
            return name
        if tensor not in self.same:
            self.same[tensor] = relation.is_identity
        if self.same[tensor]:
            return self._class(tensor, str(relation.over), v, path)
        about = f"{name}, ...: the units of {self.side} {tensor!a}, as the certificate relates them to classes"
        block = self._block(tensor, about, path)
        block.define(name, *self._row(tensor, v, relation, path, block))
        return name

    def _class(self, tensor: str, over: str, v: int, path: Path) -> str:
        """A unit that is a class, with a path after it."""
        block = self._block(tensor, f"the units of {self.side} {tensor!a} are its classes", path)
        block.needs.add(self.blocks.key(over, path))
        return self.blocks.atom(over, v, path)

    def _row(self, tensor: str, v: int, relation: Relation, path: Path, block: Block) -> tuple[str, set[Key]]:
        """What the row of a unit says of it, and the blocks that this needs."""
        row, over = relation.rows[v], str(relation.over)
        if isinstance(row, Affine):
            needs = {self.blocks.key(over, path)} if row.terms else set()
            terms = [times(numeral(c), self.blocks.atom(over, k, path)) for k, c in row.terms]
            if row.plus:
                plus, more = self.blocks.constant(row.plus, path)
                terms, needs = [*terms, plus], needs | more
            return total(terms), needs
        if isinstance(row, Elsewhere | Twin):
            over = row.tensor or over
            term, needs = times(numeral(row.factor), self.blocks.atom(over, row.k, path)), {self.blocks.key(over, path)}
            return self._with_line(tensor, v, path, term, needs) if isinstance(row, Twin) else (term, needs)
        if isinstance(row, Signed | Idle):
            line = self.before(tensor, v, path)
            return (line.term, set(line.needs)) if row.linear else ("0", set())
        assert isinstance(row, Free | Same | Mirror)
        u, factor = (v, ONE) if isinstance(row, Free) else (row.unit, row.factor)
        unknown = self._unit(tensor, u, path, free=True)
        words = f", {words_of(path)}" if path else ""
        block.constants[unknown] = f"unit {u} of {self.side} {tensor!a}, which may be anything{words}"
        term = times(numeral(factor), unknown)
        return self._with_line(tensor, v, path, term, set()) if isinstance(row, Mirror) else (term, set())

    def _with_line(self, tensor: str, v: int, path: Path, term: str, needs: set[Key]) -> tuple[str, set[Key]]:
        """A twin: a term, and L times what the unit is before its function."""
        sigma = self.network.producer[tensor].function(v)
        law = twin_law(sigma) if isinstance(sigma, Activation) else None
        assert law is not None
        line = self.before(tensor, v, path).scaled(law)
        return total([term, line.term]), needs | line.needs


def _is_written_out(row: Row) -> bool:
    """Whether a row speaks of what its unit is before its function."""
    return isinstance(row, Twin | Mirror) or (isinstance(row, Signed | Idle) and row.linear)
