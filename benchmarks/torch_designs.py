# SPDX-License-Identifier: Apache-2.0
"""This file is about small designs in PyTorch, of the kinds that people write: what they hold, and an example input.

Each is exported by `exporters.py`.  Sizes are small, weights random; what counts is which operators exporters write.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn import functional

Design = tuple[nn.Module, tuple[torch.Tensor, ...]]


class Of(nn.Module):
    """A module of parts, and a function of these and of the inputs."""

    def __init__(self, forward: Callable[..., Any], **parts: nn.Module) -> None:
        super().__init__()
        for name, part in parts.items():
            setattr(self, name, part)
        self.compute = forward

    def forward(self, *inputs: torch.Tensor) -> Any:
        """What the function makes."""
        return self.compute(self, *inputs)


def vector(*sizes: int) -> torch.Tensor:
    """A batch of two random tensors."""
    return torch.randn(2, *sizes)


def chain(*layers: nn.Module) -> nn.Sequential:
    """Layers, one after the other."""
    return nn.Sequential(*layers)


def conv(a: int, b: int, k: int = 3, **how: Any) -> nn.Conv2d:
    """A convolution that keeps the grid."""
    return nn.Conv2d(a, b, k, padding=how.pop("padding", k // 2), **how)


def _viewed(m: Any, x: torch.Tensor) -> torch.Tensor:
    h = m.body(x)
    return m.head(h.view(h.size(0), -1))


def _attention(m: Any, x: torch.Tensor) -> torch.Tensor:
    q, k, v = m.q(x), m.k(x), m.v(x)
    weights = torch.softmax(q @ k.transpose(1, 2) / 8**0.5, -1)
    return m.out(functional.relu(m.up(weights @ v)))


def _squeeze(m: Any, x: torch.Tensor) -> torch.Tensor:
    h = torch.relu(m.one(x))
    gate = torch.sigmoid(m.up(torch.relu(m.down(h.mean((2, 3), keepdim=True)))))
    return m.head((h * gate).mean((2, 3)))


def _dueling(m: Any, x: torch.Tensor) -> torch.Tensor:
    h = m.body(x)
    advantage = m.advantage(h)
    return m.value(h) + advantage - advantage.mean(1, keepdim=True)


def _unet(m: Any, x: torch.Tensor) -> torch.Tensor:
    one = torch.relu(m.down(x))
    two = torch.relu(m.deep(functional.max_pool2d(one, 2)))
    return m.head(torch.cat([one, m.up(two)], 1))


def _mixer(m: Any, x: torch.Tensor) -> torch.Tensor:
    h = x + m.tokens(x.transpose(1, 2)).transpose(1, 2)
    return m.head((h + m.channels(h)).mean(1))


def _patches(m: Any, x: torch.Tensor) -> torch.Tensor:
    tokens = m.patch(x).flatten(2).transpose(1, 2) + m.position.weight
    return m.head(m.body(tokens).mean(1))


def _causal(m: Any, x: torch.Tensor) -> torch.Tensor:
    return m.two(functional.pad(torch.relu(m.one(functional.pad(x, (2, 0)))), (4, 0)))[:, :, -1]


def _inception(m: Any, x: torch.Tensor) -> torch.Tensor:
    return m.head(torch.relu(torch.cat([m.one(x), m.three(x), m.pool(x)], 1)).mean((2, 3)))


def _rms(m: Any, x: torch.Tensor) -> torch.Tensor:
    h = m.one(x)
    return m.two(torch.relu(h * torch.rsqrt(h.pow(2).mean(-1, keepdim=True) + 1e-6)))


def _maxout(m: Any, x: torch.Tensor) -> torch.Tensor:
    return m.two(torch.maximum(m.a(x), m.b(x)))


def _highway(m: Any, x: torch.Tensor) -> torch.Tensor:
    gate = torch.sigmoid(m.gate(x))
    return m.out(gate * torch.relu(m.body(x)) + (1 - gate) * x)


def _experts(m: Any, x: torch.Tensor) -> torch.Tensor:
    weights = torch.softmax(m.gate(x), -1)
    return weights[:, :1] * m.a(x) + weights[:, 1:] * m.b(x)


def _waves(m: Any, x: torch.Tensor) -> torch.Tensor:
    return m.net(torch.cat([f(k * x) for k in (1, 2, 4) for f in (torch.sin, torch.cos)], -1))


def _recurrent(m: Any, x: torch.Tensor) -> torch.Tensor:
    return m.head(torch.relu(m.body(m.cell(m.below(x))[0][:, -1])))


def mlp(activation: nn.Module, a: int = 6, b: int = 10, c: int = 3) -> nn.Sequential:
    """Three layers with a function between each two."""
    return chain(nn.Linear(a, b), activation, nn.Linear(b, b), activation, nn.Linear(b, c))


def designs() -> dict[str, Callable[[], Design]]:
    """The designs by name."""
    relu = nn.ReLU()
    return {
        "MLP, ReLU": lambda: (mlp(relu), (vector(6),)),
        "MLP, Tanh": lambda: (mlp(nn.Tanh()), (vector(6),)),
        "MLP, SiLU": lambda: (mlp(nn.SiLU()), (vector(6),)),
        "MLP, GELU": lambda: (mlp(nn.GELU()), (vector(6),)),
        "MLP, GELU by tanh": lambda: (mlp(nn.GELU("tanh")), (vector(6),)),
        "MLP, ELU and SELU": lambda: (chain(nn.Linear(6, 8), nn.ELU(), nn.Linear(8, 8), nn.SELU()), (vector(6),)),
        "MLP, Softplus": lambda: (mlp(nn.Softplus()), (vector(6),)),
        "MLP, LeakyReLU and PReLU": lambda: (
            chain(nn.Linear(6, 8), nn.LeakyReLU(), nn.Linear(8, 8), nn.PReLU(8), nn.Linear(8, 2)),
            (vector(6),),
        ),
        "MLP, Mish": lambda: (mlp(nn.Mish()), (vector(6),)),
        "MLP, Hardswish and ReLU6": lambda: (
            chain(nn.Linear(6, 8), nn.Hardswish(), nn.Linear(8, 8), nn.ReLU6(), nn.Linear(8, 2)),
            (vector(6),),
        ),
        "MLP, LogSigmoid": lambda: (mlp(nn.LogSigmoid()), (vector(6),)),
        "MLP, BatchNorm1d": lambda: (
            chain(nn.Linear(6, 8), nn.BatchNorm1d(8), relu, nn.Linear(8, 3)),
            (vector(6),),
        ),
        "MLP, Dropout, LogSoftmax": lambda: (
            chain(nn.Linear(6, 8), relu, nn.Dropout(0.5), nn.Linear(8, 3), nn.LogSoftmax(1)),
            (vector(6),),
        ),
        "MLP, LayerNorm": lambda: (chain(nn.Linear(6, 8), nn.LayerNorm(8), relu, nn.Linear(8, 3)), (vector(6),)),
        "MLP, RMS norm": lambda: (Of(_rms, one=nn.Linear(6, 8), two=nn.Linear(8, 3)), (vector(6),)),
        "MLP, two heads": lambda: (
            Of(
                lambda m, x: (m.a(h := torch.tanh(m.body(x))), m.b(h)),
                body=nn.Linear(6, 8),
                a=nn.Linear(8, 3),
                b=nn.Linear(8, 1),
            ),
            (vector(6),),
        ),
        "MLP, two inputs": lambda: (
            Of(
                lambda m, x, y: m.head(torch.relu(m.body(torch.cat([x, y], 1)))),
                body=nn.Linear(9, 8),
                head=nn.Linear(8, 2),
            ),
            (vector(6), vector(3)),
        ),
        "MLP, residual": lambda: (
            Of(lambda m, x: m.head(x + m.body(x)), body=mlp(relu, 6, 10, 6), head=nn.Linear(6, 2)),
            (vector(6),),
        ),
        "MLP on sequences": lambda: (mlp(relu), (vector(5, 6),)),
        "dueling": lambda: (
            Of(_dueling, body=chain(nn.Linear(6, 8), relu), value=nn.Linear(8, 1), advantage=nn.Linear(8, 4)),
            (vector(6),),
        ),
        "SwiGLU": lambda: (
            Of(
                lambda m, x: m.down(functional.silu(m.gate(x)) * m.up(x)),
                gate=nn.Linear(6, 8),
                up=nn.Linear(6, 8),
                down=nn.Linear(8, 6),
            ),
            (vector(5, 6),),
        ),
        "GLU": lambda: (chain(nn.Linear(6, 16), nn.GLU(), nn.Linear(8, 3)), (vector(6),)),
        "highway": lambda: (
            Of(_highway, gate=nn.Linear(6, 6), body=nn.Linear(6, 6), out=nn.Linear(6, 2)),
            (vector(6),),
        ),
        "maxout": lambda: (Of(_maxout, a=nn.Linear(6, 8), b=nn.Linear(6, 8), two=nn.Linear(8, 2)), (vector(6),)),
        "two experts": lambda: (
            Of(_experts, gate=nn.Linear(6, 2), a=mlp(relu), b=mlp(relu)),
            (vector(6),),
        ),
        "sines of a coordinate": lambda: (Of(_waves, net=mlp(relu, 12)), (vector(2),)),
        "bytes scaled": lambda: (
            Of(lambda m, x: m.net((x.float() / 255).flatten(1)), net=mlp(relu, 16)),
            (torch.randint(0, 255, (2, 1, 4, 4), dtype=torch.uint8),),
        ),
        "inputs normalised": lambda: (
            Of(lambda m, x: m.net((x - 0.25) / 0.5), net=mlp(relu)),
            (vector(6),),
        ),
        "outputs clamped": lambda: (Of(lambda m, x: m.net(x).clamp(-1, 1), net=mlp(relu)), (vector(6),)),
        "decision": lambda: (Of(lambda m, x: m.net(x).argmax(1), net=mlp(relu)), (vector(6),)),
        "threshold": lambda: (Of(lambda m, x: m.net(x) > 0.5, net=mlp(relu)), (vector(6),)),
        "CNN, view": lambda: (
            Of(
                _viewed,
                body=chain(conv(1, 4), relu, nn.MaxPool2d(2), conv(4, 6), relu, nn.MaxPool2d(2)),
                head=nn.Linear(24, 3),
            ),
            (vector(1, 8, 8),),
        ),
        "CNN, Flatten": lambda: (
            chain(conv(1, 4), relu, nn.AvgPool2d(2), conv(4, 6), relu, nn.Flatten(), nn.Linear(96, 3)),
            (vector(1, 8, 8),),
        ),
        "CNN, BatchNorm2d": lambda: (
            chain(conv(3, 4), nn.BatchNorm2d(4), relu, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)),
            (vector(3, 8, 8),),
        ),
        "CNN, residual": lambda: (
            Of(
                lambda m, x: m.head(torch.relu(m.skip(x) + m.two(torch.relu(m.one(x)))).mean((2, 3))),
                one=conv(3, 4),
                two=conv(4, 4),
                skip=nn.Conv2d(3, 4, 1),
                head=nn.Linear(4, 2),
            ),
            (vector(3, 8, 8),),
        ),
        "CNN, inception": lambda: (
            Of(
                _inception,
                one=nn.Conv2d(3, 2, 1),
                three=conv(3, 3),
                pool=chain(nn.MaxPool2d(3, 1, 1), nn.Conv2d(3, 2, 1)),
                head=nn.Linear(7, 2),
            ),
            (vector(3, 8, 8),),
        ),
        "CNN, squeeze and excite": lambda: (
            Of(_squeeze, one=conv(3, 8), down=nn.Conv2d(8, 2, 1), up=nn.Conv2d(2, 8, 1), head=nn.Linear(8, 2)),
            (vector(3, 8, 8),),
        ),
        "CNN, depthwise": lambda: (
            chain(conv(3, 6, groups=3), nn.ReLU6(), nn.Conv2d(6, 4, 1), nn.Hardswish(), nn.Conv2d(4, 2, 1)),
            (vector(3, 8, 8),),
        ),
        "CNN, GroupNorm": lambda: (
            chain(conv(3, 4), nn.GroupNorm(2, 4), relu, conv(4, 2)),
            (vector(3, 8, 8),),
        ),
        "CNN, InstanceNorm": lambda: (
            chain(conv(3, 4), nn.InstanceNorm2d(4, affine=True), relu, conv(4, 2)),
            (vector(3, 8, 8),),
        ),
        "CNN, upsampled nearest": lambda: (
            chain(conv(3, 4), relu, nn.Upsample(scale_factor=2), conv(4, 2)),
            (vector(3, 4, 4),),
        ),
        "CNN, upsampled bilinear": lambda: (
            chain(conv(3, 4), relu, nn.Upsample(scale_factor=2, mode="bilinear"), conv(4, 2)),
            (vector(3, 4, 4),),
        ),
        "CNN, pixel shuffle": lambda: (
            chain(conv(3, 8), relu, nn.PixelShuffle(2), conv(2, 2), relu, conv(2, 1)),
            (vector(3, 4, 4),),
        ),
        "CNN, pixel unshuffle": lambda: (
            chain(conv(2, 2), relu, nn.PixelUnshuffle(2), conv(8, 2), relu, conv(2, 1)),
            (vector(2, 4, 4),),
        ),
        "CNN, reflected padding": lambda: (
            chain(nn.ReflectionPad2d(1), nn.Conv2d(3, 4, 3), relu, conv(4, 2)),
            (vector(3, 5, 5),),
        ),
        "CNN, zero padding apart": lambda: (
            chain(nn.ZeroPad2d((0, 1, 0, 1)), nn.Conv2d(3, 4, 2), relu, nn.ZeroPad2d(1), nn.MaxPool2d(2), conv(4, 2)),
            (vector(3, 5, 5),),
        ),
        "CNN, softmax per pixel": lambda: (
            chain(conv(3, 4), relu, conv(4, 3), nn.Softmax(1)),
            (vector(3, 5, 5),),
        ),
        "autoencoder": lambda: (
            chain(nn.Conv2d(1, 4, 2, 2), relu, nn.ConvTranspose2d(4, 4, 2, 2), relu, conv(4, 1), nn.Sigmoid()),
            (vector(1, 8, 8),),
        ),
        "U-Net": lambda: (
            Of(_unet, down=conv(1, 4), deep=conv(4, 6), up=nn.ConvTranspose2d(6, 4, 2, 2), head=conv(8, 2)),
            (vector(1, 8, 8),),
        ),
        "generator": lambda: (
            chain(
                nn.Linear(4, 32),
                relu,
                nn.Unflatten(1, (8, 2, 2)),
                nn.ConvTranspose2d(8, 4, 2, 2),
                nn.BatchNorm2d(4),
                relu,
                nn.ConvTranspose2d(4, 1, 2, 2),
                nn.Tanh(),
            ),
            (vector(4),),
        ),
        "Conv1d, causal": lambda: (
            Of(_causal, one=nn.Conv1d(2, 4, 3), two=nn.Conv1d(4, 3, 3, dilation=2)),
            (vector(2, 10),),
        ),
        "Conv1d, pooled over time": lambda: (
            chain(nn.Conv1d(2, 4, 3), relu, nn.AdaptiveMaxPool1d(1), nn.Flatten(), nn.Linear(4, 2)),
            (vector(2, 10),),
        ),
        "sequence, summed over time": lambda: (
            Of(lambda m, x: m.head(torch.relu(m.body(x)).sum(1)), body=nn.Linear(6, 8), head=nn.Linear(8, 2)),
            (vector(5, 6),),
        ),
        "sequence, mean over time": lambda: (
            Of(lambda m, x: m.head(torch.relu(m.body(x)).mean(1)), body=nn.Linear(6, 8), head=nn.Linear(8, 2)),
            (vector(5, 6),),
        ),
        "embedding": lambda: (
            Of(
                lambda m, x: m.head(torch.relu(m.body(m.table(x).mean(1)))),
                table=nn.Embedding(11, 6),
                body=nn.Linear(6, 8),
                head=nn.Linear(8, 2),
            ),
            (torch.randint(0, 11, (2, 5)),),
        ),
        "LSTM": lambda: (
            Of(
                _recurrent,
                below=nn.Linear(6, 5),
                cell=nn.LSTM(5, 4, batch_first=True),
                body=nn.Linear(4, 8),
                head=nn.Linear(8, 2),
            ),
            (vector(5, 6),),
        ),
        "GRU": lambda: (
            Of(
                _recurrent,
                below=nn.Linear(6, 5),
                cell=nn.GRU(5, 4, batch_first=True),
                body=nn.Linear(4, 8),
                head=nn.Linear(8, 2),
            ),
            (vector(5, 6),),
        ),
        "attention": lambda: (
            Of(
                _attention,
                q=nn.Linear(6, 8),
                k=nn.Linear(6, 8),
                v=nn.Linear(6, 8),
                up=nn.Linear(8, 12),
                out=nn.Linear(12, 6),
            ),
            (vector(5, 6),),
        ),
        "transformer encoder": lambda: (
            chain(nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True), nn.Linear(8, 2)),
            (vector(5, 8),),
        ),
        "patches, transformer": lambda: (
            Of(
                _patches,
                patch=nn.Conv2d(1, 8, 4, 4),
                position=nn.Embedding(4, 8),
                body=nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True, activation="gelu"),
                head=nn.Linear(8, 3),
            ),
            (vector(1, 8, 8),),
        ),
        "mixer": lambda: (
            Of(_mixer, tokens=mlp(nn.GELU(), 5, 7, 5), channels=mlp(nn.GELU(), 6, 9, 6), head=nn.Linear(6, 2)),
            (vector(5, 6),),
        ),
    }
