# SPDX-License-Identifier: Apache-2.0
"""This file is about the normal form of a network over its kinks, written with skips: nothing is carried.

Level l is the kinks of level l; whatever they read, the inputs or the kinks of any level below, they read there: the
tensors that a level reads are joined to one, which one dense layer reads.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from exactlump.lumping.forms import Form
from exactlump.lumping.kink_rows import relation_of
from exactlump.lumping.kinks import KINKS, Kink, NormalForm
from exactlump.lumping.simulations import Relation, entry
from exactlump.network.kinds import Activate, Dense, Node, Reorder, Select
from exactlump.network.program import Network
from exactlump.numbers.matrix import Matrix
from exactlump.numbers.rational import ONE, Rational
from exactlump.reduction.kink_chains import KinkChain


def skip_network(network: Network, kinks: Sequence[Kink], normal: NormalForm) -> KinkChain:
    """The normal form as layers that read any layer below, and what the units of N are of it."""
    writer = _Writer(network)
    needed = normal.needed()
    for level in sorted({kinks[k].level for k in needed}):
        writer.level(f"kinks{level}", [k for k in needed if kinks[k].level == level], kinks)
    writer.sums(network.outputs[0], normal.outputs)
    own = {tensor: Relation(tensor, tuple(entry(i, ONE) for i in range(size))) for tensor, size in writer.sizes.items()}
    forward = {tensor: relation_of(units, writer.place) for tensor, units in normal.units.items()}
    return KinkChain(replace(network, nodes=tuple(writer.nodes), notes=()), own, forward)


class _Writer:
    """The nodes of Q from below.

    source  the tensor that has the input's elements
    place   in which tensor a kink is, and which unit it is
    sizes   how many kinks each tensor of them has
    """

    def __init__(self, network: Network) -> None:
        port = network.inputs[0]
        self.source, self.size = port.name, network.units(port.name)
        self.nodes: list[Node] = []
        self.place: dict[int, tuple[str, int]] = {}
        self.sizes: dict[str, int] = {}
        self.taken = {*network.ports, *network.outputs}
        if len(port.shape) != 1:
            self.source = self._fresh("flat")
            self.nodes.append(Reorder(port.name, self.source, None, (self.size,)))

    def level(self, name: str, here: Sequence[int], kinks: Sequence[Kink]) -> None:
        """The kinks of one level, above what they are kinks of."""
        tensor = self._fresh(name)
        before = self._fresh(f"{tensor} before")
        self.sums(before, [kinks[k].form for k in here])
        self.nodes.append(Activate(before, tensor, tuple(kinks[k].sigma for k in here)))
        self.place.update({k: (tensor, i) for i, k in enumerate(here)})
        self.sizes[tensor] = len(here)

    def sums(self, target: str, forms: Sequence[Form]) -> None:
        """The forms, as one dense layer above the tensors that they read; constants are above the input."""
        parts: defaultdict[str, list[dict[int, Rational]]] = defaultdict(lambda: [{} for _ in forms])
        for i, form in enumerate(forms):
            for (tensor, unit), w in form.terms.items():
                name, u = self.place[unit] if tensor == KINKS else (self.source, unit)
                parts[name][i][u] = w
        bias = tuple(form.constant for form in forms)
        names = [name for name in (self.source, *self.sizes) if name in parts] or [self.source]
        source = names[0] if len(names) == 1 else self._joined(names, f"{target} reads")
        start, rows = 0, [dict[int, Rational]() for _ in forms]
        for name in names:
            for row, part in zip(rows, parts[name], strict=True):
                row.update({start + u: w for u, w in part.items()})
            start += self.sizes.get(name, self.size)
        self.nodes.append(Dense(source, target, Matrix.from_rows(rows, start), bias))

    def _joined(self, names: Sequence[str], name: str) -> str:
        """A tensor of all units of some tensors."""
        target, sizes = self._fresh(name), [self.sizes.get(name, self.size) for name in names]
        picks = tuple((i, u) for i, size in enumerate(sizes) for u in range(size))
        self.nodes.append(Select(tuple(names), target, picks, (len(picks),)))
        return target

    def _fresh(self, name: str) -> str:
        while name in self.taken:
            name += "_"
        self.taken.add(name)
        return name
