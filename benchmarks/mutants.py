# SPDX-License-Identifier: Apache-2.0
"""This file is about how many small changes of ONNX files the checker lets pass, and whether these change anything.

    python -m benchmarks.mutants [--count 20000] [--seed 0]

Each mutant is a pair: a base, or a mutant of it, and one or two changes more (`tests/hostile.py`).  The certificate is
made to fit: hashes, assumptions, how names match, and each tensor with a function is the one of the same name.  What
the checker accepts must compute the same: ONNX's reference evaluator runs both files at six inputs, of sizes drawn for
the symbols.  Files without opaque operators are also compared as they are read: the nodes of the checker, in floats,
with the evaluator.
"""

import argparse
import json
import random
import tempfile
import time
import warnings
from collections import Counter
from pathlib import Path

import numpy as np

from exactlump import check
from tests import hostile, hostile_bases
from tests.claims import claim


def pair(mutator, rng, base):
    """Two models that are a change or two apart, and the last of the changes."""
    one = base
    for _ in range(rng.choice((0, 0, 0, 1, 1, 2))):
        one, _ = mutator(one)
    other = one
    for _ in range(rng.choice((1, 1, 1, 2))):
        other, kind = mutator(other)
    return one, other, kind


def judged(one, other, folder):
    """What the checker says of two models, with a certificate that is made to fit, if there can be one."""
    paths = [folder / "a.onnx", folder / "b.onnx", folder / "c.json"]
    for path, model in zip(paths, (one, other), strict=False):
        path.write_bytes(model.SerializeToString())
    try:
        paths[2].write_text(json.dumps(claim(*paths[:2])))
    except check.Stop as stop:
        return check.Verdict(stop.verdict, str(stop), check.CODES[stop.verdict], "unread")
    return check.check(*map(str, paths))


def trials(count, seed, bases):
    """How many mutants came to what, how many were accepted by the kind of the last change, and those that differ."""
    rng, found, accepted, wrong = random.Random(seed), Counter(), Counter(), []
    mutator = hostile.Mutator(rng)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for _ in range(count):
            name = rng.choice([*bases])
            one, other, kind = pair(mutator, rng, bases[name])
            if one == other:
                found["no change after all"] += 1
                continue
            answer = judged(one, other, Path(folder))
            found[f"unread: {answer.verdict}" if answer.rule == "unread" else answer.verdict] += 1
            if answer.verdict != "equivalent":
                continue
            accepted[kind] += 1
            gap = hostile.difference(one, other, rng, by_item="for each item" in answer.reason)
            found["accepted, " + ("not run" if gap is None else "equal" if gap < 1e-5 else "different")] += 1
            if gap is not None and gap >= 1e-5:
                wrong.append((name, kind, gap, one, other))
    return found, accepted, wrong


def readings(count, seed, bases):
    """How often what the checker reads in a mutant computes what the reference evaluator does; and where not."""
    rng, found, wrong = random.Random(seed), Counter(), []
    mutator = hostile.Mutator(rng, without=("last_place",))  # which the evaluator may not see, or see in an index
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for _ in range(count):
            name = rng.choice([*bases])
            model = bases[name]
            for _ in range(rng.choice((1, 1, 2, 2, 3))):
                model, kind = mutator(model)
            answer = hostile.read_apart(model, rng, Path(folder) / "m.onnx")
            found[answer] += 1
            if answer == "different":
                wrong.append((name, kind, model))
    return found, wrong


def table(words, counts):
    """Counts as a table."""
    return [f"| {words} | count |", "|---|---|", *(f"| {word} | {n:,} |" for word, n in counts.most_common()), ""]


def main():
    """The tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    bases, start = hostile_bases.bases(), time.process_time()
    found, accepted, wrong = trials(given.count, given.seed, bases)
    middle = time.process_time()
    read, apart = readings(given.count, given.seed, bases)
    end = time.process_time()
    print(
        f"# Mutants\n\n`python -m benchmarks.mutants --count {given.count} --seed {given.seed}`: {len(bases)} bases.\n"
    )
    print(f"Pairs of files, {middle - start:.0f} s:\n")
    print(*table("what the checker says", found), sep="\n")
    print(*table("accepted, by the last change", accepted), sep="\n")
    print(f"Single files as the checker reads them, {end - middle:.0f} s:\n")
    print(*table("as the reference evaluator computes them", read), sep="\n")
    for name, kind, *_ in (*wrong, *apart):
        print(f"{name}: wrong after {kind}")
    raise SystemExit(bool(wrong or apart))


if __name__ == "__main__":
    main()
