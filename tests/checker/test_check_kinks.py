# SPDX-License-Identifier: Apache-2.0
"""This file is about the checker's rows of kinks: twins, signs, classes of other tensors (docs/certificate-format.md).

Each shorter reading of a rule has a network at which it is wrong.  Values are computed here, with Fractions and nothing
of the package; the certificates are written by hand.
"""

import random
from fractions import Fraction
from itertools import pairwise

import pytest

from exactlump import check
from tests import regenerate
from tests.arguing import argue, verdicts
from tests.regenerate import act, dense, net, over, relu, row

ONE = Fraction(1)


def add(target, *sources):
    """A node that adds tensors."""
    return {"op": "add", "sources": list(sources), "target": target, "signs": ["1"] * len(sources)}


def twin(k, h=1, tensor=None):
    """The row of a twin."""
    return {"twin": [k, str(h)] if tensor is None else [tensor, k, str(h)]}


def named(tensor, k, h=1):
    """h times class k of a tensor."""
    return {"class": [tensor, k, str(h)]}


def sign(kind, *facts):
    """The row of a unit whose sign is known."""
    return {kind: [[tensor, k, str(b)] for tensor, k, b in facts]}


VALUES = {
    "leaky_relu": lambda y, s: y if y >= 0 else s * y,
    "clip": lambda y, a, b: min(max(y, a), b),
    "at_least": max,
    "at_most": min,
    "hard_swish": lambda y: y * min(max(y / 6 + Fraction(1, 2), Fraction(0)), ONE),
    "thresholded_relu": lambda y, a: y if y > a else Fraction(0),
    "sigmoid": lambda y: {Fraction(0): Fraction(1, 2)}[y],
}


def outputs(network, x):
    """What a network given as JSON computes at x."""
    known = {"x": [*map(Fraction, x)]}
    for node in network["nodes"]:
        if node["op"] == "dense":
            below = known[node["source"]]
            sums = (
                sum((Fraction(w) * below[u] for u, w in line), Fraction(b))
                for line, b in zip(node["rows"], node["bias"], strict=True)
            )
            known[node["target"]] = [*sums]
        elif node["op"] == "add":
            known[node["target"]] = [*map(sum, zip(*(known[name] for name in node["sources"]), strict=True))]
        else:
            pairs = zip(known[node["source"]], node["functions"], strict=True)
            known[node["target"]] = [VALUES[name](y, *map(Fraction, rest)) for y, (name, *rest) in pairs]
    return [y for name in network["outputs"] for y in known[name]]


@pytest.fixture
def ask(tmp_path):
    """What the checker says of two networks and two sides of relations.

    A solver is asked as well; `seen`: it sees what the checker does not, in which a fault is planted.
    """

    def asked(original, reduced, relations, back=None, match=("one", "one"), seen=False):
        files = [regenerate.text(side).encode() for side in (original, reduced)]
        document = regenerate.certificate(*files, relations, back, match)
        paths = [tmp_path / name for name in ("original.json", "reduced.json", "certificate.json")]
        for path, content in zip(paths, [*files, regenerate.text(document).encode()], strict=True):
            path.write_bytes(content)
        answer = check.check(*map(str, paths))
        if not seen:
            argue(paths, answer)
        elif answer.code == 0:
            assert "equivalent" not in verdicts(paths)
        return answer

    return asked


def layered(function, rows, out, bias=None):
    """x -> one hidden layer -> y."""
    functions = [function] * len(rows)
    hidden = act("s", "h", *functions) if not isinstance(function, list) else functions_of("s", "h", functions)
    return net(dense("x", "s", rows, bias), hidden, dense("h", "y", out), x=len(rows[0]))


def functions_of(source, target, functions):
    """An activate node of functions with parameters."""
    return {"op": "activate", "source": source, "target": target, "functions": [list(f) for f in functions]}


def skipped(function, h, x, more=()):
    """x -> h = sigma(x) -> y = h * class + x * input, whose skip is a sum."""
    return net(
        functions_of("x", "h", [function]), *more, dense("h", "p", [[h]]), dense("x", "q", [[x]]), add("y", "p", "q")
    )


# --- Twins ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "law"),
    [
        (["leaky_relu", "0"], 1),
        (["leaky_relu", "1/4"], "5/4"),
        (["leaky_relu", "-1"], 0),
        (["leaky_relu", "2"], 3),
        (["at_most", "0"], 1),
        (["thresholded_relu", "0"], 1),
        *(([name], 1) for name in ("gelu", "gelu_tanh", "silu", "softplus", "log_sigmoid", "hard_swish")),
    ],
)
def test_twins_are_what_their_law_says(ask, function, law):
    """sigma(x) - sigma(-x) = L*x, and for no other L."""
    pair = layered(function, [[1], [-1]], [[1, -1]])
    for factor, expected in ((Fraction(law), 0), (Fraction(law) + 1, 1)):
        found = ask(pair, skipped(function, 0, factor), {"h": over("h", row(0), twin(0))})
        assert found.code == expected, found
        assert expected == 0 or found.rule == "output"


@pytest.mark.parametrize("function", [["tanh"], ["sigmoid"], ["mish"], ["clip", "-1", "1"], ["thresholded_relu", "1"]])
def test_functions_without_a_law_have_no_twins(ask, function):
    pair = layered(function, [[1], [-1]], [[1, -1]])
    assert ask(pair, skipped(function, 0, 1), {"h": over("h", row(0), twin(0))}).rule == "twin"


def test_twins_scale_only_as_their_function_does(ask):
    """hard_swish at c = 2, m = 1: -1/3, and not -2/3."""
    for function, rule in ((["leaky_relu", "0"], ""), (["hard_swish"], "ratio")):
        pair = layered(function, [[1], [-2]], [[2, -1]])
        assert ask(pair, skipped(function, 0, 2), {"h": over("h", row(0), twin(0, 2))}).rule == rule
    assert outputs(layered(["hard_swish"], [[1], [-2]], [[2, -1]]), [1]) != [2]


def test_twins_in_both_halves(ask):
    """The reduced network may have twins too; its own sums then cancel as those of the original do."""
    pair, three = layered(0, [[1], [-1]], [[1, -2]]), layered(0, [[2], [1], [-1]], [["1/2", 0, -2]])
    back = {"h": {"rows": [row(0), twin(0)]}}
    assert ask(three, pair, {"h": over("h", row(0, 2), row(0), twin(0))}, back).code == 0
    assert ask(three, pair, {"h": over("h", row(0, 2), row(0), row(1))}, back).rule == "class-exists"


def test_a_twin_leads_no_class(ask):
    pair = layered(0, [[1], [-1]], [[1, -1]])
    found = ask(pair, pair, {"h": over("h", row(0), row(0))}, {"h": {"rows": [twin(0), twin(0)]}})
    assert found.rule == "class-exists"


def test_a_twin_has_the_other_sign(ask):
    same = layered(0, [[1], [1]], [[1, -1]])
    assert ask(same, skipped(["leaky_relu", "0"], 0, 1), {"h": over("h", row(0), twin(0))}).rule == "affine"


# --- Signs --------------------------------------------------------------------------------------------


def above(function, rows, bias=None, top=("leaky_relu", "0")):
    """x -> sigma(x), sigma(x + 1) -> tau of rows over these."""
    nodes = [dense("x", "s", [[1], [1]], [0, 1]), functions_of("s", "h", [function] * 2), dense("h", "t", rows, bias)]
    return net(*nodes, functions_of("t", "y", [list(top)] * len(rows)))


def below(function, rows, bias=None):
    """The same without tau."""
    nodes = [dense("x", "s", [[1], [1]], [0, 1]), functions_of("s", "h", [function] * 2), dense("h", "y", rows, bias)]
    return net(*nodes)


BOTH = over("h", row(0), row(1))
RELU = ["leaky_relu", "0"]


@pytest.mark.parametrize(
    ("function", "top", "rule"),
    [
        (RELU, RELU, ""),
        (["clip", "0", "6"], ["leaky_relu", "1/4"], ""),
        (["hard_sigmoid", "1", "0"], ["elu", "1"], ""),
        (["softplus"], ["celu", "2"], ""),
        (["exp"], ["at_least", "-1"], ""),
        (["quantize", "1", "3", "3", "9"], ["thresholded_relu", "0"], ""),
        (["clip", "-1", "1"], RELU, "sign"),
        (["leaky_relu", "1/4"], RELU, "sign"),
        (["quantize", "1", "3", "0", "9"], RELU, "sign"),
        (["tanh"], RELU, "sign"),
        (RELU, ["clip", "0", "6"], "activation"),
        (RELU, ["selu", "2", "2"], "activation"),
        (RELU, ["at_least", "1"], "activation"),
        (RELU, ["thresholded_relu", "1"], "activation"),
        (RELU, ["sigmoid"], "activation"),
    ],
)
def test_what_is_not_negative_stays_as_it_is(ask, function, top, rule):
    pair = above(function, [[1, 2]], [1], top), below(function, [[1, 2]], [1])
    assert ask(*pair, {"h": BOTH, "y": {"rows": [sign("linear")]}}).rule == rule
    for flaw in ([[1, -1]], [1]), ([[1, 1]], [-1]):
        assert ask(
            above(function, *flaw, top), below(function, *flaw), {"h": BOTH, "y": {"rows": [sign("linear")]}}
        ).code


@pytest.mark.parametrize(
    ("top", "rule"),
    [
        (RELU, ""),
        (["at_least", "0"], ""),
        (["thresholded_relu", "1"], ""),
        (["leaky_relu", "1/4"], "activation"),
        (["sigmoid"], "activation"),
        (["elu", "1"], "activation"),
        (["clip", "0", "6"], "activation"),
        (["thresholded_relu", "-1"], "activation"),
    ],
)
def test_what_is_not_positive_becomes_zero(ask, top, rule):
    pair = above(RELU, [[-1, -2]], [-1], top), below(RELU, [[0, 0]])
    assert ask(*pair, {"h": BOTH, "y": {"rows": [sign("zero")]}}).rule == rule
    assert ask(above(RELU, [[-1, 2]], [-1]), pair[1], {"h": BOTH, "y": {"rows": [sign("zero")]}}).rule == "sign"


def test_inputs_have_no_sign(ask):
    assert ask(net(relu("x", "y", 1)), net(dense("x", "y", [[1]])), {"y": {"rows": [sign("linear")]}}).rule == "sign"


def test_a_relu_is_at_least_its_form(ask):
    """relu(relu(-x)) = relu(-x), as relu(x) - x is a fact of the class relu(x)."""
    nodes = [dense("x", "s", [[1], [-1]]), relu("s", "h", 2), dense("h", "t", [[0, 2]])]
    original = net(*nodes, relu("t", "y", 1))
    reduced = skipped(["leaky_relu", "0"], 2, -2)
    for facts, rule in ([("h", 0, 2)], ""), ([], "sign"), ([("h", 0, 3)], "sign"), ([("h", 1, 2)], "class-exists"):
        relations = {"h": over("h", row(0), twin(0)), "y": {"rows": [sign("linear", *facts)]}}
        assert ask(original, reduced, relations).rule == rule


def test_only_relus_are_facts(ask):
    """leaky_relu(2) is below its form where that is negative."""
    function = ["leaky_relu", "2"]
    nodes = [functions_of("x", "h", [function]), dense("h", "p", [[1]]), dense("x", "q", [[-1]]), add("t", "p", "q")]
    original, reduced = net(*nodes, relu("t", "y", 1)), skipped(function, 1, -1)
    relations = {"h": over("h", row(0)), "y": {"rows": [sign("linear", ("h", 0, 1))]}}
    assert ask(original, reduced, relations).rule == "sign"
    assert outputs(original, [-1]) != outputs(reduced, [-1])


def test_maxima_have_the_sign_of_what_they_are_of(ask):
    window = {name: [1] for name in ("target", "stride", "dilation")} | {"source": [2], "kernel": [2]}
    window |= {"begin": [0], "end": [0], "transposed": False}
    for first, rule in (RELU, ""), (["leaky_relu", "1"], "sign"):
        nodes = [
            {"op": "reorder", "source": "x", "target": "i", "axes": None, "shape": [1, 2], "channel": 0},
            functions_of("i", "h", [first]),
            {"op": "max_pool", "source": "h", "target": "m", "window": window},
        ]
        pair = net(*nodes, relu("m", "y", 1), x=[1, 2]), net(*nodes, scale_by_one("m", "y"), x=[1, 2])
        relations = {"h": over("h", row(0)), "m": over("m", row(0)), "y": {"rows": [sign("linear")]}}
        assert ask(*pair, relations).rule == rule


def scale_by_one(source, target):
    return {"op": "scale", "source": source, "target": target, "factor": ["1"]}


def test_a_constant_that_meets_padding_may_be_negative(ask):
    """relu(image - 1 at the border) is not linear, though the image is nowhere negative."""
    window = {name: [2] for name in ("source", "target")} | {
        name: [1] for name in ("stride", "dilation", "begin", "end")
    }
    window |= {"kernel": [3], "transposed": False}
    for constant, rule in ("1", ""), ("-1", "sign"):
        nodes = [
            {"op": "reorder", "source": "x", "target": "i", "axes": None, "shape": [1, 2], "channel": 0},
            functions_of("i", "h", [RELU]),
            {"op": "shift", "source": "h", "target": "m", "constant": [constant]},
            {
                "op": "conv",
                "source": "m",
                "target": "c",
                "columns": 3,
                "rows": [[[0, "1"], [1, "1"], [2, "1"]]],
                "bias": ["0"],
                "window": window,
            },
        ]
        pair = net(*nodes, relu("c", "y", 1), x=[1, 2]), net(*nodes, scale_by_one("c", "y"), x=[1, 2])
        assert ask(*pair, {"h": over("h", row(0)), "y": {"rows": [sign("linear")]}}).rule == rule


# --- Classes of other tensors -------------------------------------------------------------------------


def test_classes_of_other_tensors(ask):
    """The reduced network computes a layer of the original in two, and carries what it needs."""
    original = net(dense("x", "s", [[1], [-1], [2]], [0, 0, 1]), relu("s", "h", 3), dense("h", "y", [[1, 1, 1]]))
    first = [dense("x", "s", [[1], [2]], [0, 1]), relu("s", "g", 2)]
    second = [dense("g", "t", [[1, 0], [0, 1]]), relu("t", "h", 2)]
    skip = [dense("h", "p", [[2, 1]]), dense("x", "q", [[-1]]), add("y", "p", "q")]
    reduced = net(*first, *second, *skip)
    back = {"h": {"rows": [sign("linear"), sign("linear")]}}
    rows = [named("g", 0), twin(0, 1, "g"), named("g", 1)]
    assert ask(original, reduced, {"h": {"rows": rows}}, back).code == 0
    assert ask(original, reduced, {"h": {"rows": rows}}).rule == "output"
    for wrong, rule in (
        (named("h", 0), "class-exists"),
        (named("g", 2), "class-exists"),
        (named("x", 0), "over"),
        (named("nothing", 0), "over"),
        (named("g", 0, -1), "ratio"),
        (named("g", 1), "affine"),
    ):
        assert ask(original, reduced, {"h": {"rows": [wrong, *rows[1:]]}}, back).rule == rule
    assert ask(original, reduced, {"h": over("g", *rows)}, back).rule == "over"


def test_a_class_of_another_tensor_leads_none(ask):
    twice = net(relu("x", "g", 1), dense("g", "t", [[1]]), relu("t", "h", 1), dense("h", "y", [[1]]))
    back = {"h": {"rows": [named("g", 0)]}}
    found = ask(twice, twice, {"g": over("g", row(0)), "h": over("h", row(0))}, back)
    assert found.rule in ("affine", "class-exists")


# --- Grammar ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [
        {"twin": [0]},
        {"twin": ["", 0, "1"]},
        {"twin": ["h", 0, "1", "1"]},
        {"twin": [0, 1]},
        {"class": [0, "1"]},
        {"class": ["h", "0", "1"]},
        {"linear": None},
        {"linear": [["h", 0, "0"]]},
        {"linear": [["h", 0, "-1"]]},
        {"linear": [["h", 1, "1"], ["h", 0, "1"]]},
        {"zero": [["h", 0, "1"], ["h", 0, "1"]]},
        {"zero": [[0, "1"]]},
        {"linear": [], "zero": []},
        {"line": []},
    ],
)
def test_rows_out_of_grammar(ask, wrong):
    pair = layered(0, [[1], [-1]], [[1, -1]])
    assert ask(pair, pair, {"h": over("h", row(0), wrong)}).code == 2


@pytest.mark.parametrize("new", [twin(0), named("h", 0), sign("linear"), sign("zero"), twin(0, 1, "h")])
def test_version_1_has_no_such_rows(ask, new):
    pair = layered(0, [[1], [-1]], [[1, -1]])
    assert ask(pair, pair, {"h": over("h", row(0), new)}, match=None).code == 2


# --- Planted faults -----------------------------------------------------------------------------------


class Anything(set):
    """Contains whatever it is asked for, and equals it."""

    def __contains__(self, _):
        return True

    def __eq__(self, _):
        return True

    __hash__ = None


def forgetful(atoms, weights, keep=check.Atoms.__init__):
    keep(atoms, weights)
    atoms.positive = Anything()


def either_sign(form, c, other, same=check.is_multiple):
    return same(form, c, other) or same(form, -c, other)


def law_of(name, law, keep=check.twin_law):
    return lambda function: Fraction(law) if function[0] == name else keep(function)


def faults():
    """For each fault: what is planted, the pair and relations that it accepts, and an input at which they differ."""
    leaky, swish, bent = ["leaky_relu", "1/4"], ["hard_swish"], ["thresholded_relu", "1"]
    pairs = {"h": over("h", row(0), twin(0))}
    yield (
        "leaky twins without 1 + a",
        check,
        "twin_law",
        law_of("leaky_relu", 1),
        layered(leaky, [[1], [-1]], [[1, -1]]),
        skipped(leaky, 0, 1),
        pairs,
        1,
    )
    yield (
        "every scaling",
        check,
        "taken_to",
        lambda _, h: [abs(h), -abs(h)],
        layered(swish, [[1], [-2]], [[2, -1]]),
        skipped(swish, 0, 2),
        {"h": over("h", row(0), twin(0, 2))},
        1,
    )
    yield (
        "a law for bends elsewhere",
        check,
        "twin_law",
        law_of("thresholded_relu", 1),
        layered(bent, [[1], [-1]], [[1, -1]]),
        skipped(bent, 0, 1),
        pairs,
        "1/2",
    )
    yield (
        "twins of either sign",
        check,
        "is_multiple",
        either_sign,
        layered(0, [[1], [1]], [[1, -1]]),
        skipped(RELU, 0, -1),
        pairs,
        1,
    )
    signed = ["clip", "-1", "1"]
    lines = {"h": BOTH, "y": {"rows": [sign("linear")]}}
    yield (
        "every value is positive",
        check,
        "never_negative",
        lambda _: True,
        above(signed, [[1, 1]]),
        below(signed, [[1, 1]]),
        lines,
        -3,
    )
    yield (
        "every atom is positive",
        check.Atoms,
        "__init__",
        forgetful,
        net(relu("x", "y", 1)),
        net(dense("x", "y", [[1]])),
        {"y": {"rows": [sign("linear")]}},
        -1,
    )
    yield (
        "a ceiling is a line",
        check,
        "line_above",
        lambda _: True,
        above(RELU, [[1, 1]], None, ["clip", "0", "6"]),
        below(RELU, [[1, 1]]),
        lines,
        9,
    )
    yield (
        "sigmoid is zero",
        check,
        "zero_below",
        lambda _: True,
        above(RELU, [[-1, 0]], None, ["sigmoid"]),
        below(RELU, [[0, 0]]),
        {"h": BOTH, "y": {"rows": [sign("zero")]}},
        -1,
    )
    steep = ["leaky_relu", "2"]
    nodes = [functions_of("x", "h", [steep]), dense("h", "p", [[1]]), dense("x", "q", [[-1]]), add("t", "p", "q")]
    yield (
        "every class is a fact",
        check,
        "RELU",
        Anything(),
        net(*nodes, relu("t", "y", 1)),
        skipped(steep, 1, -1),
        {
            "h": over("h", row(0)),
            "y": {"rows": [sign("linear", ("h", 0, 1))]},
        },
        -1,
    )


@pytest.mark.parametrize(("name", "where", "what", "fault", "original", "reduced", "relations", "x"), [*faults()])
def test_planted_faults_are_seen(ask, monkeypatch, name, where, what, fault, original, reduced, relations, x):
    """Each would let a certificate pass that is false: so the tests above see it."""
    assert outputs(original, [x]) != outputs(reduced, [x])
    assert ask(original, reduced, relations).code == 1
    monkeypatch.setattr(where, what, fault)
    assert ask(original, reduced, relations, seen=True).code == 0, name


# --- Forged certificates --------------------------------------------------------------------------------


def forged(rng):
    """Two networks of one hidden layer and a sum, and rows that may be false."""
    slope = rng.choice([0, 0, "1/2", -1, 2])
    m = [rng.randint(-2, 2), rng.randint(-1, 1)]
    scalings = [rng.choice([1, -1, 2, -2]) for _ in range(rng.randint(1, 3))]
    hidden = [[c * m[0]] for c in scalings]
    out = [rng.randint(-2, 2) for _ in scalings]
    original = net(
        dense("x", "s", hidden, [c * m[1] for c in scalings]),
        act("s", "h", *[slope] * len(scalings)),
        dense("h", "y", [out]),
    )
    law = 1 + Fraction(slope) if rng.random() < 0.8 else ONE
    a = sum(w * abs(c) for w, c in zip(out, scalings, strict=True))
    b = sum(law * w * c for w, c in zip(out, scalings, strict=True) if c < 0)
    nodes = [dense("x", "s", [[m[0]]], [m[1]]), act("s", "h", slope), dense("h", "p", [[a]])]
    reduced = net(*nodes, dense("x", "q", [[b * m[0]]], [b * m[1]]), add("y", "p", "q"))
    rows = [row(0, c) if c > 0 else twin(0, -c) for c in scalings]
    if rng.random() < 0.3:
        rows[rng.randrange(len(rows))] = rng.choice([row(0), twin(0), sign("linear"), sign("zero"), twin(0, 2), None])
    return original, reduced, {"h": over("h", *rows)}


def test_what_is_accepted_is_true(ask):
    rng, accepted = random.Random(5), 0
    for _ in range(400):
        original, reduced, relations = forged(rng)
        if ask(original, reduced, relations).code == 0:
            accepted += 1
            for x in range(-3, 4):
                assert outputs(original, [Fraction(x, 2)]) == outputs(reduced, [Fraction(x, 2)])
    assert 100 < accepted < 390


def test_rows_are_in_pairs():
    """What the tests above rest on: values here are those of the checker's table."""
    for name, value in VALUES.items():
        parameters = {"leaky_relu": [ONE / 3], "clip": [-ONE, ONE]}.get(name, [ONE] * check.FUNCTIONS[name][0])
        points = [Fraction(0)] if name == "sigmoid" else [Fraction(i, 3) for i in range(-9, 10)]
        found = [check.value_at((name, tuple(parameters)), y) for y in points]
        assert found == [value(y, *parameters) for y in points]
        assert all(a != b for a, b in pairwise(points))


# --- Twins of free units --------------------------------------------------------------------------------


def mirror(u, h=1):
    """The row of the twin of a free unit."""
    return {"mirror": [u, str(h)]}


@pytest.mark.parametrize(("function", "law"), [(RELU, 1), (["leaky_relu", "1/4"], "5/4"), (["gelu"], 1)])
def test_twins_of_free_units_need_no_class(ask, function, law):
    """sigma(x) - sigma(-x) = L*x, though the reduced network has neither."""
    pair = layered(function, [[1], [-1]], [[1, -1]])
    rows = {"h": over(None, "free", mirror(0))}
    assert ask(pair, net(dense("x", "y", [[law]])), rows).code == 0
    assert ask(pair, net(dense("x", "y", [[Fraction(law) + 1]])), rows).rule == "output"
    assert ask(pair, net(dense("x", "y", [[law]])), {"h": over(None, "free", ["=", 0, "1"])}).rule == "affine"
    assert ask(pair, net(dense("x", "y", [[law]])), {"h": over(None, None, mirror(0))}).code == 1


def test_twins_of_free_units_have_the_rules_of_twins(ask):
    line = net(dense("x", "y", [[1]]))
    for function, rows, rule in (
        (["tanh"], [[1], [-1]], "twin"),
        (RELU, [[1], [1]], "affine"),
        (["gelu"], [[1], [-2]], "affine"),
    ):
        pair = layered(function, rows, [[1, -1]])
        assert ask(pair, line, {"h": over(None, "free", mirror(0))}).rule == rule
    pair = layered(RELU, [[1], [-1], [-1]], [[1, -1, 0]])
    assert ask(pair, line, {"h": over(None, "free", mirror(0), mirror(1))}).rule == "same"


def test_a_free_unit_has_the_sign_of_its_own_function(ask):
    """relu(h) - relu(h) = 0, and relu(h) = h only where h is nowhere negative."""
    nodes = [dense("h", "t", [[1]]), relu("t", "g", 1), dense("g", "p", [[1]]), dense("h", "q", [[-1]])]
    for function, rule in ((RELU, ""), (["leaky_relu", "1/4"], "sign"), (["tanh"], "sign")):
        original = net(functions_of("x", "h", [function]), *nodes, add("y", "p", "q"))
        rows = {"h": over(None, "free"), "g": {"rows": [sign("linear")]}}
        assert ask(original, net(dense("x", "y", [[0]])), rows).rule == rule
