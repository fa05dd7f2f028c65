# SPDX-License-Identifier: Apache-2.0
"""This file is about networks in float64, many inputs at a time, with gradients: where to look, never what is true.

Whatever is found here is only a place where exact evaluation should look.

Throughout: N inputs in a batch; a tensor is an array (N, elements); g[t] the gradient of a number a sample with
respect to tensor t.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal
from functools import partial
from typing import Any, NamedTuple, TypeAlias, assert_never

import numpy as np
from numpy.typing import NDArray

from exactlump.errors import NoExactValue, UnsupportedLayer
from exactlump.network.activations import Activation
from exactlump.network.kinds import Node
from exactlump.network.program import Network
from exactlump.network.views import View
from exactlump.numbers.matrix import Matrix
from exactlump.numbers.rational import Rational, fraction, rational
from exactlump.points import gathers
from exactlump.points.gathers import Indices, operation

Floats: TypeAlias = NDArray[np.float64]
Tensors: TypeAlias = dict[str, Floats]


def number(value: Rational) -> float:
    """The float64 nearest to a rational; infinite where it is out of range."""
    p, q = fraction(value)
    try:
        return p / q
    except OverflowError:
        return math.inf if p > 0 else -math.inf


def nearly(value: Rational, digits: int) -> str:
    """A rational in words, to so many digits; also where no float64 is near it.

    >>> nearly(rational(1, 3), 6), nearly(rational(10) ** 400 / 3, 6)
    ('about 0.333333', 'about 3.33333e+399')
    """
    near: float | Decimal = number(value)
    if value and (not near or math.isinf(near)):
        context = Context(prec=digits, Emax=MAX_EMAX, Emin=MIN_EMIN)
        near = context.divide(*map(Decimal, fraction(value))).normalize()
    return f"about {near:.{digits}g}"


def nearest(values: Iterable[Rational]) -> Floats:
    """The float64 array nearest to rationals."""
    return np.array([number(value) for value in values], np.float64)


def dense(weight: Matrix) -> Floats:
    """A matrix in float64."""
    if weight.floats is not None:
        return weight.floats.astype(np.float64)
    found = np.zeros(weight.shape)
    for v in range(weight.shape[0]):
        for u, w in weight.row(v).items():
            found[v, u] = number(w)
    return found


class Differentiable(NamedTuple):
    """A node in floats: sources to target, and gradient of the target, sources and target to those of the sources."""

    forward: Callable[..., Floats]
    backward: Callable[[Floats, Sequence[Floats], Floats], Sequence[Floats]]


class FloatNetwork:
    """A network in float64.  Raises UnsupportedLayer for nodes that have no gradient here."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.sizes = [math.prod(port.shape) for port in network.inputs]
        self.operations = [(node, _differentiable(node, network.views_below(node))) for node in network.nodes]

    def values(self, x: Floats) -> Tensors:
        """All tensors at a batch of flat inputs, (N, inputs)."""
        values: Tensors = {}
        parts = np.split(x, np.cumsum(self.sizes)[:-1], axis=1)
        values.update(zip((port.name for port in self.network.inputs), parts, strict=True))
        for node, operated in self.operations:
            values[node.target] = operated.forward(*(values[name] for name in node.reads))
        return values

    def outputs(self, values: Tensors) -> Floats:
        """The outputs of all tensors, one after the other: (N, outputs)."""
        return np.concatenate([values[name] for name in self.network.outputs], axis=1)

    def __call__(self, x: Floats) -> Floats:
        """The outputs at a batch of flat inputs: (N, outputs)."""
        return self.outputs(self.values(x))

    def gradient(self, values: Tensors, g: Floats) -> Floats:
        """The gradient with respect to the inputs, (N, inputs), given that with respect to the outputs."""
        sizes = [values[name].shape[1] for name in self.network.outputs]
        return self.gradient_from(values, dict(zip(self.network.outputs, _split(g, sizes), strict=True)))

    def gradient_from(self, values: Tensors, seeds: Tensors) -> Floats:
        """The gradient with respect to the inputs, given those with respect to some tensors."""
        found = dict(seeds)
        for node, operated in reversed(self.operations):
            g = found.get(node.target)
            if g is None:
                continue
            below = operated.backward(g, [values[name] for name in node.reads], values[node.target])
            for name, part in zip(node.reads, below, strict=True):
                found[name] = found[name] + part if name in found else part
        samples = len(next(iter(values.values())))
        ports = zip(self.network.inputs, self.sizes, strict=True)
        return np.concatenate([found.get(p.name, np.zeros((samples, size))) for p, size in ports], axis=1)


def _split(g: Floats, sizes: Sequence[int]) -> list[Floats]:
    return np.split(g, np.cumsum(sizes)[:-1], axis=1)


def _differentiable(node: Node, views: Sequence[View]) -> Differentiable:
    match operation(node, views):
        case gathers.Product(last=True):
            raise UnsupportedLayer(
                f"tensor {node.target!r}: found a dense layer on positions, which has no gradient here"
            )
        case gathers.Product(weight, bias, windows):
            product = dense(weight), nearest(bias)
            return _matrix(*product) if windows is None else _convolution(*product, windows)
        case gathers.Move(gather):
            sizes = [below.elements for below in views]
            return Differentiable(partial(_move, gather), partial(_move_back, gather, sizes))
        case gathers.Largest(windows):
            return Differentiable(partial(_largest, windows), partial(_largest_back, windows))
        case gathers.Mean(windows, cells):
            counts = np.array(cells, np.float64)
            return Differentiable(partial(_mean, windows, counts), partial(_mean_back, windows, counts))
        case gathers.Total(signs):
            return _total(signs)
        case gathers.Times(factor):
            return _times(nearest(factor))
        case gathers.Plus(constant):
            return _plus(nearest(constant))
        case gathers.Applied(functions, units):
            return _applied(node.target, functions, units)
        case gathers.Headed(kind):
            raise UnsupportedLayer(f"tensor {node.target!r}: found {kind}, expected a node with values and gradients")
        case other:
            assert_never(other)


def _total(signs: Sequence[int]) -> Differentiable:
    return Differentiable(
        lambda *xs: sum(s * x for s, x in zip(signs, xs, strict=True)), lambda g, xs, y: [s * g for s in signs]
    )


def _times(factor: Floats) -> Differentiable:
    return Differentiable(lambda x: factor * x, lambda g, xs, y: [factor * g])


def _plus(constant: Floats) -> Differentiable:
    return Differentiable(lambda x: x + constant, lambda g, xs, y: [g])


def _applied(target: str, functions: Sequence[Activation], units: Indices) -> Differentiable:
    if any(sigma.slope is None for sigma in functions):
        return _by_value(target, functions, units)
    slopes = nearest(sigma.slope for sigma in functions)[units]
    return Differentiable(
        lambda x: np.where(x >= 0, x, slopes * x), lambda g, xs, y: [np.where(xs[0] >= 0, g, slopes * g)]
    )


def _by_value(target: str, functions: Sequence[Activation], units: Indices) -> Differentiable:
    """Functions without a slope of their own: exact values one by one, gradients by differences; slow.

    Where a value is irrational, or not finite, it is not a number here.
    """
    try:
        functions[0](rational(7, 5))
    except NoExactValue as error:
        raise UnsupportedLayer(f"tensor {target!r}: {error}") from error

    def forward(x: Floats) -> Floats:
        return np.array([[_value(functions[v], float(y)) for v, y in zip(units, row, strict=True)] for row in x])

    def backward(g: Floats, xs: Sequence[Floats], y: Floats) -> list[Floats]:
        step = 1e-6 * np.maximum(1.0, np.abs(xs[0]))
        return [g * (forward(xs[0] + step) - y) / step]

    return Differentiable(forward, backward)


def _value(sigma: Activation, y: float) -> float:
    if not math.isfinite(y):
        return math.nan
    try:
        return number(sigma(rational(y)))
    except NoExactValue:
        return math.nan


def _matrix(weight: Floats, bias: Floats) -> Differentiable:
    return Differentiable(lambda x: x @ weight.T + bias, lambda g, xs, y: [g @ weight])


def _extended(x: Floats, value: Any = 0.0) -> Floats:
    """With one more element, which the index -1 reads."""
    return np.concatenate([x, np.broadcast_to(value, (len(x), 1))], axis=1)


def _move(gather: Indices, *xs: Floats) -> Floats:
    return _extended(np.concatenate(xs, axis=1))[:, gather]


def _move_back(gather: Indices, sizes: Sequence[int], g: Floats, xs: Sequence[Floats], y: Floats) -> list[Floats]:
    found = np.zeros((sum(sizes) + 1, len(g)))
    np.add.at(found, gather, g.T)
    return _split(found[:-1].T, sizes)


def _convolution(weight: Floats, bias: Floats, windows: Indices) -> Differentiable:
    units, many, positions = windows.shape
    columns = windows.reshape(units * many, positions)

    def forward(x: Floats) -> Floats:
        return np.asarray((weight @ _extended(x)[:, columns] + bias[:, None]).reshape(len(x), -1))

    def backward(g: Floats, xs: Sequence[Floats], y: Floats) -> list[Floats]:
        patches = weight.T @ g.reshape(len(g), -1, positions)
        return [_spread(windows, patches.reshape(len(g), units, many, positions), xs[0])]

    return Differentiable(forward, backward)


def _spread(windows: Indices, g: Floats, x: Floats) -> Floats:
    """Gradients of what taps read, (N, units, taps, positions), added up where they were read.

    A tap reads every element at most once, so tap by tap nothing is lost by fancy indexing.
    """
    found = np.zeros((len(x), x.shape[1] + 1))
    for t in range(windows.shape[1]):
        found[:, windows[:, t]] += g[:, :, t]
        found[:, -1] = 0
    return found[:, :-1]


def _largest(windows: Indices, x: Floats) -> Floats:
    return np.asarray(_extended(x, -np.inf)[:, windows].max(axis=2).reshape(len(x), -1))


def _largest_back(windows: Indices, g: Floats, xs: Sequence[Floats], y: Floats) -> list[Floats]:
    units, many, positions = windows.shape
    first = _extended(xs[0], -np.inf)[:, windows].argmax(axis=2)
    spread = np.zeros((len(g), units, many, positions))
    np.put_along_axis(spread, first[:, :, None], g.reshape(len(g), units, 1, positions), axis=2)
    return [_spread(windows, spread, xs[0])]


def _mean(windows: Indices, cells: Floats, x: Floats) -> Floats:
    return np.asarray((_extended(x)[:, windows].sum(axis=2) / cells).reshape(len(x), -1))


def _mean_back(windows: Indices, cells: Floats, g: Floats, xs: Sequence[Floats], y: Floats) -> list[Floats]:
    units, many, positions = windows.shape
    share = (g.reshape(len(g), units, positions) / cells)[:, :, None]
    return [_spread(windows, np.broadcast_to(share, (len(g), units, many, positions)), xs[0])]
