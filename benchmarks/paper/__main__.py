# SPDX-License-Identifier: Apache-2.0
"""This file is about the command: the whole experiment, or one of its three stages.

    python -m benchmarks.paper --digits
    python -m benchmarks.paper --mnist FOLDER [--stage measure|exact|plot] [--seeds 5] [--work out/paper]

`measure` needs the extra `torch`, `exact` too, `plot` the extra `report`; `--digits` needs `train`.
"""

import argparse
import json
import os
import platform
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np

from benchmarks.paper import data, exact, experiment, plot, train

HERE = Path(__file__).parent
DOCS = HERE.parents[1] / "docs"
STAGES = ("measure", "exact", "plot")


def measure(setting, images, options, result):
    rows = []
    for seed in range(options.seeds):
        rows += experiment.measure(setting, images, seed, options.work, _report)
    return result | {"counts": list(setting.counts), "rows": rows}


def state(setting, images, options, result):
    control = [exact.certify(setting, images, seed, options.work) for seed in range(options.seeds)]
    _report(control)
    found = exact.statements(setting, images, result["rows"], options.work, _report)
    return result | {"control": control, "statements": found}


def draw(setting, images, options, result):
    print("\n".join(experiment.table(result)))
    title = f"{setting.name}: accuracy after pruning, {options.seeds} seeds: mean, least and greatest"
    plot.draw_accuracy(result["counts"], result["rows"], title, DOCS / f"paper_accuracy_{setting.name}")
    inputs = {(row["arm"], row["terms"], row["pruned"]): row.get("input") for row in result["statements"]}
    cases = []
    for row in result["statements"]:
        if (row["terms"], row["pruned"], row.get("decisions") is None) == (2, result["counts"][-1], False):
            words = inputs[row["arm"], row["terms"], row["found_at"]]
            image = images.test_x[row["image"], 0].astype(np.float64)
            pixels = np.array([float(Fraction(word)) for word in words]).reshape(image.shape)
            before, after = row["decisions"]
            case = {"image": image, "counterexample": pixels, "before": before, "after": after}
            cases.append({"name": row["arm"]} | case)
    plot.draw_counterexamples(cases, DOCS / f"paper_counterexamples_{setting.name}")
    return result


def main():
    parser = argparse.ArgumentParser(prog="benchmarks.paper", description="the experiment of the paper, Section 5")
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--digits", action="store_true", help="the scaled-down version on scikit-learn's digits")
    which.add_argument("--mnist", type=Path, metavar="FOLDER", help="the folder of MNIST's IDX files")
    parser.add_argument("--stage", choices=STAGES, action="append", help="only this stage (default: all three)")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--work", type=Path, default=Path("out/paper"), help="where networks are kept between stages")
    options = parser.parse_args()
    setting = train.DIGITS if options.digits else train.MNIST
    options.work = options.work / setting.name
    options.work.mkdir(parents=True, exist_ok=True)
    target = HERE / "results" / f"{setting.name}.json"
    images = data.digits() if options.digits else data.mnist(options.mnist)
    result = json.loads(target.read_text()) if target.exists() else {}
    for name, stage in zip(STAGES, (measure, state, draw), strict=True):
        if name in (options.stage or STAGES):
            start = _cpu()
            result = stage(setting, images, options, result)
            result.setdefault("cpu_seconds", {})[name] = round(_cpu() - start, 1)
            target.write_text(_json(result | {"machine": _machine(setting)}))


def _cpu():
    """CPU seconds of this process and of those that it started."""
    return sum(os.times()[:4])


def _machine(setting):
    names = {"python": platform.python_version(), "machine": platform.machine(), "torch": train.pytorch().__version__}
    option = "--digits" if setting is train.DIGITS else "--mnist FOLDER"
    return names | {"command": f"python -m benchmarks.paper {option}"}


def _json(result):
    """One line for each row."""
    parts = []
    for key, value in result.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            value = "[\n  " + ",\n  ".join(map(json.dumps, value)) + "\n ]"
        else:
            value = json.dumps(value)
        parts.append(f" {json.dumps(key)}: {value}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _report(what):
    print(what, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
