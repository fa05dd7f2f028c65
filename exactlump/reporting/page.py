# SPDX-License-Identifier: Apache-2.0
"""This file is about the page of a report: HTML that runs nothing and loads nothing, with every word escaped."""

import base64
import hashlib
import os
import platform
import re
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

from exactlump.drawing.svg import printable
from exactlump.errors import FormatError
from exactlump.formats.files import demand_apart, write_atomically
from exactlump.numbers.floats import nearest
from exactlump.numbers.rational import fraction, parse
from exactlump.reporting import figures, words
from exactlump.reporting.asked import ARITHMETICS, COLOURS, METRICS, ranges
from exactlump.reporting.bounded import Bounded
from exactlump.reporting.difference import Difference
from exactlump.reporting.matrix import open_items
from exactlump.reporting.measures import Measure
from exactlump.reporting.record import RULES
from exactlump.reporting.report import Report
from exactlump.smt.evidence import REFUTED
from exactlump.verbs.checking import CHECKER
from exactlump.version import VERSION

_PAGES = Path(__file__).parent / "pages"
_MOST_LETTERS = 400


def render(found: Report | Difference | Bounded) -> str:
    """The page as HTML; equal reports give equal text.  Raises FormatError where jinja2 is not installed."""
    try:
        from jinja2 import Environment, FileSystemLoader, StrictUndefined
    except ImportError as error:
        raise FormatError("jinja2: not installed, expected: pip install 'exactlump[report]'") from error
    environment = Environment(
        loader=FileSystemLoader(_PAGES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(
        name=_name,
        near=nearest_float32,
        bar=figures.bar,
        share=figures.share,
        most=_most,
        classes=words.classes,
        may_change=words.may_change,
        fate=words.fate,
        fates=words.fates,
        fate_words=words.fate_words,
    )
    style = _style()
    shared = {
        "r": found,
        "headline": words.HEADLINES[found.verdict if isinstance(found, Difference) else found.headline],
        "style": style,
        "style_hash": base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
        "checker": _checker(),
    }
    if isinstance(found, Bounded):
        listed = words.contents_of_bound(bool(found.alike), bool(found.tried), found.claimed)
        about = _about_difference(found) | {"contents": listed}
        about |= {"ranges": ranges, "colours": COLOURS, "metrics": METRICS, "arithmetics": ARITHMETICS}
        return str(environment.get_template("bound.html").render(**shared, **about))
    if isinstance(found, Difference):
        return str(environment.get_template("difference.html").render(**shared, **_about_difference(found)))
    return str(environment.get_template("certificate.html").render(**shared, **_about_certificate(found)))


def _about_certificate(found: Report) -> dict[str, Any]:
    return {
        "rules": RULES,
        "refuted": open_items(found.items, REFUTED),
        "solvers": found.record.solvers if found.record is not None else (),
        "contents": words.contents(bool(found.items)),
        "glossary": words.glossary(),
        "matched": words.matched(found.claimed.matching),
        "lead": words.lead(found.measures),
        "checker_said": _checker_said(found),
        "versions": _versions(found),
    }


def _about_difference(found: Difference | Bounded) -> dict[str, Any]:
    return {
        "contents": words.contents_of_difference(),
        "glossary": words.glossary(difference=True),
        "versions": (("this page", f"exactlump {VERSION}"), ("the answer names as its tool", found.producer)),
    }


def write_report(found: Report | Difference | Bounded, path: str | os.PathLike[str], *, overwrite: bool = True) -> None:
    """Write the page, and not over one of the files that were read for it.  Raises CannotWrite, FormatError.

    overwrite: whether a file with other content may be replaced.
    """
    demand_apart(path, [source for _, source in found.sources])
    write_atomically(path, render(found).encode(), overwrite=overwrite)


def _style() -> str:
    """The style sheet, with the dark colours of the pictures."""
    dark = f"@media screen and (prefers-color-scheme: dark) {{{figures.dark_colours()}}}\n"
    return (_PAGES / "page.css").read_text(encoding="utf-8") + dark


def _shown(value: Any) -> Any:
    """What the page shows of a value: text on one line, not too long; what is marked as safe stays."""
    if hasattr(value, "__html__") or not isinstance(value, str):
        return value
    return printable(value, _MOST_LETTERS)


def _name(value: str) -> Any:
    """A name, which breaks after signs between words and not inside of them."""
    from markupsafe import Markup

    pieces = re.split(r"(?<=[/._:\-])", printable(value, _MOST_LETTERS))
    return Markup('<code class="name"><bdi>' + "<wbr>".join(map(escape, filter(None, pieces))) + "</bdi></code>")


def _most(measure: Measure) -> int:
    return max(measure.before, measure.after)


def nearest_float32(word: str) -> str:
    """The float32 nearest to a rational, in nine digits, which tell all float32 apart."""
    try:
        p, q = fraction(nearest(parse(word), "float32"))
    except OverflowError:
        return "beyond float32"
    return f"{p / q:.9g}"


def _checker() -> Mapping[str, str]:
    content = CHECKER.read_bytes()
    return {"sha256": hashlib.sha256(content).hexdigest(), "lines": str(content.count(b"\n"))}


def _checker_said(found: Report) -> str:
    if found.checked is None:
        return "not run"
    return "accepted" if found.checked.verdict == "equivalent" else found.checked.verdict


def _versions(found: Report) -> tuple[tuple[str, str], ...]:
    """Who said what: names and versions, none of which needs to be believed."""
    python = (("Python that ran the checker", platform.python_version()),) if found.checked is not None else ()
    evidence = (("the evidence names as its producer", found.record.producer),) if found.record is not None else ()
    solvers = tuple(("solver of the evidence", solver) for solver in (found.record.solvers if found.record else ()))
    first = (("this page", f"exactlump {VERSION}"), ("the certificate names as its producer", found.producer))
    return (*first, *python, *evidence, *solvers)
