# SPDX-License-Identifier: Apache-2.0
"""This file is about the walls of the house: which module may import which, read off the source."""

import ast
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import NamedTuple

import pytest

PACKAGE = Path(__file__).parents[1] / "exactlump"

# Module of the package -> the modules of the package that it imports.
IMPORTS = {}

# Packages that need not be installed: imported late, so that everything else works without them.
OPTIONAL = {"cvc5", "dask", "distributed", "jinja2", "matplotlib", "numba", "onnxruntime", "sklearn", "torch"}
# Packages that only the named modules may import; a name that ends in a dot stands for all modules below it.
OWNERS = {
    "z3": ("smt.solve",),
    "cvc5": ("smt.solve",),
    "onnx": ("formats.",),
    "click": ("cli.",),
    "rich": ("cli.",),
}


class Import(NamedTuple):
    """`name` as written in full; `late` when it stands in a function."""

    name: str
    late: bool


def imports(tree: ast.AST, package: str, late: bool = False) -> Iterator[Import]:
    """All imports below a node of a module in `package`, `from a import b` as a.b; importlib's by constant name too."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, late) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: package.count(".") + 2 - node.level] if node.level else []
            prefix = ".".join([*above, *([node.module] if node.module else [])])
            yield from (Import(f"{prefix}.{alias.name}", late) for alias in node.names)
        elif isinstance(node, ast.Call) and "import" in ast.unparse(node.func):
            names = (a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str))
            yield from (Import(name, late) for name in names)
        inside = late or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        yield from imports(node, package, inside)


def parse(path: Path) -> list[Import]:
    package = ".".join(["exactlump", *path.relative_to(PACKAGE).parts[:-1]])
    return list(imports(ast.parse(path.read_text(encoding="utf-8")), package))


def name_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if len(parts) > 1 and parts[-1] == "__init__" else parts)


MODULES = {name_of(path): parse(path) for path in sorted(PACKAGE.rglob("*.py"))}


def internal(name: str) -> str | None:
    """The module of the package that an import is from: the longest one that its name begins with."""
    if name.split(".")[0] != "exactlump":
        return None
    parts = name.split(".")[1:]
    candidates = [".".join(parts[:length]) for length in range(len(parts), 0, -1)]
    return next((c for c in candidates if c in MODULES), "__init__")


def imported(module: str) -> set[str]:
    targets = (internal(found.name) for found in MODULES[module])
    return {target for target in targets if target not in (None, module)}


def test_imports_are_seen_wherever_they_stand():
    source = """
from exactlump.lumping import maximum
from ..numbers.rational import ONE as one
import z3.z3util
if True:
    from . import nnet
def f():
    import torch
    importlib.import_module("onnxruntime")
"""
    found = list(imports(ast.parse(source), "exactlump.formats"))
    assert found == [
        Import("exactlump.lumping.maximum", late=False),
        Import("exactlump.numbers.rational.ONE", late=False),
        Import("z3.z3util", late=False),
        Import("exactlump.formats.nnet", late=False),
        Import("torch", late=True),
        Import("onnxruntime", late=True),
    ]


@pytest.mark.parametrize("module", MODULES)
def test_module_imports_what_its_row_says_and_nothing_else(module):
    assert module in IMPORTS, f"{module}: found no row, expected one in IMPORTS"
    assert imported(module) == set(IMPORTS[module].split())


def test_the_table_has_no_cycle_and_names_only_its_own_rows():
    graph = {module: set(allowed.split()) for module, allowed in IMPORTS.items()}
    assert set().union(*graph.values()) <= set(graph)
    assert len(list(TopologicalSorter(graph).static_order())) == len(graph)


def test_a_cycle_would_be_found():
    with pytest.raises(CycleError):
        list(TopologicalSorter({"lump": {"quotient"}, "quotient": {"lump"}}).static_order())


def test_the_checker_imports_the_standard_library_only_and_only_verbs_import_it():
    roots = {found.name.split(".")[0] for found in MODULES["check"]}
    assert roots
    assert roots <= set(sys.stdlib_module_names)
    assert {module for module in MODULES if "check" in imported(module)} <= {
        "verbs.checking",
        "verbs.reducing",
        "verbs.refuting",
    }


@pytest.mark.parametrize("package", OWNERS)
def test_some_packages_have_owners(package):
    users = {module for module, found in MODULES.items() if any(i.name.split(".")[0] == package for i in found)}
    assert {u for u in users if not any(u == o or (o[-1] == "." and u.startswith(o)) for o in OWNERS[package])} == set()


@pytest.mark.parametrize("module", MODULES)
def test_optional_packages_are_imported_late(module):
    early = {found.name.split(".")[0] for found in MODULES[module] if not found.late}
    assert early & OPTIONAL == set()


@pytest.mark.parametrize("package", sorted(OPTIONAL))
def test_an_optional_package_has_one_home(package):
    users = {module for module, found in MODULES.items() if any(i.name.split(".")[0] == package for i in found)}
    assert len(users) <= 1
