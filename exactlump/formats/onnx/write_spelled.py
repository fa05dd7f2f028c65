# SPDX-License-Identifier: Apache-2.0
"""This file is about writing functions in several operators, where one does not compute them, or not in that opset."""

from exactlump.errors import CannotWrite
from exactlump.formats.onnx.writer import Writer
from exactlump.network.activations import Activation
from exactlump.network.kinds import Activate
from exactlump.numbers import floats
from exactlump.numbers.rational import ONE, Rational, fraction, text

# The opset since which silu is Swish.
_SWISH = 24


def spell(writer: Writer, node: Activate, function: Activation) -> bool:
    """Write a function in several operators: whether it is one of those."""
    source, target = writer.source(node.source), node.target
    match function.name:
        case "silu" if writer.opset < _SWISH:
            writer.node("Mul", [source, _step(writer, "Sigmoid", source, target)], target)
        case "hard_gate":
            alpha, beta = map(_float32, function.parameters)
            gate = writer.name(f"{target}_gate")
            writer.node("HardSigmoid", [source], gate, alpha=alpha, beta=beta)
            writer.node("Mul", [source, gate], target)
        case "softplus" if writer.dtype == "float64":
            _softplus(writer, source, target)
        case "log_sigmoid":
            writer.node("Log", [_step(writer, "Sigmoid", source, target)], target)
        case "erf_gate":
            _erf_gate(writer, node, function)
        case "softplus_above" if function.parameters[0] == 1:
            above = _number(writer, f"{target}_threshold", function.parameters[1])
            greater = writer.name(f"{target}_is_above")
            writer.node("Greater", [source, above], greater, opset=9)
            below = writer.name(f"{target}_softplus")
            _softplus(writer, source, below)
            writer.node("Where", [greater, source, below], target, opset=9)
        case _:
            return False
    return True


def _softplus(writer: Writer, source: str, target: str) -> None:
    """Softplus, or log(1 + e^y) in float64, which runtimes have no operator for."""
    if writer.dtype != "float64":
        writer.node("Softplus", [source], target)
        return
    more = writer.name(f"{target}_more")
    writer.node("Add", [_step(writer, "Exp", source, target), _number(writer, f"{target}_one", ONE)], more)
    writer.node("Log", [more], target)


def _erf_gate(writer: Writer, node: Activate, function: Activation) -> None:
    """y * (c * erf(a * y) + c)."""
    source, target, (a, c) = writer.source(node.source), node.target, function.parameters
    inner = _times(writer, source, a, f"{target}_inner")
    outer = _times(writer, _step(writer, "Erf", inner, target, 9), c, f"{target}_outer")
    shifted = writer.name(f"{target}_shifted")
    writer.node("Add", [outer, _number(writer, f"{target}_one", c)], shifted)
    writer.node("Mul", [source, shifted], target)


def _step(writer: Writer, kind: str, source: str, target: str, opset: int = 0) -> str:
    name = writer.name(f"{target}_{kind.lower()}")
    writer.node(kind, [source], name, opset=opset)
    return name


def _times(writer: Writer, source: str, factor: Rational, wish: str) -> str:
    """The tensor times a number, which is a float, or one over a float."""
    if factor == 1:
        return source
    name = writer.name(wish)
    if floats.fits(factor, writer.dtype):
        writer.node("Mul", [source, _number(writer, f"{wish}_factor", factor)], name)
    else:
        writer.node("Div", [source, _number(writer, f"{wish}_divisor", ONE / factor)], name)
    return name


def _number(writer: Writer, wish: str, value: Rational) -> str:
    """A constant of one number; CannotWrite where the type does not have it."""
    if not floats.fits(value, writer.dtype):
        raise CannotWrite(f"{wish}: {text(value)[:60]} is no {writer.dtype} number")
    return writer.constant(wish, floats.array((value,), writer.dtype).reshape(()))


def _float32(value: Rational) -> float:
    if not floats.fits(value, "float32"):
        raise CannotWrite(f"found {text(value)[:60]}, expected a float32 number")
    p, q = fraction(value)
    return p / q
