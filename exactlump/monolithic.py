# SPDX-License-Identifier: Apache-2.0
"""This file is about the question that layerwise obligations avoid: do two whole networks ever differ?

One script: both networks unit by unit over the same inputs, every activation an if-then-else, and the claim that
some output differs.  It needs no certificate, and solvers give up on it at about sixteen neurons a layer.
"""

from collections.abc import Iterator

from exactlump.activation import IDENTITY
from exactlump.errors import UnsupportedLayer
from exactlump.network import Activate, Dense, Head, Network, Node, Reorder, Scale
from exactlump.obligations import Obligation, Script, applied, definition, options
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
        functions = sorted({f for n in (self.original, self.reduced) for f in _functions(n)}, key=str)
        lines = ["; exactlump: the whole-network question.  unsat: the networks compute the same function."]
        lines += [*options("QF_LRA"), *(line for sigma in functions for line in definition(sigma))]
        constants = {
            name: f"element {k} of {port.name!a}"
            for port, names in zip(self.original.inputs, self.inputs, strict=True)
            for k, name in enumerate(names)
        }
        lines += [f"(declare-const {name} Real)" for name in constants]
        ours, theirs = _define("a", self.original, self.inputs, lines), _define("b", self.reduced, self.inputs, lines)
        equal = [
            f"(= {a} {b})"
            for one, other in zip(self.original.outputs, self.reduced.outputs, strict=True)
            for a, b in zip(ours[one], theirs[other], strict=True)
        ]
        words = "all outputs of the two networks are equal"
        claim = Obligation("networks", "outputs", 0, "whole", words, f"(assert (not (and true {' '.join(equal)})))")
        preamble = "".join(f"{line}\n" for line in lines)
        yield Script("networks", "outputs", 0, "monolithic", preamble, (claim,), constants)


def _functions(network: Network) -> Iterator[IDENTITY.__class__]:  # type: ignore[name-defined]
    for node in network.nodes:
        if isinstance(node, Activate):
            yield from node.functions
