# SPDX-License-Identifier: Apache-2.0
"""This file is about random networks on images, small and full of redundancy, by a seed."""

import math
import random
from dataclasses import dataclass, field

from exactlump.network.activations import ABS, RELU, Activation, leaky_relu
from exactlump.network.kinds import (
    Activate,
    Add,
    AveragePool,
    Conv,
    Dense,
    MaxPool,
    Node,
    Pad,
    Reorder,
    Scale,
    Select,
    Shift,
)
from exactlump.network.program import Network
from exactlump.network.views import Port, View
from exactlump.network.windows import Window
from exactlump.numbers.matrix import Matrix
from exactlump.numbers.rational import ONE, Rational, rational

RATIOS = (1, 1, 2, 4, rational(1, 2), rational(3, 2))
FUNCTIONS = (RELU, RELU, RELU, ABS, leaky_relu(rational(1, 4)), Activation("tanh"))


def window(rng: random.Random, grid: tuple[int, ...], pool: bool = False) -> Window:
    """A window over a grid that always sees some of it."""
    while True:
        kernel = tuple(rng.choice((1, 2, 2, 3)) for _ in grid)
        stride = tuple(rng.choice((1, 1, 2)) for _ in grid)
        dilation = tuple(rng.choice((1, 1, 1, 2)) for _ in grid)
        begin = tuple(rng.choice((0, 0, 1)) if not pool else 0 for _ in grid)
        end = tuple(rng.choice((0, 0, 1)) if not pool else 0 for _ in grid)
        spans = [n + b + e - d * (k - 1) - 1 for n, b, e, d, k in zip(grid, begin, end, dilation, kernel, strict=True)]
        if min(spans) >= 0:
            target = tuple(s // t + 1 for s, t in zip(spans, stride, strict=True))
            return Window(grid, target, kernel, stride, dilation, begin, end)


def rows(rng: random.Random, count: int, columns: int, plant: bool) -> tuple[Matrix, tuple[Rational, ...]]:
    """Weights and biases of which some are multiples of others, zero, or constant."""
    found: list[tuple[dict[int, Rational], Rational]] = []
    for _ in range(count):
        kind = rng.random()
        if plant and found and kind < 0.4:
            row, bias = rng.choice(found)
            c = ONE * rng.choice(RATIOS)
            found.append(({u: c * w for u, w in row.items()}, c * bias))
        elif plant and kind < 0.5:
            found.append(({}, ONE * rng.choice((-1, 0, 1, 2))))
        else:
            row = {u: ONE * rng.choice((-2, -1, 1, 1, 2, 3)) for u in range(columns) if rng.random() < 0.7}
            found.append((row, ONE * rng.choice((-1, 0, 0, 1))))
    return Matrix.from_rows([row for row, _ in found], columns), tuple(bias for _, bias in found)


@dataclass
class Builder:
    """A network that grows node by node."""

    rng: random.Random
    nodes: list[Node] = field(default_factory=list)
    views: dict[str, View] = field(default_factory=dict)

    def add(self, node: Node) -> str:
        names = node.sources if isinstance(node, Add | Select) else (node.source,)
        self.views[node.target] = node.view([self.views[name] for name in names])
        self.nodes.append(node)
        return node.target

    def name(self) -> str:
        return f"t{len(self.nodes)}"

    def conv(self, x: str, channels: int) -> str:
        view, w = self.views[x], window(self.rng, self.views[x].grid)
        weight, bias = rows(self.rng, channels, view.units * w.taps, True)
        return self.add(Conv(x, self.name(), weight, bias, w))

    def same(self, x: str, channels: int) -> str:
        """A convolution that keeps the grid."""
        view = self.views[x]
        ones = (1,) * len(view.grid)
        w = Window(view.grid, view.grid, (3,) * len(ones), ones, ones, ones, ones)
        weight, bias = rows(self.rng, channels, view.units * w.taps, True)
        return self.add(Conv(x, self.name(), weight, bias, w))

    def activate(self, x: str) -> str:
        functions = [self.rng.choice(FUNCTIONS)]
        if self.rng.random() < 0.2:
            functions.append(self.rng.choice(FUNCTIONS))
        chosen = tuple(self.rng.choice(functions) for _ in range(self.views[x].units))
        return self.add(Activate(x, self.name(), chosen))

    def step(self, x: str) -> str:
        """One more thing done to an image."""
        rng, view = self.rng, self.views[x]
        kind = rng.randrange(9)
        if kind <= 2:
            return self.activate(self.conv(x, rng.randint(1, 4)))
        if kind == 3:
            return self.add(MaxPool(x, self.name(), window(rng, view.grid, pool=True)))
        if kind == 4:
            w = window(rng, view.grid, pool=rng.random() < 0.5)
            padding = rng.random() < 0.5
            return self.add(AveragePool(x, self.name(), w, padding)) if 0 not in w.cells(padding=False) else x
        if kind == 5:
            ones = (1,) * len(view.grid)
            grid = tuple(n + 2 for n in view.grid)
            return self.add(Pad(x, self.name(), Window(view.grid, grid, ones, ones, ones, ones, ones)))
        if kind == 6:
            y = self.add(Scale(x, self.name(), tuple(ONE * rng.choice((1, 2, -1, 0)) for _ in range(view.units))))
            return self.add(Shift(y, self.name(), tuple(ONE * rng.choice((0, 1, -1)) for _ in range(view.units))))
        if kind == 7:
            y = self.same(x, view.units)
            y = self.activate(y) if rng.random() < 0.5 else y
            z = self.add(Add((x, y), self.name(), rng.choice(((1, 1), (1, -1)))))
            return self.activate(z) if rng.random() < 0.5 else z
        y = self.activate(self.same(x, rng.randint(1, 3)))
        picks = [(i, u) for i, name in enumerate((x, y)) for u in range(self.views[name].units)]
        if rng.random() < 0.5:
            picks = [rng.choice(picks) for _ in range(rng.randint(1, 4))]
        return self.add(Select((x, y), self.name(), tuple(picks), (len(picks), *view.grid), 0))


def image_network(seed: int, steps: int = 4) -> Network:
    """A network on an image of one to three channels, ending in Dense layers or in the image itself."""
    rng = random.Random(seed)
    grid = rng.choice(((3, 3), (4, 3), (5,), (2, 2)))
    shape = (rng.randint(1, 3), *grid)
    builder = Builder(rng, views={"x": View(shape)})
    x = builder.add(Reorder("x", "x as image", None, shape, 0))
    for _ in range(rng.randint(1, steps)):
        x = builder.step(x)
    if rng.random() < 0.7:
        flat = (builder.views[x].elements,)
        axes = None
        if rng.random() < 0.4 and builder.views[x].channel == 0:
            axes = (*range(1, len(builder.views[x].shape)), 0)
        x = builder.add(Reorder(x, builder.name(), axes, flat))
        for units in rng.choice(((2,), (3, 2))):
            weight, bias = rows(rng, units, math.prod(builder.views[x].shape), units == 3)
            x = builder.add(Dense(x, builder.name(), weight, bias))
            x = builder.activate(x) if units == 3 else x
    return Network((Port("x", shape),), tuple(builder.nodes), (x,), dtype="float32")
