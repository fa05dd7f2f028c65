# SPDX-License-Identifier: Apache-2.0
"""This file is about the slides of the class: python docs/labs/slides.py OUT.html

docs/labs/slides.md becomes one page that needs nothing beside it, and holds no scripts: a section for each heading, as
high as the screen, so that the keys for pages turn them; pictures are inside.  What the lecturer says is a quote in the
source, and is shown when the box "notes" is ticked, and on paper.
"""

import base64
import re
import sys
from pathlib import Path

from markdown_it import MarkdownIt

SOURCE = Path(__file__).resolve().with_name("slides.md")
STYLE = SOURCE.with_name("slides.css")
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<title>{title}</title>
<style>
{style}</style>
</head>
<body>
<label class="notes"><input type="checkbox" id="notes"> notes</label>
<main>
{slides}
</main>
</body>
</html>
"""


def slides(words: str) -> list[str]:
    """The source of each slide: what begins with a heading of the first or the second level, outside of blocks."""
    found: list[list[str]] = []
    block = False
    for line in words.splitlines():
        block ^= line.startswith("```")
        if not block and re.match("##? ", line):
            found.append([])
        found[-1].append(line)
    return ["\n".join(lines) for lines in found]


def page(words: str, folder: Path) -> str:
    """The page; `folder` is where links of the source begin."""
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    sections = []
    sources = slides(words)
    for number, source in enumerate(sources, start=1):
        html = markdown.render(source)
        html = re.sub(r'<img src="([^"]+)"', lambda found: f'<img src="{_inside(folder / found[1])}"', html)
        html = re.sub(r'<a href="(?!https?:)[^"]*">(.*?)</a>', r"<em>\1</em>", html)  # pages that are not beside it
        html = html.replace("<blockquote>", '<aside class="say">').replace("</blockquote>", "</aside>")
        turns = "".join(
            f'<a href="#s{n}" aria-label="{words}">{sign}</a>'
            for n, words, sign in ((number - 1, "back", "\u2190"), (number + 1, "on", "\u2192"))
            if 1 <= n <= len(sources)
        )
        foot = f"<footer><span>{number} / {len(sources)}</span>{turns}</footer>"
        sections.append(f'<section id="s{number}">\n<div>\n{html}</div>\n{foot}\n</section>')
    title = words.splitlines()[0].removeprefix("# ")
    return PAGE.format(title=title, style=STYLE.read_text(encoding="utf-8"), slides="\n".join(sections))


def _inside(picture: Path) -> str:
    """An SVG file as an address that holds it."""
    return "data:image/svg+xml;base64," + base64.b64encode(picture.read_bytes()).decode()


def main(argv: list[str]) -> int:
    """The command line; returns the exit code."""
    if len(argv) != 1:
        print("slides: expected one place: python docs/labs/slides.py OUT.html", file=sys.stderr)
        return 2
    out = Path(argv[0])
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(page(SOURCE.read_text(encoding="utf-8"), SOURCE.parent), encoding="utf-8")
    except OSError as error:
        print(f"slides: {error}", file=sys.stderr)
        return 2
    print(out)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
