# SPDX-License-Identifier: Apache-2.0
"""This package is about JSON Schema: what certificates, lines of evidence and answers of verbs look like, for programs.

The files beside this one are the schemas (draft 2020-12).  Each says its version in its `$id`.  A schema says less than
the checker demands: what it refuses is malformed, what it takes may still be wrong.
"""

import json
from pathlib import Path
from typing import Any

from exactlump.errors import FormatError

__all__ = ["NAMES", "path_of", "schema"]
NAMES = ("answer", "certificate", "evidence", "query")
_HERE = Path(__file__).parent


def path_of(name: str) -> Path:
    """The file of a schema: "answer", "certificate", "evidence" or "query".  Raises FormatError for other names."""
    if name not in NAMES:
        raise FormatError(f"schema: found {name!r:.40}, expected {', '.join(NAMES)}")
    return _HERE / f"{name}.json"


def schema(name: str) -> dict[str, Any]:
    """A schema as an object.  Raises FormatError for other names.

    >>> schema("certificate")["$id"]
    'urn:exactlump:schema:certificate:2'
    """
    found: dict[str, Any] = json.loads(path_of(name).read_text(encoding="utf-8"))
    return found
