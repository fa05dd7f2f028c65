# SPDX-License-Identifier: Apache-2.0
"""This file is about modules of PyTorch in memory.  Files of weights, which need no PyTorch, are in `weights.py`.

A module becomes an ONNX model, layer by layer, and that is what is read: so it has the meaning, the names and the
rounding of batch normalisations that ONNX has here, and can be written as the file that a certificate speaks of.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from onnx import ModelProto

from exactlump.errors import UnsupportedLayer
from exactlump.formats.onnx import reading
from exactlump.formats.torch_layers import Graph, convert, demand_shape, dtype_of
from exactlump.network.program import Network
from exactlump.network.views import Shape


def _package() -> Any:
    try:
        import torch
    except ImportError as error:
        raise UnsupportedLayer("PyTorch is not installed: pip install 'exactlump[torch]'") from error
    return torch


def from_torch(module: Any, shape: Any = None, batchnorm: str | None = None) -> Network:
    """The network that a torch.nn.Sequential of supported layers computes when it does not train.

    shape      of one input, without the batch axis; not needed where the first layer is a Linear
    batchnorm  how scales of batch normalisations are read: "float32", "float64" or "exact"
    Raises UnsupportedLayer for other modules and layers, ShapeError where layers do not fit the shape.
    """
    graph, sizes = _graph(module, shape)
    return reading.parse(graph.model(sizes), Path(), batchnorm)


def to_onnx(module: Any, shape: Any = None) -> ModelProto:
    """The ONNX model of a module; arguments and errors as for `from_torch`."""
    graph, sizes = _graph(module, shape)
    network = reading.parse(graph.model(sizes), Path())
    return graph.model(sizes, network.shapes[network.outputs[0]])


def _graph(module: Any, shape: Any) -> tuple[Graph, Shape]:
    """The operators of a module, and the shape of its input."""
    layers = list(_layers(module, ""))
    if not layers:
        raise UnsupportedLayer("module: found no layer")
    if shape is None:
        first = layers[0][1]
        if type(first) is not _package().nn.Linear:
            raise UnsupportedLayer(f"shape: found none below a {type(first).__name__}, expected the shape of an input")
        shape = (first.in_features,)
    sizes = demand_shape(shape)
    graph = Graph(dtype_of(list(module.state_dict().values())))
    for name, layer in layers:
        convert(graph, name, layer)
    return graph, sizes


def _layers(module: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    """The layers of a Sequential in order, each with its name in the state dict."""
    nn = _package().nn
    if not isinstance(module, nn.Module):
        raise UnsupportedLayer(f"found {type(module).__name__}, expected a torch.nn.Sequential")
    if type(module) is not nn.Sequential:
        if not prefix and len(list(module.children())):
            raise UnsupportedLayer(f"found {type(module).__name__}, expected a torch.nn.Sequential")
        if getattr(nn, type(module).__name__, None) is not type(module):
            raise UnsupportedLayer(
                f"layer {prefix or '0'}: found {type(module).__name__}, expected a class of torch.nn"
            )
        yield prefix or "0", module
        return
    if any(vars(module).get(hooks) for hooks in ("_forward_hooks", "_forward_pre_hooks")):
        raise UnsupportedLayer(f"module {prefix or 'Sequential'}: found a hook")
    for name, layer in module.named_children():
        yield from _layers(layer, f"{prefix}.{name}" if prefix else name)
