# SPDX-License-Identifier: Apache-2.0
"""This file is about exact evaluation of a network at many inputs, fast, with the values of `Network.evaluate`.

A tensor is integers over one common denominator; matrix products are those of `limbs.py`.  Nothing is ever rounded.
"""

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeAlias, assert_never

import numpy as np

from exactlump.errors import ShapeError, UnsupportedLayer
from exactlump.network.activations import Activation
from exactlump.network.kinds import Node
from exactlump.network.program import Network
from exactlump.network.views import View
from exactlump.points import gathers
from exactlump.points.gathers import Indices, operation
from exactlump.points.limbs import Integers, Numbers, Product, integers, joined, numbers

OnArrays: TypeAlias = Callable[..., Numbers]


class Evaluator:
    """A network made ready for exact evaluation at many inputs.

    Raises UnsupportedLayer for heads without rational values; evaluation raises NoExactValue for an activation that has
    none at some point.
    """

    def __init__(self, network: Network) -> None:
        network.demand_sizes()
        self.network = network
        self.sizes = [math.prod(port.shape) for port in network.inputs]
        self.operations = [(node, _on_arrays(node, network.views_below(node))) for node in network.nodes]

    def valuation(self, x: Numbers) -> dict[str, Numbers]:
        """The exact value of every tensor at a flat input: of several inputs, one after the other."""
        if len(x.tops) != sum(self.sizes):
            raise ShapeError(f"input: found {len(x.tops)} values, expected {sum(self.sizes)}")
        values: dict[str, Numbers] = {}
        start = 0
        for port, size in zip(self.network.inputs, self.sizes, strict=True):
            values[port.name] = Numbers(x.tops[start : start + size], x.bottom)
            start += size
        for node, on_arrays in self.operations:
            values[node.target] = on_arrays(*(values[name] for name in node.reads))
        return values

    def __call__(self, x: Numbers) -> Numbers:
        """The outputs at a flat input, one after the other."""
        values = self.valuation(x)
        return joined([values[name] for name in self.network.outputs])


def _on_arrays(node: Node, views: Sequence[View]) -> OnArrays:
    """What a node does to exact tensors."""
    match operation(node, views):
        case gathers.Product(weight, bias, windows, last):
            gather = None if windows is None else windows.reshape(-1, windows.shape[2])
            return partial(_affine, Product(weight), numbers(bias), gather, last)
        case gathers.Move(gather):
            return partial(_move, gather)
        case gathers.Largest(windows):
            return partial(_largest, windows)
        case gathers.Mean(windows, cells):
            return partial(_mean, windows, np.array(cells, object))
        case gathers.Total(signs):
            return partial(_add, signs)
        case gathers.Times(factor):
            return partial(_scale, numbers(factor))
        case gathers.Plus(constant):
            return partial(_shift, numbers(constant))
        case gathers.Applied(functions, units):
            return _activation(functions, units)
        case gathers.Headed("argmax"):
            return _argmax
        case gathers.Headed(kind):
            raise UnsupportedLayer(f"tensor {node.target!r}: found {kind}, expected a node with rational values")
        case other:
            assert_never(other)


def _affine(product: Product, bias: Numbers, gather: Indices | None, last: bool, x: Numbers) -> Numbers:
    tops, bottoms = product(x.tops.tolist(), gather)
    common = math.lcm(math.lcm(*bottoms) * x.bottom, bias.bottom)
    factors = integers([common // (d * x.bottom) for d in bottoms])
    total = tops * factors[:, None] + (bias.tops * (common // bias.bottom))[:, None]
    return Numbers((total.T if last else total).reshape(-1), common).reduced()


def _move(gather: Indices, *xs: Numbers) -> Numbers:
    x = xs[0] if len(xs) == 1 else joined(xs)
    return Numbers(np.append(x.tops, 0)[gather], x.bottom)


def _largest(windows: Indices, x: Numbers) -> Numbers:
    floor = min(x.tops)
    return Numbers(np.append(x.tops, floor)[windows].max(axis=1).reshape(-1), x.bottom)


def _mean(windows: Indices, cells: Integers, x: Numbers) -> Numbers:
    common = math.lcm(*cells)
    total = np.append(x.tops, 0)[windows].sum(axis=1) * (common // cells)
    return Numbers(total.reshape(-1), x.bottom * common).reduced()


def _add(signs: Sequence[int], *xs: Numbers) -> Numbers:
    bottom = math.lcm(*(x.bottom for x in xs))
    terms = [x.tops * (sign * (bottom // x.bottom)) for sign, x in zip(signs, xs, strict=True)]
    return Numbers(np.sum(np.stack(terms), axis=0), bottom)


def _scale(factor: Numbers, x: Numbers) -> Numbers:
    return Numbers(x.tops * factor.tops, x.bottom * factor.bottom).reduced()


def _shift(constant: Numbers, x: Numbers) -> Numbers:
    return _add((1, 1), x, constant).reduced()


def _activation(functions: Sequence[Activation], units: Indices) -> OnArrays:
    if any(sigma.slope is None for sigma in functions):
        return partial(_apply, [functions[v] for v in units])
    slopes = numbers([sigma.slope for sigma in functions])
    return partial(_leaky, Numbers(slopes.tops[units], slopes.bottom))


def _leaky(slopes: Numbers, x: Numbers) -> Numbers:
    below = np.minimum(x.tops, 0)
    tops = (x.tops - below) * slopes.bottom + below * slopes.tops
    return Numbers(tops, x.bottom * slopes.bottom)


def _apply(functions: Sequence[Activation], x: Numbers) -> Numbers:
    return numbers([sigma(y) for sigma, y in zip(functions, x.rationals, strict=True)])


def _argmax(x: Numbers) -> Numbers:
    values = list(x.tops)
    return Numbers(integers([values.index(max(values))]), 1)
