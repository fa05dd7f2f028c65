# SPDX-License-Identifier: Apache-2.0
"""This file is about what scripts begin with: blocks of declarations and definitions, and the names of lifted atoms.

A block defines the units of one tensor, with one path of lifts after them.  Blocks of paths grow as units are asked
for; a script has the blocks that its statements need, and those that they need, in an order that is always the same.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeAlias

from exactlump.numbers.rational import Rational
from exactlump.smt.lifting import Lift, Path, ones, words_of
from exactlump.smt.smtlib import numeral

# Kind, tensor, path: sorted, every block comes after those that it needs.
Key: TypeAlias = tuple[int, int, int]
CLASSES, ONES, INPUTS, UNITS = 0, 1, 2, 5

_INTEGER = re.compile(r"\d+|\(- \d+\)")


@dataclass(slots=True)
class Block:
    """What it is about, what its constants stand for, its definitions, and the blocks that these need."""

    about: str
    constants: dict[str, str] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    needs: set[Key] = field(default_factory=set)

    @property
    def text(self) -> str:
        """The block as a script has it."""
        declared = (f"(declare-const {name} Real)" for name in self.constants)
        return "".join(f"{line}\n" for line in (f"; {self.about}", *declared, *self.lines))

    def define(self, name: str, term: str, needs: Iterable[Key]) -> None:
        """One more name; an integer is written as a real number, as not every logic takes it for one."""
        term = f"(/ {term} 1)" if _INTEGER.fullmatch(term) else term
        self.lines.append(f"(define-fun {name} () Real {term})")
        self.needs.update(needs)


class Blocks:
    """All blocks of two networks; paths are numbered from 1 as they occur."""

    def __init__(self) -> None:
        self.all: dict[Key, Block] = {}
        self.paths: dict[Path, int] = {(): 0}
        self.classes: dict[str, tuple[int, list[str]]] = {}

    def number(self, path: Path) -> int:
        """The number of a path."""
        return self.paths.setdefault(path, len(self.paths))

    def path(self, number: int) -> Path:
        """The path of a number."""
        return next(path for path, known in self.paths.items() if known == number)

    def block(self, key: Key, about: str, path: Path = ()) -> Block:
        """The block of that key, made when it is first asked for."""
        if key not in self.all:
            self.all[key] = Block(about + (f"; .{self.paths[path]} is {words_of(path)}" if path else ""))
        return self.all[key]

    def closure(self, keys: Iterable[Key]) -> list[Key]:
        """The keys of some blocks and of all that they need, each after those that it needs."""
        wanted: set[Key] = set()
        waiting = list(keys)
        while waiting:
            key = waiting.pop()
            if key not in wanted:
                wanted.add(key)
                waiting += self.all[key].needs
        return sorted(wanted)

    # Classes, and the image that is 1 everywhere: what the scripts' constants stand for.

    def declare(self, tensor: str, index: int, count: int, what: str) -> list[str]:
        """A constant for each class (or element of an input) of a tensor of the reduced network."""
        names = [f"q{index}_{k}" for k in range(count)]
        block = self.block((CLASSES, index, 0), f"q{index}_k: {what} k of {tensor!a} of the reduced network")
        block.constants.update({name: f"{what} {k} of {tensor!a}" for k, name in enumerate(names)})
        self.classes[tensor] = index, names
        return names

    def key(self, tensor: str, path: Path = ()) -> Key:
        """The block of the classes of a tensor, with a path after them."""
        return CLASSES, self.classes[tensor][0], self.number(path)

    def atom(self, tensor: str, k: int, path: Path) -> str:
        """The name of class k of a tensor, with a path after it; its block is `key`."""
        index, names = self.classes[tensor]
        if not path:
            return names[k]
        number = self.number(path)
        plain = self.all[CLASSES, index, 0]
        about = plain.about.replace("_k:", f"_k.{number}:", 1)
        constants = self.block((CLASSES, index, number), about, path).constants
        constants.setdefault(f"{names[k]}.{number}", f"{plain.constants[names[k]]}, {words_of(path)}")
        return f"{names[k]}.{number}"

    def one(self, path: Path) -> tuple[str, set[Key]]:
        """What the lifts of a path make of the image that is 1 everywhere, and the block that has it."""
        path = ones(path)
        if not path:
            return "1", set()
        number, first = self.number(path), path[0]
        name, key = f"one.{number}", (ONES, 2 * len(path), number)
        if first.kind == "put" and not first.number:
            # Put in all positions, ones make the image that is 1 everywhere: the first is what the others leave.
            key = (ONES, 2 * len(path) + 1, number)
            if key not in self.all:
                self._leave(self.block(key, f"{name}: 1 everywhere", path), name, path)
        elif key not in self.all:
            self.block(key, f"{name}: 1 everywhere", path).constants[name] = f"1 everywhere, {words_of(path)}"
        return name, {key}

    def _leave(self, block: Block, name: str, path: Path) -> None:
        first, rest = path[0], path[1:]
        others = [self.one((Lift(first.kind, first.key, p, first.keeps), *rest)) for p in range(1, int(first.key))]
        whole, needs = self.one(rest)
        term = f"(- {' '.join([whole, *(other for other, _ in others)])})"
        block.define(name, term, needs.union(*(key for _, key in others)))

    def constant(self, value: Rational, path: Path) -> tuple[str, set[Key]]:
        """A constant with a path after it, as a term."""
        name, needs = self.one(path)
        if name == "1":
            return numeral(value), needs
        return f"(* {numeral(value)} {name})", needs
