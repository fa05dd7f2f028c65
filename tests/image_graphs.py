# SPDX-License-Identifier: Apache-2.0
"""This file is about random ONNX graphs on images, and how far floats may be off from their exact values."""

import math
from dataclasses import dataclass, field

import numpy as np
from onnx import numpy_helper

from exactlump.network.kinds import (
    Activate,
    Add,
    AveragePool,
    Conv,
    Dense,
    Head,
    MaxPool,
    Pad,
    Reorder,
    Scale,
    Select,
    Shift,
)
from exactlump.network.views import View
from exactlump.numbers.rational import rational
from tests.tools import model, node, number, numbers, port, tensor, weights

OPSETS = (9, 11, 13, 18, 20, 21)
# Elements of a tensor, so that a thousand graphs take a minute.
_MOST = 300
_PLAIN = ("Relu", "Abs", "Neg", "Identity", "Sign", "Floor", "Ceil", "Softsign")


class Skip(Exception):
    """A step that the tensors so far leave no room for."""


@dataclass
class Graph:
    """A growing graph: the shapes of its tensors without the batch axis, and what has been used."""

    opset: int
    seed: int
    batch: int | str = 1
    shapes: dict = field(default_factory=dict)
    nodes: list = field(default_factory=list)
    constants: list = field(default_factory=list)

    def __post_init__(self):
        self.random = np.random.default_rng(self.seed)
        grid = [self.number(2, 5) for _ in range(self.number(1, 2))]
        self.shapes["x"] = [self.number(1, 3), *grid]
        self.source = "x"

    def number(self, low, high):
        """A random integer, both ends included."""
        return int(self.random.integers(low, high + 1))

    def some(self, *choices):
        return choices[self.number(0, len(choices) - 1)]

    def dyadics(self, *shape, among=(-2, -1, -0.5, 0, 0.5, 1, 2)):
        return self.random.choice(np.array(among, np.float32), shape).astype(np.float32)

    @property
    def shape(self):
        return self.shapes[self.source]

    def constant(self, array):
        name = f"c{len(self.constants)}"
        array = np.asarray(array)
        self.constants.append(tensor(name, array) if array.dtype.kind == "f" else numpy_helper.from_array(array, name))
        return name

    def emit(self, kind, inputs, shape, **attributes):
        if math.prod(shape) > _MOST or min(shape, default=1) < 1:
            raise Skip
        target = f"t{len(self.nodes)}"
        self.nodes.append(node(kind, inputs, target, **attributes))
        self.shapes[target] = list(shape)
        self.source = target

    def image(self):
        if len(self.shape) not in (2, 3):
            raise Skip
        return self.shape[0], self.shape[1:]

    def like(self, *, grid_only=False):
        """An earlier tensor of the same shape, or (`grid_only`) of the same sizes but the first."""
        same = [
            n for n, s in self.shapes.items() if s[grid_only:] == self.shape[grid_only:] and len(s) == len(self.shape)
        ]
        return self.some(*same)

    # Windows

    def window(self, grid, kernel, dilated):
        """Attributes, and the sizes after them."""
        stride = [self.number(1, 3) for _ in grid]
        dilation = [self.some(1, 1, 2) if dilated else 1 for _ in grid]
        spans = [d * (k - 1) + 1 for d, k in zip(dilation, kernel, strict=True)]
        attributes = {"kernel_shape": kernel}
        if stride != [1] * len(grid) or self.some(0, 1):
            attributes["strides"] = stride
        if dilation != [1] * len(grid):
            attributes["dilations"] = dilation
        auto = self.some("NOTSET", "NOTSET", "NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER")
        if auto.startswith("SAME") and dilation == [1] * len(grid):
            after = [-(-n // s) for n, s in zip(grid, stride, strict=True)]
            if any((m - 1) * s + k < n for m, s, k, n in zip(after, stride, kernel, grid, strict=True)):
                raise Skip  # onnxruntime finds negative padding
            return {**attributes, "auto_pad": auto}, after
        pads = [0] * (2 * len(grid))
        if auto == "VALID":
            attributes["auto_pad"] = auto
        elif self.some(0, 1):
            pads = [self.number(0, min(2, kernel[i % len(grid)] - 1)) for i in range(2 * len(grid))]
            attributes["pads"] = pads
        rooms = [n + pads[i] + pads[i + len(grid)] - spans[i] for i, n in enumerate(grid)]
        if min(rooms) < 0:
            raise Skip
        if dilated is None and auto == "NOTSET" and self.opset >= 10 and self.some(0, 1):
            attributes["ceil_mode"] = 1
            steps = [-(-room // s) for room, s in zip(rooms, stride, strict=True)]
            if any(q * s >= n + pads[i] for i, (q, s, n) in enumerate(zip(steps, stride, grid, strict=True))):
                raise Skip
            return attributes, [q + 1 for q in steps]
        return attributes, [room // s + 1 for room, s in zip(rooms, stride, strict=True)]

    def conv(self):
        channels, grid = self.image()
        group = self.some(1, channels)
        rows, kernel = group * self.number(1, 2), [self.number(1, min(3, n)) for n in grid]
        attributes, after = self.window(grid, kernel, dilated=True)
        inputs = f"{self.source} {self.constant(self.dyadics(rows, channels // group, *kernel))}"
        if self.some(0, 1):
            inputs += f" {self.constant(self.dyadics(rows))}"
        self.emit("Conv", inputs, [rows, *after], group=group, **attributes)

    def conv_transpose(self):
        channels, grid = self.image()
        group = self.some(1, channels)
        each, kernel = self.number(1, 2), [self.number(1, 3) for _ in grid]
        stride = [self.number(1, 2) for _ in grid]
        pads = [self.number(0, (kernel[i % len(grid)] - 1) // 2) for i in range(2 * len(grid))]
        more = [self.number(0, s - 1) for s in stride]
        after = [
            s * (n - 1) + extra + k - pads[i] - pads[i + len(grid)]
            for i, (n, s, k, extra) in enumerate(zip(grid, stride, kernel, more, strict=True))
        ]
        inputs = f"{self.source} {self.constant(self.dyadics(channels, each, *kernel))}"
        if self.some(0, 1):
            inputs += f" {self.constant(self.dyadics(group * each))}"
        self.emit(
            "ConvTranspose",
            inputs,
            [group * each, *after],
            group=group,
            strides=stride,
            pads=pads,
            output_padding=more,
            kernel_shape=kernel,
        )

    def average_pool(self):
        channels, grid = self.image()
        kernel = [self.number(1, min(3, n)) for n in grid]
        attributes, after = self.window(grid, kernel, dilated=True if self.opset >= 19 and self.some(0, 1) else None)
        if self.some(0, 1):
            attributes["count_include_pad"] = 1
        self.emit("AveragePool", self.source, [channels, *after], **attributes)

    def max_pool(self):
        channels, grid = self.image()
        kernel = [self.number(1, min(3, n)) for n in grid]
        attributes, after = self.window(grid, kernel, dilated=True if self.opset >= 10 and self.some(0, 1) else None)
        self.emit("MaxPool", self.source, [channels, *after], **attributes)

    def global_pool(self):
        channels, grid = self.image()
        self.emit(self.some("GlobalAveragePool", "GlobalMaxPool"), self.source, [channels] + [1] * len(grid))

    def reduce_mean(self):
        channels, grid = self.image()
        axes, kept = list(range(2, 2 + len(grid))), self.number(0, 1)
        shape = [channels] + [1] * len(grid) * kept
        if self.opset >= 18:
            self.emit("ReduceMean", f"{self.source} {self.constant(np.array(axes))}", shape, keepdims=kept)
        else:
            self.emit("ReduceMean", self.source, shape, keepdims=kept, axes=axes)

    def pad(self):
        channels, grid = self.image()
        amounts = [self.number(0, 2) for _ in range(2 * len(grid))]
        after = [n + amounts[i] + amounts[i + len(grid)] for i, n in enumerate(grid)]
        pads = [0, 0, *amounts[: len(grid)], 0, 0, *amounts[len(grid) :]]
        if self.opset >= 11:
            self.emit("Pad", f"{self.source} {self.constant(np.array(pads))}", [channels, *after])
        else:
            self.emit("Pad", self.source, [channels, *after], pads=pads)

    # Element by element

    def batch_normalization(self):
        channels = self.shape[0]
        gamma, beta, mean = (self.dyadics(channels) for _ in range(3))
        variance = self.dyadics(channels, among=(0.25, 1, 2, 3))
        names = " ".join(self.constant(array) for array in (gamma, beta, mean, variance))
        self.emit("BatchNormalization", f"{self.source} {names}", self.shape)

    def operand(self, **among):
        """A constant that broadcasts: a scalar, one number a channel, or one an element."""
        shape = self.some([], [self.shape[0]] + [1] * (len(self.shape) - 1), self.shape)
        return self.constant(self.dyadics(*shape, **among))

    def arithmetic(self):
        kind = self.some("Add", "Sub", "Mul", "Div", "PRelu", "Max", "Min")
        name = self.operand(among=(-2, -0.5, 0.5, 1, 4))
        pair = [self.source, name]
        self.emit(kind, " ".join(pair if kind in ("Div", "PRelu") or self.some(0, 1) else pair[::-1]), self.shape)

    def function(self):
        kind = self.some(*_PLAIN, "LeakyRelu", "ThresholdedRelu", "HardSigmoid", "Clip", "HardSwish", "Round")
        if (kind == "HardSwish" and self.opset < 14) or (kind in ("Round", "ThresholdedRelu") and self.opset < 11):
            raise Skip
        if kind == "Clip" and self.opset >= 11:
            low, high = self.constant(np.float32(-1)), self.constant(np.float32(1.5))
            given = self.some(f"{low} {high}", low)
            self.emit("Clip", f"{self.source} {given}", self.shape)
            return
        attributes = {"LeakyRelu": {"alpha": 0.25}, "Clip": {"min": -1.0, "max": 1.5}, "HardSigmoid": {"alpha": 0.5}}
        self.emit(kind, self.source, self.shape, **attributes.get(kind, {}))

    # Several tensors, and parts

    def residual(self):
        other, kind = self.like(), self.some("Add", "Sub", "Sum")
        extra = f" {self.like()}" if kind == "Sum" else ""
        self.emit(kind, f"{self.source} {other}{extra}", self.shape)

    def concat(self):
        axis = self.some(0, 0, len(self.shape) - 1)
        others = [self.like(grid_only=True) if axis == 0 else self.like() for _ in range(self.number(0, 2))]
        names = [self.source, *others]
        shape = list(self.shape)
        shape[axis] = sum(self.shapes[name][axis] for name in names)
        self.emit("Concat", " ".join(names), shape, axis=axis + 1)

    def slice(self):
        axis = self.number(0, len(self.shape) - 1)
        start = self.number(0, self.shape[axis] - 1)
        end, step = self.number(start + 1, self.shape[axis]), self.some(1, 1, 2)
        shape = list(self.shape)
        shape[axis] = len(range(start, end, step))
        if self.opset >= 10:
            names = " ".join(self.constant(np.array([n])) for n in (start, end, axis + 1, step))
            self.emit("Slice", f"{self.source} {names}", shape)
        else:
            shape[axis] = end - start
            self.emit("Slice", self.source, shape, starts=[start], ends=[end], axes=[axis + 1])

    def split(self):
        axis = self.number(0, len(self.shape) - 1)
        if self.shape[axis] < 2:
            raise Skip
        first = self.number(1, self.shape[axis] - 1)
        parts, shape, count = [first, self.shape[axis] - first], list(self.shape), len(self.nodes)
        shape[axis] = parts[1]
        outputs = f"u{count} t{count}"
        if self.opset >= 13:
            self.nodes.append(node("Split", f"{self.source} {self.constant(np.array(parts))}", outputs, axis=axis + 1))
        else:
            self.nodes.append(node("Split", self.source, outputs, axis=axis + 1, split=parts))
        self.shapes[f"t{count}"], self.source = shape, f"t{count}"

    def gather(self):
        axis, count = self.number(0, len(self.shape) - 1), self.number(1, 3)
        indices = self.random.integers(-self.shape[axis] if self.opset >= 11 else 0, self.shape[axis], count)
        shape = list(self.shape)
        shape[axis] = count
        if count == 1 and len(shape) > 1 and self.some(0, 1):
            indices, shape = indices[0], shape[:axis] + shape[axis + 1 :]
        self.emit("Gather", f"{self.source} {self.constant(np.array(indices, np.int64))}", shape, axis=axis + 1)

    # Other shapes, and the end

    def transpose(self):
        axes = self.random.permutation(len(self.shape)).tolist()
        shape = [self.shape[axis] for axis in axes]
        self.emit("Transpose", self.source, shape, perm=[0, *(axis + 1 for axis in axes)])

    def reshape(self):
        size = math.prod(self.shape)
        first = self.some(*(n for n in range(1, size + 1) if size % n == 0))
        shape = self.some([size], [first, size // first], [self.shape[0], size // self.shape[0]])
        self.emit("Reshape", f"{self.source} {self.constant(np.array([0, *shape]))}", shape)

    def flatten(self):
        self.emit("Flatten", self.source, [math.prod(self.shape)])

    def dense(self):
        if len(self.shape) != 1:
            self.flatten()
        rows = self.number(1, 3)
        if self.some(0, 1):
            names = f"{self.constant(self.dyadics(rows, self.shape[0]))} {self.constant(self.dyadics(rows))}"
            self.emit("Gemm", f"{self.source} {names}", [rows], transB=1)
            return
        self.emit("MatMul", f"{self.source} {self.constant(self.dyadics(self.shape[0], rows))}", [rows])
        if self.some(0, 1):
            self.emit("Add", f"{self.source} {self.constant(self.dyadics(rows))}", [rows])

    def argmax(self):
        if len(self.shape) != 1:
            self.flatten()
        kept = self.number(0, 1)
        self.emit("ArgMax", self.source, [1] * kept, axis=1, keepdims=kept)

    def model(self):
        kind = 7 if self.nodes[-1].op_type == "ArgMax" else 1
        outputs = [port(self.source, [self.batch, *self.shape], kind)]
        version = {20: 9, 21: 10}.get(self.opset, 8)
        inputs = {"x": [self.batch, *self.shapes["x"]]}
        return model(self.nodes, inputs, outputs, self.constants, opset=self.opset, ir_version=version)


STEPS = [
    *("conv", "conv", "conv", "conv_transpose", "average_pool", "max_pool", "global_pool", "reduce_mean", "pad"),
    *("batch_normalization", "arithmetic", "arithmetic", "function", "function", "residual", "residual", "concat"),
    *("slice", "split", "gather", "transpose", "reshape", "flatten", "dense"),
]


def graph(opset, seed, steps, last=None):
    """The graph of those steps that fit, the last a head if one is asked for."""
    made = Graph(opset, seed, "N" if seed % 3 else 1)
    for name in [*steps, *([last] if last else [])]:
        kept = (dict(made.shapes), list(made.nodes), list(made.constants), made.source)
        try:
            getattr(made, name)()
        except Skip:
            made.shapes, made.nodes, made.constants, made.source = kept
    if not made.nodes:
        made.emit("Relu", "x", made.shapes["x"])
    return made


# How far float32 may be off (docs/trust.md): each node adds at most gamma = n*u/(1 - n*u) of what it sums.

_U = 2.0**-24


def bounded(network, x):
    """The exact value of each output at an exact input, and how far float32 may be off."""
    exact = network.valuation(x)
    errors = {network.inputs[0].name: np.zeros(len(x))}
    for n in network.nodes:
        below = [(np.abs(numbers(exact[name])), errors[name], network.views[name]) for name in n.reads]
        error = _error(n, below, exact, network.views[n.target])
        errors[n.target] = error * (1 + 2.0**-30) + 2.0**-120
    return [(numbers(exact[name]), errors[name]) for name in network.outputs]


def _error(n, below, exact, view):
    h, e, source = below[0]
    if isinstance(n, Dense):
        return _mixed(weights(n.weight), numbers(n.bias), h[:, None], e[:, None]).ravel()
    if isinstance(n, Conv):
        seen = [_seen(n.window, _images(a, source)) for a in (h, e)]
        return _mixed(weights(n.weight), numbers(n.bias), *seen).ravel()
    if isinstance(n, AveragePool | MaxPool | Pad):
        return _pooled(n, _images(h, source), _images(e, source))
    if isinstance(n, Add):
        total, spread = sum(entry[0] for entry in below), sum(entry[1] for entry in below)
        return spread + len(below) * 2 * _U * (total + spread)
    if isinstance(n, Select):
        parts = [_images(entry[1], entry[2]) for entry in below]
        return _elements(np.stack([parts[i][u] for i, u in n.picks]), view)
    if isinstance(n, Reorder):
        return e[list(n.order(source.shape))]
    if isinstance(n, Head):
        return np.array([math.inf])
    unit = [view.unit(i)[0] for i in range(view.elements)]
    if isinstance(n, Scale):
        factor = np.abs(numbers(n.factor))[unit]
        # What a batch normalisation rounds before and after this scale is counted here.
        slack = 32 * _U * ((h + 2) * factor + 2) if n.target.endswith(" scaled") else 0
        return factor * ((1 + _U) * e + 2 * _U * h) + slack
    if isinstance(n, Shift):
        return (1 + _U) * e + 2 * _U * (h + np.abs(numbers(n.constant))[unit])
    assert isinstance(n, Activate)
    return np.array([_moved(n.functions[u], y, r) for u, y, r in zip(unit, exact[n.source], e, strict=True)])


def _mixed(matrix, bias, h, e):
    """For matrix products, with columns for positions."""
    absolute = np.abs(matrix)
    g = (matrix.shape[1] + 2) * _U * 1.001
    return (1 + g) * (absolute @ e) + g * (absolute @ h + np.abs(bias)[:, None])


def _images(values, view: View):
    """(units, positions)"""
    channel = view.channel
    return (
        values.reshape(-1, 1)
        if channel is None
        else np.moveaxis(values.reshape(view.shape), channel, 0).reshape(view.units, -1)
    )


def _elements(images, view: View):
    if view.channel is None:
        return images.ravel()
    return np.moveaxis(images.reshape(view.units, *view.grid), 0, view.channel).ravel()


def _seen(window, images):
    """For each unit and tap, what the tap reads: (units * taps, positions)."""
    padded = np.hstack([images, np.zeros((len(images), 1))])
    places = [[-1 if p is None else p for p in window.places(t)] for t in range(window.taps)]
    return padded[:, places].reshape(len(images) * window.taps, -1)


def _pooled(n, h, e):
    seen_h, seen_e = (_seen(n.window, a).reshape(len(a), n.window.taps, -1) for a in (h, e))
    if not isinstance(n, AveragePool):
        return seen_e.max(axis=1).ravel()
    cells = np.array(n.window.cells(padding=n.padding), float)
    g = (n.window.taps + 3) * _U * 1.001
    return (((1 + g) * seen_e.sum(axis=1) + g * seen_h.sum(axis=1)) / cells).ravel()


def _moved(function, y, error):
    """How far the value may move where the argument moves by the error: functions are 2-Lipschitz or monotone."""
    rounding = 8 * _U * (1 + abs(number(function(y))))
    if function.name not in ("sign", "floor", "ceil", "round", "thresholded_relu"):
        return 2 * error * max(1.0, *(abs(number(c)) for c in function.parameters), 0) + rounding
    r = rational(float(error))
    value = function(y)
    return max(number(function(y + r) - value), number(value - function(y - r))) + (rounding if error else 0.0)


def feed(values, shape):
    return np.array([number(v) for v in values], np.float32).reshape(1, *shape)


def operators(made):
    return {entry.op_type for entry in made.nodes}


__all__ = ["OPSETS", "STEPS", "Graph", "bounded", "feed", "graph", "operators"]
