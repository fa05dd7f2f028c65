# SPDX-License-Identifier: Apache-2.0
"""This file is about what a reader of ONNX graphs knows of a computed tensor: its shape, its units, its batch axis."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exactlump.errors import ShapeError, UnsupportedLayer
from exactlump.formats.onnx.operators import Operator
from exactlump.network.sizes import Size, Sizes, Unknown, symbol, text
from exactlump.network.views import Batch, Shape, View


@dataclass(frozen=True, slots=True)
class Data:
    """A computed tensor: its shape and channel axis without the batch axis, the batch axis (see Port), ONNX's type.

    open   the shape has all axes, the batch among them, and perhaps unknown sizes (`views.py`)
    known  whether its shape is known at all
    """

    name: str
    shape: Shape
    batch: Batch
    kind: int
    channel: int | None = None
    open: bool = False
    known: bool = True

    @property
    def batched(self) -> bool:
        return self.batch is not None

    @property
    def rank(self) -> int:
        return len(self.shape) + self.batched

    @property
    def view(self) -> View:
        return View(self.shape, self.channel, self.open)

    @property
    def sizes(self) -> Sizes:
        """The sizes of all axes, the batch among them."""
        if not self.batched:
            return self.shape
        return (symbol(self.batch) if isinstance(self.batch, str) else self.batch, *self.shape)

    @property
    def axis(self) -> int | None:
        """The one of all axes that has the units; None: there is none, or there are several."""
        if self.channel is not None:
            return self.channel + self.batched
        return int(self.batched) if not self.open and len(self.shape) == 1 else None

    @property
    def whole(self) -> bool:
        """Whether it is one unit."""
        return self.open and self.channel is None

    @property
    def units(self) -> int:
        return self.view.units


def result(op: Operator, source: Data, shape: Shape, channel: int | None = None) -> Data:
    """The tensor that an operator defines: of that shape and channel axis, the rest as in its source."""
    if source.open:
        return settled_on(op.target, (source.shape[0], *shape), 1, source.kind)
    return Data(op.target, shape, source.batch, source.kind, channel)


def same(op: Operator, source: Data) -> Data:
    """The tensor that an operator defines which acts unit by unit."""
    return replace(source, name=op.target)


def settled_on(name: str, sizes: Sizes, axis: int | None, kind: int) -> Data:
    """The tensor of these sizes, units along an axis: open where they are not known, or the batch lies elsewhere."""
    if axis == 0 and len(sizes) == 1:  # a vector
        return Data(name, sizes, None, kind)
    if axis == 0 and all(isinstance(n, int) for n in sizes):  # images without a batch
        return Data(name, sizes, None, kind, 0)
    if axis is None or axis < 1 or not all(isinstance(n, int) for n in sizes[1:]):
        return Data(name, sizes, None, kind, axis, open=True)
    return Data(name, sizes[1:], batch_of(sizes[0]), kind, axis - 1 if len(sizes) > 2 else None)


def batch_of(size: Size) -> Batch:
    """A size as a batch axis."""
    lone = isinstance(size, Unknown) and size.factor == 1 and len(size.names) == 1
    return size.names[0] if isinstance(size, Unknown) and lone else size


def spread(array: NDArray[Any], data: Data) -> NDArray[Any]:
    """A constant broadcast over the elements of a computed tensor, as NumPy and ONNX since opset 7 do it.

    Raises UnsupportedLayer where the result would be larger than the tensor, or differ along the batch axis.
    """
    if array.ndim > data.rank:
        raise UnsupportedLayer(f"found a constant of shape {list(array.shape)}: it adds axes")
    if data.batched and array.ndim == data.rank:
        if array.shape[0] != 1:
            raise batch_error()
        array = array[0]
    try:
        common = np.broadcast_shapes(array.shape, data.shape)
    except ValueError as error:
        raise ShapeError(f"found a constant of shape {list(array.shape)} for {list(data.shape)}") from error
    if common != data.shape:
        raise UnsupportedLayer(f"found a constant of shape {list(array.shape)}: it repeats a computed tensor")
    return np.broadcast_to(array, data.shape)


def batch_error() -> UnsupportedLayer:
    return UnsupportedLayer("acts on the batch axis")


def in_words(data: Data) -> str:
    """A tensor's shape, for people."""
    return f"the shape {text(data.sizes)}" if data.known else "an unknown shape"
