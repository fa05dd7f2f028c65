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

# Module of the package -> the modules of the package that it may import.
MAY_IMPORT = {
    "errors": "",
    "rational": "errors",
    "activation": "errors rational",
    "window": "",
    "network": "activation errors rational window",
    "floats": "errors rational",
    "formats.files": "errors",
    "formats.specification": "",
    "formats.exact_words": "errors network rational",
    "formats.exact": "activation errors formats.exact_words formats.files network rational window",
    "formats.nnet": "activation errors floats formats.files formats.specification network rational",
    "formats.onnx_tensor": "errors floats formats.files network rational",
    "formats.onnx_graph": "activation errors formats.files formats.onnx_tensor network rational",
    "formats.onnx_reorder": "errors formats.onnx_graph formats.onnx_tensor network",
    "formats.onnx_window": "errors formats.onnx_graph window",
    "formats.onnx_images": (
        "errors formats.onnx_graph formats.onnx_tensor formats.onnx_window network rational window"
    ),
    "formats.onnx_select": "errors formats.onnx_graph formats.onnx_tensor network",
    "formats.onnx_functions": "activation errors formats.onnx_graph formats.onnx_tensor network rational",
    "formats.onnx_norm": (
        "activation errors floats formats.files formats.onnx_graph formats.onnx_tensor network rational"
    ),
    "formats.onnx_constants": "errors formats.onnx_graph formats.onnx_norm formats.onnx_tensor network rational",
    "formats.onnx_quantize": (
        "activation errors formats.files formats.onnx_constants formats.onnx_graph formats.onnx_tensor network rational"
    ),
    "formats.onnx_operators": (
        "errors formats.onnx_constants formats.onnx_functions formats.onnx_graph formats.onnx_images formats.onnx_norm"
        " formats.onnx_quantize formats.onnx_reorder formats.onnx_select formats.onnx_tensor network rational"
    ),
    "formats.onnx": (
        "errors formats.files formats.onnx_graph formats.onnx_operators formats.onnx_tensor formats.specification"
        " network rational"
    ),
    "formats.onnx_implied": "network rational",
    "formats.onnx_writer": "errors floats network rational",
    "formats.onnx_write_weights": "errors floats formats.onnx_writer rational",
    "formats.onnx_write_nodes": (
        "errors floats formats.onnx_reorder formats.onnx_write_weights formats.onnx_writer network rational"
    ),
    "formats.onnx_write_images": "errors floats formats.onnx_write_weights formats.onnx_writer network window",
    "formats.onnx_write_quantize": "errors floats formats.onnx_writer network rational",
    "formats.onnx_write_functions": (
        "activation errors floats formats.onnx_write_quantize formats.onnx_writer network rational"
    ),
    "formats.onnx_write": (
        "errors formats.files formats.onnx formats.onnx_implied formats.onnx_write_functions formats.onnx_write_images"
        " formats.onnx_write_nodes formats.onnx_writer network"
    ),
    "formats.torch_layers": "errors formats.files network",
    "formats.torch": "errors formats.files formats.onnx formats.torch_layers network",
    "formats": (
        "errors formats.exact formats.files formats.nnet formats.onnx formats.onnx_write formats.specification"
        " formats.torch network"
    ),
    "forms": "activation network rational window",
    "simulation": "activation errors forms network rational",
    "anchors": "network",
    "lump": "anchors errors forms network rational simulation",
    "plain": "forms network rational",
    "rebuild": "anchors forms network plain rational simulation window",
    "quotient": "anchors forms lump network plain rational rebuild simulation",
    "places": "anchors network rational",
    "pieces": "anchors errors floats network places quotient rational simulation",
    "trim": "anchors forms lump network quotient rational simulation",
    "fast_chain": (
        "anchors errors fast floats forms kernel_arithmetic kernel_matrix kernel_sources kernel_sums lump network"
        " pieces quotient rational simulation"
    ),
    "reduce": "activation anchors errors fast fast_chain fast_layers forms lump network pieces quotient simulation trim",
    "kernel_arithmetic": "errors",
    "kernel_sources": "kernel_arithmetic",
    "kernel_numba": "kernel_arithmetic kernel_sources",
    "kernel_matrix": "errors kernel_arithmetic kernel_numba kernel_sources",
    "kernel_sums": "floats kernel_arithmetic kernel_sources rational",
    "kernel": "kernel_arithmetic kernel_sources",
    "fast_layers": (
        "floats forms kernel kernel_arithmetic kernel_matrix kernel_sources kernel_sums lump network rational"
    ),
    "fast": "fast_layers kernel kernel_arithmetic kernel_matrix kernel_sources lump network rational",
    "fanout": (
        "anchors errors fast_layers forms kernel kernel_arithmetic kernel_matrix kernel_sources lump network rational"
    ),
    "certificate": "errors formats formats.files formats.specification network rational simulation",
    "check": "",
    "chains": "activation certificate errors forms network rational simulation",
    "export": "activation certificate chains errors network rational simulation",
    "coq": "errors",
    "verified": "errors",
    "verbs": "anchors certificate check coq errors export fanout formats formats.files lump network reduce verified",
    "smtlib": "errors rational",
    "lifting": "errors network window",
    "blocks": "lifting rational smtlib",
    "terms": "blocks rational smtlib",
    "substitution": "blocks lifting network rational simulation smtlib terms",
    "structure": ("activation blocks certificate errors forms lifting network rational simulation substitution terms"),
    "functions": "activation errors forms rational smtlib terms",
    "assertions": "activation blocks forms functions lifting rational smtlib structure terms window",
    "obligations": "activation assertions blocks certificate forms functions network structure",
    "monolithic": "errors forms functions network obligations rational terms window",
    "hyperplanes": "rational",
    "affine": "errors network rational",
    "dichotomy": "affine errors hyperplanes network rational",
    "solve": "errors rational smtlib",
    "evidence": "errors obligations rational",
    "layout": "network",
    "limbs": "rational",
    "evaluation": "activation errors layout limbs network",
    "floating": "activation errors layout network rational",
    "domain": "errors floating rational",
    "vnnlib": "domain errors formats.files rational",
    "question": "errors floating limbs rational smtlib",
    "comparing": "domain errors evaluation limbs network question rational",
    "search": "comparing domain floating network rational",
    "shorten": "domain rational",
    "matching": "activation errors forms lump network rational reduce simulation",
    "replay": "errors floating formats.files rational",
    "whole": "domain functions monolithic network obligations question rational smtlib solve",
    "refute": (
        "comparing dichotomy domain errors evaluation limbs matching network question rational search shorten whole"
    ),
    "refuting": (
        "certificate check domain errors formats formats.files formats.specification network question rational refute "
        "replay vnnlib"
    ),
    "cli_refute": "domain errors floating formats.files formats.specification question rational refute refuting",
    "regions": "affine domain hyperplanes rational smtlib solve terms",
    "shares": "affine domain floating rational regions",
    "extremes": "rational regions shorten smtlib solve terms",
    "dependencies": "affine rational",
    "interiors": "activation affine domain network rational regions",
    "merging": "interiors network rational",
    "literal": "activation affine interiors merging rational",
    "proposals": "dependencies interiors merging rational regions",
    "worst": "dichotomy domain errors monolithic network question rational smtlib solve whole",
    "relaxation": (
        "dichotomy domain errors extremes interiors literal merging network proposals rational refute regions shares"
        " worst"
    ),
    "relaxing": "domain errors extremes formats formats.files network rational regions relaxation replay",
    "cli_relax": "errors floating rational relaxation relaxing",
    "discharge": "errors evidence obligations smtlib solve",
    "prove": "discharge errors evidence network obligations rational solve",
    "grammar": "errors formats.specification rational",
    "proving": (
        "certificate discharge errors evidence formats formats.files formats.specification grammar monolithic network"
        " obligations prove"
    ),
    "record": "errors evidence formats.files obligations rational",
    "matrix": "certificate evidence monolithic network obligations record",
    "picture": "",
    "facts": "certificate errors network picture rational reduce simulation",
    "rerun": "certificate errors formats.files verbs",
    "report": (
        "certificate errors evidence facts formats formats.files formats.onnx matrix network "
        "picture proving record rerun"
    ),
    "page": "errors evidence floats formats.files matrix picture rational record report verbs",
    "lemmas": "errors smtlib solve",
    "demo": "errors formats lump quotient rational verbs",
    "cli": "cli_refute cli_relax demo errors formats.specification page proving rational report rerun verbs",
    "__main__": "cli",
    "__init__": "activation certificate errors formats lump network quotient rational reduce simulation trim verbs",
}

# Packages that need not be installed: imported late, so that everything else works without them.
OPTIONAL = {"cvc5", "dask", "distributed", "jinja2", "matplotlib", "numba", "onnxruntime", "sklearn", "torch"}
# Packages that only the named modules may import; a name that ends in a dot stands for all modules below it.
OWNERS = {"z3": ("solve",), "cvc5": ("solve",), "onnx": ("formats.",), "click": ("cli", "cli_refute", "cli_relax")}


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
    """The module of the package that an import is from: the longest one that its name begins with.

    The version is no import: __init__ sets it before it imports anything, as a test below says.
    """
    if name.split(".")[0] != "exactlump" or name == "exactlump.__version__":
        return None
    parts = name.split(".")[1:]
    candidates = [".".join(parts[:length]) for length in range(len(parts), 0, -1)]
    return next((c for c in candidates if c in MODULES), "__init__")


def imported(module: str) -> set[str]:
    targets = (internal(found.name) for found in MODULES[module])
    return {target for target in targets if target not in (None, module)}


def test_imports_are_seen_wherever_they_stand():
    source = """
from exactlump import lump
from ..rational import ONE as one
import z3.z3util
if True:
    from . import nnet
def f():
    import torch
    importlib.import_module("onnxruntime")
"""
    found = list(imports(ast.parse(source), "exactlump.formats"))
    assert found == [
        Import("exactlump.lump", late=False),
        Import("exactlump.rational.ONE", late=False),
        Import("z3.z3util", late=False),
        Import("exactlump.formats.nnet", late=False),
        Import("torch", late=True),
        Import("onnxruntime", late=True),
    ]


@pytest.mark.parametrize("module", MODULES)
def test_module_imports_only_what_its_row_allows(module):
    assert module in MAY_IMPORT, f"{module}: found no row, expected one in MAY_IMPORT"
    assert imported(module) - set(MAY_IMPORT[module].split()) == set()


def test_the_table_has_no_cycle_and_names_only_its_own_rows():
    graph = {module: set(allowed.split()) for module, allowed in MAY_IMPORT.items()}
    assert set().union(*graph.values()) <= set(graph)
    assert len(list(TopologicalSorter(graph).static_order())) == len(graph)


def test_the_version_is_set_before_anything_is_imported():
    statements = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8")).body[1:]
    assert ast.unparse(statements[0]).startswith("__version__ = ")


def test_a_cycle_would_be_found():
    with pytest.raises(CycleError):
        list(TopologicalSorter({"lump": {"quotient"}, "quotient": {"lump"}}).static_order())


def test_the_checker_imports_the_standard_library_only_and_only_verbs_import_it():
    if "check" in MODULES:
        roots = {found.name.split(".")[0] for found in MODULES["check"]}
        assert roots
        assert roots <= set(sys.stdlib_module_names)
    assert {module for module in MODULES if "check" in imported(module)} <= {"refuting", "verbs"}


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
