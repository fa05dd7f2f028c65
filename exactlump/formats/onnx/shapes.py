# SPDX-License-Identifier: Apache-2.0
"""This file is about the element types of what opaque operators make, and about vectors of sizes.

Only what follows from the operator's definition for every input is said; the rest is unknown.  Vectors of sizes are
what files make of shapes in order to reshape.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from onnx import TensorProto

from exactlump.formats.onnx.graph import Reader
from exactlump.formats.onnx.operators import Operator
from exactlump.formats.onnx.partial_shapes import Inputs, sizes_of
from exactlump.formats.onnx.tensors import Constant
from exactlump.network.sizes import Sizes

_TRUTHS = {"And", "Or", "Xor", "Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Not", "IsNaN", "IsInf"}
# Whose first output has another element type than the first input: which; 0: not told by the inputs.
_OTHER: Mapping[str, int] = {
    "NonMaxSuppression": int(TensorProto.INT64),
    "DynamicQuantizeLinear": int(TensorProto.UINT8),
    **dict.fromkeys(("MatMulInteger", "ConvInteger"), int(TensorProto.INT32)),
    **dict.fromkeys(
        [
            "BitCast",
            "BlackmanWindow",
            "CastLike",
            "ConcatFromSequence",
            "EyeLike",
            "HammingWindow",
            "HannWindow",
            "If",
            "ImageDecoder",
            "Loop",
            "MelWeightMatrix",
            "OneHot",
            "Optional",
            "OptionalGetElement",
            "OptionalHasElement",
            "QLinearConv",
            "QLinearMatMul",
            "RegexFullMatch",
            "Scan",
            "SequenceAt",
            "SequenceConstruct",
            "SequenceEmpty",
            "SequenceErase",
            "SequenceInsert",
            "SequenceLength",
            "SequenceMap",
            "SplitToSequence",
            "StringSplit",
            "TfIdfVectorizer",
        ],
        0,
    ),
}


# Operators of classical models that make floats of whatever there is.
CLASSICAL = frozenset({"Scaler", "Normalizer", "OneHotEncoder"})


def kind_of(op: Operator, found: Inputs, output: int = 0) -> int:
    """The element type of an output; 0: unknown."""
    if output:
        if op.kind == "DynamicQuantizeLinear":
            return int(TensorProto.FLOAT if output == 1 else TensorProto.UINT8)
        if op.kind in ("TopK", "MaxPool"):
            return int(TensorProto.INT64)
        return found[0].kind if op.kind in ("Split", "LSTM", "GRU", "RNN") and found and found[0] is not None else 0
    if op.kind in CLASSICAL:
        return int(TensorProto.FLOAT)
    if op.kind in _TRUTHS:
        return int(TensorProto.BOOL)
    if op.kind in ("Shape", "Size", "ArgMax", "ArgMin", "NonZero"):
        return int(TensorProto.INT64)
    if op.kind in _OTHER:
        return _OTHER[op.kind]
    if op.kind == "Cast":
        return int(op.attributes.get("to", 0)) if not isinstance(op.attributes.get("to", 0), bytes) else 0
    if op.kind == "QuantizeLinear":
        given = found[2] if len(found) > 2 else None
        return given.kind if given is not None else int(op.attributes.get("output_dtype", 0) or TensorProto.UINT8)
    if op.kind in ("MatMul", "Gemm", "Conv", "Add", "Sub", "Mul", "Div"):
        return next((entry.kind for entry in found if entry is not None and entry.kind), 0)
    place = 1 if op.kind in ("DequantizeLinear", "Where") else 0
    first = found[place] if len(found) > place else None
    return first.kind if first is not None else 0


# Vectors of sizes.


def is_number(reader: Reader, op: Operator) -> bool:
    """Read a part of a vector of sizes that has no unknown ones: whether it is such."""
    make = _VECTORS.get(op.kind)
    if make is None or reader.vectors.keys().isdisjoint(op.inputs) or op.kind not in _RANKS:
        return False
    found = make(reader, op)
    if found is None or not all(isinstance(n, int) for n in found):
        return False
    array = np.array(found, np.int64)
    indices = reader.lookup(op.input(1)) if op.kind == "Gather" else None
    if op.kind == "Squeeze" or (isinstance(indices, Constant) and not indices.array.ndim):
        if array.size != 1:
            return False
        array = array.reshape(())
    reader.fold(op.target, Constant(array, int(TensorProto.INT64)))
    return True


def follow(reader: Reader, op: Operator) -> None:
    """Note what is known of the values of a vector of sizes that a node has just defined."""
    make = _VECTORS.get(op.kind)
    if make is None or not op.outputs or not op.outputs[0]:
        return
    found = make(reader, op)
    if found is not None and not all(isinstance(n, int) for n in found):
        reader.vectors[op.target] = found


def _values(reader: Reader, name: str) -> Sizes | None:
    """The sizes in a vector, or in a number."""
    if name in reader.vectors:
        return reader.vectors[name]
    found = reader.lookup(name)
    integers = isinstance(found, Constant) and found.kind in (TensorProto.INT64, TensorProto.INT32)
    if not isinstance(found, Constant) or not integers or found.array.ndim > 1:
        return None
    return tuple(int(n) for n in found.array.reshape(-1).tolist())


def _of_shape(reader: Reader, op: Operator) -> Sizes | None:
    found = reader.lookup(op.input(0))
    sizes = sizes_of(found)
    if sizes is None or isinstance(found, Constant):
        return None
    return sizes[op.attributes.get("start", 0) : op.attributes.get("end", len(sizes))]


def _of_gather(reader: Reader, op: Operator) -> Sizes | None:
    known, indices = reader.vectors.get(op.input(0)), reader.lookup(op.input(1))
    if known is None or not isinstance(indices, Constant) or indices.array.ndim > 1:
        return None
    places = [int(i) for i in indices.array.reshape(-1).tolist()]
    return tuple(known[i] for i in places) if all(-len(known) <= i < len(known) for i in places) else None


def _of_slice(reader: Reader, op: Operator) -> Sizes | None:
    known = reader.vectors.get(op.input(0))
    if known is None or reader.opset < 10:
        return None
    fields = [_values(reader, name) if name else None for name in op.inputs[1:]]
    starts, ends, axes, steps = [*fields, *[None] * (4 - len(fields))][:4]
    if not starts or not ends or len(starts) != 1 or axes not in (None, (0,), (-1,)) or steps not in (None, (1,)):
        return None
    if not isinstance(starts[0], int) or not isinstance(ends[0], int):
        return None
    return known[starts[0] : ends[0]]


def _of_concat(reader: Reader, op: Operator) -> Sizes | None:
    found = [_values(reader, name) for name in op.inputs]
    return None if any(part is None for part in found) else tuple(n for part in found for n in part or ())


def _same(reader: Reader, op: Operator) -> Sizes | None:
    return reader.vectors.get(op.input(0))


# Those that take parts of vectors.
_RANKS = ("Gather", "Slice", "Squeeze")
_VECTORS: Mapping[str, Any] = {
    "Shape": _of_shape,
    "Gather": _of_gather,
    "Slice": _of_slice,
    "Concat": _of_concat,
    "Squeeze": _same,
    "Unsqueeze": _same,
    "Cast": _same,
    "Identity": _same,
    "Reshape": _same,
}
