# SPDX-License-Identifier: Apache-2.0
"""This file is about Definition 6 as it is printed: the largest relation that it allows, which is unsound.

As printed, the sums over a class below carry no factor 1/rho (docs/erratum.md).  Sums of proportional vectors are
proportional, so a coarser layer below never hurts a layer above, and there is a largest relation here too: layer by
layer from the inputs, the neurons whose unweighted class sums and biases are positively proportional, and whose
functions are the same, form a class.  Its quotient may compute another function.

Throughout: v, u neurons; k a class; rho(v) > 0.
"""

from exactlump.lumping.forms import Form, Forms
from exactlump.lumping.maximum import Classes, Lumping, canonical_key
from exactlump.network.activations import RELU, Activation
from exactlump.network.kinds import Function
from exactlump.network.layers import anchors
from exactlump.network.program import Network
from exactlump.numbers.rational import ONE, ZERO, Rational, Vector

# A function that takes no factor but 1.
_FIXED = Activation("sigmoid")


def largest_as_printed(network: Network) -> Lumping:
    """The largest relation that Definition 6 allows as it is printed, tensors that are kept for a reason apart.

    Outputs are kept, though the definition has no condition on them: a quotient with fewer outputs computes nothing
    that could be compared.  Dead neurons are a class, whose sums count; there are no constants.
    """
    forms = Forms(network)
    classes: dict[str, Classes] = {}
    rho: dict[str, Vector] = {}
    for tensor, kept in anchors(network).items():
        units = range(network.units(tensor))
        if tensor not in network.producer or kept is not None:
            classes[tensor], rho[tensor] = tuple((v,) for v in units), (ONE,) * len(units)
        else:
            classes[tensor], rho[tensor] = _classes(network, tensor, forms)
        place = {v: k for k, members in enumerate(classes[tensor]) for v in members}
        forms.known[tensor] = tuple(Form({(tensor, place[v]): ONE}, ZERO) for v in units)
    return Lumping(classes, rho, {tensor: {} for tensor in classes})


def _classes(network: Network, tensor: str, forms: Forms) -> tuple[Classes, Vector]:
    """The classes of one layer, given those below, and the factors."""
    node = network.producer[tensor]
    groups: dict[object, list[int]] = {}
    sizes: list[Rational] = []
    for v in range(network.units(tensor)):
        key, size = _direction(forms.before(tensor, v), node.function(v))
        groups.setdefault(key, []).append(v)
        sizes.append(size)
    rho = [ONE] * len(sizes)
    for first, *others in groups.values():
        for v in others:
            rho[v] = sizes[first] / sizes[v]
    return tuple(map(tuple, groups.values())), tuple(rho)


def _direction(form: Form, function: Function | str) -> tuple[object, Rational]:
    """The direction of a row, and its size along it: factors are positive, and 1 where the function takes no other."""
    assert not isinstance(function, str)
    key, size = canonical_key(form, RELU if function.scales else _FIXED)
    return (function, key), size
