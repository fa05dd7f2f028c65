# SPDX-License-Identifier: Apache-2.0
"""This file is about the networks that a text of version 2.0 declares: names, types, shapes, and relations.

Source: the VNN-LIB standard, chapter "Query language", the rules for network declarations.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from exactlump.queries.frames import Frame, Indices, Other, Word
from exactlump.queries.query import EQUAL, NO_NUMBERS, NUMBERS, REAL, Network, Port
from exactlump.queries.words import Text, shown

NETWORK, INPUT, OUTPUT, HIDDEN = "declare-network", "declare-input", "declare-output", "declare-hidden"
MAX_ELEMENTS = 10_000_000
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_KEYWORDS = ("and", "or")


class Relation(NamedTuple):
    """`equal-to` or `isomorphic-to`, and the network that it names."""

    word: str
    other: Word


class Declared(NamedTuple):
    """A port, and whether it is an input."""

    port: Port
    is_input: bool


class Declarations:
    """The networks declared so far; `ports` has each port with its first variable, by name."""

    def __init__(self, text: Text) -> None:
        self.text = text
        self.networks: dict[str, Network] = {}
        self.ports: dict[str, tuple[Port, int]] = {}
        self._elements = 0
        self._are_real: set[bool] = set()

    def part(self, frame: Frame) -> Relation | Declared:
        """A port of a network, or its relation to another."""
        match frame.values:
            case [Word("declare-input" | "declare-output"), Word() as name, Word() as kind, Indices() as shape]:
                return Declared(self._port(name, kind, shape), frame.head == INPUT)
            case [Word("declare-input"), Word() as name, Word(), Indices(), Word("initialized")]:
                found = f"found the option initialized of {shown(self._name(name))}"
                raise self.text.unsupported(frame.at, f"{found}, which is not read")
            case [Word("declare-hidden"), Word() as name, Word(), Indices(), Word(node)] if node[0] == '"':
                found = f"found the hidden node {shown(self._name(name))}"
                raise self.text.unsupported(frame.at, f"{found}, expected inputs and outputs only")
            case [Word("equal-to" | "isomorphic-to"), Word() as other]:
                return Relation(frame.head, other)
            case _:
                found = f"found another {frame.head[:40]}" if frame.head else "found no word after '('"
                raise self.text.malformed(frame.at, f"{found}, expected such as (declare-input X real [1,5])")

    def network(self, frame: Frame) -> None:
        """Take a network whose parts have been read."""
        if len(frame.values) < 2 or not isinstance(frame.values[1], Word):
            raise self.text.malformed(frame.at, f"found no name after {NETWORK}, expected one")
        word = frame.values[1]
        name = self._name(word)
        if name in self.networks:
            raise self.text.malformed(word.at, f"found the network {shown(name)} again, expected each name once")
        parts = [value.what if isinstance(value, Other) else None for value in frame.values[2:]]
        relations = [part for part in parts if isinstance(part, Relation)]
        inputs = [part for part in parts if isinstance(part, Declared) and part.is_input]
        outputs = [part for part in parts if isinstance(part, Declared) and not part.is_input]
        if parts != [*relations, *inputs, *outputs] or len(relations) > 1 or not inputs or not outputs:
            found = f"network {shown(name)}: found another order or number of parts"
            raise self.text.malformed(frame.at, f"{found}, expected at most one relation, then inputs, then outputs")
        relation = relations[0] if relations else Relation("", Word("", frame.at))
        ours, theirs = (tuple(part.port for part in ports) for ports in (inputs, outputs))
        network = Network(name, ours, theirs, relation.word, relation.other.text)
        self._relate(network, relation.other.at)
        self.networks[name] = network
        self._demand_one_kind(word)

    def _name(self, word: Word) -> str:
        if not _NAME.fullmatch(word.text) or word.text in _KEYWORDS:
            expected = "expected a letter, then letters, digits and _"
            raise self.text.malformed(word.at, f"found the name {shown(word.text)}, {expected}")
        return word.text

    def _port(self, name: Word, kind: Word, shape: Indices) -> Port:
        port = Port(self._name(name), kind.text, shape.numbers)
        if port.name in self.ports:
            raise self.text.malformed(name.at, f"found {shown(port.name)} again, expected each name once")
        if kind.text in NO_NUMBERS:
            raise self.text.unsupported(kind.at, f"found the element type {kind.text}, which is not read")
        if kind.text not in NUMBERS:
            raise self.text.malformed(kind.at, f"found the type {shown(kind.text)}, expected real, float32, ...")
        if port.size == 0:
            raise self.text.malformed(shape.at, f"found an axis of size 0 of {port.name}, expected at least 1")
        if port.size > MAX_ELEMENTS - self._elements:
            raise self.text.malformed(shape.at, f"found more than {MAX_ELEMENTS} elements in all, expected fewer")
        self.ports[port.name] = port, self._elements
        self._are_real.add(port.element_type == REAL)
        self._elements += port.size
        return port

    def _relate(self, network: Network, at: int) -> None:
        """Stop where the interfaces of related networks differ; those of isomorphic ones may in their types."""
        if not network.relation:
            return
        known = self.networks.get(network.other)
        if known is None or known.relation:
            expected = "a network declared before that is related to no other"
            raise self.text.malformed(at, f"found {network.relation} {shown(network.other)}, expected {expected}")
        exact = network.relation == EQUAL
        for ours, theirs in ((network.inputs, known.inputs), (network.outputs, known.outputs)):
            if _interface(ours, exact) != _interface(theirs, exact):
                found = f"found inputs or outputs that are not those of {shown(known.name)}"
                raise self.text.malformed(at, f"network {shown(network.name)}: {found}, expected the same")

    def _demand_one_kind(self, word: Word) -> None:
        """Stop where the type real is mixed with types of ONNX."""
        if len(self._are_real) > 1:
            found = f"network {shown(word.text)}: found real beside other element types"
            raise self.text.malformed(word.at, f"{found}, expected real everywhere or nowhere")


def _interface(ports: Sequence[Port], exact: bool) -> list[tuple[str, tuple[int, ...]]]:
    return [(port.element_type if exact else "", port.shape) for port in ports]
