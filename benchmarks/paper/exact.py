# SPDX-License-Identifier: Apache-2.0
"""This file is about the exact half: what `exactlump` says of the whole CNNs that were measured.

Proportional rows: `reduce` shrinks the network with a checked certificate, and `refute` finds the paper's pruned
network equivalent.  Every other case: `refute --argmax` looks for an image near a test image on which the decisions
differ.
"""

import json
import subprocess
import sys
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path

import numpy as np

import exactlump
from benchmarks.paper import data, experiment, model, prune, train
from benchmarks.paper.prune import ARMS, PROPORTIONAL
from benchmarks.paper.train import SYNTHETIC

RADIUS = Fraction(1, 16)  # how far a counterexample may be from its test image, in each pixel
ROUNDING = 1e-6  # smaller changes of a score in float64 may be no changes
TIMEOUT = 30  # seconds for each question


def certify(setting, images, seed, folder):
    """One row for the control of a seed: the whole CNN reduced and certified; the paper's pruning found equivalent."""
    case, count = Case(setting, images, PROPORTIONAL, 1, seed, folder), setting.counts[-1]
    reduced = _exactlump("reduce", case.path, folder / f"reduced-seed{seed}.onnx")
    answer = _exactlump("refute", case.path, case.write_pruned(count))
    layers = {layer["name"]: [layer["before"], layer["after"]] for layer in reduced["layers"]}
    return {"seed": seed, "reduce": reduced["verdict"], "layers": layers, "pruned": count, "refute": answer["verdict"]}


def statements(setting, images, rows, folder, report):
    """One row for each case but the control and each number of pruned neurons: exact by signs, or an image, or neither.

    The seed of a case is the one with the most changed decisions.  Numbers at which no seed has a changed decision are
    left out, but for the last.  An image that was found for one number is tried first at the next; `found_at`
    then names the row that has it.
    """
    found = []
    for arm in ARMS:
        for terms in (2, 3, 4):
            measured = [row for row in rows if (row["arm"], row["terms"]) == (arm.name, terms)]
            seed = max(measured, key=lambda row: sum(row["changed_decisions"]))["seed"]
            case = Case(setting, images, arm, terms, seed, folder)
            changed = np.sum([row["changed_decisions"] for row in measured], axis=0)
            changed[-1] += 1
            known = None
            for count in np.array(setting.counts)[changed > 0].tolist():
                found.append(_statement(case, count, known))
                known = found[-1] if "input" in found[-1] else known
                report({key: value for key, value in found[-1].items() if key != "input"})
    return found


@dataclass(frozen=True)
class Case:
    """One network of the experiment, before its pruning."""

    setting: train.Setting
    images: data.Images
    arm: prune.Arm
    terms: int
    seed: int
    folder: Path

    @property
    def path(self):
        return self.folder / experiment.file_name(self.arm, self.terms, self.seed)

    @cached_property
    def numbers(self):
        return model.load(self.path)

    @cached_property
    def plan(self):
        return experiment.plan_of(self.setting, self.arm, self.terms, self.seed)

    @cached_property
    def features(self):
        return train.features(train.network(self.setting, self.numbers), self.images.test_x)

    def write_pruned(self, count):
        """The path of the file of the network with that many neurons pruned."""
        path = self.folder / experiment.file_name(self.arm, self.terms, self.seed, count)
        model.save(path, experiment.pruned(self.numbers, self.plan, count), self.setting.side, self.setting.padding)
        return path


def _statement(case, count, known):
    """The row of one number of pruned neurons; `known`: a row with an image, which is tried first."""
    row = {"arm": case.arm.name, "terms": case.terms, "pruned": count, "seed": case.seed}
    if prune.is_exact_by_signs(*case.numbers[SYNTHETIC], case.plan, count):
        return row | {"verdict": "exact by signs"}
    after = case.write_pruned(count)
    if known and known["question"] == "argmax" and (decisions := _decisions(case.path, after, known["input"])):
        return {key: value for key, value in known.items() if key != "input"} | row | {"decisions": decisions}
    # Networks may differ where no decision does: that is asked last.
    near, changed = _places_to_begin(case, count)
    attempts = [("argmax", near), *([("argmax", changed)] if changed is not None else []), ("different at all", near)]
    for question, start in attempts:
        options = [*_domain(case, start), *(["--argmax"] if question == "argmax" else [])]
        answer = _exactlump("refute", case.path, after, *options, "--timeout", TIMEOUT, "--seed", 0)
        row |= {"image": start, "question": question, "verdict": answer["verdict"]}
        if answer["verdict"] == "different":
            about = {"found_at": count, "method": answer["method"], "seconds": round(answer["seconds"], 1)}
            decisions = _decisions(case.path, after, answer["input"])
            if question == "argmax" and not decisions:
                raise RuntimeError(f"{after}: refute's input changes no decision")
            return row | {"decisions": decisions} | about | {"input": answer["input"]}
    return row


def _places_to_begin(case, count):
    """Two test images, in floats: decided alike, but by the least lead for what pruning changes; and decided otherwise.

    None for the first when pruning changes nothing where both decide alike, for the second when no decision changes.
    """
    both = (case.numbers, experiment.pruned(case.numbers, case.plan, count))
    one, other = (experiment.scores(numbers, case.features) for numbers in both)
    leads = np.minimum(*(np.subtract(*np.sort(scores, axis=1)[:, :-3:-1].T) for scores in (one, other)))
    change = np.abs(one - other).max(axis=1)
    same = one.argmax(1) == other.argmax(1)
    alike = same & (change > ROUNDING)
    near = int(np.argmin(np.where(alike, leads / np.where(alike, change, 1), np.inf))) if alike.any() else None
    return near, None if same.all() else int(np.argmin(same))


def _domain(case, start):
    """The options for a domain: the images near a test image, or all images."""
    if start is None:
        return ["--box", 0, 1]
    box = case.folder / "box.vnnlib"
    box.write_text(_vnnlib(_pixels(case.images.test_x[start]), case.setting.widths[2]))
    return ["--vnnlib", box]


def _decisions(original, after, words):
    """The two decisions at an input in exact arithmetic; None unless they differ, however ties are broken."""
    x = [exactlump.rational(word) for word in words]
    outputs = [exactlump.read(path).evaluate(x)[0] for path in (original, after)]
    one, other = ({i for i, score in enumerate(scores) if score == max(scores)} for scores in outputs)
    return None if one & other else [min(one), min(other)]


def _pixels(image):
    return [Fraction(pixel) for pixel in image.ravel().tolist()]


def _vnnlib(image, outputs):
    """The images that differ from one by at most RADIUS in each pixel, as a VNN-LIB 1.0 file; the bounds are dyadic."""
    lines = [f"(declare-const X_{i} Real)" for i in range(len(image))]
    lines += [f"(declare-const Y_{i} Real)" for i in range(outputs)]
    for i, pixel in enumerate(image):
        low, high = float(max(pixel - RADIUS, Fraction(0))), float(min(pixel + RADIUS, Fraction(1)))
        lines += [f"(assert (>= X_{i} {low!r}))", f"(assert (<= X_{i} {high!r}))"]
    return "\n".join(lines) + "\n"


def _exactlump(verb, *arguments):
    """The answer of `exactlump VERB ... --json`; RuntimeError where it has none."""
    command = [sys.executable, "-m", "exactlump", verb, *map(str, arguments), "--json"]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    if done.returncode not in (0, 1, 3) or not done.stdout:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
    return json.loads(done.stdout)
