# SPDX-License-Identifier: Apache-2.0
"""This file is about Definition 7: the reduced network N/R, one neuron per live class.

    W'([u], [v]) = rho(u) * sum_{w in [u]} W(w, v) / rho(w)        b'([v]) = b(v)

The definition leaves the representative open.  Ours makes the result canonical and, when the weights are
floats, dyadic again (T10): see `representative`.  Constants folded by the lumping go into b'.

Throughout: v, w neurons of N; r the representative of class k; c[v] = rho(r) / rho(v), val(v) = c[v] * val'(k).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from exactlump.lumping.forms import Atom, Form, Forms, atoms_below
from exactlump.lumping.maximum import Lumping
from exactlump.lumping.simulations import FREE, NULL, Relation, Row, Simulation, constant, entry, forms_of, through
from exactlump.network.kinds import Conv, Dense, Head, Node, Pick, Reorder
from exactlump.network.layers import Layer, anchors, ground, layer, sources, trace
from exactlump.network.program import Network
from exactlump.numbers.rational import (
    ONE,
    ZERO,
    Rational,
    Vector,
    floor_log2,
    is_simple,
    power_of_two,
    primitive,
    rational,
)
from exactlump.reduction.float_layers import Plain, plain_layer
from exactlump.reduction.gathering import Left
from exactlump.reduction.survivors import Chosen, Survivors, Weights, columns_of_unit


@dataclass(frozen=True, slots=True)
class Step:
    """`network` computes the same function as the one before it, because of `simulation` (from that one to this)."""

    network: Network
    simulation: Simulation

    def __repr__(self) -> str:
        return f"Step({self.network})"


@dataclass(frozen=True, slots=True)
class Representative:
    """What stands for one class: neuron `unit` of N, bit for bit, or (None) a primitive row of its direction.

    ratio[v]  the value of member v over that of the representative
    form      the representative's row over the classes below, before its activation; of a plain layer its constant only
    divisor   what `unit` is divided by (only where units are passed on)
    """

    unit: int | None
    ratio: Mapping[int, Rational]
    form: Form
    divisor: Rational = ONE


Chooser = Callable[[tuple[int, ...], Vector, Callable[[int], Form]], Representative]


def representative(members: tuple[int, ...], rho: Vector, form: Callable[[int], Form]) -> Representative:
    """The canonical representative of a class.

    The least member whose ratios to all members are integers or powers of two; if there is none, the primitive
    integer row of the class's direction, with the least member's sign, times the power of two that gives it the size
    of the least member (equal binary exponents of the entries of largest magnitude).
    """
    found = _simple(members, rho, form)
    if found is not None:
        return found
    row = form(members[0])
    content = content_of(row)
    return Representative(None, {v: content * rho[members[0]] / rho[v] for v in members}, row.scaled(ONE / content))


def _simple(members: tuple[int, ...], rho: Vector, form: Callable[[int], Form]) -> Representative | None:
    """The least member whose ratios to all members are integers or powers of two, if there is one."""
    for r in members:
        if all(is_simple(rho[r] / rho[v]) for v in members):
            return Representative(r, {v: rho[r] / rho[v] for v in members}, form(r))
    return None


def content_of(row: Form) -> Rational:
    """What the row is to be divided by: then it is primitive, but for a power of two that keeps its size."""
    integers, content = primitive([*row.terms.values(), row.constant])
    largest = max(map(abs, integers))
    power = power_of_two(floor_log2(content * largest) - floor_log2(rational(largest)))
    return content / power


def plainest(members: tuple[int, ...], rho: Vector, form: Callable[[int], Form]) -> Representative:
    """For layers that only pass units on: the first member that needs no factor, or that has simple ratios.

    If there is none, the least member divided by the content of its row.
    """
    plain = [v for v in members if all(abs(w) == 1 for w in form(v).terms.values())]
    simple = [r for r in plain or members if all(is_simple(rho[r] / rho[v]) for v in members)]
    r = (simple or plain or members)[0]
    content = ONE if simple or plain else content_of(form(r))
    ratio = {v: content * rho[r] / rho[v] for v in members}
    return Representative(r, ratio, form(r).scaled(ONE / content), content)


def unchanged(members: tuple[int, ...], rho: Vector, form: Callable[[int], Form]) -> Representative:
    """For heads: a unit that is alone in its class, and is no function of units below."""
    (v,) = members
    return Representative(v, {v: ONE}, Form({}, ZERO))


def first_member(members: tuple[int, ...], rho: Vector, form: Callable[[int], Form]) -> Representative:
    """The least member: the plain choice that any reading of Definition 7 allows."""
    r = members[0]
    return Representative(r, {v: rho[r] / rho[v] for v in members}, form(r))


def quotient(network: Network, lumping: Lumping, choose: Chooser = representative, *, trim: bool = False) -> Step:
    """The reduced network N/R of a lumping (Definition 7), and the simulation from N to N/R.

    By Theorem 1 both compute the same function when `lumping` is a lumping in the corrected sense.  A layer all of
    whose neurons are constants vanishes; what it fed reads zeros from the input of the first layer instead.
    trim: leave out the *unobservable* classes too, those that no output depends on (T4).
    """
    return _Builder(network, lumping, choose, trim).build()


class _Builder:
    """N/R under construction: representatives upwards, what is observed downwards, and then the nodes upwards."""

    def __init__(self, network: Network, lumping: Lumping, choose: Chooser, trim: bool) -> None:
        self.network, self.lumping, self.choose, self.trim = network, lumping, choose, trim
        self.anchored = {t: why for t, why in anchors(network).items() if t in lumping.classes}
        self.forms = Forms(network)
        self.layers: dict[str, Layer] = {}
        self.chosen: dict[str, list[Representative]] = {}
        self.rows: dict[str, tuple[Row, ...]] = {}
        self.plain: dict[str, Plain] = {}

    def build(self) -> Step:
        defined = [tensor for tensor in self.anchored if tensor in self.network.producer]
        for tensor in defined:
            self._represent(tensor)
        places = {
            tensor: {k: place for place, k in enumerate(sorted(classes))}
            for tensor, classes in self._observed().items()
        }
        stays = any(view.open for view in self.network.views.values()) or any(map(_stays, self.network.nodes))
        kept = {tensor for tensor, why in self.anchored.items() if why is not None or stays}
        left = {tensor: Left(at, len(at), self.rows.get(tensor)) for tensor, at in places.items()}
        survivors = Survivors(self.network, self.anchored, left, kept)
        for tensor in defined:
            if places[tensor]:
                survivors.write(tensor, self._wanted(tensor, places))
        reduced = replace(self.network, nodes=survivors.nodes, dtype="exact", notes=())
        return Step(reduced, {tensor: relation_over(tensor, self.rows[tensor], places[tensor]) for tensor in defined})

    def _represent(self, tensor: str) -> None:
        """The representatives of the classes of one tensor, and its forms over all classes below."""
        rho, classes = self.lumping.rho[tensor], self.lumping.classes[tensor]
        own = self.layers[tensor] = layer(self.network, tensor, self.anchored)
        choose = self.choose if own.mixing is not None else plainest if own.head is None else unchanged
        if own.mixing is None and self._is_image(tensor):
            choose = unchanged
        chosen = self._plain(tensor, own) if choose is representative else None
        if chosen is None:
            chosen = [choose(members, rho, lambda v: self.forms.before(tensor, v)) for members in classes]
        rows: list[Row] = [NULL] * len(rho)
        for v, value in self.lumping.constants[tensor].items():
            rows[v] = constant(value)
        for k, one in enumerate(chosen):
            for v, ratio in one.ratio.items():
                rows[v] = entry(k, ratio)
        self.chosen[tensor], self.rows[tensor] = chosen, tuple(rows)
        self.forms.known[tensor] = forms_of(tensor, Relation(tensor, tuple(rows)))

    def _is_image(self, tensor: str) -> bool:
        """Whether a tensor is kept, and made of kept ones by moving elements: its forms are then not needed."""
        moves = all(isinstance(node, Reorder | Pick) for node in self.layers[tensor].nodes)
        below = sources(self.network, tensor, self.anchored)
        return moves and all(self.anchored[name] is not None for name in (tensor, *below))

    def _plain(self, tensor: str, own: Layer) -> list[Representative] | None:
        """The representatives of a plain layer, if all are neurons; their forms have no terms, as arrays have them."""
        plain = plain_layer(own, self.forms)
        if plain is None:
            return None
        found = []
        for members in self.lumping.classes[tensor]:
            one = _simple(members, self.lumping.rho[tensor], lambda v: Form({}, plain.node.bias[v]))
            if one is None:
                return None
            found.append(one)
        self.plain[tensor] = plain
        return found

    def _observed(self) -> Mapping[str, set[int]]:
        """The classes of each tensor that some output or head may depend on; of a kept tensor all or none."""
        observed: dict[str, set[int]] = {tensor: set() for tensor in self.anchored}
        for tensor in reversed(self.anchored):
            node = self.network.producer.get(tensor)
            head = None if node is None else self.layers[tensor].head
            needed = not self.trim or node is None or isinstance(head, Head) or tensor in self.network.outputs
            if needed or (observed[tensor] and self.anchored[tensor] is not None):
                observed[tensor].update(range(len(self.lumping.classes[tensor])))
            if node is None or not observed[tensor]:
                continue
            if self.anchored[tensor] is not None:  # its nodes stay, and so does what they read that is kept as well
                for name in sources(self.network, tensor, self.anchored):
                    if self.anchored[name] is not None:
                        observed[name].update(range(len(self.lumping.classes[name])))
            chosen = [self.chosen[tensor][k] for k in sorted(observed[tensor])]
            if tensor in self.plain:
                units = [one.unit for one in chosen if one.unit is not None]
                for name, k, *_ in self.plain[tensor].read(units):
                    observed[name].add(k)
                continue
            forms = [one.form for one in chosen]
            for form in atoms_below(node, self.forms) if head else forms:
                for name, k, *_ in form.terms:
                    if name:
                        observed[name].add(k)
        return observed

    def _wanted(self, tensor: str, places: Mapping[str, Mapping[int, int]]) -> Chosen:
        """What the layer that ends in a tensor is to have: the representatives of the classes that are left."""
        own, plain, kept = self.layers[tensor], self.plain.get(tensor), self.anchored[tensor] is not None
        chosen = [self.chosen[tensor][k] for k in places[tensor]]
        units, divisors = [one.unit for one in chosen], tuple(one.divisor for one in chosen)
        node = own.mixing
        if node is None:
            return Chosen() if kept else Chosen(units, divisors=divisors)
        if kept:
            every = range(len(node.bias))
            rows = [self.forms.before(node.target, v) if plain is None else Form({}, node.bias[v]) for v in every]
            return Chosen(None, None, None, *self._mixed(node, rows, every, plain, places))
        rows = [one.form for one in chosen]
        if own.factors or own.sums:
            at = trace(self.network, own.after, range(self.network.units(tensor)))[0]
            rows = [
                row if v is None else self.forms.before(node.target, at[v]) for v, row in zip(units, rows, strict=True)
            ]
        firsts = [self.lumping.classes[tensor][k][0] for k in places[tensor]]
        mixed = self._mixed(node, rows, [v for v in units if v is not None], plain, places)
        return Chosen(units, firsts, divisors, *mixed)

    def _mixed(
        self,
        node: Dense | Conv,
        rows: Sequence[Form],
        units: Sequence[int],
        plain: Plain | None,
        places: Mapping[str, Mapping[int, int]],
    ) -> tuple[Weights, Vector]:
        """Weights over the classes that are left below, and biases; what is not observed has the factor 0 above.

        units: which rows of its array are meant, where the layer is plain; then `rows` have no terms.
        """
        below = ground(self.network, node.source, self.anchored)
        left, bias = places[below], tuple(row.constant for row in rows)
        whole, span = 0, columns_of_unit(self.network, node, below)
        if node.window is not None:
            span = node.window.taps
            whole = next((t for t in range(span) if node.window.is_identity(t)), 0)

        def at(atom: Atom) -> tuple[int, int]:
            _, k, *lift = atom
            return left[k], lift[0][2] if lift else whole

        if plain is not None and left:
            columns: dict[Atom, int] = {a: at(a)[0] * span + at(a)[1] for a in plain.atoms if a and a[1] in left}
            array = plain.take(units, columns.get, len(left) * span)
            if array is not None:
                return array, bias
        if plain is not None:
            rows = [self.forms.before(node.target, v) for v in units]
        return [{at(atom): w for atom, w in row.terms.items() if atom[1] in left} for row in rows], bias


def _stays(node: Node) -> bool:
    """Whether tensors are to lie as they did where there is such a node."""
    return node.grid or (isinstance(node, Reorder) and bool(node.cast))


def relation_over(tensor: str, rows: Sequence[Row], places: Mapping[int, int]) -> Relation:
    """The rows over the observed classes; of an unobserved one the least member is free, the others go with it."""
    classes = 1 + max((k for row in rows for k, _ in row.terms), default=-1)
    observed = tuple(entry(places[k], ONE) if k in places else FREE for k in range(classes))
    return through(Relation(tensor, tuple(rows)), Relation(tensor, observed))
