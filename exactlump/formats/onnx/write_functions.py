# SPDX-License-Identifier: Apache-2.0
"""This file is about writing activation functions as ONNX operators."""

from collections.abc import Mapping
from typing import Any

from exactlump.errors import CannotWrite
from exactlump.formats.onnx.write_quantisers import quantise
from exactlump.formats.onnx.write_spelled import spell
from exactlump.formats.onnx.writer import Writer
from exactlump.network.activations import ABS, ONNX_NAMES, RELU, Activation
from exactlump.network.kinds import Activate
from exactlump.numbers import floats
from exactlump.numbers.rational import Rational, Vector, fraction, text

# Function: the operator, the opset that it came with, and its attributes for the parameters.
_OPERATORS: Mapping[str, tuple[str, int, tuple[str, ...]]] = {
    **{name: (name.capitalize(), 0, ()) for name in ONNX_NAMES},
    "erf": ("Erf", 9, ()),
    "sign": ("Sign", 9, ()),
    "floor": ("Floor", 0, ()),
    "ceil": ("Ceil", 0, ()),
    "round": ("Round", 11, ()),
    "elu": ("Elu", 0, ("alpha",)),
    "selu": ("Selu", 0, ("alpha", "gamma")),
    "celu": ("Celu", 12, ("alpha",)),
    "hard_sigmoid": ("HardSigmoid", 0, ("alpha", "beta")),
    "thresholded_relu": ("ThresholdedRelu", 10, ("alpha",)),
    "hard_swish": ("HardSwish", 14, ()),
    "mish": ("Mish", 18, ()),
    "gelu": ("Gelu", 20, ()),
    "gelu_tanh": ("Gelu", 20, ()),
    "silu": ("Swish", 24, ()),
}

# The opsets since which Max and Min broadcast, and the bounds of Clip are inputs.
_BROADCAST, _BOUNDS_ARE_INPUTS = 8, 11


def activate(writer: Writer, node: Activate) -> None:
    """One operator for one function; a constant for each unit where functions differ in a slope or bound."""
    names = {function.name for function in node.functions}
    if len(set(node.functions)) == 1 and spell(writer, node, node.functions[0]):
        return
    if quantise(writer, node):
        return
    if len(set(node.functions)) == 1 and _one(writer, node, node.functions[0]):
        return
    if len(names) != 1 or names.isdisjoint({"leaky_relu", "at_least", "at_most", "clip"}):
        raise CannotWrite("found several functions in one layer, which no operator of ONNX computes")
    (name,) = names
    firsts = tuple(function.parameters[0] for function in node.functions)
    if name == "leaky_relu":
        _with_constants(writer, node, "PRelu", "slope", firsts)
    elif name == "clip":
        seconds = tuple(function.parameters[1] for function in node.functions)
        between = writer.name(f"{node.target}_raised")
        low = writer.values(f"{node.target}_low", firsts, writer.view(node.target))
        high = writer.values(f"{node.target}_high", seconds, writer.view(node.target))
        writer.node("Max", [writer.source(node.source), low], between, opset=_BROADCAST)
        writer.node("Min", [between, high], node.target, opset=_BROADCAST)
    else:
        _with_constants(writer, node, "Max" if name == "at_least" else "Min", "bound", firsts)


def _with_constants(writer: Writer, node: Activate, kind: str, word: str, values: Vector) -> None:
    name = writer.values(f"{node.target}_{word}", values, writer.view(node.target))
    writer.node(kind, [writer.source(node.source), name], node.target, opset=0 if kind == "PRelu" else _BROADCAST)


def _one(writer: Writer, node: Activate, function: Activation) -> bool:
    """Write the one function of a layer; whether that was possible with numbers in attributes."""
    source, target = writer.source(node.source), node.target
    if function in (RELU, ABS):
        writer.node("Relu" if function == RELU else "Abs", [source], target)
    elif function.name == "leaky_relu":
        if not floats.fits(function.parameters[0], "float32"):
            return False
        writer.node("LeakyRelu", [source], target, alpha=_number(function.parameters[0]))
    elif function.name in ("clip", "at_least", "at_most"):
        _clip(writer, source, target, function)
    elif function.name in _OPERATORS:
        kind, opset, names = _OPERATORS[function.name]
        if kind == "Celu" and writer.dtype != "float32":
            raise CannotWrite(f"Celu: found {writer.dtype}, expected float32, the only type that ONNX has it for")
        attributes: dict[str, object] = {
            name: _attribute(name, value) for name, value in zip(names, function.parameters, strict=True)
        }
        if function.name == "gelu_tanh":
            attributes["approximate"] = "tanh"
        writer.node(kind, [source], target, opset=opset, **attributes)
    else:
        raise CannotWrite(f"found {function}, which no operator of ONNX computes; a .json file can hold it")
    return True


def _clip(writer: Writer, source: str, target: str, function: Activation) -> None:
    """The bounds are inputs, each of one number; before opset 11, attributes, which are float32."""
    low, high = {
        "clip": function.parameters,
        "at_least": (*function.parameters, None),
        "at_most": (None, *function.parameters),
    }[function.name]
    bounds = {word: value for word, value in (("min", low), ("max", high)) if value is not None}
    if writer.opset < _BOUNDS_ARE_INPUTS and all(floats.fits(value, "float32") for value in bounds.values()):
        limits: dict[str, Any] = {word: _number(value) for word, value in bounds.items()}
        writer.node("Clip", [source], target, **limits)
        return
    inputs = [source]
    for word, value in (("low", low), ("high", high)):
        if value is None:
            inputs.append("")
        else:
            inputs.append(writer.constant(f"{target}_{word}", floats.array((value,), writer.dtype).reshape(())))
    writer.node("Clip", inputs if inputs[-1] else inputs[:-1], target, opset=_BOUNDS_ARE_INPUTS)


def _attribute(name: str, value: Rational) -> float:
    """A float attribute, of 32 bits."""
    if not floats.fits(value, "float32"):
        raise CannotWrite(f"{name}: {text(value)[:60]} is no float32 number")
    return _number(value)


def _number(value: Rational) -> float:
    p, q = fraction(value)
    return p / q
