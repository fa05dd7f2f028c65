# SPDX-License-Identifier: Apache-2.0
"""This file is about the public face: which names there are, who relies on which, and what importing them costs."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import exactlump
from exactlump import Network
from tests.documents.test_docs import FENCE

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "exactlump"
INIT = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
NAMES = [name for name in exactlump.__all__ if name != "__version__"]
# Values, and functions that raise nothing of ours.
QUIET = ("entry", "find_flaw", "identity", "leaky_relu", "pieces", "prelu", "proportional_classes", "relu")


# The table


def typed():
    """The names that type checkers are told of, with their modules."""
    (block,) = [n for n in INIT.body if isinstance(n, ast.If) and ast.unparse(n.test) == "TYPE_CHECKING"]
    for node in block.body:
        assert isinstance(node, ast.ImportFrom)
        for alias in node.names:
            if node.module != "typing":
                assert alias.asname == alias.name, "mypy sees `import a as a` only"
                yield alias.name, node.module.removeprefix("exactlump.")


def test_type_checkers_and_programs_see_the_same_names():
    assert dict(typed()) == exactlump._HOME
    assert len(list(typed())) == len(exactlump._HOME)


def test_the_table_is_sorted_and_names_everything_once():
    words = [name for names in exactlump._PUBLIC.values() for name in names.split()]
    assert len(words) == len(set(words))
    assert [*exactlump._PUBLIC] == sorted(exactlump._PUBLIC)
    assert dir(exactlump) == sorted(exactlump.__all__)


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_there_and_says_what_it_is(name):
    value = getattr(exactlump, name)
    assert value is getattr(exactlump, name)
    assert value.__doc__
    assert len(value.__doc__.splitlines()[0]) <= 120
    if callable(value) and not isinstance(value, type) and name not in QUIET:
        assert "aise" in value.__doc__, f"{name}: found no word on errors"


def test_no_name_is_that_of_a_module():
    """`import exactlump.x as m` gives a module, always."""
    assert all(getattr(exactlump, package).__name__ == f"exactlump.{package}" for package in exactlump._PACKAGES)
    modules = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert len(modules) > 15
    assert not modules & set(NAMES)


def test_names_that_there_are_not():
    with pytest.raises(AttributeError, match="'exactlump' has no attribute 'lump'"):
        exactlump.lump  # noqa: B018
    with pytest.raises(ImportError):
        exec("from exactlump import lump", {})


def test_old_names_work_and_say_what_is_new():
    torch = pytest.importorskip("torch")
    module = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.ReLU(), torch.nn.Linear(3, 1))
    with pytest.warns(DeprecationWarning, match=r"exactlump\.from_torch is now exactlump\.read"):
        old = exactlump.from_torch
    assert old(module, (2,)) == exactlump.read(module, shape=(2,)) == exactlump.read(module)
    network = Network.chain([[[1], [2]], [[1, 1]]])
    lumping = exactlump.maximum_lumping(network)
    with pytest.warns(DeprecationWarning, match="the third argument is now representative="):
        step = exactlump.quotient(network, lumping, lambda members, rho, form: _first(members, rho, form))
    assert step == exactlump.quotient(network, lumping, representative="first")
    assert set(exactlump._RENAMED) & set(NAMES) == set()


def _first(members, rho, form):
    from exactlump.reduction.quotient import first_member

    return first_member(members, rho, form)


def test_every_name_is_on_the_page():
    page = (ROOT / "docs" / "library.md").read_text(encoding="utf-8")
    named = {word for span in re.findall(r"`([^`\n]+)`", page) for word in re.findall(r"\w+", span)}
    assert set(NAMES) - named == set()


# What importing costs: modules, as times are not for tests


def loaded(code):
    """The modules that a process has after some code."""
    command = f"{code}\nimport sys; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", command], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_importing_the_package_loads_nothing():
    ours = {name for name in loaded("import exactlump") if name.partition(".")[0] == "exactlump"}
    assert ours == {"exactlump", "exactlump.version"}
    assert loaded("import exactlump; exactlump.__version__") - loaded("") == ours


@pytest.mark.parametrize(
    ("name", "absent"),
    [
        ("Network", {"numpy", "sympy", "onnx", "z3", "click", "rich"}),
        ("maximum_lumping", {"sympy", "onnx", "z3", "click", "rich"}),
        ("read", {"numpy", "sympy", "onnx", "z3", "click", "rich"}),
        ("check_files", {"numpy", "sympy", "onnx", "z3", "click", "rich", "flint"}),
        ("refute", {"sympy", "onnx", "z3", "click", "rich"}),
        ("bound", {"sympy", "onnx", "z3", "numba", "click", "rich"}),
        ("compare", {"sympy", "onnx", "z3", "numba", "click", "rich"}),
    ],
)
def test_a_name_loads_what_it_needs(name, absent):
    assert loaded(f"import exactlump; exactlump.{name}") & absent == set()


# Who relies on which names

# Rooms that are public by themselves, with all that they export.
ROOMS = exactlump._PACKAGES
# Modules of these that pictures of one's own are made of.
PARTS = ("drawing.palette.", "drawing.svg.", "drawing.hooks.", "drawing.cells.")

# (file, name of a module or in one) -> why it is needed, though it is not public.
EXCEPTIONS = {
    ("benchmarks/agreement.py", "check"): "puts texts to the proved program itself",
    ("benchmarks/agreement.py", "extraction.images.images"): "puts texts to the proved program itself",
    ("benchmarks/agreement.py", "extraction.reading.Reading"): "puts texts to the proved program itself",
    ("benchmarks/agreement.py", "extraction.texts.texts"): "puts texts to the proved program itself",
    ("benchmarks/agreement.py", "extraction.verified.find_checker"): "puts texts to the proved program itself",
    ("benchmarks/agreement_cases.py", "check"): "forges what a writer would not write",
    ("benchmarks/agreement_cases.py", "extraction.reading.Reading"): "forges what a writer would not write",
    ("benchmarks/agreement_cases.py", "formats.exact"): "forges what a writer would not write",
    ("benchmarks/mutants.py", "check"): "asks the checker in this very process",
    ("benchmarks/packages.py", "certificates.assumptions.operators"): "counts what a reader makes of a file",
    ("benchmarks/packages.py", "formats"): "counts what a reader makes of a file",
    ("benchmarks/quantisers.py", "formats"): "asks for the opaque nodes of a file",
    (
        "benchmarks/whole_images.py",
        "extraction.images.images",
    ): "times the writer of texts and the proved program apart",
    (
        "benchmarks/whole_images.py",
        "extraction.programs.products",
    ): "times the writer of texts and the proved program apart",
    (
        "benchmarks/whole_images.py",
        "extraction.reading.Reading",
    ): "times the writer of texts and the proved program apart",
    (
        "benchmarks/whole_images.py",
        "extraction.verified.find_checker",
    ): "times the writer of texts and the proved program apart",
    ("benchmarks/fanout.py", "fast.workers.executor"): "starts the very workers that the command line starts",
    ("benchmarks/prove_all.py", "smt.discharge.Limits"): "times one solver in this very process",
    ("benchmarks/prove_all.py", "smt.prove.prove"): "times one solver in this very process",
    ("benchmarks/prove_all.py", "smt.solve.SOLVERS"): "names the solvers and their versions in its tables",
    ("benchmarks/prove_all.py", "smt.solve.version"): "names the solvers and their versions in its tables",
    ("benchmarks/queries.py", "check"): "compares the checker's own reader of queries",
    ("benchmarks/refute.py", "smt.monolithic"): "puts the plain whole-network question to Z3, to compare with",
    ("benchmarks/refute.py", "smt.solve.answers"): "puts the plain whole-network question to Z3, to compare with",
    ("benchmarks/region_plot.py", "points.affine.Row"): "draws the region of one combination, which is in no answer",
    ("benchmarks/region_plot.py", "relaxations.extremes.nicest"): "draws the region of one combination",
    ("benchmarks/region_plot.py", "relaxations.extremes.worst"): "draws the region of one combination",
    ("benchmarks/region_plot.py", "relaxations.regions.Combination"): "draws the region of one combination",
    ("benchmarks/region_plot.py", "relaxations.regions.region"): "draws the region of one combination",
    ("benchmarks/region_plot.py", "relaxations.shares.polygon"): "draws the region of one combination",
    ("benchmarks/region_plot.py", "relaxations.shares.share"): "draws the region of one combination",
    ("benchmarks/solvers.py", "smt.prove.prove"): "times one solver in this very process",
    ("benchmarks/solvers.py", "smt.solve.version"): "names the solvers and their versions in its tables",
    ("benchmarks/verified.py", "extraction.verified.find_checker"): "times the extracted checker by itself",
}


def sources():
    """The Python of examples, benchmarks and documents, by file."""
    for folder in ("examples", "benchmarks"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            words = path.read_text(encoding="utf-8")
            yield path, words
            # programs in texts, which other processes run
            for node in ast.walk(ast.parse(words)):
                if isinstance(node, ast.Constant) and "\nimport exactlump" in str(node.value):
                    yield path, node.value
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        for match in FENCE.finditer(path.read_text(encoding="utf-8")):
            if match[1] == "python":
                yield path, match[2]


def relied_on(words):
    """What some code takes of the package, dotted, without `exactlump`."""
    for node in ast.walk(ast.parse(words)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "exactlump":
            home = node.module.partition(".")[2]
            yield from (f"{home}.{alias.name}".strip(".") for alias in node.names)
        elif isinstance(node, ast.Import):
            names = (alias.name.partition(".") for alias in node.names)
            yield from (rest for top, _, rest in names if top == "exactlump" and rest)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "exactlump":
            yield node.attr


def test_names_are_seen_however_they_are_taken():
    code = "import exactlump\nfrom exactlump import read\nfrom exactlump.smt import solve\nexactlump.formats.read(1)"
    assert sorted(relied_on(code + "\nimport exactlump.lumping")) == ["formats", "lumping", "read", "smt.solve"]


def test_examples_benchmarks_and_documents_rely_on_public_names():
    found = {(path.relative_to(ROOT).as_posix(), name) for path, words in sources() for name in relied_on(words)}
    assert len(found) > 80
    rooms = {f"{room}.{name}" for room in ROOMS for name in getattr(exactlump, room).__all__}
    public = {*exactlump.__all__, "__file__", "__path__", *ROOMS, *rooms}
    inner = {(path, name) for path, name in found if name not in public and not name.startswith(PARTS)}
    assert inner == EXCEPTIONS.keys()


# What is seen of values


def samples(folder):
    """One of each public class, as large as they may be."""
    network = Network.chain([np.ones((300, 400), np.float32), *[np.ones((300, 300))] * 20, np.ones((9, 300))])
    image = exactlump.Window((28, 28), (26, 26), (3, 3), (1, 1), (1, 1), (0, 0), (0, 0))
    lumping = exactlump.maximum_lumping(network)
    step = exactlump.quotient(network, lumping)
    small = Network.chain([[[1, 2], [2, 4]], [[1, 1]]])
    exactlump.write(small, folder / "a.json")
    done = exactlump.reduce_file(folder / "a.json", folder / "b.json")
    triple = (folder / "a.json", done.reduced, done.certificate)
    certificate = exactlump.read_certificate(done.certificate)
    yield from (network, image, lumping, step, *step.simulation.values(), *network.nodes[:2], *network.inputs)
    yield from (done, done.reduction, *done.reduction.layers, certificate, exactlump.check_files(*triple))
    yield from (exactlump.relu, exactlump.View((3, 28, 28), 0), network.nodes[0].weight, *exactlump.steps(network))
    yield exactlump.Box((0,) * 1000, (1,) * 1000)
    finding = exactlump.refute(small, Network.chain([[[1, 1]], [["1/3"]]]))
    yield from (finding, finding.finding, exactlump.relax(small), exactlump.inspect_file(folder / "a.json"))
    yield exactlump.prove_files(*triple, jobs=1)
    yield from (exactlump.bound(small, small, (0, 1)), exactlump.compare(small, small))
    yield exactlump.report_file(done.certificate, folder / "page.html")


def test_what_is_seen_of_a_value_is_short(tmp_path):
    pytest.importorskip("jinja2", reason="the page of a report is written with jinja2")
    for value in samples(tmp_path):
        assert len(repr(value)) <= 140, type(value)
        assert "\n" not in repr(value)


def test_what_networks_and_lumpings_look_like():
    network = Network.chain([[[3, -1], [6, -2], [1, 1]], [[5, 4, 1]]])
    assert repr(network) == "Network(2-3-1, relu, exact)"
    assert repr(network.nodes) == "(Dense(x -> s1), Activate(s1 -> h1), Dense(h1 -> y))"
    assert repr(exactlump.maximum_lumping(network)) == "Lumping(h1: 3 -> 2)"
    assert repr(exactlump.maximum_lumping(Network.chain([[[1]]]))) == "Lumping(the identity)"
    deep = Network.chain([np.eye(3, dtype=np.float32)] * 12, activation=["relu", "tanh"] * 5 + ["relu"])
    assert repr(deep) == "Network(3-3-3-3-(5 layers)-3-3-3-3, relu, tanh, float32)"
