# SPDX-License-Identifier: Apache-2.0
"""This file is about shapes of inputs that people state (`stating.py`), put into a model that leaves sizes free."""

from collections.abc import Iterator

from onnx import ModelProto, TensorShapeProto, ValueInfoProto

from exactlump.errors import ShapeError
from exactlump.formats.files import about
from exactlump.formats.stating import Stated


def state(model: ModelProto, shapes: Stated) -> None:
    """Put stated shapes into a model: where they name a symbol's size, wherever the symbol stands.

    Inputs that the model does not have are left out.  Raises ShapeError for shapes that do not fit what it declares.
    """
    symbols: dict[str, int] = {}
    inputs = [value for value in model.graph.input if value.name in shapes]
    for value in inputs:
        with about(f"input {value.name!r}"):
            dims = value.type.tensor_type.shape.dim
            if len(dims) != len(shapes[value.name]):
                raise ShapeError(f"found {len(dims)} axes, {len(shapes[value.name])} were stated")
            for dim, size in zip(dims, shapes[value.name], strict=True):
                if size is not None:
                    _fix(dim, size, symbols)
    for value in (*model.graph.input, *model.graph.value_info, *model.graph.output):
        for dim in _dims(value):
            if dim.dim_param in symbols and not dim.HasField("dim_value"):
                dim.dim_value = symbols[dim.dim_param]


def _dims(value: ValueInfoProto) -> Iterator[TensorShapeProto.Dimension]:
    if value.type.HasField("tensor_type"):
        yield from value.type.tensor_type.shape.dim


def _fix(dim: TensorShapeProto.Dimension, size: int, symbols: dict[str, int]) -> None:
    if dim.HasField("dim_value") and dim.dim_value not in (-1, size):
        raise ShapeError(f"found the size {dim.dim_value}, {size} was stated")
    if dim.dim_param and symbols.setdefault(dim.dim_param, size) != size:
        raise ShapeError(f"found two stated sizes of {dim.dim_param!r}, {symbols[dim.dim_param]} and {size}")
    dim.dim_value = size
