# SPDX-License-Identifier: Apache-2.0
"""This file is about forgeries: false claims, with everything else made to fit, and a checker with a bug."""

import hashlib
import json
import random
import types
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from exactlump import Network, check_files, write

ROOT = Path(__file__).resolve().parents[2]
CHECKER = ROOT / "exactlump" / "check.py"
# The condition that is planted: a multiple may pass through ReLU whatever its sign.
RIGHT, WRONG = '"positive": (c > 0, c)', '"positive": (c != 0, c)'
HIDDEN, BIASES = [[1, 2], [3, 6], [-1, -2], [1, 1]], [1, 3, -1, 0]
FACTORS = ["1/2", "2", "3", "-1", "1", "1/3"]


@dataclass(frozen=True)
class Forgery:
    """A claim, in words, and its files: original, reduced, certificate."""

    claim: str
    u: int
    v: int
    factor: str
    files: tuple[str, str, str]


def forgeries(seed, folder, count=20):
    """Different false claims, in an order that the seed decides; exactly one of them is v = -u for opposite rows."""
    chance = random.Random(seed)
    claims = [(u, v, c) for u in range(4) for v in range(4) if u < v for c in FACTORS]
    claims = [claim for claim in claims if not _true(*claim)]
    opposite = [claim for claim in claims if _is_multiple(*claim)]
    others = [claim for claim in claims if not _is_multiple(*claim)]
    chosen = [*chance.sample(others, count - 1), chance.choice(opposite)]
    chance.shuffle(chosen)
    return [_forge(Path(folder), f"forged-{seed}-{n}", *claim) for n, claim in enumerate(chosen)]


def _is_multiple(u, v, c):
    rows = [[*row, bias] for row, bias in zip(HIDDEN, BIASES, strict=True)]
    return rows[v] == [Fraction(c) * w for w in rows[u]]


def _true(u, v, c):
    return _is_multiple(u, v, c) and Fraction(c) > 0


def _forge(folder, name, u, v, c):
    """Merge v into u as if v = c * u, and write what a certificate of that would say."""
    kept = [w for w in range(4) if w != v]
    out = [str(1 + (Fraction(c) if w == u else 0)) for w in kept]
    original, reduced = folder / f"{name}.json", folder / f"{name}.small.json"
    write(Network.chain([HIDDEN, [[1, 1, 1, 1]]], [BIASES, [0]]), original, overwrite=True)
    small = Network.chain([[HIDDEN[w] for w in kept], [out]], [[BIASES[w] for w in kept], [0]])
    write(small, reduced, overwrite=True)
    rows = [[kept.index(u), c] if w == v else [kept.index(w), "1"] for w in range(4)]
    document = {
        "claim": {
            "criterion": "exact",
            "domain": "all reals",
            "match": {"inputs": "one", "outputs": "one"},
            "specification": "as stored",
        },
        "format": "exactlump certificate",
        "original": _entry(original),
        "producer": "a forger",
        "reduced": _entry(reduced),
        "relations": {
            "original": {"h1": {"over": "h1", "rows": rows}, "y": {"over": "y", "rows": [[0, "1"]]}},
            "reduced": {},
        },
        "version": 2,
    }
    certificate = folder / f"{name}.cert.json"
    certificate.write_text(json.dumps(document), encoding="utf-8")
    files = (str(original), str(reduced), str(certificate))
    return Forgery(f"unit {v} is {c} times unit {u}", u, v, c, files)


def _entry(path):
    return {"external": {}, "format": "json", "sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "tensors": {}}


def planted():
    """exactlump/check.py with the one condition changed, as a module."""
    source = CHECKER.read_text(encoding="utf-8")
    if source.count(RIGHT) != 1:
        raise ValueError(f"check.py: found {source.count(RIGHT)} places with {RIGHT}, expected one")
    found = types.ModuleType("planted")
    import sys

    sys.modules["planted"] = found  # dataclasses look their module up
    exec(compile(source.replace(RIGHT, WRONG), "planted check.py", "exec"), found.__dict__)
    return found


def accepted(seed, folder):
    """The number of the forgery that the planted checker accepts; the real one must reject all."""
    wrong, found = planted(), []
    for number, forgery in enumerate(forgeries(seed, folder)):
        if check_files(*forgery.files).verdict != "rejected":
            raise ValueError(f"forgery {number}: found that the checker does not reject it")
        if wrong.check(*forgery.files).verdict == "equivalent":
            found.append(number)
    (one,) = found
    return one
