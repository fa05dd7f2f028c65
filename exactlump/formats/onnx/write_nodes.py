# SPDX-License-Identifier: Apache-2.0
"""This file is about writing dense layers, what acts element by element, reorderings and heads as ONNX operators."""

import numpy as np

from exactlump.errors import CannotWrite
from exactlump.formats.onnx.reorderings import channel_after
from exactlump.formats.onnx.write_opaque import cast, full
from exactlump.formats.onnx.write_weights import as_read, bias_as_read, weights
from exactlump.formats.onnx.writer import Writer
from exactlump.network.kinds import Dense, Head, Reorder, Scale, Shift
from exactlump.network.views import View
from exactlump.numbers import floats
from exactlump.numbers.rational import ONE, ZERO, Rational

# The opset since which Gemm needs no bias.
_FREE_BIAS = 11
# The opset since which a softmax is over one axis.
_ONE_AXIS = 13
_HEADS = {"softmax": "Softmax", "log_softmax": "LogSoftmax"}


def dense(writer: Writer, node: Dense) -> None:
    """Gemm where the file had one and the bias is one float a unit; else MatMul and as many Adds as it takes."""
    product, weight, bias = node.names
    if is_row := _is_row(writer, node):
        writer.batches[node.target] = 1
    source = writer.source(node.source) if node.grid or is_row else writer.flat(node.source)  # vectors
    batched = writer.batched(node.source) or node.grid or is_row
    layout, axis = (np.transpose, 1) if batched else (np.asarray, 0)
    gemm = batched and not product and (not node.grid or len(full(writer, node.source)) == 2)
    read = as_read(writer, node, 0 if gemm else axis)
    parts = [] if read.bias is not None else writer.sums(node.bias)
    wish, bias_wish = weight or f"{node.target}_weight", bias or f"{node.target}_bias"
    if gemm and len(parts) <= 1:
        inputs = [source, weights(writer, wish, node, np.asarray, 0, read)]
        quantised = bias_as_read(writer, bias_wish, read)
        if quantised is not None:
            inputs.append(quantised)
        elif parts or bias or writer.opset < _FREE_BIAS:
            inputs.append(writer.constant(bias_wish, floats.array(node.bias, writer.dtype)))
        writer.node("Gemm", inputs, node.target, transB=1)
        return
    name = weights(writer, wish, node, layout, axis, read)
    quantised = bias_as_read(writer, bias_wish, read)
    if quantised is None and not parts and (bias or _read_by_shift(writer, node.target)):
        parts = [node.bias]
    end = writer.name(product or f"{node.target}_product") if parts or quantised else node.target
    writer.node("MatMul", [source, name] if batched else [name, source], end)
    if quantised is not None:
        writer.node("Add", [end, quantised], node.target)
    elif parts:
        writer.add(end, node.target, parts, bias_wish, uniform=False)


def _is_row(writer: Writer, node: Dense) -> bool:
    """Whether a layer of an ONNX file reads a matrix of one row, which then is its batch axis."""
    view = writer.view(node.source)
    row = len(view.shape) == 2 and view.shape[0] == 1 and view.channel is None and not view.open
    return row and not node.grid and not writer.batched(node.source) and writer.network.origin is not None


def _read_by_shift(writer: Writer, tensor: str) -> bool:
    """Whether an Add follows that a reader would take for the bias of this layer."""
    readers = writer.network.consumers[tensor]
    return len(readers) == 1 and bool(readers[0].constant) and tensor not in writer.network.outputs


def shift(writer: Writer, node: Shift) -> None:
    """Adds; one of zeros when there is nothing to add.

    A number that is finer than every float of the type is added to a multiple by a power of two, which is then undone.
    """
    powers = tuple(_power(value, writer.dtype) for value in node.constant)
    source, target, view = writer.source(node.source), node.target, writer.view(node.target)
    parts = writer.sums(tuple(value * power for value, power in zip(node.constant, powers, strict=True)))
    parts = parts or [(ZERO,) * len(node.constant)]
    if set(powers) == {ONE}:
        writer.add(source, target, parts)
        return
    raised, shifted = writer.name(f"{target}_raised"), writer.name(f"{target}_shifted")
    writer.node("Mul", [source, writer.values(f"{target}_power", powers, view)], raised)
    writer.add(raised, shifted, parts, view=view)
    back = tuple(ONE / power for power in powers)
    writer.node("Mul", [shifted, writer.values(f"{target}_back", back, view)], target)


def _power(value: Rational, dtype: str) -> Rational:
    """The least power of two, itself and 1/p floats, that takes the value to a sum of floats; 1 where there is none."""
    if floats.fits(value, dtype) or floats.pieces(value, dtype) is not None:
        return ONE
    power = ONE
    while floats.fits(ONE / power, dtype) and floats.fits(power, dtype):
        if floats.pieces(value * power, dtype) is not None:
            return power
        power = 2 * power
    return ONE


def scale(writer: Writer, node: Scale) -> None:
    """Mul by the factors that are floats, Div by the reciprocals of the others."""
    fit = [floats.fits(factor, writer.dtype) for factor in node.factor]
    divisors = tuple(ONE if ok else ONE / factor for factor, ok in zip(node.factor, fit, strict=True))
    factors = tuple(factor if ok else ONE for factor, ok in zip(node.factor, fit, strict=True))
    view, source = writer.view(node.target), writer.source(node.source)
    if any(fit):
        end = node.target if all(fit) else writer.name(f"{node.target}_scaled")
        writer.node("Mul", [source, writer.values(f"{node.target}_factor", factors, view)], end)
        source = end
    if not all(fit):
        writer.node("Div", [source, writer.values(f"{node.target}_divisor", divisors, view)], node.target)


def reorder(writer: Writer, node: Reorder) -> None:
    """Transpose and Reshape as needed; through a vector where a reader would else find channels; or a cast."""
    if node.cast:
        cast(writer, node)
        return
    if node.target in writer.implied:
        return
    source, view, batched = writer.source(node.source), writer.view(node.source), writer.batched(node.source)
    target, shape = writer.view(node.target), view.shape
    if node.axes is None and view == target:
        writer.node("Identity", [source], node.target)
        return
    if node.axes is not None:
        shape = tuple(shape[axis] for axis in node.axes)
        axes = [0, *(axis + 1 for axis in node.axes)] if batched else list(node.axes)
        view = View(shape, channel_after(view, node.axes, shape))
        end = node.target if view == target else writer.name(f"{node.target}_transposed")
        writer.node("Transpose", [source], end, perm=axes)
        source = end
    if view == target and node.axes is not None:
        return
    if target.channel is None and channel_after(view, None, target.shape) is not None:
        flat = writer.name(f"{node.target}_flat")
        writer.reshape(source, flat, (view.elements,), batched)
        source = flat
    writer.reshape(source, node.target, target.shape, batched)


def head(writer: Writer, node: Head) -> None:
    """Along the axis that has all elements, or, before opset 13, from axis 1 on; ArgMax of a vector."""
    batched, shape = writer.batched(node.source), writer.view(node.source).shape
    if node.kind == "argmax":
        writer.integers.add(node.target)
        writer.node("ArgMax", [writer.flat(node.source)], node.target, axis=int(batched), keepdims=1)
        return
    alone = max(shape, default=1) == writer.view(node.source).elements
    if not alone and writer.opset >= _ONE_AXIS:
        found = f"{node.kind}: found shape {list(shape)}, expected one axis besides the batch axis"
        raise CannotWrite(f"{found}; before opset {_ONE_AXIS} there may be more")
    axis = int(batched) + (shape.index(max(shape)) if alone else 0)
    writer.node(_HEADS[node.kind], [writer.source(node.source)], node.target, axis=axis)
