# SPDX-License-Identifier: Apache-2.0
"""This file is about Marabou's answer to the whole-network question, for comparison; needs `pip install maraboupy`.

Marabou works with floats and on a box, so its question is weaker than ours: does any output differ by epsilon or more
at an input of [-1, 1]^n?  An input that it names is replayed in exact arithmetic.
"""

import multiprocessing
import warnings
from importlib import metadata

from exactlump import Activate, Dense, rational, relu

MARGIN = 2.0**-20  # more than the rounding of a bound to a float


def version():
    """Marabou's version, or None where it is not installed."""
    try:
        return metadata.version("maraboupy")
    except metadata.PackageNotFoundError:
        return None


def difference(original, reduced, epsilon, limit):
    """Marabou's answer on two dense ReLU networks with equally many inputs, in at most `limit` seconds.

    "equivalent" where it finds every difference below epsilon; "unknown" out of time; "different", or "false witness"
    where the networks differ by less than half of epsilon, in exact arithmetic, at the input that it names.
    """
    receiver, sender = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.Process(target=_send_difference, args=(sender, original, reduced, epsilon))
    process.start()
    answer = receiver.recv() if receiver.poll(limit) else "unknown"
    process.kill()  # Marabou's own time limit does not always hold, and it does not end at a polite signal
    process.join()
    return answer


def _send_difference(sender, *question):
    sender.send(_difference(*question))


def _difference(original, reduced, epsilon):
    for output in range(original.units(original.outputs[0])):
        for sign in (1, -1):
            answer, values = _ask(original, reduced, output, sign, epsilon)
            if answer == "sat":
                return "different" if _differ(original, reduced, values, epsilon) else "false witness"
            if answer != "unsat":
                return "unknown"
    return "equivalent"


def _ask(original, reduced, output, sign, epsilon):
    """Whether sign * (output of the original - of the reduced) >= epsilon somewhere on the box, and where."""
    with warnings.catch_warnings(action="ignore"):  # of readers that miss their packages
        from maraboupy import Marabou, MarabouCore

    query = MarabouCore.InputQuery()
    inputs = range(original.units(original.inputs[0].name))
    count = len(inputs) + sum(len(_rows(network)) for network in (original, reduced))
    query.setNumberOfVariables(count)
    for i in inputs:
        query.setLowerBound(i, -1.0)
        query.setUpperBound(i, 1.0)
        query.markInputVariable(i, i)
    first, ends = len(inputs), []
    for network in (original, reduced):
        end, first = _state(MarabouCore, query, network, [*inputs], first)
        ends.append(end[output])
    gap = MarabouCore.Equation(MarabouCore.Equation.GE)
    gap.addAddend(sign, ends[0])
    gap.addAddend(-sign, ends[1])
    gap.setScalar(float(epsilon))
    query.addEquation(gap)
    answer, values, _ = MarabouCore.solve(query, Marabou.createOptions(verbosity=0), "")
    return answer, [values[i] for i in inputs] if values else []


def _rows(network):
    """One variable for each element that a node defines."""
    return [v for node in network.nodes for v in range(network.units(node.target))]


def _state(core, query, network, x, first):
    """Add the network's equations and bounds over the input variables `x`; the output's variables, and the next one."""
    variables, boxes = {network.inputs[0].name: x}, {network.inputs[0].name: [(rational(-1), rational(1))] * len(x)}
    for node in network.nodes:
        below, box = variables[node.source], boxes[node.source]
        ys = [*range(first, first + network.units(node.target))]
        first += len(ys)
        if isinstance(node, Dense):
            made = [_bounds(node.weight.row(v), node.bias[v], box) for v in range(len(ys))]
            for v, y in enumerate(ys):
                equation = core.Equation(core.Equation.EQ)
                equation.addAddend(-1.0, y)
                for u, weight in node.weight.row(v).items():
                    equation.addAddend(_float(weight), below[u])
                equation.setScalar(-_float(node.bias[v]))
                query.addEquation(equation)
        else:
            assert isinstance(node, Activate)
            assert set(node.functions) == {relu}
            made = [(max(low, rational(0)), max(high, rational(0))) for low, high in box]
            for u, y in zip(below, ys, strict=True):
                core.addReluConstraint(query, u, y)
        for y, (low, high) in zip(ys, made, strict=True):
            query.setLowerBound(y, _float(low) - MARGIN)
            query.setUpperBound(y, _float(high) + MARGIN)
        variables[node.target], boxes[node.target] = ys, made
    return variables[network.outputs[0]], first


def _bounds(row, bias, box):
    """The least and the largest value of an affine form over a box."""
    terms = [(w * box[u][0], w * box[u][1]) for u, w in row.items()]
    return tuple(sum(map(pick, terms), bias) for pick in (min, max))


def _float(number):
    return int(number.numerator) / int(number.denominator)


def _differ(original, reduced, x, epsilon):
    """Whether an output differs by epsilon, but for Marabou's rounding: by half of it, in exact arithmetic."""
    (ours,), (theirs,) = original.evaluate(x), reduced.evaluate(x)
    return any(2 * abs(a - b) >= rational(epsilon) for a, b in zip(ours, theirs, strict=True))
