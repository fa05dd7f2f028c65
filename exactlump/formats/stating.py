# SPDX-License-Identifier: Apache-2.0
"""This file is about shapes of inputs that people state, where an ONNX file leaves sizes free: NAME=?x3x224x224.

A claim about the network is then about inputs of these shapes only.
"""

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, TypeAlias

from exactlump.errors import FormatError
from exactlump.network.views import StatedShape

if TYPE_CHECKING:
    from exactlump.numbers.rational import Rational

# Of inputs by name; None: whatever the file says.
Stated: TypeAlias = Mapping[str, StatedShape]
NOTHING_STATED: Stated = {}
_WORDS = re.compile(r"(\?|-1|[1-9][0-9]{0,14})([x,](\?|-1|[1-9][0-9]{0,14}))*")


def read_stated(words: Iterable[str]) -> dict[str, StatedShape]:
    """Shapes by the name of the input, from words such as `x=?x3x224x224`; FormatError.

    >>> read_stated(["x=?x3x8", "a=b=1,2"])
    {'x': (None, 3, 8), 'a=b': (1, 2)}
    """
    found: dict[str, StatedShape] = {}
    for word in words:
        name, _, sizes = word.rpartition("=")
        if not name or not _WORDS.fullmatch(sizes):
            raise FormatError(f"shape: found {word[:60]!r}, expected NAME=2x3x?, a number or ? for each axis")
        if name in found:
            raise FormatError(f"shape: found the input {name[:60]!r} twice")
        found[name] = tuple(None if n in ("?", "-1") else int(n) for n in re.split("[x,]", sizes))
    return found


def demand_inputs(shapes: Stated, names: Iterable[str]) -> None:
    """Raise FormatError where a stated shape is of no input, or states no size."""
    known = [*names]
    for name, shape in shapes.items():
        if name not in known:
            raise FormatError(f"shape: found the input {name[:60]!r}, expected one of {', '.join(known)[:200]}")
        if not any(size is not None for size in shape):
            raise FormatError(f"shape: input {name[:60]!r}: found no size, expected one")


def words_of_size(size: "Rational") -> str:
    """A size in words, powers of ten as such.

    >>> from exactlump.numbers.rational import rational
    >>> words_of_size(rational(1, 10**30)), words_of_size(rational(3, 1000))
    ('1e-30', '3/1000')
    """
    from exactlump.numbers.rational import fraction, text

    p, q = fraction(size)
    return f"1e-{len(str(q)) - 1}" if p == 1 and str(q).strip("0") == "1" else text(size)


def words_of(shapes: Stated) -> str:
    """Stated shapes in words; "" for none.

    >>> words_of({"x": (None, 3, 8)})
    'x=?x3x8'
    """
    return ", ".join(
        f"{name}={'x'.join('?' if n is None else str(n) for n in shape)}" for name, shape in shapes.items()
    )
