# SPDX-License-Identifier: Apache-2.0
"""This file is about the question that layerwise obligations avoid: do two whole networks ever differ?

One script: both networks element by element over the same inputs, every activation an if-then-else, and the claim that
some output differs.  It needs no certificate, and solvers give up on it at about sixteen neurons a layer.
"""

from collections.abc import Iterator

from exactlump.errors import UnsupportedLayer
from exactlump.network.kinds import Conv, Dense, Function, Largest, Node, Reorder, Select
from exactlump.network.meaning import Anchored
from exactlump.network.program import Network
from exactlump.network.views import View
from exactlump.numbers.rational import ONE, primitive
from exactlump.smt.functions import applied, definition, is_piecewise_linear, largest
from exactlump.smt.obligations import Obligation, Script, options
from exactlump.smt.terms import integer_row, linear

# Larger convolutions are not put into one question: solvers give up much earlier.
MOST_PRODUCTS = 1_000_000


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
        functions = functions_of(self.original) | functions_of(self.reduced)
        defined = dict.fromkeys(line for sigma in sorted(functions, key=str) for line in definition(sigma))
        lines = ["; exactlump: the whole-network question.  unsat: the networks compute the same function."]
        lines += [*options("QF_LRA"), *defined]
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


def functions_of(network: Network) -> set[Function]:
    """The functions of a network.  Raises UnsupportedLayer where one is not piecewise linear, or images are large."""
    found: set[Function] = set()
    for node in network.nodes:
        functions = {node.function(v) for v in range(network.units(node.target))}
        if not all(isinstance(f, Largest) or (not isinstance(f, str) and is_piecewise_linear(f)) for f in functions):
            raise UnsupportedLayer(f"tensor {node.target!a}: found no piecewise linear function")
        found.update(f for f in functions if not isinstance(f, str))
    if _products(network) > MOST_PRODUCTS:
        raise UnsupportedLayer(f"convolutions: found more than {MOST_PRODUCTS} products, too many for one question")
    return found


def _products(network: Network) -> int:
    """How many products convolutions take, over all positions."""
    return sum(n.weight.nonzeros * network.views[n.target].positions for n in network.mixing if n.window is not None)


def define(letter: str, network: Network, inputs: list[list[str]], lines: list[str]) -> dict[str, list[str]]:
    """The names of all elements of a network, whose definitions go to `lines`."""
    names = {port.name: given for port, given in zip(network.inputs, inputs, strict=True)}
    for i, node in enumerate(network.nodes):
        below = [names[name] for name in node.reads]
        view = network.views[node.target]
        match node:
            case Reorder():
                names[node.target] = [below[0][u] for u in node.order(network.shapes[node.source])]
            case Select():
                names[node.target] = _picked(node, below, network)
            case _:
                names[node.target] = [f"{letter}{i}_{e}" for e in range(view.elements)]
                for name, (v, p) in zip(names[node.target], view.parts(), strict=True):
                    lines.append(f"(define-fun {name} () Real {_term(node, v, p, below, network)})")
    return names


def _picked(node: Select, below: list[list[str]], network: Network) -> list[str]:
    """The elements of a selection, by the names that they have."""
    views = [network.views[name] for name in node.sources]
    picks = [(*node.picks[v], p) for v, p in network.views[node.target].parts()]
    return [below[i][views[i].index(u, p)] for i, u, p in picks]


def _term(node: Node, v: int, p: int, below: list[list[str]], network: Network) -> str:
    """What a node makes of the elements of its sources, for position p of unit v."""
    views = network.views_below(node)
    match node:
        case Dense() if not node.grid:
            columns, integers, content = integer_row(node.weight, v)
            return linear([below[0][u] for u in columns], integers, content, node.bias[v]).term
        case Conv():
            return _conv(node, v, p, below[0], views[0])
        case _:
            return _meant(node, v, p, below, network)


def _conv(node: Conv, v: int, p: int, below: list[str], view: View) -> str:
    columns, integers, content = integer_row(node.weight, v)
    places = [(divmod(i, node.window.taps), n) for i, n in zip(columns, integers, strict=True)]
    read = [(u, node.window.places(t)[p], n) for (u, t), n in places]
    names = [below[view.index(u, place)] for u, place, _ in read if place is not None]
    return linear(names, [n for _, place, n in read if place is not None], content, node.bias[v]).term


def _meant(node: Node, v: int, p: int, below: list[list[str]], network: Network) -> str:
    """The same for any node, by what it means."""
    found, sigma = network.parts(node), node.function(v)
    assert not isinstance(found, Anchored) and not isinstance(sigma, str)
    views = network.views_below(node)
    made, constant = found.of(v)
    if isinstance(sigma, Largest):
        places = (sigma.window.places(t)[p] for t in range(sigma.window.taps))
        return largest([below[0][views[0].index(v, place)] for place in places if place is not None])
    terms = [
        (below[i][views[i].index(u, place)], weight * c)
        for weight, i, u, lift in made
        for place, c in (lift.reads(p) if lift is not None else ((p, ONE),))
    ]
    if not node.affine:
        return applied(sigma, terms[0][0])
    integers, content = ([1], terms[0][1]) if len(terms) == 1 else primitive(weight for _, weight in terms)
    return linear([name for name, _ in terms], integers, content, constant).term
