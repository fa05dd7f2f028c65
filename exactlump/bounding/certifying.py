# SPDX-License-Identifier: Apache-2.0
"""This file is about writing down what was shown: certificates of bounds, and of exact inputs at which outputs differ.

The format is docs/certificate-format.md, version 2.  Nothing is decided here: `exactlump/check.py` decides.
"""

import json
import math
from dataclasses import asdict
from typing import Any

from exactlump.bounding.bound import Bound
from exactlump.bounding.enclosing import Enclosing, Ends, size
from exactlump.errors import FormatError
from exactlump.formats.files import ModelFile
from exactlump.network.ports import ALONE, Matching
from exactlump.network.program import Network
from exactlump.numbers.rational import ZERO, Rational, Vector, fraction, rational, text
from exactlump.version import VERSION

_ROOM = 1024  # of what is to be shown, so small a part is left to the checker for its own enclosures


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
    least: Rational = ZERO,
) -> dict[str, Any]:
    """The certificate of an exact input at which outputs differ.

    theirs         as `network.ports.match` gives it, with `matching`
    specification  as for `bound_certificate`
    least          outputs that are irrational are enclosed so that the difference shown stays larger, if it is larger
    Raises NoExactValue where an output has no enclosure.
    """
    named, start = {}, 0
    for port in ours.inputs:
        size = math.prod(port.shape)
        named[port.name] = list(x[start : start + size])
        start += size
    outputs = _outputs(Enclosing(ours)(x), Enclosing(theirs)(x), least)
    return {
        **_head(original, reduced),
        "claim": {
            "criterion": "different",
            "specification": specification or ours.specification,
            "match": asdict(matching),
        },
        "relations": {"original": {}, "reduced": {}},
        "input": {name: [*map(text, values)] for name, values in named.items()},
        "outputs": dict(zip(("original", "reduced"), outputs, strict=True)),
    }


def _outputs(ours: Ends, theirs: Ends, least: Rational) -> list[list[Any]]:
    """The outputs of both networks as a certificate has them: exact, or between two numbers.

    These leave the checker room for its own enclosures, but not so much that what is shown would no longer follow.
    """
    gap, y, z = max(size(ours, theirs, (o,)) for o in range(len(ours.low))), ours.decision, theirs.decision
    room = (gap - least if gap > least else gap) / _ROOM
    if y is not None and z is not None and y != z:
        leads = [e.lead(top, j) for e, top in ((ours, y), (theirs, z)) for j in range(len(e.low)) if j != top]
        room = min([room, *(lead / _ROOM for lead in leads if lead)])
    found = list[list[Any]]()
    for ends in (ours, theirs):
        pairs = zip(*ends, strict=True)
        outwards = ([text(_down(low - room)), text(-_down(-high - room))] for low, high in pairs)
        found.append([*map(text, ends.low)] if ends.are_exact else [*outwards])
    return found


def _down(value: Rational) -> Rational:
    """A multiple of 2^-64, rounded down."""
    p, q = fraction(value)
    return rational((p << 64) // q, 1 << 64)


def _head(original: ModelFile, reduced: ModelFile) -> dict[str, Any]:
    files = {
        side: {"format": f.format, "sha256": f.sha256, "tensors": dict(f.tensors), "external": dict(f.external)}
        for side, f in (("original", original), ("reduced", reduced))
    }
    return {"format": "exactlump certificate", "version": 2, "producer": f"exactlump {VERSION}", **files}


def dumps(document: dict[str, Any]) -> str:
    """The canonical text: sorted keys, no blanks, one line."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False) + "\n"
