# SPDX-License-Identifier: Apache-2.0
"""This file is about training small classifiers of scikit-learn's 8x8 digits, in NumPy alone.

Throughout: a chain is a list of layers (W, b), W[v, u] the weight of the edge u -> v, with ReLU between layers.
"""

from itertools import pairwise
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.float64]
Chain: TypeAlias = list[tuple[Array, Array]]


class Digits(NamedTuple):
    """Images, 64 pixels in [0, 1] each, and their labels; every fourth image is for testing."""

    x_train: Array
    y_train: NDArray[np.int64]
    x_test: Array
    y_test: NDArray[np.int64]


def load() -> Digits:
    """The 1797 images that scikit-learn ships: 1348 for training, 449 for testing."""
    from sklearn.datasets import load_digits

    images = load_digits()
    x, y = images.data / 16, images.target.astype(np.int64)
    test = np.arange(len(y)) % 4 == 3
    return Digits(x[~test], y[~test], x[test], y[test])


def forward(chain: Chain, x: Array) -> list[Array]:
    """The values of all layers, the input first and the logits last."""
    values = [x]
    for depth, (w, b) in enumerate(chain):
        y = values[-1] @ w.T + b
        values.append(y if depth == len(chain) - 1 else np.maximum(y, 0))
    return values


def accuracy(chain: Chain, digits: Digits) -> float:
    """The share of test images whose largest logit is the label's."""
    return float((forward(chain, digits.x_test)[-1].argmax(axis=1) == digits.y_test).mean())


def train(widths: list[int], digits: Digits, *, l1: float, epochs: int, hidden_biases: bool = True) -> Chain:
    """Minimise cross-entropy plus l1 times the sum of |weights|, by Adam on batches of 64 at a falling rate."""
    rng = np.random.default_rng(0)
    chain = [(rng.normal(0, np.sqrt(2 / n), (m, n)), np.zeros(m)) for n, m in pairwise(widths)]
    trained = [p for w, b in chain for p in (w, b) if hidden_biases or p is w or p is chain[-1][1]]
    moments = [(np.zeros_like(p), np.zeros_like(p)) for p in trained]
    step = 0
    for epoch in range(epochs):
        order = rng.permutation(len(digits.y_train))
        for batch in np.array_split(order, len(order) // 64):
            step += 1
            slopes = _gradients(chain, digits.x_train[batch], digits.y_train[batch], l1)
            for p, moment in zip(trained, moments, strict=True):
                _adam(p, slopes[id(p)], *moment, step, rate=2e-3 * (1 - epoch / epochs))
    return chain


def _gradients(chain: Chain, x: Array, labels: NDArray[np.int64], l1: float) -> dict[int, Array]:
    """The gradient for each W and each b, by the id of the array."""
    values = forward(chain, x)
    scores = np.exp(values[-1] - values[-1].max(axis=1, keepdims=True))
    delta = scores / scores.sum(axis=1, keepdims=True)
    delta[np.arange(len(labels)), labels] -= 1
    delta /= len(labels)
    slopes: dict[int, Array] = {}
    for (w, b), below in zip(reversed(chain), reversed(values[:-1]), strict=True):
        slopes[id(w)], slopes[id(b)] = delta.T @ below + l1 * np.sign(w), delta.sum(axis=0)
        delta = (delta @ w) * (below > 0)
    return slopes


def _adam(p: Array, slope: Array, mean: Array, square: Array, step: int, rate: float) -> None:
    """One step of Adam (Kingma and Ba, 2015) in place."""
    mean += 0.1 * (slope - mean)
    square += 0.001 * (slope * slope - square)
    p -= rate * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.999**step)) + 1e-8)
