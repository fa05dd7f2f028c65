# SPDX-License-Identifier: Apache-2.0
"""This file is about training: the paper's CNN in PyTorch, the retraining around the frozen layer, and its numbers.

Two blocks of 3 x 3 filters, ReLU and max-pooling, then three dense layers: 16, 128 and 10 units for MNIST, as in the
paper.  Same seed, same numbers: one thread, deterministic algorithms, batches in an order drawn by the seed.
"""

import dataclasses
from dataclasses import dataclass

import numpy as np

BATCH, RATE = 64, 2e-3
LAYERS = {"conv1": 0, "conv2": 3, "dense1": 7, "dense2": 9, "dense3": 11}  # where `cnn` puts them
SYNTHETIC, LAST = "dense2", "dense3"
FEATURES = 9  # the modules of `cnn` below the synthetic layer


@dataclass(frozen=True, slots=True)
class Setting:
    """One size of the experiment: the network, its training, how many neurons are kept, and pruned at a time."""

    name: str
    side: int
    filters: int
    padding: int
    widths: tuple[int, int, int]
    kept: int
    step: int
    epochs: int
    retraining: int

    @property
    def flat(self):
        """The number of units after the two blocks."""
        side = self.side
        for _ in range(2):
            side = (side + 2 * self.padding - 2) // 2
        return self.filters * side * side

    @property
    def counts(self):
        """The numbers of pruned neurons at which accuracy is measured."""
        return range(0, self.widths[1] - self.kept + 1, self.step)


MNIST = Setting("mnist", 28, 32, 0, (16, 128, 10), kept=32, step=16, epochs=3, retraining=2)
DIGITS = Setting("digits", 8, 8, 1, (16, 32, 10), kept=8, step=4, epochs=40, retraining=40)


def pytorch():
    """The module torch, with one thread and deterministic algorithms; ImportError names the extra."""
    try:
        import torch
    except ImportError as error:
        raise ImportError("torch: not installed, expected the extra: pip install 'exactlump[torch]'") from error
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    return torch


def cnn(setting, seed):
    """The untrained network of a seed."""
    torch = pytorch()
    from torch import nn

    torch.manual_seed(seed)
    first, second, last = setting.widths
    filters, padding = setting.filters, setting.padding
    return nn.Sequential(
        *(nn.Conv2d(1, filters, 3, padding=padding), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(filters, filters, 3, padding=padding), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(setting.flat, first), nn.ReLU()),
        *(nn.Linear(first, second), nn.ReLU(), nn.Linear(second, last)),
    )


def fit(model, images, epochs, seed):
    """Train all parameters that are not frozen, with Adam on the cross entropy of the softmax."""
    torch = pytorch()
    order = torch.Generator().manual_seed(seed)
    x, y = torch.from_numpy(images.train_x), torch.from_numpy(images.train_y)
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=RATE)
    for _ in range(epochs):
        for batch in torch.randperm(len(y), generator=order).split(BATCH):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(model(x[batch]), y[batch]).backward()
            optimizer.step()


def numbers(model):
    """Weights and biases as float32 arrays: {"conv1": (weight, bias), ...}."""
    return {
        name: tuple(p.detach().numpy().copy() for p in (model[i].weight, model[i].bias)) for name, i in LAYERS.items()
    }


def put(model, layer, weight, bias, *, frozen=False):
    """Overwrite a layer, and freeze it if asked."""
    torch = pytorch()
    module = model[LAYERS[layer]]
    with torch.no_grad():
        module.weight.copy_(torch.tensor(weight))
        module.bias.copy_(torch.tensor(bias))
    module.requires_grad_(not frozen)


def network(setting, arrays):
    """The network with given numbers, as `numbers` returns them; the widths may be those of a pruned one."""
    widths = tuple(len(arrays[name][1]) for name in ("dense1", "dense2", "dense3"))
    model = cnn(dataclasses.replace(setting, widths=widths), 0)
    for name, (weight, bias) in arrays.items():
        put(model, name, weight, bias)
    return model


def features(model, x):
    """The values below the synthetic layer: outputs of ReLU, so none is negative."""
    torch = pytorch()
    with torch.no_grad():
        return np.concatenate([model[:FEATURES](part).numpy() for part in torch.from_numpy(x).split(1000)])
