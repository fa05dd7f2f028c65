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

from collections.abc import Iterator

from exactlump.errors import ShapeError, UnsupportedLayer
from exactlump.hyperplanes import Plane, beside, plane_of, point_on
from exactlump.network import Activate, Dense, Network, Reorder, Scale, Shift
from exactlump.rational import ONE, ZERO, Rational, Vector
from exactlump.simulation import Form, Forms

# Atoms: (X, i) input i; (LINEAR, h) and (KINK, h) the values of l_H and of |l_H|, H the plane with number h.
X, LINEAR, KINK = "x", "l", "|l|"


def decide(a: Network, b: Network) -> Vector | None:
    """None when two networks with one hidden layer are the same function on R^m, else an input where they differ.

    The input is exact and flat (of several inputs, one after the other), and both networks have been evaluated at it.
    Raises ShapeError when the numbers of inputs or outputs differ, UnsupportedLayer for any other kind of network.
    """
    for what, one, other in (("inputs", _inputs(a), _inputs(b)), ("outputs", _outputs(a), _outputs(b))):
        if one != other:
            raise ShapeError(f"{what}: found {one} and {other} elements, expected as many in both networks")
    planes: dict[Plane, int] = {}
    pairs = zip(_forms(a, planes), _forms(b, planes), strict=True)
    differences = [_minus(one, other) for one, other in pairs]
    candidates = list(_candidates(differences, list(planes), _inputs(a)))
    found = next((x for x in candidates if evaluate_flat(a, x) != evaluate_flat(b, x)), None)
    assert (found is None) == (not candidates), "the theorem promises a difference at one of the candidates"
    return found


def has_one_hidden_layer(network: Network) -> bool:
    """Whether `decide` takes a network: affine maps around at most one layer of (leaky) ReLUs, nothing else."""
    try:
        _forms(network, {})
    except UnsupportedLayer:
        return False
    return True


def evaluate_flat(network: Network, x: Vector) -> Vector:
    """The outputs, one after the other, at a flat input."""
    places = iter(x)
    inputs = [tuple(next(places) for _ in range(network.units(port.name))) for port in network.inputs]
    return tuple(value for vector in network.evaluate(*inputs) for value in vector)


def _inputs(network: Network) -> int:
    return sum(network.units(port.name) for port in network.inputs)


def _outputs(network: Network) -> int:
    return sum(network.units(name) for name in network.outputs)


def _forms(network: Network, planes: dict[Plane, int]) -> list[Form]:
    """The outputs as forms over inputs, planes and kinks; new planes are numbered."""
    forms, start = Forms(network), 0
    for port in network.inputs:
        units = network.units(port.name)
        forms.known[port.name] = tuple(Form({(X, start + i): ONE}, ZERO) for i in range(units))
        start += units
    for node in network.nodes:
        if isinstance(node, Activate):
            forms.known[node.target] = tuple(_bent(forms, node, v, planes) for v in range(len(node.functions)))
        elif not isinstance(node, Dense | Scale | Shift | Reorder):
            raise UnsupportedLayer(f"tensor {node.target!a}: found {type(node).__name__}, expected one hidden layer")
    return [form for name in network.outputs for form in forms.of(name)]


def _bent(forms: Forms, node: Activate, v: int, planes: dict[Plane, int]) -> Form:
    """The form of a unit after its activation: the row by its plane, and the kink on it."""
    form, sigma = forms.unit(node.source, v), node.functions[v]
    if sigma.slope is None:
        raise UnsupportedLayer(f"tensor {node.target!a}: found {sigma}, expected relu or leaky_relu")
    if sigma.slope == 1:
        return form
    if not form.terms:
        return Form({}, sigma(form.constant))
    if any(kind != X for kind, *_ in form.terms):
        raise UnsupportedLayer(f"tensor {node.target!a}: found a second hidden layer, expected one")
    plane, factor = plane_of({i: w for (_, i, *_), w in form.terms.items()}, form.constant)
    h = planes.setdefault(plane, len(planes))
    parts = ((LINEAR, (ONE + sigma.slope) / 2 * factor), (KINK, (ONE - sigma.slope) / 2 * abs(factor)))
    return Form({(kind, h): c for kind, c in parts if c}, ZERO)


def _minus(one: Form, other: Form) -> Form:
    terms = dict(one.terms)
    for atom, w in other.terms.items():
        terms[atom] = terms.get(atom, ZERO) - w
    return Form({atom: w for atom, w in terms.items() if w}, one.constant - other.constant)


def _candidates(differences: list[Form], planes: list[Plane], dimension: int) -> Iterator[Vector]:
    """For a difference that is not zero, inputs of which one shows it; kinks before affine parts."""
    for form in differences:
        bent = [planes[h] for kind, h, *_ in form.terms if kind == KINK]
        if bent:
            others = bent[1:]
            x = point_on(bent[0], others, dimension)
            yield from map(tuple, (x, *beside(bent[0], x, others)))
            return
    for form in differences:
        affine = _affine(form, planes)
        if affine.constant or affine.terms:
            i = None if affine.constant else min(k for _, k, *_ in affine.terms)
            yield tuple(ONE if k == i else ZERO for k in range(dimension))
            return


def _affine(form: Form, planes: list[Plane]) -> Form:
    """A form without kinks over the inputs alone."""
    terms: dict[tuple[str, int], Rational] = {}
    constant = form.constant
    for (kind, k, *_), w in form.terms.items():
        row = planes[k].terms if kind == LINEAR else ((k, 1),)
        constant += w * planes[k].constant if kind == LINEAR else ZERO
        for i, n in row:
            terms[X, i] = terms.get((X, i), ZERO) + w * n
    return Form({atom: w for atom, w in terms.items() if w}, constant)
