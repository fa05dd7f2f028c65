# SPDX-License-Identifier: Apache-2.0
"""This file is about sparse constants of ONNX files: each is read as the dense tensor that it stands for.

They are initialisers, or values of Constant nodes.  ONNX (onnx.proto, message SparseTensorProto) keeps the values that
are not zero, and where they are: by their places in row-major order, or by one index for each axis.  Both ascend.
"""

import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from onnx import GraphProto, SparseTensorProto, TensorProto, helper

from exactlump.errors import FormatError, UnsupportedLayer
from exactlump.formats.files import about
from exactlump.formats.onnx.tensors import MOST_AXES, stored, type_name

_STANDARD = ("", "ai.onnx")
# Elements of all dense tensors that the sparse ones of a file stand for: a small file cannot ask for all memory.
MOST_ELEMENTS = 1 << 24


def made_dense(graph: GraphProto) -> None:
    """Put dense constants in the place of the sparse ones of a graph, which is changed.

    Raises FormatError where indices do not ascend, or do not fit; UnsupportedLayer for data beside the model, and for
    more elements than are read.
    """
    left = MOST_ELEMENTS
    for sparse in graph.sparse_initializer:
        with about(f"tensor {sparse.values.name!r}"):
            made = _dense(sparse, left)
        left -= math.prod(made.dims)
        graph.initializer.append(made)
    del graph.sparse_initializer[:]
    for node in graph.node:
        if (
            node.op_type == "Constant"
            and node.domain in _STANDARD
            and [a.name for a in node.attribute] == ["sparse_value"]
        ):
            with about(f"tensor {node.output[0] if node.output else ''!r}"):
                made = _dense(node.attribute[0].sparse_tensor, left)
            left -= math.prod(made.dims)
            node.attribute[0].CopyFrom(helper.make_attribute("value", made))


def _dense(sparse: SparseTensorProto, most: int) -> TensorProto:
    values, indices, dims = sparse.values, sparse.indices, tuple(sparse.dims)
    if TensorProto.EXTERNAL in (values.data_location, indices.data_location):
        raise UnsupportedLayer("found a sparse tensor with external data")
    if indices.data_type != TensorProto.INT64:
        raise UnsupportedLayer(f"indices: found {type_name(indices.data_type)}, expected INT64")
    if not 0 < len(dims) <= MOST_AXES or min(dims) < 1:
        raise FormatError(f"found the dimensions {list(dims)} of a sparse tensor, expected positive ones")
    if math.prod(dims) > most:
        raise UnsupportedLayer(f"found {math.prod(dims)} elements in a sparse tensor, expected at most {most}")
    found = stored(values, Path())
    if found.ndim != 1:
        raise FormatError(f"found values of the shape {list(found.shape)}, expected a vector")
    places = _places(stored(indices, Path()), len(found), dims)
    if len(places) and (places[0] < 0 or places[-1] >= math.prod(dims) or (places[1:] <= places[:-1]).any()):
        raise FormatError("indices: found some that do not ascend, or lie outside")
    dense = np.zeros(math.prod(dims), found.dtype)
    dense[places] = found
    return TensorProto(name=values.name, data_type=values.data_type, dims=dims, raw_data=dense.tobytes())


def _places(indices: NDArray[np.int64], count: int, dims: tuple[int, ...]) -> NDArray[np.int64]:
    """The place of each value in row-major order."""
    if indices.shape == (count,):
        return indices
    if indices.shape != (count, len(dims)):
        raise FormatError(f"indices: found the shape {list(indices.shape)} for {count} values of {len(dims)} axes")
    if ((indices < 0) | (indices >= np.array(dims))).any():
        raise FormatError("indices: found some that do not ascend, or lie outside")
    steps = [math.prod(dims[axis + 1 :]) for axis in range(len(dims))]
    found: NDArray[np.int64] = indices @ np.array(steps, np.int64)
    return found
