# SPDX-License-Identifier: Apache-2.0
"""This file is about networks with one hidden layer: equal or not, decided outright, with an input where they differ.

With (leaky) ReLUs of any slopes a, sigma(y) = (1+a)/2 * y + (1-a)/2 * |y|.  So each output of such a network is

    F(x) = sum_H kappa_H * |l_H(x)| + g(x),     H the hyperplanes of its neurons, kappa_H numbers, g affine.

Theorem (T13).  Two such functions are equal on R^m exactly if they have the same kappa_H for every H and the same g.
*Proof.* Their difference D has the same form.  Let kappa_H != 0 for some H, and p a point of H on no other hyperplane
of D; there is one (`hyperplanes.py`).  For a small step d that leaves H, only |l_H| is not affine from p - d to p + d.
So D(p+d) + D(p-d) - 2*D(p) = 2 * kappa_H * |l_H(p+d)| is not 0, and D is not 0 at one of the three points.  If every
kappa_H is 0, D = g is affine, and not 0 at 0 or at a unit vector, unless it has no terms.

Cost: the exact rows of the hidden layer, one dictionary look-up a neuron, one pass over the outgoing weights: linear in
the edges (hashing; expected).  What remains of the affine parts is summed over the hyperplanes where the two networks
disagree, for each output: with m inputs and n such hyperplanes, n * m operations an output.
"""

from collections.abc import Iterator, Sequence

from exactlump.errors import ShapeError, UnsupportedLayer
from exactlump.network.kinds import Node
from exactlump.network.program import Network
from exactlump.numbers.rational import ONE, ZERO, Rational, Vector, rational
from exactlump.points.affine import Row, combination, coordinate, rows_after
from exactlump.points.hyperplanes import Plane, beside, plane_of, point_on


def decide(a: Network, b: Network) -> Vector | None:
    """None when two networks with one hidden layer are the same function on R^m, else an input where they differ.

    The input is exact and flat (of several inputs, one after the other), and both networks have been evaluated at it.
    Raises ShapeError when the numbers of inputs or outputs differ, UnsupportedLayer for any other kind of network.
    """
    for what, one, other in (("inputs", _inputs(a), _inputs(b)), ("outputs", _outputs(a), _outputs(b))):
        if one != other:
            raise ShapeError(f"{what}: found {one} and {other} elements, expected as many in both networks")
    planes: dict[Plane, int] = {}
    pairs = zip(_outputs_of(a, planes), _outputs_of(b, planes), strict=True)
    differences = [combination([(ONE, one), (-ONE, other)]) for one, other in pairs]
    candidates = list(_candidates(differences, list(planes), _inputs(a)))
    found = next((x for x in candidates if evaluate_flat(a, x) != evaluate_flat(b, x)), None)
    assert (found is None) == (not candidates), "the theorem promises a difference at one of the candidates"
    return found


def has_one_hidden_layer(network: Network) -> bool:
    """Whether `decide` takes a network: affine maps around at most one layer of (leaky) ReLUs, nothing else."""
    try:
        _outputs_of(network, {})
    except UnsupportedLayer:
        return False
    return True


def cut(network: Network, x: Sequence[Rational]) -> list[Vector]:
    """A flat input, cut into the network's inputs."""
    places = iter(x)
    return [tuple(next(places) for _ in range(network.views[port.name].elements)) for port in network.inputs]


def evaluate_flat(network: Network, x: Sequence[Rational]) -> Vector:
    """The outputs, one after the other, at a flat input."""
    return tuple(value for vector in network.evaluate(*cut(network, x)) for value in vector)


def _inputs(network: Network) -> int:
    return sum(network.units(port.name) for port in network.inputs)


def _outputs(network: Network) -> int:
    return sum(network.units(name) for name in network.outputs)


# Coordinates: input i has the number i, and plane h those of its value l_H and of |l_H|, after the m inputs.


def _linear(m: int, h: int) -> int:
    return m + 2 * h


def _kink(m: int, h: int) -> int:
    return m + 2 * h + 1


def _outputs_of(network: Network, planes: dict[Plane, int]) -> list[Row]:
    """The outputs over inputs, planes and kinks; new planes are numbered."""
    m, start = _inputs(network), 0
    known: dict[str, Sequence[Row]] = {}
    for port in network.inputs:
        known[port.name] = [coordinate(start + i) for i in range(network.units(port.name))]
        start += len(known[port.name])
    for node in network.nodes:
        if node.functions:
            if network.views[node.target].positions != 1:
                raise UnsupportedLayer(f"tensor {node.target!a}: found images, expected one hidden layer of neurons")
            known[node.target] = [_bent(row, node, v, planes, m) for v, row in enumerate(known[node.reads[0]])]
        else:
            known[node.target] = rows_after(network, node, known)
    return [row for name in network.outputs for row in known[name]]


def _bent(row: Row, node: Node, v: int, planes: dict[Plane, int], m: int) -> Row:
    """A unit after its activation: the row by its plane, and the kink on it."""
    sigma = node.functions[v]
    if sigma.slope is None:
        raise UnsupportedLayer(f"tensor {node.target!a}: found {sigma}, expected relu or leaky_relu")
    if sigma.slope == 1:
        return row
    if not row.weights:
        return Row({}, sigma(row.constant))
    if max(row.weights) >= m:
        raise UnsupportedLayer(f"tensor {node.target!a}: found a second hidden layer, expected one")
    plane, factor = plane_of(row.weights, row.constant)
    h = planes.setdefault(plane, len(planes))
    linear, kink = (ONE + sigma.slope) / 2 * factor, (ONE - sigma.slope) / 2 * abs(factor)
    return Row({i: w for i, w in ((_linear(m, h), linear), (_kink(m, h), kink)) if w}, ZERO)


def _candidates(differences: list[Row], planes: list[Plane], m: int) -> Iterator[Vector]:
    """For differences that are not all zero, inputs of which one shows it; kinks before affine parts."""
    for row in differences:
        bent = [plane for h, plane in enumerate(planes) if _kink(m, h) in row.weights]
        if bent:
            x = point_on(bent[0], bent[1:], m)
            yield from map(tuple, (x, *beside(bent[0], x, bent[1:])))
            return
    for row in differences:
        affine = _affine(row, planes, m)
        if not affine.is_zero:
            i = None if affine.constant else min(affine.weights)
            yield tuple(ONE if k == i else ZERO for k in range(m))
            return


def _affine(row: Row, planes: list[Plane], m: int) -> Row:
    """A function without kinks, over the inputs alone."""
    parts: list[tuple[Rational, Row]] = [(w, coordinate(i)) for i, w in row.weights.items() if i < m]
    for h, plane in enumerate(planes):
        if (w := row.weights.get(_linear(m, h))) is not None:
            parts.append((w, Row(dict(plane.terms), rational(plane.constant))))
    return combination(parts, row.constant)
