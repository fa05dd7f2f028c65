# SPDX-License-Identifier: Apache-2.0
"""This file is about the repeated experiment of the paper: its pruning is exact, and its arms behave as proved.

The statements are about the layer and the one above it, at exact inputs; the training is tested where PyTorch is
installed, in a tiny version.
"""

import dataclasses
import gzip
import itertools
import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from benchmarks.paper import data, exact, experiment, model, prune, train
from benchmarks.paper.prune import FREE_BIASES, MIXED, MIXED_SIGNED, ONE_SIGN, ONE_SIGN_SIGNED, PROPORTIONAL, Plan
from exactlump import Activate, Dense, Matrix, Network, Port, rational
from exactlump.network.activations import RELU

UNITS, KEPT, INPUTS, CLASSES = 12, 4, 3, 2


def layers(arm, terms, seed):
    """A synthetic layer, the weights above it and the plan, from random weights."""
    random = np.random.default_rng(seed)
    plan = prune.draw_plan(UNITS, KEPT, terms, arm.coefficients, seed)
    weight, bias = prune.overwrite(random.normal(size=(UNITS, INPUTS)), random.normal(size=UNITS), arm, plan)
    above = prune.in_float32(prune.on_grid(random.normal(size=(CLASSES, UNITS)), prune.ABOVE_GRID))
    return weight, bias, above, plan


def network(weight, bias, above):
    """Dense, ReLU, Dense as an exact network."""
    nodes = (
        Dense("x", "y", Matrix.from_floats(weight), tuple(map(rational, bias.tolist()))),
        Activate("y", "z", (RELU,) * len(bias)),
        Dense("z", "out", Matrix.from_floats(above), (rational(0),) * len(above)),
    )
    return Network((Port("x", (weight.shape[1],)),), nodes, ("out",))


def differing(arm, terms, seed, count, points):
    """The points at which pruning changes the exact outputs."""
    weight, bias, above, plan = layers(arm, terms, seed)
    before, after = network(weight, bias, above), network(*prune.prune(weight, bias, above, plan, count))
    return [x for x in points if before.evaluate(x) != after.evaluate(x)]


def points(low, high, count=60):
    """Exact inputs with coordinates p/3 in a range, and zero."""
    random = np.random.default_rng(7)
    tops = [[0] * INPUTS, *random.integers(3 * low, 3 * high + 1, (count, INPUTS)).tolist()]
    return [tuple(rational(p, 3) for p in row) for row in tops]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("count", [1, 5, UNITS - KEPT])
def test_pruning_proportional_rows_loses_nothing_at_any_input(seed, count):
    assert differing(PROPORTIONAL, 1, seed, count, points(-9, 9)) == []


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("terms", [2, 3, 4])
def test_weights_and_biases_of_one_sign_lose_nothing_at_inputs_that_are_not_negative(terms, seed):
    weight, bias, _, plan = layers(ONE_SIGN, terms, seed)
    assert prune.is_exact_by_signs(weight, bias, plan, UNITS - KEPT)
    assert differing(ONE_SIGN, terms, seed, UNITS - KEPT, points(0, 9)) == []


@pytest.mark.parametrize("terms", [2, 3, 4])
@pytest.mark.parametrize("arm", [FREE_BIASES, ONE_SIGN_SIGNED, MIXED, MIXED_SIGNED], ids=lambda arm: arm.name)
def test_every_other_arm_loses_at_inputs_that_are_not_negative(arm, terms):
    lossy = [seed for seed in range(5) if differing(arm, terms, seed, UNITS - KEPT, points(0, 9))]
    assert lossy
    for seed in lossy:
        weight, bias, _, plan = layers(arm, terms, seed)
        assert not prune.is_exact_by_signs(weight, bias, plan, UNITS - KEPT)


def test_one_sign_of_weights_alone_is_not_enough():
    """The sentence of Section 5, three ways: a signed coefficient, a bias, a negative input.  One term can lose too."""

    def loss(rows, biases, ratios, x):
        rows, biases = [*rows, np.dot(ratios, rows)], [*biases, np.dot(ratios, biases)]
        weight, bias, above = (np.array(a, dtype=np.float32) for a in (rows, biases, [[0] * len(ratios) + [1]]))
        plan = Plan(tuple(range(len(ratios))), ((len(ratios), tuple(enumerate(ratios))),))
        before, after = network(weight, bias, above), network(*prune.prune(weight, bias, above, plan, 1))
        x = tuple(map(rational, x))
        return before.evaluate(x)[0][0], after.evaluate(x)[0][0]

    assert loss([[2, 1], [1, 2]], [0, 0], [1.0, -1.0], [0, 1]) == (0, -1)
    assert loss([[1], [1]], [0, -1], [1.0, 1.0], [0.5]) == (0, rational(1, 2))
    assert loss([[1, 2], [2, 1]], [0, 0], [1.0, 1.0], [1, -1]) == (0, 1)
    assert loss([[1, 2], [2, 1]], [0, 0], [1.0, 1.0], [1, 1]) == (6, 6)
    assert loss([[1]], [0], [-1.0], [1]) == (0, -1)


def test_two_summands_with_positive_coefficients_are_exact_where_no_signs_are_opposite():
    """The sentence of Section 4, ReLU(r1 y1 + r2 y2) = r1 ReLU(y1) + r2 ReLU(y2) iff y1 y2 >= 0; false for r2 < 0."""
    grid = range(-3, 4)
    for (r1, r2), y1, y2 in itertools.product([(1, 1), (1, 2), (3, 1)], grid, grid):
        assert (max(r1 * y1 + r2 * y2, 0) == r1 * max(y1, 0) + r2 * max(y2, 0)) == (y1 * y2 >= 0)
    assert max(1 * 0 - 1 * -1, 0) != 1 * max(0, 0) - 1 * max(-1, 0)


def test_what_is_pruned_first_stays_pruned():
    weight, bias, above, plan = layers(MIXED, 2, 0)
    assert sorted((*plan.kept, *(t for t, _ in plan.combinations))) == list(range(UNITS))
    assert [len(prune.prune(weight, bias, above, plan, count)[1]) for count in range(9)] == list(range(12, 3, -1))


def test_signed_coefficients_have_both_signs():
    plan = prune.draw_plan(40, 8, 3, "signed", 0)
    assert all(min(r for _, r in terms) < 0 < max(r for _, r in terms) for _, terms in plan.combinations)


def test_what_float32_would_round_is_refused():
    with pytest.raises(ValueError, match="float32"):
        prune.in_float32(np.array([1 + 2.0**-24]))
    plan = Plan((0,), ((1, ((0, 1.0),)),))
    with pytest.raises(ValueError, match="float32"):
        prune.prune(np.ones((2, 1)), np.ones(2), np.array([[1, 2.0**-24]]), plan, 1)


def idx(array):
    sizes = b"".join(n.to_bytes(4, "big") for n in array.shape)
    return b"\0\0\x08" + bytes([array.ndim]) + sizes + array.astype(np.uint8).tobytes()


def test_mnist_is_read_from_idx_files_plain_or_packed(tmp_path):
    images = np.arange(2 * 3 * 3).reshape(2, 3, 3)
    for name in ("train", "t10k"):
        (tmp_path / f"{name}-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(images)))
        (tmp_path / f"{name}-labels-idx1-ubyte").write_bytes(idx(np.array([4, 2])))
    found = data.mnist(tmp_path)
    assert (found.train_x * 256 == images[:, None]).all()
    assert found.test_y.tolist() == [4, 2]


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"\x89PNG", "expected an IDX file"), (idx(np.ones((2, 3, 3)))[:-1], "expected 34"), (idx(np.ones(3)), "shapes")],
    ids=["another-format", "cut-off", "no-images"],
)
def test_malformed_idx_files_are_refused(tmp_path, content, words):
    for name in ("train", "t10k"):
        (tmp_path / f"{name}-images-idx3-ubyte").write_bytes(content)
        (tmp_path / f"{name}-labels-idx1-ubyte").write_bytes(idx(np.array([4, 2])))
    with pytest.raises(ValueError, match=words):
        data.mnist(tmp_path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="train-images-idx3-ubyte"):
        data.mnist(tmp_path)


@pytest.mark.parametrize("name", ["digits", "mnist"])
def test_the_readme_shows_the_results(name):
    folder = Path(experiment.__file__).parent
    result = json.loads((folder / "results" / f"{name}.json").read_text(encoding="utf-8"))
    assert "\n".join(experiment.table(result)) in (folder / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["digits", "mnist"])
def test_the_results_are_what_the_readme_says_of_them(name):
    """Exact arms lose nothing; every loss has its statement."""
    result = json.loads((Path(experiment.__file__).parent / "results" / f"{name}.json").read_text(encoding="utf-8"))
    assert [(row["reduce"], row["refute"]) for row in result["control"]] == [("equivalent", "equivalent")] * 5
    stated = {(row["arm"], row["terms"], row["pruned"]): row for row in result["statements"]}
    for row in result["rows"]:
        if row["arm"] in (PROPORTIONAL.name, ONE_SIGN.name):
            assert not any(row["changed_decisions"])
            continue
        for count, changed in zip(result["counts"], row["changed_decisions"], strict=True):
            statement = stated.get((row["arm"], row["terms"], count))
            assert statement or not changed
            if statement and statement["verdict"] == "different" and statement["question"] == "argmax":
                assert len(set(statement["decisions"])) == 2


# With PyTorch.

TINY = train.Setting("tiny", 8, 2, 1, (4, 10, 10), kept=4, step=3, epochs=2, retraining=1)


@pytest.fixture(scope="module")
def images():
    pytest.importorskip("torch", reason="torch is not installed: the training is not tested")
    pytest.importorskip("sklearn", reason="scikit-learn is not installed: no images to train with")
    found = data.digits()
    return dataclasses.replace(found, train_x=found.train_x[:300], train_y=found.train_y[:300])


@pytest.fixture(scope="module")
def measured(images, tmp_path_factory):
    folder = tmp_path_factory.mktemp("measured")
    return folder, experiment.measure(TINY, images, 0, folder, lambda _: None)


def test_the_arms_that_are_exact_change_no_decision(measured):
    _, rows = measured
    assert [(row["arm"], row["terms"]) for row in rows] == [(arm.name, terms) for arm, terms in experiment.CASES]
    for row in rows:
        assert len(row["accuracy"]) == len(row["changed_decisions"]) == len(TINY.counts) == 3
        if row["arm"] in (PROPORTIONAL.name, ONE_SIGN.name):
            assert row["changed_decisions"] == [0, 0, 0]
            assert len(set(row["accuracy"])) == 1


def test_a_seed_gives_the_same_networks_again(images, measured, tmp_path):
    folder, rows = measured
    assert experiment.measure(TINY, images, 0, tmp_path, lambda _: None) == rows
    names = sorted(path.name for path in tmp_path.iterdir())
    assert len(names) == len(experiment.CASES)
    assert all((folder / name).read_bytes() == (tmp_path / name).read_bytes() for name in names)


@pytest.mark.parametrize(("arm", "terms"), experiment.CASES, ids=lambda case: getattr(case, "name", case))
def test_the_overwritten_layer_is_still_overwritten_after_retraining(measured, arm, terms):
    weight, bias = model.load(measured[0] / experiment.file_name(arm, terms, 0))["dense2"]
    rows = np.column_stack([weight, bias]).astype(np.float64)
    for t, combination in experiment.plan_of(TINY, arm, terms, 0).combinations:
        assert (rows[t] == sum(r * rows[v] for v, r in combination)).all()


def test_the_file_computes_what_was_measured(images, measured):
    from onnx.reference import ReferenceEvaluator

    path = measured[0] / experiment.file_name(MIXED, 2, 0)
    numbers = model.load(path)
    x = images.test_x[:5]
    expected = experiment.scores(numbers, train.features(train.network(TINY, numbers), x))
    found = [ReferenceEvaluator(str(path)).run(None, {"image": image[None]})[0][0] for image in x]
    assert np.abs(found - expected).max() < 1e-4


def test_the_control_is_certified_and_the_papers_pruning_of_it_is_equivalent(images, measured):
    row = exact.certify(TINY, images, 0, measured[0])
    assert (row["reduce"], row["refute"], row["pruned"]) == ("equivalent", "equivalent", 6)
    before, after = row["layers"]["dense2.relu"]
    assert (before, after <= TINY.kept) == (10, True)


def test_a_lossy_point_has_an_exact_counterexample_image(images, measured):
    folder, rows = measured
    worst = max(rows, key=lambda row: row["changed_decisions"][-1])
    assert worst["changed_decisions"][-1] > 0
    (arm,) = (arm for arm in prune.ARMS if arm.name == worst["arm"])
    case = exact.Case(TINY, images, arm, worst["terms"], 0, folder)
    row = exact._statement(case, 6, None)
    assert (row["verdict"], row["question"]) == ("different", "argmax")
    pixels = np.array([float(Fraction(word)) for word in row["input"]])
    assert np.abs(pixels - images.test_x[row["image"]].ravel()).max() <= exact.RADIUS
    again = exact._statement(case, 6, row)
    assert again == {key: value for key, value in row.items() if key != "input"}
