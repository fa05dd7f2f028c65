# SPDX-License-Identifier: Apache-2.0
"""This file is about the normal form of a network over its kinks, laid out as a chain of dense layers.

Layer l computes the kinks of level l that some output needs, and carries what layers above it need from below: a kink
that is nowhere negative by one unit (ReLU(K) = K), anything else by two, as sigma(y) - sigma(-y) = L*y.

Throughout: l a level, from 1; y a symbol, an atom that is carried.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from exactlump.lumping.forms import Atom, Form
from exactlump.lumping.kink_rows import relation_of
from exactlump.lumping.kinks import KINKS, LINES, Finder, NormalForm, line_above, twin_law
from exactlump.lumping.simulations import Relation, Row, Signed, Simulation, Twin, entry
from exactlump.network.activations import Activation
from exactlump.network.kinds import Activate, Add, Dense, Node, Reorder, Scale, Select, Shift
from exactlump.network.program import Network
from exactlump.numbers.matrix import Matrix
from exactlump.numbers.rational import ONE, ZERO, Rational


@dataclass(frozen=True, slots=True)
class KinkChain:
    """Q, a chain of dense layers that computes what N does.

    own      what the units of Q's activations are in their classes
    forward  what the units of N's activations are in the classes of Q
    """

    network: Network
    own: Simulation
    forward: Simulation


@dataclass(slots=True)
class Layer:
    """A layer of Q: its tensor; for each unit its function, its form over the symbols and its row.

    made[y]     of which units, with which factors, the symbol y is the sum
    classes[k]  the unit that computes kink k, where it is one of this level
    """

    tensor: str
    functions: list[Activation] = field(default_factory=list)
    forms: list[Form] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    made: dict[Atom, dict[int, Rational]] = field(default_factory=dict)
    classes: dict[int, int] = field(default_factory=dict)

    def add(self, sigma: Activation, form: Form, row: Row) -> int:
        """A further unit."""
        self.functions.append(sigma)
        self.forms.append(form)
        self.rows.append(row)
        return len(self.rows) - 1


def is_plain(network: Network) -> bool:
    """Whether the normal form of a network is found and written: elements only, one input, and an affine output."""
    nodes = (Dense, Activate, Scale, Shift, Reorder, Add, Select)
    if len(network.inputs) != 1 or len(network.outputs) != 1 or not all(isinstance(n, nodes) for n in network.nodes):
        return False
    if network.is_open:
        return False
    if any(view.positions > 1 for view in network.views.values()) or any(
        port in (KINKS, LINES) for port in network.ports
    ):
        return False
    made = network.producer.get(network.outputs[0])
    return made is not None and made.affine and len(network.shapes[network.outputs[0]]) == 1


def kink_chain(network: Network, finder: Finder, normal: NormalForm) -> KinkChain | None:
    """The normal form as a chain, and what the units of N are of it; None where something cannot be carried."""
    layers = Builder(network, finder, normal).layers()
    if layers is None:
        return None
    place = {k: (layer.tensor, i) for layer in layers for k, i in layer.classes.items()}
    own = {layer.tensor: Relation(layer.tensor, placed(layer.rows, place)) for layer in layers}
    forward = {tensor: relation_of(units, place) for tensor, units in normal.units.items()}
    return KinkChain(_written(network, normal, layers), own, forward)


class Builder:
    """The layers of Q from below."""

    def __init__(self, network: Network, finder: Finder, normal: NormalForm) -> None:
        self.network, self.finder, self.kinks, self.outputs = network, finder, finder.kinks, normal.outputs
        self.needed = normal.needed()
        self.top = max((self.kinks[k].level for k in self.needed), default=0)

    def layers(self) -> list[Layer] | None:
        """All layers; None where something cannot be carried."""
        names = {*self.network.ports, *self.network.outputs}
        made = []
        for level in range(1, self.top + 1):
            name = f"kinks{level}"
            while name in names:
                name += "_"
            layer = self._layer(level, Layer(name))
            if layer is None:
                return None
            made.append(layer)
        return made

    def _layer(self, level: int, layer: Layer) -> Layer | None:
        here = [k for k in self.needed if self.kinks[k].level == level]
        for k in here:
            i = layer.add(self.kinks[k].sigma, self.kinks[k].form, entry(len(layer.rows), ONE))
            layer.made[KINKS, k], layer.classes[k] = {i: ONE}, i
        carried = self.carried(level)
        straight = [y for y in carried if self._carrier(layer, y) is not None]
        pairs = [(y, self._shared(y, [*here, *(k for _, k in straight)])) for y in carried if y not in straight]
        for y, shared in pairs:
            if shared is None and not self._start_pair(layer, y):
                return None
        for y in straight:
            layer.made[y] = {layer.add(self._carrier(layer, y) or _any(layer), Form({y: ONE}, ZERO), Signed(True)): ONE}
        for y, shared in pairs:
            self._end_pair(layer, y, shared)
        return layer

    def carried(self, level: int) -> list[Atom]:
        """The symbols of lower levels that something above a level reads."""
        above = [self.kinks[k].form for k in self.needed if self.kinks[k].level > level] + self.outputs
        atoms = {atom for form in above for atom in form.terms}
        return sorted(y for y in atoms if y[0] != KINKS or self.kinks[y[1]].level < level)

    def _carrier(self, layer: Layer, y: Atom) -> Activation | None:
        """A function of the layer that leaves a symbol as it is."""
        if not self.finder.is_positive(y):
            return None
        return next((sigma for sigma in layer.functions if line_above(sigma)), None)

    def _shared(self, y: Atom, known: Sequence[int]) -> int | None:
        """A kink at hand that is sigma(a*y), so that its twin is all that is missing."""
        return next(
            (
                k
                for k in known
                if self.kinks[k].form.terms.keys() == {y}
                and not self.kinks[k].form.constant
                and _law(self.kinks[k].sigma)
            ),
            None,
        )

    def _start_pair(self, layer: Layer, y: Atom) -> bool:
        """The first unit of a pair, a class of its own; False where no function of the layer has a law."""
        sigma = next((sigma for sigma in layer.functions if _law(sigma)), None)
        if sigma is None:
            return False
        layer.made[y] = {layer.add(sigma, Form({y: ONE}, ZERO), entry(len(layer.rows), ONE)): ONE}
        return True

    def _end_pair(self, layer: Layer, y: Atom, shared: int | None) -> None:
        """The second unit: the twin of the first, or of a kink at hand."""
        if shared is None:
            (first,) = layer.made[y]
            sigma, ratio, row = layer.functions[first], ONE, Twin("", first, ONE)
        else:
            ((first, _),) = layer.made[KINKS, shared].items()
            kink = self.kinks[shared]
            sigma, ratio, row = kink.sigma, kink.form.terms[y], Twin(KINKS, shared, ONE)
        second = layer.add(sigma, Form({y: -ratio}, ZERO), row)
        c = ONE / (ratio * (_law(sigma) or ONE))
        layer.made[y] = {first: c, second: -c}


def _any(layer: Layer) -> Activation:
    return layer.functions[0]


def _law(sigma: Activation) -> Rational | None:
    """L, where it serves to carry something."""
    return twin_law(sigma) or None


def placed(rows: Sequence[Row], place: Mapping[int, tuple[str, int]]) -> tuple[Row, ...]:
    """The rows of Q with the places of the kinks of which they are twins."""
    return tuple(
        Twin(*place[row.k], row.factor) if isinstance(row, Twin) and row.tensor == KINKS else row for row in rows
    )


def _written(network: Network, normal: NormalForm, layers: Sequence[Layer]) -> Network:
    """The chain of dense layers."""
    port = network.inputs[0]
    source, size = port.name, network.units(port.name)
    nodes: list[Node] = []
    if len(port.shape) != 1:
        source = _fresh("flat", network)
        nodes.append(Reorder(port.name, source, None, (size,)))
    made: Mapping[Atom, Mapping[int, Rational]] = {(port.name, u): {u: ONE} for u in range(size)}
    for layer in layers:
        before = f"{layer.tensor} before"
        nodes.append(_dense(source, before, layer.forms, made, size))
        nodes.append(Activate(before, layer.tensor, tuple(layer.functions)))
        source, size, made = layer.tensor, len(layer.rows), layer.made
    nodes.append(_dense(source, network.outputs[0], normal.outputs, made, size))
    return replace(network, nodes=tuple(nodes), notes=())


def _fresh(name: str, network: Network) -> str:
    while name in (*network.ports, *network.outputs):
        name += "_"
    return name


def _dense(
    source: str, target: str, forms: Sequence[Form], made: Mapping[Atom, Mapping[int, Rational]], size: int
) -> Dense:
    """The dense layer that makes forms of units."""
    rows = []
    for form in forms:
        row: dict[int, Rational] = {}
        for atom, w in form.terms.items():
            for u, c in made[atom].items():
                row[u] = row.get(u, ZERO) + w * c
        rows.append(row)
    return Dense(source, target, Matrix.from_rows(rows, size), tuple(form.constant for form in forms))
