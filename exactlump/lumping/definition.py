# SPDX-License-Identifier: Apache-2.0
"""This file is about Definition 6 decided: whether a given relation is a proportional exact lumpability."""

from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise

from exactlump.errors import NotALumping
from exactlump.lumping.flaws import commutes
from exactlump.lumping.forms import Form, Forms
from exactlump.lumping.maximum import Classes, constant_value
from exactlump.network.kinds import Node
from exactlump.network.layers import anchors, sources
from exactlump.network.program import Network
from exactlump.numbers.rational import ONE, ZERO, Vector


def is_lumping(
    network: Network, classes: Mapping[str, Classes], rho: Mapping[str, Vector], *, literal: bool = False
) -> bool:
    """Whether a given relation with given factors is a proportional exact lumpability (Definition 6).

    classes[tensor]  a partition of the neurons of a layer: the tensor its activation (or, without one, its
                     Dense node) defines.  Layers that are left out have the identity, and rho = 1.
    literal          decide the definition as it is printed: sums without 1/rho, over dead classes too, and no
                     condition on the outputs.  That relation is unsound (docs/erratum.md).

    Raises NotALumping when `classes` is not a partition, or a rho is not positive (or, where the neuron's
    activation commutes with negative factors, zero).
    """
    anchored = anchors(network)
    for tensor, partition in classes.items():
        _demand_partition(network, tensor, partition, rho.get(tensor, ()), anchored)
    vectors: dict[str, list[Form]] = {}
    for tensor, kept in anchored.items():
        if tensor in network.producer:
            forms = Forms(network)
            for below in sources(network, tensor, anchored):
                forms.known[below] = _class_sums(network, below, classes, rho, vectors, literal)
            vectors[tensor] = [forms.before(tensor, v) for v in _range(network, tensor)]
        if kept is not None and not (literal and tensor in network.outputs):
            if any(len(members) > 1 for members in classes.get(tensor, ())):
                return False
    return all(
        _proportional(network.producer[tensor], members, rho[tensor], vectors[tensor], literal)
        for tensor, partition in classes.items()
        if tensor in network.producer
        for members in partition
    )


def _range(network: Network, tensor: str) -> range:
    return range(network.units(tensor))


def _demand_partition(
    network: Network, tensor: str, partition: Classes, rho: Vector, anchored: Collection[str]
) -> None:
    if tensor not in anchored:
        raise NotALumping(f"layer {tensor!r}: found no such layer, expected one of {list(anchored)}")
    if sorted(v for members in partition for v in members) != list(_range(network, tensor)):
        raise NotALumping(f"layer {tensor!r}: found classes that are not a partition of its neurons")
    if len(rho) != network.units(tensor):
        raise NotALumping(f"layer {tensor!r}: found {len(rho)} factors rho, expected {network.units(tensor)}")
    for v, factor in enumerate(rho):
        if factor == 0 or (factor < 0 and not _signed(network, tensor, v)):
            raise NotALumping(f"layer {tensor!r}, neuron {v}: found rho {factor}, expected a positive number")


def _signed(network: Network, tensor: str, v: int) -> bool:
    """Whether the function of a neuron commutes with negative factors."""
    sigma = network.producer[tensor].function(v) if tensor in network.producer else ""
    return not isinstance(sigma, str) and sigma.signed


def _class_sums(
    network: Network,
    below: str,
    classes: Mapping[str, Classes],
    rho: Mapping[str, Vector],
    vectors: Mapping[str, Sequence[Form]],
    literal: bool,
) -> list[Form]:
    """What each neuron u of the layer below contributes to: the sum over its class S', weighted by 1/rho(u) or not."""
    dead = Form({}, ZERO)
    source = [dead] * network.units(below)
    for k, members in enumerate(classes.get(below, [(u,) for u in _range(network, below)])):
        live = (
            literal
            or below not in vectors
            or not all(_is_dead(network.producer[below], u, vectors[below]) for u in members)
        )
        for u in members:
            weight = ONE if literal or below not in classes else ONE / rho[below][u]
            source[u] = Form({(below, k): weight}, ZERO) if live else dead
    return source


def _is_dead(node: Node, u: int, vectors: Sequence[Form]) -> bool:
    """Whether a neuron's vector is zero, and its value too (which the sigmoid of 0 is not)."""
    sigma = node.function(u)
    return not isinstance(sigma, str) and constant_value(vectors[u], sigma, fold=False) is not None


def _proportional(node: Node, members: Sequence[int], rho: Vector, vectors: Sequence[Form], literal: bool) -> bool:
    """Whether rho(v) * vector(v) and the activation are the same for all v of one class.

    Corrected: the activation commutes with the ratio, so that rho(v) * val(v) is the same too; dead neurons agree.
    """
    for v, t in pairwise(members):
        sigma, other = node.function(v), node.function(t)
        if literal:
            related = vectors[v].scaled(rho[v]) == vectors[t].scaled(rho[t])
        elif _is_dead(node, v, vectors) and _is_dead(node, t, vectors):
            related = True
        else:
            related = not isinstance(sigma, str) and commutes(sigma, rho[t] / rho[v], vectors[v], vectors[t])
        if sigma != other or not related:
            return False
    return True
