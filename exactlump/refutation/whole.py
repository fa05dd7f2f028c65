# SPDX-License-Identifier: Apache-2.0
"""This file is about asking a solver about two whole networks on a domain: only for small ones.

Solvers give up at about sixteen neurons a layer (benchmarks/results/solvers.md): larger networks are not asked about.
"""

from exactlump.network.kinds import Activate, Dense, Reorder, Scale, Shift
from exactlump.network.program import Network
from exactlump.numbers.rational import ZERO, Vector
from exactlump.points.boxes import Box
from exactlump.refutation.question import Question
from exactlump.smt.functions import definition
from exactlump.smt.monolithic import define, functions_of
from exactlump.smt.obligations import options
from exactlump.smt.smtlib import numeral
from exactlump.smt.solve import answers

MOST_NEURONS = 48


def is_small(a: Network, b: Network) -> bool:
    """Whether a solver is asked at all: not about many neurons, and not about images."""
    kinds = (Dense, Scale, Shift, Reorder, Activate)
    return a.neurons + b.neurons <= MOST_NEURONS and all(isinstance(n, kinds) for n in (*a.nodes, *b.nodes))


def ask(a: Network, b: Network, question: Question, box: Box, seconds: float) -> tuple[str, Vector | str]:
    """What Z3 says: ("sat", a point to be confirmed), ("unsat", ""), or ("unknown", the reason).

    Raises UnsupportedLayer for networks that the whole-network question has no form for.
    """
    names = [f"x{i}" for i in range(len(box.lower))]
    preamble = _preamble(a, b, names)
    bounds = [f"(assert (<= {numeral(low)} {x}))" for x, low in zip(names, box.lower, strict=True) if low is not None]
    bounds += [
        f"(assert (<= {x} {numeral(high)}))" for x, high in zip(names, box.upper, strict=True) if high is not None
    ]
    lines, outputs = preamble
    claims = question.assertions(*outputs)
    check = "\n".join(["(push 1)", *bounds, *claims, "(check-sat)\n"])
    (answer,) = answers("z3", "".join(f"{line}\n" for line in lines), [check], names, seconds)
    if answer.word == "sat":
        return "sat", tuple(answer.values.get(name, ZERO) for name in names)
    return answer.word, answer.reason


def _preamble(a: Network, b: Network, names: list[str]) -> tuple[list[str], list[list[str]]]:
    """The definitions of all units of both networks, and the terms of their outputs."""
    lines = options("QF_LRA")
    for sigma in sorted(functions_of(a) | functions_of(b), key=str):
        lines += definition(sigma)
    lines += [f"(declare-const {name} Real)" for name in names]
    outputs = []
    for letter, network in (("a", a), ("b", b)):
        units = define(letter, network, _cut(network, names), lines)
        outputs.append([unit for name in network.outputs for unit in units[name]])
    return lines, outputs


def _cut(network: Network, names: list[str]) -> list[list[str]]:
    """The flat input, cut into the network's inputs."""
    parts, start = [], 0
    for port in network.inputs:
        parts.append(names[start : start + network.units(port.name)])
        start += len(parts[-1])
    return parts
