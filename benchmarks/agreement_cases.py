# SPDX-License-Identifier: Apache-2.0
"""This file is about certificates of every kind, with their networks, and with one place changed."""

import base64
import hashlib
import json
import random
import re
from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any

from exactlump import Network, check, reduce_file, write
from exactlump.extraction.reading import Reading
from exactlump.formats import exact
from tests import bounding_tools, oracle
from tests.certificates.test_tampering import planted
from tests.extraction.test_proved_bounds import greatest_difference
from tests.extraction.test_proved_bounds import random_claim as random_bound
from tests.image_networks import image_network
from tests.lumping.test_kinks import drawn, network_of, split

NAMES = ("a.json", "b.json", "c.json")
BOX = (Fraction(-1, 4), Fraction(1, 3))
RATIONAL = re.compile(r"-?\d+(/\d+)?")
Documents = list[Any]  # the original, the reduced network and the certificate, as JSON


def judged(folder: Path) -> tuple[str, Reading | None]:
    """What check.py says of three files, and what it has read, if that was possible."""
    reading, done = Reading([str(folder / name) for name in NAMES]), list[Reading]()

    def once() -> Any:
        found = reading.read()
        done.append(reading)
        return found

    return check.judge(once).verdict, done[0] if done else None


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
