# SPDX-License-Identifier: Apache-2.0
"""This file is about machines that compute in float32: how far off each output may be, on a domain.

An operation with the exact value y gives y + e with |e| <= 2^-24 |y| + 2^-150, sums in any order, fused or not; inputs
are float32 numbers, nothing overflows (docs/trust.md, "Machine arithmetic").  A file that is not all float32 is refused
by the checker, which sees the file.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from exactlump.bounding.boxes import Domain, outward
from exactlump.bounding.exact_pass import Pass
from exactlump.errors import UnsupportedLayer
from exactlump.network.activations import Activation
from exactlump.network.kinds import Largest, Node
from exactlump.network.meaning import Anchored
from exactlump.network.program import Network
from exactlump.numbers.rational import ONE, ZERO, Rational, fraction, rational
from exactlump.points.gathers import unit_of

WHOLE = 1 << 40
_U, _TINY = rational(1, 1 << 24), rational(1, 1 << 150)
_TOP = rational((1 << 128) - (1 << 103))
_EXACT = ("leaky_relu", "clip", "at_least", "at_most")
# The lifts that take one element or the mean of several; of others nothing is known here.
_LIFTS = {"tap", "at", "average"}


class Off(NamedTuple):
    """How large a unit is at most, and how far off a machine may compute it."""

    size: Rational
    error: Rational


class Sum(NamedTuple):
    """A unit as a sum of weights times units (name, unit), and a bias; `several`: what one of them stands for."""

    terms: Sequence[tuple[Rational, str, int]]
    bias: Rational = ZERO
    several: int = 0


def errors(exact: Pass, domain: Domain) -> list[list[int]]:
    """For both networks, how far off each output may be in float32, over 2^40, rounded up.

    Raises UnsupportedLayer where a network rounds in another way than by sums of products, or may overflow.
    """
    largest = _largest(exact, domain)
    return [
        _errors(exact, family, network, largest) for family, network in zip("ab", exact.program.networks, strict=True)
    ]


def _largest(exact: Pass, domain: Domain) -> list[Rational]:
    """For each element of all tensors, the largest size of its unit on the domain."""
    tensors = exact.program.tensors
    found = [ZERO] * sum(tensor.size for tensor in tensors)
    for box in domain.boxes:
        known = exact.node(*outward(box))
        for (family, j), low in known.least.items():
            if family == "d":
                continue
            tensor, high = tensors[j], known.most[family, j]
            sizes = [max(abs(int(a)), abs(int(b))) for a, b in zip(low, high, strict=True)]
            for unit in range(tensor.units):
                places = range(unit * tensor.positions, (unit + 1) * tensor.positions)
                most = rational(max(sizes[p] for p in places), WHOLE)
                for p in places:
                    found[tensor.first + p] = max(found[tensor.first + p], most)
    return found


def _errors(exact: Pass, family: str, network: Network, largest: Sequence[Rational]) -> list[int]:
    based = exact.program.forms[family]
    known: dict[str, list[Off]] = {}

    def bounded(name: str) -> list[Rational]:
        """The sizes of the units of a tensor, by the bounds of the elements that it is made of."""
        form, units = based[name], unit_of(network.views[name]).tolist()
        sizes = [ZERO] * network.views[name].units
        for e, u in enumerate(units):
            total = sum((largest[i] * abs(n) for i, n in form.rows[e].items()), ZERO) / form.bottom
            sizes[u] = max(sizes[u], total + abs(rational(form.constants[e], form.bottom)))
        return sizes

    for port in network.inputs:
        known[port.name] = [Off(size, ZERO) for size in bounded(port.name)]
    for node in network.nodes:
        found = [_rounded(node, v, network, known) for v in range(network.views[node.target].units)]
        if node.target in exact.program.numbers[family]:
            found = [Off(size, off.error) for size, off in zip(bounded(node.target), found, strict=True)]
        known[node.target] = found
    listed = []
    for name in network.outputs:
        listed += [_up(known[name][u].error) for u in unit_of(network.views[name]).tolist()]
    return listed


def _rounded(node: Node, v: int, network: Network, known: Mapping[str, Sequence[Off]]) -> Off:
    if node.functions:
        return _activated(node.functions[v], known[node.reads[0]][v], node.target)
    if isinstance(node.function(v), Largest):
        return known[node.reads[0]][v]
    total = _sum(node, v, network)
    size = sum((abs(w) * known[name][u].size for w, name, u in total.terms), abs(total.bias))
    error = sum((abs(w) * known[name][u].error for w, name, u in total.terms), ZERO)
    if len(total.terms) > 1 or total.bias or total.several or any(abs(w) != 1 for w, *_ in total.terms):
        count = len(total.terms) + total.several + 2  # roundings that a summand may go through
        g = count * _U / (1 - count * _U)
        error += g * (size + error) + count * _TINY * (1 + g)
    if size + error >= _TOP:
        raise UnsupportedLayer(f"float32: tensor {node.target!r} may overflow on the domain")
    return Off(size, error)


def _activated(function: Activation, of: Off, name: str) -> Off:
    if function.name not in _EXACT:
        raise UnsupportedLayer(f"float32: tensor {name!r}: found {function}, which rounds otherwise")
    slope = function.parameters[0] if function.name == "leaky_relu" else ONE
    steep = max(ONE, abs(slope))
    if slope in (-1, 0, 1):
        return Off(steep * of.size, of.error)
    return Off(steep * of.size, steep * of.error + _U * abs(slope) * (of.size + of.error) + _TINY)


def _sum(node: Node, v: int, network: Network) -> Sum:
    """A unit as a sum of products, as `meaning.py` says it; its elements must all be made of the same units."""
    found = network.parts(node)
    if not isinstance(found, Anchored):
        parts, bias = found.of(v)
        lifts = {part.lift.key[0] for part in parts if part.lift is not None}
        if node.affine and lifts <= _LIFTS:
            several = node.window.taps if node.window is not None and "average" in lifts else 0
            return Sum([(part.weight, node.reads[part.source], part.unit) for part in parts], bias, several)
    raise UnsupportedLayer(f"float32: tensor {node.target!r}: found {type(node).__name__}, which has no bounds")


def _up(value: Rational) -> int:
    p, q = fraction(value)
    return -(-p * WHOLE // q)
