# SPDX-License-Identifier: Apache-2.0
"""This file is about whether three programs that share no code agree: `check.py`, the checker that is extracted from
its proof, and plain evaluation at exact points.

    python -m benchmarks.agreement [--valid 3000] [--mutants 20000] [--seed 1] [--out benchmarks/results/agreement.md]

Certificates of every kind, as the tests make them, are judged as they are and with one place changed, in any of the
three files; the texts that are written of them for the proved checker are changed as well, number by number.
"""

import argparse
import base64
import hashlib
import json
import platform
import random
import re
import resource
import subprocess
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from exactlump import Network, check, read, reduce_file, write
from exactlump.extraction.images import images
from exactlump.extraction.reading import Reading
from exactlump.extraction.texts import texts
from exactlump.extraction.verified import find_checker
from exactlump.formats import exact
from tests import bounding_tools, oracle
from tests.image_networks import image_network
from tests.image_texts import ImageText
from tests.proved_programs import Reader
from tests.test_kinks import drawn, network_of, split
from tests.test_proved_bounds import greatest_difference
from tests.test_proved_bounds import random_claim as random_bound
from tests.test_proved_bounds import read as read_bound
from tests.test_tampering import planted

ACCEPTED = ("equivalent", "within", "different")
NAMES = ("a.json", "b.json", "c.json")
BOX = (Fraction(-1, 4), Fraction(1, 3))
RATIONAL = re.compile(r"-?\d+(/\d+)?")
Documents = list[Any]  # the original, the reduced network and the certificate, as JSON


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


# --- Certificates, and places in them -------------------------------------------------------------------


def reduced_to(network: Network, folder: Path, **options: Any) -> Documents:
    """A network, what it is reduced to, and the certificate."""
    original = folder / NAMES[0]
    write(network, original, overwrite=True)
    done = reduce_file(original, folder / NAMES[1], folder / NAMES[2], overwrite=True, **options)
    return [json.loads(path.read_bytes()) for path in (original, done.reduced, done.certificate)]


def exact_pair(rng: random.Random, folder: Path) -> Documents:
    return reduced_to(planted(rng), folder)


def twins(rng: random.Random, folder: Path) -> Documents:
    sizes = [rng.randint(1, 3), *(rng.randint(1, 3) for _ in range(rng.randint(1, 2))), rng.randint(1, 2)]
    return reduced_to(network_of(split(rng, drawn(rng, sizes))), folder, rules="all")


def image_pair(rng: random.Random, folder: Path) -> Documents:
    return reduced_to(image_network(rng.randrange(10**6)), folder)


def domain(rng: random.Random, folder: Path) -> Documents:
    return reduced_to(planted(rng), folder, box=tuple(map(str, BOX)))


def bound(rng: random.Random, folder: Path) -> Documents:
    """Two networks of equal shape, and a tree that shows how near they are."""
    while True:
        found = random_bound(rng)
        most = rng.choice((2, 5, 1000)) * greatest_difference(found, rng, 5) + Fraction(1, 2**12)
        chains = [
            ([[[Fraction(w, 2**d) for w in row] for row in rows] for d, rows, _ in side], [bs for *_, bs in side])
            for side in (found.first, found.second)
        ]
        scales = [2**d for d, *_ in found.first]
        networks = [
            Network.chain(rows, [[Fraction(b, q) for b in bs] for q, bs in zip(scales, biases, strict=True)])
            for rows, biases in chains
        ]
        claim = bounding_tools.approximate(str(most), [[str(low), str(high)] for low, high in found.box])
        document = bounding_tools.certificate(claim, found.tree, inputs=len(found.box))
        document["claim"]["match"] = {"inputs": "one", "outputs": "one"}
        documents = sealed([*(json.loads(exact.render(network)) for network in networks), document], folder)
        if judged(folder)[0] == "within":  # not where the tree is too small, or halves an input that has one value
            return documents


def refuted(rng: random.Random, folder: Path) -> Documents:
    """Two networks, an input at which they differ, and the outputs there."""
    while True:
        one, other = planted(rng), planted(rng)
        x = oracle.random_points(one, 1, rng)[0]
        if [one.units(p.name) for p in one.inputs] != [other.units(p.name) for p in other.inputs]:
            continue
        ours, theirs = (list(chain(*oracle.outputs(network, x))) for network in (one, other))
        if len(ours) == len(theirs) and ours != theirs:
            break
    claims = {"original": [*map(str, ours)], "reduced": [*map(str, theirs)]}
    given = {one.inputs[0].name: [*map(str, x[0])]}
    document = bounding_tools.certificate({"criterion": "different"}, trees=None, input=given, outputs=claims)
    document["claim"]["match"] = {"inputs": "one", "outputs": "one"}
    return sealed([*(json.loads(exact.render(network)) for network in (one, other)), document], folder)


# Each kind with its share of all certificates.
KINDS: dict[str, tuple[int, Callable[[random.Random, Path], Documents]]] = {
    "exact": (8, exact_pair),
    "twins": (5, twins),
    "images": (4, image_pair),
    "domain": (4, domain),
    "bounds": (5, bound),
    "refutations": (4, refuted),
}


def sealed(documents: Documents, folder: Path) -> Documents:
    """The documents, written, with hashes that fit."""
    for side, name, document in zip(check.SIDES, NAMES, documents, strict=False):
        content = json.dumps(document).encode()
        (folder / name).write_bytes(content)
        entry = documents[2].setdefault(side, {"format": "json", "tensors": {}, "external": {}})
        entry["sha256"] = hashlib.sha256(content).hexdigest()
    (folder / NAMES[2]).write_text(json.dumps(documents[2]))
    return documents


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The places of all numbers and words."""
    if isinstance(value, dict | list) and value:
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from leaves(value[key], (*path, key))
    else:
        yield path


def changed(documents: Documents, rng: random.Random) -> Documents:
    """A copy with one place changed, in the claim, the rows, the tree, a weight or a function."""
    found = json.loads(json.dumps(documents))
    which = rng.choice((0, 1, 2, 2))
    parts = [key for key in ("relations", "relations", "claim", "trees", "input", "outputs") if key in found[2]]
    root = found[which][rng.choice(parts) if which == 2 else "nodes"]
    places = [path for path in leaves(root) if path]
    if not places:
        return found
    *way, last = rng.choice(places)
    for key in way:
        root = root[key]
    root[last] = other_than(root[last], rng)
    return found


def other_than(value: Any, rng: random.Random) -> Any:
    """Another number, row, or name."""
    if isinstance(value, int):
        return max(value + rng.choice((-1, 1)), 0)
    if isinstance(value, str) and RATIONAL.fullmatch(value):
        x = Fraction(value)
        return str(rng.choice((-x, 2 * x, x + Fraction(1, 1000), x - 1, x + 1, Fraction(0))))
    if isinstance(value, str) and len(value) > 3 and re.fullmatch("[A-Za-z0-9+/]+=*", value):
        try:  # the halvings of a tree: one bit
            bits = bytearray(base64.b64decode(value, validate=True))
        except ValueError:
            return value
        bits[rng.randrange(len(bits))] ^= 1 << rng.randrange(8)
        return base64.b64encode(bytes(bits)).decode()
    return rng.choice((None, "free", [0, "1"], [1, "2"], ["=", 0, "1"], {"of": [], "plus": "1"}, {"twin": [0, "1"]}))


# --- Three judges ---------------------------------------------------------------------------------------


def judged(folder: Path) -> tuple[str, Reading | None]:
    """What check.py says of three files, and what it has read, if that was possible."""
    reading, done = Reading([str(folder / name) for name in NAMES]), list[Reading]()

    def once() -> Any:
        found = reading.read()
        done.append(reading)
        return found

    return check.judge(once).verdict, done[0] if done else None


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
    assert ran.returncode in (0, 1, 2, 4), (ran, text)
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
    start = text.index("\n", text.index("specification"))
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


def compare(valid: int, mutants: int, seed: int) -> Table:
    """Judge so many certificates, and so many that are changed, half of them as texts."""
    rng, table, shares = random.Random(seed), Table(), sum(share for share, _ in KINDS.values())
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for kind, (share, make) in KINDS.items():
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
    yield "unknown: the rules for whole images do not show it."
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
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    table = compare(options.valid, options.mutants, options.seed)
    given = [f"--{name} {getattr(options, name)}" for name in ("valid", "mutants", "seed")]
    lines = "\n".join([*report(table, given), ""])
    print(lines)
    print("\n".join(table.wrong[:20]))
    if options.out:
        options.out.write_text(lines)
    raise SystemExit(bool(table.wrong))


if __name__ == "__main__":
    main()
