# SPDX-License-Identifier: Apache-2.0
"""This file is about kinks: that redundancy that was planted is removed, all of it, and that what is written is true.

Networks are widened here by random composition, by code that knows nothing of the finder: units split into s*w and
-s*w, sums r(m) - r(-m) - m added, units multiplied, permuted and rescaled, at all depths.
"""

import itertools
import json
import random
from dataclasses import replace
from fractions import Fraction

import pytest

import exactlump
from exactlump import check
from exactlump.lumping.kink_flaws import flaw_of
from exactlump.lumping.kinks import Finder
from exactlump.lumping.simulations import Signed, Twin, entry
from exactlump.network.activations import RELU
from exactlump.network.kinds import Activate, Conv, Reorder
from exactlump.network.program import Network
from exactlump.network.views import Port
from exactlump.network.windows import Window
from exactlump.numbers.matrix import Matrix
from exactlump.numbers.rational import ONE, ZERO, rational
from exactlump.reduction.kink_rounds import by_kinks
from exactlump.reduction.loop import reduce
from exactlump.refutation.common_kinks import common_kinks
from exactlump.verbs.exporting import export_files
from tests.oracle import difference

# The window of one tap that leaves three positions as they are.
POINT = Window((3,), (3,), (1,), (1,), (1,), (0,), (0,))


def drawn(rng, sizes):
    """Small random numbers, of which no two rows are parallel, by chance."""
    number = lambda: Fraction(rng.choice([-1, 1]) * rng.randint(1, 31), 8)  # noqa: E731
    return [
        ([[number() for _ in range(n)] for _ in range(m)], [number() for _ in range(m)])
        for n, m in itertools.pairwise(sizes)
    ]


def network_of(chain, function="relu", dtype=None):
    """The network of a chain."""
    return Network.chain([rows for rows, _ in chain], [bias for _, bias in chain], function, dtype=dtype)


def split(rng, chain, law=1):
    """Below some layers, a layer of pairs: m = tau + (sigma(s*(m - tau)) - sigma(-s*(m - tau)))/(L*s)."""
    made = []
    for rows, bias in chain:
        if rng.random() < 0.7:
            pairs, shifts, sums, ends = [], [], [], []
            for row, b in zip(rows, bias, strict=True):
                s, tau = Fraction(rng.choice([1, 2, 4]), rng.choice([1, 2])), Fraction(rng.randint(-8, 8), 4)
                sums.append({len(pairs): 1 / (law * s), len(pairs) + 1: -1 / (law * s)})
                pairs += [[s * w for w in row], [-s * w for w in row]]
                shifts += [s * (b - tau), -s * (b - tau)]
                ends.append(tau)
            order = list(range(len(pairs)))
            rng.shuffle(order)
            at = {u: i for i, u in enumerate(order)}
            made.append(([pairs[u] for u in order], [shifts[u] for u in order]))
            above = [[Fraction(0)] * len(pairs) for _ in sums]
            for line, row in zip(above, sums, strict=True):
                for u, w in row.items():
                    line[at[u]] = Fraction(w)
            rows, bias = above, ends
        made.append((rows, bias))
    return made


def widened(rng, chain, antiparallel=True):
    """Hidden units multiplied, rescaled and permuted; dead ones, always active ones, and sums that cancel added."""
    made = [([list(row) for row in rows], list(bias)) for rows, bias in chain]
    for (rows, bias), (above, _) in itertools.pairwise(made):
        for v in range(len(rows)):
            for _ in range(rng.randint(0, 2)):  # another unit of the same direction takes a share
                s, share = Fraction(rng.choice([1, 2, 4]), rng.choice([1, 2])), Fraction(rng.randint(1, 3), 4)
                rows.append([s * w for w in rows[v]])
                bias.append(s * bias[v])
                for row in above:
                    row.append(share * row[v] / s)
                    row[v] *= 1 - share
            if antiparallel and rng.random() < 0.5:  # r(m) - r(-m) - (r(2m) - r(-2m))/2 = 0
                c = Fraction(rng.randint(1, 5), 4)
                for s, sign in ((1, 1), (-1, -1), (2, Fraction(-1, 2)), (-2, Fraction(1, 2))):
                    rows.append([s * w for w in rows[v]])
                    bias.append(s * bias[v])
                    for row in above:
                        row.append(sign * c)
        order = list(range(len(rows)))
        rng.shuffle(order)
        rows[:], bias[:] = [rows[v] for v in order], [bias[v] for v in order]
        for row in above:
            row[:] = [row[v] for v in order]
    return made


@pytest.mark.parametrize("seed", range(12))
def test_planted_redundancy_is_removed_to_the_last_unit(seed, tmp_path):
    rng = random.Random(seed)
    chain = drawn(rng, [rng.randint(2, 4), *(rng.randint(2, 4) for _ in range(rng.randint(1, 3))), rng.randint(1, 2)])
    narrow, wide = network_of(chain), network_of(widened(rng, split(rng, chain)))
    exactlump.write(wide, tmp_path / "wide.json")
    done = exactlump.reduce_file(tmp_path / "wide.json", tmp_path / "small.json", rules="all")
    assert done.verdict == "equivalent"
    assert wide.neurons > narrow.neurons >= done.reduction.reduced.neurons
    assert difference(wide, done.reduction.reduced) is None
    assert difference(narrow, done.reduction.reduced) is None


@pytest.mark.parametrize("slope", ["1/4", "-1/2", "2"])
def test_leaky_pairs_below_a_layer_are_removed(slope, tmp_path):
    rng = random.Random(1)
    chain, function = drawn(rng, [2, 3, 2]), exactlump.leaky_relu(rational(slope))
    wide = network_of(split(rng, split(rng, chain, 1 + Fraction(slope)), 1 + Fraction(slope)), function)
    found = exactlump.reduce(wide, rules="all")
    assert found.reduced.neurons == 3 < wide.neurons
    assert difference(wide, found.reduced) is None


@pytest.mark.parametrize("name", ["gelu", "silu", "softplus", "hard_swish"])
def test_curves_have_twins_of_the_same_size(name):
    """h(m) - h(-m) = m; scaled ones stay."""
    rows = [[1, 2], [-1, -2], [3, 1], [-3, -1]]
    chain = [(rows, [1, -1, 0, 0]), ([[1, -1, 2, -2], [0, 0, 1, -1], [1, -1, 0, 0]], [0, 1, 2]), ([[1, 1, 1]], [0])]
    found = exactlump.reduce(network_of(chain, name), rules="all")
    assert found.reduced.neurons == 3
    scaled = [([[1, 2], [-2, -4], [3, 1], [-3, -2]], [0] * 4), *chain[1:]]
    assert exactlump.reduce(network_of(scaled, name), rules="all").reduced.neurons == 7


def test_what_is_never_negative_is_fused():
    """relu(relu(x) + relu(y)) is the sum, and relu(-relu(x) - 1) is 0."""
    chain = [([[1, 0], [0, 1]], [0, 0]), ([[1, 1], [-1, 0], [1, -2]], [1, -1, 0]), ([[1, 5, 1], [2, 5, 1]], [0, 0])]
    network = network_of(chain)
    found = exactlump.reduce(network, rules="all")
    assert found.reduced.neurons == 5 == reduce(network).reduced.neurons  # nothing is gained: it would be carried
    last = [*chain[:1], ([[1, 1], [-1, 0], [2, 1]], [1, -1, 0]), chain[2]]
    assert exactlump.reduce(network_of(last), rules="all").reduced.neurons == 2


def test_a_relu_of_a_relu_that_was_recombined():
    """relu(relu(x) - x) = relu(-x), by the fact that relu(x) >= x."""
    chain = [([[1], [-1]], [0, 0]), ([[0, 2], [1, -1]], [0, 0]), ([[1, 1], [1, 0]], [0, 0])]
    network = network_of(chain)
    units = Finder().normal_form(network).units["h2"]
    assert [unit.facts for unit in units if hasattr(unit, "facts")] == [((0, rational(2)),)]
    assert difference(network, exactlump.reduce(network, rules="all").reduced) is None


def test_lumping_alone_is_what_it_was():
    rng = random.Random(3)
    wide = network_of(widened(rng, split(rng, drawn(rng, [3, 4, 4, 1]))), dtype="float64")
    alone, kinks = exactlump.reduce(wide, rules="lumping"), exactlump.reduce(wide, rules="all")
    assert alone.reduced.neurons == reduce(wide).reduced.neurons > kinks.reduced.neurons
    assert not alone.own
    assert kinks.own
    assert all(layer.twins == layer.linear == 0 for layer in alone.layers)
    assert sum(layer.after for layer in kinks.layers) == kinks.reduced.neurons
    assert any(layer.twins for layer in kinks.layers)
    with pytest.raises(exactlump.FormatError, match="rules: found 'some'"):
        exactlump.reduce(wide, rules="some")


def test_nothing_gets_larger():
    """Where the normal form has to carry more than it removes, the result is that of lumping."""
    for seed in range(30):
        rng = random.Random(seed)
        network = network_of(widened(rng, drawn(rng, [4, 3, 3, 2])))
        found, alone = exactlump.reduce(network, rules="all"), exactlump.reduce(network, rules="lumping")
        assert found.reduced.neurons <= alone.reduced.neurons
        assert difference(network, found.reduced) is None


def test_reducing_again_changes_nothing():
    rng = random.Random(8)
    once = exactlump.reduce(network_of(widened(rng, split(rng, drawn(rng, [3, 3, 3, 1])))), rules="all").reduced
    assert exactlump.reduce(once, rules="all").reduced.neurons == once.neurons


def test_float32_files_and_their_runtime(tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    import numpy as np

    rng = random.Random(11)
    wide = network_of(widened(rng, split(rng, drawn(rng, [3, 4, 3, 2]))), dtype="float32")
    exactlump.write(wide, tmp_path / "wide.onnx")
    done = exactlump.reduce_file(tmp_path / "wide.onnx", tmp_path / "small.onnx", rules="all")
    assert done.reduction.reduced.neurons < exactlump.reduce(wide, rules="lumping").reduced.neurons
    x = np.array([0.5, -1.25, 2.0], np.float32)
    outputs = [
        onnxruntime.InferenceSession(str(tmp_path / name)).run(None, {"x": x})[0]
        for name in ("wide.onnx", "small.onnx")
    ]
    assert np.abs(outputs[0] - outputs[1]).max() <= 1e-4 * np.abs(outputs[0]).max()


# --- The reference check --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def bent():
    """A network, and its reduction by kinks."""
    rng = random.Random(2)
    network = network_of(widened(rng, drawn(rng, [2, 3, 3, 1])))
    found = by_kinks(network, "exact", network.neurons)
    assert found is not None
    return network, found


def test_every_row_that_is_changed_is_seen(bent):
    """What the reference check refuses, and what it accepts is equal: it argues with the checker in the next test."""
    network, found = bent
    own, q = found.chain.own, found.chain.network
    assert flaw_of(network, q, found.chain.forward, own) is None
    rng, refused = random.Random(4), 0
    for tensor, relation in found.chain.forward.items():
        for v, row in enumerate(relation.rows):
            others = [entry(0, ONE), Twin("", 0, ONE), Signed(True), Signed(False), entry(0, ZERO), entry(0, -ONE)]
            other = rng.choice([one for one in others if one != row])
            rows = (*relation.rows[:v], other, *relation.rows[v + 1 :])
            changed = {**found.chain.forward, tensor: replace(relation, rows=rows)}
            refused += flaw_of(network, q, changed, own) is not None
    assert refused == sum(len(relation.rows) for relation in found.chain.forward.values())


def test_the_checker_and_the_reference_agree_on_mutants(tmp_path):
    """Mutants of certificates: what the checker accepts is equal at exact points."""
    rng = random.Random(6)
    accepted = refused = 0
    for seed in range(6):
        inner = random.Random(seed)
        wide = network_of(widened(inner, split(inner, drawn(inner, [2, 2, 2, 1]))))
        places = [tmp_path / name for name in ("wide.json", "small.json", "small.json.cert.json")]
        exactlump.write(wide, places[0], overwrite=True) if places[0].exists() else exactlump.write(wide, places[0])
        exactlump.reduce_file(places[0], places[1], overwrite=True, rules="all")
        text = places[2].read_text()
        for _ in range(60):
            document = json.loads(text)
            side = rng.choice(["original", "reduced"])
            relations = document["relations"][side]
            if not relations:
                continue
            relation = relations[rng.choice(sorted(relations))]
            u, v = rng.randrange(len(relation["rows"])), rng.randrange(len(relation["rows"]))
            new = [relation["rows"][u], {"twin": [0, "1"]}, {"linear": []}, {"zero": []}, [0, "2"], "free", None]
            before, relation["rows"][v] = relation["rows"][v], rng.choice(new)
            if relation["rows"][v] == before:
                continue
            places[2].write_text(json.dumps(document))
            answer = check.check(*map(str, places))
            accepted += answer.code == 0
            refused += answer.code != 0
            if answer.code == 0:
                assert difference(wide, exactlump.read(places[1])) is None
    assert refused > 150


# --- Two networks -----------------------------------------------------------------------------------------


def test_a_split_network_is_equivalent_to_the_whole(tmp_path):
    """In both directions, as files with a certificate, and in memory."""
    for seed in range(6):
        rng = random.Random(seed)
        chain = drawn(rng, [2, 3, 3, 1])
        pair = network_of(chain), network_of(widened(rng, split(rng, split(rng, chain))))
        for one, other in (pair, pair[::-1]):
            found = exactlump.refute(one, other)
            assert (found.verdict, found.finding.method) in (("equivalent", "kinks"), ("equivalent", "quotient"))
            names = [tmp_path / f"{seed}{side}{one.neurons}.json" for side in "ab"]
            for name, network in zip(names, (one, other), strict=True):
                exactlump.write(network, name)
            found = exactlump.refute(*names, certificate=tmp_path / f"{seed}{one.neurons}.cert.json")
            assert found.verdict == "equivalent"
            assert check.check(*map(str, names), str(found.certificate)).verdict == "equivalent"


def test_a_split_network_with_another_number_is_not(tmp_path):
    for seed in range(6):
        rng = random.Random(seed)
        chain = drawn(rng, [2, 3, 1])
        wide = widened(rng, split(rng, chain))
        layer, v = rng.randrange(len(wide)), 0
        wide[layer][1][v] += Fraction(1, 1024)
        pair = network_of(chain), network_of(wide)
        if difference(*pair) is not None:
            assert exactlump.refute(*pair).verdict == "different"
            assert common_kinks(*pair) is None


def test_split_channels_beside_padding():
    """A convolution split into channels s*w and -s*w, and the sum of both with a constant that meets zeros."""
    window = Window((3,), (3,), (3,), (1,), (1,), (1,), (1,))
    kernel = {0: rational(2), 1: rational(-1), 2: rational(3)}

    def chained(rows, sums, tau):
        negative = [{t: c * w for t, w in kernel.items()} for c in rows]
        nodes = [
            Reorder("x", "i", None, (1, 3), 0),
            Conv("i", "s", Matrix.from_rows(negative, 3), tuple(rational(c) * rational(1, 2) for c in rows), window),
            Activate("s", "h", (RELU,) * len(rows)),
            Conv("h", "t", Matrix.from_rows([dict(enumerate(sums))], len(rows)), (tau,), POINT),
            Conv("t", "u", Matrix.from_rows([kernel], 3), (ZERO,), window),
            Activate("u", "y", (RELU,)),
        ]
        return Network((Port("x", (3,)),), tuple(nodes), ("y",))

    line = [
        Reorder("x", "i", None, (1, 3), 0),
        Conv("i", "t", Matrix.from_rows([kernel], 3), (rational(1, 2),), window),
    ]
    last = [Conv("t", "u", Matrix.from_rows([kernel], 3), (ZERO,), window), Activate("u", "y", (RELU,))]
    whole = Network((Port("x", (3,)),), (*line, *last), ("y",))
    halves = chained([rational(2), rational(-2)], [rational(1, 2), rational(-1, 2)], ZERO)
    assert common_kinks(whole, halves) is not None
    assert common_kinks(halves, whole) is not None
    assert difference(whole, halves) is None
    shifted = chained([rational(2), rational(-2)], [rational(1, 2), rational(-1, 2)], ONE)
    assert common_kinks(whole, shifted) is None
    assert difference(whole, shifted) is not None


def test_prove_and_export_cover_kinks(tmp_path):
    """Rows of kinks are put to solvers, and are there in the text for the proved checker."""
    rng = random.Random(3)
    exactlump.write(network_of(split(rng, drawn(rng, [2, 3, 2]))), tmp_path / "a.json")
    done = exactlump.reduce_file(tmp_path / "a.json", tmp_path / "b.json", rules="all")
    paths = [str(path) for path in (tmp_path / "a.json", done.reduced, done.certificate)]
    assert "mirror" in done.certificate.read_text()
    assert exactlump.prove_files(*paths, jobs=1).verdict == "equivalent"
    assert any(line.startswith("mirror ") for line in export_files(*paths))
    alone = exactlump.reduce_file(tmp_path / "a.json", tmp_path / "c.json", rules="lumping")
    assert "mirror" not in alone.certificate.read_text()
    [*export_files(paths[0], str(alone.reduced), str(alone.certificate))]
