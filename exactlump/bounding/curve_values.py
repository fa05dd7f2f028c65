# SPDX-License-Identifier: Apache-2.0
"""This file is about networks with curved functions in floats: where units are near each other, never what is true."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from exactlump.network.activations import RELU, Activation
from exactlump.network.kinds import Activate
from exactlump.network.program import Network
from exactlump.points.floating import Differentiable, FloatNetwork, Floats, Tensors, number
from exactlump.points.gathers import Indices, elements


def _softplus(y: Floats) -> Floats:
    return np.asarray(np.logaddexp(0.0, y))


def _sigmoid(y: Floats) -> Floats:
    return np.asarray(0.5 + 0.5 * np.tanh(0.5 * y))


def _erf(y: Floats) -> Floats:
    return np.asarray(np.vectorize(math.erf, otypes=[np.float64])(y), np.float64)


def _elu(y: Floats, alpha: float) -> Floats:
    return np.where(y >= 0, y, alpha * np.expm1(np.minimum(y, 0.0)))


_VALUES: dict[str, Callable[..., Floats]] = {
    "sigmoid": _sigmoid,
    "tanh": np.tanh,
    "silu": lambda y: y * _sigmoid(y),
    "softplus": _softplus,
    "log_sigmoid": lambda y: -_softplus(-y),
    "exp": lambda y: np.exp(np.minimum(y, 700.0)),
    "erf": _erf,
    "gelu": lambda y: y * (0.5 + 0.5 * _erf(y / math.sqrt(2.0))),
    "gelu_tanh": lambda y: y * (0.5 + 0.5 * np.tanh(math.sqrt(2.0 / math.pi) * (y + 0.044715 * y**3))),
    "mish": lambda y: y * np.tanh(_softplus(y)),
    "erf_gate": lambda y, a, c: c * y * (1.0 + _erf(a * y)),
    "hard_gate": lambda y, a, b: y * np.clip(a * y + b, 0.0, 1.0),
    "elu": _elu,
    "celu": lambda y, alpha: np.where(y >= 0, y, alpha * np.expm1(np.minimum(y / alpha, 0.0))),
    "selu": lambda y, alpha, gamma: gamma * _elu(y, alpha),
}


def values(network: Network, x: Floats) -> Tensors:
    """All tensors at a batch of flat inputs.  Raises UnsupportedLayer where there is a function without floats."""
    return curved(network).values(x)


def curved(network: Network) -> FloatNetwork:
    """A network in floats, with gradients.  Raises UnsupportedLayer where there is a function without floats."""
    curves = {node.target: node.functions for node in network.nodes if any(f.name in _VALUES for f in node.functions)}
    nodes = [
        replace(node, functions=tuple(RELU if f.name in _VALUES else f for f in node.functions))
        if isinstance(node, Activate)
        else node
        for node in network.nodes
    ]
    found = FloatNetwork(replace(network, nodes=tuple(nodes)))
    found.operations = [
        (node, _curved(step, curves[node.target], elements(network.views[node.target])))
        if node.target in curves
        else (node, step)
        for node, step in found.operations
    ]
    return found


def _curved(step: Differentiable, functions: Sequence[Activation], places: Indices) -> Differentiable:
    """The step with the values of curves, unit by unit, and their slopes by differences."""
    curves = [(f, members) for f, members in zip(functions, places, strict=True) if f.name in _VALUES]

    def value(function: Activation, y: Floats) -> Floats:
        return np.asarray(_VALUES[function.name](y, *map(number, function.parameters)), np.float64)

    def forward(y: Floats) -> Floats:
        found = step.forward(y)
        for function, members in curves:
            found[:, members] = value(function, y[:, members])
        return found

    def backward(g: Floats, xs: Sequence[Floats], after: Floats) -> Sequence[Floats]:
        (found,) = step.backward(g, xs, after)
        for function, members in curves:
            y = xs[0][:, members]
            h = 1e-5 * np.maximum(1.0, np.abs(y))
            found[:, members] = g[:, members] * (value(function, y + h) - value(function, y - h)) / (2 * h)
        return [found]

    return Differentiable(forward, backward)
