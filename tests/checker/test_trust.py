# SPDX-License-Identifier: Apache-2.0
"""This file is about the lines of Python that an answer of the proved checker rests on, as docs/trust.md counts them.

`python -m tests.believed` says what the page must say.  What runs is compared with the graph that is counted.
"""

import ast
import re
import sys
import textwrap
from pathlib import Path

import pytest

import exactlump
from exactlump import reduce_file, write
from exactlump.extraction import images, programs, reading
from exactlump.extraction.verified import _DRIVERS
from tests import believed
from tests.believed import BY_FORMAT, MODULES, ROWS, Graph
from tests.image_networks import image_network
from tests.strategies import relu_chain

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "trust.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def graph():
    return Graph(*MODULES)


def number(words):
    return int(words.replace(",", ""))


def test_the_page_says_how_many_lines_of_python_must_be_believed(graph):
    """Row by row; each line in one row only."""
    stated = {row: number(count) for count, row in re.findall(r"\| ([\d,]+) lines of Python \((\w+)\) \|", PAGE)}
    assert stated == graph.shares()
    together = re.search(r"\*\*([\d,]+) lines of Python\*\* must be believed", PAGE)
    assert together is not None
    assert number(together[1]) == stated["readers"] + stated["writer"] + stated["asking"]
    assert stated["writer"] < 200


def test_the_page_says_how_many_lines_read_simple_formats(graph):
    found = re.search(
        r"([\d,]+) lines are reached from\s+reading `.nnet`, and ([\d,]+) from the exact JSON format", PAGE
    )
    assert found is not None
    counts = [graph.count(graph.reached(*BY_FORMAT[kind])) for kind in ("nnet", "json")]
    assert [*map(number, found.groups())] == counts


def test_the_page_says_how_long_the_drivers_are():
    sizes = [len((ROOT / "proofs" / name).read_text().splitlines()) for name in _DRIVERS]
    assert f"| {sum(sizes)} lines of `proofs/*.ml` |" in PAGE
    extraction = (ROOT / "proofs" / "Extraction.v").read_text().splitlines()
    assert f"| {len(extraction)} lines of `proofs/Extraction.v` |" in PAGE


# --- The checker, part by part -----------------------------------------------------------------------


def test_the_page_says_how_many_lines_each_part_of_the_checker_has():
    stated = {part: number(count) for part, count in re.findall(r"\| ([\w ]+) \| ([\d,]+) lines of check\.py \|", PAGE)}
    assert stated == {part: len(lines) for part, lines in believed.checker_parts().items()}


def test_what_decides_uses_of_the_readers_only_what_gives_it_a_network():
    """Two tables and the doors: who reads the rules need not read below the line."""
    assert believed.asked_of_readers() == {"FREE_DOMAINS", "QONNX", "TYPES", "read_file", "read_network", "unpack"}


def test_the_parts_of_the_checker_are_all_of_it():
    lines = list(believed.checker_parts().values())
    text = (believed.PACKAGE / "check.py").read_text(encoding="utf-8")
    assert set.union(*lines) == believed.code_lines(text, ast.parse(text))
    assert sum(map(len, lines)) == len(set.union(*lines))


# --- The graph --------------------------------------------------------------------------------------


def traced(work):
    """The functions of the counted modules that are called: module and line."""
    files = {str(believed.PACKAGE / f"{name.replace('.', '/')}.py"): name for name in MODULES}
    called = set()

    def see(frame, event, _):
        if event == "call" and frame.f_code.co_filename in files:
            called.add((files[frame.f_code.co_filename], frame.f_code.co_firstlineno))

    sys.setprofile(see)
    try:
        work()
    finally:
        sys.setprofile(None)
    return called


def triples(folder):
    """Networks of all formats, with certificates."""
    for path in sorted((Path(exactlump.__file__).parent / "networks").glob("*.*")):
        yield path, folder / f"small{path.suffix}"
    for seed in range(6):
        write(image_network(seed), folder / f"image{seed}.json")
        yield folder / f"image{seed}.json", folder / f"small{seed}.json"
    write(relu_chain(([[1], [2]], [0, 0]), ([[1, 1]], [0])), folder / "a.nnet")
    yield folder / "a.nnet", folder / "small.nnet"


def test_what_runs_is_reached(graph, tmp_path):
    """No function is called that is not counted: reading, and writing networks, rows and all."""
    everything = {line for row in ROWS for part in graph.reached(*ROWS[row]).values() for line in whole(part)}
    needed = {
        line for row in ("readers", "writer") for part in graph.reached(*ROWS[row]).values() for line in whole(part)
    }
    ran = set()
    for original, reduced in triples(tmp_path):
        done = reduce_file(original, reduced, overwrite=True, rules="lumping")
        found = reading.Reading([str(original), str(reduced), str(done.certificate)])
        ran |= (both := traced(lambda: (found.read(), [*programs.program(found)])))  # noqa: B023
        assert both - everything == set()
        networks = [*found.networks]
        sides = [programs.Side(network, ()) for network in networks]
        assert traced(lambda: [[*programs.network_lines("a", side, None)] for side in sides]) - needed == set()  # noqa: B023
        drawn = {at for at in traced(lambda: [*images.images(found)]) if at[0] == "extraction.images"}  # noqa: B023
        assert (
            drawn - {line for part in graph.reached(["extraction.images:images"]).values() for line in whole(part)}
            == set()
        )
    assert len(ran) > 150


def whole(part):
    return {(part.module, line) for line in part.lines}


def parts(text):
    """The parts that `f` reaches, of a module with this text."""
    module = believed.Module.__new__(believed.Module)
    module.read("check", textwrap.dedent(text))
    graph = Graph.__new__(Graph)
    graph.modules = {"check": module}
    found = graph.reached(["check:f"])
    return {name for _, name in found if name}, graph.count(found)


def test_what_a_name_reaches():
    """Functions, constants, methods of classes that are named; not what is bound on the way, nor comments."""
    text = '''
    """About."""
    import g

    X, Y = 1, 2  # numbers

    class A:
        """A class."""

        def __init__(self): self.z()

        def z(self): return X
        def unused(self): return Y

    class B:
        def z(self): return 1

    def h(e):
        # nothing

        return e

    def e(): return 3

    def f(Y):
        """About f."""
        return [h(e) for e in (A(), Y)]
    '''
    assert parts(text) == ({"f", "h", "A", "A.z", "X"}, 9)
    assert parts(text.replace("A()", "A().unused()")) == ({"f", "h", "A", "A.z", "A.unused", "X", "Y"}, 10)
    assert parts(text.replace("(A(), Y)", "(1, Y)")) == ({"f", "h"}, 5)


def test_no_line_is_in_two_rows(graph):
    """The rows are disjoint, and not more than there is."""
    total = graph.count({key: part for row in ROWS for key, part in graph.reached(*ROWS[row]).items()})
    assert sum(graph.shares().values()) == total
    assert total < sum(len(module.code) for module in graph.modules.values())
