# SPDX-License-Identifier: Apache-2.0
"""This file is about the classes of one layer of a network, found by the kernel: what `lump` finds, faster.

A layer is *numeric* when its weights are an array of floats and nothing but shifts, functions and reorderings of whole
units follow them.  Other layers are left to the exact engine.
"""

from collections.abc import Callable, Collection, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from exactlump.fast.arithmetic import Floats, Ints
from exactlump.fast.matrices import checked, source
from exactlump.fast.rows import Found, related_rows
from exactlump.fast.sources import EQUAL, POSITIVE, SIGN, SIGNED, Plain
from exactlump.fast.sums import Sums, Terms
from exactlump.lumping.forms import Form, Forms
from exactlump.lumping.maximum import Choices, Group, classes_by_keys, constant_value, meets_padding
from exactlump.network.kinds import Conv, Dense, Function
from exactlump.network.layers import anchors, keeps_whole, layer
from exactlump.network.program import Network
from exactlump.numbers.floats import fits
from exactlump.numbers.rational import ONE, ZERO, Rational, Vector, fraction, rational

# Columns that are sums of many units each, as above fused layers, are left to the exact engine, and so are layers above
# a merge with fewer weights than one in so many that is not zero.
_TERMS, _SPARSE = 4, 100


class RawRows(NamedTuple):
    """The rows of a layer as they stand, for `matrices.source`, and their sorts."""

    matrix: NDArray[Any]
    bias: Floats
    sorts: Ints


# Classes that a worker found already, for a layer below which nothing is merged: see `workers.FanOut`.
Known: TypeAlias = Callable[[Plain, Ints], Found | None]


def classify(
    network: Network, tensor: str, forms: Forms, fold: bool, choices: Choices, known: Known | None = None
) -> tuple[list[Group], dict[int, Rational]]:
    """The classes of one layer, given the classes below, and its constants: a `lumping.maximum.Classifier`."""
    core = _core(network, tensor, forms.known)
    found = core and _Layer(network, tensor, *core, forms).classes(fold, choices, known)
    return found or classes_by_keys(network, tensor, forms, fold, choices)


def raw_rows(network: Network, tensor: str, anchored: Collection[str], choices: Choices) -> RawRows | None:
    """The rows that `classify` gives the kernel where nothing below has merged; None if it is not numeric."""
    core = _core(network, tensor, anchored)
    if core is None or (bias := _floats(core[1])) is None or core[0].weight.floats is None:
        return None
    return RawRows(np.asarray(core[0].weight.floats), bias, _sorts(tensor, _functions(network, tensor), choices))


def lines(network: Network, tensor: str) -> tuple[int, list[int]] | None:
    """How many lines the rows of a layer lie on (multiples of either sign), and which rows have no weights.

    For a layer that is one dense node of floats, perhaps with functions after it; None for another.
    """
    own = layer(network, tensor, anchors(network))
    dense = own.dense if own.only_functions_follow else None
    if dense is None or dense.weight.floats is None or (bias := _floats(dense.bias)) is None:
        return None
    matrix = checked(dense.weight.floats)
    found = related_rows(source(matrix, bias), np.full(len(matrix), SIGNED))
    return np.unique(found.labels).size, np.flatnonzero(found.pivot >= matrix.shape[1]).tolist()


def _core(network: Network, tensor: str, known: Collection[str]) -> tuple[Dense | Conv, Vector] | None:
    """The node with the weights of a layer, and its biases with what is added later; None if it is not numeric."""
    own = layer(network, tensor, known)
    node = own.mixing
    if node is None or own.factors or not keeps_whole(network, own.after):
        return None
    floats = node.weight.floats
    if floats is None or floats.dtype.kind != "f" or floats.dtype.itemsize > 8:
        return None
    return node, tuple(map(sum, zip(node.bias, *own.sums, strict=True)))


class _Layer:
    """One numeric layer: its rows over the atoms below, as the kernel takes them."""

    def __init__(self, network: Network, tensor: str, node: Dense | Conv, bias: Vector, forms: Forms) -> None:
        self.tensor = tensor
        self.padded = meets_padding(network, tensor)
        self.bias = bias
        self.functions = _functions(network, tensor)
        self.columns = forms.read(node)
        assert node.weight.floats is not None
        self.matrix = checked(node.weight.floats)

    def classes(
        self, fold: bool, choices: Choices, known: Known | None
    ) -> tuple[list[Group], dict[int, Rational]] | None:
        """The classes in the order of their least members, and the constants."""
        sorts = _sorts(self.tensor, self.functions, choices)
        rows = self._rows(sorts)
        if rows is None:
            return None
        found = known(rows, sorts) if known and isinstance(rows, Plain) else None
        found = found or related_rows(rows, sorts)
        constants = self._constants(rows, found, fold, choices)
        zero = {int(sort): v for v, sort in reversed(list(enumerate(sorts))) if found.labels[v] == len(sorts)}
        groups: dict[int, list[int]] = {}
        for v, label in enumerate(found.labels.tolist()):
            if v not in constants:
                groups.setdefault(zero[int(sorts[v])] if label == len(sorts) else label, []).append(v)
        return [self._group(members, rows, found.lead) for members in groups.values()], constants

    def _rows(self, sorts: Ints) -> Plain | Sums | None:
        """The rows over the atoms below, in the atoms' order, with the bias last; None for columns of many atoms."""
        atoms = sorted({atom for form in self.columns for atom in form.terms})
        bias = _floats(self.bias)
        if bias is not None and self._are_atoms(atoms):
            return source(self.matrix, bias)
        terms_below = sum(len(form.terms) for form in self.columns)
        if terms_below > _TERMS * len(self.columns) or np.count_nonzero(self.matrix) * _SPARSE < self.matrix.size:
            return None
        terms: dict[object, list[tuple[int, Rational]]] = {atom: [] for atom in atoms}
        for u, form in enumerate(self.columns):
            for atom, c in form.terms.items():
                terms[atom].append((u, c))
        constants: Terms = [(u, form.constant) for u, form in enumerate(self.columns) if form.constant]
        try:
            return Sums(self.matrix, list(terms.values()), constants, self.bias, sorts)
        except OverflowError:
            return None

    def _are_atoms(self, atoms: list[tuple[object, ...]]) -> bool:
        """Whether column u is atom u, for each u."""
        return len(atoms) == len(self.columns) and all(
            form == Form({atom: ONE}, ZERO) for atom, form in zip(atoms, self.columns, strict=True)
        )

    def _constants(self, rows: Plain | Sums, found: Found, fold: bool, choices: Choices) -> dict[int, Rational]:
        """The neurons without weights that are to be folded, as `lump` folds them."""
        constants: dict[int, Rational] = {}
        for v in np.flatnonzero(found.pivot >= rows.shape[1] - 1).tolist():
            if (self.tensor, v) not in choices.unfolded:
                constant = rows.constant(v) if isinstance(rows, Sums) else self.bias[v]
                value = constant_value(Form({}, constant), self.functions[v], fold, self.padded)
                if value is not None:
                    constants[v] = value
        return constants

    def _group(self, members: list[int], rows: Plain | Sums, lead: Floats) -> Group:
        """The members with their ratios to the first."""
        if len(members) == 1:
            return [(members[0], ONE)]
        first, *others = members
        size, sigma = _lead(rows, first, float(lead[first])), self.functions[first]
        ratios: dict[float, Rational] = {}  # by lead; NaN is no key that is found again
        group: Group = [(first, ONE)]
        for v, own in zip(others, lead[others].tolist(), strict=True):
            if own not in ratios:
                ratios[own] = sigma.scaling(_lead(rows, v, own) / size)
            group.append((v, ratios[own]))
        return group


def _functions(network: Network, tensor: str) -> list[Function]:
    functions = [network.producer[tensor].function(v) for v in range(network.units(tensor))]
    return [sigma for sigma in functions if not isinstance(sigma, str)]


def _sorts(tensor: str, functions: Sequence[Function], choices: Choices) -> Ints:
    """The sort of each row: its function and the factors that the function commutes with; or its own, if apart."""
    apart = {v for name, v in choices.apart if name == tensor}
    codes: dict[Function, int] = {}
    known: dict[int, int] = {}  # by identity, as layers share few functions
    for sigma in functions:
        if id(sigma) not in known:
            known[id(sigma)] = codes.setdefault(sigma, 4 * len(codes) + _factors(sigma))
    sorts = np.array([known[id(sigma)] for sigma in functions], np.int64)
    alone = np.array(sorted(apart), np.int64)
    sorts[alone] = 4 * (len(codes) + alone) + sorts[alone] % 4
    return sorts


def _lead(rows: Plain | Sums, v: int, lead: float) -> Rational:
    return rows.lead(v) if isinstance(rows, Sums) and lead != lead else rational(lead)


def _factors(sigma: Function) -> int:
    """The factors that a function commutes with."""
    if sigma.scales:
        return SIGNED if sigma.signed else POSITIVE
    return SIGN if sigma.signed else EQUAL


def _floats(values: Vector) -> Floats | None:
    """The rationals as an array of float64, or None when they do not fit."""
    if not all(fits(value, "float64") for value in values):
        return None
    return np.array([p / q for p, q in map(fraction, values)], np.float64)
