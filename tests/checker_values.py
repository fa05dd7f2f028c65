# SPDX-License-Identifier: Apache-2.0
"""This file is about what the nodes that the checker reads in a file compute, in floats, for sizes of its symbols.

Of a tensor there is one row for each unit, with what it is at each position, those of the first axis outermost.
"""

import math

import numpy as np

from exactlump import check

_erf = np.vectorize(math.erf, otypes=[float])
FUNCTIONS = {
    "leaky_relu": lambda y, s: np.where(y >= 0, y, s * y),
    "clip": lambda y, a, b: np.minimum(np.maximum(y, a), b),
    "at_least": np.maximum,
    "at_most": np.minimum,
    "hard_sigmoid": lambda y, a, b: np.clip(a * y + b, 0, 1),
    "hard_swish": lambda y: y * np.clip(y / 6 + 0.5, 0, 1),
    "hard_gate": lambda y, a, b: y * np.clip(a * y + b, 0, 1),
    "thresholded_relu": lambda y, a: np.where(y > a, y, 0),
    "sign": np.sign,
    "bipolar_sign": lambda y: np.where(y >= 0, 1.0, -1.0),
    "floor": np.floor,
    "ceil": np.ceil,
    "round": np.round,
    "quantize": lambda y, s, z, a, b: s * (np.clip(np.round(y / s) + z, a, b) - z),
    "quantize_floor": lambda y, s, z, a, b: s * (np.clip(np.floor(y / s) + z, a, b) - z),
    "erf_gate": lambda y, a, c: c * y * (1 + _erf(a * y)),
    "softplus_above": lambda y, b, t: np.where(b * y > t, y, np.logaddexp(0, b * y) / b),
    "softsign": lambda y: y / (1 + abs(y)),
    "elu": lambda y, a: np.where(y >= 0, y, a * np.expm1(y)),
    "celu": lambda y, a: np.maximum(y, 0) + np.minimum(0, a * np.expm1(y / a)),
    "selu": lambda y, a, g: np.where(y >= 0, g * y, g * a * np.expm1(y)),
    "gelu": lambda y: y * (1 + _erf(y / 2**0.5)) / 2,
    "gelu_tanh": lambda y: y / 2 * (1 + np.tanh((2 / np.pi) ** 0.5 * (y + 0.044715 * y**3))),
    "silu": lambda y: y / (1 + np.exp(-y)),
    "mish": lambda y: y * np.tanh(np.logaddexp(0, y)),
    "softplus": lambda y: np.logaddexp(0, y),
    "log_sigmoid": lambda y: -np.logaddexp(0, -y),
    "sigmoid": lambda y: 1 / (1 + np.exp(-y)),
    "tanh": np.tanh,
    "erf": _erf,
    "sin": np.sin,
    "cos": np.cos,
    "exp": np.exp,
    "surd": lambda y, d: d**0.5 * y,
}


class Empty(Exception):
    """A tensor has no elements, of which nothing is said."""


class Values:
    """The values of all tensors of a network, for inputs by name; opaque operators have none."""

    def __init__(self, network, inputs):
        self.network, self.known, self.sizes = network, {}, {}
        for name, x in inputs.items():
            view = network.views[name]
            for n, size in zip((*view.lead, *view.dims), np.shape(x), strict=True):
                if not isinstance(n, int):
                    self.sizes[n.symbols[0]] = size
            x = np.asarray(x, np.float64)
            self.known[name] = x.reshape(-1, view.units).T if view.channel is None else x.reshape(1, -1)
        for name, node in network.nodes.items():
            self.known[name] = self.node(name, node)

    def size(self, n):
        """A size as a number."""
        return n if isinstance(n, int) else n.number * math.prod(map(self.symbol, n.symbols))

    def symbol(self, symbol):
        if not symbol.of:
            return self.sizes[symbol]
        n, k, stride, dilation, begin, end = symbol.of
        return (self.size(n) + begin + end - dilation * (self.size(k) - 1) - 1) // stride + 1

    def node(self, name, node):
        """What a node makes of its sources."""
        view, units = self.network.views[name], range(self.network.units[name])
        positions = math.prod(sizes := [*map(self.size, (*view.lead, *view.grid))])
        if min(sizes, default=1) < 1:
            raise Empty
        if node.row is None:
            steps = ((self.known[node.sources[0]], *node.step(v)) for v in units)
            found = [float(c) * source[u] + float(e) for source, u, c, e in steps]
        else:
            found = [self.row(node, v, positions) for v in units]
        if node.kind == "activate":
            found = [self.applied(*node.function(v), found[v]) for v in units]
        if node.kind == "head":
            found = headed(node.function(0)[0], self.known[node.sources[0]])
        return np.array(found).reshape(len(units), positions)

    def row(self, node, v, positions):
        columns, integers, d, bias = node.row(v)
        total = np.full(positions, float(bias))
        for column, w in zip(columns, integers, strict=False):
            i, u, lift = node.place(column) if node.place else (0, column, None)
            total = total + w / d * self.lifted(lift, self.known[node.sources[i]][u])
        return total

    def applied(self, name, parameters, y):
        if name != "max_pool":
            return FUNCTIONS[name](y, *map(float, parameters))
        taps = [np.where(inside, x, -np.inf) for x, inside, _ in self.taps(parameters[0], y)]
        return np.maximum.reduce(taps).ravel()

    def lifted(self, lift, image):
        """What a lift makes of an image."""
        if lift is None:
            return image
        if lift.name == "at":
            return image.reshape(-1, self.size(lift.over))[:, lift.number]
        if lift.name == "put":
            return np.stack([image * (p == lift.number) for p in range(lift.over)], axis=1).ravel()
        if lift.name == "pick":
            return image.reshape(-1, *map(self.size, lift.over))[:, lift.number].ravel()
        if lift.name == "permute":
            sizes, order = lift.over
            return image.reshape(-1, *map(self.size, sizes)).transpose(0, *(axis + 1 for axis in order)).ravel()
        found = [*self.taps(lift.over, image)]
        if lift.name == "tap":
            x, inside, _ = found[lift.number]
            return np.where(inside, x, 0).ravel()
        counted = sum(padded if lift.number else inside * 1 for _, inside, padded in found)
        return (sum(np.where(inside, x, 0) for x, inside, _ in found) / counted).ravel()

    def taps(self, window, image):
        """For each tap: what it reads, where it reads something, and where it reads that or counted zeros."""
        fields = [[*map(self.size, sizes)] for sizes in window[:7]]
        source, target, kernel = fields[:3]
        image = image.reshape(-1, *source)
        for offsets in np.ndindex(*kernel):
            places, inside, padded = [], np.ones(target, bool), np.ones(target, int)
            for axis, (n, m, _, stride, dilation, begin, end) in enumerate(zip(*fields, strict=True)):
                p, odd = stride * np.arange(m) + dilation * offsets[axis] - begin, np.zeros(m, int)
                if window.transposed:
                    p, odd = np.divmod(np.arange(m) - dilation * offsets[axis] + begin, stride)
                shape = [-1 if other == axis else 1 for other in range(len(target))]
                inside &= ((odd == 0) & (p >= 0) & (p < n)).reshape(shape)
                padded *= ((p >= -begin) & (p < n + end)).reshape(shape)
                places.append(np.clip(p, 0, n - 1))
            yield image[(slice(None), *np.ix_(*places))], inside, padded

    def output(self, name):
        """A tensor with all its axes."""
        view, found = self.network.views[name], self.known[name]
        full = [*map(self.size, (*view.lead, *view.dims))]
        if view.channel is None:
            return found.T.reshape(full)
        if view.channel == check.ENTIRE:
            return found.reshape(full)
        axis = len(view.lead) + view.channel
        return np.moveaxis(found.reshape(full[axis], *full[:axis], *full[axis + 1 :]), 0, axis)


def headed(kind, x):
    """A head of all units."""
    if kind == "argmax":
        return x.argmax(axis=0).astype(float)
    e = np.exp(x - x.max(axis=0))
    return e / e.sum(axis=0) if kind == "softmax" else np.log(e / e.sum(axis=0))
