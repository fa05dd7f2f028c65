# SPDX-License-Identifier: Apache-2.0
"""This file is about which lines of Python an answer rests on: those that a call graph reaches from some names.

The graph is read off the syntax, and is too large rather than too small: a name in code that is reached reaches what
it is in its module; `x.name` reaches every method of that name in all classes that are reached.
"""

import ast
import io
import tokenize
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "exactlump"
MODULES = (
    "check",
    *(f"extraction.{name}" for name in ("reading", "programs", "domains", "images", "texts", "verified")),
    "verbs.checking",
)
# What says how an operator in N is a sum of those in N'.
_SHOWN = tuple(
    f"extraction.images:{name}" for name in ("Ours.sum_of", "Ours.spare_of", "Ours.register_of", "single_atoms")
)
# Rows of the table in docs/trust.md: where the graph begins, and where it ends.
ROWS = {
    "readers": (("check:read_network", "check:match"), ()),
    "writer": (
        ("extraction.programs:header", "extraction.programs:network_lines", "extraction.programs:box_lines"),
        (),
    ),
    "images": (
        ("extraction.images:images", "check:Checker.difference", "check:Checker.check_sizes"),
        ("check:Checker", "check:Half", "extraction.programs:Rows", "extraction.images:rows_of", *_SHOWN),
    ),
    "asking": (
        ("verbs.checking:check_files",),
        ("check:judge", "extraction.texts:texts", "extraction.texts:others", "extraction.reading:Reading.read"),
    ),
    "certificates": (
        ("extraction.programs:program", "extraction.domains:domain", "extraction.reading:Reading.read"),
        (),
    ),
}
_SIMPLE = ("check:read_file", "check:match")
# What reads a format that is simple.
BY_FORMAT = {
    "nnet": (("check:read_nnet", *_SIMPLE), ("check:OnnxReader",)),
    "json": (("check:read_exact", *_SIMPLE), ("check:OnnxReader",)),
}
SILENT = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}


@dataclass
class Part:
    """A function, a class without its methods, a method, or an assignment: where it stands, and what it names."""

    module: str
    lines: set[int] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    attributes: set[str] = field(default_factory=set)
    qualified: set[tuple[str, str]] = field(default_factory=set)  # module.name

    def take(self, node: ast.AST, without: Iterable[ast.AST] = (), bound: frozenset[str] = frozenset()) -> None:
        """Add a piece of syntax.  Names that it binds are its own, also where a function outside of it has them."""
        hidden = {line for other in without for line in span(other)}
        self.lines |= set(span(node)) - hidden
        left = [(node, bound)]
        while left:
            at, own = left.pop()
            own |= bound_by(at)
            if isinstance(at, ast.Name) and isinstance(at.ctx, ast.Load) and at.id not in own:
                self.names.add(at.id)
            elif isinstance(at, ast.Attribute):
                self.attributes.add(at.attr)
                if isinstance(at.value, ast.Name):
                    self.qualified.add((at.value.id, at.attr))
            left += [(child, own) for child in ast.iter_child_nodes(at) if child not in without]


SCOPES = ast.FunctionDef | ast.Lambda | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


def bound_by(node: ast.AST) -> frozenset[str]:
    """The names that are local to a function or a comprehension."""
    if not isinstance(node, SCOPES):
        return frozenset()
    found, left = set[str](), [*ast.iter_child_nodes(node)]
    while left:
        at = left.pop()
        if isinstance(at, ast.arg):
            found.add(at.arg)
        elif isinstance(at, ast.FunctionDef):
            found.add(at.name)
        elif isinstance(at, ast.Name) and not isinstance(at.ctx, ast.Load):
            found.add(at.id)
        elif isinstance(at, ast.ExceptHandler) and at.name:
            found.add(at.name)
        left += [] if isinstance(at, SCOPES) else ast.iter_child_nodes(at)
    return frozenset(found)


def span(node: ast.AST) -> range:
    """The lines of a node, decorators included."""
    first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", ()))])  # type: ignore[attr-defined]
    return range(first, node.end_lineno + 1)  # type: ignore[attr-defined]


class Module:
    """The parts of a module by name (of methods: `Class.method`), and what its imports mean."""

    def __init__(self, name: str) -> None:
        self.read(name, (PACKAGE / f"{name.replace('.', '/')}.py").read_text(encoding="utf-8"))

    def read(self, name: str, text: str) -> None:
        """A module with this text."""
        self.name, self.parts = name, dict[str, Part]()
        self.classes, self.imported = set[str](), dict[str, tuple[str, str]]()
        tree = ast.parse(text)
        self.code = code_lines(text, tree)
        self.parts[""] = Part(name)  # what runs at import
        for node in tree.body:
            if not isinstance(node, ast.If):  # what runs as a program, and what type checkers read
                self.add(node)
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "exactlump":
                home = (node.module or "").removeprefix("exactlump").lstrip(".")
                self.imported |= {alias.asname or alias.name: (home, alias.name) for alias in node.names}

    def add(self, node: ast.stmt) -> None:
        """A statement of the module."""
        if isinstance(node, ast.ClassDef):
            self.classes.add(node.name)
            methods = [child for child in node.body if isinstance(child, ast.FunctionDef)]
            self.part(node.name).take(node, methods)
            for method in methods:
                dunder = method.name.startswith("__")
                self.part(node.name if dunder else f"{node.name}.{method.name}").take(method)
        elif isinstance(node, ast.FunctionDef):
            self.part(node.name).take(node)
        else:
            targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
            names = [n.id for target in targets if target for n in ast.walk(target) if isinstance(n, ast.Name)]
            for name in names or [""]:
                self.part(name).take(node)

    def part(self, name: str) -> Part:
        return self.parts.setdefault(name, Part(self.name))


def code_lines(text: str, tree: ast.Module) -> set[int]:
    """The lines that are neither blank nor comment nor docstring."""
    documents = set[int]()
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            documents |= set(span(node.body[0]))
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    found = {line for token in tokens if token.type not in SILENT for line in range(token.start[0], token.end[0] + 1)}
    return found - documents


class Graph:
    """All parts of some modules."""

    def __init__(self, *names: str) -> None:
        self.modules = {name: Module(name) for name in names}

    def reached(self, roots: Iterable[str], beyond: Iterable[str] = ()) -> dict[tuple[str, str], Part]:
        """The parts that are reached from `module:name`, and what runs at import; not going into those of `beyond`."""
        barred = {(word.partition(":")[0], word.partition(":")[2]) for word in beyond}
        found: dict[tuple[str, str], Part] = {}
        left = [(word.partition(":")[0], word.partition(":")[2]) for word in roots]
        attributes = set[str]()
        while left:
            for module, name in left:
                if (module, name) not in found and (module, name) not in barred:
                    part = found[module, name] = self.modules[module].parts[name]
                    attributes |= part.attributes
                    found.setdefault((module, ""), self.modules[module].parts[""])
            named = {key for part in found.values() for key in self.named(part)}
            methods = {
                (module, f"{kind}.{attribute}")
                for module, kind in found
                if module in self.modules and kind in self.modules[module].classes
                for attribute in attributes
                if f"{kind}.{attribute}" in self.modules[module].parts
            }
            left = [key for key in sorted(named | methods) if key not in found and key not in barred]
        return found

    def named(self, part: Part) -> Iterator[tuple[str, str]]:
        """What the names of a part are, in the modules of the graph."""
        home = self.modules[part.module]
        for name in part.names:
            module, there = home.imported.get(name, (part.module, name))
            if module in self.modules and there in self.modules[module].parts:
                yield module, there
        for value, name in part.qualified:
            package, there = home.imported.get(value, ("", ""))
            module = f"{package}.{there}".lstrip(".")
            if module in self.modules and name in self.modules[module].parts:
                yield module, name

    def shares(self) -> dict[str, int]:
        """How many lines each row of `ROWS` has that no row before it has."""
        seen, found = set[tuple[str, int]](), dict[str, int]()
        for row, ends in ROWS.items():
            lines = self.lines(self.reached(*ends)) - seen
            seen |= lines
            found[row] = len(lines)
        return found

    def lines(self, parts: dict[tuple[str, str], Part]) -> set[tuple[str, int]]:
        """The lines of code of some parts."""
        found = {(part.module, line) for part in parts.values() for line in part.lines}
        return {(module, line) for module, line in found if line in self.modules[module].code}

    def count(self, parts: dict[tuple[str, str], Part]) -> int:
        """How many these are."""
        return len(self.lines(parts))


CHECKER_PARTS = {  # of check.py, by the headings of its sections; each ends where the next begins
    "core": "Numbers and functions",
    "bounds": "Bounds: functions between two values",
    "queries": "Queries",
    "only readers": "Only readers follow: from the bytes of a file to the nodes above",
}


def checker_parts() -> dict[str, set[int]]:
    """The lines of code of each part of check.py; what stands before the first heading belongs to the core."""
    text = (PACKAGE / "check.py").read_text(encoding="utf-8")
    headings = {
        words[6:].rstrip("- "): at for at, words in enumerate(text.splitlines(), 1) if words.startswith("# --- ")
    }
    starts = [headings[heading] for heading in CHECKER_PARTS.values()]
    if starts != sorted(starts):
        raise ValueError(f"check.py: found its parts at lines {starts}, expected them in this order")
    code = code_lines(text, ast.parse(text))
    ends = [*starts[1:], len(text.splitlines()) + 1]
    firsts = [0, *starts[1:]]
    return {
        part: code & set(range(*between))
        for part, between in zip(CHECKER_PARTS, zip(firsts, ends, strict=True), strict=True)
    }


def asked_of_readers() -> set[str]:
    """The names that stand under "only readers follow" and are used above it."""
    readers, used = checker_parts()["only readers"], set[str]()
    parts = Module("check").parts
    below = {name for name, part in parts.items() if name and part.lines & readers}
    for name, part in parts.items():
        if name.partition(".")[0] not in below:
            used |= part.names & below
    return used


if __name__ == "__main__":
    GRAPH = Graph(*MODULES)
    print(GRAPH.shares(), {kind: GRAPH.count(GRAPH.reached(*ends)) for kind, ends in BY_FORMAT.items()})
    print({part: len(lines) for part, lines in checker_parts().items()}, sorted(asked_of_readers()))
