# SPDX-License-Identifier: Apache-2.0
"""This file is about what the page asks of Python: one function a question, and an answer as JSON.

Certificates are judged by exactlump/check.py alone, by its own command line.  Nothing here decides anything about them.
"""

import contextlib
import hashlib
import io
import json
import os
import sys
import tempfile
import types
from fractions import Fraction
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE / "docs" / "labs")]

import standin  # noqa: E402

from exactlump import check as checker  # noqa: E402

for _name in ("Network", "check_files", "write"):
    setattr(sys.modules["exactlump"], _name, getattr(standin, _name))

import forge  # noqa: E402

from examples import microlump  # noqa: E402

MOST_NUMBERS = 100_000  # of a network that somebody types
FORGERIES: list[forge.Forgery] = []
PLANTED: list[types.ModuleType] = []


class Wrong(Exception):
    """What is wrong with what was typed."""


def answer(question: str, words: str) -> str:
    """The answer to a question of the page, with its arguments as a JSON list; else `{"error": a line}`."""
    try:
        found = QUESTIONS[question](*json.loads(words))
    except Wrong as error:
        found = {"error": str(error)}
    except Exception as error:  # noqa: BLE001  # a bug, or more than this machine can: never a verdict
        found = {"error": f"{type(error).__name__}: {error}"}
    return json.dumps(found)


def about() -> dict[str, str]:
    """Which Python this is, and the SHA-256 of the check.py that answers."""
    source = Path(checker.__file__).read_bytes()
    return {"python": sys.version.split()[0], "sha256": hashlib.sha256(source).hexdigest()}


# Certificates


def judge(folder: str, *words: str) -> dict[str, object]:
    """What `check.py` with these words prints in a folder, and the code with which it ends."""
    printed, complained = io.StringIO(), io.StringIO()
    before = os.getcwd()
    os.chdir(folder)
    try:
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(complained):
            code = checker.main(words)
    except SystemExit as error:  # of the parser of options
        code = error.code
    finally:
        os.chdir(before)
    lines = (printed.getvalue() or complained.getvalue()).split("\n")
    line = next((line for line in reversed(lines) if line.strip()), "")
    return {"line": line, "code": code}


def networks(folder: str, query: str) -> dict[str, object]:
    """The names of the networks of which a query wants a file, in its order."""
    content = Path(folder, query).read_bytes()
    try:
        content = checker.unpack(content, checker.MAX_UNPACKED) if query.lower().endswith(".gz") else content
        found = checker.read_query(str(content, "utf-8"))
    except (checker.Stop, UnicodeDecodeError) as error:
        raise Wrong(str(error)) from None
    return {"names": [network.name for network in found.networks if network.relation != "equal-to"]}


# One page of code


def _fraction(value: object) -> Fraction:
    if isinstance(value, bool) or not isinstance(value, int | str | Fraction):
        raise Wrong(f'found {value!r:.40}, expected a number, or a text such as "1/2"')
    try:
        return Fraction(value)
    except (ValueError, ZeroDivisionError):
        raise Wrong(f'found {value!r:.40}, expected a number, or a text such as "1/2"') from None


def _parsed(words: str, what: str) -> object:
    try:
        return json.loads(words, parse_float=Fraction, parse_constant=str)
    except (ValueError, ZeroDivisionError) as error:
        raise Wrong(f"{what}: found no JSON ({error})") from None


def _network(words: str, what: str = "network") -> list[microlump.Layer]:
    """A network as it is typed: [[weights, biases], ...], a row of weights for each neuron."""
    document, network = _parsed(words, what), []
    if not isinstance(document, list) or not document:
        raise Wrong(f"{what}: expected a list of layers, each [weights, biases]")
    left, width = MOST_NUMBERS, None
    for depth, layer in enumerate(document, start=1):
        place = f"{what}, layer {depth}"
        if not (isinstance(layer, list) and len(layer) == 2 and all(isinstance(part, list) and part for part in layer)):
            raise Wrong(f"{place}: expected [weights, biases]")
        rows, biases = layer
        if not all(isinstance(row, list) and row for row in rows) or len({len(row) for row in rows}) != 1:
            raise Wrong(f"{place}: expected a list of weights for each neuron, all of one length")
        if width not in (None, len(rows[0])):
            raise Wrong(f"{place}: found {len(rows[0])} weights a neuron, expected {width}")
        if len(rows) != len(biases):
            raise Wrong(f"{place}: found {len(biases)} biases, expected {len(rows)}")
        width, left = len(rows), left - len(rows) * (len(rows[0]) + 1)
        if left < 0:
            raise Wrong(f"{place}: found more than {MOST_NUMBERS} numbers, expected a network for reading")
        network.append(([[_fraction(w) for w in row] for row in rows], [_fraction(b) for b in biases]))
    return network


def _witness(words: str, network: list[microlump.Layer]) -> list[microlump.Rows]:
    """The claims as they are typed: for each hidden layer a list of null and [class, factor]."""
    document = _parsed(words, "claims")
    if not isinstance(document, list) or len(document) != len(network) - 1:
        raise Wrong(f"claims: expected a list for each of the {len(network) - 1} hidden layers")
    witness = [microlump.identity(len(network[0][0][0]))]
    for depth, (rows, (weights, _)) in enumerate(zip(document, network, strict=False), start=1):
        place = f"claims, layer {depth}"
        if not isinstance(rows, list) or len(rows) != len(weights):
            raise Wrong(f"{place}: expected a claim for each of its {len(weights)} neurons")
        claims: microlump.Rows = []
        for v, row in enumerate(rows):
            fits = isinstance(row, list) and len(row) == 2 and type(row[0]) is int and 0 <= row[0] < len(rows)
            if row is not None and not fits:
                raise Wrong(f"{place}, neuron {v}: expected null, or [class, factor]")
            claims.append(None if row is None else (row[0], _fraction(row[1])))
        used = [*dict.fromkeys(claim[0] for claim in claims if claim)]
        if used != [*range(len(used))]:
            raise Wrong(f"{place}: found the classes {', '.join(map(str, used))}, expected 0, 1, ... from the top")
        witness.append(claims)
    return [*witness, microlump.identity(len(network[-1][1]))]


def _rows_json(witness: list[microlump.Rows]) -> list[list[object]]:
    return [[row and [row[0], str(row[1])] for row in rows] for rows in witness[1:-1]]


def _layers_json(network: list[microlump.Layer]) -> list[object]:
    return [[[[str(w) for w in row] for row in weights], [str(b) for b in biases]] for weights, biases in network]


def lump(words: str) -> dict[str, object]:
    """What microlump finds in a network, as claims."""
    network = _network(words)
    return {"claims": _rows_json(microlump.lump(network))}


def claim(words: str, claims: str) -> dict[str, object]:
    """The smaller network that claims make, and whether microlump's checker says that they are right."""
    network = _network(words)
    witness = _witness(claims, network)
    small = microlump.quotient(network, witness)
    sizes = [sum(len(biases) for _, biases in layers[:-1]) for layers in (network, small)]
    return {"right": microlump.check(network, small, witness), "small": _layers_json(small), "sizes": sizes}


# Lab 3


def solve(first: str, second: str, seconds: int = 600) -> dict[str, object]:
    """What Z3 says of the question at which input two networks differ; a point is replayed in fractions."""
    import z3

    networks = [_network(first, "first network"), _network(second, "second network")]
    shapes = [(len(layers[0][0][0]), len(layers[-1][1])) for layers in networks]
    if shapes[0] != shapes[1]:
        (a, b), (c, d) = shapes
        raise Wrong(f"found networks of {a} inputs and {b} outputs, and of {c} and {d}, expected as many")
    x = [z3.Real(f"x{i + 1}") for i in range(shapes[0][0])]

    def term(number: Fraction) -> object:
        return z3.Q(number.numerator, number.denominator)

    def outputs(network: list[microlump.Layer]) -> list[object]:
        values = x
        for depth, (weights, biases) in enumerate(network, start=1):
            rows = zip(weights, biases, strict=True)
            values = [z3.Sum(*(term(w) * y for w, y in zip(row, values, strict=True)), term(b)) for row, b in rows]
            if depth < len(network):
                values = [z3.If(y > 0, y, 0) for y in values]
        return values

    solver = z3.Solver()
    solver.set("timeout", 1000 * seconds)
    solver.add(z3.Or(*(a != b for a, b in zip(*map(outputs, networks), strict=True))))
    found = str(solver.check())
    if found != "sat":
        return {"answer": found, "version": z3.get_version_string()}
    model = solver.model()
    point = [Fraction(str(model.eval(name, model_completion=True))) for name in x]
    values = [microlump.evaluate(network, point) for network in networks]
    if values[0] == values[1]:
        raise Wrong("Z3 gives an input at which the outputs are equal: its answer is wrong, or the question was")
    words = [[*map(str, numbers)] for numbers in (point, *values)]
    return {"answer": found, "version": z3.get_version_string(), "point": words[0], "outputs": words[1:]}


# Lab 2


def deal(seed: int) -> dict[str, object]:
    """Twenty forgeries: the hidden layer that they are about, and their claims."""
    if not PLANTED:
        PLANTED.append(forge.planted())
    FORGERIES[:] = forge.forgeries(seed, tempfile.mkdtemp())
    neurons = [[*map(str, (*row, bias))] for row, bias in zip(forge.HIDDEN, forge.BIASES, strict=True)]
    return {"neurons": neurons, "claims": [forgery.claim for forgery in FORGERIES]}


def _dealt(number: int) -> forge.Forgery:
    if not 0 <= number < len(FORGERIES):
        raise Wrong(f"found forgery {number}, expected 0 to {len(FORGERIES) - 1}")
    return FORGERIES[number]


def ask(number: int) -> dict[str, object]:
    """What check.py says of a forgery, and what the checker with the bug says."""
    files = _dealt(number).files
    honest, planted = (found.check(*files) for found in (checker, PLANTED[0]))
    return {
        "honest": f"{honest.verdict}: {honest.reason}",
        "planted": f"{planted.verdict}: {planted.reason}",
        "fooled": planted.verdict == "equivalent",
    }


def values(number: int, point: list[str]) -> dict[str, object]:
    """The outputs of both networks of a forgery at a point, exactly."""
    x = [_fraction(word.strip()) for word in point]
    outputs = []
    for path in _dealt(number).files[:2]:
        nodes = json.loads(Path(path).read_text(encoding="utf-8"))["nodes"]
        layers = [_dense(node) for node in nodes if node["op"] == "dense"]
        outputs.append(microlump.evaluate(layers, x))
    return {"outputs": [[*map(str, y)] for y in outputs], "differ": outputs[0] != outputs[1]}


def _dense(node: dict[str, object]) -> microlump.Layer:
    rows = [dict(row) for row in node["rows"]]
    weights = [[Fraction(row.get(u, 0)) for u in range(node["columns"])] for row in rows]
    return weights, [Fraction(b) for b in node["bias"]]


def bug() -> dict[str, str]:
    """The one condition that differs between the two checkers."""
    return {"right": forge.RIGHT, "wrong": forge.WRONG}


QUESTIONS = {
    "about": about,
    "judge": judge,
    "networks": networks,
    "lump": lump,
    "claim": claim,
    "solve": solve,
    "deal": deal,
    "ask": ask,
    "values": values,
    "bug": bug,
}
