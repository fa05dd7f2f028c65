# SPDX-License-Identifier: Apache-2.0
"""This file is about the words of the exact format: JSON without floats, and what its values may be."""

import json
import math
from typing import Any

from exactlump.errors import FormatError
from exactlump.network.views import Shape
from exactlump.numbers.rational import Rational, Vector
from exactlump.numbers.rational import parse as parse_rational

LONGEST = 10_000
MOST_UNITS = 1 << 24
_LARGEST = 10**15


def parse_json(data: bytes) -> Any:
    """The value of a JSON text; FormatError for floats, large or negative integers, and keys that come twice."""
    try:
        return json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_object,
            parse_int=_integer,
            parse_float=_no_float,
            parse_constant=_no_float,
        )
    except RecursionError as error:
        raise FormatError("json: nested too deeply") from error
    except FormatError:
        raise
    except ValueError as error:  # JSONDecodeError and UnicodeDecodeError
        raise FormatError(f"json: {error}") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise FormatError("json: found a key twice in one object")
    return found


def _integer(word: str) -> int:
    if len(word) > 16 or not 0 <= int(word) <= _LARGEST or word == "-0":
        raise FormatError(f"json: found {word[:20]}, expected an integer from 0 to 10^15")
    return int(word)


def _no_float(word: str) -> Any:
    raise FormatError(f"json: found {word[:20]}, expected integers and rationals as text")


def keys(value: Any, *names: str) -> dict[str, Any]:
    """The object itself, which must have these keys and no others."""
    if not isinstance(value, dict) or set(value) != set(names):
        found = sorted(value) if isinstance(value, dict) else type(value).__name__
        raise FormatError(f"found {str(found)[:100]}, expected an object with the keys {', '.join(names)}")
    return value


def entries(value: Any) -> list[Any]:
    """The list itself."""
    if not isinstance(value, list):
        raise FormatError(f"found {type(value).__name__}, expected a list")
    return value


def name(value: Any) -> str:
    """The text itself, which must not be empty, and be Unicode."""
    if not isinstance(value, str) or not value or any("\ud800" <= c <= "\udfff" for c in value):
        raise FormatError(f"found {str(value)[:40]!a}, expected a name")
    return value


def count(value: Any) -> int:
    """The integer itself."""
    if type(value) is not int:
        raise FormatError(f"found {str(value)[:40]!r}, expected an integer")
    return value


def shape(value: Any) -> Shape:
    """A list of sizes."""
    return bounded(tuple(map(count, entries(value))))


def bounded(sizes: Shape) -> Shape:
    """The shape itself; FormatError when it has more elements than any network needs."""
    if math.prod(sizes) > MOST_UNITS:
        raise FormatError(f"found {math.prod(sizes)} elements, expected at most {MOST_UNITS}")
    return sizes


def number(value: Any) -> Rational:
    """A rational as text."""
    if not isinstance(value, str) or len(value) > LONGEST:
        raise FormatError(f"found {str(value)[:40]!r}, expected a rational as text")
    return parse_rational(value)


def vector(value: Any) -> Vector:
    """A list of rationals."""
    return tuple(map(number, entries(value)))
