# SPDX-License-Identifier: Apache-2.0
"""This file is about code and proofs on the site: a page for each file that a page links to, a place for each name.

A link to code leads to that page; so does the role `coq`, `:coq:`Erratum.printed_definition_6_is_unsound``, to the
statement itself.  A name that the proofs do not have is a warning, hence an error of `make docs`.
"""

import re
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

from docutils import nodes
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_for_filename
from sphinx.util import logging

ROOT = Path(__file__).resolve().parents[2]
LINK = re.compile(r"(?<!!)\[([^\]]*)\]\(([^)\s]+)\)")
STATED = re.compile(r"^(?:Theorem|Lemma|Corollary|Definition|Fixpoint|Record|Inductive|Notation)\s+(\w+)", re.MULTILINE)
SHOWN = (".py", ".v", ".smt2", ".ml", ".js", ".bib")
PAGES = (".md", ".rst", ".svg", ".png")  # what Sphinx itself leads to
NAMED = ("docs/paper-to-code", "proofs/README")  # pages whose tables name statements of Coq


def stated(path: Path) -> dict[str, int]:
    """The line, from 0, of each name that a file of Coq states."""
    words = path.read_text(encoding="utf-8")
    return {match[1]: words.count("\n", 0, match.start()) for match in STATED.finditer(words)}


def proofs() -> list[Path]:
    """The files of Coq, but for the audit, which repeats statements."""
    return sorted(path for path in (ROOT / "proofs").glob("*.v") if not path.stem.startswith("Audit"))


def places() -> dict[str, str]:
    """`File.name` of each name that the proofs state, and its page; so is `name` alone where one file states it."""
    found: dict[str, str] = {}
    twice: set[str] = set()
    for path in proofs():
        for name in stated(path):
            place = f"{page_of(path)}.html#{name}"
            found[f"{path.stem}.{name}"] = place
            twice |= {name} & found.keys()
            found[name] = place
    return {name: place for name, place in found.items() if name not in twice}


def page_of(path: Path) -> str:
    """The page that shows a file."""
    return f"source/{path.relative_to(ROOT).as_posix()}"


def shown(page: Path, target: str) -> Path | None:
    """The file of code to which a link on a page leads, if it is one."""
    path = (page.parent / target.partition("#")[0]).resolve()
    return path if "://" not in target and path.suffix in SHOWN and path.is_file() and ROOT in path.parents else None


def with_links_to_code(app: Any, docname: str, source: list[str]) -> None:
    """Links of a page to code lead to the pages of code; to folders and other files there is nothing to lead to."""
    if docname.startswith("docs/site"):
        return
    page, up = Path(app.srcdir) / f"{docname}.md", "../" * docname.count("/")

    def link(match: re.Match[str]) -> str:
        target = match[2].partition("#")[0]
        if path := shown(page, match[2]):
            return f'<a class="reference internal" href="{up}{page_of(path)}.html">{match[1]}</a>'
        is_page = not target or "://" in target or target.endswith(PAGES)
        return match[0] if is_page else match[1]

    def name(match: re.Match[str]) -> str:
        place = known.get(match[1])
        return f'<a class="reference internal" href="{up}{place}">{match[0]}</a>' if place else match[0]

    source[0] = LINK.sub(link, source[0])
    if docname in NAMED:
        known = places()
        source[0] = re.sub(r"`([A-Za-z]\w*_\w+)`", name, source[0])


def coq(
    role: str, raw: str, words: str, line: int, inliner: Any, options: Any = None, content: Any = ()
) -> tuple[list[nodes.Node], list[nodes.system_message]]:
    """The role `coq`: a name of the proofs, as a link to where it is stated."""
    docname = inliner.document.settings.env.docname
    place = places().get(words)
    if place is None:
        logging.getLogger(__name__).warning("found no %s in proofs/*.v", words, location=(docname, line))
        return [nodes.literal(raw, words)], []
    link = nodes.reference(raw, "", internal=True, refuri="../" * docname.count("/") + place)
    link += nodes.literal(raw, words.rpartition(".")[2])
    return [link], []


def pages(app: Any) -> Iterator[tuple[str, dict[str, str], str]]:
    """The pages of code: all proofs, and what pages link to."""
    found = {*proofs()}
    for docname in sorted(app.env.found_docs):
        page = Path(app.srcdir) / f"{docname}.md"
        if page.is_file():
            links = LINK.finditer(page.read_text(encoding="utf-8"))
            found |= {path for match in links if (path := shown(page, match[2]))}
    for path in sorted(found):
        title = path.relative_to(ROOT).as_posix()
        yield page_of(path), {"title": title, "body": f"<h1>{escape(title)}</h1>\n{body(path)}"}, "page.html"


def body(path: Path) -> str:
    """A file as it is, in colour, with a place for each name that it states."""
    code = path.read_text(encoding="utf-8")
    lexer = get_lexer_for_filename(path.name, stripnl=False)
    lines = highlight(code, lexer, HtmlFormatter(nowrap=True)).split("\n")
    for name, line in stated(path).items() if path.suffix == ".v" else ():
        lines[line] = f'<span id="{name}"></span>{lines[line]}'
    return f'<div class="highlight"><pre>{chr(10).join(lines)}</pre></div>'


def setup(app: Any) -> dict[str, bool]:
    """What Sphinx calls."""
    app.connect("source-read", with_links_to_code)
    app.connect("html-collect-pages", pages)
    app.add_role("coq", coq)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
