# SPDX-License-Identifier: Apache-2.0
"""This file is about the page of a report: HTML that runs nothing and loads nothing, with every word escaped."""

import base64
import hashlib
import os
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from exactlump.errors import FormatError
from exactlump.formats.files import demand_apart, write_atomically
from exactlump.numbers.floats import nearest
from exactlump.numbers.rational import fraction, parse
from exactlump.reporting.matrix import open_items
from exactlump.reporting.picture import printable
from exactlump.reporting.record import RULES
from exactlump.reporting.report import Report
from exactlump.smt.evidence import REFUTED
from exactlump.verbs.checking import CHECKER
from exactlump.version import VERSION

_HERE = Path(__file__).parent


def render(found: Report) -> str:
    """The page as HTML; equal reports give equal text.  Raises FormatError where jinja2 is not installed."""
    try:
        from jinja2 import Environment, StrictUndefined
    except ImportError as error:
        raise FormatError("jinja2: not installed, expected: pip install 'exactlump[report]'") from error
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, finalize=_shown, trim_blocks=True, lstrip_blocks=True
    )
    style = (_HERE / "report.css").read_text(encoding="utf-8")
    page = environment.from_string((_HERE / "report.html").read_text(encoding="utf-8")).render(
        r=found,
        rules=RULES,
        refuted=open_items(found.items, REFUTED),
        near=_nearest_float32,
        style=style,
        style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
        solvers=found.record.solvers if found.record is not None else (),
        checker=_checker(),
        versions=_versions(found),
    )
    return str(page)


def write_report(found: Report, path: str | os.PathLike[str], *, overwrite: bool = True) -> None:
    """Write the page, and not over one of the files that were read for it.  Raises CannotWrite, FormatError.

    overwrite: whether a file with other content may be replaced.
    """
    demand_apart(path, [source for _, source in found.sources])
    write_atomically(path, render(found).encode(), overwrite=overwrite)


def _shown(value: Any) -> Any:
    """What the page shows of a value: text on one line, not too long; what is marked as safe stays."""
    return value if hasattr(value, "__html__") or not isinstance(value, str) else printable(value, 400)


def _nearest_float32(word: str) -> str:
    """The float32 nearest to a rational, in nine digits, which tell all float32 apart."""
    try:
        p, q = fraction(nearest(parse(word), "float32"))
    except OverflowError:
        return "beyond float32"
    return f"{p / q:.9g}"


def _checker() -> Mapping[str, str]:
    content = CHECKER.read_bytes()
    return {"sha256": hashlib.sha256(content).hexdigest(), "lines": str(content.count(b"\n"))}


def _versions(found: Report) -> tuple[tuple[str, str], ...]:
    """Who said what: names and versions, none of which needs to be believed."""
    python = (("Python that ran the checker", platform.python_version()),) if found.checked is not None else ()
    evidence = (("the evidence names as its producer", found.record.producer),) if found.record is not None else ()
    solvers = tuple(("solver of the evidence", solver) for solver in (found.record.solvers if found.record else ()))
    first = (("this page", f"exactlump {VERSION}"), ("the certificate names as its producer", found.producer))
    return (*first, *python, *evidence, *solvers)
