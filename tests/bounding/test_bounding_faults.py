# SPDX-License-Identifier: Apache-2.0
"""This file is about faults that are planted in the checker's bounds: the tests see each of them.

A fault is a change of the source, applied to a copy of check.py.  The probes are the same questions that the other
tests ask: certificates with known answers, integers of the proved checker, and exact values of random pairs.
"""

import importlib.util
import itertools
import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from exactlump import Network, check
from exactlump.network.activations import RELU, Activation, leaky_relu
from exactlump.network.kinds import Dense
from exactlump.numbers.matrix import Matrix
from exactlump.numbers.rational import rational
from tests import bounding_tools as tools
from tests.bounding_tools import approximate, certificate, seeded
from tests.checker.test_check_bounds import line, pooling
from tests.image_networks import image_network
from tests.strategies import relu_chain

SOURCE = Path(check.__file__).read_text()

FAULTS = {
    "a cell of the polygon forgotten": (
        "for x, z in itertools.product(ours.pieces, theirs.pieces)",
        "for x, z in zip(ours.pieces, theirs.pieces, strict=False)",
    ),
    "a candidate of duality that is no bound": ("            by_x + by_z,", "            by_x + by_z - 1,"),
    "the line above for the line below": (
        "[line[2:] for line in lines], [line[:2] for line in lines]",
        "[(line[2], line[1]) for line in lines], [(line[0], line[3]) for line in lines]",
    ),
    "the slope above for the slope below": (
        "[line[2:] for line in lines], [line[:2] for line in lines]",
        "[(line[0], line[3]) for line in lines], [(line[2], line[1]) for line in lines]",
    ),
    "the plane above for the plane below": (
        "[below for _, below in planes], [above for above, _ in planes]",
        "[above for above, _ in planes], [below for _, below in planes]",
    ),
    "the tightening of the second network reversed": (
        "z = max(z[0], x[0] - d[1]), min(z[1], x[1] - d[0])",
        "z = max(z[0], x[0] - d[0]), min(z[1], x[1] - d[1])",
    ),
    "the tightening of the difference reversed": (
        "d = max(d[0], x[0] - z[1]), min(d[1], x[1] - z[0])",
        "d = max(d[0], x[0] - z[0]), min(d[1], x[1] - z[1])",
    ),
    "a leaf not looked at": (
        'hold("bound", done or tree.splits[node], "its bounds do not show the claim',
        'hold("bound", done or node, "its bounds do not show the claim',
    ),
    "the upper half left out": (
        "return [Task(number, second, upper, high, known), Task(number, node + 1, low, lower, known)]",
        "return [Task(number, node + 1, low, lower, known)]",
    ),
    "the halves swapped": (
        "return [Task(number, second, upper, high, known), Task(number, node + 1, low, lower, known)]",
        "return [Task(number, second, low, lower, known), Task(number, node + 1, upper, high, known)]",
    ),
    "the middle a digit too low": (
        "lower[i] = upper[i] = middle",
        "lower[i], upper[i] = middle - (1 << 30), middle",
    ),
    "the sequence cut off": (
        'hold("tree", byte is not None, "splits: found the end, expected more boxes")',
        "pass",
    ),
    "the bounds of another box": (
        "        state = State(low, high)\n        for stage in self.stages:",
        "        state, parent, self.kept = State(low, high), parent or getattr(self, 'kept', None), None\n"
        "        self.kept = state.before\n        for stage in self.stages:",
    ),
    "epsilon rounded up": (
        'epsilon, count = [*map(down, claim["epsilon"])]',
        'epsilon, count = [*map(up, claim["epsilon"])]',
    ),
    "a jump ignored": (
        "(min(slopes), max(slopes)) if smooth or len(found) == 1 else None)",
        "(min(slopes), max(slopes)))",
    ),
    "one side of a jump forgotten": (
        "if begin < end or (begin == end and not smooth)",
        "if begin < end",
    ),
    "what rounding cuts off not charged": (
        "self.plus(sum([rest * y for rest, y in zip(rests, low[j], strict=True) if y]), d, charged)",
        "self.plus(0, d, charged)",
    ),
    "ends rounded inwards": (
        "([down(pair[0]) if pair else 0 for pair in ends], [up(pair[1]) if pair else 0 for pair in ends])",
        "([up(pair[0]) if pair else 0 for pair in ends], [down(pair[1]) if pair else 0 for pair in ends])",
    ),
    "what a part of the demand is met for taken as all": (
        "if parent is None or goal.total is not None or not demanded.met(state.before)",
        "if parent is None or goal.total is not None",
    ),
    "the largest difference for the sum of all": (
        'return sum(max(map(abs, ends)) for ends in zip(*state.before["d", OUTPUTS], strict=True)) <= goal.total',
        'return max(max(map(abs, ends)) for ends in zip(*state.before["d", OUTPUTS], strict=True)) <= goal.total',
    ),
    "margins of the wrong side": (
        "sides = [(margin[j, y], margin[y, j]) for y, j in pairs]",
        "sides = [(margin[y, j], margin[j, y]) for y, j in pairs]",
    ),
    "a decision that may be a tie": ("Demand(x, t, 1 + e)", "Demand(x, t, e - (1 << 40))"),
    "slopes of one interval for both": (
        "f(min(a, c), max(b, d)) if f is g else None, parts)",
        "f(a, b) if f is g else None, parts)",
    ),
    "the dominant element of one network": (
        'same = line.above > 0 and state.lines["b", b][at].above > 0 and state.places["b", b][at] == pair.k',
        "same = line.above > 0",
    ),
    "an intercept kept for another slope": (
        "lines[pair.k] = lines[pair.k]._replace(below=below, under=under)",
        "lines[pair.k] = lines[pair.k]._replace(below=below)",
    ),
    "corners of the box swapped": (
        "(state.least[name][0], state.most[name][0])",
        "(state.most[name][0], state.least[name][0])",
    ),
    "a ratio rounded inwards": (
        "return math.floor(ends[0]), math.ceil(ends[1])",
        "return math.ceil(ends[0]) + (1 << 20), math.floor(ends[1]) - (1 << 20)",
    ),
    "the ratio of a class forgotten": ("classes[pair.k] += x * factor", "classes[pair.k] += x * stage.ratios"),
    "integers longer than lanes have room for": ("if any(x + lift & beyond for x in found if x):", "if False:"),
    "lanes that never run over": ("if self.count and size >> self.bits - 3:", "if self.count and self.bits == 8:"),
    "lanes divided as one integer": ("rests = [y & mask for y in lifted]", "rests = [y & d - 1 for y in lifted]"),
    "an element that lives taken for dead": (
        "state.alive[family, j] = [any(line) or low != 0",
        "state.alive[family, j] = [line[0] != line[2] or low != 0",
    ),
    "underflow forgotten": ("count * TINY * (1 + g)", "0 * TINY"),
    "a step of a quantiser forgotten": (
        "if n - m <= FEW:",
        "n = min(n, m + 1)\n    if n - m <= FEW:",
    ),
}


def loaded(folder, name, source):
    """A module of a source."""
    path = folder / f"{name}.py"
    path.write_text(source)
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# --- Probes: what they find wrong with a checker, first the quick ones -----------------------------------

RAMP = line(([[1], [1]], [0, "-1/2"]), ([[1, -1]], [0]))
NOTHING = line(([[0]], [0]), ([[0]], [0]))
ALONE = {"original": {"h1": {"rows": [None, None]}}, "reduced": {}}
LINEAR, ZERO = line(([[1]], [0])), line(([[0]], [0]))
UNIT_BOX = [("0", "1")]
# 0 but between 1/2 - 2^-10 and 1/2, where it rises to 2^-11.
PEAK = line(([[1], [1], [1]], ["-511/1024", "-1023/2048", "-1/2"]), ([[1, -2, 1]], [0]))
LEFT_OUT = {"original": {"h1": {"rows": [None, None, None]}}, "reduced": {}}
BETTER = tools.slopes((1, 0, check.UNIT, 0))


def decision(index, *ends):
    """A claim that both networks decide alike."""
    return {"criterion": "decision", "index": index, "domain": {"boxes": [{"x": [*ends]}]}, "arithmetic": "reals"}


def cases():
    """Two networks, a certificate, and the rule that it breaks ("": none)."""
    wide = approximate("9/16", [("-1", "1")])
    for tree, rule in (([0], "bound"), ([1, 0, 0], "bound"), ([1, 0, 1, 0, 0], ""), ([1, 1, 0, 0, 0], "bound")):
        yield RAMP, NOTHING, certificate(wide, tree, relations=ALONE), rule
    for data, rule in (("oA==", ""), ("8A==", "tree"), ("oQ==", "tree")):
        trees = [{"splits": data, "slopes": []}]
        yield RAMP, NOTHING, certificate(wide, trees=trees, relations=ALONE), rule
    for slopes, rule in (([[2, 0, 1, BETTER]], ""), ([[2, 0, 0, BETTER]], "bound")):
        yield RAMP, NOTHING, certificate(wide, ([1, 0, 0], slopes), relations=ALONE), rule
    third = [("0", "1/3")]
    yield LINEAR, ZERO, certificate(approximate("1/3", third), [0]), "bound"
    yield LINEAR, ZERO, certificate(approximate("11/32", third), [0]), ""
    inner = [("1/3", "1/2")]  # 1 - x is at most 2/3, and 1/3 has no end
    falling = line(([[-1]], [1]))
    yield falling, ZERO, certificate(approximate(str(Fraction(2 * check.WHOLE // 3, check.WHOLE)), inner), [0]), "bound"
    ours, theirs = line(([[0], [0]], ["9/10", "9/10"])), line(([[0], [0]], [0, 0]))
    for epsilon, metric, rule in (("1", "max", ""), ("1", "l1", "bound"), ("19/10", "l1", "")):
        yield ours, theirs, certificate(approximate(epsilon, UNIT_BOX, metric=metric), [0]), rule
    ours, theirs = line(([[1], [0]], ["1/2", 0])), line(([["5/4"], [0]], [0, 0]))
    for epsilon, rule in ((["1/2", "0"], ""), (["0", "1/2"], "bound")):
        yield ours, theirs, certificate(approximate(epsilon, UNIT_BOX, metric="margins"), [0]), rule
    ours, theirs = line(([[1], [0]], ["1/4", 0])), line(([[1], [0]], ["1/8", 0]))
    for low, rule in (("0", ""), ("-1/8", "bound")):
        yield ours, theirs, certificate(decision(0, (low, "1")), [0]), rule
    ours, theirs = line(([["1/2"], [1]], [0, 0])), line(([["1/2"], [0]], [0, 0]))
    claim = approximate("1/3", [("-1", "1")])
    yield ours, theirs, certificate(claim, [1, 0, 0]), "bound"
    halves = approximate("1/4096", UNIT_BOX)  # the peak is where one half ends
    yield PEAK, NOTHING, certificate(halves, [1, 0, 0], relations=LEFT_OUT), "bound"
    yield PEAK, NOTHING, certificate(approximate("1/256", UNIT_BOX), [1, 0, 0], relations=LEFT_OUT), ""
    fold, alone = line(([[1]], [0]), ([[1]], [0])), {"original": {"h1": {"rows": [None]}}, "reduced": {}}
    two = approximate("1/2", [("-1", "1/8")], [("-1", "1")])  # what is known of the first box is not so in the second
    yield fold, NOTHING, certificate(two, [0], [0], relations=alone), "bound"
    apart = approximate("1", [("0", "1/8")], [("7/8", "1")])
    yield fold, NOTHING, certificate(apart, [0], [0], relations=alone), ""
    far = [(str(-(1 << 50)), "0")]  # a third of it is no multiple of 2^-48 of it
    yield line(([["1/3"]], [0])), ZERO, certificate(approximate(f"{(1 << 50) - 3}/3", far), [0]), "bound"
    yield line(([["1/3"]], [0])), ZERO, certificate(approximate(f"{(1 << 50) + 3}/3", far), [0]), ""
    unread = line(([[1, 0]], [0])), line(([[1, 0]], ["1/2"]))
    yield *unread, certificate(approximate("1/2", [("0", "1"), (None, None)]), [0], inputs=2), ""


def by_certificates(folder):
    """Certificates with known answers."""
    for number, (ours, theirs, document, rule) in enumerate(cases()):
        found = tools.verdict(folder, ours, theirs, document)
        if found.rule != rule:
            yield f"certificate {number}: found {found}"


def by_underflow(_):
    """Weights that underflow in float32: up to 1 in exact numbers, 0 in a machine."""
    small, large, last = (rational(2) ** power for power in (-100, 100, 50))
    names = itertools.pairwise(("x", "s1", "s2", "y"))
    ours = replace(  # without functions between, as what these come to is known to 2^-40 only
        Network.chain([[[1]]]),
        nodes=tuple(
            Dense(*pair, Matrix.of([[w]]), (rational(0),)) for pair, w in zip(names, (small, large, last), strict=True)
        ),
    )
    comparison = tools.compared(ours, ours)
    for half in (comparison.original, comparison.reduced):
        half.network.kinds.add(1)
    if comparison.float_errors([tools.box((0, Fraction(1, 1 << 50)))], "a")[0] < check.WHOLE:
        yield "no underflow"


def by_polygons(_):
    """The greatest p*x + q*z in small polygons, against all points of a grid, which has their vertices."""
    rng = seeded(5)
    for _ in range(300):
        x, z, d = (sorted((rng.randint(-3, 3), rng.randint(-3, 3))) for _ in range(3))
        points = [(a, b) for a in range(x[0], x[1] + 1) for b in range(z[0], z[1] + 1) if d[0] <= a - b <= d[1]]
        p, q = rng.randint(-4, 4), rng.randint(-4, 4)
        everywhere = tools.check.Piece(-9, 9, 0, 0, 0)
        part = tools.check.Polygon((*x,), (*z,), (*d,)).within(everywhere, everywhere)
        found = None if part is None else part.greatest(p, q)
        most = max((p * a + q * b for a, b in points), default=None)
        if found != most:
            yield f"{p}, {q} on {x}, {z}, {d}: found {found}, expected {most}"


def by_ratios(_):
    """Pairs whose units stand for multiples of others, with weights that are near these multiples."""
    relations = {"original": {"h1": {"over": "h1", "rows": [[0, "4"], [1, "1/5"]]}}, "reduced": {}}
    for seed in range(12):
        rng = seeded(seed)
        w = [[Fraction(rng.randint(-8, 8), 4) for _ in range(2)] for _ in range(4)]
        ours = line((w[:2], w[2]), ([w[3]], [0]))
        near = [
            [
                [x * k + Fraction(rng.randint(-4, 4), 16) for x in row]
                for row, k in zip(w[:2], (Fraction(1, 4), 5), strict=True)
            ]
        ]
        bias = [b * k for b, k in zip(w[2], (Fraction(1, 4), 5), strict=True)]
        theirs = line((near[0], bias), ([[w[3][0] * 4, w[3][1] / 5 + Fraction(1, 8)]], [0]))
        yield from tools.escapes(ours, theirs, rng, relations, depth=1, count=8)


def by_proved_integers(_):
    """Integers that the checker extracted from proofs gave."""
    text = (Path(__file__).parents[1] / "proved_bounds.json").read_text()
    for case in json.loads(text)[:12]:
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
        state = comparison.bounder.node(case["low"], case["high"], None)
        hidden = [
            [*state.before["a", s.ours], *state.before["b", s.over], *state.before["d", s.ours]]
            for s in comparison.stages
        ]
        if hidden != case["nodes"][0]["hidden"]:
            yield "other integers"


def by_exact_values(_):
    """Exact values of chosen and random pairs."""
    rng = seeded(3)
    scaled = {"original": {"h1": {"over": "h1", "rows": [[0, "1/3"], [1, "7"]]}}, "reduced": {}}
    wide = relu_chain(([["1", "2"], ["-1", "1"]], ["0", "1/7"]), ([["1", "1"]], ["1"]))
    other = relu_chain(([["3", "6"], ["-1/7", "1/7"]], ["0", "0"]), ([["1/3", "7"]], ["1"]))
    for _ in range(12):
        yield from tools.escapes(wide, other, rng, scaled)
    pools = pooling(("0", "0")), pooling(("-1/2", "0"))
    for _ in range(30):
        yield from tools.escapes(*pools, rng, depth=2)
    jumps = [
        Activation(name, tuple(map(rational, p))) for name, *p in (("sign",), ("floor",), ("thresholded_relu", "1"))
    ]
    functions = [(f,) for f in (RELU, leaky_relu(rational("1/4")), *jumps, Activation("round"))]
    for functions_ in [*functions, tools.FUNCTIONS]:
        for _ in range(20):
            ours = tools.random_chain(rng, functions_, layers=4)
            theirs = tools.jittered(ours, rng, Fraction(rng.choice((1, 8)), 8))
            if rng.random() < 0.2:
                theirs = tools.with_functions(theirs, lambda: rng.choice(tools.FUNCTIONS))
            yield from tools.escapes(ours, theirs, rng)
    for _ in range(6):
        ours = tools.with_functions(image_network(rng.randrange(10**6)), lambda: rng.choice(tools.FUNCTIONS))
        yield from tools.escapes(ours, tools.jittered(ours, rng), rng)


def by_slopes(_):
    """Other slopes for a leaf."""
    ours, theirs = line(([[0]], [0]), ([[1]], [0])), line(([[1]], [0]), ([[1]], [0]))
    comparison = tools.compared(ours, theirs)
    state = tools.known(comparison, *tools.box((-1, 1)))
    sloped = comparison.bounder.sloped(state, [(0, 2 * check.UNIT, 0, 0)])
    if comparison.bounder.bounds(sloped, "d", check.OUTPUTS, [0], [-1])[0][0] > 0:
        yield "a slope of two below"
    if sloped.lines["b", 1][0].under != -check.UNIT * check.WHOLE:
        yield "another intercept"


def by_curves(_):
    """The slope of the sigmoid between 3 and -4 is that of neither end."""
    ours = line(([[1]], [0]), ([[1]], [0]), functions=[Activation("sigmoid")])
    theirs = line(([[1]], ["-7"]), ([[1]], [0]), functions=[Activation("sigmoid")])
    low, high = tools.bound(ours, theirs, (3, 4))[0]
    if not (float(low) <= 0.935 and float(high) >= 0.9414):
        yield "the slopes of one interval"


def by_lanes(_):
    """Coefficients that grow by thousands in each layer; a wide box after a narrow one, and by itself."""
    rows = [[3000, -2000], [1000, 4000]]
    ours = line((rows, [1, "-1/3"]), (rows, [0, 0]), (rows, [5, 0]), ([[1000, 1000]], [0]))
    theirs = line((rows, [1, "-1/3"]), (rows, [0, 0]), ([[3000, -2001], [1000, 4000]], [5, 0]), ([[1000, 1000]], [0]))
    used, found = tools.compared(ours, theirs), []
    for comparison, widths in ((used, (Fraction(1, 1 << 20), 1, 1 << 20)), (tools.compared(ours, theirs), (1 << 20,))):
        for width in widths:
            state = tools.known(comparison, *tools.box((-width, width), (-width, width)))
        found.append(state.before)
    if found[0] != found[1]:
        yield "other bounds than of the box alone"
    yield from tools.escapes(ours, theirs, seeded(4), depth=2)


PROBES = (
    by_lanes,
    by_certificates,
    by_underflow,
    by_polygons,
    by_slopes,
    by_curves,
    by_ratios,
    by_proved_integers,
    by_exact_values,
)


def complaints(module, folder, monkeypatch):
    """What the probes find wrong with a checker; what stops it is wrong, too."""
    monkeypatch.setattr(tools, "check", module)
    for probe in PROBES:
        try:
            for complaint in probe(folder):
                yield probe.__name__, complaint
        except (module.Stop, AssertionError, LookupError, ArithmeticError, ValueError) as error:
            yield probe.__name__, error


def test_a_copy_without_a_fault_has_none(tmp_path, monkeypatch):
    assert [*complaints(loaded(tmp_path, "copied", SOURCE), tmp_path, monkeypatch)] == []


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_seen(fault, tmp_path, monkeypatch):
    old, new = FAULTS[fault]
    assert SOURCE.count(old) == 1, "the fault does not fit the source"
    module = loaded(tmp_path, "faulty", SOURCE.replace(old, new))
    first = next(complaints(module, tmp_path, monkeypatch), None)
    assert first is not None
    print(f"{fault}: seen by {first[0]}")
