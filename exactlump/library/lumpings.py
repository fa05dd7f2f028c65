# SPDX-License-Identifier: Apache-2.0
"""This file is about lumpings as library calls: of whatever holds a network, with classes as people write them.

Throughout: classes[tensor] lists the classes of a layer, which is named by the tensor after its activation; neurons
that none of them has stand alone.  rho[tensor] has a factor for each neuron, in order or by number; the others have 1.
"""

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import index
from typing import Any

from exactlump import formats
from exactlump.errors import FormatError, NotALumping, WrongType
from exactlump.fast import engine as fast
from exactlump.lumping import definition, maximum, printed
from exactlump.lumping.forms import Form
from exactlump.lumping.maximum import Classes, Classifier, Lumping
from exactlump.lumping.simulations import Simulation
from exactlump.network.layers import anchors
from exactlump.network.program import Network
from exactlump.numbers.rational import ONE, Rational, Vector, rational
from exactlump.reduction import plans
from exactlump.reduction import quotient as reduction
from exactlump.reduction.quotient import Representative, Step

# Which member of a class stands for it: a word, or a function that is given the members, such as min and max.
Choice = str | Callable[[tuple[int, ...]], int]


def maximum_lumping(
    model: Any,
    *,
    fold: bool = False,
    literal: bool = False,
    engine: str = "exact",
    find: Classifier | None = None,
) -> Lumping:
    """The maximum proportional exact lumpability of a network (Definition 6, corrected; Theorem 2).

    model    whatever `read` takes
    fold     whether neurons that are constants are known as such to the layer above (T4), not the dead ones only
    literal  the largest relation that Definition 6 allows as it is printed, which is unsound (docs/erratum.md)
    engine   "exact", the reference, or "fast", which finds the same (docs/fast.md)
    find     with the fast engine: what finds the classes of layers in other processes (docs/fast.md)
    Raises WrongType for what is no network, FormatError for choices that exclude each other, and as `read` does.

    >>> maximum_lumping(Network.chain([[[1, 2], [2, 4], [1, 0]], [[1, 1, 1]]])).classes["h1"]
    ((0, 1), (2,))
    """
    if literal and (fold or engine != "exact"):
        raise FormatError("literal: found it with fold or another engine, expected it alone")
    if engine not in plans.ENGINES or (find is not None and engine != "fast"):
        raise FormatError(f"engine: found {engine!r}{' with find' if find else ''}, expected exact, or fast")
    network = formats.read(model)
    if literal:
        return printed.largest_as_printed(network)
    if engine == "fast":
        return fast.maximum_lumping(network, fold=fold, find=find)
    return maximum.maximum_lumping(network, fold=fold)


def is_lumping(
    model: Any,
    classes: Mapping[str, Sequence[Sequence[int]]],
    rho: Mapping[str, Any] | None = None,
    *,
    literal: bool = False,
) -> bool:
    """Whether classes with factors are a proportional exact lumpability (Definition 6, corrected).

    literal: decide the definition as it is printed, which is unsound (docs/erratum.md).
    Layers that are left out have the identity.
    Raises NotALumping for layers and neurons that there are not, for neurons in two classes, and for factors that are
    not positive (or, where the neuron's activation commutes with negative ones, zero).

    >>> network = Network.chain([[[1, 2], [2, 4], [1, 0]], [[1, 1, 1]]])
    >>> is_lumping(network, {"h1": [[0, 1]]}, {"h1": [2, 1, 1]}), is_lumping(network, {"h1": [[0, 1]]})
    (True, False)
    """
    network = formats.read(model)
    relation = _filled(network, classes, rho or {})
    named = {tensor: relation.classes[tensor] for tensor in classes}
    return definition.is_lumping(network, named, relation.rho, literal=literal)


def quotient(
    model: Any,
    classes: Lumping | Mapping[str, Sequence[Sequence[int]]],
    rho: Mapping[str, Any] | None = None,
    *,
    representative: Choice = "canonical",
    trim: bool = False,
) -> Step:
    """The reduced network N/R (Definition 7), one neuron for each class, and the simulation from N to N/R.

    classes, rho    a relation with its factors, or a `Lumping`
    representative  "canonical", which keeps floats floats where it can; "first", the least member of each class; or a
                    function from the members of a class to one of them
    trim            leave out the classes that no output depends on, too (T4)
    By Theorem 1 both networks compute the same function if the relation is a lumping, which is not looked at here.
    Raises NotALumping as `is_lumping` does, and for classes of tensors that must stay unit by unit.

    >>> network = Network.chain([[[1, 2], [2, 4], [1, 0]], [[1, 1, 1]]])
    >>> quotient(network, {"h1": [[0, 1]]}, {"h1": [2, 1, 1]}).network
    Network(2-2-1, relu, exact)
    """
    network = formats.read(model)
    if callable(rho):  # as it was once: quotient(network, lumping, choose)
        warnings.warn("quotient: the third argument is now representative=", DeprecationWarning, stacklevel=2)
        assert isinstance(classes, Lumping)
        return reduction.quotient(network, classes, rho, trim=trim)
    if isinstance(classes, Lumping):
        if rho is not None:
            raise NotALumping("rho: found factors beside a Lumping, which has its own")
        relation = classes
    else:
        relation = _filled(network, classes, rho or {})
    for tensor, kept in anchors(network).items():
        if kept is not None and any(len(members) > 1 for members in relation.classes.get(tensor, ())):
            raise NotALumping(f"layer {tensor!r}: found a class of several neurons, expected none: {kept}")
    return reduction.quotient(network, relation, _chooser(representative), trim=trim)


@dataclass(frozen=True, slots=True)
class LayerStep:
    """One layer of a quotient.

    tensor      the layer
    classes     its classes of live neurons, and rho its factors; constants: its neurons without a class
    before      the network with the layers below merged
    network     the same with this layer merged, too
    simulation  from `before` to `network`
    """

    tensor: str
    classes: Classes
    rho: Vector
    constants: Mapping[int, Rational]
    before: Network
    network: Network
    simulation: Simulation

    def __repr__(self) -> str:
        return f"LayerStep({self.tensor}: {len(self.rho)} -> {len(self.classes)} neurons)"


def steps(model: Any, lumping: Lumping | None = None, *, representative: Choice = "canonical") -> Iterator[LayerStep]:
    """The quotient of a network layer by layer, from the inputs up; layers of which nothing goes have no step.

    lumping         None: the maximum lumping
    representative  as for `quotient`
    The last network is the quotient by the whole lumping; the simulations of all steps compose to the one to it.
    Raises as `quotient` does.

    >>> for step in steps(Network.chain([[[3, -1], [6, -2]], [[2, 0], [0, 1]], [[1, 1]]])):
    ...     print(step, step.network)
    LayerStep(h1: 2 -> 1 neurons) Network(2-1-2-1, relu, exact)
    LayerStep(h2: 2 -> 1 neurons) Network(2-1-1-1, relu, exact)
    """
    network = formats.read(model)
    found = lumping if lumping is not None else maximum.maximum_lumping(network)
    choose = _chooser(representative)
    for tensor, members in found.classes.items():
        rho, constants = found.rho[tensor], found.constants[tensor]
        if tensor not in network.producer or len(members) == len(rho):
            continue
        alone = _filled(network, {}, {})
        relation = Lumping(
            {**alone.classes, tensor: members},
            {**alone.rho, tensor: rho},
            {**alone.constants, tensor: constants},
        )
        step = reduction.quotient(network, relation, choose)
        yield LayerStep(tensor, members, rho, constants, network, step.network, step.simulation)
        network = step.network


def _chooser(representative: Choice) -> reduction.Chooser:
    """What stands for a class, as the builder of quotients asks."""
    if representative == "canonical":
        return reduction.representative
    if representative == "first":
        return reduction.first_member
    if not callable(representative):
        raise WrongType(f"representative: found {representative!r}, expected 'canonical', 'first' or a function")

    def choose(members: tuple[int, ...], rho: Vector, form: Callable[[int], Form]) -> Representative:
        r = representative(members)
        if r not in members:
            raise NotALumping(f"representative: found {r!r}, expected one of {list(members)[:20]}")
        return Representative(r, {v: rho[r] / rho[v] for v in members}, form(r))

    return choose


def _filled(network: Network, classes: Mapping[str, Sequence[Sequence[int]]], rho: Mapping[str, Any]) -> Lumping:
    """A relation for every anchored tensor: what is not given is the identity."""
    anchored = anchors(network)
    for tensor in (*classes, *rho):
        if tensor not in anchored:
            raise NotALumping(f"layer {tensor!r}: found no such layer, expected one of {list(anchored)}")
    partitions = {t: _partition(t, classes.get(t, ()), network.units(t)) for t in anchored}
    factors = {t: _factors(t, rho.get(t, {}), network.units(t)) for t in anchored}
    return Lumping(partitions, factors, {t: {} for t in anchored})


def _partition(tensor: str, classes: Sequence[Sequence[int]], units: int) -> Classes:
    """Classes, each in ascending order, by least member; neurons that are in none stand alone."""
    partition = [tuple(sorted(map(index, members))) for members in classes]
    named = [v for members in partition for v in members]
    if wrong := [v for v in named if v not in range(units)]:
        raise NotALumping(f"layer {tensor!r}: found neuron {wrong[0]!r}, expected 0 to {units - 1}")
    if len(set(named)) != len(named) or () in partition:
        raise NotALumping(f"layer {tensor!r}: found a neuron twice or an empty class, expected classes apart")
    alone = [(v,) for v in sorted({*range(units)} - {*named})]
    return tuple(sorted([*alone, *partition]))


def _factors(tensor: str, rho: Any, units: int) -> Vector:
    """One factor for each neuron."""
    given = rho if isinstance(rho, Mapping) else dict(enumerate(rho))
    if not isinstance(rho, Mapping) and len(given) != units:
        raise NotALumping(f"layer {tensor!r}: found {len(given)} factors rho, expected {units}")
    if wrong := [v for v in given if v not in range(units)]:
        raise NotALumping(f"layer {tensor!r}: found a factor rho of neuron {wrong[0]!r}, expected 0 to {units - 1}")
    found = [rational(given.get(v, ONE)) for v in range(units)]
    if zeros := [v for v, factor in enumerate(found) if not factor]:
        raise NotALumping(f"layer {tensor!r}, neuron {zeros[0]}: found rho 0, expected a positive number")
    return tuple(found)
