# SPDX-License-Identifier: Apache-2.0
"""This file is about files of weights as networks: the layers that they lack come from an architecture or a function.

A file of weights says nothing of activations.  An architecture does: JSON with the input's shape and the layers in
order, by the names of their classes (docs/pytorch.md).  Or one function is stated, which stands between each two
layers; then the layers must be numbered.  Nothing is guessed.
"""

import json
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

from exactlump.errors import FormatError, UnsupportedLayer
from exactlump.formats import checkpoints, safetensors
from exactlump.formats.files import MAX_UNPACKED, about, read_bytes
from exactlump.formats.onnx import reading
from exactlump.formats.state_dicts import Weights, parameters
from exactlump.formats.torch_layers import Graph, convert, demand_shape
from exactlump.network.views import Shape

_FORMAT, _VERSION = "exactlump architecture", 1
_LARGEST = 1e30
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
# What the classes have as attributes besides, when nobody says otherwise.
_ATTRIBUTES: Mapping[str, Mapping[str, Any]] = {
    "Flatten": {"start_dim": 1, "end_dim": -1},
    "Identity": {"training": False},
    "Dropout": {"training": False},
    "ReLU6": {"min_val": 0.0, "max_val": 6.0},
    "GELU": {"approximate": "none"},
}
# Classes that may be stated as the function between layers.
_BETWEEN = tuple(kind for kind in _DENSE if kind not in ("Linear", "Flatten", "Dropout"))
_REMEDY = "--activation NAME or --architecture FILE beside it"


class Stated(NamedTuple):
    """What people say of a file of weights.

    architecture  a file of JSON with the layers
    activation    the function between each two layers: "relu", "leaky_relu:0.01", "hardtanh:-1:1", "identity", ...
    """

    architecture: str | os.PathLike[str] | None = None
    activation: str | None = None


class Model(NamedTuple):
    """The ONNX file that weights and their layers make, and what is to be said of how they were read."""

    content: bytes
    notes: tuple[str, ...]


def load(path: Path, max_unpacked: int = MAX_UNPACKED) -> Weights:
    """The tensors of a .pt, .pth or .safetensors file by name; nothing in it runs.  Raises as the formats do."""
    data = read_bytes(path)
    if path.suffix.lower() == ".safetensors":
        return safetensors.parse(data)
    return checkpoints.parse(data, max_unpacked)


def specification(path: str | os.PathLike[str], stated: Stated, max_unpacked: int = MAX_UNPACKED) -> Model:
    """The ONNX file of the network that a file of weights and its layers make.  Equal files give equal bytes.

    Raises FormatError for files that break their formats or do not fit each other, UnsupportedLayer for what is not
    covered, or is not known.
    """
    if (stated.architecture is None) == (stated.activation is None):
        found = "found weights, which have no activations" if stated.activation is None else "found both"
        with about(path):
            raise FormatError(f"{found}; expected {_REMEDY}")
    if stated.activation is not None:
        with about(path):
            weights = parameters(load(Path(path), max_unpacked))
            shape, layers, notes = _in_order(weights.tensors, _function(stated.activation))
            return _model(shape, layers, weights, notes)
    assert stated.architecture is not None
    with about(stated.architecture):
        shape, layers = _architecture(read_bytes(Path(stated.architecture)))
    with about(path):
        weights = parameters(load(Path(path), max_unpacked), [str(layer["name"]) for layer in layers])
    with about(stated.architecture):
        return _model(shape, layers, weights, ())


def _model(shape: Shape, layers: Iterable[Mapping[str, Any]], weights: Weights, notes: Iterable[str]) -> Model:
    """The model of the layers, all of which have their numbers, none of which are left over."""
    unused, layers = dict(weights.tensors), list(layers)
    kind = next((str(array.dtype) for array in unused.values()), "float32")
    start = next(word for word in ("input", "x", "input of the network") if all(at["name"] != word for at in layers))
    graph = Graph(kind, start, start)
    for i, layer in enumerate(layers):
        name = layer["name"]
        if not isinstance(name, str):
            raise FormatError(f"layer {i}: found the name {str(name)[:40]}, expected text")
        if layer["kind"] == "Linear":
            made = _linear(name, unused)
        else:
            given = {key: value for key, value in layer.items() if key not in ("kind", "name")}
            made = SimpleNamespace(**{**_ATTRIBUTES.get(layer["kind"], {}), **given})
        convert(graph, name, made, layer["kind"])
    if unused:
        raise FormatError(f"layers: found no Linear for {', '.join(sorted(unused))[:80]} of the weights")
    network = reading.parse(graph.model(shape), Path())
    model = graph.model(shape, network.shapes[network.outputs[0]])
    content: bytes = model.SerializeToString(deterministic=True)
    return Model(content, (*weights.notes, *notes))


def _linear(name: str, unused: dict[str, Any]) -> SimpleNamespace:
    with about(f"layer {name!r}"):
        weight, bias = unused.pop(f"{name}.weight", None), unused.pop(f"{name}.bias", None)
        if weight is None or weight.ndim != 2 or (bias is not None and bias.shape != weight.shape[:1]):
            found = "none" if weight is None else f"shape {list(weight.shape)}"
            raise FormatError(f"found {found}, expected a matrix {name}.weight and a bias that fits")
        return SimpleNamespace(weight=weight, bias=bias)


# A stated function


def _function(words: str) -> dict[str, Any]:
    """The layer that a stated function is: its class in small letters, and its numbers behind colons."""
    name, *numbers = words.split(":")
    plain = name.lower().replace("_", "")
    kind = next((kind for kind in _BETWEEN if kind.lower() == plain), None)
    if kind is None:
        raise FormatError(f"activation: found {words[:40]!r}, expected one of {', '.join(map(str.lower, _BETWEEN))}")
    names = _DENSE[kind]
    try:
        values = [float(number) for number in numbers]
    except ValueError:
        values = []
    if len(values) != len(names) or len(numbers) != len(names) or not all(abs(v) < _LARGEST for v in values):
        example = ":".join((kind.lower(), *names))
        raise FormatError(f"activation: found {words[:40]!r}, expected {example}")
    return {"kind": kind, **dict(zip(names, values, strict=True))}


_NUMBERED = re.compile(r"(.*?)(\d+)", re.DOTALL)


def _in_order(
    tensors: Mapping[str, Any], function: Mapping[str, Any]
) -> tuple[Shape, list[dict[str, Any]], tuple[str, ...]]:
    """The shape of an input, and dense layers in the order of their numbers with a function between each two.

    Raises UnsupportedLayer where names do not tell an order: they must be one text with different numbers behind it.
    """
    stems = sorted({name.rpartition(".")[0] for name in tensors})
    for name, array in tensors.items():
        what = name.rpartition(".")[2]
        if what not in ("weight", "bias") or array.ndim != (2 if what == "weight" else 1):
            raise UnsupportedLayer(
                f"tensor {name[:80]!r}: found shape {list(array.shape)}, expected the weights and biases of dense "
                "layers only; export the module by torch.onnx.export"
            )
    if not stems:
        raise FormatError("found no tensor")
    found = [_NUMBERED.fullmatch(stem) for stem in stems]
    numbers = [(int(m[2]), m[0]) for m in found if m is not None and len(m[2]) < 10]
    texts = {m[1] for m in found if m is not None}
    if len(stems) > 1 and (len(numbers) < len(stems) or len(texts) > 1 or len({n for n, _ in numbers}) < len(stems)):
        raise UnsupportedLayer(
            f"found the layers {', '.join(stems)[:120]}, whose names do not tell their order; expected "
            "--architecture FILE, which lists them"
        )
    names = [name for _, name in sorted(numbers)] if len(stems) > 1 else stems
    layers: list[dict[str, Any]] = []
    for i, name in enumerate(names):
        if i:
            layers.append({"name": f"{names[i - 1]} to {name}", **function})
        layers.append({"kind": "Linear", "name": name})
    weight = tensors.get(f"{names[0]}.weight")
    if weight is None:
        raise FormatError(f"layer {names[0]!r}: found no weight")
    between = f", {function['kind']} between each two and none after the last" if len(names) > 1 else ""
    return (int(weight.shape[1]),), layers, (f"layers in the order {', '.join(names)}{between}, as stated",)


# An architecture


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
