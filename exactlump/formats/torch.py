# SPDX-License-Identifier: Apache-2.0
"""This file is about PyTorch: modules in memory, and files of weights, which are loaded without running any code.

A module becomes an ONNX model, layer by layer, and that is what is read: so it has the meaning, the names and the
rounding of batch normalisations that ONNX has here, and can be written as the file that a certificate speaks of.
A file of weights says nothing of activations.  An architecture does: JSON with the input's shape and the layers in
order, by the names of their classes (docs/pytorch.md).  Nothing is guessed.
"""

import io
import json
import os
import pickle
import struct
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from onnx import ModelProto

from exactlump.errors import FormatError, UnsupportedLayer
from exactlump.formats.files import MAX_UNPACKED, about, read_bytes
from exactlump.formats.onnx import reading
from exactlump.formats.torch_layers import Graph, convert, demand_plain, demand_shape, dtype_of
from exactlump.network.program import Network
from exactlump.network.views import Shape

_FORMAT, _VERSION = "exactlump architecture", 1
_LARGEST = 1e30
# What a file of weights may call them, when it holds more than them.
_HOLDERS = ("state_dict", "model_state_dict")
# Classes that a file of weights may be read with, and the numbers that they may be given.
_DENSE: Mapping[str, tuple[str, ...]] = {
    "Linear": (),
    "Flatten": (),
    **dict.fromkeys(("Identity", "Dropout", "ReLU", "ReLU6", "Sigmoid", "Tanh", "Softsign", "SELU", "SiLU"), ()),
    **dict.fromkeys(("Hardsigmoid", "Hardswish", "Mish", "GELU"), ()),
    "LeakyReLU": ("negative_slope",),
    "ELU": ("alpha",),
    "CELU": ("alpha",),
    "Hardtanh": ("min_val", "max_val"),
}


def _package() -> Any:
    try:
        import torch
    except ImportError as error:
        raise UnsupportedLayer("PyTorch is not installed: pip install 'exactlump[torch]'") from error
    return torch


# Modules


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


# Files


def specification(
    path: str | os.PathLike[str], architecture: str | os.PathLike[str] | None, max_unpacked: int = MAX_UNPACKED
) -> bytes:
    """The ONNX file of the network that a file of weights and an architecture make.

    Raises FormatError for files that break their formats or do not fit each other, UnsupportedLayer for what is not
    covered.  Equal files give equal bytes.
    """
    with about(path):
        if architecture is None:
            raise FormatError("found weights, which have no activations; expected --architecture FILE beside them")
        weights = _weights(load(Path(path), max_unpacked))
    with about(architecture):
        shape, layers = _architecture(read_bytes(Path(architecture)))
        model = to_onnx(_assemble(layers, weights), shape)
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def load(path: Path, max_unpacked: int = MAX_UNPACKED) -> Any:
    """What a .pt or .pth file holds, if that is tensors and plain values: code in it is refused, and never runs."""
    torch = _package()
    data = read_bytes(path)
    try:
        _demand_weights(data, max_unpacked)
        with warnings.catch_warnings(action="ignore"):  # PyTorch's advice on how to write such files
            return torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except (FormatError, UnsupportedLayer):
        raise
    except pickle.UnpicklingError as error:
        # PyTorch puts advice around the reason: to trust the file.
        reason = str(error.__context__ or error).split(". Please")[0]
        raise UnsupportedLayer(f"found more than weights: {reason[:200]}; expected a state dict, or ONNX") from error
    except _DAMAGE as error:
        raise FormatError(f"torch: cannot be read: {type(error).__name__}: {str(error)[:200]}") from error


# What a damaged file makes PyTorch and the readers of zip files raise.
_DAMAGE = (
    *(zipfile.BadZipFile, struct.error, LookupError, RuntimeError, ValueError, TypeError, AttributeError, EOFError),
    *(ArithmeticError, AssertionError, MemoryError, OSError),
)


def _demand_weights(data: bytes, max_unpacked: int) -> None:
    """A zip file states what it unpacks to, and is no TorchScript, which holds code; PyTorch unpacks no other."""
    if zipfile.is_zipfile(io.BytesIO(data)):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > max_unpacked:
                raise FormatError(f"zip: unpacks to more than {max_unpacked} bytes, the limit that was set")
            if any(entry.filename.endswith("/constants.pkl") for entry in archive.infolist()):
                raise UnsupportedLayer("found TorchScript, which is code; expected a state dict, or ONNX")


def _weights(content: Any) -> dict[str, Any]:
    """The tensors by name: the file's whole content, or what it keeps under a known key, alone in a list or not."""
    torch = _package()
    for key in _HOLDERS:
        if isinstance(content, dict) and key in content:
            content = content[key]
            break
    if isinstance(content, list) and len(content) == 1:
        content = content[0]
    if not isinstance(content, dict) or not content:
        raise UnsupportedLayer(f"found {type(content).__name__}, expected a state dict")
    for name, tensor in content.items():
        if not isinstance(name, str) or type(tensor) not in (torch.Tensor, torch.nn.Parameter):
            raise UnsupportedLayer(f"entry {str(name)[:40]!r}: found {type(tensor).__name__}, expected a tensor")
        with about(f"entry {name[:40]!r}"):
            demand_plain(tensor)
        if tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
            raise FormatError(f"tensor {name[:40]!r}: found more elements than are stored")
        if not bool(torch.isfinite(tensor).all()):
            raise FormatError(f"tensor {name[:40]!r}: found nan or infinite numbers, expected finite ones")
    return content


def _architecture(data: bytes) -> tuple[Shape, list[dict[str, Any]]]:
    """The input's shape, and the layers, each with its name and class."""
    try:
        top = json.loads(data.decode("utf-8"), object_pairs_hook=_object)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"json: {error}") from error
    keys = {"format", "version", "input", "layers"}
    if not isinstance(top, dict) or set(top) != keys or (top["format"], top["version"]) != (_FORMAT, _VERSION):
        raise FormatError(f"expected the keys {', '.join(sorted(keys))}, format {_FORMAT!r} and version {_VERSION}")
    if not isinstance(top["layers"], list) or not top["layers"]:
        raise FormatError("layers: expected a list")
    layers = []
    for i, entry in enumerate(top["layers"]):
        layer = {"kind": entry} if isinstance(entry, str) else entry
        if not isinstance(layer, dict) or layer.get("kind") not in _DENSE:
            raise UnsupportedLayer(f"layer {i}: found {str(entry)[:60]}, expected one of {', '.join(_DENSE)}")
        given = set(layer) - {"kind", "name"}
        wrong = given ^ set(_DENSE[layer["kind"]])
        if wrong or not all(type(layer[key]) in (int, float) and abs(layer[key]) < _LARGEST for key in given):
            raise FormatError(f"layer {i}: expected numbers for {', '.join(_DENSE[layer['kind']]) or 'nothing'}")
        layers.append({"name": str(i), **layer})
    return demand_shape(top["input"]), layers


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) != len(pairs):
        raise ValueError("found a key twice in one object")
    return dict(pairs)


def _assemble(layers: list[dict[str, Any]], weights: dict[str, Any]) -> Any:
    """The module: its Linear layers have the sizes and numbers of the weights, all of which must be used."""
    nn = _package().nn
    unused = dict(weights)
    module = nn.Sequential()
    for i, layer in enumerate(layers):
        name, arguments = layer["name"], {key: value for key, value in layer.items() if key not in ("kind", "name")}
        if not isinstance(name, str):
            raise FormatError(f"layer {i}: found the name {str(name)[:40]}, expected text")
        if layer["kind"] != "Linear":
            module.append(getattr(nn, layer["kind"])(**arguments))
            continue
        module.append(_linear(name, unused))
    if unused:
        raise FormatError(f"layers: found no Linear for {', '.join(sorted(unused))[:80]} of the weights")
    return module.eval()


def _linear(name: str, unused: dict[str, Any]) -> Any:
    nn = _package().nn
    with about(f"layer {name!r}"):
        weight, bias = unused.pop(f"{name}.weight", None), unused.pop(f"{name}.bias", None)
        if weight is None or weight.dim() != 2 or (bias is not None and bias.shape != weight.shape[:1]):
            found = "none" if weight is None else f"shape {list(weight.shape)}"
            raise FormatError(f"found {found}, expected a matrix {name}.weight and a bias that fits")
        made = nn.Linear(1, 1, bias=bias is not None, dtype=weight.dtype)
        for key, tensor in (("weight", weight), ("bias", bias)):
            if tensor is not None:
                setattr(made, key, nn.Parameter(tensor, requires_grad=False))
        made.in_features, made.out_features = weight.shape[1], weight.shape[0]
        return made
