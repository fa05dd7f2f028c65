# SPDX-License-Identifier: Apache-2.0
"""This file is about writing operators on images, sums of tensors, and selections of units as ONNX operators."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exactlump.errors import CannotWrite
from exactlump.formats.onnx.write_weights import as_read, bias_as_read, weights
from exactlump.formats.onnx.writer import Writer
from exactlump.network.kinds import Add, AveragePool, Conv, MaxPool, Pad, Select, groups
from exactlump.network.views import View
from exactlump.network.windows import Window, whole
from exactlump.numbers import floats

# The opset since which pads are an input.
_PADS_ARE_INPUTS = 11


def conv(writer: Writer, node: Conv) -> None:
    """One operator with as many groups as the weight has; what the bias needs beyond one float a channel is added."""
    window, (rows, columns) = node.window, node.weight.shape
    group, channels = groups(node), columns // window.taps

    def layout(array: NDArray[Any]) -> NDArray[Any]:
        """(rows, channels of a group, kernel), or (channels, rows of a group, kernel) where it is transposed."""
        blocks = array.reshape(group, rows // group, group, channels // group, -1)
        diagonal = np.stack([blocks[g, :, g] for g in range(group)])
        if window.transposed:
            return diagonal.transpose(0, 2, 1, 3).reshape(channels, rows // group, *window.kernel)
        return diagonal.reshape(rows, channels // group, *window.kernel)

    _, weight, bias = node.names
    axis = 0 if not window.transposed else 1 if group == 1 else None
    read = as_read(writer, node, axis)
    parts = [] if read.bias is not None else writer.sums(node.bias)
    wish = weight or f"{node.target}_weight"
    source = writer.source(node.source) if window.transposed else _apart(writer, node)
    inputs = [source, weights(writer, wish, node, layout, axis, read)]
    quantised = bias_as_read(writer, bias or f"{node.target}_bias", read)
    if quantised is not None:
        inputs.append(quantised)
    elif parts or bias:
        first = parts[0] if parts else node.bias
        inputs.append(writer.constant(bias or f"{node.target}_bias", floats.array(first, writer.dtype)))
    end = writer.name(f"{node.target}_product") if parts[1:] else node.target
    kind, attributes = "Conv", _attributes(window)
    del attributes["kernel_shape"]  # which is that of the weights
    if window.transposed:
        kind = "ConvTranspose"
        if any(more := _output_padding(window)):
            attributes["output_padding"] = more
    if group > 1:
        attributes["group"] = group
    writer.node(kind, inputs, end, **attributes)
    if parts[1:]:
        writer.add(end, node.target, parts[1:])


def _attributes(window: Window) -> dict[str, Any]:
    """The attributes of a window, those aside that say what is so without them."""
    ones, found = {1}, {"kernel_shape": window.kernel, "strides": window.stride, "dilations": window.dilation}
    kept = {name: sizes for name, sizes in found.items() if name == "kernel_shape" or set(sizes) != ones}
    return kept | ({"pads": (*window.begin, *window.end)} if any((*window.begin, *window.end)) else {})


def _spans(window: Window) -> list[int]:
    return [d * (k - 1) + 1 for k, d in zip(window.kernel, window.dilation, strict=True)]


def _output_padding(window: Window) -> list[int]:
    axes = zip(window.source, window.target, window.stride, _spans(window), window.begin, window.end, strict=True)
    found = [target - (s * (n - 1) + span - b - e) for n, target, s, span, b, e in axes]
    if min(found) < 0:
        raise CannotWrite(f"found {window}, which no transposed convolution of ONNX has")
    return found


def pool(writer: Writer, node: AveragePool | MaxPool) -> None:
    """The pool over the whole grid by its own operator."""
    window, average = node.window, node if isinstance(node, AveragePool) else None
    source = writer.source(node.source)
    if window.transposed:
        raise CannotWrite("found a transposed window, which no pool of ONNX has")
    kernel = writer.dtype != "float64"  # which runtimes have for the pools of windows only
    if window == whole(window.source) and (not average.padding if average else kernel):
        writer.node("GlobalAveragePool" if average else "GlobalMaxPool", [source], node.target)
        return
    attributes, dilated = _attributes(window), set(window.dilation) != {1}
    opset = (19 if average else 10) if dilated else 0
    if _rounded_up(window):
        attributes["ceil_mode"], opset = 1, max(opset, 10)
    if average:
        source = source if any((*window.begin, *window.end)) else _apart(writer, average)
        attributes |= {"count_include_pad": 1} if average.padding else {}
    writer.node("AveragePool" if average else "MaxPool", [source], node.target, opset=opset, **attributes)


def _apart(writer: Writer, node: Conv | AveragePool) -> str:
    """The source; of a Pad, by another name, as readers take zeros below a window for padding of that one."""
    source = writer.source(node.source)
    if not isinstance(writer.network.producer.get(node.source), Pad):
        return source
    name = writer.name(f"{source}_padded")
    writer.node("Identity", [source], name)
    return name


def _rounded_up(window: Window) -> bool:
    if not window.is_sized:
        return False
    axes = zip(window.source, window.target, window.stride, _spans(window), window.begin, window.end, strict=True)
    return any(target > (b + n + e - span) // s + 1 for n, target, s, span, b, e in axes)


def pad(writer: Writer, node: Pad) -> None:
    window = node.window
    if window.target != tuple(b + n + e for b, n, e in zip(window.begin, window.source, window.end, strict=True)):
        raise CannotWrite(f"found {window}, expected zeros around the grid")
    amounts = (0, 0, *window.begin, 0, 0, *window.end)
    if writer.opset < _PADS_ARE_INPUTS:
        writer.node("Pad", [writer.source(node.source)], node.target, pads=amounts)
        return
    pads = writer.constant(f"{node.target}_pads", np.array(amounts, np.int64))
    writer.node("Pad", [writer.source(node.source), pads], node.target)


def add(writer: Writer, node: Add) -> None:
    """Add, Sub or Sum; other signs need negatives first."""
    names = [writer.source(name) for name in node.sources]
    if node.signs == (1, 1):
        writer.node("Add", names, node.target)
    elif node.signs == (1, -1):
        writer.node("Sub", names, node.target)
    else:
        for i, sign in enumerate(node.signs):
            if sign < 0:
                negative = writer.name(f"{node.target}_negative")
                writer.node("Neg", [names[i]], negative)
                names[i] = negative
        writer.node("Sum", names, node.target)


def select(writer: Writer, node: Select) -> None:
    """Concat, then Gather where that is not yet it; along the channel axis, or of vectors."""
    views = [writer.view(name) for name in node.sources]
    if node.channel is not None and {view.channel for view in views} != {node.channel}:
        raise CannotWrite(f"found channel axes {views}, expected that of the target, {node.channel}")
    if node.open:
        axis = node.channel or 0
        _join(writer, node, [writer.source(name) for name in node.sources], views, node.target, axis)
        return
    if node.channel is None and all(len(view.shape) == 1 for view in views) and len(node.shape) == 1:
        _join(writer, node, [writer.source(name) for name in node.sources], views, node.target, 0)
    elif node.channel is not None:
        _join(writer, node, [writer.source(name) for name in node.sources], views, node.target, node.channel)
    else:
        flat = node.target if len(node.shape) == 1 else writer.name(f"{node.target}_flat")
        _join(writer, node, [writer.flat(name) for name in node.sources], views, flat, 0)
        if flat != node.target:
            writer.reshape(flat, node.target, node.shape, writer.batched(node.sources[0]))


def _join(writer: Writer, node: Select, names: list[str], views: Sequence[View], target: str, axis: int) -> None:
    starts = [sum(view.units for view in views[:i]) for i in range(len(views))]
    units = [starts[i] + u for i, u in node.picks]
    axis += writer.batched(node.sources[0])
    everything = units == list(range(sum(view.units for view in views)))
    (joined,) = names if len(names) == 1 else ("",)
    if not joined:
        joined = target if everything else writer.name(f"{node.target}_joined")
        writer.node("Concat", names, joined, axis=axis)
    if joined != target:
        indices = writer.constant(f"{node.target}_units", np.array(units, np.int64))
        writer.node("Gather", [joined, indices], target, axis=axis)
