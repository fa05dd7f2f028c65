# SPDX-License-Identifier: Apache-2.0
"""This file is about the site: the documents as they lie in the project, and the public names with their docstrings.

    make docs     (sphinx-build -W -c docs/site . out/site)

The source folder is the project's own, so that the links between documents, code and proofs hold on the site, too.
"""

import inspect
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from exactlump import __version__  # noqa: E402

project = "exactlump"
author = "the authors of exactlump"
version = release = __version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx_proof", "sphinxcontrib.bibtex", "sources"]
root_doc = "docs/site/index"
include_patterns = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/**", "proofs/**.md", "benchmarks/**.md"]
bibtex_bibfiles = [str(HERE / "references.bib")]
numfig_format = {"figure": "Figure %s:"}  # the page of the paper alone has figures, and its numbers are the paper's
html_theme = "furo"
html_static_path = [str(HERE / "static")]
html_css_files = ["site.css"]
proof_minimal_theme = True  # its colours are for light pages
html_title = f"exactlump {version}"
html_show_copyright = html_show_sphinx = html_copy_source = False
highlight_language = "none"
pygments_style, pygments_dark_style = "default", "github-dark"
myst_heading_anchors = 6
myst_enable_extensions: list[str] = []
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
# `console` blocks hold what programs print, and examples have dots: they are highlighted as far as that goes.
# Results of benchmarks are tables under small headings; several rooms have a class of one name.
suppress_warnings = ["misc.highlighting_failure", "myst.header", "ref.python", "toc.no_title"]
linkcheck_ignore = ["https://doi.org/.*"]


def as_it_is(_app: Any, _what: str, _name: str, value: object, _options: Any, lines: list[str]) -> None:
    """A docstring as people wrote it: its first line as a sentence, the rest as it is, columns and all."""
    words = inspect.cleandoc(getattr(value, "__doc__", None) or "").splitlines() or lines
    if not words:
        return
    first, rest = words[0], words[1:]
    escaped = "".join(f"\\{c}" if c in "*`|_\\" else c for c in first)
    while rest and not rest[0].strip():
        rest = rest[1:]
    lines[:] = [escaped, "", *(["::", "", *(f"    {line}" for line in rest), ""] if rest else [])]


def setup(app: Any) -> None:
    """What Sphinx calls."""
    app.connect("autodoc-process-docstring", as_it_is)
