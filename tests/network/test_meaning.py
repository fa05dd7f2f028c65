# SPDX-License-Identifier: Apache-2.0
"""This file is about network/meaning.py: what follows from it, and that a kind nobody knows is refused by name."""

import ast
import random
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import pytest

import exactlump
from exactlump.errors import ExactlumpError
from exactlump.formats import exact, nnet
from exactlump.formats.onnx.writing import render
from exactlump.lumping.forms import Forms
from exactlump.lumping.maximum import maximum_lumping
from exactlump.network import kinds
from exactlump.network.kinds import HEADS, Activate, Head, Largest, _Affine, _Lone
from exactlump.network.layers import anchors
from exactlump.network.meaning import Anchored, Sums, meets_zeros, parts, values
from exactlump.network.program import Network
from exactlump.network.views import Port, View
from exactlump.network.windows import Window
from exactlump.numbers.matrix import Matrix
from exactlump.numbers.rational import ONE, ZERO, rational
from exactlump.points.affine import coordinate, rows_after
from exactlump.points.evaluation import Evaluator
from exactlump.points.floating import FloatNetwork
from exactlump.smt.lifting import Places
from exactlump.smt.monolithic import define
from tests import oracle
from tests.image_networks import image_network

SEEDS = range(60)
RELU = exactlump.leaky_relu(ZERO)


def values_of(network, seed):
    rng = random.Random(seed)
    inputs = [
        [rational(rng.randint(-4, 4), rng.randint(1, 3)) for _ in range(network.views[port.name].elements)]
        for port in network.inputs
    ]
    return oracle.valuation(network, [[oracle.exact(x) for x in one] for one in inputs])


def test_values_are_those_of_the_oracle():
    seen = Counter()
    for seed in SEEDS:
        network = image_network(seed, steps=5)
        known = values_of(network, seed)
        for node in network.nodes:
            if not isinstance(node, Activate):
                xs = [[rational(*y.as_integer_ratio()) for y in known[name]] for name in node.reads]
                found = values(node, xs, [network.views[name] for name in node.reads])
                assert [oracle.exact(y) for y in found] == known[node.target], node
                seen[type(node).__name__] += 1
    assert {"Dense", "Conv", "AveragePool", "MaxPool", "Add", "Select", "Reorder"} <= seen.keys()


def test_forms_of_single_elements_are_values():
    """Where no lift is involved, a form is a linear combination that can be evaluated."""
    compared = 0
    for seed in SEEDS:
        network = image_network(seed, steps=5)
        known, forms = values_of(network, seed), Forms(network)
        for node in network.nodes:
            view = network.views[node.target]
            for v in range(view.units if node.affine else 0):
                form = forms.before(node.target, v)
                if view.positions == 1 and all(len(atom) == 2 for atom in form.terms):
                    total = sum((oracle.exact(w) * known[t][u] for (t, u), w in form.terms.items()), 0)
                    assert total + oracle.exact(form.constant) == known[node.target][v]
                    compared += 1
            if not node.affine:
                forms.anchor(node.target)
    assert compared > 80


def test_padding_is_met_where_zeros_are_read():
    for seed in SEEDS:
        network = image_network(seed, steps=5)
        for node in network.nodes:
            found = network.parts(node)
            window = getattr(node, "window", None)
            padded = window is not None and any(None in window.places(t) for t in range(window.taps))
            if isinstance(found, Sums) and not isinstance(node, kinds.MaxPool | kinds.AveragePool):
                assert meets_zeros(found) == padded, node


# A kind that nobody but this page knows: twice its source.


@dataclass(frozen=True, slots=True)
class Toy(_Lone, _Affine):
    source: str
    target: str

    def view(self, views: Sequence[View]) -> View:
        return views[0]


TOY = Toy("x", "y")
WITH_TOY = Network((Port("x", (2,)),), (TOY,), ("y",))
_ACTIVATED = Activate("y", "a", (RELU,) * 2)
_LAST = kinds.Dense("a", "o", Matrix.from_rows([{0: ONE}], 2), (ZERO,))
_FIRST = kinds.Dense("x", "d", Matrix.from_rows([{0: ONE}, {1: ONE}], 2), (ZERO, ZERO))
WITH_HIDDEN_TOY = Network((Port("x", (2,)),), (_FIRST, Toy("d", "y"), _ACTIVATED, _LAST), ("o",))
PLACES = {
    "meaning.parts": lambda: parts(TOY, [View((2,))]),
    "meaning.values": lambda: WITH_TOY.evaluate((ONE, ZERO)),
    "forms": lambda: Forms(WITH_TOY).before("y", 0),
    "lumping": lambda: maximum_lumping(WITH_HIDDEN_TOY),
    "points.evaluation": lambda: Evaluator(WITH_TOY),
    "points.floating": lambda: FloatNetwork(WITH_TOY),
    "points.affine": lambda: rows_after(WITH_TOY, TOY, {"x": [coordinate(0), coordinate(1)]}),
    "formats.exact": lambda: exact.render(WITH_TOY),
    "formats.onnx": lambda: dict(render(WITH_TOY, Path("toy.onnx"), "float32", packed=False, max_inline=1 << 20)),
    "formats.nnet": lambda: nnet.render(WITH_TOY, None, raw=False),
    "smt.lifting": lambda: Places(WITH_TOY).parts(TOY, 0),
    "smt.monolithic": lambda: define("a", WITH_TOY, [["x0", "x1"]], []),
    "reduction": lambda: exactlump.reduce(WITH_TOY),
}


@pytest.mark.parametrize("place", PLACES)
def test_a_kind_that_was_forgotten_is_refused_by_name(place):
    """Not taken for the identity, nor for anything else."""
    with pytest.raises((AssertionError, ExactlumpError), match="Toy"):
        PLACES[place]()


def test_a_kind_must_say_what_it_reads_and_its_function():
    class Silent(kinds.Kind):
        pass

    with pytest.raises(TypeError, match=r"Silent.*affine.*function.*reads.*renamed.*view"):
        Silent()


def given_by_accident(kind):
    """The fields whose default is what `Kind` says of kinds that lack them."""
    return {one.name for one in fields(kind) if isinstance(one.default, property)}


def test_a_field_that_other_kinds_lack_has_no_default_by_accident():
    """A dataclass takes what its base class has under that name for a default, unless the field says `field()`."""

    @dataclass(frozen=True)
    class Careless(_Lone, _Affine):
        source: str
        target: str
        window: Window

        view = Toy.view

    assert given_by_accident(Careless) == {"window"}
    assert not any(map(given_by_accident, kinds.Node.__args__))
    node = Activate("y", "a", (RELU,) * 2)
    assert (node.bias, node.factor, node.constant, node.window, node.grid) == ((), (), (), None, False)
    with pytest.raises(TypeError, match="functions"):
        Activate("y", "a")


def test_a_head_that_nobody_knows_is_refused_by_name():
    unknown = Head("x", "y", "toy_head")
    with pytest.raises(ExactlumpError, match="toy_head"):
        Network((Port("x", (2,)),), (unknown,), ("y",))
    with pytest.raises((AssertionError, ExactlumpError), match="toy_head"):
        values(unknown, [(ONE, ZERO)], [View((2,))])
    assert parts(Head("x", "y", "softmax"), [View((2,))]) == Anchored(("softmax",), ("x",))


def test_what_is_no_function_of_a_unit_keeps_what_it_reads():
    for kind in HEADS:
        network = Network((Port("x", (2,)),), (Activate("x", "a", (RELU,) * 2), Head("a", "y", kind)), ("y",))
        assert anchors(network)["a"] == f"{kind} reads it"
    assert Largest(None) != Largest(1)


# How often the code asks which kind a node is.

KINDS = {cls.__name__ for cls in (*kinds.Node.__args__, kinds.Kind, kinds.Elementwise)} | {"Node"}
PACKAGE = Path(exactlump.__file__).parent
MOST = 116


def named(tree):
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} | {
        node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)
    }


def dispatches(tree):
    """How often a module looks at a node's kind: isinstance, class patterns, type(...) is, keys of dictionaries."""
    count = 0
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in ("isinstance", "issubclass")
        ):
            count += bool(named(node.args[1]) & KINDS)
        elif isinstance(node, ast.MatchClass):
            count += bool(named(node.cls) & KINDS)
        elif isinstance(node, ast.Compare) and ast.unparse(node.left).startswith("type("):
            count += any(named(other) & KINDS for other in node.comparators)
        elif isinstance(node, ast.Dict):
            count += sum(isinstance(key, ast.Name) and key.id in KINDS for key in node.keys)
        elif isinstance(node, ast.FunctionDef):
            count += any("register" in ast.unparse(word) for word in node.decorator_list)
    return count


def test_dispatches_are_counted():
    source = "isinstance(x, Dense | Conv); type(x) is Pad; {Add: 1, 'b': 2}\nmatch x:\n case Head(): 1\n case int(): 2"
    assert dispatches(ast.parse(source)) == 4


def test_few_places_ask_which_kind_a_node_is():
    found = {path: dispatches(ast.parse(path.read_text(encoding="utf-8"))) for path in PACKAGE.rglob("*.py")}
    assert 50 < sum(found.values()) <= MOST, {str(path): count for path, count in found.items() if count}


@pytest.mark.parametrize(
    ("title", "names", "aside"),
    [
        ("**A function**", ("HardSwish", "Hardswish", "hard_swish"), set()),
        ("**A kind of node**", ("AveragePool",), {"__init__.py", "formats/onnx/windows.py"}),
    ],
)
def test_the_worked_examples_list_all_files_that_name_them(title, names, aside):
    """Aside: the list of public names, and a docstring."""
    page = (PACKAGE.parent / "docs" / "architecture.md").read_text(encoding="utf-8").split(title)[1]
    rows = page[: page.index("\n\n", page.index("|---"))].splitlines()
    told = {name for row in rows for name in re.findall("`([^`]*[.]py)`", row.split("|")[1] if "|" in row else "")}
    sources = {path: path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py")}
    found = {str(path.relative_to(PACKAGE)) for path, text in sources.items() if any(name in text for name in names)}
    assert told == found - aside
