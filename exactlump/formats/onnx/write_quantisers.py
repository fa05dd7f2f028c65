# SPDX-License-Identifier: Apache-2.0
"""This file is about writing quantisers: QuantizeLinear with DequantizeLinear where ONNX has the integers, else Quant.

Integers of 8 bits (and 16, which came with opset 21) with scales of float32 make a pair of standard operators, which
runtimes know.  Everything else is one operator of QONNX, whose bit width is free; no runtime needs to know it.
"""

from collections.abc import Mapping

import numpy as np
from onnx import TensorProto, helper

from exactlump.errors import CannotWrite
from exactlump.formats.onnx.writer import Writer
from exactlump.network.kinds import Activate
from exactlump.numbers import floats
from exactlump.numbers.rational import ONE, Vector, fraction, rational

DOMAIN = "qonnx.custom_op.general"
_MODES = {"quantize": b"ROUND", "quantize_floor": b"FLOOR"}
# Least and greatest integer: ONNX's type, and the opset since which it may be quantised to.
_INTEGERS: Mapping[tuple[int, int], tuple[int, int]] = {
    (0, 255): (TensorProto.UINT8, 10),
    (-128, 127): (TensorProto.INT8, 10),
    (0, 65535): (TensorProto.UINT16, 21),
    (-32768, 32767): (TensorProto.INT16, 21),
}


def quantise(writer: Writer, node: Activate) -> bool:
    """Write the functions of a layer if they are quantisers of one kind; whether they are.

    Raises CannotWrite where scales do not fit, or no operator has the bounds or zero points.
    """
    names = {function.name for function in node.functions}
    if names == {"bipolar_sign"}:
        scale = writer.constant(f"{node.target}_scale", floats.array((ONE,), writer.dtype).reshape(()))
        writer.node("BipolarQuant", [writer.source(node.source), scale], node.target, domain=DOMAIN)
        return True
    if len(names) != 1 or names.isdisjoint(_MODES):
        return False
    low, high = (int(bound) for bound in node.functions[0].parameters[2:])
    if any(function.parameters[2:] != node.functions[0].parameters[2:] for function in node.functions):
        raise CannotWrite("found quantisers with different bounds in one layer, which no operator computes")
    if not _linear(writer, node, low, high):
        _quant(writer, node, low, high)
    return True


def _linear(writer: Writer, node: Activate, low: int, high: int) -> bool:
    """A pair of standard operators, if there are any for it."""
    kind, opset = _INTEGERS.get((low, high), (0, 0))
    zeros = [int(function.parameters[1]) for function in node.functions]
    view, each = writer.view(node.target), len(set(node.functions)) > 1
    flat = view.channel is None and len(view.shape) > 1
    in_range = low <= min(zeros) and max(zeros) <= high
    if not kind or writer.dtype != "float32" or node.functions[0].name != "quantize" or not in_range or (each and flat):
        return False
    count = len(zeros) if each else 1
    axis = (view.channel or 0) + writer.batched(node.target)
    shape = (count,) if each else ()
    scale = writer.constant(f"{node.target}_s", floats.array(_scales(node)[:count], "float32").reshape(shape))
    numbers = np.array(zeros[:count], helper.tensor_dtype_to_np_dtype(kind)).reshape(shape)
    zero, between = writer.constant(f"{node.target}_z", numbers), writer.name(f"{node.target}_q")
    attributes = {"axis": axis} if each else {}
    opset = max(opset, 13) if each else opset
    writer.node("QuantizeLinear", [writer.source(node.source), scale, zero], between, opset=opset, **attributes)
    writer.node("DequantizeLinear", [between, scale, zero], node.target, opset=opset, **attributes)
    return True


def _quant(writer: Writer, node: Activate, low: int, high: int) -> None:
    """QONNX's operator: one zero point and bit width, scales of any shape."""
    first = node.functions[0]
    zero = first.parameters[1]
    signed, narrow, bits = _format(low, high)
    if not bits or any(function.parameters[1] != zero for function in node.functions):
        raise CannotWrite(f"found {first}, which no operator computes; a .json file can hold it")
    if first.name == "quantize" and fraction(zero)[0] % 2:
        raise CannotWrite(f"found {first}: with an odd zero point Quant rounds ties another way")
    scales = writer.values(f"{node.target}_scale", _scales(node), writer.view(node.target))
    inputs = [writer.source(node.source), scales]
    for word, value in (("zero", zero), ("bits", rational(bits))):
        inputs.append(writer.constant(f"{node.target}_{word}", floats.array((value,), writer.dtype).reshape(())))
    mode = _MODES[first.name]
    writer.node("Quant", inputs, node.target, domain=DOMAIN, signed=signed, narrow=narrow, rounding_mode=mode)


def _scales(node: Activate) -> Vector:
    return tuple(function.parameters[0] for function in node.functions)


def _format(low: int, high: int) -> tuple[int, int, int]:
    """signed, narrow and the bit width of bounds; the width 0 where there is none."""
    for narrow in (0, 1):
        bits = (high + 1 + (0 if low else narrow)).bit_length() - 1 + (low < 0)
        least = narrow - (1 << (bits - 1)) if low < 0 else 0
        greatest = (1 << (bits - 1)) - 1 if low < 0 else (1 << bits) - 1 - narrow
        if bits > 0 and (low, high) == (least, greatest):
            return int(low < 0), narrow, bits
    return 0, 0, 0
