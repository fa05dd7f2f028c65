# SPDX-License-Identifier: Apache-2.0
"""This file is about the grammar of certificates, as strict as docs/certificate-format.md states it.

What is out of grammar is refused before anything is made of it.  Nothing here is taken from the checker.
"""

import json
import re
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any, TypeAlias

from exactlump.errors import FormatError, UnsupportedLayer
from exactlump.formats.specification import SPECIFICATIONS
from exactlump.network.ports import MATCHES
from exactlump.numbers.rational import parse, text

MOST = 10**15
LONGEST = 10_000
FORMATS = ("onnx", "onnx.gz", "nnet", "json")
_HASH = re.compile("[0-9a-f]{64}")
Rule: TypeAlias = Callable[[Any], None]


def read(content: bytes) -> Any:
    """The document that a certificate is.

    Raises FormatError where it is out of grammar, UnsupportedLayer for a version that is not known.
    """
    hooks: dict[str, Any] = {"object_pairs_hook": _object, "parse_int": _integer, "parse_float": _refuse}
    try:
        document = json.loads(str(content, "utf-8"), parse_constant=_refuse, **hooks)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"certificate: found {type(error).__name__}: {error}, expected JSON in UTF-8") from error
    _demand(type(document) is dict and {*_HEAD} <= document.keys(), document, f"an object with the keys {[*_HEAD]}")
    for key, rule in _HEAD.items():
        rule(document[key])
    if document["version"] not in _VERSIONS:
        raise UnsupportedLayer(f"certificate: version: found {document['version']}, expected 1 or 2")
    _VERSIONS[document["version"]](document)
    return document


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    _demand(len(dict(pairs)) == len(pairs), [key for key, _ in pairs], "each key once")
    return dict(pairs)


def _integer(word: str) -> int:
    _demand(len(word) <= 16 and word[0] != "-" and int(word) <= MOST, word, "an integer from 0 to 10^15")
    return int(word)


def _refuse(word: str) -> None:
    raise FormatError(f"certificate: found {word:.40}, expected no number but integers")


def _demand(holds: bool, found: Any, expected: str) -> None:
    if not holds:
        raise FormatError(f"certificate: found {found!a:.60}, expected {expected}")


# Rules: each refuses what it does not describe.


def _one_of(what: str, *known: Any) -> Rule:
    def rule(value: Any) -> None:
        expected = f"as the {what} {' or '.join(map(repr, known))}"
        _demand(any(type(value) is type(word) and value == word for word in known), value, expected)

    return rule


def _keys(
    rules: Mapping[str, Rule], more: Mapping[str, Rule] | None = None, single: Mapping[str, Rule] | None = None
) -> Rule:
    """An object with these keys; `more` are there all or not at all, each of `single` by itself."""

    def rule(value: Any) -> None:
        lone = {key: rule for key, rule in (single or {}).items() if type(value) is dict and key in value}
        known = {**rules, **(more or {}), **lone}
        needed = {**rules, **lone}
        named = type(value) is dict and (value.keys() == needed.keys() or value.keys() == known.keys())
        _demand(named, value, f"an object with the keys {[*rules]}")
        for key, item in value.items():
            known[key](item)

    return rule


def _each(entry: Rule, kind: type = dict) -> Rule:
    def rule(value: Any) -> None:
        _demand(type(value) is kind, value, "an object" if kind is dict else "a list")
        for item in value.values() if kind is dict else value:
            entry(item)

    return rule


def _text(value: Any) -> None:
    _demand(type(value) is str, value, "a text")


def _index(value: Any) -> None:
    _demand(type(value) is int, value, "an index")


def _version(value: Any) -> None:
    _demand(type(value) is int, value, "a version")


def _hash(value: Any) -> None:
    _demand(type(value) is str and _HASH.fullmatch(value) is not None, value, "a SHA-256")


def _rational(value: Any) -> None:
    _demand(type(value) is str and len(value) <= LONGEST, value, "a rational in lowest terms, as text")
    _demand(text(parse(value)) == value, value, "a rational in lowest terms, as text")


def _entries(value: Any) -> None:
    _each(_pair, list)(value)
    _demand(all(i < j for (i, _), (j, _) in pairwise(value)), value, "classes that ascend")
    _demand(all(word != "0" for _, word in value), value, "no coefficient 0")


def _pair(value: Any) -> None:
    _demand(type(value) is list and len(value) == 2, value, "an index and a rational")
    _index(value[0])
    _rational(value[1])


def _place(value: Any) -> None:
    _demand(type(value) is list and len(value) == 3, value, "a tensor, an index and a rational")
    _demand(type(value[0]) is str and value[0] != "", value[0], "the name of a tensor")
    _pair(value[1:])


def _facts(value: Any) -> None:
    _each(_place, list)(value)
    _demand(all(a[:2] < b[:2] for a, b in pairwise(value)), value, "classes that ascend")
    _demand(all(parse(b) > 0 for *_, b in value), value, "positive multipliers")


def _twin(value: Any) -> None:
    (_place if type(value) is list and len(value) == 3 else _pair)(value)


# Rows of version 2 alone, by their one key.
_KINKS: Mapping[str, Rule] = {"class": _place, "twin": _twin, "mirror": _pair, "linear": _facts, "zero": _facts}


def _boxes(value: Any) -> None:
    if value != "all reals":
        _demand(type(value) is dict, value, "the domain 'all reals' or boxes")
        ends = _each(_each(_each(_end, list), list))
        _keys({"boxes": _each(ends, list)})(value)


def _end(value: Any) -> None:
    if value is not None:
        _rational(value)


def _shape(value: Any) -> None:
    _demand(type(value) is list and any(value), value, "sizes, and null where the file says them")
    _demand(all(n is None or (type(n) is int and n > 0) for n in value), value, "positive sizes")


def _new_row(value: Any) -> None:
    if value in ("zero on domain", "linear on domain"):
        return
    key = next(iter(value)) if type(value) is dict and len(value) == 1 else None
    _KINKS.get(str(key), lambda _: _row(value))(value[key] if key is not None else value)


def _row(value: Any) -> None:
    if value is None or value == "free":
        return
    if type(value) is list and value[:1] == ["="]:
        _pair(value[1:])
    elif type(value) is list:
        _pair(value)
    else:
        _keys({"of": _entries, "plus": _rational})(value)
        _demand(value["plus"] != "0" or len(value["of"]) > 1, value, "the shorter row: null, or one class")


def _relation(row: Rule) -> Rule:
    def rule(value: Any) -> None:
        over = {"over": _text} if type(value) is dict and "over" in value else {}
        _keys({"rows": _each(row, list), **over})(value)

    return rule


_FILE = _keys(
    {"format": _one_of("format", *FORMATS), "sha256": _hash, "tensors": _each(_hash), "external": _each(_hash)}
)
_CLAIM = {
    "criterion": _one_of("criterion", "exact"),
    "domain": _one_of("domain", "all reals"),
    "specification": _one_of("specification", *SPECIFICATIONS),
}
_MATCH = _one_of("matching", *MATCHES)
# What every version has.
_HEAD = {"format": _one_of("format", "exactlump certificate"), "version": _version}


def _assumption(value: Any) -> None:
    _each(_text, list)(value)
    _demand(len(value) == 4 and value[0] in ("original", "reduced"), value, "side, tensor, element type and shape")


_GIVEN = {
    "opaque": _keys({"operators": _each(_index), "domains": _each(_text, list)}),
    "assumes": _each(_assumption, list),
}


def _certificate(claim: Mapping[str, Rule], row: Rule, more: Mapping[str, Rule] | None = None) -> Rule:
    """The grammar of one version, by that of its claim."""
    return _keys(
        {
            **_HEAD,
            "producer": _text,
            "claim": _keys(claim, None, {"shapes": _each(_shape), "dust": _rational} if "match" in claim else None),
            "original": _FILE,
            "reduced": _FILE,
            "relations": _keys(
                {"original": _each(_relation(row)), "reduced": _each(_keys({"rows": _each(row, list)}))},
            ),
        },
        more,
    )


_VERSIONS = {
    1: _certificate(_CLAIM, _row),
    2: _certificate(
        {**_CLAIM, "domain": _boxes, "match": _keys({"inputs": _MATCH, "outputs": _MATCH})}, _new_row, _GIVEN
    ),
}
