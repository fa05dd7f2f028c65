# SPDX-License-Identifier: Apache-2.0
"""This file is about kinks in convolutions: planted redundancy of channels goes, and constants that meet padding stay.

Networks are widened here by random composition, by code that knows nothing of the finder.
"""

import itertools
import random
from fractions import Fraction

import pytest

import exactlump
from exactlump import check
from exactlump.network.activations import RELU, Activation
from exactlump.network.kinds import Activate, Add, Conv, Dense, Reorder
from exactlump.network.program import Network
from exactlump.network.views import Port
from exactlump.network.windows import Window
from exactlump.numbers.matrix import Matrix
from exactlump.numbers.rational import rational
from exactlump.reduction.kink_rounds import by_kinks
from exactlump.reduction.kink_signs import worth_a_look
from tests.oracle import difference
from tests.tools import real_networks

SIZE = 4
POINT = Window((SIZE,), (SIZE,), (1,), (1,), (1,), (0,), (0,))
PADDED = Window((SIZE,), (SIZE,), (3,), (1,), (1,), (1,), (1,))


def drawn(rng, sizes):
    """(rows, biases, window) of convolutions, then of a dense layer, whose window is None; columns are u*T + t."""
    number = lambda: Fraction(rng.choice([-1, 1]) * rng.randint(1, 15), 4)  # noqa: E731
    layers = []
    for i, (n, m) in enumerate(itertools.pairwise(sizes)):
        window = PADDED if i < len(sizes) - 2 else None
        columns = n * (window.taps if window else SIZE)
        layers.append(([[number() for _ in range(columns)] for _ in range(m)], [number() for _ in range(m)], window))
    return layers


def network_of(layers, channels, function=RELU, dtype=None):
    """The network of layers, whose input is some images in a row."""
    nodes, source, size = [Reorder("x", "i", None, (channels, SIZE), 0)], "i", channels
    for i, (rows, bias, window) in enumerate(layers):
        last = i == len(layers) - 1
        target = "y" if last else f"c{i}"
        if window is None:
            nodes.append(Reorder(source, "flat", None, (size * SIZE,)))
            source = "flat"
        columns = size * (window.taps if window else SIZE)
        matrix = Matrix.from_rows([{u: rational(w) for u, w in enumerate(row) if w} for row in rows], columns)
        biases = tuple(map(rational, bias))
        nodes.append(Conv(source, target, matrix, biases, window) if window else Dense(source, target, matrix, biases))
        if not last:
            nodes.append(Activate(target, f"h{i}", (function,) * len(rows)))
        source, size = f"h{i}", len(rows)
    return Network((Port("x", (channels * SIZE,)),), tuple(nodes), ("y",), dtype=dtype or "exact")


def places(layer):
    """How many columns of a layer a channel has."""
    return layer[2].taps if layer[2] else SIZE


def split(rng, layers):
    """Below some convolutions' activations, pairs m = tau + (r(s(m - tau)) - r(-s(m - tau)))/s, summed by one tap."""
    made = []
    for rows, bias, window in layers:
        if window is None or rng.random() < 0.4:
            made.append((rows, bias, window))
            continue
        pairs, shifts, sums, ends = [], [], [], []
        for row, b in zip(rows, bias, strict=True):
            s, tau = Fraction(rng.choice([1, 2, 4])), Fraction(rng.randint(-8, 8), 4)
            sums.append({len(pairs): 1 / s, len(pairs) + 1: -1 / s})
            pairs += [[s * w for w in row], [-s * w for w in row]]
            shifts += [s * (b - tau), -s * (b - tau)]
            ends.append(tau)
        made.append((pairs, shifts, window))
        made.append(([[row.get(u, Fraction(0)) for u in range(len(pairs))] for row in sums], ends, POINT))
    return made


def widened(rng, layers):
    """Channels multiplied and rescaled, antiparallel sums that cancel added."""
    made = [([list(row) for row in rows], list(bias), window) for rows, bias, window in layers]
    for (rows, bias, _), above in itertools.pairwise(made):
        n = places(above)
        for v in range(len(rows)):
            share, s = Fraction(rng.randint(1, 3), 4), Fraction(rng.choice([1, 2, 4]))
            if rng.random() < 0.5:
                add(rows, bias, above[0], n, v, s, lambda w, share=share, s=s: share * w / s)
                for row in above[0]:
                    row[v * n : (v + 1) * n] = [(1 - share) * w for w in row[v * n : (v + 1) * n]]
            if rng.random() < 0.5:
                for factor, sign in ((1, 1), (-1, -1), (2, Fraction(-1, 2)), (-2, Fraction(1, 2))):
                    add(rows, bias, above[0], n, v, factor, lambda _, sign=sign: sign)
    return made


def add(rows, bias, above, n, v, factor, weight):
    """A further channel, `factor` times what channel v is before its activation."""
    rows.append([factor * w for w in rows[v]])
    bias.append(factor * bias[v])
    for row in above:
        row.extend(weight(w) for w in row[v * n : (v + 1) * n])


@pytest.mark.parametrize("seed", range(8))
def test_planted_redundancy_of_channels_is_removed(seed, tmp_path):
    rng = random.Random(seed)
    layers = drawn(rng, [2, rng.randint(2, 3), *([2] if seed % 2 else []), 2])
    narrow, wide = network_of(layers, 2), network_of(widened(rng, split(rng, layers)), 2)
    exactlump.write(wide, tmp_path / "a.json")
    done = exactlump.reduce_file(tmp_path / "a.json", tmp_path / "b.json")
    assert done.reduction.reduced.neurons <= narrow.neurons
    assert narrow.neurons < wide.neurons
    assert difference(wide, done.reduction.reduced, count=4) is None
    assert difference(narrow, done.reduction.reduced, count=4) is None
    assert check.check(*map(str, (tmp_path / "a.json", done.reduced, done.certificate))).code == 0
    proved = exactlump.prove_files(tmp_path / "a.json", done.reduced, done.certificate, jobs=1)
    assert proved.verdict == "equivalent"


def test_lines_that_meet_padding_are_not_written():
    """Pairs summed by three taps: m is read at places where it is padding, so it is no convolution of the input."""
    rng = random.Random(0)
    for _ in range(6):
        rows, bias, _ = drawn(rng, [1, 1, 1])[0]
        s = Fraction(rng.choice([1, 2]))
        pairs = [[s * w for w in rows[0]], [-s * w for w in rows[0]]], [s * bias[0], -s * bias[0]], PADDED
        taps = [Fraction(rng.randint(1, 5)) for _ in range(3)]
        summed = [[*taps, *(-w for w in taps)]], [Fraction(rng.randint(-3, 3))], PADDED
        wide = network_of([pairs, summed, ([[Fraction(1)] * SIZE], [Fraction(0)], None)], 1)
        found = exactlump.reduce(wide)
        assert difference(wide, found.reduced, count=6) is None
        assert found.reduced.neurons <= wide.neurons


def test_signs_of_images(tmp_path):
    """Sums of images that are not negative, with weights that are not, stay as they are."""
    first = ([[1, -2, 1], [2, 1, -1]], [1, -1], PADDED)
    second = ([[1, 2, 0, 0, 1, 1], [-1, 0, -2, 0, -3, 0]], [1, -2], PADDED)
    wide = network_of([first, second, ([[1, 2, 3, 4, 5, 6, 7, 8]], [0], None)], 1)
    exactlump.write(wide, tmp_path / "a.json")
    done = exactlump.reduce_file(tmp_path / "a.json", tmp_path / "b.json")
    assert done.reduction.reduced.neurons <= wide.neurons - 1  # the second channel above is 0
    assert difference(wide, done.reduction.reduced, count=4) is None


def residual(wide):
    """relu(x + the sum of some relu(conv(x))) for one image x >= 0, with channels and their mirror images inside."""
    inner = [[1, -2, 3], [2, 1, -1], [-1, 3, 1]]
    outer = [1, 2, -1]
    rows = [*inner, *([-w for w in row] for row in inner)] if wide else inner
    above = [[*outer, *([-w for w in outer] if wide else [])]]
    matrices = [Matrix.from_rows([dict(enumerate(map(rational, row))) for row in m], len(m[0])) for m in (rows, above)]
    bias = tuple(map(rational, [1, -1, 2, -1, 1, -2][: len(rows)]))
    one = (rational(1),)
    nodes = [
        Reorder("x", "i", None, (1, SIZE), 0),
        Conv("i", "c0", Matrix.from_rows([{0: rational(2), 1: rational(-1), 2: rational(1)}], 3), one, PADDED),
        Activate("c0", "h0", (RELU,)),
        Conv("h0", "c1", matrices[0], bias, PADDED),
        Activate("c1", "h1", (RELU,) * len(rows)),
        Conv("h1", "c2", matrices[1], one, POINT),
        Add(("h0", "c2"), "s", (1, 1)),
        Activate("s", "h2", (RELU,)),
        Reorder("h2", "flat", None, (SIZE,)),
        Dense("flat", "y", Matrix.from_rows([{p: rational(p + 1) for p in range(SIZE)}], SIZE), one),
    ]
    return Network((Port("x", (SIZE,)),), tuple(nodes), ("y",))


def test_residual_sums_of_images_are_carried_where_that_pays(tmp_path):
    """relu(m) - relu(-m) is a line: of three pairs nothing is left but what carries the sum."""
    exactlump.write(residual(wide=True), tmp_path / "a.json")
    done = exactlump.reduce_file(tmp_path / "a.json", tmp_path / "b.json")
    assert exactlump.reduce(residual(wide=True), rules="lumping").reduced.neurons == 8
    assert done.reduction.reduced.neurons == 2
    assert difference(residual(wide=True), done.reduction.reduced, count=4) is None
    assert exactlump.reduce(residual(wide=False)).reduced.neurons == residual(wide=False).neurons


def test_curves_of_images(tmp_path):
    """silu(m) - silu(-m) = m; the two channels above are two functions of that."""
    first = ([[1, -2, 1], [-1, 2, -1]], [1, -1], PADDED)
    second = ([[1, -1], [2, -2]], [0, 0], POINT)
    wide = network_of([first, second, ([[1, 2, 3, 4, 4, 3, 2, 2]], [0], None)], 1, Activation("silu"))
    exactlump.write(wide, tmp_path / "a.json")
    done = exactlump.reduce_file(tmp_path / "a.json", tmp_path / "b.json")  # which the checker has accepted
    assert done.reduction.reduced.neurons == 2
    for form in ("decomposed", "direct"):
        found = exactlump.prove_files(tmp_path / "a.json", tmp_path / "b.json", done.certificate, form=form, jobs=1)
        assert found.verdict == "equivalent"


def test_floats_are_a_good_guess():
    """Where floats see nothing, the exact look finds nothing either."""
    rng, looked = random.Random(2), 0
    for seed in range(40):
        layers = drawn(rng, [1, 2, 2, 1])
        if seed % 4 == 0:
            layers = widened(rng, layers)
        network = network_of(layers, 1)
        most = exactlump.reduce(network, rules="lumping").reduced.neurons
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("exactlump.reduction.kink_rounds.worth_a_look", lambda *_: True)
            exact = by_kinks(network, "exact", most)
        looked += worth_a_look(network, most)
        assert exact is None or worth_a_look(network, most)
    assert 0 < looked < 30


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.parametrize("path", real_networks("relusplit/c_all_exact.onnx.gz", "relusplit/c_L2gemm_default.onnx.gz"))
def test_a_split_network_of_convolutions_has_its_width_again(path, tmp_path):
    done = exactlump.reduce_file(path, tmp_path / "small.onnx")
    assert done.reduction.reduced.neurons == 124
