# SPDX-License-Identifier: Apache-2.0
"""This file is about what networks compute, said a second time, with Fractions and no code of the package.

Functions that have no rational values are *interpreted*: the package may use of them only that they are
functions, and their rational value at 0, so any polynomial with that value must do in their place.
"""

import math
import random
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import product

from exactlump.errors import NoExactValue
from exactlump.network.activations import Activation
from exactlump.network.kinds import (
    Activate,
    Add,
    AveragePool,
    Conv,
    Dense,
    Head,
    MaxPool,
    Node,
    Pad,
    Reorder,
    Scale,
    Select,
    Shift,
)
from exactlump.network.program import Network
from exactlump.network.views import View
from exactlump.network.windows import Window
from exactlump.numbers.rational import fraction, rational

# name: value at 0 and coefficients of y, y^2, y^3 of the polynomial that stands for the function.
POLYNOMIALS = {
    "sigmoid": (Fraction(1, 2), 1, -2, 3),
    "tanh": (Fraction(0), 2, 0, 1),
    "softplus": (Fraction(7, 3), 1, 1, 1),
    "softsign": (Fraction(0), 3, 0, 2),
    "erf": (Fraction(0), 1, 0, -1),
    "sin": (Fraction(0), -1, 0, 1),
    "cos": (Fraction(1), 0, 3, 0),
    "exp": (Fraction(1), 2, 1, 1),
}


def exact(value: object) -> Fraction:
    return Fraction(*fraction(value))


def sigma(function: Activation, y: Fraction) -> Fraction:
    if function.slope is not None:
        return y if y >= 0 else exact(function.slope) * y
    if function.name == "surd":
        return y * Fraction(7, 5)
    if function.name not in POLYNOMIALS:
        return known(function, y, Fraction(1, 3))
    a, b, c, d = POLYNOMIALS[function.name]
    return a + b * y + c * y**2 + d * y**3


def known(function: Activation, y: Fraction, at_zero: Fraction) -> Fraction:
    """The value where it is rational; elsewhere that of a polynomial with the function's value at 0."""
    try:
        return exact(function(rational(y.numerator, y.denominator)))
    except NoExactValue:
        return (known(function, Fraction(0), at_zero) if y else at_zero) + y + y**2


def valuation(network: Network, inputs: Sequence[Sequence[Fraction]]) -> dict[str, list[Fraction]]:
    """The value of every tensor at one point."""
    values = {port.name: list(x) for port, x in zip(network.inputs, inputs, strict=True)}
    for node in network.nodes:
        if isinstance(node, Add | Select):
            values[node.target] = gathered(node, [values[name] for name in node.sources], network)
        elif isinstance(node, Conv | AveragePool | MaxPool | Pad):
            values[node.target] = slid(node, values[node.source])
        else:
            view = network.views[node.source]
            values[node.target] = apply(node, values[node.source], view.shape, units(view))
    return values


def units(view: View) -> list[int]:
    """The unit of each element."""
    axes = product(*(range(n) for n in view.shape))
    return [index[view.channel] if view.channel is not None else v for v, index in enumerate(axes)]


def apply(node: Node, x: list[Fraction], shape: tuple[int, ...], unit: Sequence[int] = ()) -> list[Fraction]:
    if isinstance(node, Dense):
        rows = [node.weight.row(v) for v in range(node.weight.shape[0])]
        return [
            sum((exact(w) * x[u] for u, w in row.items()), exact(b)) for row, b in zip(rows, node.bias, strict=True)
        ]
    if isinstance(node, Scale):
        return [exact(node.factor[v]) * y for v, y in zip(unit, x, strict=True)]
    if isinstance(node, Shift):
        return [exact(node.constant[v]) + y for v, y in zip(unit, x, strict=True)]
    if isinstance(node, Activate):
        return [sigma(node.functions[v], y) for v, y in zip(unit, x, strict=True)]
    if isinstance(node, Head) and node.kind == "argmax":
        return [Fraction(x.index(max(x)))]
    if isinstance(node, Head):
        mixed = sum((i + 1) * y for i, y in enumerate(x))
        return [y**2 + mixed for y in x]
    assert isinstance(node, Reorder)
    if node.axes is None:
        return x
    return [
        x[_flat(_source_index(index, node.axes), shape)] for index in product(*(range(shape[a]) for a in node.axes))
    ]


def gathered(node: Add | Select, xs: list[list[Fraction]], network: Network) -> list[Fraction]:
    if isinstance(node, Add):
        return [sum(sign * y for sign, y in zip(node.signs, ys, strict=True)) for ys in zip(*xs, strict=True)]
    images = [images_of(x, network.views[name]) for x, name in zip(xs, node.sources, strict=True)]
    picked = [images[i][u] for i, u in node.picks]
    seen = dict.fromkeys(range(len(picked)), 0)
    found = []
    for v in units(network.views[node.target]):
        found.append(picked[v][seen[v]])
        seen[v] += 1
    return found


def images_of(x: list[Fraction], view: View) -> list[list[Fraction]]:
    found: list[list[Fraction]] = [[] for _ in range(view.units)]
    for v, y in zip(units(view), x, strict=True):
        found[v].append(y)
    return found


def slid(node: Conv | AveragePool | MaxPool | Pad, x: list[Fraction]) -> list[Fraction]:
    """Channel axis first; each target position looked up in the source, or (transposed) the other way round."""
    window = node.window
    size, targets = math.prod(window.source), list(product(*map(range, window.target)))
    images = [x[i : i + size] for i in range(0, len(x), size)]
    seen = [[(t, at) for t, at in enumerate(reads(window, q)) if at is not None] for q in targets]
    if isinstance(node, Conv):
        rows = [node.weight.row(v) for v in range(node.weight.shape[0])]
        taps = math.prod(window.kernel)
        return [
            sum((exact(row.get(u * taps + t, 0)) * x[at] for u, x in enumerate(images) for t, at in here), exact(b))
            for row, b in zip(rows, node.bias, strict=True)
            for here in seen
        ]
    if isinstance(node, MaxPool):
        return [max(image[at] for _, at in here) for image in images for here in seen]
    if isinstance(node, Pad):
        return [sum((image[at] for _, at in here), Fraction(0)) for image in images for here in seen]
    counts = [padded(window, q) if node.padding else len(here) for q, here in zip(targets, seen, strict=True)]
    return [sum(image[at] for _, at in here) / n for image in images for here, n in zip(seen, counts, strict=True)]


def reads(window: Window, q: tuple[int, ...]) -> list[int | None]:
    """For each tap, the position of the source that target position q sees; None outside."""
    found: list[int | None] = []
    for tap in product(*map(range, window.kernel)):
        axes = zip(q, tap, window.stride, window.dilation, window.begin, strict=True)
        if window.transposed:
            places = [Fraction(i + b - d * t, s) for i, t, s, d, b in axes]
        else:
            places = [Fraction(s * i + d * t - b) for i, t, s, d, b in axes]
        inside = all(p.denominator == 1 and 0 <= p < n for p, n in zip(places, window.source, strict=True))
        found.append(_flat(tuple(map(int, places)), window.source) if inside else None)
    return found


def padded(window: Window, q: tuple[int, ...]) -> int:
    """How many taps see the source or the zeros that `begin` and `end` put around it."""
    axes = zip(q, window.kernel, window.stride, window.dilation, window.begin, window.end, window.source, strict=True)
    return math.prod(sum(-b <= s * i + d * t - b < n + e for t in range(k)) for i, k, s, d, b, e, n in axes)


def _source_index(index: tuple[int, ...], axes: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(index[axes.index(axis)] for axis in range(len(axes)))


def _flat(index: tuple[int, ...], shape: tuple[int, ...]) -> int:
    position = 0
    for i, size in zip(index, shape, strict=True):
        position = position * size + i
    return position


def outputs(network: Network, inputs: Sequence[Sequence[Fraction]]) -> list[list[Fraction]]:
    values = valuation(network, inputs)
    return [values[name] for name in network.outputs]


Point = list[list[Fraction]]


def random_points(network: Network, count: int, rng: random.Random) -> list[Point]:
    sizes = [network.units(port.name) for port in network.inputs]
    return [
        [[Fraction(rng.randint(-40, 40), rng.randint(1, 9)) for _ in range(n)] for n in sizes] for _ in range(count)
    ]


def points_at_kinks(network: Network, tries: int, rng: random.Random) -> Iterator[Point]:
    """Points close to where a unit below an activation changes its sign, on both sides of it."""
    for _ in range(tries):
        low, high = random_points(network, 2, rng)
        activate = [node for node in network.nodes if isinstance(node, Activate)]
        if not activate:
            return
        node = rng.choice(activate)
        v = rng.randrange(len(node.functions))
        yield from _bisect(network, node.source, v, low, high)


def _bisect(network: Network, tensor: str, v: int, low: Point, high: Point) -> Iterator[Point]:
    def positive(point: Point) -> bool:
        return valuation(network, point)[tensor][v] > 0

    if positive(low) == positive(high):
        return
    for _ in range(8):
        middle = [[(a + b) / 2 for a, b in zip(x, y, strict=True)] for x, y in zip(low, high, strict=True)]
        low, high = (middle, high) if positive(middle) == positive(low) else (low, middle)
    yield low
    yield high


def difference(one: Network, other: Network, seed: int = 0, count: int = 10) -> Point | None:
    """A point at which two networks differ, among random ones and ones next to kinks of either; None: not found."""
    rng = random.Random(seed)
    points = random_points(one, count, rng)
    points += [*points_at_kinks(one, 3, rng), *points_at_kinks(other, 3, rng)]
    return next((point for point in points if outputs(one, point) != outputs(other, point)), None)


# Definition 6 decided from its text, for chains Dense, Activate, Dense, Activate, ..., Dense.

Partition = Sequence[Sequence[int]]


def chain(network: Network) -> list[tuple[Dense, tuple[Activation, ...] | None]]:
    layers: list[tuple[Dense, tuple[Activation, ...] | None]] = []
    for node in network.nodes:
        if isinstance(node, Dense):
            layers.append((node, None))
        else:
            assert isinstance(node, Activate)
            layers[-1] = (layers[-1][0], node.functions)
    return layers


def class_vectors(
    network: Network, relation: Mapping[int, Partition], rho: Mapping[int, Sequence[Fraction]], *, literal: bool
) -> list[list[list[Fraction]]]:
    """For every layer and neuron: its bias, and the sums of its weights over the classes S' of the layer below.

    relation[l] and rho[l] are those of hidden layer l = 1, 2, ...; layers without have the identity.
    corrected: sums weighted by 1/rho of the layer below, over classes with some non-zero vector only.
    """
    width = network.units(network.inputs[0].name)
    below: Partition = [[u] for u in range(width)]
    factors: Sequence[Fraction] = [Fraction(1)] * width
    live = [True] * width
    found = []
    for number, (dense, _) in enumerate(chain(network), start=1):
        units = len(dense.bias)
        w = [[exact(dense.weight.entry(v, u)) for u in range(width)] for v in range(units)]
        counted = [members for members in below if literal or any(live[u] for u in members)]
        vectors = [
            [exact(dense.bias[v])]
            + [sum((w[v][u] / (1 if literal else factors[u]) for u in members), Fraction(0)) for members in counted]
            for v in range(units)
        ]
        found.append(vectors)
        below = relation.get(number, [[v] for v in range(units)])
        factors = rho.get(number, [Fraction(1)] * units)
        width, live = units, [any(vector) for vector in vectors]
    return found


def obeys_definition_6(
    network: Network, relation: Mapping[int, Partition], rho: Mapping[int, Sequence[Fraction]], *, literal: bool
) -> bool:
    """The condition on every hidden layer l of a chain, for all v, t of a class and all classes S' below."""
    vectors = class_vectors(network, relation, rho, literal=literal)
    for number, partition in relation.items():
        functions = chain(network)[number - 1][1]
        for members in partition:
            for v, t in product(members, members):
                if [rho[number][v] * y for y in vectors[number - 1][v]] != [
                    rho[number][t] * y for y in vectors[number - 1][t]
                ]:
                    return False
                if functions is not None and functions[v] != functions[t]:
                    return False
    return True


def partitions(items: Sequence[int]) -> Iterator[list[list[int]]]:
    """All partitions of some items."""
    if not items:
        yield []
        return
    first, rest = items[0], items[1:]
    for partition in partitions(rest):
        yield [[first], *partition]
        for i, members in enumerate(partition):
            yield [*partition[:i], [first, *members], *partition[i + 1 :]]
