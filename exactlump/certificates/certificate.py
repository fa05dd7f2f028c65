# SPDX-License-Identifier: Apache-2.0
"""This file is about certificates: two simulations and the files they are about, as canonical JSON.

The format is docs/certificate-format.md.  Nothing is decided here: `exactlump/check.py` decides, and
does not use this file.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from exactlump.certificates import grammar
from exactlump.errors import FormatError
from exactlump.formats import ModelFile
from exactlump.formats.files import about, read_bytes
from exactlump.formats.guesses import CERTIFICATE, clearer
from exactlump.formats.specification import AS_STORED as AS_STORED
from exactlump.formats.specification import RAW_NNET as RAW_NNET
from exactlump.lumping.simulations import (
    FREE,
    NULL,
    Affine,
    Elsewhere,
    Free,
    Idle,
    Mirror,
    Relation,
    Row,
    Same,
    Signed,
    Simulation,
    Twin,
    entry,
)
from exactlump.network.ports import ALONE, Matching
from exactlump.network.views import StatedShape
from exactlump.numbers.rational import Rational, parse, text
from exactlump.version import VERSION

# What is assumed of a tensor that an opaque operator makes: side, name, element type, shape.
Assumption: TypeAlias = tuple[str, str, str, str]
EVERYWHERE, IDLE, ACTIVE = "all reals", "zero on domain", "linear on domain"


@dataclass(frozen=True, slots=True)
class Certificate:
    """Why two model files compute the same function.

    specification      how the original is read: one of exactlump/formats/specification.py
    forward, backward  the simulations from the original and from the reduced network to their quotient
    domain             "all reals", or boxes as `Domain.json` gives them: then nothing is said of any other input
    matching           of their inputs and outputs; None: by position, in certificates of version 1
    opaque             how often each operator is taken as a given function; nothing where there is none
    domains            the domains besides ONNX's own whose operators are taken for functions
    dust               numbers of the original that are smaller are read as 0; None: all are what they are
    shapes             of inputs, where they are stated: then nothing is said of inputs of other shapes
    assumes            (side, tensor, element type, shape) of what opaque operators make
    """

    specification: str
    original: ModelFile
    reduced: ModelFile
    forward: Simulation
    backward: Simulation
    matching: Matching | None = ALONE
    opaque: Mapping[str, int] = field(default_factory=dict)
    domains: tuple[str, ...] = ()
    assumes: tuple[Assumption, ...] = ()
    domain: Any = EVERYWHERE
    shapes: Mapping[str, StatedShape] = field(default_factory=dict)
    dust: Rational | None = None

    def __repr__(self) -> str:
        names = (f"{file.format} {file.sha256[:12]}" for file in (self.original, self.reduced))
        return f"Certificate({' = '.join(names)})"


def dumps(certificate: Certificate) -> str:
    """The canonical text: sorted keys, no blanks, one line; equal certificates have equal bytes."""
    backward = {t: r for t, r in certificate.backward.items() if not r.is_identity}
    matching = {} if certificate.matching is None else {"match": asdict(certificate.matching)}
    claim = {"criterion": "exact", "domain": certificate.domain, "specification": certificate.specification, **matching}
    if certificate.shapes:
        claim["shapes"] = {name: list(shape) for name, shape in certificate.shapes.items()}
    if certificate.dust is not None:
        claim["dust"] = text(certificate.dust)
    document: dict[str, Any] = {
        "format": "exactlump certificate",
        "version": 2 if matching else 1,
        "producer": f"exactlump {VERSION}",
        "claim": claim,
        "original": _file(certificate.original),
        "reduced": _file(certificate.reduced),
        "relations": {
            "original": {tensor: _relation(r) for tensor, r in certificate.forward.items()},
            "reduced": {tensor: {"rows": _relation(r)["rows"]} for tensor, r in backward.items()},
        },
    }
    if certificate.opaque:
        document["opaque"] = {"operators": dict(certificate.opaque), "domains": sorted(certificate.domains)}
        document["assumes"] = sorted(map(list, certificate.assumes))
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False) + "\n"


def read_certificate(path: str | os.PathLike[str]) -> Certificate:
    """The certificate that a file holds, in grammar, every word of it.

    Raises FormatError for any other, UnsupportedLayer for a version that is not known.
    """
    with about(path):
        content = read_bytes(Path(path))
        try:
            grammar.read(content)
        except FormatError as error:
            raise clearer(error, content, CERTIFICATE, "; check and prove take ORIGINAL REDUCED CERTIFICATE") from error
        return loads(content.decode())


def loads(words: str) -> Certificate:
    """The certificate that a text holds; FormatError when it is not of the format."""
    try:
        document = json.loads(words)
        relations = document["relations"]
        return Certificate(
            document["claim"]["specification"],
            model_file(document["original"]),
            model_file(document["reduced"]),
            {tensor: _read_relation(r, r.get("over")) for tensor, r in relations["original"].items()},
            {tensor: _read_relation(r, tensor) for tensor, r in relations["reduced"].items()},
            Matching(**document["claim"]["match"]) if document["version"] > 1 else None,
            dict(document.get("opaque", {}).get("operators", {})),
            tuple(document.get("opaque", {}).get("domains", ())),
            tuple((side, tensor, kind, shape) for side, tensor, kind, shape in document.get("assumes", ())),
            document["claim"]["domain"],
            {name: tuple(shape) for name, shape in document["claim"].get("shapes", {}).items()},
            parse(document["claim"]["dust"]) if "dust" in document["claim"] else None,
        )
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise FormatError(
            f"certificate: found {type(error).__name__}: {error}, expected the format of version 1 or 2"
        ) from error


def _file(file: ModelFile) -> dict[str, Any]:
    return {
        "format": file.format,
        "sha256": file.sha256,
        "tensors": dict(file.tensors),
        "external": dict(file.external),
    }


def model_file(entry: Mapping[str, Any]) -> ModelFile:
    """The file that an entry of a certificate names.  Raises LookupError, TypeError, ValueError for no such entry."""
    return ModelFile(entry["format"], entry["sha256"], dict(entry["tensors"]), dict(entry["external"]))


def _relation(relation: Relation) -> dict[str, Any]:
    rows = [_row(row) for row in relation.rows]
    return {"rows": rows} if relation.over is None else {"over": relation.over, "rows": rows}


def _row(row: Row) -> Any:
    if isinstance(row, Free):
        return "free"
    if isinstance(row, Same):
        return ["=", row.unit, text(row.factor)]
    if isinstance(row, Elsewhere):
        return {"class": [row.tensor, row.k, text(row.factor)]}
    if isinstance(row, Idle):
        return ACTIVE if row.linear else IDLE
    if isinstance(row, Twin):
        return {"twin": [*([row.tensor] if row.tensor else []), row.k, text(row.factor)]}
    if isinstance(row, Mirror):
        return {"mirror": [row.unit, text(row.factor)]}
    if isinstance(row, Signed):
        return {"linear" if row.linear else "zero": [[tensor, k, text(b)] for tensor, k, b in row.facts]}
    if row == NULL:
        return None
    if row.single is not None:
        k, c = row.single
        return [k, text(c)]
    return {"of": [[k, text(c)] for k, c in row.terms], "plus": text(row.plus)}


def _read_relation(entry: Mapping[str, Any], over: str | None) -> Relation:
    return Relation(over, tuple(_read_row(row) for row in entry["rows"]))


def _read_row(row: Any) -> Row:
    if row is None:
        return NULL
    if row == "free":
        return FREE
    if row in (IDLE, ACTIVE):
        return Idle(row == ACTIVE)
    if isinstance(row, dict) and len(row) == 1:
        return _read_kink(*row.items())
    if isinstance(row, dict):
        return Affine(tuple((k, parse(c)) for k, c in row["of"]), parse(row["plus"]))
    if row[0] == "=":
        return Same(row[1], parse(row[2]))
    return entry(row[0], parse(row[1]))


def _read_kink(item: tuple[str, Any]) -> Row:
    kind, entry = item
    if kind in ("linear", "zero"):
        return Signed(kind == "linear", tuple((tensor, k, parse(b)) for tensor, k, b in entry))
    *tensor, k, factor = entry
    if kind == "mirror":
        return Mirror(k, parse(factor))
    return (Elsewhere if kind == "class" else Twin)(tensor[0] if tensor else "", k, parse(factor))
