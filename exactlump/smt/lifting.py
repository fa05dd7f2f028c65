# SPDX-License-Identifier: Apache-2.0
"""This file is about lifts in scripts: what linear operators on images make of the units below a node.

A path is the lifts that stand after a unit, innermost first (docs/certificate-format.md, "lifts").  Two paths are
equal when all their lifts are, so that equal lifted units have equal names.  Nothing here is taken from the engine.

Throughout: v, u units; t a tap; P positions, p one of them.
"""

from typing import NamedTuple, TypeAlias, assert_never

from exactlump.errors import UnsupportedLayer
from exactlump.network.kinds import (
    Activate,
    Add,
    AveragePool,
    Conv,
    Dense,
    Head,
    MaxPool,
    Node,
    Opaque,
    Pad,
    Pick,
    Regrid,
    Reorder,
    Scale,
    Select,
    Shift,
)
from exactlump.network.program import Network
from exactlump.network.views import View
from exactlump.network.windows import Window


class Lift(NamedTuple):
    """One lift: its kind, the sizes that it depends on, and which of its kind it is; whether it keeps constants."""

    kind: str
    key: str
    number: int
    keeps: bool

    @property
    def words(self) -> str:
        """For comments and counterexamples."""
        if self.kind in ("at", "put"):
            return f"{self.kind} position {self.number} of {self.key}"
        if self.kind == "average":
            return f"averaged by the window {self.key}" + (", zeros counted" if self.number else "")
        return f"{self.kind} {self.number} of the window {self.key}"


Path: TypeAlias = tuple[Lift, ...]
# A part of what a unit is: a sign, and a unit of a tensor below with the lifts that stand after it.
Part: TypeAlias = tuple[int, str, int, Path]


def tap(window: Window, t: int) -> Path:
    """What tap t reads; nothing for a tap that leaves images as they are."""
    return () if window.is_identity(t) else (Lift("tap", window.key, t, not window.pads(t)),)


def seen(window: Window, t: int) -> Path:
    """What tap t of a max-pool sees, at a position at which it sees anything: padding is never read."""
    return (Lift("seen by tap", window.key, t, True),)


def ones(path: Path) -> Path:
    """The lifts after the image that is 1 everywhere: those that leave it so come to nothing, until one does not."""
    start = next((i for i, lift in enumerate(path) if not lift.keeps), len(path))
    return path[start:]


def words_of(path: Path) -> str:
    """A path in words."""
    return ", then ".join(lift.words for lift in path)


class Places:
    """Of nodes that multiply with no weights: the units below each unit, computed once a node."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.moved: dict[str, list[list[tuple[int, Path]]]] = {}

    def parts(self, node: Node, v: int) -> list[Part]:
        """What unit v is the sum of; of activations, pools by maximum and heads: what they read."""
        match node:
            case Add():
                return [(sign, name, v, ()) for sign, name in zip(node.signs, node.sources, strict=True)]
            case Select():
                i, u = node.picks[v]
                return [(1, node.sources[i], u, ())]
            case Regrid() | Pick() | Opaque():
                raise UnsupportedLayer(f"tensor {node.target!r}: found {node}, which no obligation speaks of")
            case Reorder():
                return [(1, node.source, u, path) for u, path in self._moved(node)[v]]
            case Pad():
                return [(1, node.source, v, tap(node.window, 0))]
            case AveragePool():
                return [(1, node.source, v, _average(node))]
            case Scale() | Shift() | Activate() | MaxPool() | Head():
                return [(1, node.source, v, ())]
            case Dense() | Conv():
                raise AssertionError(f"tensor {node.target!r}: found {type(node).__name__}, which has weights")
            case _:
                assert_never(node)

    def _moved(self, node: Reorder) -> list[list[tuple[int, Path]]]:
        if node.target not in self.moved:
            views = self.network.views
            self.moved[node.target] = _moved(node, views[node.source], views[node.target])
        return self.moved[node.target]


def _moved(node: Reorder, view: View, target: View) -> list[list[tuple[int, Path]]]:
    """Units as they are; or images taken apart; or elements put together."""
    if node.keeps_units(view):
        return [[(u, ())] for u in range(view.units)]
    order, parts, positions = node.order(view.shape), view.parts(), view.positions
    if target.positions == 1:
        steps = [(Lift("at", str(positions), p, True),) if positions > 1 else () for p in range(positions)]
        return [[(parts[e][0], steps[parts[e][1]])] for e in order]
    if positions > 1:
        raise UnsupportedLayer(f"reorder {node.target!r}: found images made of other images")
    images: list[list[tuple[int, Path]]] = [[] for _ in range(target.units)]
    for (u, p), e in zip(target.parts(), order, strict=True):
        images[u].append((e, (Lift("put", str(target.positions), p, False),)))
    return images


def _average(node: AveragePool) -> Path:
    window = node.window
    if window.taps == 1 and window.is_identity(0):
        return ()
    keeps = not node.padding or window.cells(padding=True) == window.cells(padding=False)
    return (Lift("average", window.key, int(node.padding), keeps),)
