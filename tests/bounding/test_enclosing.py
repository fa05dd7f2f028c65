# SPDX-License-Identifier: Apache-2.0
"""This file is about values that are irrational: both enclosures hold the true ones, and differences are shown by them.

The true values are those of mpmath to 60 digits, put through networks by the oracle in rationals.
"""

import json
from fractions import Fraction
from itertools import pairwise

import mpmath
import numpy as np
import pytest

from exactlump import check, formats
from exactlump.bounding import enclosing
from exactlump.bounding.certifying import difference_certificate
from exactlump.bounding.curve_values import curved
from exactlump.bounding.enclosing import Enclosing, Ends, rounded, size
from exactlump.cli.main import main
from exactlump.errors import UnsupportedLayer
from exactlump.network.activations import Activation
from exactlump.network.kinds import Head
from exactlump.network.program import Network as Program
from exactlump.network.views import Port
from exactlump.numbers.rational import ONE, ZERO, rational
from exactlump.points.floating import number
from exactlump.refutation.question import Question
from exactlump.verbs.bounded import bound
from exactlump.verbs.comparing import compare
from exactlump.verbs.enclosing import separated
from exactlump.verbs.refuting import refute
from tests import bounding_tools as tools
from tests import oracle
from tests.bounding.test_bounding import CURVED
from tests.bounding_tools import FUNCTIONS, as_fraction, seeded, verdict
from tests.image_networks import image_network
from tests.strategies import relu_chain

TRUE = {
    "sigmoid": lambda y: 1 / (1 + mpmath.exp(-y)),
    "tanh": mpmath.tanh,
    "silu": lambda y: y / (1 + mpmath.exp(-y)),
    "softplus": lambda y: mpmath.log1p(mpmath.exp(y)),
    "log_sigmoid": lambda y: -mpmath.log1p(mpmath.exp(-y)),
    "exp": mpmath.exp,
    "erf": mpmath.erf,
    "gelu": lambda y: y * (1 + mpmath.erf(y / mpmath.sqrt(2))) / 2,
    "gelu_tanh": lambda y: y / 2 * (1 + mpmath.tanh(mpmath.sqrt(2 / mpmath.pi) * (y + mpmath.mpf("0.044715") * y**3))),
    "mish": lambda y: y * mpmath.tanh(mpmath.log1p(mpmath.exp(y))),
    "softsign": lambda y: y / (1 + abs(y)),
    "sin": mpmath.sin,
    "cos": mpmath.cos,
    "hard_swish": lambda y: y * min(max(y / 6 + mpmath.mpf(1) / 2, 0), 1),
    "erf_gate": lambda y, a, c: c * y * (1 + mpmath.erf(a * y)),
    "hard_gate": lambda y, a, b: y * min(max(a * y + b, 0), 1),
    "elu": lambda y, a: y if y >= 0 else a * mpmath.expm1(y),
    "celu": lambda y, a: y if y >= 0 else a * mpmath.expm1(y / a),
    "selu": lambda y, a, g: g * (y if y >= 0 else a * mpmath.expm1(y)),
    "surd": lambda y, d: y * mpmath.sqrt(d),
}
DIGITS = Fraction(1, 10**40)  # the true values are known better than to this
# Those of which more is enclosed than that values lie between -1 and 1.
CURVES = [function for function in CURVED if function.name not in ("sin", "cos", "exp")]  # exp of exp is too large


def true(function, y):
    """The value of a function to 60 digits, as a Fraction; exact where the oracle is."""
    if function.name not in TRUE:
        return oracle.known(function, y, Fraction(0))
    with mpmath.workdps(60):
        parts = [mpmath.mpf(q.numerator) / q.denominator for q in (y, *map(as_fraction, function.parameters))]
        words = mpmath.nstr(TRUE[function.name](*parts), 58, min_fixed=-1, max_fixed=-1)
    return Fraction(words)


@pytest.fixture
def truth(monkeypatch):
    """The oracle, with the true functions."""
    monkeypatch.setattr(oracle, "sigma", true)


def inside(ends, values):
    """Whether values lie between ends, as far as they are known."""
    pairs = zip(*ends, values, strict=True)
    return all(as_fraction(low) - DIGITS <= y <= as_fraction(high) + DIGITS for low, high, y in pairs)


def with_curves(seed, functions):
    """A random chain with some functions, none of which jumps, and an exact input."""
    rng = seeded(seed)
    network = tools.random_chain(rng, functions)
    count = network.inputs[0].shape[0]
    return network, tuple(rational(rng.randint(-3000, 3000), rng.choice((1000, 1024, 7))) for _ in range(count))


SMOOTH = [f for f in FUNCTIONS if f.name in ("leaky_relu", "clip", "at_least", "at_most", "hard_sigmoid", "hard_swish")]


@pytest.mark.parametrize("seed", range(60))
def test_both_enclosures_hold_the_true_values(seed, truth):
    network, x = with_curves(seed, CURVES + SMOOTH)
    values = tools.outputs(network, [*map(as_fraction, x)])
    ends = Enclosing(network).enclosed(x)
    assert inside(ends, values)
    assert all(high - low < rational(1, 10**9) for low, high in zip(*ends, strict=True))
    comparison = tools.compared(network, network)
    for family in "ab":
        found = [*zip(*comparison.enclose(family, [*map(as_fraction, x)]), strict=True)]
        assert inside(found, values)
        assert all(high - low < Fraction(1, 10**6) for low, high in zip(*found, strict=True))


@pytest.mark.parametrize("seed", range(8))
def test_both_enclosures_of_images_hold_the_true_values(seed, truth):
    rng = seeded(seed)
    network = tools.with_functions(image_network(seed), lambda: rng.choice(CURVES))
    count = sum(network.units(port.name) * network.views[port.name].positions for port in network.inputs)
    x = tuple(rational(rng.randint(-8, 8), 8) for _ in range(count))
    values = tools.outputs(network, [*map(as_fraction, x)])
    assert inside(Enclosing(network).enclosed(x), values)
    found = tools.compared(network, network).enclose("a", [*map(as_fraction, x)])
    assert inside([*zip(*found, strict=True)], values)


def ranges(function):
    """Ranges of numbers, and values of the function in each."""
    rng = seeded(str(function))
    for _ in range(40):
        low = Fraction(rng.randint(-4 * 8, 4 * 8), 8)
        high = low + rng.choice((Fraction(0), Fraction(1, 1 << 50), Fraction(1, 8), Fraction(3)))
        inside_ = (low + (high - low) * Fraction(rng.randint(0, 64), 64) for _ in range(10))
        yield low, high, [true(function, y) for y in (low, high, *inside_)]


def strays(function, enclosed):
    """Whether a value lies outside of what the checker says of a range."""
    named = function.name, tuple(map(as_fraction, function.parameters))
    for low, high, values in ranges(function):
        found = enclosed(named, check.Range(int(low * check.FULL), int(high * check.FULL)))
        ends = Fraction(found.low, check.FULL) - DIGITS, Fraction(found.high, check.FULL) + DIGITS
        if not all(ends[0] <= value <= ends[1] for value in values):
            return True
    return False


@pytest.mark.parametrize("function", [*FUNCTIONS, *CURVED], ids=str)
def test_the_values_on_a_range_lie_between_its_ends(function):
    """Of the checker, and of the engine; also across kinks and jumps."""
    assert not strays(function, check.enclosed)
    for low, high, values in ranges(function):
        mine = enclosing._value(function, _ball(low).union(_ball(high)))
        ends = [enclosing._end(-1, mine)], [enclosing._end(1, mine)]
        assert all(inside(ends, [value]) for value in values)


@pytest.mark.parametrize("function", CURVED, ids=str)
def test_curves_lie_in_their_pieces(function):
    """Of the checker: the value at every point, and every difference quotient."""
    rng, named = seeded(str(function)), (function.name, tuple(map(as_fraction, function.parameters)))
    for _ in range(30):
        low = rng.randint(-8, 8) * check.WHOLE // 2
        high = low + rng.choice((0, 1, check.WHOLE >> 6, check.WHOLE, 5 * check.WHOLE))
        found, known = check.course(named, low, high), []
        for piece in found.pieces:
            for end in (piece.low, piece.high, rng.randint(piece.low, piece.high)):
                value = true(function, Fraction(end, check.WHOLE)) * check.UNIT * check.WHOLE * found.scale
                assert piece.slope * end + piece.least <= value + 1
                assert value - 1 <= piece.slope * end + piece.most
                known.append((end, value))
        for (x, y), (z, w) in pairwise(known):
            assert x == z or found.slopes[0] - 1 <= (w - y) / (z - x) <= found.slopes[1] + 1


def _ends_alone(function, y):
    return check.around([check.enclosed(function, check.Range(end, end)) for end in (y.low, y.high)])


FAULTS = {
    "breaks are forgotten": (_ends_alone, "leaky_relu", "clip", "thresholded_relu", "gelu", "silu", "mish"),
    "the upper end is that of the lower one": (
        lambda f, y: check.enclosed(f, check.Range(y.low, y.low)),
        *("sigmoid", "tanh", "floor", "at_least", "exp"),
    ),
    "what series leave out is left out": (
        lambda f, y: check.Range((found := check.enclosed(f, y)).low + 64, max(found.high, found.low + 64)),
        *("sigmoid", "tanh", "erf", "softplus"),
    ),
    "one limit counts at a jump": (
        lambda f, y: check.around([check.number(check.value_at(f, Fraction(e, check.FULL))) for e in (y.low, y.low)]),
        *("sign", "bipolar_sign", "quantize"),
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_faults_in_enclosures_are_seen(name):
    faulty, *functions = FAULTS[name]
    known = {function.name: function for function in (*FUNCTIONS, *CURVED)}
    known["leaky_relu"] = Activation("leaky_relu", (-ONE,))
    known["clip"] = Activation("clip", (ZERO, ONE / 8))
    assert any(strays(known[function], faulty) for function in functions)


def _ball(y):
    return enclosing.flint.arb(y.numerator) / y.denominator


def test_exact_values_have_equal_ends():
    network = relu_chain(([["1"], ["-1"]], ["0", "1"]), ([["1", "1/3"]], ["0"]))
    ends = Enclosing(network)((rational("2/7"),))
    assert ends.are_exact
    assert ends.low == (rational("2/7") + rational("5/21"),)
    assert rounded(ends, ends) == ((ends.low, ends.low), 0)


def test_the_least_size_is_what_ends_leave():
    ours, theirs = Ends((ZERO, ONE), (ONE, 2 * ONE)), Ends((3 * ONE, ONE), (4 * ONE, ONE))
    assert size(ours, theirs, (0,)) == 2
    assert size(ours, theirs, (1,)) == 0
    assert size(ours, theirs, (0, 1)) == 2
    assert (ours.decision, theirs.decision) == (None, 0)
    assert Ends((ZERO, ONE), (ONE, 2 * ONE)).decision is None
    assert Ends((ONE, ZERO), (2 * ONE, ONE)).decision == 0


def test_gradients_of_curves_are_near_differences():
    network = tools.with_functions(tools.random_chain(seeded(5)), lambda: Activation("gelu"))
    floats, x = curved(network), np.array([[0.3] * network.inputs[0].shape[0]])
    outputs = floats(x)
    slope = floats.gradient(floats.values(x), np.eye(1, outputs.shape[1]))
    for i in range(x.shape[1]):
        step = np.zeros_like(x)
        step[0, i] = 1e-5
        assert abs((floats(x + step) - floats(x - step))[0, 0] / 2e-5 - slope[0, i]) < 1e-4


def test_heads_have_no_enclosures():
    nodes = (Head("x", "y", "softmax"),)
    with pytest.raises(UnsupportedLayer):
        Enclosing(Program((Port("x", (2,)),), nodes, ("y",)))


# Verbs


def curve(weight, name="sigmoid", outputs=1):
    """One hidden layer of a curve, its second layer with a weight; further outputs are 1/2."""
    layers = (
        ([["1", "1"], ["1", "-1"]], ["0", "1/3"]),
        ([[weight, "1"], *[["0", "0"]] * (outputs - 1)], ["0", *["1/2"] * (outputs - 1)]),
    )
    return relu_chain(*layers, functions=[Activation(name)])


@pytest.mark.parametrize("name", ["sigmoid", "tanh", "gelu", "gelu_tanh", "silu", "mish", "softplus", "elu"])
def test_networks_with_curves_are_different(name, truth, tmp_path):
    function = Activation(name, (ONE,) if name == "elu" else ())
    ours, theirs = (tools.with_functions(curve(w), lambda: function) for w in ("1", "9/8"))
    found = compare(ours, theirs, (-1, 1), epsilon="1/100", seconds=8)
    assert found.verdict == "different"
    one, other = (tools.outputs(n, [*map(as_fraction, found.input)])[0] for n in (ours, theirs))
    gap = abs(one - other)
    assert Fraction(1, 100) < as_fraction(found.gap) <= gap + DIGITS
    assert as_fraction(found.gap) > gap - Fraction(1, 10**30)
    assert found.certificate is None
    assert found.bound.least == found.gap or found.bound.least > rational("1/100")


def test_a_bound_that_is_broken_by_irrational_values_has_a_certificate(tmp_path):
    pair = [tmp_path / f"{name}.json" for name in "ab"]
    for path, weight in zip(pair, ("1", "9/8"), strict=True):
        formats.write(curve(weight, outputs=2), path)
    place = tmp_path / "c.json"
    found = bound(*pair, (-1, 1), epsilon="1/100", certificate=place, seconds=8)
    assert (found.verdict, found.metric) == ("different", "max")
    assert found.least > rational("1/100")
    assert 0 < found.off < rational(1, 1 << 100)
    assert found.notes[-1].startswith("outputs that are not known to be rational are given to within 2^-")
    said = check.check(*map(str, pair), str(place))
    assert said.verdict == "different"
    assert "output 0 differs by at least " in said.reason
    document = json.loads(place.read_text())
    for change in _changes(document):
        place.write_text(json.dumps(change))
        assert check.check(*map(str, pair), str(place)).verdict in ("rejected", "malformed", "unsupported")


def _changes(document):
    """The certificate with other outputs, none of which is right."""
    outputs = document["outputs"]
    low, high = map(Fraction, outputs["original"][0])
    width = high - low
    for ends in (
        [str(low + width), str(high + width)],
        [str(low - width), str(high - width)],
        [str(high), str(low)],
        [str(low), str(low)],
        [str(low), str((low + high) / 2 - width / 10**9)],
        str((low + high) / 2),
        [str(low), str(high), str(high)],
    ):
        yield {**document, "outputs": {**outputs, "original": [ends, outputs["original"][1]]}}
    yield {**document, "outputs": {**outputs, "original": outputs["original"][:1]}}
    yield {**document, "outputs": dict(zip(outputs, [*outputs.values()][::-1], strict=True))}
    wide = [str(low - 10), str(high + 10)]
    yield {**document, "outputs": {side: [wide, values[1]] for side, values in outputs.items()}}


def test_ends_that_meet_show_no_difference(tmp_path):
    ours, theirs = curve("1"), curve("9/8")
    x = (ONE, ZERO)

    def stated(*ends):
        document = {"criterion": "different"}
        outputs = {side: [[*map(str, pair)]] for side, pair in zip(check.SIDES, ends, strict=True)}
        return tools.certificate(document, trees=None, input={"x": ["1", "0"]}, outputs=outputs)

    (one,), (other,) = (Enclosing(network)(x).low for network in (ours, theirs))
    middle = (one + other) / 2
    apart = stated((0, middle - rational(1, 10**9)), (middle + rational(1, 10**9), 9))
    assert verdict(tmp_path, ours, theirs, apart).verdict == "different"
    met = stated((0, middle), (middle, 9))
    assert verdict(tmp_path, ours, theirs, met).rule == "outputs"


def test_certificates_leave_no_more_room_than_there_is(tmp_path):
    """The difference that is shown stays above what was asked for, and decisions stay decided."""
    ours, theirs, x = curve("1", outputs=2), curve("-1", outputs=2), (ONE, ZERO)
    gap = size(*(Enclosing(network)(x) for network in (ours, theirs)), (0,))
    least = gap - rational(1, 10**6)

    def made(one, other):
        return difference_certificate(x, ours, theirs, one, other, least=least)

    paths = [tmp_path / "a.json", tmp_path / "b.json"]
    for path, network in zip(paths, (ours, theirs), strict=True):
        formats.write(network, path)
    document = made(*map(formats.digest, paths))
    (tmp_path / "c.json").write_text(json.dumps(document))
    said = check.check(*map(str, (*paths, tmp_path / "c.json")))
    assert said.verdict == "different"
    shown = Fraction(said.reason.partition("at least ")[2].partition(" ")[0])
    assert as_fraction(least) < shown <= as_fraction(gap)
    assert said.reason.partition(" at the input")[2].startswith(" of the certificate; the largest output is 0, and 1")


def test_decisions_of_curves_are_found_to_differ():
    ours, theirs = curve("1", outputs=2), curve("-1", outputs=2)
    found = compare(ours, theirs, (-1, 1), argmax=True, seconds=8)
    assert (found.verdict, found.bound.verdict) == ("different", "different")
    assert found.decisions is not None
    assert found.decisions[0] != found.decisions[1]
    assert refute(ours, theirs, argmax=True, seconds=8).verdict == "different"
    found = bound(ours, ours, (-1, 1), argmax=True, inputs=[[1, 0], [0.1, 0.2]], seconds=8)
    assert (found.verdict, found.alike.certified) == ("within", (0, 1))


def test_without_a_domain_some_input_shows_a_difference(truth):
    found = refute(curve("1"), curve("1000001/1000000"), seconds=8)
    assert (found.verdict, found.method) == ("different", "enclosure")
    one, other = (tools.outputs(curve(w), [*map(as_fraction, found.input)])[0] for w in ("1", "1000001/1000000"))
    assert 0 < as_fraction(found.gap) <= abs(one - other) + DIGITS
    given = refute(curve("1"), curve("2"), inputs=[[3, 4]], seconds=8)
    assert given.input == (3, 4)


def test_what_is_not_shown_is_unknown():
    """sigmoid(x) + sigmoid(-x) is 1, which no rule knows; enclosures never show it, and never a difference."""
    layers = ([["1"], ["-1"]], ["0", "0"]), ([["1", "1"]], ["0"])
    ours = relu_chain(*layers, functions=[Activation("sigmoid")])
    theirs = relu_chain(([["2"], ["-2"]], ["0", "0"]), layers[1], functions=[Activation("sigmoid")])
    found = refute(ours, theirs, seconds=8)
    assert (found.verdict, found.input) == ("unknown", None)
    assert "sigmoid" in found.notes[-1]
    assert compare(ours, theirs, (-1, 1), seconds=8).verdict == "within"


def test_the_largest_difference_of_curves_is_climbed_to():
    found = refute(curve("1"), curve("2"), box=(-1, 1), maximize=True, seconds=8)
    best = 1 / (1 + np.exp(-2.0))
    assert found.verdict == "different"
    assert abs(number(found.gap) - best) < 1e-6


def test_separation_needs_certainty():
    near = Ends((ZERO, ONE), (ONE, 2 * ONE))
    far = Ends((3 * ONE, ONE), (4 * ONE, ONE))
    assert separated(Question("epsilon", ONE), near, far)
    assert not separated(Question("epsilon", 2 * ONE), near, far)
    assert not separated(Question("argmax"), near, far)  # both may decide 0
    assert separated(Question("argmax"), Ends((ZERO, 2 * ONE), (ONE, 3 * ONE)), far)
    assert not separated(Question("index"), near, far)


def test_the_command_line_says_at_least(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, weight in (("a", "1"), ("b", "9/8")):
        formats.write(curve(weight), f"{name}.json")
    for words in (["compare", "a.json", "b.json"], ["refute", "a.json", "b.json"]):
        with pytest.raises(SystemExit) as stop:
            main(words)
        out, err = capsys.readouterr()
        assert stop.value.code == 1
        assert out.startswith("different: the outputs differ at this input by at least 0.0")
        assert "note: outputs that are not known to be rational are given to within 2^-" in err
