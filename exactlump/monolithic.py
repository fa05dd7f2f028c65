# SPDX-License-Identifier: Apache-2.0
"""This file is about the question that layerwise obligations avoid: do two whole networks ever differ?

One script: both networks unit by unit over the same inputs, every activation an if-then-else, and the claim that
some output differs.  It needs no certificate, and solvers give up on it at about sixteen neurons a layer.
"""

from collections.abc import Iterator

from exactlump.activation import Activation
from exactlump.errors import UnsupportedLayer
from exactlump.functions import applied, definition, is_piecewise_linear
from exactlump.network import Activate, Dense, Head, Network, Node, Reorder, Scale, Shift
from exactlump.obligations import Obligation, Script, options
from exactlump.rational import ONE, ZERO
from exactlump.substitution import integer_row, linear


class Monolithic:
    """The whole-network question about two networks, as one obligation."""

    count = 1

    def __init__(self, original: Network, reduced: Network) -> None:
        self.original, self.reduced = original, reduced
        self.inputs = [
            [f"x{i}_{k}" for k in range(original.units(port.name))] for i, port in enumerate(original.inputs)
        ]

    def scripts(self) -> Iterator[Script]:
        """The one script.  Raises UnsupportedLayer for heads, and activations that are not piecewise linear."""
        functions = sorted(functions_of(self.original) | functions_of(self.reduced), key=str)
        lines = ["; exactlump: the whole-network question.  unsat: the networks compute the same function."]
        lines += [*options("QF_LRA"), *(line for sigma in functions for line in definition(sigma))]
        constants = {
            name: f"element {k} of {port.name!a}"
            for port, names in zip(self.original.inputs, self.inputs, strict=True)
            for k, name in enumerate(names)
        }
        lines += [f"(declare-const {name} Real)" for name in constants]
        ours, theirs = define("a", self.original, self.inputs, lines), define("b", self.reduced, self.inputs, lines)
        equal = [
            f"(= {a} {b})"
            for one, other in zip(self.original.outputs, self.reduced.outputs, strict=True)
            for a, b in zip(ours[one], theirs[other], strict=True)
        ]
        words = "all outputs of the two networks are equal"
        claim = Obligation("networks", "outputs", 0, "whole", words, f"(assert (not (and true {' '.join(equal)})))")
        preamble = "".join(f"{line}\n" for line in lines)
        yield Script("networks", "outputs", 0, "monolithic", preamble, (claim,), constants)


def functions_of(network: Network) -> set[Activation]:
    found: set[Activation] = set()
    for node in network.nodes:
        found.update(node.functions if isinstance(node, Activate) else ())
        if isinstance(node, Head) or not all(map(is_piecewise_linear, found)):
            raise UnsupportedLayer(f"tensor {node.target!a}: found no piecewise linear function")
    return found


def define(letter: str, network: Network, inputs: list[list[str]], lines: list[str]) -> dict[str, list[str]]:
    """The names of all units of a network, whose definitions go to `lines`."""
    names = {port.name: given for port, given in zip(network.inputs, inputs, strict=True)}
    for i, node in enumerate(network.nodes):
        source = names[node.source]
        if isinstance(node, Reorder):
            names[node.target] = [source[u] for u in node.order(network.shapes[node.source])]
            continue
        names[node.target] = [f"{letter}{i}_{v}" for v in range(network.units(node.target))]
        for v, name in enumerate(names[node.target]):
            lines.append(f"(define-fun {name} () Real {_term(node, v, source)})")
    return names


def _term(node: Node, v: int, source: list[str]) -> str:
    """What a node makes of the units of its source, for unit v."""
    if isinstance(node, Dense):
        columns, integers, content = integer_row(node.weight, v)
        return linear([source[u] for u in columns], integers, content, node.bias[v]).term
    if isinstance(node, Activate):
        return applied(node.functions[v], source[v])
    if isinstance(node, Scale):
        return linear([source[v]], [1], node.factor[v], ZERO).term
    assert isinstance(node, Shift)
    return linear([source[v]], [1], ONE, node.constant[v]).term
