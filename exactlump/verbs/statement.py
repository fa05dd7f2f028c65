# SPDX-License-Identifier: Apache-2.0
"""This file is about what the checker answered as an in-toto Statement, a form that tools for signing take.

https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md has the form.  It is unsigned, and as good as who
signs it: whoever wants to know re-checks the certificate.
"""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from exactlump.formats.files import demand_apart, read_bytes, sha256, write_atomically
from exactlump.verbs.answers import file_written
from exactlump.verbs.checking import CHECKER, FileCheck
from exactlump.version import VERSION

TYPE = "https://in-toto.io/Statement/v1"
PREDICATE = "urn:exactlump:predicate:check:1"


def statement(found: FileCheck) -> dict[str, Any]:
    """The files as subjects, and the claim of the certificate with the verdict on it as the predicate."""
    claim = json.loads(read_bytes(Path(_path(found, "certificate"))))["claim"]
    checkers = [{"name": "check.py", "sha256": sha256(CHECKER), "verdict": found.python.verdict}]
    if found.proved is not None:
        proved = {"name": "proved", "sha256 of its proofs": found.proved.proofs, "verdict": found.proved.verdict}
        checkers.append(proved)
    return {
        "_type": TYPE,
        "subject": [{"name": Path(file.path).name, "digest": {"sha256": file.sha256}} for file in found.files],
        "predicateType": PREDICATE,
        "predicate": {
            "roles": [file.role for file in found.files],
            "verdict": found.verdict,
            "reason": found.reason,
            "claim": claim,
            "checkers": checkers,
            "tool": {"name": "exactlump", "version": VERSION},
        },
    }


def with_statement(found: FileCheck, place: Path, *, overwrite: bool = False) -> FileCheck:
    """The answer, with the statement written where it accepts; else nothing is written.  Raises CannotWrite."""
    if found.verdict not in ("equivalent", "within", "different"):
        return found
    demand_apart(place, [file.path for file in found.files])
    content = json.dumps(statement(found), sort_keys=True, indent=1, ensure_ascii=False) + "\n"
    write_atomically(place, content.encode(), overwrite=overwrite)
    return replace(found, files=(*found.files, file_written("statement", place)))


def _path(found: FileCheck, role: str) -> str:
    return next(file.path for file in found.files if file.role == role)
