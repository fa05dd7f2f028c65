# SPDX-License-Identifier: Apache-2.0
"""This file is about the lines of the table of ONNX operators: what an operator reads, and what its rule gets for that.

A line has the rule, the ports (one an input) and the attributes, with types and defaults.  What holds for all operators
is done here: inputs are counted, types demanded, defaults filled in.  The rule is then called with the reader, the
operator, what it gets for each port, and each attribute under its name.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from onnx import AttributeProto

from exactlump.errors import FormatError, UnsupportedLayer
from exactlump.formats.onnx.graph import Reader
from exactlump.formats.onnx.operators import Operator
from exactlump.numbers.rational import Rational, rational

# What files before opset 6 say about memory; it means nothing.
_SILENT = {"consumed_inputs"}


class Port(NamedTuple):
    """An input.

    take      what the rule gets: of the reader, the input's name, and what the rule gets for the first input
    optional  whether it may be left out; the rule then gets None
    since     the first opset that has it
    several   whether it stands for all inputs that are left, of which the rule gets the list
    """

    take: Callable[[Reader, str, Any], Any]
    optional: bool = False
    since: int = 1
    several: bool = False

    def or_none(self, since: int = 1) -> "Port":
        """The same, which may be left out, and which the operator has since an opset."""
        return self._replace(optional=True, since=since)


# A computed tensor; of known rank; of known sizes; as an image; whatever has that name, for one input or for all that
# are left; the name itself.
TENSOR = Port(lambda reader, name, _: reader.tensor(name))
RANKED = Port(lambda reader, name, _: reader.ranked(name))
COMPUTED = Port(lambda reader, name, _: reader.computed(name))
IMAGE = Port(lambda reader, name, _: reader.image(reader.tensor(name)))
ANY = Port(lambda reader, name, _: reader.lookup(name))
EVERY = ANY._replace(several=True)
NAME = Port(lambda _reader, name, _: name)
# A constant; of the element type of the first input; the same as weights, factors or addends; integers.
CONSTANT = Port(lambda reader, name, _: reader.constant(name))
WEIGHTS = Port(lambda reader, name, first: reader.weights(name, first))
FACTORS = Port(lambda reader, name, first: reader.factors(name, first))
INTEGERS = Port(lambda reader, name, _: reader.constant(name).integers())


class Attribute(NamedTuple):
    """An attribute: its type in ONNX, what the rule gets for a value of it, and where it is left out.

    kind      0: of several types
    defaults  (opset, what the rule gets since that one), ascending
    since     the first opset that has it; until: the first one that has it no more; 0: all later ones have it
    """

    kind: int
    read: Callable[[str, Any], Any]
    defaults: tuple[tuple[int, Any], ...]
    since: int = 1
    until: int = 0

    def then(self, opset: int, default: Any) -> "Attribute":
        """The same with another default since an opset."""
        return self._replace(defaults=(*self.defaults, (opset, None if default is None else self.read("", default))))

    def within(self, since: int = 1, until: int = 0) -> "Attribute":
        """The same in these opsets only."""
        return self._replace(since=since, until=until)

    def default(self, opset: int) -> Any:
        """What the rule gets where a file of that opset has none."""
        return next(value for start, value in reversed(self.defaults) if start <= opset)


def _attribute(kind: int, read: Callable[[str, Any], Any], default: Any) -> Attribute:
    return Attribute(kind, read, ((0, None if default is None else read("", default)),))


def _exact(name: str, value: float) -> Rational:
    """The exact value of a float, which ONNX keeps in 32 bits: of a default too."""
    single = float(np.float32(value))
    if not math.isfinite(single):
        raise FormatError(f"attribute {name}: found {single}, expected a finite number")
    return rational(single)


def _truth(name: str, value: int) -> bool:
    """Of other numbers runtimes make different things."""
    if value not in (0, 1):
        raise UnsupportedLayer(f"{name}: found {value!r}, expected 0 or 1")
    return bool(value)


def _text(_: str, value: bytes | str) -> str:
    return value if isinstance(value, str) else value.decode("ascii", "replace")


def number(default: float | None = None) -> Attribute:
    """A float: an exact rational."""
    return _attribute(AttributeProto.FLOAT, _exact, default)


def integer(default: int | None = None) -> Attribute:
    """An integer."""
    return _attribute(AttributeProto.INT, lambda _, value: int(value), default)


def flag(default: bool) -> Attribute:
    """0 or 1: a truth value."""
    return _attribute(AttributeProto.INT, _truth, default)


def integers() -> Attribute:
    """Integers; without them None."""
    return _attribute(AttributeProto.INTS, lambda _, value: tuple(map(int, value)), None)


def numbers() -> Attribute:
    """Floats, as they are; without them None."""
    return _attribute(AttributeProto.FLOATS, lambda _, value: tuple(map(float, value)), None)


def word(default: str) -> Attribute:
    """A text."""
    return _attribute(AttributeProto.STRING, _text, default)


def unread(kind: int) -> Attribute:
    """What the rule gets as it is, None where it is left out: mostly what says nothing of what is computed."""
    return Attribute(kind, lambda _, value: value, ((0, None),))


def tensor() -> Attribute:
    """A tensor, in ONNX's bytes; without it None."""
    return unread(AttributeProto.TENSOR)


# What operators of two tensors had before opset 7.
BROADCAST = {"broadcast": flag(False).within(until=7), "axis": integer().within(until=7)}


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of the table."""

    read: Callable[..., None]
    ports: Sequence[Port] = ()
    attributes: Mapping[str, Attribute] = field(default_factory=dict)

    def __call__(self, reader: Reader, op: Operator) -> None:
        """Read an operator.  Raises FormatError for one that is not as the line says, and what the rule raises."""
        given = {name: self._value(reader, op, name) for name in self.attributes}
        if unknown := op.attributes.keys() - self.attributes.keys() - _SILENT:
            raise UnsupportedLayer(f"attribute {min(unknown)}: found one that has no meaning here")
        self.read(reader, op, *self._arguments(reader, op), **given)

    def _value(self, reader: Reader, op: Operator, name: str) -> Any:
        attribute = self.attributes[name]
        if name not in op.attributes:
            return attribute.default(reader.opset)
        kind = next(a.type for a in op.node.attribute if a.name == name)
        if attribute.kind not in (0, kind):
            words = [AttributeProto.AttributeType.Name(one) for one in (kind, attribute.kind)]
            raise FormatError(f"attribute {name}: found {words[0]}, expected {words[1]}")
        return attribute.read(name, op.attributes[name])

    def _arguments(self, reader: Reader, op: Operator) -> list[Any]:
        """What the rule gets for the inputs, in order."""
        found: list[Any] = []
        first: Any = None
        most = len(op.inputs) if any(port.several for port in self.ports) else len(self.ports)
        if len(op.inputs) > most:
            raise FormatError(f"found {len(op.inputs)} inputs, expected at most {most}")
        for i, port in enumerate(self.ports):
            if port.several:
                found.append([port.take(reader, name, first) for name in op.inputs[i:]])
                continue
            name = op.input(i)
            if not name and not port.optional:
                raise FormatError(f"input {i}: found none, expected one")
            if name and reader.opset < port.since:
                raise FormatError(f"input {i}: found {name!r}, which opsets before {port.since} do not have")
            found.append(port.take(reader, name, first) if name else None)
            first = found[0]
        return found
