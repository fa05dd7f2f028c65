# SPDX-License-Identifier: Apache-2.0
"""This file is about writing down why a query has no solution (docs/certificate-format.md, "queries").

Nothing is decided here: `exactlump/check.py` decides.
"""

from collections.abc import Mapping
from typing import Any

from exactlump.errors import FormatError
from exactlump.formats.files import ModelFile
from exactlump.numbers.rational import text
from exactlump.verification.answers import Answer
from exactlump.version import VERSION


def query_certificate(
    answer: Answer, sha256: str, networks: Mapping[str, ModelFile], specification: str
) -> dict[str, Any]:
    """The certificate of an answer with a proof for every case.  Raises FormatError for another one.

    sha256    of the bytes of the query's file
    networks  the files, by the names of the networks that one must be given for
    """
    if not answer.done:
        raise FormatError("certificate: found cases without a proof, expected one for each")
    proofs: list[tuple[int, dict[str, Any]]] = [
        (case, {"case": case, "multipliers": [[i, text(c)] for i, c in sorted(multipliers.items())]})
        for case, multipliers in answer.conflicts.items()
    ]
    for shown in answer.shown:
        tree = shown.tree.json(len(shown.group.problems[0].ends))
        proofs.append((shown.group.cases[0], {"cases": [*shown.group.cases], "pair": shown.pair, "tree": tree}))
    return {
        "format": "exactlump query certificate",
        "version": 1,
        "producer": f"exactlump {VERSION}",
        "query": sha256,
        "specification": specification,
        "networks": {
            name: {"format": f.format, "sha256": f.sha256, "tensors": dict(f.tensors), "external": dict(f.external)}
            for name, f in networks.items()
        },
        "pairs": [{"networks": [*pair.networks], "relations": pair.relations.json()} for pair in answer.pairs],
        "proofs": [proof for _, proof in sorted(proofs, key=lambda entry: entry[0])],
    }
