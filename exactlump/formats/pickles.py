# SPDX-License-Identifier: Apache-2.0
"""This file is about pickles, read as data: what a pickle would call is named in the result, and nothing is called.

A pickle is a program for a machine with a stack.  Here that machine makes plain values, and where the program would
import, call or make an object, a `Made` that says so.  Opcodes are those of protocols 2 to 5, which PyTorch writes.
"""

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from exactlump.errors import FormatError


class Named(NamedTuple):
    """What a pickle would import."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass(frozen=True, slots=True, eq=False)
class Made:
    """What a pickle would make by calling `maker`, which is a `Named` or again something made."""

    maker: Any
    arguments: Any


class Stored(NamedTuple):
    """What lies outside of the pickle, under this identifier."""

    identifier: Any


_ORDERED = Named("collections", "OrderedDict")
_MARK: Final = object()
# What keys of dictionaries may be: no tuples, which might be nested as deep as the file is long.
_KEYS = (str, int, float, bool, bytes, type(None))


class Loaded(NamedTuple):
    """The value of a pickle, where the pickle ends, and the identifiers of all that lies outside of it."""

    value: Any
    end: int
    outside: list[Any]


def loads(data: bytes, start: int = 0) -> Loaded:
    """The value of the pickle that begins at a place.

    An OrderedDict is a dict; the state that objects are given after they were made is left out.
    Raises FormatError for bytes that are no pickle of these protocols.
    """
    machine = _Machine(data, start)
    try:
        return Loaded(machine.run(), machine.at, machine.outside)
    except FormatError:
        raise
    except (LookupError, struct.error, TypeError, ValueError, AttributeError) as error:
        raise FormatError(f"pickle: found damage before byte {machine.at}: {type(error).__name__}") from error


@dataclass(slots=True)
class _Machine:
    """The stack, and the memo of values that the pickle reads again."""

    data: bytes
    at: int
    stack: list[Any] = field(default_factory=list)
    memo: dict[int, Any] = field(default_factory=dict)
    outside: list[Any] = field(default_factory=list)

    def run(self) -> Any:
        while True:
            code = self.data[self.at]
            self.at += 1
            if code == _STOP:
                return self.stack.pop()
            step = _STEPS.get(code)
            if step is None:
                raise FormatError(f"pickle: found the opcode {code} before byte {self.at}, expected protocols 2 to 5")
            step(self)

    def number(self, form: str) -> Any:
        (found,) = struct.unpack_from(form, self.data, self.at)
        self.at += struct.calcsize(form)
        return found

    def take(self, form: str) -> bytes:
        """As many bytes as a number of this form, before them, says."""
        size = int(self.number(form))
        if not 0 <= size <= len(self.data) - self.at:
            raise FormatError(f"pickle: found {size} bytes announced before byte {self.at}, expected fewer")
        self.at += size
        return self.data[self.at - size : self.at]

    def line(self) -> str:
        end = self.data.index(b"\n", self.at)
        found, self.at = self.data[self.at : end].decode("utf-8"), end + 1
        return found

    def marked(self) -> list[Any]:
        """What lies on the stack above the last mark."""
        start = len(self.stack) - 1
        while self.stack[start] is not _MARK:
            start -= 1
            if start < 0:
                raise FormatError(f"pickle: found no mark before byte {self.at}")
        found = self.stack[start + 1 :]
        del self.stack[start:]
        return found


def _put(value: Callable[[_Machine], Any]) -> Callable[[_Machine], None]:
    """The step that puts a value on the stack."""
    return lambda machine: machine.stack.append(value(machine))


def _tuple(count: int) -> Callable[[_Machine], None]:
    def make(machine: _Machine) -> None:
        if count > len(machine.stack):
            raise FormatError(f"pickle: found too few values before byte {machine.at}")
        found = tuple(machine.stack[-count:])
        machine.stack[-count:] = [found]

    return make


def _drop(machine: _Machine) -> None:
    machine.stack.pop()


def _build(machine: _Machine) -> None:
    """The state of an object: the object stays as it was made."""
    machine.stack.pop()
    machine.stack[-1]  # there must be one


def _reduce(machine: _Machine) -> None:
    arguments, maker = machine.stack.pop(), machine.stack.pop()
    if maker == _ORDERED and type(arguments) is tuple:
        pairs = arguments[0] if arguments else []
        machine.stack.append(_filled({}, [x for pair in pairs for x in (pair[0], pair[1])]))
    else:
        machine.stack.append(Made(maker, arguments))


def _make_with_names(machine: _Machine) -> None:
    names, arguments, maker = machine.stack.pop(), machine.stack.pop(), machine.stack.pop()
    machine.stack.append(Made(maker, (arguments, names)))


def _named(machine: _Machine) -> None:
    name, module = machine.stack.pop(), machine.stack.pop()
    machine.stack.append(Named(str(module), str(name)))


def _filled(target: Any, items: list[Any]) -> Any:
    """A dictionary with more keys and values in turn; what something made would do with them is not known."""
    if type(target) is dict:
        for key, value in zip(items[::2], items[1::2], strict=False):
            if type(key) not in _KEYS:
                raise FormatError(f"pickle: found a key of type {type(key).__name__}, expected text or a number")
            target[key] = value
    elif not isinstance(target, Made):
        raise FormatError("pickle: found items for no dictionary")
    return target


def _set_item(machine: _Machine) -> None:
    value, key = machine.stack.pop(), machine.stack.pop()
    _filled(machine.stack[-1], [key, value])


def _set_items(machine: _Machine) -> None:
    items = machine.marked()
    _filled(machine.stack[-1], items)


def _extended(target: Any, items: list[Any]) -> None:
    if type(target) is list:
        target.extend(items)
    elif not isinstance(target, Made):
        raise FormatError("pickle: found elements for no list")


def _append(machine: _Machine) -> None:
    value = machine.stack.pop()
    _extended(machine.stack[-1], [value])


def _append_many(machine: _Machine) -> None:
    items = machine.marked()
    _extended(machine.stack[-1], items)


def _stored(machine: _Machine) -> None:
    machine.outside.append(machine.stack.pop())
    machine.stack.append(Stored(machine.outside[-1]))


def _remember(form: str) -> Callable[[_Machine], None]:
    def put(machine: _Machine) -> None:
        place = machine.number(form)
        machine.memo[place] = machine.stack[-1]

    return put


def _memoize(machine: _Machine) -> None:
    machine.memo[len(machine.memo)] = machine.stack[-1]


def _little(raw: bytes) -> int:
    return int.from_bytes(raw, "little", signed=True)


_STOP = ord(".")
_STEPS: Mapping[int, Callable[[_Machine], None]] = {
    0x80: lambda machine: machine.number("<B"),  # the protocol
    0x95: lambda machine: machine.number("<Q"),  # a frame, which only helps those who read from a stream
    ord("("): _put(lambda _: _MARK),
    ord("0"): _drop,
    ord("1"): lambda machine: [machine.marked()].clear(),
    ord("2"): _put(lambda machine: machine.stack[-1]),
    ord("N"): _put(lambda _: None),
    0x88: _put(lambda _: True),
    0x89: _put(lambda _: False),
    ord("K"): _put(lambda machine: machine.number("<B")),
    ord("M"): _put(lambda machine: machine.number("<H")),
    ord("J"): _put(lambda machine: machine.number("<i")),
    0x8A: _put(lambda machine: _little(machine.take("<B"))),
    0x8B: _put(lambda machine: _little(machine.take("<i"))),
    ord("G"): _put(lambda machine: machine.number(">d")),
    ord("X"): _put(lambda machine: machine.take("<I").decode("utf-8", "surrogatepass")),
    0x8C: _put(lambda machine: machine.take("<B").decode("utf-8", "surrogatepass")),
    0x8D: _put(lambda machine: machine.take("<Q").decode("utf-8", "surrogatepass")),
    ord("U"): _put(lambda machine: machine.take("<B")),
    ord("T"): _put(lambda machine: machine.take("<i")),
    ord("C"): _put(lambda machine: machine.take("<B")),
    ord("B"): _put(lambda machine: machine.take("<I")),
    0x8E: _put(lambda machine: machine.take("<Q")),
    ord(")"): _put(lambda _: ()),
    0x85: _tuple(1),
    0x86: _tuple(2),
    0x87: _tuple(3),
    ord("t"): _put(lambda machine: tuple(machine.marked())),
    ord("]"): _put(lambda _: []),
    ord("l"): _put(lambda machine: machine.marked()),
    ord("a"): _append,
    ord("e"): _append_many,
    ord("}"): _put(lambda _: {}),
    ord("d"): _put(lambda machine: _filled({}, machine.marked())),
    ord("s"): _set_item,
    ord("u"): _set_items,
    0x8F: _put(lambda _: Made(Named("builtins", "set"), ())),
    0x90: _append_many,
    0x91: _put(lambda machine: Made(Named("builtins", "frozenset"), tuple(machine.marked()))),
    ord("q"): _remember("<B"),
    ord("r"): _remember("<I"),
    0x94: _memoize,
    ord("h"): _put(lambda machine: machine.memo[machine.number("<B")]),
    ord("j"): _put(lambda machine: machine.memo[machine.number("<I")]),
    ord("c"): _put(lambda machine: Named(machine.line(), machine.line())),
    0x93: _named,
    ord("R"): _reduce,
    0x81: _reduce,  # an object of a class
    0x92: _make_with_names,
    ord("b"): _build,
    ord("Q"): _stored,
}
