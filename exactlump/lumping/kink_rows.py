# SPDX-License-Identifier: Apache-2.0
"""This file is about rows: what the units of a network are, given where each kink is computed in another one.

Throughout: place[k] = (tensor, class) of kink k, whose class is the kink itself, with its own orientation and size.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

from exactlump.lumping.kinks import Bent, Constant, NormalForm, Placed, Unit
from exactlump.lumping.simulations import (
    FREE,
    NULL,
    Elsewhere,
    Mirror,
    Relation,
    Row,
    Same,
    Signed,
    Twin,
    constant,
    entry,
)

Places: TypeAlias = Mapping[int, tuple[str, int]]


def relation_of(units: Sequence[Unit], place: Places, own: str | None = None) -> Relation:
    """The rows of a tensor: over the one tensor that has its kinks, or naming the tensors one by one.

    own: that tensor, where the rows are those of a network over its own classes
    """
    tensors = {place[unit.kink][0] for unit in units if isinstance(unit, Placed) and unit.kink in place}
    over = own or (tensors.pop() if len(tensors) == 1 else None)
    free: dict[int, tuple[int, Placed]] = {}
    return Relation(over, tuple(_row(v, unit, place, over, free) for v, unit in enumerate(units)))


def _row(v: int, unit: Unit, place: Places, over: str | None, free: dict[int, tuple[int, Placed]]) -> Row:
    match unit:
        case Constant():
            return constant(unit.value) if unit.value else NULL
        case Bent():
            return Signed(unit.linear, tuple(sorted((*place[k], b) for k, b in unit.facts if k in place)))
        case Placed() if unit.kink in place:
            tensor, k = place[unit.kink]
            if unit.twin:
                return Twin("" if tensor == over else tensor, k, unit.factor)
            return entry(k, unit.factor) if tensor == over else Elsewhere(tensor, k, unit.factor)
    leader, first = free.setdefault(unit.kink, (v, unit))
    if leader == v:
        return FREE
    return (Same if unit.twin == first.twin else Mirror)(leader, unit.factor / first.factor)


def first_met(normal: NormalForm, kinks: Iterable[int]) -> dict[int, tuple[str, int]]:
    """For each of some kinks the tensor that has it first, and its place among the kinks that this has first."""
    left, found = set(kinks), dict[int, tuple[str, int]]()
    for tensor, units in normal.units.items():
        here = 0
        for unit in units:
            if isinstance(unit, Placed) and unit.kink in left:
                left.remove(unit.kink)
                found[unit.kink] = tensor, here
                here += 1
    return found
