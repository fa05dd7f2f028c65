# SPDX-License-Identifier: Apache-2.0
"""This file is about layers that read any layer below: what only carries values upwards is gone."""

import random
from fractions import Fraction
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

import exactlump
from exactlump import check
from exactlump.errors import CannotWrite, FormatError
from exactlump.lumping.kink_flaws import flaw_of
from exactlump.lumping.kinks import Finder
from exactlump.lumping.simulations import Relation, entry
from exactlump.numbers.rational import ONE
from exactlump.reduction.kink_skips import skip_network
from tests.lumping.test_kinks import network_of
from tests.oracle import difference

LATTICE = Path(exactlump.__file__).parent / "networks" / "tll_small.onnx"


def carrying(rng, depth=4, inputs=2, new=3):
    """A chain of which each layer has `new` kinks of what is below, and carries all kinks of lower layers by ReLU."""
    number = lambda: Fraction(rng.choice([-1, 1]) * rng.randint(1, 31), 8)  # noqa: E731
    chain, size = [], inputs
    for level in range(depth):
        rows = [[number() for _ in range(size)] for _ in range(new)]
        same = [[Fraction(u == v) for u in range(size)] for v in range(size)] if level else []
        rows += same
        chain.append((rows, [number() for _ in range(new)] + [Fraction(0)] * len(same)))
        size = len(rows)
    return network_of([*chain, ([[number() for _ in range(size)]], [number()])], dtype="float32")


@pytest.mark.parametrize("seed", range(5))
def test_what_is_only_carried_goes(seed, tmp_path):
    network = carrying(random.Random(seed))
    exactlump.write(network, tmp_path / "a.onnx")
    chain = exactlump.reduce(network).reduced
    done = exactlump.reduce_file(tmp_path / "a.onnx", tmp_path / "b.onnx", skips=True)
    reduced = exactlump.read(tmp_path / "b.onnx")
    assert (network.neurons, chain.neurons, reduced.neurons) == (30, 30, 12)
    assert difference(network, reduced, count=6) is None
    paths = [str(path) for path in (tmp_path / "a.onnx", tmp_path / "b.onnx", done.certificate)]
    assert check.check(*paths).verdict == "equivalent"
    rng = np.random.default_rng(seed)
    x = rng.integers(-8, 8, 2).astype(np.float32)
    values = [onnxruntime.InferenceSession(path).run(None, {"x": x})[0] for path in paths[:2]]
    np.testing.assert_allclose(*values, rtol=1e-4, atol=1e-2)


def test_a_lattice(tmp_path):
    """Nothing but kinks that the output depends on; as a chain 56 more units carry them."""
    done = exactlump.reduce_file(LATTICE, tmp_path / "small.onnx", skips=True)
    again = exactlump.reduce_file(tmp_path / "small.onnx", tmp_path / "smaller.onnx", skips=True)
    assert (done.reduction.reduced.neurons, again.reduction.reduced.neurons) == (32, 32)
    assert exactlump.reduce(LATTICE).reduced.neurons == 88


def test_a_row_of_another_kink_is_a_flaw():
    """Planted faults: two kinks changed for each other, of N and of N'."""
    network = carrying(random.Random(0))
    finder = Finder(twins=True, signs=True, lines=True, turned=frozenset(), measure=lambda _: ONE)
    made = skip_network(network, finder.kinks, finder.normal_form(network))
    pairs = (network, made.forward), (made.network, made.own)
    assert not any(flaw_of(n, made.network, rows, made.own, None) for n, rows in pairs)
    for n, rows in pairs:
        tensor, relation = next((t, r) for t, r in rows.items() if len(r.rows) > 1 and r.over == "kinks1")
        wrong = Relation(relation.over, (entry(1, ONE), entry(0, ONE), *relation.rows[2:]))
        assert flaw_of(n, made.network, {**rows, tensor: wrong}, made.own, None)


def test_what_has_no_place_for_them_is_refused(tmp_path):
    exactlump.write(carrying(random.Random(1)), tmp_path / "a.onnx")
    with pytest.raises(CannotWrite, match="nnet has no place for this Select"):
        exactlump.reduce_file(tmp_path / "a.onnx", tmp_path / "b.nnet", skips=True)
    with pytest.raises(FormatError, match="rules: found 'lumping' with skips, expected 'all'"):
        exactlump.reduce_file(tmp_path / "a.onnx", tmp_path / "b.onnx", skips=True, rules="lumping")
    assert [path.name for path in tmp_path.iterdir()] == ["a.onnx"]
