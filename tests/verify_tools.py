# SPDX-License-Identifier: Apache-2.0
"""This file is about what the tests of queries and their answers share: small networks, queries, and certificates."""

import contextlib
import hashlib
import sys
import time
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import z3

from exactlump import Network, check, formats, read, write
from exactlump.bounding.certifying import dumps
from exactlump.numbers.rational import fraction, rational
from exactlump.queries import read_query
from exactlump.queries.query import EQUAL
from exactlump.verification.answers import Answering
from exactlump.verification.certifying import query_certificate

ONE = """(declare-const X_0 Real)
(declare-const X_1 Real)
(declare-const Y_0 Real)
(declare-const Y_1 Real)
(assert (>= X_0 -1)) (assert (<= X_0 1))
(assert (>= X_1 -1)) (assert (<= X_1 1))
"""
TWO = """(vnnlib-version <2.0>)
(declare-network f
    (declare-input X real [1,2])
    (declare-output Y real [1,2]))
(declare-network g
    (isomorphic-to f)
    (declare-input U real [1,2])
    (declare-output V real [1,2]))
(assert (and (>= X[0,0] -1.0) (<= X[0,0] 1.0) (>= X[0,1] -1.0) (<= X[0,1] 1.0)))
"""
SAME = "(assert (== X[0,0] U[0,0])) (assert (== X[0,1] U[0,1]))\n"


def f():
    """A network: max(x+y, 0) + max(x-y, 0), between 0 and 2 on [-1,1]^2, and max(x-y, 0) - 1."""
    return Network.chain([[[1, 1], [1, -1]], [[1, 1], [0, 1]]], [[0, 0], [0, -1]])


def g():
    """The same, but for 1/64 of the first hidden unit, which is at most 2."""
    return Network.chain([[[1, 1], [1, -1]], [["65/64", 1], [0, 1]]], [[0, 0], [0, -1]])


def files(folder, text, **networks):
    """A query and networks in a folder: the path of one, and those of the others."""
    folder = Path(folder)
    (folder / "query.vnnlib").write_text(text, encoding="utf-8")
    paths = {name: folder / f"{name}.json" for name in networks}
    for name, network in networks.items():
        write(network, paths[name], overwrite=True)
    return folder / "query.vnnlib", paths


def worked(path, paths, seconds=20.0):
    """What is found about a query: who answers, and the answer."""
    query = read_query(path.read_bytes())
    own = {name: read(file) for name, file in paths.items()}
    networks = {n.name: own[n.other if n.relation == EQUAL else n.name] for n in query.networks}
    work = Answering(query, networks, time.monotonic() + seconds)
    return work, work.run()


def document(answer, path, paths):
    """The certificate of an answer."""
    return query_certificate(answer, sha256(path), {n: formats.digest(p) for n, p in paths.items()}, "as stored")


def sha256(path):
    """The hash of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def checked(certificate, path, paths, checker=check, **options):
    """What a checker says of a certificate."""
    place = path.with_name("certificate.json")
    place.write_text(certificate if isinstance(certificate, str) else dumps(certificate), encoding="utf-8")
    question = checker.Question(str(path), {name: str(file) for name, file in paths.items()}, str(place))
    return checker.check_query(question, **options)


def leaf(path, paths, *cases, pair=("N",), **more):
    """A certificate that says of cases that one box is enough."""
    tree = {"splits": more.pop("splits", "AA=="), "slopes": more.pop("slopes", [])}
    relations = {"original": {}, "reduced": {}}
    return {
        "format": "exactlump query certificate",
        "version": 1,
        "producer": "tests",
        "query": sha256(path),
        "specification": "as stored",
        "networks": {
            n: {"format": d.format, "sha256": d.sha256, "tensors": {}, "external": {}}
            for n, d in ((n, formats.digest(p)) for n, p in paths.items())
        },
        "pairs": [{"networks": [*pair], "relations": relations}],
        "proofs": [{"cases": [*cases], "pair": 0, "tree": tree}],
        **more,
    }


def by_solver(path, paths):
    """Whether Z3 finds a solution of the query: "sat" or "unsat"; networks are chains of dense layers and ReLU."""
    query, solver = read_query(path.read_bytes()), z3.Solver()
    variables = [z3.Real(f"v{i}") for i in range(query.variables)]
    start = 0
    for network in query.networks:
        model = read(paths[network.other if network.relation == EQUAL else network.name])
        count = sum(port.size for port in network.inputs)
        outputs = sum(port.size for port in network.outputs)
        for v, value in zip(
            range(start + count, start + count + outputs),
            _symbolic(model, variables[start : start + count]),
            strict=True,
        ):
            solver.add(variables[v] == value)
        start += count + outputs
    stack = []
    for node in query.formula.nodes:
        if hasattr(node, "terms"):
            left = z3.Sum([_real(c) * variables[v] for v, c in node.terms] or [z3.RealVal(0)])
            right = _real(node.bound)
            word = {"<=": left <= right, "<": left < right, "==": left == right, "!=": left != right}
            stack.append(word[node.relation])
        else:
            parts = stack[-node.parts :]
            del stack[-node.parts :]
            stack.append(z3.And(*parts) if node.word == "and" else z3.Or(*parts))
    solver.add(stack[0])
    return str(solver.check())


def _real(value):
    p, q = fraction(rational(value))
    return z3.RatVal(p, q)


def _symbolic(network, values):
    known = {network.inputs[0].name: values}
    for node in network.nodes:
        below = known[node.source]
        if hasattr(node, "weight"):
            rows = range(node.weight.shape[0])
            known[node.target] = [
                z3.Sum([_real(w) * below[u] for u, w in node.weight.row(v).items()] + [_real(node.bias[v])])
                for v in rows
            ]
        else:
            assert all(str(function) == "relu" for function in node.functions)
            known[node.target] = [z3.If(y > 0, y, z3.RealVal(0)) for y in below]
    return known[network.outputs[0]]


def random_network(rng, inputs=2, outputs=2):
    """A small chain of ReLU layers."""
    sizes = [inputs, *(rng.randint(2, 3) for _ in range(rng.randint(1, 2))), outputs]
    weights = [[[Fraction(rng.randint(-8, 8), 4) for _ in range(a)] for _ in range(b)] for a, b in pairwise(sizes)]
    return Network.chain(weights, [[Fraction(rng.randint(-4, 4), 4) for _ in row] for row in weights])


@contextlib.contextmanager
def faulty(old, new):
    """The checker with other words in its source, which stand there once."""
    source = Path(check.__file__).read_text(encoding="utf-8")
    assert source.count(old) == 1, old
    module = type(check)("faulty_check")
    module.__dict__["__name__"] = "faulty_check"
    sys.modules["faulty_check"] = module
    try:
        exec(compile(source.replace(old, new), "faulty_check.py", "exec"), module.__dict__)
        yield module
    finally:
        del sys.modules["faulty_check"]
