# SPDX-License-Identifier: Apache-2.0
"""This file is about what the tests of bounds share: pairs of networks, certificates of bounds, and exact points."""

import base64
import hashlib
import json
import math
import random
import struct
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

from exactlump import check
from exactlump.formats import exact
from exactlump.network.activations import Activation
from exactlump.network.kinds import Activate, Conv, Dense
from exactlump.network.program import Network
from exactlump.numbers.matrix import Matrix
from exactlump.numbers.rational import fraction, rational
from tests import oracle
from tests.strategies import relu_chain

WHOLE = check.WHOLE
NO_RELATIONS = {"original": {}, "reduced": {}}
# Every function that has rational values, with parameters that are awkward.
FUNCTIONS = tuple(
    Activation(name, tuple(map(rational, parameters)))
    for name, *parameters in (
        ("leaky_relu", "0"),
        ("leaky_relu", "0"),
        ("leaky_relu", "1/4"),
        ("leaky_relu", "1/100"),
        ("leaky_relu", "-1"),
        ("leaky_relu", "1"),
        ("leaky_relu", "2"),
        ("clip", "-1", "1/3"),
        ("clip", "0", "6"),
        ("at_least", "1/3"),
        ("at_most", "0"),
        ("thresholded_relu", "1"),
        ("thresholded_relu", "-1/3"),
        ("hard_sigmoid", "1/5", "1/2"),
        ("hard_sigmoid", "-1/3", "1/7"),
        ("hard_swish",),
        ("sign",),
        ("bipolar_sign",),
        ("floor",),
        ("ceil",),
        ("round",),
        ("quantize", "1/4", "1", "-8", "7"),
        ("quantize", "1/300", "0", "-128", "127"),
        ("quantize_floor", "1/7", "2", "-4", "4"),
    )
)


def checked(network):
    """A network as the checker reads it."""
    found = check.Network("json", "0" * 64)
    check.read_exact(exact.render(network), found)
    return found


def compared(ours, theirs, relations=NO_RELATIONS, claim=None):
    """The checker's bounds of two networks, made ready."""
    found = check.Comparison(checked(ours), checked(theirs), parsed(relations), 10**12)
    found.outputs(claim or {"criterion": "approximate", "metric": "max"})
    return found


def parsed(relations):
    """Relations as the checker reads them."""
    grammar = {"original": {str: check.relation}, "reduced": {str: {"rows": [check.read_row]}}}
    return check.fit(relations, grammar)


def everything(comparison):
    """A goal that every box meets, and for which everything is bounded."""
    return check.Goal([check.Demand("d", o) for o in range(len(comparison.layers["d", check.OUTPUTS].bias))], 1 << 400)


def box(*ends):
    """The ends of a box over WHOLE, rounded outwards."""
    pairs = [(Fraction(low), Fraction(high)) for low, high in ends]
    return [check.down(low) for low, _ in pairs], [check.up(high) for _, high in pairs]


def known(comparison, low, high, parent=None):
    """All that the checker knows of a box."""
    state = comparison.bounder.node(low, high, parent)
    comparison.bounder.outputs(state, everything(comparison), parent, {})
    return state


def bound(ours, theirs, *ends, relations=NO_RELATIONS):
    """The bounds of the differences of all outputs on one box, as rationals."""
    comparison = compared(ours, theirs, relations)
    low, high = known(comparison, *box(*ends)).before["d", check.OUTPUTS]
    return [(Fraction(x, WHOLE), Fraction(y, WHOLE)) for x, y in zip(low, high, strict=True)]


def inputs_of(network, x):
    """A flat input, input by input."""
    found, x = [], list(x)
    for port in network.inputs:
        size = math.prod(port.shape)
        found.append(x[:size])
        x = x[size:]
    return found


def outputs(network, x):
    """The outputs at a flat exact input, flat, by the oracle."""
    values = oracle.valuation(network, inputs_of(network, x))
    return [y for name in network.outputs for y in values[name]]


def points(low, high, rng, count):
    """Exact points of a box (over WHOLE): corners, faces, and anywhere."""
    for _ in range(count):
        yield [Fraction(rng.choice((a, b, rng.randint(a, b))), WHOLE) for a, b in zip(low, high, strict=True)]


def halved(low, high, rng):
    """A half of a box."""
    i, low, high = rng.randrange(len(low)), [*low], [*high]
    (high if rng.random() < 0.5 else low)[i] = low[i] + high[i] >> 1
    return low, high


def random_chain(rng, functions=FUNCTIONS, layers=6, width=4):
    """A chain of 1 to 6 dense layers with functions between them."""
    sizes = [rng.randint(1, 3), *(rng.randint(1, width) for _ in range(rng.randint(0, layers - 1))), rng.randint(1, 2)]
    q = rng.choice((1, 8, 3, 1 << 20))
    rows = [[[Fraction(rng.randint(-2 * q, 2 * q), q) for _ in range(a)] for _ in range(b)] for a, b in pairwise(sizes)]
    nodes = relu_chain(*((texts(row), [str(Fraction(rng.randint(-q, q), q)) for _ in row]) for row in rows))
    return with_functions(nodes, lambda: rng.choice(functions))


def texts(rows):
    """Rows of numbers as texts."""
    return [[str(w) for w in row] for row in rows]


def with_functions(network, choose):
    """The network with other functions."""
    nodes = [
        replace(node, functions=tuple(choose() for _ in node.functions)) if isinstance(node, Activate) else node
        for node in network.nodes
    ]
    return replace(network, nodes=tuple(nodes))


def jittered(network, rng, most=Fraction(1, 8)):
    """The network with other weights and biases, near or equal."""

    def other(w):
        change = most * rng.randint(-8, 8) / 8 if rng.random() < 0.5 else Fraction(0)
        return w + rational(change.numerator, change.denominator)

    nodes = []
    for node in network.nodes:
        if isinstance(node, Dense | Conv):
            rows, columns = node.weight.shape
            weight = Matrix.from_rows(
                [{u: other(w) for u, w in node.weight.row(v).items()} for v in range(rows)], columns
            )
            node = replace(node, weight=weight, bias=tuple(map(other, node.bias)))
        nodes.append(node)
    return replace(network, nodes=tuple(nodes))


def escapes(ours, theirs, rng, relations=NO_RELATIONS, depth=3, count=4, wide=2):
    """Where exact values of a pair lie outside of what the checker knows, on a box and some of its parts."""
    comparison = compared(ours, theirs, relations)
    inputs = comparison.tensors.based[0].units
    low = [rng.randint(-wide * WHOLE, wide * WHOLE) for _ in range(inputs)]
    high = [x + rng.choice((0, 1, WHOLE >> 6, WHOLE >> 2, WHOLE, 3 * WHOLE)) for x in low]
    parent = None
    for _ in range(depth):
        state = known(comparison, low, high, parent)
        for x in points(low, high, rng, count):
            yield from outside(comparison, state, (ours, theirs), x)
        parent, (low, high) = state.before, halved(low, high, rng)


def outside(comparison, state, networks, x):
    """What lies outside of the bounds at a point: before and after functions, differences, outputs."""
    values = [oracle.valuation(network, inputs_of(network, x)) for network in networks]
    for stage in comparison.stages:
        numbers = {}
        for family, j, network, value in zip("ab", (stage.ours, stage.over), networks, values, strict=True):
            if j is not None:
                based = comparison.tensors.based[j]
                view = network.views[based.name]
                if based.units == view.units:
                    places = (view.unit(e) for e in range(view.elements))
                    ordered = {u * based.positions + p: y for (u, p), y in zip(places, value[based.name], strict=True)}
                    numbers[family] = ordered
                    yield from beyond(state, family, j, ordered)
        if set(numbers) == {"a", "b"} and "d" in stage.families:
            factors = {pair.k: pair for pair in stage.pairs}
            if (
                all(pair.ratio == 1 and pair.k in (None, e) for e, pair in enumerate(stage.pairs))
                and None not in factors
            ):
                gaps = {i: y - numbers["b"][i] for i, y in numbers["a"].items()}
                yield from beyond(state, "d", stage.ours, gaps)
    ends = state.before["d", check.OUTPUTS]
    for o, (y, z) in enumerate(zip(*(flat(n, v) for n, v in zip(networks, values, strict=True)), strict=True)):
        if not Fraction(ends[0][o], WHOLE) <= y - z <= Fraction(ends[1][o], WHOLE):
            yield "output", o, float(y - z), ends[0][o] / WHOLE, ends[1][o] / WHOLE


def flat(network, values):
    """The outputs, flat."""
    return [y for name in network.outputs for y in values[name]]


def beyond(state, family, j, values):
    """The values outside of the bounds of a tensor after its functions."""
    for i, y in values.items():
        low, high = state.least[family][j][i], state.most[family][j][i]
        if not Fraction(low, WHOLE) <= y <= Fraction(high, WHOLE):
            yield family, j, i, float(y), low / WHOLE, high / WHOLE


# Certificates


def splits(tree, inputs):
    """A tree as text: a list of inputs to halve, plus 1, or 0."""
    bits = "".join(f"{split:0{inputs.bit_length()}b}" for split in tree)
    bits += "0" * (-len(bits) % 8)
    return base64.b64encode(int(bits or "0", 2).to_bytes(len(bits) // 8, "big")).decode()


def slopes(*entries):
    """Slopes as text: (number of the pair, slope below, s, t) each."""
    return base64.b64encode(b"".join(struct.pack(">Hhhh", *entry) for entry in entries)).decode()


def certificate(claim, *trees, relations=NO_RELATIONS, inputs=1, **more):
    """A certificate of bounds; a tree is a list (see `splits`), or that and a list of slopes."""
    listed = [tree if isinstance(tree, tuple) else (tree, []) for tree in trees]
    document = {
        "format": "exactlump certificate",
        "version": 2,
        "producer": "tests",
        "claim": {"specification": "as stored", **claim},
        "relations": relations,
        "trees": [{"splits": splits(tree, inputs), "slopes": given} for tree, given in listed],
    }
    return {key: value for key, value in {**document, **more}.items() if value is not None}


def approximate(epsilon, *boxes, metric="max", arithmetic="reals", name="x"):
    """A claim; a box is a list of (low, high)."""
    numbers = [epsilon] if isinstance(epsilon, str) else epsilon
    domain = {"boxes": [{name: [[*ends] for ends in one]} for one in boxes]}
    return {
        "criterion": "approximate",
        "metric": metric,
        "epsilon": numbers,
        "domain": domain,
        "arithmetic": arithmetic,
    }


def matching(networks):
    """How the names of inputs and outputs match."""
    named = all(network.format != "nnet" for network in networks)
    pairs = {what: [getattr(network, what) for network in networks] for what in ("inputs", "outputs")}
    return {what: check.matched(*pair, named)[0] for what, pair in pairs.items()}


def verdict(folder, ours, theirs, document, **options):
    """What the checker says of two networks (or files) and a certificate."""
    document, paths, networks = json.loads(json.dumps(document)), [], []
    for side, network in zip(check.SIDES, (ours, theirs), strict=True):
        path = network
        if isinstance(network, Network):
            path = folder / f"{side}.json"
            path.write_bytes(exact.render(network))
        kind = next(kind for kind in check.FORMATS if path.name.endswith(f".{kind}"))
        read = check.read_network(str(path), "as stored", 1 << 30)
        networks.append(read)
        tensors, external = read.tensors, read.external
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        document.setdefault(side, {"format": kind, "sha256": digest, "tensors": tensors, "external": external})
        paths.append(str(path))
    if document["version"] == 2:
        document["claim"].setdefault("match", matching(networks))
    place = folder / "certificate.json"
    place.write_text(json.dumps(document))
    return check.check(*paths, str(place), **options)


def as_fraction(value):
    """A rational of the package as a Fraction."""
    return Fraction(*fraction(value))


def seeded(seed):
    """A generator of random numbers."""
    return random.Random(seed)
