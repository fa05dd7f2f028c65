# SPDX-License-Identifier: Apache-2.0
"""This file is about whole reductions with arrays: chains of dense layers of floats whose class sums are floats again.

What `quotient` and `pieces` do with rationals is done here with arrays, layer by layer, and with the same result.
Whatever does not fit this frame (branches, images, sums that must be split or declined) is left to them.

Throughout: v, u neurons of N; k a class, r the neuron of N that represents it; W' the weights of Q.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exactlump.errors import CannotWrite
from exactlump.fast.arithmetic import Floats, Ints
from exactlump.fast.engine import maximum_lumping
from exactlump.fast.matrices import checked
from exactlump.fast.sources import parts
from exactlump.fast.sums import Sums, Terms
from exactlump.lumping.forms import Form
from exactlump.lumping.maximum import Classifier, Lumping
from exactlump.lumping.simulations import NULL, Row, constant, entry, identity
from exactlump.network.kinds import Conv, Dense, Node
from exactlump.network.layers import Layer, anchors, layer
from exactlump.network.program import Network
from exactlump.numbers import floats
from exactlump.numbers.matrix import Matrix
from exactlump.numbers.rational import ONE, Rational, Vector, fraction, is_simple, rational
from exactlump.reduction.float_sums import Written, splitter
from exactlump.reduction.quotient import Step, content_of, relation_over


@dataclass(slots=True)
class _Layer:
    """A layer of Q with all classes: rows over the classes below, biases; and the classes that are observed.

    weight is None for a reordering of the input.
    """

    tensor: str
    own: Layer
    bias: Vector
    observed: Ints
    weight: NDArray[Any] | None = None


class _Unfit(Exception):
    """The network is none that this file is about."""


def reduce_chain(network: Network, dtype: str, find: Classifier | None = None) -> tuple[Step, Written] | None:
    """The exact quotient of a chain of dense float layers, and what is written; None for what does not fit."""
    if dtype not in floats.FLOAT_TYPES or len(network.inputs) != 1:
        return None
    try:
        layers = _layers(network, anchors(network))
        return _Chain(network, dtype, maximum_lumping(network, fold=True, find=find)).build(layers)
    except (_Unfit, CannotWrite, OverflowError):
        return None


def _layers(network: Network, anchored: Mapping[str, str | None]) -> dict[str, Layer]:
    """The nodes of each layer: one reordering of the input perhaps, then dense layers with functions between them."""
    if any(len(readers) != (tensor not in network.outputs) for tensor, readers in network.consumers.items()):
        raise _Unfit
    found: dict[str, Layer] = {}
    for tensor, why in anchored.items():
        if tensor in network.producer:
            own = found[tensor] = layer(network, tensor, anchored)
            reordered = why is not None and len(found) == 1 and own.only_reorders
            if not reordered and not (_is_dense(own) and (own.functions or why is not None)):
                raise _Unfit
    return found


def _is_dense(own: Layer) -> bool:
    """Whether a layer is one Dense node of floats, perhaps with functions after it."""
    alone = not own.before and own.only_functions_follow
    return alone and own.dense is not None and own.dense.weight.floats is not None


class _Chain:
    def __init__(self, network: Network, dtype: str, lumping: Lumping) -> None:
        self.network, self.dtype, self.lumping = network, dtype, lumping
        self.split = splitter(dtype)
        self.anchored = anchors(network)
        self.rows: dict[str, tuple[Row, ...]] = {}
        self.layers: list[_Layer] = []

    def build(self, layers: Mapping[str, Layer]) -> tuple[Step, Written]:
        """Rows upwards, what is observed downwards, and then the nodes upwards."""
        for tensor, own in layers.items():
            self.layers.append(self._layer(tensor, own))
        self._observe()
        written = [node for i in range(len(self.layers)) for node in self._nodes(i)]
        forward, backward = {}, {}
        for one in self.layers:
            places = {k: place for place, k in enumerate(one.observed.tolist())}
            forward[one.tensor] = relation_over(one.tensor, self.rows[one.tensor], places)
            if self.anchored[one.tensor] is None:
                backward[one.tensor] = identity(one.tensor, len(places))
        quotient = replace(self.network, nodes=tuple(written), dtype="exact", notes=())
        nothing = dict.fromkeys(self.anchored, 0)
        return Step(quotient, forward), Written(replace(quotient, dtype=self.dtype), backward, nothing, nothing)

    def _layer(self, tensor: str, own: Layer) -> _Layer:
        """One layer over all classes below; its relation to N is noted."""
        classes = self.lumping.classes[tensor]
        if not classes:
            raise _Unfit
        dense = own.mixing
        if dense is None:
            self.rows[tensor] = tuple(entry(v, ONE) for v in range(len(classes)))
            return _Layer(tensor, own, (), np.arange(len(classes)))
        rho = self.lumping.rho[tensor]
        units = [_simple_member(members, rho) for members in classes]
        chosen = np.array([members[0] if r is None else r for r, members in zip(units, classes, strict=True)], np.int64)
        weight, bias = self._weights(dense, chosen)
        sizes = [ONE] * len(classes)
        for k in (k for k, r in enumerate(units) if r is None):
            sizes[k] = _make_primitive(weight, bias, k)
        self._relate(tensor, [rho[v] * size for v, size in zip(chosen.tolist(), sizes, strict=True)])
        if any(self.split(b) is None for b in bias):
            raise _Unfit
        return _Layer(tensor, own, tuple(bias), np.arange(len(classes)), _in_type(weight, self.dtype))

    def _relate(self, tensor: str, sizes: Sequence[Rational]) -> None:
        """The rows of the neurons of a tensor: sizes[k] / rho[v] times class k."""
        rho = self.lumping.rho[tensor]
        rows: list[Row] = [NULL] * len(rho)
        for v, value in self.lumping.constants[tensor].items():
            rows[v] = constant(value)
        for k, members in enumerate(self.lumping.classes[tensor]):
            for v in members:
                rows[v] = entry(k, sizes[k] / rho[v] if len(members) > 1 else ONE)
        self.rows[tensor] = tuple(rows)

    def _weights(self, dense: Dense | Conv, units: Ints) -> tuple[NDArray[Any], list[Rational]]:
        """The rows of some neurons over the classes below, and their biases with the constants below."""
        assert dense.weight.floats is not None
        matrix = checked(dense.weight.floats)
        below = self.rows.get(dense.source)
        if below is None or all(row == entry(u, ONE) for u, row in enumerate(below)):
            whole = np.array_equal(units, np.arange(len(matrix)))
            return matrix if whole else matrix[units], [dense.bias[v] for v in units.tolist()]
        terms: list[list[tuple[int, Rational]]] = [[] for _ in self.lumping.classes[dense.source]]
        constants: list[tuple[int, Rational]] = []
        for u, row in enumerate(below):
            for k, c in row.terms:
                terms[k].append((u, c))
            if row.constant:
                constants.append((u, row.constant))
        sums = Sums(matrix, terms, constants, dense.bias, np.zeros(len(matrix), np.int64))
        return self._sums(sums, terms, units), [sums.constant(v) for v in units.tolist()]

    def _sums(self, sums: Sums, terms: Sequence[Terms], units: Ints) -> NDArray[Any]:
        """The class sums of some neurons, in the type that is written; the kernel's are multiples of them."""
        contents = np.array(
            [_power_of_two(some[0][1] / g) for some, g in zip(terms, sums.first_weights(), strict=True)]
        )
        made = np.empty((units.size, len(terms)), floats.storage(self.dtype))
        for part in parts(units.size, sums.matrix.shape[1]):
            x = sums.block(units[part], 0, len(terms), np.empty(0))[:, sums.place]
            scaled = x * contents
            if np.isnan(x).any() or (scaled / contents != x).any():
                raise _Unfit
            made[part] = _in_type(scaled, self.dtype)
        return made

    def _observe(self) -> None:
        """Drop the classes that no output depends on, from the outputs downwards."""
        for above, below in zip(self.layers[:0:-1], self.layers[-2::-1], strict=True):
            if above.weight is not None and self.anchored[below.tensor] is None:
                below.observed = np.flatnonzero((above.weight[above.observed] != 0).any(axis=0))
                if below.observed.size == 0:
                    raise _Unfit

    def _nodes(self, i: int) -> list[Node]:
        """The nodes of one layer over the classes that are observed."""
        one = self.layers[i]
        dense = one.own.mixing
        if dense is None or one.weight is None:
            return list(one.own.nodes)
        weight = one.weight
        if one.observed.size < weight.shape[0]:
            weight = weight[one.observed]
        if i and self.layers[i - 1].observed.size < weight.shape[1]:
            weight = weight[:, self.layers[i - 1].observed]
        bias = tuple(one.bias[k] for k in one.observed.tolist())
        made: list[Node] = [replace(dense, weight=Matrix.from_floats(weight), bias=bias)]
        firsts = [self.lumping.classes[one.tensor][k][0] for k in one.observed.tolist()]
        return made + [node.restricted(firsts) for node in one.own.after]


def _simple_member(members: tuple[int, ...], rho: Vector) -> int | None:
    """The least member whose ratios to all members are integers or powers of two; None: there is none."""
    if len(members) == 1:
        return members[0]
    return next((r for r in members if all(is_simple(rho[r] / rho[v]) for v in members)), None)


def _make_primitive(weight: NDArray[Any], bias: list[Rational], k: int) -> Rational:
    """Divide a row by what makes it primitive (`quotient.representative`), and return that."""
    row = {(str(u), 0): rational(float(weight[k, u])) for u in np.flatnonzero(weight[k]).tolist()}
    content = content_of(Form(dict(row), bias[k]))
    for name, _ in row:
        value = row[name, 0] / content
        p, q = fraction(value)
        weight[k, int(name)] = p / q if floats.fits(value, str(weight.dtype)) else np.nan
    if np.isnan(weight[k]).any():
        raise _Unfit
    bias[k] /= content
    return content


def _power_of_two(value: Rational) -> float:
    p, q = fraction(value)
    if (p & (p - 1)) or (q & (q - 1)) or max(p, q).bit_length() > 500:
        raise _Unfit
    return p / q


def _in_type(weight: Floats | NDArray[Any], dtype: str) -> NDArray[Any]:
    """The weights in the type that is written, zeros without a sign; CannotWrite where one does not fit."""
    made = floats.matrix(Matrix.from_floats(weight), dtype)
    for part in parts(made.shape[0], made.shape[1]):
        negative = np.signbit(made[part]) & (made[part] == 0)
        if negative.any():
            made = made + made.dtype.type(0)
            break
    return made
