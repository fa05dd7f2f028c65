# SPDX-License-Identifier: Apache-2.0
"""This file is about whether three programs that share no code agree: `check.py`, the checker that is extracted from
its proof, and plain evaluation at exact points.

    python -m benchmarks.agreement [--valid 3000] [--mutants 20000] [--seed 1] [--only KIND]
        [--out benchmarks/results/agreement.md]

Certificates of every kind, as the tests make them, are judged as they are and with one place changed, in any of the
three files; the texts that are written of them for the proved checker are changed as well, number by number.
"""

import argparse
import json
import platform
import random
import re
import resource
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.agreement_cases import KINDS, NAMES, Documents, changed, judged, sealed
from exactlump import Network, check, read
from exactlump.extraction.images import images
from exactlump.extraction.reading import Reading
from exactlump.extraction.texts import texts
from exactlump.extraction.verified import find_checker
from tests import oracle
from tests.extraction.test_proved_bounds import greatest_difference
from tests.extraction.test_proved_bounds import read as read_bound
from tests.image_texts import ImageText
from tests.proved_programs import BoxReader, Reader

ACCEPTED = ("equivalent", "within", "different")


class Verdicts(NamedTuple):
    """What check.py and the proved checker say, and whether the claim is true at all exact points that were tried."""

    python: str
    proved: str
    true: bool | None


@dataclass
class Table:
    """How often what was said of what; and what should never be."""

    counts: Counter[tuple[str, ...]] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def add(self, kind: str, state: str, found: Verdicts, place: str) -> None:
        """Note what was said: something false, or two different things of one certificate, should never be."""
        self.counts[kind, state, found.python, found.proved] += 1
        said = [verdict for verdict in (found.python, found.proved) if verdict in ACCEPTED]
        apart = found.python in ACCEPTED and found.proved == "rejected"
        if (said and not found.true) or apart or (state == "valid" and found.python not in ACCEPTED):
            self.wrong.append(f"{kind}, {state}: {found} in {place}")


# --- Three judges ---------------------------------------------------------------------------------------


def proved(reading: Reading | None, folder: Path) -> tuple[str, list[str]]:
    """What the proved checker says of the texts for three files, which it gets whatever check.py says; and these."""
    if reading is None:
        return "not asked", []
    try:
        written = ["\n".join([*lines, ""]) for lines in texts(reading)]
    except check.Stop as error:
        return "unsupported" if error.verdict == "unsupported" else "no text", []
    except (KeyError, IndexError):  # rows that name what is not there, of a certificate that check.py refuses
        return "no text", []
    answers = [asked(text, folder) for text in written]
    return next((answer for answer in answers if answer not in ACCEPTED), (answers or ["not asked"])[-1]), written


def asked(text: str, folder: Path) -> str:
    """The verdict of the proved checker; "out of grammar" where it reads no text."""
    place = folder / "text.txt"
    place.write_text(text)
    ran = subprocess.run([str(find_checker()), str(place)], capture_output=True, text=True, check=False)
    assert ran.returncode in (0, 1, 2, 3, 4), (ran, text)
    return ran.stdout.partition(":")[0] or "out of grammar"


def holds(reading: Reading, folder: Path, rng: random.Random) -> bool:
    """Whether what is claimed is so at exact points."""
    claim = reading.document["claim"]
    one, other = (read(folder / name) for name in NAMES[:2])
    if claim["criterion"] == "different":
        x = [[Fraction(y) for y in reading.document["input"][port.name]] for port in one.inputs]
        return oracle.outputs(one, x) != oracle.outputs(other, x)
    if claim["domain"] == "all reals":
        points = oracle.random_points(one, 5, rng)
        points += [*oracle.points_at_kinks(one, 3, rng), *oracle.points_at_kinks(other, 3, rng)]
    else:
        points = [inside(box, one, rng) for box in claim["domain"]["boxes"] for _ in range(8)]
    most = min(map(Fraction, claim["epsilon"])) if claim["criterion"] == "approximate" else 0
    both = ((oracle.outputs(one, x), oracle.outputs(other, x)) for x in points)
    return all(abs(y - z) <= most for a, b in both for y, z in zip(chain(*a), chain(*b), strict=True))


def inside(box: Any, network: Network, rng: random.Random) -> list[list[Fraction]]:
    """A point of a box, often at its ends."""
    parts = [Fraction(rng.choice((0, 0, 64, 64, rng.randint(0, 64))), 64) for _ in range(100)]
    return [
        [Fraction(low) + (Fraction(high) - Fraction(low)) * rng.choice(parts) for low, high in box[port.name]]
        for port in network.inputs
    ]


def judge(folder: Path, rng: random.Random) -> tuple[Verdicts, list[str]]:
    """What the three say of the files in a folder, and the texts that were written."""
    python, reading = judged(folder)
    answer, written = proved(reading, folder)
    true = holds(reading, folder, rng) if reading and {python, answer} & {*ACCEPTED} else None
    return Verdicts(python, answer, true), written


# --- Texts ----------------------------------------------------------------------------------------------


class WithoutRows(Reader):
    """Two networks of a text that says nothing of their nodes."""

    def row(self) -> None:
        pass


def text_holds(text: str, rng: random.Random) -> bool:
    """Whether what a text claims is so at exact points, by another reader."""
    if text.startswith("exactlump-program"):
        return not Reader(text).differ(rng, 10)
    if text.startswith("exactlump-domain"):
        return not BoxReader(text).differ(rng, 10)
    if text.startswith("exactlump-bound"):
        claim = read_bound(text)
        return greatest_difference(claim, rng, 8) <= claim.epsilon
    if text.startswith("exactlump-images"):
        said = ImageText(text)
        x = [[Fraction(rng.randint(-20, 20), 3)] for _ in range(int(said.networks[0][0][3]))]
        pairs = zip(said.evaluate(0, x), said.evaluate(1, x), strict=True)
        return all(y == z for a, b in pairs for y, z in zip(*level(a, b), strict=True))
    words = text[text.index("epsilon ") :].split()
    x = [*map(Fraction, words[4:-1])]
    found = WithoutRows(text)  # the networks are called a and b
    gaps = zip(found.reduced.evaluate(x), found.original.evaluate(x), strict=True)
    return any(abs(y - z) > Fraction(words[1]) for y, z in gaps)


def level(*found: list[Fraction]) -> list[list[Fraction]]:
    size = max(map(len, found))
    return [y * (size if len(y) == 1 else 1) for y in found]


def changed_text(text: str, rng: random.Random) -> str:
    """One number behind the header changed."""
    start = text.index("\nprecision" if "\nprecision" in text else "\nnetwork ")
    at = rng.choice([m.span() for m in re.finditer(r"-?\d+", text) if m.start() > start])
    value = int(text[slice(*at)])
    other = rng.choice((value + 1, value - 1, -value, 0, 2 * value + 1, 1000))
    return text[: at[0]] + str(other) + text[at[1] :]


def whole_images(folder: Path) -> list[str]:
    """The text of images, though the files are small enough for another."""
    _, reading = judged(folder)
    assert reading is not None
    try:
        return ["\n".join([*images(reading), ""])]
    except check.Stop:
        return []


# --- All of it ------------------------------------------------------------------------------------------


def compare(valid: int, mutants: int, seed: int, only: str = "") -> Table:
    """Judge so many certificates, and so many that are changed, half of them as texts; `only`: one kind's share."""
    rng, table, shares = random.Random(seed), Table(), sum(share for share, _ in KINDS.values())
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for kind, (share, make) in KINDS.items():
            if only not in ("", kind):
                continue
            count, left = max(valid * share // shares, 1), max(mutants * share // shares, 2)
            for i in range(count):
                some = left * (i + 1) // count - left * i // count
                compare_one(kind, make(rng, folder), some, table, rng, folder)
    return table


def compare_one(kind: str, documents: Documents, mutants: int, table: Table, rng: random.Random, folder: Path) -> None:
    """A certificate of some kind, and changed ones, of which half are texts."""
    sealed(documents, folder)
    found, written = judge(folder, rng)
    table.add(kind, "valid", found, json.dumps(documents))
    if kind == "images":
        written += whole_images(folder)
    for text in written[1:]:
        table.add(
            kind,
            "valid text",
            Verdicts("-", said := asked(text, folder), said == "rejected" or text_holds(text, rng)),
            text,
        )
    for i in range(mutants):
        if i % 2 and written:
            text = changed_text(rng.choice(written), rng)
            answer = asked(text, folder)
            true = text_holds(text, rng) if answer in ACCEPTED else None
            table.add(kind, "changed text", Verdicts("-", answer, true), text)
        else:
            mutant = sealed(changed(documents, rng), folder)
            table.add(kind, "changed", judge(folder, rng)[0], json.dumps(mutant))


def report(table: Table, arguments: Sequence[str]) -> Iterator[str]:
    """The page."""
    total = Counter[str]()
    for (_, state, *_), count in table.counts.items():
        total[state] += count
    cpu = sum(resource.getrusage(who).ru_utime for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    where = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    yield "# check.py, the proved checker, and evaluation at exact points"
    yield ""
    yield f"`python -m benchmarks.agreement {' '.join(arguments)}` on {where}; {cpu:.0f} s of CPU in all."
    yield ""
    yield f"Certificates as they are: {total['valid']:,}; with one place changed: {total['changed']:,};"
    yield f"texts with one number changed: {total['changed text']:,}; texts of images: {total['valid text']:,}."
    yield ""
    yield "Accepted though an exact point shows that it is false, or accepted by check.py and refused by the proved"
    yield f"checker: **{len(table.wrong)}**. What either accepts is evaluated at 5 to 20 points, and beside kinks."
    yield ""
    yield "rejected, malformed, out of grammar: refused. no text: rows that do not fit the networks. not asked: files"
    yield "that check.py does not read, or a certificate of other files. -: check.py reads no texts."
    yield "unknown: the rules for whole images, or the bounds of a domain, do not show it."
    yield ""
    yield "| kind | what | check.py | the proved checker | how many |"
    yield "|---|---|---|---|---|"
    order = {kind: i for i, kind in enumerate(KINDS)}
    for (kind, state, python, answer), count in sorted(
        table.counts.items(), key=lambda entry: (order[entry[0][0]], entry[0])
    ):
        yield f"| {kind} | {state} | {python} | {answer} | {count:,} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--valid", type=int, default=3000)
    parser.add_argument("--mutants", type=int, default=20000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", choices=KINDS, metavar="KIND")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    table = compare(options.valid, options.mutants, options.seed, options.only)
    given = [f"--{name} {getattr(options, name)}" for name in ("valid", "mutants", "seed")]
    given += [f"--only {options.only}"] * bool(options.only)
    lines = "\n".join([*report(table, given), ""])
    print(lines)
    print("\n".join(table.wrong[:20]))
    if options.out:
        options.out.write_text(lines)
    raise SystemExit(bool(table.wrong))


if __name__ == "__main__":
    main()
