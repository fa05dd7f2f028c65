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
IMPORTS = {
    "errors": "",
    "rational": "errors",
    "activation": "errors rational",
    "window": "",
    "nodes": "activation errors rational window",
    "network": "errors nodes rational",
    "floats": "errors rational",
    "formats.files": "errors",
    "formats.specification": "",
    "formats.exact_words": "errors nodes rational",
    "formats.exact": "activation errors formats.exact_words formats.files network nodes rational window",
    "formats.nnet": "activation errors formats.files formats.specification network nodes rational",
    "formats.onnx_tensor": "errors nodes rational",
    "formats.onnx_graph": "activation errors formats.files formats.onnx_tensor nodes rational",
    "formats.onnx_reorder": "errors formats.onnx_graph formats.onnx_tensor nodes",
    "formats.onnx_window": "errors formats.onnx_graph window",
    "formats.onnx_images": "errors formats.onnx_graph formats.onnx_tensor formats.onnx_window nodes rational window",
    "formats.onnx_select": "errors formats.onnx_graph formats.onnx_tensor nodes",
    "formats.onnx_functions": "activation errors formats.onnx_graph formats.onnx_tensor nodes rational",
    "formats.onnx_norm": "activation errors floats formats.files formats.onnx_graph formats.onnx_tensor nodes rational",
    "formats.onnx_constants": "errors formats.onnx_graph formats.onnx_norm formats.onnx_tensor nodes rational",
    "formats.onnx_quantize": (
        "activation errors formats.files formats.onnx_constants formats.onnx_graph formats.onnx_tensor nodes rational"
    ),
    "formats.onnx_operators": (
        "errors formats.onnx_constants formats.onnx_functions formats.onnx_graph formats.onnx_images "
        "formats.onnx_norm formats.onnx_quantize formats.onnx_reorder formats.onnx_select formats.onnx_tensor "
        "nodes rational"
    ),
    "formats.onnx": (
        "errors formats.files formats.onnx_graph formats.onnx_operators formats.onnx_tensor formats.specification "
        "network nodes rational"
    ),
    "formats.onnx_implied": "network nodes rational",
    "formats.onnx_writer": "errors floats network nodes rational",
    "formats.onnx_write_weights": "errors floats formats.onnx_writer rational",
    "formats.onnx_write_nodes": (
        "errors floats formats.onnx_reorder formats.onnx_write_weights formats.onnx_writer nodes rational"
    ),
    "formats.onnx_write_images": "errors floats formats.onnx_write_weights formats.onnx_writer nodes window",
    "formats.onnx_write_quantize": "errors floats formats.onnx_writer nodes rational",
    "formats.onnx_write_functions": (
        "activation errors floats formats.onnx_write_quantize formats.onnx_writer nodes rational"
    ),
    "formats.onnx_write": (
        "errors formats.files formats.onnx formats.onnx_implied formats.onnx_write_functions "
        "formats.onnx_write_images formats.onnx_write_nodes formats.onnx_writer network nodes"
    ),
    "formats.torch_layers": "errors formats.files nodes",
    "formats.torch": "errors formats.files formats.onnx formats.torch_layers network nodes",
    "formats": (
        "errors formats.exact formats.files formats.nnet formats.onnx formats.onnx_write formats.specification "
        "formats.torch network"
    ),
    "forms": "activation network nodes rational window",
    "simulation": "errors forms network nodes rational",
    "anchors": "network nodes",
    "lump": "anchors errors forms network nodes rational simulation",
    "plain": "forms nodes rational",
    "rebuild": "anchors forms network nodes plain rational simulation window",
    "quotient": "anchors forms lump network nodes plain rational rebuild simulation",
    "places": "anchors network nodes rational",
    "pieces": "anchors errors floats network nodes places quotient rational simulation",
    "fuse": "anchors forms network nodes rational simulation",
    "fast_chain": (
        "anchors errors fast floats forms kernels.kernel_arithmetic kernels.kernel_matrix kernels.kernel_sources "
        "kernels.kernel_sums lump network nodes pieces quotient rational simulation"
    ),
    "reduce": (
        "activation anchors errors fast fast_chain fast_layers forms fuse lump network nodes pieces quotient simulation"
    ),
    "kernels.kernel_arithmetic": "errors",
    "kernels.kernel_sources": "kernels.kernel_arithmetic",
    "kernels.kernel_numba": "kernels.kernel_arithmetic kernels.kernel_sources",
    "kernels.kernel_matrix": "errors kernels.kernel_arithmetic kernels.kernel_numba kernels.kernel_sources",
    "kernels.kernel_sums": "floats kernels.kernel_arithmetic kernels.kernel_sources rational",
    "kernels.kernel": "kernels.kernel_arithmetic kernels.kernel_sources",
    "fast_layers": (
        "floats forms kernels.kernel kernels.kernel_arithmetic kernels.kernel_matrix kernels.kernel_sources "
        "kernels.kernel_sums lump network nodes rational"
    ),
    "fast": (
        "fast_layers kernels.kernel kernels.kernel_arithmetic kernels.kernel_matrix kernels.kernel_sources lump "
        "network rational"
    ),
    "fanout": (
        "anchors errors fast_layers forms kernels.kernel kernels.kernel_arithmetic kernels.kernel_matrix "
        "kernels.kernel_sources lump network rational"
    ),
    "grammar": "errors formats.specification rational",
    "certificate": "errors formats formats.files formats.specification grammar rational simulation",
    "check": "",
    "extraction.programs": "check",
    "extraction.coq": "errors",
    "extraction.verified": "errors",
    "verbs": (
        "anchors certificate check errors extraction.coq extraction.programs extraction.verified fanout formats "
        "formats.files lump network nodes reduce"
    ),
    "smt.smtlib": "errors rational",
    "smt.lifting": "errors network nodes window",
    "smt.blocks": "rational smt.lifting smt.smtlib",
    "smt.terms": "rational smt.blocks smt.smtlib",
    "smt.substitution": "network nodes rational simulation smt.blocks smt.lifting smt.smtlib smt.terms",
    "smt.structure": (
        "activation certificate errors forms network nodes rational simulation smt.blocks smt.lifting "
        "smt.substitution smt.terms"
    ),
    "smt.functions": "activation errors forms rational smt.smtlib smt.terms",
    "smt.assertions": (
        "activation forms rational smt.blocks smt.functions smt.lifting smt.smtlib smt.structure smt.terms window"
    ),
    "smt.obligations": "activation certificate forms network smt.assertions smt.blocks smt.functions smt.structure",
    "smt.monolithic": "errors forms network nodes rational smt.functions smt.obligations smt.terms window",
    "refutation.hyperplanes": "rational",
    "refutation.affine": "errors network nodes rational",
    "refutation.dichotomy": "errors network nodes rational refutation.affine refutation.hyperplanes",
    "smt.solve": "errors rational smt.smtlib",
    "smt.evidence": "errors formats.files rational smt.obligations",
    "refutation.layout": "nodes",
    "refutation.limbs": "rational",
    "refutation.evaluation": "activation errors network nodes refutation.layout refutation.limbs",
    "refutation.floating": "activation errors network nodes rational refutation.layout",
    "refutation.domain": "errors rational refutation.floating",
    "refutation.vnnlib": "errors formats.files rational refutation.domain",
    "refutation.question": "errors rational refutation.floating refutation.limbs smt.smtlib",
    "refutation.comparing": (
        "errors network nodes rational refutation.domain refutation.evaluation refutation.limbs refutation.question"
    ),
    "refutation.search": "nodes rational refutation.comparing refutation.domain refutation.floating",
    "refutation.shorten": "rational refutation.domain",
    "refutation.matching": "errors forms lump network nodes rational reduce simulation",
    "refutation.replay": "errors formats formats.files rational refutation.floating",
    "refutation.whole": (
        "network nodes rational refutation.domain refutation.question smt.functions smt.monolithic "
        "smt.obligations smt.smtlib smt.solve"
    ),
    "refutation.refute": (
        "errors network rational refutation.comparing refutation.dichotomy refutation.domain "
        "refutation.evaluation refutation.limbs refutation.matching refutation.question refutation.search "
        "refutation.shorten refutation.whole"
    ),
    "refutation.refute_files": (
        "certificate check errors formats formats.files formats.specification network rational refutation.domain "
        "refutation.question refutation.refute refutation.replay refutation.vnnlib"
    ),
    "refutation.cli_refute": (
        "formats.files formats.specification rational refutation.domain refutation.floating refutation.question "
        "refutation.refute refutation.refute_files terminal"
    ),
    "relaxations.regions": (
        "rational refutation.affine refutation.domain refutation.hyperplanes smt.smtlib smt.solve smt.terms"
    ),
    "relaxations.shares": "rational refutation.affine refutation.domain refutation.floating relaxations.regions",
    "relaxations.extremes": "rational refutation.shorten relaxations.regions smt.smtlib smt.solve smt.terms",
    "relaxations.dependencies": "rational refutation.affine",
    "relaxations.interiors": (
        "activation network nodes rational refutation.affine refutation.domain relaxations.regions"
    ),
    "relaxations.merging": "network nodes rational relaxations.interiors",
    "relaxations.literal": "activation rational refutation.affine relaxations.interiors relaxations.merging",
    "relaxations.proposals": (
        "rational relaxations.dependencies relaxations.interiors relaxations.merging relaxations.regions"
    ),
    "relaxations.worst": (
        "errors network rational refutation.dichotomy refutation.domain refutation.question refutation.whole "
        "smt.monolithic smt.smtlib smt.solve"
    ),
    "relaxations.relaxation": (
        "errors network nodes rational refutation.dichotomy refutation.domain refutation.refute "
        "relaxations.extremes relaxations.interiors relaxations.literal relaxations.merging relaxations.proposals "
        "relaxations.regions relaxations.shares relaxations.worst"
    ),
    "relaxations.relax_file": (
        "errors formats formats.files network rational refutation.domain refutation.replay relaxations.extremes "
        "relaxations.regions relaxations.relaxation"
    ),
    "relaxations.cli_relax": "rational refutation.floating relaxations.relax_file relaxations.relaxation terminal",
    "smt.discharge": "errors smt.evidence smt.obligations smt.smtlib smt.solve",
    "smt.prove": "errors network nodes rational smt.discharge smt.evidence smt.obligations smt.solve",
    "smt.prove_files": (
        "certificate errors formats formats.files formats.specification network smt.discharge smt.evidence "
        "smt.monolithic smt.obligations smt.prove"
    ),
    "reporting.record": "errors formats.files rational smt.evidence smt.obligations",
    "reporting.matrix": "certificate network reporting.record smt.evidence smt.monolithic smt.obligations",
    "reporting.picture": "",
    "reporting.facts": "certificate errors network nodes rational reduce reporting.picture simulation",
    "reporting.rerun": "certificate errors formats.files verbs",
    "reporting.report": (
        "certificate errors formats formats.files formats.onnx network reporting.facts reporting.matrix "
        "reporting.picture reporting.record reporting.rerun smt.evidence"
    ),
    "reporting.page": (
        "errors floats formats.files rational reporting.matrix reporting.picture reporting.record "
        "reporting.report smt.evidence verbs"
    ),
    "smt.lemmas": "errors smt.solve",
    "terminal": "errors formats.files",
    "smt.cli_prove": "rational smt.prove_files terminal",
    "demo": "errors formats lump quotient rational verbs",
    "cli": (
        "demo errors formats.files formats.specification reduce refutation.cli_refute relaxations.cli_relax "
        "reporting.page reporting.report reporting.rerun smt.cli_prove terminal verbs"
    ),
    "__main__": "cli",
    "__init__": "activation errors formats lump network nodes quotient rational reduce verbs",
    "smt": "",
    "refutation": "",
    "relaxations": "",
    "reporting": "",
    "kernels": "",
    "extraction": "",
}

# Packages that need not be installed: imported late, so that everything else works without them.
OPTIONAL = {"cvc5", "dask", "distributed", "jinja2", "matplotlib", "numba", "onnxruntime", "sklearn", "torch"}
# Packages that only the named modules may import; a name that ends in a dot stands for all modules below it.
OWNERS = {
    "z3": ("smt.solve",),
    "cvc5": ("smt.solve",),
    "onnx": ("formats.",),
    "click": ("cli", "terminal", "refutation.", "relaxations.", "smt."),
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
def test_module_imports_what_its_row_says_and_nothing_else(module):
    assert module in IMPORTS, f"{module}: found no row, expected one in IMPORTS"
    assert imported(module) == set(IMPORTS[module].split())


def test_the_table_has_no_cycle_and_names_only_its_own_rows():
    graph = {module: set(allowed.split()) for module, allowed in IMPORTS.items()}
    assert set().union(*graph.values()) <= set(graph)
    assert len(list(TopologicalSorter(graph).static_order())) == len(graph)


def test_the_version_is_set_before_anything_is_imported():
    statements = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8")).body[1:]
    assert ast.unparse(statements[0]).startswith("__version__ = ")


def test_a_cycle_would_be_found():
    with pytest.raises(CycleError):
        list(TopologicalSorter({"lump": {"quotient"}, "quotient": {"lump"}}).static_order())


def test_the_checker_imports_the_standard_library_only_and_only_verbs_import_it():
    roots = {found.name.split(".")[0] for found in MODULES["check"]}
    assert roots
    assert roots <= set(sys.stdlib_module_names)
    assert {module for module in MODULES if "check" in imported(module)} <= {
        "extraction.programs",
        "refutation.refute_files",
        "verbs",
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
