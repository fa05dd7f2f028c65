# SPDX-License-Identifier: Apache-2.0
"""This file is about the list of rooms in docs/architecture.md: `python -m tests.rooms` rewrites it from the code.

What a file is about is the first sentence of its docstring; which rooms a room leans on is read off its imports.
"""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "exactlump"
PAGE = ROOT / "docs" / "architecture.md"
BEGIN, END = "<!-- rooms: begin -->\n", "<!-- rooms: end -->\n"


def about(path):
    """The first sentence of a file's docstring, without the words that all of them begin with."""
    words = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    sentence = re.split(r"(?<=\.)\s", " ".join(words.split("\n\n")[0].split()))[0]
    return re.sub(r"^This (file|package) is about ", "", sentence).rstrip(".")


def room(name):
    """The room of a module, by its dotted name without `exactlump`."""
    return name.split(".")[0]


def leans_on(rooms):
    """For each room, the rooms that its files import."""
    found = {name: set() for name in rooms}
    for name, paths in rooms.items():
        for path in paths:
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("exactlump"):
                    dotted = [*node.module.split("."), node.names[0].name][1]
                    found[name].add(dotted)
    return {name: sorted((others & rooms.keys()) - {name}) for name, others in found.items()}


def ordered(leaning):
    """The rooms from the ground up: each after all that it leans on, in the order of their names otherwise."""
    done = []
    while len(done) < len(leaning):
        done.append(min(name for name, others in leaning.items() if name not in done and set(others) <= {*done}))
    return done


def listed():
    """The text between the marks."""
    rooms = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).parts
        name = parts[0] if len(parts) > 1 else path.stem
        if name not in ("__init__", "__main__"):
            rooms.setdefault(name, []).append(path)
    leaning = leans_on(rooms)
    lines = []
    for name in ordered(leaning):
        lines += ["", *_room(name, rooms[name], leaning[name])]
    return "\n".join(lines[1:]) + "\n"


def _room(name, paths, others):
    leans = f" Leans on {', '.join(others)}." if others else ""
    first = next((path for path in paths if path.name == "__init__.py" and path.parent.name == name), None)
    if first is None:
        return [f"**`{name}.py`**: {about(paths[0])}.{leans}"]
    lines = [f"**`{name}/`**: {about(first)}.{leans}", "", "| file | is about |", "|---|---|"]
    for path in paths:
        place = path.relative_to(PACKAGE / name)
        if path.name != "__init__.py":
            lines.append(f"| `{place}` | {about(path)} |")
    return lines


def main():
    """Write the list into the page."""
    words = PAGE.read_text(encoding="utf-8")
    before, rest = words.split(BEGIN)
    PAGE.write_text(before + BEGIN + listed() + END + rest.split(END)[1], encoding="utf-8")


if __name__ == "__main__":
    main()
