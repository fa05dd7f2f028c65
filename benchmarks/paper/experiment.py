# SPDX-License-Identifier: Apache-2.0
"""This file is about the measured half: train, overwrite, retrain, prune, and count right answers on the test images.

One network for each seed, arm and number of terms; the accuracies say what a user would see, and the files that are
written here are what `exact.py` then makes statements about.
"""

import copy
import statistics

import numpy as np

from benchmarks.paper import model, prune, train
from benchmarks.paper.prune import ABOVE_GRID, ARMS, PROPORTIONAL
from benchmarks.paper.train import LAST, SYNTHETIC

CASES = ((PROPORTIONAL, 1), *((arm, terms) for arm in ARMS for terms in (2, 3, 4)))


def file_name(arm, terms, seed, count=0):
    """The name of a network's file: a case, a seed, and how many neurons are pruned."""
    words = arm.name.replace(",", "").replace(" ", "-")
    return f"{words}-{terms}-seed{seed}-pruned{count}.onnx"


def plan_of(setting, arm, terms, seed):
    """The plan of a case: drawn anew wherever it is needed."""
    return prune.draw_plan(setting.widths[1], setting.kept, terms, arm.coefficients, (seed, terms))


def measure(setting, images, seed, folder, report):
    """One row for each case of a seed: accuracy, and decisions that changed, at each number of pruned neurons."""
    trained = train.cnn(setting, seed)
    train.fit(trained, images, setting.epochs, seed)
    before = _accuracy(train.numbers(trained), train.features(trained, images.test_x), images.test_y)
    report(f"seed {seed}: trained to {before:.4f}")
    rows = []
    for arm, terms in CASES:
        plan = plan_of(setting, arm, terms, seed)
        numbers, features = _retrained(trained, setting, images, arm, plan, seed)
        model.save(folder / file_name(arm, terms, seed), numbers, setting.side, setting.padding)
        accuracy, changed = _curve(setting, numbers, plan, features, images.test_y)
        row = {"arm": arm.name, "terms": terms, "seed": seed, "trained": before}
        rows.append(row | {"accuracy": accuracy, "changed_decisions": changed})
        report(f"seed {seed}: {arm.name}, {terms}: {accuracy}")
    return rows


def pruned(numbers, plan, count):
    """The numbers of the network with the first `count` neurons of the plan pruned."""
    weight, bias, above = prune.prune(*numbers[SYNTHETIC], numbers[LAST][0], plan, count)
    return numbers | {SYNTHETIC: (weight, bias), LAST: (above, numbers[LAST][1])}


def _retrained(trained, setting, images, arm, plan, seed):
    """The numbers after the layer was overwritten and frozen and the rest retrained, and the features of the tests."""
    network = copy.deepcopy(trained)
    weight, bias = prune.overwrite(*train.numbers(network)[SYNTHETIC], arm, plan)
    train.put(network, SYNTHETIC, weight, bias, frozen=True)
    train.fit(network, images, setting.retraining, seed)
    above, last = train.numbers(network)[LAST]
    # On its grid, so that what pruning adds to these weights is a float32 number again.
    train.put(network, LAST, prune.in_float32(prune.on_grid(above, ABOVE_GRID)), last)
    return train.numbers(network), train.features(network, images.test_x)


def _curve(setting, numbers, plan, features, labels):
    """Accuracy and the number of changed decisions at each number of pruned neurons."""
    before = _decisions(numbers, features)
    accuracy, changed = [], []
    for count in setting.counts:
        after = _decisions(pruned(numbers, plan, count), features)
        accuracy.append(float((after == labels).mean()))
        changed.append(int((after != before).sum()))
    return accuracy, changed


def _accuracy(numbers, features, labels):
    return float((_decisions(numbers, features) == labels).mean())


def table(result):
    """The accuracies in per cent, mean ± standard deviation over the seeds, as the lines of a table for the README."""
    lines = ["| arm | terms | " + " | ".join(f"{count} pruned" for count in result["counts"]) + " |"]
    lines.append("|" + "---|" * (2 + len(result["counts"])))
    for arm, terms in CASES:
        curves = [row["accuracy"] for row in result["rows"] if (row["arm"], row["terms"]) == (arm.name, terms)]
        columns = [[100 * accuracy for accuracy in column] for column in zip(*curves, strict=True)]
        cells = (f"{statistics.mean(c):.1f} ± {statistics.stdev(c) if len(c) > 1 else 0:.1f}" for c in columns)
        lines.append(f"| {arm.name} | {terms} | {' | '.join(cells)} |")
    return lines


def scores(numbers, features):
    """The outputs before the softmax, in float64 from the features on."""
    (weight, bias), (above, last) = numbers[SYNTHETIC], numbers[LAST]
    return np.maximum(features.astype(np.float64) @ weight.T + bias, 0) @ above.T.astype(np.float64) + last


def _decisions(numbers, features):
    return scores(numbers, features).argmax(1)
