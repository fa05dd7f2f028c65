# SPDX-License-Identifier: Apache-2.0
"""This file is about the two exact passes over a box, the engine's and the checker's: one result by two roads."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from exactlump import check
from exactlump.bounding import courses, planes
from exactlump.bounding.exact_pass import Pass
from exactlump.bounding.goals import Demand
from exactlump.bounding.known import scaled
from exactlump.bounding.preparing import prepare
from exactlump.bounding.program import OUTPUTS
from exactlump.bounding.relations import Constant, Multiple, Relations, Twin
from exactlump.errors import FormatError, ShapeError, UnsupportedLayer
from exactlump.network.activations import RELU, Activation
from exactlump.network.kinds import Head
from exactlump.numbers.rational import ONE, rational
from tests import bounding_tools as tools
from tests.bounding_tools import FUNCTIONS, WHOLE, seeded
from tests.image_networks import image_network
from tests.strategies import permuted, relu_chain

# Functions whose lines both sides compute from rationals alone.
STRAIGHT = [function for function in FUNCTIONS if function.name != "hard_swish"]
PARAMETERS = {"elu": ("1", "1/3", "-1/2"), "celu": ("1", "2"), "surd": ("2", "7")}
CURVED = [
    *(Activation(name) for name in ("sigmoid", "tanh", "silu", "softplus", "log_sigmoid", "exp", "erf", "gelu")),
    *(Activation(name) for name in ("gelu_tanh", "mish", "softsign", "sin", "hard_swish")),
    *(Activation(name, (rational(p),)) for name, listed in PARAMETERS.items() for p in listed),
    Activation("selu", (rational("167/100"), rational("21/20"))),
    *(Activation("erf_gate", (rational(a), rational(c))) for a, c in (("7071/10000", "1/2"), ("-1/3", "2"))),
    *(Activation("hard_gate", (rational(a), rational(b))) for a, b in (("1/4", "1/2"), ("-1/5", "1/7"), ("0", "1/3"))),
]


def image(rng):
    """A network with images, of any functions."""
    return tools.with_functions(image_network(rng.randrange(10**6)), lambda: rng.choice(STRAIGHT))


def pair(rng, images):
    """Two networks of one shape; sometimes of other functions."""
    ours = image(rng) if images else tools.random_chain(rng, STRAIGHT)
    theirs = tools.jittered(ours, rng)
    if rng.random() < 0.2:
        theirs = tools.with_functions(theirs, lambda: rng.choice(STRAIGHT))
    return ours, theirs


def rows_of(layer, j):
    """The rows of a layer of the engine over tensor j, as rationals."""
    return [[Fraction(int(w), layer.scale) for w in row] for row in layer.blocks[j]]


@pytest.mark.parametrize("images", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_both_read_the_same_rows(seed, images):
    """Based tensors, stages, pairs, and the rows of every layer."""
    rng = seeded(seed)
    for _ in range(6):
        ours, theirs = pair(rng, images)
        checker, program = tools.compared(ours, theirs), prepare(ours, theirs)
        assert [(t.units, t.positions, t.before) for t in checker.tensors.based] == [
            (t.units, t.positions, t.parts) for t in program.tensors
        ]
        assert [(s.ours, s.over, s.fresh, [(p.e, p.k, p.new) for p in s.pairs]) for s in checker.stages] == [
            (s.ours, s.over, s.fresh, [(p.e, p.k, p.new) for p in s.pairs]) for s in program.stages
        ]
        assert set(checker.layers) == set(program.layers)
        for key, layer in checker.layers.items():
            other = program.layers[key]
            assert [Fraction(b, layer.scale) for b in layer.bias] == [Fraction(int(b), other.scale) for b in other.bias]
            for j in set(layer.sizes) | set(other.blocks):
                size = program.tensors[j].size
                nothing = [[Fraction(0)] * size] * len(other.bias)
                mine = rows_of(other, j) if j in other.blocks else nothing
                theirs_ = nothing
                if j in layer.sizes:
                    theirs_ = [[Fraction(w, layer.scale) for w in layer.row(e, j)] for e in range(len(other.bias))]
                assert mine == theirs_


def passes(ours, theirs, rng, relations=(tools.NO_RELATIONS, None), depth=3):
    """The bounds of both sides on a box and on some of its halves."""
    checker, exact = tools.compared(ours, theirs, relations[0]), Pass(prepare(ours, theirs, relations[1]))
    program = exact.program
    demands = [(("d", o, -1, 1)) for o in range(program.outputs)]
    goal = check.Goal([check.Demand(*demand) for demand in demands])
    low = [rng.randint(-2 * WHOLE, 2 * WHOLE) for _ in range(program.inputs)]
    high = [x + rng.choice((0, 1, WHOLE >> 6, WHOLE >> 2, WHOLE, 3 * WHOLE)) for x in low]
    parents = None, None
    for _ in range(depth):
        state = checker.bounder.node(low, high, parents[0])
        known = exact.node(low, high, parents[1])
        met = checker.bounder.outputs(state, goal, parents[0], {})
        assert met == all(exact.outputs(known, [Demand(*demand) for demand in demands], parents[1]))
        yield state, known
        parents = state.before, known.before
        low, high = tools.halved(low, high, rng)


def same(state, known):
    """Both sides know the same of a box, digit by digit."""
    assert set(state.before) == set(known.before)
    for key, sides in state.before.items():
        for mine, theirs in zip(known.before[key], sides, strict=True):
            assert [*map(int, mine)] == theirs
    for key, lines in state.lines.items():
        assert [*map(tuple, lines)] == [*map(tuple, known.lines[key])]
    for j, listed in state.planes.items():
        assert [[*map(tuple, both)] for both in listed] == [[*map(tuple, both)] for both in known.planes[j]]


@pytest.mark.parametrize("images", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_both_passes_give_the_same_integers(seed, images):
    rng, boxes = seeded(10 + seed), 0
    for _ in range(5 if images else 14):
        for state, known in passes(*pair(rng, images), rng):
            same(state, known)
            boxes += 1
    assert boxes >= 15


@pytest.mark.parametrize("seed", range(3))
def test_both_passes_follow_relations_alike(seed):
    """Rows times factors, rows of zeros, several rows of one class, copies and twins of the second network."""
    rng = seeded(20 + seed)
    for _ in range(4):
        ours = tools.random_chain(rng, (RELU,), layers=4)
        theirs = tools.jittered(ours, rng)
        names = [node.target for node in ours.nodes if node.target.startswith("h")]
        chosen = {}
        for name in names:
            units = ours.units(name)
            rows = []
            for _ in range(units):
                zero = rng.random() < 0.2
                factor = rational(rng.choice(("1", "1", "3", "1/3", "2/7")))
                rows.append(Constant(rational("1/3")) if zero else Multiple(rng.randrange(units), factor))
            chosen[name] = name, rows
        relations = Relations(chosen, {})
        for state, known in passes(ours, theirs, rng, (relations.json(), relations)):
            same(state, known)


def test_both_passes_follow_twins_alike():
    split = relu_chain(
        ([["1", "2"], ["-1", "-2"], ["1/2", "-1"], ["-1", "2"]], ["1/3", "-1/3", "0", "0"]),
        ([["1", "-1", "0", "0"], ["0", "0", "2", "-1"]], ["0", "1/8"]),
        ([["1", "1"]], ["0"]),
    )
    whole = relu_chain(([["1", "2"], ["1", "-2"]], ["1/3", "1/8"]), ([["1", "1"]], ["0"]))
    relations = Relations(
        {"h1": ("h2", [Multiple(0, ONE), Multiple(1, ONE)])},
        {"h1": [Multiple(0, ONE), Twin(0, ONE), Multiple(1, ONE), Twin(1, rational(2))]},
    )
    rng = seeded(4)
    for near in (split, tools.jittered(whole, rng)):
        given = relations if near is split else Relations({}, {})
        for state, known in passes(whole, near, rng, (given.json(), given), depth=4):
            same(state, known)


def intervals(rng):
    """An interval for x, one for z, and one for x - z that some pair has."""

    def anywhere():
        middle = rng.choice((0, rng.randint(-4 * WHOLE, 4 * WHOLE), rng.randint(-30 * WHOLE, 30 * WHOLE)))
        width = rng.choice((0, 1, WHOLE >> 10, WHOLE >> 2, WHOLE, 10 * WHOLE))
        return middle - rng.randint(0, width), middle + rng.randint(0, width)

    x = anywhere()
    z = anywhere() if rng.random() < 0.3 else (x[0] - rng.randint(0, WHOLE >> 4), x[1] + rng.randint(0, WHOLE >> 4))
    low, high = x[0] - z[1], x[1] - z[0]
    cut = max((high - low) // 3, 0)
    return x, z, (low + rng.randint(0, cut), high - rng.randint(0, cut))


def words(function):
    """A function as the checker has it."""
    return function.name, tuple(tools.as_fraction(p) for p in function.parameters)


def test_lines_and_planes_are_the_same():
    rng = seeded(30)
    for _ in range(1500):
        f = rng.choice(STRAIGHT)
        g = f if rng.random() < 0.7 else rng.choice(STRAIGHT)
        x, z, d = intervals(rng)
        line = check.line_of(check.course(words(f), *x), *x)
        mine = planes.line_around(courses.course(f, *x), *x)
        assert tuple(line) == tuple(mine)
        theirs = check.compared(check.Polygon(x, z, d), *map(check.between, map(words, (f, g))), line)
        assert [*map(tuple, theirs)] == [*map(tuple, planes.compared(planes.Polygon(x, z, d), f, g, mine))]


def test_lines_around_curves_are_nearly_the_same():
    """Two ways to enclose a curve: by the checker's series, and by FLINT's balls."""
    rng, compared = seeded(31), 0
    for _ in range(400):
        f = rng.choice(CURVED)
        x, *_ = intervals(rng)
        try:
            theirs = check.course(words(f), *x)
        except check.Stop:
            continue
        line, mine = check.line_of(theirs, *x), planes.line_around(courses.course(f, *x), *x)
        assert all(abs(a - b) <= 1 for a, b in zip((line.above, line.below), (mine.above, mine.below), strict=True))
        slack = 1e-3 * (1 << 52) + max(map(abs, x)) * max(abs(line.above - mine.above), abs(line.below - mine.below))
        assert all(abs(a - b) < slack for a, b in zip(line, mine, strict=True))
        compared += line == mine
    assert compared > 100


def test_slopes_of_a_leaf_are_taken_alike():
    rng, met = seeded(40), 0
    for _ in range(25):
        ours = tools.random_chain(rng, (RELU,), layers=4)
        theirs = tools.jittered(ours, rng)
        checker, exact = tools.compared(ours, theirs), Pass(prepare(ours, theirs))
        low, high = tools.box(*[(-1, 1)] * exact.program.inputs)
        state, known = checker.bounder.node(low, high, None), exact.node(low, high)
        pairs = sum(len(stage.pairs) for stage in checker.stages)
        entries = [(n, *(rng.randint(0, 4096), rng.randint(-100, 4200), rng.randint(-300, 300))) for n in range(pairs)]
        chosen = [n for n in range(pairs) if rng.random() < 0.7]
        for side in (0, 1):
            given = {(0, side): [entries[n] for n in chosen]}
            mine = {(0, side): [number for n in chosen for number in entries[n]]}
            goal = check.Goal([check.Demand("d", 0, -1, 1)])
            try:
                checker.bounder.outputs(state, goal, None, given)
            except check.Stop:
                continue
            exact.outputs(known, [Demand("d", 0, -1, 1)], None, mine)
            assert [*map(int, known.before["d", OUTPUTS][side])] == state.before["d", check.OUTPUTS][side]
            met += 1
    assert met > 20


def test_a_ratio_is_rounded_outwards():
    assert scaled(rational("1/3"), -1, 1) == (-1, 1)
    assert scaled(rational("-2"), 3, 5) == (-10, -6)
    assert scaled(ONE, 3, 5) == (3, 5)


# --- What is refused ------------------------------------------------------------------------------------

CHAIN = relu_chain(([["1"], ["-1"]], ["0", "0"]), ([["1", "1"]], ["0"]))


def test_networks_with_other_inputs_are_refused():
    other = relu_chain(([["1", "1"]], ["0"]), ([["1"]], ["0"]))
    with pytest.raises(ShapeError, match="inputs: found"):
        prepare(CHAIN, other)


def test_heads_have_no_bounds():
    with_head = replace(CHAIN, nodes=(*CHAIN.nodes, Head(CHAIN.outputs[0], "top", "softmax")), outputs=("top",))
    with pytest.raises(UnsupportedLayer, match="softmax, which has no bounds"):
        prepare(with_head, with_head)


@pytest.mark.parametrize(
    ("relations", "message"),
    [
        (Relations({"h1": ("h1", [Multiple(0, ONE), Twin(0, ONE)])}, {}), "expected a multiple of a class"),
        (Relations({"h1": ("h1", [Multiple(0, -ONE), Multiple(1, ONE)])}, {}), "found the factor -1"),
        (Relations({}, {"h1": [Multiple(1, ONE), Multiple(1, ONE)]}), "expected 0, 1"),
    ],
)
def test_relations_that_do_not_hold_are_refused(relations, message):
    with pytest.raises(FormatError, match=message):
        prepare(CHAIN, CHAIN, relations)


def test_a_permuted_network_is_equal_by_its_rows():
    other = permuted(CHAIN, {"d1": (1, 0), "h1": (1, 0)})
    relations = Relations({"h1": ("h1", [Multiple(1, ONE), Multiple(0, ONE)])}, {})
    exact = Pass(prepare(CHAIN, other, relations))
    known = exact.node([-WHOLE], [WHOLE])
    low, high = exact.both(known, ("d", OUTPUTS), np.array([0]))
    assert (int(low[0]), int(high[0])) == (0, 0)
