# SPDX-License-Identifier: Apache-2.0
"""This file is about layers whose weights stay arrays of floats: rows and columns are taken out, no number is made.

A layer is *plain* when it is one Dense node of floats, perhaps with functions after it, above units none of which
merged and none of which is a constant other than 0.

Throughout: v rows, u columns of the weights; an atom is what column u multiplies (`forms`).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exactlump.lumping.forms import Atom, Forms
from exactlump.network.kinds import Dense
from exactlump.network.layers import Layer
from exactlump.numbers.rational import ONE

# Rows that are looked at together have about so many entries.
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Plain:
    """The weights of a plain layer; atoms[u] is what column u multiplies, None where that is 0."""

    node: Dense
    floats: NDArray[Any]
    atoms: Sequence[Atom | None]

    def read(self, rows: Sequence[int]) -> Iterator[Atom]:
        """The atoms that some of the rows have weights on."""
        found = np.zeros(self.floats.shape[1], np.bool_)
        for part in _parts(len(rows), self.floats.shape[1]):
            found |= (_taken(self.floats, rows[part]) != 0).any(axis=0)
        return (atom for u in np.flatnonzero(found).tolist() if (atom := self.atoms[u]) is not None)

    def take(self, rows: Sequence[int], place: Callable[[Atom], int | None], width: int) -> NDArray[Any] | None:
        """Some rows over other columns, of which place(atom) is the one of an atom; None where one stays empty."""
        origin = np.full(width, -1)
        for u, atom in enumerate(self.atoms):
            at = None if atom is None else place(atom)
            if at is not None:
                origin[at] = u
        if (origin < 0).any():
            return None
        whole = width == self.floats.shape[1] and bool((origin == np.arange(width)).all())
        taken = _taken(self.floats, rows) if whole else self.floats[np.ix_(np.array(rows), origin)]
        return taken + taken.dtype.type(0) if _has_negative_zeros(taken) else taken


def plain_layer(layer: Layer, forms: Forms) -> Plain | None:
    """The weights of a layer, given the forms of those below; None where it is not plain."""
    node = layer.dense
    if node is None or layer.is_fused or not layer.only_functions_follow:
        return None
    floats, below = node.weight.floats, forms.of(node.source)
    if floats is None or floats.dtype.kind != "f" or any(form.constant for form in below):
        return None
    if any(len(form.terms) > 1 or any(c != ONE for c in form.terms.values()) for form in below):
        return None
    atoms = [next(iter(form.terms), None) for form in below]
    named = [atom for atom in atoms if atom is not None]
    return Plain(node, floats, atoms) if len(set(named)) == len(named) and all(name for name, *_ in named) else None


def _taken(floats: NDArray[Any], rows: Sequence[int]) -> NDArray[Any]:
    """Some rows; a view where they are neighbours."""
    if rows and list(rows) == list(range(rows[0], rows[0] + len(rows))):
        return floats[rows[0] : rows[0] + len(rows)]
    return floats[list(rows)]


def _has_negative_zeros(floats: NDArray[Any]) -> bool:
    parts = (floats[part] for part in _parts(*floats.shape))
    return any(bool((np.signbit(some) & (some == 0)).any()) for some in parts)


def _parts(rows: int, columns: int) -> Iterator[slice]:
    step = max(1, _CHUNK // max(columns, 1))
    return (slice(start, start + step) for start in range(0, rows, step))
