# SPDX-License-Identifier: Apache-2.0
"""This file is about writing down what was shown: certificates of bounds, and of exact inputs at which outputs differ.

The format is docs/certificate-format.md, version 2.  Nothing is decided here: `exactlump/check.py` decides.
"""

import json
import math
from dataclasses import asdict
from typing import Any

from exactlump.bounding.bound import Bound
from exactlump.errors import FormatError
from exactlump.formats.files import ModelFile
from exactlump.network.ports import ALONE, Matching
from exactlump.network.program import Network
from exactlump.numbers.rational import Vector, text
from exactlump.version import VERSION


def bound_certificate(
    found: Bound, network: Network, original: ModelFile, reduced: ModelFile, specification: str | None = None
) -> dict[str, Any]:
    """The certificate of a bound.  Raises FormatError for one that was not shown.

    specification: how both files are read; None: as the network was.
    """
    if not found.shown:
        raise FormatError("certificate: found a bound that was not shown, expected one that was")
    return {
        **_head(original, reduced),
        "claim": {
            **found.claim.json(found.domain.json(network), specification or network.specification),
            "match": asdict(found.matching),
        },
        "relations": found.relations.json(),
        "trees": [tree.json(found.domain.inputs) for tree in found.trees],
    }


def difference_certificate(
    x: Vector,
    ours: Network,
    theirs: Network,
    original: ModelFile,
    reduced: ModelFile,
    matching: Matching = ALONE,
    specification: str | None = None,
) -> dict[str, Any]:
    """The certificate of an exact input at which outputs differ.  Raises NoExactValue where they are irrational.

    theirs: as `network.ports.match` gives it, with `matching`; specification: as for `bound_certificate`.
    """
    named, start = {}, 0
    for port in ours.inputs:
        size = math.prod(port.shape)
        named[port.name] = list(x[start : start + size])
        start += size
    outputs = [[y for part in network.evaluate(*named.values()) for y in part] for network in (ours, theirs)]
    return {
        **_head(original, reduced),
        "claim": {
            "criterion": "different",
            "specification": specification or ours.specification,
            "match": asdict(matching),
        },
        "relations": {"original": {}, "reduced": {}},
        "input": {name: [*map(text, values)] for name, values in named.items()},
        "outputs": {side: [*map(text, values)] for side, values in zip(("original", "reduced"), outputs, strict=True)},
    }


def _head(original: ModelFile, reduced: ModelFile) -> dict[str, Any]:
    files = {
        side: {"format": f.format, "sha256": f.sha256, "tensors": dict(f.tensors), "external": dict(f.external)}
        for side, f in (("original", original), ("reduced", reduced))
    }
    return {"format": "exactlump certificate", "version": 2, "producer": f"exactlump {VERSION}", **files}


def dumps(document: dict[str, Any]) -> str:
    """The canonical text: sorted keys, no blanks, one line."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False) + "\n"
