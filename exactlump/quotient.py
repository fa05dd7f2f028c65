# SPDX-License-Identifier: Apache-2.0
"""This file is about Definition 7: the reduced network N/R, one neuron per live class.

    W'([u], [v]) = rho(u) * sum_{w in [u]} W(w, v) / rho(w)        b'([v]) = b(v)

The definition leaves the representative open.  Ours makes the result canonical and, when the weights are
floats, dyadic again (T10): see `representative`.  Constants folded by the lumping go into b'.

Throughout: v, w neurons of N; r the representative of class k; c[v] = rho(r) / rho(v), val(v) = c[v] * val'(k).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from exactlump.anchors import anchors, layer
from exactlump.lump import Lumping
from exactlump.network import Activate, Dense, Network, Node, Reorder, Scale, Shift
from exactlump.rational import (
    ONE,
    ZERO,
    Matrix,
    Rational,
    Vector,
    floor_log2,
    is_simple,
    power_of_two,
    primitive,
    rational,
)
from exactlump.simulation import NULL, Affine, Form, Forms, Relation, Row, Simulation, entry, forms_of


@dataclass(frozen=True, slots=True)
class Step:
    """`network` computes the same function as the one before it, because of `simulation` (from that one to this)."""

    network: Network
    simulation: Simulation


@dataclass(frozen=True, slots=True)
class Representative:
    """What stands for one class: neuron `unit` of N, bit for bit, or (None) a primitive row of its direction.

    ratio[v]  the value of member v over that of the representative
    form      the representative's row over the classes below, before its activation
    """

    unit: int | None
    ratio: Mapping[int, Rational]
    form: Form


Chooser = Callable[[tuple[int, ...], Vector, Callable[[int], Form]], Representative]


def representative(members: tuple[int, ...], rho: Vector, form: Callable[[int], Form]) -> Representative:
    """The canonical representative of a class.

    The least member whose ratios to all members are integers or powers of two; if there is none, the primitive
    integer row of the class's direction, with the least member's sign, times the power of two that gives it the size
    of the least member (equal binary exponents of the entries of largest magnitude).
    """
    for r in members:
        if all(is_simple(rho[r] / rho[v]) for v in members):
            return Representative(r, {v: rho[r] / rho[v] for v in members}, form(r))
    row = form(members[0])
    integers, content = primitive([*row.terms.values(), row.constant])
    largest = max(map(abs, integers))
    power = power_of_two(floor_log2(content * largest) - floor_log2(rational(largest)))
    ratio = content / power
    return Representative(None, {v: ratio * rho[members[0]] / rho[v] for v in members}, row.scaled(ONE / ratio))


def first_member(members: tuple[int, ...], rho: Vector, form: Callable[[int], Form]) -> Representative:
    """The least member: the plain choice that any reading of Definition 7 allows."""
    r = members[0]
    return Representative(r, {v: rho[r] / rho[v] for v in members}, form(r))


def quotient(network: Network, lumping: Lumping, choose: Chooser = representative) -> Step:
    """The reduced network N/R of a lumping (Definition 7), and the simulation from N to N/R.

    By Theorem 1 both compute the same function when `lumping` is a lumping in the corrected sense.  A layer all of
    whose neurons are constants vanishes; what it fed reads zeros from the input of the first layer instead.
    """
    return _Builder(network, lumping, choose).build()


class _Builder:
    """N/R under construction, layer by layer."""

    def __init__(self, network: Network, lumping: Lumping, choose: Chooser) -> None:
        self.network = network
        self.lumping = lumping
        self.choose = choose
        self.anchored = {t: why for t, why in anchors(network).items() if t in lumping.classes}
        self.forms = Forms(network)
        self.simulation: dict[str, Relation] = {}
        self.nodes: list[Node] = []

    def build(self) -> Step:
        for tensor in self.anchored:
            if tensor in self.network.producer:
                self._layer(tensor)
        reduced = replace(self.network, nodes=tuple(self.nodes), dtype="exact", notes=())
        return Step(reduced, self.simulation)

    def _layer(self, tensor: str) -> None:
        """The rows of one layer, in the coordinates of the classes below, and the nodes that define it."""
        rho = self.lumping.rho[tensor]
        chosen = [
            self.choose(members, rho, lambda v: self.forms.before(tensor, v))
            for members in self.lumping.classes[tensor]
        ]
        rows: list[Row] = [NULL] * len(rho)
        for v, value in self.lumping.constants[tensor].items():
            rows[v] = Affine((), value)
        for k, one in enumerate(chosen):
            for v, ratio in one.ratio.items():
                rows[v] = entry(k, ratio)
        self._nodes(tensor, chosen)
        relation = Relation(tensor if chosen else None, tuple(rows))
        self.simulation[tensor] = relation
        self.forms.known[tensor] = forms_of(tensor, relation)

    def _nodes(self, tensor: str, chosen: list[Representative]) -> None:
        """Append the nodes of one layer: its Dense node over the classes below, and what follows it, unit by unit."""
        nodes = layer(self.network, tensor, self.anchored)
        core = max((i for i, node in enumerate(nodes) if isinstance(node, Dense)), default=None)
        if core is None:
            self.nodes.extend(nodes)
        elif self.anchored[tensor] is not None:
            dense = nodes[core]
            units = range(self.network.units(dense.target))
            self._dense(nodes, core, [self.forms.before(dense.target, v) for v in units], dense.target)
            self.nodes.extend(nodes[core + 1 :])
        elif chosen:
            self._hidden(nodes, core, tensor, chosen)

    def _hidden(self, nodes: tuple[Node, ...], core: int, tensor: str, chosen: list[Representative]) -> None:
        """A layer whose units may change: reorderings go, element-wise nodes keep the representatives' entries."""
        dense, after = nodes[core], nodes[core + 1 :]
        at = _positions(self.network, after, self.network.units(tensor))
        scaled = any(isinstance(node, Scale | Shift) for node in after)
        rows = [
            self.forms.before(dense.target, at[0][one.unit]) if scaled and one.unit is not None else one.form
            for one in chosen
        ]
        kept = [(node, places) for node, places in zip(after, at[1:], strict=True) if not isinstance(node, Reorder)]
        name = dense.target if kept else tensor
        self._dense(nodes, core, rows, name)
        for i, (node, places) in enumerate(kept):
            target = tensor if i == len(kept) - 1 else node.target
            firsts = [places[members[0]] for members in self.lumping.classes[tensor]]
            units = [None if one.unit is None else places[one.unit] for one in chosen]
            self.nodes.append(_restricted(node, name, target, firsts, units))
            name = target

    def _dense(self, nodes: tuple[Node, ...], core: int, rows: list[Form], target: str) -> None:
        """The Dense node of a layer, its rows given over the classes of the layer below."""
        below, dense = nodes[0].source, nodes[core]
        assert isinstance(dense, Dense)
        columns = len(self.lumping.classes[below])
        if columns == 0:
            below, columns = self._ground()
        weight = Matrix.from_rows([{k: w for (_, k, *_), w in row.terms.items()} for row in rows], columns)
        self.nodes.append(
            replace(dense, source=below, target=target, weight=weight, bias=tuple(r.constant for r in rows))
        )

    def _ground(self) -> tuple[str, int]:
        """What the first Dense node reads: it never vanishes."""
        first = next(node.source for node in self.network.nodes if isinstance(node, Dense))
        return first, self.network.units(first)


def _positions(network: Network, nodes: tuple[Node, ...], units: int) -> list[list[int]]:
    """Where each unit after some nodes was: before the first of them, then after each of them."""
    positions = [list(range(units))]
    for node in reversed(nodes):
        here = positions[-1]
        if isinstance(node, Reorder):
            order = node.order(network.shapes[node.source])
            here = [order[i] for i in here]
        positions.append(here)
    return positions[::-1]


def _restricted(node: Node, source: str, target: str, firsts: list[int], units: list[int | None]) -> Node:
    """An element-wise node with one entry a class: that of its representative; a primitive row (None) needs none."""
    if isinstance(node, Activate):
        return Activate(source, target, tuple(node.functions[v] for v in firsts))
    if isinstance(node, Scale):
        return Scale(source, target, tuple(ONE if v is None else node.factor[v] for v in units))
    assert isinstance(node, Shift)
    return Shift(source, target, tuple(ZERO if v is None else node.constant[v] for v in units))
