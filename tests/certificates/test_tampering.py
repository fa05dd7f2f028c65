# SPDX-License-Identifier: Apache-2.0
"""This file is about forged certificates: changed fields, weights and shapes, with hashes as they were or made to fit.

With fitting hashes only the local rules stand guard.  A mutant may then still be true (a unit that nothing
reads may change); every accepted one is shown to compute the same function, by plain evaluation.
"""

import copy
import hashlib
import json
import random
from collections import Counter
from fractions import Fraction
from itertools import pairwise

import pytest

from exactlump import check, read, reduce_file, write
from exactlump.network.activations import leaky_relu
from exactlump.network.kinds import Activate, Dense
from exactlump.network.program import Network
from exactlump.network.views import Port
from exactlump.numbers.matrix import Matrix
from exactlump.numbers.rational import rational
from tests import oracle

MUTANTS = 5_000
BASES = 50


def planted(rng):
    """Two to four hidden layers with merged, dead, constant, unobservable neurons and linear layers; small integers."""
    sizes = [rng.randint(1, 3), *(rng.randint(2, 5) for _ in range(rng.randint(2, 4))), rng.randint(1, 2)]
    nodes, source = [], "x"
    for layer, (columns, units) in enumerate(pairwise(sizes), 1):
        rows = [{u: rational(rng.choice((-2, -1, -1, 0, 1, 1, 3))) for u in range(columns)} for _ in range(units)]
        bias = [rational(rng.choice((-1, 0, 0, 1))) for _ in range(units)]
        for v in range(1, units):
            if rng.random() < 0.5:
                c = rational(rng.choice((1, 2, 3)), rng.choice((1, 2)))
                rows[v], bias[v] = {u: c * w for u, w in rows[v - 1].items()}, c * bias[v - 1]
            elif rng.random() < 0.2:
                rows[v] = {}
        last = layer == len(sizes) - 1
        target = "y" if last else f"h{layer}"
        nodes.append(Dense(source, target, Matrix.from_rows(rows, columns), tuple(bias)))
        source = target
        if not last and rng.random() < 0.85:
            slope = leaky_relu(rational(rng.choice((0, 0, 0, 1)), 4))
            nodes.append(Activate(target, f"a{layer}", (slope,) * units))
            source = f"a{layer}"
    return Network((Port("x", (sizes[0],)),), tuple(nodes), ("y",))


@pytest.fixture(scope="module")
def bases(tmp_path_factory):
    """Valid triples (original, reduced, certificate) as JSON objects: reduced networks with and without copies."""
    folder, rng, found = tmp_path_factory.mktemp("bases"), random.Random(5), []
    while len(found) < BASES:
        original, reduced = folder / "a.json", folder / "b.json"
        write(planted(rng), original, overwrite=True)
        done = reduce_file(original, reduced, overwrite=True, rules="lumping")
        if done.reduction.reduced.neurons:
            found.append([json.loads(path.read_text()) for path in (original, reduced, done.certificate)])
    return found


class Forger:
    """One change to one of the three documents, somewhere."""

    def __init__(self, rng):
        self.rng = rng

    def __call__(self, triple):
        original, reduced, certificate = copy.deepcopy(triple)
        kind = self.rng.choice(("relation", "relation", "relation", "network", "network", "shape"))
        if kind == "relation":
            self.relation(certificate)
        elif kind == "network":
            self.network(self.rng.choice((original, reduced)))
        else:
            self.shape(self.rng.choice((original, reduced)))
        return kind, [original, reduced, certificate]

    def number(self, word):
        value = Fraction(word)
        change = self.rng.choice(
            (lambda x: -x, lambda x: 2 * x, lambda x: x + Fraction(1, 1000), lambda x: x - 1, lambda _: Fraction(0))
        )
        return str(change(value))

    def relation(self, certificate):
        sides = [side for side in ("original", "reduced") if certificate["relations"][side]]
        side = self.rng.choice(sides)
        tensor = self.rng.choice(sorted(certificate["relations"][side]))
        relation = certificate["relations"][side][tensor]
        rows = relation["rows"]
        v = self.rng.randrange(len(rows))
        choice = self.rng.random()
        if choice < 0.1:
            relation["over"] = self.rng.choice(["x", "y", "a1", "h1", "a2", "h2"])
        elif choice < 0.2:
            rows[v], rows[0] = rows[0], rows[v]
        elif choice < 0.5:
            others = [None, "free", [0, "1"], [1, "2"], {"of": [], "plus": "1"}, ["=", 0, "1"], ["=", v, "1"]]
            rows[v] = self.rng.choice(others)
        elif isinstance(rows[v], list) and rows[v][0] != "=" and choice < 0.7:
            rows[v][0] = self.rng.randrange(4)
        elif isinstance(rows[v], list):
            rows[v][-1] = self.number(rows[v][-1])
        elif isinstance(rows[v], dict):
            rows[v]["plus"] = self.number(rows[v]["plus"])
        else:
            rows[v] = self.rng.choice([[0, "1"], {"of": [], "plus": "1/2"}])

    def network(self, network):
        node = self.rng.choice(network["nodes"])
        if node["op"] == "activate":
            function = self.rng.choice(node["functions"])
            function[1] = self.number(function[1])
            return
        if node["op"] == "dense":
            v = self.rng.randrange(len(node["bias"]))
            if node["rows"][v] and self.rng.random() < 0.7:
                cell = self.rng.choice(node["rows"][v])
                cell[1] = self.number(cell[1])
                node["rows"][v] = [c for c in node["rows"][v] if c[1] != "0"]
            else:
                node["bias"][v] = self.number(node["bias"][v])

    def shape(self, network):
        """Drop or repeat a unit of a layer, in its Dense node and in all that follow, as a consistent network would."""
        dense = [node for node in network["nodes"][:-1] if node["op"] == "dense"]
        if not dense:
            return
        node = self.rng.choice(dense)
        v, units = self.rng.randrange(len(node["bias"])), len(node["bias"])
        if units == 1:
            return
        for name in ("rows", "bias"):
            del node[name][v]
        tensor = node["target"]
        for reader in network["nodes"]:
            if reader["source"] == tensor and reader["op"] == "activate":
                del reader["functions"][v]
                tensor = reader["target"]
            elif reader["source"] == tensor and reader["op"] == "dense":
                reader["columns"] -= 1
                reader["rows"] = [[[u - (u > v), w] for u, w in row if u != v] for row in reader["rows"]]


def _write(folder, documents, rehash):
    paths = [folder / name for name in ("a.json", "b.json", "c.json")]
    for path, document in zip(paths[:2], documents, strict=False):
        path.write_text(json.dumps(document))
    if rehash:
        for side, path in zip(("original", "reduced"), paths, strict=False):
            documents[2][side]["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    paths[2].write_text(json.dumps(documents[2]))
    return paths


def _same_function(paths, rng):
    """Whether two networks agree at random points and close to where units change their sign."""
    original, reduced = (read(path) for path in paths[:2])
    points = oracle.random_points(original, 15, rng)
    points += oracle.points_at_kinks(original, 15, rng)
    points += oracle.points_at_kinks(reduced, 15, rng)
    return all(oracle.outputs(original, x) == oracle.outputs(reduced, x) for x in points)


def test_mutants_with_fitting_hashes_are_rejected_or_truly_equivalent(bases, tmp_path):
    """5,000 mutants: none inequivalent is accepted; how many each rule caught is printed (pytest -rP)."""
    rng = random.Random(20)
    forge, caught, accepted = Forger(rng), Counter(), 0
    for _ in range(MUTANTS):
        kind, documents = forge(rng.choice(bases))
        paths = _write(tmp_path, documents, rehash=True)
        verdict = check.check(*map(str, paths))
        assert verdict.code in (0, 1, 2, 4), verdict
        if verdict.code:
            caught[kind, verdict.rule] += 1
        else:
            accepted += 1
            assert _same_function(paths, rng), (kind, documents)
    for (kind, rule), count in sorted(caught.items()):
        print(f"{kind:9} {rule:12} {count}")
    print(f"accepted, and equal at every point: {accepted}")
    assert sum(caught.values()) > 0.7 * MUTANTS
    assert len({rule for _, rule in caught}) >= 8


def test_mutants_with_the_old_hashes_are_all_rejected(bases, tmp_path):
    """Every changed weight, bias, slope or shape of either file is caught by its hash."""
    rng = random.Random(21)
    forge = Forger(rng)
    for _ in range(500):
        triple = rng.choice(bases)
        _, documents = forge(triple)
        documents[2] = copy.deepcopy(triple[2])
        changed = documents[:2] != triple[:2]
        for side, document in zip(("original", "reduced"), triple, strict=False):
            text = json.dumps(document)
            documents[2][side]["sha256"] = hashlib.sha256(text.encode()).hexdigest()
        verdict = check.check(*map(str, _write(tmp_path, documents, rehash=False)))
        assert (verdict.code, verdict.rule) in ((1, "hash"), (2, "format")) if changed else verdict.code == 0


def _fields(value, path=()):
    """The paths of all leaves of a JSON object."""
    if isinstance(value, dict | list) and value:
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from _fields(value[key], (*path, key))
    else:
        yield path


def test_every_field_but_the_producer_matters(bases, tmp_path):
    """Each leaf of a certificate, changed alone: not `equivalent`, or the same function; `producer` is free."""
    rng = random.Random(22)
    for triple in bases[:8]:
        for path in _fields(triple[2]):
            documents = copy.deepcopy(triple)
            place = documents[2]
            for key in path[:-1]:
                place = place[key]
            old = place[path[-1]]
            place[path[-1]] = old + 1 if isinstance(old, int) else "7/5" if isinstance(old, str) else [0, "1"]
            for side, document in zip(("original", "reduced"), documents, strict=False):
                if path[:2] != (side, "sha256"):
                    documents[2][side]["sha256"] = hashlib.sha256(json.dumps(document).encode()).hexdigest()
            paths = _write(tmp_path, documents, rehash=False)
            verdict = check.check(*map(str, paths))
            if path == ("producer",):
                assert verdict.code == 0
            elif verdict.code == 0:
                assert path[0] == "relations"
                assert _same_function(paths, rng)
