# SPDX-License-Identifier: Apache-2.0
"""This file is about the checker's bounds: what they enclose, which certificates show a claim, and which do not."""

import json
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from exactlump import check
from exactlump.network.activations import RELU, Activation, leaky_relu
from exactlump.network.kinds import Dense
from exactlump.network.program import Network
from exactlump.network.views import Port
from exactlump.numbers.matrix import Matrix
from exactlump.numbers.rational import rational
from tests import bounding_tools as tools
from tests import oracle
from tests.bounding_tools import approximate, bound, certificate, escapes, outputs, seeded, verdict
from tests.image_networks import image_network
from tests.strategies import permuted, relu_chain

HALF = Fraction(1, 2)


def line(*layers, functions=()):
    """A chain of layers of single rows: (weights, bias) each."""
    return relu_chain(
        *(([[str(w) for w in row] for row in rows], [str(b) for b in bias]) for rows, bias in layers),
        functions=functions,
    )


def one(function, weight="1", bias="0"):
    """x -> function(weight * x + bias) -> y."""
    return line(([[weight]], [bias]), ([[1]], [0]), functions=[function])


def sigma(name, *parameters):
    """A function."""
    return Activation(name, tuple(rational(p) for p in parameters))


# --- What the bounds enclose ------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(20))
def test_no_exact_value_of_random_pairs_lies_outside(seed):
    """Chains of 1 to 6 layers with every function; boxes and parts of them, with the bounds of the whole."""
    rng = seeded(seed)
    for _ in range(12):
        ours = tools.random_chain(rng)
        theirs = tools.jittered(ours, rng, Fraction(rng.choice((0, 1, 8)), 8))
        if rng.random() < 0.2:
            theirs = tools.with_functions(theirs, lambda: rng.choice(tools.FUNCTIONS))
        assert [*escapes(ours, theirs, rng)] == []


@pytest.mark.parametrize("seed", range(8))
def test_no_exact_value_of_image_networks_lies_outside(seed):
    """Convolutions, pools, paddings, skips, images taken apart and put together."""
    rng = seeded(100 + seed)
    for _ in range(5):
        ours = tools.with_functions(image_network(rng.randrange(10**6)), lambda: rng.choice(tools.FUNCTIONS))
        assert [*escapes(ours, tools.jittered(ours, rng), rng)] == []


@pytest.mark.parametrize("seed", range(4))
def test_the_checker_evaluates_as_the_oracle_does(seed):
    rng = seeded(200 + seed)
    for make in (tools.random_chain, lambda r: tools.with_functions(image_network(r.randrange(10**6)), lambda: RELU)):
        ours = make(rng)
        theirs = tools.jittered(ours, rng)
        comparison = tools.compared(ours, theirs)
        count = comparison.tensors.based[0].units
        for x in tools.points([-check.WHOLE] * count, [check.WHOLE] * count, rng, 4):
            assert comparison.evaluate("a", x) == outputs(ours, x)
            assert comparison.evaluate("b", x) == outputs(theirs, x)


def test_bounds_are_those_of_the_proved_checker():
    """Integers that the checker extracted from proofs gave, on trees of boxes of dense ReLU pairs."""
    cases = json.loads((Path(__file__).parents[1] / "proved_bounds.json").read_text())
    compared = 0
    for case in cases:
        q = 1 << case["digits"]
        ours, theirs = (
            line(
                *(
                    ([[Fraction(w, q) for w in row] for row in rows], [Fraction(b, q) for b in bias])
                    for rows, bias in side
                )
            )
            for side in case["networks"]
        )
        comparison = tools.compared(ours, theirs)
        goal = check.Goal(
            [check.Demand("d", o, -case["epsilon"], case["epsilon"]) for o in range(len(case["networks"][0][-1][1]))]
        )
        stack = [(case["low"], case["high"], None)]
        for split, expected in zip(case["tree"], case["nodes"], strict=True):
            low, high, parent = stack.pop()
            state = comparison.bounder.node(low, high, parent)
            met = comparison.bounder.outputs(state, goal, parent, {})
            assert met == expected["met"]
            hidden = [
                [*state.before["a", s.ours], *state.before["b", s.over], *state.before["d", s.ours]]
                for s in comparison.stages
            ]
            assert hidden == expected["hidden"]
            assert [*state.before["d", check.OUTPUTS]] == expected["outputs"]
            compared += 1
            if split:
                middle = low[split - 1] + high[split - 1] >> 1
                lower, upper = [*high], [*low]
                lower[split - 1] = upper[split - 1] = middle
                stack += [(upper, high, state.before), (low, lower, state.before)]
    assert compared > 100


def test_the_greatest_value_on_a_polygon_is_that_of_its_vertices():
    """Duality against all vertices."""
    rng = seeded(1)
    for _ in range(2000):
        p, q, *ends = (rng.randint(-4, 4) for _ in range(8))
        x, z, d = (tuple(sorted(ends[i : i + 2])) for i in (0, 2, 4))
        anywhere = check.Piece(-10, 10, 0, 0, 0)
        part = check.Polygon(x, z, d).within(anywhere, anywhere)
        found = None if part is None else part.greatest(p, q)
        vertices = {(a, b) for a in x for b in z}
        vertices |= {(a, a - c) for a in x for c in d} | {(b + c, b) for b in z for c in d}
        inside = [(a, b) for a, b in vertices if x[0] <= a <= x[1] and z[0] <= b <= z[1] and d[0] <= a - b <= d[1]]
        assert found == max((p * a + q * b for a, b in inside), default=None)


def test_a_network_and_itself_differ_by_nothing():
    rng = seeded(3)
    for functions in (
        (RELU,),
        (leaky_relu(rational(1, 4)),),
        (sigma("sigmoid"), sigma("gelu")),
        (sigma("clip", "0", "1/3"),),
    ):
        ours = tools.random_chain(rng, functions, layers=4)
        ends = [(-1, 1)] * ours.inputs[0].shape[0]
        assert bound(ours, ours, *ends) == [(0, 0)] * len(outputs(ours, [Fraction(0)] * len(ends)))


def test_the_bound_of_two_inputs_against_the_exact_maximum():
    """The ratio to the exact maximum over all linear pieces; never below 1."""
    rng, ratios = seeded(5), []
    for _ in range(25):
        ours = tools.random_chain(rng, (RELU,), layers=3, width=3)
        if ours.inputs[0].shape != (2,):
            continue
        theirs = tools.jittered(ours, rng, Fraction(1, 32))
        exact = maximum(ours, theirs)
        most = max(max(-low, high) for low, high in bound(ours, theirs, (-1, 1), (-1, 1)))
        assert most >= exact
        if exact:
            ratios.append(float(most / exact))
    assert len(ratios) >= 4
    print("bound / exact maximum:", sorted(round(ratio, 2) for ratio in ratios))


def maximum(ours, theirs, grid=8):
    """The largest difference at the corners of all linear pieces of two networks with two inputs, on [-1, 1]^2."""
    from itertools import combinations

    lines = {(1, 0, 1), (1, 0, -1), (0, 1, 1), (0, 1, -1)}  # a*x + b*y = c
    corners = {(Fraction(x), Fraction(y)) for x in (-1, 1) for y in (-1, 1)}
    for network in (ours, theirs):
        for i in range(-grid, grid + 1):
            for j in range(-grid, grid + 1):
                lines |= set(
                    kinks(network, [Fraction(i, grid) + Fraction(1, 997), Fraction(j, grid) + Fraction(1, 991)])
                )
    for (a, b, c), (d, e, f) in combinations(sorted(lines), 2):
        det = a * e - b * d
        if det:
            x, y = Fraction(c * e - b * f) / det, Fraction(a * f - c * d) / det
            if abs(x) <= 1 and abs(y) <= 1:
                corners.add((x, y))
    gaps = (abs(p - q) for x in corners for p, q in zip(outputs(ours, x), outputs(theirs, x), strict=True))
    return max(gaps)


def kinks(network, x):
    """The lines on which the units of a network bend, as seen from a point."""
    forms = [([Fraction(1), Fraction(0)], Fraction(0)), ([Fraction(0), Fraction(1)], Fraction(0))]
    for node in network.nodes:
        if isinstance(node, Dense):
            new = []
            for v, b in enumerate(node.bias):
                row = {u: tools.as_fraction(w) for u, w in node.weight.row(v).items()}
                slope = [sum((w * forms[u][0][i] for u, w in row.items()), Fraction(0)) for i in (0, 1)]
                new.append((slope, sum((w * forms[u][1] for u, w in row.items()), tools.as_fraction(b))))
            forms = new
        else:
            for slope, constant in forms:
                if any(slope):
                    yield slope[0], slope[1], -constant
            forms = [
                (slope, constant)
                if slope[0] * x[0] + slope[1] * x[1] + constant > 0
                else ([Fraction(0)] * 2, Fraction(0))
                for slope, constant in forms
            ]


# --- Relations ---------------------------------------------------------------------------------------


def rescaled(network, tensor, factors):
    """The network with the units of a ReLU layer times factors, and the readers divided by them."""
    nodes, after = [], False
    for node in network.nodes:
        if isinstance(node, Dense):
            rows = [node.weight.row(v) for v in range(len(node.bias))]
            bias = node.bias
            if node.target == tensor:
                rows = [{u: w * rational(f) for u, w in row.items()} for row, f in zip(rows, factors, strict=True)]
                bias = tuple(b * rational(f) for b, f in zip(bias, factors, strict=True))
            elif after:
                rows = [{u: w / rational(factors[u]) for u, w in row.items()} for row in rows]
            after = node.target == tensor
            node = replace(node, weight=Matrix.from_rows(rows, node.weight.shape[1]), bias=bias)
        nodes.append(node)
    return replace(network, nodes=tuple(nodes))


def rows(*entries, over="h1"):
    """A relation of the original."""
    return {"over": over, "rows": [*entries]} if over else {"rows": [*entries]}


WIDE = line(([[1, 2], [-1, 1], [3, -1]], [0, 1, "1/2"]), ([[1, 1, -1], [2, 0, 1]], [1, 0]))


def test_units_in_another_order_are_compared_by_their_rows():
    other = permuted(WIDE, {"d1": (2, 0, 1), "h1": (2, 0, 1)})
    relations = {"original": {"h1": rows([1, "1"], [2, "1"], [0, "1"])}, "reduced": {}}
    assert bound(WIDE, other, (-1, 1), (-1, 1), relations=relations) == [(0, 0), (0, 0)]
    assert max(high for _, high in bound(WIDE, other, (-1, 1), (-1, 1))) > 1


def test_units_of_another_size_are_compared_by_their_rows():
    other = rescaled(WIDE, "d1", ("3", "1/7", "2"))
    relations = {"original": {"h1": rows([0, "1/3"], [1, "7"], [2, "1/2"])}, "reduced": {}}
    assert bound(WIDE, other, (-1, 1), (-1, 1), relations=relations) == [(0, 0), (0, 0)]
    for seed in range(3):
        rng = seeded(seed)
        assert [*escapes(WIDE, tools.jittered(other, rng), rng, relations, depth=4)] == []


def test_pruned_units_are_compared_with_zero():
    """The third unit is gone; the bound is what it contributed."""
    pruned = line(([[1, 2], [-1, 1]], [0, 1]), ([[1, 1], [2, 0]], [1, 0]))
    relations = {"original": {"h1": rows([0, "1"], [1, "1"], None)}, "reduced": {}}
    found = bound(WIDE, pruned, (-1, 1), (-1, 1), relations=relations)
    assert [(float(low), float(high)) for low, high in found] == [(-4.5, 0.0), (0.0, 4.5)]
    assert [*escapes(WIDE, pruned, seeded(4), relations, depth=4)] == []


def test_copies_share_one_class():
    """A network and its own reduction with a class kept as copies differ by nothing, as copies are one class."""
    w = Fraction(1) + Fraction(1, 1 << 20)
    ours = line(([[1]], [0]), ([[w]], [0]))
    copies = line(([[1], [1]], [0, 0]), ([[1, Fraction(1, 1 << 20)]], [0]))
    both = {"h1": {"rows": [[0, "1"], [0, "1"]]}}
    relations = {"original": {"h1": rows([0, "1"])}, "reduced": both}
    assert bound(ours, copies, (-1, 1), relations=relations) == [(0, 0)]
    apart = {"original": {"h1": rows([0, "1"])}, "reduced": {}}
    assert bound(ours, copies, (-1, 1), relations=apart)[0][1] > 0


def test_a_false_row_of_the_reduced_network_is_rejected():
    copies = line(([[1], [2]], [0, 0]), ([[1, 1]], [0]))
    relations = {"original": {}, "reduced": {"h1": {"rows": [[0, "1"], [0, "1"]]}}}
    with pytest.raises(check.Stop) as stopped:
        tools.compared(copies, copies, relations)
    assert (stopped.value.verdict, stopped.value.rule) == ("rejected", "affine")


SPLIT = line(
    ([[1, 2], [-1, -2], ["1/2", "-1"], [-1, 2]], ["1/3", "-1/3", 0, 0]),
    ([[1, -1, 0, 0], [0, 0, 2, -1]], [0, "1/8"]),
    ([[1, 1]], [0]),
)
WHOLE_ONE = line(([[1, 2], [1, -2]], ["1/3", "1/8"]), ([[1, 1]], [0]))


def test_twins_make_a_split_network_equal_to_the_whole():
    """y = relu(y) - relu(-y), as a layer of antiparallel pairs."""
    twins = {"h1": {"rows": [[0, "1"], {"twin": [0, "1"]}, [1, "1"], {"twin": [1, "2"]}]}}
    relations = {"original": {"h1": rows([0, "1"], [1, "1"], over="h2")}, "reduced": twins}
    assert bound(WHOLE_ONE, SPLIT, (-1, 1), (-1, 1), relations=relations) == [(0, 0)]
    apart = {**relations, "reduced": {}}
    assert bound(WHOLE_ONE, SPLIT, (-1, 1), (-1, 1), relations=apart)[0][1] > HALF
    assert [*escapes(WHOLE_ONE, tools.jittered(SPLIT, seeded(1)), seeded(2), apart)] == []


@pytest.mark.parametrize(
    ("function", "row", "rule"),
    [
        (leaky_relu(rational(1, 4)), {"twin": [0, "1"]}, None),
        (sigma("hard_swish"), {"twin": [0, "1"]}, None),
        (sigma("hard_swish"), {"twin": [0, "2"]}, "ratio"),
        (sigma("tanh"), {"twin": [0, "1"]}, "twin"),
        (RELU, {"twin": [0, "2"]}, "affine"),
        (sigma("gelu"), {"twin": [0, "1"]}, None),
    ],
)
def test_twins_are_those_of_functions_with_a_law(function, row, rule):
    pair = line(([[1], [-1]], [0, 0]), ([[1, 1]], [0]), functions=[function])
    relations = {"original": {}, "reduced": {"h1": {"rows": [[0, "1"], row]}}}
    if rule is None:
        tools.compared(pair, pair, relations)
    else:
        with pytest.raises(check.Stop) as stopped:
            tools.compared(pair, pair, relations)
        assert stopped.value.rule == rule


def test_a_twin_is_no_leader():
    pair = line(([[1], [-1]], [0, 0]), ([[1, 1]], [0]))
    relations = {"original": {}, "reduced": {"h1": {"rows": [{"twin": [0, "1"]}, {"twin": [0, "1"]}]}}}
    with pytest.raises(check.Stop) as stopped:
        tools.compared(pair, pair, relations)
    assert stopped.value.rule == "class-exists"


def test_a_twin_in_a_certificate_of_version_1_is_out_of_grammar(tmp_path):
    pair = line(([[1], [-1]], [0, 0]), ([[1, 1]], [0]))
    relation = {"h1": {"rows": [[0, "1"], {"twin": [0, "1"]}]}}
    document = certificate(
        {"criterion": "exact", "domain": "all reals"},
        relations={"original": {"h1": {"over": "h1", **relation["h1"]}}, "reduced": relation},
        version=1,
        trees=None,
    )
    assert verdict(tmp_path, pair, pair, document).verdict == "malformed"


# --- Counterexamples to shorter rules ------------------------------------------------------------------


def test_both_limits_count_at_a_jump():
    """sign(y) = y is no line: at 1/2 it is 1."""
    for function, low, high in ((sigma("sign"), -1, 1), (sigma("floor"), 1, 2), (sigma("thresholded_relu", "1"), 0, 2)):
        ours, theirs = one(function), one(sigma("leaky_relu", "1"))
        found = bound(ours, theirs, (low, high))[0]
        for k in range(21):
            x = Fraction(low) + Fraction(k * (high - low), 20)
            assert found[0] <= outputs(ours, [x])[0] - outputs(theirs, [x])[0] <= found[1]


def test_a_quantiser_is_near_only_where_it_does_not_saturate():
    ours, theirs = one(sigma("quantize", "1", "0", "-128", "127")), one(sigma("leaky_relu", "1"))
    low, high = bound(ours, theirs, (900, 1000))[0]
    assert low <= 127 - 1000
    low, high = bound(ours, theirs, (-100, 100))[0]
    assert (float(low), float(high)) == (pytest.approx(-0.5, abs=1e-6), pytest.approx(0.5, abs=1e-6))


def test_a_small_difference_across_a_step_is_a_whole_step():
    ours, theirs = one(sigma("round"), bias="1/100"), one(sigma("round"))
    assert bound(ours, theirs, ("0", "3/10")) == [(0, 0)]
    low, high = bound(ours, theirs, ("4/10", "6/10"))[0]
    assert low <= 0
    assert high >= 1
    assert bound(ours, ours, ("4/10", "6/10"))[0][1] <= 1


def test_a_row_over_several_units_is_refused():
    """Of y1 = x + 1 and y2 = 1 the difference is that of no polygon: at -1 it is 1."""
    theirs = line(([[1], [0]], [1, 1]), ([[1, -1]], [0]))
    ours = line(([[0]], [0]), ([[1]], [0]))
    relations = {"original": {"h1": rows({"of": [[0, "1"], [1, "-1"]], "plus": "0"})}, "reduced": {}}
    with pytest.raises(check.Stop) as stopped:
        tools.compared(ours, theirs, relations)
    assert stopped.value.rule == "of"


def test_a_zero_row_over_a_sigmoid_leaves_its_value():
    ours = line(([[0]], [0]), ([[1]], [0]), functions=[sigma("sigmoid")])
    theirs = line(([[1]], [0]), ([[0]], [0]))
    relations = {"original": {"h1": rows(None, over=None)}, "reduced": {}}
    low, high = bound(ours, theirs, (-1, 1), relations=relations)[0]
    assert low <= HALF <= high
    assert high - low < Fraction(1, 10**9)


def test_dead_in_one_network_and_leaky_in_the_other():
    ours, theirs = one(RELU), one(leaky_relu(rational(1, 2)))
    low, high = bound(ours, theirs, (-1, "-1/2"))[0]
    assert low <= Fraction(1, 4)
    assert high >= HALF


def test_slopes_of_a_curve_are_those_of_the_hull():
    """In [3, 4] and in [-4, -3] the slopes of the sigmoid are at most .046, between the two its mean slope is .151."""
    ours, theirs = one(sigma("sigmoid")), one(sigma("sigmoid"), bias="-7")
    low, high = bound(ours, theirs, (3, 4))[0]
    assert float(low) <= 0.935
    assert float(high) >= 0.9414


def test_silu_where_only_its_minimum_lies():
    ours, theirs = one(sigma("silu")), one(sigma("leaky_relu", "0"))
    low, high = bound(ours, theirs, ("-1.4" and "-7/5", "-6/5"))[0]
    assert -0.2790 < float(low) <= -0.27846
    assert float(high) < -0.27


def test_curves_far_out():
    for name, value in (("sigmoid", 1), ("tanh", 1), ("erf", 1)):
        low, high = bound(one(sigma(name)), one(sigma("leaky_relu", "0"), weight="0"), (10**6, 10**6 + 1))[0]
        assert low <= value <= high
        assert high - low < Fraction(1, 10**9)
    with pytest.raises(check.Stop) as stopped:
        bound(one(sigma("exp")), one(RELU), (10**6, 10**6 + 1))
    assert stopped.value.verdict == "unknown"


def pooling(biases):
    """The larger of two inputs, each plus a number."""
    from exactlump.network.kinds import MaxPool, Reorder, Shift
    from exactlump.network.windows import whole

    nodes = (
        Shift("x", "moved", tuple(map(rational, biases))),
        Reorder("moved", "image", None, (1, 2), 0),
        MaxPool("image", "pool", whole((2,))),
        Reorder("pool", "y", None, (1,)),
    )
    return Network((Port("x", (2,)),), nodes, ("y",))


def test_the_dominant_element_of_one_network_alone_decides_nothing():
    """a = (0, 0) and b = (-1/2, 0): the first element dominates in the first network, and their difference there is
    1/2, but the largest elements are equal."""
    ours, theirs = pooling(("0", "0")), pooling(("-1/2", "0"))
    assert bound(ours, theirs, (0, 0), (0, 0)) == [(0, 0)]
    low, high = bound(ours, theirs, (-1, 1), (-1, 1))[0]
    assert low <= 0
    assert high >= HALF


def test_ends_and_epsilon_are_rounded_the_safe_way(tmp_path):
    """[0, 1/3], epsilon 1/3 and a difference of x: true, and just beyond what 40 digits show."""
    ours, theirs = line(([[1]], [0])), line(([[0]], [0]))
    claim = approximate("1/3", [("0", "1/3")])
    assert verdict(tmp_path, ours, theirs, certificate(claim, [0])).rule == "bound"
    claim = approximate("11/32", [("0", "1/3")])
    assert verdict(tmp_path, ours, theirs, certificate(claim, [0])).verdict == "within"
    assert check.down(Fraction(1, 20)) * 20 < check.WHOLE


def test_decisions_need_a_margin_that_is_not_negative(tmp_path):
    """Where the difference of the margins is at most -1, zero is claimed; a negative number is refused."""
    ours = line(([[0], [0]], ["-1/2", 0]))
    theirs = line(([[0], [0]], ["1/2", 0]))
    claim = approximate(["0", "1"], [("0", "1")], metric="margins")
    assert verdict(tmp_path, ours, theirs, certificate(claim, [0])).verdict == "within"
    claim = approximate(["-1", "1"], [("0", "1")], metric="margins")
    assert verdict(tmp_path, ours, theirs, certificate(claim, [0])).rule == "claim"


def test_sums_of_differences_do_not_split_into_sides(tmp_path):
    """Two outputs that differ by .9 each: not 1 together."""
    ours, theirs = line(([[0], [0]], ["9/10", "9/10"])), line(([[0], [0]], [0, 0]))
    inside = [("0", "1")]
    assert verdict(tmp_path, ours, theirs, certificate(approximate("1", inside), [0])).verdict == "within"
    one_norm = approximate("1", inside, metric="l1")
    assert verdict(tmp_path, ours, theirs, certificate(one_norm, [0])).rule == "bound"
    one_norm = approximate("9/5", inside, metric="l1")
    assert verdict(tmp_path, ours, theirs, certificate(one_norm, [0])).rule == "bound"
    one_norm = approximate("19/10", inside, metric="l1")
    assert verdict(tmp_path, ours, theirs, certificate(one_norm, [0])).verdict == "within"


# --- Certificates --------------------------------------------------------------------------------------


FOLD = line(([[1], [1]], [0, "-1/2"]), ([[1, -2]], [0]))  # a tent
NEAR = line(([[1], [1]], ["1/64", "-1/2"]), ([[1, -2]], [0]))
UNIT_BOX = [("0", "1")]
RAMP = line(([[1], [1]], [0, "-1/2"]), ([[1, -1]], [0]))  # between 0 and 1/2
NOTHING = line(([[0]], [0]), ([[0]], [0]))
ALONE = {"original": {"h1": {"rows": [None, None]}}, "reduced": {}}


@pytest.fixture
def tent(tmp_path):
    """What the checker says of a certificate of the two tents."""
    return lambda claim, *trees, **more: verdict(tmp_path, FOLD, NEAR, certificate(claim, *trees, **more))


def test_a_claim_in_words(tent):
    found = tent(approximate("1/32", UNIT_BOX), [0])
    assert found[:3] == ("within", "1/32 on [0, 1], over the reals, for the networks as stored", 0)


@pytest.fixture
def ramp(tmp_path):
    """What the checker says of a certificate that the ramp is at most 9/16 on [-1, 1]."""
    claim = approximate("9/16", [("-1", "1")])
    return lambda *trees, **more: verdict(tmp_path, RAMP, NOTHING, certificate(claim, *trees, relations=ALONE, **more))


def test_a_tree_shows_what_one_box_does_not(ramp):
    for tree, rule in (([0], "bound"), ([1, 0, 0], "bound"), ([1, 0, 1, 0, 0], "")):
        assert ramp(tree).rule == rule


def test_slopes_show_what_the_derived_ones_do_not(ramp):
    """On [0, 1]: x - 1/2 below the second unit, instead of 0."""
    better = tools.slopes((1, 0, check.UNIT, 0))
    for upper, rule in ((better, ""), (tools.slopes((1, 0, 0, 0)), "bound"), (tools.slopes(), "bound")):
        assert ramp(([1, 0, 0], [[2, 0, 1, upper]])).rule == rule
    assert ramp(([1, 0, 0], [[2, 0, 0, better]])).rule == "bound"


def test_what_a_box_meets_by_its_slopes_is_met_in_its_halves(ramp):
    """On [0, 1] by slopes, and then halved: nothing is left to be shown."""
    better = tools.slopes((1, 0, check.UNIT, 0))
    assert ramp(([1, 0, 1, 0, 0], [[2, 0, 1, better]])).rule == ""
    assert ramp(([1, 1, 0, 0, 1, 1, 0, 0, 0], [[4, 0, 1, better]])).rule == ""


@pytest.mark.parametrize(
    ("tree", "rule"),
    [
        ({"splits": "", "slopes": []}, "tree"),
        ({"splits": "oA==", "slopes": []}, None),
        ({"splits": "8A==", "slopes": []}, "tree"),
        ({"splits": "oQ==", "slopes": []}, "tree"),
        ({"splits": "oAA=", "slopes": []}, "tree"),
        ({"splits": "oB==", "slopes": []}, "format"),
        ({"splits": "oA", "slopes": []}, "format"),
        ({"splits": "é===", "slopes": []}, "format"),
        ({"splits": "oA=="}, "format"),
        ({"splits": "oA==", "slopes": [[5, 0, 0, ""]]}, "slopes"),
        ({"splits": "oA==", "slopes": [[1, 0, 2, ""]]}, "format"),
        ({"splits": "oA==", "slopes": [[1, 0, 0, "AA=="]]}, "format"),
        ({"splits": "oA==", "slopes": [[1, 7, 0, ""]]}, "slopes"),
        ({"splits": "oA==", "slopes": [[2, 0, 0, ""], [1, 0, 0, ""]]}, "format"),
        ({"splits": "gA==", "slopes": [[2, 0, 1, tools.slopes((3, 0, 4096, 0))]]}, "slopes"),
        ({"splits": "gA==", "slopes": [[2, 0, 1, tools.slopes((1, 0, 4096, 0), (1, 0, 4096, 0))]]}, "format"),
        ({"splits": "gA==", "slopes": [[2, 0, 1, tools.slopes((1, 0, 4096, 0))]]}, None),
        ({"splits": "gA==", "slopes": [[2, 0, 1, tools.slopes((0, 0, 4096, 0), (1, 0, 4096, 0))]]}, None),
    ],
)
def test_trees_are_used_up_exactly(ramp, tree, rule):
    """oA== is the bits 10100 000: halved, and its upper half again; 8A== 11110000: cut off; oQ==: a bit too many."""
    found = ramp(trees=[tree])
    assert found.rule == (rule or "")
    assert (found.code == 0) == (rule is None)


def test_an_input_that_is_not_there_or_has_one_value_is_not_halved(tmp_path):
    ours = line(([[1, 1]], [0]), ([[1]], [0]))
    claim = approximate("1", [("0", "1"), ("1/2", "1/2")])
    for tree, rule in (([1, 0, 0], ""), ([2, 0, 0], "tree"), ([3, 0, 0], "tree")):
        assert verdict(tmp_path, ours, ours, certificate(claim, tree, inputs=2)).rule == rule


def test_a_very_deep_tree_ends_without_recursion(tmp_path):
    """Halving to the last digit and beyond."""
    depth = 2000
    found = verdict(tmp_path, FOLD, NEAR, certificate(approximate("1/8", UNIT_BOX), [1] * depth + [0] * (depth + 1)))
    assert (found.verdict, found.rule) == ("rejected", "tree")
    assert "halved, which has one value there" in found.reason


def test_some_boxes_pass_only_by_the_bounds_of_the_box_around_them():
    """The same box with and without its parent's bounds: a checker that forgets them is a weaker one."""
    rng, tighter = seeded(11), 0
    for _ in range(40):
        ours = tools.random_chain(rng, (RELU,), layers=4)
        comparison = tools.compared(ours, tools.jittered(ours, rng))
        low, high = tools.box(*[(-1, 1)] * ours.inputs[0].shape[0])
        parent = tools.known(comparison, low, high).before
        low, high = tools.halved(low, high, rng)
        alone, inherited = (tools.known(comparison, low, high, p).before for p in (None, parent))
        for key, (lows, highs) in alone.items():
            tighter += lows != inherited[key][0] or highs != inherited[key][1]
    assert tighter


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"epsilon": ["1/100"]}, "bound"),
        ({"epsilon": ["1/32", "1/32"]}, "claim"),
        ({"epsilon": []}, "claim"),
        ({"epsilon": ["-1/32"]}, "claim"),
        ({"epsilon": ["2/64"]}, "format"),
        ({"metric": "l2"}, "format"),
        ({"metric": "per-output"}, ""),
        ({"metric": "l1"}, ""),
        ({"arithmetic": "float16"}, "format"),
        ({"domain": {"boxes": []}}, "domain"),
        ({"domain": {"boxes": [{"x": [["1", "0"]]}]}}, "domain"),
        ({"domain": {"boxes": [{"x": [["0", "1"], ["0", "1"]]}]}}, "domain"),
        ({"domain": {"boxes": [{"z": [["0", "1"]]}]}}, "domain"),
        ({"domain": {"boxes": [{"x": [[None, "1"]]}]}}, "domain"),
        ({"domain": {"boxes": [{"x": [["0", "1"]]}] * 2}}, "tree"),
        ({"domain": "all reals"}, "format"),
        ({"specification": "raw nnet"}, "claim"),
        ({"criterion": "exact"}, "format"),
        ({"more": 1}, "format"),
    ],
)
def test_claims_that_are_not_what_they_should_be(tent, change, rule):
    found = tent({**approximate("1/32", UNIT_BOX), **change}, [0])
    assert found.rule == rule


def test_an_input_without_an_end_may_not_be_read(tmp_path):
    ours, theirs = line(([[1, 0]], [0])), line(([[1, 0]], ["1/2"]))
    for pair, rule in ((((0, 1), (None, None)), ""), (((None, 1), (0, 1)), "domain")):
        ends = [tuple(None if end is None else str(end) for end in one) for one in pair]
        assert verdict(tmp_path, ours, theirs, certificate(approximate("1/2", ends), [0], inputs=2)).rule == rule


def test_several_boxes_are_all_shown(tent):
    boxes = ([("0", "1/2")], [("1/2", "1")])
    assert tent(approximate("1/32", *boxes), [0], [0]).code == 0
    assert tent(approximate("1/32", *boxes), [0]).rule == "tree"
    assert tent(approximate("1/100", *boxes), [0], [1, 0, 0]).rule == "bound"


def test_each_output_has_its_own_epsilon(tmp_path):
    ours, theirs = line(([[1], [1]], [0, 0])), line(([[1], [1]], ["1/2", "1/4"]))
    for epsilon, rule in ((["1/2", "1/4"], ""), (["1/4", "1/2"], "bound"), (["1/2"], "claim")):
        claim = approximate(epsilon, UNIT_BOX, metric="per-output")
        assert verdict(tmp_path, ours, theirs, certificate(claim, [0])).rule == rule


def decision(index, *ends):
    """A claim that both networks decide alike everywhere."""
    return {"criterion": "decision", "index": index, "domain": {"boxes": [{"x": [*ends]}]}, "arithmetic": "reals"}


def test_a_decision_of_both_networks(tmp_path):
    ours, theirs = line(([[1], [0]], ["1/4", 0])), line(([[1], [0]], ["1/8", 0]))
    for index, low, rule in ((0, "0", ""), (1, "0", "bound"), (0, "-1/8", "bound"), (2, "0", "claim")):
        found = verdict(tmp_path, ours, theirs, certificate(decision(index, (low, "1")), [0]))
        assert found.rule == rule
    found = verdict(tmp_path, ours, theirs, certificate(decision(0, ("0", "1")), [0]))
    assert found.reason.startswith("both decide 0 on [0, 1]")


def test_margins_bound_the_difference_of_margins(tmp_path):
    """(A_0 - A_1) - (B_0 - B_1) = 1/2 - x/4: at most 1/2, at least 1/4."""
    ours, theirs = line(([[1], [0]], ["1/2", 0])), line(([["5/4"], [0]], [0, 0]))
    for epsilon, rule in ((["1/2", "0"], ""), (["1/4", "0"], "bound"), (["1/2"], "claim")):
        claim = approximate(epsilon, UNIT_BOX, metric="margins")
        assert verdict(tmp_path, ours, theirs, certificate(claim, [0])).rule == rule


def test_the_work_is_limited(tmp_path):
    document = certificate(approximate("1/32", UNIT_BOX), [1, 0, 0])
    deep = line(([[1], [1]], [0, 0]), ([[1, 1]], [0]), ([[1]], [0]))
    assert verdict(tmp_path, deep, deep, document).code == 0
    found = verdict(tmp_path, deep, deep, document, max_work=20)
    assert (found.verdict, found.rule) == ("unknown", "budget")


def test_heads_are_refused_by_name(tmp_path):
    from exactlump.network.kinds import Head

    for kind in ("softmax", "argmax"):
        head = replace(FOLD, nodes=(*FOLD.nodes, Head("d2", "y", kind)), outputs=("y",))
        found = verdict(tmp_path, head, head, certificate(approximate("1", UNIT_BOX), [0]))
        assert found.verdict == "unsupported"
        assert kind in found.reason


def test_other_files_are_other_files(tmp_path):
    document = certificate(approximate("1/32", UNIT_BOX), [0])
    file = {"format": "json", "sha256": "0" * 64, "tensors": {}, "external": {}}
    assert verdict(tmp_path, FOLD, NEAR, {**document, "original": file}).rule == "hash"


def test_several_processes_say_the_same(tmp_path):
    """The answer of one process and of two, for a tree that shows its claim and for one that does not."""
    ours = line(([[1, 1], [-1, 1], [1, -2]], [0, 0, 0]), ([[1, 1, 1], [1, -1, 1]], [0, 0]), ([[1, 1]], [0]))
    theirs = tools.jittered(ours, seeded(1), Fraction(1, 64))
    tree = [1, 2, 1, 0, 0, 1, 0, 0, 2, 1, 0, 0, 1, 0, 0]
    tree = [1, *tree, *tree]
    for epsilon in ("4", "1/1000"):
        claim = approximate(epsilon, [("-1", "1"), ("-1", "1")])
        answers = {verdict(tmp_path, ours, theirs, certificate(claim, tree, inputs=2), jobs=n)[::2] for n in (1, 2)}
        assert len(answers) == 1


def test_the_checker_alone_checks_bounds(tmp_path):
    """As a program by itself, with all its options."""
    verdict(tmp_path, FOLD, NEAR, certificate(approximate("1/32", UNIT_BOX), [1, 0, 0]))
    paths = [str(tmp_path / name) for name in ("original.json", "reduced.json", "certificate.json")]
    command = [sys.executable, "-I", check.__file__, *paths, "--max-work", "100000", "--jobs", "2", "--json"]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    assert json.loads(found.stdout)["verdict"] == "within"


def test_processes_are_imported_only_when_asked_for():
    code = f"import runpy, sys; runpy.run_path({check.__file__!r}); print('multiprocessing' in sys.modules)"
    found = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"


# --- Slopes of a leaf ------------------------------------------------------------------------------------


def test_other_slopes_are_sound_and_sometimes_better():
    """Slopes near the derived ones and far from them: no exact value lies outside; some are better than the derived."""
    rng, better = seeded(21), 0
    for _ in range(30):
        ours = tools.random_chain(rng, (RELU, leaky_relu(rational(1, 4)), sigma("clip", "-1", "1")), layers=3)
        theirs = tools.jittered(ours, rng)
        comparison = tools.compared(ours, theirs)
        bounder = comparison.bounder
        low, high = tools.box(*[(-1, 1)] * ours.inputs[0].shape[0])
        state = tools.known(comparison, low, high)
        ((derived,),) = bounder.bounds(state, "d", check.OUTPUTS, [0], [1])
        for wide in (8192, 8192, 400, 400, 400, 400):
            entries, number = [], 0
            for stage in bounder.stages:
                for pair in stage.pairs:
                    own = state.lines["b", stage.over][pair.k].below, *state.planes[stage.ours][pair.e][1][:2]
                    entries.append((number, *(slope + rng.randint(-wide, wide) for slope in own)))
                    number += 1
            ((found,),) = bounder.bounds(bounder.sloped(state, entries), "d", check.OUTPUTS, [0], [1])
            better += found > derived
            for x in tools.points(low, high, rng, 3):
                gap = outputs(ours, x)[0] - outputs(theirs, x)[0]
                assert gap >= Fraction(found, check.WHOLE)
    assert better


def test_a_slope_of_two_is_no_line_below_relu():
    """With s = 2 below ReLU, the intercept is that of the line, not 0."""
    ours, theirs = line(([[0]], [0]), ([[1]], [0])), one(RELU)
    comparison = tools.compared(ours, theirs)
    state = tools.known(comparison, *tools.box((-1, 1)))
    sloped = comparison.bounder.sloped(state, [(0, 2 * check.UNIT, 0, 0)])
    (line_,) = sloped.lines["b", 1]
    assert line_.under == -check.UNIT * check.WHOLE
    assert comparison.bounder.bounds(sloped, "d", check.OUTPUTS, [0], [-1])[0][0] <= 0


# --- Counterexamples as certificates ---------------------------------------------------------------------


def different(x, ours, theirs, **more):
    """A certificate that outputs differ."""
    claims = {"original": [*map(str, ours)], "reduced": [*map(str, theirs)]}
    return certificate({"criterion": "different"}, trees=None, input={"x": [*map(str, x)]}, outputs=claims, **more)


def test_an_input_at_which_outputs_differ(tmp_path):
    x = [Fraction(1, 3)]
    ours, theirs = outputs(FOLD, x), outputs(NEAR, x)
    found = verdict(tmp_path, FOLD, NEAR, different(x, ours, theirs))
    assert found[:3] == ("different", "output 0 differs by -1/64 (about -0.015625) at the input of the certificate", 1)
    for bad in (
        different(x, ours, ours),
        different([Fraction(1, 2)], ours, theirs),
        different([*x, *x], ours, theirs),
        different(x, ours, [*theirs, 0]),
    ):
        assert verdict(tmp_path, FOLD, NEAR, bad).verdict == "rejected"
    assert verdict(tmp_path, FOLD, FOLD, different(x, ours, ours)).rule == "outputs"


def test_an_irrational_value_is_no_counterexample(tmp_path):
    ours = one(sigma("sigmoid"))
    found = verdict(tmp_path, ours, ours, different([1], [HALF], [HALF]))
    assert found.verdict == "unsupported"
    found = verdict(tmp_path, ours, one(sigma("sigmoid"), bias="1", weight="0"), different([0], [HALF], [HALF]))
    assert found.verdict == "unsupported"


# --- One network -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
def test_the_bounds_of_one_network_alone(seed):
    """Over the boxes of a tree: every exact value lies between."""
    rng = seeded(300 + seed)
    for _ in range(6):
        network = tools.random_chain(rng)
        low, high = tools.box(*[(-1, 1)] * network.inputs[0].shape[0])
        found = check.unit_bounds(tools.checked(network), [(low, high)], [[1, 0, 0]], 10**9)
        for x in tools.points(low, high, rng, 6):
            values = oracle.valuation(network, [x])
            for name, (lows, highs) in found.items():
                source = next(node.source for node in network.nodes if node.target == name)
                for y, least, most in zip(values[source], lows, highs, strict=True):
                    assert Fraction(least, check.WHOLE) <= y <= Fraction(most, check.WHOLE)


def test_units_that_never_fire_on_a_box():
    network = line(([[1], [1]], ["-2", "2"]), ([[1, 1]], [0]))
    found = check.unit_bounds(tools.checked(network), [tools.box((-1, 1))], [[0]], 10**9)
    assert found == {"h1": ([-3 * check.WHOLE, check.WHOLE], [-check.WHOLE, 3 * check.WHOLE])}
