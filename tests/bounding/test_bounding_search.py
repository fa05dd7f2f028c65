# SPDX-License-Identifier: Apache-2.0
"""This file is about searches: what floats propose, how trees are replayed and mended, and what `bound` says."""

import importlib.util
import json
import time
from fractions import Fraction

import numpy as np
import pytest

from exactlump import check
from exactlump.bounding import compiled, compiled_bounds, compiled_walk, working
from exactlump.bounding.ascent import Ascent, climb
from exactlump.bounding.batched import bounded
from exactlump.bounding.bound import bound
from exactlump.bounding.boxes import Domain, around, outward
from exactlump.bounding.certifying import bound_certificate, difference_certificate, dumps
from exactlump.bounding.chain import chain_of
from exactlump.bounding.confirm import Goal, mended, replay, sample
from exactlump.bounding.exact_pass import Pass
from exactlump.bounding.goals import Claim
from exactlump.bounding.preparing import prepare
from exactlump.bounding.relating import related
from exactlump.bounding.rounding import errors
from exactlump.bounding.search import HOLE, Search
from exactlump.bounding.trees import Tree, joined
from exactlump.bounding.walks import CompiledWalk
from exactlump.bounding.walks_batched import BatchedWalk, ExactWalk
from exactlump.errors import FormatError, UnsupportedLayer
from exactlump.formats import digest, exact
from exactlump.network.activations import RELU, Activation
from exactlump.network.kinds import AveragePool, Dense, Pad, Reorder
from exactlump.network.program import Network
from exactlump.network.views import Port
from exactlump.network.windows import Window
from exactlump.numbers.rational import fraction, rational
from exactlump.points.boxes import Box
from tests import bounding_tools as tools
from tests.bounding_tools import WHOLE, outputs, seeded
from tests.image_networks import image_network
from tests.strategies import relu_chain

numba_only = pytest.mark.skipif(not importlib.util.find_spec("numba"), reason="numba is not installed")
FAR = float("inf")


@pytest.fixture
def plain(monkeypatch):
    """The loops as plain Python."""
    monkeypatch.setattr(compiled, "search", lambda: compiled_walk.walk)
    monkeypatch.setattr(working, "available", lambda: True)


def cube(inputs, low="-1", high="1"):
    """The domain [low, high]^inputs."""
    return Domain((Box((rational(low),) * inputs, (rational(high),) * inputs, "cube"),))


def near(seed, layers=3, width=4, most=Fraction(1, 16)):
    """Two ReLU chains that are near each other."""
    rng = seeded(seed)
    while True:
        ours = tools.random_chain(rng, (RELU,), layers=layers, width=width)
        if len(ours.nodes) > 1:
            return ours, tools.jittered(ours, rng, most)


def single(seed):
    """Two chains whose weights are all numbers of float32."""
    while True:
        ours, theirs = near(seed)
        if all(check.is_float32(tools.as_fraction(w)) for network in (ours, theirs) for w in weights(network)):
            return ours, theirs
        seed += 1000


def weights(network):
    """All weights and biases."""
    for node in network.nodes:
        if isinstance(node, Dense):
            yield from node.bias
            for v in range(len(node.bias)):
                yield from node.weight.row(v).values()


def widest(ours, theirs):
    """The bounds of the differences on the whole cube, from the exact pass."""
    work = working.Work(prepare(ours, theirs), cube(ours.inputs[0].shape[0]), lambda *_: None)
    return work.whole()


def between(ours, theirs):
    """A number between the largest difference that ascent finds and the bound of the whole cube."""
    count = len(outputs(ours, [Fraction(0)] * ours.inputs[0].shape[0]))
    ascent = Ascent(ours, theirs, [(o,) for o in range(count)])
    low, high = max(climb(ascent, cube(ours.inputs[0].shape[0])).gaps), max(widest(ours, theirs))
    return (low + 2 * high) / 3


def verdict(folder, ours, theirs, document):
    """What the checker says of two networks and a certificate of theirs, made by a function of their files."""
    paths = []
    for side, network in (("original", ours), ("reduced", theirs)):
        path = folder / f"{side}.json"
        path.write_bytes(exact.render(network))
        paths.append(str(path))
    place = folder / "certificate.json"
    place.write_text(dumps(document(*map(digest, paths))))
    return check.check(*paths, str(place))


# --- Bounds in floats -------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(6))
def test_floats_are_near_the_exact_pass(seed, plain):
    """All bounds of both recipes in floats, before the functions, against those in integers."""
    ours, theirs = near(seed, layers=4)
    program = prepare(ours, theirs)
    chain, exact_pass = chain_of(program), Pass(program)
    assert chain is not None
    low, high = tools.box(*[(-1, 1)] * program.inputs)
    known = exact_pass.node(low, high)
    lo, hi = np.array(low) / WHOLE, np.array(high) / WHOLE
    batch = bounded(chain, lo[None], hi[None], None)
    desk, net = compiled.desk(chain), compiled.padded(chain)
    q = np.zeros((len(chain.widths), compiled.wide(chain), 6))
    compiled_bounds.bounds(net, q, lo, hi, False, desk)
    for k, stage in enumerate(program.stages):
        sides = [known.before[f, j] for f, j in (("a", stage.ours), ("b", stage.over), ("d", stage.ours))]
        expected = np.array([[int(n) / WHOLE for n in side] for both in sides for side in both])
        scale = 1 + np.abs(expected)
        assert (np.abs(np.array([side[0] for side in batch.before[k]]) - expected) < 1e-6 * scale).all()
        assert (np.abs(q[k, : chain.widths[k]].T - expected) < 1e-6 * scale).all()


def walks(program, chain, goal, sides):
    """A walk of each kind."""
    yield "compiled", lambda path: CompiledWalk(chain, path, sides)
    yield "without ascent", lambda path: CompiledWalk(chain, path, sides, steps=0)
    yield "batched", lambda path: BatchedWalk(chain, path, sides)
    yield "exact", lambda path: ExactWalk(Pass(program), path, goal)


@pytest.mark.parametrize("seed", range(4))
def test_every_walk_proposes_trees_that_exact_integers_accept(seed, plain):
    ours, theirs = near(20 + seed)
    program = prepare(ours, theirs)
    chain, exact_pass = chain_of(program), Pass(program)
    limit = max(widest(ours, theirs)) * rational("3/5")
    claim = Claim(program.outputs, "max", (limit,))
    goal = Goal(tuple(claim.demands()))
    low, high = tools.box(*[(-1, 1)] * program.inputs)
    sides = np.full((2, program.outputs), float(tools.as_fraction(limit)))
    for name, maker in walks(program, chain, goal, sides):
        search = Search(low, high, maker, room=400)
        if search.run(time.monotonic() + 5):
            seen = replay(exact_pass, goal, search.tree, low, high)
            assert not seen.refused, name
            assert max(seen.most) <= fraction(limit)[0] * WHOLE // fraction(limit)[1]
            assert seen.boxes == len(search.tree.splits)


@pytest.mark.parametrize("batched", [False, True])
def test_a_search_that_is_stopped_goes_on(batched, plain):
    """Holes are filled later; what was decided is kept."""
    ours, theirs = near(302, layers=4)
    program = prepare(ours, theirs)
    chain = chain_of(program)
    limit = between(ours, theirs)
    sides = np.full((2, program.outputs), float(tools.as_fraction(limit)))
    low, high = tools.box(*[(-1, 1)] * program.inputs)

    def maker(path):
        walk = BatchedWalk(chain, path, sides) if batched else CompiledWalk(chain, path, sides)
        walk.chunk = walk.size = 1
        go_on = walk.advance
        walk.advance = lambda _: go_on(0.0)
        return walk

    whole = Search(low, high, maker)
    assert whole.run()
    parts = Search(low, high, maker, room=1)
    turns = 0
    while not parts.run():
        before = [*parts.decided]
        assert HOLE in before or turns == 0
        parts.room = parts.boxes + 2
        turns += 1
    goal = Goal(tuple(Claim(program.outputs, "max", (limit,)).demands()))
    for search in (whole, parts):
        assert not replay(Pass(program), goal, search.tree, low, high).refused
    assert turns > 1


def test_refused_leaves_are_halved_again():
    ours, theirs = near(44)
    exact_pass = Pass(prepare(ours, theirs))
    low, high = tools.box(*[(-1, 1)] * exact_pass.program.inputs)
    limit = max(widest(ours, theirs)) * rational("9/10")
    goal = Goal(tuple(Claim(exact_pass.program.outputs, "max", (limit,)).demands()))
    seen = replay(exact_pass, goal, Tree(), low, high)
    assert seen.refused == [0]
    tree = mended(Tree(), seen.refused, low, high, lambda place: Tree((1, 0, 0)))
    assert tree.splits == (1, 0, 0)
    assert mended(Tree(), seen.refused, low, high, lambda _: None) is None
    paths = sample(exact_pass, goal, tree, low, high, 2, FAR)
    assert paths.boxes == 4
    assert paths.most is None


# --- Trees ---------------------------------------------------------------------------------------------------


def test_trees_are_written_as_the_checker_reads_them():
    tree = joined(3, Tree((0,), {0: {(1, 0): [0, 5, -1, 2]}}), Tree((1, 0, 0)))
    assert tree.splits == (3, 0, 1, 0, 0)
    document = tree.json(5)
    assert document["splits"] == tools.splits(tree.splits, 5)
    read = check.read_tree(document)(5)
    assert tuple(read.splits) == tree.splits
    assert read.slopes == {1: {(1, 0): [(0, 5, -1, 2)]}}
    grown = tree.grafted(1, Tree((2, 0, 0)))
    assert (grown.splits, dict(grown.slopes)) == ((3, 2, 0, 0, 1, 0, 0), {})
    assert [place.parent for place in tree.places([0] * 5, [8] * 5)] == [-1, 0, 0, 2, 2]


@pytest.mark.parametrize("splits", [(), (1, 0), (0, 0), (1, 0, 0, 0)])
def test_splits_that_are_no_tree_are_refused(splits):
    if splits == ():
        assert Tree(()).leaves == 0
        return
    with pytest.raises(FormatError, match="no tree"):
        Tree(splits)


# --- Domains -------------------------------------------------------------------------------------------------


def test_domains():
    box = around(["1/3", "0"], "1/2", (0, 1))
    assert box.lower == (0, 0)
    assert box.upper == (rational("5/6"), rational("1/2"))
    low, high = outward(box)
    assert (low, high) == ([0, 0], [-(-5 * WHOLE // 6), WHOLE // 2])
    with pytest.raises(FormatError, match="found no box"):
        Domain(())
    with pytest.raises(FormatError, match="different numbers"):
        Domain((box, around(["0"], "1")))
    with pytest.raises(FormatError, match="without an end"):
        Domain((Box((rational(0),), (None,), "half a line"),))


# --- Claims -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((2, "max", (rational(-1),)), "negative"),
        ((2, "max", (rational(1), rational(1))), "found 2 numbers, expected 1"),
        ((2, "per-output", (rational(1),)), "found 1 numbers, expected 2"),
        ((2, "margins", (rational(1),)), "found 1 numbers, expected 2"),
        ((2, "l2", (rational(1),)), "metric: found 'l2'"),
        ((2, "decision", (), 2), "found output 2, expected one of 2"),
    ],
)
def test_claims_that_do_not_fit_are_refused(arguments, message):
    with pytest.raises(FormatError, match=message):
        Claim(*arguments)


# --- Bounds --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(6))
def test_what_is_shown_is_accepted_and_holds(seed, tmp_path, plain):
    """Half of the widest bound: shown, or broken by an exact input; the checker says the same."""
    ours, theirs = near(50 + seed)
    inputs = ours.inputs[0].shape[0]
    limit = max(widest(ours, theirs)) * rational("3/5")
    found = bound(ours, theirs, cube(inputs), epsilon=limit, timeout=8)
    if found.refuted:
        assert max(found.lower) > limit
        assert not found.shown
        document = verdict(tmp_path, ours, theirs, lambda a, b: difference_certificate(found.input, ours, theirs, a, b))
        assert document.verdict == "different"
        return
    assert found.shown
    assert found.confirmed
    assert found.largest <= limit
    assert max(found.lower) <= found.largest
    document = verdict(tmp_path, ours, theirs, lambda a, b: bound_certificate(found, ours, a, b))
    assert document.verdict == "within"
    for x in tools.points(*outward(found.domain.boxes[0]), seeded(seed), 20):
        gaps = [abs(y - z) for y, z in zip(outputs(ours, x), outputs(theirs, x), strict=True)]
        assert all(gap <= tools.as_fraction(most) for gap, most in zip(gaps, found.upper, strict=True))


@pytest.mark.parametrize("metric", ["max", "per-output"])
def test_without_epsilon_bounds_are_narrowed(metric, tmp_path, plain):
    ours, theirs = near(62, layers=4)
    inputs = ours.inputs[0].shape[0]
    first = max(widest(ours, theirs))
    found = bound(ours, theirs, cube(inputs), metric=metric, timeout=6)
    assert found.shown
    assert found.confirmed
    assert max(found.lower) <= found.largest <= first
    assert found.largest < first
    document = verdict(tmp_path, ours, theirs, lambda a, b: bound_certificate(found, ours, a, b))
    assert document.verdict == "within"


def gap(ours, theirs, x):
    """The sizes of the differences of the outputs at an input."""
    x = [*x]
    return [abs(y - z) for y, z in zip(outputs(ours, x), outputs(theirs, x), strict=True)]


def test_the_largest_difference_of_a_fold_is_found(plain):
    """|x| against a line: the difference is largest at both ends and at the kink."""
    fold = relu_chain(([["1"], ["-1"]], ["0", "0"]), ([["1", "1"]], ["0"]))
    other = relu_chain(([["1"], ["-1"]], ["0", "0"]), ([["1", "3/4"]], ["1/64"]))
    found = bound(fold, other, cube(1), epsilon="1/4", timeout=5)
    assert max(found.lower) == rational("15/64")
    assert found.input == (-1,)
    assert found.shown
    refuted = bound(fold, other, cube(1), epsilon="1/8", timeout=5)
    assert refuted.refuted
    assert not refuted.shown


SHARP = relu_chain(([["1", "2"], ["-1", "1"]], ["0", "1"]), ([["1", "1"], ["1", "-1"], ["0", "1"]], ["3", "-2", "-2"]))


def test_a_decision_is_shown(tmp_path):
    other = tools.jittered(SHARP, seeded(3), Fraction(1, 64))
    found = bound(SHARP, other, cube(2, "-1/4", "1/4"), index=0, timeout=5)
    assert found.shown
    assert found.upper == (None, None)
    document = verdict(tmp_path, SHARP, other, lambda a, b: bound_certificate(found, SHARP, a, b))
    assert document.verdict == "within"
    assert "decide" in document.reason or "output 0" in document.reason
    assert not bound(SHARP, other, cube(2, "-1/4", "1/4"), index=1, timeout=2).shown


@pytest.mark.parametrize(
    ("metric", "epsilon"), [("l1", "2"), ("margins", ["1"] * 6), ("per-output", ["1", "1", "1/2"]), ("max", "1")]
)
def test_every_metric_has_certificates(metric, epsilon, tmp_path, plain):
    other = tools.jittered(SHARP, seeded(3), Fraction(1, 64))
    found = bound(SHARP, other, cube(2), epsilon=epsilon, metric=metric, timeout=8)
    assert found.shown, (metric, found)
    document = verdict(tmp_path, SHARP, other, lambda a, b: bound_certificate(found, SHARP, a, b))
    assert document.verdict == "within"


def test_unions_of_boxes(tmp_path, plain):
    other = tools.jittered(SHARP, seeded(3), Fraction(1, 64))
    domain = Domain((around(["0", "0"], "1/8"), around(["1/2", "1/3"], "1/7")))
    found = bound(SHARP, other, domain, epsilon="1/10", timeout=8)
    assert found.shown
    assert len(found.trees) == 2
    document = verdict(tmp_path, SHARP, other, lambda a, b: bound_certificate(found, SHARP, a, b))
    assert document.verdict == "within"


@pytest.mark.parametrize(
    "function", [Activation("sigmoid"), Activation("gelu"), Activation("clip", (rational(0), rational("1/2")))]
)
def test_other_functions_are_searched_in_exact_integers(function, tmp_path):
    ours = tools.with_functions(SHARP, lambda: function)
    other = tools.jittered(ours, seeded(3), Fraction(1, 64))
    found = bound(ours, other, cube(2), epsilon="1/2", timeout=8)
    assert found.shown
    document = verdict(tmp_path, ours, other, lambda a, b: bound_certificate(found, ours, a, b))
    assert document.verdict == "within"


def test_images(tmp_path):
    rng = seeded(1)
    ours = tools.with_functions(image_network(5), lambda: RELU)
    other = tools.jittered(ours, rng, Fraction(1, 256))
    limit = max(bound(ours, other, cube(prepare(ours, other).inputs), timeout=1).upper)
    found = bound(ours, other, cube(prepare(ours, other).inputs), epsilon=limit, timeout=8)
    assert found.shown
    document = verdict(tmp_path, ours, other, lambda a, b: bound_certificate(found, ours, a, b))
    assert document.verdict == "within"


def test_nothing_is_shown_in_no_time():
    ours, theirs = near(70)
    found = bound(ours, theirs, cube(ours.inputs[0].shape[0]), epsilon="0", timeout=0)
    assert not found.shown
    assert not found.confirmed
    assert found.trees == ()
    with pytest.raises(FormatError, match="was not shown"):
        bound_certificate(found, ours, None, None)


def test_a_point_is_a_box_too(plain):
    ours, theirs = near(71)
    x = ["1/3"] * ours.inputs[0].shape[0]
    domain = Domain((around(x, "0"),))
    found = bound(ours, theirs, domain, timeout=4)
    exact_gap = max(gap(ours, theirs, [Fraction(1, 3)] * len(x)))
    assert max(map(tools.as_fraction, found.lower)) == exact_gap
    assert exact_gap <= tools.as_fraction(found.largest) <= exact_gap + Fraction(1, 1 << 30)


def test_a_box_that_cannot_be_halved_ends_the_search(plain):
    """The difference at a point is no smaller by halving."""
    ours, theirs = near(72)
    x = ["1/3"] * ours.inputs[0].shape[0]
    least = max(gap(ours, theirs, [Fraction(1, 3)] * len(x)))
    assert least > 0
    work = working.Work(prepare(ours, theirs), Domain((around(x, "0"),)), lambda *_: None)
    claim = Claim(work.program.outputs, "max", (rational(least.numerator, least.denominator) / 2,))
    start = time.monotonic()
    assert work.show(claim, start + 60) is None
    assert work.boxes <= 2


def test_narrowing_has_two_metrics():
    ours, theirs = near(73)
    with pytest.raises(UnsupportedLayer, match="found the metric l1"):
        bound(ours, theirs, cube(ours.inputs[0].shape[0]), metric="l1", timeout=1)


def test_the_listener_is_told():
    ours, theirs = near(74)
    told = []
    bound(ours, theirs, cube(ours.inputs[0].shape[0]), timeout=1, listen=lambda *words: told.append(words))
    assert told[0] == ("climbing", 0, 0)


@numba_only
def test_compiled_loops_propose_what_plain_ones_do():
    ours, theirs = near(302, layers=4)
    program = prepare(ours, theirs)
    chain, limit = chain_of(program), between(ours, theirs)
    sides = np.full((2, program.outputs), float(tools.as_fraction(limit)))
    low, high = tools.box(*[(-1, 1)] * program.inputs)
    goal = Goal(tuple(Claim(program.outputs, "max", (limit,)).demands()))
    search = Search(low, high, lambda path: CompiledWalk(chain, path, sides))
    assert search.run()
    assert not replay(Pass(program), goal, search.tree, low, high).refused


# --- Lower bounds -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
def test_what_ascent_finds_is_exact_and_inside(seed):
    ours, theirs = near(90 + seed, layers=4)
    domain = Domain((around(["1/3"] * ours.inputs[0].shape[0], "1/7"),))
    ascent = Ascent(ours, theirs, [(o,) for o in range(len(outputs(ours, [Fraction(0)] * ours.inputs[0].shape[0])))])
    found = climb(ascent, domain)
    for o, (size, x) in enumerate(zip(found.gaps, found.inputs, strict=True)):
        if x is None:
            assert size == 0
            continue
        assert domain.holds(x)
        assert gap(ours, theirs, map(tools.as_fraction, x))[o] == tools.as_fraction(size)
    rng, third, seventh = seeded(seed), Fraction(1, 3), Fraction(1, 7)
    for _ in range(40):
        x = [
            third + seventh * rng.choice((-1, 1, Fraction(rng.randint(-9, 9), 9)))
            for _ in range(ours.inputs[0].shape[0])
        ]
        assert max(map(tools.as_fraction, found.gaps)) >= max(gap(ours, theirs, x))


def test_given_inputs_are_evaluated_as_they_are():
    ours, theirs = near(95)
    x = ["1/7"] * ours.inputs[0].shape[0]
    domain = Domain((around(x, "0"),))
    found = bound(ours, theirs, domain, inputs=[x], timeout=1)
    assert found.input in (None, tuple(map(rational, x)))
    assert max(map(tools.as_fraction, found.lower)) == max(gap(ours, theirs, [Fraction(1, 7)] * len(x)))


# --- Float32 -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
def test_float32_is_bounded_by_both_alike(seed):
    """How far off machines are, by the engine and by the checker."""
    ours, theirs = single(100 + seed)
    domain = cube(ours.inputs[0].shape[0])
    program = prepare(ours, theirs)
    comparison = tools.compared(ours, theirs)
    for network in (comparison.original.network, comparison.reduced.network):
        network.kinds.add(1)
    expected = [comparison.float_errors([outward(box) for box in domain.boxes], family) for family in "ab"]
    assert errors(Pass(program), domain) == expected


def test_float32_of_images_is_bounded_by_both_alike():
    """What a padding copies is not rounded, nor what a mean of one element is; a mean of nine is."""
    ones, none = (1, 1), (0, 0)
    nodes = (
        Reorder("x", "i", None, (2, 1, 1), 0),
        Pad("i", "p", Window((1, 1), (3, 3), ones, ones, ones, ones, ones)),
        AveragePool("p", "m", Window((3, 3), (3, 3), ones, ones, ones, none, none)),
        AveragePool("m", "n", Window((3, 3), (1, 1), (3, 3), ones, ones, none, none)),
        Reorder("n", "y", None, (2,)),
    )
    for copies, many in ((False, nodes), (True, (*nodes[:3], Reorder("m", "y", None, (18,))))):
        network = Network((Port("x", (2,)),), many, ("y",))
        domain = cube(2)
        comparison = tools.compared(network, network)
        for one in (comparison.original.network, comparison.reduced.network):
            one.kinds.add(1)
        expected = [comparison.float_errors([outward(box) for box in domain.boxes], family) for family in "ab"]
        found = errors(Pass(prepare(network, network)), domain)
        assert found == expected
        assert (set(found[0]) == {0}) == copies


def test_related_networks_are_found_again(plain):
    """Units permuted and rescaled by powers of two: the relation that is found makes the difference nothing."""
    from tests.strategies import permuted

    other = permuted(SHARP, {"d1": (1, 0), "h1": (1, 0)})
    relations = related(SHARP, other, cube(2))
    assert [row.of for row in relations.ours["h1"][1]] == [1, 0]
    found = bound(SHARP, other, cube(2), epsilon="0", relations=relations, timeout=4)
    assert found.shown
    assert json.dumps(relations.json())
