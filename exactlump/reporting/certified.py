# SPDX-License-Identifier: Apache-2.0
"""This file is about certificates of bounds, decisions and differences, put as the answers that pages are made of.

A certificate names its files by their hashes only, so they are looked for beside it.  Nothing in it is believed: the
checker judges it, and what an input shows is computed again.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from exactlump.certificates.certificate import model_file, read_certificate
from exactlump.errors import FormatError
from exactlump.formats.files import ModelFile, about, read_bytes
from exactlump.verbs.rechecking import beside

# Criteria of certificates that claim something else than equality.
CRITERIA = ("approximate", "decision", "different")


def criterion_of(path: Path) -> str:
    """The criterion of a certificate that claims something else than equality; "" for every other file."""
    try:
        document = json.loads(read_bytes(path))
        found = document["claim"]["criterion"] if document["format"] == "exactlump certificate" else ""
    except (ValueError, LookupError, TypeError, RecursionError):
        return ""
    return found if found in CRITERIA else ""


def models_of(path: Path) -> tuple[ModelFile, ModelFile]:
    """Both model files as a certificate of any criterion names them.  Raises FormatError, UnsupportedLayer."""
    if not criterion_of(path):
        claimed = read_certificate(path)
        return claimed.original, claimed.reduced
    document = json.loads(read_bytes(path))
    with about(path):
        try:
            one, other = (model_file(document[side]) for side in ("original", "reduced"))
        except (LookupError, TypeError, AttributeError, ValueError) as error:
            raise _ill_formed(error) from error
        return one, other


def named_certificate(path: str | os.PathLike[str]) -> Path:
    """The certificate that an answer `equivalent` names: where it says, or beside it.  Raises FormatError for none."""
    stated = json.loads(read_bytes(Path(path))).get("certificate")
    places = (Path(stated), Path(path).parent / Path(stated).name) if isinstance(stated, str) else ()
    for place in places:
        if place.is_file():
            return place
    found = f"no file {stated!r:.80}" if places else "an answer `equivalent` without a certificate"
    raise FormatError(f"{os.fspath(path)}: found {found}, expected the one that --certificate FILE writes")


def as_answer(path: Path) -> dict[str, Any]:
    """What `bound --json` or `refute --json` would say of what a certificate claims.  Raises FormatError."""
    document = json.loads(read_bytes(path))
    try:
        return _answer(path, document)
    except (LookupError, TypeError, AttributeError, ValueError) as error:
        raise _ill_formed(error) from error


def _ill_formed(error: Exception) -> FormatError:
    return FormatError(f"found {type(error).__name__}: {error}, expected the format of version 2")


def _answer(path: Path, document: Mapping[str, Any]) -> dict[str, Any]:
    claim = document["claim"]
    name, _, version = str(document["producer"]).partition(" ")
    sides = (("a", "original"), ("b", "reduced"))
    demanded = "position" if "position as demanded" in claim["match"].values() else None
    found = {
        "verb": "bound",
        "verdict": "within",
        "tool": {"name": name, "version": version},
        "files": [_file(path, role, side, document[side]) for role, side in sides],
        "options": {"match": demanded, "raw_nnet": claim["specification"] == "raw nnet"},
    }
    if claim["criterion"] == "different":
        x = [value for values in document["input"].values() for value in values]
        return {**found, "verdict": "different", "method": "a certificate", "domain": "the certificate's", "input": x}
    boxes = len(claim["domain"]["boxes"])
    domain = "the box of the certificate" if boxes == 1 else f"the {boxes} boxes of the certificate"
    metric = claim.get("metric", "decision")
    uppers = claim["epsilon"] if metric == "per-output" else []
    words = {"metric": metric, "domain": domain, "arithmetic": claim["arithmetic"], "uppers": uppers}
    return {**found, **words, "certificate": path.name}


def _file(path: Path, role: str, side: str, entry: Mapping[str, Any]) -> dict[str, str]:
    """A model file: the one beside the certificate that has its hash, or a name that is in nobody's way."""
    place = beside(path, str(entry["format"]), str(entry["sha256"])) or Path(f"{side}.{entry['format']}")
    return {"role": role, "path": str(place), "sha256": str(entry["sha256"])}
